//! The report of a run: figures, expectations and the verdict, as JSON. The keys are documented in
//! `docs/report.md`.

use super::latency::{Latency, Tally, latency};
use super::store_summary::StoreReport;
use super::{json, text};
use crate::base::NodeId;
use crate::command::Expectation;
use crate::event::Judgement;
use crate::message::Outcome;
use crate::topology::Role;
use crate::world::{NodeState, Truth, World};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::Arc;

/// The version of the report's shape; it grows when a key changes its meaning.
pub const FORMAT: u32 = 1;

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

/// What one policy of an LS came to. An LS whose policy was changed has several.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct OfPolicy {
    /// Its word.
    pub policy: String,
    /// Questions that it dealt with.
    pub taken: u64,
    /// Questions that it sent to upstreams.
    pub upstream_sent: u64,
    /// Questions sent beyond those that it sends in any case, as a share of these: one for each question, and one for
    /// each upstream where all are asked; hedges and what was asked again after a failure.
    pub extra_load: f64,
    /// Upstreams that were asked as well because another was slow.
    pub hedged: u64,
    /// Latency of the answered ones at the LS, from arrival to verdict.
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
    /// Upstreams that were asked as well because another was slow.
    pub hedged: u64,
    /// Times when nobody was, because the budget was spent.
    pub not_hedged: u64,
    /// Parts of a fan-out that another upstream gave in the stead of a slow one.
    pub covered: u64,
    /// Upstreams that were told to cancel because another had begun.
    pub cancelled: u64,
    /// Questions that joined an identical one on its way, so that nobody was asked again.
    #[serde(default)]
    pub joined: u64,
    /// Each policy that it had, by its word.
    pub policies: Vec<OfPolicy>,
    /// Its eras, oldest first; of more than sixteen the newest.
    #[serde(default)]
    pub eras: Vec<OfEra>,
}

/// What an LS did while nobody changed how it chooses.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct OfEra {
    /// The word of its policy.
    pub policy: String,
    /// What else was set by hand or by a step, key to value.
    pub set: BTreeMap<String, String>,
    /// What the step was flipped to when it began; null where it did not begin with a flip.
    pub repaired: Option<bool>,
    /// When it began.
    pub began_ms: f64,
    /// Questions that came.
    pub taken: u64,
    /// How they ended: outcome word to count, every word there.
    pub ended: BTreeMap<String, u64>,
    /// Questions that it sent to upstreams.
    pub upstream_sent: u64,
    /// Questions sent beyond those that had to be, as a share of these: one for each question, and one for each
    /// upstream where each has a part of the answer.
    pub extra_upstream_load: f64,
    /// Upstreams that were asked as well because another was slow.
    pub hedged: u64,
    /// Those of them whose answer counted.
    pub hedges_won: u64,
    /// Upstreams that were told to cancel.
    pub cancelled: u64,
    /// Questions that joined an identical one on its way.
    #[serde(default)]
    pub joined: u64,
    /// Latency of the answered ones at the LS, from arrival to verdict.
    pub latency_ms: Latency,
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
    /// How often an LS has ejected it.
    pub ejected: u64,
    /// How often one has taken it back.
    pub restored: u64,
    /// How often one has put it on probation because it was slow.
    #[serde(default)]
    pub probations: u64,
    /// Questions that LSs sent to it.
    #[serde(default)]
    pub asked: u64,
    /// Answers of it that were waited for, whatever they said.
    #[serde(default)]
    pub heard: u64,
    /// Questions that it has taken and not decided: at work, or in its queue.
    #[serde(default)]
    pub open: u32,
    /// Latency of its answers as LSs measured it, late ones included.
    pub latency_ms: Latency,
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

/// Where a node listened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Listened {
    /// Its name.
    pub name: String,
    /// The wire that was spoken there.
    pub wire: String,
    /// The address with the port.
    pub address: String,
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
    /// How often the system gave a node no socket in its present life, over all nodes.
    #[serde(default)]
    pub no_socket: u64,
    /// Where each node listened last, in the file's order.
    #[serde(default)]
    pub addresses: Vec<Listened>,
    /// Latency of operations on stores that ended `ok`, where there are replicas.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub op_latency_ms: Option<Latency>,
    /// What became of the stores, where there are replicas.
    #[serde(flatten)]
    pub store: Option<StoreReport>,
}

