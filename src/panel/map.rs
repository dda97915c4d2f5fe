//! Panel 1: nodes in tiers, links between them, and the messages that travel along the links just now.
//!
//! Drawn into the buffer with box characters. Names and values of links are never covered by a line or a mark.

use super::block::Shows;
use super::block_view;
use super::map_links;
use super::map_marks;
use super::node_box;
use super::paint::{Canvas, width};
use super::plan::{self, Form, Plan, Wants};
use super::targets;
use super::theme::Ink;
use super::view::{Selection, View};
use crate::base::{LabTime, NodeId, Peer};
use crate::world::{MarkState, World};
use ratatui::layout::Rect;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// Visitors shown at once.
const VISITORS_MAX: usize = 6;
/// How long somebody who left stays in the picture, in lab time.
const VISITOR_LINGERS: Duration = Duration::from_secs(3);
/// Marks of one link that are looked at to see whether anything moves.
const MARKS_WATCHED: usize = 50;

/// Cells that something stands on.
pub type Cells = BTreeSet<(u16, u16)>;

/// What stands where, so that nothing is drawn over something else.
#[derive(Debug, Default)]
pub struct Taken {
    /// Nodes and frames.
    pub boxes: Cells,
    /// Words: values of links, numbers of marks.
    pub labels: Cells,
    /// Lines and marks.
    pub lines: Cells,
    /// The words themselves, and where each begins.
    pub words: Vec<(u16, u16, String)>,
}

impl Taken {
    /// Whether a cell is free of everything.
    #[must_use]
    pub fn is_free(&self, cell: (u16, u16)) -> bool {
        self.may_cross(cell) && !self.lines.contains(&cell)
    }

    /// Whether a cell is free of what is read: a line may be crossed.
    #[must_use]
    pub fn may_cross(&self, cell: (u16, u16)) -> bool {
        !self.boxes.contains(&cell) && !self.labels.contains(&cell)
    }

    /// Takes a text's cells.
    pub fn label(&mut self, x: u16, y: u16, text: &str) {
        self.labels.extend((x..x + width(text)).map(|x| (x, y)));
        self.words.push((x, y, text.to_owned()));
    }
}

/// The tiers of a lab, and where everything of them stands.
#[derive(Debug)]
pub struct Map {
    /// Who is in which tier.
    pub tiers: Vec<Vec<Peer>>,
    /// What stands where.
    pub plan: Plan,
}

/// Lays the map out in this area.
#[must_use]
pub fn lay(area: Rect, world: &World, view: &View, now: LabTime) -> Map {
    let (tiers, edges, peers) = graph(world, now);
    let names = &world.topology.names;
    let columns = |peer: &Peer| match peer {
        Peer::Node(id) => names.of(*id).len() as u16,
        Peer::Visitor(_) => names.peer(*peer).to_string().len() as u16,
    };
    let name_columns = tiers.iter().flatten().map(columns).max().unwrap_or(1);
    // What is written at a node takes time to find out: only where there may be room for it.
    let fits = |tier: &Vec<Peer>| tier.len() * usize::from(name_columns + 4) <= area.width.into();
    let text = |peer: &Peer| node_box::columns(world, view, *peer, now);
    let texts: Vec<Vec<plan::Text>> = tiers
        .iter()
        .map(|tier| if fits(tier) { tier.iter().map(text).collect() } else { Vec::new() })
        .collect();
    let groups: Vec<Vec<usize>> = tiers.iter().map(|tier| group_borders(world, tier)).collect();
    let selected = match view.selection {
        Selection::Node(id) => Some(Peer::Node(id)),
        Selection::Link(here, _) => Some(here),
        Selection::Nothing | Selection::Truth => None,
    };
    let plan = plan::plan(
        area,
        &Wants {
            texts: &texts,
            tiers: &tiers,
            edges: &edges,
            peers: &peers,
            name_columns,
            selected,
            open: view.open,
            groups: &groups,
            group_columns: group_columns(world),
        },
    );
    Map { tiers, plan }
}

/// Where in a tier a new group of the file begins.
fn group_borders(world: &World, tier: &[Peer]) -> Vec<usize> {
    let group = |peer: &Peer| peer.node().and_then(|id| world.topology.node(id).group.as_deref());
    let pairs = tier.windows(2).enumerate();
    pairs.filter(|(_, pair)| group(&pair[0]) != group(&pair[1])).map(|(at, _)| at + 1).collect()
}

/// Columns of the longest name of a group.
fn group_columns(world: &World) -> u16 {
    let groups = world.topology.nodes.iter().filter_map(|node| node.group.as_deref());
    groups.map(width).max().unwrap_or(0)
}

impl Map {
    /// Whether this node's name is folded into a bundle.
    #[must_use]
    pub fn is_folded(&self, id: NodeId) -> bool {
        self.plan.blocks.iter().any(|block| {
            block.shows == Shows::Bundles && self.tiers[block.tier].contains(&Peer::Node(id))
        })
    }

