//! Replicas on virtual time under thousands of seeds of random deaths, freezes, cuts and clients, judged by the
//! program's own auditor: what must always hold of each scheme, and beside each rule something broken that it catches.
//!
//! Two more suites judge the same machines with judges of their own, which know nothing of the auditor:
//! `primary_backup` and `majority_vote`. The claims of single situations are in `claims`.
//! `FAULTLAB_SEED=17 cargo test --test replicas NAME` runs one seed of a test.

#[path = "replicas/labs.rs"]
mod labs;
#[path = "replicas/seeds.rs"]
mod seeds;
#[path = "replicas/stage.rs"]
mod stage;
#[path = "replicas/twins.rs"]
mod twins;

use faultlab::check::Figures;
use faultlab::message::OpOutcome;
use labs::{QUICK, led, store, voted};
use seeds::{Dice, caught, none_breaks};
use stage::{Stage, ms};
use twins::{Mistake, twins};

/// Within this time after the last fault is gone, all hold the same, and everything that was asked has its verdict: the
/// longest wait for a hanging connect (3 s), a suspicion, an election, and the clients' patience.
const RECOVERY: std::time::Duration = ms(12_000);

const SYNC: &str = "propagation = \"sync\"\nterms = true\ncatch_up = \"log\"";

/// The mistakes of a run: a sentence for each figure that is not what it should be.
fn wrong(stage: &Stage, checks: &[(&str, bool)]) -> Result<Figures, String> {
    if std::env::var("FAULTLAB_SHOW").is_ok() {
        let t = stage
            .group()
            .ops()
            .filter(|op| op.applied_twice)
            .map(|op| format!("{op:?}"))
            .collect::<Vec<_>>();
        println!("TWICE {t:#?}");
        stage.show();
    }
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
            stage.group().replicas.iter().all(|it| it.runs()) && figures.at_risk + figures.lost == 0
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
