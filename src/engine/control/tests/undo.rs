//! Undo and redo are exact, whatever was done.

use super::bench::Bench;
use crate::base::Owner;
use crate::engine::control::tests::bench::LS;
use crate::event::Fact;
use proptest::prelude::*;

fn line() -> impl Strategy<Value = String> {
    let nodes = prop::sample::select(vec!["client", "ls", "ts1", "ts2", "spare", "outside"]);
    let links = prop::sample::select(vec![
        "ls->ts1",
        "ls<->ts2",
        "ls",
        "ts1->",
        "->ts2",
        "client<->ls",
        "ls->visitor-1",
        "visitor-2<->ls",
        "visitors->ls",
        "outside",
    ]);
    let deed = prop::sample::select(vec![
        "kill",
        "crash",
        "power-off",
        "freeze",
        "thaw",
        "revive",
        "revive",
        "revive",
    ]);
    let fault = prop::sample::select(vec![
        "cut {}",
        "cut-only {}",
        "uncut {}",
        "heal {}",
        "hold {}",
        "release {}",
        "delay {} 50ms",
        "delay {} 0",
        "loss {} 10%",
        "jitter {} 5ms heavy-tail",
        "duplicate {} 10%",
        "reorder {} 10%",
        "bandwidth {} 64kbit",
        "bandwidth {} off",
    ]);
    let other = prop::sample::select(vec![
        "lie ts1 on",
        "lie ts2 off",
        "set ls policy sticky",
        "set ls policy race",
        "set ls fall off",
        "set ls fall 3",
        "set ls rise 2",
        "set ts1 on_miss negative",
        "load client 5/s",
        "load client off",
        "skew ts1 +5s",
        "skew ts1 -2s",
        "skew spare off",
        "drift ts1 1.5",
        "drift client 0.5",
        "drift ts1 off",
        "reset",
        "revive spare",
    ]);
    prop_oneof![
        6 => (deed, nodes).prop_map(|(verb, node)| format!("{verb} {node}")),
        6 => (fault, links).prop_map(|(form, links)| form.replace("{}", links)),
        4 => other.prop_map(str::to_owned),
        5 => Just("undo".to_owned()),
        3 => Just("redo".to_owned()),
    ]
}

/// After any sequence, the host is in the state that a stack of states says: `undo` goes back exactly one change,
/// `redo` forward, and something new forgets what was undone.
pub(super) fn is_exact(bench: &mut Bench, lines: &[String]) -> Result<(), TestCaseError> {
    let mut states = vec![bench.snapshot()];
    let mut at = 0;
    for line in lines {
        bench.visit(1, LS);
        bench.visit(2, LS);
        let deeds = bench.control.done.len();
        let result = bench.give(line);
        // A setting of a dead process changes what will be, without an act.
        let changed = bench.control.done.len() > deeds;
        match (line.as_str(), result) {
            ("undo", Ok(_)) => at -= 1,
            ("undo", Err(_)) => prop_assert_eq!(at, 0),
            ("redo", Ok(_)) => at += 1,
            ("redo", Err(_)) => prop_assert_eq!(at, states.len() - 1),
            (_, _) if !changed => {}
            (_, _) => {
                at += 1;
                states.truncate(at);
                states.push(bench.snapshot());
            }
        }
        prop_assert_eq!(&bench.snapshot(), &states[at], "after {}", line);
    }
    while at > 0 {
        bench.must("undo");
        at -= 1;
        prop_assert_eq!(&bench.snapshot(), &states[at]);
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig {
        failure_persistence: None,
        cases: 24,
        ..Default::default()
    })]

    #[test]
    fn undo_and_redo_are_exact(lines in prop::collection::vec(line(), 1000)) {
        is_exact(&mut Bench::new(), &lines)?;
    }

    /// Whatever is done after a step began, `restore` leaves the fault state of its beginning, and `undo` goes on
    /// from there. Who had crashed is dead: that death cannot be had again without a process.
    #[test]
    fn restore_is_exact(
        before in prop::collection::vec(line(), 40),
        after in prop::collection::vec(line(), 80),
    ) {
        let state = |bench: &Bench| bench.snapshot().replace("Crashed", "Killed");
        let mut bench = Bench::new();
        for line in &before {
            let _ = bench.give(line);
        }
        bench.see(Owner::Lab, Fact::StepBegan { step: 1 });
        let (begun, deeds) = (state(&bench), bench.control.done.len());
        for _ in 0..2 {
            for line in &after {
                let _ = bench.give(line);
            }
            bench.must("restore");
            prop_assert_eq!(state(&bench), begun.clone());
            prop_assert_eq!(bench.control.done.len(), deeds);
        }
        while bench.give("undo").is_ok() {}
        bench.must("restore");
        prop_assert_eq!(state(&bench), begun);
    }
}
