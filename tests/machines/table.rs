//! The truth table: each upstream in {found, negative, failed, silent, refused, reset}, two of them, under a race with
//! either acceptance and under failover.

use crate::harness::*;
use faultlab::event::Ending;
use faultlab::machine::Effect;
use faultlab::message::{Note, Said};
use faultlab::topology::{Accept, LsConfig, Policy};

const KINDS: [&str; 6] = ["found", "negative", "failed", "silent", "refused", "reset"];

/// What ts1 does 10 ms after it is asked and ts2 20 ms after the question came (10 ms after it is asked by failover).
fn verdict(config: LsConfig, first: &str, second: &str) -> String {
    let mut ls = Solo::new(topology(config), LS);
    for (node, kind) in [(TS1, first), (TS2, second)] {
        if kind != "refused" {
            ls.connect(node);
        }
    }
    let client = ls.client();
    ls.ask(client, "a");
    ls.at(10);
    act(&mut ls, TS1, first, "1.1.1.1");
    let late = first == "silent"
        && matches!(
            ls.topology.node(LS).kind,
            faultlab::topology::Kind::Ls(LsConfig { policy: Policy::Failover, .. })
        );
    ls.at(if late { 1010 } else { 20 });
    act(&mut ls, TS2, second, "2.2.2.2");
    ls.at(20_000);
    let mut verdicts = Vec::new();
    let mut heard = std::collections::BTreeMap::new();
    for effect in &ls.done {
        match effect {
            Effect::Note(Note::Decided { outcome, from, said, .. }) => {
                let from =
                    from.map_or(String::new(), |from| format!(" {}", ls.topology.names.of(from)));
                assert!(said.is_some());
                verdicts.push(format!("{outcome}{from}"));
            }
            Effect::Note(Note::Heard { upstream, .. } | Note::Late { upstream, .. }) => {
                *heard.entry(*upstream).or_insert(0) += 1;
            }
            _ => {}
        }
    }
    assert_eq!(verdicts.len(), 1, "{first} {second}: {verdicts:?}");
    assert!(heard.values().all(|count| *count == 1), "{first} {second}: {heard:?}");
    let answers = ls.only(&["send client "]);
    assert_eq!(answers.len(), 1, "{first} {second}: {answers:?}");
    verdicts.remove(0)
}

fn act(ls: &mut Solo, node: faultlab::base::NodeId, kind: &str, address: &str) {
    match kind {
        "found" => ls.from(node, found("a", address)),
        "negative" => ls.from(node, says("a", Said::Negative)),
        "failed" => ls.from(node, says("a", Said::Failed("full".into()))),
        "refused" => ls.refuse(node),
        "reset" => ls.end(ls.conn(node), Ending::Reset),
        _ => {}
    }
}

fn check(config: &LsConfig, table: &[[&str; 6]; 6]) {
    for (row, first) in KINDS.iter().enumerate() {
        for (column, second) in KINDS.iter().enumerate() {
            let got = verdict(config.clone(), first, second);
            assert_eq!(got, table[row][column], "{:?}: {first}, {second}", config.policy);
        }
    }
}

const A1: &str = "answered ts1";
const A2: &str = "answered ts2";
const N1: &str = "negative ts1";
const N2: &str = "negative ts2";
const NO: &str = "negative";
const F: &str = "failed";
const S: &str = "silent";

/// Where the first final answer decides, it makes no difference whether the second is asked at once or afterwards.
const FIRST_FINAL: [[&str; 6]; 6] = [
    [A1, A1, A1, A1, A1, A1],
    [N1, N1, N1, N1, N1, N1],
    [A2, N2, F, F, F, F],
    [A2, N2, F, S, F, F],
    [A2, N2, F, F, F, F],
    [A2, N2, F, F, F, F],
];

#[test]
fn a_race_for_the_first_address() {
    check(
        &ls_config(Policy::Race),
        &[
            [A1, A1, A1, A1, A1, A1],
            [A2, NO, F, F, F, F],
            [A2, F, F, F, F, F],
            [A2, F, F, S, F, F],
            [A2, F, F, F, F, F],
            [A2, F, F, F, F, F],
        ],
    );
}

#[test]
fn a_race_for_the_first_final_answer() {
    let config = LsConfig { accept: Accept::FirstFinal, ..ls_config(Policy::Race) };
    check(&config, &FIRST_FINAL);
}

#[test]
fn one_after_the_other() {
    check(&ls_config(Policy::Failover), &FIRST_FINAL);
}
