//! What an LS says of its policy at work: whom it drew, whom it asked as well and why, whom it cancelled, and who has
//! become too slow.

use crate::base::{NodeId, QuestionNo};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use std::time::Duration;

/// Where the time came from after which another upstream was asked as well.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HedgeBy {
    /// It is a setting.
    Setting,
    /// All but so many in a hundred of the last answers took at most as long.
    Percentile(u8),
    /// It is what holds until enough answers were seen for a percentile.
    TooFewSeen,
}

/// What an LS says of its policy at work. `question` is the LS's own number.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BalanceNote {
    /// Two upstreams were drawn, each with the questions that waited there; the first of them is asked (`two-choices`).
    Drew {
        /// The question.
        question: QuestionNo,
        /// The one that is asked, and what waited there.
        taken: (NodeId, u32),
        /// The other one.
        left: (NodeId, u32),
    },
    /// An upstream was slow, so another was asked as well.
    Hedged {
        /// The question.
        question: QuestionNo,
        /// Who was slow.
        slow: NodeId,
        /// Who is asked as well.
        to: NodeId,
        /// How long the slow one was waited for.
        after: Duration,
        /// Where that time came from.
        by: HedgeBy,
    },
    /// An upstream was slow, and nobody was asked in its stead: the budget was spent.
    NotHedged {
        /// The question.
        question: QuestionNo,
        /// Who was slow.
        slow: NodeId,
    },
    /// Another upstream gave the part of a slow one, which is not waited for any more (`gather`).
    Covered {
        /// The question.
        question: QuestionNo,
        /// Who was slow.
        slow: NodeId,
        /// Whose answer stands for its part.
        by: NodeId,
    },
    /// Of the upstreams that were asked at once one has begun, and the others were told to cancel (`tied`).
    Began {
        /// The question.
        question: QuestionNo,
        /// Who has begun.
        upstream: NodeId,
        /// Who was told to cancel.
        cancelled: Arc<[NodeId]>,
    },
    /// The same is being asked already, so nobody is asked again: the question waits for that race and is told what it
    /// comes to.
    Joined {
        /// The question.
        question: QuestionNo,
        /// The question whose race it waits for.
        race: QuestionNo,
    },
    /// Whoever asked is gone, and the race goes on for those who joined it.
    GoesOn {
        /// The question.
        question: QuestionNo,
        /// How many wait for it.
        waits: u32,
    },
    /// The answers of an upstream take far longer than those of the others, so it is put on probation: left alone, and
    /// tried now and then. The note of its ejection follows.
    Slow {
        /// Which.
        upstream: NodeId,
        /// How long its answers take; half of the last ones took longer.
        takes: Duration,
        /// The same of the others.
        others: Duration,
    },
}

impl BalanceNote {
    /// The question that it is about, where it is about one.
    #[must_use]
    pub const fn question(&self) -> Option<QuestionNo> {
        match self {
            Self::Drew { question, .. }
            | Self::Hedged { question, .. }
            | Self::NotHedged { question, .. }
            | Self::Covered { question, .. }
            | Self::Began { question, .. }
            | Self::Joined { question, .. }
            | Self::GoesOn { question, .. } => Some(*question),
            Self::Slow { .. } => None,
        }
    }
}
