//! What must hold in every run of a group, judged from the log alone. It knows events and the topology, not the
//! simulator and no machine.

use crate::labs::REPLICAS;
use faultlab::base::{Incarnation, LabTime, NodeId, Owner, QuestionNo};
use faultlab::event::{Event, Fact};
use faultlab::message::{
    Belief, Digest, Entry, Message, Note, OpId, OpOutcome, Operation, ReplicaMessage, StoreNote,
};
use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::Arc;

/// What was broken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Rule {
    /// Nobody throws an acknowledged write away of which no other living replica has a copy. (Once the last living copy
    /// of one has died with its host, the history may fork, and one branch will be thrown away when the dead return;
    /// from then on the rule says nothing.)
    NothingAckedIsThrownAway,
    /// In one term, one replica acknowledges.
    OneLeaderATerm,
    /// Where acknowledgements wait for the backups, each backup that the leader does not take for dead has the write
    /// on its disk.
    EverybodyHasIt,
    /// What a replica acknowledged and held when it died, it has when it comes back.
    KeepsItsWord,
    /// No write is in a log twice.
    AppliedOnce,
    /// No machine panics.
    NoPanic,
    /// An operation gets one verdict.
    OneVerdict,
    /// Within a stated time after everything is healed, all logs are the same.
    Converges,
    /// Within a stated time after everything is healed, every operation is carried out.
    ServesAgain,
    /// What the notes say of a log and what the digests say is the same.
    NotesAreTrue,
}

/// What is known of one replica.
#[derive(Debug, Default)]
struct Copy {
    alive: bool,
    log: Vec<Entry>,
    /// The ids in the log.
    ids: HashSet<OpId>,
    /// What the writes in the log do, and for whom.
    deeds: HashSet<(Arc<str>, Operation)>,
    /// The logs that it had before, the newest last: what its disk may hold when it dies in between.
    older: Vec<Vec<Entry>>,
    durable: u64,
    /// What it acknowledged in the present life.
    acked: BTreeSet<OpId>,
    /// What it acknowledged and held when it died.
    word: BTreeSet<OpId>,
    /// The parts of a state as they arrive: kept up to here, what follows, and whether that is all.
    state: (u64, Vec<Entry>, bool),
    down: BTreeSet<NodeId>,
}

fn digest(log: &[Entry]) -> Digest {
    log.iter().fold(Digest::default(), faultlab::message::Digest::with)
}

impl Copy {
    fn has(&self, id: &OpId) -> bool {
        self.ids.contains(id)
    }

    /// Adds an entry; false if it does what has been done already.
    fn push(&mut self, entry: Entry) -> bool {
        self.ids.insert(entry.id.clone());
        // The clients of these labs never write the same twice.
        let is_new = self.deeds.insert((entry.id.client.clone(), entry.operation.clone()));
        self.log.push(entry);
        is_new
    }

    /// Puts another log in the place of this one; false if something is in it twice.
    fn replace(&mut self, log: Vec<Entry>) -> bool {
        self.ids.clear();
        self.deeds.clear();
        self.log.clear();
        let count = log.len();
        log.into_iter().filter(|entry| self.push(entry.clone())).count() == count
    }

    fn cut(&mut self, length: usize) {
        for entry in self.log.drain(length..) {
            self.ids.remove(&entry.id);
            self.deeds.remove(&(entry.id.client, entry.operation));
        }
    }
}

/// Follows a run and collects what is wrong with it.
#[derive(Debug, Default)]
pub struct Judge {
    copies: BTreeMap<NodeId, Copy>,
    acked: BTreeSet<OpId>,
    /// When the last living copy of an acknowledged write died.
    forked: Option<LabTime>,
    leaders: BTreeMap<u64, NodeId>,
    waits_for_all: bool,
    open: BTreeMap<(NodeId, Incarnation, QuestionNo), LabTime>,
    calm: Option<LabTime>,
    pub done: u64,
    pub elections: u64,
    pub lost: u64,
    pub discarded: u64,
    pub suspicions: u64,
    pub problems: Vec<(Rule, String)>,
}

impl Judge {
    /// `waits_for_all`: whether acknowledgements wait for the backups. `forks`: whether two leaders may write apart.
    pub fn new(waits_for_all: bool, forks: bool) -> Self {
        let copies = REPLICAS.into_iter().map(|node| (node, Copy::default())).collect();
        Self { copies, waits_for_all, forked: forks.then_some(LabTime::ZERO), ..Self::default() }
    }

    /// From now on every operation must be carried out.
    pub fn calm_from(&mut self, now: LabTime) {
        self.calm = Some(now);
    }

