//! Replicas, and who asks them: the groups that keep a store, their clients, and what must agree
//! among them.

use super::defaults::{CLIENT_TIMEOUT, HEARTBEAT, LAG, RECONNECT, REQUEST_TIMEOUT, SUSPECT_AFTER};
use super::keys;
use super::nodes::Builder;
use super::roster::{Entry, Roster};
use super::steps;
use super::values::flaws;
use crate::base::NodeId;
use crate::base::units::exact;
use crate::command::grammar;
use crate::message::Operation;
use crate::topology::mirror::RawTable;
use crate::topology::model::{
    Kind, Node, Propagation, ReadFrom, ReplicaConfig, Role, Scheme, StoreClientConfig,
};
use crate::topology::problem::{Problems, Span};
use crate::topology::raw;
use crate::topology::value::{At, OneOrMore, Word};
use crate::topology::words::{Choice, quoted};
use std::collections::BTreeSet;

/// More operations than any lecture lists.
const OPERATIONS_MAX: usize = 1_000;

impl Builder<'_> {
    /// Those of a group or a pattern whom others know at the start: of replicas, the ones that
    /// start. One that does not is unknown to the rest until somebody names it. Where none starts,
    /// all are known.
    pub fn known(&self, members: Vec<NodeId>) -> Vec<NodeId> {
        let starts = |id: &NodeId| {
            let entry = &self.roster.entries[id.index()];
            let off = entry.raw.start.as_ref().is_some_and(|start| !start.value.0);
            entry.role != Some(Role::Replica) || !off
        };
        let known: Vec<NodeId> = members.iter().copied().filter(starts).collect();
        if known.is_empty() { members } else { known }
    }

    /// Whether a client asks replicas, and has the keys of one that does.
    pub fn of_store(&self, entry: &Entry, asks: &[NodeId], problems: &mut Problems) -> bool {
        let role = |id: &NodeId| self.roster.entries[id.index()].role;
        let replica = asks.iter().find(|id| role(id) == Some(Role::Replica));
        let server = asks.iter().find(|id| matches!(role(id), Some(Role::Ls | Role::Ts)));
        match (replica, server, &entry.raw.asks) {
            (Some(replica), Some(server), Some(stated)) => {
                let [replica, server] = [replica, server].map(|id| self.roster.names.of(*id));
                let id = quoted(&entry.id);
                problems
                    .error(stated.at, format!("{id} asks the replica `{replica}` and `{server}`"))
                    .help("a client asks for names or keeps to a store: make two clients of it");
            }
            (Some(_), None, _) => keys::of_asked(entry, true, problems),
            (None, Some(_), _) => keys::of_asked(entry, false, problems),
            // Whom it asks is not known: neither is what it may have.
            _ => {}
        }
        replica.is_some()
    }

    /// A client of the store that these replicas keep.
    pub fn store_client(
        &self,
        entry: &Entry,
        asks: Vec<NodeId>,
        problems: &mut Problems,
    ) -> StoreClientConfig {
        let raw = &entry.raw;
        let scheme = asks.first().map_or_else(Scheme::default, |id| self.scheme(*id));
        let operations = operations(raw.operations.as_ref(), problems);
        let rate = raw.rate.as_ref().map_or(0.0, |rate| rate.value.0);
        if let Some(stated) = raw.rate.as_ref().filter(|_| rate > 0.0 && !raw.states("operations"))
        {
            problems
                .error(stated.key, "a load of no operations")
                .help("give the client a list: operations = [\"post lobby hello {n}\"]");
        }
        let client = StoreClientConfig {
            asks,
            scheme,
            operations: operations.into(),
            reads: raw.reads.as_ref().map_or_else(Default::default, |reads| reads.value.0),
            no_majority: raw
                .no_majority
                .as_ref()
                .map_or_else(Default::default, |word| word.value.0),
            request_timeout: or(
                raw.request_timeout.as_ref().map(|time| time.value.0),
                REQUEST_TIMEOUT,
            ),
            timeout: or(raw.timeout.as_ref().map(|time| time.value.0), CLIENT_TIMEOUT),
            reconnect: or(raw.reconnect.as_ref().map(|time| time.value.0), RECONNECT),
            rate,
            flaws: flaws(raw.flaws.as_ref(), Role::Client, problems),
        };
        check_client(raw, &client, problems);
        client
    }

    /// A replica.
    pub fn replica(&self, id: NodeId, entry: &Entry, problems: &mut Problems) -> ReplicaConfig {
        let raw = &entry.raw;
        let scheme = self.scheme(id);
        if !raw.bad.contains(&"scheme") {
            keys::of_scheme(raw, scheme, problems);
        }
        let time = |stated: Option<&At<crate::topology::value::Wait>>, default| {
            or(stated.map(|time| time.value.0), default)
        };
        let replica = ReplicaConfig {
            peers: self.peers(id, entry, problems),
            scheme,
            heartbeat: time(raw.heartbeat.as_ref(), HEARTBEAT),
            heartbeat_mode: word(raw.heartbeat_mode.as_ref()),
            suspect_after: time(raw.suspect_after.as_ref(), SUSPECT_AFTER),
            propagation: word(raw.propagation.as_ref()),
            lag: or(raw.lag.as_ref().map(|time| time.value.0), LAG),
            catch_up: word(raw.catch_up.as_ref()),
            terms: raw.terms.as_ref().is_some_and(|on| on.value.0),
            clock: word(raw.clock.as_ref()),
            disk: word(raw.disk.as_ref()),
            reconnect: time(raw.reconnect.as_ref(), RECONNECT),
            lie: raw.lie.as_ref().is_some_and(|on| on.value.0),
            flaws: flaws(raw.flaws.as_ref(), Role::Replica, problems),
        };
        check_heartbeats(raw, &replica, problems);
        check_lag(raw, &replica, problems);
        replica
    }

    fn scheme(&self, replica: NodeId) -> Scheme {
        word(self.roster.entries[replica.index()].raw.scheme.as_ref())
    }

    /// The replicas that one knows of: as it says, or the others of its group.
    fn peers(&self, id: NodeId, entry: &Entry, problems: &mut Problems) -> Vec<NodeId> {
        if let Some(stated) = &entry.raw.peers {
            // A list that stands in the group names every member, the one that reads it as well.
            let others = stated.value.0.iter().filter(|word| word.value != entry.id);
            let others = OneOrMore(others.cloned().collect());
            if others.0.is_empty() {
                return Vec::new();
            }
            let stated = At { value: others, ..*stated };
            return self.asked(id, entry, Some(&stated), ("peers", &[Role::Replica]), problems);
        }
        let members = entry.group.as_ref().and_then(|group| self.roster.groups.get(group));
        let replica = |id: &NodeId| self.roster.entries[id.index()].role == Some(Role::Replica);
        let others = members.into_iter().flatten().copied().filter(|other| *other != id);
        let peers = self.known(others.filter(replica).collect());
        if peers.is_empty() && entry.role.is_some() && !entry.raw.states("peers") {
            problems
                .warn(entry.at, format!("{} knows no other replica", quoted(&entry.id)))
                .help("make a group with the others, or name them: peers = [\"r2\", \"r3\"]");
        }
        peers
    }
}

