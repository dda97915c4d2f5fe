//! Commands on standard input, one a line, for runs without a panel.

use crate::base::{LabTime, Names, Shown};
use crate::command::{Command, grammar};
use std::io::{BufRead, Read};
use std::sync::mpsc::{Receiver, TryRecvError, sync_channel};
use std::thread;

/// Lines that wait to be taken; a pipe that is faster waits itself.
const LINES_MAX: usize = 64;

/// The longest line that can be a command.
const LINE_BYTES_MAX: usize = 4096;

/// What standard input has to say.
#[derive(Debug)]
pub struct Lines {
    coming: Receiver<String>,
    /// No more will come.
    over: bool,
    /// A line for which the lab had no room yet.
    back: Option<String>,
    /// Nothing is taken before this.
    not_before: LabTime,
}

impl Lines {
    /// Begins to read.
    #[must_use]
    pub fn read() -> Self {
        let (send, coming) = sync_channel(LINES_MAX);
        // The thread sits in a read that nothing can end; the process takes it along when it exits.
        thread::spawn(move || {
            let mut input = std::io::stdin().lock();
            while let Some(line) = bounded_line(&mut input) {
                if send.send(line).is_err() {
                    return;
                }
            }
        });
        Self { coming, over: false, back: None, not_before: LabTime::ZERO }
    }

    /// The next line, if one has come. None also when no more will come: then the run goes on without commands.
    pub fn next(&mut self, now: LabTime) -> Option<String> {
        if now < self.not_before {
            return None;
        }
        if let Some(line) = self.back.take() {
            return Some(line);
        }
        let line = self.coming.try_recv();
        self.over = line == Err(TryRecvError::Disconnected);
        line.ok()
    }

    /// Whether the input has ended, and every line of it was given.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.over
    }

    /// Gives no line before this moment: what `wait` says of the commands after it.
    pub fn wait_until(&mut self, at: LabTime) {
        self.not_before = at;
    }

    /// Takes back a line for which there is no room; it is the next again.
    pub fn take_back(&mut self, line: String) {
        self.back = Some(line);
    }
}

/// The next line without its end; of one that is too long, only the beginning, long enough to be refused. Bytes that
/// are no UTF-8 become U+FFFD. None at the end of the input.
fn bounded_line(input: &mut impl BufRead) -> Option<String> {
    let mut bytes = Vec::new();
    let most = LINE_BYTES_MAX as u64 + 2;
    input.by_ref().take(most).read_until(b'\n', &mut bytes).ok().filter(|count| *count > 0)?;
    if bytes.last() == Some(&b'\n') {
        bytes.pop();
    } else if bytes.len() as u64 == most {
        skip_line(input)?;
    }
    Some(String::from_utf8_lossy(&bytes).into_owned())
}

/// Reads on to the end of the line and keeps nothing of it.
fn skip_line(input: &mut impl BufRead) -> Option<()> {
    loop {
        let buffer = input.fill_buf().ok()?;
        let (count, over) = match buffer.iter().position(|byte| *byte == b'\n') {
            Some(at) => (at + 1, true),
            None => (buffer.len(), buffer.is_empty()),
        };
        input.consume(count);
        if over {
            return Some(());
        }
    }
}

/// Reads a command line; blank lines and `#` comments are nothing. The error shows the line and points at the word;
/// `by_hand`, where the line was just typed and perhaps nobody looks, it is a sentence.
///
/// # Errors
/// Text for the person who typed it.
pub fn command(line: &str, names: &Names, by_hand: bool) -> Result<Option<Command>, String> {
    let text = line.trim();
    if text.is_empty() || text.starts_with('#') {
        return Ok(None);
    }
    if text.len() > LINE_BYTES_MAX {
        return Err(format!("a command has at most {LINE_BYTES_MAX} bytes\n"));
    }
    grammar::command(text, names).map(Some).map_err(|error| {
        if by_hand {
            return format!("no  {error}\n");
        }
        let columns = |part: &str| Shown::new(part).columns();
        let before = columns(text.get(..error.at.start).unwrap_or(text));
        let word = columns(text.get(error.at.clone()).unwrap_or("")).max(1);
        let shown = Shown::new(text);
        let marks = "^".repeat(word);
        format!("{shown}\n{:before$}{marks} {error}\n", "")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_without_end_is_not_kept_and_the_next_one_is_read() {
        let mut text = vec![b'x'; 1024 * 1024];
        text.extend_from_slice(b"\nmark \xff\n\nkill ts1");
        let mut input = &text[..];
        let long = bounded_line(&mut input).expect("a line");
        assert_eq!(long.len(), LINE_BYTES_MAX + 2);
        let names = Names::new(["ts1"]);
        assert!(command(&long, &names, false).expect_err("too long").contains("4096 bytes"));
        assert_eq!(bounded_line(&mut input).as_deref(), Some("mark \u{fffd}"));
        assert_eq!(bounded_line(&mut input).as_deref(), Some(""));
        assert_eq!(bounded_line(&mut input).as_deref(), Some("kill ts1"));
        assert_eq!(bounded_line(&mut input), None);
    }

    #[test]
    fn an_error_points_at_the_word_also_after_something_that_is_shown_otherwise() {
        let text =
            command("kil\u{202e}l ts1", &Names::new(["ts1"]), false).expect_err("no such verb");
        let mut lines = text.lines();
        let (shown, marks) = (lines.next().expect("a line"), lines.next().expect("marks"));
        assert!(shown.starts_with("kil\\u{202e}l ts1"));
        assert!(marks.starts_with("^^^^^^^^^^^^ "), "{marks}");
        let text = command("kill ts9", &Names::new(["ts1"]), false).expect_err("no such node");
        assert!(text.lines().nth(1).is_some_and(|line| line.starts_with("     ^^^ ")), "{text}");
    }
}
