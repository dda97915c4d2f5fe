//! Clients and visitors: what they ask, when they are answered, and with which words.

use super::{Course, Replica, RequestNo, Stage, WireId};
use crate::base::{ConnId, Peer};
use crate::event::Ending;
use crate::machine::Effects;
use crate::machine::replica::store::too_long;
use crate::message::{Message, Note, OpId, Operation, StoreNote, StoreSaid};
use std::sync::Arc;

/// Requests that may wait for an acknowledgement at once, over every connection: many times what a lecture's load
/// builds up in a client's longest timeout.
const WAITING_MAX: usize = 50_000;

/// Entries of a log: a lecture of an hour and a half with a hundred writes a second.
const LOG_MAX: u64 = 500_000;

/// Somebody who waits for an acknowledgement.
#[derive(Debug)]
pub struct Waiter {
    pub conn: ConnId,
    pub no: RequestNo,
    pub wire_id: WireId,
}

/// A write that waits until a new leader has settled, or a read that waits for what it shows.
#[derive(Debug)]
pub struct Held {
    pub conn: ConnId,
    pub no: RequestNo,
    pub wire_id: WireId,
    pub id: OpId,
    pub operation: Operation,
}

impl Replica {
    pub(super) fn received(
        &mut self,
        conn: ConnId,
        peer: Peer,
        message: &Arc<Message>,
        out: &mut Effects,
    ) {
        match peer {
            Peer::Node(node) if self.is_replica(node) => {
                let Message::Replica(said) = &**message else { return };
                if self.peers.listens(node, conn, said) && !self.must_wait(node, conn, message, out)
                {
                    self.hear(node, message, out);
                }
            }
            _ if !self.clients.has(conn) => {}
            _ => {
                if !self.must_wait_with(conn, peer, message, out) {
                    self.ask(conn, peer, message, out);
                }
            }
        }
    }

    /// A client or a visitor says something.
    pub(super) fn ask(&mut self, conn: ConnId, peer: Peer, message: &Message, out: &mut Effects) {
        let Message::Operate { id, operation } = message else {
            return self.not_understood(conn, "that is no operation on the store", out);
        };
        let Some(no) = self.take_request(conn, id.as_ref(), out) else { return };
        let id_here = id
            .clone()
            .unwrap_or_else(|| self.named.next(&self.store, &self.topology, self.me, (conn, peer)));
        let held =
            Held { conn, no, wire_id: id.clone(), id: id_here, operation: operation.clone() };
        if let Some(why) = too_long(&held.id, operation) {
            return self.refuse(held, &Arc::from(why), out);
        }
        if operation.is_write() {
            self.write(held, out);
        } else {
            self.read(held, out);
        }
    }

    fn take_request(
        &mut self,
        conn: ConnId,
        id: Option<&OpId>,
        out: &mut Effects,
    ) -> Option<RequestNo> {
        self.requests += 1;
        let no = crate::base::QuestionNo(self.requests);
        if self.clients.took(conn, no, id.is_some()) {
            return Some(no);
        }
        let said = StoreSaid::Failed(Arc::from("too many requests at once"));
        out.send(conn, Message::Operated { id: id.cloned(), said }, Some(no));
        None
    }

    /// Bytes that are no message, or a message that is no operation. What another replica garbles is made up for by the
    /// next heartbeat.
    pub(super) fn not_understood(&mut self, conn: ConnId, why: &str, out: &mut Effects) {
        if self.clients.has(conn)
            && let Some(no) = self.take_request(conn, None, out)
        {
            self.reply(conn, no, None, StoreSaid::Failed(Arc::from(why)), out);
        }
    }

    /// Whether as many wait as may.
    pub(super) fn is_full(&self) -> bool {
        let writes = self.waiters.values().map(Vec::len).sum::<usize>();
        self.held.len() + self.reads.len() + writes >= WAITING_MAX
    }

