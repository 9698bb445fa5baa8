//! A session of the real program, recorded: what it did to its files, what it said, and what must be there at each moment.

use std::collections::HashSet;
use std::fs;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::path::Path;

use anyhow::{Context as _, Result, ensure};
use fastrand::Rng;

use super::disk::{Disk, Image};
use super::fate::Fate;
use super::journal::{Event, SyncCall, follow};
use super::trace::{CALLS, LONGEST, calls};
use super::view::{self, Setup};
use crate::processes::dialect::Places;
use crate::processes::model::{State, Unit, fates, possible};
use crate::processes::program::answers;

pub struct Recording {
    start: Disk,
    events: Vec<Event>,
    pub syncs: Vec<SyncCall>,
    /// The disk afterwards, with all that waits for a sync.
    pub end: Disk,
    /// Images are taken from here on.
    pub from: usize,
    story: Story,
    /// Everything that the program said, and its exit status.
    pub said: String,
    pub succeeded: bool,
}

/// What a program was given to do.
struct Story {
    /// One of these was there when it was started.
    base: Vec<State>,
    /// What it has shown of it, and how much it had said then; none if it was not asked.
    found: Option<(State, usize)>,
    units: Vec<Unit>,
}

impl Story {
    /// The states that are right once the program has said so much.
    fn expected(&self, said: &str) -> Result<Vec<State>> {
        let (found, before) = match (&self.found, self.base.as_slice()) {
            (Some((found, before)), _) if said.len() >= *before => (found, *before),
            (None, [only]) => (only, 0),
            _ => return Ok(self.base.clone()),
        };
        let fates = fates(&self.units, &answers(said, before), false)?;
        Ok(possible(found, &self.units, &fates))
    }
}

/// What a program is to do while it is recorded.
pub struct Script<'a> {
    /// What may be there before.
    pub base: Vec<State>,
    /// Asks for what is there first. On a new directory there is nothing to ask for.
    pub asks: bool,
    /// The sync that is to fail.
    pub fails: Option<&'a SyncCall>,
    /// What it does, given what is there.
    pub units: &'a mut dyn FnMut((State, Places)) -> Vec<Unit>,
}

/// Looks at an image: where in the journal it is from, what became of what was on its way, and what may be in it.
type Look<'a> = dyn FnMut(usize, Fate, Image, &[State]) -> Result<()> + 'a;

impl Recording {
    /// Records a program at work on `data` in the folder `home`, which must look as `start` does.
    pub fn new(setup: &Setup, home: &Path, start: Disk, script: Script) -> Result<Recording> {
        let (longest, traced) = (LONGEST.to_string(), format!("trace={CALLS}"));
        let mut strace = vec!["strace", "-f", "-qq", "-xx", "-s", &longest, "-o", "trace", "-e", &traced];
        let inject = script
            .fails
            .map(|SyncCall { call, number, .. }| format!("inject={call}:error=EIO:when={number}"));
        if let Some(inject) = &inject {
            strace.extend(["-e", inject]);
        }
        let mut program = setup.start(home, &strace)?;
        let mut found = None;
        let known = script.base.first().cloned().unwrap_or_default();
        let (state, places) = if script.asks {
            let seen = program.verify(&script.base)?;
            found = Some((seen.0.clone(), program.said_before()));
            seen
        } else {
            (known, Places::new())
        };
        let units = (script.units)((state, places));
        program.load(&units);
        let ended = program.finish()?;

        let trace = fs::read_to_string(home.join("trace")).context("strace has written nothing")?;
        let journal = follow(&calls(&trace)?, &home.canonicalize()?, &start)?;
        let mut end = start.clone();
        journal.events.iter().for_each(|event| end.apply(event));
        view::compare(&end.seen(), home, "data")?;
        let story = Story { base: script.base, found, units };
        let said: Vec<u8> = journal.events.iter().filter_map(Event::said).flatten().copied().collect();
        let said = String::from_utf8(said)?;
        let before = story.found.as_ref().map_or(0, |(_, before)| *before);
        ensure!(answers(&said, before) == ended.said, "the journal has missed something that was said");
        Ok(Recording {
            start,
            events: journal.events,
            syncs: journal.syncs,
            end,
            from: 0,
            story,
            said,
            succeeded: ended.ending.0.success(),
        })
    }

