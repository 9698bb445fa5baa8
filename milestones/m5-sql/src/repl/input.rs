//! Where lines come from: a person who types, or a pipe, a file, an argument.
//!
//! A line is bytes. What they mean, and whether they are UTF-8, is asked of a whole statement, as PostgreSQL
//! does it. Only one line is in memory at a time, and no line is longer than [`MAX_LINE`].

pub use crate::sql::encoding::decode;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Cursor, Read};

/// PostgreSQL's limit on anything it holds in memory as one piece (`MaxAllocSize`).
pub const MAX_LINE: usize = (1 << 30) - 1;

const BUFFER_SIZE: usize = 64 * 1024;

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

/// Where a person types, a line at a time.
pub trait Terminal {
    fn next(&mut self, prompt: &str) -> io::Result<Typed>;
    /// Keeps a whole statement, so that an arrow key brings back all its lines.
    fn remember(&mut self, statement: &str);
}

/// What a person did at a prompt.
#[derive(Debug)]
pub enum Typed {
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
    /// Where data are, if not among the lines.
    data: Option<Box<Input>>,
}

enum Source {
    Terminal(Box<dyn Terminal>),
    Stream(BufReader<Box<dyn Read>>),
}

impl Input {
    pub fn terminal(terminal: impl Terminal + 'static) -> Input {
        Input::new(Source::Terminal(Box::new(terminal)))
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

    /// What the command line says; data for it come from standard input.
    pub fn argument(text: &str) -> Input {
        Input { data: Some(Box::new(Input::stream(io::stdin()))), ..Input::text(text) }
    }

    /// Where the data of COPY FROM STDIN are.
    pub fn data(&mut self) -> &mut Input {
        if let Some(ref mut data) = self.data { data } else { self }
    }

    fn new(source: Source) -> Input {
        Input { source, line: Vec::new(), number: 0, name: None, data: None }
    }

    pub fn is_terminal(&self) -> bool {
        matches!(self.source, Source::Terminal(_))
    }

    /// Whether the next line may have to be waited for: then the answers so far should be on their way.
    pub fn may_wait(&self) -> bool {
        match &self.source {
            Source::Terminal(_) => true,
            Source::Stream(reader) => !reader.buffer().contains(&b'\n'),
        }
    }

    /// The file and the line number, where the input is a file.
    pub fn place(&self) -> Option<(&str, u64)> {
        self.name.as_deref().map(|name| (name, self.number))
    }

    /// The next line. Only a terminal shows the prompt.
    pub fn next(&mut self, prompt: &str) -> io::Result<Line<'_>> {
        let is_first = self.number == 0;
        match self.next_of_data(prompt)? {
            Line::Text(line) => {
                let text = line.strip_suffix(b"\n").unwrap_or(line);
                // Some editors begin a file with a byte order mark.
                let marked = if is_first { text.strip_prefix(b"\xef\xbb\xbf") } else { None };
                Ok(Line::Text(marked.unwrap_or(text)))
            }
            other => Ok(other),
        }
    }

    /// The next line as it is: with its line feed, if it has one.
    pub fn next_of_data(&mut self, prompt: &str) -> io::Result<Line<'_>> {
        self.number += 1;
        match &mut self.source {
            Source::Terminal(terminal) => match terminal.next(prompt)? {
                Typed::Line(line) => {
                    self.line = line.into_bytes();
                    self.line.push(b'\n');
                    Ok(Line::Text(&self.line))
                }
                Typed::Abandoned => Ok(Line::Abandoned),
                Typed::End => Ok(Line::End),
            },
            Source::Stream(reader) => {
                self.line.clear();
                read_line(reader, &mut self.line)
            }
        }
    }

    /// Keeps a statement for whoever typed it.
    pub fn remember(&mut self, statement: &str) {
        if let Source::Terminal(terminal) = &mut self.source {
            terminal.remember(statement);
        }
    }
}

fn read_line<'a>(reader: &mut dyn BufRead, line: &'a mut Vec<u8>) -> io::Result<Line<'a>> {
    let limit = MAX_LINE as u64 + 1;
    if reader.take(limit).read_until(b'\n', line)? == 0 {
        return Ok(Line::End);
    }
    if line.len() as u64 == limit && line.last() != Some(&b'\n') {
        *line = Vec::new();
        skip_line(reader)?;
        return Ok(Line::TooLong);
    }
    Ok(Line::Text(line))
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
    fn data_are_not_touched() {
        let mut input = Input::stream(&b"\xef\xbb\xbf1\r\n2\r3"[..]);
        assert_eq!(input.next_of_data("").unwrap(), Line::Text(b"\xef\xbb\xbf1\r\n"));
        assert_eq!(input.next_of_data("").unwrap(), Line::Text(b"2\r3"));
        assert_eq!(input.next_of_data("").unwrap(), Line::End);
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
