//! The lab's clock seen from outside: a paused world, one tick at a time, rates, and automatic pace.

mod common;

use common::{Bench, DEADLINE, Heard};
use faultlab::base::{LabTime, Owner};
use faultlab::event::{Cause, ClockState, Event, Fact};
use faultlab::message::{Message, Note, Outcome};
use std::collections::BTreeMap;
use std::time::Duration;

/// How long a silence is listened to.
const SILENCE: Duration = Duration::from_millis(300);

/// Forty milliseconds a hop, and a slow ts2.
fn chain() -> String {
    common::two_tables(
        "[defaults.link]\nlatency = \"40ms\"",
        "timeout = \"15s\"",
        "policy = \"race\"\naccept = \"first-positive\"\ntimeout = \"5s\"",
        "responds = \"100ms\"",
    )
}

fn decided(event: &Event, bench: &Bench) -> bool {
    let client = bench.id("client");
    matches!(event.id.owner, Owner::Node(node, _) if node == client)
        && matches!(event.fact, Fact::Noted(Note::Decided { .. }))
}

/// Something that came to a node or that its time was up for: what does not happen while the world stands still.
fn happened(event: &Event) -> bool {
    matches!(
        event.fact,
        Fact::MessageReceived { .. }
            | Fact::TimerFired { .. }
            | Fact::ConnEnded { .. }
            | Fact::ConnRefused { .. }
    )
}

fn count(bench: &Bench, from: u64, what: impl Fn(&Event) -> bool) -> usize {
    bench.handle.read(from, usize::MAX).events().filter(|event| what(event)).count()
}

#[test]
fn a_paused_world_stands_still_and_a_tick_moves_one_thing() {
    let bench = Bench::start(&chain());
    let begun = bench.handle.end();
    bench.command("query client www.google.com", |event| decided(event, &bench));
    let mut visitor = bench.visit("ts1");
    assert_eq!(visitor.ask("www.google.com"), "www.google.com 192.0.2.10 A");
    bench.give("query client www.google.com x3");
    bench.command("pause", |event| {
        matches!(event.fact, Fact::ClockSet(ClockState { paused: true, .. }))
    });
    // What the kernel had already is read; then nothing moves any more.
    bench.quiet(SILENCE);
    let (still, time) = (bench.handle.end(), bench.handle.now());
    visitor.say("www.google.com\n");
    assert_eq!(visitor.hear(SILENCE), Heard::Nothing, "nothing arrives while it is paused");
    bench.give("query client www.mit.edu");
    // Nobody has this one: its five seconds end long after timers that were armed before and are not wanted any more.
    bench.give("query client no.such.name");
    bench.quiet(SILENCE);
    assert_eq!(count(&bench, still, happened), 0);
    assert_eq!(bench.handle.now(), time, "lab time stands still");

    let (mut ticks, mut heard) = (0, 0);
    let over = |bench: &Bench| count(bench, begun, |event| decided(event, bench)) == 6;
    while !over(&bench) {
        let from = bench.handle.end();
        let before = bench.handle.now();
        bench.give("tick");
        // What arrives at the visitor is one of the things that happen, and no node tells of it.
        let mut outside = false;
        common::eventually("the tick moves something", || {
            outside |= visitor.hear(Duration::from_millis(5)) != Heard::Nothing;
            outside || count(&bench, from, happened) > 0
        });
        bench.quiet(Duration::from_millis(40));
        outside |= visitor.hear(Duration::from_millis(5)) != Heard::Nothing;
        let moved = count(&bench, from, happened) + usize::from(outside);
        assert_eq!(moved, 1, "tick {ticks} moves one thing");
        heard += usize::from(outside);
        assert!(bench.handle.now() >= before);
        ticks += 1;
        assert!(ticks < 100, "six questions take no hundred things");
    }
    assert!(ticks >= 15, "{ticks}");
    assert_eq!(heard, 1, "the visitor has its answer");
    bench.give("resume");
    assert_eq!(visitor.ask("www.google.com"), "www.google.com 192.0.2.10 A");
    let answered = count(&bench, begun, |event| {
        decided(event, &bench)
            && matches!(event.fact, Fact::Noted(Note::Decided { outcome: Outcome::Answered, .. }))
    });
    assert_eq!(answered, 5, "nobody gave up too soon while the world stood still");
}

#[test]
fn a_tick_in_a_running_world_is_refused_with_the_remedy() {
    let bench = Bench::start(&chain());
    let refused = bench.command("tick", |event| matches!(event.fact, Fact::CommandRefused { .. }));
    let Fact::CommandRefused { why } = refused.fact else { unreachable!() };
    assert!(why.contains("`pause`"), "{why}");
}

#[test]
fn slow_and_paused_and_fast_again_makes_no_false_timeout_and_keeps_the_order() {
    let bench = Bench::start(&chain());
    bench.command("query client www.mit.edu", |event| decided(event, &bench));
    let from = bench.handle.end();
    for _ in 0..20 {
        bench.give("query client www.mit.edu");
        bench.give("query client www.google.com");
    }
    // 1, then 0.1 for a while in the middle of it, a pause, and 1 again.
    bench.give("speed 0.1");
    let slow = bench.handle.now();
    common::eventually("60 ms of the lab pass slowly", || {
        bench.handle.wait(bench.handle.end() + 1000, Duration::from_millis(20));
        bench.handle.now().since(slow) >= Duration::from_millis(60)
    });
    bench.give("pause");
    bench.quiet(SILENCE);
    bench.give("resume");
    bench.give("speed 1");
    let ended = || count(&bench, from, |event| decided(event, &bench));
    bench.until(from, "forty questions are over", |_| ended() == 40);
    let events = bench.finish();
    let outcomes = events.iter().filter_map(|event| match &event.fact {
        Fact::Noted(Note::Decided { outcome, .. }) => Some(*outcome),
        _ => None,
    });
    assert_eq!(outcomes.filter(|outcome| *outcome == Outcome::Silent).count(), 0);
    order_is_kept(&events);
}

