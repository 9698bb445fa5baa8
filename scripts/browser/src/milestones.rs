//! The milestones' sessions as conversations: the same lines for each, where only the names differ.

use std::sync::OnceLock;
use std::time::Instant;

use crate::conversation::{self, Conversation, Lines};
use crate::settings::Settings;

/// Begins a conversation; or says why there is none.
pub fn begin(milestone: u32, arguments: &str, typed: bool) -> Result<Box<dyn Conversation>, String> {
    let settings = Settings::read(arguments);
    match milestone {
        1 => m1::begin(&settings, typed),
        2 => m2::begin(&settings, typed),
        3 => m3::begin(&settings, typed),
        4 => m4::begin(&settings, typed),
        5 => m5::begin(&settings, typed),
        _ => Err(format!("there is no milestone {milestone}")),
    }
}

/// `$engine` is a milestone's crate, and `$pending` what it keeps of a statement that was begun. `$place` says where the
/// database lies, `$session` makes a session there, `$left` says where a session's database lies now (a power cut changes
/// the seed of the next), and `$ended` whether `\q` was typed.
macro_rules! milestone {
    ($name:ident: $engine:ident, $pending:ident, $place:expr, $session:expr, $left:expr, $ended:expr) => {
        mod $name {
            use super::{Conversation, Lines, Settings, conversation};
            use $engine::database::Database;
            use $engine::error::Result;
            use $engine::repl::{Input, Output, Place, Session, Terminal, Typed, complain, $pending};

            const PLACE: fn(&Settings) -> Result<Place> = $place;
            const SESSION: fn(Place, Database, Output, bool) -> Session = $session;
            const LEFT: fn(&Session, &Place) -> Place = $left;
            const ENDED: fn(&Session) -> bool = $ended;

            struct Program {
                place: Place,
                /// None once the program has ended, until it is started again.
                session: Option<Session>,
                pending: $pending,
                typed: bool,
            }

            /// A person in front of a page.
            struct Person(Lines);

            impl Terminal for Person {
                fn next(&mut self, prompt: &str) -> std::io::Result<Typed> {
                    Ok(match self.0.next(prompt) {
                        conversation::Typed::Line(line) => Typed::Line(line),
                        conversation::Typed::Abandoned => Typed::Abandoned,
                        conversation::Typed::Nothing => Typed::End,
                    })
                }

                /// The page itself keeps what was typed.
                fn remember(&mut self, _: &str) {}
            }

            pub fn begin(
                settings: &Settings,
                typed: bool,
            ) -> std::result::Result<Box<dyn Conversation>, String> {
                let place = PLACE(settings).map_err(|error| error.to_string())?;
                let mut program = Program { place, session: None, pending: $pending::default(), typed };
                program.open().map_err(|error| error.to_string())?;
                Ok(Box::new(program))
            }

            impl Program {
                fn open(&mut self) -> Result<()> {
                    let database = self.place.open()?;
                    let mut session = SESSION(self.place.clone(), database, Output::standard(), self.typed);
                    session.echo = !self.typed;
                    session.greet();
                    self.session = Some(session);
                    self.turn("");
                    Ok(())
                }

                /// Ends the program. Without order, what it would have done at its end is not done.
                fn end(&mut self, in_order: bool) -> Result<()> {
                    let Some(mut session) = self.session.take() else { return Ok(()) };
                    self.place = LEFT(&session, &self.place);
                    self.pending = $pending::default();
                    session.output.flush();
                    if in_order { session.database.close() } else { Ok(()) }
                }
            }

            impl Conversation for Program {
                fn turn(&mut self, typed: &str) -> bool {
                    let Some(session) = &mut self.session else { return false };
                    // Neither lines in memory nor a page's standard output fail.
                    let _ = match self.typed {
                        true => {
                            session.go_on(&mut self.pending, &mut Input::terminal(Person(Lines::new(typed))))
                        }
                        // Each time the whole of a pipe: what was begun ends with it.
                        false => session.run(&mut Input::text(typed)),
                    };
                    let ended = ENDED(session);
                    if ended {
                        session.part();
                    }
                    session.output.flush();
                    if ended && let Err(error) = self.end(true) {
                        complain(&format!("{error}\n"));
                    }
                    !ended
                }

                fn restart(&mut self, in_order: bool) -> bool {
                    if let Err(error) = self.end(in_order).and_then(|()| self.open()) {
                        complain(&format!("{error}\n"));
                        return false;
                    }
                    true
                }
            }
        }
    };
}

