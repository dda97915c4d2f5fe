//! Panel 5: who believes what of whom, beside the truth. A belief that is wrong is the loudest thing in it.

use super::paint::{Canvas, width};
use super::store;
use super::theme::Ink;
use super::view::{PanelId, View};
use super::words;
use crate::base::NodeId;
use crate::topology::Role;
use crate::world::World;
use ratatui::layout::Rect;

/// Draws the matrix: a column for each node that is asked, a row for the truth and for each that asks.
pub fn draw(canvas: &mut Canvas<'_>, area: Rect, world: &World, view: &View) {
    if let Some(group) = store::on_show(world, view) {
        store::belief::draw(canvas, area, world, view, group);
        return;
    }
    let topology = &world.topology;
    let names = &topology.names;
    let mut about: Vec<NodeId> = topology
        .nodes
        .iter()
        .filter(|node| node.role() != Role::Client)
        .map(|node| node.id)
        .collect();
    // Servers first: they are what the others have opinions of.
    about.sort_by_key(|id| (topology.node(*id).role() != Role::Ts, *id));
    let believers: Vec<NodeId> =
        topology.nodes.iter().filter(|node| node.role() != Role::Ts).map(|node| node.id).collect();
    let label = believers.iter().map(|id| width(names.of(*id))).max().unwrap_or(5).max(5) + 2;
    let column = about.iter().map(|id| width(names.of(*id))).max().unwrap_or(4).max(9) + 1;
    let fit = usize::from(area.width.saturating_sub(label) / column);
    // Where not all fit, those somebody is wrong about, or that are not simply up, come first.
    if fit < about.len() {
        about.sort_by_key(|id| words::truth(world, *id).0 == "up");
    }
    let hidden = about.len().saturating_sub(fit);
    about.truncate(fit);
    if area.height == 0 {
        return;
    }
    for (at, id) in about.iter().enumerate() {
        let x = area.x + label + at as u16 * column;
        canvas.text(x, area.y, column - 1, names.of(*id), canvas.ink(Ink::Muted));
        if area.height > 1 {
            let (word, ink) = words::truth(world, *id);
            canvas.text(x, area.y + 1, column - 1, word, canvas.ink(ink));
        }
    }
    if hidden > 0 {
        canvas.right(
            area.right(),
            area.y,
            area.width,
            &format!("+{hidden}"),
            canvas.ink(Ink::Slow),
        );
    }
    if area.height > 1 {
        canvas.text(area.x, area.y + 1, label - 1, "truth", canvas.ink(Ink::Strong));
    }
    let rows = usize::from(area.height.saturating_sub(2));
    let down = if view.focus == PanelId::Belief { view.down } else { 0 };
    // Those with opinions first.
    let mut believers = believers;
    believers.sort_by_key(|id| (world.node(*id).beliefs.is_empty(), *id));
    let skip = canvas.skip(down, believers.len(), rows as u16);
    for (believer, y) in believers.iter().skip(skip).zip(area.y + 2..area.bottom()) {
        canvas.text(area.x, y, label - 1, names.of(*believer), canvas.ink(Ink::Text));
        for (at, id) in about.iter().enumerate() {
            cell(canvas, area.x + label + at as u16 * column, y, column - 1, world, *believer, *id);
        }
    }
}

fn cell(
    canvas: &mut Canvas<'_>,
    x: u16,
    y: u16,
    columns: u16,
    world: &World,
    believer: NodeId,
    about: NodeId,
) {
    if believer == about {
        canvas.text(x, y, columns, "self", canvas.ink(Ink::Muted));
        return;
    }
    let Some((belief, _)) = world.node(believer).beliefs.get(&about) else {
        canvas.text(x, y, columns, "–", canvas.ink(Ink::Frame));
        return;
    };
    let (word, ink) = words::belief(*belief);
    let outside = world.topology.node(about).at.is_some();
    if !outside && words::is_wrong(*belief, world.node(about).life) {
        let text = format!(" {word} ≠ ");
        canvas.text(x.saturating_sub(1), y, columns, &text, canvas.badge(Ink::Bad));
    } else {
        canvas.text(x, y, columns, word, canvas.ink(ink));
    }
}
