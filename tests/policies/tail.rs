//! The figures of "The Tail at Scale" (Dean and Barroso, CACM 2013), in the bundled topology of that name.

use crate::stage::{at, events, give, report, world};
use faultlab::message::{BalanceNote, Note};
use faultlab::sim::Sim;
use faultlab::topology::{Options, Topology, load};
use faultlab::world::LaneEnd;
use std::time::Duration;

/// Rounds that are measured.
const ROUNDS: u32 = 600;

/// The 99th percentile of a single server, as the topology states it.
const SERVER_P99: Duration = Duration::from_secs(1);

fn topology() -> Topology {
    let path = std::path::Path::new("tail-at-scale");
    let mut topology = load(path, Options::default()).expect("it is bundled").topology;
    topology.steps.clear();
    topology
}

struct Measured {
    /// How long each round took at the LS, in order of size.
    rounds: Vec<Duration>,
    extra_load: f64,
}

impl Measured {
    fn p99(&self) -> Duration {
        self.rounds[self.rounds.len() * 99 / 100]
    }
}

fn measure(hedge: bool) -> Measured {
    let topology = topology();
    let ls = topology.names.id("ls").expect("it has one");
    let mut sim = Sim::new(&topology, 11);
    give(&mut sim, &format!("set ls hedge {}", if hedge { "on" } else { "off" }));
    sim.run_until(at(1.0));
    let mut rounds = Vec::new();
    // So few at a time that the log holds all that is looked at; rounds do not touch each other.
    for round in 0..ROUNDS {
        give(&mut sim, "query client");
        sim.run_until(at(1.0 + f64::from(round + 1) * 0.2));
    }
    sim.run_until(sim.now() + Duration::from_secs(61));
    let events = events(&sim);
    let mut taken = std::collections::BTreeMap::new();
    for (when, note) in crate::stage::notes(&events, ls) {
        match note {
            Note::Took { question, .. } => {
                taken.insert(*question, when);
            }
            Note::Decided { question, .. } => rounds.push(when.since(taken[question])),
            _ => {}
        }
    }
    assert_eq!(rounds.len(), ROUNDS as usize);
    rounds.sort_unstable();
    let report = report(&sim);
    let of_gather = &report.balancers[0].policies[0];
    assert_eq!((of_gather.policy.as_str(), of_gather.taken), ("gather", u64::from(ROUNDS)));
    Measured { rounds, extra_load: of_gather.extra_load }
}

#[test]
fn of_a_hundred_servers_one_is_slow_in_63_of_100_rounds_and_the_hedge_mends_it() {
    let plain = measure(false);
    let slow = plain.rounds.iter().filter(|time| **time > SERVER_P99).count();
    let share = slow as f64 / f64::from(ROUNDS);
    assert!((share - 0.634).abs() <= 0.06, "{share} of the rounds are slower than a server's p99");
    assert!(plain.extra_load < 1e-9, "{}", plain.extra_load);

    let hedged = measure(true);
    let gain = plain.p99().as_secs_f64() / hedged.p99().as_secs_f64();
    println!(
        "share {share:.3}, p99 {:?} and hedged {:?}, {:.2} % more requests",
        plain.p99(),
        hedged.p99(),
        hedged.extra_load * 100.0
    );
    assert!(gain >= 4.0, "p99 falls from {:?} to {:?} only", plain.p99(), hedged.p99());
    assert!(hedged.extra_load <= 0.06, "{} more requests", hedged.extra_load);
    assert!(hedged.extra_load >= 0.02, "{}: so few hedges prove nothing", hedged.extra_load);
}

#[test]
fn who_covers_for_another_wins_after_it_was_asked() {
    let mut sim = Sim::new(&topology(), 11);
    give(&mut sim, "set ls hedge on");
    for second in 1..=20 {
        give(&mut sim, "query client");
        sim.run_until(at(f64::from(second)));
    }
    let world = world(&sim);
    let mut covered = 0;
    for race in &world.races {
        let last = race.more.balance.iter().rev().find_map(|note| match note {
            BalanceNote::Covered { by, .. } => Some(*by),
            _ => None,
        });
        let Some(winner) = race.lanes.iter().find(|lane| lane.end == LaneEnd::Won) else {
            continue;
        };
        covered += u32::from(last == Some(winner.upstream));
        assert!(winner.ended > winner.sent, "{winner:?}");
    }
    assert!(covered > 3, "{covered} races were decided by an answer in another's stead");
}
