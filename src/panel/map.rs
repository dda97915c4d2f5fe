//! Panel 1: nodes in tiers, links between them, and the messages that travel along the links just now.
//!
//! Drawn into the buffer with box characters. Names and values of links are never covered by a mark.

use super::node_box;
use super::paint::{Canvas, width};
use super::plan::{self, Plan, Route, Wants};
use super::targets;
use super::theme::Ink;
use super::view::{Selection, View};
use super::words;
use crate::base::units::human;
use crate::base::{LabTime, Peer};
use crate::message::{Message, Said};
use crate::world::{Mark, MarkState, RaceNo, World};
use ratatui::layout::Rect;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// Visitors shown at once.
const VISITORS_MAX: usize = 6;
/// How long somebody who left stays in the picture, in lab time.
const VISITOR_LINGERS: Duration = Duration::from_secs(3);
/// With more marks on one direction than this, their numbers are left out.
const NUMBERED_MARKS_MAX: usize = 6;

/// Cells that are taken, so that nothing is drawn over something else.
type Taken = BTreeSet<(u16, u16)>;

/// Draws the map.
pub fn draw(canvas: &mut Canvas<'_>, area: Rect, world: &World, view: &View, now: LabTime) {
    let (tiers, edges) = graph(world, now);
    let names = &world.topology.names;
    let name_columns = tiers
        .iter()
        .flatten()
        .map(|peer| names.peer(*peer).to_string().len() as u16)
        .max()
        .unwrap_or(1);
    let text = |peer: &Peer| node_box::columns(world, view, *peer, now);
    let texts: Vec<Vec<plan::Text>> =
        tiers.iter().map(|tier| tier.iter().map(text).collect()).collect();
    let wants = Wants { texts: &texts, tiers: &tiers, edges: &edges, name_columns };
    let plan = plan::plan(area, &wants);
    let mut taken: Taken = BTreeSet::new();
    for spot in &plan.spots {
        // Beside a name without a frame its links begin; only the row below is the detail's.
        let detail = Rect {
            y: spot.core.bottom(),
            height: spot.area.bottom().saturating_sub(spot.core.bottom()),
            ..spot.area
        };
        for area in [spot.core, detail] {
            let cells = |y: u16| (area.x..area.right()).map(move |x| (x, y));
            taken.extend((area.y..area.bottom()).flat_map(cells));
        }
    }
    let boxes = taken.clone();
    draw_links(canvas, &plan, world, view, &boxes);
    for route in &plan.routes {
        taken.extend(route.cells.iter().copied());
    }
    for route in &plan.routes {
        draw_value(canvas, area, route, world, &mut taken);
    }
    for spot in &plan.spots {
        node_box::draw(canvas, plan.form, spot, world, view, now);
    }
    for route in &plan.routes {
        draw_marks(canvas, area, route, world, now, &boxes, &mut taken);
    }
    if plan.hidden > 0 && area.height > 0 {
        let text = format!(" and {} more", plan.hidden);
        canvas.right(area.right(), area.bottom() - 1, area.width, &text, canvas.ink(Ink::Slow));
    }
}

/// The tiers with visitors in the first, and who asks whom.
fn graph(world: &World, now: LabTime) -> (Vec<Vec<Peer>>, Vec<(Peer, Peer)>) {
    let mut tiers: Vec<Vec<Peer>> = targets::tiers(&world.topology)
        .into_iter()
        .map(|tier| tier.into_iter().map(Peer::Node).collect())
        .collect();
    let mut edges = Vec::new();
    for node in &world.topology.nodes {
        for other in targets::upstreams(world, node.id) {
            edges.push((Peer::Node(node.id), Peer::Node(other)));
        }
    }
    let present = world
        .visitors
        .values()
        .rev()
        .filter(|visitor| visitor.left.is_none_or(|left| now.since(left) < VISITOR_LINGERS));
    for visitor in present.take(VISITORS_MAX) {
        let peer = Peer::Visitor(visitor.id);
        if let Some(first) = tiers.first_mut() {
            first.push(peer);
        }
        edges.push((peer, Peer::Node(visitor.visits)));
    }
    (tiers, edges)
}

/// How loud a link is: what is worst on either direction.
fn link_ink(world: &World, view: &View, route: &Route) -> Ink {
    let (a, b) = (route.upper, route.lower);
    let selected = match view.selection {
        Selection::Link(x, y) => (x, y) == (a, b) || (x, y) == (b, a),
        _ => false,
    };
    let there = targets::faults(world, a, b);
    let back = targets::faults(world, b, a);
    if selected {
        Ink::Focus
    } else if there.cut || back.cut {
        Ink::Bad
    } else if !words::link_value(&there).is_empty() || !words::link_value(&back).is_empty() {
        Ink::Slow
    } else {
        Ink::Frame
    }
}

/// Arms of a junction.
const UP: u8 = 1;
const DOWN: u8 = 2;
const LEFT: u8 = 4;
const RIGHT: u8 = 8;

