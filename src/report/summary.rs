//! The report of a run: figures, expectations and the verdict, as JSON. The keys are documented in
//! `docs/report.md`.

use super::store_summary::StoreReport;
use super::{json, text};
use crate::base::{LabTime, NodeId, Owner, QuestionNo};
use crate::command::Expectation;
use crate::event::{Event, Fact, Judgement};
use crate::message::{Note, OpOutcome, Outcome, StoreNote};
use crate::topology::Role;
use crate::world::{AlarmKind, NodeState, World};
use hdrhistogram::Histogram;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

/// The version of the report's shape; it grows when a key changes its meaning.
pub const FORMAT: u32 = 1;

/// Questions whose beginning is remembered for their latency; a question beyond it has none.
const OPEN_MAX: usize = 1 << 20;

/// How a run ended, as its exit code says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Exit {
    /// Every expectation held: exit code 0.
    Passed,
    /// One failed: exit code 1.
    Failed,
    /// Nothing can be said: too little happened, or time ran out. Exit code 2.
    Unknown,
}

impl Exit {
    /// The exit code.
    #[must_use]
    pub const fn code(self) -> u8 {
        match self {
            Self::Passed => 0,
            Self::Failed => 1,
            Self::Unknown => 2,
        }
    }
}

/// Latencies of answered questions, as the clients measured them, in lab milliseconds. Exact to
/// three digits.
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

/// One client's figures.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Client {
    /// Its name.
    pub name: String,
    /// Questions it asked, tries again included.
    pub asked: u64,
    /// How they ended: outcome word to count, every word there.
    pub ended: BTreeMap<String, u64>,
    /// Latency of the answered ones.
    pub latency_ms: Latency,
}

/// One LS's figures.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Balancer {
    /// Its name.
    pub name: String,
    /// Its policy at the end.
    pub policy: String,
    /// Questions it took.
    pub taken: u64,
    /// Its verdicts: outcome word to count, every word there.
    pub ended: BTreeMap<String, u64>,
    /// Answers that came after its verdict.
    pub late: u64,
    /// Answers that belonged to none of its questions.
    pub unmatched: u64,
}

/// One TS's figures.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Server {
    /// Its name.
    pub name: String,
    /// Questions that reached it.
    pub taken: u64,
    /// Its verdicts: outcome word to count, every word there.
    pub ended: BTreeMap<String, u64>,
    /// Races that it won.
    pub wins: u64,
    /// Answers of it that came after another's.
    pub too_late: u64,
}

/// One expectation and how it came out.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Judged {
    /// The step, from 1.
    pub step: u32,
    /// Its words.
    pub text: String,
    /// `passed`, `failed`, or null where it was never judged.
    pub judgement: Option<Judgement>,
    /// What was seen; empty where it was never judged.
    pub seen: String,
}

/// The report of a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// The version of this shape.
    pub format: u32,
    /// The version of faultlab.
    pub version: String,
    /// The topology's name.
    pub topology: String,
    /// The seed of every draw.
    pub seed: u64,
    /// Every option of the run, given or derived.
    pub options: BTreeMap<String, serde_json::Value>,
    /// How the run ended.
    pub verdict: Exit,
    /// The same as an exit code.
    pub exit_code: u8,
    /// Lab time at the end, in milliseconds.
    pub lab_ms: f64,
    /// Events that were folded.
    pub events: u64,
    /// Events that are missing: with any, every count is a lower bound.
    pub gaps: u64,
    /// Questions that clients and visitors asked, tries again included.
    pub asked: u64,
    /// Questions without a verdict at the end.
    pub open: u64,
    /// How they ended: outcome word to count, every word there; `late` counts answers after the
    /// verdict.
    pub ended: BTreeMap<String, u64>,
    /// Answers that came after the verdict.
    pub late: u64,
    /// Answers that belonged to no question.
    pub unmatched: u64,
    /// DNS answers to nothing that was asked, forged or doubled; they were dropped.
    pub spoof_dropped: u64,
    /// Verdicts without an address although a TS has the name.
    pub contradicted: u64,
    /// Addresses given that no table has for the name, from a server that does not lie.
    pub misgiven: u64,
    /// The same from one that lies.
    pub lies: u64,
    /// Questions that upstreams were sent.
    pub upstream_sent: u64,
    /// Questions sent beyond one for each asked, as a share; 0 where nothing was asked.
    pub extra_upstream_load: f64,
    /// Latency of answered questions of all clients.
    pub latency_ms: Latency,
    /// The clients, in the file's order.
    pub clients: Vec<Client>,
    /// The LSs, in the file's order.
    pub balancers: Vec<Balancer>,
    /// The TSs, in the file's order.
    pub servers: Vec<Server>,
    /// The expectations of the steps, in order.
    pub expectations: Vec<Judged>,
    /// Faults that stand at the end, in the words of their commands.
    pub faults: Vec<String>,
    /// Latency of operations on stores that ended `ok`, where there are replicas.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub op_latency_ms: Option<Latency>,
    /// What became of the stores, where there are replicas.
    #[serde(flatten)]
    pub store: Option<StoreReport>,
}

