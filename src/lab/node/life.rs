//! How lives begin and end: boot, kill, power off, stop, freeze and thaw, each with what its sockets do.

use super::{Core, Death, Living, NodeShared, Stashed};
use crate::base::{ConnId, Incarnation as Number, Peer};
use crate::engine::Incarnation;
use crate::event::{Cause, Fact, Life};
use crate::lab::conn::Owner;
use crate::lab::host::{Conn, Road};
use crate::lab::listen::{Opened, Port};
use crate::lab::reactor::DATAGRAM_BYTES_MAX;
use crate::lab::shared::Shared;
use crate::lab::{flow, listen, results, tasks};
use crate::machine::{self, Input};
use crate::message::Image;
use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::net::UdpSocket;
use std::sync::Arc;
use tokio::net::TcpStream;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

impl NodeShared {
    /// Starts a new incarnation, if its disk can be read.
    pub async fn boot(self: &Arc<Self>, lab: &Arc<Shared>, cause: Cause) {
        if let Some(image) = self.ready(lab, cause).await {
            self.begin(image, lab, cause);
        }
    }

    /// Whoever connects from now on waits until it begins to live.
    pub fn open_doors(&self) {
        self.lock().ports.iter_mut().for_each(Port::open_early);
    }

    /// What its disk holds, for the life that is about to begin. Waits until what is left of the last one is gone, so
    /// that its port is free. None where there is no life to begin.
    pub async fn ready(&self, lab: &Shared, cause: Cause) -> Option<Image> {
        let old: Vec<TaskTracker> = std::mem::take(&mut self.lock().old_tasks);
        for tasks in old {
            tasks.wait().await;
        }
        match self.read_disk().await? {
            Ok(image) => Some(image),
            Err(why) => {
                self.corrupt(&why, cause, lab);
                None
            }
        }
    }

    /// Begins a new life with what its disk holds.
    pub fn begin(self: &Arc<Self>, image: Image, lab: &Arc<Shared>, cause: Cause) {
        let mut core = self.lock();
        core.return_of_the_host(lab);
        core.incarnations += 1;
        let number = Number(core.incarnations);
        let machine = machine::build(&lab.edition(), self.id, number);
        let now = lab.now();
        let fact = Fact::NodeBooted { node: self.id, incarnation: number };
        let booted = lab.recorder.lab(now, cause, fact);
        core.life = Life::Up;
        core.living = Some(Living {
            inc: Incarnation::new(self.id, number, machine, core.clock),
            conns: BTreeMap::new(),
            flows: HashMap::new(),
            opening: BTreeSet::new(),
            frozen: false,
            exited: false,
            stash: VecDeque::new(),
            cancel: CancellationToken::new(),
            tasks: TaskTracker::new(),
            results: results::Results::new(lab, self.id),
            events: Vec::new(),
        });
        self.gate.send_replace(true);
        self.presence.set(Owner::Alive);
        if let Some(fact) = self.disk.as_ref().and_then(|disk| disk.opened(self.id)) {
            lab.recorder.lab(now, Cause::Event(booted), fact);
        }
        self.listen(&mut core, lab, Cause::Event(booted), |_| true);
        self.turn(&mut core, Input::Boot(image), Cause::Event(booted), lab);
    }

    /// What its disk holds, for the life that is about to begin; none if it lives, or runs elsewhere.
    async fn read_disk(&self) -> Option<Result<Image, String>> {
        let life = {
            let core = self.lock();
            if core.living.is_some() || self.at.is_some() {
                return None;
            }
            Number(core.incarnations + 1)
        };
        let Some(disk) = self.disk.clone() else { return Some(Ok(Image::default())) };
        disk.settled().await;
        let read = tokio::task::spawn_blocking(move || disk.begin(life));
        // It fails only when the runtime ends, and then nobody boots any more.
        read.await.ok()
    }

    fn corrupt(&self, why: &str, cause: Cause, lab: &Shared) {
        let mut core = self.lock();
        core.life = Life::Corrupt;
        let name = lab.topology.names.of(self.id);
        let why =
            format!("{why}; `wipe {name}`, then `revive {name}`, starts it with an empty disk");
        lab.recorder.lab(lab.now(), cause, Fact::NodeCorrupt { node: self.id, why: why.into() });
    }

