//! The links on the map: their lines with junctions, and beside each what is wrong with it, or its latency.

use super::map::Taken;
use super::paint::{Canvas, width};
use super::plan::{Plan, Route, Way};
use super::targets;
use super::theme::Ink;
use super::view::{Selection, View};
use super::words;
use crate::base::Peer;
use crate::base::units::human;
use crate::world::World;
use ratatui::layout::Rect;
use std::collections::BTreeMap;
use std::time::Duration;

/// How loud a link is: what is worst on either direction.
fn link_ink(view: &View, route: &Route, trouble: &Trouble) -> Ink {
    let selected = match view.selection {
        Selection::Link(x, y) => {
            route.links.iter().any(|(a, b)| (x, y) == (*a, *b) || (x, y) == (*b, *a))
        }
        _ => false,
    };
    if selected {
        Ink::Focus
    } else if trouble.cut > 0 {
        Ink::Bad
    } else if trouble.faulty > 0 {
        Ink::Slow
    } else {
        Ink::Frame
    }
}

/// How many of the links of one route are cut, and how many have any fault.
#[derive(Debug, Clone, Copy, Default)]
struct Trouble {
    cut: usize,
    faulty: usize,
}

impl Trouble {
    fn of(world: &World, route: &Route) -> Self {
        let mut trouble = Self::default();
        for (a, b) in &route.links {
            let told = |from: Peer, to: Peer| targets::told_faults(world, from, to);
            let (there, back) = (told(*a, *b), told(*b, *a));
            trouble.cut += usize::from(there.cut || back.cut);
            trouble.faulty += usize::from(words::is_faulty(&there) || words::is_faulty(&back));
        }
        trouble
    }
}

/// Arms of a junction.
const UP: u8 = 1;
const DOWN: u8 = 2;
const LEFT: u8 = 4;
const RIGHT: u8 = 8;

