//! The part of a run's report that is about its stores. The keys are documented in `docs/report.md`.

use super::why::loss_words;
use super::{node, text};
use crate::base::Names;
use crate::check::{Audit, Failover, Gone, Group, Reason, ReplicaState, Thrown};
use crate::message::OpOutcome;
use crate::world::World;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::time::Duration;

/// Lost and discarded writes that a report lists; those beyond are counted only.
const LISTED_MAX: usize = 1000;

/// What became of the stores of a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StoreReport {
    /// `valid`, `invalid` or `unknown`.
    pub store_verdict: String,
    /// Why, a sentence each; nothing where it is valid.
    pub store_reasons: Vec<String>,
    /// How the operations of clients ended: `ok`, `failed`, `unknown`, every word there.
    pub store_ended: BTreeMap<String, u64>,
    /// Writes that were acknowledged.
    pub acked: u64,
    /// Of those, how many every living replica has.
    pub on_all: u64,
    /// Of those, how many some living replica lacks, or only one has.
    pub at_risk: u64,
    /// Of those, how many no living replica has at the end.
    pub lost_acked: u64,
    /// What the deaths of leaders should have cost, as the log had it at the moment of each.
    pub predicted_lost: u64,
    /// The same by the formula: rate times lag.
    pub predicted_by_rate: f64,
    /// Operations that some replica applied more than once.
    pub dup_applied: u64,
    /// Reads that missed a write acknowledged before they began.
    pub stale_reads: u64,
    /// Reads that gave what no log ever held.
    pub wrong_answers: u64,
    /// Votes that differed from what was taken.
    pub outvoted: u64,
    /// Entries that were thrown away.
    pub discarded: u64,
    /// Retries that were recognised.
    pub recognised: u64,
    /// The most that ever led one group at once.
    pub leaders_max: u64,
    /// Split brains that began.
    pub split_brains: u64,
    /// How long they lasted.
    pub split_brain_ms: f64,
    /// The longest time from the beginning of one to its announcement; null where there was none.
    pub banner_delay_ms: Option<f64>,
    /// Pairs of living replicas that contradict each other at the end.
    pub diverged: u64,
    /// Elections that began.
    pub elections: u64,
    /// The highest term.
    pub term_max: u64,
    /// How long nobody served writes.
    pub unavailable_ms: f64,
    /// Suspicions of one that ran.
    pub false_suspicions: u64,
    /// The longest time from a death or a freeze to somebody's suspicion.
    pub detection_ms_max: f64,
    /// Circles of nodes that waited for each other: `r1>r2>r1`.
    pub deadlock_cycles: Vec<String>,
    /// The replicas at the end, in the file's order.
    pub replicas: Vec<Replica>,
    /// The failovers, oldest first.
    pub failovers: Vec<Stages>,
    /// Acknowledged writes that are gone, oldest first.
    pub lost: Vec<LostWrite>,
    /// What was thrown away, oldest first.
    pub discarded_writes: Vec<ThrownWrite>,
}

/// A replica at the end.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Replica {
    /// Its name.
    pub name: String,
    /// What it plays: `leads`, `backup`, `candidate`, `returning`, `serves`, `corrupt`, `off`.
    pub part: String,
    /// The highest term it took part in.
    pub term: u64,
    /// How many entries its log has.
    pub position: u64,
    /// The digest of everything in it.
    pub digest: String,
    /// How far its disk is.
    pub durable: u64,
    /// Writes that it acknowledged.
    pub acked: u64,
    /// Writes that its disk took.
    pub disk_writes: u64,
    /// Bytes that they were.
    pub disk_bytes: u64,
    /// Votes of it that differed from what was taken.
    pub outvoted: u64,
}

/// The stages of a failover, each in milliseconds after the fault; null for one that was never reached.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Stages {
    /// Who led.
    pub leader: String,
    /// When the fault befell it, in lab time.
    pub at_ms: f64,
    /// Somebody suspected it.
    pub suspected_ms: Option<f64>,
    /// Somebody stood for election.
    pub stood_ms: Option<f64>,
    /// Somebody led in its place.
    pub promoted_ms: Option<f64>,
    /// A client's write was done there.
    pub served_ms: Option<f64>,
    /// It went on, or came back and led again, before anybody took its place.
    pub called_off_ms: Option<f64>,
    /// Who led in its place.
    pub successor: Option<String>,
}

/// An acknowledged write that is gone.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LostWrite {
    /// Its identity: who asked, and its number there.
    pub id: String,
    /// What it did: `put colour blue`.
    pub operation: String,
    /// Who had acknowledged it.
    pub acked_by: Vec<String>,
    /// When, in lab time.
    pub acked_ms: f64,
    /// Since when it is gone.
    pub since_ms: f64,
    /// Why.
    pub why: String,
}

/// An entry that was thrown away.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ThrownWrite {
    /// Its identity.
    pub id: String,
    /// What it did.
    pub operation: String,
    /// Who threw it away.
    pub by: String,
    /// Whose log took its place.
    pub for_the_log_of: String,
    /// When, in lab time.
    pub at_ms: f64,
    /// Whether it had been acknowledged.
    pub acked: bool,
}

