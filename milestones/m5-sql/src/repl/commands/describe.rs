//! `\d` and its kin: what tables and indexes there are, and what they are made of.

use super::super::arguments::Arguments;
use super::super::session::Session;
use super::super::table;
use super::Command;
use crate::catalog::{Index, Table};
use crate::error::{Error, Result, SqlState};
use crate::types::DataType;
use std::sync::Arc;

pub const COMMANDS: &[Command] = &[
    Command {
        name: "\\d",
        usage: "[NAME]",
        help: "list the tables, or describe a table or an index",
        run: describe,
    },
    Command { name: "\\d+", usage: "[NAME]", help: "the same, with defaults", run: describe_more },
    Command { name: "\\dt", usage: "[NAME]", help: "list the tables", run: list_tables },
    Command { name: "\\di", usage: "[NAME]", help: "list the indexes", run: list_indexes },
];

fn describe(session: &mut Session, arguments: &mut Arguments<'_>) -> Result<()> {
    describe_one_or_list(session, arguments, false)
}

fn describe_more(session: &mut Session, arguments: &mut Arguments<'_>) -> Result<()> {
    describe_one_or_list(session, arguments, true)
}

fn describe_one_or_list(session: &mut Session, arguments: &mut Arguments<'_>, defaults: bool) -> Result<()> {
    if arguments.is_empty() {
        return list_tables(session, arguments);
    }
    let name = arguments.name()?;
    arguments.end()?;
    let tables = all_tables(session)?;
    if let Some(table) = tables.iter().find(|table| table.name == name) {
        return describe_table(session, table, defaults);
    }
    for table in &tables {
        if let Some(index) = table.indexes.iter().find(|index| index.name == name) {
            return describe_index(session, table, index);
        }
    }
    Err(not_found(&name))
}

fn describe_table(session: &mut Session, table: &Table, defaults: bool) -> Result<()> {
    writeln!(session.output, "Table \"{}\"", table.name);
    let mut names = vec!["Column", "Type", "Nullable"];
    if defaults {
        names.push("Default");
    }
    let mut columns = table::Table::new(names);
    for (position, column) in table.schema.columns().iter().enumerate() {
        columns.cell(&column.name);
        columns.cell(&type_name(column.data_type));
        columns.cell(if column.not_null { "NOT NULL" } else { "NULL" });
        let default = table.defaults.get(position).and_then(Option::as_deref);
        columns.cell(default.unwrap_or_default());
        columns.end_row()?;
    }
    columns.print(&mut session.output)?;
    if !table.indexes.is_empty() {
        writeln!(session.output, "Indexes:");
    }
    // The primary key first, then by name, as psql lists them.
    let mut indexes: Vec<&Arc<Index>> = table.indexes.iter().collect();
    indexes.sort_by_key(|index| (!index.primary, &index.name));
    for index in indexes {
        let kind = match (index.primary, &index.constraint, index.unique) {
            (true, ..) => "PRIMARY KEY ",
            (false, Some(_), _) => "UNIQUE CONSTRAINT ",
            (false, None, true) => "UNIQUE ",
            (false, None, false) => "",
        };
        writeln!(session.output, "    \"{}\" {kind}({})", index.name, columns_of(table, index).join(", "));
    }
    Ok(())
}

fn describe_index(session: &mut Session, table: &Table, index: &Index) -> Result<()> {
    writeln!(session.output, "Index \"{}\"", index.name);
    let mut columns = table::Table::new(["Column", "Type"]);
    for column in index.columns.iter().filter_map(|position| table.schema.columns().get(*position)) {
        columns.row([&column.name, &type_name(column.data_type)])?;
    }
    columns.print(&mut session.output)?;
    let kind = match (index.primary, index.unique) {
        (true, _) => "primary key, ",
        (false, true) => "unique, ",
        (false, false) => "",
    };
    writeln!(session.output, "{kind}for table \"{}\"", table.name);
    Ok(())
}

fn list_tables(session: &mut Session, arguments: &mut Arguments<'_>) -> Result<()> {
    let only = optional_name(arguments)?;
    let mut list = table::Table::new(["Name", "Type"]);
    let mut found = false;
    for table in all_tables(session)? {
        if !table.is_catalog && only.as_ref().is_none_or(|only| *only == table.name) {
            list.row([table.name.as_str(), "table"])?;
            found = true;
        }
    }
    show_list(session, list, found, only.as_deref())
}

