//! When a replica answers a read: what it shows must be there after a crash.

use crate::active_lab;
use crate::backup::{blocking, leader, log, put_number, sync};
use crate::backup_lab::{at, did_only, disk, first, have, life, operate, persisted, state, tells};
use crate::harness::*;
use crate::store_lab::{ALICE, R1, R2, R3, get, id, post, put};
use faultlab::base::{Peer, Token};
use faultlab::event::Ending;
use faultlab::machine::{Input, Told};
use faultlab::message::{Entry, ReplicaMessage as Say};
use faultlab::topology::Propagation;

fn get_number(solo: &mut Solo, conn: faultlab::base::ConnId, number: u64) {
    solo.hear(conn, operate("alice.1", number, get("k")));
}

fn refused(solo: &mut Solo, token: u64) {
    solo.input(Input::Unpersisted { token: Token(token), why: "full".into() });
}

#[test]
fn a_leader_shows_what_it_could_acknowledge_and_no_more() {
    let (mut solo, alice) = leader(|_| ());
    put_number(&mut solo, alice, 1);
    get_number(&mut solo, alice, 2);
    solo.hear(alice, operate("alice.1", 3, get("other")));
    assert_eq!(
        did_only(&mut solo, &["served"]),
        ["served alice.1#3 no such key"],
        "only what was just written is waited for"
    );
    persisted(&mut solo, 1);
    assert_eq!(
        did_only(&mut solo, &["served", "send"]),
        ["served alice.1#2 v", "send alice alice.1#2 v", "send alice alice.1#1 ok"]
    );

    let (mut solo, alice) = leader(sync);
    put_number(&mut solo, alice, 1);
    persisted(&mut solo, 1);
    get_number(&mut solo, alice, 2);
    tells(&mut solo, R2, have(0, &log(1)));
    assert_eq!(did_only(&mut solo, &["served"]).len(), 0, "r3 may take its place without it");
    tells(&mut solo, R3, have(0, &log(1)));
    assert_eq!(did_only(&mut solo, &["served"]), ["served alice.1#2 v"]);
    // A backup that comes back, and lacks everything, keeps nobody waiting for what could be shown before.
    solo.end(solo.conn(R3), Ending::Reset);
    solo.connect(R3);
    tells(&mut solo, R3, have(0, &[]));
    get_number(&mut solo, alice, 3);
    assert_eq!(did_only(&mut solo, &["served"]), ["served alice.1#3 v"]);
}

#[test]
fn what_a_read_gives_is_what_stood_there_when_it_was_asked() {
    let (mut solo, alice) = leader(|_| ());
    put_number(&mut solo, alice, 1);
    get_number(&mut solo, alice, 2);
    solo.hear(alice, operate("alice.1", 3, put("k", "newer")));
    persisted(&mut solo, 1);
    assert_eq!(did_only(&mut solo, &["served"]), ["served alice.1#2 v"]);
    get_number(&mut solo, alice, 4);
    assert_eq!(did_only(&mut solo, &["served"]).len(), 0);
    persisted(&mut solo, 2);
    assert_eq!(did_only(&mut solo, &["served"]), ["served alice.1#4 newer"]);
}

#[test]
fn a_backup_shows_what_is_on_its_own_disk() {
    let mut solo = first(R2, |_| ());
    let alice = solo.client();
    tells(&mut solo, R1, Say::Leads { term: 0, have: at(&[]) });
    tells(&mut solo, R1, Say::Change { term: 0, entry: log(1).remove(0) });
    get_number(&mut solo, alice, 2);
    assert_eq!(did_only(&mut solo, &["served"]).len(), 0);
    persisted(&mut solo, 1);
    assert_eq!(did_only(&mut solo, &["served"]), ["served alice.1#2 v"]);
}

