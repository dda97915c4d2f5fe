//! One operation under way: who has been asked, what each has said, and what that adds up to.
//!
//! It sends nothing and notes nothing.

use crate::base::NodeId;
use crate::message::{OpId, Operation, StoreSaid};
use std::collections::BTreeMap;

/// What is known of one replica for one operation.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) enum Stand {
    /// It is to be asked as soon as its connection stands.
    #[default]
    Wanted,
    /// It was asked and has not answered.
    Asked,
    /// Nobody is there, or the connection died.
    Gone,
    /// It carried the operation out.
    Did(StoreSaid),
    /// It did not carry it out, and said so.
    Declined(StoreSaid),
}

/// One replica, for one operation.
#[derive(Debug, Default)]
pub(super) struct Ballot {
    pub(super) stand: Stand,
    /// How often it was asked.
    pub(super) times: u32,
    /// Askings that it has never answered: it may have done what was asked.
    pub(super) unanswered: u32,
}

/// Whether an operation has its verdict.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Given {
    /// Not yet.
    NotYet,
    /// It failed, or nobody knows.
    WithoutAnswer,
    /// This is the answer.
    Answer(StoreSaid),
}

/// How an operation is brought to the replicas.
#[derive(Debug)]
pub(super) enum Way {
    /// One replica after the other.
    One(Search),
    /// All of them at once.
    All,
}

/// The search for the one replica that carries an operation out.
#[derive(Debug, Default)]
pub(super) struct Search {
    /// Whom it waits for; none while it pauses between two rounds.
    pub(super) at: Option<NodeId>,
    /// Who has had a turn in this round.
    pub(super) tried: Vec<NodeId>,
    /// Whom somebody named in this round.
    pub(super) named: Option<NodeId>,
    /// What somebody who would not do it said in this round.
    pub(super) declined: Option<(NodeId, StoreSaid)>,
    /// Whether everybody tried in this round refused the connection.
    pub(super) all_refused: bool,
    /// Where a round begins, if not at the leader (`reads = "any"`).
    pub(super) begins_at: Option<NodeId>,
    pub(super) attempts: u32,
}

/// An operation under way.
#[derive(Debug)]
pub(super) struct Call {
    pub(super) operation: Operation,
    /// The identity it bears at present; the numbers of all that it has borne.
    pub(super) id: OpId,
    pub(super) numbers: Vec<u64>,
    pub(super) way: Way,
    pub(super) ballots: BTreeMap<NodeId, Ballot>,
    /// Who carried it out, in the order of their answers.
    pub(super) votes: Vec<NodeId>,
    pub(super) verdict: Given,
}

impl Call {
    pub(super) fn ballot(&mut self, replica: NodeId) -> &mut Ballot {
        self.ballots.entry(replica).or_default()
    }

    /// What a replica said, if it carried the operation out.
    pub(super) fn vote_of(&self, replica: NodeId) -> Option<&StoreSaid> {
        match &self.ballots.get(&replica)?.stand {
            Stand::Did(said) => Some(said),
            _ => None,
        }
    }

    /// Whether it may have been carried out although nobody has said so.
    pub(super) fn may_be_done(&self) -> bool {
        self.ballots.values().any(|ballot| ballot.unanswered > 0)
    }

    /// Whether it has its verdict.
    pub(super) fn is_concluded(&self) -> bool {
        self.verdict != Given::NotYet
    }

    /// Whether it was ever sent to anybody.
    pub(super) fn was_sent(&self) -> bool {
        self.ballots.values().any(|ballot| ballot.times > 0)
    }

    /// Whether nobody is left from whom an answer may still come.
    pub(super) fn is_complete(&self, asks: impl IntoIterator<Item = NodeId>) -> bool {
        asks.into_iter().all(|replica| {
            let stand = self.ballots.get(&replica).map(|ballot| &ballot.stand);
            matches!(stand, Some(Stand::Gone | Stand::Did(_) | Stand::Declined(_)))
        })
    }

    /// Whether every replica has carried it out.
    pub(super) fn all_did(&self, asks: impl IntoIterator<Item = NodeId>) -> bool {
        asks.into_iter().all(|replica| self.vote_of(replica).is_some())
    }

    /// Those who said the same as this one, in the order of their answers.
    pub(super) fn agree_with(&self, said: &StoreSaid) -> Vec<NodeId> {
        let same = |replica: &&NodeId| self.vote_of(**replica) == Some(said);
        self.votes.iter().filter(same).copied().collect()
    }

    /// What at least `needed` replicas agree on. Of several (there can be none if `needed` is more than half) the one
    /// that was said first.
    pub(super) fn majority(&self, needed: usize) -> Option<(StoreSaid, Vec<NodeId>)> {
        self.votes.iter().find_map(|replica| {
            let said = self.vote_of(*replica)?;
            let agreed = self.agree_with(said);
            (agreed.len() >= needed).then(|| (said.clone(), agreed))
        })
    }

    /// The first who would not do it, and what it said.
    pub(super) fn declined(&self) -> Option<(NodeId, StoreSaid)> {
        self.ballots.iter().find_map(|(replica, ballot)| match &ballot.stand {
            Stand::Declined(said) => Some((*replica, said.clone())),
            _ => None,
        })
    }
}
