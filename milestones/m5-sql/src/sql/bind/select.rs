//! SELECT and VALUES: the clauses, bound in the order in which they take effect.

use super::super::expr::Expr;
use super::super::logical::{Grouping, Origin, Query, Source};
use super::super::position::locate;
use super::super::source_text::SourceText;
use super::coerce::Typed;
use super::expr::{Binder, start_of};
use super::group::Groups;
use super::limit::limits;
use super::name;
use super::naming::column_name;
use super::order::{group_by, sort_keys};
use super::scope::{self, Scope};
use crate::catalog::Lookup;
use crate::error::{Error, Result, SqlState};
use sqlparser::ast::{
    self, Distinct, OrderBy, OrderByKind, Select, SelectItem, SelectItemQualifiedWildcardKind, SetExpr,
    Spanned, TableFactor, TableWithJoins,
};
use sqlparser::tokenizer::Span;

/// PostgreSQL's limit on the columns of a result (`MaxTupleAttributeNumber`).
const MAX_TARGETS: usize = 1664;

pub fn query(query: &ast::Query, text: SourceText<'_>, lookup: &mut dyn Lookup) -> Result<Query> {
    refuse_query_extras(query)?;
    let (limit, offset) = limits(query, text)?;
    let order_by = query.order_by.as_ref();
    let bound = match &*query.body {
        SetExpr::Select(select) => self::select(select, order_by, text, lookup)?,
        SetExpr::Values(values) => self::values(values, order_by, text)?,
        SetExpr::Query(inner) => {
            if order_by.is_some() || limit.is_some() || offset != 0 {
                return Err(Error::unsupported("a query in parentheses with clauses of its own"));
            }
            return self::query(inner, text, lookup);
        }
        SetExpr::SetOperation { op, .. } => return Err(Error::unsupported(op)),
        _ => return Err(Error::unsupported("this kind of query")),
    };
    Ok(Query { limit, offset, ..bound })
}

/// The one table of FROM, under its alias; `None` without FROM.
pub fn from(tables: &[TableWithJoins], text: SourceText<'_>, lookup: &dyn Lookup) -> Result<Option<Scope>> {
    let table = match tables {
        [] => return Ok(None),
        [table] if table.joins.is_empty() => table,
        _ => return Err(Error::unsupported("JOIN")),
    };
    let (name, alias) = match &table.relation {
        TableFactor::Table { args: Some(_), .. } | TableFactor::Function { .. } => {
            return Err(Error::unsupported("a function in FROM"));
        }
        TableFactor::Table { sample: Some(_), .. } => return Err(Error::unsupported("TABLESAMPLE")),
        TableFactor::Table { with_hints, partitions, index_hints, .. }
            if !with_hints.is_empty() || !partitions.is_empty() || !index_hints.is_empty() =>
        {
            return Err(Error::unsupported("a hint after a table in FROM"));
        }
        TableFactor::Table {
            name, alias, version: None, with_ordinality: false, json_path: None, ..
        } => (name, alias),
        TableFactor::Derived { .. } => return Err(Error::unsupported("a subquery in FROM")),
        TableFactor::NestedJoin { .. } => return Err(Error::unsupported("JOIN")),
        _ => return Err(Error::unsupported("this kind of table in FROM")),
    };
    let table = name::table(name, text, lookup)?;
    let alias = match alias {
        Some(alias) if alias.columns.is_empty() => {
            name::refuse_reserved(&alias.name, text)?;
            name::fold(&alias.name).into_owned()
        }
        Some(_) => return Err(Error::unsupported("a list of column aliases")),
        None => table.name.clone(),
    };
    Ok(Some(Scope { table, alias }))
}

/// The select list, bound: expressions, and the names of the columns they make.
#[derive(Default)]
pub struct Outputs {
    pub expressions: Vec<Expr>,
    pub names: Vec<String>,
    origins: Vec<Origin>,
}

impl Outputs {
    /// An output that nothing gave a type is text.
    fn push(&mut self, output: Typed, name: String) {
        self.origins.push(Origin { unknown: output.unknown, exact: output.exact, span: output.span });
        self.expressions.push(output.expr);
        self.names.push(name);
    }
}

