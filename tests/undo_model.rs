//! A thousand random faults, undos and redos leave exactly what a model says: the fault set and the state of every link
//! and node. The model knows what each command means from the documentation alone; the lab is the simulated one, read
//! through the fold of its log.

use faultlab::base::{LabTime, NodeId, Peer};
use faultlab::command::grammar;
use faultlab::event::Life;
use faultlab::message::{Faults, Jitter, Shape};
use faultlab::sim::Sim;
use faultlab::topology::{self, Folder, Topology};
use faultlab::world::World;
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::time::Duration;

const LAB: &str = r#"
title = "faults"
[defaults.link]
latency = "3ms"
wire = "dns"
[nodes.client]
role = "client"
asks = "ls"
names = ["www.google.com"]
rate = 2
[nodes.ls]
role = "ls"
upstreams = ["ts1", "ts2"]
policy = "failover"
[nodes.ts1]
role = "ts"
records = { "www.google.com" = "192.0.2.10" }
[nodes.ts2]
role = "ts"
records = { "www.google.com" = "192.0.2.10" }
[[links]]
between = ["ls", "ts2"]
latency = "7ms"
loss = 0.01
"#;
const NODES: [&str; 4] = ["client", "ls", "ts1", "ts2"];
const WAYS: [(&str, &str); 6] = [
    ("client", "ls"),
    ("ls", "client"),
    ("ls", "ts1"),
    ("ts1", "ls"),
    ("ls", "ts2"),
    ("ts2", "ls"),
];

type Way = (&'static str, &'static str);

/// What is true, as the documentation of the commands has it.
#[derive(Debug, Clone, PartialEq)]
struct Model {
    lives: BTreeMap<&'static str, Life>,
    links: BTreeMap<Way, Faults>,
    /// How far each clock is ahead, in nanoseconds.
    clocks: BTreeMap<&'static str, i64>,
}

impl Model {
    fn new() -> Self {
        let links = WAYS.into_iter().map(|way| (way, usual(way))).collect();
        let lives = NODES.into_iter().map(|node| (node, Life::Up)).collect();
        Self { lives, links, clocks: NODES.into_iter().map(|node| (node, 0)).collect() }
    }

    /// Carries a command out: the state after it, or none where it makes no sense.
    fn after(&self, line: &str) -> Option<Self> {
        let mut next = self.clone();
        let words: Vec<&str> = line.split(' ').collect();
        if words == ["reset"] {
            return Some(Self::new());
        }
        if let (Some(ahead), "skew") = (next.clocks.get_mut(words[1]), words[0]) {
            *ahead = nanos(words[2]);
            return Some(next);
        }
        if let Some(life) = next.lives.get_mut(words[1]) {
            if let (Some(ahead), "revive") = (next.clocks.get_mut(words[1]), words[0]) {
                *ahead = 0;
            }
            *life = match (words[0], *life) {
                ("kill", Life::Up | Life::Frozen) => Life::Killed,
                ("power-off", Life::Up | Life::Frozen | Life::Killed) => Life::PoweredOff,
                // The host of a dead process can lose its power as well.
                ("freeze", Life::Up) => Life::Frozen,
                ("thaw", Life::Frozen) | ("revive", _) => Life::Up,
                _ => return None,
            };
            return Some(next);
        }
        for way in ways(words[1]) {
            let faults = next.links.get_mut(&way).expect("the lab has this link");
            let value = words.get(2).copied().unwrap_or_default();
            match words[0] {
                "cut" => faults.cut = true,
                "uncut" => faults.cut = false,
                "hold" => faults.hold = true,
                "release" => faults.hold = false,
                "heal" => *faults = usual(way),
                "delay" => faults.extra = millis(value),
                "jitter" => faults.jitter = Jitter { mean: millis(value), shape: Shape::HeavyTail },
                "loss" => faults.loss = share(value),
                "duplicate" => faults.duplicate = share(value),
                "reorder" => faults.reorder = share(value),
                "bandwidth" => faults.bandwidth = kilobits(value),
                other => panic!("the model does not know {other}"),
            }
        }
        Some(next)
    }

    /// What the fold of the log says.
    fn of(world: &World) -> Self {
        let id = |name: &str| world.topology.names.id(name).expect("it is in the lab");
        let life = |name| (name, world.node(id(name)).life);
        let faults = |way: Way| {
            let peers = (Peer::Node(id(way.0)), Peer::Node(id(way.1)));
            (way, world.links.get(&peers).map_or_else(|| usual(way), |link| link.faults))
        };
        Self {
            lives: NODES.into_iter().map(life).collect(),
            links: WAYS.into_iter().map(faults).collect(),
            clocks: NODES
                .into_iter()
                .map(|name| (name, world.node(id(name)).clock.ahead))
                .collect(),
        }
    }
}

/// What the file says of a link.
fn usual(way: Way) -> Faults {
    let latency = Duration::from_millis(3);
    match way {
        ("ls", "ts2") | ("ts2", "ls") => {
            Faults { latency: Duration::from_millis(7), loss: 0.01, ..Faults::default() }
        }
        _ => Faults { latency, ..Faults::default() },
    }
}

/// The directions that these words mean: `a->b`, `a<->b`, or every one at a node.
fn ways(words: &str) -> Vec<Way> {
    let fits = |way: &Way| match (words.split_once("<->"), words.split_once("->")) {
        (Some((a, b)), _) => *way == (a, b) || *way == (b, a),
        (None, Some((from, to))) => {
            (from.is_empty() || way.0 == from) && (to.is_empty() || way.1 == to)
        }
        (None, None) => way.0 == words || way.1 == words,
    };
    WAYS.into_iter().filter(fits).collect()
}

