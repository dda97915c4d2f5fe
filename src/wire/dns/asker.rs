//! The end that asks: questions into bytes, and answers out of bytes, each for a question that was asked.
//!
//! An answer counts only if its number is that of a question that waits and it repeats that question (RFC 5452, 9.1);
//! the address is the socket's business. The numbers cannot be foreseen.

use super::{Header, names, plain, records, server};
use crate::base::NumberMap;
use crate::base::draw::{Purpose, draw};
use crate::message::{HostName, Message, Query, Rcode, RecordType, Response};
use crate::wire::Decoded;
use hickory_proto::op::Message as Wire;
use std::collections::VecDeque;
use std::sync::Arc;

/// Questions that wait on one connection, or have been given up and may still be answered: half of all numbers at
/// most, so that a free one is soon found.
const WAITING_MAX: usize = 1 << 15;

/// Where the numbers of questions come from.
#[derive(Debug, Clone, Copy)]
pub enum Numbers {
    /// Drawn by key from a seed, for this owner: the same in each run.
    Drawn {
        /// The lab's seed.
        seed: u64,
        /// Whoever asks.
        owner: u64,
    },
    /// From outside, unforeseeable.
    Outside(fn() -> u16),
}

#[derive(Debug)]
struct Waiting {
    question: u64,
    name: HostName,
    query: Query,
}

/// The questions of one connection.
#[derive(Debug)]
pub struct Asker {
    numbers: Numbers,
    drawn: u64,
    waiting: NumberMap<u16, Waiting>,
    order: VecDeque<u16>,
    familiar: names::Familiar,
}

impl Asker {
    /// Nothing asked yet.
    pub fn new(numbers: Numbers) -> Self {
        Self {
            numbers,
            drawn: 0,
            waiting: NumberMap::default(),
            order: VecDeque::new(),
            familiar: names::Familiar::default(),
        }
    }

    fn number(&mut self) -> u16 {
        loop {
            self.drawn += 1;
            let number = match self.numbers {
                Numbers::Drawn { seed, owner } => {
                    draw(seed, owner, Purpose::QuestionNumber, self.drawn) as u16
                }
                Numbers::Outside(draw) => draw(),
            };
            if !self.waiting.contains_key(&number) {
                return number;
            }
        }
    }

    /// Writes a question; nothing for a name that DNS has no room for.
    pub fn encode(&mut self, name: &HostName, question: u64, query: Query, out: &mut Vec<u8>) {
        while self.waiting.len() >= WAITING_MAX {
            let Some(oldest) = self.order.pop_front() else { break };
            self.waiting.remove(&oldest);
        }
        let number = self.number();
        if !plain::write_question(number, name, query, out) {
            return;
        }
        self.waiting.insert(number, Waiting { question, name: name.clone(), query });
        self.order.push_back(number);
        if self.order.len() > 2 * WAITING_MAX {
            self.order.retain(|number| self.waiting.contains_key(number));
        }
    }

    /// Reads an answer.
    pub fn decode(&mut self, bytes: &[u8], read: u64) -> Decoded {
        let unasked = |why: &str| Decoded::Unasked(Arc::from(why));
        let Some(header) = Header::of(bytes) else {
            return Decoded::Malformed("fewer bytes than the header of a DNS message has".into());
        };
        if !header.is_response {
            return unasked("a question, sent to one who asks");
        }
        let Some(waiting) = self.waiting.get(&header.id) else {
            return unasked("no question waits that bears this number");
        };
        let response = match plain::answer(bytes, &waiting.name, waiting.query, &mut self.familiar)
        {
            Some(response) => response,
            None => match waiting.by_library(bytes) {
                Ok(response) => response,
                Err(decoded) => return decoded,
            },
        };
        let waiting = self.waiting.remove(&header.id).expect("it was just found");
        // Numbers whose answer has come leave the order when they reach its front.
        while self.order.front().is_some_and(|first| !self.waiting.contains_key(first)) {
            self.order.pop_front();
        }
        let (name, id) = (Some(waiting.name), Some(waiting.question));
        let said = response.said();
        let dns = Some(Arc::new(response));
        Decoded::Message(Message::Reply { name, id, said, dns }, read)
    }
}

impl Waiting {
    /// Reads what answers this with the library, which knows every kind of message.
    fn by_library(&self, bytes: &[u8]) -> Result<Response, Decoded> {
        let Ok(message) = Wire::from_vec(bytes) else {
            return Err(Decoded::Malformed("no DNS message".into()));
        };
        self.fits(&message).map_err(|why| Decoded::Unasked(Arc::from(why)))?;
        Ok(self.response(&message))
    }

    /// Whether a message answers this.
    fn fits(&self, message: &Wire) -> Result<(), &'static str> {
        let code = Rcode::from_number(u16::from(message.metadata.response_code));
        match message.queries.as_slice() {
            [one] => {
                let same = names::text(one.name()) == self.name
                    && RecordType(one.query_type().into()) == self.query.kind
                    && u16::from(one.query_class()) == self.query.class;
                if same { Ok(()) } else { Err("it repeats another question") }
            }
            // A server that could not read the question has none to repeat.
            [] if matches!(code, Rcode::FormErr | Rcode::NotImp) => Ok(()),
            _ => Err("it repeats no question"),
        }
    }

    fn response(&self, message: &Wire) -> Response {
        let all = |records: &[hickory_proto::rr::Record]| {
            records.iter().filter_map(records::rr).collect::<Arc<[_]>>()
        };
        Response {
            query: self.query,
            rcode: Rcode::from_number(u16::from(message.metadata.response_code)),
            authoritative: message.metadata.authoritative,
            recursive: message.metadata.recursion_available,
            truncated: message.metadata.truncation,
            answers: all(&message.answers),
            authority: all(&message.authorities),
            error: message.edns.as_ref().and_then(server::error_of),
        }
    }
}

/// What the library reads, where this was asked.
#[cfg(test)]
pub fn by_library(name: &HostName, query: Query, bytes: &[u8]) -> Option<Response> {
    Waiting { question: 0, name: name.clone(), query }.by_library(bytes).ok()
}
