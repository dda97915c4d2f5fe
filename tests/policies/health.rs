//! Health in whole labs: how soon a dead or frozen server is left alone, how it comes back, and that a bad link does
//! not make it flap (L6).

use crate::stage::{at, ended, events, give, id, lab, notes};
use faultlab::base::LabTime;
use faultlab::event::Event;
use faultlab::message::{Note, Outcome};
use faultlab::sim::Sim;
use faultlab::topology::Topology;

fn topology(ls: &str) -> Topology {
    lab(&format!(
        r#"
        [defaults.link]
        latency = "2ms"
        [nodes.client]
        role = "client"
        asks = "ls"
        names = ["www.a.com"]
        rate = 20
        [nodes.ls]
        role = "ls"
        upstreams = ["ts1", "ts2"]
        failover_after = "500ms"
        timeout = "5s"
        reconnect = "500ms"
        {ls}
        [groups.servers]
        role = "ts"
        members = ["ts1", "ts2"]
        records = {{ "www.a.com" = "192.0.2.1" }}
        "#
    ))
}

/// A table that ends the one of the LS, and has both links to its upstreams speak DNS.
const DATAGRAMS: &str = "[[links]]\nbetween = [\"ls\", \"servers\"]\nwire = \"dns\"";

/// When ts1 was ejected and taken back.
fn moves(events: &[Event], topology: &Topology) -> (Vec<LabTime>, Vec<LabTime>) {
    let (ls, ts1) = (id(topology, "ls"), id(topology, "ts1"));
    let (mut out, mut back) = (Vec::new(), Vec::new());
    for (when, note) in notes(events, ls) {
        match note {
            Note::Ejected { upstream, .. } if *upstream == ts1 => out.push(when),
            Note::Restored { upstream, .. } if *upstream == ts1 => back.push(when),
            _ => {}
        }
    }
    (out, back)
}

#[test]
fn a_killed_server_costs_one_hop_and_a_frozen_one_its_time_and_both_come_back() {
    for (fault, within) in [("kill", 0.6), ("freeze", 1.7)] {
        let topology = topology("policy = \"failover\"\nfall = 2\nrise = 2\neject_for = \"1s\"");
        let mut sim = Sim::new(&topology, 5);
        sim.run_until(at(3.0));
        give(&mut sim, &format!("{fault} ts1"));
        sim.run_until(at(8.0));
        give(&mut sim, "revive ts1");
        sim.run_until(at(14.0));
        give(&mut sim, "load client off");
        sim.run_until(at(25.0));
        let events = events(&sim);
        let client = id(&topology, "client");
        assert_eq!(ended(&events, client, Outcome::Silent), 0, "{fault}");
        assert_eq!(ended(&events, client, Outcome::Failed), 0, "{fault}");
        let (out, back) = moves(&events, &topology);
        let detected = out[0].since(at(3.0)).as_secs_f64();
        assert!(detected < within, "{fault}: ejected only after {detected} s");
        assert_eq!(back.len(), 1, "{fault}");
        assert!(back[0] > at(8.0) && back[0] < at(10.5), "{fault}: back at {}", back[0]);
        let skipped = notes(&events, id(&topology, "ls")).filter(|(when, note)| {
            let first = |note: &Note| {
                matches!(note, Note::Chose { upstreams, .. }
                if upstreams.first() == topology.names.id("ts1").as_ref())
            };
            *when > out[0] && *when < back[0] && first(note)
        });
        assert_eq!(skipped.count(), 0, "{fault}: it was asked while it was left alone");
    }
}

#[test]
fn checks_find_a_frozen_server_that_nobody_asks() {
    let ls = "policy = \"failover\"\ncheck_every = \"500ms\"\nfall = 2\neject_for = \"1s\"";
    let topology = topology(ls);
    let mut sim = Sim::new(&topology, 5);
    sim.run_until(at(2.0));
    give(&mut sim, "load client off");
    sim.run_until(at(3.0));
    give(&mut sim, "freeze ts1");
    sim.run_until(at(6.0));
    let (out, _) = moves(&events(&sim), &topology);
    assert!(!out.is_empty() && out[0] < at(5.0), "{out:?}");
    give(&mut sim, "thaw ts1");
    sim.run_until(at(10.0));
    let (_, back) = moves(&events(&sim), &topology);
    assert_eq!(back.len(), 1);
}

/// How often ts1 comes back within two minutes on a link that loses half, at most over 20 seeds.
fn returns(ls: &str, loss: &str) -> usize {
    let topology = topology(ls);
    let (mut most, mut ejected) = (0, 0);
    for seed in 0..20 {
        let mut sim = Sim::new(&topology, seed);
        sim.run_until(at(2.0));
        give(&mut sim, loss);
        sim.run_until(at(122.0));
        let events = events(&sim);
        let (out, back) = moves(&events, &topology);
        ejected += usize::from(!out.is_empty());
        most = most.max(back.len());
        assert_eq!(ended(&events, id(&topology, "client"), Outcome::Silent), 0, "seed {seed}");
        give(&mut sim, "heal ls<->ts1");
        sim.run_until(at(200.0));
        // Every probe that fails is noted as one more ejection.
        let (out, back) = moves(&crate::stage::events(&sim), &topology);
        assert!(out.last() < back.last(), "seed {seed}: it never came back");
    }
    assert!(ejected > 10, "a link so bad is noticed: {ejected} of 20");
    most
}

#[test]
fn a_link_that_loses_half_of_everything_does_not_make_a_server_flap() {
    let rules =
        "policy = \"round-robin\"\nfall = 2\nrise = 2\neject_for = \"1s\"\ncheck_every = \"1s\"";
    let late = returns(&format!("{rules}\nids = true"), "loss ls<->ts1 50%");
    assert!(late <= 8, "{late} returns in two minutes where what is lost comes late");
    let lost = returns(&format!("{rules}\n{DATAGRAMS}"), "loss ls->ts1 50%");
    assert!(lost <= 8, "{lost} returns in two minutes where it is lost");
}

#[test]
fn a_slow_server_is_put_on_probation_and_comes_back_when_it_is_quick() {
    let topology = topology("policy = \"round-robin\"\nprobation = 5\neject_for = \"1s\"");
    let mut sim = Sim::new(&topology, 5);
    sim.run_until(at(3.0));
    give(&mut sim, "set ts1 responds 200ms");
    sim.run_until(at(9.0));
    let ls = id(&topology, "ls");
    let all = events(&sim);
    let slow = notes(&all, ls).filter(|(_, note)| {
        matches!(note, Note::Balance(faultlab::message::BalanceNote::Slow { upstream, .. })
            if *upstream == id(&topology, "ts1"))
    });
    assert_eq!(slow.count(), 1);
    let (out, back) = moves(&all, &topology);
    assert!(out[0] < at(6.0), "{out:?}");
    assert_eq!(back, [], "it answers its probes, but slowly");
    give(&mut sim, "set ts1 responds 0ms");
    sim.run_until(at(14.0));
    let (_, back) = moves(&events(&sim), &topology);
    assert_eq!(back.len(), 1);
}
