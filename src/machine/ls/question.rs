//! A question as the LS holds it: who asked, by which rules it is dealt with, and a lane for each upstream.

use crate::base::{ConnId, LabTime, NodeId, QuestionNo};
use crate::machine::asked::Asked;
use crate::machine::matching::Answer;
use crate::machine::server::Wish;
use crate::message::{HedgeBy, Outcome, Rcode, Response, Why};
use crate::topology::{Accept, LsConfig, Policy};
use std::sync::Arc;
use std::time::Duration;

/// Where one upstream stands for one question.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stand {
    /// Chosen, not asked yet; perhaps never.
    Idle,
    /// Asked, nothing heard.
    Asked,
    /// Asked although it is down: nothing will be heard (flaw `no-failover`).
    Void,
    /// It came to this.
    Ended(Outcome),
}

/// One upstream's part in a question.
#[derive(Debug)]
pub(super) struct Lane {
    pub upstream: NodeId,
    pub stand: Stand,
    pub answer: Option<Answer>,
    /// It has had its time and the next was asked; its silence is counted already.
    pub slow: bool,
    /// What came while another was awaited (flaw `serial-timeouts`).
    pub unread: Option<LaneEnd>,
    /// When it was asked.
    pub asked_at: LabTime,
    /// Who was asked in its stead and has not answered, and the number under which (`gather`).
    pub backup: Option<(NodeId, QuestionNo)>,
    /// Whose answer it is, where another's stands for it.
    pub by: Option<NodeId>,
}

impl Lane {
    pub fn new(upstream: NodeId) -> Self {
        Self {
            upstream,
            stand: Stand::Idle,
            answer: None,
            slow: false,
            unread: None,
            asked_at: LabTime::ZERO,
            backup: None,
            by: None,
        }
    }

    /// Whether something may still be heard, or waited for.
    pub fn waits(&self) -> bool {
        matches!(self.stand, Stand::Asked | Stand::Void)
    }

    /// The code of a failure that was said in DNS.
    pub fn code(&self) -> Option<Rcode> {
        let response = self.answer.as_ref()?.dns.as_ref()?;
        (self.stand == Stand::Ended(Outcome::Failed)).then_some(response.rcode)
    }
}

/// What one upstream came to for one question.
#[derive(Debug)]
pub(super) struct LaneEnd {
    pub question: QuestionNo,
    pub upstream: NodeId,
    pub outcome: Outcome,
    pub answer: Option<Answer>,
    /// Set where a confessed mistake decides how this is taken.
    pub how: Option<Why>,
}

impl LaneEnd {
    /// Whether the server is well: it has answered, or would not, as one does whose zone it is not. Otherwise whoever
    /// asks for names of others would have every server left alone.
    pub fn is_well(&self) -> bool {
        let response = self.answer.as_ref().and_then(|answer| answer.dns.as_ref());
        self.outcome.is_final() || response.is_some_and(|one| one.rcode == Rcode::Refused)
    }
}

/// A question without a verdict. The rules are those of the moment it was taken.
#[derive(Debug)]
pub(super) struct Question {
    pub conn: ConnId,
    pub asked: Asked,
    pub policy: Policy,
    pub accept: Accept,
    pub failover: bool,
    /// Where another upstream is asked as well when one is slow: how long that one may take, and why so long.
    pub patience: Option<(Duration, HedgeBy)>,
    /// Whether it is tied and nobody has begun.
    pub tied: bool,
    pub lanes: Vec<Lane>,
    /// The lane that is awaited while the others must wait (flaw `serial-timeouts`).
    pub awaited: Option<usize>,
    /// The lane whose address is told when the window closes, or all have spoken, and how it was taken.
    pub kept: Option<(usize, Option<Why>)>,
    /// Whether the window has been told that it need not stay open for it.
    pub counted: bool,
    /// When it is given up.
    pub deadline: LabTime,
    /// The question whose race it waits for, if it joined one.
    pub joined: Option<QuestionNo>,
    /// Who joined its race, in order; some may have left since.
    pub waiting: Vec<QuestionNo>,
    /// How many of these still wait.
    pub waits: u32,
    /// When its asker left, if it goes on only for those who joined it.
    pub left: Option<LabTime>,
}

impl Question {
    /// A question that nobody is asked yet.
    pub fn new(conn: ConnId, asked: &Asked, config: &LsConfig) -> Self {
        Self {
            conn,
            asked: asked.clone(),
            policy: config.policy,
            accept: config.accept,
            failover: false,
            patience: None,
            tied: false,
            lanes: Vec::new(),
            awaited: None,
            kept: None,
            counted: false,
            deadline: LabTime::NEVER,
            joined: None,
            waiting: Vec::new(),
            waits: 0,
            left: None,
        }
    }

    pub fn lane(&self, upstream: NodeId) -> Option<usize> {
        self.lanes.iter().position(|lane| lane.upstream == upstream)
    }

    /// Whether nothing can be heard any more, of those that were asked or may yet be.
    pub fn all_ended(&self) -> bool {
        self.lanes.iter().all(|lane| matches!(lane.stand, Stand::Ended(_)))
    }

    /// Whether its window need not stay open for it.
    pub fn is_complete(&self) -> bool {
        self.kept.is_some() || self.all_ended()
    }

    /// What an upstream is asked for it.
    pub fn wish(&self) -> Wish {
        let asked = &self.asked;
        Wish { name: asked.name.clone(), kind: asked.kind(), hops: asked.hops() + 1 }
    }

    /// When another was asked in the stead of this lane's upstream.
    pub fn backup_asked_at(&self, lane: usize) -> LabTime {
        let patience = self.patience.map_or(Duration::ZERO, |(after, _)| after);
        self.lanes[lane].asked_at + patience
    }

    /// Of several who say that there is none, the one who says most: that the name exists all the same, and for how
    /// long that holds.
    pub fn best_negative(&self) -> Option<Arc<Response>> {
        let said = self.lanes.iter().filter_map(|lane| lane.answer.as_ref()?.dns.clone());
        said.max_by_key(|one| (one.rcode == Rcode::NoError, !one.authority.is_empty()))
    }

    /// How many were asked.
    pub fn asked(&self) -> usize {
        self.lanes.iter().filter(|lane| lane.stand != Stand::Idle).count()
    }
}
