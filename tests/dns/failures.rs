//! Servers that fail: the next is asked, and when nobody is left the asker hears so before it gives up.

use crate::ask::{ask, ask_with, code, data, error, lab, question, socket};
use crate::common::{Bench, DEADLINE};
use faultlab::event::Fact;
use faultlab::message::{Belief, Message as Said, Note};
use hickory_proto::op::{Message, ResponseCode};
use hickory_proto::rr::RecordType;
use hickory_proto::rr::rdata::opt::EdnsOption;
use std::io::{Error, ErrorKind};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

const FAILOVER: &str = "policy = \"failover\"\nfailover_after = \"300ms\"\ntimeout = \"800ms\"";

/// Waits until the kernel says that nobody listens there: what comes before a dead process is taken away is lost.
fn until_refused(address: SocketAddr) {
    let socket = socket(address);
    socket.set_read_timeout(Some(Duration::from_millis(20))).expect("a timeout");
    let refused = |error: &Error| error.kind() == ErrorKind::ConnectionRefused;
    let begun = Instant::now();
    loop {
        let sent = socket.send(b"?");
        if sent.is_err_and(|error| refused(&error))
            || socket.recv(&mut [0; 512]).is_err_and(|error| refused(&error))
        {
            return;
        }
        assert!(begun.elapsed() < DEADLINE, "{address} still listens");
    }
}

fn is_down(fact: &Fact) -> bool {
    matches!(fact, Fact::Noted(Note::Believed { belief: Belief::Down, .. }))
}

#[test]
fn a_closed_port_is_known_at_once_and_the_next_server_is_asked() {
    let bench = Bench::start(&lab(FAILOVER));
    assert_eq!(data(&ask(&bench, "ls", "www.google.com", RecordType::A)), ["A 192.0.2.10"]);
    bench.command("kill ts1", |event| matches!(event.fact, Fact::NodeKilled { .. }));
    until_refused(bench.address("ts1"));
    let from = bench.handle.end();
    assert_eq!(data(&ask(&bench, "ls", "mail.google.com", RecordType::A)), ["A 192.0.2.25"]);
    bench.until(from, "the belief that ts1 is down", |event| is_down(&event.fact));
    // It comes back on the same port, and is asked again by and by.
    bench.command("revive ts1", |event| matches!(event.fact, Fact::NodeListening { .. }));
    let ts1 = bench.id("ts1");
    let from = bench.handle.end();
    let begun = Instant::now();
    loop {
        ask(&bench, "ls", "www.google.com", RecordType::A);
        let answered = bench.handle.read(from, usize::MAX).events().any(|event| {
            matches!(event.id.owner, faultlab::base::Owner::Node(node, _) if node == ts1)
                && matches!(&event.fact, Fact::MessageSent { message, .. }
                    if matches!(&**message, Said::Reply { .. }))
        });
        if answered {
            break;
        }
        assert!(begun.elapsed() < DEADLINE, "ts1 is never asked again");
    }
}

#[test]
fn when_all_fail_the_asker_hears_why_and_who_asks_at_once_again_asks_nobody() {
    let bench = Bench::start(&lab(FAILOVER));
    for node in ["ts1", "ts2"] {
        let frozen = |fact: &Fact| matches!(fact, Fact::NodeFrozen { .. });
        bench.command(&format!("freeze {node}"), |event| frozen(&event.fact));
    }
    let begun = Instant::now();
    let answer = ask(&bench, "ls", "www.google.com", RecordType::A);
    assert!(begun.elapsed() >= Duration::from_millis(800), "it waits for them");
    assert_eq!(code(&answer), ResponseCode::ServFail);
    assert_eq!(error(&answer), Some((22, "ts1 silent, ts2 silent".into())));
    let from = bench.handle.end();
    let again = ask(&bench, "ls", "www.google.com", RecordType::A);
    assert_eq!(error(&again), Some((13, "ts1 silent, ts2 silent".into())));
    let to = [bench.id("ts1"), bench.id("ts2")];
    let asked = bench.handle.read(from, usize::MAX).events().any(|event| {
        matches!(&event.fact, Fact::MessageSent { to: peer, .. }
            if peer.node().is_some_and(|node| to.contains(&node)))
    });
    assert!(!asked, "a failure is remembered for a second");
}

#[test]
fn who_asks_for_names_of_others_does_not_have_the_servers_left_alone() {
    let bench = Bench::start(&lab("policy = \"failover\"\nfall = 2"));
    for name in ["a.mit.edu", "b.mit.edu", "c.mit.edu"] {
        let answer = ask(&bench, "ls", name, RecordType::A);
        assert_eq!(error(&answer), Some((22, "ts1 REFUSED, ts2 REFUSED".into())), "{name}");
    }
    assert_eq!(data(&ask(&bench, "ls", "www.google.com", RecordType::A)), ["A 192.0.2.10"]);
}

/// A question that has passed so many load balancers.
fn passed(hops: u8) -> Message {
    let mut asked = question(1, "www.google.com", RecordType::A, Some(1232));
    let edns = asked.edns.as_mut().expect("it has EDNS");
    edns.options_mut().insert(EdnsOption::Unknown(65_001, vec![hops]));
    asked
}

#[test]
fn a_question_that_goes_round_is_stopped_without_a_storm() {
    let bench = Bench::start(&lab(FAILOVER));
    // No circle can be made of nodes of ours: one through a program of somebody else's can.
    let no = bench.command("set ls upstreams ls", |event| {
        matches!(event.fact, Fact::CommandRefused { .. } | Fact::Noted(Note::Changed { .. }))
    });
    assert!(matches!(no.fact, Fact::CommandRefused { .. }), "{no:?}");
    assert_eq!(data(&ask_with(bench.address("ls"), &passed(7))), ["A 192.0.2.10"]);
    let from = bench.handle.end();
    let answer = ask_with(bench.address("ls"), &passed(8));
    assert_eq!(code(&answer), ResponseCode::ServFail);
    let (_, why) = error(&answer).expect("an extended error");
    assert!(why.contains("goes round"), "{why}");
    let sent = bench.handle.read(from, usize::MAX);
    let sent = sent.events().filter(|event| matches!(event.fact, Fact::MessageSent { .. }));
    assert_eq!(sent.count(), 1, "the answer, and nobody is asked");
}
