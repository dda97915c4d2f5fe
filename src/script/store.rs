//! Expectations about a store, held against the audit of it.

use super::judge::Look;
use super::tally::Tally;
use crate::base::units::human;
use crate::base::{LabTime, NodeId, Shown};
use crate::check::{Figures, Group, Op, ReplicaState};
use crate::command::{Figure, StoreExpectation};
use crate::message::StoreSaid;
use std::fmt::Write as _;

/// Columns of a text from outside in a sentence.
const TEXT_COLUMNS: usize = 60;

/// How an expectation about a store stands after an event.
pub(super) fn holds(
    expectation: &StoreExpectation,
    tally: &Tally,
    began: LabTime,
    watching: bool,
) -> Look {
    let when = |holds: bool| {
        if holds { Look::Holds(seen(expectation, tally)) } else { Look::NotYet }
    };
    match expectation {
        StoreExpectation::OpEnds { .. } => tally
            .ledger()
            .concluded()
            .map_or(Look::NotYet, |op| op_ends(expectation, tally, began, op)),
        // What is only bounded from above may still grow, and what is counted never shrinks.
        StoreExpectation::Truth { what, compare, .. } => {
            let for_good = compare.is_lower_bound();
            let state = what.is_state() && *compare == crate::command::Compare::Equal && watching;
            when((for_good || state) && is_so(expectation, tally))
        }
        StoreExpectation::NoDeadlock | StoreExpectation::LostIsPredicted { .. } => Look::NotYet,
        StoreExpectation::Deadlock(_) => when(is_so(expectation, tally)),
        StoreExpectation::Leads(_)
        | StoreExpectation::LeaderOf { .. }
        | StoreExpectation::InStep(_) => when(watching && is_so(expectation, tally)),
    }
}

/// Whether it holds by the state of things.
pub(super) fn is_so(expectation: &StoreExpectation, tally: &Tally) -> bool {
    let audit = &tally.ledger().audit;
    match expectation {
        StoreExpectation::OpEnds { .. } => false,
        StoreExpectation::Truth { what, compare, figure } => {
            compare.holds(counted(tally, *what), *figure)
        }
        StoreExpectation::Leads(leader) => match leader {
            Some(leader) => audit
                .group_of(*leader)
                .is_some_and(|group| group.leaders().map(|replica| replica.id).eq([*leader])),
            None => audit.groups().all(|group| group.leaders().next().is_none()),
        },
        StoreExpectation::LeaderOf { holder, leader } => {
            believed(tally, *holder).map(|(leader, _)| leader) == *leader
        }
        StoreExpectation::Deadlock(nodes) => {
            let all = |cycle: &crate::check::Cycle| {
                cycle.nodes.len() == nodes.len() && nodes.iter().all(|id| cycle.nodes.contains(id))
            };
            audit.groups().any(|group| group.cycles.iter().any(all))
        }
        StoreExpectation::NoDeadlock => {
            let stands = audit.groups().any(|group| !group.cycles.is_empty());
            !stands && audit.figures().deadlocks == tally.ledger().before.deadlocks
        }
        StoreExpectation::InStep(nodes) => {
            let mut digests = nodes.iter().map(|id| {
                let replica = audit.replica(*id).filter(|replica| replica.runs())?;
                Some((replica.have.at, audit.group_of(*id)?.digest(*id)?))
            });
            let first = digests.next().flatten();
            first.is_some() && digests.all(|digest| digest == first) && !is_written(tally, nodes)
        }
        StoreExpectation::LostIsPredicted { tolerance } => {
            let (lost, predicted) = losses(tally);
            predicted.is_some_and(|predicted| lost.abs_diff(predicted) <= *tolerance)
        }
    }
}

/// Whether a client's write on the store of these nodes has no verdict yet: they will not stay as they are.
fn is_written(tally: &Tally, nodes: &[NodeId]) -> bool {
    let open = |op: &Op| op.over().is_none() && op.asker.is_some() && op.operation.is_write();
    let groups = nodes.iter().filter_map(|id| tally.ledger().audit.group_of(*id));
    groups.take(1).any(|group| group.ops().any(open))
}

