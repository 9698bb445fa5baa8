//! What must hold of a book: nothing is missing, no link leads nowhere, nothing is fetched from elsewhere.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use scraper::{Html, Selector};

use crate::directives::chapters;

/// Chapters that are in SUMMARY.md and not there, or there and not in it; chapters that are stubs.
pub fn sources(src: &Path) -> Result<Vec<String>> {
    let summary = fs::read_to_string(src.join("SUMMARY.md")).context("the book has no SUMMARY.md")?;
    let listed: BTreeSet<&str> =
        summary.split("](").skip(1).filter_map(|rest| rest.split(')').next()).collect();
    let chapters = chapters(src)?;
    let mut problems = Vec::new();
    for name in &listed {
        if !chapters.iter().any(|(path, _)| path == name) {
            problems.push(format!("book/src/SUMMARY.md: there is no {name}"));
        }
    }
    for (path, text) in chapters.iter().filter(|(path, _)| path != "SUMMARY.md") {
        if !listed.contains(&path[..]) {
            problems.push(format!("book/src/{path}: not in SUMMARY.md"));
        }
        for stub in ["TODO", "TBD", "coming soon", "Coming soon"] {
            if text.contains(stub) {
                problems.push(format!("book/src/{path}: says {stub:?}"));
            }
        }
    }
    Ok(problems)
}

/// A page as it was rendered.
struct Page {
    ids: BTreeSet<String>,
    links: Vec<String>,
    problems: Vec<String>,
    /// Whether something stays folded when the page is printed.
    is_folded_on_paper: bool,
}

/// What unfolds the answers on paper. Where mdBook puts it, the name has more in it.
const UNFOLDING: &str = "theme/print";

/// Every local link and fragment of the rendered book leads somewhere, and no page asks another host for anything.
pub fn rendered(out: &Path) -> Result<Vec<String>> {
    let mut pages = BTreeMap::new();
    for path in html_files(out)? {
        let name = path.strip_prefix(out)?.to_string_lossy().replace('\\', "/");
        pages.insert(name, Page::read(&fs::read_to_string(&path)?)?);
    }
    let folded = pages.iter().filter(|(_, page)| page.is_folded_on_paper);
    let mut problems: Vec<String> = folded
        .map(|(name, _)| format!("{name}: has folded answers, and nothing that unfolds them on paper"))
        .collect();
    for (name, page) in pages.iter().filter(|(name, _)| name.as_str() != "print.html") {
        problems.extend(page.problems.iter().map(|problem| format!("{name}: {problem}")));
        for link in &page.links {
            if let Some(problem) = dead(out, &pages, name, link) {
                problems.push(format!("{name}: {problem}"));
            }
        }
    }
    Ok(problems)
}

/// What is wrong with a link of a page, if anything is.
fn dead(out: &Path, pages: &BTreeMap<String, Page>, from: &str, link: &str) -> Option<String> {
    if link.contains("://") || link.starts_with("mailto:") || link.starts_with("javascript:") {
        return None;
    }
    let (path, fragment) = link.split_once('#').unwrap_or((link, ""));
    let target = if path.is_empty() { from.to_owned() } else { join(from, path) };
    match pages.get(&target) {
        Some(page) if fragment.is_empty() || page.ids.contains(fragment) => None,
        Some(_) => Some(format!("{link} leads to a place that is not there")),
        None if out.join(&target).is_file() => None,
        None => Some(format!("{link} leads nowhere")),
    }
}

