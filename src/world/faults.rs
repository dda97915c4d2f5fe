//! Faults that stand: what was done by hand and has not been taken back, as the commands that
//! would do it again.

use super::{LinkState, World};
use crate::base::{NodeId, Peer};
use crate::command::{Command, LinkSet, grammar};
use crate::event::Life;
use crate::message::Faults;
use std::mem::discriminant;
use std::sync::Arc;

/// One fault of one direction.
#[derive(Debug, Clone, Copy, PartialEq)]
enum LinkFault {
    Cut,
    /// The file cuts it, and a hand took that back.
    Uncut,
    Hold,
    Delay(std::time::Duration),
    Jitter(crate::message::Jitter),
    Loss(f64),
    Duplicate(f64),
    Reorder(f64),
    Bandwidth(Option<u64>),
}

impl LinkFault {
    fn command(self, links: LinkSet) -> Command {
        match self {
            Self::Cut => Command::Cut(links),
            Self::Uncut => Command::Uncut(links),
            Self::Hold => Command::Hold(links),
            Self::Delay(by) => Command::Delay(links, by),
            Self::Jitter(jitter) => Command::Jitter(links, jitter.mean, jitter.shape),
            Self::Loss(share) => Command::Loss(links, share),
            Self::Duplicate(share) => Command::Duplicate(links, share),
            Self::Reorder(share) => Command::Reorder(links, share),
            Self::Bandwidth(rate) => Command::Bandwidth(links, rate),
        }
    }

    #[expect(clippy::float_cmp, reason = "a share that was set is kept bit by bit")]
    /// Each kind of fault, with whether it stands: it differs from what the file says.
    fn all(faults: &Faults, usual: &Faults) -> [(Self, bool); 9] {
        [
            (Self::Cut, faults.cut && !usual.cut),
            (Self::Uncut, !faults.cut && usual.cut),
            (Self::Hold, faults.hold && !usual.hold),
            (Self::Delay(faults.extra), faults.extra != usual.extra),
            (Self::Jitter(faults.jitter), faults.jitter != usual.jitter),
            (Self::Loss(faults.loss), faults.loss != usual.loss),
            (Self::Duplicate(faults.duplicate), faults.duplicate != usual.duplicate),
            (Self::Reorder(faults.reorder), faults.reorder != usual.reorder),
            (Self::Bandwidth(faults.bandwidth), faults.bandwidth != usual.bandwidth),
        ]
    }
}

/// The ends of a statement about one link.
fn ends_of(command: &Command) -> Option<(Peer, Peer)> {
    match links_of(command)? {
        LinkSet::One(a, b) | LinkSet::Both(a, b) => Some((a, b)),
        LinkSet::Around(_) | LinkSet::From(_) | LinkSet::To(_) => None,
    }
}

fn links_of(command: &Command) -> Option<LinkSet> {
    match command {
        Command::Cut(links)
        | Command::Uncut(links)
        | Command::Hold(links)
        | Command::Delay(links, _)
        | Command::Jitter(links, _, _)
        | Command::Loss(links, _)
        | Command::Duplicate(links, _)
        | Command::Reorder(links, _)
        | Command::Bandwidth(links, _) => Some(*links),
        _ => None,
    }
}

impl World {
    pub(super) fn set_faults(&mut self, from: Peer, to: Peer, faults: &Faults) {
        if !self.is_of_topology(from) || !self.is_of_topology(to) {
            return;
        }
        let link = self.link_mut(from, to);
        let (before, usual) = (link.faults, link.usual);
        link.faults = *faults;
        let old = LinkFault::all(&before, &usual);
        let new = LinkFault::all(faults, &usual);
        for ((was, stood), (is, stands)) in old.into_iter().zip(new) {
            if stood && (!stands || was != is) {
                self.fall_link(from, to, was);
            }
            if stands && (!stood || was != is) {
                self.stand_link(from, to, is);
            }
        }
    }

    /// The file says this of a direction from now on.
    pub(super) fn restate_usual(&mut self, from: Peer, to: Peer, usual: Faults) {
        let link = self.link_mut(from, to);
        let faults = link.faults;
        let before = std::mem::replace(&mut link.usual, usual);
        let old = LinkFault::all(&faults, &before);
        let new = LinkFault::all(&faults, &usual);
        for ((was, stood), (_, stands)) in old.into_iter().zip(new) {
            if stood && !stands {
                self.fall_link(from, to, was);
            }
        }
    }

    pub(super) fn link_mut(&mut self, from: Peer, to: Peer) -> &mut LinkState {
        let topology = &self.topology;
        self.links.entry((from, to)).or_insert_with(|| match (from, to) {
            (Peer::Node(from), Peer::Node(to)) => LinkState::usual(topology.link(from, to)),
            _ => LinkState::default(),
        })
    }

