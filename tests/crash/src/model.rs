//! What a database should hold: operations, and what they make of a state.
//!
//! A row is an id and the size of its text; the text follows from the two, so that a row made of parts of two
//! versions is noticed.

use std::collections::BTreeMap;
use std::fmt;

/// The tables that the workloads use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum TableName {
    A,
    B,
}

impl TableName {
    pub const ALL: [TableName; 2] = [TableName::A, TableName::B];

    pub fn as_str(self) -> &'static str {
        match self {
            TableName::A => "a",
            TableName::B => "b",
        }
    }
}

impl fmt::Display for TableName {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A range of ids.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ids {
    first: i64,
    count: i64,
}

impl Ids {
    pub const fn new(first: i64, count: i64) -> Ids {
        Ids { first, count }
    }

    pub fn iter(self) -> impl Iterator<Item = i64> {
        self.first..self.first + self.count
    }

    /// The first and the last.
    pub fn bounds(self) -> (i64, i64) {
        (self.first, self.first + self.count - 1)
    }

    pub fn contains(self, id: i64) -> bool {
        (self.first..self.first + self.count).contains(&id)
    }
}

/// Something for a database to do. Outside a block, each is a transaction of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Op {
    Create(TableName),
    Drop(TableName),
    CreateIndex(TableName),
    DropIndex(TableName),
    Begin,
    Commit,
    Rollback,
    /// New rows with texts of this size.
    Insert(TableName, Ids, i32),
    /// The rows that are there, of these, get texts of this size.
    Update(TableName, Ids, i32),
    Delete(TableName, Ids),
    Checkpoint,
    Vacuum(TableName),
    /// Closes the database in order and opens it again.
    Restart,
}

impl fmt::Display for Op {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "{self:?}")
    }
}

/// The text of a row.
pub fn text(id: i64, size: i32) -> String {
    let alphabet = alphabet(id, size);
    let whole = usize::try_from(size).unwrap_or(0);
    let mut text = alphabet.repeat(whole.div_ceil(alphabet.len()));
    text.truncate(whole);
    text
}

/// Whether `text` is that row's.
pub fn matches_text(text: &str, id: i64, size: i32) -> bool {
    let alphabet = alphabet(id, size);
    let mut pieces = text.as_bytes().chunks(alphabet.len());
    i32::try_from(text.len()) == Ok(size) && pieces.all(|piece| alphabet.as_bytes().starts_with(piece))
}

/// What the text consists of, again and again: 26 letters, beginning with one that follows from the row.
fn alphabet(id: i64, size: i32) -> &'static str {
    const TWICE: &str = "abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyz";
    // A damaged row may have any id and size.
    let start = (id.unsigned_abs() % 26 * 7 + u64::from(size.unsigned_abs()) * 3 + 1) % 26;
    &TWICE[start as usize..start as usize + 26]
}

/// What is in a database.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct State {
    pub tables: BTreeMap<TableName, Table>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Table {
    pub rows: BTreeMap<i64, i32>,
    /// Has a second index, besides that of its key.
    pub indexed: bool,
}

impl State {
    /// What an operation makes of it, seen from within the transaction.
    pub fn apply(&mut self, op: &Op) {
        match *op {
            Op::Create(name) => drop(self.tables.insert(name, Table::default())),
            Op::Drop(name) => drop(self.tables.remove(&name)),
            Op::CreateIndex(name) => self.edit(name, |table| table.indexed = true),
            Op::DropIndex(name) => self.edit(name, |table| table.indexed = false),
            Op::Insert(name, ids, size) => {
                self.edit(name, |table| table.rows.extend(ids.iter().map(|id| (id, size))));
            }
            Op::Update(name, ids, size) => self.edit(name, |table| {
                for (id, stored) in &mut table.rows {
                    if ids.contains(*id) {
                        *stored = size;
                    }
                }
            }),
            Op::Delete(name, ids) => self.edit(name, |table| table.rows.retain(|id, _| !ids.contains(*id))),
            Op::Begin | Op::Commit | Op::Rollback | Op::Checkpoint | Op::Vacuum(_) | Op::Restart => {}
        }
    }

    fn edit(&mut self, name: TableName, edit: impl FnOnce(&mut Table)) {
        if let Some(table) = self.tables.get_mut(&name) {
            edit(table);
        }
    }

    /// Where it differs from another, in a few words.
    pub fn difference(&self, other: &State) -> String {
        for name in TableName::ALL {
            match (self.tables.get(&name), other.tables.get(&name)) {
                (None, None) => {}
                (None, Some(_)) => return format!("no table {name}"),
                (Some(_), None) => return format!("a table {name}"),
                (Some(found), Some(wanted)) => {
                    if let Some(what) = found.difference(wanted) {
                        return format!("in table {name}, {what}");
                    }
                }
            }
        }
        "no difference".into()
    }
}

