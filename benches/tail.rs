//! "The Tail at Scale" (Dean and Barroso, CACM 2013) on real sockets: the bundled topology of that name, each question
//! put to a hundred servers, first all waited for, then each slow one hedged.
//!
//! `cargo bench --bench tail` prints the share of rounds slower than a single server's 99th percentile, and what the
//! hedge makes of it. A test holds the simulator to the same figures over 600 rounds.

use faultlab::base::Owner;
use faultlab::command::grammar;
use faultlab::event::{Event, Fact};
use faultlab::lab::{Lab, LabHandle, Options};
use faultlab::message::Note;
use faultlab::topology;
use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Rounds of each kind.
const ROUNDS: usize = 200;
/// Between two rounds: they do not touch each other, for the servers have a worker for everybody.
const EVERY: Duration = Duration::from_millis(200);
/// The 99th percentile of a single server, as the topology states it.
const SERVER_P99: Duration = Duration::from_secs(1);
/// The timeout of a question, and a moment.
const DEADLINE: Duration = Duration::from_secs(62);

fn main() {
    let plain = rounds(false);
    let slow = plain.times.iter().filter(|time| **time > SERVER_P99).count();
    println!(
        "not hedged: {:.3} of {ROUNDS} rounds slower than a server's p99 (0.634 is expected)   p50 {:?}   p99 {:?}",
        slow as f64 / ROUNDS as f64,
        plain.percentile(50),
        plain.percentile(99)
    );
    let hedged = rounds(true);
    println!(
        "hedged: p50 {:?}   p99 {:?}, {:.1} times shorter (4 is the aim)   {:.1} % more requests (at most 6)",
        hedged.percentile(50),
        hedged.percentile(99),
        plain.percentile(99).as_secs_f64() / hedged.percentile(99).as_secs_f64(),
        hedged.extra * 100.0
    );
}

struct Measured {
    /// In order of size.
    times: Vec<Duration>,
    /// Requests beyond one for each server, as a share.
    extra: f64,
}

impl Measured {
    fn percentile(&self, percent: usize) -> Duration {
        let time = self.times[(self.times.len() * percent / 100).min(self.times.len() - 1)];
        Duration::from_millis(u64::try_from(time.as_millis()).unwrap_or(u64::MAX))
    }
}

fn rounds(hedge: bool) -> Measured {
    let path = Path::new("tail-at-scale");
    let mut topology =
        topology::load(path, topology::Options::default()).expect("it is bundled").topology;
    topology.steps.clear();
    topology.auto_pace = false;
    let servers = topology.nodes.len() - 2;
    let lab = Lab::start(Arc::new(topology), &Options::default()).expect("the lab starts");
    let handle = lab.handle();
    give(&handle, &format!("set ls hedge {}", if hedge { "on" } else { "off" }));
    let ls = handle.topology().names.id("ls").expect("it has one");
    let (mut at, mut taken, mut times, mut asked) = (0, HashMap::new(), Vec::new(), 0);
    let mut begun = Instant::now();
    let mut given = 0;
    while times.len() < ROUNDS {
        if given < ROUNDS && begun.elapsed() >= EVERY {
            give(&handle, "query client");
            given += 1;
            begun = Instant::now();
        }
        assert!(begun.elapsed() < DEADLINE, "{} of {ROUNDS} rounds end", times.len());
        std::thread::sleep(Duration::from_millis(1));
        let tail = handle.read(at, usize::MAX);
        assert!(tail.missing == 0, "the bench read too slowly");
        at = tail.next;
        let of_ls = |event: &&Event| matches!(event.id.owner, Owner::Node(node, _) if node == ls);
        for event in tail.events().filter(of_ls) {
            match &event.fact {
                Fact::Noted(Note::Took { question, .. }) => {
                    taken.insert(*question, event.time);
                }
                Fact::Noted(Note::Decided { question, .. }) => {
                    times.push(event.time.since(taken[question]));
                }
                Fact::MessageSent { to, about: Some(_), .. }
                    if to.node().is_some_and(|to| handle.topology().names.of(to) != "client") =>
                {
                    asked += 1;
                }
                _ => {}
            }
        }
    }
    lab.finish();
    times.sort_unstable();
    Measured { times, extra: f64::from(asked) / (ROUNDS * servers) as f64 - 1.0 }
}

fn give(handle: &LabHandle, words: &str) {
    let command = grammar::command(words, &handle.topology().names).expect("a command");
    assert!(handle.give(command), "the lab takes it");
}
