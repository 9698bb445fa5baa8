//! Which of the changes that wait for a sync survive a power cut: rules, each with a lot that its number draws.

use std::collections::HashMap;
use std::fmt;
use std::str::FromStr;

use anyhow::{Result, bail};
use fastrand::Rng;

use super::disk::{Changed, Disk, FileNumber, Image, SECTOR, Survivors};

/// Sectors of 4096 bytes, which some disks have, in ours.
const LARGE: u64 = 4096 / SECTOR;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// Nothing that was not synced.
    Nothing,
    Everything,
    /// Names and lengths, and of the bytes nothing: zeros where a file became longer.
    Names,
    /// Bytes, and neither names nor lengths.
    Bytes,
    /// All changes before one; of that one only the first sectors.
    Prefix(u64),
    /// Each sector as it was before any of its changes, by coin.
    Coin(u64),
    /// Some writes with all of their sectors, in no order.
    Writes(u64),
    /// Everything, but for one sector.
    AllButOne(u64),
    /// Only the bytes of the last write.
    Last,
}

impl Fate {
    /// One of those that draw lots, or of those that do not, by chance.
    pub fn any(random: &mut Rng) -> Fate {
        let number = random.u64(0..1000);
        match random.u8(0..12) {
            0 => Fate::Everything,
            1 => Fate::Names,
            2 => Fate::Bytes,
            3 => Fate::Last,
            4..6 => Fate::Prefix(number),
            6..8 => Fate::Coin(number),
            8..10 => Fate::Writes(number),
            _ => Fate::AllButOne(number),
        }
    }

    /// What a power cut leaves of the disk.
    pub fn befall(self, disk: &Disk) -> Image {
        disk.after_cut(&self.draw(disk))
    }

    fn draw(self, disk: &Disk) -> Lot {
        let never = disk.changes() + 1;
        let mut lot = Lot { before: never, rest: 0, sectors: HashMap::new(), large: false };
        let (Fate::Prefix(number) | Fate::Coin(number) | Fate::Writes(number) | Fate::AllButOne(number)) =
            self
        else {
            match self {
                Fate::Nothing => lot.before = 0,
                Fate::Everything => lot.rest = never,
                Fate::Bytes => (lot.before, lot.rest) = (0, never),
                Fate::Last => {
                    lot.before = 0;
                    if let Some(last) = writes(disk).last() {
                        lot.sectors.extend(last.1.iter().map(|place| (*place, never)));
                    }
                }
                _ => {}
            }
            return lot;
        };
        let mut random = Rng::with_seed(number);
        lot.large = number.is_multiple_of(2);
        let mut writes = writes(disk);
        if lot.large {
            for (_, places) in &mut writes {
                places.iter_mut().for_each(|(_, sector)| *sector /= LARGE);
                places.dedup();
            }
        }
        // The file system's journal has got somewhere.
        let mut moments: Vec<u64> = disk.pending().map(|(_, change)| change.number).collect();
        moments.extend(disk.pending_names());
        moments.push(never);
        lot.before = random.choice(moments).unwrap_or(never);
        lot.draw(self, &writes, never, &mut random);
        lot
    }
}

/// Each write that waits: its number and its sectors. In the order in which they were made.
fn writes(disk: &Disk) -> Vec<(u64, Vec<(FileNumber, u64)>)> {
    let mut writes = Vec::new();
    for (file, change) in disk.pending() {
        if let Changed::Bytes { offset, bytes } = &change.what {
            let first = offset / SECTOR;
            let sectors = first..first + (bytes.len() as u64).div_ceil(SECTOR);
            writes.push((change.number, sectors.map(|sector| (file, sector)).collect()));
        }
    }
    writes.sort_by_key(|(number, _)| *number);
    writes
}

/// What a fate has drawn.
struct Lot {
    before: u64,
    /// For sectors about which nothing else is said.
    rest: u64,
    sectors: HashMap<(FileNumber, u64), u64>,
    large: bool,
}

impl Lot {
    fn draw(&mut self, fate: Fate, writes: &[(u64, Vec<(FileNumber, u64)>)], never: u64, random: &mut Rng) {
        match fate {
            Fate::Prefix(_) => {
                self.rest = self.before;
                if let Some((_, places)) = writes.iter().find(|(number, _)| *number == self.before) {
                    let whole = random.usize(0..=places.len());
                    self.sectors.extend(places.iter().take(whole).map(|place| (*place, self.before + 1)));
                }
            }
            Fate::Coin(_) => {
                let mut moments: HashMap<_, Vec<u64>> = HashMap::new();
                let places =
                    writes.iter().flat_map(|(number, places)| places.iter().map(move |p| (*p, *number)));
                places.for_each(|(place, number)| moments.entry(place).or_default().push(number));
                let mut moments: Vec<_> = moments.into_iter().collect();
                moments.sort_unstable();
                for (place, numbers) in moments {
                    let version = numbers.into_iter().skip(1).chain([never]).collect::<Vec<_>>();
                    let survives = random.bool();
                    self.sectors
                        .insert(place, if survives { random.choice(version).unwrap_or(0) } else { 0 });
                }
            }
            Fate::Writes(_) => {
                for (number, places) in writes {
                    if random.bool() {
                        self.sectors.extend(places.iter().map(|place| (*place, number + 1)));
                    }
                }
            }
            Fate::AllButOne(_) => {
                (self.before, self.rest) = (never, never);
                let places =
                    writes.iter().flat_map(|(number, places)| places.iter().map(move |p| (*p, *number)));
                self.sectors.extend(random.choice(places.collect::<Vec<_>>()));
            }
            _ => {}
        }
    }
}

