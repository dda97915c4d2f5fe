//! The truth table on sockets, over DNS: two servers, each in one of eight parts, under every policy that needs no word
//! of ours on the wire. The servers are strangers, who read in the question's name which part to play.

use crate::ask::{OVER_DNS, code, data, error, hear, question, socket};
use crate::common::Bench;
use crate::rules::{POLICIES, Part, Rule, expected, outcome};
use faultlab::message::Outcome;
use faultlab::topology::Policy;
use hickory_proto::op::{Message, MessageType, ResponseCode};
use hickory_proto::rr::rdata::A;
use hickory_proto::rr::{RData, Record, RecordType};
use socket2::SockRef;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::io::Read as _;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

/// A name server that plays the part that stands at its place in the name: `p05.a.com` is 0 for the first.
struct Stranger {
    address: SocketAddr,
    over: Arc<AtomicBool>,
    threads: Vec<JoinHandle<()>>,
}

impl Stranger {
    fn new(place: usize) -> Self {
        let both = || {
            let listener = TcpListener::bind("127.0.0.1:0").ok()?;
            let udp = UdpSocket::bind(listener.local_addr().ok()?).ok()?;
            Some((listener, udp))
        };
        let (listener, udp) = (0..100).find_map(|_| both()).expect("a port for both");
        let address = udp.local_addr().expect("an address");
        let over = Arc::new(AtomicBool::new(false));
        let (one, other) = (over.clone(), over.clone());
        let threads = vec![
            std::thread::spawn(move || answer_datagrams(&udp, place, &one)),
            std::thread::spawn(move || reset_streams(&listener, &other)),
        ];
        Self { address, over, threads }
    }
}

impl Drop for Stranger {
    fn drop(&mut self) {
        self.over.store(true, Ordering::SeqCst);
        let wake = UdpSocket::bind("127.0.0.1:0").and_then(|udp| udp.send_to(&[], self.address));
        let knock = TcpStream::connect(self.address);
        if wake.is_ok() && knock.is_ok() {
            for thread in self.threads.drain(..) {
                let _ = thread.join();
            }
        }
    }
}

fn answer_datagrams(udp: &UdpSocket, place: usize, over: &AtomicBool) {
    let mut buffer = [0; 4096];
    while let Ok((count, from)) = udp.recv_from(&mut buffer) {
        if over.load(Ordering::SeqCst) {
            return;
        }
        let asked = Message::from_vec(&buffer[..count]).expect("a DNS message");
        if let Some(answer) = play(&asked, place) {
            udp.send_to(&answer.to_vec().expect("a message"), from).expect("it is sent");
        }
    }
}

/// Whoever is told to ask again over a stream is broken off there.
fn reset_streams(listener: &TcpListener, over: &AtomicBool) {
    while let Ok((mut stream, _)) = listener.accept() {
        if over.load(Ordering::SeqCst) {
            return;
        }
        let _ = stream.read(&mut [0; 512]);
        SockRef::from(&stream).set_linger(Some(Duration::ZERO)).expect("an option");
    }
}

fn play(asked: &Message, place: usize) -> Option<Message> {
    let question = asked.queries[0].clone();
    let label = question.name().iter().next().expect("a label").to_vec();
    let part = Part::ALL[usize::from(label[1 + place] - b'0')];
    let mut answer = Message::new(asked.metadata.id, MessageType::Response, asked.metadata.op_code);
    answer.metadata.response_code = match part {
        Part::NxDomain => ResponseCode::NXDomain,
        Part::ServFail => ResponseCode::ServFail,
        Part::RefusedByServer => ResponseCode::Refused,
        _ => ResponseCode::NoError,
    };
    match part {
        Part::Silent => return None,
        Part::Reset => answer.metadata.truncation = true,
        Part::NoError => {
            let address = A(Ipv4Addr::new(192, 0, 2, 1 + place as u8));
            answer.add_answer(Record::from_rdata(question.name().clone(), 60, RData::A(address)));
        }
        _ => {}
    }
    answer.add_query(question);
    Some(answer)
}

/// An address where nobody listens.
fn nobody() -> SocketAddr {
    UdpSocket::bind("127.0.0.1:0").and_then(|udp| udp.local_addr()).expect("an address")
}

/// The upstreams of the load balancers of one policy: one of them can be asked for each pair of parts.
const UPSTREAMS: [[&str; 2]; 4] =
    [["ts1", "ts2"], ["gone", "ts2"], ["ts1", "lost"], ["gone", "lost"]];

/// Which of them has servers for these parts.
fn place_of(parts: [Part; 2]) -> usize {
    let gone = parts.map(|part| usize::from(part == Part::RefusedSocket));
    gone[0] + 2 * gone[1]
}

fn policies() -> impl Iterator<Item = (usize, &'static (Policy, &'static str, Rule))> {
    POLICIES.iter().enumerate().filter(|(_, (policy, ..))| *policy != Policy::Tied)
}

fn lab(servers: &[Stranger; 2]) -> String {
    let mut text = format!("title = \"the truth table\"\n{OVER_DNS}\n");
    for (at, (policy, extra, _)) in policies() {
        for (place, upstreams) in UPSTREAMS.iter().enumerate() {
            let merge = if *policy == Policy::Batch { "" } else { "merge = true" };
            let policy = policy.word();
            write!(
                text,
                "[nodes.ls{at}-{place}]\nrole = \"ls\"\nupstreams = {upstreams:?}\n\
                 policy = \"{policy}\"\ntimeout = \"3s\"\nlisten = {{ dns = 0 }}\n{extra}\n\
                 {merge}\n",
            )
            .expect("text takes text");
        }
    }
    let addresses = [servers[0].address, servers[1].address, nobody(), nobody()];
    for (name, address) in ["ts1", "ts2", "gone", "lost"].into_iter().zip(addresses) {
        writeln!(text, "[nodes.{name}]\nrole = \"ts\"\nat = \"{address}\"")
            .expect("text takes text");
    }
    text
}

