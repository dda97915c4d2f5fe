//! What must hold after a step's commands, as a value. Judging it is the script's business.

use super::expect_store::StoreExpectation;
use crate::base::NodeId;
use crate::message::{Belief, HostName, Outcome};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use std::time::Duration;

/// How long an expectation has when it does not say: counted from the moment the step's commands began.
pub const WITHIN_DEFAULT: Duration = Duration::from_secs(10);

/// One thing that must hold within its time after the step's commands were given.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Expectation {
    /// `query CLIENT [NAME] ends OUTCOME [from NODE] [as ADDRESS] [after TIME] [within TIME]`: some question that the
    /// client asked in this step ends like this.
    QueryEnds {
        /// Who asked.
        client: NodeId,
        /// What; none for any name.
        name: Option<HostName>,
        /// How it must end.
        outcome: Outcome,
        /// Whose answer it must be: the server that the client asked, or the one behind it.
        from: Option<NodeId>,
        /// The address it must be told.
        address: Option<Arc<str>>,
        /// Not sooner than this.
        after: Option<Duration>,
        /// By when.
        within: Duration,
    },
    /// `batch CLIENT answers N of M [within TIME]`: a list that began in this step ends with so many addresses.
    BatchAnswers {
        /// Whose list.
        client: NodeId,
        /// How many names have an address.
        answered: u64,
        /// How many names there are.
        names: u64,
        /// By when.
        within: Duration,
    },
    /// `count WHO WHAT OP N [within TIME]`: so many of these happened since the step's commands began.
    Count {
        /// At which node; none for the whole lab.
        who: Option<NodeId>,
        /// What is counted.
        what: Counted,
        /// How it compares.
        compare: Compare,
        /// With what.
        figure: u64,
        /// By when.
        within: Duration,
    },
    /// `node NODE is STATE [within TIME]`: in truth.
    NodeIs {
        /// Which node.
        node: NodeId,
        /// Its state.
        condition: Condition,
        /// By when.
        within: Duration,
    },
    /// `belief A of B is up|suspect|down [within TIME]`: what a node believes, true or not.
    BeliefIs {
        /// Who believes.
        holder: NodeId,
        /// Of whom.
        about: NodeId,
        /// What.
        belief: Belief,
        /// By when.
        within: Duration,
    },
    /// `A ejects B [within TIME]`: it stops asking that upstream in this step.
    Ejects {
        /// Who.
        node: NodeId,
        /// Which upstream.
        upstream: NodeId,
        /// By when.
        within: Duration,
    },
    /// `A restores B [within TIME]`: it asks that upstream again.
    Restores {
        /// Who.
        node: NodeId,
        /// Which upstream.
        upstream: NodeId,
        /// By when.
        within: Duration,
    },
    /// `sticky LS NAME at TS [within TIME]`: the name has its place there.
    Sticky {
        /// Whose table.
        node: NodeId,
        /// Which name.
        name: HostName,
        /// Where it sticks.
        upstream: NodeId,
        /// By when.
        within: Duration,
    },
    /// Something about a store: operations, leaders, what is lost.
    Store {
        /// What.
        what: StoreExpectation,
        /// By when.
        within: Duration,
    },
}

impl Expectation {
    /// By when it must hold, counted from the moment the step's commands began.
    #[must_use]
    pub const fn within(&self) -> Duration {
        match self {
            Self::QueryEnds { within, .. }
            | Self::BatchAnswers { within, .. }
            | Self::Count { within, .. }
            | Self::NodeIs { within, .. }
            | Self::BeliefIs { within, .. }
            | Self::Ejects { within, .. }
            | Self::Restores { within, .. }
            | Self::Sticky { within, .. }
            | Self::Store { within, .. } => *within,
        }
    }
}

/// What `count` counts. At a client or an LS the ends of questions are its own verdicts. At a TS, `answered`,
/// `negative`, `failed` and `silent` are its own; `refused`, `reset`, `late`, `cancelled` and `unmatched` are what
/// those who asked it noted of it. In the whole lab (`all`) a question counts once, at whoever asked it first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Counted {
    /// Questions begun by a client (in the whole lab: by visitors too).
    Asked,
    /// Questions that arrived at an LS or a TS, operations that arrived at a replica.
    Taken,
    /// The most connections that came to it within a tenth of a second.
    Rush,
    /// Questions that ended like this; for `Late`, answers that came after the verdict.
    Ended(Outcome),
    /// Answers that belong to no question.
    Unmatched,
    /// Verdicts without an address although a TS has the name.
    Contradicted,
    /// Addresses that no table has for the asked name, from a TS that does not lie.
    Misgiven,
    /// Addresses that no table has for the asked name, from a TS that lies.
    Lies,
}

