//! Rules of the control plane.

mod bench;
mod clock;
mod rebase;
mod store;
mod undo;

use super::*;
use crate::base::{ConnId, Incarnation, VisitorId};
use crate::command::LinkSet;
use crate::message::{Jitter, Shape};
use crate::topology::{Kind, Policy};
use bench::{Bench, CLIENT, GRAMMAR, LS, OUTSIDE, SPARE, TS1, TS2, topology, usual};
use std::time::Duration;

#[test]
fn the_lab_starts_with_its_servers_and_the_links_of_the_file() {
    let mut control = Control::with(topology(), GRAMMAR);
    let acts = control.start();
    let boots: Vec<NodeId> = acts
        .iter()
        .filter_map(|act| if let Act::Boot(node) = act { Some(*node) } else { None })
        .collect();
    assert_eq!(boots, [TS1, TS2, LS, CLIENT]);
    let clock = ClockState { rate: 1.0, paused: false, auto: true };
    assert!(acts.contains(&Act::Clock(clock)));
    let (from, to) = (Peer::Node(LS), Peer::Node(TS1));
    assert!(acts.contains(&Act::SetFaults { from, to, faults: usual() }));
}

#[test]
fn what_makes_no_sense_is_refused_with_a_sentence() {
    let mut bench = Bench::new();
    bench.must("kill ts1");
    bench.must("freeze ls");
    let cases = [
        ("kill ts1", "ts1 is already dead: `revive ts1` brings it back"),
        ("crash ts1", "ts1 is already dead: `revive ts1` brings it back"),
        ("freeze ts1", "ts1 is dead: `revive ts1` brings it back"),
        ("thaw ts1", "ts1 is dead: `revive ts1` brings it back"),
        ("lie ts1 on", "ts1 is dead: `revive ts1` brings it back"),
        ("stop ls", "ls is frozen and hears nothing: `thaw ls` first"),
        ("crash ls", "ls is frozen and does nothing, not even crash: `kill ls` or `thaw ls` first"),
        ("kill spare", "spare is off: `revive spare` starts it"),
        ("query ls", "ls is no client: try `client`"),
        ("batch ts2", "ts2 is no client: try `client`"),
        (
            "get client k",
            "client asks for names and knows no store: no client of this topology asks replicas",
        ),
        ("wipe ts1", "ts1 is a TS and has no disk: only replicas keep anything"),
        ("lie ls on", "ls is an LS: only a TS and a replica have something to lie about"),
        (
            "kill outside",
            "outside runs outside this lab, at 127.0.0.1:5300: nothing here can touch it; \
             cut its links with `cut outside`",
        ),
        ("set ls nonsense 1", "`nonsense` cannot be set"),
        ("set ts1 policy race", "`policy` is no setting of ts1"),
        ("undo", ""),
        ("tick", "the world runs: `pause` first, then `tick` goes on by one"),
        ("drop ls 3", "frames are counted by direction: name one, such as `ts1->ls`"),
        ("cut visitor-1->ls", "visitor-1 is not here: `visitors<->ls` means all of them"),
        ("cut visitors->client", "no visitor comes to client: it takes no questions here"),
        ("redo", "there is nothing to redo"),
    ];
    for (line, why) in cases.into_iter().filter(|(line, _)| *line != "undo") {
        assert_eq!(bench.refused(line), why, "{line}");
    }
    bench.must("undo");
    bench.must("undo");
    assert_eq!(bench.refused("undo"), "there is nothing to undo");
    assert_eq!(bench.undone, ["freeze ls", "kill ts1"]);
}

#[test]
fn what_is_already_so_is_left_alone() {
    let mut bench = Bench::new();
    for line in ["revive ts1", "thaw ls", "heal ls", "resume", "lie ts1 off", "reset", "pace auto"]
    {
        assert_eq!(bench.give(line), Ok(0), "{line}");
    }
    bench.must("cut ls<->ts1");
    assert_eq!(bench.give("cut ls->ts1"), Ok(0));
    bench.must("freeze ls");
    assert_eq!(bench.give("freeze ls"), Ok(0));
    bench.must("undo");
    assert_eq!(bench.undone, ["freeze ls"]);
}

#[test]
fn faults_compose_and_heal_goes_back_to_the_file() {
    let mut bench = Bench::new();
    for line in ["delay ls->ts1 200ms", "loss ls->ts1 30%", "cut ls<->ts1", "jitter ls->ts1 5ms"] {
        bench.must(line);
    }
    let expected = Faults {
        extra: Duration::from_millis(200),
        loss: 0.3,
        cut: true,
        jitter: Jitter { mean: Duration::from_millis(5), shape: Shape::Uniform },
        ..usual()
    };
    assert_eq!(bench.faults(LS, TS1), expected);
    assert_eq!(bench.faults(TS1, LS), Faults { cut: true, ..usual() });
    bench.must("heal ls->ts1");
    assert_eq!(bench.faults(LS, TS1), usual());
    assert!(bench.faults(TS1, LS).cut);
    bench.must("cut ls");
    for (from, to) in [(CLIENT, LS), (LS, CLIENT), (LS, TS2), (TS2, LS), (OUTSIDE, LS)] {
        assert!(bench.faults(from, to).cut, "{from}->{to}");
    }
    bench.must("reset");
    assert!(bench.links.iter().all(|((from, to), faults)| match (from, to) {
        (Peer::Node(from), Peer::Node(to)) => *faults == bench.file.link(*from, *to),
        _ => faults.is_perfect(),
    }));
}

