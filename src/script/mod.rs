//! Steps: events and the time go in, commands and verdicts come out. Pure; both worlds and every mode drive it.

use crate::base::LabTime;
use crate::command::Command;
use crate::event::{Event, Fact};
use crate::topology::Topology;
use std::sync::Arc;

/// What the script wants.
#[derive(Debug, Clone, PartialEq)]
pub enum Order {
    /// Give this command, with `Hand::Step`.
    Give(Command),
    /// Record this fact (`StepBegan`, `ExpectationJudged`, …).
    Record(Fact),
}

/// The lecture of a topology, on its way through the steps.
#[derive(Debug)]
pub struct Script {
    topology: Arc<Topology>,
}

impl Script {
    /// A lecture before its first step.
    #[must_use]
    pub fn new(topology: Arc<Topology>) -> Self {
        Self { topology }
    }

    /// The next beat: from nothing to the question of step 1, from the question to the commands, from those to the
    /// answer, from the answer to the next question.
    pub fn next(&mut self, _now: LabTime) -> Vec<Order> {
        let _ = &self.topology;
        Vec::new()
    }

    /// Flips the present step between confessed and repaired.
    ///
    /// # Errors
    /// A sentence if the step has nothing to flip.
    pub fn flip(&mut self, _now: LabTime) -> Result<Vec<Order>, String> {
        Err("this step has nothing to flip".into())
    }

    /// Takes one event: it may fulfil or break an expectation.
    pub fn observe(&mut self, _event: &Event) {}

    /// What is due by now: commands after a `wait`, judgements whose time is up.
    pub fn poll(&mut self, _now: LabTime) -> Vec<Order> {
        Vec::new()
    }

    /// When `poll` must be called next, if nothing is observed before.
    #[must_use]
    pub fn next_due(&self) -> Option<LabTime> {
        None
    }

    /// Whether the present beat has nothing more to do by itself: commands given, every expectation judged.
    #[must_use]
    pub fn is_settled(&self) -> bool {
        true
    }

    /// Whether the last step's answer has been shown.
    #[must_use]
    pub fn is_over(&self) -> bool {
        true
    }
}
