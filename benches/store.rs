//! What an acknowledged write costs in a group of three, as an outside client sees it: beside one commit of the same
//! database and one round trip of the same line, measured in the same run.
//!
//! `cargo bench --bench store` prints medians. With `sync` a write is on three disks when it is acknowledged; what is to
//! be reached is at most twice one commit and one round trip. With `async` and disks in memory: below a millisecond.

mod stores;

use faultlab::lab::Database;
use faultlab::message::{Entry, OpId, Operation, Write as DiskWrite};
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::time::{Duration, Instant};
use stores::median_ms;
use stores::ours::Ours;

/// Writes, commits and round trips of each round.
const COUNT: usize = 300;
/// Rounds, interleaved: the disk's speed drifts, the ratio of neighbours less.
const ROUNDS: usize = 5;
/// How long a write may take.
const PATIENCE: Duration = Duration::from_secs(5);

/// Slow enough that heartbeats are not what is measured.
const STEADY: &str =
    "heartbeat = \"200ms\"\nsuspect_after = \"2s\"\nterms = true\nheartbeat_mode = \"push\"\n";

fn main() {
    let rounds: Vec<[f64; 5]> = (0..ROUNDS).map(|_| round()).collect();
    let middle = |of: &dyn Fn(&[f64; 5]) -> f64| {
        let mut values: Vec<f64> = rounds.iter().map(of).collect();
        values.sort_by(f64::total_cmp);
        values[values.len() / 2]
    };
    let column = |at: usize| middle(&|round| round[at]);
    println!("one commit                      {:8.3} ms", column(0));
    println!("one round trip                  {:8.3} ms", column(1));
    println!("sync, three disks               {:8.3} ms", column(2));
    println!("async, one disk                 {:8.3} ms", column(3));
    println!("async, disks in memory          {:8.3} ms  (below 1 ms is the aim)", column(4));
    let ratio = middle(&|round| round[2] / (round[0] + round[1]));
    println!("sync / (commit + round trip)    {ratio:8.2}     (at most 2 is the aim)");
}

fn round() -> [f64; 5] {
    let folder = tempfile::tempdir().expect("a folder");
    let commit = commits(&folder.path().join("alone.db"));
    let trip = round_trips();
    let data = |name: &str| Some(folder.path().join(name));
    let sync = writes("propagation = \"sync\"", data("sync"));
    let asynchronous = writes("propagation = \"async\"", data("async"));
    let memory = writes("propagation = \"async\"", None);
    [commit, trip, sync, asynchronous, memory]
}

/// One entry after the other into the database of a replica, alone.
fn commits(path: &Path) -> f64 {
    let mut database = Database::open(path).expect("a fresh file");
    let mut times: Vec<Duration> = (1..=COUNT as u64)
        .map(|position| {
            let id = OpId { client: "bench.1".into(), number: position };
            let operation = Operation::Put { key: "k".into(), value: "1".into() };
            let entries = [Entry { position, term: 1, id, operation }].into();
            let write = DiskWrite { keep: position - 1, entries, term: 1 };
            let begun = Instant::now();
            database.commit([&write]).expect("the disk takes it");
            begun.elapsed()
        })
        .collect();
    median_ms(&mut times)
}

/// A line there and back, between two threads.
fn round_trips() -> f64 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port on loopback");
    let address = listener.local_addr().expect("it is bound");
    let echo = std::thread::spawn(move || {
        let (stream, _) = listener.accept().expect("somebody connects");
        stream.set_nodelay(true).expect("an option");
        let mut lines = BufReader::new(stream);
        let mut line = String::new();
        while lines.read_line(&mut line).is_ok_and(|read| read > 0) {
            lines.get_mut().write_all(line.as_bytes()).expect("it reads");
            line.clear();
        }
    });
    let stream = TcpStream::connect(address).expect("somebody listens");
    stream.set_nodelay(true).expect("an option");
    let mut lines = BufReader::new(stream);
    let mut line = String::new();
    let mut times: Vec<Duration> = (0..COUNT * 10)
        .map(|_| {
            let begun = Instant::now();
            lines.get_mut().write_all(b"{\"operate\":{\"put\":1}}\n").expect("it reads");
            line.clear();
            lines.read_line(&mut line).expect("it answers");
            begun.elapsed()
        })
        .collect();
    drop(lines);
    echo.join().expect("it ends with its connection");
    median_ms(&mut times)
}

/// One acknowledged write after the other.
fn writes(settings: &str, data: Option<std::path::PathBuf>) -> f64 {
    let store = Ours::start(&format!("{STEADY}{settings}"), data);
    let mut client = store.client(PATIENCE);
    for _ in 0..COUNT / 10 {
        client.put();
    }
    let mut times: Vec<Duration> = (0..COUNT).map(|_| client.put().0).collect();
    store.finish();
    median_ms(&mut times)
}
