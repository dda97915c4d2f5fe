//! One run of one seed: questions, deaths, freezes, cuts and losses by the seed's dice, then
//! everything healed, and the judge over all of it.

use crate::judge::{Judge, Rule};
use crate::labs::{ALICE, BOB, LS, NAMES, TS1, TS2, name};
use faultlab::base::draw::{Purpose, draw};
use faultlab::base::{ClockRate, NodeId, OwnClock, Peer};
use faultlab::command::{Command, LinkSet, grammar};
use faultlab::event::Fact;
use faultlab::message::{HostName, RecordType, Shape};
use faultlab::sim::{Maker, Sim};
use faultlab::topology::Topology;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

/// Within this time after everything is healed, everything answers again. The longest wait is for
/// what was asked before: a frame that is on its way at the heal may need 6 s more (1 s of delay, 5
/// s of heavy tail), and the LS gives its question up 5 s later; until then, without ids, the late
/// failure of the old question is taken for that of a new one with the same name. All else is
/// quicker: a connect that hangs is given up after 3 s, a lost connection is tried again after at
/// most 2.5 s, and an LS leaves a server alone for 2 s and then wants two successes.
pub const RECOVERY: Duration = Duration::from_secs(12);

/// A topology to torment.
#[derive(Clone, Copy)]
pub struct Lab {
    /// The test that runs it.
    pub test: &'static str,
    pub topology: fn() -> Topology,
    /// How many servers must deny a name before the LS may.
    pub deniers: usize,
    /// Whether the nodes' own clocks go wrong, too.
    pub clocks: bool,
}

/// How a run went.
pub struct Run {
    pub seed: u64,
    pub deeds: Vec<String>,
    pub problems: Vec<(Rule, String)>,
    pub answered: u64,
    pub sim: Sim,
}

struct Dice {
    seed: u64,
    thrown: u64,
}

impl Dice {
    fn below(&mut self, sides: u64) -> u64 {
        self.thrown += 1;
        draw(self.seed, 77, Purpose::Nemesis, self.thrown) % sides
    }

    fn one_of<T: Copy>(&mut self, of: &[T]) -> T {
        of[self.below(of.len() as u64) as usize]
    }
}

struct Chaos {
    sim: Sim,
    judge: Judge,
    clocks: bool,
    /// How each clock is, and the furthest that one was ahead.
    own: BTreeMap<NodeId, OwnClock>,
    ahead: i64,
    read: u64,
    dice: Dice,
    deeds: Vec<String>,
}

impl Chaos {
    fn go_on(&mut self, span: Duration) {
        let until = self.sim.now() + span;
        self.sim.run_until(until);
        let tail = self.sim.log().read(self.read, usize::MAX);
        assert_eq!(tail.missing, 0, "the log keeps a whole run");
        for event in tail.events() {
            self.judge.observe(event);
            if let Fact::OwnClockSet { node, clock } = event.fact {
                let before = self.own.insert(node, clock).unwrap_or_default();
                let most = before.ahead_at(event.time).max(clock.ahead_at(event.time));
                self.ahead = self.ahead.max(most);
            }
        }
        self.read = tail.next;
    }

    fn give(&mut self, command: Command) {
        let words = grammar::words(&command, &self.sim.topology().names);
        let refused = self.sim.give(command).err();
        let mark = if refused.is_some() { "  (refused)" } else { "" };
        self.deeds.push(format!("{}  {words}{mark}", self.sim.now()));
    }

    fn ask(&mut self) {
        let client = self.dice.one_of(&[ALICE, BOB]);
        let at = self.dice.below(NAMES as u64 + 1) as usize;
        let asked = if at < NAMES { name(at) } else { HostName::new("www.nowhere.org") };
        let times = if self.dice.below(6) == 0 { 3 } else { 1 };
        let command = if self.dice.below(12) == 0 {
            Command::Batch { client }
        } else {
            Command::Query { client, name: Some(asked), kind: RecordType::A, times }
        };
        self.give(command);
    }

    /// A clock is set, or runs at another rate.
    fn harm_clock(&mut self) {
        let node = self.dice.one_of(&[ALICE, BOB, LS, TS1, TS2]);
        let command = if self.dice.below(2) == 0 {
            let ahead = self.dice.one_of(&[-10_000, -2000, -300, 0, 300, 2000, 10_000]);
            Command::Skew(node, ahead * 1_000_000)
        } else {
            let rate = self.dice.one_of(&[0.1, 0.5, 0.99, 1.0, 1.01, 2.0, 5.0]);
            Command::Drift(node, ClockRate::of(rate).expect("a rate"))
        };
        self.give(command);
    }

