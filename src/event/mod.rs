//! What happened: facts in the past tense, and events, which are facts with their number, time and cause.
//!
//! Everything that is shown, reported, recorded, replayed or judged is a fold of these. Nothing here acts.

mod life;

pub use life::Life;

use crate::base::{
    ConnId, EventId, FrameId, Incarnation, LabTime, NodeId, OwnClock, Peer, QuestionNo, TimerId,
    Token,
};
use crate::command::Command;
use crate::message::{DiskKind, Faults, Message, Note};
use crate::topology::Change;
use serde::{Deserialize, Serialize};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

/// Why an event happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cause {
    /// Because of this event (a command's effects name the `CommandGiven` event).
    Event(EventId),
    /// Because the node, or the lab, started.
    Boot,
    /// Nobody knows: a visitor's message, a connection from outside, a read that matches no send.
    Unknown,
}

/// One thing that happened.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// Its name: owner and number there.
    pub id: EventId,
    /// When, on the lab's clock.
    pub time: LabTime,
    /// Why.
    pub cause: Cause,
    /// What.
    pub fact: Fact,
}

/// Which end of a connection this is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Side {
    /// It opened the connection.
    Opener,
    /// It accepted the connection.
    Acceptor,
}

/// How a connection ended, as one end sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ending {
    /// The peer will send no more, in good order.
    EndOfFile,
    /// The connection died.
    Reset,
}

/// What became of a frame that does not arrive as it was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fate {
    /// Lost on the way (datagrams only).
    Lost,
    /// The link is cut: a stream's frame waits, a datagram is gone.
    Cut,
    /// The host it was for is powered off.
    HostOff,
    /// The process it was for has died.
    PeerDead,
    /// A hand dropped it.
    Dropped,
    /// The queue was full.
    Overflow,
}

/// Who gave a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Hand {
    /// A person at the panel, a prompt or a socket.
    Person,
    /// A step of the topology file.
    Step,
}

/// How the lab's clock runs.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct ClockState {
    /// Lab seconds for each second on the wall, while not paused.
    pub rate: f64,
    /// Whether the world stands still.
    pub paused: bool,
    /// Whether the rate follows what there is to see (automatic pace).
    pub auto: bool,
}

/// How a judged expectation came out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Judgement {
    /// It held.
    Passed,
    /// It did not hold within its time.
    Failed,
}

