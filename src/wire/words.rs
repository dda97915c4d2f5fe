//! What a person types to a replica, and what it answers: `post lobby hello`, `read lobby`, `put x 1`, `get x`, one
//! operation a line.
//!
//! `ok` for a write; the value for a key, or `(none)`; the lines of a room, then a line with a dot alone, and a dot
//! more before each line that begins with one (as in RFC 5321, 4.5.2); `ERR` and why for everything else. A line whose
//! end never came is never carried out.

use super::Decoded;
use crate::command::grammar;
use crate::message::{Message, StoreSaid};
use std::sync::Arc;

/// The longest line: a longer one ends the connection.
pub const LINE_BYTES_MAX: usize = 64 * 1024;

/// Writes one message behind what `out` holds, with its line end.
pub fn encode(message: &Message, out: &mut Vec<u8>) {
    match message {
        Message::Operated { said, .. } => say(said, out),
        Message::Operate { operation, .. } => push(&operation.to_string(), out),
        // Nothing else is said at this port.
        _ => {}
    }
}

fn say(said: &StoreSaid, out: &mut Vec<u8>) {
    match said {
        StoreSaid::Done => push("ok", out),
        StoreSaid::Value(Some(value)) => push(value, out),
        StoreSaid::Value(None) => push("(none)", out),
        StoreSaid::Lines(lines) => {
            for line in lines.iter() {
                if line.starts_with('.') {
                    out.push(b'.');
                }
                push(line, out);
            }
            push(".", out);
        }
        StoreSaid::Failed(why) => push(&format!("ERR {why}"), out),
        StoreSaid::NotLeader(_) => push(&format!("ERR {said}"), out),
    }
}

/// One line: nothing in it may look like its end.
fn push(text: &str, out: &mut Vec<u8>) {
    out.extend(text.bytes().map(|byte| if byte.is_ascii_control() { b' ' } else { byte }));
    out.push(b'\n');
}

/// Lines to operations.
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
                out.extend(self.decode(&line));
            }
        }
    }

    fn decode(&self, line: &[u8]) -> Option<Decoded> {
        // Bytes that are no UTF-8 become U+FFFD: what is kept can be shown, and is what everybody reads.
        let line = String::from_utf8_lossy(line);
        let line = line.trim_matches(|c: char| c.is_whitespace() || c == '\0');
        if line.is_empty() {
            return None;
        }
        Some(match grammar::operation(line) {
            Ok(operation) => Decoded::Message(Message::Operate { id: None, operation }, self.read),
            Err(error) => {
                let help =
                    if error.help.is_empty() { String::new() } else { format!("; {}", error.help) };
                Decoded::Malformed(Arc::from(format!("{}{help}", error.message)))
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::Operation;

    fn decode(chunks: &[&[u8]]) -> Vec<Decoded> {
        let mut decoder = Decoder::default();
        let mut out = Vec::new();
        for chunk in chunks {
            decoder.feed(chunk, &mut out);
        }
        out
    }

    fn operations(chunks: &[&[u8]]) -> Vec<String> {
        let of = |decoded| match decoded {
            Decoded::Message(Message::Operate { id: None, operation }, _) => operation.to_string(),
            Decoded::Malformed(_) => "malformed".into(),
            other => format!("{other:?}"),
        };
        decode(chunks).into_iter().map(of).collect()
    }

    fn encoded(said: StoreSaid) -> String {
        let mut out = b"before ".to_vec();
        encode(&Message::Operated { id: None, said }, &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn an_operation_is_a_line_wherever_it_is_cut() {
        let text = b"post lobby hello there\r\n\n  get x \nput x 1\nread lo";
        let all = ["post lobby hello there", "get x", "put x 1"];
        assert_eq!(operations(&[text]), all);
        for at in 0..text.len() {
            assert_eq!(operations(&[&text[..at], &text[at..]]), all, "cut at {at}");
        }
    }

    #[test]
    fn what_is_no_operation_is_said_to_be_none_and_the_next_line_counts() {
        assert_eq!(
            operations(&[b"gibberish\nget\n\xff\xfe\nget x\n"]),
            ["malformed", "malformed", "malformed", "get x",]
        );
    }

    #[test]
    fn a_line_without_end_is_given_up_and_nothing_after_it_counts() {
        let long = vec![b'a'; LINE_BYTES_MAX + 1];
        assert_eq!(decode(&[&long, b"\nget x\n"]), [Decoded::TooLong]);
    }

    #[test]
    fn answers_are_words_and_a_room_ends_with_a_dot() {
        let lines = ["one".into(), ".two".into(), "three\nfour".into()];
        assert_eq!(encoded(StoreSaid::Lines(lines.into())), "before one\n..two\nthree four\n.\n");
        assert_eq!(encoded(StoreSaid::Done), "before ok\n");
        assert_eq!(encoded(StoreSaid::Value(None)), "before (none)\n");
        assert_eq!(
            encoded(StoreSaid::NotLeader(Some("r1".into()))),
            "before ERR not the leader, r1 is\n"
        );
        let operation = Operation::Get { key: "x".into() };
        let mut out = Vec::new();
        encode(&Message::Operate { id: None, operation }, &mut out);
        assert_eq!(out, b"get x\n");
    }
}
