//! What hosts, kernels and links of a simulated lab do, seen by two small machines of the tests'
//! own: an asker that does what it is told, and a server that answers everything.

use super::*;
use crate::base::{ConnId, Names, Owner, Run, TimerId};
use crate::engine::Act;
use crate::event::Event;
use crate::machine::{Effect, Effects, Told};
use crate::message::{Faults, Flaws, HostName, Message, Note, RecordType, Said};
use crate::topology::{ClientConfig, Dialect, Kind, Listen, Node, Pace, Retry, Topology, TsConfig};
use std::collections::BTreeMap;
use std::time::Duration;

const ASKER: NodeId = NodeId(0);
const SERVER: NodeId = NodeId(1);

fn topology(latency: u64) -> Topology {
    let asker = ClientConfig {
        asks: vec![SERVER],
        list: Arc::from([]),
        pace: Pace::Serial,
        timeout: Duration::from_secs(5),
        retry: Retry::default(),
        rate: 0.0,
        reconnect: Duration::from_secs(1),
        ids: false,
        flaws: Flaws::NONE,
    };
    let kinds = [Kind::Client(asker), Kind::Ts(TsConfig::default())];
    let node = |(id, kind)| Node {
        id: NodeId(id),
        group: None,
        starts: true,
        at: None,
        listen: Listen::default(),
        kind,
    };
    Topology {
        name: "pair".into(),
        title: String::new(),
        lesson: String::new(),
        seed: 1,
        run: Run::FIRST,
        dialect: Dialect::First2021,
        auto_pace: false,
        nodes: (0..).zip(kinds).map(node).collect(),
        names: Names::new(["asker", "server"]),
        groups: BTreeMap::new(),
        default_link: Faults { latency: Duration::from_millis(latency), ..Faults::default() },
        links: BTreeMap::new(),
        wires: crate::topology::Wires::default(),
        steps: Vec::new(),
    }
}

/// Connects when told to begin its list, asks when told to ask, closes when told to stop.
#[derive(Default)]
struct Asker {
    conn: ConnId,
}

impl Machine for Asker {
    fn step(&mut self, _: LabTime, input: Input, out: &mut Effects) {
        match input {
            Input::Told(Told::Batch) => self.conn = out.open(SERVER, true),
            Input::Told(Told::Ask { name: Some(name), .. }) => {
                out.send(self.conn, Message::Ask { name, id: None, dns: None }, None);
            }
            Input::Told(Told::Stop) => out.push(Effect::Exit),
            Input::Ended { conn, .. } => out.push(Effect::Close(conn)),
            _ => {}
        }
    }
}

/// Answers everything, ticks every second, and panics when asked for `panic`.
struct Server;

impl Machine for Server {
    fn step(&mut self, _: LabTime, input: Input, out: &mut Effects) {
        match input {
            Input::Boot(_) | Input::Fired(TimerId(1)) => {
                out.push(Effect::Arm(TimerId(1), Duration::from_secs(1)));
                if matches!(input, Input::Boot(_)) {
                    out.push(Effect::Arm(TimerId(2), Duration::from_millis(1500)));
                }
            }
            Input::Received { conn, message, .. } => {
                let name = message.name().cloned();
                assert_ne!(name.as_ref().map(HostName::as_str), Some("panic"), "as it was asked");
                let said = Said::Found { address: "192.0.2.1".into(), flags: "A".into() };
                out.note(Note::Unmatched { upstream: ASKER, name: name.clone() });
                out.send(conn, Message::Reply { name, id: None, said, dns: None }, None);
            }
            Input::Ended { conn, .. } => out.push(Effect::Close(conn)),
            _ => {}
        }
    }
}

fn pair(latency: u64) -> Sim {
    let maker: Maker = Box::new(|_, node, _| match node {
        ASKER => Box::new(Asker::default()),
        _ => Box::new(Server),
    });
    Sim::with_machines(&topology(latency), 7, maker)
}

fn connect(sim: &mut Sim) {
    sim.act(Act::Tell(ASKER, Told::Batch), Cause::Boot);
}

fn ask(sim: &mut Sim, name: &str) {
    let told = Told::Ask { name: Some(HostName::new(name)), kind: RecordType::A, times: 1 };
    sim.act(Act::Tell(ASKER, told), Cause::Boot);
}

fn faults(sim: &mut Sim, from: NodeId, to: NodeId, change: impl Fn(&mut Faults)) {
    let mut faults = sim.topology().link(from, to);
    change(&mut faults);
    let (from, to) = (Peer::Node(from), Peer::Node(to));
    sim.act(Act::SetFaults { from, to, faults }, Cause::Boot);
}

fn until(sim: &mut Sim, millis: u64) {
    sim.run_until(LabTime::from_millis(millis));
}

