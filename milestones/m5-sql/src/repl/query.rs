//! What is sent to the database: one statement, or several as one.

use super::answer::{Answer, Format};
use super::copy_lines::CopyLines;
use super::input::Input;
use super::input::decode;
use super::redirect::Redirect;
use super::session::{Session, milliseconds, too_long};
use super::specials::Echo;
use super::splitter::{Piece, Splitter};
use crate::database::Tag;
use crate::error::{Error, Result};
use crate::sql;
use std::io::Read;
use std::time::Instant;

/// Statements before which no block is begun: those that begin or end one, and what may not be in one.
const OUTSIDE_BLOCKS: &[&str] = &["abort", "begin", "start", "commit", "end", "rollback", "vacuum"];

/// Bytes that are kept of a buffer for a statement, however long one was.
const KEPT: usize = 1 << 20;

impl Session {
    /// Carries out what an argument of the command line says: one command, or statements that are sent as one.
    pub fn argument(&mut self, text: &str, data: &mut Input) {
        if self.echo {
            writeln!(self.output, "{text}");
        }
        if text.starts_with('\\') {
            let mut splitter = Splitter::default();
            splitter.add_line(text.as_bytes());
            if let Some(Piece::Command(command)) = splitter.next(&self.variables) {
                let command = String::from_utf8_lossy(command).into_owned();
                self.command(&command, &mut Splitter::default(), data);
            }
        } else {
            self.statement(text.as_bytes(), true, data);
        }
    }

    /// Carries out a statement, or several as one.
    pub(super) fn statement(&mut self, text: &[u8], several: bool, input: &mut Input) {
        let start = Instant::now();
        if self.last.capacity() > KEPT {
            self.last = Vec::new();
        }
        self.last.clear();
        self.last.extend_from_slice(text);
        let (text, result) = match decode(text) {
            Ok(text) => {
                if self.repeats == Echo::Queries {
                    writeln!(self.output, "{text}");
                }
                if self.redirect.is_some() {
                    // What a command prints comes after it.
                    self.output.flush();
                }
                let done =
                    if several { self.execute_all(text, input) } else { self.execute_with(text, input) };
                let closed = self.redirect.take().map_or(Ok(()), Redirect::close);
                (text, done.and(closed))
            }
            Err(error) => ("", Err(error)),
        };
        self.remember(text, input);
        self.failed = false;
        if let Err(error) = result {
            self.report(&error, text, input);
            if self.repeats == Echo::Errors {
                self.output.complain(&format!("STATEMENT:  {text}\n"));
            }
        }
        if self.timing {
            writeln!(self.output, "Time: {}", milliseconds(start.elapsed()));
        }
        self.space();
    }

    /// Carries out the statement in progress, or the last one again.
    pub(super) fn send(&mut self, splitter: &mut Splitter, input: &mut Input) {
        match splitter.take_pending() {
            Some(Piece::Statement(text)) => self.statement(text, false, input),
            Some(Piece::Statements(text)) => self.statement(text, true, input),
            Some(_) => self.report(&too_long(), "", input),
            None if self.last.is_empty() => self.redirect = None,
            // What was sent as one is sent as one again, and one statement alone is no different.
            None => {
                let last = std::mem::take(&mut self.last);
                self.statement(&last, true, input);
            }
        }
    }

    /// Carries out a statement whose data, if it is a COPY, are the lines that follow.
    pub(super) fn execute_with(&mut self, sql: &str, input: &mut Input) -> Result<()> {
        let mut data = CopyLines::new(input, self.interactive && !self.quiet);
        let done = self.execute(sql, &mut data);
        if !self.is_interrupted() {
            data.skip_rest();
        }
        done
    }

