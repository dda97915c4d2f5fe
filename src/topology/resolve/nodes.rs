//! What each node is set to: the keys of its role and its policy, and the defaults for what is not
//! stated.
//!
//! The defaults of the whole format stand here and nowhere else.

use super::address::{self, Ports};
use super::lists::Lists;
use super::roster::{Entry, Roster};
use crate::base::NodeId;
use crate::message::{Flaws, HostName};
use crate::topology::Options;
use crate::topology::inline::Responds;
use crate::topology::mirror::RawTable;
use crate::topology::model::{
    ClientConfig, Health, Kind, Listen, LsConfig, Node, Policy, Records, Retry, Role, Service,
    TsConfig,
};
use crate::topology::problem::{Problems, Span};
use crate::topology::raw;
use crate::topology::setting::HEALTH_DEFAULT;
use crate::topology::value::{At, OneOrMore, Word};
use crate::topology::words::{self, Choice, a_role, quoted};
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

/// A client gives up after twice the time of an LS.
pub const CLIENT_TIMEOUT: Duration = Duration::from_secs(10);
/// What silence costs in the course.
pub const LS_TIMEOUT: Duration = Duration::from_secs(5);
/// The window of the course's batches.
pub const WINDOW: Duration = Duration::from_secs(3);
/// Long enough for a slow answer, short enough to leave time for the next upstream.
pub const FAILOVER_AFTER: Duration = Duration::from_secs(1);
/// How long a lost connection rests.
pub const RECONNECT: Duration = Duration::from_secs(1);
/// Questions that wait for a worker before a TS says that it cannot.
pub const QUEUE: u32 = 100;
/// Retries for each question asked, where a client retries at all.
pub const RETRY_BUDGET: f64 = 0.1;

/// Names of a list beyond this are a mistake.
const UPSTREAMS_MAX: usize = 2_000;

/// Which roles have a key.
fn roles_with(key: &str) -> &'static [Role] {
    match key {
        "role" | "start" => &[Role::Client, Role::Ls, Role::Ts],
        "asks" | "names" | "pace" | "retry" | "rate" => &[Role::Client],
        "flaws" | "timeout" | "reconnect" | "ids" => &[Role::Client, Role::Ls],
        "at" | "listen" => &[Role::Ls, Role::Ts],
        "records" | "on_miss" | "responds" | "lie" | "workers" | "queue" => &[Role::Ts],
        _ => &[Role::Ls],
    }
}

/// Which policies have a key of an LS.
fn policies_with(key: &str) -> &'static [Policy] {
    match key {
        "accept" => &[Policy::Race],
        "window" | "early_end" => &[Policy::Batch],
        "failover" => &[Policy::RoundRobin, Policy::Sticky],
        "failover_after" => &[Policy::Failover, Policy::RoundRobin, Policy::Sticky],
        _ => &Policy::ALL,
    }
}

/// The keys that a role has, in the order of the format.
pub fn keys_of(role: Role) -> impl Iterator<Item = &'static str> {
    raw::Node::KEYS.iter().copied().filter(move |key| roles_with(key).contains(&role))
}

/// Builds nodes one after another.
pub struct Builder<'a> {
    pub roster: &'a Roster,
    pub lists: Lists<'a>,
    pub options: Options,
    pub ports: Ports,
}