#[test]
fn a_read_of_what_another_log_replaces_is_read_anew() {
    // r2 follows r1, has one write on its disk, and is sent another, which its leader's next log does not have.
    let mut solo = life(R2, 2, disk(0, log(1)), |_| ());
    let alice = solo.client();
    tells(&mut solo, R1, Say::Leads { term: 0, have: at(&log(1)) });
    let gone = Entry { operation: put("k", "gone"), ..log(2).remove(1) };
    tells(&mut solo, R1, Say::Change { term: 0, entry: gone });
    get_number(&mut solo, alice, 9);
    assert_eq!(did_only(&mut solo, &["served"]).len(), 0);
    let other = Entry { id: id("bob.1", 1), operation: post("hall", "hello"), ..log(2).remove(1) };
    let new = [log(1).remove(0), other];
    tells(&mut solo, R1, Say::Alive { number: 1, term: 0, have: at(&new), leads: true });
    tells(&mut solo, R1, state(0, 0, &new));
    assert_eq!(did_only(&mut solo, &["served"]), ["served alice.1#9 v"]);
}

#[test]
fn a_disk_that_refuses_fails_the_reads_that_wait_for_it() {
    // Nobody was sent it: it is taken back, and the read gives what stood there before.
    let (mut solo, alice) = leader(|_| ());
    put_number(&mut solo, alice, 1);
    get_number(&mut solo, alice, 2);
    refused(&mut solo, 1);
    assert_eq!(did_only(&mut solo, &["served"]), ["served alice.1#2 no such key"]);
    // It was sent to others: it may stand or fall, and the read is told so.
    let (mut solo, alice) = leader(sync);
    put_number(&mut solo, alice, 1);
    get_number(&mut solo, alice, 2);
    refused(&mut solo, 1);
    assert_eq!(did_only(&mut solo, &["alice alice"]), ["send alice alice.1#2 failed: full"]);
    get_number(&mut solo, alice, 3);
    assert_eq!(did_only(&mut solo, &["alice alice"]), ["send alice alice.1#3 failed: full"]);
}

#[test]
fn a_leader_that_waits_in_the_blocking_form_shows_nothing_of_what_it_waits_for() {
    let (mut solo, alice) = leader(blocking);
    put_number(&mut solo, alice, 1);
    persisted(&mut solo, 1);
    get_number(&mut solo, alice, 2);
    for node in [R2, R3] {
        assert_eq!(did_only(&mut solo, &["served"]).len(), 0);
        tells(&mut solo, node, have(0, &log(1)));
    }
    assert_eq!(did_only(&mut solo, &["served"]), ["served alice.1#2 v"]);
}

#[test]
fn who_ends_in_good_order_answers_the_reads_that_wait() {
    let (mut solo, alice) = leader(|config| config.propagation = Propagation::Async);
    put_number(&mut solo, alice, 1);
    get_number(&mut solo, alice, 2);
    solo.input(Input::Told(Told::Stop));
    assert_eq!(did_only(&mut solo, &["served"]).len(), 0);
    persisted(&mut solo, 1);
    assert_eq!(did_only(&mut solo, &["served"]), ["served alice.1#2 v"]);
}

#[test]
fn an_active_replica_shows_what_is_on_its_disk() {
    use crate::store_lab::did_only;
    let mut solo = active_lab::first_life(|_| ());
    let alice = solo.accept(Peer::Node(ALICE));
    active_lab::asks(&mut solo, alice, "alice.1", 1, put("k", "v"));
    active_lab::asks(&mut solo, alice, "alice.1", 2, get("k"));
    active_lab::asks(&mut solo, alice, "alice.1", 3, get("other"));
    assert_eq!(did_only(&mut solo, &["served"]), ["served alice.1#3 no such key"]);
    active_lab::persisted(&mut solo, 1);
    assert_eq!(
        did_only(&mut solo, &["served", "send"]),
        ["served alice.1#2 v", "send alice alice.1#2 v", "send alice alice.1#1 ok"]
    );
    active_lab::asks(&mut solo, alice, "alice.1", 4, put("k", "refused"));
    active_lab::asks(&mut solo, alice, "alice.1", 5, get("k"));
    refused(&mut solo, 2);
    assert_eq!(did_only(&mut solo, &["served"]), ["served alice.1#5 v"]);
}
