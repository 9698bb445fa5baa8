//! `\page`: a page under the microscope, each byte with its place and its meaning.

use super::super::arguments::Arguments;
use super::super::session::Session;
use super::super::table::Table;
use super::{Command, tree_page};
use crate::error::{Error, Result, SqlState};
use crate::page::{HAS_FREE_LINES, ItemFlags, LINE_POINTER_SIZE, PAGE_SIZE, Page, PageHeader, PageKind, Tid};
use crate::tuple::{Layout, TUPLE_HEADER_SIZE, TupleHeader};
use crate::types::{Column, Schema};
use std::mem::offset_of;
use std::ops::Range;

pub const COMMANDS: &[Command] = &[Command {
    name: "\\page",
    usage: "NAME PAGE [SLOT]",
    help: "show a page of a table or an index, or one row of it",
    run: page,
}];

/// Bytes in one line of a dump.
const LINE: usize = 16;

fn page(session: &mut Session, arguments: &mut Arguments<'_>) -> Result<()> {
    let name = arguments.name()?;
    let number = arguments.number()?;
    let only = if arguments.is_empty() { None } else { Some(arguments.number::<u16>()?) };
    arguments.end()?;
    if let Some((index, types)) = session.database.index(&name)? {
        return tree_page::show(session, &index, &types, number, only);
    }
    let page = session.database.read_page(&name, number)?;
    let schema = session.database.schema(&name)?.clone();
    let layout = session.database.layout(&name)?.clone();
    if let Some(slot) = only
        && page.item(slot).is_none()
    {
        let message = format!("there is no row at ({number},{slot}) of \"{name}\"");
        return Err(Error::new(SqlState::InvalidParameterValue, message));
    }

    if only.is_none() {
        writeln!(session.output, "Page {number} of \"{name}\": {PAGE_SIZE} bytes, {}", kind_name(&page));
        header(&page).print(&mut session.output)?;
        writeln!(session.output, "Line pointers: {}", page.slot_count());
        line_pointers(&page).print(&mut session.output)?;
        writeln!(
            session.output,
            "Free space: {} bytes, {} to {}",
            page.free_space(),
            page.lower(),
            page.upper()
        );
    }
    for slot in 1..=page.slot_count() {
        let Some(item) = page.item(slot).filter(|_| only.is_none_or(|only| only == slot)) else { continue };
        let start = page.line_pointer(slot).offset();
        let tid = Tid { page: number, slot };
        writeln!(session.output, "Row {tid}: {} bytes, {start} to {}", item.len(), start + item.len());
        let mut dump = Dump::new(&page);
        if page.kind() == PageKind::Heap && layout.check(item).is_ok() {
            tuple(&mut dump, start, item, &schema, &layout);
        } else {
            dump.bytes(start..start + item.len(), "item", None);
        }
        dump.table.print(&mut session.output)?;
    }
    if only.is_none() && !page.special().is_empty() && !page.is_zeroed() {
        writeln!(session.output, "Special space");
        let mut dump = Dump::new(&page);
        dump.bytes(page.special_start()..PAGE_SIZE, "special", None);
        dump.table.print(&mut session.output)?;
    }
    Ok(())
}

fn kind_name(page: &Page) -> &'static str {
    match page.kind() {
        PageKind::Empty => "all zero: never used",
        PageKind::Heap => "rows of a table",
        PageKind::FreeSpaceMap => "free space map",
        PageKind::CommitLog => "commit log",
        PageKind::BTree => "B-tree",
    }
}

pub fn header(page: &Page) -> Table {
    let header = page.header();
    let lsn = page.lsn();
    let flags = header.flags.get();
    let free_lines = if flags & HAS_FREE_LINES == 0 { "" } else { ": has unused line pointers" };
    let mut dump = Dump::new(page);
    let mut field = |offset: usize, len: usize, name: &str, value: String| {
        dump.bytes(offset..offset + len, name, Some(&value));
    };
    field(offset_of!(PageHeader, lsn), 8, "lsn", format!("{:X}/{:X}", lsn >> 32, lsn & 0xffff_ffff));
    field(offset_of!(PageHeader, checksum), 4, "checksum", format!("{:08x}", header.checksum.get()));
    field(offset_of!(PageHeader, flags), 2, "flags", format!("{flags}{free_lines}"));
    field(offset_of!(PageHeader, lower), 2, "lower", format!("{}: end of the line pointers", page.lower()));
    field(offset_of!(PageHeader, upper), 2, "upper", format!("{}: start of the rows", page.upper()));
    field(
        offset_of!(PageHeader, special),
        2,
        "special",
        format!("{}: end of the rows", page.special_start()),
    );
    field(offset_of!(PageHeader, layout_version), 1, "layout version", header.layout_version.to_string());
    field(offset_of!(PageHeader, kind), 1, "kind", format!("{}: {}", header.kind, kind_name(page)));
    field(offset_of!(PageHeader, reserved), 2, "reserved", header.reserved.get().to_string());
    dump.table
}

