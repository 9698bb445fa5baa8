//! What a program is given to do: a little of everything, by chance.

use fastrand::Rng;

use super::dialect::{Dialect, Places};
use super::model::{Change, State, Statement, TABLES, Unit, change};

/// With so many rows a table is large enough.
const MANY: usize = 300;

/// Numbers that were not given to anything yet.
#[derive(Clone, Copy, Debug)]
pub struct Fresh {
    pub id: u64,
    pub version: u64,
}

impl Default for Fresh {
    fn default() -> Fresh {
        Fresh { id: 1, version: 1 }
    }
}

/// Writes statements, and knows what each of them will find.
pub struct Writer<'a> {
    dialect: Dialect,
    /// What is there when everything written so far is done.
    state: State,
    /// Where rows lie that nothing written so far has touched.
    places: Places,
    fresh: &'a mut Fresh,
    /// The statements of the block that is open.
    block: Option<Block>,
    units: Vec<Unit>,
}

struct Block {
    statements: Vec<Statement>,
    /// What is there again if it is rolled back.
    before: (State, Places),
}

impl Writer<'_> {
    pub fn new(dialect: Dialect, state: State, places: Places, fresh: &mut Fresh) -> Writer<'_> {
        Writer { dialect, state, places, fresh, block: None, units: Vec::new() }
    }

    pub fn finish(self) -> Vec<Unit> {
        self.units
    }

    /// A statement that changes nothing, by its SQL.
    pub fn other(&mut self, sql: &str, answer: &str) {
        self.push(self.dialect.other(sql, answer));
    }

    pub fn begin(&mut self) {
        let before = (self.state.clone(), self.places.clone());
        self.block = Some(Block { statements: vec![self.dialect.other("BEGIN", "BEGIN")], before });
    }

    pub fn end(&mut self, commits: bool) {
        let Some(Block { mut statements, before }) = self.block.take() else { return };
        let end = if commits { "COMMIT" } else { "ROLLBACK" };
        statements.push(self.dialect.other(end, end));
        if !commits {
            (self.state, self.places) = before;
        }
        self.units.push(Unit { statements, commits });
    }

    pub fn change(&mut self, table: usize, done: Change) {
        let place = match done {
            Change::Update { first, .. } | Change::Delete { first, .. } => {
                self.places.remove(&(table, first))
            }
            Change::Drop => {
                self.places.retain(|(other, _), _| *other != table);
                None
            }
            _ => None,
        };
        let touched = change(&mut self.state, table, done);
        self.push(self.dialect.change(table, done, touched, &place.unwrap_or_default()));
    }

    pub fn insert(&mut self, table: usize, rows: u64) {
        let (first, version) = (self.fresh.id, self.version());
        self.fresh.id += rows;
        self.change(table, Change::Insert { first, last: first + rows - 1, version });
    }

    pub fn version(&mut self) -> u64 {
        self.fresh.version += 1;
        self.fresh.version
    }

    /// An INSERT whose last row is there already: none of its rows may stay.
    pub fn insert_twice(&mut self, table: usize) {
        let Some(id) = self.state.get(&table).and_then(|table| table.rows.keys().next()).copied() else {
            return;
        };
        let fresh = self.fresh.id;
        let name = TABLES.get(table).copied().unwrap_or_default();
        self.other(
            &format!("INSERT INTO {name} VALUES ({fresh}, 0, ''), ({id}, 0, '')"),
            &format!("ERROR:  duplicate key value violates unique constraint \"{name}_pkey\""),
        );
    }

    pub fn vacuum(&mut self, table: usize) {
        if self.state.contains_key(&table) {
            self.other(&format!("VACUUM {}", TABLES.get(table).copied().unwrap_or_default()), "VACUUM");
        }
    }

    /// Writes something by chance.
    pub fn anything(&mut self, random: &mut Rng) {
        match random.u32(0..100) {
            0..5 => self.other("CHECKPOINT", "CHECKPOINT"),
            5..10 => self.vacuum(random.usize(0..TABLES.len())),
            10..30 => {
                self.begin();
                for _ in 0..random.u32(1..6) {
                    self.any_change(random);
                }
                self.end(random.u32(0..10) < 6);
            }
            _ => self.any_change(random),
        }
    }

    fn any_change(&mut self, random: &mut Rng) {
        let number = random.usize(0..TABLES.len());
        let ddl = self.block.is_none() || self.dialect.has_transactional_ddl();
        let Some(table) = self.state.get(&number) else {
            if ddl {
                self.change(number, Change::Create);
            }
            return;
        };
        let (many, indexed) = (table.rows.len() > MANY, table.indexed);
        match random.u32(0..100) {
            0..45 if !many => self.insert(number, 1),
            45..60 if !many => self.insert(number, random.u64(2..30)),
            0..30 if self.dialect.is_sql() => {
                if let Some((first, _)) = self.some_rows(number, random) {
                    self.change(number, Change::Delete { first, last: first + 100 });
                }
            }
            89..91 if ddl && self.dialect.has_transactional_ddl() => self.change(number, Change::Drop),
            91..94 if ddl && self.dialect.is_sql() => {
                self.change(number, if indexed { Change::DropIndex } else { Change::CreateIndex });
            }
            94..97 if self.dialect.is_sql() && self.block.is_none() => self.insert_twice(number),
            0..80 => {
                if let Some((first, last)) = self.some_rows(number, random) {
                    let version = self.version();
                    self.change(number, Change::Update { first, last, version });
                }
            }
            _ => {
                if let Some((first, last)) = self.some_rows(number, random) {
                    self.change(number, Change::Delete { first, last });
                }
            }
        }
    }

    /// The first and the last id of rows that can be named, if there are any.
    fn some_rows(&self, table: usize, random: &mut Rng) -> Option<(u64, u64)> {
        if self.dialect.is_sql() {
            let first = random.choice(self.state.get(&table)?.rows.keys()).copied()?;
            return Some((first, first + random.u64(0..12)));
        }
        let untouched = self.places.keys().filter(|(other, _)| *other == table).map(|(_, id)| *id);
        let first = random.choice(untouched.collect::<Vec<_>>())?;
        Some((first, first))
    }

    fn push(&mut self, statement: Statement) {
        match &mut self.block {
            Some(block) => block.statements.push(statement),
            None => self.units.push(Unit { statements: vec![statement], commits: true }),
        }
    }
}