impl Counted {
    /// Everything that can be counted, in the order of the documentation.
    pub const ALL: [Self; 15] = [
        Self::Asked,
        Self::Taken,
        Self::Rush,
        Self::Ended(Outcome::Answered),
        Self::Ended(Outcome::Negative),
        Self::Ended(Outcome::Failed),
        Self::Ended(Outcome::Refused),
        Self::Ended(Outcome::Reset),
        Self::Ended(Outcome::Silent),
        Self::Ended(Outcome::Late),
        Self::Ended(Outcome::Cancelled),
        Self::Unmatched,
        Self::Contradicted,
        Self::Misgiven,
        Self::Lies,
    ];

    /// The word in steps.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Asked => "asked",
            Self::Taken => "taken",
            Self::Rush => "rush",
            Self::Ended(outcome) => outcome.word(),
            Self::Unmatched => "unmatched",
            Self::Contradicted => "contradicted",
            Self::Misgiven => "misgiven",
            Self::Lies => "lies",
        }
    }

    /// What has this word.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|counted| counted.word() == word)
    }
}

/// How a count compares with its figure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Compare {
    /// `=`
    Equal,
    /// `!=`
    Unequal,
    /// `<`
    Less,
    /// `<=`
    AtMost,
    /// `>`
    More,
    /// `>=`
    AtLeast,
}

impl Compare {
    /// Every comparison; those of two characters stand before those that begin them.
    pub const ALL: [Self; 6] =
        [Self::AtMost, Self::AtLeast, Self::Unequal, Self::Equal, Self::Less, Self::More];

    /// The sign in steps.
    #[must_use]
    pub const fn sign(self) -> &'static str {
        match self {
            Self::Equal => "=",
            Self::Unequal => "!=",
            Self::Less => "<",
            Self::AtMost => "<=",
            Self::More => ">",
            Self::AtLeast => ">=",
        }
    }

    /// Whether a count holds against the figure.
    #[must_use]
    pub const fn holds(self, count: u64, figure: u64) -> bool {
        match self {
            Self::Equal => count == figure,
            Self::Unequal => count != figure,
            Self::Less => count < figure,
            Self::AtMost => count <= figure,
            Self::More => count > figure,
            Self::AtLeast => count >= figure,
        }
    }

    /// Whether a count that holds now holds for good: counts only grow.
    #[must_use]
    pub const fn is_lower_bound(self) -> bool {
        matches!(self, Self::More | Self::AtLeast)
    }
}

/// The state of a node, in the words of steps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Condition {
    /// Declared but never started.
    Off,
    /// It runs.
    Up,
    /// It stands still.
    Frozen,
    /// Told to stop, not ended yet.
    Stopping,
    /// Its process was killed.
    Killed,
    /// Its process died by itself.
    Crashed,
    /// Its host has no power.
    PoweredOff,
    /// Its disk cannot be read.
    Corrupt,
    /// It ended in good order.
    Stopped,
    /// Told to stop, it goes round in circles instead.
    Spinning,
}

impl Condition {
    /// Every state.
    pub const ALL: [Self; 10] = [
        Self::Off,
        Self::Up,
        Self::Frozen,
        Self::Stopping,
        Self::Killed,
        Self::Crashed,
        Self::PoweredOff,
        Self::Corrupt,
        Self::Stopped,
        Self::Spinning,
    ];

    /// The word in steps.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::Up => "up",
            Self::Frozen => "frozen",
            Self::Stopping => "stopping",
            Self::Killed => "killed",
            Self::Crashed => "crashed",
            Self::PoweredOff => "powered-off",
            Self::Corrupt => "corrupt",
            Self::Stopped => "stopped",
            Self::Spinning => "spinning",
        }
    }
}

/// The word of a belief in steps.
#[must_use]
pub const fn belief_word(belief: Belief) -> &'static str {
    match belief {
        Belief::Up => "up",
        Belief::Suspect => "suspect",
        Belief::Down => "down",
    }
}

/// Every belief.
pub const BELIEFS: [Belief; 3] = [Belief::Up, Belief::Suspect, Belief::Down];
