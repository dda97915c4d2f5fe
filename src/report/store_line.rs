//! Notes and messages of the replica family in one line each, for people who read along. Safe to show.

use super::{list, node, text};
use crate::base::units::{grouped, human};
use crate::base::{Names, NodeId, Shown};
use crate::message::{
    Awaited, CatchUp, ClockVerdict, OpOutcome, OpWhy, Position, ReplicaMessage, StoreNote,
    StoreSaid,
};

/// A message between replicas; none for a heartbeat, of which there are too many to read.
pub(super) fn message(message: &ReplicaMessage) -> Option<String> {
    let in_term = |term: u64| if term == 0 { String::new() } else { format!(", term {term}") };
    Some(match message {
        ReplicaMessage::Beat { .. } | ReplicaMessage::Alive { .. } => return None,
        ReplicaMessage::Election { term } => format!("are you there?{}", in_term(*term)),
        ReplicaMessage::Here { leads: true, term } => {
            format!("I am here, and I lead{}", in_term(*term))
        }
        ReplicaMessage::Here { term, .. } => format!("I am here{}", in_term(*term)),
        ReplicaMessage::Leads { term, have } => {
            format!("I lead{}, {}", in_term(*term), position(*have))
        }
        ReplicaMessage::Change { entry, .. } => {
            format!("change {}: {}", entry.position, text(&entry.operation.to_string()))
        }
        ReplicaMessage::Have { have, .. } => format!("has it, {}", position(*have)),
        ReplicaMessage::AskClock => "which clock is yours?".into(),
        ReplicaMessage::Clock { have, .. } => format!("my clock: {}", position(*have)),
        ReplicaMessage::CatchUp { have, whole: true, .. } => {
            format!("bring me up to date, with everything; {}", position(*have))
        }
        ReplicaMessage::CatchUp { have, .. } => {
            format!("bring me up to date; {}", position(*have))
        }
        ReplicaMessage::State { keep: 0, entries, .. } => {
            format!("everything: {}", counted(entries.len() as u64, "entry", "entries"))
        }
        ReplicaMessage::State { keep, entries, .. } => {
            format!("what follows {keep}: {}", counted(entries.len() as u64, "entry", "entries"))
        }
    })
}

/// What a replica or a client of the store says to an operation.
pub(super) fn said(said: &StoreSaid) -> String {
    match said {
        StoreSaid::Lines(lines) if lines.len() == 1 => "1 line".into(),
        other => text(&other.to_string()).into(),
    }
}

/// `n=41 a91f`
fn position(have: Position) -> String {
    format!("n={} {}", have.at, have.digest)
}

fn counted(count: u64, one: &str, many: &str) -> String {
    format!("{} {}", grouped(count), if count == 1 { one } else { many })
}

/// A note in a line; none for one that repeats what another said.
pub(super) fn note(note: &StoreNote, names: &Names) -> Option<String> {
    of_clients(note, names).or_else(|| of_logs(note, names)).or_else(|| of_leaders(note, names))
}

fn nodes(ids: &[NodeId], names: &Names) -> String {
    let shown: Vec<Shown> = ids.iter().map(|id| node(names, *id)).collect();
    list(&shown, "and")
}

fn of_clients(note: &StoreNote, names: &Names) -> Option<String> {
    let of = |id: NodeId| node(names, id);
    Some(match note {
        StoreNote::Requested { operation, .. } => {
            format!("begins: {}", text(&operation.to_string()))
        }
        StoreNote::Attempted { to, attempt, id, .. } if *attempt > 1 => {
            format!("asks {} again, try {attempt}, as {}", nodes(to, names), text(&id.to_string()))
        }
        StoreNote::Voted { replica, said: vote, .. } => match vote {
            StoreSaid::NotLeader(_) | StoreSaid::Failed(_) => {
                format!("{} says: {}", of(*replica), said(vote))
            }
            _ => return None,
        },
        StoreNote::Concluded { outcome, said: told, agreed, why, .. } => {
            concluded(*outcome, told.as_ref(), agreed, *why, names)
        }
        StoreNote::Outvoted { replica, said: vote, .. } => {
            format!("OUTVOTES {}, which said: {}", of(*replica), said(vote))
        }
        _ => return None,
    })
}

