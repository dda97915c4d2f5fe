//! The script's own small fold: what happened since the step's commands began, and the few states that expectations
//! ask for. Bounded; it follows a question from the client to the server that answered through the causes of events.

mod truth;

use super::ledger::Ledger;
use super::recent::Recent;
use super::rush::Rush;
use crate::base::{EventId, LabTime, NodeId, Owner, Peer, QuestionNo};
use crate::command::Counted;
use crate::event::{Cause, Event, Fact, Life, Side};
use crate::message::{Belief, HostName, Message, Note, Outcome, Query, RecordType, Said};
use crate::topology::{Kind, Role, Topology};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// Open questions that are followed: a load of 1,000 a second with deadlines of 10 s, at client, LS and two TSs.
const OPEN_MAX: usize = 65_536;

/// Messages on their way whose question is remembered.
const MESSAGES_MAX: usize = 65_536;

/// Places of names in sticky tables: as many as an LS keeps.
const STUCK_MAX: usize = 10_000;

/// A question as its node counts it.
type Question = (Owner, QuestionNo);

/// A client's list that is through.
#[derive(Debug, Clone, Copy)]
pub struct EndedList {
    /// Names that had an address.
    pub answered: u64,
    /// All names.
    pub names: u64,
    /// How long it took.
    pub took: Duration,
}

/// A question without a verdict.
#[derive(Debug, Clone)]
struct Open {
    name: HostName,
    /// Which records are asked for, as far as is known.
    kind: RecordType,
    began: LabTime,
    /// In which run of a step.
    run: u32,
    /// Whether it is counted in the whole lab: it came from a client's own wish or from a visitor.
    root: Root,
    /// The question of the asker that it came from.
    parent: Option<Question>,
    /// The name server that gave the answer, as far as is known.
    ts: Option<NodeId>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Root {
    Client,
    Visitor,
    Inner,
}

/// How a client's question of this step ended.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct End {
    pub client: NodeId,
    pub name: HostName,
    pub outcome: Outcome,
    /// The server that the client asked, if the answer was its.
    pub from: Option<NodeId>,
    /// The name server behind the answer.
    pub ts: Option<NodeId>,
    pub address: Option<Arc<str>>,
    pub asked: LabTime,
    pub at: LabTime,
}

/// The fold.
#[derive(Debug)]
pub(super) struct Tally {
    topology: Arc<Topology>,
    now: LabTime,
    run: u32,
    open: Recent<Question, Open>,
    sent: Recent<EventId, Question>,
    /// What arrived: the sender's question, and which records it asks for.
    received: Recent<EventId, (Option<Question>, RecordType)>,
    life: Vec<Life>,
    spinning: Vec<bool>,
    lies: Vec<bool>,
    beliefs: BTreeMap<(NodeId, NodeId), Belief>,
    stuck: Recent<(NodeId, HostName), NodeId>,
    /// The run of the step in which a client's present list began, and when.
    lists: BTreeMap<NodeId, (u32, LabTime)>,
    /// Since the step's commands began.
    counts: BTreeMap<(Option<NodeId>, Counted), u64>,
    ended_lists: BTreeMap<NodeId, Vec<EndedList>>,
    health: BTreeMap<(NodeId, NodeId), (bool, bool)>,
    ledger: Ledger,
    rush: Rush,
}

impl Tally {
    pub fn new(topology: Arc<Topology>) -> Self {
        let count = topology.nodes.len();
        let lies = topology.nodes.iter().map(|node| lies_by_file(&node.kind)).collect();
        let ledger = Ledger::new(topology.clone());
        Self {
            topology,
            now: LabTime::ZERO,
            run: 0,
            open: Recent::new(OPEN_MAX),
            sent: Recent::new(MESSAGES_MAX),
            received: Recent::new(MESSAGES_MAX),
            life: vec![Life::Off; count],
            spinning: vec![false; count],
            lies,
            beliefs: BTreeMap::new(),
            stuck: Recent::new(STUCK_MAX),
            lists: BTreeMap::new(),
            counts: BTreeMap::new(),
            ended_lists: BTreeMap::new(),
            health: BTreeMap::new(),
            ledger,
            rush: Rush::default(),
        }
    }

