//! Lives and deaths of nodes: one incarnation after another, what dies with one, and what a census
//! states.

use super::alarms::AlarmEnd;
use super::race::LaneEnd;
use super::truth::AlarmKind;
use super::{MarkState, World};
use crate::base::{Incarnation, NodeId, Peer};
use crate::event::{Census, Life};
use crate::message::Outcome;
use std::sync::Arc;

impl World {
    pub(super) fn booted(&mut self, node: NodeId, incarnation: Incarnation) {
        let Some(state) = self.nodes.get(node.index()) else { return };
        if incarnation < state.incarnation {
            self.stale += 1;
            return;
        }
        if incarnation > state.incarnation || !state.life.is_alive() {
            self.begin_life(node, incarnation);
        }
    }

    /// A new incarnation: it remembers nothing, and nothing of the old one is said of it.
    pub(super) fn begin_life(&mut self, node: NodeId, incarnation: Incarnation) {
        let now = self.now;
        if self.nodes[node.index()].life.is_alive() {
            self.close_questions(node);
        }
        let state = &mut self.nodes[node.index()];
        state.forget();
        state.changed.clear();
        state.crash = None;
        state.corrupt = None;
        state.port_busy = None;
        state.no_socket = None;
        state.last_window = None;
        state.incarnation = incarnation;
        state.life = Life::Up;
        state.since = now;
        state.known = true;
        let index = &mut self.index.nodes[node.index()];
        index.questions.clear();
        index.received = None;
        self.close_connections(node);
        self.stand_life(node, Life::Up);
        self.stand_lie(node, false);
        self.end_alarms(AlarmEnd::Alive(node));
        self.index.dead_asks.retain(|(asker, dead), _| *asker != node && *dead != node);
        self.figures_of_a_new_life(node);
    }

    pub(super) fn set_life(&mut self, node: NodeId, life: Life) {
        let now = self.now;
        let Some(state) = self.nodes.get_mut(node.index()) else { return };
        let before = state.life;
        state.known = true;
        if before != life {
            state.life = life;
            state.since = now;
        }
        if before.is_alive() && !life.is_alive() {
            self.close_questions(node);
            self.nodes[node.index()].forget();
            self.close_connections(node);
            self.end_alarms(AlarmEnd::Dead(node));
            if life != Life::PoweredOff {
                self.visitors_leave(node);
            }
        }
        self.stand_life(node, life);
        if life == Life::Crashed {
            self.begin_alarm(AlarmKind::Crashed(node));
        }
    }

    /// An empty disk can be read: what could not run may run again.
    pub(super) fn wiped(&mut self, node: NodeId) {
        let Some(state) = self.nodes.get_mut(node.index()) else { return };
        state.corrupt = None;
        if state.life == Life::Corrupt {
            self.set_life(node, Life::Stopped);
        }
        self.end_alarms(AlarmEnd::Wiped(node));
    }

    /// What a dead node had asked stays open for ever: its races say so.
    fn close_questions(&mut self, node: NodeId) {
        let now = self.now;
        for race in &mut self.races {
            let asked = race.asker == Peer::Node(node) && !race.is_settled();
            let took =
                race.ls == Some(node) && race.ls_verdict.is_none() && race.more.ls_gone.is_none();
            if !asked && !took {
                continue;
            }
            let race = Arc::make_mut(race);
            if asked {
                race.more.asker_gone = Some(now);
            }
            if took {
                race.more.ls_gone = Some(now);
            }
            if took || race.ls.is_none() {
                for lane in race.lanes.iter_mut().filter(|lane| lane.end == LaneEnd::Waiting) {
                    lane.end = match lane.sent {
                        Some(_) => LaneEnd::Ended(Outcome::Cancelled),
                        None => LaneEnd::NotSent,
                    };
                    lane.ended = Some(now);
                }
            }
        }
    }

    fn close_connections(&mut self, node: NodeId) {
        self.index.nodes[node.index()].opened.clear();
        let ours = (Peer::Node(node), Peer::Node(NodeId(0)))..;
        for (_, link) in
            self.links.range_mut(ours).take_while(|((from, _), _)| *from == Peer::Node(node))
        {
            link.conns = 0;
        }
    }

    fn visitors_leave(&mut self, node: NodeId) {
        let now = self.now;
        for visitor in self.visitors.values_mut().filter(|visitor| visitor.visits == node) {
            visitor.left.get_or_insert(now);
        }
    }

    pub(super) fn census(&mut self, census: &Census) {
        let Some(state) = self.nodes.get(census.node.index()) else { return };
        if census.incarnation < state.incarnation {
            self.stale += 1;
            return;
        }
        if census.incarnation > state.incarnation {
            self.begin_life(census.node, census.incarnation);
        }
        self.set_life(census.node, census.life);
    }

    /// Events are missing: what they would have said is unknown, so nothing that they could have
    /// changed is claimed.
    pub(super) fn blind(&mut self, missing: u64) {
        self.missed += missing;
        for node in &mut self.nodes {
            node.known = false;
            node.load.open = 0;
        }
        for link in self.links.values_mut() {
            link.marks.retain(|mark| matches!(mark.state, MarkState::Lost { .. }));
        }
        self.index.flights.clear();
        for node in &mut self.index.nodes {
            node.received = None;
        }
        for race in self.races.iter_mut().filter(|race| !race.is_over()) {
            Arc::make_mut(race).more.unsure = true;
        }
    }
}
