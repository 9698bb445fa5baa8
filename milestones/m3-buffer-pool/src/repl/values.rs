//! What follows the name of a command about tables and rows: places, rows, values, types.

use super::arguments::{Arguments, is_letter};
use crate::error::{Result, SqlState};
use crate::page::Tid;
use crate::types::{DataType, Value};

impl Arguments<'_> {
    /// Reads `word` if it comes next, in whatever case. In quotes it would be a name.
    pub fn keyword(&mut self, word: &str) -> bool {
        let start = self.at;
        let found = !self.rest().starts_with('"') && self.name().is_ok_and(|name| name == word);
        if !found {
            self.at = start;
        }
        found
    }

    /// Reads `symbol` if it comes next.
    pub fn symbol(&mut self, symbol: char) -> bool {
        self.skip_spaces();
        let found = self.text[self.at..].starts_with(symbol);
        if found {
            self.at += symbol.len_utf8();
        }
        found
    }

    pub fn expect(&mut self, symbol: char) -> Result<()> {
        if self.symbol(symbol) { Ok(()) } else { Err(self.unexpected()) }
    }

    /// A tuple's place: `(page,slot)`.
    pub fn tid(&mut self) -> Result<Tid> {
        self.expect('(')?;
        let page = self.number()?;
        self.expect(',')?;
        let slot = self.number()?;
        self.expect(')')?;
        Ok(Tid { page, slot })
    }

    /// A row: `(1, 'it''s', null)`.
    pub fn row(&mut self) -> Result<Vec<Value>> {
        self.expect('(')?;
        let mut row = vec![self.literal()?];
        while self.symbol(',') {
            row.push(self.literal()?);
        }
        self.expect(')')?;
        Ok(row)
    }

    /// A value as SQL writes it.
    pub fn literal(&mut self) -> Result<Value> {
        self.skip_spaces();
        match self.text[self.at..].chars().next() {
            Some('\'') => self.quoted('\'').map(Value::Text),
            Some('-' | '+' | '.' | '0'..='9') => self.numeric_literal(),
            _ if self.keyword("null") => Ok(Value::Null),
            _ if self.keyword("true") => Ok(Value::Boolean(true)),
            _ if self.keyword("false") => Ok(Value::Boolean(false)),
            _ => Err(self.unexpected()),
        }
    }

    /// A column's type: the words up to a comma, a closing parenthesis, or a constraint.
    pub fn data_type(&mut self) -> Result<DataType> {
        self.skip_spaces();
        let start = self.at;
        loop {
            let before = self.at;
            if self.keyword("not") || self.keyword("null") {
                self.at = before;
                break;
            }
            if self.symbol('(') {
                self.number::<u64>()?;
                self.expect(')')?;
            } else if self.name().is_err() {
                self.at = before;
                break;
            }
        }
        if self.at == start {
            return Err(self.unexpected());
        }
        let end = self.at;
        DataType::parse(&self.text[start..end]).map_err(|error| error.with_position(self.position(start)))
    }

    fn numeric_literal(&mut self) -> Result<Value> {
        let start = self.at;
        let rest = &self.text[start..];
        let mut previous = ' ';
        let end = rest.find(|c: char| {
            let sign = matches!(c, '+' | '-') && matches!(previous, ' ' | 'e' | 'E');
            previous = c;
            !(sign || is_letter(c) || c == '.')
        });
        let text = &rest[..end.unwrap_or(rest.len())];
        self.at += text.len();
        if let Ok(number) = text.parse::<i32>() {
            return Ok(Value::Integer(number));
        }
        if let Ok(number) = text.parse::<i64>() {
            return Ok(Value::BigInt(number));
        }
        match text.parse::<f64>() {
            Ok(number) if number.is_infinite() => Err(self.error_at(
                start,
                SqlState::NumericValueOutOfRange,
                format!("\"{text}\" is out of range for type double precision"),
            )),
            Ok(number) if text.ends_with(|c: char| c.is_ascii_digit() || c == '.') => {
                Ok(Value::Double(number))
            }
            _ => Err(self.error_at(
                start,
                SqlState::SyntaxError,
                format!("syntax error at or near \"{text}\""),
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_written_as_in_sql() {
        let mut arguments = Arguments::new(" (1, 'it''s', -2.5, TRUE, null, 3000000000, 1e3, '') ;", 0);
        let text = |text: &str| Value::Text(text.to_string());
        let expected = [
            Value::Integer(1),
            text("it's"),
            Value::Double(-2.5),
            Value::Boolean(true),
            Value::Null,
            Value::BigInt(3_000_000_000),
            Value::Double(1000.0),
            text(""),
        ];
        assert_eq!(arguments.row().unwrap(), expected);
        arguments.end().unwrap();
    }

    #[test]
    fn types_end_where_a_constraint_begins() {
        let mut arguments = Arguments::new("double precision, varchar (20) not null) nonsense", 0);
        assert_eq!(arguments.data_type().unwrap(), DataType::DoublePrecision);
        arguments.expect(',').unwrap();
        assert_eq!(arguments.data_type().unwrap(), DataType::Varchar(Some(20)));
        assert!(arguments.keyword("not") && arguments.keyword("null") && arguments.symbol(')'));
        assert!(!Arguments::new("\"null\"", 0).keyword("null"));
        let error = arguments.data_type().unwrap_err();
        assert_eq!((error.state().code(), error.position()), ("42704", Some(41)));
    }

    #[test]
    fn a_place_must_be_one() {
        assert_eq!(Arguments::new("( 3 , 14 )", 0).tid().unwrap(), Tid { page: 3, slot: 14 });
        for (text, position) in [("(3,70000)", 3), ("(3)", 2), ("3,1", 0), ("(-1,1)", 1), ("(1,", 3)] {
            let error = Arguments::new(text, 0).tid().unwrap_err();
            assert_eq!(error.position(), Some(position), "{text}: {error}");
        }
    }

    #[test]
    fn wrong_literals_are_named() {
        for (text, near) in
            [("12x", "12x"), ("1.2.3", "1.2.3"), ("--1", "-"), ("foo", "foo"), ("#", "#"), ("1e", "1e")]
        {
            let error = Arguments::new(text, 0).literal().unwrap_err();
            assert_eq!(error.message(), format!("syntax error at or near \"{near}\""));
        }
        assert_eq!(Arguments::new("1e999", 0).literal().unwrap_err().state().code(), "22003");
        assert!(
            Arguments::new("'open", 0)
                .literal()
                .unwrap_err()
                .message()
                .starts_with("unterminated quoted string")
        );
    }
}
