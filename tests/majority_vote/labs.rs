//! A group of three that every client asks, and a hand that does things to it. They know the simulator and the
//! topology's types, not what must hold.

use crate::watch::{Watch, watched};
use faultlab::base::{Names, NodeId, Run};
use faultlab::command::{Command, grammar};
use faultlab::machine::build;
use faultlab::message::{
    CatchUp, DiskKind, Faults, Flaws, Jitter, OpOutcome, Operation, Shape, StoreSaid,
};
use faultlab::sim::Sim;
use faultlab::topology::{
    ClockKind, Dialect, HeartbeatMode, Kind, Listen, NoMajority, Node, Propagation, ReadFrom,
    ReplicaConfig, Scheme, StoreClientConfig, Topology, Wire, Wires,
};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

pub const ALICE: NodeId = NodeId(0);
pub const BOB: NodeId = NodeId(1);
pub const R1: NodeId = NodeId(2);
pub const R2: NodeId = NodeId(3);
pub const R3: NodeId = NodeId(4);
pub const REPLICAS: [NodeId; 3] = [R1, R2, R3];
const NAMES: [&str; 5] = ["alice", "bob", "r1", "r2", "r3"];

pub const fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// What is different from lab to lab.
#[derive(Debug, Clone, Copy)]
pub struct Choice {
    pub clock: ClockKind,
    pub catch_up: CatchUp,
    pub no_majority: NoMajority,
    pub client_flaws: Flaws,
    pub rate: f64,
}

pub const USUAL: Choice = Choice {
    clock: ClockKind::Count,
    catch_up: CatchUp::State,
    no_majority: NoMajority::Refuse,
    client_flaws: Flaws::NONE,
    rate: 0.0,
};

pub fn topology(choice: Choice) -> Topology {
    let client = |name: &str| {
        let text = format!("{name} says {{n}}");
        let post = Operation::Post { room: "hall".into(), text: text.as_str().into() };
        let put = Operation::Put { key: "k".into(), value: text.as_str().into() };
        Kind::StoreClient(StoreClientConfig {
            asks: REPLICAS.into(),
            scheme: Scheme::Active,
            operations: Arc::from([post, put, read("hall"), get("k")]),
            reads: ReadFrom::Majority,
            no_majority: choice.no_majority,
            request_timeout: ms(400),
            timeout: ms(3_000),
            reconnect: ms(200),
            rate: choice.rate,
            flaws: choice.client_flaws,
        })
    };
    let replica = |me: NodeId| {
        Kind::Replica(ReplicaConfig {
            peers: REPLICAS.into_iter().filter(|node| *node != me).collect(),
            scheme: Scheme::Active,
            heartbeat: ms(100),
            heartbeat_mode: HeartbeatMode::Pull,
            suspect_after: ms(500),
            propagation: Propagation::Async,
            lag: Duration::ZERO,
            catch_up: choice.catch_up,
            terms: false,
            clock: choice.clock,
            disk: DiskKind::Sqlite,
            reconnect: ms(200),
            lie: false,
            flaws: Flaws::NONE,
        })
    };
    let kinds = [client("alice"), client("bob"), replica(R1), replica(R2), replica(R3)];
    let node = |(id, kind)| Node {
        id: NodeId(id),
        group: None,
        starts: true,
        at: None,
        listen: Listen { line: None, json: Some(0), dns: None, address: None },
        kind,
    };
    Topology {
        name: "majority-vote".into(),
        title: String::new(),
        lesson: String::new(),
        seed: 1,
        run: Run::FIRST,
        dialect: Dialect::First2021,
        auto_pace: false,
        nodes: (0..).zip(kinds).map(node).collect(),
        names: Names::new(NAMES),
        groups: BTreeMap::new(),
        default_link: Faults {
            latency: ms(5),
            jitter: Jitter { mean: ms(2), shape: Shape::Exponential },
            ..Faults::default()
        },
        links: BTreeMap::new(),
        wires: Wires::new(Wire::Json),
        steps: Vec::new(),
    }
}

pub fn get(key: &str) -> Operation {
    Operation::Get { key: key.into() }
}

pub fn put(key: &str, value: &str) -> Operation {
    Operation::Put { key: key.into(), value: value.into() }
}

pub fn post(text: &str) -> Operation {
    Operation::Post { room: "hall".into(), text: text.into() }
}

pub fn read(room: &str) -> Operation {
    Operation::Read { room: room.into() }
}

/// A lab under a hand, and everything it has noted.
pub struct Lab {
    pub sim: Sim,
    pub watch: Watch,
    next: u64,
    asked: BTreeMap<NodeId, u64>,
    pub deeds: Vec<String>,
}

impl Lab {
    pub fn new(choice: Choice, seed: u64) -> Self {
        Self::of(&topology(choice), seed, false)
    }

    /// `hasty`: the replicas take every write for written at once.
    pub fn of(topology: &Topology, seed: u64, hasty: bool) -> Self {
        let watch = Watch::default();
        let images = watch.images.clone();
        let maker = Box::new(move |topology: &Arc<Topology>, node, incarnation| {
            watched(build(topology, node, incarnation), node, images.clone(), hasty)
        });
        let sim = Sim::with_machines(topology, seed, maker);
        let mut lab = Self { sim, watch, next: 0, asked: BTreeMap::new(), deeds: Vec::new() };
        lab.run(100);
        lab
    }

    pub fn run(&mut self, millis: u64) {
        let until = self.sim.now() + ms(millis);
        self.sim.run_until(until);
        let tail = self.sim.log().read(self.next, usize::MAX);
        assert_eq!(tail.missing, 0, "the log keeps a whole run");
        for event in tail.events() {
            self.watch.observe(event);
        }
        self.next = tail.next;
    }

    /// A command in a person's words. Whether it was carried out.
    pub fn give(&mut self, words: &str) -> bool {
        let command = grammar::command(words, &self.sim.topology().names).expect(words);
        let done = self.sim.give(command).is_ok();
        let mark = if done { "" } else { "  (refused)" };
        self.deeds.push(format!("{}  {words}{mark}", self.sim.now()));
        done
    }

    /// Begins an operation of a client; gives its number there.
    pub fn begin(&mut self, client: NodeId, operation: &Operation) -> u64 {
        let command = Command::Operate { client, operation: operation.clone(), times: 1 };
        self.sim.give(command).expect("a client of the store takes operations");
        self.deeds.push(format!("{}  {operation}", self.sim.now()));
        let number = self.asked.entry(client).or_default();
        *number += 1;
        *number
    }

    pub fn verdict(&self, client: NodeId, number: u64) -> Option<(OpOutcome, Option<StoreSaid>)> {
        self.watch.verdicts.get(&(client, number)).map(|all| all[0].clone())
    }

    /// Does an operation and waits for its verdict.
    pub fn operate(
        &mut self,
        client: NodeId,
        operation: &Operation,
    ) -> (OpOutcome, Option<StoreSaid>) {
        let number = self.begin(client, operation);
        let limit = self.sim.now() + ms(10_000);
        loop {
            self.run(5);
            if let Some(verdict) = self.verdict(client, number) {
                return verdict;
            }
            assert!(self.sim.now() < limit, "no verdict on {operation}");
        }
    }
}
