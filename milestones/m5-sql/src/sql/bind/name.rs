//! Names: folded to lower case unless quoted, qualified by a schema or not, and looked up in the catalog.

use super::super::position::locate;
use super::super::source_text::SourceText;
use crate::catalog::{Lookup, Table};
use crate::error::{Error, Result, SqlState};
use rustc_hash::FxHashSet;
use sqlparser::ast::{Ident, ObjectName, ObjectNamePart};
use sqlparser::tokenizer::Span;
use std::borrow::Cow;
use std::sync::{Arc, LazyLock};

/// The name that an identifier means. As in PostgreSQL, only the letters of ASCII are folded: what the others are in
/// lower case depends on the language.
pub fn fold(ident: &Ident) -> Cow<'_, str> {
    if ident.quote_style.is_some() || !ident.value.bytes().any(|byte| byte.is_ascii_uppercase()) {
        return Cow::Borrowed(&ident.value);
    }
    Cow::Owned(ident.value.to_ascii_lowercase())
}

/// The name of a table, an index or a function, and where it stands. Schemas are `public` and `pg_catalog`.
pub fn object<'n>(name: &'n ObjectName, text: SourceText<'_>) -> Result<(Cow<'n, str>, Span)> {
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
        Some([schema, name]) if is_known_schema(schema) => Ok((fold(name), schema.span)),
        Some([schema, name]) => {
            let message = format!("relation \"{}.{}\" does not exist", fold(schema), fold(name));
            Err(locate(Error::new(SqlState::UndefinedTable, message), text, schema.span))
        }
        Some([_, _, _, ..]) => Err(Error::unsupported(format!("cross-database reference \"{name}\""))),
        _ => Err(Error::unsupported(format!("name \"{name}\""))),
    }
}

/// The schema that a name says, if there is none of that name.
pub fn missing_schema(name: &ObjectName) -> Option<&Ident> {
    match name.0.as_slice() {
        [ObjectNamePart::Identifier(schema), _] if !is_known_schema(schema) => Some(schema),
        _ => None,
    }
}

/// Refuses such a name, as PostgreSQL does wherever it is about more than reading and writing rows.
pub fn refuse_missing_schema(name: &ObjectName) -> Result<()> {
    match missing_schema(name) {
        None => Ok(()),
        Some(schema) => {
            let message = format!("schema \"{}\" does not exist", fold(schema));
            Err(Error::new(SqlState::InvalidSchemaName, message))
        }
    }
}

/// Refuses a column's schema other than the two there are; all that exists is in sight from both.
pub fn check_schema(schema: &Ident, text: SourceText<'_>) -> Result<()> {
    if is_known_schema(schema) {
        return Ok(());
    }
    let message = format!("schema \"{}\" does not exist", fold(schema));
    Err(locate(Error::new(SqlState::UndefinedTable, message), text, schema.span))
}

fn is_known_schema(schema: &Ident) -> bool {
    matches!(&*fold(schema), "public" | "pg_catalog")
}

/// The table called `name`, or PostgreSQL's error.
pub fn table(name: &ObjectName, text: SourceText<'_>, lookup: &dyn Lookup) -> Result<Arc<Table>> {
    refuse_reserved_object(name, text)?;
    let (folded, span) = object(name, text)?;
    lookup.table(&folded).filter(|table| is_in_schema(table, name)).ok_or_else(|| {
        let message = match schema(name) {
            Some(schema) => format!("relation \"{schema}.{folded}\" does not exist"),
            None => format!("relation \"{folded}\" does not exist"),
        };
        locate(Error::new(SqlState::UndefinedTable, message), text, span)
    })
}

/// The schema that a name says, if it does.
pub fn schema(name: &ObjectName) -> Option<Cow<'_, str>> {
    match name.0.as_slice() {
        [ObjectNamePart::Identifier(schema), _] => Some(fold(schema)),
        _ => None,
    }
}

/// Whether a table is in the schema that its name says. The catalogs are in `pg_catalog`, all others in `public`.
pub fn is_in_schema(table: &Table, name: &ObjectName) -> bool {
    schema(name).is_none_or(|schema| (schema == "pg_catalog") == table.is_catalog)
}

/// A table that a statement is about to change; the catalogs change through DDL only.
pub fn changeable(name: &ObjectName, text: SourceText<'_>, lookup: &dyn Lookup) -> Result<Arc<Table>> {
    let table = table(name, text, lookup)?;
    table.check_changeable()?;
    Ok(table)
}

/// The position of a column of `table`, or PostgreSQL's error as INSERT, UPDATE and indexes word it.
pub fn column(ident: &Ident, table: &Table, text: SourceText<'_>) -> Result<usize> {
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

/// A name that is a word of the language's own must be quoted.
pub fn refuse_reserved(ident: &Ident, text: SourceText<'_>) -> Result<()> {
    if ident.quote_style.is_some() {
        return Ok(());
    }
    let name = fold(ident);
    if !is_reserved(&name) || is_column_name(&name) {
        return Ok(());
    }
    let message = format!("syntax error at or near \"{}\"", ident.value);
    Err(locate(Error::new(SqlState::SyntaxError, message), text, ident.span))
}

pub fn refuse_reserved_object(name: &ObjectName, text: SourceText<'_>) -> Result<()> {
    match name.0.last() {
        Some(ObjectNamePart::Identifier(ident)) => refuse_reserved(ident, text),
        _ => Ok(()),
    }
}

/// The keywords that PostgreSQL lets be the name of a column or a table, though not of a function
/// (`col_name_keyword` in its grammar).
fn is_column_name(name: &str) -> bool {
    const COLUMN_NAMES: &str = "between bigint bit boolean char character coalesce dec decimal exists extract float \
        greatest grouping inout int integer interval least national nchar none normalize nullif numeric out \
        overlay position precision real row setof smallint substring time timestamp treat trim values \
        varchar xmlattributes xmlconcat xmlelement xmlexists xmlforest xmlnamespaces xmlparse xmlpi xmlroot \
        xmlserialize xmltable";
    COLUMN_NAMES.split_ascii_whitespace().any(|word| word == name)
}

/// PostgreSQL's keywords but for the unreserved ones (`pg_get_keywords()`): what `quote_identifier` quotes.
fn is_reserved(name: &str) -> bool {
    const RESERVED: &str = "all analyse analyze and any array as asc asymmetric authorization between bigint binary bit \
        boolean both case cast char character check coalesce collate collation column concurrently \
        constraint create cross current_catalog current_date current_role current_schema current_time \
        current_timestamp current_user dec decimal default deferrable desc distinct do else end except \
        exists extract false fetch float for foreign freeze from full grant greatest group grouping \
        having ilike in initially inner inout int integer intersect interval into is isnull join lateral \
        leading least left like limit localtime localtimestamp national natural nchar none normalize not \
        notnull null nullif numeric offset on only or order out outer overlaps overlay placing position \
        precision primary real references returning right row select session_user setof similar smallint \
        some substring symmetric table tablesample then time timestamp to trailing treat trim true union \
        unique user using values varchar variadic verbose when where window with xmlattributes xmlconcat \
        xmlelement xmlexists xmlforest xmlnamespaces xmlparse xmlpi xmlroot xmlserialize xmltable";
    // Every name of every statement is looked up here.
    static WORDS: LazyLock<FxHashSet<&str>> = LazyLock::new(|| RESERVED.split_ascii_whitespace().collect());
    WORDS.contains(name)
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
