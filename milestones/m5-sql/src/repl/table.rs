//! Tables with frames, as wide as their widest cell, for results of any size.
//!
//! A frame can be drawn only when every row has been seen. So rows are kept as the text of their cells, in
//! batches of [`BATCH_SIZE`] bytes: the last one in memory, those before it in an unnamed temporary file. While
//! rows arrive the widths grow; at the end the batches pass by once more and `tabled` draws them. Most results
//! never leave memory, and none takes more than one batch of it.
//!
//! (`tabled`'s own streaming table guesses the widths from the first rows and cuts what does not fit: not for
//! data.) A value with line feeds takes several lines of the frame, each but the last marked `↵`, as in psql.

use super::output::{Output, counted};
use super::printable::push_value;
use crate::error::{Error, Result};
use std::borrow::Cow;
use std::fmt;
use std::fs::File;
use std::io::{self, BufRead, BufReader, BufWriter, Read, Seek, Write};
use tabled::grid::config::{Borders, Indent, Sides};
use tabled::grid::dimension::{DimensionValue, StaticDimension};
use tabled::grid::util::string::get_line_width;
use tabled::tables::CompactTable;

/// When the text of a batch goes to the temporary file.
const BATCH_SIZE: usize = 8 << 20;

/// Columns that `text` takes on a terminal.
pub fn width(text: &str) -> usize {
    if text.is_ascii() { text.len() } else { get_line_width(text) }
}

pub struct Table {
    widths: Vec<usize>,
    header: Batch,
    batch: Batch,
    spill: Option<Spill>,
    rows: u64,
    /// The row that is being written.
    cells: String,
    ends: Vec<usize>,
}

impl Table {
    pub fn new<S: AsRef<str>>(columns: impl IntoIterator<Item = S>) -> Table {
        let mut table = Table {
            widths: Vec::new(),
            header: Batch::default(),
            batch: Batch::default(),
            spill: None,
            rows: 0,
            cells: String::new(),
            ends: Vec::new(),
        };
        for name in columns {
            table.cell(name.as_ref());
        }
        table.widths = vec![0; table.ends.len()];
        table.header.push_row(&table.cells, &table.ends, &mut table.widths);
        table.clear_row();
        table
    }

    /// The next cell of the row.
    pub fn cell(&mut self, text: &str) {
        push_value(text, &mut self.cells);
        self.ends.push(self.cells.len());
    }

    /// Ends the row. Cells that are missing are empty, cells too many are left out.
    pub fn end_row(&mut self) -> Result<()> {
        self.ends.resize(self.widths.len(), self.cells.len());
        self.batch.push_row(&self.cells, &self.ends, &mut self.widths);
        self.clear_row();
        self.rows += 1;
        if self.batch.size() >= BATCH_SIZE {
            let spill = match &mut self.spill {
                Some(spill) => spill,
                none => none.insert(Spill::create().map_err(temporary)?),
            };
            spill.write(&self.batch).map_err(temporary)?;
            self.batch.clear();
        }
        Ok(())
    }

    pub fn row<S: AsRef<str>>(&mut self, cells: impl IntoIterator<Item = S>) -> Result<()> {
        for text in cells {
            self.cell(text.as_ref());
        }
        self.end_row()
    }

    /// Draws the table.
    pub fn print(self, output: &mut Output) -> Result<()> {
        self.draw(true, output).map(|_| ())
    }

    /// Draws the rows without the columns' names above them.
    pub fn print_rows(self, output: &mut Output) -> Result<()> {
        self.draw(false, output).map(|_| ())
    }

    /// Draws the table and, below it, how many rows it has.
    pub fn print_counted(self, output: &mut Output) -> Result<()> {
        let rows = self.rows;
        if self.draw(true, output)? {
            writeln!(output, "({})", counted(rows, "row"));
        }
        Ok(())
    }

    /// Whether all of it was drawn. That the output takes no more is the output's to remember, and no error here.
    fn draw(self, with_header: bool, output: &mut Output) -> Result<bool> {
        let frame = Frame::new(&self.widths);
        if with_header {
            frame.header(&self.header, output);
        }
        let spilled = self.spill.map_or(Ok(Ok(())), |spill| spill.read(|batch| frame.rows(batch, output)));
        let drawn = spilled.map_err(temporary)?.and_then(|()| frame.rows(&self.batch, output)).is_ok();
        if drawn {
            frame.bottom(output);
        }
        Ok(drawn)
    }

    fn clear_row(&mut self) {
        self.cells.clear();
        self.ends.clear();
    }
}

/// Lines of a table, cell after cell in one string.
///
/// A cell that goes on in the next line ends in a line feed, which is drawn as the mark `↵`.
#[derive(Default)]
struct Batch {
    text: String,
    ends: Vec<usize>,
}

