//! Connections, messages and frames: marks on links, and the joins from a send to its arrival.

use super::index::{Flight, Landed, Part};
use super::race::RaceNo;
use super::{
    DOOR_SHOWN, LOST_SHOWN, MARKS_MAX, Mark, MarkState, VISITORS_MAX, VisitorState, World,
};
use crate::base::{EventId, FrameId, LabTime, NodeId, Peer, QuestionNo, VisitorId};
use crate::event::{Cause, Ending, Event, Fact, Fate, Life, Side};
use crate::message::{Message, RecordType};
use crate::topology::Role;
use std::sync::Arc;
use std::time::Duration;

/// A frame for a living node of ours that nobody has read so long after it was due is not shown
/// any more (one read may hold several messages, and only one of them is named).
const UNREAD_SHOWN: Duration = Duration::from_secs(60);

/// Marks are swept at most so often, in lab time.
const SWEEP_EVERY: Duration = Duration::from_millis(100);

/// What a node sent, without its event.
struct Sent<'a> {
    to: Peer,
    frame: FrameId,
    due: LabTime,
    about: Option<QuestionNo>,
    message: &'a Arc<Message>,
}

impl World {
    pub(super) fn traffic(&mut self, node: NodeId, event: &Event) {
        match &event.fact {
            Fact::MessageSent { conn, to, frame, due, about, message } => {
                if !self.is_of_topology(*to) {
                    return;
                }
                let sent = Sent { to: *to, frame: *frame, due: *due, about: *about, message };
                let race = self.sent(node, &sent);
                if to.node().is_some_and(|to| self.is_ours(to)) {
                    let (event, frame, conn) = (event.id, *frame, *conn);
                    let flight = Flight { event, frame, conn, race, passed: false };
                    self.index.take_off(Peer::Node(node), *to, flight);
                }
            }
            Fact::MessageReceived { from, message, .. } if self.is_of_topology(*from) => {
                self.received(node, *from, event.id, event.cause, message);
            }
            Fact::ConnOpened { conn, peer, side } => {
                if !self.is_of_topology(*peer) {
                    return;
                }
                match (side, peer) {
                    (Side::Opener, _) => {
                        if self.index.nodes[node.index()].opened.insert(*conn) {
                            self.link_mut(Peer::Node(node), *peer).conns += 1;
                        }
                    }
                    (Side::Acceptor, Peer::Visitor(visitor)) => self.visitor_came(*visitor, node),
                    (Side::Acceptor, Peer::Node(_)) => {}
                }
            }
            Fact::Unasked { .. } => self.truth.unasked += 1,
            Fact::ConnClosed { conn, peer } => self.closed(node, *conn, *peer),
            Fact::ConnEnded { conn, peer, ending: Ending::Reset } => {
                self.closed(node, *conn, *peer);
            }
            _ => {}
        }
    }

    fn closed(&mut self, node: NodeId, conn: crate::base::ConnId, peer: Peer) {
        if self.index.nodes[node.index()].opened.remove(&conn)
            && let Some(link) = self.links.get_mut(&(Peer::Node(node), peer))
        {
            link.conns = link.conns.saturating_sub(1);
        }
        if let Peer::Visitor(visitor) = peer {
            self.visitor_left(visitor);
        }
    }

    /// Puts the mark on the link, writes into the race what the message means there, and gives the
    /// race.
    fn sent(&mut self, node: NodeId, sent: &Sent<'_>) -> Option<RaceNo> {
        let now = self.now;
        self.nodes[node.index()].load.sent += 1;
        let place = sent.about.and_then(|question| self.index.place(node, question));
        let race = place.map(|place| place.race);
        let is_reply = matches!(sent.message.as_ref(), Message::Reply { .. });
        let is_word =
            matches!(sent.message.as_ref(), Message::Cancel { .. } | Message::Began { .. });
        if let Some(place) = place {
            match place.part {
                Part::Upstream if is_reply => {
                    if let Some(lane) =
                        self.race_mut(place.race).and_then(|race| race.lane_mut(node))
                    {
                        lane.replied = Some(now);
                    }
                }
                Part::Balancer | Part::Asker if !is_reply && !is_word => {
                    if let (Part::Asker, Some(race)) = (place.part, self.race_mut(place.race)) {
                        race.kind = kind_of(sent.message);
                    }
                    self.asked_upstream(place.race, place.part, sent.to);
                }
                _ => {}
            }
            if is_reply {
                self.answered_over_dns(place.race, sent);
                self.answer_left(place.race, sent.to, sent.frame, sent.due);
            }
        }
        if speaks_dns(sent.message) {
            self.nodes[node.index()].dns_sent = Some((now, sent.to, sent.message.clone()));
        }
        let mark = Mark {
            frame: sent.frame,
            sent: now,
            due: sent.due,
            state: state_of(sent.due),
            race,
            message: sent.message.clone(),
        };
        let link = self.link_mut(Peer::Node(node), sent.to);
        link.frame_sent(sent.frame);
        link.marks.insert(mark);
        if link.marks.len() > MARKS_MAX {
            link.marks.pop_first();
        }
        self.plan_sweep(sent.to, sent.due);
        race
    }

