//! The topology's file has changed while the lab runs.

use super::World;
use super::steps::Beat;
use crate::base::Peer;
use crate::topology::{Change, Effect, Step};
use std::sync::Arc;

impl World {
    pub(super) fn topology_changed(&mut self, changes: &[Change]) {
        let before = self.topology.clone();
        let topology = Arc::make_mut(&mut self.topology);
        for change in changes {
            topology.take(change);
        }
        self.links_restated();
        self.policies_restated();
        for change in changes {
            if let Effect::Steps(_) = change.effect {
                self.steps.judged.retain(|(step, _), _| !change.touches_step(*step, &before.steps));
                self.steps_replaced();
            }
        }
    }

    /// What the file says of links now is no fault; what was one and is said by the file now is none any more.
    fn links_restated(&mut self) {
        let changed = |((from, to), usual): ((Peer, Peer), _)| {
            let now = self.topology.link(from.node()?, to.node()?);
            (now != usual).then_some((from, to, now))
        };
        let links = self.links.iter().map(|(way, link)| (*way, link.usual));
        let changed: Vec<_> = links.filter_map(changed).collect();
        for (from, to, now) in changed {
            self.restate_usual(from, to, now);
        }
    }

    /// The lecture keeps its place: the number of the step.
    fn steps_replaced(&mut self) {
        let count = self.topology.steps.len();
        let steps = &mut self.steps;
        steps.count = count;
        if steps.step as usize > count {
            steps.step = count as u32;
            steps.beat = if count == 0 { Beat::Before } else { Beat::Answer };
        }
        let present = self.step(self.steps.step);
        let flips = |step: &&Step| !(step.confessed.is_empty() && step.repaired.is_empty());
        let leaves = present.filter(flips).map(|step| step.leaves_repaired().unwrap_or(false));
        self.steps.repaired = leaves.map(|leaves| self.steps.repaired.unwrap_or(leaves));
    }
}
