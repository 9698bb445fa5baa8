//! `\page` of an index: a page of its tree, item by item.

use super::super::session::Session;
use super::super::table::Table;
use super::page::{Dump, header};
use crate::catalog::Index;
use crate::error::{Error, Result, SqlState};
use crate::index::{Target, TreeItem, TreePage, inspect};
use crate::page::{FileId, PAGE_SIZE, Page, PageNo};
use crate::types::{DataType, Value};

/// Shows a page of an index, or the bytes of one of its items.
pub fn show(
    session: &mut Session,
    index: &Index,
    types: &[DataType],
    number: PageNo,
    only: Option<u16>,
) -> Result<()> {
    let page = session.database.read_page(&index.name, number)?;
    let what = inspect(&page, FileId::main(index.oid).page(number), types)?;
    if let Some(slot) = only {
        return show_item(session, index, &page, &what, number, slot);
    }
    writeln!(session.output, "Page {number} of \"{}\": {PAGE_SIZE} bytes, {}", index.name, described(&what));
    header(&page).print(&mut session.output)?;
    writeln!(session.output, "Special space");
    special(&page, &what).print(&mut session.output)?;
    if let TreePage::Node { level, items, .. } = &what {
        writeln!(session.output, "Items: {}, {} bytes free", items.len(), page.free_space());
        let mut table = Table::new(["item", "length", "key", if *level == 0 { "row" } else { "page" }]);
        for item in items {
            table.row([item.slot.to_string(), item.bytes.len().to_string(), key(item), target(item)])?;
        }
        table.print(&mut session.output)?;
    }
    Ok(())
}

fn show_item(
    session: &mut Session,
    index: &Index,
    page: &Page,
    what: &TreePage,
    number: PageNo,
    slot: u16,
) -> Result<()> {
    let items = if let TreePage::Node { items, .. } = what { &items[..] } else { &[] };
    let Some(item) = items.iter().find(|item| item.slot == slot) else {
        let message = format!("there is no item {slot} on page {number} of \"{}\"", index.name);
        return Err(Error::new(SqlState::InvalidParameterValue, message));
    };
    let start = page.line_pointer(slot).offset();
    let end = start + item.bytes.len();
    writeln!(session.output, "Item {slot}: {} bytes, {start} to {end}", item.bytes.len());
    let mut dump = Dump::new(page);
    match item.leads_to {
        Target::Row(_) => {
            dump.bytes(start..end - 6, "key", Some(&key(item)));
            dump.bytes(end - 6..end, "row", Some(&target(item)));
        }
        Target::Page(_) => {
            dump.bytes(start..start + 4, "child", Some(&target(item)));
            dump.bytes(start + 4..end, "separator", Some(&key(item)));
        }
    }
    dump.table.print(&mut session.output)
}

fn described(what: &TreePage) -> String {
    match what {
        TreePage::Meta { .. } => "where the tree is".into(),
        TreePage::Free { .. } => "a free page".into(),
        TreePage::Node { level: 0, .. } => "a leaf".into(),
        TreePage::Node { level, .. } => format!("an inner page on level {level}"),
    }
}

/// The special space, number by number.
fn special(page: &Page, what: &TreePage) -> Table {
    let or_none = |page: PageNo| if page == 0 { "none".into() } else { page.to_string() };
    let fields: Vec<(usize, &str, String)> = match what {
        TreePage::Meta { root, level, free, unused } => vec![
            (4, "magic", "this is an index".into()),
            (4, "version", "1".into()),
            (4, "root", root.to_string()),
            (4, "level", format!("{level}: levels above the leaves")),
            (4, "free", format!("{}: first free page", or_none(*free))),
            (4, "unused", format!("{unused}: never used from here on")),
        ],
        TreePage::Node { level, left, right, .. } => vec![
            (4, "left", or_none(*left)),
            (4, "right", or_none(*right)),
            (2, "level", level.to_string()),
            (2, "flags", "0".into()),
        ],
        TreePage::Free { next } => vec![
            (4, "left", "none".into()),
            (4, "right", format!("{}: next free page", or_none(*next))),
            (2, "level", "0".into()),
            (2, "flags", "1: free".into()),
        ],
    };
    let (mut dump, mut at) = (Dump::new(page), page.special_start());
    for (len, name, value) in fields {
        dump.bytes(at..at + len, name, Some(&value));
        at += len;
    }
    dump.table
}

/// The key's values; of one that was cut, its bytes. The first item of an inner page takes whatever is smaller.
fn key(item: &TreeItem) -> String {
    match &item.key {
        Some(values) => values.iter().map(quoted).collect::<Vec<_>>().join(", "),
        None => {
            let cut = &item.bytes[if matches!(item.leads_to, Target::Page(_)) { 4 } else { 0 }..];
            let bytes: Vec<String> = cut.iter().map(|byte| format!("{byte:02x}")).collect();
            if bytes.is_empty() { "whatever is smaller".into() } else { bytes.join(" ") + " …" }
        }
    }
}

fn quoted(value: &Value) -> String {
    match value {
        Value::Null => "NULL".into(),
        Value::Text(text) => format!("'{}'", text.replace('\'', "''")),
        other => other.to_string(),
    }
}

fn target(item: &TreeItem) -> String {
    match item.leads_to {
        Target::Row(tid) => tid.to_string(),
        Target::Page(page) => page.to_string(),
    }
}
