//! A thousand nodes in one process: 333 groups of three replicas with heartbeats each 100 ms, and one client.
//!
//! `cargo bench --bench beats` lets them beat for a minute and prints the share of one core that it takes, how many
//! beats were on time, and how many false suspicions there were at five heartbeats' patience. A beat is on time if its
//! reply is there less than half a heartbeat late, counted from the reply before.

mod thousand;

use faultlab::base::{LabTime, NodeId, Owner};
use faultlab::event::Fact;
use faultlab::lab::{Lab, Options};
use faultlab::message::{Message, Note, ReplicaMessage, StoreNote};
use faultlab::topology::{self, Bundled};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

const HEARTBEAT: Duration = Duration::from_millis(100);
/// Events that are worth a look.
const MUCH: u64 = 10_000;
/// Before this time not everybody is connected.
const WARM_UP: Duration = Duration::from_secs(5);
const MEASURED: Duration = Duration::from_secs(60);

fn main() {
    raise_limit();
    let begun = Instant::now();
    let loaded = topology::load_text("beats.toml", &thousand::replicas(HEARTBEAT), &Bundled);
    let mut topology = loaded.unwrap_or_else(|problems| panic!("{problems}")).topology;
    topology.auto_pace = false;
    let nodes = topology.nodes.len();
    let lab = Lab::start(Arc::new(topology), &Options::default()).expect("the lab starts");
    println!("{nodes} nodes, started in {:?}", begun.elapsed());
    let handle = lab.handle();
    let mut beats = Beats::default();
    read(&lab, handle.end(), WARM_UP, |_, _, _| {});
    let before = processor_seconds();
    let measured = Instant::now();
    read(&lab, handle.end(), MEASURED, |at, node, fact| beats.see(at, node, fact));
    let (took, busy) = (measured.elapsed().as_secs_f64(), processor_seconds() - before);
    lab.finish();
    let on_time = beats.on_time as f64 / beats.all.max(1) as f64 * 100.0;
    println!(
        "processor, share of one core    {:6.1} %  (below 50 is the aim)",
        busy / took * 100.0
    );
    println!("beats on time                   {on_time:6.2} %  of {} (at least 99.5)", beats.all);
    println!("slowest reply after the last    {:6.1} ms", beats.worst.as_secs_f64() * 1e3);
    println!("false suspicions                {:6}    (none is the aim)", beats.suspicions);
    println!("events missed by this reader    {:6}", beats.missed);
}

/// Every node has sockets: some six thousand in all.
fn raise_limit() {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit { current: limit.maximum, maximum: limit.maximum };
    setrlimit(Resource::Nofile, raised).expect("the soft limit may be raised to the hard one");
}

/// Follows the log for so long.
fn read(lab: &Lab, from: u64, span: Duration, mut see: impl FnMut(LabTime, NodeId, &Fact)) {
    let handle = lab.handle();
    let begun = Instant::now();
    let mut next = from;
    while begun.elapsed() < span {
        let tail = handle.read(next, usize::MAX);
        assert_eq!(tail.missing, 0, "the log keeps more than this reader needs");
        for event in tail.events() {
            if let Owner::Node(node, _) = event.id.owner {
                see(event.time, node, &event.fact);
            }
        }
        next = tail.next;
        // As often as a panel looks, or when there is much; a reader that is woken for each event would be what is
        // measured.
        handle.wait(next + MUCH, Duration::from_millis(33));
    }
}

#[derive(Default)]
struct Beats {
    last: HashMap<NodeId, LabTime>,
    all: u64,
    on_time: u64,
    worst: Duration,
    suspicions: u64,
    missed: u64,
}

impl Beats {
    fn see(&mut self, at: LabTime, node: NodeId, fact: &Fact) {
        match fact {
            Fact::MessageReceived { message, .. } if is_reply(message) => {
                if let Some(before) = self.last.insert(node, at) {
                    let gap = at.since(before);
                    self.all += 1;
                    self.on_time += u64::from(gap < HEARTBEAT + HEARTBEAT / 2);
                    self.worst = self.worst.max(gap);
                }
            }
            Fact::Noted(Note::Store(StoreNote::Suspected { .. })) => self.suspicions += 1,
            Fact::LogGap { dropped } => self.missed += dropped,
            _ => {}
        }
    }
}

fn is_reply(message: &Message) -> bool {
    matches!(message, Message::Replica(ReplicaMessage::Alive { .. }))
}

/// What this process has used of a processor so far.
fn processor_seconds() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").expect("Linux");
    let (_, fields) = stat.rsplit_once(')').expect("a name in brackets");
    let fields: Vec<&str> = fields.split_whitespace().collect();
    let ticks = |at: usize| fields[at].parse::<f64>().expect("a number");
    // Fields 14 and 15 of proc(5), counted from the one after the name; a tick is a hundredth of a second.
    (ticks(11) + ticks(12)) / 100.0
}
