//! What policies cost and save under load: the hedge and its budget (L5), ties, two choices, hashing, queues.

use crate::stage::{at, ended, events, give, id, lab, notes, report};
use faultlab::base::NodeId;
use faultlab::message::{HostName, Note, Outcome};
use faultlab::report::Report;
use faultlab::sim::Sim;
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// A client at a rate, an LS with these settings, and servers with these. All names are everywhere.
fn topology(rate: u32, ls: &str, servers: usize, ts: &str) -> faultlab::topology::Topology {
    let mut names = String::new();
    for name in 0..64 {
        write!(names, "\"host{name}.org\" = \"192.0.2.{name}\", ").unwrap();
    }
    let list: Vec<String> = (0..64).map(|name| format!("\"host{name}.org\"")).collect();
    lab(&format!(
        r#"
        [defaults.link]
        latency = "1ms"
        [nodes.client]
        role = "client"
        asks = "ls"
        names = [{}]
        rate = {rate}
        timeout = "20s"
        [nodes.ls]
        role = "ls"
        upstreams = ["ts*"]
        timeout = "10s"
        {ls}
        [groups.servers]
        role = "ts"
        count = {servers}
        prefix = "ts"
        on_miss = "negative"
        records = {{ {names} }}
        {ts}
        "#,
        list.join(", ")
    ))
}

fn run(rate: u32, ls: &str, servers: usize, ts: &str, seconds: f64) -> Report {
    let mut sim = Sim::new(&topology(rate, ls, servers, ts), 3);
    sim.run_until(at(seconds));
    give(&mut sim, "load client off");
    sim.run_until(at(seconds + 15.0));
    let report = report(&sim);
    assert_eq!(report.open, 0, "every question has its verdict");
    report
}

const VARIES: &str = r#"responds = { p50 = "5ms", p99 = "100ms" }"#;

fn extra(report: &Report) -> f64 {
    report.balancers[0].policies[0].extra_load
}

#[test]
fn hedging_at_p95_costs_about_one_question_in_twenty_and_cuts_the_tail() {
    let hedged = run(100, "policy = \"hedge\"\nhedge_budget = 1", 3, VARIES, 40.0);
    let plain = run(100, "policy = \"round-robin\"", 3, VARIES, 40.0);
    let share = extra(&hedged);
    assert!((share - 0.05).abs() < 0.03, "{share}");
    assert!(extra(&plain) < 0.005, "{}", extra(&plain));
    let (before, after) = (plain.latency_ms.p99, hedged.latency_ms.p99);
    assert!(after * 2.0 < before, "p99 {before} ms, hedged {after} ms");
    assert_eq!(hedged.balancers[0].hedged, hedged.balancers[0].policies[0].hedged);
}

#[test]
fn a_hedge_after_nothing_is_a_race() {
    let ls = "policy = \"hedge\"\nhedge_after = \"0ms\"\nhedge_budget = 1";
    let hedged = run(50, ls, 3, VARIES, 20.0);
    let race = run(50, "policy = \"race\"", 3, VARIES, 20.0);
    assert!((extra(&hedged) - 2.0).abs() < 0.01, "{}", extra(&hedged));
    assert!((race.extra_upstream_load - 2.0).abs() < 0.01, "{}", race.extra_upstream_load);
    let close = (hedged.latency_ms.p99 / race.latency_ms.p99 - 1.0).abs();
    assert!(close < 0.5, "{} and {}", hedged.latency_ms.p99, race.latency_ms.p99);
}

#[test]
fn when_everybody_is_slow_the_budget_holds() {
    let ls = "policy = \"hedge\"\nhedge_after = \"10ms\"\nhedge_budget = 0.1";
    let report = run(100, ls, 3, "responds = \"300ms\"", 20.0);
    assert!(extra(&report) <= 0.101, "{}", extra(&report));
    assert!(extra(&report) >= 0.09, "{}: it is spent where it is needed", extra(&report));
    assert!(report.balancers[0].not_hedged > 1_000);
}

#[test]
fn a_frozen_server_loses_no_question_of_a_hedged_ls() {
    for health in ["", "fall = 2", "probation = 5", "check_every = \"500ms\""] {
        let ls = format!("policy = \"hedge\"\n{health}");
        let topology = topology(1_000, &ls, 2, VARIES);
        let (client, ls) = (id(&topology, "client"), id(&topology, "ls"));
        let mut sim = Sim::new(&topology, 3);
        sim.run_until(at(3.0));
        give(&mut sim, "freeze ts1");
        sim.run_until(at(8.0));
        give(&mut sim, "load client off");
        sim.run_until(at(20.0));
        let events = events(&sim);
        let asked = ended(&events, ls, Outcome::Answered);
        assert!(asked > 7_000, "{asked}");
        assert_eq!(ended(&events, client, Outcome::Answered), asked, "{health}: none is lost");
        let report = report(&sim);
        assert_eq!(report.servers[0].ejected > 0, !health.is_empty(), "{health}");
    }
}

