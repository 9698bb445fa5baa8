//! What a tool shows while it works, so that you never have to guess whether it still does.
//!
//! A terminal gets one line that moves, below whatever is printed. A pipe or a file gets plain lines: one as each step
//! begins, and one every ten seconds during a long step. Either way the first word comes at once, and goes to standard error.

#![forbid(unsafe_code)]

pub mod say;

use std::borrow::Cow;
use std::fmt::Write as _;
use std::io::IsTerminal;
use std::ops::Deref;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle};

/// How often the line on a terminal moves.
const TICK: Duration = Duration::from_millis(100);

/// How often we look for a new step to write down.
const LOOK: Duration = Duration::from_millis(200);

/// After so long without a new step, a plain line says how far we are.
const SILENCE: Duration = Duration::from_secs(10);

/// Shows what is being done, until it is dropped. The bar in it has the step as its message; its length, once it is set,
/// is the number of things to do.
pub struct Progress {
    bar: ProgressBar,
    /// Its end is what the thread that writes plain lines waits for.
    _writes: Sender<()>,
}

impl Progress {
    pub fn new(step: impl Into<Cow<'static, str>>) -> Progress {
        let bar = ProgressBar::no_length().with_message(step);
        let (sender, end) = channel();
        if std::io::stderr().is_terminal() {
            bar.set_style(style());
            bar.enable_steady_tick(TICK);
        } else {
            bar.set_draw_target(ProgressDrawTarget::hidden());
            write(&bar.message());
            let bar = bar.clone();
            thread::spawn(move || write_lines(&bar, &end));
        }
        Progress { bar, _writes: sender }
    }

    /// Prints a line of the answer, above the line that moves.
    pub fn print(&self, line: &str) {
        self.bar.suspend(|| print_line!("{line}"));
    }
}

impl Deref for Progress {
    type Target = ProgressBar;

    fn deref(&self) -> &ProgressBar {
        &self.bar
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}

fn style() -> ProgressStyle {
    let style = ProgressStyle::with_template("{spinner} {msg}{done} {elapsed}{left}");
    let style = style.unwrap_or_else(|_| ProgressStyle::default_spinner());
    let done = |state: &ProgressState, out: &mut dyn std::fmt::Write| {
        let _ = out.write_str(&done(state.pos(), state.len()));
    };
    let left = |state: &ProgressState, out: &mut dyn std::fmt::Write| {
        let seconds = state.eta().as_secs();
        if state.len().is_some() && seconds > 0 {
            let _ = write!(out, ", {seconds}s left");
        }
    };
    style.with_key("done", done).with_key("left", left)
}

/// How many of how many things are done, if there are any to count.
fn done(position: u64, length: Option<u64>) -> String {
    let mut text = String::new();
    if let Some(length) = length {
        // Writing to a string cannot fail.
        let _ = write!(text, " {position} of {length},");
    }
    text
}

fn write_lines(bar: &ProgressBar, end: &Receiver<()>) {
    let (mut step, mut written) = (bar.message(), Instant::now());
    while end.recv_timeout(LOOK) == Err(RecvTimeoutError::Timeout) {
        let message = bar.message();
        if message != step {
            write(&message);
        } else if written.elapsed() >= SILENCE {
            let done = done(bar.position(), bar.length());
            write(&format!("{message}{done} {} s", bar.elapsed().as_secs()));
        } else {
            continue;
        }
        (step, written) = (message, Instant::now());
    }
}

fn write(line: &str) {
    complain!("{line}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_counted_is_shown() {
        assert_eq!(done(3, Some(85)), " 3 of 85,");
        assert_eq!(done(3, None), "");
    }

    #[test]
    fn a_step_that_begins_is_written_and_the_thread_ends() {
        let progress = Progress::new("one");
        progress.set_message("two");
        let bar = progress.bar.clone();
        drop(progress);
        assert!(bar.is_finished());
    }
}
