//! A person at a terminal: line editing, and a history that outlives the session.

use super::super::input::{Input, Terminal, Typed};
use rustyline::error::ReadlineError;
use rustyline::history::FileHistory;
use rustyline::{Cmd, Config, Editor, KeyCode, KeyEvent, Modifiers};
use std::io::{self, IsTerminal};
use std::path::PathBuf;

/// Standard input: with line editing where a person sits at both ends.
pub fn open() -> io::Result<Input> {
    if io::stdin().is_terminal() && io::stdout().is_terminal() {
        return Ok(Input::terminal(LineEditor::open()?));
    }
    Ok(Input::stream(io::stdin()))
}

struct LineEditor {
    editor: Editor<(), FileHistory>,
    history: Option<PathBuf>,
}

impl LineEditor {
    fn open() -> io::Result<LineEditor> {
        let config = Config::builder().history_ignore_space(true).auto_add_history(false).build();
        let mut editor = Editor::with_config(config).map_err(io::Error::other)?;
        // There is nothing to complete, and text that is pasted may have tabs in it.
        editor.bind_sequence(KeyEvent(KeyCode::Tab, Modifiers::NONE), Cmd::Insert(1, "\t".to_string()));
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

impl Terminal for LineEditor {
    fn next(&mut self, prompt: &str) -> io::Result<Typed> {
        match self.editor.readline(prompt) {
            Ok(line) => Ok(Typed::Line(line)),
            Err(ReadlineError::Interrupted) => Ok(Typed::Abandoned),
            Err(ReadlineError::Eof) => Ok(Typed::End),
            Err(ReadlineError::Io(error)) => Err(error),
            Err(error) => Err(io::Error::other(error)),
        }
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
