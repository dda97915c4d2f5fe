//! What stands in bytes, what is thrown away, and what hostile bytes come to.

use crate::raw::{NUMBERS, feed, opt, question, raw};
use faultlab::message::{Data, HostName, Message, Query, Rcode, RecordType, Response, Rr, Said};
use faultlab::wire::dns::End;
use faultlab::wire::{Decoded, Reads};
use proptest::prelude::*;
use std::sync::Arc;

fn asker() -> End {
    End::new(Reads::Answers, false, NUMBERS)
}

fn server() -> End {
    End::new(Reads::Questions, false, NUMBERS)
}

fn asks(name: &str, question: u64, query: Query) -> Message {
    Message::Ask { name: HostName::new(name), id: Some(question), dns: Some(query) }
}

fn written(end: &mut End, message: &Message) -> Vec<u8> {
    let mut bytes = Vec::new();
    end.encode(message, &mut bytes);
    bytes
}

/// What a server end takes a message for: the code that turns it away, if one does.
fn wrong(bytes: &[u8]) -> Option<Rcode> {
    match feed(&mut server(), bytes).as_slice() {
        [Decoded::Message(Message::Ask { dns: Some(query), .. }, _)] => query.wrong,
        other => panic!("no question: {other:?}"),
    }
}

/// The reply to what a server end has read.
fn reply(heard: &Decoded, answers: Vec<Rr>) -> Message {
    let Decoded::Message(Message::Ask { name, id, dns: Some(query) }, _) = heard else {
        panic!("no question: {heard:?}")
    };
    let response = Response::new(*query, Rcode::NoError);
    let response = Response { answers: answers.into(), ..response };
    let (name, said) = (Some(name.clone()), response.said());
    Message::Reply { name, id: *id, said, dns: Some(Arc::new(response)) }
}

fn address(name: &str) -> Rr {
    let data = Data::A("192.0.2.1".parse().expect("an address"));
    Rr { name: HostName::new(name), ttl: 60, data }
}

#[test]
fn a_question_and_its_answer_go_there_and_back() {
    let (mut asker, mut server) = (asker(), server());
    let query = Query { edns: Some(1232), hops: 2, ..Query::new(RecordType::A) };
    let sent = written(&mut asker, &asks("WWW.a.com", 77, query));
    let heard = feed(&mut server, &sent);
    let [Decoded::Message(Message::Ask { name, dns: Some(read), .. }, _)] = heard.as_slice() else {
        panic!("{heard:?}")
    };
    assert_eq!((name.as_str(), *read), ("WWW.a.com", query));
    let answer = written(&mut server, &reply(&heard[0], vec![address("WWW.a.com")]));
    let heard = feed(&mut asker, &answer);
    let [Decoded::Message(Message::Reply { name, id, said, dns: Some(dns) }, _)] = heard.as_slice()
    else {
        panic!("{heard:?}")
    };
    assert_eq!((name.as_ref().map(HostName::as_str), *id), (Some("WWW.a.com"), Some(77)));
    let (found, flags) = (Arc::from("192.0.2.1"), Arc::from("A"));
    assert_eq!(*said, Said::Found { address: found, flags });
    assert_eq!(*dns.answers, [address("WWW.a.com")]);
}

#[test]
fn an_answer_counts_once_and_only_with_the_number_and_the_question_that_were_sent() {
    let (mut asker, mut server) = (asker(), server());
    let sent = written(&mut asker, &asks("www.a.com", 1, Query::new(RecordType::A)));
    let heard = feed(&mut server, &sent);
    let good = written(&mut server, &reply(&heard[0], vec![address("www.a.com")]));
    let other_number = [&[good[0] ^ 1, good[1]], &good[2..]].concat();
    let mut other_name = good.clone();
    other_name[13] = b'x';
    let mut other_type = good.clone();
    other_type[24] = 28;
    let a_question = sent.clone();
    for forged in [other_number, other_name, other_type, a_question] {
        let heard = feed(&mut asker, &forged);
        assert!(matches!(heard.as_slice(), [Decoded::Unasked(_)]), "{heard:?}");
    }
    let mut other_case = good.clone();
    other_case[13] = b'W';
    assert!(matches!(feed(&mut asker, &other_case).as_slice(), [Decoded::Message(..)]));
    assert!(matches!(feed(&mut asker, &good).as_slice(), [Decoded::Unasked(_)]), "a copy");
}

