//! What nobody in the race could know: who has the name, what kept it from saying so, whose
//! address was given.

use super::super::{list, text};
use super::Teller;
use crate::base::{NodeId, Shown};
use crate::event::Life;
use crate::message::{Outcome, Said, Why};
use crate::topology::Kind;
use crate::world::{Hindrance, LaneEnd, Race, Verdict};

impl Teller<'_> {
    /// What nobody in the race could know.
    pub(super) fn truth(&self, verdict: &Verdict) -> Vec<String> {
        let race = self.race;
        let mut out = Vec::new();
        if let Some(taken_as) = &race.more.taken_as {
            out.push(format!("The LS read “{}” as one name.", text(taken_as.as_str())));
        }
        if race.misgiven || race.more.lie {
            out.push(self.wrong_address(verdict));
        }
        if race.contradicted {
            out.extend(self.holders(verdict));
        } else if matches!(verdict.outcome, Outcome::Silent | Outcome::Negative)
            && race.ls.is_some()
            && verdict.said != Some(Said::NoRecord)
            && self.world.topology.holders_of(&race.name, race.kind).next().is_none()
            && self.knows_all_tables()
        {
            out.push(if race.more.kept_silent.is_empty() {
                "Nobody has the name.".into()
            } else {
                "Nobody has the name, and a server without an entry says nothing.".into()
            });
        }
        out
    }

    /// The race whose question took this one's name along, where names were glued together.
    pub(super) fn glued_to(&self) -> Option<&Race> {
        let mine = self.race.name.as_str();
        self.world.races.iter().map(AsRef::as_ref).find(|other| {
            other.asker == self.race.asker
                && other.no != self.race.no
                && other.more.taken_as.as_ref().is_some_and(|taken| taken.as_str().contains(mine))
        })
    }

    /// Nobody knows the table of a server outside.
    fn knows_all_tables(&self) -> bool {
        let topology = &self.world.topology;
        let untold = |id: NodeId| {
            let node = topology.nodes.get(id.index());
            node.is_none_or(|node| node.at.is_some() || topology.tells_of_a_store(id))
        };
        !self.race.lanes.iter().any(|lane| untold(lane.upstream))
    }

    fn wrong_address(&self, verdict: &Verdict) -> String {
        let Some(Said::Found { address, .. }) = &verdict.said else { return String::new() };
        let shown = text(address);
        if self.race.more.lie {
            return match self.true_address() {
                Some(right) => format!("{shown} is a lie: the tables say {right}."),
                None => format!("{shown} is a lie: no table has the name."),
            };
        }
        let of_ls = self.race.ls_verdict.as_ref().map(|of_ls| of_ls.why);
        let by_arrival = [Some(verdict.why), of_ls].contains(&Some(Why::Arrival));
        let servers = self.world.topology.nodes.iter().filter_map(|node| match &node.kind {
            Kind::Ts(ts) => Some(ts),
            _ => None,
        });
        let owner = servers
            .flat_map(|ts| ts.records.iter())
            .find(|record| record.address == *address)
            .map(|record| text(record.name.as_str()));
        match owner {
            // By order of arrival the address was just named, and which name was asked is known.
            Some(owner) if by_arrival => format!("It is the address of {owner}."),
            Some(owner) => format!("{shown} is the address of {owner}, not of {}.", self.name()),
            None => format!("No table has {shown} for {}.", self.name()),
        }
    }

    fn true_address(&self) -> Option<Shown> {
        self.world.topology.nodes.iter().find_map(|node| match &node.kind {
            Kind::Ts(ts) => ts.records.get(&self.race.name).map(|record| text(&record.address)),
            _ => None,
        })
    }

    /// Who has the name although the asker was told of no address, and what kept it from saying
    /// so.
    fn holders(&self, verdict: &Verdict) -> Option<String> {
        let race = self.race;
        let holders: Vec<NodeId> = self.world.topology.holders_of(&race.name, race.kind).collect();
        let first = *holders.first()?;
        let names = self.nodes(holders.iter().copied(), "and");
        if holders.len() > 1 {
            let kept: Vec<String> = holders
                .iter()
                .filter_map(|id| {
                    self.in_the_way(*id).map(|why| format!("{} {why}", self.node(*id)))
                })
                .collect();
            let kept = match self.all_hindered_alike(&holders) {
                Some(why) => format!(" but {why}"),
                None if kept.is_empty() => String::new(),
                None => format!("; {}", list(&kept, "and")),
            };
            return Some(format!("{names} have the name{kept}."));
        }
        let kept = self.in_the_way(first).or_else(|| {
            let lane = race.lane(first).filter(|_| race.more.taken_as.is_none())?;
            Some(match lane.end {
                LaneEnd::NotSent => "was not sent the question".into(),
                LaneEnd::Ended(Outcome::Late) => "answered too late".into(),
                LaneEnd::Ended(Outcome::Reset) => "died with the question".into(),
                LaneEnd::Ended(Outcome::Refused) => "refused the connection".into(),
                _ if lane.replied.is_some_and(|at| at <= verdict.at) => {
                    "had answered, but the answer was still on its way".into()
                }
                LaneEnd::Waiting | LaneEnd::Ended(Outcome::Silent) if lane.arrived.is_none() => {
                    "had not got the question yet".into()
                }
                _ => return None,
            })
        });
        Some(match kept {
            Some(kept) => format!("{names} has the name but {kept}."),
            None => format!("{names} has the name."),
        })
    }

    /// What stood in the way of each of these, in the plural, where it was the same.
    fn all_hindered_alike(&self, ids: &[NodeId]) -> Option<String> {
        let mut ways = ids.iter().map(|id| self.in_the_way(*id));
        let first = ways.next()??;
        if !ways.all(|way| way.as_ref() == Some(&first)) {
            return None;
        }
        Some(match first.split_once(' ') {
            Some(("was", rest)) => format!("were {rest}"),
            _ => first,
        })
    }

    /// What stood in the way of a server when the verdict was given, as the rest of a sentence.
    pub(super) fn in_the_way(&self, id: NodeId) -> Option<String> {
        let of = |wanted: NodeId| {
            self.race.more.hindered.iter().find(|(node, _)| *node == wanted).map(|(_, why)| *why)
        };
        let words = match of(id)? {
            Hindrance::Life(Life::Off) => "was never started",
            Hindrance::Life(Life::Killed) => "had been killed",
            Hindrance::Life(Life::Crashed) => "had crashed",
            Hindrance::Life(Life::PoweredOff) => "was powered off",
            Hindrance::Life(Life::Corrupt) => "could not read its disk",
            Hindrance::Life(Life::Frozen) => "was frozen",
            Hindrance::Life(Life::Stopping) => "was stopping",
            Hindrance::Life(Life::Stopped) => "had been stopped",
            Hindrance::Life(Life::Up) => return None,
            Hindrance::Cut => "was cut off",
            Hindrance::Held => "was behind a link on which every frame is held",
        };
        Some(words.into())
    }
}
