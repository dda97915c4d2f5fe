//! Bytes that nobody should send, to the real socket: it goes on.

use crate::ask::{ask, data, lab, question, socket};
use crate::common::Bench;
use faultlab::base::draw::{Purpose, draw};
use hickory_proto::rr::RecordType;

#[test]
fn ten_thousand_messages_of_nonsense_leave_the_server_well() {
    let bench = Bench::start(&lab(""));
    let good = question(1, "www.google.com", RecordType::A, Some(1232)).to_vec().expect("bytes");
    for node in ["ts1", "ls"] {
        let socket = socket(bench.address(node));
        for n in 0..5_000_u64 {
            let drawn = |key: u64| draw(1, n, Purpose::Nemesis, key) as usize;
            let mut bytes = good.clone();
            for at in 0..drawn(0) % 6 {
                let place = drawn(1 + at as u64) % bytes.len();
                bytes[place] = drawn(100 + at as u64) as u8;
            }
            bytes.truncate(drawn(7) % (bytes.len() + 1));
            // A full buffer is the kernel's business.
            let _ = socket.send(&bytes);
            if n % 500 == 0 {
                let answer = ask(&bench, node, "www.google.com", RecordType::A);
                assert_eq!(data(&answer), ["A 192.0.2.10"]);
            }
        }
        let answer = ask(&bench, node, "www.google.com", RecordType::A);
        assert_eq!(data(&answer), ["A 192.0.2.10"]);
    }
}

#[test]
fn an_answer_that_is_sent_to_a_server_goes_no_further() {
    let bench = Bench::start(&lab(""));
    let mut answer = question(7, "www.google.com", RecordType::A, None);
    answer.metadata.message_type = hickory_proto::op::MessageType::Response;
    let (ts, ls) = (bench.address("ts1"), bench.address("ls"));
    let from = bench.handle.end();
    for address in [ts, ls] {
        socket(address).send(&answer.to_vec().expect("bytes")).expect("it is sent");
    }
    let is_malformed = |event: &faultlab::event::Event| {
        matches!(event.fact, faultlab::event::Fact::Malformed { .. })
    };
    bench.until(from, "what is no question", is_malformed);
    ask(&bench, "ts1", "www.google.com", RecordType::A);
    let sent = bench.handle.read(from, usize::MAX);
    let replies = sent
        .events()
        .filter(|event| matches!(event.fact, faultlab::event::Fact::MessageSent { .. }));
    assert_eq!(replies.count(), 1, "the answer to the good question, and no other");
}
