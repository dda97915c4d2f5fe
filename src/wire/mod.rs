//! Bytes to messages and back. A decoder takes any chunk, never panics, has a size limit, and its errors are values.
//!
//! Pure: no socket, no clock. Which wire a link speaks is a choice of the link, and a listening port belongs to one
//! wire: whoever connects over a link is led to the listener's port of the link's wire, and a visitor speaks the wire
//! of the port that it comes to. So both ends of a connection know its [`Codec`] without a word about it.

pub mod dns;
pub mod json;
pub mod line;
pub mod words;

use crate::message::Message;
use crate::topology::{Dialect, Role, Wire};
use std::sync::Arc;
use std::time::Duration;

/// Which way a connection carries questions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reads {
    /// This end reads questions (an LS from its clients, a TS).
    Questions,
    /// This end reads answers (a client, an LS from its TSs).
    Answers,
}

/// How long a message that has begun may take to be whole: somebody who sends a byte a second holds nothing for ever.
pub const WHOLE_WITHIN: Duration = Duration::from_secs(30);

/// What came out of a chunk, in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decoded {
    /// A message, and how many bytes of the stream had been read when it was complete.
    Message(Message, u64),
    /// Bytes that are no message.
    Malformed(Arc<str>),
    /// An answer to nothing that was asked here, and what is wrong with it.
    Unasked(Arc<str>),
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
    /// DNS.
    Dns {
        /// Over a stream, each message behind its length.
        stream: bool,
    },
}

impl Codec {
    /// How a wire is spoken with a node of this role, who listens, in a lab with this dialect. `stream`: where a wire
    /// travels both ways, as a stream and not as datagrams.
    #[must_use]
    pub const fn new(wire: Wire, stream: bool, dialect: Dialect, listener: Role) -> Self {
        match (wire, listener) {
            (Wire::Line, Role::Replica) => Self::Words,
            (Wire::Line, _) => Self::Line(dialect),
            (Wire::Json, _) => Self::Json,
            (Wire::Dns, _) => Self::Dns { stream },
        }
    }

    /// Whether each message travels by itself, and may be lost, doubled or overtaken.
    #[must_use]
    pub const fn takes_datagrams(self) -> bool {
        matches!(self, Self::Dns { stream: false })
    }

    /// How long a stream may be without a whole message before whoever is asked there closes it (RFC 7766, 6.2.3); for
    /// ever on the course's lines, which people hold open by hand.
    #[must_use]
    pub const fn idle_after(self) -> Option<Duration> {
        match self {
            Self::Dns { stream: true } => Some(Duration::from_secs(30)),
            _ => None,
        }
    }

    /// What somebody hears for whom there is no room any more, before the connection ends. Where programs alone read,
    /// its end says enough.
    #[must_use]
    pub const fn turned_away(self) -> &'static str {
        match self {
            Self::Line(_) | Self::Words => "Error:TOO MANY CONNECTIONS\n",
            Self::Json | Self::Dns { .. } => "",
        }
    }

    /// What one end of a connection knows. `framed`: the peer is known to end its messages. `numbers`: where those of
    /// DNS questions come from.
    #[must_use]
    pub fn end(self, reads: Reads, framed: bool, numbers: dns::Numbers) -> End {
        match self {
            Self::Dns { stream } => End::Dns(dns::End::new(reads, stream, numbers)),
            Self::Line(dialect) => End::Line(dialect, line::Decoder::new(reads, dialect, framed)),
            Self::Json => End::Json(json::Decoder::default()),
            Self::Words => End::Words(words::Decoder::default()),
        }
    }
}

/// One end of one connection: what it has read, and what it has to know to write.
#[derive(Debug)]
pub enum End {
    /// Of the line wire, in this dialect.
    Line(Dialect, line::Decoder),
    /// Of the JSON wire.
    Json(json::Decoder),
    /// Of what a person types to a replica.
    Words(words::Decoder),
    /// Of DNS.
    Dns(dns::End),
}

impl End {
    /// Whether the peer ends its messages, as far as is known: then it is answered in the same way.
    #[must_use]
    pub fn is_framed(&self) -> bool {
        match self {
            Self::Line(_, decoder) => decoder.is_framed(),
            Self::Json(_) | Self::Words(_) | Self::Dns(_) => true,
        }
    }

    /// Whether a message has begun whose end has not come yet.
    #[must_use]
    pub fn is_within(&self) -> bool {
        match self {
            Self::Line(_, decoder) => decoder.is_within(),
            Self::Json(decoder) => decoder.is_within(),
            Self::Words(decoder) => decoder.is_within(),
            Self::Dns(end) => end.is_within(),
        }
    }

    /// Takes one chunk as it came from the socket.
    pub fn feed(&mut self, chunk: &[u8], out: &mut Vec<Decoded>) {
        match self {
            Self::Line(_, decoder) => decoder.feed(chunk, out),
            Self::Json(decoder) => decoder.feed(chunk, out),
            Self::Words(decoder) => decoder.feed(chunk, out),
            Self::Dns(end) => end.feed(chunk, out),
        }
    }

    /// Writes one message behind what `out` holds. `framed`: the reader tells messages apart by their ends. What the
    /// wire has no words for is not written.
    pub fn encode(&mut self, message: &Message, framed: bool, out: &mut Vec<u8>) {
        match self {
            Self::Line(dialect, _) => line::encode(message, *dialect, framed, out),
            Self::Json(_) => json::encode(message, out),
            Self::Words(_) => words::encode(message, out),
            Self::Dns(end) => end.encode(message, out),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::{HostName, Query, RecordType};

    #[test]
    fn what_one_end_writes_the_other_reads() {
        let numbers = dns::Numbers::Drawn { seed: 1, owner: 2 };
        for dialect in [Dialect::First2021, Dialect::First2023, Dialect::Sticky2021] {
            for (wire, stream) in
                [(Wire::Line, true), (Wire::Json, true), (Wire::Dns, true), (Wire::Dns, false)]
            {
                let codec = Codec::new(wire, stream, dialect, Role::Ts);
                let dns = (wire == Wire::Dns).then_some(Query::new(RecordType::A));
                let asked = Message::Ask { name: HostName::new("www.a.com"), id: Some(7), dns };
                let mut bytes = b"before".to_vec();
                codec.end(Reads::Answers, true, numbers).encode(&asked, true, &mut bytes);
                let mut end = codec.end(Reads::Questions, true, numbers);
                let mut heard = Vec::new();
                end.feed(&bytes[6..], &mut heard);
                let [Decoded::Message(message, at)] = heard.as_slice() else {
                    panic!("{wire:?} {dialect:?}: {heard:?}")
                };
                assert_eq!(*at, (bytes.len() - 6) as u64);
                assert_eq!(message.name(), asked.name());
                assert!(dns.is_some() || *message == asked, "its number is the wire's own");
                assert!(end.is_framed());
                let framed = codec.end(Reads::Questions, false, numbers).is_framed();
                assert_eq!(framed, wire != Wire::Line);
            }
        }
    }
}
