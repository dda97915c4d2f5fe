//! Whole labs on a small network of the test's own: clients, LS and TSs together, with real bytes between them.

use crate::harness::*;
use crate::net::{CLIENTS, Net};
use faultlab::base::LabTime;
use faultlab::machine::Told;
use faultlab::message::{Flaw, HostName, Note, Outcome, RecordType, Said, Shape};
use faultlab::topology::{Dialect, Health, LsConfig, OnMiss, Policy, Service, Setting, Topology};
use std::collections::BTreeMap;
use std::time::Duration;

/// 200 names; each TS has all of them, or its half.
fn lab(config: LsConfig, dialect: Dialect, halves: bool) -> Topology {
    let mut topology = topology(config);
    topology.dialect = dialect;
    let names: Vec<(String, String)> =
        (0..200).map(|n| (format!("host{n}.example"), format!("10.0.0.{n}"))).collect();
    let list: Vec<HostName> = names.iter().map(|(name, _)| HostName::new(name)).collect();
    for (ts, odd) in [(TS1, false), (TS2, true), (TS3, false)] {
        let lines: Vec<(&str, &str)> = names
            .iter()
            .enumerate()
            .filter(|(n, _)| !halves || (n % 2 == 1) == odd)
            .map(|(_, (name, address))| (name.as_str(), address.as_str()))
            .collect();
        ts_of(&mut topology, ts).records = records(&lines);
    }
    for client in CLIENTS {
        client_of(&mut topology, client).list = list.clone().into();
    }
    topology
}

fn slow(topology: &mut Topology) {
    for ts in [TS1, TS2] {
        ts_of(topology, ts).responds = Service::Shaped(ms(150), Shape::HeavyTail);
    }
}

#[test]
fn thousands_of_questions_with_late_losers_and_not_one_wrong_answer() {
    for (dialect, policy, ids) in [
        (Dialect::First2021, Policy::Race, false),
        (Dialect::First2023, Policy::Race, true),
        (Dialect::First2021, Policy::Failover, false),
        (Dialect::Sticky2021, Policy::RoundRobin, false),
        (Dialect::Sticky2021, Policy::Sticky, true),
        (Dialect::Sticky2021, Policy::Race, false),
    ] {
        let config =
            LsConfig { timeout: ms(1500), failover_after: ms(700), ids, ..ls_config(policy) };
        let mut topology = lab(config, dialect, false);
        if dialect == Dialect::Sticky2021 && !ids {
            // Answers that bear no name go out in order: with a heavy tail everything would wait behind it.
            for ts in [TS1, TS2] {
                ts_of(&mut topology, ts).responds = Service::Shaped(ms(150), Shape::Exponential);
            }
        } else {
            slow(&mut topology);
        }
        for client in CLIENTS {
            client_of(&mut topology, client).rate = 50.0;
        }
        let mut net = Net::new(topology, (ms(5), ms(500)));
        net.run(Duration::from_secs(40));
        let mut asked = 0;
        for client in CLIENTS {
            net.tell(client, Told::Load { per_kilosecond: 0 });
            asked += net.asked(client).len();
        }
        net.run(Duration::from_secs(70));
        let answered: usize = CLIENTS.iter().map(|client| net.check_answers(*client)).sum();
        assert!(asked > 3_700, "{asked}");
        assert!(answered > asked / 3, "{dialect:?} {policy:?}: {answered} of {asked}");
        let late = net.count(LS, |note| matches!(note, Note::Late { .. }));
        assert!(late > 50, "{dialect:?} {policy:?}: only {late} late");
        for node in [CLIENT, CLIENT2, LS] {
            let taken =
                net.count(node, |note| matches!(note, Note::Asked { .. } | Note::Took { .. }));
            assert_eq!(net.verdicts(node).len(), taken, "{dialect:?} {policy:?}");
        }
    }
}

#[test]
fn overlapping_batches_get_exactly_their_own() {
    let mut topology = lab(ls_config(Policy::Batch), Dialect::First2021, true);
    client_of(&mut topology, CLIENT2).list =
        (150..250).map(|n| HostName::new(&format!("HOST{n}.example"))).collect();
    let mut net = Net::new(topology, (ms(10), ms(60)));
    net.run(ms(500));
    net.tell(CLIENT, Told::Batch);
    net.run(ms(1000));
    net.tell(CLIENT2, Told::Batch);
    net.run(ms(10_000));
    let (one, two) = (&net.results[&CLIENT], &net.results[&CLIENT2]);
    assert_eq!((one.len(), two.len()), (200, 100));
    for (n, line) in one.iter().enumerate() {
        assert_eq!(*line, format!("host{n}.example 10.0.0.{n} A"));
    }
    for (n, line) in (150..).zip(two) {
        let expected = if n < 200 {
            format!("host{n}.example 10.0.0.{n} A")
        } else {
            format!("HOST{n}.example - Error:HOST NOT FOUND")
        };
        assert_eq!(*line, expected);
    }
}

