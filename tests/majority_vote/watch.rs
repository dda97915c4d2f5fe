//! What can be known of a run from outside: the notes in its log, and what each life of a replica found on its disk.

use faultlab::base::{NodeId, Owner, QuestionNo};
use faultlab::event::{Event, Fact};
use faultlab::machine::{Effect, Effects, Input, Machine};
use faultlab::message::{
    ClockVerdict, Image, Note, OpId, OpOutcome, OpWhy, Position, StoreNote, StoreSaid,
};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;

type Images = Arc<Mutex<Vec<(NodeId, Image)>>>;

/// A client and the number of an operation there. Clients stand still at times, but never die.
type Of = (NodeId, u64);

/// Everything that was noted.
#[derive(Debug, Default)]
pub struct Watch {
    pub images: Images,
    pub requested: BTreeSet<Of>,
    pub verdicts: BTreeMap<Of, Vec<(OpOutcome, Option<StoreSaid>)>>,
    pub whys: Vec<OpWhy>,
    pub outvoted: Vec<NodeId>,
    /// What each replica has acknowledged and not thrown away since.
    pub acked: BTreeMap<NodeId, BTreeSet<OpId>>,
    pub discarded: Vec<(NodeId, OpId)>,
    pub compared: Vec<(NodeId, NodeId, ClockVerdict)>,
    pub have: BTreeMap<NodeId, Position>,
    pub recognised: usize,
    pub caught_up: usize,
    /// Rooms in which a line stands twice, and acknowledged writes that were not on the disk.
    pub problems: Vec<String>,
    booted: usize,
}

impl Watch {
    pub fn observe(&mut self, event: &Event) {
        match (&event.fact, event.id.owner) {
            (Fact::NodeBooted { .. }, _) => self.booted(),
            (Fact::NodeWiped { node }, _) => drop(self.acked.remove(node)),
            (Fact::Noted(Note::Store(note)), Owner::Node(node, _)) => self.note(node, note),
            _ => {}
        }
    }

    /// What was acknowledged must be on the disk from which the next life reads.
    fn booted(&mut self) {
        let images = self.images.lock().unwrap();
        for (node, image) in &images[self.booted..] {
            let on_disk: BTreeSet<&OpId> = image.entries.iter().map(|entry| &entry.id).collect();
            for id in self.acked.get(node).into_iter().flatten() {
                if !on_disk.contains(id) {
                    self.problems.push(format!("{node} had acknowledged {id}"));
                }
            }
        }
        self.booted = images.len();
    }

    fn note(&mut self, node: NodeId, note: &StoreNote) {
        let of = |request: &QuestionNo| (node, request.0);
        match note {
            StoreNote::Requested { request, .. } => {
                self.requested.insert(of(request));
            }
            StoreNote::Concluded { request, outcome, said, why, .. } => {
                self.whys.push(*why);
                self.verdicts.entry(of(request)).or_default().push((*outcome, said.clone()));
            }
            StoreNote::Outvoted { replica, .. } => self.outvoted.push(*replica),
            StoreNote::Acked { id, .. } => {
                self.acked.entry(node).or_default().insert(id.clone());
            }
            StoreNote::Discarded { entries, .. } => {
                for entry in entries.iter() {
                    self.acked.entry(node).or_default().remove(&entry.id);
                    self.discarded.push((node, entry.id.clone()));
                }
            }
            StoreNote::Compared { with, verdict, .. } => {
                self.compared.push((node, *with, *verdict));
            }
            StoreNote::Recognised { .. } => self.recognised += 1,
            StoreNote::CaughtUp { have, .. } => {
                self.caught_up += 1;
                self.have.insert(node, *have);
            }
            StoreNote::ReadLog { have, .. } | StoreNote::Accepted { have, .. } => {
                self.have.insert(node, *have);
            }
            StoreNote::ReadServed { said: StoreSaid::Lines(lines), .. } => {
                let once: BTreeSet<_> = lines.iter().collect();
                if once.len() < lines.len() {
                    self.problems.push(format!("{node} has a line twice: {lines:?}"));
                }
            }
            _ => {}
        }
    }

    /// Every operation has exactly one verdict.
    pub fn count_verdicts(&mut self) {
        for of in &self.requested {
            let count = self.verdicts.get(of).map_or(0, Vec::len);
            if count != 1 {
                self.problems.push(format!("{of:?} has {count} verdicts"));
            }
        }
    }
}

/// A machine under observation.
struct Watched {
    inner: Box<dyn Machine>,
    node: NodeId,
    images: Images,
    hasty: bool,
}

/// The machine, with its disk images written down; a hasty one takes every write for written at once.
pub fn watched(
    inner: Box<dyn Machine>,
    node: NodeId,
    images: Images,
    hasty: bool,
) -> Box<dyn Machine> {
    Box::new(Watched { inner, node, images, hasty })
}

impl Machine for Watched {
    fn step(&mut self, now: faultlab::base::LabTime, input: Input, out: &mut Effects) {
        match &input {
            Input::Boot(image) => self.images.lock().unwrap().push((self.node, image.clone())),
            Input::Persisted { .. } if self.hasty => return,
            _ => {}
        }
        self.inner.step(now, input, out);
        if !self.hasty {
            return;
        }
        loop {
            let mut written = Vec::new();
            for effect in out.take() {
                if let Effect::Persist { token, .. } = &effect {
                    written.push(*token);
                }
                out.push(effect);
            }
            // What was asked for before is among the effects still; only what is new is answered.
            let Some(token) = written.last().copied() else { return };
            let before = written.len();
            let took = Duration::ZERO;
            self.inner.step(now, Input::Persisted { token, bytes: 0, took }, out);
            let effects = out.take();
            let after = effects.iter().filter(|it| matches!(it, Effect::Persist { .. })).count();
            for effect in effects {
                out.push(effect);
            }
            if after == before {
                return;
            }
        }
    }
}
