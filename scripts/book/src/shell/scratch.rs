//! Where the commands are typed, and what stands there for the places that a page leaves to its reader.
//!
//! | on a page | |
//! |---|---|
//! | `~/…`, `/tmp/…` | `home/…`, `tmp/…` |
//! | `start 2 DIR`, `--project DIR` | `home/project` |
//! | any other `DIR`; `COPY`; `…` | a database of the milestone that is meant, with a table in it |
//! | `PROGRAM`, `/path/to/program` | the program of that milestone |
//! | `inoxdb`, `target/debug/…` | the debug build |
//! | `cargo run -p m1-storage --` | the debug build of that milestone, as the workspace's tests made it |
//! | `cargo test -p inox-tests --test` | the same test, as the workspace has it |
//! | `FILE`, `script.sql`; `SELECT …` | a file with `SELECT 1;`; `SELECT 1` |
//! | `strace` | nothing, where it cannot be had |
//!
//! The milestone that is meant stands in the command (`-p m1-storage`, `check 2`, `INOX_STAGE=m2`), or is the last.
//! The place lies below the repository, in `target`, so that cargo finds there what it finds in the repository. A package
//! alone would be built once more there, with fewer features of what it depends on: minutes, to learn nothing.

use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use regex::{Captures, Regex};

use crate::stages::{Stage, Stages};

/// The program of the last milestone.
const INOXDB: &str = "inoxdb";

/// Long enough for a project to be built with all that it depends on.
const PATIENCE: Duration = Duration::from_secs(300);

pub struct Scratch {
    /// Where a command is typed.
    here: PathBuf,
    programs: PathBuf,
    stages: Stages,
    can_strace: bool,
}

impl Scratch {
    pub fn new(root: &Path) -> Result<Scratch> {
        Scratch::new_in(root, "shell")
    }

    /// An empty place below `target`. What projects were built from outside is kept from the last time.
    pub fn new_in(root: &Path, name: &str) -> Result<Scratch> {
        let place = root.join("target").join(name);
        for folder in ["here", "home", "tmp"] {
            let folder = place.join(folder);
            if folder.exists() {
                fs::remove_dir_all(&folder).with_context(|| folder.display().to_string())?;
            }
            fs::create_dir_all(&folder).with_context(|| folder.display().to_string())?;
        }
        fs::create_dir_all(place.join("home/.cargo"))?;
        fs::write(place.join("home/.cargo/config.toml"), "[build]\ntarget-dir = \"../built\"\n")?;
        let here = place.join("here");
        fs::write(here.join("script.sql"), "SELECT 1;\n")?;
        let can_strace = Command::new("strace").args(["-qq", "-o", "/dev/null", "true"]).output();
        let can_strace = can_strace.is_ok_and(|output| output.status.success());
        Ok(Scratch { here, programs: super::programs(root), stages: Stages::read(root)?, can_strace })
    }

    /// Types a command; it must end with this status.
    pub fn run(&self, command: &str, status: i32) -> Result<()> {
        let said = self.here.join("../said");
        let output = File::create(&said).with_context(|| said.display().to_string())?;
        let mut shell = Command::new("bash");
        shell.args(["-o", "pipefail", "-c", &self.filled(command)?]).current_dir(&self.here);
        shell.env("PATH", self.path()?).env("INSTA_UPDATE", "no");
        shell.stdin(Stdio::null()).stdout(output.try_clone()?).stderr(output);
        #[cfg(unix)]
        std::os::unix::process::CommandExt::process_group(&mut shell, 0);
        let ended = wait(shell.spawn().context("cannot run bash")?)?;
        if ended.code() != Some(status) {
            let said = fs::read(&said).with_context(|| said.display().to_string())?;
            bail!("{} instead of {status}: {}", as_said(ended), telling(&String::from_utf8_lossy(&said)));
        }
        Ok(())
    }

    /// The programs that are found by their names: ours before all others.
    fn path(&self) -> Result<std::ffi::OsString> {
        let others = std::env::var_os("PATH").unwrap_or_default();
        let all = [self.programs.clone()].into_iter().chain(std::env::split_paths(&others));
        std::env::join_paths(all).context("PATH")
    }

    /// The command with everything filled in.
    fn filled(&self, command: &str) -> Result<String> {
        let meant = Regex::new(r"\bm(\d)(?:-| |$)|\bcheck (\d)\b")?;
        let number = meant.captures(command).and_then(|found| found.iter().skip(1).flatten().next());
        let stage = match number {
            Some(number) => self.stages.find(&format!("m{}", number.as_str()))?,
            None => self.stages.all().last().context("there are no milestones")?,
        };
        let project = Regex::new(r"(--project|\bstart \d) DIR\b")?.replace_all(command, "$1 ../home/project");
        let text =
            project.replace("~/", "../home/").replace("/tmp/", "../tmp/").replace("SELECT …", "SELECT 1");
        let text = if self.can_strace {
            text
        } else {
            Regex::new(r"strace .*? (target/)")?.replace(&text, "$1").into()
        };
        let text = text.replace("cargo test -p inox-tests --test", "cargo test --workspace --test");
        let built = Regex::new(r"target/debug/(\S+)")?
            .replace_all(&text, |found: &Captures| quoted(&self.programs.join(&found[1])));
        let text = Regex::new(r"\bPROGRAM\b|/path/to/program|\bcargo run -p m\d-\S+( --)?")?
            .replace_all(&built, |_: &Captures| quoted(&self.program(stage)));
        let text = text.replace("FILE", "script.sql");
        let database = Regex::new(r"\b(DIR|COPY)\b|…")?;
        if !database.is_match(&text) {
            return Ok(text);
        }
        Ok(database.replace_all(&text, self.database(stage)?).into_owned())
    }

