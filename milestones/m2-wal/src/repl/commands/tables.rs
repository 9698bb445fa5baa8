//! Commands about whole tables.

use super::super::arguments::Arguments;
use super::super::session::Session;
use super::super::table::Table;
use super::Command;
use crate::error::Result;
use crate::types::{Column, Schema};

pub const COMMANDS: &[Command] = &[
    Command {
        name: "create", usage: "TABLE (COLUMN TYPE [not null], …)", help: "make a table", run: create
    },
    Command { name: "tables", usage: "", help: "list the tables", run: tables },
    Command { name: "vacuum", usage: "TABLE", help: "take away what updates and deletes left", run: vacuum },
    Command { name: "sync", usage: "", help: "make durable what was done so far", run: sync },
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
    let mut table = Table::new(["table", "columns", "pages"]);
    for (name, schema, pages) in session.database.tables()? {
        let columns: Vec<String> = schema.columns().iter().map(declaration).collect();
        table.row([name, columns.join(", "), pages.to_string()])?;
    }
    session.show(table)
}

fn declaration(column: &Column) -> String {
    let not_null = if column.not_null { " not null" } else { "" };
    format!("{} {}{not_null}", column.name, column.data_type)
}

fn vacuum(session: &mut Session, arguments: &mut Arguments<'_>) -> Result<()> {
    let name = arguments.name()?;
    arguments.end()?;
    let report = session.database.vacuum(&name)?;
    let rows = |count: u64| if count == 1 { "row" } else { "rows" };
    writeln!(
        session.output,
        "VACUUM: {} {} removed, {} {} in {} {}",
        report.removed,
        rows(report.removed),
        report.live,
        if report.live == 1 { "row remains" } else { "rows remain" },
        report.pages,
        if report.pages == 1 { "page" } else { "pages" },
    );
    Ok(())
}

fn sync(session: &mut Session, arguments: &mut Arguments<'_>) -> Result<()> {
    arguments.end()?;
    session.database.sync()?;
    writeln!(session.output, "SYNC");
    Ok(())
}
