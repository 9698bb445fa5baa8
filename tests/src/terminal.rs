//! A program in a pseudo-terminal: it sees a person at a keyboard, and we see its screen.

use std::io::{Read, Write};
use std::num::NonZero;
use std::path::Path;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use portable_pty::{Child, CommandBuilder, MasterPty, PtySize, native_pty_system};

const COLUMNS: NonZero<u16> = NonZero::new(120).unwrap();
/// So high that a test's session does not scroll.
const ROWS: NonZero<u16> = NonZero::new(400).unwrap();

/// A program and its screen. Dropping it kills the program.
pub struct Terminal {
    child: Box<dyn Child + Send + Sync>,
    keyboard: Box<dyn Write + Send>,
    /// Bytes for the screen as the program writes them.
    bytes: Receiver<Vec<u8>>,
    screen: vt100::Parser,
    patience: Duration,
    /// Held open: closing it would hang up on the program.
    _master: Box<dyn MasterPty + Send>,
}

impl Terminal {
    pub fn start(program: &Path, arguments: &[&str], dir: &Path, patience: Duration) -> Result<Terminal> {
        let size = PtySize { rows: ROWS.get(), cols: COLUMNS.get(), pixel_width: 0, pixel_height: 0 };
        let pair = native_pty_system().openpty(size)?;
        let mut command = CommandBuilder::new(program);
        command.args(arguments);
        command.cwd(dir);
        command.env("TERM", "xterm-256color");
        // A history that the program keeps is the test's own.
        command.env("HOME", dir);
        let child = pair.slave.spawn_command(command)?;
        drop(pair.slave);
        let reader = pair.master.try_clone_reader()?;
        let keyboard = pair.master.take_writer()?;
        let (sender, bytes) = channel();
        thread::spawn(move || {
            let mut reader = reader;
            let mut buffer = [0; 4096];
            while let Ok(read @ 1..) = reader.read(&mut buffer) {
                if sender.send(buffer.get(..read).unwrap_or_default().to_vec()).is_err() {
                    return;
                }
            }
        });
        let screen = vt100::Parser::new(ROWS, COLUMNS, 0);
        Ok(Terminal { child, keyboard, bytes, screen, patience, _master: pair.master })
    }

    /// Presses the keys of `text`; `\r` is the return key, `\x03` Ctrl-C, `\x04` Ctrl-D.
    pub fn press(&mut self, text: &str) -> Result<()> {
        self.keyboard.write_all(text.as_bytes())?;
        self.keyboard.flush().context("the terminal takes no keys")
    }

    /// Types each line of `text` and the return key behind it.
    pub fn type_lines(&mut self, text: &str) -> Result<()> {
        text.lines().try_for_each(|line| self.press(&format!("{line}\r")))
    }

    /// Types a line as a person does: sees it behind the cursor before pressing the return key.
    pub fn enter(&mut self, line: &str) -> Result<()> {
        self.press(line)?;
        self.wait_until(line, |terminal| terminal.cursor_line().ends_with(line.trim_end()))?;
        self.press("\r")
    }

    /// Waits until `text` is somewhere on the screen.
    pub fn wait_for(&mut self, text: &str) -> Result<()> {
        self.wait_until(text, |terminal| terminal.screen().contains(text))
    }

    /// Waits until anything at all is on the screen.
    pub fn wait_for_a_word(&mut self) -> Result<()> {
        self.wait_until("a word", |terminal| !terminal.screen().trim().is_empty())
    }

    /// Waits until the cursor stands behind `prompt` and nothing else is in its line: it is our turn.
    pub fn wait_for_prompt(&mut self, prompt: &str) -> Result<()> {
        self.wait_until(prompt, |terminal| {
            let (_, column) = terminal.screen.screen().cursor_position();
            terminal.cursor_line() == prompt.trim_end() && usize::from(column) == prompt.chars().count()
        })
    }

    /// Waits for any prompt of this program: its name, up to one sign more, and `> `.
    pub fn wait_for_turn(&mut self, name: &str) -> Result<()> {
        self.wait_until(name, |terminal| {
            let (_, column) = terminal.screen.screen().cursor_position();
            let line = terminal.cursor_line();
            let prompt = line.strip_prefix(name).unwrap_or_default();
            prompt.ends_with('>') && prompt.len() <= 2 && usize::from(column) == line.len() + 1
        })
    }

    /// The line that the cursor is in, without the blanks at its end.
    fn cursor_line(&self) -> String {
        let (row, _) = self.screen.screen().cursor_position();
        self.screen.screen().contents_between(row, 0, row, COLUMNS.get()).trim_end().to_owned()
    }

    /// Everything on the screen, without the blanks at line ends.
    pub fn screen(&self) -> String {
        let rows = self.screen.screen().rows(0, COLUMNS.get());
        let text: String = rows.map(|row| format!("{}\n", row.trim_end())).collect();
        format!("{}\n", text.trim_end())
    }

    /// Waits for the program to end; whether it ended well.
    pub fn wait_for_end(&mut self) -> Result<bool> {
        let deadline = Instant::now() + self.patience;
        while self.show_more(deadline)? {}
        loop {
            if let Some(status) = self.child.try_wait()? {
                return Ok(status.success());
            }
            if Instant::now() > deadline {
                bail!("the program does not end. Its screen:\n{}", self.screen());
            }
            thread::sleep(Duration::from_millis(1));
        }
    }

    fn wait_until(&mut self, wanted: &str, mut done: impl FnMut(&Terminal) -> bool) -> Result<()> {
        let deadline = Instant::now() + self.patience;
        while !done(self) {
            if !self.show_more(deadline).with_context(|| format!("waiting for {wanted:?}"))? {
                bail!("the program ended before {wanted:?} came. Its screen:\n{}", self.screen());
            }
        }
        Ok(())
    }

    /// Puts what came next on the screen; `false` if nothing more can come.
    fn show_more(&mut self, deadline: Instant) -> Result<bool> {
        match self.bytes.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
            Ok(bytes) => {
                self.screen.process(&bytes);
                Ok(true)
            }
            Err(RecvTimeoutError::Disconnected) => Ok(false),
            Err(RecvTimeoutError::Timeout) => bail!("the program hangs. Its screen:\n{}", self.screen()),
        }
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        // Fails only if the program has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