fn or<T>(stated: Option<T>, default: T) -> T {
    stated.unwrap_or(default)
}

fn word<T: Copy + Default>(stated: Option<&At<Word<T>>>) -> T {
    stated.map_or_else(T::default, |word| word.value.0)
}

/// The operations of a list, by the grammar of commands.
fn operations(stated: Option<&At<OneOrMore<String>>>, problems: &mut Problems) -> Vec<Operation> {
    let Some(stated) = stated else {
        return Vec::new();
    };
    let lines = &stated.value.0;
    if lines.is_empty() {
        problems
            .error(stated.at, "this list has no operations")
            .help("write one a line, such as \"post lobby hello {n}\", or take `operations` out");
    } else if lines.len() > OPERATIONS_MAX {
        problems
            .error(stated.at, format!("{} operations are too many", lines.len()))
            .help(format!("at most {OPERATIONS_MAX}: a client goes through its list in turn"));
    }
    let mut operations = Vec::new();
    for line in lines.iter().take(OPERATIONS_MAX) {
        match grammar::operation(&line.value) {
            Ok(operation) => operations.push(operation),
            Err(error) => {
                let at = steps::inside(line, &error.at, problems);
                problems.error(at, error.message).help(error.help);
            }
        }
    }
    operations
}

fn check_client(raw: &raw::Node, client: &StoreClientConfig, problems: &mut Problems) {
    let asks_several = matches!(client.reads, ReadFrom::Majority | ReadFrom::All);
    match client.scheme {
        Scheme::Active => {
            if let Some(reads) = &raw.reads {
                problems
                    .error(reads.key, "replicas of the scheme `active` are all asked for a read")
                    .help("take `reads` out: it belongs to clients of primary-backup");
            }
        }
        Scheme::PrimaryBackup => {
            if let Some(no_majority) = raw.no_majority.as_ref().filter(|_| !asks_several) {
                problems
                    .error(no_majority.key, "one replica is asked for a read, so there is no vote")
                    .help("`no_majority` belongs to reads = \"majority\" or \"all\"");
            }
        }
    }
    if let Some(stated) = raw.request_timeout.as_ref().or(raw.timeout.as_ref())
        && client.request_timeout >= client.timeout
    {
        let (one, whole) = (exact(client.request_timeout), exact(client.timeout));
        problems
            .warn(stated.at, "the operation is given up before another replica is asked")
            .help(format!("make `request_timeout` ({one}) shorter than `timeout` ({whole})"));
    }
    let votes = client.scheme == Scheme::Active || asks_several;
    let count = client.asks.len();
    if let Some(asks) = raw.asks.as_ref().filter(|_| votes && count > 0 && count.is_multiple_of(2))
    {
        let (half, fewer) = (count / 2 + 1, count - 1);
        problems
            .warn(
                asks.at,
                format!("a majority of {count} is {half}: no more may fail than of {fewer}"),
            )
            .help("ask an odd number of replicas");
    }
}

