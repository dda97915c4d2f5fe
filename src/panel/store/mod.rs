//! What the panel shows of a replicated store: heartbeats and votes, operations and failovers, what is lost, and what
//! each node takes the others for, beside what is true.
//!
//! Everything is read from the audit in the world; nothing here counts or judges by itself.

mod beats;
pub mod belief;
mod failover;
pub mod inspect;
pub mod lost;
pub mod ops;
mod stage;
mod sweep;
pub mod truth;
mod votes;

pub use failover::shown as failover_shown;
pub use stage::{draw, hidden, note, rows_wanted, word};

use super::theme::Ink;
use super::view::{Selection, View};
use super::words::{self, Badge};
use crate::base::{LabTime, NodeId, Shown};
use crate::check::{Group, Op, Part, ReplicaState};
use crate::message::{Belief, HostName, Operation};
use crate::topology::{Role, Scheme, Topology};
use crate::world::World;

/// Whether a topology has something between clients and store that panels 2 and 3 are about as long as nothing of the
/// store is selected.
fn has_ls(topology: &Topology) -> bool {
    topology.nodes.iter().any(|node| node.role() == Role::Ls)
}

/// The store on show: that of the selection, else the first one; none while the system on show is a load balancer.
#[must_use]
pub fn on_show<'a>(world: &'a World, view: &View) -> Option<&'a Group> {
    if world.audit.is_empty() {
        return None;
    }
    let selected = match view.selection {
        Selection::Nothing | Selection::Truth => [None, None],
        Selection::Node(id) => [Some(id), None],
        Selection::Link(a, b) => [a.node(), b.node()],
    };
    let ls = has_ls(&world.topology);
    // A TS in front of a store belongs to the load balancer's side of the picture.
    let ours = |id: &NodeId| !ls || world.topology.node(*id).role() != Role::Ts;
    let mut of_selected = selected.into_iter().flatten().filter(ours);
    let group = of_selected.find_map(|id| world.audit.group_of(id));
    group.or_else(|| world.audit.groups().next().filter(|_| !ls))
}

/// Who leads a group, in truth; of several, the one with the highest term, then the first.
#[must_use]
pub fn leader(group: &Group) -> Option<&ReplicaState> {
    group.leaders().min_by_key(|replica| std::cmp::Reverse(replica.term))
}

/// Who leads the store on show, or the first store that has a leader.
#[must_use]
pub fn leader_to_kill(world: &World, view: &View) -> Option<NodeId> {
    let shown = on_show(world, view).and_then(leader);
    let any = || world.audit.groups().find_map(leader);
    shown.or_else(any).map(|replica| replica.id)
}

/// What the stores hold under a name, as far as somebody who lives has it: the newest write.
#[must_use]
pub fn value(world: &World, name: &HostName) -> Option<String> {
    let of = |group: &Group, op: &Op| match &op.operation {
        Operation::Put { key, value } if key.eq_ignore_ascii_case(name.as_str()) => {
            group.holders(op).next().map(|_| Shown::short(value, 24).into())
        }
        _ => None,
    };
    world.audit.groups().find_map(|group| group.ops().rev().find_map(|op| of(group, op)))
}

/// How many writes a replica is behind the one that is furthest among those that lead, or among all where none does.
fn lag(group: &Group, replica: &ReplicaState) -> u64 {
    let furthest = group.leaders().map(|leader| leader.have.at).max();
    let running = group.replicas.iter().filter(|replica| replica.runs());
    let furthest = furthest.or_else(|| running.map(|replica| replica.have.at).max());
    furthest.unwrap_or(0).saturating_sub(replica.have.at)
}

/// Whether a replica contradicts another one that lives.
fn is_forked(group: &Group, id: NodeId) -> bool {
    group.forks.keys().any(|(a, b)| *a == id || *b == id)
}