impl Report {
    /// The report of a run that ends in this world. `words` writes an expectation as the file
    /// would.
    #[must_use]
    pub fn new(
        world: &World,
        tally: &Tally,
        exit: Exit,
        options: BTreeMap<String, serde_json::Value>,
        words: impl Fn(&Expectation) -> String,
    ) -> Self {
        let truth = &world.truth;
        let ended = by_word(|outcome| truth.ended.get(&outcome).copied().unwrap_or(0));
        let over: u64 = ended.iter().filter(|(word, _)| *word != "late").map(|(_, n)| n).sum();
        let extra = if truth.asked == 0 {
            0.0
        } else {
            (truth.upstream_sent as f64 / truth.asked as f64 - 1.0).max(0.0)
        };
        Self {
            format: FORMAT,
            version: crate::base::VERSION.into(),
            topology: text(&world.topology.name).into(),
            seed: world.topology.seed,
            options,
            verdict: exit,
            exit_code: exit.code(),
            lab_ms: world.now.millis_f64(),
            events: world.position - world.missed.min(world.position),
            gaps: world.missed,
            asked: truth.asked,
            open: truth.asked.saturating_sub(over),
            ended,
            late: truth.late,
            unmatched: truth.unmatched,
            spoof_dropped: truth.unasked,
            contradicted: truth.contradicted,
            misgiven: truth.misgiven,
            lies: truth.lies,
            upstream_sent: truth.upstream_sent,
            extra_upstream_load: extra,
            latency_ms: latency(tally.all.as_ref()),
            clients: of_role(world, Role::Client)
                .map(|(name, node)| Client {
                    name,
                    asked: node.load.taken,
                    ended: by_word(|outcome| node.load.ended(outcome)),
                    latency_ms: latency(tally.of.get(&node.id)),
                })
                .collect(),
            balancers: of_role(world, Role::Ls)
                .map(|(name, node)| Balancer {
                    name,
                    policy: world.policy(node.id).map(|word| text(word).into()).unwrap_or_default(),
                    taken: node.load.taken,
                    ended: by_word(|outcome| node.load.ended(outcome)),
                    late: node.load.late,
                    unmatched: node.load.unmatched,
                })
                .collect(),
            servers: of_role(world, Role::Ts)
                .map(|(name, node)| Server {
                    name,
                    taken: node.load.taken,
                    ended: by_word(|outcome| node.load.ended(outcome)),
                    wins: node.load.wins,
                    too_late: node.load.too_late,
                })
                .collect(),
            expectations: expectations(world, words),
            faults: truth.faults.iter().map(|words| text(words).into()).collect(),
            op_latency_ms: (!world.audit.is_empty()).then(|| latency(tally.ops.as_ref())),
            store: StoreReport::new(world, tally.banner_delay),
        }
    }

    /// The report as JSON for a file, in ASCII, with a line end.
    ///
    /// # Errors
    /// None in practice: every part of it can be written.
    pub fn to_json(&self) -> serde_json::Result<String> {
        json::pretty(self)
    }
}

