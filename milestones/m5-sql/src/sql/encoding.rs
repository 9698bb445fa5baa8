//! Bytes that have to be UTF-8.

use crate::error::{Error, Result, SqlState};

/// The text that bytes are, if they are: PostgreSQL's check of what a client sends.
pub fn decode(bytes: &[u8]) -> Result<&str> {
    let (start, len) = match std::str::from_utf8(bytes) {
        Ok(text) => match memchr::memchr(0, bytes) {
            None => return Ok(text),
            Some(nul) => (nul, 1),
        },
        // As many bytes as the first of them announces.
        Err(error) => match (error.valid_up_to(), bytes.get(error.valid_up_to())) {
            (start, Some(0xc0..=0xdf)) => (start, 2),
            (start, Some(0xe0..=0xef)) => (start, 3),
            (start, Some(0xf0..=0xf7)) => (start, 4),
            (start, _) => (start, 1),
        },
    };
    let wrong: Vec<String> = bytes.iter().skip(start).take(len).map(|byte| format!("0x{byte:02x}")).collect();
    let message = format!("invalid byte sequence for encoding \"UTF8\": {}", wrong.join(" "));
    Err(Error::new(SqlState::CharacterNotInRepertoire, message))
}
