//! The replica of the scheme primary-backup: heartbeats, suspicion, elections, terms, and two leaders.

use crate::backup_lab::*;
use crate::harness::*;
use crate::store_lab::{R1, R2, R3, R4, put};
use faultlab::event::Ending;
use faultlab::message::{Image, ReplicaMessage as Say};
use faultlab::topology::{HeartbeatMode, Setting};

const COURSE: [&str; 11] = [
    "suspected",
    "cleared",
    "stood",
    "election",
    "here",
    "promoted",
    "demoted",
    "leads",
    "follows",
    "fenced",
    "alive, leading",
];

#[test]
fn in_the_first_life_the_lowest_id_leads_and_the_others_follow_it() {
    let mut solo = waking(R1, 1, Image::default(), |_| ());
    assert_eq!(did(&mut solo), ["read log 0", "promoted in 0 at 0"]);
    solo.connect(R2);
    assert_eq!(did(&mut solo), ["r2 <- leads t0 at 0"]);
    let mut solo = waking(R1, 1, Image::default(), |config| config.terms = true);
    assert_eq!(did(&mut solo), ["read log 0", "promoted in 1 at 0", "persist 1 after 0 +0"]);

    let mut solo = waking(R3, 1, Image::default(), |_| ());
    assert_eq!(did(&mut solo), ["read log 0", "follows r1 0"]);
    solo.connect(R2);
    solo.connect(R1);
    assert_eq!(did(&mut solo), ["r1 <- beat 1 t0 at 0"]);

    // One that was not started with the lab asks first, and so does one that has lived before or has a log.
    for mut solo in [
        waking(R4, 1, Image::default(), |_| ()),
        waking(R1, 2, Image::default(), |_| ()),
        waking(R1, 1, disk(0, entries(0, "a")), |_| ()),
    ] {
        assert_eq!(did(&mut solo).len(), 1, "it reads its log and takes nothing for granted");
    }
}

#[test]
fn a_pulled_heartbeat_is_asked_for_and_an_unanswered_one_does_not_stop_the_next() {
    let mut solo = first(R2, |_| ());
    solo.at(2000);
    assert_eq!(did_only(&mut solo, &["beat"]), ["r1 <- beat 2 t0 at 0", "r1 <- beat 3 t0 at 0"]);
    let mut solo = first(R1, |_| ());
    solo.at(3999);
    assert_eq!(did_only(&mut solo, &["alive", "beat", "leads"]).len(), 0, "who leads is asked");
    tells(&mut solo, R2, Say::Beat { number: 7, term: 0, have: at(&[]) });
    assert_eq!(did_only(&mut solo, &["r2 <-"]), ["r2 <- alive, leading t0 at 0"]);
    solo.at(5000);
    assert_eq!(
        did_only(&mut solo, &["leads", "Down"]),
        ["r3 <- leads t0 at 0", "believed r3 Down"],
        "whoever asks nothing is told, and taken for dead"
    );
}

#[test]
fn a_pushed_heartbeat_goes_to_all_and_is_answered_with_how_far_one_is() {
    let mut solo = first(R1, |config| config.heartbeat_mode = HeartbeatMode::Push);
    solo.at(1000);
    assert_eq!(
        did_only(&mut solo, &["<-"]),
        ["r2 <- alive, leading t0 at 0", "r3 <- alive, leading t0 at 0"]
    );
    let mut solo = first(R2, |config| config.heartbeat_mode = HeartbeatMode::Push);
    solo.at(3000);
    assert_eq!(did(&mut solo).len(), 0, "a backup asks nothing");
    tells(&mut solo, R1, alive(0, &[]));
    assert_eq!(did_only(&mut solo, &["<-"]), ["r1 <- have t0 at 0"]);
    solo.at(6999);
    assert_eq!(did_only(&mut solo, &COURSE).len(), 0);
    solo.at(7000);
    assert_eq!(did_only(&mut solo, &["suspected"]), ["suspected r1"]);
}

#[test]
fn a_backup_that_suspects_asks_the_lower_ids_and_takes_over_after_a_heartbeat() {
    let mut solo = first(R3, |_| ());
    solo.at(4000);
    assert_eq!(
        did_only(&mut solo, &COURSE),
        ["suspected r1", "stood for 0 [r1,r2]", "r1 <- election t0", "r2 <- election t0"]
    );
    solo.at(4999);
    assert_eq!(did_only(&mut solo, &COURSE).len(), 0);
    solo.at(5000);
    assert_eq!(
        did_only(&mut solo, &COURSE),
        ["promoted in 0 at 0", "r1 <- leads t0 at 0", "r2 <- leads t0 at 0"]
    );
}

