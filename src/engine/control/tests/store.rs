//! Replicas and their clients under the control plane: what they are told, and what becomes of disks.

use super::bench::Bench;
use super::undo::is_exact;
use crate::base::NodeId;
use crate::engine::control::Act;
use crate::engine::control::state::Grammar;
use crate::event::{Fact, Life};
use crate::machine::Told;
use crate::message::{Operation, RecordType};
use crate::topology::{Bundled, Kind, Propagation, load_text};
use proptest::prelude::*;
use std::sync::Arc;

/// The clients come first in the file, and boot last.
const FILE: &str = r#"
[nodes.writer]
role = "client"
asks = "store"
operations = ["post lobby hello {n}"]

[nodes.reader]
role = "client"
asks = "store"

[nodes.client]
role = "client"
asks = "ts1"
names = ["www.a.com"]

[nodes.ts1]
role = "ts"
store = "store"

[groups.store]
role = "replica"
members = ["r1", "r2", "r3", "r4"]

[nodes.r3]
lie = true

[nodes.r4]
start = "off"
"#;

const WRITER: NodeId = NodeId(0);
const R1: NodeId = NodeId(4);
const R3: NodeId = NodeId(6);

fn bench() -> Bench {
    let loaded = load_text("store.toml", FILE, &Bundled).unwrap_or_else(|why| panic!("{why}"));
    Bench::of(Arc::new(loaded.topology), Grammar::FILE)
}

#[test]
fn replicas_boot_before_those_who_ask_them() {
    let mut bench = bench();
    let order: Vec<&str> = {
        let acts = crate::engine::Control::new(bench.file.clone()).start();
        let booted = acts.into_iter().filter_map(|act| match act {
            Act::Boot(node) => Some(node),
            _ => None,
        });
        booted.map(|node| bench.file.names.of(node)).collect()
    };
    assert_eq!(order, ["r1", "r2", "r3", "ts1", "writer", "reader", "client"]);
    bench.must("revive r4");
    assert_eq!(bench.life[&NodeId(7)], Life::Up);
}

#[test]
fn a_client_of_the_store_is_told_what_to_do() {
    let mut bench = bench();
    for line in ["put writer k v x3", "query writer x2", "load writer 5/s"] {
        bench.must(line);
    }
    let operation = Operation::Put { key: "k".into(), value: "v".into() };
    let expected = [
        (WRITER, Told::Operate { operation, times: 3 }),
        (WRITER, Told::Ask { name: None, kind: RecordType::A, times: 2 }),
    ];
    assert_eq!(bench.told, expected);
    assert_eq!(bench.loads[&WRITER], 5000);
    bench.must("undo");
    assert_eq!(bench.undone, ["load writer 5/s"], "an operation is not undone");
}

#[test]
fn what_a_client_cannot_do_is_refused_with_a_sentence() {
    let mut bench = bench();
    bench.must("freeze writer");
    for (line, why) in [
        ("put client k v", "client asks for names and knows no store: try `writer`"),
        ("put r1 k v", "r1 is no client: try `writer`"),
        ("get writer k", "writer is frozen and hears nothing: `thaw writer` first"),
        (
            "query reader www.a.com",
            "reader keeps to a store: `put reader KEY VALUE`, `get`, `post` and `read` say what it \
             does, and `query reader x5` goes through its list",
        ),
        (
            "batch reader",
            "reader keeps to a store: `put reader KEY VALUE`, `get`, `post` and `read` say what it \
             does, and `query reader x5` goes through its list",
        ),
        (
            "query reader",
            "reader has no list: give it `operations` in the file, or say what it does: \
             `put reader KEY VALUE`",
        ),
        (
            "load reader 5/s",
            "reader has no list: give it `operations` in the file, or say what it does: \
             `put reader KEY VALUE`",
        ),
        (
            "lie writer on",
            "writer is a client: only a TS and a replica have something to lie about",
        ),
    ] {
        assert_eq!(bench.refused(line), why, "{line}");
    }
}

#[test]
fn a_replica_lies_and_is_set_and_the_file_is_what_reset_goes_back_to() {
    let mut bench = bench();
    let lies = |bench: &Bench, node| bench.kinds[&node].lies() == Some(true);
    bench.must("lie r1 on");
    bench.must("set r1 propagation sync");
    assert!(lies(&bench, R1) && lies(&bench, R3));
    bench.must("kill r1");
    bench.must("revive r3");
    assert!(!lies(&bench, R3), "whatever ails it ends");
    bench.must("reset");
    assert!(!lies(&bench, R1) && lies(&bench, R3));
    let sync = matches!(&bench.kinds[&R1], Kind::Replica(r) if r.propagation == Propagation::Sync);
    assert!(sync, "a setting outlives the process");
}