impl Builder<'_> {
    /// One node. What is wrong is reported and replaced by its default, so that the rest can be
    /// checked.
    pub fn node(&mut self, id: NodeId, problems: &mut Problems) -> Node {
        let entry = &self.roster.entries[id.index()];
        let raw = &entry.raw;
        let role = entry.role.unwrap_or(Role::Ts);
        if entry.role.is_some() {
            check_keys(entry, role, problems);
        }
        let at = match &raw.at {
            Some(text) if role != Role::Client => {
                address::outside(&entry.id, text, self.options, &mut self.ports, problems)
            }
            _ => None,
        };
        let listens = entry.role.is_some_and(|role| role != Role::Client) && !raw.states("at");
        let listen = if listens {
            let listen = raw.listen.as_ref();
            address::listen(&entry.id, listen, self.options, &mut self.ports, problems)
        } else {
            Listen::default()
        };
        let kind = match role {
            Role::Client => Kind::Client(self.client(id, entry, problems)),
            Role::Ls => Kind::Ls(self.ls(id, entry, problems)),
            Role::Ts | Role::Replica => Kind::Ts(self.ts(entry, problems)),
        };
        let starts = raw.start.as_ref().is_none_or(|start| start.value.0) && !raw.states("at");
        Node { id, group: entry.group.clone(), starts, at, listen, kind }
    }

    fn client(&mut self, id: NodeId, entry: &Entry, problems: &mut Problems) -> ClientConfig {
        let raw = &entry.raw;
        let asks = &[Role::Ls, Role::Ts];
        let asks = self.asked(id, entry, raw.asks.as_ref(), ("asks", asks), problems);
        let list: Arc<[HostName]> = match &raw.names {
            Some(names) => self.lists.names(names, problems),
            None => Arc::from([]),
        };
        let rate = raw.rate.as_ref().map_or(0.0, |rate| rate.value.0);
        if let Some(stated) = raw.rate.as_ref().filter(|_| rate > 0.0 && !raw.states("names")) {
            problems
                .error(stated.key, "a load of no names")
                .help("give the client a list: names = [\"www.a.com\"]");
        }
        ClientConfig {
            asks,
            list,
            pace: raw.pace.as_ref().map_or_else(Default::default, |pace| pace.value.0),
            timeout: raw.timeout.as_ref().map_or(CLIENT_TIMEOUT, |time| time.value.0),
            retry: raw.retry.as_ref().map_or_else(Retry::default, |retry| retries(&retry.value)),
            rate,
            reconnect: raw.reconnect.as_ref().map_or(RECONNECT, |time| time.value.0),
            ids: raw.ids.as_ref().is_some_and(|ids| ids.value.0),
            flaws: flaws(raw.flaws.as_ref(), Role::Client, problems),
        }
    }

    fn ls(&mut self, id: NodeId, entry: &Entry, problems: &mut Problems) -> LsConfig {
        let raw = &entry.raw;
        let policy = raw.policy.as_ref().map_or_else(Policy::default, |policy| policy.value.0);
        let outside = raw.states("at");
        let upstreams = if outside {
            Vec::new()
        } else {
            let asks = &[Role::Ls, Role::Ts];
            self.asked(id, entry, raw.upstreams.as_ref(), ("upstreams", asks), problems)
        };
        if !outside && !raw.bad.contains(&"policy") {
            check_policy(raw, policy, problems);
        }
        let on = |value: &Option<At<crate::topology::value::OnOff>>, default: bool| {
            value.as_ref().map_or(default, |on| on.value.0)
        };
        let ls = LsConfig {
            upstreams,
            policy,
            timeout: raw.timeout.as_ref().map_or(LS_TIMEOUT, |time| time.value.0),
            accept: raw.accept.as_ref().map_or_else(Default::default, |accept| accept.value.0),
            window: raw.window.as_ref().map_or(WINDOW, |time| time.value.0),
            early_end: on(&raw.early_end, false),
            failover_after: raw.failover_after.as_ref().map_or(FAILOVER_AFTER, |time| time.value.0),
            failover: on(&raw.failover, true),
            health: health(raw),
            reconnect: raw.reconnect.as_ref().map_or(RECONNECT, |time| time.value.0),
            ids: on(&raw.ids, false),
            flaws: flaws(raw.flaws.as_ref(), Role::Ls, problems),
        };
        if let Some(stated) = &raw.failover_after {
            if !ls.failover {
                problems
                    .warn(stated.key, "`failover_after` has no effect while `failover` is false")
                    .help("take one of the two out");
            } else if ls.failover_after >= ls.timeout {
                problems
                    .warn(stated.at, "the question is given up before the next upstream is asked")
                    .help("make `failover_after` shorter than `timeout`");
            }
        }
        ls
    }

    fn ts(&mut self, entry: &Entry, problems: &mut Problems) -> TsConfig {
        let raw = &entry.raw;
        let records = match &raw.records {
            Some(records) => self.lists.records(records, problems),
            None => Records::default(),
        };
        if entry.role.is_some() && !raw.states("records") && !raw.states("at") {
            problems
                .warn(entry.at, format!("{} has no table: it will know no name", quoted(&entry.id)))
                .help("add `records`: a file, or { \"www.a.com\" = \"1.2.3.4\" }");
        }
        if let Some(queue) = raw.queue.as_ref().filter(|_| !raw.states("workers")) {
            problems
                .error(
                    queue.key,
                    "a queue for no workers: any number of questions is served at once",
                )
                .help("add `workers`, such as workers = 1");
        }
        let responds = raw.responds.as_ref();
        TsConfig {
            records,
            store: Vec::new(),
            on_miss: raw.on_miss.as_ref().map_or_else(Default::default, |miss| miss.value.0),
            responds: responds.and_then(|time| service(time, problems)).unwrap_or_default(),
            lie: raw.lie.as_ref().is_some_and(|lie| lie.value.0),
            workers: raw.workers.as_ref().map(|workers| small(workers.value.0)),
            queue: raw.queue.as_ref().map_or(QUEUE, |queue| small(queue.value.0)),
            flaws: Flaws::NONE,
        }
    }

    /// Whom a node asks: at least one, each once.
    fn asked(
        &mut self,
        id: NodeId,
        entry: &Entry,
        stated: Option<&At<OneOrMore<String>>>,
        (key, roles): (&'static str, &[Role]),
        problems: &mut Problems,
    ) -> Vec<NodeId> {
        let role = a_role(entry.role.unwrap_or(Role::Client));
        let Some(stated) = stated else {
            if !entry.raw.states(key) {
                problems
                    .error(entry.at, format!("{} asks nobody", quoted(&entry.id)))
                    .help(format!("{role} needs `{key}`: the nodes that it asks"));
            }
            return Vec::new();
        };
        let words = &stated.value.0;
        if words.is_empty() {
            problems
                .error(stated.at, format!("{} asks nobody", quoted(&entry.id)))
                .help(format!("name at least one node in `{key}`"));
        } else if words.len() > UPSTREAMS_MAX {
            problems
                .error(stated.at, format!("{} names are too many", words.len()))
                .help("write a pattern, such as [\"leaf*\"]");
            return Vec::new();
        }
        let mut asked = Asked::default();
        for word in words {
            if asked.is_new(word, problems)
                && let Some(found) = self.roster.meant(word, Some(id), roles, problems)
            {
                asked.add(found);
            }
        }
        asked.list
    }
}

