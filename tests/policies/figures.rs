//! Figures over the log against plain lists of the same events: era by era, TS by TS, at any moment of a recording.

use crate::stage::{at, events, give, id, lab, notes, report};
use faultlab::base::{LabTime, NodeId, Owner, Peer, QuestionNo};
use faultlab::event::{Cause, Event, Fact};
use faultlab::message::{Message, Note, Outcome};
use faultlab::sim::Sim;
use faultlab::world::{ERAS_MAX, History, Percentiles, World, nearest_rank};
use std::collections::BTreeMap;
use std::time::Duration;

const LAB: &str = r#"
title = "figures"
seed = 4
[defaults.link]
latency = "2ms"
jitter = "1ms"
[nodes.client]
role = "client"
asks = "ls"
names = ["www.a.com", "www.b.com"]
timeout = "4s"
[nodes.ls]
role = "ls"
upstreams = ["ts1", "ts2"]
policy = "hedge"
ids = true
timeout = "2s"
hedge_after = "60ms"
hedge_budget = 1.0
[groups.servers]
role = "ts"
members = ["ts1", "ts2"]
records = { "www.a.com" = "192.0.2.1", "www.b.com" = "192.0.2.2" }
responds = { usual = "20ms", slow = "300ms", share = 0.1 }
"#;

/// Four eras: a race, a hedge, another delay of the hedge, and a server that is frozen half-way.
fn run() -> Sim {
    let topology = lab(LAB);
    let mut sim = Sim::new(&topology, 4);
    sim.run_until(at(0.5));
    // Nothing was asked yet: it is the first era.
    give(&mut sim, "set ls policy race");
    give(&mut sim, "load client 100");
    sim.run_until(at(4.0));
    give(&mut sim, "set ls policy hedge");
    // What is as it was begins nothing.
    give(&mut sim, "set ls policy hedge");
    sim.run_until(at(8.0));
    give(&mut sim, "set ls hedge_after 30ms");
    sim.run_until(at(11.0));
    give(&mut sim, "freeze ts1");
    sim.run_until(at(12.0));
    give(&mut sim, "thaw ts1");
    sim.run_until(at(14.0));
    give(&mut sim, "load client off");
    sim.run_until(at(20.0));
    sim
}

fn fold(sim: &Sim, events: &[Event]) -> World {
    let mut world = World::new(sim.topology().clone());
    for event in events {
        world.apply(event);
    }
    world
}

/// What a plain reader of the log makes of an era: taken, sent, and how long the answered ones took, sorted.
#[derive(Default)]
struct Plain {
    taken: u64,
    sent: u64,
    ended: BTreeMap<Outcome, u64>,
    took: Vec<Duration>,
}

fn plain(events: &[Event], ls: NodeId) -> Vec<Plain> {
    let mut eras = vec![Plain::default()];
    let mut open: BTreeMap<QuestionNo, (LabTime, usize)> = BTreeMap::new();
    let mut values = BTreeMap::new();
    for event in events {
        let Owner::Node(node, _) = event.id.owner else { continue };
        match &event.fact {
            _ if node != ls => {}
            Fact::Noted(Note::Changed { key, value })
                if values.insert(key.clone(), value.clone()).as_ref() != Some(value) =>
            {
                eras.push(Plain::default());
            }
            Fact::Noted(Note::Took { question, .. }) => {
                open.insert(*question, (event.time, eras.len() - 1));
                eras.last_mut().expect("there is one").taken += 1;
            }
            Fact::Noted(Note::Decided { question, outcome, .. }) => {
                let (taken, era) = open[question];
                *eras[era].ended.entry(*outcome).or_default() += 1;
                if *outcome == Outcome::Answered {
                    eras[era].took.push(event.time.since(taken));
                }
            }
            Fact::MessageSent { about: Some(question), message, to: Peer::Node(_), .. }
                if matches!(message.as_ref(), Message::Ask { .. }) =>
            {
                eras[open[question].1].sent += 1;
            }
            _ => {}
        }
    }
    eras.retain(|era| era.taken > 0);
    for era in &mut eras {
        era.took.sort_unstable();
    }
    eras
}

fn near(is: Duration, should: Duration, digits: i32) -> bool {
    let (is, should) = (is.as_secs_f64(), should.as_secs_f64());
    (is - should).abs() <= should / 10_f64.powi(digits) + 2e-6
}

