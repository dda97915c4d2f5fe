//! Why an operation on a store ended as it did, why an acknowledged write is gone, why two lead, how a leader was
//! replaced: a plain sentence or a few. First what a node can know, then the truth.

use super::super::store_line::said;
use super::super::{list, node, text};
use super::capital;
use crate::base::units::human;
use crate::base::{LabTime, Names, NodeId, Shown};
use crate::check::{Ended, Failover, Fault, Flawed, Gone, Group, Loss, Op, Safety, Split};
use crate::event::Life;
use crate::message::{OpOutcome, OpWhy};
use crate::topology::Propagation;

fn names_of(ids: impl IntoIterator<Item = NodeId>, names: &Names) -> String {
    let shown: Vec<Shown> = ids.into_iter().map(|id| node(names, id)).collect();
    list(&shown, "and")
}

/// Why an operation ended as it did, and what has become of it. Safe to show.
#[must_use]
pub fn why_op(names: &Names, group: &Group, op: &Op) -> String {
    let mut out = vec![match &op.ended {
        Some(ended) => how(names, op, ended),
        None if op.orphaned.is_some() => "Its client died before it ended.".to_owned(),
        None if op.asker.is_none() => "A visitor asked for it.".to_owned(),
        None => waits(names, op),
    }];
    out.extend(retries(names, op));
    out.extend(flaw(group, op));
    if op.operation.is_write() {
        out.push(where_it_is(names, group, op));
    }
    out.join(" ")
}

fn how(names: &Names, op: &Op, ended: &Ended) -> String {
    let after = human(ended.at.since(op.begun));
    let who = names_of(ended.agreed.iter().copied(), names);
    match (ended.outcome, ended.why) {
        (OpOutcome::Ok, OpWhy::Majority) => format!("{who} agreed, after {after}."),
        (OpOutcome::Ok, OpWhy::First) => {
            format!("No two agreed, so the first answer was taken: that of {who}, after {after}.")
        }
        (OpOutcome::Ok, _) if who.is_empty() => format!("It was done after {after}."),
        (OpOutcome::Ok, _) => format!("{who} did it, after {after}."),
        (_, OpWhy::NoMajority) => format!("No two agreed, so after {after} none was believed."),
        (OpOutcome::Failed, OpWhy::NobodyLeft) => {
            format!("Nobody was there to ask, so after {after} it was surely not done.")
        }
        (OpOutcome::Failed, _) => match &ended.said {
            Some(told) => format!("It was surely not done: {}.", said(told)),
            None => format!("It was surely not done; that was known after {after}."),
        },
        (OpOutcome::Unknown, OpWhy::Stopping) => {
            "Its client was stopping and gave it up: it may have happened or not.".into()
        }
        (OpOutcome::Unknown, _) => {
            format!("Nothing was heard for {after}: it may have happened or not.")
        }
    }
}

fn waits(names: &Names, op: &Op) -> String {
    match op.attempts.last() {
        Some(attempt) => {
            format!("It waits for {}.", names_of(attempt.to.iter().copied(), names))
        }
        None => "Nobody has been asked yet.".into(),
    }
}

fn retries(names: &Names, op: &Op) -> Option<String> {
    let tries = op.attempts.iter().map(|attempt| attempt.number).max()?;
    if tries < 2 {
        return None;
    }
    let mut asked: Vec<NodeId> = Vec::new();
    for id in op.attempts.iter().flat_map(|attempt| attempt.to.iter()) {
        if !asked.contains(id) {
            asked.push(*id);
        }
    }
    let ids = if op.ids > 1 { ", each time as if it were new" } else { "" };
    let whom = names_of(asked, names);
    Some(format!("Tried {tries} times, with {whom}{ids}."))
}

