//! One setting of one node, typed: what `set NODE KEY VALUE` changes while the node runs.

use super::model::{
    Accept, ClientConfig, ClockKind, Health, HeartbeatMode, HedgeAfter, Kind, LsConfig, NoMajority,
    OnMiss, Pace, Policy, Propagation, ReadFrom, ReplicaConfig, Retry, Service, StoreClientConfig,
    TsConfig,
};
use crate::base::NodeId;
use crate::message::{CatchUp, DiskKind, Flaws};
use std::time::Duration;

/// A setting with its new value. `None` for a health figure switches ejection off.
#[derive(Debug, Clone, PartialEq)]
pub enum Setting {
    /// `policy` of an LS.
    Policy(Policy),
    /// `upstreams` of an LS, `asks` of a client, `store` of a TS.
    Upstreams(Vec<NodeId>),
    /// `timeout` of a client, an LS, or a TS with a store.
    Timeout(Duration),
    /// `accept` of an LS.
    Accept(Accept),
    /// `window` of an LS.
    Window(Duration),
    /// `early_end` of an LS.
    EarlyEnd(bool),
    /// `failover_after` of an LS.
    FailoverAfter(Duration),
    /// `failover` of an LS.
    Failover(bool),
    /// `hedge` of an LS.
    Hedge(bool),
    /// `hedge_after` of an LS.
    HedgeAfter(HedgeAfter),
    /// `hedge_at_first` of an LS.
    HedgeAtFirst(Duration),
    /// `hedge_budget` of an LS.
    HedgeBudget(f64),
    /// `fall` of an LS: ejection after so many failures in a row; 0 switches ejection off.
    Fall(u32),
    /// `rise` of an LS.
    Rise(u32),
    /// `eject_for` of an LS.
    EjectFor(Duration),
    /// `check_every` of an LS; none for never.
    CheckEvery(Option<Duration>),
    /// `probation` of an LS; 0 for never.
    Probation(u32),
    /// `merge` of an LS.
    Merge(bool),
    /// `reconnect` of whoever keeps connections.
    Reconnect(Duration),
    /// `ids` of a client or an LS.
    Ids(bool),
    /// `flaws` of any node.
    Flaws(Flaws),
    /// `flaws` of any node, as changes to those it has: `+glued-names,-socket-timer`.
    FlawsChange {
        /// Switched on.
        on: Flaws,
        /// Switched off.
        off: Flaws,
    },
    /// `pace` of a client.
    Pace(Pace),
    /// `retry` of a client.
    Retry(Retry),
    /// `on_miss` of a TS.
    OnMiss(OnMiss),
    /// `responds` of a TS.
    Responds(Service),
    /// `lie` of a TS.
    Lie(bool),
    /// `workers` of a TS; none for any number.
    Workers(Option<u32>),
    /// `queue` of a TS.
    Queue(u32),
    /// `peers` of a replica.
    Peers(Vec<NodeId>),
    /// `heartbeat` of a replica.
    Heartbeat(Duration),
    /// `heartbeat_mode` of a replica.
    HeartbeatMode(HeartbeatMode),
    /// `suspect_after` of a replica.
    SuspectAfter(Duration),
    /// `propagation` of a replica.
    Propagation(Propagation),
    /// `lag` of a replica.
    Lag(Duration),
    /// `catch_up` of a replica.
    CatchUp(CatchUp),
    /// `disk` of a replica.
    Disk(DiskKind),
    /// `terms` of a replica.
    Terms(bool),
    /// `clock` of a replica.
    Clock(ClockKind),
    /// `reads` of a client of the store.
    Reads(ReadFrom),
    /// `no_majority` of a client of the store.
    NoMajority(NoMajority),
    /// `request_timeout` of a client of the store, or a TS with one.
    RequestTimeout(Duration),
}

impl Setting {
    /// Puts the setting into an LS's configuration; false if an LS has none such.
    pub fn apply_to_ls(&self, ls: &mut LsConfig) -> bool {
        let health = ls.health.unwrap_or(Health::USUAL);
        match self {
            Self::Policy(policy) => ls.policy = *policy,
            Self::Upstreams(upstreams) => ls.upstreams.clone_from(upstreams),
            Self::Timeout(timeout) => ls.timeout = *timeout,
            Self::Accept(accept) => ls.accept = *accept,
            Self::Window(window) => ls.window = *window,
            Self::EarlyEnd(on) => ls.early_end = *on,
            Self::FailoverAfter(after) => ls.failover_after = *after,
            Self::Failover(on) => ls.failover = *on,
            Self::Hedge(on) => ls.hedge = *on,
            Self::HedgeAfter(after) => ls.hedge_after = *after,
            Self::HedgeAtFirst(after) => ls.hedge_at_first = *after,
            Self::HedgeBudget(share) => ls.hedge_budget = *share,
            Self::Fall(0) => ls.health = None,
            Self::Fall(fall) => ls.health = Some(Health { fall: *fall, ..health }),
            Self::Rise(rise) => ls.health = Some(Health { rise: *rise, ..health }),
            Self::EjectFor(eject_for) => {
                ls.health = Some(Health { eject_for: *eject_for, ..health });
            }
            // Whoever switches off what is off does not switch ejection on.
            Self::CheckEvery(None) | Self::Probation(0) if ls.health.is_none() => {}
            Self::CheckEvery(check_every) => {
                ls.health = Some(Health { check_every: *check_every, ..health });
            }
            Self::Probation(probation) => {
                ls.health = Some(Health { probation: *probation, ..health });
            }
            Self::Merge(on) => ls.merge = *on,
            Self::Reconnect(after) => ls.reconnect = *after,
            Self::Ids(on) => ls.ids = *on,
            Self::Flaws(flaws) => ls.flaws = *flaws,
            Self::FlawsChange { on, off } => ls.flaws = ls.flaws.changed(*on, *off),
            _ => return false,
        }
        true
    }

