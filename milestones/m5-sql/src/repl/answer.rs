//! The answer to a statement on its way to the screen: a framed table, or CSV row by row.

use super::interrupt::canceled;
use super::output::Output;
use super::redirect::Redirect;
use super::table::Table;
use crate::database::Sink;
use crate::error::{Error, Result, SqlState};
use crate::execute::batch::Batch;
use crate::execute::format::append_value;
use crate::types::DataType;
use std::io::Read;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Format {
    #[default]
    Aligned,
    /// RFC 4180, as `psql --csv`.
    Csv,
}

/// How results are printed (`\pset`).
#[derive(Clone, Debug, Default)]
pub struct Style {
    pub format: Format,
    /// Rows only: no names of columns, no count.
    pub tuples_only: bool,
    /// What stands for NULL.
    pub null: String,
}

/// Receives a result and prints it.
pub struct Answer<'a> {
    style: &'a Style,
    output: &'a mut Output,
    /// Where the result goes, if not there.
    redirect: Option<&'a mut Redirect>,
    table: Option<Table>,
    has_columns: bool,
    /// CSV's first line until there is a row or the end: a statement that fails at its first row prints nothing.
    header: Vec<String>,
    /// The cell being formatted.
    cell: Vec<u8>,
    /// Where COPY FROM STDIN reads.
    data: &'a mut dyn Read,
}

impl<'a> Answer<'a> {
    pub fn new(style: &'a Style, output: &'a mut Output, data: &'a mut dyn Read) -> Answer<'a> {
        let (header, cell) = (Vec::new(), Vec::new());
        Answer { style, output, redirect: None, table: None, has_columns: false, header, cell, data }
    }

    /// Sends the result elsewhere.
    pub fn redirected(self, redirect: Option<&'a mut Redirect>) -> Answer<'a> {
        Answer { redirect, ..self }
    }

    /// Whether there was a result, even one of no rows.
    pub fn has_columns(&self) -> bool {
        self.has_columns
    }

    /// Prints what could not be printed before the last row was known.
    pub fn finish(mut self) -> Result<()> {
        if !self.has_columns {
            return Ok(());
        }
        let output = output(&mut self.redirect, self.output)?;
        print_header(&mut self.header, output);
        match self.table {
            Some(table) if self.style.tuples_only => table.print_rows(output)?,
            Some(table) => table.print_counted(output)?,
            None => {}
        }
        if output.take_stopped() { Err(canceled()) } else { Ok(()) }
    }
}

fn output<'o>(redirect: &'o mut Option<&mut Redirect>, screen: &'o mut Output) -> Result<&'o mut Output> {
    match redirect {
        Some(redirect) => redirect.output(),
        None => Ok(screen),
    }
}

fn print_header(header: &mut Vec<String>, output: &mut Output) {
    let header = std::mem::take(header);
    if !header.is_empty() {
        write_csv(output, header.iter().map(String::as_bytes));
    }
}

impl Sink for Answer<'_> {
    fn columns(&mut self, names: &[String], _types: &[DataType]) -> Result<()> {
        self.has_columns = true;
        output(&mut self.redirect, self.output)?;
        match self.style.format {
            Format::Aligned => self.table = Some(Table::new(names)),
            Format::Csv if self.style.tuples_only => {}
            Format::Csv => self.header = names.to_vec(),
        }
        Ok(())
    }

    fn rows(&mut self, batch: &Batch) -> Result<()> {
        let output = output(&mut self.redirect, self.output)?;
        if output.is_closed() {
            // Nobody reads the rest; there is no use in computing it.
            return Err(Error::new(SqlState::QueryCanceled, "canceling statement: the output was closed"));
        }
        print_header(&mut self.header, output);
        batch.rows().try_for_each(|row| {
            for (number, column) in batch.columns.iter().enumerate() {
                self.cell.clear();
                if column.nulls.is_null(row) {
                    self.cell.extend_from_slice(self.style.null.as_bytes());
                } else {
                    append_value(&mut self.cell, column, row)?;
                }
                match &mut self.table {
                    None => write_csv_cell(output, number, &self.cell),
                    Some(table) => match std::str::from_utf8(&self.cell) {
                        Ok(text) => table.cell(text),
                        Err(_) => return Err(Error::internal("a value is not UTF-8")),
                    },
                }
            }
            match &mut self.table {
                None => {
                    output.bytes(b"\n");
                    Ok(())
                }
                Some(table) => table.end_row(),
            }
        })
    }

    fn copy_in(&mut self) -> Result<Box<dyn Read + '_>> {
        // The data may have to be waited for.
        self.output.flush();
        Ok(Box::new(&mut *self.data))
    }

