//! What a link promises, whatever is done to it.

use super::*;
use crate::message::{Faults, Jitter, Shape};
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

const fn ms(millis: u64) -> LabTime {
    LabTime::from_millis(millis)
}

fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

fn pipe(faults: Faults) -> Pipe<u64> {
    Pipe::new(7, 3, faults)
}

fn slow(latency: u64) -> Faults {
    Faults { latency: millis(latency), ..Faults::default() }
}

/// Everything that arrives by `until`, with the moment at which it was due.
fn drain(pipe: &mut Pipe<u64>, until: LabTime) -> Vec<(u64, u64)> {
    let mut out = Vec::new();
    while let Some(due) = pipe.next_due().filter(|due| *due <= until) {
        let (_, frame) = pipe.pop_due(due).expect("what is due can be taken");
        out.push((due.0 / 1_000_000, frame));
    }
    out
}

const A: Carriage = Carriage::Stream(1);
const B: Carriage = Carriage::Stream(2);

#[test]
fn a_perfect_link_delivers_at_once_and_in_order() {
    let mut pipe = pipe(Faults::default());
    for frame in 0..5 {
        assert_eq!(pipe.push(ms(3), A, 10, frame).due, ms(3));
    }
    assert_eq!(pipe.pop_due(ms(2)), None);
    assert_eq!(drain(&mut pipe, ms(3)), [(3, 0), (3, 1), (3, 2), (3, 3), (3, 4)]);
    assert!(pipe.is_empty());
}

#[test]
fn delays_add_up_and_bandwidth_makes_frames_wait_behind_each_other() {
    let mut pipe = pipe(Faults {
        latency: millis(40),
        extra: millis(200),
        jitter: Jitter { mean: millis(5), shape: Shape::Constant },
        bandwidth: Some(1000),
        ..Faults::default()
    });
    pipe.push(ms(0), A, 100, 1);
    pipe.push(ms(0), B, 100, 2);
    pipe.push(ms(0), A, 0, 3);
    pipe.push(ms(1000), A, 100, 4);
    assert_eq!(drain(&mut pipe, ms(9000)), [(345, 1), (445, 2), (445, 3), (1345, 4)]);
}

#[test]
fn jitter_reorders_streams_among_each_other_but_never_one_of_them() {
    for shape in [Shape::Uniform, Shape::Exponential, Shape::HeavyTail] {
        let jitter = Jitter { mean: millis(50), shape };
        let mut pipe = pipe(Faults { jitter, ..Faults::default() });
        for frame in 0..400_u64 {
            pipe.push(ms(frame), Carriage::Stream(frame % 2), 10, frame);
        }
        let order: Vec<u64> = drain(&mut pipe, ms(10_000_000)).iter().map(|(_, f)| *f).collect();
        assert_eq!(order.len(), 400);
        assert!(!order.is_sorted(), "two streams pass each other under {shape:?}");
        for stream in 0..2 {
            assert!(order.iter().filter(|frame| *frame % 2 == stream).is_sorted());
        }
    }
}

#[test]
fn loss_on_a_stream_is_lateness_by_doubled_timeouts() {
    let faults = Faults { loss: 0.5, ..slow(100) };
    assert_eq!(rto(&faults), millis(400));
    assert_eq!(rto(&slow(10)), millis(200));
    let mut pipe = pipe(faults);
    let mut seen = BTreeSet::new();
    for stream in 0..200 {
        let pushed = pipe.push(ms(0), Carriage::Stream(stream), 9, stream);
        let k = u32::from(pushed.retransmissions);
        seen.insert(k);
        assert_eq!(pushed.late, millis(400 * (2_u64.pow(k) - 1)), "{k}");
        assert_eq!(pushed.due, ms(100) + pushed.late);
        assert_eq!(pushed.lost, None);
    }
    assert!(seen.len() > 4, "{seen:?}");
}

#[test]
fn thirty_per_cent_of_ten_thousand_lie_within_three_sigma() {
    for seed in 0..20 {
        let faults = Faults { loss: 0.3, ..slow(1) };
        let mut pipe = Pipe::new(seed, 3, faults);
        let mut lost = 0;
        let mut late = 0;
        for frame in 0..10_000_u64 {
            let now = ms(frame * 100);
            let fate = pipe.push(now, Carriage::Datagram, 9, frame).lost;
            lost += u64::from(fate == Some(Fate::Lost));
            late += u64::from(pipe.push(now, A, 9, frame).retransmissions > 0);
            drain(&mut pipe, now);
        }
        for count in [lost, late] {
            assert!(count.abs_diff(3000) <= 138, "{count} with seed {seed}");
        }
    }
}

