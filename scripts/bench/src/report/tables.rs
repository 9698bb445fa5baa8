//! The results as tables.

use tabled::builder::Builder;
use tabled::settings::object::{Columns, Object, Rows};
use tabled::settings::{Alignment, Style};

use crate::result::{Cost, Outcome, Results};

/// For the terminal.
pub fn terminal(results: &Results) -> String {
    let tables = tables(results).map(|mut table| table.with(Style::psql()).to_string());
    format!("{}\n{}", tables.join("\n\n"), remarks(results).join("\n"))
}

/// For the book.
pub fn markdown(results: &Results) -> String {
    let tables = tables(results).map(|mut table| table.with(Style::markdown()).to_string());
    format!("{}\n\n{}\n", tables.join("\n\n"), remarks(results).join("\n\n"))
}

/// Two tables, so that each fits a page: the times and whether they reach the goal, and what they cost.
fn tables(results: &Results) -> [tabled::Table; 2] {
    let engines = results.engines.iter();
    let times =
        engines.clone().map(|(name, _)| format!("{name}, s")).chain(["ratio", "goal"].map(String::from));
    let costs = engines
        .map(|(name, _)| format!("{name}, CPU s"))
        .chain(["CPU ratio", "memory, MiB"].map(String::from));
    [
        table(results, times, |outcome| {
            let reached = if outcome.reaches_goal(&results.limits) { "reached" } else { "missed" };
            let about = format!("{} {}", outcome.workload, outcome.about);
            line(about, outcome, |cost| cost.wall, format!("{} {reached}", outcome.goal))
        }),
        table(results, costs, |outcome| {
            let memory = outcome.entrants.first().and_then(|ours| ours.cost.memory);
            let memory = memory.map_or("–".into(), |bytes| (bytes >> 20).to_string());
            line(outcome.workload.clone(), outcome, |cost| cost.cpu, memory)
        }),
    ]
}

fn table(
    results: &Results,
    head: impl Iterator<Item = String>,
    line: impl Fn(&Outcome) -> Vec<String>,
) -> tabled::Table {
    let mut builder = Builder::default();
    builder.push_record(["workload".to_owned()].into_iter().chain(head));
    results.outcomes.iter().for_each(|outcome| builder.push_record(line(outcome)));
    let mut table = builder.build();
    table.modify(Columns::new(1..).not(Rows::first()), Alignment::right());
    table
}

/// A workload's name, a figure of each engine, InoxDB's divided by the better of the others', and what else there is to say.
fn line(name: String, outcome: &Outcome, of: fn(&Cost) -> f64, last: String) -> Vec<String> {
    let ratio = outcome.ratio(of).map_or("–".into(), |ratio| format!("{ratio:.3}"));
    let figures = outcome.entrants.iter().map(|entrant| seconds(of(&entrant.cost)));
    [name].into_iter().chain(figures).chain([ratio, last]).collect()
}

pub fn seconds(seconds: f64) -> String {
    if seconds < 0.1 { format!("{seconds:.4}") } else { format!("{seconds:.3}") }
}

/// What the table leaves out.
fn remarks(results: &Results) -> Vec<String> {
    let engines: Vec<_> = results.engines.iter().map(|(name, version)| format!("{name} {version}")).collect();
    let limits = &results.limits;
    let mut remarks = vec![
        "A ratio is InoxDB's figure divided by the better of the others'. A goal without a word of its own is for both: \
         the time on the clock and the processor time. Memory is InoxDB's at its peak."
            .to_owned(),
        format!(
            "{} rows, medians of {} rounds, the engines taking turns; {}; {}.",
            thousands(results.rows),
            results.rounds,
            engines.join(", "),
            results.machine
        ),
        format!(
            "The machine alone: 1,000 × (append 100 kB, fdatasync) {} s; 2,000 × (append 200 bytes, fdatasync) {} s; \
             reading 80 MB {} s; copying them {} s.",
            seconds(limits.append),
            seconds(limits.append_small),
            seconds(limits.read),
            seconds(limits.copy)
        ),
    ];
    for outcome in &results.outcomes {
        let logs = outcome.entrants.iter().filter_map(|entrant| {
            let log = entrant.log? as f64 / 1e6;
            Some(format!("{} {log:.0} MB at {:.0} MB/s", entrant.engine, log / entrant.cost.wall))
        });
        let logs: Vec<_> = logs.collect();
        if !logs.is_empty() {
            remarks.push(format!("Log read in {}: {}.", outcome.workload, logs.join(", ")));
        }
        if outcome.workload == "W1" {
            let sizes = outcome
                .entrants
                .iter()
                .map(|entrant| format!("{} {:.1} MB", entrant.engine, entrant.size as f64 / 1e6));
            remarks.push(format!(
                "On disk after W1, without the logs: {}.",
                sizes.collect::<Vec<_>>().join(", ")
            ));
        }
    }
    remarks
}

pub fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::result::tests::outcome;

    #[test]
    fn a_table_says_who_won() {
        let results = Results {
            rows: 1_000_000,
            rounds: 5,
            machine: "a machine".into(),
            engines: ["InoxDB", "SQLite", "PostgreSQL"].map(|name| (name.into(), "1".into())).into(),
            limits: crate::limits::Limits { append: 0.1, append_small: 0.1, read: 0.01, copy: 0.01 },
            outcomes: vec![outcome(&[1.0, 2.5, 4.0]), outcome(&[1.0, 4.0, 1.25])],
        };
        let text = markdown(&results);
        assert!(text.lines().all(|line| line.matches(" | ").count() < 6), "too wide for a page: {text}");
        assert!(text.contains("0.5 reached") && text.contains(" 0.400 |"), "{text}");
        assert!(text.contains("0.5 missed") && text.contains(" 0.800 |"), "{text}");
        assert!(text.contains("1,000,000 rows, medians of 5 rounds"), "{text}");
    }
}