fn events(sim: &Sim) -> Vec<Event> {
    sim.log().read(0, usize::MAX).events().cloned().collect()
}

/// What happened at a node, each as `millisecond word`, without timers.
fn story(sim: &Sim, node: NodeId) -> Vec<String> {
    let mut out = Vec::new();
    for event in events(sim) {
        if !matches!(event.id.owner, Owner::Node(of, _) if of == node) {
            continue;
        }
        let word = match &event.fact {
            Fact::ConnOpened { .. } => "opened".into(),
            Fact::ConnRefused { .. } => "refused".into(),
            Fact::ConnEnded { ending: Ending::Reset, .. } => "reset".into(),
            Fact::ConnEnded { .. } => "end of file".into(),
            Fact::ConnClosed { .. } => "closed".into(),
            Fact::MessageSent { message, .. } => format!("sent {}", message.name().unwrap()),
            Fact::MessageReceived { message, .. } => format!("got {}", message.name().unwrap()),
            Fact::TimerFired { timer } if node == SERVER => format!("timer {timer}"),
            _ => continue,
        };
        out.push(format!("{} {word}", event.time.0 / 1_000_000));
    }
    out
}

fn lost(sim: &Sim) -> Vec<Fate> {
    let fate = |event: &Event| match event.fact {
        Fact::FrameLost { fate, .. } => Some(fate),
        _ => None,
    };
    events(sim).iter().filter_map(fate).collect()
}

#[test]
fn a_question_travels_there_and_back_after_a_handshake_of_three_frames() {
    let mut sim = pair(10);
    connect(&mut sim);
    until(&mut sim, 40);
    ask(&mut sim, "a");
    until(&mut sim, 100);
    assert_eq!(story(&sim, ASKER), ["20 opened", "40 sent a", "60 got a"]);
    assert_eq!(story(&sim, SERVER), ["30 opened", "50 got a", "50 sent a"]);
    let all = events(&sim);
    let sent = all.iter().find(|event| matches!(event.fact, Fact::MessageSent { .. })).unwrap();
    let got = all.iter().find(|event| matches!(event.fact, Fact::MessageReceived { .. })).unwrap();
    assert_eq!(got.cause, Cause::Event(sent.id));
}

#[test]
fn a_killed_node_resets_its_connections_behind_what_is_in_flight_and_refuses_new_ones() {
    let mut sim = pair(10);
    connect(&mut sim);
    until(&mut sim, 40);
    ask(&mut sim, "a");
    until(&mut sim, 45);
    ask(&mut sim, "b");
    until(&mut sim, 52);
    // The answer to a has left, b has not arrived.
    sim.act(Act::Kill(SERVER), Cause::Boot);
    until(&mut sim, 70);
    connect(&mut sim);
    until(&mut sim, 200);
    assert_eq!(story(&sim, ASKER)[3..], ["60 got a", "62 reset", "90 refused"].map(String::from));
    assert_eq!(lost(&sim), [Fate::PeerDead], "b reached nobody");
    assert_eq!(sim.life(SERVER), Life::Killed);
}

#[test]
fn a_host_without_power_is_silent_and_resets_old_connections_at_the_next_write_after_revival() {
    let mut sim = pair(10);
    connect(&mut sim);
    until(&mut sim, 40);
    sim.act(Act::PowerOff(SERVER), Cause::Boot);
    ask(&mut sim, "a");
    until(&mut sim, 3000);
    assert_eq!(story(&sim, ASKER), ["20 opened", "40 sent a"]);
    assert_eq!(lost(&sim), [Fate::HostOff]);
    sim.act(Act::Boot(SERVER), Cause::Boot);
    until(&mut sim, 4000);
    assert_eq!(story(&sim, ASKER).len(), 2, "nothing tells it before it writes");
    ask(&mut sim, "b");
    until(&mut sim, 5000);
    assert_eq!(story(&sim, ASKER)[2..], ["4000 sent b", "4020 reset"].map(String::from));
}

#[test]
fn a_connect_to_a_host_without_power_hangs() {
    let mut sim = pair(10);
    sim.act(Act::PowerOff(SERVER), Cause::Boot);
    connect(&mut sim);
    until(&mut sim, 60_000);
    assert_eq!(story(&sim, ASKER), Vec::<String>::new());
}

#[test]
fn a_frozen_process_serves_its_backlog_in_order_before_each_overdue_timer_fires_once() {
    let mut sim = pair(10);
    until(&mut sim, 100);
    sim.act(Act::Freeze(SERVER), Cause::Boot);
    connect(&mut sim);
    until(&mut sim, 200);
    ask(&mut sim, "a");
    ask(&mut sim, "b");
    until(&mut sim, 5000);
    assert_eq!(story(&sim, SERVER), Vec::<String>::new());
    assert_eq!(story(&sim, ASKER), ["120 opened", "200 sent a", "200 sent b"]);
    sim.act(Act::Thaw(SERVER), Cause::Boot);
    until(&mut sim, 5100);
    assert_eq!(
        story(&sim, SERVER),
        [
            "5000 opened",
            "5000 got a",
            "5000 sent a",
            "5000 got b",
            "5000 sent b",
            "5000 timer 1",
            "5000 timer 2"
        ]
    );
}

