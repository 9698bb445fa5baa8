//! Sizes as PostgreSQL's settings have them: `16MB`, `128kB`, `1GB`.

use crate::error::{Error, Result, SqlState};
use crate::page::PAGE_SIZE;
use crate::types::is_space;

const UNITS: [(&str, u64); 5] =
    [("B", 1), ("kB", 1 << 10), ("MB", 1 << 20), ("GB", 1 << 30), ("TB", 1 << 40)];

/// The size in bytes. A number alone counts units of `plain` bytes.
pub fn parse(setting: &str, text: &str, plain: u64) -> Result<u64> {
    let invalid = || {
        Error::new(
            SqlState::InvalidParameterValue,
            format!("invalid value for parameter \"{setting}\": \"{text}\""),
        )
    };
    let text = text.trim_matches(is_space);
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let number: u64 = number.parse().map_err(|_| invalid())?;
    let scale = match unit.trim_matches(is_space) {
        "" => plain,
        unit => UNITS.iter().find(|(name, _)| *name == unit).map(|(_, scale)| *scale).ok_or_else(|| {
            invalid()
                .with_hint("Valid units for this parameter are \"B\", \"kB\", \"MB\", \"GB\", and \"TB\".")
        })?,
    };
    number.checked_mul(scale).ok_or_else(|| invalid().with_hint("Value exceeds integer range."))
}

/// PostgreSQL's bounds on `shared_buffers`, in pages.
const MIN_PAGES: u64 = 16;
const MAX_PAGES: u64 = (1 << 30) - 1;

/// `shared_buffers` in bytes: whole pages, and a number alone counts pages, as in PostgreSQL.
pub fn shared_buffers(text: &str) -> Result<usize> {
    let bytes = parse("shared_buffers", text, PAGE_SIZE as u64)?;
    let pages = bytes / PAGE_SIZE as u64;
    if !(MIN_PAGES..=MAX_PAGES).contains(&pages) {
        return Err(Error::new(
            SqlState::InvalidParameterValue,
            format!(
                "{pages} 8kB is outside the valid range for parameter \"shared_buffers\" \
                 ({MIN_PAGES} .. {MAX_PAGES})"
            ),
        ));
    }
    usize::try_from(pages * PAGE_SIZE as u64)
        .map_err(|_| Error::new(SqlState::InvalidParameterValue, "shared_buffers exceeds the address space"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_alone_counts_the_settings_own_unit() {
        assert_eq!(parse("s", "16", 8192).unwrap(), 131_072);
        assert_eq!(parse("s", "16B", 8192).unwrap(), 16);
        assert_eq!(parse("s", " 64 kB ", 1).unwrap(), 65_536);
        assert_eq!(parse("s", "2TB", 1).unwrap(), 2 << 40);
    }

    #[test]
    fn what_is_no_size_is_refused_as_postgresql_refuses_it() {
        for text in ["", "MB", "-1", "1.5x", "16mb", "99999999999999999999", "99999999999TB"] {
            let error = parse("shared_buffers", text, 8192).unwrap_err();
            assert_eq!(error.state().code(), "22023");
            let expected = format!("invalid value for parameter \"shared_buffers\": \"{text}\"");
            assert_eq!(error.message(), expected);
        }
    }

    #[test]
    fn the_size_is_checked_as_postgresql_checks_it() {
        assert_eq!(shared_buffers("16").unwrap(), 128 << 10);
        assert_eq!(shared_buffers("16MB").unwrap(), 16 << 20);
        assert_eq!(shared_buffers("200kB").unwrap(), 25 * PAGE_SIZE);
        assert_eq!(
            shared_buffers("64kB").unwrap_err().message(),
            "8 8kB is outside the valid range for parameter \"shared_buffers\" (16 .. 1073741823)"
        );
    }
}
