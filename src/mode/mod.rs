//! The ways to use the program: each mode puts a lab, a world and a front end together.
//!
//! The only place, besides `main.rs`, that knows both the panel and the lab, and that prints.

mod addresses;
mod beside;
mod calibrate;
mod casting;
mod config;
mod data;
mod desk;
mod export;
mod files;
mod headless;
mod limits;
mod logs;
mod man;
mod notes;
mod origin;
pub mod panics;
mod plain;
mod recording;
mod repeat;
mod rotated;
mod session;
mod signals;
mod stdin;
mod tui;
mod watched;
mod whole;

pub use calibrate::What;

use crate::base::Shown;
use crate::cli::{Cli, Verb};
use crate::lab::PORT_BASE;
use crate::topology;
use clap::CommandFactory;
use std::io::{self, Write};
use std::process::ExitCode;

/// All is well. Runs use the codes of [`crate::report::Exit`] besides: 1 failed, 2 nothing can be said.
pub const EXIT_HELD: u8 = 0;
/// The command line or a topology file is wrong, or what is needed is not there (a terminal, a file).
pub const EXIT_USAGE: u8 = 3;

/// Does what the command line asks.
#[must_use]
pub fn run(mut cli: Cli) -> ExitCode {
    panics::are_shown();
    let port_base = cli.port_base.unwrap_or(PORT_BASE);
    if let Some(Verb::Run(run)) = &mut cli.verb {
        run.port_base = port_base;
    }
    // Held to the end: dropping it writes what still waits.
    let _log = matches!(cli.verb, None | Some(Verb::Run(_))).then(logs::begin);
    let code = match cli.verb {
        None => tui::pick(&cli.look, port_base),
        Some(Verb::Run(run)) if run.headless || run.plain => headless::run(&run, &cli.look),
        Some(Verb::Run(run)) => tui::run(&run, &cli.look),
        Some(Verb::Check { files, allow_nonlocal }) => files::check(&files, allow_nonlocal),
        Some(Verb::Calibrate(args)) => calibrate::run(&args, &cli.look),
        Some(Verb::Export(args)) => export::run(&args, &cli.look),
        Some(Verb::List) => files::list(),
        Some(Verb::Schema) => print(&format!("{:#}\n", topology::schema())),
        Some(Verb::Notes(args)) => notes::run(&args, &cli.look),
        Some(Verb::Keys) => tui::keys(&cli.look),
        Some(Verb::Paths) => data::paths(),
        Some(Verb::Man { of }) => man::page(of.as_deref()),
        Some(Verb::Completions { shell }) => completions(shell),
    };
    ExitCode::from(code.unwrap_or_else(|error| complain(&error)))
}

fn completions(shell: clap_complete::Shell) -> anyhow::Result<u8> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "faultlab", &mut script);
    print(&String::from_utf8_lossy(&script))
}

/// Writes to standard output. Whoever reads may stop reading: that is success.
fn print(text: &str) -> anyhow::Result<u8> {
    match io::stdout().write_all(text.as_bytes()).and_then(|()| io::stdout().flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(error.into()),
        _ => Ok(EXIT_HELD),
    }
}

/// Writes to standard error; there is nobody to tell if that fails.
fn complain_text(text: &str) {
    let _ = io::stderr().write_all(text.as_bytes());
}

fn complain(error: &anyhow::Error) -> u8 {
    complain_text(&shown_lines(&format!("faultlab: {error:#}\n")));
    EXIT_USAGE
}

/// What the command line's reader has to say: help and version on standard output, mistakes on standard error. Words
/// that somebody typed are shown harmless.
#[must_use]
pub fn usage(error: &clap::Error) -> ExitCode {
    if error.use_stderr() {
        complain_text(&shown_lines(&error.render().to_string()));
        return ExitCode::from(EXIT_USAGE);
    }
    // A closed pipe is no reason to complain.
    let _ = error.print();
    ExitCode::SUCCESS
}

/// Text of several lines, each of them safe to show.
fn shown_lines(text: &str) -> String {
    text.lines().fold(String::new(), |all, line| all + Shown::new(line).as_str() + "\n")
}
