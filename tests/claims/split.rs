//! C4 to C8: cuts of a pair in one direction and in both, with terms and without, and what a heal throws away.

use crate::labs::{PATIENT, QUICK, store};
use crate::stage::{Stage, ms, read};
use faultlab::base::LabTime;
use faultlab::world::{AlarmKind, World};
use std::time::Duration;

const HEARTBEAT: Duration = ms(50);
const CUT: Duration = ms(3_000);

fn pair(settings: &str) -> String {
    let client = format!("{PATIENT}rate = \"40/s\"");
    store(2, &format!("{QUICK}{settings}"), &client, &client)
}

/// Alice at one side and bob at the other, when the pair is cut like this for three seconds.
fn cut(settings: &str, links: &str, seed: u64) -> (Stage, LabTime) {
    let mut stage = Stage::new(&pair(settings), seed);
    stage.run(ms(500));
    let at = stage.now();
    // Bob reaches r2 alone from now on: it will be his leader if it takes over.
    for words in [&format!("cut {links}"), "cut bob<->r1", "cut alice<->r2"] {
        assert!(stage.give(words));
    }
    stage.run(CUT);
    (stage, at)
}

fn split(stage: &Stage) -> Duration {
    stage.audit.split_lasted(stage.now())
}

/// How long after the second leader was there the alarm was raised.
fn banner_delay(stage: &Stage) -> Duration {
    let topology = stage.sim.topology().clone();
    let mut world = World::new(topology);
    let mut second = None;
    for event in stage.events() {
        world.apply(&event);
        let leaders = world.audit.figures().leaders;
        if leaders > 1 {
            second.get_or_insert(event.time);
        }
        let raised =
            |alarm: &faultlab::world::Alarm| matches!(alarm.kind, AlarmKind::SplitBrain(_));
        if let (Some(second), true) = (second, world.truth.alarms.iter().any(raised)) {
            return event.time.since(second);
        }
    }
    panic!("nobody says so\n{stage}");
}

/// C4: cut from the leader to its backup, without terms: two leaders until the heal, whoever begins the heartbeats; the
/// banner is there at once, and the writes of both sides are counted.
#[test]
fn c4_one_way_from_the_leader_there_are_two_until_the_heal() {
    for mode in ["pull", "push"] {
        for seed in 0..20 {
            let (stage, _) = cut(&format!("heartbeat_mode = \"{mode}\""), "r1->r2", seed);
            assert_eq!(stage.leaders().len(), 2, "{mode}\n{stage}");
            assert!(split(&stage) > CUT.mul_f64(0.8), "{mode}: {:?}\n{stage}", split(&stage));
            assert!(banner_delay(&stage) <= ms(250), "{mode}\n{stage}");
            let split = stage.group().split.as_ref().expect("it lasts");
            let sides = [stage.id("r1"), stage.id("r2")].map(|side| split.acked[&side]);
            assert!(sides.iter().all(|side| *side > 20), "{mode}: {sides:?}\n{stage}");
        }
    }
}

/// C5: the same with terms: the old leader, who still hears, steps down within two heartbeats, and that is all where the
/// new one pushes. Where heartbeats are pulled the old one, a backup now, gets no reply to its own, and takes over again
/// in a newer term: a cut in one direction is one in both there.
#[test]
fn c5_terms_end_it_within_two_heartbeats() {
    for seed in 0..20 {
        let (stage, _) = cut("terms = true\nheartbeat_mode = \"push\"", "r1->r2", seed);
        assert_eq!((stage.figures().splits, stage.figures().elections), (1, 1), "{stage}");
        assert!(split(&stage) <= 2 * HEARTBEAT, "{:?}\n{stage}", split(&stage));
        assert_eq!(stage.leaders(), [stage.id("r2")], "{stage}");
        let (stage, _) = cut("terms = true", "r1->r2", seed);
        let first = stage.group().splits.front().expect("the first is over");
        let lasted = first.until.expect("it is over").since(first.since);
        assert!(lasted <= 2 * HEARTBEAT, "{lasted:?}\n{stage}");
        assert!(stage.figures().splits >= 2 && stage.figures().same_term == 0, "{stage}");
    }
}

