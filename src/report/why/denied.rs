//! What servers said that gave no address: that there is none, and of what; or that they cannot say.

use super::{Teller, capital};
use crate::message::{Outcome, Rcode, Said};
use crate::world::{Lane, LaneEnd, Verdict};

/// What there is none of.
pub(super) fn none(said: Option<&Said>) -> &'static str {
    match said {
        Some(Said::NoRecord) => "there is such a name, but no such record",
        _ => "there is no such name",
    }
}

/// How a server failed to say anything.
pub(super) fn failure(lane: &Lane) -> String {
    match &lane.said {
        Some(Said::Failed(word)) if Rcode::is_word(word) => format!("said {word}"),
        _ => "could not say".into(),
    }
}

impl Teller<'_> {
    pub(super) fn negative_first(&self, verdict: &Verdict) -> String {
        let from = self.from(verdict);
        format!(
            "{} was the first to speak and said that {}; {} took that as final.",
            capital(&from),
            none(verdict.said.as_ref()),
            self.judge()
        )
    }

    pub(super) fn all_negative(&self) -> String {
        let lanes =
            || self.asked_lanes().filter(|lane| lane.end == LaneEnd::Ended(Outcome::Negative));
        let first = lanes().next().and_then(|lane| lane.said.as_ref());
        let alike = lanes().all(|lane| none(lane.said.as_ref()) == none(first));
        let none = if alike { none(first) } else { "there is no such record" };
        let said = self.nodes(self.asked_lanes().map(|lane| lane.upstream), "and");
        match self.asked_lanes().count() {
            0 => format!("Everybody asked said that {none}."),
            1 => format!("{said} said that {none}, and nobody else was to be asked."),
            2 => format!("Both {said} said that {none}."),
            _ => format!("All of {said} said that {none}."),
        }
    }
}
