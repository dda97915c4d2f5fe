//! The mark that is taken when a step begins, and the way back to it.
//!
//! The rule: whatever has a process of ours starts anew, with the settings, the load and the links that it had; what
//! was down stays down. Disks are put back as they were. What a process had in memory is gone, as after any other
//! death: the host knows no more of a machine than its disk.

use super::state::Piece;
use super::{Act, Control, Deed};
use crate::base::LabTime;
use crate::event::{ClockState, Fact, Life};
use crate::machine::Told;
use crate::topology::Role;
use std::collections::VecDeque;

/// Who starts first: servers before those who ask them, so that nobody is refused for no reason.
pub(super) const BOOT_ORDER: [Role; 4] = [Role::Replica, Role::Ts, Role::Ls, Role::Client];

/// The fault state at the beginning of a step, with the history that led to it.
#[derive(Debug)]
pub(super) struct Mark {
    /// Its number; 0 for the start of the lab.
    step: u32,
    /// When it began.
    at: LabTime,
    pieces: Vec<Piece>,
    done: VecDeque<Deed>,
    undone: Vec<Deed>,
    clock: ClockState,
}

impl Mark {
    /// The file has changed: what it touches is no longer gone back behind.
    pub(super) fn rebase(
        &mut self,
        piece_stays: impl Fn(&Piece) -> bool,
        deed_stays: impl Fn(&Deed) -> bool,
    ) {
        self.pieces.retain(piece_stays);
        self.done.retain(&deed_stays);
        self.undone.retain(deed_stays);
    }
}

impl Control {
    /// A step begins, or the lab: this is what `restore` goes back to.
    pub(super) fn take_mark(&mut self, step: u32, at: LabTime) {
        self.mark = Some(Mark {
            step,
            at,
            pieces: self.state.pieces(),
            done: self.done.clone(),
            undone: self.undone.clone(),
            clock: self.clock,
        });
    }

    /// Back to the mark. What was done since cannot be undone any more, nor done again.
    pub(super) fn restore(&mut self, now: LabTime) -> Result<Vec<Act>, String> {
        let mark = self.mark.take().ok_or("the lab has not started")?;
        let mut acts = Vec::new();
        // The dead first: nothing that they still had to say may disturb what begins.
        let ours: Vec<_> =
            self.state.file.nodes.iter().filter(|node| node.at.is_none()).map(|it| it.id).collect();
        for node in &ours {
            if self.state.life[node.index()].is_alive() {
                acts.push(Act::Kill(*node));
                self.state.life[node.index()] = Life::Killed;
            }
        }
        for node in ours {
            if self.state.file.node(node).role() != Role::Replica {
                continue;
            }
            acts.push(Act::PutBack(node));
            let life = &mut self.state.life[node.index()];
            if *life == Life::Corrupt {
                *life = Life::Killed;
            }
        }
        acts.push(Act::Record(Fact::StepRestored { step: mark.step }));
        if is_set_otherwise(self.clock, mark.clock) {
            self.clock = mark.clock;
            acts.push(Act::Clock(mark.clock));
        }
        let since = self.state.changed_links().into_iter().filter(|way| {
            !mark.pieces.iter().any(|piece| matches!(piece, Piece::Link(known, _) if known == way))
        });
        let mut pieces: Vec<Piece> = since.map(|way| Piece::Link(way, None)).collect();
        pieces.extend(mark.pieces.iter().cloned().map(|piece| match piece {
            // As wrong as it was then: what it has gone wrong by since is gone with the rest.
            Piece::Clock(node, clock) => Piece::Clock(node, clock.again(mark.at, now)),
            piece => piece,
        }));
        acts.append(&mut self.state.go(&pieces));
        for piece in &pieces {
            // Who was told to stop, and had not ended, is told so again.
            if let Piece::Life(node, Life::Stopping) = piece {
                acts.push(Act::Tell(*node, Told::Stop));
                self.state.life[node.index()] = Life::Stopping;
            }
        }
        self.done.clone_from(&mark.done);
        self.undone.clone_from(&mark.undone);
        self.mark = Some(mark);
        Ok(acts)
    }
}

/// Whether a hand has set the clock otherwise; the rate of automatic pace is nobody's wish.
fn is_set_otherwise(one: ClockState, other: ClockState) -> bool {
    let rate = |clock: ClockState| if clock.auto { 1.0 } else { clock.rate };
    let hand = |clock: ClockState| (clock.paused, clock.auto, rate(clock));
    hand(one) != hand(other)
}
