//! Wrong contents under right checksums.

use m1_storage::directory::DatabaseId;
use m1_storage::page::{FileId, Page};
use m1_storage::vfs::REPEATABLE;

use super::damage::{edit, pages};
use super::disk::Files;
use super::image::{Image, Log, PAGE, SLOT_OFFSETS, SLOT_SIZE, record_crc};

/// What a word becomes.
const VALUES: u64 = 6;

fn forged(word: u16, value: u64) -> u16 {
    match value {
        0 => 0,
        1 => 1,
        2 => u16::MAX,
        3 => word.wrapping_add(1),
        4 => word.wrapping_sub(1),
        _ => word ^ 0x8000,
    }
}

fn forge(bytes: &mut [u8], offset: usize, value: u64) -> Option<()> {
    let word = bytes.get_mut(offset..)?.first_chunk_mut()?;
    *word = forged(u16::from_le_bytes(*word), value).to_le_bytes();
    Some(())
}

/// Words of a page that are tried: header and line pointers, special space, items.
const HEAD: u64 = 80;
const TAIL: u64 = 20;
const ITEMS: u64 = 300;
const WORDS: u64 = HEAD + TAIL + ITEMS;

pub fn page_count(image: &Image) -> u64 {
    pages(image).len() as u64 * WORDS * VALUES
}

pub fn page(image: &Image, files: &mut Files, number: u64) -> Option<String> {
    let all = pages(image);
    let (path, number_in_file) = all[(number / VALUES / WORDS) as usize];
    let (word, value) = (number / VALUES % WORDS, number % VALUES);
    change_page(files, path, number_in_file, |bytes| {
        let upper = usize::from(word_at(bytes, UPPER));
        let offset = match word {
            _ if word < HEAD => word * 2,
            _ if word < HEAD + TAIL => PAGE as u64 - 2 * (word - HEAD + 1),
            _ => upper as u64 + 2 * (word - HEAD - TAIL),
        };
        forge(bytes, offset as usize, value)?;
        Some(format!("word at {offset} of page {number_in_file} of {path} forged"))
    })
}

/// Changes a page and seals it again.
fn change_page(
    files: &mut Files,
    path: &str,
    number: usize,
    change: impl FnOnce(&mut [u8]) -> Option<String>,
) -> Option<String> {
    let bytes = edit(files, path)?.get_mut(number * PAGE..(number + 1) * PAGE)?;
    let what = change(bytes)?;
    let mut page = Page::zeroed();
    page.bytes_mut().copy_from_slice(bytes);
    page.seal(DatabaseId(REPEATABLE), FileId::parse(path.strip_prefix("base/")?)?.page(number as u32));
    bytes.copy_from_slice(page.bytes());
    Some(what)
}

/// Words of a record that are tried, from its start.
const RECORD_WORDS: u64 = 60;

pub fn record_count(image: &Image) -> u64 {
    image.records.len() as u64 * RECORD_WORDS * VALUES
}

pub fn record(image: &Image, files: &mut Files, number: u64) -> Option<String> {
    let record = image.records.get((number / VALUES / RECORD_WORDS) as usize)?;
    let (offset, value) = (number / VALUES % RECORD_WORDS * 2, number % VALUES);
    let mut bytes = record.bytes.clone();
    forge(&mut bytes, offset as usize, value)?;
    // The checksum has to be right for as many bytes as the record now claims to have.
    let len = u32::from_le_bytes(*bytes.first_chunk()?) as usize;
    let log = Log::new(files);
    let rest = log.at(record.lsn, len.clamp(bytes.len(), 1 << 19)).and_then(|all| all.get(bytes.len()..));
    let mut covered = [bytes.get(8..)?, rest.unwrap_or_default()].concat();
    covered.truncate(len.saturating_sub(8));
    bytes[4..8].copy_from_slice(&record_crc(&covered).to_le_bytes());
    let size = 1 << 16;
    for (index, byte) in bytes.iter().enumerate() {
        let lsn = record.lsn + index as u64;
        edit(files, &format!("wal/{:016X}", lsn / size))?[(lsn % size) as usize] = *byte;
    }
    Some(format!("word at {offset} of the log record at {:#x} forged", record.lsn))
}

const CONTROL_WORDS: u64 = SLOT_SIZE as u64 / 2 - 2;

pub const CONTROL_COUNT: u64 = 3 * CONTROL_WORDS * VALUES;

/// One slot or, as the third case, both.
pub fn control(files: &mut Files, number: u64) -> Option<String> {
    let (which, offset, value) =
        (number / VALUES / CONTROL_WORDS, number / VALUES % CONTROL_WORDS * 2, number % VALUES);
    let control = edit(files, "control")?;
    for (number, start) in SLOT_OFFSETS.into_iter().enumerate() {
        if which == 2 || which == number as u64 {
            let slot = control.get_mut(start..start + SLOT_SIZE)?;
            forge(slot, offset as usize, value)?;
            let crc = crc32c::crc32c(&slot[..SLOT_SIZE - 4]);
            slot[SLOT_SIZE - 4..].copy_from_slice(&crc.to_le_bytes());
        }
    }
    Some(format!("word at {offset} of control slot {which} (2: both) forged"))
}

/// Where a page's header has what is needed here.
const UPPER: usize = 16;
const SPECIAL: usize = 18;
const KIND: usize = 21;
const BTREE: u8 = 4;

/// Links of a page that are tried: four in the special space, the others the children.
const LINKS: u64 = 24;
/// Where they are led to: the first pages of the file, one that is not there, the last that could be.
const TARGETS: u64 = 16;

fn index_pages(image: &Image) -> Vec<(&String, usize)> {
    let is_index = |(path, page): &(&String, usize)| image.files[*path][page * PAGE + KIND] == BTREE;
    pages(image).into_iter().filter(is_index).collect()
}

pub fn link_count(image: &Image) -> u64 {
    index_pages(image).len() as u64 * LINKS * TARGETS
}

pub fn link(image: &Image, files: &mut Files, number: u64) -> Option<String> {
    let all = index_pages(image);
    let (path, page) = all[(number / TARGETS / LINKS) as usize];
    let (link, target) = (number / TARGETS % LINKS, number % TARGETS);
    let there = (image.files[path].len() / PAGE) as u64;
    let target = match target {
        15 => u64::from(u32::MAX),
        _ => target.min(there + 1),
    };
    change_page(files, path, page, |bytes| {
        let special = usize::from(word_at(bytes, SPECIAL));
        let offset = match link {
            // Siblings of a node; of the first page: root and free list.
            0..6 => special + 4 * link as usize,
            // An item begins with its child.
            _ => usize::from(word_at(bytes, 24 + 4 * (link as usize - 6))) & 0x7fff,
        };
        bytes.get_mut(offset..offset + 4)?.copy_from_slice(&(target as u32).to_le_bytes());
        Some(format!("link {link} of page {page} of {path} leads to {target}"))
    })
}

fn word_at(bytes: &[u8], offset: usize) -> u16 {
    bytes.get(offset..).and_then(|bytes| bytes.first_chunk()).map_or(0, |word| u16::from_le_bytes(*word))
}
