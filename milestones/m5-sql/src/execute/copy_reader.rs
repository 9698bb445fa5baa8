//! The lines of the data that COPY reads: where each ends, and where the data do (PostgreSQL's `CopyReadLineText`).
//!
//! A line ends with a line feed, a carriage return, or both, and all lines end as the first one does. In text format
//! a backslash before one of these makes it part of a value; in CSV, quotes around it do. `\.` ends the data.

use crate::error::{Error, Result, SqlState};
use crate::sql::plan::CopyFormat;
use std::io::Read;
use std::ops::Range;

/// Bytes that are asked for at a time.
const CHUNK: usize = 256 << 10;

/// No line may be longer, as in PostgreSQL.
const MAX_LINE: usize = (1 << 30) - 1;

pub struct CopyReader<'a> {
    source: &'a mut dyn Read,
    format: &'a CopyFormat,
    buffer: Vec<u8>,
    /// Where in the buffer the line in hand is, without what ends it.
    line: Range<usize>,
    /// Where the next line begins.
    next: usize,
    /// Nothing more will come.
    is_ended: bool,
    /// Lines that have been begun; those within quotes count.
    number: u64,
    /// How lines end, once that is known.
    ending: Option<Ending>,
    /// Whether the line has backslashes in text format, or quotes in CSV.
    has_specials: bool,
}

#[derive(Clone, Copy, PartialEq)]
enum Ending {
    LineFeed,
    Return,
    Both,
}

/// What is known of a line when all bytes in the buffer have been looked at.
enum Found {
    /// It ends here, and the next one begins there.
    End(usize, usize),
    /// `\.` is here, so nothing comes behind.
    Marker(usize),
    /// More bytes are needed; without more, it ends where they do.
    Unfinished,
}