/// A path that is meant from a page, from the book's root.
fn join(from: &str, path: &str) -> String {
    let mut parts: Vec<&str> = from.split('/').collect();
    parts.pop();
    for part in path.split('/') {
        match part {
            "." | "" => {}
            ".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    parts.join("/")
}

impl Page {
    fn read(text: &str) -> Result<Page> {
        let html = Html::parse_document(text);
        let select = |what: &str| Selector::parse(what).map_err(|error| anyhow::anyhow!("{what}: {error}"));
        let attributes = |what: &str, name: &str| -> Result<Vec<String>> {
            let selector = select(what)?;
            Ok(html.select(&selector).filter_map(|one| one.attr(name)).map(str::to_owned).collect())
        };
        let mut problems = Vec::new();
        for (what, name) in [("script", "src"), ("img", "src"), ("link", "href"), ("iframe", "src")] {
            for from in attributes(what, name)? {
                if from.contains("://") || from.starts_with("//") {
                    problems.push(format!("fetches {from} from elsewhere"));
                }
            }
        }
        for image in html.select(&select("img")?) {
            if image.attr("alt").is_none_or(|alt| alt.trim().is_empty()) {
                problems
                    .push(format!("the image {} has no alternative text", image.attr("src").unwrap_or("?")));
            }
        }
        for drawing in html.select(&select("svg[role=img]")?) {
            if drawing.attr("aria-label").is_none_or(|label| label.trim().is_empty()) {
                problems.push("a drawing has no alternative text".into());
            }
        }
        for paragraph in html.select(&select("main")?) {
            if paragraph.text().any(|text| text.contains("{{#") && !text.contains("\\{{#")) {
                let told = html
                    .select(&select("main code")?)
                    .any(|code| code.text().any(|text| text.contains("{{#")));
                if !told {
                    problems.push("a directive was left as it is".into());
                }
            }
        }
        let drawn: BTreeSet<char> = html
            .select(&select("main pre code")?)
            .flat_map(|code| code.text())
            .flat_map(str::chars)
            .collect();
        for character in drawn.into_iter().filter(|character| !is_drawn_in_one_width(*character)) {
            problems.push(format!(
                "the book's fonts lack {character} ({}), so what is drawn with it drifts",
                character.escape_unicode()
            ));
        }
        let links = [attributes("main a", "href")?, attributes("main img", "src")?].concat();
        let is_folded = html.select(&select("main details")?).next().is_some();
        let unfolds = attributes("script", "src")?.iter().any(|script| script.contains(UNFOLDING));
        let ids = attributes("[id]", "id")?.into_iter().collect();
        Ok(Page { ids, links, problems, is_folded_on_paper: is_folded && !unfolds })
    }
}

/// Whether Source Code Pro, as mdBook brings it, has the character, or `fonts/marks.woff2`; in another font it has another
/// width. What a terminal draws in two cells, from U+3000 on, is as wide as the reader's own fonts have it.
fn is_drawn_in_one_width(character: char) -> bool {
    const ZERO_WIDTH_JOINER: char = '\u{200d}';
    matches!(character, ..'\u{2000}' | '\u{3000}'.. | ZERO_WIDTH_JOINER)
        || matches!(character, '\u{2500}'..='\u{25a1}' | '\u{2190}'..='\u{2199}' | '\u{21d0}'..='\u{21d3}')
        || "–—‘’“”•…−∞≈≠≤≥✓▲▶►▼◀◄‖↵⏎⇄①②③④⑤⑥⑦⑧⑨".contains(character)
}

fn html_files(out: &Path) -> Result<Vec<PathBuf>> {
    let (mut found, mut folders) = (Vec::new(), vec![out.to_path_buf()]);
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder)? {
            let path = entry?.path();
            match path.is_dir() {
                true => folders.push(path),
                false if path.extension().is_some_and(|extension| extension == "html") => found.push(path),
                false => {}
            }
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rendered_problems(pages: &[(&str, &str)]) -> Vec<String> {
        let out = tempfile::tempdir().unwrap();
        for (name, text) in pages {
            let path = out.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        rendered(out.path()).unwrap()
    }

    #[test]
    fn links_that_lead_somewhere_are_fine() {
        let one = "<main><a href='b/two.html#there'>x</a><a href='#here'>y</a><a id='here'></a></main>";
        let two =
            "<main><p id='there'>z</p><a href='../one.html'>back</a><a href='https://a.b/'>out</a></main>";
        assert_eq!(rendered_problems(&[("one.html", one), ("b/two.html", two)]), Vec::<String>::new());
    }

    #[test]
    fn what_drifted_is_one_line_each() {
        let cases = [
            ("<main><a href='none.html'>x</a></main>", "one.html: none.html leads nowhere"),
            ("<main><a href='#none'>x</a></main>", "one.html: #none leads to a place that is not there"),
            ("<script src='https://a.b/c.js'></script>", "one.html: fetches https://a.b/c.js from elsewhere"),
            ("<p><img src='one.html'></p>", "one.html: the image one.html has no alternative text"),
            (
                "<main><pre><code>│ ⇅ │ 日</code></pre></main>",
                "one.html: the book's fonts lack ⇅ (\\u{21c5}), so what is drawn with it drifts",
            ),
            ("<main><p>{{#item m1}}</p></main>", "one.html: a directive was left as it is"),
            (
                "<main><details>x</details></main>",
                "one.html: has folded answers, and nothing that unfolds them on paper",
            ),
        ];
        for (page, problem) in cases {
            assert_eq!(rendered_problems(&[("one.html", page)]), [problem]);
        }
        let unfolded = "<main><details>x</details></main><script src='theme/print-1a2b.js'></script>";
        assert_eq!(rendered_problems(&[("one.html", unfolded)]), Vec::<String>::new());
    }

    /// Two answers, of which the reader has opened one; printed from print.html and from a page of the book.
    const PAPER: &str = r#"
        const events = {};
        const answers = [{ open: false }, { open: true }];
        globalThis.location = { pathname: process.argv[1] };
        globalThis.window = { addEventListener: (name, listener) => (events[name] = listener) };
        globalThis.document = { querySelectorAll: () => answers.filter((answer) => !answer.open) };
        const said = [];
        const say = () => said.push(answers.map((answer) => answer.open).join());
        eval(require("fs").readFileSync(process.argv[2], "utf8"));
        say();
        for (const name of ["beforeprint", "afterprint"]) { events[name]?.(); say(); }
        console.log(said.join(" "));
    "#;

    #[test]
    fn answers_are_unfolded_while_a_page_is_printed() {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../book/theme/print.js");
        let printed = |page: &str| {
            let node = std::process::Command::new("node").args(["-e", PAPER, page]).arg(&script).output();
            node.ok().map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned())
        };
        let (Some(page), Some(all)) = (printed("/wal/log.html"), printed("/print.html")) else {
            inox_progress::print_line!("skipped: Node is not installed");
            return;
        };
        assert_eq!(page, "false,true true,true false,true");
        assert_eq!(all, "true,true true,true true,true");
    }

    #[test]
    fn chapters_are_in_the_summary_and_the_other_way_round() {
        let src = tempfile::tempdir().unwrap();
        fs::write(src.path().join("SUMMARY.md"), "[A](a.md)\n[B](b.md)\n").unwrap();
        fs::write(src.path().join("a.md"), "TODO: write").unwrap();
        fs::write(src.path().join("c.md"), "text").unwrap();
        let problems = sources(src.path()).unwrap();
        let expected = [
            "book/src/SUMMARY.md: there is no b.md",
            "book/src/a.md: says \"TODO\"",
            "book/src/c.md: not in SUMMARY.md",
        ];
        assert_eq!(problems, expected);
    }
}
