//! The replicas of a store, in two schemes: one leads and the others are its copies, or every client asks all.
//!
//! The schemes share the store, its disk, the reads that wait for it, the shipping of logs and the words for visitors,
//! and nothing else.

mod active;
mod backup;
mod disk;
mod lie;
mod named;
mod reads;
mod shipping;
mod store;

use super::Machine;
use crate::base::{Incarnation, NodeId};
use crate::topology::{ReplicaConfig, Scheme, Topology};
use std::sync::Arc;

/// The machine of a replica.
pub fn build(
    topology: &Arc<Topology>,
    node: NodeId,
    incarnation: Incarnation,
    config: ReplicaConfig,
) -> Box<dyn Machine> {
    match config.scheme {
        Scheme::PrimaryBackup => {
            Box::new(backup::Replica::new(topology, node, incarnation, config))
        }
        Scheme::Active => Box::new(active::Replica::new(topology, node, incarnation, config)),
    }
}
