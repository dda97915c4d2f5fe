//! Reads that wait. A read shows what no crash takes back: where the last write that it shows could not be acknowledged
//! yet, it waits until that could be. What it gives is decided when it is asked, so that writes that go on and on keep
//! no read waiting for ever.
//!
//! It knows neither clients nor disks: how far may be shown is its owner's business.

use crate::message::StoreSaid;
use std::collections::BTreeMap;

/// Reads by the place in the log that they wait for; `R` is the owner's word for who asked what.
#[derive(Debug)]
pub struct Reads<R> {
    waiting: BTreeMap<u64, Vec<(R, StoreSaid)>>,
    count: usize,
}

impl<R> Default for Reads<R> {
    fn default() -> Self {
        Self { waiting: BTreeMap::new(), count: 0 }
    }
}

impl<R> Reads<R> {
    /// How many wait.
    pub fn len(&self) -> usize {
        self.count
    }

    /// This one waits for a place in the log, and will give this.
    pub fn wait(&mut self, position: u64, read: R, gives: StoreSaid) {
        self.waiting.entry(position).or_default().push((read, gives));
        self.count += 1;
    }

    /// Those that wait no more, for the log may be shown up to here; in the order of the log.
    pub fn take_upto(&mut self, position: u64) -> Vec<(R, StoreSaid)> {
        let later = self.waiting.split_off(&(position + 1));
        let ready = std::mem::replace(&mut self.waiting, later);
        self.taken(ready)
    }

    /// Those that wait for what stood behind this place, where the log ends now.
    pub fn take_after(&mut self, position: u64) -> Vec<(R, StoreSaid)> {
        let gone = self.waiting.split_off(&(position + 1));
        self.taken(gone)
    }

    fn taken(&mut self, reads: BTreeMap<u64, Vec<(R, StoreSaid)>>) -> Vec<(R, StoreSaid)> {
        let reads: Vec<_> = reads.into_values().flatten().collect();
        self.count -= reads.len();
        reads
    }
}
