//! Belief beside truth: what each node takes each other for, since when that is wrong, and how long it took to notice.

use super::group::Group;
use crate::base::{LabTime, NodeId};
use crate::event::Life;
use crate::message::Belief;
use std::time::Duration;

/// What one node takes another for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct View {
    /// What.
    pub belief: Belief,
    /// Since when.
    pub since: LabTime,
    /// How long the death or the freeze that it noticed had lasted then.
    pub noticed_after: Option<Duration>,
    /// How often it suspected one that ran.
    pub false_suspicions: u64,
}

impl Default for View {
    fn default() -> Self {
        Self { belief: Belief::Up, since: LabTime::ZERO, noticed_after: None, false_suspicions: 0 }
    }
}

impl Group {
    /// Every node of the group: its replicas, then those who ask it.
    pub fn nodes(&self) -> impl Iterator<Item = NodeId> {
        self.replicas.iter().map(|replica| replica.id).chain(self.askers.iter().copied())
    }

    /// What a node takes another for; as long as it has said nothing, for one that runs.
    #[must_use]
    pub fn view(&self, holder: NodeId, about: NodeId) -> View {
        self.views.get(&(holder, about)).copied().unwrap_or_default()
    }

    /// Who leads, as this node believes, and in which term.
    #[must_use]
    pub fn leader_of(&self, node: NodeId) -> Option<(NodeId, u64)> {
        match self.replica(node) {
            Some(replica) => replica.follows.map(|leader| (leader, replica.term)),
            None => self.believed.get(&node).copied(),
        }
    }

    /// Whether a node has heard of another at all: it was told of it, or has said something of it. A server that was
    /// started without a word to anybody is nobody's mistake.
    #[must_use]
    pub fn knows_of(&self, holder: NodeId, about: NodeId) -> bool {
        self.views.contains_key(&(holder, about))
            || match self.replica(holder) {
                Some(replica) => replica.config.peers.contains(&about),
                None => self.life_of(about).is_some_and(|(life, _)| life != Life::Off),
            }
    }

    /// Since when a living node has been wrong about whether another runs; none where it is right, or dead itself.
    #[must_use]
    pub fn wrong_since(&self, holder: NodeId, about: NodeId) -> Option<LabTime> {
        let (life, life_since) = self.life_of(about)?;
        if self.life_of(holder).is_some_and(|(life, _)| !life.is_alive()) {
            return None;
        }
        if !self.knows_of(holder, about) {
            return None;
        }
        let view = self.view(holder, about);
        let runs = matches!(life, Life::Up | Life::Stopping);
        (runs != (view.belief == Belief::Up)).then(|| life_since.max(view.since))
    }

    /// Since when a running node has been wrong about who leads: it follows one that does not.
    #[must_use]
    pub fn follows_wrongly(&self, node: NodeId) -> Option<NodeId> {
        let runs = self.life_of(node).is_some_and(|(life, _)| life == Life::Up);
        let (leader, _) = self.leader_of(node).filter(|_| runs)?;
        let leads = self.replica(leader).is_some_and(super::replica::ReplicaState::leads);
        (!leads).then_some(leader)
    }

    /// The state of a node of the group, in truth, and since when.
    #[must_use]
    pub fn life_of(&self, node: NodeId) -> Option<(Life, LabTime)> {
        match self.replica(node) {
            Some(replica) => Some((replica.life, replica.life_since)),
            None => self.asker_lives.get(&node).map(|(life, since, _)| (*life, *since)),
        }
    }

    pub(super) fn believes(&mut self, holder: NodeId, about: NodeId, belief: Belief) {
        let now = self.now;
        let Some((life, since)) = self.life_of(about) else { return };
        let view = self.views.entry((holder, about)).or_default();
        if view.belief == belief {
            return;
        }
        let was_up = view.belief == Belief::Up;
        view.belief = belief;
        view.since = now;
        if belief == Belief::Up {
            view.noticed_after = None;
        }
        if belief == Belief::Up || !was_up {
            return;
        }
        match life {
            Life::Up | Life::Stopping => {
                view.false_suspicions += 1;
                self.figures.false_suspicions += 1;
            }
            Life::Off => {}
            _ => {
                let took = now.since(since);
                view.noticed_after = Some(took);
                if self.detected.insert((holder, about)) {
                    self.figures.detections += 1;
                    self.figures.detection_sum += took;
                    self.figures.detection_max = self.figures.detection_max.max(took);
                }
            }
        }
    }

    /// A process that begins believes nothing of others yet; and what was noticed of its death is over.
    pub(super) fn begins_to_believe(&mut self, node: NodeId) {
        self.views.retain(|(holder, _), _| *holder != node);
        self.believed.remove(&node);
        self.detected.retain(|(_, about)| *about != node);
    }
}
