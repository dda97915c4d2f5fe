//! What a key would hit, read from the world's truth: the selected node, the busiest server, the asking client.

use super::view::{Selection, View};
use super::words::Late;
use crate::base::{NodeId, Peer, VisitorId};
use crate::command::LinkSet;
use crate::message::{Faults, Jitter};
use crate::topology::{Policy, Role, Topology};
use crate::world::{LaneEnd, LinkState, World};
use std::collections::{BTreeMap, BTreeSet};

/// Races that decide who leads where nobody does.
pub const RACES_THAT_COUNT: usize = 20;

/// The first node with a role, in the file's order.
fn first(world: &World, role: Role) -> Option<NodeId> {
    world.topology.nodes.iter().find(|node| node.role() == role).map(|node| node.id)
}

/// The first name server; without one, the first replica; without that, the first node.
#[must_use]
pub fn first_server(world: &World) -> Option<NodeId> {
    let server = first(world, Role::Ts).or_else(|| first(world, Role::Replica));
    server.or_else(|| world.topology.nodes.first().map(|node| node.id))
}

/// The server that won most of the last twenty races and still lives; ties in the file's order.
#[must_use]
pub fn leader(world: &World) -> Option<NodeId> {
    let mut wins: BTreeMap<NodeId, u32> = BTreeMap::new();
    for race in world.races.iter().rev().take(RACES_THAT_COUNT) {
        for lane in race.lanes.iter().filter(|lane| lane.end == LaneEnd::Won) {
            *wins.entry(lane.upstream).or_default() += 1;
        }
    }
    let servers = world.topology.nodes.iter().filter(|node| node.role() == Role::Ts);
    let alive = servers.filter(|node| world.node(node.id).life.is_alive());
    // `max_by_key` takes the last of equals; walking backwards makes that the first in the file.
    alive.map(|node| node.id).rev().max_by_key(|id| wins.get(id).copied().unwrap_or(0))
}

/// Whom `X` kills: the leader of the store on show; where there is none, the winner of most races.
#[must_use]
pub fn to_kill(world: &World, view: &View) -> Option<NodeId> {
    super::store::leader_to_kill(world, view).or_else(|| leader(world))
}

/// The node that node keys act on.
#[must_use]
pub fn node(world: &World, view: &View) -> Option<NodeId> {
    match view.selection {
        Selection::Node(id) => Some(id),
        Selection::Link(..) => None,
        Selection::Nothing | Selection::Truth => {
            to_kill(world, view).or_else(|| first_server(world))
        }
    }
}

/// The client that `f` makes ask: the selected one, or the first.
#[must_use]
pub fn client(world: &World, view: &View) -> Option<NodeId> {
    match view.selection {
        Selection::Node(id) if world.topology.node(id).role() == Role::Client => Some(id),
        _ => first(world, Role::Client),
    }
}

/// The LS that `s` is about: the selected one, or the first.
#[must_use]
pub fn ls(world: &World, view: &View) -> Option<NodeId> {
    match view.selection {
        Selection::Node(id) if world.topology.node(id).role() == Role::Ls => Some(id),
        _ => first(world, Role::Ls),
    }
}

/// The policy that an LS has now.
#[must_use]
pub fn policy(world: &World, ls: NodeId) -> Option<Policy> {
    world.policy(ls).and_then(Policy::from_word)
}

/// Whom a node asks now: what the file says unless it was changed since.
#[must_use]
pub fn upstreams(world: &World, id: NodeId) -> Vec<NodeId> {
    let node = world.topology.node(id);
    let key = if node.role() == Role::Ls { "upstreams" } else { "asks" };
    match world.node(id).changed.get(key) {
        Some(list) => {
            let words = list.split(|c: char| !(c.is_ascii_alphanumeric() || c == '-'));
            words.filter_map(|word| world.topology.names.id(word)).collect()
        }
        None => node.asks().to_vec(),
    }
}

/// The peers that a node has links with, by who asks whom and by what was used besides, in order.
#[must_use]
pub fn neighbours(world: &World, id: NodeId) -> Vec<Peer> {
    let here = Peer::Node(id);
    let mut peers: BTreeSet<Peer> = upstreams(world, id).into_iter().map(Peer::Node).collect();
    let others = world.topology.nodes.iter().filter(|node| node.role() != Role::Ts);
    peers.extend(
        others
            .filter(|node| upstreams(world, node.id).contains(&id))
            .map(|node| Peer::Node(node.id)),
    );
    for (from, to) in world.links.keys() {
        if *from == here {
            peers.insert(*to);
        } else if *to == here {
            peers.insert(*from);
        }
    }
    peers.remove(&here);
    // Faults of visitors yet to come are no link that could be walked to.
    peers.remove(&Peer::Visitor(VisitorId::ANY));
    peers.into_iter().collect()
}

