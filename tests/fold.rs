//! What the picture says: event lists under `tests/fold/*.events`, and the worlds they make,
//! `*.world` beside them. `FAULTLAB_BLESS=1 cargo test --test fold` writes the worlds anew; read
//! the difference before you keep it.

#[path = "fold/lab.rs"]
mod lab;
#[path = "fold/render.rs"]
mod render;
#[path = "fold/traffic.rs"]
mod traffic;

use faultlab::base::{EventId, FrameId, Incarnation, LabTime, NodeId, Owner, Peer};
use faultlab::event::{Cause, Event, Fact};
use faultlab::log::Log;
use faultlab::message::Faults;
use faultlab::topology::Policy;
use faultlab::world::{History, RACES_MAX, World};
use lab::{Entry, continue_fold, fold, parse, topology};
use proptest::prelude::*;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

fn lists() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fold");
    let mut lists: Vec<PathBuf> = std::fs::read_dir(folder)
        .expect("the folder of this test")
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "events"))
        .collect();
    lists.sort();
    lists
}

/// The policy stands in the first line: `# policy: batch`.
fn policy(text: &str) -> Policy {
    text.lines()
        .next()
        .and_then(|line| line.strip_prefix("# policy: "))
        .and_then(Policy::from_word)
        .expect("a list begins with its policy")
}

