//! CREATE and DROP of tables and indexes: columns, keys and defaults checked before anything is made.

use super::super::explain::deparse;
use super::super::expr::Expr;
use super::super::position::locate;
use super::super::source_text::SourceText;
use super::super::statement::{
    ColumnDefault, Constraint, CreateIndex, CreateTable, DropIndex, DropTable, Statement,
};
use super::dml::default_expression;
use super::{data_type_at, name};
use crate::catalog::{Lookup, Table};
use crate::error::{Error, Result, SqlState};
use crate::types::{Column, MAX_NAME_LEN, Schema, check_name};
use sqlparser::ast::{
    self, ColumnOption, CreateTableOptions, Ident, IndexColumn, ObjectName, Spanned, TableConstraint,
};

/// PostgreSQL's limit on the columns of an index (`INDEX_MAX_KEYS`).
const MAX_KEY_COLUMNS: usize = 32;

pub fn create_table(
    create: &ast::CreateTable,
    text: SourceText<'_>,
    lookup: &mut dyn Lookup,
) -> Result<Statement> {
    refuse_table_extras(create)?;
    name::refuse_missing_schema(&create.name).map_err(|error| locate(error, text, create.name.span()))?;
    let (name, _) = name::object(&create.name, text)?;
    check_name(&name)?;
    name::refuse_reserved_object(&create.name, text)?;
    if name::schema(&create.name).is_some_and(|schema| schema == "pg_catalog") {
        let message = format!("permission denied to create \"pg_catalog.{name}\"");
        return Err(Error::new(SqlState::InsufficientPrivilege, message)
            .with_detail("System catalog modifications are currently disallowed."));
    }
    if lookup.table(&name).is_some() {
        if create.if_not_exists {
            let notice = format!("relation \"{name}\" already exists, skipping");
            return Ok(Statement::Skip { tag: "CREATE TABLE", notice });
        }
        let message = format!("relation \"{name}\" already exists");
        return Err(Error::new(SqlState::DuplicateTable, message));
    }
    let mut definition = Definition { table: &name, text, keys: Vec::new() };
    let mut columns = Vec::with_capacity(create.columns.len());
    let mut defaults = Vec::with_capacity(create.columns.len());
    for column in &create.columns {
        let (column, default) = definition.column(column)?;
        columns.push(column);
        defaults.push(default);
    }
    for constraint in &create.constraints {
        definition.constraint(constraint)?;
    }
    let keys = definition.keys;
    let constraints = constraints(&name, &mut columns, keys, text, lookup)?;
    let schema = Schema::new(columns)?;
    Ok(Statement::CreateTable(CreateTable {
        name: name.into_owned(),
        if_not_exists: create.if_not_exists,
        schema,
        defaults,
        constraints,
    }))
}

/// A PRIMARY KEY or UNIQUE as declared.
struct Key<'d> {
    name: Option<&'d Ident>,
    columns: Vec<&'d Ident>,
    primary: bool,
}

/// A table's definition while it is read.
struct Definition<'d> {
    table: &'d str,
    text: SourceText<'d>,
    keys: Vec<Key<'d>>,
}

impl<'d> Definition<'d> {
    fn column(&mut self, column: &'d ast::ColumnDef) -> Result<(Column, Option<ColumnDefault>)> {
        name::refuse_reserved(&column.name, self.text)?;
        let name = name::fold(&column.name).into_owned();
        let (mut nullable, mut default) = (None, None);
        let mut bound =
            Column { name, data_type: data_type_at(&column.data_type, self.text)?, not_null: false };
        for option in &column.options {
            let given_name = option.name.as_ref();
            match &option.option {
                ColumnOption::Null => self.nullability(&bound, &mut nullable, true)?,
                ColumnOption::NotNull => self.nullability(&bound, &mut nullable, false)?,
                ColumnOption::Default(expr) => {
                    let expression = default_expression(expr, self.text, &bound)?;
                    // Read back, the cast to the column's type comes by itself; written down, it would be an explicit one,
                    // which cuts a text.
                    let text = deparse::constant(match &expression {
                        Expr::Cast { operand, explicit: false, .. } => operand,
                        other => other,
                    });
                    if default.replace(ColumnDefault { text, expression }).is_some() {
                        return Err(self.column_error("multiple default values specified", &bound));
                    }
                }
                ColumnOption::PrimaryKey(key) => {
                    refuse_key_extras(&key.include, key.characteristics.is_some())?;
                    self.keys.push(Key { name: given_name, columns: vec![&column.name], primary: true });
                }
                ColumnOption::Unique(key) => {
                    refuse_key_extras(&key.include, key.characteristics.is_some())?;
                    refuse_nulls_distinct(&key.nulls_distinct)?;
                    self.keys.push(Key { name: given_name, columns: vec![&column.name], primary: false });
                }
                ColumnOption::ForeignKey(_) => return Err(Error::unsupported("FOREIGN KEY")),
                ColumnOption::Check(_) => return Err(Error::unsupported("CHECK")),
                ColumnOption::Generated { .. } | ColumnOption::Identity(_) => {
                    return Err(Error::unsupported("a generated column"));
                }
                ColumnOption::Collation(_) => return Err(Error::unsupported("COLLATE")),
                other => return Err(Error::unsupported(other)),
            }
        }
        bound.not_null = nullable == Some(false);
        Ok((bound, default))
    }

