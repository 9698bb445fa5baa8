//! What a REPL prints, whatever stands in names, values and options: nothing that commands a terminal, turns a text around
//! or cannot be seen.
//!
//! The commands themselves are written here, and bytes only choose among them and fill their gaps: none reads a file of the
//! machine, and none runs a program.

use std::cell::RefCell;
use std::io::{self, Cursor, Write};
use std::rc::Rc;
use std::sync::Arc;

use arbitrary::Unstructured;

use crate::sql::small_options;

/// Commands of one case.
const MAX_STEPS: usize = 24;

/// Pieces of what fills a gap; none has a backslash or a colon in it.
const PIECES: &[&[u8]] = &[
    b"a",
    b"B c",
    b"1",
    b"'",
    b"\"",
    b"(",
    b"\0",
    b"\x07",
    b"\x08",
    b"\t",
    b"\n",
    b"\r",
    b"\x1b[31m",
    b"\x1b]0;title\x07",
    b"\x7f",
    b"\x9b",
    b"\xff",
    b"\xe2\x80",
    "\u{85}".as_bytes(),
    "\u{9b}2J".as_bytes(),
    "\u{ad}".as_bytes(),
    "\u{61c}".as_bytes(),
    "\u{200b}".as_bytes(),
    "\u{200c}".as_bytes(),
    "\u{200d}".as_bytes(),
    "\u{200f}".as_bytes(),
    "\u{2028}".as_bytes(),
    "\u{202e}".as_bytes(),
    "\u{2060}".as_bytes(),
    "\u{2066}".as_bytes(),
    "\u{feff}".as_bytes(),
    "\u{e0041}".as_bytes(),
    "é日".as_bytes(),
    "👩\u{200d}🚀".as_bytes(),
];

/// Milestone 1's commands; `@` is a gap.
const COMMANDS: &[&str] = &[
    "create t (v text, n integer)",
    "create \"@\" (\"@\" text, n integer not null)",
    "create @ (v text)",
    "create t (v @)",
    "insert t ('@', 1)",
    "insert \"@\" ('@', null)",
    "insert t (@)",
    "insert t ('@', '@')",
    "scan t",
    "scan \"@\"",
    "get t @",
    "delete t (0,@)",
    "update t (0,1) ('@', 2)",
    "vacuum \"@\"",
    "tables",
    "sync @",
    "\\page t 0",
    "\\page \"@\" 0",
    "\\page @",
    "\\check",
    "\\check \"@\"",
    "\\set verbosity @",
    "\\timing @",
    "\\h @",
    "\\@",
    "@",
    "\\i 'nowhere@'",
];

/// Milestone 5's statements and commands.
const STATEMENTS: &[&str] = &[
    "CREATE TABLE t (v text PRIMARY KEY, n integer);",
    "CREATE TABLE \"@\" (\"@\" text, n integer DEFAULT 1);",
    "CREATE TABLE u (v text DEFAULT '@', CHECK (v <> '@'));",
    "CREATE UNIQUE INDEX \"@\" ON t (n, v);",
    "INSERT INTO t VALUES ('@', 1), ('b', 2);",
    "INSERT INTO t VALUES ('a@', 1);",
    "INSERT INTO t VALUES ('a@', '@');",
    "INSERT INTO \"@\" VALUES ('@', null);",
    "UPDATE t SET v = '@';",
    "DELETE FROM t WHERE v = '@' OR @;",
    "SELECT * FROM t;",
    "SELECT v AS \"@\", '@' AS b FROM t ORDER BY 1;",
    "SELECT '@'::integer;",
    "SELECT CAST('@' AS boolean), '@'::date;",
    "SELECT '@', nowhere FROM t;",
    "SELECT \"@\" FROM t;",
    "SELECT @;",
    "SELECT \"@\"('@');",
    "SELECT 1\n,'@' @\nFROM nowhere;",
    "SELECT * FROM \"@\";",
    "EXPLAIN SELECT v FROM t WHERE v = '@' AND n = 1;",
    "DROP TABLE IF EXISTS \"@\";",
    "DROP INDEX \"@\";",
    "VACUUM \"@\";",
    "SET work_mem = '@';",
    "SET \"@\" = '@';",
    "SHOW \"@\";",
    "COPY t FROM STDIN;\n@\t1\n\\.",
    "COPY t FROM STDIN (FORMAT csv, NULL '@');\n\"@\",@\n\\.",
    "BEGIN; COMMIT; COMMIT;",
    "SELECT :a, :'a', :\"a\";",
    "\\set a '@'",
    "\\set @ '@'",
    "\\set",
    "\\unset @",
    "\\set VERBOSITY verbose",
    "\\set VERBOSITY '@'",
    "\\set ECHO all",
    "\\set ECHO errors",
    "\\set ECHO queries",
    "\\echo '@' :a @",
    "\\pset null '@'",
    "\\pset",
    "\\pset '@' 1",
    "\\t '@'",
    "\\d",
    "\\d t",
    "\\d+ \"@\"",
    "\\di \"@\"",
    "\\dt @",
    "\\page t 0",
    "\\page t_pkey 1",
    "\\page \"@\" @",
    "\\wal",
    "\\wal @",
    "\\control",
    "\\check",
    "\\h @",
    "\\?",
    "\\@",
    "\\i 'nowhere@'",
    "\\copy t from 'nowhere@'",
    "\\copy @",
];

