//! INSERT, UPDATE and DELETE: every value brought to the type of the column it is stored in.

use super::super::expr::Expr;
use super::super::logical::Origin;
use super::super::parse::{self, Command};
use super::super::plan::{self, Delete, Insert, RowTarget, Update};
use super::super::planner;
use super::super::position::locate;
use super::super::source_text::SourceText;
use super::coerce::{Typed, assign};
use super::expr::{Binder, start_of};
use super::scope::Scope;
use super::{name, select};
use crate::catalog::{Lookup, Table};
use crate::error::{Error, Result, SqlState};
use crate::types::{Column, DataType, Value};
use sqlparser::ast::{self, AssignmentTarget, FromTable, ObjectName, ObjectNamePart, SetExpr, TableObject};
use sqlparser::tokenizer::Span;
use std::sync::Arc;

pub fn insert(
    insert: &ast::Insert,
    text: SourceText<'_>,
    lookup: &mut dyn Lookup,
) -> Result<plan::Statement> {
    refuse_insert_extras(insert)?;
    let TableObject::TableName(name) = &insert.table else {
        return Err(Error::unsupported("INSERT into anything but a table"));
    };
    if !insert.into {
        let (_, span) = name::object(name, text)?;
        let error = Error::new(SqlState::SyntaxError, format!("syntax error at or near \"{name}\""));
        return Err(locate(error, text, span));
    }
    let table = name::changeable(name, text, lookup)?;
    let source = match insert.source.as_deref() {
        None => {
            let target = Target::new(&table, &[], 0, None, text)?;
            planner::values(vec![target.row(Vec::new())], target.types())
        }
        Some(query) => match plain_values(query) {
            Some(values) => {
                select::refuse_values_extras(values)?;
                let width = values.rows.first().map_or(0, |row| row.content.len());
                let extra =
                    values.rows.first().and_then(|row| row.content.get(beyond(&table, &insert.columns)));
                let target = Target::new(&table, &insert.columns, width, extra, text)?;
                planner::values(target.rows(values, text)?, target.types())
            }
            None => insert_query(&table, insert, query, text, lookup)?,
        },
    };
    Ok(plan::Statement::Insert(Insert { table, source }))
}

/// Where the values of an INSERT go, if it is one whose rows are written out, and every column without a value has a
/// constant default. Another INSERT with the same beginning has the same target.
pub fn literal_target(command: &Command, text: &str, lookup: &mut dyn Lookup) -> Result<Option<RowTarget>> {
    let Command::Sql(statement) = command else { return Ok(None) };
    let ast::Statement::Insert(insert) = &**statement else { return Ok(None) };
    let TableObject::TableName(name) = &insert.table else { return Ok(None) };
    let Some(values) = insert.source.as_deref().and_then(plain_values) else { return Ok(None) };
    let text = SourceText::from(text);
    let table = name::changeable(name, text, lookup)?;
    let width = values.rows.first().map_or(0, |row| row.content.len());
    let target = Target::new(&table, &insert.columns, width, None, text)?;
    let types = target.types();
    let (positions, unset) = target.into_parts();
    let mut defaults = Vec::new();
    for (position, default) in unset {
        let Expr::Literal { value, .. } = default else { return Ok(None) };
        defaults.push((position, value));
    }
    Ok(Some(RowTarget { table, types, positions, defaults }))
}

/// The rows of `VALUES …`, if the query is nothing more than that.
fn plain_values(query: &ast::Query) -> Option<&ast::Values> {
    let plain = query.with.is_none()
        && query.order_by.is_none()
        && query.limit_clause.is_none()
        && query.fetch.is_none()
        && query.locks.is_empty();
    match &*query.body {
        SetExpr::Values(values) if plain => Some(values),
        _ => None,
    }
}

