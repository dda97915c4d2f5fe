//! A time axis over so many columns, broken where 71 ms and 5 s must both be seen.

/// From times to columns.
#[derive(Debug, Clone, PartialEq)]
pub struct Axis {
    columns: u16,
    left_ms: f64,
    left_columns: u16,
    /// Where the right part begins in time; none where the axis is whole.
    right_from_ms: Option<f64>,
    end_ms: f64,
}

/// Times further apart than this factor are shown on a broken axis.
const BREAK_FACTOR: f64 = 6.0;
/// Columns of the break itself.
const BREAK_COLUMNS: u16 = 2;

impl Axis {
    /// An axis on which all these times (milliseconds from its origin) can be told apart.
    #[must_use]
    pub fn new(times_ms: &[f64], columns: u16) -> Self {
        let mut times: Vec<f64> =
            times_ms.iter().copied().filter(|ms| ms.is_finite() && *ms > 0.0).collect();
        times.sort_by(f64::total_cmp);
        let end = times.last().copied().unwrap_or(0.0).max(1.0);
        let gap = times
            .windows(2)
            .filter(|pair| {
                pair[1] > BREAK_FACTOR * pair[0].max(1.0) && pair[1] - pair[0] > 0.5 * end
            })
            .map(|pair| (pair[0], pair[1]))
            .next_back();
        match gap {
            Some((before, after)) if columns >= 16 => {
                let left_ms = nice(before.max(1.0) * 1.1);
                let right = columns / 3;
                let span = ((end - after) * 1.2).max(left_ms * 0.2);
                Self {
                    columns,
                    left_ms,
                    left_columns: columns - right - BREAK_COLUMNS,
                    right_from_ms: Some((end - span).max(left_ms)),
                    end_ms: end,
                }
            }
            _ => Self {
                columns,
                left_ms: nice(end),
                left_columns: columns,
                right_from_ms: None,
                end_ms: nice(end),
            },
        }
    }

    /// The column of a time, from 0 to the number of columns less one.
    #[must_use]
    pub fn column(&self, ms: f64) -> u16 {
        let last = f64::from(self.columns.saturating_sub(1));
        let left_last = f64::from(self.left_columns.saturating_sub(1));
        let at = match self.right_from_ms {
            Some(from) if ms >= from => {
                let start = f64::from(self.left_columns + BREAK_COLUMNS);
                let share = (ms - from) / (self.end_ms - from).max(1e-9);
                start + share * (last - start)
            }
            Some(_) => (ms / self.left_ms * left_last).min(left_last),
            None => ms / self.left_ms * last,
        };
        at.clamp(0.0, last).round() as u16
    }

    /// The columns where the axis is broken.
    #[must_use]
    pub fn broken_at(&self) -> Option<(u16, u16)> {
        let at = self.left_columns;
        self.right_from_ms.map(|_| (at, at + BREAK_COLUMNS))
    }

    /// What stands above the axis: columns and words, the last with its unit. The axis is divided into as many equal
    /// parts as have room and round figures.
    #[must_use]
    pub fn labels(&self) -> Vec<(u16, String)> {
        let unit = if self.left_ms >= 2000.0 { " s" } else { " ms" };
        let word = |part: u8, parts: u8| {
            let figure = plain(self.left_ms * f64::from(part) / f64::from(parts), self.left_ms);
            if part == parts { figure + unit } else { figure }
        };
        let room = if self.right_from_ms.is_some() { self.left_columns } else { self.columns };
        let fits = |parts: u8| {
            let wide = |part: u8| word(part, parts).chars().count() as f64;
            let gap = f64::from(room.saturating_sub(1)) / f64::from(parts);
            // The last word ends where the axis does; the others begin at their time.
            let before_last = gap * f64::from(parts - 1) + wide(parts - 1) + 1.0;
            let others = (0..parts).all(|part| wide(part) < gap);
            others && before_last <= f64::from(room) - wide(parts)
        };
        let round = |parts: u8| {
            let step = self.left_ms / f64::from(parts);
            let scale = if self.left_ms >= 2000.0 { 100.0 } else { 1.0 };
            (step / scale - (step / scale).round()).abs() < 1e-6
        };
        let parts = [5, 4, 3, 2].into_iter().find(|parts| round(*parts) && fits(*parts));
        let parts = parts.unwrap_or(1);
        let mut labels: Vec<(u16, String)> = (0..=parts)
            .map(|part| {
                let at = self.left_ms * f64::from(part) / f64::from(parts);
                (self.column(at.min(self.left_ms * 0.999_999)), word(part, parts))
            })
            .collect();
        if self.right_from_ms.is_some() {
            let word = if self.end_ms >= 2000.0 {
                format!("{} s", plain(self.end_ms, self.end_ms))
            } else {
                format!("{:.0} ms", self.end_ms)
            };
            labels.push((self.columns.saturating_sub(1), word));
        }
        labels
    }
}

/// A figure on a scale that ends at `end_ms`: seconds from 2 s on, else milliseconds.
fn plain(ms: f64, end_ms: f64) -> String {
    let (value, tenths) = if end_ms >= 2000.0 { (ms / 1000.0, true) } else { (ms, end_ms < 5.0) };
    let text = if tenths { format!("{value:.1}") } else { format!("{value:.0}") };
    text.strip_suffix(".0").map_or(text.clone(), str::to_owned)
}

/// The next round figure that is not smaller.
fn nice(value: f64) -> f64 {
    let value = value.max(0.1);
    let base = 10f64.powf(value.log10().floor());
    let steps = [1.0, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0];
    steps
        .into_iter()
        .map(|step| step * base)
        .find(|it| *it >= value * 0.9999)
        .unwrap_or(10.0 * base)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_of_one_size_share_a_whole_axis() {
        let axis = Axis::new(&[31.0, 71.0, 140.0], 40);
        assert_eq!(axis.broken_at(), None);
        assert!(axis.column(31.0) < axis.column(71.0) && axis.column(71.0) < axis.column(140.0));
        assert_eq!(axis.column(0.0), 0);
        assert!(axis.column(150.0) <= 39);
        assert_eq!(axis.labels().first().map(|label| label.1.as_str()), Some("0"));
        assert!(axis.labels().last().is_some_and(|label| label.1.ends_with(" ms")));
    }

    #[test]
    fn seventy_milliseconds_and_five_seconds_are_both_seen() {
        let axis = Axis::new(&[40.0, 71.0, 5003.0], 36);
        let (from, to) = axis.broken_at().expect("such times break the axis");
        assert!(axis.column(71.0) > axis.column(40.0) + 3);
        assert!(axis.column(71.0) < from && axis.column(5003.0) >= to);
        assert_eq!(axis.column(5003.0), 35);
        assert_eq!(axis.labels().last().map(|label| label.1.as_str()), Some("5 s"));
    }

    #[test]
    fn any_times_and_any_width_are_taken() {
        for columns in 0..60 {
            for times in [&[][..], &[0.0], &[f64::NAN, 1e18], &[1e-9, 1.0, 1e9], &[5.0, 5.0]] {
                let axis = Axis::new(times, columns);
                for ms in [0.0, 1.0, 77.0, 1e12] {
                    assert!(axis.column(ms) < columns.max(1));
                }
                assert!(axis.labels().len() < 20);
            }
        }
    }
}
