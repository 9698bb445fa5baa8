//! What a person sees who types a session at a terminal.
//!
//! A session is played through a pipe, where there are no prompts, and the data of a COPY are not repeated; so its
//! transcript has neither. Both follow from what is typed and answered, and `tests/prompts.rs` sees that they are what
//! the programs show at a real terminal.

use std::collections::VecDeque;

use regex::Regex;

/// A line of a screen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    pub text: String,
    /// What stands before it, if it was typed.
    pub prompt: Option<String>,
}

/// The lines of a transcript, with those that were typed marked by their prompts.
pub fn lines(session: &str, transcript: &str, speaks_sql: bool) -> Vec<Line> {
    let typed = session.lines().filter(|line| !line.starts_with('#') && !line.trim().is_empty());
    let typed: Vec<String> = typed.map(repeated).collect();
    let mut expected: VecDeque<&str> = typed.iter().map(String::as_str).collect();
    let mut prompt = Prompt::new(speaks_sql);
    let mut lines = Vec::new();
    let said: Vec<&str> = transcript.lines().collect();
    for (at, text) in said.iter().copied().enumerate() {
        if expected.front().is_none_or(|next| next.trim_end() != text) {
            prompt.answered(text);
            lines.push(Line { text: text.to_owned(), prompt: None });
            continue;
        }
        expected.pop_front();
        lines.push(Line { text: text.to_owned(), prompt: Some(prompt.to_string()) });
        prompt.typed(text);
        if prompt.is_copy() {
            for data in expected.drain(..data_lines(&expected, &said[at + 1..])) {
                lines.push(Line { text: data.to_owned(), prompt: Some(DATA.into()) });
            }
        }
    }
    lines
}

/// A line as a program repeats it: what a terminal would obey, what turns a text around and what nobody sees is written out.
pub fn repeated(line: &str) -> String {
    let mut shown = String::new();
    for character in line.chars() {
        let code = u32::from(character);
        shown.push_str(&match code {
            0x09 => "\t".to_owned(),
            0x0d => "\\r".to_owned(),
            0..0x20 | 0x7f => format!("\\x{code:02X}"),
            0x80..0xa0 | 0xad | 0x61c | 0x180e | 0x200b | 0x200e | 0x200f => format!("\\u{code:04X}"),
            0x2028..=0x202e | 0x2060..=0x206f | 0xfeff | 0xfff9..=0xfffb => format!("\\u{code:04X}"),
            0xe_0000..=0xe_007f => format!("\\U{code:08X}"),
            _ => character.to_string(),
        });
    }
    shown
}

/// How many of the lines that are typed next are the data of a COPY, of which the transcript says nothing. (Without a
/// table there are none, and the same lines are repeated as statements.)
fn data_lines(expected: &VecDeque<&str>, said: &[&str]) -> usize {
    let Some(end) = expected.iter().position(|line| *line == "\\.") else { return 0 };
    let place = |line: Option<&&str>| {
        let line = line?.trim_end();
        said.iter().position(|said| *said == line)
    };
    let (first, behind) = (place(expected.front()), place(expected.get(end + 1)));
    let are_repeated = first.is_some_and(|first| behind.is_none_or(|behind| first < behind));
    if are_repeated { 0 } else { end + 1 }
}

/// The prompt for the data of a COPY.
const DATA: &str = ">> ";

/// What the next byte is inside of.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Inside {
    Nothing,
    Quote(u8),
    /// `E'…'`, where a backslash takes the next byte with it.
    Escapes,
    /// `$tag$…$tag$`, the whole delimiter.
    Dollar(String),
    /// `/* … */`, which nest.
    Comment(usize),
}

/// What a program knows at its prompt: what is open of a statement, and the state of the transaction block.
struct Prompt {
    speaks_sql: bool,
    inside: Inside,
    parentheses: usize,
    /// What was begun of a statement, in SQL; of a small command, a comma that stands last.
    begun: String,
    /// `*` in a block, `!` in one that has failed.
    block: &'static str,
    /// What was typed last: an inspection fails no block.
    last: String,
}

impl std::fmt::Display for Prompt {
    fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        let open = match &self.inside {
            Inside::Quote(b'"') => "\"",
            Inside::Quote(_) | Inside::Escapes => "'",
            Inside::Dollar(_) => "$",
            Inside::Comment(_) => "*",
            Inside::Nothing if self.parentheses > 0 => "(",
            Inside::Nothing if !self.begun.is_empty() => "-",
            Inside::Nothing => "",
        };
        write!(f, "inox{open}{}> ", self.block)
    }
}

impl Prompt {
    fn new(speaks_sql: bool) -> Prompt {
        Prompt {
            speaks_sql,
            inside: Inside::Nothing,
            parentheses: 0,
            begun: String::new(),
            block: "",
            last: String::new(),
        }
    }

    fn clear(&mut self) {
        (self.inside, self.parentheses) = (Inside::Nothing, 0);
        self.begun.clear();
    }

