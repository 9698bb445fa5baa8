//! How each milestone says it: SQL in the last one, small commands in those before.

use std::collections::BTreeMap;

use anyhow::{Context, Result, ensure};

use super::model::{Change, State, Statement, TABLES, Table, body, tail};

/// Where rows lie, by table and id. Small commands name a row by its place.
pub type Places = BTreeMap<(usize, u64), String>;

/// After this line the last milestone has answered a question.
const END: &str = "<end>";

/// How many rows of each table are asked for in an index's order.
const PROBE: usize = 5;

/// The milestone that is spoken with.
#[derive(Clone, Copy, Debug)]
pub struct Dialect {
    pub stage: u32,
}

impl Dialect {
    pub fn is_sql(self) -> bool {
        self.stage >= 5
    }

    /// Whether tables can be dropped, and made in a transaction block.
    pub fn has_transactional_ddl(self) -> bool {
        self.stage >= 4
    }

    /// The command line's options, so that the program answers each statement with one line.
    pub fn options(self) -> &'static [&'static str] {
        if self.is_sql() { &["--csv", "--tuples-only", "-v", "VERBOSITY=terse"] } else { &[] }
    }

    /// What has to be typed for the same purpose.
    pub fn prologue(self) -> &'static str {
        if self.is_sql() { "" } else { "\\set VERBOSITY terse\n" }
    }

    pub fn other(self, sql: &str, answer: &str) -> Statement {
        let text =
            if self.is_sql() { format!("{sql};\n") } else { format!("{}\n", sql.to_ascii_lowercase()) };
        Statement { text, answer: answer.to_owned(), change: None }
    }

    /// A statement that makes the change. `place` is where the row lies that is updated or deleted.
    pub fn change(self, table: usize, change: Change, touched: usize, place: &str) -> Statement {
        let name = TABLES.get(table).copied().unwrap_or_default();
        let text = if self.is_sql() { sql(name, change) } else { command(name, change, place) };
        let answer = match change {
            Change::Create => "CREATE TABLE".to_owned(),
            Change::Drop => "DROP TABLE".to_owned(),
            Change::CreateIndex => "CREATE INDEX".to_owned(),
            Change::DropIndex => "DROP INDEX".to_owned(),
            Change::Insert { .. } => format!("INSERT {touched}"),
            Change::Update { .. } => format!("UPDATE {touched}"),
            Change::Delete { .. } => format!("DELETE {touched}"),
        };
        Statement { text, answer, change: Some((table, change)) }
    }

    /// Asks for everything that is there.
    pub fn question(self) -> String {
        if !self.is_sql() {
            return TABLES.iter().map(|name| format!("scan {name}\n")).collect();
        }
        let ask = |name: &&str| {
            format!(
                "\\echo <{name}>\nSELECT id, version, body FROM {name} ORDER BY id;\n\
                 \\echo <index>\nSELECT relname FROM pg_class WHERE relname = '{name}_by_version';\n\
                 \\echo <ids>\nSELECT id FROM {name} ORDER BY id LIMIT {PROBE};\n\
                 \\echo <versions>\nSELECT version FROM {name} ORDER BY version LIMIT {PROBE};\n"
            )
        };
        TABLES.iter().map(ask).collect::<String>() + "\\echo " + END + "\n"
    }

    /// Whether the question is answered to its end.
    pub fn is_answered(self, said: &str) -> bool {
        let ends =
            said.split_inclusive('\n').filter(|line| line.ends_with('\n') && self.is_end(line.trim_end()));
        ends.count() >= if self.is_sql() { 1 } else { TABLES.len() }
    }

    fn is_end(self, line: &str) -> bool {
        if self.is_sql() { line == END } else { line.starts_with('(') || line.starts_with("ERROR:") }
    }

    /// What the answer to [`Dialect::question`] says: all that is there, and where.
    pub fn contents(self, said: &str) -> Result<(State, Places)> {
        if self.is_sql() { Ok((answered_by_sql(said)?, Places::new())) } else { scanned(said) }
    }
}

fn sql(name: &str, change: Change) -> String {
    let range = |first, last| format!("WHERE id BETWEEN {first} AND {last}");
    match change {
        Change::Create => {
            format!("CREATE TABLE {name} (id integer PRIMARY KEY, version integer NOT NULL, body text);\n")
        }
        Change::Drop => format!("DROP TABLE {name};\n"),
        Change::CreateIndex => format!("CREATE INDEX {name}_by_version ON {name} (version);\n"),
        Change::DropIndex => format!("DROP INDEX {name}_by_version;\n"),
        Change::Insert { first, last, version } => {
            format!("INSERT INTO {name} VALUES {};\n", rows(first, last, version))
        }
        Change::Update { first, last, version } => {
            let (tail, range) = (tail(version), range(first, last));
            format!("UPDATE {name} SET version = {version}, body = id || '{tail}' {range};\n")
        }
        Change::Delete { first, last } => format!("DELETE FROM {name} {};\n", range(first, last)),
    }
}

fn command(name: &str, change: Change, place: &str) -> String {
    match change {
        Change::Create => {
            format!("create {name} (id integer not null, version integer not null, body text)\n")
        }
        Change::Drop => format!("drop {name}\n"),
        // There are no indexes yet, and nobody asks for one.
        Change::CreateIndex | Change::DropIndex => String::new(),
        Change::Insert { first, last, version } => format!("insert {name} {}\n", rows(first, last, version)),
        Change::Update { first, version, .. } => {
            format!("update {name} {place} {}\n", rows(first, first, version))
        }
        Change::Delete { .. } => format!("delete {name} {place}\n"),
    }
}

fn rows(first: u64, last: u64, version: u64) -> String {
    let row = |id| format!("({id}, {version}, '{}')", body(id, version));
    (first..=last).map(row).collect::<Vec<_>>().join(", ")
}

