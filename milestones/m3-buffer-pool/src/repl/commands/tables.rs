//! Commands about whole tables.

use super::super::arguments::Arguments;
use super::super::output::counted;
use super::super::session::Session;
use super::super::table::Table;
use super::Command;
use crate::buffer::BASE;
use crate::error::Result;
use crate::page::FileId;
use crate::types::{Column, Schema};
use std::borrow::Cow;

pub const COMMANDS: &[Command] = &[
    Command {
        name: "create", usage: "TABLE (COLUMN TYPE [not null], …)", help: "make a table", run: create
    },
    Command { name: "tables", usage: "", help: "list the tables", run: tables },
    Command { name: "vacuum", usage: "TABLE", help: "take away what updates and deletes left", run: vacuum },
];

fn create(session: &mut Session, arguments: &mut Arguments<'_>) -> Result<()> {
    arguments.keyword("table");
    let name = arguments.name()?;
    arguments.expect('(')?;
    let mut columns = vec![column(arguments)?];
    while arguments.symbol(',') {
        columns.push(column(arguments)?);
    }
    arguments.expect(')')?;
    arguments.end()?;
    session.database.create_table(&name, Schema::new(columns)?)?;
    writeln!(session.output, "CREATE TABLE");
    Ok(())
}

fn column(arguments: &mut Arguments<'_>) -> Result<Column> {
    let name = arguments.name()?;
    let data_type = arguments.data_type()?;
    let not_null = arguments.keyword("not");
    if not_null && !arguments.keyword("null") {
        return Err(arguments.unexpected());
    }
    if !not_null {
        arguments.keyword("null");
    }
    Ok(Column { name, data_type, not_null })
}

fn tables(session: &mut Session, arguments: &mut Arguments<'_>) -> Result<()> {
    arguments.end()?;
    let mut table = Table::new(["table", "columns", "file", "pages"]);
    for (name, schema, pages) in session.database.tables()? {
        let columns: Vec<String> = schema.columns().iter().map(declaration).collect();
        let file = FileId::main(session.database.relation(&name)?);
        table.row([name, columns.join(", "), format!("{BASE}/{file}"), pages.to_string()])?;
    }
    session.show(table)
}

fn declaration(column: &Column) -> String {
    let not_null = if column.not_null { " not null" } else { "" };
    format!("{} {}{not_null}", quoted(&column.name), column.data_type)
}

/// The name in quotes, if it needs them to be read again as what it is.
fn quoted(name: &str) -> Cow<'_, str> {
    let is_plain = |c: char| matches!(c, 'a'..='z' | '_' | '0'..='9');
    if name.chars().all(is_plain) && !name.starts_with(|c: char| c.is_ascii_digit()) {
        Cow::Borrowed(name)
    } else {
        Cow::Owned(format!("\"{}\"", name.replace('"', "\"\"")))
    }
}

fn vacuum(session: &mut Session, arguments: &mut Arguments<'_>) -> Result<()> {
    let name = arguments.name()?;
    arguments.end()?;
    let report = session.database.vacuum(&name)?;
    writeln!(
        session.output,
        "VACUUM: {} removed, {} left in {}",
        counted(report.removed, "row"),
        report.live,
        counted(report.pages, "page"),
    );
    Ok(())
}