fn check_heartbeats(raw: &raw::Node, replica: &ReplicaConfig, problems: &mut Problems) {
    let stated = raw.suspect_after.as_ref().or(raw.heartbeat.as_ref());
    let (beat, silence) = (replica.heartbeat, replica.suspect_after);
    if let Some(stated) = stated.filter(|_| silence < 2 * beat) {
        let figures = format!("`heartbeat` is {}, `suspect_after` {}", exact(beat), exact(silence));
        if silence <= beat {
            let whom = match replica.scheme {
                Scheme::PrimaryBackup => "every leader",
                Scheme::Active => "every other",
            };
            problems
                .error(stated.at, format!("{whom} is suspected before its next heartbeat"))
                .help(format!("{figures}: leave room for several heartbeats"));
        } else {
            problems
                .warn(stated.at, "one heartbeat that is lost makes a suspicion")
                .help(format!("{figures}: leave room for several heartbeats"));
        }
    }
}

fn check_lag(raw: &raw::Node, replica: &ReplicaConfig, problems: &mut Problems) {
    let chosen = replica.scheme == Scheme::PrimaryBackup;
    if let Some(lag) =
        raw.lag.as_ref().filter(|_| chosen && replica.propagation != Propagation::Async)
    {
        let word = replica.propagation.word_of();
        problems
            .error(lag.key, format!("the propagation `{word}` has no `lag`"))
            .help("a change that somebody waits for is sent at once: `lag` belongs to async");
    }
}

/// Reports replicas that are asked together, or know each other, and do not keep to one scheme: once
/// for each that differs, and for who asks it only if its group is at one.
pub fn check(nodes: &[Node], roster: &Roster, problems: &mut Problems) {
    let scheme = |id: NodeId| match &nodes[id.index()].kind {
        Kind::Replica(replica) => Some(replica.scheme),
        _ => None,
    };
    let (replicas, askers): (Vec<&Node>, Vec<&Node>) =
        nodes.iter().partition(|node| scheme(node.id).is_some());
    let mut odd: BTreeSet<NodeId> = BTreeSet::new();
    for node in replicas.into_iter().chain(askers) {
        let own = scheme(node.id).map(|_| node.id);
        let asked = node.asks().iter().copied().filter(|id| scheme(*id).is_some());
        let mut all = own.into_iter().chain(asked);
        let Some(first) = all.next() else { continue };
        let Some(other) = all.find(|id| scheme(*id) != scheme(first)) else { continue };
        let pair = [first.min(other), first.max(other)];
        if !odd.insert(pair[1]) {
            continue;
        }
        let words = pair.map(|id| {
            let word = scheme(id).map_or("", Choice::word_of);
            format!("`{}` keeps to `{word}`", roster.names.of(id))
        });
        let at = place(if own.is_some() { &nodes[pair[1].index()] } else { node }, roster);
        problems
            .error(at, format!("two schemes in one store: {}", words.join(", ")))
            .help("give all replicas of a store the same `scheme`");
    }
}

/// Where a node says whom it asks, or which scheme it keeps to.
fn place(node: &Node, roster: &Roster) -> Span {
    let entry = &roster.entries[node.id.index()];
    let raw = &entry.raw;
    let list = match &node.kind {
        Kind::Replica(_) => return raw.scheme.as_ref().map_or(entry.at, |scheme| scheme.at),
        Kind::Ts(_) => raw.store.as_ref(),
        _ => raw.asks.as_ref(),
    };
    list.map_or(entry.at, |list| list.at)
}
