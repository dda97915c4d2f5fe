//! Who leads, in truth: elections, split brains, failovers, and how long nobody served.

use super::gone::{PREDICTIONS_MAX, Prediction};
use super::group::Group;
use super::op::OpNo;
use super::replica::Part;
use crate::base::{LabTime, NodeId};
use crate::event::Life;
use crate::topology::Scheme;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// Failovers and split brains that are remembered.
pub const EPISODES_MAX: usize = 64;

/// The span over which the rate of acknowledgements is taken.
const RATE_OVER: Duration = Duration::from_secs(5);
/// A lag at least this long is a time to count over.
const RATE_OVER_LAG_MIN: Duration = Duration::from_secs(1);

/// Acknowledgements that the rate looks at.
const RATE_ACKS_MAX: usize = 4096;

/// Two or more lead at once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Split {
    /// Since when.
    pub since: LabTime,
    /// Until when, if it is over.
    pub until: Option<LabTime>,
    /// Everyone who led while it lasted, in the file's order.
    pub leaders: BTreeSet<NodeId>,
    /// How many writes each acknowledged meanwhile.
    pub acked: BTreeMap<NodeId, u64>,
}

impl Split {
    /// How many writes were acknowledged by all sides.
    #[must_use]
    pub fn writes(&self) -> u64 {
        self.acked.values().sum()
    }
}

/// What befell a leader.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Its process or its host came to this.
    Life(Life),
    /// The link from it to this one was cut.
    Cut(NodeId),
    /// This one did not hear it, and nothing that was done explains it: a slow link, or a suspicion too quick.
    Silence(NodeId),
}

/// The stages from a leader's fault to the first write that got through to its successor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failover {
    /// Who led.
    pub leader: NodeId,
    /// What befell it.
    pub fault: Fault,
    /// When.
    pub at: LabTime,
    /// Who suspected it first, and when.
    pub suspected: Option<(NodeId, LabTime)>,
    /// Who stood for election first, and when.
    pub stood: Option<(NodeId, LabTime)>,
    /// Who leads in its place, since when, and in which term.
    pub promoted: Option<(NodeId, LabTime, u64)>,
    /// Whose write was the first to be done under the successor, when, and which.
    pub served: Option<(NodeId, LabTime, OpNo)>,
    /// It came back, or was heard again, before anybody took its place.
    pub called_off: Option<LabTime>,
}

impl Failover {
    /// Whether nothing more will come of it.
    #[must_use]
    pub const fn is_over(&self) -> bool {
        self.served.is_some() || self.called_off.is_some()
    }
}

/// Since when nobody served, by reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Outage {
    /// Nobody leads, or too few live to agree.
    pub nobody: Option<LabTime>,
    /// A client's write came to nothing, and none got through since.
    pub failing: Option<LabTime>,
    /// When a write last got through.
    pub served: LabTime,
    /// Somebody has led, or enough have lived: before that, nothing is out.
    pub began: bool,
}

impl Group {
    /// A replica takes itself for the leader, or does no more; after each change of lives and parts.
    pub(super) fn leaders_changed(&mut self) {
        let now = self.now;
        let leaders: BTreeSet<NodeId> = self.leaders().map(|replica| replica.id).collect();
        self.figures.leaders = leaders.len() as u64;
        self.figures.leaders_max = self.figures.leaders_max.max(self.figures.leaders);
        match (&mut self.split, leaders.len() > 1) {
            (Some(split), true) => split.leaders.extend(leaders),
            (None, true) => {
                self.figures.splits += 1;
                let acked = leaders.iter().map(|id| (*id, 0)).collect();
                self.split = Some(Split { since: now, until: None, leaders, acked });
            }
            (Some(_), false) => self.split_ends(),
            (None, false) => {}
        }
        self.look_for_an_outage();
    }

