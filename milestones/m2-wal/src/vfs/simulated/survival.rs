//! Which of the unsynced changes survive a power cut: the policies, and the lot that each draws.

use std::fmt;
use std::str::FromStr;

/// A rule for what survives. A disk keeps some order or none; each rule is a disk that somebody has had.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Survival {
    /// Nothing that was not synced.
    None,
    /// Everything, as if the kernel had just finished its writing back.
    All,
    /// All changes before one; of that one, if it is a write, only the first sectors.
    TornPrefix,
    /// Each sector, length and name for itself, by coin.
    Coin,
    /// Some writes, all of their sectors, in an order that is not that of the process.
    Reordered,
    /// Everything, but one sector (or length, or name) stays as it was before one of its changes.
    AllButOne,
    /// Nothing but the very last change.
    OnlyLast,
    /// Each sector is kept, lost, or garbled where it was to change; lengths and names by coin.
    Garbage,
}

impl Survival {
    pub const POLICIES: [Survival; 8] = [
        Survival::None,
        Survival::All,
        Survival::TornPrefix,
        Survival::Coin,
        Survival::Reordered,
        Survival::AllButOne,
        Survival::OnlyLast,
        Survival::Garbage,
    ];

    /// The name, as [`Survival::from_str`] reads it.
    pub fn name(self) -> &'static str {
        match self {
            Survival::None => "none",
            Survival::All => "all",
            Survival::TornPrefix => "torn-prefix",
            Survival::Coin => "coin",
            Survival::Reordered => "reordered",
            Survival::AllButOne => "all-but-one",
            Survival::OnlyLast => "only-last",
            Survival::Garbage => "garbage",
        }
    }
}

impl fmt::Display for Survival {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Survival {
    type Err = String;

    fn from_str(name: &str) -> Result<Survival, String> {
        let found = Survival::POLICIES.into_iter().find(|policy| policy.name() == name);
        found.ok_or_else(|| {
            let names = Survival::POLICIES.map(Survival::name).join(", ");
            format!("there is no policy \"{name}\", only {names}")
        })
    }
}

/// What happens to one sector of a write, or to one change of a length or a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    Kept,
    Lost,
    Garbled,
}

/// What a policy has to know of a pending change. `P` says which place on the disk a part of it changes.
pub(super) struct Subject<P> {
    pub parts: Vec<P>,
}

/// The fates of a change's parts, and which change it is.
pub(super) struct Lot {
    pub change: usize,
    pub fates: Vec<Fate>,
}

/// Decides about all changes (given in the order in which they were made), in the order in which those that
/// survive reach the disk.
pub(super) fn draw<P: PartialEq>(policy: Survival, changes: &[Subject<P>], random: &mut Random) -> Vec<Lot> {
    let all = |fate| move |_: usize, _: usize| fate;
    match policy {
        Survival::None => lots(changes, all(Fate::Lost)),
        Survival::All => lots(changes, all(Fate::Kept)),
        Survival::TornPrefix => {
            let torn = random.below(changes.len() + 1);
            let survivors = changes.get(torn).map_or(0, |change| random.below(change.parts.len()));
            lots(changes, |change, part| kept_if(change < torn || change == torn && part < survivors))
        }
        Survival::Coin => lots(changes, |_, _| kept_if(random.below(2) == 0)),
        Survival::Reordered => {
            let mut lots = lots(changes, all(Fate::Kept));
            random.shuffle(&mut lots);
            lots.truncate(random.below(changes.len() + 1));
            lots
        }
        Survival::AllButOne => match pick(changes, random) {
            None => Vec::new(),
            Some((first, place)) => {
                lots(changes, |change, part| kept_if(change < first || changes[change].parts[part] != *place))
            }
        },
        Survival::OnlyLast => lots(changes, |change, _| kept_if(change + 1 == changes.len())),
        Survival::Garbage => lots(changes, |_, _| match random.below(3) {
            0 => Fate::Kept,
            1 => Fate::Lost,
            _ => Fate::Garbled,
        }),
    }
}

fn lots<P>(changes: &[Subject<P>], mut fate: impl FnMut(usize, usize) -> Fate) -> Vec<Lot> {
    let lot = |(change, subject): (usize, &Subject<P>)| Lot {
        change,
        fates: (0..subject.parts.len()).map(|part| fate(change, part)).collect(),
    };
    changes.iter().enumerate().map(lot).collect()
}

/// One part of one change, each as likely as any other.
fn pick<'a, P>(changes: &'a [Subject<P>], random: &mut Random) -> Option<(usize, &'a P)> {
    let count = changes.iter().map(|change| change.parts.len()).sum();
    let parts = changes.iter().enumerate();
    let mut parts = parts.flat_map(|(index, change)| change.parts.iter().map(move |part| (index, part)));
    if count == 0 { None } else { parts.nth(random.below(count)) }
}

fn kept_if(kept: bool) -> Fate {
    if kept { Fate::Kept } else { Fate::Lost }
}

/// SplitMix64 (Steele, Lea, Flood 2014): a counter and three multiply-xorshift steps. Every seed is good.
pub(super) struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Random {
        Random(seed)
    }

    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `end`, or zero if there is none.
    pub fn below(&mut self, end: usize) -> usize {
        ((u128::from(self.next()) * end as u128) >> 64) as usize
    }

    fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            items.swap(last, self.below(last + 1));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_generator_is_the_published_one() {
        let mut random = Random::new(1234567);
        assert_eq!(
            [random.next(), random.next(), random.next()],
            [6457827717110365317, 3203168211198807973, 9817491932198370423]
        );
    }

    #[test]
    fn policies_have_names() {
        for policy in Survival::POLICIES {
            assert_eq!(policy.name().parse(), Ok(policy));
        }
        assert!("some".parse::<Survival>().unwrap_err().contains("torn-prefix, coin"));
    }
}
