//! DNS over TCP: lengths, pieces, questions one behind the other, and what a datagram could not hold.

use crate::ask::{OVER_DNS, ask, ask_with, data, lab, question};
use crate::common::{Bench, DEADLINE, in_front_of};
use faultlab::event::{Fact, Side};
use hickory_proto::op::Message;
use hickory_proto::rr::RecordType;
use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpStream};

fn connect(bench: &Bench, node: &str) -> TcpStream {
    let stream = TcpStream::connect(bench.address(node)).expect("it listens");
    stream.set_read_timeout(Some(DEADLINE)).expect("a timeout");
    stream.set_nodelay(true).expect("an option");
    stream
}

fn framed(message: &Message) -> Vec<u8> {
    let bytes = message.to_vec().expect("a message");
    let length = u16::try_from(bytes.len()).expect("a short one");
    [&length.to_be_bytes()[..], &bytes].concat()
}

fn hear(stream: &mut TcpStream) -> Message {
    let mut length = [0; 2];
    stream.read_exact(&mut length).expect("a length");
    let mut bytes = vec![0; usize::from(u16::from_be_bytes(length))];
    stream.read_exact(&mut bytes).expect("a message");
    Message::from_vec(&bytes).expect("a DNS message")
}

#[test]
fn pieces_of_one_byte_make_a_question_and_two_in_one_write_are_two() {
    let bench = Bench::start(&lab(""));
    for node in ["ts1", "ls"] {
        let mut stream = connect(&bench, node);
        for byte in framed(&question(1, "www.google.com", RecordType::A, None)) {
            stream.write_all(&[byte]).expect("it is written");
        }
        assert_eq!(data(&hear(&mut stream)), ["A 192.0.2.10"]);
        let two = [
            framed(&question(2, "mail.google.com", RecordType::A, None)),
            framed(&question(3, "www.google.com", RecordType::AAAA, None)),
        ];
        stream.write_all(&two.concat()).expect("they are written");
        // Whoever half-closes hears everything that it asked.
        stream.shutdown(Shutdown::Write).expect("it is half closed");
        let mut answers = [hear(&mut stream), hear(&mut stream)];
        answers.sort_by_key(|answer| answer.metadata.id);
        assert_eq!(data(&answers[0]), ["A 192.0.2.25"]);
        assert_eq!(data(&answers[1]), ["AAAA 2001:db8::10"]);
        assert_eq!(stream.read(&mut [0; 16]).expect("the end"), 0);
    }
}

#[test]
fn a_connection_that_is_silent_for_thirty_seconds_is_closed() {
    let bench = Bench::start(&lab(""));
    let mut stream = connect(&bench, "ts1");
    stream
        .write_all(&framed(&question(1, "www.google.com", RecordType::A, None)))
        .expect("it is written");
    hear(&mut stream);
    let clock = |event: &faultlab::event::Event| matches!(event.fact, Fact::ClockSet(_));
    let fast = bench.command("speed 50", clock);
    assert_eq!(stream.read(&mut [0; 16]).expect("the end"), 0);
    let ended = |event: &faultlab::event::Event| matches!(event.fact, Fact::ConnClosed { .. });
    let closed = bench.until(0, "the close", ended);
    assert!(closed.time.since(fast.time) > std::time::Duration::from_secs(25), "{closed:?}");
}

#[test]
fn who_sends_a_byte_now_and_then_is_no_more_patient_a_guest_than_who_is_silent() {
    let bench = Bench::start(&lab(""));
    let mut stream = connect(&bench, "ts1");
    let clock = |event: &faultlab::event::Event| matches!(event.fact, Fact::ClockSet(_));
    bench.command("speed 20", clock);
    stream.set_read_timeout(Some(std::time::Duration::from_millis(50))).expect("a timeout");
    let begun = std::time::Instant::now();
    // The beginning of a message of 8,224 bytes.
    while stream.write_all(b" ").is_ok() {
        let heard = stream.read(&mut [0; 16]);
        let waits = heard.as_ref().is_err_and(|error| {
            matches!(error.kind(), std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut)
        });
        if !waits {
            return;
        }
        assert!(begun.elapsed() < DEADLINE, "it may go on for ever");
    }
}

#[test]
fn a_quick_answer_passes_a_slow_one() {
    let ls =
        "policy = \"race\"\naccept = \"first-positive\"\ntimeout = \"5s\"\nlisten = { dns = 0 }";
    let slow = "records = { \"slow.a.com\" = \"192.0.2.1\" }\nresponds = \"400ms\"";
    let quick = "records = { \"quick.a.com\" = \"192.0.2.2\" }\non_miss = \"silent\"";
    // A dialect whose answers bear no name, so that lines would come in the order of asking.
    let file = format!("dialect = \"sticky-2021\"\n{OVER_DNS}");
    let text = in_front_of(&file, ls, &[("far", slow), ("near", quick)]);
    let bench = Bench::start(&text);
    let mut stream = connect(&bench, "ls");
    let two = [
        framed(&question(1, "slow.a.com", RecordType::A, None)),
        framed(&question(2, "quick.a.com", RecordType::A, None)),
    ];
    stream.write_all(&two.concat()).expect("they are written");
    let ids = [hear(&mut stream).metadata.id, hear(&mut stream).metadata.id];
    assert_eq!(ids, [2, 1]);
}

#[test]
fn what_no_datagram_holds_is_asked_again_over_a_stream_by_us_and_by_others() {
    let bench = Bench::start(&lab("policy = \"failover\""));
    let small =
        ask_with(bench.address("ts1"), &question(1, "big.google.com", RecordType::TXT, None));
    assert!(small.metadata.truncation && small.answers.is_empty());
    // Through the load balancer: it asks `ts1` over TCP, and tells its own asker that there is more, too.
    let from = bench.handle.end();
    assert!(ask(&bench, "ls", "big.google.com", RecordType::TXT).metadata.truncation);
    let ls = bench.id("ls");
    let beside = bench.handle.read(from, usize::MAX).events().any(|event| {
        matches!(event.id.owner, faultlab::base::Owner::Node(node, _) if node == ls)
            && matches!(event.fact, Fact::ConnOpened { side: Side::Opener, .. })
    });
    assert!(beside, "the load balancer opens a stream to ts1");
    let mut stream = connect(&bench, "ls");
    let asked = question(2, "big.google.com", RecordType::TXT, None);
    stream.write_all(&framed(&asked)).expect("it is written");
    let whole = hear(&mut stream);
    assert_eq!((whole.metadata.truncation, whole.answers.len()), (false, 6));
}
