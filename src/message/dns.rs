//! What real DNS says beside names and addresses: types, records, codes, and what a question brings along.
//!
//! Values only. How they stand in bytes is `wire`'s business, who answers what is the machines'.

use super::{HostName, Said};
use serde::{Deserialize, Serialize};
use std::fmt::{self, Write as _};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::{Arc, LazyLock};

/// The type of a record (RFC 1035, 3.2.2), by its number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RecordType(pub u16);

impl RecordType {
    /// An IPv4 address.
    pub const A: Self = Self(1);
    /// A name server of a zone.
    pub const NS: Self = Self(2);
    /// The true name of an alias.
    pub const CNAME: Self = Self(5);
    /// The beginning of a zone.
    pub const SOA: Self = Self(6);
    /// Who takes mail.
    pub const MX: Self = Self(15);
    /// Text.
    pub const TXT: Self = Self(16);
    /// An IPv6 address.
    pub const AAAA: Self = Self(28);
    /// Of a question: every type.
    pub const ANY: Self = Self(255);

    /// Those that have a word here.
    const WORDS: [(Self, &'static str); 8] = [
        (Self::A, "A"),
        (Self::NS, "NS"),
        (Self::CNAME, "CNAME"),
        (Self::SOA, "SOA"),
        (Self::MX, "MX"),
        (Self::TXT, "TXT"),
        (Self::AAAA, "AAAA"),
        (Self::ANY, "ANY"),
    ];

    /// The type with this word, whatever its case.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        let known = |(_, known): &&(Self, &str)| known.eq_ignore_ascii_case(word);
        Self::WORDS.iter().find(known).map(|(kind, _)| *kind)
    }

    /// The word for this type; types that nobody here deals with have none.
    fn word(self) -> Option<&'static str> {
        Self::WORDS.iter().find(|(kind, _)| *kind == self).map(|(_, word)| *word)
    }

    /// The words, in the order of the numbers.
    pub fn words() -> impl Iterator<Item = &'static str> {
        Self::WORDS.iter().map(|(_, word)| *word)
    }

    /// Whether it is what is asked for where nothing is said of it.
    #[must_use]
    pub fn is_usual(&self) -> bool {
        *self == Self::A
    }

    /// Whether a question of this type asks for an address.
    #[must_use]
    pub const fn is_address(self) -> bool {
        matches!(self, Self::A | Self::AAAA)
    }
}

impl Default for RecordType {
    fn default() -> Self {
        Self::A
    }
}

/// Types without a word are written as RFC 3597 has it.
impl fmt::Display for RecordType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.word() {
            Some(word) => f.pad(word),
            None => write!(f, "TYPE{}", self.0),
        }
    }
}

/// The beginning of a zone (RFC 1035, 3.3.13).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Soa {
    /// The name server that has the original.
    pub primary: HostName,
    /// The mailbox of whoever is responsible, as a name.
    pub mailbox: HostName,
    /// The version of the zone.
    pub serial: u32,
    /// Seconds after which a copy asks for news.
    pub refresh: u32,
    /// Seconds after which it asks again.
    pub retry: u32,
    /// Seconds after which it gives up.
    pub expire: u32,
    /// Seconds for which "there is none" holds at most (RFC 2308, 4).
    pub minimum: u32,
}

/// What a record says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Data {
    /// An IPv4 address.
    A(Ipv4Addr),
    /// An IPv6 address.
    Aaaa(Ipv6Addr),
    /// A name server.
    Ns(HostName),
    /// The true name.
    Cname(HostName),
    /// Who takes mail; the lowest preference first.
    Mx {
        /// The lower, the sooner.
        preference: u16,
        /// Who.
        exchange: HostName,
    },
    /// Strings of at most 255 bytes each; any bytes.
    Txt(Arc<[Arc<[u8]>]>),
    /// The beginning of a zone.
    Soa(Arc<Soa>),
    /// A record of a type that is passed on as it is.
    Other(RecordType, Arc<[u8]>),
}

impl Data {
    /// Its type.
    #[must_use]
    pub const fn kind(&self) -> RecordType {
        match self {
            Self::A(_) => RecordType::A,
            Self::Aaaa(_) => RecordType::AAAA,
            Self::Ns(_) => RecordType::NS,
            Self::Cname(_) => RecordType::CNAME,
            Self::Mx { .. } => RecordType::MX,
            Self::Txt(_) => RecordType::TXT,
            Self::Soa(_) => RecordType::SOA,
            Self::Other(kind, _) => *kind,
        }
    }

