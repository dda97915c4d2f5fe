//! Datagrams as a node meets them: a flow for each server that it asks, and one for each address that asks it.

use super::{Core, Living, NodeShared, Stashed};
use crate::base::{ConnId, Incarnation as Number, LabTime, Peer};
use crate::event::{Cause, Ending, Side};
use crate::lab::flow::{self, Flow, Heard, Introduction, Outlet};
use crate::lab::host::{Conn, Road};
use crate::lab::line::{Connect, Parcel, Turn};
use crate::lab::reactor::Batch;
use crate::lab::shared::Shared;
use crate::lab::wire_numbers;
use crate::machine::Input;
use crate::topology::Wire;
use crate::wire::{Codec, Reads};
use std::net::{SocketAddr, UdpSocket};
use std::sync::Arc;
use std::time::Duration;

/// A visitor that has not been heard for so long has gone: `dig` asks once, and leaves without a word.
const VISITOR_STAYS: Duration = Duration::from_secs(5);

/// The same for nodes of ours, which may be silent for long and ask again.
const NODE_STAYS: Duration = Duration::from_secs(120);

/// Addresses that one node knows at once: a large class, and each with several programs. The one that has been silent
/// for longest is forgotten for a new one.
const FLOWS_MAX: usize = 4096;

impl NodeShared {
    /// The socket for the datagrams that were wished for is there.
    pub(super) fn adopt_flow(
        self: &Arc<Self>,
        core: &mut Core,
        (wish, socket): (Connect, Arc<UdpSocket>),
        intro: Option<(SocketAddr, Introduction)>,
        lab: &Arc<Shared>,
    ) {
        let Some(living) = &mut core.living else { return };
        if !living.opening.remove(&wish.conn) {
            if let Some((here, _)) = intro {
                lab.forget_flow(here);
            }
            return;
        }
        let (conn, peer, me) = (wish.conn, Peer::Node(wish.to), Peer::Node(self.id));
        let flow = Flow { node: self.id, incarnation: living.inc.number(), conn, peer: wish.to };
        let target = lab.node(wish.to);
        let outlet = Arc::new(Outlet {
            socket: socket.clone(),
            to: None,
            sent: intro.as_ref().map(|(_, intro)| intro.asked.clone()),
            peer: target.at.is_none().then(|| target.presence.clone()),
            opener: Some(flow),
        });
        let codec = datagrams(lab);
        let reader = living.cancel.child_token();
        let entry = Conn {
            peer,
            out: lab.line(me, peer),
            inward: intro.is_none().then(|| lab.line(peer, me)),
            road: Road::Flow {
                outlet,
                own: Some(socket.clone()),
                heard: intro.as_ref().map(|(_, intro)| intro.answered.clone()),
                here: intro.as_ref().map(|(here, _)| *here),
            },
            reader: reader.clone(),
            wire: codec.end(Reads::Answers, true, wire_numbers()),
            framed: Some(true),
            own_end: intro.map(|(_, intro)| intro.end),
            whole: lab.now(),
            begun: None,
        };
        living.conns.insert(conn, entry);
        let read = flow::read(flow::Reader::Asks(flow), socket, reader, lab.clone());
        living.tasks.spawn_on(read, &lab.runtime);
        let input = Input::Opened { conn, peer, side: Side::Opener };
        self.turn(core, input, Cause::Event(wish.cause), lab);
    }

    /// Nobody listens where the datagrams of this flow go: the socket is of no more use.
    pub(super) fn unreachable_locked(&self, core: &mut Core, flow: Flow, lab: &Shared) {
        let Some(living) = &mut core.living else { return };
        let Some(end) = living.conns.remove(&flow.conn) else { return };
        end.leave(lab.now(), false, lab);
        let input = Input::Refused { conn: flow.conn, peer: end.peer };
        self.turn(core, input, Cause::Unknown, lab);
    }

    /// Datagrams came back on a flow of this life.
    pub fn datagrams_of(&self, number: Number, conn: ConnId, batch: &Batch, lab: &Shared) {
        let mut core = self.lock();
        let mut reading = Reading::begin(&mut core, lab);
        for (nth, (bytes, _)) in batch.datagrams().enumerate() {
            let Some(living) = reading.core.living_as(number) else { break };
            if nth > 0 {
                reading.now = lab.now();
            }
            if living.frozen {
                living.keep(Stashed::Bytes(conn, bytes.to_vec()));
            } else if !self.over_the_link(living, reading.now, conn, bytes, lab) {
                self.bytes_locked(reading.core, reading.now, conn, bytes, lab);
            }
        }
    }

