//! Holds an expectation against what happened, and says in a sentence what was seen.

use super::store;
use super::tally::{End, EndedList, Tally};
use crate::base::units::human;
use crate::base::{LabTime, NodeId, Shown};
use crate::command::{Condition, Expectation, belief_word};
use crate::event::{Event, Fact, Judgement, Life};
use std::fmt::Write as _;

/// How an expectation stands after an event.
pub(super) enum Look {
    /// It holds, for good.
    Holds(String),
    /// It does not hold, but this came near.
    Near(String),
    /// Nothing to say yet.
    NotYet,
}

/// Whether an event can change how an expectation stands, apart from the end of a question.
pub(super) fn concerns(event: &Event) -> bool {
    matches!(
        event.fact,
        Fact::Noted(_)
            | Fact::StepRan { .. }
            | Fact::NodeBooted { .. }
            | Fact::NodeKilled { .. }
            | Fact::NodeCrashed { .. }
            | Fact::NodePoweredOff { .. }
            | Fact::NodeFrozen { .. }
            | Fact::NodeThawed { .. }
            | Fact::NodeStopping { .. }
            | Fact::NodeStopped { .. }
            | Fact::NodeCorrupt { .. }
            | Fact::NodeWiped { .. }
            | Fact::FrameLost { .. }
            | Fact::Census(_)
    )
}

/// How an expectation stands. `watching`: the step's first commands have taken effect, so that states count.
pub(super) fn holds(
    expectation: &Expectation,
    tally: &Tally,
    began: LabTime,
    end: Option<&End>,
    watching: bool,
) -> Look {
    let when = |holds: bool| {
        if holds { Look::Holds(seen(expectation, tally)) } else { Look::NotYet }
    };
    match expectation {
        Expectation::QueryEnds { .. } => {
            end.map_or(Look::NotYet, |end| query_ends(expectation, tally, began, end))
        }
        Expectation::Store { what, .. } => store::holds(what, tally, began, watching),
        // What is only bounded from above may still grow.
        Expectation::Count { compare, .. } if !compare.is_lower_bound() => Look::NotYet,
        Expectation::NodeIs { .. } | Expectation::BeliefIs { .. } | Expectation::Sticky { .. } => {
            when(watching && is_so(expectation, tally))
        }
        _ => when(is_so(expectation, tally)),
    }
}

/// The judgement when the time is over.
pub(super) fn at_the_end(expectation: &Expectation, tally: &Tally) -> (Judgement, String) {
    let judgement = if is_so(expectation, tally) { Judgement::Passed } else { Judgement::Failed };
    (judgement, seen(expectation, tally))
}

fn is_list(list: &EndedList, answered: u64, names: u64) -> bool {
    (list.answered, list.names) == (answered, names)
}

/// Whether it holds by the state of things. The end of a question is no state: it is seen when it happens.
fn is_so(expectation: &Expectation, tally: &Tally) -> bool {
    match expectation {
        Expectation::QueryEnds { .. } => false,
        Expectation::BatchAnswers { client, answered, names, .. } => {
            tally.ended_lists(*client).iter().any(|list| is_list(list, *answered, *names))
        }
        Expectation::Count { who, what, compare, figure, .. } => {
            compare.holds(tally.count(*who, *what), *figure)
        }
        Expectation::NodeIs { node, condition, .. } => match condition {
            Condition::Spinning => tally.is_spinning(*node),
            condition => of_life(tally.life(*node)) == *condition,
        },
        Expectation::BeliefIs { holder, about, belief, .. } => {
            tally.belief(*holder, *about) == *belief
        }
        Expectation::Ejects { node, upstream, .. } => tally.health(*node, *upstream).0,
        Expectation::Restores { node, upstream, .. } => tally.health(*node, *upstream).1,
        Expectation::Sticky { node, name, upstream, .. } => {
            tally.place_of(*node, name) == Some(*upstream)
        }
        Expectation::Store { what, .. } => store::is_so(what, tally),
    }
}

