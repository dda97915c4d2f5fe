//! What is done to a simulated lab: boots, deaths, freezes, faults, each with its fact.
//!
//! Which act a command comes to is `engine::Control`'s business; here they are carried out.

use super::Sim;
use super::disk::Kept;
use super::net::What;
use super::node::Waiting;
use crate::base::{EventId, FrameId, LabTime, NodeId, OwnClock, Peer};
use crate::command::Command;
use crate::engine::{Act, Incarnation};
use crate::event::{Cause, Fact, Fate, Hand, Life};
use crate::machine::{Input, Told};
use crate::message::Faults;
use std::sync::Arc;

impl Sim {
    /// Records a command and carries it out. `Wait`, `Next` and `Flip` are the script's business,
    /// `Quit` the caller's.
    pub(super) fn command(
        &mut self,
        command: Command,
        hand: Hand,
        cause: Cause,
    ) -> Result<(), String> {
        let command = Arc::new(command);
        let fact = Fact::CommandGiven { command: command.clone(), hand };
        let given = self.net.emit(cause, fact);
        match self.net.control.apply(self.net.now, &command) {
            Ok(acts) => {
                for act in acts {
                    self.act(act, Cause::Event(given));
                }
                Ok(())
            }
            Err(why) => {
                let fact = Fact::CommandRefused { why: Arc::from(why.as_str()) };
                self.net.emit(Cause::Event(given), fact);
                Err(why)
            }
        }
    }

    /// Does one thing to nodes or links and records it.
    pub fn act(&mut self, act: Act, cause: Cause) {
        match act {
            Act::Boot(node) => self.boot(node, cause),
            Act::Kill(node) => self.die(node, Fact::NodeKilled { node }, Life::Killed, cause),
            Act::Crash(node) => {
                let why = Arc::from("a panic was asked for");
                self.die(node, Fact::NodeCrashed { node, why }, Life::Crashed, cause);
            }
            Act::PowerOff(node) => {
                self.die(node, Fact::NodePoweredOff { node }, Life::PoweredOff, cause);
            }
            Act::Wipe(node) => {
                let place = self.net.place(node);
                place.disk.wipe();
                if place.life == Life::Corrupt {
                    place.life = Life::Killed;
                }
                self.net.emit(cause, Fact::NodeWiped { node });
            }
            Act::PutBack(node) => {
                let place = self.net.place(node);
                place.disk.put_back();
                if place.life == Life::Corrupt {
                    place.life = Life::Killed;
                }
            }
            Act::Freeze(node) => self.freeze(node, cause),
            Act::Thaw(node) => self.thaw(node, cause),
            Act::SetOwnClock(node, clock) => self.set_own_clock(node, clock, cause),
            Act::Tell(node, told) => self.tell(node, told, cause),
            Act::SetFaults { from, to, faults } => self.set_faults(from, to, faults, cause),
            Act::Release { from, to, frame } => self.release(from, to, frame, cause),
            Act::DropFrame { from, to, frame } => self.drop_frame(from, to, frame, cause),
            Act::Clock(state) => {
                self.net.emit(cause, Fact::ClockSet(state));
            }
            // There is no pause to step through: virtual time never waits.
            Act::Tick => {}
            Act::Record(fact) => {
                self.net.emit(cause, fact);
            }
        }
    }

    fn boot(&mut self, node: NodeId, cause: Cause) {
        let outside = self.net.topology.node(node).at.is_some();
        if self.life(node).is_alive() || outside {
            return;
        }
        let Some(image) = self.net.place(node).disk.image().cloned() else {
            self.net.place(node).life = Life::Corrupt;
            let why = Arc::from("the file ends in the middle: wipe the disk, and revive the node");
            self.net.emit(cause, Fact::NodeCorrupt { node, why });
            return;
        };
        let place = self.net.place(node);
        place.incarnation.0 += 1;
        place.life = Life::Up;
        place.emitted = 0;
        place.exited = false;
        place.stopping = false;
        let incarnation = place.incarnation;
        let machine = (self.maker)(&self.net.topology, node, incarnation);
        let life =
            Incarnation::new(node, incarnation, machine, self.net.places[node.index()].clock);
        self.lives[node.index()] = Some(Box::new(life));
        self.with_life(node, |life, seat| {
            let now = seat.net.now;
            let fact = Fact::NodeBooted { node, incarnation };
            let booted = life.emit(now, cause, fact, seat);
            life.turn(now, Input::Boot(image), Cause::Event(booted), seat);
        });
    }

    /// The process is gone at once. Killed or crashed, its kernel resets every connection, behind
    /// what is in flight; a host without power says nothing at all.
    pub(super) fn die(&mut self, node: NodeId, fact: Fact, life: Life, cause: Cause) {
        let powered_off = life == Life::PoweredOff;
        // A host without a process can still lose its power.
        if !self.life(node).is_alive() && !powered_off {
            return;
        }
        let id = self.net.emit(cause, fact);
        self.lives[node.index()] = None;
        let place = self.net.place(node);
        place.life = life;
        place.disk.process_gone(powered_off);
        if powered_off {
            self.clear(node, None, Fate::HostOff, id);
        } else {
            self.clear(node, Some(&What::Reset), Fate::PeerDead, id);
        }
    }

    /// A machine has ended in good order: what it sent still arrives, its sockets close.
    pub(super) fn stopped(&mut self, node: NodeId) {
        let cause = Cause::Event(self.net.places[node.index()].newest(node));
        let place = self.net.place(node);
        place.life = Life::Stopped;
        place.disk.finish();
        let id = self.net.emit(cause, Fact::NodeStopped { node });
        self.clear(node, Some(&What::EndOfFile), Fate::PeerDead, id);
    }

