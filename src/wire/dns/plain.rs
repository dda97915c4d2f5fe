//! The usual messages without a detour through the library: one question for a plain name, answers of addresses,
//! aliases and name servers, EDNS without options. They are nearly all that a load balancer passes on.
//!
//! Nothing here says that a message is wrong. What is not of the usual kind is left to the library, and what is means
//! there what it means here.

use super::names::{self, Familiar};
use super::{HEADER_BYTES, OPTION_HOPS};
use crate::message::{Data, HostName, Query, Rcode, RecordType, Response, Rr};
use std::sync::Arc;

/// Records of a usual message at most.
const RECORDS_MAX: usize = 16;

/// Pointers that one name follows at most.
const POINTERS_MAX: usize = 8;

/// Characters of a name at most.
const NAME_MAX: usize = 253;

const CLASS_IN: u16 = 1;
const TYPE_A: u16 = RecordType::A.0;
const TYPE_NS: u16 = RecordType::NS.0;
const TYPE_CNAME: u16 = RecordType::CNAME.0;
const TYPE_AAAA: u16 = RecordType::AAAA.0;
const TYPE_OPT: u16 = 41;

/// A question as it stands in a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question {
    /// The name.
    pub name: HostName,
    /// The type.
    pub kind: u16,
    /// The class.
    pub class: u16,
    /// The size that the asker takes and the version, where it speaks EDNS.
    pub edns: Option<(u16, u8)>,
    /// Load balancers that it has passed.
    pub hops: u8,
}

/// Reads a message that is a question and nothing else.
pub fn question(bytes: &[u8]) -> Option<Question> {
    let mut cursor = Cursor::behind_the_header(bytes);
    let name = HostName::new(cursor.name()?);
    let (kind, class) = (cursor.word()?, cursor.word()?);
    let (mut edns, mut hops) = (None, 0);
    match word(bytes, 10)? {
        0 => {}
        1 => {
            let ([0, 0, TYPE_OPT_LOW], size) = (*cursor.take()?, cursor.word()?) else {
                return None;
            };
            let [_, version, _, _] = *cursor.take()?;
            match cursor.word()? {
                0 => {}
                5 if cursor.word()? == OPTION_HOPS && cursor.word()? == 1 => {
                    [hops] = *cursor.take()?;
                }
                _ => return None,
            }
            edns = Some((size, version));
        }
        _ => return None,
    }
    cursor.is_over().then_some(Question { name, kind, class, edns, hops })
}

/// The lower byte of the type of EDNS.
const TYPE_OPT_LOW: u8 = TYPE_OPT as u8;

/// Reads a message that answers this question, and repeats it.
pub fn answer(
    bytes: &[u8],
    name: &HostName,
    query: Query,
    familiar: &mut Familiar,
) -> Option<Response> {
    let mut cursor = Cursor::behind_the_header(bytes);
    let counts = [word(bytes, 6)?, word(bytes, 8)?, word(bytes, 10)?].map(usize::from);
    if word(bytes, 4)? != 1 || counts.iter().sum::<usize>() > RECORDS_MAX {
        return None;
    }
    if !cursor.name()?.eq_ignore_ascii_case(name.as_str())
        || cursor.word()? != query.kind.0
        || cursor.word()? != query.class
    {
        return None;
    }
    let answers = cursor.records(counts[0], name, familiar)?;
    let authority = cursor.records(counts[1], name, familiar)?;
    let mut has_edns = false;
    for _ in 0..counts[2] {
        if bytes.get(cursor.at..)?.starts_with(&[0, 0, TYPE_OPT_LOW]) {
            // Its class is a size; what else it may bring along is for the library.
            let [_, _, _, _, _, 0, _, _, _, 0, 0] = *cursor.take::<11>()? else { return None };
            if std::mem::replace(&mut has_edns, true) {
                return None;
            }
        } else {
            cursor.look_over()?;
        }
    }
    let (high, low) = (bytes[2], bytes[3]);
    cursor.is_over().then(|| Response {
        query,
        rcode: Rcode::from_number(u16::from(low & 0xf)),
        authoritative: high & 4 != 0,
        recursive: low & 0x80 != 0,
        truncated: high & 2 != 0,
        answers,
        authority,
        error: None,
    })
}

