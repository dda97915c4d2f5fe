//! Replicas on virtual time under thousands of seeds of random deaths, freezes, cuts and clients, judged by the
//! program's own auditor: what must always hold of each scheme, and beside each rule something broken that it catches.
//!
//! Two more suites judge the same machines with judges of their own, which know nothing of the auditor:
//! `primary_backup` and `majority_vote`. The claims of single situations are in `claims`.
//! `FAULTLAB_SEED=17 cargo test --test replicas NAME` runs one seed of a test.

#[expect(dead_code, reason = "each test file uses its part of this bench")]
#[path = "replicas/labs.rs"]
mod labs;
#[path = "replicas/reads.rs"]
mod reads;
#[path = "replicas/seeds.rs"]
mod seeds;
#[expect(dead_code, reason = "each test file uses its part of this bench")]
#[path = "replicas/stage.rs"]
mod stage;
#[expect(dead_code, reason = "each test file uses its part of this bench")]
#[path = "replicas/twins.rs"]
mod twins;

use faultlab::base::Owner;
use faultlab::check::Figures;
use faultlab::event::Fact;
use faultlab::message::{Message, OpOutcome, ReplicaMessage};
use labs::{QUICK, led, store};
use seeds::{Dice, caught, none_breaks};
use stage::{Stage, ms};
use std::collections::BTreeSet;
use twins::{Mistake, twins};

/// Within this time after the last fault is gone, all hold the same, and everything that was asked has its verdict: the
/// longest wait for a hanging connect (3 s), a suspicion, an election, and the clients' patience.
const RECOVERY: std::time::Duration = ms(12_000);

const SYNC: &str = "propagation = \"sync\"\nterms = true\ncatch_up = \"log\"";

/// The mistakes of a run: a sentence for each figure that is not what it should be.
fn wrong(stage: &Stage, checks: &[(&str, bool)]) -> Result<Figures, String> {
    let broken: Vec<&str> =
        checks.iter().filter(|(_, holds)| !holds).map(|(what, _)| *what).collect();
    if broken.is_empty() {
        Ok(stage.figures())
    } else {
        Err(format!("{}\n{stage}", broken.join("; ")))
    }
}

/// What was said not to have been done is in no log.
fn failed_is_not_done(stage: &Stage) -> bool {
    let group = stage.group();
    group.ops().all(|op| {
        let failed = op.ended.as_ref().is_some_and(|ended| ended.outcome == OpOutcome::Failed);
        !(failed && op.operation.is_write() && group.holders(op).next().is_some())
    })
}

/// Load off, faults gone, and time to recover.
fn calm(stage: &mut Stage) -> bool {
    stage.give("reset");
    for words in ["load alice off", "load bob off"] {
        stage.give(words);
    }
    let calm = stage.runs_until(RECOVERY, |stage| stage.is_in_step() && stage.is_quiet());
    stage.run(ms(300));
    calm
}

/// What holds of every group whose clients use one id for all attempts, when it has had its time to recover.
fn is_sound(stage: &mut Stage) -> Vec<(&'static str, bool)> {
    let calm = calm(stage);
    let figures = stage.figures();
    vec![
        ("in step and quiet within a bound", calm),
        ("digests are equal", stage.is_in_step()),
        ("every operation has its verdict", stage.is_quiet()),
        ("nothing was done twice", figures.dup == 0),
        ("no read was wrong", figures.wrong == 0),
        ("no two acknowledged in one term", figures.same_term == 0),
        ("no logs contradict each other", figures.diverged == 0),
        ("what failed was not done", failed_is_not_done(stage)),
        ("one leads", figures.leaders <= 1),
    ]
}

/// One thing at a time befalls one replica, and is over before the next.
fn one_at_a_time(mut stage: Stage, seed: u64) -> Result<Figures, String> {
    let mut dice = Dice::new(seed);
    stage.run(ms(200));
    for _ in 0..3 {
        let node = dice.one_of(&["r1", "r2", "r3"]);
        let pause = dice.below(600);
        stage.run(ms(pause));
        let fault = dice.one_of(&["kill", "power-off", "freeze", "kill", "freeze"]);
        stage.give(&format!("{fault} {node}"));
        let lasts = dice.below(900);
        stage.run(ms(lasts));
        stage.give(&format!("revive {node}"));
        let back = stage.runs_until(RECOVERY, |stage| {
            let figures = stage.figures();
            stage.group().replicas.iter().all(faultlab::check::ReplicaState::runs)
                && figures.at_risk + figures.lost == 0
        });
        if !back {
            return wrong(&stage, &[("all have everything again within a bound", false)]);
        }
    }
    let mut checks = is_sound(&mut stage);
    checks.push(("no acknowledged write was ever gone", stage.figures().lost_max == 0));
    checks.push(("something was acknowledged", stage.figures().acked > 5));
    wrong(&stage, &checks)
}

