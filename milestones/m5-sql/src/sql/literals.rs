//! Rows of literals, read without sqlparser: the long end of `INSERT … VALUES (1, 'one'), (2, 'two'), …`.
//!
//! Most of the text that a database reads is this. sqlparser makes a token, an expression and several allocations of
//! each literal; to see where it ends takes a few instructions. So the rows are read here, if they are plain: numbers
//! with or without a sign, strings in single quotes, TRUE, FALSE and NULL. Anything else, a comment included, is none
//! of this reader's business: it gives up, and the statement goes the long way through the parser. It never reports an
//! error, because the parser knows better what to say and where.

/// A literal as it is written.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Literal<'a> {
    Null,
    Boolean(bool),
    /// Digits alone, with a minus sign or without, that an i64 can hold.
    Integer(i64),
    /// Any other number, without its sign.
    Number {
        negative: bool,
        digits: &'a str,
    },
    /// What stands between the quotes.
    String(&'a str),
    /// The same, but with doubled quotes in it, which stand for one.
    Quoted(&'a str),
}

/// What follows a literal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    Value,
    EndOfRow,
}

/// Cuts an INSERT before its first row: `INSERT INTO t (a, b) VALUES` and the rest. `None` if the text is no such
/// statement, or if its beginning is anything but plain names.
pub fn split(text: &str) -> Option<(&str, &str)> {
    let bytes = text.as_bytes();
    if !bytes.get(..6)?.eq_ignore_ascii_case(b"INSERT") {
        return None;
    }
    let (mut at, mut depth) = (6, 0_u32);
    loop {
        match *bytes.get(at)? {
            byte if is_word(byte) => {
                let len = bytes[at..].iter().position(|byte| !is_word(*byte))?;
                at += len;
                if depth == 0 && bytes[at - len..at].eq_ignore_ascii_case(b"VALUES") {
                    return Some(text.split_at(at));
                }
            }
            b'(' => (at, depth) = (at + 1, depth + 1),
            b')' => (at, depth) = (at + 1, depth.checked_sub(1)?),
            b',' => at += 1,
            byte if is_space(byte) => at += 1,
            _ => return None,
        }
    }
}

/// Reads the rows of a text that begins behind VALUES. Every method answers `None` when it gives up.
pub struct Reader<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Reader<'a> {
    pub fn new(text: &'a str) -> Reader<'a> {
        Reader { text, at: 0 }
    }

    /// Begins in the middle of a text.
    pub fn at(text: &'a str, at: usize) -> Reader<'a> {
        Reader { text, at }
    }

    /// Goes into the first row.
    pub fn begin(&mut self) -> Option<()> {
        self.expect(b'(')
    }

    /// Goes into the next row, if there is one; otherwise the statement must have ended.
    pub fn next_row(&mut self) -> Option<bool> {
        match self.skip_space() {
            Some(b',') => {
                self.at += 1;
                self.expect(b'(').map(|()| true)
            }
            Some(b';') => {
                self.at += 1;
                self.skip_space().is_none().then_some(false)
            }
            None => Some(false),
            Some(_) => None,
        }
    }

    /// Reads a literal and the comma or the parenthesis behind it.
    pub fn literal(&mut self) -> Option<(Literal<'a>, Next)> {
        self.skip_space()?;
        let literal = self.value()?;
        let next = match self.skip_space()? {
            b',' => Next::Value,
            b')' => Next::EndOfRow,
            _ => return None,
        };
        self.at += 1;
        Some((literal, next))
    }

    /// The literal right here, and where it ends; a literal at the very end of the text is one, too.
    pub fn lone_literal(mut self) -> Option<(Literal<'a>, usize)> {
        let literal = self.value()?;
        Some((literal, self.at))
    }

    fn value(&mut self) -> Option<Literal<'a>> {
        match self.rest().first()? {
            b'\'' => self.string(),
            b'-' => {
                self.at += 1;
                self.number(true)
            }
            b'0'..=b'9' => self.number(false),
            _ => self.word(),
        }
    }

    fn rest(&self) -> &'a [u8] {
        self.text.as_bytes().get(self.at..).unwrap_or_default()
    }

    /// The next byte that is no space; `None` at the end.
    fn skip_space(&mut self) -> Option<u8> {
        loop {
            match self.rest().first() {
                Some(byte) if is_space(*byte) => self.at += 1,
                other => return other.copied(),
            }
        }
    }

    fn expect(&mut self, byte: u8) -> Option<()> {
        (self.skip_space() == Some(byte)).then(|| self.at += 1)
    }

    fn string(&mut self) -> Option<Literal<'a>> {
        let start = self.at + 1;
        let bytes = self.text.as_bytes();
        let (mut end, mut doubled) = (start, false);
        loop {
            // A zero byte is an error wherever it stands.
            end += memchr::memchr2(b'\'', 0, bytes.get(end..)?)?;
            match (bytes[end], bytes.get(end + 1)) {
                (0, _) => return None,
                (_, Some(b'\'')) => (end, doubled) = (end + 2, true),
                _ => break,
            }
        }
        self.at = end + 1;
        let content = self.text.get(start..end)?;
        Some(if doubled { Literal::Quoted(content) } else { Literal::String(content) })
    }

    fn number(&mut self, negative: bool) -> Option<Literal<'a>> {
        let rest = self.rest();
        let digits = count_digits(rest);
        let mut len = digits;
        if rest.get(len) == Some(&b'.') {
            len += 1 + count_digits(&rest[len + 1..]);
        }
        if let Some(b'e' | b'E') = rest.get(len) {
            len += 1 + usize::from(matches!(rest.get(len + 1), Some(b'+' | b'-')));
            match count_digits(&rest[len..]) {
                0 => return None,
                exponent => len += exponent,
            }
        }
        // `12ab` and `1_000` are for the parser.
        if digits == 0 || rest.get(len).is_some_and(|byte| is_word(*byte) || *byte == b'.') {
            return None;
        }
        let written = self.text.get(self.at..self.at + len)?;
        self.at += len;
        // 18 digits fit whatever they are.
        if len == digits && digits <= 18 {
            let value = written.bytes().fold(0, |value, digit| value * 10 + i64::from(digit - b'0'));
            return Some(Literal::Integer(if negative { -value } else { value }));
        }
        Some(Literal::Number { negative, digits: written })
    }

    fn word(&mut self) -> Option<Literal<'a>> {
        let rest = self.rest();
        let len = rest.iter().position(|byte| !is_word(*byte))?;
        self.at += len;
        let is = |word: &str| rest[..len].eq_ignore_ascii_case(word.as_bytes());
        match len {
            4 if is("TRUE") => Some(Literal::Boolean(true)),
            4 if is("NULL") => Some(Literal::Null),
            5 if is("FALSE") => Some(Literal::Boolean(false)),
            _ => None,
        }
    }
}

