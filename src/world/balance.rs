//! An LS's policy at work, folded: into the race that it is about, and into the counters of who did it.

use super::World;
use super::index::Part;
use super::race::{LaneEnd, RaceNo};
use crate::base::{NodeId, Peer};
use crate::message::{BalanceNote, Outcome};

/// What is kept of one race: a hedge and what became of it for each of a fan-out's hundred parts.
const KEPT_MAX: usize = 256;

/// What an LS did by its policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Balanced {
    /// Upstreams that were asked as well because another was slow.
    pub hedged: u64,
    /// Times when the budget was spent.
    pub not_hedged: u64,
    /// Parts of a fan-out that another gave.
    pub covered: u64,
    /// Upstreams that were told to cancel.
    pub cancelled: u64,
    /// Questions that joined the race of an identical one.
    pub joined: u64,
}

impl World {
    pub(super) fn balance(&mut self, node: NodeId, note: &BalanceNote) {
        let balanced = &mut self.nodes[node.index()].balanced;
        match note {
            BalanceNote::Hedged { .. } => balanced.hedged += 1,
            BalanceNote::NotHedged { .. } => balanced.not_hedged += 1,
            BalanceNote::Covered { .. } => balanced.covered += 1,
            BalanceNote::Began { cancelled, .. } => balanced.cancelled += cancelled.len() as u64,
            BalanceNote::Joined { .. } => balanced.joined += 1,
            BalanceNote::Drew { .. } | BalanceNote::Slow { .. } | BalanceNote::GoesOn { .. } => {}
        }
        let now = self.now;
        let Some(place) = note.question().and_then(|question| self.index.place(node, question))
        else {
            return;
        };
        if place.part != Part::Balancer {
            return;
        }
        if let BalanceNote::Joined { race, .. } = note {
            let race = self.index.place(node, *race).map(|place| place.race);
            return self.joined(place.race, race);
        }
        let Some(race) = self.race_mut(place.race) else { return };
        if matches!((note, race.asker), (BalanceNote::GoesOn { .. }, Peer::Visitor(_))) {
            race.more.asker_gone = Some(now);
        }
        if race.more.balance.len() < KEPT_MAX {
            race.more.balance.push(note.clone());
        }
        // Its part is there, and nobody waits for it any more.
        if let BalanceNote::Covered { slow, .. } = note
            && let Some(lane) = race.lane_mut(*slow)
            && lane.end == LaneEnd::Waiting
        {
            lane.end = LaneEnd::Ended(Outcome::Cancelled);
            lane.ended = Some(now);
        }
    }
    /// A question waits for the race of another, which is told of in the race's stead.
    fn joined(&mut self, no: RaceNo, other: Option<RaceNo>) {
        let Some(other) = other else { return };
        if let Some(race) = self.race_mut(no) {
            race.more.joined = Some(other);
        }
        if let Some(other) = self.race_mut(other) {
            other.more.joined_by += 1;
        }
    }
}
