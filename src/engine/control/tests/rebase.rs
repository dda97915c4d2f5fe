//! The file changes under a lab that runs.

use super::*;
use crate::topology::{Effect, OnMiss};

fn change(effect: Effect) -> Change {
    Change { words: "".into(), effect }
}

/// A change of the LS as the file has it.
fn of_ls(control: &Control, set: impl Fn(&mut crate::topology::LsConfig)) -> Change {
    let mut kind = control.file().node(LS).kind.clone();
    if let Kind::Ls(ls) = &mut kind {
        set(ls);
    }
    change(Effect::Node { node: LS, kind: Arc::new(kind), restarts: false })
}

fn link(latency_ms: u64) -> Change {
    let faults = Faults { latency: Duration::from_millis(latency_ms), ..Faults::default() };
    change(Effect::Links(vec![(LS, TS1, Some(faults))]))
}

#[test]
fn a_setting_is_told_to_its_process_and_to_nobody_else() {
    let mut control = Control::with(topology(), GRAMMAR);
    control.start();
    let change = of_ls(&control, |ls| ls.policy = Policy::Failover);
    let acts = control.rebase(&[change]);
    assert!(
        matches!(&acts[..], [Act::Tell(LS, Told::Set { key, value, .. })]
            if &**key == "policy" && &**value == "failover"),
        "{acts:?}"
    );
}

#[test]
fn what_a_hand_did_stays_and_what_the_file_changed_cannot_be_undone() {
    let mut control = Control::with(topology(), GRAMMAR);
    control.start();
    let give = |control: &mut Control, text: &str| {
        let command = grammar::command(text, &control.file().names.clone()).expect("a command");
        control.apply(LabTime::ZERO, &command).expect("it can be done")
    };
    give(&mut control, "set ls policy sticky");
    give(&mut control, "delay ls->ts1 200ms");
    give(&mut control, "kill ts2");
    let health = crate::topology::Health {
        fall: 7,
        rise: 1,
        eject_for: Duration::from_secs(1),
        ..crate::topology::Health::USUAL
    };
    let of_ls = of_ls(&control, |ls| {
        (ls.policy, ls.health) = (Policy::Failover, Some(health));
    });
    let acts = control.rebase(&[of_ls, link(90)]);
    let told = |key: &str| {
        acts.iter().any(|act| matches!(act, Act::Tell(LS, Told::Set { key: k, .. }) if &**k == key))
    };
    assert!(told("fall") && !told("policy"), "the hand's policy stays: {acts:?}");
    let faults = control.faults(Peer::Node(LS), Peer::Node(TS1));
    assert_eq!((faults.latency.as_millis(), faults.extra.as_millis()), (90, 200));
    assert_eq!(control.undoable(), Some("kill ts2"));
    control.apply(LabTime::ZERO, &Command::Undo).expect("the kill can be undone");
    assert_eq!(control.undoable(), None);
    give(&mut control, "heal ls->ts1");
    assert_eq!(control.faults(Peer::Node(LS), Peer::Node(TS1)).latency.as_millis(), 90);
}

#[test]
fn a_process_that_must_start_again_does_and_a_dead_one_stays_dead() {
    let table = |control: &Control, node: NodeId| {
        let mut kind = control.file().node(node).kind.clone();
        if let Kind::Ts(ts) = &mut kind {
            ts.on_miss = OnMiss::Negative;
        }
        change(Effect::Node { node, kind: Arc::new(kind), restarts: true })
    };
    let mut control = Control::with(topology(), GRAMMAR);
    control.start();
    control.apply(LabTime::ZERO, &Command::Kill(TS2)).expect("it lives");
    let changes = [table(&control, TS1), table(&control, TS2)];
    assert_eq!(control.rebase(&changes), [Act::Kill(TS1), Act::Boot(TS1)]);
    assert_eq!((control.life(TS1), control.life(TS2)), (Life::Up, Life::Killed));
    control.apply(LabTime::ZERO, &Command::Freeze(TS1)).expect("it lives");
    assert_eq!(control.rebase(&changes), [Act::Kill(TS1), Act::Boot(TS1), Act::Freeze(TS1)]);
    assert_eq!(control.life(TS1), Life::Frozen);
}
