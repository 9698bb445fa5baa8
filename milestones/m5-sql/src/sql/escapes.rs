//! `E'…\n…'` and `U&'…\00e9…'`: strings in which a backslash says what the next characters mean.
//!
//! sqlparser reads an escape as a character. To PostgreSQL it is a byte in `E'\xC3\xA9'`, and two escapes are one
//! character in `E'\uD83D\uDE00'`, a surrogate pair. So these strings are read here: the tokenizer gets a text in which
//! they are plain strings as long as they were, and its tokens then get what they mean.

use super::encoding;
use super::length::end_of_word;
use crate::error::{Error, Result, SqlState};
use sqlparser::dialect::PostgreSqlDialect;
use sqlparser::tokenizer::{Location, Token, TokenWithSpan, Tokenizer, TokenizerError};

/// Holds the place of what was in a string. No statement has this character.
const FILLER: char = '\0';

/// Why there are no tokens.
pub enum LexicalError {
    Tokenizer(TokenizerError),
    Escape(Error),
}

/// The tokens of a text, and where they are.
pub fn tokenize(text: &str) -> Result<Vec<TokenWithSpan>, LexicalError> {
    let (masked, literals) = if text.contains('\\') && !text.contains(FILLER) {
        mask(text).map_err(LexicalError::Escape)?
    } else {
        (None, Vec::new())
    };
    let mut tokens = Tokenizer::new(&PostgreSqlDialect {}, masked.as_deref().unwrap_or(text))
        .tokenize_with_location()
        .map_err(LexicalError::Tokenizer)?;
    let mut literals = literals.into_iter().peekable();
    for token in &mut tokens {
        if let Some((_, meant)) = literals.next_if(|(location, _)| *location == token.span.start) {
            token.token = meant;
        }
    }
    Ok(tokens)
}

type Literals = Vec<(Location, Token)>;

/// The text with fillers in its strings with escapes, if it has any; and these strings.
fn mask(text: &str) -> Result<(Option<String>, Literals)> {
    let bytes = text.as_bytes();
    let mut literals = Vec::new();
    let mut masked = String::new();
    // Up to `done` the text is masked and counted.
    let (mut at, mut done) = (0, 0);
    let mut location = Location { line: 1, column: 1 };
    while at < bytes.len() {
        let end = end_of_word(bytes, at);
        if bytes[at] == b'\'' && bytes[at..end].contains(&b'\\') {
            let prefix = Prefix::before(&bytes[..at]);
            let string = prefix.and_then(|prefix| Decoder::new(text, at + 1, prefix).decode().transpose());
            if let (Some(prefix), Some(string)) = (prefix, string) {
                let start = at - prefix.len();
                masked.push_str(&text[done..start]);
                move_on(&mut location, &text[done..start]);
                literals.push((location, prefix.token(string?)));
                masked.push('\'');
                let inside = text[start + 1..end - 1].chars();
                masked.extend(inside.map(|c| if c == '\n' { c } else { FILLER }));
                masked.push('\'');
                move_on(&mut location, &text[start..end]);
                done = end;
            }
        }
        at = end;
    }
    if literals.is_empty() {
        return Ok((None, literals));
    }
    masked.push_str(&text[done..]);
    Ok((Some(masked), literals))
}

/// Where the tokenizer is after `text`.
fn move_on(location: &mut Location, text: &str) {
    for character in text.chars() {
        match character {
            '\n' => *location = Location { line: location.line + 1, column: 1 },
            _ => location.column += 1,
        }
    }
}

/// What says that a string has escapes.
#[derive(Clone, Copy, PartialEq)]
enum Prefix {
    /// `E'…'`
    Escapes,
    /// `U&'…'`
    Unicode,
}

impl Prefix {
    fn before(text: &[u8]) -> Option<Prefix> {
        let (prefix, before) = match text {
            [before @ .., b'e' | b'E'] => (Prefix::Escapes, before),
            [before @ .., b'u' | b'U', b'&'] => (Prefix::Unicode, before),
            _ => return None,
        };
        let is_word = before.last().is_some_and(|byte| super::length::is_name_byte(*byte));
        (!is_word).then_some(prefix)
    }

    fn len(self) -> usize {
        match self {
            Prefix::Escapes => 1,
            Prefix::Unicode => 2,
        }
    }

    fn token(self, string: String) -> Token {
        match self {
            Prefix::Escapes => Token::EscapedStringLiteral(string),
            Prefix::Unicode => Token::UnicodeStringLiteral(string),
        }
    }
}

struct Decoder<'t> {
    text: &'t str,
    /// How much of the text is read.
    at: usize,
    prefix: Prefix,
    out: Vec<u8>,
    /// The first half of a surrogate pair.
    high: Option<u32>,
}

