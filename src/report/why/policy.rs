//! What an LS's policy had to do with it: why another was asked as well, or nobody; who was cancelled; whom a fan-out
//! waited for.

use super::Teller;
use crate::base::NodeId;
use crate::base::units::human;
use crate::message::{BalanceNote, Outcome, Why};
use crate::report::balance::as_long_as;
use crate::world::{Lane, LaneEnd, Verdict};

/// Hedges of one question that are told one by one; of a fan-out, their number.
const HEDGES_TOLD_MAX: usize = 2;

impl Teller<'_> {
    fn of_policy(&self) -> impl Iterator<Item = &BalanceNote> {
        self.race.more.balance.iter()
    }

    /// How the winner came to be asked first.
    pub(super) fn chosen(&self, name: &str) -> Option<String> {
        Some(match self.policy() {
            "sticky" => format!("{} sticks to {name}, which", self.name()),
            "hash" => format!("{} belongs to {name}, which", self.name()),
            "round-robin" | "hedge" => format!("It was {name}'s turn, and it"),
            "failover" => format!("{name} is asked first, and it"),
            "two-choices" => match self.of_policy().find_map(drawn) {
                Some(((taken, here), (left, there))) if self.node(taken).as_str() == name => {
                    format!(
                        "{name} was drawn with {here} waiting, and {} with {there}, so {name}",
                        self.node(left)
                    )
                }
                _ => return None,
            },
            "tied" => format!("{name} was the first to begin, and"),
            _ => return None,
        })
    }

    /// Whoever was asked as well, and why; or why nobody was.
    pub(super) fn hedges(&self) -> String {
        let mut told = Vec::new();
        let (mut hedged, mut spent, mut covered) = (0_usize, 0_usize, 0_usize);
        for note in self.of_policy() {
            match note {
                BalanceNote::Hedged { slow, to, after, by, .. } => {
                    hedged += 1;
                    told.push(format!(
                        "{} was asked as well when {} had taken {}{}.",
                        self.node(*to),
                        self.node(*slow),
                        human(*after),
                        as_long_as(*by)
                    ));
                }
                BalanceNote::NotHedged { .. } => spent += 1,
                BalanceNote::Covered { .. } => covered += 1,
                _ => {}
            }
        }
        if hedged > HEDGES_TOLD_MAX {
            told = vec![format!(
                "{hedged} were slow and their copies were asked as well: {covered} of these came \
                 first."
            )];
        }
        if spent > 0 {
            let whom = match spent {
                _ if self.policy() == "hedge" => "Nobody else",
                1 => "For one of them nobody else",
                _ => "For some of them nobody else",
            };
            told.push(format!("{whom} was asked: the budget of hedges was spent."));
        }
        told.join(" ")
    }

    /// Whose race the question waits for, if it joined one.
    pub(super) fn joins(&self) -> Option<String> {
        let other = self.race.more.joined?;
        Some(format!("It joined #{}, which asks the same, so nobody is asked again.", other.0))
    }

    /// The question was told what another's race came to.
    pub(super) fn joined(&self, verdict: &Verdict) -> String {
        let Some(other) = self.race.more.joined else {
            return "It joined a race that asked the same, so nobody was asked again.".into();
        };
        let head = format!("It joined #{}, which asked the same", other.0);
        let race = self.world.race(other);
        let of_ls = race.and_then(|race| Some((race, race.ls_verdict.as_ref()?)));
        match of_ls.filter(|(_, of_ls)| of_ls.why != Why::Joined) {
            Some((race, of_ls)) => {
                let teller = Teller { world: self.world, race };
                format!("{head}. Of #{}: {}", other.0, teller.verdict(of_ls, &self.judge()))
            }
            None => format!("{head}, and ended {}.", verdict.outcome),
        }
    }

    /// Whose answer no datagram could hold.
    pub(super) fn cut_short(&self) -> String {
        let servers = &self.race.more.cut_short;
        match servers.len() {
            0 => String::new(),
            _ => format!(
                "What {} had to say was too long for a datagram, so it was asked for again over TCP.",
                self.nodes(servers.iter().copied(), "and")
            ),
        }
    }

    /// How many were told what this race came to, beside its own asker.
    pub(super) fn was_joined(&self) -> String {
        match self.race.more.joined_by {
            0 => String::new(),
            1 => "One more who asked the same meanwhile was told so, too.".into(),
            more => format!("{more} more who asked the same meanwhile were told so, too."),
        }
    }

    /// Everybody was waited for.
    pub(super) fn gathered(&self, verdict: &Verdict) -> String {
        let asked: Vec<&Lane> = self.asked_lanes().collect();
        let since = self.race.taken.unwrap_or(self.race.begun);
        let waited = human(verdict.at.since(since));
        let last = match verdict.from.and_then(|from| self.race.lane(from)) {
            Some(lane) => format!("{} was the last, after {waited}", self.node(lane.upstream)),
            None => format!("it took {waited}"),
        };
        let missing: Vec<NodeId> = asked
            .iter()
            .filter(|lane| matches!(lane.end, LaneEnd::Ended(outcome) if is_missing(outcome)))
            .map(|lane| lane.upstream)
            .collect();
        let missing = match missing.len() {
            0 => String::new(),
            _ => format!("; nothing came of {}", self.nodes(missing, "and")),
        };
        match asked.len() {
            1 => format!("Only one server was asked: {last}{missing}."),
            2 => format!("Both servers were waited for: {last}{missing}."),
            count => format!("All {count} servers were waited for: {last}{missing}."),
        }
    }
}

fn is_missing(outcome: Outcome) -> bool {
    !outcome.is_final() && !matches!(outcome, Outcome::Cancelled | Outcome::Late)
}

type Drawn = (NodeId, u32);

fn drawn(note: &BalanceNote) -> Option<(Drawn, Drawn)> {
    match note {
        BalanceNote::Drew { taken, left, .. } => Some((*taken, *left)),
        _ => None,
    }
}
