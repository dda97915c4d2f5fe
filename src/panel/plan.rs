//! The geometry of the map: which box stands where, and along which cells a link runs. No colours, no world.

use super::block::{self, Block};
use super::list;
use super::routes;
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
    /// Names in rows, without links: a screen too small for anything else.
    Grid,
}

impl Form {
    /// Rows that it takes.
    #[must_use]
    pub const fn height(self) -> u16 {
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
    /// The column of its middle.
    #[must_use]
    pub fn centre(&self) -> u16 {
        self.core.x + self.core.width / 2
    }
}

/// The way of a link, or of all links to a block, from the upper node to the lower one, without the cells of the boxes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route {
    /// The links that run here, each from its upper end to its lower one. Never empty.
    pub links: Vec<(Peer, Peer)>,
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
    /// Over a line that all links to a group share, from below the upper box.
    Bus,
    /// Over that line, from the side of the upper box.
    SideBus,
}

/// The whole map.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// How nodes are drawn.
    pub form: Form,
    /// The nodes that have a place of their own.
    pub spots: Vec<Spot>,
    /// The tiers that are too wide for a row.
    pub blocks: Vec<Block>,
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
    /// Whose place must be in sight, and whose bundle is the one that may be open.
    pub selected: Option<Peer>,
    /// Whether that bundle is open.
    pub open: bool,
    /// Where in each tier a new group of the file begins.
    pub groups: &'a [Vec<usize>],
    /// The columns of the longest name of a group.
    pub group_columns: u16,
}

/// Rows between tiers at least: a mark must be seen on its way.
const GAP_MIN: u16 = 2;
/// Rows between tiers at most: beyond that they seem not to belong together.
const GAP_MAX: u16 = 6;
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
    if count == 0 || area.is_empty() {
        let (spots, blocks, routes) = (Vec::new(), Vec::new(), Vec::new());
        return Plan { form: Form::Grid, spots, blocks, routes, hidden: 0 };
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
            && heights(wants, *form).iter().sum::<u16>() + (count - 1) * GAP_MIN <= area.height
    });
    let mut plan = match form {
        Some(form) => {
            let heights = heights(wants, form);
            let spots = rows(area, wants, form, &heights, |_| true);
            Plan { form, spots, blocks: Vec::new(), routes: Vec::new(), hidden: 0 }
        }
        None => match with_blocks(area, wants) {
            Some(plan) => plan,
            None => return grid(area, wants),
        },
    };
    plan.routes = routes::routes(area, &plan, wants);
    plan
}

/// The rows of each tier. Only replicas have a detail beside their badge: below the others a third row would be a hole
/// between a node and its links.
fn heights(wants: &Wants<'_>, form: Form) -> Vec<u16> {
    let rows = |tier: &Vec<Peer>| match form {
        Form::Trio if !has_peers(wants, tier) => Form::Pair.height(),
        _ => form.height(),
    };
    wants.tiers.iter().map(rows).collect()
}

/// Whether those of a tier are linked with each other.
fn has_peers(wants: &Wants<'_>, tier: &[Peer]) -> bool {
    wants.peers.iter().any(|(a, _)| tier.contains(a))
}

/// Tiers that are too wide for a row become blocks; the others stay rows.
fn with_blocks(area: Rect, wants: &Wants<'_>) -> Option<Plan> {
    let wide: Vec<bool> = wants
        .tiers
        .iter()
        .map(|tier| tier.len() as u32 * u32::from(wants.name_columns + 4) > area.width.into())
        .collect();
    let blocks = wide.iter().filter(|wide| **wide).count() as u16;
    if blocks == 0 {
        return None;
    }
    let gaps = (wants.tiers.len() as u16 - 1) * GAP_MIN;
    let rows_left = |form: Form| {
        let others = (wants.tiers.len() as u16 - blocks) * form.height();
        area.height.checked_sub(others + gaps)
    };
    // Details of the few are worth less than names of the many.
    let wanted: Vec<u16> = wants
        .tiers
        .iter()
        .map(|tier| block::rows_wanted(tier.len(), area.width, wants.name_columns))
        .collect();
    let all: u16 =
        wanted.iter().zip(&wide).filter(|it| *it.1).fold(0, |sum, it| sum.saturating_add(*it.0));
    let enough = |form: Form, least: u16| rows_left(form).is_some_and(|rows| rows >= least);
    let form = if enough(Form::Pair, all) || enough(Form::Pair, blocks * block::ROWS_GOOD) {
        Form::Pair
    } else if enough(Form::Pill, blocks * block::ROWS_MIN) {
        Form::Pill
    } else {
        return None;
    };
    let left = rows_left(form)?;
    let heights: Vec<u16> = wide
        .iter()
        .zip(&wanted)
        .map(|(wide, wanted)| match wide {
            false => form.height(),
            true if all <= left => *wanted,
            // Each as it needs, and none without a row.
            true => {
                let share = u32::from(left - blocks * block::ROWS_MIN) * u32::from(*wanted);
                block::ROWS_MIN + (share / u32::from(all).max(1)) as u16
            }
        })
        .collect();
    let spots = rows(area, wants, form, &heights, |tier| !wide[tier]);
    let mut plan = Plan { form, spots, blocks: Vec::new(), routes: Vec::new(), hidden: 0 };
    for (tier, y) in tops(area, &heights).into_iter().enumerate().filter(|it| wide[it.0]) {
        let frame = Rect { y, height: heights[tier], ..area };
        let (block, spots) = block::block(frame, wants, tier);
        plan.blocks.push(block);
        plan.spots.extend(spots);
    }
    Some(plan)
}

