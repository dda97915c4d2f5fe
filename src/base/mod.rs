//! Words that every layer shares: ids, lab time, wrong clocks, keyed random draws, units, and text made safe to show.
//!
//! This layer knows nothing of nodes, protocols, sockets or screens, and names nothing above it.

/// The version of the program, with the commit it was built from where that is known.
pub const VERSION: &str = env!("FAULTLAB_VERSION");

pub mod draw;
pub mod escape;
pub mod ids;
pub mod names;
pub mod numbers;
pub mod own_clock;
pub mod text;
pub mod time;
pub mod units;

pub use ids::{
    ConnId, EventId, FrameId, Incarnation, NodeId, Owner, Peer, QuestionNo, Run, TimerId, Token,
    VisitorId,
};
pub use names::Names;
pub use numbers::NumberMap;
pub use own_clock::{ClockRate, OwnClock};
pub use text::Shown;
pub use time::LabTime;