fn concluded(
    outcome: OpOutcome,
    told: Option<&StoreSaid>,
    agreed: &[NodeId],
    why: OpWhy,
    names: &Names,
) -> String {
    let what = match (outcome, told) {
        (OpOutcome::Ok, Some(StoreSaid::Done) | None) => "done".to_owned(),
        (OpOutcome::Ok, Some(told)) => said(told),
        (OpOutcome::Failed, _) => "FAILED".to_owned(),
        (OpOutcome::Unknown, _) => "UNKNOWN: it may have happened or not".to_owned(),
    };
    let whose =
        if agreed.is_empty() { String::new() } else { format!(", from {}", nodes(agreed, names)) };
    let why = match why {
        OpWhy::Answer => "",
        OpWhy::Majority => ": they agree",
        OpWhy::First => ": no two agree, so the first answer is taken",
        OpWhy::NoMajority => ": no two agree",
        OpWhy::Deadline => ": nothing was heard in time",
        OpWhy::NobodyLeft => ": nobody was there to ask",
        OpWhy::Stopping => ": it is stopping",
    };
    format!("{what}{whose}{why}")
}

fn of_logs(note: &StoreNote, names: &Names) -> Option<String> {
    let of = |id: NodeId| node(names, id);
    Some(match note {
        StoreNote::ReadLog { entries: 0, .. } => return None,
        StoreNote::ReadLog { have, entries, .. } => {
            let read = counted(*entries, "entry", "entries");
            format!("reads its log: {read}, {}", position(*have))
        }
        StoreNote::Accepted { entry, have, from: None } => {
            format!("takes {}, {}", text(&entry.operation.to_string()), position(*have))
        }
        StoreNote::Recognised { id } => {
            format!("knows {} already, and does not do it again", text(&id.to_string()))
        }
        StoreNote::Acked { position, .. } => format!("ACKNOWLEDGES {position}"),
        StoreNote::NotDone { why, .. } => format!("does not do it: {}", text(why)),
        StoreNote::Compared { with, own, other, verdict } => {
            let verdict = match verdict {
                ClockVerdict::InSync => "in sync",
                ClockVerdict::Behind => "behind",
                ClockVerdict::Ahead => "ahead",
                ClockVerdict::Concurrent => "CONCURRENT: each has what the other lacks",
            };
            let (own, other) = (position(*own), position(*other));
            format!("compares clocks with {}: {own} against {other}: {verdict}", of(*with))
        }
        StoreNote::CatchUpAsked { from, how } => {
            let what = match how {
                CatchUp::State => "everything",
                CatchUp::Log => "what it lacks",
            };
            format!("asks {} for {what}", of(*from))
        }
        StoreNote::CaughtUp { from, entries, bytes, have, .. } => {
            let shipped = counted(*entries, "entry", "entries");
            let bytes = grouped(*bytes);
            format!(
                "is brought up to date by {}: {shipped}, {bytes} bytes, {}",
                of(*from),
                position(*have)
            )
        }
        StoreNote::Discarded { entries, for_the_log_of } => {
            let first = entries.first().map(|entry| text(&entry.operation.to_string()).to_string());
            let thrown = counted(entries.len() as u64, "entry", "entries");
            let first = first.map_or_else(String::new, |first| format!(": {first} …"));
            format!("THROWS AWAY {thrown} for the log of {}{first}", of(*for_the_log_of))
        }
        _ => return None,
    })
}

fn of_leaders(note: &StoreNote, names: &Names) -> Option<String> {
    let of = |id: NodeId| node(names, id);
    let in_term = |term: u64| if term == 0 { String::new() } else { format!(" in term {term}") };
    Some(match note {
        StoreNote::Suspected { about, silence } => {
            format!("SUSPECTS {}: silent for {}", of(*about), human(*silence))
        }
        StoreNote::Cleared { about } => format!("hears {} again: it was wrong", of(*about)),
        StoreNote::Stood { asked, term, .. } if asked.is_empty() => {
            format!("stands for election{}: nobody comes before it", in_term(*term))
        }
        StoreNote::Stood { asked, term, .. } => {
            format!("stands for election{}, and asks {}", in_term(*term), nodes(asked, names))
        }
        StoreNote::StoodDown { to } => format!("does not take over: {} is there", of(*to)),
        StoreNote::Promoted { term, have } => {
            format!("LEADS{}, {}", in_term(*term), position(*have))
        }
        StoreNote::Demoted { to, term } => {
            format!("leads no more: {} does{}", of(*to), in_term(*term))
        }
        StoreNote::Follows { leader, term } => format!("follows {}{}", of(*leader), in_term(*term)),
        StoreNote::Fenced { from, stale, term } => {
            format!("turns {} away: term {stale} is over, it is term {term}", of(*from))
        }
        StoreNote::WaitsFor { about, awaited } => {
            let what = match awaited {
                Awaited::HeartbeatReply => "the reply to its heartbeat",
                Awaited::Confirmation => "the confirmation of a change",
            };
            format!("STANDS STILL until {} sends {what}", of(*about))
        }
        StoreNote::WaitOver { about } => format!("goes on: {} is waited for no more", of(*about)),
        _ => return None,
    })
}