fn flaw(group: &Group, op: &Op) -> Option<String> {
    let twice = op.applied_twice.then(|| "It was applied more than once.".to_owned());
    let read = match op.flawed? {
        Flawed::Wrong => "No log ever held what it gave: the client cannot know.".to_owned(),
        Flawed::Stale(missed) => match group.op(missed) {
            Some(missed) => format!(
                "It misses “{}”, which had been acknowledged before it began.",
                text(&missed.operation.to_string())
            ),
            None => "It misses a write that had been acknowledged before it began.".to_owned(),
        },
    };
    Some(twice.map_or(read.clone(), |twice| format!("{read} {twice}")))
}

fn where_it_is(names: &Names, group: &Group, op: &Op) -> String {
    let twice = if op.applied_twice { " It was applied more than once." } else { "" };
    let holders: Vec<NodeId> = group.holders(op).collect();
    let on_the_way = match op.in_flight() {
        0 => String::new(),
        1 => "; one message with it is on its way".to_owned(),
        more => format!("; {more} messages with it are on their way"),
    };
    let here = match (op.safety, holders.as_slice()) {
        (Safety::Lost, _) => {
            let gone = group.lost.get(&op.no);
            let why = gone.map_or_else(String::new, |gone| why_lost(names, gone));
            return format!("{why}{twice}").trim().to_owned();
        }
        (_, []) => "No log has it".to_owned(),
        (Safety::OnAll, _) => "Every living replica has it".to_owned(),
        (_, [one]) => format!("Only {} has it", node(names, *one)),
        (_, some) => format!("{} have it", names_of(some.iter().copied(), names)),
    };
    format!("{here}{on_the_way}.{twice}")
}

/// What took the last copy, as the rest of a sentence. Safe to show.
#[must_use]
pub fn loss_words(loss: Loss, names: &Names) -> String {
    let of = |id: NodeId| node(names, id);
    match loss {
        Loss::Unknown => "nobody who lives has it".into(),
        Loss::Died(id, life) => {
            let how = match life {
                Life::PoweredOff => "lost its power",
                Life::Crashed => "crashed",
                Life::Stopped => "stopped",
                Life::Corrupt => "could not read its disk",
                _ => "was killed",
            };
            format!("{}, the last that had it, {how}", of(id))
        }
        Loss::Wiped(id) => format!("the disk of {}, the last that had it, was emptied", of(id)),
        Loss::Discarded { by, for_the_log_of } => {
            format!("{}, the last that had it, took over the log of {}", of(by), of(for_the_log_of))
        }
        Loss::NeverArrived { from, to } => {
            format!("what {} sent to {} never arrived", of(from), of(to))
        }
        Loss::NeverHeld => "nobody who lives had it when it was acknowledged".into(),
        Loss::BegunWithout(id) => format!("{} began without it", of(id)),
    }
}

/// Why an acknowledged write is gone. Safe to show.
#[must_use]
pub fn why_lost(names: &Names, gone: &Gone) -> String {
    let acked = if gone.acked_by.is_empty() {
        String::new()
    } else {
        format!("{} had acknowledged it; ", names_of(gone.acked_by.iter().copied(), names))
    };
    let sentence = format!("{acked}{}.", loss_words(gone.why, names));
    capital(&sentence)
}

