//! Prepared statements: SQL with `$1`, `$2`, … that is planned once and carried out with many values.
//!
//! There is no PREPARE in SQL here; this is for programs that use the crate, as PostgreSQL's protocol has it.

use super::Database;
use super::plan_cache::CachedPlan;
use super::statement::{Sink, Tag};
use crate::catalog::Lookups;
use crate::error::{Error, Result, SqlState};
use crate::sql::source_text::SourceText;
use crate::types::Value;

/// A statement that reads or changes a table, ready to be carried out.
///
/// Each parameter has the type that its surroundings ask for: `WHERE id = $1` makes it one of the column's type.
pub struct Prepared {
    text: String,
    plan: CachedPlan,
}

impl Database {
    /// Prepares a SELECT, INSERT, UPDATE or DELETE.
    pub fn prepare(&mut self, text: &str) -> Result<Prepared> {
        self.check_block()?;
        self.catalog.refresh(&mut self.pages)?;
        let plan = self.plan_with_parameters(text)?;
        Ok(Prepared { text: text.to_string(), plan })
    }

    /// Carries out a prepared statement with `values` for `$1`, `$2`, …
    ///
    /// An error of class 22 says that one of them has no value of the parameter's type.
    pub fn execute_prepared(
        &mut self,
        prepared: &mut Prepared,
        values: &[Value],
        sink: &mut dyn Sink,
    ) -> Result<Tag> {
        self.check_block()?;
        self.catalog.refresh(&mut self.pages)?;
        if !prepared.plan.holds(&self.catalog, &mut self.pages) {
            prepared.plan = self.plan_with_parameters(&prepared.text).inspect_err(|_| self.fail_block())?;
        }
        let statement = prepared.plan.statement();
        statement.set_parameters(values).inspect_err(|_| self.fail_block())?;
        self.command(|db| db.run_plan(statement, sink))
    }

    fn plan_with_parameters(&mut self, text: &str) -> Result<CachedPlan> {
        // There are no more parameters than dollar signs.
        let parameters = vec![None; text.bytes().filter(|byte| *byte == b'$').count()];
        let lookup = &mut Lookups { catalog: &self.catalog, pages: &mut self.pages };
        let plan = CachedPlan::new(SourceText { text, parameters: &parameters }, lookup)?;
        plan.ok_or_else(|| {
            let message = "only a statement that reads or changes a table can be prepared";
            Error::new(SqlState::FeatureNotSupported, message)
        })
    }
}
