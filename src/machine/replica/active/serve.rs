//! What clients and visitors ask: reads from what is on the disk, writes into the log and onto the disk, and only then
//! an acknowledgement. A retry is recognised by its identity and not done again; a read of what was written a moment
//! ago waits for the disk, as the acknowledgement does: what somebody has read is there after a crash.

use super::Replica;
use super::compare::Stage;
use crate::base::{ConnId, Peer, QuestionNo, Token};
use crate::machine::Effects;
use crate::machine::replica::lie::lie;
use crate::machine::replica::store::too_long;
use crate::message::{Message, Note, OpId, Operation, StoreNote, StoreSaid};
use std::sync::Arc;

/// Operations that may wait for the disk: at a millisecond a commit, some hundred of them in a group, what comes in a
/// long second of it.
const WAITING_MAX: usize = 10_000;

/// Entries of one log: hours of a lecture's load. They are kept in memory, for the log is what a replica answers from.
const ENTRIES_MAX: u64 = 1_000_000;

/// Somebody who waits for an acknowledgement.
#[derive(Debug)]
pub(super) struct Waiter {
    conn: ConnId,
    request: QuestionNo,
    id: OpId,
    /// Whether the asker gave the identity, and gets it back.
    bears_id: bool,
}

/// A read that waits for the disk.
#[derive(Debug)]
pub(super) struct Read {
    waiter: Waiter,
    operation: Operation,
}

impl Replica {
    pub(super) fn operate(
        &mut self,
        conn: ConnId,
        peer: Peer,
        id: Option<&OpId>,
        operation: &Operation,
        out: &mut Effects,
    ) {
        self.requests += 1;
        let request = QuestionNo(self.requests);
        let bears_id = id.is_some();
        let id = id
            .cloned()
            .unwrap_or_else(|| self.named.next(&self.store, &self.topology, self.me, (conn, peer)));
        let waiter = Waiter { conn, request, id, bears_id };
        if !self.clients.took(conn, request, bears_id) {
            let said = StoreSaid::Failed(Arc::from("too many operations on one connection"));
            out.send(conn, answer(&waiter, said), Some(request));
        } else if let Some(why) = self.why_not(&waiter.id, operation) {
            self.decline(&waiter, operation.is_write(), why, out);
        } else {
            self.seen = self.now;
            if operation.is_write() {
                self.write(waiter, operation, out);
            } else {
                self.read(Read { waiter, operation: operation.clone() }, out);
            }
        }
    }

    /// Why an operation is not carried out, if it is not.
    fn why_not(&self, id: &OpId, operation: &Operation) -> Option<Arc<str>> {
        if self.stopping {
            return Some(Arc::from("stopping"));
        }
        if let Some(why) = self.unready() {
            return Some(why);
        }
        if let Some(why) = too_long(id, operation) {
            return Some(Arc::from(why));
        }
        if self.waiting + self.reads.len() >= WAITING_MAX {
            return Some(Arc::from("too many operations wait for the disk"));
        }
        let full = operation.is_write() && self.store.last() >= ENTRIES_MAX;
        full.then(|| Arc::from("the log is full"))
    }

    fn decline(&mut self, waiter: &Waiter, is_write: bool, why: Arc<str>, out: &mut Effects) {
        if is_write {
            let id = waiter.id.clone();
            out.note(Note::Store(StoreNote::NotDone { id, why: why.clone() }));
        }
        self.settle(waiter, StoreSaid::Failed(why), out);
    }

    /// Tells the asker, if it is still there.
    fn settle(&mut self, waiter: &Waiter, said: StoreSaid, out: &mut Effects) {
        let message = answer(waiter, said);
        self.clients.settle(waiter.conn, waiter.request, Some(message), out);
    }

    fn read(&mut self, read: Read, out: &mut Effects) {
        let gives = self.store.answer(&read.operation);
        let position = self.store.shows(&read.operation);
        if position <= self.disk.durable() {
            self.show(&read, gives, out);
        } else {
            self.reads.wait(position, read, gives);
        }
    }

    fn show(&mut self, Read { waiter, operation }: &Read, gives: StoreSaid, out: &mut Effects) {
        if !self.clients.has(waiter.conn) {
            return;
        }
        let said = if self.config.lie {
            lie(self.topology.seed, self.me, self.config.flaws, operation, gives)
        } else {
            gives
        };
        out.note(Note::Store(StoreNote::ReadServed {
            id: waiter.id.clone(),
            operation: operation.clone(),
            have: self.store.have(),
            said: said.clone(),
        }));
        self.settle(waiter, said, out);
    }

    /// Gives the reads of what is on the disk by now.
    fn show_reads(&mut self, out: &mut Effects) {
        for (read, gives) in self.reads.take_upto(self.disk.durable()) {
            self.show(&read, gives, out);
        }
    }