    /// Takes away what a process left on its host.
    fn clear(&mut self, node: NodeId, last_word: Option<&What>, fate: Fate, cause: EventId) {
        for (key, end) in self.net.conns.at(node) {
            self.net.abandon(key, end, last_word.cloned(), cause);
        }
        let place = self.net.place(node);
        place.conns.clear();
        for waiting in std::mem::take(&mut place.backlog) {
            let Waiting::Arrival(arrival) = waiting else { continue };
            if let What::Data(_) = arrival.what {
                self.net.tell_lost(arrival.from, node, arrival.frame, fate, arrival.cause);
            }
        }
    }

    fn freeze(&mut self, node: NodeId, cause: Cause) {
        if matches!(self.life(node), Life::Up | Life::Stopping) {
            self.net.place(node).life = Life::Frozen;
            self.net.emit(cause, Fact::NodeFrozen { node });
        }
    }

    /// The process goes on: first with what has been waiting for it, in order, then with its
    /// overdue timers.
    fn thaw(&mut self, node: NodeId, cause: Cause) {
        if self.life(node) != Life::Frozen {
            return;
        }
        let place = self.net.place(node);
        place.life = if place.stopping { Life::Stopping } else { Life::Up };
        place.timer_entered = LabTime::NEVER;
        self.net.emit(cause, Fact::NodeThawed { node });
        while matches!(self.life(node), Life::Up | Life::Stopping) {
            match self.net.place(node).backlog.pop_front() {
                Some(Waiting::Arrival(arrival)) => self.handle(node, arrival),
                Some(Waiting::Told(told, cause)) => self.hear(node, told, cause),
                Some(Waiting::Kept(kept)) => self.persisted(node, kept),
                None => break,
            }
        }
        self.with_life(node, |_, _| {});
    }

    /// A commit is done: the process hears of it, now or when it goes on.
    pub(super) fn committed(&mut self, node: NodeId, number: u64) {
        for kept in self.net.place(node).disk.commit(number) {
            match self.life(node) {
                Life::Frozen => self.net.place(node).backlog.push_back(Waiting::Kept(kept)),
                Life::Up | Life::Stopping => self.persisted(node, kept),
                _ => {}
            }
        }
        self.net.begin_commit(self.net.now, node);
    }

    fn persisted(&mut self, node: NodeId, kept: Kept) {
        let Kept { token, bytes, took, cause } = kept;
        self.turn(node, Input::Persisted { token, bytes, took }, cause);
    }

    /// A node that stands still has a clock that runs on: its timers are entered anew when it goes on.
    fn set_own_clock(&mut self, node: NodeId, clock: OwnClock, cause: Cause) {
        self.net.emit(cause, Fact::OwnClockSet { node, clock });
        self.net.place(node).clock = clock;
        self.with_life(node, |life, _| life.set_clock(clock));
    }

    fn tell(&mut self, node: NodeId, told: Told, cause: Cause) {
        if !self.life(node).is_alive() {
            return;
        }
        let by = match (&told, cause) {
            (Told::Stop, _) => self.net.emit(cause, Fact::NodeStopping { node }),
            (_, Cause::Event(id)) => id,
            _ => self.net.places[node.index()].newest(node),
        };
        match self.life(node) {
            Life::Frozen => self.net.place(node).backlog.push_back(Waiting::Told(told, by)),
            _ => self.hear(node, told, by),
        }
    }

    fn hear(&mut self, node: NodeId, told: Told, cause: EventId) {
        if told == Told::Stop {
            let place = self.net.place(node);
            place.stopping = true;
            place.life = Life::Stopping;
        }
        self.turn(node, Input::Told(told), cause);
    }

    fn set_faults(&mut self, from: Peer, to: Peer, faults: Faults, cause: Cause) {
        let fact = Fact::FaultsSet { from, to, faults: Arc::new(faults) };
        let id = self.net.emit(cause, fact);
        if let (Some(from), Some(to)) = (from.node(), to.node()) {
            let (now, line) = (self.net.now, self.net.line(from, to));
            let mut moved = Vec::new();
            self.net.pipe(line).set_faults(now, faults, &mut moved);
            self.net.tell_moved(line, &moved, id);
        }
    }

    fn release(&mut self, from: Peer, to: Peer, frame: Option<FrameId>, cause: Cause) {
        if let (Some(from), Some(to), Cause::Event(id)) = (from.node(), to.node(), cause) {
            let (now, line) = (self.net.now, self.net.line(from, to));
            let mut moved = Vec::new();
            self.net.pipe(line).release(now, frame, &mut moved);
            self.net.tell_moved(line, &moved, id);
        }
    }

    /// Only a message can be dropped: a handshake without its last word, or an end of file that
    /// never comes, is nothing that a hand on a link can do to TCP.
    fn drop_frame(&mut self, from: Peer, to: Peer, frame: FrameId, cause: Cause) {
        if let (Some(from), Some(to), Cause::Event(id)) = (from.node(), to.node(), cause) {
            let (now, line) = (self.net.now, self.net.line(from, to));
            let mut moved = Vec::new();
            let pipe = self.net.pipe(line);
            if !matches!(pipe.get(frame).map(|it| &it.what), Some(What::Data(_))) {
                return;
            }
            pipe.take_frame(now, frame, &mut moved);
            self.net.tell_lost(from, to, frame, Fate::Dropped, id);
            self.net.tell_moved(line, &moved, id);
        }
    }
}