#[test]
fn a_cut_stalls_streams_where_they_are_and_loses_datagrams() {
    let mut pipe = pipe(slow(100));
    pipe.push(ms(0), A, 9, 1);
    pipe.push(ms(0), Carriage::Datagram, 9, 2);
    let mut moved = Vec::new();
    pipe.set_faults(ms(60), Faults { cut: true, ..slow(100) }, &mut moved);
    assert_eq!(moved, [Moved::Due(FrameId(1), LabTime::NEVER), Moved::Lost(FrameId(2), Fate::Cut)]);
    assert_eq!(pipe.push(ms(70), A, 9, 3).due, LabTime::NEVER);
    assert_eq!(pipe.push(ms(70), Carriage::Datagram, 9, 4).lost, Some(Fate::Cut));
    assert_eq!((pipe.next_due(), pipe.pop_due(ms(100_000))), (None, None));
    moved.clear();
    pipe.set_faults(ms(5000), slow(100), &mut moved);
    assert_eq!(moved, [Moved::Due(FrameId(1), ms(5040)), Moved::Due(FrameId(3), ms(5100))]);
    assert_eq!(drain(&mut pipe, ms(9000)), [(5040, 1), (5100, 3)]);
}

#[test]
fn held_frames_wait_for_a_hand_and_keep_their_order_in_the_stream() {
    let mut pipe = pipe(Faults { hold: true, ..Faults::default() });
    for frame in 1..=3 {
        pipe.push(ms(0), A, 9, frame);
    }
    pipe.push(ms(0), B, 9, 4);
    let mut moved = Vec::new();
    pipe.release(ms(10), Some(FrameId(2)), &mut moved);
    assert_eq!(moved, [], "the first of its stream is still held");
    pipe.release(ms(20), Some(FrameId(4)), &mut moved);
    pipe.release(ms(30), Some(FrameId(1)), &mut moved);
    assert_eq!(
        moved,
        [
            Moved::Due(FrameId(4), ms(20)),
            Moved::Due(FrameId(1), ms(30)),
            Moved::Due(FrameId(2), ms(30))
        ]
    );
    assert_eq!(drain(&mut pipe, ms(30)), [(20, 4), (30, 1), (30, 2)]);
    pipe.set_faults(ms(50), Faults::default(), &mut Vec::new());
    assert_eq!(drain(&mut pipe, ms(60)), [(50, 3)]);
}

#[test]
fn a_hold_takes_hold_of_what_is_on_its_way_and_a_cut_wins_over_its_release() {
    let mut pipe = pipe(slow(100));
    pipe.push(ms(0), A, 9, 1);
    let both = Faults { hold: true, cut: true, ..slow(100) };
    pipe.set_faults(ms(30), both, &mut Vec::new());
    pipe.release(ms(40), None, &mut Vec::new());
    assert_eq!(pipe.next_due(), None);
    pipe.set_faults(ms(50), Faults { cut: false, ..both }, &mut Vec::new());
    assert_eq!(pipe.next_due(), Some(ms(120)), "70 ms of its way were left");
}

#[test]
fn one_frame_is_dropped_replaced_or_sent_twice_by_hand() {
    let mut pipe = pipe(slow(100));
    for frame in 1..=3 {
        pipe.push(ms(0), A, 9, frame);
    }
    assert_eq!(pipe.get(FrameId(2)), Some(&2));
    assert_eq!(pipe.drop_frame(FrameId(1)), Some(1));
    assert_eq!(pipe.drop_frame(FrameId(1)), None);
    assert_eq!(pipe.replace_frame(FrameId(2), 20), Some(2));
    let copy = pipe.duplicate_frame(ms(10), FrameId(2)).expect("it is on its way");
    assert_eq!((copy.frame, copy.due), (FrameId(4), ms(100)));
    assert_eq!(drain(&mut pipe, ms(100)), [(100, 20), (100, 3), (100, 20)]);
}

#[test]
fn what_waited_behind_a_dropped_frame_arrives_at_once() {
    let mut pipe = pipe(Faults { hold: true, ..slow(10) });
    pipe.push(ms(0), A, 9, 1);
    pipe.push(ms(0), A, 9, 2);
    pipe.release(ms(0), Some(FrameId(2)), &mut Vec::new());
    let mut moved = Vec::new();
    pipe.take_frame(ms(700), FrameId(1), &mut moved);
    assert_eq!(moved, [Moved::Due(FrameId(2), ms(700))]);
    assert_eq!(drain(&mut pipe, ms(700)), [(700, 2)]);
}

