//! The scheme active on virtual time: three replicas, clients that vote, and what becomes of both under faults. What
//! must hold is tried on hundreds of seeds, and each claim is seen to fail where it should.
//! `FAULTLAB_SEED=17 cargo test --test majority_vote NAME` runs one seed of a test and shows what was done.

#[path = "majority_vote/labs.rs"]
mod labs;
#[path = "majority_vote/watch.rs"]
mod watch;

use faultlab::base::draw::{Purpose, draw};
use faultlab::message::{
    ClockVerdict, Faults, Flaw, Flaws, OpOutcome, OpWhy, Operation, StoreSaid,
};
use faultlab::topology::{ClockKind, NoMajority, Topology};
use labs::*;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Numbers of one seed, one after the other.
struct Dice {
    seed: u64,
    thrown: u64,
}

impl Dice {
    fn new(seed: u64) -> Self {
        Self { seed, thrown: 0 }
    }

    fn below(&mut self, end: u64) -> u64 {
        self.thrown += 1;
        draw(self.seed, 77, Purpose::Nemesis, self.thrown) % end
    }

    fn one_of<T: Copy>(&mut self, all: &[T]) -> T {
        all[self.below(all.len() as u64) as usize]
    }
}

/// Runs these seeds, or the one that the environment names; gives what each came to.
fn seeds<T>(count: u64, run: impl Fn(u64) -> T) -> Vec<T> {
    match std::env::var("FAULTLAB_SEED") {
        Ok(text) => vec![run(text.parse().expect("FAULTLAB_SEED is a number"))],
        Err(_) => (0..count).map(run).collect(),
    }
}

fn said(text: &str) -> StoreSaid {
    StoreSaid::Value(Some(Arc::from(text)))
}

/// What a reader may be told, as far as one who does one thing after the other can know.
#[derive(Default)]
struct Expected {
    keys: BTreeMap<String, BTreeSet<Option<Arc<str>>>>,
    /// Lines of the room, in order, and whether they must be there.
    lines: Vec<(Arc<str>, bool)>,
}

impl Expected {
    fn wrote(&mut self, operation: &Operation, outcome: OpOutcome) {
        if outcome == OpOutcome::Failed {
            return;
        }
        match operation {
            Operation::Put { key, value } => {
                let known = self.keys.entry(key.to_string()).or_insert([None].into());
                if outcome == OpOutcome::Ok {
                    known.clear();
                }
                known.insert(Some(value.clone()));
            }
            Operation::Post { text, .. } => {
                self.lines.push((text.clone(), outcome == OpOutcome::Ok));
            }
            _ => {}
        }
    }

    fn allows(&self, operation: &Operation, said: &StoreSaid) -> bool {
        match (operation, said) {
            (Operation::Get { key }, StoreSaid::Value(value)) => {
                self.keys.get(key.as_ref()).map_or(value.is_none(), |known| known.contains(value))
            }
            (Operation::Read { .. }, StoreSaid::Lines(lines)) => {
                let mut given = lines.iter().peekable();
                for (line, must) in &self.lines {
                    if given.peek() == Some(&line) {
                        given.next();
                    } else if *must {
                        return false;
                    }
                }
                given.next().is_none()
            }
            _ => false,
        }
    }
}

/// What is done to the one faulty replica.
fn harm(lab: &mut Lab, dice: &mut Dice, victim: &str) {
    let other = dice.one_of(&["alice", "r1", "r2", "r3", "*"]);
    let links = if other == victim || other == "*" { "alice".into() } else { other.to_string() };
    let words = match dice.below(16) {
        0 | 1 => format!("kill {victim}"),
        2 => format!("power-off {victim}"),
        3 => format!("freeze {victim}"),
        4 => format!("thaw {victim}"),
        5..=8 => format!("revive {victim}"),
        9 => format!("wipe {victim}"),
        10 | 11 => format!("set {victim} lie on"),
        12 => format!("set {victim} lie off"),
        13 => format!("cut {victim}<->{links}"),
        14 => format!("uncut {victim}<->{links}"),
        _ => format!("delay {victim}->{links} 300ms"),
    };
    lab.give(&words);
}

