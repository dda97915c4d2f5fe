//! Nodes whose own clocks are wrong: when their timers fire, what the log and the world say of it, what outlives a
//! death, and the same on real sockets.

mod common;

use common::Bench;
use faultlab::base::{LabTime, NodeId, OwnClock, Owner};
use faultlab::command::grammar;
use faultlab::event::{ClockState, Event, Fact};
use faultlab::message::{Message, Note, Outcome, ReplicaMessage, StoreNote};
use faultlab::report::{self, Done};
use faultlab::sim::Sim;
use faultlab::topology::{self, Bundled};
use faultlab::world::World;
use std::time::Duration;

/// A client that gives up after ten seconds, in front of servers of which nobody has `no.such.name`.
fn silent() -> String {
    common::two_tables(
        "[defaults.link]\nlatency = \"10ms\"",
        "timeout = \"10s\"",
        "policy = \"race\"\ntimeout = \"1h\"",
        "responds = \"1s\"",
    )
}

/// A pair; the leader pushes a heartbeat a second, the copy waits for four.
const PAIR: &str = r#"
title = "a pair"
[defaults.link]
latency = "80ms"
[groups.store]
role = "replica"
members = ["r1", "r2"]
scheme = "primary-backup"
heartbeat = "1s"
suspect_after = "4s"
heartbeat_mode = "push"
"#;

/// A lab on virtual time with the fold of its log.
struct Stage {
    sim: Sim,
    world: World,
    read: u64,
    done: Done,
    events: Vec<Event>,
}

impl Stage {
    fn new(text: &str) -> Self {
        let loaded = topology::load_text("lab.toml", text, &Bundled);
        let mut topology = loaded.unwrap_or_else(|problems| panic!("{problems}")).topology;
        topology.auto_pace = false;
        let sim = Sim::new(&topology, 7);
        let (world, done) = (World::new(sim.topology().clone()), Done::new(sim.topology().clone()));
        let mut stage = Self { sim, world, read: 0, done, events: Vec::new() };
        stage.to(0);
        stage
    }

    fn id(&self, name: &str) -> NodeId {
        self.sim.topology().names.id(name).expect("it is in the file")
    }

    /// Lets time pass up to so many milliseconds.
    fn to(&mut self, millis: u64) {
        self.sim.run_until(LabTime::from_millis(millis));
        let tail = self.sim.log().read(self.read, usize::MAX);
        for event in tail.events() {
            self.world.apply(event);
            self.done.observe(event);
            self.events.push(event.clone());
        }
        self.read = tail.next;
    }

    fn give(&mut self, line: &str) {
        let command = grammar::command(line, &self.sim.topology().names).expect(line);
        self.sim.give(command).unwrap_or_else(|why| panic!("{line}: {why}"));
        self.to(self.sim.now().0 / 1_000_000);
    }

    /// When the client last decided, and what.
    fn verdict(&self) -> Option<(u64, Outcome)> {
        let client = self.id("client");
        self.events.iter().rev().find_map(|event| match (&event.fact, event.id.owner) {
            (Fact::Noted(Note::Decided { outcome, .. }), Owner::Node(node, _))
                if node == client =>
            {
                Some((event.time.0 / 1_000_000, *outcome))
            }
            _ => None,
        })
    }

    /// The moment at which the world expects the newest race to be given up.
    fn deadline(&self) -> u64 {
        let race = self.world.races.back().expect("something was asked");
        race.deadline.expect("its asker has patience").0 / 1_000_000
    }
}

#[test]
fn a_deadline_is_a_reading_of_the_askers_clock_and_the_log_tells_it_in_the_labs_time() {
    // What is done three seconds after the question, and when it is given up by that.
    let cases: [(&[&str], u64); 7] = [
        (&[], 10_000),
        (&["drift client 2"], 3000 + 7000 / 2),
        (&["drift client 0.5"], 3000 + 7000 * 2),
        (&["skew client +5s"], 5000),
        (&["skew client +60s"], 3000),
        (&["skew client -60s"], 70_000),
        (&["skew client -60s", "drift client 100", "skew client off"], 3000 + 70),
    ];
    for (lines, over) in cases {
        let mut stage = Stage::new(&silent());
        stage.give("query client no.such.name");
        assert_eq!(stage.deadline(), 10_000);
        stage.to(3000);
        for line in lines {
            stage.give(line);
        }
        assert!(stage.deadline().abs_diff(over) <= 1, "{lines:?}: {}", stage.deadline());
        stage.to(over.saturating_sub(1));
        assert_eq!(stage.verdict().filter(|_| over > 3000), None, "{lines:?}: too soon");
        stage.to(100_000);
        let (at, outcome) = stage.verdict().expect("it has given up");
        assert!(at.abs_diff(over) <= 1 && outcome == Outcome::Silent, "{lines:?}: {at}");
        let verdicts = |event: &&Event| matches!(event.fact, Fact::Noted(Note::Decided { .. }));
        let client = stage.id("client");
        let own = |event: &&Event| matches!(event.id.owner, Owner::Node(node, _) if node == client);
        assert_eq!(stage.events.iter().filter(own).filter(verdicts).count(), 1, "{lines:?}");
    }
}

