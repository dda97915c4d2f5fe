//! The page behind `?`: the keys that are valid here, and nothing else.

use super::hints;
use super::keymap::{Context, TABLE};
use super::paint::{Canvas, Row};
use super::theme::Ink;
use super::view::View;
use crate::world::World;
use ratatui::layout::Rect;

/// Draws the keys of the panel that has the focus, in columns, scrolled down by the view's rows.
pub fn draw(canvas: &mut Canvas<'_>, area: Rect, world: &World, view: &View) {
    let here = [Context::On(view.focus), Context::Panels, Context::Everywhere];
    let mut rows: Vec<Row> = Vec::new();
    let mut done: Vec<&str> = Vec::new();
    for row in TABLE.iter().filter(|row| here.contains(&row.context)) {
        let Some(word) = hints::hint(row, world, view) else { continue };
        // Several keys for one thing share a line.
        if done.contains(&row.help) {
            continue;
        }
        done.push(row.help);
        let keys: Vec<String> = TABLE
            .iter()
            .filter(|other| here.contains(&other.context) && other.help == row.help)
            .map(|other| other.chord.word())
            .collect();
        let mut line = Row::new()
            .with(format!(" {:<10}", keys.join(" ")), canvas.ink(Ink::Focus))
            .with(row.help, canvas.ink(Ink::Text));
        if row.short.contains('%') {
            line.push(format!("  ({word})"), canvas.ink(Ink::Muted));
        }
        rows.push(line);
    }
    let columns = (area.width / 58).max(1);
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
