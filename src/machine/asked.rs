//! What came of one question as it was asked, kept until it is answered: the name as it was spelled, the correlation
//! id, and what a DNS question brings along; and how a reply to it is made.
//!
//! A reply is made the same whatever server makes it, and over whichever wire the words came that it passes on.

use crate::message::{
    Data, ExtendedError, HostName, Message, Query, Rcode, RecordType, Response, Rr, Said,
};
use std::net::IpAddr;
use std::sync::Arc;

/// Seconds for which an address holds that came without a time of its own (from a table, or over lines). Short: what a
/// lecture changes shall be seen by whoever asks again.
const TTL: u32 = 5;

/// Load balancers that a question may pass. A lecture has two or three, one behind the other; a question that goes
/// round in a circle is stopped here.
pub const HOPS_MAX: u8 = 8;

/// A question as it was asked.
#[derive(Debug, Clone)]
pub struct Asked {
    /// The name, as it was spelled.
    pub name: HostName,
    /// The correlation id.
    pub id: Option<u64>,
    /// What a DNS question brings along.
    pub dns: Option<Query>,
}

impl Asked {
    /// The question of a message, if it is one.
    pub fn of(message: &Message) -> Option<Self> {
        match message {
            Message::Ask { name, id, dns } => Some(Self { name: name.clone(), id: *id, dns: *dns }),
            Message::AskTied { name, id } => {
                Some(Self { name: name.clone(), id: Some(*id), dns: None })
            }
            Message::Text(text) => Some(Self { name: HostName::new(text), id: None, dns: None }),
            _ => None,
        }
    }

    /// What is asked for: on lines, an address.
    pub fn kind(&self) -> RecordType {
        self.dns.map_or(RecordType::A, |query| query.kind)
    }

    /// How many load balancers it has passed.
    pub fn hops(&self) -> u8 {
        self.dns.map_or(0, |query| query.hops)
    }

    /// The answer to what is no question that anybody deals with, if it is none.
    pub fn turned_away(&self) -> Option<Message> {
        let query = self.dns?;
        let response = Response::new(query, query.wrong?);
        let said = response.said();
        Some(self.reply(None, said, Some(Arc::new(response))))
    }

    /// A reply in these words. `name`: the name in the server's spelling, where it is to be passed on.
    pub fn reply(
        &self,
        name: Option<HostName>,
        said: Said,
        response: Option<Arc<Response>>,
    ) -> Message {
        let Some(query) = self.dns else {
            return Message::Reply { name, id: self.id, said, dns: None };
        };
        let response = match response {
            Some(response) if response.query == query => response,
            response => Arc::new(self.of_own(query, &said, response)),
        };
        Message::Reply { name: Some(self.name.clone()), id: self.id, said, dns: Some(response) }
    }

    /// The same from a load balancer: it asks others, and what it passes on is not its own.
    pub fn relay(
        &self,
        name: Option<HostName>,
        said: Said,
        response: Option<Arc<Response>>,
    ) -> Message {
        let Some(query) = self.dns else { return self.reply(name, said, response) };
        let own = self.of_own(query, &said, response);
        let dns = Some(Arc::new(Response { authoritative: false, recursive: true, ..own }));
        Message::Reply { name: Some(self.name.clone()), id: self.id, said, dns }
    }

    /// What DNS has for these words, as an answer to this question.
    fn of_own(&self, query: Query, said: &Said, response: Option<Arc<Response>>) -> Response {
        match response {
            Some(response) => Response { query, ..Arc::unwrap_or_clone(response) },
            None => self.response(query, said),
        }
    }

    /// What DNS says where the server cannot, and why; nothing on lines.
    pub fn failure(&self, why: &str, code: u16) -> Option<Arc<Response>> {
        let error = ExtendedError { code, text: Arc::from(why) };
        let response = Response::new(self.dns?, Rcode::ServFail);
        Some(Arc::new(Response { error: Some(error), ..response }))
    }

    /// What DNS has for words that came without records.
    fn response(&self, query: Query, said: &Said) -> Response {
        let cannot = |text: Arc<str>| Response {
            error: Some(ExtendedError { code: ExtendedError::OTHER, text }),
            ..Response::new(query, Rcode::ServFail)
        };
        match said {
            Said::Found { address, .. } => {
                let answers = addresses(&self.name, address, query.kind, TTL);
                Response { answers, ..Response::new(query, Rcode::NoError) }
            }
            Said::Negative => Response::new(query, Rcode::NxDomain),
            Said::NoRecord => Response::new(query, Rcode::NoError),
            Said::Failed(why) => cannot(why.clone()),
            Said::NotFound => cannot(Arc::from("nothing was heard in time")),
        }
    }
}

/// The records of a table's addresses, as far as they are of the type that is asked for.
pub fn addresses(name: &HostName, list: &str, kind: RecordType, ttl: u32) -> Arc<[Rr]> {
    let record = |address: IpAddr| Rr { name: name.clone(), ttl, data: Data::of(address) };
    list.split(',')
        .filter_map(|one| one.trim().parse().ok())
        .map(record)
        .filter(|rr| rr.data.kind() == kind || kind == RecordType::ANY)
        .collect()
}
