//! How long things took, measured from the log: questions at their clients, by the policy that dealt with them, and at
//! the servers as those measured who asked them.

use crate::base::{LabTime, NodeId, NumberMap, Owner, Peer, QuestionNo};
use crate::event::{Event, Fact};
use crate::message::{BalanceNote, Message, Note, OpOutcome, Outcome, StoreNote};
use crate::world::{AlarmKind, World};
use hdrhistogram::Histogram;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

/// Questions whose beginning is remembered for their latency; a question beyond it has none.
const OPEN_MAX: usize = 1 << 20;

/// A server that has not answered in this time never will: a silent one leaves every question behind.
const FORGOTTEN_AFTER: Duration = Duration::from_secs(60);

/// Latencies of answered questions, in lab milliseconds. Exact to three digits.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct Latency {
    /// Of how many questions.
    pub count: u64,
    /// Half took at most this long.
    pub p50: f64,
    /// 95 of 100.
    pub p95: f64,
    /// 99 of 100.
    pub p99: f64,
    /// None took longer.
    pub max: f64,
}

/// What one policy of one LS came to.
#[derive(Debug, Default)]
pub(super) struct OfPolicy {
    /// Questions that it dealt with.
    pub taken: u64,
    /// Questions that it sent to upstreams.
    pub sent: u64,
    /// Upstreams that it asked as well because another was slow.
    pub hedged: u64,
    /// Upstreams that it would have asked with its first choice alone.
    pub meant: u64,
    /// How long the answered ones took, from arrival to verdict.
    pub times: Option<Histogram<u64>>,
}

/// A question at an LS.
#[derive(Debug)]
struct Balanced {
    taken: LabTime,
    policy: Option<Arc<str>>,
}

