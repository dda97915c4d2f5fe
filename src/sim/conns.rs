//! The connections of a simulated lab, as the kernels at their two ends see them. No process's view
//! is kept here.

use crate::base::{ConnId, EventId, NodeId};
use crate::wire;

/// The name of a connection in the simulator, and of its stream on both directions of its link.
/// Never used twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Key {
    slot: u32,
    life: u32,
}

impl Key {
    /// The number of its stream on either direction.
    pub(super) fn stream(self) -> u64 {
        u64::from(self.life) << 32 | u64::from(self.slot)
    }
}

/// One end, as its kernel sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    /// It wants to connect and has heard nothing yet (the opener), or nothing has arrived (the
    /// acceptor).
    Opening,
    /// It has answered and waits for the last word of the handshake (the acceptor).
    HalfOpen,
    /// It stands.
    Open,
    /// Closed by its process, reset, or forgotten with its host.
    Gone,
}

#[derive(Debug)]
pub(super) struct End {
    pub(super) node: NodeId,
    pub(super) state: State,
    /// The number by which its process knows it, once it does.
    pub(super) conn: Option<ConnId>,
    /// The pipe on which it sends.
    pub(super) out: usize,
    pub(super) wire: wire::End,
}

/// A connection: the opener's end and the acceptor's.
#[derive(Debug)]
pub(super) struct Conn {
    pub(super) ends: [End; 2],
    /// Whether it is none in truth: datagrams to one address, and back from there.
    pub(super) datagrams: bool,
    /// Whether the opener ends its lines.
    pub(super) framed: bool,
    /// The event that records its opening.
    pub(super) opening: EventId,
}

impl Conn {
    /// Which end is at this node.
    pub(super) fn end_at(&self, node: NodeId) -> usize {
        usize::from(self.ends[0].node != node)
    }
}

/// All connections that have an end left.
#[derive(Debug, Default)]
pub(super) struct Conns {
    slots: Vec<(u32, Option<Conn>)>,
    free: Vec<u32>,
}

impl Conns {
    pub(super) fn insert(&mut self, conn: Conn) -> Key {
        let slot = self.free.pop().unwrap_or_else(|| {
            self.slots.push((0, None));
            u32::try_from(self.slots.len() - 1).expect("connections fit in memory")
        });
        let place = &mut self.slots[slot as usize];
        *place = (place.0 + 1, Some(conn));
        Key { slot, life: place.0 }
    }

    pub(super) fn get(&self, key: Key) -> Option<&Conn> {
        match self.slots.get(key.slot as usize) {
            Some((life, Some(conn))) if *life == key.life => Some(conn),
            _ => None,
        }
    }

    pub(super) fn get_mut(&mut self, key: Key) -> Option<&mut Conn> {
        match self.slots.get_mut(key.slot as usize) {
            Some((life, Some(conn))) if *life == key.life => Some(conn),
            _ => None,
        }
    }

    /// One end is no more; the connection is forgotten with its second.
    pub(super) fn end_gone(&mut self, key: Key, end: usize) {
        let Some(conn) = self.get_mut(key) else { return };
        conn.ends[end].state = State::Gone;
        if conn.ends.iter().all(|end| end.state == State::Gone) {
            self.slots[key.slot as usize].1 = None;
            self.free.push(key.slot);
        }
    }

    /// The ends at this node that are not gone, in the order of their places.
    pub(super) fn at(&self, node: NodeId) -> Vec<(Key, usize)> {
        let mut out = Vec::new();
        for (slot, (life, conn)) in self.slots.iter().enumerate() {
            let Some(conn) = conn else { continue };
            for (end, it) in conn.ends.iter().enumerate() {
                if it.node == node && it.state != State::Gone {
                    out.push((Key { slot: slot as u32, life: *life }, end));
                }
            }
        }
        out
    }
}
