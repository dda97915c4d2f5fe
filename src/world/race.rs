//! A race: one question from whoever asked it first, through the LS, to every upstream and back.

use crate::base::{LabTime, NodeId, Peer, QuestionNo};
use crate::message::{HostName, Outcome, Said, Why};
use std::sync::Arc;

/// The number of a race in this lab, from 1: `#41`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct RaceNo(pub u64);

/// How a lane ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LaneEnd {
    /// Not yet.
    Waiting,
    /// This upstream was chosen but never sent the question.
    NotSent,
    /// It gave the answer that counted.
    Won,
    /// It came to this, and did not decide (an answer after another had won is `Late` with its time).
    Ended(Outcome),
}

/// One upstream in a race.
#[derive(Debug, Clone, PartialEq)]
pub struct Lane {
    /// Who.
    pub upstream: NodeId,
    /// When the LS sent it the question (the last time, if several).
    pub sent: Option<LabTime>,
    /// When the question arrived there.
    pub arrived: Option<LabTime>,
    /// When it sent its answer, if it did.
    pub replied: Option<LabTime>,
    /// When its lane ended at the LS.
    pub ended: Option<LabTime>,
    /// How.
    pub end: LaneEnd,
    /// What it said.
    pub said: Option<Said>,
}

/// The verdict on a race at one node.
#[derive(Debug, Clone, PartialEq)]
pub struct Verdict {
    /// When.
    pub at: LabTime,
    /// How it ended.
    pub outcome: Outcome,
    /// What was said.
    pub said: Option<Said>,
    /// Whose answer it was.
    pub from: Option<NodeId>,
    /// Why.
    pub why: Why,
}

/// A question and all that came of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Race {
    /// Its number.
    pub no: RaceNo,
    /// What was asked, as it was spelled.
    pub name: HostName,
    /// Who asked first: a client or a visitor.
    pub asker: Peer,
    /// The asker's own number for it, if it is a node.
    pub question: Option<QuestionNo>,
    /// The LS that took it; none before it arrived there, or where a TS was asked directly.
    pub ls: Option<NodeId>,
    /// The LS's own number for it.
    pub ls_question: Option<QuestionNo>,
    /// The word of the policy that chose.
    pub policy: Option<Arc<str>>,
    /// When it began.
    pub begun: LabTime,
    /// When the LS took it.
    pub taken: Option<LabTime>,
    /// When the LS gives up.
    pub ls_deadline: Option<LabTime>,
    /// When the asker gives up.
    pub deadline: Option<LabTime>,
    /// The upstreams in the order of asking.
    pub lanes: Vec<Lane>,
    /// The LS's verdict.
    pub ls_verdict: Option<Verdict>,
    /// The asker's verdict: for a visitor, the moment the answer reached the end of its link.
    pub verdict: Option<Verdict>,
    /// The verdict says there is no such name (or heard none) although a TS of the topology has it.
    pub contradicted: bool,
    /// The answer given is for another name than the one asked.
    pub misgiven: bool,
    /// Whether the present step was flipped to *repaired* when it began; none if the step has nothing to flip.
    pub repaired: Option<bool>,
    /// The step in which it began, 0 before the first.
    pub step: u32,
}

impl Race {
    /// Whether everything about it is known: verdicts are in and no lane waits.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.verdict.is_some() && self.lanes.iter().all(|lane| lane.end != LaneEnd::Waiting)
    }
}
