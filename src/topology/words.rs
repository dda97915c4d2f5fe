//! The closed lists of words in a topology file, and what was probably meant by one that is not in
//! its list.
//!
//! Adding a policy, a role or a dialect to the format is one line here. The words that the format
//! names and this version does not have are listed beside, so that the answer is not "unknown" but
//! "not yet".

use super::model::{
    Accept, ClockKind, Dialect, HeartbeatMode, NoMajority, OnMiss, Pace, Policy, Propagation,
    ReadFrom, Role, Scheme, Wire,
};
use crate::base::Shown;
use crate::message::{CatchUp, DiskKind, Flaw, Shape};

/// A value that is written as one word of a closed list.
pub trait Choice: Copy + PartialEq + 'static {
    /// What the words name, for sentences: "policy".
    const WHAT: &'static str;
    /// Every word, in the order in which they are offered.
    const ALL: &'static [(&'static str, Self)];
    /// Words that the format has and this version does not.
    const LATER: &'static [&'static str] = &[];
    /// What stands before the list of all words.
    const OFFER: &'static str = "there are";

    /// The word of this value.
    #[must_use]
    fn word_of(self) -> &'static str {
        Self::ALL.iter().find(|(_, value)| *value == self).map_or("?", |(word, _)| word)
    }
}

macro_rules! choice {
    ($type:ty, $what:literal, [$($word:literal => $value:expr),+ $(,)?]
     $(, later [$($later:literal),*])?) => {
        impl Choice for $type {
            const WHAT: &'static str = $what;
            const ALL: &'static [(&'static str, Self)] = &[$(($word, $value)),+];
            $(const LATER: &'static [&'static str] = &[$($later),*];)?
        }
    };
}

choice!(Role, "role", [
    "client" => Self::Client,
    "ls" => Self::Ls,
    "ts" => Self::Ts,
    "replica" => Self::Replica,
]);
choice!(Dialect, "dialect", [
    "first-2021" => Self::First2021,
    "first-2023" => Self::First2023,
    "sticky-2021" => Self::Sticky2021,
]);
choice!(Policy, "policy", [
    "race" => Self::Race,
    "gather" => Self::Gather,
    "batch" => Self::Batch,
    "failover" => Self::Failover,
    "hedge" => Self::Hedge,
    "tied" => Self::Tied,
    "round-robin" => Self::RoundRobin,
    "sticky" => Self::Sticky,
    "hash" => Self::Hash,
    "two-choices" => Self::TwoChoices,
]);
choice!(Accept, "way to settle a race", [
    "first-final" => Self::FirstFinal,
    "first-positive" => Self::FirstPositive,
]);
choice!(OnMiss, "way to meet a name that is not in the table", [
    "silent" => Self::Silent,
    "negative" => Self::Negative,
]);
choice!(Pace, "pace of a client", ["serial" => Self::Serial, "pipelined" => Self::Pipelined]);
choice!(Shape, "distribution", [
    "uniform" => Self::Uniform,
    "constant" => Self::Constant,
    "exponential" => Self::Exponential,
    "heavy-tail" => Self::HeavyTail,
]);
choice!(Scheme, "scheme", [
    "primary-backup" => Self::PrimaryBackup,
    "active" => Self::Active,
], later ["raft"]);
choice!(HeartbeatMode, "mode of heartbeats", ["pull" => Self::Pull, "push" => Self::Push]);
choice!(Propagation, "way to propagate", [
    "async" => Self::Async,
    "sync" => Self::Sync,
    "sync-deadlock" => Self::SyncDeadlock,
]);
choice!(CatchUp, "way to catch up", ["state" => Self::State, "log" => Self::Log]);
choice!(ClockKind, "clock of replicas", [
    "count" => Self::Count,
    "time" => Self::Time,
    "digest" => Self::Digest,
    "vector" => Self::Vector,
]);
choice!(DiskKind, "kind of disk", ["sqlite" => Self::Sqlite, "rewrite" => Self::Rewrite]);
choice!(ReadFrom, "way to read", [
    "leader" => Self::Leader,
    "any" => Self::Any,
    "majority" => Self::Majority,
    "all" => Self::All,
]);
choice!(NoMajority, "way to go on without a majority", [
    "first" => Self::First,
    "refuse" => Self::Refuse,
]);
choice!(Flaw, "flaw", [
    "glued-names" => Self::GluedNames,
    "answers-by-arrival" => Self::AnswersByArrival,
    "socket-timer" => Self::SocketTimer,
    "serial-timeouts" => Self::SerialTimeouts,
    "eof-is-answer" => Self::EofIsAnswer,
    "no-failover" => Self::NoFailover,
    "full-window" => Self::FullWindow,
    "cannot-stop" => Self::CannotStop,
    "timeout-crashes" => Self::TimeoutCrashes,
    "one-at-a-time" => Self::OneAtATime,
    "crash-spreads" => Self::CrashSpreads,
    "serves-early" => Self::ServesEarly,
    "same-lie" => Self::SameLie,
    "fresh-ids" => Self::FreshIds,
    "stop-at-two" => Self::StopAtTwo,
    "reconnect-storm" => Self::ReconnectStorm,
]);

