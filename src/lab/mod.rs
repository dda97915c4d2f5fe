//! The laboratory on real sockets: tokio, TCP on loopback, the clock on the wall times a rate.
//!
//! It hosts `engine`'s incarnations and `link`'s queues; it knows no panel, no fold of the log and no protocol. Every
//! node is a tree of tasks of its own, and what happens to it happens under its own lock, in turns.

mod clock;
mod conn;
mod control;
mod desk;
mod disk;
mod flow;
mod host;
mod line;
mod listen;
mod node;
mod outbox;
mod reactor;
mod recorder;
mod results;
mod scheduler;
mod shared;
mod tasks;

pub use control::Progress;
pub use desk::{Desk, Teller, read_desk};
pub use disk::Database;

use crate::base::{LabTime, NodeId};
use crate::command::Command;
use crate::event::{Cause, Fact, Hand};
use crate::log::Tail;
use crate::message::DiskKind;
use crate::topology::{Role, Topology, Wire};
use crate::wire::dns::Numbers;
use control::{Ask, COMMANDS_MAX, Controller, REST};
use disk::Hold;
use line::Turn;
use scheduler::Wake;
use shared::Shared;
use std::hash::{BuildHasher as _, RandomState};
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::runtime::Runtime;
use tokio::sync::{Notify, mpsc};
use tokio::task::JoinHandle;

/// The first port that is tried when the lab chooses: below the ephemeral range of Linux (32,768) and macOS (49,152),
/// so that no program can connect to itself there.
pub const PORT_BASE: u16 = 7100;

/// Threads that write disks: commits to different files overlap in the system's queue, and eight fill it.
const BLOCKING_THREADS: usize = 8;

/// The name of the threads that run nodes.
pub const NODE_THREAD: &str = "faultlab-node";

/// How a lab is started.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Ports that the lab chooses start here; [`PORT_BASE`] if none is given.
    pub port_base: Option<u16>,
    /// The folder for what the run writes (results, the disks of replicas); none writes nothing, and disks are memory.
    pub data: Option<PathBuf>,
    /// Worker threads for the nodes; if none is given, 2, or 1 where the process has but one core.
    pub threads: Option<usize>,
}

/// A running laboratory. Dropping it ends everything at once; [`Lab::finish`] ends it in good order.
#[derive(Debug)]
pub struct Lab {
    runtime: Option<Runtime>,
    handle: LabHandle,
    controller: JoinHandle<()>,
    /// Nobody else writes the disks of this lab while it is here.
    _hold: Option<Hold>,
}

/// A way to talk to a running lab, from any thread.
#[derive(Debug, Clone)]
pub struct LabHandle {
    shared: Arc<Shared>,
    asks: mpsc::Sender<Ask>,
    progress: Arc<Progress>,
}

impl Lab {
    /// Starts every node of the topology that starts, and gives back when all have booted.
    ///
    /// # Errors
    /// The system's, if no threads or sockets can be had; another process uses the folder of the disks. A port that is
    /// taken is no error of the lab: the node runs without it, and the log says so.
    pub fn start(mut topology: Arc<Topology>, options: &Options) -> io::Result<Self> {
        let disks = topology.nodes.iter().any(|node| node.role() == Role::Replica);
        let folder = options.data.as_deref().filter(|_| disks);
        let hold = folder.map(Hold::take).transpose()?;
        if let Some(hold) = &hold {
            Arc::make_mut(&mut topology).run = hold.next_run()?;
        }
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(options.threads.unwrap_or_else(threads))
            .thread_name(NODE_THREAD)
            // Disks are written there: a few at a time is as fast as many, and a thousand threads are not.
            .max_blocking_threads(BLOCKING_THREADS)
            .enable_all()
            .build()?;
        let shared = Shared::new(topology, runtime.handle().clone(), options.data.clone());
        let base = options.port_base.unwrap_or(PORT_BASE);
        {
            let _inside = runtime.enter();
            let ours = shared.nodes.iter().filter(|node| node.at.is_none());
            ours.fold(base, |base, node| node.reserve(base));
        }
        let (asks, inbox) = mpsc::channel(COMMANDS_MAX);
        let progress = Arc::new(Progress::default());
        let started = Arc::new(Notify::new());
        runtime.spawn(drive(shared.clone()));
        let controller = Controller::new(shared.clone(), progress.clone());
        let controller = runtime.spawn(controller.run(inbox, started.clone()));
        runtime.block_on(started.notified());
        let handle = LabHandle { shared, asks, progress };
        Ok(Self { runtime: Some(runtime), handle, controller, _hold: hold })
    }

    /// A way to talk to it.
    #[must_use]
    pub fn handle(&self) -> LabHandle {
        self.handle.clone()
    }