/// The faults of one direction now.
#[must_use]
pub fn faults(world: &World, from: Peer, to: Peer) -> Faults {
    match (world.links.get(&(from, to)), from, to) {
        (Some(link), _, _) => link.faults,
        (None, Peer::Node(from), Peer::Node(to)) => world.topology.link(from, to),
        (None, _, _) => Faults::default(),
    }
}

/// What is to be told of one direction now: its faults, without the unsteadiness that the file gives it, which is how
/// this network is and no news.
#[must_use]
pub fn told_faults(world: &World, from: Peer, to: Peer) -> Faults {
    let mut faults = faults(world, from, to);
    if let (Peer::Node(from), Peer::Node(to)) = (from, to) {
        let stated = world.topology.link(from, to);
        if faults.jitter == stated.jitter {
            faults.jitter = Jitter::default();
        }
        if (faults.duplicate, faults.reorder) == (stated.duplicate, stated.reorder) {
            (faults.duplicate, faults.reorder) = (0.0, 0.0);
        }
    }
    faults
}

/// What loss has come to on one direction. What a visitor sends is not counted: the log has only what arrives.
#[must_use]
pub fn late(world: &World, from: Peer, to: Peer) -> Late {
    let topology = &world.topology;
    let datagrams = match (from, to) {
        (Peer::Node(from), Peer::Node(to)) => topology.wire(from, to).takes_datagrams(),
        (Peer::Node(node), Peer::Visitor(_)) | (Peer::Visitor(_), Peer::Node(node)) => {
            let listen = topology.node(node).listen;
            listen.dns.is_some() && listen.line.is_none()
        }
        (Peer::Visitor(_), Peer::Visitor(_)) => false,
    };
    let link = world.links.get(&(from, to)).filter(|_| matches!(from, Peer::Node(_)));
    let (hit, of) = link.map_or((0, 0), LinkState::late_of_20);
    Late { word: if datagrams { "lost" } else { "late" }, hit, of }
}

/// The directions that link keys act on, as the command names them and one by one.
#[must_use]
pub fn link_set(world: &World, view: &View) -> Option<(LinkSet, Vec<(Peer, Peer)>)> {
    if let Selection::Link(a, b) = view.selection {
        return Some((LinkSet::Both(a, b), vec![(a, b), (b, a)]));
    }
    let id = node(world, view)?;
    let here = Peer::Node(id);
    let around = neighbours(world, id).into_iter().flat_map(|peer| [(here, peer), (peer, here)]);
    Some((LinkSet::Around(id), around.collect()))
}

/// The name of what link keys act on: `ts1`, `ls-ts1`.
#[must_use]
pub fn selection_word(world: &World, view: &View) -> Option<String> {
    let names = &world.topology.names;
    match view.selection {
        Selection::Link(a, b) => Some(format!("{}-{}", names.peer(a), names.peer(b))),
        _ => node(world, view).map(|id| names.of(id).to_owned()),
    }
}

/// Whether a node answers wrongly now.
#[must_use]
pub fn lies(world: &World, id: NodeId) -> bool {
    world.lies(id)
}

/// The nodes in tiers from asker to server: clients, load balancers (one tier for each that asks another), servers.
#[must_use]
pub fn tiers(topology: &Topology) -> Vec<Vec<NodeId>> {
    let depth = depths(topology);
    let mut tiers: BTreeMap<u8, Vec<NodeId>> = BTreeMap::new();
    for node in &topology.nodes {
        tiers.entry(depth[node.id.index()]).or_default().push(node.id);
    }
    tiers.into_values().collect()
}

/// Chains of load balancers deeper than this are drawn in one tier.
const TIERS_OF_LS_MAX: u8 = 4;

fn depths(topology: &Topology) -> Vec<u8> {
    let role = |id: NodeId| topology.node(id).role();
    let mut depth: Vec<u8> =
        topology.nodes.iter().map(|node| u8::from(node.role() != Role::Client)).collect();
    for _ in 1..TIERS_OF_LS_MAX {
        for node in topology.nodes.iter().filter(|node| node.role() == Role::Ls) {
            for asked in node.asks().iter().filter(|id| role(**id) == Role::Ls && **id != node.id) {
                let below = (depth[node.id.index()] + 1).min(TIERS_OF_LS_MAX);
                depth[asked.index()] = depth[asked.index()].max(below);
            }
        }
    }
    let last = TIERS_OF_LS_MAX + 1;
    for node in &topology.nodes {
        match node.role() {
            Role::Ts => depth[node.id.index()] = last,
            // A store stands below those in front of it.
            Role::Replica => depth[node.id.index()] = last + 1,
            Role::Client | Role::Ls => {}
        }
    }
    depth
}
