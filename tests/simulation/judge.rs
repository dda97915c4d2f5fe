//! What must hold in every run, judged from the log alone. It knows events and the topology, not
//! the simulator and no machine.

use crate::labs::address_of;
use faultlab::base::{
    ConnId, EventId, FrameId, Incarnation, LabTime, NodeId, OwnClock, Owner, Peer, QuestionNo,
};
use faultlab::event::{Cause, Event, Fact, Life};
use faultlab::message::{HostName, Message, Note, Outcome, Said};
use faultlab::topology::{Role, Topology};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// What was broken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Rule {
    /// A question whose asker lives to its deadline gets exactly one verdict.
    OneVerdict,
    /// The verdict comes by the deadline; of a process that stood still then, when it goes on.
    InTime,
    /// No answer is given to another question or another client.
    NoCrossing,
    /// Nobody says that there is none unless every server that counts has said so.
    NoInventedNegative,
    /// What is dead, or stands still, does nothing.
    NoGhost,
    /// Causes come before what they cause; nobody's events have holes.
    CausesFirst,
    /// A message that was sent arrives once, or is told to be lost.
    NothingVanishes,
    /// No machine panics.
    NoPanic,
    /// Within a stated time after everything is healed, every question for a name that exists is
    /// answered.
    AnswersAgain,
}

/// A life of a node.
type Soul = (NodeId, Incarnation);

#[derive(Debug)]
struct Open {
    name: HostName,
    deadline: Option<LabTime>,
    asked: LabTime,
    denied_by: BTreeSet<Peer>,
}

#[derive(Debug, Clone, Copy, Default)]
struct Vital {
    life: Life,
    incarnation: Incarnation,
    frozen: LabTime,
    thawed: LabTime,
}

/// Follows a run and collects what is wrong with it.
#[derive(Debug)]
pub struct Judge {
    topology: Arc<Topology>,
    /// How many servers must say that there is none before that is a verdict.
    deniers: usize,
    vitals: Vec<Vital>,
    clocks: Vec<OwnClock>,
    open: BTreeMap<(Soul, QuestionNo), Open>,
    over: BTreeSet<(Soul, QuestionNo)>,
    /// Questions that came in on a connection and have had no answer there.
    taken: BTreeMap<(Soul, ConnId), Vec<HostName>>,
    numbers: BTreeMap<Owner, u64>,
    /// Messages on their way, by their event and by their frame.
    flying: BTreeMap<EventId, (Peer, Peer, FrameId)>,
    frames: BTreeMap<(Peer, Peer, FrameId), EventId>,
    /// From when on everything must be answered.
    calm: LabTime,
    pub answered: u64,
    pub problems: Vec<(Rule, String)>,
}

impl Judge {
    pub fn new(topology: &Arc<Topology>, deniers: usize) -> Self {
        Self {
            vitals: vec![Vital::default(); topology.nodes.len()],
            clocks: vec![OwnClock::RIGHT; topology.nodes.len()],
            topology: topology.clone(),
            deniers,
            open: BTreeMap::new(),
            over: BTreeSet::new(),
            taken: BTreeMap::new(),
            numbers: BTreeMap::new(),
            flying: BTreeMap::new(),
            frames: BTreeMap::new(),
            calm: LabTime::NEVER,
            answered: 0,
            problems: Vec::new(),
        }
    }

    /// From now on every question for a name that exists must be answered.
    pub fn calm_from(&mut self, now: LabTime) {
        self.calm = now;
    }

    fn broken(&mut self, rule: Rule, event: &Event, what: &str) {
        self.problems.push((rule, format!("{} {what}: {:?}", event.time, event.fact)));
    }

    fn role(&self, node: NodeId) -> Role {
        self.topology.node(node).role()
    }

    pub fn observe(&mut self, event: &Event) {
        self.check_cause(event);
        match event.id.owner {
            Owner::Lab => self.observe_lab(event),
            Owner::Node(node, incarnation) => self.observe_node(event, (node, incarnation)),
        }
    }

    fn check_cause(&mut self, event: &Event) {
        let last = self.numbers.insert(event.id.owner, event.id.number).unwrap_or(0);
        if event.id.number != last + 1 {
            self.broken(Rule::CausesFirst, event, "is not the next of its owner");
        }
        if let Cause::Event(cause) = event.cause {
            let known = self.numbers.get(&cause.owner).copied().unwrap_or(0);
            if cause.number > known || cause == event.id {
                self.broken(Rule::CausesFirst, event, "comes before its cause");
            }
        }
    }

