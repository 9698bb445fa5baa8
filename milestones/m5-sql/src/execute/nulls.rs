//! The NULLs of a vector.

/// Which positions are NULL: a bitmap that is not there at all while nothing is NULL, so that loops over
/// columns without NULLs need not look.
#[derive(Clone, Debug, Default)]
pub struct Nulls {
    words: Vec<u64>,
}

impl Nulls {
    /// False only when no position is NULL.
    pub fn any(&self) -> bool {
        !self.words.is_empty()
    }

    #[inline]
    pub fn is_null(&self, index: usize) -> bool {
        self.words.get(index >> 6).is_some_and(|word| word >> (index & 63) & 1 == 1)
    }

    #[inline]
    pub fn set(&mut self, index: usize) {
        let word = index >> 6;
        if word >= self.words.len() {
            self.words.resize(word + 1, 0);
        }
        self.words[word] |= 1 << (index & 63);
    }

    #[inline]
    pub fn unset(&mut self, index: usize) {
        if let Some(word) = self.words.get_mut(index >> 6) {
            *word &= !(1 << (index & 63));
        }
    }

    pub fn clear(&mut self) {
        self.words.clear();
    }

    pub fn copy_from(&mut self, other: &Nulls) {
        self.words.clear();
        self.words.extend_from_slice(&other.words);
    }

    /// NULL also where `other` is: what an operator's result needs that is NULL when an operand is.
    pub fn add(&mut self, other: &Nulls) {
        if self.words.len() < other.words.len() {
            self.words.resize(other.words.len(), 0);
        }
        for (word, more) in self.words.iter_mut().zip(&other.words) {
            *word |= more;
        }
    }
}
