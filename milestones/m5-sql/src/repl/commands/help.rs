//! Help, and the way out.

use super::super::arguments::Arguments;
use super::super::session::{End, Session};
use super::{Command, GROUPS};
use crate::error::Result;
use std::fmt::Write;

pub const COMMANDS: &[Command] = &[
    Command { name: "\\h", usage: "[STATEMENT]", help: "what can be said in SQL", run: sql_help },
    Command { name: "\\?", usage: "", help: "show this list", run: command_help },
    Command { name: "\\q", usage: "", help: "quit", run: quit },
];

/// Statements and their forms.
const STATEMENTS: &[(&str, &str)] = &[
    ("BEGIN", "BEGIN"),
    ("CHECKPOINT", "CHECKPOINT"),
    ("COMMIT", "COMMIT"),
    (
        "COPY",
        "COPY TABLE [(COLUMN [, …])] FROM STDIN [(OPTION [, …])]\n\
         Options: FORMAT text | csv, DELIMITER 'C', NULL 'TEXT', HEADER, QUOTE 'C', ESCAPE 'C'\n\
         Data follow on the next lines, up to one of \\. alone; \\copy reads a file.",
    ),
    ("CREATE INDEX", "CREATE [UNIQUE] INDEX [IF NOT EXISTS] [NAME] ON TABLE (COLUMN [, …])"),
    (
        "CREATE TABLE",
        "CREATE TABLE [IF NOT EXISTS] NAME (\n    \
         COLUMN TYPE [NOT NULL] [DEFAULT EXPRESSION] [PRIMARY KEY | UNIQUE] [, …]\n    \
         [, PRIMARY KEY (COLUMN [, …])] [, UNIQUE (COLUMN [, …])]\n)\n\
         Types: smallint, integer, bigint, double precision, boolean, text, varchar(n)",
    ),
    ("DELETE", "DELETE FROM TABLE [WHERE CONDITION]"),
    ("DROP INDEX", "DROP INDEX [IF EXISTS] NAME"),
    ("DROP TABLE", "DROP TABLE [IF EXISTS] NAME"),
    ("EXPLAIN", "EXPLAIN [ANALYZE] STATEMENT"),
    ("INSERT", "INSERT INTO TABLE [(COLUMN [, …])] VALUES (EXPRESSION [, …]) [, …]"),
    ("ROLLBACK", "ROLLBACK"),
    (
        "SELECT",
        "SELECT [DISTINCT] EXPRESSION [AS NAME] [, …]\n    \
         [FROM TABLE] [WHERE CONDITION]\n    \
         [GROUP BY EXPRESSION [, …]] [HAVING CONDITION]\n    \
         [ORDER BY EXPRESSION [ASC | DESC] [NULLS FIRST | NULLS LAST] [, …]]\n    \
         [LIMIT COUNT] [OFFSET COUNT]",
    ),
    ("UPDATE", "UPDATE TABLE SET COLUMN = EXPRESSION [, …] [WHERE CONDITION]"),
    ("VACUUM", "VACUUM [TABLE]"),
];

fn sql_help(session: &mut Session, arguments: &mut Arguments<'_>) -> Result<()> {
    let topic = arguments.rest().to_ascii_uppercase();
    if topic.is_empty() {
        writeln!(session.output, "Statements, each ended by a semicolon (\\h STATEMENT shows its form):");
        for (name, _) in STATEMENTS {
            writeln!(session.output, "  {name}");
        }
        writeln!(session.output, "Type \\? for commands that begin with a backslash, \\q to quit.");
        return Ok(());
    }
    let mut found = STATEMENTS.iter().filter(|(name, _)| name.starts_with(&topic)).peekable();
    if found.peek().is_none() {
        writeln!(session.output, "No help available for \"{}\".", arguments.rest());
        writeln!(session.output, "Try \\h with no arguments to see available help.");
    }
    for (_, form) in found {
        writeln!(session.output, "{form}");
    }
    Ok(())
}

fn command_help(session: &mut Session, _: &mut Arguments<'_>) -> Result<()> {
    let mut text = String::new();
    for (title, commands) in GROUPS {
        let _ = writeln!(text, "{title}");
        for command in *commands {
            let call = format!("{} {}", command.name, command.usage);
            let _ = writeln!(text, "  {call:<34}  {}", command.help);
        }
    }
    write!(session.output, "{text}");
    Ok(())
}

fn quit(session: &mut Session, _: &mut Arguments<'_>) -> Result<()> {
    session.end = Some(End::Quit);
    Ok(())
}