    /// The log behind this place is another than it was: whoever was to read something of it reads what stands there
    /// now.
    pub(super) fn read_anew(&mut self, keep: u64, out: &mut Effects) {
        for (read, _) in self.reads.take_after(keep) {
            self.read(read, out);
        }
    }

    fn write(&mut self, waiter: Waiter, operation: &Operation, out: &mut Effects) {
        let position = if let Some(position) = self.store.place_of(&waiter.id) {
            out.note(Note::Store(StoreNote::Recognised { id: waiter.id.clone() }));
            if position <= self.disk.durable() {
                return self.acknowledge(position, &waiter, out);
            }
            position
        } else {
            let entry = self.store.accept(0, waiter.id.clone(), operation.clone());
            let (position, have) = (entry.position, self.store.have());
            out.note(Note::Store(StoreNote::Accepted { entry: entry.into(), have, from: None }));
            position
        };
        self.waiters.entry(position).or_default().push(waiter);
        self.waiting += 1;
        self.disk.begin(&self.store, 0, out);
    }

    fn acknowledge(&mut self, position: u64, waiter: &Waiter, out: &mut Effects) {
        if self.clients.has(waiter.conn) {
            let id = waiter.id.clone();
            out.note(Note::Store(StoreNote::Acked { id, position, term: 0 }));
            self.settle(waiter, StoreSaid::Done, out);
        }
    }

    /// The disk has what it was to keep.
    pub(super) fn persisted(&mut self, token: Token, out: &mut Effects) {
        let further = self.disk.persisted(token);
        let adopted = self.disk.is_idle() && std::mem::take(&mut self.adopting);
        if adopted && matches!(self.stage, Stage::Settled) {
            self.unready = None;
        }
        if further {
            out.note(Note::Store(StoreNote::Durable { at: self.disk.durable() }));
            self.acknowledge_durable(out);
        }
        self.disk.begin(&self.store, 0, out);
    }

    /// Reads come first: what is written after them must not seem to be older than they are.
    fn acknowledge_durable(&mut self, out: &mut Effects) {
        self.show_reads(out);
        let later = self.waiters.split_off(&(self.disk.durable() + 1));
        for (position, waiters) in std::mem::replace(&mut self.waiters, later) {
            self.waiting -= waiters.len();
            for waiter in waiters {
                self.acknowledge(position, &waiter, out);
            }
        }
    }

    /// The disk did not take it. What clients wrote is taken back, for nothing may be acknowledged that is not there
    /// after a crash; the log of another is kept and written again, but nothing is served from it meanwhile.
    pub(super) fn unpersisted(&mut self, token: Token, why: &Arc<str>, out: &mut Effects) {
        if !self.disk.unpersisted(token, why.clone()) {
            return;
        }
        let reason: Arc<str> = Arc::from(format!("the disk: {why}"));
        let durable = self.disk.durable();
        if self.adopting {
            for (read, _) in self.reads.take_after(durable) {
                self.decline(&read.waiter, false, reason.clone(), out);
            }
            self.unready = Some(reason);
            return;
        }
        self.store.replace(durable, &[]);
        self.disk.cut(durable);
        self.read_anew(durable, out);
        let lost = self.waiters.split_off(&(durable + 1));
        for waiter in lost.into_values().flatten() {
            self.waiting -= 1;
            self.decline(&waiter, true, reason.clone(), out);
        }
    }

    /// The log is another's now: whoever waits for a write waits for its place there; one that is not in it is not
    /// done.
    pub(super) fn place_waiters_anew(&mut self, out: &mut Effects) {
        for waiter in std::mem::take(&mut self.waiters).into_values().flatten() {
            if let Some(position) = self.store.place_of(&waiter.id) {
                self.waiters.entry(position).or_default().push(waiter);
            } else {
                self.waiting -= 1;
                let why = Arc::from("another replica's log took its place");
                self.decline(&waiter, true, why, out);
            }
        }
        self.acknowledge_durable(out);
    }

    /// A line that is no operation.
    pub(super) fn not_understood(&mut self, conn: ConnId, out: &mut Effects) {
        self.requests += 1;
        let request = QuestionNo(self.requests);
        if self.clients.took(conn, request, false) {
            let said = StoreSaid::Failed(Arc::from(
                "not understood: post ROOM TEXT, read ROOM, put KEY VALUE, get KEY",
            ));
            let message = Message::Operated { id: None, said };
            self.clients.settle(conn, request, Some(message), out);
        }
    }
}

fn answer(waiter: &Waiter, said: StoreSaid) -> Message {
    Message::Operated { id: waiter.bears_id.then(|| waiter.id.clone()), said }
}
