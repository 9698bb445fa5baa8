//! The book for a browser on this machine, built again whenever its sources have changed.

use std::fs::{self, File};
use std::path::{Component, Path, PathBuf};
use std::time::SystemTime;

use anyhow::{Result, anyhow};
use tiny_http::{Header, Request, Response, Server};

/// Serves until it is interrupted. A page that is asked for after a change waits for the new book.
pub fn serve(root: &Path, out: &Path, port: u16, with_repl: bool) -> Result<bool> {
    let mut built = SystemTime::now();
    crate::build(root, out, with_repl)?;
    let server = Server::http(("127.0.0.1", port))
        .map_err(|error| anyhow!("cannot listen on port {port}: {error}"))?;
    inox_progress::print_line!("Open http://127.0.0.1:{port}/ and end with Ctrl-C");
    for request in server.incoming_requests() {
        let is_page = request.url().ends_with('/') || request.url().ends_with(".html");
        let sources = ["book", "milestones", "tests/sessions", "tests/snapshots"];
        if is_page && sources.iter().any(|folder| changed_since(&root.join(folder), built)) {
            built = SystemTime::now();
            if let Err(error) = crate::build(root, out, with_repl) {
                inox_progress::complain!("error: {error:#}");
            }
        }
        // A browser that went away has no use for an error.
        let _ = answer(request, out);
    }
    Ok(true)
}

fn changed_since(folder: &Path, when: SystemTime) -> bool {
    let Ok(entries) = fs::read_dir(folder) else { return false };
    entries.flatten().any(|entry| match entry.metadata() {
        Ok(metadata) if metadata.is_dir() => changed_since(&entry.path(), when),
        Ok(metadata) => metadata.modified().is_ok_and(|modified| modified > when),
        Err(_) => false,
    })
}

fn answer(request: Request, out: &Path) -> std::io::Result<()> {
    let Some(path) = file(request.url(), out) else {
        return request.respond(Response::from_string("no such page").with_status_code(404));
    };
    match File::open(&path) {
        Ok(file) => {
            let kind = Header::from_bytes("Content-Type", content_type(&path));
            request.respond(kind.into_iter().fold(Response::from_file(file), Response::with_header))
        }
        Err(_) => request.respond(Response::from_string("no such page").with_status_code(404)),
    }
}

/// The file that an address means; nothing outside the book.
fn file(url: &str, out: &Path) -> Option<PathBuf> {
    let path = url.split(['?', '#']).next().unwrap_or_default().trim_start_matches('/');
    let path = Path::new(path);
    path.components().all(|part| matches!(part, Component::Normal(_))).then_some(())?;
    let path = out.join(path);
    Some(if path.is_dir() { path.join("index.html") } else { path })
}

fn content_type(path: &Path) -> &'static str {
    match path.extension().and_then(|extension| extension.to_str()) {
        Some("html") => "text/html; charset=utf-8",
        Some("css") => "text/css",
        Some("js") => "text/javascript",
        Some("svg") => "image/svg+xml",
        Some("json") => "application/json",
        Some("woff2") => "font/woff2",
        Some("png") => "image/png",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_leads_into_the_book_and_nowhere_else() {
        let out = tempfile::tempdir().unwrap();
        assert_eq!(file("/a/b.html?x#y", out.path()), Some(out.path().join("a/b.html")));
        assert_eq!(file("/", out.path()), Some(out.path().join("index.html")));
        assert_eq!(file("/../secret", out.path()), None);
        assert_eq!(file("//etc/../passwd", out.path()), None);
    }
}
