//! What someone wants: a person at the panel, a step of a file, a line at a prompt. One vocabulary, one grammar.
//!
//! A command names nodes by id; [`grammar`] reads and writes the words. Carrying commands out is not done here.

mod expect;
mod expect_store;
pub mod grammar;

pub use expect::{BELIEFS, Compare, Condition, Counted, Expectation, WITHIN_DEFAULT, belief_word};
pub use expect_store::{Asked, Figure, StoreExpectation, Verb};
pub use grammar::GrammarError;

use crate::base::{ClockRate, FrameId, NodeId, Peer};
use crate::message::{HostName, Operation, RecordType, Shape};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use std::time::Duration;

/// Which directions of which links a command means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LinkSet {
    /// `a->b`: from a to b only.
    One(Peer, Peer),
    /// `a<->b`: both directions.
    Both(Peer, Peer),
    /// `a`: every link of the node, both directions.
    Around(NodeId),
    /// `a->`: whatever the node sends.
    From(NodeId),
    /// `->a`: whatever is sent to the node.
    To(NodeId),
}

/// Something to be done.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Command {
    /// `query CLIENT [NAME [TYPE]] [xN]`: the client asks; without a name the next of its list, without a type an
    /// address; `xN` asks N times, at once.
    Query {
        /// Who asks.
        client: NodeId,
        /// What; none for the next name of its list.
        name: Option<HostName>,
        /// Which records of it; other ones than addresses over DNS alone.
        #[serde(default, skip_serializing_if = "RecordType::is_usual")]
        kind: RecordType,
        /// How often.
        times: u32,
    },
    /// `batch CLIENT`: the client asks its whole list and writes its results file.
    Batch {
        /// Who asks.
        client: NodeId,
    },
    /// `load CLIENT RATE|off`: an open loop of questions.
    Load {
        /// Who asks.
        client: NodeId,
        /// Questions in a thousand seconds; 0 is off.
        per_kilosecond: u64,
    },
    /// `post CLIENT ROOM TEXT`, `read CLIENT ROOM`, `put CLIENT KEY VALUE`, `get CLIENT KEY`, each with `[xN]`.
    Operate {
        /// Who asks.
        client: NodeId,
        /// What.
        operation: Operation,
        /// How often.
        times: u32,
    },
    /// `wipe NODE`: its disk is emptied; it must not be running.
    Wipe(NodeId),
    /// `kill NODE`: the process crashes.
    Kill(NodeId),
    /// `crash NODE`: the machine panics, to show that nothing else does.
    Crash(NodeId),
    /// `power-off NODE`: the host vanishes.
    PowerOff(NodeId),
    /// `freeze NODE`: the process stops, as SIGSTOP does.
    Freeze(NodeId),
    /// `thaw NODE`: a frozen process goes on.
    Thaw(NodeId),
    /// `revive NODE`: whatever ails the node itself ends: it boots, or thaws, tells no more lies, and
    /// its clock is right.
    Revive(NodeId),
    /// `stop NODE`: it ends in good order.
    Stop(NodeId),
    /// `lie NODE on|off`: it answers wrongly.
    Lie(NodeId, bool),
    /// `skew NODE +TIME|-TIME|off`: its own clock is so many nanoseconds ahead (or, negative, behind) from now on, at
    /// the rate that it has.
    Skew(NodeId, i64),
    /// `drift NODE RATE|off`: its own clock runs at this rate from now on, from what it shows.
    Drift(NodeId, ClockRate),
    /// `cut LINKS`.
    Cut(LinkSet),
    /// `cut-only LINKS`: cut, and where only one direction is named the opposite one is not.
    CutOnly(LinkSet),
    /// `uncut LINKS`: only the cut is taken back, also one that the file states; delay, loss and the rest stay.
    Uncut(LinkSet),
    /// `heal LINKS`: no fault set by hand remains there; what the file says of the link stays.
    Heal(LinkSet),
    /// `delay LINKS TIME`: this much more each way it names; `0` takes it back.
    Delay(LinkSet, Duration),
    /// `jitter LINKS TIME [SHAPE]`.
    Jitter(LinkSet, Duration, Shape),
    /// `loss LINKS SHARE`.
    Loss(LinkSet, f64),
    /// `duplicate LINKS SHARE` (datagrams only).
    Duplicate(LinkSet, f64),
    /// `reorder LINKS SHARE` (datagrams only).
    Reorder(LinkSet, f64),
    /// `bandwidth LINKS RATE|off`, in bytes a second.
    Bandwidth(LinkSet, Option<u64>),
    /// `hold LINKS`: every frame waits for a hand.
    Hold(LinkSet),
    /// `release LINKS [FRAME]`: what is held goes on, or only this frame; without a frame nothing more is held.
    Release(LinkSet, Option<FrameId>),
    /// `drop A->B FRAME`: this frame never arrives.
    Drop(LinkSet, FrameId),
    /// `set NODE KEY VALUE`: a setting changes while the node runs.
    Set {
        /// Whose.
        node: NodeId,
        /// The key, as in the file.
        key: Arc<str>,
        /// The value, as in the file.
        value: Arc<str>,
    },
    /// `speed RATE`: lab seconds for each second on the wall; takes the clock over by hand.
    Speed(f64),
    /// `pace auto|real`: let the rate follow what there is to see, or run at 1.
    Pace {
        /// Whether it is automatic.
        auto: bool,
    },
    /// `pause`.
    Pause,
    /// `resume`.
    Resume,
    /// `tick`: while paused, on to the next thing that is due.
    Tick,
    /// `wait TIME`: a step's commands go on after this much lab time.
    Wait(Duration),
    /// `next`: the next beat of the steps.
    Next,
    /// `goto STEP`: on to the question of a later step; what the steps before it do to nodes and links is done at once.
    Goto(u32),
    /// `flip`: the present step between as confessed and as repaired.
    Flip,
    /// `undo`.
    Undo,
    /// `redo`.
    Redo,
    /// `reset`: every fault heals, every node is revived.
    Reset,
    /// `restore`: back to the beginning of the present step.
    Restore,
    /// `mark TEXT`: a marker in the log.
    Mark(Arc<str>),
    /// `quit`: the lab ends in good order.
    Quit,
}
