//! A strip that sweeps: time has fixed columns, a cursor walks over them, and what it wrote stays until it comes by
//! again, as on an ECG. A frame then changes two columns of it, and not all of them.

use super::super::paint::Canvas;
use super::super::theme::Ink;
use crate::base::LabTime;
use std::time::Duration;

/// Columns behind the cursor that are blank, so that the newest is seen to be the newest.
const BLANK: u64 = 2;

/// How time lies on the columns of a strip.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sweep {
    columns: u16,
    span_nanos: u64,
    /// The slot of the present moment, counted from the lab's start.
    slot: u64,
}

impl Sweep {
    /// A strip of so many columns, each for a span of time.
    pub fn new(columns: u16, span: Duration, now: LabTime) -> Self {
        let span_nanos = u64::try_from(span.as_nanos()).unwrap_or(u64::MAX).max(1);
        Self { columns: columns.max(1), span_nanos, slot: now.nanos() / span_nanos }
    }

    /// The column of a moment; none for one that is too long ago, or yet to come.
    pub fn column(&self, at: LabTime) -> Option<u16> {
        let slot = at.nanos() / self.span_nanos;
        let age = self.slot.checked_sub(slot)?;
        let shown = age + BLANK < u64::from(self.columns);
        shown.then_some((slot % u64::from(self.columns)) as u16)
    }

    /// The column of the present moment.
    pub fn cursor(&self) -> u16 {
        (self.slot % u64::from(self.columns)) as u16
    }

    /// The moments at the middle of each column that shows something, oldest first.
    pub fn moments(&self) -> impl Iterator<Item = LabTime> + use<> {
        let reach = u64::from(self.columns).saturating_sub(BLANK);
        let first = (self.slot + 1).saturating_sub(reach);
        let span = self.span_nanos;
        (first..=self.slot)
            .map(move |slot| LabTime::ZERO + Duration::from_nanos(slot * span + span / 2))
    }

    /// Draws the cursor.
    pub fn draw_cursor(&self, canvas: &mut Canvas<'_>, x: u16, y: u16) {
        canvas.glyph(x + self.cursor(), y, '▌', canvas.ink(Ink::Focus));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_written_stays_where_it_is_until_the_cursor_comes_by_again() {
        let span = Duration::from_millis(100);
        let at = LabTime::from_millis(1250);
        let columns: Vec<Option<u16>> = [1250, 1300, 1900, 2000, 2100, 2300]
            .map(|now| Sweep::new(10, span, LabTime::from_millis(now)).column(at))
            .into();
        assert_eq!(columns, [Some(2), Some(2), Some(2), None, None, None]);
        let before = Sweep::new(10, span, LabTime::from_millis(1200));
        assert_eq!(before.column(LabTime::from_millis(1300)), None, "it is yet to come");
    }

    #[test]
    fn from_one_column_to_the_next_two_columns_change() {
        let span = Duration::from_millis(100);
        let shown = |now: u64| -> Vec<u16> {
            let sweep = Sweep::new(40, span, LabTime::from_millis(now));
            (0..400).filter_map(|at| sweep.column(LabTime::from_millis(at * 100))).collect()
        };
        let (before, after) = (shown(20_000), shown(20_100));
        let changed = (0..40).filter(|at| before.contains(at) != after.contains(at)).count();
        assert_eq!(changed, 2, "{before:?} {after:?}");
    }
}
