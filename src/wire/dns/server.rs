//! The end that is asked: questions out of bytes, answers into bytes.
//!
//! What is no question that is dealt with here (another operation, another class, EDNS of another version) still comes
//! out as one, with the code that answers it; whether and how it is answered is the machine's business.

use super::plain::{self, Question};
use super::{HEADER_BYTES, Header, OPTION_ERROR, OPTION_HOPS, names, records};
use crate::message::{HostName, Message, Query, Rcode, RecordType, Response};
use crate::wire::Decoded;
use hickory_proto::op::{self, Edns, Message as Wire, MessageType, OpCode, ResponseCode};
use hickory_proto::rr::rdata::opt::{EdnsCode, EdnsOption};
use hickory_proto::rr::{DNSClass, RecordType as Kind};
use std::sync::Arc;

/// The smallest size that an asker can have: smaller ones are taken for it (RFC 6891, 6.2.3).
pub const DATAGRAM_BYTES_MIN: u16 = 512;

/// The largest datagram that is sent, whatever the asker takes; the same that is told to others.
const DATAGRAM_BYTES_MAX: u16 = 4096;

/// What an asker is told that this end takes.
pub const DATAGRAM_BYTES: u16 = 1232;

/// Types of questions about a whole zone: transfers, which are for its copies alone.
const TRANSFERS: std::ops::RangeInclusive<u16> = 251..=252;

/// Reads one message.
pub fn decode(bytes: &[u8], read: u64) -> Decoded {
    let Some(header) = Header::of(bytes) else {
        return Decoded::Malformed("fewer bytes than the header of a DNS message has".into());
    };
    if header.is_response {
        // To answer it would be to play ball with whoever forged it (RFC 5452; CVE-1999-0103).
        return Decoded::Malformed("an answer, sent to a server".into());
    }
    let turned_away = |wrong: Rcode| {
        // Who speaks EDNS is answered in EDNS, whatever else is wrong (RFC 6891, 6.1.1).
        let edns = Wire::from_vec(bytes).ok().and_then(|message| message.edns);
        let query = Query {
            opcode: header.opcode,
            recursion: header.recursion,
            edns: edns.map(|edns| datagram_bytes(edns.max_payload())),
            wrong: Some(wrong),
            ..Query::new(RecordType::A)
        };
        let (name, id) = (HostName::new(""), Some(u64::from(header.id)));
        Decoded::Message(Message::Ask { name, id, dns: Some(query) }, read)
    };
    if header.opcode != 0 {
        return turned_away(Rcode::NotImp);
    }
    if header.questions != 1 || header.records != 0 {
        return turned_away(Rcode::FormErr);
    }
    let question = match plain::question(bytes) {
        Some(question) => question,
        None => match by_library(bytes) {
            Some(question) => question,
            None => return turned_away(Rcode::FormErr),
        },
    };
    let query = query(header, &question);
    let id = Some(u64::from(header.id));
    Decoded::Message(Message::Ask { name: question.name, id, dns: Some(query) }, read)
}

/// Reads a question with the library, which knows every kind of message.
pub fn by_library(bytes: &[u8]) -> Option<Question> {
    let message = Wire::from_vec(bytes).ok()?;
    let question = message.queries.first()?;
    let edns = message.edns.as_ref();
    let hops = edns.and_then(|edns| match edns.option(EdnsCode::Unknown(OPTION_HOPS)) {
        Some(EdnsOption::Unknown(_, bytes)) => bytes.first().copied(),
        _ => None,
    });
    Some(Question {
        name: names::text(question.name()),
        kind: question.query_type().into(),
        class: question.query_class().into(),
        edns: edns.map(|edns| (edns.max_payload(), edns.version())),
        hops: hops.unwrap_or(0),
    })
}

fn query(header: Header, question: &Question) -> Query {
    let wrong = if question.edns.is_some_and(|(_, version)| version > 0) {
        Some(Rcode::BadVers)
    } else if question.class != u16::from(DNSClass::IN) || TRANSFERS.contains(&question.kind) {
        Some(Rcode::Refused)
    } else {
        None
    };
    Query {
        opcode: 0,
        kind: RecordType(question.kind),
        class: question.class,
        recursion: header.recursion,
        edns: question.edns.map(|(size, _)| datagram_bytes(size)),
        hops: question.hops,
        wrong,
    }
}

/// The largest datagram that an asker takes, by its own words.
fn datagram_bytes(size: u16) -> u16 {
    size.max(DATAGRAM_BYTES_MIN)
}

/// Writes one answer. Over datagrams, one that is larger than the asker takes goes without its records, and says so.
pub fn encode(name: &HostName, id: u64, response: &Response, stream: bool, out: &mut Vec<u8>) {
    let limit = match response.query.edns {
        _ if stream => usize::from(u16::MAX),
        Some(size) => usize::from(size.min(DATAGRAM_BYTES_MAX)),
        None => usize::from(DATAGRAM_BYTES_MIN),
    };
    let begin = out.len();
    if plain::write_answer(name, id, response, out) && out.len() - begin <= limit {
        return;
    }
    out.truncate(begin);
    let whole = build(name, id, response);
    let written = whole.to_vec().ok().filter(|bytes| bytes.len() <= limit);
    // What remains without records has room in every datagram: a header, one name, a few words.
    let bytes = written.or_else(|| whole.truncate().to_vec().ok());
    out.extend_from_slice(&bytes.unwrap_or_default());
}

/// The message that an answer is, for the library to write.
pub fn build(name: &HostName, id: u64, response: &Response) -> Wire {
    let query = response.query;
    let (id, opcode) = (u16::try_from(id).unwrap_or_default(), OpCode::from_u8(query.opcode));
    let mut message = Wire::new(id, MessageType::Response, opcode);
    let number = response.rcode.number();
    message.metadata.response_code =
        ResponseCode::from(u8::try_from(number >> 4).unwrap_or(0), (number & 0xf) as u8);
    message.metadata.authoritative = response.authoritative;
    message.metadata.recursion_available = response.recursive;
    message.metadata.recursion_desired = query.recursion;
    message.metadata.truncation = response.truncated;
    // A message that could not be read as far as its question has none to repeat.
    if let Some(name) = Some(name).filter(|name| !name.as_str().is_empty()).and_then(names::name) {
        let mut question = op::Query::query(name, Kind::from(query.kind.0));
        question.set_query_class(DNSClass::from(query.class));
        message.add_query(question);
    }
    message.add_answers(response.answers.iter().filter_map(records::record));
    message.add_authorities(response.authority.iter().filter_map(records::record));
    if query.edns.is_some() {
        let mut edns = Edns::new();
        edns.set_max_payload(DATAGRAM_BYTES);
        if let Some(error) = &response.error {
            let mut bytes = error.code.to_be_bytes().to_vec();
            bytes.extend(error.text.as_bytes());
            edns.options_mut().insert(EdnsOption::Unknown(OPTION_ERROR, bytes));
        }
        message.set_edns(edns);
    }
    message
}

/// The words of an extended error, in an answer.
pub fn error_of(edns: &Edns) -> Option<crate::message::ExtendedError> {
    let Some(EdnsOption::Unknown(_, bytes)) = edns.option(EdnsCode::Unknown(OPTION_ERROR)) else {
        return None;
    };
    let (code, text) = bytes.split_first_chunk::<2>()?;
    let text = Arc::from(String::from_utf8_lossy(text));
    Some(crate::message::ExtendedError { code: u16::from_be_bytes(*code), text })
}

const _: () = assert!(HEADER_BYTES < DATAGRAM_BYTES_MIN as usize);