    /// The asker of a race is answered over DNS.
    fn answered_over_dns(&mut self, no: RaceNo, sent: &Sent<'_>) {
        if speaks_dns(sent.message)
            && let Some(race) = self.race_mut(no)
            && race.asker == sent.to
        {
            race.more.dns = Some(sent.message.clone());
        }
    }

    /// An LS asks an upstream, or a client asks a TS directly: a lane begins.
    fn asked_upstream(&mut self, no: RaceNo, part: Part, to: Peer) {
        let now = self.now;
        let Some(to) = to.node() else { return };
        let direct = part == Part::Asker;
        if direct && self.topology.nodes[to.index()].role() != Role::Ts {
            return;
        }
        self.truth.upstream_sent += 1;
        if let Some(race) = self.race_mut(no) {
            race.lane_or_new(to).sent = Some(now);
        }
    }

    fn received(
        &mut self,
        node: NodeId,
        from: Peer,
        id: EventId,
        cause: Cause,
        message: &Arc<Message>,
    ) {
        debug_assert!(
            self.missed > 0 || self.has_seen(cause),
            "a receive stands before its send: {id:?} because of {cause:?}"
        );
        let here = Peer::Node(node);
        self.nodes[node.index()].load.received += 1;
        let landed = match cause {
            Cause::Event(sent) => self.index.land(from, here, sent),
            Cause::Boot | Cause::Unknown => None,
        };
        let (now, race) = (self.now, landed.as_ref().and_then(|landed| landed.flight.race));
        let link = self.link_mut(from, here);
        link.arrived += u64::from(landed.as_ref().is_none_or(|landed| !landed.flight.passed));
        if let Some(Landed { flight, overtaken }) = landed {
            link.marks.remove(flight.frame);
            // One read may hold several messages of a stream, and only one of them is named.
            let read_too = |frame: &FrameId| link.marks.get(*frame).is_some_and(|m| m.due <= now);
            let read_too: Vec<FrameId> = overtaken.into_iter().filter(read_too).collect();
            for frame in read_too {
                let link = self.link_mut(from, here);
                link.marks.remove(frame);
                link.arrived += 1;
                self.index.pass(from, here, frame);
            }
        }
        self.index.nodes[node.index()].received = Some((id, race, kind_of(message)));
        if speaks_dns(message) {
            self.nodes[node.index()].dns_heard = Some((now, from, message.clone()));
        }
        let Some(no) = race else { return };
        match message.as_ref() {
            Message::Reply { dns: Some(response), .. } if response.truncated => {
                let race = self.race_mut(no);
                let race = race.filter(|race| race.ls == Some(node) || race.ls.is_none());
                if let (Some(race), Some(server)) = (race, from.node()) {
                    race.more.cut_short.push(server);
                }
            }
            Message::Reply { .. } => {}
            _ => self.question_arrived(no, node),
        }
    }

    pub(super) fn frame_moved(&mut self, from: Peer, to: Peer, frame: FrameId, due: LabTime) {
        let Some(mark) = self.links.get_mut(&(from, to)).and_then(|link| link.marks.get_mut(frame))
        else {
            return;
        };
        mark.due = due;
        mark.state = state_of(due);
        if let (Some(no), Peer::Visitor(_)) = (mark.race, to) {
            self.answer_moved(no, frame, due);
        }
        self.plan_sweep(to, due);
    }