    /// The record of an address.
    #[must_use]
    pub const fn of(address: IpAddr) -> Self {
        match address {
            IpAddr::V4(address) => Self::A(address),
            IpAddr::V6(address) => Self::Aaaa(address),
        }
    }
}

/// As a zone file has it; whatever is shown goes through `base::text` afterwards.
impl fmt::Display for Data {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::A(address) => write!(f, "{address}"),
            Self::Aaaa(address) => write!(f, "{address}"),
            Self::Ns(name) | Self::Cname(name) => write!(f, "{name}"),
            Self::Mx { preference, exchange } => write!(f, "{preference} {exchange}"),
            Self::Txt(strings) => {
                for (at, string) in strings.iter().enumerate() {
                    let space = if at == 0 { "" } else { " " };
                    write!(f, "{space}\"{}\"", string.escape_ascii())?;
                }
                Ok(())
            }
            Self::Soa(soa) => write!(f, "{} {} {}", soa.primary, soa.mailbox, soa.serial),
            Self::Other(kind, bytes) => write!(f, "{kind} of {} bytes", bytes.len()),
        }
    }
}

/// One record. Names bear no dot at their end, but for the root, which is one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rr {
    /// Whose record it is.
    pub name: HostName,
    /// Seconds for which it holds.
    pub ttl: u32,
    /// What it says.
    pub data: Data,
}

/// What nearly every address is followed by: one word, shared by all.
static A_WORD: LazyLock<Arc<str>> = LazyLock::new(|| "A".into());

/// An address as people write it. Nearly every answer is one, so it is written without the machinery of formats.
fn dotted(address: Ipv4Addr) -> Arc<str> {
    let mut text = [0; "255.255.255.255".len()];
    let mut end = 0;
    for (at, octet) in address.octets().into_iter().enumerate() {
        let digits = [octet / 100, octet / 10 % 10, octet % 10];
        let leading = digits[..2].iter().take_while(|digit| **digit == 0).count();
        if at > 0 {
            text[end] = b'.';
            end += 1;
        }
        for digit in &digits[leading..] {
            text[end] = b'0' + digit;
            end += 1;
        }
    }
    Arc::from(std::str::from_utf8(&text[..end]).expect("digits and dots"))
}

/// The code of a response (RFC 1035, 4.1.1; RFC 6891, 6.1.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Rcode {
    /// The name exists, whether or not it has such a record.
    NoError,
    /// The question cannot be read.
    FormErr,
    /// The server cannot say.
    ServFail,
    /// There is no such name.
    NxDomain,
    /// The server does not do this at all.
    NotImp,
    /// The server will not say.
    Refused,
    /// EDNS of a version that the server does not speak.
    BadVers,
    /// Another.
    Other(u16),
}

impl Rcode {
    const NUMBERS: [(Self, u16, &'static str); 7] = [
        (Self::NoError, 0, "NOERROR"),
        (Self::FormErr, 1, "FORMERR"),
        (Self::ServFail, 2, "SERVFAIL"),
        (Self::NxDomain, 3, "NXDOMAIN"),
        (Self::NotImp, 4, "NOTIMP"),
        (Self::Refused, 5, "REFUSED"),
        (Self::BadVers, 16, "BADVERS"),
    ];

    /// The code with this number.
    #[must_use]
    pub fn from_number(number: u16) -> Self {
        let known = Self::NUMBERS.iter().find(|(_, known, _)| *known == number);
        known.map_or(Self::Other(number), |(code, ..)| *code)
    }

    /// Whether this is the word of a code.
    #[must_use]
    pub fn is_word(text: &str) -> bool {
        Self::NUMBERS.iter().any(|(.., word)| *word == text)
    }

    /// Its number.
    #[must_use]
    pub fn number(self) -> u16 {
        match self {
            Self::Other(number) => number,
            _ => Self::NUMBERS.iter().find(|(code, ..)| *code == self).map_or(2, |(_, n, _)| *n),
        }
    }
}

impl fmt::Display for Rcode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match Self::NUMBERS.iter().find(|(code, ..)| code == self) {
            Some((.., word)) => f.pad(word),
            None => write!(f, "RCODE{}", self.number()),
        }
    }
}

