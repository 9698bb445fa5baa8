//! The variables that say how the session works, and those of psql's that it does not have.

use super::report::Verbosity;
use super::session::Session;
use super::variables::parse_switch;
use crate::error::{Error, Result, SqlState};

/// What is printed of the input (`ECHO`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Echo {
    Nothing,
    /// Statements that failed, below their errors.
    Errors,
    /// Statements, before they are carried out.
    Queries,
    /// Every line as it is read.
    All,
}

impl Echo {
    pub fn parse(text: &str) -> Option<Echo> {
        Some(match text.to_ascii_lowercase().as_str() {
            "none" => Echo::Nothing,
            "errors" => Echo::Errors,
            "queries" => Echo::Queries,
            "all" => Echo::All,
            _ => return None,
        })
    }
}

/// What a variable means if it is not set.
pub const DEFAULTS: &[(&str, &str)] = &[
    ("AUTOCOMMIT", "on"),
    ("ECHO", "none"),
    ("ON_ERROR_STOP", "off"),
    ("QUIET", "off"),
    ("VERBOSITY", "default"),
];

/// psql's other variables that change how it works, each with the value that says what is done here anyway, if there is
/// one.
const UNSUPPORTED: &[(&str, &str)] = &[
    ("COMP_KEYWORD_CASE", ""),
    ("ECHO_HIDDEN", "off"),
    ("ENCODING", "UTF8"),
    ("FETCH_COUNT", "0"),
    ("HIDE_TABLEAM", "on"),
    ("HIDE_TOAST_COMPRESSION", "on"),
    ("HISTCONTROL", "ignoreboth"),
    ("HISTFILE", ""),
    ("HISTSIZE", ""),
    ("IGNOREEOF", "0"),
    ("ON_ERROR_ROLLBACK", "off"),
    ("PROMPT1", ""),
    ("PROMPT2", ""),
    ("PROMPT3", ""),
    ("SHOW_ALL_RESULTS", "on"),
    ("SHOW_CONTEXT", "errors"),
    ("SINGLELINE", "off"),
    ("SINGLESTEP", "off"),
];

impl Session {
    /// Sets a variable, and does what it says.
    pub fn set_variable(&mut self, name: &str, value: &str) -> Result<()> {
        let is_switch = matches!(name, "AUTOCOMMIT" | "ON_ERROR_STOP" | "QUIET");
        let value = if is_switch && value.is_empty() { "on" } else { value };
        let unrecognized = |values: &str| {
            invalid(format!("unrecognized value \"{value}\" for \"{name}\""))
                .with_hint(format!("Available values are: {values}."))
        };
        let switch = || {
            let message = format!("unrecognized value \"{value}\" for \"{name}\": Boolean expected");
            parse_switch(value).ok_or_else(|| invalid(message))
        };
        match name {
            "AUTOCOMMIT" => self.autocommit = switch()?,
            "ON_ERROR_STOP" => drop(switch()?),
            "QUIET" => self.quiet = switch()?,
            "ECHO" => {
                let echo = Echo::parse(value).ok_or_else(|| unrecognized("none, errors, queries, all"))?;
                (self.echo, self.repeats) = (echo == Echo::All, echo);
            }
            "VERBOSITY" if Verbosity::parse(value).is_none() => {
                return Err(unrecognized("default, verbose, terse, sqlstate"));
            }
            _ => check_supported(name, value)?,
        }
        self.variables.set(name, value);
        Ok(())
    }

    /// Forgets a variable. One that says how the session works never has no value.
    pub fn unset_variable(&mut self, name: &str) -> Result<()> {
        match DEFAULTS.iter().find(|(known, _)| *known == name) {
            // As in psql: without AUTOCOMMIT there is none.
            Some(("AUTOCOMMIT", _)) => self.set_variable(name, "off"),
            Some((_, default)) => self.set_variable(name, default),
            None => {
                self.variables.unset(name);
                Ok(())
            }
        }
    }
}

fn check_supported(name: &str, value: &str) -> Result<()> {
    let Some((_, done)) = UNSUPPORTED.iter().find(|(known, _)| *known == name) else { return Ok(()) };
    let agrees = match parse_switch(done) {
        Some(done) => parse_switch(value) == Some(done),
        None => value.eq_ignore_ascii_case(done) && !done.is_empty(),
    };
    if agrees { Ok(()) } else { Err(Error::unsupported(format!("setting the variable {name}"))) }
}

fn invalid(message: impl Into<String>) -> Error {
    Error::new(SqlState::InvalidParameterValue, message)
}