/// One client does one thing after the other while one replica suffers and lies. Gives wrong answers, right ones, and
/// reads without an answer.
fn one_faulty(choice: Choice, seed: u64, accomplice: bool) -> (Vec<String>, u32, u32) {
    let mut lab = Lab::new(choice, seed);
    let mut dice = Dice::new(seed);
    let victim = dice.one_of(&["r1", "r2", "r3"]);
    if accomplice {
        for replica in ["r1", "r2", "r3"].into_iter().filter(|one| *one != "r2") {
            lab.give(&format!("set {replica} flaws same-lie"));
            lab.give(&format!("set {replica} lie on"));
        }
    }
    let (mut expected, mut wrong, mut right, mut none) = (Expected::default(), Vec::new(), 0, 0);
    for step in 0..25 {
        let key = dice.one_of(&["k1", "k2"]);
        let operation = match dice.below(5) {
            0 | 1 => put(key, &format!("v{step}")),
            2 => post(&format!("line {step}")),
            3 => get(key),
            _ => read("hall"),
        };
        if dice.below(3) == 0 {
            harm(&mut lab, &mut dice, victim);
        }
        let number = lab.begin(ALICE, &operation);
        let verdict = loop {
            let pause = 1 + dice.below(40);
            lab.run(pause);
            if dice.below(30) == 0 {
                harm(&mut lab, &mut dice, victim);
            }
            if let Some(verdict) = lab.verdict(ALICE, number) {
                break verdict;
            }
        };
        match verdict {
            (outcome, _) if operation.is_write() => expected.wrote(&operation, outcome),
            (OpOutcome::Ok, Some(said)) if expected.allows(&operation, &said) => right += 1,
            (OpOutcome::Ok, said) => {
                let what = said.map_or("nothing".into(), |said| format!("{said:?}"));
                wrong.push(format!("seed {seed}: {operation} gave {what}"));
            }
            _ => none += 1,
        }
    }
    if std::env::var("FAULTLAB_SEED").is_ok() {
        println!("{}", lab.deeds.join("\n"));
    }
    wrong.extend(lab.watch.problems);
    (wrong, right, none)
}

#[test]
fn with_one_faulty_of_three_a_majority_is_never_wrong() {
    let clocks = [ClockKind::Count, ClockKind::Digest, ClockKind::Vector];
    let runs = seeds(200, |seed| {
        let clock = clocks[(seed % 3) as usize];
        one_faulty(Choice { clock, ..USUAL }, seed, false)
    });
    let wrong: Vec<&String> = runs.iter().flat_map(|(wrong, ..)| wrong).collect();
    assert!(wrong.is_empty(), "{} wrong, first {}", wrong.len(), wrong[0]);
    let (right, none) = runs.iter().fold((0, 0), |sum, run| (sum.0 + run.1, sum.1 + run.2));
    assert!(runs.len() == 1 || right > 1_500 && none * 20 < right, "{right} right, {none} none");
    // Two who agree on a lie are a majority: the same check sees it.
    let caught = (0..20).filter(|seed| !one_faulty(USUAL, *seed, true).0.is_empty()).count();
    assert!(caught >= 15, "{caught}");
}

const BUSY: Choice = Choice { rate: 20.0, ..USUAL };

