//! Real DNS (RFC 1035, 6891, 7766), over datagrams and over streams.
//!
//! Messages stand in bytes as the library for it has them; here is what they mean to this program, and what is thrown
//! away. It knows bytes and messages, not who speaks, nor whether a datagram gets through.

mod asker;
mod names;
mod plain;
mod records;
mod server;
mod written;

pub use asker::Numbers;

use super::{Decoded, Reads};
use crate::message::Message;
use asker::Asker;

/// What the header of a message has.
const HEADER_BYTES: usize = 12;

/// The option with which load balancers of this program tell each other how many of them a question has passed. From
/// the numbers for local use (RFC 6891, 9); whoever does not know it passes over it.
const OPTION_HOPS: u16 = 65_001;

/// The option that says why a server cannot (RFC 8914).
const OPTION_ERROR: u16 = 15;

/// The parts of a header that are looked at before anything else.
#[derive(Debug, Clone, Copy)]
struct Header {
    id: u16,
    is_response: bool,
    opcode: u8,
    recursion: bool,
    questions: u16,
    /// Of the answer and authority sections, which a question has not.
    records: u32,
}

impl Header {
    fn of(bytes: &[u8]) -> Option<Self> {
        let header = bytes.first_chunk::<HEADER_BYTES>()?;
        let word = |at: usize| u16::from_be_bytes([header[at], header[at + 1]]);
        Some(Self {
            id: word(0),
            is_response: header[2] & 0x80 != 0,
            opcode: (header[2] >> 3) & 0xf,
            recursion: header[2] & 1 != 0,
            questions: word(4),
            records: u32::from(word(6)) + u32::from(word(8)),
        })
    }
}

/// One end of one connection.
#[derive(Debug)]
pub struct End {
    /// The questions that were asked here; none where questions are answered.
    asker: Option<Asker>,
    /// The beginning of a message of a stream whose end has not come yet; none over datagrams.
    partial: Option<Vec<u8>>,
    /// Bytes of the stream that were fed so far.
    read: u64,
}

impl End {
    /// An end that reads questions or answers. `stream`: messages are told apart by their lengths.
    #[must_use]
    pub fn new(reads: Reads, stream: bool, numbers: Numbers) -> Self {
        Self {
            asker: (reads == Reads::Answers).then(|| Asker::new(numbers)),
            partial: stream.then(Vec::new),
            read: 0,
        }
    }

    /// Whether a message has begun whose end has not come yet.
    #[must_use]
    pub fn is_within(&self) -> bool {
        self.partial.as_ref().is_some_and(|partial| !partial.is_empty())
    }

    /// Takes one chunk as it came from the socket: a datagram, or any part of a stream.
    pub fn feed(&mut self, chunk: &[u8], out: &mut Vec<Decoded>) {
        let begin = self.read;
        self.read += chunk.len() as u64;
        let Some(mut partial) = self.partial.take() else {
            out.push(self.decode(chunk, self.read));
            return;
        };
        let before = begin - partial.len() as u64;
        partial.extend_from_slice(chunk);
        let mut at = 0;
        while let Some((length, rest)) = partial[at..].split_first_chunk::<2>() {
            let length = usize::from(u16::from_be_bytes(*length));
            let Some(message) = rest.get(..length) else { break };
            at += 2 + length;
            out.push(self.decode(message, before + at as u64));
        }
        partial.drain(..at);
        self.partial = Some(partial);
    }

    fn decode(&mut self, bytes: &[u8], read: u64) -> Decoded {
        match &mut self.asker {
            Some(asker) => asker.decode(bytes, read),
            None => server::decode(bytes, read),
        }
    }

    /// Writes one message behind what `out` holds; nothing for what DNS has no words for.
    pub fn encode(&mut self, message: &Message, out: &mut Vec<u8>) {
        let stream = self.partial.is_some();
        let begin = out.len();
        if stream {
            out.extend([0, 0]);
        }
        let body = out.len();
        match (message, &mut self.asker) {
            (Message::Ask { name, id: Some(id), dns: Some(query) }, Some(asker)) => {
                asker.encode(name, *id, *query, out);
            }
            (Message::Reply { name: Some(name), id: Some(id), dns: Some(response), .. }, None) => {
                server::encode(name, *id, response, stream, out);
            }
            _ => {}
        }
        let length = u16::try_from(out.len() - body).unwrap_or(0);
        if length == 0 {
            out.truncate(begin);
        } else if stream {
            out[begin..body].copy_from_slice(&length.to_be_bytes());
        }
    }
}
