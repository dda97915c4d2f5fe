//! The control task: takes commands in order, lets the control plane's rules decide, carries out what they say, and
//! leads the script through its beats.

use super::node::Death;
use super::scheduler::Wake;
use super::shared::Shared;
use crate::base::LabTime;
use crate::command::Command;
use crate::engine::{Act, Control};
use crate::event::{Cause, ClockState, Fact, Hand, Life};
use crate::machine::Told;
use crate::script::{Order, Script};
use crate::topology::{self, Change, Topology};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::sync::{Notify, mpsc};

/// Commands that wait for their turn: a person types slower, and a script waits for its own.
pub const COMMANDS_MAX: usize = 1024;

/// How long nodes may take to end in good order when the lab ends, on the wall.
const GRACE: Duration = Duration::from_secs(2);

/// How long whoever follows the log rests before it takes new events, so that a flood costs one wake-up and not one an
/// event.
pub const REST: Duration = Duration::from_millis(5);

/// What the control task is asked.
#[derive(Debug)]
pub enum Ask {
    /// A command, by this hand.
    Give(Command, Hand),
    /// State the truth of every node in the log.
    Census,
    /// Go on with this edition of the topology.
    Take(Arc<Topology>),
}

/// What others may know of the script without a fold of their own.
#[derive(Debug, Default)]
pub struct Progress {
    settled: AtomicBool,
    over: AtomicBool,
}

impl Progress {
    /// Whether the present beat has nothing more to do by itself.
    pub fn is_settled(&self) -> bool {
        self.settled.load(Ordering::Acquire)
    }

    /// Whether the lecture is over.
    pub fn is_over(&self) -> bool {
        self.over.load(Ordering::Acquire)
    }
}

/// The control task.
pub struct Controller {
    lab: Arc<Shared>,
    control: Control,
    script: Script,
    read: u64,
    due: Arc<Notify>,
    armed: Option<LabTime>,
    progress: Arc<Progress>,
}

impl std::fmt::Debug for Controller {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Controller").finish_non_exhaustive()
    }
}

impl Controller {
    /// The controller of a lab that has not started.
    #[must_use]
    pub fn new(lab: Arc<Shared>, progress: Arc<Progress>) -> Self {
        let control = Control::new(lab.topology.clone());
        let script = Script::new(lab.topology.clone());
        Self { lab, control, script, read: 0, due: Arc::new(Notify::new()), armed: None, progress }
    }

    /// What the disks hold now is what `restore` puts back.
    async fn mark_disks(&self) {
        for node in &self.lab.nodes {
            node.mark_disk().await;
        }
    }

    /// Boots what starts, then serves commands until `Quit`.
    pub async fn run(mut self, mut asks: mpsc::Receiver<Ask>, started: Arc<Notify>) {
        self.mark_disks().await;
        self.start().await;
        started.notify_one();
        loop {
            self.look().await;
            // Every arm returns a value and nothing else; what was asked is not lost when another arm is taken.
            let ask = tokio::select! {
                ask = asks.recv() => match ask {
                    Some(ask) => Some(ask),
                    None => break,
                },
                () = self.due.notified() => None,
                () = self.news() => None,
            };
            match ask {
                Some(Ask::Give(Command::Quit, hand)) => {
                    self.record(Command::Quit, hand);
                    break;
                }
                Some(Ask::Give(command, hand)) => self.give(command, hand).await,
                Some(Ask::Census) => self.census(),
                Some(Ask::Take(topology)) => self.take(&topology).await,
                None => {}
            }
        }
        self.end().await;
    }

    /// Starts whoever starts with the lab. All disks are read and all ports listen before the first of them does
    /// anything: nobody is taken for dead because its turn to boot had not come.
    async fn start(&mut self) {
        let lab = self.lab.clone();
        let mut ready = Vec::new();
        for act in self.control.start() {
            let Act::Boot(node) = act else {
                self.carry_out(act, Cause::Boot).await;
                continue;
            };
            let node = lab.node(node);
            if let Some(image) = node.ready(&lab, Cause::Boot).await {
                node.open_doors();
                ready.push((node, image));
            }
        }
        for (node, image) in ready {
            node.begin(image, &lab, Cause::Boot);
        }
    }

