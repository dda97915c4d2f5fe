//! One group of replicas with those who ask it: everything that is audited about its store.

use super::clocks::Clocks;
use super::figures::Figures;
use super::flight::Flight;
use super::gone::{Gone, Loss, Prediction, Thrown};
use super::lead::{Failover, Split};
use super::op::{Op, OpNo, Ops};
use super::places::Places;
use super::replica::ReplicaState;
use super::view::View;
use super::wait::Cycle;
use crate::base::{LabTime, NodeId, QuestionNo};
use crate::event::Life;
use crate::topology::{Kind, Node, Scheme, Topology};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

/// Replicas of one group that are audited: a bit each. Nobody runs more; those beyond are left out, and said to be.
pub const MEMBERS_MAX: usize = 64;

/// Operations that are remembered with all they went through, over all groups.
pub const OPS_MAX: usize = 16_384;

/// The fewest of them in one group, where there are many groups.
const OPS_MIN: usize = 128;

/// The acknowledged writes that are no longer remembered one by one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Bulk {
    pub acked: u64,
    /// Replicas that have all of them.
    pub held: u64,
    /// Replicas that have some of them.
    pub some: u64,
    pub safety: super::op::Safety,
}

/// A group.
#[derive(Debug, Clone, PartialEq)]
pub struct Group {
    /// How it keeps together.
    pub scheme: Scheme,
    /// Its replicas, in the file's order.
    pub replicas: Vec<ReplicaState>,
    /// Who asks it: clients of the store, and TSs in front of it.
    pub askers: Arc<[NodeId]>,
    /// Its counters.
    pub figures: Figures,
    /// The acknowledged writes that are gone, by their number.
    pub lost: BTreeMap<OpNo, Gone>,
    /// Since when some are.
    pub lost_since: Option<LabTime>,
    /// What was thrown away, oldest first.
    pub discarded: VecDeque<Thrown>,
    /// What a leader's death would cost, frozen at the moment of each death.
    pub predictions: VecDeque<Prediction>,
    /// The split brain that lasts.
    pub split: Option<Split>,
    /// Split brains that are over, oldest first.
    pub splits: VecDeque<Split>,
    /// Failovers, oldest first; the last one may be under way.
    pub failovers: VecDeque<Failover>,
    /// Cycles of nodes that wait for each other, as they stand.
    pub cycles: Vec<Cycle>,
    /// Every cycle that ever stood, as `r1>r2>r1` by node, in the order of their appearance.
    pub cycles_seen: Vec<Vec<NodeId>>,
    /// Pairs of living replicas of which neither's log is the beginning of the other's, and since when.
    pub forks: BTreeMap<(NodeId, NodeId), LabTime>,
    /// Who leads, as each asker believes, and in which term.
    pub believed: BTreeMap<NodeId, (NodeId, u64)>,
    /// What each node believes of each other.
    pub views: BTreeMap<(NodeId, NodeId), View>,
    /// Since when nobody serves writes.
    pub unserved_since: Option<LabTime>,
    pub(super) now: LabTime,
    pub(super) ops: Ops,
    pub(super) bulk: Bulk,
    pub(super) flights: VecDeque<Flight>,
    pub(super) places: Places,
    pub(super) dirty: BTreeSet<OpNo>,
    pub(super) because: Loss,
    pub(super) clocks: Clocks,
    pub(super) cuts: BTreeMap<(NodeId, NodeId), LabTime>,
    pub(super) asker_lives: BTreeMap<NodeId, (Life, LabTime, crate::base::Incarnation)>,
    pub(super) detected: BTreeSet<(NodeId, NodeId)>,
    pub(super) acks: VecDeque<(LabTime, NodeId)>,
    pub(super) outage: super::lead::Outage,
    /// Whom the askers ask, as the file has it.
    asked: BTreeSet<NodeId>,
    pub(super) stood: bool,
    /// Who acknowledged first in each of the newest terms.
    pub(super) term_ackers: BTreeMap<u64, NodeId>,
}

impl Group {
    fn new(
        topology: &Topology,
        members: &[NodeId],
        askers: Arc<[NodeId]>,
        keep: usize,
    ) -> Option<Self> {
        let replica = |id: &NodeId| match &topology.nodes.get(id.index())?.kind {
            Kind::Replica(config) => Some(ReplicaState::new(*id, config, keep)),
            _ => None,
        };
        let replicas: Vec<_> = members.iter().take(MEMBERS_MAX).filter_map(replica).collect();
        let asks = |id: &NodeId| topology.nodes.get(id.index()).map_or(&[][..], Node::asks);
        let asked = askers.iter().flat_map(asks).copied().collect();
        Some(Self {
            scheme: replicas.first()?.config.scheme,
            replicas,
            askers,
            figures: Figures::default(),
            lost: BTreeMap::new(),
            lost_since: None,
            discarded: VecDeque::new(),
            predictions: VecDeque::new(),
            split: None,
            splits: VecDeque::new(),
            failovers: VecDeque::new(),
            cycles: Vec::new(),
            cycles_seen: Vec::new(),
            forks: BTreeMap::new(),
            believed: BTreeMap::new(),
            views: BTreeMap::new(),
            unserved_since: None,
            now: LabTime::ZERO,
            ops: Ops::new(keep),
            bulk: Bulk::default(),
            flights: VecDeque::new(),
            places: Places::default(),
            dirty: BTreeSet::new(),
            because: Loss::Unknown,
            clocks: Clocks::default(),
            cuts: BTreeMap::new(),
            asker_lives: BTreeMap::new(),
            detected: BTreeSet::new(),
            acks: VecDeque::new(),
            outage: super::lead::Outage::default(),
            asked,
            stood: false,
            term_ackers: BTreeMap::new(),
        })
    }

