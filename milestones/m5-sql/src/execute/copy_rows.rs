//! The rows that COPY reads: from lines to batches of columns.
//!
//! Two formats, both PostgreSQL's. *text*: tabs part the columns, a backslash escapes what would be taken for something
//! else, and `\N` is NULL. *csv*: as spreadsheets write it (RFC 4180), where a column in quotes may hold anything, and
//! nothing at all without quotes is NULL.

use super::batch::{BATCH_ROWS, BATCH_TEXT, Batch};
use super::copy_reader::CopyReader;
use super::literal_rows::{fits, is_short};
use super::table_writer::null_violation;
use super::vector::{Values, Vector};
use crate::error::{Error, Result, SqlState};
use crate::sql::encoding::decode;
use crate::sql::plan::{CopyFormat, CopyFrom};
use crate::types::{DataType, Value};
use std::io::Read;

/// Bytes of a line or a value that an error repeats.
const MAX_SHOWN: usize = 100;

pub struct CopyRows<'a> {
    reader: CopyReader<'a>,
    copy: &'a CopyFrom,
    /// For each column that gets no value, its position and the constant that it holds instead.
    defaults: Vec<(usize, Value)>,
    /// The columns of the row in hand.
    fields: Vec<Field>,
    /// The bytes of columns from which something had to be taken out.
    scratch: Vec<u8>,
    /// The line of each row of the last batch.
    lines: Vec<u64>,
}

/// The bytes of one column: where they are in the line, or in the scratch.
#[derive(Clone, Copy)]
struct Field {
    start: usize,
    end: usize,
    in_scratch: bool,
}

impl<'a> CopyRows<'a> {
    pub fn new(copy: &'a CopyFrom, defaults: Vec<(usize, Value)>, source: &'a mut dyn Read) -> CopyRows<'a> {
        CopyRows {
            reader: CopyReader::new(source, &copy.format),
            copy,
            defaults,
            fields: Vec::new(),
            scratch: Vec::new(),
            lines: Vec::new(),
        }
    }

    /// Fills the batch with the next rows; false if there are none.
    pub fn next(&mut self, batch: &mut Batch) -> Result<bool> {
        batch.reset(&self.copy.types);
        self.lines.clear();
        if self.reader.number() == 0 && self.copy.format.header && self.read_line()? {
            // The first line is for people.
            decode(self.reader.line()).map_err(|error| self.at_line(error, self.reader.number()))?;
        }
        while self.lines.len() < BATCH_ROWS
            && batch.columns.iter().all(|column| column.text_bytes() < BATCH_TEXT)
            && self.read_line()?
        {
            self.push_row(batch)?;
            self.lines.push(self.reader.number());
        }
        batch.set_len(self.lines.len());
        Ok(!self.lines.is_empty())
    }

    fn read_line(&mut self) -> Result<bool> {
        self.reader.advance().map_err(|error| self.at_line(error, self.reader.number()))
    }

    /// Adds the line in hand to the batch.
    fn push_row(&mut self, batch: &mut Batch) -> Result<()> {
        self.split_line().map_err(|error| self.in_line(error))?;
        let copy = self.copy;
        let is_empty = matches!(self.fields.as_slice(), [field] if field.start == field.end);
        if self.fields.len() > copy.positions.len() && !(copy.positions.is_empty() && is_empty) {
            let message = "extra data after last expected column";
            return Err(self.in_line(Error::new(SqlState::BadCopyFileFormat, message)));
        }
        let mut lacks_value = false;
        for (number, position) in copy.positions.iter().enumerate() {
            let Some(field) = self.fields.get(number) else { return Err(self.missing(*position)) };
            let bytes = self.bytes(*field);
            let column = &mut batch.columns[*position];
            if !field.in_scratch && bytes == copy.format.null.as_bytes() {
                lacks_value |= copy.table.schema.columns()[*position].not_null;
                column.push_null();
            } else if let Err(error) = push(column, copy.types[*position], bytes) {
                return Err(self.in_column(error, *position, bytes));
            }
        }
        for (position, value) in &self.defaults {
            lacks_value |= value.is_null() && copy.table.schema.columns()[*position].not_null;
            batch.columns[*position].push_value(value)?;
        }
        if lacks_value { Err(self.null_violation(batch)) } else { Ok(()) }
    }

    fn bytes(&self, field: Field) -> &[u8] {
        let bytes = if field.in_scratch { &self.scratch } else { self.reader.line() };
        &bytes[field.start..field.end]
    }

    /// Finds the columns of the line in hand.
    fn split_line(&mut self) -> Result<()> {
        self.fields.clear();
        self.scratch.clear();
        let (line, has_specials) = (self.reader.line(), self.reader.has_specials());
        let mut at = 0;
        loop {
            let (field, end) = match (has_specials, self.copy.format.csv) {
                (false, _) => plain_field(line, at, &self.copy.format),
                (true, false) => text_field(line, at, &self.copy.format, &mut self.scratch),
                (true, true) => csv_field(line, at, &self.copy.format, &mut self.scratch)?,
            };
            self.fields.push(field);
            if end == line.len() {
                return Ok(());
            }
            at = end + 1;
        }
    }

    fn missing(&self, position: usize) -> Error {
        let column = &self.copy.table.schema.columns()[position].name;
        let message = format!("missing data for column \"{column}\"");
        self.in_line(Error::new(SqlState::BadCopyFileFormat, message))
    }

    /// The error for the row just pushed, in which a column that must not be NULL is.
    fn null_violation(&self, batch: &Batch) -> Error {
        let (columns, row) = (batch.columns.iter().collect::<Vec<_>>(), self.lines.len());
        let mut named = self.copy.table.schema.columns().iter().zip(&columns);
        let column = named.find(|(column, values)| column.not_null && values.nulls.is_null(row));
        let name = column.map_or("", |(column, _)| &column.name);
        self.in_line(null_violation(&self.copy.table, name, &columns, row))
    }

    /// Says which line a row of the last batch came from. If it isn't known which one an error is about, that is the last.
    pub fn at_row(&self, error: Error, row: Option<usize>) -> Error {
        let line = row.and_then(|row| self.lines.get(row)).copied();
        self.at_line(error, line.unwrap_or(self.reader.number()))
    }

    fn at_line(&self, error: Error, line: u64) -> Error {
        error.with_context(format!("COPY {}, line {line}", self.copy.table.name))
    }

    /// Adds the line in hand to an error, and what stands there.
    fn in_line(&self, error: Error) -> Error {
        let (table, line) = (&self.copy.table.name, self.reader.number());
        // Bytes that are no text are found before anything else is looked for.
        if let Err(error) = decode(self.reader.line()) {
            return self.at_line(error, line);
        }
        error.with_context(format!("COPY {table}, line {line}: \"{}\"", shown(self.reader.line())))
    }

    /// Adds the line, the column, and what it holds.
    fn in_column(&self, error: Error, position: usize, bytes: &[u8]) -> Error {
        let (table, line) = (&self.copy.table.name, self.reader.number());
        if error.state() == SqlState::CharacterNotInRepertoire || decode(self.reader.line()).is_err() {
            return self.in_line(error);
        }
        let column = &self.copy.table.schema.columns()[position].name;
        error.with_context(format!("COPY {table}, line {line}, column {column}: \"{}\"", shown(bytes)))
    }
}

