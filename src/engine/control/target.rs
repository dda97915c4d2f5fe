//! What a command wants the fault state to be, or why it makes no sense.

use super::state::{Piece, State, Way};
use crate::base::{NodeId, Peer, VisitorId};
use crate::command::{Command, LinkSet};
use crate::event::Life;
use crate::message::{Faults, Jitter};
use crate::topology::{Kind, Role};
use std::sync::Arc;

impl State {
    /// The pieces of the fault state that a command wants, for commands that change it.
    pub fn target(&self, command: &Command) -> Result<Vec<Piece>, String> {
        match command {
            Command::Kill(node) => self.death(*node, Life::Killed),
            Command::Crash(node) => self.death(*node, Life::Crashed),
            Command::PowerOff(node) => self.power_off(*node),
            Command::Freeze(node) => self.freeze(*node),
            Command::Thaw(node) => self.thaw(*node),
            Command::Revive(node) => self.revive(*node),
            Command::Lie(node, on) => self.lie(*node, *on),
            Command::Load { client, per_kilosecond } => self.load(*client, *per_kilosecond),
            Command::Set { node, key, value } => self.set(*node, key, value),
            Command::Reset => Ok(self.reset()),
            Command::Heal(links) => self.heal(links),
            Command::Cut(links) => self.change(links, |faults| faults.cut = true),
            Command::CutOnly(links) => self.cut_only(links),
            Command::Uncut(links) => self.uncut(links),
            Command::Hold(links) => self.change(links, |faults| faults.hold = true),
            Command::Release(links, _) => self.change(links, |faults| faults.hold = false),
            Command::Delay(links, time) => self.change(links, |faults| faults.extra = *time),
            Command::Jitter(links, mean, shape) => {
                let jitter = Jitter { mean: *mean, shape: *shape };
                self.change(links, |faults| faults.jitter = jitter)
            }
            Command::Loss(links, share) => self.change(links, |faults| faults.loss = *share),
            Command::Duplicate(links, share) => {
                self.change(links, |faults| faults.duplicate = *share)
            }
            Command::Reorder(links, share) => self.change(links, |faults| faults.reorder = *share),
            Command::Bandwidth(links, rate) => {
                self.change(links, |faults| faults.bandwidth = *rate)
            }
            _ => Ok(Vec::new()),
        }
    }

    pub fn name(&self, node: NodeId) -> &str {
        self.file.names.of(node)
    }

    fn life_of(&self, node: NodeId) -> Life {
        self.life[node.index()]
    }

    /// The node is one of this lab, with a process of ours.
    pub fn ours(&self, node: NodeId) -> Result<&str, String> {
        let Some(known) = self.file.nodes.get(node.index()) else {
            return Err("there is no such node".into());
        };
        let name = self.name(node);
        match known.at {
            None => Ok(name),
            Some(at) => Err(format!(
                "{name} runs outside this lab, at {at}: nothing here can touch it; \
                 cut its links with `cut {name}`"
            )),
        }
    }

    /// A process of the node runs and can hear: a sentence if not.
    pub fn hears(&self, node: NodeId) -> Result<(), String> {
        let name = self.ours(node)?;
        match self.life_of(node) {
            Life::Up => Ok(()),
            Life::Frozen => Err(format!("{name} is frozen and hears nothing: `thaw {name}` first")),
            Life::Stopping => Err(format!("{name} is stopping: `revive {name}` starts it again")),
            _ => Err(self.gone(node, "")),
        }
    }

    /// The node has no process: what became of it, and the remedy.
    fn gone(&self, node: NodeId, already: &str) -> String {
        let name = self.name(node);
        match self.life_of(node) {
            Life::Off => format!("{name} is off: `revive {name}` starts it"),
            Life::Stopped => format!("{name} has stopped: `revive {name}` starts it again"),
            Life::PoweredOff => {
                format!("the host of {name} has no power{already}: `revive {name}` switches it on")
            }
            _ => format!(
                "{name} is {}dead: `revive {name}` brings it back",
                if already.is_empty() { "" } else { "already " }
            ),
        }
    }

    fn death(&self, node: NodeId, life: Life) -> Result<Vec<Piece>, String> {
        let name = self.ours(node)?;
        match self.life_of(node) {
            Life::Frozen if life == Life::Crashed => Err(format!(
                "{name} is frozen and does nothing, not even crash: \
                 `kill {name}` or `thaw {name}` first"
            )),
            present if present.is_alive() => Ok(vec![Piece::Life(node, life)]),
            _ => Err(self.gone(node, " already")),
        }
    }

    fn power_off(&self, node: NodeId) -> Result<Vec<Piece>, String> {
        self.ours(node)?;
        match self.life_of(node) {
            Life::PoweredOff | Life::Off => Err(self.gone(node, " already")),
            _ => Ok(vec![Piece::Life(node, Life::PoweredOff)]),
        }
    }

