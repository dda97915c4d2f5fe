//! One way in which a new edition of a topology's file differs from the one that runs, and what it makes of a topology.
//!
//! What differs is found by `diff`; carrying it out is a host's business.

use super::model::{Kind, Step, Topology};
use crate::base::NodeId;
use crate::message::Faults;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// One difference, in words and as a value.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Change {
    /// What a person is told: `ls: policy race → failover`.
    pub words: Arc<str>,
    /// What it does.
    pub effect: Effect,
}

/// What a difference does to a lab that runs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Effect {
    /// Only a new lab has it: who is there, what is spoken, where the random draws begin.
    Restart,
    /// Title and lesson; nothing that runs depends on them.
    Lesson {
        /// One line: what is this?
        title: String,
        /// What it teaches.
        lesson: String,
    },
    /// A node is set like this from now on.
    Node {
        /// Which node.
        node: NodeId,
        /// All of its settings.
        kind: Arc<Kind>,
        /// Whether only a new process of it takes them.
        restarts: bool,
    },
    /// What links are like of which the file says nothing else.
    DefaultLink(Faults),
    /// What the file says of some directions; none where it says nothing any more.
    Links(Vec<(NodeId, NodeId, Option<Faults>)>),
    /// The lecture.
    Steps(Arc<[Step]>),
}

impl Change {
    /// Whether a lab that runs can take it and go on.
    #[must_use]
    pub fn is_live(&self) -> bool {
        self.effect != Effect::Restart
    }

    /// The step that must not be judged any further because of it: whether what it does or expects has changed.
    #[must_use]
    pub fn touches_step(&self, step: u32, before: &[Step]) -> bool {
        let Effect::Steps(steps) = &self.effect else { return false };
        let at = |steps: &[Step]| -> Option<Step> {
            steps.get((step as usize).checked_sub(1)?).cloned()
        };
        match (at(before), at(steps)) {
            (Some(old), Some(new)) => old.commands != new.commands || old.expect != new.expect,
            (old, new) => old.is_some() != new.is_some(),
        }
    }
}

impl Topology {
    /// Takes a change that a lab can take while it runs; any other is left out.
    pub fn take(&mut self, change: &Change) {
        match &change.effect {
            Effect::Restart => {}
            Effect::Lesson { title, lesson } => {
                self.title.clone_from(title);
                self.lesson.clone_from(lesson);
            }
            Effect::Node { node, kind, .. } => {
                if let Some(place) = self.nodes.get_mut(node.index()) {
                    place.kind = (**kind).clone();
                }
            }
            Effect::DefaultLink(faults) => self.default_link = *faults,
            Effect::Links(ways) => {
                for (from, to, faults) in ways {
                    match faults {
                        Some(faults) => self.links.insert((*from, *to), *faults),
                        None => self.links.remove(&(*from, *to)),
                    };
                }
            }
            Effect::Steps(steps) => self.steps = steps.to_vec(),
        }
    }
}
