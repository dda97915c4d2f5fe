//! Settings as words: what `set NODE KEY VALUE` takes, which keys there are, and how a present
//! value is written.
//!
//! Values are written as in a file, without quotes, braces and brackets: `ts1,ts2`,
//! `p50=5ms,p99=1s`, `none`.

use super::inline::Responds;
use super::mirror::RawTable;
use super::model::{
    Health, Kind, LsConfig, Policy, ReplicaConfig, Retry, Role, Scheme, Service, StoreClientConfig,
    Topology,
};
use super::problem::{Problems, Span};
use super::raw;
use super::resolve::{keys_of, may_have, of_a_lookup, of_a_store, schemes_with, values};
use super::setting::Setting;
use super::setting_asked::{asked, peers};
use super::value::{At, COUNT_MAX, OnOff, Read, Share, Time, TimeOrPercentile, Wait, Word};
use super::words::{self, Choice, a_role, quoted};
use crate::base::NodeId;
use crate::base::units::{exact, grouped};
use crate::message::{Flaw, Flaws};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

const CLIENT: &[&str] = &["asks", "timeout", "pace", "retry", "reconnect", "ids", "flaws"];
const LS: &[&str] = &[
    "policy",
    "upstreams",
    "timeout",
    "accept",
    "window",
    "early_end",
    "failover",
    "failover_after",
    "hedge",
    "hedge_after",
    "hedge_at_first",
    "hedge_budget",
    "fall",
    "rise",
    "eject_for",
    "check_every",
    "probation",
    "merge",
    "reconnect",
    "ids",
    "flaws",
];
const TS: &[&str] = &["on_miss", "responds", "lie", "workers", "queue"];
const TS_OF_STORE: &[&str] = &[
    "store",
    "timeout",
    "request_timeout",
    "reconnect",
    "on_miss",
    "responds",
    "lie",
    "workers",
    "queue",
];
const CLIENT_OF_LEADER: &[&str] =
    &["asks", "timeout", "request_timeout", "reads", "no_majority", "reconnect", "flaws"];
const CLIENT_OF_ALL: &[&str] =
    &["asks", "timeout", "request_timeout", "no_majority", "reconnect", "flaws"];
const PRIMARY_BACKUP: &[&str] = &[
    "peers",
    "heartbeat",
    "heartbeat_mode",
    "suspect_after",
    "propagation",
    "lag",
    "catch_up",
    "disk",
    "terms",
    "reconnect",
    "lie",
    "flaws",
];
const ACTIVE: &[&str] = &[
    "peers",
    "heartbeat",
    "suspect_after",
    "catch_up",
    "clock",
    "disk",
    "reconnect",
    "lie",
    "flaws",
];

/// Reads `set NODE KEY VALUE`: the typed setting.
///
/// # Errors
/// A sentence: which keys this node has, which of them only a restart changes, or what the value
/// should look like.
pub fn parse(topology: &Topology, node: NodeId, key: &str, value: &str) -> Result<Setting, String> {
    let kind = &topology.node(node).kind;
    let value = value.trim();
    if !keys(kind).contains(&key) {
        return Err(no_such_key(topology, node, key));
    }
    Ok(match key {
        "policy" => Setting::Policy(policy(topology, node, value)?),
        "upstreams" | "asks" | "store" => Setting::Upstreams(asked(topology, node, value)?),
        "peers" => Setting::Peers(peers(topology, node, value)?),
        "timeout" => Setting::Timeout(wait(value)?),
        "accept" => Setting::Accept(word(value)?),
        "window" => Setting::Window(wait(value)?),
        "early_end" => Setting::EarlyEnd(on_off(value)?),
        "failover" => Setting::Failover(on_off(value)?),
        "failover_after" => Setting::FailoverAfter(wait(value)?),
        "hedge" => Setting::Hedge(on_off(value)?),
        "hedge_after" => Setting::HedgeAfter(read::<TimeOrPercentile>(&string(value))?.0),
        "hedge_at_first" => Setting::HedgeAtFirst(wait(value)?),
        "hedge_budget" => Setting::HedgeBudget(read::<Share>(&string(value))?.0),
        "fall" | "rise" | "eject_for" if value == "off" => Setting::Fall(0),
        "fall" => Setting::Fall(count(value, 0)?),
        "rise" => Setting::Rise(count(value, 1)?),
        "eject_for" => Setting::EjectFor(wait(value)?),
        "check_every" if value == "off" => Setting::CheckEvery(None),
        "check_every" => Setting::CheckEvery(Some(wait(value)?)),
        "probation" if value == "off" => Setting::Probation(0),
        "probation" => Setting::Probation(count(value, 0)?),
        "merge" => Setting::Merge(on_off(value)?),
        "reconnect" => Setting::Reconnect(wait(value)?),
        "ids" => Setting::Ids(on_off(value)?),
        "flaws" => flaws((topology.node(node).role(), kind), value)?,
        "pace" => Setting::Pace(word(value)?),
        "retry" => Setting::Retry(retry(value)?),
        "on_miss" => Setting::OnMiss(word(value)?),
        "responds" => Setting::Responds(responds(value)?),
        "lie" => Setting::Lie(on_off(value)?),
        "workers" if matches!(value, "off" | "any") => Setting::Workers(None),
        "workers" => Setting::Workers(Some(count(value, 1)?)),
        "queue" => Setting::Queue(count(value, 0)?),
        "heartbeat" => Setting::Heartbeat(wait(value)?),
        "heartbeat_mode" => Setting::HeartbeatMode(word(value)?),
        "suspect_after" => Setting::SuspectAfter(wait(value)?),
        "propagation" => Setting::Propagation(word(value)?),
        "lag" => Setting::Lag(read::<Time>(&string(value))?.0),
        "catch_up" => Setting::CatchUp(word(value)?),
        "disk" => Setting::Disk(word(value)?),
        "terms" => Setting::Terms(on_off(value)?),
        "clock" => Setting::Clock(word(value)?),
        "reads" => Setting::Reads(word(value)?),
        "no_majority" => Setting::NoMajority(word(value)?),
        "request_timeout" => Setting::RequestTimeout(wait(value)?),
        _ => return Err(no_such_key(topology, node, key)),
    })
}

