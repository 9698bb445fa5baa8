//! What the columns of a result are called where no AS says it (PostgreSQL's `FigureColname`).

use super::name;
use crate::types::DataType;
use sqlparser::ast;

/// The name of an output, or `None` for `?column?`.
pub fn column_name(mut expr: &ast::Expr) -> Option<String> {
    use ast::Expr as E;
    loop {
        return Some(match expr {
            E::Nested(inner) => {
                expr = inner;
                continue;
            }
            E::Identifier(ident) => name::fold(ident).into_owned(),
            E::CompoundIdentifier(idents) => name::fold(idents.last()?).into_owned(),
            E::Function(function) => match function.name.0.last()? {
                ast::ObjectNamePart::Identifier(ident) => name::fold(ident).into_owned(),
                ast::ObjectNamePart::Function(_) => return None,
            },
            E::Case { else_result, .. } => {
                let of_else = else_result.as_ref().and_then(|otherwise| strong_name(otherwise));
                of_else.unwrap_or_else(|| "case".to_string())
            }
            E::Cast { expr: operand, data_type, .. } => {
                let own = strong_name(operand);
                return own.or_else(|| super::data_type(data_type).ok().map(internal_name));
            }
            E::TypedString(typed) => internal_name(super::data_type(&typed.data_type).ok()?),
            E::Trim { trim_where, .. } => match trim_where {
                None | Some(ast::TrimWhereField::Both) => "btrim".to_string(),
                Some(ast::TrimWhereField::Leading) => "ltrim".to_string(),
                Some(ast::TrimWhereField::Trailing) => "rtrim".to_string(),
            },
            E::Substring { shorthand: true, .. } => "substr".to_string(),
            E::Substring { .. } => "substring".to_string(),
            E::Ceil { .. } => "ceil".to_string(),
            E::Floor { .. } => "floor".to_string(),
            _ => return None,
        });
    }
}

/// The name of a column or a function, which a cast takes over from its operand and CASE from its ELSE. The
/// name of a type or a CASE is weaker than theirs.
fn strong_name(expr: &ast::Expr) -> Option<String> {
    use ast::Expr as E;
    match expr {
        E::Nested(inner) | E::Cast { expr: inner, .. } => strong_name(inner),
        E::Case { else_result, .. } => else_result.as_deref().and_then(strong_name),
        E::Value(_) | E::TypedString(_) => None,
        _ => column_name(expr),
    }
}

/// The name that `pg_type` has for a type.
fn internal_name(data_type: DataType) -> String {
    match data_type {
        DataType::Boolean => "bool",
        DataType::SmallInt => "int2",
        DataType::Integer => "int4",
        DataType::BigInt => "int8",
        DataType::DoublePrecision => "float8",
        DataType::Text => "text",
        DataType::Varchar(_) => "varchar",
    }
    .to_string()
}
