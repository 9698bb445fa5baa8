//! What is raced: each workload is SQL text on standard input, the same for all but for what only one of them says.

use std::io::{self, Write};

use fastrand::Rng;

use crate::answer::Order;
use crate::data::write_inserts;
use crate::result::{Against, Goal};

/// What a workload finds when it begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Before {
    /// The table, without a row.
    Empty,
    /// The table with all its rows, warm; the workload only reads.
    Loaded,
    /// The same, but nothing of it in anybody's memory.
    Cold,
    /// A copy of the loaded table, for the workload to change.
    Copy,
    /// The table as a killed process left it, with all its rows in the log: see [`Workload::crashes`].
    Crashed,
}

/// What the engines spell differently.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    Inox,
    Sqlite,
    Postgres,
}

/// How much work there is.
#[derive(Clone, Copy, Debug)]
pub struct Size {
    /// Rows of the table.
    pub rows: u64,
    /// Look-ups by key; there are a fifth as many short ranges.
    pub lookups: u64,
}

/// Look-ups where nobody is in a hurry.
pub const LOOKUPS: u64 = 100_000;

pub struct Workload {
    /// As it is chosen on the command line.
    pub name: &'static str,
    pub about: &'static str,
    pub before: Before,
    pub goal: Goal,
    pub order: Order,
    write: fn(&mut dyn Write, Dialect, Size) -> io::Result<()>,
}

impl Workload {
    /// Writes the script. It ends with something to compare.
    pub fn script(&self, out: &mut dyn Write, dialect: Dialect, size: Size) -> io::Result<()> {
        (self.write)(out, dialect, size)
    }

    pub fn crashes(&self) -> bool {
        self.before == Before::Crashed
    }
}

/// Where the rows are for those who read them from a file; the shell's directory is the current one.
pub const CSV: &str = "employees.csv";

/// Rows that one statement of W1 inserts.
const ROWS_PER_STATEMENT: u64 = 1_000;

/// What every changing workload is asked in the end.
const SUM: &str = "SELECT COUNT(*), SUM(salary), MIN(name), MAX(name) FROM employees;";

const HALF: Goal = Goal::of_peer(0.5);

const KEYED: Order = Order::AsGiven;

