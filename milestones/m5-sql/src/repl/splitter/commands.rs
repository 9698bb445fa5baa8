//! Backslashes between statements: where the command that one begins ends, and what becomes of the rest of its line.

use super::{Inside, Piece, Splitter};

impl Splitter {
    /// `\;` is a semicolon that does not send the statement yet, `\:` a colon that begins no variable.
    pub(super) fn join(&mut self) {
        self.joined |= self.text[self.at + 1] == b';';
        // What comes first is no part of a statement if it is a space.
        self.start += usize::from(self.start == self.at);
        self.text[self.at] = b' ';
        self.at += 2;
    }

    /// A command, to the end of its line or to the next backslash. A statement in progress goes on after it.
    pub(super) fn command(&mut self) -> Piece<'_> {
        let start = self.at;
        let end = start + command_len(&self.text[start..self.line_end()]);
        if end > start + 1 && self.text[end..].starts_with(b"\\\\") {
            // It ends this command and begins none.
            self.text[end..end + 2].fill(b' ');
        }
        if self.start == start {
            self.at = end;
            self.skip_blank();
            self.start = self.at;
            return Piece::Command(self.text[start..end].trim_ascii_end());
        }
        // The command is moved before the statement, so that the statement stays in one piece.
        let len = end - start;
        self.text[self.start..end].rotate_right(len);
        let start = self.start;
        self.start += len;
        self.at = end;
        Piece::Command(self.text[start..start + len].trim_ascii_end())
    }

    /// Forgets the statement in progress (`\r`).
    pub fn reset(&mut self) {
        self.start = self.at;
        (self.inside, self.depth, self.too_long, self.joined) = (Inside::Nothing, 0, false, false);
        self.skip_blank();
    }

    /// Forgets what follows on the line, as psql does after a command that failed.
    pub fn skip_line(&mut self) {
        let end = self.line_end();
        self.text.drain(self.at..end);
        self.skip_blank();
    }
}

/// How much of a line is the command that it begins with: up to the next backslash that is not in quotes. `\copy`,
/// `\h` and what `\g` pipes to have the whole of it.
fn command_len(line: &[u8]) -> usize {
    let name_ends = |byte: &u8| byte.is_ascii_whitespace() || *byte == b'\\';
    let name = 1 + line[1..].iter().position(name_ends).unwrap_or(line.len() - 1);
    let is_whole = match &line[..name] {
        b"\\g" => line[name..].trim_ascii_start().starts_with(b"|"),
        name => name == b"\\copy" || name == b"\\h",
    };
    if is_whole {
        return line.len();
    }
    let mut quote = None;
    let end = line[name..].iter().position(|byte| match quote {
        Some(open) => {
            if *byte == open {
                quote = None;
            }
            false
        }
        None => {
            quote = Some(*byte).filter(|byte| matches!(byte, b'\'' | b'"'));
            *byte == b'\\'
        }
    });
    end.map_or(line.len(), |end| name + end)
}