#[test]
fn a_cut_is_taken_back_alone() {
    let mut bench = Bench::new();
    for line in ["delay ls->ts1 200ms", "loss ls<->ts1 30%", "hold ls->ts1", "cut ls<->ts1"] {
        bench.must(line);
    }
    let before = bench.snapshot();
    bench.must("uncut ls->ts1");
    let extra = Duration::from_millis(200);
    assert_eq!(
        bench.faults(LS, TS1),
        Faults { extra, loss: 0.3, hold: true, cut: false, ..usual() }
    );
    assert_eq!(bench.faults(TS1, LS), Faults { loss: 0.3, cut: true, ..usual() });
    assert_eq!(bench.give("uncut ls->ts1"), Ok(0), "what is not cut is left alone");
    bench.must("undo");
    assert_eq!(bench.snapshot(), before);
    assert_eq!(bench.undone, ["uncut ls->ts1"]);
    bench.visit(1, LS);
    let deeds = bench.control.done.len();
    assert_eq!(bench.give("uncut ls->visitor-1"), Ok(0));
    assert_eq!(bench.control.done.len(), deeds, "nobody is singled out by it");
}

#[test]
fn a_one_way_cut_changes_sides_in_one_change() {
    let mut bench = Bench::new();
    bench.visit(1, LS);
    bench.must("delay ls<->ts1 50ms");
    bench.must("delay ls->visitor-1 50ms");
    bench.must("cut ls->");
    let (all, one) = (Peer::Visitor(VisitorId::ANY), Peer::Visitor(VisitorId(1)));
    let (here, ts1) = (Peer::Node(LS), Peer::Node(TS1));
    let before = bench.snapshot();
    bench.must("cut-only ->ls");
    for peer in [ts1, Peer::Node(CLIENT), all] {
        assert!(bench.links[&(peer, here)].cut && !bench.links[&(here, peer)].cut, "{peer:?}");
    }
    // A visitor that was singled out one way only is like the others the other way.
    assert!(!bench.links[&(here, one)].cut && !bench.links.contains_key(&(one, here)));
    assert_eq!(bench.faults(LS, TS1).extra, Duration::from_millis(50));
    bench.must("undo");
    assert_eq!(bench.snapshot(), before, "one undo takes both halves back");
    bench.must("cut-only ls<->ts1");
    assert!(bench.faults(LS, TS1).cut && bench.faults(TS1, LS).cut, "both are named");
    bench.must("cut-only ts1->ls");
    assert!(!bench.faults(LS, TS1).cut && bench.faults(TS1, LS).cut);
    assert!(bench.faults(LS, TS2).cut, "other links stay as they are");
}

#[test]
fn a_cut_of_the_file_is_taken_back_and_healed_into_place() {
    let mut bench = Bench::new();
    let mut file = (*topology()).clone();
    file.links.insert((LS, TS2), Faults { cut: true, ..Faults::default() });
    bench.control = Control::with(Arc::new(file), GRAMMAR);
    let (from, to) = (Peer::Node(LS), Peer::Node(TS2));
    bench.control.start();
    let uncut = Command::Uncut(LinkSet::One(from, to));
    let acts = bench.control.apply(LabTime::ZERO, &uncut).expect("there is a link");
    assert_eq!(acts, [Act::SetFaults { from, to, faults: Faults::default() }]);
    let heal = Command::Heal(LinkSet::One(from, to));
    bench.control.apply(LabTime::ZERO, &heal).expect("there is a link");
    assert!(bench.control.faults(from, to).cut);
}

#[test]
fn visitors_share_what_is_done_to_all_of_them() {
    let mut bench = Bench::new();
    bench.visit(1, LS);
    bench.visit(2, LS);
    let all = (Peer::Node(LS), Peer::Visitor(VisitorId::ANY));
    let one = (Peer::Node(LS), Peer::Visitor(VisitorId(1)));
    bench.must("delay ls->visitor-1 50ms");
    bench.must("cut ls->");
    assert!(bench.links[&all].cut && bench.links[&one].cut);
    assert_eq!(bench.links[&one].extra, Duration::from_millis(50));
    bench.must("heal ls->visitor-1");
    assert!(bench.links[&one].is_perfect() && bench.links[&all].cut);
    bench.must("undo");
    assert!(bench.links[&one].cut && bench.links[&one].extra > Duration::ZERO);
    bench.must("undo");
    assert!(!bench.links[&one].cut && bench.links[&all].is_perfect());
    bench.must("redo");
    assert!(bench.links[&one].cut && bench.links[&all].cut);
    let why = bench.refused("cut visitor-1->ts1");
    assert_eq!(why, "visitor-1 talks to ls, not to ts1");
    let reset = Fact::ConnEnded { conn: ConnId(1), peer: one.1, ending: Ending::Reset };
    bench.see(Owner::Node(LS, Incarnation(1)), reset);
    assert!(bench.refused("cut visitor-1->ls").contains("is not here"));
}

