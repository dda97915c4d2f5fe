//! The course's line protocol in its three dialects, tolerant of the programs that students really write.
//!
//! There is no specification; `docs` says what was found to be needed.

use crate::message::Message;
use crate::topology::Dialect;
use std::sync::Arc;

/// The longest line that is read: a longer one ends the connection.
pub const LINE_BYTES_MAX: usize = 64 * 1024;

/// Which way a connection carries questions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reads {
    /// This end reads questions (an LS from its clients, a TS).
    Questions,
    /// This end reads answers (a client, an LS from its TSs).
    Answers,
}

/// What came out of a chunk, in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decoded {
    /// A message, and how many bytes of the stream had been read when it was complete.
    Message(Message, u64),
    /// Bytes that are no message.
    Malformed(Arc<str>),
    /// A line longer than [`LINE_BYTES_MAX`]: the connection must be closed.
    TooLong,
}

/// The reader of one end of one connection.
#[derive(Debug)]
pub struct Decoder {
    reads: Reads,
    dialect: Dialect,
    framed: bool,
}

impl Decoder {
    /// A reader. `framed`: the peer is known to end its lines; otherwise one chunk is one message until the peer has
    /// sent a line end.
    #[must_use]
    pub fn new(reads: Reads, dialect: Dialect, framed: bool) -> Self {
        Self { reads, dialect, framed }
    }

    /// Whether the peer ends its lines, as far as is known: then it is answered with line ends.
    #[must_use]
    pub fn is_framed(&self) -> bool {
        self.framed
    }

    /// Takes one chunk as it came from the socket.
    pub fn feed(&mut self, _chunk: &[u8], _out: &mut Vec<Decoded>) {
        let _ = (self.reads, self.dialect);
    }
}

/// Writes one message. `framed`: with a line end, and with our own lines for what the course has no words for.
pub fn encode(_message: &Message, _dialect: Dialect, _framed: bool, _out: &mut Vec<u8>) {}
