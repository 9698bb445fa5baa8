//! Where lines come from: a person who types, or a pipe, a file, an argument.
//!
//! A line is bytes. What they mean, and whether they are UTF-8, is asked of a whole statement, as PostgreSQL
//! does it. Only one line is in memory at a time, and no line is longer than [`MAX_LINE`].

use crate::error::{Error, Result, SqlState};
use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Cursor, Read};

/// PostgreSQL's limit on anything it holds in memory as one piece (`MaxAllocSize`).
pub const MAX_LINE: usize = (1 << 30) - 1;

const BUFFER_SIZE: usize = 64 * 1024;

/// The text that bytes are, if they are: PostgreSQL's check of what a client sends.
pub fn decode(bytes: &[u8]) -> Result<&str> {
    let (start, len) = match std::str::from_utf8(bytes) {
        Ok(text) => match text.find('\0') {
            None => return Ok(text),
            Some(nul) => (nul, 1),
        },
        // As many bytes as the first of them announces.
        Err(error) => match (error.valid_up_to(), bytes.get(error.valid_up_to())) {
            (start, Some(0xc0..=0xdf)) => (start, 2),
            (start, Some(0xe0..=0xef)) => (start, 3),
            (start, Some(0xf0..=0xf7)) => (start, 4),
            (start, _) => (start, 1),
        },
    };
    let wrong: Vec<String> = bytes.iter().skip(start).take(len).map(|byte| format!("0x{byte:02x}")).collect();
    let message = format!("invalid byte sequence for encoding \"UTF8\": {}", wrong.join(" "));
    Err(Error::new(SqlState::CharacterNotInRepertoire, message))
}

/// What came when a line was asked for.
#[derive(Debug, PartialEq)]
pub enum Line<'a> {
    /// A line, without its line feed.
    Text(&'a [u8]),
    /// Longer than [`MAX_LINE`]; it was skipped.
    TooLong,
    /// Ctrl-C: whoever types has thought better of it.
    Abandoned,
    End,
}

/// Where a person types.
pub trait Terminal {
    fn next(&mut self, prompt: &str) -> io::Result<Typed>;
    /// Keeps a whole statement, so that an arrow key brings back all its lines.
    fn remember(&mut self, statement: &str);
}

/// What a person did at a prompt.
#[derive(Debug)]
pub enum Typed {
    /// A line, or several that were pasted at once.
    Line(String),
    /// Ctrl-C.
    Abandoned,
    /// Ctrl-D.
    End,
}

pub struct Input {
    source: Source,
    /// The line that was read last.
    line: Vec<u8>,
    number: u64,
    name: Option<String>,
}

enum Source {
    /// With the lines that were pasted and not read yet.
    Terminal(Box<dyn Terminal>, VecDeque<String>),
    Stream(BufReader<Box<dyn Read>>),
}

impl Input {
    pub fn terminal(terminal: impl Terminal + 'static) -> Input {
        Input::new(Source::Terminal(Box::new(terminal), VecDeque::new()))
    }

    pub fn file(path: &str) -> io::Result<Input> {
        let file = File::open(path)?;
        if file.metadata()?.is_dir() {
            return Err(io::ErrorKind::IsADirectory.into());
        }
        Ok(Input { name: Some(path.to_string()), ..Input::stream(file) })
    }

    pub fn stream(reader: impl Read + 'static) -> Input {
        Input::new(Source::Stream(BufReader::with_capacity(BUFFER_SIZE, Box::new(reader))))
    }

    pub fn text(text: &str) -> Input {
        Input::stream(Cursor::new(text.to_string()))
    }

    fn new(source: Source) -> Input {
        Input { source, line: Vec::new(), number: 0, name: None }
    }

    pub fn is_terminal(&self) -> bool {
        matches!(self.source, Source::Terminal(..))
    }

    /// Whether the next line may have to be waited for: then the answers so far should be on their way.
    pub fn may_wait(&self) -> bool {
        match &self.source {
            Source::Terminal(_, pasted) => pasted.is_empty(),
            Source::Stream(reader) => !reader.buffer().contains(&b'\n'),
        }
    }

    /// The file and the line number, where the input is a file.
    pub fn place(&self) -> Option<(&str, u64)> {
        self.name.as_deref().map(|name| (name, self.number))
    }