impl<'a> CopyReader<'a> {
    pub fn new(source: &'a mut dyn Read, format: &'a CopyFormat) -> CopyReader<'a> {
        CopyReader {
            source,
            format,
            buffer: Vec::new(),
            line: 0..0,
            next: 0,
            is_ended: false,
            number: 0,
            ending: None,
            has_specials: false,
        }
    }

    /// The line in hand, without what ends it.
    pub fn line(&self) -> &[u8] {
        &self.buffer[self.line.clone()]
    }

    pub fn has_specials(&self) -> bool {
        self.has_specials
    }

    /// The number of the line in hand, as an editor counts.
    pub fn number(&self) -> u64 {
        self.number
    }

    /// Goes to the next line; false at the end of the data.
    pub fn advance(&mut self) -> Result<bool> {
        self.number += 1;
        let ending = self.ending;
        loop {
            let found = if self.format.csv { self.find_csv_end() } else { self.find_text_end() };
            match found? {
                Found::End(end, next) => {
                    self.line = self.next..end;
                    self.next = next;
                    break;
                }
                Found::Marker(at) => {
                    // What stands before it is a line still.
                    self.buffer.truncate(at);
                    self.is_ended = true;
                }
                Found::Unfinished if self.is_ended => {
                    self.line = self.next..self.buffer.len();
                    self.next = self.buffer.len();
                    if self.line.is_empty() {
                        return Ok(false);
                    }
                    break;
                }
                Found::Unfinished => self.fill()?,
            }
        }
        if self.format.csv && self.has_specials {
            // What ends lines elsewhere is within quotes here. PostgreSQL does not know the ending before the first
            // line has ended, and counts carriage returns there.
            let counted = if ending == Some(Ending::LineFeed) { b'\n' } else { b'\r' };
            self.number += memchr::memchr_iter(counted, self.line()).count() as u64;
        }
        Ok(true)
    }

    /// Reads more of the data behind what there is.
    fn fill(&mut self) -> Result<()> {
        self.buffer.drain(..self.next);
        self.next = 0;
        let len = self.buffer.len();
        if len > MAX_LINE {
            return Err(Error::new(SqlState::ProgramLimitExceeded, "the line is longer than 1 GB"));
        }
        // A long line asks for as much again, so that it is not looked at too often.
        let wanted = CHUNK.max(len) as u64;
        match self.source.take(wanted).read_to_end(&mut self.buffer) {
            Ok(read) => {
                self.is_ended = (read as u64) < wanted;
                Ok(())
            }
            Err(error) => {
                let state = match error.kind() {
                    // Whoever typed them has thought better of it.
                    std::io::ErrorKind::ConnectionAborted => SqlState::QueryCanceled,
                    _ => SqlState::IoError,
                };
                Err(Error::new(state, format!("COPY from stdin failed: {error}")))
            }
        }
    }

    fn find_text_end(&mut self) -> Result<Found> {
        self.has_specials = false;
        let mut at = self.next;
        loop {
            match memchr::memchr3(b'\n', b'\r', b'\\', &self.buffer[at..]) {
                None => return Ok(Found::Unfinished),
                Some(plain) => at += plain,
            }
            if self.buffer[at] != b'\\' {
                return self.end_at(at);
            }
            self.has_specials = true;
            match self.buffer.get(at + 1) {
                None => return Ok(Found::Unfinished),
                Some(b'.') => match self.marker_at(at)? {
                    Some(found) => return Ok(found),
                    None => return Err(wrong_marker("end-of-copy marker corrupt")),
                },
                // Whatever it is, it is part of a value.
                Some(_) => at += 2,
            }
        }
    }

    fn find_csv_end(&mut self) -> Result<Found> {
        let CopyFormat { quote, escape, .. } = *self.format;
        self.has_specials = false;
        let mut at = self.next;
        // Anywhere else in a line, a backslash is data.
        if self.buffer[at..].starts_with(b"\\") {
            match self.buffer.get(at + 1) {
                None if !self.is_ended => return Ok(Found::Unfinished),
                Some(b'.') => {
                    if let Some(found) = self.marker_at(at)? {
                        return Ok(found);
                    }
                }
                _ => {}
            }
        }
        loop {
            match memchr::memchr3(b'\n', b'\r', quote, &self.buffer[at..]) {
                None => return Ok(Found::Unfinished),
                Some(plain) => at += plain,
            }
            if self.buffer[at] != quote {
                return self.end_at(at);
            }
            self.has_specials = true;
            match end_of_quotes(&self.buffer, at + 1, quote, escape) {
                Some(end) => at = end + 1,
                None => return Ok(Found::Unfinished),
            }
        }
    }

    /// A line feed or a carriage return that is not part of a value.
    fn end_at(&mut self, at: usize) -> Result<Found> {
        let ending = match (self.buffer[at], self.buffer.get(at + 1)) {
            (b'\n', _) => Ending::LineFeed,
            // A first line may end with both.
            (_, None) if !self.is_ended && self.ending != Some(Ending::Return) => {
                return Ok(Found::Unfinished);
            }
            (_, Some(b'\n')) if self.ending != Some(Ending::Return) => Ending::Both,
            _ => Ending::Return,
        };
        if *self.ending.get_or_insert(ending) != ending {
            return Err(self.wrong_ending(ending));
        }
        let len = if ending == Ending::Both { 2 } else { 1 };
        Ok(Found::End(at, at + len))
    }

    /// A line that does not end as the first one did.
    fn wrong_ending(&self, found: Ending) -> Error {
        let (name, letter) = match found {
            Ending::LineFeed => ("newline", 'n'),
            Ending::Return | Ending::Both => ("carriage return", 'r'),
        };
        let (message, hint) = if self.format.csv {
            let hint = format!("Use quoted CSV field to represent {name}.");
            (format!("unquoted {name} found in data"), hint)
        } else {
            (format!("literal {name} found in data"), format!("Use \"\\{letter}\" to represent {name}."))
        };
        Error::new(SqlState::BadCopyFileFormat, message).with_hint(hint)
    }

    /// `\.` is at `at`. `None` if what follows says that it is not the end.
    fn marker_at(&self, at: usize) -> Result<Option<Found>> {
        match (self.ending, &self.buffer[at + 2..]) {
            (_, []) | (Some(Ending::Both), [b'\r']) => Ok((!self.is_ended).then_some(Found::Unfinished)),
            (None, [b'\n' | b'\r', ..])
            | (Some(Ending::LineFeed), [b'\n', ..])
            | (Some(Ending::Return), [b'\r', ..])
            | (Some(Ending::Both), [b'\r', b'\n', ..]) => Ok(Some(Found::Marker(at))),
            (Some(Ending::Both), [b'\r', other, ..]) if *other != b'\r' => Ok(None),
            (Some(Ending::Both), [b'\n', ..]) if self.format.csv => Ok(None),
            (_, [b'\n' | b'\r', ..]) => {
                Err(wrong_marker("end-of-copy marker does not match previous newline style"))
            }
            _ => Ok(None),
        }
    }
}

/// Where the quote is that ends what begins at `at`.
fn end_of_quotes(buffer: &[u8], mut at: usize, quote: u8, escape: u8) -> Option<usize> {
    loop {
        at += memchr::memchr2(quote, escape, buffer.get(at..)?)?;
        if buffer[at] == quote {
            return Some(at);
        }
        let next = *buffer.get(at + 1)?;
        at += if next == quote || next == escape { 2 } else { 1 };
    }
}

fn wrong_marker(message: &str) -> Error {
    Error::new(SqlState::BadCopyFileFormat, message)
}
