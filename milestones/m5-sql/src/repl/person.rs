//! What only a person at a prompt needs: the words by which people look for the way out, and names for the Tab key.

use super::printable::printable;
use super::session::{End, Session};
use super::splitter::Splitter;
use crate::sql::bind::name::quote;

/// What `help` says.
const HELP: &str = "You are using InoxDB, a PostgreSQL-inspired database.
Type:  \\h for help with SQL statements
       \\? for help with commands that begin with a backslash
       \\g or terminate with semicolon to execute query
       \\q to quit";

impl Session {
    /// The names of tables and columns, as SQL spells them. Those that cannot be read now are not completed, nor those
    /// that cannot be shown as they are.
    pub(super) fn names(&mut self) -> Vec<String> {
        let mut names = Vec::new();
        for table in self.database.tables().into_iter().flatten() {
            names.push(quote(&table.name).into_owned());
            names.extend(table.schema.columns().iter().map(|column| quote(&column.name).into_owned()));
        }
        names.retain(|name| printable(name) == *name);
        names
    }

    /// The words by which people look for help, or for the way out, in a conversation that knows other ones. Whether the
    /// line is no more than that: within a statement it is part of it, and there is a hint.
    pub(super) fn assist(&mut self, line: &[u8], splitter: &Splitter) -> bool {
        let word = line.trim_ascii_end();
        let word = word.strip_suffix(b";").unwrap_or(word).trim_ascii_end().to_ascii_lowercase();
        let hint = match (word.as_slice(), splitter.is_pending(), splitter.is_quoted()) {
            (b"help", false, _) => {
                writeln!(self.output, "{HELP}\n");
                return true;
            }
            (b"exit" | b"quit", false, _) => {
                self.end = Some(End::Quit);
                return true;
            }
            (b"help", true, _) => "Use \\? for help or press control-C to clear the input buffer.",
            (b"exit" | b"quit", true, false) => "Use \\q to quit.",
            (b"exit" | b"quit" | b"\\q", true, true) => "Use control-D to quit.",
            _ => return false,
        };
        writeln!(self.output, "{hint}");
        false
    }
}