/// Random deaths, freezes and cuts of everybody under load; then calm. Gives what is wrong.
fn torment(choice: Choice, seed: u64, hasty: bool) -> (Vec<String>, usize, usize) {
    let mut lab = Lab::of(&topology(choice), seed, hasty);
    let mut dice = Dice::new(seed);
    for _ in 0..40 {
        let node = dice.one_of(&["r1", "r2", "r3"]);
        let anybody = dice.one_of(&[node, "alice"]);
        let other = dice.one_of(&["r1", "r2", "r3", "alice", "bob"]);
        let words = match dice.below(16) {
            0..=2 => format!("kill {node}"),
            3 => format!("power-off {node}"),
            4 => format!("freeze {anybody}"),
            5 => format!("thaw {anybody}"),
            6..=10 => format!("revive {node}"),
            _ if node == other => continue,
            11 => format!("cut {node}->{other}"),
            12 => format!("cut {node}<->{other}"),
            13 => format!("uncut {node}<->{other}"),
            14 => format!("delay {node}->{other} 400ms"),
            _ => format!("loss {node}->{other} 30%"),
        };
        lab.give(&words);
        lab.run(dice.below(400));
    }
    lab.give("reset");
    lab.give("load alice 0");
    lab.give("load bob 0");
    lab.run(10_000);
    // Each disk is looked at once more, whatever the last life acknowledged.
    for replica in ["r1", "r2", "r3"] {
        lab.give(&format!("kill {replica}"));
        lab.give(&format!("revive {replica}"));
    }
    lab.run(5_000);
    lab.watch.count_verdicts();
    if std::env::var("FAULTLAB_SEED").is_ok() {
        println!("{}", lab.deeds.join("\n"));
    }
    let problems = lab.watch.problems.iter().map(|what| format!("seed {seed}: {what}"));
    (problems.collect(), lab.watch.requested.len(), lab.watch.recognised)
}

#[test]
fn under_random_faults_each_operation_has_one_verdict_and_no_retry_is_done_twice() {
    let clocks = [ClockKind::Count, ClockKind::Vector, ClockKind::Digest, ClockKind::Time];
    let runs = seeds(100, |seed| {
        let clock = clocks[(seed % 4) as usize];
        let no_majority = [NoMajority::First, NoMajority::Refuse][(seed / 4 % 2) as usize];
        torment(Choice { clock, no_majority, ..BUSY }, seed, false)
    });
    let problems: Vec<&String> = runs.iter().flat_map(|(problems, ..)| problems).collect();
    assert!(problems.is_empty(), "{} problems, first {}", problems.len(), problems[0]);
    let asked: usize = runs.iter().map(|run| run.1).sum();
    let recognised: usize = runs.iter().map(|run| run.2).sum();
    assert!(runs.len() == 1 || asked > 20_000 && recognised > 500, "{asked}, {recognised}");
}

#[test]
fn the_checks_see_what_they_guard() {
    let fresh = Flaws::NONE.with(Flaw::FreshIds, true);
    let twice = seeds(10, |seed| torment(Choice { client_flaws: fresh, ..BUSY }, seed, false));
    let twice = twice.iter().flat_map(|(problems, ..)| problems);
    assert!(twice.filter(|what| what.contains("a line twice")).count() > 0);
    let busier = Choice { rate: 200.0, ..USUAL };
    let hasty = seeds(6, |seed| torment(busier, seed, true));
    let hasty = hasty.iter().flat_map(|(problems, ..)| problems);
    assert!(hasty.filter(|what| what.contains("had acknowledged")).count() > 0);
}

/// Reads of a value that everybody has, with these lying, in this way, and these dead.
fn liars(liars: &[&str], flaw: &str, dead: &[&str], then: NoMajority, seed: u64) -> Lab {
    let mut lab = Lab::new(Choice { no_majority: then, ..USUAL }, seed);
    assert_eq!(lab.operate(ALICE, &put("k", "v")).0, OpOutcome::Ok);
    lab.run(100);
    for liar in liars {
        assert!(lab.give(&format!("set {liar} flaws {flaw}")));
        assert!(lab.give(&format!("set {liar} lie on")));
    }
    for dead in dead {
        lab.give(&format!("kill {dead}"));
    }
    lab.run(50);
    lab
}

