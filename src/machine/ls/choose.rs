//! Whom to ask: the policies, as far as they choose.

use super::Ls;
use crate::base::{NodeId, QuestionNo};
use crate::machine::Effects;
use crate::message::{Flaw, HostName, Note};
use crate::topology::Policy;

/// Whom to ask for a question.
#[derive(Debug)]
pub(super) struct Choice {
    /// In the order of asking.
    pub lanes: Vec<NodeId>,
    /// How many of them at once.
    pub at_once: usize,
    /// Whether the next is asked when one fails or takes too long.
    pub failover: bool,
}

impl Ls {
    /// Chooses by the policy of the moment.
    pub(super) fn choose(&mut self, no: QuestionNo, name: &HostName, out: &mut Effects) -> Choice {
        let naive = self.has_flaw(Flaw::NoFailover);
        let failover = self.config.failover && !naive;
        match self.config.policy {
            Policy::Race | Policy::Gather | Policy::Batch => {
                let lanes: Vec<NodeId> = self.usable().collect();
                Choice { at_once: lanes.len(), lanes, failover: false }
            }
            Policy::Failover => self.in_turn(self.next_from(0, true), !naive),
            Policy::Hedge => {
                let first = self.take_turn(true);
                self.in_turn(first, !naive)
            }
            Policy::Tied => {
                let first = self.take_turn(true);
                let mut choice = self.in_turn(first, !naive);
                let second = choice.lanes.get(1).and_then(|second| self.at(*second));
                if second.is_some_and(|at| self.may_ask(at, true)) {
                    choice.at_once = 2;
                }
                choice
            }
            Policy::RoundRobin => {
                let first = self.take_turn(failover);
                self.in_turn(first, failover)
            }
            Policy::Sticky => {
                let first = self.home_of(name, failover, out);
                self.in_turn(first, failover)
            }
            Policy::Hash => self.by_weight(name, failover),
            Policy::TwoChoices => self.of_two(no, failover, out),
        }
    }

    /// Upstreams that are not ejected. One that does not know better asks them all.
    fn usable(&self) -> impl Iterator<Item = NodeId> + '_ {
        (0..self.upstreams.len())
            .filter(|at| self.may_ask(*at, false))
            .map(|at| self.upstreams[at].server.node())
    }

    /// Whether an upstream may be chosen; `up`: and whether it is not known to be down.
    pub(super) fn may_ask(&self, at: usize, up: bool) -> bool {
        let upstream = &self.upstreams[at];
        self.has_flaw(Flaw::NoFailover)
            || (upstream.health.is_in() && !(up && upstream.server.is_down()))
    }

    /// The first upstream from this place on, round the list, that may be asked: one that is up before one that is not.
    fn next_from(&self, from: usize, prefer_up: bool) -> Option<usize> {
        let count = self.upstreams.len();
        let mut places = (0..count).map(|step| (from + step) % count);
        let up = prefer_up.then(|| places.clone().find(|at| self.may_ask(*at, true))).flatten();
        up.or_else(|| places.find(|at| self.may_ask(*at, false)))
    }

    /// Whose turn it is; moves the turn on.
    fn take_turn(&mut self, prefer_up: bool) -> Option<usize> {
        let at = self.next_from(self.turn, prefer_up)?;
        self.turn = (at + 1) % self.upstreams.len();
        Some(at)
    }

    /// This one first; where it may fail over, the others after it, those that are down last.
    pub(super) fn in_turn(&self, first: Option<usize>, failover: bool) -> Choice {
        let Some(first) = first else {
            return Choice { lanes: Vec::new(), at_once: 0, failover };
        };
        let node = |at: usize| self.upstreams[at].server.node();
        let count = self.upstreams.len();
        let mut lanes = Vec::with_capacity(if failover { count } else { 1 });
        lanes.push(node(first));
        if failover {
            // The policy `failover` has a fixed order; the others go on round the list.
            let start = if self.config.policy == Policy::Failover { 0 } else { first };
            let others = (0..count)
                .map(|step| (start + step) % count)
                .filter(|at| *at != first && self.may_ask(*at, false));
            let is_up = |at: &usize| self.may_ask(*at, true);
            lanes.extend(others.clone().filter(is_up).map(node));
            lanes.extend(others.filter(|at| !is_up(at)).map(node));
        }
        Choice { lanes, at_once: 1, failover }
    }

    /// The server of a name: the one it has had before, if it may be asked, else the one whose turn it is.
    fn home_of(&mut self, name: &HostName, failover: bool, out: &mut Effects) -> Option<usize> {
        let before = self.table.get(name);
        let place = before.and_then(|node| self.at(node));
        if let Some(at) = place
            && self.may_ask(at, failover)
        {
            return Some(at);
        }
        let at = self.take_turn(failover)?;
        // A name whose server is only down or ejected keeps it until another has answered in its stead.
        if place.is_none() {
            let upstream = self.upstreams[at].server.node();
            self.table.stick(name, upstream);
            out.note(Note::Stuck { name: name.clone(), upstream, before });
        }
        Some(at)
    }
}
