//! Small topologies for simulated labs, made without files. They know the topology's types, not the
//! simulator.

use faultlab::base::{Names, NodeId, Run};
use faultlab::message::{Faults, Flaws, HostName, Jitter, Shape};
use faultlab::topology::{
    Accept, ClientConfig, Dialect, Health, Kind, Listen, LsConfig, Node, OnMiss, Pace, Policy,
    Record, Records, Retry, Service, Topology, TsConfig,
};
use std::collections::BTreeMap;
use std::time::Duration;

pub const ALICE: NodeId = NodeId(0);
pub const BOB: NodeId = NodeId(1);
pub const LS: NodeId = NodeId(2);
pub const TS1: NodeId = NodeId(3);
pub const TS2: NodeId = NodeId(4);

/// When a client gives a question up, and when the LS does.
pub const CLIENT_TIMEOUT: Duration = Duration::from_secs(8);
pub const LS_TIMEOUT: Duration = Duration::from_secs(5);

/// How many names there are; the even ones are at ts1, the odd ones at ts2, or all at both.
pub const NAMES: usize = 8;

pub fn name(at: usize) -> HostName {
    HostName::new(&format!("www.host-{}.org", at % NAMES))
}

/// The one address of a name: an answer with another belongs to another question.
pub fn address(at: usize) -> String {
    format!("192.0.2.{}", at % NAMES + 1)
}

/// The address that belongs to a name, if there is such a name.
pub fn address_of(of: &HostName) -> Option<String> {
    (0..NAMES).find(|at| name(*at) == *of).map(address)
}

fn records(has: impl Fn(usize) -> bool) -> Records {
    Records::new((0..NAMES).filter(|at| has(*at)).map(|at| Record {
        name: name(at),
        address: address(at).as_str().into(),
        flag: "A".into(),
    }))
}

fn client(rate: f64) -> Kind {
    Kind::Client(ClientConfig {
        asks: vec![LS],
        list: (0..NAMES).map(name).collect(),
        pace: Pace::Pipelined,
        timeout: CLIENT_TIMEOUT,
        retry: Retry::default(),
        rate,
        reconnect: Duration::from_millis(500),
        ids: false,
        flaws: Flaws::NONE,
    })
}

fn ls(policy: Policy) -> LsConfig {
    LsConfig {
        upstreams: vec![TS1, TS2],
        policy,
        timeout: LS_TIMEOUT,
        accept: Accept::FirstPositive,
        window: Duration::from_secs(3),
        early_end: true,
        failover_after: Duration::from_secs(1),
        failover: true,
        health: None,
        merge: false,
        reconnect: Duration::from_millis(500),
        ids: false,
        flaws: Flaws::NONE,
        ..LsConfig::default()
    }
}

fn ts(records: Records, on_miss: OnMiss) -> Kind {
    let responds = Service::Shaped(Duration::from_millis(5), Shape::Exponential);
    Kind::Ts(TsConfig { records, on_miss, responds, ..TsConfig::default() })
}

/// Two clients, an LS and two TSs on links of 20 ms with a little jitter.
fn lab(name: &str, rate: f64, ls: LsConfig, ts1: Kind, ts2: Kind) -> Topology {
    let kinds = [client(rate), client(rate), Kind::Ls(ls), ts1, ts2];
    let node = |(id, kind)| Node {
        id: NodeId(id),
        group: None,
        starts: true,
        at: None,
        listen: Listen { line: Some(0), json: None, dns: None, address: None },
        kind,
    };
    Topology {
        name: name.into(),
        title: String::new(),
        lesson: String::new(),
        seed: 1,
        run: Run::FIRST,
        dialect: Dialect::First2021,
        auto_pace: false,
        nodes: (0..).zip(kinds).map(node).collect(),
        names: Names::new(["alice", "bob", "ls", "ts1", "ts2"]),
        groups: BTreeMap::new(),
        default_link: Faults {
            latency: Duration::from_millis(20),
            jitter: Jitter { mean: Duration::from_millis(2), shape: Shape::Exponential },
            ..Faults::default()
        },
        links: BTreeMap::new(),
        wires: faultlab::topology::Wires::default(),
        steps: Vec::new(),
    }
}

/// Half of the names each, silence on a miss, both asked at once.
pub fn first_answer(rate: f64) -> Topology {
    let half = |odd| ts(records(|at| (at % 2 == 1) == odd), OnMiss::Silent);
    lab("first-answer", rate, ls(Policy::Race), half(false), half(true))
}

/// Half of the names each, a whole window of names at once, and servers that say what they have
/// not.
pub fn batch() -> Topology {
    let half = |odd| ts(records(|at| (at % 2 == 1) == odd), OnMiss::Negative);
    lab("batch", 0.0, ls(Policy::Batch), half(false), half(true))
}

/// All names at both; a name sticks to its server, and an unhealthy server is left alone for a
/// while.
pub fn sticky() -> Topology {
    let health = Health { fall: 2, rise: 2, eject_for: Duration::from_secs(2), ..Health::USUAL };
    let ls = LsConfig { health: Some(health), ..ls(Policy::Sticky) };
    let all = || ts(records(|_| true), OnMiss::Negative);
    lab("sticky", 0.0, ls, all(), all())
}

/// All names at both; the second is asked when the first fails or stays silent.
pub fn failover() -> Topology {
    let all = || ts(records(|_| true), OnMiss::Negative);
    lab("failover", 0.0, ls(Policy::Failover), all(), all())
}