    /// A step's commands begin: what is counted is counted from here.
    pub fn begin(&mut self, now: LabTime) {
        self.now = self.now.max(now);
        self.run += 1;
        self.counts.clear();
        self.ended_lists.clear();
        self.health.clear();
        self.rush = Rush::default();
        self.ledger.begin(now);
    }

    /// Whether a fact only tells how a question goes on, and nothing that still holds when that is over.
    pub const fn is_of_a_question(fact: &Fact) -> bool {
        matches!(
            fact,
            Fact::MessageSent { .. }
                | Fact::MessageReceived { .. }
                | Fact::Noted(
                    Note::Asked { .. }
                        | Note::Took { .. }
                        | Note::Chose { .. }
                        | Note::Heard { .. }
                        | Note::Decided { .. }
                )
        )
    }

    /// What is known of the stores.
    pub fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    /// The time of the newest event.
    pub fn now(&self) -> LabTime {
        self.now
    }

    pub fn topology(&self) -> &Topology {
        &self.topology
    }

    pub fn count(&self, who: Option<NodeId>, what: Counted) -> u64 {
        match what {
            Counted::Rush => self.rush.most(who),
            _ => self.counts.get(&(who, what)).copied().unwrap_or(0),
        }
    }

    pub fn life(&self, node: NodeId) -> Life {
        self.life.get(node.index()).copied().unwrap_or_default()
    }

    pub fn is_spinning(&self, node: NodeId) -> bool {
        self.spinning.get(node.index()).copied().unwrap_or(false)
    }

    /// What a node believes; as long as it has said nothing, that the other is up.
    pub fn belief(&self, holder: NodeId, about: NodeId) -> Belief {
        self.beliefs.get(&(holder, about)).copied().unwrap_or(Belief::Up)
    }

    pub fn place_of(&self, node: NodeId, name: &HostName) -> Option<NodeId> {
        self.stuck.map.get(&(node, name.clone())).copied()
    }

    /// Lists of this client that began and ended in this step.
    pub fn ended_lists(&self, client: NodeId) -> &[EndedList] {
        self.ended_lists.get(&client).map_or(&[], Vec::as_slice)
    }

    /// Whether a node ejected and restored an upstream in this step.
    pub fn health(&self, node: NodeId, upstream: NodeId) -> (bool, bool) {
        self.health.get(&(node, upstream)).copied().unwrap_or_default()
    }

    /// How many questions of this client, asked in this step, have no verdict.
    pub fn still_open(&self, client: NodeId, name: Option<&HostName>) -> usize {
        let waits = |(question, open): &(&Question, &Open)| {
            matches!(question.0, Owner::Node(node, _) if node == client)
                && open.run == self.run
                && name.is_none_or(|name| *name == open.name)
        };
        self.open.map.iter().filter(waits).count()
    }

    fn add(&mut self, who: Option<NodeId>, what: Counted) {
        *self.counts.entry((who, what)).or_default() += 1;
    }

    fn role(&self, node: NodeId) -> Option<Role> {
        self.topology.nodes.get(node.index()).map(crate::topology::Node::role)
    }

    /// Folds one event; gives the end of a client's question that was asked in this step.
    pub fn fold(&mut self, event: &Event) -> Option<End> {
        self.now = self.now.max(event.time);
        self.ledger.fold(event);
        match &event.fact {
            Fact::TopologyChanged { changes } => {
                let topology = Arc::make_mut(&mut self.topology);
                changes.iter().for_each(|change| topology.take(change));
            }
            Fact::NodeBooted { node, .. } => self.booted(*node),
            Fact::NodeKilled { node } => self.lives(*node, Life::Killed),
            Fact::NodeCrashed { node, .. } => self.lives(*node, Life::Crashed),
            Fact::NodePoweredOff { node } => self.lives(*node, Life::PoweredOff),
            Fact::NodeCorrupt { node, .. } => self.lives(*node, Life::Corrupt),
            Fact::NodeWiped { node } if self.life(*node) == Life::Corrupt => {
                self.lives(*node, Life::Stopped);
            }
            Fact::NodeFrozen { node } => self.lives(*node, Life::Frozen),
            Fact::NodeThawed { node } => self.lives(*node, Life::Up),
            Fact::NodeStopping { node } => self.lives(*node, Life::Stopping),
            Fact::NodeStopped { node } => self.lives(*node, Life::Stopped),
            Fact::Census(census) => self.lives(census.node, census.life),
            Fact::MessageSent { about: Some(question), message, .. } => {
                let question = (event.id.owner, *question);
                self.sent.insert(event.id, question);
                // What a client wants it says to whom it asks, and nowhere else.
                if let (Some(query), Some(open)) =
                    (query(message), self.open.map.get_mut(&question))
                {
                    open.kind = query.kind;
                }
            }
            Fact::MessageReceived { message, .. } => self.arrived(event, message),
            Fact::ConnOpened { side: Side::Acceptor, .. } => {
                if let Owner::Node(node, _) = event.id.owner {
                    self.rush.came(node, event.time);
                }
            }
            Fact::Noted(note) => {
                if let Owner::Node(node, _) = event.id.owner {
                    return self.note(event, node, note);
                }
            }
            _ => {}
        }
        None
    }