    /// Empties its disk. Only for a node that does not live.
    pub async fn wipe(&self, cause: Cause, lab: &Arc<Shared>) {
        let Some(disk) = self.disk.clone() else { return };
        disk.settled().await;
        let wiped = tokio::task::spawn_blocking(move || disk.wipe()).await;
        let fact = match wiped {
            Ok(Ok(())) => Fact::NodeWiped { node: self.id },
            Ok(Err(error)) => Fact::NodeCorrupt { node: self.id, why: error.to_string().into() },
            Err(_) => return,
        };
        let mut core = self.lock();
        if core.life == Life::Corrupt && matches!(fact, Fact::NodeWiped { .. }) {
            core.life = Life::Killed;
        }
        lab.recorder.lab(lab.now(), cause, fact);
    }

    /// Remembers what its disk holds now.
    pub async fn mark_disk(&self) {
        let Some(disk) = self.disk.clone() else { return };
        // It fails only when the runtime ends, and then nobody goes back to anything.
        let _ = tokio::task::spawn_blocking(move || disk.mark()).await;
    }

    /// Its disk holds what was remembered. Only for a node that does not live.
    pub async fn put_back(&self, cause: Cause, lab: &Arc<Shared>) {
        let Some(disk) = self.disk.clone() else { return };
        disk.settled().await;
        let put = tokio::task::spawn_blocking(move || disk.put_back()).await;
        let mut core = self.lock();
        match put {
            Ok(Ok(())) if core.life == Life::Corrupt => core.life = Life::Killed,
            Ok(Err(why)) => {
                core.life = Life::Corrupt;
                let fact = Fact::NodeCorrupt { node: self.id, why: why.into() };
                lab.recorder.lab(lab.now(), cause, fact);
            }
            Ok(Ok(())) | Err(_) => {}
        }
    }

    /// Tries once more to listen, if it lives and could not.
    pub fn listen_again(self: &Arc<Self>, lab: &Arc<Shared>, cause: Cause) {
        let mut core = self.lock();
        self.listen(&mut core, lab, cause, |port| !port.listens());
    }

    fn listen(
        self: &Arc<Self>,
        core: &mut Core,
        lab: &Arc<Shared>,
        cause: Cause,
        at: impl Fn(&Port) -> bool,
    ) {
        let now = lab.now();
        let Core { living: Some(living), ports, .. } = core else { return };
        for port in ports.iter_mut().filter(|port| at(port)) {
            match port.open() {
                Ok(Opened { listener, socket, address }) => {
                    let wire = port.wire().word().into();
                    let fact = Fact::NodeListening { node: self.id, wire, address };
                    lab.recorder.lab(now, cause, fact);
                    let door = listen::Door { listener, wire: port.wire() };
                    let (node, lab2, cancel) = (self.clone(), lab.clone(), living.cancel.clone());
                    let number = living.inc.number();
                    if let Some(socket) = socket {
                        let reader = flow::Reader::IsAsked(self.id, number);
                        let read = flow::read(reader, socket, cancel.clone(), lab.clone());
                        living.tasks.spawn_on(read, &lab.runtime);
                        let (node, cancel) = (node.clone(), cancel.clone());
                        let sweep = flow::sweep(node, number, cancel, lab.clone());
                        living.tasks.spawn_on(sweep, &lab.runtime);
                    }
                    let accept = listen::accept(node, number, door, cancel, lab2);
                    living.tasks.spawn_on(accept, &lab.runtime);
                }
                Err((port, why)) => {
                    let fact = Fact::ListenFailed { node: self.id, port, why: why.into() };
                    lab.recorder.lab(now, cause, fact);
                }
            }
        }
    }

    /// Records a fact and ends the present life, if there is one; nothing of it comes after the fact.
    pub fn end(&self, how: Death, fact: Fact, cause: Cause, lab: &Shared) {
        let mut core = self.lock();
        lab.recorder.lab(lab.now(), cause, fact);
        self.end_locked(&mut core, how, lab);
    }