/// So many units of anything.
pub fn anything(
    dialect: Dialect,
    found: (State, Places),
    fresh: &mut Fresh,
    random: &mut Rng,
    units: usize,
) -> Vec<Unit> {
    let mut writer = Writer::new(dialect, found.0, found.1, fresh);
    while writer.units.len() < units {
        writer.anything(random);
    }
    writer.finish()
}

/// A short session with everything that touches files: tables and an index made and dropped, checkpoints, a vacuum,
/// and more rows than one segment of the log takes.
pub fn everything(dialect: Dialect) -> Vec<Unit> {
    let mut fresh = Fresh::default();
    // In a new table, the first rows lie in the order in which they came.
    let places = (1..=6).map(|id| ((0, id), format!("(0,{id})"))).collect();
    let mut writer = Writer::new(dialect, State::new(), places, &mut fresh);
    let ddl = dialect.has_transactional_ddl();
    writer.change(0, Change::Create);
    writer.insert(0, 6);
    let version = writer.version();
    writer.change(0, Change::Update { first: 2, last: 2, version });
    writer.begin();
    writer.change(0, Change::Delete { first: 3, last: 3 });
    writer.insert(0, 2);
    writer.end(true);
    if dialect.is_sql() {
        writer.change(0, Change::CreateIndex);
        writer.insert_twice(0);
    }
    writer.other("CHECKPOINT", "CHECKPOINT");
    writer.begin();
    writer.insert(0, 3);
    writer.change(0, Change::Delete { first: 1, last: 1 });
    writer.end(false);
    writer.vacuum(0);
    writer.change(1, Change::Create);
    // Of the versions, each eleventh has long texts.
    while !writer.version().is_multiple_of(11) {}
    writer.fresh.version -= 1;
    writer.insert(1, 100);
    writer.insert(0, 1);
    if ddl {
        writer.begin();
        writer.change(2, Change::Create);
        writer.insert(2, 3);
        writer.change(1, Change::Drop);
        writer.end(true);
    }
    if dialect.is_sql() {
        writer.change(0, Change::DropIndex);
    }
    writer.change(0, Change::Delete { first: 4, last: 4 });
    writer.other("CHECKPOINT", "CHECKPOINT");
    writer.insert(0, 1);
    writer.finish()
}
