//! The options of the milestones' command lines that mean something in a page.

use std::collections::BTreeMap;

/// Options by their names, such as `--segment-size`; what they are set to, or nothing.
pub struct Settings<'a>(BTreeMap<&'a str, &'a str>);

impl<'a> Settings<'a> {
    pub fn read(arguments: &'a str) -> Settings<'a> {
        let mut settings = BTreeMap::new();
        let mut words = arguments.split_whitespace().peekable();
        while let Some(word) = words.next() {
            let (name, value) = match word.split_once('=') {
                Some(pair) => pair,
                None => (word, words.next_if(|next| !next.starts_with("--")).unwrap_or_default()),
            };
            settings.insert(name, value);
        }
        Settings(settings)
    }

    pub fn get(&self, name: &str) -> Option<&'a str> {
        self.0.get(name).copied()
    }

    /// Decides what the power cuts take.
    pub fn seed(&self) -> u64 {
        self.get("--simulate").and_then(|seed| seed.parse().ok()).unwrap_or(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_are_read_as_on_a_command_line() {
        let settings = Settings::read("--simulate=3 --segment-size 64kB --quiet --dirty-pages 2");
        assert_eq!(settings.seed(), 3);
        assert_eq!(settings.get("--segment-size"), Some("64kB"));
        assert_eq!((settings.get("--quiet"), settings.get("--dirty-pages")), (Some(""), Some("2")));
        assert_eq!(Settings::read("--simulate").seed(), 1);
        assert_eq!(settings.get("--max-wal-size"), None);
    }
}
