//! Sizes as PostgreSQL's settings have them: `16MB`, `128kB`, `1GB`.

use crate::error::{Error, Result, SqlState};
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
}