#[test]
fn whoever_answers_an_election_is_waited_for_and_asked_again() {
    let mut solo = first(R3, |_| ());
    solo.at(4000);
    did(&mut solo);
    tells(&mut solo, R2, Say::Here { term: 0, leads: false });
    assert_eq!(did_only(&mut solo, &COURSE), ["stood down to r2"]);
    solo.at(7999);
    assert_eq!(did_only(&mut solo, &COURSE).len(), 0);
    solo.at(8000);
    assert_eq!(
        did_only(&mut solo, &COURSE),
        ["stood for 0 [r1,r2]", "r1 <- election t0", "r2 <- election t0"]
    );
    // This time the suspected one is there after all, and leads.
    tells(&mut solo, R1, Say::Here { term: 0, leads: true });
    assert_eq!(did_only(&mut solo, &COURSE), ["cleared r1", "stood down to r1", "follows r1 0"]);
}

#[test]
fn a_lost_connection_to_the_leader_is_no_proof_of_its_death() {
    let mut solo = first(R2, |_| ());
    solo.end(solo.conn(R1), Ending::Reset);
    assert_eq!(did_only(&mut solo, &COURSE).len(), 0);
    solo.at(1000);
    solo.refuse(R1);
    solo.at(3999);
    assert_eq!(did_only(&mut solo, &COURSE).len(), 0);
    solo.at(4000);
    assert_eq!(did_only(&mut solo, &COURSE), ["suspected r1", "stood for 0 [r1]"]);
}

#[test]
fn one_that_returns_follows_whoever_leads_and_stands_when_nobody_does() {
    let returned = || life(R2, 2, disk(0, entries(0, "a")), |_| ());
    let mut solo = returned();
    tells(&mut solo, R1, follower(0, &[]));
    tells(&mut solo, R3, alive(0, &entries(0, "a")));
    assert_eq!(did_only(&mut solo, &COURSE), ["follows r3 0"]);

    let mut solo = returned();
    tells(&mut solo, R1, follower(0, &[]));
    assert_eq!(did_only(&mut solo, &COURSE).len(), 0);
    tells(&mut solo, R3, follower(0, &[]));
    assert_eq!(did_only(&mut solo, &COURSE), ["stood for 0 [r1]", "r1 <- election t0"]);

    // Who is not there does not lead either.
    let mut solo = waking(R2, 2, Image::default(), |_| ());
    solo.refuse(R1);
    solo.refuse(R3);
    assert_eq!(did_only(&mut solo, &["stood"]), ["stood for 0 [r1]"]);

    let mut solo = returned();
    solo.at(3999);
    assert_eq!(did_only(&mut solo, &COURSE).len(), 0);
    solo.at(4000);
    assert_eq!(did_only(&mut solo, &["stood"]), ["stood for 0 [r1]"]);
}

#[test]
fn a_leader_that_asks_does_not_lead_any_more() {
    for said in [
        Say::Beat { number: 1, term: 0, have: at(&[]) },
        Say::Election { term: 0 },
        follower(0, &[]),
    ] {
        let mut solo = first(R2, |_| ());
        tells(&mut solo, R1, said);
        assert_eq!(did_only(&mut solo, &["stood"]), ["stood for 0 [r1]"]);
    }
}

