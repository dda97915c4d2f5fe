//! The fault state: who lives, how everybody is set, what every link is like; and how one state becomes another.

mod rebase;

use super::Act;
use super::mark::BOOT_ORDER;
use crate::base::{NodeId, OwnClock, Peer, VisitorId};
use crate::event::Life;
use crate::machine::Told;
use crate::message::Faults;
use crate::topology::{Kind, Role, Setting, Topology, setting};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// One direction of a link.
pub(super) type Way = (Peer, Peer);

/// Visitors that are known at once; a lab that has more treats the rest as visitors in general.
const VISITORS_MAX: usize = 4096;

/// Part of the fault state, with its value.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Piece {
    /// Whether a node lives, and how.
    Life(NodeId, Life),
    /// How it is set.
    Kind(NodeId, Arc<Kind>),
    /// The load of a client, in questions a thousand seconds.
    Load(NodeId, u64),
    /// Its own clock. It is its host's: it runs whether a process does or not.
    Clock(NodeId, OwnClock),
    /// What a hand did to one direction of a link; none where it is as usual.
    Link(Way, Option<Faults>),
}

/// How settings are read and written: `topology::setting`, or a test's own.
#[derive(Debug, Clone, Copy)]
pub(super) struct Grammar {
    pub parse: fn(&Topology, NodeId, &str, &str) -> Result<Setting, String>,
    pub keys: fn(&Kind) -> &'static [&'static str],
    pub current: fn(&Topology, &Kind, &str) -> Option<String>,
}

impl Grammar {
    pub const FILE: Self =
        Self { parse: setting::parse, keys: setting::keys, current: setting::current };
}

/// A client's process as it was last told.
#[derive(Debug, Clone)]
struct Mind {
    kind: Arc<Kind>,
    load: u64,
}

/// The state that commands act on.
#[derive(Debug)]
pub(super) struct State {
    /// As the file says.
    pub file: Arc<Topology>,
    /// The same, with the settings that were changed since.
    pub now: Topology,
    pub grammar: Grammar,
    pub life: Vec<Life>,
    kinds: Vec<Arc<Kind>>,
    loads: Vec<u64>,
    pub clocks: Vec<OwnClock>,
    /// What each process knows of its settings; a frozen one hears nothing until it thaws.
    minds: Vec<Mind>,
    links: BTreeMap<Way, Faults>,
    pub visitors: BTreeMap<VisitorId, NodeId>,
    /// Boots that were ordered, by node, and those that were seen.
    pub boots: Vec<(u32, u32)>,
}

impl State {
    pub fn new(file: Arc<Topology>, grammar: Grammar) -> Self {
        let kinds: Vec<Arc<Kind>> =
            file.nodes.iter().map(|node| Arc::new(node.kind.clone())).collect();
        let loads: Vec<u64> = file.nodes.iter().map(|node| load_of(&node.kind)).collect();
        let minds = kinds
            .iter()
            .zip(&loads)
            .map(|(kind, load)| Mind { kind: kind.clone(), load: *load })
            .collect();
        let count = file.nodes.len();
        Self {
            now: (*file).clone(),
            file,
            grammar,
            life: vec![Life::Off; count],
            kinds,
            loads,
            clocks: vec![OwnClock::RIGHT; count],
            minds,
            links: BTreeMap::new(),
            visitors: BTreeMap::new(),
            boots: vec![(0, 0); count],
        }
    }

    /// The present value of the part that a piece is about.
    pub fn present(&self, piece: &Piece) -> Piece {
        match piece {
            Piece::Life(node, _) => Piece::Life(*node, self.life[node.index()]),
            Piece::Kind(node, _) => Piece::Kind(*node, self.kinds[node.index()].clone()),
            Piece::Load(node, _) => Piece::Load(*node, self.loads[node.index()]),
            Piece::Clock(node, _) => Piece::Clock(*node, self.clocks[node.index()]),
            Piece::Link(way, _) => Piece::Link(*way, self.links.get(way).copied()),
        }
    }