impl Survivors for Lot {
    fn before(&self) -> u64 {
        self.before
    }

    fn sector(&self, file: FileNumber, sector: u64) -> u64 {
        let sector = if self.large { sector / LARGE } else { sector };
        self.sectors.get(&(file, sector)).copied().unwrap_or(self.rest)
    }
}

const PLAIN: [(&str, Fate); 5] = [
    ("nothing", Fate::Nothing),
    ("everything", Fate::Everything),
    ("names", Fate::Names),
    ("bytes", Fate::Bytes),
    ("last", Fate::Last),
];

/// A fate that is drawn by a seed.
type Drawn = fn(u64) -> Fate;

const DRAWN: [(&str, Drawn); 4] = [
    ("prefix", Fate::Prefix),
    ("coin", Fate::Coin),
    ("writes", Fate::Writes),
    ("all-but-one", Fate::AllButOne),
];

impl fmt::Display for Fate {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        if let Some((name, _)) = PLAIN.iter().find(|(_, fate)| fate == self) {
            return f.write_str(name);
        }
        let (Fate::Prefix(number) | Fate::Coin(number) | Fate::Writes(number) | Fate::AllButOne(number)) =
            self
        else {
            return Err(fmt::Error);
        };
        let name = DRAWN.iter().find(|(_, fate)| fate(*number) == *self).map_or("", |(name, _)| name);
        write!(f, "{name}:{number}")
    }
}

impl FromStr for Fate {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> Result<Fate> {
        if let Some((_, fate)) = PLAIN.iter().find(|(name, _)| *name == text) {
            return Ok(*fate);
        }
        let (name, number) = text.split_once(':').unwrap_or((text, ""));
        match DRAWN.iter().find(|(known, _)| *known == name) {
            Some((_, fate)) => Ok(fate(number.parse()?)),
            None => bail!("{text} is no fate of an image: say nothing, or coin:3"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::images::journal::{Event, Synced};

    fn disk() -> Disk {
        let mut disk = Disk::default();
        let sync = |node| Event::Sync { node, failed: false };
        let write = |offset, byte, len| Event::Write { file: 0, offset, bytes: vec![byte; len] };
        let events = [
            Event::Create { path: "f".into(), file: 0 },
            write(0, 1, 8192),
            sync(Synced::File(0)),
            sync(Synced::Directory(String::new())),
            write(0, 2, 8192),
            write(8192, 3, 8192),
            Event::Rename { from: "f".into(), to: "g".into() },
            write(0, 4, 512),
        ];
        events.iter().for_each(|event| disk.apply(event));
        disk
    }

    fn left(fate: Fate) -> (String, Vec<u8>) {
        let image = fate.befall(&disk());
        let (name, bytes) = image.into_iter().next().unwrap();
        (name, bytes.unwrap())
    }

    #[test]
    fn the_plain_ones_leave_what_they_say() {
        assert_eq!(left(Fate::Nothing), ("f".into(), vec![1; 8192]));
        let (name, bytes) = left(Fate::Everything);
        assert_eq!((name.as_str(), bytes.len(), bytes[0], bytes[512], bytes[8192]), ("g", 16384, 4, 2, 3));
        assert_eq!(left(Fate::Names), ("g".into(), [vec![1; 8192], vec![0; 8192]].concat()));
        let (name, bytes) = left(Fate::Bytes);
        assert_eq!((name.as_str(), bytes.len(), bytes[0], bytes[512]), ("f", 8192, 4, 2));
        assert_eq!(left(Fate::Last).1, [vec![4; 512], vec![1; 7680]].concat());
    }

    #[test]
    fn a_prefix_has_one_torn_write_and_nothing_after_it() {
        let mut seen = std::collections::BTreeSet::new();
        for number in 0..200 {
            let (name, bytes) = left(Fate::Prefix(number));
            let twos = bytes[512..8192].iter().filter(|byte| **byte == 2).count();
            assert!(bytes[512..8192].is_sorted_by(|one, next| one >= next), "{number}");
            if bytes.len() > 8192 || name == "g" {
                assert_eq!(twos, 7680, "{number}: something later got through");
            }
            seen.insert((twos, bytes.len(), bytes[0]));
        }
        assert!(seen.len() > 8, "{seen:?}");
    }

    #[test]
    fn a_sector_is_as_it_was_at_some_moment() {
        for number in 0..100 {
            for fate in [Fate::Coin(number), Fate::Writes(number), Fate::AllButOne(number)] {
                let (_, bytes) = left(fate);
                for sector in bytes.chunks(512) {
                    assert!(sector.iter().all(|byte| *byte == sector[0]), "{fate}");
                }
            }
            let (name, bytes) = left(Fate::AllButOne(number));
            let everything = left(Fate::Everything).1;
            let different = bytes.iter().zip(&everything).filter(|(one, other)| one != other).count();
            assert!(name == "g" && matches!(different, 512 | 4096), "{number}: {different}");
        }
    }

    #[test]
    fn fates_read_back() {
        let mut random = Rng::with_seed(3);
        for fate in (0..100).map(|_| Fate::any(&mut random)).chain([Fate::Nothing]) {
            assert_eq!(fate.to_string().parse::<Fate>().unwrap(), fate);
        }
        assert!("coin".parse::<Fate>().is_err() && "whatever:1".parse::<Fate>().is_err());
    }
}