/// Runs a script of milestone 1's commands, or of milestone 5's.
pub fn screen(bytes: &[u8]) -> bool {
    let Some((choice, bytes)) = bytes.split_first() else { return false };
    let (input, interactive) = (&mut Unstructured::new(bytes), choice & 4 != 0);
    let (output, complaints) = (Screen::default(), Screen::default());
    match choice % 4 {
        0 => m1(script(input, COMMANDS), &output, &complaints, interactive),
        _ => m5(script(input, STATEMENTS), &output, &complaints, interactive),
    }
    output.assert_safe();
    complaints.assert_safe();
    !output.0.borrow().is_empty() && !complaints.0.borrow().is_empty()
}

fn script(input: &mut Unstructured<'_>, commands: &[&str]) -> Vec<u8> {
    let mut script = Vec::new();
    for _ in 0..MAX_STEPS {
        if input.is_empty() {
            break;
        }
        let Ok(command) = input.choose(commands) else { break };
        let mut parts = command.split('@');
        script.extend_from_slice(parts.next().unwrap_or_default().as_bytes());
        for part in parts {
            for _ in 0..input.int_in_range(1..=3).unwrap_or(1) {
                script.extend_from_slice(input.choose(PIECES).copied().unwrap_or(b"\x1b"));
            }
            script.extend_from_slice(part.as_bytes());
        }
        script.push(b'\n');
    }
    script
}

fn m1(script: Vec<u8>, output: &Screen, complaints: &Screen, interactive: bool) {
    use m1_storage::repl::{Input, Output, Session};
    use m1_storage::{database::Database, vfs::MemoryVfs};
    let database = Database::open(Arc::new(MemoryVfs::new())).expect("a new database");
    let output = Output::new(Box::new(output.clone()), Box::new(complaints.clone()));
    let mut session = Session::new(database, output, interactive);
    session.echo = true;
    session.run(&mut Input::stream(Cursor::new(script))).expect("a script in memory");
    session.output.finish().expect("a screen in memory");
}

fn m5(script: Vec<u8>, output: &Screen, complaints: &Screen, interactive: bool) {
    use m5_sql::repl::{Input, Output, Place, Session};
    use m5_sql::vfs::MemoryVfs;
    let place = Place::new(Arc::new(MemoryVfs::new()), small_options());
    let database = place.reopen().expect("a new database");
    let output = Output::new(Box::new(output.clone()), Box::new(complaints.clone()));
    let mut session = Session::new(place, database, output, interactive);
    session.run(&mut Input::stream(Cursor::new(script))).expect("a script in memory");
    session.output.finish().expect("a screen in memory");
}

/// Keeps what is printed.
#[derive(Clone, Default)]
pub struct Screen(Rc<RefCell<Vec<u8>>>);

impl Screen {
    pub fn assert_safe(&self) {
        let bytes = self.0.borrow();
        let text = std::str::from_utf8(&bytes).expect("what is printed is text");
        if let Some(character) = text.chars().find(|character| is_unsafe(*character)) {
            let line = text.lines().find(|line| line.contains(character)).unwrap_or_default();
            panic!("U+{:04X} is printed: {line:?}", u32::from(character));
        }
    }
}

fn is_unsafe(character: char) -> bool {
    match character {
        '\n' | '\t' => false,
        '\0'..=' ' => character != ' ',
        '\u{7f}'..='\u{9f}' | '\u{ad}' | '\u{61c}' => true,
        '\u{200b}' | '\u{200e}'..='\u{200f}' | '\u{2028}'..='\u{202e}' => true,
        '\u{2060}'..='\u{2064}' | '\u{2066}'..='\u{2069}' | '\u{feff}' => true,
        '\u{e0000}'..='\u{e007f}' => true,
        _ => false,
    }
}

impl Write for Screen {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.borrow_mut().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

pub fn seeds() -> Vec<Vec<u8>> {
    crate::noise(60, 120)
        .into_iter()
        .zip(0..)
        .map(|(bytes, choice)| [&[choice][..], &bytes].concat())
        .collect()
}
