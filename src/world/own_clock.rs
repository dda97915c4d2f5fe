//! Own clocks of nodes that are wrong: what they show, and what that does to the moments that nodes have named.
//!
//! A machine names a moment by its own clock (a deadline, the end of a window). When that clock is set, or runs at
//! another rate, the moment comes earlier or later: whatever is remembered of it moves along.

use super::World;
use crate::base::{ClockRate, LabTime, NodeId, OwnClock, Peer};
use crate::command::Command;
use std::sync::Arc;

/// A figure of which nobody says more than milliseconds.
const MILLISECOND: i64 = 1_000_000;

impl World {
    pub(super) fn set_own_clock(&mut self, node: NodeId, clock: OwnClock) {
        let now = self.now;
        let Some(state) = self.nodes.get_mut(node.index()) else { return };
        let before = std::mem::replace(&mut state.clock, clock);
        // What the clock has jumped over comes now.
        let moved = |at: LabTime| before.moved(at, &clock).max(now);
        if let Some((_, closes)) = &mut state.window {
            *closes = moved(*closes);
        }
        state.ejected.values_mut().for_each(|until| *until = moved(*until));
        for race in &mut self.races {
            let (asks, took) = (race.asker == Peer::Node(node), race.ls == Some(node));
            let asks = asks && race.deadline.is_some_and(|at| at > now);
            let took = took && race.ls_deadline.is_some_and(|at| at > now);
            if !asks && !took {
                continue;
            }
            let race = Arc::make_mut(race);
            if asks {
                race.deadline = race.deadline.map(moved);
            }
            if took && let Some(at) = race.ls_deadline {
                race.ls_deadline = Some(moved(at));
                if self.index.deadlines.remove(&(at, race.no)) {
                    self.index.deadlines.insert((moved(at), race.no));
                }
            }
        }
        self.stand_clock(node, clock);
    }

    /// What is wrong with a clock, as the commands that would make it so.
    fn stand_clock(&mut self, node: NodeId, clock: OwnClock) {
        let rounded = (clock.ahead + clock.ahead.signum() * MILLISECOND / 2) / MILLISECOND;
        let ahead = if rounded == 0 { clock.ahead } else { rounded * MILLISECOND };
        let skew = (ahead != 0).then_some(Command::Skew(node, ahead));
        let drift = (clock.rate != ClockRate::RIGHT).then_some(Command::Drift(node, clock.rate));
        self.stand(skew, |command| matches!(command, Command::Skew(of, _) if *of == node));
        self.stand(drift, |command| matches!(command, Command::Drift(of, _) if *of == node));
    }
}
