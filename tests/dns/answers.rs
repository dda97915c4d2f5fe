//! What a zone answers, straight from a name server and through the load balancer: the same.

use crate::ask::{ask, ask_with, code, data, error, hear, lab, name, question, socket};
use crate::common::Bench;
use faultlab::base::{Owner, Peer};
use faultlab::event::Fact;
use faultlab::message::{Note, Outcome};
use hickory_proto::op::ResponseCode;
use hickory_proto::rr::{DNSClass, RecordType};

#[test]
fn a_zone_answers_directly_and_through_the_load_balancer() {
    let bench = Bench::start(&lab("policy = \"race\""));
    let (a, aaaa) = (RecordType::A, RecordType::AAAA);
    let cases: &[(&str, RecordType, &[&str])] = &[
        ("www.google.com", a, &["A 192.0.2.10"]),
        ("www.google.com", aaaa, &["AAAA 2001:db8::10"]),
        ("google.com", RecordType::MX, &["MX 10 mail.google.com."]),
        ("google.com", RecordType::NS, &["NS ns1.google.com.", "NS ns2.google.com."]),
        ("search.google.com", a, &["CNAME www.google.com.", "A 192.0.2.10"]),
        ("search.google.com", RecordType::CNAME, &["CNAME www.google.com."]),
        ("note.google.com", RecordType::TXT, &["TXT it has text, and no address"]),
        ("rome.maps.google.com", a, &["A 192.0.2.30"]),
        ("old.rome.maps.google.com", a, &["A 192.0.2.30"]),
    ];
    for node in ["ts1", "ls"] {
        for (name, kind, expected) in cases {
            let answer = ask(&bench, node, name, *kind);
            assert_eq!((code(&answer), data(&answer)), (ResponseCode::NoError, owned(expected)));
            assert_eq!(answer.metadata.authoritative, node == "ts1");
            assert_eq!(answer.metadata.recursion_available, node == "ls");
            assert!(answer.authorities.is_empty(), "{node} {name}");
        }
    }
}