/// Why a response says that the server cannot (RFC 8914).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExtendedError {
    /// Its number there.
    pub code: u16,
    /// In words.
    pub text: Arc<str>,
}

impl ExtendedError {
    /// Something without a number of its own.
    pub const OTHER: u16 = 0;
    /// It failed a moment ago, and was not tried again.
    pub const CACHED: u16 = 13;
    /// The server is not ready.
    pub const NOT_READY: u16 = 14;
    /// No server could be reached, or none would answer.
    pub const UNREACHABLE: u16 = 22;
    /// Speaking with a server failed.
    pub const NETWORK: u16 = 23;
}

/// What a DNS question brings along beside the name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Query {
    /// What is to be done: 0 for a question; nothing else is dealt with.
    pub opcode: u8,
    /// What is asked for.
    pub kind: RecordType,
    /// Its class; all that is dealt with is of class 1, the Internet.
    pub class: u16,
    /// Whether the server shall ask others (RD).
    pub recursion: bool,
    /// The largest datagram that the asker takes, where it said so (EDNS).
    pub edns: Option<u16>,
    /// Load balancers that the question has passed, as they count among themselves.
    pub hops: u8,
    /// The code that it is answered with before anybody looks for anything: it is no question that is dealt with here.
    pub wrong: Option<Rcode>,
}

impl Query {
    /// A question for this type, as nodes of ours ask it.
    #[must_use]
    pub const fn new(kind: RecordType) -> Self {
        Self { opcode: 0, kind, class: 1, recursion: true, edns: None, hops: 0, wrong: None }
    }
}

/// What a DNS answer brings along beside what it says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Response {
    /// The question that it answers.
    pub query: Query,
    /// Its code.
    pub rcode: Rcode,
    /// Whether the server has the zone itself (AA).
    pub authoritative: bool,
    /// Whether the server asks others (RA).
    pub recursive: bool,
    /// Whether there was more than a datagram could hold (TC).
    pub truncated: bool,
    /// The answer.
    pub answers: Arc<[Rr]>,
    /// The zone's beginning with "there is none"; or its name servers.
    pub authority: Arc<[Rr]>,
    /// Why the server cannot say.
    pub error: Option<ExtendedError>,
}

impl Response {
    /// A response with this code and nothing else.
    #[must_use]
    pub fn new(query: Query, rcode: Rcode) -> Self {
        Self {
            query,
            rcode,
            authoritative: false,
            recursive: false,
            truncated: false,
            answers: Arc::default(),
            authority: Arc::default(),
            error: None,
        }
    }

    /// What it means, in the words of every wire: several records stand with commas between them, and an alias whose
    /// end is not in the answer stands for itself.
    #[must_use]
    pub fn said(&self) -> Said {
        match self.rcode {
            Rcode::NoError if self.answers.is_empty() => Said::NoRecord,
            Rcode::NoError => self.found(),
            Rcode::NxDomain => Said::Negative,
            code => Said::Failed(match &self.error {
                Some(error) if !error.text.is_empty() => error.text.clone(),
                _ => Arc::from(code.to_string()),
            }),
        }
    }

    fn found(&self) -> Said {
        let wanted = self.query.kind;
        if let ([Rr { data: Data::A(address), .. }], RecordType::A) = (&*self.answers, wanted) {
            return Said::Found { address: dotted(*address), flags: A_WORD.clone() };
        }
        for kind in [wanted, RecordType::CNAME] {
            let between = if kind.is_address() { "," } else { ", " };
            let fits = |rr: &&Rr| rr.data.kind() == kind || kind == RecordType::ANY;
            let mut address = String::new();
            for (at, rr) in self.answers.iter().filter(fits).enumerate() {
                let before = if at == 0 { "" } else { between };
                write!(address, "{before}{}", rr.data).expect("writing to a String cannot fail");
            }
            if !address.is_empty() {
                let flags = kind.word().map_or_else(|| Arc::from(kind.to_string()), Arc::from);
                return Said::Found { address: Arc::from(address), flags };
            }
        }
        Said::NoRecord
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_written_as_everywhere() {
        for octet in 0..=u8::MAX {
            let address = Ipv4Addr::new(octet, 0, 255 - octet, octet / 2);
            assert_eq!(*dotted(address), address.to_string());
        }
    }
}
