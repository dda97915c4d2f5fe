//! Checkpoints: worlds of earlier moments that share what did not change, so that any moment still
//! in the log is folded again in a few milliseconds.

use super::race::{Lane, Race};
use super::{LinkState, Mark, NodeState, World};
use crate::base::Peer;
use crate::log::{EVENTS_MAX, Log, Tail};
use crate::topology::Topology;
use std::collections::VecDeque;
use std::sync::Arc;

/// Events between two checkpoints: where seven million are folded in a second, less than four milliseconds'. Under a
/// flood a checkpoint keeps a thousand races of its own, so more of them cost a lab more than they spare a jump.
pub const CHECKPOINT_EVENTS: u64 = 24 * 1024;

/// Checkpoints that are kept: one for each such run of the log, and some for its older end.
const CHECKPOINTS_MAX: usize = EVENTS_MAX / CHECKPOINT_EVENTS as usize + 2;

/// Nodes or links in one shared piece.
const PIECE: usize = 32;

/// About what the checkpoints may take; beyond it, every other one goes.
const BYTES_MAX: usize = 48 * 1024 * 1024;

type Links = Vec<((Peer, Peer), LinkState)>;

/// A world in shared pieces.
#[derive(Debug)]
struct Checkpoint {
    /// The world without its nodes and links.
    rest: World,
    nodes: Vec<Arc<Vec<NodeState>>>,
    links: Vec<Arc<Links>>,
    bytes: usize,
}

/// Earlier worlds.
#[derive(Debug)]
pub struct History {
    topology: Arc<Topology>,
    checkpoints: VecDeque<Checkpoint>,
    every: u64,
}

impl History {
    /// A history of a lab that has not started.
    #[must_use]
    pub fn new(topology: Arc<Topology>) -> Self {
        Self::every(topology, CHECKPOINT_EVENTS)
    }

    /// The same with checkpoints so many events apart: for short logs.
    #[must_use]
    pub fn every(topology: Arc<Topology>, events: u64) -> Self {
        Self { topology, checkpoints: VecDeque::new(), every: events.max(1) }
    }

    /// Looks at the world after each event, or after each few: keeps a checkpoint when it is time
    /// for one.
    #[inline]
    pub fn observe(&mut self, world: &World) {
        let last = self.checkpoints.back().map_or(0, |last| last.rest.position);
        if world.position >= last + self.every {
            self.keep(world);
        }
    }

    fn keep(&mut self, world: &World) {
        let checkpoint = Checkpoint::new(world, self.checkpoints.back());
        self.checkpoints.push_back(checkpoint);
        if self.checkpoints.len() > CHECKPOINTS_MAX {
            self.checkpoints.pop_front();
        }
        while self.checkpoints.len() > 2 && self.bytes() > BYTES_MAX {
            self.thin();
        }
    }

    /// Forgets what lies before the log's oldest event, but for the one checkpoint that reaches
    /// it.
    pub fn trim(&mut self, oldest: u64) {
        while self.checkpoints.get(1).is_some_and(|next| next.rest.position <= oldest) {
            self.checkpoints.pop_front();
        }
    }

    /// The position of the first checkpoint that is not before this one: from there on, the world is known without
    /// what was before.
    #[must_use]
    pub fn first_from(&self, position: u64) -> Option<u64> {
        let mut positions = self.checkpoints.iter().map(|checkpoint| checkpoint.rest.position);
        positions.find(|at| *at >= position)
    }

    /// How many checkpoints there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.checkpoints.len()
    }

    /// Whether there is none yet.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.checkpoints.is_empty()
    }

    /// About how much memory the checkpoints take by themselves, in bytes.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.checkpoints.iter().map(|checkpoint| checkpoint.bytes).sum()
    }

    /// The world when the events before `position` had been folded, from this log.
    #[must_use]
    pub fn at(&self, log: &Log, position: u64) -> World {
        let most = usize::try_from(self.every).unwrap_or(usize::MAX);
        self.at_from(position, |from| log.read(from, most))
    }

    /// The same, from whatever gives the tail of the log from a position on.
    #[must_use]
    pub fn at_from(&self, position: u64, mut read: impl FnMut(u64) -> Tail) -> World {
        let before = self.checkpoints.partition_point(|point| point.rest.position <= position);
        let mut world = match before.checked_sub(1).and_then(|at| self.checkpoints.get(at)) {
            Some(checkpoint) => checkpoint.world(),
            None => World::new(self.topology.clone()),
        };
        while world.position < position {
            let tail = read(world.position);
            if tail.is_empty() && tail.missing == 0 {
                break;
            }
            world.gap(tail.missing.min(position - world.position));
            for event in tail.events() {
                if world.position == position {
                    break;
                }
                world.apply(event);
            }
        }
        world
    }

    /// Every other checkpoint goes, and new ones come half as often.
    fn thin(&mut self) {
        let mut keep = self.checkpoints.len().is_multiple_of(2);
        self.checkpoints.retain(|_| {
            keep = !keep;
            keep
        });
        self.every = self.every.saturating_mul(2);
    }
}