    fn freeze(&self, node: NodeId) -> Result<Vec<Piece>, String> {
        self.ours(node)?;
        match self.life_of(node) {
            Life::Frozen => Ok(Vec::new()),
            Life::Up => Ok(vec![Piece::Life(node, Life::Frozen)]),
            _ => self.hears(node).map(|()| Vec::new()),
        }
    }

    fn thaw(&self, node: NodeId) -> Result<Vec<Piece>, String> {
        self.ours(node)?;
        match self.life_of(node) {
            Life::Frozen => Ok(vec![Piece::Life(node, Life::Up)]),
            Life::Up | Life::Stopping => Ok(Vec::new()),
            _ => Err(self.gone(node, "")),
        }
    }

    fn revive(&self, node: NodeId) -> Result<Vec<Piece>, String> {
        self.ours(node)?;
        let mut pieces = self.lie_piece(node, false);
        pieces.push(Piece::Life(node, Life::Up));
        Ok(pieces)
    }

    fn lie_piece(&self, node: NodeId, on: bool) -> Vec<Piece> {
        match &**self.kind(node) {
            Kind::Ts(ts) if ts.lie != on => {
                let mut ts = ts.clone();
                ts.lie = on;
                vec![Piece::Kind(node, Arc::new(Kind::Ts(ts)))]
            }
            _ => Vec::new(),
        }
    }

    fn lie(&self, node: NodeId, on: bool) -> Result<Vec<Piece>, String> {
        let name = self.ours(node)?;
        if !matches!(&**self.kind(node), Kind::Ts(_)) {
            return Err(format!("{name} is no TS: only a TS has a table to lie about"));
        }
        match self.life_of(node) {
            life if life.is_alive() || !on => Ok(self.lie_piece(node, on)),
            _ => Err(self.gone(node, "")),
        }
    }

    /// The node is a client that can be told to ask.
    pub fn client(&self, node: NodeId) -> Result<(), String> {
        let name = self.ours(node)?;
        let role = self.file.node(node).role();
        if role != Role::Client {
            let mut clients = self.file.nodes.iter().filter(|node| node.role() == Role::Client);
            let hint = clients.next().map_or_else(
                || "this topology has none".into(),
                |client| format!("try `{}`", self.name(client.id)),
            );
            return Err(format!("{name} is no client: {hint}"));
        }
        self.hears(node)
    }

    fn load(&self, client: NodeId, per_kilosecond: u64) -> Result<Vec<Piece>, String> {
        self.client(client)?;
        self.has_list(client)?;
        Ok(vec![Piece::Load(client, per_kilosecond)])
    }

    /// The client has names to ask for.
    pub fn has_list(&self, node: NodeId) -> Result<(), String> {
        match &**self.kind(node) {
            Kind::Client(client) if client.list.is_empty() => {
                let name = self.name(node);
                Err(format!(
                    "{name} has no list of names: give it `names` in the file, \
                     or a name in the command"
                ))
            }
            _ => Ok(()),
        }
    }

    fn set(&self, node: NodeId, key: &str, value: &str) -> Result<Vec<Piece>, String> {
        self.ours(node)?;
        let setting = (self.grammar.parse)(&self.now, node, key, value)?;
        let mut kind = (**self.kind(node)).clone();
        if !setting.apply(&mut kind) {
            return Err(format!("`{key}` is no setting of {}", self.name(node)));
        }
        if kind == **self.kind(node) {
            return Ok(Vec::new());
        }
        Ok(vec![Piece::Kind(node, Arc::new(kind))])
    }

    fn reset(&self) -> Vec<Piece> {
        let mut pieces: Vec<Piece> =
            self.changed_links().into_iter().map(|way| Piece::Link(way, None)).collect();
        for node in self.file.nodes.iter().filter(|node| node.at.is_none()) {
            if let Kind::Ts(ts) = &node.kind {
                pieces.extend(self.lie_piece(node.id, ts.lie));
            }
            let life = self.life_of(node.id);
            if life == Life::Frozen || (node.starts && life != Life::Up) {
                pieces.push(Piece::Life(node.id, Life::Up));
            }
        }
        pieces
    }

    fn heal(&self, links: &LinkSet) -> Result<Vec<Piece>, String> {
        let ways = self.ways(links)?;
        let healed = |way: Way| match way {
            // A visitor that is healed alone is well, whatever was done to the others.
            (Peer::Visitor(id), _) | (_, Peer::Visitor(id)) if id != VisitorId::ANY => {
                if self.usual(way) == Faults::default() || !is_one(links) {
                    Piece::Link(way, None)
                } else {
                    Piece::Link(way, Some(Faults::default()))
                }
            }
            way => Piece::Link(way, None),
        };
        Ok(ways.into_iter().map(healed).collect())
    }

    fn change(&self, links: &LinkSet, change: impl Fn(&mut Faults)) -> Result<Vec<Piece>, String> {
        let pieces = self.ways(links)?.into_iter().map(|way| {
            let mut faults = self.faults(way);
            change(&mut faults);
            self.link_piece(way, faults)
        });
        Ok(pieces.collect())
    }

