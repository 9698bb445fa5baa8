//! Where one result goes instead of the screen: `\g FILE`, `\g |COMMAND`.

use super::output::Output;
use crate::error::{Error, Result, SqlState};
use std::fs::File;
use std::io::{self, Write};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

pub struct Redirect {
    target: String,
    interrupt: Arc<AtomicBool>,
    /// Once there is a result: a statement without one leaves the file alone.
    opened: Option<(Output, Option<Child>)>,
}

impl Redirect {
    /// To a file, or to a command if `target` begins with `|`.
    pub fn new(target: String, interrupt: Arc<AtomicBool>) -> Redirect {
        Redirect { target, interrupt, opened: None }
    }

    /// Where to print.
    pub fn output(&mut self) -> Result<&mut Output> {
        let opened = match self.opened.take() {
            Some(opened) => opened,
            None => open(&self.target).map_err(|error| match error.kind() {
                io::ErrorKind::NotFound => {
                    let message = format!("{}: No such file or directory", self.target);
                    Error::new(SqlState::UndefinedFile, message)
                }
                _ => Error::io("open", &self.target, error),
            })?,
        };
        let (output, _) = self.opened.insert(opened);
        output.stop_at(self.interrupt.clone());
        Ok(output)
    }

    /// After the last row. A command's end is waited for.
    pub fn close(self) -> Result<()> {
        let Some((mut output, child)) = self.opened else { return Ok(()) };
        let written = output.finish();
        drop(output);
        let ended = child.map_or(Ok(()), |mut child| child.wait().map(|_| ()));
        written.and(ended).map_err(|error| Error::io("write", &self.target, error))
    }
}

fn open(target: &str) -> io::Result<(Output, Option<Child>)> {
    let Some(command) = target.strip_prefix('|') else {
        return Ok((new_output(File::create(target)?), None));
    };
    let mut child = Command::new("sh").arg("-c").arg(command).stdin(Stdio::piped()).spawn()?;
    let input = child.stdin.take().ok_or(io::ErrorKind::BrokenPipe)?;
    Ok((new_output(input), Some(child)))
}

fn new_output(target: impl Write + 'static) -> Output {
    Output::new(Box::new(target), Box::new(io::stderr()))
}
