//! The control plane's rules: what a command does to nodes, links and clock, and how it is taken back. Pure.
//!
//! It owns the *fault state* (who lives, how everybody is set, what was done to links) and its history. It knows
//! nothing of what nodes do or believe, and carries nothing out: a host does, act by act.

mod mark;
mod own_clock;
mod state;
mod target;
#[cfg(test)]
mod tests;

use crate::base::{FrameId, LabTime, NodeId, OwnClock, Owner, Peer};
use crate::command::{Command, grammar};
use crate::event::{ClockState, Ending, Event, Fact, Life, Side};
use crate::machine::Told;
use crate::message::Faults;
use crate::topology::{Change, Topology};
use mark::{BOOT_ORDER, Mark};
use state::{Grammar, Piece, State};
use std::collections::VecDeque;
use std::sync::Arc;

/// Something that a host must do to its nodes, links or clock. The host records the fact of each (`NodeKilled`,
/// `FaultsSet`, …) with the command as its cause.
#[derive(Debug, Clone, PartialEq)]
pub enum Act {
    /// Start a new incarnation.
    Boot(NodeId),
    /// Kill the process.
    Kill(NodeId),
    /// Let the machine panic.
    Crash(NodeId),
    /// The host vanishes.
    PowerOff(NodeId),
    /// The process stands still.
    Freeze(NodeId),
    /// It goes on.
    Thaw(NodeId),
    /// Empty its disk. No process of it runs.
    Wipe(NodeId),
    /// Put its disk back as it was when the present step began. No process of it runs.
    PutBack(NodeId),
    /// The own clock of a node is like this from now on, whether a process of it runs or not.
    SetOwnClock(NodeId, OwnClock),
    /// Tell the machine something (`Told::Stop` is the way to stop it in good order).
    Tell(NodeId, Told),
    /// One direction of a link is like this from now on.
    SetFaults {
        /// From this end …
        from: Peer,
        /// … to that one.
        to: Peer,
        /// All of its faults.
        faults: Faults,
    },
    /// Let held frames go.
    Release {
        /// From this end …
        from: Peer,
        /// … to that one.
        to: Peer,
        /// One, or all.
        frame: Option<FrameId>,
    },
    /// Take a frame off the link.
    DropFrame {
        /// From this end …
        from: Peer,
        /// … to that one.
        to: Peer,
        /// Which.
        frame: FrameId,
    },
    /// The clock runs like this from now on.
    Clock(ClockState),
    /// On to the next thing that is due, while paused.
    Tick,
    /// Record this.
    Record(Fact),
}

/// Commands that can be undone: far more than anybody remembers.
pub const HISTORY_MAX: usize = 1000;

/// A command that changed the fault state, with what it changed.
#[derive(Debug, Clone)]
struct Deed {
    words: Arc<str>,
    before: Vec<Piece>,
    after: Vec<Piece>,
}

/// The state that commands act on, and the history that `undo` walks.
#[derive(Debug)]
pub struct Control {
    state: State,
    done: VecDeque<Deed>,
    undone: Vec<Deed>,
    clock: ClockState,
    /// What `restore` goes back to; none before the lab has started.
    mark: Option<Mark>,
}

impl Control {
    /// The control plane of a lab that has not started.
    #[must_use]
    pub fn new(topology: Arc<Topology>) -> Self {
        Self::with(topology, Grammar::FILE)
    }

    fn with(topology: Arc<Topology>, grammar: Grammar) -> Self {
        let clock = ClockState { rate: 1.0, paused: false, auto: topology.auto_pace };
        let state = State::new(topology, grammar);
        Self { state, done: VecDeque::new(), undone: Vec::new(), clock, mark: None }
    }

    /// What starts the lab: the faults of links, the clock, the boots. Servers boot before those who ask them, so that
    /// nobody is refused at the start for no reason.
    pub fn start(&mut self) -> Vec<Act> {
        let topology = self.state.file.clone();
        let mut acts = Vec::new();
        for (from, to) in topology.links.keys() {
            let faults = topology.link(*from, *to);
            if !faults.is_perfect() {
                let (from, to) = (Peer::Node(*from), Peer::Node(*to));
                acts.push(Act::SetFaults { from, to, faults });
            }
        }
        acts.push(Act::Clock(self.clock));
        for role in BOOT_ORDER {
            for node in topology.nodes.iter().filter(|node| node.role() == role) {
                if node.starts && node.at.is_none() {
                    self.state.boot(node.id, &mut acts);
                }
            }
        }
        self.take_mark(0, LabTime::ZERO);
        acts
    }