/// C6: cut from the backup to its leader. With pushed heartbeats the backup hears its leader: one leader, no election;
/// `sync` writes stand still until the leader takes the backup for dead. With pulled ones the replies stop in either
/// direction, and the backup takes over.
#[test]
fn c6_one_way_to_the_leader_does_nothing_where_it_pushes() {
    for seed in 0..20 {
        for terms in [false, true] {
            let settings = format!("heartbeat_mode = \"push\"\nterms = {terms}");
            let (stage, _) = cut(&settings, "r2->r1", seed);
            let figures = stage.figures();
            assert_eq!((figures.leaders_max, figures.elections), (1, 0), "{stage}");
            let (stage, at) = cut(&format!("{settings}\npropagation = \"sync\""), "r2->r1", seed);
            let figures = stage.figures();
            assert_eq!((figures.leaders_max, figures.elections), (1, 0), "{stage}");
            let waited = longest_wait(&stage, at);
            assert!(waited >= ms(200) && waited <= ms(400), "{waited:?}\n{stage}");
            let (stage, _) = cut(&format!("terms = {terms}"), "r2->r1", seed);
            assert!(stage.figures().elections >= 1, "{stage}");
        }
    }
}

/// The longest time without an acknowledgement since then.
fn longest_wait(stage: &Stage, from: LabTime) -> Duration {
    let acks = stage.group().ops().filter_map(|op| op.acked).filter(|at| *at > from);
    let mut acks: Vec<LabTime> = std::iter::once(from).chain(acks).collect();
    acks.sort();
    acks.windows(2).map(|two| two[1].since(two[0])).max().expect("somebody wrote")
}

/// C7: cut in both directions, terms are no quorum: two lead until the heal.
#[test]
fn c7_terms_are_no_quorum() {
    for seed in 0..20 {
        let (mut stage, _) = cut("terms = true", "r1<->r2", seed);
        assert_eq!(stage.leaders().len(), 2, "{stage}");
        assert_eq!(stage.figures().same_term, 0, "each in a term of its own");
        stage.give("reset");
        stage.until("one leads again", ms(2_000), |stage| stage.leaders().len() == 1);
    }
}

/// C8: a heal throws away what one side wrote: counted, and listed one by one, as the logs before it say; and within
/// two seconds both have the same.
#[test]
fn c8_what_a_heal_throws_away_is_counted_and_listed() {
    for (settings, links, seed) in
        (0..20).flat_map(|seed| [("", "r1->r2", seed), ("terms = true", "r1<->r2", seed)])
    {
        let (mut stage, _) = cut(settings, links, seed);
        for words in ["load alice off", "load bob off"] {
            stage.give(words);
        }
        stage.run(ms(500));
        let before = stage.figures();
        assert_eq!(before.discarded, 0, "{stage}");
        let (r1, r2) = (stage.id("r1"), stage.id("r2"));
        // With terms the newer leader's log stands; without, that of the lower id.
        let (winner, loser) = if settings.is_empty() { (r1, r2) } else { (r2, r1) };
        let only = |stage: &Stage| {
            let group = stage.group();
            let held = |op: &faultlab::check::Op| group.holders(op).collect::<Vec<_>>();
            let ids = group.ops().filter(|op| held(op) == [loser]).map(|op| op.id.clone());
            ids.collect::<Vec<_>>()
        };
        let mut oracle = only(&stage);
        assert!(oracle.len() > 20, "{stage}");
        stage.give("reset");
        stage.until("both have the same", ms(2_000), Stage::is_in_step);
        assert_eq!(stage.figures().diverged, 0, "{stage}");
        let group = stage.group();
        // What had stood still on a cut link reaches the other side now, and is done there.
        let still = group.ops().filter(|op| group.holders(op).any(|by| by == winner));
        let still: Vec<_> = still.map(|op| op.id.clone()).collect();
        oracle.retain(|id| !still.contains(id));
        assert!(oracle.len() > 20, "{stage}");
        assert_eq!(stage.figures().discarded, oracle.len() as u64, "{stage}");
        let mut listed: Vec<_> = group.discarded.iter().map(|thrown| thrown.id.clone()).collect();
        listed.sort();
        oracle.sort();
        assert_eq!(listed, oracle, "{stage}");
        assert!(group.discarded.iter().all(|it| (it.by, it.for_the_log_of) == (loser, winner)));
        let acked = group.discarded.iter().filter(|thrown| thrown.acked).count() as u64;
        assert_eq!(stage.figures().lost, acked, "{stage}");
    }
}

/// The pair of these tests is what it is taken for.
#[test]
fn the_pair_has_the_heartbeats_that_these_claims_are_about() {
    let topology = read(&pair(""));
    let beats = topology.nodes.iter().filter_map(|node| match &node.kind {
        faultlab::topology::Kind::Replica(replica) => Some(replica.heartbeat),
        _ => None,
    });
    assert_eq!(beats.collect::<Vec<_>>(), [HEARTBEAT; 2]);
}