/// What the reason has for a server of this part.
fn word(part: Part) -> &'static str {
    match part {
        Part::ServFail => "SERVFAIL",
        Part::RefusedByServer => "REFUSED",
        Part::NoData | Part::NxDomain => "negative",
        Part::NoError => "answered",
        Part::Silent => "silent",
        Part::RefusedSocket => "refused",
        Part::Reset => "reset",
    }
}

/// The extended error of what failed a moment ago (RFC 8914).
const REMEMBERED: u16 = 13;

/// Whether an answer says what this verdict is; `again`: it is to the same question, asked at the heels of the first.
fn says(
    answer: &Message,
    (what, from): (Outcome, Option<&'static str>),
    servers: [(&'static str, Part); 2],
    again: bool,
) -> bool {
    let part_of = |name| servers.iter().find(|(one, _)| *one == name).expect("one of both").1;
    let has = |part| servers.iter().any(|(_, one)| *one == part);
    match what {
        Outcome::Answered => {
            let last = if from == Some("ts1") { 1 } else { 2 };
            code(answer) == ResponseCode::NoError && data(answer) == [format!("A 192.0.2.{last}")]
        }
        Outcome::Negative => {
            let exists = from.map_or(has(Part::NoData), |name| part_of(name) == Part::NoData);
            let wanted = if exists { ResponseCode::NoError } else { ResponseCode::NXDomain };
            code(answer) == wanted && answer.answers.is_empty()
        }
        _ => {
            let Some((number, text)) = error(answer) else { return false };
            let words = servers.map(|(name, part)| format!("{name} {}", word(part)));
            let said: BTreeSet<&str> = text.split(", ").collect();
            code(answer) == ResponseCode::ServFail
                && (number == if has(Part::Reset) { 23 } else { 22 }
                    || again && number == REMEMBERED)
                && said == words.iter().map(String::as_str).collect()
        }
    }
}

/// Each question is asked twice: whoever joins the first one's race is told the same.
#[test]
fn every_pair_of_servers_ends_over_datagrams_as_it_does_on_virtual_time() {
    let servers = [Stranger::new(0), Stranger::new(1)];
    let bench = Bench::start(&lab(&servers));
    let pairs: Vec<[usize; 2]> = (0..64).map(|pair| [pair / 8, pair % 8]).collect();
    let mut asked = Vec::new();
    for (at, (.., rule)) in policies() {
        let sockets = [0, 1, 2, 3].map(|place| socket(bench.address(&format!("ls{at}-{place}"))));
        let (mut quick, mut slow) = ([0; 4], [0; 4]);
        for (id, [one, other]) in pairs.iter().enumerate() {
            let place = place_of([Part::ALL[*one], Part::ALL[*other]]);
            let name = format!("p{one}{other}.a.com");
            let message = question(2 * id as u16, &name, RecordType::A, Some(1232));
            let mut bytes = message.to_vec().expect("a question");
            sockets[place].send(&bytes).expect("it is sent");
            // Once more, with a number of its own and another spelling, behind the header and the label's length.
            bytes[1] += 1;
            bytes[13] = b'P';
            sockets[place].send(&bytes).expect("it is sent");
            let waits = [*one, *other].iter().any(|part| Part::ALL[*part] == Part::Silent);
            if waits { slow[place] += 2 } else { quick[place] += 2 }
        }
        // What needs no time is awaited now, so that no buffer has to hold everything; of the rest later.
        let mut heard = BTreeMap::new();
        for (socket, count) in sockets.iter().zip(quick) {
            heard.extend((0..count).map(|_| hear(socket)).map(|one| (one.metadata.id, one)));
        }
        asked.push((at, *rule, sockets, slow, heard));
    }
    let mut complaints = Vec::new();
    for (at, rule, sockets, slow, mut heard) in asked {
        for (socket, count) in sockets.iter().zip(slow) {
            heard.extend((0..count).map(|_| hear(socket)).map(|one| (one.metadata.id, one)));
        }
        for (id, places) in pairs.iter().enumerate() {
            let parts = places.map(|place| Part::ALL[place]);
            let names = UPSTREAMS[place_of(parts)];
            let servers = [(names[0], parts[0]), (names[1], parts[1])];
            let ends = servers.map(|(name, part)| (name, outcome(part)));
            for (again, first) in [(false, "p"), (true, "P")] {
                let answer = &heard[&(2 * id as u16 + u16::from(again))];
                // Who is asked first is the policy's business, and who is quicker the machine's.
                let fits = [ends, [ends[1], ends[0]]]
                    .into_iter()
                    .any(|order| says(answer, expected(rule, order), servers, again));
                let spelled = answer.queries[0].name().to_string().starts_with(first);
                if !fits || !spelled {
                    let policy = POLICIES[at].0.word();
                    complaints.push(format!("{policy} of {servers:?}, again {again}: {answer}"));
                }
            }
        }
    }
    assert!(complaints.is_empty(), "\n{}\n", complaints.join("\n"));
}