    fn booted(&mut self, node: NodeId) {
        self.lives(node, Life::Up);
        self.beliefs.retain(|(holder, _), _| *holder != node);
        self.stuck.map.retain(|(holder, _), _| *holder != node);
        if let (Some(lies), Some(file)) =
            (self.lies.get_mut(node.index()), self.topology.nodes.get(node.index()))
        {
            *lies = lies_by_file(&file.kind);
        }
    }

    fn lives(&mut self, node: NodeId, life: Life) {
        if let Some(known) = self.life.get_mut(node.index()) {
            *known = life;
        }
        if let Some(spinning) = self.spinning.get_mut(node.index())
            && life != Life::Stopping
        {
            *spinning = false;
        }
    }

    fn note(&mut self, event: &Event, node: NodeId, said: &Note) -> Option<End> {
        let owner = event.id.owner;
        match said {
            Note::Asked { question, name, .. } => {
                self.add(Some(node), Counted::Asked);
                self.add(None, Counted::Asked);
                let origin = (None, RecordType::A);
                self.opens(event, (owner, *question), name, Root::Client, origin);
            }
            Note::Took { question, name, from, .. } => self.took(event, *question, name, *from),
            Note::Decided { question, outcome, said, from, .. } => {
                return self.decided(event, node, *question, (*outcome, said.as_ref(), *from));
            }
            Note::Heard { upstream, outcome, .. } => {
                let noted =
                    matches!(outcome, Outcome::Refused | Outcome::Reset | Outcome::Cancelled);
                if noted && self.role(*upstream) == Some(Role::Ts) {
                    self.add(Some(*upstream), Counted::Ended(*outcome));
                }
            }
            Note::Late { upstream, .. } => {
                self.of_answer(node, *upstream, Counted::Ended(Outcome::Late));
            }
            Note::Unmatched { upstream, .. } => {
                self.of_answer(node, *upstream, Counted::Unmatched);
            }
            Note::Stuck { name, upstream, .. } => {
                self.stuck.insert((node, name.clone()), *upstream);
            }
            Note::Ejected { upstream, .. } => {
                self.health.entry((node, *upstream)).or_default().0 = true;
            }
            Note::Restored { upstream, .. } => {
                self.health.entry((node, *upstream)).or_default().1 = true;
            }
            Note::Believed { about, belief } => {
                self.beliefs.insert((node, *about), *belief);
            }
            Note::ListBegan { .. } => {
                self.lists.insert(node, (self.run, event.time));
            }
            Note::ListEnded { answered, names } => self.list_ended(event, node, *answered, *names),
            Note::Changed { key, value } if **key == *"lie" => {
                if let Some(lies) = self.lies.get_mut(node.index()) {
                    *lies = matches!(&**value, "on" | "true" | "yes" | "1");
                }
            }
            Note::Spinning => {
                if let Some(spinning) = self.spinning.get_mut(node.index()) {
                    *spinning = true;
                }
            }
            _ => {}
        }
        None
    }

    /// What a replica is asked has no question of its own.
    fn arrived(&mut self, event: &Event, message: &Message) {
        let question = match event.cause {
            Cause::Event(sent) => self.sent.map.get(&sent).copied(),
            Cause::Boot | Cause::Unknown => None,
        };
        let query = query(message);
        if question.is_some() || query.is_some() {
            let kind = query.map_or(RecordType::A, |query| query.kind);
            self.received.insert(event.id, (question, kind));
        }
        if let (Owner::Node(node, _), Message::Operate { .. }) = (event.id.owner, message)
            && self.role(node) == Some(Role::Replica)
        {
            self.add(Some(node), Counted::Taken);
            self.add(None, Counted::Taken);
        }
    }