fn agree(is: Percentiles, sorted: &[Duration], digits: i32) {
    assert_eq!(is.count, sorted.len() as u64);
    for (is, percent) in [(is.p50, 50), (is.p90, 90), (is.p99, 99), (is.max, 100)] {
        let should = nearest_rank(sorted, percent);
        assert!(near(is, should, digits), "p{percent}: {is:?}, and by the list {should:?}");
    }
}

#[test]
fn eras_are_what_a_plain_reader_makes_of_the_log() {
    let sim = run();
    let events = events(&sim);
    let ls = id(sim.topology(), "ls");
    let world = fold(&sim, &events);
    let eras: Vec<_> = world.figures.eras(ls).collect();
    let should = plain(&events, ls);
    let words: Vec<&str> = eras.iter().map(|era| &*era.policy).collect();
    assert_eq!(words, ["race", "hedge", "hedge"]);
    assert_eq!(eras[2].set.get("hedge_after").map(|value| &**value), Some("30ms"));
    assert_eq!(eras.len(), should.len());
    for (is, should) in eras.iter().zip(&should) {
        assert!(is.taken > 200, "{} questions", is.taken);
        assert_eq!((is.taken, is.sent), (should.taken, should.sent));
        for outcome in Outcome::ALL {
            let count = should.ended.get(&outcome).copied().unwrap_or(0);
            assert_eq!(is.ended(outcome), count, "{outcome}");
        }
        agree(is.spread.percentiles(), &should.took, 3);
    }
    // Two are asked for each question; then the second one for those that are slow.
    assert!((eras[0].extra_load() - 1.0).abs() < 1e-9, "{}", eras[0].extra_load());
    assert!((0.05..0.3).contains(&eras[1].extra_load()), "{}", eras[1].extra_load());
    let hedged: usize = notes(&events, ls)
        .filter(|(_, note)| {
            matches!(note, Note::Balance(faultlab::message::BalanceNote::Hedged { .. }))
        })
        .count();
    assert_eq!(eras.iter().map(|era| era.hedged).sum::<u64>(), hedged as u64);
    let won: u64 = eras.iter().map(|era| era.hedges_won).sum();
    assert!(won > 20 && won <= hedged as u64, "{won} of {hedged}");
}

#[test]
fn the_figures_of_a_server_are_those_of_its_lanes() {
    let sim = run();
    let events = events(&sim);
    let topology = sim.topology();
    let (ls, ts1) = (id(topology, "ls"), id(topology, "ts1"));
    let world = fold(&sim, &events);
    let mut asked: BTreeMap<QuestionNo, LabTime> = BTreeMap::new();
    let (mut sent, mut heard, mut took) = (0, 0, Vec::new());
    for event in
        events.iter().filter(|event| matches!(event.id.owner, Owner::Node(node, _) if node == ls))
    {
        match &event.fact {
            Fact::MessageSent { about: Some(question), message, to, .. }
                if *to == Peer::Node(ts1) && matches!(&**message, Message::Ask { .. }) =>
            {
                sent += 1;
                asked.entry(*question).or_insert(event.time);
            }
            Fact::Noted(Note::Heard { question, upstream, outcome, .. }) if *upstream == ts1 => {
                if let Some(at) = asked.remove(question).filter(|_| outcome.is_final()) {
                    took.push(event.time.since(at));
                }
                heard += u64::from(outcome.is_final());
            }
            Fact::Noted(Note::Late { question, upstream, .. }) if *upstream == ts1 => {
                took.extend(asked.remove(question).map(|at| event.time.since(at)));
            }
            _ => {}
        }
    }
    took.sort_unstable();
    let is = world.figures.server(ts1).expect("it was asked");
    assert_eq!((is.asked, is.heard), (sent, heard));
    assert!(sent > 500 && heard > 300 && took.len() as u64 > heard, "{sent} {heard}");
    agree(is.spread.percentiles(), &took, 2);
}

#[test]
fn a_jump_to_any_moment_has_the_figures_of_that_moment() {
    let sim = run();
    let events = events(&sim);
    let mut history = History::every(sim.topology().clone(), 2048);
    let mut world = World::new(sim.topology().clone());
    for event in &events {
        world.apply(event);
        history.observe(&world);
    }
    assert!(history.len() > 5, "{} checkpoints", history.len());
    for share in 1..=7 {
        let position = events.len() * share / 7;
        let jumped = history.at(sim.log(), position as u64);
        let folded = fold(&sim, &events[..position]);
        assert_eq!(jumped.figures, folded.figures, "at {position} of {}", events.len());
    }
}

