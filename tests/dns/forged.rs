//! A name server that is ours to command: late, forged and doubled answers reach nobody.

use crate::ask::{OVER_DNS, code, data, hear, name, question, socket};
use crate::common::{Bench, DEADLINE, in_front_of};
use hickory_proto::op::{Message, MessageType, Query, ResponseCode};
use hickory_proto::rr::rdata::A;
use hickory_proto::rr::{RData, Record, RecordType};
use std::collections::HashSet;
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};

/// A load balancer in front of a name server at this address.
fn before(address: SocketAddr) -> String {
    in_front_of(OVER_DNS, "listen = { dns = 0 }", &[("ts", &format!("at = \"{address}\""))])
}

fn stranger() -> UdpSocket {
    let socket = UdpSocket::bind("127.0.0.1:0").expect("a socket");
    socket.set_read_timeout(Some(DEADLINE)).expect("a timeout");
    socket
}

/// A question that came, and from where.
fn asked(server: &UdpSocket) -> (Message, SocketAddr) {
    let mut buffer = [0; 4096];
    let (count, from) = server.recv_from(&mut buffer).expect("a question");
    (Message::from_vec(&buffer[..count]).expect("a DNS message"), from)
}

fn answer(asked: &Message, last: u8) -> Message {
    let mut answer = Message::new(asked.metadata.id, MessageType::Response, asked.metadata.op_code);
    answer.add_query(asked.queries[0].clone());
    let owner = asked.queries[0].name().clone();
    let address = A(Ipv4Addr::new(192, 0, 2, last));
    answer.add_answer(Record::from_rdata(owner, 60, RData::A(address)));
    answer
}

fn send(server: &UdpSocket, to: SocketAddr, message: &Message) {
    server.send_to(&message.to_vec().expect("a message"), to).expect("it is sent");
}

#[test]
fn forgeries_reach_nobody_and_the_real_answer_still_counts() {
    let server = stranger();
    let bench = Bench::start(&before(server.local_addr().expect("an address")));
    let visitor = socket(bench.address("ls"));
    let sent = question(5, "www.a.com", RecordType::A, None);
    visitor.send(&sent.to_vec().expect("a question")).expect("it is sent");
    let (asked, from) = asked(&server);
    assert!(asked.queries[0].name().eq_case(&name("www.a.com")));
    let good = answer(&asked, 1);
    let mut number = answer(&asked, 66);
    number.metadata.id ^= 1;
    let mut other_name = answer(&asked, 66);
    other_name.queries[0] = Query::query(name("www.b.com"), RecordType::A);
    let mut other_type = answer(&asked, 66);
    other_type.queries[0] = Query::query(name("www.a.com"), RecordType::AAAA);
    let mut no_answer = answer(&asked, 66);
    no_answer.metadata.message_type = MessageType::Query;
    for forged in [number, other_name, other_type, no_answer] {
        send(&server, from, &forged);
    }
    // From another port, and another address: the kernel lets it not in, so nobody can count it.
    send(&stranger(), from, &answer(&asked, 66));
    // Not every system has more than one loopback address.
    if let Ok(other_host) = UdpSocket::bind("127.0.0.2:0") {
        send(&other_host, from, &answer(&asked, 66));
    }
    send(&server, from, &good);
    send(&server, from, &answer(&asked, 66));
    let told = hear(&visitor);
    assert_eq!((code(&told), data(&told)), (ResponseCode::NoError, vec!["A 192.0.2.1".into()]));
    let unasked = |event: &faultlab::event::Event| {
        matches!(event.fact, faultlab::event::Fact::Unasked { .. })
    };
    let mut at = 0;
    for _ in 0..5 {
        let event = bench.until(at, "a forgery that is dropped", unasked);
        let all = bench.handle.read(0, usize::MAX);
        at = 1 + all.events().position(|one| one.id == event.id).expect("it is there") as u64;
    }
    assert_eq!(bench.world().truth.unasked, 5);
}

#[test]
fn numbers_cannot_be_foreseen_and_none_is_used_twice_at_a_time() {
    const AT_A_TIME: u16 = 50;
    let server = stranger();
    let bench = Bench::start(&before(server.local_addr().expect("an address")));
    let visitor = socket(bench.address("ls"));
    let (mut neighbours, mut before, mut buckets) = (0, 0_u16, [0_u32; 64]);
    for round in 0..20_000 / AT_A_TIME {
        for n in 0..AT_A_TIME {
            let sent = question(n, &format!("h{n}-{round}.a.com"), RecordType::A, None);
            visitor.send(&sent.to_vec().expect("a question")).expect("it is sent");
        }
        let all: Vec<_> = (0..AT_A_TIME).map(|_| asked(&server)).collect();
        let waiting: HashSet<u16> = all.iter().map(|(asked, _)| asked.metadata.id).collect();
        assert_eq!(waiting.len(), usize::from(AT_A_TIME), "round {round}");
        for (asked, from) in &all {
            let number = asked.metadata.id;
            neighbours += u32::from(number.abs_diff(before) < 8);
            buckets[usize::from(number >> 10)] += 1;
            before = number;
            send(&server, *from, &answer(asked, 1));
        }
        (0..AT_A_TIME).for_each(|_| drop(hear(&visitor)));
    }
    // By chance 5 are so near to the one before.
    assert!(neighbours < 30, "{neighbours} of 20,000 lie beside the one before");
    // Chi-square with 63 degrees of freedom: above 120 once in a hundred thousand.
    let expected = 20_000.0 / 64.0;
    let chi: f64 = buckets.iter().map(|n| (f64::from(*n) - expected).powi(2) / expected).sum();
    assert!(chi < 120.0, "{chi}: {buckets:?}");
}
