//! The world: the fold of all events up to one moment. What is drawn, reported and judged is read
//! from here.
//!
//! It holds facts, not wording and not colour; it names no machine and no terminal. Folding the
//! same events gives the same world, live, replayed or from a file.

mod alarms;
mod apply;
mod balance;
mod clocks;
mod edition;
mod faults;
mod figures;
mod heartbeats;
mod history;
mod index;
mod link;
mod lives;
mod marks;
mod node;
mod notes;
mod own_clock;
mod pending;
mod race;
mod recent;
mod space_time;
mod spread;
mod steps;
mod store;
mod story;
mod traffic;
mod truth;
mod verdicts;

pub use alarms::{ALARM_SHOWN, ALARMS_MAX, DEAD_ASKS};
pub use balance::Balanced;
pub use clocks::Clocks;
pub use figures::{Answers, ERAS_MAX, Era, Figures};
pub use heartbeats::{BEATS_MAX, Countdown, Heartbeat, HeartbeatKind, HeartbeatRow};
pub use history::{CHECKPOINT_EVENTS, History};
pub use link::{DOOR_SHOWN, LATE_OF, LOST_SHOWN, LinkState, MARKS_MAX, Mark, MarkState};
pub use marks::Marks;
pub use node::{ClosedWindow, Load, NAMES_MAX, NoSocket, NodeState, RECENT_MAX, VisitorState};
pub use race::{Circumstances, Hindrance, Lane, LaneEnd, Race, RaceNo, Verdict};
pub use recent::{Recent, nearest_rank};
pub use space_time::{End, Line, Moment, Order, SpaceTime, What};
pub use spread::{Percentiles, Spread};
pub use steps::{Beat, StepsState};
pub use truth::{Alarm, AlarmKind, Truth};

use crate::base::{LabTime, NodeId, Peer, QuestionNo, VisitorId};
use crate::check::Audit;
use crate::event::ClockState;
use crate::topology::Topology;
use index::{Index, Part};
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

/// Races that the world remembers: what `last 20` and the race panel's history can show, and then
/// some.
pub const RACES_MAX: usize = 1000;

/// Races that it remembers while their verdicts are out: a load of 1,000 questions a second into
/// 10 s of silence.
pub const RACES_OPEN_MAX: usize = 16_384;

/// Visitors that it remembers.
pub const VISITORS_MAX: usize = 256;

/// Markers that it remembers.
pub const MARKERS_MAX: usize = 1000;

/// Everything there is to see at one moment. Cloning is cheap enough for checkpoints: large parts
/// are shared.
#[derive(Debug, Clone, PartialEq)]
pub struct World {
    /// What there is, by the file.
    pub topology: Arc<Topology>,
    /// The time of the newest event.
    pub now: LabTime,
    /// How many events were folded (gaps included): the position in the log.
    pub position: u64,
    /// The nodes, in the file's order.
    pub nodes: Vec<NodeState>,
    /// Visitors that are or were connected; old ones are forgotten.
    pub visitors: BTreeMap<VisitorId, VisitorState>,
    /// Directions of links that were used or have faults.
    pub links: BTreeMap<(Peer, Peer), LinkState>,
    /// The newest races, oldest first.
    pub races: VecDeque<Arc<Race>>,
    /// The number the next race gets: how many there were, plus one.
    pub races_begun: u64,
    /// Counters and alarms that no node can know.
    pub truth: Truth,
    /// The stores of the replicas: operations, logs, leaders, beliefs, what was promised and not kept.
    pub audit: Audit,
    /// Heartbeats from one replica to another, the newest last.
    pub beats: BTreeMap<(NodeId, NodeId), Arc<HeartbeatRow>>,
    /// How long questions took at LSs and TSs, and what that cost.
    pub figures: Figures,
    /// How the clock runs.
    pub clock: ClockState,
    /// Where the lecture is.
    pub steps: StepsState,
    /// Events that were missed (a reader too slow, a log too short).
    pub missed: u64,
    /// Events of lives that were over already; they changed nothing.
    pub stale: u64,
    /// Markers that were dropped, oldest first: position, time and text.
    pub markers: VecDeque<(u64, LabTime, Arc<str>)>,
    index: Index,
    /// The audit when the present step began.
    marked: Arc<Audit>,
}

impl World {
    /// The world before the first event.
    #[must_use]
    pub fn new(topology: Arc<Topology>) -> Self {
        let nodes = topology.nodes.iter().map(NodeState::new).collect();
        let clock = ClockState { rate: 1.0, paused: false, auto: topology.auto_pace };
        let mut world = Self {
            now: LabTime::ZERO,
            position: 0,
            nodes,
            visitors: BTreeMap::new(),
            links: BTreeMap::new(),
            races: VecDeque::new(),
            races_begun: 0,
            truth: Truth::default(),
            audit: Audit::new(topology.clone()),
            beats: BTreeMap::new(),
            figures: Figures::default(),
            clock,
            steps: StepsState::new(topology.steps.len()),
            missed: 0,
            stale: 0,
            markers: VecDeque::new(),
            index: Index::new(topology.nodes.len()),
            marked: Arc::new(Audit::new(topology.clone())),
            topology,
        };
        world.first_eras();
        world
    }

    /// The state of a node.
    ///
    /// # Panics
    /// For an id of another topology.
    #[must_use]
    pub fn node(&self, id: NodeId) -> &NodeState {
        &self.nodes[id.index()]
    }

    /// A race by its number, if it is still remembered.
    #[must_use]
    pub fn race(&self, no: RaceNo) -> Option<&Race> {
        let first = self.races.front()?.no.0;
        self.races.get(usize::try_from(no.0.checked_sub(first)?).ok()?).map(AsRef::as_ref)
    }

    /// The race that a question of a node belongs to, whatever the node's part in it; none if it is not remembered.
    #[must_use]
    pub fn race_of(&self, node: NodeId, question: QuestionNo) -> Option<RaceNo> {
        self.index.race_of(node, question)
    }

    /// The race that a node asks with this question, as its asker or its LS.
    #[must_use]
    pub fn race_asked(&self, node: NodeId, question: QuestionNo) -> Option<RaceNo> {
        let place = self.index.place(node, question)?;
        matches!(place.part, Part::Asker | Part::Balancer).then_some(place.race)
    }
}