/// A list that takes each node once.
#[derive(Default)]
struct Asked<'a> {
    list: Vec<NodeId>,
    seen: std::collections::HashSet<NodeId>,
    words: HashMap<&'a str, Span>,
}

impl<'a> Asked<'a> {
    fn is_new(&mut self, word: &'a At<String>, problems: &mut Problems) -> bool {
        let Some(first) = self.words.insert(&word.value, word.at) else {
            return true;
        };
        problems
            .error(word.at, format!("{} is named twice", quoted(&word.value)))
            .also(first, "the first")
            .help("name each once");
        false
    }

    fn add(&mut self, found: Vec<NodeId>) {
        for id in found {
            if self.seen.insert(id) {
                self.list.push(id);
            }
        }
    }
}

/// Reports keys that the node's role has not, and those that have no meaning for a program of
/// someone else's.
fn check_keys(entry: &Entry, role: Role, problems: &mut Problems) {
    let outside = entry.raw.states("at") && role != Role::Client;
    for (key, at) in entry.raw.stated() {
        let roles = roles_with(key);
        if !roles.contains(&role) {
            let owners = roles.iter().map(|role| a_role(*role)).collect::<Vec<_>>().join(" or ");
            let mut help = format!("`{key}` belongs to {owners}");
            if let ("asks", Role::Ls) = (key, role) {
                help.push_str("; an LS asks its `upstreams`");
            } else if let ("upstreams", Role::Client) = (key, role) {
                help.push_str("; a client `asks` somebody");
            }
            problems.error(at, format!("{} has no `{key}`", a_role(role))).help(help);
        } else if outside && !matches!(key, "role" | "at" | "records") {
            problems
                .error(
                    at,
                    format!("{} runs elsewhere, so `{key}` cannot be set here", quoted(&entry.id)),
                )
                .help("take the key out, or take `at` out and let it run here");
        }
    }
}

fn check_policy(raw: &raw::Node, policy: Policy, problems: &mut Problems) {
    for (key, at) in raw.stated() {
        let policies = policies_with(key);
        if policies.contains(&policy) {
            continue;
        }
        let owners = words::list(policies.iter().map(|policy| policy.word_of()));
        let word = policy.word_of();
        let message = if raw.states("policy") {
            format!("the policy `{word}` has no `{key}`")
        } else {
            format!("the policy is `{word}`, because none is stated, and has no `{key}`")
        };
        problems.error(at, message).help(format!("`{key}` belongs to {owners}"));
    }
}