impl<'t> Decoder<'t> {
    fn new(text: &'t str, at: usize, prefix: Prefix) -> Decoder<'t> {
        Decoder { text, at, prefix, out: Vec::new(), high: None }
    }

    /// What the string is; `None` if it has no end.
    fn decode(mut self) -> Result<Option<String>> {
        loop {
            let Some(character) = self.text[self.at..].chars().next() else { return Ok(None) };
            match character {
                '\\' => self.escape()?,
                '\'' if !self.text[self.at + 1..].starts_with('\'') => {
                    self.no_half(1)?;
                    return encoding::decode(&self.out).map(|text| Some(text.to_string()));
                }
                _ => {
                    let len = if character == '\'' { 2 } else { character.len_utf8() };
                    self.no_half(len)?;
                    self.out.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
                    self.at += len;
                }
            }
        }
    }

    /// Reads what begins with a backslash.
    fn escape(&mut self) -> Result<()> {
        let rest = &self.text.as_bytes()[self.at + 1..];
        match (self.prefix, rest) {
            (Prefix::Unicode, [b'\\', ..]) => self.byte(b'\\', 2),
            (Prefix::Unicode, [b'+', ..]) => self.unicode(2, 6),
            (Prefix::Unicode, _) => self.unicode(1, 4),
            (Prefix::Escapes, [b'u', ..]) => self.unicode(2, 4),
            (Prefix::Escapes, [b'U', ..]) => self.unicode(2, 8),
            (Prefix::Escapes, [b'x', digits @ ..]) if digits.first().is_some_and(u8::is_ascii_hexdigit) => {
                self.number(2, 2, 16)
            }
            (Prefix::Escapes, [b'0'..=b'7', ..]) => self.number(1, 3, 8),
            (Prefix::Escapes, [b'b', ..]) => self.byte(0x08, 2),
            (Prefix::Escapes, [b'f', ..]) => self.byte(0x0c, 2),
            (Prefix::Escapes, [b'n', ..]) => self.byte(b'\n', 2),
            (Prefix::Escapes, [b'r', ..]) => self.byte(b'\r', 2),
            (Prefix::Escapes, [b't', ..]) => self.byte(b'\t', 2),
            (Prefix::Escapes, [first, ..]) if first.is_ascii() => self.byte(*first, 2),
            // A longer character is what it is, and read next.
            (Prefix::Escapes, _) => {
                self.no_half(1)?;
                self.at += 1;
                Ok(())
            }
        }
    }

    fn byte(&mut self, byte: u8, len: usize) -> Result<()> {
        self.no_half(1)?;
        self.out.push(byte);
        self.at += len;
        Ok(())
    }

    /// At most `most` digits that are the number of a byte.
    fn number(&mut self, skip: usize, most: usize, base: u32) -> Result<()> {
        let digits = self.text[self.at + skip..].chars().map_while(|digit| digit.to_digit(base)).take(most);
        let (len, value) = digits.fold((0, 0), |(len, value), digit| (len + 1, value * base + digit));
        self.byte((value & 0xff) as u8, skip + len)
    }

    /// `digits` digits that are the number of a character, or of half a one.
    fn unicode(&mut self, skip: usize, digits: usize) -> Result<()> {
        let spelt = self.text.get(self.at + skip..self.at + skip + digits);
        let spelt = spelt.filter(|digits| digits.bytes().all(|digit| digit.is_ascii_hexdigit()));
        let code = spelt.and_then(|digits| u32::from_str_radix(digits, 16).ok());
        let Some(code) = code else { return Err(self.not_an_escape()) };
        let len = skip + digits;
        let code = match (self.high.take(), code) {
            (Some(high), 0xDC00..=0xDFFF) => 0x10000 + ((high & 0x3FF) << 10) + (code & 0x3FF),
            (Some(_), _) | (None, 0xDC00..=0xDFFF) => {
                return Err(self.error("invalid Unicode surrogate pair", len));
            }
            (None, 0xD800..=0xDBFF) => {
                self.high = Some(code);
                self.at += len;
                return Ok(());
            }
            (None, code) => code,
        };
        match char::from_u32(code).filter(|character| *character != '\0') {
            Some(character) => {
                self.out.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
                self.at += len;
                Ok(())
            }
            None => Err(self.error("invalid Unicode escape value", len)),
        }
    }

    /// Before anything but the other half, there must be no half a character.
    fn no_half(&self, len: usize) -> Result<()> {
        match self.high {
            Some(_) => Err(self.error("invalid Unicode surrogate pair", len)),
            None => Ok(()),
        }
    }

    fn not_an_escape(&self) -> Error {
        let (state, forms) = match self.prefix {
            Prefix::Escapes => (SqlState::InvalidEscapeSequence, "\\uXXXX or \\UXXXXXXXX"),
            Prefix::Unicode => (SqlState::SyntaxError, "\\XXXX or \\+XXXXXX"),
        };
        Error::new(state, "invalid Unicode escape")
            .with_hint(format!("Unicode escapes must be {forms}."))
            .with_position(self.position())
    }

    /// An error about the next `len` bytes.
    fn error(&self, what: &str, len: usize) -> Error {
        let message = match self.prefix {
            Prefix::Escapes => {
                format!("{what} at or near \"{}\"", &self.text[self.at..self.at + len])
            }
            Prefix::Unicode => what.to_string(),
        };
        Error::new(SqlState::SyntaxError, message).with_position(self.position())
    }

    fn position(&self) -> usize {
        self.text[..self.at].chars().count()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Vec<Token>, LexicalError> {
        let tokens = tokenize(text)?.into_iter().map(|token| token.token);
        Ok(tokens.filter(|token| !matches!(token, Token::Whitespace(_))).collect())
    }

    /// Each right-hand side is what PostgreSQL 15 answers.
    #[test]
    fn escapes_mean_what_postgresql_says() {
        for (text, expected) in [
            ("E'\\uD83D\\uDE00'", "😀"),
            ("e'\\U0000D83D\\uDE00'", "😀"),
            ("E'\\U0001F600'", "😀"),
            ("U&'\\D83D\\DE00'", "😀"),
            ("u&'\\+00D83D\\DE00'", "😀"),
            ("U&'a\\\\b''c\\00e9'", "a\\b'cé"),
            ("E'a\\'b''\\\\\\v'", "a'b'\\v"),
            ("E'\\x41\\101\\q\\x\\é'", "AAqxé"),
            ("E'\\b\\f\\n\\r\\t'", "\u{8}\u{c}\n\r\t"),
            ("E'\\xC3\\xA9\\303\\251'", "éé"),
        ] {
            let prefix = if text.starts_with(['u', 'U']) { Prefix::Unicode } else { Prefix::Escapes };
            let token = prefix.token(expected.to_string());
            assert_eq!(read(text).ok(), Some(vec![token]), "{text}");
        }
    }

    #[test]
    fn halves_of_characters_are_refused_as_postgresql_refuses_them() {
        let pair = "invalid Unicode surrogate pair";
        let value = "invalid Unicode escape value";
        for (text, state, message, position) in [
            ("E'\\uD83D'", "42601", format!("{pair} at or near \"'\""), Some(8)),
            ("E'\\uDE00'", "42601", format!("{pair} at or near \"\\uDE00\""), Some(2)),
            ("E'\\uD83Dx'", "42601", format!("{pair} at or near \"x\""), Some(8)),
            ("E'\\uD83D\\uD83D'", "42601", format!("{pair} at or near \"\\uD83D\""), Some(8)),
            ("E'\\uD83D\\n'", "42601", format!("{pair} at or near \"\\\""), Some(8)),
            ("E'\\u0000'", "42601", format!("{value} at or near \"\\u0000\""), Some(2)),
            ("E'\\U00110000'", "42601", format!("{value} at or near \"\\U00110000\""), Some(2)),
            ("E'\\u12'", "22025", "invalid Unicode escape".into(), Some(2)),
            ("E'\\xff'", "22021", "invalid byte sequence for encoding \"UTF8\": 0xff".into(), None),
            ("E'\\0'", "22021", "invalid byte sequence for encoding \"UTF8\": 0x00".into(), None),
            ("U&'\\D83D'", "42601", pair.into(), Some(8)),
            ("U&'\\DE00'", "42601", pair.into(), Some(3)),
            ("U&'\\D83Dx'", "42601", pair.into(), Some(8)),
            ("U&'\\D83D\\D83D'", "42601", pair.into(), Some(8)),
            ("U&'\\+110000'", "42601", value.into(), Some(3)),
            ("U&'a\\zb'", "42601", "invalid Unicode escape".into(), Some(4)),
        ] {
            let Err(LexicalError::Escape(error)) = read(text) else { panic!("{text} was read") };
            let told = (error.state().code(), error.message(), error.position());
            assert_eq!(told, (state, message.as_str(), position), "{text}");
        }
    }

    #[test]
    fn all_other_tokens_stay_where_they_were() {
        let text =
            "SELECT 'a\\', E'\\é\\\n\\u00e9' , \"E'\\n'\" -- E'\\n'\n, $$ E'\\n' $$, te'\\', U&'\\0041' x";
        let plain: String = text.chars().map(|c| if c == '\\' { '/' } else { c }).collect();
        let (tokens, expected) = (tokenize(text).ok().unwrap(), tokenize(&plain.replace("U&'", "  '")).ok());
        let spans = |tokens: &[TokenWithSpan]| tokens.last().map(|token| token.span);
        assert_eq!(spans(&tokens), spans(&expected.unwrap()));
        let strings: Vec<String> = tokens
            .iter()
            .filter(|token| token.token.to_string().contains('é'))
            .map(|token| token.token.to_string())
            .collect();
        assert_eq!(strings.len(), 1);
        assert!(tokens.iter().any(|token| token.token == Token::SingleQuotedString("a\\".into())));
        assert!(tokens.iter().any(|token| token.token == Token::UnicodeStringLiteral("A".into())));
    }
}
