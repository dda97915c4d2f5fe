//! Zone files, in the form of RFC 1035, 5.1: one record a line, with names relative to an origin.
//!
//! What is wrong is reported with its place. Read are the types that a lecture has a use for; `$INCLUDE` is refused,
//! because a topology reads no file that it does not name.

mod lines;

use super::problem::{Problems, Span};
use super::words::quoted;
use super::zone::{ALIASES_MAX, Zone};
use crate::base::escape::unescaped;
use crate::message::{Data, HostName, RecordType, Rr, Soa};
use lines::{Entry, Token, entries};
use std::collections::HashMap;
use std::sync::Arc;

/// The longest name (RFC 1035, 2.3.4, without the length octets).
const NAME_CHARS_MAX: usize = 253;
/// The longest label.
const LABEL_CHARS_MAX: usize = 63;
/// The longest string of a text record.
const STRING_BYTES_MAX: usize = 255;
/// The longest time that a record may hold (RFC 2181, 8).
const TTL_MAX: u32 = i32::MAX as u32;

/// Reads a zone. None if it has no beginning; whatever else is wrong is reported and left out. `file` gives the origin
/// where the text names none: `example.com.zone` holds `example.com`.
pub fn read(text: &str, source: u32, file: &str, problems: &mut Problems) -> Option<Zone> {
    let mut reader = Reader {
        origin: origin_of(file),
        ttl: None,
        owner: None,
        soa: None,
        records: Vec::new(),
        places: Vec::new(),
    };
    let errors = problems.errors();
    for entry in entries(text, source, problems) {
        reader.entry(&entry, problems);
    }
    let whole = Span { source, start: 0, end: 0 };
    let Some((apex, ttl, soa)) = reader.soa.take() else {
        if problems.errors() == errors {
            problems
                .error(whole, "this zone has no beginning: there is no SOA record")
                .help("begin with `@ SOA ns1 admin 1 3600 600 86400 60`");
        }
        return None;
    };
    reader.check(&apex, problems);
    let records = std::mem::take(&mut reader.records);
    let inside = records.into_iter().filter(|rr| rr.name.is_within(&apex)).collect();
    Some(Zone::new(apex, (ttl, soa), inside))
}

/// `zones/example.com.zone` is the zone of `example.com`, unless the text says otherwise.
fn origin_of(file: &str) -> HostName {
    let name = file.rsplit(['/', '\\']).next().unwrap_or(file);
    let stem = name.len().checked_sub(".zone".len()).map_or("", |end| &name[..end]);
    HostName::new(if stem.is_empty() { "." } else { stem })
}

struct Reader {
    origin: HostName,
    ttl: Option<u32>,
    owner: Option<HostName>,
    soa: Option<(HostName, u32, Arc<Soa>)>,
    records: Vec<Rr>,
    /// Where each record stands.
    places: Vec<Span>,
}

impl Reader {
    fn entry(&mut self, entry: &Entry<'_>, problems: &mut Problems) {
        let first = entry.tokens[0];
        if first.text.starts_with('$') && !entry.indented {
            self.directive(&entry.tokens, problems);
            return;
        }
        let mut tokens = entry.tokens.as_slice();
        if entry.indented {
            if self.owner.is_none() {
                problems
                    .error(first.at, "this line has no name, and there is none before it")
                    .help("begin it with a name, or with `@` for the zone itself");
                return;
            }
        } else {
            self.owner = self.name(first, problems);
            tokens = &tokens[1..];
        }
        let Some(owner) = self.owner.clone() else { return };
        let mut ttl = None;
        while let Some((token, rest)) = tokens.split_first() {
            if token.text.eq_ignore_ascii_case("IN") {
                tokens = rest;
            } else if token.text.starts_with(|c: char| c.is_ascii_digit()) && ttl.is_none() {
                ttl = seconds(*token, problems);
                tokens = rest;
            } else {
                break;
            }
        }
        let Some((kind, rest)) = tokens.split_first() else {
            problems
                .error(first.at, "this line has no type")
                .help("write a record such as `www A 192.0.2.1`");
            return;
        };
        self.record(owner, ttl, *kind, rest, problems);
    }

