//! What a person or a step may want of a replica: settings that change while it runs, and its end.

use super::{Course, Replica, Settling, Stage};
use crate::base::NodeId;
use crate::machine::kept::Retry;
use crate::machine::timers::Timer;
use crate::machine::{Effect, Effects, Told};
use crate::message::Note;
use crate::topology::Setting;
use std::collections::BTreeSet;

impl Replica {
    pub(super) fn take_order(&mut self, told: Told, out: &mut Effects) {
        match told {
            Told::Set { setting, key, value } => {
                let before = self.config.clone();
                if setting.apply_to_replica(&mut self.config) {
                    out.note(Note::Changed { key, value });
                    self.changed(&setting, &before, out);
                }
            }
            Told::Stop => self.wind_up(out),
            Told::Ask { .. } | Told::Operate { .. } | Told::Batch | Told::Load { .. } => {}
        }
    }

    fn changed(
        &mut self,
        setting: &Setting,
        before: &crate::topology::ReplicaConfig,
        out: &mut Effects,
    ) {
        match setting {
            Setting::Peers(_) => self.change_peers(out),
            Setting::Heartbeat(every) => out.push(Effect::Arm(Timer::Beat.id(), *every)),
            Setting::HeartbeatMode(_) | Setting::SuspectAfter(_) => self.change_rhythm(out),
            Setting::Disk(kind) => {
                self.disk.set_kind(*kind);
                self.write_disk(out);
            }
            Setting::Propagation(_) => self.change_propagation(before.propagation, out),
            Setting::Terms(_) if self.config.terms != before.terms => self.change_terms(out),
            Setting::Reconnect(after) => {
                for (_, peer) in self.peers.iter_mut() {
                    peer.line.set_retry(Retry::Backoff, *after);
                }
            }
            _ => {}
        }
    }

    /// Gets to know who is new, and parts with who is not wanted any more.
    fn change_peers(&mut self, out: &mut Effects) {
        let wanted: BTreeSet<NodeId> = self.config.peers.iter().copied().collect();
        for node in self.peers.ids() {
            if !wanted.contains(&node) {
                self.wait_over(node, out);
                if let Some(mut peer) = self.peers.remove(node) {
                    peer.line.close(out);
                }
                self.settle_without(node, out);
                if matches!(self.stage, Stage::Follows(leader) if leader == node) {
                    self.stand(out);
                }
            }
        }
        for node in wanted {
            self.meet(node, out);
        }
        self.release(out);
    }

    /// A leader is to be heard in another way or within another time: it has all of it from now on.
    fn change_rhythm(&mut self, out: &mut Effects) {
        let now = self.now;
        for (_, peer) in self.peers.iter_mut() {
            peer.heard = now;
        }
        match self.stage {
            Stage::Follows(leader) => {
                self.leader_is_alive(out);
                if !self.pushes() && !self.waits.is_waiting() {
                    self.beat(leader, out);
                }
            }
            Stage::Asks { .. } => {
                out.push(Effect::Arm(Timer::Suspect.id(), self.config.suspect_after));
            }
            Stage::Leads { .. } | Stage::Stands { .. } | Stage::Defers => {}
        }
    }

    /// Terms are on: who leads needs one of its own.
    fn change_terms(&mut self, out: &mut Effects) {
        let owns = self.ballot.leader_of(self.term) == Some(self.me);
        if self.config.terms && self.leads() && !self.settles() && !owns {
            self.lead(Settling::new(), out);
        }
    }

    /// Ends in good order: takes no more writes, sends what lags, acknowledges what it can, for so long as another
    /// would wait before it suspects it.
    fn wind_up(&mut self, out: &mut Effects) {
        let in_flight = self.waiters.values().map(Vec::len).sum::<usize>() + self.held.len();
        out.note(Note::Stopping { in_flight: u32::try_from(in_flight).unwrap_or(u32::MAX) });
        self.course = Course::WindsUp;
        self.end_waits(out);
        if self.leads() && !self.settles() {
            self.send_now(out);
        }
        out.push(Effect::Arm(Timer::WindUp.id(), self.config.suspect_after));
    }

    /// Whether nothing is left to be done before the end.
    pub(super) fn is_done(&self) -> bool {
        let nobody_waits = self.waiters.is_empty() && self.held.is_empty() && self.reads.len() == 0;
        nobody_waits && self.disk.is_idle()
    }

    pub(super) fn end(&mut self, out: &mut Effects) {
        if self.leads() {
            self.send_now(out);
        }
        self.clients.close_all(out);
        let strangers: Vec<_> = self.peers.strangers().collect();
        for conn in strangers {
            out.push(Effect::Close(conn));
        }
        for (_, peer) in self.peers.iter_mut() {
            peer.line.close(out);
            if let Some(conn) = peer.heard_on.take() {
                out.push(Effect::Close(conn));
            }
        }
        self.course = Course::Over;
        out.push(Effect::Exit);
    }
}
