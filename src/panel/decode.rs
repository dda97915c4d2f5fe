//! Bytes from a terminal made into keys, pastes and mouse events. A machine: bytes and silence in, events out.
//!
//! Whatever comes, it never fails, never keeps more than a bounded amount, and never waits for an end that does not
//! come: a sequence that stops half-way is given up after a silence, and what follows is keys again. It knows no file
//! and no clock.

use super::sequence;
use crossterm::event::{Event, KeyCode, KeyEvent, KeyModifiers};
use std::time::Duration;

/// Escape alone is a key; escape with more at once is a sequence. Terminals write a sequence in one piece, and only a
/// slow line parts it; each Escape pays for that with this wait.
const AFTER_ESCAPE: Duration = Duration::from_millis(6);
/// How long the rest of a sequence or of a character may take.
const AFTER_PART: Duration = Duration::from_millis(100);
/// How long a pasted text may pause. One whose end never comes costs a second without keys, and no more.
const AFTER_PASTE: Duration = Duration::from_secs(1);
/// The longest sequence that means anything is far shorter; of a longer one nothing is kept.
const SEQUENCE_MAX: usize = 64;
/// What is kept of a pasted text; no line that is typed takes more than a small part of it.
const PASTE_MAX: usize = 64 * 1024;
/// How a terminal says that a pasted text is over.
const PASTE_END: &[u8] = b"\x1b[201~";

/// In the middle of what.
#[derive(Debug, Default)]
enum Part {
    /// Of nothing.
    #[default]
    None,
    /// Escape came.
    Escape,
    /// `ESC [`, and these bytes.
    Csi(Vec<u8>),
    /// `ESC O`.
    Ss3,
    /// So many bytes of an old mouse report are still to come.
    OldMouse(u8),
    /// A string for a program that asked for it (OSC, DCS, APC …), begun with this character.
    String { by: char, empty: bool, escape: bool },
    /// The beginning of a character in UTF-8.
    Utf8(Vec<u8>),
    /// A pasted text, and how many bytes of its end have come.
    Paste { text: Vec<u8>, end: usize },
}

/// What has been read of the terminal so far.
#[derive(Debug, Default)]
pub struct Decoder {
    part: Part,
}

impl Decoder {
    /// Takes bytes in, and adds to `out` what they mean.
    pub fn feed(&mut self, bytes: &[u8], out: &mut Vec<Event>) {
        for byte in bytes {
            self.take(*byte, out);
        }
    }

    /// How long a silence makes [`Decoder::give_up`] due; none while nothing is begun.
    #[must_use]
    pub fn patience(&self) -> Option<Duration> {
        match self.part {
            Part::None => None,
            Part::Escape => Some(AFTER_ESCAPE),
            Part::Paste { .. } => Some(AFTER_PASTE),
            _ => Some(AFTER_PART),
        }
    }

    /// Nothing came for as long as there was patience: what was begun is what it can be by itself, or nothing.
    pub fn give_up(&mut self, out: &mut Vec<Event>) {
        match std::mem::take(&mut self.part) {
            Part::Escape => out.push(key(KeyCode::Esc)),
            Part::Csi(sequence) if sequence.is_empty() => out.push(alt('[')),
            Part::Ss3 => out.push(alt('O')),
            Part::String { by, empty: true, .. } => out.push(alt(by)),
            Part::Paste { text, .. } => out.push(pasted(&text)),
            Part::None | Part::Csi(_) | Part::OldMouse(_) | Part::String { .. } | Part::Utf8(_) => {
            }
        }
    }

    fn take(&mut self, byte: u8, out: &mut Vec<Event>) {
        self.part = match std::mem::take(&mut self.part) {
            Part::None => begin(byte, out),
            Part::Escape => escaped(byte, out),
            Part::Csi(sequence) => csi(sequence, byte, out),
            Part::Ss3 => {
                out.extend(sequence::ss3(byte));
                Part::None
            }
            Part::OldMouse(left) if left > 1 => Part::OldMouse(left - 1),
            Part::OldMouse(_) => Part::None,
            Part::String { escape, .. } => string(escape, byte),
            Part::Utf8(bytes) => utf8(bytes, byte, out),
            Part::Paste { text, end } => paste(text, end, byte, out),
        };
    }
}

fn key(code: KeyCode) -> Event {
    Event::Key(KeyEvent::new(code, KeyModifiers::NONE))
}

fn alt(c: char) -> Event {
    Event::Key(KeyEvent::new(KeyCode::Char(c), sequence::shift(c) | KeyModifiers::ALT))
}

fn control(c: u8) -> Event {
    Event::Key(KeyEvent::new(KeyCode::Char(char::from(c)), KeyModifiers::CONTROL))
}

