//! The last row: the keys that are valid now, each with what it would hit. Made from the key table.

use super::action::Action;
use super::chord::Chord;
use super::hints;
use super::keymap::{self, Binding, Context};
use super::paint::{Canvas, Row, width};
use super::store;
use super::theme::Ink;
use super::view::{Mode, View};
use crate::world::World;
use ratatui::layout::Rect;
use std::collections::BTreeSet;

/// The keys and their words, in the table's order, those of dialogs while one is open.
#[must_use]
pub fn entries(world: &World, view: &View) -> Vec<(String, String)> {
    let valid = keymap::contexts(view);
    let dialog = !matches!(view.mode, Mode::Normal);
    let mut rows: Vec<&Binding> = view.keymap.rows().iter().collect();
    // In a replay nothing is killed, and its own keys come first.
    if store::on_show(world, view).is_some() && view.replay.is_none() {
        rows.sort_by_key(|row| rank(row.action));
    }
    let mut shown = BTreeSet::new();
    rows.into_iter()
        .filter(|row| valid.contains(&row.context) && !row.short.is_empty())
        .filter(|row| row.chord != Chord::Unbound)
        .filter(|row| !dialog || row.context != Context::Panels)
        .filter(|row| {
            let replay = view.replay.is_some() && row.context != Context::Replay;
            !(replay && row.action.acts_on_the_lab())
        })
        .filter(|row| {
            view.keymap.binding_in(row.chord, &valid).map(|it| it.action) == Some(row.action)
        })
        // An action's first key stands for the others.
        .filter(|row| shown.insert((row.action, row.short)))
        .filter_map(|row| {
            hints::hint(row, world, view)
                .filter(|word| !word.is_empty())
                .map(|word| (row.chord.word(), word))
        })
        .collect()
}

/// While a store is on show, what is lost comes first and the leader's death beside any other: the table's order is
/// for labs in which nobody leads.
const fn rank(action: Action) -> u8 {
    match action {
        Action::NextBeat | Action::Flip | Action::Fire => 0,
        Action::Losses => 1,
        Action::Kill => 2,
        Action::KillLeader => 3,
        _ => 4,
    }
}

/// Draws as many keys as fit; `?` always has its place.
pub fn draw(canvas: &mut Canvas<'_>, area: Rect, world: &World, view: &View) {
    if area.is_empty() {
        return;
    }
    let mut entries = entries(world, view);
    let help = entries
        .iter()
        .position(|entry| entry.0 == view.key(Action::Help))
        .map(|at| entries.remove(at));
    let reserved = help.as_ref().map_or(0, |help| width(&help.0) + width(&help.1) + 3);
    let (mut x, mut y) = (area.x + 1, area.y);
    for (key, word) in entries {
        let columns = width(&key) + 1 + width(&word);
        let last = y + 1 == area.bottom();
        let end = area.right().saturating_sub(if last { reserved + 1 } else { 0 });
        if x + columns > end {
            // A shorter one may still have room.
            if last {
                continue;
            }
            (x, y) = (area.x + 1, y + 1);
        }
        x = draw_key(canvas, x, y, area.right(), &key, &word) + 2;
    }
    if let Some((key, word)) = help {
        let x = area.right().saturating_sub(reserved);
        draw_key(canvas, x, area.bottom() - 1, area.right(), &key, &word);
    }
}

fn draw_key(canvas: &mut Canvas<'_>, x: u16, y: u16, right: u16, key: &str, word: &str) -> u16 {
    let row = Row::new()
        .with(key, canvas.theme.selected())
        .with(format!(" {word}"), canvas.ink(Ink::Text));
    canvas.row(x, y, right.saturating_sub(x), &row)
}