    /// To standard error, like an error.
    fn notice(&mut self, severity: &str, message: &str) -> Result<()> {
        self.output.complain(&format!("{severity}:  {message}\n"));
        Ok(())
    }
}

fn write_csv<'b>(output: &mut Output, cells: impl Iterator<Item = &'b [u8]>) {
    cells.enumerate().for_each(|(number, cell)| write_csv_cell(output, number, cell));
    output.bytes(b"\n");
}

fn write_csv_cell(output: &mut Output, number: usize, cell: &[u8]) {
    if number > 0 {
        output.bytes(b",");
    }
    // Nearly no cell has one of these, so it is looked through to its end, without a branch for each byte.
    let is_special =
        cell.iter().fold(false, |found, byte| found | matches!(byte, b',' | b'"' | b'\r' | b'\n'));
    if is_special || cell == b"\\." {
        write_quoted(output, cell);
    } else {
        output.bytes(cell);
    }
}

fn write_quoted(output: &mut Output, cell: &[u8]) {
    output.bytes(b"\"");
    for (index, part) in cell.split(|byte| *byte == b'"').enumerate() {
        if index > 0 {
            output.bytes(b"\"\"");
        }
        output.bytes(part);
    }
    output.bytes(b"\"");
}

#[cfg(test)]
mod tests {
    use super::super::output::tests::Screen;
    use super::*;
    use crate::types::Value;

    fn printed(style: &Style) -> String {
        let screen = Screen::default();
        let mut output = screen.output();
        let mut nothing = std::io::empty();
        let mut answer = Answer::new(style, &mut output, &mut nothing);
        answer.columns(&["x,y".to_string(), "z".to_string()], &[DataType::Text, DataType::Text]).unwrap();
        let mut batch = Batch::default();
        batch.reset(&[DataType::Text, DataType::Text]);
        for row in [["a,b", "q\"r"], ["NULL", ""], ["l\nm", "\\."]] {
            for (column, cell) in batch.columns.iter_mut().zip(row) {
                match cell {
                    "NULL" => column.push_null(),
                    text => column.push_value(&Value::Text(text.to_string())).unwrap(),
                }
            }
        }
        batch.set_len(3);
        answer.rows(&batch).unwrap();
        answer.finish().unwrap();
        output.finish().unwrap();
        screen.text()
    }

    #[test]
    fn csv_is_psqls() {
        let style = Style { format: Format::Csv, null: "NULL".to_string(), ..Style::default() };
        assert_eq!(printed(&style), "\"x,y\",z\n\"a,b\",\"q\"\"r\"\nNULL,\n\"l\nm\",\"\\.\"\n");
        let rows_only = Style { tuples_only: true, ..style };
        assert_eq!(printed(&rows_only), "\"a,b\",\"q\"\"r\"\nNULL,\n\"l\nm\",\"\\.\"\n");
    }

    #[test]
    fn tuples_only_leaves_out_names_and_count() {
        let style = Style { tuples_only: true, ..Style::default() };
        assert_eq!(
            printed(&style),
            "│ a,b │ q\"r │\n│     │     │\n│ l  ↵│ \\.  │\n│ m   │     │\n└─────┴─────┘\n"
        );
    }
}