/// Somebody who runs and suspects this one, although it runs, too.
fn suspected_by(group: &Group, id: NodeId) -> Option<NodeId> {
    let holds = |holder: &NodeId| {
        let runs = group.replica(*holder).is_none_or(ReplicaState::runs);
        *holder != id && runs && group.view(*holder, id).belief != Belief::Up
    };
    group.nodes().find(holds)
}

/// `t3`; nothing where there are no terms.
fn term_word(term: u64) -> String {
    if term == 0 { String::new() } else { format!("t{term}") }
}

/// The badge of a replica whose process runs: what it plays, or what is wrong with it.
#[must_use]
pub fn badge(world: &World, id: NodeId, now: LabTime) -> Option<Badge> {
    let group = world.audit.group_of(id)?;
    let replica = group.replica(id)?;
    let loud = |word, since: String, ink| Badge { word, since, ink, loud: true };
    let quiet = |word, since: String, ink| Badge { word, since, ink, loud: false };
    let nothing = String::new;
    if world.lies(id) {
        let since = if replica.leads() { "LEAD".into() } else { nothing() };
        return Some(loud("LIES", since, Ink::Bad));
    }
    if is_forked(group, id) {
        let since = if replica.leads() { "LEAD".into() } else { nothing() };
        return Some(loud("DIVERGED", since, Ink::Bad));
    }
    if group.cycles.iter().any(|cycle| cycle.nodes.contains(&id)) {
        return Some(loud("STUCK", nothing(), Ink::Bad));
    }
    match replica.part {
        Part::Leads => return Some(loud("LEAD", term_word(replica.term), Ink::Lead)),
        Part::Candidate => {
            return Some(quiet("CAND", term_word(replica.term), Ink::Focus));
        }
        Part::Returning => return Some(quiet("returns", nothing(), Ink::Slow)),
        Part::Off | Part::Corrupt | Part::Backup | Part::Serves => {}
    }
    if suspected_by(group, id).is_some() {
        return Some(quiet("late?", nothing(), Ink::Slow));
    }
    if let Some(count) = world.countdown(id, now).filter(|count| count.share() > NEAR) {
        // It hears its leader late, and will suspect it soon.
        return Some(quiet("hears", words::tiny(count.silence), Ink::Slow));
    }
    match group.scheme {
        Scheme::PrimaryBackup => Some(quiet("back", nothing(), Ink::Muted)),
        Scheme::Active => Some(quiet("serves", nothing(), Ink::Muted)),
    }
}

/// From this share of the silence allowed on, a suspicion is near.
const NEAR: f64 = 0.75;

/// Where a replica is, in words of several lengths, and how loud: position, digest, how far behind.
#[must_use]
pub fn detail(world: &World, id: NodeId) -> Option<(Vec<String>, Ink)> {
    let group = world.audit.group_of(id)?;
    let replica = group.replica(id)?;
    let digest = group.digest(id).unwrap_or_default();
    if !replica.life.is_alive() {
        let at = replica.durable;
        return Some((vec![format!("disk n={at}"), format!("n={at}")], Ink::Muted));
    }
    let at = replica.have.at;
    let lag = lag(group, replica);
    if is_forked(group, id) {
        return Some((vec![format!("n={at} {digest} ≠"), format!("{digest} ≠")], Ink::Bad));
    }
    if lag > 0 {
        let whole = format!("n={at} {digest} lag {lag}");
        return Some((vec![whole, format!("n={at} lag {lag}"), format!("lag {lag}")], Ink::Slow));
    }
    Some((vec![format!("n={at} {digest}"), format!("n={at}")], Ink::Text))
}

/// Whether time alone changes what is shown of a store: a silence grows, something waits.
#[must_use]
pub fn moves(world: &World) -> bool {
    world.audit.groups().any(|group| {
        let open = group.ops().next_back().is_some_and(|op| op.over().is_none());
        let failing = group.failovers.back().is_some_and(|last| !last.is_over());
        let listens = |replica: &ReplicaState| replica.runs() && replica.follows.is_some();
        open || failing || group.replicas.iter().any(listens)
    })
}