fn insert_query(
    table: &Table,
    insert: &ast::Insert,
    query: &ast::Query,
    text: SourceText<'_>,
    lookup: &mut dyn Lookup,
) -> Result<plan::Node> {
    let mut query = select::query(query, text, lookup)?;
    let target =
        Target::new(table, &insert.columns, query.outputs.len(), None, text).map_err(|error| {
            match (error.position(), query.origins.get(beyond(table, &insert.columns))) {
                (None, Some(extra)) => locate(error, text, extra.span),
                _ => error,
            }
        })?;
    let columns = target.table.schema.columns();
    // `SELECT 'x'` into an integer column reads 'x' as an integer: the literal never had a type.
    let takes_unknown = query.grouping.is_none() && !query.distinct;
    let outputs = query.outputs.iter_mut().zip(&query.origins);
    for ((output, origin), &position) in outputs.zip(&target.positions) {
        let Origin { unknown, exact, span } = origin.clone();
        if let (true, Some(column)) = ((unknown && takes_unknown) || exact.is_some(), columns.get(position)) {
            *output = assign(text, Typed { expr: output.clone(), unknown, exact, span }, column)?;
        }
    }
    let mut values = Vec::with_capacity(query.outputs.len());
    let outputs = query.types().into_iter().zip(&query.origins).enumerate();
    for ((index, (data_type, origin)), &position) in outputs.zip(&target.positions) {
        if let Some(column) = columns.get(position) {
            let output = Typed::known(Expr::column(index, data_type)).at(origin.span);
            values.push(assign(text, output, column)?);
        }
    }
    let expressions = target.row(values);
    let node = planner::plan(query, lookup)?;
    Ok(planner::project(node, expressions))
}

/// The table that an INSERT fills, and which of its columns the statement gives values for.
pub struct Target<'t> {
    table: &'t Table,
    /// The columns' positions in the table, in the order of the values.
    positions: Vec<usize>,
    /// One for each column of the table; NULL where the statement gives values anyway.
    defaults: Vec<Expr>,
}

impl<'t> Target<'t> {
    /// `columns` as the statement lists them, or nothing; `width` values come for them, and `extra` is the first
    /// for which there is no column.
    pub fn new(
        table: &'t Table,
        columns: &[ObjectName],
        width: usize,
        extra: Option<&ast::Expr>,
        text: SourceText<'_>,
    ) -> Result<Target<'t>> {
        let all = table.schema.columns().len();
        let mut positions = Vec::with_capacity(width);
        let mut given = vec![false; all];
        for column in columns {
            let ident = column_ident(column)?;
            let position = name::column(ident, table, text)?;
            if std::mem::replace(&mut given[position], true) {
                let message = format!("column \"{}\" specified more than once", name::fold(ident));
                return Err(locate(Error::new(SqlState::DuplicateColumn, message), text, ident.span));
            }
            positions.push(position);
        }
        if columns.is_empty() {
            // Without a list, trailing columns may be left out.
            positions.extend(0..width.min(all));
            given[..width.min(all)].fill(true);
        }
        let problem = match width.cmp(&positions.len()) {
            std::cmp::Ordering::Greater => "INSERT has more expressions than target columns",
            std::cmp::Ordering::Less => "INSERT has more target columns than expressions",
            std::cmp::Ordering::Equal => "",
        };
        if !problem.is_empty() {
            let error = Error::new(SqlState::SyntaxError, problem);
            let place = match columns.get(width).map(column_ident) {
                Some(Ok(ident)) => ident.span,
                _ => extra.map_or(Span::empty(), start_of),
            };
            return Err(locate(error, text, place));
        }
        let defaults = given
            .iter()
            .zip(table.schema.columns())
            .enumerate()
            .map(|(position, (given, column))| match given {
                true => Ok(Expr::Literal { value: Value::Null, data_type: column.data_type }),
                false => default(table, position),
            })
            .collect::<Result<_>>()?;
        Ok(Target { table, positions, defaults })
    }

    /// The positions, and for every column that is not among them its position and its default.
    pub fn into_parts(self) -> (Vec<usize>, Vec<(usize, Expr)>) {
        let Target { positions, defaults, .. } = self;
        let defaults = defaults.into_iter().enumerate();
        let defaults = defaults.filter(|(position, _)| !positions.contains(position)).collect();
        (positions, defaults)
    }

    pub fn types(&self) -> Vec<DataType> {
        self.table.schema.columns().iter().map(|column| column.data_type).collect()
    }

    fn rows(&self, values: &ast::Values, text: SourceText<'_>) -> Result<Vec<Vec<Expr>>> {
        let mut binder = Binder::new(text, None, "VALUES");
        let mut rows = Vec::with_capacity(values.rows.len());
        for row in &values.rows {
            if row.content.len() != self.positions.len() {
                return Err(select::unequal_rows(row, text));
            }
            let mut bound = Vec::with_capacity(row.content.len());
            for (item, &position) in row.content.iter().zip(&self.positions) {
                bound.push(self.value(&mut binder, item, position)?);
            }
            rows.push(self.row(bound));
        }
        Ok(rows)
    }

    /// One value of one row, of its column's type.
    fn value(&self, binder: &mut Binder<'_>, item: &ast::Expr, position: usize) -> Result<Expr> {
        match self.table.schema.columns().get(position) {
            _ if is_default(item) => default(self.table, position),
            Some(column) => assign(binder.text, binder.bind(item)?, column),
            None => Err(Error::internal("INSERT into a column that does not exist")),
        }
    }

    /// A row of the table: the given values in their places, defaults everywhere else.
    fn row(&self, values: Vec<Expr>) -> Vec<Expr> {
        let in_order = self.positions.iter().enumerate().all(|(index, &position)| index == position);
        if in_order && values.len() == self.defaults.len() {
            return values;
        }
        let mut row = self.defaults.clone();
        for (value, &position) in values.into_iter().zip(&self.positions) {
            row[position] = value;
        }
        row
    }
}

