//! One node in the running lab: the place where its incarnations live one after the other, and the ways they die.
//!
//! All that happens to an incarnation happens under one lock, in turns; nothing waits while it is held. What a machine
//! does is its own business: not one line here knows a protocol.

use super::conn::{End, Owner, Pair, Tap, Writer};
use super::host::{Conn, NodeHost};
use super::line::{Connect, Turn};
use super::listen::{self, Port};
use super::scheduler::Wake;
use super::shared::{Introduction, Shared};
use super::tasks;
use crate::base::{ConnId, Incarnation as Number, LabTime, NodeId, Peer};
use crate::engine::Incarnation;
use crate::event::{Cause, Census, Ending, Fact, Life, Side};
use crate::machine::{self, Input, Told};
use crate::topology::Node;
use crate::wire::line::{Decoded, Decoder, Reads};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::SocketAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// Inputs that wait for a frozen node besides what the kernel keeps: what had been read a moment before it froze.
const STASH_MAX: usize = 4096;

/// How a life ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Death {
    /// Its process was killed or crashed: every connection is reset.
    Killed,
    /// Its host vanished: every connection is silent.
    PoweredOff,
    /// In good order: every connection is closed behind what was sent.
    Stopped,
}

/// One node of the topology in the running lab.
#[derive(Debug)]
pub struct NodeShared {
    /// Its id.
    pub id: NodeId,
    /// Where it runs, if it is no process of ours.
    pub at: Option<SocketAddr>,
    core: Mutex<Core>,
    /// Closed (`false`) while the node stands still.
    gate: watch::Sender<bool>,
    armed: AtomicU64,
}

#[derive(Debug)]
struct Core {
    life: Life,
    incarnations: u32,
    living: Option<Living>,
    port: Port,
    /// Tasks of lives that have ended; the next life waits until they are gone.
    old_tasks: Vec<TaskTracker>,
    /// Connections of a host without power: open, and silent.
    silent: Vec<Conn>,
}

#[derive(Debug)]
struct Living {
    inc: Incarnation,
    conns: BTreeMap<ConnId, Conn>,
    /// Connections asked for that do not stand yet.
    opening: BTreeSet<ConnId>,
    frozen: bool,
    exited: bool,
    stash: VecDeque<Stashed>,
    cancel: CancellationToken,
    tasks: TaskTracker,
    results: super::results::Results,
}

/// What reached a node just when it froze.
#[derive(Debug)]
enum Stashed {
    Bytes(ConnId, Vec<u8>),
    Ended(ConnId, Ending),
    Told(Told, Cause),
    Turn(Turn),
    Accepted(Arc<TcpStream>, SocketAddr),
}

