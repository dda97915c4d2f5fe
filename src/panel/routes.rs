//! Along which cells the links of the map run, once it is known what stands where. No colours, no world.

use super::plan::{Plan, Route, Spot, Wants, Way};
use crate::base::Peer;
use ratatui::layout::Rect;
use std::collections::BTreeMap;

/// Links from one place to another; all that lead from a node into one block are one.
struct Bundle {
    upper: usize,
    lower: usize,
    links: Vec<(Peer, Peer)>,
}

/// The ways of all links whose ends have a place.
#[must_use]
pub fn routes(area: Rect, plan: &Plan, wants: &Wants<'_>) -> Vec<Route> {
    let (anchors, of) = anchors(plan, wants);
    let mut bundles: Vec<Bundle> = Vec::new();
    let mut known: BTreeMap<(usize, usize), usize> = BTreeMap::new();
    for (asker, asked) in wants.edges {
        let (Some(mut from), Some(mut to)) = (of.get(asker).copied(), of.get(asked).copied())
        else {
            continue;
        };
        let mut link = (*asker, *asked);
        if anchors[from].area.y > anchors[to].area.y {
            std::mem::swap(&mut from, &mut to);
            link = (link.1, link.0);
        }
        let at = *known.entry((from, to)).or_insert_with(|| {
            bundles.push(Bundle { upper: from, lower: to, links: Vec::new() });
            bundles.len() - 1
        });
        bundles[at].links.push(link);
    }
    let into: Vec<(usize, usize)> = bundles.iter().map(|it| (it.upper, it.lower)).collect();
    let gathered = gathered(&anchors, &into, wants);
    let ways = bundles.into_iter().enumerate();
    let down = ways.filter_map(|(at, bundle)| {
        let to = anchors[bundle.lower].peer;
        let bus = gathered.contains(&to);
        let over_a_bus = bus.then(|| bus_route(area, &anchors, &bundle)).flatten();
        match over_a_bus {
            Some((cells, way)) => Some(Route { links: bundle.links, cells, way }),
            None => route(&anchors, &into, bundle, at),
        }
    });
    // Peers in a block have no places that links could run between.
    let rows: BTreeMap<Peer, &Spot> = plan
        .spots
        .iter()
        .filter(|spot| !plan.blocks.iter().any(|block| block.frame.intersects(spot.area)))
        .map(|spot| (spot.peer, spot))
        .collect();
    let beside = wants.peers.iter().filter_map(|link| peer_route(&rows, *link));
    down.chain(beside).collect()
}

/// What links end at: the nodes of the rows, and each block as a whole; and which of them is whose.
fn anchors(plan: &Plan, wants: &Wants<'_>) -> (Vec<Spot>, BTreeMap<Peer, usize>) {
    let mut anchors: Vec<Spot> = Vec::new();
    let mut of: BTreeMap<Peer, usize> = BTreeMap::new();
    for block in &plan.blocks {
        let Some(first) = wants.tiers[block.tier].first() else { continue };
        of.extend(wants.tiers[block.tier].iter().map(|peer| (*peer, anchors.len())));
        anchors.push(Spot { peer: *first, area: block.frame, core: block.frame });
    }
    for spot in &plan.spots {
        of.entry(spot.peer).or_insert_with(|| {
            anchors.push(*spot);
            anchors.len() - 1
        });
    }
    (anchors, of)
}

fn route(anchors: &[Spot], into: &[(usize, usize)], bundle: Bundle, at: usize) -> Option<Route> {
    let (upper, lower) = (&anchors[bundle.upper], &anchors[bundle.lower]);
    if upper.area.bottom() >= lower.area.y {
        return None;
    }
    let others: Vec<usize> =
        into.iter().filter(|way| way.1 == bundle.lower).map(|way| way.0).collect();
    let enter = entry(&others, bundle.upper, upper, lower);
    let sideways = is_free_beside(anchors, upper, enter);
    let inside = enter > upper.core.x && enter + 1 < upper.core.right();
    let end = (enter, lower.area.y - 1);
    let points = if sideways {
        let row = upper.core.y + (upper.core.height - 1) / 2;
        let start = if enter < upper.core.x { upper.core.x - 1 } else { upper.core.right() };
        vec![(start, row), (enter, row), end]
    } else if inside {
        vec![(enter, upper.area.bottom()), end]
    } else {
        let gap = lower.area.y - upper.area.bottom();
        let bus = upper.area.bottom() + (at as u16 % (gap.saturating_sub(1)).max(1));
        vec![(upper.centre(), upper.area.bottom()), (upper.centre(), bus), (enter, bus), end]
    };
    let way = if sideways { Way::Side } else { Way::Below };
    Some(Route { links: bundle.links, cells: walk(&points), way })
}

/// The peers of a tier whose askers stand in several tiers above: each link on a way of its own would make a thicket of
/// the map, so all of them share one line right above the tier.
fn gathered(anchors: &[Spot], into: &[(usize, usize)], wants: &Wants<'_>) -> Vec<Peer> {
    let peers = |tier: &&Vec<Peer>| wants.peers.iter().any(|(a, _)| tier.contains(a));
    let mut out = Vec::new();
    for tier in wants.tiers.iter().filter(peers) {
        let askers = into.iter().filter(|way| tier.contains(&anchors[way.1].peer));
        let mut rows: Vec<u16> = askers.map(|way| anchors[way.0].area.y).collect();
        rows.sort_unstable();
        rows.dedup();
        if rows.len() > 1 {
            out.extend(tier.iter().copied());
        }
    }
    out
}

