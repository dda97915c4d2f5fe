//! What `y` copies, and the forms in which it leaves the program: the terminal's clipboard (OSC 52), or a file.
//!
//! Whatever leaves is safe to show: what was copied may come from a wire, and is pasted into a shell.

use super::inspect;
use super::race;
use super::view::{Mode, PanelId, View};
use crate::base::Shown;
use crate::world::World;
use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// What terminals take at once, encoded: longer texts are cut or dropped by some, silently.
pub const ENCODED_MAX: usize = 74_994;
/// Files of copied texts; with more in the folder, somebody should look at it.
const FILES_MAX: u32 = 10_000;

/// A text that somebody wants elsewhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Copied {
    /// What it is, in a word or two.
    pub what: String,
    /// The text, made safe.
    pub text: String,
}

impl Copied {
    /// This text, line by line made safe.
    #[must_use]
    pub fn new(what: &str, text: &str) -> Self {
        let lines: Vec<String> = text.lines().map(|line| Shown::new(line).into()).collect();
        Self { what: what.to_owned(), text: lines.join("\n") }
    }

    /// What tells the terminal to keep the text, unless it is too long for that.
    #[must_use]
    pub fn sequence(&self) -> Option<Vec<u8>> {
        let encoded = base64(self.text.as_bytes());
        (encoded.len() <= ENCODED_MAX).then(|| format!("\x1b]52;c;{encoded}\x07").into_bytes())
    }

    /// Writes the text to a new file in this folder, for this user alone.
    ///
    /// # Errors
    /// The system's.
    pub fn write(&self, folder: &Path) -> io::Result<PathBuf> {
        DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
        let before = fs::read_dir(folder)?.count() as u32;
        for number in before.saturating_add(1)..FILES_MAX {
            let path = folder.join(format!("copy-{number}.txt"));
            match OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path) {
                Ok(mut file) => {
                    file.write_all(self.text.as_bytes())?;
                    file.write_all(b"\n")?;
                    return Ok(path);
                }
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(error),
            }
        }
        Err(io::Error::other("there are too many copies already"))
    }
}

/// What is copied now: the page that is read, the marked event, the race, the step, or all about the selection.
#[must_use]
pub fn what(world: &World, view: &View) -> Option<Copied> {
    let inspected = || ("the selection", inspect::text(world, view, world.now));
    let race = || race::shown(world, view).map(|race| ("the race", race::why(world, race)));
    let (what, text) = match (&view.mode, view.focus) {
        (Mode::Inspect, _) => inspected(),
        (Mode::Why, _) | (_, PanelId::Race) => race()?,
        (_, PanelId::Events) => ("the event", event(view)?),
        (_, PanelId::Steps) => ("the step", step(world)?),
        _ => inspected(),
    };
    (!text.is_empty()).then(|| Copied::new(what, &text))
}

/// The marked event, else the newest.
fn event(view: &View) -> Option<String> {
    let newest = || view.feed.matching(&view.filter).next().map(|line| line.0);
    let number = view.event.map(|mark| mark.line).or_else(newest)?;
    let line = view.feed.line(number)?;
    let race = line.race.map_or(String::new(), |no| format!(" #{}", no.0));
    Some(format!("{}{race} {}", line.time, line.text))
}

/// The words of the present step, as far as the room has seen them.
fn step(world: &World) -> Option<String> {
    use crate::world::Beat;
    let steps = &world.steps;
    let step = world.topology.steps.get((steps.step as usize).checked_sub(1)?)?;
    let mut text = step.say.clone();
    for part in [step.ask.as_ref(), step.reveal.as_ref().filter(|_| steps.beat == Beat::Answer)] {
        if let Some(part) = part {
            text += "\n";
            text += part;
        }
    }
    Some(text)
}

/// RFC 4648, section 4.
fn base64(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let byte = |at: usize| u32::from(chunk.get(at).copied().unwrap_or(0));
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for (at, shift) in [18, 12, 6, 0].into_iter().enumerate() {
            let letter = LETTERS[(bits >> shift & 63) as usize];
            out.push(if at <= chunk.len() { char::from(letter) } else { '=' });
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn texts_are_encoded_as_the_rfc_has_it() {
        let pairs = [
            ("", ""),
            ("f", "Zg=="),
            ("fo", "Zm8="),
            ("foo", "Zm9v"),
            ("foob", "Zm9vYg=="),
            ("foobar", "Zm9vYmFy"),
        ];
        for (text, encoded) in pairs {
            assert_eq!(base64(text.as_bytes()), encoded);
        }
    }

    #[test]
    fn what_leaves_is_harmless_and_no_longer_than_terminals_take() {
        let copied = Copied::new("x", "a\x1b[2Jb\u{202e}\n\x07rm");
        assert_eq!(copied.text, "a\\e[2Jb\\u{202e}\n\\x07rm");
        let of = |bytes: usize| Copied::new("x", &"x".repeat(bytes)).sequence();
        // Three bytes make four letters.
        let most = ENCODED_MAX / 4 * 3;
        assert!(of(most).is_some_and(|bytes| bytes.len() <= ENCODED_MAX + 8));
        assert!(of(most + 1).is_none());
    }

    #[test]
    fn a_file_is_new_and_nobody_elses() {
        let folder = tempfile::tempdir().unwrap();
        let place = folder.path().join("copies");
        let copied = Copied::new("x", "one");
        let (one, two) = (copied.write(&place).unwrap(), copied.write(&place).unwrap());
        assert_ne!(one, two);
        assert_eq!(fs::read_to_string(&two).unwrap(), "one\n");
        assert_eq!(fs::metadata(&two).unwrap().permissions().mode() & 0o777, 0o600);
    }
}