    fn observe_lab(&mut self, event: &Event) {
        let now = event.time;
        if let Fact::FrameLost { from, to, frame, .. } = event.fact {
            match self.frames.remove(&(from, to, frame)) {
                Some(sent) => drop(self.flying.remove(&sent)),
                None => self.broken(Rule::NothingVanishes, event, "was not on its way"),
            }
        }
        if let Fact::OwnClockSet { node, clock } = event.fact {
            return self.set_clock(now, node, clock);
        }
        let (node, life) = match &event.fact {
            Fact::NodeKilled { node } => (*node, Life::Killed),
            Fact::NodePoweredOff { node } => (*node, Life::PoweredOff),
            Fact::NodeStopped { node } => (*node, Life::Stopped),
            Fact::NodeFrozen { node } => {
                self.vitals[node.index()].frozen = now;
                (*node, Life::Frozen)
            }
            Fact::NodeThawed { node } => {
                self.vitals[node.index()].thawed = now;
                (*node, Life::Up)
            }
            Fact::NodeCrashed { node, .. } => {
                self.broken(Rule::NoPanic, event, "panicked");
                (*node, Life::Crashed)
            }
            _ => return,
        };
        if !life.is_alive() {
            self.bury(node, now);
        }
        self.vitals[node.index()].life = life;
    }

    /// A deadline is a reading of its owner's clock: it comes when that shows it, and at once where it was jumped over.
    fn set_clock(&mut self, now: LabTime, node: NodeId, clock: OwnClock) {
        let before = std::mem::replace(&mut self.clocks[node.index()], clock);
        let of_it = self.open.iter_mut().filter(|(((of, _), _), _)| *of == node);
        for deadline in of_it.filter_map(|(_, open)| open.deadline.as_mut()) {
            *deadline = before.moved(*deadline, &clock).max(now);
        }
    }

    /// A life ends: what it owed by now, it must have given.
    fn bury(&mut self, node: NodeId, now: LabTime) {
        let soul = (node, self.vitals[node.index()].incarnation);
        self.owed(soul, now);
        self.open.retain(|(of, _), _| *of != soul);
        self.taken.retain(|(of, _), _| *of != soul);
    }

    fn owed(&mut self, soul: Soul, now: LabTime) {
        let vital = self.vitals[soul.0.index()];
        for ((of, question), open) in &self.open {
            let Some(deadline) = open.deadline.filter(|_| *of == soul) else { continue };
            let stood_still = vital.life == Life::Frozen && vital.frozen <= deadline;
            if deadline < now && !stood_still {
                let what = format!("{now} {soul:?} never decided {question}, {open:?}");
                self.problems.push((Rule::OneVerdict, what));
            }
        }
    }

    /// The run is over.
    pub fn finish(&mut self, now: LabTime) {
        if let Some((sent, frame)) = self.flying.first_key_value() {
            let what =
                format!("{now} {} messages never arrived: {sent:?} {frame:?}", self.flying.len());
            self.problems.push((Rule::NothingVanishes, what));
        }
        for at in 0..self.vitals.len() {
            let node = self.topology.nodes[at].id;
            self.owed((node, self.vitals[at].incarnation), now);
        }
    }

    fn observe_node(&mut self, event: &Event, soul: Soul) {
        let vital = &mut self.vitals[soul.0.index()];
        if let Fact::NodeBooted { incarnation, .. } = event.fact {
            *vital = Vital { life: Life::Up, incarnation, ..Vital::default() };
        }
        if !matches!(vital.life, Life::Up | Life::Stopping) || vital.incarnation != soul.1 {
            self.broken(Rule::NoGhost, event, "was done by nobody who could");
        }
        self.follow_message(event, soul.0);
        match &event.fact {
            Fact::Noted(note) => self.observe_note(event, soul, note),
            Fact::MessageReceived { conn, from, message } => match &**message {
                Message::Ask { name, .. } => {
                    self.taken.entry((soul, *conn)).or_default().push(name.clone());
                }
                Message::Reply { name, said: Said::Negative, .. } => {
                    for ((of, _), open) in &mut self.open {
                        if *of == soul && name.as_ref().is_none_or(|name| *name == open.name) {
                            open.denied_by.insert(*from);
                        }
                    }
                }
                _ => {}
            },
            Fact::MessageSent { conn, message, .. } => {
                self.check_reply(event, soul, *conn, message);
            }
            _ => {}
        }
    }

