//! What a race leaves behind: the figures, as they are written down.

use serde::Serialize;

use crate::limits::Limits;

/// A whole run.
#[derive(Clone, Debug, Serialize)]
pub struct Results {
    pub rows: u64,
    pub rounds: usize,
    pub machine: String,
    /// Name and version.
    pub engines: Vec<(String, String)>,
    pub limits: Limits,
    pub outcomes: Vec<Outcome>,
}

/// A workload, with all who took part.
#[derive(Clone, Debug, Serialize)]
pub struct Outcome {
    pub workload: String,
    pub about: String,
    /// The ratio to the better peer that we want to see.
    pub goal: f64,
    /// InoxDB is the first.
    pub entrants: Vec<Entrant>,
}

#[derive(Clone, Debug, Serialize)]
pub struct Entrant {
    pub engine: String,
    #[serde(flatten)]
    pub cost: Cost,
    /// Bytes on disk afterwards; of PostgreSQL the table and its indexes alone.
    pub size: u64,
    /// The log that recovery had to read, if that was the work.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub log: Option<u64>,
}

/// In seconds and bytes: the medians of all rounds, and the extremes.
#[derive(Clone, Debug, Serialize)]
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

    /// Whether both time and processor time are within the goal; nobody to compare with is no success.
    pub fn reaches_goal(&self) -> bool {
        let within = |of| self.ratio(of).is_some_and(|ratio| ratio <= self.goal);
        within(|cost| cost.wall) && within(|cost| cost.cpu)
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
        Outcome { workload: "W0".into(), about: "nothing".into(), goal: 0.5, entrants: entrants.collect() }
    }

    #[test]
    fn the_better_peer_counts() {
        assert_eq!(outcome(&[1.0, 2.0, 4.0]).ratio(|cost| cost.wall), Some(0.5));
        assert!(outcome(&[1.0, 2.0, 4.0]).reaches_goal());
        assert!(!outcome(&[1.0, 4.0, 1.5]).reaches_goal());
        assert!(!outcome(&[1.0]).reaches_goal());
    }
}