/// The column that begins at `start`, and where the delimiter behind it is, or the line's end.
fn plain_field(line: &[u8], start: usize, format: &CopyFormat) -> (Field, usize) {
    let end = memchr::memchr(format.delimiter, &line[start..]).map_or(line.len(), |len| start + len);
    (Field { start, end, in_scratch: false }, end)
}

/// The same in text format, where a backslash takes the next byte with it.
fn text_field(line: &[u8], start: usize, format: &CopyFormat, scratch: &mut Vec<u8>) -> (Field, usize) {
    let (mut end, mut is_escaped) = (start, false);
    loop {
        match memchr::memchr2(format.delimiter, b'\\', &line[end..]) {
            Some(plain) if line[end + plain] == b'\\' => {
                is_escaped = true;
                end = (end + plain + 2).min(line.len());
            }
            found => {
                end = found.map_or(line.len(), |plain| end + plain);
                break;
            }
        }
    }
    let written = &line[start..end];
    if !is_escaped || written == format.null.as_bytes() {
        return (Field { start, end, in_scratch: false }, end);
    }
    let in_scratch = scratch.len();
    unescape(written, scratch);
    (Field { start: in_scratch, end: scratch.len(), in_scratch: true }, end)
}

/// The same in CSV. Quotes may begin and end anywhere in a column; within them nothing else has a meaning.
fn csv_field(
    line: &[u8],
    start: usize,
    format: &CopyFormat,
    scratch: &mut Vec<u8>,
) -> Result<(Field, usize)> {
    let CopyFormat { delimiter, quote, escape, .. } = *format;
    let (mut at, in_scratch, mut is_quoted) = (start, scratch.len(), false);
    loop {
        let plain = memchr::memchr2(delimiter, quote, &line[at..]).map_or(line.len(), |len| at + len);
        scratch.extend_from_slice(&line[at..plain]);
        at = plain;
        if line.get(at) != Some(&quote) {
            break;
        }
        is_quoted = true;
        at = 1 + unquote(line, at + 1, (quote, escape), scratch)?;
    }
    if !is_quoted {
        scratch.truncate(in_scratch);
        return Ok((Field { start, end: at, in_scratch: false }, at));
    }
    Ok((Field { start: in_scratch, end: scratch.len(), in_scratch: true }, at))
}