    fn write(&mut self, held: Held, out: &mut Effects) {
        if self.course != Course::Serves {
            return self.refuse(held, &Arc::from("stopping"), out);
        }
        if self.is_full() {
            return self.refuse(held, &Arc::from("too many requests at once"), out);
        }
        match self.stage {
            Stage::Leads { settling: Some(_) } => self.held.push_back(held),
            Stage::Leads { settling: None } => self.accept(held, out),
            // The mistake of the blocking form: every copy takes writes.
            Stage::Follows(_) if self.blocks() && self.in_step => self.accept(held, out),
            _ => {
                let leader = self.leader().map(|leader| self.topology.names.of(leader));
                let said = StoreSaid::NotLeader(leader.map(Arc::from));
                self.reply(held.conn, held.no, held.wire_id, said, out);
            }
        }
    }

    /// A write is taken into the log, unless it stands there already.
    pub(super) fn accept(&mut self, held: Held, out: &mut Effects) {
        let Held { conn, no, wire_id, id, operation } = held;
        if let Some(position) = self.store.place_of(&id) {
            out.note(Note::Store(StoreNote::Recognised { id }));
            self.waiters.entry(position).or_default().push(Waiter { conn, no, wire_id });
            return self.release(out);
        }
        let full = Arc::from("the store is full");
        let full = (self.store.last() >= LOG_MAX).then_some(&full);
        if let Some(why) = self.disk.refused().or(full).cloned() {
            return self.refuse(Held { conn, no, wire_id, id, operation }, &why, out);
        }
        let entry = self.store.accept(self.term(), id, operation);
        self.waiters.entry(entry.position).or_default().push(Waiter { conn, no, wire_id });
        let have = self.store.have();
        out.note(Note::Store(StoreNote::Accepted { entry: entry.into(), have, from: None }));
        self.write_disk(out);
        self.propagate(out);
    }

    /// Acknowledges, in order, what may be acknowledged by now. Reads of it come first: what is written after them must
    /// not seem to be older than they are.
    pub(super) fn release(&mut self, out: &mut Effects) {
        self.show_reads(out);
        if !self.leads() && !self.blocks() || self.settles() {
            return;
        }
        while let Some((position, _)) = self.waiters.first_key_value() {
            let position = *position;
            if position > self.safe_upto() {
                return;
            }
            let Some(waiters) = self.waiters.remove(&position) else { return };
            let Some(id) = self.store.entry(position).map(|entry| entry.id.clone()) else { return };
            if waiters.iter().any(|waiter| self.clients.has(waiter.conn)) {
                let term = self.term();
                out.note(Note::Store(StoreNote::Acked { id, position, term }));
            }
            for Waiter { conn, no, wire_id } in waiters {
                self.reply(conn, no, wire_id, StoreSaid::Done, out);
            }
        }
    }

    /// A write is not done, for sure.
    fn refuse(&mut self, held: Held, why: &Arc<str>, out: &mut Effects) {
        let Held { conn, no, wire_id, id, operation } = held;
        if operation.is_write() {
            out.note(Note::Store(StoreNote::NotDone { id, why: why.clone() }));
        }
        self.fail(Waiter { conn, no, wire_id }, why, out);
    }

    pub(super) fn fail(&mut self, waiter: Waiter, why: &Arc<str>, out: &mut Effects) {
        let Waiter { conn, no, wire_id } = waiter;
        self.reply(conn, no, wire_id, StoreSaid::Failed(why.clone()), out);
    }

    pub(super) fn reply(
        &mut self,
        conn: ConnId,
        no: RequestNo,
        id: WireId,
        said: StoreSaid,
        out: &mut Effects,
    ) {
        self.clients.settle(conn, no, Some(Message::Operated { id, said }), out);
    }

    /// A client or a visitor ends its connection: what it asked before is answered still, unless it is gone.
    pub(super) fn client_ended(&mut self, conn: ConnId, ending: Ending, out: &mut Effects) {
        match ending {
            Ending::EndOfFile => self.clients.ended(conn, out),
            Ending::Reset => drop(self.clients.gone(conn)),
        }
        if !self.clients.has(conn) {
            self.named.forget(conn);
        }
    }
}
