//! `drop`, and `\d`: what the catalogs say.

use super::super::arguments::Arguments;
use super::super::session::Session;
use super::super::table::Table;
use super::Command;
use crate::error::Result;
use crate::types::DataType;

pub const COMMANDS: &[Command] = &[
    Command { name: "drop", usage: "TABLE", help: "take a table away", run: drop_table },
    Command { name: "\\d", usage: "[TABLE]", help: "list the tables, or the columns of one", run: describe },
    Command { name: "\\dS", usage: "", help: "list the tables and the catalogs", run: list_all },
];

fn drop_table(session: &mut Session, arguments: &mut Arguments<'_>) -> Result<()> {
    arguments.keyword("table");
    let name = arguments.name()?;
    arguments.end()?;
    session.database.drop_table(&name)?;
    writeln!(session.output, "DROP TABLE");
    Ok(())
}

fn describe(session: &mut Session, arguments: &mut Arguments<'_>) -> Result<()> {
    if arguments.is_empty() {
        return list(session, false);
    }
    let name = arguments.name()?;
    arguments.end()?;
    let mut table = Table::new(["Column", "Type", "Nullable"]);
    for column in session.database.schema(&name)?.columns() {
        let nullable = if column.not_null { "NOT NULL" } else { "NULL" };
        table.row([&*column.name, &sql_name(column.data_type), nullable])?;
    }
    writeln!(session.output, "Table \"{name}\"");
    table.print(&mut session.output)
}

fn list_all(session: &mut Session, arguments: &mut Arguments<'_>) -> Result<()> {
    arguments.end()?;
    list(session, true)
}

fn list(session: &mut Session, catalogs_too: bool) -> Result<()> {
    let mut list = Table::new(["Name", "Type"]);
    let tables = session.database.catalog()?.tables();
    for table in tables.filter(|table| catalogs_too || !table.is_catalog) {
        list.row([&*table.name, if table.is_catalog { "system catalog" } else { "table" }])?;
    }
    session.show(list)
}

/// A type as one writes it in CREATE TABLE.
fn sql_name(data_type: DataType) -> String {
    data_type.to_string().replace("character varying", "varchar").to_ascii_uppercase()
}
