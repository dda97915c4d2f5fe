//! Messages of nonsense by the hundred thousand: the readers of DNS say something of each, the server goes on, and
//! nothing is kept of them. `FAULTLAB_FUZZ=1000000` reads a million.
//!
//! Alone in its file, because it measures the memory of the whole process.
#![cfg(target_os = "linux")]

#[path = "dns/ask.rs"]
mod ask;
mod common;
#[path = "dns/made.rs"]
mod made;
#[path = "dns/raw.rs"]
mod raw;

use ask::{ask, code, data, error, lab, socket};
use common::Bench;
use faultlab::message::{HostName, Message, Query, RecordType};
use faultlab::wire::dns::End;
use faultlab::wire::{Decoded, Reads};
use hickory_proto::op::ResponseCode;
use hickory_proto::rr::RecordType as Kind;
use raw::{NUMBERS, feed};

/// Messages to the real sockets.
const SENT: u64 = 10_000;

/// What may be kept of one event in the log, and what the allocator may hold besides.
const EVENT_BYTES_MAX: u64 = 2048;
const SLACK_KB: u64 = 8 * 1024;

fn memory_kb() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("there is a /proc");
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).expect("the key is there");
    line.split_whitespace().nth(1).and_then(|word| word.parse().ok()).expect("a figure")
}

/// Reads so many messages as a server, as one who asked, and as a stream.
fn read(count: u64) -> (u64, u64) {
    let mut server = End::new(Reads::Questions, false, NUMBERS);
    let mut asker = End::new(Reads::Answers, false, NUMBERS);
    let (mut questions, mut answers, mut sent) = (0, 0, Vec::new());
    for number in 0..count {
        let mut bytes = made::message(number);
        let heard = feed(&mut server, &bytes);
        assert_eq!(heard.len(), 1, "message {number}");
        if let Decoded::Message(Message::Ask { dns: Some(query), .. }, _) = &heard[0] {
            questions += u64::from(query.wrong.is_none());
        }
        sent.clear();
        let (name, dns) = (HostName::new("www.a.com"), Some(Query::new(RecordType::A)));
        asker.encode(&Message::Ask { name, id: Some(number), dns }, &mut sent);
        if bytes.len() > 2 {
            bytes[..2].copy_from_slice(&sent[..2]);
            bytes[2] |= 0x80;
        }
        let heard = feed(&mut asker, &bytes);
        assert_eq!(heard.len(), 1, "message {number}");
        answers += u64::from(matches!(heard[0], Decoded::Message(Message::Reply { .. }, _)));
        feed(&mut End::new(Reads::Questions, true, NUMBERS), &bytes);
    }
    (questions, answers)
}

#[test]
fn nonsense_is_read_without_harm_and_nothing_is_kept_of_it() {
    let count =
        std::env::var("FAULTLAB_FUZZ").map_or(100_000, |text| text.parse().expect("a count"));
    // Questions that nobody answered are kept, up to a bound; it is reached here.
    read(40_000);
    let before = memory_kb();
    let (questions, answers) = read(count);
    let grown = memory_kb().saturating_sub(before);
    assert!(grown < SLACK_KB, "{grown} kB more after {count} messages");
    let least = count / 100;
    assert!(
        questions > least && answers > least,
        "{questions} and {answers}: too wild to test much"
    );

    let bench = Bench::start(&lab(""));
    let (before, from) = (memory_kb(), bench.handle.end());
    for node in ["ts1", "ls"] {
        let socket = socket(bench.address(node));
        for number in 0..SENT / 2 {
            // A full buffer is the kernel's business.
            let _ = socket.send(&made::message(number));
            if number % 500 == 499 {
                let answer = ask(&bench, node, "www.google.com", Kind::A);
                assert_eq!((code(&answer), error(&answer)), (ResponseCode::NoError, None));
                assert_eq!(data(&answer), ["A 192.0.2.10"], "{node} after {number}");
            }
        }
    }
    let events = bench.handle.end() - from;
    let grown = memory_kb().saturating_sub(before);
    let most = SLACK_KB + events * EVENT_BYTES_MAX / 1024;
    assert!(grown < most, "{grown} kB more for {events} events");
}
