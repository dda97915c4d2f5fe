//! One run of one seed: clients that write all the time, deaths, freezes and cuts by the seed's dice, then everything
//! healed, and the judge over all of it.

use crate::judge::{Judge, Rule};
use crate::labs::{Choice, REPLICAS, W1, W2, lab};
use faultlab::base::draw::{Purpose, draw};
use faultlab::base::{ClockRate, NodeId, OwnClock, Peer};
use faultlab::command::{Command, LinkSet, grammar};
use faultlab::event::Fact;
use faultlab::sim::{Maker, Sim};
use faultlab::topology::Propagation;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

/// Within this time after everything is healed, one leads, all have the same, and every write is done. A connect that
/// hangs is given up after 3 s; a suspicion, an election and a reminder between two leaders take half a second each.
pub const RECOVERY: Duration = Duration::from_secs(6);

/// What may be done to a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Harm {
    /// Processes are killed, hosts lose their power, and come back.
    Crashes,
    /// Also freezes, and cuts in one direction or both.
    Anything,
    /// Nothing but clocks that are wrong.
    Clocks,
    /// All of it.
    AnythingAndClocks,
}

/// How a run went.
pub struct Run {
    pub seed: u64,
    pub deeds: Vec<String>,
    pub judge: Judge,
    pub sim: Sim,
}

impl Run {
    /// The rules that it broke, and how.
    pub fn problems(&self) -> &[(Rule, String)] {
        &self.judge.problems
    }
}

struct Dice {
    seed: u64,
    thrown: u64,
}

impl Dice {
    fn below(&mut self, sides: u64) -> u64 {
        self.thrown += 1;
        draw(self.seed, 78, Purpose::Nemesis, self.thrown) % sides
    }

    fn one_of<T: Copy>(&mut self, of: &[T]) -> T {
        of[self.below(of.len() as u64) as usize]
    }
}

struct Chaos {
    sim: Sim,
    judge: Judge,
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
        let mark = refused.map_or(String::new(), |why| format!("  (refused: {why})"));
        self.deeds.push(format!("{}  {words}{mark}", self.sim.now()));
    }

    /// In two of three runs at most one is down at a time, so that there is always somebody to go on; but that may be
    /// one who has only just come back.
    fn crash_or_revive(&mut self) {
        let node = self.dice.one_of(&REPLICAS);
        let down = REPLICAS.into_iter().find(|one| !self.sim.life(*one).is_alive());
        let command = match (self.dice.below(6), down) {
            (_, Some(down)) if !self.dice.seed.is_multiple_of(3) => Command::Revive(down),
            (0 | 1, _) => Command::Kill(node),
            (2, _) => Command::PowerOff(node),
            _ => Command::Revive(node),
        };
        let comes_back = command == Command::Revive(node) || down.is_some();
        self.give(command);
        if comes_back && Some(node) != down && self.dice.below(2) == 0 {
            let pause = self.dice.below(40);
            self.go_on(Duration::from_millis(pause));
            self.give(Command::Kill(node));
        }
    }

    /// A clock is set, or runs at another rate.
    fn harm_clock(&mut self) {
        let node = self.dice.one_of(&[REPLICAS[0], REPLICAS[1], REPLICAS[2], W1]);
        let command = if self.dice.below(2) == 0 {
            let ahead = self.dice.one_of(&[-5000, -1000, -300, 0, 300, 1000, 5000]);
            Command::Skew(node, ahead * 1_000_000)
        } else {
            let rate = self.dice.one_of(&[0.1, 0.5, 0.99, 1.0, 1.01, 2.0, 5.0]);
            Command::Drift(node, ClockRate::of(rate).expect("a rate"))
        };
        self.give(command);
    }

    fn harm(&mut self) {
        let node = self.dice.one_of(&REPLICAS);
        let ends = [REPLICAS[0], REPLICAS[1], REPLICAS[2], W1];
        let (from, to) = (self.dice.one_of(&ends), self.dice.one_of(&REPLICAS));
        if from == to {
            return;
        }
        let links = if self.dice.below(2) == 0 { both(from, to) } else { one(from, to) };
        let command = match self.dice.below(12) {
            0 | 1 => Command::Kill(node),
            2 => Command::PowerOff(node),
            3 => Command::Freeze(node),
            4 | 5 => Command::Revive(node),
            6 => Command::Thaw(node),
            7..=9 => Command::Cut(links),
            _ => Command::Heal(links),
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
pub fn run(choice: Choice, harm: Harm, seed: u64, maker: Option<Maker>) -> Run {
    let promise = choice.propagation == Propagation::Sync;
    run_promised(choice, harm, seed, maker, promise)
}

/// The same, judged as though acknowledgements were promised to wait for the backups, or not.
pub fn run_promised(
    choice: Choice,
    harm: Harm,
    seed: u64,
    maker: Option<Maker>,
    promise: bool,
) -> Run {
    let topology = lab(choice);
    let mut sim = match maker {
        Some(maker) => Sim::with_machines(&topology, seed, maker),
        None => Sim::new(&topology, seed),
    };
    sim.chop(seed % 2 == 1);
    let judge = Judge::new(promise, harm != Harm::Crashes);
    let dice = Dice { seed, thrown: 0 };
    let (own, deeds) = (BTreeMap::new(), Vec::new());
    let mut chaos = Chaos { sim, judge, own, ahead: 0, read: 0, dice, deeds };
    for _ in 0..25 {
        let pause = chaos.dice.below(900);
        chaos.go_on(Duration::from_millis(pause));
        match harm {
            Harm::Crashes => chaos.crash_or_revive(),
            Harm::Anything => chaos.harm(),
            Harm::AnythingAndClocks if chaos.dice.below(2) == 0 => chaos.harm(),
            Harm::Clocks | Harm::AnythingAndClocks => chaos.harm_clock(),
        }
    }
    chaos.give(Command::Reset);
    chaos.go_on(Duration::ZERO);
    // What waits for a reading that a clock was about to show when it was put back waits for so much longer.
    chaos.go_on(RECOVERY + Duration::from_nanos(chaos.ahead as u64));
    chaos.judge.calm_from(chaos.sim.now());
    chaos.go_on(Duration::from_secs(2));
    for client in [W1, W2] {
        chaos.give(Command::Load { client, per_kilosecond: 0 });
    }
    chaos.go_on(Duration::from_secs(3));
    let Chaos { sim, mut judge, deeds, .. } = chaos;
    judge.finish(sim.now());
    Run { seed, deeds, judge, sim }
}

/// Everything that somebody needs who wants to see it again.
pub fn tell(test: &str, run: &Run) -> String {
    let mut text = format!("{test}, seed {}:\n", run.seed);
    for (rule, what) in run.problems().iter().take(5) {
        let _ = writeln!(text, "  {rule:?}: {what}");
    }
    let _ = writeln!(text, "what was done:");
    for deed in &run.deeds {
        let _ = writeln!(text, "  {deed}");
    }
    let again = format!("FAULTLAB_SEED={} cargo test --test primary_backup {test}", run.seed);
    let _ = writeln!(text, "again: {again}");
    text
}