    /// Carries out a command. `Wait`, `Next`, `Goto`, `Flip`, `Mark` and `Quit` are the business of the host and the
    /// script, and do nothing here. What is already as the command wants it is left alone, without an act.
    ///
    /// # Errors
    /// Why it cannot be done, and what would help: a sentence for the person who gave it.
    pub fn apply(&mut self, now: LabTime, command: &Command) -> Result<Vec<Act>, String> {
        match command {
            Command::Query { client, name, kind, times } => {
                self.state.client(*client)?;
                match name {
                    Some(_) => self.state.asks_for_names(*client)?,
                    None => self.state.has_list(*client)?,
                }
                self.state.can_ask_for(*client, *kind)?;
                let told = Told::Ask { name: name.clone(), kind: *kind, times: *times };
                Ok(vec![Act::Tell(*client, told)])
            }
            Command::Operate { client, operation, times } => {
                self.state.client(*client)?;
                self.state.keeps_to_a_store(*client)?;
                let told = Told::Operate { operation: operation.clone(), times: *times };
                Ok(vec![Act::Tell(*client, told)])
            }
            Command::Batch { client } => {
                self.state.client(*client)?;
                self.state.asks_for_names(*client)?;
                self.state.has_list(*client)?;
                Ok(vec![Act::Tell(*client, Told::Batch)])
            }
            Command::Stop(node) => self.stop(*node),
            Command::Wipe(node) => self.wipe(*node),
            Command::Drop(links, frame) => {
                let (from, to) = self.state.one_way(links)?;
                Ok(vec![Act::DropFrame { from, to, frame: *frame }])
            }
            Command::Release(links, Some(frame)) => {
                let (from, to) = self.state.one_way(links)?;
                Ok(vec![Act::Release { from, to, frame: Some(*frame) }])
            }
            Command::Speed(_) | Command::Pace { .. } | Command::Pause | Command::Resume => {
                self.set_clock(command)
            }
            Command::Tick if self.clock.paused => Ok(vec![Act::Tick]),
            Command::Tick => {
                Err("the world runs: `pause` first, then `tick` goes on by one".into())
            }
            Command::Undo => self.undo(),
            Command::Redo => self.redo(),
            Command::Restore => self.restore(now),
            Command::Wait(_)
            | Command::Next
            | Command::Goto(_)
            | Command::Flip
            | Command::Mark(_)
            | Command::Quit => Ok(Vec::new()),
            deed => self.change(now, deed),
        }
    }

    fn change(&mut self, now: LabTime, command: &Command) -> Result<Vec<Act>, String> {
        let after = self.state.target(now, command)?;
        let before: Vec<Piece> = after.iter().map(|piece| self.state.present(piece)).collect();
        if before == after {
            return Ok(Vec::new());
        }
        let acts = self.state.go(&after);
        let words = grammar::words(command, &self.state.file.names).into();
        self.undone.clear();
        self.done.push_back(Deed { words, before, after });
        if self.done.len() > HISTORY_MAX {
            self.done.pop_front();
        }
        Ok(acts)
    }

    fn undo(&mut self) -> Result<Vec<Act>, String> {
        let deed = self.done.pop_back().ok_or("there is nothing to undo")?;
        let what = deed.words.clone();
        let mut acts = vec![Act::Record(Fact::Undone { what, again: false })];
        acts.append(&mut self.state.go(&deed.before));
        self.undone.push(deed);
        Ok(acts)
    }

    fn redo(&mut self) -> Result<Vec<Act>, String> {
        let deed = self.undone.pop().ok_or("there is nothing to redo")?;
        let what = deed.words.clone();
        let mut acts = vec![Act::Record(Fact::Undone { what, again: true })];
        acts.append(&mut self.state.go(&deed.after));
        self.done.push_back(deed);
        Ok(acts)
    }

    fn stop(&mut self, node: NodeId) -> Result<Vec<Act>, String> {
        self.state.ours(node)?;
        if self.state.life[node.index()] == Life::Stopping {
            return Ok(Vec::new());
        }
        self.state.hears(node)?;
        self.state.life[node.index()] = Life::Stopping;
        Ok(vec![Act::Tell(node, Told::Stop)])
    }

    /// Nobody can bring back what was on a disk: it is no part of the fault state, and `undo` leaves it alone.
    fn wipe(&mut self, node: NodeId) -> Result<Vec<Act>, String> {
        self.state.may_be_wiped(node)?;
        let life = &mut self.state.life[node.index()];
        if *life == Life::Corrupt {
            *life = Life::Killed;
        }
        Ok(vec![Act::Wipe(node)])
    }

    fn set_clock(&mut self, command: &Command) -> Result<Vec<Act>, String> {
        let before = self.clock;
        match command {
            Command::Speed(rate) => {
                if !(grammar::SPEED_MIN..=grammar::SPEED_MAX).contains(rate) {
                    return Err(format!(
                        "the clock's rate lies between {} and {}",
                        grammar::SPEED_MIN,
                        grammar::SPEED_MAX
                    ));
                }
                self.clock = ClockState { rate: *rate, auto: false, ..before };
            }
            Command::Pace { auto } if *auto != before.auto || !auto => {
                self.clock = ClockState { rate: 1.0, auto: *auto, ..before };
            }
            Command::Pause => self.clock.paused = true,
            Command::Resume => self.clock.paused = false,
            _ => {}
        }
        Ok(if self.clock == before { Vec::new() } else { vec![Act::Clock(self.clock)] })
    }