    fn nullability(&self, column: &Column, nullable: &mut Option<bool>, value: bool) -> Result<()> {
        match nullable.replace(value) {
            Some(before) if before != value => {
                Err(self.column_error("conflicting NULL/NOT NULL declarations", column))
            }
            _ => Ok(()),
        }
    }

    fn column_error(&self, problem: &str, column: &Column) -> Error {
        let message = format!("{problem} for column \"{}\" of table \"{}\"", column.name, self.table);
        Error::new(SqlState::SyntaxError, message)
    }

    fn constraint(&mut self, constraint: &'d TableConstraint) -> Result<()> {
        let (name, columns, primary) = match constraint {
            TableConstraint::PrimaryKey(key) => {
                refuse_key_extras(&key.include, key.characteristics.is_some())?;
                (key.name.as_ref(), &key.columns, true)
            }
            TableConstraint::Unique(key) => {
                refuse_key_extras(&key.include, key.characteristics.is_some())?;
                refuse_nulls_distinct(&key.nulls_distinct)?;
                (key.name.as_ref(), &key.columns, false)
            }
            TableConstraint::ForeignKey(_) => return Err(Error::unsupported("FOREIGN KEY")),
            TableConstraint::Check(_) => return Err(Error::unsupported("CHECK")),
            _ => return Err(Error::unsupported("this kind of constraint")),
        };
        let columns = columns.iter().map(plain_column).collect::<Result<_>>()?;
        self.keys.push(Key { name, columns, primary });
        Ok(())
    }
}

/// Names the keys as PostgreSQL names them. The primary key comes first and makes its columns NOT NULL.
fn constraints(
    table: &str,
    columns: &mut [Column],
    mut keys: Vec<Key<'_>>,
    text: SourceText<'_>,
    lookup: &dyn Lookup,
) -> Result<Vec<Constraint>> {
    keys.sort_by_key(|key| !key.primary);
    let mut constraints: Vec<Constraint> = Vec::with_capacity(keys.len());
    for key in &keys {
        let positions = key_positions(key, columns, text)?;
        if key.primary && constraints.iter().any(|constraint| constraint.primary) {
            let message = format!("multiple primary keys for table \"{table}\" are not allowed");
            return Err(Error::new(SqlState::InvalidTableDefinition, message));
        }
        // The same key declared twice is one index.
        if key.name.is_none() && constraints.iter().any(|constraint| constraint.columns == positions) {
            continue;
        }
        let taken = |name: &str| {
            name == table
                || constraints.iter().any(|constraint| constraint.name == name)
                || keys.iter().any(|key| key.name.is_some_and(|given| name::fold(given) == name))
                || lookup.has(name)
        };
        let name = match key.name {
            Some(name) => name::fold(name).into_owned(),
            None if key.primary => choose_name(table, "", "pkey", taken),
            None => choose_name(table, &joined_names(columns, &positions), "key", taken),
        };
        check_name(&name)?;
        if key.name.is_some()
            && (name == table || constraints.iter().any(|constraint| constraint.name == name))
        {
            let message = format!("relation \"{name}\" already exists");
            return Err(Error::new(SqlState::DuplicateTable, message));
        }
        constraints.push(Constraint { name, columns: positions, primary: key.primary });
    }
    if let Some(primary) = constraints.iter().find(|constraint| constraint.primary) {
        for &position in &primary.columns {
            columns[position].not_null = true;
        }
    }
    Ok(constraints)
}

fn key_positions(key: &Key<'_>, columns: &[Column], text: SourceText<'_>) -> Result<Vec<usize>> {
    check_key_width(key.columns.len())?;
    let mut positions = Vec::with_capacity(key.columns.len());
    for ident in &key.columns {
        let name = name::fold(ident);
        let at = |error| locate(error, text, ident.span);
        let Some(position) = columns.iter().position(|column| column.name == name) else {
            let message = format!("column \"{name}\" named in key does not exist");
            return Err(at(Error::new(SqlState::UndefinedColumn, message)));
        };
        if positions.contains(&position) {
            let kind = if key.primary { "primary key" } else { "unique" };
            let message = format!("column \"{name}\" appears twice in {kind} constraint");
            return Err(at(Error::new(SqlState::DuplicateColumn, message)));
        }
        positions.push(position);
    }
    Ok(positions)
}