    /// Datagrams came to the socket at which this life is asked.
    pub fn datagrams(
        self: &Arc<Self>,
        number: Number,
        socket: &Arc<UdpSocket>,
        batch: &Batch,
        lab: &Arc<Shared>,
    ) {
        let mut core = self.lock();
        let mut reading = Reading::begin(&mut core, lab);
        for (nth, (bytes, from)) in batch.datagrams().enumerate() {
            let (Some(living), Some(from)) = (reading.core.living_as(number), from) else { break };
            if nth > 0 {
                reading.now = lab.now();
            }
            if living.frozen {
                living.keep(Stashed::Datagram(socket.clone(), from, bytes.to_vec()));
            } else {
                self.datagram_locked(reading.core, reading.now, (socket, from), bytes, lab);
            }
        }
    }

    pub(super) fn datagram_locked(
        self: &Arc<Self>,
        core: &mut Core,
        now: LabTime,
        (socket, from): (&Arc<UdpSocket>, SocketAddr),
        bytes: &[u8],
        lab: &Arc<Shared>,
    ) {
        let Some(living) = &mut core.living else { return };
        let conn = match living.flows.get_mut(&from) {
            Some(heard) => {
                heard.at = now;
                heard.conn
            }
            None => match self.meet(core, now, (socket, from), lab) {
                Some(conn) => conn,
                None => return,
            },
        };
        let Some(living) = &mut core.living else { return };
        if !self.over_the_link(living, now, conn, bytes, lab) {
            self.bytes_locked(core, now, conn, bytes, lab);
        }
    }

    /// The first datagram from an address.
    fn meet(
        self: &Arc<Self>,
        core: &mut Core,
        now: LabTime,
        (socket, from): (&Arc<UdpSocket>, SocketAddr),
        lab: &Arc<Shared>,
    ) -> Option<ConnId> {
        let most = core.living.as_ref().is_some_and(|living| living.flows.len() >= FLOWS_MAX);
        if most {
            self.forget_oldest(core, lab);
        }
        let living = core.living.as_mut()?;
        let intro = lab.flow_from(from);
        let conn = living.inc.accept();
        let me = Peer::Node(self.id);
        let peer = match &intro {
            Some(intro) => Peer::Node(intro.opener),
            None => Peer::Visitor(lab.new_visitor()),
        };
        let outlet = Outlet {
            socket: socket.clone(),
            to: Some(from),
            sent: intro.as_ref().map(|intro| intro.answered.clone()),
            peer: intro.as_ref().map(|intro| intro.end.clone()),
            opener: None,
        };
        let cause = intro.as_ref().map_or(Cause::Unknown, |intro| Cause::Event(intro.cause));
        let entry = Conn {
            peer,
            out: lab.line(me, peer),
            inward: intro.is_none().then(|| lab.line(peer, me)),
            road: Road::Flow {
                outlet: Arc::new(outlet),
                own: None,
                heard: intro.map(|intro| intro.asked),
                here: None,
            },
            reader: living.cancel.child_token(),
            wire: datagrams(lab).end(Reads::Questions, true, wire_numbers()),
            framed: Some(true),
            own_end: None,
            whole: now,
            begun: None,
        };
        living.conns.insert(conn, entry);
        living.flows.insert(from, Heard { conn, at: now });
        self.turn(core, Input::Opened { conn, peer, side: Side::Acceptor }, cause, lab);
        Some(conn)
    }

    /// What comes from outside takes its time on our end of the link, if there is something the matter with it, or if
    /// the world stands still.
    fn over_the_link(
        &self,
        living: &Living,
        now: LabTime,
        conn: ConnId,
        bytes: &[u8],
        lab: &Shared,
    ) -> bool {
        let Some(end) = living.conns.get(&conn) else { return false };
        let Some(line) = &end.inward else { return false };
        if line.is_clear() && !lab.clock.is_paused() {
            return false;
        }
        let turn = Turn::Bytes {
            node: self.id,
            incarnation: living.inc.number(),
            conn,
            bytes: bytes.to_vec(),
        };
        let pushed = line.push_datagram(now, bytes.len(), Parcel::Turn(turn));
        line.befell(now, &pushed, lab);
        line.deliver(now, usize::MAX, lab);
        true
    }

