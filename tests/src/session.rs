//! A session: what a reader types, as a file, and the transcript a program makes of it.
//!
//! A line that starts with `#` is for the tests and never typed: `# …` is a remark, `#! …` one of the
//! directives in [`Step`] or, about the session as a whole, `#! through STAGE`, `#! differs STAGE: WHY` and
//! `#! chapter FILE`.
//! All else is typed as it is.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use regex::{Captures, Regex};

use crate::process::Process;
use crate::stages;

/// The last stage whose program is driven by small commands; the stages after it speak SQL.
pub const LAST_WITH_SMALL_COMMANDS: u32 = 4;

/// The folder that a session's program is given, inside a fresh temporary one.
const DATA: &str = "data";

/// A line no one types. A program that echoes it has answered everything before it.
const MARK: &str = "  \t  \t  ";

#[derive(Debug, PartialEq, Eq)]
pub enum Step {
    /// Lines that are typed.
    Type(String),
    /// `#! restart`: ends the program with the end of its input, and starts it again on the same directory.
    Restart,
    /// `#! kill`: lets the program answer what it was given, kills it with `kill -9`, and starts it again.
    Kill,
    /// `#! args …`: arguments for the program from its next start on; before anything is typed, for the first
    /// start.
    Arguments(Vec<String>),
    /// `#! copy FILE`: puts a file that lies beside the session into the folder where the program runs.
    Copy(String),
}

/// One session file.
#[derive(Debug)]
pub struct Session {
    /// The stage it was written for.
    pub stage: u32,
    /// Its path below the sessions' folder without the extension, such as `m1-storage/insert`.
    pub name: String,
    folder: PathBuf,
    steps: Vec<Step>,
    /// The last stage it is played on.
    through: u32,
    /// Stages from which on the transcript legitimately differs from the stage before, and why.
    differs: BTreeMap<u32, String>,
    /// The chapter that explains it, if that is not the first one that shows it: a file in `book/src`.
    pub chapter: Option<String>,
}

impl Session {
    /// Every `*.session` in the folders `m<number>-<idea>` below `folder`, in order.
    pub fn read_all(folder: &Path) -> Result<Vec<Session>> {
        let mut sessions = Vec::new();
        for (stage, dir) in stages::numbered(folder)? {
            for entry in fs::read_dir(&dir)? {
                let path = entry?.path();
                if path.extension().is_some_and(|extension| extension == "session") {
                    let text = fs::read_to_string(&path)?;
                    let session = Session::parse(stage, &path, &text);
                    sessions.push(session.with_context(|| format!("{}", path.display()))?);
                }
            }
        }
        sessions.sort_by(|a, b| (a.stage, &a.name).cmp(&(b.stage, &b.name)));
        Ok(sessions)
    }

    pub fn parse(stage: u32, path: &Path, text: &str) -> Result<Session> {
        let folder = path.parent().context("a session lies in a folder")?;
        let part = |part: Option<&std::ffi::OsStr>| part.unwrap_or_default().to_string_lossy().into_owned();
        let through = if stage <= LAST_WITH_SMALL_COMMANDS { LAST_WITH_SMALL_COMMANDS } else { u32::MAX };
        let mut session = Session {
            stage,
            name: format!("{}/{}", part(folder.file_name()), part(path.file_stem())),
            folder: folder.to_path_buf(),
            steps: Vec::new(),
            through,
            differs: BTreeMap::new(),
            chapter: None,
        };
        for (number, line) in text.lines().enumerate() {
            if let Some(directive) = line.strip_prefix("#!") {
                session.direct(directive.trim()).with_context(|| format!("line {}: {line}", number + 1))?;
            } else if !line.starts_with('#') {
                session.typed(line);
            }
        }
        for &stage in session.differs.keys() {
            if stage <= session.stage || !session.speaks_to(stage) {
                bail!("it is said to differ at m{stage}, but is not inherited there");
            }
        }
        Ok(session)
    }

