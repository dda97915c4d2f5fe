//! How a node meets others: connections accepted, asked for, refused, and what is known of a socket that becomes one.

use super::{Core, NodeShared, Stashed};
use crate::base::{ConnId, Incarnation as Number, Peer};
use crate::event::{Cause, Fact, Life, Side};
use crate::lab::conn::{End, Pair, Tap, Writer};
use crate::lab::host::{Conn, Road};
use crate::lab::line::{Connect, Turn};
use crate::lab::shared::{Introduction, Shared};
use crate::lab::tasks::Patience;
use crate::lab::{tasks, wire_numbers};
use crate::machine::Input;
use crate::topology::Wire;
use crate::wire::{Codec, Reads};
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::net::TcpStream;

/// Connections from outside that a node keeps at once: a large class, each with a few programs. One more is turned
/// away.
const VISITORS_MAX: usize = 256;

impl NodeShared {
    /// A connection was accepted.
    pub fn accepted(self: &Arc<Self>, number: Number, caller: Caller, lab: &Arc<Shared>) {
        let mut core = self.lock();
        let Some(living) = core.living_as(number) else { return };
        if living.frozen {
            living.keep(Stashed::Accepted(caller));
        } else {
            self.accepted_locked(&mut core, caller, lab);
        }
    }

    pub(super) fn accepted_locked(
        self: &Arc<Self>,
        core: &mut Core,
        caller: Caller,
        lab: &Arc<Shared>,
    ) {
        let Some(living) = &mut core.living else { return };
        let Caller { stream, from, wire } = caller;
        let _ = stream.set_nodelay(true);
        let intro = lab.introduced(from);
        let strangers = living.conns.values().filter(|end| end.is_a_strangers()).count();
        if intro.is_none() && strangers >= VISITORS_MAX {
            let role = lab.topology.node(self.id).role();
            let words = Codec::new(wire, true, lab.topology.dialect, role).turned_away();
            // It has just connected and has room for a line; dropping it ends it in good order.
            let _ = stream.try_write(words.as_bytes());
            let fact = Fact::TurnedAway { node: self.id, most: VISITORS_MAX as u32 };
            lab.recorder.lab(lab.now(), Cause::Unknown, fact);
            return;
        }
        let conn = living.inc.accept();
        let cause = intro.as_ref().map_or(Cause::Unknown, |intro| Cause::Event(intro.cause));
        let peer = match &intro {
            Some(intro) => Peer::Node(intro.opener),
            None => Peer::Visitor(lab.new_visitor()),
        };
        let plan = Plan { conn, peer, side: Side::Acceptor, wire, intro };
        self.adopt(core, stream, plan, lab);
        self.turn(core, Input::Opened { conn, peer, side: Side::Acceptor }, cause, lab);
    }

    /// Makes a socket a connection of the present life and starts its reader.
    fn adopt(
        self: &Arc<Self>,
        core: &mut Core,
        stream: Arc<TcpStream>,
        plan: Plan,
        lab: &Arc<Shared>,
    ) {
        let Some(living) = &mut core.living else { return };
        let Plan { conn, peer, side, wire, intro } = plan;
        let ours = intro.as_ref().map(|intro| Ours::of(&intro.pair, side));
        let (tap_out, tap_in, own_end, peer_end) = match ours {
            Some(ours) => (Some(ours.out), Some(ours.inward), Some(ours.own), Some(ours.peer)),
            None => (None, None, None, None),
        };
        let reads = if side == Side::Opener { Reads::Answers } else { Reads::Questions };
        // A peer outside comes to us.
        let listener = match (side, peer) {
            (Side::Opener, Peer::Node(node)) => node,
            _ => self.id,
        };
        let role = lab.topology.node(listener).role();
        let codec = Codec::new(wire, true, lab.topology.dialect, role);
        let framed = intro.as_ref().is_some_and(|intro| intro.framed);
        let me = Peer::Node(self.id);
        let reader_cancel = living.cancel.child_token();
        let writer = Writer::new(stream.clone(), tap_out, peer_end, reader_cancel.clone());
        let (writer, number) = (Arc::new(writer), lab.new_stream());
        let entry = Conn {
            peer,
            out: lab.line(me, peer),
            inward: intro.is_none().then(|| lab.line(peer, me)),
            road: Road::Stream { writer: writer.clone(), stream: stream.clone(), tap_in, number },
            reader: reader_cancel.clone(),
            wire: codec.end(reads, framed, wire_numbers()),
            framed: intro.as_ref().map(|intro| intro.framed),
            own_end,
            whole: lab.now(),
            begun: None,
        };
        let inward = entry.inward.clone();
        let patience = match (side, peer, codec.idle_after()) {
            (Side::Acceptor, Peer::Visitor(_), idle) | (Side::Acceptor, _, idle @ Some(_)) => {
                Patience::Ends(idle)
            }
            _ => Patience::Endless,
        };
        living.conns.insert(conn, entry);
        let reader = tasks::Reader {
            node: self.clone(),
            number: living.inc.number(),
            conn,
            stream,
            writer,
            inward,
            gate: self.gate.subscribe(),
            cancel: reader_cancel,
            stream_no: number,
            patience,
            lab: lab.clone(),
        };
        living.tasks.spawn_on(reader.run(), &lab.runtime);
    }

