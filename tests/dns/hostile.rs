//! Bytes that nobody should send, to the real socket: it goes on.

use crate::ask::{ask, lab, question, socket};
use crate::common::Bench;
use hickory_proto::rr::RecordType;

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
