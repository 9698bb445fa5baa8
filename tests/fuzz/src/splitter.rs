//! The milestone 5 REPL's splitter: whatever text, in whatever pieces.

use m5_sql::repl::{Piece, Splitter, Variables};

/// A text's pieces are the same, however much of it is known when the next one is asked for; and each statement is
/// one when it comes alone.
pub fn splitter(bytes: &[u8]) -> bool {
    let lines: Vec<&[u8]> = bytes.split(|byte| *byte == b'\n').collect();
    let one_by_one = pieces(lines.chunks(1));
    // What is asked for only at the end of several lines; a command does not change what follows it here.
    for size in [2, 5, lines.len()] {
        assert_eq!(pieces(lines.chunks(size)), one_by_one, "{size} lines at a time");
    }
    for piece in &one_by_one {
        if let Owned::Statement(text) = piece {
            let again: Vec<&[u8]> = text.split(|byte| *byte == b'\n').collect();
            let again = pieces(again.chunks(1));
            assert_eq!(again, [Owned::Statement(text.clone())], "a statement alone");
        }
    }
    if let Ok(text) = std::str::from_utf8(bytes) {
        sent_as_one(text);
    }
    one_by_one.iter().any(|piece| matches!(piece, Owned::Statement(_)))
}

/// The statements of a text that is sent as one lie in it, one after the other.
fn sent_as_one(text: &str) {
    let mut end = 0;
    for range in Splitter::statements(text) {
        assert!(end <= range.start && !text[range.clone()].is_empty(), "{range:?}");
        end = range.end;
    }
}

#[derive(Debug, PartialEq)]
enum Owned {
    Statement(Vec<u8>),
    Statements(Vec<u8>),
    Command(Vec<u8>),
    TooLong,
}

fn pieces<'a>(groups: impl Iterator<Item = &'a [&'a [u8]]>) -> Vec<Owned> {
    let (variables, mut splitter, mut pieces) = (Variables::default(), Splitter::default(), Vec::new());
    for lines in groups {
        lines.iter().for_each(|line| splitter.add_line(line));
        take(&mut splitter, &variables, &mut pieces);
    }
    splitter.end();
    take(&mut splitter, &variables, &mut pieces);
    assert!(!splitter.is_pending());
    pieces
}

fn take(splitter: &mut Splitter, variables: &Variables, pieces: &mut Vec<Owned>) {
    while let Some(piece) = splitter.next(variables) {
        pieces.push(match piece {
            Piece::Statement(text) => Owned::Statement(text.to_vec()),
            Piece::Statements(text) => Owned::Statements(text.to_vec()),
            Piece::Command(text) => Owned::Command(text.to_vec()),
            Piece::TooLong => Owned::TooLong,
        });
    }
}

/// The same with variables that are set: the text changes while it is split, so only that it ends is asked.
pub fn variables(bytes: &[u8]) -> bool {
    let mut variables = Variables::default();
    variables.set("a", "1");
    variables.set("b", "it's; (");
    variables.set("c", ":c :a \" $x$");
    let (mut splitter, mut statements) = (Splitter::default(), 0);
    for line in bytes.split(|byte| *byte == b'\n') {
        splitter.add_line(line);
        let _ = (splitter.unfinished(), splitter.is_quoted(), splitter.is_pending());
        if let Ok(text) = std::str::from_utf8(line) {
            variables.expand(text);
        }
        while let Some(piece) = splitter.next(&variables) {
            statements += usize::from(matches!(piece, Piece::Statement(_)));
        }
    }
    splitter.end();
    while splitter.next(&variables).is_some() {
        statements += 1;
    }
    statements > 0
}

/// Scripts with all that a splitter has to know.
pub fn seeds() -> Vec<Vec<u8>> {
    [
        "SELECT 1; SELECT 2;\nSELECT 3",
        "INSERT INTO t VALUES ('it''s; (', \"a;b\");\n-- no; statement\nSELECT 'x\ny';",
        "SELECT $$a;b$$, $t$ ; $u$ $t$; /* c; /* d */ ; */ SELECT e'\\';' ;",
        "SELECT (1;2);\\d t\nSELECT 1 \\g\nSELECT 2 \\r\n;;\n",
        "SELECT :a, :'b', :\"c\", a::text, :nothing;\n\\set x 1\n\\echo :a;\n",
        "SELECT e'a\\\\', E'\\'', te'\\';\n; ' unfinished",
        "\\\\\n\\q\n'\\q'\n\"",
        "SELECT 1 \\; SELECT ';'; \\echo a \\\\ SELECT 3 \\echo 'b\\c' \\copy d \\ e\nSELECT a\\:b \\g |f \\ g\n;",
    ]
    .iter()
    .map(|text| text.as_bytes().to_vec())
    .collect()
}
