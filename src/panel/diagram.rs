//! The space-time diagram: a line for each node, time downwards, messages as slanted lines, a logical clock's number at
//! each event. Here is what is looked at in it, and how it is walked through; `diagram_view` draws it.
//!
//! It is made once, of a world that stands still, and knows no bench: a diagram that grew while one points at it would
//! move under the pointer.

use super::action::Action;
use super::view::View;
use super::{race, store};
use crate::base::{LabTime, Names, NodeId, Peer, VisitorId};
use crate::event::{Cause, Event, Fact};
use crate::message::{Note, StoreNote};
use crate::report;
use crate::topology::Role;
use crate::world::{End, LaneEnd, Moment, Order, SpaceTime, What, World};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Events of the log that a diagram is made of: some minutes of a lecture, and read in milliseconds.
pub const EVENTS_MAX: usize = 20_000;
/// Lines that a room can still tell apart.
const LINES_MAX: usize = 9;
/// Lines of visitors: each question of `dig` is one, and the nodes are what the lab is about.
const VISITORS_MAX: usize = 4;
/// Columns for the time, before the first line.
pub const GUTTER: u16 = 10;
/// The least columns from one line to the next: an arrow that can be seen to slant.
pub const GAP_MIN: u16 = 7;
/// Rows that a page goes.
const PAGE: usize = 10;

/// A diagram, and what is looked at in it.
#[derive(Debug, Clone)]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch, and none rules another out")]
pub struct Diagram {
    /// What happened.
    pub space: Arc<SpaceTime>,
    /// Who has a part in what panel 2 shows, and what that is.
    matter: Option<(String, Vec<Peer>)>,
    /// The visitors that it has seen, those that have most to tell first.
    visitors: Vec<VisitorId>,
    /// Whether all nodes that fit have a line, and not only those.
    all: bool,
    /// Whether heartbeats are drawn.
    pub beats: bool,
    /// Whether more had happened before.
    pub cut: bool,
    /// The moment that is looked at.
    pub at: usize,
    /// Somebody has walked to it: what stands in no order to it steps back. The first look is at everything.
    walked: bool,
}

