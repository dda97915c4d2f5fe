//! How long a store serves nobody when its leader falls silent, or crashes: ours, and beside it a three-member etcd at
//! the same heartbeat and election time, asked by the same client in the same run.
//!
//! `cargo bench --bench failover` prints medians. A failover ends with the first write that is done after the fault.
//! What is to be reached: suspicion, one heartbeat and one request timeout of the client, and a seventh more. Where etcd
//! is not installed (`apt-get install etcd-server`), it is reported as absent.

mod stores;

use std::time::{Duration, Instant};
use stores::etcd::Etcd;
use stores::ours::Ours;
use stores::{Client, median_ms, p90_ms};

const HEARTBEAT: Duration = Duration::from_millis(20);
const SUSPECT_AFTER: Duration = Duration::from_millis(200);
const REQUEST_TIMEOUT: Duration = Duration::from_millis(50);
/// Leaders that fall silent.
const FREEZES: usize = 20;
/// Leaders that crash.
const CRASHES: usize = 10;
/// Writes before each fault, so that the client is with the leader.
const BEFORE: usize = 10;

fn main() {
    let floor = (SUSPECT_AFTER + HEARTBEAT + REQUEST_TIMEOUT).as_secs_f64() * 1e3;
    println!(
        "heartbeat {HEARTBEAT:?}, suspicion {SUSPECT_AFTER:?}, request timeout {REQUEST_TIMEOUT:?}: \
         together {floor:.0} ms, at most {:.0} ms is the aim",
        floor * 1.15
    );
    let (silent, crashed) = ours();
    tell("ours, the leader falls silent", silent, floor);
    tell("ours, the leader crashes", crashed, floor);
    match etcd() {
        Some((silent, crashed)) => {
            tell("etcd, the leader falls silent", silent, floor);
            tell("etcd, the leader crashes", crashed, floor);
        }
        None => println!("etcd is not installed: absent"),
    }
}

fn tell(what: &str, mut times: Vec<Duration>, floor: f64) {
    let (median, p90) = (median_ms(&mut times), p90_ms(&mut times));
    let (count, ratio) = (times.len(), median / floor);
    println!(
        "{what:<32} median {median:7.1} ms  p90 {p90:7.1} ms  of {count}, {ratio:.2} of the sum"
    );
}

/// Until the first write that is done.
fn failover(client: &mut Client, since: Instant) -> Duration {
    client.put();
    since.elapsed()
}

fn warm(client: &mut Client) {
    for _ in 0..BEFORE {
        client.put();
    }
}

fn ours() -> (Vec<Duration>, Vec<Duration>) {
    let data = tempfile::tempdir().expect("a folder");
    let settings = format!(
        "heartbeat = \"{}ms\"\nsuspect_after = \"{}ms\"\nheartbeat_mode = \"push\"\nreconnect = \"100ms\"\n\
         propagation = \"sync\"\nterms = true\ncatch_up = \"log\"",
        HEARTBEAT.as_millis(),
        SUSPECT_AFTER.as_millis()
    );
    let mut store = Ours::start(&settings, Some(data.path().to_owned()));
    let mut round = |fault: &str, repair: &str| {
        let mut client = store.client(REQUEST_TIMEOUT);
        warm(&mut client);
        let leader = store.settled();
        client.put();
        store.give(&format!("{fault} {leader}"));
        let id = store.handle.topology().names.id(&leader).expect("a replica");
        store.until("the fault is there", |group| group.replica(id).is_some_and(|it| !it.runs()));
        let took = failover(&mut client, Instant::now());
        store.give(&format!("{repair} {leader}"));
        store.until("it runs again", |group| group.replica(id).is_some_and(|it| it.runs()));
        took
    };
    let silent = (0..FREEZES).map(|_| round("freeze", "thaw")).collect();
    let crashed = (0..CRASHES).map(|_| round("kill", "revive")).collect();
    store.finish();
    (silent, crashed)
}

fn etcd() -> Option<(Vec<Duration>, Vec<Duration>)> {
    let mut store = Etcd::start(HEARTBEAT, SUSPECT_AFTER)?;
    let mut silent = Vec::new();
    for _ in 0..FREEZES {
        let mut client = store.client(REQUEST_TIMEOUT);
        warm(&mut client);
        let leader = store.settled();
        client.put();
        store.freeze(leader);
        silent.push(failover(&mut client, Instant::now()));
        store.thaw(leader);
    }
    let mut crashed = Vec::new();
    for _ in 0..CRASHES {
        let mut client = store.client(REQUEST_TIMEOUT);
        warm(&mut client);
        let leader = store.settled();
        client.put();
        store.kill(leader);
        crashed.push(failover(&mut client, Instant::now()));
        store.revive(leader);
        store.settled();
    }
    Some((silent, crashed))
}