    /// Ends it in good order: what is in flight is answered or cancelled; who does not end is killed. Gives back the
    /// handle, with which the log can still be read.
    pub fn finish(mut self) -> LabHandle {
        if let Some(runtime) = self.runtime.take() {
            let asked = self.handle.asks.clone();
            runtime.block_on(async {
                // A controller that is gone already has ended the lab.
                let _ = asked.send(Ask::Give(Command::Quit, Hand::Person)).await;
                let _ = (&mut self.controller).await;
            });
            runtime.shutdown_timeout(Duration::from_millis(500));
        }
        self.handle.clone()
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

impl LabHandle {
    /// The present lab time.
    #[must_use]
    pub fn now(&self) -> LabTime {
        self.shared.now()
    }

    /// Events from a position on, at most about `most`.
    #[must_use]
    pub fn read(&self, from: u64, most: usize) -> Tail {
        self.shared.recorder.read(from, most)
    }

    /// The position that the next event will have.
    #[must_use]
    pub fn end(&self) -> u64 {
        self.shared.recorder.end()
    }

    /// Gives a command without waiting. False if a thousand others wait already, or the lab has ended.
    #[must_use]
    pub fn give(&self, command: Command) -> bool {
        self.asks.try_send(Ask::Give(command, Hand::Person)).is_ok()
    }

    /// Goes on with another edition of the topology. False as for [`Self::give`]; what cannot be had without a new
    /// lab is refused in the log.
    #[must_use]
    pub fn take(&self, topology: Arc<Topology>) -> bool {
        self.asks.try_send(Ask::Take(topology)).is_ok()
    }

    /// Asks for the truth about every node, in the log.
    pub fn census(&self) {
        // Without room the log is busy saying what happens anyway; whoever missed events asks again.
        let _ = self.asks.try_send(Ask::Census);
    }

    /// Where the lecture is.
    #[must_use]
    pub fn progress(&self) -> &Progress {
        &self.progress
    }

    /// Where a node listens, or would.
    #[must_use]
    pub fn address(&self, node: NodeId) -> Option<SocketAddr> {
        self.shared.node(node).address()
    }

    /// The file that a node keeps what it has in, and its form; none where that is memory, or nothing.
    #[must_use]
    pub fn disk_file(&self, node: NodeId) -> Option<(PathBuf, DiskKind)> {
        self.shared.node(node).disk.as_ref()?.file()
    }

    /// Where a node listens with each of its wires, or would.
    #[must_use]
    pub fn addresses(&self, node: NodeId) -> Vec<(Wire, SocketAddr)> {
        self.shared.node(node).addresses()
    }

    /// Where a node listens with this wire, or would.
    #[must_use]
    pub fn address_for(&self, node: NodeId, wire: Wire) -> Option<SocketAddr> {
        self.shared.node(node).address_for(wire)
    }

    /// What there is.
    #[must_use]
    pub fn topology(&self) -> &Arc<Topology> {
        &self.shared.topology
    }

    /// Waits, at most about this long on the wall, until something is appended after a position, and then for a moment
    /// for what comes with it: a flood costs its reader one wake-up, not one an event. For threads, not tasks.
    pub fn wait(&self, from: u64, most: Duration) {
        self.shared.runtime.block_on(async {
            // Running out of time is an answer, too.
            let _ = tokio::time::timeout(most, self.shared.recorder.changed(from)).await;
        });
        std::thread::sleep(REST.min(most));
    }
}

/// Two threads show what goes wrong between threads; more of them would take each other's locks.
fn threads() -> usize {
    std::thread::available_parallelism().map_or(2, |cores| cores.get().min(2))
}

/// Where the numbers of DNS questions come from: nobody may foresee them (RFC 5452, 4.3).
fn wire_numbers() -> Numbers {
    // The keys are the system's entropy; the hash is a keyed one (SipHash).
    Numbers::Outside(|| RandomState::new().hash_one(0_u8) as u16)
}

/// The scheduler's task: wakes whoever is due, and gives nodes what was handed over for them.
async fn drive(lab: Arc<Shared>) {
    /// Things woken before the task lets others run.
    const AT_ONCE: u32 = 64;
    let mut woken = 0_u32;
    loop {
        while let Some((turn, line)) = lab.next_turn() {
            give(turn, &lab);
            line.handed_over();
        }
        let now = lab.now();
        if let Some(gap) = lab.clock.take_jump() {
            lab.recorder.lab(now, Cause::Unknown, Fact::ClockJumped { gap });
        }
        let pace = lab.recorder.pace_tick(now);
        if !lab.clock.is_paused()
            && let Some(due) = lab.scheduler.pop_due(now)
        {
            wake(due, &lab);
            woken = woken.wrapping_add(1);
            if woken.is_multiple_of(AT_ONCE) {
                tokio::task::yield_now().await;
            }
            continue;
        }
        lab.scheduler.wait(pace).await;
    }
}

/// Wakes somebody.
fn wake(wake: Wake, lab: &Arc<Shared>) {
    match wake {
        Wake::Node(node) => node.woken(lab),
        Wake::Line(line) => line.woken(lab.now(), usize::MAX, lab),
        Wake::Script(due) => due.notify_one(),
    }
}

/// Moves a paused clock on to what is due for this one and lets one thing of it happen. False if there is nothing.
fn tick(at: LabTime, wake: Wake, lab: &Arc<Shared>) -> bool {
    match wake {
        Wake::Node(node) => {
            let due = node.next_timer().filter(|due| *due <= at.max(lab.now()));
            if due.is_some() {
                lab.clock.move_to(at);
            }
            node.ticked(lab);
            due.is_some()
        }
        Wake::Line(line) => {
            let due = line.next_due().filter(|due| *due <= at.max(lab.now()));
            if due.is_some() {
                lab.clock.move_to(at);
            }
            line.woken(lab.now(), 1, lab);
            due.is_some()
        }
        // The script looks at the time by itself: nothing of it is to be seen on the links.
        Wake::Script(due) => {
            lab.clock.move_to(at);
            due.notify_one();
            false
        }
    }
}

fn give(turn: Turn, lab: &Arc<Shared>) {
    let (node, number) = match &turn {
        Turn::Connected { wish, .. } | Turn::Bound { wish, .. } | Turn::Refused(wish) => {
            (wish.opener, wish.incarnation)
        }
        Turn::Unreachable(flow) => (flow.node, flow.incarnation),
        Turn::Bytes { node, incarnation, .. } | Turn::Ended { node, incarnation, .. } => {
            (*node, *incarnation)
        }
    };
    lab.node(node).handed(number, turn, lab);
}
