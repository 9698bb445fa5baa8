//! What can be said: groups of commands, one file for each. To add one is to write it down in a list.

mod check;
mod page;
mod rows;
mod session;
mod sync;
mod tables;

use super::arguments::{Arguments, is_letter};
use super::session::Session;
use crate::error::{Error, Result, SqlState};
use crate::types::is_space;
use std::fmt::Write;

pub struct Command {
    /// The first word, in lower case; `\x` for what is about the database rather than its data.
    pub name: &'static str,
    /// What follows the name.
    pub usage: &'static str,
    pub help: &'static str,
    pub run: fn(&mut Session, &mut Arguments<'_>) -> Result<()>,
}

/// Every command, in the order in which `\h` lists them.
const GROUPS: &[(&str, &[Command])] = &[
    ("Tables", tables::COMMANDS),
    ("Rows", rows::COMMANDS),
    ("Durability", sync::COMMANDS),
    ("Inspection", page::COMMANDS),
    ("Soundness", check::COMMANDS),
    ("Session", session::COMMANDS),
];

/// Carries out one command.
pub fn run(session: &mut Session, text: &str) -> Result<()> {
    let text = text.trim_matches(is_space);
    let is_name = |c: char| is_letter(c) || matches!(c, '\\' | '?');
    let end = text.find(|c| !is_name(c)).unwrap_or(text.len());
    let (name, rest) = text.split_at(end);
    let name = if name.starts_with('\\') { name.to_string() } else { name.to_ascii_lowercase() };
    if name.is_empty() && rest.trim_end_matches(';').trim_matches(is_space).is_empty() {
        return Ok(());
    }
    let commands = GROUPS.iter().flat_map(|(_, commands)| *commands);
    let Some(command) = commands.into_iter().find(|command| command.name == name) else {
        let error = Error::new(SqlState::SyntaxError, format!("unknown command \"{}\"", near(text, end)));
        return Err(error.with_hint("Type \\h for help."));
    };
    let mut arguments = Arguments::new(text, end);
    (command.run)(session, &mut arguments)
}

/// What is named when it is no command: the word that ends at `end` or, if there is none, one character.
fn near(text: &str, end: usize) -> &str {
    match text.chars().next() {
        Some(first) => &text[..end.max(first.len_utf8())],
        None => text,
    }
}

/// What `\h` prints.
pub fn help() -> String {
    let mut text = String::new();
    for (title, commands) in GROUPS {
        let _ = writeln!(text, "{title}");
        for command in *commands {
            let call = format!("{} {}", command.name, command.usage);
            let _ = writeln!(text, "  {call:<44}  {}", command.help);
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn no_two_commands_have_one_name_and_each_is_explained() {
        let commands: Vec<&Command> = GROUPS.iter().flat_map(|(_, commands)| *commands).collect();
        let names: HashSet<&str> = commands.iter().map(|command| command.name).collect();
        assert_eq!(names.len(), commands.len());
        assert!(commands.iter().all(|command| !command.help.is_empty() && help().contains(command.name)));
    }
    #[test]
    fn what_is_no_word_is_named_as_a_whole_character() {
        assert_eq!(
            (near("creat t", 5), near("€ 1", 0), near("(1)", 0), near("", 0)),
            ("creat", "€", "(", "")
        );
    }
}
