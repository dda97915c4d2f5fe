//! The geometry of the map: which box stands where, and along which cells a link runs. No colours, no world.

use crate::base::Peer;
use ratatui::layout::Rect;

/// How much room a node has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// A frame around name and detail, four rows.
    Tall,
    /// The name between brackets, its badge and its detail below, three rows: for what has both.
    Trio,
    /// The name between brackets and the detail below, two rows.
    Pair,
    /// The name between brackets.
    Pill,
    /// Names in rows, without links: more nodes than can be drawn otherwise.
    Grid,
}

impl Form {
    const fn height(self) -> u16 {
        match self {
            Self::Tall => 4,
            Self::Trio => 3,
            Self::Pair => 2,
            Self::Pill | Self::Grid => 1,
        }
    }
}

/// Where one node stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Spot {
    /// Who.
    pub peer: Peer,
    /// Where, detail included.
    pub area: Rect,
    /// Where the name stands: what links end at.
    pub core: Rect,
}

impl Spot {
    fn centre(&self) -> u16 {
        self.core.x + self.core.width / 2
    }
}

/// The way of one link, from the upper node to the lower one, without the cells of the boxes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route {
    /// The one that asks.
    pub upper: Peer,
    /// The one that is asked.
    pub lower: Peer,
    /// The cells, in order, each next to the one before.
    pub cells: Vec<(u16, u16)>,
    /// How it goes.
    pub way: Way,
}

/// How a link goes from one box to the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// It leaves the upper box below.
    Below,
    /// It leaves the upper box at its side.
    Side,
    /// Straight from one box to the one right of it.
    Beside,
    /// Above the boxes that stand between two of one tier.
    Arc,
}

/// The whole map.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// How nodes are drawn.
    pub form: Form,
    /// The nodes.
    pub spots: Vec<Spot>,
    /// The links.
    pub routes: Vec<Route>,
    /// How many nodes there was no room for.
    pub hidden: usize,
}

/// Columns of what is written at a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Text {
    /// Its name.
    pub name: u16,
    /// What stands below the name where there is no frame.
    pub below: u16,
    /// Its badge, if it has one.
    pub badge: u16,
}

/// What the plan is made from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wants<'a> {
    /// What stands at each node, in the order of the tiers.
    pub texts: &'a [Vec<Text>],
    /// The tiers from top to bottom.
    pub tiers: &'a [Vec<Peer>],
    /// Who asks whom.
    pub edges: &'a [(Peer, Peer)],
    /// Links within a tier.
    pub peers: &'a [(Peer, Peer)],
    /// The columns of the longest name.
    pub name_columns: u16,
}

/// Rows between tiers at least: a mark must be seen on its way.
const GAP_MIN: u16 = 2;
/// Columns of the badge that stands beside the name of one that has a detail, too: `LEAD t12`.
const BADGE_COLUMNS: u16 = 10;
/// Columns between two boxes that are linked with each other.
const PEERS_GAP: u16 = 4;
/// A box that is wider says nothing more.
const BOX_COLUMNS_MAX: u16 = 22;

/// Lays the map out.
#[must_use]
pub fn plan(area: Rect, wants: &Wants<'_>) -> Plan {
    let tiers = wants.tiers;
    let most = tiers.iter().map(Vec::len).max().unwrap_or(0) as u16;
    let count = tiers.len() as u16;
    let nothing = Plan { form: Form::Grid, spots: Vec::new(), routes: Vec::new(), hidden: 0 };
    if count == 0 || area.is_empty() {
        return nothing;
    }
    let slot = area.width / most.max(1);
    let both = !wants.peers.is_empty();
    let linked = wants.tiers.iter().zip(wants.texts).filter(|(tier, _)| has_peers(wants, tier));
    let name = linked.flat_map(|(_, texts)| texts.iter().map(|text| text.name)).max();
    let name = name.unwrap_or(wants.name_columns);
    let form = [Form::Tall, Form::Trio, Form::Pair, Form::Pill].into_iter().find(|form| {
        let frame = match form {
            // Whoever has a detail besides its badge has them in rows of their own: name and badge share the first.
            Form::Tall if both => {
                (name + 4 + BADGE_COLUMNS + PEERS_GAP).saturating_sub(wants.name_columns).max(5)
            }
            Form::Tall => 5,
            _ => 4,
        };
        (*form != Form::Trio || both)
            && slot >= wants.name_columns + frame
            && count * form.height() + (count - 1) * GAP_MIN <= area.height
    });
    let Some(form) = form else { return grid(area, wants) };
    let spots = spots(area, wants, form);
    let mut plan = Plan { form, spots, routes: Vec::new(), hidden: 0 };
    plan.routes = wants
        .edges
        .iter()
        .enumerate()
        .filter_map(|(at, edge)| route(&plan, wants, *edge, at))
        .collect();
    let peers: Vec<Route> =
        wants.peers.iter().filter_map(|link| peer_route(&plan, *link)).collect();
    plan.routes.extend(peers);
    plan
}

