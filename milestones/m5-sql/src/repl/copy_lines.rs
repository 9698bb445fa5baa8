//! The data of `COPY … FROM STDIN` in a session: the lines after the statement, up to one with `\.` alone.

use super::input::{Input, Line};
use std::io::{self, Read, Write};

/// What is shown where a line of data is typed.
pub const PROMPT: &str = ">> ";

/// What a person is told before.
const EXPLANATION: &[u8] = b"Enter data to be copied followed by a newline.
End with a backslash and a period on a line by itself, or an EOF signal.
";

pub struct CopyLines<'a> {
    input: &'a mut Input,
    /// Whether a person has to be told what is expected.
    explains: bool,
    /// The line in hand, and how much of it has been read.
    line: Vec<u8>,
    at: usize,
    state: State,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    /// No data were asked for: the next line is not data.
    Unasked,
    Reading,
    Ended,
}

impl<'a> CopyLines<'a> {
    pub fn new(input: &'a mut Input, explains: bool) -> CopyLines<'a> {
        CopyLines { input, explains, line: Vec::new(), at: 0, state: State::Unasked }
    }

    /// After an error, data that were not read must not be taken for statements.
    pub fn skip_rest(mut self) {
        // Input that cannot be read will say so when the next statement is asked for.
        while self.state == State::Reading && self.next_line().is_ok() {}
    }

    fn next_line(&mut self) -> io::Result<()> {
        if self.state == State::Unasked && self.explains && self.input.is_terminal() {
            io::stdout().write_all(EXPLANATION)?;
        }
        self.state = State::Reading;
        self.at = 0;
        self.line.clear();
        match self.input.next_of_data(PROMPT)? {
            Line::Text(b"\\." | b"\\.\n" | b"\\.\r\n") | Line::End => self.state = State::Ended,
            Line::Text(line) => self.line.extend_from_slice(line),
            Line::TooLong => {
                self.state = State::Ended;
                return Err(io::Error::other("a line is longer than 1 GB"));
            }
            Line::Abandoned => {
                self.state = State::Ended;
                return Err(io::Error::new(io::ErrorKind::ConnectionAborted, "canceled by user"));
            }
        }
        Ok(())
    }
}

impl Read for CopyLines<'_> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if self.at == self.line.len() && self.state != State::Ended {
            self.next_line()?;
        }
        let read = (&self.line[self.at..]).read(out)?;
        self.at += read;
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(data: &mut CopyLines<'_>) -> String {
        let mut text = String::new();
        data.read_to_string(&mut text).unwrap();
        text
    }

    #[test]
    fn data_end_with_a_backslash_and_a_period() {
        let mut input = Input::text("1\n\n2\r\n\\.\nSELECT 1;\n");
        let mut data = CopyLines::new(&mut input, false);
        assert_eq!((read(&mut data), read(&mut data)), ("1\n\n2\r\n".into(), String::new()));
        data.skip_rest();
        assert_eq!(input.next("").unwrap(), Line::Text(b"SELECT 1;"));
    }

    #[test]
    fn what_was_not_read_is_skipped_but_only_if_there_are_data() {
        let mut input = Input::text("1\n2\n\\.\nSELECT 1;\n");
        let mut data = CopyLines::new(&mut input, false);
        assert_eq!(data.read(&mut [0; 1]).unwrap(), 1);
        data.skip_rest();
        assert_eq!(input.next("").unwrap(), Line::Text(b"SELECT 1;"));
        let mut input = Input::text("SELECT 2;\n");
        CopyLines::new(&mut input, false).skip_rest();
        assert_eq!(input.next("").unwrap(), Line::Text(b"SELECT 2;"));
    }
}
