//! The timer of a client's socket (flaw `socket-timer`): started by a question, never stopped by its answer. When it
//! fires, whatever is open on that connection is given up, however young; and where nothing is, the client gets an
//! error for a question that was answered long ago.

use super::Ls;
use crate::base::{ConnId, LabTime, QuestionNo};
use crate::machine::asked::Asked;
use crate::machine::timers::Timer;
use crate::machine::{Effect, Effects};
use crate::message::{Flaw, Said, Why};
use crate::topology::Policy;

/// The timer of one connection.
#[derive(Debug)]
pub(super) struct Socket {
    /// When it fires; none while it does not run.
    due: Option<LabTime>,
    /// The question asked last.
    last: (QuestionNo, Asked),
}

impl Ls {
    /// When the timer of this connection fires, if it runs.
    pub(super) fn socket_due(&self, conn: ConnId) -> Option<LabTime> {
        self.sockets.get(&conn).and_then(|socket| socket.due)
    }

    /// A question starts the timer, if it does not run already.
    pub(super) fn start_socket_timer(
        &mut self,
        now: LabTime,
        conn: ConnId,
        no: QuestionNo,
        asked: &Asked,
        out: &mut Effects,
    ) {
        let due = self.socket_due(conn).unwrap_or_else(|| {
            out.push(Effect::Arm(Timer::Socket(conn).id(), self.config.timeout));
            now + self.config.timeout
        });
        self.sockets.insert(conn, Socket { due: Some(due), last: (no, asked.clone()) });
    }

    /// The timer fired.
    pub(super) fn socket_timer(&mut self, now: LabTime, conn: ConnId, out: &mut Effects) {
        let Some(socket) = self.sockets.get_mut(&conn) else { return };
        socket.due = None;
        let (no, asked) = socket.last.clone();
        self.handle_timeout();
        let open = self.races_of(conn);
        if open.is_empty() {
            if self.askers.has(conn) {
                let reply = asked.relay(Some(asked.name.clone()), Said::NotFound, None);
                out.send(conn, reply, Some(no));
            }
            return;
        }
        for no in open {
            self.time_out(now, no, Why::SocketTimer, out);
        }
    }

    /// The connection is gone.
    pub(super) fn forget_socket(&mut self, conn: ConnId, out: &mut Effects) {
        if self.sockets.remove(&conn).is_some() {
            out.push(Effect::Disarm(Timer::Socket(conn).id()));
        }
    }

    /// The flaw was switched: timers of sockets give way to timers of questions, or the other way round.
    pub(super) fn switch_timers(&mut self, out: &mut Effects) {
        if self.has_flaw(Flaw::SocketTimer) {
            return;
        }
        let mut conns: Vec<ConnId> = self.sockets.keys().copied().collect();
        conns.sort_unstable();
        for conn in conns {
            self.forget_socket(conn, out);
            for no in self.races_of(conn) {
                if self.questions[&no].policy == Policy::Batch {
                    continue;
                }
                out.push(Effect::Arm(Timer::Deadline(no).id(), self.config.timeout));
            }
        }
    }
}