#[test]
fn only_the_disk_of_a_dead_replica_is_wiped_and_no_undo_brings_it_back() {
    let mut bench = bench();
    let runs = "r1 runs and writes its disk: `kill r1` first";
    assert_eq!(bench.refused("wipe r1"), runs);
    bench.must("freeze r1");
    assert_eq!(bench.refused("wipe r1"), runs);
    assert_eq!(
        bench.refused("wipe ts1"),
        "ts1 is a TS and has no disk: only replicas keep anything"
    );
    bench.must("kill r1");
    assert_eq!(bench.give("wipe r1"), Ok(1));
    bench.must("undo");
    assert_eq!((&*bench.undone, &*bench.wiped), (&["kill r1".to_owned()][..], &[R1][..]));
    bench.must("power-off r1");
    bench.must("wipe r1");
    bench.must("wipe r4");
    assert_eq!(bench.wiped.len(), 3, "no power, or never started: the disk is there");
}

#[test]
fn a_disk_that_cannot_be_read_keeps_its_node_down_until_it_is_wiped() {
    let mut bench = bench();
    let why = "the disk of r1 cannot be read: `wipe r1` empties it, \
               then `revive r1` starts it with nothing";
    bench.must("kill r1");
    bench.damaged.insert(R1);
    bench.must("revive r1");
    assert_eq!(bench.control.life(R1), Life::Corrupt);
    for line in ["revive r1", "kill r1", "freeze r1", "thaw r1", "stop r1", "lie r1 on"] {
        assert_eq!(bench.refused(line), why, "{line}");
    }
    assert_eq!(bench.give("reset"), Ok(0), "nothing else is down");
    // Back over the revival and the kill: what the disk has lost comes back by neither.
    assert_eq!(bench.give("undo"), Ok(1), "the record of it, and no boot");
    assert_eq!(bench.give("undo"), Ok(1), "the record of it, and no boot");
    assert_eq!(bench.life[&R1], Life::Corrupt);
    bench.must("wipe r1");
    assert_eq!(bench.control.life(R1), Life::Killed);
    bench.must("revive r1");
    assert_eq!((bench.control.life(R1), bench.life[&R1]), (Life::Up, Life::Up));
    // The boot that failed does not count: a crash of the new life is seen.
    bench.see(crate::base::Owner::Lab, Fact::NodeCrashed { node: R1, why: "why not".into() });
    assert_eq!(bench.control.life(R1), Life::Crashed);
}

#[test]
fn a_late_word_of_a_failed_boot_says_nothing_of_the_next() {
    let mut bench = bench();
    bench.must("kill r1");
    let apply = |bench: &mut Bench, line: &str| {
        let command = crate::command::grammar::command(line, &bench.file.names).expect(line);
        bench.control.apply(crate::base::LabTime::ZERO, &command).expect(line)
    };
    for line in ["revive r1", "kill r1", "wipe r1", "revive r1"] {
        apply(&mut bench, line);
    }
    bench.see(crate::base::Owner::Lab, Fact::NodeCorrupt { node: R1, why: "the first".into() });
    assert_eq!(bench.control.life(R1), Life::Up);
    bench.see(crate::base::Owner::Lab, Fact::NodeCorrupt { node: R1, why: "the second".into() });
    assert_eq!(bench.control.life(R1), Life::Corrupt);
}

fn line() -> impl Strategy<Value = String> {
    let nodes = prop::sample::select(vec!["r1", "r2", "r3", "r4", "ts1", "writer"]);
    let deeds = vec!["kill", "crash", "power-off", "freeze", "thaw", "revive", "revive", "wipe"];
    let others = vec![
        "lie r1 on",
        "lie r3 off",
        "set r1 propagation sync",
        "set r1 propagation async",
        "set r2 terms on",
        "set r2 lag 500ms",
        "set r1 peers store",
        "set r1 peers none",
        "set r3 flaws +serves-early",
        "set writer asks store",
        "set writer reads any",
        "load writer 5/s",
        "load writer off",
        "put writer k v",
        "cut r1<->r2",
        "heal r1",
        "reset",
    ];
    prop_oneof![
        6 => (prop::sample::select(deeds), nodes).prop_map(|(deed, node)| format!("{deed} {node}")),
        6 => prop::sample::select(others).prop_map(str::to_owned),
        4 => Just("undo".to_owned()),
        2 => Just("redo".to_owned()),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig {
        failure_persistence: None,
        cases: 12,
        ..Default::default()
    })]

    #[test]
    fn undo_and_redo_are_exact_for_a_store(lines in prop::collection::vec(line(), 500)) {
        is_exact(&mut bench(), &lines)?;
    }
}
