//! How results are printed, and psql's variables.

use super::super::answer::Format;
use super::super::arguments::Arguments;
use super::super::session::Session;
use super::super::variables::{Variables, parse_switch};
use super::Command;
use crate::error::{Error, Result, SqlState};

pub const COMMANDS: &[Command] = &[
    Command { name: "\\timing", usage: "[on|off]", help: "show how long statements take", run: timing },
    Command { name: "\\t", usage: "[on|off]", help: "print rows only", run: tuples_only },
    Command { name: "\\pset", usage: "[NAME [VALUE]]", help: "format, null, tuples_only", run: pset },
    Command { name: "\\set", usage: "[NAME [VALUE]]", help: "set a variable, or list them", run: set },
    Command { name: "\\unset", usage: "NAME", help: "forget a variable", run: unset },
];

fn timing(session: &mut Session, arguments: &mut Arguments<'_>) -> Result<()> {
    session.timing = switch(arguments, "\\timing", session.timing)?;
    tell(session, &format!("Timing is {}.", on_off(session.timing)));
    Ok(())
}

fn tuples_only(session: &mut Session, arguments: &mut Arguments<'_>) -> Result<()> {
    session.style.tuples_only = switch(arguments, "\\t", session.style.tuples_only)?;
    tell(session, &format!("Tuples only is {}.", on_off(session.style.tuples_only)));
    Ok(())
}

fn pset(session: &mut Session, arguments: &mut Arguments<'_>) -> Result<()> {
    let Some(name) = arguments.word() else {
        let style = &session.style;
        let format = format_name(style.format);
        writeln!(session.output, "format       {format}");
        writeln!(session.output, "null         '{}'", style.null);
        writeln!(session.output, "tuples_only  {}", on_off(style.tuples_only));
        return Ok(());
    };
    match name.as_str() {
        "format" => {
            match arguments.word().as_deref() {
                None => {}
                Some("aligned") => session.style.format = Format::Aligned,
                Some("csv") => session.style.format = Format::Csv,
                Some(_) => return Err(invalid("\\pset: allowed formats are aligned, csv")),
            }
            tell(session, &format!("Output format is {}.", format_name(session.style.format)));
        }
        "null" => {
            if let Some(text) = arguments.word() {
                session.style.null = text;
            }
            tell(session, &format!("Null display is \"{}\".", session.style.null));
        }
        "t" | "tuples_only" => tuples_only(session, arguments)?,
        _ => return Err(invalid(format!("\\pset: unknown option: {name}"))),
    }
    Ok(())
}

fn set(session: &mut Session, arguments: &mut Arguments<'_>) -> Result<()> {
    let Some(name) = arguments.word() else {
        for (name, value) in session.variables.iter() {
            writeln!(session.output, "{name} = '{value}'");
        }
        return Ok(());
    };
    if !Variables::is_name(&name) {
        return Err(invalid(format!("invalid variable name: \"{name}\"")));
    }
    let mut value = String::new();
    while let Some(word) = arguments.word() {
        value.push_str(&word);
    }
    session.set_variable(&name, &value)
}

fn unset(session: &mut Session, arguments: &mut Arguments<'_>) -> Result<()> {
    let name = arguments.word().ok_or_else(|| invalid("\\unset: missing required argument"))?;
    session.unset_variable(&name)
}

fn switch(arguments: &mut Arguments<'_>, command: &str, current: bool) -> Result<bool> {
    let Some(word) = arguments.word() else { return Ok(!current) };
    let word = word.trim_end_matches(';');
    parse_switch(word)
        .ok_or_else(|| invalid(format!("unrecognized value \"{word}\" for \"{command}\": Boolean expected")))
}

/// Confirms a change; `-q` asks for silence.
fn tell(session: &mut Session, text: &str) {
    if !session.quiet {
        writeln!(session.output, "{text}");
    }
}

fn invalid(message: impl Into<String>) -> Error {
    Error::new(SqlState::InvalidParameterValue, message)
}

fn on_off(switch: bool) -> &'static str {
    if switch { "on" } else { "off" }
}

fn format_name(format: Format) -> &'static str {
    match format {
        Format::Aligned => "aligned",
        Format::Csv => "csv",
    }
}
