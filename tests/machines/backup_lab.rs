//! One replica of the scheme primary-backup by itself; the test plays its clients and the other replicas.

use crate::harness::*;
use crate::store_lab::*;
use faultlab::base::{Incarnation, NodeId, Token};
use faultlab::machine::{Effect, Input};
use faultlab::message::{
    Digest, Entry, Image, Message, Note, Position, ReplicaMessage as Say, StoreNote,
};
use faultlab::topology::{ReplicaConfig, Scheme};
use std::sync::Arc;
use std::time::Duration;

/// Writes of these clients, one after the other, in one term.
pub fn entries(term: u64, clients: &str) -> Vec<Entry> {
    let entry = |(position, client): (u64, char)| {
        let id = id(&client.to_string(), position);
        Entry { position, term, id, operation: put(&format!("k{client}"), &position.to_string()) }
    };
    (1..).zip(clients.chars()).map(entry).collect()
}

/// How far a replica with this log is.
pub fn at(log: &[Entry]) -> Position {
    let digest = log.iter().fold(Digest::default(), Digest::with);
    Position { at: log.len() as u64, digest }
}

/// A replica in one of its lives, whose connections to the others stand. What it did so far is forgotten.
pub fn life(
    node: NodeId,
    number: u32,
    image: Image,
    change: impl FnOnce(&mut ReplicaConfig),
) -> Solo {
    let mut solo = waking(node, number, image, change);
    for peer in ALL.into_iter().filter(|peer| *peer != node) {
        solo.connect(peer);
    }
    solo.done.clear();
    solo
}

/// The same, with nothing forgotten and no connection yet.
pub fn waking(
    node: NodeId,
    number: u32,
    image: Image,
    change: impl FnOnce(&mut ReplicaConfig),
) -> Solo {
    let mut topology = store_topology(Scheme::PrimaryBackup);
    change(replica_in(&mut topology, node));
    Solo::born(topology, node, Incarnation(number), image)
}

pub fn first(node: NodeId, change: impl FnOnce(&mut ReplicaConfig)) -> Solo {
    life(node, 1, Image::default(), change)
}

pub fn disk(term: u64, entries: Vec<Entry>) -> Image {
    Image { entries, term }
}

pub fn tells(solo: &mut Solo, from: NodeId, said: Say) {
    solo.from(from, Message::Replica(said));
}

pub fn alive(term: u64, log: &[Entry]) -> Say {
    Say::Alive { number: 1, term, have: at(log), leads: true }
}

pub fn follower(term: u64, log: &[Entry]) -> Say {
    Say::Alive { number: 1, term, have: at(log), leads: false }
}

pub fn leads(term: u64, log: &[Entry]) -> Say {
    Say::Leads { term, have: at(log) }
}

pub fn have(term: u64, log: &[Entry]) -> Say {
    Say::Have { term, have: at(log) }
}

pub fn state(term: u64, keep: u64, entries: &[Entry]) -> Say {
    Say::State { term, keep, entries: Arc::from(entries), more: false }
}

pub fn persisted(solo: &mut Solo, token: u64) {
    let (token, took) = (Token(token), Duration::from_millis(1));
    solo.input(Input::Persisted { token, bytes: 100, took });
}

/// What it did since, in short lines; connections and timers left out.
pub fn did(solo: &mut Solo) -> Vec<String> {
    let names = solo.topology.names.clone();
    let done = std::mem::take(&mut solo.done);
    let mut lines = Vec::new();
    for effect in done {
        match effect {
            Effect::Note(note) => lines.push(line_of(&solo.topology.names, &note)),
            Effect::Send { conn, message: Message::Replica(said), .. } => {
                let to = names.peer(solo.peer(conn)).to_string();
                lines.push(format!("{to} <- {}", say_line(&said)));
            }
            other => {
                solo.done.push(other);
                lines.extend(solo.lines());
            }
        }
    }
    lines.retain(|line| !line.starts_with("open ") && !line.starts_with("close "));
    lines
}

/// The lines that contain one of these words.
pub fn did_only(solo: &mut Solo, words: &[&str]) -> Vec<String> {
    let fits = |line: &String| words.iter().any(|word| line.contains(word));
    did(solo).into_iter().filter(fits).collect()
}

fn line_of(names: &faultlab::base::Names, note: &Note) -> String {
    let of = |node: &NodeId| names.of(*node);
    match note {
        Note::Store(StoreNote::Stood { term, asked, .. }) => {
            let asked: Vec<_> = asked.iter().map(of).collect();
            format!("stood for {term} [{}]", asked.join(","))
        }
        Note::Store(StoreNote::StoodDown { to }) => format!("stood down to {}", of(to)),
        Note::Store(StoreNote::Promoted { term, have }) => {
            format!("promoted in {term} at {}", have.at)
        }
        Note::Store(StoreNote::Demoted { to, term }) => format!("demoted to {} {term}", of(to)),
        Note::Store(StoreNote::Follows { leader, term }) => {
            format!("follows {} {term}", of(leader))
        }
        Note::Store(StoreNote::Fenced { from, stale, term }) => {
            format!("fenced {} {stale}<{term}", of(from))
        }
        Note::Store(StoreNote::WaitsFor { about, awaited }) => {
            format!("waits for {} {awaited:?}", of(about))
        }
        Note::Store(StoreNote::WaitOver { about }) => format!("wait for {} is over", of(about)),
        _ => short_note(names, note),
    }
}

fn say_line(said: &Say) -> String {
    match said {
        Say::Beat { number, term, have } => format!("beat {number} t{term} at {}", have.at),
        Say::Alive { term, have, leads, .. } => {
            let word = if *leads { "alive, leading" } else { "alive" };
            format!("{word} t{term} at {}", have.at)
        }
        Say::Election { term } => format!("election t{term}"),
        Say::Here { term, leads } => {
            format!("here{} t{term}", if *leads { ", leading" } else { "" })
        }
        Say::Leads { term, have } => format!("leads t{term} at {}", have.at),
        Say::Change { term, entry } => format!("change t{term} {}", entry.position),
        Say::Have { term, have } => format!("have t{term} at {}", have.at),
        Say::CatchUp { have, whole, .. } => {
            format!("catch up {} from {}", if *whole { "whole" } else { "rest" }, have.at)
        }
        Say::State { keep, entries, .. } => format!("state {keep}+{}", entries.len()),
        other => format!("{other:?}"),
    }
}

pub fn operate(client: &str, number: u64, operation: faultlab::message::Operation) -> Message {
    Message::Operate { id: Some(id(client, number)), operation }
}
