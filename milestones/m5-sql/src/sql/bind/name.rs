//! Names: folded to lower case unless quoted, qualified by a schema or not, and looked up in the catalog.

use super::super::position::locate;
use crate::catalog::{Lookup, Table};
use crate::error::{Error, Result, SqlState};
use sqlparser::ast::{Ident, ObjectName, ObjectNamePart};
use sqlparser::tokenizer::Span;
use std::borrow::Cow;
use std::sync::Arc;

/// The name that an identifier means.
pub fn fold(ident: &Ident) -> Cow<'_, str> {
    match ident.quote_style.is_some() || !ident.value.chars().any(char::is_uppercase) {
        true => Cow::Borrowed(&ident.value),
        false => Cow::Owned(ident.value.to_lowercase()),
    }
}

/// The name of a table, an index or a function, and where it stands. Schemas are `public` and `pg_catalog`.
pub fn object<'n>(name: &'n ObjectName, text: &str) -> Result<(Cow<'n, str>, Span)> {
    let idents: Option<Vec<&Ident>> = name
        .0
        .iter()
        .map(|part| match part {
            ObjectNamePart::Identifier(ident) => Some(ident),
            ObjectNamePart::Function(_) => None,
        })
        .collect();
    match idents.as_deref() {
        Some([name]) => Ok((fold(name), name.span)),
        Some([schema, name]) => {
            check_schema(schema, text)?;
            Ok((fold(name), schema.span))
        }
        Some([_, _, _, ..]) => Err(Error::unsupported(format!("cross-database reference \"{name}\""))),
        _ => Err(Error::unsupported(format!("name \"{name}\""))),
    }
}

/// There are two schemas, and all that exists is in sight from both.
pub fn check_schema(schema: &Ident, text: &str) -> Result<()> {
    let name = fold(schema);
    if matches!(&*name, "public" | "pg_catalog") {
        return Ok(());
    }
    let error = Error::new(SqlState::UndefinedTable, format!("schema \"{name}\" does not exist"));
    Err(locate(error, text, schema.span))
}

/// The table called `name`, or PostgreSQL's error.
pub fn table(name: &ObjectName, text: &str, lookup: &dyn Lookup) -> Result<Arc<Table>> {
    let (folded, span) = object(name, text)?;
    lookup.table(&folded).ok_or_else(|| {
        let error = Error::new(SqlState::UndefinedTable, format!("relation \"{folded}\" does not exist"));
        locate(error, text, span)
    })
}

/// A table that a statement is about to change; the catalogs change through DDL only.
pub fn changeable(name: &ObjectName, text: &str, lookup: &dyn Lookup) -> Result<Arc<Table>> {
    let table = table(name, text, lookup)?;
    match table.is_catalog {
        true => Err(permission_denied(&table.name)),
        false => Ok(table),
    }
}

pub fn permission_denied(catalog: &str) -> Error {
    Error::new(
        SqlState::InsufficientPrivilege,
        format!("permission denied: \"{catalog}\" is a system catalog"),
    )
}

/// The position of a column of `table`, or PostgreSQL's error as INSERT, UPDATE and indexes word it.
pub fn column(ident: &Ident, table: &Table, text: &str) -> Result<usize> {
    let name = fold(ident);
    table.schema.position(&name).ok_or_else(|| {
        let message = format!("column \"{name}\" of relation \"{}\" does not exist", table.name);
        locate(Error::new(SqlState::UndefinedColumn, message), text, ident.span)
    })
}

/// `name` as SQL has to spell it: in quotes if it would not read back as itself.
pub fn quote(name: &str) -> Cow<'_, str> {
    let plain = name.starts_with(|c: char| c.is_ascii_lowercase() || c == '_')
        && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
        && !is_reserved(name);
    match plain {
        true => Cow::Borrowed(name),
        false => Cow::Owned(format!("\"{}\"", name.replace('"', "\"\""))),
    }
}

/// PostgreSQL's reserved words (`pg_get_keywords()`, category R).
fn is_reserved(name: &str) -> bool {
    const RESERVED: &str = " all analyse analyze and any array as asc asymmetric both case cast check collate column \
        constraint create current_catalog current_date current_role current_time current_timestamp current_user \
        default deferrable desc distinct do else end except false fetch for foreign from grant group having in \
        initially intersect into lateral leading limit localtime localtimestamp not null offset on only or order \
        placing primary references returning select session_user some symmetric table then to trailing true union \
        unique user using variadic when where window with ";
    RESERVED.split_ascii_whitespace().any(|word| word == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_fold_unless_quoted() {
        assert_eq!(fold(&Ident::new("Abc")), "abc");
        assert_eq!(fold(&Ident::with_quote('"', "Abc")), "Abc");
    }

    #[test]
    fn names_are_quoted_only_where_they_must_be() {
        assert_eq!(quote("id"), "id");
        assert_eq!(quote("Id"), "\"Id\"");
        assert_eq!(quote("order"), "\"order\"");
        assert_eq!(quote("a\"b"), "\"a\"\"b\"");
    }
}