    fn split_ends(&mut self) {
        let Some(mut split) = self.split.take() else { return };
        split.until = Some(self.now);
        self.figures.split_over += self.now.since(split.since);
        self.splits.push_back(split);
        if self.splits.len() > EPISODES_MAX {
            self.splits.pop_front();
        }
    }

    fn look_for_an_outage(&mut self) {
        let serves = match self.scheme {
            Scheme::PrimaryBackup => self.figures.leaders > 0,
            Scheme::Active => {
                let run = self.electorate().filter(|replica| replica.runs()).count();
                run * 2 > self.electorate().count()
            }
        };
        let now = self.now;
        if serves {
            self.outage.began = true;
            self.outage.nobody = None;
        } else if self.outage.began {
            self.outage.nobody.get_or_insert(now);
        }
        self.outage_changed();
    }

    fn outage_changed(&mut self) {
        let since = [self.outage.nobody, self.outage.failing].into_iter().flatten().min();
        match (self.unserved_since, since) {
            (None, Some(since)) => self.unserved_since = Some(since),
            (Some(began), None) => {
                self.figures.unserved_over += self.now.since(began);
                self.unserved_since = None;
            }
            _ => {}
        }
    }

    /// A client's write ended. One that came to nothing begins an outage, the next one that is done ends it.
    pub(super) fn write_ended(&mut self, done: bool, begun: LabTime) {
        if done {
            self.outage.served = self.now;
            self.outage.failing = None;
        } else {
            let since = begun.max(self.outage.served);
            self.outage.failing = Some(self.outage.failing.unwrap_or(since).min(since));
        }
        self.outage_changed();
    }

    /// How long nobody served writes, up to now.
    #[must_use]
    pub fn unserved(&self, now: LabTime) -> Duration {
        let lasts = self.unserved_since.map_or(Duration::ZERO, |since| now.since(since));
        self.figures.unserved_over + lasts
    }

    /// Since when nobody leads; where nobody ever does, since when too few live to agree.
    #[must_use]
    pub fn nobody_since(&self) -> Option<LabTime> {
        self.outage.nobody
    }

    /// How long split brains lasted, up to now.
    #[must_use]
    pub fn split_lasted(&self, now: LabTime) -> Duration {
        let lasts = self.split.as_ref().map_or(Duration::ZERO, |split| now.since(split.since));
        self.figures.split_over + lasts
    }

    /// What the death of a leader would cost now; none for one that does not lead.
    #[must_use]
    pub fn prediction(&self, leader: NodeId, now: LabTime) -> Option<Prediction> {
        let at = self.place(leader)?;
        let replica = &self.replicas[at];
        if replica.part != Part::Leads || !replica.life.is_alive() {
            return None;
        }
        let others = self.alive() & !(1 << at);
        let only = |op: &&super::op::Op| {
            op.acked.is_some()
                && op.held & (1 << at) != 0
                && op.held & others == 0
                && op.flying == 0
        };
        let mut writes = self.ops().filter(only).count() as u64;
        if self.bulk.held & (1 << at) != 0 && self.bulk.held & others == 0 {
            writes += self.bulk.acked;
        }
        let lag = replica.config.lag;
        let rate = self.rate(leader, lag, now);
        Some(Prediction { at: now, leader, writes, rate, lag, lost_before: self.figures.lost })
    }

    /// How many writes in a second a replica acknowledged of late: over its lag where that is long enough to count in,
    /// so that rate times lag is what it has not told yet; else over five seconds, or since its first.
    fn rate(&self, leader: NodeId, lag: Duration, now: LabTime) -> f64 {
        if (RATE_OVER_LAG_MIN..=RATE_OVER).contains(&lag) {
            let of_late = |(at, by): &&(LabTime, NodeId)| *by == leader && *at >= now - lag;
            return self.acks.iter().filter(of_late).count() as f64 / lag.as_secs_f64();
        }
        let from = now - RATE_OVER;
        let newest = self.acks.iter().filter(|(at, by)| *by == leader && *at >= from);
        let (mut count, mut first) = (0_u32, None);
        for (at, _) in newest {
            count += 1;
            first.get_or_insert(*at);
        }
        let Some(first) = first.filter(|_| count > 1) else { return 0.0 };
        // Of a load that began a moment ago, the time before it says nothing.
        let begun_before = self.acks.iter().any(|(at, by)| *by == leader && *at < from);
        let span = if begun_before { RATE_OVER } else { now.since(first) };
        if span.is_zero() { 0.0 } else { f64::from(count) / span.as_secs_f64() }
    }