fn select(
    select: &Select,
    order_by: Option<&OrderBy>,
    text: SourceText<'_>,
    lookup: &mut dyn Lookup,
) -> Result<Query> {
    refuse_select_extras(select)?;
    let scope = from(&select.from, text, lookup)?;
    let scope = scope.as_ref();
    let mut binder = Binder::new(text, scope, "SELECT");
    let filter = match &select.selection {
        Some(condition) => {
            binder.enter("WHERE", false);
            Some(binder.condition(condition, "WHERE")?)
        }
        None => None,
    };
    let distinct = match &select.distinct {
        None | Some(Distinct::All) => false,
        Some(Distinct::Distinct) => true,
        Some(Distinct::On(_)) => return Err(Error::unsupported("DISTINCT ON")),
    };
    binder.enter("SELECT", true);
    let mut outputs = select_list(&mut binder, &select.projection)?;
    let grouped = group_by(&mut binder, &select.group_by, &outputs)?;
    binder.enter("HAVING", true);
    let mut having = select.having.as_ref().map(|having| binder.condition(having, "HAVING")).transpose()?;
    binder.enter("ORDER BY", true);
    let mut sorted_by = sort_keys(&mut binder, order_by, &outputs, distinct)?;
    let aggregates = std::mem::take(&mut binder.aggregates);
    let grouping = if grouped.is_empty() && aggregates.is_empty() && having.is_none() {
        None
    } else {
        let sorted = sorted_by.iter().map(|key| &key.expression);
        let all = outputs.expressions.iter().chain(having.iter()).chain(sorted);
        let groups = Groups::new(text, scope, grouped, all);
        for (output, origin) in outputs.expressions.iter_mut().zip(&outputs.origins) {
            groups.regroup(output, origin.span)?;
        }
        if let (Some(having), Some(written)) = (&mut having, &select.having) {
            groups.regroup(having, start_of(written))?;
        }
        let from = match order_by.map(|order_by| &order_by.kind) {
            Some(OrderByKind::Expressions(keys)) => {
                keys.first().map_or_else(Span::empty, |key| start_of(&key.expr))
            }
            _ => Span::empty(),
        };
        for key in &mut sorted_by {
            groups.regroup(&mut key.expression, from)?;
        }
        Some(Grouping { group_by: groups.into_group_by(), aggregates, having })
    };
    Ok(Query {
        source: scope.map_or(Source::Nothing, |scope| Source::Table(scope.table.clone())),
        filter,
        grouping,
        outputs: outputs.expressions,
        names: outputs.names,
        origins: outputs.origins,
        distinct,
        order_by: sorted_by,
        limit: None,
        offset: 0,
    })
}

/// `VALUES (…), (…)` as a query: columns `column1`, `column2`, …
fn values(values: &ast::Values, order_by: Option<&OrderBy>, text: SourceText<'_>) -> Result<Query> {
    refuse_values_extras(values)?;
    let mut binder = Binder::new(text, None, "VALUES");
    let width = values.rows.first().map_or(0, |row| row.content.len());
    check_width(width)?;
    let mut columns: Vec<Vec<Typed>> = (0..width).map(|_| Vec::with_capacity(values.rows.len())).collect();
    for row in &values.rows {
        if row.content.len() != width {
            return Err(unequal_rows(row, text));
        }
        for (column, item) in columns.iter_mut().zip(&row.content) {
            column.push(binder.bind(item)?);
        }
    }
    let mut rows: Vec<Vec<Expr>> = values.rows.iter().map(|_| Vec::with_capacity(width)).collect();
    let mut types = Vec::with_capacity(width);
    for column in columns {
        let (data_type, items) = binder.match_types("VALUES", column)?;
        types.push(data_type);
        rows.iter_mut().zip(items).for_each(|(row, item)| row.push(item));
    }
    let mut outputs = Outputs::default();
    for (index, &of) in types.iter().enumerate() {
        outputs.push(Typed::known(Expr::column(index, of)), format!("column{}", index + 1));
    }
    let order_by = sort_keys(&mut binder, order_by, &outputs, false)?;
    Ok(Query {
        source: Source::Values { rows, types },
        filter: None,
        grouping: None,
        outputs: outputs.expressions,
        names: outputs.names,
        origins: outputs.origins,
        distinct: false,
        order_by,
        limit: None,
        offset: 0,
    })
}

/// MySQL's ways to write VALUES.
pub fn refuse_values_extras(values: &ast::Values) -> Result<()> {
    match values {
        ast::Values { explicit_row: true, .. } => Err(Error::unsupported("VALUES ROW")),
        ast::Values { value_keyword: true, .. } => Err(Error::unsupported("VALUE instead of VALUES")),
        _ => Ok(()),
    }
}

