//! How InoxDB's times grow with the table: ten times the rows should take ten times as long, a look-up hardly longer.

use anyhow::Result;
use indicatif::ProgressBar;
use tabled::builder::Builder;
use tabled::settings::object::Columns;
use tabled::settings::{Alignment, Style};

use crate::engine::{Engine, Place};
use crate::race::Race;
use crate::report::{seconds, thousands};
use crate::result::Outcome;
use crate::workload::{LOOKUPS, Size, workload};

/// Rows of the tables.
const SIZES: [u64; 3] = [100_000, 1_000_000, 10_000_000];

/// A load, look-ups, a scan, and short ranges.
const WORKLOADS: [&str; 4] = ["W1", "W4", "W5", "W9"];

/// Runs the workloads on tables of each size; a table for the book.
pub fn measure(engine: Box<dyn Engine>, place: &Place, rounds: usize, bar: &ProgressBar) -> Result<String> {
    let mut workloads = Vec::new();
    for name in WORKLOADS {
        workloads.push(workload(name).map_err(anyhow::Error::msg)?);
    }
    let mut engines = [engine];
    let mut columns = Vec::new();
    for rows in SIZES {
        let mut race =
            Race { engines: &mut engines, place, size: Size { rows, lookups: LOOKUPS }, rounds, bar };
        columns.push(race.run(&workloads)?);
    }
    Ok(table(&columns))
}

/// One column for each size, its outcomes in the order of the workloads.
fn table(columns: &[Vec<Outcome>]) -> String {
    let mut builder = Builder::default();
    let mut head = vec![String::new(), "workload".to_owned()];
    head.extend(SIZES.map(|rows| format!("{} rows, s", thousands(rows))));
    head.push("memory, MiB".to_owned());
    builder.push_record(head);
    for (number, outcome) in columns.first().into_iter().flatten().enumerate() {
        let costs: Vec<_> =
            columns.iter().filter_map(|column| Some(&column.get(number)?.entrants.first()?.cost)).collect();
        let mut line = vec![outcome.workload.clone(), outcome.about.clone()];
        line.extend(costs.iter().map(|cost| seconds(cost.wall)));
        let memory = costs.iter().map(|cost| match cost.memory {
            Some(bytes) => (bytes >> 20).to_string(),
            None => "–".to_owned(),
        });
        line.push(memory.collect::<Vec<_>>().join(" / "));
        builder.push_record(line);
    }
    let mut table = builder.build();
    table.modify(Columns::new(2..), Alignment::right());
    format!("{}\n", table.with(Style::markdown()))
}
