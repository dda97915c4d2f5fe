//! The keys that act on links: cut, one way, delay, loss. Each gives one command, so that one `u` takes it back.

use super::action::{Action, Outcome, give};
use super::targets;
use super::view::View;
use crate::base::Peer;
use crate::command::{Command, LinkSet, grammar};
use crate::message::Faults;
use crate::world::World;
use std::time::Duration;

const DELAYS_MS: [u64; 4] = [0, 50, 200, 1000];
const LOSSES: [f64; 4] = [0.0, 0.1, 0.3, 0.6];

/// The next of a row of values after the present one; after the last, the first.
pub(super) fn after<T: PartialOrd + Copy>(row: &[T], present: T) -> T {
    row.iter().copied().find(|value| *value > present).unwrap_or(row[0])
}

/// What a key of links gives.
pub fn act(action: Action, world: &World, view: &View) -> Option<Outcome> {
    if !matches!(action, Action::Partition | Action::OneWay | Action::Delay | Action::Loss) {
        return None;
    }
    let (set, directions) = targets::link_set(world, view)?;
    let now: Vec<Faults> =
        directions.iter().map(|(from, to)| targets::faults(world, *from, *to)).collect();
    match action {
        Action::Partition => {
            let all_cut = !now.is_empty() && now.iter().all(|faults| faults.cut);
            give(if all_cut { Command::Uncut(set) } else { Command::Cut(set) })
        }
        Action::OneWay => give(one_way(set, &directions, &now)),
        Action::Delay => {
            let present = now.iter().map(|faults| faults.extra.as_millis() as u64).max()?;
            give(Command::Delay(set, Duration::from_millis(after(&DELAYS_MS, present))))
        }
        Action::Loss => {
            let present = now.iter().map(|faults| faults.loss).fold(0.0, f64::max);
            give(Command::Loss(set, after(&LOSSES, present)))
        }
        _ => None,
    }
}

/// `D`: the command that delays the selected links, up to the time that is still to be typed.
pub(super) fn delay_by(world: &World, view: &View) -> Option<String> {
    let (set, _) = targets::link_set(world, view)?;
    let words = grammar::words(&Command::Delay(set, Duration::ZERO), &world.topology.names);
    words.rsplit_once(' ').map(|(line, _)| format!("{line} "))
}

/// `P`: what goes out is cut; then what comes in; then nothing. One command each, so that one `u` takes it back.
fn one_way(set: LinkSet, directions: &[(Peer, Peer)], now: &[Faults]) -> Command {
    let (out, into) = match set {
        LinkSet::Around(id) => (LinkSet::From(id), LinkSet::To(id)),
        LinkSet::Both(a, b) => (LinkSet::One(a, b), LinkSet::One(b, a)),
        other => (other, other),
    };
    let from = |peer: Peer| match set {
        LinkSet::Around(id) => peer == Peer::Node(id),
        LinkSet::Both(a, _) => peer == a,
        _ => true,
    };
    let cut = |outwards: bool| {
        let mut any = directions.iter().zip(now).filter(|(way, _)| from(way.0) == outwards);
        any.any(|(_, faults)| faults.cut)
    };
    match (cut(true), cut(false)) {
        (false, false) => Command::Cut(out),
        (true, false) => Command::CutOnly(into),
        (_, true) => Command::Uncut(set),
    }
}
