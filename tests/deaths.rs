//! Kill, power off, freeze, thaw and revive, each looked at from outside by a plain socket.

mod common;

use common::{Bench, Heard, Visitor, eventually};
use faultlab::event::Fact;
use faultlab::message::Note;
use socket2::{Domain, Socket, Type};
use std::io::ErrorKind;
use std::net::TcpStream;
use std::time::Duration;

const TS: &str = r#"
title = "one server"
[nodes.client]
role = "client"
asks = "ts1"
names = ["www.google.com"]
[nodes.ts1]
role = "ts"
records = { "www.google.com" = "192.0.2.10", "www.mit.edu" = "192.0.2.11" }
"#;

/// How long a silence is listened to.
const SILENCE: Duration = Duration::from_millis(300);

fn answer(bytes: &str) -> Heard {
    Heard::Bytes(bytes.as_bytes().to_vec())
}

#[test]
fn a_kill_resets_every_connection_and_then_refuses() {
    let bench = Bench::start(TS);
    let mut visitor = bench.visit("ts1");
    assert_eq!(visitor.ask("www.google.com"), "www.google.com 192.0.2.10 A");
    bench.command("kill ts1", |event| matches!(event.fact, Fact::NodeKilled { .. }));
    assert_eq!(visitor.hear(common::DEADLINE), Heard::Reset);
    let address = bench.address("ts1");
    eventually(
        "connecting is refused",
        || matches!(TcpStream::connect(address), Err(error) if error.kind() == ErrorKind::ConnectionRefused),
    );
}

#[test]
fn no_answer_comes_from_a_dead_node_on_an_old_connection() {
    let bench = Bench::start(TS);
    bench.command("set ts1 responds 100ms", |event| {
        matches!(event.fact, Fact::Noted(Note::Changed { .. }))
    });
    let from = bench.handle.end();
    let mut visitor = bench.visit("ts1");
    visitor.say("www.google.com\n");
    bench.until(from, "the question is taken", |event| {
        matches!(event.fact, Fact::Noted(Note::Took { .. }))
    });
    bench.command("kill ts1", |event| matches!(event.fact, Fact::NodeKilled { .. }));
    assert_eq!(visitor.hear(common::DEADLINE), Heard::Reset);
}

#[test]
fn a_host_without_power_is_silent_and_resets_old_connections_when_it_is_back() {
    let bench = Bench::start(TS);
    let mut old = bench.visit("ts1");
    assert_eq!(old.ask("www.google.com"), "www.google.com 192.0.2.10 A");
    bench.command("power-off ts1", |event| matches!(event.fact, Fact::NodePoweredOff { .. }));
    old.say("www.mit.edu\n");
    assert_eq!(old.hear(SILENCE), Heard::Nothing);
    // The kernel still accepts for it; nobody answers.
    let mut late = bench.visit("ts1");
    late.say("www.google.com\n");
    assert_eq!(late.hear(SILENCE), Heard::Nothing);
    bench.command("revive ts1", |event| matches!(event.fact, Fact::NodeListening { .. }));
    // What the old connection wrote meanwhile meets a host that knows nothing of it.
    assert_eq!(old.hear(common::DEADLINE), Heard::Reset);
    assert_eq!(bench.visit("ts1").ask("www.mit.edu"), "www.mit.edu 192.0.2.11 A");
}

#[test]
fn a_frozen_node_accepts_says_nothing_and_serves_its_backlog_in_order_after_the_thaw() {
    let bench = Bench::start(TS);
    let mut visitor = bench.visit("ts1");
    assert_eq!(visitor.ask("www.google.com"), "www.google.com 192.0.2.10 A");
    bench.command("freeze ts1", |event| matches!(event.fact, Fact::NodeFrozen { .. }));
    visitor.say("www.mit.edu\nwww.google.com\n");
    let mut late = bench.visit("ts1");
    late.say("www.google.com\n");
    assert_eq!(visitor.hear(SILENCE), Heard::Nothing);
    assert_eq!(late.hear(SILENCE), Heard::Nothing);
    bench.command("thaw ts1", |event| matches!(event.fact, Fact::NodeThawed { .. }));
    assert_eq!(visitor.line(), "www.mit.edu 192.0.2.11 A");
    assert_eq!(visitor.line(), "www.google.com 192.0.2.10 A");
    assert_eq!(late.line(), "www.google.com 192.0.2.10 A");
}