    /// Whether a COPY has just been typed whose data may follow.
    fn is_copy(&self) -> bool {
        let copy = Regex::new(r"(?i)^copy\b.*\bfrom\s+stdin\b[^;]*;$");
        self.speaks_sql && self.begun.is_empty() && copy.is_ok_and(|copy| copy.is_match(&self.last))
    }

    fn answered(&mut self, line: &str) {
        match line {
            "BEGIN" => self.block = "*",
            "COMMIT" | "ROLLBACK" => self.block = "",
            _ if line.starts_with("ERROR:") && !self.block.is_empty() && !self.last.starts_with('\\') => {
                self.block = "!";
            }
            // The program has ended, or its disk has.
            _ if line.starts_with("[started again") || line.starts_with("power cut: ") => {
                self.clear();
                self.block = "";
            }
            _ => {}
        }
    }

    fn typed(&mut self, line: &str) {
        let begins = self.begun.is_empty() && self.inside == Inside::Nothing && self.parentheses == 0;
        if begins {
            self.last.clear();
        }
        self.last.push_str(line.trim());
        if begins && line.trim_start().starts_with('\\') {
            return;
        }
        let mut rest = line;
        while !rest.is_empty() {
            rest = match self.inside.clone() {
                Inside::Nothing => self.outside(rest),
                Inside::Quote(quote) => self.within(rest, &[quote as char]),
                Inside::Escapes => self.within(rest, &['\'', '\\']),
                Inside::Dollar(delimiter) => match rest.split_once(&delimiter) {
                    Some((_, rest)) => self.leave(rest),
                    None => "",
                },
                Inside::Comment(depth) => self.within_comment(rest, depth),
            };
        }
        // The line feed is a part of what was begun.
        if self.speaks_sql && !self.begun.is_empty() {
            self.begun.push('\n');
        }
    }

