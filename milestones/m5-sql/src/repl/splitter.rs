//! From lines to statements and backslash commands.
//!
//! A statement ends at a semicolon that is not inside a quote, a comment or parentheses (psql's `psqlscan.l`).
//! Lines go in as they come, pieces come out as soon as they are complete, and no byte is looked at twice: a
//! script of any length passes through in the memory of its longest statement.

use super::input::MAX_LINE;
use super::variables::Variables;
use std::ops::Range;

/// The longest statement, as PostgreSQL's.
const MAX_STATEMENT: usize = MAX_LINE;

#[derive(Debug, PartialEq)]
pub enum Piece<'a> {
    /// A statement with its semicolon.
    Statement(&'a [u8]),
    /// Several statements, which `\;` has joined: they are carried out as one.
    Statements(&'a [u8]),
    /// A backslash command: the rest of its line, or up to the next backslash.
    Command(&'a [u8]),
    /// A statement longer than `MAX_LINE`; it was skipped.
    TooLong,
}

/// What the next byte is inside of.
#[derive(Clone, Debug, Default, PartialEq)]
enum Inside {
    #[default]
    Nothing,
    /// `'…'`, where `\` means nothing special.
    String,
    /// `E'…'`, where `\` takes the next byte with it.
    EscapeString,
    /// `"…"`.
    Identifier,
    /// `$tag$…$tag$`, the whole delimiter.
    Dollar(Vec<u8>),
    /// `/* … */`, which nest.
    Comment(usize),
}

#[derive(Default)]
pub struct Splitter {
    /// Lines, each with its line feed, from which pieces are cut.
    text: Vec<u8>,
    /// Where the statement in progress begins.
    start: usize,
    /// Where scanning goes on.
    at: usize,
    /// Where the last piece began.
    cut_from: usize,
    inside: Inside,
    /// Parentheses that are open.
    depth: usize,
    too_long: bool,
    /// Whether the statement in progress goes on behind a `\;`.
    joined: bool,
    /// Whether the text is what a server is sent, in which a backslash means nothing.
    verbatim: bool,
    /// Whether the input has ended, which ends a statement as well.
    ended: bool,
}

/// Bytes at which scanning outside of everything has something to decide.
const STOPS: [bool; 256] = {
    let mut stops = [false; 256];
    let bytes = b"'\"$;()-/\\:";
    let mut i = 0;
    while i < bytes.len() {
        stops[bytes[i] as usize] = true;
        i += 1;
    }
    stops
};

impl Splitter {
    pub fn add_line(&mut self, line: &[u8]) {
        self.text.drain(..self.start);
        self.at -= self.start;
        self.start = 0;
        if self.at > MAX_STATEMENT {
            // What it is inside of is still followed, to find its end.
            self.too_long = true;
            self.text.clear();
            self.at = 0;
        }
        self.text.extend_from_slice(line);
        self.text.push(b'\n');
    }

    /// No more lines will come: what is left is a statement even without a semicolon.
    pub fn end(&mut self) {
        self.ended = true;
    }

    /// Forgets what was begun, and the rest of its line.
    pub fn clear(&mut self) {
        *self = Splitter::default();
    }

    /// Where the statements lie in a text that is sent as one: semicolons end them, and that is all.
    pub fn statements(text: &str) -> Vec<Range<usize>> {
        let mut splitter = Splitter { verbatim: true, ended: true, ..Splitter::default() };
        splitter.add_line(text.as_bytes());
        let mut statements = Vec::new();
        while let Some(piece) = splitter.next(&Variables::default()) {
            if let Piece::Statement(piece) = piece {
                let len = piece.len();
                statements.push(splitter.cut_from..splitter.cut_from + len);
            }
        }
        statements
    }

    /// Whether a statement has been begun.
    pub fn is_pending(&self) -> bool {
        self.start < self.text.len() || self.too_long
    }

    /// Whether the next line begins inside a quote.
    pub fn is_quoted(&self) -> bool {
        !matches!(self.inside, Inside::Nothing | Inside::Comment(_))
    }

    /// What is still open, as psql's prompt shows it.
    pub fn unfinished(&self) -> &'static str {
        match self.inside {
            Inside::String | Inside::EscapeString => "'",
            Inside::Identifier => "\"",
            Inside::Dollar(_) => "$",
            Inside::Comment(_) => "*",
            Inside::Nothing if self.depth > 0 => "(",
            Inside::Nothing if self.is_pending() => "-",
            Inside::Nothing => "",
        }
    }

    /// What was begun, as if a semicolon followed (`\g`).
    pub fn take_pending(&mut self) -> Option<Piece<'_>> {
        let is_pending = self.start < self.at || self.too_long;
        self.inside = Inside::Nothing;
        self.skip_blank();
        is_pending.then(|| self.cut())
    }

    /// The next complete piece; `None` until another line is added.
    pub fn next(&mut self, variables: &Variables) -> Option<Piece<'_>> {
        while self.at < self.text.len() {
            match &self.inside {
                Inside::Nothing => {
                    if self.start == self.at && !self.too_long && self.skip_space() {
                        continue;
                    }
                    let rest = &self.text[self.at..];
                    let plain = rest.iter().position(|byte| STOPS[usize::from(*byte)]).unwrap_or(rest.len());
                    self.at += plain;
                    match self.text.get(self.at) {
                        Some(b';') if self.depth == 0 => {
                            self.at += 1;
                            if self.at - self.start == 1 && !self.too_long {
                                self.start = self.at;
                                continue;
                            }
                            return Some(self.cut());
                        }
                        Some(b'\\') if self.verbatim => self.at += 1,
                        Some(b'\\') if matches!(self.text.get(self.at + 1), Some(b';' | b':')) => self.join(),
                        Some(b'\\') => return Some(self.command()),
                        Some(byte) => self.open(*byte, variables),
                        None => {}
                    }
                }
                Inside::Comment(_) => self.scan_comment(),
                Inside::Dollar(_) => self.scan_dollar(),
                Inside::String | Inside::EscapeString | Inside::Identifier => self.scan_quote(),
            }
        }
        if self.ended && self.is_pending() {
            return self.take_pending();
        }
        None
    }

    /// The statement that ends here.
    fn cut(&mut self) -> Piece<'_> {
        let start = std::mem::replace(&mut self.start, self.at);
        self.cut_from = start;
        self.depth = 0;
        let joined = std::mem::take(&mut self.joined);
        if std::mem::take(&mut self.too_long) || self.at - start > MAX_STATEMENT {
            return Piece::TooLong;
        }
        let text = self.text[start..self.at].trim_ascii_end();
        if joined { Piece::Statements(text) } else { Piece::Statement(text) }
    }

    /// Goes to the end if there are only spaces left.
    fn skip_blank(&mut self) {
        if self.text[self.at..].trim_ascii_start().is_empty() {
            let at_start = self.start == self.at;
            self.at = self.text.len();
            if at_start {
                self.start = self.at;
            }
        }
    }

    /// Spaces and `--` comments before a statement are no part of it.
    fn skip_space(&mut self) -> bool {
        let rest = &self.text[self.at..];
        let spaces = rest.iter().position(|byte| !byte.is_ascii_whitespace()).unwrap_or(rest.len());
        self.at += spaces;
        let comment = self.text[self.at..].starts_with(b"--");
        if comment {
            self.at = self.line_end();
        }
        self.start = self.at;
        comment || spaces > 0
    }

    /// A byte of [`STOPS`] that ends nothing: it may begin something.
    fn open(&mut self, byte: u8, variables: &Variables) {
        let rest = &self.text[self.at..];
        let next = rest.get(1).copied();
        self.at += 1;
        match (byte, next) {
            (b'(', _) => self.depth += 1,
            (b')', _) => self.depth = self.depth.saturating_sub(1),
            (b'"', _) => self.inside = Inside::Identifier,
            (b'\'', _) => {
                self.inside = if self.after_escape_prefix() { Inside::EscapeString } else { Inside::String }
            }
            (b'-', Some(b'-')) => self.at = self.line_end(),
            (b'/', Some(b'*')) => {
                self.at += 1;
                self.inside = Inside::Comment(1);
            }
            (b'$', _) => {
                if let Some(delimiter) = self.dollar_delimiter() {
                    self.at += delimiter.len() - 1;
                    self.inside = Inside::Dollar(delimiter);
                }
            }
            // A cast, not a variable.
            (b':', Some(b':')) => self.at += 1,
            (b':', _) => {
                if let Some((len, value)) = variables.reference(rest) {
                    let start = self.at - 1;
                    self.at = start + value.len();
                    self.text.splice(start..start + len, value.into_bytes());
                }
            }
            _ => {}
        }
    }

    /// Whether the quote just passed follows a lone `E`.
    fn after_escape_prefix(&self) -> bool {
        let before = &self.text[self.start..self.at - 1];
        let is_alone = before.len() < 2 || !is_name_byte(before[before.len() - 2]);
        is_alone && matches!(before.last(), Some(b'e' | b'E'))
    }

    /// The delimiter that begins at the dollar sign just passed, if it is one.
    fn dollar_delimiter(&self) -> Option<Vec<u8>> {
        let start = self.at - 1;
        if start > self.start && is_name_byte(self.text[start - 1]) {
            return None;
        }
        let rest = &self.text[self.at..];
        let len = rest.iter().position(|byte| *byte == b'$' || !is_name_byte(*byte))?;
        let is_tag = rest[len] == b'$' && !rest[0].is_ascii_digit();
        is_tag.then(|| self.text[start..self.at + len + 1].to_vec())
    }

    fn scan_quote(&mut self) {
        let (quote, escapes) = match self.inside {
            Inside::Identifier => (b'"', false),
            Inside::EscapeString => (b'\'', true),
            _ => (b'\'', false),
        };
        let rest = &self.text[self.at..];
        let stop = if escapes { memchr::memchr2(b'\'', b'\\', rest) } else { memchr::memchr(quote, rest) };
        let Some(stop) = stop else {
            self.at = self.text.len();
            return;
        };
        // A doubled quote stands for itself, and so does what follows a backslash.
        let is_pair = rest[stop] == b'\\' || rest.get(stop + 1) == Some(&quote);
        if !is_pair {
            self.inside = Inside::Nothing;
        }
        self.at = (self.at + stop + 1 + usize::from(is_pair)).min(self.text.len());
    }

    fn scan_dollar(&mut self) {
        let Inside::Dollar(delimiter) = &self.inside else { return };
        let rest = &self.text[self.at..];
        match rest.iter().position(|byte| *byte == b'$') {
            None => self.at = self.text.len(),
            Some(dollar) if rest[dollar..].starts_with(delimiter) => {
                self.at += dollar + delimiter.len();
                self.inside = Inside::Nothing;
            }
            Some(dollar) => self.at += dollar + 1,
        }
    }

    fn scan_comment(&mut self) {
        let Inside::Comment(depth) = &mut self.inside else { return };
        let rest = &self.text[self.at..];
        let Some(stop) = rest.iter().position(|byte| matches!(byte, b'*' | b'/')) else {
            self.at = self.text.len();
            return;
        };
        match &rest[stop..(stop + 2).min(rest.len())] {
            b"/*" => *depth += 1,
            b"*/" => *depth -= 1,
            _ => {
                self.at += stop + 1;
                return;
            }
        }
        if *depth == 0 {
            self.inside = Inside::Nothing;
        }
        self.at += stop + 2;
    }

    /// The position of the line feed that ends the line being scanned.
    fn line_end(&self) -> usize {
        let rest = &self.text[self.at..];
        self.at + rest.iter().position(|byte| *byte == b'\n').unwrap_or(rest.len())
    }
}

fn is_name_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'$' | 0x80..)
}

mod commands;
#[cfg(test)]
mod tests;
