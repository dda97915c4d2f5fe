//! A TS in front of a store: the table first, then the store, and what is said where that has none or does not answer.

use crate::harness::*;
use crate::store_lab::*;
use faultlab::message::{Message, StoreSaid};
use faultlab::topology::{Kind, OnMiss, Scheme, Setting};

fn ts(on_miss: OnMiss) -> Solo {
    let mut topology = store_topology(Scheme::PrimaryBackup);
    if let Kind::Ts(ts) = &mut topology.nodes[TS.index()].kind {
        ts.on_miss = on_miss;
        ts.workers = Some(1);
        ts.queue = 1;
    }
    let mut solo = Solo::new(topology, TS);
    for replica in ALL {
        solo.connect(replica);
    }
    solo.done.clear();
    solo
}

fn store_says(solo: &mut Solo, number: u64, said: StoreSaid) {
    solo.from(R1, Message::Operated { id: Some(id("ts.1", number)), said });
}

#[test]
fn what_the_table_lacks_is_asked_of_the_store() {
    let mut solo = ts(OnMiss::Negative);
    let asker = solo.client();
    solo.ask(asker, "www.TABLE.org");
    assert_eq!(did_only(&mut solo, &["send"]), ["send alice www.table.org 192.0.2.1 A"]);
    solo.ask(asker, "Www.Store.org");
    assert_eq!(
        did(&mut solo),
        [
            "took 2 Www.Store.org",
            "requested 2 get www.store.org",
            "attempted 2 #1 r1 as ts.1#1",
            "send r1 ts.1#1 get www.store.org"
        ]
    );
    store_says(&mut solo, 1, value("192.0.2.9"));
    assert_eq!(
        did(&mut solo),
        [
            "voted 2 r1 192.0.2.9",
            "concluded 2 ok 192.0.2.9 [r1] Answer",
            "decided 2 answered OnlyAnswer",
            "send alice Www.Store.org 192.0.2.9 A"
        ]
    );
}

#[test]
fn a_key_that_is_not_there_is_a_miss_and_a_store_that_does_not_answer_a_failure() {
    for (on_miss, said) in
        [(OnMiss::Negative, vec!["send alice a NEGATIVE"]), (OnMiss::Silent, vec![])]
    {
        let mut solo = ts(on_miss);
        let asker = solo.client();
        solo.ask(asker, "a");
        did(&mut solo);
        store_says(&mut solo, 1, StoreSaid::Value(None));
        assert_eq!(did_only(&mut solo, &["send"]), said);
    }
    let mut solo = ts(OnMiss::Silent);
    let asker = solo.client();
    solo.ask(asker, "a");
    store_says(&mut solo, 1, value("no address"));
    let sent = did_only(&mut solo, &["send alice"]);
    assert_eq!(sent, ["send alice a FAILED what the store has is no address"]);
    solo.ask(asker, "b");
    solo.at(4_000);
    let sent = did_only(&mut solo, &["send alice", "attempted"]);
    assert_eq!(
        sent[..3],
        [
            "attempted 2 #1 r1 as ts.1#2",
            "attempted 2 #2 r2 as ts.1#2",
            "attempted 2 #3 r3 as ts.1#2"
        ]
    );
    assert_eq!(sent.last().unwrap(), "send alice b FAILED the store does not answer");
}

#[test]
fn a_worker_waits_for_the_store_and_is_free_again_whatever_becomes_of_it() {
    let mut solo = ts(OnMiss::Negative);
    let asker = solo.client();
    for name in ["a", "b", "c"] {
        solo.ask(asker, name);
    }
    assert_eq!(
        did_only(&mut solo, &["requested", "send alice"]),
        ["requested 1 get a", "send alice c FAILED the queue is full"]
    );
    store_says(&mut solo, 1, value("192.0.2.1"));
    assert_eq!(
        did_only(&mut solo, &["requested", "send alice"]),
        ["send alice a 192.0.2.1 A", "requested 2 get b"]
    );
    // The asker goes away; the answer that comes for it changes nothing.
    solo.end(asker, faultlab::event::Ending::Reset);
    let other = solo.client();
    solo.ask(other, "d");
    did(&mut solo);
    store_says(&mut solo, 2, value("192.0.2.2"));
    store_says(&mut solo, 3, value("192.0.2.4"));
    assert_eq!(did_only(&mut solo, &["send"]), ["send alice d 192.0.2.4 A"]);
    solo.ask(other, "e");
    assert_eq!(did_only(&mut solo, &["requested"]), ["requested 5 get e"]);
    solo.tell(faultlab::machine::Told::Stop);
    assert_eq!(
        did_only(&mut solo, &["concluded", "send", "exit"]),
        ["send alice e FAILED stopping", "concluded 5 unknown - [] Stopping", "exit"]
    );
}

#[test]
fn how_long_the_store_is_waited_for_and_whom_it_is_are_settings() {
    let mut solo = ts(OnMiss::Negative);
    let asker = solo.client();
    solo.set(Setting::RequestTimeout(ms(100)));
    solo.set(Setting::Timeout(ms(250)));
    solo.ask(asker, "a");
    solo.at(250);
    assert_eq!(
        did_only(&mut solo, &["attempted", "send alice"]),
        [
            "attempted 1 #1 r1 as ts.1#1",
            "attempted 1 #2 r2 as ts.1#1",
            "attempted 1 #3 r3 as ts.1#1",
            "send alice a FAILED the store does not answer"
        ]
    );
    // Others from now on: what is under way goes on there.
    solo.ask(asker, "b");
    did(&mut solo);
    solo.set(Setting::Upstreams(vec![R3]));
    assert_eq!(did_only(&mut solo, &["attempted"]), ["attempted 2 #2 r3 as ts.1#2"]);
    solo.from(R3, Message::Operated { id: Some(id("ts.1", 2)), said: value("192.0.2.7") });
    assert_eq!(did_only(&mut solo, &["send alice"]), ["send alice b 192.0.2.7 A"]);
}
