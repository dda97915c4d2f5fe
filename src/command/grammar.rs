//! The words of commands and expectations: one parser and one writer for palette, steps, prompt and tests.

use super::{Command, Expectation};
use crate::base::Names;
use std::fmt;
use std::ops::Range;

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
pub fn command(_line: &str, _names: &Names) -> Result<Command, GrammarError> {
    Err(GrammarError { at: 0..0, message: String::new(), help: String::new() })
}

/// Reads one expectation.
///
/// # Errors
/// The word that is wrong, and what would be right.
pub fn expectation(_line: &str, _names: &Names) -> Result<Expectation, GrammarError> {
    Err(GrammarError { at: 0..0, message: String::new(), help: String::new() })
}

/// The words of a command, such that [`command`] reads them back.
#[must_use]
pub fn words(_command: &Command, _names: &Names) -> String {
    String::new()
}
