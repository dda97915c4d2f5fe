//! The frames on one direction of a link, in the order of their numbers.

use super::link::Mark;
use crate::base::FrameId;
use std::collections::VecDeque;

/// Frames on one direction, the oldest first. Numbers grow as frames are sent, so a new one goes to the end, and the
/// one that arrives is mostly the first.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Marks(VecDeque<Mark>);

impl Marks {
    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn place(&self, frame: FrameId) -> Result<usize, usize> {
        self.0.binary_search_by_key(&frame, |mark| mark.frame)
    }

    /// The mark of a frame.
    #[must_use]
    pub fn get(&self, frame: FrameId) -> Option<&Mark> {
        self.0.get(self.place(frame).ok()?)
    }

    /// The marks, the oldest first.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &Mark> {
        self.0.iter()
    }

    /// The same, to be changed; the number of a frame stays.
    pub(super) fn get_mut(&mut self, frame: FrameId) -> Option<&mut Mark> {
        let place = self.place(frame).ok()?;
        self.0.get_mut(place)
    }

    /// Puts a mark where its number belongs, in place of one with the same number.
    pub fn insert(&mut self, mark: Mark) {
        if self.0.back().is_none_or(|last| last.frame < mark.frame) {
            return self.0.push_back(mark);
        }
        match self.place(mark.frame) {
            Ok(place) => self.0[place] = mark,
            Err(place) => self.0.insert(place, mark),
        }
    }

    /// Takes a frame away, if it is there.
    pub(super) fn remove(&mut self, frame: FrameId) {
        if let Ok(place) = self.place(frame) {
            self.0.remove(place);
        }
    }

    /// Takes the oldest away.
    pub(super) fn pop_first(&mut self) {
        self.0.pop_front();
    }

    /// Keeps those of which this is true.
    pub(super) fn retain(&mut self, keep: impl FnMut(&Mark) -> bool) {
        self.0.retain(keep);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::LabTime;
    use crate::message::Message;
    use crate::world::MarkState;
    use std::sync::Arc;

    fn mark(number: u64, sent: u64) -> Mark {
        let (frame, sent) = (FrameId(number), LabTime(sent));
        let message = Arc::new(Message::End);
        Mark { frame, sent, due: sent, state: MarkState::Travelling, race: None, message }
    }

    #[test]
    fn frames_stand_by_their_numbers_however_they_come() {
        let mut marks = Marks::default();
        for number in [3, 5, 9, 4, 1] {
            marks.insert(mark(number, 0));
        }
        marks.insert(mark(5, 7));
        let numbers = |marks: &Marks| marks.iter().map(|mark| mark.frame.0).collect::<Vec<_>>();
        assert_eq!(numbers(&marks), [1, 3, 4, 5, 9]);
        assert_eq!(marks.get(FrameId(5)).map(|mark| mark.sent.0), Some(7));
        marks.remove(FrameId(4));
        marks.remove(FrameId(8));
        marks.pop_first();
        assert_eq!(numbers(&marks), [3, 5, 9]);
        assert!(marks.get(FrameId(4)).is_none() && marks.get_mut(FrameId(9)).is_some());
    }
}
