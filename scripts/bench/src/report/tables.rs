//! The results as tables.

use tabled::builder::Builder;
use tabled::settings::object::{Columns, Object, Rows};
use tabled::settings::{Alignment, Style};

use crate::limits::Limits;
use crate::result::{Cost, Outcome, Results};

/// For whoever waited.
pub fn terminal(results: &Results) -> String {
    let table = table(results).with(Style::psql()).to_string();
    format!("{table}\n{}", remarks(results).join("\n"))
}

/// For the book.
pub fn markdown(results: &Results) -> String {
    let table = table(results).with(Style::markdown()).to_string();
    format!("{table}\n\n{}\n", remarks(results).join("\n\n"))
}

fn table(results: &Results) -> tabled::Table {
    let mut builder = Builder::default();
    let mut head = vec!["".to_owned(), "workload".to_owned()];
    head.extend(results.engines.iter().map(|(name, _)| format!("{name}, s")));
    head.extend(["CPU, s", "wall ratio", "CPU ratio", "goal", "memory, MiB"].map(String::from));
    builder.push_record(head);
    for outcome in &results.outcomes {
        builder.push_record(line(outcome, &results.limits));
    }
    let mut table = builder.build();
    table.modify(Columns::new(2..).not(Rows::first()), Alignment::right());
    table
}

fn line(outcome: &Outcome, limits: &Limits) -> Vec<String> {
    let join = |of: fn(&Cost) -> f64| {
        outcome.entrants.iter().map(|entrant| seconds(of(&entrant.cost))).collect::<Vec<_>>()
    };
    let ratio = |of| outcome.ratio(of).map_or("–".into(), |ratio| format!("{ratio:.2}"));
    let memory = outcome.entrants.first().and_then(|ours| ours.cost.memory);
    let reached = if outcome.reaches_goal(limits) { "reached" } else { "missed" };
    let mut line = vec![outcome.workload.clone(), outcome.about.clone()];
    line.extend(join(|cost| cost.wall));
    line.push(join(|cost| cost.cpu).join(" / "));
    line.push(ratio(|cost| cost.wall));
    line.push(ratio(|cost| cost.cpu));
    line.push(format!("{} {reached}", outcome.goal));
    line.push(memory.map_or("–".into(), |bytes| (bytes >> 20).to_string()));
    line
}

pub fn seconds(seconds: f64) -> String {
    if seconds < 0.1 { format!("{seconds:.4}") } else { format!("{seconds:.3}") }
}

/// What the table leaves out.
fn remarks(results: &Results) -> Vec<String> {
    let engines: Vec<_> = results.engines.iter().map(|(name, version)| format!("{name} {version}")).collect();
    let limits = &results.limits;
    let mut remarks = vec![
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
            limits: Limits { append: 0.1, append_small: 0.1, read: 0.01, copy: 0.01 },
            outcomes: vec![outcome(&[1.0, 2.5, 4.0]), outcome(&[1.0, 4.0, 1.25])],
        };
        let text = markdown(&results);
        assert!(text.contains("0.5 reached") && text.contains(" 0.40 |"), "{text}");
        assert!(text.contains("0.5 missed") && text.contains(" 0.80 |"), "{text}");
        assert!(text.contains("1,000,000 rows, medians of 5 rounds"), "{text}");
    }
}