/// Where each tier begins: the room that is left is given to the gaps, as far as that helps.
fn tops(area: Rect, heights: &[u16]) -> Vec<u16> {
    let count = heights.len() as u16;
    let spare = area.height.saturating_sub(heights.iter().sum());
    let gap = if count > 1 { (spare / (count - 1)).min(GAP_MAX) } else { 0 };
    let mut y = area.y + spare.saturating_sub(gap * (count - 1)) / 2;
    let mut tops = Vec::new();
    for height in heights {
        tops.push(y);
        y += height + gap;
    }
    tops
}

/// The places of the nodes in these tiers, each tier a row.
fn rows(
    area: Rect,
    wants: &Wants<'_>,
    form: Form,
    heights: &[u16],
    is_row: impl Fn(usize) -> bool,
) -> Vec<Spot> {
    let mut spots = Vec::new();
    for ((number, tier), y) in wants.tiers.iter().enumerate().zip(tops(area, heights)) {
        if !is_row(number) {
            continue;
        }
        let height = heights.get(number).copied().unwrap_or_else(|| form.height());
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
    }
    spots
}

fn grid(area: Rect, wants: &Wants<'_>) -> Plan {
    let counts: Vec<usize> = wants.tiers.iter().map(Vec::len).collect();
    let per_row = block::spread(&counts, area.width, wants.name_columns, area.height.into()) as u16;
    let width = area.width / per_row;
    let mut lines: Vec<&[Peer]> = Vec::new();
    for tier in wants.tiers {
        // A line of air between tiers where there is room for all.
        let rows = counts.iter().map(|count| count.div_ceil(per_row.into())).sum::<usize>();
        let airy = rows + 2 * counts.len() <= usize::from(area.height);
        if airy && !lines.is_empty() {
            lines.push(&[]);
        }
        lines.extend(tier.chunks(usize::from(per_row)));
    }
    let selected = |line: &&[Peer]| wants.selected.is_some_and(|it| line.contains(&it));
    let marked = lines.iter().position(selected).unwrap_or(0);
    let top = list::top(marked, area.height.into(), lines.len());
    let mut spots = Vec::new();
    for (line, y) in lines.iter().skip(top).zip(area.y..area.bottom()) {
        for (peer, column) in line.iter().zip(0..) {
            let area = Rect::new(area.x + column * width, y, width, 1);
            spots.push(Spot { peer: *peer, area, core: area });
        }
    }
    let hidden = counts.iter().sum::<usize>() - spots.len();
    Plan { form: Form::Grid, spots, blocks: Vec::new(), routes: Vec::new(), hidden }
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

    fn wants<'a>(
        tiers: &'a [Vec<Peer>],
        edges: &'a [(Peer, Peer)],
        name_columns: u16,
    ) -> Wants<'a> {
        let (texts, groups, selected, open): (&[Vec<Text>], &[Vec<usize>], _, _) =
            (&[], &[], Some(peer(2)), false);
        let peers = &[];
        let group_columns = 4;
        Wants { texts, tiers, edges, peers, name_columns, selected, open, groups, group_columns }
    }

    #[test]
    fn boxes_never_overlap_and_every_link_is_a_path_between_its_boxes() {
        for servers in 1..32 {
            let (tiers, edges) = lab(servers);
            let wants = wants(&tiers, &edges, 4);
            for (w, h) in [(44, 10), (72, 18), (96, 22), (38, 8), (10, 3), (0, 0)] {
                let area = Rect::new(1, 3, w, h);
                let plan = plan(area, &wants);
                for (at, one) in plan.spots.iter().enumerate() {
                    assert_eq!(one.area.intersection(area), one.area, "{servers} {w}x{h}");
                    for other in &plan.spots[at + 1..] {
                        assert!(one.area.intersection(other.area).is_empty(), "{servers} {w}x{h}");
                    }
                }
                let linked: usize = plan.routes.iter().map(|route| route.links.len()).sum();
                assert!(w == 0 || plan.form == Form::Grid || linked == edges.len());
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
        let wants = wants(&tiers, &edges, 6);
        assert_eq!(plan(Rect::new(1, 3, 42, 10), &wants).form, Form::Pair);
        assert_eq!(plan(Rect::new(1, 3, 70, 18), &wants).form, Form::Tall);
    }

    #[test]
    fn more_nodes_than_a_row_has_room_for_become_a_block_that_hangs_on_one_line() {
        for (servers, w, h) in [(28, 70, 20), (28, 36, 10), (300, 70, 20), (1998, 36, 10)] {
            let (tiers, edges) = lab(servers);
            let wants = wants(&tiers, &edges, 6);
            let plan = plan(Rect::new(0, 0, w, h), &wants);
            assert_eq!(plan.blocks.len(), 1, "{servers} {w}x{h}");
            assert_eq!(plan.routes.len(), 2);
            assert_eq!(plan.routes[1].links.len(), usize::from(servers));
            let bundled: usize = plan.blocks[0].bundles.iter().map(|it| it.nodes.len()).sum();
            let shown = plan.spots.len() - 2;
            assert!(shown == usize::from(servers) || bundled == usize::from(servers));
        }
    }

    #[test]
    fn where_nothing_else_fits_names_stand_in_rows_and_the_rest_is_counted() {
        let (tiers, edges) = lab(2000);
        let wants = wants(&tiers, &edges, 6);
        let plan = plan(Rect::new(0, 0, 60, 6), &wants);
        assert_eq!(plan.form, Form::Grid);
        assert_eq!(plan.spots.len() + plan.hidden, 2002);
    }
}
