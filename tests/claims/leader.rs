//! C1 to C3: what the death of a leader costs, with and without waiting for the backups, and what a retry costs.

use crate::labs::{PATIENT, QUICK, led, store};
use crate::stage::{Stage, ms};
use crate::twins::{Mistake, twins};
use faultlab::base::Owner;
use faultlab::event::Fact;
use faultlab::message::{Note, OpId, OpOutcome, StoreNote};
use std::collections::BTreeSet;

/// A group whose leader lags, and one client with a load; the other is quiet.
fn lagging(lag: u64) -> String {
    let group = format!("{QUICK}propagation = \"async\"\nlag = \"{lag}ms\"\nterms = true");
    let alice = format!("{PATIENT}rate = \"200/s\"");
    store(3, &group, &alice, PATIENT)
}

/// What is gone, by notes and boots alone: acknowledged by the leader or to a client, and in no living log.
fn gone(stage: &Stage) -> usize {
    let mut acked: BTreeSet<OpId> = BTreeSet::new();
    let mut logs = std::collections::BTreeMap::<_, Vec<OpId>>::new();
    for event in stage.events() {
        let Owner::Node(node, _) = event.id.owner else {
            if let Fact::NodeKilled { node } = event.fact {
                logs.remove(&node);
            }
            continue;
        };
        match &event.fact {
            Fact::Noted(Note::Store(StoreNote::Acked { id, .. })) => {
                acked.insert(id.clone());
            }
            Fact::Noted(Note::Store(StoreNote::Accepted { entry, .. })) => {
                logs.entry(node).or_default().push(entry.id.clone());
            }
            Fact::Noted(Note::Store(StoreNote::Discarded { entries, .. })) => {
                let log = logs.entry(node).or_default();
                log.retain(|id| entries.iter().all(|entry| entry.id != *id));
            }
            Fact::NodeKilled { node } => drop(logs.remove(node)),
            _ => {}
        }
    }
    acked.iter().filter(|id| !logs.values().any(|log| log.contains(id))).count()
}

/// C1: an asynchronous leader that is killed takes rate × lag acknowledged writes with it. The prediction is there
/// before the kill, and the counter says what an independent count says.
#[test]
fn c1_async_loses_what_was_predicted() {
    for lag in [0_u64, 100, 500] {
        let (mut sum, mut formula) = (0.0, 0.0);
        for seed in 0..20 {
            let mut stage = Stage::new(&lagging(lag), seed);
            stage.run(ms(2_000));
            let leader = stage.id("r1");
            let predicted = stage.group().prediction(leader, stage.now()).expect("it leads");
            assert!(stage.give("kill r1"));
            assert!(stage.give("load alice off"));
            stage.run(ms(3_000));
            let lost = stage.figures().lost;
            assert_eq!(lost as usize, gone(&stage), "lag {lag}, seed {seed}: two counts");
            let off = lost.abs_diff(predicted.writes) as f64;
            let most = f64::max(2.0, predicted.writes as f64 * 0.05);
            let is = predicted.writes;
            assert!(off <= most, "lag {lag}, seed {seed}: {lost} lost, {is} predicted\n{stage}");
            assert_eq!(stage.group().predictions.back().map(|it| it.writes), Some(is));
            sum += lost as f64;
            formula += predicted.by_rate();
        }
        let (mean, formula) = (sum / 20.0, formula / 20.0);
        let rate_times_lag = 200.0 * lag as f64 / 1_000.0;
        for (what, figure) in [("lost", mean), ("predicted by the formula", formula)] {
            let most = f64::max(2.0, rate_times_lag * 0.05);
            let off = (figure - rate_times_lag).abs();
            assert!(off <= most, "lag {lag}: {what} {figure:.1}, rate x lag {rate_times_lag}");
        }
    }
}

