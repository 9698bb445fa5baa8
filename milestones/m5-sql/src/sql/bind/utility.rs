//! Statements about the session and the database rather than about rows.

use super::super::plan;
use super::super::source_text::SourceText;
use super::super::statement::{Explain, SetValue, Statement};
use super::name::{self, fold};
use crate::catalog::Lookup;
use crate::error::{Error, Result, SqlState};
use sqlparser::ast::{self, Ident, ObjectNamePart, Set, UtilityOption, VacuumStatement};

/// BEGIN, COMMIT or ROLLBACK, if nothing more was asked for.
pub fn transaction(plain: bool, otherwise: &str, statement: Statement) -> Result<Statement> {
    match plain {
        true => Ok(statement),
        false => Err(Error::unsupported(otherwise)),
    }
}

/// Reads EXPLAIN's options; the answer makes the statement once its plan is there.
pub fn explain(
    analyze: bool,
    verbose: bool,
    options: &[UtilityOption],
) -> Result<impl FnOnce(plan::Statement) -> Explain> {
    if verbose {
        return Err(Error::unsupported("EXPLAIN VERBOSE"));
    }
    let (mut analyze, mut buffers, mut costs) = (analyze, false, true);
    let (mut timing, mut summary) = (None, None);
    for option in options {
        let name = fold(&option.name);
        match &*name {
            "analyze" => analyze = switch(option)?,
            "buffers" => buffers = switch(option)?,
            "costs" => costs = switch(option)?,
            "timing" => timing = Some(switch(option)?),
            "summary" => summary = Some(switch(option)?),
            "format" if text_format(option) => {}
            "format" | "verbose" | "settings" | "wal" => {
                return Err(Error::unsupported(format!("EXPLAIN ({})", name.to_ascii_uppercase())));
            }
            _ => {
                let message = format!("unrecognized EXPLAIN option \"{name}\"");
                return Err(Error::new(SqlState::SyntaxError, message));
            }
        }
    }
    if timing == Some(true) && !analyze {
        let message = "EXPLAIN option TIMING requires ANALYZE";
        return Err(Error::new(SqlState::InvalidParameterValue, message));
    }
    let (timing, summary) = (timing.unwrap_or(analyze), summary.unwrap_or(analyze));
    Ok(move |statement| Explain { analyze, buffers, costs, timing, summary, statement })
}

fn text_format(option: &UtilityOption) -> bool {
    matches!(&option.arg, Some(ast::Expr::Identifier(ident)) if fold(ident) == "text")
}

/// The value of an option: on if nothing follows its name.
fn switch(option: &UtilityOption) -> Result<bool> {
    let Some(argument) = &option.arg else { return Ok(true) };
    match argument.to_string().to_ascii_lowercase().as_str() {
        "true" | "on" | "1" => Ok(true),
        "false" | "off" | "0" => Ok(false),
        _ => {
            Err(Error::new(SqlState::SyntaxError, format!("{} requires a Boolean value", fold(&option.name))))
        }
    }
}

pub fn vacuum(vacuum: &VacuumStatement, text: SourceText<'_>, lookup: &dyn Lookup) -> Result<Statement> {
    if vacuum.full {
        return Err(Error::unsupported("VACUUM FULL"));
    }
    if vacuum.sort_only || vacuum.delete_only || vacuum.reindex || vacuum.recluster || vacuum.boost {
        return Err(Error::unsupported("this form of VACUUM"));
    }
    if let Some(threshold) = &vacuum.threshold {
        return Err(Error::unsupported(format!("VACUUM TO {threshold} PERCENT")));
    }
    vacuum.table_name.as_ref().map_or(Ok(()), name::refuse_missing_schema)?;
    let table = vacuum.table_name.as_ref().map(|name| name::table(name, text, lookup)).transpose()?;
    Ok(Statement::Vacuum { table })
}

/// `SET name = value`. What the names are and which values they take is the session's to know.
pub fn set(set: &Set, text: SourceText<'_>) -> Result<Statement> {
    let Set::SingleAssignment { scope, hivevar: false, variable, values } = set else {
        return Err(Error::unsupported("this form of SET"));
    };
    if matches!(scope, Some(ast::ContextModifier::Local | ast::ContextModifier::Global)) {
        return Err(Error::unsupported("SET LOCAL"));
    }
    let name = match variable.0.as_slice() {
        [ObjectNamePart::Identifier(name)] => fold(name).into_owned(),
        _ => return Err(Error::unsupported(format!("parameter {variable}"))),
    };
    let [value] = values.as_slice() else {
        return Err(Error::new(
            SqlState::InvalidParameterValue,
            format!("SET {name} takes only one argument"),
        ));
    };
    let value = match value {
        ast::Expr::Identifier(word) if word.quote_style.is_none() && fold(word) == "default" => {
            SetValue::Default
        }
        ast::Expr::Identifier(word) => SetValue::Text(fold(word).into_owned()),
        other => match super::expr::Binder::new(text, None, "SET").bind(other)?.expr {
            super::super::expr::Expr::Literal { value, .. } if !value.is_null() => {
                SetValue::Text(value.to_string())
            }
            _ => {
                let message = format!("invalid value for parameter \"{name}\"");
                return Err(Error::new(SqlState::InvalidParameterValue, message));
            }
        },
    };
    Ok(Statement::Set { name, value })
}

pub fn show(variable: &[Ident]) -> Statement {
    let name = variable.iter().map(|word| fold(word)).collect::<Vec<_>>().join(" ");
    Statement::Show { name }
}
