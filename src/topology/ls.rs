//! How an LS is set: its policy, the settings of every policy, and what it makes of its upstreams' health.

use crate::base::{NodeId, units};
use crate::message::Flaws;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::time::Duration;

/// How an LS chooses whom to ask.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Policy {
    /// All at once, the first answer wins.
    #[default]
    Race,
    /// All at once, and the answer is complete when the last of them has spoken (fan-out).
    Gather,
    /// All at once for a whole window of names; what has no answer when it closes is told to be missing.
    Batch,
    /// One after the other: the next when one fails or stays silent.
    Failover,
    /// One in turn, and the next as well when that one is slow (hedged requests; Dean and Barroso 2013).
    Hedge,
    /// Two at once, and whoever begins first has the other one cancelled (tied requests; Dean and Barroso 2013).
    Tied,
    /// In turn, one for each question.
    RoundRobin,
    /// A new name in turn, a known name always the same one.
    Sticky,
    /// The one whose name and the question's together have the highest weight (rendezvous hashing; Thaler and
    /// Ravishankar 1998).
    Hash,
    /// Of two drawn at random the one that has less to do (Mitzenmacher 2001).
    TwoChoices,
}

impl Policy {
    /// Every policy, in the order in which they are offered.
    pub const ALL: [Self; 10] = [
        Self::Race,
        Self::Gather,
        Self::Batch,
        Self::Failover,
        Self::Hedge,
        Self::Tied,
        Self::RoundRobin,
        Self::Sticky,
        Self::Hash,
        Self::TwoChoices,
    ];

    /// The word in files and commands.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Race => "race",
            Self::Gather => "gather",
            Self::Batch => "batch",
            Self::Failover => "failover",
            Self::Hedge => "hedge",
            Self::Tied => "tied",
            Self::RoundRobin => "round-robin",
            Self::Sticky => "sticky",
            Self::Hash => "hash",
            Self::TwoChoices => "two-choices",
        }
    }

    /// The policy with this word.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|policy| policy.word() == word)
    }
}

/// Whether a fast "there is none" settles a race.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Accept {
    /// The first answer that settles the question, positive or negative (servers that know the same names).
    #[default]
    FirstFinal,
    /// The first address; negative only when every upstream says so (servers that each know a part).
    FirstPositive,
}

/// How long an upstream may take before another is asked as well.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum HedgeAfter {
    /// This long.
    Time(Duration),
    /// As long as all but this many in a hundred of the last answers took.
    Percentile(u8),
}

impl HedgeAfter {
    /// Reads `95ms`, or `p95`.
    ///
    /// # Errors
    /// What would be right.
    pub fn parse(text: &str) -> Result<Self, String> {
        let Some(digits) = text.strip_prefix('p') else {
            return units::duration(text).map(Self::Time);
        };
        match digits.parse::<u8>() {
            Ok(percent @ 50..=99) => Ok(Self::Percentile(percent)),
            _ => Err(format!("`{text}` is no percentile: write one from p50 to p99")),
        }
    }
}

/// As [`HedgeAfter::parse`] reads it.
impl fmt::Display for HedgeAfter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Time(time) => f.write_str(&units::exact(*time)),
            Self::Percentile(percent) => write!(f, "p{percent}"),
        }
    }
}

/// When an upstream is left alone, and when it is taken back (outlier ejection).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Health {
    /// Ejected after so many failures in a row.
    pub fall: u32,
    /// Taken back after so many successes in a row.
    pub rise: u32,
    /// How long it is left alone before it is tried again.
    pub eject_for: Duration,
    /// How often each is asked something for its own sake, if it is.
    pub check_every: Option<Duration>,
    /// Ejected, too, when its answers take so many times as long as those of the others; 0 for never (latency-induced
    /// probation; Dean and Barroso 2013).
    pub probation: u32,
}

impl Health {
    /// What holds where only a part is stated: the usual figures of proxies (5 failures, 30 s) made short enough for a
    /// lecture.
    pub const USUAL: Self = Self {
        fall: 2,
        rise: 2,
        eject_for: Duration::from_secs(5),
        check_every: None,
        probation: 0,
    };
}

/// A load-balancing server. The settings of all policies are always there, so that the policy can be changed while it
/// runs; a file may only state those of its own policy.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a switch of the file, and none implies another"
)]
pub struct LsConfig {
    /// Whom it asks, in order.
    pub upstreams: Vec<NodeId>,
    /// How it chooses.
    pub policy: Policy,
    /// What an unanswered question costs.
    pub timeout: Duration,
    /// `race`: what settles it.
    pub accept: Accept,
    /// `batch`: how long the window stays open.
    pub window: Duration,
    /// `batch`: whether it closes when the last answer is in.
    pub early_end: bool,
    /// Policies that ask one after the other: how long one upstream may take before the next is asked.
    pub failover_after: Duration,
    /// `round-robin`, `sticky`, `hash`, `two-choices`: whether another upstream is asked after a failure or silence.
    pub failover: bool,
    /// `gather`: whether the next upstream is asked for the part of a slow one.
    pub hedge: bool,
    /// `hedge`, and `gather` where it hedges: how long one upstream may take before another is asked as well.
    pub hedge_after: HedgeAfter,
    /// The same as long as too few answers were seen for a percentile.
    pub hedge_at_first: Duration,
    /// The same: how many questions more upstreams are sent for it at most, as a share; with 1 there is no limit.
    pub hedge_budget: f64,
    /// Ejection, if it is on.
    pub health: Option<Health>,
    /// Whether a DNS question that is being asked already joins that race.
    pub merge: bool,
    /// How long it waits before it tries a lost connection again.
    pub reconnect: Duration,
    /// Whether its questions bear correlation ids.
    pub ids: bool,
    /// Confessions that are on.
    pub flaws: Flaws,
}

impl Default for LsConfig {
    /// What holds where a file says nothing.
    fn default() -> Self {
        Self {
            upstreams: Vec::new(),
            policy: Policy::default(),
            // What silence costs in the course.
            timeout: Duration::from_secs(5),
            accept: Accept::default(),
            // The window of the course's batches.
            window: Duration::from_secs(3),
            early_end: false,
            // Long enough for a slow answer, short enough to leave time for the next upstream.
            failover_after: Duration::from_secs(1),
            failover: true,
            hedge: false,
            // The figures of "The Tail at Scale": about one question in twenty is hedged.
            hedge_after: HedgeAfter::Percentile(95),
            hedge_at_first: Duration::from_millis(100),
            hedge_budget: 0.1,
            health: None,
            merge: false,
            // How long a lost connection rests.
            reconnect: Duration::from_secs(1),
            ids: false,
            flaws: Flaws::NONE,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_or_a_percentile_is_read_as_it_is_written() {
        for text in ["95ms", "0ns", "p95", "p99"] {
            let read = HedgeAfter::parse(text).unwrap();
            assert_eq!(HedgeAfter::parse(&read.to_string()), Ok(read), "{text}");
        }
        for bad in ["p", "p0", "p100", "95", "p9x", "q95", ""] {
            assert!(HedgeAfter::parse(bad).is_err(), "{bad}");
        }
    }
}
