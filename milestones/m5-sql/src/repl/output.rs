//! Everything the REPL prints goes through here: one buffer, flushed before more input is waited for.
//!
//! Printing cannot fail for the one who prints. A reader that went away (`| head`) is remembered, later
//! output is dropped, and the session ends at the next [`Output::is_closed`]; no command has to think of it.

use std::fmt;
use std::io::{self, BufWriter, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

const BUFFER_SIZE: usize = 64 * 1024;

pub struct Output {
    target: BufWriter<Box<dyn Write>>,
    failure: Option<io::Error>,
    /// Set by Ctrl-C, at which a table is not drawn any further.
    interrupt: Arc<AtomicBool>,
    stopped: bool,
}

impl Output {
    pub fn new(target: Box<dyn Write>) -> Output {
        let target = BufWriter::with_capacity(BUFFER_SIZE, target);
        Output { target, failure: None, interrupt: Arc::default(), stopped: false }
    }

    /// Stops drawing when the flag is set.
    pub fn stop_at(&mut self, interrupt: Arc<AtomicBool>) {
        self.interrupt = interrupt;
    }

    /// Whether Ctrl-C has stopped the drawing since this was called last. Then it also ends the line that was begun.
    pub fn take_stopped(&mut self) -> bool {
        let stopped = std::mem::take(&mut self.stopped);
        if stopped {
            self.bytes(b"\n");
        }
        stopped
    }

    pub fn standard() -> Output {
        Output::new(Box::new(io::stdout()))
    }

    pub fn bytes(&mut self, bytes: &[u8]) {
        if self.failure.is_none() {
            self.failure = self.target.write_all(bytes).err();
        }
    }

    /// What `write!` and `writeln!` call; they have nothing to return here.
    pub fn write_fmt(&mut self, arguments: fmt::Arguments<'_>) {
        if self.failure.is_none() {
            self.failure = self.target.write_fmt(arguments).err();
        }
    }

    /// Before waiting for input, before writing to standard error, and at the end.
    pub fn flush(&mut self) {
        if self.failure.is_none() {
            self.failure = self.target.flush().err();
        }
    }

    /// Whether nobody can read any more what is printed.
    pub fn is_closed(&self) -> bool {
        self.failure.is_some()
    }

    /// Flushes; a failure to be told, which a reader that had enough is not.
    pub fn finish(&mut self) -> io::Result<()> {
        self.flush();
        match self.failure.take() {
            Some(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(error),
            _ => Ok(()),
        }
    }
}

/// For table drawing, which speaks `fmt`: stops at the first failure instead of drawing for nobody, and at Ctrl-C.
impl fmt::Write for Output {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.bytes(text.as_bytes());
        self.stopped |= self.interrupt.load(Ordering::Relaxed);
        if self.is_closed() || self.stopped { Err(fmt::Error) } else { Ok(()) }
    }
}

/// `1 row`, `2 rows`.
pub fn counted(number: u64, thing: &str) -> String {
    format!("{number} {thing}{}", if number == 1 { "" } else { "s" })
}

/// Appends a value so that it cannot command the terminal: control characters as psql writes them,
/// except the line feed, which the caller has to place.
pub fn push_printable(text: &str, out: &mut String) {
    if text.bytes().all(|byte| (b' '..0x7f).contains(&byte)) {
        out.push_str(text);
        return;
    }
    let start = out.len();
    for character in text.chars() {
        match character {
            '\r' => out.push_str("\\r"),
            // psql's tab stops are every 8 columns of the value.
            '\t' => {
                let column = super::table::width(out.get(start..).unwrap_or_default());
                out.extend(std::iter::repeat_n(' ', 8 - column % 8));
            }
            '\n' => out.push('\n'),
            character if character.is_control() => out.push_str(&match character as u32 {
                code @ ..0x80 => format!("\\x{code:02X}"),
                code => format!("\\u{code:04X}"),
            }),
            character => out.push(character),
        }
    }
}

#[cfg(test)]
pub mod tests {
    use super::*;
    use std::cell::RefCell;
    use std::rc::Rc;

    /// A place to print to that a test can look at.
    #[derive(Clone, Default)]
    pub struct Screen(Rc<RefCell<Vec<u8>>>);

    impl Screen {
        pub fn output(&self) -> Output {
            Output::new(Box::new(self.clone()))
        }

        pub fn text(&self) -> String {
            String::from_utf8(self.0.borrow().clone()).unwrap()
        }
    }

    impl Write for Screen {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.borrow_mut().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    struct Gone;

    impl Write for Gone {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(io::ErrorKind::BrokenPipe.into())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_reader_that_went_away_is_noticed_and_not_an_error() {
        let mut output = Output::new(Box::new(Gone));
        writeln!(output, "hello");
        assert!(!output.is_closed());
        output.flush();
        assert!(output.is_closed());
        writeln!(output, "nobody hears this");
        output.finish().unwrap();
    }

    #[test]
    fn control_characters_are_shown_as_psql_shows_them() {
        // PostgreSQL 15's psql prints the value E'b\tc\x1bd\re\u0085f\u007fg' like this.
        let mut out = String::new();
        push_printable("b\tc\x1bd\re\u{85}f\u{7f}g", &mut out);
        assert_eq!(out, "b       c\\x1Bd\\re\\u0085f\\x7Fg");
    }
}