/// Beside C1: a leader that sends nothing, so that its backups have to ask for everything, loses more than rate × lag.
#[test]
fn c1_fails_where_nothing_is_sent() {
    let mut lost = 0;
    for seed in 0..20 {
        let silent = twins(Mistake::SendsNothing);
        let mut stage = Stage::with_machines(&lagging(0), seed, silent);
        stage.run(ms(2_000));
        assert!(stage.give("kill r1"));
        assert!(stage.give("load alice off"));
        stage.run(ms(3_000));
        lost += stage.figures().lost;
    }
    assert!(lost > 2 * 20, "{lost} in 20 runs, within the tolerance of C1");
}

/// C2: with acknowledgements that wait for the backups nothing is lost, whenever the leader is killed; what was in
/// flight and not answered in its client's time is `unknown`, never `failed`.
#[test]
fn c2_sync_loses_nothing_in_fifty_random_kills() {
    let group = format!("{QUICK}propagation = \"sync\"\nterms = true");
    // Less patient than a failover takes.
    let hasty =
        "request_timeout = \"60ms\"\ntimeout = \"150ms\"\nreconnect = \"100ms\"\nrate = \"200/s\"";
    let text = store(3, &group, hasty, PATIENT);
    let mut unknown = 0;
    for seed in 0..50 {
        let mut stage = Stage::new(&text, seed);
        stage.run(ms(300 + seed * 37 % 400));
        let before = stage.figures().ended;
        assert!(stage.give("freeze r1"));
        stage.run(ms(200));
        assert!(stage.give("kill r1"));
        stage.run(ms(1_500));
        assert!(stage.give("load alice off"));
        stage.run(ms(1_000));
        let figures = stage.figures();
        assert_eq!(
            (figures.lost, figures.lost_max, figures.dup),
            (0, 0, 0),
            "seed {seed}\n{stage}"
        );
        assert_eq!(stage.leaders().len(), 1, "seed {seed}\n{stage}");
        assert!(figures.acked > 60, "seed {seed}: enough to say something\n{stage}");
        let group = stage.group();
        let done = |op: &&faultlab::check::Op| group.holders(op).next().is_some();
        let failed = |op: &&faultlab::check::Op| {
            op.ended.as_ref().is_some_and(|ended| ended.outcome == OpOutcome::Failed)
        };
        assert_eq!(group.ops().filter(failed).filter(done).count(), 0, "failed, and done\n{stage}");
        unknown += figures.ended(OpOutcome::Unknown) - before[OpOutcome::Unknown as usize];
    }
    assert!(unknown >= 50, "{unknown}: something was in flight at each kill");
}

/// C3: a write whose answer is late is asked again. With an identity of its own for each attempt it is done twice, and
/// that is shown; with one identity it is recognised.
#[test]
fn c3_a_retry_is_done_twice_without_one_identity() {
    let dup = |flaws: &str| {
        let alice = format!("{PATIENT}{flaws}");
        let text = store(3, &format!("{QUICK}terms = true"), &alice, PATIENT);
        let mut stage = Stage::new(&text, 3);
        stage.run(ms(200));
        assert_eq!(stage.operate("alice", "post hall first"), OpOutcome::Ok);
        stage.give("delay r1->alice 200ms");
        assert_eq!(stage.operate("alice", "post hall second"), OpOutcome::Ok);
        stage.give("reset");
        stage.run(ms(1_000));
        assert_eq!(stage.operate("bob", "read hall"), OpOutcome::Ok);
        let figures = stage.figures();
        (figures.dup, figures.recognised > 0)
    };
    let (twice, _) = dup("flaws = [\"fresh-ids\"]");
    assert!(twice >= 1, "{twice}");
    assert_eq!(dup(""), (0, true));
}

/// Beside C2: with the very same kills and `async`, something is lost; the check can fail.
#[test]
fn c2_fails_where_nobody_waits() {
    let mut stage =
        Stage::new(&led(3, "propagation = \"async\"\nlag = \"200ms\"\nterms = true"), 1);
    stage.run(ms(300));
    assert_eq!(stage.operate("alice", "put k v"), OpOutcome::Ok);
    stage.give("kill r1");
    stage.run(ms(1_000));
    assert_eq!(stage.figures().lost, 1);
}