fn list_indexes(session: &mut Session, arguments: &mut Arguments<'_>) -> Result<()> {
    let only = optional_name(arguments)?;
    let mut list = table::Table::new(["Name", "Type", "Table"]);
    let tables = all_tables(session)?;
    let all = tables.iter().filter(|table| !table.is_catalog);
    let mut indexes: Vec<(&str, &str)> = all
        .flat_map(|table| table.indexes.iter().map(|index| (index.name.as_str(), table.name.as_str())))
        .filter(|(name, _)| only.as_ref().is_none_or(|only| only == name))
        .collect();
    indexes.sort_unstable();
    for (name, table) in &indexes {
        list.row([*name, "index", *table])?;
    }
    show_list(session, list, !indexes.is_empty(), only.as_deref())
}

fn show_list(session: &mut Session, list: table::Table, found: bool, only: Option<&str>) -> Result<()> {
    match (found, only) {
        (true, _) => {
            writeln!(session.output, "List of relations");
            session.show(list)
        }
        (false, Some(name)) => Err(not_found(name)),
        (false, None) => Err(Error::new(SqlState::UndefinedTable, "Did not find any relations.")),
    }
}

fn all_tables(session: &mut Session) -> Result<Vec<Arc<Table>>> {
    Ok(session.database.tables()?.cloned().collect())
}

fn optional_name(arguments: &mut Arguments<'_>) -> Result<Option<String>> {
    if arguments.is_empty() {
        return Ok(None);
    }
    let name = arguments.name()?;
    arguments.end()?;
    Ok(Some(name))
}

fn not_found(name: &str) -> Error {
    Error::new(SqlState::UndefinedTable, format!("Did not find any relation named \"{name}\"."))
}

fn columns_of<'a>(table: &'a Table, index: &Index) -> Vec<&'a str> {
    let columns = table.schema.columns();
    index
        .columns
        .iter()
        .filter_map(|position| columns.get(*position))
        .map(|column| column.name.as_str())
        .collect()
}

/// The type as a CREATE TABLE statement would write it.
fn type_name(data_type: DataType) -> String {
    match data_type {
        DataType::Varchar(None) => "VARCHAR".to_string(),
        DataType::Varchar(Some(length)) => format!("VARCHAR({length})"),
        other => other.to_string().to_ascii_uppercase(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::output::tests::Screen;
    use super::super::super::place::Place;
    use super::*;
    use crate::tuple::Layout;
    use crate::types::{Column, Schema};

    fn employees() -> Table {
        let column = |name: &str, data_type, not_null| Column { name: name.to_string(), data_type, not_null };
        let index = |name: &str, columns, unique, constraint: Option<&str>| {
            let constraint = constraint.map(str::to_string);
            let primary = columns == [0];
            Arc::new(Index { oid: 2, name: name.to_string(), table: 1, columns, unique, primary, constraint })
        };
        let schema = Schema::new(vec![
            column("id", DataType::Integer, true),
            column("name", DataType::Varchar(Some(100)), true),
            column("active", DataType::Boolean, false),
        ]);
        let schema = schema.unwrap();
        Table {
            oid: 1,
            name: "employees".to_string(),
            layout: Layout::new(&schema),
            schema,
            defaults: vec![None, None, Some("true".to_string())],
            indexes: vec![
                index("a_index", vec![1, 2], false, None),
                index("b_key", vec![1], true, Some("b_key")),
                index("employees_pkey", vec![0], true, Some("employees_pkey")),
            ],
            is_catalog: false,
        }
    }

    fn described(defaults: bool) -> String {
        let screen = Screen::default();
        let place = Place::memory();
        let database = place.open().unwrap();
        let mut session = Session::new(place, database, screen.output(), false);
        describe_table(&mut session, &employees(), defaults).unwrap();
        session.output.finish().unwrap();
        screen.text()
    }

    #[test]
    fn a_table_is_described_by_its_columns_and_indexes() {
        assert_eq!(
            described(false),
            "Table \"employees\"\n\
             ┌────────┬──────────────┬──────────┐\n\
             │ Column │ Type         │ Nullable │\n\
             ├────────┼──────────────┼──────────┤\n\
             │ id     │ INTEGER      │ NOT NULL │\n\
             │ name   │ VARCHAR(100) │ NOT NULL │\n\
             │ active │ BOOLEAN      │ NULL     │\n\
             └────────┴──────────────┴──────────┘\n\
             Indexes:\n    \
             \"employees_pkey\" PRIMARY KEY (id)\n    \
             \"a_index\" (name, active)\n    \
             \"b_key\" UNIQUE CONSTRAINT (name)\n"
        );
        assert!(described(true).contains("│ active │ BOOLEAN      │ NULL     │ true    │"));
    }
}
