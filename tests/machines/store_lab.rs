//! A small lab around a store, and what its machines do in short lines.

use crate::harness::*;
use faultlab::base::{Names, NodeId};
use faultlab::event::Ending;
use faultlab::machine::{Effect, Told};
use faultlab::message::{
    CatchUp, DiskKind, Flaws, Message, Note, OpId, Operation, StoreNote, StoreSaid,
};
use faultlab::topology::{
    ClockKind, HeartbeatMode, Kind, Listen, NoMajority, Node, Policy, Propagation, ReadFrom,
    ReplicaConfig, Scheme, StoreClientConfig, Topology, Wire, Wires,
};
use std::sync::Arc;

pub const ALICE: NodeId = NodeId(0);
pub const R1: NodeId = NodeId(1);
pub const R2: NodeId = NodeId(2);
pub const R3: NodeId = NodeId(3);
pub const R4: NodeId = NodeId(4);
pub const TS: NodeId = NodeId(5);
pub const ALL: [NodeId; 3] = [R1, R2, R3];

pub fn put(key: &str, value: &str) -> Operation {
    Operation::Put { key: key.into(), value: value.into() }
}

pub fn get(key: &str) -> Operation {
    Operation::Get { key: key.into() }
}

pub fn post(room: &str, text: &str) -> Operation {
    Operation::Post { room: room.into(), text: text.into() }
}

pub fn value(text: &str) -> StoreSaid {
    StoreSaid::Value(Some(text.into()))
}

pub fn id(client: &str, number: u64) -> OpId {
    OpId { client: client.into(), number }
}

/// alice, r1, r2, r3 (a group that knows of each other), r4 (off, knows of the three), ts (the store behind it).
pub fn store_topology(scheme: Scheme) -> Topology {
    let client = StoreClientConfig {
        asks: ALL.into(),
        scheme,
        operations: Arc::from([post("hall", "line {n}"), get("k")]),
        reads: ReadFrom::Leader,
        no_majority: NoMajority::First,
        request_timeout: ms(400),
        timeout: ms(2000),
        reconnect: ms(1000),
        rate: 0.0,
        flaws: Flaws::NONE,
    };
    let replica = |peers: Vec<NodeId>| {
        Kind::Replica(ReplicaConfig {
            peers,
            scheme,
            heartbeat: ms(1000),
            heartbeat_mode: HeartbeatMode::Pull,
            suspect_after: ms(4000),
            propagation: Propagation::Async,
            lag: ms(0),
            catch_up: CatchUp::State,
            terms: false,
            clock: ClockKind::Count,
            disk: DiskKind::Sqlite,
            reconnect: ms(1000),
            lie: false,
            flaws: Flaws::NONE,
        })
    };
    let others = |me: NodeId| ALL.into_iter().filter(|node| *node != me).collect();
    let ts = faultlab::topology::TsConfig {
        store: ALL.into(),
        ..ts_config(&[("www.table.org", "192.0.2.1")])
    };
    let kinds = [
        ("alice", Kind::StoreClient(client)),
        ("r1", replica(others(R1))),
        ("r2", replica(others(R2))),
        ("r3", replica(others(R3))),
        ("r4", replica(ALL.into())),
        ("ts", Kind::Ts(ts)),
    ];
    let mut topology = topology(ls_config(Policy::Race));
    topology.names = Names::new(kinds.each_ref().map(|(name, _)| *name));
    topology.wires = Wires::new(Wire::Json);
    topology.nodes = (0..)
        .zip(kinds)
        .map(|(id, (_, kind))| Node {
            id: NodeId(id),
            group: None,
            starts: NodeId(id) != R4,
            at: None,
            listen: Listen { line: Some(0), json: Some(0), dns: None, address: None },
            kind,
        })
        .collect();
    topology
}

pub fn client_in(topology: &mut Topology) -> &mut StoreClientConfig {
    match &mut topology.nodes[ALICE.index()].kind {
        Kind::StoreClient(client) => client,
        other => panic!("{other:?}"),
    }
}

pub fn replica_in(topology: &mut Topology, node: NodeId) -> &mut ReplicaConfig {
    match &mut topology.nodes[node.index()].kind {
        Kind::Replica(replica) => replica,
        other => panic!("{other:?}"),
    }
}

