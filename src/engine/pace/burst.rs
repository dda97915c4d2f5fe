//! Many questions in a row: a list, a load, or several asked at once. The first is shown at leisure; nobody wants to
//! watch the twentieth as slowly.

use crate::base::{LabTime, NodeId, Owner};
use crate::message::{Note, StoreNote};
use std::collections::BTreeMap;

/// What keeps a client's burst going.
#[derive(Debug, Clone, Copy, Default)]
struct Burst {
    /// It works through its list.
    list: bool,
    /// It asks at a rate.
    load: bool,
    /// It asked several at one moment, and not all of them are settled.
    several: bool,
    /// Its questions without a verdict.
    open: u32,
    /// When it asked the newest of them.
    asked: LabTime,
}

impl Burst {
    fn goes_on(self) -> bool {
        self.list || self.load || self.several
    }
}

/// The bursts of all clients, and how far they have come.
#[derive(Debug, Default)]
pub(super) struct Bursts {
    /// Clients that have something open, or will ask again by themselves.
    clients: BTreeMap<Owner, Burst>,
    /// Questions settled since the burst began, or too many to be watched; with several clients, those of all.
    settled: u32,
}

impl Bursts {
    /// Takes what a node says. True if it makes the others of a burst hasten.
    pub(super) fn note(&mut self, now: LabTime, owner: Owner, note: &Note) -> bool {
        let before = self.settled;
        match note {
            Note::Asked { .. } | Note::Store(StoreNote::Requested { .. }) => {
                let mut is_more = false;
                self.change(owner, |burst| {
                    // A hand hits the same nanosecond twice only while the clock stands still; then they
                    // travel together.
                    burst.several |= burst.open > 0 && burst.asked == now;
                    burst.open += 1;
                    burst.asked = now;
                    is_more = burst.load && burst.open > LOAD_SEEN;
                });
                self.settled = self.settled.saturating_add(u32::from(is_more));
            }
            Note::ListBegan { .. } => self.change(owner, |burst| burst.list = true),
            Note::ListEnded { .. } => self.change(owner, |burst| burst.list = false),
            Note::LoadSet { per_kilosecond } => {
                self.change(owner, |burst| burst.load = *per_kilosecond > 0);
            }
            // Servers decide, too, but they ask nothing of their own.
            Note::Decided { .. } | Note::Store(StoreNote::Concluded { .. })
                if self.clients.contains_key(&owner) =>
            {
                // A question by hand is nobody's burst.
                let is_on = before > 0 || self.clients.values().any(|burst| burst.goes_on());
                self.settled = self.settled.saturating_add(u32::from(is_on));
                self.change(owner, |burst| {
                    burst.open = burst.open.saturating_sub(1);
                    burst.several &= burst.open > 0;
                });
            }
            _ => {}
        }
        self.settled > before
    }

    fn change(&mut self, owner: Owner, change: impl FnOnce(&mut Burst)) {
        let burst = self.clients.entry(owner).or_default();
        change(burst);
        if !burst.goes_on() && burst.open == 0 {
            self.clients.remove(&owner);
        }
    }

    /// The dead ask nothing more.
    pub(super) fn forget_node(&mut self, node: NodeId) {
        self.clients.retain(|owner, _| !matches!(owner, Owner::Node(id, _) if *id == node));
    }

    /// Ends the bursts if none goes on and nothing of them is left: no question without a verdict, and (`all_still`)
    /// nothing on its way and no server at work. What is left of a load passes as fast as the load did.
    pub(super) fn end_if(&mut self, all_still: bool) {
        if all_still && self.clients.values().all(|burst| !burst.goes_on() && burst.open == 0) {
            self.settled = 0;
        }
    }

    #[cfg(test)]
    pub(super) fn is_empty(&self) -> bool {
        self.clients.is_empty() && self.settled == 0
    }

    /// By how much hops are shortened on the wall: twice as short with each question that is settled.
    pub(super) fn haste(&self) -> f64 {
        f64::from(self.settled.min(HALVINGS_MAX)).exp2()
    }
}

/// Of a load so many questions at once can be watched; each one more hastens it as one that is settled does.
const LOAD_SEEN: u32 = 3;

/// After so many halvings even the shortest hop that is waited for runs in real time.
const HALVINGS_MAX: u32 = 12;
