//! Alarms: what is so wrong that the whole room must see it, from when, and until when.

use super::World;
use super::truth::{Alarm, AlarmKind};
use crate::base::{LabTime, NodeId};
use std::time::Duration;

/// How long a wrong verdict stays an alarm, in lab time; a newer one of its kind takes its place.
pub const ALARM_SHOWN: Duration = Duration::from_secs(10);

/// So many questions in a row to one that is dead are an alarm: any proxy needs one or two to
/// notice.
pub const DEAD_ASKS: u32 = 3;

/// Alarms at once; the loudest stay.
pub const ALARMS_MAX: usize = 16;

/// What ends alarms.
#[derive(Debug, Clone, Copy)]
pub(super) enum AlarmEnd {
    /// This node runs (again).
    Alive(NodeId),
    /// This node does not run any more.
    Dead(NodeId),
    /// The disk of this node is empty.
    Wiped(NodeId),
    /// This one leaves that one alone.
    LeavesAlone(NodeId, NodeId),
}

/// Loudest first: a wrong answer is worse than none, a crash worse than a nuisance.
pub(super) const fn rank(kind: &AlarmKind) -> u8 {
    match kind {
        AlarmKind::SplitBrain(_) => 0,
        AlarmKind::Lost(_) => 1,
        AlarmKind::Deadlock(..) => 2,
        AlarmKind::Diverged(_) => 3,
        AlarmKind::WrongRead(..) => 4,
        AlarmKind::Misgiven(_) => 5,
        AlarmKind::Contradicted(..) => 6,
        AlarmKind::NoLeader(_) => 7,
        AlarmKind::Crashed(_) => 8,
        AlarmKind::Corrupt(_) => 9,
        AlarmKind::Spinning(_) => 10,
        AlarmKind::Outvoted(_) => 11,
        AlarmKind::AsksTheDead { .. } => 12,
    }
}

/// Alarms about a verdict end by themselves; the others end when what they say ends.
const fn passes(kind: &AlarmKind) -> bool {
    matches!(
        kind,
        AlarmKind::Misgiven(_)
            | AlarmKind::Contradicted(..)
            | AlarmKind::WrongRead(..)
            | AlarmKind::Outvoted(_)
    )
}

impl World {
    pub(super) fn begin_alarm(&mut self, kind: AlarmKind) {
        let alarms = &mut self.truth.alarms;
        if passes(&kind) {
            alarms.retain(|alarm| rank(&alarm.kind) != rank(&kind));
        } else if alarms.iter().any(|alarm| alarm.kind == kind) {
            return;
        }
        alarms.push(Alarm { since: self.now, kind });
        self.sort_alarms();
        self.plan_alarms();
    }

    pub(super) fn sort_alarms(&mut self) {
        let alarms = &mut self.truth.alarms;
        alarms.sort_by_key(|alarm| (rank(&alarm.kind), alarm.since));
        alarms.truncate(ALARMS_MAX);
    }

    pub(super) fn end_alarms(&mut self, end: AlarmEnd) {
        self.truth.alarms.retain(|alarm| match (&alarm.kind, end) {
            (AlarmKind::Crashed(node) | AlarmKind::Corrupt(node), AlarmEnd::Alive(alive)) => {
                *node != alive
            }
            (AlarmKind::Corrupt(node), AlarmEnd::Wiped(wiped)) => *node != wiped,
            (AlarmKind::Spinning(node), AlarmEnd::Alive(over) | AlarmEnd::Dead(over)) => {
                *node != over
            }
            (AlarmKind::AsksTheDead { node, dead }, AlarmEnd::Alive(alive)) => {
                *node != alive && *dead != alive
            }
            (AlarmKind::AsksTheDead { node, .. }, AlarmEnd::Dead(gone)) => *node != gone,
            (AlarmKind::AsksTheDead { node, dead }, AlarmEnd::LeavesAlone(who, whom)) => {
                (*node, *dead) != (who, whom)
            }
            _ => true,
        });
    }

    pub(super) fn end_old_alarms(&mut self) {
        let now = self.now;
        self.truth
            .alarms
            .retain(|alarm| !(passes(&alarm.kind) && now.since(alarm.since) >= ALARM_SHOWN));
        self.plan_alarms();
    }

    fn plan_alarms(&mut self) {
        self.index.alarms_at = self
            .truth
            .alarms
            .iter()
            .filter(|alarm| passes(&alarm.kind))
            .map(|alarm| alarm.since + ALARM_SHOWN)
            .min()
            .unwrap_or(LabTime::NEVER);
    }

    /// A question that was asked when its server was dead already came to nothing, or did not
    /// (`failed`).
    pub(super) fn asked_the_dead(&mut self, node: NodeId, dead: NodeId, failed: bool) {
        if !failed {
            if self.index.dead_asks.remove(&(node, dead)).is_some() {
                self.end_alarms(AlarmEnd::LeavesAlone(node, dead));
            }
            return;
        }
        let asks = self.index.dead_asks.entry((node, dead)).or_insert(0);
        *asks += 1;
        if *asks >= DEAD_ASKS {
            self.begin_alarm(AlarmKind::AsksTheDead { node, dead });
        }
    }
}