fn draw_links(canvas: &mut Canvas<'_>, plan: &Plan, world: &World, view: &View, boxes: &Taken) {
    let rank = |ink: Ink| match ink {
        Ink::Focus => 3,
        Ink::Bad => 2,
        Ink::Slow => 1,
        _ => 0,
    };
    let mut arms: BTreeMap<(u16, u16), (u8, Ink)> = BTreeMap::new();
    for route in &plan.routes {
        let ink = link_ink(world, view, route);
        let last = route.cells.len().saturating_sub(1);
        for (at, cell) in route.cells.iter().enumerate() {
            let mut mask = 0;
            let before = at.checked_sub(1).map(|at| route.cells[at]);
            let after = route.cells.get(at + 1).copied();
            for neighbour in [before, after].into_iter().flatten() {
                mask |= arm(*cell, neighbour);
            }
            if at == 0 {
                mask |= first_arm(route);
            }
            if at == last {
                mask |= DOWN;
            }
            let entry = arms.entry(*cell).or_insert((0, ink));
            entry.0 |= mask;
            if rank(ink) > rank(entry.1) {
                entry.1 = ink;
            }
        }
    }
    for ((x, y), (mask, ink)) in arms {
        if !boxes.contains(&(x, y)) {
            canvas.glyph(x, y, junction(mask), canvas.ink(ink));
        }
    }
}

fn arm(from: (u16, u16), to: (u16, u16)) -> u8 {
    match (to.0.cmp(&from.0), to.1.cmp(&from.1)) {
        (std::cmp::Ordering::Less, _) => LEFT,
        (std::cmp::Ordering::Greater, _) => RIGHT,
        (_, std::cmp::Ordering::Less) => UP,
        _ => DOWN,
    }
}

/// Towards the box that the route leaves.
fn first_arm(route: &Route) -> u8 {
    match (route.sideways, route.cells.first(), route.cells.last()) {
        (true, Some(first), Some(last)) if last.0 < first.0 => RIGHT,
        (true, _, _) => LEFT,
        _ => UP,
    }
}

fn junction(mask: u8) -> char {
    match mask {
        m if m & (UP | DOWN) == 0 => '─',
        m if m & (LEFT | RIGHT) == 0 => '│',
        m if m == DOWN | RIGHT => '╭',
        m if m == DOWN | LEFT => '╮',
        m if m == UP | RIGHT => '╰',
        m if m == UP | LEFT => '╯',
        m if m == UP | DOWN | RIGHT => '├',
        m if m == UP | DOWN | LEFT => '┤',
        m if m == DOWN | LEFT | RIGHT => '┬',
        m if m == UP | LEFT | RIGHT => '┴',
        _ => '┼',
    }
}

/// Writes what is wrong with a link, or its latency, beside the link.
fn draw_value(
    canvas: &mut Canvas<'_>,
    area: Rect,
    route: &Route,
    world: &World,
    taken: &mut Taken,
) {
    let there = targets::faults(world, route.upper, route.lower);
    let back = targets::faults(world, route.lower, route.upper);
    let ink = match (there.cut || back.cut, words::link_value(&there), words::link_value(&back)) {
        (true, ..) => Ink::Bad,
        (false, down, up) if down.is_empty() && up.is_empty() => Ink::Muted,
        _ => Ink::Slow,
    };
    let late_down = targets::late(world, route.upper, route.lower);
    let late_up = targets::late(world, route.lower, route.upper);
    let mut parts = words::link_parts((&there, late_down), (&back, late_up));
    if ink == Ink::Muted {
        if there.latency < Duration::from_millis(1) {
            return;
        }
        parts = vec![human(there.latency)];
    }
    let style = canvas.ink(ink);
    // In one row, else closer together, else one below the other.
    let whole = parts.join(" ");
    let close = whole.replace(" ms", "ms").replace(" %", "%");
    for text in [&whole, &close] {
        let columns = width(text);
        if let Some((x, y)) = free_beside(area, route, columns, taken) {
            canvas.text(x, y, columns, text, style);
            taken.extend((x..x + columns).map(|x| (x, y)));
            return;
        }
    }
    for part in parts {
        let columns = width(&part);
        let free = free_beside(area, route, columns, taken);
        if free.is_none() && ink == Ink::Muted {
            return;
        }
        // Rather over the line than not at all: a fault that is not seen is a lie.
        let over = route.cells.last().copied().unwrap_or((area.x, area.y));
        let (x, y) = free.unwrap_or(over);
        let x = x.min(area.right().saturating_sub(columns)).max(area.x);
        canvas.text(x, y, columns, &part, style);
        taken.extend((x..x + columns).map(|x| (x, y)));
    }
}