#[test]
fn after_a_delay_is_taken_back_what_is_on_its_way_keeps_its_time_and_nothing_passes_it() {
    let mut pipe = pipe(Faults { extra: millis(1000), ..slow(10) });
    pipe.push(ms(0), A, 9, 1);
    let mut moved = Vec::new();
    pipe.set_faults(ms(100), slow(10), &mut moved);
    assert_eq!(moved, []);
    pipe.push(ms(200), A, 9, 2);
    pipe.push(ms(200), B, 9, 3);
    assert_eq!(drain(&mut pipe, ms(5000)), [(210, 3), (1010, 1), (1010, 2)]);
}

#[test]
fn less_loss_sends_what_waits_for_a_retransmission_at_once() {
    let mut pipe = pipe(Faults { loss: 1.0, ..slow(10) });
    assert_eq!(pipe.push(ms(0), A, 9, 1).retransmissions, RETRANSMISSIONS_MAX);
    pipe.push(ms(0), A, 9, 2);
    pipe.set_faults(ms(500), slow(10), &mut Vec::new());
    assert_eq!(drain(&mut pipe, ms(1000)), [(510, 1), (510, 2)]);
}

#[test]
fn the_queue_is_bounded_but_a_connection_can_still_end() {
    let mut pipe = pipe(slow(1000));
    for frame in 0..FRAMES_MAX as u64 {
        assert_eq!(pipe.push(ms(0), A, 9, frame).lost, None);
    }
    assert_eq!(pipe.push(ms(0), A, 9, 1).lost, Some(Fate::Overflow));
    assert_eq!(pipe.push(ms(0), Carriage::Datagram, 9, 1).lost, Some(Fate::Overflow));
    assert_eq!(pipe.push(ms(0), A, 0, 1).lost, None);
    assert_eq!(pipe.len(), FRAMES_MAX + 1);
    let mut moved = Vec::new();
    pipe.drop_stream(1, Fate::PeerDead, &mut moved);
    assert_eq!((pipe.len(), moved.len()), (0, FRAMES_MAX));
}

#[test]
fn datagrams_are_doubled_and_overtaken_for_real() {
    let mut pipe = pipe(Faults { duplicate: 0.3, reorder: 0.2, ..slow(20) });
    let mut copies = 0;
    for frame in 0..5000_u64 {
        copies += u64::from(pipe.push(ms(frame), Carriage::Datagram, 9, frame).copy.is_some());
    }
    assert!(copies.abs_diff(1500) < 100, "{copies}");
    let arrived: Vec<u64> = drain(&mut pipe, ms(1_000_000)).iter().map(|(_, f)| *f).collect();
    assert_eq!(arrived.len() as u64, 5000 + copies);
    let overtaken = arrived.windows(2).filter(|pair| pair[0] > pair[1]).count();
    assert!(overtaken > 500, "{overtaken}");
}

/// What can be done to a link.
#[derive(Debug, Clone)]
enum Deed {
    Stream(u64, usize),
    Datagram,
    Wait(u64),
    Pop,
    Faults(Faults),
    Release(Option<u64>),
    Twice(u64),
}

fn faults() -> impl Strategy<Value = Faults> {
    let shape = prop_oneof![
        Just(Shape::Uniform),
        Just(Shape::Constant),
        Just(Shape::Exponential),
        Just(Shape::HeavyTail)
    ];
    let bandwidth = prop::option::of(prop_oneof![Just(10_000_u64), Just(100)]);
    ((0..50_u64, 0..50_u64, 0..20_u64), shape, (0.0..0.5, 0.0..0.9, 0.0..0.9), bandwidth)
        .prop_flat_map(|((latency, extra, mean), shape, (loss, duplicate, reorder), bandwidth)| {
            (any::<bool>(), any::<bool>()).prop_map(move |(cut, hold)| Faults {
                latency: millis(latency),
                extra: millis(extra),
                jitter: Jitter { mean: millis(mean), shape },
                loss,
                duplicate,
                reorder,
                bandwidth,
                cut,
                hold,
            })
        })
}

fn deed() -> impl Strategy<Value = Deed> {
    prop_oneof![
        6 => (0..3_u64, 0..200_usize).prop_map(|(stream, bytes)| Deed::Stream(stream, bytes)),
        3 => Just(Deed::Datagram),
        4 => (0..60_u64).prop_map(Deed::Wait),
        6 => Just(Deed::Pop),
        2 => faults().prop_map(Deed::Faults),
        1 => prop::option::of(1..40_u64).prop_map(Deed::Release),
        1 => (1..40_u64).prop_map(Deed::Twice),
    ]
}

/// Follows a link from outside: what it promised of each frame, and what came.
#[derive(Debug, Default, PartialEq)]
struct Ledger {
    /// Frames by number: their stream (none for a datagram) and when they were last said to be due.
    promised: BTreeMap<FrameId, (Option<u64>, LabTime)>,
    lost: BTreeSet<FrameId>,
    /// Control frames: they move without a word.
    control: BTreeSet<FrameId>,
    arrived: Vec<(FrameId, LabTime)>,
}

