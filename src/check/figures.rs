//! What is counted of a store, over the whole run.

use super::op::Safety;
use crate::message::OpOutcome;
use std::time::Duration;

/// Counters of one group, or of all of them together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Figures {
    /// Operations that clients began.
    pub asked: u64,
    /// How the operations of clients ended, in the order of [`OpOutcome::ALL`].
    pub ended: [u64; OpOutcome::ALL.len()],
    /// Writes that were acknowledged: a client has concluded `ok`, or a replica has said so.
    pub acked: u64,
    /// Of those, how many every living replica has.
    pub on_all: u64,
    /// Of those, how many some living replica lacks, or only one has.
    pub at_risk: u64,
    /// Of those, how many no living replica has and none will get.
    pub lost: u64,
    /// The most that were ever lost at once.
    pub lost_max: u64,
    /// Reads that missed a write acknowledged before they began.
    pub stale: u64,
    /// Operations that some replica has applied more than once.
    pub dup: u64,
    /// Reads that gave what no log ever held.
    pub wrong: u64,
    /// Votes that differed from what was taken.
    pub outvoted: u64,
    /// Entries that were thrown away.
    pub discarded: u64,
    /// Retries that were recognised.
    pub recognised: u64,
    /// Who leads now, in truth.
    pub leaders: u64,
    /// The most that ever led at once.
    pub leaders_max: u64,
    /// Split brains that began.
    pub splits: u64,
    /// How long split brains lasted that are over.
    pub split_over: Duration,
    /// Two replicas acknowledged in the same term, with terms on.
    pub same_term: u64,
    /// Pairs of living replicas whose logs contradict each other now.
    pub diverged: u64,
    /// How often that began.
    pub divergences: u64,
    /// Elections that began.
    pub elections: u64,
    /// The highest term.
    pub term_max: u64,
    /// How long nobody served writes, as far as that is over.
    pub unserved_over: Duration,
    /// Suspicions of one that ran.
    pub false_suspicions: u64,
    /// Comparisons of two replicas each of which had something that the other lacked.
    pub concurrent: u64,
    /// Bytes that were shipped to bring replicas up to date.
    pub shipped: u64,
    /// Bytes that were written to disks.
    pub written: u64,
    /// Deaths and freezes that somebody noticed, each noticing once.
    pub detections: u64,
    /// The longest that took.
    pub detection_max: Duration,
    /// All of them together.
    pub detection_sum: Duration,
    /// Cycles of nodes that waited for each other.
    pub deadlocks: u64,
    /// What the deaths of leaders cost, as predicted at the moment of each.
    pub predicted: u64,
    /// The same by the formula, rate times lag, in thousandths of a write.
    pub predicted_by_rate_milli: u64,
}

impl Figures {
    /// How many operations of clients ended so.
    #[must_use]
    pub const fn ended(&self, outcome: OpOutcome) -> u64 {
        self.ended[outcome as usize]
    }

    pub(super) fn of(&mut self, safety: Safety) -> Option<&mut u64> {
        match safety {
            Safety::Unacked => None,
            Safety::OnAll => Some(&mut self.on_all),
            Safety::AtRisk => Some(&mut self.at_risk),
            Safety::Lost => Some(&mut self.lost),
        }
    }

    /// The figures of two groups together: sums, and the greater of what is a maximum.
    #[must_use]
    pub fn and(mut self, other: &Self) -> Self {
        for (mine, theirs) in self.ended.iter_mut().zip(other.ended) {
            *mine += theirs;
        }
        self.asked += other.asked;
        self.acked += other.acked;
        self.on_all += other.on_all;
        self.at_risk += other.at_risk;
        self.lost += other.lost;
        self.lost_max += other.lost_max;
        self.stale += other.stale;
        self.dup += other.dup;
        self.wrong += other.wrong;
        self.outvoted += other.outvoted;
        self.discarded += other.discarded;
        self.recognised += other.recognised;
        self.leaders = self.leaders.max(other.leaders);
        self.leaders_max = self.leaders_max.max(other.leaders_max);
        self.splits += other.splits;
        self.split_over += other.split_over;
        self.same_term += other.same_term;
        self.diverged += other.diverged;
        self.divergences += other.divergences;
        self.elections += other.elections;
        self.term_max = self.term_max.max(other.term_max);
        self.unserved_over += other.unserved_over;
        self.false_suspicions += other.false_suspicions;
        self.concurrent += other.concurrent;
        self.shipped += other.shipped;
        self.written += other.written;
        self.detections += other.detections;
        self.detection_max = self.detection_max.max(other.detection_max);
        self.detection_sum += other.detection_sum;
        self.deadlocks += other.deadlocks;
        self.predicted += other.predicted;
        self.predicted_by_rate_milli += other.predicted_by_rate_milli;
        self
    }
}
