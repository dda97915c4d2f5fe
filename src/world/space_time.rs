//! A stretch of the log as space and time: a line for each node, what happened on it in order, and which sending led to
//! which arrival. A fold like the world; it knows no screen and no words.

use super::World;
use super::clocks::{Clocks, place};
use crate::base::{EventId, FrameId, LabTime, NodeId, Peer};
use crate::event::{Cause, Event, Fact, Life};
use crate::message::{Message, Note, ReplicaMessage, StoreNote};
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// Where a message's way ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// Nowhere yet.
    Underway,
    /// With a visitor, at this time, as things stand: what becomes of it there nobody sees.
    Outside(LabTime),
    /// Nowhere until a link lets it on: it was cut, or is held.
    Held,
    /// At this moment of its receiver.
    Arrives(usize),
    /// It never arrives; this moment says so.
    Lost(usize),
}

/// What a moment is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum What {
    /// A message leaves for a node or a visitor.
    Sent(Peer, End),
    /// A message of a node or a visitor arrives; the moment of its sending, where that is known. When a visitor sent
    /// it, nobody knows.
    Received(Peer, Option<usize>),
    /// A message that was sent at this moment will never arrive.
    Lost(usize),
    /// Something else on a node's line.
    Own,
}

/// One thing that happened.
#[derive(Debug, Clone, PartialEq)]
pub struct Moment {
    /// On whose line; what becomes of a message on its way is on none.
    pub node: Option<NodeId>,
    /// Its number by the node's logical clock; 0 on no line.
    pub clock: u64,
    /// What.
    pub what: What,
    /// Whether it is a heartbeat that is sent or arrives.
    pub beat: bool,
    /// The event.
    pub event: Event,
}

/// How a moment stands to another one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// It can have led to it.
    Before,
    /// It is it.
    Same,
    /// It can be a consequence of it.
    After,
    /// Neither: no clock in the system can tell which came first.
    Concurrent,
}

/// A node's line at a moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Line {
    /// Whether the node lives.
    pub life: Life,
    /// Whether it leads.
    pub leads: bool,
}

/// A stretch of the log.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct SpaceTime {
    /// What happened, in the log's order.
    pub moments: Vec<Moment>,
    /// The lines before the first moment.
    begins: BTreeMap<NodeId, Line>,
}

/// Sendings whose end is not known yet.
#[derive(Default)]
struct Flying {
    events: HashMap<EventId, usize>,
    frames: HashMap<(NodeId, Peer, FrameId), usize>,
    /// In order, by direction, with the time at which they are due.
    ways: BTreeMap<(NodeId, NodeId), Vec<(usize, LabTime)>>,
}

