//! Rot that a statement meets: one page of a table is damaged, and the table is changed.
//!
//! That may cost this one statement, with an error that says where the damage is. Everything else goes on: the other
//! table takes changes, and all rows that were there can be read, unless they are on that page. And nothing was done by
//! halves: the process is killed, the damage taken back, and what the log makes of it is sound.

use std::collections::BTreeSet;

use super::disk::{Disk, Files};
use super::image::{Builder, PAGE, open};
use super::judge::{Fault, names_a_place};
use crate::crashes::guarded;
use crate::engine::{Engine, Refusal, Stage};
use crate::model::{Ids, Op, State, TableName};
use Op::*;
use TableName::{A, B};

/// A case does no more than this on its disk.
const MAX_OPERATIONS: u64 = 50_000;

/// What is done to the damaged table. Its second index has five entries on a leaf, so each of these splits or frees some.
const STATEMENTS: [Op; 4] = [
    Insert(A, Ids::new(200, 15), 1500),
    Update(A, Ids::new(61, 20), 1400),
    Delete(A, Ids::new(70, 9)),
    Vacuum(A),
];

/// When a page is damaged: while the database is closed, or when it has been written to. Then there are pages in memory
/// that are newer than their files.
#[derive(Clone, Copy)]
enum Moment {
    Closed,
    Open,
}

/// A database, closed in order, and the pages of table `a` in it.
pub struct Scene {
    stage: Stage,
    files: Files,
    state: State,
    pages: Vec<(String, usize)>,
}

impl Scene {
    pub fn new(stage: Stage) -> Result<Scene, Refusal> {
        let mut builder = Builder::new(stage)?;
        builder.apply(&[Create(B)])?;
        let others: BTreeSet<String> = builder.files().into_keys().collect();
        builder.apply(&[Create(A)])?;
        if stage.has_indexes() {
            builder.apply(&[CreateIndex(A)])?;
        }
        // Five rows fit a page, so the last has room: an insert begins there, and goes on to the free space map.
        builder.apply(&[Insert(B, Ids::new(1, 40), 300), Insert(A, Ids::new(1, 88), 1500)])?;
        builder.apply(&[Delete(A, Ids::new(1, 60))])?;
        let state = builder.state.clone();
        let files = builder.close()?;
        let own = files.iter().filter(|(path, _)| path.starts_with("base/") && !others.contains(*path));
        let pages = own.flat_map(|(path, bytes)| (0..bytes.len() / PAGE).map(|page| (path.clone(), page)));
        Ok(Scene { stage, state, pages: pages.collect(), files })
    }

    pub fn count(&self) -> u64 {
        (self.pages.len() * STATEMENTS.len() * 2) as u64
    }

    /// Whether the statement failed; or what is wrong.
    pub fn judge(&self, number: u64) -> Result<bool, (Fault, String)> {
        let (page, rest) = (number as usize % self.pages.len(), number as usize / self.pages.len());
        let (path, page) = &self.pages[page];
        let moment = if rest.is_multiple_of(2) { Moment::Closed } else { Moment::Open };
        let statement = STATEMENTS[rest / 2 % STATEMENTS.len()];
        let offset = page * PAGE + (number as usize * 97 + 40) % PAGE;
        let case = Case { scene: self, path, offset, moment, statement };
        let judged = guarded(|| Ok(case.run())).unwrap_or_else(|what| Err((Fault::Panic, what)));
        judged.map_err(|(fault, what)| (fault, format!("{statement} on page {page} of {path}: {what}")))
    }
}

struct Case<'a> {
    scene: &'a Scene,
    path: &'a str,
    offset: usize,
    moment: Moment,
    statement: Op,
}

impl Case<'_> {
    fn run(&self) -> Result<bool, (Fault, String)> {
        let Scene { stage, files, state, .. } = self.scene;
        let (disk, mut right) = (Disk::new(files.clone(), MAX_OPERATIONS), state.clone());
        if let Moment::Closed = self.moment {
            disk.flip(self.path, self.offset);
        }
        let mut engine = open(*stage, &disk).map_err(others("opening"))?;
        if let Moment::Open = self.moment {
            apply(&mut *engine, &Insert(A, Ids::new(100, 2), 700), &mut right)
                .map_err(others("no damage yet"))?;
            disk.flip(self.path, self.offset);
        }
        let damaged = page_of(&disk.files(), self.path, self.offset);
        let done = apply(&mut *engine, &self.statement, &mut right);
        let refused = match done {
            Ok(()) => false,
            Err(refusal) if refusal.code == "XX001" && names_a_place(&refusal) => true,
            Err(refusal) => return Err((Fault::Unnamed, refusal.to_string())),
        };
        for op in
            [Insert(B, Ids::new(100, 9), 500), Update(B, Ids::new(3, 9), 90), Delete(B, Ids::new(20, 5))]
        {
            apply(&mut *engine, &op, &mut right).map_err(others(&format!("then {op}")))?;
        }
        for name in TableName::ALL {
            match engine.read_table(name) {
                Ok(table) if table.as_ref() == right.tables.get(&name) => {}
                Err(refusal) if name == A && names_a_place(&refusal) && refusal.code == "XX001" => {}
                Ok(_) => return Err((Fault::Silent, format!("then {name} has other rows"))),
                Err(refusal) => return Err(others(&format!("then reading {name}"))(refusal)),
            }
        }
        // Killed. If the damaged page was not written anew, the damage is taken back.
        let healed = Disk::new(disk.files(), MAX_OPERATIONS);
        if page_of(&disk.files(), self.path, self.offset) == damaged {
            healed.flip(self.path, self.offset);
        }
        let mut engine = open(*stage, &healed).map_err(others("opening without the damage"))?;
        let found = engine.read().map_err(others("reading without the damage"))?;
        if found != right {
            return Err((Fault::Silent, format!("without the damage: {}", found.difference(&right))));
        }
        match engine.check().first() {
            Some(problem) => Err((Fault::Silent, format!("without the damage: {problem}"))),
            None => Ok(refused),
        }
    }
}

/// Carries out a statement; what there should be then.
fn apply(engine: &mut dyn Engine, op: &Op, right: &mut State) -> Result<(), Refusal> {
    engine.apply(op)?;
    right.apply(op);
    Ok(())
}

/// An error where the damage is no excuse for one.
fn others(doing: &str) -> impl Fn(Refusal) -> (Fault, String) {
    move |refusal| (Fault::Others, format!("{doing}: {refusal}"))
}

fn page_of(files: &Files, path: &str, offset: usize) -> Option<Vec<u8>> {
    let start = offset / PAGE * PAGE;
    Some(files.get(path)?.get(start..start + PAGE)?.to_vec())
}
