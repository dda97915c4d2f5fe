//! What of the log is on the disk. One write is under way at a time; what comes meanwhile goes with the next, in one
//! piece.
//!
//! It knows neither clients nor other replicas: who may be told what when something is on the disk is its owner's
//! business.

use crate::base::Token;
use crate::machine::replica::store::Store;
use crate::machine::{Effect, Effects};
use crate::message::DiskKind;
use std::sync::Arc;

/// How far the disk is behind the log.
#[derive(Debug, Default)]
pub struct Disk {
    /// The disk has the log up to here, for sure.
    durable: u64,
    /// It has it, or is being written, up to here.
    handed: u64,
    /// The term that goes with that.
    term: u64,
    /// The log was cut behind `handed`, and the disk has not been told yet.
    cut: bool,
    under_way: Option<(Token, u64)>,
    writes: u64,
    /// How it is to be written.
    kind: DiskKind,
    /// How it was written last; none if that is not known.
    written: Option<DiskKind>,
    /// Why the last write came to nothing.
    refused: Option<Arc<str>>,
}

impl Disk {
    /// A disk that was just read: so many entries, and this term; how it is to be written.
    pub fn read(entries: u64, term: u64, kind: DiskKind) -> Self {
        Self { durable: entries, handed: entries, term, kind, ..Self::default() }
    }

    /// It is to be written in this form from now on.
    pub fn set_kind(&mut self, kind: DiskKind) {
        self.written.get_or_insert(self.kind);
        self.kind = kind;
    }

    /// How far the disk is.
    pub fn durable(&self) -> u64 {
        self.durable
    }

    /// Why the last write came to nothing, if it did.
    pub fn refused(&self) -> Option<&Arc<str>> {
        self.refused.as_ref()
    }

    /// Whoever waited for the write that came to nothing has been told: the next is tried as if nothing had been.
    pub fn forget_refusal(&mut self) {
        self.refused = None;
    }

    /// Whether nothing is being written.
    pub fn is_idle(&self) -> bool {
        self.under_way.is_none()
    }

    /// The log ends here now, for the moment; what stood behind does not count any more.
    pub fn cut(&mut self, keep: u64) {
        self.cut |= keep < self.handed;
        self.durable = self.durable.min(keep);
        self.handed = self.handed.min(keep);
        if let Some((_, upto)) = &mut self.under_way {
            *upto = (*upto).min(keep);
        }
    }

    /// Begins to write what the disk lacks, unless a write is under way.
    pub fn begin(&mut self, store: &Store, term: u64, out: &mut Effects) {
        let other_form = self.written.is_some_and(|written| written != self.kind);
        let lacks = self.cut || self.handed < store.last() || self.term != term || other_form;
        if self.under_way.is_some() || !lacks {
            return;
        }
        self.writes += 1;
        let token = Token(self.writes);
        let write = store.write_after(self.handed, term, self.kind);
        out.push(Effect::Persist { token, write });
        self.written = Some(self.kind);
        self.under_way = Some((token, store.last()));
        self.handed = store.last();
        self.term = term;
        self.cut = false;
    }

    /// The write under way is done. Whether the disk is further than before.
    pub fn persisted(&mut self, token: Token) -> bool {
        let Some((_, upto)) = self.under_way.take_if(|(one, _)| *one == token) else {
            return false;
        };
        self.refused = None;
        let further = upto > self.durable;
        self.durable = self.durable.max(upto);
        further
    }