    /// Carries out what is sent as one, as PostgreSQL does it: nothing is done if there is a syntax error anywhere, and
    /// several statements are one transaction, unless they say otherwise.
    pub(super) fn execute_all(&mut self, sql: &str, input: &mut Input) -> Result<()> {
        let statements = Splitter::statements(sql);
        let several = statements.len() > 1;
        for range in &statements {
            let parsed = sql::parse(&sql[range.clone()]).map_err(|error| shifted(error, &sql[..range.start]));
            parsed.inspect_err(|_| self.database.fail_block())?;
        }
        self.begin_if_asked(sql)?;
        for range in statements {
            if several {
                self.space_results();
                self.database.begin_implicit();
            }
            let done = self.execute_with(&sql[range.clone()], input);
            done.map_err(|error| shifted(error, &sql[..range.start]))?;
        }
        self.database.end_implicit()?;
        self.output.flush();
        Ok(())
    }

    /// Carries out a statement; `data` is what COPY FROM STDIN reads.
    pub fn execute(&mut self, sql: &str, data: &mut dyn Read) -> Result<()> {
        self.begin_if_asked(sql)?;
        let redirect: Option<&mut Redirect> = self.redirect.as_mut();
        let mut answer = Answer::new(&self.style, &mut self.output, data).redirected(redirect);
        let tag = self.database.execute(sql, &mut answer)?;
        self.names_changed |= matches!(tag, Tag::Other(_));
        let has_columns = answer.has_columns();
        answer.finish()?;
        if has_columns {
            let spaced = self.style.format == Format::Aligned;
            match &mut self.redirect {
                None => self.spaced = spaced,
                Some(elsewhere) if spaced => writeln!(elsewhere.output()?),
                Some(_) => {}
            }
        } else if !self.quiet && tag != Tag::Empty {
            writeln!(self.output, "{tag}");
        }
        if !self.database.block().0 && !matches!(tag, Tag::Select(_)) {
            // Committed and answered should be one moment to whoever waits for the answer.
            self.output.flush();
        }
        Ok(())
    }

    /// With AUTOCOMMIT off, the first statement outside of a block begins one.
    fn begin_if_asked(&mut self, sql: &str) -> Result<()> {
        if self.autocommit || self.database.block().0 || is_outside_blocks(sql) {
            return Ok(());
        }
        self.database.begin()
    }
}

/// The error of a statement that comes after `before`.
fn shifted(error: Error, before: &str) -> Error {
    match error.position() {
        Some(position) => error.with_position(before.chars().count() + position),
        None => error,
    }
}

fn is_outside_blocks(sql: &str) -> bool {
    let word = after_comments(sql).split(|c: char| !c.is_ascii_alphabetic()).next().unwrap_or_default();
    OUTSIDE_BLOCKS.iter().any(|statement| statement.eq_ignore_ascii_case(word))
}

/// The statement without what stands before its first word.
fn after_comments(mut sql: &str) -> &str {
    loop {
        sql = sql.trim_start();
        if sql.starts_with("--") {
            sql = sql.split_once('\n').map_or("", |(_, rest)| rest);
        } else if sql.starts_with("/*") {
            sql = after_comment(sql);
        } else {
            return sql;
        }
    }
}

/// Comments of this kind nest.
fn after_comment(sql: &str) -> &str {
    let (mut depth, mut at) = (0_usize, 0);
    while let Some(mark) = sql.get(at..).and_then(|rest| rest.find(['*', '/'])) {
        at += mark;
        if sql[at..].starts_with("/*") {
            depth += 1;
            at += 2;
        } else if sql[at..].starts_with("*/") {
            depth -= 1;
            at += 2;
        } else {
            at += 1;
        }
        if depth == 0 {
            return &sql[at..];
        }
    }
    ""
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn some_statements_begin_no_block() {
        for sql in ["commit;", "  BEGIN", "-- a\n /* b /* c */ * / */ Vacuum t;", "end", "rollback;"] {
            assert!(is_outside_blocks(sql), "{sql}");
        }
        for sql in
            ["select 1;", "committed;", "/* commit", "--", "", "insert into t values (1)", "/*/ vacuum"]
        {
            assert!(!is_outside_blocks(sql), "{sql}");
        }
    }
}