fn owned(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

#[test]
fn denials_say_which_and_for_how_long_and_foreign_names_are_refused() {
    let bench = Bench::start(&lab("policy = \"failover\""));
    for node in ["ts1", "ls"] {
        for (text, kind, expected) in [
            ("nosuch.google.com", RecordType::A, ResponseCode::NXDomain),
            ("note.google.com", RecordType::A, ResponseCode::NoError),
            ("maps.google.com", RecordType::A, ResponseCode::NoError),
            ("rome.maps.google.com", RecordType::TXT, ResponseCode::NoError),
            ("x.www.google.com", RecordType::A, ResponseCode::NXDomain),
        ] {
            let answer = ask(&bench, node, text, kind);
            assert_eq!((code(&answer), answer.answers.len()), (expected, 0), "{node} {text}");
            let [soa] = answer.authorities.as_slice() else { panic!("{node} {text}: {answer}") };
            assert_eq!((soa.record_type(), soa.ttl), (RecordType::SOA, 5));
        }
    }
    assert_eq!(code(&ask(&bench, "ts1", "www.mit.edu", RecordType::A)), ResponseCode::Refused);
    let answer = ask(&bench, "ls", "www.mit.edu", RecordType::A);
    assert_eq!(code(&answer), ResponseCode::ServFail);
    assert_eq!(error(&answer), Some((22, "ts1 REFUSED, ts2 REFUSED".into())));
}

#[test]
fn names_compare_without_case_and_come_back_as_they_were_asked() {
    let bench = Bench::start(&lab(""));
    for node in ["ts1", "ls"] {
        let asked = question(1, "wWw.gOOgle.COM", RecordType::A, None);
        let answer = ask_with(bench.address(node), &asked);
        assert!(answer.queries[0].name().eq_case(&name("wWw.gOOgle.COM")));
        assert!(answer.answers[0].name.eq_case(&name("wWw.gOOgle.COM")));
    }
}

#[test]
fn what_is_no_question_for_us_is_turned_away_with_its_code() {
    let bench = Bench::start(&lab(""));
    let good = || question(9, "www.google.com", RecordType::A, Some(1232));
    for node in ["ts1", "ls"] {
        let address = bench.address(node);
        let mut none = good();
        none.queries.clear();
        let mut two = good();
        two.add_query(two.queries[0].clone());
        let mut notify = good();
        notify.metadata.op_code = hickory_proto::op::OpCode::Notify;
        let mut chaos = question(9, "version.bind", RecordType::TXT, None);
        chaos.queries[0].set_query_class(DNSClass::CH);
        let mut newer = good();
        newer.edns.as_mut().expect("EDNS").set_version(1);
        for (asked, expected) in [
            (none, ResponseCode::FormErr),
            (two, ResponseCode::FormErr),
            (notify, ResponseCode::NotImp),
            (chaos, ResponseCode::Refused),
            (newer, ResponseCode::BADVERS),
        ] {
            // The library has two words for number 16.
            let code = u16::from(code(&ask_with(address, &asked)));
            assert_eq!(code, u16::from(expected), "{node}");
        }
        assert_eq!(code(&ask_with(address, &good())), ResponseCode::NoError, "{node}");
    }
}

#[test]
fn the_log_tells_the_story_of_a_visitor_over_datagrams() {
    let bench = Bench::start(&lab("policy = \"race\""));
    ask(&bench, "ls", "www.google.com", RecordType::A);
    let ls = bench.id("ls");
    let decided = bench.until(0, "the verdict", |event| {
        matches!(event.id.owner, Owner::Node(node, _) if node == ls)
            && matches!(event.fact, Fact::Noted(Note::Decided { outcome: Outcome::Answered, .. }))
    });
    let world = bench.world();
    let race = world.races.front().expect("a race");
    assert!(matches!(race.asker, Peer::Visitor(_)));
    assert_eq!(race.lanes.len(), 2);
    let events = bench.handle.read(0, usize::MAX);
    // Each receipt between nodes of ours knows its send, although a datagram bears no number of ours.
    for event in events.events() {
        if let Fact::MessageReceived { from: Peer::Node(_), .. } = event.fact {
            let of_a_send = events.events().any(|sent| {
                faultlab::event::Cause::Event(sent.id) == event.cause
                    && matches!(sent.fact, Fact::MessageSent { .. })
            });
            assert!(of_a_send, "{event:?}");
        }
    }
    assert!(decided.time.0 > 0);
}

/// Four thousand questions of one stranger, many at a time, through the load balancer: none lost, none wrong.
#[test]
fn of_thousands_of_questions_none_is_lost_and_none_gets_anothers_answer() {
    const OUTSTANDING: u16 = 32;
    let bench = Bench::start(&lab("policy = \"round-robin\""));
    let socket = socket(bench.address("ls"));
    let known = [
        ("www.google.com", "A 192.0.2.10"),
        ("mail.google.com", "A 192.0.2.25"),
        ("rome.maps.google.com", "A 192.0.2.30"),
    ];
    let of = |id: u16| known[usize::from(id) % known.len()];
    let send = |id: u16| {
        let question = question(id, of(id).0, RecordType::A, Some(1232));
        socket.send(&question.to_vec().expect("a question")).expect("it is sent");
    };
    (0..OUTSTANDING).for_each(send);
    let mut missing: std::collections::BTreeSet<u16> = (0..4000).collect();
    for next in OUTSTANDING..4000 + OUTSTANDING {
        let answer = hear(&socket);
        let id = answer.metadata.id;
        assert!(missing.remove(&id), "{id} is answered twice");
        assert_eq!(answer.queries[0].name(), &name(of(id).0));
        assert_eq!(data(&answer), [of(id).1]);
        if next < 4000 {
            send(next);
        }
    }
    assert!(missing.is_empty(), "{missing:?}");
}
