//! Commands on standard input, one a line, for runs without a panel.

use crate::base::Names;
use crate::command::{Command, grammar};
use std::io::BufRead;
use std::sync::mpsc::{Receiver, sync_channel};
use std::thread;

/// Lines that wait to be taken; a pipe that is faster waits itself.
const LINES_MAX: usize = 64;

/// The longest line that can be a command.
const LINE_BYTES_MAX: usize = 4096;

/// What standard input has to say.
#[derive(Debug)]
pub struct Lines {
    lines: Receiver<String>,
}

impl Lines {
    /// Begins to read.
    #[must_use]
    pub fn read() -> Self {
        let (send, lines) = sync_channel(LINES_MAX);
        // The thread sits in a read that nothing can end; the process takes it along when it exits.
        thread::spawn(move || {
            for line in std::io::stdin().lock().lines() {
                let Ok(line) = line else { return };
                if send.send(line).is_err() {
                    return;
                }
            }
        });
        Self { lines }
    }

    /// The next line, if one has come. None also when no more will come: then the run goes on without commands.
    pub fn next(&mut self) -> Option<String> {
        self.lines.try_recv().ok()
    }
}

/// Reads a command line; blank lines and `#` comments are nothing. The error shows the line and points at the word.
///
/// # Errors
/// Text for the person who typed it.
pub fn command(line: &str, names: &Names) -> Result<Option<Command>, String> {
    let text = line.trim();
    if text.is_empty() || text.starts_with('#') {
        return Ok(None);
    }
    if text.len() > LINE_BYTES_MAX {
        return Err(format!("a command has at most {LINE_BYTES_MAX} bytes\n"));
    }
    grammar::command(text, names).map(Some).map_err(|error| {
        let before = text.get(..error.at.start).unwrap_or(text).chars().count();
        let word = text.get(error.at.clone()).unwrap_or("").chars().count().max(1);
        let shown = crate::base::Shown::new(text);
        let marks = "^".repeat(word);
        format!("{shown}\n{:before$}{marks} {error}\n", "")
    })
}
