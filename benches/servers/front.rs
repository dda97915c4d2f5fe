//! Our LS alone, as a load balancer in front of two `nsd`, beside `dnsdist` in front of the same two, in the same run
//! and everything on one core: answers a second, processor time an answer, and what is added to the time of a question
//! that is alone.

use super::dnsdist::Dnsdist;
use super::nsd::Nsd;
use super::ours::Ours;
use super::{Cores, Program, Stranger, dnsperf, is_installed, median};
use std::process::{Command, Stdio};

/// Interleaved rounds; the middle ratio counts.
const ROUNDS: usize = 7;
/// Seconds of full load in each.
const SECONDS: u32 = 4;
/// Questions asked one after the other in each.
const ALONE: usize = 10_000;

/// What one round of one load balancer comes to.
#[derive(Debug, Clone, Copy)]
struct Round {
    rate: f64,
    lost: u64,
    /// Of processor time, for one answer.
    busy_us: f64,
    /// The median time of a question that is alone, less that of one put to the name server itself.
    added_us: f64,
}

/// Measures and prints the ratios.
pub fn compare() {
    for program in ["taskset", "dnsperf", "nsd", "dnsdist"] {
        if !is_installed(program) {
            println!("not installed: {program}");
            return;
        }
    }
    // Who asks is on the same core; the other threads of this process do nothing.
    let pid = std::process::id().to_string();
    let mut pin = Command::new("taskset");
    pin.args(["-cp", "0", &pid]).stdout(Stdio::null());
    assert!(pin.status().is_ok_and(|status| status.success()), "this thread can be pinned");

    let nsds = [Nsd::start(Cores::First), Nsd::start(Cores::First)];
    let ports = [nsds[0].port, nsds[1].port];
    let ours = Ours::start("policy = 'round-robin'", Some(ports), Cores::First);
    let dnsdist = Dnsdist::start("roundrobin", ports, Cores::First);
    let mut rounds: Vec<[Round; 2]> = Vec::new();
    for n in 0..ROUNDS {
        // Who comes first changes: the machine's speed drifts.
        let both = [(ours.port, &ours.program), (dnsdist.port, &dnsdist.program)];
        let of = |at: usize| round(both[at].0, both[at].1, ports[0]);
        rounds.push(if n % 2 == 0 {
            let first = of(0);
            [first, of(1)]
        } else {
            let first = of(1);
            [of(0), first]
        });
    }
    for (what, at) in [("ours", 0), ("dnsdist", 1)] {
        let column =
            |of: fn(&Round) -> f64| median(rounds.iter().map(|both| of(&both[at])).collect());
        println!(
            "{what:8} {:8.0} answers a second   {:6.2} µs of processor an answer   {:6.1} µs added   {} lost",
            column(|round| round.rate),
            column(|round| round.busy_us),
            column(|round| round.added_us),
            rounds.iter().map(|both| both[at].lost).sum::<u64>()
        );
    }
    let ratio = |of: fn(&Round) -> f64| {
        median(rounds.iter().map(|both| of(&both[0]) / of(&both[1])).collect())
    };
    println!(
        "ours / dnsdist: answers a second {:.2} (at least 0.75 is the aim), \
         processor an answer {:.2} (at most 1.3), added time {:.2} (at most 1); \
         medians of {ROUNDS} rounds, everything on one core; events left out of the fold: {}",
        ratio(|round| round.rate),
        ratio(|round| round.busy_us),
        ratio(|round| round.added_us),
        ours.finish()
    );
}

fn round(port: u16, program: &Program, behind: u16) -> Round {
    let before = program.processor_seconds();
    let told = dnsperf::ask(port, SECONDS, None, Cores::First, || ());
    let busy = program.processor_seconds() - before;
    let alone = |port: u16| {
        let mut stranger = Stranger::of(port);
        stranger.until_answered();
        stranger.times(ALONE)[ALONE / 2]
    };
    Round {
        rate: told.rate,
        lost: told.lost,
        busy_us: busy / told.answered as f64 * 1e6,
        added_us: alone(port) - alone(behind),
    }
}
