//! The audit of the stores as a part of the world: it is fed here, and what it finds wrong becomes alarms.

use super::World;
use super::truth::{Alarm, AlarmKind};
use crate::base::{LabTime, Owner};
use crate::check::{Flawed, Group};
use crate::event::{Event, Fact};
use crate::message::{Note, StoreNote};

impl World {
    pub(super) fn store_event(&mut self, event: &Event) {
        if self.audit.is_empty() {
            return;
        }
        self.beat(event);
        if let Some(group) = self.audit.apply(event) {
            self.alarms_of(group);
            self.passing_alarms(group, event);
        }
    }

    /// The stores are as they were when the present step began; what was lost since is not lost.
    pub(super) fn restore_audit(&mut self) {
        self.audit = self.marked.restored(self.now, self.audit.missed);
        for at in 0..self.audit.groups().count() {
            self.alarms_of(at);
        }
    }

    /// The alarms of a group that stand as long as what they say.
    fn alarms_of(&mut self, at: usize) {
        let Some(group) = self.audit.group(at) else { return };
        let standing = standing(at, group);
        let before = &mut self.truth.alarms;
        let is_new =
            |(kind, _): &&(AlarmKind, LabTime)| before.iter().all(|alarm| alarm.kind != *kind);
        let new: Vec<Alarm> = standing
            .iter()
            .filter(is_new)
            .map(|(kind, since)| Alarm { since: *since, kind: kind.clone() })
            .collect();
        let stands = |kind: &AlarmKind| standing.iter().any(|(standing, _)| standing == kind);
        before.retain(|alarm| group_of(&alarm.kind) != Some(at) || stands(&alarm.kind));
        if !new.is_empty() {
            before.extend(new);
            self.sort_alarms();
        }
    }

    /// Alarms about one verdict.
    fn passing_alarms(&mut self, at: usize, event: &Event) {
        let (Fact::Noted(Note::Store(note)), Owner::Node(node, _)) = (&event.fact, event.id.owner)
        else {
            return;
        };
        match note {
            StoreNote::Outvoted { replica, .. } if self.audit.replica(*replica).is_some() => {
                self.begin_alarm(AlarmKind::Outvoted(*replica));
            }
            StoreNote::Concluded { request, .. } => {
                let op = self.audit.group(at).and_then(|group| group.op_of(node, *request));
                if let Some(op) = op.filter(|op| op.flawed == Some(Flawed::Wrong)) {
                    self.begin_alarm(AlarmKind::WrongRead(at, op.no));
                }
            }
            _ => {}
        }
    }
}

fn standing(at: usize, group: &Group) -> Vec<(AlarmKind, LabTime)> {
    let mut out = Vec::new();
    if let Some(split) = &group.split {
        out.push((AlarmKind::SplitBrain(at), split.since));
    }
    if let Some(since) = group.lost_since {
        out.push((AlarmKind::Lost(at), since));
    }
    for cycle in &group.cycles {
        out.push((AlarmKind::Deadlock(at, cycle.nodes.clone()), cycle.since));
    }
    if let Some(since) = group.forks.values().min() {
        out.push((AlarmKind::Diverged(at), *since));
    }
    if let Some(since) = group.nobody_since() {
        out.push((AlarmKind::NoLeader(at), since));
    }
    out
}

/// The group whose state an alarm tells; none for an alarm that ends by itself or with a life.
const fn group_of(kind: &AlarmKind) -> Option<usize> {
    match kind {
        AlarmKind::SplitBrain(at)
        | AlarmKind::Lost(at)
        | AlarmKind::Deadlock(at, _)
        | AlarmKind::Diverged(at)
        | AlarmKind::NoLeader(at) => Some(*at),
        _ => None,
    }
}
