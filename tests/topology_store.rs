//! Replicas and who asks them, from outside: what a file may leave unsaid, who knows whom, which wire
//! is spoken, what is warned of, and what `set` changes.

#[path = "topology/lab.rs"]
mod lab;

use faultlab::command::Command;
use faultlab::message::{CatchUp, DiskKind, Flaw, Operation};
use faultlab::topology::setting::{current, keys, parse};
use faultlab::topology::{
    Bundled, ClockKind, HeartbeatMode, Kind, NoMajority, Patience, Propagation, ReadFrom,
    ReplicaConfig, Role, Scheme, Setting, StoreClientConfig, Topology, Wire, estimate, load_text,
};
use lab::{LAB, ok};
use proptest::prelude::*;
use std::time::Duration;

/// A store that one leads, with a server that nobody knows, a store of votes, clients of both, and a
/// TS in front of the first.
const STORE: &str = include_str!("topology/store.toml");

fn replica<'a>(topology: &'a Topology, name: &str) -> &'a ReplicaConfig {
    match &topology.node(topology.names.id(name).unwrap()).kind {
        Kind::Replica(replica) => replica,
        other => panic!("{name}: {other:?}"),
    }
}

fn client<'a>(topology: &'a Topology, name: &str) -> &'a StoreClientConfig {
    match &topology.node(topology.names.id(name).unwrap()).kind {
        Kind::StoreClient(client) => client,
        other => panic!("{name}: {other:?}"),
    }
}

/// The names of nodes, as one text.
fn named(topology: &Topology, ids: &[faultlab::base::NodeId]) -> String {
    ids.iter().map(|id| topology.names.of(*id)).collect::<Vec<_>>().join(" ")
}

/// What is said of a text that is good all the same.
fn warnings(text: &str) -> Vec<String> {
    ok(text).warnings.iter().map(|problem| problem.message.clone()).collect()
}

#[test]
fn what_a_replica_does_not_state_has_its_default() {
    let topology = ok("[groups.g]\nrole = 'replica'\ncount = 3\nprefix = 'r'\n").topology;
    let seconds = Duration::from_secs;
    let expected = ReplicaConfig {
        peers: topology.groups["g"][1..].into(),
        scheme: Scheme::PrimaryBackup,
        heartbeat: seconds(1),
        heartbeat_mode: HeartbeatMode::Pull,
        suspect_after: seconds(4),
        propagation: Propagation::Async,
        lag: Duration::ZERO,
        catch_up: CatchUp::State,
        terms: false,
        clock: ClockKind::Count,
        disk: DiskKind::Sqlite,
        reconnect: seconds(1),
        lie: false,
        flaws: faultlab::message::Flaws::NONE,
    };
    assert_eq!(replica(&topology, "r1"), &expected);
    let node = topology.node(topology.names.id("r1").unwrap());
    assert_eq!(
        (node.role(), node.listen.line, node.listen.json),
        (Role::Replica, Some(0), Some(0))
    );
}

#[test]
fn what_a_file_says_of_a_store_is_what_there_is() {
    let topology = ok(STORE).topology;
    let r2 = replica(&topology, "r2");
    assert_eq!((r2.scheme, r2.propagation), (Scheme::PrimaryBackup, Propagation::Async));
    assert_eq!((r2.lag, r2.heartbeat), (Duration::from_millis(500), Duration::from_millis(300)));
    assert!(r2.flaws.has(Flaw::ServesEarly) && !r2.lie && !r2.terms);
    let v1 = replica(&topology, "v1");
    assert_eq!(
        (v1.scheme, v1.clock, v1.disk),
        (Scheme::Active, ClockKind::Digest, DiskKind::Rewrite)
    );
    let writer = client(&topology, "writer");
    assert_eq!((writer.scheme, writer.reads), (Scheme::PrimaryBackup, ReadFrom::Majority));
    assert_eq!(
        (writer.timeout, writer.request_timeout),
        (Duration::from_secs(10), Duration::from_secs(1))
    );
    let post = Operation::Post { room: "lobby".into(), text: "hello {n}".into() };
    assert_eq!(writer.operations[0], post);
    assert_eq!(writer.operations.len(), 3);
    let voter = client(&topology, "voter");
    assert_eq!((voter.scheme, voter.no_majority), (Scheme::Active, NoMajority::Refuse));
    let Kind::Ts(ts) = &topology.node(topology.names.id("ts1").unwrap()).kind else { panic!() };
    assert_eq!(named(&topology, &ts.store), "r1 r2 r3");
    let step = &topology.steps[0];
    assert!(matches!(&step.commands[0], Command::Operate { times: 1, .. }));
    assert_eq!(step.commands.len(), 4);
}