    pub(super) fn frame_lost(&mut self, from: Peer, to: Peer, frame: FrameId, fate: Fate) {
        let now = self.now;
        if !self.is_of_topology(from) || !self.is_of_topology(to) {
            return;
        }
        let link = self.link_mut(from, to);
        link.lost += 1;
        if fate == Fate::Lost {
            link.frame_late(frame);
        }
        if let Some(mark) = link.marks.get_mut(frame) {
            mark.state = MarkState::Lost { at: now };
            World::earlier(&mut self.index.sweep_at, now + LOST_SHOWN);
        }
        self.index.forget_frame(from, to, frame);
    }

    fn plan_sweep(&mut self, to: Peer, due: LabTime) {
        if due != LabTime::NEVER {
            let ours = to.node().is_some_and(|to| self.is_ours(to));
            let shown = if ours { UNREAD_SHOWN } else { DOOR_SHOWN };
            World::earlier(&mut self.index.sweep_at, due + shown);
        }
    }

    /// Takes marks away whose time is over, and plans the next sweep.
    pub(super) fn sweep_marks(&mut self) {
        let now = self.now;
        let mut next = LabTime::NEVER;
        for ((from, to), link) in &mut self.links {
            if link.marks.is_empty() {
                continue;
            }
            let door = match to.node().and_then(|to| self.nodes.get(to.index())) {
                Some(node) if self.topology.nodes[node.id.index()].at.is_some() => DOOR_SHOWN,
                Some(node) if node.life == Life::Frozen => Duration::MAX,
                Some(node) if node.life.is_alive() => UNREAD_SHOWN,
                Some(_) | None => DOOR_SHOWN,
            };
            let flights = self.index.flights.get_mut(&(*from, *to));
            let mut gone = Vec::new();
            link.marks.retain(|mark| {
                let until = match mark.state {
                    MarkState::Lost { at } => at + LOST_SHOWN,
                    MarkState::Stalled => LabTime::NEVER,
                    MarkState::Travelling => mark.due + door,
                };
                if until <= now {
                    gone.push(mark.frame);
                    return false;
                }
                World::earlier(&mut next, until);
                true
            });
            if let (Some(flights), false) = (flights, gone.is_empty()) {
                flights.retain(|flight| !gone.contains(&flight.frame));
            }
        }
        self.index.sweep_at = next.max(now + SWEEP_EVERY);
    }

    fn visitor_came(&mut self, visitor: VisitorId, node: NodeId) {
        let state =
            VisitorState { id: visitor, visits: node, since: self.now, left: None, asked: 0 };
        self.visitors.insert(visitor, state);
        self.link_mut(Peer::Visitor(visitor), Peer::Node(node)).conns = 1;
        if self.visitors.len() <= VISITORS_MAX {
            return;
        }
        let oldest = self
            .visitors
            .values()
            .min_by_key(|visitor| (visitor.left.is_none(), visitor.left, visitor.id))
            .map(|visitor| (visitor.id, visitor.visits));
        let Some((oldest, visits)) = oldest else { return };
        self.visitors.remove(&oldest);
        for pair in [
            (Peer::Visitor(oldest), Peer::Node(visits)),
            (Peer::Node(visits), Peer::Visitor(oldest)),
        ] {
            self.links.remove(&pair);
        }
    }

    fn visitor_left(&mut self, visitor: VisitorId) {
        let now = self.now;
        let Some(state) = self.visitors.get_mut(&visitor) else { return };
        state.left.get_or_insert(now);
        let pair = (Peer::Visitor(visitor), Peer::Node(state.visits));
        if let Some(link) = self.links.get_mut(&pair) {
            link.conns = 0;
        }
    }
}

const fn speaks_dns(message: &Message) -> bool {
    matches!(message, Message::Ask { dns: Some(_), .. } | Message::Reply { dns: Some(_), .. })
}

/// Which records a message asks for.
fn kind_of(message: &Message) -> RecordType {
    match message {
        Message::Ask { dns: Some(query), .. } => query.kind,
        _ => RecordType::A,
    }
}

const fn state_of(due: LabTime) -> MarkState {
    if due.0 == LabTime::NEVER.0 { MarkState::Stalled } else { MarkState::Travelling }
}
