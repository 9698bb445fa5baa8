//! Log records: whatever bytes under a right checksum.

use m5_sql::page::{Delta, PageMut};
use m5_sql::page::{FileId, PAGE_SIZE, Page, PageKind};
use m5_sql::wal::Block;
use m5_sql::wal::record::{self, MAX_RECORD_SIZE, RECORD_HEADER_SIZE, Record, RecordKind, Step};

use crate::DATABASE;

/// A record with its length and its checksum put right, if it is long enough to have them.
pub fn record(bytes: &[u8]) -> bool {
    let mut bytes = bytes[..bytes.len().min(MAX_RECORD_SIZE)].to_vec();
    seal(&mut bytes);
    let Ok(Some(record)) = Record::parse(DATABASE, &bytes) else { return false };
    let _ = (record.end() >= record.lsn(), record.xid());
    let checked = record.check();
    if let Ok(blocks) = record.blocks() {
        for block in &blocks {
            // Replay never comes here with a record that was not checked; it must not panic all the same.
            replay(block, checked.is_ok());
        }
    }
    true
}

fn replay(block: &Block<'_>, is_checked: bool) {
    let steps = block.steps();
    for step in steps.iter().flatten() {
        match step {
            Step::Move { from, to, len } => assert!(from.max(to) + len <= PAGE_SIZE),
            Step::Write { offset, bytes } => assert!(offset + bytes.len() <= PAGE_SIZE),
        }
    }
    let mut page = Page::zeroed();
    PageMut::new(&mut page, &mut Delta::default()).init(PageKind::Heap, 0);
    let applied = block.apply(&mut page);
    assert!(applied.is_ok() || !is_checked, "a checked record cannot be done again");
    // Twice is once: recovery may begin again.
    if applied.is_ok() && !steps.iter().flatten().any(|step| matches!(step, Step::Move { .. })) {
        let once = page.clone();
        block.apply(&mut page).expect("the same again");
        assert!(once.bytes() == page.bytes());
    }
    let _ = page.verify_layout();
}

/// Puts length and checksum right. A record of an impossible position has no end that could be calculated: the reader
/// never parses one, since it knows the position.
pub fn seal(bytes: &mut [u8]) {
    if bytes.len() < RECORD_HEADER_SIZE {
        return;
    }
    let len = bytes.len() as u32;
    bytes[..4].copy_from_slice(&len.to_le_bytes());
    bytes[15] &= 0x3f;
    let crc = crc32c::crc32c_append(crc32c::crc32c(&DATABASE.0.to_le_bytes()), &bytes[8..]);
    bytes[4..8].copy_from_slice(&crc.to_le_bytes());
}

/// Records of each kind and form.
pub fn seeds() -> Vec<Vec<u8>> {
    let id = FileId::main(16384).page(3);
    let (mut page, mut delta) = (Page::zeroed(), Delta::default());
    let mut edit = PageMut::new(&mut page, &mut delta);
    edit.init(PageKind::Heap, 0);
    let _ = edit.insert(1, b"the first item");
    let fresh = (page.clone(), delta.clone());
    delta.clear();
    let _ = PageMut::new(&mut page, &mut delta).insert_ordered(1, b"another");
    let mut seeds = Vec::new();
    for kind in [RecordKind::Change, RecordKind::Commit, RecordKind::Checkpoint] {
        for blocks in 0..4 {
            let mut bytes = Vec::new();
            let start = record::begin(&mut bytes);
            for block in 0..blocks {
                match block {
                    0 => record::add_delta(&mut bytes, id, &page, &delta),
                    1 => record::add_delta(&mut bytes, id, &fresh.0, &fresh.1),
                    _ => record::add_image(&mut bytes, id, &page),
                }
            }
            record::finish(&mut bytes, start, DATABASE, (kind, blocks, 5), (65536, 65536, 1));
            bytes.truncate(bytes.first_chunk().map_or(0, |len| u32::from_le_bytes(*len)) as usize);
            seeds.push(bytes);
        }
    }
    seeds
}