impl Batch {
    fn push_row(&mut self, cells: &str, ends: &[usize], widths: &mut [usize]) {
        if cells.contains('\n') {
            return self.push_lines(cells, ends, widths);
        }
        let base = self.text.len();
        for (cell, widest) in split(cells, ends).zip(widths) {
            *widest = (*widest).max(width(cell));
        }
        self.ends.extend(ends.iter().map(|end| base + end));
        self.text.push_str(cells);
    }

    /// A row in which some value has line feeds.
    fn push_lines(&mut self, cells: &str, ends: &[usize], widths: &mut [usize]) {
        let mut cells: Vec<_> = split(cells, ends).map(|cell| cell.split('\n').peekable()).collect();
        while cells.iter_mut().any(|lines| lines.peek().is_some()) {
            for (lines, widest) in cells.iter_mut().zip(&mut *widths) {
                if let Some(line) = lines.next() {
                    *widest = (*widest).max(width(line));
                    self.text.push_str(line);
                    if lines.peek().is_some() {
                        self.text.push('\n');
                    }
                }
                self.ends.push(self.text.len());
            }
        }
    }

    fn size(&self) -> usize {
        self.text.len() + size_of_val(self.ends.as_slice())
    }

    fn clear(&mut self) {
        self.text.clear();
        self.ends.clear();
    }
}

/// The pieces of `text` that end at `ends`.
fn split<'a>(text: &'a str, ends: &'a [usize]) -> impl Iterator<Item = &'a str> {
    let starts = std::iter::once(&0).chain(ends);
    starts.zip(ends).map(|(start, end)| &text[*start..*end])
}

/// Batches on disk, one after the other: how many cells, where each ends, their text.
struct Spill {
    file: BufWriter<File>,
}

impl Spill {
    fn create() -> io::Result<Spill> {
        Ok(Spill { file: BufWriter::new(tempfile::tempfile()?) })
    }

    fn write(&mut self, batch: &Batch) -> io::Result<()> {
        self.file.write_all(&(batch.ends.len() as u64).to_le_bytes())?;
        for end in &batch.ends {
            self.file.write_all(&(*end as u64).to_le_bytes())?;
        }
        self.file.write_all(batch.text.as_bytes())
    }

    /// Calls `each` with every batch, in the order they were written, until it fails.
    fn read(self, mut each: impl FnMut(&Batch) -> fmt::Result) -> io::Result<fmt::Result> {
        let mut file = self.file.into_inner()?;
        file.rewind()?;
        let mut file = BufReader::new(file);
        let mut batch = Batch::default();
        while !file.fill_buf()?.is_empty() {
            batch.clear();
            for _ in 0..read_u64(&mut file)? {
                batch.ends.push(read_u64(&mut file)? as usize);
            }
            let len = batch.ends.last().map_or(0, |end| *end as u64);
            file.by_ref().take(len).read_to_string(&mut batch.text)?;
            if each(&batch).is_err() {
                return Ok(Err(fmt::Error));
            }
        }
        Ok(Ok(()))
    }
}

fn read_u64(file: &mut impl Read) -> io::Result<u64> {
    let mut bytes = [0; 8];
    file.read_exact(&mut bytes)?;
    Ok(u64::from_le_bytes(bytes))
}

fn temporary(error: io::Error) -> Error {
    Error::io("use", "temporary file", error)
}

const SIDES: Borders<char> =
    Borders { left: Some('│'), right: Some('│'), vertical: Some('│'), ..Borders::empty() };

const HEADER: Borders<char> = Borders {
    top: Some('─'),
    top_left: Some('┌'),
    top_intersection: Some('┬'),
    top_right: Some('┐'),
    bottom: Some('─'),
    bottom_left: Some('├'),
    bottom_intersection: Some('┼'),
    bottom_right: Some('┤'),
    ..SIDES
};

const BOTTOM: Borders<char> = Borders {
    bottom: Some('─'),
    bottom_left: Some('└'),
    bottom_intersection: Some('┴'),
    bottom_right: Some('┘'),
    ..SIDES
};

/// The lines around the cells, for columns of known width.
struct Frame<'a> {
    widths: &'a [usize],
    /// The widths with a space on either side, as `tabled` counts them.
    padded: Vec<usize>,
}

