//! What begins with a backslash: groups of commands, one file for each. To add one is to write it in a list.

mod buffers;
mod check;
mod crash;
mod describe;
mod help;
mod page;
mod scripts;
mod settings;
mod tree_page;
mod wal;

use super::arguments::Arguments;
use super::session::Session;
use crate::error::{Error, Result, SqlState};
use crate::types::is_space;

pub struct Command {
    /// With its backslash.
    pub name: &'static str,
    /// What follows the name.
    pub usage: &'static str,
    pub help: &'static str,
    pub run: fn(&mut Session, &mut Arguments<'_>) -> Result<()>,
}

/// Every command, in the order in which `\?` lists them.
const GROUPS: &[(&str, &[Command])] = &[
    ("General", help::COMMANDS),
    ("Tables and indexes", describe::COMMANDS),
    ("Input and output", scripts::COMMANDS),
    ("Settings", settings::COMMANDS),
    ("Inspection", page::COMMANDS),
    ("Memory", buffers::COMMANDS),
    ("Log", wal::COMMANDS),
    ("Disaster", crash::COMMANDS),
    ("Soundness", check::COMMANDS),
];

/// The names of all commands, for the Tab key. A page in a browser has none.
#[cfg(not(target_family = "wasm"))]
pub fn names() -> impl Iterator<Item = &'static str> {
    GROUPS.iter().flat_map(|(_, commands)| *commands).map(|command| command.name)
}

/// Carries out one command. `literally`: without putting in variables.
pub fn run(session: &mut Session, text: &str, literally: bool) -> Result<()> {
    let end = text.find(|c: char| is_space(c) || c == ';').unwrap_or(text.len());
    let (name, rest) = text.split_at(end);
    let commands = GROUPS.iter().flat_map(|(_, commands)| *commands);
    let Some(command) = commands.into_iter().find(|command| command.name == name) else {
        let message = format!("invalid command {name}. Try \\? for help.");
        return Err(Error::new(SqlState::SyntaxError, message));
    };
    let rest = if literally { rest.to_string() } else { session.variables.expand(rest) };
    (command.run)(session, &mut Arguments::new(&rest, 0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn no_two_commands_have_one_name() {
        let commands: Vec<&Command> = GROUPS.iter().flat_map(|(_, commands)| *commands).collect();
        let names: HashSet<&str> = commands.iter().map(|command| command.name).collect();
        assert_eq!(names.len(), commands.len());
        assert!(commands.iter().all(|command| !command.help.is_empty() && command.name.starts_with('\\')));
    }
}
