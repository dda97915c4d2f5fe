//! A TS in front of a store on real sockets, set while the lab runs: how long it waits, and whether it has a store at
//! all.

mod common;

use common::{Bench, DEADLINE};
use faultlab::base::{Incarnation, Owner};
use faultlab::event::{Event, Fact};
use faultlab::message::{Note, OpOutcome, Outcome, Said, StoreNote};
use faultlab::topology::{self, Bundled};
use std::sync::Arc;
use std::time::Instant;

const STORE: &str = r#"store = "store"
request_timeout = "50s"
timeout = "60s"
reconnect = "100ms"
"#;

/// A table without an entry, and nobody to ask.
const NO_STORE: &str = "records = []";

/// A client, a TS with an empty table and these settings, and two replicas with somebody who writes to them.
fn lab(ts: &str) -> String {
    format!(
        r#"
title = "names in a store"
[nodes.client]
role = "client"
asks = "ts"
names = ["www.a.com"]
timeout = "90s"
reconnect = "100ms"
[nodes.writer]
role = "client"
asks = "store"
operations = ["get k"]
[nodes.ts]
role = "ts"
on_miss = "negative"
{ts}
[groups.store]
role = "replica"
members = ["r1", "r2"]
heartbeat = "100ms"
suspect_after = "800ms"
propagation = "sync"
terms = true
"#
    )
}

fn started(ts: &str) -> Bench {
    let bench = Bench::start(&lab(ts));
    let written = bench.command("put writer www.a.com 192.0.2.7", |event| {
        matches!(event.fact, Fact::Noted(Note::Store(StoreNote::Concluded { .. })))
    });
    let Fact::Noted(Note::Store(StoreNote::Concluded { outcome, .. })) = written.fact else {
        panic!("{written:?}")
    };
    assert_eq!(outcome, OpOutcome::Ok);
    bench
}

/// What the client is told. Where the TS has just started again, it may ask on a connection to its last life.
fn query(bench: &Bench) -> (Outcome, Option<Said>) {
    let start = Instant::now();
    loop {
        let told = ask(bench);
        if !matches!(told.0, Outcome::Reset | Outcome::Refused) {
            return told;
        }
        assert!(start.elapsed() < DEADLINE, "{told:?}");
    }
}

fn ask(bench: &Bench) -> (Outcome, Option<Said>) {
    let client = bench.id("client");
    let told = |event: &Event| match &event.fact {
        Fact::Noted(Note::Decided { outcome, said, .. }) => {
            let own = matches!(event.id.owner, Owner::Node(node, _) if node == client);
            own.then(|| (*outcome, said.clone()))
        }
        _ => None,
    };
    let event = bench.command("query client www.a.com", |event| told(event).is_some());
    told(&event).expect("it is one")
}

fn set(bench: &Bench, line: &str) {
    bench.command(line, |event| matches!(event.fact, Fact::Noted(Note::Changed { .. })));
}

#[test]
fn how_long_a_ts_waits_for_its_store_is_set_while_it_runs() {
    let bench = started(STORE);
    assert_eq!(query(&bench).0, Outcome::Answered);
    // Whoever does not answer is left for the other, long before the file says so.
    set(&bench, "set ts request_timeout 100ms");
    bench.give("freeze r1");
    let (outcome, said) = query(&bench);
    assert_eq!(outcome, Outcome::Answered, "{said:?}");
    // And where nobody answers, it is said.
    bench.give("freeze r2");
    set(&bench, "set ts timeout 400ms");
    let (outcome, said) = query(&bench);
    let why = match &said {
        Some(Said::Failed(why)) => why.to_string(),
        _ => String::new(),
    };
    assert_eq!((outcome, why.as_str()), (Outcome::Failed, "the store does not answer"), "{said:?}");
}

/// The same lab goes on with another edition of its file, and takes its changes.
fn reload(bench: &Bench, ts: &str) {
    let loaded = topology::load_text("test.toml", &lab(ts), &Bundled);
    let mut topology = loaded.unwrap_or_else(|problems| panic!("{problems}")).topology;
    topology.auto_pace = false;
    let from = bench.handle.end();
    assert!(bench.handle.take(Arc::new(topology)), "the lab takes it");
    let ts = bench.id("ts");
    let changed = bench.until(from, "the change", |event| {
        matches!(event.fact, Fact::TopologyChanged { .. } | Fact::CommandRefused { .. })
    });
    assert!(matches!(changed.fact, Fact::TopologyChanged { .. }), "{changed:?}");
    bench.until(
        from,
        "the ts starts again",
        |event| matches!(event.fact, Fact::NodeListening { node, .. } if node == ts),
    );
}

#[test]
fn a_store_that_the_file_gives_and_takes_away_makes_the_ts_start_again_and_nobody_else() {
    let bench = started(NO_STORE);
    assert_eq!(query(&bench).0, Outcome::Negative);
    reload(&bench, STORE);
    assert_eq!(query(&bench).0, Outcome::Answered);
    reload(&bench, NO_STORE);
    assert_eq!(query(&bench).0, Outcome::Negative);
    let lives = |name: &str| {
        let node = bench.id(name);
        let of = |event: &Event| match event.fact {
            Fact::NodeBooted { node: booted, incarnation } if booted == node => Some(incarnation),
            _ => None,
        };
        bench.events().iter().filter_map(of).max()
    };
    assert_eq!(lives("ts"), Some(Incarnation(3)));
    for other in ["client", "writer", "r1", "r2"] {
        assert_eq!(lives(other), Some(Incarnation(1)), "{other}");
    }
}