impl Table {
    fn difference(&self, other: &Table) -> Option<String> {
        let missing: Vec<_> = other.rows.keys().filter(|id| !self.rows.contains_key(id)).collect();
        let more: Vec<_> = self.rows.keys().filter(|id| !other.rows.contains_key(id)).collect();
        let both = other.rows.iter().filter_map(|(id, size)| Some((id, self.rows.get(id)?, size)));
        let other_size: Vec<_> = both.filter(|(_, found, wanted)| found != wanted).collect();
        if let Some((id, found, wanted)) = other_size.first() {
            return Some(format!("row {id} has size {found}, not {wanted} ({} such rows)", other_size.len()));
        }
        match (missing.first(), more.first()) {
            (Some(id), _) if missing.len() == 1 => Some(format!("row {id} is missing")),
            (Some(id), _) => Some(format!("row {id} is missing ({} rows are)", missing.len())),
            (None, Some(id)) => Some(format!("row {id} should not be there ({} rows)", more.len())),
            (None, None) if self.indexed != other.indexed => {
                Some(format!("the index is there: {}", self.indexed))
            }
            (None, None) => None,
        }
    }
}

/// Knows what is committed, and what is in doubt.
///
/// Outside an operation, exactly one state is right. While an operation that commits is under way, two are: the one
/// before and the one after.
#[derive(Clone, Debug, Default)]
pub struct Oracle {
    committed: State,
    /// What the open block has made of it.
    block: Option<State>,
    /// What is committed if the commit under way got through.
    doubtful: Option<State>,
    /// What else may be committed, after commits of which nobody knows.
    further: Vec<State>,
    /// Making tables is part of a transaction.
    transactional_ddl: bool,
}

impl Oracle {
    pub fn new(transactional_ddl: bool) -> Oracle {
        Oracle { transactional_ddl, ..Oracle::default() }
    }

    /// What the database shows to the one who works on it.
    pub fn seen(&self) -> &State {
        self.block.as_ref().unwrap_or(&self.committed)
    }

    pub fn in_block(&self) -> bool {
        self.block.is_some()
    }

    /// An operation begins.
    pub fn begin(&mut self, op: &Op) {
        self.doubtful = match op {
            Op::Begin | Op::Rollback | Op::Restart => None,
            Op::Commit => self.block.clone(),
            Op::Create(_) if !self.transactional_ddl => Some(after(&self.committed, op)),
            _ if self.block.is_some() => None,
            _ => Some(after(&self.committed, op)),
        };
    }

    /// The operation has succeeded.
    pub fn succeed(&mut self, op: &Op) {
        if let Some(state) = self.doubtful.take() {
            self.committed = state;
        }
        match op {
            Op::Begin => self.block = Some(self.committed.clone()),
            Op::Commit | Op::Rollback | Op::Restart => self.block = None,
            _ => {
                if let Some(block) = &mut self.block {
                    block.apply(op);
                }
            }
        }
    }

    /// The operation has failed: nothing of its transaction counts. If it was to commit, nobody knows.
    pub fn fail(&mut self) {
        self.block = None;
    }

    /// What is right by the other is right as well.
    pub fn or(&mut self, other: Oracle) {
        self.further.push(other.committed);
        self.further.extend(other.doubtful);
        self.further.extend(other.further);
    }

    /// Whether a database that holds `found` after a crash is right; if not, in which way.
    pub fn judge(&self, found: &State) -> Result<(), String> {
        if *found == self.committed || self.doubtful.as_ref() == Some(found) || self.further.contains(found) {
            return Ok(());
        }
        let what = found.difference(&self.committed);
        Err(match &self.doubtful {
            None => what,
            Some(doubtful) => {
                format!("neither the state before the commit in doubt ({what}) nor the one after it ({})", {
                    found.difference(doubtful)
                })
            }
        })
    }

    /// The database is open: everybody can see what became of earlier commits, and it must stay so.
    pub fn decide(&mut self) {
        self.further.clear();
    }

    /// After a crash: what was found is what counts from now on.
    pub fn settle(&mut self, found: State) {
        *self = Oracle { committed: found, ..Oracle::new(self.transactional_ddl) };
    }
}

fn after(state: &State, op: &Op) -> State {
    let mut state = state.clone();
    state.apply(op);
    state
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_that_of_one_row_and_size_whatever_these_are() {
        assert!(matches_text(&text(3, 500), 3, 500) && !matches_text(&text(3, 500), 3, 499));
        assert!(!matches_text(&text(3, 500), 4, 500) && !matches_text("", 1, i32::MIN));
        assert!(!matches_text("x", i64::MIN, i32::MAX) && !matches_text("x", i64::MAX, -1));
    }

    #[test]
    fn a_doubt_lasts_until_a_database_has_shown_what_became_of_it() {
        let create = Op::Create(TableName::A);
        let mut killed = Oracle::new(true);
        killed.begin(&create);
        let (before, after) = (State::default(), after(&State::default(), &create));
        assert!(killed.judge(&before).is_ok() && killed.judge(&after).is_ok());
        let mut opening = killed.clone();
        opening.settle(after.clone());
        opening.or(killed);
        assert!(opening.judge(&before).is_ok() && opening.judge(&after).is_ok());
        opening.decide();
        assert!(opening.judge(&before).is_err() && opening.judge(&after).is_ok());
    }
}