impl Diagram {
    /// The diagram of these events, which end where the world is, or at the end of a replay.
    #[must_use]
    pub fn of<'a>(
        events: impl IntoIterator<Item = &'a Event>,
        cut: bool,
        world: &World,
        view: &View,
    ) -> Self {
        let space = Arc::new(SpaceTime::of(events, world));
        let matter = matter(world, view);
        let visitors = visitors(&space);
        let fits = world.topology.nodes.len() <= most_lines(view.size.0);
        let failover = matches!(&matter, Some((what, _)) if what.starts_with("failover"));
        let mut diagram = Self {
            space,
            all: fits || matter.is_none(),
            matter,
            visitors,
            beats: failover,
            cut,
            at: 0,
            walked: false,
        };
        let now = view.replay.as_ref().map_or(world.now, |cursor| cursor.from + cursor.at);
        let shown = diagram.shown(&diagram.lines(world, view.size.0));
        let past = shown.iter().rev().find(|at| diagram.space.moments[**at].event.time <= now);
        diagram.at = past.or(shown.first()).copied().unwrap_or(0);
        diagram
    }

    /// Who has a line on a screen of so many columns: visitors, then the nodes in the file's order.
    #[must_use]
    pub fn lines(&self, world: &World, columns: u16) -> Vec<Peer> {
        let most = most_lines(columns);
        let matter = self.matter.as_ref().map_or(&[][..], |matter| &matter.1);
        let (mut nodes, mut visitors): (Vec<Peer>, Vec<Peer>) =
            matter.iter().partition(|peer| peer.node().is_some());
        if self.all || self.matter.is_none() {
            nodes = self.busiest(world).into_iter().map(Peer::Node).collect();
            let others = self.visitors.iter().map(|id| Peer::Visitor(*id));
            let others: Vec<Peer> = others.filter(|it| !visitors.contains(it)).collect();
            visitors.extend(others);
        }
        // However many nodes there are, one visitor has a line: what it asks has come from somewhere.
        let room = most.saturating_sub(nodes.len()).max(usize::from(most > 2));
        visitors.truncate(room.min(VISITORS_MAX));
        nodes.truncate(most - visitors.len());
        let mut lines = [visitors, nodes].concat();
        lines.sort_by_key(|peer| {
            let rank = peer.node().map(|id| rank(world.topology.node(id).role()));
            (rank, *peer)
        });
        lines
    }

    /// How many visitors have no line among these.
    #[must_use]
    pub fn visitors_left_out(&self, lines: &[Peer]) -> usize {
        self.visitors.iter().filter(|id| !lines.contains(&Peer::Visitor(**id))).count()
    }

    /// All nodes, those that have most to tell first.
    fn busiest(&self, world: &World) -> Vec<NodeId> {
        let mut counts = vec![0_usize; world.topology.nodes.len()];
        for node in self.space.moments.iter().filter_map(|moment| moment.node) {
            counts[node.index()] += 1;
        }
        let mut all: Vec<NodeId> = world.topology.nodes.iter().map(|it| it.id).collect();
        all.sort_by_key(|id| std::cmp::Reverse(counts[id.index()]));
        all
    }

    /// What the lines are those of, where there are others.
    #[must_use]
    pub fn subject(&self) -> Option<&str> {
        self.matter.as_ref().filter(|_| !self.all).map(|(what, _)| what.as_str())
    }

    /// Whether some nodes matter more than others.
    #[must_use]
    pub const fn has_a_subject(&self) -> bool {
        self.matter.is_some()
    }

    /// The moments that are drawn between these lines, in order.
    #[must_use]
    pub fn shown(&self, lines: &[Peer]) -> Vec<usize> {
        let on = |node: Option<NodeId>| node.is_some_and(|id| lines.contains(&Peer::Node(id)));
        let is_shown = |moment: &Moment| {
            let there = match moment.what {
                What::Sent(other, _) | What::Received(other, _) => lines.contains(&other),
                What::Lost(sent) => {
                    let sent = &self.space.moments[sent];
                    return on(sent.node)
                        && matches!(sent.what, What::Sent(to, _) if lines.contains(&to))
                        && (self.beats || !sent.beat);
                }
                What::Own => true,
            };
            there && on(moment.node) && (self.beats || !moment.beat)
        };
        let all = self.space.moments.iter().enumerate();
        all.filter(|(_, moment)| is_shown(moment)).map(|(at, _)| at).collect()
    }

    /// The moment that is looked at.
    #[must_use]
    pub fn moment(&self) -> Option<&Moment> {
        self.space.moments.get(self.at)
    }

    /// How each moment stands to the one that is looked at.
    #[must_use]
    pub fn orders(&self) -> Vec<Order> {
        if self.walked {
            return self.space.orders(self.at);
        }
        let mut orders = vec![Order::Before; self.space.moments.len()];
        orders.iter_mut().skip(self.at).for_each(|order| *order = Order::After);
        orders.iter_mut().skip(self.at).take(1).for_each(|order| *order = Order::Same);
        orders
    }

    /// When that was.
    #[must_use]
    pub fn time(&self) -> Option<LabTime> {
        self.moment().map(|moment| moment.event.time)
    }

    /// Walks to another moment, or draws other ones.
    pub fn step(&mut self, action: Action, world: &World, columns: u16) {
        match action {
            Action::Beats => self.beats = !self.beats,
            Action::AllNodes => self.all = !self.all || self.matter.is_none(),
            _ => self.walked = true,
        }
        let shown = self.shown(&self.lines(world, columns));
        // What is no longer drawn gives way to what came before it.
        let here = shown.partition_point(|at| *at <= self.at).saturating_sub(1);
        let last = shown.len().saturating_sub(1);
        let to = match action {
            Action::Up => here.saturating_sub(1),
            Action::Down => (here + 1).min(last),
            Action::PageUp => here.saturating_sub(PAGE),
            Action::PageDown => (here + PAGE).min(last),
            Action::First => 0,
            Action::Last => last,
            Action::Left => self.cause(&shown, here),
            Action::Right => self.effect(&shown, here),
            _ => here,
        };
        self.at = shown.get(to).copied().unwrap_or(0);
    }

    /// What led to a moment: the sending of what arrived, else its cause, else what was before it on its line.
    fn cause(&self, shown: &[usize], here: usize) -> usize {
        let Some(moment) = self.moment() else { return here };
        let place = |at: usize| shown.binary_search(&at).ok();
        let sent = match moment.what {
            What::Received(_, sent) => sent.and_then(place),
            What::Lost(sent) => place(sent),
            What::Sent(..) | What::Own => None,
        };
        let moments = &self.space.moments;
        let because = |at: &&usize| moment.event.cause == Cause::Event(moments[**at].event.id);
        let caused = || shown[..here].iter().rposition(|at| because(&at));
        let same_line = |at: &usize| moments[*at].node == moment.node;
        let before = || shown[..here].iter().rposition(same_line);
        sent.or_else(caused).or_else(before).unwrap_or(here)
    }

    /// Where a moment leads: the arrival of what was sent, else what it caused, else what came next on its line.
    fn effect(&self, shown: &[usize], here: usize) -> usize {
        let Some(moment) = self.moment() else { return here };
        let end = match moment.what {
            What::Sent(_, End::Arrives(at) | End::Lost(at)) => shown.binary_search(&at).ok(),
            _ => None,
        };
        let moments = &self.space.moments;
        let later = shown.get(here + 1..).unwrap_or_default();
        let caused = |at: &usize| moments[*at].event.cause == Cause::Event(moment.event.id);
        let same_line = |at: &usize| moments[*at].node == moment.node;
        let position =
            |which: &dyn Fn(&usize) -> bool| later.iter().position(which).map(|at| here + 1 + at);
        end.or_else(|| position(&caused)).or_else(|| position(&same_line)).unwrap_or(here)
    }

    /// What happened at a moment, without who it was where its line says so.
    #[must_use]
    pub fn words(&self, at: usize, names: &Names) -> String {
        let event = &self.space.moments[at].event;
        let whole = self.sentence(at, names);
        match (&event.fact, whole.split_once("  ")) {
            (Fact::MessageReceived { from: Peer::Node(_), .. }, _) | (_, None) => whole,
            (_, Some((_, words))) => words.to_owned(),
        }
    }

    /// What happened at a moment, in a line.
    #[must_use]
    pub fn sentence(&self, at: usize, names: &Names) -> String {
        let moment = &self.space.moments[at];
        let name = |node: Option<NodeId>| node.map_or("", |node| names.of(node));
        match (&moment.event.fact, moment.what) {
            (Fact::MessageReceived { .. }, What::Received(_, Some(sent))) => {
                let sent = self.space.moments.get(sent).map(|sent| &sent.event);
                let line = sent.and_then(|event| report::line(event, names));
                let words = line.unwrap_or_else(|| "a heartbeat".into());
                format!("arrives: {words}")
            }
            (Fact::MessageReceived { .. }, What::Received(from, _)) => {
                let line = report::line(&moment.event, names);
                let hears = || format!("{}  hears from {}", name(moment.node), names.peer(from));
                line.unwrap_or_else(hears)
            }
            (Fact::MessageSent { .. }, What::Sent(to, _)) => {
                let line = report::line(&moment.event, names);
                let beat = || format!("{} → {}  heartbeat", name(moment.node), names.peer(to));
                line.unwrap_or_else(beat)
            }
            (Fact::ConnRefused { peer, .. }, _) => {
                format!("{}  is refused by {}", name(moment.node), names.peer(*peer))
            }
            (Fact::Noted(Note::Store(StoreNote::Suspected { about, .. })), _) => {
                format!("{}  suspects {}", name(moment.node), names.of(*about))
            }
            _ => report::line(&moment.event, names).unwrap_or_default(),
        }
    }
}