fn health(raw: &raw::Node) -> Option<Health> {
    if !(raw.states("fall") || raw.states("rise") || raw.states("eject_for")) {
        return None;
    }
    let health = Health {
        fall: raw.fall.as_ref().map_or(HEALTH_DEFAULT.fall, |fall| small(fall.value.0)),
        rise: raw.rise.as_ref().map_or(HEALTH_DEFAULT.rise, |rise| small(rise.value.0)),
        eject_for: raw.eject_for.as_ref().map_or(HEALTH_DEFAULT.eject_for, |time| time.value.0),
    };
    Some(health).filter(|health| health.fall > 0)
}

fn flaws(
    stated: Option<&At<OneOrMore<Word<crate::message::Flaw>>>>,
    role: Role,
    problems: &mut Problems,
) -> Flaws {
    let Some(stated) = stated else {
        return Flaws::NONE;
    };
    let mut flaws = Flaws::NONE;
    for word in &stated.value.0 {
        let flaw = word.value.0;
        let roles = words::roles_of(flaw);
        if roles.contains(&role) {
            flaws = flaws.with(flaw, true);
        } else {
            let owners = roles.iter().map(|role| a_role(*role)).collect::<Vec<_>>().join(" or ");
            problems
                .error(word.at, format!("{} cannot have the flaw `{}`", a_role(role), flaw.word()))
                .help(format!("it is a mistake of {owners}"));
        }
    }
    flaws
}

/// What a table of retries says.
pub fn retries(raw: &raw::Retry) -> Retry {
    let times = raw.times.as_ref().map_or(1, |times| times.value.0);
    Retry {
        times: u8::try_from(times).unwrap_or(u8::MAX),
        budget: raw.budget.as_ref().map_or(RETRY_BUDGET, |budget| budget.value.0),
    }
}

/// What a service time says; none after a problem was reported.
pub fn service(stated: &At<Responds>, problems: &mut Problems) -> Option<Service> {
    let varies = match &stated.value {
        Responds::Always(time) => return Some(Service::Constant(time.0)),
        Responds::Varies(varies) => varies,
    };
    let forms: [(&[&str], &[&str]); 3] = [
        (&["p50", "p99"], &["p50", "p99"]),
        (&["usual", "slow", "share"], &["usual", "slow", "share"]),
        (&["mean"], &["mean", "distribution"]),
    ];
    let help = "write p50 and p99; or usual, slow and share; or mean and distribution";
    let fits = |(needed, allowed): &&(&[&str], &[&str])| {
        needed.iter().all(|key| varies.states(key))
            && raw::ServiceTime::KEYS.iter().all(|key| !varies.states(key) || allowed.contains(key))
    };
    if !forms.iter().any(|form| fits(&form)) {
        problems.error(stated.at, "these keys make no service time").help(help);
        return None;
    }
    if let (Some(p50), Some(p99)) = (&varies.p50, &varies.p99) {
        if p99.value.0 < p50.value.0 {
            problems
                .error(p99.at, "p99 is shorter than p50")
                .also(p50.at, "p50")
                .help("99 of 100 questions take at least as long as the quicker half");
            return None;
        }
        return Some(Service::Percentiles { p50: p50.value.0, p99: p99.value.0 });
    }
    if let (Some(usual), Some(slow), Some(share)) = (&varies.usual, &varies.slow, &varies.share) {
        let (usual, slow, share) = (usual.value.0, slow.value.0, share.value.0);
        return Some(Service::SlowShare { usual, slow, share });
    }
    let mean = varies.mean.as_ref()?.value.0;
    let shape = varies.distribution.as_ref().map_or_else(Default::default, |word| word.value.0);
    Some(Service::Shaped(mean, shape))
}

/// Counts are read in a range that fits.
fn small(count: u64) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_of_a_node_belongs_to_a_role_and_a_policy() {
        for key in raw::Node::KEYS {
            assert!(!roles_with(key).is_empty(), "{key}");
            assert!(!policies_with(key).is_empty(), "{key}");
        }
        let ls: Vec<_> = keys_of(Role::Ls).collect();
        assert_eq!(
            ls,
            [
                "role",
                "start",
                "at",
                "listen",
                "flaws",
                "upstreams",
                "policy",
                "timeout",
                "accept",
                "window",
                "early_end",
                "failover",
                "failover_after",
                "fall",
                "rise",
                "eject_for",
                "reconnect",
                "ids"
            ]
        );
    }
}
