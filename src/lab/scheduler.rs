//! What is due when: timers of nodes, frames on links, beats of the script. One heap on lab time.
//!
//! It wakes whoever is due; it knows nothing of what they then do.

use super::clock::{Clock, TICK};
use super::line::Line;
use super::node::NodeShared;
use crate::base::LabTime;
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::Notify;

/// Whom to wake.
#[derive(Debug, Clone)]
pub enum Wake {
    /// A node has a timer.
    Node(Arc<NodeShared>),
    /// A link has a frame.
    Line(Arc<Line>),
    /// The script has something to do.
    Script(Arc<Notify>),
}

struct Entry {
    at: LabTime,
    order: u64,
    wake: Wake,
}

impl PartialEq for Entry {
    fn eq(&self, other: &Self) -> bool {
        self.order == other.order
    }
}

impl Eq for Entry {}

impl PartialOrd for Entry {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Entry {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.at, self.order).cmp(&(other.at, other.order))
    }
}

/// The heap. Each owner keeps at most a few entries here: it asks again only for an earlier moment.
pub struct Scheduler {
    clock: Arc<Clock>,
    heap: Mutex<(BinaryHeap<Reverse<Entry>>, u64)>,
    changed: Arc<Notify>,
}

impl std::fmt::Debug for Scheduler {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Scheduler").finish_non_exhaustive()
    }
}

impl Scheduler {
    /// An empty heap. `changed` is notified by whoever changes the clock.
    #[must_use]
    pub fn new(clock: Arc<Clock>, changed: Arc<Notify>) -> Self {
        Self { clock, heap: Mutex::new((BinaryHeap::new(), 0)), changed }
    }

    /// Wakes somebody at a moment (at once, if it has passed).
    pub fn arm(&self, at: LabTime, wake: Wake) {
        let mut heap = self.heap.lock().unwrap_or_else(PoisonError::into_inner);
        let earlier = heap.0.peek().is_none_or(|Reverse(first)| at < first.at);
        heap.1 += 1;
        let order = heap.1;
        heap.0.push(Reverse(Entry { at, order, wake }));
        drop(heap);
        if earlier {
            self.changed.notify_one();
        }
    }

    /// Takes the next entry if it is due by `now`.
    pub fn pop_due(&self, now: LabTime) -> Option<Wake> {
        let mut heap = self.heap.lock().unwrap_or_else(PoisonError::into_inner);
        if heap.0.peek().is_some_and(|Reverse(first)| first.at <= now) {
            return heap.0.pop().map(|Reverse(entry)| entry.wake);
        }
        None
    }

    /// Takes the next entry whenever it is due, and its moment.
    pub fn pop_next(&self) -> Option<(LabTime, Wake)> {
        let mut heap = self.heap.lock().unwrap_or_else(PoisonError::into_inner);
        heap.0.pop().map(|Reverse(entry)| (entry.at, entry.wake))
    }

    fn next(&self) -> Option<LabTime> {
        let heap = self.heap.lock().unwrap_or_else(PoisonError::into_inner);
        heap.0.peek().map(|Reverse(first)| first.at)
    }

    /// Waits until something may be due, the clock changed, or a tick is over. `also` is one more moment to wake at.
    pub async fn wait(&self, also: Option<LabTime>) {
        let next = [self.next(), also].into_iter().flatten().min();
        let wait =
            next.and_then(|at| self.clock.wall_until(at)).map_or(TICK, |wall| wall.min(TICK));
        if !wait.is_zero() {
            // Both arms only end the wait, so either may be dropped.
            tokio::select! {
                () = tokio::time::sleep(wait) => {}
                () = self.changed.notified() => {}
            }
        }
    }

    /// The clock runs differently: look again.
    pub fn clock_changed(&self) {
        self.changed.notify_one();
    }
}
