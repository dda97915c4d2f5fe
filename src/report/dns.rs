//! A DNS answer in short, as `dig` has it at its head: the code, the flags that say something here, how many records of
//! which types and how long they hold, and why the server cannot say.

use super::text;
use crate::message::{Data, ExtendedError, Message, RecordType, Response, Rr};
use std::fmt::Write as _;

/// `NOERROR AA, 2 records (CNAME, A), TTL 300 s`.
#[must_use]
pub fn account(response: &Response) -> String {
    let mut out = head(response);
    if let Some(ExtendedError { code, text: why }) = &response.error {
        write!(out, ", EDE {code}").expect("writing to a String cannot fail");
        if !why.is_empty() {
            write!(out, ": {}", text(why)).expect("writing to a String cannot fail");
        }
    }
    out
}

/// The same without the reason in words, which whoever reads this has read already.
pub(super) fn head_and_number(response: &Response) -> String {
    let mut out = head(response);
    if let Some(error) = &response.error {
        write!(out, ", EDE {}", error.code).expect("writing to a String cannot fail");
    }
    out
}

/// A question or an answer over DNS, as whoever sent it means it; none for what is no DNS.
#[must_use]
pub fn message(message: &Message) -> Option<String> {
    match message {
        Message::Ask { name, dns: Some(query), .. } => {
            let size = query.edns.map_or_else(String::new, |size| format!(", EDNS {size}"));
            Some(format!("asks {} {}{size}", text(name.as_str()), query.kind))
        }
        Message::Reply { name: Some(name), dns: Some(response), .. } => {
            Some(format!("{} {}: {}", text(name.as_str()), response.query.kind, account(response)))
        }
        _ => None,
    }
}

/// Whether this is an answer that no datagram could hold.
#[must_use]
pub fn is_cut(message: &Message) -> bool {
    matches!(message, Message::Reply { dns: Some(response), .. } if response.truncated)
}

fn head(response: &Response) -> String {
    let mut out = response.rcode.to_string();
    if response.authoritative {
        out.push_str(" AA");
    }
    if response.truncated {
        out.push_str(" TC");
    }
    let answers = &response.answers;
    let least = answers.iter().map(|rr| rr.ttl).min();
    match answers.len() {
        // It says nothing of records.
        0 if response.error.is_some() || response.truncated => {}
        0 => out.push_str(", no record"),
        1 => out.push_str(", 1 record"),
        count => {
            write!(out, ", {count} records").expect("writing to a String cannot fail");
        }
    }
    let kinds = kinds(answers);
    if kinds.len() > 1 {
        let words: Vec<String> = kinds.iter().map(ToString::to_string).collect();
        write!(out, " ({})", words.join(", ")).expect("writing to a String cannot fail");
    }
    if let Some(ttl) = least {
        write!(out, ", TTL {ttl} s").expect("writing to a String cannot fail");
    } else if let Some(holds) = response.authority.iter().find_map(holds) {
        write!(out, ", SOA {holds} s").expect("writing to a String cannot fail");
    }
    out
}

/// The types of the records, each once, in their order.
fn kinds(answers: &[Rr]) -> Vec<RecordType> {
    let mut kinds = Vec::new();
    for kind in answers.iter().map(|rr| rr.data.kind()) {
        if !kinds.contains(&kind) {
            kinds.push(kind);
        }
    }
    kinds
}

/// For how long "there is none" holds (RFC 2308, 5), by the beginning of the zone.
fn holds(rr: &Rr) -> Option<u32> {
    match &rr.data {
        Data::Soa(soa) => Some(rr.ttl.min(soa.minimum)),
        _ => None,
    }
}