#[test]
fn one_liar_is_outvoted_every_time_and_two_are_or_are_not_noticed() {
    for seed in 0..20 {
        let read = |lab: &mut Lab| lab.operate(ALICE, &get("k"));
        let mut one = liars(&["r2"], "none", &[], NoMajority::First, seed);
        for _ in 0..10 {
            assert_eq!(read(&mut one), (OpOutcome::Ok, Some(said("v"))));
        }
        one.run(1_000);
        assert_eq!(one.watch.outvoted, [R2; 10]);

        let mut agreed = liars(&["r1", "r3"], "same-lie", &[], NoMajority::Refuse, seed);
        let (outcome, told) = read(&mut agreed);
        assert_eq!(outcome, OpOutcome::Ok);
        assert_ne!(told, Some(said("v")), "the client cannot know");
        agreed.run(1_000);
        assert_eq!(agreed.watch.outvoted, [R2], "who tells the truth is the odd one");

        for (lying, dead) in [(&["r1", "r3"][..], &[][..]), (&["r2"], &["r1"])] {
            let mut refuses = liars(lying, "none", dead, NoMajority::Refuse, seed);
            assert_eq!(read(&mut refuses), (OpOutcome::Failed, None));
            assert_eq!(refuses.watch.whys.last(), Some(&OpWhy::NoMajority));
            let mut first = liars(lying, "none", dead, NoMajority::First, seed);
            assert_eq!(read(&mut first).0, OpOutcome::Ok);
            assert_eq!(first.watch.whys.last(), Some(&OpWhy::First));
        }
    }
    let wrong = (0..50).filter(|seed| {
        let mut first = liars(&["r2"], "none", &["r1"], NoMajority::First, *seed);
        first.operate(ALICE, &get("k")).1 != Some(said("v"))
    });
    let wrong = wrong.count();
    assert!((10..=40).contains(&wrong), "the first answer is the liar's half of the time: {wrong}");
}

/// alice is so much nearer to r1 than to r3, and bob the other way round.
fn skewed(skew_ms: u64) -> Topology {
    let mut topology = topology(USUAL);
    for (client, far) in [(ALICE, R3), (BOB, R1)] {
        let link = topology.default_link;
        let latency = link.latency + ms(skew_ms);
        topology.links.insert((client, far), Faults { latency, ..link });
    }
    topology
}

#[test]
fn two_writers_at_once_leave_replicas_that_differ() {
    let diverged = |skew_ms: u64| {
        let topology = skewed(skew_ms);
        let differ = |seed: &u64| {
            let mut lab = Lab::of(&topology, *seed, false);
            let (a, b) = (lab.begin(ALICE, &put("k", "a")), lab.begin(BOB, &put("k", "b")));
            lab.run(2_000);
            for verdict in [lab.verdict(ALICE, a), lab.verdict(BOB, b)] {
                assert_eq!(verdict.unwrap().0, OpOutcome::Ok, "neither of them can know");
            }
            let digests: BTreeSet<_> = REPLICAS.map(|node| lab.watch.have[&node].digest).into();
            digests.len() > 1
        };
        (0..100).filter(differ).count()
    };
    let rates = [0, 30, 60].map(diverged);
    assert!(rates[0] >= 1 && rates[1] >= 90 && rates[2] >= 90, "{rates:?} of 100 diverged");
}