fn letter(c: char) -> Event {
    Event::Key(KeyEvent::new(KeyCode::Char(c), sequence::shift(c)))
}

fn pasted(text: &[u8]) -> Event {
    Event::Paste(String::from_utf8_lossy(text).into_owned())
}

/// The first byte of something.
fn begin(byte: u8, out: &mut Vec<Event>) -> Part {
    match byte {
        0x1b => return Part::Escape,
        b'\r' | b'\n' => out.push(key(KeyCode::Enter)),
        b'\t' => out.push(key(KeyCode::Tab)),
        0x7f => out.push(key(KeyCode::Backspace)),
        0 => out.push(control(b' ')),
        1..=0x1a => out.push(control(byte - 1 + b'a')),
        0x1c..=0x1f => out.push(control(byte - 0x1c + b'4')),
        0x20..=0x7e => out.push(letter(char::from(byte))),
        // The first byte of a character of two to four; whatever else is none is nothing.
        0xc2..=0xf4 => return Part::Utf8(vec![byte]),
        0x80..=0xc1 | 0xf5..=0xff => {}
    }
    Part::None
}

/// What follows an escape.
fn escaped(byte: u8, out: &mut Vec<Event>) -> Part {
    match byte {
        0x1b => {
            out.push(key(KeyCode::Esc));
            Part::Escape
        }
        b'[' => Part::Csi(Vec::new()),
        b'O' => Part::Ss3,
        b']' | b'P' | b'_' | b'^' | b'X' => {
            Part::String { by: char::from(byte), empty: true, escape: false }
        }
        byte => {
            let before = out.len();
            let part = begin(byte, out);
            for event in &mut out[before..] {
                if let Event::Key(key) = event {
                    key.modifiers |= KeyModifiers::ALT;
                }
            }
            part
        }
    }
}

/// One byte more of a control sequence (ECMA-48, 5.4): parameters 0x30–0x3f, intermediates 0x20–0x2f, one final byte.
fn csi(mut sequence: Vec<u8>, byte: u8, out: &mut Vec<Event>) -> Part {
    match byte {
        // It was none, after all; what interrupts it counts.
        0x1b => Part::Escape,
        0x00..=0x1f | 0x7f..=0xff => begin(byte, out),
        // The function keys of the Linux console: `ESC [ [ A`.
        b'[' if sequence.is_empty() => Part::Csi(vec![b'[']),
        b'M' if sequence.is_empty() => Part::OldMouse(3),
        b'~' if sequence == b"200" => Part::Paste { text: Vec::new(), end: 0 },
        0x40..=0x7e => {
            out.extend(sequence::csi(&sequence, byte));
            Part::None
        }
        0x20..=0x3f => {
            if sequence.len() < SEQUENCE_MAX {
                sequence.push(byte);
            }
            Part::Csi(sequence)
        }
    }
}

/// One byte more of a string that nobody here asked for: it is passed over, up to `BEL` or `ESC \`.
fn string(escape: bool, byte: u8) -> Part {
    match (escape, byte) {
        (_, 0x07) | (true, b'\\') => Part::None,
        // Which character began it is no longer needed.
        _ => Part::String { by: ' ', empty: false, escape: byte == 0x1b },
    }
}

/// One byte more of a character.
fn utf8(mut bytes: Vec<u8>, byte: u8, out: &mut Vec<Event>) -> Part {
    bytes.push(byte);
    match std::str::from_utf8(&bytes) {
        Ok(text) => {
            out.extend(text.chars().map(letter));
            Part::None
        }
        // It can still become one.
        Err(error) if error.error_len().is_none() => Part::Utf8(bytes),
        // The byte that broke it begins something of its own, unless it is the rest of what it broke.
        Err(_) => begin(byte, out),
    }
}

/// One byte more of a pasted text.
fn paste(mut text: Vec<u8>, end: usize, byte: u8, out: &mut Vec<Event>) -> Part {
    if byte == PASTE_END[end] {
        if end + 1 == PASTE_END.len() {
            out.push(pasted(&text));
            return Part::None;
        }
        return Part::Paste { text, end: end + 1 };
    }
    // What looked like the end was text. Its first byte occurs in it once, so that only this byte can begin it anew.
    let more = PASTE_END[..end].iter().copied();
    let again = usize::from(byte == PASTE_END[0]);
    let more = more.chain((again == 0).then_some(byte));
    for byte in more {
        if text.len() < PASTE_MAX {
            text.push(byte);
        }
    }
    Part::Paste { text, end: again }
}

#[cfg(test)]
#[path = "decode_tests.rs"]
mod tests;
