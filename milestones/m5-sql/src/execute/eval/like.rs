//! LIKE and ILIKE: a text against a [`Pattern`].

use super::pattern::Pattern;
use super::text::{fold_case, lower_char};
use super::{Evaluate, Node};
use crate::error::Result;
use crate::execute::batch::Rows;
use crate::execute::vector::{Kind, Values, Vector, wrong_kind};

pub struct Like {
    text: Node,
    pattern: Node,
    ignore_case: bool,
    negated: bool,
    compiled: Pattern,
    /// The pattern that `compiled` was made from; a pattern is compiled again only when it changes.
    source: Option<Vec<u8>>,
    folded: Vec<u8>,
    out: Vector,
}

impl Like {
    pub fn new(text: Node, pattern: Node, ignore_case: bool, negated: bool) -> Like {
        Like {
            text,
            pattern,
            ignore_case,
            negated,
            compiled: Pattern::default(),
            source: None,
            folded: Vec::new(),
            out: Vector::new(Kind::Boolean),
        }
    }
}

impl Evaluate for Like {
    fn evaluate<'a>(&'a mut self, columns: &'a [Vector], rows: Rows<'_>) -> Result<&'a Vector> {
        let Like { text, pattern, compiled, source, folded, out, .. } = self;
        let text = text.evaluate(columns, rows)?;
        let pattern = pattern.evaluate(columns, rows)?;
        let (texts, patterns) = (text.texts()?, pattern.texts()?);
        out.restart(Kind::Boolean, rows.bound());
        out.nulls.copy_from(&text.nulls);
        out.nulls.add(&pattern.nulls);
        let Vector { values: Values::Boolean(results), nulls } = &mut *out else { return Err(wrong_kind()) };
        rows.try_for_each(|row| {
            if nulls.is_null(row) {
                return Ok(());
            }
            let pattern = patterns.get(row);
            if source.as_deref() != Some(pattern) {
                *compiled = Pattern::compile(pattern, self.ignore_case)?;
                *source = Some(pattern.to_vec());
            }
            let mut subject = texts.get(row);
            if self.ignore_case {
                folded.clear();
                fold_case(subject, folded, lower_char)?;
                subject = folded;
            }
            results[row] = compiled.matches(subject)? != self.negated;
            Ok(())
        })?;
        Ok(out)
    }
}
