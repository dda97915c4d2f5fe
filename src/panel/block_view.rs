//! A block of the map: its frame with what it holds, and a line for each bundle: which nodes, a dot for each or for
//! some, and how many are in which state. The names themselves are drawn as nodes.

use super::action::Action;
use super::block::{Block, Bundle, Shows};
use super::own_clock;
use super::paint::{Border, Canvas, Row, width};
use super::theme::Ink;
use super::view::{Selection, View};
use super::words::{self, Badge};
use crate::base::{LabTime, Peer};
use crate::world::World;
use ratatui::layout::Rect;

/// Draws the frame, and the lines of the bundles.
pub fn draw(
    canvas: &mut Canvas<'_>,
    block: &Block,
    tier: &[Peer],
    (world, view, now): (&World, &View, LabTime),
) {
    canvas.clear(block.frame);
    let title = match block.shows {
        Shows::Open(at) => {
            let bundle = &block.bundles[at];
            format!(" {} of {} ", name(bundle, tier, world), tier.len())
        }
        _ => format!(" {} {} ", tier.len(), plural(tier, world)),
    };
    let title = Row::new().with(title, canvas.ink(Ink::Strong));
    let note = match block.shows {
        Shows::Names => String::new(),
        Shows::Bundles => " Enter opens ".to_owned(),
        Shows::Open(_) => format!(" {} all ", view.key(Action::Back)),
    };
    let note = Row::new().with(note, canvas.ink(Ink::Muted));
    canvas.frame(block.frame, Border::Box, false, &title, &note);
    let selected = match view.selection {
        Selection::Node(id) => tier.iter().position(|peer| *peer == Peer::Node(id)),
        _ => None,
    };
    for bundle in &block.bundles {
        if let Some(area) = bundle.line {
            line(canvas, area, (block, bundle), tier, selected, (world, now));
        }
    }
    // Both below: above stands the title, and what Enter or Esc does.
    let (above, below) = block.hidden;
    if block.frame.height > 1 {
        let (y, room) = (block.frame.bottom() - 1, block.frame.width.saturating_sub(4));
        let ink = canvas.ink(Ink::Slow);
        if above > 0 {
            canvas.text(block.frame.x + 2, y, room, &format!(" ↑ {above} "), ink);
        }
        if below > 0 {
            let text = format!(" ↓ {below} more ");
            canvas.right(block.frame.right().saturating_sub(2), y, room, &text, ink);
        }
    }
}

/// What the nodes of a tier are, of more than one.
fn plural(tier: &[Peer], world: &World) -> &'static str {
    use crate::topology::Role;
    let role = tier.first().and_then(|peer| peer.node()).map(|id| world.topology.node(id).role());
    match role {
        Some(Role::Client) => "clients",
        Some(Role::Ls) => "load balancers",
        Some(Role::Ts) => "name servers",
        Some(Role::Replica) => "replicas",
        None => "nodes",
    }
}

/// The name of a bundle: its group, where it is one, else its first and its last node.
fn name(bundle: &Bundle, tier: &[Peer], world: &World) -> String {
    let names = &world.topology.names;
    let nodes = &tier[bundle.nodes.clone()];
    let (Some(first), Some(last)) = (nodes.first(), nodes.last()) else { return String::new() };
    let group = |peer: &Peer| peer.node().and_then(|id| world.topology.node(id).group.as_deref());
    let before = bundle.nodes.start.checked_sub(1).and_then(|at| tier.get(at));
    let after = tier.get(bundle.nodes.end);
    let whole =
        |name: &str| ![before, after].into_iter().flatten().any(|it| group(it) == Some(name));
    match group(first) {
        Some(name) if group(last) == Some(name) && whole(name) => name.to_owned(),
        _ if nodes.len() == 1 => names.peer(*first).to_string(),
        _ => span(&names.peer(*first).to_string(), &names.peer(*last).to_string()),
    }
}

/// `leaf11…20`: what the first and the last of a row of numbered names have in common is said once.
fn span(first: &str, last: &str) -> String {
    let stem = first.trim_end_matches(|c: char| c.is_ascii_digit());
    match last.strip_prefix(stem) {
        Some(rest) if !rest.is_empty() && rest.chars().all(|c| c.is_ascii_digit()) => {
            format!("{first}…{rest}")
        }
        _ => format!("{first}…{last}"),
    }
}

/// Where the dots of a line stand, and how many nodes share one.
fn dots(area: Rect, nodes: usize, (name, words): (u16, u16)) -> (u16, u16, usize) {
    let from = area.x + 2 + name + 1;
    let room = area.right().saturating_sub(words).saturating_sub(from).max(1);
    let each = nodes.div_ceil(usize::from(room)).max(1);
    (from, nodes.div_ceil(each) as u16, each)
}

/// The node of the dot in this column.
#[must_use]
pub fn dot_at(block: &Block, bundle: &Bundle, x: u16) -> Option<usize> {
    let (from, count, each) = dots(bundle.line?, bundle.nodes.len(), block.columns);
    let dot = x.checked_sub(from).filter(|dot| *dot < count)?;
    Some((bundle.nodes.start + usize::from(dot) * each).min(bundle.nodes.end - 1))
}