    /// The write under way came to nothing. False if it was not this one.
    pub fn unpersisted(&mut self, token: Token, why: Arc<str>) -> bool {
        if self.under_way.take_if(|(one, _)| *one == token).is_none() {
            return false;
        }
        self.refused = Some(why);
        self.written = None;
        self.handed = self.durable;
        self.cut = true;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::{OpId, Operation, Write};

    fn grow(store: &mut Store, count: u64) {
        for _ in 0..count {
            let id = OpId { client: "c".into(), number: store.last() + 1 };
            let put = Operation::Put { key: "k".into(), value: "v".into() };
            store.accept(1, id, put);
        }
    }

    fn written(out: &mut Effects) -> Vec<(u64, usize, u64)> {
        let writes = out.take().into_iter().map(|effect| match effect {
            Effect::Persist { write: Write { keep, entries, term, .. }, .. } => {
                (keep, entries.len(), term)
            }
            other => panic!("{other:?}"),
        });
        writes.collect()
    }

    #[test]
    fn what_comes_during_a_write_goes_with_the_next_in_one_piece() {
        let (mut disk, mut store, mut out) =
            (Disk::default(), Store::default(), Effects::default());
        grow(&mut store, 1);
        disk.begin(&store, 1, &mut out);
        grow(&mut store, 3);
        disk.begin(&store, 1, &mut out);
        assert_eq!(written(&mut out), [(0, 1, 1)]);
        assert!(disk.persisted(Token(1)));
        assert_eq!(disk.durable(), 1);
        disk.begin(&store, 1, &mut out);
        assert_eq!(written(&mut out), [(1, 3, 1)]);
        assert!(!disk.persisted(Token(1)), "an old token says nothing");
        assert!(disk.persisted(Token(2)));
        disk.begin(&store, 1, &mut out);
        assert!(out.is_empty() && disk.is_idle());
        disk.begin(&store, 2, &mut out);
        assert_eq!(written(&mut out), [(4, 0, 2)], "a term is written by itself");
    }

    #[test]
    fn a_log_cut_during_a_write_is_not_taken_for_written() {
        let (mut disk, mut store, mut out) =
            (Disk::default(), Store::default(), Effects::default());
        grow(&mut store, 4);
        disk.begin(&store, 1, &mut out);
        store.replace(2, &[]);
        disk.cut(2);
        grow(&mut store, 1);
        assert!(disk.persisted(Token(1)));
        assert_eq!(disk.durable(), 2);
        disk.begin(&store, 1, &mut out);
        assert_eq!(written(&mut out), [(0, 4, 1), (2, 1, 1)]);
        store.replace(1, &[]);
        disk.cut(1);
        disk.persisted(Token(2));
        disk.begin(&store, 1, &mut out);
        assert_eq!(written(&mut out), [(1, 0, 1)], "a mere cut reaches the disk, too");
    }

    #[test]
    fn another_form_is_written_at_once_and_only_once() {
        let (mut disk, mut store, mut out) =
            (Disk::default(), Store::default(), Effects::default());
        grow(&mut store, 2);
        disk.begin(&store, 1, &mut out);
        disk.persisted(Token(1));
        written(&mut out);
        disk.set_kind(DiskKind::Rewrite);
        disk.begin(&store, 1, &mut out);
        let effects = out.take();
        let [Effect::Persist { write, .. }] = effects.as_slice() else { panic!("{effects:?}") };
        assert_eq!((write.keep, write.entries.len(), write.kind), (2, 0, DiskKind::Rewrite));
        disk.persisted(Token(2));
        disk.begin(&store, 1, &mut out);
        assert!(out.is_empty());
    }

    #[test]
    fn a_write_that_failed_is_tried_again_whole() {
        let (mut disk, mut store, mut out) =
            (Disk::default(), Store::default(), Effects::default());
        grow(&mut store, 2);
        disk.begin(&store, 1, &mut out);
        assert!(disk.unpersisted(Token(1), "full".into()));
        assert_eq!((disk.durable(), disk.refused().map(AsRef::as_ref)), (0, Some("full")));
        disk.begin(&store, 1, &mut out);
        assert_eq!(written(&mut out), [(0, 2, 1), (0, 2, 1)]);
        assert!(disk.persisted(Token(2)));
        assert_eq!((disk.durable(), disk.refused()), (2, None));
    }
}
