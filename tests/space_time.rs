//! Space and time, reckoned from the logs of simulated labs under faults: what Lamport's clocks promise, and which
//! sending led to which arrival.

use faultlab::base::{EventId, Incarnation, LabTime, NodeId, Owner, Peer};
use faultlab::command::grammar;
use faultlab::event::{Event, Fact};
use faultlab::sim::Sim;
use faultlab::topology::{self, Topology};
use faultlab::world::{End, Moment, Order, SpaceTime, What, World};
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

fn lab(name: &str) -> Topology {
    let loaded = topology::load(name.as_ref(), topology::Options::default());
    let mut topology = loaded.expect("it is built in").topology;
    topology.steps.clear();
    topology.auto_pace = false;
    topology
}

/// What a lab does in some seconds under these commands, one each 700 ms.
fn run(topology: &Topology, seed: u64, commands: &[String]) -> (Vec<Event>, World) {
    let mut sim = Sim::new(topology, seed);
    for (at, words) in (1..).zip(commands) {
        sim.run_until(LabTime::ZERO + Duration::from_millis(700) * at);
        let command = grammar::command(words, &topology.names).expect(words);
        // What cannot be done now is refused, and that is a fact too.
        let _ = sim.give(command);
    }
    let end = LabTime::ZERO + Duration::from_millis(700) * (commands.len() as u32 + 4);
    sim.run_until(end);
    let events: Vec<Event> = sim.log().read(0, usize::MAX).events().cloned().collect();
    let mut world = World::new(Arc::new(topology.clone()));
    for event in &events {
        world.apply(event);
    }
    (events, world)
}

/// What the clocks and the ends of messages promise.
fn holds(space: &SpaceTime) {
    let mut last: BTreeMap<NodeId, u64> = BTreeMap::new();
    for (at, moment) in space.moments.iter().enumerate() {
        if let Some(node) = moment.node {
            let before = last.insert(node, moment.clock).unwrap_or(0);
            assert!(before < moment.clock, "the clock of {node} goes from {before} to {moment:?}");
        }
        match moment.what {
            What::Received(_, Some(sent)) => {
                let sending = &space.moments[sent];
                assert!(sent < at && sending.clock < moment.clock, "{sending:?} {moment:?}");
                assert!(matches!(sending.what, What::Sent(_, End::Arrives(_))), "{sending:?}");
            }
            What::Sent(to, End::Arrives(there)) => {
                let arrival = &space.moments[there];
                assert!(at < there && arrival.node == to.node(), "{moment:?} {arrival:?}");
                assert!(moment.clock < arrival.clock, "{moment:?} {arrival:?}");
            }
            What::Sent(_, End::Lost(there)) => {
                assert_eq!(space.moments[there].what, What::Lost(at));
            }
            _ => {}
        }
    }
}

/// Whatever can have led to something has a smaller number; and to be before is the other end of being after.
fn orders_hold(space: &SpaceTime, step: usize) {
    for at in (0..space.moments.len()).step_by(step.max(1)) {
        let orders = space.orders(at);
        let clock = space.moments[at].clock;
        for (other, order) in orders.iter().enumerate() {
            let number = space.moments[other].clock;
            let counts = number > 0 && clock > 0;
            match order {
                Order::Before => assert!(other < at && (!counts || number < clock)),
                Order::After => assert!(other > at && (!counts || number > clock)),
                Order::Same => assert_eq!(other, at),
                Order::Concurrent => assert_ne!(other, at),
            }
            let back = space.orders(other)[at];
            let mirrored = match order {
                Order::Before => Order::After,
                Order::After => Order::Before,
                same => *same,
            };
            assert_eq!(back, mirrored, "{at} and {other}");
        }
    }
}

const OF_NAMES: [&str; 10] = [
    "query client x3",
    "query client2",
    "kill ts1",
    "revive ts1",
    "freeze ts2",
    "thaw ts2",
    "cut ls->ts2",
    "heal ls",
    "kill ls",
    "revive ls",
];
const OF_A_STORE: [&str; 10] = [
    "put writer k v x3",
    "kill r1",
    "revive r1",
    "freeze r2",
    "thaw r2",
    "cut r1->r2",
    "heal r1",
    "power-off r3",
    "revive r3",
    "delay r2 200ms",
];

