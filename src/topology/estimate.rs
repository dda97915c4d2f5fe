//! What a topology needs of the system: how many files it keeps open.

use super::model::{Kind, Topology, Wire};

/// Terminal, logs, the runtime's own descriptors, results files being written, a few visitors.
pub const FILES_RESERVED: u64 = 40;

/// A database, its log, and the memory that those who use it share.
const FILES_OF_A_DISK: u64 = 3;

/// What a topology needs when every node runs and every connection stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Estimate {
    /// Sockets that wait for connections.
    pub listeners: u64,
    /// Connections between nodes.
    pub connections: u64,
    /// Sockets altogether: both ends of a connection are here, unless one runs elsewhere.
    pub sockets: u64,
    /// Files of disks.
    pub disk_files: u64,
    /// Open files altogether, with a reserve for everything else. Compare it with the limit
    /// (`ulimit -n`).
    pub open_files: u64,
}

/// Estimates what a topology needs. A client keeps one connection, an LS one to each upstream.
#[must_use]
pub fn estimate(topology: &Topology) -> Estimate {
    let mut need = Estimate::default();
    for node in &topology.nodes {
        if node.at.is_some() {
            continue;
        }
        let ports = Wire::ALL.iter().filter(|wire| node.listen.port(**wire).is_some());
        need.listeners += ports.count() as u64;
        let peers = match &node.kind {
            Kind::Client(client) => &client.asks[..client.asks.len().min(1)],
            Kind::Ls(ls) => &ls.upstreams[..],
            Kind::Ts(ts) => &ts.store[..],
            Kind::StoreClient(client) => &client.asks[..],
            Kind::Replica(replica) => {
                need.disk_files += FILES_OF_A_DISK;
                &replica.peers[..]
            }
        };
        for peer in peers {
            need.connections += 1;
            need.sockets += if topology.node(*peer).at.is_some() { 1 } else { 2 };
        }
    }
    need.sockets += need.listeners;
    need.open_files = need.sockets + need.disk_files + FILES_RESERVED;
    need
}