/// How many values an INSERT into these columns can take.
fn beyond(table: &Table, columns: &[ObjectName]) -> usize {
    if columns.is_empty() { table.schema.columns().len() } else { columns.len() }
}

/// The keyword DEFAULT, which sqlparser reads as a name.
fn is_default(expr: &ast::Expr) -> bool {
    matches!(
        expr,
        ast::Expr::Identifier(ident) if ident.quote_style.is_none() && ident.value.eq_ignore_ascii_case("default")
    )
}

/// What a column holds when nothing is said about it.
fn default(table: &Table, position: usize) -> Result<Expr> {
    let Some(column) = table.schema.columns().get(position) else {
        return Err(Error::internal(format!("table \"{}\" has no column {position}", table.name)));
    };
    match table.defaults.get(position).and_then(Option::as_deref) {
        Some(text) => bind_default(text, column),
        None => Ok(Expr::Literal { value: Value::Null, data_type: column.data_type }),
    }
}

/// Binds a default's text as the catalog keeps it, to the type of its column.
pub fn bind_default(text: &str, column: &Column) -> Result<Expr> {
    let text = format!("SELECT {text}");
    // It was bound when it was declared. If it cannot be now, it is not what was declared.
    let broken = || {
        let what = format!("the default of column \"{}\" cannot be read", column.name);
        Error::corrupted("catalog \"pg_attrdef\"", what)
    };
    let Ok(Command::Sql(statement)) = parse::parse(&text) else { return Err(broken()) };
    let ast::Statement::Query(query) = &*statement else { return Err(broken()) };
    let SetExpr::Select(select) = &*query.body else { return Err(broken()) };
    match select.projection.as_slice() {
        [ast::SelectItem::UnnamedExpr(expr)] => {
            default_expression(expr, SourceText::from(&text), column).map_err(|_| broken())
        }
        _ => Err(broken()),
    }
}

/// A DEFAULT as it is declared: a constant expression, of the column's type by assignment.
pub fn default_expression(expr: &ast::Expr, text: SourceText<'_>, column: &Column) -> Result<Expr> {
    let mut binder = Binder::new(text, None, "DEFAULT expressions");
    if let ast::Expr::Identifier(_) | ast::Expr::CompoundIdentifier(_) = expr {
        let message = "cannot use column reference in DEFAULT expression";
        return Err(Error::new(SqlState::FeatureNotSupported, message));
    }
    let typed = binder.bind(expr)?;
    let type_name = typed.type_name();
    assign(text, typed, column).map_err(|error| match error.state() {
        SqlState::DatatypeMismatch => Error::new(
            SqlState::DatatypeMismatch,
            format!(
                "column \"{}\" is of type {} but default expression is of type {type_name}",
                column.name,
                super::coerce::type_name(column.data_type),
            ),
        )
        .with_hint("You will need to rewrite or cast the expression."),
        _ => error,
    })
}

