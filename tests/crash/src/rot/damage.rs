//! What can happen to bytes that lie on a disk: each kind of damage, and each place for it, has a number.

use std::fmt;
use std::sync::Arc;

use fastrand::Rng;

use super::disk::Files;
use super::forge;
use super::image::{Image, PAGE};

/// A kind of damage.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// One bit of one byte.
    Bit,
    /// One byte: all its bits, or all zeros, or all ones.
    Byte,
    /// One byte of the log where nothing was written yet.
    Slack,
    /// A file ends early, at any byte.
    Cut,
    /// A file goes on after its end.
    Grow,
    /// A file is gone.
    Gone,
    /// Two pages of any files have changed places, or one is where another should be, too.
    Pages,
    /// Two files have changed places.
    Swap,
    /// A sector of 512 or 4096 bytes is lost: zeros, noise, ones.
    Sector,
    /// One file is as it was some time ago.
    StaleFile,
    /// One sector or page is as it was some time ago.
    StalePage,
    /// A segment of the log has another's name.
    Segment,
    /// A word of a page is something else, and the checksum is right.
    ForgedPage,
    /// The same of a record of the log.
    ForgedRecord,
    /// The same of a slot of the control file.
    ForgedControl,
    /// A page of an index leads to the wrong page, and the checksum is right.
    Link,
}

impl Kind {
    pub const ALL: [Kind; 16] = [
        Kind::Bit,
        Kind::Byte,
        Kind::Slack,
        Kind::Cut,
        Kind::Grow,
        Kind::Gone,
        Kind::Pages,
        Kind::Swap,
        Kind::Sector,
        Kind::StaleFile,
        Kind::StalePage,
        Kind::Segment,
        Kind::ForgedPage,
        Kind::ForgedRecord,
        Kind::ForgedControl,
        Kind::Link,
    ];

    /// Somebody who can compute checksums was at work. What rows say may then be anything; but nothing may panic.
    pub fn is_forged(self) -> bool {
        matches!(self, Kind::ForgedPage | Kind::ForgedRecord | Kind::ForgedControl | Kind::Link)
    }

    /// How many places there are for it.
    pub fn count(self, image: &Image) -> u64 {
        let files = image.files.len() as u64;
        let used: usize = image.used.values().sum();
        let all: usize = image.files.values().map(|bytes| bytes.len()).sum();
        let segments = image.paths("wal/").len() as u64;
        match self {
            Kind::Bit => used as u64 * 8,
            Kind::Byte => used as u64 * 3,
            Kind::Slack => (all - used) as u64,
            Kind::Cut => used as u64,
            Kind::Grow => files * GROWTH,
            Kind::Gone => files,
            Kind::Pages => (pages(image).len() as u64).pow(2),
            Kind::Swap => files * files,
            Kind::Sector => used as u64 / 512 * 6,
            Kind::StaleFile => image.older.len() as u64,
            Kind::StalePage => used as u64 / 512 * 2,
            Kind::Segment => segments * (segments + 4),
            Kind::ForgedPage => forge::page_count(image),
            Kind::ForgedRecord => forge::record_count(image),
            Kind::ForgedControl => forge::CONTROL_COUNT,
            Kind::Link => forge::link_count(image),
        }
    }

    /// The files with that damage, and what it is in words; `None` if it changes nothing.
    pub fn befall(self, image: &Image, number: u64) -> Option<(Files, String)> {
        let mut files = image.files.clone();
        let what = self.apply(image, &mut files, number)?;
        let same =
            files.len() == image.files.len() && files.iter().all(|(path, bytes)| is_same(image, path, bytes));
        (!same).then_some((files, what))
    }

    fn apply(self, image: &Image, files: &mut Files, number: u64) -> Option<String> {
        match self {
            Kind::Bit => {
                let (path, offset) = place(image, number / 8)?;
                edit(files, &path)?[offset] ^= 1 << (number % 8);
                Some(format!("bit {} of byte {offset} of {path} flipped", number % 8))
            }
            Kind::Byte => {
                let (path, offset) = place(image, number / 3)?;
                let byte = &mut edit(files, &path)?[offset];
                *byte = [!*byte, 0, 0xff][number as usize % 3];
                Some(format!("byte {offset} of {path} is {byte:#04x}"))
            }
            Kind::Slack => {
                let (path, offset) = slack(image, number)?;
                let byte = Rng::with_seed(number).u8(..);
                edit(files, &path)?[offset] ^= byte;
                Some(format!("byte {offset} of {path}, not written yet, is {byte:#04x}"))
            }
            Kind::Cut => {
                let (path, offset) = place(image, number)?;
                edit(files, &path)?.truncate(offset);
                Some(format!("{path} ends at byte {offset}"))
            }
            Kind::Grow => grow(image, files, number),
            Kind::Gone => {
                let path = image.files.keys().nth(number as usize)?;
                files.remove(path);
                Some(format!("{path} is gone"))
            }
            Kind::Pages => exchange_pages(image, files, number),
            Kind::Swap => {
                let count = image.files.len() as u64;
                let one = image.files.keys().nth((number / count) as usize)?;
                let other = image.files.keys().nth((number % count) as usize)?;
                files.insert(one.clone(), image.files[other].clone());
                files.insert(other.clone(), image.files[one].clone());
                Some(format!("{one} and {other} have changed places"))
            }
            Kind::Sector => lose_sector(image, files, number),
            Kind::StaleFile => {
                let (path, bytes) = image.older.iter().nth(number as usize)?;
                files.insert(path.clone(), bytes.clone());
                Some(format!("{path} is an old one"))
            }
            Kind::StalePage => {
                let size = [512, PAGE][number as usize % 2];
                let (path, offset) = place(image, number / 2 * 512)?;
                let start = offset / size * size;
                let old = image.older.get(&path)?.get(start..start + size)?;
                edit(files, &path)?.get_mut(start..start + size)?.copy_from_slice(old);
                Some(format!("{size} bytes at {start} of {path} are old"))
            }
            Kind::Segment => {
                let segments = image.paths("wal/");
                let names = segments.len() as u64 + 4;
                let from = *segments.get((number / names) as usize)?;
                let first = u64::from_str_radix(segments.first()?.strip_prefix("wal/")?, 16).ok()?;
                let to = format!("wal/{:016X}", first + number % names);
                let bytes = files.remove(from)?;
                files.insert(to.clone(), bytes);
                Some(format!("{from} is called {to}"))
            }
            Kind::ForgedPage => forge::page(image, files, number),
            Kind::ForgedRecord => forge::record(image, files, number),
            Kind::ForgedControl => forge::control(files, number),
            Kind::Link => forge::link(image, files, number),
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "{}", format!("{self:?}").to_lowercase())
    }
}

