//! The newtypes for everything that is counted or named by number.
//!
//! An id of something that lived carries its incarnation, so that a late event of the dead never animates the living.

use serde::{Deserialize, Serialize};
use std::fmt;

macro_rules! id {
    ($(#[$doc:meta])* $name:ident($inner:ty)) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
        #[derive(Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub $inner);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

id!(
    /// A named place in the topology: its index in the file's order.
    NodeId(u16)
);
id!(
    /// Which life of a node this is; the first is 1.
    Incarnation(u32)
);
id!(
    /// Which run of the lab on the same disks this is; the first is 1.
    Run(u32)
);
id!(
    /// A peer that is no node of the topology: one connection of `nc`, `dig` or a program someone wrote for class.
    VisitorId(u32)
);
id!(
    /// One end of a connection, unique within the incarnation that holds it.
    ConnId(u64)
);
id!(
    /// A timer of one machine, chosen by the machine.
    TimerId(u64)
);
id!(
    /// A frame on one direction of a link, counted by that direction from 1.
    FrameId(u64)
);
id!(
    /// A question as one incarnation counts them, from 1. It never travels: peers count their own.
    QuestionNo(u64)
);

id!(
    /// One write to a node's disk, chosen by the machine.
    Token(u64)
);

impl Run {
    /// The first one, or one whose disks end with it.
    pub const FIRST: Self = Self(1);

    /// What the names of those bear whose writes outlive this run on disks, so that a later run never takes a new write
    /// for one that stands there: nothing in the first run, `@2` in the second.
    #[must_use]
    pub fn mark(self) -> String {
        if self == Self::FIRST { String::new() } else { format!("@{self}") }
    }
}

impl VisitorId {
    /// Every visitor, present and future: what is done to this one's links is done to all of theirs.
    pub const ANY: Self = Self(0);
}

impl NodeId {
    /// The place of this node in lists that follow the file's order.
    #[must_use]
    pub fn index(self) -> usize {
        usize::from(self.0)
    }
}

/// Who emits events: the laboratory itself (commands, faults, frames on links) or one incarnation of a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Owner {
    /// The control plane and the links.
    Lab,
    /// One life of one node.
    Node(NodeId, Incarnation),
}

/// The name of an event: its owner and its number there, from 1. Given by whoever emits the fact, so that a cause can
/// be named before the recorder has seen it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct EventId {
    /// Who emitted it.
    pub owner: Owner,
    /// Its number with that owner, from 1, without holes.
    pub number: u64,
}

/// The other end of a connection or a link.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Peer {
    /// A node of the topology (one that runs elsewhere, `at = "…"`, included).
    Node(NodeId),
    /// Somebody else who connected.
    Visitor(VisitorId),
}

impl Peer {
    /// The node, if it is one.
    #[must_use]
    pub fn node(self) -> Option<NodeId> {
        match self {
            Self::Node(id) => Some(id),
            Self::Visitor(_) => None,
        }
    }
}
