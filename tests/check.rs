//! The auditors of the store, held against doctored histories whose verdicts are known: what they must find, what they
//! must not, and when they must say that they do not know.
//!
//! A history under `tests/check/*.history` begins with what is expected of its end: `expect: invalid lost=2 acked=3`.

#[path = "check/expectations.rs"]
mod expectations;
#[path = "check/lab.rs"]
mod lab;
#[path = "check/stage.rs"]
mod stage;
#[path = "check/words.rs"]
mod words;

use faultlab::base::{EventId, LabTime, NodeId, Owner};
use faultlab::check::{Audit, Figures, Group, Loss, Part, Safety};
use faultlab::command::Command;
use faultlab::event::{Cause, Event, Fact, Hand, Life};
use faultlab::topology::Scheme;
use lab::{Step, apply, parse};
use proptest::prelude::*;
use stage::{names, topology};
use std::path::{Path, PathBuf};
use std::sync::Arc;

const R1: NodeId = NodeId(0);
const R2: NodeId = NodeId(1);
const R3: NodeId = NodeId(2);
const W: NodeId = NodeId(3);

fn histories() -> Vec<(PathBuf, String)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/check");
    let mut paths: Vec<PathBuf> = std::fs::read_dir(folder)
        .expect("the folder of this test")
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "history"))
        .collect();
    paths.sort();
    let read = |path: PathBuf| {
        let text = std::fs::read_to_string(&path).expect("a history");
        (path, text)
    };
    paths.into_iter().map(read).collect()
}

fn audit(scheme: Scheme, steps: &[Step]) -> Audit {
    let mut audit = Audit::new(topology(scheme));
    apply(&mut audit, steps);
    audit
}

fn scheme(text: &str) -> Scheme {
    if text.contains("# scheme: active") { Scheme::Active } else { Scheme::PrimaryBackup }
}

fn of(text: &str) -> Audit {
    audit(scheme(text), &parse(text))
}

fn figure(figures: &Figures, word: &str) -> u64 {
    match word {
        "acked" => figures.acked,
        "on-all" => figures.on_all,
        "at-risk" => figures.at_risk,
        "lost" => figures.lost,
        "stale" => figures.stale,
        "dup" => figures.dup,
        "wrong" => figures.wrong,
        "discarded" => figures.discarded,
        "leaders" => figures.leaders,
        "leaders-max" => figures.leaders_max,
        "splits" => figures.splits,
        "diverged" => figures.diverged,
        "divergences" => figures.divergences,
        "elections" => figures.elections,
        "term-max" => figures.term_max,
        "same-term" => figures.same_term,
        "false-suspicions" => figures.false_suspicions,
        "detections" => figures.detections,
        "deadlocks" => figures.deadlocks,
        "predicted" => figures.predicted,
        "ok" => figures.ended[0],
        "failed" => figures.ended[1],
        "unknown" => figures.ended[2],
        "split-ms" => u64::try_from(figures.split_over.as_millis()).expect("a moment"),
        "unserved-ms" => u64::try_from(figures.unserved_over.as_millis()).expect("a moment"),
        other => panic!("no figure `{other}`"),
    }
}

