//! The mouse, while it is the panel's: a click selects, the wheel scrolls. Nothing is dragged, and no click does
//! anything to the lab.

use super::action::Action;
use super::screen;
use super::steer::steer;
use super::view::{Mode, PanelId, Selection, View};
use super::{events, map, store};
use crate::world::World;
use crossterm::event::{MouseButton, MouseEvent, MouseEventKind};
use ratatui::layout::Rect;

/// Rows that one turn of the wheel goes.
const WHEEL_ROWS: usize = 3;

/// Takes a mouse event.
pub fn act(event: MouseEvent, world: &World, view: &mut View) {
    match event.kind {
        MouseEventKind::Down(MouseButton::Left) => click(event.column, event.row, world, view),
        MouseEventKind::ScrollUp => wheel(Action::Up, event, world, view),
        MouseEventKind::ScrollDown => wheel(Action::Down, event, world, view),
        _ => {}
    }
}

/// The panel under the pointer, and what is inside its edge.
fn panel_at(x: u16, y: u16, world: &World, view: &View) -> Option<(PanelId, Rect)> {
    let whole = Rect::new(0, 0, view.size.0, view.size.1);
    let layout = screen::layout_of(whole, world, view, world.now);
    let place = layout.panels.iter().find(|place| place.area.contains((x, y).into()))?;
    Some((place.panel, screen::inside_panel(place)))
}

fn click(x: u16, y: u16, world: &World, view: &mut View) {
    // Dialogs are answered by keys: a stray click must not choose.
    if !matches!(view.mode, Mode::Normal) {
        return;
    }
    let Some((panel, inner)) = panel_at(x, y, world, view) else { return on_truth(y, world, view) };
    if view.focus != panel {
        view.focus = panel;
        view.down = 0;
    }
    match panel {
        PanelId::Map => {
            let map = map::lay(inner, world, view, world.now);
            if let Some(id) = map.node_at(x, y) {
                view.selection = Selection::Node(id);
            }
        }
        PanelId::Events => {
            if let Some(at) = events::line_at(inner, view, y) {
                let count = view.feed.count(&view.filter);
                view.events.pick(at, count, inner.height.into());
            }
        }
        _ => {}
    }
}

/// A click on the truth line or its banner: whatever is lost or wrong is listed.
fn on_truth(y: u16, world: &World, view: &mut View) {
    let whole = Rect::new(0, 0, view.size.0, view.size.1);
    let layout = screen::layout_of(whole, world, view, world.now);
    let rows = [Some(layout.truth), layout.banner];
    let hit = rows.into_iter().flatten().any(|row| (row.top()..row.bottom()).contains(&y));
    if hit && store::lost::is_any(world) {
        view.mode = Mode::Losses;
    }
}

fn wheel(action: Action, event: MouseEvent, world: &World, view: &mut View) {
    if matches!(view.mode, Mode::Normal) {
        match panel_at(event.column, event.row, world, view) {
            // The map has nothing to scroll, and its selection is what keys act on.
            None | Some((PanelId::Map | PanelId::Race, _)) => return,
            Some((panel, _)) if view.focus != panel => {
                view.focus = panel;
                view.down = 0;
            }
            Some(_) => {}
        }
    }
    for _ in 0..WHEEL_ROWS {
        steer(action, world, view);
    }
}