#[test]
fn two_hundred_kills_and_revivals_keep_the_port() {
    let bench = Bench::start(TS);
    let address = bench.address("ts1");
    for _ in 0..200 {
        bench.command("kill ts1", |event| matches!(event.fact, Fact::NodeKilled { .. }));
        let listening =
            bench.command("revive ts1", |event| matches!(event.fact, Fact::NodeListening { .. }));
        let Fact::NodeListening { address: now, .. } = listening.fact else { unreachable!() };
        assert_eq!(now, address);
        assert_eq!(Visitor::new(address).ask("www.mit.edu"), "www.mit.edu 192.0.2.11 A");
    }
}

#[test]
fn a_node_that_panics_is_a_crashed_node_and_nothing_else_stops() {
    let text =
        TS.to_owned() + "[nodes.ts2]\nrole = \"ts\"\nrecords = { \"a.b\" = \"192.0.2.1\" }\n";
    let bench = Bench::start(&text);
    bench.command("crash ts1", |event| matches!(event.fact, Fact::NodeCrashed { .. }));
    assert_eq!(bench.visit("ts2").ask("a.b"), "a.b 192.0.2.1 A");
    bench.command("revive ts1", |event| matches!(event.fact, Fact::NodeListening { .. }));
    assert_eq!(bench.visit("ts1").ask("www.mit.edu"), "www.mit.edu 192.0.2.11 A");
}

#[test]
fn whatever_a_node_died_of_nobody_else_gets_its_port() {
    let text = TS.to_owned()
        + "[nodes.ts2]\nrole = \"ts\"\nrecords = { \"a.b\" = \"192.0.2.1\" }\n\
           [nodes.ts3]\nrole = \"ts\"\nrecords = { \"a.b\" = \"192.0.2.1\" }\n";
    let bench = Bench::start(&text);
    bench.command("kill ts1", |event| matches!(event.fact, Fact::NodeKilled { .. }));
    bench.command("crash ts2", |event| matches!(event.fact, Fact::NodeCrashed { .. }));
    bench.command("stop ts3", |event| matches!(event.fact, Fact::NodeStopped { .. }));
    for name in ["ts1", "ts2", "ts3"] {
        let address = bench.address(name);
        // As another lab looks for free ports.
        let is_taken = || {
            let socket = Socket::new(Domain::IPV4, Type::STREAM, None).expect("a socket");
            matches!(socket.bind(&address.into()), Err(error) if error.kind() == ErrorKind::AddrInUse)
        };
        eventually(name, is_taken);
        assert!(TcpStream::connect(address).is_err(), "{name} listens to nobody");
        bench.command(&format!("revive {name}"), |event| {
            matches!(event.fact, Fact::NodeListening { .. })
        });
    }
}

#[test]
fn a_stop_ends_in_good_order() {
    let bench = Bench::start(TS);
    let mut visitor = bench.visit("ts1");
    assert_eq!(visitor.ask("www.google.com"), "www.google.com 192.0.2.10 A");
    bench.command("stop ts1", |event| matches!(event.fact, Fact::NodeStopped { .. }));
    assert_eq!(visitor.hear(common::DEADLINE), Heard::EndOfFile);
    let events = bench.finish();
    assert!(!events.iter().any(|event| matches!(event.fact, Fact::NodeKilled { .. })));
}

#[test]
fn a_name_without_line_end_is_answered_without_one() {
    let bench = Bench::start(TS);
    let mut visitor = bench.visit("ts1");
    visitor.say("www.google.com");
    assert_eq!(visitor.hear(common::DEADLINE), answer("www.google.com 192.0.2.10 A"));
}

#[test]
fn an_asker_that_closes_its_half_still_gets_its_answer() {
    let bench = Bench::start(TS);
    let mut visitor = bench.visit("ts1");
    visitor.say("www.google.com\n");
    visitor.stream.shutdown(std::net::Shutdown::Write).expect("half a close");
    assert_eq!(visitor.line(), "www.google.com 192.0.2.10 A");
    assert_eq!(visitor.hear(common::DEADLINE), Heard::EndOfFile);
}
