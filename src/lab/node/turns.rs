//! Turns: whatever reaches a machine reaches it here, one input after the other, under the node's lock.
//!
//! A panic inside a turn is the node's own crash, and nothing else's.

use super::{Core, Death, NodeShared, Stashed};
use crate::base::{ConnId, Incarnation as Number, LabTime, OwnClock, Peer};
use crate::engine::Incarnation;
use crate::event::{Cause, Ending, Fact, Life};
use crate::lab::disk::Kept;
use crate::lab::host::NodeHost;
use crate::lab::scheduler::Wake;
use crate::lab::shared::Shared;
use crate::machine::{Input, Told};
use crate::wire::{Decoded, WHOLE_WITHIN};
use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

impl NodeShared {
    /// One turn of the machine, if it lives. A panic inside is the node's own crash, and nothing else's.
    pub(super) fn turn(&self, core: &mut Core, input: Input, cause: Cause, lab: &Shared) {
        self.turn_at(core, lab.now(), input, cause, lab);
    }

    /// The same for whoever has looked at the clock just now.
    fn turn_at(&self, core: &mut Core, now: LabTime, input: Input, cause: Cause, lab: &Shared) {
        self.guarded(core, now, lab, |inc, host| inc.turn(now, input, cause, host));
    }

    pub(super) fn guarded(
        &self,
        core: &mut Core,
        now: LabTime,
        lab: &Shared,
        act: impl FnOnce(&mut Incarnation, &mut NodeHost<'_>),
    ) {
        let Some(living) = &mut core.living else { return };
        let mut host = NodeHost {
            lab,
            node: self.id,
            incarnation: living.inc.number(),
            conns: &mut living.conns,
            opening: &mut living.opening,
            results: &mut living.results,
            exited: &mut living.exited,
            events: &mut living.events,
            outbox: &mut core.outbox,
            after_send: None,
        };
        let inc = &mut living.inc;
        let outcome = catch_unwind(AssertUnwindSafe(|| act(inc, &mut host)));
        host.record();
        if let Err(panic) = outcome {
            self.crashed(core, panic.as_ref(), lab);
        } else if living.exited {
            lab.recorder.lab(now, Cause::Unknown, Fact::NodeStopped { node: self.id });
            self.end_locked(core, Death::Stopped, lab);
        } else if let Some(due) = living.inc.next_timer() {
            self.wake_at(due, lab);
        }
    }

    /// Does something for this life outside its turns. A panic in it is the node's own crash; none then.
    pub(super) fn contained<T>(
        &self,
        core: &mut Core,
        lab: &Shared,
        work: impl FnOnce(&mut Core) -> T,
    ) -> Option<T> {
        match catch_unwind(AssertUnwindSafe(|| work(core))) {
            Ok(done) => Some(done),
            Err(panic) => {
                self.crashed(core, panic.as_ref(), lab);
                None
            }
        }
    }

    /// A panic in whatever works for this life ends it.
    fn crashed(&self, core: &mut Core, panic: &(dyn Any + Send), lab: &Shared) {
        let fact = Fact::NodeCrashed { node: self.id, why: panic_text(panic).into() };
        lab.recorder.lab(lab.now(), Cause::Unknown, fact);
        self.end_locked(core, Death::Killed, lab);
        core.life = Life::Crashed;
    }

    /// Whoever writes the disk or reads datagrams for this life has panicked.
    pub fn fell_over(&self, number: Number, panic: &(dyn Any + Send), lab: &Shared) {
        let mut core = self.lock();
        if core.living_as(number).is_some() {
            self.crashed(&mut core, panic, lab);
        }
    }

    pub(super) fn wake_at(&self, due: LabTime, lab: &Shared) {
        if self.armed.fetch_min(due.0, Ordering::AcqRel) > due.0 {
            lab.scheduler.arm(due, Wake::Node(lab.node(self.id).clone()));
        }
    }

    /// When its next timer is due; none while it does not run.
    pub fn next_timer(&self) -> Option<LabTime> {
        let core = self.lock();
        core.living.as_ref().filter(|living| !living.frozen)?.inc.next_timer()
    }

    /// The scheduler's call: fires what is due.
    pub fn woken(&self, lab: &Shared) {
        self.armed.store(u64::MAX, Ordering::Release);
        let mut core = self.lock();
        if core.living.as_ref().is_some_and(|living| !living.frozen) {
            self.timers_locked(&mut core, lab);
        }
    }

    /// A tick of a paused world: fires the first timer that is due, and no other.
    pub fn ticked(&self, lab: &Shared) {
        self.armed.store(u64::MAX, Ordering::Release);
        let mut core = self.lock();
        if core.living.as_ref().is_some_and(|living| !living.frozen) {
            let now = lab.now();
            self.guarded(&mut core, now, lab, |inc, host| {
                inc.fire_first(now, host);
            });
        }
    }

    pub(super) fn timers_locked(&self, core: &mut Core, lab: &Shared) {
        let now = lab.now();
        self.guarded(core, now, lab, |inc, host| inc.fire_due(now, host));
    }

    /// Its own clock is like this from now on, and its timers are due accordingly; that of one that stands still runs
    /// on.
    pub fn set_own_clock(&self, clock: OwnClock, cause: Cause, lab: &Shared) {
        let mut core = self.lock();
        let now = lab.now();
        lab.recorder.lab(now, cause, Fact::OwnClockSet { node: self.id, clock });
        core.clock = clock;
        self.guarded(&mut core, now, lab, |inc, _| inc.set_clock(clock));
    }

    /// Tells the machine something; a frozen one hears it when it thaws.
    pub fn tell(&self, told: Told, cause: Cause, lab: &Shared) {
        let mut core = self.lock();
        let Some(living) = &mut core.living else { return };
        if living.frozen {
            living.keep(Stashed::Told(told, cause));
            return;
        }
        if told == Told::Stop {
            core.life = Life::Stopping;
            lab.recorder.lab(lab.now(), cause, Fact::NodeStopping { node: self.id });
        }
        self.turn(&mut core, Input::Told(told), cause, lab);
    }

    /// Lets the machine panic, to show that nothing else does.
    pub fn crash(&self, lab: &Shared) {
        self.guarded(&mut self.lock(), lab.now(), lab, |_, _| panic!("told to crash"));
    }

    /// Bytes were read from a connection of this life.
    pub fn bytes(&self, number: Number, conn: ConnId, bytes: &[u8], lab: &Shared) {
        let mut core = self.lock();
        let Some(living) = core.living_as(number) else { return };
        if living.frozen {
            living.keep(Stashed::Bytes(conn, bytes.to_vec()));
        } else {
            self.bytes_locked(&mut core, lab.now(), conn, bytes, lab);
        }
    }

    /// Bytes that are read at this moment: the first message of them is taken at it, the next ones when they are.
    pub(super) fn bytes_locked(
        &self,
        core: &mut Core,
        mut now: LabTime,
        conn: ConnId,
        bytes: &[u8],
        lab: &Shared,
    ) {
        let end = core.living.as_ref().and_then(|living| living.conns.get(&conn));
        let Some(peer) = end.map(|end| end.peer) else { return };
        let mut decoded = std::mem::take(&mut core.decoded);
        // What a stranger sends is read for this node alone: a mistake in reading it is this node's end at most.
        let read = self.contained(core, lab, |core| {
            let end = core.living.as_mut().and_then(|living| living.conns.get_mut(&conn));
            if let Some(end) = end {
                end.decode(now, bytes, &mut decoded);
            }
        });
        if read.is_none() {
            return;
        }
        for (nth, item) in decoded.drain(..).enumerate() {
            if nth > 0 {
                now = lab.now();
            }
            let (input, cause) = match item {
                Decoded::Message(message, until) => {
                    let end = core.living.as_ref().and_then(|living| living.conns.get(&conn));
                    let cause = end.map_or(Cause::Unknown, |end| end.cause(bytes, until));
                    (Input::Received { conn, peer, message: Arc::new(message) }, cause)
                }
                Decoded::Malformed(why) => (Input::Malformed { conn, peer, why }, Cause::Unknown),
                Decoded::Unasked(why) => (Input::Unasked { conn, peer, why }, Cause::Unknown),
                Decoded::TooLong => {
                    let why = "a line of more than 64 KiB: the connection is closed".into();
                    let input = Input::Malformed { conn, peer, why };
                    self.turn_at(core, now, input, Cause::Unknown, lab);
                    self.cut_off(core, conn, lab);
                    break;
                }
            };
            self.turn_at(core, now, input, cause, lab);
        }
        core.decoded = decoded;
    }

    /// Whether a connection of this life is to be closed, because no whole message has come for so long; one on which a
    /// message has begun and does not end is reset at once. A node that stands still has no patience to lose.
    pub fn is_idle(
        &self,
        number: Number,
        conn: ConnId,
        most: Option<Duration>,
        lab: &Shared,
    ) -> bool {
        let mut core = self.lock();
        let now = lab.now();
        let Some(living) = core.living_as(number).filter(|living| !living.frozen) else {
            return false;
        };
        let Some(end) = living.conns.get(&conn) else { return false };
        let peer = end.peer;
        if end.begun.is_some_and(|begun| now.since(begun) >= WHOLE_WITHIN) {
            let why = "a message that has begun 30 s ago and has no end: the connection is closed";
            let input = Input::Malformed { conn, peer, why: why.into() };
            self.turn(&mut core, input, Cause::Unknown, lab);
            self.cut_off(&mut core, conn, lab);
            return false;
        }
        most.is_some_and(|most| now.since(end.whole) >= most)
    }

    /// Resets a connection whose peer does not keep to any bound.
    fn cut_off(&self, core: &mut Core, conn: ConnId, lab: &Shared) {
        let Some(living) = &mut core.living else { return };
        let Some(end) = living.conns.remove(&conn) else { return };
        end.leave(lab.now(), true, lab);
        if matches!(end.peer, Peer::Visitor(_)) {
            lab.forget_visitor(end.peer, Peer::Node(self.id));
        }
        let input = Input::Ended { conn, peer: end.peer, ending: Ending::Reset };
        self.turn(core, input, Cause::Unknown, lab);
    }

    /// A connection of this life was ended by the peer.
    pub fn ended(&self, number: Number, conn: ConnId, ending: Ending, lab: &Shared) {
        let mut core = self.lock();
        let Some(living) = core.living_as(number) else { return };
        if living.frozen {
            living.keep(Stashed::Ended(conn, ending));
        } else {
            self.ended_locked(&mut core, conn, ending, lab);
        }
    }

    pub(super) fn ended_locked(&self, core: &mut Core, conn: ConnId, ending: Ending, lab: &Shared) {
        let Some(living) = &mut core.living else { return };
        let Some(end) = living.conns.get_mut(&conn) else { return };
        let peer = end.peer;
        if ending == Ending::Reset {
            living.conns.remove(&conn);
            if matches!(peer, Peer::Visitor(_)) {
                lab.forget_visitor(peer, Peer::Node(self.id));
            }
        }
        self.turn(core, Input::Ended { conn, peer, ending }, Cause::Unknown, lab);
    }
}

impl NodeShared {
    /// Writes of this life are on the disk, or never will be.
    pub fn kept(&self, number: Number, all: Vec<Kept>, lab: &Shared) {
        let mut core = self.lock();
        for kept in all {
            let Some(living) = core.living_as(number) else { return };
            if living.frozen {
                living.keep(Stashed::Kept(kept));
            } else {
                self.kept_locked(&mut core, kept, lab);
            }
        }
    }

    pub(super) fn kept_locked(&self, core: &mut Core, kept: Kept, lab: &Shared) {
        let Kept { token, cause, result } = kept;
        let input = match result {
            Ok((bytes, took)) => Input::Persisted { token, bytes, took },
            Err(why) => Input::Unpersisted { token, why },
        };
        self.turn(core, input, Cause::Event(cause), lab);
    }
}

fn panic_text(panic: &(dyn std::any::Any + Send)) -> String {
    panic
        .downcast_ref::<&str>()
        .map(|text| (*text).to_owned())
        .or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "a panic without words".into())
}