    /// The node at a place of the screen: the one that stands there, or the one of a bundle's dots.
    #[must_use]
    pub fn node_at(&self, x: u16, y: u16) -> Option<NodeId> {
        let spot = self.plan.spots.iter().find(|spot| spot.area.contains((x, y).into()));
        if let Some(spot) = spot {
            return spot.peer.node();
        }
        self.plan.blocks.iter().find_map(|block| {
            let line = |area: Rect| area.contains((x, y).into());
            let bundle = block.bundles.iter().find(|bundle| bundle.line.is_some_and(line))?;
            let at = block_view::dot_at(block, bundle, x).unwrap_or(bundle.nodes.start);
            self.tiers[block.tier].get(at)?.node()
        })
    }
}

/// Draws the map.
pub fn draw(canvas: &mut Canvas<'_>, area: Rect, world: &World, view: &View, now: LabTime) {
    let map = lay(area, world, view, now);
    draw_plan(canvas, area, &map, (world, view, now));
}

/// Draws what was laid out, and gives what stands where.
fn draw_plan(
    canvas: &mut Canvas<'_>,
    area: Rect,
    map: &Map,
    (world, view, now): (&World, &View, LabTime),
) -> Taken {
    let plan = &map.plan;
    let mut taken = Taken::default();
    for spot in &plan.spots {
        // Beside a name without a frame its links begin; only the row below is the detail's.
        let detail = Rect {
            y: spot.core.bottom(),
            height: spot.area.bottom().saturating_sub(spot.core.bottom()),
            ..spot.area
        };
        for area in [spot.core, detail] {
            take(&mut taken.boxes, area);
        }
    }
    for block in &plan.blocks {
        take(&mut taken.boxes, block.frame);
    }
    map_links::draw_lines(canvas, plan, world, view, &taken);
    for route in &plan.routes {
        taken.lines.extend(route.cells.iter().copied());
    }
    for route in &plan.routes {
        map_links::draw_value(canvas, area, route, world, &mut taken);
    }
    for block in &plan.blocks {
        block_view::draw(canvas, block, &map.tiers[block.tier], (world, view, now));
    }
    // Where links are drawn, the marks on them say who is spoken to.
    let alone = plan.form == Form::Grid;
    let traffic =
        if alone || !plan.blocks.is_empty() { traffic(world, now) } else { BTreeMap::new() };
    for spot in &plan.spots {
        let in_block =
            plan.blocks.iter().any(|block| block.frame.contains(spot.core.as_position()));
        let form = if in_block { Form::Grid } else { plan.form };
        let traffic = traffic.get(&spot.peer).copied();
        node_box::draw(canvas, form, spot, traffic, (world, view, now));
    }
    for route in &plan.routes {
        map_marks::draw(canvas, area, route, (world, view, now), &mut taken);
    }
    if plan.hidden > 0 && area.height > 0 {
        let text = format!(" and {} more", plan.hidden);
        canvas.right(area.right(), area.bottom() - 1, area.width, &text, canvas.ink(Ink::Slow));
    }
    taken
}

fn take(cells: &mut Cells, area: Rect) {
    let row = |y: u16| (area.x..area.right()).map(move |x| (x, y));
    cells.extend((area.y..area.bottom()).flat_map(row));
}

/// What is on its way to a node or from it, for names that no link leads to.
fn traffic(world: &World, now: LabTime) -> BTreeMap<Peer, (char, Ink)> {
    let mut seen = BTreeMap::new();
    for ((from, to), link) in &world.links {
        if link.shown(now).any(|mark| mark.state == MarkState::Travelling) {
            seen.insert(*from, ('◆', Ink::Good));
            seen.entry(*to).or_insert(('●', Ink::Message));
        }
    }
    seen
}

/// Tiers, who asks whom, and who are each other's peers.
type Graph = (Vec<Vec<Peer>>, Vec<(Peer, Peer)>, Vec<(Peer, Peer)>);

/// The tiers with visitors in the first, and the links between and within them.
fn graph(world: &World, now: LabTime) -> Graph {
    let mut tiers: Vec<Vec<Peer>> = targets::tiers(&world.topology)
        .into_iter()
        .map(|tier| tier.into_iter().map(Peer::Node).collect())
        .collect();
    let (mut edges, mut peers) = (Vec::new(), Vec::new());
    let mut paired: BTreeSet<(Peer, Peer)> = BTreeSet::new();
    for node in &world.topology.nodes {
        for other in targets::upstreams(world, node.id) {
            let link = (Peer::Node(node.id), Peer::Node(other));
            match world.audit.replica(node.id) {
                None => edges.push(link),
                // Each pair of peers has one link, whoever names whom.
                Some(_) if paired.contains(&(link.1, link.0)) => {}
                Some(_) => {
                    paired.insert(link);
                    peers.push(link);
                }
            }
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
    (tiers, edges, peers)
}

/// Whether something is on its way, so that the picture must be drawn often.
#[must_use]
pub fn moves(world: &World, now: LabTime) -> bool {
    world.links.values().any(|link| {
        link.marks.iter().rev().take(MARKS_WATCHED).any(|mark| {
            mark.state == MarkState::Travelling && mark.due >= now && mark.due != LabTime::NEVER
        })
    })
}

#[cfg(test)]
#[path = "map_tests.rs"]
mod tests;
