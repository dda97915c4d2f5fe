//! What a TS knows: a table of names and addresses, looked up without case and kept in the file's order; and zones.

use super::zone::Zone;
use crate::message::{Data, HostName, RecordType};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::sync::Arc;

/// A line of a TS's table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// The name in the table's spelling.
    pub name: HostName,
    /// The address, or several with commas.
    pub address: Arc<str>,
    /// The third field (`A`), perhaps empty.
    pub flag: Arc<str>,
}

/// A TS's table: looked up without case, in the file's order. Cheap to clone.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(from = "Vec<Record>", into = "Vec<Record>")]
pub struct Records {
    table: Arc<HashMap<HostName, Record>>,
    order: Arc<[HostName]>,
    zones: Arc<[Arc<Zone>]>,
}

impl Records {
    /// This zone; its addresses are the table.
    #[must_use]
    pub fn of_zone(zone: Zone) -> Self {
        let table = Self::new(zone.addresses());
        Self { zones: Arc::from([Arc::new(zone)]), ..table }
    }

    /// The zone in which a name lies: of several the smallest.
    #[must_use]
    pub fn zone_of(&self, name: &HostName) -> Option<&Zone> {
        let around = self.zones.iter().filter(|zone| zone.contains(name));
        around.max_by_key(|zone| zone.apex().as_str().len()).map(AsRef::as_ref)
    }

    /// Whether there are any zones.
    #[must_use]
    pub fn has_zones(&self) -> bool {
        !self.zones.is_empty()
    }

    /// A table of these lines; of several with the same name the first counts.
    #[must_use]
    pub fn new(lines: impl IntoIterator<Item = Record>) -> Self {
        let mut table = HashMap::new();
        let mut order = Vec::new();
        for record in lines {
            if !table.contains_key(&record.name) {
                order.push(record.name.clone());
                table.insert(record.name.clone(), record);
            }
        }
        Self { table: Arc::new(table), order: order.into(), zones: Arc::default() }
    }

    /// The line for this name.
    #[must_use]
    pub fn get(&self, name: &HostName) -> Option<&Record> {
        self.table.get(name)
    }

    /// What it has of this type for a name, in the words of an answer; aliases lead to theirs, and wildcards stand for
    /// what lies below them.
    #[must_use]
    pub fn says(&self, name: &HostName, kind: RecordType) -> Option<Arc<str>> {
        if let Some(zone) = self.zone_of(name) {
            return zone.says(name, kind);
        }
        let record = self.get(name)?;
        if kind.is_usual() {
            return Some(record.address.clone());
        }
        let addresses = record.address.split(',').filter_map(|one| one.trim().parse().ok());
        let fits = |data: &Data| data.kind() == kind || kind == RecordType::ANY;
        let words: Vec<String> =
            addresses.map(Data::of).filter(fits).map(|data| data.to_string()).collect();
        (!words.is_empty())
            .then(|| Arc::from(words.join(if kind.is_address() { "," } else { ", " })))
    }

    /// All lines in the file's order.
    pub fn iter(&self) -> impl Iterator<Item = &Record> {
        self.order.iter().filter_map(|name| self.table.get(name))
    }

    /// How many names it has.
    #[must_use]
    pub fn len(&self) -> usize {
        self.order.len()
    }

    /// Whether it is empty.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.order.is_empty()
    }
}

impl From<Vec<Record>> for Records {
    fn from(lines: Vec<Record>) -> Self {
        Self::new(lines)
    }
}

impl From<Records> for Vec<Record> {
    fn from(records: Records) -> Self {
        records.iter().cloned().collect()
    }
}
