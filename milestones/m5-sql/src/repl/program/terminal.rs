//! A person at a terminal: line editing, and a history that outlives the session.

use super::super::copy_lines;
use super::super::input::{Input, Terminal, Typed};
use super::completion::{Completion, Tab};
use rustyline::error::ReadlineError;
use rustyline::history::FileHistory;
use rustyline::{Cmd, CompletionType, Config, Editor, EventHandler, KeyCode, KeyEvent, Modifiers};
use std::io::{self, IsTerminal};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

/// Standard input: with line editing where a person sits at both ends.
pub fn open(interrupt: &Arc<AtomicBool>) -> io::Result<Input> {
    if io::stdin().is_terminal() && io::stdout().is_terminal() {
        return Ok(Input::terminal(LineEditor::open()?));
    }
    Ok(Input::standard(interrupt))
}

struct LineEditor {
    editor: Editor<Completion, FileHistory>,
    history: Option<PathBuf>,
}

impl LineEditor {
    fn open() -> io::Result<LineEditor> {
        let mut editor =
            Editor::with_history(config(), FileHistory::with_config(&config())).map_err(io::Error::other)?;
        editor.set_helper(Some(Completion::default()));
        let history = std::env::var_os("INOXDB_HISTORY").map(PathBuf::from).or_else(|| {
            let home = std::env::var_os("HOME")?;
            Some(PathBuf::from(home).join(".inoxdb_history"))
        });
        if let Some(path) = &history {
            // The first session has no history yet.
            let _ = editor.load_history(path);
        }
        Ok(LineEditor { editor, history })
    }
}

fn config() -> Config {
    let config = Config::builder().history_ignore_space(true).auto_add_history(false);
    config.completion_type(CompletionType::List).build()
}

impl Terminal for LineEditor {
    fn next(&mut self, prompt: &str) -> io::Result<Typed> {
        // In data, a tab is a tab.
        let tab = if prompt == copy_lines::PROMPT {
            EventHandler::Simple(Cmd::Insert(1, "\t".to_string()))
        } else {
            EventHandler::Conditional(Box::new(Tab))
        };
        self.editor.bind_sequence(KeyEvent(KeyCode::Tab, Modifiers::NONE), tab);
        match self.editor.readline(prompt) {
            Ok(line) => Ok(Typed::Line(line)),
            Err(ReadlineError::Interrupted) => Ok(Typed::Abandoned),
            Err(ReadlineError::Eof) => Ok(Typed::End),
            Err(ReadlineError::Io(error)) => Err(error),
            Err(error) => Err(io::Error::other(error)),
        }
    }

    fn offer(&mut self, names: Vec<String>) {
        self.editor.set_helper(Some(Completion { names }));
    }

    /// The editor keeps what was typed ahead; a new one has none of it.
    fn forget(&mut self) {
        let Ok(editor) = Editor::with_history(config(), std::mem::take(self.editor.history_mut())) else {
            return;
        };
        let mut old = std::mem::replace(&mut self.editor, editor);
        self.editor.set_helper(old.helper_mut().map(std::mem::take));
    }

    fn remember(&mut self, statement: &str) {
        if self.editor.add_history_entry(statement).unwrap_or(false)
            && let Some(path) = &self.history
        {
            // A history that cannot be written is no reason to disturb the session.
            let _ = self.editor.append_history(path);
        }
    }
}