impl Frame<'_> {
    fn new(widths: &[usize]) -> Frame<'_> {
        Frame { widths, padded: widths.iter().map(|width| width + 2).collect() }
    }

    fn header(&self, header: &Batch, output: &mut Output) {
        let _ = self.draw(header, HEADER, output);
        output.bytes(b"\n");
    }

    fn rows(&self, batch: &Batch, output: &mut Output) -> fmt::Result {
        if !batch.ends.is_empty() {
            self.draw(batch, SIDES, output)?;
            output.bytes(b"\n");
        }
        Ok(())
    }

    fn bottom(&self, output: &mut Output) {
        let mut drawn = String::new();
        let empty = Batch { text: String::new(), ends: vec![0; self.widths.len()] };
        let _ = self.draw(&empty, BOTTOM, &mut drawn);
        writeln!(output, "{}", drawn.lines().last().unwrap_or_default());
    }

    fn draw(&self, batch: &Batch, borders: Borders<char>, out: &mut impl fmt::Write) -> fmt::Result {
        let columns = self.widths.len().max(1);
        let rows = (0..batch.ends.len()).step_by(columns).map(|first| {
            let start = if first == 0 { 0 } else { batch.ends[first - 1] };
            let ends = &batch.ends[first..first + columns];
            let starts = std::iter::once(&start).copied().chain(ends.iter().copied());
            let cells = starts.zip(ends).map(|(start, end)| &batch.text[start..*end]);
            cells.zip(self.widths).map(|(cell, width)| marked(cell, *width)).collect::<Vec<_>>()
        });
        let widths = DimensionValue::List(self.padded.clone());
        let dimension = StaticDimension::new(widths, DimensionValue::Exact(1));
        let mut table = CompactTable::with_dimension(rows, dimension).columns(columns);
        let padding = Sides::new(Indent::spaced(1), Indent::zero(), Indent::zero(), Indent::zero());
        let config = table.get_config_mut();
        *config = config.set_borders(borders).set_padding(padding);
        table.fmt(out)
    }
}

/// A cell, with the mark of going on at the frame's edge if it does.
fn marked(cell: &str, widest: usize) -> Cow<'_, str> {
    match cell.strip_suffix('\n') {
        None => Cow::Borrowed(cell),
        Some(line) => Cow::Owned(format!("{line}{:1$}↵", "", widest - width(line))),
    }
}

#[cfg(test)]
mod tests {
    use super::super::output::tests::Screen;
    use super::*;

    fn drawn(table: Table) -> String {
        let screen = Screen::default();
        let mut output = screen.output();
        table.print_counted(&mut output).unwrap();
        output.finish().unwrap();
        screen.text()
    }

    #[test]
    fn the_frame_is_as_wide_as_its_widest_cell() {
        let mut table = Table::new(["name", "salary"]);
        table.row(["Alice Johnson", "95000"]).unwrap();
        assert_eq!(
            drawn(table),
            "┌───────────────┬────────┐\n\
             │ name          │ salary │\n\
             ├───────────────┼────────┤\n\
             │ Alice Johnson │ 95000  │\n\
             └───────────────┴────────┘\n\
             (1 row)\n"
        );
    }

    #[test]
    fn no_rows_are_a_header_alone() {
        assert_eq!(drawn(Table::new(["a"])), "┌───┐\n│ a │\n├───┤\n└───┘\n(0 rows)\n");
    }

    #[test]
    fn width_is_what_a_terminal_shows() {
        let mut table = Table::new(["n"]);
        table.row(["日本"]).unwrap();
        table.row(["e\u{301}"]).unwrap();
        table.row(["äöü"]).unwrap();
        assert_eq!(
            drawn(table),
            "┌──────┐\n│ n    │\n├──────┤\n│ 日本 │\n│ e\u{301}    │\n│ äöü  │\n└──────┘\n(3 rows)\n"
        );
    }

    #[test]
    fn a_value_of_several_lines_is_marked_as_psql_marks_it() {
        let mut table = Table::new(["a", "b"]);
        table.row(["x\nlonger\n", "1"]).unwrap();
        table.row(["y", "2"]).unwrap();
        assert_eq!(
            drawn(table),
            "┌────────┬───┐\n\
             │ a      │ b │\n\
             ├────────┼───┤\n\
             │ x     ↵│ 1 │\n\
             │ longer↵│   │\n\
             │        │   │\n\
             │ y      │ 2 │\n\
             └────────┴───┘\n\
             (2 rows)\n"
        );
    }

    #[test]
    fn a_result_larger_than_memory_allows_keeps_every_row_in_order() {
        let mut table = Table::new(["number", "text"]);
        let text = "x".repeat(1000);
        for number in 0..20_000 {
            table.row([&format!("{number}\n"), &text]).unwrap();
        }
        assert!(table.spill.is_some() && table.batch.size() < 2 * BATCH_SIZE);
        let drawn = drawn(table);
        let numbers: Vec<&str> = drawn
            .lines()
            .filter_map(|line| line.strip_prefix("│ ")?.split('↵').next())
            .map(str::trim)
            .collect();
        assert_eq!(numbers.len(), 40_001);
        assert!(numbers[1..].iter().step_by(2).enumerate().all(|(i, number)| *number == i.to_string()));
    }
}