    pub(super) fn end_locked(&self, core: &mut Core, how: Death, lab: &Shared) {
        let Some(mut living) = core.living.take() else {
            // A host may lose its power although its process is dead; that changes what a connect meets.
            if how == Death::PoweredOff {
                core.life = Life::PoweredOff;
                self.presence.set(Owner::Off);
            }
            return;
        };
        let presence;
        (core.life, presence) = match how {
            Death::Killed => (Life::Killed, Owner::Dead),
            Death::PoweredOff => (Life::PoweredOff, Owner::Off),
            Death::Stopped => (Life::Stopped, Owner::Dead),
        };
        self.presence.set(presence);
        if let Some(disk) = &self.disk {
            disk.end(how == Death::Stopped);
        }
        living.cancel.cancel();
        living.tasks.close();
        core.old_tasks.push(living.tasks);
        self.gate.send_replace(true);
        // Without power the listening socket stays open in the kernel, and nobody ever serves it.
        if how != Death::PoweredOff {
            core.ports.iter_mut().for_each(Port::close);
            // Whatever it died of: its port is held again as soon as nobody listens any more, or another program takes
            // it and meets those who look for this node.
            let node = lab.node(self.id).clone();
            lab.runtime.spawn(async move { node.hold_ports().await });
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
        self.hold_ports().await;
        if let Some(disk) = &self.disk {
            disk.settled().await;
        }
    }

    /// Holds the ports again once the tasks that listened are gone.
    async fn hold_ports(&self) {
        let old: Vec<TaskTracker> = self.lock().old_tasks.clone();
        for tasks in old {
            tasks.wait().await;
        }
        self.lock().ports.iter_mut().for_each(Port::hold);
    }

    /// Stands still; nothing of it comes after the fact.
    pub fn freeze(&self, cause: Cause, lab: &Shared) {
        let mut core = self.lock();
        lab.recorder.lab(lab.now(), cause, Fact::NodeFrozen { node: self.id });
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
        let waiting: Vec<(ConnId, Unread)> = living
            .conns
            .iter()
            .filter(|(_, conn)| direct(conn))
            .filter_map(|(id, conn)| Some((*id, Unread::of(&conn.road)?)))
            .collect();
        core.life = Life::Up;
        for item in stash {
            self.unstash(&mut core, item, lab);
        }
        let mut buffer = vec![0; DATAGRAM_BYTES_MAX.max(tasks::READ_BYTES)];
        let sockets: Vec<Arc<UdpSocket>> = core.ports.iter().filter_map(Port::socket).collect();
        for socket in sockets {
            while let Ok((count, from)) = socket.recv_from(&mut buffer) {
                self.datagram_locked(&mut core, lab.now(), (&socket, from), &buffer[..count], lab);
            }
        }
        for (conn, unread) in waiting {
            while let Some(count) = unread.take(&mut buffer) {
                self.bytes_locked(&mut core, lab.now(), conn, &buffer[..count], lab);
            }
        }
        self.timers_locked(&mut core, lab);
        drop(core);
        self.gate.send_replace(true);
    }

    fn unstash(self: &Arc<Self>, core: &mut Core, item: Stashed, lab: &Arc<Shared>) {
        match item {
            Stashed::Bytes(conn, bytes) => self.bytes_locked(core, lab.now(), conn, &bytes, lab),
            Stashed::Datagram(socket, from, bytes) => {
                self.datagram_locked(core, lab.now(), (&socket, from), &bytes, lab);
            }
            Stashed::Ended(conn, ending) => self.ended_locked(core, conn, ending, lab),
            Stashed::Told(told, cause) => self.turn(core, Input::Told(told), cause, lab),
            Stashed::Turn(turn) => self.handed_locked(core, turn, lab),
            Stashed::Kept(kept) => self.kept_locked(core, kept, lab),
            Stashed::Accepted(caller) => self.accepted_locked(core, caller, lab),
        }
    }
}

/// A socket on which something may wait for a node that goes on.
enum Unread {
    Stream(Arc<TcpStream>),
    Flow(Arc<UdpSocket>),
}

impl Unread {
    /// That of this connection, if it has one for itself.
    fn of(road: &Road) -> Option<Self> {
        match road {
            Road::Stream { stream, .. } => Some(Self::Stream(stream.clone())),
            Road::Flow { own, .. } => own.clone().map(Self::Flow),
        }
    }

    /// How many bytes were there; none when nothing is.
    fn take(&self, buffer: &mut [u8]) -> Option<usize> {
        match self {
            Self::Stream(stream) => stream.try_read(buffer).ok().filter(|count| *count > 0),
            Self::Flow(socket) => socket.recv(buffer).ok(),
        }
    }
}
