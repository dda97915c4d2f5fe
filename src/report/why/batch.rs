//! How an answer lay in a batch until its window closed, or why there was none to pass on.

use super::Teller;
use crate::base::units::human;
use crate::message::{Outcome, Why};
use crate::world::Verdict;

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
                format!("No answer was in when the window closed, after {waited}, and {told}.")
            }
        }
    }
}
