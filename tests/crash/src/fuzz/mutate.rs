//! What becomes of seeds.
//!
//! The changes are those that have proved themselves in AFL and libFuzzer: bits, bytes, numbers at which something
//! changes, pieces left out, repeated or taken from another seed, words of the language.

use fastrand::Rng;
use inox_fuzz::Target;

/// An input is not made longer than this.
const MAX_LEN: usize = 16 << 10;

/// Numbers at which something changes.
const NUMBERS: [u64; 20] = [
    0,
    1,
    2,
    3,
    7,
    8,
    16,
    24,
    0x7f,
    0x80,
    0xff,
    0x100,
    0x7fff,
    0x8000,
    0xffff,
    0x10000,
    0x7fff_ffff,
    0xffff_ffff,
    1 << 63,
    u64::MAX,
];

/// Makes a target's inputs.
pub struct Mutator {
    seeds: Vec<Vec<u8>>,
    words: &'static [&'static str],
    /// Makes the same number another case for each target.
    salt: u64,
    is_text: bool,
}

impl Mutator {
    pub fn new(target: &Target) -> Mutator {
        let salt = u64::from(crc32c::crc32c(target.name.as_bytes())) << 32;
        let mut seeds = target.all_seeds();
        if seeds.is_empty() {
            seeds.push(Vec::new());
        }
        Mutator { seeds, words: target.words, salt, is_text: target.is_text }
    }

    /// The input of a number: the seeds themselves first, then what is made of them.
    pub fn input(&self, number: u64, input: &mut Vec<u8>) {
        input.clear();
        if let Some(seed) = usize::try_from(number).ok().and_then(|number| self.seeds.get(number)) {
            return input.extend_from_slice(seed);
        }
        let mut rng = Rng::with_seed(self.salt ^ number);
        input.extend_from_slice(self.seed(&mut rng));
        // Mostly few changes: after many, nothing is left of what made sense.
        let changes = 1 + (rng.u32(..).trailing_zeros() as usize).min(5) * rng.usize(1..3);
        for _ in 0..changes {
            match self.is_text {
                true => self.change_text(input, &mut rng),
                false => self.change_bytes(input, &mut rng),
            }
        }
        if self.is_text && rng.u8(..) < 240 {
            make_utf8(input);
        }
        input.truncate(MAX_LEN);
    }

    fn seed(&self, rng: &mut Rng) -> &[u8] {
        &self.seeds[rng.usize(..self.seeds.len())]
    }

    fn change_bytes(&self, input: &mut Vec<u8>, rng: &mut Rng) {
        let at = rng.usize(..=input.len());
        match rng.u8(..16) {
            0..3 => with(input, at, |byte| *byte ^= 1 << rng.u8(..8)),
            3..6 => with(input, at, |byte| *byte = rng.u8(..)),
            6..8 => with(input, at, |byte| *byte = byte.wrapping_add(rng.u8(..9)).wrapping_sub(4)),
            8..11 => {
                let width = [1, 2, 4, 8][rng.usize(..4)];
                let bytes = NUMBERS[rng.usize(..NUMBERS.len())].to_le_bytes();
                input.iter_mut().skip(at).zip(&bytes[..width]).for_each(|(target, byte)| *target = *byte);
            }
            11 => {
                let more: Vec<u8> = (0..rng.usize(1..40)).map(|_| rng.u8(..)).collect();
                drop(input.splice(at..at, more));
            }
            _ => self.rearrange(input, at, rng),
        }
    }

    fn change_text(&self, input: &mut Vec<u8>, rng: &mut Rng) {
        let at = rng.usize(..=input.len());
        let word =
            |rng: &mut Rng| self.words.get(rng.usize(..self.words.len().max(1))).copied().unwrap_or("");
        match rng.u8(..16) {
            0..5 => {
                let word = word(rng);
                drop(input.splice(at..at, word.bytes()));
            }
            5..9 => {
                // A word in place of one that is there.
                let at = input[..at].iter().rposition(u8::is_ascii_whitespace).map_or(0, |space| space + 1);
                let len = input[at..].iter().position(u8::is_ascii_whitespace);
                let (word, end) = (word(rng), at + len.unwrap_or(input.len() - at));
                drop(input.splice(at..end, word.bytes()));
            }
            9 => with(input, at, |byte| *byte = rng.u8(b' '..0x7f)),
            10 => with(input, at, |byte| *byte ^= 1 << rng.u8(..8)),
            _ => self.rearrange(input, at, rng),
        }
    }

    /// Leaves out a piece, repeats it, or puts in one of another seed.
    fn rearrange(&self, input: &mut Vec<u8>, at: usize, rng: &mut Rng) {
        let end = (at + rng.usize(1..=32)).min(input.len());
        match rng.u8(..8) {
            0..2 => drop(input.drain(at..end)),
            2 => input.truncate(at),
            3..5 => {
                let (piece, times) = (input[at..end].to_vec(), 1 + rng.usize(..4) * rng.usize(..12));
                drop(input.splice(at..at, piece.repeat(times)));
            }
            5 => {
                let other = self.seed(rng);
                let from = rng.usize(..=other.len());
                input.truncate(at);
                input.extend_from_slice(&other[from..]);
            }
            _ => {
                let other = self.seed(rng);
                let from = rng.usize(..=other.len());
                let to = (from + rng.usize(1..=48)).min(other.len());
                drop(input.splice(at..end, other[from..to].iter().copied()));
            }
        }
    }
}

fn with(input: &mut [u8], at: usize, change: impl FnOnce(&mut u8)) {
    if let Some(byte) = input.get_mut(at) {
        change(byte);
    }
}

/// Most of what takes text refuses what is none before it looks at anything else.
fn make_utf8(input: &mut Vec<u8>) {
    if let Err(error) = std::str::from_utf8(input) {
        let start = error.valid_up_to();
        let text = String::from_utf8_lossy(&input[start..]).into_owned();
        input.truncate(start);
        input.extend_from_slice(text.as_bytes());
    }
}
