//! Where the lecture is.

use crate::base::LabTime;
use crate::event::Judgement;
use std::collections::BTreeMap;
use std::sync::Arc;

/// The beats of a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Beat {
    /// No step has begun.
    #[default]
    Before,
    /// The note and the question are shown.
    Question,
    /// The commands were given; expectations are being judged.
    Running,
    /// The answer is shown beside the marks of the expectations.
    Answer,
}

/// The lecture so far.
#[derive(Debug, Clone, PartialEq)]
pub struct StepsState {
    /// How many steps the topology has.
    pub count: usize,
    /// The present step, from 1; 0 before the first.
    pub step: u32,
    /// Its beat.
    pub beat: Beat,
    /// When its commands were given.
    pub ran_at: Option<LabTime>,
    /// Judgements: (step, expectation) to how and what was seen.
    pub judged: BTreeMap<(u32, u32), (Judgement, Arc<str>)>,
    /// Whether the step is flipped to repaired; none if it has nothing to flip.
    pub repaired: Option<bool>,
}

impl StepsState {
    /// Before the first of so many steps.
    #[must_use]
    pub fn new(count: usize) -> Self {
        Self {
            count,
            step: 0,
            beat: Beat::Before,
            ran_at: None,
            judged: BTreeMap::new(),
            repaired: None,
        }
    }
}
