//! Tied requests: two upstreams are asked at once, and when one begins the other is told to cancel (Dean and Barroso,
//! "The Tail at Scale", CACM 2013).
//!
//! In the paper the servers tell each other. Here they tell the LS, which knows both: so never do both cancel because
//! their messages crossed.

use super::Ls;
use super::question::Stand;
use crate::base::{NodeId, QuestionNo};
use crate::machine::timers::Timer;
use crate::machine::{Effect, Effects};
use crate::message::{BalanceNote, Note, Outcome};
use crate::topology::{Role, Wire};
use std::sync::Arc;

impl Ls {
    /// Whether an upstream can say that it begins, and be told to cancel.
    pub(super) fn can_be_tied(&self, upstream: NodeId) -> bool {
        let node = self.topology.node(upstream);
        let wire = self.topology.wire(self.me, upstream);
        node.at.is_none() && node.role() == Role::Ts && wire == Wire::Line
    }

    /// An upstream has begun to work on a question.
    pub(super) fn began(&mut self, at: usize, no: QuestionNo, out: &mut Effects) {
        let upstream = self.node_at(at);
        let Some(question) = self.questions.get_mut(&no) else { return };
        let begins = question.lane(upstream).is_some_and(|lane| question.lanes[lane].waits());
        if !question.tied || !begins {
            return;
        }
        question.tied = false;
        let is_other = |node: NodeId, stand: Stand| node != upstream && stand == Stand::Asked;
        let others = question.lanes.iter_mut();
        let mut cancelled = Vec::new();
        for lane in others.filter(|lane| is_other(lane.upstream, lane.stand)) {
            lane.stand = Stand::Ended(Outcome::Cancelled);
            cancelled.push(lane.upstream);
        }
        if cancelled.is_empty() {
            return;
        }
        let told: Arc<[NodeId]> = cancelled.clone().into();
        out.note(Note::Balance(BalanceNote::Began { question: no, upstream, cancelled: told }));
        let outcome = Outcome::Cancelled;
        for upstream in cancelled {
            if let Some(at) = self.at(upstream) {
                self.upstreams[at].server.cancel(self.now, no, out);
                self.take_stale(at);
            }
            out.note(Note::Heard { question: no, upstream, outcome, said: None });
        }
        // Who has begun may die or freeze with it; then the others are asked once more.
        out.push(Effect::Arm(Timer::FailOver(no).id(), self.config.failover_after));
    }

    /// Whoever began came to nothing: those that were cancelled for it may be asked again.
    pub(super) fn untie(&mut self, no: QuestionNo) {
        let Some(question) = self.questions.get_mut(&no) else { return };
        question.tied = false;
        for lane in &mut question.lanes {
            if lane.stand == Stand::Ended(Outcome::Cancelled) {
                lane.stand = Stand::Idle;
            }
        }
    }
}