pub const WORKLOADS: &[Workload] = &[
    Workload {
        name: "W1",
        about: "all rows by INSERTs of 1,000, each its own commit",
        before: Before::Empty,
        goal: Goal { cpu: Some(0.5), wall: 1.3, against: Against::Appends },
        order: KEYED,
        write: |mut out, _, size| {
            write_inserts(&mut out, size.rows, ROWS_PER_STATEMENT)?;
            writeln!(out, "{SUM}")
        },
    },
    Workload {
        name: "W1b",
        about: "all rows from a CSV file, in one statement",
        before: Before::Empty,
        goal: HALF,
        order: KEYED,
        write: |out, dialect, _| {
            match dialect {
                Dialect::Inox | Dialect::Postgres => writeln!(out, "\\copy employees FROM '{CSV}' CSV")?,
                Dialect::Sqlite => writeln!(out, ".mode csv\n.import {CSV} employees")?,
            }
            writeln!(out, "{SUM}")
        },
    },
    Workload {
        name: "W2",
        about: "2,000 INSERTs of one row, each its own commit",
        before: Before::Empty,
        goal: Goal { cpu: None, wall: 1.1, against: Against::SmallAppends },
        order: KEYED,
        write: |mut out, _, _| {
            write_inserts(&mut out, 2_000, 1)?;
            writeln!(out, "{SUM}")
        },
    },
    Workload {
        name: "W3",
        about: "INSERTs of one row for a tenth of the rows, in one transaction",
        before: Before::Empty,
        goal: HALF,
        order: KEYED,
        write: |mut out, _, size| {
            writeln!(out, "BEGIN;")?;
            write_inserts(&mut out, size.rows / 10, 1)?;
            writeln!(out, "COMMIT;\n{SUM}")
        },
    },
    Workload {
        name: "W4",
        about: "100,000 SELECTs by primary key",
        before: Before::Loaded,
        goal: HALF,
        order: KEYED,
        write: |out, _, size| {
            let mut rng = Rng::with_seed(4);
            (0..size.lookups).try_for_each(|_| {
                writeln!(out, "SELECT * FROM employees WHERE id = {};", rng.u64(1..=size.rows))
            })
        },
    },
    Workload {
        name: "W5",
        about: "COUNT, SUM and AVG with two conditions",
        before: Before::Loaded,
        goal: HALF,
        order: KEYED,
        write: |out, _, _| aggregates(out),
    },
    Workload {
        name: "W5c",
        about: "the same, with nothing in memory",
        before: Before::Cold,
        goal: Goal::of_peer(0.8),
        order: KEYED,
        write: |out, _, _| aggregates(out),
    },
    Workload {
        name: "W6a",
        about: "ORDER BY salary DESC LIMIT 10",
        before: Before::Loaded,
        goal: HALF,
        order: KEYED,
        // With the key as well, there is one right answer.
        write: |out, _, _| writeln!(out, "SELECT * FROM employees ORDER BY salary DESC, id LIMIT 10;"),
    },
    Workload {
        name: "W6b",
        about: "ORDER BY salary, all rows printed",
        before: Before::Loaded,
        goal: HALF,
        order: Order::By(3),
        write: |out, _, _| writeln!(out, "SELECT * FROM employees ORDER BY salary;"),
    },
    Workload {
        name: "W6c",
        about: "the same with work_mem at 4 MB",
        before: Before::Loaded,
        goal: HALF,
        order: Order::By(3),
        write: |out, dialect, _| {
            match dialect {
                Dialect::Inox | Dialect::Postgres => writeln!(out, "SET work_mem = '4MB';")?,
                Dialect::Sqlite => writeln!(out, "PRAGMA cache_size = -4096;")?,
            }
            writeln!(out, "SELECT * FROM employees ORDER BY salary;")
        },
    },
    Workload {
        name: "W7",
        about: "GROUP BY department with COUNT and AVG",
        before: Before::Loaded,
        goal: HALF,
        order: Order::Any,
        write: |out, _, _| {
            writeln!(out, "SELECT department, COUNT(*), AVG(salary) FROM employees GROUP BY department;")
        },
    },
    Workload {
        name: "W8u",
        about: "UPDATE of a tenth of the rows",
        before: Before::Copy,
        goal: HALF,
        order: KEYED,
        write: |out, _, _| {
            writeln!(out, "UPDATE employees SET salary = salary + 1 WHERE id % 10 = 3;\n{SUM}")
        },
    },
    Workload {
        name: "W8d",
        about: "DELETE of a tenth of the rows",
        before: Before::Copy,
        goal: HALF,
        order: KEYED,
        write: |out, _, _| writeln!(out, "DELETE FROM employees WHERE id % 10 = 7;\n{SUM}"),
    },
    Workload {
        name: "W9",
        about: "20,000 ranges of 101 rows by primary key",
        before: Before::Loaded,
        goal: HALF,
        order: KEYED,
        write: |out, _, size| {
            let mut rng = Rng::with_seed(9);
            (0..size.lookups / 5).try_for_each(|_| {
                let from = rng.u64(1..=size.rows.saturating_sub(100).max(1));
                let to = from + 100;
                writeln!(out, "SELECT * FROM employees WHERE id BETWEEN {from} AND {to} ORDER BY id;")
            })
        },
    },
    Workload {
        name: "W10",
        about: "CREATE INDEX on salary",
        before: Before::Copy,
        goal: HALF,
        order: KEYED,
        write: |out, _, _| {
            writeln!(out, "CREATE INDEX employees_salary ON employees (salary);")?;
            writeln!(out, "SELECT COUNT(*), SUM(id) FROM employees WHERE salary = 100000;")
        },
    },
    Workload {
        name: "W11",
        about: "SELECT * of all rows to a file",
        before: Before::Loaded,
        goal: HALF,
        order: Order::Any,
        write: |out, _, _| writeln!(out, "SELECT * FROM employees;"),
    },
    Workload {
        name: "W12",
        about: "opened again after kill -9, with all rows in the log",
        before: Before::Crashed,
        goal: HALF,
        order: KEYED,
        write: |out, _, _| writeln!(out, "SELECT COUNT(*) FROM employees;"),
    },
];

fn aggregates(out: &mut dyn Write) -> io::Result<()> {
    writeln!(
        out,
        "SELECT COUNT(*), SUM(salary), AVG(salary) FROM employees \
         WHERE department = 'Engineering' AND salary > 100000;"
    )
}

/// A workload by its name, in any case; for the command line.
pub fn workload(name: &str) -> Result<&'static Workload, String> {
    let known = WORKLOADS.iter().find(|workload| workload.name.eq_ignore_ascii_case(name));
    known.ok_or_else(|| {
        let names: Vec<_> = WORKLOADS.iter().map(|workload| workload.name).collect();
        format!("there are {}", names.join(", "))
    })
}