fn count_digits(bytes: &[u8]) -> usize {
    bytes.iter().position(|byte| !byte.is_ascii_digit()).unwrap_or(bytes.len())
}

pub fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | b'\r')
}

pub fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Option<Vec<Vec<Literal<'_>>>> {
        let mut reader = Reader::new(text);
        let (mut rows, mut row) = (Vec::new(), Vec::new());
        reader.begin()?;
        loop {
            let (literal, next) = reader.literal()?;
            row.push(literal);
            if next == Next::EndOfRow {
                rows.push(std::mem::take(&mut row));
                if !reader.next_row()? {
                    return Some(rows);
                }
            }
        }
    }

    #[test]
    fn an_insert_is_cut_before_its_rows() {
        assert_eq!(split("insert into t (a, b) values (1)"), Some(("insert into t (a, b) values", " (1)")));
        assert_eq!(
            split("INSERT INTO values_of_t VALUES(1)"),
            Some(("INSERT INTO values_of_t VALUES", "(1)"))
        );
        for other in [
            "INSERT INTO t SELECT 1",
            "INSERT INTO \"t\" VALUES (1)",
            "SELECT 1",
            "INSERT INTO t --\n VALUES (1)",
        ] {
            assert_eq!(split(other), None, "{other}");
        }
    }

    #[test]
    fn plain_rows_are_read() {
        use Literal::*;
        let text = " (1, -2, 'it', 'it''s', tRue, False, null)\n, (2.5, - 1e3, '');";
        assert_eq!(read(text), None, "a sign that stands apart is an operator");
        let text = " (1, -2, 'it', 'it''s', tRue, False, null)\n, (2.5, -1e3, '', 12345678901234567890);";
        let first =
            vec![Integer(1), Integer(-2), String("it"), Quoted("it''s"), Boolean(true), Boolean(false), Null];
        let second = vec![
            Number { negative: false, digits: "2.5" },
            Number { negative: true, digits: "1e3" },
            String(""),
            Number { negative: false, digits: "12345678901234567890" },
        ];
        assert_eq!(read(text), Some(vec![first, second]));
    }

    #[test]
    fn everything_else_is_left_to_the_parser() {
        for text in [
            "",
            "(",
            "()",
            "(1",
            "(1)(2)",
            "(1),",
            "(1); SELECT 1",
            "(1) RETURNING a",
            "(1 + 1)",
            "(DEFAULT)",
            "(nullify)",
            "(1, /* two */ 2)",
            "(1) -- one",
            "('a' 'b')",
            "('a'\n'b')",
            "(E'a')",
            "('a\0')",
            "('a)",
            "(12ab)",
            "(1_000)",
            "(0x10)",
            "(1.2.3)",
            "(1e)",
            "(.5)",
            "(--1\n1)",
            "(+1)",
            "($1)",
            "(1::text)",
        ] {
            assert_eq!(read(text), None, "{text}");
        }
    }
}