    /// Takes leave of those who have not been heard for long.
    pub fn sweep_flows(&self, number: Number, lab: &Shared) {
        let mut core = self.lock();
        let now = lab.now();
        let Some(living) = core.living_as(number).filter(|living| !living.frozen) else { return };
        let conns = &living.conns;
        let stays = |heard: &Heard| match conns.get(&heard.conn).map(|end| end.peer) {
            Some(Peer::Visitor(_)) => now.since(heard.at) < VISITOR_STAYS,
            Some(Peer::Node(_)) => now.since(heard.at) < NODE_STAYS,
            None => false,
        };
        let gone = living.flows.extract_if(|_, heard| !stays(heard));
        let gone: Vec<ConnId> = gone.map(|(_, heard)| heard.conn).collect();
        for conn in gone {
            self.ended_locked(&mut core, conn, Ending::EndOfFile, lab);
        }
    }

    fn forget_oldest(&self, core: &mut Core, lab: &Shared) {
        let Some(living) = &mut core.living else { return };
        let oldest = |(_, heard): &(&SocketAddr, &Heard)| -> LabTime { heard.at };
        let oldest =
            living.flows.iter().min_by_key(oldest).map(|(from, heard)| (*from, heard.conn));
        let Some((from, conn)) = oldest else { return };
        living.flows.remove(&from);
        self.ended_locked(core, conn, Ending::Reset, lab);
    }
}

/// While a batch is read: what is sent meanwhile leaves together when this goes, a panic included.
struct Reading<'a> {
    core: &'a mut Core,
    /// When the datagram is read that is read at present.
    now: LabTime,
    lab: &'a Shared,
}

impl<'a> Reading<'a> {
    fn begin(core: &'a mut Core, lab: &'a Shared) -> Self {
        core.outbox.hold();
        Self { core, now: lab.now(), lab }
    }
}

impl Drop for Reading<'_> {
    fn drop(&mut self) {
        self.core.outbox.let_go(self.now, self.lab);
    }
}

/// How datagrams are spoken: there is one wire of them.
fn datagrams(lab: &Shared) -> Codec {
    Codec::new(Wire::Dns, false, lab.topology.dialect, crate::topology::Role::Ts)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{Fact, Life};
    use crate::topology::{Bundled, load_text};
    use std::panic::{AssertUnwindSafe, catch_unwind};

    const TS: &str = "[nodes.ts]\nrole = \"ts\"\nrecords = { \"a.b\" = \"192.0.2.1\" }\n";

    /// A lab with one server that lives.
    fn lab() -> (tokio::runtime::Runtime, Arc<Shared>) {
        let topology = load_text("test.toml", TS, &Bundled).expect("a good file").topology;
        let mut runtime = tokio::runtime::Builder::new_multi_thread();
        let runtime = runtime.worker_threads(1).enable_all().build().expect("a runtime");
        let lab = Shared::new(Arc::new(topology), runtime.handle().clone(), None);
        runtime.block_on(lab.nodes[0].boot(&lab, Cause::Boot));
        (runtime, lab)
    }

    #[test]
    fn a_panic_while_a_batch_is_read_holds_nothing_back() {
        let (_runtime, lab) = lab();
        let mut core = lab.nodes[0].lock();
        let read = catch_unwind(AssertUnwindSafe(|| {
            let reading = Reading::begin(&mut core, &lab);
            assert!(reading.core.outbox.is_held());
            panic!("while it reads");
        }));
        assert!(read.is_err());
        assert!(!core.outbox.is_held());
    }

    #[test]
    fn a_panic_of_whatever_works_for_a_node_is_its_crash() {
        let (_runtime, lab) = lab();
        let node = &lab.nodes[0];
        let mut core = node.lock();
        assert_eq!(node.contained(&mut core, &lab, |_| 7), Some(7));
        assert_eq!(core.life, Life::Up);
        assert_eq!(node.contained(&mut core, &lab, |_| panic!("in a decoder")), None::<()>);
        assert_eq!(core.life, Life::Crashed);
        let log = lab.recorder.read(0, usize::MAX);
        let told =
            |fact: &Fact| matches!(fact, Fact::NodeCrashed { why, .. } if **why == *"in a decoder");
        assert!(log.events().any(|event| told(&event.fact)));
    }
}