/// What happened. Variants from `NodeBooted` to `CommandRefused` are never dropped from the log.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fact {
    /// A new incarnation of a node runs.
    NodeBooted {
        /// Which node.
        node: NodeId,
        /// Which life.
        incarnation: Incarnation,
    },
    /// A node listens at this address.
    NodeListening {
        /// Which node.
        node: NodeId,
        /// The wire spoken there: `line`.
        wire: Arc<str>,
        /// Where.
        address: SocketAddr,
    },
    /// A node could not listen: the port is taken, say. It runs without.
    ListenFailed {
        /// Which node.
        node: NodeId,
        /// Where it wanted to.
        port: u16,
        /// The system's reason and the remedy.
        why: Arc<str>,
    },
    /// The system gave a node no socket: its open files are used up, say. A connection that was to be accepted waits,
    /// and is tried again; one that was to be opened is told as refused.
    SocketFailed {
        /// Which node.
        node: NodeId,
        /// The system's reason.
        why: Arc<str>,
    },
    /// What a node keeps is in this file from now on.
    DiskOpened {
        /// Which node.
        node: NodeId,
        /// The file, from the root on.
        file: Arc<str>,
        /// Its form: a database, or a JSON file.
        kind: DiskKind,
    },
    /// The process of a node was killed: all its connections were reset.
    NodeKilled {
        /// Which node.
        node: NodeId,
    },
    /// The process of a node died by itself (a panic in its machine).
    NodeCrashed {
        /// Which node.
        node: NodeId,
        /// The message it died with.
        why: Arc<str>,
    },
    /// The host of a node vanished: its connections are silent.
    NodePoweredOff {
        /// Which node.
        node: NodeId,
    },
    /// The disk of a node was emptied.
    NodeWiped {
        /// Which node.
        node: NodeId,
    },
    /// The disk of a node cannot be read: it does not run until it is wiped.
    NodeCorrupt {
        /// Which node.
        node: NodeId,
        /// What is wrong with it, and the remedy.
        why: Arc<str>,
    },
    /// A node stands still (as after SIGSTOP).
    NodeFrozen {
        /// Which node.
        node: NodeId,
    },
    /// A frozen node goes on.
    NodeThawed {
        /// Which node.
        node: NodeId,
    },
    /// A node was told to stop and has not ended yet.
    NodeStopping {
        /// Which node.
        node: NodeId,
    },
    /// A node ended in good order.
    NodeStopped {
        /// Which node.
        node: NodeId,
    },
    /// The topology's file has changed, and the lab goes on with what it says now. What follows from it (settings,
    /// faults of links, processes that start again) has facts of its own.
    TopologyChanged {
        /// In which ways; a lab can take each of them while it runs.
        changes: Arc<[Change]>,
    },
    /// One direction of a link has these faults from now on.
    FaultsSet {
        /// From this end …
        from: Peer,
        /// … to that one.
        to: Peer,
        /// Its state, all of it.
        faults: Arc<Faults>,
    },
    /// The own clock of a node is like this from now on.
    OwnClockSet {
        /// Whose.
        node: NodeId,
        /// How far off it is, and how fast it runs.
        clock: OwnClock,
    },
    /// The lab's clock runs like this from now on.
    ClockSet(ClockState),
    /// The wall clock jumped (sleep, SIGSTOP); lab time did not.
    ClockJumped {
        /// How much wall time was left out.
        gap: Duration,
    },
    /// The present step begins (1 is the first).
    StepBegan {
        /// Its number.
        step: u32,
    },
    /// The commands of the present step have been given.
    StepRan {
        /// Its number.
        step: u32,
    },
    /// The answer of the step is shown, its expectations are in.
    StepEnded {
        /// Its number.
        step: u32,
    },
    /// Everything is as it was when this step began (0: the lab); it begins again with its question.
    StepRestored {
        /// Its number.
        step: u32,
    },
    /// One expectation of a step came out.
    ExpectationJudged {
        /// The step's number.
        step: u32,
        /// Its place among the step's expectations, from 0.
        expectation: u32,
        /// How.
        judgement: Judgement,
        /// What was seen, in one sentence.
        seen: Arc<str>,
    },
    /// The present step's setting was flipped between confessed and repaired.
    Flipped {
        /// The step's number.
        step: u32,
        /// Whether it is repaired now.
        repaired: bool,
    },
    /// A command was given.
    CommandGiven {
        /// What.
        command: Arc<Command>,
        /// By whom.
        hand: Hand,
    },
    /// A command could not be carried out.
    CommandRefused {
        /// Why, and what would help.
        why: Arc<str>,
    },
    /// Somebody from outside came to a node that has as many connections from there as it keeps.
    TurnedAway {
        /// Which node.
        node: NodeId,
        /// How many it keeps.
        most: u32,
    },
    /// A fault was taken back, or brought back.
    Undone {
        /// What was undone or redone, in the words of its command.
        what: Arc<str>,
        /// True for redo.
        again: bool,
    },
    /// A machine said something.
    Noted(Note),
    /// A connection is being opened.
    ConnOpening {
        /// This end's number.
        conn: ConnId,
        /// To whom.
        peer: Peer,
    },
    /// A connection stands.
    ConnOpened {
        /// This end's number.
        conn: ConnId,
        /// With whom.
        peer: Peer,
        /// Which end this is.
        side: Side,
    },
    /// Nobody listened there.
    ConnRefused {
        /// This end's number.
        conn: ConnId,
        /// Who was not there.
        peer: Peer,
    },
    /// The peer ended a connection.
    ConnEnded {
        /// This end's number.
        conn: ConnId,
        /// The peer.
        peer: Peer,
        /// How.
        ending: Ending,
    },
    /// This end closed a connection.
    ConnClosed {
        /// This end's number.
        conn: ConnId,
        /// The peer.
        peer: Peer,
    },
    /// A message left its sender and is on its link.
    MessageSent {
        /// The sender's end.
        conn: ConnId,
        /// To whom.
        to: Peer,
        /// Its frame on that direction of the link.
        frame: FrameId,
        /// When it will arrive as things stand; `LabTime::NEVER` while it is held or stalled.
        due: LabTime,
        /// Which of the sender's questions it is about.
        about: Option<QuestionNo>,
        /// What it says.
        message: Arc<Message>,
    },
    /// A message arrived and was understood. Its cause is the `MessageSent`, where it is known.
    MessageReceived {
        /// The receiver's end.
        conn: ConnId,
        /// From whom.
        from: Peer,
        /// What it says.
        message: Arc<Message>,
    },
    /// Bytes arrived that are no message.
    Malformed {
        /// The receiver's end.
        conn: ConnId,
        /// From whom.
        from: Peer,
        /// What is wrong with them.
        why: Arc<str>,
    },
    /// An answer arrived that answers nothing that was asked on this connection: a forgery, or a copy. It was dropped.
    Unasked {
        /// The receiver's end.
        conn: ConnId,
        /// From whom, as it seems.
        from: Peer,
        /// What is wrong with it.
        why: Arc<str>,
    },
    /// A datagram was doubled on its way. Comes right after its `MessageSent`.
    FrameDoubled {
        /// From this end …
        from: Peer,
        /// … to that one.
        to: Peer,
        /// Which frame.
        frame: FrameId,
        /// The number of its copy.
        copy: FrameId,
        /// When the copy arrives.
        due: LabTime,
    },
    /// A frame on its way got a new time of arrival (`NEVER`: held or stalled).
    FrameMoved {
        /// From this end …
        from: Peer,
        /// … to that one.
        to: Peer,
        /// Which frame.
        frame: FrameId,
        /// When it arrives now.
        due: LabTime,
    },
    /// Transmissions of a stream's frame were lost and had to be repeated. Comes right after its `MessageSent`, whose
    /// `due` reckons with it.
    FrameLate {
        /// From this end …
        from: Peer,
        /// … to that one.
        to: Peer,
        /// Which frame.
        frame: FrameId,
        /// How many were lost in a row; at least one.
        retransmissions: u8,
        /// How much later than the first transmission the one that gets through leaves.
        late: Duration,
    },
    /// A frame will never arrive.
    FrameLost {
        /// From this end …
        from: Peer,
        /// … to that one.
        to: Peer,
        /// Which frame.
        frame: FrameId,
        /// Why.
        fate: Fate,
    },
    /// A node's disk has what it was to keep.
    DiskWrote {
        /// Which of the machine's writes.
        token: Token,
        /// How many bytes were written for it.
        bytes: u64,
        /// How long it took.
        took: Duration,
    },
    /// A node's disk did not take what it was to keep.
    DiskFailed {
        /// Which of the machine's writes.
        token: Token,
        /// The system's reason.
        why: Arc<str>,
    },
    /// A timer of a machine fired.
    TimerFired {
        /// Which.
        timer: TimerId,
    },
    /// A reader of the log fell so far behind that events are missing here.
    LogGap {
        /// How many.
        dropped: u64,
    },
    /// Ground truth about one node, stated after a gap.
    Census(Arc<Census>),
}

/// What is true of one node at a moment, for folds that missed events.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Census {
    /// Which node.
    pub node: NodeId,
    /// Which life.
    pub incarnation: Incarnation,
    /// Its state.
    pub life: Life,
}
