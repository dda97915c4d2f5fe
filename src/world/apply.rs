//! The fold itself: which fact goes where, and what a gap means.

use super::steps::Beat;
use super::{AlarmKind, MARKERS_MAX, World};
use crate::base::{LabTime, NodeId, Owner, Peer};
use crate::command::Command;
use crate::event::{Cause, Event, Fact, Life};
use crate::topology::Step;
use std::sync::Arc;

impl World {
    #[expect(clippy::similar_names, reason = "a node and its note")]
    /// Folds one event. Total: an event that names what the topology has not changes nothing.
    pub fn apply(&mut self, event: &Event) {
        self.now = self.now.max(event.time);
        self.position += 1;
        if !self.admits(event) {
            self.stale += 1;
            return;
        }
        self.pass_time();
        self.store_event(event);
        if let Owner::Node(node, _) = event.id.owner {
            self.count(node, event);
        }
        match (&event.fact, event.id.owner) {
            (Fact::Noted(note), Owner::Node(node, _)) => self.noted(node, event, note),
            (fact, Owner::Node(node, _)) if fact.is_traffic() => self.traffic(node, event),
            (fact, _) => self.control(event, fact),
        }
    }

    /// Takes note of events that never came. What they would have told is unknown until a census
    /// says it.
    pub fn gap(&mut self, missing: u64) {
        if missing == 0 {
            return;
        }
        self.position += missing;
        self.audit.gap(missing);
        self.blind(missing);
    }

    /// Whether the event is of a life that may still speak. A life that the log has not announced
    /// (its boot was missed) begins here: that it speaks is proof.
    fn admits(&mut self, event: &Event) -> bool {
        let Owner::Node(node, incarnation) = event.id.owner else {
            self.index.lab_seen = self.index.lab_seen.max(event.id.number);
            return true;
        };
        let Some(state) = self.nodes.get(node.index()) else { return false };
        if incarnation < state.incarnation {
            return false;
        }
        if incarnation > state.incarnation {
            self.begin_life(node, incarnation);
        }
        let seen = &mut self.index.nodes[node.index()].seen;
        *seen = (incarnation, event.id.number.max(if seen.0 == incarnation { seen.1 } else { 0 }));
        true
    }

    /// Whether what an event gives as its cause was folded before it.
    pub(super) fn has_seen(&self, cause: Cause) -> bool {
        let Cause::Event(id) = cause else { return true };
        match id.owner {
            Owner::Lab => id.number <= self.index.lab_seen,
            Owner::Node(node, life) => self
                .index
                .nodes
                .get(node.index())
                .is_some_and(|index| (life, id.number) <= index.seen),
        }
    }

    /// What happens by itself as time goes on: waits that come to nothing, marks and alarms that
    /// end.
    fn pass_time(&mut self) {
        if self.index.deadlines.first().is_some_and(|(at, _)| *at <= self.now) {
            self.end_silent_lanes();
        }
        if self.index.sweep_at <= self.now {
            self.sweep_marks();
        }
        if self.index.alarms_at <= self.now {
            self.end_old_alarms();
        }
    }

    fn control(&mut self, event: &Event, fact: &Fact) {
        match fact {
            Fact::NodeBooted { node, incarnation } => self.booted(*node, *incarnation),
            Fact::NodeListening { node, .. }
            | Fact::DiskOpened { node, .. }
            | Fact::ListenFailed { node, .. }
            | Fact::SocketFailed { node, .. } => {
                if let Some(state) = self.nodes.get_mut(node.index()) {
                    state.has_or_lacks(event.time, fact);
                }
            }
            Fact::NodeKilled { node } => self.set_life(*node, Life::Killed),
            Fact::NodeCrashed { node, why } => {
                self.set_life(*node, Life::Crashed);
                if let Some(state) = self.nodes.get_mut(node.index()) {
                    state.crash = Some(why.clone());
                }
            }
            Fact::NodePoweredOff { node } => self.set_life(*node, Life::PoweredOff),
            Fact::NodeCorrupt { node, why } => {
                self.set_life(*node, Life::Corrupt);
                if let Some(state) = self.nodes.get_mut(node.index()) {
                    state.corrupt = Some(why.clone());
                    self.begin_alarm(AlarmKind::Corrupt(*node));
                }
            }
            Fact::NodeWiped { node } => self.wiped(*node),
            Fact::NodeFrozen { node } => self.set_life(*node, Life::Frozen),
            Fact::NodeThawed { node } => self.set_life(*node, Life::Up),
            Fact::NodeStopping { node } => self.set_life(*node, Life::Stopping),
            Fact::NodeStopped { node } => self.set_life(*node, Life::Stopped),
            Fact::TopologyChanged { changes } => self.topology_changed(changes),
            Fact::FaultsSet { from, to, faults } => self.set_faults(*from, *to, faults),
            Fact::OwnClockSet { node, clock } => self.set_own_clock(*node, *clock),
            Fact::ClockSet(clock) => self.clock = *clock,
            Fact::FrameMoved { from, to, frame, due } => {
                self.frame_moved(*from, *to, *frame, *due);
            }
            Fact::FrameLate { from, to, frame, .. } if self.is_of_topology(*from) => {
                if self.is_of_topology(*to) {
                    self.link_mut(*from, *to).frame_late(*frame);
                }
            }
            Fact::FrameLost { from, to, frame, fate } => self.frame_lost(*from, *to, *frame, *fate),
            Fact::FrameDoubled { from, to, .. } if self.is_of_topology(*from) => {
                if self.is_of_topology(*to) {
                    self.link_mut(*from, *to).sent += 1;
                }
            }
            Fact::LogGap { dropped } => self.blind(*dropped),
            Fact::Census(census) => self.census(census),
            Fact::CommandGiven { command, .. } => self.marked(event.time, command),
            fact => self.lecture(fact),
        }
    }

