//! `set NODE KEY VALUE` from outside: what is read, what is refused with which words, and that a
//! present value is written such that it reads back.

#[path = "topology/lab.rs"]
mod lab;

use faultlab::message::Flaw;
use faultlab::topology::setting::{current, keys, parse};
use faultlab::topology::{Kind, Setting};
use lab::{LAB, ok};
use proptest::prelude::*;

#[test]
fn a_setting_reads_back_as_it_is_written() {
    let topology = ok(LAB).topology;
    let changes = [
        ("ls", "policy race"),
        ("ls", "upstreams ts1,ts2"),
        ("ls", "flaws glued-names,eof-is-answer"),
        ("ls", "fall 3"),
        ("ls", "eject_for 9s"),
        ("ls", "timeout 1500ms"),
        ("ls", "failover off"),
        ("ls", "accept first-positive"),
        ("client", "retry times=2,budget=0.25"),
        ("client", "pace serial"),
        ("client", "ids on"),
        ("client", "asks ls,ts1"),
        ("ts1", "responds p50=5ms,p99=1s"),
        ("ts1", "responds usual=5ms,slow=1s,share=0.01"),
        ("ts1", "responds mean=30ms,distribution=exponential"),
        ("ts1", "responds 30ms"),
        ("ts1", "workers 2"),
        ("ts1", "queue 7"),
        ("ts1", "lie on"),
        ("ts1", "on_miss negative"),
    ];
    for (name, change) in changes {
        let (key, value) = change.split_once(' ').unwrap();
        let node = topology.names.id(name).unwrap();
        let mut kind = topology.node(node).kind.clone();
        let setting =
            parse(&topology, node, key, value).unwrap_or_else(|why| panic!("{change}: {why}"));
        assert!(setting.apply(&mut kind), "{change}");
        assert_eq!(current(&topology, &kind, key).unwrap(), value, "{change}");
    }
    for node in &topology.nodes {
        for key in keys(&node.kind) {
            let value = current(&topology, &node.kind, key).unwrap();
            let mut kind = node.kind.clone();
            let setting = parse(&topology, node.id, key, &value)
                .unwrap_or_else(|why| panic!("{key} {value}: {why}"));
            assert!(setting.apply(&mut kind));
            assert_eq!(kind, node.kind, "{key} {value}");
        }
    }
}

#[test]
fn short_forms_of_settings_mean_what_they_say() {
    let topology = ok(LAB).topology;
    let ls = topology.names.id("ls").unwrap();
    let set = |key: &str, value: &str| parse(&topology, ls, key, value).unwrap();
    let ts = |name: &str| topology.names.id(name).unwrap();
    assert_eq!(set("upstreams", "ts*"), Setting::Upstreams(vec![ts("ts1"), ts("ts2")]));
    assert_eq!(set("fall", "off"), Setting::Fall(0));
    let mut kind = topology.node(ls).kind.clone();
    for (value, expected) in [
        ("glued-names,socket-timer", "glued-names,socket-timer"),
        ("-glued-names,+cannot-stop", "socket-timer,cannot-stop"),
        ("+eof-is-answer", "socket-timer,eof-is-answer,cannot-stop"),
        ("none", "none"),
    ] {
        assert!(set("flaws", value).apply(&mut kind));
        assert_eq!(current(&topology, &kind, "flaws").unwrap(), expected);
    }
    assert!(matches!(&kind, Kind::Ls(ls) if !ls.flaws.has(Flaw::GluedNames)));
}

#[test]
fn a_setting_that_cannot_be_says_why() {
    let topology = ok(LAB).topology;
    for (name, change, part) in [
        ("ls", "policy rase", "did you mean `race`?"),
        ("ls", "hedge_after p100", "no percentile"),
        ("ls", "hedge_budget 3", ""),
        ("ls", "probation -1", "no count"),
        ("ls", "polcy race", "did you mean `policy`?"),
        ("ls", "listen 5300", "settled when the lab starts"),
        ("ls", "records x", "an LS and has no `records`"),
        ("ls", "upstreams ls", "ask itself"),
        ("ls", "upstreams client", "is a client"),
        ("ls", "upstreams ts7", "there is no node `ts7`"),
        ("ls", "upstreams leaf*", "means no node"),
        ("ls", "timeout 5", "no unit"),
        ("ls", "timeout 0", "more than zero"),
        ("ls", "fall -1", "no count"),
        ("ls", "rise 0", "no count"),
        ("ls", "flaws glued", "did you mean `glued-names`?"),
        ("ls", "flaws +glued-names,socket-timer", "before every flaw"),
        ("ls", "flaws +glued-names,-glued-names", "on and off at once"),
        ("ls", "failover maybe", "neither on nor off"),
        ("client", "flaws eof-is-answer", "cannot have the flaw"),
        ("client", "rate 5", "load client 50"),
        ("client", "retry times=two", ""),
        ("client", "retry 3", "write key=value"),
        ("ts1", "responds p50=5ms", "no service time"),
        ("ts1", "responds p50=1s,p99=5ms", "shorter"),
        ("ts1", "responds p50=1s,p50=5ms", "twice"),
        ("ts1", "workers 0", "no count"),
        ("ts1", "flaws none", "has no `flaws`"),
        ("ts1", "\x1b[2J x", "\\e[2J"),
    ] {
        let (key, value) = change.split_once(' ').unwrap();
        let node = topology.names.id(name).unwrap();
        match parse(&topology, node, key, value) {
            Ok(setting) => panic!("{change}: {setting:?}"),
            Err(why) => {
                assert!(why.contains(part), "{change}: {why}");
                assert!(!why.is_empty() && !why.chars().any(char::is_control), "{change}: {why:?}");
            }
        }
    }
}

#[test]
fn settings_that_would_close_a_circle_are_refused() {
    let text = format!("{LAB}\n[nodes.ls2]\nrole = \"ls\"\nupstreams = [\"ls\"]\n");
    let topology = ok(&text).topology;
    let ls = topology.names.id("ls").unwrap();
    assert!(parse(&topology, ls, "upstreams", "ts1,ls2").unwrap_err().contains("round for ever"));
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 300,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

#[test]
    fn no_words_of_a_setting_make_it_panic(key in "[a-z_]{0,12}", value in "\\PC{0,40}") {
        let topology = ok(LAB).topology;
        for node in &topology.nodes {
            let _ = parse(&topology, node.id, &key, &value);
            for key in keys(&node.kind) {
                let _ = parse(&topology, node.id, key, &value);
            }
        }
    }
}