/// Writes a question; false, and nothing, for a name that DNS has no room for.
pub fn write_question(number: u16, name: &HostName, query: Query, out: &mut Vec<u8>) -> bool {
    let begin = out.len();
    let edns = query.edns.is_some() || query.hops > 0;
    out.extend(number.to_be_bytes());
    out.extend([u8::from(query.recursion), 0, 0, 1, 0, 0, 0, 0, 0, u8::from(edns)]);
    if !names::write(name, out) {
        out.truncate(begin);
        return false;
    }
    out.extend(query.kind.0.to_be_bytes());
    out.extend(CLASS_IN.to_be_bytes());
    if edns {
        let options = if query.hops > 0 { 5 } else { 0 };
        write_edns(query.edns.unwrap_or(0).max(super::server::DATAGRAM_BYTES_MIN), options, out);
        if query.hops > 0 {
            out.extend(OPTION_HOPS.to_be_bytes());
            out.extend([0, 1, query.hops]);
        }
    }
    true
}

fn write_edns(size: u16, options: u8, out: &mut Vec<u8>) {
    out.extend([0, 0, TYPE_OPT_LOW]);
    out.extend(size.to_be_bytes());
    out.extend([0, 0, 0, 0, 0, options]);
}

/// Writes an answer; false, and nothing, for one that is not of the usual kind.
pub fn write_answer(name: &HostName, id: u64, response: &Response, out: &mut Vec<u8>) -> bool {
    let begin = out.len();
    let written = try_write_answer(name, id, response, out).is_some();
    if !written {
        out.truncate(begin);
    }
    written
}

fn try_write_answer(
    name: &HostName,
    id: u64,
    response: &Response,
    out: &mut Vec<u8>,
) -> Option<()> {
    let query = response.query;
    let [answers, authority] = [response.answers.len(), response.authority.len()];
    let rcode = u8::try_from(response.rcode.number()).ok().filter(|code| *code < 16)?;
    if response.error.is_some() || answers + authority > RECORDS_MAX {
        return None;
    }
    let begin = out.len();
    let bit = |is_set: bool, bit: u8| if is_set { bit } else { 0 };
    out.extend(u16::try_from(id).unwrap_or_default().to_be_bytes());
    out.push(
        0x80 | (query.opcode & 0xf) << 3
            | bit(response.authoritative, 4)
            | bit(response.truncated, 2)
            | bit(query.recursion, 1),
    );
    out.push(bit(response.recursive, 0x80) | rcode);
    out.extend([0, 1, 0, answers as u8, 0, authority as u8, 0, u8::from(query.edns.is_some())]);
    let mut names = Written { begin, known: [("", 0); KNOWN_MAX], count: 0 };
    names.write(name, out)?;
    out.extend(query.kind.0.to_be_bytes());
    out.extend(query.class.to_be_bytes());
    for rr in response.answers.iter().chain(&*response.authority) {
        names.write(&rr.name, out)?;
        out.extend(rr.data.kind().0.to_be_bytes());
        out.extend(CLASS_IN.to_be_bytes());
        out.extend(rr.ttl.to_be_bytes());
        let place = out.len();
        out.extend([0, 0]);
        match &rr.data {
            Data::A(address) => out.extend(address.octets()),
            Data::Aaaa(address) => out.extend(address.octets()),
            Data::Ns(name) | Data::Cname(name) => names.write(name, out)?,
            Data::Mx { .. } | Data::Txt(_) | Data::Soa(_) | Data::Other(..) => return None,
        }
        let length = u16::try_from(out.len() - place - 2).ok()?;
        out[place..place + 2].copy_from_slice(&length.to_be_bytes());
    }
    if query.edns.is_some() {
        write_edns(super::server::DATAGRAM_BYTES, 0, out);
    }
    Some(())
}