pub fn create_index(
    create: &ast::CreateIndex,
    text: SourceText<'_>,
    lookup: &mut dyn Lookup,
) -> Result<Statement> {
    refuse_index_extras(create)?;
    name::refuse_missing_schema(&create.table_name)?;
    let table = name::changeable(&create.table_name, text, lookup)?;
    check_key_width(create.columns.len())?;
    let columns = create
        .columns
        .iter()
        .map(|column| {
            let ident = plain_column(column)?;
            table.schema.position(&name::fold(ident)).ok_or_else(|| {
                let message = format!("column \"{}\" does not exist", name::fold(ident));
                locate(Error::new(SqlState::UndefinedColumn, message), text, ident.span)
            })
        })
        .collect::<Result<Vec<_>>>()?;
    let taken = |name: &str| lookup.has(name);
    let name = match &create.name {
        None => {
            let columns = joined_names(table.schema.columns(), &columns);
            choose_name(&table.name, &columns, "idx", taken)
        }
        Some(name) => {
            name::refuse_reserved_object(name, text)?;
            let (name, _) = name::object(name, text)?;
            check_name(&name)?;
            if taken(&name) {
                if create.if_not_exists {
                    let notice = format!("relation \"{name}\" already exists, skipping");
                    return Ok(Statement::Skip { tag: "CREATE INDEX", notice });
                }
                let message = format!("relation \"{name}\" already exists");
                return Err(Error::new(SqlState::DuplicateTable, message));
            }
            name.into_owned()
        }
    };
    let (unique, if_not_exists) = (create.unique, create.if_not_exists);
    Ok(Statement::CreateIndex(CreateIndex { name, table, columns, unique, if_not_exists }))
}

pub fn drop_table(
    names: &[ObjectName],
    if_exists: bool,
    cascade: bool,
    text: SourceText<'_>,
    lookup: &mut dyn Lookup,
) -> Result<Statement> {
    if cascade {
        return Err(Error::unsupported("CASCADE"));
    }
    let mut drop = DropTable { tables: Vec::with_capacity(names.len()), notices: Vec::new() };
    for written in names {
        if skips_missing_schema(written, if_exists, &mut drop.notices)? {
            continue;
        }
        let (name, _) = name::object(written, text)?;
        match lookup.table(&name).filter(|table| name::is_in_schema(table, written)) {
            Some(table) => {
                table.check_changeable()?;
                if drop.tables.iter().all(|known: &std::sync::Arc<Table>| known.oid != table.oid) {
                    drop.tables.push(table);
                }
            }
            None if lookup.has(&name) && lookup.table(&name).is_none() => {
                let error = Error::new(SqlState::WrongObjectType, format!("\"{name}\" is not a table"));
                return Err(error.with_hint("Use DROP INDEX to remove an index."));
            }
            None if if_exists => drop.notices.push(format!("table \"{name}\" does not exist, skipping")),
            None => {
                let message = format!("table \"{name}\" does not exist");
                return Err(Error::new(SqlState::UndefinedTable, message));
            }
        }
    }
    Ok(Statement::DropTable(drop))
}

pub fn drop_index(
    names: &[ObjectName],
    if_exists: bool,
    cascade: bool,
    text: SourceText<'_>,
) -> Result<Statement> {
    if cascade {
        return Err(Error::unsupported("CASCADE"));
    }
    let mut drop = DropIndex { names: Vec::with_capacity(names.len()), if_exists, notices: Vec::new() };
    for name in names {
        if !skips_missing_schema(name, if_exists, &mut drop.notices)? {
            drop.names.push(name::object(name, text)?.0.into_owned());
        }
    }
    Ok(Statement::DropIndex(drop))
}

/// True where IF EXISTS passes over a name because its schema does not exist.
fn skips_missing_schema(name: &ObjectName, if_exists: bool, notices: &mut Vec<String>) -> Result<bool> {
    match name::missing_schema(name) {
        Some(schema) if if_exists => {
            notices.push(format!("schema \"{}\" does not exist, skipping", name::fold(schema)));
            Ok(true)
        }
        _ => name::refuse_missing_schema(name).map(|()| false),
    }
}

fn check_key_width(width: usize) -> Result<()> {
    match width > MAX_KEY_COLUMNS {
        true => Err(Error::new(
            SqlState::TooManyColumns,
            format!("cannot use more than {MAX_KEY_COLUMNS} columns in an index"),
        )),
        false => Ok(()),
    }
}

