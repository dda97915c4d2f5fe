//! One active replica by itself; the test plays its clients and the other replicas.

use crate::harness::*;
use crate::store_lab::*;
use faultlab::base::{ConnId, Incarnation, Token};
use faultlab::machine::{Effect, Input};
use faultlab::message::{Entry, Image, Message, Operation, Position, ReplicaMessage};
use faultlab::topology::{ReplicaConfig, Scheme};
use std::sync::Arc;
use std::time::Duration;

/// One after the other, by these clients.
pub fn log(clients: &[&str]) -> Vec<Entry> {
    let mut counts = std::collections::BTreeMap::<&str, u64>::new();
    let entry = |(position, client): (u64, &&'static str)| {
        let number = counts.entry(client).or_default();
        *number += 1;
        let operation = put(&format!("k{client}"), &format!("{client}{number}"));
        Entry { position, term: 0, id: id(client, *number), operation }
    };
    let clients: Vec<&'static str> = clients
        .iter()
        .map(|client| ["a", "b", "c"].into_iter().find(|one| one == client).unwrap())
        .collect();
    (1..).zip(&clients).map(entry).collect()
}

pub fn image(entries: Vec<Entry>) -> Image {
    Image { entries, term: 0 }
}

/// r1 in its first life, with connections to the others.
pub fn first_life(change: impl FnOnce(&mut ReplicaConfig)) -> Solo {
    let mut solo = life(1, image(Vec::new()), change);
    solo.connect(R2);
    solo.connect(R3);
    solo.done.clear();
    solo
}

pub fn life(number: u32, image: Image, change: impl FnOnce(&mut ReplicaConfig)) -> Solo {
    let mut topology = store_topology(Scheme::Active);
    change(replica_in(&mut topology, R1));
    Solo::born(topology, R1, Incarnation(number), image)
}

pub fn asks(solo: &mut Solo, conn: ConnId, client: &str, number: u64, operation: Operation) {
    solo.hear(conn, Message::Operate { id: Some(id(client, number)), operation });
}

pub fn persisted(solo: &mut Solo, token: u64) {
    let (token, took) = (Token(token), Duration::from_millis(1));
    solo.input(Input::Persisted { token, bytes: 100, took });
}

/// The clock of a replica that has this log and saw its last request at this time.
pub fn clock(entries: &[Entry], time_ms: u64) -> Message {
    let mut digest = faultlab::message::Digest::default();
    let mut vector = std::collections::BTreeMap::<Arc<str>, u64>::new();
    for entry in entries {
        digest = digest.with(entry);
        *vector.entry(entry.id.client.clone()).or_default() += 1;
    }
    let have = Position { at: entries.len() as u64, digest };
    Message::Replica(ReplicaMessage::Clock { have, time_ms, vector })
}

pub fn state(keep: u64, entries: &[Entry], more: bool) -> Message {
    let entries = Arc::from(entries);
    Message::Replica(ReplicaMessage::State { term: 0, keep, entries, more })
}

/// What it says to the other replicas, by its first word.
pub fn said_to(solo: &Solo, words: &str) -> usize {
    let fits = |effect: &&Effect| {
        matches!(effect, Effect::Send { message: Message::Replica(message), .. }
            if format!("{message:?}").starts_with(words))
    };
    solo.done.iter().filter(fits).count()
}