/// Questions sent upstream beyond one for each asked, as a share.
fn extra_load(truth: &Truth) -> f64 {
    if truth.asked == 0 {
        return 0.0;
    }
    (truth.upstream_sent as f64 / truth.asked as f64 - 1.0).max(0.0)
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
            extra_upstream_load: extra_load(truth),
            latency_ms: latency(tally.all.as_ref()),
            clients: clients(world, tally),
            balancers: balancers(world),
            servers: servers(world),
            expectations: expectations(world, words),
            faults: truth.faults.iter().map(|words| text(words).into()).collect(),
            no_socket: world.nodes.iter().flat_map(|node| &node.no_socket).map(|it| it.times).sum(),
            addresses: addresses(world),
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

fn clients(world: &World, tally: &Tally) -> Vec<Client> {
    of_role(world, Role::Client)
        .map(|(name, node)| Client {
            name,
            asked: node.load.taken,
            ended: by_word(|outcome| node.load.ended(outcome)),
            latency_ms: latency(tally.of.get(&node.id)),
        })
        .collect()
}

fn balancers(world: &World) -> Vec<Balancer> {
    of_role(world, Role::Ls)
        .map(|(name, node)| Balancer {
            name,
            policy: world.policy(node.id).map(|word| text(word).into()).unwrap_or_default(),
            taken: node.load.taken,
            ended: by_word(|outcome| node.load.ended(outcome)),
            late: node.load.late,
            unmatched: node.load.unmatched,
            hedged: node.balanced.hedged,
            not_hedged: node.balanced.not_hedged,
            covered: node.balanced.covered,
            cancelled: node.balanced.cancelled,
            joined: node.balanced.joined,
            policies: policies(world, node.id),
            eras: eras(world, node.id),
        })
        .collect()
}

fn servers(world: &World) -> Vec<Server> {
    of_role(world, Role::Ts)
        .map(|(name, node)| {
            let answers = world.figures.server(node.id);
            Server {
                name,
                taken: node.load.taken,
                ended: by_word(|outcome| node.load.ended(outcome)),
                wins: node.load.wins,
                too_late: node.load.too_late,
                ejected: node.load.ejected,
                restored: node.load.restored,
                probations: answers.map_or(0, |of| of.probations),
                asked: answers.map_or(0, |of| of.asked),
                heard: answers.map_or(0, |of| of.heard),
                open: node.load.open,
                latency_ms: latency(answers.map(|of| &of.spread)),
            }
        })
        .collect()
}

fn addresses(world: &World) -> Vec<Listened> {
    let of = |node: &NodeState| {
        let name: String = super::node(&world.topology.names, node.id).into();
        let all = node.listens.iter().map(|(wire, address)| Listened {
            name: name.clone(),
            wire: text(wire).into(),
            address: address.to_string(),
        });
        all.collect::<Vec<_>>()
    };
    world.nodes.iter().flat_map(of).collect()
}

fn policies(world: &World, ls: NodeId) -> Vec<OfPolicy> {
    let own = world.figures.by_policy(ls).into_iter();
    own.map(|(policy, of)| OfPolicy {
        policy: text(&policy).into(),
        taken: of.taken,
        upstream_sent: of.sent,
        extra_load: of.unplanned_load(),
        hedged: of.hedged,
        latency_ms: latency(Some(&of.spread)),
    })
    .collect()
}

fn eras(world: &World, ls: NodeId) -> Vec<OfEra> {
    let set = |(key, value): (&Arc<str>, &Arc<str>)| (text(key).into(), text(value).into());
    let eras = world.figures.eras(ls).filter(|era| era.taken > 0);
    eras.map(|era| OfEra {
        policy: text(&era.policy).into(),
        set: era.set.iter().map(set).collect(),
        repaired: era.repaired,
        began_ms: era.began.millis_f64(),
        taken: era.taken,
        ended: by_word(|outcome| era.ended(outcome)),
        upstream_sent: era.sent,
        extra_upstream_load: era.extra_load(),
        hedged: era.hedged,
        hedges_won: era.hedges_won,
        cancelled: era.cancelled,
        joined: era.joined,
        latency_ms: latency(Some(&era.spread)),
    })
    .collect()
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