    /// Something about an answer that nobody waited for: at who got it, at the name server that gave it, in the lab.
    fn of_answer(&mut self, node: NodeId, upstream: NodeId, what: Counted) {
        self.add(Some(node), what);
        self.add(None, what);
        if self.role(upstream) == Some(Role::Ts) {
            self.add(Some(upstream), what);
        }
    }

    fn opens(
        &mut self,
        event: &Event,
        question: Question,
        name: &HostName,
        root: Root,
        (parent, kind): (Option<Question>, RecordType),
    ) {
        let (began, run, name) = (event.time, self.run, name.clone());
        self.open.insert(question, Open { name, kind, began, run, root, parent, ts: None });
    }

    /// Only a list that began in this run of the step counts.
    fn list_ended(&mut self, event: &Event, node: NodeId, answered: u32, names: u32) {
        let Some((run, began)) = self.lists.get(&node).copied() else { return };
        if run != self.run {
            return;
        }
        let ended = self.ended_lists.entry(node).or_default();
        // One step asks a list a few times; of a hundred nobody reads more than the last.
        if ended.len() >= 100 {
            ended.remove(0);
        }
        let took = event.time.since(began);
        ended.push(EndedList { answered: answered.into(), names: names.into(), took });
    }

    fn took(&mut self, event: &Event, question: QuestionNo, name: &HostName, from: Peer) {
        let Owner::Node(node, _) = event.id.owner else { return };
        self.add(Some(node), Counted::Taken);
        self.add(None, Counted::Taken);
        let visitor = matches!(from, Peer::Visitor(_));
        if visitor {
            self.add(None, Counted::Asked);
        }
        let received = match event.cause {
            Cause::Event(received) => self.received.map.get(&received).copied(),
            Cause::Boot | Cause::Unknown => None,
        };
        let root = if visitor { Root::Visitor } else { Root::Inner };
        let origin = received.unwrap_or((None, RecordType::A));
        self.opens(event, (event.id.owner, question), name, root, origin);
    }

    fn decided(
        &mut self,
        event: &Event,
        node: NodeId,
        question: QuestionNo,
        (outcome, said, from): (Outcome, Option<&Said>, Option<NodeId>),
    ) -> Option<End> {
        let open = self.open.map.remove(&(event.id.owner, question))?;
        let role = self.role(node)?;
        let own = match role {
            Role::Client | Role::Ls | Role::Replica => true,
            Role::Ts => matches!(
                outcome,
                Outcome::Answered | Outcome::Negative | Outcome::Failed | Outcome::Silent
            ),
        };
        if own {
            self.add(Some(node), Counted::Ended(outcome));
        }
        let ts = match (role, from) {
            (Role::Ts, _) => Some(node),
            (_, Some(from)) if self.role(from) == Some(Role::Ts) => Some(from),
            (_, Some(_)) => open.ts,
            (_, None) => None,
        };
        if outcome == Outcome::Answered
            && let Some(parent) = open.parent.and_then(|parent| self.open.map.get_mut(&parent))
        {
            parent.ts = ts;
        }
        // A visitor that is told nothing has no verdict.
        let counts = open.root == Root::Client || (open.root == Root::Visitor && said.is_some());
        if counts {
            self.add(None, Counted::Ended(outcome));
        }
        if let Some(what) =
            self.held_against_truth(node, role, (&open.name, open.kind), outcome, said, ts)
        {
            self.add(Some(node), what);
            if counts {
                self.add(None, what);
            }
        }
        let address = match said {
            Some(Said::Found { address, .. }) => Some(address.clone()),
            _ => None,
        };
        let Open { name, began: asked, run, root, .. } = open;
        let at = event.time;
        (root == Root::Client && run == self.run).then_some(End {
            client: node,
            name,
            outcome,
            from,
            ts,
            address,
            asked,
            at,
        })
    }
}

/// What a DNS question brings along.
fn query(message: &Message) -> Option<&Query> {
    match message {
        Message::Ask { dns, .. } => dns.as_ref(),
        _ => None,
    }
}

fn lies_by_file(kind: &Kind) -> bool {
    matches!(kind, Kind::Ts(ts) if ts.lie)
}
