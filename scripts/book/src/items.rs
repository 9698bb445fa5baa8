//! Finds an item of a source file by its name: `Page`, `Page::insert`, `Display for Page`.
//!
//! An item's own name is the anchor, so the source needs no marks for the book's sake, and what is renamed or gone is
//! missed at once.

use std::ops::Range;

use anyhow::{Result, anyhow, bail};
use proc_macro2::Span;
use syn::spanned::Spanned;
use syn::{Attribute, ImplItem, Item, TraitItem};

/// An item, and its lines in the file: counted from 0, with its attributes and comments.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    pub name: String,
    pub lines: Range<usize>,
    /// It has others within: a listing of those shows it as well.
    pub has_parts: bool,
}

/// Every item of a file that can be named, in order, but for the tests.
pub fn all(text: &str) -> Result<Vec<Found>> {
    let file = syn::parse_file(text)?;
    let mut found = Vec::new();
    for item in &file.items {
        collect(item, &mut found);
    }
    Ok(found)
}

/// The one item of that name.
pub fn find(text: &str, name: &str) -> Result<Found> {
    let all = all(text)?;
    let mut matches = all.iter().filter(|item| item.name == name);
    match (matches.next(), matches.next()) {
        (Some(found), None) => Ok(found.clone()),
        (Some(_), Some(_)) => bail!("there is more than one {name}"),
        (None, _) => {
            let last = name.rsplit("::").next().unwrap_or(name);
            let near = all.iter().find(|item| item.name.rsplit("::").next() == Some(last));
            let hint = near.map(|item| format!("; there is {}", item.name)).unwrap_or_default();
            Err(anyhow!("there is no {name}{hint}"))
        }
    }
}

fn collect(item: &Item, found: &mut Vec<Found>) {
    let (name, attributes) = match item {
        Item::Const(item) => (item.ident.to_string(), &item.attrs),
        Item::Static(item) => (item.ident.to_string(), &item.attrs),
        Item::Enum(item) => (item.ident.to_string(), &item.attrs),
        Item::Struct(item) => (item.ident.to_string(), &item.attrs),
        Item::Type(item) => (item.ident.to_string(), &item.attrs),
        Item::Fn(item) => (item.sig.ident.to_string(), &item.attrs),
        Item::Trait(item) => (item.ident.to_string(), &item.attrs),
        Item::Impl(item) => (impl_name(item), &item.attrs),
        Item::Macro(item) => match &item.ident {
            Some(name) => (format!("{name}!"), &item.attrs),
            None => return,
        },
        _ => return,
    };
    if is_test(attributes) {
        return;
    }
    let at = found.len();
    found.push(Found { name: name.clone(), lines: lines(item.span(), attributes), has_parts: false });
    match item {
        Item::Impl(item) => {
            for part in &item.items {
                let ImplItem::Fn(function) = part else { continue };
                if is_test(&function.attrs) {
                    continue;
                }
                let lines = lines(function.span(), &function.attrs);
                let owner = name.strip_prefix("impl ").unwrap_or(&name);
                found.push(Found {
                    name: format!("{owner}::{}", function.sig.ident),
                    lines,
                    has_parts: false,
                });
            }
        }
        Item::Trait(item) => {
            for part in &item.items {
                let TraitItem::Fn(function) = part else { continue };
                let lines = lines(function.span(), &function.attrs);
                found.push(Found {
                    name: format!("{name}::{}", function.sig.ident),
                    lines,
                    has_parts: false,
                });
            }
        }
        _ => {}
    }
    found[at].has_parts = found.len() > at + 1;
}

/// `impl Page`, or `Display for Page`; what is between angle brackets is left out.
fn impl_name(item: &syn::ItemImpl) -> String {
    let owner = type_name(&item.self_ty);
    match &item.trait_ {
        Some(implemented) => {
            let path = implemented.0.segments.last().map(|last| last.ident.to_string()).unwrap_or_default();
            format!("{path} for {owner}")
        }
        None => format!("impl {owner}"),
    }
}

fn type_name(ty: &syn::Type) -> String {
    match ty {
        syn::Type::Path(path) => {
            path.path.segments.last().map(|last| last.ident.to_string()).unwrap_or_default()
        }
        syn::Type::Reference(reference) => format!("&{}", type_name(&reference.elem)),
        _ => "_".into(),
    }
}

fn is_test(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        let mut is_test = attribute.path().is_ident("test");
        if attribute.path().is_ident("cfg") {
            // An attribute that cannot be read as a list is no `cfg(test)`.
            let _ = attribute.parse_nested_meta(|meta| {
                is_test |= meta.path.is_ident("test");
                Ok(())
            });
        }
        is_test
    })
}

fn lines(span: Span, attributes: &[Attribute]) -> Range<usize> {
    let first = attributes.iter().map(|one| one.span().start().line).min().unwrap_or(usize::MAX);
    first.min(span.start().line).saturating_sub(1)..span.end().line
}

/// The lines of an item, moved to the left edge.
pub fn text_of(text: &str, lines: &Range<usize>) -> String {
    let chosen: Vec<&str> = text.lines().skip(lines.start).take(lines.len()).collect();
    let indent = |line: &&str| line.len() - line.trim_start().len();
    let edge = chosen.iter().filter(|line| !line.trim().is_empty()).map(indent).min().unwrap_or(0);
    chosen.iter().map(|line| line.get(edge..).unwrap_or("")).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "//! A file.\n\n/// A page.\n#[derive(Clone)]\npub struct Page(u8);\n\nimpl Page {\n    /// Its byte.\n    pub fn byte(&self) -> u8 {\n        self.0\n    }\n}\n\nimpl std::fmt::Debug for Page {\n    fn fmt(&self) {}\n}\n\n#[cfg(test)]\nmod tests {\n    fn byte() {}\n}\n";

    #[test]
    fn an_item_comes_with_its_comment_and_without_its_indentation() {
        let found = find(FILE, "Page::byte").unwrap();
        assert_eq!(text_of(FILE, &found.lines), "/// Its byte.\npub fn byte(&self) -> u8 {\n    self.0\n}");
        let page = find(FILE, "Page").unwrap();
        assert_eq!(text_of(FILE, &page.lines), "/// A page.\n#[derive(Clone)]\npub struct Page(u8);");
    }

    #[test]
    fn all_but_the_tests_is_found() {
        let names: Vec<_> = all(FILE).unwrap().into_iter().map(|item| item.name).collect();
        assert_eq!(names, ["Page", "impl Page", "Page::byte", "Debug for Page", "Debug for Page::fmt"]);
    }

    #[test]
    fn what_was_renamed_is_missed() {
        let error = find(FILE, "Heap::byte").unwrap_err().to_string();
        assert_eq!(error, "there is no Heap::byte; there is Page::byte");
    }
}
