//! The data of the race: employees, the same for everybody and every time.
//!
//! A row follows from its number alone, so that any part of the table can be written down without the rest.

use std::fmt;
use std::io::{self, Write};

use fastrand::Rng;

/// The table of every workload. `PRIMARY KEY` makes InoxDB and PostgreSQL an index, and is SQLite's own row number.
pub const TABLE: &str = "CREATE TABLE employees (id INTEGER PRIMARY KEY, name VARCHAR(100) NOT NULL, \
                         department VARCHAR(50), salary INTEGER, active BOOLEAN);";

const DEPARTMENTS: [&str; 10] = [
    "Engineering",
    "Sales",
    "Marketing",
    "Finance",
    "Legal",
    "Support",
    "Research",
    "Operations",
    "Human Resources",
    "Design",
];

const SYLLABLES: [&str; 16] =
    ["an", "bel", "cor", "da", "el", "fin", "gra", "ho", "is", "ja", "ko", "lu", "mar", "no", "ri", "ta"];

/// A row of the table.
pub struct Employee {
    pub id: u64,
    name: String,
    department: &'static str,
    salary: u32,
    active: bool,
}

impl Employee {
    /// The employee of this number, with a name of about 50 bytes.
    pub fn new(id: u64) -> Employee {
        let mut rng = Rng::with_seed(0x1d0_0000_0000 ^ id);
        let mut name = String::with_capacity(64);
        let length = rng.usize(44..=54);
        while name.len() < length {
            let start = name.len();
            for _ in 0..rng.usize(2..5) {
                name.push_str(SYLLABLES[rng.usize(..SYLLABLES.len())]);
            }
            name[start..start + 1].make_ascii_uppercase();
            name.push(' ');
        }
        name.truncate(name.trim_end().len());
        Employee {
            id,
            name,
            department: DEPARTMENTS[rng.usize(..DEPARTMENTS.len())],
            salary: rng.u32(30_000..200_000),
            active: rng.u8(..10) < 9,
        }
    }
}

impl Employee {
    /// As a line of a CSV file; every engine reads 1 and 0 as true and false.
    fn write_csv(&self, out: &mut impl Write) -> io::Result<()> {
        let Employee { id, name, department, salary, active } = self;
        writeln!(out, "{id},{name},{department},{salary},{}", u8::from(*active))
    }
}

/// As it stands in a list of VALUES.
impl fmt::Display for Employee {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Employee { id, name, department, salary, active } = self;
        let active = if *active { "TRUE" } else { "FALSE" };
        write!(f, "({id}, '{name}', '{department}', {salary}, {active})")
    }
}

/// Writes the rows as INSERTs of `size` rows each.
pub fn write_inserts(out: &mut impl Write, rows: u64, size: u64) -> io::Result<()> {
    for first in (1..=rows).step_by(size.max(1) as usize) {
        out.write_all(b"INSERT INTO employees VALUES ")?;
        for id in first..(first + size).min(rows + 1) {
            let comma = if id == first { "" } else { ", " };
            write!(out, "{comma}{}", Employee::new(id))?;
        }
        out.write_all(b";\n")?;
    }
    Ok(())
}

/// Writes the rows as a CSV file.
pub fn write_csv(out: &mut impl Write, rows: u64) -> io::Result<()> {
    (1..=rows).try_for_each(|id| Employee::new(id).write_csv(out))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_employee_follows_from_the_number() {
        let line = |id| Employee::new(id).to_string();
        assert_eq!(line(7), line(7));
        assert_ne!(line(7)[3..], line(8)[3..]);
        let mean = (1..=1000).map(|id| Employee::new(id).name.len()).sum::<usize>() / 1000;
        assert!((45..=55).contains(&mean), "names of {mean} bytes");
    }

    #[test]
    fn inserts_hold_every_row_once() {
        let mut text = Vec::new();
        write_inserts(&mut text, 25, 10).unwrap();
        let text = String::from_utf8(text).unwrap();
        assert_eq!(text.lines().count(), 3);
        assert_eq!(text.matches('(').count(), 25);
        assert!(text.ends_with(&format!("{};\n", Employee::new(25))));
    }
}
