//! What is shown is what is on the wire: every arrow of the log is a datagram that a plain socket saw, and the reverse.

use crate::ask::{hear, name, question, socket};
use crate::common::Bench;
use faultlab::base::{FrameId, Peer, VisitorId};
use faultlab::event::{Event, Fact};
use faultlab::message::Message as Said;
use hickory_proto::op::{Message, MessageType};
use hickory_proto::rr::rdata::A;
use hickory_proto::rr::{RData, Record, RecordType};
use std::collections::BTreeMap;
use std::net::{SocketAddr, UdpSocket};
use std::sync::mpsc::{Receiver, channel};
use std::thread;

const QUESTIONS: u16 = 100;

/// How often each name was on the wire.
type Seen = BTreeMap<String, u32>;

/// A name server with a plain socket: it tells which names it is asked for, and answers. An empty datagram ends it.
fn server() -> (SocketAddr, Receiver<String>) {
    let socket = UdpSocket::bind("127.0.0.1:0").expect("a socket");
    let address = socket.local_addr().expect("it is bound");
    let (tell, names) = channel();
    thread::spawn(move || {
        let mut buffer = [0; 4096];
        loop {
            let (count, from) = socket.recv_from(&mut buffer).expect("it stands");
            if count == 0 {
                return;
            }
            let mut message = Message::from_vec(&buffer[..count]).expect("a question");
            let asked = message.queries[0].name().clone();
            message.metadata.message_type = MessageType::Response;
            let address = RData::A(A::new(192, 0, 2, 1));
            message.add_answer(Record::from_rdata(asked.clone(), 60, address));
            tell.send(asked.to_string()).expect("somebody counts");
            socket.send_to(&message.to_vec().expect("an answer"), from).expect("it is sent");
        }
    });
    (address, names)
}

fn count(names: impl Iterator<Item = String>) -> Seen {
    let mut seen = Seen::new();
    for name in names {
        *seen.entry(name).or_default() += 1;
    }
    seen
}

/// The arrows from one end to the other, by name: what was sent, without what was lost, with what was doubled.
fn arrows(events: &[Event], bench: &Bench, from: &str, to: Peer) -> Seen {
    let node = bench.id(from);
    let from = Peer::Node(node);
    let mut sent: BTreeMap<FrameId, String> = BTreeMap::new();
    for event in events {
        match &event.fact {
            Fact::MessageSent { to: whom, frame, message, .. }
                if *whom == to
                    && matches!(event.id.owner, faultlab::base::Owner::Node(it, _) if it == node) =>
            {
                let name = message.name().expect("a name").as_str();
                sent.insert(*frame, format!("{name}."));
            }
            Fact::FrameLost { from: a, to: b, frame, .. } if (*a, *b) == (from, to) => {
                sent.remove(frame).expect("it was sent");
            }
            Fact::FrameDoubled { from: a, to: b, frame, copy, .. } if (*a, *b) == (from, to) => {
                sent.insert(*copy, sent[frame].clone());
            }
            _ => {}
        }
    }
    count(sent.into_values())
}

#[test]
fn every_arrow_is_a_datagram_and_every_datagram_an_arrow() {
    let (address, asked) = server();
    let text = format!(
        "title = \"arrows\"\nseed = 3\n[defaults.link]\nwire = \"dns\"\n\
         [nodes.ls]\nrole = \"ls\"\nupstreams = [\"ts\"]\ntimeout = \"200ms\"\n\
         policy = \"failover\"\nlisten = {{ dns = 0 }}\n\
         [nodes.ts]\nrole = \"ts\"\nat = \"{address}\"\n"
    );
    let bench = Bench::start(&text);
    let visitor = socket(bench.address("ls"));
    let mut heard = Vec::new();
    let mut ask = |number: u16| {
        let wanted = format!("h{number}.a.com");
        let question = question(number, &wanted, RecordType::A, None);
        visitor.send(&question.to_vec().expect("a question")).expect("it is sent");
        let answer = hear(&visitor);
        assert_eq!(*answer.queries[0].name(), name(&wanted));
        heard.push(answer.queries[0].name().to_string());
    };
    ask(0);
    let set = |event: &Event| matches!(event.fact, Fact::FaultsSet { .. });
    for line in ["loss ls->ts 20%", "duplicate ls->ts 20%", "reorder ls->ts 20%"] {
        bench.command(line, set);
    }
    (1..QUESTIONS).for_each(&mut ask);
    // What is still on its way arrives before this: the link has been quick for as long as it takes.
    bench.command("heal ls->ts", set);
    bench.quiet(std::time::Duration::from_millis(300));
    UdpSocket::bind("127.0.0.1:0").expect("a socket").send_to(&[], address).expect("it is sent");
    let events = bench.events();
    let (ls, ts) = (Peer::Node(bench.id("ls")), Peer::Node(bench.id("ts")));
    let asked = count(asked.iter());
    assert_eq!(arrows(&events, &bench, "ls", ts), asked);
    let (distinct, all) = (asked.len(), asked.values().sum::<u32>());
    assert!((60..100).contains(&distinct) && all > 70, "{distinct} names in {all} datagrams");
    let visitor = Peer::Visitor(VisitorId(1));
    assert_eq!(arrows(&events, &bench, "ls", visitor), count(heard.into_iter()));
    let received = |from: Peer| {
        let names = events.iter().filter_map(|event| match &event.fact {
            Fact::MessageReceived { from: it, message, .. } if *it == from => {
                Some((matches!(**message, Said::Ask { .. }), message.name()?.as_str().to_owned()))
            }
            _ => None,
        });
        names.collect::<Vec<_>>()
    };
    let wanted: Vec<_> = (0..QUESTIONS).map(|n| (true, format!("h{n}.a.com"))).collect();
    assert_eq!(received(visitor), wanted);
    assert!(received(ls).is_empty(), "the name server is no node of ours");
    // The second answer to a doubled question answers nothing; what comes is an answer or that.
    let unasked = events.iter().filter(|event| matches!(event.fact, Fact::Unasked { .. })).count();
    assert_eq!(received(ts).len() + unasked, all as usize);
    assert_eq!(bench.world().truth.unasked as usize, unasked);
}