    /// A database of a milestone, made when it is first asked for.
    fn database(&self, stage: &Stage) -> Result<String> {
        let name = format!("database-m{}", stage.number);
        if !self.here.join(&name).exists() {
            let create =
                if self.is_last(stage) { "CREATE TABLE t (a integer);\n" } else { "create t (a integer)\n" };
            let mut program = Command::new(self.program(stage));
            program.arg(&name).current_dir(&self.here);
            program.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
            let mut program = program.spawn().with_context(|| self.program(stage).display().to_string())?;
            program.stdin.take().context("it has no input")?.write_all(create.as_bytes())?;
            ensure!(program.wait()?.success(), "{} cannot make a database", stage.name);
        }
        Ok(name)
    }

    fn program(&self, stage: &Stage) -> PathBuf {
        self.programs.join(if self.is_last(stage) { INOXDB } else { &stage.name })
    }

    fn is_last(&self, stage: &Stage) -> bool {
        self.stages.all().last().is_some_and(|last| last.number == stage.number)
    }
}

/// A path as one word of a shell's.
fn quoted(path: &Path) -> String {
    format!("'{}'", path.display().to_string().replace('\'', r"'\''"))
}

/// Waits for the end of a command, which comes by force if it takes too long.
fn wait(mut shell: Child) -> Result<ExitStatus> {
    let started = Instant::now();
    loop {
        if let Some(ended) = shell.try_wait()? {
            return Ok(ended);
        }
        if started.elapsed() > PATIENCE {
            // Of its group, all that it has started.
            let group = format!("-{}", shell.id());
            Command::new("kill").args(["-KILL", "--", &group]).status().context("kill")?;
            shell.wait()?;
            bail!("does not end within {} s", PATIENCE.as_secs());
        }
        thread::sleep(Duration::from_millis(5));
    }
}

fn as_said(ended: ExitStatus) -> String {
    ended.code().map_or_else(|| ended.to_string(), |code| format!("exit status {code}"))
}

/// The line of an output that tells what went wrong: the first that calls itself an error, or the last.
fn telling(said: &str) -> &str {
    let mut lines = said.lines().map(str::trim).filter(|line| !line.is_empty());
    let is_error = |line: &&str| line.to_lowercase().starts_with("error");
    lines.clone().find(is_error).or(lines.next_back()).unwrap_or("without a word")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scratch(name: &str) -> Scratch {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap();
        let mut scratch = Scratch::new_in(root, name).unwrap();
        scratch.programs = "/p q".into();
        for number in 1..=5 {
            fs::create_dir(scratch.here.join(format!("database-m{number}"))).unwrap();
        }
        scratch
    }

    #[test]
    fn places_that_a_page_leaves_open_are_filled_in() {
        let mut scratch = scratch("shell-places");
        scratch.can_strace = false;
        let cases = [
            ("cargo x start 2 DIR", "cargo x start 2 ../home/project"),
            ("cargo x solution 2 a.rs --project DIR", "cargo x solution 2 a.rs --project ../home/project"),
            ("cargo x check 2 --project ~/mine", "cargo x check 2 --project ../home/mine"),
            ("cargo x check 2 --bin PROGRAM", "cargo x check 2 --bin '/p q/m2-wal'"),
            ("INOX_BIN=/path/to/program INOX_STAGE=m3 x", "INOX_BIN='/p q/m3-buffer-pool' INOX_STAGE=m3 x"),
            ("cargo run -p m1-storage -- check COPY", "'/p q/m1-storage' check database-m1"),
            ("timeout 1 cargo run -p m5-sql", "timeout 1 '/p q/inoxdb'"),
            ("cargo test -p inox-tests --test sessions", "cargo test --workspace --test sessions"),
            ("cargo run --release -- check DIR", "cargo run --release -- check database-m5"),
            ("inoxdb -f FILE DIR", "inoxdb -f script.sql database-m5"),
            ("inoxdb -c \"SELECT …\" … | head", "inoxdb -c \"SELECT 1\" database-m5 | head"),
            ("strace -f -c target/debug/m2-wal /tmp/a < /tmp/b", "'/p q/m2-wal' ../tmp/a < ../tmp/b"),
        ];
        for (shown, filled) in cases {
            assert_eq!(scratch.filled(shown).unwrap(), filled);
        }
    }

    #[test]
    fn a_command_has_to_end_as_expected_and_says_why_it_did_not() {
        let scratch = scratch("shell-ends");
        scratch.run("exit 3", 3).unwrap();
        scratch.run("cat | wc -c", 0).unwrap();
        let said = |command| scratch.run(command, 0).unwrap_err().to_string();
        assert_eq!(said("echo; echo one; exit 1"), "exit status 1 instead of 0: one");
        assert_eq!(said("echo ERROR: two >&2; echo three; false"), "exit status 1 instead of 0: ERROR: two");
        assert_eq!(said("false | true"), "exit status 1 instead of 0: without a word");
    }
}
