//! The confessions: mistakes of real course programs, each a named setting that can be switched on and off.

use serde::{Deserialize, Serialize};
use std::fmt;

/// One confessed mistake of a node. Off by default; the course topologies start with theirs on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[repr(u8)]
pub enum Flaw {
    /// Client, LS: several names go out in one write with nothing between them, so the reader sees one long name.
    GluedNames,
    /// LS, client: an answer is given to the question that has waited longest on that connection, whatever it says;
    /// a late answer is then handed to the next question.
    AnswersByArrival,
    /// LS: one timer for each client connection, started by a question and never stopped by its answer.
    SocketTimer,
    /// LS: the upstreams of a race are awaited one after the other, each for the full timeout.
    SerialTimeouts,
    /// LS: end of file or reset from a TS counts as its (empty) answer and wins the race.
    EofIsAnswer,
    /// LS: a TS that is down is asked all the same and its questions time out; nobody else is asked.
    NoFailover,
    /// LS in batches: the window is waited out although every answer is in.
    FullWindow,
    /// LS: `stop` changes nothing; it spins until it is killed.
    CannotStop,
    /// LS: the code that handles a timeout was never run before, and panics.
    TimeoutCrashes,
    /// LS: a TS is sent the next question only after it has answered the last.
    OneAtATime,
    /// Replica: an error on the connection to another replica is caught by nobody, and the process dies of it.
    CrashSpreads,
    /// Replica: it serves, and counts as current, before it has been brought up to date.
    ServesEarly,
    /// Replica: when it lies, it tells the very lie that every other liar with this flaw tells.
    SameLie,
    /// Client of the store: each attempt bears an id of its own, so that a retry is done again.
    FreshIds,
    /// Client of the store: as soon as two replicas have agreed, the third is not waited for and not asked again.
    StopAtTwo,
    /// Client of the store: lost connections are all tried again at once, at fixed times.
    ReconnectStorm,
}

impl Flaw {
    /// Every flaw.
    pub const ALL: [Self; 16] = [
        Self::GluedNames,
        Self::AnswersByArrival,
        Self::SocketTimer,
        Self::SerialTimeouts,
        Self::EofIsAnswer,
        Self::NoFailover,
        Self::FullWindow,
        Self::CannotStop,
        Self::TimeoutCrashes,
        Self::OneAtATime,
        Self::CrashSpreads,
        Self::ServesEarly,
        Self::SameLie,
        Self::FreshIds,
        Self::StopAtTwo,
        Self::ReconnectStorm,
    ];

    /// The name in topology files and commands.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::GluedNames => "glued-names",
            Self::AnswersByArrival => "answers-by-arrival",
            Self::SocketTimer => "socket-timer",
            Self::SerialTimeouts => "serial-timeouts",
            Self::EofIsAnswer => "eof-is-answer",
            Self::NoFailover => "no-failover",
            Self::FullWindow => "full-window",
            Self::CannotStop => "cannot-stop",
            Self::TimeoutCrashes => "timeout-crashes",
            Self::OneAtATime => "one-at-a-time",
            Self::CrashSpreads => "crash-spreads",
            Self::ServesEarly => "serves-early",
            Self::SameLie => "same-lie",
            Self::FreshIds => "fresh-ids",
            Self::StopAtTwo => "stop-at-two",
            Self::ReconnectStorm => "reconnect-storm",
        }
    }

    /// The flaw with this name.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|flaw| flaw.word() == word)
    }
}

/// A set of flaws.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Flaws(u32);

impl Flaws {
    /// No flaw at all.
    pub const NONE: Self = Self(0);

    /// Whether this flaw is on.
    #[must_use]
    pub const fn has(self, flaw: Flaw) -> bool {
        self.0 & (1 << flaw as u8) != 0
    }

    /// The set with one flaw switched on or off.
    #[must_use]
    pub const fn with(self, flaw: Flaw, on: bool) -> Self {
        let bit = 1 << flaw as u8;
        Self(if on { self.0 | bit } else { self.0 & !bit })
    }

    /// The set with these flaws switched on and those switched off.
    #[must_use]
    pub const fn changed(self, on: Self, off: Self) -> Self {
        Self((self.0 | on.0) & !off.0)
    }

    /// The flaws that are on, in the order of [`Flaw::ALL`].
    pub fn iter(self) -> impl Iterator<Item = Flaw> {
        Flaw::ALL.into_iter().filter(move |flaw| self.has(*flaw))
    }

    /// Whether none is on.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }
}

impl FromIterator<Flaw> for Flaws {
    fn from_iter<I: IntoIterator<Item = Flaw>>(flaws: I) -> Self {
        flaws.into_iter().fold(Self::NONE, |set, flaw| set.with(flaw, true))
    }
}

/// `glued-names,socket-timer`, or `none`.
impl fmt::Display for Flaws {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_empty() {
            return f.write_str("none");
        }
        for (at, flaw) in self.iter().enumerate() {
            if at > 0 {
                f.write_str(",")?;
            }
            f.write_str(flaw.word())?;
        }
        Ok(())
    }
}
