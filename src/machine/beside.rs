//! The stream beside a server's datagrams: what did not fit into one is asked there once more (RFC 7766, 5).
//!
//! Opened when it is needed and kept as long as the server keeps it; it never decides that a server is down.

use super::Effects;
use crate::base::{ConnId, NodeId, QuestionNo};
use crate::message::{HostName, Message, Query};
use std::collections::BTreeSet;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Line {
    #[default]
    Closed,
    Opening(ConnId),
    Open(ConnId),
}

/// The stream to one server.
#[derive(Debug, Default)]
pub struct Beside {
    line: Line,
    unsent: Vec<(QuestionNo, HostName, Query)>,
    waiting: BTreeSet<QuestionNo>,
}

impl Beside {
    fn conn(&self) -> Option<ConnId> {
        match self.line {
            Line::Closed => None,
            Line::Opening(conn) | Line::Open(conn) => Some(conn),
        }
    }

    /// Whether this is its connection.
    pub fn has(&self, conn: ConnId) -> bool {
        self.conn() == Some(conn)
    }

    /// Asks a question once more, here.
    pub fn ask(
        &mut self,
        server: NodeId,
        question: QuestionNo,
        (name, query): (HostName, Query),
        out: &mut Effects,
    ) {
        self.waiting.insert(question);
        match self.line {
            Line::Open(conn) => send(conn, question, name, query, out),
            Line::Opening(_) => self.unsent.push((question, name, query)),
            Line::Closed => {
                self.line = Line::Opening(out.open_stream(server));
                self.unsent.push((question, name, query));
            }
        }
    }

    /// It stands.
    pub fn opened(&mut self, conn: ConnId, out: &mut Effects) {
        self.line = Line::Open(conn);
        for (question, name, query) in self.unsent.drain(..) {
            send(conn, question, name, query, out);
        }
    }

    /// A question needs nothing more.
    pub fn over(&mut self, question: QuestionNo) {
        if self.waiting.remove(&question) {
            self.unsent.retain(|(one, ..)| *one != question);
        }
    }

    /// It is gone. Gives the questions that waited.
    pub fn lost(&mut self) -> Vec<QuestionNo> {
        self.line = Line::Closed;
        self.unsent.clear();
        std::mem::take(&mut self.waiting).into_iter().collect()
    }

    /// Closes it, if it is there; whoever waits is told by the owner.
    pub fn close(&mut self, out: &mut Effects) {
        if let Some(conn) = self.conn() {
            out.push(super::Effect::Close(conn));
        }
        self.lost();
    }
}

fn send(conn: ConnId, question: QuestionNo, name: HostName, query: Query, out: &mut Effects) {
    let message = Message::Ask { name, id: Some(question.0), dns: Some(query) };
    out.send(conn, message, Some(question));
}