    fn direct(&mut self, directive: &str) -> Result<()> {
        let (word, rest) = directive.split_once(' ').unwrap_or((directive, ""));
        let rest = rest.trim();
        match word {
            "restart" => self.steps.push(Step::Restart),
            "kill" => self.steps.push(Step::Kill),
            "args" => {
                self.steps.push(Step::Arguments(rest.split_whitespace().map(str::to_owned).collect()));
            }
            "copy" => self.steps.push(Step::Copy(rest.to_owned())),
            "through" => self.through = stages::number(rest)?,
            "chapter" => self.chapter = Some(rest.to_owned()),
            "differs" => match rest.split_once(':') {
                Some((stage, why)) if !why.trim().is_empty() => {
                    self.differs.insert(stages::number(stage)?, why.trim().to_owned());
                }
                _ => bail!("say which stage differs and why: `#! differs m3: WHY`"),
            },
            _ => bail!("there are restart, kill, args, copy, through, differs and chapter, and nothing else"),
        }
        Ok(())
    }

    fn typed(&mut self, line: &str) {
        if let Some(Step::Type(text)) = self.steps.last_mut() {
            text.push_str(&format!("{line}\n"));
        } else {
            self.steps.push(Step::Type(format!("{line}\n")));
        }
    }

    pub fn steps(&self) -> &[Step] {
        &self.steps
    }

    /// Whether a stage's program understands this session.
    pub fn speaks_to(&self, stage: u32) -> bool {
        (self.stage..=self.through).contains(&stage)
    }

    /// The stage whose snapshot tells what `stage` must answer: this session's own, or the last one said to
    /// differ.
    pub fn told_by(&self, stage: u32) -> u32 {
        self.differs.range(..=stage).next_back().map_or(self.stage, |(differing, _)| *differing)
    }

    /// Why `stage` is told by another stage's snapshot than the session's own, if it is.
    pub fn why_it_differs(&self, stage: u32) -> Option<&str> {
        self.differs.get(&self.told_by(stage)).map(String::as_str)
    }

    /// Plays the session to a program in a fresh folder.
    pub fn play(&self, program: &Path, patience: Duration) -> Result<String> {
        let folder = tempfile::tempdir().context("cannot make a temporary folder")?;
        let mut player = Player {
            program,
            folder: folder.path(),
            arguments: Vec::new(),
            process: None,
            patience,
            transcript: String::new(),
        };
        for step in &self.steps {
            player.step(step, &self.folder)?;
        }
        player.process()?;
        player.end(Process::finish)?;
        Ok(normalised(&player.transcript, folder.path()))
    }
}

/// A session being played.
struct Player<'a> {
    program: &'a Path,
    folder: &'a Path,
    arguments: Vec<String>,
    process: Option<Process>,
    patience: Duration,
    transcript: String,
}

impl Player<'_> {
    fn step(&mut self, step: &Step, beside: &Path) -> Result<()> {
        match step {
            Step::Type(text) => {
                self.process()?.send(text.as_str());
            }
            Step::Restart => {
                self.process()?;
                self.end(Process::finish)?;
                self.process()?;
            }
            Step::Kill => {
                let process = self.process()?;
                process.send(format!("{MARK}\n"));
                process.wait_until(|said| said.windows(MARK.len()).any(|part| part == MARK.as_bytes()))?;
                self.end(Process::kill)?;
                self.process()?;
            }
            Step::Arguments(arguments) => self.arguments.clone_from(arguments),
            Step::Copy(file) => {
                let copied = fs::copy(beside.join(file), self.folder.join(file));
                copied.with_context(|| format!("cannot copy {file}"))?;
            }
        }
        Ok(())
    }

    /// The running program, started if it is not.
    fn process(&mut self) -> Result<&Process> {
        if self.process.is_none() {
            if !self.transcript.is_empty() {
                self.transcript.push_str("[started again]\n");
            }
            let mut arguments = vec![OsString::from("--echo-all")];
            arguments.extend(self.arguments.iter().map(OsString::from));
            arguments.push(DATA.into());
            self.process = Some(Process::start(self.program, &arguments, self.folder, self.patience)?);
        }
        self.process.as_ref().context("the program does not run")
    }

    /// Ends the program and writes down what it said.
    fn end(&mut self, how: fn(Process) -> Result<(String, crate::process::Ending)>) -> Result<()> {
        if let Some(process) = self.process.take() {
            let (said, ending) = how(process)?;
            for line in said.lines().filter(|line| *line != MARK) {
                self.transcript.push_str(&format!("{}\n", line.trim_end()));
            }
            self.transcript.push_str(&format!("[{ending}]\n"));
        }
        Ok(())
    }
}

