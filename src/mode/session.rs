//! A lab that runs with a world folded beside it: what every mode without a panel shares.

use crate::base::LabTime;
use crate::command::Command;
use crate::event::{Event, Fact};
use crate::lab::{Lab, LabHandle};
use crate::world::World;
use std::time::Duration;

/// Events taken at once, so that standard input and signals are looked at in between.
const EVENTS_AT_ONCE: usize = 50_000;

/// A running lab and the fold of its log so far.
#[derive(Debug)]
pub struct Session {
    lab: Option<Lab>,
    handle: LabHandle,
    /// The fold of everything that was taken so far.
    pub world: World,
    at: u64,
    beats: u64,
    asked_beats: u64,
}

/// Takes each event after it was folded.
pub type Each<'a> = &'a mut dyn FnMut(&World, &Event) -> anyhow::Result<()>;

impl Session {
    /// A session with this lab.
    #[must_use]
    pub fn new(lab: Lab) -> Self {
        let handle = lab.handle();
        let world = World::new(handle.topology().clone());
        Self { lab: Some(lab), handle, world, at: 0, beats: 0, asked_beats: 0 }
    }

    /// A way to talk to the lab.
    #[must_use]
    pub fn lab(&self) -> &LabHandle {
        &self.handle
    }

    /// The present lab time.
    #[must_use]
    pub fn now(&self) -> LabTime {
        self.handle.now()
    }

    /// Waits at most this long for events and folds what has come.
    ///
    /// # Errors
    /// What `each` says.
    pub fn pump(&mut self, most: Duration, each: Each<'_>) -> anyhow::Result<()> {
        self.handle.wait(self.at, most);
        self.take(EVENTS_AT_ONCE, each)
    }

    fn take(&mut self, most: usize, each: Each<'_>) -> anyhow::Result<()> {
        let tail = self.handle.read(self.at, most);
        if tail.missing > 0 {
            self.world.gap(tail.missing);
            self.handle.census();
        }
        self.at = tail.next;
        for event in tail.events() {
            if matches!(
                event.fact,
                Fact::StepBegan { .. } | Fact::StepRan { .. } | Fact::StepEnded { .. }
            ) {
                self.beats += 1;
            }
            self.world.apply(event);
            each(&self.world, event)?;
        }
        Ok(())
    }

    /// Goes on to the next beat of the lecture when the present one has nothing more to do by itself. False when the
    /// lecture is over.
    pub fn lead(&mut self) -> bool {
        let progress = self.handle.progress();
        if self.beats < self.asked_beats || !progress.is_settled() {
            return true;
        }
        if progress.is_over() {
            return false;
        }
        if self.handle.give(Command::Next) {
            self.asked_beats += 1;
        }
        true
    }

    /// Ends the lab in good order and folds the rest of its log.
    ///
    /// # Errors
    /// What `each` says.
    pub fn finish(&mut self, each: Each<'_>) -> anyhow::Result<()> {
        if let Some(lab) = self.lab.take() {
            lab.finish();
        }
        while self.at < self.handle.end() {
            self.take(EVENTS_AT_ONCE, each)?;
        }
        Ok(())
    }
}