fn line_pointers(page: &Page) -> Table {
    let mut dump = Dump::new(page);
    for slot in 1..=page.slot_count() {
        let pointer = page.line_pointer(slot);
        let value = match pointer.flags() {
            ItemFlags::Normal => format!("normal: offset {}, length {}", pointer.offset(), pointer.len()),
            ItemFlags::Redirect => format!("redirect: to line pointer {}", pointer.offset()),
            ItemFlags::Unused => "unused".to_string(),
            ItemFlags::Dead => "dead".to_string(),
        };
        let start = Page::line_pointer_offset(slot);
        dump.bytes(start..start + LINE_POINTER_SIZE, &slot.to_string(), Some(&value));
    }
    dump.table
}

/// A row: its header, a bit for each column, the columns in the order in which they are stored.
fn tuple(dump: &mut Dump<'_>, start: usize, bytes: &[u8], schema: &Schema, layout: &Layout) {
    let Ok(header) = TupleHeader::read(bytes) else { return };
    let mut field = |offset: usize, len: usize, name: &str, value: String| {
        dump.bytes(start + offset..start + offset + len, name, Some(&value));
    };
    let xmax = match header.xmax.get() {
        0 => "0: not deleted".to_string(),
        xid => format!("{xid}: who deleted it"),
    };
    field(offset_of!(TupleHeader, xmin), 8, "xmin", format!("{}: who inserted it", header.xmin));
    field(offset_of!(TupleHeader, xmax), 8, "xmax", xmax);
    field(offset_of!(TupleHeader, cid), 4, "cid", header.cid.to_string());
    field(offset_of!(TupleHeader, next), 2, "next", header.next.to_string());
    field(offset_of!(TupleHeader, columns), 2, "columns", header.columns.to_string());

    let columns = schema.columns();
    let bit = |column: usize| if layout.is_null(bytes, column) { '0' } else { '1' };
    let bits: String = (0..columns.len()).map(bit).collect();
    field(TUPLE_HEADER_SIZE, columns.len().div_ceil(8), "not null", format!("{bits} (first column first)"));

    let (fixed, variable): (Vec<_>, Vec<_>) =
        columns.iter().enumerate().partition(|(index, _)| layout.fixed_offset(*index).is_some());
    for (index, column) in fixed {
        if let (Some(offset), Some(len)) = (layout.fixed_offset(index), column.data_type.fixed_width()) {
            field(offset, len, &title(column), shown(layout, bytes, index));
        }
    }
    // The table of ends is the last thing before the variable columns, two bytes for each.
    let ends = layout.min_size() - 2 * variable.len();
    for (ordinal, (_, column)) in variable.iter().enumerate() {
        let offset = ends + 2 * ordinal;
        let end =
            bytes.get(offset..).and_then(|rest| rest.first_chunk()).map_or(0, |end| u16::from_le_bytes(*end));
        field(offset, 2, &format!("end of {}", column.name), end.to_string());
    }
    let mut at = start + layout.min_size();
    for (index, column) in variable {
        let len = layout.variable(bytes, index).map_or(0, <[u8]>::len);
        let value = shown(layout, bytes, index);
        dump.bytes(at..at + len, &title(column), (len <= LINE).then_some(&value));
        at += len;
    }
}

fn title(column: &Column) -> String {
    format!("{} {}", column.name, column.data_type)
}

fn shown(layout: &Layout, bytes: &[u8], column: usize) -> String {
    match layout.value(bytes, column) {
        Ok(value) if value.is_null() => "NULL".to_string(),
        Ok(value) => value.to_string(),
        Err(error) => error.to_string(),
    }
}

/// Bytes of a page beside what they mean.
pub struct Dump<'a> {
    page: &'a Page,
    pub table: Table,
}

impl Dump<'_> {
    pub fn new(page: &Page) -> Dump<'_> {
        Dump { page, table: Table::new(["offset", "bytes", "what", "value"]) }
    }

    /// Bytes that mean one thing. Where there is no value to show, their characters are shown, as `xxd` does.
    pub fn bytes(&mut self, range: Range<usize>, what: &str, value: Option<&str>) {
        let bytes = self.page.bytes().get(range.clone()).unwrap_or(&[]);
        let lines = bytes.chunks(LINE).chain(bytes.is_empty().then_some(bytes));
        for (index, line) in lines.enumerate() {
            let hex: Vec<String> = line.iter().map(|byte| format!("{byte:02x}")).collect();
            let first = index == 0;
            let characters: String = line.iter().map(|byte| printable(*byte)).collect();
            let value = match value {
                Some(value) if first => value,
                Some(_) => "",
                None => &characters,
            };
            let offset = (range.start + index * LINE).to_string();
            // The table fails only when it outgrows memory, and a page does not.
            let _ = self.table.row([offset.as_str(), &hex.join(" "), if first { what } else { "" }, value]);
        }
    }
}

fn printable(byte: u8) -> char {
    if (b' '..0x7f).contains(&byte) { char::from(byte) } else { '.' }
}
