//! How busy the machine is: how much later than asked for a sleeping thread is woken. What is measured while it is late
//! says more about the machine than about the lab.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// What the thread asks for.
pub const NAP: Duration = Duration::from_millis(1);

/// Watches while something is measured.
#[derive(Debug)]
pub struct Watch {
    over: Arc<AtomicBool>,
    thread: JoinHandle<Vec<Duration>>,
}

impl Watch {
    /// Begins to watch.
    #[must_use]
    pub fn begin() -> Self {
        let over = Arc::new(AtomicBool::new(false));
        let told = over.clone();
        let thread = thread::spawn(move || {
            let mut late = Vec::new();
            while !told.load(Ordering::Acquire) {
                let asleep = Instant::now();
                thread::sleep(NAP);
                late.push(asleep.elapsed().saturating_sub(NAP));
            }
            late
        });
        Self { over, thread }
    }

    /// How late nine of ten naps ended at most.
    #[must_use]
    pub fn end(self) -> Duration {
        self.over.store(true, Ordering::Release);
        // It does nothing that could panic.
        let mut late = self.thread.join().unwrap_or_default();
        late.sort_unstable();
        late.get(late.len() * 9 / 10).copied().unwrap_or_default()
    }
}
