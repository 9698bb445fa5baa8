//! A program as small as can be that behaves like a milestone's: the tests of the test harness talk to it.
//!
//! Its table is one file of lines. With `--lossy` it answers before it writes, which the harness must notice;
//! with `--shout` it lists in capitals, as a later stage that differs would.

use std::fs::{self, OpenOptions};
use std::io::{self, BufRead, IsTerminal, Write};
use std::path::PathBuf;
use std::thread;
use std::time::Duration;

fn main() -> io::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let has = |flag: &str| arguments.iter().any(|argument| argument == flag);
    let (echo, lossy, shout) = (has("--echo-all"), has("--lossy"), has("--shout"));
    let dir =
        PathBuf::from(arguments.iter().find(|argument| !argument.starts_with('-')).map_or("data", |dir| dir));
    let table = dir.join("table");
    if !dir.exists() {
        fs::create_dir(&dir)?;
        println!("created {}", dir.canonicalize()?.display());
    }
    let prompt = if io::stdin().is_terminal() { "echo> " } else { "" };
    let mut held_back = String::new();
    let mut input = io::stdin().lock();
    loop {
        print!("{prompt}");
        io::stdout().flush()?;
        let mut line = String::new();
        if input.read_line(&mut line)? == 0 {
            break;
        }
        if echo {
            print!("{line}");
        }
        let (command, rest) = line.trim().split_once(' ').unwrap_or((line.trim(), ""));
        match command {
            "" => {}
            "add" if lossy => {
                held_back.push_str(&format!("{rest}\n"));
                println!("ADD");
            }
            "add" => {
                let mut file = OpenOptions::new().create(true).append(true).open(&table)?;
                file.write_all(format!("{rest}\n").as_bytes())?;
                println!("ADD");
            }
            "list" => {
                let lines = fs::read_to_string(&table).unwrap_or_default();
                print!("{}", if shout { lines.to_uppercase() } else { lines });
            }
            "time" => println!("Time: {}ms", std::process::id()),
            "hang" => loop {
                thread::sleep(Duration::from_secs(1));
            },
            "crash" => std::process::abort(),
            "\\q" => break,
            _ => eprintln!("ERROR: unknown command {command}"),
        }
    }
    OpenOptions::new().create(true).append(true).open(&table)?.write_all(held_back.as_bytes())
}
