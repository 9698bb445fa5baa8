//! Pages in few bytes: without the hole in their middle, so that a change of some byte is likely to mean something.

use m5_sql::page::{PAGE_SIZE, Page};

/// A page of a length, so many bytes from its start, and the others at its end.
pub fn unpack(bytes: &[u8]) -> Page {
    let mut page = Page::zeroed();
    if let Some((len, rest)) = bytes.split_first_chunk() {
        let len = usize::from(u16::from_le_bytes(*len)).min(rest.len()).min(PAGE_SIZE);
        let (head, tail) = rest.split_at(len);
        let tail = &tail[..tail.len().min(PAGE_SIZE - len)];
        page.bytes_mut()[..len].copy_from_slice(head);
        page.bytes_mut()[PAGE_SIZE - tail.len()..].copy_from_slice(tail);
    }
    page
}

/// What [`unpack`] makes a page of again.
pub fn compact(page: &Page) -> Vec<u8> {
    let bytes = page.bytes();
    // A page that is all special space is mostly zeros, too.
    let start = bytes.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
    let (lower, upper) = (page.lower().min(start), page.upper().min(PAGE_SIZE));
    let tail = if upper >= start { &[][..] } else { &bytes[upper..] };
    [&(lower as u16).to_le_bytes()[..], &bytes[..lower], tail].concat()
}
