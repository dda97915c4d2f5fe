//! The cost of the bench itself: one question through client → LS → TS → LS → client over the line wire, beside a
//! bare tokio chain of the same TCP hops in the same run.
//!
//! `cargo bench --bench chain` prints both and their ratio. Links are without delay, recording in memory is on.

mod bare;

use faultlab::base::{LabTime, QuestionNo};
use faultlab::command::grammar;
use faultlab::event::Fact;
use faultlab::lab::{Lab, Options};
use faultlab::message::Note;
use faultlab::topology;
use std::collections::HashMap;
use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Questions asked one at a time.
const SINGLE: usize = 4_000;
/// Questions asked with many outstanding.
const MANY: usize = 60_000;
/// How many are outstanding then.
const OUTSTANDING: usize = 64;
/// Names in the table.
const NAMES: usize = 256;

fn main() {
    // Interleaved rounds: the machine's speed drifts, the ratio of neighbours less.
    let rounds: Vec<[f64; 4]> = (0..5).map(|_| round()).collect();
    let column = |at: usize| {
        let mut values: Vec<f64> = rounds.iter().map(|round| round[at]).collect();
        values.sort_by(f64::total_cmp);
        values[values.len() / 2]
    };
    let ratio = |a: usize, b: usize| {
        let mut values: Vec<f64> = rounds.iter().map(|round| round[a] / round[b]).collect();
        values.sort_by(f64::total_cmp);
        values[values.len() / 2]
    };
    println!(
        "one at a time, median      lab {:8.1} µs   bare {:8.1} µs   lab/bare {:.2}",
        column(0),
        column(1),
        ratio(0, 1)
    );
    println!(
        "{OUTSTANDING} outstanding, answers/s  lab {:8.0}      bare {:8.0}      lab/bare {:.2}",
        column(2),
        column(3),
        ratio(2, 3)
    );
}

/// Lab median µs, bare median µs, lab answers/s, bare answers/s.
fn round() -> [f64; 4] {
    let bare = bare::Chain::start(NAMES);
    let bare_single = bare.one_at_a_time(SINGLE);
    let bare_many = pipelined(bare.address());
    drop(bare);
    let lab = lab();
    let lab_single = one_at_a_time(&lab);
    let address = lab.handle().address(id(&lab, "ls")).expect("the LS listens");
    let lab_many = pipelined(address);
    lab.finish();
    [lab_single, bare_single, lab_many, bare_many]
}

fn id(lab: &Lab, name: &str) -> faultlab::base::NodeId {
    lab.handle().topology().names.id(name).expect("the topology has this node")
}

fn lab() -> Lab {
    let names: Vec<String> = (0..NAMES).map(|n| format!("\"host{n}.example\"")).collect();
    let records: Vec<String> =
        (0..NAMES).map(|n| format!("\"host{n}.example\" = \"192.0.2.{}\"", n % 250)).collect();
    let text = format!(
        "title = \"chain\"\n[nodes.client]\nrole = \"client\"\nasks = \"ls\"\npace = \"serial\"\nnames = [{}]\n\
         [nodes.ls]\nrole = \"ls\"\nupstreams = [\"ts\"]\npolicy = \"round-robin\"\n\
         [nodes.ts]\nrole = \"ts\"\nrecords = {{ {} }}\n",
        names.join(", "),
        records.join(", "),
    );
    let loaded = topology::load_text("chain.toml", &text, &topology::Bundled)
        .expect("the topology is right");
    Lab::start(Arc::new(loaded.topology), &Options::default()).expect("the lab starts")
}

/// Gives the client its list again and again, which it asks one name after the other, and reads the times off the log.
fn one_at_a_time(lab: &Lab) -> f64 {
    let handle = lab.handle();
    let mut asked: HashMap<QuestionNo, LabTime> = HashMap::new();
    let (mut at, mut micros) = (handle.end(), Vec::new());
    let client = id(lab, "client");
    let batch = grammar::command("batch client", &handle.topology().names).expect("a command");
    assert!(handle.give(batch.clone()));
    let deadline = Instant::now() + Duration::from_secs(60);
    while micros.len() < SINGLE {
        assert!(Instant::now() < deadline, "the client got only {} answers", micros.len());
        handle.wait(at, Duration::from_millis(100));
        let tail = handle.read(at, usize::MAX);
        at = tail.next;
        for event in tail.events() {
            if !matches!(event.id.owner, faultlab::base::Owner::Node(node, _) if node == client) {
                continue;
            }
            match &event.fact {
                Fact::Noted(Note::Asked { question, .. }) => {
                    asked.insert(*question, event.time);
                }
                Fact::Noted(Note::Decided { question, .. }) => {
                    let begun = asked.remove(question).expect("decided after it was asked");
                    micros.push(event.time.since(begun).as_secs_f64() * 1e6);
                }
                Fact::Noted(Note::ListEnded { .. }) => assert!(handle.give(batch.clone())),
                _ => {}
            }
        }
    }
    micros.sort_by(f64::total_cmp);
    micros[micros.len() / 2]
}

/// Answers a second for one outside client that keeps many questions outstanding.
fn pipelined(address: SocketAddr) -> f64 {
    let stream = TcpStream::connect(address).expect("somebody listens");
    stream.set_nodelay(true).expect("an option of the socket");
    let mut writer = stream.try_clone().expect("a second handle");
    let mut reader = BufReader::new(stream);
    let start = Instant::now();
    let mut line = String::new();
    let mut sent = 0;
    let ask = |writer: &mut TcpStream, n: usize| {
        writeln!(writer, "host{}.example", n % NAMES).expect("the server reads");
    };
    while sent < OUTSTANDING {
        ask(&mut writer, sent);
        sent += 1;
    }
    for _ in 0..MANY {
        line.clear();
        reader.read_line(&mut line).expect("the server answers");
        assert!(line.contains("192.0.2."), "{line}");
        if sent < MANY {
            ask(&mut writer, sent);
            sent += 1;
        }
    }
    MANY as f64 / start.elapsed().as_secs_f64()
}