#[test]
fn a_server_that_is_off_is_unknown_and_knows_the_others() {
    let topology = ok(STORE).topology;
    let peers = |name: &str| named(&topology, &replica(&topology, name).peers);
    assert_eq!(peers("r1"), "r2 r3");
    assert_eq!(peers("r4"), "r1 r2 r3");
    assert_eq!(named(&topology, &client(&topology, "writer").asks), "r1 r2 r3");
    let stated = STORE.replace("lag = ", "peers = [\"r1\", \"r2\", \"r3\", \"r4\"]\nlag = ");
    let topology = ok(&stated).topology;
    assert_eq!(named(&topology, &replica(&topology, "r2").peers), "r1 r3 r4");
    let whole = STORE.replace("lag = ", "start = \"off\"\nlag = ");
    let topology = ok(&whole).topology;
    assert_eq!(named(&topology, &replica(&topology, "r1").peers), "r2 r3 r4", "none starts");
}

#[test]
fn the_order_of_a_group_is_that_of_its_members() {
    let order = |text: &str| {
        let topology = ok(text).topology;
        topology.names.iter().collect::<Vec<_>>().join(" ")
    };
    let list = "[groups.g]\nrole = 'replica'\nmembers = ['r2', 'r1', 'r3']\n";
    let count = "[groups.g]\nrole = 'replica'\ncount = 3\nprefix = 'r'\n";
    let written = "[nodes.r3]\nlie = true\n[nodes.r1]\nreconnect = '2s'\n";
    for (text, expected) in [(list, "r2 r1 r3"), (count, "r1 r2 r3")] {
        assert_eq!(order(text), expected);
        assert_eq!(order(&format!("{text}{written}")), expected, "written out behind");
        assert_eq!(order(&format!("{written}{text}")), expected, "written out before");
    }
}

#[test]
fn links_to_replicas_speak_json_and_the_others_line() {
    for default in ["", "[defaults.link]\nlatency = \"1ms\"\nwire = \"line\"\n"] {
        let topology = ok(&format!("{default}{STORE}")).topology;
        let id = |name: &str| topology.names.id(name).unwrap();
        for (a, b, wire) in [
            ("r1", "r2", Wire::Json),
            ("r4", "r1", Wire::Json),
            ("writer", "r1", Wire::Json),
            ("writer", "r4", Wire::Json),
            ("ts1", "r3", Wire::Json),
            ("ls", "ts1", Wire::Line),
            ("client", "ls", Wire::Line),
        ] {
            assert_eq!(topology.wire(id(a), id(b)), wire, "{a} {b}");
            assert_eq!(topology.wire(id(b), id(a)), wire, "{b} {a}");
        }
    }
    let written = format!("{STORE}\n[[links]]\nbetween = [\"r1\", \"r2\"]\nwire = \"json\"\n");
    assert_eq!(warnings(&written), [""; 0]);
    let alone =
        "[groups.g]\nrole = 'replica'\ncount = 3\nprefix = 'r'\n[defaults.link]\nwire = 'json'\n";
    assert_eq!(warnings(alone), [""; 0]);
}

#[test]
fn what_is_odd_and_possible_is_warned_of() {
    let votes = |change: &str| {
        format!(
            "[groups.v]\nrole = 'replica'\nscheme = 'active'\nprefix = 'v'\n{change}\n\
                 [nodes.c]\nrole = 'client'\nasks = 'v'\n"
        )
    };
    assert_eq!(warnings(&votes("count = 3")), [""; 0]);
    let even = "a majority of 4 is 3: no more may fail than of 3";
    assert_eq!(warnings(&votes("count = 4")), [even]);
    let led = STORE.replace("asks = \"store\"", "asks = [\"r1\", \"r2\"]");
    assert_eq!(warnings(&led), ["a majority of 2 is 2: no more may fail than of 1"]);
    assert_eq!(warnings(&led.replace("reads = \"majority\"", "reads = \"any\"")), [""; 0]);
    let beats =
        |change: &str| format!("[groups.g]\nrole = 'replica'\nprefix = 'r'\ncount = 3\n{change}\n");
    assert_eq!(
        warnings(&beats("suspect_after = '1500ms'")),
        ["one heartbeat that is lost makes a suspicion"]
    );
    assert_eq!(warnings(&beats("suspect_after = '2s'")), [""; 0]);
    let alone = "[nodes.r1]\nrole = 'replica'\n";
    assert_eq!(warnings(alone), ["`r1` knows no other replica"]);
    assert_eq!(warnings(&format!("{alone}peers = []\n")), [""; 0]);
    let hasty = STORE.replace("reads =", "timeout = \"1s\"\nreads =");
    assert_eq!(warnings(&hasty), ["the operation is given up before another replica is asked"]);
}

