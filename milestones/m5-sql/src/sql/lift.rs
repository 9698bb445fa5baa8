//! Lifting the literals out of a statement: what is left is the same for all statements that differ in nothing else.
//!
//! `SELECT * FROM t WHERE id = 7` and `… = 8` are one statement with a parameter, as PREPARE would have it:
//! `SELECT * FROM t WHERE id = $1`. One pass over the text finds that form and the values, without understanding more
//! of SQL than where a literal begins and ends. Whether the form means the same as the statement is not seen here:
//! [`Statement::is_generic`](super::plan::Statement::is_generic).
//!
//! Some literals are not values, but say what the statement does: TRUE, FALSE and NULL, which decide conditions, and
//! numbers in ORDER BY, GROUP BY and LIMIT, which count columns and rows. They stay where they are.

use super::bind::number;
use super::literals::{Literal, Reader, is_space, is_word};
use crate::types::{DataType, Value};

/// Longer statements are parsed each time.
const MAX_LENGTH: usize = 4096;

/// Stand for a literal in the form: bytes that no statement has. Literals of different types make different forms, as
/// the statement may mean something else.
const MARKS: [(u8, Option<DataType>); 4] = [
    (0x01, None),
    (0x02, Some(DataType::Integer)),
    (0x03, Some(DataType::BigInt)),
    (0x04, Some(DataType::DoublePrecision)),
];

/// A statement's form and its values. Memory is kept from one statement to the next.
#[derive(Debug, Default)]
pub struct Lifted {
    form: String,
    values: Vec<Value>,
}

impl Lifted {
    /// Takes a statement apart; false, if it is none whose literals can be told from the rest by this reader.
    pub fn lift(&mut self, text: &str) -> bool {
        self.form.clear();
        self.values.clear();
        let marked = || text.bytes().any(|byte| matches!(byte, 0x01..=0x04));
        text.len() <= MAX_LENGTH && begins_well(text) && !marked() && self.read(text).is_some()
    }

    /// The statement without its literals: a key to look it up by.
    pub fn form(&self) -> &str {
        &self.form
    }

    pub fn values(&self) -> &[Value] {
        &self.values
    }

    /// The form as SQL with parameters, and their types.
    pub fn parameterized(&self) -> (String, Vec<Option<DataType>>) {
        let (mut text, mut types) = (String::with_capacity(self.form.len() + 32), Vec::new());
        for character in self.form.chars() {
            match MARKS.iter().find(|(mark, _)| char::from(*mark) == character) {
                Some((_, data_type)) => {
                    types.push(*data_type);
                    text.push_str(&format!(" ${} ", types.len()));
                }
                None => text.push(character),
            }
        }
        (text, types)
    }

    fn read(&mut self, text: &str) -> Option<()> {
        let bytes = text.as_bytes();
        // Up to `done`, the text has been copied or lifted.
        let (mut at, mut done) = (0, 0);
        // Whether a minus would be a sign: there is nothing before it to subtract from.
        let mut signs = false;
        // Set by the word that begins the clauses whose numbers are counts.
        let mut counts = false;
        while let Some(&byte) = bytes.get(at) {
            let start = at;
            match byte {
                _ if is_word(byte) && !byte.is_ascii_digit() => {
                    at += bytes[at..].iter().position(|byte| !is_word(*byte)).unwrap_or(bytes.len() - at);
                    // E'…', U&"…": strings of another kind.
                    if matches!(bytes.get(at), Some(b'\'' | b'"' | b'&')) {
                        return None;
                    }
                    counts |= counts_follow(&bytes[start..at]);
                    signs = sign_follows(&bytes[start..at]);
                    continue;
                }
                b'"' => at = quoted_end(bytes, at)?,
                b'\'' | b'0'..=b'9' => {
                    let (literal, end) = Reader::at(text, at).lone_literal()?;
                    at = end;
                    if !counts {
                        self.form.push_str(text.get(done..start)?);
                        self.push(literal)?;
                        done = at;
                    }
                }
                b'-' if !counts && signs && bytes.get(at + 1).is_some_and(u8::is_ascii_digit) => {
                    let (literal, end) = Reader::at(text, at).lone_literal()?;
                    at = end;
                    self.form.push_str(text.get(done..start)?);
                    self.push(literal)?;
                    done = at;
                }
                b'-' if bytes.get(at + 1) == Some(&b'-') => return None,
                b'/' if bytes.get(at + 1) == Some(&b'*') => return None,
                // The end, but for spaces.
                b';' => {
                    self.form.push_str(text.get(done..at)?);
                    return bytes[at + 1..].iter().all(|byte| is_space(*byte)).then_some(());
                }
                b'.' if bytes.get(at + 1).is_some_and(u8::is_ascii_digit) => return None,
                b'$' | b'?' | b'\\' | b'`' => return None,
                _ if byte < b' ' && !is_space(byte) || !byte.is_ascii() => return None,
                _ => at += 1,
            }
            if !is_space(byte) {
                signs = b"=<>(,+-*/%".contains(&byte);
            }
        }
        self.form.push_str(text.get(done..)?);
        Some(())
    }