#[test]
fn a_process_killed_while_it_stands_still_never_serves_its_backlog() {
    let mut sim = pair(10);
    connect(&mut sim);
    until(&mut sim, 50);
    sim.act(Act::Freeze(SERVER), Cause::Boot);
    ask(&mut sim, "a");
    until(&mut sim, 100);
    sim.act(Act::Kill(SERVER), Cause::Boot);
    until(&mut sim, 200);
    assert_eq!(story(&sim, ASKER)[2..], ["110 reset"].map(String::from));
    assert_eq!(lost(&sim), [Fate::PeerDead]);
}

#[test]
fn a_connect_needs_both_directions() {
    for (from, to) in [(ASKER, SERVER), (SERVER, ASKER)] {
        let mut sim = pair(10);
        faults(&mut sim, from, to, |faults| faults.cut = true);
        connect(&mut sim);
        until(&mut sim, 1000);
        assert_eq!(story(&sim, ASKER), Vec::<String>::new());
        faults(&mut sim, from, to, |faults| faults.cut = false);
        until(&mut sim, 1020);
        assert_eq!(story(&sim, ASKER).len(), 1);
    }
}

#[test]
fn a_cut_stalls_what_is_sent_and_one_way_stalls_the_other_way_not() {
    let mut sim = pair(10);
    connect(&mut sim);
    until(&mut sim, 50);
    faults(&mut sim, SERVER, ASKER, |faults| faults.cut = true);
    ask(&mut sim, "a");
    until(&mut sim, 900);
    assert_eq!(story(&sim, SERVER)[1..], ["60 got a", "60 sent a"].map(String::from));
    assert_eq!(story(&sim, ASKER).len(), 2);
    faults(&mut sim, SERVER, ASKER, |faults| faults.cut = false);
    until(&mut sim, 2000);
    assert_eq!(story(&sim, ASKER)[2..], ["910 got a"].map(String::from));
}

#[test]
fn a_frame_whose_transmissions_were_lost_is_told_right_behind_its_message() {
    let mut sim = pair(10);
    connect(&mut sim);
    until(&mut sim, 50);
    for (from, to) in [(ASKER, SERVER), (SERVER, ASKER)] {
        faults(&mut sim, from, to, |faults| faults.loss = 0.5);
    }
    for _ in 0..20 {
        ask(&mut sim, "a");
        let now = sim.now().0 / 1_000_000;
        until(&mut sim, now + 60_000);
    }
    let events = events(&sim);
    let (mut in_time, mut told) = (0, 0);
    for (at, event) in events.iter().enumerate() {
        let Fact::MessageSent { to: whom, frame: sent, due, .. } = event.fact else { continue };
        let way = due.since(event.time);
        let next = &events[at + 1];
        let Fact::FrameLate { from, to, frame, retransmissions, late } = next.fact else {
            in_time += 1;
            assert_eq!(way, Duration::from_millis(10));
            continue;
        };
        told += 1;
        assert_eq!((to, frame, next.cause), (whom, sent, Cause::Event(event.id)));
        assert!(matches!(event.id.owner, Owner::Node(by, _) if from == Peer::Node(by)));
        let expected = Duration::from_millis(200) * ((1 << retransmissions) - 1);
        assert_eq!((late, way), (expected, expected + Duration::from_millis(10)));
    }
    assert!(in_time > 5 && told > 5, "{in_time} in time, {told} late");
    let all = events.iter().filter(|event| matches!(event.fact, Fact::FrameLate { .. }));
    assert_eq!(all.count(), told);
}

#[test]
fn a_panic_is_the_crash_of_one_process_and_nobody_else_stops() {
    let mut sim = pair(10);
    connect(&mut sim);
    until(&mut sim, 40);
    ask(&mut sim, "panic");
    until(&mut sim, 100);
    assert_eq!(sim.life(SERVER), Life::Crashed);
    assert_eq!(story(&sim, ASKER)[2..], ["60 reset"].map(String::from));
    assert!(events(&sim).iter().any(|event| matches!(
        &event.fact,
        Fact::NodeCrashed { why, .. } if why.contains("as it was asked")
    )));
    sim.act(Act::Boot(SERVER), Cause::Boot);
    connect(&mut sim);
    until(&mut sim, 200);
    ask(&mut sim, "a");
    until(&mut sim, 300);
    assert_eq!(story(&sim, ASKER).last().unwrap(), "220 got a");
}