/// The keys that can be set while a node of this kind runs, in the order of the documentation.
#[must_use]
pub fn keys(kind: &Kind) -> &'static [&'static str] {
    match kind {
        Kind::Client(_) => CLIENT,
        Kind::Ls(_) => LS,
        Kind::Ts(ts) if ts.store.is_empty() => TS,
        Kind::Ts(_) => TS_OF_STORE,
        Kind::StoreClient(client) => match client.scheme {
            Scheme::PrimaryBackup => CLIENT_OF_LEADER,
            Scheme::Active => CLIENT_OF_ALL,
        },
        Kind::Replica(replica) => match replica.scheme {
            Scheme::PrimaryBackup => PRIMARY_BACKUP,
            Scheme::Active => ACTIVE,
        },
    }
}

/// The present value of a key, written such that [`parse`] reads it back; none for a key that this
/// kind has not.
#[must_use]
pub fn current(topology: &Topology, kind: &Kind, key: &str) -> Option<String> {
    if !keys(kind).contains(&key) {
        return None;
    }
    let names = |list: &[NodeId]| words::list_tight(list.iter().map(|id| topology.names.of(*id)));
    let switch = |on: bool| if on { "on" } else { "off" }.to_owned();
    Some(match kind {
        Kind::Client(client) => match key {
            "asks" => names(&client.asks),
            "timeout" => exact(client.timeout),
            "pace" => client.pace.word_of().to_owned(),
            "retry" if client.retry.times == 0 => "off".to_owned(),
            "retry" => format!("times={},budget={}", client.retry.times, client.retry.budget),
            "reconnect" => exact(client.reconnect),
            "ids" => switch(client.ids),
            _ => client.flaws.to_string(),
        },
        Kind::Ls(ls) => match key {
            "upstreams" => names(&ls.upstreams),
            _ => current_of_ls(ls, key),
        },
        Kind::Ts(ts) => match key {
            "store" => names(&ts.store),
            "timeout" => exact(ts.patience.timeout),
            "request_timeout" => exact(ts.patience.request_timeout),
            "reconnect" => exact(ts.patience.reconnect),
            "on_miss" => ts.on_miss.word_of().to_owned(),
            "responds" => service(&ts.responds),
            "lie" => switch(ts.lie),
            "workers" => ts.workers.map_or_else(|| "off".to_owned(), |count| count.to_string()),
            _ => ts.queue.to_string(),
        },
        Kind::StoreClient(client) => match key {
            "asks" => names(&client.asks),
            _ => current_of_store_client(client, key),
        },
        Kind::Replica(replica) => match key {
            "peers" if replica.peers.is_empty() => "none".to_owned(),
            "peers" => names(&replica.peers),
            _ => current_of_replica(replica, key),
        },
    })
}

fn current_of_store_client(client: &StoreClientConfig, key: &str) -> String {
    match key {
        "timeout" => exact(client.timeout),
        "request_timeout" => exact(client.request_timeout),
        "reads" => client.reads.word_of().to_owned(),
        "no_majority" => client.no_majority.word_of().to_owned(),
        "reconnect" => exact(client.reconnect),
        _ => client.flaws.to_string(),
    }
}