    /// Waits for new events, but not for each of a flood.
    async fn news(&self) {
        self.lab.recorder.changed(self.read).await;
        tokio::time::sleep(REST).await;
    }

    /// Takes what happened, and does what is due.
    async fn look(&mut self) {
        loop {
            let tail = self.lab.recorder.read(self.read, usize::MAX);
            self.read = tail.next;
            for event in tail.events() {
                self.control.observe(event);
                self.script.observe(event);
            }
            let now = self.lab.now();
            let orders = self.script.poll(now);
            if orders.is_empty() {
                break;
            }
            self.follow(orders).await;
        }
        self.progress.settled.store(self.script.is_settled(), Ordering::Release);
        self.progress.over.store(self.script.is_over(), Ordering::Release);
        if let Some(at) = self.script.next_due()
            && self.armed.is_none_or(|armed| at < armed || armed <= self.lab.now())
        {
            self.armed = Some(at);
            self.lab.scheduler.arm(at, Wake::Script(self.due.clone()));
        }
    }

    async fn follow(&mut self, orders: Vec<Order>) {
        for order in orders {
            match order {
                Order::Record(fact) => {
                    if let Fact::StepBegan { .. } = fact {
                        self.mark_disks().await;
                    }
                    self.lab.recorder.lab(self.lab.now(), Cause::Unknown, fact);
                }
                Order::Give(command) => self.apply(command, Hand::Step).await,
            }
        }
    }

    async fn give(&mut self, command: Command, hand: Hand) {
        match command {
            Command::Next => {
                // Whoever waits for the beat must not take the last one's end for it.
                self.progress.settled.store(false, Ordering::Release);
                self.record(command, hand);
                let orders = self.script.next(self.lab.now());
                self.follow(orders).await;
            }
            Command::Goto(step) => {
                let cause = self.record(command, hand);
                match self.script.go_to(step, self.lab.now()) {
                    Ok(orders) => self.follow(orders).await,
                    Err(why) => self.refuse(why, cause),
                }
            }
            Command::Flip => {
                let cause = self.record(command, hand);
                match self.script.flip(self.lab.now()) {
                    Ok(orders) => self.follow(orders).await,
                    Err(why) => self.refuse(why, cause),
                }
            }
            command => self.apply(command, hand).await,
        }
    }

    fn record(&self, command: Command, hand: Hand) -> Cause {
        let fact = Fact::CommandGiven { command: Arc::new(command), hand };
        Cause::Event(self.lab.recorder.lab(self.lab.now(), Cause::Unknown, fact))
    }

    fn refuse(&self, why: String, cause: Cause) {
        let fact = Fact::CommandRefused { why: why.into() };
        self.lab.recorder.lab(self.lab.now(), cause, fact);
    }

    /// Goes on with another edition of the file, if that can be had without a new lab.
    async fn take(&mut self, topology: &Topology) {
        let changes: Arc<[Change]> = topology::diff(self.control.file(), topology).into();
        if let Some(change) = changes.iter().find(|change| !change.is_live()) {
            let why = format!("{}: only a new lab has it", change.words);
            return self.refuse(why, Cause::Unknown);
        }
        self.catch_up();
        let acts = self.control.rebase(&changes);
        self.lab.take_edition(self.control.file().clone());
        let fact = Fact::TopologyChanged { changes };
        let cause = Cause::Event(self.lab.recorder.lab(self.lab.now(), Cause::Unknown, fact));
        for act in acts {
            self.carry_out(act, cause).await;
        }
    }

    /// What happened by itself until now counts: a crash a moment ago must not be killed again.
    fn catch_up(&mut self) {
        let tail = self.lab.recorder.read(self.read, usize::MAX);
        self.read = tail.next;
        for event in tail.events() {
            self.control.observe(event);
            self.script.observe(event);
        }
    }

    async fn apply(&mut self, command: Command, hand: Hand) {
        let cause = self.record(command.clone(), hand);
        self.catch_up();
        match self.control.apply(self.lab.now(), &command) {
            Ok(acts) => {
                for act in acts {
                    self.carry_out(act, cause).await;
                }
                if let Command::Revive(node) = command {
                    // One that lives but found its port taken tries again: that ails it, too.
                    self.lab.node(node).listen_again(&self.lab, cause);
                }
            }
            Err(why) => self.refuse(why, cause),
        }
    }

