//! A zone: every record at and below one name, as the one who answers for it holds them.
//!
//! It knows which names exist, also those between others that have no records of their own, and what a wildcard stands
//! for (RFC 4592). How it is written in a file is the business of `zone_file`.

use super::records::Record;
use crate::message::{Data, HostName, Query, Rcode, RecordType, Response, Rr, Said, Soa};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Names that are looked at, one alias leading to the next: more than anybody has a use for, and the end of a circle.
pub const ALIASES_MAX: usize = 8;

/// A zone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Zone {
    apex: HostName,
    soa: Arc<Soa>,
    soa_ttl: u32,
    /// What there is of each name; nothing of names that exist because others lie below them.
    sets: BTreeMap<HostName, Vec<Rr>>,
    order: Vec<HostName>,
}

impl Zone {
    /// The zone that begins with this record and has these, all of them within it.
    #[must_use]
    pub fn new(apex: HostName, (soa_ttl, soa): (u32, Arc<Soa>), records: Vec<Rr>) -> Self {
        let mut zone = Self { apex, soa, soa_ttl, sets: BTreeMap::new(), order: Vec::new() };
        let first = Rr { name: zone.apex.clone(), ttl: soa_ttl, data: Data::Soa(zone.soa.clone()) };
        for record in std::iter::once(first).chain(records) {
            zone.add(record);
        }
        zone
    }

    fn add(&mut self, record: Rr) {
        let mut above = record.name.parent();
        while let Some(name) = above.filter(|name| self.contains(name)) {
            above = name.parent();
            self.sets.entry(name).or_default();
        }
        let set = self.sets.entry(record.name.clone()).or_default();
        if set.is_empty() {
            self.order.push(record.name.clone());
        }
        set.push(record);
    }

    /// Its name.
    #[must_use]
    pub fn apex(&self) -> &HostName {
        &self.apex
    }

    /// Whether a name lies in it.
    #[must_use]
    pub fn contains(&self, name: &HostName) -> bool {
        name.is_within(&self.apex)
    }

    /// What there is of a name, by itself or by a wildcard; none where there is no such name.
    #[must_use]
    pub fn at(&self, name: &HostName) -> Option<&[Rr]> {
        if let Some(set) = self.sets.get(name) {
            return Some(set);
        }
        // The wildcard is that of the nearest name above that exists, and of no other (RFC 4592, 3.3.1).
        let mut above = name.parent();
        while let Some(name) = above.filter(|name| self.contains(name)) {
            if self.sets.contains_key(&name) {
                let wild = HostName::new(&format!("*.{name}"));
                return self.sets.get(&wild).map(Vec::as_slice);
            }
            above = name.parent();
        }
        None
    }

    /// The record that stands by "there is none" and says for how long that holds (RFC 2308, 3 and 4).
    #[must_use]
    pub fn negative(&self) -> Rr {
        let ttl = self.soa_ttl.min(self.soa.minimum);
        Rr { name: self.apex.clone(), ttl, data: Data::Soa(self.soa.clone()) }
    }

    /// What it has of this type for a name, in the words of an answer; none where that is nothing.
    #[must_use]
    pub fn says(&self, name: &HostName, kind: RecordType) -> Option<Arc<str>> {
        let mut answers = Vec::new();
        let mut at = name.clone();
        for _ in 0..ALIASES_MAX {
            let Some(set) = self.at(&at) else { break };
            let before = answers.len();
            let fits = |rr: &&Rr| rr.data.kind() == kind || kind == RecordType::ANY;
            answers.extend(set.iter().filter(fits).cloned());
            let alias = set.iter().find(|rr| rr.data.kind() == RecordType::CNAME);
            let Some(Rr { data: Data::Cname(to), .. }) = alias else { break };
            if answers.len() > before {
                break;
            }
            answers.extend(alias.cloned());
            at = to.clone();
        }
        let response = Response::new(Query::new(kind), Rcode::NoError);
        match (Response { answers: answers.into(), ..response }).said() {
            Said::Found { address, .. } => Some(address),
            _ => None,
        }
    }

    /// The names with IPv4 addresses and these, as a table has them; aliases lead to theirs.
    pub fn addresses(&self) -> impl Iterator<Item = Record> {
        self.order.iter().filter_map(|name| {
            let addresses = self.addresses_of(name)?;
            let name = name.clone();
            Some(Record { name, address: Arc::from(addresses), flag: Arc::from("A") })
        })
    }

    fn addresses_of(&self, name: &HostName) -> Option<String> {
        let mut at = name.clone();
        for _ in 0..ALIASES_MAX {
            let set = self.at(&at)?;
            let addresses: Vec<String> = set
                .iter()
                .filter(|rr| rr.data.kind() == RecordType::A)
                .map(|rr| rr.data.to_string())
                .collect();
            if !addresses.is_empty() {
                return Some(addresses.join(","));
            }
            at = set.iter().find_map(|rr| match &rr.data {
                Data::Cname(to) => Some(to.clone()),
                _ => None,
            })?;
        }
        None
    }
}