    /// A fault of the opposite direction with the same value makes one statement about both.
    fn stand_link(&mut self, from: Peer, to: Peer, fault: LinkFault) {
        let back = fault.command(LinkSet::One(to, from));
        match self.truth.standing.iter().position(|command| *command == back) {
            Some(at) => self.restate(at, fault.command(LinkSet::Both(to, from))),
            None => self.state(fault.command(LinkSet::One(from, to))),
        }
    }

    fn fall_link(&mut self, from: Peer, to: Peer, fault: LinkFault) {
        let kind = discriminant(&fault.command(LinkSet::One(from, to)));
        let found = self.truth.standing.iter().position(|command| {
            discriminant(command) == kind
                && links_of(command).is_some_and(|links| {
                    links == LinkSet::One(from, to)
                        || links == LinkSet::Both(from, to)
                        || links == LinkSet::Both(to, from)
                })
        });
        let Some(at) = found else { return };
        if links_of(&self.truth.standing[at]) == Some(LinkSet::One(from, to)) {
            self.unstate(at);
        } else {
            self.restate(at, fault.command(LinkSet::One(to, from)));
        }
    }

    /// What a life amounts to as a fault; being stopped in good order is none.
    pub(super) fn stand_life(&mut self, node: NodeId, life: Life) {
        let of_life = |command: &Command| {
            matches!(command,
                Command::Kill(n) | Command::Crash(n) | Command::PowerOff(n) | Command::Freeze(n)
                    if *n == node)
        };
        let new = match life {
            Life::Killed => Some(Command::Kill(node)),
            Life::Crashed => Some(Command::Crash(node)),
            Life::PoweredOff => Some(Command::PowerOff(node)),
            Life::Frozen => Some(Command::Freeze(node)),
            Life::Off | Life::Up | Life::Stopping | Life::Corrupt | Life::Stopped => None,
        };
        self.stand(new, of_life);
    }

    /// What stands of one kind, of which there is one at most.
    pub(super) fn stand(&mut self, new: Option<Command>, is_of_kind: impl Fn(&Command) -> bool) {
        match (self.truth.standing.iter().position(is_of_kind), new) {
            (Some(at), Some(new)) if self.truth.standing[at] == new => {}
            (Some(at), new) => {
                self.unstate(at);
                if let Some(new) = new {
                    self.state(new);
                }
            }
            (None, Some(new)) => self.state(new),
            (None, None) => {}
        }
    }

    pub(super) fn stand_lie(&mut self, node: NodeId, lies: bool) {
        let lie = Command::Lie(node, true);
        match (self.truth.standing.iter().position(|command| *command == lie), lies) {
            (Some(at), false) => self.unstate(at),
            (None, true) => self.state(lie),
            _ => {}
        }
    }

    /// Whether a server answers wrongly at present.
    #[must_use]
    pub fn lies(&self, node: NodeId) -> bool {
        use crate::topology::Kind;
        let declared = || {
            self.topology.nodes.get(node.index()).is_some_and(|node| match &node.kind {
                Kind::Ts(ts) => ts.lie,
                Kind::Replica(replica) => replica.lie,
                _ => false,
            })
        };
        match self.nodes.get(node.index()).and_then(|state| state.changed.get("lie")) {
            Some(value) => is_yes(value),
            None => declared(),
        }
    }

    /// The faults that stand, in words, for a picture. What was done to the links of a node was done to the way of its
    /// visitors as well; that is one deed, and is not told twice.
    pub fn faults_shown(&self) -> impl DoubleEndedIterator<Item = &Arc<str>> {
        let standing = &self.truth.standing;
        let is_of_visitors = |command: &Command| match ends_of(command) {
            Some((Peer::Node(node), Peer::Visitor(_)) | (Peer::Visitor(_), Peer::Node(node))) => {
                Some(node)
            }
            _ => None,
        };
        let is_told = move |command: &Command| {
            is_of_visitors(command).is_some_and(|node| {
                standing.iter().any(|other| {
                    discriminant(other) == discriminant(command)
                        && ends_of(other).is_some_and(|(a, b)| {
                            let ends = [a.node(), b.node()];
                            ends.contains(&Some(node)) && !ends.contains(&None)
                        })
                })
            })
        };
        let told = self.truth.faults.iter().zip(standing);
        told.filter(move |(_, command)| !is_told(command)).map(|(words, _)| words)
    }

    fn state(&mut self, command: Command) {
        let words = grammar::words(&command, &self.topology.names);
        self.truth.faults.push(Arc::from(words));
        self.truth.standing.push(command);
    }

    fn restate(&mut self, at: usize, command: Command) {
        self.truth.faults[at] = Arc::from(grammar::words(&command, &self.topology.names));
        self.truth.standing[at] = command;
    }

    fn unstate(&mut self, at: usize) {
        self.truth.standing.remove(at);
        self.truth.faults.remove(at);
    }
}

/// Whether the value of a switch means *on*.
pub(super) fn is_yes(value: &str) -> bool {
    matches!(value, "on" | "true" | "yes")
}
