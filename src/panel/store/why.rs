//! Why an operation ended as it did, in a sentence or a few: first what its client can know, then the truth.

use super::super::words;
use super::ops::{Try, asks_several, said_words, tries};
use crate::base::{NodeId, Shown};
use crate::check::{Flawed, Group, Op, Safety};
use crate::message::{OpOutcome, OpWhy, StoreSaid};
use crate::world::World;

/// Columns of what was said, at most.
const SAID_MAX: usize = 24;

/// The word for a read that truth contradicts.
pub const fn flaw_word(op: &Op) -> &'static str {
    match op.flawed {
        Some(Flawed::Stale(_)) => "STALE",
        Some(Flawed::Wrong) => "WRONG",
        None => "",
    }
}

/// The reason, safe to show.
#[must_use]
pub fn sentence(world: &World, group: &Group, op: &Op) -> String {
    let teller = Teller { world, group, op };
    let mut sentences = teller.way();
    sentences.push(teller.end());
    sentences.extend(teller.truth());
    sentences.retain(|sentence| !sentence.is_empty());
    sentences.join(" ")
}

struct Teller<'a> {
    world: &'a World,
    group: &'a Group,
    op: &'a Op,
}

impl Teller<'_> {
    fn name(&self, id: NodeId) -> &str {
        self.world.topology.names.of(id)
    }

    fn names(&self, ids: impl IntoIterator<Item = NodeId>) -> String {
        let names: Vec<&str> = ids.into_iter().map(|id| self.name(id)).collect();
        match names.as_slice() {
            [] => "nobody".into(),
            [one] => (*one).to_owned(),
            [first @ .., last] => format!("{} and {last}", first.join(", ")),
        }
    }

    fn client(&self) -> String {
        match self.op.asker {
            Some((node, ..)) => self.name(node).to_owned(),
            None => Shown::short(self.op.author(), 16).into(),
        }
    }

    /// What went wrong on the way: who kept silent, who sent the client elsewhere.
    fn way(&self) -> Vec<String> {
        let all = tries(self.op);
        if asks_several(self.op) {
            return Vec::new();
        }
        // Of many attempts the last ones decide; the rest are a number.
        let skip = all.len().saturating_sub(4);
        let mut out: Vec<String> = Vec::new();
        if skip > 0 {
            out.push(format!("After {skip} attempts:"));
        }
        out.extend(all.iter().skip(skip).filter_map(|one| self.detour(one)));
        out
    }

    fn detour(&self, one: &Try<'_>) -> Option<String> {
        let name = self.name(one.replica);
        let ended = self.op.ended.as_ref();
        match one.vote.map(|vote| &vote.said) {
            Some(StoreSaid::NotLeader(Some(to))) => {
                Some(format!("{name} does not lead and named {}.", Shown::short(to, 16)))
            }
            Some(StoreSaid::NotLeader(None)) => {
                Some(format!("{name} does not lead and knows nobody who does."))
            }
            Some(_) => None,
            // The last one's silence is told with the end.
            None if one.until.is_none() || one.until == ended.map(|ended| ended.at) => None,
            None => {
                let time = words::figure(one.until.unwrap_or(one.at).since(one.at));
                Some(format!("{name} said nothing for {time}, so another was asked."))
            }
        }
    }

    fn end(&self) -> String {
        let op = self.op;
        let Some(ended) = &op.ended else {
            let waiting = tries(op).into_iter().filter(|one| one.vote.is_none() && one.until.is_none());
            let asked: Vec<NodeId> = waiting.map(|one| one.replica).collect();
            let asked = if asked.is_empty() { String::new() } else { self.names(asked) };
            return match (op.orphaned, asked.is_empty(), op.acked) {
                (true, ..) => "Its client died before it had an end.".into(),
                (_, true, Some(_)) => format!("{} was told that it is done.", self.client()),
                (_, true, None) => String::new(),
                _ => format!("{} waits for {asked}.", self.client()),
            };
        };
        let said = ended
            .said
            .as_ref()
            .map_or_else(String::new, |said| Shown::short(&said.to_string(), SAID_MAX).into());
        let agreed = self.names(ended.agreed.iter().copied());
        let of = tries(op).len();
        let time = words::figure(ended.at.since(op.begun));
        match ended.why {
            OpWhy::Answer if ended.outcome == OpOutcome::Ok => {
                format!("{agreed} answered, {time} after {} had begun.", self.client())
            }
            OpWhy::Answer => format!("{agreed} said: {said}."),
            OpWhy::Majority => {
                let out: Vec<NodeId> =
                    op.votes.iter().filter(|vote| vote.outvoted).map(|vote| vote.replica).collect();
                let rest = match out.is_empty() {
                    true => String::new(),
                    false => format!(" {} said something else and was outvoted.", self.names(out)),
                };
                format!("{} of {of} agree on {said}: {agreed}.{rest}", ended.agreed.len())
            }
            OpWhy::First => {
                format!("No two agreed, so the first answer was taken: {said} of {agreed}.")
            }
            OpWhy::NoMajority => "No two agreed, so none was taken.".into(),
            OpWhy::Deadline => {
                format!(
                    "Nothing was heard in {time}: for {} it may have happened or not.",
                    self.client()
                )
            }
            OpWhy::NobodyLeft => {
                "Nobody was there to ask: it was never sent, so it is not done.".into()
            }
            OpWhy::Stopping => format!("{} is stopping.", self.client()),
        }
    }

    fn truth(&self) -> Vec<String> {
        let op = self.op;
        let mut out = Vec::new();
        match op.flawed {
            Some(Flawed::Stale(missed)) => out.push(format!(
                "The truth: it misses #{}, acknowledged before this began.",
                missed.0
            )),
            Some(Flawed::Wrong) => out.push("The truth: no log ever held that.".into()),
            None => {}
        }
        let unknown = op.ended.as_ref().is_some_and(|it| it.outcome == OpOutcome::Unknown);
        if unknown && op.operation.is_write() {
            let holders: Vec<NodeId> = self.group.holders(op).collect();
            out.push(if holders.is_empty() {
                "The truth: no log has it.".into()
            } else {
                format!("The truth: it did happen, {} has it.", self.names(holders))
            });
        }
        if op.applied_twice {
            out.push("It was done twice: the retry bore another id.".into());
        }
        match op.safety {
            Safety::Lost => {
                out.push("It is LOST: acknowledged, and nobody who lives has it.".into())
            }
            Safety::AtRisk => {
                let holders = self.names(self.group.holders(op));
                let way = if op.in_flight() > 0 { ", and it is on its way" } else { "" };
                out.push(format!("Acknowledged, but only {holders} has it{way}."));
            }
            Safety::OnAll | Safety::Unacked => {}
        }
        out
    }
}
