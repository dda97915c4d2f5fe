//! The cost of the bench itself: one question through client → LS → TS → LS → client over the line wire and over real
//! DNS, each beside a bare tokio chain of the same TCP or UDP hops in the same run.
//!
//! `cargo bench --bench chain` prints all and their ratios. Links are without delay, recording in memory is on.

mod bare;

use faultlab::base::{LabTime, NodeId, Owner, QuestionNo};
use faultlab::command::grammar;
use faultlab::event::{Event, Fact};
use faultlab::lab::{Lab, LabHandle, Options};
use faultlab::message::{Note, Outcome};
use faultlab::topology;
use std::collections::{BTreeMap, HashMap};
use std::fmt::Write as _;
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
/// Without an answer for so long, one is missing: twice what the LS and the client wait for theirs.
const ANSWER_WITHIN: Duration = Duration::from_secs(10);
/// Lines of the log that a failure shows.
const SHOWN_MAX: usize = 40;

fn main() {
    // Interleaved rounds: the machine's speed drifts, the ratio of neighbours less.
    let rounds: Vec<[f64; 6]> = (0..5).map(|_| round()).collect();
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
    for (wire, at) in [("lines over TCP", 0), ("DNS over UDP", 4)] {
        println!(
            "one at a time, {wire:15} median   lab {:8.1} µs   bare {:8.1} µs   lab/bare {:.2} \
             (at most 2 is the aim)",
            column(at),
            column(at + 1),
            ratio(at, at + 1)
        );
    }
    println!(
        "{OUTSTANDING} outstanding, lines, answers/s          lab {:8.0}      bare {:8.0}      lab/bare {:.2} \
         (at least 0.5 is the aim)",
        column(2),
        column(3),
        ratio(2, 3)
    );
}

/// Lab median µs, bare median µs, lab answers/s, bare answers/s; and the medians over DNS.
fn round() -> [f64; 6] {
    let bare = bare::Chain::start(NAMES);
    let bare_single = bare.one_at_a_time(SINGLE);
    let bare_many = pipelined(bare.address(), String::new);
    drop(bare);
    let lab = start("line");
    let lab_single = one_at_a_time(&lab);
    let address = lab.handle().address(id(&lab, "ls")).expect("the LS listens");
    let from = lab.handle().end();
    let lab_many = pipelined(address, || missing(&lab.handle(), from));
    lab.finish();
    let bare_dns = bare::datagrams::Chain::start(NAMES).one_at_a_time(SINGLE);
    let lab = start("dns");
    let lab_dns = one_at_a_time(&lab);
    lab.finish();
    [lab_single, bare_single, lab_many, bare_many, lab_dns, bare_dns]
}

fn id(lab: &Lab, name: &str) -> NodeId {
    lab.handle().topology().names.id(name).expect("the topology has this node")
}