/// Writes what stands in quotes, from `at` on; where the quote behind it is.
fn unquote(line: &[u8], mut at: usize, (quote, escape): (u8, u8), out: &mut Vec<u8>) -> Result<usize> {
    loop {
        let Some(len) = memchr::memchr2(quote, escape, &line[at..]) else {
            return Err(Error::new(SqlState::BadCopyFileFormat, "unterminated CSV quoted field"));
        };
        out.extend_from_slice(&line[at..at + len]);
        at += len;
        match line.get(at + 1) {
            Some(next) if line[at] == escape && (*next == quote || *next == escape) => {
                out.push(*next);
                at += 2;
            }
            _ if line[at] == quote => return Ok(at),
            _ => {
                out.push(escape);
                at += 1;
            }
        }
    }
}

/// The beginning of what was read, for a message. Tabs stay, as they part columns, and line feeds, as they are data.
fn shown(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    let end = text.floor_char_boundary(MAX_SHOWN);
    let is_harmless = |c: char| !c.is_control() || matches!(c, '\t' | '\n');
    let shown: String = text[..end].chars().map(|c| if is_harmless(c) { c } else { '?' }).collect();
    if end < text.len() { format!("{shown}...") } else { shown }
}

/// Takes the backslashes out of a column in text format (`CopyReadAttributesText`).
fn unescape(written: &[u8], out: &mut Vec<u8>) {
    let mut rest = written;
    while let Some(at) = memchr::memchr(b'\\', rest) {
        out.extend_from_slice(&rest[..at]);
        let Some(&escaped) = rest.get(at + 1) else {
            // At the very end it stands for itself.
            rest = &rest[at..];
            break;
        };
        rest = &rest[at + 2..];
        let (digits, base) = match escaped {
            b'0'..=b'7' => (1 + count(rest, 2, |byte| matches!(byte, b'0'..=b'7')), 8),
            b'x' => (count(rest, 2, |byte| byte.is_ascii_hexdigit()), 16),
            _ => (0, 0),
        };
        match (escaped, base) {
            (_, 8) => {
                let value = rest[..digits - 1]
                    .iter()
                    .fold(u32::from(escaped - b'0'), |value, digit| value * 8 + u32::from(digit - b'0'));
                out.push((value & 0xff) as u8);
                rest = &rest[digits - 1..];
            }
            (_, 16) if digits > 0 => {
                let digit = |byte: u8| char::from(byte).to_digit(16).unwrap_or(0);
                let value = rest[..digits].iter().fold(0, |value, byte| value * 16 + digit(*byte));
                out.push((value & 0xff) as u8);
                rest = &rest[digits..];
            }
            (b'b', _) => out.push(0x08),
            (b'f', _) => out.push(0x0c),
            (b'n', _) => out.push(b'\n'),
            (b'r', _) => out.push(b'\r'),
            (b't', _) => out.push(b'\t'),
            (b'v', _) => out.push(0x0b),
            (other, _) => out.push(other),
        }
    }
    out.extend_from_slice(rest);
}

fn count(bytes: &[u8], most: usize, is_wanted: impl Fn(u8) -> bool) -> usize {
    bytes.iter().take(most).take_while(|byte| is_wanted(**byte)).count()
}

/// Adds a value to a column as the type's input function reads it.
fn push(column: &mut Vector, data_type: DataType, bytes: &[u8]) -> Result<()> {
    match (&mut column.values, data_type) {
        (Values::Integer(values), _) => {
            if let Some(value) = plain_integer(bytes).filter(|value| fits(*value, data_type)) {
                values.push(value);
                return Ok(());
            }
        }
        (Values::Boolean(values), _) => {
            if let [byte @ (b't' | b'f' | b'1' | b'0')] = bytes {
                values.push(matches!(byte, b't' | b'1'));
                return Ok(());
            }
        }
        (Values::Text(texts), _) => {
            let text = decode(bytes)?;
            if is_short(text, data_type) && texts.has_room(text.len()) {
                texts.push(text.as_bytes());
                return Ok(());
            }
        }
        _ => {}
    }
    let value = Value::Text(decode(bytes)?.to_string());
    column.push_value(&value.coerce_to(data_type)?)
}

/// Digits with a sign or without, that an i64 can hold whatever they are.
fn plain_integer(bytes: &[u8]) -> Option<i64> {
    let (negative, digits) = match bytes {
        [b'-', digits @ ..] => (true, digits),
        digits => (false, digits),
    };
    if digits.is_empty() || digits.len() > 18 || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let value = digits.iter().fold(0, |value, digit| value * 10 + i64::from(digit - b'0'));
    Some(if negative { -value } else { value })
}
