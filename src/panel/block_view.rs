//! A block of the map: its frame with what it holds, and a line for each bundle: which nodes, a dot for each or for
//! some, and how many are in which state. The names themselves are drawn as nodes.

use super::action::Action;
use super::block::{Block, Bundle, Shows};
use super::paint::{Border, Canvas, Row, width};
use super::theme::Ink;
use super::view::{Selection, View};
use super::words;
use crate::base::{LabTime, Peer};
use crate::world::World;
use ratatui::layout::Rect;

/// Columns of a bundle's name, at most.
const NAME_MAX: u16 = 18;
/// Columns for the words behind the dots.
const WORDS: u16 = 16;

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
            line(canvas, area, bundle, tier, selected, (world, now));
        }
    }
    let (above, below) = block.hidden;
    let edge = |canvas: &mut Canvas<'_>, y: u16, text: String| {
        let room = block.frame.width.saturating_sub(4);
        canvas.right(block.frame.right().saturating_sub(2), y, room, &text, canvas.ink(Ink::Slow));
    };
    if above > 0 && block.frame.height > 1 {
        let x = block.frame.x + block.frame.width / 2;
        canvas.text(x, block.frame.y, 12, &format!(" ↑ {above} "), canvas.ink(Ink::Slow));
    }
    if below > 0 && block.frame.height > 1 {
        edge(canvas, block.frame.bottom() - 1, format!(" ↓ {below} more "));
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
fn dots(area: Rect, nodes: usize) -> (u16, u16, usize) {
    let from = area.x + 2 + NAME_MAX.min(area.width / 3) + 1;
    let room = area.right().saturating_sub(WORDS.min(area.width / 3)).saturating_sub(from).max(1);
    let each = nodes.div_ceil(usize::from(room)).max(1);
    (from, nodes.div_ceil(each) as u16, each)
}

/// The node of the dot in this column.
#[must_use]
pub fn dot_at(bundle: &Bundle, x: u16) -> Option<usize> {
    let (from, count, each) = dots(bundle.line?, bundle.nodes.len());
    let dot = x.checked_sub(from).filter(|dot| *dot < count)?;
    Some((bundle.nodes.start + usize::from(dot) * each).min(bundle.nodes.end - 1))
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
    bundle: &Bundle,
    tier: &[Peer],
    selected: Option<usize>,
    (world, now): (&World, LabTime),
) {
    let is_here = selected.is_some_and(|at| bundle.nodes.contains(&at));
    let columns = NAME_MAX.min(area.width / 3);
    let style = if is_here { canvas.theme.selected() } else { canvas.ink(Ink::Strong) };
    let sign = if is_here { "▸ " } else { "  " };
    let x = canvas.text(area.x, area.y, 2, sign, canvas.ink(Ink::Focus));
    canvas.text(x, area.y, columns, &name(bundle, tier, world), style);
    let badge = |at: usize| tier[at].node().and_then(|id| words::badge(world, id, now));
    let (from, count, each) = dots(area, bundle.nodes.len());
    let (mut well, mut worst): (usize, Vec<(&'static str, Ink, usize)>) = (0, Vec::new());
    for dot in 0..count {
        let start = bundle.nodes.start + usize::from(dot) * each;
        let nodes = start..(start + each).min(bundle.nodes.end);
        let mut shown: Option<(&'static str, Ink)> = None;
        for at in nodes.clone() {
            let Some(badge) = badge(at) else {
                well += 1;
                continue;
            };
            match worst.iter_mut().find(|it| it.0 == badge.word) {
                Some(it) => it.2 += 1,
                None => worst.push((badge.word, badge.ink, 1)),
            }
            if shown.is_none_or(|shown| rank(badge.ink) > rank(shown.1)) {
                shown = Some((badge.word, badge.ink));
            }
        }
        let (glyph, ink) = match shown {
            Some((word, ink)) => (words::sign(word).chars().next().unwrap_or('?'), ink),
            None => ('·', Ink::Good),
        };
        let mut style = canvas.ink(ink);
        if selected.is_some_and(|at| nodes.contains(&at)) {
            style = style.patch(canvas.theme.selected());
        }
        canvas.glyph(from + dot, area.y, glyph, style);
    }
    worst.sort_by_key(|it| std::cmp::Reverse((rank(it.1), it.2)));
    let room = area.right().saturating_sub(from + count + 1);
    let x = from + count + 1;
    match worst.first() {
        None => {
            canvas.text(x, area.y, room, &format!("{well} up"), canvas.ink(Ink::Muted));
        }
        Some((word, ink, number)) => {
            let text = format!(" {number} {word} ");
            let columns = width(&text).min(room);
            canvas.text(x, area.y, columns, &text, canvas.badge(*ink));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbered_names_share_their_stem() {
        assert_eq!(span("leaf11", "leaf20"), "leaf11…20");
        assert_eq!(span("leaf", "leaf20"), "leaf…20");
        assert_eq!(span("ts1", "tsx"), "ts1…tsx");
        assert_eq!(span("a1", "b2"), "a1…b2");
    }
}
