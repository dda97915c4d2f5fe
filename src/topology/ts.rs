//! How name servers are set.

use super::records::Records;
use crate::base::NodeId;
use crate::message::{Flaws, Shape};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// What a TS does when it has no entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OnMiss {
    /// Nothing at all, as in the course.
    #[default]
    Silent,
    /// It says that it has none.
    Negative,
}

/// How long a TS works on a question.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub enum Service {
    /// Always this long.
    Constant(Duration),
    /// This long on average, distributed like this around it.
    Shaped(Duration, Shape),
    /// Log-normal through these two percentiles.
    Percentiles {
        /// Half of the questions take at most this long.
        p50: Duration,
        /// All but one in a hundred take at most this long.
        p99: Duration,
    },
    /// Mostly `usual`, but a share of questions takes `slow`.
    SlowShare {
        /// The usual time.
        usual: Duration,
        /// The slow time.
        slow: Duration,
        /// The share of slow questions, 0 to 1.
        share: f64,
    },
}

impl Default for Service {
    fn default() -> Self {
        Self::Constant(Duration::ZERO)
    }
}

/// A name server.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct TsConfig {
    /// Its table.
    pub records: Records,
    /// The replicas that hold what is not in its table, in order; it asks them as a client of the store does.
    pub store: Vec<NodeId>,
    /// How long it waits for them.
    pub patience: Patience,
    /// What it does without an entry.
    pub on_miss: OnMiss,
    /// How long it takes.
    pub responds: Service,
    /// Whether it answers wrongly.
    pub lie: bool,
    /// How many questions it works on at once; none for any number.
    pub workers: Option<u32>,
    /// How many may wait for a worker before it says that it cannot.
    pub queue: u32,
    /// Confessions that are on.
    pub flaws: Flaws,
}

/// How long a TS waits for its store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Patience {
    /// How long one replica may take before the next is asked.
    pub request_timeout: Duration,
    /// How long the store may take in all.
    pub timeout: Duration,
    /// How long a lost replica is left alone.
    pub reconnect: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            request_timeout: Duration::from_secs(1),
            // Less than the five seconds after which the course's LS gives up.
            timeout: Duration::from_secs(4),
            reconnect: Duration::from_secs(1),
        }
    }
}
