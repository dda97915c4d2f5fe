//! Why a cut between two replicas stops the heartbeats, or does not: what goes which way decides.

use super::super::node;
use crate::base::{Names, NodeId};
use crate::check::{Group, ReplicaState};
use crate::topology::{HeartbeatMode, Scheme};
use std::collections::{BTreeMap, BTreeSet};

/// A sentence for each pair of replicas that is cut: what goes that way, and who hears nothing. Safe to show.
#[must_use]
pub fn why_cuts(names: &Names, group: &Group) -> Vec<String> {
    if group.scheme != Scheme::PrimaryBackup {
        return Vec::new();
    }
    let mut seen = BTreeSet::new();
    let mut out = Vec::new();
    // Whom each is cut off from in both directions: one sentence for all of them.
    let mut apart: BTreeMap<NodeId, Vec<NodeId>> = BTreeMap::new();
    for (from, to) in group.cut_ways() {
        if !seen.insert((from.min(to), from.max(to))) {
            continue;
        }
        match cut_both_ways(group, from, to) {
            Some((leader, backup)) => apart.entry(leader).or_default().push(backup),
            None => out.extend(why_cut(names, group, from, to)),
        }
    }
    for (leader, backups) in apart {
        let from = backups.iter().map(|id| node(names, *id)).collect::<Vec<_>>();
        let (leader, from) = (node(names, leader), super::super::list(&from, "and"));
        out.push(format!("{leader} is cut off from {from}: no heartbeat arrives"));
    }
    out
}

/// The leader of two replicas, and the other one, if no heartbeat passes between them in either direction.
fn cut_both_ways(group: &Group, from: NodeId, to: NodeId) -> Option<(NodeId, NodeId)> {
    let (leader, backup) = heard_by_the_other(group, group.replica(from)?, group.replica(to)?)?;
    let cut = |from: NodeId, to: NodeId| group.cut_ways().any(|way| way == (from, to));
    let both = cut(leader.id, backup.id) && cut(backup.id, leader.id);
    both.then_some((leader.id, backup.id))
}

/// Of two replicas, the one that the other listens to, or did until it took over itself.
fn heard_by_the_other<'a>(
    group: &'a Group,
    a: &'a ReplicaState,
    b: &'a ReplicaState,
) -> Option<(&'a ReplicaState, &'a ReplicaState)> {
    let failed_over = |from: NodeId, to: NodeId| {
        let of_them = |it: &&crate::check::Failover| [from, to].contains(&it.leader);
        group.failovers.iter().rev().find(of_them).is_some_and(|it| it.leader == from)
    };
    match (a.leads(), b.leads()) {
        (true, false) => Some((a, b)),
        (false, true) => Some((b, a)),
        _ if failed_over(a.id, b.id) => Some((a, b)),
        _ if failed_over(b.id, a.id) => Some((b, a)),
        // Between two that follow a third there is no heartbeat to stop.
        _ => None,
    }
}

fn why_cut(names: &Names, group: &Group, from: NodeId, to: NodeId) -> Option<String> {
    let (a, b) = (group.replica(from)?, group.replica(to)?);
    let (leader, backup) = heard_by_the_other(group, a, b)?;
    let cut = |from: NodeId, to: NodeId| group.cut_ways().any(|way| way == (from, to));
    let out = cut(leader.id, backup.id);
    let (l, b) = (node(names, leader.id), node(names, backup.id));
    Some(match (backup.config.heartbeat_mode, out) {
        (HeartbeatMode::Push, true) => {
            format!("{l}→{b} is cut: the heartbeats go this way, {b} hears nothing")
        }
        (HeartbeatMode::Push, false) => {
            format!("{b}→{l} is cut: the heartbeats go the other way, {b} hears them all")
        }
        (HeartbeatMode::Pull, true) => {
            format!("{l}→{b} is cut: {b} asks, and the replies do not come back")
        }
        (HeartbeatMode::Pull, false) => {
            format!("{b}→{l} is cut: {b} asks, the questions do not arrive, nobody replies")
        }
    })
}