    async fn carry_out(&mut self, act: Act, cause: Cause) {
        let lab = self.lab.clone();
        let now = lab.now();
        match act {
            Act::Boot(node) => lab.node(node).boot(&lab, cause).await,
            Act::Kill(node) => {
                lab.node(node).end(Death::Killed, Fact::NodeKilled { node }, cause, &lab);
                lab.node(node).settled().await;
            }
            Act::Crash(node) => lab.node(node).crash(&lab),
            Act::PowerOff(node) => {
                lab.node(node).end(Death::PoweredOff, Fact::NodePoweredOff { node }, cause, &lab);
            }
            Act::Wipe(node) => lab.node(node).wipe(cause, &lab).await,
            Act::PutBack(node) => lab.node(node).put_back(cause, &lab).await,
            Act::Freeze(node) => lab.node(node).freeze(cause, &lab),
            Act::Thaw(node) => {
                lab.recorder.lab(now, cause, Fact::NodeThawed { node });
                lab.node(node).thaw(&lab);
            }
            Act::SetOwnClock(node, clock) => lab.node(node).set_own_clock(clock, cause, &lab),
            Act::Tell(node, told) => lab.node(node).tell(told, cause, &lab),
            Act::SetFaults { from, to, faults } => {
                for line in lab.lines(from, to) {
                    line.set_faults(now, faults, cause, &lab);
                }
            }
            Act::Release { from, to, frame } => {
                for line in lab.lines(from, to) {
                    line.release(now, frame, cause, &lab);
                }
            }
            Act::DropFrame { from, to, frame } => {
                if !lab.line(from, to).drop_frame(now, frame, cause, &lab) {
                    self.refuse(format!("frame {frame} is not on that link"), cause);
                }
            }
            Act::Clock(state) => self.set_clock(state, cause),
            Act::Tick => self.tick(),
            Act::Record(fact) => {
                lab.recorder.lab(now, cause, fact);
            }
        }
    }

    fn set_clock(&self, state: ClockState, cause: Cause) {
        let lab = &self.lab;
        lab.clock.set(state);
        lab.recorder.set_auto(state.auto);
        lab.recorder.lab(lab.now(), cause, Fact::ClockSet(state));
        lab.recorder.pace_tick(lab.now());
        lab.scheduler.clock_changed();
    }

    /// On to the next thing that is due, which alone happens. Whoever was to be woken for something that is no longer
    /// there (a timer that was disarmed, a frame that was dropped) does not count.
    fn tick(&self) {
        let lab = &self.lab;
        while let Some((at, wake)) = lab.scheduler.pop_next() {
            if super::tick(at, wake, lab) {
                return;
            }
        }
    }

    fn census(&self) {
        for node in &self.lab.nodes {
            let fact = Fact::Census(Arc::new(node.census()));
            self.lab.recorder.lab(self.lab.now(), Cause::Unknown, fact);
        }
    }

    /// Ends the lab in good order: every node is told to stop, and who does not is killed.
    async fn end(&mut self) {
        let lab = self.lab.clone();
        let state = ClockState { rate: 1.0, paused: false, auto: false };
        lab.clock.set(state);
        lab.recorder.set_auto(false);
        lab.scheduler.clock_changed();
        for node in &lab.nodes {
            if node.life() == Life::Frozen {
                node.thaw(&lab);
            }
            node.tell(Told::Stop, Cause::Unknown, &lab);
        }
        let ended = async {
            while lab.nodes.iter().any(|node| node.life().is_alive()) {
                let end = lab.recorder.end();
                lab.recorder.changed(end).await;
            }
        };
        // Whoever spins on is killed: that is what the grace is for.
        let _ = tokio::time::timeout(GRACE, ended).await;
        for node in &lab.nodes {
            if node.life().is_alive() {
                node.end(Death::Killed, Fact::NodeKilled { node: node.id }, Cause::Unknown, &lab);
            }
        }
    }
}