#[test]
fn a_sticky_name_stays_with_its_server_until_it_dies_and_load_is_even() {
    let config = LsConfig {
        health: Some(Health { fall: 2, rise: 2, eject_for: ms(5000), ..Health::USUAL }),
        ..ls_config(Policy::Sticky)
    };
    let mut net = Net::new(lab(config, Dialect::Sticky2021, false), (ms(1), ms(1)));
    let home = |net: &Net, from: usize| {
        let mut homes: BTreeMap<String, Vec<_>> = BTreeMap::new();
        let mut names = BTreeMap::new();
        for (_, node, _, note) in &net.notes[from..] {
            match note {
                Note::Took { question, name, .. } if *node == LS => {
                    names.insert(*question, name.to_string());
                }
                Note::Heard { question, upstream, outcome: Outcome::Answered, .. }
                    if *node == LS =>
                {
                    homes.entry(names[question].clone()).or_default().push(*upstream);
                }
                _ => {}
            }
        }
        homes
    };
    net.run(ms(100));
    for at in 0..3 {
        net.tell(CLIENT, Told::Batch);
        net.tell(CLIENT2, Told::Batch);
        net.run(ms(1000 * (at + 1)));
    }
    let homes = home(&net, 0);
    assert_eq!(homes.len(), 200);
    assert!(homes.values().all(|all| all.len() == 6 && all.windows(2).all(|two| two[0] == two[1])));
    let first = homes.values().filter(|all| all[0] == TS1).count();
    assert_eq!(first, 100);
    net.kill(TS1);
    net.run(ms(3500));
    let mark = net.notes.len();
    net.tell(CLIENT, Told::Batch);
    net.run(ms(5000));
    assert!(home(&net, mark).values().all(|all| all.iter().all(|ts| *ts == TS2)));
    net.revive(TS1);
    net.run(ms(15_000));
    assert_eq!(net.count(LS, |note| matches!(note, Note::Restored { upstream: TS1, .. })), 1);
    let mark = net.notes.len();
    net.tell(CLIENT, Told::Batch);
    net.run(ms(16_000));
    assert!(
        home(&net, mark).values().all(|all| all.iter().all(|ts| *ts == TS2)),
        "names that moved stay"
    );
}

#[test]
fn a_killed_server_costs_nothing_and_a_frozen_one_its_time() {
    let mut net =
        Net::new(lab(ls_config(Policy::Failover), Dialect::First2021, false), (ms(1), ms(1)));
    let ask = |net: &mut Net, until: u64| {
        let before = net.verdicts(CLIENT).len();
        let asked = net.now;
        net.tell(CLIENT, Told::Ask { name: None, kind: RecordType::A, times: 1 });
        net.run(ms(until));
        let verdicts = net.verdicts(CLIENT);
        assert_eq!(verdicts.len(), before + 1);
        let (at, note) = verdicts.into_values().next_back().unwrap();
        assert!(matches!(note, Note::Decided { outcome: Outcome::Answered, .. }), "{note:?}");
        at.since(asked)
    };
    net.run(ms(100));
    assert!(ask(&mut net, 1000) <= ms(5));
    net.freeze(TS1);
    assert_eq!(ask(&mut net, 3000), ms(1004));
    net.thaw(TS1);
    net.run(ms(4000));
    assert_eq!(net.count(LS, |note| matches!(note, Note::Late { upstream: TS1, .. })), 1);
    net.tell(CLIENT, Told::Ask { name: None, kind: RecordType::A, times: 1 });
    net.freeze(TS1);
    net.run(ms(4010));
    net.kill(TS1);
    net.run(ms(4020));
    assert_eq!(
        net.verdicts(CLIENT).len(),
        3,
        "killed with the question on it: ten milliseconds at most"
    );
    assert!(ask(&mut net, 5000) <= ms(5), "and skipped after that");
}