/// Whether those of a tier are linked with each other.
fn has_peers(wants: &Wants<'_>, tier: &[Peer]) -> bool {
    wants.peers.iter().any(|(a, _)| tier.contains(a))
}

fn spots(area: Rect, wants: &Wants<'_>, form: Form) -> Vec<Spot> {
    let count = wants.tiers.len() as u16;
    let height = form.height();
    let spare = area.height - count * height;
    let gap = if count > 1 { (spare / (count - 1)).min(6) } else { 0 };
    let mut y = area.y + (spare - gap * (count - 1)) / 2;
    let mut spots = Vec::new();
    for (number, tier) in wants.tiers.iter().enumerate() {
        let slot = area.width / (tier.len() as u16).max(1);
        let margin = (area.width - slot * tier.len() as u16) / 2;
        let room = match slot {
            slot if slot > 26 => slot - 6,
            slot if has_peers(wants, tier) => slot.saturating_sub(PEERS_GAP),
            slot => slot.saturating_sub(2),
        };
        let framed = room.min(BOX_COLUMNS_MAX).max(wants.name_columns + 4);
        for (at, peer) in tier.iter().enumerate() {
            let centre = area.x + margin + slot * at as u16 + slot / 2;
            let centred = |width: u16, rows: u16| {
                let last = area.right().saturating_sub(width).max(area.x);
                let x = centre.saturating_sub(width / 2).clamp(area.x, last);
                Rect::new(x, y, width.min(area.width), rows)
            };
            let text = wants.texts.get(number).and_then(|tier| tier.get(at)).copied();
            let text = text.unwrap_or(Text { name: wants.name_columns, ..Text::default() });
            let bare = text.name + 4;
            // Above the last tier links run down between the nodes: a column of air beside them.
            let air = if number + 1 < wants.tiers.len() && tier.len() > 1 { 4 } else { 1 };
            let most = slot.saturating_sub(air).max(bare);
            let wide = bare.max(text.below).min(most);
            let beside = (bare + text.badge).min(most);
            let (whole, core) = match form {
                Form::Tall => (centred(framed, height), centred(framed, height)),
                Form::Trio | Form::Pair => (centred(wide, height), centred(bare, 1)),
                Form::Pill | Form::Grid => (centred(beside, 1), centred(beside, 1)),
            };
            spots.push(Spot { peer: *peer, area: whole, core });
        }
        y += height + gap;
    }
    spots
}

fn grid(area: Rect, wants: &Wants<'_>) -> Plan {
    // A mark column, the name, a state's letter and a space.
    let width = (wants.name_columns + 4).min(area.width);
    let per_row = (area.width / width.max(1)).max(1);
    let (mut spots, mut hidden) = (Vec::new(), 0);
    let mut y = area.y;
    for tier in wants.tiers {
        for (at, peer) in tier.iter().enumerate() {
            let (row, column) = (at as u16 / per_row, at as u16 % per_row);
            if at > usize::from(u16::MAX) || y + row >= area.bottom() {
                hidden += 1;
                continue;
            }
            let area = Rect::new(area.x + column * width, y + row, width, 1);
            spots.push(Spot { peer: *peer, area, core: area });
        }
        y = y.saturating_add((tier.len() as u16).div_ceil(per_row));
        if y.saturating_add(1) < area.bottom() && wants.tiers.len() < 5 {
            y += u16::from(area.height > 8);
        }
    }
    Plan { form: Form::Grid, spots, routes: Vec::new(), hidden }
}

fn route(plan: &Plan, wants: &Wants<'_>, edge: (Peer, Peer), at: usize) -> Option<Route> {
    let spot = |peer: Peer| plan.spots.iter().find(|spot| spot.peer == peer);
    let (mut upper, mut lower) = (spot(edge.0)?, spot(edge.1)?);
    if upper.area.y > lower.area.y {
        std::mem::swap(&mut upper, &mut lower);
    }
    if upper.area.bottom() >= lower.area.y {
        return None;
    }
    let enter = entry(wants, edge, lower);
    let sideways = is_free_beside(plan, upper, enter);
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
    Some(Route { upper: upper.peer, lower: lower.peer, cells: walk(&points), way })
}

