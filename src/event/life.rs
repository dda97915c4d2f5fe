//! The state that a node is in, in truth: what the control plane orders and what facts tell.

use serde::{Deserialize, Serialize};

/// The state a node is in, in truth.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum Life {
    /// Declared, but not started (`start = "off"`, or before the first boot).
    #[default]
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
}

impl Life {
    /// Whether an incarnation of it exists, running or frozen.
    #[must_use]
    pub const fn is_alive(self) -> bool {
        matches!(self, Self::Up | Self::Frozen | Self::Stopping)
    }
}