/// Takes out what is different each time: the temporary folder, and what [`without_chance`] does.
fn normalised(transcript: &str, folder: &Path) -> String {
    let mut text = transcript.to_owned();
    for path in [folder.canonicalize().ok(), Some(folder.to_path_buf())].into_iter().flatten() {
        text = text.replace(&*path.to_string_lossy(), "DIR");
    }
    without_chance(&text)
}

/// How long things took is different each time, and so are the checksums of pages: the database's random identifier is in
/// them. A page that was never written has none, only zeros, and they stay.
pub fn without_chance(text: &str) -> String {
    let times = Regex::new(r"(?m)^Time: [0-9.]+ ?ms");
    let checksums =
        Regex::new(r"(?m)^(│ 8 +│ )[0-9a-f]{2}(?: [0-9a-f]{2}){3}( +│ checksum +│ )([0-9a-f]{8})");
    let (Ok(times), Ok(checksums)) = (times, checksums) else { return text.to_owned() };
    let text = times.replace_all(text, "Time: #ms");
    let mask = |found: &Captures| match &found[3] {
        "00000000" => found[0].to_owned(),
        _ => format!("{}## ## ## ##{}########", &found[1], &found[2]),
    };
    checksums.replace_all(&text, mask).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Session> {
        Session::parse(1, Path::new("sessions/m1-storage/x.session"), text)
    }

    #[test]
    fn remarks_are_not_typed_and_directives_come_in_order() {
        let session = parse("# about\n#! args --simulate\nput a\n\nget a\n#! kill\nget a\n").unwrap();
        assert_eq!(session.name, "m1-storage/x");
        let expected = [
            Step::Arguments(vec!["--simulate".into()]),
            Step::Type("put a\n\nget a\n".into()),
            Step::Kill,
            Step::Type("get a\n".into()),
        ];
        assert_eq!(session.steps, expected);
    }

    #[test]
    fn a_checksum_is_chance_and_zeros_are_not() {
        let row = |bytes: &str, number: &str| {
            format!("│ 8      │ {bytes}             │ checksum       │ {number} │")
        };
        assert_eq!(without_chance(&row("bc a8 2e 48", "482ea8bc")), row("## ## ## ##", "########"));
        let zeros = row("00 00 00 00", "00000000");
        assert_eq!(without_chance(&zeros), zeros);
    }

    #[test]
    fn small_commands_end_where_sql_begins() {
        let session = parse("x\n").unwrap();
        assert!(session.speaks_to(1) && session.speaks_to(4) && !session.speaks_to(5));
        let session = parse("#! through m2\nx\n").unwrap();
        assert!(session.speaks_to(2) && !session.speaks_to(3));
        let session = Session::parse(5, Path::new("m5-sql/x.session"), "x\n").unwrap();
        assert!(session.speaks_to(5) && session.speaks_to(6) && !session.speaks_to(4));
    }

    #[test]
    fn a_stage_answers_as_the_last_one_that_differs() {
        let session = parse("#! differs m3: why\nx\n").unwrap();
        assert_eq!([1, 2, 3, 4].map(|stage| session.told_by(stage)), [1, 1, 3, 3]);
        assert_eq!([2, 4].map(|stage| session.why_it_differs(stage)), [None, Some("why")]);
    }

    #[test]
    fn a_directive_that_says_nothing_is_an_error() {
        for text in ["#! fly\n", "#! differs m3\n", "#! differs m3: \n", "#! through here\n"] {
            let error = format!("{:#}", parse(text).unwrap_err());
            assert!(error.starts_with("line 1: #! "), "{error}");
        }
    }

    #[test]
    fn only_an_inherited_session_can_differ() {
        for text in ["#! differs m1: why\n", "#! differs m5: why\n", "#! through m2\n#! differs m3: why\n"] {
            assert!(parse(text).unwrap_err().to_string().contains("not inherited"), "{text}");
        }
    }

    #[test]
    fn folders_and_times_are_taken_out() {
        let text = "opened /tmp/x/data\nTime: 12ms\nTime: 0.5 ms\nlunch Time: 12ms\n";
        let expected = "opened DIR/data\nTime: #ms\nTime: #ms\nlunch Time: 12ms\n";
        assert_eq!(normalised(text, Path::new("/tmp/x")), expected);
    }
}