#[test]
fn of_two_tied_questions_only_one_is_worked_on() {
    let busy = "responds = { mean = \"20ms\", distribution = \"exponential\" }\nworkers = 1";
    let tied = run(60, "policy = \"tied\"", 2, busy, 30.0);
    let race = run(60, "policy = \"race\"", 2, busy, 30.0);
    let turn = run(60, "policy = \"round-robin\"", 2, busy, 30.0);
    let worked = |report: &Report| -> f64 {
        let answered: u64 = report.servers.iter().map(|server| server.ended["answered"]).sum();
        answered as f64 / report.asked as f64
    };
    // Where both are idle, both begin before the word of the first is round.
    assert!(worked(&tied) < 1.05, "{}", worked(&tied));
    assert!(worked(&race) > 1.5, "{}", worked(&race));
    assert!(tied.balancers[0].cancelled as f64 > tied.asked as f64 * 0.9);
    assert_eq!(tied.ended["answered"], tied.asked);
    let (before, after) = (turn.latency_ms.p99, tied.latency_ms.p99);
    assert!(after < before * 0.9, "p99 in turn {before} ms, tied {after} ms");
}

#[test]
fn two_choices_keep_the_queues_short() {
    let busy = "responds = { mean = \"40ms\", distribution = \"exponential\" }\n\
                workers = 1\nqueue = 100000";
    // 20 servers with 25 a second each, at nine tenths of what they can.
    let two = run(450, "policy = \"two-choices\"\nfailover = false", 20, busy, 30.0);
    let hash = run(225, "policy = \"hash\"\nfailover = false", 20, busy, 30.0);
    let turn = run(450, "policy = \"round-robin\"\nfailover = false", 20, busy, 30.0);
    let (p50, p99) = (two.latency_ms.p50, two.latency_ms.p99);
    assert!(p99 < 600.0, "two choices: p50 {p50} p99 {p99}");
    assert!(turn.latency_ms.p99 > p99, "in turn: {}", turn.latency_ms.p99);
    assert!(hash.latency_ms.p99 > p99, "by name, at half the load: {}", hash.latency_ms.p99);
}

/// The server that each name went to first, in this second.
fn homes(sim: &mut Sim, second: f64) -> BTreeMap<HostName, NodeId> {
    let from = sim.log().end();
    sim.run_until(at(second + 1.0));
    let events: Vec<_> = sim.log().read(from, usize::MAX).events().cloned().collect();
    let (mut names, mut homes) = (BTreeMap::new(), BTreeMap::new());
    for (_, note) in notes(&events, id(sim.topology(), "ls")) {
        match note {
            Note::Took { question, name, .. } => drop(names.insert(*question, name.clone())),
            Note::Chose { question, upstreams, .. } => {
                let name = names.remove(question).expect("it was taken before");
                assert_eq!(*homes.entry(name).or_insert(upstreams[0]), upstreams[0]);
            }
            _ => {}
        }
    }
    assert_eq!(homes.len(), 64, "every name was asked for");
    homes
}

#[test]
fn with_hash_a_server_that_joins_or_leaves_moves_only_its_share() {
    let topology = topology(200, "policy = \"hash\"", 5, "");
    let ts5 = id(&topology, "ts5");
    let mut sim = Sim::new(&topology, 3);
    let five = homes(&mut sim, 0.0);
    let of_ts5 = five.values().filter(|home| **home == ts5).count();
    assert!((5..=25).contains(&of_ts5), "{of_ts5} of 64 names");
    give(&mut sim, "set ls upstreams ts1,ts2,ts3,ts4");
    let four = homes(&mut sim, 1.0);
    for (name, home) in &five {
        assert!(*home == ts5 || four[name] == *home, "{name} was not on ts5 and moved");
    }
    give(&mut sim, "set ls upstreams ts1,ts2,ts3,ts4,ts5");
    assert_eq!(homes(&mut sim, 2.0), five, "all that moved come back");
    give(&mut sim, "kill ts2");
    homes(&mut sim, 3.0);
    let dead = id(&topology, "ts2");
    let without = homes(&mut sim, 4.0);
    for (name, home) in &five {
        assert!(*home == dead || without[name] == *home, "{name} was not on the dead and moved");
    }
}

#[test]
fn a_full_queue_says_so_at_once_and_keeps_its_order() {
    let full = "responds = \"100ms\"\nworkers = 1\nqueue = 5";
    let report = run(50, "policy = \"round-robin\"\nfailover = false", 1, full, 20.0);
    let (answered, failed) = (report.ended["answered"], report.ended["failed"]);
    assert_eq!(answered + failed, report.asked);
    assert!((190..=215).contains(&answered), "{answered}: ten a second are served");
    // Six at most are before it, itself included; and 4 ms on the way.
    assert!(report.latency_ms.max < 610.0, "{}", report.latency_ms.max);
}