#[test]
fn numbers_are_not_in_sequence_and_never_used_twice_at_a_time() {
    let mut asker = asker();
    let mut seen = std::collections::HashSet::new();
    let (mut before, mut neighbours, mut buckets) = (0_u16, 0, [0_u32; 16]);
    for n in 0..20_000 {
        let sent = written(&mut asker, &asks("a.b", n, Query::new(RecordType::A)));
        let number = u16::from_be_bytes([sent[0], sent[1]]);
        assert!(seen.insert(number), "question {n}");
        neighbours += u32::from(number.abs_diff(before) == 1);
        buckets[usize::from(number >> 12)] += 1;
        before = number;
    }
    assert!(neighbours < 10, "{neighbours}");
    // Chi-square with 15 degrees of freedom: above 37.7 once in a thousand.
    let expected = 20_000.0 / 16.0;
    let chi: f64 = buckets.iter().map(|n| (f64::from(*n) - expected).powi(2) / expected).sum();
    assert!(chi < 37.7, "{chi}: {buckets:?}");
}

#[test]
fn what_is_no_question_for_us_has_its_code() {
    let good = question(1, 1);
    assert_eq!(wrong(&raw(0x0100, [1, 0, 0, 0], &good)), None);
    assert_eq!(wrong(&raw(0x7800, [1, 0, 0, 0], &good)), Some(Rcode::NotImp));
    assert_eq!(wrong(&raw(0, [0, 0, 0, 0], &[])), Some(Rcode::FormErr));
    let two = [good.clone(), good.clone()].concat();
    assert_eq!(wrong(&raw(0, [2, 0, 0, 0], &two)), Some(Rcode::FormErr));
    assert_eq!(wrong(&raw(0, [1, 0, 0, 0], &question(16, 3))), Some(Rcode::Refused));
    assert_eq!(wrong(&raw(0, [1, 0, 0, 0], &question(252, 1))), Some(Rcode::Refused));
    let answer = feed(&mut server(), &raw(0x8000, [1, 0, 0, 0], &good));
    assert!(matches!(answer.as_slice(), [Decoded::Malformed(_)]), "{answer:?}");
}

#[test]
fn edns_tells_sizes_and_versions_and_unknown_options_are_passed_over() {
    let with = |opt: Vec<u8>| raw(0, [1, 0, 0, 1], &[question(1, 1), opt].concat());
    let size = |bytes: &[u8]| match feed(&mut server(), bytes).as_slice() {
        [Decoded::Message(Message::Ask { dns: Some(query), .. }, _)] => query.edns,
        other => panic!("{other:?}"),
    };
    assert_eq!(size(&with(opt(0, 1232, &[]))), Some(1232));
    assert_eq!(size(&with(opt(0, 100, &[]))), Some(512));
    assert_eq!(size(&raw(0, [1, 0, 0, 0], &question(1, 1))), None);
    assert_eq!(wrong(&with(opt(1, 1232, &[]))), Some(Rcode::BadVers));
    let cookie = [0, 10, 0, 8, 1, 2, 3, 4, 5, 6, 7, 8];
    assert_eq!(wrong(&with(opt(0, 1232, &cookie))), None);
    let twice = [question(1, 1), opt(0, 512, &[]), opt(0, 512, &[])].concat();
    assert_eq!(wrong(&raw(0, [1, 0, 0, 2], &twice)), Some(Rcode::FormErr));
}

