//! The program: reads the command line and hands over to a mode. Its exit code is the verdict.

use clap::Parser;
use faultlab::cli::Cli;
use faultlab::mode;
use std::process::ExitCode;

/// A lab takes and leaves thousands of small pieces for each question, on one thread and another.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    match Cli::try_parse() {
        Ok(cli) => mode::run(cli),
        Err(error) => mode::usage(&error),
    }
}
