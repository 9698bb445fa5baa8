//! Reading scripts, and printing from them.

use super::super::arguments::Arguments;
use super::super::interrupt::Waiting;
use super::super::redirect::Redirect;
use super::super::session::Session;
use super::Command;
use crate::error::{Error, Result, SqlState};
use crate::types::is_space;
use std::path::Path;

pub const COMMANDS: &[Command] = &[
    Command { name: "\\i", usage: "FILE", help: "carry out the commands in a file", run: include },
    Command {
        name: "\\ir",
        usage: "FILE",
        help: "as \\i, beside the script that says so",
        run: include_relative,
    },
    Command {
        name: "\\copy",
        usage: "TABLE [(…)] FROM FILE …",
        help: "as COPY, from a file of yours",
        run: copy,
    },
    Command { name: "\\echo", usage: "[-n] [TEXT …]", help: "print", run: echo },
    Command { name: "\\qecho", usage: "[-n] [TEXT …]", help: "print (as \\echo)", run: echo },
    Command {
        name: "\\g",
        usage: "[FILE | |COMMAND]",
        help: "carry out the statement so far, or the last one again",
        run: send,
    },
    Command { name: "\\r", usage: "", help: "forget the statement so far", run: reset },
];

/// Says where the result goes. The session does the rest: it knows the statement.
fn send(session: &mut Session, arguments: &mut Arguments<'_>) -> Result<()> {
    let target = if arguments.text.trim_start().starts_with('|') {
        Some(arguments.text.trim().to_string())
    } else {
        arguments.word()
    };
    if target.as_ref().is_some_and(|target| target.starts_with('(')) {
        return Err(Error::unsupported("\\g with options in parentheses"));
    }
    session.redirect = target.map(|target| Redirect::new(target, session.database.interrupt()));
    Ok(())
}

fn reset(session: &mut Session, _: &mut Arguments<'_>) -> Result<()> {
    if !session.quiet {
        writeln!(session.output, "Query buffer reset (cleared).");
    }
    Ok(())
}

fn include(session: &mut Session, arguments: &mut Arguments<'_>) -> Result<()> {
    let path = file(arguments, "\\i")?;
    session.include(&path)
}

fn include_relative(session: &mut Session, arguments: &mut Arguments<'_>) -> Result<()> {
    let path = file(arguments, "\\ir")?;
    let beside = session.current_script().and_then(|script| script.parent());
    let path = beside.unwrap_or(Path::new("")).join(path);
    session.include(&path.to_string_lossy())
}

/// `\copy … from 'file' …` is `COPY … FROM STDIN …`, and the file is read here.
fn copy(session: &mut Session, arguments: &mut Arguments<'_>) -> Result<()> {
    let text = arguments.rest();
    let (before, path, after) = split_copy(text)?;
    let failed = |error: std::io::Error| match error.kind() {
        std::io::ErrorKind::NotFound => {
            Error::new(SqlState::UndefinedFile, format!("{path}: No such file or directory"))
        }
        _ => Error::io("open", &path, error),
    };
    let sql = format!("COPY {before} FROM STDIN{after}");
    if matches!(path.as_str(), "stdin" | "pstdin") {
        // What there is of it has been read already, as commands.
        return Err(Error::unsupported(format!("\\copy from {path}"))
            .with_hint("COPY … FROM STDIN reads the lines that follow it."));
    }
    let file = std::fs::File::open(&path).map_err(failed)?;
    if file.metadata().map_err(failed)?.is_dir() {
        return Err(Error::new(SqlState::WrongObjectType, format!("{path}: cannot copy from a directory")));
    }
    let mut file = Waiting::new(file, &session.database.interrupt());
    let copied = session.execute(&sql, &mut file);
    if copied.is_err() {
        session.failed_statement = Some(sql);
    }
    copied
}

/// The table, the file, and the options.
fn split_copy(text: &str) -> Result<(&str, String, &str)> {
    let mut depth = 0_i32;
    let mut quoted = false;
    let mut from = None;
    for (at, character) in text.char_indices() {
        match character {
            '"' => quoted = !quoted,
            _ if quoted => {}
            '(' => depth += 1,
            ')' => depth -= 1,
            _ if is_space(character) && depth == 0 => {
                let word = text[at..].split_ascii_whitespace().next().unwrap_or_default();
                if word.eq_ignore_ascii_case("from") {
                    from = Some(at);
                    break;
                }
            }
            _ => {}
        }
    }
    let Some(from) = from else {
        return Err(Error::new(SqlState::SyntaxError, "\\copy: parse error at end of line"));
    };
    let rest = text[from..].trim_start_matches(is_space);
    let mut arguments = Arguments::new(rest, "from".len());
    let path = arguments.word().filter(|path| !path.is_empty());
    let path = path.ok_or_else(|| Error::new(SqlState::SyntaxError, "\\copy: parse error at end of line"))?;
    Ok((&text[..from], path, &rest[arguments.at..]))
}

fn file(arguments: &mut Arguments<'_>, command: &str) -> Result<String> {
    arguments
        .word()
        .ok_or_else(|| Error::new(SqlState::SyntaxError, format!("{command}: missing required argument")))
}

fn echo(session: &mut Session, arguments: &mut Arguments<'_>) -> Result<()> {
    let mut words = Vec::new();
    while let Some(word) = arguments.word() {
        words.push(word);
    }
    let same_line = words.first().is_some_and(|word| word == "-n");
    write!(session.output, "{}", words[usize::from(same_line)..].join(" "));
    if !same_line {
        writeln!(session.output);
    }
    Ok(())
}