pub fn update(
    update: &ast::Update,
    text: SourceText<'_>,
    lookup: &mut dyn Lookup,
) -> Result<plan::Statement> {
    if update.from.is_some() {
        return Err(Error::unsupported("UPDATE … FROM"));
    }
    if update.returning.is_some() {
        return Err(Error::unsupported("RETURNING"));
    }
    if update.or.is_some() || update.output.is_some() || update.limit.is_some() || !update.order_by.is_empty()
    {
        return Err(Error::unsupported("this clause of UPDATE"));
    }
    let scope = target(std::slice::from_ref(&update.table), text, lookup)?;
    let mut binder = Binder::new(text, Some(&scope), "UPDATE");
    let mut assignments: Vec<(usize, Expr)> = Vec::with_capacity(update.assignments.len());
    for assignment in &update.assignments {
        let AssignmentTarget::ColumnName(column) = &assignment.target else {
            return Err(Error::unsupported("UPDATE … SET (columns) = …"));
        };
        let position = name::column(column_ident(column)?, &scope.table, text)?;
        let Some(column) = scope.table.schema.columns().get(position) else {
            return Err(Error::internal("UPDATE of a column that does not exist"));
        };
        if assignments.iter().any(|(assigned, _)| *assigned == position) {
            let message = format!("multiple assignments to same column \"{}\"", column.name);
            return Err(Error::new(SqlState::SyntaxError, message));
        }
        let value = match is_default(&assignment.value) {
            true => default(&scope.table, position)?,
            false => assign(text, binder.bind(&assignment.value)?, column)?,
        };
        assignments.push((position, planner::fold::folded(value)));
    }
    let filter = condition(&mut binder, update.selection.as_ref())?;
    let table = Arc::clone(&scope.table);
    let source = planner::changing(&table, filter, true, lookup)?;
    Ok(plan::Statement::Update(Update { table, source, assignments }))
}

pub fn delete(
    delete: &ast::Delete,
    text: SourceText<'_>,
    lookup: &mut dyn Lookup,
) -> Result<plan::Statement> {
    if delete.using.is_some() {
        return Err(Error::unsupported("DELETE … USING"));
    }
    if delete.returning.is_some() {
        return Err(Error::unsupported("RETURNING"));
    }
    if !delete.tables.is_empty()
        || delete.output.is_some()
        || delete.limit.is_some()
        || !delete.order_by.is_empty()
    {
        return Err(Error::unsupported("this clause of DELETE"));
    }
    let FromTable::WithFromKeyword(tables) = &delete.from else {
        return Err(Error::new(SqlState::SyntaxError, "syntax error: DELETE needs FROM"));
    };
    let scope = target(tables, text, lookup)?;
    let mut binder = Binder::new(text, Some(&scope), "DELETE");
    let filter = condition(&mut binder, delete.selection.as_ref())?;
    let source = planner::changing(&scope.table, filter, false, lookup)?;
    Ok(plan::Statement::Delete(Delete { table: scope.table, source }))
}

/// The table that UPDATE or DELETE changes.
fn target(tables: &[ast::TableWithJoins], text: SourceText<'_>, lookup: &dyn Lookup) -> Result<Scope> {
    match select::from(tables, text, lookup)? {
        Some(scope) => {
            scope.table.check_changeable()?;
            Ok(scope)
        }
        None => Err(Error::new(SqlState::SyntaxError, "syntax error: no table is named")),
    }
}

fn condition(binder: &mut Binder<'_>, selection: Option<&ast::Expr>) -> Result<Option<Expr>> {
    binder.enter("WHERE", false);
    selection.map(|selection| binder.condition(selection, "WHERE")).transpose()
}

/// The column that INSERT's list or SET names: one plain identifier.
fn column_ident(name: &ObjectName) -> Result<&ast::Ident> {
    match name.0.as_slice() {
        [ObjectNamePart::Identifier(ident)] => Ok(ident),
        _ => Err(Error::unsupported(format!("the assignment target {name}"))),
    }
}

fn refuse_insert_extras(insert: &ast::Insert) -> Result<()> {
    let what = match insert {
        insert if insert.returning.is_some() => "RETURNING",
        insert if insert.on.is_some() => "ON CONFLICT",
        insert if insert.table_alias.is_some() || insert.insert_alias.is_some() => "an alias in INSERT",
        insert
            if insert.or.is_some()
                || insert.ignore
                || insert.overwrite
                || insert.replace_into
                || insert.has_table_keyword
                || insert.priority.is_some()
                || insert.partitioned.is_some()
                || insert.output.is_some()
                || insert.settings.is_some()
                || insert.format_clause.is_some()
                || insert.multi_table_insert_type.is_some()
                || !insert.assignments.is_empty()
                || !insert.after_columns.is_empty() =>
        {
            "this form of INSERT"
        }
        _ => return Ok(()),
    };
    Err(Error::unsupported(what))
}
