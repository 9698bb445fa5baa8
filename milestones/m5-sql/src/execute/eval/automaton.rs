//! A search for literals with gaps between them that reads each byte of the text once.
//!
//! Baeza-Yates and Gonnet's *shift-and*. The state is a bit for each byte of the literals and each character of a gap:
//! bit i says that the text read so far ends with the first i + 1 of them. A byte of the text moves all bits on by one
//! and keeps those that it agrees with, sixty-four in one operation. So a byte costs an operation for each 64 bytes of
//! the pattern, whatever there was before it.

use super::pattern::{Run, is_continuation};

#[derive(Clone, Debug)]
pub struct Automaton {
    /// Which of the masks belongs to a byte.
    mask_of: [u16; 256],
    /// Each as long as the state: which bits a byte lets through.
    masks: Vec<u64>,
    /// The bits that stand for any character.
    any: Vec<u64>,
    state: Vec<u64>,
    /// The bit that says that all has been found.
    last: usize,
}

impl Automaton {
    /// Of the gaps, the one before the first literal does not count.
    pub fn new(runs: &[Run]) -> Automaton {
        let gaps = runs.iter().skip(1).map(|run| run.gap).sum::<usize>();
        let bits = gaps + runs.iter().map(|run| run.literal.len()).sum::<usize>();
        let words = bits.div_ceil(64);
        let mut any = vec![0; words];
        let mut bytes = Vec::with_capacity(bits);
        let mut at = 0;
        for (number, run) in runs.iter().enumerate() {
            for _ in 0..if number == 0 { 0 } else { run.gap } {
                set(&mut any, at);
                at += 1;
            }
            for byte in &run.literal {
                bytes.push((at, *byte));
                at += 1;
            }
        }
        // The first two masks are for the bytes of no literal: those that go on with a character, and the others.
        let mut masks = vec![0; words];
        masks.extend_from_slice(&any);
        let mut mask_of: [u16; 256] = std::array::from_fn(|byte| u16::from(!is_continuation(byte as u8)));
        for (bit, byte) in bytes {
            let mask = &mut mask_of[usize::from(byte)];
            if *mask < 2 {
                let default = usize::from(*mask) * words;
                *mask = (masks.len() / words) as u16;
                masks.extend_from_within(default..default + words);
            }
            set(&mut masks[usize::from(*mask) * words..], bit);
        }
        Automaton { mask_of, masks, any, state: vec![0; words], last: bits - 1 }
    }

    /// Where the first match in `text` ends.
    pub fn find(&mut self, text: &[u8], steps: &mut usize) -> Option<usize> {
        let Automaton { mask_of, masks, any, state, last } = self;
        let words = state.len();
        state.fill(0);
        for (at, byte) in text.iter().enumerate() {
            let mask = &masks[usize::from(mask_of[usize::from(*byte)]) * words..][..words];
            // A character that stands for any is not done before its last byte.
            let stays = if is_continuation(*byte) { u64::MAX } else { 0 };
            let mut carry = 1;
            for ((state, mask), any) in state.iter_mut().zip(mask).zip(&*any) {
                let moved = *state << 1 | carry;
                carry = *state >> 63;
                *state = moved & mask | *state & any & stays;
            }
            *steps += words;
            if state[*last / 64] >> (*last % 64) & 1 == 1 {
                return Some(at + 1);
            }
        }
        None
    }
}

fn set(bits: &mut [u64], at: usize) {
    bits[at / 64] |= 1 << (at % 64);
}
