//! How an answer lay in a batch until its window closed, or why there was none to pass on.

use super::Teller;
use crate::base::NodeId;
use crate::base::units::human;
use crate::message::{Outcome, Why};
use crate::world::{Lane, LaneEnd, Verdict};

impl Teller<'_> {
    /// In a batch an answer waits for `what`, and a name without one is told so then.
    pub(super) fn window(&self, verdict: &Verdict, what: &str) -> String {
        let taken = self.race.taken.unwrap_or(self.race.begun);
        match verdict.from.and_then(|from| self.race.lane(from)) {
            Some(lane) if verdict.outcome == Outcome::Answered => {
                let asked = lane.sent.unwrap_or(taken);
                let ended = lane.ended.unwrap_or(verdict.at);
                let held = verdict.at.since(ended);
                let name = self.node(lane.upstream);
                let after = human(ended.since(asked));
                if held.is_zero() {
                    return format!("{name} answered after {after}, as the last of the batch.");
                }
                format!("{name} answered after {after} and waited {} for {what}.", human(held))
            }
            _ => {
                let told = match verdict.outcome {
                    Outcome::Negative => "the LS called that “no such name”",
                    _ => "the LS told the client so",
                };
                let waited = human(verdict.at.since(taken));
                if verdict.why == Why::AllIn {
                    let all = "All answers of the batch were in after";
                    return format!("{all} {waited}, none of them for this name, and {told}.");
                }
                let missing = self.no_answer_was_in();
                format!("{missing} when the window closed, after {waited}, and {told}.")
            }
        }
    }

    /// Whose answer was missing when the window closed, for a name that got no address.
    fn no_answer_was_in(&self) -> String {
        let spoke = |lane: &&Lane| matches!(lane.end, LaneEnd::Ended(Outcome::Negative));
        let missing: Vec<NodeId> =
            self.asked_lanes().filter(|lane| !spoke(lane)).map(|lane| lane.upstream).collect();
        match self.asked_lanes().filter(spoke).count() {
            0 => "No answer was in".into(),
            _ if missing.is_empty() => "No address was in".into(),
            _ => format!("No answer of {} was in", self.nodes(missing, "or")),
        }
    }
}