#[test]
fn random_kills_and_freezes_never_leave_a_question_without_its_one_verdict() {
    for seed in 0..60 {
        let policy = Policy::ALL[seed as usize % 5];
        let dialect = [Dialect::First2021, Dialect::Sticky2021][seed as usize / 5 % 2];
        let health = (seed % 3 == 0).then_some(Health {
            fall: 2,
            rise: 2,
            eject_for: ms(2000),
            ..Health::USUAL
        });
        let config = LsConfig { health, ids: seed % 4 == 0, ..ls_config(policy) };
        let mut topology = lab(config, dialect, policy == Policy::Race);
        topology.seed = seed;
        slow(&mut topology);
        for client in CLIENTS {
            client_of(&mut topology, client).rate = 20.0;
        }
        let mut net = Net::new(topology, (ms(1), ms(80)));
        for step in 0..60 {
            net.run(ms(step * 500));
            let node = [LS, TS1, TS2, CLIENT2][net.random(step * 2, 4) as usize];
            match net.random(step * 2 + 1, 5) {
                0 => net.kill(node),
                1 if node != CLIENT2 => net.freeze(node),
                2 => net.thaw(node),
                _ => net.revive(node),
            }
        }
        for node in [LS, TS1, TS2, CLIENT2] {
            net.thaw(node);
            net.revive(node);
        }
        for client in CLIENTS {
            net.tell(client, Told::Load { per_kilosecond: 0 });
        }
        for ts in [TS1, TS2] {
            let setting = Setting::Responds(Service::Constant(ms(1)));
            net.tell(ts, Told::Set { setting, key: "responds".into(), value: "1ms".into() });
        }
        net.run(ms(60_000));
        for client in CLIENTS {
            let verdicts = net.verdicts(client);
            let last = verdicts.keys().map(|(life, _)| *life).max().unwrap_or(1);
            for (key, (name, deadline, _)) in net.asked(client) {
                let Some((at, _)) = verdicts.get(&key) else {
                    assert!(key.0 < last || client == CLIENT2, "seed {seed}: no verdict on {name}");
                    continue;
                };
                assert!(*at <= deadline, "seed {seed}: {name} at {at}, deadline {deadline}");
            }
            net.check_answers(client);
        }
        // Everything is well again: a list is answered in full.
        let before = net.notes.len();
        net.tell(CLIENT, Told::Batch);
        net.run(ms(90_000));
        let full = net.notes[before..].iter().any(|(_, node, _, note)| {
            *node == CLIENT
                && matches!(note, Note::ListEnded { names: 200, answered } if *answered >= 190)
        });
        assert!(
            full,
            "seed {seed} {policy:?}: {:?}",
            net.results[&CLIENT].iter().filter(|l| l.contains(" - ")).take(5).collect::<Vec<_>>()
        );
    }
}

#[test]
fn a_negative_is_only_ever_heard_from_servers_that_say_so() {
    let mut topology = lab(ls_config(Policy::Race), Dialect::First2021, true);
    client_of(&mut topology, CLIENT).timeout = ms(8000);
    let mut net = Net::new(topology, (ms(1), ms(20)));
    let ask = |net: &mut Net, until: u64| {
        net.tell(
            CLIENT,
            Told::Ask {
                name: Some(HostName::new("nobody.example")),
                kind: RecordType::A,
                times: 1,
            },
        );
        net.run(ms(until));
        match net.verdicts(CLIENT).into_values().next_back() {
            Some((_, Note::Decided { outcome, said, .. })) => (outcome, said),
            other => panic!("{other:?}"),
        }
    };
    net.run(ms(100));
    assert_eq!(ask(&mut net, 6000), (Outcome::Silent, Some(Said::NotFound)));
    for ts in [TS1, TS2] {
        let setting = Setting::OnMiss(OnMiss::Negative);
        net.tell(ts, Told::Set { setting, key: "on_miss".into(), value: "negative".into() });
    }
    assert_eq!(ask(&mut net, 6200), (Outcome::Negative, Some(Said::Negative)));
    net.kill(TS1);
    net.run(ms(6500));
    let (outcome, said) = ask(&mut net, 7000);
    assert_eq!(outcome, Outcome::Failed);
    assert_eq!(said, Some(Said::Failed("ts1 refused, ts2 negative".into())));
}

#[test]
fn names_glued_on_the_wire_are_found_by_nobody() {
    let config = LsConfig { flaws: flaws(&[Flaw::GluedNames]), ..ls_config(Policy::Race) };
    let mut net = Net::new(lab(config, Dialect::First2021, true), (ms(1), ms(1)));
    net.run(ms(100));
    net.tell(CLIENT, Told::Ask { name: None, kind: RecordType::A, times: 2 });
    net.run(ms(20_000));
    let all = net.verdicts(CLIENT);
    assert!(
        all.values()
            .all(|(_, note)| matches!(note, Note::Decided { outcome: Outcome::Silent, .. }))
    );
    assert_eq!(
        net.count(TS1, |note| matches!(note, Note::Took { name, .. }
        if name.as_str() == "host0.examplehost1.example")),
        1
    );
    let end = LabTime::from_millis(20_000);
    assert_eq!(net.now, end);
    net.tell(CLIENT, Told::Ask { name: None, kind: RecordType::A, times: 1 });
    net.run(ms(20_100));
    assert!(
        net.verdicts(CLIENT)
            .values()
            .any(|(_, note)| matches!(note, Note::Decided { outcome: Outcome::Answered, .. })),
        "one alone is found"
    );
}