/// Adds a row that was read, if it is whole.
fn add(table: &mut Table, name: &str, fields: [&str; 3]) -> Result<u64> {
    let [id, version, text] = fields.map(str::trim);
    let number = |field: &str| field.parse().with_context(|| format!("{name} has the row {fields:?}"));
    let (id, version): (u64, u64) = (number(id)?, number(version)?);
    ensure!(text == body(id, version), "row {id} of {name}, version {version}, has the text {text}");
    ensure!(table.rows.insert(id, version).is_none(), "{name} has row {id} twice");
    Ok(id)
}

fn answered_by_sql(said: &str) -> Result<State> {
    let mut state = State::new();
    let part = |from: &str, to: &str| {
        let (_, said) = said.split_once(&format!("{from}\n"))?;
        said.split_once(&format!("{to}\n")).map(|(part, _)| part)
    };
    let ends = TABLES.iter().skip(1).map(|name| format!("<{name}>")).chain([END.to_owned()]);
    for (number, (name, end)) in TABLES.iter().zip(ends).enumerate() {
        let answer =
            part(&format!("<{name}>"), &end).with_context(|| format!("no answer about {name}: {said}"))?;
        let (rows, rest) = answer.split_once("<index>\n").context("a part of the answer is missing")?;
        let (index, rest) = rest.split_once("<ids>\n").context("a part of the answer is missing")?;
        let (ids, versions) = rest.split_once("<versions>\n").context("a part of the answer is missing")?;
        if rows == format!("ERROR:  relation \"{name}\" does not exist at character 31\n") {
            ensure!(index.is_empty(), "{name} is gone, its index is there: {index}");
            continue;
        }
        let mut table = Table { indexed: !index.is_empty(), ..Table::default() };
        for line in rows.lines() {
            let mut fields = line.splitn(3, ',');
            let fields = [fields.next(), fields.next(), fields.next()].map(Option::unwrap_or_default);
            add(&mut table, name, fields)?;
        }
        let mut sorted: Vec<u64> = table.rows.values().copied().collect();
        sorted.sort_unstable();
        probe(ids, table.rows.keys(), &format!("{name} in the order of its key"))?;
        probe(versions, sorted.iter(), &format!("{name} in the order of its versions"))?;
        state.insert(number, table);
    }
    Ok(state)
}

/// An index must find the same as the table has.
fn probe<'a>(found: &str, expected: impl Iterator<Item = &'a u64>, what: &str) -> Result<()> {
    let expected: String = expected.take(PROBE).map(|number| format!("{number}\n")).collect();
    ensure!(found == expected, "{what} begins with {found:?} instead of {expected:?}");
    Ok(())
}

fn scanned(said: &str) -> Result<(State, Places)> {
    let (mut state, mut places) = (State::new(), Places::new());
    let mut lines = said.lines();
    for (number, name) in TABLES.iter().enumerate() {
        let mut table = Table::default();
        let exists = loop {
            let line = lines.next().with_context(|| format!("no answer about {name}: {said}"))?;
            if let Some(error) = line.strip_prefix("ERROR:") {
                ensure!(
                    error.trim() == format!("relation \"{name}\" does not exist"),
                    "scan of {name}: {line}"
                );
                break false;
            }
            if line.starts_with('(') {
                break true;
            }
            let cells: Vec<&str> = line.split('│').collect();
            if let [_, place, id, version, text, _] = cells.as_slice()
                && place.trim() != "ctid"
            {
                let id = add(&mut table, name, [id, version, text])?;
                places.insert((number, id), place.trim().to_owned());
            }
        };
        if exists {
            state.insert(number, table);
        }
    }
    Ok((state, places))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_that_is_not_whole_is_noticed() {
        let mut table = Table::default();
        add(&mut table, "apples", ["7", "3", &body(7, 3)]).unwrap();
        assert!(add(&mut table, "apples", ["7", "3", &body(7, 3)]).is_err());
        assert!(add(&mut table, "apples", ["8", "3", &body(7, 3)]).is_err());
    }

    #[test]
    fn an_index_that_finds_something_else_is_noticed() {
        let dialect = Dialect { stage: 5 };
        let gone = |name: &str| {
            let error = format!("ERROR:  relation \"{name}\" does not exist at character 31\n");
            format!("<{name}>\n{error}<index>\n<ids>\n{error}<versions>\n{error}")
        };
        let rest = format!("{}{}<end>\n", gone("pears"), gone("plums"));
        let apples = |id: u64| {
            format!(
                "<apples>\n1,2,{}\n<index>\napples_by_version\n<ids>\n{id}\n<versions>\n2\n{rest}",
                body(1, 2)
            )
        };
        assert!(dialect.is_answered(&apples(1)));
        let (state, _) = dialect.contents(&apples(1)).unwrap();
        assert_eq!(state, State::from([(0, Table { rows: [(1, 2)].into(), indexed: true })]));
        assert!(dialect.contents(&apples(3)).is_err());
    }

    #[test]
    fn a_scan_tells_rows_and_their_places() {
        let text = body(4, 1);
        let said = format!(
            "Recovered: 3 log records\n┌─┐\n│ ctid │ id │ version │ body │\n│ (0,2) │ 4 │ 1 │ {text} │\n(1 row)\n\n\
             ERROR:  relation \"pears\" does not exist\n(0 rows)\n"
        );
        let dialect = Dialect { stage: 2 };
        assert!(dialect.is_answered(&said));
        let (state, places) = dialect.contents(&said).unwrap();
        assert_eq!(state.keys().copied().collect::<Vec<_>>(), [0, 2]);
        assert_eq!(places, Places::from([((0, 4), "(0,2)".to_owned())]));
    }
}