#[test]
fn what_is_held_goes_on_when_the_hold_ends_by_whatever_hand() {
    for end in ["release ls->ts1", "heal ls", "undo", "reset"] {
        let mut bench = Bench::new();
        bench.must("hold ls->ts1");
        let command = grammar::command(end, &bench.file.names).expect(end);
        let acts = bench.control.apply(LabTime::ZERO, &command).expect(end);
        let (from, to) = (Peer::Node(LS), Peer::Node(TS1));
        assert!(acts.contains(&Act::Release { from, to, frame: None }), "{end}");
    }
}

#[test]
fn settings_outlive_a_process_and_a_frozen_one_hears_of_them_when_it_thaws() {
    let mut bench = Bench::new();
    let policy = |bench: &Bench| match &bench.kinds[&LS] {
        Kind::Ls(ls) => (ls.policy, ls.health.map(|health| health.rise)),
        _ => unreachable!("the LS is an LS"),
    };
    bench.must("set ls policy failover");
    bench.must("kill ls");
    bench.must("set ls rise 4");
    bench.must("revive ls");
    assert_eq!(policy(&bench), (Policy::Failover, Some(4)));
    bench.must("freeze ls");
    bench.must("set ls policy sticky");
    assert_eq!(policy(&bench).0, Policy::Failover);
    bench.must("thaw ls");
    assert_eq!(policy(&bench).0, Policy::Sticky);
    for _ in 0..7 {
        bench.must("undo");
    }
    assert_eq!(policy(&bench), (Policy::Race, None));
    bench.must("load client 5/s");
    bench.must("kill client");
    bench.must("undo");
    assert_eq!(bench.loads[&CLIENT], 5000);
}

#[test]
fn revive_ends_whatever_ails_a_node() {
    let mut bench = Bench::new();
    let lies = |bench: &Bench, node| matches!(&bench.kinds[&node], Kind::Ts(ts) if ts.lie);
    for ail in ["kill", "crash", "power-off", "freeze", "stop"] {
        bench.must(&format!("{ail} ts1"));
        bench.must("revive ts1");
        assert_eq!(bench.life[&TS1], Life::Up, "{ail}");
    }
    bench.must("lie ts1 on");
    assert!(lies(&bench, TS1) && lies(&bench, TS2));
    bench.must("revive ts1");
    bench.must("revive ts2");
    assert!(!lies(&bench, TS1) && !lies(&bench, TS2));
    // A reset is not honester than the file.
    bench.must("lie ts1 on");
    bench.must("kill ls");
    bench.must("reset");
    assert!(!lies(&bench, TS1) && lies(&bench, TS2));
    assert_eq!(bench.life[&LS], Life::Up);
    assert!(!bench.life.contains_key(&SPARE));
}

#[test]
fn deaths_by_themselves_count_but_not_those_of_an_earlier_life() {
    let mut bench = Bench::new();
    bench.see(Owner::Lab, Fact::NodeCrashed { node: LS, why: "index out of bounds".into() });
    assert_eq!(bench.control.life(LS), Life::Crashed);
    bench.life.insert(LS, Life::Crashed);
    // A boot was ordered and has not been seen: what ends now is the earlier life.
    let acts = bench.control.apply(LabTime::ZERO, &Command::Revive(LS)).expect("it is dead");
    bench.see(Owner::Lab, Fact::NodeCrashed { node: LS, why: "again".into() });
    assert_eq!(bench.control.life(LS), Life::Up);
    bench.carry_out(acts);
    bench.see(Owner::Lab, Fact::NodeStopped { node: LS });
    assert_eq!(bench.control.life(LS), Life::Stopped);
}

#[test]
fn a_hand_on_the_clock_takes_over_from_automatic_pace() {
    let mut bench = Bench::new();
    let clock = |bench: &Bench| {
        let clock = bench.control.clock();
        (clock.rate, clock.paused, clock.auto)
    };
    assert_eq!(clock(&bench), (1.0, false, true));
    bench.must("speed 0.25");
    assert_eq!(clock(&bench), (0.25, false, false));
    bench.must("pause");
    assert_eq!(bench.give("tick"), Ok(1));
    bench.must("pace auto");
    assert_eq!(clock(&bench), (1.0, true, true));
    let followed = ClockState { rate: 0.05, paused: true, auto: true };
    bench.see(Owner::Lab, Fact::ClockSet(followed));
    bench.must("resume");
    assert_eq!(clock(&bench), (0.05, false, true));
    bench.must("pace real");
    assert_eq!(clock(&bench), (1.0, false, false));
    assert!(bench.control.apply(LabTime::ZERO, &Command::Speed(f64::NAN)).is_err());
}
