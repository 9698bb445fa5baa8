//! A program at work behind pipes.
//!
//! Its standard output and standard error are one pipe, so what it says stays in the order in which it said
//! it. Input is written and output is read by threads of their own: neither side can block the other, and a
//! program that hangs is killed when our patience ends.

use std::ffi::OsStr;
use std::io::{PipeReader, Read, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use std::{fmt, thread};

use anyhow::{Context, Result, bail};

/// How long a program may take for what it was given.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// A running program. Dropping it kills it.
pub struct Process {
    child: Child,
    /// Text on its way to the program's standard input; `None` once the end of input was sent.
    input: Option<SyncSender<String>>,
    output: Arc<Output>,
    deadline: Instant,
}

#[derive(Default)]
struct Output {
    said: Mutex<Said>,
    more: Condvar,
}

#[derive(Default)]
struct Said {
    bytes: Vec<u8>,
    /// The program can say no more: it has ended.
    closed: bool,
}

/// How a program ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ending(pub ExitStatus);

impl fmt::Display for Ending {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        #[cfg(unix)]
        if let Some(signal) = std::os::unix::process::ExitStatusExt::signal(&self.0) {
            return write!(f, "killed by signal {signal}");
        }
        match self.0.code() {
            Some(code) => write!(f, "exit status {code}"),
            None => write!(f, "no exit status"),
        }
    }
}

impl Process {
    pub fn start<A: AsRef<OsStr>>(
        program: &Path,
        arguments: &[A],
        dir: &Path,
        patience: Duration,
    ) -> Result<Process> {
        let (reader, writer) = std::io::pipe()?;
        let mut child = Command::new(program)
            .args(arguments)
            .current_dir(dir)
            .stdin(Stdio::piped())
            .stdout(writer.try_clone()?)
            .stderr(writer)
            .spawn()
            .with_context(|| format!("cannot start {}", program.display()))?;
        let stdin = child.stdin.take().context("the program has no standard input")?;
        // A short queue: a sender that runs ahead of the program waits instead of filling memory.
        let (input, queue) = sync_channel(4);
        thread::spawn(move || feed(stdin, queue));
        let output = Arc::new(Output::default());
        let collected = Arc::clone(&output);
        thread::spawn(move || collect(reader, &collected));
        Ok(Process { child, input: Some(input), output, deadline: Instant::now() + patience })
    }

    /// The number that the operating system gave it.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Types `text`; whether the program may still read it.
    pub fn send(&self, text: impl Into<String>) -> bool {
        self.input.as_ref().is_some_and(|input| input.send(text.into()).is_ok())
    }

    /// A second hand for typing from another thread; sending fails once the program is gone.
    pub fn sender(&self) -> Result<SyncSender<String>> {
        self.input.clone().context("the end of input was sent already")
    }

    /// Waits until `enough` holds for everything said so far; `false` if the program ended before.
    pub fn wait_until(&self, mut enough: impl FnMut(&[u8]) -> bool) -> Result<bool> {
        let mut said = self.output.lock();
        loop {
            if enough(&said.bytes) {
                return Ok(true);
            }
            if said.closed {
                return Ok(false);
            }
            let left = self.deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                let said = shortened(&String::from_utf8_lossy(&said.bytes));
                bail!("the program hangs; it was killed. What it had said:\n{said}");
            }
            said = self.output.more.wait_timeout(said, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Sends the end of input and waits for the program to end; what it said and how it ended.
    pub fn finish(mut self) -> Result<(String, Ending)> {
        self.input = None;
        self.ended()
    }

    /// Kills the program as `kill -9` does; what it had said and how it ended.
    pub fn kill(mut self) -> Result<(String, Ending)> {
        self.child.kill().context("cannot kill the program")?;
        self.ended()
    }

    fn ended(&mut self) -> Result<(String, Ending)> {
        self.wait_until(|_| false)?;
        let status = loop {
            if let Some(status) = self.child.try_wait()? {
                break status;
            }
            if Instant::now() > self.deadline {
                bail!("the program closed its output and hangs; it was killed");
            }
            thread::sleep(Duration::from_millis(1));
        };
        Ok((String::from_utf8_lossy(&self.output.lock().bytes).into_owned(), Ending(status)))
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Fails only if the program has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// How a long text begins and how it ends: a program that goes on and on may have said millions of lines.
pub fn shortened(said: &str) -> String {
    const SHOWN: usize = 20;
    let lines: Vec<&str> = said.lines().collect();
    let Some(left_out) = lines.len().checked_sub(2 * SHOWN).filter(|left_out| *left_out > 1) else {
        return said.to_owned();
    };
    let (first, last) = (&lines[..SHOWN], &lines[lines.len() - SHOWN..]);
    format!("{}\n… {left_out} more lines …\n{}\n", first.join("\n"), last.join("\n"))
}

impl Output {
    fn lock(&self) -> MutexGuard<'_, Said> {
        self.said.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Writes what is sent until the sender is gone, then closes the pipe: the program sees the end of its input.
fn feed(mut stdin: ChildStdin, queue: Receiver<String>) {
    for text in queue {
        if stdin.write_all(text.as_bytes()).is_err() {
            return; // the program has ended and reads no more
        }
    }
}

fn collect(mut reader: PipeReader, output: &Output) {
    let mut buffer = [0; 8192];
    loop {
        let read = reader.read(&mut buffer).unwrap_or(0);
        let mut said = output.lock();
        said.bytes.extend_from_slice(buffer.get(..read).unwrap_or_default());
        said.closed = read == 0;
        output.more.notify_all();
        if said.closed {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_long_text_the_middle_is_left_out() {
        let lines = |count| (1..=count).map(|number| format!("{number}\n")).collect::<String>();
        assert_eq!(shortened(&lines(41)), lines(41));
        let said = shortened(&lines(1_000_000));
        assert!(said.starts_with("1\n") && said.ends_with("1000000\n"), "{said}");
        assert!(said.contains("\n20\n… 999960 more lines …\n999981\n"), "{said}");
    }
}