    /// A wish to connect to this node has come over the link: answers it as its kernel would. The opener's turn may be
    /// going on, under its lock, so this node's lock is taken in a task: two that open to each other would stand still.
    pub fn answer_connect(self: &Arc<Self>, wish: Connect, lab: &Arc<Shared>) {
        let (node, lab2) = (self.clone(), lab.clone());
        lab.runtime.spawn(async move {
            if node.life() == Life::PoweredOff {
                // No power, no answer: the opener's connect hangs until it gives up.
                return;
            }
            let address = node.address_for(lab2.topology.wire(wish.opener, wish.to));
            tasks::connect(wish, address, node, lab2).await;
        });
    }

    /// What was handed over to the scheduler's task.
    pub fn handed(self: &Arc<Self>, number: Number, turn: Turn, lab: &Arc<Shared>) {
        let mut core = self.lock();
        let Some(living) = core.living_as(number) else { return };
        if living.frozen {
            living.keep(Stashed::Turn(turn));
        } else {
            self.handed_locked(&mut core, turn, lab);
        }
    }

    pub(super) fn handed_locked(self: &Arc<Self>, core: &mut Core, turn: Turn, lab: &Arc<Shared>) {
        match turn {
            Turn::Connected { wish, stream, pair } => {
                let Some(living) = &mut core.living else { return };
                // A machine that closed meanwhile wants it no more: dropping the socket ends it in good order.
                if !living.opening.remove(&wish.conn) {
                    return;
                }
                let conn = wish.conn;
                let peer = Peer::Node(wish.to);
                let intro = pair.map(|pair| Introduction {
                    opener: self.id,
                    framed: wish.how.framed,
                    cause: wish.cause,
                    pair,
                });
                let wire = lab.topology.wire(self.id, wish.to);
                let plan = Plan { conn, peer, side: Side::Opener, wire, intro };
                self.adopt(core, stream, plan, lab);
                let input = Input::Opened { conn, peer, side: Side::Opener };
                self.turn(core, input, Cause::Event(wish.cause), lab);
            }
            Turn::Refused(wish) => {
                let Some(living) = &mut core.living else { return };
                if living.opening.remove(&wish.conn) {
                    let input = Input::Refused { conn: wish.conn, peer: Peer::Node(wish.to) };
                    self.turn(core, input, Cause::Event(wish.cause), lab);
                }
            }
            Turn::Bound { wish, socket, intro } => {
                self.adopt_flow(core, (wish, socket), intro, lab);
            }
            Turn::Unreachable(flow) => self.unreachable_locked(core, flow, lab),
            Turn::Bytes { conn, bytes, .. } => {
                self.bytes_locked(core, lab.now(), conn, &bytes, lab);
            }
            Turn::Ended { conn, ending, .. } => self.ended_locked(core, conn, ending, lab),
        }
    }
}

/// Somebody who has connected.
#[derive(Debug)]
pub struct Caller {
    /// The socket.
    pub stream: Arc<TcpStream>,
    /// Where it comes from.
    pub from: SocketAddr,
    /// What is spoken at the port it came to.
    pub wire: Wire,
}

struct Plan {
    conn: ConnId,
    peer: Peer,
    side: Side,
    wire: Wire,
    intro: Option<Introduction>,
}

/// A connection between nodes of ours, seen from one side.
struct Ours {
    out: Arc<Tap>,
    inward: Arc<Tap>,
    own: Arc<End>,
    peer: Arc<End>,
}

impl Ours {
    fn of(pair: &Pair, side: Side) -> Self {
        let (opener, acceptor) = (
            (pair.opener_tap.clone(), pair.opener_end.clone()),
            (pair.acceptor_tap.clone(), pair.acceptor_end.clone()),
        );
        let (mine, theirs) = match side {
            Side::Opener => (opener, acceptor),
            Side::Acceptor => (acceptor, opener),
        };
        Self { out: mine.0, inward: theirs.0, own: mine.1, peer: theirs.1 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::{EventId, NodeId, Owner};
    use crate::engine::Opening;
    use crate::topology::{Bundled, load_text};
    use std::sync::mpsc;
    use std::time::Duration;

    #[test]
    fn a_connect_is_answered_without_waiting_for_a_turn() {
        let text = "[nodes.ts]\nrole = \"ts\"\nrecords = { \"a.b\" = \"192.0.2.1\" }\n";
        let topology = load_text("test.toml", text, &Bundled).expect("a good file").topology;
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        let lab = Shared::new(Arc::new(topology), runtime.handle().clone(), None);
        let (done, answered) = mpsc::channel();
        std::thread::spawn(move || {
            let node = lab.node(NodeId(0));
            // It has its turn; in the same turn, or in that of another, somebody asks for a connection to it.
            let turn = node.lock();
            let wish = Connect {
                opener: NodeId(0),
                incarnation: Number(1),
                conn: ConnId(1),
                to: NodeId(0),
                how: Opening { framed: true, stream: true },
                cause: EventId { owner: Owner::Lab, number: 1 },
            };
            node.answer_connect(wish, &lab);
            drop(turn);
            done.send(()).expect("somebody listens");
        });
        let within = Duration::from_secs(20);
        answered.recv_timeout(within).expect("nobody waits for the end of a turn");
    }
}