/// Draws the lines of all links, with their junctions.
pub fn draw_lines(canvas: &mut Canvas<'_>, plan: &Plan, world: &World, view: &View, taken: &Taken) {
    let rank = |ink: Ink| match ink {
        Ink::Focus => 3,
        Ink::Bad => 2,
        Ink::Slow => 1,
        _ => 0,
    };
    let mut arms: BTreeMap<(u16, u16), (u8, Ink)> = BTreeMap::new();
    for route in &plan.routes {
        let ink = link_ink(view, route, &Trouble::of(world, route));
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
                mask |= if route.way == Way::Beside { RIGHT } else { DOWN };
            }
            let entry = arms.entry(*cell).or_insert((0, ink));
            entry.0 |= mask;
            if rank(ink) > rank(entry.1) {
                entry.1 = ink;
            }
        }
    }
    for ((x, y), (mask, ink)) in arms {
        if !taken.boxes.contains(&(x, y)) {
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
    match (route.way, route.cells.first(), route.cells.last()) {
        (Way::Side, Some(first), Some(last)) if last.0 < first.0 => RIGHT,
        (Way::Side | Way::Beside, ..) => LEFT,
        (Way::SideBus, Some(first), _) => {
            let leftwards = route.cells.get(1).is_some_and(|second| second.0 < first.0);
            if leftwards { RIGHT } else { LEFT }
        }
        (Way::Arc, ..) => DOWN,
        (Way::Below | Way::Bus | Way::SideBus, ..) => UP,
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
pub fn draw_value(
    canvas: &mut Canvas<'_>,
    area: Rect,
    route: &Route,
    world: &World,
    taken: &mut Taken,
) {
    let Some((parts, ink)) = value(world, route) else { return };
    let style = canvas.ink(ink);
    // In one row, else closer together, else one below the other.
    let whole = parts.join(" ");
    let close = whole.replace(" ms", "ms").replace(" %", "%");
    for text in [&whole, &close] {
        let columns = width(text);
        if let Some((x, y)) = free_beside(area, route, columns, taken, ink != Ink::Muted) {
            canvas.text(x, y, columns, text, style);
            taken.label(x, y, text);
            return;
        }
    }
    for part in parts {
        let columns = width(&part);
        let beside = free_beside(area, route, columns, taken, ink != Ink::Muted);
        // Rather over the line than not at all: a fault that is not seen is a lie. Never over other words.
        let over = || {
            let on = |(x, y): &(u16, u16)| {
                let x = (*x).min(area.right().saturating_sub(columns)).max(area.x);
                let fits = x + columns <= area.right();
                let free = (x..x + columns).all(|x| taken.may_cross((x, *y)));
                (fits && free).then_some((x, *y))
            };
            route.cells.iter().rev().find_map(on)
        };
        let place = match beside {
            None if ink == Ink::Muted => return,
            None => over(),
            beside => beside,
        };
        if let Some((x, y)) = place {
            canvas.text(x, y, columns, &part, style);
            taken.label(x, y, &part);
        }
    }
}

/// What stands at a link: its faults in each direction, else its latency where one can see it; at the line to a block,
/// how many of its links are in trouble.
fn value(world: &World, route: &Route) -> Option<(Vec<String>, Ink)> {
    let (upper, lower) = *route.links.first()?;
    if route.links.len() > 1 {
        let trouble = Trouble::of(world, route);
        let of = route.links.len();
        return match trouble {
            Trouble { faulty: 0, .. } => latency(world, route).map(|text| (vec![text], Ink::Muted)),
            Trouble { cut: 0, faulty } => Some((vec![format!("{faulty} of {of} slow")], Ink::Slow)),
            Trouble { cut, .. } => Some((vec![format!("✕ {cut} of {of} cut")], Ink::Bad)),
        };
    }
    let there = targets::told_faults(world, upper, lower);
    let back = targets::told_faults(world, lower, upper);
    let between = matches!(route.way, Way::Beside | Way::Arc);
    let shared = matches!(route.way, Way::Bus | Way::SideBus);
    if !words::is_faulty(&there) && !words::is_faulty(&back) {
        // Between peers, and where links share a line, the picture is full enough: there only what is wrong is told.
        if between || shared {
            return None;
        }
        return latency(world, route).map(|text| (vec![text], Ink::Muted));
    }
    let ink = if there.cut || back.cut { Ink::Bad } else { Ink::Slow };
    let late = (targets::late(world, upper, lower), targets::late(world, lower, upper));
    let mut parts = words::link_parts((&there, late.0), (&back, late.1));
    if between {
        // Between peers one goes to the right and back.
        for part in &mut parts {
            *part = part.replace('↓', "→").replace('↑', "←");
        }
    }
    Some((parts, ink))
}

/// The latency that all links of a route share, if it can be seen at all.
fn latency(world: &World, route: &Route) -> Option<String> {
    let (upper, lower) = *route.links.first()?;
    let latency = targets::faults(world, upper, lower).latency;
    let same = |(a, b): &(Peer, Peer)| targets::faults(world, *a, *b).latency == latency;
    (latency >= Duration::from_millis(1) && route.links.iter().all(same)).then(|| human(latency))
}

/// A free place for a text right beside the link: along its last leg first, then above and below the other. Only what
/// must be told may stand without a column of air at its sides.
fn free_beside(
    area: Rect,
    route: &Route,
    columns: u16,
    taken: &Taken,
    must: bool,
) -> Option<(u16, u16)> {
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
    let fits = |(x, y): &(u16, u16)| {
        *x >= area.x
            && x + columns <= area.right()
            && *y >= area.y
            && *y < area.bottom()
            && (*x..x + columns).all(|x| taken.is_free((x, *y)))
    };
    // With a column of air at both sides, if there is such a place: words that touch cannot be read.
    let free: Vec<(u16, u16)> = places.into_iter().filter(fits).collect();
    let beside = |(x, y): &(u16, u16)| [x.checked_sub(1).map(|x| (x, *y)), Some((x + columns, *y))];
    let airy = |place: &(u16, u16)| beside(place).into_iter().flatten().all(|it| taken.is_free(it));
    let apart =
        |place: &(u16, u16)| beside(place).into_iter().flatten().all(|it| taken.may_cross(it));
    let best = free.iter().copied().find(airy).or_else(|| free.iter().copied().find(apart));
    best.or(free.first().copied().filter(|_| must))
}