fn by_word(count: impl Fn(Outcome) -> u64) -> BTreeMap<String, u64> {
    Outcome::ALL.iter().map(|outcome| (outcome.word().to_owned(), count(*outcome))).collect()
}

fn of_role(world: &World, role: Role) -> impl Iterator<Item = (String, &NodeState)> {
    world
        .topology
        .nodes
        .iter()
        .zip(&world.nodes)
        .filter(move |(node, _)| node.role() == role)
        .map(|(node, state)| (super::node(&world.topology.names, node.id).into(), state))
}

fn expectations(world: &World, words: impl Fn(&Expectation) -> String) -> Vec<Judged> {
    let mut out = Vec::new();
    for (step, number) in world.topology.steps.iter().zip(1u32..) {
        for (expectation, place) in step.expect.iter().zip(0u32..) {
            let judged = world.steps.judged.get(&(number, place));
            out.push(Judged {
                step: number,
                text: text(&words(expectation)).into(),
                judgement: judged.map(|(judgement, _)| *judgement),
                seen: judged.map(|(_, seen)| text(seen).into()).unwrap_or_default(),
            });
        }
    }
    out
}

/// Measures how long answered questions took at their clients, and how long after its beginning a split brain was
/// announced. Feed it every event.
#[derive(Debug, Default)]
pub struct Tally {
    open: HashMap<(Owner, QuestionNo), LabTime>,
    all: Option<Histogram<u64>>,
    of: HashMap<NodeId, Histogram<u64>>,
    /// Operations on stores that are open, and how long those took that ended `ok`.
    asked: HashMap<(Owner, QuestionNo), LabTime>,
    ops: Option<Histogram<u64>>,
    /// The beginning of the last split brain of each group that was announced.
    splits: BTreeMap<usize, LabTime>,
    banner_delay: Option<Duration>,
}

impl Tally {
    /// Takes one event.
    pub fn observe(&mut self, event: &Event) {
        let Owner::Node(node, _) = event.id.owner else { return };
        match &event.fact {
            Fact::Noted(Note::Asked { question, .. }) if self.open.len() < OPEN_MAX => {
                self.open.insert((event.id.owner, *question), event.time);
            }
            Fact::Noted(Note::Decided { question, outcome, .. }) => {
                let Some(begun) = self.open.remove(&(event.id.owner, *question)) else { return };
                if *outcome == Outcome::Answered {
                    let micros =
                        u64::try_from(event.time.since(begun).as_micros()).unwrap_or(u64::MAX);
                    record(self.all.get_or_insert_with(histogram), micros);
                    record(self.of.entry(node).or_insert_with(histogram), micros);
                }
            }
            Fact::Noted(Note::Store(note)) => self.of_a_store(event, note),
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

    fn of_a_store(&mut self, event: &Event, note: &StoreNote) {
        match note {
            StoreNote::Requested { request, .. } if self.asked.len() < OPEN_MAX => {
                self.asked.insert((event.id.owner, *request), event.time);
            }
            StoreNote::Concluded { request, outcome, .. } => {
                let begun = self.asked.remove(&(event.id.owner, *request));
                if let Some(begun) = begun.filter(|_| *outcome == OpOutcome::Ok) {
                    let micros =
                        u64::try_from(event.time.since(begun).as_micros()).unwrap_or(u64::MAX);
                    record(self.ops.get_or_insert_with(histogram), micros);
                }
            }
            _ => {}
        }
    }
}

fn histogram() -> Histogram<u64> {
    Histogram::new(3).expect("three digits are within the library's range")
}

fn record(histogram: &mut Histogram<u64>, micros: u64) {
    // Nothing lasts longer than the day that a topology may state. `saturating_record` would clamp to what the
    // histogram has room for so far; this one makes room.
    let recorded = histogram.record(micros.min(86_400_000_000));
    recorded.expect("a histogram that grows takes every value");
}

fn latency(histogram: Option<&Histogram<u64>>) -> Latency {
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