/// Measures how long things took, and how long after its beginning a split brain was announced. Feed it every event.
#[derive(Debug, Default)]
pub struct Tally {
    open: NumberMap<(Owner, QuestionNo), LabTime>,
    pub(super) all: Option<Histogram<u64>>,
    pub(super) of: HashMap<NodeId, Histogram<u64>>,
    /// Operations on stores that are open, and how long those took that ended `ok`.
    asked: NumberMap<(Owner, QuestionNo), LabTime>,
    pub(super) ops: Option<Histogram<u64>>,
    /// Questions at LSs.
    balanced: NumberMap<(Owner, QuestionNo), Balanced>,
    pub(super) policies: BTreeMap<(NodeId, Arc<str>), OfPolicy>,
    /// What an LS has asked whom, and when.
    lanes: NumberMap<(Owner, QuestionNo, NodeId), LabTime>,
    pub(super) servers: HashMap<NodeId, Histogram<u64>>,
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
            Fact::MessageSent { to: Peer::Node(to), about: Some(question), message, .. } => {
                self.sent(node, event, (*question, *to), message);
            }
            Fact::NodeBooted { node, incarnation } => {
                let lives = |owner: &Owner| match owner {
                    Owner::Node(other, life) => other != node || life >= incarnation,
                    Owner::Lab => true,
                };
                self.open.retain(|(owner, _), _| lives(owner));
                self.asked.retain(|(owner, _), _| lives(owner));
                self.balanced.retain(|(owner, _), _| lives(owner));
                self.lanes.retain(|(owner, ..), _| lives(owner));
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
            // A TS, which never gives up, has no deadline.
            Note::Took { question, deadline: Some(_), .. } if self.balanced.len() < OPEN_MAX => {
                let balanced = Balanced { taken: event.time, policy: None };
                self.balanced.insert((owner, *question), balanced);
            }
            Note::Chose { question, policy, upstreams } => {
                let whole = matches!(policy.as_ref(), "race" | "gather" | "batch");
                let meant = if whole { upstreams.len() } else { upstreams.len().min(1) };
                let of_policy = self.policies.entry((node, policy.clone())).or_default();
                of_policy.taken += 1;
                of_policy.meant += meant as u64;
                if let Some(one) = self.balanced.get_mut(&(owner, *question)) {
                    one.policy = Some(policy.clone());
                }
            }
            Note::Balance(BalanceNote::Hedged { question, .. }) => {
                if let Some(of_policy) = self.policy_of(node, owner, *question) {
                    of_policy.hedged += 1;
                }
            }
            Note::Balance(BalanceNote::Covered { question, slow, .. }) => {
                self.lanes.remove(&(owner, *question, *slow));
            }
            Note::Heard { question, upstream, outcome, .. } => {
                self.heard(event, (*question, *upstream), outcome.is_final());
            }
            Note::Late { question, upstream, .. } => {
                self.heard(event, (*question, *upstream), true);
            }
            Note::Decided { question, outcome, .. } => {
                self.decided(node, event, *question, *outcome);
            }
            _ => {}
        }
    }

    fn policy_of(
        &mut self,
        node: NodeId,
        owner: Owner,
        question: QuestionNo,
    ) -> Option<&mut OfPolicy> {
        let policy = self.balanced.get(&(owner, question))?.policy.clone()?;
        self.policies.get_mut(&(node, policy))
    }

    fn sent(
        &mut self,
        node: NodeId,
        event: &Event,
        (question, to): (QuestionNo, NodeId),
        message: &Message,
    ) {
        if !matches!(message, Message::Ask { .. } | Message::AskTied { .. } | Message::Text(_)) {
            return;
        }
        let owner = event.id.owner;
        let Some(of_policy) = self.policy_of(node, owner, question) else { return };
        of_policy.sent += 1;
        if self.lanes.len() == OPEN_MAX {
            self.lanes.retain(|_, asked| event.time.since(*asked) < FORGOTTEN_AFTER);
        }
        if self.lanes.len() < OPEN_MAX {
            self.lanes.entry((owner, question, to)).or_insert(event.time);
        }
    }

    fn heard(&mut self, event: &Event, lane: (QuestionNo, NodeId), counts: bool) {
        let key = (event.id.owner, lane.0, lane.1);
        if let Some(asked) = self.lanes.remove(&key).filter(|_| counts) {
            record(self.servers.entry(lane.1).or_insert_with(histogram), event.time, asked);
        }
    }

    fn decided(&mut self, node: NodeId, event: &Event, question: QuestionNo, outcome: Outcome) {
        let key = (event.id.owner, question);
        let answered = outcome == Outcome::Answered;
        if let Some(balanced) = self.balanced.remove(&key)
            && let Some(policy) = balanced.policy.filter(|_| answered)
        {
            let of_policy = self.policies.entry((node, policy)).or_default();
            record(of_policy.times.get_or_insert_with(histogram), event.time, balanced.taken);
        }
        let Some(begun) = self.open.remove(&key).filter(|_| answered) else { return };
        record(self.all.get_or_insert_with(histogram), event.time, begun);
        record(self.of.entry(node).or_insert_with(histogram), event.time, begun);
    }

    fn of_a_store(&mut self, event: &Event, note: &StoreNote) {
        match note {
            StoreNote::Requested { request, .. } if self.asked.len() < OPEN_MAX => {
                self.asked.insert((event.id.owner, *request), event.time);
            }
            StoreNote::Concluded { request, outcome, .. } => {
                let begun = self.asked.remove(&(event.id.owner, *request));
                if let Some(begun) = begun.filter(|_| *outcome == OpOutcome::Ok) {
                    record(self.ops.get_or_insert_with(histogram), event.time, begun);
                }
            }
            _ => {}
        }
    }
}

fn histogram() -> Histogram<u64> {
    Histogram::new(3).expect("three digits are within the library's range")
}

fn record(histogram: &mut Histogram<u64>, ended: LabTime, begun: LabTime) {
    let micros = u64::try_from(ended.since(begun).as_micros()).unwrap_or(u64::MAX);
    // Nothing lasts longer than the day that a topology may state. `saturating_record` would clamp to what the
    // histogram has room for so far; this one makes room.
    let recorded = histogram.record(micros.min(86_400_000_000));
    recorded.expect("a histogram that grows takes every value");
}

/// The figures of a histogram; zeros where there is none.
pub(super) fn latency(histogram: Option<&Histogram<u64>>) -> Latency {
    let Some(histogram) = histogram else { return Latency::default() };
    let at = |percent: f64| histogram.value_at_percentile(percent) as f64 / 1e3;
    Latency {
        count: histogram.len(),
        p50: at(50.0),
        p95: at(95.0),
        p99: at(99.0),
        max: histogram.max() as f64 / 1e3,
    }
}
