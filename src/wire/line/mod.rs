//! The course's line protocol in its three dialects, tolerant of the programs that students really write.
//!
//! There is no specification. What was found to be needed: white space, NULs and carriage returns are padding; a peer
//! that has never sent a line end sends one message a write, so a chunk is a message; words that end a list come in
//! several spellings; answers of one dialect bear no name. It knows bytes and messages, not who speaks or why.

mod encode;
mod parse;

pub use super::{Decoded, Reads};
pub use encode::encode;

use crate::topology::Dialect;

/// The longest line that is read: a longer one ends the connection. As much again without any white space from a peer
/// that does not end its lines does the same.
pub const LINE_BYTES_MAX: usize = 64 * 1024;

/// The longest single word that is taken for a name. A host name has at most 255 octets (RFC 1035, 2.3.4); a dozen
/// names glued together must still arrive as one unknown name.
pub const WORD_BYTES_MAX: usize = 4096;

/// The reader of one end of one connection. A partial line that is left when the stream ends is never a message.
#[derive(Debug)]
pub struct Decoder {
    reads: Reads,
    dialect: Dialect,
    framed: bool,
    /// The beginning of a line whose end has not come yet.
    partial: Vec<u8>,
    /// Bytes of the stream that were fed so far.
    read: u64,
    /// Bytes since the last thing that could be a word, from a peer that does not end its lines.
    senseless: usize,
    too_long: bool,
}

impl Decoder {
    /// A reader. `framed`: the peer is known to end its lines; otherwise one chunk is one message until the peer has
    /// sent a line end.
    #[must_use]
    pub fn new(reads: Reads, dialect: Dialect, framed: bool) -> Self {
        Self { reads, dialect, framed, partial: Vec::new(), read: 0, senseless: 0, too_long: false }
    }

    /// Whether the peer ends its lines, as far as is known: then it is answered with line ends.
    #[must_use]
    pub fn is_framed(&self) -> bool {
        self.framed
    }

    /// Whether a message has begun whose end has not come yet.
    #[must_use]
    pub fn is_within(&self) -> bool {
        !self.partial.is_empty()
    }

    /// Takes one chunk as it came from the socket.
    pub fn feed(&mut self, chunk: &[u8], out: &mut Vec<Decoded>) {
        if self.too_long || chunk.is_empty() {
            return;
        }
        let begin = self.read;
        self.read += chunk.len() as u64;
        if !self.framed {
            if !chunk.contains(&b'\n') {
                self.feed_unframed(chunk, out);
                return;
            }
            self.framed = true;
        }
        let mut from = 0;
        while let Some(length) = line_end(&chunk[from..]) {
            let line = &chunk[from..from + length];
            from += length + 1;
            let at = begin + from as u64;
            if self.partial.len() + line.len() > LINE_BYTES_MAX {
                self.give_up(out);
                return;
            }
            if self.partial.is_empty() {
                parse::line(self.reads, self.dialect, line, at, out);
            } else {
                self.partial.extend_from_slice(line);
                parse::line(self.reads, self.dialect, &self.partial, at, out);
                self.partial.clear();
            }
        }
        if self.partial.len() + (chunk.len() - from) > LINE_BYTES_MAX {
            self.give_up(out);
            return;
        }
        self.partial.extend_from_slice(&chunk[from..]);
    }

    fn feed_unframed(&mut self, chunk: &[u8], out: &mut Vec<Decoded>) {
        let before = out.len();
        parse::line(self.reads, self.dialect, chunk, self.read, out);
        let sense = out[before..].iter().any(|one| matches!(one, Decoded::Message(..)));
        self.senseless = if sense { 0 } else { self.senseless + chunk.len() };
        if self.senseless > LINE_BYTES_MAX {
            self.give_up(out);
        }
    }

    fn give_up(&mut self, out: &mut Vec<Decoded>) {
        self.too_long = true;
        self.partial = Vec::new();
        out.push(Decoded::TooLong);
    }
}

fn line_end(bytes: &[u8]) -> Option<usize> {
    bytes.iter().position(|byte| *byte == b'\n')
}

#[cfg(test)]
mod tests;