#[test]
fn a_clock_makes_no_processor_faster_and_no_other_node_wrong() {
    for clock in ["drift ts2 100", "drift ts2 0.01", "skew ts2 +1h", "skew ls -1h", "drift ls 0.5"]
    {
        let mut stage = Stage::new(&silent());
        stage.to(500);
        stage.give(clock);
        stage.give("query client www.mit.edu");
        stage.to(5000);
        let (at, outcome) = stage.verdict().expect("it has an answer");
        assert_eq!((at, outcome), (1540, Outcome::Answered), "{clock}");
    }
}

#[test]
fn a_clock_outlives_the_process_and_runs_on_while_it_stands_still() {
    let mut stage = Stage::new(&silent());
    stage.give("drift client 2");
    stage.give("kill client");
    stage.to(1000);
    let back = grammar::command("revive client", &stage.world.topology.names).expect("a command");
    let clock = |stage: &Stage| stage.world.node(stage.id("client")).clock;
    assert_eq!(clock(&stage).ahead_at(LabTime::from_millis(1000)), 1_000_000_000);
    stage.give("undo");
    stage.give("query client no.such.name");
    stage.to(2000);
    stage.give("freeze client");
    stage.to(9000);
    assert_eq!(stage.verdict(), None, "it stands still");
    stage.give("thaw client");
    assert_eq!(stage.verdict(), Some((9000, Outcome::Silent)), "five seconds of the lab are over");
    stage.sim.give(back).expect("it can be revived");
    stage.to(9001);
    assert!(clock(&stage).is_right(), "a clock ails the node itself");
}

/// When `r2` suspected its leader, and how long before that it had heard it, in milliseconds of the lab.
fn suspicions(stage: &Stage) -> Vec<(u64, u64)> {
    let r2 = stage.id("r2");
    let (mut heard, mut found) = (0, Vec::new());
    for event in &stage.events {
        let Owner::Node(node, _) = event.id.owner else { continue };
        match &event.fact {
            Fact::MessageReceived { message, .. } if node == r2 => {
                let alive = matches!(&**message, Message::Replica(ReplicaMessage::Alive { .. }));
                heard = if alive { event.time.0 / 1_000_000 } else { heard };
            }
            Fact::Noted(Note::Store(StoreNote::Suspected { .. })) if node == r2 => {
                let at = event.time.0 / 1_000_000;
                found.push((at, at - heard));
            }
            _ => {}
        }
    }
    found
}

#[test]
fn a_fast_clock_suspects_the_living_and_the_countdown_says_when() {
    let mut stage = Stage::new(PAIR);
    stage.to(5000);
    stage.give("drift r2 3");
    stage.to(12_000);
    assert_eq!(suspicions(&stage), [], "four seconds of its own are more than one of the leader's");
    stage.give("drift r2 10");
    stage.to(12_300);
    let r2 = stage.id("r2");
    let count = stage.world.countdown(r2, stage.sim.now()).expect("it follows r1");
    assert_eq!(count.suspect_after, Duration::from_secs(4));
    let left = count.suspect_after.saturating_sub(count.silence) / 10;
    let due = (stage.sim.now() + left).0 / 1_000_000;
    stage.to(15_000);
    let found = suspicions(&stage);
    assert!(found[0].0.abs_diff(due) <= 1, "{found:?}, due {due}");
    let group = stage.world.audit.groups().next().expect("a store");
    let failover = group.failovers.front().expect("r2 takes over");
    let silence = failover.suspected.map(|(_, at)| at.since(failover.at));
    assert_eq!(silence, Some(Duration::from_millis(found[0].1)), "the lab's time, not the node's");
    assert!(found.len() >= 2 && found[1..].iter().all(|(_, after)| *after == 400), "{found:?}");
}

#[test]
fn a_clock_that_is_set_on_ends_a_wait_at_once_and_one_that_is_set_back_stops_the_heartbeats() {
    let mut stage = Stage::new(PAIR);
    stage.to(5500);
    stage.give("skew r2 +1min");
    assert_eq!(suspicions(&stage).first().map(|(at, _)| *at), Some(5500));
    stage.to(9000);
    assert_eq!(suspicions(&stage).len(), 1, "one wait was jumped over, no other");
    stage.give("skew r1 -1min");
    stage.to(14_500);
    let found = suspicions(&stage);
    assert!(found.len() == 2 && found[1].1 == 4000, "{found:?}");
    stage.give("reset");
    stage.to(20_000);
    assert!(stage.world.nodes.iter().all(|node| node.clock.is_right()));
    assert_eq!(stage.world.truth.faults, Vec::<std::sync::Arc<str>>::new());
}

