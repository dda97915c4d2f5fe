//! What a command wants the fault state to be, or why it makes no sense.

use super::state::{Piece, State, Way};
use crate::base::{LabTime, NodeId, OwnClock, Peer, VisitorId};
use crate::command::{Command, LinkSet};
use crate::event::Life;
use crate::message::{Faults, Jitter, RecordType};
use crate::topology::{Kind, Role, Setting, Wire, a_role};
use std::sync::Arc;

impl State {
    /// The pieces of the fault state that a command wants, for commands that change it.
    pub fn target(&self, now: LabTime, command: &Command) -> Result<Vec<Piece>, String> {
        match command {
            Command::Kill(node) => self.death(*node, Life::Killed),
            Command::Crash(node) => self.death(*node, Life::Crashed),
            Command::PowerOff(node) => self.power_off(*node),
            Command::Freeze(node) => self.freeze(*node),
            Command::Thaw(node) => self.thaw(*node),
            Command::Revive(node) => self.revive(*node),
            Command::Lie(node, on) => self.lie(*node, *on),
            Command::Skew(node, ahead) => self.skew(now, *node, *ahead),
            Command::Drift(node, rate) => self.drift(now, *node, *rate),
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
                self.for_datagrams(links, *share, "doubled")?;
                self.change(links, |faults| faults.duplicate = *share)
            }
            Command::Reorder(links, share) => {
                self.for_datagrams(links, *share, "overtaken")?;
                self.change(links, |faults| faults.reorder = *share)
            }
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
            Life::Corrupt => format!(
                "the disk of {name} cannot be read: `wipe {name}` empties it, \
                 then `revive {name}` starts it with nothing"
            ),
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
        if self.life_of(node) == Life::Corrupt {
            return Err(self.gone(node, ""));
        }
        let mut pieces = self.lie_piece(node, false);
        pieces.push(Piece::Clock(node, OwnClock::RIGHT));
        pieces.push(Piece::Life(node, Life::Up));
        Ok(pieces)
    }

    fn lie_piece(&self, node: NodeId, on: bool) -> Vec<Piece> {
        let present = self.kind(node);
        if present.lies().is_none_or(|lies| lies == on) {
            return Vec::new();
        }
        let mut kind = (**present).clone();
        Setting::Lie(on).apply(&mut kind);
        vec![Piece::Kind(node, Arc::new(kind))]
    }

    fn lie(&self, node: NodeId, on: bool) -> Result<Vec<Piece>, String> {
        let name = self.ours(node)?;
        if self.kind(node).lies().is_none() {
            return Err(format!(
                "{name} is {}: only a TS and a replica have something to lie about",
                a_role(self.file.node(node).role())
            ));
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

    /// The client asks for names.
    pub fn asks_for_names(&self, node: NodeId) -> Result<(), String> {
        let name = self.name(node);
        match &**self.kind(node) {
            Kind::StoreClient(_) => Err(format!(
                "{name} keeps to a store: `put {name} KEY VALUE`, `get`, `post` and `read` say \
                 what it does, and `query {name} x5` goes through its list"
            )),
            _ => Ok(()),
        }
    }

    /// The client can ask for such records: on lines there are addresses alone, and nobody says which.
    pub fn can_ask_for(&self, node: NodeId, kind: RecordType) -> Result<(), String> {
        if kind.is_usual() || self.file.speaks_dns(node) {
            return Ok(());
        }
        let name = self.name(node);
        Err(format!("{name} speaks lines, on which there are addresses alone: ask without {kind}"))
    }

    /// The client asks replicas.
    pub fn keeps_to_a_store(&self, node: NodeId) -> Result<(), String> {
        if matches!(&**self.kind(node), Kind::StoreClient(_)) {
            return Ok(());
        }
        let clients = self.file.nodes.iter();
        let mut of_store = clients.filter(|node| matches!(node.kind, Kind::StoreClient(_)));
        let hint = of_store.next().map_or_else(
            || "no client of this topology asks replicas".into(),
            |client| format!("try `{}`", self.name(client.id)),
        );
        Err(format!("{} asks for names and knows no store: {hint}", self.name(node)))
    }

    /// The node has a disk, and no process that would write on.
    pub fn may_be_wiped(&self, node: NodeId) -> Result<(), String> {
        let name = self.ours(node)?;
        if !matches!(&**self.kind(node), Kind::Replica(_)) {
            let role = a_role(self.file.node(node).role());
            return Err(format!("{name} is {role} and has no disk: only replicas keep anything"));
        }
        if self.life_of(node).is_alive() {
            return Err(format!("{name} runs and writes its disk: `kill {name}` first"));
        }
        Ok(())
    }

    /// The client has names to ask for, or operations to go through.
    pub fn has_list(&self, node: NodeId) -> Result<(), String> {
        match &**self.kind(node) {
            Kind::Client(client) if client.list.is_empty() => {
                let name = self.name(node);
                Err(format!(
                    "{name} has no list of names: give it `names` in the file, \
                     or a name in the command"
                ))
            }
            Kind::StoreClient(client) if client.operations.is_empty() => {
                let name = self.name(node);
                Err(format!(
                    "{name} has no list: give it `operations` in the file, \
                     or say what it does: `put {name} KEY VALUE`"
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
            if let Some(lies) = node.kind.lies() {
                pieces.extend(self.lie_piece(node.id, lies));
            }
            if !self.clocks[node.id.index()].is_right() {
                pieces.push(Piece::Clock(node.id, OwnClock::RIGHT));
            }
            let life = self.life_of(node.id);
            // A disk that cannot be read is no fault that could be taken back.
            let down = node.starts && !matches!(life, Life::Up | Life::Corrupt);
            if life == Life::Frozen || down {
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

    /// Datagrams travel on one of these directions at least; or nothing is to befall them.
    fn for_datagrams(&self, links: &LinkSet, share: f64, what: &str) -> Result<(), String> {
        let carries = |way: &Way| match *way {
            (Peer::Node(a), Peer::Node(b)) => self.file.wire(a, b).takes_datagrams(),
            (Peer::Node(node), Peer::Visitor(_)) | (Peer::Visitor(_), Peer::Node(node)) => {
                let listen = self.file.node(node).listen;
                Wire::ALL.iter().any(|wire| wire.takes_datagrams() && listen.port(*wire).is_some())
            }
            (Peer::Visitor(_), Peer::Visitor(_)) => false,
        };
        if share <= 0.0 || self.ways(links)?.iter().any(carries) {
            return Ok(());
        }
        Err(format!(
            "nothing is {what} there: TCP delivers each byte once and in order; \
             datagrams travel on links with wire = \"dns\""
        ))
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
