//! Small groups of replicas with clients that write, made without files. They know the topology's types, not the
//! simulator.

use faultlab::base::{Names, NodeId, Run};
use faultlab::message::{CatchUp, DiskKind, Faults, Flaws, Jitter, Operation, Shape};
use faultlab::topology::{
    ClockKind, Dialect, HeartbeatMode, Kind, Listen, NoMajority, Node, Propagation, ReadFrom,
    ReplicaConfig, Scheme, StoreClientConfig, Topology, Wire, Wires,
};
use std::collections::BTreeMap;
use std::time::Duration;

pub const W1: NodeId = NodeId(0);
pub const W2: NodeId = NodeId(1);
pub const R1: NodeId = NodeId(2);
pub const R2: NodeId = NodeId(3);
pub const R3: NodeId = NodeId(4);
pub const REPLICAS: [NodeId; 3] = [R1, R2, R3];

pub const HEARTBEAT: Duration = Duration::from_millis(100);
pub const SUSPECT_AFTER: Duration = Duration::from_millis(500);

/// What is different from lab to lab.
#[derive(Debug, Clone, Copy)]
pub struct Choice {
    pub propagation: Propagation,
    pub mode: HeartbeatMode,
    pub terms: bool,
    pub catch_up: CatchUp,
    pub lag: Duration,
    pub flaws: Flaws,
    pub client_flaws: Flaws,
    pub rate: f64,
}

pub const SYNC: Choice = Choice {
    propagation: Propagation::Sync,
    mode: HeartbeatMode::Pull,
    terms: true,
    catch_up: CatchUp::Log,
    lag: Duration::ZERO,
    flaws: Flaws::NONE,
    client_flaws: Flaws::NONE,
    rate: 12.0,
};

fn replica(me: NodeId, choice: Choice) -> Kind {
    Kind::Replica(ReplicaConfig {
        peers: REPLICAS.into_iter().filter(|peer| *peer != me).collect(),
        scheme: Scheme::PrimaryBackup,
        heartbeat: HEARTBEAT,
        heartbeat_mode: choice.mode,
        suspect_after: SUSPECT_AFTER,
        propagation: choice.propagation,
        lag: choice.lag,
        catch_up: choice.catch_up,
        terms: choice.terms,
        clock: ClockKind::Count,
        disk: DiskKind::Sqlite,
        reconnect: Duration::from_millis(200),
        lie: false,
        flaws: choice.flaws,
    })
}

fn writer(name: &str, choice: Choice) -> Kind {
    let put = Operation::Put { key: format!("key-{name}").as_str().into(), value: "{n}".into() };
    let post =
        Operation::Post { room: "hall".into(), text: format!("{name} says {{n}}").as_str().into() };
    Kind::StoreClient(StoreClientConfig {
        asks: REPLICAS.to_vec(),
        scheme: Scheme::PrimaryBackup,
        operations: [put, post].into(),
        reads: ReadFrom::Leader,
        no_majority: NoMajority::First,
        request_timeout: Duration::from_millis(300),
        timeout: Duration::from_secs(2),
        reconnect: Duration::from_millis(200),
        rate: choice.rate,
        flaws: choice.client_flaws,
    })
}

/// Two writers and three replicas on links of five milliseconds with a little jitter.
pub fn lab(choice: Choice) -> Topology {
    let kinds = [
        writer("w1", choice),
        writer("w2", choice),
        replica(R1, choice),
        replica(R2, choice),
        replica(R3, choice),
    ];
    let node = |(id, kind)| Node {
        id: NodeId(id),
        group: None,
        starts: true,
        at: None,
        listen: Listen { line: None, json: Some(0), dns: None, address: None },
        kind,
    };
    Topology {
        name: "primary-backup".into(),
        title: String::new(),
        lesson: String::new(),
        seed: 1,
        run: Run::FIRST,
        dialect: Dialect::First2021,
        auto_pace: false,
        nodes: (0..).zip(kinds).map(node).collect(),
        names: Names::new(["w1", "w2", "r1", "r2", "r3"]),
        groups: BTreeMap::new(),
        default_link: Faults {
            latency: Duration::from_millis(5),
            jitter: Jitter { mean: Duration::from_millis(1), shape: Shape::Exponential },
            ..Faults::default()
        },
        links: BTreeMap::new(),
        wires: Wires::new(Wire::Json),
        steps: Vec::new(),
    }
}