/// The visitors of a stretch of the log, those first that sent and got most.
fn visitors(space: &SpaceTime) -> Vec<VisitorId> {
    let mut counts: BTreeMap<VisitorId, usize> = BTreeMap::new();
    for moment in &space.moments {
        if let What::Sent(Peer::Visitor(id), _) | What::Received(Peer::Visitor(id), _) = moment.what
        {
            *counts.entry(id).or_default() += 1;
        }
    }
    let mut visitors: Vec<VisitorId> = counts.keys().copied().collect();
    visitors.sort_by_key(|id| std::cmp::Reverse(counts[id]));
    visitors
}

/// Who asks stands to the left of whom is asked.
const fn rank(role: Role) -> u8 {
    match role {
        Role::Client => 0,
        Role::Ls => 1,
        Role::Ts => 2,
        Role::Replica => 3,
    }
}

/// How many lines a screen of so many columns has room for.
fn most_lines(columns: u16) -> usize {
    usize::from(columns.saturating_sub(GUTTER + 2) / GAP_MIN).clamp(1, LINES_MAX)
}

/// What panel 2 shows, and who has a part in it, the most telling first.
fn matter(world: &World, view: &View) -> Option<(String, Vec<Peer>)> {
    let mut nodes: Vec<Peer> = Vec::new();
    let mut add = |node: Option<Peer>| {
        let new = node.filter(|node| !nodes.contains(node));
        nodes.extend(new);
    };
    let what = if let Some(group) = store::on_show(world, view) {
        let op = store::ops::shown(group, view);
        let failover = store::failover_shown(group, view);
        if failover.is_none() {
            add(op.and_then(|op| op.asker).map(|asker| Peer::Node(asker.0)));
        }
        for node in group.replicas.iter().map(|replica| replica.id).chain(group.nodes()) {
            add(Some(Peer::Node(node)));
        }
        match (failover, op) {
            (Some(it), _) => format!("failover of {}", world.topology.names.of(it.leader)),
            (None, Some(op)) => format!("operation {}", op.no.0),
            (None, None) => "the store".into(),
        }
    } else {
        let race = race::shown(world, view)?;
        add(Some(race.asker));
        add(race.ls.map(Peer::Node));
        let mut lanes: Vec<_> = race.lanes.iter().collect();
        lanes.sort_by_key(|lane| (lane.end != LaneEnd::Won, lane.sent.is_none(), lane.sent));
        for lane in lanes {
            add(Some(Peer::Node(lane.upstream)));
        }
        format!("race #{}", race.no.0)
    };
    Some((what, nodes))
}
