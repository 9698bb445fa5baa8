//! The command language of milestones 1 to 4: whatever text.

use crate::screen::Screen;
use crate::sqlstate;

/// A script for a stage; the first byte says for which.
pub fn command(bytes: &[u8]) -> bool {
    let Some((stage, script)) = bytes.split_first() else { return false };
    match stage % 4 {
        0 => m1(script),
        1 => m2(script),
        2 => m3(script),
        _ => m4(script),
    }
}

/// Not what would read a file of the machine, or end the program.
fn is_harmless(command: &str) -> bool {
    let is_other = |c: char| !c.is_ascii_alphanumeric() && c != '\\';
    let name = command.trim_start().split(is_other).next().unwrap_or_default().to_ascii_lowercase();
    !name.starts_with("\\i") && !name.starts_with("\\crash")
}

macro_rules! commands {
    ($function:ident, $stage:ident, $session:expr) => {
        fn $function(script: &[u8]) -> bool {
            use $stage::repl::{Gatherer, Output, Session, run_command};
            let screen = Screen::default();
            let output = Output::new(Box::new(screen.clone()), Box::new(screen.clone()));
            let Some(mut session): Option<Session> = $session(output) else { return false };
            let (mut gatherer, mut done) = (Gatherer::default(), 0);
            for line in script.split(|byte| *byte == b'\n').take(64) {
                if !gatherer.add(line) {
                    continue;
                }
                match gatherer.take() {
                    Ok(text) if !is_harmless(&text) => {}
                    Ok(text) => match run_command(&mut session, &text) {
                        Ok(()) => done += usize::from(!text.trim().is_empty()),
                        Err(error) => sqlstate(error.state().code(), &error),
                    },
                    Err(error) => sqlstate(error.state().code(), &error),
                }
            }
            let problems = session.database.check().problems;
            assert!(problems.is_empty(), "{problems:?}");
            session.output.flush();
            screen.assert_safe();
            done > 0
        }
    };
}

commands!(m1, m1_storage, |output| {
    let database =
        m1_storage::database::Database::open(std::sync::Arc::new(m1_storage::vfs::MemoryVfs::new()));
    Some(Session::new(database.ok()?, output, false))
});

macro_rules! simulated {
    ($stage:ident, $options:expr) => {
        |output| {
            let place = $stage::repl::Place::simulated(1, $options);
            let database = place.reopen().ok()?;
            Some(Session::new(place, database, output, false))
        }
    };
}

commands!(
    m2,
    m2_wal,
    simulated!(m2_wal, m2_wal::buffer::Options { segment_size: 1 << 16, ..Default::default() })
);
commands!(
    m3,
    m3_buffer_pool,
    simulated!(
        m3_buffer_pool,
        m3_buffer_pool::buffer::Options {
            shared_buffers: 1 << 17,
            max_wal_size: 1 << 17,
            segment_size: 1 << 16
        }
    )
);
commands!(
    m4,
    m4_catalogs,
    simulated!(
        m4_catalogs,
        m4_catalogs::buffer::Options {
            shared_buffers: 1 << 17,
            max_wal_size: 1 << 17,
            segment_size: 1 << 16
        }
    )
);

/// A script that has most commands in it, for each stage, and shorter ones.
pub fn seeds() -> Vec<Vec<u8>> {
    let scripts = [
        "create t (a integer not null, b varchar(20), c double precision, d boolean)\ninsert t (1, 'one', 1.5, true), \
         (2, null, -2e3, false)\nscan t\nget t (0,1)\nupdate t (0,1) (3, 'three', 0, null)\ndelete t (0,2)\nvacuum t\n\
         \\page t 0\ntables\n\\check\n",
        "create \"T\" (\"x y\" text)\ninsert \"T\" ('a''b'),\n('c -- d'), -- more\n('e')\nscan \"T\"\n",
        "begin\ncreate t (a bigint)\ninsert t (1)\ncommit\nbegin\ninsert t (2)\nrollback\nscan t\n",
        "create t (a int)\ncheckpoint\n\\wal\n\\control\n\\buffers\nset shared_buffers 1MB\n\\d\n\\d t\n\\dt\nsync\n",
        "drop t\nalter t rename u\nscan pg_class\ninsert pg_class (1)\n\\h\n\\timing\n\\set verbosity verbose\n",
        "create t (a smallint)\ninsert t (40000)\ninsert t (1, 2)\ninsert t ('x')\nget t (9,9)\nscan nothing\n?\n",
    ];
    (0..4_u8)
        .flat_map(|stage| scripts.iter().map(move |script| [&[stage], script.as_bytes()].concat()))
        .collect()
}
