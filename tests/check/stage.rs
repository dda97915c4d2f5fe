//! The topology of the auditors' tests: three replicas and two clients.

use super::lab::NODES;
use faultlab::base::{Names, NodeId, Run};
use faultlab::message::{CatchUp, DiskKind, Faults, Flaws};
use faultlab::topology::{
    ClockKind, Dialect, HeartbeatMode, Kind, Listen, NoMajority, Node, Propagation, ReadFrom,
    ReplicaConfig, Scheme, StoreClientConfig, Topology, Wires,
};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

pub fn names() -> Names {
    Names::new(NODES)
}

pub fn topology(scheme: Scheme) -> Arc<Topology> {
    let replicas: Vec<NodeId> = (0..3).map(NodeId).collect();
    let kind = |id: NodeId| {
        if id.0 >= 3 {
            return Kind::StoreClient(StoreClientConfig {
                asks: replicas.clone(),
                scheme,
                operations: Arc::default(),
                reads: ReadFrom::Leader,
                no_majority: NoMajority::First,
                request_timeout: Duration::from_secs(1),
                timeout: Duration::from_secs(5),
                reconnect: Duration::from_secs(1),
                rate: 0.0,
                flaws: Flaws::NONE,
            });
        }
        Kind::Replica(ReplicaConfig {
            peers: replicas.iter().copied().filter(|peer| *peer != id).collect(),
            scheme,
            heartbeat: Duration::from_secs(1),
            heartbeat_mode: HeartbeatMode::Pull,
            suspect_after: Duration::from_secs(4),
            propagation: Propagation::Async,
            lag: Duration::from_millis(500),
            catch_up: CatchUp::Log,
            terms: true,
            clock: ClockKind::Count,
            disk: DiskKind::Sqlite,
            reconnect: Duration::from_secs(1),
            lie: false,
            flaws: Flaws::NONE,
        })
    };
    let nodes = (0..5).map(NodeId).map(|id| Node {
        id,
        group: None,
        starts: true,
        at: None,
        listen: Listen::default(),
        kind: kind(id),
    });
    Arc::new(Topology {
        name: "check".into(),
        title: "check".into(),
        lesson: String::new(),
        seed: 7,
        run: Run::FIRST,
        dialect: Dialect::First2021,
        auto_pace: false,
        nodes: nodes.collect(),
        names: names(),
        groups: BTreeMap::new(),
        default_link: Faults::default(),
        links: BTreeMap::new(),
        wires: Wires::default(),
        steps: Vec::new(),
    })
}
