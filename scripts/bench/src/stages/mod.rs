//! The same work on the engines of milestones 1 to 4: what a log costs, and what a buffer pool is good for.
//!
//! There is no SQL before milestone 5, so the engines are called directly, without a shell and without parsing.

mod engines;

use std::fs;
use std::path::Path;
use std::time::Instant;

use anyhow::{Result, ensure};
use fastrand::Rng;
use indicatif::ProgressBar;
use tabled::builder::Builder;
use tabled::settings::object::{Columns, Object, Rows};
use tabled::settings::{Alignment, Style};

use crate::measure::median;
use engines::{Stage, m1, m2, m3, m4};

/// A milestone's name, and how its database is made.
type Opener = (&'static str, fn(&Path) -> Result<Box<dyn Stage>>);

const STAGES: [Opener; 4] =
    [("1 storage", m1::open), ("2 log", m2::open), ("3 buffer pool", m3::open), ("4 catalogs", m4::open)];

const WORK: [&str; 4] = [
    "rows by 1,000, each thousand durable, s",
    "1,000 rows one by one, each durable, s",
    "as many rows read by their place, s",
    "all rows read in order, s",
];

/// Rows that are inserted one by one.
const SINGLE: i32 = 1_000;

/// Races the stages and answers the table, as Markdown.
pub fn race(directory: &Path, rows: i32, rounds: usize, bar: &ProgressBar) -> Result<String> {
    bar.set_length((rounds * STAGES.len()) as u64);
    let mut times = vec![Vec::new(); STAGES.len()];
    for _ in 0..rounds {
        for ((name, open), times) in STAGES.iter().zip(&mut times) {
            bar.set_message(*name);
            let directory = directory.join("stage");
            fs::create_dir_all(&directory)?;
            times.push(measure(&mut *open(&directory)?, rows)?);
            fs::remove_dir_all(&directory)?;
            bar.inc(1);
        }
    }
    let mut table = Builder::default();
    table.push_record(["milestone"].into_iter().chain(WORK));
    for ((name, _), times) in STAGES.iter().zip(&times) {
        let medians = (0..WORK.len()).map(|work| median(times.iter().map(|times| times[work])));
        let medians = medians.map(|time| format!("{:.3}", time.unwrap_or_default()));
        table.push_record([(*name).to_owned()].into_iter().chain(medians));
    }
    let mut table = table.build();
    table.with(Style::markdown()).modify(Columns::new(1..).not(Rows::first()), Alignment::right());
    Ok(format!("{table}\n\n{rows} rows, medians of {rounds} rounds, the milestones taking turns.\n"))
}

/// Seconds for each of [`WORK`].
fn measure(stage: &mut dyn Stage, rows: i32) -> Result<[f64; 4]> {
    let all = rows + SINGLE;
    let sum = i64::from(all) * i64::from(all - 1) / 2;
    let mut rng = Rng::with_seed(3);
    Ok([
        seconds(|| {
            (0..rows).step_by(1_000).try_for_each(|first| stage.insert(first..(first + 1_000).min(rows)))
        })?,
        seconds(|| (rows..all).try_for_each(|id| stage.insert(id..id + 1)))?,
        seconds(|| {
            for _ in 0..rows {
                let row = rng.i32(0..all);
                ensure!(stage.get(row as usize)? == row, "another row in place of {row}");
            }
            Ok(())
        })?,
        seconds(|| {
            ensure!(stage.scan()? == sum, "a scan has not found every row once");
            Ok(())
        })?,
    ])
}

fn seconds(work: impl FnOnce() -> Result<()>) -> Result<f64> {
    let started = Instant::now();
    work()?;
    Ok(started.elapsed().as_secs_f64())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_stage_does_the_work() {
        let directory = tempfile::tempdir().unwrap();
        let table = race(directory.path(), 2_000, 1, &ProgressBar::hidden()).unwrap();
        assert_eq!(table.matches("\n| ").count(), STAGES.len(), "{table}");
    }
}
