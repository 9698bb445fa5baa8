//! Which commands a page shows.
//!
//! - Code that is set off by four blanks: its lines, where one of them starts a program of ours; the others prepare it
//!   (a file, a directory). An empty line ends such a group. After two blanks a line says what the command does.
//! - A fenced block: its lines that begin with `$ `, if they start a program of ours.
//! - Code within a sentence, if it starts a program of ours.
//!
//! A line starts a program of ours if `cargo`, `inoxdb` or a path in `target/debug` stands where a shell looks for a
//! program, and an argument after it. (Without one, it is the program's name.)

use std::ops::Range;

use anyhow::Result;
use pulldown_cmark::{CodeBlockKind, Event, Parser, Tag};
use regex::Regex;

/// A command, as the reader sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shown {
    /// The file, from the repository's root.
    pub page: String,
    pub line: usize,
    pub text: String,
}

/// Every command on a page, in order.
pub fn commands(page: &str, text: &str) -> Result<Vec<Shown>> {
    let ours = Regex::new(OURS)?;
    let mut found = Vec::new();
    let mut add = |line: usize, text: &str| found.push(Shown { page: page.into(), line, text: text.into() });
    for (event, range) in Parser::new(text).into_offset_iter() {
        let first = text[..range.start].matches('\n').count() + 1;
        match event {
            Event::Code(code) if ours.is_match(&code) => add(first, &code),
            Event::Start(Tag::CodeBlock(CodeBlockKind::Indented)) => {
                let lines: Vec<(usize, &str)> = numbered(text, &range, first).collect();
                for group in lines.split(|(_, line)| line.is_empty()) {
                    if group.iter().any(|(_, line)| ours.is_match(line)) {
                        group.iter().for_each(|(number, line)| add(*number, line));
                    }
                }
            }
            Event::Start(Tag::CodeBlock(CodeBlockKind::Fenced(_))) => {
                let typed = numbered(text, &range, first)
                    .filter_map(|(number, line)| Some((number, line.strip_prefix("$ ")?)));
                typed.filter(|(_, line)| ours.is_match(line)).for_each(|(number, line)| add(number, line));
            }
            _ => {}
        }
    }
    Ok(found)
}

/// Where a program of ours is started: at the beginning or behind `|`, `&` or `;`, after what sets a variable, and after
/// `timeout` and `strace`.
const OURS: &str = r"(?x)
    (?: ^ | [|;&]\ * )
    (?: [A-Z_]+=\S+\  | timeout\ \d+\  | strace\ (?: -\S+\ (?: trace=\S+\  )? )* )*
    (?: cargo | inoxdb | target/debug/\S+ )\ ";

/// The lines of a block with their numbers, as far as they are a command.
fn numbered<'a>(
    text: &'a str,
    block: &Range<usize>,
    first: usize,
) -> impl Iterator<Item = (usize, &'a str)> + use<'a> {
    let lines = text[block.clone()].lines().map(|line| line.trim());
    lines.enumerate().map(move |(number, line)| {
        let command = line.split_once("  ").map_or(line, |(command, _)| command);
        (first + number, command)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(page: &str) -> Vec<(usize, String)> {
        commands("x.md", page).unwrap().into_iter().map(|shown| (shown.line, shown.text)).collect()
    }

    fn shown(expected: &[(usize, &str)]) -> Vec<(usize, String)> {
        expected.iter().map(|(line, text)| (*line, (*text).to_owned())).collect()
    }

    #[test]
    fn a_block_shows_its_lines_as_far_as_they_are_commands() {
        let page = "Text\n\n    cargo x book       builds it\n    cargo x ci\n\n    inox> CREATE TABLE t (a integer);\n\n\
                    Text\n\n    echo 1 > /tmp/a\n    target/debug/m2-wal /tmp/b < /tmp/a\n";
        let expected = [
            (3, "cargo x book"),
            (4, "cargo x ci"),
            (10, "echo 1 > /tmp/a"),
            (11, "target/debug/m2-wal /tmp/b < /tmp/a"),
        ];
        assert_eq!(texts(page), shown(&expected));
    }

    #[test]
    fn code_in_a_sentence_is_a_command_if_it_starts_a_program_of_ours() {
        let page = "Run `cargo x\nlineage`, not `cargo` or `kill -9` or `wc -l cargo`.\n\
                    `timeout 1 cargo run`, `A=b cargo test`, `ls | inoxdb --csv`, `strace -f -c -e trace=fsync target/debug/m2-wal x`";
        let expected = [
            (1, "cargo x lineage"),
            (3, "timeout 1 cargo run"),
            (3, "A=b cargo test"),
            (3, "ls | inoxdb --csv"),
            (3, "strace -f -c -e trace=fsync target/debug/m2-wal x"),
        ];
        assert_eq!(texts(page), shown(&expected));
    }

    #[test]
    fn in_a_fence_a_command_stands_behind_a_prompt() {
        let page = "```text\n$ inoxdb --csv x\ncargo x is not typed\n$ psql -E\n```\n";
        assert_eq!(texts(page), shown(&[(2, "inoxdb --csv x")]));
    }
}