/// On each connection messages arrive in the order in which they were sent.
fn order_is_kept(events: &[Event]) {
    let mut sent = BTreeMap::new();
    for event in events {
        if let Fact::MessageSent { conn, .. } = &event.fact {
            sent.insert(event.id, *conn);
        }
    }
    let mut newest = BTreeMap::new();
    for event in events {
        if let (Fact::MessageReceived { .. }, Cause::Event(by)) = (&event.fact, event.cause) {
            let conn = sent.get(&by).expect("what is received was sent before");
            let last = newest.insert((by.owner, *conn), by.number).unwrap_or(0);
            assert!(last < by.number, "{by:?} arrives after number {last}");
        }
    }
}

/// How long a stretch of lab time takes on the wall by the clock's own facts.
fn wall(clock: &[(LabTime, ClockState)], from: LabTime, to: LabTime) -> f64 {
    let mut seconds = 0.0;
    for (at, (begin, state)) in clock.iter().enumerate() {
        let end = clock.get(at + 1).map_or(LabTime::NEVER, |(next, _)| *next);
        let (begin, end) = ((*begin).max(from), end.min(to));
        if end > begin {
            seconds += end.since(begin).as_secs_f64() / state.rate;
        }
    }
    seconds
}

#[test]
fn automatic_pace_shows_every_hop_and_shortens_every_wait() {
    let bench = Bench::start_auto(&chain());
    let from = bench.handle.end();
    // Nobody has it: four hops there and back to two servers, and then five seconds of silence.
    bench.command("query client no.such.name", |event| decided(event, &bench));
    let all = bench.events();
    let clock: Vec<(LabTime, ClockState)> = all
        .iter()
        .filter_map(|event| match event.fact {
            Fact::ClockSet(state) => Some((event.time, state)),
            _ => None,
        })
        .collect();
    assert!(clock.first().is_some_and(|(_, state)| state.auto), "the log says how the clock runs");
    let tail = bench.handle.read(from, usize::MAX);
    let events: Vec<&Event> = tail.events().collect();
    let mut hops = 0;
    for event in &events {
        let of_interest =
            |about: bool, message: &Message| about || matches!(message, Message::Reply { .. });
        if let Fact::MessageSent { due, about, message, .. } = &event.fact
            && of_interest(about.is_some(), message)
        {
            let seen = wall(&clock, event.time, *due);
            assert!(seen >= 0.6, "a hop is on screen for {seen} s only");
            assert!(seen < 5.0, "a hop takes {seen} s");
            hops += 1;
        }
    }
    assert_eq!(hops, 4, "to the LS, to both servers, and back");
    // The wait: from the last arrival at the servers to the verdict of the LS.
    let ts = [bench.id("ts1"), bench.id("ts2")];
    let arrived = events.iter().rfind(|event| {
        matches!(event.id.owner, Owner::Node(node, _) if ts.contains(&node))
            && matches!(event.fact, Fact::MessageReceived { .. })
    });
    let ls = bench.id("ls");
    let verdict = events.iter().find(|event| {
        matches!(event.id.owner, Owner::Node(node, _) if node == ls)
            && matches!(event.fact, Fact::Noted(Note::Decided { .. }))
    });
    let (arrived, verdict) = (arrived.expect("they are asked"), verdict.expect("it is decided"));
    assert!(verdict.time.since(arrived.time) > Duration::from_millis(4500));
    let waited = wall(&clock, arrived.time, verdict.time);
    assert!(waited <= 3.5, "the wait takes {waited} s");
    let set = events.iter().filter(|event| matches!(event.fact, Fact::ClockSet(_))).count();
    assert!((2..=24).contains(&set), "the header's words change {set} times");
}

#[test]
fn a_hand_takes_the_clock_over_and_gives_it_back() {
    let bench = Bench::start_auto(&chain());
    bench.command("speed 10", |event| {
        matches!(event.fact, Fact::ClockSet(ClockState { auto: false, .. }))
    });
    let from = bench.handle.end();
    bench.command("query client www.google.com", |event| decided(event, &bench));
    assert_eq!(count(&bench, from, |event| matches!(event.fact, Fact::ClockSet(_))), 0);
    let given = bench.command("pace auto", |event| {
        matches!(event.fact, Fact::ClockSet(ClockState { auto: true, .. }))
    });
    bench.command(
        "query client www.google.com",
        |event| matches!(event.fact, Fact::ClockSet(state) if state.auto && state.rate < 0.2),
    );
    // Paused in the middle of a hop, it stays paused whatever the pace would like.
    bench.command("pause", |event| {
        matches!(event.fact, Fact::ClockSet(ClockState { paused: true, .. }))
    });
    bench.quiet(SILENCE);
    let time = bench.handle.now();
    bench.quiet(SILENCE);
    assert_eq!(bench.handle.now(), time);
    assert!(time > given.time);
    let from = bench.handle.end();
    bench.give("resume");
    bench.give("speed 10");
    bench.until(from, "it goes on", |event| decided(event, &bench));
    let mut visitor = bench.visit("ls");
    visitor.say("www.google.com\n");
    assert_ne!(visitor.hear(DEADLINE), Heard::Nothing);
}