fn counted(tally: &Tally, what: Figure) -> u64 {
    let now = of(&tally.ledger().audit.figures(), what);
    if what.is_state() { now } else { now.saturating_sub(of(&tally.ledger().before, what)) }
}

const fn of(figures: &Figures, what: Figure) -> u64 {
    match what {
        Figure::Acked => figures.acked,
        Figure::Lost => figures.lost,
        Figure::Stale => figures.stale,
        Figure::Dup => figures.dup,
        Figure::Wrong => figures.wrong,
        Figure::Outvoted => figures.outvoted,
        Figure::Discarded => figures.discarded,
        Figure::Recognised => figures.recognised,
        Figure::Elections => figures.elections,
        Figure::SplitBrains => figures.splits,
        Figure::FalseSuspicions => figures.false_suspicions,
        Figure::Concurrent => figures.concurrent,
        Figure::Shipped => figures.shipped,
        Figure::Written => figures.written,
        Figure::Leaders => figures.leaders,
        Figure::AtRisk => figures.at_risk,
        Figure::Diverged => figures.diverged,
    }
}

fn believed(tally: &Tally, holder: NodeId) -> Option<(NodeId, u64)> {
    tally.ledger().audit.group_of(holder)?.leader_of(holder)
}

/// What was lost in this step, and what was predicted when leaders died in it; none where none died.
fn losses(tally: &Tally) -> (u64, Option<u64>) {
    let died = |group: &Group| {
        group.predictions.back().is_some_and(|newest| newest.at >= tally.ledger().began)
    };
    let lost = counted(tally, Figure::Lost);
    let predicted = tally.ledger().audit.figures().predicted - tally.ledger().before.predicted;
    (lost, tally.ledger().audit.groups().any(died).then_some(predicted))
}

fn op_ends(expectation: &StoreExpectation, tally: &Tally, began: LabTime, op: &Op) -> Look {
    let StoreExpectation::OpEnds { client, asked, outcome, from, text, after } = expectation else {
        return Look::NotYet;
    };
    let Some(ended) = &op.ended else { return Look::NotYet };
    let by_client = op.asker.is_some_and(|(node, ..)| node == *client);
    let meant = asked.as_ref().is_none_or(|asked| asked.is(&op.operation));
    if !by_client || !meant || op.begun < began {
        return Look::NotYet;
    }
    let from_fits = from.is_none_or(|from| ended.agreed.contains(&from));
    let text_fits = text.as_ref().is_none_or(|text| says(ended.said.as_ref(), text));
    let late_enough = after.is_none_or(|after| ended.at.since(began) >= after);
    let mut sentence = how_it_ended(op, tally);
    if !late_enough {
        // Writing to a String cannot fail.
        let _ = write!(sentence, ", {} into the step", human(ended.at.since(began)));
    }
    if ended.outcome == *outcome && from_fits && text_fits && late_enough {
        Look::Holds(sentence)
    } else {
        Look::Near(sentence)
    }
}

/// Whether the answer is this value, or has this line.
fn says(said: Option<&StoreSaid>, text: &str) -> bool {
    match said {
        Some(StoreSaid::Lines(lines)) => lines.iter().any(|line| **line == *text),
        Some(said) => said.to_string() == text,
        None => false,
    }
}

/// `put colour blue ended ok after 41 ms, from r1`
fn how_it_ended(op: &Op, tally: &Tally) -> String {
    let Some(ended) = &op.ended else { return String::new() };
    let mut out = format!(
        "{} ended {} after {}",
        Shown::short(&op.operation.to_string(), TEXT_COLUMNS),
        ended.outcome.word(),
        human(ended.at.since(op.begun))
    );
    let names: Vec<&str> = ended.agreed.iter().map(|id| tally.topology().names.of(*id)).collect();
    if !names.is_empty() {
        let _ = write!(out, ", from {}", names.join(" and "));
    }
    if let Some(said) = ended.said.as_ref().filter(|said| !matches!(said, StoreSaid::Done)) {
        let _ = write!(out, ", as {}", Shown::short(&said.to_string(), TEXT_COLUMNS));
    }
    out
}

