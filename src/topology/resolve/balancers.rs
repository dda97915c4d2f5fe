//! LSs: what their keys make of them, and what their policy needs of those that they ask.

use super::keys;
use super::nodes::Builder;
use super::roster::{Entry, Roster};
use super::values::{flaws, health};
use crate::base::NodeId;
use crate::topology::mirror::RawTable;
use crate::topology::model::{HedgeAfter, Kind, LsConfig, Node, Policy, Role, Topology, Wire};
use crate::topology::problem::Problems;
use crate::topology::raw;
use crate::topology::value::{At, OnOff, Wait};
use crate::topology::wires::Wires;
use std::time::Duration;

fn on(value: Option<&At<OnOff>>, default: bool) -> bool {
    value.map_or(default, |on| on.value.0)
}

fn wait(value: Option<&At<Wait>>, default: Duration) -> Duration {
    value.map_or(default, |time| time.value.0)
}

impl Builder<'_> {
    pub fn ls(&mut self, id: NodeId, entry: &Entry, problems: &mut Problems) -> LsConfig {
        let raw = &entry.raw;
        let usual = LsConfig::default();
        let policy = raw.policy.as_ref().map_or(usual.policy, |policy| policy.value.0);
        let outside = raw.states("at");
        let upstreams = if outside {
            Vec::new()
        } else {
            let asks = &[Role::Ls, Role::Ts];
            self.asked(id, entry, raw.upstreams.as_ref(), ("upstreams", asks), problems)
        };
        if !outside && !raw.bad.contains(&"policy") {
            keys::of_policy(raw, policy, problems);
        }
        let ls = LsConfig {
            upstreams,
            policy,
            timeout: wait(raw.timeout.as_ref(), usual.timeout),
            accept: raw.accept.as_ref().map_or(usual.accept, |accept| accept.value.0),
            window: wait(raw.window.as_ref(), usual.window),
            early_end: on(raw.early_end.as_ref(), usual.early_end),
            failover_after: wait(raw.failover_after.as_ref(), usual.failover_after),
            failover: on(raw.failover.as_ref(), usual.failover),
            hedge: on(raw.hedge.as_ref(), usual.hedge),
            hedge_after: raw.hedge_after.as_ref().map_or(usual.hedge_after, |after| after.value.0),
            hedge_at_first: wait(raw.hedge_at_first.as_ref(), usual.hedge_at_first),
            hedge_budget: raw
                .hedge_budget
                .as_ref()
                .map_or(usual.hedge_budget, |share| share.value.0),
            health: health(raw),
            merge: on(raw.merge.as_ref(), usual.merge),
            reconnect: wait(raw.reconnect.as_ref(), usual.reconnect),
            ids: on(raw.ids.as_ref(), usual.ids),
            flaws: flaws(raw.flaws.as_ref(), Role::Ls, problems),
        };
        check_failover(raw, &ls, problems);
        check_hedging(raw, &ls, problems);
        ls
    }
}

fn check_failover(raw: &raw::Node, ls: &LsConfig, problems: &mut Problems) {
    let Some(stated) = &raw.failover_after else { return };
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

fn check_hedging(raw: &raw::Node, ls: &LsConfig, problems: &mut Problems) {
    let hedges = ls.policy == Policy::Hedge || ls.hedge;
    let keys = [
        ("hedge_after", raw.hedge_after.as_ref().map(|stated| stated.key)),
        ("hedge_at_first", raw.hedge_at_first.as_ref().map(|stated| stated.key)),
        ("hedge_budget", raw.hedge_budget.as_ref().map(|stated| stated.key)),
    ];
    // Whoever writes that it does not hedge means to switch it on later.
    if ls.policy == Policy::Gather && !raw.states("hedge") {
        for (key, at) in keys {
            let Some(at) = at else { continue };
            problems
                .warn(
                    at,
                    format!("`{key}` has no effect: `gather` hedges only with `hedge = true`"),
                )
                .help("add hedge = true, or take the key out");
        }
    }
    if let (Some(stated), HedgeAfter::Time(_), true) = (&raw.hedge_at_first, ls.hedge_after, hedges)
    {
        problems
            .warn(stated.key, "`hedge_at_first` has no effect: `hedge_after` is no percentile")
            .help("take one of the two out");
    }
}

/// Reports whom a `tied` LS asks in vain: to be told that another has begun is an addition to the line wire, which only
/// TSs that run here understand.
pub fn check_ties(nodes: &[Node], wires: &Wires, roster: &Roster, problems: &mut Problems) {
    for node in nodes {
        let Kind::Ls(ls) = &node.kind else { continue };
        if ls.policy != Policy::Tied {
            continue;
        }
        let place = &roster.entries[node.id.index()];
        for upstream in &ls.upstreams {
            let wire = wires.between(node.id, *upstream);
            if let Some(why) = cannot_be_tied(&nodes[upstream.index()], wire) {
                let name = roster.names.of(*upstream);
                let at = place.raw.policy.as_ref().map_or(place.at, |policy| policy.at);
                problems
                    .error(at, format!("`{name}` cannot be told to cancel: it {why}"))
                    .help("`tied` needs TSs that run here and speak `line`; `hedge` needs neither");
            }
        }
    }
}

/// Reports an LS that shall merge what nobody asks it: only questions over DNS are merged.
pub fn check_merging(nodes: &[Node], wires: &Wires, roster: &Roster, problems: &mut Problems) {
    let asks = |node: &Node, id: NodeId| match &node.kind {
        Kind::Client(client) => client.asks.contains(&id),
        Kind::Ls(ls) => ls.upstreams.contains(&id),
        _ => false,
    };
    for node in nodes {
        let Kind::Ls(ls) = &node.kind else { continue };
        let Some(stated) = &roster.entries[node.id.index()].raw.merge else { continue };
        if ls.policy == Policy::Batch {
            continue;
        }
        let over_dns =
            |one: &Node| asks(one, node.id) && wires.between(one.id, node.id) == Wire::Dns;
        if stated.value.0 && node.listen.dns.is_none() && !nodes.iter().any(over_dns) {
            let name = roster.names.of(node.id);
            problems
                .warn(stated.key, format!("`merge` has no effect: nobody asks `{name}` over DNS"))
                .help("add listen = { dns = 0 }, or take the key out");
        }
    }
}

/// Why a question to this node cannot be tied to one to another; none if it can.
fn cannot_be_tied(node: &Node, wire: Wire) -> Option<&'static str> {
    match (node.role(), node.at, wire) {
        (_, Some(_), _) => Some("runs elsewhere"),
        (Role::Ts, None, Wire::Line) => None,
        (Role::Ts, None, _) => Some("is asked over a wire that has no word for it"),
        _ => Some("is no TS"),
    }
}

/// Whether an LS of this topology may be set to a policy.
///
/// # Errors
/// Why not.
pub fn may_have(
    topology: &Topology,
    ls: &LsConfig,
    node: NodeId,
    policy: Policy,
) -> Result<(), String> {
    if policy != Policy::Tied {
        return Ok(());
    }
    for upstream in &ls.upstreams {
        let wire = topology.wire(node, *upstream);
        if let Some(why) = cannot_be_tied(topology.node(*upstream), wire) {
            let name = topology.names.of(*upstream);
            return Err(format!("`{name}` cannot be told to cancel: it {why}"));
        }
    }
    Ok(())
}
