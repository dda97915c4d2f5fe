//! The page behind `?`: the keys that are valid here, and nothing else.

use super::hints;
use super::keymap::{self, Binding, TABLE};
use super::paint::{Canvas, Row};
use super::theme::{Ink, Theme};
use super::view::View;
use crate::world::World;
use ratatui::layout::Rect;

/// Columns that one column of keys wants.
const COLUMN: u16 = 58;

/// A line for each thing that can be done on the panel that has the focus.
fn lines(theme: Theme, world: &World, view: &View) -> Vec<Row> {
    let here = keymap::contexts_of_panels(view);
    let reachable = |row: &&Binding| keymap::action_in(row.chord, &here) == Some(row.action);
    let mut rows: Vec<Row> = Vec::new();
    let mut done: Vec<&str> = Vec::new();
    for row in TABLE.iter().filter(|row| here.contains(&row.context)).filter(reachable) {
        let Some(word) = hints::hint(row, world, view) else { continue };
        // Several keys for one thing share a line.
        if done.contains(&row.help) {
            continue;
        }
        done.push(row.help);
        let keys: Vec<String> = TABLE
            .iter()
            .filter(|other| here.contains(&other.context) && other.help == row.help)
            .filter(reachable)
            .map(|other| other.chord.word())
            .collect();
        let mut line = Row::new()
            .with(format!(" {:<10}", keys.join(" ")), theme.ink(Ink::Focus))
            .with(row.help, theme.ink(Ink::Text));
        if row.short.contains('%') {
            line.push(format!("  ({word})"), theme.ink(Ink::Muted));
        }
        rows.push(line);
    }
    rows
}

fn columns(area: Rect) -> u16 {
    (area.width / COLUMN).max(1)
}

/// Rows of the longest column that do not fit: so far it can be scrolled.
#[must_use]
pub fn rows_beyond(area: Rect, world: &World, view: &View) -> usize {
    // How it looks does not change how long it is.
    let count = lines(Theme::mono(true), world, view).len();
    count.div_ceil(usize::from(columns(area))).saturating_sub(usize::from(area.height))
}

/// Draws the keys in columns, scrolled down by the view's rows.
pub fn draw(canvas: &mut Canvas<'_>, area: Rect, world: &World, view: &View) {
    let rows = lines(*canvas.theme, world, view);
    let columns = columns(area);
    let per_column = rows.len().div_ceil(usize::from(columns));
    let visible = usize::from(area.height);
    let skip = view.down.min(per_column.saturating_sub(visible));
    let wide = area.width / columns;
    for (column, chunk) in rows.chunks(per_column.max(1)).enumerate() {
        let x = area.x + column as u16 * wide;
        for (row, y) in chunk.iter().skip(skip).zip(area.y..area.bottom()) {
            canvas.row(x, y, wide.saturating_sub(1), row);
        }
    }
    if skip + visible < per_column && area.height > 0 {
        canvas.right(area.right(), area.bottom() - 1, 10, " ↓ more ", canvas.ink(Ink::Slow));
    }
}