    pub(super) fn acknowledges(&mut self, by: NodeId) {
        self.acks.push_back((self.now, by));
        let from = self.now - RATE_OVER - RATE_OVER;
        let old = |(at, _): &(LabTime, NodeId)| *at < from;
        while self.acks.len() > RATE_ACKS_MAX || self.acks.front().is_some_and(old) {
            self.acks.pop_front();
        }
        if let Some(split) = &mut self.split {
            *split.acked.entry(by).or_default() += 1;
        }
    }

    /// A leader is about to die: what that should cost is written down before it is seen.
    pub(super) fn predict(&mut self, leader: NodeId) {
        let Some(prediction) = self.prediction(leader, self.now) else { return };
        self.figures.predicted += prediction.writes;
        self.figures.predicted_by_rate_milli += (prediction.by_rate() * 1000.0) as u64;
        self.predictions.push_back(prediction);
        if self.predictions.len() > PREDICTIONS_MAX {
            self.predictions.pop_front();
        }
    }

    pub(super) fn failover_begins(&mut self, leader: NodeId, fault: Fault, at: LabTime) {
        if self
            .failovers
            .back()
            .is_some_and(|last| last.leader == leader && last.promoted.is_none() && !last.is_over())
        {
            return;
        }
        self.failovers.push_back(Failover {
            leader,
            fault,
            at,
            suspected: None,
            stood: None,
            promoted: None,
            served: None,
            called_off: None,
        });
        if self.failovers.len() > EPISODES_MAX {
            self.failovers.pop_front();
        }
    }

    /// The failover under way, if there is one.
    pub(super) fn failing_over(&mut self) -> Option<&mut Failover> {
        self.failovers.back_mut().filter(|failover| !failover.is_over())
    }

    /// A backup suspects: if it is the leader, and nothing was done to that one, the failover begins with what was
    /// done to the link between them, or with the silence itself.
    pub(super) fn suspects(&mut self, by: NodeId, about: NodeId, silence: Duration) {
        let now = self.now;
        let led = self.replica(about).is_some_and(|replica| replica.part == Part::Leads);
        if led {
            let (fault, at) = match self.cuts.get(&(about, by)).or(self.cuts.get(&(by, about))) {
                Some(at) => (Fault::Cut(by), *at),
                None => (Fault::Silence(by), self.clocks.ago(by, now, silence)),
            };
            self.failover_begins(about, fault, at);
        }
        if let Some(failover) = self.failing_over().filter(|failover| failover.leader == about) {
            failover.suspected.get_or_insert((by, now));
        }
    }

    pub(super) fn stands(&mut self, by: NodeId) {
        let now = self.now;
        if !std::mem::replace(&mut self.stood, true) {
            self.figures.elections += 1;
        }
        if let Some(failover) = self.failing_over().filter(|failover| failover.promoted.is_none()) {
            failover.stood.get_or_insert((by, now));
        }
    }

    pub(super) fn promoted(&mut self, node: NodeId, term: u64) {
        let now = self.now;
        self.stood = false;
        if let Some(failover) = self.failing_over().filter(|failover| failover.promoted.is_none()) {
            if failover.leader == node {
                failover.called_off = Some(now);
            } else {
                failover.promoted = Some((node, now, term));
            }
        }
    }
}