/// alice, whose connections to the three stand.
pub fn client(scheme: Scheme, change: impl FnOnce(&mut StoreClientConfig)) -> Solo {
    let mut topology = store_topology(scheme);
    change(client_in(&mut topology));
    let mut solo = Solo::new(topology, ALICE);
    for replica in ALL {
        solo.connect(replica);
    }
    solo.done.clear();
    solo
}

pub fn operate(solo: &mut Solo, operation: Operation) {
    solo.tell(Told::Operate { operation, times: 1 });
}

/// A replica answers alice's operation.
pub fn answers(solo: &mut Solo, replica: NodeId, number: u64, said: StoreSaid) {
    solo.from(replica, Message::Operated { id: Some(id("alice.1", number)), said });
}

pub fn resets(solo: &mut Solo, replica: NodeId) {
    solo.end(solo.conn(replica), Ending::Reset);
}

/// What it did since, in short lines; connections and timers left out.
pub fn did(solo: &mut Solo) -> Vec<String> {
    let names = solo.topology.names.clone();
    let connections = |line: &String| !line.starts_with("open ") && !line.starts_with("close ");
    let done = std::mem::take(&mut solo.done);
    let mut lines = Vec::new();
    for effect in done {
        if let Effect::Note(note) = &effect {
            lines.push(short_note(&names, note));
        } else {
            solo.done.push(effect);
            lines.extend(solo.lines().into_iter().filter(connections));
        }
    }
    lines
}

/// The lines that begin with one of these words.
pub fn did_only(solo: &mut Solo, words: &[&str]) -> Vec<String> {
    let fits = |line: &String| words.iter().any(|word| line.starts_with(word));
    did(solo).into_iter().filter(fits).collect()
}

pub fn short_note(names: &Names, note: &Note) -> String {
    let Note::Store(note) = note else { return note_line(names, note) };
    let list =
        |nodes: &[NodeId]| nodes.iter().map(|node| names.of(*node)).collect::<Vec<_>>().join(",");
    match note {
        StoreNote::Requested { request, operation, .. } => {
            format!("requested {request} {operation}")
        }
        StoreNote::Attempted { request, id, to, attempt } => {
            format!("attempted {request} #{attempt} {} as {id}", list(to))
        }
        StoreNote::Voted { request, replica, said } => {
            format!("voted {request} {} {said}", names.of(*replica))
        }
        StoreNote::Concluded { request, outcome, said, agreed, why } => {
            let said = said.as_ref().map_or("-".into(), ToString::to_string);
            format!("concluded {request} {} {said} [{}] {why:?}", outcome.word(), list(agreed))
        }
        StoreNote::Outvoted { request, replica, said } => {
            format!("outvoted {request} {} {said}", names.of(*replica))
        }
        StoreNote::Follows { leader, .. } => format!("follows {}", names.of(*leader)),
        StoreNote::ReadLog { have, .. } => format!("read log {}", have.at),
        StoreNote::Accepted { entry, .. } => format!("accepted {} {}", entry.position, entry.id),
        StoreNote::Recognised { id } => format!("recognised {id}"),
        StoreNote::Durable { at } => format!("durable {at}"),
        StoreNote::Acked { id, position, .. } => format!("acked {id} at {position}"),
        StoreNote::ReadServed { id, said, .. } => format!("served {id} {said}"),
        StoreNote::NotDone { id, why } => format!("not done {id}: {why}"),
        StoreNote::Suspected { about, .. } => format!("suspected {}", names.of(*about)),
        StoreNote::Cleared { about } => format!("cleared {}", names.of(*about)),
        StoreNote::Knows { about, have } => format!("knows {} {}", names.of(*about), have.at),
        StoreNote::Compared { with, own, other, verdict } => {
            format!("compared {} {}:{} {verdict:?}", names.of(*with), own.at, other.at)
        }
        StoreNote::CatchUpAsked { from, how } => format!("asked {} for {how:?}", names.of(*from)),
        StoreNote::CaughtUp { from, how, entries, have, .. } => {
            format!("caught up {how:?} {} +{entries} at {}", names.of(*from), have.at)
        }
        StoreNote::Discarded { entries, for_the_log_of } => {
            let ids = entries.iter().map(|entry| entry.id.to_string()).collect::<Vec<_>>();
            format!("discarded {} for {}", ids.join(","), names.of(*for_the_log_of))
        }
        other => format!("{other:?}"),
    }
}
