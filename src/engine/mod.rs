//! One incarnation of a node (its machine, its timers, the order of its effects) and the rules by which nodes and
//! links are controlled. Pure: two hosts drive it, the laboratory on real sockets and the simulator.

pub mod control;
mod incarnation;
pub mod pace;

pub use control::{Act, Control};
pub use incarnation::{Host, Incarnation, Opening, Sent};
pub use pace::Pace;
