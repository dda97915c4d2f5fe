//! What a person or a step may want of a client, and its beginning and end.

use super::{Client, Verdict, Wanted, Work, manner};
use crate::base::{LabTime, QuestionNo};
use crate::machine::server::Server;
use crate::machine::timers::Timer;
use crate::machine::{Effect, Effects, Told};
use crate::message::{HostName, Note, Outcome, RecordType, Why};
use crate::topology::Setting;
use std::sync::Arc;

/// Questions that one command may ask.
const TIMES_MAX: u32 = 10_000;

impl Client {
    pub(super) fn boot(&mut self, now: LabTime, out: &mut Effects) {
        for server in &mut self.servers {
            server.open(now, out);
        }
        self.load.begin(now, self.config.rate, out);
    }

    pub(super) fn told(&mut self, now: LabTime, told: Told, out: &mut Effects) {
        match told {
            Told::Ask { name, kind, times } => self.ask_times(name.as_ref(), kind, times),
            Told::Batch => self.begin_list(now, out),
            Told::Load { per_kilosecond } => self.load.set(now, per_kilosecond, out),
            Told::Set { setting, key, value } => self.set(now, &setting, key, value, out),
            Told::Stop => self.stop(out),
            Told::Operate { .. } => {}
        }
    }

    fn ask_times(&mut self, name: Option<&HostName>, kind: RecordType, times: u32) {
        for _ in 0..times.min(TIMES_MAX) {
            let Some(name) = name.cloned().or_else(|| self.next_name()) else { return };
            self.work.push_back(Work::Ask(Wanted { kind, ..Wanted::first(name, None) }));
        }
    }

    fn set(
        &mut self,
        now: LabTime,
        setting: &Setting,
        key: Arc<str>,
        value: Arc<str>,
        out: &mut Effects,
    ) {
        if !setting.apply_to_client(&mut self.config) {
            return;
        }
        out.note(Note::Changed { key, value });
        let manner = manner(&self.config);
        for at in 0..self.servers.len() {
            let server = &mut self.servers[at];
            let upstream = server.node();
            let (waited, unread) = server.set_manner(now, manner, out);
            for answer in unread {
                out.note(Note::Unmatched { upstream, name: answer.name });
            }
            self.all_ended(waited, Outcome::Reset);
        }
        if matches!(setting, Setting::Upstreams(_)) {
            self.change_servers(now, out);
        }
    }

    /// Keeps the connections that are still wanted, closes the others, opens new ones.
    fn change_servers(&mut self, now: LabTime, out: &mut Effects) {
        let mut before = std::mem::take(&mut self.servers);
        for node in &self.config.asks {
            if let Some(at) = before.iter().position(|server| server.node() == *node) {
                self.servers.push(before.remove(at));
            } else {
                let manner = manner(&self.config);
                let mut server = Server::new(&self.topology, [self.me, *node], self.draws, manner);
                server.open(now, out);
                self.servers.push(server);
            }
        }
        for mut server in before {
            let waited = server.close(out);
            self.all_ended(waited, Outcome::Reset);
        }
    }

    /// Cancels what is in flight and ends.
    fn stop(&mut self, out: &mut Effects) {
        self.work.clear();
        let mut all: Vec<QuestionNo> = self.questions.keys().copied().collect();
        all.sort_unstable();
        out.note(Note::Stopping { in_flight: u32::try_from(all.len()).unwrap_or(u32::MAX) });
        out.push(Effect::Disarm(Timer::Arrival.id()));
        self.lists_waiting = 0;
        for question in all {
            let (outcome, why) = (Outcome::Cancelled, Why::Stopping);
            self.decide(Verdict { question, outcome, answer: None, why }, out);
        }
        self.end_list(out);
        for server in &mut self.servers {
            server.close(out);
        }
        self.over = true;
        out.push(Effect::Exit);
    }
}
