//! Broken twins: the real replicas with one mistake planted, to see rules of the judge fail that no setting breaks.

use crate::judge::Rule;
use faultlab::base::{LabTime, Token};
use faultlab::machine::{Effect, Effects, Input, Machine, build};
use faultlab::message::{Message, Note, OpOutcome, ReplicaMessage, StoreNote};
use faultlab::sim::Maker;
use faultlab::topology::Role;
use std::time::Duration;

/// What is wrong with a twin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mistake {
    /// Nothing is written, and everything is said to be.
    NoDisk,
    /// What would bring it up to date is not listened to.
    Deaf,
    /// A few connections are opened, and then never again.
    NoReconnect,
    /// A client gives a verdict twice.
    SecondVerdict,
    /// A replica says that it has one entry fewer than it has.
    WrongNote,
}

impl Mistake {
    pub const ALL: [(Self, Rule); 5] = [
        (Self::NoDisk, Rule::KeepsItsWord),
        (Self::Deaf, Rule::Converges),
        (Self::NoReconnect, Rule::ServesAgain),
        (Self::SecondVerdict, Rule::OneVerdict),
        (Self::WrongNote, Rule::NotesAreTrue),
    ];

    fn sits_in(self) -> Role {
        match self {
            Self::SecondVerdict | Self::NoReconnect => Role::Client,
            _ => Role::Replica,
        }
    }
}

struct Twin {
    inner: Box<dyn Machine>,
    mistake: Mistake,
    count: u64,
}

impl Twin {
    /// What it makes of one effect; a write that it claims was done.
    fn spoil(&mut self, effect: Effect, out: &mut Effects) -> Option<Token> {
        match (self.mistake, effect) {
            (Mistake::NoDisk, Effect::Persist { token, .. }) => return Some(token),
            (Mistake::NoReconnect, Effect::Open { .. }) if self.count >= 4 => {}
            (Mistake::NoReconnect, effect @ Effect::Open { .. }) => {
                self.count += 1;
                out.push(effect);
            }
            (
                Mistake::SecondVerdict,
                Effect::Note(Note::Store(
                    note @ StoreNote::Concluded { outcome: OpOutcome::Ok, .. },
                )),
            ) => {
                out.note(Note::Store(note.clone()));
                out.note(Note::Store(note));
            }
            (
                Mistake::WrongNote,
                Effect::Note(Note::Store(StoreNote::CaughtUp {
                    from, how, entries, bytes, ..
                })),
            ) => {
                let have = faultlab::message::Position::default();
                out.note(Note::Store(StoreNote::CaughtUp { from, how, entries, bytes, have }));
            }
            (_, effect) => out.push(effect),
        }
        None
    }
}

impl Machine for Twin {
    fn step(&mut self, now: LabTime, input: Input, out: &mut Effects) {
        if let (Mistake::Deaf, Input::Received { message, .. }) = (self.mistake, &input)
            && matches!(&**message, Message::Replica(ReplicaMessage::State { .. }))
        {
            return;
        }
        let mut inputs = vec![input];
        while let Some(input) = inputs.pop() {
            self.inner.step(now, input, out);
            for effect in out.take() {
                if let Some(token) = self.spoil(effect, out) {
                    let took = Duration::ZERO;
                    inputs.push(Input::Persisted { token, bytes: 0, took });
                }
            }
            // What is still to be done comes after what the next input makes of it.
        }
    }
}

/// The machines of a lab in which every node of one role makes this mistake.
pub fn maker(mistake: Mistake) -> Maker {
    Box::new(move |topology, node, incarnation| {
        let inner = build(topology, node, incarnation);
        if topology.node(node).role() != mistake.sits_in() {
            return inner;
        }
        Box::new(Twin { inner, mistake, count: 0 })
    })
}
