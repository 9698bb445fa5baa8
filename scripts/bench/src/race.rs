//! The race itself: one workload after another, the engines taking turns, so that what the machine does beside it
//! hits all of them alike.

use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use indicatif::ProgressBar;

use crate::answer::digest;
use crate::data::write_csv;
use crate::engine::{Engine, Place};
use crate::measure::{Usage, median};
use crate::result::{Cost, Entrant, Outcome};
use crate::workload::{Before, CSV, Size, Workload, workload};

pub struct Race<'a> {
    pub engines: &'a mut [Box<dyn Engine>],
    pub place: &'a Place,
    pub size: Size,
    pub rounds: usize,
    pub bar: &'a ProgressBar,
}

impl Race<'_> {
    /// Runs the workloads; a line for each in the answer.
    pub fn run(&mut self, workloads: &[&'static Workload]) -> Result<Vec<Outcome>> {
        self.bar.set_position(0);
        self.bar.set_length((workloads.len() * self.rounds * self.engines.len()) as u64);
        self.prepare(workloads)?;
        workloads.iter().map(|workload| self.run_one(workload)).collect()
    }

    /// What several workloads need: the loaded table, the table after a crash.
    fn prepare(&mut self, workloads: &[&'static Workload]) -> Result<()> {
        self.bar.set_message("writing the rows");
        let needs = |wanted: &[Before]| workloads.iter().any(|workload| wanted.contains(&workload.before));
        let mut csv = BufWriter::new(File::create(self.place.path(CSV))?);
        write_csv(&mut csv, self.size.rows)?;
        csv.flush()?;
        let w1 = workload("W1").map_err(anyhow::Error::msg)?;
        for engine in self.engines.iter_mut() {
            self.bar.set_message(format!("loading {}", engine.name()));
            let script = write_script(self.place, w1, &**engine, self.size)?;
            if needs(&[Before::Loaded, Before::Cold, Before::Copy]) {
                engine.load(&script).with_context(|| format!("{} cannot load the table", engine.name()))?;
            }
            if needs(&[Before::Crashed]) {
                engine.crash(&script).with_context(|| format!("{} cannot crash", engine.name()))?;
            }
        }
        Ok(())
    }

    fn run_one(&mut self, workload: &'static Workload) -> Result<Outcome> {
        self.bar.set_message(format!("{}, {}", workload.name, workload.about));
        let mut scripts = Vec::new();
        for engine in self.engines.iter() {
            scripts.push(write_script(self.place, workload, &**engine, self.size)?);
        }
        let mut usages: Vec<Vec<Usage>> = vec![Vec::new(); self.engines.len()];
        let mut sizes = vec![0; self.engines.len()];
        let mut expected = None;
        for _ in 0..self.rounds {
            for (i, engine) in self.engines.iter_mut().enumerate() {
                let answer = self.place.path("answer.csv");
                let what = |engine: &dyn Engine| format!("{} at {}", engine.name(), workload.name);
                engine.prepare(workload.before).with_context(|| what(&**engine))?;
                let usage = engine.run(&scripts[i], &answer).with_context(|| what(&**engine))?;
                usages[i].push(usage);
                // A server that was started for the work alone is gone.
                sizes[i] = if workload.crashes() { 0 } else { engine.size()? };
                let digest = digest(&answer, workload.order).with_context(|| what(&**engine))?;
                match expected {
                    None => expected = Some(digest),
                    Some(expected) if expected != digest => {
                        let kept = self.place.path("wrong.csv");
                        fs::rename(&answer, &kept)?;
                        bail!(
                            "{}: not the answer that {} gave; see {}",
                            what(&**engine),
                            self.engines[0].name(),
                            kept.display()
                        );
                    }
                    Some(_) => {}
                }
                self.bar.inc(1);
            }
        }
        let mut entrants = Vec::new();
        for ((engine, usages), size) in self.engines.iter().zip(&usages).zip(sizes) {
            let log = if workload.crashes() { Some(engine.log_size()?) } else { None };
            entrants.push(Entrant { engine: engine.name().into(), cost: cost(usages), size, log });
        }
        Ok(Outcome {
            workload: workload.name.into(),
            about: workload.about.into(),
            goal: workload.goal,
            entrants,
        })
    }
}

fn cost(usages: &[Usage]) -> Cost {
    let seconds = |of: fn(&Usage) -> Duration| {
        median(usages.iter().map(|usage| of(usage).as_secs_f64())).unwrap_or_default()
    };
    let wall = |usage: &Usage| usage.wall.as_secs_f64();
    Cost {
        wall: seconds(|usage| usage.wall),
        cpu: seconds(|usage| usage.cpu),
        fastest: usages.iter().map(wall).fold(f64::INFINITY, f64::min),
        slowest: usages.iter().map(wall).fold(0.0, f64::max),
        memory: usages.iter().map(|usage| usage.memory).max().flatten(),
    }
}

fn write_script(place: &Place, workload: &Workload, engine: &dyn Engine, size: Size) -> Result<PathBuf> {
    let path = place.path(&format!("{}-{:?}.sql", workload.name, engine.dialect()));
    write_file(&path, |out| workload.script(out, engine.dialect(), size))?;
    Ok(path)
}

fn write_file(path: &Path, write: impl FnOnce(&mut dyn Write) -> std::io::Result<()>) -> Result<()> {
    let mut out = BufWriter::new(File::create(path).with_context(|| path.display().to_string())?);
    write(&mut out)?;
    Ok(out.flush()?)
}