/// r3 is dead while alice writes `before`; then it is alone while bob writes `alone`; then all are there again.
fn two_histories(clock: ClockKind, before: usize, alone: usize, seed: u64) -> Lab {
    let mut lab = Lab::new(Choice { clock, no_majority: NoMajority::First, ..USUAL }, seed);
    lab.give("kill r3");
    for at in 0..before {
        let done = lab.operate(ALICE, &put("k", &format!("alice {at}")));
        assert_eq!(done.0, OpOutcome::Ok);
    }
    // Nobody brings r3 what it missed any more.
    lab.run(4_000);
    for words in ["kill r1", "kill r2", "revive r3"] {
        assert!(lab.give(words));
    }
    lab.run(1_000);
    for at in 0..alone {
        let done = lab.operate(BOB, &put("k", &format!("bob {at}")));
        assert_eq!(done.0, OpOutcome::Ok);
    }
    lab.run(4_000);
    for words in ["revive r1", "revive r2"] {
        assert!(lab.give(words));
    }
    lab.watch.compared.clear();
    lab.run(5_000);
    lab
}

fn verdicts(lab: &Lab, verdict: ClockVerdict) -> usize {
    lab.watch.compared.iter().filter(|compared| compared.2 == verdict).count()
}

#[test]
fn equal_counts_look_in_sync_whatever_the_contents() {
    for seed in 0..30 {
        let lab = two_histories(ClockKind::Count, 2, 2, seed);
        let have = REPLICAS.map(|node| lab.watch.have[&node]);
        assert!(have.iter().all(|have| have.at == 2) && have[0].digest != have[2].digest);
        assert_eq!(verdicts(&lab, ClockVerdict::InSync), lab.watch.compared.len());
        assert!(!lab.watch.compared.is_empty() && lab.watch.caught_up == 0);
        for clock in [ClockKind::Digest, ClockKind::Vector] {
            let lab = two_histories(clock, 2, 2, seed);
            assert!(verdicts(&lab, ClockVerdict::Concurrent) >= 2, "{clock:?}");
            assert_eq!(lab.watch.caught_up, 0, "{clock:?}");
        }
    }
}

#[test]
fn the_longer_side_erases_an_acknowledged_write_unless_vectors_see_the_conflict() {
    for seed in 0..30 {
        let lab = two_histories(ClockKind::Count, 2, 1, seed);
        let lost: Vec<_> =
            lab.watch.discarded.iter().map(|(node, id)| (*node, &*id.client)).collect();
        assert_eq!(lost, [(R3, "bob.1")], "seed {seed}");
        let digests: BTreeSet<_> = REPLICAS.map(|node| lab.watch.have[&node].digest).into();
        assert_eq!(digests.len(), 1, "and now all agree");
        let lab = two_histories(ClockKind::Vector, 2, 1, seed);
        assert!(lab.watch.discarded.is_empty() && lab.watch.caught_up == 0);
        assert!(verdicts(&lab, ClockVerdict::Concurrent) >= 2);
    }
}

#[test]
fn by_the_time_of_the_last_request_a_newborn_is_current_and_everything_vanishes() {
    let lost = |clock: ClockKind| {
        let mut lab = Lab::new(Choice { clock, ..USUAL }, 7);
        for at in 0..3 {
            assert_eq!(lab.operate(ALICE, &put("k", &format!("v{at}"))).0, OpOutcome::Ok);
        }
        lab.run(4_000);
        for words in ["kill r2", "wipe r2", "revive r2"] {
            assert!(lab.give(words), "{words}");
        }
        lab.run(3_000);
        (lab.watch.discarded.len(), lab.operate(ALICE, &get("k")).1)
    };
    assert_eq!(lost(ClockKind::Time), (6, Some(StoreSaid::Value(None))));
    assert_eq!(lost(ClockKind::Count), (0, Some(said("v2"))));
}

#[test]
fn the_same_seed_gives_the_same_log() {
    let log = |seed| {
        let mut lab = Lab::new(Choice { rate: 30.0, ..USUAL }, seed);
        lab.give("kill r2");
        lab.run(1_000);
        lab.give("revive r2");
        lab.run(2_000);
        let tail = lab.sim.log().read(0, usize::MAX);
        tail.events().map(|event| format!("{event:?}")).collect::<Vec<_>>()
    };
    assert_eq!(log(5), log(5));
    assert_ne!(log(5), log(6));
}
