//! The control plane's rules: what a command does to nodes, links and clock, and how it is taken back. Pure.

use crate::base::{FrameId, LabTime, NodeId, Peer};
use crate::command::Command;
use crate::event::{ClockState, Event, Fact};
use crate::machine::Told;
use crate::message::Faults;
use crate::topology::Topology;
use std::sync::Arc;

/// Something that a host must do to its nodes, links or clock. The host records the fact of each (`NodeKilled`,
/// `FaultsSet`, …) with the command as its cause.
#[derive(Debug, Clone, PartialEq)]
pub enum Act {
    /// Start a new incarnation.
    Boot(NodeId),
    /// Kill the process.
    Kill(NodeId),
    /// Let the machine panic.
    Crash(NodeId),
    /// The host vanishes.
    PowerOff(NodeId),
    /// The process stands still.
    Freeze(NodeId),
    /// It goes on.
    Thaw(NodeId),
    /// Tell the machine something (`Told::Stop` is the way to stop it in good order).
    Tell(NodeId, Told),
    /// One direction of a link is like this from now on.
    SetFaults {
        /// From this end …
        from: Peer,
        /// … to that one.
        to: Peer,
        /// All of its faults.
        faults: Faults,
    },
    /// Let held frames go.
    Release {
        /// From this end …
        from: Peer,
        /// … to that one.
        to: Peer,
        /// One, or all.
        frame: Option<FrameId>,
    },
    /// Take a frame off the link.
    DropFrame {
        /// From this end …
        from: Peer,
        /// … to that one.
        to: Peer,
        /// Which.
        frame: FrameId,
    },
    /// The clock runs like this from now on.
    Clock(ClockState),
    /// On to the next thing that is due, while paused.
    Tick,
    /// Record this.
    Record(Fact),
}

/// The state that commands act on, and the history that `undo` walks.
#[derive(Debug)]
pub struct Control {
    topology: Arc<Topology>,
}

impl Control {
    /// The control plane of a lab that has not started.
    #[must_use]
    pub fn new(topology: Arc<Topology>) -> Self {
        Self { topology }
    }

    /// What starts the lab: the faults of links, the clock, the boots.
    pub fn start(&mut self) -> Vec<Act> {
        let _ = &self.topology;
        Vec::new()
    }

    /// Carries out a command. `Wait`, `Next`, `Flip` and `Quit` are the host's and the script's business and do
    /// nothing here.
    ///
    /// # Errors
    /// Why it cannot be done, and what would help: a sentence for the person who gave it.
    pub fn apply(&mut self, _now: LabTime, _command: &Command) -> Result<Vec<Act>, String> {
        Ok(Vec::new())
    }

    /// Takes note of what happened by itself: a crash, a stop that came to its end, a visitor who came.
    pub fn observe(&mut self, _event: &Event) {}

    /// How the clock shall run.
    #[must_use]
    pub fn clock(&self) -> ClockState {
        ClockState { rate: 1.0, paused: false, auto: false }
    }
}
