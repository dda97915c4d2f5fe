//! Why a race came out as it did, in one plain sentence or a few: first what the asker can know,
//! then the truth.

mod batch;
mod cut;
mod denied;
mod policy;
mod store;
mod truth;

pub use cut::why_cuts;
pub use store::{loss_words, why_failover, why_lost, why_op, why_predicted, why_split};

use super::line::said_words;
use super::{list, node, peer, text};
use crate::base::units::human;
use crate::base::{LabTime, NodeId, Shown};
use crate::message::{Outcome, Said, Why};
use crate::topology::Kind;
use crate::world::{Lane, LaneEnd, Race, Verdict, World};

/// One sentence, or a few, on why a race came out as it did. Safe to show.
#[must_use]
pub fn why(world: &World, race: &Race) -> String {
    let teller = Teller { world, race };
    let mut sentences = Vec::new();
    match (&race.verdict, &race.ls_verdict) {
        (Some(verdict), of_ls) => {
            let mine = verdict.outcome;
            let own = matches!(verdict.why, Why::Arrival | Why::Stopping);
            match of_ls {
                Some(of_ls) if of_ls.at <= verdict.at && agree(of_ls.outcome, mine) && !own => {
                    sentences.push(teller.verdict(of_ls, &teller.judge()));
                    sentences.push(teller.hedges());
                    sentences.push(teller.cut_short());
                    sentences.push(teller.was_joined());
                }
                _ => sentences.push(teller.asker(verdict)),
            }
            sentences.extend(teller.truth(verdict));
        }
        (None, of_ls) => sentences.push(teller.unfinished(of_ls.as_ref())),
    }
    sentences.retain(|sentence| !sentence.is_empty());
    sentences.join(" ")
}

/// A client that is told "host not found" has heard no more than that: its `silent` is the LS's
/// verdict, whatever that was; likewise it may know a failure of the LS's upstreams only as
/// `failed`.
fn agree(of_ls: Outcome, mine: Outcome) -> bool {
    of_ls == mine || matches!(mine, Outcome::Silent | Outcome::Failed) && of_ls != Outcome::Answered
}

struct Teller<'a> {
    world: &'a World,
    race: &'a Race,
}

