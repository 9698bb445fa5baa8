//! Everything the REPL prints goes through here: one buffer, flushed before more input is waited for.
//!
//! What is printed for people is made safe to print on its way ([`printable`](super::printable)), so no command can
//! forget it. Two things pass as they are: data for programs, and tables, whose cells have been made safe before they
//! were measured.
//!
//! Printing cannot fail for the one who prints. A reader that went away (`| head`) is remembered, later
//! output is dropped, and the session ends at the next [`Output::is_closed`]; no command has to think of it.

use super::printable::{printable, write_text};
use std::fmt;
use std::io::{self, BufWriter, Write};

const BUFFER_SIZE: usize = 64 * 1024;

pub struct Output {
    target: BufWriter<Box<dyn Write>>,
    /// Where complaints go.
    complaints: Box<dyn Write>,
    failure: Option<io::Error>,
}

impl Output {
    pub fn new(target: Box<dyn Write>, complaints: Box<dyn Write>) -> Output {
        Output { target: BufWriter::with_capacity(BUFFER_SIZE, target), complaints, failure: None }
    }

    pub fn standard() -> Output {
        Output::new(Box::new(io::stdout()), Box::new(io::stderr()))
    }

    /// Text for people, made safe to print.
    pub fn text(&mut self, text: &[u8]) {
        // Printing does not fail here.
        let _ = write_text(text, &mut Safe(self));
    }

    /// What is safe already, or data for a program: as it is.
    pub fn bytes(&mut self, bytes: &[u8]) {
        if self.failure.is_none() {
            self.failure = self.target.write_all(bytes).err();
        }
    }

    /// What `write!` and `writeln!` call, for text; they have nothing to return here.
    pub fn write_fmt(&mut self, arguments: fmt::Arguments<'_>) {
        let _ = fmt::write(&mut Text(self), arguments);
    }

    /// Says something on standard error, after everything that was printed before.
    pub fn complain(&mut self, text: &str) {
        self.flush();
        complain_to(&mut *self.complaints, text);
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

/// Says something on standard error, for those who have no [`Output`].
pub fn complain(text: &str) {
    complain_to(&mut io::stderr(), text);
}

fn complain_to(complaints: &mut dyn Write, text: &str) {
    // The program goes on without a standard error; `eprintln!` would panic.
    let _ = complaints.write_all(printable(text).as_bytes());
}

/// Pieces of text, on their way to be made safe.
struct Text<'a>(&'a mut Output);

impl fmt::Write for Text<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.0.text(text.as_bytes());
        Ok(())
    }
}

/// Pieces of text that have been.
struct Safe<'a>(&'a mut Output);

impl fmt::Write for Safe<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.0.bytes(text.as_bytes());
        Ok(())
    }
}

/// For table drawing, which speaks `fmt`: stops at the first failure instead of drawing for nobody.
impl fmt::Write for Output {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.bytes(text.as_bytes());
        if self.is_closed() { Err(fmt::Error) } else { Ok(()) }
    }
}

/// `1 row`, `2 rows`.
pub fn counted(number: u64, thing: &str) -> String {
    format!("{number} {thing}{}", if number == 1 { "" } else { "s" })
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
            Output::new(Box::new(self.clone()), Box::new(io::sink()))
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
        let mut output = Output::new(Box::new(Gone), Box::new(io::sink()));
        writeln!(output, "hello");
        assert!(!output.is_closed());
        output.flush();
        assert!(output.is_closed());
        writeln!(output, "nobody hears this");
        output.finish().unwrap();
    }

    #[test]
    fn whatever_is_printed_is_safe_to_print() {
        let (screen, complaints) = (Screen::default(), Screen::default());
        let mut output = Output::new(Box::new(screen.clone()), Box::new(complaints.clone()));
        let title = "a\x1b[31m\u{202e}";
        writeln!(output, "{title}");
        output.text(b"b\x9b\n");
        output.bytes(b"c\x07\n");
        output.complain("d\x07\n");
        output.finish().unwrap();
        assert_eq!(screen.text(), "a\\x1B[31m\\u202E\nb\\x9B\nc\x07\n");
        assert_eq!(complaints.text(), "d\\x07\n");
    }
}