    fn directive(&mut self, tokens: &[Token<'_>], problems: &mut Problems) {
        let first = tokens[0];
        match (first.text.to_ascii_uppercase().as_str(), tokens) {
            ("$ORIGIN", [_, name]) => {
                if let Some(name) = self.name(*name, problems) {
                    self.origin = name;
                }
            }
            ("$TTL", [_, time]) => self.ttl = seconds(*time, problems).or(self.ttl),
            ("$ORIGIN" | "$TTL", _) => {
                problems
                    .error(first.at, format!("{} has one value", quoted(first.text)))
                    .help("write `$ORIGIN example.com.` or `$TTL 60`");
            }
            ("$INCLUDE", _) => {
                problems
                    .error(first.at, "a zone file cannot name others")
                    .help("write the records of both into one file");
            }
            _ => {
                problems
                    .error(first.at, format!("{} is not known", quoted(first.text)))
                    .help("there are `$ORIGIN` and `$TTL`");
            }
        }
    }

    fn record(
        &mut self,
        owner: HostName,
        ttl: Option<u32>,
        kind: Token<'_>,
        fields: &[Token<'_>],
        problems: &mut Problems,
    ) {
        let known = RecordType::from_word(kind.text).filter(|kind| *kind != RecordType::ANY);
        let Some(known) = known else {
            problems
                .error(kind.at, format!("{} is no type that is read", quoted(kind.text)))
                .help("there are A, AAAA, CNAME, MX, NS, SOA and TXT");
            return;
        };
        if known == RecordType::SOA {
            self.beginning(owner, ttl, kind, fields, problems);
            return;
        }
        let Some(data) = self.data(known, kind, fields, problems) else { return };
        let minimum = self.soa.as_ref().map(|(.., soa)| soa.minimum);
        let ttl = ttl.or(self.ttl).or(minimum).unwrap_or(0);
        self.records.push(Rr { name: owner, ttl, data });
        self.places.push(kind.at);
    }

    fn data(
        &self,
        known: RecordType,
        kind: Token<'_>,
        fields: &[Token<'_>],
        problems: &mut Problems,
    ) -> Option<Data> {
        match (known, fields) {
            (RecordType::A, [one]) => address(*one, "192.0.2.1", problems).map(Data::A),
            (RecordType::AAAA, [one]) => address(*one, "2001:db8::1", problems).map(Data::Aaaa),
            (RecordType::NS, [one]) => self.name(*one, problems).map(Data::Ns),
            (RecordType::CNAME, [one]) => self.name(*one, problems).map(Data::Cname),
            (RecordType::MX, [preference, exchange]) => {
                let number = number(*preference, u32::from(u16::MAX), problems);
                let exchange = self.name(*exchange, problems)?;
                Some(Data::Mx { preference: u16::try_from(number?).ok()?, exchange })
            }
            (RecordType::TXT, [_, ..]) => {
                let strings: Option<Arc<_>> =
                    fields.iter().map(|one| string(*one, problems)).collect();
                strings.map(Data::Txt)
            }
            _ => {
                let help = match known {
                    RecordType::MX => "write `MX 10 mail`: preference and name",
                    RecordType::TXT => "write `TXT \"some text\"`",
                    _ => "write one field behind the type",
                };
                let count = fields.len();
                problems
                    .error(kind.at, format!("{known} with {count} fields behind it"))
                    .help(help);
                None
            }
        }
    }

    fn beginning(
        &mut self,
        owner: HostName,
        ttl: Option<u32>,
        kind: Token<'_>,
        fields: &[Token<'_>],
        problems: &mut Problems,
    ) {
        if self.soa.is_some() {
            problems
                .error(kind.at, "a zone begins once, and here is a second SOA record")
                .help("write the other zone into a file of its own");
            return;
        }
        let [primary, mailbox, serial, times @ ..] = fields else {
            soa_incomplete(kind, problems);
            return;
        };
        let &[refresh, retry, expire, minimum] = times else {
            soa_incomplete(kind, problems);
            return;
        };
        let (primary, mailbox) = (self.name(*primary, problems), self.name(*mailbox, problems));
        let serial = number(*serial, u32::MAX, problems);
        let times = [refresh, retry, expire, minimum].map(|time| seconds(time, problems));
        let (Some(primary), Some(mailbox), Some(serial)) = (primary, mailbox, serial) else {
            return;
        };
        let [Some(refresh), Some(retry), Some(expire), Some(minimum)] = times else { return };
        let soa = Soa { primary, mailbox, serial, refresh, retry, expire, minimum };
        self.soa = Some((owner, ttl.or(self.ttl).unwrap_or(minimum), Arc::new(soa)));
    }

    /// A name of the file, whole: relative names lie below the origin.
    fn name(&self, token: Token<'_>, problems: &mut Problems) -> Option<HostName> {
        let text = token.text;
        if text == "@" {
            return Some(self.origin.clone());
        }
        if text == "." {
            return Some(HostName::new("."));
        }
        let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '*' | '.');
        let whole = match text.strip_suffix('.') {
            Some(whole) => whole.to_owned(),
            None if self.origin.as_str() == "." => text.to_owned(),
            None => format!("{text}.{}", self.origin),
        };
        let label = |label: &str| !label.is_empty() && label.len() <= LABEL_CHARS_MAX;
        if !text.chars().all(fits) || !whole.split('.').all(label) {
            problems
                .error(token.at, format!("{} is no name", quoted(text)))
                .help("a name has letters, digits, `-`, `_` and `.`, such as www or www.a.com.");
            return None;
        }
        if whole.len() > NAME_CHARS_MAX {
            problems
                .error(token.at, format!("{} is too long a name", quoted(text)))
                .help(format!("a name has at most {NAME_CHARS_MAX} characters"));
            return None;
        }
        Some(HostName::new(&whole))
    }

    /// Aliases lead somewhere, and soon.
    fn check_aliases(&self, problems: &mut Problems) {
        let to = |rr: &Rr| match &rr.data {
            Data::Cname(to) => Some((rr.name.clone(), to.clone())),
            _ => None,
        };
        let aliases: HashMap<HostName, HostName> = self.records.iter().filter_map(to).collect();
        for (rr, at) in self.records.iter().zip(&self.places) {
            let mut names = std::iter::successors(Some(&rr.name), |name| aliases.get(*name));
            if rr.data.kind() == RecordType::CNAME && names.nth(ALIASES_MAX).is_some() {
                let (name, most) = (quoted(rr.name.as_str()), ALIASES_MAX - 1);
                problems
                    .error(*at, format!("the alias {name} leads to no end"))
                    .help(format!("at most {most} aliases may lead on, and none back"));
            }
        }
    }

    /// What only shows when all records are there.
    fn check(&self, apex: &HostName, problems: &mut Problems) {
        let mut of: HashMap<&HostName, (bool, bool)> = HashMap::new();
        for rr in &self.records {
            let alias = rr.data.kind() == RecordType::CNAME;
            let (aliases, others) = of.entry(&rr.name).or_default();
            *others |= !alias || *aliases;
            *aliases |= alias;
        }
        self.check_aliases(problems);
        for (rr, at) in self.records.iter().zip(&self.places) {
            let name = quoted(rr.name.as_str());
            if !rr.name.is_within(apex) {
                problems
                    .error(*at, format!("{name} lies outside of this zone"))
                    .help(format!("the zone is {}", quoted(apex.as_str())));
            }
            let is = |kind| rr.data.kind() == kind;
            let crowded = of.get(&rr.name).is_some_and(|(aliases, others)| *aliases && *others);
            if is(RecordType::CNAME) && (crowded || rr.name == *apex) {
                problems
                    .error(*at, format!("{name} is an alias and has other records"))
                    .help("an alias has its CNAME record and nothing else (RFC 1034, 3.6.2)");
            }
            if is(RecordType::NS) && rr.name != *apex {
                problems
                    .error(*at, format!("{name} is handed to other name servers"))
                    .help("zones below this one are not told of here: take the record out");
            }
        }
    }
}

fn soa_incomplete(kind: Token<'_>, problems: &mut Problems) {
    problems
        .error(kind.at, "SOA has seven values")
        .help("write `@ SOA ns1 admin 1 3600 600 86400 60`");
}

/// The bytes of a string.
fn string(token: Token<'_>, problems: &mut Problems) -> Option<Arc<[u8]>> {
    let bytes = unescaped(token.text);
    if bytes.is_none() {
        problems
            .error(token.at, "this string has a `\\` that stands for nothing")
            .help("write `\\\"`, `\\\\`, or three digits for a byte, such as \\065");
    }
    let bytes = bytes?;
    if bytes.len() > STRING_BYTES_MAX {
        problems
            .error(token.at, "this string is too long")
            .help(format!("a string has at most {STRING_BYTES_MAX} bytes: write two"));
        return None;
    }
    Some(bytes)
}

fn address<T: std::str::FromStr>(
    token: Token<'_>,
    example: &str,
    problems: &mut Problems,
) -> Option<T> {
    let parsed = token.text.parse().ok();
    if parsed.is_none() {
        problems
            .error(token.at, format!("{} is no address of this type", quoted(token.text)))
            .help(format!("write one such as {example}"));
    }
    parsed
}

fn number(token: Token<'_>, most: u32, problems: &mut Problems) -> Option<u32> {
    let parsed = token.text.parse().ok().filter(|number| *number <= most);
    if parsed.is_none() {
        problems
            .error(token.at, format!("{} is no number that fits here", quoted(token.text)))
            .help(format!("write a whole number up to {most}"));
    }
    parsed
}

/// A time: seconds, or `1h30m` as name servers read it.
fn seconds(token: Token<'_>, problems: &mut Problems) -> Option<u32> {
    let parsed = parse_seconds(token.text).filter(|time| *time <= TTL_MAX);
    if parsed.is_none() {
        problems
            .error(token.at, format!("{} is no time", quoted(token.text)))
            .help("write seconds, such as 3600, or 1h30m");
    }
    parsed
}

fn parse_seconds(text: &str) -> Option<u32> {
    let (mut sum, mut digits) = (0_u32, String::new());
    for c in text.chars() {
        let unit = match c.to_ascii_lowercase() {
            '0'..='9' => {
                digits.push(c);
                continue;
            }
            's' => 1,
            'm' => 60,
            'h' => 3600,
            'd' => 86_400,
            'w' => 604_800,
            _ => return None,
        };
        sum = sum.checked_add(digits.parse::<u32>().ok()?.checked_mul(unit)?)?;
        digits.clear();
    }
    if digits.is_empty() {
        return (!text.is_empty()).then_some(sum);
    }
    sum.checked_add(digits.parse().ok()?)
}
