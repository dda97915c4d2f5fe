//! Real DNS under load: the whole bench answers `dnsperf`; our LS beside `dnsdist`; a name server falls silent under a
//! thousand questions a second; and what one large message costs.
//!
//! `cargo bench --bench dns` prints the figures with their aims; `encoding`, `load`, `frozen` or `front` behind `--`
//! only these. What is not installed (`apt-get install dnsperf dnsdist nsd`) is reported as absent.

mod servers;

use faultlab::message::{Data, HostName, Message, Query, Rcode, RecordType, Response, Rr, Said};
use faultlab::wire::Reads;
use faultlab::wire::dns::{End, Numbers};
use servers::dnsdist::Dnsdist;
use servers::dnsperf::{self, Told};
use servers::nsd::Nsd;
use servers::ours::Ours;
use servers::{Cores, is_installed, median};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Runs under full load; the middle one counts.
const RUNS: usize = 5;
/// Seconds of each.
const SECONDS: u32 = 5;
/// Answers a second that are to be reached.
const RATE_MIN: f64 = 40_000.0;
/// Questions a second while a name server stands still.
const FROZEN_RATE: u32 = 1_000;
/// Seconds of that, and when the name server falls silent and goes on.
const FROZEN_SECONDS: u32 = 10;
const FROZEN_AFTER: Duration = Duration::from_secs(2);
const FROZEN_FOR: Duration = Duration::from_secs(5);
/// Records of a large message, each with a name of its own.
const RECORDS: usize = 4_000;

fn main() {
    let named: Vec<String> = std::env::args().skip(1).filter(|arg| !arg.starts_with('-')).collect();
    let wanted = |part: &str| named.is_empty() || named.iter().any(|one| one == part);
    if wanted("encoding") {
        encoding();
    }
    if !is_installed("dnsperf") {
        println!("not installed: dnsperf");
        return;
    }
    if wanted("load") {
        full_load();
    }
    if wanted("frozen") {
        frozen();
    }
    // It keeps this thread to one core.
    if wanted("front") {
        servers::front::compare();
    }
}

/// `RUSTSEC-2026-0119`: names were compressed in quadratic time.
fn encoding() {
    let record = |n: usize| Rr {
        name: HostName::new(&format!("host{n}.example")),
        ttl: 300,
        data: Data::A([192, 0, (n >> 8) as u8, n as u8].into()),
    };
    let response = Response {
        answers: (0..RECORDS).map(record).collect(),
        ..Response::new(Query::new(RecordType::A), Rcode::NoError)
    };
    let said = Said::Negative;
    let name = Some(HostName::new("all.example"));
    let message = Message::Reply { name, id: Some(1), said, dns: Some(Arc::new(response)) };
    let mut end = End::new(Reads::Questions, true, Numbers::Drawn { seed: 1, owner: 1 });
    let mut times = Vec::new();
    let mut bytes = Vec::new();
    for _ in 0..20 {
        bytes.clear();
        let begun = Instant::now();
        end.encode(&message, &mut bytes);
        times.push(begun.elapsed().as_secs_f64() * 1e3);
    }
    println!(
        "encoding {RECORDS} records, each with a name of its own   {:.1} ms (below 50 is the aim); {} bytes: what is \
         larger than a message can be goes out without its records",
        median(times),
        bytes.len()
    );
}

/// LS, two TSs and the fold of their log in one process, and `dnsperf`, on whatever cores there are.
fn full_load() {
    let ours = Ours::start("policy = 'round-robin'", None, Cores::All);
    let (mut rates, mut lost, mut busy) = (Vec::new(), 0, Vec::new());
    for _ in 0..RUNS {
        let before = ours.program.processor_seconds();
        let told = dnsperf::ask(ours.port, SECONDS, None, Cores::All, || ());
        busy.push((ours.program.processor_seconds() - before) / told.answered as f64 * 1e6);
        rates.push(told.rate);
        lost += told.lost;
    }
    println!(
        "LS and two TSs, headless, answers a second   {:.0} (at least {RATE_MIN:.0} is the aim), \
         of {RUNS} runs from {:.0} to {:.0}; {lost} lost (none is the aim); \
         {:.1} µs of processor an answer; events left out of the fold: {}",
        median(rates.clone()),
        rates.iter().copied().fold(f64::INFINITY, f64::min),
        rates.iter().copied().fold(0.0, f64::max),
        median(busy),
        ours.finish()
    );
}

/// One of two name servers falls silent, and goes on.
fn frozen() {
    let hedge = "policy = 'hedge'\nhedge_after = '20ms'\nfailover_after = '300ms'\ntimeout = '2s'";
    let mut own = Ours::start(hedge, None, Cores::All);
    let port = own.port;
    let told = under_load(port, |frozen| {
        own.tell(if frozen { "freeze ts1" } else { "thaw ts1" });
    });
    tell("ours with `hedge`, TSs of its own", told, "none lost is the aim");
    drop(own);
    if !is_installed("nsd") {
        println!("not installed: nsd");
        return;
    }
    let nsds = [Nsd::start(Cores::All), Nsd::start(Cores::All)];
    let ports = [nsds[0].port, nsds[1].port];
    let freeze = |frozen: bool| if frozen { nsds[0].freeze() } else { nsds[0].thaw() };
    let ours = Ours::start(hedge, Some(ports), Cores::All);
    tell("ours with `hedge`, two nsd", under_load(ours.port, freeze), "none lost is the aim");
    drop(ours);
    if !is_installed("dnsdist") {
        println!("not installed: dnsdist");
        return;
    }
    let dnsdist = Dnsdist::start("leastOutstanding", ports, Cores::All);
    tell(
        "dnsdist with leastOutstanding, two nsd",
        under_load(dnsdist.port, freeze),
        "for comparison",
    );
}

fn under_load(port: u16, mut freeze: impl FnMut(bool)) -> Told {
    dnsperf::ask(port, FROZEN_SECONDS, Some(FROZEN_RATE), Cores::All, || {
        std::thread::sleep(FROZEN_AFTER);
        freeze(true);
        std::thread::sleep(FROZEN_FOR);
        freeze(false);
    })
}

fn tell(what: &str, told: Told, aim: &str) {
    println!(
        "one of two frozen for {FROZEN_FOR:?} at {FROZEN_RATE}/s, {what}: \
         {} answered, {} lost ({aim}), the slowest after {:.0} ms",
        told.answered, told.lost, told.slowest_ms
    );
}
