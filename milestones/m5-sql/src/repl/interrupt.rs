//! Ctrl-C: what is waited for ends at once, as what is computed and what is drawn does.
//!
//! The flag is the database's own ([`Database::interrupt`](crate::database::Database::interrupt)). The signal sets it, and
//! the session takes it back once it has ended what was going on.

use crate::error::{Error, SqlState};
use std::fmt;
use std::io::{self, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// The error of a statement that Ctrl-C has ended.
pub fn canceled() -> Error {
    Error::new(SqlState::QueryCanceled, "canceling statement due to user request")
}

/// The reason why a read came to nothing.
#[derive(Debug)]
struct Canceled;

impl fmt::Display for Canceled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("canceled by user")
    }
}

impl std::error::Error for Canceled {}

/// Whether a read ended because of Ctrl-C.
pub fn is_canceled(error: &io::Error) -> bool {
    error.get_ref().is_some_and(|reason| reason.is::<Canceled>())
}

/// A file or a pipe. Its bytes are waited for until they come or the flag is set.
pub struct Waiting<R> {
    source: R,
    interrupt: Arc<AtomicBool>,
}

impl<R> Waiting<R> {
    pub fn new(source: R, interrupt: &Arc<AtomicBool>) -> Waiting<R> {
        Waiting { source, interrupt: interrupt.clone() }
    }

    fn check(&self) -> io::Result<()> {
        if self.interrupt.load(Ordering::Relaxed) {
            // By this kind COPY knows that its data were taken back.
            return Err(io::Error::new(io::ErrorKind::ConnectionAborted, Canceled));
        }
        Ok(())
    }
}

#[cfg(unix)]
impl<R: Read + std::os::fd::AsFd> Read for Waiting<R> {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        use rustix::event::{PollFd, PollFlags, Timespec, poll};
        // The signal may come to another thread, which does not wake this one.
        const LOOK_AGAIN: Timespec = Timespec { tv_sec: 0, tv_nsec: 20_000_000 };
        loop {
            self.check()?;
            match poll(&mut [PollFd::new(&self.source, PollFlags::IN)], Some(&LOOK_AGAIN)) {
                Ok(0) | Err(rustix::io::Errno::INTR) => {}
                // What cannot be waited for is read all the same.
                _ => return self.source.read(bytes),
            }
        }
    }
}

#[cfg(not(unix))]
impl<R: Read> Read for Waiting<R> {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        self.check()?;
        self.source.read(bytes)
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;
    use std::io::Write;

    #[test]
    fn a_pipe_into_which_nothing_is_written_is_not_waited_for_any_longer() {
        let flag = Arc::new(AtomicBool::new(false));
        let (source, mut sender) = io::pipe().unwrap();
        sender.write_all(b"x").unwrap();
        let mut source = Waiting::new(source, &flag);
        assert_eq!(source.read(&mut [0; 9]).unwrap(), 1);
        flag.store(true, Ordering::Relaxed);
        assert!(is_canceled(&source.read(&mut [0; 9]).unwrap_err()));
    }
}
