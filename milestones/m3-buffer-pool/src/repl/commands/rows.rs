//! Commands about rows. A row is named by its place, `(page,slot)`.

use super::super::arguments::Arguments;
use super::super::session::Session;
use super::super::table::Table;
use super::Command;
use crate::error::Result;
use crate::page::Tid;
use crate::types::{Schema, Value};
use std::fmt::Write;

pub const COMMANDS: &[Command] = &[
    Command {
        name: "insert", usage: "TABLE (VALUE, …)[, (VALUE, …) …]", help: "store rows", run: insert
    },
    Command { name: "get", usage: "TABLE (PAGE,SLOT)", help: "show the row at a place", run: get },
    Command { name: "scan", usage: "TABLE", help: "show all rows, each with its place", run: scan },
    Command {
        name: "update",
        usage: "TABLE (PAGE,SLOT) (VALUE, …)",
        help: "store a new version of a row",
        run: update,
    },
    Command { name: "delete", usage: "TABLE (PAGE,SLOT)", help: "mark a row as deleted", run: delete },
];

fn insert(session: &mut Session, arguments: &mut Arguments<'_>) -> Result<()> {
    let name = arguments.name()?;
    let mut rows = vec![arguments.row()?];
    while arguments.symbol(',') {
        rows.push(arguments.row()?);
    }
    arguments.end()?;
    let tids = session.database.insert(&name, rows)?;
    match tids.as_slice() {
        [first, .., last] => writeln!(session.output, "INSERT {} at {first} to {last}", tids.len()),
        [only] => writeln!(session.output, "INSERT 1 at {only}"),
        [] => writeln!(session.output, "INSERT 0"),
    }
    Ok(())
}

fn get(session: &mut Session, arguments: &mut Arguments<'_>) -> Result<()> {
    let (name, tid) = place(arguments)?;
    arguments.end()?;
    let mut rows = Rows::new(session.database.schema(&name)?);
    if let Some(row) = session.database.get(&name, tid)? {
        rows.add(tid, &row)?;
    }
    session.show(rows.table)
}

fn scan(session: &mut Session, arguments: &mut Arguments<'_>) -> Result<()> {
    let name = arguments.name()?;
    arguments.end()?;
    let mut rows = Rows::new(session.database.schema(&name)?);
    session.database.scan(&name, &mut |tid, row| rows.add(tid, &row))?;
    session.show(rows.table)
}

fn update(session: &mut Session, arguments: &mut Arguments<'_>) -> Result<()> {
    let (name, tid) = place(arguments)?;
    let row = arguments.row()?;
    arguments.end()?;
    match session.database.update(&name, tid, row)? {
        Some(tid) => writeln!(session.output, "UPDATE 1 at {tid}"),
        None => writeln!(session.output, "UPDATE 0"),
    }
    Ok(())
}

fn delete(session: &mut Session, arguments: &mut Arguments<'_>) -> Result<()> {
    let (name, tid) = place(arguments)?;
    arguments.end()?;
    let deleted = session.database.delete(&name, tid)?;
    writeln!(session.output, "DELETE {}", u8::from(deleted));
    Ok(())
}

fn place(arguments: &mut Arguments<'_>) -> Result<(String, Tid)> {
    Ok((arguments.name()?, arguments.tid()?))
}

/// Rows for the screen, each with its place before it.
struct Rows {
    table: Table,
    /// One value as text, used again for each.
    text: String,
}

impl Rows {
    fn new(schema: &Schema) -> Rows {
        let names = schema.columns().iter().map(|column| column.name.as_str());
        Rows { table: Table::new(std::iter::once("ctid").chain(names)), text: String::new() }
    }

    fn add(&mut self, tid: Tid, row: &[Value]) -> Result<()> {
        self.cell(&tid);
        for value in row {
            self.cell(value);
        }
        self.table.end_row()
    }

    fn cell(&mut self, value: &dyn std::fmt::Display) {
        self.text.clear();
        let _ = write!(self.text, "{value}");
        self.table.cell(&self.text);
    }
}
