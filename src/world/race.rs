//! A race: one question from whoever asked it first, through the LS, to every upstream and back.

use crate::base::{FrameId, LabTime, NodeId, Peer, QuestionNo};
use crate::event::Life;
use crate::message::{BalanceNote, HostName, Message, Outcome, RecordType, Said, Why};
use std::collections::BTreeSet;
use std::sync::Arc;

/// The number of a race in this lab, from 1: `#41`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct RaceNo(pub u64);

/// With more lanes than this, those of upstreams that were not asked are worth neither memory nor a look.
pub(super) const LANES_UNASKED_MAX: usize = 64;

/// How a lane ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LaneEnd {
    /// Not yet.
    Waiting,
    /// This upstream was chosen but never sent the question.
    NotSent,
    /// It gave the answer that counted.
    Won,
    /// It came to this, and did not decide (an answer after another had won is `Late` with its
    /// time).
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
    /// Which records of it: over DNS it may be others than addresses.
    pub kind: RecordType,
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
    /// The verdict says there is no such name (or heard none) although a TS of the topology has
    /// it.
    pub contradicted: bool,
    /// The answer given is for another name than the one asked.
    pub misgiven: bool,
    /// Whether the present step was flipped to *repaired* when it began; none if the step has
    /// nothing to flip.
    pub repaired: Option<bool>,
    /// The step in which it began, 0 before the first.
    pub step: u32,
    /// What else is known of it.
    pub more: Circumstances,
}

/// What stood in the way of an upstream, in truth, when the verdict on a race was given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hindrance {
    /// It did not run.
    Life(Life),
    /// Nothing got through on the link to it or from it.
    Cut,
    /// A hand held what was on the link.
    Held,
}

/// What else is known of a race, beside the story of its question.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Circumstances {
    /// Whom the asker asked: an LS, or a TS directly.
    pub to: Option<NodeId>,
    /// Which try of the asker this is, 1 for the first.
    pub attempt: u8,
    /// The race in which it was asked before, for a retry.
    pub again: Option<RaceNo>,
    /// What the LS took it for, where that is another name (names glued together).
    pub taken_as: Option<HostName>,
    /// What the asker itself heard.
    pub heard: Option<Said>,
    /// Servers that looked the name up and said nothing.
    pub kept_silent: Vec<NodeId>,
    /// Servers that were told to lie, and did.
    pub lied: Vec<NodeId>,
    /// What stood in the way of a server when the verdict was given.
    pub hindered: Vec<(NodeId, Hindrance)>,
    /// The answer given is an address that no table has, from a server that lies.
    pub lie: bool,
    /// When the asker died or left with the question open.
    pub asker_gone: Option<LabTime>,
    /// When the LS died with the question open.
    pub ls_gone: Option<LabTime>,
    /// What the LS said of its policy at work, the first of it.
    pub balance: Vec<BalanceNote>,
    /// What the asker was answered, over DNS.
    pub dns: Option<Arc<Message>>,
    /// Servers whose answer was too long for a datagram: they were asked again over TCP.
    pub cut_short: Vec<NodeId>,
    /// The race of an identical question that was on its way already, for which this one waits or waited.
    pub joined: Option<RaceNo>,
    /// How many joined this one.
    pub joined_by: u32,
    /// Events are missing that may have belonged to it.
    pub unsure: bool,
    /// The frame that carries the answer to a visitor, and when it arrives.
    pub answer: Option<(FrameId, LabTime)>,
}

impl Race {
    /// A race that begins.
    #[must_use]
    pub fn new(no: RaceNo, name: HostName, asker: Peer, begun: LabTime) -> Self {
        Self {
            no,
            name,
            kind: RecordType::A,
            asker,
            question: None,
            ls: None,
            ls_question: None,
            policy: None,
            begun,
            taken: None,
            ls_deadline: None,
            deadline: None,
            lanes: Vec::new(),
            ls_verdict: None,
            verdict: None,
            contradicted: false,
            misgiven: false,
            repaired: None,
            step: 0,
            more: Circumstances { attempt: 1, ..Circumstances::default() },
        }
    }

    /// Whether everything about it is known: verdicts are in and no lane waits.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.is_settled() && self.lanes.iter().all(|lane| lane.end != LaneEnd::Waiting)
    }

    /// Whether the asker has its verdict, or is gone and will never have one.
    #[must_use]
    pub fn is_settled(&self) -> bool {
        self.verdict.is_some() || self.more.asker_gone.is_some()
    }

    /// When it was over for the asker: with its verdict, or because the asker was gone.
    #[must_use]
    pub fn settled_at(&self) -> Option<LabTime> {
        self.verdict.as_ref().map(|verdict| verdict.at).or(self.more.asker_gone)
    }

    /// How a lane stands at a moment: one that still waits when the LS's deadline has passed has
    /// come to nothing, even if no event has said so yet.
    #[must_use]
    pub fn lane_end(&self, lane: &Lane, now: LabTime) -> (LaneEnd, Option<LabTime>) {
        match self.ls_deadline {
            Some(deadline)
                if lane.end == LaneEnd::Waiting && self.ls_verdict.is_some() && deadline <= now =>
            {
                (LaneEnd::Ended(Outcome::Silent), Some(deadline))
            }
            _ => (lane.end, lane.ended),
        }
    }

    /// The lane of an upstream.
    #[must_use]
    pub fn lane(&self, upstream: NodeId) -> Option<&Lane> {
        self.lanes.iter().find(|lane| lane.upstream == upstream)
    }

    /// How long the asker waited for its verdict.
    #[must_use]
    pub fn took(&self) -> Option<std::time::Duration> {
        self.verdict.as_ref().map(|verdict| verdict.at.since(self.begun))
    }

    pub(super) fn lane_mut(&mut self, upstream: NodeId) -> Option<&mut Lane> {
        self.lanes.iter_mut().find(|lane| lane.upstream == upstream)
    }

    /// Of very many upstreams, those that were not asked and never will be have no lane any more.
    pub(super) fn forget_unasked(&mut self) {
        if self.lanes.len() > LANES_UNASKED_MAX {
            self.lanes.retain(|lane| lane.end != LaneEnd::NotSent);
            self.lanes.shrink_to_fit();
        }
    }

    /// These were chosen: each has a lane. There may be a thousand, for every question.
    pub(super) fn may_ask(&mut self, upstreams: &[NodeId]) {
        let known: BTreeSet<NodeId> = self.lanes.iter().map(|lane| lane.upstream).collect();
        let fresh = upstreams.iter().filter(|upstream| !known.contains(upstream));
        // No room for more than these: it would be kept with each of thousands of races.
        self.lanes.reserve_exact(fresh.clone().count());
        self.lanes.extend(fresh.map(|upstream| Lane::new(*upstream)));
    }

    pub(super) fn lane_or_new(&mut self, upstream: NodeId) -> &mut Lane {
        let at =
            self.lanes.iter().position(|lane| lane.upstream == upstream).unwrap_or_else(|| {
                self.lanes.reserve_exact(1);
                self.lanes.push(Lane::new(upstream));
                self.lanes.len() - 1
            });
        &mut self.lanes[at]
    }
}

impl Lane {
    /// A lane before anything was sent on it.
    #[must_use]
    pub fn new(upstream: NodeId) -> Self {
        Self {
            upstream,
            sent: None,
            arrived: None,
            replied: None,
            ended: None,
            end: LaneEnd::Waiting,
            said: None,
        }
    }
}