/// The way of a link within a tier: straight to a neighbour, else above those that stand between.
fn peer_route(plan: &Plan, (a, b): (Peer, Peer)) -> Option<Route> {
    let spot = |peer: Peer| plan.spots.iter().find(|spot| spot.peer == peer);
    let (mut left, mut right) = (spot(a)?, spot(b)?);
    if left.core.x > right.core.x {
        std::mem::swap(&mut left, &mut right);
    }
    if left.core.y != right.core.y {
        return None;
    }
    let between = |spot: &&Spot| {
        spot.core.y == left.core.y && spot.core.x > left.core.x && spot.core.x < right.core.x
    };
    let steps = plan.spots.iter().filter(between).count();
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
            .filter(|row| plan.spots.iter().any(|spot| spot.area.y < *row))?;
        let inner = |spot: &Spot| (spot.core.width / 2).saturating_sub(1).min(3);
        let start = left.centre() + inner(left);
        let end = right.centre().saturating_sub(inner(right));
        (Way::Arc, vec![(start, row), (end, row)])
    };
    Some(Route { upper: left.peer, lower: right.peer, cells: walk(&points), way })
}

/// Where a link arrives at the lower box: its middle, or a little beside it where several arrive.
fn entry(wants: &Wants<'_>, edge: (Peer, Peer), lower: &Spot) -> u16 {
    let into: Vec<Peer> =
        wants.edges.iter().filter(|other| other.1 == edge.1).map(|other| other.0).collect();
    let at = into.iter().position(|peer| *peer == edge.0).unwrap_or(0);
    // At most some hundred links arrive at one box; what does not fit is clamped below.
    let (at, last) = (at.min(200) as u8, into.len().saturating_sub(1).min(200) as u8);
    let spread = (2 * i32::from(at) - i32::from(last)) * 2;
    let half = i32::from(lower.core.width) / 2 - 2;
    let x = i32::from(lower.centre()) + spread.clamp(-half.max(0), half.max(0));
    x.max(0) as u16
}

/// Whether a link may leave at the side: nobody stands between the box and the column where it goes down.
fn is_free_beside(plan: &Plan, upper: &Spot, column: u16) -> bool {
    let (from, to) = if column + 1 < upper.core.x {
        (column, upper.core.x)
    } else if column > upper.core.right() {
        (upper.core.right(), column + 1)
    } else {
        return false;
    };
    !plan.spots.iter().any(|other| {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::NodeId;

    fn peer(id: u16) -> Peer {
        Peer::Node(NodeId(id))
    }

    /// One client, one LS, so many servers.
    fn lab(servers: u16) -> (Vec<Vec<Peer>>, Vec<(Peer, Peer)>) {
        let tiers = vec![vec![peer(0)], vec![peer(1)], (2..2 + servers).map(peer).collect()];
        let mut edges = vec![(peer(0), peer(1))];
        edges.extend((2..2 + servers).map(|id| (peer(1), peer(id))));
        (tiers, edges)
    }

    #[test]
    fn boxes_never_overlap_and_every_link_is_a_path_between_its_boxes() {
        for servers in 1..32 {
            let (tiers, edges) = lab(servers);
            let wants =
                Wants { tiers: &tiers, edges: &edges, peers: &[], name_columns: 4, texts: &[] };
            for (w, h) in [(44, 10), (72, 18), (96, 22), (38, 8), (10, 3), (0, 0)] {
                let area = Rect::new(1, 3, w, h);
                let plan = plan(area, &wants);
                for (at, one) in plan.spots.iter().enumerate() {
                    assert_eq!(one.area.intersection(area), one.area, "{servers} {w}x{h}");
                    for other in &plan.spots[at + 1..] {
                        assert!(one.area.intersection(other.area).is_empty(), "{servers} {w}x{h}");
                    }
                }
                assert!(w == 0 || plan.form == Form::Grid || plan.routes.len() == edges.len());
                for route in &plan.routes {
                    for pair in route.cells.windows(2) {
                        let apart = pair[0].0.abs_diff(pair[1].0) + pair[0].1.abs_diff(pair[1].1);
                        assert_eq!(apart, 1);
                    }
                    for cell in &route.cells {
                        assert!(area.contains((*cell).into()), "{servers} {w}x{h}");
                    }
                }
            }
        }
    }

    #[test]
    fn the_lecture_layout_shows_three_tiers_with_details() {
        let (tiers, edges) = lab(2);
        let wants = Wants { tiers: &tiers, edges: &edges, peers: &[], name_columns: 6, texts: &[] };
        assert_eq!(plan(Rect::new(1, 3, 42, 10), &wants).form, Form::Pair);
        assert_eq!(plan(Rect::new(1, 3, 70, 18), &wants).form, Form::Tall);
    }

    #[test]
    fn more_nodes_than_fit_are_counted() {
        let (tiers, edges) = lab(2000);
        let wants = Wants { tiers: &tiers, edges: &edges, peers: &[], name_columns: 6, texts: &[] };
        let plan = plan(Rect::new(0, 0, 60, 10), &wants);
        assert_eq!(plan.form, Form::Grid);
        assert_eq!(plan.spots.len() + plan.hidden, 2002);
    }
}
