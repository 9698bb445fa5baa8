//! `cargo x book`: builds the book, and sees that it is true.
//!
//! A book about a program drifts away from it, one edit at a time. Here nothing of the program is typed a second
//! time: a listing is named by its item (`{{#item m1 page/mod.rs Page::insert}}`) and read from the milestone, a
//! transcript is a part of a tested session's snapshot, a picture of a page is drawn from the bytes that such a
//! session shows. What is named and not there fails the build with one line, and so does a link that leads nowhere.

#![forbid(unsafe_code)]

mod check;
mod coverage;
mod directives;
mod drawing;
mod index;
mod items;
mod lineage;
mod listing;
mod page_map;
mod references;
mod repl;
mod script;
mod serve;
mod session;
mod shell;
mod spelling;
mod stages;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::{Parser, Subcommand};
use inox_progress::Progress;
use mdbook_driver::MDBook;

use crate::directives::Directives;

#[derive(Parser)]
#[command(name = "cargo x book", bin_name = "cargo x book", about = "Builds the book and checks it")]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,

    /// Where the book is built
    #[arg(long, value_name = "DIR", default_value = "target/book")]
    out: PathBuf,

    /// With the milestones' REPLs in the pages: they are built for WebAssembly, which takes minutes the first time
    #[arg(long, global = true)]
    repl: bool,
}

#[derive(Subcommand)]
enum Command {
    /// Build the book, and again after each change, and show it to a browser on this machine
    Serve {
        #[arg(long, default_value_t = 3000)]
        port: u16,
    },
    /// Build the REPLs for the pages, and see that they answer every tested session as the programs do
    CheckRepl,
    /// Type every command that the pages show, and see that it ends as it should
    Shell,
    /// Take every word that the book has into book/words.txt: look at the difference before you commit it
    AcceptWords,
    /// Say which of the milestones' code the book shows, file by file
    Coverage {
        /// Name the items that are not shown, too
        #[arg(long)]
        items: bool,
    },
}

fn main() -> ExitCode {
    let status = match run(&Cli::parse()) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            inox_progress::complain!("error: {error:#}");
            ExitCode::FAILURE
        }
    };
    inox_progress::say::status(status)
}

/// Whether the book is as it should be; what is not has been said.
fn run(cli: &Cli) -> Result<bool> {
    let root = repository()?;
    match &cli.command {
        Some(Command::Coverage { items }) => {
            let progress = Progress::new("reading the milestones and the chapters");
            let report = coverage::report(&root, *items)?;
            drop(progress);
            inox_progress::print_text!("{report}");
            Ok(true)
        }
        Some(Command::AcceptWords) => {
            let progress = Progress::new("reading the chapters");
            let new = spelling::accept(&root)?;
            drop(progress);
            inox_progress::print_line!("{new} new words");
            Ok(true)
        }
        Some(Command::CheckRepl) => check_repl(&root),
        Some(Command::Shell) => check_shell(&root),
        Some(Command::Serve { port }) => serve::serve(&root, &root.join(&cli.out), *port, cli.repl),
        None => build(&root, &root.join(&cli.out), cli.repl),
    }
}

fn check_repl(root: &Path) -> Result<bool> {
    inox_progress::complain!("Looking for Rust's library for WebAssembly");
    if !repl::can_build(root)? {
        inox_progress::print_line!("The REPLs for the pages are neither built nor tried: {}", repl::MISSING);
        return Ok(true);
    }
    let module = repl::build(root)?;
    let Some((played, problems)) = repl::check(root, &module)? else {
        inox_progress::print_line!("The REPLs for the pages are built, but not tried: Node is not installed");
        return Ok(true);
    };
    for problem in &problems {
        inox_progress::complain!("{problem}");
    }
    inox_progress::print_line!(
        "{} of {played} sessions are answered in a page as by the programs",
        played - problems.len()
    );
    let failures = repl::try_out(root, &module)?;
    match &failures {
        Some(failures) => {
            inox_progress::complain!("{failures}\nWhat a page does to a program beside typing has failed")
        }
        None => inox_progress::print_line!("The programs end, crash, start again and go on in another page"),
    }
    Ok(problems.is_empty() && failures.is_none())
}

fn check_shell(root: &Path) -> Result<bool> {
    let tried = shell::check(root)?;
    for problem in &tried.problems {
        inox_progress::complain!("{problem}");
    }
    let (run, accepted, wrong) = (tried.run, tried.accepted, tried.problems.len());
    inox_progress::print_line!(
        "Of the commands that the pages show, {run} were run and {accepted} looked at; {wrong} are wrong"
    );
    Ok(tried.problems.is_empty())
}

/// Builds the book into `out`.
fn build(root: &Path, out: &Path, with_repl: bool) -> Result<bool> {
    let module = if with_repl { Some(repl::build(root)?) } else { None };
    let book = root.join("book");
    let progress = Progress::new("reading the chapters");
    let mut problems = check::sources(&book.join("src"))?;
    progress.set_message("looking for what the chapters name");
    problems.extend(references::check(root)?);
    progress.set_message("checking the spelling");
    problems.extend(spelling::check(root)?);
    progress.set_message("building the pages");
    let mut config = mdbook_driver::config::Config::from_disk(book.join("book.toml"))?;
    config.build.build_dir = out.to_path_buf();
    config.build.create_missing = false;
    config.build.use_default_preprocessors = false;
    if with_repl {
        let name = "output.html.additional-js";
        let mut scripts: Vec<String> = config.get(name)?.unwrap_or_default();
        scripts.extend(["theme/kept.js".into(), "theme/repl.js".into()]);
        config.set(name, scripts)?;
    }
    let mut mdbook = MDBook::load_with_config(&book, config)?;
    let directives = Directives::new(root)?;
    let found = directives.problems();
    mdbook.with_preprocessor(directives);
    mdbook.build().context("mdbook cannot build the book")?;
    if let Some(module) = module {
        progress.set_message("packing the REPLs for the pages");
        repl::pack(root, &module, out)?;
    }
    problems.append(&mut found.borrow_mut());
    if problems.is_empty() {
        progress.set_message("following the links");
        problems = check::rendered(out)?;
    }
    drop(progress);
    for problem in &problems {
        inox_progress::complain!("{problem}");
    }
    match problems.len() {
        0 => inox_progress::print_line!("The book is in {}", out.join("index.html").display()),
        1 => inox_progress::complain!("book: one problem"),
        more => inox_progress::complain!("book: {more} problems"),
    }
    Ok(problems.is_empty())
}

/// The repository this program was built from.
fn repository() -> Result<PathBuf> {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.ancestors().nth(2).map(Path::to_path_buf).context("scripts/book has no repository around it")
}