/// What was seen, in one sentence.
pub(super) fn seen(expectation: &StoreExpectation, tally: &Tally) -> String {
    let audit = &tally.ledger().audit;
    let name = |id: NodeId| tally.topology().names.of(id);
    let list = |ids: &mut dyn Iterator<Item = NodeId>, and: &str| {
        ids.map(|id| name(id).to_owned()).collect::<Vec<_>>().join(and)
    };
    match expectation {
        StoreExpectation::OpEnds { client, .. } => no_such_end(*client, tally),
        StoreExpectation::Truth { what, .. } => {
            let count = counted(tally, *what);
            let when = if what.is_state() { "now" } else { "in this step" };
            let unit = if what.is_bytes() { "bytes " } else { "" };
            format!("{count} {unit}{} {when}", what.word())
        }
        StoreExpectation::Leads(_) => {
            let leads = |group: &'_ Group| -> Vec<NodeId> {
                group.leaders().map(|replica: &ReplicaState| replica.id).collect()
            };
            let leaders: Vec<NodeId> = audit.groups().flat_map(leads).collect();
            match leaders.as_slice() {
                [] => "nobody leads".into(),
                [one] => format!("{} leads", name(*one)),
                many => format!("{} lead", list(&mut many.iter().copied(), " and ")),
            }
        }
        StoreExpectation::LeaderOf { holder, .. } => match believed(tally, *holder) {
            Some((leader, _)) => {
                format!("{} believes that {} leads", name(*holder), name(leader))
            }
            None => format!("{} knows of no leader", name(*holder)),
        },
        StoreExpectation::Deadlock(_) | StoreExpectation::NoDeadlock => {
            let cycle = audit.groups().flat_map(|group| &group.cycles).next();
            let past = audit.groups().find_map(|group| group.cycles_seen.last());
            let before = tally.ledger().before.deadlocks;
            match (cycle, past.filter(|_| audit.figures().deadlocks > before)) {
                (Some(cycle), _) => circle(&cycle.nodes, &name),
                (None, Some(nodes)) => format!("{}, and then no more", circle(nodes, &name)),
                (None, None) => "nobody waits in a circle".into(),
            }
        }
        StoreExpectation::InStep(nodes) => {
            let side = |id: &NodeId| match audit.replica(*id) {
                Some(replica) if replica.runs() => {
                    let digest = audit.group_of(*id).and_then(|group| group.digest(*id));
                    let digest = digest.unwrap_or(replica.have.digest);
                    format!("{} is at {} with {digest}", name(*id), replica.have.at)
                }
                _ => format!("{} does not run", name(*id)),
            };
            nodes.iter().map(side).collect::<Vec<_>>().join(", ")
        }
        StoreExpectation::LostIsPredicted { .. } => match losses(tally) {
            (lost, Some(predicted)) => format!("{lost} are lost, {predicted} were predicted"),
            (lost, None) => format!("no leader died, {lost} are lost"),
        },
    }
}

/// No operation that was meant has ended: how many are still open?
fn no_such_end(client: NodeId, tally: &Tally) -> String {
    let waits = |op: &&Op| {
        op.over().is_none()
            && op.begun >= tally.ledger().began
            && op.asker.is_some_and(|(node, ..)| node == client)
    };
    let group = tally.ledger().audit.group_of(client);
    let whose = format!("no such operation of {} ended", tally.topology().names.of(client));
    match group.map_or(0, |group| group.ops().filter(waits).count()) {
        0 => format!("{whose}, and none is open"),
        1 => format!("{whose}; one is still open"),
        open => format!("{whose}; {open} are still open"),
    }
}

/// `r1 waits for r2, r2 waits for r1`
fn circle<'a>(nodes: &[NodeId], name: &dyn Fn(NodeId) -> &'a str) -> String {
    let next = nodes.iter().cycle().skip(1);
    let wait = |(a, b): (&NodeId, &NodeId)| format!("{} waits for {}", name(*a), name(*b));
    nodes.iter().zip(next).map(wait).collect::<Vec<_>>().join(", ")
}
