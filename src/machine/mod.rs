//! The protocols, pure: an input and the time go in, effects come out.
//!
//! A machine sees no socket, no clock, no thread and no randomness but what it draws by key from the lab's seed. The
//! laboratory on real sockets and the simulator run the same machines. A machine knows nothing of faults: those are
//! the links' business.

mod asked;
mod askers;
mod beside;
mod caller;
mod client;
mod kept;
mod load;
mod ls;
mod matching;
mod replica;
mod server;
mod store_client;
mod timers;
mod ts;
mod wish;

use client::Client;
use ls::Ls;
use store_client::StoreClient;
use ts::Ts;

use crate::base::{ConnId, Incarnation, LabTime, NodeId, Peer, QuestionNo, TimerId, Token};
use crate::event::{Ending, Side};
use crate::message::{HostName, Image, Message, Note, Operation, RecordType, Write};
use crate::topology::{Kind, Setting, Topology};
use std::sync::Arc;
use std::time::Duration;

/// What a machine is told by the world.
#[derive(Debug, Clone, PartialEq)]
pub enum Input {
    /// It starts, and this is what its disk holds. Always the first input.
    Boot(Image),
    /// A connection stands: one it asked for ([`Side::Opener`]) or one from somebody else.
    Opened {
        /// This end.
        conn: ConnId,
        /// The other.
        peer: Peer,
        /// Which end this is.
        side: Side,
    },
    /// A connection it asked for was refused; the number is free again.
    Refused {
        /// This end.
        conn: ConnId,
        /// Who was not there.
        peer: Peer,
    },
    /// The peer ended the connection. After end of file this end may still send, and must `Close`; after a reset the
    /// connection is gone.
    Ended {
        /// This end.
        conn: ConnId,
        /// The peer.
        peer: Peer,
        /// How.
        ending: Ending,
    },
    /// A message arrived.
    Received {
        /// On which connection.
        conn: ConnId,
        /// From whom.
        peer: Peer,
        /// What.
        message: Arc<Message>,
    },
    /// Bytes arrived that are no message. A line that was too long is followed by the close of the connection.
    Malformed {
        /// On which connection.
        conn: ConnId,
        /// From whom.
        peer: Peer,
        /// What is wrong with them.
        why: Arc<str>,
    },
    /// An answer arrived that answers nothing that was asked on this connection: a forgery, or a copy. It is dropped;
    /// whoever reads the log counts it.
    Unasked {
        /// On which connection.
        conn: ConnId,
        /// From whom, as it seems.
        peer: Peer,
        /// What is wrong with it.
        why: Arc<str>,
    },
    /// The disk has what it was to keep.
    Persisted {
        /// Which write.
        token: Token,
        /// How many bytes it took.
        bytes: u64,
        /// How long it took.
        took: Duration,
    },
    /// The disk did not take what it was to keep, and never will.
    Unpersisted {
        /// Which write.
        token: Token,
        /// The system's reason.
        why: Arc<str>,
    },
    /// A timer fired.
    Fired(TimerId),
    /// A person or a step wants something of this node.
    Told(Told),
}

/// What a person or a step may want of a node.
#[derive(Debug, Clone, PartialEq)]
pub enum Told {
    /// A client shall ask: this name, or the next of its list; so many times.
    Ask {
        /// The name.
        name: Option<HostName>,
        /// Which records of it.
        kind: RecordType,
        /// How often.
        times: u32,
    },
    /// A client of the store shall do this, so many times.
    Operate {
        /// What.
        operation: Operation,
        /// How often.
        times: u32,
    },
    /// A client shall ask its whole list and write down the results.
    Batch,
    /// A client's open loop: questions in a thousand seconds; 0 is off.
    Load {
        /// Questions in a thousand seconds.
        per_kilosecond: u64,
    },
    /// A setting changes.
    Set {
        /// Typed, for the machine.
        setting: Setting,
        /// As it was written, for the note.
        key: Arc<str>,
        /// As it was written, for the note.
        value: Arc<str>,
    },
    /// End in good order: answer or cancel what is in flight, then `Exit`.
    Stop,
}