    /// Takes back the cut alone. A direction that is not cut is left as it is, so that no visitor is singled out by it.
    fn uncut(&self, links: &LinkSet) -> Result<Vec<Piece>, String> {
        let cut = self.ways(links)?.into_iter().filter(|way| self.faults(*way).cut);
        let pieces = cut.map(|way| self.link_piece(way, Faults { cut: false, ..self.faults(way) }));
        Ok(pieces.collect())
    }

    /// One change, so that one `undo` takes both halves back.
    fn cut_only(&self, links: &LinkSet) -> Result<Vec<Piece>, String> {
        let mut pieces = self.change(links, |faults| faults.cut = true)?;
        let opposite = match *links {
            LinkSet::One(from, to) => LinkSet::One(to, from),
            LinkSet::From(node) => LinkSet::To(node),
            LinkSet::To(node) => LinkSet::From(node),
            LinkSet::Both(..) | LinkSet::Around(_) => return Ok(pieces),
        };
        pieces.append(&mut self.uncut(&opposite)?);
        Ok(pieces)
    }

    /// The directions that a set of links names.
    pub fn ways(&self, links: &LinkSet) -> Result<Vec<Way>, String> {
        let around = |node: NodeId, out: bool, back: bool| {
            if node.index() >= self.file.nodes.len() {
                return Err("there is no such node".to_owned());
            }
            let here = Peer::Node(node);
            let peers = self.neighbours(node);
            let mut ways = Vec::new();
            for peer in peers {
                if out {
                    ways.push((here, peer));
                }
                if back {
                    ways.push((peer, here));
                }
            }
            if ways.is_empty() {
                return Err(format!("{} has no links", self.name(node)));
            }
            Ok(ways)
        };
        match *links {
            LinkSet::One(from, to) => {
                self.is_link(from, to)?;
                Ok(self.and_singled_out(vec![(from, to)]))
            }
            LinkSet::Both(a, b) => {
                self.is_link(a, b)?;
                Ok(self.and_singled_out(vec![(a, b), (b, a)]))
            }
            LinkSet::Around(node) => around(node, true, true),
            LinkSet::From(node) => around(node, true, false),
            LinkSet::To(node) => around(node, false, true),
        }
    }

    /// What is said of visitors in general is said of those who were singled out, too.
    fn and_singled_out(&self, ways: Vec<Way>) -> Vec<Way> {
        let mut all = ways.clone();
        for way in ways {
            if way.0 == Peer::Visitor(VisitorId::ANY) || way.1 == Peer::Visitor(VisitorId::ANY) {
                all.extend(self.singled_out(way));
            }
        }
        all
    }

    /// Something can travel between these two.
    fn is_link(&self, a: Peer, b: Peer) -> Result<(), String> {
        match (a, b) {
            (Peer::Node(a), Peer::Node(b)) => {
                let known = |id: NodeId| id.index() < self.file.nodes.len();
                if a == b || !known(a) || !known(b) {
                    return Err("a link has two ends: two nodes, or a node and a visitor".into());
                }
                Ok(())
            }
            (Peer::Node(node), Peer::Visitor(visitor))
            | (Peer::Visitor(visitor), Peer::Node(node)) => {
                let name = self.name(node);
                if !self.receives(node) {
                    return Err(format!("no visitor comes to {name}: it takes no questions here"));
                }
                if visitor == VisitorId::ANY || self.visitors.get(&visitor) == Some(&node) {
                    return Ok(());
                }
                let whom = self.file.names.peer(Peer::Visitor(visitor));
                Err(match self.visitors.get(&visitor) {
                    Some(other) => format!("{whom} talks to {}, not to {name}", self.name(*other)),
                    None => format!("{whom} is not here: `visitors<->{name}` means all of them"),
                })
            }
            (Peer::Visitor(_), Peer::Visitor(_)) => {
                Err("visitors do not talk to each other: name the node that they talk to".into())
            }
        }
    }

    /// The one direction on which a frame has its number.
    pub fn one_way(&self, links: &LinkSet) -> Result<Way, String> {
        match *links {
            LinkSet::One(from, to) if ![from, to].contains(&Peer::Visitor(VisitorId::ANY)) => {
                self.is_link(from, to)?;
                Ok((from, to))
            }
            _ => Err("frames are counted by direction: name one, such as `ts1->ls`".into()),
        }
    }
}

fn is_one(links: &LinkSet) -> bool {
    matches!(links, LinkSet::One(..) | LinkSet::Both(..))
        && !matches!(
            links,
            LinkSet::One(Peer::Visitor(VisitorId::ANY), _)
                | LinkSet::One(_, Peer::Visitor(VisitorId::ANY))
                | LinkSet::Both(Peer::Visitor(VisitorId::ANY), _)
                | LinkSet::Both(_, Peer::Visitor(VisitorId::ANY))
        )
}
