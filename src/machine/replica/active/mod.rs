//! A replica of the scheme active.

use crate::base::{Incarnation, LabTime, NodeId};
use crate::machine::{Effects, Input, Machine};
use crate::topology::{ReplicaConfig, Topology};
use std::sync::Arc;

/// A replica of the scheme active.
#[derive(Debug)]
pub struct Replica {}

impl Replica {
    /// A new one.
    pub fn new(_: &Arc<Topology>, _: NodeId, _: Incarnation, _: ReplicaConfig) -> Self {
        Self {}
    }
}

impl Machine for Replica {
    fn step(&mut self, _: LabTime, _: Input, _: &mut Effects) {}
}
