//! What Esc goes back from, one thing at a time: the page that is open, the zoom, the filter, the selection.

use super::help::Search;
use super::store;
use super::view::{Mode, PanelId, Selection, View};
use crate::base::Peer;
use crate::world::World;

/// Esc on panel 2: from an older operation to the newest, from a failover to the operations.
fn leaves_operation(world: &World, view: &mut View) -> bool {
    let Some(group) = store::on_show(world, view) else { return false };
    if view.op.take().is_some() {
        return true;
    }
    match store::failover_shown(group, view) {
        Some(failover) => {
            view.seen_until = Some(failover.at);
            true
        }
        None => false,
    }
}

/// One thing back.
pub fn back(world: &World, view: &mut View) {
    if matches!(&view.mode, Mode::Help(search) if !search.typed.text().is_empty()) {
        view.mode = Mode::Help(Search::default());
    } else if !matches!(view.mode, Mode::Normal) {
        view.mode = Mode::Normal;
        view.down = 0;
    } else if view.open {
        view.open = false;
    } else if view.zoom {
        view.zoom = false;
    } else if !view.filter.is_empty() && view.focus == PanelId::Events {
        view.filter.clear();
        view.events.follow();
    } else if let Selection::Link(Peer::Node(id), _) = view.selection {
        view.selection = Selection::Node(id);
    } else if view.race.is_some() && view.focus == PanelId::Race {
        view.race = None;
    } else if view.focus == PanelId::Race && leaves_operation(world, view) {
    } else {
        view.selection = Selection::Nothing;
    }
}
