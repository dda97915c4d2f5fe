//! One replica's log as far as the events tell it: which write stands where, and how much of it is on its disk.

use super::op::OpNo;
use super::pages::Pages;
use crate::message::{Digest, Position};
use std::sync::Arc;

/// One place of a log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Item {
    /// Which write; 0 for one that is not remembered.
    pub op: OpNo,
    /// The digest of everything up to here.
    pub digest: Digest,
}

/// A log in memory, and what of it is on disk.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Copy {
    items: Pages<Item>,
    len: u64,
    /// So many of the first entries stand on the disk as they stand here …
    on_disk: u64,
    /// … and these follow them there: what the log held before its end was replaced, and the disk does not know yet.
    old_end: Arc<Vec<Item>>,
}

impl Copy {
    pub fn new(keep: usize) -> Self {
        Self { items: Pages::new(keep), len: 0, on_disk: 0, old_end: Arc::default() }
    }

    pub fn len(&self) -> u64 {
        self.len
    }

    /// How far the disk is.
    pub fn durable(&self) -> u64 {
        self.on_disk + self.old_end.len() as u64
    }

    pub fn have(&self) -> Position {
        Position { at: self.len, digest: self.digest_at(self.len).unwrap_or_default() }
    }

    /// The entry at a position, from 1.
    pub fn item(&self, position: u64) -> Option<Item> {
        if position > self.len {
            return None;
        }
        self.items.get(position.checked_sub(1)?).copied()
    }

    /// The digest up to a position; none where it is not known any more, or not yet.
    pub fn digest_at(&self, position: u64) -> Option<Digest> {
        match position {
            0 => Some(Digest::default()),
            _ => self.item(position).map(|item| item.digest),
        }
    }

    /// The first position that is still known entry by entry.
    pub fn oldest(&self) -> u64 {
        self.items.oldest() + 1
    }

    pub fn push(&mut self, item: Item) {
        self.items.set(self.len, item);
        self.len += 1;
    }

    /// Throws away what stands after `keep`; gives it.
    pub fn cut(&mut self, keep: u64) -> Vec<Item> {
        if keep >= self.len {
            return Vec::new();
        }
        let gone = self.after(keep);
        if self.on_disk > keep {
            let known = usize::try_from(self.on_disk - keep).unwrap_or(usize::MAX).min(gone.len());
            let mut old = gone[..known].to_vec();
            old.extend(self.old_end.iter().copied());
            self.old_end = Arc::new(old);
            self.on_disk = keep;
        }
        self.len = keep;
        self.items.cut(keep);
        gone
    }

    /// The entries after a position, as far as they are known.
    pub fn after(&self, keep: u64) -> Vec<Item> {
        let from = keep.max(self.items.oldest());
        (from..self.len).filter_map(|at| self.items.get(at).copied()).collect()
    }

    /// The log up to here is on the disk.
    pub fn persisted(&mut self, at: u64) {
        self.on_disk = at.min(self.len);
        self.old_end = Arc::default();
    }

    /// The process is gone: what is left is what the disk holds.
    pub fn lose_memory(&mut self) {
        self.len = self.on_disk;
        self.items.cut(self.len);
        let old = std::mem::take(&mut self.old_end);
        old.iter().for_each(|item| self.push(*item));
        self.on_disk = self.len;
    }

    /// Nothing is left.
    pub fn wipe(&mut self) {
        self.items.clear();
        self.len = 0;
        self.on_disk = 0;
        self.old_end = Arc::default();
    }

    /// Takes over the beginning of another's log, as a whole: both are on the disk then.
    pub fn become_beginning_of(&mut self, other: &Self, at: u64) {
        *self = other.clone();
        self.len = at.min(other.len);
        self.items.cut(self.len);
        self.on_disk = self.len;
        self.old_end = Arc::default();
    }

    /// Whether neither log is the beginning of the other; none where that is not known.
    pub fn is_forked_from(&self, other: &Self) -> Option<bool> {
        let shorter = self.len.min(other.len);
        Some(self.digest_at(shorter)? != other.digest_at(shorter)?)
    }

    /// What a clone copies, in bytes.
    pub fn weight(&self) -> usize {
        self.items.weight()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn item(op: u64) -> Item {
        Item { op: OpNo(op), digest: Digest(op) }
    }

    fn ops(copy: &Copy) -> Vec<u64> {
        copy.after(0).into_iter().map(|item| item.op.0).collect()
    }

    #[test]
    fn a_death_leaves_what_the_disk_held() {
        let mut copy = Copy::new(100);
        (1..=5).for_each(|op| copy.push(item(op)));
        copy.persisted(3);
        copy.lose_memory();
        assert_eq!(ops(&copy), [1, 2, 3]);
    }

    #[test]
    fn a_disk_that_has_not_heard_of_a_new_end_brings_the_old_one_back() {
        let mut copy = Copy::new(100);
        (1..=5).for_each(|op| copy.push(item(op)));
        copy.persisted(4);
        assert_eq!(copy.cut(2).len(), 3);
        copy.push(item(9));
        assert_eq!(copy.durable(), 4);
        let mut dead = copy.clone();
        dead.lose_memory();
        assert_eq!(ops(&dead), [1, 2, 3, 4]);
        copy.persisted(3);
        copy.lose_memory();
        assert_eq!(ops(&copy), [1, 2, 9]);
    }

    #[test]
    fn a_shorter_log_is_no_fork_and_another_entry_is() {
        let mut long = Copy::new(100);
        (1..=5).for_each(|op| long.push(item(op)));
        let mut short = Copy::new(100);
        (1..=3).for_each(|op| short.push(item(op)));
        assert_eq!(long.is_forked_from(&short), Some(false));
        short.push(item(9));
        assert_eq!(long.is_forked_from(&short), Some(true));
    }
}
