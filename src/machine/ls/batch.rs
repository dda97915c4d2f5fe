//! The batch window: names are gathered in a master list, all upstreams are asked for each at once, and when the window
//! closes everybody is told; whatever has no address then is missing.

use super::Ls;
use super::question::Question;
use crate::base::{LabTime, QuestionNo};
use crate::machine::timers::Timer;
use crate::machine::{Effect, Effects};
use crate::message::{Flaw, Note, Why};

/// Questions in one window: a class of a hundred with a list of a hundred names each.
const NAMES_MAX: usize = 10_000;

/// An open window.
#[derive(Debug)]
pub(super) struct Window {
    no: u64,
    /// When it closes at the latest.
    pub closes: LabTime,
    /// The master list, in order of arrival.
    questions: Vec<QuestionNo>,
    /// How many of them it must stay open for.
    incomplete: usize,
}

impl Ls {
    /// Whether one more question fits into the window.
    pub(super) fn window_has_room(&self) -> bool {
        self.window.as_ref().is_none_or(|window| window.questions.len() < NAMES_MAX)
    }

    /// A question joins the window, or opens one.
    pub(super) fn join_window(&mut self, now: LabTime, no: QuestionNo, out: &mut Effects) {
        let window = self.window.get_or_insert_with(|| {
            self.windows += 1;
            let closes = now + self.config.window;
            out.note(Note::WindowOpened { window: self.windows, closes });
            out.push(Effect::Arm(Timer::Window.id(), self.config.window));
            Window { no: self.windows, closes, questions: Vec::new(), incomplete: 0 }
        });
        window.questions.push(no);
        window.incomplete += 1;
    }

    /// The window need not stay open for this question any more.
    pub(super) fn complete_in_window(&mut self, no: QuestionNo) {
        if let Some(window) = &mut self.window
            && window.questions.binary_search(&no).is_ok()
        {
            window.incomplete -= 1;
        }
    }

    /// A question leaves the window for good.
    pub(super) fn leave_window(&mut self, question: &Question) {
        if !question.counted
            && let Some(window) = &mut self.window
        {
            window.incomplete = window.incomplete.saturating_sub(1);
        }
    }

    /// Whether every answer is in and the window ends with the last of them.
    pub(super) fn window_is_complete(&self) -> bool {
        self.config.early_end
            && !self.has_flaw(Flaw::FullWindow)
            && self.window.as_ref().is_some_and(|window| window.incomplete == 0)
    }

    /// The window has had its time.
    pub(super) fn window_is_over(&mut self, now: LabTime, out: &mut Effects) {
        if self.window.as_ref().is_some_and(|window| window.incomplete > 0) {
            self.handle_timeout();
        }
        self.close_window(now, false, out);
    }

    /// Tells everybody.
    pub(super) fn close_window(&mut self, now: LabTime, early: bool, out: &mut Effects) {
        let Some(window) = self.window.take() else { return };
        out.push(Effect::Disarm(Timer::Window.id()));
        let count = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        let has_address =
            |no: &&QuestionNo| self.questions.get(no).is_some_and(|one| one.kept.is_some());
        let open: Vec<QuestionNo> =
            window.questions.iter().filter(|no| self.questions.contains_key(no)).copied().collect();
        let missing = open.len() - open.iter().filter(has_address).count();
        out.note(Note::WindowClosed {
            window: window.no,
            asked: count(window.questions.len()),
            missing: count(missing),
            early,
        });
        let why = if early { Why::AllIn } else { Why::WindowClosed };
        for no in open {
            match self.questions.get(&no).and_then(|question| question.kept) {
                Some((lane, how)) => self.decide_by(no, lane, Some(how.unwrap_or(why)), out),
                None => self.time_out(now, no, why, out),
            }
        }
    }
}
