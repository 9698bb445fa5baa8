//! A shell that is killed the moment its script is through.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

use super::DONE;

/// Gives a shell the script, and `question`, whose answer is [`DONE`]; kills it when that has come.
pub fn run_and_kill(command: &mut Command, script: &Path, question: &str) -> Result<()> {
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
    let (Some(mut input), Some(output)) = (child.stdin.take(), child.stdout.take()) else {
        bail!("a shell without input and output");
    };
    // Both are short of a pipe's capacity only by luck: the script is written while the answer is awaited.
    let mut script = File::open(script).with_context(|| script.display().to_string())?;
    let question = format!("{question}\n");
    let feeder = std::thread::spawn(move || -> io::Result<_> {
        io::copy(&mut script, &mut input)?;
        input.write_all(question.as_bytes())?;
        input.flush()?;
        // Not closed: a shell whose input ends would end in an orderly way.
        Ok(input)
    });
    let through = BufReader::new(output).lines().map_while(Result::ok).any(|line| line == DONE);
    child.kill()?;
    child.wait()?;
    let fed = feeder.join().map_err(|_| anyhow::anyhow!("the script was not written"))?;
    if !through {
        fed?;
        bail!("{:?} ended before its script", command.get_program());
    }
    Ok(())
}