    fn leave<'a>(&mut self, rest: &'a str) -> &'a str {
        self.inside = Inside::Nothing;
        rest
    }

    /// Goes on to the end of a quote, or past what does not end it.
    fn within<'a>(&mut self, rest: &'a str, stops: &[char]) -> &'a str {
        let Some(stop) = rest.find(stops) else { return "" };
        let (sign, after) = (&rest[stop..=stop], &rest[stop + 1..]);
        match sign {
            "\\" => after.get(after.chars().next().map_or(0, char::len_utf8)..).unwrap_or_default(),
            _ => match after.strip_prefix(sign) {
                Some(after) if self.speaks_sql => after,
                _ => self.leave(after),
            },
        }
    }

    fn within_comment<'a>(&mut self, rest: &'a str, depth: usize) -> &'a str {
        match (rest.find("/*"), rest.find("*/")) {
            (Some(open), close) if close.is_none_or(|close| open < close) => {
                self.inside = Inside::Comment(depth + 1);
                &rest[open + 2..]
            }
            (_, Some(close)) if depth > 1 => {
                self.inside = Inside::Comment(depth - 1);
                &rest[close + 2..]
            }
            (_, Some(close)) => self.leave(&rest[close + 2..]),
            _ => "",
        }
    }

    /// Takes what stands first in a text that is inside of nothing; the rest of it.
    fn outside<'a>(&mut self, text: &'a str) -> &'a str {
        if text.starts_with("--") {
            return "";
        }
        if self.speaks_sql && text.starts_with('\\') {
            // It joins two statements.
            if let Some(rest) = text.strip_prefix("\\;") {
                return rest;
            }
            if ["\\r", "\\g"].contains(&text.split_whitespace().next().unwrap_or_default()) {
                self.clear();
            }
            return "";
        }
        let Some(first) = text.chars().next() else { return "" };
        let rest = &text[first.len_utf8()..];
        self.note(first);
        match first {
            '(' => self.parentheses += 1,
            ')' => self.parentheses = self.parentheses.saturating_sub(1),
            '"' => self.inside = Inside::Quote(b'"'),
            '\'' if self.speaks_sql && self.follows_escape_prefix() => self.inside = Inside::Escapes,
            '\'' => self.inside = Inside::Quote(b'\''),
            '/' if self.speaks_sql && rest.starts_with('*') => {
                self.inside = Inside::Comment(1);
                return &rest[1..];
            }
            '$' if self.speaks_sql => {
                let tag = rest.split_once('$').map(|(tag, _)| tag);
                let is_name = |tag: &&str| tag.chars().all(|c| c.is_alphanumeric() || c == '_');
                if let Some(tag) =
                    tag.filter(is_name).filter(|tag| !tag.starts_with(|c: char| c.is_ascii_digit()))
                {
                    self.inside = Inside::Dollar(format!("${tag}$"));
                    return &rest[tag.len() + 1..];
                }
            }
            _ => {}
        }
        rest
    }

    /// Remembers what makes the statement one that was begun.
    fn note(&mut self, sign: char) {
        match sign {
            ';' if self.speaks_sql && self.parentheses == 0 => self.begun.clear(),
            _ if sign.is_whitespace() && (self.begun.is_empty() || !self.speaks_sql) => {}
            _ if self.speaks_sql => self.begun.push(sign),
            _ => {
                self.begun.clear();
                if sign == ',' {
                    self.begun.push(sign);
                }
            }
        }
    }

    /// Whether the quote just noted follows a lone `E`.
    fn follows_escape_prefix(&self) -> bool {
        let mut before = self.begun.chars().rev().skip(1);
        let is_prefix = before.next().is_some_and(|c| c.eq_ignore_ascii_case(&'e'));
        is_prefix && before.next().is_none_or(|c| !c.is_alphanumeric() && c != '_')
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The prompt behind lines that are typed, with answers marked by `<`.
    fn prompt(speaks_sql: bool, lines: &[&str]) -> String {
        let mut prompt = Prompt::new(speaks_sql);
        for line in lines {
            match line.strip_prefix('<') {
                Some(answer) => prompt.answered(answer),
                None => prompt.typed(line),
            }
        }
        prompt.to_string()
    }

    #[test]
    fn a_small_command_goes_on_in_parentheses_quotes_and_after_a_comma() {
        let cases: [(&[&str], &str); 8] = [
            (&["create t (a integer)"], "inox> "),
            (&["create t (a"], "inox(> "),
            (&["create t (a", "  integer)"], "inox> "),
            (&["insert t (1), -- (one"], "inox-> "),
            (&["insert t (1), ", "(2)"], "inox> "),
            (&["insert t ('it''s"], "inox'> "),
            (&["insert t ('a,", "b')"], "inox> "),
            (&["\\echo it's ("], "inox> "),
        ];
        for (lines, expected) in cases {
            assert_eq!(prompt(false, lines), expected, "{lines:?}");
        }
    }

    #[test]
    fn a_statement_goes_on_until_its_semicolon() {
        let cases: [(&[&str], &str); 15] = [
            (&["SELECT 1;"], "inox> "),
            (&["SELECT"], "inox-> "),
            (&["-- a remark"], "inox> "),
            (&["\\d t"], "inox> "),
            (&["CREATE TABLE t (", "  a integer"], "inox(> "),
            (&["CREATE TABLE t (", "  a integer", ");"], "inox> "),
            (&["SELECT 1; SELECT"], "inox-> "),
            (&["SELECT 'a''", ";"], "inox'> "),
            (&["SELECT E'\\'", ";"], "inox'> "),
            (&["SELECT \"a"], "inox\"> "),
            (&["SELECT $x$ $y$ ;", "$x$;"], "inox> "),
            (&["SELECT /* /* */ ;"], "inox*> "),
            (&["SELECT 1", "\\r"], "inox> "),
            (&["SELECT 1 \\g file"], "inox> "),
            (&["SELECT 1 \\; SELECT '"], "inox'> "),
        ];
        for (lines, expected) in cases {
            assert_eq!(prompt(true, lines), expected, "{lines:?}");
        }
    }

    #[test]
    fn a_block_is_marked_until_it_ends() {
        assert_eq!(prompt(false, &["begin", "<BEGIN"]), "inox*> ");
        assert_eq!(prompt(true, &["BEGIN;", "<BEGIN", "SELECT ("]), "inox(*> ");
        assert_eq!(prompt(false, &["begin", "<BEGIN", "tpyo", "<ERROR:  x"]), "inox!> ");
        assert_eq!(prompt(false, &["begin", "<BEGIN", "\\tpyo", "<ERROR:  x"]), "inox*> ");
        assert_eq!(prompt(false, &["tpyo", "<ERROR:  x"]), "inox> ");
        assert_eq!(prompt(false, &["begin", "<BEGIN", "rollback", "<ROLLBACK"]), "inox> ");
        assert_eq!(prompt(false, &["begin", "<BEGIN", "\\crash", "<power cut: none"]), "inox> ");
    }

    #[test]
    fn the_data_of_a_copy_are_typed_too() {
        let session = "# why\nCOPY t FROM STDIN;\n1\n\\.\nSELECT 1;\n";
        let typed = |prompt: &str, text: &str| Line { text: text.into(), prompt: Some(prompt.into()) };
        let said = |text: &str| Line { text: text.into(), prompt: None };
        let expected = [
            typed("inox> ", "COPY t FROM STDIN;"),
            typed(">> ", "1"),
            typed(">> ", "\\."),
            said("COPY 1"),
            typed("inox> ", "SELECT 1;"),
        ];
        assert_eq!(lines(session, "COPY t FROM STDIN;\nCOPY 1\nSELECT 1;\n", true), expected);
        // Where the table is not there, no data are asked for, and what follows is SQL.
        let asked_for_none = lines(session, "COPY t FROM STDIN;\nERROR:  x\n1\n\\.\nSELECT 1;\n", true);
        assert_eq!(asked_for_none[1..3], [said("ERROR:  x"), typed("inox> ", "1")]);
    }
}
