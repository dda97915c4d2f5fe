//! The links tell the truth: delays, cuts, loss and holds, measured from outside with plain sockets.

mod common;

use common::{Bench, DEADLINE, Heard, Visitor};
use faultlab::base::{Peer, VisitorId};
use faultlab::event::{Cause, Event, Fact};
use faultlab::message::{Note, Outcome};
use std::fmt::Write as _;
use std::io::{BufRead, BufReader, Write as _};
use std::time::{Duration, Instant};

const CHAIN: &str = r#"
title = "a chain"
[nodes.client]
role = "client"
asks = "ls"
names = ["www.google.com"]
[nodes.ls]
role = "ls"
upstreams = ["ts1"]
policy = "round-robin"
timeout = "5s"
[nodes.ts1]
role = "ts"
records = { "www.google.com" = "192.0.2.10" }
on_miss = "negative"
"#;

const ANSWER: &str = "www.google.com 192.0.2.10 A";

fn faults_set(event: &Event) -> bool {
    matches!(event.fact, Fact::FaultsSet { .. })
}

/// What is done to all links of a node comes to its visitors last, to what they send at the very end, and to the one
/// who is here after visitors in general.
fn visitors_set(event: &Event) -> bool {
    matches!(event.fact, Fact::FaultsSet { from: Peer::Visitor(id), .. } if id != VisitorId::ANY)
}

/// The median time of a question from outside.
fn median(visitor: &mut Visitor, times: usize) -> Duration {
    let mut all: Vec<Duration> = (0..times)
        .map(|_| {
            let begun = Instant::now();
            assert_eq!(visitor.ask("www.google.com"), ANSWER);
            begun.elapsed()
        })
        .collect();
    all.sort();
    all[times / 2]
}

#[test]
fn a_delay_counts_on_the_named_direction_and_only_there() {
    let bench = Bench::start(CHAIN);
    let mut visitor = bench.visit("ls");
    let usual = median(&mut visitor, 5);
    for (line, back, delay) in [
        ("delay ls->ts1 50ms", "delay ls->ts1 0", 50),
        ("delay ts1->ls 200ms", "delay ts1->ls 0", 200),
        ("delay ls<->ts1 50ms", "delay ls<->ts1 0", 100),
    ] {
        bench.command(line, faults_set);
        let slow = median(&mut visitor, 3);
        let added = slow.saturating_sub(usual).as_millis();
        // How exact it is, `cargo bench` says; here only that it is this delay, once.
        assert!((delay - 5..delay + 45).contains(&added), "{line}: {added} ms");
        bench.command(back, faults_set);
    }
}

#[test]
fn a_delay_holds_on_old_and_new_connections_of_visitors() {
    let bench = Bench::start(CHAIN);
    let mut old = bench.visit("ts1");
    assert_eq!(old.ask("www.google.com"), ANSWER);
    bench.command("delay ts1 60ms", visitors_set);
    for visitor in [&mut old, &mut bench.visit("ts1")] {
        let took = median(visitor, 3).as_millis();
        assert!((115..180).contains(&took), "{took} ms");
    }
}

#[test]
fn a_cut_stalls_a_stream_and_a_heal_lets_it_go_on() {
    let bench = Bench::start(CHAIN);
    let mut visitor = bench.visit("ls");
    assert_eq!(visitor.ask("www.google.com"), ANSWER);
    bench.command("cut ls->ts1", faults_set);
    visitor.say("www.google.com\n");
    assert_eq!(visitor.hear(Duration::from_millis(400)), Heard::Nothing);
    bench.command("heal ls->ts1", faults_set);
    assert_eq!(visitor.line(), ANSWER);
}

#[test]
fn a_one_way_cut_lets_the_other_direction_through() {
    let bench = Bench::start(CHAIN);
    let mut visitor = bench.visit("ls");
    assert_eq!(visitor.ask("www.google.com"), ANSWER);
    let (ls, ts) = (Peer::Node(bench.id("ls")), Peer::Node(bench.id("ts1")));
    bench.command("cut ts1->ls", faults_set);
    let from = bench.handle.end();
    visitor.say("www.google.com\n");
    bench.until(
        from,
        "the question arrives at ts1",
        |event| matches!(&event.fact, Fact::MessageReceived { from, .. } if *from == ls),
    );
    assert_eq!(visitor.hear(Duration::from_millis(300)), Heard::Nothing);
    let events = bench.events();
    assert!(
        !events[usize::try_from(from).expect("small")..]
            .iter()
            .any(|event| matches!(&event.fact, Fact::MessageReceived { from, .. } if *from == ts))
    );
}