    /// The operations that are remembered, oldest first.
    pub fn ops(&self) -> impl DoubleEndedIterator<Item = &Op> {
        self.ops.iter()
    }

    /// An operation by its number, if it is remembered.
    #[must_use]
    pub fn op(&self, no: OpNo) -> Option<&Op> {
        self.ops.get(no)
    }

    /// The operation that a client counts as this one, in its present life.
    #[must_use]
    pub fn op_of(&self, client: NodeId, request: QuestionNo) -> Option<&Op> {
        let life = self.asker_lives.get(&client)?.2;
        self.op(self.ops.by_request(client, life, request)?)
    }

    /// The replica with this id.
    #[must_use]
    pub fn replica(&self, id: NodeId) -> Option<&ReplicaState> {
        self.replicas.iter().find(|replica| replica.id == id)
    }

    /// The replicas whose logs hold an operation.
    pub fn holders(&self, op: &Op) -> impl Iterator<Item = NodeId> {
        let held = op.held;
        let here = self.replicas.iter().enumerate();
        here.filter(move |(at, _)| held & (1 << at) != 0).map(|(_, replica)| replica.id)
    }

    /// Who leads, in truth, in the file's order.
    pub fn leaders(&self) -> impl Iterator<Item = &ReplicaState> {
        self.replicas.iter().filter(|replica| replica.leads())
    }

    /// The directions between two of its nodes that are cut now.
    pub fn cut_ways(&self) -> impl Iterator<Item = (NodeId, NodeId)> {
        self.cuts.keys().copied()
    }

    /// Those that a majority is counted of: whom the askers ask. One that was started without a word to anybody is no
    /// part of it, until an asker has something to say of it.
    pub fn electorate(&self) -> impl Iterator<Item = &ReplicaState> {
        let known = |id| self.askers.iter().any(|asker| self.views.contains_key(&(*asker, id)));
        let counts = move |id| self.askers.is_empty() || self.asked.contains(&id) || known(id);
        self.replicas.iter().filter(move |replica| counts(replica.id))
    }

    /// Those that are alive, frozen ones included: a bit each.
    pub(super) fn alive(&self) -> u64 {
        let bits = self.replicas.iter().enumerate();
        bits.filter(|(_, replica)| replica.life.is_alive()).fold(0, |all, (at, _)| all | 1 << at)
    }

    pub(super) fn place(&self, id: NodeId) -> Option<usize> {
        self.replicas.iter().position(|replica| replica.id == id)
    }

    /// What a clone copies, in bytes, about.
    pub(super) fn weight(&self) -> usize {
        let replicas = self.replicas.iter().map(|replica| replica.copy.weight() + 400);
        self.ops.weight()
            + replicas.sum::<usize>()
            + self.places.weight()
            + self.lost.len() * 200
            + (self.flights.len() + self.acks.len() + self.views.len()) * 48
            + 1000
    }
}

/// The groups of a topology, and which node belongs to which: a replica by its peers, an asker by the first it asks.
pub(super) fn groups(topology: &Topology) -> (Vec<Arc<Group>>, Vec<Option<u16>>) {
    let count = topology.nodes.len();
    let mut root: Vec<usize> = (0..count).collect();
    let is_replica = |at: usize| {
        topology.nodes.get(at).is_some_and(|node| matches!(node.kind, Kind::Replica(_)))
    };
    for node in &topology.nodes {
        let Kind::Replica(config) = &node.kind else { continue };
        for peer in config.peers.iter().filter(|peer| is_replica(peer.index())) {
            let (a, b) = (find(&mut root, node.id.index()), find(&mut root, peer.index()));
            root[a.max(b)] = a.min(b);
        }
    }
    let mut members: BTreeMap<usize, Vec<NodeId>> = BTreeMap::new();
    for at in (0..count).filter(|at| is_replica(*at)) {
        members.entry(find(&mut root, at)).or_default().push(topology.nodes[at].id);
    }
    let mut of = vec![None; count];
    for (group, members) in members.values().enumerate() {
        for id in members {
            of[id.index()] = u16::try_from(group).ok();
        }
    }
    let mut askers: Vec<Vec<NodeId>> = vec![Vec::new(); members.len()];
    for node in topology.nodes.iter().filter(|node| !is_replica(node.id.index())) {
        let first = node.asks().iter().find(|asked| is_replica(asked.index()));
        if let Some(group) = first.and_then(|asked| of[asked.index()]) {
            of[node.id.index()] = Some(group);
            askers[usize::from(group)].push(node.id);
        }
    }
    let keep = (OPS_MAX / members.len().max(1)).max(OPS_MIN);
    let groups = members.values().zip(askers).filter_map(|(members, askers)| {
        Group::new(topology, members, askers.into(), keep).map(Arc::new)
    });
    (groups.collect(), of)
}

/// The lowest node of the tree that this one stands in (union-find with path halving).
fn find(root: &mut [usize], mut at: usize) -> usize {
    while root[at] != at {
        root[at] = root[root[at]];
        at = root[at];
    }
    at
}
