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
    /// Questions settled since the burst began; with several clients, those of all.
    settled: u32,
}

impl Bursts {
    /// Takes what a node says. True if one more of a burst is settled, so that the others hasten.
    pub(super) fn note(&mut self, now: LabTime, owner: Owner, note: &Note) -> bool {
        let before = self.settled;
        match note {
            Note::Asked { .. } | Note::Store(StoreNote::Requested { .. }) => {
                self.change(owner, |burst| {
                    // A hand hits the same nanosecond twice only while the clock stands still; then they
                    // travel together.
                    burst.several |= burst.open > 0 && burst.asked == now;
                    burst.open += 1;
                    burst.asked = now;
                });
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
                self.settled = self.settled.saturating_add(1);
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
        self.tidy();
    }

    /// The dead ask nothing more.
    pub(super) fn forget_node(&mut self, node: NodeId) {
        self.clients.retain(|owner, _| !matches!(owner, Owner::Node(id, _) if *id == node));
        self.tidy();
    }

    fn tidy(&mut self) {
        if !self.clients.values().any(|burst| burst.goes_on()) {
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

/// After so many halvings even the shortest hop that is waited for runs in real time.
const HALVINGS_MAX: u32 = 12;
