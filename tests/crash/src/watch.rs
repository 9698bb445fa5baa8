//! Knows since when each thread has been at a case, and gives up when one does not end.

use std::collections::HashMap;
use std::fmt::Display;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread::{self, ThreadId};
use std::time::{Duration, Instant};

/// A case that takes longer than this, which is a thousand times what they take, will never end.
const PATIENCE: Duration = Duration::from_secs(120);

pub struct Watch<Case> {
    cases: Mutex<HashMap<ThreadId, (Instant, Case)>>,
}

impl<Case: Display + Send> Watch<Case> {
    /// Does `work`, and keeps an eye on the cases that it begins.
    pub fn over<T>(work: impl FnOnce(&Watch<Case>) -> T) -> T {
        let (watch, done) = (Watch { cases: Mutex::default() }, AtomicBool::new(false));
        thread::scope(|scope| {
            scope.spawn(|| watch.keep(&done));
            let answer = work(&watch);
            done.store(true, Ordering::Relaxed);
            answer
        })
    }

    /// The calling thread is at this case; its `Display` is what stands after `--replay`.
    pub fn begin(&self, case: Case) {
        let mut cases = self.cases.lock().unwrap_or_else(PoisonError::into_inner);
        cases.insert(thread::current().id(), (Instant::now(), case));
    }

    pub fn end(&self) {
        self.cases.lock().unwrap_or_else(PoisonError::into_inner).remove(&thread::current().id());
    }

    /// A loop that never looks at the disk cannot be stopped from outside, so the whole run ends.
    fn keep(&self, done: &AtomicBool) {
        while !done.load(Ordering::Relaxed) {
            thread::sleep(Duration::from_millis(100));
            let cases = self.cases.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some((_, case)) = cases.values().find(|(since, _)| since.elapsed() > PATIENCE) {
                inox_progress::complain!("no end in sight\n    cargo x crash --replay {case}");
                std::process::exit(1);
            }
        }
    }
}