#[test]
fn every_doctored_history_is_judged_as_it_is_labelled() {
    let histories = histories();
    assert!(histories.len() >= 20, "{}", histories.len());
    let mut wrong = Vec::new();
    for (path, text) in histories {
        let name = path.file_stem().expect("a name").to_string_lossy().into_owned();
        let label = text.lines().find_map(|line| line.strip_prefix("# expect: "));
        let mut label = label.unwrap_or_else(|| panic!("{name} has no label")).split_whitespace();
        let audit = of(&text);
        let (verdict, reasons) = audit.verdict();
        if label.next() != Some(verdict.word()) {
            wrong.push(format!("{name}: {} {reasons:?}", verdict.word()));
        }
        for expected in label {
            let (word, count) = expected.split_once('=').expect("figure=count");
            let is = figure(&audit.figures(), word);
            if is.to_string() != count {
                wrong.push(format!("{name}: {word} is {is}, not {count}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn folding_in_two_halves_is_folding_at_once() {
    for (path, text) in histories() {
        let steps = parse(&text);
        let whole = audit(scheme(&text), &steps);
        for at in 0..=steps.len() {
            let mut half = audit(scheme(&text), &steps[..at]).clone();
            let kept = half.clone();
            apply(&mut half, &steps[at..]);
            assert!(half == whole, "{} cut at {at}", path.display());
            drop(kept);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Whatever events are missing: the fold goes on, and never says that a store is fine.
    #[test]
    fn with_events_missing_nothing_is_called_valid(seed in any::<u64>(), missing in 1usize..20) {
        for (path, text) in histories() {
            let steps = parse(&text);
            let from = 8 + usize::try_from(seed % steps.len() as u64).expect("few steps");
            let from = from.min(steps.len() - 1);
            let end = (from + missing).min(steps.len());
            let mut left = steps[..from].to_vec();
            left.push(Step::Gap((end - from) as u64));
            left.extend_from_slice(&steps[end..]);
            let audit = audit(scheme(&text), &left);
            let (verdict, _) = audit.verdict();
            prop_assert!(verdict.word() != "valid", "{}", path.display());
        }
    }

    /// Numbers and nodes from another topology never panic.
    #[test]
    fn events_of_another_topology_never_panic(shift in 1u16..40) {
        for (_, text) in histories() {
            let mut audit = Audit::new(topology(Scheme::PrimaryBackup));
            for step in parse(&text) {
                let Step::Event(mut event) = step else { continue };
                if let faultlab::base::Owner::Node(node, life) = event.id.owner {
                    let node = NodeId((node.0 + shift) % 7);
                    event.id.owner = faultlab::base::Owner::Node(node, life);
                }
                audit.apply(&event);
            }
        }
    }
}

const LEADER_DIES: &str = "
0 r1 leads
0 r2 follows r1
0 r3 follows r1
10 r1 does w1..w20
1000 w asks w21 put x 1
1010 r1 accepts w21 durably
1020 r1 acks w21
1030 w ends w21 ok r1
1100 w asks w22 put x 2
1110 r1 accepts w22 durably
1120 r1 acks w22
1130 w ends w22 ok r1
1500 r1 sends r2 w21
1505 lab kills r1
";

#[test]
fn what_a_leaders_death_costs_is_predicted_before_it_is_seen() {
    let before = of(LEADER_DIES.split("1505").next().expect("what comes before"));
    let group = before.groups().next().expect("a group");
    let prediction = group.prediction(R1, before.now).expect("r1 leads");
    assert_eq!(prediction.writes, 1, "w21 is on its way");
    assert_eq!(prediction.lag.as_millis(), 500);
    assert!(group.prediction(R2, before.now).is_none());
    let after = of(LEADER_DIES);
    let group = after.groups().next().expect("a group");
    assert_eq!(group.figures.lost, 1);
    assert_eq!(group.predictions.back().expect("it died").writes, 1);
    let gone = group.lost.values().next().expect("one is lost");
    assert_eq!(gone.operation.to_string(), "put x 2");
    assert_eq!((gone.why, gone.told), (Loss::Died(R1, Life::Killed), Some(W)));
    assert_eq!(gone.acked_by, [R1]);
    assert_eq!(gone.since, LabTime::from_millis(1505));
}

#[test]
fn what_comes_back_is_lost_no_more_and_what_is_thrown_away_is_lost_for_good() {
    let back = format!("{LEADER_DIES}\n1540 r2 gets r1 w21\n3000 lab boots r1");
    let audit = of(&back);
    let group = audit.groups().next().expect("a group");
    assert_eq!((group.figures.lost, group.figures.lost_max), (0, 1));
    assert_eq!(
        group.replica(R1).map(|r| (r.part, r.read_at_boot)),
        Some((Part::Returning, Some(22)))
    );
    let thrown = format!("{back}\n3100 r2 leads 1\n3200 r1 follows r2 1\n3300 r1 takes-over r2 21");
    let audit = of(&thrown);
    let group = audit.groups().next().expect("a group");
    assert_eq!(group.figures.lost, 1);
    let gone = group.lost.values().next().expect("one is lost");
    assert_eq!(gone.why, Loss::Discarded { by: R1, for_the_log_of: R2 });
    assert_eq!(group.discarded.len(), 1);
    assert!(group.discarded[0].acked);
    assert_eq!(group.digest(R1), group.digest(R2));
}

#[test]
fn a_failover_has_its_stages_and_beliefs_stand_beside_the_truth() {
    let text = format!(
        "{LEADER_DIES}
        3000 r2 suspects r1
        3010 r2 stands 1
        4010 r2 leads 1
        4020 r3 follows r2 1
        4100 w takes r1 down
        4200 w asks w23 put y 1
        4210 r2 accepts w23 durably
        4220 r2 acks w23
        4230 w ends w23 ok r2"
    );
    let audit = of(&text);
    let group = audit.groups().next().expect("a group");
    let failover = group.failovers.back().expect("one");
    let at = LabTime::from_millis;
    assert_eq!((failover.leader, failover.at), (R1, at(1505)));
    assert_eq!(failover.suspected, Some((R2, at(3000))));
    assert_eq!(failover.stood, Some((R2, at(3010))));
    assert_eq!(failover.promoted, Some((R2, at(4010), 1)));
    assert_eq!(failover.served.map(|(who, when, _)| (who, when)), Some((W, at(4230))));
    assert_eq!(group.wrong_since(R3, R1), Some(at(1505)), "it has not noticed");
    assert_eq!(group.wrong_since(R2, R1), None);
    assert_eq!(group.view(R2, R1).noticed_after.map(|took| took.as_millis()), Some(1495));
    assert_eq!(group.leader_of(R3), Some((R2, 1)));
    assert_eq!(group.unserved(audit.now).as_millis(), 4010 - 1505);
    assert_eq!((group.figures.elections, group.figures.term_max), (1, 1));
}

#[test]
fn a_split_brain_is_counted_on_each_side_and_ends() {
    let text = "
        0 r1 leads
        0 r2 follows r1
        100 lab freezes r1
        5000 r2 leads
        6000 lab thaws r1
        6100 v asks v1 put x 9
        6110 r1 accepts v1 durably
        6120 r1 acks v1
        6100 w asks w1 put x 5
        6210 r2 accepts w1 durably
        6220 r2 acks w1
        6300 w asks w2 put x 6
        6310 r2 accepts w2 durably
        6320 r2 acks w2";
    let audit = of(text);
    let group = audit.groups().next().expect("a group");
    let split = group.split.as_ref().expect("two lead");
    assert_eq!(split.since, LabTime::from_millis(6000), "a frozen one leads nobody");
    assert_eq!((split.acked[&R1], split.acked[&R2], split.writes()), (1, 2, 3));
    assert_eq!(group.split_lasted(LabTime::from_millis(7000)).as_millis(), 1000);
    assert_eq!(group.forks.keys().copied().collect::<Vec<_>>(), [(R1, R2)]);
    let text = format!("{text}\n8000 r1 steps-down r2\n8100 r1 takes-over r2 0");
    let audit = of(&text);
    let group = audit.groups().next().expect("a group");
    assert!(group.split.is_none() && group.forks.is_empty());
    assert_eq!(group.splits[0].until, Some(LabTime::from_millis(8000)));
    assert_eq!((group.figures.lost, group.figures.discarded), (1, 1));
}

#[test]
fn an_operation_tells_who_holds_it_and_how_safe_it_is() {
    let audit = of(LEADER_DIES.split("1505").next().expect("what comes before"));
    let group = audit.groups().next().expect("a group");
    let last = group.ops().next_back().expect("w22");
    assert_eq!((last.operation.to_string().as_str(), last.safety), ("put x 2", Safety::AtRisk));
    assert_eq!(group.holders(last).collect::<Vec<_>>(), [R1]);
    assert_eq!(last.author().as_ref(), "w.1");
    let first = group.ops().next().expect("w1");
    assert_eq!(first.safety, Safety::OnAll);
    assert_eq!(group.holders(first).count(), 3);
    assert_eq!(names().of(first.asker.expect("a client").0), "w");
}

/// When the lab ends, its nodes stop one after the other: that is no death and loses nothing.
#[test]
fn what_nodes_do_when_the_lab_ends_says_nothing_of_their_store() {
    let mut steps = parse("0 r1 leads\n10 r1 does w1..w20");
    let before = audit(Scheme::PrimaryBackup, &steps);
    let quit = Fact::CommandGiven { command: Arc::new(Command::Quit), hand: Hand::Person };
    let facts = [R1, R2, R3].map(|node| Fact::NodeStopped { node });
    for (number, fact) in [quit].into_iter().chain(facts).enumerate() {
        let id = EventId { owner: Owner::Lab, number: 100 + number as u64 };
        let time = LabTime::from_millis(1000);
        steps.push(Step::Event(Event { id, time, cause: Cause::Boot, fact }));
    }
    let after = audit(Scheme::PrimaryBackup, &steps);
    assert_eq!(after.figures(), before.figures());
    assert_eq!(after.groups().flat_map(Group::leaders).count(), 1);
}