impl SpaceTime {
    /// The moments of these events, which end where the world is.
    #[must_use]
    pub fn of<'a>(events: impl IntoIterator<Item = &'a Event>, world: &World) -> Self {
        let mut space = Self::default();
        let (mut clocks, mut flying) = (Clocks::default(), Flying::default());
        for event in events {
            let clock = clocks.observe(event).map_or(0, |it| it.1);
            space.take(event, clock, &mut flying);
        }
        space.begins = space.first_lines(world);
        space
    }

    fn take(&mut self, event: &Event, clock: u64, flying: &mut Flying) {
        let at = self.moments.len();
        let node = place(event);
        let mut beat = false;
        let what = match (&event.fact, node) {
            (Fact::MessageSent { to, frame, due, message, .. }, Some(from)) => {
                beat = is_beat(message);
                flying.events.insert(event.id, at);
                flying.frames.insert((from, *to, *frame), at);
                if let Peer::Node(to) = to {
                    flying.ways.entry((from, *to)).or_default().push((at, *due));
                }
                What::Sent(*to, on_way(*to, *due))
            }
            (Fact::MessageReceived { from, message, .. }, Some(to)) => {
                beat = is_beat(message);
                let sent = match event.cause {
                    Cause::Event(sent) => flying.events.get(&sent).copied(),
                    Cause::Boot | Cause::Unknown => None,
                };
                if let (Some(sent), Peer::Node(from)) = (sent, from) {
                    self.arrived((*from, to), sent, at, event.time, flying);
                }
                What::Received(*from, sent)
            }
            (Fact::FrameMoved { from, to, frame, due }, _) => {
                return self.moved((from.node(), *to, *frame), *due, flying);
            }
            (Fact::FrameLost { from, to, frame, .. }, _) => {
                let Some(from) = from.node() else { return };
                let Some(sent) = flying.frames.remove(&(from, *to, *frame)) else { return };
                self.end(sent, End::Lost(at));
                beat = self.moments[sent].beat;
                What::Lost(sent)
            }
            (_, Some(_)) => What::Own,
            (_, None) => return,
        };
        self.moments.push(Moment { node, clock, what, beat, event: event.clone() });
    }

    fn end(&mut self, sent: usize, end: End) {
        if let What::Sent(_, present) = &mut self.moments[sent].what {
            *present = end;
        }
    }

    /// A message has arrived; and with it those before it on its way that were due: one read may hold several, and only
    /// one of them is named.
    fn arrived(
        &mut self,
        way: (NodeId, NodeId),
        sent: usize,
        at: usize,
        now: LabTime,
        flying: &mut Flying,
    ) {
        self.end(sent, End::Arrives(at));
        let Some(on_way) = flying.ways.get_mut(&way) else { return };
        on_way.retain(|(other, due)| {
            let read_too = *other < sent && *due <= now;
            let open =
                matches!(self.moments[*other].what, What::Sent(_, End::Underway | End::Held));
            if read_too && open {
                self.moments[*other].what = What::Sent(Peer::Node(way.1), End::Arrives(at));
            }
            open && !read_too
        });
    }

    fn moved(
        &mut self,
        (from, to, frame): (Option<NodeId>, Peer, FrameId),
        due: LabTime,
        flying: &mut Flying,
    ) {
        let Some(from) = from else { return };
        let Some(sent) = flying.frames.get(&(from, to, frame)).copied() else { return };
        self.end(sent, on_way(to, due));
        let Peer::Node(to) = to else { return };
        let on_way = flying.ways.entry((from, to)).or_default();
        if let Some(entry) = on_way.iter_mut().find(|entry| entry.0 == sent) {
            entry.1 = due;
        }
    }

    /// The lines before the first moment: what a node's first change leaves open, its state in the end tells.
    fn first_lines(&self, world: &World) -> BTreeMap<NodeId, Line> {
        let leads = |id| world.audit.replica(id).is_some_and(crate::check::ReplicaState::leads);
        let line = |id| Line { life: world.node(id).life, leads: leads(id) };
        let ids = world.topology.nodes.iter().map(|node| node.id);
        let mut lines: BTreeMap<NodeId, Line> = ids.map(|id| (id, line(id))).collect();
        let (mut lives, mut parts) = (BTreeSet::new(), BTreeSet::new());
        for moment in &self.moments {
            let Some((node, line)) =
                moment.node.and_then(|node| Some((node, lines.get_mut(&node)?)))
            else {
                continue;
            };
            match &moment.event.fact {
                Fact::NodeBooted { .. } if lives.insert(node) => line.life = Life::Off,
                Fact::NodeThawed { .. } if lives.insert(node) => line.life = Life::Frozen,
                fact if life(fact).is_some() && lives.insert(node) => line.life = Life::Up,
                Fact::Noted(Note::Store(StoreNote::Promoted { .. })) if parts.insert(node) => {
                    line.leads = false;
                }
                Fact::Noted(Note::Store(StoreNote::Demoted { .. })) if parts.insert(node) => {
                    line.leads = true;
                }
                _ => {}
            }
        }
        lines
    }

    /// The lines before the first moment.
    #[must_use]
    pub fn lines(&self) -> BTreeMap<NodeId, Line> {
        self.begins.clone()
    }

    /// How a moment stands to each other one, by Lamport's relation "happened before".
    ///
    /// # Panics
    /// For a moment that there is not.
    #[must_use]
    pub fn orders(&self, at: usize) -> Vec<Order> {
        let mut orders = vec![Order::Concurrent; self.moments.len()];
        orders[at] = Order::Same;
        let mut nodes: BTreeSet<NodeId> = self.moments[at].node.into_iter().collect();
        if let What::Lost(sent) = self.moments[at].what {
            orders[sent] = Order::Before;
        }
        for earlier in (0..at).rev() {
            let moment = &self.moments[earlier];
            let on_line = moment.node.is_some_and(|node| nodes.contains(&node));
            let led = match moment.what {
                What::Sent(_, End::Arrives(there)) => {
                    there <= at && matches!(orders[there], Order::Before | Order::Same)
                }
                _ => false,
            };
            if on_line || led || orders[earlier] == Order::Before {
                orders[earlier] = Order::Before;
                nodes.extend(moment.node);
            }
        }
        let mut nodes: BTreeSet<NodeId> = self.moments[at].node.into_iter().collect();
        for later in at + 1..self.moments.len() {
            let moment = &self.moments[later];
            let on_line = moment.node.is_some_and(|node| nodes.contains(&node));
            let follows = match moment.what {
                What::Received(_, Some(sent)) | What::Lost(sent) => {
                    matches!(orders[sent], Order::After | Order::Same)
                }
                _ => false,
            };
            if on_line || follows {
                orders[later] = Order::After;
                nodes.extend(moment.node);
            }
        }
        orders
    }
}

impl Line {
    /// Goes on past a moment of its node.
    pub fn take(&mut self, fact: &Fact) {
        if let Some(life) = life(fact) {
            self.life = life;
            self.leads &= life.is_alive();
        }
        match fact {
            Fact::Noted(Note::Store(StoreNote::Promoted { .. })) => self.leads = true,
            Fact::NodeBooted { .. } | Fact::Noted(Note::Store(StoreNote::Demoted { .. })) => {
                self.leads = false;
            }
            _ => {}
        }
    }
}

/// The state that a fact leaves its node in, if it is about that.
const fn life(fact: &Fact) -> Option<Life> {
    Some(match fact {
        Fact::NodeBooted { .. } | Fact::NodeThawed { .. } => Life::Up,
        Fact::NodeKilled { .. } => Life::Killed,
        Fact::NodeCrashed { .. } => Life::Crashed,
        Fact::NodePoweredOff { .. } => Life::PoweredOff,
        Fact::NodeCorrupt { .. } => Life::Corrupt,
        Fact::NodeFrozen { .. } => Life::Frozen,
        Fact::NodeStopped { .. } => Life::Stopped,
        _ => return None,
    })
}

/// Where a message is that is due then.
const fn on_way(to: Peer, due: LabTime) -> End {
    match (to, due) {
        (_, LabTime::NEVER) => End::Held,
        (Peer::Node(_), _) => End::Underway,
        (Peer::Visitor(_), due) => End::Outside(due),
    }
}

/// Whether a message is a heartbeat, or the reply to one.
fn is_beat(message: &Message) -> bool {
    matches!(message, Message::Replica(ReplicaMessage::Beat { .. } | ReplicaMessage::Alive { .. }))
}