/// `+5s`, `-200ms`, `off`.
fn nanos(text: &str) -> i64 {
    let seconds = |text: &str| text.strip_suffix('s').and_then(|text| text.parse::<i64>().ok());
    let whole = seconds(text).map(|seconds| seconds * 1_000_000_000);
    let part = text.strip_suffix("ms").and_then(|text| text.parse::<i64>().ok());
    whole.or(part.map(|millis| millis * 1_000_000)).unwrap_or(0)
}

fn millis(text: &str) -> Duration {
    let number = text.strip_suffix("ms").unwrap_or(text);
    Duration::from_millis(number.parse().expect("milliseconds"))
}

fn share(text: &str) -> f64 {
    text.strip_suffix('%').expect("a share").parse::<f64>().expect("a number") / 100.0
}

fn kilobits(text: &str) -> Option<u64> {
    let bits = text.strip_suffix("kbit")?.parse::<u64>().expect("kilobits") * 1000;
    Some(bits / 8)
}

fn line() -> impl Strategy<Value = String> {
    let nodes = prop::sample::select(vec!["client", "ls", "ts1", "ts2"]);
    let links = prop::sample::select(vec![
        "client->ls",
        "ls->ts1",
        "ts1->ls",
        "ls<->ts2",
        "client<->ls",
        "ls->ts2",
    ]);
    let deed =
        prop::sample::select(vec!["kill", "power-off", "freeze", "thaw", "revive", "revive"]);
    let clock = prop::sample::select(vec!["+5s", "-200ms", "off"]);
    let clocked = prop::sample::select(vec!["client", "ts1", "ts2"]);
    let fault = prop::sample::select(vec![
        "cut {}",
        "uncut {}",
        "hold {}",
        "release {}",
        "heal {}",
        "delay {} 50ms",
        "delay {} 200ms",
        "delay {} 0ms",
        "jitter {} 5ms heavy-tail",
        "loss {} 10%",
        "loss {} 0%",
        "duplicate {} 10%",
        "reorder {} 20%",
        "bandwidth {} 64kbit",
        "bandwidth {} off",
    ]);
    prop_oneof![
        5 => (deed, nodes).prop_map(|(verb, node)| format!("{verb} {node}")),
        8 => (fault, links).prop_map(|(form, links)| form.replace("{}", links)),
        2 => (clocked, clock).prop_map(|(node, off)| format!("skew {node} {off}")),
        5 => Just("undo".to_owned()),
        4 => Just("redo".to_owned()),
        1 => Just("reset".to_owned()),
    ]
}

fn topology() -> Topology {
    let folder = Folder(std::env::temp_dir());
    topology::load_text("lab.toml", LAB, &folder).expect("it is good").topology
}

/// The simulated lab, and the fold of what it logged.
struct Bench {
    sim: Sim,
    world: World,
    at: u64,
}

impl Bench {
    fn new() -> Self {
        let sim = Sim::new(&topology(), 7);
        let world = World::new(sim.topology().clone());
        Self { sim, world, at: 0 }
    }

    /// Gives a command, lets a little time pass, and reads on.
    fn give(&mut self, line: &str) -> Result<(), String> {
        let command = grammar::command(line, &self.world.topology.names).expect(line);
        let result = self.sim.give(command);
        self.sim.run_until(LabTime(self.sim.now().0 + 20_000_000));
        let tail = self.sim.log().read(self.at, usize::MAX);
        assert_eq!(tail.missing, 0);
        self.at = tail.next;
        for event in tail.events() {
            self.world.apply(event);
        }
        result
    }

    /// The faults that stand, done again to a lab in which nothing is wrong.
    fn standing_again(&self) -> Model {
        let words = |command| grammar::words(command, &self.world.topology.names);
        self.world.truth.standing.iter().map(words).fold(Model::new(), |model, line| {
            model.after(&line).unwrap_or_else(|| panic!("`{line}` stands and makes no sense"))
        })
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        failure_persistence: None,
        cases: 12,
        max_shrink_iters: 400,
        ..Default::default()
    })]

    #[test]
    fn a_thousand_faults_undos_and_redos_leave_what_the_model_says(
        lines in prop::collection::vec(line(), 1000)
    ) {
        let mut bench = Bench::new();
        bench.give("mark begun").expect("it can be given");
        let mut states = vec![Model::new()];
        let mut at = 0;
        for line in &lines {
            let result = bench.give(line);
            match line.as_str() {
                "undo" if at > 0 => at -= 1,
                "redo" if at + 1 < states.len() => at += 1,
                "undo" | "redo" => prop_assert!(result.is_err(), "{} of nothing", line),
                line => match states[at].after(line) {
                    // What changes nothing is nothing to undo, and leaves what can be redone.
                    Some(next) if next != states[at] => {
                        at += 1;
                        states.truncate(at);
                        states.push(next);
                    }
                    _ => {}
                },
            }
            prop_assert_eq!(&Model::of(&bench.world), &states[at], "after {}", line);
            prop_assert_eq!(&bench.standing_again(), &states[at], "what stands after {}", line);
            for (node, life) in &states[at].lives {
                let id: NodeId = bench.world.topology.names.id(node).expect("it is there");
                prop_assert_eq!(bench.sim.life(id), *life, "{} after {}", node, line);
            }
        }
    }
}