    /// The next line. Only a terminal shows the prompt, and not between lines that were pasted at once: there they
    /// are on the screen already.
    pub fn next(&mut self, prompt: &str) -> io::Result<Line<'_>> {
        self.number += 1;
        match &mut self.source {
            Source::Terminal(terminal, pasted) => {
                if pasted.is_empty() {
                    match terminal.next(prompt)? {
                        Typed::Line(text) => pasted.extend(text.split('\n').map(str::to_string)),
                        Typed::Abandoned => return Ok(Line::Abandoned),
                        Typed::End => return Ok(Line::End),
                    }
                }
                self.line = pasted.pop_front().unwrap_or_default().into_bytes();
                Ok(Line::Text(&self.line))
            }
            Source::Stream(reader) => {
                self.line.clear();
                read_line(reader, &mut self.line, self.number == 1)
            }
        }
    }

    /// Keeps a statement for whoever typed it.
    pub fn remember(&mut self, statement: &str) {
        if let Source::Terminal(terminal, _) = &mut self.source {
            terminal.remember(statement);
        }
    }
}

fn read_line<'a>(reader: &mut dyn BufRead, line: &'a mut Vec<u8>, first: bool) -> io::Result<Line<'a>> {
    let limit = MAX_LINE as u64 + 1;
    if reader.take(limit).read_until(b'\n', line)? == 0 {
        return Ok(Line::End);
    }
    if line.last() == Some(&b'\n') {
        line.pop();
    } else if line.len() as u64 == limit {
        *line = Vec::new();
        skip_line(reader)?;
        return Ok(Line::TooLong);
    }
    let text: &[u8] = line;
    // Some editors begin a file with a byte order mark.
    Ok(Line::Text(if first { text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text) } else { text }))
}

fn skip_line(reader: &mut dyn BufRead) -> io::Result<()> {
    loop {
        let buffer = reader.fill_buf()?;
        let (len, ends) = match buffer.iter().position(|byte| *byte == b'\n') {
            Some(position) => (position + 1, true),
            None => (buffer.len(), buffer.is_empty()),
        };
        reader.consume(len);
        if ends {
            return Ok(());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(text: &'static [u8]) -> Vec<Vec<u8>> {
        let mut input = Input::stream(text);
        let mut lines = Vec::new();
        while let Line::Text(line) = input.next("").unwrap() {
            lines.push(line.to_vec());
        }
        lines
    }

    #[test]
    fn a_last_line_needs_no_line_feed() {
        assert_eq!(lines(b"one\n\nthree"), [b"one".to_vec(), b"".to_vec(), b"three".to_vec()]);
        assert_eq!(lines(b""), Vec::<Vec<u8>>::new());
    }

    #[test]
    fn a_byte_order_mark_is_no_part_of_the_first_line() {
        assert_eq!(
            lines(b"\xef\xbb\xbftables\n\xef\xbb\xbf"),
            [b"tables".to_vec(), b"\xef\xbb\xbf".to_vec()]
        );
    }

    #[test]
    fn bytes_that_are_not_text_arrive_as_they_are() {
        assert_eq!(lines(b"a\xffb\r\n"), [b"a\xffb\r".to_vec()]);
    }

    #[test]
    fn what_is_not_text_is_named_as_postgresql_names_it() {
        assert_eq!(decode("é日".as_bytes()).unwrap(), "é日");
        for (bytes, named) in
            [(&b"a\xff"[..], "0xff"), (b"\xe2\x28\xa1b", "0xe2 0x28 0xa1"), (b"a\0b", "0x00")]
        {
            let error = decode(bytes).unwrap_err();
            assert_eq!(error.message(), format!("invalid byte sequence for encoding \"UTF8\": {named}"));
        }
    }

    #[test]
    fn lines_that_are_pasted_at_once_are_read_one_by_one() {
        struct Pasted(Vec<Typed>);
        impl Terminal for Pasted {
            fn next(&mut self, _: &str) -> io::Result<Typed> {
                Ok(self.0.pop().unwrap_or(Typed::End))
            }
            fn remember(&mut self, _: &str) {}
        }
        let mut input = Input::terminal(Pasted(vec![Typed::Line("c".into()), Typed::Line("a\n\nb".into())]));
        for line in ["a", "", "b", "c"] {
            assert_eq!(input.next("").unwrap(), Line::Text(line.as_bytes()));
        }
        assert_eq!(input.next("").unwrap(), Line::End);
    }

    #[test]
    fn a_file_knows_its_lines() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("script");
        std::fs::write(&path, "a\nb\n").unwrap();
        let mut input = Input::file(path.to_str().unwrap()).unwrap();
        input.next("").unwrap();
        assert_eq!(input.next("").unwrap(), Line::Text(b"b"));
        assert_eq!(input.place().unwrap().1, 2);
        assert!(Input::file(directory.path().to_str().unwrap()).is_err());
    }
}
