//! Where lines come from: a person who types, or a pipe, a file, an argument.
//!
//! A line is bytes. What they mean, and whether they are UTF-8, is asked of a whole statement, as PostgreSQL
//! does it. Only one line is in memory at a time, and no line is longer than [`MAX_LINE`].

use super::interrupt::Waiting;
pub use crate::sql::encoding::decode;
use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Cursor, Read};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

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

/// Where a person types.
pub trait Terminal {
    fn next(&mut self, prompt: &str) -> io::Result<Typed>;
    /// Keeps a whole statement, so that an arrow key brings back all its lines.
    fn remember(&mut self, statement: &str);
    /// Names that the Tab key may complete.
    fn offer(&mut self, _names: Vec<String>) {}
    /// Forgets what was typed and not read yet.
    fn forget(&mut self) {}
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

    pub fn file(path: &str, interrupt: &Arc<AtomicBool>) -> io::Result<Input> {
        let file = File::open(path)?;
        if file.metadata()?.is_dir() {
            return Err(io::ErrorKind::IsADirectory.into());
        }
        Ok(Input { name: Some(path.to_string()), ..Input::stream(Waiting::new(file, interrupt)) })
    }

    pub fn stream(reader: impl Read + 'static) -> Input {
        Input::new(Source::Stream(BufReader::with_capacity(BUFFER_SIZE, Box::new(reader))))
    }

    pub fn text(text: &str) -> Input {
        Input::stream(Cursor::new(text.to_string()))
    }

    /// Standard input. Its own buffer holds no more than what is read of it at once, so nothing stays in there.
    pub fn standard(interrupt: &Arc<AtomicBool>) -> Input {
        Input::stream(Waiting::new(io::stdin(), interrupt))
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
            Source::Terminal(terminal, pasted) => {
                if pasted.is_empty() {
                    match terminal.next(prompt)? {
                        Typed::Line(text) => pasted.extend(text.split('\n').map(str::to_string)),
                        Typed::Abandoned => return Ok(Line::Abandoned),
                        Typed::End => return Ok(Line::End),
                    }
                }
                self.line = pasted.pop_front().unwrap_or_default().into_bytes();
                self.line.push(b'\n');
                Ok(Line::Text(&self.line))
            }
            Source::Stream(reader) => {
                self.line.clear();
                read_line(reader, &mut self.line)
            }
        }
    }

    /// Keeps a statement for whoever typed it.
    pub fn remember(&mut self, statement: &str) {
        if let Source::Terminal(terminal, _) = &mut self.source {
            terminal.remember(statement);
        }
    }

    /// Names for a person's Tab key.
    pub fn offer(&mut self, names: Vec<String>) {
        if let Source::Terminal(terminal, _) = &mut self.source {
            terminal.offer(names);
        }
    }

    /// Forgets what was typed ahead, or pasted and not read yet.
    pub fn forget(&mut self) {
        if let Source::Terminal(terminal, pasted) = &mut self.source {
            pasted.clear();
            terminal.forget();
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
        let mut input = Input::file(path.to_str().unwrap(), &Arc::default()).unwrap();
        input.next("").unwrap();
        assert_eq!(input.next("").unwrap(), Line::Text(b"b"));
        assert_eq!(input.place().unwrap().1, 2);
        assert!(Input::file(directory.path().to_str().unwrap(), &Arc::default()).is_err());
    }
}