impl Teller<'_> {
    fn node(&self, id: NodeId) -> Shown {
        node(&self.world.topology.names, id)
    }

    fn asker_name(&self) -> Shown {
        peer(&self.world.topology.names, self.race.asker)
    }

    fn nodes(&self, ids: impl IntoIterator<Item = NodeId>, and: &str) -> String {
        let names: Vec<Shown> = ids.into_iter().map(|id| self.node(id)).collect();
        list(&names, and)
    }

    /// Who gave the verdict: the LS, or the asker where it asked a TS directly.
    fn judge(&self) -> String {
        match self.race.ls {
            Some(_) => "the LS".into(),
            None => self.asker_name().into(),
        }
    }

    fn name(&self) -> Shown {
        text(self.race.name.as_str())
    }

    fn policy(&self) -> &str {
        self.race.policy.as_deref().unwrap_or("")
    }

    /// Lanes of servers that were asked, or would have been if they could be reached.
    fn asked_lanes(&self) -> impl Iterator<Item = &Lane> {
        let tried = |lane: &&Lane| {
            lane.sent.is_some()
                || lane.arrived.is_some()
                || matches!(lane.end, LaneEnd::Ended(_) | LaneEnd::Won)
        };
        self.race.lanes.iter().filter(tried)
    }

    fn unfinished(&self, of_ls: Option<&Verdict>) -> String {
        let race = self.race;
        let asker = self.asker_name();
        if race.more.unsure {
            return "Events are missing here: how this ended is not known.".into();
        }
        if race.more.asker_gone.is_some() {
            return format!("{asker} was gone before it had an answer.");
        }
        if race.more.ls_gone.is_some() {
            return format!("The LS died with the question; {asker} still waits.");
        }
        if of_ls.is_some() {
            return format!("The LS has decided; its answer is on the way to {asker}.");
        }
        let to = race.ls.or(race.more.to);
        if race.taken.is_none() && race.lanes.is_empty() {
            return match to {
                Some(to) => format!("The question is on its way to {}.", self.node(to)),
                None => "The question is on its way.".into(),
            };
        }
        let waits: Vec<NodeId> = race
            .lanes
            .iter()
            .filter(|lane| lane.end == LaneEnd::Waiting && lane.sent.is_some())
            .map(|lane| lane.upstream)
            .collect();
        if waits.is_empty() {
            return self
                .joins()
                .unwrap_or_else(|| "The LS has the question and has asked nobody yet.".into());
        }
        let until = match race.ls_deadline.or(race.deadline) {
            Some(until) if until != LabTime::NEVER => {
                let since = race.taken.unwrap_or(race.begun);
                format!(", for {} at most", human(until.since(since)))
            }
            _ => String::new(),
        };
        let judge = self.judge();
        format!("{} waits for {}{until}.", capital(&judge), self.nodes(waits, "and"))
    }

    /// The asker's own verdict, where the LS has none that led to it.
    fn asker(&self, verdict: &Verdict) -> String {
        let race = self.race;
        let asker = self.asker_name();
        let to = race.ls.or(race.more.to);
        let whom = to.map_or_else(|| "its server".into(), |to| self.node(to).to_string());
        let after = human(verdict.at.since(race.begun));
        let direct = race.ls.is_none() && !race.lanes.is_empty();
        match (verdict.why, verdict.outcome) {
            (Why::Table | Why::Lie, _) => self.table(verdict),
            (Why::Arrival | Why::EndOfFile | Why::SocketTimer, _) => {
                self.verdict(verdict, asker.as_str())
            }
            (_, Outcome::Answered | Outcome::Negative | Outcome::Failed) if direct => {
                self.only(verdict)
            }
            (_, Outcome::Answered) => match &race.ls_verdict {
                Some(of_ls) if of_ls.outcome != Outcome::Answered => format!(
                    "{asker} took an answer that was not meant for this question: \
                     the LS had come to “{}”.",
                    of_ls.outcome
                ),
                _ => format!("{whom} answered after {after}."),
            },
            (_, Outcome::Negative) => {
                let none = denied::none(verdict.said.as_ref());
                format!("{whom} said, after {after}, that {none}.")
            }
            (_, Outcome::Failed) => format!("{whom} said, after {after}, that it cannot say."),
            (_, Outcome::Refused) => format!("Nobody listened where {whom} should be."),
            (_, Outcome::Reset) => match race.more.ls_gone {
                Some(_) => format!("{whom} died with the question, {after} after it was asked."),
                None => format!("The connection to {whom} died with the question, after {after}."),
            },
            (_, Outcome::Cancelled) => self.cancelled(verdict.why, asker.as_str()),
            (_, Outcome::Silent) if verdict.said == Some(Said::NotFound) => {
                format!("{whom} told {asker}, after {after}: host not found.")
            }
            (_, Outcome::Silent | Outcome::Late) => {
                let knew = match (&race.ls_verdict, race.taken, race.ls.is_some()) {
                    (None, Some(_), true) if race.more.ls_gone.is_some() => {
                        "; the LS had died with the question"
                    }
                    (Some(of_ls), ..) if of_ls.at > verdict.at => "; the LS had not decided yet",
                    (None, Some(_), true) => "; the LS had not decided yet",
                    (Some(of_ls), ..) if of_ls.outcome == Outcome::Answered => {
                        "; the LS had an answer that never came back in time"
                    }
                    (_, None, false) if race.more.to.is_some_and(|to| self.is_ls(to)) => {
                        match self.glued_to() {
                            Some(_) => "; the name reached it only as a part of another",
                            None => "; the question never reached it",
                        }
                    }
                    _ => "",
                };
                format!("{whom} said nothing for {after}, so {asker} gave up{knew}.")
            }
        }
    }

    fn is_ls(&self, id: NodeId) -> bool {
        let node = self.world.topology.nodes.get(id.index());
        node.is_some_and(|node| matches!(node.kind, Kind::Ls(_)) && node.at.is_none())
    }

    fn verdict(&self, verdict: &Verdict, judge: &str) -> String {
        match (verdict.why, verdict.outcome) {
            (Why::FirstAnswer | Why::Deadline, Outcome::Answered) => self.won(verdict),
            (Why::FirstAnswer, Outcome::Negative) => self.negative_first(verdict),
            (Why::FirstAnswer | Why::OnlyAnswer, _) => self.only(verdict),
            (Why::AllNegative, _) => self.all_negative(),
            (Why::AllFailed, _) => self.all_failed(),
            (Why::Remembered, _) => {
                format!("The same question failed less than a second ago, so {judge} asked nobody.")
            }
            (Why::Joined, _) => self.joined(verdict),
            (Why::GoesRound, _) => format!(
                "The question goes round, so {judge} asked nobody: \
                 it had passed too many load balancers already."
            ),
            (Why::Deadline, _) => self.silence(verdict),
            (Why::WindowClosed, _) => self.window(verdict, "the window to close"),
            (Why::AllIn, _) => self.window(verdict, "the last answer of the batch"),
            (Why::Gathered, _) => self.gathered(verdict),
            (Why::QueueFull, _) => {
                format!("{} had no worker free and no room in its queue.", capital(judge))
            }
            (Why::EndOfFile, _) => format!(
                "The connection to {} ended, and {judge} took that for an answer: \
                 the crash won the race.",
                self.from(verdict)
            ),
            (Why::Arrival, outcome) => format!(
                "{} sent “{}”, and {judge} gave it to the question that had waited longest, \
                 whatever name it bore.",
                self.from(verdict),
                match (&verdict.said, outcome) {
                    (Some(said), _) => said_words(said),
                    (None, outcome) => outcome.word().into(),
                }
            ),
            (Why::SocketTimer, outcome) => format!(
                "The timer of the connection fired, which an earlier question had started, \
                 so this one ended {outcome}{}.",
                if outcome == Outcome::Silent { " before its time" } else { "" }
            ),
            (Why::Table | Why::Lie, _) => self.table(verdict),
            (Why::Stopping | Why::AskerGone | Why::NotNeeded, _) => {
                self.cancelled(verdict.why, judge)
            }
            (Why::NobodyLeft, outcome) => format!(
                "{} had nobody to ask: every server was ejected or down, so the question ended \
                 {outcome}.",
                capital(judge)
            ),
        }
    }

    fn from(&self, verdict: &Verdict) -> String {
        match verdict.from {
            Some(from) => self.node(from).into(),
            None => "a server".into(),
        }
    }

    fn cancelled(&self, why: Why, judge: &str) -> String {
        let asker = self.asker_name();
        match why {
            Why::Stopping => format!("{} was stopping and gave the question up.", capital(judge)),
            Why::AskerGone => {
                format!("{asker} went away, so {judge} dropped the question.")
            }
            _ => format!("{} gave the question up.", capital(judge)),
        }
    }

    /// An answer won: who, after how long, how it came to be asked, and what became of the others.
    fn won(&self, verdict: &Verdict) -> String {
        let race = self.race;
        let Some(winner) = verdict.from.and_then(|from| race.lane(from)) else {
            return format!("{} answered.", capital(&self.from(verdict)));
        };
        let name = self.node(winner.upstream);
        let asked = winner.sent.or(winner.arrived).unwrap_or(race.begun);
        let ended = winner.ended.unwrap_or(verdict.at);
        let after = human(ended.since(asked));
        let before: Vec<&Lane> = self
            .asked_lanes()
            .filter(|lane| lane.upstream != winner.upstream && was_before(lane, winner))
            .collect();
        let others = |lane: &&Lane| {
            lane.upstream != winner.upstream
                && !(self.asks_in_turn() && before.iter().any(|b| b.upstream == lane.upstream))
        };
        let losers: Vec<&Lane> = race.lanes.iter().filter(others).collect();
        let mut sentence = if self.asks_in_turn() && !before.is_empty() {
            let failed: Vec<String> =
                before.iter().map(|lane| self.failed_lane(lane, winner.sent)).collect();
            format!(
                "{}, so the LS asked {name}, which answered after {after}",
                list(&failed, "and")
            )
        } else {
            match self.chosen(name.as_str()) {
                Some(chosen) => format!("{chosen} answered after {after}"),
                None if losers.iter().any(|lane| lane.sent.is_some()) => {
                    format!("{name} answered first, after {after}")
                }
                None => format!("{name} answered, after {after}"),
            }
        };
        let losers: Vec<String> =
            losers.into_iter().filter_map(|lane| self.loser(lane, ended)).collect();
        if !losers.is_empty() {
            sentence = format!("{sentence}; {}", list(&losers, "and"));
        }
        capital(&sentence) + "."
    }

    fn asks_in_turn(&self) -> bool {
        matches!(
            self.policy(),
            "failover" | "sticky" | "round-robin" | "hedge" | "tied" | "hash" | "two-choices"
        )
    }

    /// Why the next was asked.
    fn failed_lane(&self, lane: &Lane, next: Option<LabTime>) -> String {
        let name = self.node(lane.upstream);
        match lane.end {
            LaneEnd::Ended(Outcome::Refused) => format!("{name} refused the connection"),
            LaneEnd::Ended(Outcome::Reset) => format!("{name} died with the question"),
            LaneEnd::Ended(Outcome::Failed) => format!("{name} {}", denied::failure(lane)),
            LaneEnd::Ended(Outcome::Negative) => format!("{name} said that it has none"),
            _ => match (lane.sent, next) {
                (Some(sent), Some(next)) => {
                    format!("{name} said nothing for {}", human(next.since(sent)))
                }
                _ => format!("{name} said nothing"),
            },
        }
    }

    fn loser(&self, lane: &Lane, won_at: LabTime) -> Option<String> {
        let name = self.node(lane.upstream);
        let later = |ended: Option<LabTime>| human(ended.unwrap_or(won_at).since(won_at));
        Some(match lane.end {
            LaneEnd::Ended(Outcome::Late) => {
                format!("{name} answered {} later and was ignored", later(lane.ended))
            }
            LaneEnd::Ended(Outcome::Answered) => format!("{name} answered too"),
            LaneEnd::Ended(Outcome::Negative) => format!("{name} said that it has none"),
            LaneEnd::Ended(Outcome::Failed) => format!("{name} {}", denied::failure(lane)),
            LaneEnd::Ended(Outcome::Refused) => format!("{name} refused the connection"),
            LaneEnd::Ended(Outcome::Reset) => format!("{name} died with the question"),
            LaneEnd::Ended(Outcome::Cancelled) => format!("{name} was not waited for"),
            LaneEnd::Ended(Outcome::Silent) => match self.in_the_way(lane.upstream) {
                Some(hindrance) => format!("{name} said nothing: it {hindrance}"),
                None => format!("{name} said nothing"),
            },
            LaneEnd::Waiting if lane.sent.is_some() => format!("{name} has not answered yet"),
            LaneEnd::Waiting | LaneEnd::Won => return None,
            // In turn, nobody expects the others to be asked.
            LaneEnd::NotSent if self.asks_in_turn() => return None,
            LaneEnd::NotSent => format!("{name} was not sent the question"),
        })
    }

    fn only(&self, verdict: &Verdict) -> String {
        let Some(lane) =
            verdict.from.and_then(|from| self.race.lane(from)).or_else(|| self.race.lanes.first())
        else {
            return format!("The question ended {}.", verdict.outcome);
        };
        let name = self.node(lane.upstream);
        let asked = lane.sent.or(lane.arrived).unwrap_or(self.race.begun);
        let after = human(lane.ended.unwrap_or(verdict.at).since(asked));
        match verdict.outcome {
            Outcome::Answered => self.won(verdict),
            Outcome::Negative => {
                let none = denied::none(lane.said.as_ref().or(verdict.said.as_ref()));
                format!("{name} was asked, and said after {after} that {none}.")
            }
            Outcome::Failed => {
                format!("{name} was asked, and said after {after} that it cannot say.")
            }
            outcome => format!("Only {name} was asked, and the question ended {outcome}."),
        }
    }

    fn all_failed(&self) -> String {
        let failed: Vec<String> = self
            .race
            .lanes
            .iter()
            .filter(|lane| !matches!(lane.end, LaneEnd::NotSent | LaneEnd::Won))
            .map(|lane| self.failed_lane(lane, lane.ended))
            .collect();
        if failed.is_empty() {
            return "No server could be asked.".into();
        }
        format!("{}, and nobody else was left to ask.", capital(&list(&failed, "and")))
    }

    /// The deadline passed.
    fn silence(&self, verdict: &Verdict) -> String {
        let race = self.race;
        let judge = self.judge();
        let asked: Vec<&Lane> = self.asked_lanes().collect();
        let since = race.taken.unwrap_or(race.begun);
        let waited = human(verdict.at.since(since));
        let silent = |lane: &&&Lane| {
            let ends = [Outcome::Silent, Outcome::Late].map(LaneEnd::Ended);
            lane.end == LaneEnd::Waiting || ends.contains(&lane.end)
        };
        let quiet: Vec<NodeId> = asked.iter().filter(silent).map(|lane| lane.upstream).collect();
        let spoke: Vec<String> = asked
            .iter()
            .filter(|lane| !silent(lane) || lane.end == LaneEnd::Ended(Outcome::Late))
            .filter_map(|lane| self.loser(lane, verdict.at))
            .collect();
        let spoke =
            if spoke.is_empty() { String::new() } else { format!("; {}", list(&spoke, "and")) };
        let names = self.nodes(quiet.iter().copied(), "and");
        match quiet.len() {
            0 if asked.is_empty() => {
                format!("{} could ask nobody for {waited}, and gave up.", capital(&judge))
            }
            0 => format!("The time of {waited} was over, so {judge} gave up{spoke}."),
            1 => format!("{names} said nothing for {waited}, so {judge} gave up{spoke}."),
            2 => format!(
                "Neither {} nor {} said anything for {waited}, so {judge} gave up{spoke}.",
                self.node(quiet[0]),
                self.node(quiet[1])
            ),
            _ => format!("None of {names} said anything for {waited}, so {judge} gave up{spoke}."),
        }
    }

    /// A TS was asked directly, and looked into its table.
    fn table(&self, verdict: &Verdict) -> String {
        let server = verdict.from.or_else(|| self.race.lanes.first().map(|lane| lane.upstream));
        let server = server.map_or_else(|| "The server".into(), |id| self.node(id).to_string());
        match (verdict.why, verdict.outcome, &verdict.said) {
            (Why::Lie, ..) => format!("{server} was told to lie, and did."),
            (_, Outcome::Answered, _) => format!("{server} has the name in its table."),
            (_, Outcome::Negative | Outcome::Silent, None) => {
                format!("{server} has no such name, and a server without an entry says nothing.")
            }
            (_, Outcome::Negative, _) => format!("{server} has no such name and said so."),
            (_, outcome, _) => format!("{server} let the question end {outcome}."),
        }
    }
}

/// Whether a lane had come to nothing, or had been given up, before the other was asked.
fn was_before(lane: &Lane, other: &Lane) -> bool {
    match (lane.sent, lane.ended) {
        (Some(sent), _) => Some(sent) < other.sent,
        (None, Some(ended)) => Some(ended) <= other.sent,
        (None, None) => false,
    }
}

/// The sentence with a capital letter, unless it begins with the name of a node: names keep their
/// spelling.
fn capital(sentence: &str) -> String {
    match sentence.strip_prefix("the ") {
        Some(rest) => format!("The {rest}"),
        None => match sentence.strip_prefix("a ") {
            Some(rest) => format!("A {rest}"),
            None => sentence.to_owned(),
        },
    }
}
