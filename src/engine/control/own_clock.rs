//! What a command makes of a node's own clock, or why it cannot.

use super::state::{Piece, State};
use crate::base::units::DURATION_MAX;
use crate::base::{ClockRate, LabTime, NodeId, OwnClock};

/// The most that a clock may be wrong by, in nanoseconds.
const SKEW_MAX: u64 = DURATION_MAX.as_nanos() as u64;

impl State {
    pub(super) fn skew(
        &self,
        now: LabTime,
        node: NodeId,
        ahead: i64,
    ) -> Result<Vec<Piece>, String> {
        let clock = self.has_a_clock(node)?;
        if ahead.unsigned_abs() > SKEW_MAX {
            return Err("a clock is wrong by a day at most, the longest time there is here".into());
        }
        Ok(vec![Piece::Clock(node, clock.stepped(now, ahead))])
    }

    pub(super) fn drift(
        &self,
        now: LabTime,
        node: NodeId,
        rate: ClockRate,
    ) -> Result<Vec<Piece>, String> {
        let clock = self.has_a_clock(node)?;
        if !(ClockRate::SLOWEST..=ClockRate::FASTEST).contains(&rate) {
            let (slowest, fastest) = (ClockRate::SLOWEST, ClockRate::FASTEST);
            return Err(format!("the rate of a clock lies between {slowest} and {fastest}"));
        }
        Ok(vec![Piece::Clock(node, clock.at_rate(now, rate))])
    }

    /// The clock of a node of this lab; a program from outside reads the one of the machine that it runs on.
    fn has_a_clock(&self, node: NodeId) -> Result<OwnClock, String> {
        let Some(known) = self.file.nodes.get(node.index()) else {
            return Err("there is no such node".into());
        };
        match known.at {
            None => Ok(self.clocks[node.index()]),
            Some(at) => Err(format!(
                "{} runs outside this lab, at {at}, and reads the clock of the machine that it runs on: \
                 only nodes of this lab have one that can be set",
                self.name(node)
            )),
        }
    }
}
