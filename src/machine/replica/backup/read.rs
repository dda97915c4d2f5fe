//! Reads: what is given, and when.
//!
//! A read shows what could be acknowledged: at a backup what is on its own disk; at a leader what is safe by the rule
//! of its propagation. What is in memory only would be gone after a crash although somebody had read it. A read of
//! what nobody has just written waits for nothing.
//!
//! What could be shown once can be shown as long as it stands in the log: a backup that comes back, or one that has
//! taken over a moment ago, keeps no reader waiting for what it has long had.

use super::Replica;
use super::serve::{Held, Waiter};
use crate::machine::Effects;
use crate::machine::replica::lie::lie;
use crate::message::{Entry, Flaw, Note, StoreNote, StoreSaid};
use std::sync::Arc;

impl Replica {
    pub(super) fn read(&mut self, held: Held, out: &mut Effects) {
        if !self.ready && !self.has_flaw(Flaw::ServesEarly) {
            return self.cannot_read(held, &Arc::from("not up to date yet"), out);
        }
        let gives = self.store.answer(&held.operation);
        let position = self.store.shows(&held.operation);
        if position <= self.shown {
            self.show(held, gives, out);
        } else if let Some(why) = self.disk.refused().cloned() {
            self.cannot_read(held, &why, out);
        } else if self.is_full() {
            self.cannot_read(held, &Arc::from("too many requests at once"), out);
        } else {
            self.reads.wait(position, held, gives);
        }
    }

    /// Gives the reads that wait no more.
    pub(super) fn show_reads(&mut self, out: &mut Effects) {
        if !self.settles() {
            let upto = if self.leads() { self.safe_upto() } else { self.disk.durable() };
            self.shown = self.shown.max(upto);
        }
        for (held, gives) in self.reads.take_upto(self.shown) {
            self.show(held, gives, out);
        }
    }

    fn show(&mut self, held: Held, gives: StoreSaid, out: &mut Effects) {
        let Held { conn, no, wire_id, id, operation } = held;
        if !self.clients.has(conn) {
            return;
        }
        let said = if self.config.lie {
            lie(self.topology.seed, self.me, self.config.flaws, &operation, gives)
        } else {
            gives
        };
        let have = self.store.have();
        out.note(Note::Store(StoreNote::ReadServed { id, operation, have, said: said.clone() }));
        self.reply(conn, no, wire_id, said, out);
    }

    fn cannot_read(&mut self, held: Held, why: &Arc<str>, out: &mut Effects) {
        let Held { conn, no, wire_id, .. } = held;
        self.fail(Waiter { conn, no, wire_id }, why, out);
    }

    /// The disk refused what these reads wait for.
    pub(super) fn fail_reads(&mut self, why: &Arc<str>, out: &mut Effects) {
        for (held, _) in self.reads.take_after(self.shown) {
            self.cannot_read(held, why, out);
        }
    }

    /// Replaces what stands in the log after `keep`, and gives what was thrown away. Whoever was to read something of
    /// that reads what stands there now.
    pub(super) fn replace_log(
        &mut self,
        keep: u64,
        entries: &[Entry],
        out: &mut Effects,
    ) -> Vec<Entry> {
        let discarded = self.store.replace(keep, entries);
        self.disk.cut(keep);
        self.shown = self.shown.min(keep);
        for (held, _) in self.reads.take_after(keep) {
            self.read(held, out);
        }
        discarded
    }
}