fn query_ends(expectation: &Expectation, tally: &Tally, began: LabTime, end: &End) -> Look {
    let Expectation::QueryEnds { client, name, outcome, from, address, after, .. } = expectation
    else {
        return Look::NotYet;
    };
    if end.client != *client || name.as_ref().is_some_and(|name| *name != end.name) {
        return Look::NotYet;
    }
    let from_fits = from.is_none_or(|from| end.from == Some(from) || end.ts == Some(from));
    let address_fits = address.as_ref().is_none_or(|wanted| {
        end.address.as_ref().is_some_and(|told| {
            told == wanted || told.split(',').any(|part| part.trim() == wanted.trim())
        })
    });
    let late_enough = after.is_none_or(|after| end.at.since(began) >= after);
    let mut sentence = how_it_ended(end, tally);
    if !late_enough {
        // What `after` counts from is not what the question counts from.
        let _ = write!(sentence, ", {} into the step", human(end.at.since(began)));
    }
    if end.outcome == *outcome && from_fits && address_fits && late_enough {
        Look::Holds(sentence)
    } else {
        Look::Near(sentence)
    }
}

/// `www.google.com ended answered after 81 ms, from ts1, as 192.0.2.10`
fn how_it_ended(end: &End, tally: &Tally) -> String {
    let mut out = format!(
        "{} ended {} after {}",
        Shown::short(end.name.as_str(), 60),
        end.outcome,
        human(end.at.since(end.asked))
    );
    // Writing to a String cannot fail.
    if let Some(from) = end.ts.or(end.from) {
        let _ = write!(out, ", from {}", tally.topology().names.of(from));
    }
    if let Some(address) = &end.address {
        let _ = write!(out, ", as {}", Shown::short(address, 60));
    }
    out
}

fn seen(expectation: &Expectation, tally: &Tally) -> String {
    let name = |id: NodeId| tally.topology().names.of(id);
    match expectation {
        Expectation::QueryEnds { client, name: wanted, .. } => {
            let whose = wanted.as_ref().map_or_else(
                || format!("no question of {} ended", name(*client)),
                |wanted| {
                    let wanted = Shown::short(wanted.as_str(), 60);
                    format!("no question of {} for {wanted} ended", name(*client))
                },
            );
            match tally.still_open(*client, wanted.as_ref()) {
                0 => format!("{whose}, and none is open"),
                1 => format!("{whose}; one is still open"),
                open => format!("{whose}; {open} are still open"),
            }
        }
        Expectation::BatchAnswers { client, answered, names, .. } => {
            let ended = tally.ended_lists(*client);
            let fitting = ended.iter().find(|list| is_list(list, *answered, *names));
            match fitting.or(ended.last()) {
                Some(list) => {
                    let EndedList { answered, names, took } = list;
                    format!("{answered} of {names} answered after {}", human(*took))
                }
                None => format!("no list of {} ended", name(*client)),
            }
        }
        Expectation::Count { who, what, .. } => {
            let count = tally.count(*who, *what);
            let place = who.map_or_else(|| "in all".into(), |who| format!("at {}", name(who)));
            format!("counted {count} {} {place}", what.word())
        }
        Expectation::NodeIs { node, .. } => {
            let spinning = tally.is_spinning(*node);
            let word = if spinning { "spinning" } else { of_life(tally.life(*node)).word() };
            format!("{} is {word}", name(*node))
        }
        Expectation::BeliefIs { holder, about, .. } => {
            let belief = belief_word(tally.belief(*holder, *about));
            format!("{} believes that {} is {belief}", name(*holder), name(*about))
        }
        Expectation::Ejects { node, upstream, .. } => {
            let did = if tally.health(*node, *upstream).0 { "ejected" } else { "did not eject" };
            format!("{} {did} {}", name(*node), name(*upstream))
        }
        Expectation::Restores { node, upstream, .. } => {
            let did = if tally.health(*node, *upstream).1 { "restored" } else { "did not restore" };
            format!("{} {did} {}", name(*node), name(*upstream))
        }
        Expectation::Sticky { node, name: host, .. } => {
            let shown = Shown::short(host.as_str(), 60);
            match tally.place_of(*node, host) {
                Some(place) => format!("{shown} sticks to {}", name(place)),
                None => format!("{shown} has no place at {}", name(*node)),
            }
        }
        Expectation::Store { what, .. } => store::seen(what, tally),
    }
}

fn of_life(life: Life) -> Condition {
    match life {
        Life::Off => Condition::Off,
        Life::Up => Condition::Up,
        Life::Frozen => Condition::Frozen,
        Life::Stopping => Condition::Stopping,
        Life::Killed => Condition::Killed,
        Life::Crashed => Condition::Crashed,
        Life::PoweredOff => Condition::PoweredOff,
        Life::Corrupt => Condition::Corrupt,
        Life::Stopped => Condition::Stopped,
    }
}
