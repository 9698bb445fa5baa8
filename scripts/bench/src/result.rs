//! What a race leaves behind: the figures, as they are written down.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::limits::Limits;

/// A whole run.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Results {
    pub rows: u64,
    pub rounds: usize,
    pub machine: String,
    /// Name and version.
    pub engines: Vec<(String, String)>,
    pub limits: Limits,
    pub outcomes: Vec<Outcome>,
}

/// What we want to see.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Goal {
    /// The most processor time, as a part of the better peer's; `None` where the disk decides.
    pub cpu: Option<f64>,
    /// The most time, as a part of what `against` takes.
    pub wall: f64,
    pub against: Against,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Against {
    Peer,
    /// [`Limits::append`]
    Appends,
    /// [`Limits::append_small`]
    SmallAppends,
}

impl Goal {
    /// So much of the better peer's time and processor time.
    pub const fn of_peer(ratio: f64) -> Goal {
        Goal { cpu: Some(ratio), wall: ratio, against: Against::Peer }
    }
}

impl fmt::Display for Goal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.against, self.cpu) {
            (Against::Peer, _) => write!(f, "{}", self.wall),
            (_, Some(cpu)) => write!(f, "CPU {cpu}, wall {} × bare", self.wall),
            (_, None) => write!(f, "wall {} × bare", self.wall),
        }
    }
}

/// A workload, with all who took part.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Outcome {
    pub workload: String,
    pub about: String,
    pub goal: Goal,
    /// InoxDB is the first.
    pub entrants: Vec<Entrant>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Entrant {
    pub engine: String,
    #[serde(flatten)]
    pub cost: Cost,
    /// Bytes on disk afterwards; of PostgreSQL the table and its indexes alone.
    pub size: u64,
    /// The log that recovery had to read, if that was the work.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub log: Option<u64>,
}

/// In seconds and bytes: the medians of all rounds, and the extremes.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Cost {
    pub wall: f64,
    pub cpu: f64,
    pub fastest: f64,
    pub slowest: f64,
    pub memory: Option<u64>,
}

impl Outcome {
    /// InoxDB's figure divided by the better peer's. `None` without a peer.
    pub fn ratio(&self, of: fn(&Cost) -> f64) -> Option<f64> {
        let (ours, peers) = self.entrants.split_first()?;
        let best = peers.iter().map(|peer| of(&peer.cost)).reduce(f64::min)?;
        Some(of(&ours.cost) / best)
    }

    /// Whether time and processor time are within the goal; nobody to compare with is no success.
    pub fn reaches_goal(&self, limits: &Limits) -> bool {
        let cpu =
            self.goal.cpu.is_none_or(|most| self.ratio(|cost| cost.cpu).is_some_and(|ratio| ratio <= most));
        let wall = match self.goal.against {
            Against::Peer => self.ratio(|cost| cost.wall),
            Against::Appends => self.to(limits.append),
            Against::SmallAppends => self.to(limits.append_small),
        };
        cpu && wall.is_some_and(|ratio| ratio <= self.goal.wall)
    }

    fn to(&self, limit: f64) -> Option<f64> {
        Some(self.entrants.first()?.cost.wall / limit)
    }
}

#[cfg(test)]
pub mod tests {
    use super::*;

    pub fn outcome(walls: &[f64]) -> Outcome {
        let entrants = ["InoxDB", "SQLite", "PostgreSQL"].iter().zip(walls).map(|(engine, &wall)| Entrant {
            engine: (*engine).into(),
            cost: Cost { wall, cpu: wall, fastest: wall, slowest: wall, memory: Some(1 << 20) },
            size: 0,
            log: None,
        });
        Outcome {
            workload: "W0".into(),
            about: "nothing".into(),
            goal: Goal::of_peer(0.5),
            entrants: entrants.collect(),
        }
    }

    #[test]
    fn the_better_peer_counts() {
        assert_eq!(outcome(&[1.0, 2.0, 4.0]).ratio(|cost| cost.wall), Some(0.5));
        let limits = Limits { append: 0.8, append_small: 0.5, read: 0.1, copy: 0.1 };
        assert!(outcome(&[1.0, 2.0, 4.0]).reaches_goal(&limits));
        assert!(!outcome(&[1.0, 4.0, 1.5]).reaches_goal(&limits));
        assert!(!outcome(&[1.0]).reaches_goal(&limits));
        let bare = |against| Goal { cpu: None, wall: 1.3, against };
        let reaches = |against| Outcome { goal: bare(against), ..outcome(&[1.0]) }.reaches_goal(&limits);
        assert!(reaches(Against::Appends) && !reaches(Against::SmallAppends));
    }
}
