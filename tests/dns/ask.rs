//! Questions and answers of a stranger: sockets of its own, and messages made by the library.

use crate::common::{Bench, DEADLINE, in_front_of};
use hickory_proto::op::{Edns, Message, MessageType, OpCode, Query, ResponseCode};
use hickory_proto::rr::rdata::opt::{EdnsCode, EdnsOption};
use hickory_proto::rr::{Name, RecordType};
use std::net::{SocketAddr, UdpSocket};
use std::str::FromStr as _;

/// What makes every link speak DNS.
pub const OVER_DNS: &str = "[defaults.link]\nwire = \"dns\"";

/// Two name servers with the same zone behind a load balancer with these settings, all of them speaking DNS.
pub fn lab(ls: &str) -> String {
    let file = format!("{OVER_DNS}\n[nodes.client]\nrole = \"client\"\nasks = \"ls\"");
    let zone = "records = \"zones/google.com.zone\"\nlisten = { dns = 0 }";
    let ls = format!("listen = {{ dns = 0 }}\n{ls}");
    in_front_of(&file, &ls, &[("ts1", zone), ("ts2", zone)])
}

pub fn name(text: &str) -> Name {
    Name::from_str(&format!("{text}.")).expect("a name")
}

/// A question; `edns`: the size of datagrams that is taken.
pub fn question(id: u16, text: &str, kind: RecordType, edns: Option<u16>) -> Message {
    let mut message = Message::new(id, MessageType::Query, OpCode::Query);
    message.metadata.recursion_desired = true;
    message.add_query(Query::query(name(text), kind));
    if let Some(size) = edns {
        let mut edns = Edns::new();
        edns.set_max_payload(size);
        message.set_edns(edns);
    }
    message
}

/// A socket of a stranger who asks this address.
pub fn socket(to: SocketAddr) -> UdpSocket {
    let socket = UdpSocket::bind("127.0.0.1:0").expect("a socket");
    socket.connect(to).expect("an address");
    socket.set_read_timeout(Some(DEADLINE)).expect("a timeout");
    socket
}

/// What comes next on this socket.
pub fn hear(socket: &UdpSocket) -> Message {
    let mut buffer = vec![0; 65_536];
    let count = socket.recv(&mut buffer).expect("an answer");
    Message::from_vec(&buffer[..count]).expect("a DNS message")
}

pub fn ask_with(address: SocketAddr, question: &Message) -> Message {
    let socket = socket(address);
    socket.send(&question.to_vec().expect("a question")).expect("it is sent");
    let answer = hear(&socket);
    assert_eq!(answer.metadata.id, question.metadata.id);
    answer
}

/// Asks a node, as `dig` does.
pub fn ask(bench: &Bench, node: &str, text: &str, kind: RecordType) -> Message {
    ask_with(bench.address(node), &question(4711, text, kind, Some(1232)))
}

/// The data of the answer, as a zone file has it.
pub fn data(message: &Message) -> Vec<String> {
    message
        .answers
        .iter()
        .map(|record| format!("{} {}", record.record_type(), record.data))
        .collect()
}

pub fn code(message: &Message) -> ResponseCode {
    message.metadata.response_code
}

/// The extended error of an answer: its number and its words.
pub fn error(message: &Message) -> Option<(u16, String)> {
    let EdnsOption::Unknown(_, bytes) = message.edns.as_ref()?.option(EdnsCode::Unknown(15))?
    else {
        return None;
    };
    let (number, text) = bytes.split_first_chunk::<2>()?;
    Some((u16::from_be_bytes(*number), String::from_utf8_lossy(text).into_owned()))
}
