//! The words of commands and expectations: one parser and one writer for palette, steps, prompt and tests.
//!
//! `docs/commands.md` has the grammar as EBNF. Nothing here knows whether a command can be carried out.

mod complete;
mod expect;
mod expect_store;
mod operate;
mod read;
mod token;
mod verbs;
mod write;

pub use complete::{Completion, Known, Part, complete};
pub use expect::{ExpectHelp, expectations};
pub use verbs::{VerbHelp, verbs};

use super::{Command, Expectation, LinkSet};
use crate::base::Names;
use crate::message::Operation;
use std::fmt;
use std::ops::Range;

/// The most times that one `query` asks: more at once is a load, and `load` is for that.
pub const TIMES_MAX: u32 = 10_000;

/// The slowest rate of the clock: a millisecond of the lab takes a second.
pub const SPEED_MIN: f64 = 0.001;

/// The fastest rate of the clock: beyond it, timers of real sockets come too late to mean anything.
pub const SPEED_MAX: f64 = 100.0;

/// The longest line that is read, in bytes: nobody types more, and every message about it stays short.
pub const LINE_MAX: usize = 4096;

/// What is wrong with a line, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GrammarError {
    /// The bytes of the line that the error is about.
    pub at: Range<usize>,
    /// What is wrong.
    pub message: String,
    /// What would be right.
    pub help: String,
}

impl fmt::Display for GrammarError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}; {}", self.message, self.help)
    }
}

impl std::error::Error for GrammarError {}

/// Reads one command.
///
/// # Errors
/// The word that is wrong, and what would be right.
pub fn command(line: &str, names: &Names) -> Result<Command, GrammarError> {
    check_length(line)?;
    read::command(&mut token::Reader::new(line, names))
}

/// Reads one operation on the store as a list of them has it: `post lobby hello {n}`.
///
/// # Errors
/// The word that is wrong, and what would be right.
pub fn operation(line: &str) -> Result<Operation, GrammarError> {
    check_length(line)?;
    operate::operation(&mut token::Reader::new(line, &Names::default()))
}

/// Reads one expectation.
///
/// # Errors
/// The word that is wrong, and what would be right.
pub fn expectation(line: &str, names: &Names) -> Result<Expectation, GrammarError> {
    check_length(line)?;
    expect::expectation(&mut token::Reader::new(line, names))
}

/// The words of a command, such that [`command`] reads them back.
#[must_use]
pub fn words(command: &Command, names: &Names) -> String {
    write::command(command, names)
}

/// The words of an expectation, such that [`expectation`] reads them back.
#[must_use]
pub fn expectation_words(expectation: &Expectation, names: &Names) -> String {
    write::expectation(expectation, names)
}

/// The words of a set of links, as commands write them: `ls->ts1`.
#[must_use]
pub fn link_words(links: &LinkSet, names: &Names) -> String {
    write::links(links, names)
}

fn check_length(line: &str) -> Result<(), GrammarError> {
    if line.len() <= LINE_MAX {
        return Ok(());
    }
    Err(GrammarError {
        at: 0..0,
        message: format!("this line is {} bytes long", line.len()),
        help: format!("a line has at most {LINE_MAX} bytes"),
    })
}