/// A row of VALUES that is longer or shorter than the first.
pub fn unequal_rows(row: &ast::Parens<Vec<ast::Expr>>, text: SourceText<'_>) -> Error {
    let error = Error::new(SqlState::SyntaxError, "VALUES lists must all be the same length");
    match row.content.first() {
        Some(first) => locate(error, text, start_of(first)),
        None => error,
    }
}

fn select_list(binder: &mut Binder<'_>, items: &[SelectItem]) -> Result<Outputs> {
    let mut outputs = Outputs::default();
    for item in items {
        match item {
            SelectItem::UnnamedExpr(expr) => {
                outputs.push(binder.bind(expr)?, column_name(expr).unwrap_or_else(|| "?column?".to_string()));
            }
            SelectItem::ExprWithAlias { expr, alias } => {
                if alias.quote_style == Some('\'') {
                    let message = format!("syntax error at or near \"{alias}\"");
                    return Err(locate(Error::new(SqlState::SyntaxError, message), binder.text, alias.span));
                }
                outputs.push(binder.bind(expr)?, name::fold(alias).into_owned());
            }
            SelectItem::Wildcard(options) => {
                refuse_wildcard_options(options)?;
                let scope = binder.scope.ok_or_else(|| {
                    let message = "SELECT * with no tables specified is not valid";
                    let error = Error::new(SqlState::SyntaxError, message);
                    locate(error, binder.text, options.wildcard_token.0.span)
                })?;
                all_columns(scope, options.wildcard_token.0.span, &mut outputs);
            }
            SelectItem::QualifiedWildcard(SelectItemQualifiedWildcardKind::ObjectName(table), options) => {
                refuse_wildcard_options(options)?;
                let scope = match table.0.last() {
                    Some(ast::ObjectNamePart::Identifier(ident)) => {
                        name::object(table, binder.text)?;
                        scope::check_table(binder.scope, ident, binder.text)?
                    }
                    _ => return Err(Error::unsupported(format!("{table}.*"))),
                };
                all_columns(scope, table.span(), &mut outputs);
            }
            _ => return Err(Error::unsupported("this kind of select item")),
        }
        check_width(outputs.expressions.len())?;
    }
    Ok(outputs)
}

fn check_width(columns: usize) -> Result<()> {
    match columns > MAX_TARGETS {
        true => Err(Error::new(
            SqlState::TooManyColumns,
            format!("target lists can have at most {MAX_TARGETS} entries"),
        )),
        false => Ok(()),
    }
}

fn all_columns(scope: &Scope, star: Span, outputs: &mut Outputs) {
    for (index, column) in scope.table.schema.columns().iter().enumerate() {
        outputs.push(Typed::known(Expr::column(index, column.data_type)).at(star), column.name.clone());
    }
}

fn refuse_query_extras(query: &ast::Query) -> Result<()> {
    let what = match query {
        ast::Query { with: Some(_), .. } => "WITH",
        ast::Query { for_clause: Some(_), .. } => "FOR",
        query if !query.locks.is_empty() => "a locking clause (FOR UPDATE, FOR SHARE)",
        query if query.settings.is_some() || query.format_clause.is_some() => "SETTINGS and FORMAT",
        query if !query.pipe_operators.is_empty() => "a pipe operator",
        _ => return Ok(()),
    };
    Err(Error::unsupported(what))
}

fn refuse_select_extras(select: &Select) -> Result<()> {
    let what = match select {
        select if select.into.is_some() => "SELECT INTO",
        select if select.top.is_some() => "TOP",
        select if !select.named_window.is_empty() || select.qualify.is_some() => "a window function",
        select if !select.lateral_views.is_empty() => "LATERAL VIEW",
        select if !select.connect_by.is_empty() => "CONNECT BY",
        select
            if select.prewhere.is_some()
                || select.exclude.is_some()
                || select.value_table_mode.is_some()
                || !select.cluster_by.is_empty()
                || !select.distribute_by.is_empty()
                || !select.sort_by.is_empty() =>
        {
            "this clause of SELECT"
        }
        _ => return Ok(()),
    };
    Err(Error::unsupported(what))
}

fn refuse_wildcard_options(options: &ast::WildcardAdditionalOptions) -> Result<()> {
    let plain = options.opt_ilike.is_none()
        && options.opt_exclude.is_none()
        && options.opt_except.is_none()
        && options.opt_replace.is_none()
        && options.opt_rename.is_none()
        && options.opt_alias.is_none();
    match plain {
        true => Ok(()),
        false => Err(Error::unsupported("an option after *")),
    }
}
