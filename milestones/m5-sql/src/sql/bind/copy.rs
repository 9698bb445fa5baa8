//! COPY … FROM: where the columns of the data go, and how the data are written.

use super::super::plan::{CopyFormat, CopyFrom};
use super::super::position::locate;
use super::super::source_text::SourceText;
use super::dml::Target;
use super::name;
use crate::catalog::Lookup;
use crate::error::{Error, Result, SqlState};
use sqlparser::ast::{
    CopyLegacyCsvOption, CopyLegacyOption, CopyOption, CopySource, CopyTarget, Ident, ObjectName,
};

/// `COPY table (columns) FROM STDIN …`. Files are opened by the client's `\copy`, as an ordinary user has to do it in
/// PostgreSQL.
pub fn from(
    source: &CopySource,
    target: &CopyTarget,
    (options, legacy): (&[CopyOption], &[CopyLegacyOption]),
    text: SourceText<'_>,
    lookup: &mut dyn Lookup,
) -> Result<CopyFrom> {
    let CopySource::Table { table_name, columns } = source else {
        return Err(Error::new(SqlState::SyntaxError, "COPY FROM does not support a query as a source"));
    };
    match target {
        CopyTarget::Stdin => {}
        CopyTarget::Stdout => return Err(Error::new(SqlState::SyntaxError, "STDOUT not allowed with FROM")),
        CopyTarget::File { .. } | CopyTarget::Program { .. } => {
            return Err(Error::unsupported("COPY from a file or a program of the server")
                .with_hint("\\copy reads a file of whoever types it."));
        }
    }
    let table = name::changeable(table_name, text, lookup)?;
    let columns: Vec<ObjectName> = columns.iter().cloned().map(ObjectName::from).collect();
    let width = if columns.is_empty() { table.schema.columns().len() } else { columns.len() };
    let target = Target::new(&table, &columns, width, None, text)?;
    let types = target.types();
    let (positions, defaults) = target.into_parts();
    let format = format(options, legacy, text)?;
    Ok(CopyFrom { table, types, positions, defaults, format })
}

/// What the options say; what they do not say depends on the format.
#[derive(Default)]
struct Written {
    csv: bool,
    delimiter: Option<char>,
    null: Option<String>,
    header: bool,
    quote: Option<char>,
    escape: Option<char>,
}

fn format(options: &[CopyOption], legacy: &[CopyLegacyOption], text: SourceText<'_>) -> Result<CopyFormat> {
    let mut written = Written::default();
    for option in options {
        match option {
            CopyOption::Format(name) => written.csv = is_csv(name, text)?,
            CopyOption::Delimiter(delimiter) => written.delimiter = Some(*delimiter),
            CopyOption::Null(null) => written.null = Some(null.clone()),
            CopyOption::Header(header) => written.header = *header,
            CopyOption::Quote(quote) => written.quote = Some(*quote),
            CopyOption::Escape(escape) => written.escape = Some(*escape),
            CopyOption::Encoding(encoding) if is_utf8(encoding) => {}
            other => return Err(Error::unsupported(format!("COPY option {other}"))),
        }
    }
    for option in legacy {
        match option {
            CopyLegacyOption::Delimiter(delimiter) => written.delimiter = Some(*delimiter),
            CopyLegacyOption::Null(null) => written.null = Some(null.clone()),
            CopyLegacyOption::Header => written.header = true,
            CopyLegacyOption::Csv(options) => {
                written.csv = true;
                for option in options {
                    match option {
                        CopyLegacyCsvOption::Header => written.header = true,
                        CopyLegacyCsvOption::Quote(quote) => written.quote = Some(*quote),
                        CopyLegacyCsvOption::Escape(escape) => written.escape = Some(*escape),
                        other => return Err(Error::unsupported(format!("COPY option {other}"))),
                    }
                }
            }
            other => return Err(Error::unsupported(format!("COPY option {other}"))),
        }
    }
    written.checked()
}

fn is_csv(name: &Ident, text: SourceText<'_>) -> Result<bool> {
    match &*name::fold(name) {
        "csv" => Ok(true),
        "text" => Ok(false),
        "binary" => Err(Error::unsupported("COPY in binary format")),
        other => {
            let message = format!("COPY format \"{other}\" not recognized");
            Err(locate(Error::new(SqlState::InvalidParameterValue, message), text, name.span))
        }
    }
}

fn is_utf8(encoding: &str) -> bool {
    encoding.eq_ignore_ascii_case("utf8") || encoding.eq_ignore_ascii_case("utf-8")
}

impl Written {
    /// PostgreSQL's checks (`ProcessCopyOptions`).
    fn checked(self) -> Result<CopyFormat> {
        let invalid = |message: &str| Err(Error::new(SqlState::InvalidParameterValue, message));
        let one_byte = |character: char, what: &str| match u8::try_from(character) {
            Ok(byte) if byte.is_ascii() => Ok(byte),
            _ => Err(Error::unsupported(format!("a COPY {what} of more than one byte"))),
        };
        if !self.csv && (self.quote.is_some() || self.escape.is_some()) {
            return Err(Error::unsupported("COPY quote or escape outside of CSV mode"));
        }
        let delimiter = one_byte(self.delimiter.unwrap_or(if self.csv { ',' } else { '\t' }), "delimiter")?;
        let quote = one_byte(self.quote.unwrap_or('"'), "quote")?;
        let escape = one_byte(self.escape.unwrap_or(char::from(quote)), "escape")?;
        let null = self.null.unwrap_or_else(|| if self.csv { String::new() } else { "\\N".to_string() });
        if matches!(delimiter, b'\r' | b'\n') {
            return invalid("COPY delimiter cannot be newline or carriage return");
        }
        if null.contains(['\r', '\n']) {
            return invalid("COPY null representation cannot use newline or carriage return");
        }
        if !self.csv && b"\\.abcdefghijklmnopqrstuvwxyz0123456789".contains(&delimiter) {
            return invalid(&format!("COPY delimiter cannot be \"{}\"", char::from(delimiter)));
        }
        if self.csv && delimiter == quote {
            return invalid("COPY delimiter and quote must be different");
        }
        if null.as_bytes().contains(&delimiter) {
            return invalid("COPY delimiter must not appear in the NULL specification");
        }
        Ok(CopyFormat { csv: self.csv, delimiter, null, header: self.header, quote, escape })
    }
}