    /// The whole fault state: links first, then every node of ours, servers before those who ask them.
    pub fn pieces(&self) -> Vec<Piece> {
        let links = self.links.iter().map(|(way, faults)| Piece::Link(*way, Some(*faults)));
        let of_role = |role: &Role| {
            let role = *role;
            self.file.nodes.iter().filter(move |node| node.role() == role && node.at.is_none())
        };
        let nodes = BOOT_ORDER.iter().flat_map(of_role).flat_map(|node| {
            let at = node.id.index();
            [
                Piece::Kind(node.id, self.kinds[at].clone()),
                Piece::Load(node.id, self.loads[at]),
                Piece::Clock(node.id, self.clocks[at]),
                Piece::Life(node.id, self.life[at]),
            ]
        });
        links.chain(nodes).collect()
    }

    /// How a node is set at present.
    pub fn kind(&self, node: NodeId) -> &Arc<Kind> {
        &self.kinds[node.index()]
    }

    /// What one direction is like now.
    pub fn faults(&self, way: Way) -> Faults {
        self.links.get(&way).copied().unwrap_or_else(|| self.usual(way))
    }

    /// What one direction is like if nothing is done to it in particular. What is done to visitors in general holds
    /// for each of them.
    pub fn usual(&self, way: Way) -> Faults {
        match way {
            (Peer::Node(from), Peer::Node(to)) => self.file.link(from, to),
            _ => self.links.get(&in_general(way)).copied().unwrap_or_default(),
        }
    }

    /// A direction with these faults, as a piece.
    pub fn link_piece(&self, way: Way, faults: Faults) -> Piece {
        let usual = match way {
            (Peer::Node(from), Peer::Node(to)) => self.file.link(from, to),
            // Whoever was singled out stays so: what becomes of visitors in general no longer matters to it.
            _ if way != in_general(way) => return Piece::Link(way, Some(faults)),
            _ => Faults::default(),
        };
        Piece::Link(way, (faults != usual).then_some(faults))
    }

    /// Directions that were changed by hand.
    pub fn changed_links(&self) -> Vec<Way> {
        self.links.keys().copied().collect()
    }

    /// Visitors of this node, or of any node, that were singled out in this direction.
    pub fn singled_out(&self, general: Way) -> Vec<Way> {
        self.links
            .keys()
            .filter(|way| **way != general && in_general(**way) == general)
            .copied()
            .collect()
    }

    /// Makes the fault state have these pieces, and gives what must be done for it.
    pub fn go(&mut self, pieces: &[Piece]) -> Vec<Act> {
        let mut acts = Vec::new();
        // Settings and clocks first, so that a process that boots is told the new ones and lives by the new ones.
        for piece in pieces {
            match piece {
                Piece::Kind(node, kind) => {
                    self.kinds[node.index()] = kind.clone();
                    self.now.nodes[node.index()].kind = (**kind).clone();
                }
                Piece::Load(node, load) => self.loads[node.index()] = *load,
                Piece::Clock(node, clock) => {
                    if std::mem::replace(&mut self.clocks[node.index()], *clock) != *clock {
                        acts.push(Act::SetOwnClock(*node, *clock));
                    }
                }
                Piece::Life(..) | Piece::Link(..) => {}
            }
        }
        let mut touched = BTreeSet::new();
        for piece in pieces {
            match piece {
                Piece::Life(node, life) => {
                    self.live(*node, *life, &mut acts);
                    touched.insert(*node);
                }
                Piece::Kind(node, _) | Piece::Load(node, _) => {
                    touched.insert(*node);
                }
                Piece::Link(way, faults) => self.set_link(*way, *faults, &mut acts),
                Piece::Clock(..) => {}
            }
        }
        for node in touched {
            self.inform(node, &mut acts);
        }
        acts
    }