/// A free place for a text right beside the link: along its last leg first, then above and below the other.
fn free_beside(area: Rect, route: &Route, columns: u16, taken: &Taken) -> Option<(u16, u16)> {
    let end = route.cells.last()?;
    let leg: Vec<(u16, u16)> = route.cells.iter().copied().filter(|cell| cell.0 == end.0).collect();
    let middle = leg.len() / 2;
    let mut rows: Vec<(u16, u16)> = leg.clone();
    rows.sort_by_key(|cell| cell.1.abs_diff(leg[middle].1));
    let mut places: Vec<(u16, u16)> = Vec::new();
    for (x, y) in rows {
        places.push((x + 2, y));
        if x > columns + 1 {
            places.push((x - columns - 1, y));
        }
    }
    for (x, y) in route.cells.iter().filter(|cell| cell.0 != end.0) {
        places.push((*x, y + 1));
        places.push((*x, y.saturating_sub(1)));
    }
    places.into_iter().find(|(x, y)| {
        *x >= area.x
            && x + columns <= area.right()
            && *y >= area.y
            && *y < area.bottom()
            && (*x..x + columns).all(|x| !taken.contains(&(x, *y)))
    })
}

fn draw_marks(
    canvas: &mut Canvas<'_>,
    area: Rect,
    route: &Route,
    world: &World,
    now: LabTime,
    boxes: &Taken,
    taken: &mut Taken,
) {
    for (from, to) in [(route.upper, route.lower), (route.lower, route.upper)] {
        let Some(link) = world.links.get(&(from, to)) else { continue };
        let numbered = link.marks.len() <= NUMBERED_MARKS_MAX;
        let mut shown: BTreeSet<RaceNo> = BTreeSet::new();
        for mark in link.shown(now) {
            let Some(cell) = cell_of(route, mark, now, from == route.upper) else { continue };
            if boxes.contains(&cell) {
                continue;
            }
            let (glyph, ink) = mark_glyph(mark);
            let style = canvas.ink(ink).add_modifier(ratatui::style::Modifier::BOLD);
            canvas.glyph(cell.0, cell.1, glyph, style);
            taken.insert(cell);
            let Some(race) = mark.race.filter(|race| numbered && shown.insert(*race)) else {
                continue;
            };
            label_mark(canvas, area, cell, (race, style), boxes, taken);
        }
    }
}

/// Writes the race's number beside its mark, where there is room.
fn label_mark(
    canvas: &mut Canvas<'_>,
    area: Rect,
    (x, y): (u16, u16),
    (race, style): (RaceNo, ratatui::style::Style),
    boxes: &Taken,
    taken: &mut Taken,
) {
    let text = format!("#{}", race.0);
    let columns = text.len() as u16;
    let rows = [y, y.saturating_sub(1), y + 1];
    let places = rows.iter().flat_map(|row| [(x + 1, *row), (x.saturating_sub(columns), *row)]);
    let free = places.into_iter().find(|(x, y)| {
        *x >= area.x
            && x + columns <= area.right()
            && area.contains((*x, *y).into())
            && (*x..x + columns).all(|x| !taken.contains(&(x, *y)))
            // A column of air on the far side: words that touch cannot be read.
            && !boxes.contains(&(x + columns, *y))
            && !boxes.contains(&(x.saturating_sub(1), *y))
    });
    if let Some((x, y)) = free {
        canvas.text(x, y, columns, &text, style);
        taken.extend((x..x + columns).map(|x| (x, y)));
    }
}

/// Where on its link a mark is at a moment; none once it has arrived.
fn cell_of(route: &Route, mark: &Mark, now: LabTime, downwards: bool) -> Option<(u16, u16)> {
    let cells = route.cells.len();
    if cells == 0 {
        return None;
    }
    let at = match mark.state {
        MarkState::Lost { at } => mark.progress(at),
        _ => mark.progress(now),
    };
    if mark.state == MarkState::Travelling && at >= 1.0 && now.since(mark.due) > ARRIVED_LINGERS {
        return None;
    }
    let step = ((at * cells as f64) as usize).min(cells - 1);
    Some(route.cells[if downwards { step } else { cells - 1 - step }])
}

/// How long a mark that should have arrived stays at the end of its link, in lab time.
const ARRIVED_LINGERS: Duration = Duration::from_millis(20);

fn mark_glyph(mark: &Mark) -> (char, Ink) {
    match mark.state {
        MarkState::Lost { .. } => return ('✕', Ink::Bad),
        MarkState::Stalled => return ('■', Ink::Slow),
        MarkState::Travelling => {}
    }
    match &*mark.message {
        Message::Reply { said: Said::Found { .. }, .. } => ('◆', Ink::Good),
        Message::Reply { said: Said::Negative, .. } => ('◆', Ink::Text),
        Message::Operated { said, .. } if said.is_ok() => ('◆', Ink::Good),
        Message::Reply { .. } | Message::Operated { .. } => ('◆', Ink::Bad),
        Message::Ask { .. }
        | Message::Text(_)
        | Message::End
        | Message::Operate { .. }
        | Message::Replica(_) => ('●', Ink::Message),
    }
}

/// Whether something is on its way, so that the picture must be drawn often.
#[must_use]
pub fn moves(world: &World, now: LabTime) -> bool {
    world.links.values().any(|link| {
        link.marks.values().rev().take(50).any(|mark| {
            mark.state == MarkState::Travelling && mark.due >= now && mark.due != LabTime::NEVER
        })
    })
}
