//! A list of which old copies share what did not change: checkpoints of a fold clone it, and pay for pointers only.

use std::collections::VecDeque;
use std::sync::Arc;

/// Values in one page: what one write after a clone copies.
const PAGE: u64 = 64;

/// Values by a number that mostly counts up. The oldest pages go when there are too many.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Pages<T> {
    /// The number of the oldest page that is kept.
    first: u64,
    list: VecDeque<Arc<Vec<T>>>,
    most: usize,
}

impl<T: Clone + Default> Pages<T> {
    /// A list that keeps at least this many of its newest values.
    pub fn new(keep: usize) -> Self {
        Self { first: 0, list: VecDeque::new(), most: keep.div_ceil(PAGE as usize) + 1 }
    }

    /// The value at a place; none before the oldest and beyond the end.
    pub fn get(&self, at: u64) -> Option<&T> {
        let page = (at / PAGE).checked_sub(self.first)?;
        self.list.get(usize::try_from(page).ok()?)?.get((at % PAGE) as usize)
    }

    /// The same, to be changed.
    pub fn get_mut(&mut self, at: u64) -> Option<&mut T> {
        let page = (at / PAGE).checked_sub(self.first)?;
        let page = self.list.get_mut(usize::try_from(page).ok()?)?;
        Arc::make_mut(page).get_mut((at % PAGE) as usize)
    }

    /// Puts a value at a place. A place far beyond the end begins a new list there, and one before the oldest is
    /// left alone: numbers come from recordings, which may say anything.
    pub fn set(&mut self, at: u64, value: T) {
        let page = at / PAGE;
        let end = self.first + self.list.len() as u64;
        if self.list.is_empty() || page >= end.saturating_add(self.most as u64) {
            self.list.clear();
            self.first = page;
        } else if page < self.first {
            return;
        }
        while self.first + self.list.len() as u64 <= page {
            self.list.push_back(Arc::new(vec![T::default(); PAGE as usize]));
            if self.list.len() > self.most {
                self.list.pop_front();
                self.first += 1;
            }
        }
        if let Some(kept) = self.get_mut(at) {
            *kept = value;
        }
    }

    /// The first place that is still kept.
    pub fn oldest(&self) -> u64 {
        self.first * PAGE
    }

    /// Forgets the pages that lie wholly at or beyond a place.
    pub fn cut(&mut self, end: u64) {
        let keep = end.div_ceil(PAGE).saturating_sub(self.first);
        self.list.truncate(usize::try_from(keep).unwrap_or(usize::MAX));
        if self.list.is_empty() {
            self.first = end / PAGE;
        }
    }

    pub fn clear(&mut self) {
        self.list.clear();
        self.first = 0;
    }

    /// What a clone copies, in bytes.
    pub fn weight(&self) -> usize {
        self.list.len() * size_of::<usize>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_are_kept_and_the_oldest_go() {
        let mut pages = Pages::new(1000);
        for at in 0..100_000u64 {
            pages.set(at, at);
        }
        assert_eq!(pages.get(99_999), Some(&99_999));
        assert_eq!(pages.get(99_000), Some(&99_000));
        assert_eq!(pages.get(90_000), None);
        assert!(pages.oldest() > 98_000);
    }

    #[test]
    fn numbers_from_nowhere_cost_no_memory() {
        let mut pages = Pages::new(1000);
        for at in [1, u64::MAX, 5, u64::MAX - 1, 7] {
            pages.set(at, at);
            assert!(pages.list.len() <= pages.most);
        }
        assert_eq!(pages.get(u64::MAX), Some(&u64::MAX));
    }

    #[test]
    fn what_is_cut_is_gone_and_the_list_goes_on_there() {
        let mut pages = Pages::new(1000);
        (0..300u64).for_each(|at| pages.set(at, at + 1));
        pages.cut(130);
        assert_eq!(pages.get(129), Some(&130));
        assert_eq!(pages.get(200), None);
        pages.set(130, 9);
        assert_eq!(pages.get(130), Some(&9));
        pages.cut(0);
        assert_eq!(pages.get(0), None);
    }
}