impl Choice for Wire {
    const WHAT: &'static str = "wire";
    const ALL: &'static [(&'static str, Self)] =
        &[("line", Self::Line), ("json", Self::Json), ("dns", Self::Dns)];
    const LATER: &'static [&'static str] = &[];
    const OFFER: &'static str = "this version speaks:";
}

/// How fast the lab's clock starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClockPace {
    /// One lab second each second.
    Real,
    /// The rate follows what there is to see.
    Auto,
}

choice!(ClockPace, "pace of the lab", ["real" => Self::Real, "auto" => Self::Auto]);

/// The value of a word.
///
/// # Errors
/// What is wrong, and what would be right.
pub fn choose<T: Choice>(word: &str) -> Result<T, (String, String)> {
    if let Some((_, value)) = T::ALL.iter().find(|(known, _)| *known == word) {
        return Ok(*value);
    }
    let all = list(T::ALL.iter().map(|(word, _)| *word));
    let offer = format!("{} {all}", T::OFFER);
    if T::LATER.contains(&word) {
        let message = format!("the {} `{word}` is not in this version", T::WHAT);
        return Err((message, offer));
    }
    let message = format!("{} is no {}", quoted(word), T::WHAT);
    let help = match nearest(word, T::ALL.iter().map(|(word, _)| *word)) {
        Some(near) => {
            let (first, rest) = offer.split_at(1);
            format!("did you mean `{near}`? {}{rest}", first.to_ascii_uppercase())
        }
        None => offer,
    };
    Err((message, help))
}

/// Which roles have a flaw.
#[must_use]
pub fn roles_of(flaw: Flaw) -> &'static [Role] {
    match flaw {
        Flaw::GluedNames | Flaw::AnswersByArrival => &[Role::Client, Role::Ls],
        Flaw::SocketTimer
        | Flaw::SerialTimeouts
        | Flaw::EofIsAnswer
        | Flaw::NoFailover
        | Flaw::FullWindow
        | Flaw::CannotStop
        | Flaw::TimeoutCrashes
        | Flaw::OneAtATime => &[Role::Ls],
        Flaw::CrashSpreads | Flaw::ServesEarly | Flaw::SameLie => &[Role::Replica],
        Flaw::FreshIds | Flaw::StopAtTwo | Flaw::ReconnectStorm => &[Role::Client],
    }
}

/// Whether only clients of replicas have a flaw (true), or only the others (false).
#[must_use]
pub fn of_a_store_client(flaw: Flaw) -> Option<bool> {
    match flaw {
        Flaw::FreshIds | Flaw::StopAtTwo | Flaw::ReconnectStorm => Some(true),
        Flaw::GluedNames | Flaw::AnswersByArrival => Some(false),
        _ => None,
    }
}

