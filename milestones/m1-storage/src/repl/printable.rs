//! Text that is safe to print. psql escapes control characters; this module escapes those, the characters that change the
//! direction of writing, and the invisible ones.
//!
//! Two invisible characters stay: the joiners U+200C and U+200D. Persian and the languages of India are spelled with
//! them, and so are most emoji of people. They move nothing and hide nothing. That two texts may look alike by them is
//! true of many letters, too.

use super::table::width;
use std::fmt::{self, Write};

/// Writes text that may have any bytes in it. Line feeds and tabs stay, as a message may have several lines.
pub fn write_text(bytes: &[u8], out: &mut impl Write) -> fmt::Result {
    let changes = |character| !matches!(character, '\n' | '\t') && is_written_out(character);
    for chunk in bytes.utf8_chunks() {
        for part in chunk.valid().split_inclusive(changes) {
            match part.char_indices().next_back().filter(|(_, last)| changes(*last)) {
                None => out.write_str(part)?,
                Some((at, last)) => {
                    out.write_str(&part[..at])?;
                    write_out(last, out)?;
                }
            }
        }
        chunk.invalid().iter().try_for_each(|byte| write!(out, "\\x{byte:02X}"))?;
    }
    Ok(())
}

/// A part of a message that has to be measured or cut before it is printed.
pub fn printable(text: &str) -> String {
    let mut out = String::new();
    // Writing to a string does not fail.
    let _ = write_text(text.as_bytes(), &mut out);
    out
}

/// Appends a value of a table. A line feed stays, which the caller has to place.
pub fn push_value(text: &str, out: &mut String) {
    if text.bytes().all(|byte| (b' '..0x7f).contains(&byte)) {
        out.push_str(text);
        return;
    }
    let start = out.len();
    for character in text.chars() {
        match character {
            // psql's tab stops are every 8 columns of the value.
            '\t' => {
                let column = width(out.get(start..).unwrap_or_default());
                out.extend(std::iter::repeat_n(' ', 8 - column % 8));
            }
            character if character != '\n' && is_written_out(character) => {
                let _ = write_out(character, out);
            }
            character => out.push(character),
        }
    }
}

fn write_out(character: char, out: &mut impl Write) -> fmt::Result {
    match u32::from(character) {
        0x0d => out.write_str("\\r"),
        code @ ..0x80 => write!(out, "\\x{code:02X}"),
        code @ ..0x1_0000 => write!(out, "\\u{code:04X}"),
        code => write!(out, "\\U{code:08X}"),
    }
}

/// Control characters, those that change the direction of writing, and those that nobody sees.
fn is_written_out(character: char) -> bool {
    match character {
        ' '..='~' => false,
        '\u{ad}' | '\u{61c}' | '\u{180e}' => true,
        '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' => true,
        '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}' => true,
        character => character.is_control(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(text: &str) -> String {
        let mut out = String::new();
        push_value(text, &mut out);
        out
    }

    #[test]
    fn control_characters_are_shown_as_psql_shows_them() {
        // PostgreSQL 15's psql prints the value E'b\tc\x1bd\re\u0085f\u007fg' like this.
        assert_eq!(value("b\tc\x1bd\re\u{85}f\u{7f}g"), "b       c\\x1Bd\\re\\u0085f\\x7Fg");
        assert_eq!(printable("b\tc\x1bd\re\u{85}f\u{7f}g\n"), "b\tc\\x1Bd\\re\\u0085f\\x7Fg\n");
    }

    #[test]
    fn what_turns_a_text_around_or_cannot_be_seen_is_written_out() {
        for character in "\u{61c}\u{200e}\u{200f}\u{202a}\u{202e}\u{2066}\u{2069}\u{200b}\u{2060}\u{2064}\u{feff}\u{ad}\u{2028}\u{2029}".chars() {
            let expected = format!("a\\u{:04X}b", u32::from(character));
            assert_eq!(value(&format!("a{character}b")), expected);
            assert_eq!(printable(&format!("a{character}b")), expected);
        }
        assert_eq!(value("\u{e0041}"), "\\U000E0041");
    }

    #[test]
    fn what_people_write_stays() {
        for text in ["it's", "Żółć, 日本", "می\u{200c}خواهم", "👩\u{200d}🚀", "e\u{301}", "❤\u{fe0f}", "a\nb"]
        {
            assert_eq!(value(text), text);
            assert_eq!(printable(text), text);
        }
    }

    #[test]
    fn bytes_that_are_not_text_are_shown_one_by_one() {
        let mut out = String::new();
        write_text(b"a\xff\xe2\x82b\x9b", &mut out).unwrap();
        assert_eq!(out, "a\\xFF\\xE2\\x82b\\x9B");
    }

    #[test]
    fn what_is_printable_is_printed_as_it_is() {
        let text = printable("a\x1b\u{202e}\r\\");
        assert_eq!(printable(&text), text);
    }
}