/// Names and ends of names that are remembered, to be pointed at.
const KNOWN_MAX: usize = 32;

/// What was written of names: each end of one is written once, and pointed at later (RFC 1035, 4.1.4).
struct Written<'a> {
    /// Where the message begins.
    begin: usize,
    known: [(&'a str, u16); KNOWN_MAX],
    count: usize,
}

impl<'a> Written<'a> {
    fn write(&mut self, name: &'a HostName, out: &mut Vec<u8>) -> Option<()> {
        let mut rest = name.as_str();
        if rest.is_empty() || rest.len() > NAME_MAX || rest.contains('\\') {
            return None;
        }
        loop {
            let known = self.known[..self.count].iter().find(|(known, _)| *known == rest);
            if let Some((_, at)) = known {
                out.extend((0xc000 | at).to_be_bytes());
                return Some(());
            }
            let at = out.len() - self.begin;
            if self.count < KNOWN_MAX && at < 0x4000 {
                self.known[self.count] = (rest, at as u16);
                self.count += 1;
            }
            let (label, behind) = match rest.split_once('.') {
                Some((label, behind)) => (label, Some(behind)),
                None => (rest, None),
            };
            let length = u8::try_from(label.len()).ok().filter(|one| (1..=63).contains(one))?;
            out.push(length);
            out.extend_from_slice(label.as_bytes());
            let Some(behind) = behind else {
                out.push(0);
                return Some(());
            };
            rest = behind;
        }
    }
}

fn word(bytes: &[u8], at: usize) -> Option<u16> {
    bytes.get(at..)?.first_chunk().map(|word| u16::from_be_bytes(*word))
}

/// A place in a message.
struct Cursor<'a> {
    bytes: &'a [u8],
    at: usize,
    /// Room for the name that is read.
    text: Text,
}

/// A name as people write it, on the stack.
struct Text {
    characters: [u8; NAME_MAX],
    length: usize,
}

impl Text {
    fn push(&mut self, more: &[u8]) -> Option<()> {
        let end = self.length + more.len();
        self.characters.get_mut(self.length..end)?.copy_from_slice(more);
        self.length = end;
        Some(())
    }

    /// None for the root.
    fn as_str(&self) -> Option<&str> {
        std::str::from_utf8(&self.characters[..self.length]).ok().filter(|text| !text.is_empty())
    }
}

impl<'a> Cursor<'a> {
    fn behind_the_header(bytes: &'a [u8]) -> Self {
        Self { bytes, at: HEADER_BYTES, text: Text { characters: [0; NAME_MAX], length: 0 } }
    }

