//! psql's variables: `\set NAME VALUE`, and `:NAME` where the value is meant.

use super::specials::DEFAULTS;
use crate::types::is_space;
use std::collections::BTreeMap;

pub struct Variables {
    values: BTreeMap<String, String>,
}

impl Default for Variables {
    fn default() -> Variables {
        let value = |(name, value): &(&str, &str)| (name.to_string(), value.to_string());
        Variables { values: DEFAULTS.iter().map(value).collect() }
    }
}

impl Variables {
    pub fn is_name(name: &str) -> bool {
        !name.is_empty() && name.bytes().all(is_name_byte)
    }

    pub fn set(&mut self, name: &str, value: &str) {
        self.values.insert(name.to_string(), value.to_string());
    }

    pub fn unset(&mut self, name: &str) {
        self.values.remove(name);
    }

    pub fn get(&self, name: &str) -> Option<&str> {
        self.values.get(name).map(String::as_str)
    }

    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.values.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// Whether a switch such as `ON_ERROR_STOP` is on.
    pub fn is_on(&self, name: &str) -> bool {
        self.get(name).is_some_and(|value| parse_switch(value) == Some(true))
    }

    /// The reference that `text` begins with (`:name`, `:'name'`, `:"name"`): its length, and what stands for it.
    /// `None` if it is none, or nothing of that name is set.
    pub fn reference(&self, text: &[u8]) -> Option<(usize, String)> {
        let text = text.strip_prefix(b":")?;
        let (quote, name) = match text.first()? {
            quote @ (b'\'' | b'"') => (Some(*quote as char), &text[1..]),
            _ => (None, text),
        };
        let len = name.iter().position(|byte| !is_name_byte(*byte)).unwrap_or(name.len());
        let value = self.get(std::str::from_utf8(&name[..len]).ok()?)?;
        match quote {
            None => Some((1 + len, value.to_string())),
            Some(quote) if name.get(len) == Some(&(quote as u8)) => {
                let doubled = value.replace(quote, &format!("{quote}{quote}"));
                Some((3 + len, format!("{quote}{doubled}{quote}")))
            }
            Some(_) => None,
        }
    }

    /// A command's arguments with values in place of references, except inside single quotes. A value with
    /// spaces or quotes is quoted, so that it stays one argument.
    pub fn expand(&self, text: &str) -> String {
        let mut expanded = String::new();
        let mut rest = text;
        let mut quoted = false;
        while let Some(next) = rest.chars().next() {
            quoted ^= next == '\'';
            let reference = if quoted { None } else { self.reference(rest.as_bytes()) };
            let len = match reference {
                Some((len, value)) => {
                    if value.contains(|c: char| is_space(c) || c == '\'') {
                        expanded.push_str(&format!("'{}'", value.replace('\'', "''")));
                    } else {
                        expanded.push_str(&value);
                    }
                    len
                }
                None => {
                    expanded.push(next);
                    next.len_utf8()
                }
            };
            rest = &rest[len..];
        }
        expanded
    }
}

/// A switch's value as psql reads it.
pub fn parse_switch(value: &str) -> Option<bool> {
    match value.to_ascii_lowercase().as_str() {
        "on" | "true" | "yes" | "1" | "t" | "y" => Some(true),
        "off" | "false" | "no" | "0" | "f" | "n" => Some(false),
        _ => None,
    }
}

fn is_name_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | 0x80..)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_are_replaced_outside_of_quotes() {
        let mut variables = Variables::default();
        variables.set("foo", "a b");
        variables.set("n", "1");
        let expanded = variables.expand("x :n :foo :'foo' ':foo' :bar :");
        assert_eq!(expanded, "x 1 'a b' '''a b''' ':foo' :bar :");
    }

    #[test]
    fn switches() {
        let mut variables = Variables::default();
        assert!(!variables.is_on("ON_ERROR_STOP"));
        variables.set("ON_ERROR_STOP", "on");
        assert!(variables.is_on("ON_ERROR_STOP"));
        variables.set("ON_ERROR_STOP", "0");
        assert!(!variables.is_on("ON_ERROR_STOP"));
    }
}
