//! Who is ahead? Two replicas compare what they have seen with the clock that the topology chose, and each clock sees
//! something else.
//!
//! - `count`, as in the original: how many writes each has. Equal counts with different contents look in sync.
//! - `time`: when each saw its last request. One that was started a moment ago looks current although it has nothing.
//! - `digest`: the count, and with equal counts a digest of the contents, which shows that they differ.
//! - `vector`: how many writes of each client (version vectors; Parker et al., "Detection of mutual inconsistency in
//!   distributed systems", TSE 1983). Behind, ahead and concurrent are told apart; equal vectors with different digests
//!   (the same writes in another order) count as concurrent.

use crate::message::{ClockVerdict, Position};
use crate::topology::ClockKind;
use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::sync::Arc;

/// The clock of one replica, in every form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Clock {
    /// How many writes, and their digest.
    pub have: Position,
    /// When it saw its last request, in ms.
    pub time_ms: u64,
    /// How many writes of each client.
    pub vector: BTreeMap<Arc<str>, u64>,
}

impl Clock {
    /// What this clock of one's own says beside another's.
    pub fn compare(&self, kind: ClockKind, other: &Self) -> ClockVerdict {
        match kind {
            ClockKind::Count => verdict(self.have.at.cmp(&other.have.at)),
            ClockKind::Time => verdict(self.time_ms.cmp(&other.time_ms)),
            ClockKind::Digest => {
                self.or_concurrent(other, verdict(self.have.at.cmp(&other.have.at)))
            }
            ClockKind::Vector => {
                let lacks = |one: &Self, two: &Self| {
                    let less = |(client, count): (&Arc<str>, &u64)| {
                        one.vector.get(client).is_none_or(|own| own < count)
                    };
                    two.vector.iter().any(less)
                };
                match (lacks(self, other), lacks(other, self)) {
                    (true, true) => ClockVerdict::Concurrent,
                    (true, false) => ClockVerdict::Behind,
                    (false, true) => ClockVerdict::Ahead,
                    (false, false) => self.or_concurrent(other, ClockVerdict::InSync),
                }
            }
        }
    }

    /// In sync only if the contents are, too.
    fn or_concurrent(&self, other: &Self, verdict: ClockVerdict) -> ClockVerdict {
        if verdict == ClockVerdict::InSync && self.have.digest != other.have.digest {
            ClockVerdict::Concurrent
        } else {
            verdict
        }
    }

    /// How far it is, as one number: of several that are ahead, the one with the highest is asked.
    pub fn height(&self, kind: ClockKind) -> u64 {
        if kind == ClockKind::Time { self.time_ms } else { self.have.at }
    }
}

fn verdict(ordering: Ordering) -> ClockVerdict {
    match ordering {
        Ordering::Less => ClockVerdict::Behind,
        Ordering::Equal => ClockVerdict::InSync,
        Ordering::Greater => ClockVerdict::Ahead,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::Digest;
    use ClockVerdict::{Ahead, Behind, Concurrent, InSync};

    fn clock(at: u64, digest: u64, time_ms: u64, vector: &[(&str, u64)]) -> Clock {
        let vector = vector.iter().map(|(client, count)| (Arc::from(*client), *count)).collect();
        Clock { have: Position { at, digest: Digest(digest) }, time_ms, vector }
    }

    /// What each kind of clock says of the same two replicas.
    #[test]
    fn each_clock_sees_something_else() {
        let kinds = [ClockKind::Count, ClockKind::Time, ClockKind::Digest, ClockKind::Vector];
        let full = clock(3, 9, 50, &[("a", 2), ("b", 1)]);
        for (name, other, expected) in [
            ("the same", full.clone(), [InSync, InSync, InSync, InSync]),
            (
                "same count, other contents",
                clock(3, 8, 50, &[("a", 1), ("b", 2)]),
                [InSync, InSync, Concurrent, Concurrent],
            ),
            (
                "the same writes in another order",
                clock(3, 8, 50, &[("a", 2), ("b", 1)]),
                [InSync, InSync, Concurrent, Concurrent],
            ),
            ("a newborn", clock(0, 0, 99, &[]), [Ahead, Behind, Ahead, Ahead]),
            (
                "longer, but without a write of ours",
                clock(4, 8, 60, &[("a", 1), ("b", 3)]),
                [Behind, Behind, Behind, Concurrent],
            ),
            (
                "longer by a client that we have not heard of",
                clock(4, 8, 40, &[("a", 2), ("b", 1), ("c", 1)]),
                [Behind, Ahead, Behind, Behind],
            ),
        ] {
            let said = kinds.map(|kind| full.compare(kind, &other));
            assert_eq!(said, expected, "{name}");
            let back = kinds.map(|kind| other.compare(kind, &full));
            let turned = expected.map(|verdict| match verdict {
                Behind => Ahead,
                Ahead => Behind,
                same => same,
            });
            assert_eq!(back, turned, "{name}, seen from the other side");
        }
    }
}