    fn follow_message(&mut self, event: &Event, node: NodeId) {
        match (&event.fact, event.cause) {
            (Fact::MessageSent { to, frame, .. }, _) => {
                let frame = (Peer::Node(node), *to, *frame);
                self.flying.insert(event.id, frame);
                self.frames.insert(frame, event.id);
            }
            (Fact::MessageReceived { .. }, Cause::Event(sent)) => match self.flying.remove(&sent) {
                Some(frame) => drop(self.frames.remove(&frame)),
                None => self.broken(Rule::NothingVanishes, event, "was not on its way"),
            },
            (Fact::MessageReceived { .. }, _) => {
                self.broken(Rule::NothingVanishes, event, "comes from nowhere");
            }
            _ => {}
        }
    }

    /// Whoever answers, answers something that was asked on that connection, once, with what
    /// belongs to it.
    fn check_reply(&mut self, event: &Event, soul: Soul, conn: ConnId, message: &Message) {
        let Message::Reply { name, said, .. } = message else { return };
        let asked = self.taken.entry((soul, conn)).or_default();
        let at = match name {
            Some(name) => asked.iter().position(|one| one == name),
            // An answer without a name belongs to whatever its asker thinks.
            None => (!asked.is_empty()).then_some(0),
        };
        match at {
            Some(at) => drop(asked.remove(at)),
            None => self.broken(Rule::NoCrossing, event, "answers what nobody asked there"),
        }
        if let Some(name) = name {
            self.check_address(event, name, said);
        }
    }

    fn check_address(&mut self, event: &Event, name: &HostName, said: &Said) {
        if let Said::Found { address, .. } = said
            && address_of(name).as_deref() != Some(address)
        {
            self.broken(Rule::NoCrossing, event, "has another name's address");
        }
    }

    fn observe_note(&mut self, event: &Event, soul: Soul, note: &Note) {
        match note {
            Note::Asked { question, name, deadline, .. } => {
                self.begin(event, (soul, *question), name, Some(*deadline));
            }
            Note::Took { question, name, deadline, .. } => {
                self.begin(event, (soul, *question), name, *deadline);
            }
            Note::Decided { question, outcome, said, .. } => {
                self.decide(event, (soul, *question), *outcome, said.as_ref());
            }
            Note::Heard { question, said: Some(said), .. } => {
                if let Some(name) = self.open.get(&(soul, *question)).map(|one| one.name.clone()) {
                    self.check_address(event, &name, said);
                }
            }
            _ => {}
        }
    }

    fn begin(
        &mut self,
        event: &Event,
        key: (Soul, QuestionNo),
        name: &HostName,
        deadline: Option<LabTime>,
    ) {
        let (name, asked) = (name.clone(), event.time);
        // What is overdue when it is taken is due at once: into a window that has had its time, say.
        let deadline = deadline.map(|deadline| deadline.max(asked));
        let open = Open { name, deadline, asked, denied_by: BTreeSet::new() };
        if self.over.contains(&key) || self.open.insert(key, open).is_some() {
            self.broken(Rule::OneVerdict, event, "has a number that was used before");
        }
    }

    fn decide(
        &mut self,
        event: &Event,
        key: (Soul, QuestionNo),
        outcome: Outcome,
        said: Option<&Said>,
    ) {
        let Some(open) = self.open.remove(&key) else {
            return self.broken(Rule::OneVerdict, event, "decides what is not open");
        };
        self.over.insert(key);
        let node = key.0.0;
        if let Some(said) = said {
            self.check_address(event, &open.name, said);
        }
        let vital = self.vitals[node.index()];
        if let Some(deadline) = open.deadline {
            let stood_still = vital.frozen <= deadline && event.time == vital.thawed;
            if event.time > deadline && !stood_still {
                self.broken(Rule::InTime, event, &format!("is late, due {deadline}"));
            }
        }
        let needed = if self.role(node) == Role::Client { 1 } else { self.deniers };
        if outcome == Outcome::Negative
            && self.role(node) != Role::Ts
            && open.denied_by.len() < needed
        {
            self.broken(Rule::NoInventedNegative, event, "was denied by too few");
        }
        if self.role(node) == Role::Client {
            self.answered += u64::from(outcome == Outcome::Answered);
            let exists = address_of(&open.name).is_some();
            if open.asked >= self.calm && exists && outcome != Outcome::Answered {
                self.broken(Rule::AnswersAgain, event, &format!("of {}", open.name));
            }
        }
    }
}