/// What a machine wants done.
#[derive(Debug, Clone, PartialEq)]
pub enum Effect {
    /// Open a connection to a node.
    Open {
        /// The number of this end.
        conn: ConnId,
        /// To whom.
        to: NodeId,
        /// Whether this end writes a line end after each message (all do that have not confessed otherwise). Programs
        /// from outside are never sent one.
        framed: bool,
        /// Whether it must be a stream, also where the link's messages usually travel as datagrams.
        stream: bool,
    },
    /// Send a message.
    Send {
        /// On which connection.
        conn: ConnId,
        /// What.
        message: Message,
        /// The sender's own question that it is about.
        about: Option<QuestionNo>,
    },
    /// Close a connection, in good order: what was sent before still arrives.
    Close(ConnId),
    /// Keep this on the disk; `Persisted` or `Unpersisted` comes back with the token, in the order of the writes.
    Persist {
        /// Which write.
        token: Token,
        /// What.
        write: Write,
    },
    /// Fire a timer after this long by the node's own clock; arming one again moves it.
    Arm(TimerId, Duration),
    /// Fire a timer when work that takes this long is done: whatever a clock says, a processor is no faster for it.
    Work(TimerId, Duration),
    /// Never fire this timer.
    Disarm(TimerId),
    /// Record a note.
    Note(Note),
    /// Write one line into the node's results file.
    Result(String),
    /// Begin a new results file.
    ResultsBegin,
    /// The machine has ended in good order; its sockets close.
    Exit,
}

/// The list of effects of one step, and the source of connection numbers.
#[derive(Debug, Default)]
pub struct Effects {
    list: Vec<Effect>,
    conns: u64,
}

impl Effects {
    /// Opens a connection and gives its number.
    pub fn open(&mut self, to: NodeId, framed: bool) -> ConnId {
        let conn = self.new_conn();
        self.list.push(Effect::Open { conn, to, framed, stream: false });
        conn
    }

    /// Opens a stream, whatever the link's messages usually travel as, and gives its number.
    pub fn open_stream(&mut self, to: NodeId) -> ConnId {
        let conn = self.new_conn();
        self.list.push(Effect::Open { conn, to, framed: true, stream: true });
        conn
    }

    /// A fresh connection number (for hosts: one that somebody else opened).
    pub fn new_conn(&mut self) -> ConnId {
        self.conns += 1;
        ConnId(self.conns)
    }

    /// Sends a message.
    pub fn send(&mut self, conn: ConnId, message: Message, about: Option<QuestionNo>) {
        self.list.push(Effect::Send { conn, message, about });
    }

    /// Records a note.
    pub fn note(&mut self, note: Note) {
        self.list.push(Effect::Note(note));
    }

    /// Any other effect.
    pub fn push(&mut self, effect: Effect) {
        self.list.push(effect);
    }

    /// Takes the effects of the step, in order.
    pub fn take(&mut self) -> Vec<Effect> {
        std::mem::take(&mut self.list)
    }

    /// Gives the effects of the step in order and keeps the room they took for the next.
    pub fn drain(&mut self) -> std::vec::Drain<'_, Effect> {
        self.list.drain(..)
    }

    /// Whether the step had none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }
}

/// A protocol: the behaviour of one incarnation of a node.
pub trait Machine: Send {
    /// Takes one input at one moment of the node's clock. Synchronous and total: it returns at once, whatever the
    /// input.
    fn step(&mut self, now: LabTime, input: Input, out: &mut Effects);
}

/// The machine of a node of this topology. `incarnation` tells its lives apart where it draws by key.
#[must_use]
pub fn build(topology: &Arc<Topology>, node: NodeId, incarnation: Incarnation) -> Box<dyn Machine> {
    match topology.node(node).kind.clone() {
        Kind::Client(config) => Box::new(Client::new(topology, node, incarnation, config)),
        Kind::Ls(config) => Box::new(Ls::new(topology, node, incarnation, config)),
        Kind::Ts(config) => Box::new(Ts::new(topology, node, incarnation, config)),
        Kind::StoreClient(config) => {
            Box::new(StoreClient::new(topology, node, incarnation, config))
        }
        Kind::Replica(config) => replica::build(topology, node, incarnation, config),
    }
}
