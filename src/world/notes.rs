//! Notes of machines: what a node believes, holds and gives up. Those that tell the story of a
//! race are in `story`.

use super::World;
use super::alarms::AlarmEnd;
use super::faults::is_yes;
use super::node::{ClosedWindow, NAMES_MAX};
use super::truth::AlarmKind;
use crate::base::NodeId;
use crate::event::{Event, Life};
use crate::message::{HostName, Note};
use crate::topology::{Kind, Policy};
use std::sync::Arc;

impl World {
    #[expect(clippy::similar_names, reason = "a node and its note")]
    pub(super) fn noted(&mut self, node: NodeId, event: &Event, note: &Note) {
        let now = self.now;
        match note {
            Note::Asked { .. }
            | Note::Took { .. }
            | Note::Chose { .. }
            | Note::Heard { .. }
            | Note::Decided { .. }
            | Note::Late { .. }
            | Note::Unmatched { .. } => return self.story(node, event, note),
            Note::Balance(note) => return self.balance(node, note),
            Note::Changed { key, value } => return self.changed(node, key, value),
            Note::Stopping { .. } => return self.set_life(node, Life::Stopping),
            Note::Spinning => {
                self.nodes[node.index()].spinning = true;
                return self.begin_alarm(AlarmKind::Spinning(node));
            }
            _ => {}
        }
        let state = &mut self.nodes[node.index()];
        match note {
            Note::Stuck { name, upstream, .. } => state.stick(name, *upstream),
            Note::WindowOpened { window, closes } => state.window = Some((*window, *closes)),
            Note::WindowClosed { window, asked, missing, early } => {
                state.window = None;
                state.last_window = Some(ClosedWindow {
                    window: *window,
                    at: now,
                    asked: *asked,
                    missing: *missing,
                    early: *early,
                    names: std::mem::take(&mut state.window_names),
                });
            }
            Note::Ejected { upstream, until, .. } => {
                state.ejected.insert(*upstream, *until);
                let end = AlarmEnd::LeavesAlone(node, *upstream);
                self.index.dead_asks.remove(&(node, *upstream));
                self.end_alarms(end);
                if let Some(server) = self.nodes.get_mut(upstream.index()) {
                    server.load.ejected += 1;
                }
            }
            Note::Restored { upstream, .. } => {
                state.ejected.remove(upstream);
                if let Some(server) = self.nodes.get_mut(upstream.index()) {
                    server.load.restored += 1;
                }
            }
            Note::Believed { about, belief } => {
                state.beliefs.insert(*about, (*belief, now));
            }
            Note::LoadSet { per_kilosecond } => state.per_kilosecond = *per_kilosecond,
            _ => {}
        }
    }

    fn changed(&mut self, node: NodeId, key: &Arc<str>, value: &Arc<str>) {
        self.nodes[node.index()].changed.insert(key.clone(), value.clone());
        self.era_begins(node, None);
        if key.as_ref() == "lie" {
            self.stand_lie(node, is_yes(value));
        }
        if key.as_ref() == "upstreams" {
            self.index.dead_asks.retain(|(asker, _), _| *asker != node);
        }
    }

    /// The word of the policy that an LS uses at present; none for other nodes.
    #[must_use]
    pub fn policy(&self, node: NodeId) -> Option<&str> {
        let state = self.nodes.get(node.index())?;
        match &self.topology.nodes.get(node.index())?.kind {
            Kind::Ls(ls) => Some(state.changed.get("policy").map_or(ls.policy.word(), |word| word)),
            _ => None,
        }
    }

    /// A question enters the open batch window of an LS, or the one that opens with it.
    pub(super) fn enters_window(&mut self, node: NodeId, name: &HostName) {
        if self.nodes[node.index()].window.is_some()
            || self.policy(node) == Some(Policy::Batch.word())
        {
            let names = &mut self.nodes[node.index()].window_names;
            if names.len() < NAMES_MAX {
                names.push((name.clone(), false));
            }
        }
    }

    pub(super) fn answered_in_window(&mut self, node: NodeId, name: &HostName) {
        let names = &mut self.nodes[node.index()].window_names;
        for (_, answered) in names.iter_mut().filter(|(listed, _)| listed == name) {
            *answered = true;
        }
    }
}
