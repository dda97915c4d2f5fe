//! The connections of those who ask: an LS's clients and visitors, a TS's LSs. Who is owed how many answers, in which
//! order, and when the connection may be closed.
//!
//! It knows no protocol: its owner says when a question is settled and with which words.

use super::{Effect, Effects};
use crate::base::{ConnId, Peer, QuestionNo};
use crate::message::Message;
use std::collections::{BTreeMap, VecDeque};

/// Questions of one connection that may be open at once: a peer that writes a whole list in one go is served, one that
/// never reads is not served without end. One more is told that it failed.
pub const PIPELINED_MAX: usize = 10_000;

#[derive(Debug)]
struct Owed {
    question: QuestionNo,
    turn: Turn,
}

/// What an asker is told in its turn.
#[derive(Debug)]
enum Turn {
    /// Not known yet.
    Open,
    /// Nothing at all.
    Silence,
    /// This.
    Say(Message),
}

/// One connection of somebody who asks.
#[derive(Debug)]
struct Asker {
    peer: Peer,
    open: usize,
    /// It will send no more; when the last answer is given, the connection closes.
    ended: bool,
    /// Answers in the order of asking, where they bear no name.
    owed: VecDeque<Owed>,
}

/// Everybody who asks.
#[derive(Debug)]
pub struct Askers {
    conns: BTreeMap<ConnId, Asker>,
    /// Whether answers go out in the order of asking, because they bear no name.
    in_order: bool,
}

impl Askers {
    /// Nobody yet. `in_order`: answers bear no name, so they must come in the order of the questions.
    pub fn new(in_order: bool) -> Self {
        Self { conns: BTreeMap::new(), in_order }
    }

    /// Somebody connected.
    pub fn opened(&mut self, conn: ConnId, peer: Peer) {
        let asker = Asker { peer, open: 0, ended: false, owed: VecDeque::new() };
        self.conns.insert(conn, asker);
    }

    /// Whether this is the connection of somebody who asks.
    pub fn has(&self, conn: ConnId) -> bool {
        self.conns.contains_key(&conn)
    }

    /// Notes that a question came. False if this connection has too many open already; then it is not counted.
    pub fn took(&mut self, conn: ConnId, question: QuestionNo, bears_id: bool) -> bool {
        let Some(asker) = self.conns.get_mut(&conn) else { return false };
        if asker.open >= PIPELINED_MAX {
            return false;
        }
        asker.open += 1;
        if self.in_order && !bears_id {
            asker.owed.push_back(Owed { question, turn: Turn::Open });
        }
        true
    }

    /// A question is settled: tells the asker, as soon as its turn has come. Nothing to tell is told by `None`.
    pub fn settle(
        &mut self,
        conn: ConnId,
        question: QuestionNo,
        message: Option<Message>,
        out: &mut Effects,
    ) {
        let Some(asker) = self.conns.get_mut(&conn) else { return };
        match asker.owed.iter_mut().find(|owed| owed.question == question) {
            None => {
                asker.open -= 1;
                if let Some(message) = message {
                    out.send(conn, message, Some(question));
                }
            }
            Some(owed) => {
                owed.turn = message.map_or(Turn::Silence, Turn::Say);
                while asker.owed.front().is_some_and(|owed| !matches!(owed.turn, Turn::Open)) {
                    let owed = asker.owed.pop_front().expect("the front was just seen");
                    asker.open -= 1;
                    if let Turn::Say(message) = owed.turn {
                        out.send(conn, message, Some(owed.question));
                    }
                }
            }
        }
        self.close_if_done(conn, out);
    }

    /// The peer will send no more: its last answer closes the connection.
    pub fn ended(&mut self, conn: ConnId, out: &mut Effects) {
        if let Some(asker) = self.conns.get_mut(&conn) {
            asker.ended = true;
            self.close_if_done(conn, out);
        }
    }

    fn close_if_done(&mut self, conn: ConnId, out: &mut Effects) {
        if self.conns.get(&conn).is_some_and(|asker| asker.ended && asker.open == 0) {
            self.conns.remove(&conn);
            out.push(Effect::Close(conn));
        }
    }

    /// The connection is gone. False if it was not one of these.
    pub fn gone(&mut self, conn: ConnId) -> bool {
        self.conns.remove(&conn).is_some()
    }

    /// Whether the peer of a connection is a node of the topology, and so has words for everything.
    pub fn is_node(&self, conn: ConnId) -> bool {
        self.conns.get(&conn).is_some_and(|asker| asker.peer.node().is_some())
    }

    /// Closes every connection, in order.
    pub fn close_all(&mut self, out: &mut Effects) {
        for conn in std::mem::take(&mut self.conns).into_keys() {
            out.push(Effect::Close(conn));
        }
    }
}
