//! A map that keeps its newest entries.

use std::collections::{HashMap, VecDeque};
use std::hash::Hash;

/// The newest entries of a map; the oldest go.
#[derive(Debug)]
pub(super) struct Recent<K, V> {
    pub map: HashMap<K, V>,
    order: VecDeque<K>,
    keep: usize,
}

impl<K: Hash + Eq + Clone, V> Recent<K, V> {
    pub fn new(keep: usize) -> Self {
        Self { map: HashMap::new(), order: VecDeque::new(), keep }
    }

    pub fn insert(&mut self, key: K, value: V) {
        if self.map.insert(key.clone(), value).is_none() {
            self.order.push_back(key);
        }
        // Removed keys stay in the order until their turn comes, so it bounds the map as well.
        while self.order.len() > self.keep {
            if let Some(oldest) = self.order.pop_front() {
                self.map.remove(&oldest);
            }
        }
    }
}