#[test]
fn loss_on_a_stream_is_lateness_and_keeps_the_order() {
    let bench = Bench::start(CHAIN);
    let mut visitor = bench.visit("ts1");
    assert_eq!(visitor.ask("www.google.com"), ANSWER);
    bench.command("loss ts1 60%", visitors_set);
    let begun = Instant::now();
    let names = ["www.google.com", "a.no", "b.no", "www.google.com", "c.no"];
    for name in names {
        visitor.say(&format!("{name}\n"));
    }
    for name in names {
        let line = visitor.line();
        assert!(line.starts_with(name), "{line} is no answer to {name}");
    }
    assert!(begun.elapsed() >= Duration::from_millis(190), "no frame was late");
}

#[test]
fn what_is_held_waits_for_a_hand() {
    let bench = Bench::start(CHAIN);
    let mut visitor = bench.visit("ls");
    assert_eq!(visitor.ask("www.google.com"), ANSWER);
    bench.command("hold ls->ts1", faults_set);
    let from = bench.handle.end();
    let (ls, ts) = (bench.id("ls"), bench.id("ts1"));
    visitor.say("www.google.com\n");
    let sent = bench.until(
        from,
        "the LS sends",
        |event| matches!(&event.fact, Fact::MessageSent { to: Peer::Node(to), .. } if *to == ts),
    );
    let Fact::MessageSent { frame, due, .. } = sent.fact else { unreachable!() };
    assert_eq!(due, faultlab::base::LabTime::NEVER);
    assert_eq!(visitor.hear(Duration::from_millis(300)), Heard::Nothing);
    bench.command(
        &format!("release ls->ts1 {frame}"),
        |event| matches!(event.fact, Fact::FrameMoved { from: Peer::Node(from), .. } if from == ls),
    );
    assert_eq!(visitor.line(), ANSWER);
}

#[test]
fn a_mebibyte_through_a_slow_link_arrives_whole_and_in_order() {
    let bench = Bench::start(CHAIN);
    bench.command("delay ts1 20ms", faults_set);
    bench.command("jitter ts1 10ms exponential", faults_set);
    let mut visitor = bench.visit("ts1");
    let count = 20_000_usize;
    let mut writer = visitor.stream.try_clone().expect("a second handle");
    let sender = std::thread::spawn(move || {
        let mut text = String::new();
        for n in 0..count {
            writeln!(text, "host{n}.{}.example", "x".repeat(40)).expect("a String takes all");
        }
        assert!(text.len() > 1 << 20);
        writer.write_all(text.as_bytes()).expect("the server reads");
    });
    visitor.stream.set_read_timeout(Some(DEADLINE)).expect("an option");
    let mut lines = BufReader::new(&mut visitor.stream).lines();
    for n in 0..count {
        let line = lines.next().expect("a line").expect("text");
        assert!(line.starts_with(&format!("host{n}.")), "{line} instead of number {n}");
    }
    sender.join().expect("all was sent");
}

#[test]
fn a_reset_leaves_no_fault_and_everything_held_arrives() {
    let bench = Bench::start(CHAIN);
    let mut visitor = bench.visit("ls");
    assert_eq!(visitor.ask("www.google.com"), ANSWER);
    for fault in ["delay ls->ts1 100ms", "loss ts1->ls 20%", "cut ls->ts1"] {
        bench.command(fault, faults_set);
    }
    visitor.say("www.google.com\n");
    bench.command("freeze ts1", |event| matches!(event.fact, Fact::NodeFrozen { .. }));
    bench.command("reset", |event| matches!(event.fact, Fact::NodeThawed { .. }));
    assert_eq!(visitor.line(), ANSWER);
    let quick = median(&mut visitor, 3);
    assert!(quick < Duration::from_millis(90), "{quick:?}");
}