    fn broken(&mut self, rule: Rule, event: &Event, what: &str) {
        self.problems.push((rule, format!("{} {what}: {:?}", event.time, event.fact)));
    }

    fn copy(&mut self, node: NodeId) -> Option<&mut Copy> {
        self.copies.get_mut(&node)
    }

    pub fn observe(&mut self, event: &Event) {
        match &event.fact {
            Fact::NodeKilled { node } | Fact::NodePoweredOff { node } => {
                self.die(event.time, *node);
            }
            Fact::NodeStopped { node } => self.die(event.time, *node),
            Fact::NodeCrashed { node, .. } => {
                self.broken(Rule::NoPanic, event, "panicked");
                self.die(event.time, *node);
            }
            Fact::NodeBooted { node, .. } => {
                if let Some(copy) = self.copy(*node) {
                    copy.alive = true;
                    copy.down.clear();
                    copy.state = Default::default();
                }
            }
            Fact::MessageReceived { message, .. } => self.receive(event, message),
            Fact::Noted(Note::Store(note)) => self.note(event, note),
            Fact::Noted(Note::Believed { about, belief }) => {
                if let Owner::Node(node, _) = event.id.owner
                    && let Some(copy) = self.copy(node)
                {
                    match belief {
                        Belief::Down => copy.down.insert(*about),
                        _ => copy.down.remove(about),
                    };
                }
            }
            _ => {}
        }
    }

    fn die(&mut self, at: LabTime, node: NodeId) {
        let Some(copy) = self.copy(node) else { return };
        if !std::mem::take(&mut copy.alive) {
            return;
        }
        let acked = std::mem::take(&mut copy.acked);
        copy.word = acked.into_iter().filter(|id| copy.has(id)).collect();
        let ids: Vec<OpId> = copy.log.iter().map(|entry| entry.id.clone()).collect();
        if ids.iter().any(|id| self.is_lost(id)) {
            self.forked.get_or_insert(at);
        }
    }

    /// Whether a write was acknowledged and no living replica has it.
    fn is_lost(&self, id: &OpId) -> bool {
        self.acked.contains(id) && !self.copies.values().any(|copy| copy.alive && copy.has(id))
    }

    fn receive(&mut self, event: &Event, message: &Message) {
        let Owner::Node(node, _) = event.id.owner else { return };
        let Message::Replica(ReplicaMessage::State { keep, entries, more, .. }) = message else {
            return;
        };
        if let Some(copy) = self.copy(node) {
            let (kept, parts, all) = &mut copy.state;
            if *all || parts.is_empty() {
                (*kept, *parts) = (*keep, Vec::new());
            }
            parts.extend(entries.iter().cloned());
            *all = !more;
        }
    }

    fn note(&mut self, event: &Event, note: &StoreNote) {
        let Owner::Node(node, life) = event.id.owner else { return };
        match note {
            StoreNote::Requested { request, .. }
                if self.open.insert((node, life, *request), event.time).is_some() =>
            {
                self.broken(Rule::OneVerdict, event, "has a number that was used before");
            }
            StoreNote::Concluded { request, outcome, .. } => {
                self.conclude(event, (node, life, *request), *outcome);
            }
            StoreNote::ReadLog { have, .. } => self.read_log(event, node, have.at, have.digest),
            StoreNote::Accepted { entry, .. } => self.accept(event, node, entry),
            StoreNote::Durable { at } => {
                if let Some(copy) = self.copy(node) {
                    copy.durable = *at;
                }
            }
            StoreNote::Acked { id, position, term } => {
                self.ack(event, node, id, *position, *term);
            }
            StoreNote::NotDone { id, .. } => {
                if let Some(copy) = self.copy(node)
                    && copy.log.last().is_some_and(|entry| entry.id == *id)
                {
                    copy.cut(copy.log.len() - 1);
                }
            }
            StoreNote::Discarded { entries, .. } => self.discard(event, node, entries),
            StoreNote::CaughtUp { have, .. } => self.catch_up(event, node, have.digest),
            StoreNote::Promoted { .. } => self.elections += 1,
            StoreNote::Suspected { .. } => self.suspicions += 1,
            _ => {}
        }
    }

    fn conclude(
        &mut self,
        event: &Event,
        key: (NodeId, Incarnation, QuestionNo),
        outcome: OpOutcome,
    ) {
        let Some(asked) = self.open.remove(&key) else {
            return self.broken(Rule::OneVerdict, event, "concludes what is not open");
        };
        self.done += u64::from(outcome == OpOutcome::Ok);
        if self.calm.is_some_and(|calm| asked >= calm) && outcome != OpOutcome::Ok {
            self.broken(Rule::ServesAgain, event, "was not carried out");
        }
    }