    fn set_link(&mut self, way: Way, faults: Option<Faults>, acts: &mut Vec<Act>) {
        let gone = |peer| match peer {
            Peer::Visitor(id) => id != VisitorId::ANY && !self.visitors.contains_key(&id),
            Peer::Node(_) => false,
        };
        if gone(way.0) || gone(way.1) {
            return;
        }
        let before = self.faults(way);
        match faults {
            Some(faults) => self.links.insert(way, faults),
            None => self.links.remove(&way),
        };
        let after = self.faults(way);
        if before == after {
            return;
        }
        let mut ways = vec![way];
        if way == in_general(way) && !matches!(way, (Peer::Node(_), Peer::Node(_))) {
            // A host takes what is said of all visitors for every one of them.
            ways.extend(self.singled_out(way));
        }
        for way in ways {
            let (from, to) = way;
            acts.push(Act::SetFaults { from, to, faults: self.faults(way) });
        }
        if before.hold && !after.hold {
            acts.push(Act::Release { from: way.0, to: way.1, frame: None });
        }
    }

    /// Brings a node from its present state to another. A state that only a process can reach by itself is approached
    /// as far as peers can tell.
    fn live(&mut self, node: NodeId, wanted: Life, acts: &mut Vec<Act>) {
        let present = self.life[node.index()];
        // What a disk has lost comes back by no order: it must be wiped.
        if present == wanted || (present == Life::Corrupt && wanted != Life::PoweredOff) {
            return;
        }
        match wanted {
            Life::Up | Life::Stopping => match present {
                Life::Frozen => acts.push(Act::Thaw(node)),
                Life::Stopping => {
                    acts.push(Act::Kill(node));
                    self.boot(node, acts);
                }
                _ => self.boot(node, acts),
            },
            Life::Frozen => {
                if present != Life::Up {
                    self.live(node, Life::Up, acts);
                    self.inform(node, acts);
                }
                acts.push(Act::Freeze(node));
            }
            Life::PoweredOff => acts.push(Act::PowerOff(node)),
            Life::Off | Life::Killed | Life::Crashed | Life::Corrupt | Life::Stopped => {
                return self.end(node, wanted, acts);
            }
        }
        self.life[node.index()] = if wanted == Life::Stopping { Life::Up } else { wanted };
    }

    /// Ends a process, by the same death where that can be had again.
    fn end(&mut self, node: NodeId, wanted: Life, acts: &mut Vec<Act>) {
        let present = self.life[node.index()];
        if present == Life::PoweredOff {
            // Power comes back with a boot only; then the process ends as it had ended.
            self.boot(node, acts);
        } else if !present.is_alive() {
            return;
        }
        if present == Life::Frozen && matches!(wanted, Life::Crashed | Life::Stopped) {
            acts.push(Act::Thaw(node));
        }
        self.life[node.index()] = match wanted {
            Life::Crashed => {
                acts.push(Act::Crash(node));
                Life::Crashed
            }
            Life::Stopped => {
                acts.push(Act::Tell(node, Told::Stop));
                Life::Stopping
            }
            _ => {
                acts.push(Act::Kill(node));
                Life::Killed
            }
        };
    }

    pub fn boot(&mut self, node: NodeId, acts: &mut Vec<Act>) {
        acts.push(Act::Boot(node));
        self.boots[node.index()].0 += 1;
        self.life[node.index()] = Life::Up;
        let kind = Arc::new(self.file.node(node).kind.clone());
        self.minds[node.index()] = Mind { load: load_of(&kind), kind };
    }

    /// Tells a running process what has changed since it was last told.
    fn inform(&mut self, node: NodeId, acts: &mut Vec<Act>) {
        let at = node.index();
        if self.life[at] != Life::Up && self.life[at] != Life::Stopping {
            return;
        }
        let mind = Mind { kind: self.kinds[at].clone(), load: self.loads[at] };
        let known = std::mem::replace(&mut self.minds[at], mind);
        let told = self.differences(node, &known.kind);
        acts.extend(told.into_iter().map(|told| Act::Tell(node, told)));
        if known.load != self.loads[at] {
            acts.push(Act::Tell(node, Told::Load { per_kilosecond: self.loads[at] }));
        }
    }

