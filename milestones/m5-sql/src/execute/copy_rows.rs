//! The rows that COPY reads: from bytes as they come to batches of columns.
//!
//! Two formats, both PostgreSQL's. *text*: a line is a row, tabs part the columns, a backslash escapes what would be
//! taken for either, and `\N` is NULL. *csv*: as spreadsheets write it (RFC 4180), where a column in quotes may hold
//! anything, and nothing at all without quotes is NULL.
//!
//! One simplification: a line ends with a line feed, or with a carriage return and a line feed. (PostgreSQL also takes
//! carriage returns alone, and insists that all lines end alike.)

use super::batch::{BATCH_ROWS, BATCH_TEXT, Batch};
use super::literal_rows::{fits, is_short};
use super::vector::{Values, Vector};
use crate::error::{Error, Result, SqlState};
use crate::sql::plan::{CopyFormat, CopyFrom};
use crate::types::{DataType, Value};
use std::io::Read;

/// Bytes that are asked for at a time.
const CHUNK: usize = 256 << 10;

/// No row may be longer, as in PostgreSQL.
const MAX_ROW: usize = (1 << 30) - 1;

/// Bytes of a wrong value that an error repeats.
const MAX_SHOWN: usize = 100;

pub struct CopyRows<'a> {
    source: &'a mut dyn Read,
    copy: &'a CopyFrom,
    /// For each column that gets no value, its position and the constant that it holds instead.
    defaults: Vec<(usize, Value)>,
    buffer: Vec<u8>,
    /// Where in the buffer the next row begins.
    at: usize,
    /// Nothing more will come.
    ended: bool,
    /// Lines that have been read; those within quotes count.
    line: u64,
    /// The columns of the row in hand.
    fields: Vec<Field>,
    /// The bytes of columns from which something had to be taken out.
    scratch: Vec<u8>,
}

/// The bytes of one column: where they are in the buffer, or in the scratch.
#[derive(Clone, Copy)]
struct Field {
    start: usize,
    end: usize,
    in_scratch: bool,
}

/// A column, where the next begins, and whether the row has ended.
type Found = (Field, usize, bool);

/// The bytes in the buffer end within the row.
struct Unfinished;

