//! A TS's table: looked up without case, kept in the file's order.

use crate::message::HostName;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
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
    table: Arc<BTreeMap<HostName, Record>>,
    order: Arc<[HostName]>,
}

impl Records {
    /// A table of these lines; of several with the same name the first counts.
    #[must_use]
    pub fn new(lines: impl IntoIterator<Item = Record>) -> Self {
        let mut table = BTreeMap::new();
        let mut order = Vec::new();
        for record in lines {
            if !table.contains_key(&record.name) {
                order.push(record.name.clone());
                table.insert(record.name.clone(), record);
            }
        }
        Self { table: Arc::new(table), order: order.into() }
    }

    /// The line for this name.
    #[must_use]
    pub fn get(&self, name: &HostName) -> Option<&Record> {
        self.table.get(name)
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
