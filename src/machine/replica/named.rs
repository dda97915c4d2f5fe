//! Identities for those who give none: a person at `nc`, a program that speaks lines.

use super::store::Store;
use crate::base::{ConnId, NodeId, Peer};
use crate::message::OpId;
use crate::topology::Topology;
use std::collections::BTreeMap;
use std::sync::Arc;

/// How many identities each connection was given.
#[derive(Debug, Default)]
pub struct Named {
    given: BTreeMap<ConnId, u64>,
}

impl Named {
    /// An identity that this replica has never given before, in this life or another: `r1.visitor-3#1`.
    pub fn next(
        &mut self,
        store: &Store,
        topology: &Topology,
        me: NodeId,
        (conn, peer): (ConnId, Peer),
    ) -> OpId {
        let Topology { names, run, .. } = topology;
        let client = format!("{}.{}{}", names.of(me), names.peer(peer), run.mark());
        let client: Arc<str> = Arc::from(client);
        let written = store.vector().get(&client).copied().unwrap_or_default();
        let given = self.given.entry(conn).or_insert(written);
        *given += 1;
        let mut id = OpId { client, number: *given };
        while store.place_of(&id).is_some() {
            *given += 1;
            id.number = *given;
        }
        id
    }

    /// The connection is gone.
    pub fn forget(&mut self, conn: ConnId) {
        self.given.remove(&conn);
    }
}