/// The column of a key: a name, in the order and with the comparison that indexes have.
fn plain_column(column: &IndexColumn) -> Result<&Ident> {
    let options = &column.column.options;
    if column.operator_class.is_some() {
        return Err(Error::unsupported("an operator class"));
    }
    if matches!(options.sort, Some(ast::OrderBySort::Desc | ast::OrderBySort::Using(_)))
        || options.nulls_first == Some(true)
    {
        return Err(Error::unsupported("DESC or NULLS FIRST in an index"));
    }
    match &column.column.expr {
        ast::Expr::Identifier(ident) => Ok(ident),
        _ => Err(Error::unsupported("an index on an expression")),
    }
}

fn joined_names(columns: &[Column], positions: &[usize]) -> String {
    let names = positions.iter().filter_map(|&position| columns.get(position));
    names.map(|column| column.name.as_str()).collect::<Vec<_>>().join("_")
}

/// `table_columns_label`, with a number after it if that is taken (PostgreSQL's `ChooseRelationName`).
fn choose_name(table: &str, columns: &str, label: &str, taken: impl Fn(&str) -> bool) -> String {
    let mut number = 0;
    loop {
        let suffix = if number == 0 { label.to_string() } else { format!("{label}{number}") };
        let name = fit_name(table, columns, &suffix);
        if !taken(&name) {
            return name;
        }
        number += 1;
    }
}

/// Shortens the longer of the two parts until the whole is a legal name (`makeObjectName`).
fn fit_name(table: &str, columns: &str, label: &str) -> String {
    let separators = 1 + usize::from(!columns.is_empty());
    let room = MAX_NAME_LEN.saturating_sub(label.len() + separators);
    let (mut table_len, mut columns_len) = (table.len(), columns.len());
    while table_len + columns_len > room {
        if table_len > columns_len {
            table_len -= 1;
        } else {
            columns_len -= 1;
        }
    }
    let (table, columns) = (cut(table, table_len), cut(columns, columns_len));
    match columns.is_empty() {
        true => format!("{table}_{label}"),
        false => format!("{table}_{columns}_{label}"),
    }
}

/// At most `length` bytes, whole characters.
fn cut(name: &str, length: usize) -> &str {
    let end = (0..=length.min(name.len())).rev().find(|&end| name.is_char_boundary(end));
    &name[..end.unwrap_or(0)]
}

fn refuse_key_extras(include: &[Ident], has_characteristics: bool) -> Result<()> {
    match (include, has_characteristics) {
        ([], false) => Ok(()),
        ([], true) => Err(Error::unsupported("DEFERRABLE")),
        _ => Err(Error::unsupported("INCLUDE")),
    }
}

fn refuse_nulls_distinct(nulls: &ast::NullsDistinctOption) -> Result<()> {
    match nulls {
        ast::NullsDistinctOption::NotDistinct => Err(Error::unsupported("NULLS NOT DISTINCT")),
        _ => Ok(()),
    }
}

fn refuse_table_extras(create: &ast::CreateTable) -> Result<()> {
    let what = match create {
        create if create.temporary || create.global.is_some() => "CREATE TEMPORARY TABLE",
        create if create.unlogged => "CREATE UNLOGGED TABLE",
        create if create.or_replace => "CREATE OR REPLACE TABLE",
        create if create.external => "CREATE EXTERNAL TABLE",
        create if create.query.is_some() => "CREATE TABLE AS",
        create if create.like.is_some() || create.clone.is_some() => "CREATE TABLE … LIKE",
        create if create.inherits.is_some() => "INHERITS",
        create if create.partition_by.is_some() || create.partition_of.is_some() => "a partitioned table",
        create if create.on_commit.is_some() => "ON COMMIT",
        create if !matches!(create.table_options, CreateTableOptions::None) => "a table option",
        create if create.strict => "STRICT",
        create if create.without_rowid => "WITHOUT ROWID",
        _ => return Ok(()),
    };
    Err(Error::unsupported(what))
}

fn refuse_index_extras(create: &ast::CreateIndex) -> Result<()> {
    let what = match create {
        create if create.using.as_ref().is_some_and(|using| !matches!(using, ast::IndexType::BTree)) => {
            "an index that is not a B-tree"
        }
        create if create.concurrently || create.r#async => "CREATE INDEX CONCURRENTLY",
        create if !create.include.is_empty() => "INCLUDE",
        create if create.nulls_distinct == Some(false) => "NULLS NOT DISTINCT",
        create if !create.with.is_empty() || !create.index_options.is_empty() => "an index option",
        create if create.predicate.is_some() => "a partial index",
        create if !create.alter_options.is_empty() => "an index option",
        _ => return Ok(()),
    };
    Err(Error::unsupported(what))
}