    fn take<const N: usize>(&mut self) -> Option<&'a [u8; N]> {
        let taken = self.bytes.get(self.at..)?.first_chunk()?;
        self.at += N;
        Some(taken)
    }

    fn word(&mut self) -> Option<u16> {
        self.take().map(|word| u16::from_be_bytes(*word))
    }

    fn is_over(&self) -> bool {
        self.at == self.bytes.len()
    }

    /// A name of characters that need no escape, which is not that of the root.
    fn name(&mut self) -> Option<&str> {
        self.text.length = 0;
        let (mut at, mut begin, mut limit) = (self.at, self.at, self.bytes.len());
        let (mut end, mut pointers) = (None, 0);
        while at < limit {
            let length = self.bytes[at];
            if length == 0 {
                self.at = end.unwrap_or(at + 1);
                return self.text.as_str();
            } else if length < 64 {
                let label = self.bytes.get(at + 1..at + 1 + usize::from(length))?;
                if self.text.length > 0 {
                    self.text.push(b".")?;
                }
                let is_plain = |byte: &u8| matches!(byte, 0x21..=0x7e) && !b".\\".contains(byte);
                if !label.iter().all(is_plain) {
                    return None;
                }
                self.text.push(label)?;
                at += 1 + label.len();
            } else if length >= 0xc0 && pointers < POINTERS_MAX {
                // What is pointed at lies before, and ends before: nothing goes round.
                let target = usize::from(word(self.bytes, at)? & 0x3fff);
                if target >= begin {
                    return None;
                }
                end.get_or_insert(at + 2);
                (limit, begin, at) = (begin, target, target);
                pointers += 1;
            } else {
                return None;
            }
        }
        None
    }

    /// The same as its own value; one that is known is shared where it is the same, letter for letter.
    fn host_name(&mut self, asked: &HostName, familiar: &mut Familiar) -> Option<HostName> {
        let text = self.name()?;
        Some(if text == asked.as_str() { asked.clone() } else { familiar.name(text) })
    }

    fn records(
        &mut self,
        count: usize,
        asked: &HostName,
        familiar: &mut Familiar,
    ) -> Option<Arc<[Rr]>> {
        match count {
            0 => Some(Arc::default()),
            1 => Some(Arc::from([self.record(asked, familiar)?])),
            _ => (0..count).map(|_| self.record(asked, familiar)).collect(),
        }
    }

    /// Steps over a record that is read and not kept.
    fn look_over(&mut self) -> Option<()> {
        self.name()?;
        let (kind, class) = (self.word()?, self.word()?);
        let [_, _, _, _] = *self.take()?;
        let length = usize::from(self.word()?);
        let end = self.at + length;
        match kind {
            TYPE_A if length == 4 => self.at = end,
            TYPE_AAAA if length == 16 => self.at = end,
            TYPE_NS | TYPE_CNAME => drop(self.name()?),
            _ => return None,
        }
        (class == CLASS_IN && self.at == end && end <= self.bytes.len()).then_some(())
    }

    fn record(&mut self, asked: &HostName, familiar: &mut Familiar) -> Option<Rr> {
        let name = self.host_name(asked, familiar)?;
        let (kind, class) = (self.word()?, self.word()?);
        let ttl = u32::from_be_bytes(*self.take()?);
        let length = usize::from(self.word()?);
        let end = self.at + length;
        let data = match kind {
            TYPE_A if length == 4 => Data::A(self.take::<4>().copied()?.into()),
            TYPE_AAAA if length == 16 => Data::Aaaa(self.take::<16>().copied()?.into()),
            TYPE_NS => Data::Ns(self.host_name(asked, familiar)?),
            TYPE_CNAME => Data::Cname(self.host_name(asked, familiar)?),
            _ => return None,
        };
        (class == CLASS_IN && self.at == end).then_some(Rr { name, ttl, data })
    }
}

#[cfg(test)]
mod tests {
    use super::super::{asker, server};
    use super::*;
    use hickory_proto::op::Message as Wire;
    use proptest::prelude::*;

    /// Names that share their ends, in two spellings, and some that need an escape.
    fn name() -> impl Strategy<Value = HostName> {
        let label = prop_oneof![8 => "[a-cA-C]{1,3}", 1 => Just("a\\.b".to_owned())];
        prop::collection::vec(label, 1..4).prop_map(|labels| HostName::new(&labels.join(".")))
    }

    fn query() -> impl Strategy<Value = Query> {
        let kind = prop_oneof![Just(1_u16), Just(28), Just(5), any::<u16>()];
        let edns = prop::option::of(512..=u16::MAX);
        (kind, any::<bool>(), edns, 0..4_u8).prop_map(|(kind, recursion, edns, hops)| {
            let edns = edns.or((hops > 0).then_some(512));
            Query { recursion, edns, hops, ..Query::new(RecordType(kind)) }
        })
    }

    fn rr() -> impl Strategy<Value = Rr> {
        let data = prop_oneof![
            4 => any::<[u8; 4]>().prop_map(|octets| Data::A(octets.into())),
            2 => any::<[u8; 16]>().prop_map(|octets| Data::Aaaa(octets.into())),
            2 => name().prop_map(Data::Ns),
            2 => name().prop_map(Data::Cname),
            1 => name().prop_map(|exchange| Data::Mx { preference: 7, exchange }),
        ];
        (name(), any::<u32>(), data).prop_map(|(name, ttl, data)| Rr { name, ttl, data })
    }