#[test]
fn what_is_wrong_is_told_counted_saved_and_read_back() {
    let mut stage = Stage::new(&silent());
    stage.to(2000);
    for line in ["skew ts1 +2.5s", "drift ts1 1.5", "skew ls -300ms", "drift client 0.5"] {
        stage.give(line);
    }
    let faults: Vec<&str> = stage.world.truth.faults.iter().map(|words| &**words).collect();
    let all = ["skew ts1 +2500ms", "drift ts1 1.5", "skew ls -300ms", "drift client 0.5"];
    assert_eq!(faults, all);
    let lines: Vec<String> = stage
        .events
        .iter()
        .filter(|event| matches!(event.fact, Fact::OwnClockSet { .. }))
        .filter_map(|event| report::line(event, &stage.world.topology.names))
        .collect();
    assert_eq!(
        lines,
        [
            "ts1  clock is 2.5 s ahead",
            "ts1  clock is 2.5 s ahead and runs 1.5 x",
            "ls  clock is 300 ms behind",
            "client  clock runs 0.5 x",
        ]
    );
    stage.to(4000);
    let status = report::spoken::status(&stage.world);
    assert!(status.contains("The clock of ts1 is 2.5 s ahead and runs 1.5 x.\n"), "{status}");
    let steps = stage.done.steps();
    assert!(all.iter().all(|words| steps.contains(&format!("\"{words}\""))), "{steps}");
    // A recording is the events as JSON: whoever reads it knows the same clocks.
    let mut again = World::new(stage.world.topology.clone());
    for event in &stage.events {
        let text = serde_json::to_string(event).expect("plain data");
        again.apply(&serde_json::from_str(&text).expect("what was written"));
    }
    assert!(again == stage.world);
    stage.give("undo");
    stage.give("revive ts1");
    let faults: Vec<&str> = stage.world.truth.faults.iter().map(|words| &**words).collect();
    assert_eq!(faults, ["skew ls -300ms"]);
    let told = stage.events.iter().rev().find_map(|event| match event.fact {
        Fact::OwnClockSet { node, clock } => Some((node, clock)),
        _ => None,
    });
    assert_eq!(told, Some((stage.id("ts1"), OwnClock::RIGHT)));
}

fn gave_up(event: &Event, bench: &Bench) -> bool {
    let client = bench.id("client");
    matches!(event.id.owner, Owner::Node(node, _) if node == client)
        && matches!(event.fact, Fact::Noted(Note::Decided { outcome: Outcome::Silent, .. }))
}

#[test]
fn on_real_sockets_a_fast_clock_gives_up_early_and_a_step_counts_while_the_world_is_paused() {
    let bench = Bench::start(&silent().replace("timeout = \"10s\"", "timeout = \"1h\""));
    let is_set = |event: &Event| matches!(event.fact, Fact::OwnClockSet { .. });
    let client = bench.id("client");
    bench.command("query client no.such.name", |event| {
        matches!(event.id.owner, Owner::Node(node, _) if node == client)
            && matches!(event.fact, Fact::MessageSent { .. })
    });
    bench.command("pause", |event| {
        matches!(event.fact, Fact::ClockSet(ClockState { paused: true, .. }))
    });
    let from = bench.handle.end();
    bench.command("skew client +2h", is_set);
    bench.quiet(Duration::from_millis(200));
    let happened = |from: u64| bench.handle.read(from, usize::MAX);
    assert!(!happened(from).events().any(|event| gave_up(event, &bench)), "the world stands still");
    let still = bench.handle.now();
    bench.give("tick");
    let verdict = bench.until(from, "the overdue timer fires", |event| gave_up(event, &bench));
    assert_eq!(verdict.time, still, "it is due at once");
    bench.give("resume");
    bench.command("skew client off", is_set);

    // An hour by a clock a hundred times too fast is 36 s of the lab, and by one that is set on then, nothing at all.
    bench.command("drift client 100", is_set);
    let from = bench.handle.end();
    bench.give("query client no.such.name");
    let asked =
        bench.until(from, "it asks", |event| matches!(event.fact, Fact::Noted(Note::Asked { .. })));
    let Fact::Noted(Note::Asked { deadline, .. }) = asked.fact else { unreachable!() };
    let patience = deadline.since(asked.time);
    assert!(patience.abs_diff(Duration::from_secs(36)) < Duration::from_millis(1), "{patience:?}");
    bench.give("skew client +12h");
    let verdict = bench.until(from, "it gives up", |event| gave_up(event, &bench));
    assert!(verdict.time < deadline);

    // A new life finds the clock as it was, and `revive` of one that lives sets it right.
    let from = bench.handle.end();
    bench.give("kill client");
    bench.give("undo");
    bench.until(from, "it boots", |event| matches!(event.fact, Fact::NodeBooted { .. }));
    assert!(!bench.world().node(client).clock.is_right());
    bench.command("revive client", is_set);
    assert!(bench.world().node(client).clock.is_right());
}
