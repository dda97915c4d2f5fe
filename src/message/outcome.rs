//! Failure as data: the words for how a question can end. Nothing ever guesses one for another.

use serde::{Deserialize, Serialize};
use std::fmt;

/// How a question ended, as the node that asked it knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// The server gave an address.
    Answered,
    /// The server says there is none.
    Negative,
    /// The server says it cannot.
    Failed,
    /// Nobody listens there.
    Refused,
    /// The connection died with the question on it.
    Reset,
    /// The deadline passed and nothing was heard.
    Silent,
    /// An answer came after the verdict.
    Late,
    /// The asker gave the question up before its deadline.
    Cancelled,
}

impl Outcome {
    /// Every outcome, in the order in which reports list them.
    pub const ALL: [Self; 8] = [
        Self::Answered,
        Self::Negative,
        Self::Failed,
        Self::Refused,
        Self::Reset,
        Self::Silent,
        Self::Late,
        Self::Cancelled,
    ];

    /// The word that reports, panel and steps use.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Answered => "answered",
            Self::Negative => "negative",
            Self::Failed => "failed",
            Self::Refused => "refused",
            Self::Reset => "reset",
            Self::Silent => "silent",
            Self::Late => "late",
            Self::Cancelled => "cancelled",
        }
    }

    /// The outcome with this word.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|outcome| outcome.word() == word)
    }

    /// Whether a server has settled the question, so that nobody else need be asked (RFC 2308, RFC 8020).
    #[must_use]
    pub const fn is_final(self) -> bool {
        matches!(self, Self::Answered | Self::Negative)
    }

    /// Whether a client may ask again (within its budget); never after a negative answer.
    #[must_use]
    pub const fn may_retry(self) -> bool {
        matches!(self, Self::Failed | Self::Reset | Self::Refused)
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.word())
    }
}
