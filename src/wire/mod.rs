//! Bytes to messages and back. A decoder takes any chunk, never panics, has a size limit, and its errors are values.
//!
//! Pure: no socket, no clock. Which wire a link speaks is a choice of the link, and a listening port belongs to one
//! wire: whoever connects over a link is led to the listener's port of the link's wire, and a visitor speaks the wire
//! of the port that it comes to. So both ends of a connection know its [`Codec`] without a word about it.

pub mod json;
pub mod line;
pub mod words;

use crate::message::Message;
use crate::topology::{Dialect, Role, Wire};
use std::sync::Arc;

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
    /// More than the wire allows for one message: the connection must be closed. Nothing is decoded after it.
    TooLong,
}

/// What both ends of a connection speak.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Codec {
    /// The course's lines, in this dialect.
    Line(Dialect),
    /// One JSON object a line.
    Json,
    /// What a person types to a replica.
    Words,
}

impl Codec {
    /// How a wire is spoken with a node of this role, who listens, in a lab with this dialect.
    #[must_use]
    pub const fn new(wire: Wire, dialect: Dialect, listener: Role) -> Self {
        match (wire, listener) {
            (Wire::Line, Role::Replica) => Self::Words,
            (Wire::Line, _) => Self::Line(dialect),
            (Wire::Json, _) => Self::Json,
        }
    }

    /// Writes one message behind what `out` holds. `framed`: the reader tells messages apart by their ends.
    pub fn encode(self, message: &Message, framed: bool, out: &mut Vec<u8>) {
        match self {
            Self::Line(dialect) => line::encode(message, dialect, framed, out),
            Self::Json => json::encode(message, out),
            Self::Words => words::encode(message, out),
        }
    }

    /// A reader for one end of a connection. `framed`: the peer is known to end its messages.
    #[must_use]
    pub fn decoder(self, reads: Reads, framed: bool) -> Decoder {
        match self {
            Self::Line(dialect) => Decoder::Line(line::Decoder::new(reads, dialect, framed)),
            Self::Json => Decoder::Json(json::Decoder::default()),
            Self::Words => Decoder::Words(words::Decoder::default()),
        }
    }
}

/// The reader of one end of one connection.
#[derive(Debug)]
pub enum Decoder {
    /// Of the line wire.
    Line(line::Decoder),
    /// Of the JSON wire.
    Json(json::Decoder),
    /// Of what a person types to a replica.
    Words(words::Decoder),
}

impl Decoder {
    /// Whether the peer ends its messages, as far as is known: then it is answered in the same way.
    #[must_use]
    pub fn is_framed(&self) -> bool {
        match self {
            Self::Line(decoder) => decoder.is_framed(),
            Self::Json(_) | Self::Words(_) => true,
        }
    }

    /// Takes one chunk as it came from the socket.
    pub fn feed(&mut self, chunk: &[u8], out: &mut Vec<Decoded>) {
        match self {
            Self::Line(decoder) => decoder.feed(chunk, out),
            Self::Json(decoder) => decoder.feed(chunk, out),
            Self::Words(decoder) => decoder.feed(chunk, out),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::HostName;

    #[test]
    fn what_a_codec_writes_its_decoder_reads() {
        for dialect in [Dialect::First2021, Dialect::First2023, Dialect::Sticky2021] {
            for wire in Wire::ALL {
                let codec = Codec::new(wire, dialect, Role::Ts);
                let asked = Message::Ask { name: HostName::new("www.a.com"), id: Some(7) };
                let mut bytes = b"before".to_vec();
                codec.encode(&asked, true, &mut bytes);
                let mut decoder = codec.decoder(Reads::Questions, true);
                let mut heard = Vec::new();
                decoder.feed(&bytes[6..], &mut heard);
                let read = (bytes.len() - 6) as u64;
                assert_eq!(heard, [Decoded::Message(asked, read)], "{wire:?} {dialect:?}");
                assert!(decoder.is_framed());
                let framed = codec.decoder(Reads::Questions, false).is_framed();
                assert_eq!(framed, wire == Wire::Json);
            }
        }
    }
}