/// A stage, who speaks, what, and what is done about it.
type Case = (&'static str, fn() -> Solo, faultlab::base::NodeId, Say, &'static [&'static str]);

/// What r2, in each of its stages, makes of another's claim to lead, without terms and with pulled heartbeats.
#[test]
fn without_terms_the_lower_id_has_precedence_and_only_an_announcement_counts() {
    let leader = || {
        let mut solo = first(R2, |_| ());
        solo.at(5000);
        solo.at(6000);
        did(&mut solo);
        solo
    };
    let backup_of_r3 = || {
        let mut solo = life(R2, 2, Image::default(), |_| ());
        tells(&mut solo, R3, alive(0, &[]));
        did(&mut solo);
        solo
    };
    let backup_of_r1 = || first(R2, |_| ());
    let cases: Vec<Case> = vec![
        (
            "leads, lower announces",
            leader,
            R1,
            leads(0, &[]),
            &["cleared r1", "demoted to r1 0", "follows r1 0"],
        ),
        ("leads, lower replies", leader, R1, alive(0, &[]), &["cleared r1"]),
        ("leads, higher announces", leader, R3, leads(0, &[]), &[]),
        ("follows r3, lower announces", backup_of_r3, R1, leads(0, &[]), &["follows r1 0"]),
        ("follows r3, lower replies", backup_of_r3, R1, alive(0, &[]), &[]),
        ("follows r1, higher announces", backup_of_r1, R3, leads(0, &[]), &[]),
        ("follows r1, it announces again", backup_of_r1, R1, leads(0, &[]), &[]),
    ];
    for (what, make, from, said, expected) in cases {
        let mut solo = make();
        tells(&mut solo, from, said);
        assert_eq!(did_only(&mut solo, &COURSE), expected, "{what}");
    }
}

#[test]
fn terms_fence_an_old_leader_off_and_each_leads_in_its_own() {
    let terms = |config: &mut faultlab::topology::ReplicaConfig| config.terms = true;
    // The second of four (r4 belongs to the group although nobody knows it) leads in the terms 2, 6, 10.
    let mut solo = first(R2, terms);
    solo.at(5000);
    assert_eq!(did_only(&mut solo, &["promoted"]), ["promoted in 2 at 0"]);
    // The zombie's heartbeat is turned away, and it is told why; the same is not noted twice.
    for _ in 0..2 {
        tells(&mut solo, R1, alive(1, &[]));
    }
    assert_eq!(
        did_only(&mut solo, &["fenced", "here", "demoted"]),
        ["fenced r1 1<2", "r1 <- here, leading t2", "r1 <- here, leading t2"]
    );
    // The zombie steps down at once, whoever tells it, and knows whose term it is.
    for (from, said) in [
        (R2, leads(2, &[])),
        (R3, Say::Here { term: 2, leads: false }),
        (R3, Say::Beat { number: 1, term: 2, have: at(&[]) }),
    ] {
        let mut solo = first(R1, terms);
        persisted(&mut solo, 1);
        tells(&mut solo, from, said);
        let course = did_only(&mut solo, &["demoted", "follows", "persist"]);
        assert_eq!(course, ["demoted to r2 2", "follows r2 2", "persist 2 after 0 +0"]);
    }
    // It remembers the term over its death.
    let mut solo = life(R1, 2, disk(2, Vec::new()), terms);
    solo.at(4000);
    assert_eq!(did_only(&mut solo, &["promoted"]), ["promoted in 5 at 0"]);
}

#[test]
fn an_election_is_a_proposal_and_raises_nobodys_term() {
    let mut solo = first(R1, |config| config.terms = true);
    tells(&mut solo, R3, Say::Election { term: 3 });
    assert_eq!(did_only(&mut solo, &COURSE), ["r3 <- here, leading t1"]);
}

#[test]
fn a_new_leader_takes_what_it_lacks_from_a_backup_before_it_serves() {
    let (old, new) = (entries(0, "a"), entries(0, "abc"));
    let mut solo = life(R1, 2, disk(0, old), |_| ());
    let alice = solo.client();
    tells(&mut solo, R2, follower(0, &new));
    tells(&mut solo, R3, follower(0, &[]));
    assert_eq!(did_only(&mut solo, &["promoted"]), ["promoted in 0 at 1"]);
    solo.hear(alice, operate("alice.1", 1, put("k", "v")));
    tells(&mut solo, R3, have(0, &[]));
    tells(&mut solo, R2, have(0, &new));
    assert_eq!(did_only(&mut solo, &["accepted", "r2 <-"]), ["r2 <- catch up whole from 1"]);
    // Meanwhile it ships nothing that may not last, and reads are not served from what it has.
    tells(&mut solo, R3, Say::CatchUp { term: 0, have: at(&[]), whole: true });
    tells(&mut solo, R3, Say::Beat { number: 1, term: 0, have: at(&[]) });
    assert_eq!(did_only(&mut solo, &["r3 <-"]).len(), 0);
    tells(&mut solo, R2, state(0, 0, &new));
    assert_eq!(
        did_only(&mut solo, &["caught", "r3 <- state", "accepted"]),
        ["caught up State r2 +3 at 3", "r3 <- state 0+3", "accepted 4 alice.1#1"]
    );
    // With the flaw it counts itself as current.
    let early = flaws(&[faultlab::message::Flaw::ServesEarly]);
    let mut solo = life(R1, 2, Image::default(), |config| config.flaws = early);
    let alice = solo.client();
    solo.hear(alice, operate("alice.1", 1, put("k", "v")));
    tells(&mut solo, R2, follower(0, &new));
    tells(&mut solo, R3, follower(0, &[]));
    solo.hear(alice, operate("alice.1", 2, put("k", "v")));
    assert_eq!(did_only(&mut solo, &["accepted"]), ["accepted 1 alice.1#2"]);
}

#[test]
fn the_new_leader_waits_for_nobody_longer_than_a_heartbeat() {
    let mut solo = first(R2, |_| ());
    let alice = solo.client();
    solo.at(5000);
    solo.hear(alice, operate("alice.1", 1, put("k", "v")));
    solo.at(5999);
    assert_eq!(did_only(&mut solo, &["accepted"]).len(), 0, "r3 may have more");
    solo.at(6000);
    assert_eq!(did_only(&mut solo, &["accepted"]), ["accepted 1 alice.1#1"]);
}

#[test]
fn rhythm_mode_and_terms_change_while_it_runs() {
    let mut solo = first(R2, |_| ());
    solo.at(3900);
    solo.set(Setting::SuspectAfter(ms(8000)));
    solo.at(11_899);
    assert_eq!(did_only(&mut solo, &COURSE).len(), 0);
    solo.at(11_900);
    assert_eq!(did_only(&mut solo, &["suspected"]), ["suspected r1"]);

    let mut solo = first(R1, |_| ());
    solo.set(Setting::Heartbeat(ms(200)));
    solo.set(Setting::HeartbeatMode(HeartbeatMode::Push));
    solo.at(400);
    assert_eq!(did_only(&mut solo, &["r2 <- alive"]).len(), 2);
    solo.set(Setting::Terms(true));
    assert_eq!(
        did_only(&mut solo, &["promoted", "leads"]),
        ["promoted in 1 at 0", "r2 <- leads t1 at 0", "r3 <- leads t1 at 0"]
    );
}