    fn push(&mut self, literal: Literal<'_>) -> Option<()> {
        let value = match literal {
            Literal::Integer(value) => match i32::try_from(value) {
                Ok(value) => Value::Integer(value),
                Err(_) => Value::BigInt(value),
            },
            Literal::Number { negative, digits } => match (number(digits).ok()?, negative) {
                // What no bigint reaches means something else beside integers than other decimals do.
                (Value::Double(value), _) if value >= i64::MAX as f64 => return None,
                (value, false) => value,
                (Value::Double(value), true) => Value::Double(-value),
                (_, true) => return None,
            },
            Literal::String(text) => Value::Text(text.to_owned()),
            Literal::Quoted(text) => Value::Text(text.replace("''", "'")),
            Literal::Null | Literal::Boolean(_) => return None,
        };
        let data_type = match value {
            Value::Text(_) => None,
            _ => value.data_type(),
        };
        let (mark, _) = MARKS.iter().find(|(_, marked)| *marked == data_type)?;
        self.form.push(char::from(*mark));
        self.values.push(value);
        Some(())
    }
}

fn begins_well(text: &str) -> bool {
    let is = |word: &str| {
        text.get(..word.len()).is_some_and(|beginning| beginning.eq_ignore_ascii_case(word))
            && text.as_bytes().get(word.len()).is_some_and(|byte| !is_word(*byte))
    };
    is("SELECT") || is("UPDATE") || is("DELETE")
}

/// Whether numbers behind this word may be no values.
fn counts_follow(word: &[u8]) -> bool {
    let is = |other: &str| word.eq_ignore_ascii_case(other.as_bytes());
    matches!(word.len(), 5 | 6) && (is("GROUP") || is("ORDER") || is("LIMIT") || is("OFFSET") || is("FETCH"))
}

/// Whether an expression begins behind this word.
fn sign_follows(word: &[u8]) -> bool {
    let is = |other: &str| word.eq_ignore_ascii_case(other.as_bytes());
    is("AND") || is("OR") || is("BETWEEN") || is("WHEN") || is("THEN") || is("ELSE")
}

/// Behind a name in quotes.
fn quoted_end(bytes: &[u8], start: usize) -> Option<usize> {
    let len = bytes.get(start + 1..)?.iter().position(|byte| *byte == b'"')?;
    Some(start + len + 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lifted(text: &str) -> Option<(String, Vec<Value>)> {
        let mut lifted = Lifted::default();
        lifted.lift(text).then(|| (lifted.parameterized().0, lifted.values.clone()))
    }

    #[test]
    fn literals_become_parameters() {
        use Value::{BigInt, Double, Integer, Text};
        for (text, form, values) in [
            ("SELECT * FROM t WHERE id = 7;", "SELECT * FROM t WHERE id =  $1 ", vec![Integer(7)]),
            (
                "select a1 from t where b='it''s' and c>-5000000000",
                "select a1 from t where b= $1  and c> $2 ",
                vec![Text("it's".into()), BigInt(-5_000_000_000)],
            ),
            (
                "UPDATE t SET a = a - 1.5, \"b 2\" = true WHERE c IN (1, -2)",
                "UPDATE t SET a = a -  $1 , \"b 2\" = true WHERE c IN ( $2 ,  $3 )",
                vec![Double(1.5), Integer(1), Integer(-2)],
            ),
            (
                "SELECT a -5 FROM t WHERE b = 'ä' AND -3 < c ORDER BY 1 LIMIT 3 ; ",
                "SELECT a - $1  FROM t WHERE b =  $2  AND  $3  < c ORDER BY 1 LIMIT 3 ",
                vec![Integer(5), Text("ä".into()), Integer(-3)],
            ),
            ("DELETE FROM t", "DELETE FROM t", vec![]),
        ] {
            assert_eq!(lifted(text), Some((form.to_string(), values)), "{text}");
        }
    }

    #[test]
    fn types_tell_forms_apart() {
        let form = |text: &str| {
            let mut lifted = Lifted::default();
            assert!(lifted.lift(text), "{text}");
            lifted.form().to_string()
        };
        let forms = ["1", "3000000000", "1.0", "'1'"].map(|literal| form(&format!("SELECT {literal}")));
        assert_eq!(forms.iter().collect::<std::collections::HashSet<_>>().len(), 4);
        assert_eq!(form("SELECT 1;"), form("SELECT 20"));
    }

    #[test]
    fn what_is_not_plain_is_left_alone() {
        for text in [
            "INSERT INTO t VALUES (1)",
            "SELECTED",
            "SELECT 1 -- one",
            "SELECT /* one */ 1",
            "SELECT E'a'",
            "SELECT U&'a'",
            "SELECT $1",
            "SELECT $$a$$",
            "SELECT 'a",
            "SELECT \"a",
            "SELECT 12ab",
            "SELECT .5",
            "SELECT 1; SELECT 2",
            "SELECT 'a\0'",
            "SELECT \u{1}",
            "SELECT ä FROM t",
        ] {
            assert_eq!(lifted(text), None, "{text}");
        }
        assert_eq!(lifted(&format!("SELECT '{}'", "a".repeat(5_000))), None);
    }
}
