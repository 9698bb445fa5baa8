//! The binder: from sqlparser's tree to a statement in which every name is found and every type known.
//!
//! What SQL has and this database does not is refused here, by name; nothing is ignored.

mod coerce;
mod copy;
mod ddl;
mod decimal;
mod dml;
mod exact;
mod expr;
mod function;
mod group;
mod limit;
mod literal;
pub mod name;
mod naming;
mod operator;
mod order;
mod scope;
mod select;
#[cfg(test)]
mod tests;
mod utility;

use super::parse::{Command, statement_name};
use super::plan;
use super::planner;
use super::position;
use super::source_text::SourceText;
use super::statement::Statement;
use crate::catalog::Lookup;
use crate::error::{Error, Result, SqlState};
use crate::types::DataType;
use sqlparser::ast::{self, Spanned};

/// Binds and plans one statement. `text` is what it was parsed from; errors point into it.
pub fn bind<'a>(
    command: &Command,
    text: impl Into<SourceText<'a>>,
    lookup: &mut dyn Lookup,
) -> Result<Statement> {
    let text = text.into();
    use ast::Statement as S;
    let statement = match command {
        Command::Empty => return Ok(Statement::Empty),
        Command::Checkpoint => return Ok(Statement::Checkpoint),
        Command::Sql(tree) => &**tree,
    };
    match statement {
        S::Query(_) | S::Insert(_) | S::Update(_) | S::Delete(_) => {
            plannable(statement, text, lookup).map(Statement::Plan)
        }
        S::Explain { statement, analyze, verbose, options, format, .. } => {
            if format.is_some() {
                return Err(Error::unsupported("EXPLAIN FORMAT"));
            }
            let explain = utility::explain(*analyze, *verbose, options.as_deref().unwrap_or_default())?;
            Ok(Statement::Explain(explain(plannable(statement, text, lookup)?)))
        }
        S::Copy { source, to: false, target, options, legacy_options, values } if values.is_empty() => {
            copy::from(source, target, (options, legacy_options), text, lookup).map(Statement::CopyFrom)
        }
        S::Copy { to: true, .. } => Err(Error::unsupported("COPY TO")
            .with_hint("A SELECT prints its rows as CSV after \\pset format csv.")),
        S::CreateTable(create) => ddl::create_table(create, text, lookup),
        S::CreateIndex(create) => ddl::create_index(create, text, lookup),
        S::Drop { table: Some(_), .. } => Err(Error::unsupported("DROP INDEX … ON")),
        S::Drop { purge: true, .. } => Err(Error::unsupported("PURGE")),
        S::Drop { temporary: true, .. } => Err(Error::unsupported("DROP TEMPORARY TABLE")),
        S::Drop { object_type, if_exists, names, cascade, .. } => match object_type {
            ast::ObjectType::Table => ddl::drop_table(names, *if_exists, *cascade, text, lookup),
            ast::ObjectType::Index => ddl::drop_index(names, *if_exists, *cascade, text),
            other => Err(Error::unsupported(format!("DROP {other}"))),
        },
        S::StartTransaction { modes, modifier, statements, exception, .. } => {
            let plain =
                modes.is_empty() && modifier.is_none() && statements.is_empty() && exception.is_none();
            utility::transaction(plain, "a transaction mode", Statement::Begin)
        }
        S::Commit { chain, modifier, .. } => {
            utility::transaction(!chain && modifier.is_none(), "AND CHAIN", Statement::Commit)
        }
        S::Rollback { chain, savepoint: None } => {
            utility::transaction(!chain, "AND CHAIN", Statement::Rollback)
        }
        S::Rollback { savepoint: Some(_), .. } => Err(Error::unsupported("ROLLBACK TO SAVEPOINT")),
        S::Vacuum(vacuum) => utility::vacuum(vacuum, text, lookup),
        S::Set(set) => utility::set(set, text),
        S::ShowVariable { variable } => Ok(utility::show(variable)),
        _ => Err(Error::unsupported(statement_name(&text))),
    }
}

pub use coerce::Exact;
pub use literal::number;