impl Checkpoint {
    fn new(world: &World, before: Option<&Self>) -> Self {
        let mut rest = world.shell();
        rest.position = world.position;
        let mut bytes = size_of::<World>()
            + races_beside(&rest, before.map(|before| &before.rest))
            + rest.index.nodes.len() * 96
            + rest.visitors.len() * 64
            + rest.figures.bytes_beside(before.map(|before| &before.rest.figures))
            + rest.audit.weight_beside(before.map(|before| &before.rest.audit))
            + rest.beats_beside(before.map(|before| &before.rest));
        let nodes = world.nodes.iter().cloned();
        let of_node = |_: &NodeState| size_of::<NodeState>() + 200;
        let nodes = pieces(nodes, before.map(|b| &b.nodes), of_node, &mut bytes);
        let links = world.links.iter().map(|(pair, link)| (*pair, link.clone()));
        let of_link = |(_, link): &((Peer, Peer), LinkState)| {
            size_of::<LinkState>() + 80 + link.marks.len() * (size_of::<Mark>() + 24)
        };
        let links = pieces(links, before.map(|b| &b.links), of_link, &mut bytes);
        Self { rest, nodes, links, bytes }
    }

    fn world(&self) -> World {
        let mut world = self.rest.clone();
        world.nodes = self.nodes.iter().flat_map(|piece| piece.iter().cloned()).collect();
        world.links = self.links.iter().flat_map(|piece| piece.iter().cloned()).collect();
        world
    }
}

impl World {
    /// A clone without nodes and links.
    fn shell(&self) -> Self {
        Self {
            topology: self.topology.clone(),
            nodes: Vec::new(),
            links: std::collections::BTreeMap::new(),
            visitors: self.visitors.clone(),
            races: self.races.clone(),
            truth: self.truth.clone(),
            audit: self.audit.clone(),
            beats: self.beats.clone(),
            figures: self.figures.clone(),
            steps: self.steps.clone(),
            markers: self.markers.clone(),
            index: self.index.clone(),
            marked: self.marked.clone(),
            ..*self
        }
    }
}

/// The bytes of the races that a checkpoint does not share with the one before it, about.
fn races_beside(rest: &World, before: Option<&World>) -> usize {
    let weight = |race: &Arc<Race>| {
        let old = before.and_then(|before| before.race(race.no));
        if old.is_some_and(|old| std::ptr::eq(old, Arc::as_ptr(race))) {
            return size_of::<usize>();
        }
        size_of::<usize>() + size_of::<Race>() + race.lanes.len() * size_of::<Lane>() + 64
    };
    rest.races.iter().map(weight).sum()
}

/// Cuts a list into pieces and shares those that are as they were. Counts the bytes of those that
/// are not.
fn pieces<T: PartialEq>(
    list: impl Iterator<Item = T>,
    before: Option<&Vec<Arc<Vec<T>>>>,
    weight: impl Fn(&T) -> usize,
    bytes: &mut usize,
) -> Vec<Arc<Vec<T>>> {
    let mut out: Vec<Arc<Vec<T>>> = Vec::new();
    let mut list = list.peekable();
    while list.peek().is_some() {
        let piece: Vec<T> = list.by_ref().take(PIECE).collect();
        let same = before.and_then(|before| before.get(out.len())).filter(|old| ***old == piece);
        out.push(if let Some(same) = same {
            same.clone()
        } else {
            *bytes += piece.iter().map(&weight).sum::<usize>();
            Arc::new(piece)
        });
    }
    out
}