#[test]
fn a_lossy_link_says_which_frames_were_late_and_by_how_much() {
    let bench = Bench::start(CHAIN);
    let mut visitor = bench.visit("ls");
    assert_eq!(visitor.ask("www.google.com"), ANSWER);
    let ls = Peer::Node(bench.id("ls"));
    bench.command("loss ls->ts1 99%", faults_set);
    visitor.say("www.google.com\n");
    let told = bench.until(
        0,
        "a frame that is late",
        |event| matches!(event.fact, Fact::FrameLate { from, .. } if from == ls),
    );
    let Fact::FrameLate { to, retransmissions, late, frame: which, .. } = told.fact else {
        unreachable!("that was waited for")
    };
    assert!(to == Peer::Node(bench.id("ts1")) && retransmissions > 0);
    assert_eq!(late, Duration::from_millis(200) * ((1 << retransmissions) - 1));
    let sent = bench.until(0, "its message", |event| told.cause == Cause::Event(event.id));
    assert!(matches!(sent.fact, Fact::MessageSent { frame, .. } if frame == which));
    let place = |wanted: &Event| bench.events().iter().position(|event| event.id == wanted.id);
    assert!(place(&sent) < place(&told), "the message comes first");
    bench.command("heal ls->ts1", faults_set);
    assert_eq!(visitor.line(), ANSWER);
}

#[test]
fn a_wish_to_connect_needs_both_directions() {
    let bench = Bench::start(CHAIN);
    bench.command("cut ls->ts1", faults_set);
    let client = bench.id("client");
    let silent = bench.command("query client www.google.com", |event| {
        matches!(event.id.owner, faultlab::base::Owner::Node(node, _) if node == client)
            && matches!(event.fact, Fact::Noted(Note::Decided { .. }))
    });
    let Fact::Noted(Note::Decided { outcome, .. }) = silent.fact else { unreachable!() };
    assert_eq!(outcome, Outcome::Silent);
}

#[test]
fn a_narrow_link_takes_its_time_for_every_byte() {
    let bench = Bench::start(CHAIN);
    let mut visitor = bench.visit("ts1");
    assert_eq!(visitor.ask("www.google.com"), ANSWER);
    // Ten names of 500 bytes each way at 10,000 bytes a second: half a second to the server.
    bench.command("bandwidth ->ts1 10kB", visitors_set);
    let begun = Instant::now();
    for n in 0..10 {
        visitor.say(&format!("{}.host{n}\n", "x".repeat(490)));
    }
    for _ in 0..10 {
        visitor.line();
    }
    let took = begun.elapsed();
    assert!(took >= Duration::from_millis(400), "{took:?}");
    bench.command("bandwidth ->ts1 off", visitors_set);
    assert!(median(&mut visitor, 3) < Duration::from_millis(200));
}

#[test]
fn ten_thousand_questions_on_a_link_of_a_second_are_all_kept_and_answered() {
    let bench = Bench::start(CHAIN);
    let mut visitor = bench.visit("ts1");
    assert_eq!(visitor.ask("www.google.com"), ANSWER);
    bench.command("delay ->ts1 1s", visitors_set);
    let mut writer = visitor.stream.try_clone().expect("a second handle");
    let sender = std::thread::spawn(move || {
        for n in 0..10_000 {
            writer.write_all(format!("h{n}.no\n").as_bytes()).expect("the server reads");
        }
    });
    visitor.stream.set_read_timeout(Some(DEADLINE)).expect("an option");
    let mut lines = BufReader::new(&mut visitor.stream).lines();
    for n in 0..10_000 {
        let line = lines.next().expect("a line").expect("text");
        assert!(line.starts_with(&format!("h{n}.no")), "{line} instead of number {n}");
    }
    sender.join().expect("all was sent");
    let lost = |event: &Event| matches!(event.fact, Fact::FrameLost { .. });
    assert!(!bench.events().iter().any(lost));
}

#[test]
fn a_stream_is_neither_doubled_nor_overtaken_and_who_asks_for_it_hears_why() {
    let bench = Bench::start(CHAIN);
    for line in ["duplicate ls->ts1 10%", "reorder ls 10%", "duplicate visitors->ls 10%"] {
        let refused = bench.command(line, |event| {
            matches!(event.fact, Fact::CommandRefused { .. } | Fact::FaultsSet { .. })
        });
        let Fact::CommandRefused { why } = refused.fact else { panic!("{line}: {refused:?}") };
        assert!(why.contains("TCP delivers each byte once and in order"), "{why}");
    }
    let text = CHAIN.replace("[nodes.client]", "[defaults.link]\nwire = \"dns\"\n[nodes.client]");
    let bench = Bench::start(&text);
    for line in ["duplicate ls->ts1 10%", "reorder ls 10%"] {
        bench.command(line, faults_set);
    }
}
