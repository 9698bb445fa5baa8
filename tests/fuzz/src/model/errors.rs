//! What may go wrong in a statement, and what has to.
//!
//! SQL does not say in which order the parts of a condition are looked at. So a part that cannot be calculated may be an
//! error or not, where another part decides; and a row that an index leaves out is never looked at.

use std::collections::BTreeSet;

#[derive(Clone, Debug, Default)]
pub struct Errors {
    /// The SQLSTATEs that would be right.
    possible: BTreeSet<&'static str>,
    /// Whether one of them has to come, as far as the model knows.
    pub is_certain: bool,
}

impl Errors {
    /// What is being calculated has no value.
    pub fn hard<T>(&mut self, state: &'static str) -> Option<T> {
        self.possible.insert(state);
        self.is_certain = true;
        None
    }

    /// What went wrong there may go wrong here.
    pub fn soft(&mut self, other: Errors) {
        self.possible.extend(other.possible);
    }

    pub fn allows(&self, state: &str) -> bool {
        self.possible.contains(state)
    }

    /// Two operands, of which either decides if it is `decisive`; otherwise both matter.
    pub fn either<T: PartialEq + Copy>(
        &mut self,
        one: impl FnOnce(&mut Errors) -> T,
        other: impl FnOnce(&mut Errors) -> T,
        decisive: T,
        both: impl FnOnce(T, T) -> T,
    ) -> T {
        let (mut first, mut second) = (Errors::default(), Errors::default());
        let (one, other) = (one(&mut first), other(&mut second));
        let decides = |value: T, errors: &Errors| value == decisive && !errors.is_certain;
        let decided = decides(one, &first) || decides(other, &second);
        self.is_certain |= !decided && (first.is_certain || second.is_certain);
        self.soft(first);
        self.soft(second);
        if decided { decisive } else { both(one, other) }
    }
}