fn commands(of: &'static [&'static str]) -> impl Strategy<Value = Vec<String>> {
    let one = proptest::sample::select(of).prop_map(str::to_owned);
    proptest::collection::vec(one, 1..8)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn a_message_arrives_under_a_greater_number_than_it_was_sent_with(
        seed in any::<u64>(),
        names in commands(&OF_NAMES),
        store in commands(&OF_A_STORE),
        from in 0_usize..400,
    ) {
        for (name, commands) in [("first-answer", names), ("primary-backup", store)] {
            let (events, world) = run(&lab(name), seed, &commands);
            holds(&SpaceTime::of(&events, &world));
            // A log whose beginning is gone keeps the promise, too.
            let rest = SpaceTime::of(&events[from.min(events.len())..], &world);
            holds(&rest);
            orders_hold(&rest, rest.moments.len() / 7);
        }
    }
}

#[test]
fn every_message_that_arrived_is_joined_with_its_sending() {
    let commands = ["query client x3".to_owned(), "query client2 x2".to_owned()];
    let (events, world) = run(&lab("first-answer"), 7, &commands);
    let space = SpaceTime::of(&events, &world);
    let open = space.moments.iter().filter(|moment| {
        matches!(moment.what, What::Sent(_, End::Underway | End::Held) | What::Received(_, None))
    });
    assert_eq!(open.count(), 0);
    let arrived = |moment: &&Moment| matches!(moment.what, What::Received(..));
    let received = events.iter().filter(|it| matches!(it.fact, Fact::MessageReceived { .. }));
    let count = received.count();
    assert_eq!(space.moments.iter().filter(arrived).count(), count);
    assert!(count > 20, "{count}");
}

/// One read may hold several messages, and then only one of them is named.
#[test]
fn what_came_in_one_read_with_a_later_message_has_arrived_with_it() {
    let (mut events, world) = run(&lab("first-answer"), 7, &["query client x3".to_owned()]);
    let asked = |event: &&Event| {
        let Fact::MessageReceived { from, .. } = &event.fact else { return false };
        event.id.owner == Owner::Node(NodeId(2), Incarnation(1)) && *from == Peer::Node(NodeId(0))
    };
    let asked: Vec<EventId> = events.iter().filter(asked).map(|event| event.id).collect();
    assert_eq!(asked.len(), 3);
    events.retain(|event| !asked[..2].contains(&event.id));
    let space = SpaceTime::of(&events, &world);
    let last = space.moments.iter().position(|it| it.event.id == asked[2]).expect("it arrives");
    let there = |it: &&Moment| matches!(it.what, What::Sent(_, End::Arrives(at)) if at == last);
    assert_eq!(space.moments.iter().filter(there).count(), 3);
}

#[test]
fn what_is_cut_does_not_arrive_until_it_is_healed() {
    let text: Vec<String> = ["cut ls->ts1", "query client"].map(str::to_owned).into();
    let held = |events: &[Event], world: &World| {
        let space = SpaceTime::of(events, world);
        let held = |it: &&Moment| matches!(it.what, What::Sent(_, End::Held));
        space.moments.iter().filter(held).count()
    };
    let (events, world) = run(&lab("first-answer"), 7, &text);
    assert_eq!(held(&events, &world), 1);
    // One that is on its way already is held as well.
    let flying = ["delay ls->ts1 2s", "query client", "cut ls->ts1"].map(str::to_owned);
    let (events, world) = run(&lab("first-answer"), 7, &flying);
    assert_eq!(held(&events, &world), 1);
    let healed = [text, vec!["heal ls".into()]].concat();
    let (events, world) = run(&lab("first-answer"), 7, &healed);
    assert_eq!(held(&events, &world), 0);
}
