//! How often what time was taken: columns on a logarithmic axis, and one column a share of the newest questions. Block
//! characters of eight heights; with ASCII eight signs that grow denser.

use super::paint::{Canvas, width};
use super::theme::Ink;
use ratatui::layout::Rect;
use std::time::Duration;

/// Heights of a cell, from an eighth to the whole.
const BLOCKS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/// A logarithmic axis of times over so many columns, from one round figure to another.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LogAxis {
    low_ms: f64,
    high_ms: f64,
    columns: u16,
}

impl LogAxis {
    /// An axis on which all times from the shortest to the longest have a place.
    #[must_use]
    pub fn over(shortest: Duration, longest: Duration, columns: u16) -> Self {
        let ms = |time: Duration| (time.as_secs_f64() * 1e3).max(1e-3);
        let (short, long) = (ms(shortest), ms(longest).max(ms(shortest)));
        let mark = |at: i32| 10_f64.powi(at.div_euclid(2)) * [1.0, 3.0][at.rem_euclid(2) as usize];
        // From a microsecond to a day and more.
        let low = (-6..=20).rev().find(|at| mark(*at) <= short).unwrap_or(-6);
        let high = (-6..=20).find(|at| mark(*at) >= long).unwrap_or(20).max(low + 2);
        Self { low_ms: mark(low), high_ms: mark(high), columns }
    }

    /// Where each column but the last ends.
    #[must_use]
    pub fn edges(&self) -> Vec<Duration> {
        let columns = f64::from(self.columns.max(1));
        let ratio = self.high_ms / self.low_ms;
        let end = |column: u16| self.low_ms * ratio.powf(f64::from(column) / columns) / 1e3;
        (1..self.columns).map(|column| Duration::from_secs_f64(end(column))).collect()
    }

    /// How far along the axis a time is, from 0 to 1.
    fn share(&self, time: Duration) -> f64 {
        let ms = (time.as_secs_f64() * 1e3).max(1e-6);
        ((ms / self.low_ms).ln() / (self.high_ms / self.low_ms).ln()).clamp(0.0, 1.0)
    }

    /// The column of a time.
    #[must_use]
    pub fn column(&self, time: Duration) -> u16 {
        let at = (self.share(time) * f64::from(self.columns)).floor() as u16;
        at.min(self.columns.saturating_sub(1))
    }

    /// Draws the round figures where they are, as many as have room, under columns of this width.
    pub fn draw(&self, canvas: &mut Canvas<'_>, x: u16, y: u16, wide: u16) {
        let columns = self.columns * wide;
        let style = canvas.ink(Ink::Muted);
        let mut free = 0;
        for at in -6..=20 {
            let ms = 10_f64.powi(i32::div_euclid(at, 2)) * [1.0, 3.0][at.rem_euclid(2) as usize];
            if ms < self.low_ms * 0.999 || ms > self.high_ms * 1.001 {
                continue;
            }
            let word = mark_word(ms);
            let time = Duration::from_secs_f64(ms / 1e3);
            let wide = width(&word);
            let most = columns.saturating_sub(wide);
            let column = (self.share(time) * f64::from(columns)).round() as u16;
            if column.min(most) < free {
                continue;
            }
            canvas.text(x + column.min(most), y, wide, &word, style);
            free = column.min(most) + wide + 1;
        }
    }
}

fn mark_word(ms: f64) -> String {
    if ms >= 999.0 {
        format!("{:.0} s", ms / 1e3)
    } else if ms >= 0.999 {
        format!("{ms:.0} ms")
    } else {
        format!("{:.0} µs", ms * 1e3)
    }
}

/// Draws a column of this width for each count; the largest share there is, of this and whatever it is compared with,
/// fills the rows. What is there at all is seen.
pub fn columns(
    canvas: &mut Canvas<'_>,
    area: Rect,
    wide: u16,
    counts: &[u64],
    most: f64,
    ink: impl Fn(u16) -> Ink,
) {
    let total = counts.iter().sum::<u64>().max(1) as f64;
    for (count, column) in counts.iter().zip(0..area.width / wide.max(1)) {
        if *count == 0 || area.height == 0 {
            continue;
        }
        let share = *count as f64 / total / most.max(1e-9);
        let whole = f64::from(area.height) * 8.0;
        let mut eighths = ((share * whole).round() as u16).clamp(1, area.height * 8);
        let style = canvas.ink(ink(column));
        for y in (area.y..area.bottom()).rev() {
            let here = eighths.min(8);
            if here == 0 {
                break;
            }
            for x in 0..wide {
                let x = area.x + column * wide + x;
                canvas.glyph(x, y, BLOCKS[usize::from(here) - 1], style);
            }
            eighths -= here;
        }
    }
}

/// What a column of a sparkline stands for.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Spark {
    /// The slowest took so long that it fills this share of the height.
    Took(f64),
    /// One of them had no answer.
    Failed,
}

/// Draws one row of columns, oldest first.
pub fn sparkline(canvas: &mut Canvas<'_>, x: u16, y: u16, sparks: &[Spark]) {
    for (spark, column) in sparks.iter().zip(0..) {
        match spark {
            Spark::Took(share) => {
                let block = ((share * 8.0).ceil() as usize).clamp(1, 8);
                let ink = if block > 6 { Ink::Slow } else { Ink::Message };
                canvas.glyph(x + column, y, BLOCKS[block - 1], canvas.ink(ink));
            }
            Spark::Failed => canvas.glyph(x + column, y, '✕', canvas.ink(Ink::Bad)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: fn(u64) -> Duration = Duration::from_millis;

    #[test]
    fn the_axis_begins_and_ends_at_round_figures_and_has_a_column_for_every_time() {
        let axis = LogAxis::over(MS(12), MS(1031), 40);
        assert_eq!((axis.low_ms, axis.high_ms), (10.0, 3000.0));
        let edges = axis.edges();
        assert_eq!(edges.len(), 39);
        for ms in [10, 12, 30, 71, 100, 400, 1000, 1031, 2999] {
            let column = usize::from(axis.column(MS(ms)));
            // The edges and the column say the same.
            let by_edges = edges.partition_point(|edge| *edge < MS(ms));
            assert!(column.abs_diff(by_edges) <= 1, "{ms}: {column} {by_edges}");
        }
        assert!(axis.column(MS(12)) < axis.column(MS(71)));
        assert_eq!((axis.column(MS(1)), axis.column(MS(99_000))), (0, 39));
    }

    #[test]
    fn any_times_and_any_width_are_taken() {
        let times = [Duration::ZERO, Duration::from_nanos(1), MS(5), Duration::from_secs(86_400)];
        for columns in [0, 1, 2, 40] {
            for short in times {
                for long in times {
                    let axis = LogAxis::over(short, long, columns);
                    assert!(axis.low_ms < axis.high_ms, "{axis:?}");
                    assert!(axis.column(long) < columns.max(1));
                    assert_eq!(axis.edges().len(), usize::from(columns.saturating_sub(1)));
                }
            }
        }
    }
}