#[test]
fn what_comes_from_a_store_is_in_no_table() {
    let topology = ok(STORE).topology;
    let id = |name: &str| topology.names.id(name).unwrap();
    assert!(topology.tells_of_a_store(id("ts1")) && topology.tells_of_a_store(id("ls")));
    let other =
        ok(&format!("{STORE}\n[nodes.ts2]\nrole='ts'\nrecords={{ \"a.com\" = \"1.1.1.1\" }}\n"));
    assert!(!other.topology.tells_of_a_store(other.topology.names.id("ts2").unwrap()));
    let lab = ok(LAB).topology;
    assert!(!lab.tells_of_a_store(lab.names.id("ls").unwrap()));
}

#[test]
fn a_store_needs_its_sockets() {
    let need = estimate(&ok(STORE).topology);
    // Seven replicas listen twice, an LS and two TSs once.
    assert_eq!(need.listeners, 17);
    // r1 to r3 each keep two, r4 three, v1 to v3 two; two clients and a TS three; client and LS one.
    assert_eq!(need.connections, 3 * 2 + 3 + 3 * 2 + 3 * 3 + 2);
    assert_eq!(need.sockets, need.listeners + 2 * need.connections);
    // Seven databases, each with its log and its index.
    assert_eq!(need.open_files, need.sockets + 7 * 3 + 40);
}

#[test]
fn every_bad_line_of_a_list_is_named() {
    let bad = STORE.replace("put k{n} v", "pst lobby hi").replace("get k1", "get");
    let problems = load_text("test.toml", &bad, &Bundled).unwrap_err();
    let at = |problem: &faultlab::topology::Problem| {
        let at = problem.at.unwrap();
        bad[at.start as usize..at.end as usize].to_owned()
    };
    let all: Vec<_> = problems.iter().map(|problem| (at(problem), &*problem.message)).collect();
    let expected =
        [("pst".to_owned(), "`pst` is no operation"), (String::new(), "a key is missing")];
    assert_eq!(all, expected, "{problems}");
}

#[test]
fn a_setting_of_a_store_reads_back_as_it_is_written() {
    let topology = ok(STORE).topology;
    let changes = [
        ("r1", "peers r2,r3,r4"),
        ("r1", "peers none"),
        ("r1", "heartbeat 200ms"),
        ("r1", "heartbeat_mode push"),
        ("r1", "suspect_after 900ms"),
        ("r1", "propagation sync-deadlock"),
        ("r1", "lag 1500ms"),
        ("r1", "catch_up log"),
        ("r1", "terms on"),
        ("r1", "reconnect 3s"),
        ("r1", "lie on"),
        ("r1", "flaws crash-spreads,serves-early"),
        ("v1", "clock vector"),
        ("v1", "catch_up log"),
        ("writer", "asks r1,r2,r3,r4"),
        ("writer", "timeout 3s"),
        ("writer", "request_timeout 200ms"),
        ("writer", "reads any"),
        ("writer", "no_majority refuse"),
        ("writer", "flaws fresh-ids,reconnect-storm"),
        ("voter", "no_majority first"),
        ("voter", "asks v1,v3"),
        ("ts1", "store r1,r2"),
        ("ts1", "timeout 2s"),
        ("ts1", "request_timeout 300ms"),
        ("ts1", "reconnect 400ms"),
    ];
    for (name, change) in changes {
        let (key, value) = change.split_once(' ').unwrap();
        let node = topology.names.id(name).unwrap();
        let mut kind = topology.node(node).kind.clone();
        let setting =
            parse(&topology, node, key, value).unwrap_or_else(|why| panic!("{change}: {why}"));
        assert!(setting.apply(&mut kind), "{change}");
        assert_ne!(kind, topology.node(node).kind, "{change}");
        assert_eq!(current(&topology, &kind, key).unwrap(), value, "{change}");
    }
    for node in &topology.nodes {
        for key in keys(&node.kind) {
            let value = current(&topology, &node.kind, key).unwrap();
            let mut kind = node.kind.clone();
            let setting = parse(&topology, node.id, key, &value)
                .unwrap_or_else(|why| panic!("{key} {value}: {why}"));
            assert!(setting.apply(&mut kind), "{key} {value}");
            assert_eq!(kind, node.kind, "{key} {value}");
        }
    }
}

