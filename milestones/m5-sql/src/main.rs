//! The program: a conversation with one data directory.

#![forbid(unsafe_code)]

use std::process::ExitCode;

fn main() -> ExitCode {
    m5_sql::repl::main()
}