    fn response() -> impl Strategy<Value = Response> {
        let records = || prop::collection::vec(rr(), 0..4);
        let code = (0..5_u16).prop_map(Rcode::from_number);
        let flags = any::<[bool; 3]>();
        (query(), code, flags, records(), records()).prop_map(
            |(query, rcode, [authoritative, recursive, truncated], answers, authority)| {
                let query = Query { hops: 0, ..query };
                let (answers, authority) = (answers.into(), authority.into());
                let own = Response::new(query, rcode);
                Response { authoritative, recursive, truncated, answers, authority, ..own }
            },
        )
    }

    fn is_usual(name: &HostName) -> bool {
        !name.as_str().contains('\\')
    }

    /// What is read of these bytes, and of the same with one changed, is what the library reads.
    fn reads_as_the_library(
        name: &HostName,
        query: Query,
        bytes: &[u8],
        (at, by): (usize, u8),
        familiar: &mut Familiar,
    ) {
        let mut changed = bytes.to_vec();
        let at = at % changed.len();
        changed[at] ^= by;
        for bytes in [bytes, &changed] {
            if let Some(read) = answer(bytes, name, query, familiar) {
                assert_eq!(Some(read), asker::by_library(name, query, bytes), "{bytes:x?}");
            }
            // The header is looked at before.
            if let Some(read) = question(bytes).filter(|_| bytes[4..10] == [0, 1, 0, 0, 0, 0]) {
                assert_eq!(Some(read), server::by_library(bytes), "{bytes:x?}");
            }
        }
    }

    proptest! {
        #[test]
        fn a_question_is_what_the_library_takes_it_for(
            name in name(), query in query(), number: u16, at: usize, by: u8,
        ) {
            let mut bytes = Vec::new();
            prop_assert!(write_question(number, &name, query, &mut bytes));
            let message = Wire::from_vec(&bytes).expect("a message");
            prop_assert_eq!(message.metadata.id, number);
            prop_assert_eq!(message.metadata.recursion_desired, query.recursion);
            let read = server::by_library(&bytes).expect("a question");
            let edns = query.edns.map(|size| (size, 0));
            let (kind, class, hops) = (query.kind.0, query.class, query.hops);
            prop_assert_eq!(&read, &Question { name: name.clone(), kind, class, edns, hops });
            prop_assert_eq!(question(&bytes).is_some(), is_usual(&name));
            reads_as_the_library(&name, query, &bytes, (at, by), &mut Familiar::default());
        }

        #[test]
        fn an_answer_is_what_the_library_makes_and_takes_it_for(
            name in name(), response in response(), at: usize, by: u8,
        ) {
            let whole = server::build(&name, 77, &response);
            let library = whole.to_vec().expect("it has room");
            let mut bytes = Vec::new();
            let records = || response.answers.iter().chain(&*response.authority);
            let usual = is_usual(&name) && records().all(|rr| {
                is_usual(&rr.name) && match &rr.data {
                    Data::Ns(name) | Data::Cname(name) => is_usual(name),
                    data => matches!(data, Data::A(_) | Data::Aaaa(_)),
                }
            });
            let familiar = &mut Familiar::default();
            prop_assert_eq!(write_answer(&name, 77, &response, &mut bytes), usual);
            prop_assert_eq!(bytes.is_empty(), !usual);
            if usual {
                let (ours, theirs) = (Wire::from_vec(&bytes), Wire::from_vec(&library));
                prop_assert_eq!(ours.expect("a message"), theirs.expect("a message"));
                prop_assert!(bytes.len() <= library.len(), "what can be pointed at is");
                reads_as_the_library(&name, response.query, &bytes, (at, by), familiar);
            }
            prop_assert_eq!(answer(&library, &name, response.query, familiar).is_some(), usual);
            reads_as_the_library(&name, response.query, &library, (at, by), familiar);
        }
    }
}
