//! A node's own clock where it is wrong: the mark and the words on the map, the line for the inspector, and the
//! commands that set it, begun.

use super::targets;
use super::theme::Ink;
use super::view::View;
use super::words::{self, Badge};
use crate::base::{ClockRate, LabTime, NodeId};
use crate::report;
use crate::world::World;
use std::time::Duration;

/// The mark behind the name of a node whose clock is wrong.
pub const MARK: char = '±';

/// What is wrong with a node's clock, the longest form first: `clock +2.5s ×1.5`, `clock +2.5s`, `+2.5s`; none where it
/// is right.
#[must_use]
pub fn forms(world: &World, id: NodeId, now: LabTime) -> Option<Vec<String>> {
    let clock = &world.node(id).clock;
    if clock.is_right() {
        return None;
    }
    let ahead = clock.ahead_at(now);
    let sign = if ahead < 0 { '-' } else { '+' };
    let off = format!("{sign}{}", words::tiny(Duration::from_nanos(ahead.unsigned_abs())));
    if clock.rate == ClockRate::RIGHT {
        return Some(vec![format!("clock {off}"), off]);
    }
    let rate = format!("×{}", clock.rate);
    Some(vec![format!("clock {off} {rate}"), format!("clock {rate}"), rate])
}

/// What stands for a node of which nothing else is told, where many share a line.
#[must_use]
pub fn badge(world: &World, id: NodeId) -> Option<Badge> {
    let is_wrong = !world.node(id).clock.is_right();
    is_wrong.then(|| Badge { word: "CLOCK", since: String::new(), ink: Ink::Slow, loud: true })
}

/// The inspector's line; none where the clock is right.
#[must_use]
pub fn inspected(world: &World, id: NodeId, now: LabTime) -> Option<String> {
    let clock = &world.node(id).clock;
    (!clock.is_right()).then(|| report::own_clock(clock, now))
}

/// Whether time alone changes what is shown of clocks.
#[must_use]
pub fn moves(world: &World) -> bool {
    world.nodes.iter().any(|node| node.clock.rate != ClockRate::RIGHT)
}

/// The command that does this to the selected node's clock, up to the figure that is still to be typed; none where no
/// node of this lab is meant.
#[must_use]
pub fn begun(verb: &str, world: &World, view: &View) -> Option<String> {
    let id = targets::node(world, view)?;
    let node = world.topology.node(id);
    node.at.is_none().then(|| format!("{verb} {} ", world.topology.names.of(id)))
}