#[test]
fn a_ts_says_how_long_it_waits_for_its_store_and_only_one_that_has_one() {
    let ts = |text: &str, name: &str| {
        let topology = ok(text).topology;
        match &topology.node(topology.names.id(name).unwrap()).kind {
            Kind::Ts(ts) => ts.patience,
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(ts(STORE, "ts1"), Patience::default());
    let hasty =
        "store = \"store\"\ntimeout = \"2s\"\nrequest_timeout = \"300ms\"\nreconnect = \"5s\"";
    let ms = Duration::from_millis;
    let expected = Patience { timeout: ms(2000), request_timeout: ms(300), reconnect: ms(5000) };
    assert_eq!(ts(&STORE.replace("store = \"store\"", hasty), "ts1"), expected);
    let text = "[nodes.ts]\nrole = 'ts'\nrecords = { 'a' = '192.0.2.1' }\ntimeout = '2s'\n";
    let refused = load_text("lab.toml", text, &Bundled).unwrap_err().to_string();
    assert!(refused.contains("`ts` asks nobody and has no `timeout`"), "{refused}");
    assert!(refused.contains("`timeout` belongs to a TS with a `store`"), "{refused}");
}

#[test]
fn set_makes_the_fourth_server_known() {
    let topology = ok(STORE).topology;
    let id = |name: &str| topology.names.id(name).unwrap();
    let all = [id("r1"), id("r2"), id("r3"), id("r4")];
    let set = |name: &str, key: &str| parse(&topology, id(name), key, "store").unwrap();
    assert_eq!(set("writer", "asks"), Setting::Upstreams(all.into()));
    assert_eq!(set("r1", "peers"), Setting::Peers(all[1..].into()));
    let named = parse(&topology, id("r1"), "peers", "r1, r2, r3, r4").unwrap();
    assert_eq!(named, Setting::Peers(all[1..].into()), "one line does for all of them");
}

#[test]
fn a_setting_of_a_store_that_cannot_be_says_why() {
    let topology = ok(STORE).topology;
    for (name, change, part) in [
        ("r1", "clock vector", "r1 has no `clock`: it belongs to the scheme active; it has peers"),
        ("v1", "terms on", "it belongs to the scheme primary-backup"),
        ("r1", "disk paper", "is no kind of disk"),
        ("r1", "scheme active", "settled when the lab starts"),
        ("r1", "upstreams r2", "a replica and has no `upstreams`"),
        ("r1", "peers v1", "`v1` keeps to the scheme active, and this store to primary-backup"),
        ("r1", "peers writer", "is a client"),
        ("r1", "peers ts1", "`ts1` is no replica"),
        ("r1", "peers ts*", "means no node"),
        ("r1", "heartbeat 0", "more than zero"),
        ("r1", "lag soon", "no unit of time"),
        ("r1", "propagation later", "is no way to propagate"),
        ("r1", "flaws fresh-ids", "a replica cannot have the flaw"),
        ("r1", "suspect 4s", "did you mean `suspect_after`?"),
        ("writer", "asks v1", "keeps to the scheme active"),
        ("writer", "asks ts1", "`ts1` is no replica"),
        ("writer", "names www.a.com", "it belongs to clients that ask for names"),
        ("writer", "flaws glued-names", "a mistake of clients that ask for names"),
        ("writer", "operations x", "settled when the lab starts"),
        ("voter", "reads any", "all replicas of the scheme active are asked"),
        ("client", "reads any", "it belongs to clients that ask replicas"),
        ("client", "asks r1", "`r1` is a replica and knows no names"),
        ("client", "flaws fresh-ids", "a mistake of clients that ask replicas"),
        ("ts1", "store v1", "`v1` keeps to the scheme active, and this store to primary-backup"),
        ("ts1", "store none", "there is no node `none`"),
        ("ts1", "store writer", "is a client"),
        ("ts1", "records x", "settled when the lab starts"),
        ("table", "store r1", "only a TS that has a `store` in its file asks anybody"),
        ("table", "timeout 1s", "only a TS that has a `store` in its file asks anybody"),
    ] {
        let (key, value) = change.split_once(' ').unwrap();
        let node = topology.names.id(name).unwrap();
        let why = parse(&topology, node, key, value).expect_err(change);
        assert!(why.contains(part), "{change}: {why}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 300,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

#[test]
    fn no_words_of_a_setting_make_it_panic(key in "[a-z_]{0,12}", value in "\\PC{0,40}") {
        let topology = ok(STORE).topology;
        for node in &topology.nodes {
            let _ = parse(&topology, node.id, &key, &value);
            for key in keys(&node.kind) {
                let _ = parse(&topology, node.id, key, &value);
            }
        }
    }
}