fn busy(settings: &str) -> String {
    let client = format!("{}rate = \"15/s\"", labs::PATIENT);
    store(3, &format!("{QUICK}{settings}"), &client, &client)
}

/// Issue: `sync` never loses an acknowledged write while one replica that has it survives.
#[test]
fn sync_loses_nothing_while_one_that_has_it_lives() {
    let text = busy(SYNC);
    let all = none_breaks("sync_loses", 600, |seed| one_at_a_time(Stage::new(&text, seed), seed));
    assert!(all.len() == 1 || all.iter().map(|one| one.elections).sum::<u64>() > 200);
    let pushed = busy(&format!("{SYNC}\nheartbeat_mode = \"push\""));
    none_breaks("sync_loses", 400, |seed| one_at_a_time(Stage::new(&pushed, seed), seed));
}

#[test]
fn who_acknowledges_before_others_have_it_is_caught() {
    let early = busy("propagation = \"async\"\nlag = \"100ms\"\nterms = true\ncatch_up = \"log\"");
    let count = caught(40, |seed| one_at_a_time(Stage::new(&early, seed), seed));
    assert!(count >= 10, "{count} of 40");
}

/// The whole house loses its power at one moment, or every process dies; all come back at one moment.
fn blackout(mut stage: Stage, seed: u64) -> Result<Figures, String> {
    let mut dice = Dice::new(seed);
    let replicas = ["r1", "r2", "r3"];
    for _ in 0..2 {
        let pause = 200 + dice.below(700);
        stage.run(ms(pause));
        let fault = dice.one_of(&["kill", "power-off"]);
        for node in replicas {
            stage.give(&format!("{fault} {node}"));
        }
        let lasts = dice.below(400);
        stage.run(ms(lasts));
        for node in replicas {
            stage.give(&format!("revive {node}"));
        }
        stage.runs_until(RECOVERY, Stage::is_in_step);
    }
    let mut checks = is_sound(&mut stage);
    checks.push(("no acknowledged write is gone", stage.figures().lost == 0));
    wrong(&stage, &checks)
}

#[test]
fn a_blackout_takes_nothing_that_was_acknowledged() {
    for settings in [SYNC, "propagation = \"async\"\nterms = true\nlag = \"50ms\""] {
        let text = busy(settings);
        none_breaks("a_blackout", 200, |seed| blackout(Stage::new(&text, seed), seed));
    }
    // Without fsync the disk is behind what was acknowledged; it shows where every commit is under way.
    let text = busy("propagation = \"async\"\nterms = true").replace("15/s", "150/s");
    let hasty = |seed| Stage::with_machines(&text, seed, twins(Mistake::NoFsync));
    let count = caught(40, |seed| blackout(hasty(seed), seed));
    assert!(count >= 4, "no fsync: {count} of 40");
    let honest = caught(40, |seed| blackout(Stage::new(&text, seed), seed));
    assert_eq!(honest, 0, "with fsync");
}

/// Deaths, freezes and cuts of anybody at any time; then everything is healed.
fn anything(mut stage: Stage, seed: u64) -> Result<Figures, String> {
    let mut dice = Dice::new(seed);
    let replicas = ["r1", "r2", "r3"];
    for _ in 0..12 {
        let (node, other) = (dice.one_of(&replicas), dice.one_of(&["r1", "r2", "r3", "alice"]));
        let arrow = dice.one_of(&["->", "<->"]);
        let words = match dice.below(12) {
            0 | 1 => format!("kill {node}"),
            2 => format!("power-off {node}"),
            3 => format!("freeze {node}"),
            4 | 5 => format!("revive {node}"),
            6 => format!("thaw {node}"),
            _ if node == other => format!("heal {node}"),
            7..=9 => format!("cut {node}{arrow}{other}"),
            10 => format!("delay {node}{arrow}{other} 120ms"),
            _ => format!("uncut {node}{arrow}{other}"),
        };
        stage.give(&words);
        let pause = dice.below(400);
        stage.run(ms(pause));
    }
    let checks = is_sound(&mut stage);
    wrong(&stage, &checks)
}