/// The state of a node as one sign. No two words have the same, but those of nodes that are as they should be.
fn sign(badge: &Badge) -> char {
    match badge.word {
        "back" | "serves" => '·',
        "late?" => '?',
        "hears" => 'h',
        "CAND" => 'C',
        "returns" => 'r',
        "NO POWER" => 'u',
        word => words::sign(word).chars().last().unwrap_or('?'),
    }
}

/// Whether a node is as it should be: it has no badge, or one that says so.
fn is_well(badge: &Badge) -> bool {
    badge.ink == Ink::Lead || (badge.ink == Ink::Muted && !badge.loud)
}

/// How bad a state is: of the nodes that share a dot, the worst is shown.
fn rank(ink: Ink) -> u8 {
    match ink {
        Ink::Bad => 4,
        Ink::Frozen => 3,
        Ink::Slow => 2,
        Ink::Muted => 1,
        _ => 0,
    }
}

fn line(
    canvas: &mut Canvas<'_>,
    area: Rect,
    (block, bundle): (&Block, &Bundle),
    tier: &[Peer],
    selected: Option<usize>,
    (world, now): (&World, LabTime),
) {
    let is_here = selected.is_some_and(|at| bundle.nodes.contains(&at));
    let style = if is_here { canvas.theme.selected() } else { canvas.ink(Ink::Strong) };
    let mark = if is_here { "▸ " } else { "  " };
    let x = canvas.text(area.x, area.y, 2, mark, canvas.ink(Ink::Focus));
    canvas.text(x, area.y, block.columns.0, &name(bundle, tier, world), style);
    let (from, count, each) = dots(area, bundle.nodes.len(), block.columns);
    let (mut well, mut worst): (usize, Vec<(&'static str, Ink, usize)>) = (0, Vec::new());
    for dot in 0..count {
        let start = bundle.nodes.start + usize::from(dot) * each;
        let nodes = start..(start + each).min(bundle.nodes.end);
        let mut shown: Option<Badge> = None;
        for at in nodes.clone() {
            let badge = tier[at].node().and_then(|id| {
                words::badge(world, id, now).or_else(|| own_clock::badge(world, id))
            });
            let Some(badge) = badge else {
                well += 1;
                continue;
            };
            match worst.iter_mut().find(|it| it.0 == badge.word) {
                _ if is_well(&badge) => well += 1,
                Some(it) => it.2 += 1,
                None => worst.push((badge.word, badge.ink, 1)),
            }
            if shown.as_ref().is_none_or(|shown| rank(badge.ink) > rank(shown.ink)) {
                shown = Some(badge);
            }
        }
        let (glyph, ink) = shown.map_or(('·', Ink::Good), |badge| (sign(&badge), badge.ink));
        let mut style = canvas.ink(ink);
        if selected.is_some_and(|at| nodes.contains(&at)) {
            style = style.patch(canvas.theme.selected());
        }
        canvas.glyph(from + dot, area.y, glyph, style);
    }
    if block.columns.1 > 0 {
        worst.sort_by_key(|it| std::cmp::Reverse((rank(it.1), it.2)));
        told(canvas, Rect { x: from + count + 1, ..area }, area.right(), well, &worst);
    }
}

/// How many nodes of a line are in which state: the worst first, and as many as there is room for.
fn told(
    canvas: &mut Canvas<'_>,
    area: Rect,
    end: u16,
    well: usize,
    worst: &[(&'static str, Ink, usize)],
) {
    let mut x = area.x;
    let room = |x: u16| end.saturating_sub(x);
    if worst.is_empty() {
        canvas.text(x, area.y, room(x), &format!("{well} up"), canvas.ink(Ink::Muted));
    }
    for (word, ink, number) in worst {
        let text = format!(" {number} {word} ");
        if x > area.x && width(&text) > room(x) {
            return;
        }
        x = canvas.text(x, area.y, room(x), &text, canvas.badge(*ink)) + 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn no_two_states_have_the_same_sign() {
        let words = [
            "DEAD",
            "CRASHED",
            "NO POWER",
            "CORRUPT",
            "FROZEN",
            "SPINS",
            "STOPPING",
            "STOPPED",
            "OFF",
            "LIES",
            "PORT BUSY",
            "NO SOCKET",
            "LEAD",
            "DIVERGED",
            "STUCK",
            "CLOCK",
            "CAND",
            "returns",
            "late?",
            "hears",
            "back",
        ];
        let badge = |word| Badge { word, since: String::new(), ink: Ink::Bad, loud: true };
        let signs: BTreeSet<char> = words.into_iter().map(|word| sign(&badge(word))).collect();
        assert_eq!(signs.len(), words.len(), "{signs:?}");
    }

    #[test]
    fn numbered_names_share_their_stem() {
        assert_eq!(span("leaf11", "leaf20"), "leaf11…20");
        assert_eq!(span("leaf", "leaf20"), "leaf…20");
        assert_eq!(span("ts1", "tsx"), "ts1…tsx");
        assert_eq!(span("a1", "b2"), "a1…b2");
    }
}
