//! What the inspector adds for the nodes of a store: part and term, log and disk, peers and how far they are, waits.

use super::super::words;
use super::term_word;
use crate::base::units::{grouped, human};
use crate::base::{LabTime, NodeId, Shown};
use crate::check::{Group, ReplicaState};
use crate::message::DiskKind;
use crate::message::{Awaited, CatchUp, ClockVerdict};
use crate::world::World;

/// Label and text, a line or more each.
pub type Entry = (&'static str, String);

/// The entries of a replica, or of one that asks a store; none for others.
#[must_use]
pub fn entries(world: &World, id: NodeId, now: LabTime) -> Vec<Entry> {
    let Some(group) = world.audit.group_of(id) else { return Vec::new() };
    let mut out = match group.replica(id) {
        Some(replica) => of_replica(world, group, replica, now),
        None => of_asker(world, group, id),
    };
    for about in group.nodes().filter(|about| *about != id) {
        let view = group.view(id, about);
        if let Some(after) = view.noticed_after {
            let name = world.topology.names.of(about);
            out.push(("noticed", format!("{name} after {}", words::figure(after))));
        }
        if view.false_suspicions > 0 {
            let name = world.topology.names.of(about);
            out.push(("wrongly", format!("suspected {name} {} times", view.false_suspicions)));
        }
    }
    out
}

fn of_asker(world: &World, group: &Group, id: NodeId) -> Vec<Entry> {
    let mut out = Vec::new();
    if let Some((leader, term)) = group.leader_of(id) {
        let text = format!("{} leads {}", world.topology.names.of(leader), term_word(term));
        out.push(("believes", text.trim_end().to_owned()));
    }
    let last = group.ops().rev().find(|op| op.asker.is_some_and(|(node, ..)| node == id));
    if let Some(op) = last {
        let end = op.ended.as_ref().map_or("on its way", |ended| ended.outcome.word());
        let text = Shown::short(&op.operation.to_string(), 40);
        out.push(("last", format!("#{} {text}: {end}", op.no.0)));
    }
    out
}

fn of_replica(world: &World, group: &Group, replica: &ReplicaState, now: LabTime) -> Vec<Entry> {
    let names = &world.topology.names;
    let since = words::short(now.since(replica.part_since));
    let term = term_word(replica.term);
    let mut out = vec![("plays", format!("{} {term} for {since}", replica.part.word()))];
    if let Some(leader) = replica.follows.filter(|leader| *leader != replica.id) {
        out.push(("follows", names.of(leader).to_owned()));
    }
    let digest = group.digest(replica.id).unwrap_or_default();
    let lag = super::lag(group, replica);
    let behind = if lag > 0 { format!(", {lag} behind") } else { String::new() };
    out.push((
        "log",
        format!("n={} digest {digest}, durable to {}{behind}", replica.have.at, replica.durable),
    ));
    for (peer, (have, _)) in &replica.knows {
        let lag = replica.have.at.saturating_sub(have.at);
        let text = if lag > 0 { format!("lag {lag}") } else { "in step".into() };
        out.push(("peer", format!("{} n={} {}, {text}", names.of(*peer), have.at, have.digest)));
    }
    for (peer, compared) in &replica.compared {
        let (own, other) = (compared.own, compared.other);
        let verdict = match compared.verdict {
            ClockVerdict::InSync => "in sync",
            ClockVerdict::Behind => "this one is behind",
            ClockVerdict::Ahead => "this one is ahead",
            ClockVerdict::Concurrent => "each has what the other lacks",
        };
        let text = format!(
            "{} {} {} beside {} {}: {verdict}",
            names.of(*peer),
            other.at,
            other.digest,
            own.at,
            own.digest
        );
        out.push(("clock", text));
    }
    for (peer, (awaited, since)) in &replica.waits {
        let what = awaited_words(*awaited);
        let time = words::short(now.since(*since));
        out.push((
            "waits for",
            format!("{}: {what}, for {time}; it does nothing else", names.of(*peer)),
        ));
    }
    out.extend(disk(world, replica));
    if let Some(transfer) = replica.transfer {
        let how = match transfer.how {
            CatchUp::State => "the whole state",
            CatchUp::Log => "what was missing",
        };
        let (entries, bytes) = (transfer.entries, grouped(transfer.bytes));
        let text = format!("{how} of {}: {entries} entries, {bytes} B", names.of(transfer.from));
        out.push(("caught up", text));
    }
    out.push((
        "served",
        format!(
            "acked {}, reads {}, retries recognised {}, fenced {}, outvoted {}",
            replica.acked, replica.reads, replica.recognised, replica.fenced, replica.outvoted
        ),
    ));
    out
}

/// What somebody waits for.
#[must_use]
pub const fn awaited_words(awaited: Awaited) -> &'static str {
    match awaited {
        Awaited::HeartbeatReply => "the reply to its heartbeat",
        Awaited::Confirmation => "the confirmation of a change",
    }
}

fn disk(world: &World, replica: &ReplicaState) -> Vec<Entry> {
    let disk = &replica.disk;
    let mut out = Vec::new();
    let kind = match replica.config.disk {
        DiskKind::Sqlite => "sqlite, operations are appended",
        DiskKind::Rewrite => "one JSON file, written anew each time",
    };
    let took = human(disk.took);
    out.push((
        "disk",
        format!(
            "{kind}: {} {}, {} B in all, the last {} B in {took}",
            disk.writes,
            if disk.writes == 1 { "write" } else { "writes" },
            grouped(disk.bytes),
            grouped(disk.newest_bytes)
        ),
    ));
    if let Some(error) = &disk.error {
        out.push(("disk failed", Shown::short(error, 80).into()));
    }
    if let Some(why) = &world.node(replica.id).corrupt {
        out.push(("corrupt", Shown::short(why, 80).into()));
    }
    if let Some(read) = replica.read_at_boot {
        out.push(("at boot", format!("read {read} entries from its disk")));
    }
    out
}
