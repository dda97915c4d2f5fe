//! What a person or a step may want of an LS: settings that change while it runs, and its end.

use super::Ls;
use crate::base::{LabTime, QuestionNo};
use crate::machine::timers::Timer;
use crate::machine::{Effect, Effects, Told};
use crate::message::{Flaw, Note, Outcome, Said, Why};
use crate::topology::Setting;
use std::sync::Arc;
use std::time::Duration;

/// How often a node that cannot stop goes round.
const SPIN_EVERY: Duration = Duration::from_millis(50);

impl Ls {
    pub(super) fn told(&mut self, now: LabTime, told: Told, out: &mut Effects) {
        match told {
            Told::Set { setting, key, value } => {
                let flaws = self.config.flaws;
                if setting.apply_to_ls(&mut self.config) {
                    out.note(Note::Changed { key, value });
                    // However they were written: as a whole list or as changes to it.
                    if self.config.flaws != flaws {
                        self.change_flaws(now, out);
                    }
                    self.changed(now, &setting, out);
                    self.races.close();
                }
            }
            Told::Stop if self.has_flaw(Flaw::CannotStop) => {
                if !self.spinning {
                    self.spinning = true;
                    out.note(Note::Spinning);
                    out.push(Effect::Arm(Timer::Spin.id(), SPIN_EVERY));
                }
            }
            Told::Stop => self.stop(out),
            Told::Ask { .. } | Told::Operate { .. } | Told::Batch | Told::Load { .. } => {}
        }
    }

    /// Round and round, until the flaw is switched off.
    pub(super) fn spin(&mut self, out: &mut Effects) {
        if !self.spinning {
            return;
        }
        if self.has_flaw(Flaw::CannotStop) {
            out.push(Effect::Arm(Timer::Spin.id(), SPIN_EVERY));
        } else {
            self.stop(out);
        }
    }

    fn changed(&mut self, now: LabTime, setting: &Setting, out: &mut Effects) {
        match setting {
            Setting::Upstreams(_) => self.change_upstreams(now, out),
            Setting::Ids(_) | Setting::Reconnect(_) => self.change_manner(now, out),
            Setting::Fall(_) | Setting::Rise(_) | Setting::EjectFor(_)
                if self.config.health.is_none() =>
            {
                self.restore_all(out);
            }
            Setting::CheckEvery(_) | Setting::Fall(_) | Setting::Rise(_) | Setting::EjectFor(_) => {
                self.plan_checks(out);
            }
            _ => {}
        }
    }

    fn change_flaws(&mut self, now: LabTime, out: &mut Effects) {
        self.change_manner(now, out);
        self.switch_timers(out);
        if self.has_flaw(Flaw::NoFailover) {
            self.restore_all(out);
        }
    }

    fn change_manner(&mut self, now: LabTime, out: &mut Effects) {
        let manner = self.manner();
        for at in 0..self.upstreams.len() {
            let server = &mut self.upstreams[at].server;
            let upstream = server.node();
            let (waited, unread) = server.set_manner(now, manner, out);
            for answer in unread {
                out.note(Note::Unmatched { upstream, name: answer.name });
            }
            self.lanes_lost(upstream, waited);
        }
    }

    /// The LS itself closed the connection on which these waited.
    fn lanes_lost(&mut self, upstream: crate::base::NodeId, waited: Vec<QuestionNo>) {
        for question in waited {
            let outcome = Outcome::Reset;
            let end = super::LaneEnd { question, upstream, outcome, answer: None, how: None };
            self.work.push_back(end);
        }
    }

    /// Keeps the upstreams that are still wanted, closes the others, opens new ones.
    fn change_upstreams(&mut self, now: LabTime, out: &mut Effects) {
        let mut before = std::mem::take(&mut self.upstreams);
        for node in self.config.upstreams.clone() {
            if let Some(at) = before.iter().position(|one| one.server.node() == node) {
                self.upstreams.push(before.remove(at));
            } else {
                let mut upstream = self.new_upstream(node);
                upstream.server.open(now, out);
                self.upstreams.push(upstream);
            }
        }
        for mut upstream in before {
            let node = upstream.server.node();
            out.push(Effect::Disarm(Timer::Trial(node).id()));
            out.push(Effect::Disarm(Timer::Check(node).id()));
            let waited = upstream.server.close(out);
            self.lanes_lost(node, waited);
        }
        self.everyone = Arc::from(self.config.upstreams.as_slice());
        self.turn = 0;
        if self.config.health.is_some_and(|health| health.check_every.is_some()) {
            self.plan_checks(out);
        }
    }

    /// Cancels what is in flight, tells who asked, and ends.
    fn stop(&mut self, out: &mut Effects) {
        let mut all: Vec<QuestionNo> = self.questions.keys().copied().collect();
        all.sort_unstable();
        out.note(Note::Stopping { in_flight: u32::try_from(all.len()).unwrap_or(u32::MAX) });
        for no in all {
            let said = Said::Failed(Arc::from("stopping"));
            self.decide(no, Outcome::Cancelled, said.into(), None, Why::Stopping, out);
        }
        self.askers.close_all(out);
        for upstream in &mut self.upstreams {
            upstream.server.close(out);
        }
        self.work.clear();
        self.window = None;
        self.over = true;
        out.push(Effect::Exit);
    }
}
