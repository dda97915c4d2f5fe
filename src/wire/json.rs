//! What replicas speak: one JSON object a line, readable with `nc` and in a packet capture.

use super::Decoded;
use crate::message::Message;
use std::sync::Arc;

/// The longest line; one that is longer closes the connection. Room for the whole state of a lecture's store: some ten
/// thousand lines of chat.
pub const LINE_BYTES_MAX: usize = 8 << 20;

/// Writes one message, always with its line end.
pub fn encode(message: &Message, out: &mut Vec<u8>) {
    // Strings, numbers and maps with string keys only: serde_json has no way to fail on them.
    serde_json::to_writer(&mut *out, message).expect("a message is plain data");
    out.push(b'\n');
}

/// Lines to messages.
#[derive(Debug, Default)]
pub struct Decoder {
    line: Vec<u8>,
    read: u64,
    closed: bool,
}

impl Decoder {
    /// Whether a message has begun whose end has not come yet.
    #[must_use]
    pub fn is_within(&self) -> bool {
        !self.line.is_empty()
    }

    /// Takes one chunk as it came from the socket.
    pub fn feed(&mut self, chunk: &[u8], out: &mut Vec<Decoded>) {
        if self.closed {
            return;
        }
        for piece in chunk.split_inclusive(|byte| *byte == b'\n') {
            self.read += piece.len() as u64;
            if self.line.len() + piece.len() > LINE_BYTES_MAX {
                self.closed = true;
                self.line = Vec::new();
                return out.push(Decoded::TooLong);
            }
            self.line.extend_from_slice(piece);
            if piece.ends_with(b"\n") {
                let line = std::mem::take(&mut self.line);
                out.extend(self.decode(line.trim_ascii()));
            }
        }
    }

    fn decode(&self, line: &[u8]) -> Option<Decoded> {
        if line.is_empty() {
            return None;
        }
        Some(match serde_json::from_slice::<Message>(line) {
            Ok(message) => Decoded::Message(message, self.read),
            Err(error) => Decoded::Malformed(Arc::from(format!("no message: {error}"))),
        })
    }
}
