//! The verdict on a store: its promises were kept, or broken, or nothing can be said.

use super::Audit;
use crate::base::LabTime;

/// Fewer acknowledged writes than this prove nothing (etcd's rule of a minimal rate for its robustness tests).
pub const ACKED_MIN: u64 = 20;

/// What can be said of a store at the end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Verdict {
    /// Enough happened, and no promise was broken.
    Valid,
    /// Too little happened, or evidence is missing.
    Unknown,
    /// A promise was broken.
    Invalid,
}

impl Verdict {
    /// The word of reports.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Valid => "valid",
            Self::Unknown => "unknown",
            Self::Invalid => "invalid",
        }
    }
}

/// A reason for a verdict, as a value; the words are the report's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// So many acknowledged writes are gone.
    Lost(u64),
    /// So many operations were applied more than once.
    Dup(u64),
    /// So many reads missed what had been acknowledged before them.
    Stale(u64),
    /// So many reads gave what no log ever held.
    Wrong(u64),
    /// So many pairs of living replicas contradict each other.
    Diverged(u64),
    /// So often two acknowledged in one term.
    SameTerm(u64),
    /// So many events are missing.
    Missed(u64),
    /// Only so many writes were acknowledged.
    TooFew(u64),
}

impl Audit {
    /// The verdict on all stores, with its reasons; those of a worse verdict alone.
    #[must_use]
    pub fn verdict(&self) -> (Verdict, Vec<Reason>) {
        let figures = self.figures();
        let told = |all: &[(u64, Reason)]| -> Vec<Reason> {
            all.iter().filter(|(count, _)| *count > 0).map(|(_, reason)| *reason).collect()
        };
        let broken = told(&[
            (figures.lost, Reason::Lost(figures.lost)),
            (figures.dup, Reason::Dup(figures.dup)),
            (figures.stale, Reason::Stale(figures.stale)),
            (figures.wrong, Reason::Wrong(figures.wrong)),
            (figures.diverged, Reason::Diverged(figures.diverged)),
            (figures.same_term, Reason::SameTerm(figures.same_term)),
        ]);
        if !broken.is_empty() {
            return (Verdict::Invalid, broken);
        }
        let mut doubts = told(&[(self.missed, Reason::Missed(self.missed))]);
        if figures.acked < ACKED_MIN {
            doubts.push(Reason::TooFew(figures.acked));
        }
        let verdict = if doubts.is_empty() { Verdict::Valid } else { Verdict::Unknown };
        (verdict, doubts)
    }

    /// How long split brains lasted, in all groups, up to now.
    #[must_use]
    pub fn split_lasted(&self, now: LabTime) -> std::time::Duration {
        self.groups().map(|group| group.split_lasted(now)).sum()
    }

    /// How long nobody served writes, in all groups, up to now.
    #[must_use]
    pub fn unserved(&self, now: LabTime) -> std::time::Duration {
        self.groups().map(|group| group.unserved(now)).sum()
    }
}