/// Down from the asker, at the edge of the map where others stand below it, along the shared line, and into the box.
/// None where there is no room for that.
fn bus_route(area: Rect, anchors: &[Spot], bundle: &Bundle) -> Option<(Vec<(u16, u16)>, Way)> {
    let (upper, lower) = (&anchors[bundle.upper], &anchors[bundle.lower]);
    // The row right above the tier is for the links within it.
    let bus = lower.area.y.checked_sub(2)?;
    if upper.area.bottom() > bus {
        return None;
    }
    let last = [(lower.centre(), bus), (lower.centre(), lower.area.y - 1)];
    let below = |spot: &&Spot| spot.area.y > upper.area.y && spot.area.y < lower.area.y;
    let between: Vec<&Spot> = anchors.iter().filter(below).collect();
    let beside = |spot: &&Spot| spot.area.y == upper.area.y && spot.peer != upper.peer;
    let (way, mut points) = if between.is_empty() {
        (Way::Bus, vec![(upper.centre(), upper.area.bottom()), (upper.centre(), bus)])
    } else {
        let row = upper.core.y + (upper.core.height - 1) / 2;
        let rightmost = !anchors.iter().filter(beside).any(|spot| spot.area.x > upper.area.x);
        let leftmost = !anchors.iter().filter(beside).any(|spot| spot.area.x < upper.area.x);
        let right = between.iter().map(|spot| spot.area.right()).max()?.max(upper.area.right()) + 1;
        let left = between.iter().map(|spot| spot.area.x).min()?.min(upper.area.x).checked_sub(2);
        let points = if rightmost && right < area.right() {
            vec![(upper.core.right(), row), (right, row), (right, bus)]
        } else {
            let left = left.filter(|left| leftmost && *left >= area.x)?;
            vec![(upper.core.x - 1, row), (left, row), (left, bus)]
        };
        (Way::SideBus, points)
    };
    points.extend(last);
    Some((walk(&points), way))
}

/// The way of a link within a tier: straight to a neighbour, else above those that stand between.
fn peer_route(rows: &BTreeMap<Peer, &Spot>, (a, b): (Peer, Peer)) -> Option<Route> {
    let (mut left, mut right) = (*rows.get(&a)?, *rows.get(&b)?);
    if left.core.x > right.core.x {
        std::mem::swap(&mut left, &mut right);
    }
    if left.core.y != right.core.y {
        return None;
    }
    let between = |spot: &&&Spot| {
        spot.core.y == left.core.y && spot.core.x > left.core.x && spot.core.x < right.core.x
    };
    let steps = rows.values().filter(between).count();
    let (way, points) = if steps == 0 {
        let row = left.core.y + (left.core.height - 1) / 2;
        if left.core.right() >= right.core.x {
            return None;
        }
        (Way::Beside, vec![(left.core.right(), row), (right.core.x - 1, row)])
    } else {
        // Between this tier and the one above there are two rows at least; links from above come in over the first.
        let row = left
            .area
            .y
            .checked_sub(1)
            .filter(|row| rows.values().any(|spot| spot.area.y < *row))?;
        let inner = |spot: &Spot| (spot.core.width / 2).saturating_sub(1).min(3);
        let start = left.centre() + inner(left);
        let end = right.centre().saturating_sub(inner(right));
        (Way::Arc, vec![(start, row), (end, row)])
    };
    let links = vec![(left.peer, right.peer)];
    Some(Route { links, cells: walk(&points), way })
}

/// Where a link arrives at the lower box: its middle, or a little beside it where several arrive; at a box as wide as a
/// block, right below where it comes from.
fn entry(others: &[usize], from: usize, upper: &Spot, lower: &Spot) -> u16 {
    let here = upper.centre();
    if lower.core.width > upper.core.width * 2
        && here > lower.core.x + 1
        && here + 2 < lower.core.right()
    {
        return here;
    }
    let at = others.iter().position(|other| *other == from).unwrap_or(0);
    // At most some hundred links arrive at one box; what does not fit is clamped below.
    let (at, last) = (at.min(200) as u8, others.len().saturating_sub(1).min(200) as u8);
    let spread = (2 * i32::from(at) - i32::from(last)) * 2;
    let half = i32::from(lower.core.width) / 2 - 2;
    let x = i32::from(lower.centre()) + spread.clamp(-half.max(0), half.max(0));
    x.max(0) as u16
}

/// Whether a link may leave at the side: nobody stands between the box and the column where it goes down.
fn is_free_beside(anchors: &[Spot], upper: &Spot, column: u16) -> bool {
    let (from, to) = if column + 1 < upper.core.x {
        (column, upper.core.x)
    } else if column > upper.core.right() {
        (upper.core.right(), column + 1)
    } else {
        return false;
    };
    !anchors.iter().any(|other| {
        other.peer != upper.peer
            && other.area.y == upper.area.y
            && other.area.x <= to
            && other.area.right() >= from
    })
}

/// All cells on the way through these corners.
fn walk(points: &[(u16, u16)]) -> Vec<(u16, u16)> {
    let mut cells: Vec<(u16, u16)> = points.first().copied().into_iter().collect();
    for to in points.iter().skip(1) {
        while let Some(&(x, y)) = cells.last() {
            if (x, y) == *to {
                break;
            }
            cells.push(if x == to.0 {
                (x, if y < to.1 { y + 1 } else { y - 1 })
            } else {
                (if x < to.0 { x + 1 } else { x - 1 }, y)
            });
        }
    }
    cells
}