    /// Puts the setting into a client's configuration; false if a client has none such.
    pub fn apply_to_client(&self, client: &mut ClientConfig) -> bool {
        match self {
            Self::Upstreams(asks) => client.asks.clone_from(asks),
            Self::Timeout(timeout) => client.timeout = *timeout,
            Self::Pace(pace) => client.pace = *pace,
            Self::Retry(retry) => client.retry = *retry,
            Self::Reconnect(after) => client.reconnect = *after,
            Self::Ids(on) => client.ids = *on,
            Self::Flaws(flaws) => client.flaws = *flaws,
            Self::FlawsChange { on, off } => client.flaws = client.flaws.changed(*on, *off),
            _ => return false,
        }
        true
    }

    /// Puts the setting into a TS's configuration; false if a TS has none such.
    pub fn apply_to_ts(&self, ts: &mut TsConfig) -> bool {
        match self {
            // Whether it has a store at all it is born with.
            Self::Upstreams(_) if ts.store.is_empty() => return false,
            Self::Upstreams(store) => ts.store.clone_from(store),
            Self::Timeout(timeout) => ts.patience.timeout = *timeout,
            Self::RequestTimeout(timeout) => ts.patience.request_timeout = *timeout,
            Self::Reconnect(after) => ts.patience.reconnect = *after,
            Self::OnMiss(on_miss) => ts.on_miss = *on_miss,
            Self::Responds(service) => ts.responds = *service,
            Self::Lie(on) => ts.lie = *on,
            Self::Workers(workers) => ts.workers = *workers,
            Self::Queue(queue) => ts.queue = *queue,
            Self::Flaws(flaws) => ts.flaws = *flaws,
            Self::FlawsChange { on, off } => ts.flaws = ts.flaws.changed(*on, *off),
            _ => return false,
        }
        true
    }

    /// Puts the setting into the configuration of a client of the store; false if it has none such.
    pub fn apply_to_store_client(&self, client: &mut StoreClientConfig) -> bool {
        match self {
            Self::Upstreams(asks) => client.asks.clone_from(asks),
            Self::Timeout(timeout) => client.timeout = *timeout,
            Self::RequestTimeout(timeout) => client.request_timeout = *timeout,
            Self::Reads(reads) => client.reads = *reads,
            Self::NoMajority(then) => client.no_majority = *then,
            Self::Reconnect(after) => client.reconnect = *after,
            Self::Flaws(flaws) => client.flaws = *flaws,
            Self::FlawsChange { on, off } => client.flaws = client.flaws.changed(*on, *off),
            _ => return false,
        }
        true
    }

    /// Puts the setting into a replica's configuration; false if a replica has none such.
    pub fn apply_to_replica(&self, replica: &mut ReplicaConfig) -> bool {
        match self {
            Self::Peers(peers) => replica.peers.clone_from(peers),
            Self::Heartbeat(every) => replica.heartbeat = *every,
            Self::HeartbeatMode(mode) => replica.heartbeat_mode = *mode,
            Self::SuspectAfter(silence) => replica.suspect_after = *silence,
            Self::Propagation(propagation) => replica.propagation = *propagation,
            Self::Lag(lag) => replica.lag = *lag,
            Self::CatchUp(how) => replica.catch_up = *how,
            Self::Disk(kind) => replica.disk = *kind,
            Self::Terms(on) => replica.terms = *on,
            Self::Clock(clock) => replica.clock = *clock,
            Self::Reconnect(after) => replica.reconnect = *after,
            Self::Lie(on) => replica.lie = *on,
            Self::Flaws(flaws) => replica.flaws = *flaws,
            Self::FlawsChange { on, off } => replica.flaws = replica.flaws.changed(*on, *off),
            _ => return false,
        }
        true
    }

    /// Puts the setting into whatever configuration this is; false if it has none such.
    pub fn apply(&self, kind: &mut Kind) -> bool {
        match kind {
            Kind::Client(client) => self.apply_to_client(client),
            Kind::Ls(ls) => self.apply_to_ls(ls),
            Kind::Ts(ts) => self.apply_to_ts(ts),
            Kind::StoreClient(client) => self.apply_to_store_client(client),
            Kind::Replica(replica) => self.apply_to_replica(replica),
        }
    }
}

impl Kind {
    /// Whether it answers wrongly; none for what answers nothing of its own.
    #[must_use]
    pub fn lies(&self) -> Option<bool> {
        match self {
            Self::Ts(ts) => Some(ts.lie),
            Self::Replica(replica) => Some(replica.lie),
            Self::Client(_) | Self::StoreClient(_) | Self::Ls(_) => None,
        }
    }
}

pub use super::setting_text::{current, keys, parse};