/// Where the literals of an INSERT go, for whoever reads them without the parser.
pub use dml::literal_target;

/// Binds a default's text as the catalog keeps it, to the type of its column.
pub use dml::bind_default;

/// The statements that have a plan, and so can be explained.
fn plannable(
    statement: &ast::Statement,
    text: SourceText<'_>,
    lookup: &mut dyn Lookup,
) -> Result<plan::Statement> {
    use ast::Statement as S;
    match statement {
        S::Query(query) => {
            let query = select::query(query, text, lookup)?;
            planner::query(query, lookup)
        }
        S::Insert(insert) => dml::insert(insert, text, lookup),
        S::Update(update) => dml::update(update, text, lookup),
        S::Delete(delete) => dml::delete(delete, text, lookup),
        _ => Err(Error::unsupported("EXPLAIN of this statement")),
    }
}

/// A type by its name. One that PostgreSQL has is refused differently from one that nobody has.
fn data_type(written: &ast::DataType) -> Result<DataType> {
    if let ast::DataType::Custom(name, modifiers) = written
        && modifiers.is_empty()
        && let [schema, _] = name.0.as_slice()
        && schema.to_string().eq_ignore_ascii_case("pg_catalog")
    {
        return DataType::parse(&name.to_string().to_ascii_lowercase().replacen("pg_catalog.", "", 1));
    }
    if let ast::DataType::Float(ast::ExactNumberInfo::Precision(bits)) = written {
        return float(*bits);
    }
    let name = written.to_string();
    DataType::parse(&name).map_err(|error| match written {
        ast::DataType::Custom(..) if is_elsewhere(&name.to_ascii_lowercase()) => {
            Error::unsupported(format!("type {}", name.to_ascii_lowercase()))
        }
        ast::DataType::Custom(..) => error,
        _ if error.state() == SqlState::UndefinedObject => {
            Error::unsupported(format!("type {}", name.to_ascii_lowercase()))
        }
        _ => error,
    })
}

/// The same, and an error points at a name that is no type's. Of other types the tree does not say where they stand.
fn data_type_at(written: &ast::DataType, text: SourceText<'_>) -> Result<DataType> {
    data_type(written).map_err(|error| match written {
        ast::DataType::Custom(name, _) if error.state() == SqlState::UndefinedObject => {
            position::locate(error, text, name.span())
        }
        _ => error,
    })
}

/// `float(bits)`: real up to 24, double precision beyond.
fn float(bits: u64) -> Result<DataType> {
    let problem = match bits {
        0 => "at least 1 bit",
        1..=24 => return Err(Error::unsupported("type real")),
        25..=53 => return Ok(DataType::DoublePrecision),
        _ => "less than 54 bits",
    };
    let message = format!("precision for type float must be {problem}");
    Err(Error::new(SqlState::InvalidParameterValue, message))
}

/// Types of PostgreSQL's that sqlparser does not know from types of somebody's own.
fn is_elsewhere(name: &str) -> bool {
    const ELSEWHERE: &str = "bigserial box bpchar cidr circle daterange inet int4multirange int4range int8multirange \
        int8range line lseg macaddr macaddr8 money name nummultirange numrange oid path pg_lsn point polygon serial \
        serial2 serial4 serial8 smallserial timetz tsmultirange tsquery tsrange tstzmultirange tstzrange tsvector \
        varbit xml";
    ELSEWHERE.split_ascii_whitespace().any(|word| word == name)
}

/// Binds a constant expression on its own.
#[cfg(test)]
pub fn expression(text: &str) -> Result<super::expr::Expr> {
    let text = format!("SELECT {text}");
    let Command::Sql(statement) = super::parse(&text)? else { return Err(Error::internal("no statement")) };
    let ast::Statement::Query(query) = &*statement else { return Err(Error::internal("no query")) };
    match query.body.as_select().map(|select| select.projection.as_slice()) {
        Some([ast::SelectItem::UnnamedExpr(expr)]) => {
            expr::Binder::new((&text).into(), None, "SELECT").bind(expr).map(|typed| typed.expr)
        }
        _ => Err(Error::internal("no expression")),
    }
}