impl Ledger {
    fn promise(&mut self, stream: Option<u64>, pushed: Pushed) {
        for (frame, due) in [(pushed.frame, pushed.due)].into_iter().chain(pushed.copy) {
            assert!(self.promised.insert(frame, (stream, due)).is_none(), "numbers are unique");
        }
        if let Some(fate) = pushed.lost {
            assert!(stream.is_none(), "a stream loses nothing: {fate:?}");
            self.lost.insert(pushed.frame);
        }
    }

    fn moved(&mut self, moved: Vec<Moved>) {
        for change in moved {
            match change {
                Moved::Due(frame, due) => {
                    self.promised.get_mut(&frame).expect("it was pushed").1 = due;
                }
                Moved::Lost(frame, _) => {
                    assert_eq!(self.promised[&frame].0, None, "only datagrams are lost");
                    assert!(self.lost.insert(frame), "lost once");
                }
            }
        }
    }

    fn took(&mut self, now: LabTime, frame: FrameId) {
        let (stream, due) = self.promised[&frame];
        let silent = self.control.contains(&frame);
        assert!(due <= now || silent, "{frame} came at {now}, not before {due} ({stream:?})");
        assert!(!self.lost.contains(&frame), "lost and arrived");
        self.arrived.push((frame, now));
    }
}

/// Carries the deeds out, then heals the link and waits.
fn run(seed: u64, deeds: &[Deed]) -> Ledger {
    let mut pipe: Pipe<u64> = Pipe::new(seed, 1, slow(10));
    let (mut now, mut ledger) = (LabTime::ZERO, Ledger::default());
    for deed in deeds {
        let mut moved = Vec::new();
        match deed {
            Deed::Stream(stream, bytes) => {
                let pushed = pipe.push(now, Carriage::Stream(*stream), *bytes, *stream);
                assert!(pushed.due >= now);
                if *bytes == 0 {
                    ledger.control.insert(pushed.frame);
                }
                ledger.promise(Some(*stream), pushed);
            }
            Deed::Datagram => {
                ledger.promise(None, pipe.push(now, Carriage::Datagram, 50, 99));
            }
            Deed::Wait(by) => now += millis(*by),
            Deed::Pop => {
                let due = pipe.next_due();
                match pipe.pop_due(now) {
                    Some((frame, _)) => {
                        assert!(due.is_some_and(|due| due <= now));
                        ledger.took(now, frame);
                    }
                    None => assert!(due.is_none_or(|due| due > now)),
                }
            }
            Deed::Faults(faults) => pipe.set_faults(now, *faults, &mut moved),
            Deed::Release(frame) => pipe.release(now, frame.map(FrameId), &mut moved),
            Deed::Twice(frame) => {
                let stream = ledger.promised.get(&FrameId(*frame)).and_then(|(of, _)| *of);
                if let Some(pushed) = pipe.duplicate_frame(now, FrameId(*frame)) {
                    if ledger.control.contains(&FrameId(*frame)) {
                        ledger.control.insert(pushed.frame);
                    }
                    ledger.promise(stream, pushed);
                }
            }
        }
        ledger.moved(moved);
    }
    let mut moved = Vec::new();
    pipe.set_faults(now, Faults::default(), &mut moved);
    ledger.moved(moved);
    while let Some(due) = pipe.next_due() {
        now = now.max(due);
        let (frame, _) = pipe.pop_due(now).expect("due");
        ledger.took(now, frame);
    }
    assert!(pipe.is_empty(), "a healed link delivers everything");
    ledger
}

proptest! {
    #[test]
    fn whatever_is_done_order_is_kept_nothing_is_lost_and_each_datagram_has_one_fate(
        seed in any::<u64>(),
        deeds in prop::collection::vec(deed(), 1..120),
    ) {
        let ledger = run(seed, &deeds);
        let mut last = BTreeMap::new();
        let mut seen = BTreeSet::new();
        for (frame, _) in &ledger.arrived {
            prop_assert!(seen.insert(*frame), "{frame} came twice");
            if let Some(stream) = ledger.promised[frame].0 {
                let before = last.insert(stream, *frame);
                prop_assert!(before < Some(*frame), "{frame} overtook {before:?}");
            }
        }
        for (frame, (stream, _)) in &ledger.promised {
            let lost = ledger.lost.contains(frame);
            let fates = usize::from(seen.contains(frame)) + usize::from(lost);
            prop_assert_eq!(fates, 1, "{} of stream {:?}", frame, stream);
        }
        prop_assert_eq!(run(seed, &deeds), ledger);
    }
}