#[test]
fn who_speaks_edns_is_turned_away_in_edns() {
    let opt = opt(0, 1232, &[]);
    for (flags, counts, rest) in
        [(0x7800, [1, 0, 0, 1], [question(1, 1), opt.clone()].concat()), (0, [0, 0, 0, 1], opt)]
    {
        let mut server = server();
        let heard = feed(&mut server, &raw(flags, counts, &rest));
        let [Decoded::Message(Message::Ask { name, id, dns: Some(query) }, _)] = heard.as_slice()
        else {
            panic!("{heard:?}")
        };
        let response = Response::new(*query, query.wrong.expect("it is turned away"));
        let (name, said) = (Some(name.clone()), response.said());
        let reply = Message::Reply { name, id: *id, said, dns: Some(Arc::new(response)) };
        let bytes = written(&mut server, &reply);
        assert_eq!(bytes[10..12], [0, 1], "one record more, which is the OPT");
        assert_eq!(bytes[12..15], [0, 0, 41]);
    }
}

#[test]
fn an_answer_that_is_too_large_for_a_datagram_goes_without_its_records_and_says_so() {
    let many: Vec<Rr> = (0..60).map(|_| address("www.a.com")).collect();
    for (edns, stream, whole) in [
        (None, false, false),
        (Some(512), false, false),
        (Some(1232), false, true),
        (None, true, true),
    ] {
        let mut asker = End::new(Reads::Answers, stream, NUMBERS);
        let mut server = End::new(Reads::Questions, stream, NUMBERS);
        let query = Query { edns, ..Query::new(RecordType::A) };
        let heard = feed(&mut server, &written(&mut asker, &asks("www.a.com", 1, query)));
        let bytes = written(&mut server, &reply(&heard[0], many.clone()));
        assert!(stream || bytes.len() <= usize::from(edns.unwrap_or(512)), "{}", bytes.len());
        let heard = feed(&mut asker, &bytes);
        let [Decoded::Message(Message::Reply { dns: Some(dns), .. }, _)] = heard.as_slice() else {
            panic!("{heard:?}")
        };
        assert_eq!((dns.truncated, dns.answers.len()), (!whole, if whole { 60 } else { 0 }));
    }
}

#[test]
fn messages_of_a_stream_are_told_apart_wherever_it_is_cut() {
    let mut asker = End::new(Reads::Answers, true, NUMBERS);
    let mut bytes = Vec::new();
    for n in 0..3 {
        asker.encode(&asks(&format!("n{n}.a.com"), n, Query::new(RecordType::A)), &mut bytes);
    }
    let mut server = End::new(Reads::Questions, true, NUMBERS);
    let mut ends = Vec::new();
    for byte in &bytes {
        for heard in feed(&mut server, &[*byte]) {
            let Decoded::Message(message, at) = heard else { panic!("{heard:?}") };
            ends.push((message.name().map(ToString::to_string), at));
        }
    }
    let third = bytes.len() as u64 / 3;
    let names = ["n0.a.com", "n1.a.com", "n2.a.com"].map(|name| Some(name.to_owned()));
    assert_eq!(ends, names.into_iter().zip([third, 2 * third, 3 * third]).collect::<Vec<_>>());
    let all = feed(&mut End::new(Reads::Questions, true, NUMBERS), &bytes);
    assert_eq!(all.len(), 3);
}

proptest! {
    #[test]
    fn whatever_comes_a_reader_says_one_thing_of_each_datagram(
        bytes in prop::collection::vec(any::<u8>(), 0..300),
        flip in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..6),
    ) {
        for mut bytes in [bytes, raw(0, [1, 0, 0, 1], &[question(1, 1), opt(0, 1232, &[])].concat())] {
            for (at, with) in &flip {
                if !bytes.is_empty() {
                    let at = at.index(bytes.len());
                    bytes[at] = *with;
                }
            }
            prop_assert_eq!(feed(&mut server(), &bytes).len(), 1);
            let mut asker = asker();
            let sent = written(&mut asker, &asks("www.a.com", 1, Query::new(RecordType::A)));
            if bytes.len() > 2 {
                bytes[..2].copy_from_slice(&sent[..2]);
                bytes[2] |= 0x80;
            }
            prop_assert_eq!(feed(&mut asker, &bytes).len(), 1);
            feed(&mut End::new(Reads::Questions, true, NUMBERS), &bytes);
        }
    }
}
