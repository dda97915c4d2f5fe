//! Arrows and pages: what moves in the panel, list or line that has the keyboard.

use super::action::Action;
use super::screen;
use super::targets;
use super::view::{Mode, PanelId, Selection, View};
use crate::base::NodeId;
use crate::world::World;

/// Rows that a page goes.
const PAGE: usize = 10;
/// The same for lists that are walked by signed steps.
const PAGE_STEP: isize = 10;

/// Moves whatever the keyboard is on.
pub fn steer(action: Action, world: &World, view: &mut View) {
    // What is searched or completed looks at the view beside it.
    let mut mode = std::mem::replace(&mut view.mode, Mode::Normal);
    match &mut mode {
        Mode::Choosing(chooser) => chooser.step(rows(action)),
        Mode::Help(search) => search.step(rows(action), world, view),
        Mode::Palette(prompt) => match rows(action) {
            0 => {}
            by => super::palette::pick(prompt, world, view, by),
        },
        Mode::Inspect | Mode::Why | Mode::Losses | Mode::Edition => scroll(action, &mut view.down),
        Mode::Diagram(diagram) => diagram.step(action, world, view.size.0),
        Mode::Normal => panel(action, world, view),
        Mode::Filter(_)
        | Mode::QuitAsked
        | Mode::TopologiesAsked
        | Mode::WipeAsked(_)
        | Mode::RestoreAsked => {}
    }
    view.mode = mode;
}

/// How many rows an action goes in a list.
fn rows(action: Action) -> isize {
    match action {
        Action::Up => -1,
        Action::Down => 1,
        Action::PageUp => -PAGE_STEP,
        Action::PageDown => PAGE_STEP,
        Action::First => isize::MIN / 2,
        Action::Last => isize::MAX / 2,
        _ => 0,
    }
}

fn scroll(action: Action, down: &mut usize) {
    *down = match action {
        Action::Up => down.saturating_sub(1),
        Action::Down => down.saturating_add(1),
        Action::PageUp => down.saturating_sub(PAGE),
        Action::PageDown => down.saturating_add(PAGE),
        Action::First => 0,
        // Whoever draws knows where the end is.
        Action::Last => usize::MAX / 2,
        _ => *down,
    };
}

fn panel(action: Action, world: &World, view: &mut View) {
    match view.focus {
        PanelId::Map => select(action, world, view),
        PanelId::Race if super::store::on_show(world, view).is_some() => {
            pick_operation(action, world, view);
        }
        PanelId::Race => match action {
            Action::Left => pick_race(world, view, -1),
            Action::Right => pick_race(world, view, 1),
            Action::First => pick_race(world, view, i64::MIN / 2),
            Action::Last => view.race = None,
            _ => scroll(action, &mut view.down),
        },
        PanelId::Events => {
            let rows = screen::rows(PanelId::Events, world, view);
            // A page leaves one line in sight, so that the eye finds its place again.
            let page = isize::try_from(rows).map_or(PAGE_STEP, |rows| rows - 1).max(1);
            let by = match action {
                Action::Up => 1,
                Action::Down => -1,
                Action::PageUp => page,
                Action::PageDown => -page,
                Action::First => isize::MAX,
                Action::Last => return view.events.follow(),
                _ => return,
            };
            view.events.step(by, view.feed.count(&view.filter), rows);
        }
        PanelId::System | PanelId::Belief | PanelId::Steps | PanelId::Figures => {
            scroll(action, &mut view.down);
        }
    }
}

fn pick_operation(action: Action, world: &World, view: &mut View) {
    let by = match action {
        Action::Left => -1,
        Action::Right => 1,
        Action::First => i64::MIN / 2,
        Action::Last => i64::MAX / 2,
        _ => return,
    };
    if let Some(group) = super::store::on_show(world, view) {
        super::store::ops::pick(group, view, by);
    }
}

/// Left and right in the history of races; past the newest, the newest is followed again.
fn pick_race(world: &World, view: &mut View, by: i64) {
    let (Some(first), Some(last)) = (world.races.front(), world.races.back()) else { return };
    let present = view.race.unwrap_or(last.no).0;
    let to = present.saturating_add_signed(by).max(first.no.0);
    view.race = if to >= last.no.0 { None } else { Some(crate::world::RaceNo(to)) };
}

/// Arrows on the map: along a tier, or to the tier above or below, at about the same place.
fn select(action: Action, world: &World, view: &mut View) {
    let tiers = targets::tiers(&world.topology);
    let here = match view.selection {
        Selection::Node(id) => Some(id),
        Selection::Link(a, _) => a.node(),
        Selection::Truth => {
            if matches!(action, Action::Down | Action::First) {
                view.selection = Selection::Node(tiers[0][0]);
            }
            return;
        }
        Selection::Nothing => None,
    };
    let Some((tier, at)) = here.and_then(|id| place(&tiers, id)) else {
        view.selection = tiers
            .last()
            .and_then(|tier| tier.first())
            .map_or(Selection::Nothing, |id| Selection::Node(*id));
        return;
    };
    // The middles of the slots, on one scale; of two that are as near, the left one.
    let across = |from: usize, to: usize| -> usize {
        let (from, to) = (tiers[from].len(), tiers[to].len());
        let here = (2 * at + 1) * to;
        (0..to).min_by_key(|there| here.abs_diff((2 * there + 1) * from)).unwrap_or(0)
    };
    // Within a block of names, up and down go from row to row.
    let map = super::map::lay(screen::map_area(world, view), world, view, world.now);
    let block = map.plan.blocks.iter().find(|block| block.tier == tier);
    let row = |down| block.and_then(|block| block.step(at, tiers[tier].len(), down));
    let (tier, at) = match action {
        Action::Left => (tier, at.saturating_sub(1)),
        Action::Right => (tier, (at + 1).min(tiers[tier].len() - 1)),
        Action::Up if row(false).is_some() => (tier, row(false).unwrap_or(at)),
        Action::Down if row(true).is_some() => (tier, row(true).unwrap_or(at)),
        Action::Up if tier > 0 => (tier - 1, across(tier, tier - 1)),
        // Above the map stands what no node knows; there is something to open only when it is bad.
        Action::Up if super::store::lost::is_any(world) => {
            view.selection = Selection::Truth;
            return;
        }
        Action::Down if tier + 1 < tiers.len() => (tier + 1, across(tier, tier + 1)),
        Action::First => (0, 0),
        Action::Last => (tiers.len() - 1, tiers[tiers.len() - 1].len() - 1),
        _ => (tier, at),
    };
    view.selection = Selection::Node(tiers[tier][at]);
}

fn place(tiers: &[Vec<NodeId>], id: NodeId) -> Option<(usize, usize)> {
    tiers
        .iter()
        .enumerate()
        .find_map(|(tier, nodes)| nodes.iter().position(|node| *node == id).map(|at| (tier, at)))
}