#[test]
fn a_node_that_stops_closes_behind_what_it_sent() {
    let mut sim = pair(10);
    connect(&mut sim);
    until(&mut sim, 40);
    ask(&mut sim, "a");
    sim.act(Act::Tell(ASKER, Told::Stop), Cause::Boot);
    until(&mut sim, 100);
    assert_eq!(sim.life(ASKER), Life::Stopped);
    assert_eq!(
        story(&sim, SERVER)[1..],
        ["50 got a", "50 sent a", "50 end of file", "50 closed"].map(String::from)
    );
    assert_eq!(lost(&sim), [Fate::PeerDead], "the answer found nobody");
}

#[test]
fn held_messages_wait_for_a_hand_and_a_dropped_one_never_arrives() {
    let mut sim = pair(10);
    connect(&mut sim);
    until(&mut sim, 40);
    faults(&mut sim, ASKER, SERVER, |faults| faults.hold = true);
    ask(&mut sim, "a");
    ask(&mut sim, "b");
    until(&mut sim, 1000);
    let frame = events(&sim)
        .iter()
        .find_map(|event| match event.fact {
            Fact::MessageSent { frame, due, .. } => Some((frame, due)),
            _ => None,
        })
        .unwrap();
    assert_eq!(frame.1, LabTime::NEVER);
    let (from, to) = (Peer::Node(ASKER), Peer::Node(SERVER));
    let cause = Cause::Event(events(&sim)[0].id);
    sim.act(Act::DropFrame { from, to, frame: frame.0 }, cause);
    sim.act(Act::Release { from, to, frame: None }, cause);
    until(&mut sim, 1100);
    assert_eq!(story(&sim, SERVER).last().unwrap(), "1010 sent b");
    assert_eq!(lost(&sim), [Fate::Dropped]);
}

#[test]
fn chunks_cut_anywhere_make_the_same_messages() {
    let run = |chopped| {
        let mut sim = pair(10);
        sim.chop(chopped);
        connect(&mut sim);
        for at in 0..200 {
            until(&mut sim, 40 + at);
            ask(&mut sim, &format!("www.name-{at}.org"));
        }
        until(&mut sim, 900);
        serde_json::to_string(&events(&sim)).unwrap()
    };
    assert_eq!(run(true), run(false));
}

#[test]
fn a_stream_that_finds_no_room_is_reset_rather_than_read_with_a_hole() {
    let mut sim = pair(10);
    connect(&mut sim);
    until(&mut sim, 40);
    faults(&mut sim, ASKER, SERVER, |faults| faults.cut = true);
    for _ in 0..=crate::link::FRAMES_MAX {
        ask(&mut sim, "a");
    }
    until(&mut sim, 900);
    assert_eq!(story(&sim, ASKER).last().unwrap(), "40 reset");
    assert_eq!(lost(&sim), [Fate::Overflow]);
}

#[test]
fn what_arrives_comes_before_a_timer_of_the_same_moment() {
    let mut sim = pair(10);
    connect(&mut sim);
    until(&mut sim, 990);
    ask(&mut sim, "a");
    until(&mut sim, 1000);
    assert_eq!(
        story(&sim, SERVER)[1..],
        ["1000 got a", "1000 sent a", "1000 timer 1"].map(String::from)
    );
}

#[test]
fn the_clocks_rate_and_pauses_change_nothing_on_virtual_time() {
    let run = |clock: &[(u64, Command)]| {
        let mut sim = pair(10);
        connect(&mut sim);
        until(&mut sim, 40);
        for at in 0..50 {
            for (_, command) in clock.iter().filter(|(when, _)| *when == at) {
                sim.give(command.clone()).expect("the clock obeys");
            }
            ask(&mut sim, "a");
            until(&mut sim, 40 + at * 7);
        }
        until(&mut sim, 9000);
        (story(&sim, ASKER), story(&sim, SERVER))
    };
    let clock = [
        (3, Command::Speed(0.1)),
        (9, Command::Pause),
        (11, Command::Resume),
        (20, Command::Speed(1.0)),
    ];
    let plain = run(&[]);
    assert_eq!(plain.0.len(), 101, "everything is answered");
    assert_eq!(run(&clock), plain);
}

#[test]
fn a_delay_in_one_direction_delays_that_direction_alone() {
    let mut sim = pair(10);
    connect(&mut sim);
    until(&mut sim, 40);
    faults(&mut sim, ASKER, SERVER, |faults| faults.extra = Duration::from_millis(200));
    ask(&mut sim, "a");
    until(&mut sim, 900);
    assert_eq!(story(&sim, SERVER)[1..], ["250 got a", "250 sent a"].map(String::from));
    assert_eq!(story(&sim, ASKER)[2..], ["260 got a"].map(String::from));
}