impl NodeShared {
    /// A node that has never lived.
    #[must_use]
    pub fn new(node: &Node) -> Self {
        let core = Core {
            life: Life::Off,
            incarnations: 0,
            living: None,
            port: Port::new(node.listen),
            old_tasks: Vec::new(),
            silent: Vec::new(),
        };
        Self {
            id: node.id,
            at: node.at,
            core: Mutex::new(core),
            gate: watch::Sender::new(true),
            armed: AtomicU64::new(u64::MAX),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Core> {
        // A machine's panic is caught inside; the lock is never poisoned by it.
        self.core.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is true of it.
    pub fn census(&self) -> Census {
        let core = self.lock();
        Census { node: self.id, incarnation: Number(core.incarnations), life: core.life }
    }

    /// Its state in truth.
    pub fn life(&self) -> Life {
        self.lock().life
    }

    /// Where it listens, or would.
    pub fn address(&self) -> Option<SocketAddr> {
        self.at.or_else(|| self.lock().port.address())
    }

    /// Open while the node does not stand still.
    pub fn gate(&self) -> watch::Receiver<bool> {
        self.gate.subscribe()
    }

    /// Reserves its port, so that it is refused and nobody else's while it does not live.
    pub fn reserve(&self, base: u16) {
        self.lock().port.reserve(base);
    }

    // ---- life and death -------------------------------------------------------------------------------------------

    /// Starts a new incarnation. Waits until what is left of the last one is gone, so that its port is free.
    pub async fn boot(self: &Arc<Self>, lab: &Arc<Shared>, cause: Cause) {
        let old: Vec<TaskTracker> = std::mem::take(&mut self.lock().old_tasks);
        for tasks in old {
            tasks.wait().await;
        }
        let mut core = self.lock();
        if core.living.is_some() || self.at.is_some() {
            return;
        }
        core.return_of_the_host(lab);
        core.incarnations += 1;
        let number = Number(core.incarnations);
        let machine = machine::build(&lab.topology, self.id, number);
        let now = lab.now();
        let fact = Fact::NodeBooted { node: self.id, incarnation: number };
        let booted = lab.recorder.lab(now, cause, fact);
        core.life = Life::Up;
        core.living = Some(Living {
            inc: Incarnation::new(self.id, number, machine),
            conns: BTreeMap::new(),
            opening: BTreeSet::new(),
            frozen: false,
            exited: false,
            stash: VecDeque::new(),
            cancel: CancellationToken::new(),
            tasks: TaskTracker::new(),
            results: super::results::Results::new(lab, self.id),
        });
        self.gate.send_replace(true);
        self.listen(&mut core, lab, Cause::Event(booted));
        self.turn(&mut core, Input::Boot, Cause::Event(booted), lab);
    }

    /// Tries once more to listen, if it lives and could not.
    pub fn listen_again(self: &Arc<Self>, lab: &Arc<Shared>, cause: Cause) {
        let mut core = self.lock();
        if core.living.is_some() && !core.port.listens() {
            self.listen(&mut core, lab, cause);
        }
    }

    fn listen(self: &Arc<Self>, core: &mut Core, lab: &Arc<Shared>, cause: Cause) {
        let now = lab.now();
        match core.port.open() {
            None => {}
            Some(Ok((listener, address))) => {
                let fact = Fact::NodeListening { node: self.id, wire: "line".into(), address };
                lab.recorder.lab(now, cause, fact);
                let Some(living) = &core.living else { return };
                let (node, lab2, cancel) = (self.clone(), lab.clone(), living.cancel.clone());
                let number = living.inc.number();
                living
                    .tasks
                    .spawn_on(listen::accept(node, number, listener, cancel, lab2), &lab.runtime);
            }
            Some(Err((port, why))) => {
                let fact = Fact::ListenFailed { node: self.id, port, why: why.into() };
                lab.recorder.lab(now, cause, fact);
            }
        }
    }

    /// Ends the present life, if there is one. The fact must be in the log already.
    pub fn end(&self, how: Death, lab: &Shared) {
        self.end_locked(&mut self.lock(), how, lab);
    }

    fn end_locked(&self, core: &mut Core, how: Death, lab: &Shared) {
        let Some(mut living) = core.living.take() else {
            // A host may lose its power although its process is dead; that changes what a connect meets.
            if how == Death::PoweredOff {
                core.life = Life::PoweredOff;
            }
            return;
        };
        core.life = match how {
            Death::Killed => Life::Killed,
            Death::PoweredOff => Life::PoweredOff,
            Death::Stopped => Life::Stopped,
        };
        living.cancel.cancel();
        living.tasks.close();
        core.old_tasks.push(living.tasks);
        self.gate.send_replace(true);
        // Without power the listening socket stays open in the kernel, and nobody ever serves it.
        if how != Death::PoweredOff {
            core.port.close();
        }
        let now = lab.now();
        for conn in std::mem::take(&mut living.conns).into_values() {
            match how {
                Death::PoweredOff => {
                    conn.own_end(Owner::Off);
                    core.silent.push(conn);
                }
                Death::Killed | Death::Stopped => {
                    conn.own_end(Owner::Dead);
                    conn.leave(now, how == Death::Killed, lab);
                    if matches!(conn.peer, Peer::Visitor(_)) {
                        lab.forget_visitor(conn.peer, Peer::Node(self.id));
                    }
                }
            }
        }
    }

    /// Waits until the sockets of ended lives are closed, so that "refused" is true when a command has been carried
    /// out.
    pub async fn settled(&self) {
        let old: Vec<TaskTracker> = self.lock().old_tasks.clone();
        for tasks in old {
            tasks.wait().await;
        }
        self.lock().port.hold();
    }

    /// Stands still.
    pub fn freeze(&self) {
        let mut core = self.lock();
        if let Some(living) = &mut core.living {
            living.frozen = true;
            core.life = Life::Frozen;
            self.gate.send_replace(false);
        }
    }

    /// Goes on: waiting input first, in order, then overdue timers, each once.
    pub fn thaw(self: &Arc<Self>, lab: &Arc<Shared>) {
        let mut core = self.lock();
        let Some(living) = &mut core.living else { return };
        living.frozen = false;
        let stash = std::mem::take(&mut living.stash);
        // What has to pass a link first is read when the gate opens.
        let direct = |conn: &Conn| conn.inward.as_ref().is_none_or(|line| line.is_clear());
        let waiting: Vec<(ConnId, Arc<TcpStream>)> = living
            .conns
            .iter()
            .filter(|(_, conn)| direct(conn))
            .map(|(id, conn)| (*id, conn.stream.clone()))
            .collect();
        core.life = Life::Up;
        for item in stash {
            self.unstash(&mut core, item, lab);
        }
        let mut buffer = vec![0; tasks::READ_BYTES];
        for (conn, stream) in waiting {
            while let Ok(count @ 1..) = stream.try_read(&mut buffer) {
                self.bytes_locked(&mut core, conn, &buffer[..count], lab);
            }
        }
        self.timers_locked(&mut core, lab);
        drop(core);
        self.gate.send_replace(true);
    }

    fn unstash(self: &Arc<Self>, core: &mut Core, item: Stashed, lab: &Arc<Shared>) {
        match item {
            Stashed::Bytes(conn, bytes) => self.bytes_locked(core, conn, &bytes, lab),
            Stashed::Ended(conn, ending) => self.ended_locked(core, conn, ending, lab),
            Stashed::Told(told, cause) => self.turn(core, Input::Told(told), cause, lab),
            Stashed::Turn(turn) => self.handed_locked(core, turn, lab),
            Stashed::Accepted(stream, from) => self.accepted_locked(core, stream, from, lab),
        }
    }

    // ---- turns ----------------------------------------------------------------------------------------------------

    /// One turn of the machine, if it lives. A panic inside is the node's own crash, and nothing else's.
    fn turn(&self, core: &mut Core, input: Input, cause: Cause, lab: &Shared) {
        self.guarded(core, lab, |inc, now, host| inc.turn(now, input, cause, host));
    }

    fn guarded(
        &self,
        core: &mut Core,
        lab: &Shared,
        act: impl FnOnce(&mut Incarnation, LabTime, &mut NodeHost<'_>),
    ) {
        let Some(living) = &mut core.living else { return };
        let now = lab.now();
        let mut host = NodeHost {
            lab,
            node: self.id,
            incarnation: living.inc.number(),
            conns: &mut living.conns,
            opening: &mut living.opening,
            results: &mut living.results,
            exited: &mut living.exited,
        };
        let inc = &mut living.inc;
        let outcome = catch_unwind(AssertUnwindSafe(|| act(inc, now, &mut host)));
        if let Err(panic) = outcome {
            let why = panic_text(panic.as_ref());
            let fact = Fact::NodeCrashed { node: self.id, why: why.into() };
            lab.recorder.lab(now, Cause::Unknown, fact);
            self.end_locked(core, Death::Killed, lab);
            core.life = Life::Crashed;
        } else if living.exited {
            lab.recorder.lab(now, Cause::Unknown, Fact::NodeStopped { node: self.id });
            self.end_locked(core, Death::Stopped, lab);
        } else if let Some(due) = living.inc.next_timer() {
            self.wake_at(due, lab);
        }
    }

    fn wake_at(&self, due: LabTime, lab: &Shared) {
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
            self.guarded(&mut core, lab, |inc, now, host| {
                inc.fire_first(now, host);
            });
        }
    }

    fn timers_locked(&self, core: &mut Core, lab: &Shared) {
        self.guarded(core, lab, |inc, now, host| inc.fire_due(now, host));
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
        self.guarded(&mut self.lock(), lab, |_, _, _| panic!("told to crash"));
    }

    /// Bytes were read from a connection of this life.
    pub fn bytes(&self, number: Number, conn: ConnId, bytes: &[u8], lab: &Shared) {
        let mut core = self.lock();
        let Some(living) = core.living_as(number) else { return };
        if living.frozen {
            living.keep(Stashed::Bytes(conn, bytes.to_vec()));
        } else {
            self.bytes_locked(&mut core, conn, bytes, lab);
        }
    }

    fn bytes_locked(&self, core: &mut Core, conn: ConnId, bytes: &[u8], lab: &Shared) {
        let Some(living) = &mut core.living else { return };
        let Some(end) = living.conns.get_mut(&conn) else { return };
        let peer = end.peer;
        let decoded = end.decode(bytes);
        for item in decoded {
            let (input, cause) = match item {
                Decoded::Message(message, until) => {
                    let cause = core.sent_by(conn, until);
                    (Input::Received { conn, peer, message: Arc::new(message) }, cause)
                }
                Decoded::Malformed(why) => (Input::Malformed { conn, peer, why }, Cause::Unknown),
                Decoded::TooLong => {
                    let why = "a line of more than 64 KiB: the connection is closed".into();
                    self.turn(core, Input::Malformed { conn, peer, why }, Cause::Unknown, lab);
                    self.cut_off(core, conn, lab);
                    return;
                }
            };
            self.turn(core, input, cause, lab);
        }
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

    fn ended_locked(&self, core: &mut Core, conn: ConnId, ending: Ending, lab: &Shared) {
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

    // ---- connections ----------------------------------------------------------------------------------------------

    /// A connection was accepted.
    pub fn accepted(
        self: &Arc<Self>,
        number: Number,
        stream: Arc<TcpStream>,
        from: SocketAddr,
        lab: &Arc<Shared>,
    ) {
        let mut core = self.lock();
        let Some(living) = core.living_as(number) else { return };
        if living.frozen {
            living.keep(Stashed::Accepted(stream, from));
        } else {
            self.accepted_locked(&mut core, stream, from, lab);
        }
    }

    fn accepted_locked(
        self: &Arc<Self>,
        core: &mut Core,
        stream: Arc<TcpStream>,
        from: SocketAddr,
        lab: &Arc<Shared>,
    ) {
        let Some(living) = &mut core.living else { return };
        let _ = stream.set_nodelay(true);
        let intro = lab.introduced(from);
        let conn = living.inc.accept();
        let cause = intro.as_ref().map_or(Cause::Unknown, |intro| Cause::Event(intro.cause));
        let peer = match &intro {
            Some(intro) => Peer::Node(intro.opener),
            None => Peer::Visitor(lab.new_visitor()),
        };
        let plan = Plan { conn, peer, side: Side::Acceptor, intro };
        self.adopt(core, stream, plan, lab);
        self.turn(core, Input::Opened { conn, peer, side: Side::Acceptor }, cause, lab);
    }

    /// Makes a socket a connection of the present life and starts its reader.
    fn adopt(
        self: &Arc<Self>,
        core: &mut Core,
        stream: Arc<TcpStream>,
        plan: Plan,
        lab: &Arc<Shared>,
    ) {
        let Some(living) = &mut core.living else { return };
        let Plan { conn, peer, side, intro } = plan;
        let ours = intro.as_ref().map(|intro| Ours::of(&intro.pair, side));
        let (tap_out, tap_in, own_end, peer_end) = match ours {
            Some(ours) => (Some(ours.out), Some(ours.inward), Some(ours.own), Some(ours.peer)),
            None => (None, None, None, None),
        };
        let reads = if side == Side::Opener { Reads::Answers } else { Reads::Questions };
        let framed = intro.as_ref().is_some_and(|intro| intro.framed);
        let me = Peer::Node(self.id);
        let reader_cancel = living.cancel.child_token();
        let entry = Conn {
            peer,
            out: lab.line(me, peer),
            inward: intro.is_none().then(|| lab.line(peer, me)),
            writer: Arc::new(Writer::new(stream.clone(), tap_out, peer_end)),
            stream: stream.clone(),
            reader: reader_cancel.clone(),
            decoder: Decoder::new(reads, lab.topology.dialect, framed),
            dialect: lab.topology.dialect,
            framed: intro.as_ref().map(|intro| intro.framed),
            tap_in,
            own_end,
            stream_no: lab.new_stream(),
        };
        let (inward, stream_no) = (entry.inward.clone(), entry.stream_no);
        living.conns.insert(conn, entry);
        let reader = tasks::Reader {
            node: self.clone(),
            number: living.inc.number(),
            conn,
            stream,
            inward,
            gate: self.gate.subscribe(),
            cancel: reader_cancel,
            stream_no,
            lab: lab.clone(),
        };
        living.tasks.spawn_on(reader.run(), &lab.runtime);
    }

    /// A wish to connect to this node has come over the link: answers it as its kernel would.
    pub fn answer_connect(self: &Arc<Self>, wish: Connect, lab: &Arc<Shared>) {
        if self.life() == Life::PoweredOff {
            // No power, no answer: the opener's connect hangs until it gives up.
            return;
        }
        let address = self.address();
        lab.runtime.spawn(tasks::connect(wish, address, self.clone(), lab.clone()));
    }

    /// What was handed over to the scheduler's task.
    pub fn handed(self: &Arc<Self>, number: Number, turn: Turn, lab: &Arc<Shared>) {
        let mut core = self.lock();
        let Some(living) = core.living_as(number) else { return };
        if living.frozen {
            living.keep(Stashed::Turn(turn));
        } else {
            self.handed_locked(&mut core, turn, lab);
        }
    }

    fn handed_locked(self: &Arc<Self>, core: &mut Core, turn: Turn, lab: &Arc<Shared>) {
        match turn {
            Turn::Connected { wish, stream, pair } => {
                let Some(living) = &mut core.living else { return };
                // A machine that closed meanwhile wants it no more: dropping the socket ends it in good order.
                if !living.opening.remove(&wish.conn) {
                    return;
                }
                let conn = wish.conn;
                let peer = Peer::Node(wish.to);
                let intro = pair.map(|pair| Introduction {
                    opener: self.id,
                    framed: wish.framed,
                    cause: wish.cause,
                    pair,
                });
                let plan = Plan { conn, peer, side: Side::Opener, intro };
                self.adopt(core, stream, plan, lab);
                let input = Input::Opened { conn, peer, side: Side::Opener };
                self.turn(core, input, Cause::Event(wish.cause), lab);
            }
            Turn::Refused(wish) => {
                let Some(living) = &mut core.living else { return };
                if living.opening.remove(&wish.conn) {
                    let input = Input::Refused { conn: wish.conn, peer: Peer::Node(wish.to) };
                    self.turn(core, input, Cause::Event(wish.cause), lab);
                }
            }
            Turn::Bytes { conn, bytes, .. } => self.bytes_locked(core, conn, &bytes, lab),
            Turn::Ended { conn, ending, .. } => self.ended_locked(core, conn, ending, lab),
        }
    }
}

/// What is known of a socket that becomes a connection.
struct Plan {
    conn: ConnId,
    peer: Peer,
    side: Side,
    intro: Option<Introduction>,
}

/// A connection between nodes of ours, seen from one side.
struct Ours {
    out: Arc<Tap>,
    inward: Arc<Tap>,
    own: Arc<End>,
    peer: Arc<End>,
}

impl Ours {
    fn of(pair: &Pair, side: Side) -> Self {
        let (opener, acceptor) = (
            (pair.opener_tap.clone(), pair.opener_end.clone()),
            (pair.acceptor_tap.clone(), pair.acceptor_end.clone()),
        );
        let (mine, theirs) = match side {
            Side::Opener => (opener, acceptor),
            Side::Acceptor => (acceptor, opener),
        };
        Self { out: mine.0, inward: theirs.0, own: mine.1, peer: theirs.1 }
    }
}

impl Core {
    fn living_as(&mut self, number: Number) -> Option<&mut Living> {
        self.living.as_mut().filter(|living| living.inc.number() == number)
    }

    fn sent_by(&self, conn: ConnId, until: u64) -> Cause {
        let tap = self.living.as_ref().and_then(|living| living.conns.get(&conn)?.tap_in.as_ref());
        tap.and_then(|tap| tap.cause(until)).map_or(Cause::Unknown, Cause::Event)
    }

    /// The host has power again: whoever still believes in an old connection is reset at its next write.
    fn return_of_the_host(&mut self, lab: &Arc<Shared>) {
        for conn in self.silent.drain(..) {
            conn.own_end(Owner::Returned);
            lab.runtime.spawn(tasks::watch_old(conn, lab.clone()));
        }
    }
}

impl Living {
    fn keep(&mut self, item: Stashed) {
        // Beyond the bound the newest goes: it is what a kernel with a full buffer would not have taken.
        if self.stash.len() < STASH_MAX {
            self.stash.push_back(item);
        }
    }
}

fn panic_text(panic: &(dyn std::any::Any + Send)) -> String {
    panic
        .downcast_ref::<&str>()
        .map(|text| (*text).to_owned())
        .or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "a panic without words".into())
}