/// Issue: with terms no two leaders acknowledge in the same term; retries are never applied twice; after a heal all
/// replicas have equal digests within a bound.
#[test]
fn under_anything_terms_ids_and_convergence_hold() {
    let async_terms = "propagation = \"async\"\nlag = \"30ms\"\nterms = true";
    let choices = [
        busy(&format!("{SYNC}\nheartbeat_mode = \"push\"")),
        busy(&format!("{async_terms}\ncatch_up = \"log\"")),
        busy(&format!("{async_terms}\nheartbeat_mode = \"push\"")),
        busy("propagation = \"async\"\nterms = false\nlag = \"30ms\""),
    ];
    let all = none_breaks("under_anything", 1_000, |seed| {
        anything(Stage::new(&choices[(seed % 4) as usize], seed), seed)
    });
    let sum = |of: fn(&Figures) -> u64| all.iter().map(of).sum::<u64>();
    let happened = [
        sum(|it| it.elections),
        sum(|it| it.splits),
        sum(|it| it.discarded),
        sum(|it| it.recognised),
    ];
    assert!(all.len() == 1 || happened.iter().all(|count| *count > 200), "{happened:?}");
}

/// The rules that the last test names, each broken by a twin.
#[test]
fn shared_terms_fresh_ids_and_a_copy_that_never_catches_up_are_caught() {
    let async_terms = "propagation = \"async\"\nterms = true\ncatch_up = \"log\"";
    let said = |mistake: Mistake, what: &str| {
        let text = busy(async_terms);
        let runs = seeds::each(120, |seed| {
            anything(Stage::with_machines(&text, seed, twins(mistake)), seed)
        });
        runs.iter().filter(|run| run.as_ref().is_err_and(|why| why.contains(what))).count()
    };
    let shared = said(Mistake::SharesTerms, "no two acknowledged in one term");
    assert!(shared >= 1, "shared terms: {shared} of 120");
    let apart = said(Mistake::NeverCatchesUp, "in step and quiet within a bound");
    assert!(apart >= 30, "never catches up: {apart} of 120");
    let client = format!("{}rate = \"15/s\"\nflaws = [\"fresh-ids\"]", labs::PATIENT);
    let text = store(3, &format!("{QUICK}{async_terms}"), &client, &client);
    let twice = seeds::each(60, |seed| anything(Stage::new(&text, seed), seed));
    let twice =
        twice.iter().filter(|run| run.as_ref().is_err_and(|why| why.contains("twice"))).count();
    assert!(twice >= 4, "fresh ids: {twice} of 60");
}

/// One replica of three suffers and lies while clients write and read.
fn one_faulty(mut stage: Stage, seed: u64, accomplice: bool) -> Result<Figures, String> {
    let mut dice = Dice::new(seed);
    let victim = dice.one_of(&["r1", "r2", "r3"]);
    if accomplice {
        for liar in ["r1", "r3"] {
            stage.give(&format!("set {liar} flaws same-lie"));
            stage.give(&format!("set {liar} lie on"));
        }
    }
    stage.run(ms(300));
    for _ in 0..6 {
        let words = match dice.below(12) {
            10 => format!("skew {victim} {}", dice.one_of(&["+1h", "-1h", "+300ms", "off"])),
            11 => format!("drift {victim} {}", dice.one_of(&["0.1", "10", "off"])),
            0 => format!("kill {victim}"),
            1 => format!("power-off {victim}"),
            2 => format!("freeze {victim}"),
            3 => format!("thaw {victim}"),
            4 => format!("revive {victim}"),
            5 => format!("wipe {victim}"),
            6 | 7 => format!("set {victim} lie on"),
            8 => format!("cut {victim}<->alice"),
            _ => format!("delay {victim}->bob 200ms"),
        };
        stage.give(&words);
        let pause = dice.below(500);
        stage.run(ms(pause));
    }
    let wrong_before = stage.figures().wrong;
    let quiet = calm_clients(&mut stage);
    let figures = stage.figures();
    wrong(
        &stage,
        &[
            ("no read was wrong", wrong_before == 0 && figures.wrong == 0),
            ("no read was stale", figures.stale == 0),
            ("nothing was done twice", figures.dup == 0),
            ("every operation has its verdict", quiet),
            ("what failed was not done", failed_is_not_done(&stage)),
        ],
    )
}

