//! A log on its way from one replica to another: cut into parts that a line of the wire has room for, and put together
//! again.

use crate::message::{Entry, Message, ReplicaMessage};
use std::io::{self, Write};
use std::sync::Arc;

/// Bytes of text in one part. Written as JSON, a byte takes six at the most, so a part stays below half of the longest
/// line.
const PART_BYTES: usize = 512 << 10;

/// Entries in one part: each takes some hundred bytes besides its text.
const PART_ENTRIES: usize = 4_000;

/// The messages that ship these entries, of which the receiver keeps its own up to `keep`. At least one.
pub fn parts(term: u64, keep: u64, entries: &[Entry]) -> Vec<ReplicaMessage> {
    let mut parts = Vec::new();
    let mut rest = entries;
    loop {
        let (part, behind) = rest.split_at(fitting(rest));
        rest = behind;
        let more = !rest.is_empty();
        parts.push(ReplicaMessage::State { term, keep, entries: Arc::from(part), more });
        if !more {
            return parts;
        }
    }
}

/// How many of these fit into one part; one always does.
fn fitting(entries: &[Entry]) -> usize {
    let mut bytes = 0;
    let room = |entry: &&Entry| {
        bytes += entry.id.client.len() + entry.operation.to_string().len();
        bytes <= PART_BYTES
    };
    let count = entries.iter().take(PART_ENTRIES).take_while(room).count();
    count.max(1).min(entries.len())
}

/// What has come so far of a log that is being shipped.
#[derive(Debug, Default)]
pub struct Arriving {
    entries: Vec<Entry>,
    bytes: u64,
}

/// A log that has come whole.
#[derive(Debug, PartialEq, Eq)]
pub struct Shipped {
    /// The receiver keeps its own up to here.
    pub keep: u64,
    /// What follows.
    pub entries: Vec<Entry>,
    /// What it took on the wire.
    pub bytes: u64,
}

impl Arriving {
    /// Takes a message; gives everything when the last part is in. What is no part of a log is passed over.
    pub fn take(&mut self, message: &Message) -> Option<Shipped> {
        let Message::Replica(ReplicaMessage::State { keep, entries, more, .. }) = message else {
            return None;
        };
        self.bytes += bytes_of(message);
        self.entries.extend(entries.iter().cloned());
        if *more {
            return None;
        }
        let Self { entries, bytes } = std::mem::take(self);
        Some(Shipped { keep: *keep, entries, bytes })
    }
}

/// How many bytes a message between replicas takes: one JSON object and a line end.
pub fn bytes_of(message: &Message) -> u64 {
    struct Count(u64);
    impl Write for Count {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0 += bytes.len() as u64;
            Ok(bytes.len())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let mut count = Count(1);
    // Plain data and a writer that takes everything: there is no way to fail.
    serde_json::to_writer(&mut count, message).expect("a message is plain data");
    count.0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::{OpId, Operation};

    fn entry(position: u64, text: &str) -> Entry {
        let id = OpId { client: "c.1".into(), number: position };
        let operation = Operation::Put { key: "k".into(), value: text.into() };
        Entry { position, term: 0, id, operation }
    }

    #[test]
    fn a_long_log_comes_in_parts_and_is_whole_at_the_end() {
        let text = "x".repeat(4096);
        for count in [0, 1, 127, 128, 1_000] {
            let log: Vec<Entry> = (1..=count).map(|at| entry(at, &text)).collect();
            let parts = parts(0, 7, &log);
            assert_eq!(parts.len() as u64, count.div_ceil(127).max(1), "{count}");
            let mut arriving = Arriving::default();
            let mut lines = 0;
            for (at, part) in parts.iter().enumerate() {
                let message = Message::Replica(part.clone());
                let line = serde_json::to_string(&message).unwrap();
                assert!(line.len() < 4 << 20);
                lines += line.len() as u64 + 1;
                let whole = arriving.take(&message);
                assert_eq!(whole.is_some(), at + 1 == parts.len());
                if let Some(whole) = whole {
                    assert_eq!(whole, Shipped { keep: 7, entries: log.clone(), bytes: lines });
                }
            }
        }
    }

    #[test]
    fn an_entry_that_fills_a_part_by_itself_still_goes() {
        let log = [entry(1, &"x".repeat(PART_BYTES + 1)), entry(2, "y")];
        assert_eq!(parts(0, 0, &log).len(), 2);
    }
}