impl<'a> CopyRows<'a> {
    pub fn new(copy: &'a CopyFrom, defaults: Vec<(usize, Value)>, source: &'a mut dyn Read) -> CopyRows<'a> {
        CopyRows {
            source,
            copy,
            defaults,
            buffer: Vec::new(),
            at: 0,
            ended: false,
            line: 0,
            fields: Vec::new(),
            scratch: Vec::new(),
        }
    }

    /// Fills the batch with the next rows; false if there are none.
    pub fn next(&mut self, batch: &mut Batch) -> Result<bool> {
        batch.reset(&self.copy.types);
        if self.line == 0 && self.copy.format.header {
            // The first line is for people.
            self.read_row()?;
        }
        let mut rows = 0;
        while rows < BATCH_ROWS
            && batch.columns.iter().all(|column| column.text_bytes() < BATCH_TEXT)
            && self.read_row()?
        {
            self.push_row(batch)?;
            rows += 1;
        }
        batch.set_len(rows);
        Ok(rows > 0)
    }

    /// Takes the next row apart; false at the end of the data.
    fn read_row(&mut self) -> Result<bool> {
        loop {
            if self.at < self.buffer.len() {
                if self.ends_here() {
                    return Ok(false);
                }
                if let Ok(end) = self.find_fields() {
                    let row = &self.buffer[self.at..end];
                    self.line += memchr::memchr_iter(b'\n', row).count().max(1) as u64;
                    self.at = end;
                    return Ok(true);
                }
            } else if self.ended {
                return Ok(false);
            }
            self.fill()?;
        }
    }

    /// Finds the columns of the row that begins here; where the next row begins.
    fn find_fields(&mut self) -> Result<usize, Unfinished> {
        self.fields.clear();
        self.scratch.clear();
        let mut at = self.at;
        loop {
            let (field, next, is_last) = match self.copy.format.csv {
                true => self.csv_field(at)?,
                false => self.text_field(at)?,
            };
            self.fields.push(field);
            at = next;
            if is_last {
                return Ok(at);
            }
        }
    }

    /// A line of `\.` ends the data.
    fn ends_here(&mut self) -> bool {
        let rest = &self.buffer[self.at..];
        let ends = rest.starts_with(b"\\.\n")
            || rest.starts_with(b"\\.\r\n")
            || (self.ended && matches!(rest, b"\\." | b"\\.\r"));
        if ends {
            (self.ended, self.at) = (true, self.buffer.len());
        }
        ends
    }

    /// Reads more of the data behind what there is.
    fn fill(&mut self) -> Result<()> {
        if self.ended {
            // What is left is a row that began and did not end: a quote is open.
            self.line += 1;
            let error = Error::new(SqlState::BadCopyFileFormat, "unterminated CSV quoted field");
            return Err(self.locate(error, None));
        }
        self.buffer.drain(..self.at);
        self.at = 0;
        let len = self.buffer.len();
        if len > MAX_ROW {
            self.line += 1;
            let error = Error::new(SqlState::ProgramLimitExceeded, "the row is longer than 1 GB");
            return Err(self.locate(error, None));
        }
        // A long row asks for as much again, so that it is not looked at too often.
        let wanted = CHUNK.max(len) as u64;
        match self.source.take(wanted).read_to_end(&mut self.buffer) {
            Ok(read) => {
                self.ended = (read as u64) < wanted;
                Ok(())
            }
            Err(error) => {
                let state = match error.kind() {
                    // Whoever typed them has thought better of it.
                    std::io::ErrorKind::ConnectionAborted => SqlState::QueryCanceled,
                    _ => SqlState::IoError,
                };
                self.line += 1;
                let error = Error::new(state, format!("COPY from stdin failed: {error}"));
                Err(self.locate(error, None))
            }
        }
    }

    /// Adds the row in hand to the batch.
    fn push_row(&mut self, batch: &mut Batch) -> Result<()> {
        let copy = self.copy;
        let is_empty = matches!(self.fields.as_slice(), [field] if field.start == field.end);
        if self.fields.len() != copy.positions.len() && !(copy.positions.is_empty() && is_empty) {
            return Err(self.wrong_width());
        }
        for (position, field) in copy.positions.iter().zip(&self.fields) {
            let bytes = self.bytes(*field);
            let column = &mut batch.columns[*position];
            if !field.in_scratch && bytes == copy.format.null.as_bytes() {
                column.push_null();
            } else if let Err(error) = push(column, copy.types[*position], bytes) {
                return Err(self.locate(error, Some((*position, bytes))));
            }
        }
        self.defaults.iter().try_for_each(|(position, value)| batch.columns[*position].push_value(value))
    }

    fn bytes(&self, field: Field) -> &[u8] {
        let bytes = if field.in_scratch { &self.scratch } else { &self.buffer };
        &bytes[field.start..field.end]
    }

    fn csv_field(&mut self, start: usize) -> Result<Found, Unfinished> {
        let CopyFormat { delimiter, quote, escape, .. } = self.copy.format;
        let mut at = start;
        at += match memchr::memchr3(delimiter, b'\n', quote, &self.buffer[at..]) {
            Some(plain) => plain,
            None if self.ended => self.buffer.len() - at,
            None => return Err(Unfinished),
        };
        if self.buffer.get(at) != Some(&quote) {
            return Ok(self.plain(start, at));
        }
        // Quotes may begin and end anywhere in a column; within them nothing else has a meaning.
        let in_scratch = self.scratch.len();
        self.scratch.extend_from_slice(&self.buffer[start..at]);
        loop {
            at += 1;
            loop {
                let part = memchr::memchr2(quote, escape, &self.buffer[at..]).ok_or(Unfinished)?;
                self.scratch.extend_from_slice(&self.buffer[at..at + part]);
                at += part;
                match self.buffer.get(at + 1) {
                    Some(next) if self.buffer[at] == escape && (*next == quote || *next == escape) => {
                        self.scratch.push(*next);
                        at += 2;
                    }
                    None if !self.ended => return Err(Unfinished),
                    _ if self.buffer[at] == quote => break,
                    _ => {
                        self.scratch.push(escape);
                        at += 1;
                    }
                }
            }
            at += 1;
            let part = match memchr::memchr3(delimiter, b'\n', quote, &self.buffer[at..]) {
                Some(part) => part,
                None if self.ended => self.buffer.len() - at,
                None => return Err(Unfinished),
            };
            let from = at;
            at += part;
            if self.buffer.get(at) == Some(&quote) {
                self.scratch.extend_from_slice(&self.buffer[from..at]);
                continue;
            }
            let (rest, next, is_last) = self.plain(from, at);
            self.scratch.extend_from_slice(&self.buffer[rest.start..rest.end]);
            return Ok((self.scratched(in_scratch), next, is_last));
        }
    }

    fn text_field(&mut self, start: usize) -> Result<Found, Unfinished> {
        let delimiter = self.copy.format.delimiter;
        let mut at = start;
        let mut escaped = false;
        loop {
            at += match memchr::memchr3(delimiter, b'\n', b'\\', &self.buffer[at..]) {
                Some(plain) => plain,
                None if self.ended => self.buffer.len() - at,
                None => return Err(Unfinished),
            };
            if self.buffer.get(at) != Some(&b'\\') {
                break;
            }
            escaped = true;
            at = (at + 2).min(self.buffer.len());
        }
        let (field, next, is_last) = self.plain(start, at);
        let written = &self.buffer[field.start..field.end];
        if !escaped || written == self.copy.format.null.as_bytes() {
            return Ok((field, next, is_last));
        }
        let in_scratch = self.scratch.len();
        unescape(written, &mut self.scratch);
        Ok((self.scratched(in_scratch), next, is_last))
    }

    /// The column from `start` to `at`, where a delimiter, a line feed or the end of the data is.
    fn plain(&self, start: usize, at: usize) -> Found {
        if self.buffer.get(at).is_some_and(|byte| *byte != b'\n') {
            return (Field { start, end: at, in_scratch: false }, at + 1, false);
        }
        let has_return = at > start && self.buffer[at - 1] == b'\r';
        let end = at - usize::from(has_return);
        (Field { start, end, in_scratch: false }, (at + 1).min(self.buffer.len()), true)
    }

    /// The column whose bytes were put into the scratch from `start` on.
    fn scratched(&self, start: usize) -> Field {
        Field { start, end: self.scratch.len(), in_scratch: true }
    }

    /// The error for a row that has more or fewer columns than the table.
    fn wrong_width(&self) -> Error {
        let columns = self.copy.table.schema.columns();
        let missing = self.copy.positions.get(self.fields.len());
        let message = match missing.and_then(|position| columns.get(*position)) {
            Some(column) => format!("missing data for column \"{}\"", column.name),
            None => "extra data after last expected column".to_string(),
        };
        let delimiter = char::from(self.copy.format.delimiter).to_string();
        let fields = self.fields.iter().map(|field| shown(self.bytes(*field)));
        let row = shown(fields.collect::<Vec<_>>().join(&delimiter).as_bytes());
        let place = format!("COPY {}, line {}: \"{row}\"", self.copy.table.name, self.line);
        Error::new(SqlState::BadCopyFileFormat, message).with_detail(place)
    }

    /// Adds the line, and perhaps the column and what stands there, to an error (PostgreSQL's CONTEXT).
    fn locate(&self, error: Error, value: Option<(usize, &[u8])>) -> Error {
        let place = format!("COPY {}, line {}", self.copy.table.name, self.line);
        match value
            .and_then(|(position, bytes)| Some((self.copy.table.schema.columns().get(position)?, bytes)))
        {
            Some((column, bytes)) => {
                error.with_detail(format!("{place}, column {}: \"{}\"", column.name, shown(bytes)))
            }
            None => error.with_detail(place),
        }
    }
}

/// The beginning of a value, for a message. Tabs stay, as they part the columns of a line.
fn shown(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(&bytes[..bytes.len().min(MAX_SHOWN)]);
    let shown: String = text.chars().map(|c| if c.is_control() && c != '\t' { '?' } else { c }).collect();
    if bytes.len() > MAX_SHOWN { format!("{shown}...") } else { shown }
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
            let text = checked(bytes)?;
            if is_short(text, data_type) && texts.has_room(text.len()) {
                texts.push(text.as_bytes());
                return Ok(());
            }
        }
        _ => {}
    }
    let value = Value::Text(checked(bytes)?.to_string());
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

fn checked(bytes: &[u8]) -> Result<&str> {
    let wrong = |byte: u8| {
        let message = format!("invalid byte sequence for encoding \"UTF8\": 0x{byte:02x}");
        Error::new(SqlState::CharacterNotInRepertoire, message)
    };
    if memchr::memchr(0, bytes).is_some() {
        return Err(wrong(0));
    }
    std::str::from_utf8(bytes).map_err(|error| wrong(bytes[error.valid_up_to()]))
}