fn is_same(image: &Image, path: &str, bytes: &Arc<Vec<u8>>) -> bool {
    image.files.get(path).is_some_and(|original| Arc::ptr_eq(original, bytes) || original == bytes)
}

/// The bytes of a file, no longer shared.
pub fn edit<'a>(files: &'a mut Files, path: &str) -> Option<&'a mut Vec<u8>> {
    files.get_mut(path).map(Arc::make_mut)
}

/// A byte among all that count.
fn place(image: &Image, mut number: u64) -> Option<(String, usize)> {
    for (path, used) in &image.used {
        if number < *used as u64 {
            return Some((path.clone(), number as usize));
        }
        number -= *used as u64;
    }
    None
}

/// A byte among all others.
fn slack(image: &Image, mut number: u64) -> Option<(String, usize)> {
    for (path, bytes) in &image.files {
        let used = image.used.get(path).copied().unwrap_or(0);
        let rest = (bytes.len() - used) as u64;
        if number < rest {
            return Some((path.clone(), used + number as usize));
        }
        number -= rest;
    }
    None
}

/// The pages that there are: file, and number in it.
pub fn pages(image: &Image) -> Vec<(&String, usize)> {
    let files = image.paths("base/").into_iter();
    files.flat_map(|path| (0..image.files[path].len() / PAGE).map(move |page| (path, page))).collect()
}

const GROWTH: u64 = 6;

fn grow(image: &Image, files: &mut Files, number: u64) -> Option<String> {
    let path = image.files.keys().nth((number / GROWTH) as usize)?;
    let first = image.files[path].get(..PAGE).unwrap_or_default().to_vec();
    let mut random = Rng::with_seed(number);
    let more = match number % GROWTH {
        0 => vec![0],
        1 => (0..100).map(|_| random.u8(..)).collect(),
        2 => vec![0; PAGE],
        3 => (0..PAGE).map(|_| random.u8(..)).collect(),
        4 => vec![0; 1 << 20],
        _ => first,
    };
    edit(files, path)?.extend_from_slice(&more);
    Some(format!("{path} has {} bytes more", more.len()))
}

fn exchange_pages(image: &Image, files: &mut Files, number: u64) -> Option<String> {
    let pages = pages(image);
    let (one, other) = (number as usize / pages.len(), number as usize % pages.len());
    let ((from, from_page), (to, to_page)) = (pages[one], pages[other]);
    let bytes = |path: &String, page: usize| image.files[path][page * PAGE..(page + 1) * PAGE].to_vec();
    let mut put = |path, page, bytes: Vec<u8>| {
        edit(files, path).map(|file| file[page * PAGE..(page + 1) * PAGE].copy_from_slice(&bytes))
    };
    put(to, to_page, bytes(from, from_page))?;
    if one < other {
        put(from, from_page, bytes(to, to_page))?;
        return Some(format!("page {from_page} of {from} and page {to_page} of {to} have changed places"));
    }
    Some(format!("page {from_page} of {from} is page {to_page} of {to}, too"))
}

fn lose_sector(image: &Image, files: &mut Files, number: u64) -> Option<String> {
    let size = if number.is_multiple_of(2) { 512 } else { 4096 };
    let (path, offset) = place(image, number / 6 * 512)?;
    let start = offset / size * size;
    let mut random = Rng::with_seed(number);
    let file = edit(files, &path)?;
    let end = file.len().min(start + size);
    let fill = number / 2 % 3;
    for byte in &mut file[start..end] {
        *byte = [0, random.u8(..), 0xff][fill as usize];
    }
    Some(format!("{size} bytes at {start} of {path} are {}", ["zeros", "noise", "ones"][fill as usize]))
}
