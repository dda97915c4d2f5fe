//! The disk of a simulated node: in memory, with the rules of a real one. What is not committed when the process dies
//! is gone; a commit that has begun is waited for, unless the power fails.
//!
//! It knows images and writes, not what they mean.

use crate::base::draw::{Purpose, draw};
use crate::base::{EventId, NodeId, Token};
use crate::message::{DiskKind, Image, Write};
use std::collections::VecDeque;
use std::time::Duration;

/// A commit takes from this long, as on a disk that is an SSD …
const COMMIT_MIN: Duration = Duration::from_micros(500);
/// … to this long.
const COMMIT_SPREAD_US: u64 = 1_500;

/// One write that a machine asked for.
#[derive(Debug, Clone)]
pub(super) struct Wanted {
    pub(super) token: Token,
    pub(super) write: Write,
    /// The event that asked for it.
    pub(super) cause: EventId,
}

/// A write that is on the disk.
#[derive(Debug, Clone, Copy)]
pub(super) struct Kept {
    pub(super) token: Token,
    pub(super) bytes: u64,
    pub(super) took: Duration,
    pub(super) cause: EventId,
}

/// The disk of one node.
#[derive(Debug, Default)]
pub(super) struct Disk {
    image: Image,
    damaged: bool,
    kind: DiskKind,
    /// The commit that has begun.
    under_way: Vec<Wanted>,
    took: Duration,
    waiting: VecDeque<Wanted>,
    /// How many commits have begun; tells a commit from one that its process did not live to see.
    commits: u64,
    /// What it held when the present step began; none where that could not be read.
    marked: Option<Image>,
}

impl Disk {
    pub(super) fn new(kind: DiskKind) -> Self {
        Self { kind, ..Self::default() }
    }

    /// What it holds; none if it cannot be read.
    pub(super) fn image(&self) -> Option<&Image> {
        (!self.damaged).then_some(&self.image)
    }

    /// Empties it.
    pub(super) fn wipe(&mut self) {
        let marked = self.marked.take();
        *self = Self { commits: self.commits, marked, ..Self::new(self.kind) };
    }

    /// Remembers what it holds now.
    pub(super) fn mark(&mut self) {
        self.marked = self.image().cloned();
    }

    /// It holds what was remembered; without that, what it holds now.
    pub(super) fn put_back(&mut self) {
        if let Some(image) = self.marked.clone() {
            self.wipe();
            self.image = image;
        }
    }

    /// A write waits its turn.
    pub(super) fn ask(&mut self, wanted: Wanted) {
        self.waiting.push_back(wanted);
    }

    /// Begins to commit all that waits, if nothing is under way: when it is done, and the commit's number.
    pub(super) fn begin(&mut self, seed: u64, node: NodeId) -> Option<(Duration, u64)> {
        if !self.under_way.is_empty() || self.waiting.is_empty() {
            return None;
        }
        self.under_way.extend(self.waiting.drain(..));
        self.commits += 1;
        let drawn = draw(seed, u64::from(node.0), Purpose::Disk, self.commits) % COMMIT_SPREAD_US;
        self.took = COMMIT_MIN + Duration::from_micros(drawn);
        Some((self.took, self.commits))
    }

    /// The commit with this number is done: what is on the disk now.
    pub(super) fn commit(&mut self, number: u64) -> Vec<Kept> {
        if number != self.commits {
            return Vec::new();
        }
        let under_way = std::mem::take(&mut self.under_way);
        under_way.into_iter().map(|wanted| self.keep(wanted)).collect()
    }

    fn keep(&mut self, Wanted { token, write, cause }: Wanted) -> Kept {
        self.image.apply(&write);
        let was = std::mem::replace(&mut self.kind, write.kind);
        let bytes = match self.kind {
            // What stood in the other form is written into the database, all of it.
            DiskKind::Sqlite if was != self.kind => self.image.entries.iter().map(bytes_of).sum(),
            DiskKind::Sqlite => write.entries.iter().map(bytes_of).sum(),
            DiskKind::Rewrite => self.image.entries.iter().map(bytes_of).sum(),
        };
        Kept { token, bytes, took: self.took, cause }
    }

    /// The process ended in good order: all that it asked for is kept.
    pub(super) fn finish(&mut self) {
        self.commit(self.commits);
        self.under_way.extend(self.waiting.drain(..));
        self.commit(self.commits);
        self.commits += 1;
    }

    /// The process is gone. Its host finishes a commit that has begun, unless it lost its power; whoever writes the
    /// whole store anew each time is left with half of it.
    pub(super) fn process_gone(&mut self, powered_off: bool) {
        self.waiting.clear();
        self.damaged |= self.kind == DiskKind::Rewrite && !self.under_way.is_empty();
        if powered_off {
            self.under_way.clear();
        } else {
            self.commit(self.commits);
        }
        self.commits += 1;
    }
}

/// About what an entry takes, as a line of JSON.
fn bytes_of(entry: &crate::message::Entry) -> u64 {
    (entry.id.client.len() + entry.operation.to_string().len() + 48) as u64
}
