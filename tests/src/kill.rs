//! A load, `kill -9` at a random moment, and what must be there afterwards.
//!
//! Statements are sent without waiting for answers, as a script on standard input is. Whatever was answered
//! before the program died must be there when it is opened again. The one statement whose answer had not come
//! may be there or not; any other must not.

use std::path::Path;
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, bail};

use crate::process::{PATIENCE, Process, shortened};

/// What a program is given to do until it is killed.
pub struct Load<'a> {
    pub program: &'a Path,
    pub arguments: &'a [&'a str],
    /// Where the program runs.
    pub dir: &'a Path,
    /// The n-th statement, from 0, with the end of its line.
    pub statement: &'a (dyn Fn(u64) -> String + Sync),
    /// Whether a line of output answers one statement.
    pub is_answer: &'a dyn Fn(&str) -> bool,
}

/// What is known after a kill.
#[derive(Debug)]
pub struct Killed {
    /// From 1.
    pub round: u32,
    /// How many statements, counted from the first round's first one, must be there.
    pub acknowledged: u64,
    /// What the program said in this round.
    pub said: String,
}

/// Loads and kills, `rounds` times on the same data, with up to `most` statements answered in a round.
///
/// `present` opens the data again, checks that it is whole and says how many statements are there; the next
/// round goes on behind them. The same `seed` asks for the same moments, as near as the machine repeats
/// itself.
pub fn kill_repeatedly(
    load: &Load,
    rounds: u32,
    most: u64,
    seed: u64,
    mut present: impl FnMut(&Killed) -> Result<u64>,
) -> Result<()> {
    let mut random = fastrand::Rng::with_seed(seed);
    let mut next = 0;
    for round in 1..=rounds {
        let answers = random.u64(0..=most);
        let pause = Duration::from_micros(random.u64(0..3000));
        let context = || format!("round {round} of seed {seed}");
        let said = load_and_kill(load, next, answers, pause).with_context(context)?;
        let answered = said.lines().filter(|line| (load.is_answer)(line)).count() as u64;
        let killed = Killed { round, acknowledged: next + answered, said };
        let found = present(&killed).with_context(context)?;
        let acknowledged = killed.acknowledged;
        if found < acknowledged {
            bail!("round {round} of seed {seed}: {acknowledged} statements were answered, {found} are there");
        }
        if found > acknowledged + 1 {
            bail!(
                "round {round} of seed {seed}: {found} statements are there, but only {acknowledged} \
                 were answered and one more was in doubt"
            );
        }
        next = found;
    }
    Ok(())
}

/// Sends statements from number `first` on, and kills the program a `pause` after it gave that many
/// `answers`.
fn load_and_kill(load: &Load, first: u64, answers: u64, pause: Duration) -> Result<String> {
    let process = Process::start(load.program, load.arguments, load.dir, PATIENCE)?;
    let sender = process.sender()?;
    let statement = load.statement;
    thread::scope(|scope| {
        scope.spawn(move || (first..).all(|number| sender.send(statement(number)).is_ok()));
        let (mut seen, mut counted) = (0, 0);
        let enough = process.wait_until(|said| {
            let fresh = said.get(counted..).unwrap_or_default();
            let whole = fresh.iter().rposition(|byte| *byte == b'\n').map_or(0, |newline| newline + 1);
            let lines = String::from_utf8_lossy(fresh.get(..whole).unwrap_or_default());
            seen += lines.lines().filter(|line| (load.is_answer)(line)).count() as u64;
            counted += whole;
            seen >= answers
        });
        // Not before the program is dead does the sending thread end, and with it the scope.
        if enough.is_ok() {
            thread::sleep(pause);
        }
        let killed = process.kill();
        if !enough? {
            bail!("the program ended by itself after {seen} answers:\n{}", shortened(&killed?.0));
        }
        Ok(killed?.0)
    })
}