    /// A command was given: a marker stays where it was set.
    fn marked(&mut self, at: LabTime, command: &Command) {
        if let Command::Mark(text) = command {
            self.markers.push_back((self.position, at, text.clone()));
            if self.markers.len() > MARKERS_MAX {
                self.markers.pop_front();
            }
        }
    }

    /// Facts about the steps; all that is left says nothing about the present.
    fn lecture(&mut self, fact: &Fact) {
        let now = self.now;
        match fact {
            Fact::StepRestored { step } => {
                self.begin_step(*step);
                self.restore_audit();
            }
            Fact::StepBegan { step } => {
                self.marked = Arc::new(self.audit.clone());
                self.begin_step(*step);
            }
            Fact::StepRan { step } => {
                let leaves = self.step(*step).and_then(Step::leaves_repaired);
                self.steps.repaired = self.steps.repaired.map(|now| leaves.unwrap_or(now));
                self.steps.step = *step;
                self.steps.beat = Beat::Running;
                self.steps.ran_at = Some(now);
            }
            Fact::StepEnded { step } => {
                self.steps.step = *step;
                self.steps.beat = Beat::Answer;
            }
            Fact::ExpectationJudged { step, expectation, judgement, seen } => {
                self.steps.judged.insert((*step, *expectation), (*judgement, seen.clone()));
            }
            Fact::Flipped { repaired, .. } => {
                self.steps.repaired = Some(*repaired);
                self.flipped(*repaired);
            }
            _ => {}
        }
    }

    /// A step shows its question; 0 is the time before the first.
    fn begin_step(&mut self, step: u32) {
        let present = self.step(step);
        let repaired = present
            .filter(|step| !(step.confessed.is_empty() && step.repaired.is_empty()))
            .map(|step| step.leaves_repaired().unwrap_or(false));
        let steps = &mut self.steps;
        steps.step = step;
        steps.beat = if step == 0 { Beat::Before } else { Beat::Question };
        steps.ran_at = None;
        steps.repaired = repaired;
        steps.judged.retain(|(judged, _), _| *judged != step);
    }

    /// A step by its number, from 1.
    pub(super) fn step(&self, number: u32) -> Option<&Step> {
        self.topology.steps.get((number as usize).checked_sub(1)?)
    }

    pub(super) fn is_of_topology(&self, peer: Peer) -> bool {
        peer.node().is_none_or(|node| node.index() < self.nodes.len())
    }

    /// A node of ours whose events are in the log; not one that runs elsewhere.
    pub(super) fn is_ours(&self, node: NodeId) -> bool {
        self.topology.nodes.get(node.index()).is_some_and(|node| node.at.is_none())
    }

    pub(super) fn earlier(at: &mut LabTime, candidate: LabTime) {
        *at = (*at).min(candidate);
    }
}

impl Fact {
    /// Whether it is about connections and messages, and so is folded with the node that saw it.
    const fn is_traffic(&self) -> bool {
        matches!(
            self,
            Self::ConnOpening { .. }
                | Self::ConnOpened { .. }
                | Self::ConnRefused { .. }
                | Self::ConnEnded { .. }
                | Self::ConnClosed { .. }
                | Self::MessageSent { .. }
                | Self::MessageReceived { .. }
                | Self::Malformed { .. }
                | Self::Unasked { .. }
                | Self::TimerFired { .. }
        )
    }
}