fn current_of_replica(replica: &ReplicaConfig, key: &str) -> String {
    let switch = |on: bool| if on { "on" } else { "off" }.to_owned();
    match key {
        "heartbeat" => exact(replica.heartbeat),
        "heartbeat_mode" => replica.heartbeat_mode.word_of().to_owned(),
        "suspect_after" => exact(replica.suspect_after),
        "propagation" => replica.propagation.word_of().to_owned(),
        "lag" => exact(replica.lag),
        "catch_up" => replica.catch_up.word_of().to_owned(),
        "disk" => replica.disk.word_of().to_owned(),
        "terms" => switch(replica.terms),
        "clock" => replica.clock.word_of().to_owned(),
        "reconnect" => exact(replica.reconnect),
        "lie" => switch(replica.lie),
        _ => replica.flaws.to_string(),
    }
}

fn current_of_ls(ls: &LsConfig, key: &str) -> String {
    let switch = |on: bool| if on { "on" } else { "off" }.to_owned();
    let health = ls.health.unwrap_or(Health::USUAL);
    match key {
        "policy" => ls.policy.word_of().to_owned(),
        "timeout" => exact(ls.timeout),
        "accept" => ls.accept.word_of().to_owned(),
        "window" => exact(ls.window),
        "early_end" => switch(ls.early_end),
        "failover" => switch(ls.failover),
        "failover_after" => exact(ls.failover_after),
        "hedge" => switch(ls.hedge),
        "hedge_after" => ls.hedge_after.to_string(),
        "hedge_at_first" => exact(ls.hedge_at_first),
        "hedge_budget" => ls.hedge_budget.to_string(),
        "fall" | "rise" | "eject_for" if ls.health.is_none() => "off".to_owned(),
        "fall" => health.fall.to_string(),
        "rise" => health.rise.to_string(),
        "eject_for" => exact(health.eject_for),
        "check_every" => health.check_every.map_or_else(|| "off".to_owned(), exact),
        "probation" if health.probation == 0 => "off".to_owned(),
        "probation" => health.probation.to_string(),
        "merge" => switch(ls.merge),
        "reconnect" => exact(ls.reconnect),
        "ids" => switch(ls.ids),
        _ => ls.flaws.to_string(),
    }
}

fn service(service: &Service) -> String {
    match service {
        Service::Constant(time) => exact(*time),
        Service::Shaped(mean, shape) => {
            format!("mean={},distribution={}", exact(*mean), shape.word_of())
        }
        Service::Percentiles { p50, p99 } => format!("p50={},p99={}", exact(*p50), exact(*p99)),
        Service::SlowShare { usual, slow, share } => {
            format!("usual={},slow={},share={share}", exact(*usual), exact(*slow))
        }
    }
}

fn no_such_key(topology: &Topology, node: NodeId, key: &str) -> String {
    let name = topology.names.of(node);
    let here = &topology.node(node).kind;
    let role = topology.node(node).role();
    let all = words::list(keys(here).iter().copied());
    if key == "rate" && role == Role::Client {
        return format!("`rate` is how a load begins; change it with `load {name} 50`");
    }
    if let Some(why) = of_another_kind(here, key) {
        return format!("{name} has no `{key}`: {why}; it has {all}");
    }
    if keys_of(role).any(|known| known == key) {
        return format!(
            "`{key}` of {name} is settled when the lab starts: change it in the file; \
             what can be set is {all}"
        );
    }
    if raw::Node::KEYS.contains(&key) {
        return format!("{name} is {} and has no `{key}`; it has {all}", a_role(role));
    }
    match words::nearest(key, keys(here).iter().copied()) {
        Some(near) => format!("{name} has no {}; did you mean `{near}`?", quoted(key)),
        None => format!("{name} has no {}; it has {all}", quoted(key)),
    }
}

/// Why a node has not a key that others of its role have.
fn of_another_kind(kind: &Kind, key: &str) -> Option<String> {
    let foreign = |scheme: Scheme| {
        let schemes = schemes_with(key);
        let owners = words::list(schemes.iter().map(|scheme| scheme.word_of()));
        (!schemes.contains(&scheme)).then(|| format!("it belongs to the scheme {owners}"))
    };
    match kind {
        Kind::Ts(ts) if ts.store.is_empty() && of_a_lookup(key) => {
            Some("only a TS that has a `store` in its file asks anybody".to_owned())
        }
        Kind::Replica(replica) => foreign(replica.scheme),
        Kind::StoreClient(_) if of_a_store(key) == Some(false) => {
            Some("it belongs to clients that ask for names".to_owned())
        }
        Kind::StoreClient(client) if key == "reads" && client.scheme == Scheme::Active => {
            Some("all replicas of the scheme active are asked".to_owned())
        }
        Kind::Client(_) if of_a_store(key) == Some(true) => {
            Some("it belongs to clients that ask replicas".to_owned())
        }
        _ => None,
    }
}

fn policy(topology: &Topology, node: NodeId, value: &str) -> Result<Policy, String> {
    let policy = word(value)?;
    if let Kind::Ls(ls) = &topology.node(node).kind {
        may_have(topology, ls, node, policy)?;
    }
    Ok(policy)
}

