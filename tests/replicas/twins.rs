//! Broken twins of the machines: each is the real one behind a wrapper that makes one mistake, so that the check that
//! guards against this mistake can be seen to fail.

use faultlab::base::{Incarnation, LabTime, NodeId, Token};
use faultlab::machine::{Effect, Effects, Input, Machine, build};
use faultlab::message::{Image, Message, Note, Operation, Position, ReplicaMessage};
use faultlab::message::{StoreNote, StoreSaid};
use faultlab::sim::Maker;
use faultlab::topology::{Role, Topology};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// What a twin does wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mistake {
    /// It takes every write for written as soon as it has asked for it: no fsync.
    NoFsync,
    /// It answers reads from its memory, whatever its disk has.
    ReadsMemory,
    /// It sends its changes to nobody, whatever it says it has sent.
    SendsNothing,
    /// It never asks to be brought up to date.
    NeverCatchesUp,
    /// The third replica takes the terms of the second for its own, as one would that counts on from the newest term.
    SharesTerms,
}

/// Makes replicas with this mistake, and clients without.
pub fn twins(mistake: Mistake) -> Maker {
    Box::new(move |topology: &Arc<Topology>, node: NodeId, incarnation: Incarnation| {
        let inner = build(topology, node, incarnation);
        if topology.node(node).role() != Role::Replica {
            return inner;
        }
        let third = topology.nodes.iter().filter(|other| other.role() == Role::Replica).nth(2);
        let is_third = third.is_some_and(|third| third.id == node);
        match mistake {
            Mistake::NoFsync => Box::new(Hasty { inner }),
            Mistake::ReadsMemory => {
                Box::new(Rash { inner, keys: BTreeMap::new(), have: Position::default() })
            }
            Mistake::SharesTerms if !is_third => inner,
            _ => Box::new(Twin { inner, mistake }),
        }
    })
}

struct Twin {
    inner: Box<dyn Machine>,
    mistake: Mistake,
}

impl Twin {
    /// What becomes of an effect, and what comes after it.
    fn twist(&self, effect: Effect) -> Option<Effect> {
        match (self.mistake, effect) {
            (Mistake::NeverCatchesUp, Effect::Send { message, .. })
                if asks_to_catch_up(&message) =>
            {
                None
            }
            (Mistake::SendsNothing, Effect::Send { message, .. }) if is_change(&message) => None,
            (Mistake::SharesTerms, Effect::Send { conn, mut message, about }) => {
                if let Message::Replica(said) = &mut message {
                    said_in(said);
                }
                Some(Effect::Send { conn, message, about })
            }
            (Mistake::SharesTerms, Effect::Note(mut note)) => {
                if let Note::Store(StoreNote::Acked { term, .. }) = &mut note {
                    *term = shared(*term);
                }
                Some(Effect::Note(note))
            }
            (_, effect) => Some(effect),
        }
    }
}

fn is_change(message: &Message) -> bool {
    matches!(message, Message::Replica(ReplicaMessage::Change { .. }))
}

fn asks_to_catch_up(message: &Message) -> bool {
    matches!(message, Message::Replica(ReplicaMessage::CatchUp { .. }))
}

/// Terms of the third of three are those of the second.
fn shared(term: u64) -> u64 {
    if term > 0 && term.is_multiple_of(3) { term - 1 } else { term }
}

fn said_in(said: &mut ReplicaMessage) {
    match said {
        ReplicaMessage::Beat { term, .. }
        | ReplicaMessage::Alive { term, .. }
        | ReplicaMessage::Election { term }
        | ReplicaMessage::Here { term, .. }
        | ReplicaMessage::Leads { term, .. }
        | ReplicaMessage::Change { term, .. }
        | ReplicaMessage::Have { term, .. }
        | ReplicaMessage::CatchUp { term, .. }
        | ReplicaMessage::State { term, .. } => *term = shared(*term),
        ReplicaMessage::AskClock | ReplicaMessage::Clock { .. } => {}
    }
}

impl Machine for Twin {
    fn step(&mut self, now: LabTime, input: Input, out: &mut Effects) {
        self.inner.step(now, input, out);
        for effect in out.take() {
            if let Some(effect) = self.twist(effect) {
                out.push(effect);
            }
        }
    }
}

/// Takes every write for written.
struct Hasty {
    inner: Box<dyn Machine>,
}

impl Machine for Hasty {
    fn step(&mut self, now: LabTime, input: Input, out: &mut Effects) {
        if matches!(input, Input::Persisted { .. }) {
            return;
        }
        self.inner.step(now, input, out);
        let mut done: Vec<Effect> = Vec::new();
        loop {
            let new = out.take();
            let token = new.iter().find_map(|effect| match effect {
                Effect::Persist { token, .. } => Some(*token),
                _ => None,
            });
            done.extend(new);
            let Some(token) = token else { break };
            self.written(now, token, out);
        }
        for effect in done {
            out.push(effect);
        }
    }
}

impl Hasty {
    fn written(&mut self, now: LabTime, token: Token, out: &mut Effects) {
        let written = Input::Persisted { token, bytes: 0, took: Duration::ZERO };
        self.inner.step(now, written, out);
    }
}

/// Answers reads of keys by itself, from what its replica has taken into its log.
struct Rash {
    inner: Box<dyn Machine>,
    keys: BTreeMap<Arc<str>, Arc<str>>,
    have: Position,
}

impl Rash {
    fn learn(&mut self, operation: &Operation) {
        if let Operation::Put { key, value } = operation {
            self.keys.insert(key.clone(), value.clone());
        }
    }
}

impl Machine for Rash {
    fn step(&mut self, now: LabTime, input: Input, out: &mut Effects) {
        if let Input::Received { conn, message, .. } = &input
            && let Message::Operate { id: Some(id), operation } = &**message
            && let Operation::Get { key } = operation
        {
            let (id, operation, have) = (id.clone(), operation.clone(), self.have);
            let said = StoreSaid::Value(self.keys.get(key).cloned());
            let answer = Message::Operated { id: Some(id.clone()), said: said.clone() };
            out.note(Note::Store(StoreNote::ReadServed { id, operation, have, said }));
            return out.send(*conn, answer, None);
        }
        if let Input::Boot(Image { entries, .. }) = &input {
            for entry in entries {
                self.learn(&entry.operation);
            }
        }
        self.inner.step(now, input, out);
        for effect in out.take() {
            if let Effect::Note(Note::Store(StoreNote::Accepted { entry, have, .. })) = &effect {
                self.learn(&entry.operation);
                self.have = *have;
            }
            out.push(effect);
        }
    }
}
