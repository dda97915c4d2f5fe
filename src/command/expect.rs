//! What must hold after a step's commands, as a value.

use crate::base::NodeId;
use crate::message::{HostName, Outcome};
use std::time::Duration;

/// One thing that must hold within its time after the step's commands were given.
#[derive(Debug, Clone, PartialEq)]
pub enum Expectation {
    /// `query CLIENT [NAME] ends OUTCOME [within TIME]`.
    QueryEnds {
        /// Who asked.
        client: NodeId,
        /// What; none for any name.
        name: Option<HostName>,
        /// How it must end.
        outcome: Outcome,
        /// By when.
        within: Duration,
    },
}