#[test]
fn the_report_has_the_eras_and_adds_them_up_by_policy() {
    let sim = run();
    let report = report(&sim);
    let ls = &report.balancers[0];
    assert_eq!(ls.eras.len(), 3);
    let sums: Vec<(&str, u64, u64)> =
        ls.policies.iter().map(|of| (of.policy.as_str(), of.taken, of.latency_ms.count)).collect();
    let of = |word: &str, of: fn(&faultlab::report::OfEra) -> u64| {
        ls.eras.iter().filter(|era| era.policy == word).map(of).sum::<u64>()
    };
    let should: Vec<(&str, u64, u64)> = ["hedge", "race"]
        .map(|word| (word, of(word, |era| era.taken), of(word, |era| era.latency_ms.count)))
        .into();
    assert_eq!(sums, should);
    let taken: u64 = ls.eras.iter().map(|era| era.taken).sum();
    assert_eq!(taken, ls.taken);
    let hedged: u64 = ls.eras.iter().map(|era| era.hedged).sum();
    assert_eq!(hedged, ls.hedged);
    let asked: u64 = report.servers.iter().map(|server| server.asked).sum();
    assert_eq!(asked, ls.eras.iter().map(|era| era.upstream_sent).sum::<u64>());
    assert_eq!(asked, report.upstream_sent);
    for era in &ls.eras {
        let is = era.latency_ms;
        assert!(is.p50 <= is.p90 && is.p90 <= is.p95 && is.p99 <= is.max, "{is:?}");
    }
}

#[test]
fn however_often_the_policy_changes_so_many_eras_are_kept_and_none_is_forgotten() {
    let topology = lab(LAB);
    let mut sim = Sim::new(&topology, 4);
    for round in 0..3 * ERAS_MAX {
        let word = ["race", "hedge", "round-robin"][round % 3];
        give(&mut sim, &format!("set ls policy {word}"));
        give(&mut sim, "query client");
        let next = sim.now() + Duration::from_millis(600);
        sim.run_until(next);
    }
    let world = fold(&sim, &events(&sim));
    let ls = id(sim.topology(), "ls");
    assert_eq!(world.figures.eras(ls).len(), ERAS_MAX);
    let by_policy = world.figures.by_policy(ls);
    let taken: BTreeMap<&str, u64> =
        by_policy.iter().map(|(word, era)| (&**word, era.taken)).collect();
    let each = ERAS_MAX as u64;
    assert_eq!(taken, BTreeMap::from([("hedge", each), ("race", each), ("round-robin", each)]));
    let answered: u64 = by_policy.values().map(|era| era.spread.count()).sum();
    assert_eq!(answered, 3 * each);
}

#[test]
fn a_new_life_with_the_same_settings_goes_on_with_the_era() {
    let topology = lab(LAB);
    let mut sim = Sim::new(&topology, 4);
    give(&mut sim, "set ls policy race");
    give(&mut sim, "set ls timeout 1s");
    for command in ["kill ls", "revive ls", "kill ls", "revive ls", "set ls policy hedge"] {
        let next = sim.now() + Duration::from_millis(700);
        sim.run_until(next);
        give(&mut sim, "query client");
        sim.run_until(next + Duration::from_millis(700));
        give(&mut sim, command);
    }
    sim.run_until(sim.now() + Duration::from_millis(700));
    let world = fold(&sim, &events(&sim));
    let eras: Vec<_> = world.figures.eras(id(sim.topology(), "ls")).collect();
    let words: Vec<(&str, u64)> = eras.iter().map(|era| (&*era.policy, era.taken)).collect();
    assert_eq!(words, [("race", 3), ("hedge", 0)]);
    assert_eq!(eras[0].set.get("timeout").map(|value| &**value), Some("1s"));
}

#[test]
fn a_flip_begins_an_era_and_one_without_questions_was_none() {
    let sim = run();
    let mut world = fold(&sim, &events(&sim));
    let ls = id(sim.topology(), "ls");
    let flip = |world: &mut World, number: u64, repaired: bool| {
        let id = faultlab::base::EventId { owner: Owner::Lab, number: 10_000 + number };
        let fact = Fact::Flipped { step: 1, repaired };
        world.apply(&Event { id, time: at(21.0), cause: Cause::Boot, fact });
    };
    flip(&mut world, 1, true);
    let eras: Vec<_> = world.figures.eras(ls).map(|era| (era.repaired, era.taken > 0)).collect();
    assert_eq!(eras[2..], [(None, true), (Some(true), false)]);
    flip(&mut world, 2, false);
    let eras: Vec<_> = world.figures.eras(ls).map(|era| era.repaired).collect();
    assert_eq!(eras[2..], [None, Some(false)]);
}
