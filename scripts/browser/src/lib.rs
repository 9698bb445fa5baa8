//! The REPLs of all milestones, as one module of WebAssembly for the pages of the book.
//!
//! They are the milestones' own: nothing of a database is here. A page has no disk, so the database lies in memory
//! (milestone 1) or on the simulated disk; and it cannot wait for a line, so a conversation goes on in turns: the page
//! calls [`turn`] whenever there is something new, and is told whether there will be another.
//!
//! What is typed comes on standard input, and answers go to standard output and standard error, through the few calls
//! of WASI (`wasi_snapshot_preview1`) that `machine.js` has; those of `files.js` are for what a session reads and for
//! temporary files. So no pointers cross the border, and the exported
//! names are the only thing here that the compiler calls unsafe: another function of that name would be a clash.

#![deny(unsafe_code)]

mod conversation;
mod milestones;
mod settings;

use std::cell::RefCell;
use std::io;
use std::path::Path;

use conversation::Conversation;

/// The one folder that a page has (`files.js`).
const FOLDER: &str = "/";

thread_local! {
    static CONVERSATION: RefCell<Option<Box<dyn Conversation>>> = const { RefCell::new(None) };
}

/// Begins a conversation with a milestone; standard input has the options of its command line. `typed` is 1 if a person
/// will type, 0 to answer as through a pipe, with each line printed before its answer. Answers as [`turn`] does.
#[allow(unsafe_code)]
#[unsafe(no_mangle)]
pub extern "C" fn start(milestone: u32, typed: u32) -> u32 {
    let arguments = io::read_to_string(io::stdin()).unwrap_or_default();
    // WASI knows of no place for temporary files. It fails if it has been said before, and then it holds.
    let _ = tempfile::env::override_temp_dir(Path::new(FOLDER));
    let begun = milestones::begin(milestone, &arguments, typed != 0);
    CONVERSATION.with_borrow_mut(|conversation| match begun {
        Ok(begun) => {
            *conversation = Some(begun);
            1
        }
        Err(error) => {
            m5_sql::repl::complain(&format!("{error}\n"));
            0
        }
    })
}

/// Carries out the lines on standard input. 1 if the conversation goes on, 0 if it has ended.
#[allow(unsafe_code)]
#[unsafe(no_mangle)]
pub extern "C" fn turn() -> u32 {
    let typed = io::read_to_string(io::stdin()).unwrap_or_default();
    converse(|conversation| conversation.turn(&typed))
}

/// Ends the program in order, and starts it again on the same disk.
#[allow(unsafe_code)]
#[unsafe(no_mangle)]
pub extern "C" fn restart() -> u32 {
    converse(|conversation| conversation.restart(true))
}

/// Ends the program as `kill -9` would, and starts it again.
#[allow(unsafe_code)]
#[unsafe(no_mangle)]
pub extern "C" fn kill() -> u32 {
    converse(|conversation| conversation.restart(false))
}

/// A program that has ended stays, since its disk does: it can be started again.
fn converse(action: impl FnOnce(&mut dyn Conversation) -> bool) -> u32 {
    CONVERSATION.with_borrow_mut(|conversation| {
        let goes_on = conversation.as_mut().is_some_and(|conversation| action(conversation.as_mut()));
        u32::from(goes_on)
    })
}
