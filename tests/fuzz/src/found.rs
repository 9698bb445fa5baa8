//! Inputs that once found something: what they found must not come back, and what is like them is worth a try.
//! They are tried in every test run, and mutated like other seeds.

const FOUND: &[(&str, &[u8])] = &[
    // An unknown command whose first character has more than one byte.
    ("command", "\u{0}\u{21ac}".as_bytes()),
    ("command", "\u{3}€ 1\nget t (0,1)".as_bytes()),
    // A default in pg_attrdef that is no expression: damage, and said to be a fault of the engine.
    ("catalog_m5", b"\xff\x00\x03\x00\x33\xff\x00\x00\x24\x34\x33\x33\x33\x06\x01\x02\x03\x94\xc2\x0f\x76\xf7\x18\x34\x33\x33\x33\x01\x01\x02\x03"),
    // Bytes over a line pointer, and then over the item that it no longer led to: the target itself left the page.
    ("node", b"\xcc\xf7\x62\x2e\xfc\x02\xa1\xeb\x77\xba\xf4\xc3\x9f\x77\x47\xd6\xe8\xb1\x01\x36\xdd\x15\x20\xd5\xe6\x61\x1f\xc8\xba\x90\x4d\x02\x7e\xe8\x12\x00\x00\x00\x00\x36\x02\x12\x00"),
    // A check in a block that has failed, after an index was half made or a row was half stored.
    ("sql", b"BEGIN; INSERT INTO t VALUES (9, 'x', 0, true), (1, 'dup', 0, true)"),
    ("sql", b"BEGIN; INSERT INTO u VALUES (1, 1, 'a'), (1, 1, 'a'); CREATE UNIQUE INDEX i ON u (x)"),
];

/// What a target has found.
pub fn of(target: &str) -> impl Iterator<Item = &'static [u8]> {
    FOUND.iter().filter(move |(name, _)| *name == target).map(|(_, bytes)| *bytes)
}
