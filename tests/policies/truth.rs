//! The truth table: two servers, each in one of eight parts, under every policy; 704 labs of one question. What must
//! come out is derived here from the rules of the DNS (RFC 1035, 2308, 9520), not from the machine:
//!
//! - NOERROR, NODATA and NXDOMAIN are final; everything else is a failure, and another server is asked.
//! - A failure, however fast, never beats an answer, however slow.
//! - "There is none" is only said where a server has said so; where all failed, the asker is told that it failed, and
//!   where all were silent, that. Nobody waits past the deadline.

use crate::actor::Actor;
use crate::rules::{POLICIES, Part, Rule, expected, outcome};
use crate::stage::{at, events, give, id, lab, notes};
use faultlab::base::{NodeId, Peer};
use faultlab::event::{Event, Fact};
use faultlab::machine::build;
use faultlab::message::{Message, Note, Outcome};
use faultlab::sim::Sim;
use faultlab::topology::{Policy, Topology};

/// ts1 is always the quicker one. Nobody retries, nobody is ejected.
fn topology(policy: Policy, extra: &str) -> Topology {
    let policy = policy.word();
    lab(&format!(
        r#"
        [defaults.link]
        latency = "5ms"
        [nodes.client]
        role = "client"
        asks = "ls"
        names = ["www.a.com"]
        [nodes.ls]
        role = "ls"
        upstreams = ["ts1", "ts2"]
        policy = "{policy}"
        timeout = "5s"
        {extra}
        [nodes.ts1]
        role = "ts"
        records = {{ "www.a.com" = "192.0.2.1" }}
        [nodes.ts2]
        role = "ts"
        records = {{ "www.a.com" = "192.0.2.2" }}
        [[links]]
        between = ["ls", "ts2"]
        latency = "20ms"
        "#
    ))
}

fn questions_to(events: &[Event], servers: [NodeId; 2]) -> usize {
    let is_question = |event: &&Event| {
        matches!(&event.fact, Fact::MessageSent { to: Peer::Node(to), message, .. }
            if servers.contains(to)
                && matches!(**message, Message::Ask { .. } | Message::AskTied { .. }))
    };
    events.iter().filter(is_question).count()
}

/// Plays one question and says what was not as it should be.
fn play(policy: Policy, extra: &str, rule: Rule, parts: [Part; 2]) -> Vec<String> {
    let topology = topology(policy, extra);
    let [client, ls, ts1, ts2] = ["client", "ls", "ts1", "ts2"].map(|name| id(&topology, name));
    let maker = move |topology: &_, node: NodeId, life| match node {
        one if one == ts1 => Box::new(Actor { part: parts[0], address: "192.0.2.1" }),
        one if one == ts2 => Box::new(Actor { part: parts[1], address: "192.0.2.2" }),
        _ => build(topology, node, life),
    };
    let mut sim = Sim::with_machines(&topology, 7, Box::new(maker));
    for (node, part) in ["ts1", "ts2"].into_iter().zip(parts) {
        if part == Part::RefusedSocket {
            give(&mut sim, &format!("kill {node}"));
        }
    }
    sim.run_until(at(0.5));
    give(&mut sim, "query client");
    sim.run_until(at(30.0));
    let events = events(&sim);

    // Whom a policy asks first is its own business; what is then said is not.
    let asked_first = notes(&events, ls).find_map(|(_, note)| match note {
        Note::Chose { upstreams, .. } => upstreams.first().copied(),
        _ => None,
    });
    let mut order = [("ts1", outcome(parts[0])), ("ts2", outcome(parts[1]))];
    if asked_first == Some(ts2) {
        order.reverse();
    }
    let expected = expected(rule, order);
    let place = format!("{} {extra} {parts:?}", policy.word());
    let mut complaints = Vec::new();
    let decided: Vec<_> = notes(&events, ls)
        .filter_map(|(when, note)| match note {
            Note::Decided { outcome, from, .. } => Some((when, (*outcome, *from))),
            _ => None,
        })
        .collect();
    let expected_ids = (expected.0, expected.1.map(|name| id(&topology, name)));
    match decided.as_slice() {
        [(when, verdict)] => {
            if *verdict != expected_ids {
                complaints.push(format!("{place}: {verdict:?} in place of {expected:?}"));
            }
            if *when > at(0.5 + 5.0 + 0.1) {
                complaints.push(format!("{place}: decided only at {when}"));
            }
        }
        others => complaints.push(format!("{place}: {} verdicts", others.len())),
    }
    let told: Vec<Outcome> = notes(&events, client)
        .filter_map(|(_, note)| match note {
            Note::Decided { outcome, .. } => Some(*outcome),
            _ => None,
        })
        .collect();
    if told != [expected.0] {
        complaints.push(format!("{place}: the client has {told:?}"));
    }
    if questions_to(&events, [ts1, ts2]) > 3 {
        complaints.push(format!("{place}: asked more often than there is reason for"));
    }
    complaints
}

#[test]
fn every_pair_of_servers_under_every_policy_ends_as_the_rules_of_the_dns_say() {
    let mut complaints = Vec::new();
    for (policy, extra, rule) in POLICIES {
        for first in Part::ALL {
            for second in Part::ALL {
                complaints.extend(play(policy, extra, rule, [first, second]));
            }
        }
    }
    assert!(complaints.is_empty(), "\n{}\n", complaints.join("\n"));
}