fn calm_clients(stage: &mut Stage) -> bool {
    for words in ["load alice off", "load bob off", "reset"] {
        stage.give(words);
    }
    stage.runs_until(RECOVERY, Stage::is_quiet)
}

/// Issue: with majority reads and at most one faulty replica of three no wrong answer is given.
#[test]
fn a_majority_is_never_wrong_with_one_faulty_of_three() {
    let reads = |own: &str, other: &str| {
        format!(
            "{}no_majority = \"refuse\"\nrate = \"15/s\"\noperations = [\"put {own}{{n}} {{n}}\", \
             \"get {other}1\", \"post hall {own}{{n}}\", \"get {own}5\"]",
            labs::PATIENT
        )
    };
    let group = "scheme = \"active\"\nreconnect = \"100ms\"\nclock = \"vector\"";
    let text = store(3, group, &reads("a", "b"), &reads("b", "a"));
    let all =
        none_breaks("a_majority", 400, |seed| one_faulty(Stage::new(&text, seed), seed, false));
    let outvoted: u64 = all.iter().map(|it| it.outvoted).sum();
    assert!(all.len() == 1 || outvoted > 400, "{outvoted} votes were wrong: too little happened");
    let count = caught(20, |seed| one_faulty(Stage::new(&text, seed), seed, true));
    assert!(count >= 18, "two who agree on their lies: {count} of 20");
}

/// A write meets a heartbeat on the way, or does not. Whether they crossed, and what came of it.
fn crossing(text: &str, seed: u64) -> Result<(bool, Figures), String> {
    let mut stage = Stage::new(text, seed);
    let mut dice = Dice::new(seed);
    stage.run(ms(300));
    let pause = dice.below(100);
    stage.run(ms(pause));
    stage.begin("alice", "put k v");
    stage.run(ms(400));
    let crossed = crossed(&stage);
    let deadlock = stage.figures().deadlocks > 0;
    wrong(&stage, &[("a cycle where they crossed, and only there", crossed == deadlock)])
        .map(|figures| (crossed, figures))
}

/// Whether the leader's change and a backup's heartbeat were under way at the same time, as the messages tell.
fn crossed(stage: &Stage) -> bool {
    let leader = stage.id("r1");
    let (mut beats, mut changes) = (BTreeSet::new(), BTreeSet::new());
    for event in stage.events() {
        let Owner::Node(node, _) = event.id.owner else { continue };
        match (&event.fact, node == leader) {
            (Fact::MessageSent { message, .. }, false) if is_beat(message) => {
                if changes.contains(&node) {
                    return true;
                }
                beats.insert(node);
            }
            (Fact::MessageReceived { message, from, .. }, true) if is_beat(message) => {
                beats.remove(&from.node().expect("a replica"));
            }
            (Fact::MessageSent { message, to, .. }, true) if is_change(message) => {
                let to = to.node().expect("a replica");
                if beats.contains(&to) {
                    return true;
                }
                changes.insert(to);
            }
            (Fact::MessageReceived { message, .. }, false) if is_change(message) => {
                changes.remove(&node);
            }
            _ => {}
        }
    }
    false
}

fn is_beat(message: &Message) -> bool {
    matches!(message, Message::Replica(ReplicaMessage::Beat { .. }))
}

fn is_change(message: &Message) -> bool {
    matches!(message, Message::Replica(ReplicaMessage::Change { .. }))
}

/// Issue: deadlock in the broken variant in every run where a heartbeat and a change cross, never in the repaired one.
#[test]
fn a_heartbeat_and_a_change_that_cross_are_a_deadlock_and_never_in_the_repaired_form() {
    let blocks = led(3, "propagation = \"sync-deadlock\"");
    let runs = none_breaks("a_heartbeat", 500, |seed| crossing(&blocks, seed));
    let crossings = runs.iter().filter(|(crossed, _)| *crossed).count();
    assert!(runs.len() == 1 || (20..480).contains(&crossings), "{crossings} of 500 crossed");
    let repaired = led(3, "propagation = \"sync\"");
    let crossings = seeds::each(500, |seed| {
        let mut stage = Stage::new(&repaired, seed);
        let pause = 300 + Dice::new(seed).below(100);
        stage.run(ms(pause));
        stage.begin("alice", "put k v");
        stage.run(ms(400));
        assert_eq!(stage.figures().deadlocks, 0, "{stage}");
        crossed(&stage)
    });
    assert!(crossings.len() == 1 || crossings.iter().filter(|crossed| **crossed).count() >= 20);
}