    fn harm(&mut self) {
        if self.clocks && self.dice.below(2) == 0 {
            return self.harm_clock();
        }
        let node = self.dice.one_of(&[LS, TS1, TS2, TS1, TS2, ALICE]);
        let (from, to) = self.dice.one_of(&[(ALICE, LS), (BOB, LS), (LS, TS1), (LS, TS2)]);
        let (from, to) = if self.dice.below(2) == 0 { (from, to) } else { (to, from) };
        let links = if self.dice.below(3) == 0 { both(from, to) } else { one(from, to) };
        let command = match self.dice.below(18) {
            0 | 1 => Command::Kill(node),
            2 | 3 => Command::Freeze(node),
            4 => Command::PowerOff(node),
            5..=8 => Command::Revive(node),
            9 => Command::Thaw(node),
            10 | 11 => Command::Cut(links),
            12 => Command::Heal(links),
            13 => Command::Uncut(links),
            14 => Command::Loss(links, self.dice.one_of(&[0.1, 0.3, 0.6])),
            15 => {
                let extra = self.dice.one_of(&[0, 50, 200, 1000]);
                Command::Delay(links, Duration::from_millis(extra))
            }
            16 => Command::Jitter(links, Duration::from_millis(50), Shape::HeavyTail),
            _ => Command::Undo,
        };
        self.give(command);
    }
}

fn one(from: NodeId, to: NodeId) -> LinkSet {
    LinkSet::One(Peer::Node(from), Peer::Node(to))
}

fn both(from: NodeId, to: NodeId) -> LinkSet {
    LinkSet::Both(Peer::Node(from), Peer::Node(to))
}

/// Runs one seed, with machines of the caller's own if it has any.
pub fn run(lab: &Lab, seed: u64, maker: Option<Maker>) -> Run {
    let topology = (lab.topology)();
    let mut sim = match maker {
        Some(maker) => Sim::with_machines(&topology, seed, maker),
        None => Sim::new(&topology, seed),
    };
    sim.chop(seed % 2 == 1);
    let judge = Judge::new(sim.topology(), lab.deniers);
    let dice = Dice { seed, thrown: 0 };
    let (own, deeds) = (BTreeMap::new(), Vec::new());
    let mut chaos = Chaos { sim, judge, clocks: lab.clocks, own, ahead: 0, read: 0, dice, deeds };
    for _ in 0..40 {
        let pause = chaos.dice.below(600);
        chaos.go_on(Duration::from_millis(pause));
        if chaos.dice.below(2) == 0 { chaos.ask() } else { chaos.harm() }
    }
    chaos.give(Command::Reset);
    chaos.go_on(Duration::ZERO);
    // What waits for a reading that a clock was about to show when it was put back waits for so much longer.
    let recovery = RECOVERY + Duration::from_nanos(chaos.ahead as u64);
    // Somebody must ask for anybody to find out that a connection is dead.
    let rounds = 8;
    for at in 0..rounds {
        for (client, at) in [(ALICE, at), (BOB, at + 1)] {
            chaos.give(Command::Query {
                client,
                name: Some(name(at)),
                kind: RecordType::A,
                times: 1,
            });
        }
        chaos.go_on(recovery / rounds as u32);
    }
    chaos.judge.calm_from(chaos.sim.now());
    for at in 0..NAMES {
        for client in [ALICE, BOB] {
            chaos.give(Command::Query {
                client,
                name: Some(name(at)),
                kind: RecordType::A,
                times: 1,
            });
        }
    }
    chaos.go_on(Duration::from_secs(10));
    let Chaos { sim, mut judge, deeds, .. } = chaos;
    judge.finish(sim.now());
    let (problems, answered) = (judge.problems, judge.answered);
    Run { seed, deeds, problems, answered, sim }
}

/// Everything that somebody needs who wants to see it again.
pub fn tell(lab: &Lab, run: &Run) -> String {
    let mut text = format!("{}, seed {}:\n", lab.test, run.seed);
    for (rule, what) in run.problems.iter().take(5) {
        let _ = writeln!(text, "  {rule:?}: {what}");
    }
    let _ = writeln!(text, "what was done:");
    for deed in &run.deeds {
        let _ = writeln!(text, "  {deed}");
    }
    let again = format!("FAULTLAB_SEED={} cargo test --test simulation {}", run.seed, lab.test);
    let _ = writeln!(text, "again: {again}");
    text
}