fn start(wire: &str) -> Lab {
    let names: Vec<String> = (0..NAMES).map(|n| format!("\"host{n}.example\"")).collect();
    let records: Vec<String> =
        (0..NAMES).map(|n| format!("\"host{n}.example\" = \"192.0.2.{}\"", n % 250)).collect();
    let text = format!(
        "title = \"chain\"\n[defaults.link]\nwire = \"{wire}\"\n\
         [nodes.client]\nrole = \"client\"\nasks = \"ls\"\n\
         pace = \"serial\"\nnames = [{}]\n\
         [nodes.ls]\nrole = \"ls\"\nupstreams = [\"ts\"]\npolicy = \"round-robin\"\n\
         listen = {{ {wire} = 0 }}\n\
         [nodes.ts]\nrole = \"ts\"\nlisten = {{ {wire} = 0 }}\nrecords = {{ {} }}\n",
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
    let from = at;
    let client = id(lab, "client");
    let batch = grammar::command("batch client", &handle.topology().names).expect("a command");
    assert!(handle.give(batch.clone()));
    let mut answered = Instant::now();
    while micros.len() < SINGLE {
        handle.wait(at, Duration::from_millis(100));
        let tail = handle.read(at, usize::MAX);
        assert!(tail.missing == 0, "the bench read too slowly: {} events are gone", tail.missing);
        at = tail.next;
        for event in tail.events() {
            if !matches!(event.id.owner, Owner::Node(node, _) if node == client) {
                continue;
            }
            match &event.fact {
                Fact::Noted(Note::Asked { question, .. }) => {
                    asked.insert(*question, event.time);
                }
                Fact::Noted(Note::Decided { question, outcome, .. }) => {
                    assert!(
                        *outcome == Outcome::Answered,
                        "{question:?} is {outcome}\n{}",
                        missing(&handle, from)
                    );
                    let begun = asked.remove(question).expect("decided after it was asked");
                    micros.push(event.time.since(begun).as_secs_f64() * 1e6);
                    answered = Instant::now();
                }
                Fact::Noted(Note::ListEnded { .. }) => assert!(handle.give(batch.clone())),
                _ => {}
            }
        }
        assert!(
            answered.elapsed() < ANSWER_WITHIN,
            "no answer after {} of {SINGLE} for {ANSWER_WITHIN:?}\n{}",
            micros.len(),
            missing(&handle, from)
        );
    }
    micros.sort_by(f64::total_cmp);
    micros[micros.len() / 2]
}

/// Answers a second for one outside client that keeps many questions outstanding. `log`: what is known of questions
/// without an answer.
fn pipelined(address: SocketAddr, log: impl Fn() -> String) -> f64 {
    let stream = TcpStream::connect(address).expect("somebody listens");
    stream.set_nodelay(true).expect("an option of the socket");
    stream.set_read_timeout(Some(ANSWER_WITHIN)).expect("an option of the socket");
    let mut writer = stream.try_clone().expect("a second handle");
    let mut reader = BufReader::new(stream);
    let start = Instant::now();
    let mut line = String::new();
    let mut sent = 0;
    // A whole line in each write. `writeln!` writes the pieces of its format one by one, and a server that reads
    // between two of them, before it has ever seen a line end, must take the first piece for a name.
    let ask = |writer: &mut TcpStream, n: usize| {
        let ask = format!("host{}.example\n", n % NAMES);
        writer.write_all(ask.as_bytes()).expect("the server reads");
    };
    while sent < OUTSTANDING {
        ask(&mut writer, sent);
        sent += 1;
    }
    for heard in 0..MANY {
        line.clear();
        let read = reader.read_line(&mut line);
        assert!(
            read.is_ok() && line.contains("192.0.2."),
            "line {heard} of {MANY}: {read:?}, {line:?}\n{}",
            log()
        );
        if sent < MANY {
            ask(&mut writer, sent);
            sent += 1;
        }
    }
    MANY as f64 / start.elapsed().as_secs_f64()
}

/// What the log holds, from a position on, of questions that have no answer; and how it ends.
fn missing(handle: &LabHandle, from: u64) -> String {
    let tail = handle.read(from, usize::MAX);
    let events: Vec<&Event> = tail.events().collect();
    let mut open: BTreeMap<(Owner, QuestionNo), Vec<&Event>> = BTreeMap::new();
    for event in &events {
        let owner = event.id.owner;
        match &event.fact {
            Fact::Noted(Note::Decided { question, outcome: Outcome::Answered, .. }) => {
                open.remove(&(owner, *question));
            }
            Fact::Noted(
                Note::Asked { question, .. }
                | Note::Took { question, .. }
                | Note::Heard { question, .. }
                | Note::Decided { question, .. },
            ) => {
                open.entry((owner, *question)).or_default().push(event);
            }
            _ => {}
        }
    }
    let mut text = format!("{} events are gone; without an answer: {}\n", tail.missing, open.len());
    let mut show = |event: &Event| {
        let Event { id, time, fact, cause } = event;
        writeln!(text, "  {time} {id:?} {fact:?} <- {cause:?}").expect("a String takes it");
    };
    open.values().flatten().take(SHOWN_MAX).for_each(|event| show(event));
    events[events.len().saturating_sub(SHOWN_MAX)..].iter().for_each(|event| show(event));
    text
}
