//! The panel: what the person in front of the room sees and presses.
//!
//! It knows the world, the log, commands and the terminal; it does not know how the lab works. It talks to it through
//! [`Bench`] alone, on the main thread, in a plain synchronous loop.

use crate::base::LabTime;
use crate::command::Command;
use crate::log::Tail;

/// What the panel needs of a running lab.
pub trait Bench {
    /// The present lab time.
    fn now(&self) -> LabTime;
    /// Events from a position on.
    fn read(&self, from: u64) -> Tail;
    /// Gives a command, without waiting. False if the lab has no room for it just now; then the panel says so.
    fn give(&self, command: Command) -> bool;
    /// Asks for a census of every node, after events were missed.
    fn census(&self);
}
