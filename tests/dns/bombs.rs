//! Bytes that have brought down readers of DNS: each is an error, found at once, and the next question is read.

use crate::raw::{NUMBERS, feed, opt, question, raw};
use faultlab::message::{HostName, Message, Query, Rcode, RecordType};
use faultlab::wire::dns::End;
use faultlab::wire::{Decoded, Reads};
use std::time::{Duration, Instant};

/// One bomb may take so long. In a build for tests that is ten times what a release takes, and the machine may be busy.
const TIME_MAX: Duration = Duration::from_millis(100);

fn bombs() -> Vec<(&'static str, Vec<u8>)> {
    let one = |rest: &[u8]| raw(0, [1, 0, 0, 0], rest);
    let ends = [0, 1, 0, 1];
    let chain: Vec<u8> = (0..8000_u16).flat_map(|n| (0xc00c + 2 * n + 2).to_be_bytes()).collect();
    let long: Vec<u8> = (0..5).flat_map(|_| [vec![63], vec![b'a'; 63]].concat()).collect();
    let mut flood = raw(0, [1, 0, 0, 5000], &question(1, 1));
    while flood.len() < 65_000 {
        flood.extend([0xc0, 0x0c, 0, 1, 0, 1, 0, 0, 0, 0, 0, 0]);
    }
    vec![
        ("no bytes", Vec::new()),
        ("one byte", vec![0xab]),
        ("eleven bytes", vec![0; 11]),
        ("twelve bytes", raw(0, [1, 0, 0, 0], &[])),
        ("a pointer to itself", one(&[&[0xc0, 0x0c][..], &ends].concat())),
        ("two pointers in a circle", one(&[&[0xc0, 0x0e, 0xc0, 0x0c][..], &ends].concat())),
        ("a pointer ahead", one(&[&[0xc0, 0x20][..], &ends].concat())),
        ("a chain of pointers", one(&[chain, ends.to_vec()].concat())),
        ("a label of an unknown kind", one(&[&[0x80, 1, 2, 0][..], &ends].concat())),
        ("a name of more than 255 bytes", one(&[long, vec![0], ends.to_vec()].concat())),
        ("counts of 65,535", raw(0, [u16::MAX; 4], &question(1, 1))),
        ("65,535 questions", raw(0, [u16::MAX, 0, 0, 0], &question(1, 1))),
        ("65,535 more", raw(0, [1, 0, 0, u16::MAX], &question(1, 1))),
        (
            "data beyond the end",
            raw(
                0,
                [1, 0, 0, 1],
                &[question(1, 1), vec![0, 0, 1, 0, 1, 0, 0, 0, 0, 0xff, 0xff]].concat(),
            ),
        ),
        ("an option beyond its record", {
            let opt = opt(0, 1232, &[0, 10, 0xff, 0xff, 1]);
            raw(0, [1, 0, 0, 1], &[question(1, 1), opt].concat())
        }),
        ("64 KiB of records on one name", flood),
    ]
}

#[test]
fn parse_bombs_are_errors_at_once_and_the_next_question_is_read() {
    let mut server = End::new(Reads::Questions, false, NUMBERS);
    for (what, bytes) in bombs() {
        for as_answer in [false, true] {
            let mut bytes = bytes.clone();
            let mut asker = End::new(Reads::Answers, false, NUMBERS);
            let (name, dns) = (HostName::new("www.a.com"), Some(Query::new(RecordType::A)));
            let mut sent = Vec::new();
            asker.encode(&Message::Ask { name, id: Some(1), dns }, &mut sent);
            if as_answer && bytes.len() > 2 {
                bytes[..2].copy_from_slice(&sent[..2]);
                bytes[2] |= 0x80;
            }
            let begun = Instant::now();
            let heard = feed(if as_answer { &mut asker } else { &mut server }, &bytes);
            let took = begun.elapsed();
            assert!(took < TIME_MAX, "{what}: {took:?}");
            let fine = match heard.as_slice() {
                [Decoded::Message(Message::Ask { dns: Some(query), .. }, _)] => {
                    query.wrong == Some(Rcode::FormErr) || what.starts_with("64 KiB")
                }
                [Decoded::Message(Message::Reply { .. }, _)] => what.starts_with("64 KiB"),
                [Decoded::Malformed(_) | Decoded::Unasked(_)] => true,
                _ => false,
            };
            assert!(fine, "{what}: {heard:?}");
        }
        let heard = feed(&mut server, &raw(0, [1, 0, 0, 0], &question(1, 1)));
        let [Decoded::Message(Message::Ask { dns: Some(query), .. }, _)] = heard.as_slice() else {
            panic!("after {what}: {heard:?}")
        };
        assert_eq!(query.wrong, None, "after {what}");
    }
}