/// A milestone with a log, whose disk can lose its power; `$setting` is its option that is not about the log.
macro_rules! logged {
    ($name:ident: $engine:ident, $pending:ident, $setting:expr, $session:expr, $ended:expr) => {
        milestone!(
            $name: $engine,
            $pending,
            |settings| {
                let mut options = $engine::buffer::Options::default();
                if let Some(size) = settings.get("--segment-size") {
                    // A size that is none is refused by the log.
                    let size = $engine::sizes::parse("segment_size", size, 1)?;
                    options.segment_size = u32::try_from(size).unwrap_or(u32::MAX);
                }
                if let Some(size) = settings.get("--max-wal-size") {
                    options.max_wal_size = $engine::sizes::parse("max_wal_size", size, 1 << 20)?;
                }
                let set: fn(&Settings, &mut $engine::buffer::Options) -> Result<()> = $setting;
                set(settings, &mut options)?;
                Ok(Place::simulated(settings.seed(), options))
            },
            $session,
            |session, _| session.place.clone(),
            $ended
        );
    };
}

/// `--shared-buffers`, of the milestones that have a pool.
macro_rules! shared_buffers {
    ($engine:ident) => {
        |settings, options| {
            if let Some(size) = settings.get("--shared-buffers") {
                options.shared_buffers = $engine::sizes::shared_buffers(size)?;
            }
            Ok(())
        }
    };
}

milestone!(
    m1: m1_storage,
    Gatherer,
    |_| Ok(Place::memory()),
    |_, database, output, typed| Session::new(database, output, typed),
    |_, place| place.clone(),
    |session| session.done
);
logged!(
    m2: m2_wal,
    Gatherer,
    |settings, options| {
        if let Some(pages) = settings.get("--dirty-pages").and_then(|pages| pages.parse().ok()) {
            options.dirty_pages = pages;
        }
        Ok(())
    },
    Session::new,
    |session| session.done
);
logged!(m3: m3_buffer_pool, Gatherer, shared_buffers!(m3_buffer_pool), Session::new, |session| session.done);
logged!(m4: m4_catalogs, Gatherer, shared_buffers!(m4_catalogs), Session::new, |session| session.done);
logged!(
    m5: m5_sql,
    Splitter,
    shared_buffers!(m5_sql),
    |place, mut database, output, typed| {
        database.set_clock(super::milliseconds_since_start);
        Session::new(place, database, output, typed)
    },
    |session| session.end.is_some()
);

/// The clock that EXPLAIN ANALYZE reads.
fn milliseconds_since_start() -> f64 {
    static START: OnceLock<Instant> = OnceLock::new();
    START.get_or_init(Instant::now).elapsed().as_secs_f64() * 1000.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_milestone_begins_goes_on_and_starts_again() {
        for milestone in 1..=5 {
            let mut conversation = begin(milestone, "--segment-size 64kB", false).unwrap();
            assert!(conversation.turn("\\timing off\n"), "milestone {milestone}");
            assert!(conversation.restart(true) && conversation.restart(false), "milestone {milestone}");
            assert!(!conversation.turn("\\q\n"), "milestone {milestone}");
            assert!(!conversation.turn("\\timing off\n"), "milestone {milestone}");
            for in_order in [true, false] {
                assert!(conversation.restart(in_order), "milestone {milestone}");
                assert!(!conversation.turn("\\q\n"), "milestone {milestone}");
            }
        }
    }

    #[test]
    fn what_cannot_begin_says_why() {
        assert_eq!(begin(6, "", true).err().unwrap(), "there is no milestone 6");
        let error = begin(5, "--shared-buffers 1", true).err().unwrap();
        assert!(error.contains("shared_buffers"), "{error}");
    }
}
