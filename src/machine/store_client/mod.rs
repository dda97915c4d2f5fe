//! A client of the store.

use super::{Effects, Input, Machine};
use crate::base::{Incarnation, LabTime, NodeId};
use crate::topology::{StoreClientConfig, Topology};
use std::sync::Arc;

/// A client of the store.
#[derive(Debug)]
pub struct StoreClient {}

impl StoreClient {
    /// A new one.
    pub fn new(_: &Arc<Topology>, _: NodeId, _: Incarnation, _: StoreClientConfig) -> Self {
        Self {}
    }
}

impl Machine for StoreClient {
    fn step(&mut self, _: LabTime, _: Input, _: &mut Effects) {}
}