    /// What had happened last at a moment, for people.
    pub fn tell(&self, point: usize) -> String {
        const SHOWN: usize = 12;
        let (mut disk, mut lines) = (self.start.clone(), Vec::new());
        for (number, event) in self.events.iter().take(point).enumerate() {
            disk.apply(event);
            let is_failure = matches!(event, Event::Sync { failed: true, .. });
            if is_failure || number + SHOWN >= point {
                lines.push(format!("  {:>5} {}\n", number + 1, event.tell(&disk)));
            }
        }
        lines.concat()
    }

    /// The states that are right at the end.
    pub fn expected(&self) -> Result<Vec<State>> {
        self.story.expected(&self.said)
    }

    /// Whether the program said of everything that it was done.
    pub fn is_acknowledged(&self) -> Result<bool> {
        let before = self.story.found.as_ref().map_or(0, |(_, before)| *before);
        let fates = fates(&self.story.units, &answers(&self.said, before), false)?;
        Ok(fates.iter().all(|fate| *fate == crate::processes::model::Fate::Acknowledged))
    }

    /// The number of the first event that is like this, with the disk before it.
    pub fn find(&self, mut is_it: impl FnMut(usize, &Event, &Disk) -> bool) -> Option<usize> {
        let mut disk = self.start.clone();
        self.events.iter().enumerate().find_map(|(number, event)| {
            let found = is_it(number, event, &disk);
            disk.apply(event);
            found.then_some(number)
        })
    }

    pub fn sync_points(&self) -> u64 {
        self.events.iter().skip(self.from).filter(|event| matches!(event, Event::Sync { .. })).count() as u64
    }

    /// Moments and fates to look at, in their order: after each sync and each answer what is durable, before each sync
    /// something of what is not, and others by chance.
    pub fn draw(&self, count: usize, random: &mut Rng) -> Vec<(usize, Fate)> {
        let (mut spots, mut pending) = (Vec::new(), Vec::new());
        let mut disk = self.start.clone();
        for (number, event) in self.events.iter().enumerate() {
            let is_sync = matches!(event, Event::Sync { .. });
            if number >= self.from {
                if is_sync && disk.is_pending() {
                    spots.push((number, Fate::any(random)));
                }
                if is_sync || matches!(event, Event::Say(_)) {
                    spots.push((number + 1, Fate::Nothing));
                }
            }
            disk.apply(event);
            if number >= self.from && disk.is_pending() {
                pending.push(number + 1);
            }
        }
        random.shuffle(&mut spots);
        spots.truncate(count);
        while spots.len() < count
            && let Some(point) = random.choice(&pending)
        {
            spots.push((*point, Fate::any(random)));
        }
        spots.sort_by_key(|(point, _)| *point);
        spots
    }

    /// Builds the images that are asked for, with what is right to be in each, until `look` breaks it off with an error. What
    /// was seen already is not looked at again.
    pub fn walk(
        &self,
        spots: &[(usize, Fate)],
        seen: &mut HashSet<u64>,
        lies: bool,
        look: &mut Look<'_>,
    ) -> Result<()> {
        let (mut disk, mut done, mut said) = (self.start.clone(), 0, Vec::new());
        if lies {
            disk.lie();
        }
        for (point, fate) in spots {
            for event in self.events.get(done..*point).context("there is no such point")? {
                disk.apply(event);
                said.extend(event.said().into_iter().flatten());
            }
            done = *point;
            let image = fate.befall(&disk);
            let expected = self.story.expected(&String::from_utf8_lossy(&said))?;
            if seen.insert(digest(&image, said.len())) {
                look(*point, *fate, image, &expected)?;
            }
        }
        Ok(())
    }

    /// What is durable after each answer: whatever else may go wrong, an answer must be true.
    pub fn answers(&self) -> Vec<(usize, Fate)> {
        let said = self.events.iter().enumerate().filter(|(_, event)| matches!(event, Event::Say(_)));
        said.map(|(number, _)| (number + 1, Fate::Nothing)).collect()
    }
}

/// Tells images apart, and what is expected of the same one at two moments.
fn digest(image: &Image, said: usize) -> u64 {
    let mut hasher = DefaultHasher::new();
    said.hash(&mut hasher);
    for (path, bytes) in image {
        (path, bytes.as_ref().map(|bytes| (bytes.len(), crc32c::crc32c(bytes)))).hash(&mut hasher);
    }
    hasher.finish()
}