    fn read_log(&mut self, event: &Event, node: NodeId, at: u64, found: Digest) {
        let Some(copy) = self.copy(node) else { return };
        let mut logs = std::mem::take(&mut copy.older);
        logs.push(std::mem::take(&mut copy.log));
        let at = at as usize;
        let disk =
            logs.into_iter().rev().find(|log| log.len() >= at && digest(&log[..at]) == found);
        let Some(mut log) = disk else {
            return self.broken(Rule::NotesAreTrue, event, "reads what it never had");
        };
        log.truncate(at);
        copy.replace(log);
        copy.durable = at as u64;
        let word = std::mem::take(&mut copy.word);
        let broken = word.iter().any(|id| !copy.has(id));
        if broken {
            self.broken(Rule::KeepsItsWord, event, "has lost what it acknowledged");
        }
    }

    fn accept(&mut self, event: &Event, node: NodeId, entry: &Entry) {
        let Some(copy) = self.copy(node) else { return };
        let is_new = copy.push(entry.clone());
        if copy.log.len() as u64 != entry.position {
            self.broken(Rule::NotesAreTrue, event, "is not at the end of the log");
        }
        if !is_new {
            self.broken(Rule::AppliedOnce, event, "is in the log already");
        }
    }

    fn ack(&mut self, event: &Event, node: NodeId, id: &OpId, position: u64, term: u64) {
        self.acked.insert(id.clone());
        if *self.leaders.entry(term).or_insert(node) != node {
            self.broken(Rule::OneLeaderATerm, event, "is another's term");
        }
        let Some(copy) = self.copy(node) else { return };
        copy.acked.insert(id.clone());
        let (down, durable) = (copy.down.clone(), copy.durable);
        let lacks = |copy: &Copy| {
            copy.durable < position
                || copy.log.get(position as usize - 1).is_none_or(|it| it.id != *id)
        };
        let somebody_lacks_it = self.waits_for_all
            && self.copies.iter().any(|(other, copy)| !down.contains(other) && lacks(copy));
        if durable < position || somebody_lacks_it {
            self.broken(Rule::EverybodyHasIt, event, "is not on every disk");
        }
    }

    fn discard(&mut self, event: &Event, node: NodeId, entries: &[Entry]) {
        self.discarded += entries.len() as u64;
        let Some(copy) = self.copy(node) else { return };
        copy.older.push(copy.log.clone());
        let gone: HashSet<&OpId> = entries.iter().map(|entry| &entry.id).collect();
        let tail = copy.log.iter().rev().take_while(|entry| gone.contains(&entry.id)).count();
        copy.cut(copy.log.len() - tail);
        copy.durable = copy.durable.min(copy.log.len() as u64);
        for entry in entries {
            if self.is_lost(&entry.id) {
                self.lost += 1;
                if self.forked.is_some() {
                    continue;
                }
                self.broken(Rule::NothingAckedIsThrownAway, event, "was the last copy");
            }
        }
    }

    fn catch_up(&mut self, event: &Event, node: NodeId, found: Digest) {
        let Some(copy) = self.copy(node) else { return };
        let (keep, entries, _) = std::mem::take(&mut copy.state);
        let before = copy.log.clone();
        let mut log = before.clone();
        log.truncate(keep as usize);
        log.extend(entries);
        let is_new = copy.replace(log);
        let shared = before.iter().zip(&copy.log).take_while(|(a, b)| a == b).count();
        copy.durable = copy.durable.min(shared as u64);
        copy.older.push(before);
        let differs = digest(&copy.log) != found;
        if differs {
            self.broken(Rule::NotesAreTrue, event, "is not what was shipped");
        }
        if !is_new {
            self.broken(Rule::AppliedOnce, event, "has a write twice");
        }
    }

    /// The run is over, and has been calm for long enough.
    pub fn finish(&mut self, now: LabTime) {
        let logs: BTreeSet<String> = self
            .copies
            .values()
            .map(|copy| format!("{} {}", copy.log.len(), digest(&copy.log)))
            .collect();
        if logs.len() != 1 {
            self.problems.push((Rule::Converges, format!("{now}: {logs:?}")));
        }
        if let Some(((node, _, request), asked)) = self.open.first_key_value() {
            let what = format!("{now}: {node}'s {request} of {asked} has no verdict");
            self.problems.push((Rule::OneVerdict, what));
        }
    }
}