/// A value of the file, read from its bare form.
fn read<T: Read>(value: &DeValue<'_>) -> Result<T, String> {
    let mut problems = Problems::new("", "");
    let read = T::read(value, Span::default(), &mut problems);
    // A table with a wrong value is read without it.
    read.filter(|_| problems.errors() == 0).ok_or_else(|| first(&problems))
}

fn first(problems: &Problems) -> String {
    problems.iter().next().map_or_else(String::new, |problem| match problem.help.as_str() {
        "" => problem.message.clone(),
        help => format!("{}; {help}", problem.message),
    })
}

fn string(value: &str) -> DeValue<'_> {
    DeValue::String(value.into())
}

fn word<T: Choice>(value: &str) -> Result<T, String> {
    read::<Word<T>>(&string(value)).map(|word| word.0)
}

fn wait(value: &str) -> Result<std::time::Duration, String> {
    read::<Wait>(&string(value)).map(|wait| wait.0)
}

fn on_off(value: &str) -> Result<bool, String> {
    match value {
        "true" => Ok(true),
        "false" => Ok(false),
        word => read::<OnOff>(&string(word)).map(|on| on.0),
    }
}

fn count(value: &str, min: u32) -> Result<u32, String> {
    let max = COUNT_MAX;
    value
        .parse::<u32>()
        .ok()
        .filter(|count| *count >= min && u64::from(*count) <= max)
        .ok_or_else(|| format!("{} is no count from {min} to {}", quoted(value), grouped(max)))
}

/// `p50=5ms,p99=1s` as the table it would be in a file.
fn table<T: Read>(value: &str) -> Result<T, String> {
    let mut table = DeTable::new();
    for part in value.split(',') {
        let Some((key, value)) = part.split_once('=') else {
            return Err(format!("{} has no value; write key=value,key=value", quoted(part)));
        };
        let key = key.trim();
        let number = |value: &'_ str| value.parse::<u32>().is_ok();
        // A bare count is a number in the file and a string everywhere else.
        let value = if number(value) && key == "times" {
            DeValue::parse(value).map_err(|error| error.message().to_owned())?
        } else {
            Spanned::new(0..0, string(value))
        };
        if table.insert(Spanned::new(0..0, key.into()), value).is_some() {
            return Err(format!("{} comes twice", quoted(key)));
        }
    }
    read(&DeValue::Table(table))
}

fn retry(value: &str) -> Result<Retry, String> {
    match value {
        "off" | "none" | "0" => Ok(Retry::default()),
        table_text => table::<raw::Retry>(table_text).map(|raw| values::retries(&raw)),
    }
}

fn responds(value: &str) -> Result<Service, String> {
    let read = if value.contains('=') {
        table::<raw::ServiceTime>(value).map(|varies| Responds::Varies(Box::new(varies)))
    } else {
        read::<Responds>(&string(value))
    }?;
    let at = Span::default();
    let mut problems = Problems::new("", "");
    values::service(&At { value: read, at, key: at }, &mut problems).ok_or_else(|| first(&problems))
}

/// `none`, `a,b`, or changes to those the node has: `+a,-b`.
fn flaws((role, kind): (Role, &Kind), value: &str) -> Result<Setting, String> {
    if value == "none" {
        return Ok(Setting::Flaws(Flaws::NONE));
    }
    let changes = value.starts_with(['+', '-']);
    let (mut on, mut off) = (Flaws::NONE, Flaws::NONE);
    for part in value.split(',').map(str::trim) {
        let (set, text) = match (part.strip_prefix('-'), part.strip_prefix('+')) {
            (Some(text), _) => (&mut off, text),
            (_, Some(text)) => (&mut on, text),
            _ => (&mut on, part),
        };
        if changes == (text == part) {
            return Err("write `+` or `-` before every flaw, or before none".to_owned());
        }
        let flaw: Flaw = word(text)?;
        if !words::roles_of(flaw).contains(&role) {
            return Err(format!("{} cannot have the flaw `{}`", a_role(role), flaw.word()));
        }
        if let (Kind::Client(_) | Kind::StoreClient(_), Some(of_store)) =
            (kind, words::of_a_store_client(flaw))
            && of_store != matches!(kind, Kind::StoreClient(_))
        {
            let asks = if of_store { "replicas" } else { "for names" };
            return Err(format!("`{}` is a mistake of clients that ask {asks}", flaw.word()));
        }
        *set = set.with(flaw, true);
    }
    if let Some(flaw) = on.iter().find(|flaw| off.has(*flaw)) {
        return Err(format!("`{}` is switched on and off at once", flaw.word()));
    }
    Ok(if changes { Setting::FlawsChange { on, off } } else { Setting::Flaws(on) })
}
