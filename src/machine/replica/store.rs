//! What a replica holds: its log, the rooms and keys that the log makes, and which operations it has done already.
//!
//! It knows no other replica and no client; both schemes keep one.

use crate::message::{Digest, DiskKind, Entry, Image, OpId, Operation, Position, StoreSaid, Write};
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

/// Bytes of one room or value that are kept: a lecture writes lines, not books, and what one client writes must not
/// fill the memory of three replicas.
pub const TEXT_BYTES_MAX: usize = 4096;

/// Why a text cannot be taken.
pub fn too_long(id: &OpId, operation: &Operation) -> Option<String> {
    let second = match operation {
        Operation::Post { text, .. } => text.len(),
        Operation::Put { value, .. } => value.len(),
        Operation::Read { .. } | Operation::Get { .. } => 0,
    };
    let longest = id.client.len().max(operation.place().len()).max(second);
    (longest > TEXT_BYTES_MAX).then(|| format!("a text has more than {TEXT_BYTES_MAX} bytes"))
}

/// A room or a value, as the log makes it.
#[derive(Debug, Default)]
struct Made<T> {
    is: T,
    /// Where the last write of it stands.
    by: u64,
}

/// The store of one replica.
#[derive(Debug, Default)]
pub struct Store {
    log: Vec<Entry>,
    /// The digest after each entry.
    digests: Vec<Digest>,
    rooms: BTreeMap<Arc<str>, Made<Vec<Arc<str>>>>,
    keys: BTreeMap<Arc<str>, Made<Arc<str>>>,
    /// Where each operation stands in the log.
    done: HashMap<OpId, u64>,
    /// How many writes of each client are in the log.
    vector: BTreeMap<Arc<str>, u64>,
}

impl Store {
    /// What a disk held.
    pub fn read(image: Image) -> Self {
        let mut store = Self::default();
        for entry in image.entries {
            store.push(entry);
        }
        store
    }

    /// How far it is.
    pub fn have(&self) -> Position {
        Position { at: self.last(), digest: self.digests.last().copied().unwrap_or_default() }
    }

    /// The position of the last entry; 0 for none.
    pub fn last(&self) -> u64 {
        self.log.len() as u64
    }

    /// The term of the last entry; 0 for none.
    pub fn last_term(&self) -> u64 {
        self.log.last().map_or(0, |entry| entry.term)
    }

    /// The digest of everything up to this position; none beyond the end.
    pub fn digest_at(&self, position: u64) -> Option<Digest> {
        match position.checked_sub(1) {
            None => Some(Digest::default()),
            Some(before) => self.digests.get(usize::try_from(before).ok()?).copied(),
        }
    }

    /// Where an operation stands, if it has been done.
    pub fn place_of(&self, id: &OpId) -> Option<u64> {
        self.done.get(id).copied()
    }

    /// How many writes of each client are in the log.
    pub fn vector(&self) -> &BTreeMap<Arc<str>, u64> {
        &self.vector
    }

    /// Adds a new write at the end and gives its entry.
    pub fn accept(&mut self, term: u64, id: OpId, operation: Operation) -> Entry {
        let entry = Entry { position: self.last() + 1, term, id, operation };
        self.push(entry.clone());
        entry
    }

    /// Adds an entry that another replica accepted. False if it is not the next one: then nothing changes.
    pub fn append(&mut self, entry: Entry) -> bool {
        let next = entry.position == self.last() + 1;
        if next {
            self.push(entry);
        }
        next
    }

    /// The entry at this position.
    pub fn entry(&self, position: u64) -> Option<&Entry> {
        self.log.get(usize::try_from(position.checked_sub(1)?).ok()?)
    }

    /// How far it was with only its first entries.
    pub fn have_at(&self, position: u64) -> Option<Position> {
        self.digest_at(position).map(|digest| Position { at: position, digest })
    }

    /// The entries after a position.
    pub fn after(&self, position: u64) -> Arc<[Entry]> {
        let from = usize::try_from(position).unwrap_or(usize::MAX).min(self.log.len());
        Arc::from(&self.log[from..])
    }

    /// Replaces what stands after `keep` by these entries. Gives what was thrown away: entries whose operation is not
    /// in the log any more.
    pub fn replace(&mut self, keep: u64, entries: &[Entry]) -> Vec<Entry> {
        let keep = usize::try_from(keep).unwrap_or(usize::MAX).min(self.log.len());
        let mut log = std::mem::take(&mut self.log);
        let old = log.split_off(keep);
        *self = Self::default();
        for entry in log.into_iter().chain(entries.iter().cloned()) {
            let position = self.last() + 1;
            self.push(Entry { position, ..entry });
        }
        old.into_iter().filter(|entry| !self.done.contains_key(&entry.id)).collect()
    }

    /// The change of the disk that makes it hold everything after `keep`.
    pub fn write_after(&self, keep: u64, term: u64, kind: DiskKind) -> Write {
        Write { keep, entries: self.after(keep), term, kind }
    }

    /// What a read gives.
    pub fn answer(&self, operation: &Operation) -> StoreSaid {
        match operation {
            Operation::Get { key } => {
                StoreSaid::Value(self.keys.get(key).map(|value| value.is.clone()))
            }
            Operation::Read { room } => {
                let lines = self.rooms.get(room).map(|room| &room.is[..]).unwrap_or_default();
                StoreSaid::Lines(Arc::from(lines))
            }
            Operation::Post { .. } | Operation::Put { .. } => StoreSaid::Done,
        }
    }

    /// Where the last write stands that a read shows; 0 if it shows none.
    pub fn shows(&self, operation: &Operation) -> u64 {
        match operation {
            Operation::Get { key } => self.keys.get(key).map_or(0, |value| value.by),
            Operation::Read { room } => self.rooms.get(room).map_or(0, |room| room.by),
            Operation::Post { .. } | Operation::Put { .. } => 0,
        }
    }

    fn push(&mut self, entry: Entry) {
        let digest = self.digests.last().copied().unwrap_or_default().with(&entry);
        self.digests.push(digest);
        match &entry.operation {
            Operation::Post { room, text } => {
                let room = self.rooms.entry(room.clone()).or_default();
                room.is.push(text.clone());
                room.by = entry.position;
            }
            Operation::Put { key, value } => {
                self.keys.insert(key.clone(), Made { is: value.clone(), by: entry.position });
            }
            Operation::Read { .. } | Operation::Get { .. } => {}
        }
        *self.vector.entry(entry.id.client.clone()).or_default() += 1;
        self.done.entry(entry.id.clone()).or_insert(entry.position);
        self.log.push(entry);
    }
}