impl StoreReport {
    /// What became of the stores; none where there are none. `banner_delay`: how long after its beginning a split brain
    /// was announced.
    #[must_use]
    pub fn new(world: &World, banner_delay: Option<Duration>) -> Option<Self> {
        let audit = &world.audit;
        if audit.is_empty() {
            return None;
        }
        let names = &world.topology.names;
        let figures = audit.figures();
        let (verdict, reasons) = audit.verdict();
        let ended = OpOutcome::ALL.map(|outcome| (outcome.word().into(), figures.ended(outcome)));
        Some(Self {
            store_verdict: verdict.word().into(),
            store_reasons: reasons.iter().map(reason_words).collect(),
            store_ended: ended.into(),
            acked: figures.acked,
            on_all: figures.on_all,
            at_risk: figures.at_risk,
            lost_acked: figures.lost,
            predicted_lost: figures.predicted,
            predicted_by_rate: figures.predicted_by_rate_milli as f64 / 1000.0,
            dup_applied: figures.dup,
            stale_reads: figures.stale,
            wrong_answers: figures.wrong,
            outvoted: figures.outvoted,
            discarded: figures.discarded,
            recognised: figures.recognised,
            leaders_max: figures.leaders_max,
            split_brains: figures.splits,
            split_brain_ms: audit.split_lasted(world.now).as_secs_f64() * 1e3,
            banner_delay_ms: banner_delay.map(|delay| delay.as_secs_f64() * 1e3),
            diverged: figures.diverged,
            elections: figures.elections,
            term_max: figures.term_max,
            unavailable_ms: audit.unserved(world.now).as_secs_f64() * 1e3,
            false_suspicions: figures.false_suspicions,
            detection_ms_max: figures.detection_max.as_secs_f64() * 1e3,
            deadlock_cycles: cycles(audit, names),
            replicas: audit
                .groups()
                .flat_map(|group| group.replicas.iter().map(|one| replica(group, one, names)))
                .collect(),
            failovers: audit
                .groups()
                .flat_map(|group| group.failovers.iter().map(|one| stages(one, names)))
                .collect(),
            lost: audit
                .groups()
                .flat_map(|group| group.lost.values().map(|gone| lost(gone, names)))
                .take(LISTED_MAX)
                .collect(),
            discarded_writes: audit
                .groups()
                .flat_map(|group| group.discarded.iter().map(|thrown| discarded(thrown, names)))
                .take(LISTED_MAX)
                .collect(),
        })
    }
}

/// A reason for a verdict, as a sentence.
fn reason_words(reason: &Reason) -> String {
    match reason {
        Reason::Lost(count) => format!("acknowledged writes that are gone: {count}"),
        Reason::Dup(count) => format!("operations that were applied more than once: {count}"),
        Reason::Stale(count) => {
            format!("reads that missed a write acknowledged before they began: {count}")
        }
        Reason::Wrong(count) => format!("reads that gave what no log ever held: {count}"),
        Reason::Diverged(count) => {
            format!("pairs of living replicas that contradict each other: {count}")
        }
        Reason::SameTerm(count) => {
            format!("acknowledgements by a second leader of the same term: {count}")
        }
        Reason::Missed(count) => format!("events that are missing: {count}"),
        Reason::TooFew(count) => {
            let least = crate::check::ACKED_MIN;
            format!("only {count} acknowledged writes; fewer than {least} prove nothing")
        }
    }
}

fn cycles(audit: &Audit, names: &Names) -> Vec<String> {
    let seen = audit.groups().flat_map(|group| &group.cycles_seen);
    let words = |nodes: &Vec<crate::base::NodeId>| {
        let around = nodes.iter().chain(nodes.first());
        around.map(|id| node(names, *id).to_string()).collect::<Vec<_>>().join(">")
    };
    seen.map(words).collect()
}

fn replica(group: &Group, replica: &ReplicaState, names: &Names) -> Replica {
    Replica {
        name: node(names, replica.id).into(),
        part: replica.part.word().into(),
        term: replica.term,
        position: replica.have.at,
        digest: group.digest(replica.id).unwrap_or_default().to_string(),
        durable: replica.durable,
        acked: replica.acked,
        disk_writes: replica.disk.writes,
        disk_bytes: replica.disk.bytes,
        outvoted: replica.outvoted,
    }
}

fn stages(failover: &Failover, names: &Names) -> Stages {
    let after = |at: crate::base::LabTime| at.since(failover.at).as_secs_f64() * 1e3;
    Stages {
        leader: node(names, failover.leader).into(),
        at_ms: failover.at.millis_f64(),
        suspected_ms: failover.suspected.map(|(_, at)| after(at)),
        stood_ms: failover.stood.map(|(_, at)| after(at)),
        promoted_ms: failover.promoted.map(|(_, at, _)| after(at)),
        served_ms: failover.served.map(|(_, at, _)| after(at)),
        called_off_ms: failover.called_off.map(after),
        successor: failover.promoted.map(|(leader, ..)| node(names, leader).into()),
    }
}

fn lost(gone: &Gone, names: &Names) -> LostWrite {
    LostWrite {
        id: text(&gone.id.to_string()).into(),
        operation: text(&gone.operation.to_string()).into(),
        acked_by: gone.acked_by.iter().map(|id| node(names, *id).into()).collect(),
        acked_ms: gone.acked.millis_f64(),
        since_ms: gone.since.millis_f64(),
        why: loss_words(gone.why, names),
    }
}

fn discarded(thrown: &Thrown, names: &Names) -> ThrownWrite {
    ThrownWrite {
        id: text(&thrown.id.to_string()).into(),
        operation: text(&thrown.operation.to_string()).into(),
        by: node(names, thrown.by).into(),
        for_the_log_of: node(names, thrown.for_the_log_of).into(),
        at_ms: thrown.at.millis_f64(),
        acked: thrown.acked,
    }
}
