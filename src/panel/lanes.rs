//! Lanes on one time axis: who did what from when to when, each with its result at the end.

use super::axis::Axis;
use super::paint::{Canvas, Row, width};
use super::theme::Ink;
use ratatui::layout::Rect;

/// One row of the chart. Times are milliseconds from its origin.
#[derive(Debug, Clone)]
pub struct Bar {
    /// Whose row.
    pub label: String,
    /// Before this it had not begun.
    pub from: Option<f64>,
    /// Where it ends.
    pub to: f64,
    /// What it is drawn with.
    pub glyph: char,
    /// What stands at its end.
    pub end: char,
    /// Its colour.
    pub ink: Ink,
    /// What came of it, right of the axis.
    pub result: Row,
}

impl Bar {
    /// A row of words between bars, over axis and results.
    pub fn words(label: String, ink: Ink, words: Row) -> Self {
        Self { label, from: None, to: 0.0, glyph: WORDS, end: ' ', ink, result: words }
    }

    fn is_words(&self) -> bool {
        self.glyph == WORDS
    }
}

/// What a row of words is drawn with: nothing.
const WORDS: char = ' ';

/// Columns that the labels take, and the space behind them, where this is the longest.
pub fn label_columns(longest: Option<u16>) -> u16 {
    longest.unwrap_or(4).clamp(4, 12) + 1
}

/// Draws the rows below their scale, where there is room for it, and gives how many rows that took.
pub fn draw(canvas: &mut Canvas<'_>, area: Rect, bars: &[Bar], roomy: bool) -> u16 {
    let labels = label_columns(bars.iter().map(|bar| width(&bar.label)).max());
    // What came of it is rather read whole than measured: the axis gives way, down to a quarter.
    let most = area.width.saturating_sub(labels + 2) * 3 / 4;
    let results = bars.iter().filter(|bar| !bar.is_words()).map(|bar| bar.result.width());
    let results = results.max().unwrap_or(0).min(most);
    let columns = area.width.saturating_sub(labels + results + 2);
    let mut times: Vec<f64> = bars.iter().map(|bar| bar.to).collect();
    times.extend(bars.iter().filter_map(|bar| bar.from));
    let axis = Axis::new(&times, columns);
    let mut y = area.y;
    let x = area.x + labels;
    if area.height > bars.len() as u16 {
        draw_scale(canvas, x, y, &axis, columns);
        y += 1;
    }
    for (at, bar) in bars.iter().enumerate() {
        if y >= area.bottom() {
            break;
        }
        let words = bar.is_words();
        let label = canvas.ink(if words { bar.ink } else { Ink::Strong });
        canvas.text(area.x, y, labels - 1, &bar.label, label);
        draw_bar(canvas, x, y, &axis, bar);
        let result = if words { x } else { x + columns + 1 };
        canvas.row(result, y, area.right().saturating_sub(result), &bar.result);
        y += 1;
        if roomy && at + 1 < bars.len() {
            y += 1;
        }
    }
    y - area.y
}

fn draw_scale(canvas: &mut Canvas<'_>, x: u16, y: u16, axis: &Axis, columns: u16) {
    let style = canvas.ink(Ink::Muted);
    let labels = axis.labels();
    let Some((last, others)) = labels.split_last() else { return };
    // The last label has the unit: it always has its place, and the others what is left.
    let end = last.0.min(columns.saturating_sub(width(&last.1)));
    canvas.text(x + end, y, columns.saturating_sub(end), &last.1, style);
    let mut free = 0;
    for (column, word) in others {
        let wide = width(word);
        if *column >= free && column + wide < end {
            canvas.text(x + column, y, wide, word, style);
            free = column + wide + 1;
        }
    }
}

fn draw_bar(canvas: &mut Canvas<'_>, x: u16, y: u16, axis: &Axis, bar: &Bar) {
    let style = canvas.ink(bar.ink);
    let Some(from) = bar.from else { return };
    let (start, end) = (axis.column(from), axis.column(bar.to));
    for column in 0..start {
        canvas.glyph(x + column, y, '·', canvas.ink(Ink::Frame));
    }
    for column in start..end {
        canvas.glyph(x + column, y, bar.glyph, style);
    }
    canvas.glyph(x + end, y, bar.end, style);
    if let Some((first, after)) = axis.broken_at() {
        for column in first..after.min(end.max(first)) {
            canvas.glyph(x + column, y, '╱', canvas.ink(Ink::Muted));
        }
    }
}