/// How a leader was replaced, or why it is not yet. Safe to show.
#[must_use]
pub fn why_failover(names: &Names, failover: &Failover, now: LabTime) -> String {
    let of = |id: NodeId| node(names, id);
    let leader = of(failover.leader);
    let after = |at: LabTime| human(at.since(failover.at));
    let fault = match failover.fault {
        Fault::Life(Life::Killed) => format!("{leader} was killed"),
        Fault::Life(Life::PoweredOff) => format!("{leader} lost its power"),
        Fault::Life(Life::Frozen) => format!("{leader} froze"),
        Fault::Life(Life::Crashed) => format!("{leader} crashed"),
        Fault::Life(_) => format!("{leader} stopped"),
        Fault::Cut(id) => format!("The link between {leader} and {} was cut", of(id)),
        Fault::Silence(id) => format!("{} heard nothing of {leader}", of(id)),
    };
    let mut stages = Vec::new();
    if let Some((id, at)) = failover.suspected {
        stages.push(format!("{} suspected it after {}", of(id), after(at)));
    }
    if let Some((id, at)) = failover.stood {
        stages.push(format!("{} stood for election after {}", of(id), after(at)));
    }
    if let Some((id, at, term)) = failover.promoted {
        let term = if term == 0 { String::new() } else { format!(" in term {term}") };
        stages.push(format!("{} leads{term} after {}", of(id), after(at)));
    }
    if let Some((id, at, _)) = failover.served {
        stages.push(format!("a write of {} was done there after {}", of(id), after(at)));
    }
    let end = match (failover.called_off, failover.promoted) {
        (Some(at), _) => format!(" {leader} went on after {}.", after(at)),
        (None, None) => format!(" Nobody has taken its place for {}.", after(now)),
        (None, Some(_)) => String::new(),
    };
    if stages.is_empty() {
        return format!("{fault}.{end}");
    }
    format!("{fault}; {}.{end}", list(&stages, "and"))
}

/// Why two lead at once, and what will come of it. Safe to show.
#[must_use]
pub fn why_split(names: &Names, group: &Group, split: &Split) -> String {
    let leaders: Vec<NodeId> = split.leaders.iter().copied().collect();
    let newest = group.failovers.iter().rev().find(|one| {
        one.promoted.is_some_and(|(id, ..)| split.leaders.contains(&id))
            && split.leaders.contains(&one.leader)
    });
    let mut out = Vec::new();
    if let Some(failover) = newest
        && let Some((successor, ..)) = failover.promoted
    {
        let (old, new) = (node(names, failover.leader), node(names, successor));
        out.push(match failover.fault {
            Fault::Life(Life::Frozen) => {
                format!("{old} was frozen, {new} took over, and {old} woke without knowing it.")
            }
            Fault::Life(_) => format!("{new} took over, and {old} came back as it was."),
            Fault::Cut(_) => {
                format!("{new} could not hear {old} over a link that was cut, so it took over.")
            }
            Fault::Silence(_) => format!("{new} did not hear {old} in time, so it took over."),
        });
    } else {
        out.push(format!("{} lead.", names_of(leaders.iter().copied(), names)));
    }
    let terms = leaders.iter().filter_map(|id| group.replica(*id)).any(|one| one.config.terms);
    out.push(if terms {
        "With terms the older one steps down as soon as it hears of the newer.".into()
    } else {
        "Without terms neither can tell who is newer.".into()
    });
    let sides: Vec<String> =
        split.acked.iter().map(|(id, count)| format!("{count} on {}", node(names, *id))).collect();
    out.push(format!("Writes acknowledged meanwhile: {}.", list(&sides, "and")));
    out.join(" ")
}

/// Why a leader's death would cost what it would, and how to pay less. Safe to show.
#[must_use]
pub fn why_predicted(
    names: &Names,
    group: &Group,
    prediction: &crate::check::Prediction,
) -> String {
    let leader = node(names, prediction.leader);
    let writes = match prediction.writes {
        0 => "no acknowledged write".to_owned(),
        1 => "1 acknowledged write".to_owned(),
        more => format!("{more} acknowledged writes"),
    };
    let asynchronous = group
        .replica(prediction.leader)
        .is_some_and(|one| one.config.propagation == Propagation::Async);
    let formula = if asynchronous && prediction.rate > 0.0 {
        format!(
            " By the formula it is {:.1}/s × {} = {:.1}.",
            prediction.rate,
            human(prediction.lag),
            prediction.by_rate()
        )
    } else {
        String::new()
    };
    format!(
        "The death of {leader} now would cost {writes}: nobody else has it, and nothing with it is on its way.{formula}"
    )
}