    /// What there is, by the file.
    #[must_use]
    pub fn file(&self) -> &Arc<Topology> {
        &self.state.file
    }

    /// Takes what the file says now, where a lab can take it while it runs, and gives what must be done for it. What
    /// was done by hand stays; commands that it concerns can no longer be undone.
    pub fn rebase(&mut self, changes: &[Change]) -> Vec<Act> {
        let (acts, touched) = self.state.rebase(changes);
        let piece_stays = |piece: &Piece| match piece {
            Piece::Kind(node, _) | Piece::Load(node, _) => !touched.nodes.contains(node),
            Piece::Link(way, _) => !touched.ways.contains(way),
            Piece::Life(..) | Piece::Clock(..) => true,
        };
        let stays = |deed: &Deed| deed.before.iter().chain(&deed.after).all(piece_stays);
        self.done.retain(stays);
        self.undone.retain(stays);
        if let Some(mark) = &mut self.mark {
            mark.rebase(piece_stays, stays);
        }
        acts
    }

    /// Takes note of what happened by itself: a crash, a stop that came to its end, a visitor who came.
    pub fn observe(&mut self, event: &Event) {
        match &event.fact {
            Fact::NodeBooted { node, incarnation } => {
                self.forget_visitors(*node);
                if let Some((ordered, seen)) = self.state.boots.get_mut(node.index()) {
                    *seen = incarnation.0;
                    *ordered = (*ordered).max(*seen);
                }
            }
            Fact::StepBegan { step } => self.take_mark(*step, event.time),
            Fact::NodeCrashed { node, .. } => self.ended(*node, Life::Crashed),
            Fact::NodeStopped { node } => self.ended(*node, Life::Stopped),
            Fact::NodeCorrupt { node, .. } => self.did_not_boot(*node),
            Fact::NodeKilled { node } => self.forget_visitors(*node),
            Fact::ConnOpened { peer: Peer::Visitor(visitor), side: Side::Acceptor, .. } => {
                if let Owner::Node(node, _) = event.id.owner {
                    self.state.visited(*visitor, node);
                }
            }
            Fact::ConnClosed { peer: Peer::Visitor(visitor), .. }
            | Fact::ConnEnded { peer: Peer::Visitor(visitor), ending: Ending::Reset, .. } => {
                self.state.left(*visitor);
            }
            // The host lets the rate follow what there is to see.
            Fact::ClockSet(clock) if clock.auto && self.clock.auto => self.clock.rate = clock.rate,
            _ => {}
        }
    }

    /// A process has ended by itself. What is told of an earlier life says nothing of the present one.
    fn ended(&mut self, node: NodeId, life: Life) {
        self.forget_visitors(node);
        let Some((ordered, seen)) = self.state.boots.get(node.index()) else { return };
        if seen >= ordered && self.state.life[node.index()].is_alive() {
            self.state.life[node.index()] = life;
        }
    }

    /// A boot that was ordered has failed on its disk. If another was ordered since, that one counts.
    fn did_not_boot(&mut self, node: NodeId) {
        let Some((ordered, seen)) = self.state.boots.get_mut(node.index()) else { return };
        *ordered = ordered.saturating_sub(1).max(*seen);
        if ordered == seen && self.state.life[node.index()].is_alive() {
            self.state.life[node.index()] = Life::Corrupt;
        }
    }

    fn forget_visitors(&mut self, node: NodeId) {
        let here = self.state.visitors.iter().filter(|(_, visited)| **visited == node);
        let gone: Vec<_> = here.map(|(visitor, _)| *visitor).collect();
        for visitor in gone {
            self.state.left(visitor);
        }
    }

    /// How the clock shall run.
    #[must_use]
    pub fn clock(&self) -> ClockState {
        self.clock
    }

    /// What one direction of a link is like now, by the file and by hand.
    #[must_use]
    pub fn faults(&self, from: Peer, to: Peer) -> Faults {
        self.state.faults((from, to))
    }

    /// Whether a node lives, as far as the control plane knows.
    #[must_use]
    pub fn life(&self, node: NodeId) -> Life {
        self.state.life[node.index()]
    }

    /// What a node's own clock is like.
    #[must_use]
    pub fn own_clock(&self, node: NodeId) -> OwnClock {
        self.state.clocks[node.index()]
    }

    /// The command that `undo` would take back, in words, for the footer.
    #[must_use]
    pub fn undoable(&self) -> Option<&str> {
        self.done.back().map(|deed| &*deed.words)
    }
}
