//! The reader's path: a project begins as the stage before, and exactly those sessions are red then that
//! `cargo x start` announces: the new stage's own, and those that say `differs`. What does not differ must hold.

use std::thread;

use anyhow::{Result, ensure};
use inox_tests::{stages, verdict};

#[test]
fn what_is_red_at_the_start_of_a_stage_is_what_was_announced() {
    thread::scope(|scope| {
        let stages = (2..=5).map(|stage| scope.spawn(move || start_of(stage)));
        for checked in stages.collect::<Vec<_>>() {
            checked.join().unwrap().unwrap();
        }
    });
}

fn start_of(stage: u32) -> Result<()> {
    let program = stages::program(stage - 1)?;
    for session in verdict::sessions(stage)? {
        let announced = session.told_by(stage) == stage;
        let verdict = verdict::judge(&session, stage, program)?;
        ensure!(
            announced == verdict.broken.is_some(),
            "{} at the start of stage {stage}: {}",
            session.name,
            verdict.broken.as_deref().unwrap_or("it holds already")
        );
    }
    Ok(())
}
