//! How long things took at clients, measured from the log: questions, and operations on stores. What LSs and TSs took
//! the world has.

use crate::base::{LabTime, NodeId, NumberMap, Owner, QuestionNo};
use crate::event::{Event, Fact};
use crate::message::{Note, OpOutcome, Outcome, StoreNote};
use crate::world::{AlarmKind, Spread, World};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

/// Questions whose beginning is remembered for their latency; a question beyond it has none.
const OPEN_MAX: usize = 1 << 20;

/// Latencies of answered questions, in lab milliseconds. Exact to three digits.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct Latency {
    /// Of how many questions.
    pub count: u64,
    /// Half took at most this long.
    pub p50: f64,
    /// 90 of 100.
    #[serde(default)]
    pub p90: f64,
    /// 95 of 100.
    pub p95: f64,
    /// 99 of 100.
    pub p99: f64,
    /// None took longer.
    pub max: f64,
}

/// Measures how long things took, and how long after its beginning a split brain was announced. Feed it every event.
#[derive(Debug, Default)]
pub struct Tally {
    open: NumberMap<(Owner, QuestionNo), LabTime>,
    pub(super) all: Option<Spread>,
    pub(super) of: HashMap<NodeId, Spread>,
    /// Operations on stores that are open, and how long those took that ended `ok`.
    asked: NumberMap<(Owner, QuestionNo), LabTime>,
    pub(super) ops: Option<Spread>,
    /// The beginning of the last split brain of each group that was announced.
    splits: BTreeMap<usize, LabTime>,
    pub(super) banner_delay: Option<Duration>,
}

impl Tally {
    /// Takes one event.
    pub fn observe(&mut self, event: &Event) {
        let Owner::Node(node, _) = event.id.owner else { return };
        match &event.fact {
            Fact::Noted(Note::Store(note)) => self.of_a_store(event, note),
            Fact::Noted(note) => self.noted(node, event, note),
            Fact::NodeBooted { node, incarnation } => {
                let lives = |owner: &Owner| match owner {
                    Owner::Node(other, life) => other != node || life >= incarnation,
                    Owner::Lab => true,
                };
                self.open.retain(|(owner, _), _| lives(owner));
                self.asked.retain(|(owner, _), _| lives(owner));
            }
            _ => {}
        }
    }

    /// The world has folded an event, and it is this time now: a split brain that it announces was there before.
    pub fn announced(&mut self, world: &World, now: LabTime) {
        for alarm in &world.truth.alarms {
            let AlarmKind::SplitBrain(group) = alarm.kind else { continue };
            if self.splits.insert(group, alarm.since) != Some(alarm.since) {
                self.banner_delay = self.banner_delay.max(Some(now.since(alarm.since)));
            }
        }
    }

    fn noted(&mut self, node: NodeId, event: &Event, note: &Note) {
        let owner = event.id.owner;
        match note {
            Note::Asked { question, .. } if self.open.len() < OPEN_MAX => {
                self.open.insert((owner, *question), event.time);
            }
            Note::Decided { question, outcome, .. } => {
                let begun = self.open.remove(&(owner, *question));
                let Some(begun) = begun.filter(|_| *outcome == Outcome::Answered) else { return };
                let took = event.time.since(begun);
                self.all.get_or_insert_with(Spread::fine).record(took);
                self.of.entry(node).or_insert_with(Spread::fine).record(took);
            }
            _ => {}
        }
    }

    fn of_a_store(&mut self, event: &Event, note: &StoreNote) {
        match note {
            StoreNote::Requested { request, .. } if self.asked.len() < OPEN_MAX => {
                self.asked.insert((event.id.owner, *request), event.time);
            }
            StoreNote::Concluded { request, outcome, .. } => {
                let begun = self.asked.remove(&(event.id.owner, *request));
                if let Some(begun) = begun.filter(|_| *outcome == OpOutcome::Ok) {
                    let took = event.time.since(begun);
                    self.ops.get_or_insert_with(Spread::fine).record(took);
                }
            }
            _ => {}
        }
    }
}

/// The figures of a spread; zeros where there is none.
pub(super) fn latency(spread: Option<&Spread>) -> Latency {
    let is = spread.map(Spread::percentiles).unwrap_or_default();
    let ms = |time: Duration| time.as_micros() as f64 / 1e3;
    let (p50, p90, p95) = (ms(is.p50), ms(is.p90), ms(is.p95));
    Latency { count: is.count, p50, p90, p95, p99: ms(is.p99), max: ms(is.max) }
}
