//! What is said when a store is in trouble: the word, and the reason in two lengths.

use crate::base::{NodeId, Shown};
use crate::check::{Group, ReplicaState};
use crate::topology::Scheme;
use crate::world::{AlarmKind, World};

/// The word and the reason; none for an alarm that is not about a store.
#[must_use]
pub fn store_alarm(world: &World, kind: &AlarmKind) -> Option<(&'static str, [String; 2])> {
    let name = |id: NodeId| world.topology.names.of(id);
    let list = |ids: &mut dyn Iterator<Item = NodeId>| {
        ids.map(|id| name(id).to_owned()).collect::<Vec<_>>().join(", ")
    };
    let group = |at: &usize| world.audit.group(*at);
    Some(match kind {
        AlarmKind::SplitBrain(at) => {
            let split = group(at)?.split.as_ref()?;
            let leaders = list(&mut split.leaders.iter().copied());
            let count = split.leaders.len();
            let long = format!(
                "{count} leaders: {leaders}, writes acknowledged on all sides: {}",
                split.writes()
            );
            ("SPLIT BRAIN", [long, format!("{leaders} lead, {} writes", split.writes())])
        }
        AlarmKind::Lost(at) => ("LOST", lost(group(at)?)),
        AlarmKind::Deadlock(_, nodes) => {
            let next = nodes.iter().cycle().skip(1);
            let waits: Vec<String> = nodes
                .iter()
                .zip(next)
                .map(|(a, b)| format!("{} waits for {}", name(*a), name(*b)))
                .collect();
            let short = list(&mut nodes.iter().chain(nodes.first()).copied()).replace(", ", ">");
            ("DEADLOCK", [waits.join(", "), short])
        }
        AlarmKind::Diverged(at) => {
            let group = group(at)?;
            let (a, b) = group.forks.keys().next()?;
            let side = |id: NodeId| {
                let at = group.replica(id).map_or(0, |replica| replica.have.at);
                let digest = group.digest(id).unwrap_or_default();
                format!("{} n={at} {digest}", name(id))
            };
            let both = format!("{}, {}", side(*a), side(*b));
            let more = group.forks.len() - 1;
            let more = match more {
                0 => String::new(),
                1 => ", and 1 more pair".to_owned(),
                more => format!(", and {more} more pairs"),
            };
            ("DIVERGED", [format!("{both}: neither log begins the other{more}"), both])
        }
        AlarmKind::NoLeader(at) => nobody(world, group(at)?),
        AlarmKind::WrongRead(at, no) => {
            let op = group(at)?.op(*no)?;
            let asked = Shown::short(&op.operation.to_string(), 40);
            let long = format!("{asked} gave what no log ever held; the client cannot know");
            ("WRONG ANSWER", [long, format!("{asked}: no log ever held it")])
        }
        AlarmKind::Outvoted(id) => {
            let long = format!("{} said what the others did not, and was outvoted", name(*id));
            ("LIES", [long, format!("{} is outvoted", name(*id))])
        }
        AlarmKind::Corrupt(id) => {
            let why = world.node(*id).corrupt.as_deref().unwrap_or("its disk cannot be read");
            let why = format!("{}: {}", name(*id), Shown::short(why, 60));
            ("CORRUPT", [why.clone(), why])
        }
        _ => return None,
    })
}

fn nobody(world: &World, group: &Group) -> (&'static str, [String; 2]) {
    let name = |replica: &ReplicaState| world.topology.names.of(replica.id);
    let of: Vec<&str> = match group.scheme {
        Scheme::PrimaryBackup => group.replicas.iter().map(name).collect(),
        Scheme::Active => group.electorate().map(name).collect(),
    };
    let of = of.join(", ");
    match group.scheme {
        Scheme::PrimaryBackup => ("NO LEADER", [format!("nobody of {of} leads"), of]),
        Scheme::Active => ("NO MAJORITY", [format!("too few of {of} run to agree"), of]),
    }
}

fn lost(group: &Group) -> [String; 2] {
    let count = group.figures.lost;
    let newest = group.lost.values().next_back();
    let newest = newest.map(|gone| Shown::short(&gone.operation.to_string(), 40));
    let writes = if count == 1 { "write" } else { "writes" };
    let short = format!("{count} acknowledged {writes} gone");
    match newest {
        Some(newest) => [format!("{short}, the newest: {newest}"), short],
        None => [short.clone(), short],
    }
}