/// What was probably meant: the nearest of the known words, if one is near enough to be worth
/// naming.
#[must_use]
pub fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    // Distances of long words cost time and say nothing.
    if word.len() > 64 {
        return None;
    }
    let fold = |text: &str| text.to_ascii_lowercase().replace('_', "-");
    let wanted = fold(word);
    known
        .into_iter()
        .map(|candidate| {
            let folded = fold(candidate);
            let distance = strsim::damerau_levenshtein(&wanted, &folded);
            let longer = wanted.len().max(folded.len());
            let starts_alike = wanted.len() >= 4 && folded.starts_with(&wanted);
            (distance, distance <= 1.max(longer / 3) || starts_alike, candidate)
        })
        .filter(|(distance, near, candidate)| *near && *distance < candidate.len().max(2))
        .min_by_key(|(distance, _, _)| *distance)
        .map(|(_, _, candidate)| candidate)
}

/// A word as sentences quote it: made safe, and cut where it is too long to read.
#[must_use]
pub fn quoted(word: &str) -> String {
    format!("`{}`", Shown::short(word, 40))
}

/// `race, batch, failover`.
#[must_use]
pub fn list<'a>(words: impl IntoIterator<Item = &'a str>) -> String {
    words.into_iter().collect::<Vec<_>>().join(", ")
}

/// `race,batch,failover`, as a value is written.
#[must_use]
pub fn list_tight<'a>(words: impl IntoIterator<Item = &'a str>) -> String {
    words.into_iter().collect::<Vec<_>>().join(",")
}

/// `an LS`, `a TS`, `a client`.
#[must_use]
pub const fn a_role(role: Role) -> &'static str {
    match role {
        Role::Client => "a client",
        Role::Ls => "an LS",
        Role::Ts => "a TS",
        Role::Replica => "a replica",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_are_those_of_the_model() {
        for policy in Policy::ALL {
            assert_eq!(policy.word_of(), policy.word());
        }
        for flaw in Flaw::ALL {
            assert_eq!(flaw.word_of(), flaw.word());
        }
        for role in [Role::Client, Role::Ls, Role::Ts, Role::Replica] {
            assert_eq!(role.word_of(), role.word());
        }
        for wire in Wire::ALL {
            assert_eq!(wire.word_of(), wire.word());
        }
        assert_eq!(Wire::ALL.len(), <Wire as Choice>::ALL.len());
        assert_eq!(Policy::ALL.len(), <Policy as Choice>::ALL.len());
        assert_eq!(Flaw::ALL.len(), <Flaw as Choice>::ALL.len());
    }

    #[test]
    fn a_slip_of_the_finger_is_understood_and_nonsense_is_not() {
        let keys = ["upstreams", "policy", "timeout", "at"];
        assert_eq!(nearest("upstream", keys), Some("upstreams"));
        assert_eq!(nearest("ploicy", keys), Some("policy"));
        assert_eq!(nearest("Time_Out", keys), Some("timeout"));
        assert_eq!(nearest("xyzzy", keys), None);
        assert_eq!(nearest("", keys), None);
    }

    #[test]
    fn a_word_of_a_later_version_is_not_called_unknown() {
        let (message, help) = choose::<Scheme>("raft").unwrap_err();
        assert_eq!(message, "the scheme `raft` is not in this version");
        assert!(help.contains("primary-backup, active"));
        let (_, help) = choose::<Wire>("lines").unwrap_err();
        assert_eq!(help, "did you mean `line`? This version speaks: line, json, dns");
        let (message, help) = choose::<Policy>("round_robin").unwrap_err();
        assert_eq!(message, "`round_robin` is no policy");
        assert!(help.starts_with("did you mean `round-robin`?"));
    }
}
