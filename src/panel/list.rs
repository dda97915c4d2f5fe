//! A window onto a list that grows at its newest end: it follows, or a line is picked, and then that line and the
//! window stay where they are. Lines are counted from the newest; nothing here knows what they say.

/// Where a growing list is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Window {
    /// The line that is picked; without one the newest is followed.
    picked: Option<usize>,
    /// Newer lines below the window.
    below: usize,
    /// Lines that came since the list is no longer followed.
    new: usize,
}

impl Window {
    /// The picked line of so many, if one is.
    #[must_use]
    pub fn picked(&self, count: usize) -> Option<usize> {
        self.picked.filter(|_| count > 0).map(|at| at.min(count - 1))
    }

    /// How many lines came since the list is no longer followed.
    #[must_use]
    pub fn new_lines(&self) -> usize {
        self.new
    }

    /// Newer lines that are left out below the window. The picked line is always in it.
    #[must_use]
    pub fn below(&self, count: usize, rows: usize) -> usize {
        let Some(at) = self.picked(count) else { return 0 };
        let least = (at + 1).saturating_sub(rows.max(1));
        self.below.clamp(least, at).min(count.saturating_sub(rows)).max(least)
    }

    /// A line came.
    pub fn grew(&mut self) {
        if let Some(at) = &mut self.picked {
            *at += 1;
            self.below += 1;
            self.new += 1;
        }
    }

    /// Follows the newest line again.
    pub fn follow(&mut self) {
        *self = Self::default();
    }

    /// Picks this line, counted from the newest.
    pub fn pick(&mut self, at: usize, count: usize, rows: usize) {
        if count > 0 {
            self.picked = Some(at.min(count - 1));
            self.below = self.below(count, rows);
        }
    }

    /// Moves the pick by so many lines towards the older ones; past the newest, the list is followed again.
    pub fn step(&mut self, by: isize, count: usize, rows: usize) {
        let to = match (self.picked(count), by > 0) {
            (Some(at), true) => at.saturating_add(by.unsigned_abs()),
            (None, true) => by.unsigned_abs() - 1,
            (Some(at), false) if at >= by.unsigned_abs() => at - by.unsigned_abs(),
            _ => return self.follow(),
        };
        if count == 0 {
            return self.follow();
        }
        self.picked = Some(to.min(count - 1));
        self.below = self.below(count, rows);
    }
}

/// The first row in sight of a list with a marked row: the mark is in the middle where the list goes on at both ends.
/// It depends on nothing but the present, so that drawing needs no memory.
#[must_use]
pub fn top(marked: usize, visible: usize, count: usize) -> usize {
    marked.saturating_sub(visible / 2).min(count.saturating_sub(visible))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROWS: usize = 5;

    #[test]
    fn a_picked_line_stays_where_it_is_while_others_come() {
        let (mut window, mut count) = (Window::default(), 20);
        window.step(3, count, ROWS);
        let before = (window.picked(count), window.below(count, ROWS));
        assert_eq!(before, (Some(2), 0));
        for _ in 0..7 {
            window.grew();
            count += 1;
        }
        assert_eq!((window.picked(count), window.below(count, ROWS)), (Some(9), 7));
        assert_eq!(window.new_lines(), 7);
        window.step(-10, count, ROWS);
        assert_eq!((window.picked(count), window.new_lines()), (None, 0), "followed again");
    }

    #[test]
    fn the_picked_line_is_always_in_sight() {
        for count in [0, 1, 3, 5, 6, 40] {
            for rows in [0, 1, 2, 5, 50] {
                let mut window = Window::default();
                for by in [1, 1, 9, -3, 100, -1, -98, 2, isize::MAX, -5, isize::MIN, -1, 4] {
                    window.step(by, count, rows);
                    let below = window.below(count, rows);
                    let Some(at) = window.picked(count) else {
                        assert_eq!(below, 0);
                        continue;
                    };
                    let seen = below..below + rows.max(1);
                    assert!(seen.contains(&at), "{at} in {seen:?} of {count}");
                    assert!(at < count && below <= count.saturating_sub(rows.max(1)));
                }
            }
        }
    }

    #[test]
    fn the_marked_row_is_always_in_sight() {
        for count in 0..30 {
            for visible in 1..12 {
                for marked in 0..count {
                    let top = top(marked, visible, count);
                    assert!(top <= marked && marked < top + visible, "{marked} of {count}");
                    assert!(top + visible <= count.max(visible), "no empty rows at the end");
                }
            }
        }
    }
}