    /// What a process must be told so that its settings become the present ones.
    fn differences(&self, node: NodeId, known: &Arc<Kind>) -> Vec<Told> {
        let wanted = self.kind(node);
        if Arc::ptr_eq(known, wanted) || known == wanted {
            return Vec::new();
        }
        let mut keys: Vec<&str> = (self.grammar.keys)(wanted).to_vec();
        // `fall` can switch ejection off as a whole; another figure of it said later would switch it on again.
        keys.sort_by_key(|key| *key == "fall");
        let mut told = Vec::new();
        for key in keys.into_iter().filter(|key| *key != "lie") {
            let was = (self.grammar.current)(&self.now, known, key);
            let Some(value) = (self.grammar.current)(&self.now, wanted, key) else { continue };
            if was.as_deref() == Some(value.as_str()) {
                continue;
            }
            if let Ok(setting) = (self.grammar.parse)(&self.now, node, key, &value) {
                told.push(Told::Set { setting, key: key.into(), value: value.into() });
            }
        }
        if let Some(lie) = wanted.lies().filter(|_| known.lies() != wanted.lies()) {
            let value = if lie { "on" } else { "off" };
            let setting = Setting::Lie(lie);
            told.push(Told::Set { setting, key: "lie".into(), value: value.into() });
        }
        told
    }

    /// Takes note of a visitor.
    pub fn visited(&mut self, visitor: VisitorId, node: NodeId) {
        if self.visitors.len() >= VISITORS_MAX {
            self.visitors.pop_first();
        }
        self.visitors.insert(visitor, node);
    }

    /// Forgets a visitor, and what was done to its links.
    pub fn left(&mut self, visitor: VisitorId) {
        self.visitors.remove(&visitor);
        let gone = Peer::Visitor(visitor);
        self.links.retain(|way, _| way.0 != gone && way.1 != gone);
    }

    /// Whom a node talks to: whoever it asks or is asked by, links that are written in the file, and visitors in
    /// general, then in particular.
    pub fn neighbours(&self, node: NodeId) -> Vec<Peer> {
        let mut nodes: BTreeSet<NodeId> = self.now.node(node).asks().iter().copied().collect();
        let askers = self.now.nodes.iter().filter(|other| other.asks().contains(&node));
        nodes.extend(askers.map(|other| other.id));
        for (from, to) in self.file.links.keys() {
            if *from == node {
                nodes.insert(*to);
            }
            if *to == node {
                nodes.insert(*from);
            }
        }
        nodes.remove(&node);
        let mut peers: Vec<Peer> = nodes.into_iter().map(Peer::Node).collect();
        if self.receives(node) {
            peers.push(Peer::Visitor(VisitorId::ANY));
            let here = self.visitors.iter().filter(|(_, visited)| **visited == node);
            let singled = |visitor: &VisitorId| {
                self.links.keys().any(|(from, to)| [*from, *to].contains(&Peer::Visitor(*visitor)))
            };
            peers.extend(here.map(|(id, _)| *id).filter(singled).map(Peer::Visitor));
        }
        peers
    }

    /// Whether visitors can come to it.
    pub fn receives(&self, node: NodeId) -> bool {
        let node = self.file.node(node);
        node.at.is_none() && node.role() != Role::Client
    }
}

/// The load that a client starts with, in questions a thousand seconds.
fn load_of(kind: &Kind) -> u64 {
    match kind {
        Kind::Client(client) => (client.rate * 1000.0).round() as u64,
        Kind::StoreClient(client) => (client.rate * 1000.0).round() as u64,
        Kind::Ls(_) | Kind::Ts(_) | Kind::Replica(_) => 0,
    }
}

/// The direction for visitors in general that stands for this one; a link between nodes stands for itself.
fn in_general(way: Way) -> Way {
    let general = |peer| match peer {
        Peer::Visitor(_) => Peer::Visitor(VisitorId::ANY),
        Peer::Node(_) => peer,
    };
    (general(way.0), general(way.1))
}