#[test]
fn every_list_folds_to_its_world() {
    let lists = lists();
    assert!(lists.len() >= 9, "{lists:?}");
    let mut wrong = Vec::new();
    for path in lists {
        let text = std::fs::read_to_string(&path).expect("a list");
        let topology = topology(policy(&text));
        let entries = parse(&text, &topology.names);
        let is = render::world(&fold(&topology, &entries));
        // A clone in the middle changes nothing, wherever the middle is.
        for at in 0..=entries.len() {
            let mut world = fold(&topology, &entries[..at]).clone();
            continue_fold(&mut world, &entries[at..]);
            assert_eq!(render::world(&world), is, "{} cut at {at}", path.display());
        }
        let expected = path.with_extension("world");
        if std::env::var_os("FAULTLAB_BLESS").is_some() {
            std::fs::write(&expected, &is).expect("the world can be written");
        }
        let should = std::fs::read_to_string(&expected).unwrap_or_default();
        if is != should {
            wrong.push(format!("{}\n--- is\n{is}\n--- should\n{should}", path.display()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

#[test]
fn a_cut_of_the_file_that_a_hand_took_back_is_said_to_be_so() {
    let mut cut = (*topology(Policy::Race)).clone();
    let usual = Faults { latency: Duration::from_millis(40), cut: true, ..Faults::default() };
    cut.links = [((NodeId(2), NodeId(3)), usual), ((NodeId(3), NodeId(2)), usual)].into();
    let cut = Arc::new(cut);
    let after = |text: &str| -> Vec<String> {
        let world = fold(&cut, &parse(text, &cut.names));
        world.truth.faults.iter().map(ToString::to_string).collect()
    };
    assert!(after("0 lab faults ls ts1 cut").is_empty(), "the file says so");
    assert_eq!(after("0 lab faults ls ts1 usual"), ["uncut ls->ts1"]);
    let both = "0 lab faults ls ts1 usual\n1 lab faults ts1 ls usual";
    assert_eq!(after(both), ["uncut ls<->ts1"]);
    assert_eq!(after(&format!("{both}\n2 lab faults ls ts1 cut")), ["uncut ts1->ls"]);
}

#[test]
fn what_is_done_to_a_node_is_shown_once_and_not_again_for_its_visitors() {
    let topology = topology(Policy::Race);
    let shown = |text: &str| -> Vec<String> {
        let world = fold(&topology, &parse(text, &topology.names));
        world.faults_shown().map(ToString::to_string).collect()
    };
    let visitors = "1 lab faults ls visitor-1 60%\n2 lab faults visitor-1 ls 60%\n";
    let alone = shown(visitors);
    assert_eq!(alone.len(), 1, "{alone:?}");
    let link = "3 lab faults ls ts1 60%\n4 lab faults ts1 ls 60%\n";
    assert_eq!(shown(&format!("{visitors}{link}")), ["loss ls<->ts1 60%"]);
    // Another fault, and a link that has nothing to do with them, are others.
    assert_eq!(shown(&format!("{visitors}3 lab faults ls ts1 cut\n")).len(), 2);
    assert_eq!(shown(&format!("{visitors}3 lab faults ts2 ts1 60%\n")).len(), 2);
}

#[test]
fn lateness_is_counted_over_the_newest_twenty_frames() {
    let topology = topology(Policy::Race);
    let late_of = |text: &str| {
        let world = fold(&topology, &parse(text, &topology.names));
        let link = &world.links[&(Peer::Node(NodeId(2)), Peer::Node(NodeId(3)))];
        link.late_of_20()
    };
    let sent = |frame: u64| format!("{frame} ls sent ts1 f{frame} 90 ask www.a.com\n");
    let late = |frame: u64| format!("{frame} lab repeated ls ts1 f{frame} 2 600\n");
    let mut text = String::new();
    for frame in 1..=20 {
        text += &sent(frame);
        if frame <= 6 {
            text += &late(frame);
        }
        assert_eq!(late_of(&text), (frame.min(6) as u32, frame as u32));
    }
    for frame in 21..=30 {
        text += &sent(frame);
        let left = 6_u32.saturating_sub(frame as u32 - 20);
        assert_eq!(late_of(&text), (left, 20), "the oldest go");
    }
    // The log may miss the sending; of a frame that is no longer the newest nothing more is said.
    assert_eq!(late_of(&(text.clone() + &late(31))), (1, 20));
    assert_eq!(late_of(&(text.clone() + &late(29))), (0, 20));
    assert_eq!(late_of(&(text + &late(30) + &late(29))), (1, 20));
    // The way to a visitor is a link like any other; one to a node that the file does not have is none.
    let ways = |ends: &str| {
        let text = format!("1 lab repeated {ends} f1 2 600\n");
        let world = fold(&topology, &parse(&text, &topology.names));
        world.links.iter().filter(|(_, link)| link.late_of_20() == (1, 1)).count()
    };
    assert_eq!((ways("ls visitor-1"), ways("visitor-1 ls")), (1, 1));
    let nobody = Peer::Node(NodeId(99));
    let ls = Peer::Node(NodeId(2));
    for (from, to) in [(nobody, ls), (ls, nobody)] {
        let mut world = World::new(topology.clone());
        let (frame, late) = (FrameId(1), Duration::from_millis(600));
        let fact = Fact::FrameLate { from, to, frame, retransmissions: 2, late };
        let id = EventId { owner: Owner::Lab, number: 1 };
        world.apply(&Event { id, time: LabTime::ZERO, cause: Cause::Unknown, fact });
        assert!(!world.links.contains_key(&(from, to)));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// Events of a busy lab, some of them missed: a clone in the middle, wherever it is, changes
    /// nothing.
    #[test]
    fn folding_in_two_halves_is_folding_at_once(
        seed in any::<u64>(),
        cut in 0.0..1.0f64,
        gaps in proptest::collection::vec((0usize..1500, 1usize..40), 0..3),
    ) {
        let topology = topology(Policy::Race);
        let mut entries: Vec<Entry> =
            traffic::run(seed, 60).into_iter().map(Entry::Event).collect();
        for (at, missing) in gaps {
            let at = at.min(entries.len());
            let end = (at + missing).min(entries.len());
            let events = entries.drain(at..end).count() as u64;
            entries.insert(at, Entry::Gap(events));
        }
        let whole = fold(&topology, &entries);
        let (first, second) = entries.split_at((entries.len() as f64 * cut) as usize);
        let half = fold(&topology, first);
        let mut copy = half.clone();
        continue_fold(&mut copy, second);
        prop_assert!(copy == whole);
        drop(half);
        prop_assert!(fold(&topology, &entries) == whole);
    }

    /// Whatever a recording says, the fold goes on: nodes that do not exist, frames and races from
    /// nowhere.
    #[test]
    fn events_of_another_topology_never_panic(seed in any::<u64>(), shift in 1u16..40) {
        let topology = topology(Policy::Race);
        let mut world = World::new(topology.clone());
        for mut event in traffic::run(seed, 20) {
            let far = |node: NodeId| NodeId(node.0 + shift);
            if let Owner::Node(node, life) = event.id.owner
                && event.id.number % 3 == 0
            {
                event.id.owner = Owner::Node(far(node), life);
            }
            if let Fact::MessageSent { to: Peer::Node(to), .. } = &mut event.fact
                && event.id.number % 2 == 0
            {
                *to = far(*to);
            }
            event.cause = Cause::Unknown;
            world.apply(&event);
        }
        prop_assert!(!render::world(&world).is_empty());
    }
}

/// Events between two checkpoints: these logs are short.
const EVERY: u64 = 2048;

fn observed(events: &[Event], history: &mut History, world: &mut World) -> Log {
    let mut log = Log::default();
    for event in events {
        log.push(event.clone());
        world.apply(event);
        history.observe(world);
    }
    log
}

#[test]
fn a_thousand_random_jumps_give_the_worlds_of_direct_folding() {
    let topology = topology(Policy::Race);
    let events = traffic::run(11, 900);
    assert!(events.len() as u64 > 8 * EVERY, "{}", events.len());
    let mut history = History::every(topology.clone(), EVERY);
    let mut newest = World::new(topology.clone());
    let log = observed(&events, &mut history, &mut newest);
    assert!(history.len() as u64 >= events.len() as u64 / EVERY);
    let mut jumps: Vec<u64> =
        (0..1000u64).map(|n| traffic::mix(n) % (events.len() as u64 + 1)).collect();
    jumps.sort_unstable();
    let mut direct = World::new(topology);
    for jump in jumps {
        while direct.position < jump {
            direct.apply(&events[direct.position as usize]);
        }
        assert!(history.at(&log, jump) == direct, "at {jump}");
    }
    assert!(history.at(&log, u64::MAX) == newest);
}

#[test]
fn a_history_forgets_with_the_log_and_still_reaches_its_start() {
    let topology = topology(Policy::Race);
    let events = traffic::run(12, 900);
    let mut history = History::every(topology.clone(), EVERY);
    let mut world = World::new(topology);
    let mut log = Log::new(2 * faultlab::log::SEGMENT_EVENTS);
    for event in &events {
        log.push(event.clone());
        world.apply(event);
        history.observe(&world);
        history.trim(log.start());
    }
    assert!(log.start() > 0 && history.len() <= 6, "{} of {}", history.len(), log.start());
    let oldest = history.at(&log, log.start());
    assert_eq!((oldest.position, oldest.missed), (log.start(), 0));
    // Before the log's start there is nothing to fold: the gap says so.
    let lost = history.at(&log, 100);
    assert_eq!((lost.position, lost.missed), (100, 100));
}

#[test]
fn memory_stays_bounded_however_much_is_asked() {
    let topology = topology(Policy::Race);
    let mut world = World::new(topology);
    for event in traffic::run(13, 3000) {
        world.apply(&event);
    }
    assert_eq!(world.races_begun, 3000);
    assert!(world.races.len() <= RACES_MAX + 100, "{}", world.races.len());
    for link in world.links.values() {
        assert!(link.marks.len() <= 100, "{}", link.marks.len());
    }
    let newest = world.races.back().expect("a race").no;
    assert_eq!(world.race(newest).map(|race| race.no), Some(newest));
    assert_eq!(world.race(faultlab::world::RaceNo(1)), None);
}

#[test]
#[cfg(debug_assertions)]
#[should_panic(expected = "a receive stands before its send")]
fn a_receive_before_its_send_is_a_bug_of_the_recorder() {
    let topology = topology(Policy::Race);
    let mut entries = parse(
        "0 client boot\n0 ls boot\na: 10 client sent ls f1 50 ask www.a.com\n\
         50 ls <-a recv client ask www.a.com",
        &topology.names,
    );
    entries.swap(2, 3);
    fold(&topology, &entries);
}

#[test]
fn an_unread_mark_vanishes_but_not_at_a_frozen_node() {
    let topology = topology(Policy::Race);
    let text = "0 ls boot\n0 ts1 boot\n0 ts2 boot\n1 lab freeze ts2\n\
        10 ls sent ts1 f1 50 ask www.a.com\n10 ls sent ts2 f1 50 ask www.a.com\n\
        10 ls sent visitor-9 f1 20 reply www.a.com 192.0.2.1\n\
        30 ls sent ts1 f2 never ask www.b.com";
    let mut entries = parse(text, &topology.names);
    let marks = |world: &World| world.links.values().map(|link| link.marks.len()).sum::<usize>();
    assert_eq!(marks(&fold(&topology, &entries)), 4);
    for (millis, left) in [(400, 3), (61_000, 2)] {
        entries.push(Entry::Event(Event {
            id: EventId { owner: Owner::Lab, number: 2 + millis },
            time: LabTime::from_millis(millis),
            cause: Cause::Boot,
            fact: Fact::StepRan { step: 1 },
        }));
        assert_eq!(marks(&fold(&topology, &entries)), left, "at {millis}");
    }
    let world = fold(&topology, &entries);
    let [ls, ts1, ts2] = [2, 3, 4].map(|id| Peer::Node(NodeId(id)));
    assert!(world.links[&(ls, ts2)].marks.get(FrameId(1)).is_some(), "the frozen one's backlog");
    assert!(world.links[&(ls, ts1)].marks.get(FrameId(2)).is_some(), "the stalled one");
    assert_eq!(world.nodes[3].incarnation, Incarnation(1));
}
