//! The plans of statements that differ in nothing but their literals.
//!
//! To parse, bind and plan `SELECT * FROM t WHERE id = 7` takes longer than to look up the row. So the literals are
//! lifted out ([`Lifted`]), and the plan of what is left, with parameters in their places, is kept for the next such
//! statement. This is PREPARE without the client's help; other systems call it *auto-parameterization*. PostgreSQL
//! leaves it to the client, whose planner looks at the literals: with statistics of the values, `= 7` and `= 8` may want
//! different plans. Here the planner knows no more than the size of the table.
//!
//! A plan is kept if it is the one that literals would have got ([`plan::Statement::is_generic`]), and until a table of it
//! is another or has become twice or half as large. What goes wrong before the plan runs, a number that does not fit for
//! one, takes the long way from its start, which knows what to say.

use super::Database;
use super::statement::{Sink, Tag};
use crate::buffer::Pages;
use crate::catalog::{Catalog, Lookup, Table};
use crate::error::Result;
use crate::page::FileId;
use crate::sql::lift::Lifted;
use crate::sql::source_text::SourceText;
use crate::sql::{self, Statement, plan};
use rustc_hash::FxHashMap;
use std::sync::Arc;

/// Forms that are remembered. When there are more, all are forgotten: that is rare, and each is learnt again at once.
const MAX_FORMS: usize = 256;

#[derive(Default)]
pub(super) struct PlanCache {
    lifted: Lifted,
    forms: FxHashMap<Box<str>, Entry>,
}

/// What is known of a form.
enum Entry {
    /// It came once. The second time it is worth a plan.
    Seen,
    /// Its plan depends on its literals.
    Unfit,
    Planned(Box<CachedPlan>),
}

/// A plan, and what it was made for.
pub(super) struct CachedPlan {
    statement: plan::Statement,
    /// With their sizes in pages.
    tables: Vec<(Arc<Table>, u64)>,
}

impl CachedPlan {
    /// Plans a statement with parameters; `None` if it reads no table.
    pub(super) fn new(text: SourceText<'_>, lookup: &mut dyn Lookup) -> Result<Option<CachedPlan>> {
        let Statement::Plan(statement) = sql::bind(&sql::parse(&text)?, text, lookup)? else {
            return Ok(None);
        };
        let mut tables = Vec::new();
        for table in statement.tables() {
            tables.push((Arc::clone(table), lookup.size(table)?.0));
        }
        Ok((!tables.is_empty()).then_some(CachedPlan { statement, tables }))
    }

    /// Whether it would be made the same way now.
    pub(super) fn holds(&self, catalog: &Catalog, pages: &mut Pages) -> bool {
        self.tables.iter().all(|(table, then)| {
            let same = catalog.table(&table.name).is_some_and(|current| Arc::ptr_eq(current, table));
            same && pages.page_count(FileId::main(table.oid)).is_ok_and(|now| {
                let now = u64::from(now);
                now <= then.saturating_mul(2) && *then <= now.saturating_mul(2)
            })
        })
    }

    pub(super) fn statement(&mut self) -> &mut plan::Statement {
        &mut self.statement
    }
}

impl PlanCache {
    /// Remembers a statement that has just been planned.
    pub(super) fn learn(&mut self, planned: &Statement, text: &str, lookup: &mut dyn Lookup) {
        if !matches!(planned, Statement::Plan(_)) || !self.lifted.lift(text) {
            return;
        }
        let entry = match self.forms.get(self.lifted.form()) {
            Some(Entry::Planned(_) | Entry::Unfit) => return,
            Some(Entry::Seen) => {
                let plan = generic_plan(&self.lifted, lookup);
                plan.map_or(Entry::Unfit, |plan| Entry::Planned(Box::new(plan)))
            }
            None => Entry::Seen,
        };
        if self.forms.len() >= MAX_FORMS {
            self.forms.clear();
        }
        self.forms.insert(self.lifted.form().into(), entry);
    }

    /// Takes out the plan for a statement, if there is one that still holds and can have its values.
    fn take(&mut self, text: &str, catalog: &Catalog, pages: &mut Pages) -> Option<Box<CachedPlan>> {
        if !self.lifted.lift(text) {
            return None;
        }
        let entry = self.forms.get_mut(self.lifted.form())?;
        let Entry::Planned(plan) = entry else { return None };
        if !plan.holds(catalog, pages) {
            *entry = Entry::Seen;
            return None;
        }
        plan.statement.set_parameters(self.lifted.values()).ok()?;
        match std::mem::replace(entry, Entry::Seen) {
            Entry::Planned(plan) => Some(plan),
            Entry::Seen | Entry::Unfit => None,
        }
    }

    /// Puts back what was taken out for the last statement.
    fn put_back(&mut self, plan: Box<CachedPlan>) {
        if let Some(entry) = self.forms.get_mut(self.lifted.form()) {
            *entry = Entry::Planned(plan);
        }
    }
}

/// The plan with parameters, if it is also the one with literals.
fn generic_plan(lifted: &Lifted, lookup: &mut dyn Lookup) -> Option<CachedPlan> {
    let (text, types) = lifted.parameterized();
    let text = SourceText { text: &text, parameters: &types };
    // A literal that is no value, as in varchar(3), is a syntax error here: then there is no such plan.
    let mut plan = CachedPlan::new(text, lookup).ok()??;
    plan.statement.is_generic().then_some(plan)
}

impl Database {
    /// Carries out a statement by a plan that is there; `None`, if it has to go the long way.
    pub(super) fn execute_cached(&mut self, text: &str, sink: &mut dyn Sink) -> Option<Result<Tag>> {
        self.check_block().ok()?;
        self.catalog.refresh(&mut self.pages).ok()?;
        let plan = self.plan_cache.take(text, &self.catalog, &mut self.pages)?;
        let answer = self.command(|db| db.run_plan(&plan.statement, sink));
        self.plan_cache.put_back(plan);
        Some(answer)
    }
}

#[cfg(test)]
mod tests;
