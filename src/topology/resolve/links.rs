//! Links: what every one is like, and which directions are written out.
//!
//! A direction takes what is written for it from the most special entry: a pair of nodes before a
//! group or pattern, one direction (`from`, `to`) before both (`between`); what none states,
//! `defaults.link` says.

use super::roster::Roster;
use crate::base::{NodeId, units};
use crate::message::{Faults, Jitter, Shape};
use crate::topology::mirror::RawTable;
use crate::topology::model::{Role, Wire};
use crate::topology::problem::{Problems, Span};
use crate::topology::raw::{self, LinkDefault};
use crate::topology::value::{At, Word};
use crate::topology::wires::Wires;
use crate::topology::words::{a_role, quoted};
use std::collections::{BTreeMap, HashMap};

/// The most links that may be written out, as directions after groups and patterns are resolved.
pub const LINKS_MAX: usize = 20_000;

const ANYBODY: &[Role] = &[Role::Client, Role::Ls, Role::Ts, Role::Replica];

type Directions = BTreeMap<(NodeId, NodeId), Faults>;

/// Links, resolved.
pub struct Links {
    /// What every direction is like unless it is written out.
    pub default: Faults,
    /// The directions that are written out, with all their values.
    pub written: Directions,
    /// What each link speaks.
    pub wires: Wires,
}

/// What every link is like, and what is written out.
pub fn resolve(file: &raw::File, roster: &Roster, problems: &mut Problems) -> Links {
    let defaults = file.defaults.as_ref().and_then(|defaults| defaults.value.link.as_ref());
    let mut default = Faults::default();
    let usual = defaults.and_then(|stated| stated.value.wire.as_ref()).map(|wire| wire.value.0);
    // Links to replicas speak `json` whatever is said of all.
    let usual = usual.filter(|wire| *wire != Wire::Json).unwrap_or_default();
    let mut wires = Wires::new(usual).with_replicas(roster.of(Role::Replica));
    if let Some(stated) = defaults {
        if let Some(wire) = &stated.value.wire {
            check_default_wire(wire, roster, problems);
        }
        lay_over(&mut default, &stated.value);
        check(&stated.value, &default, usual == Wire::Dns || any_dns(file), problems);
    }
    let links = file.links.as_ref().map_or(&[][..], |links| &links.value);
    let mut ranked = Vec::new();
    for link in links {
        if let Some(found) = directions(link, roster, problems) {
            ranked.push((found.rank, found.pairs, link));
        }
    }
    // Stable: of two entries of one rank the later wins, and two for the same pair are an error.
    ranked.sort_by_key(|(rank, ..)| *rank);
    let mut resolved = Directions::new();
    let mut seen: HashMap<(u8, NodeId, NodeId), Span> = HashMap::new();
    for (rank, pairs, link) in ranked {
        if resolved.len() + pairs.len() > LINKS_MAX {
            let limit = units::grouped(LINKS_MAX as u64);
            problems.error(link.at, "too many links are written out").help(format!(
                "at most {limit} directions; `defaults.link` holds for all the rest"
            ));
            break;
        }
        let mut last = default;
        let mut reported = false;
        let mut ends: Vec<[NodeId; 2]> = Vec::new();
        for (from, to) in pairs {
            if let Some(first) = seen.insert((rank, from, to), place(link))
                && !std::mem::replace(&mut reported, true)
            {
                twice(link, first, from, to, roster, problems);
            }
            let faults = resolved.entry((from, to)).or_insert(default);
            lay_over(faults, &link.value.rest);
            last = *faults;
            ends.push([from, to]);
        }
        if let Some(wire) = &link.value.rest.wire
            && ends.iter().all(|ends| check_wire(wire, *ends, roster, problems))
        {
            for [from, to] in &ends {
                wires.set(*from, *to, wire.value.0);
            }
        }
        let datagrams = ends.iter().any(|[from, to]| wires.between(*from, *to) == Wire::Dns);
        check(&link.value.rest, &last, datagrams, problems);
    }
    Links { default, written: resolved, wires }
}

fn twice(
    link: &At<raw::Link>,
    first: Span,
    from: NodeId,
    to: NodeId,
    roster: &Roster,
    problems: &mut Problems,
) {
    let at = place(link);
    if at == first {
        return;
    }
    let (from, to) = (roster.names.of(from), roster.names.of(to));
    problems
        .error(at, format!("the link from {from} to {to} is written out twice"))
        .also(first, "the first")
        .help("write all its values into one [[links]]");
}

/// Where an entry says which link it means.
fn place(link: &At<raw::Link>) -> Span {
    let own = &link.value.own;
    own.between
        .as_ref()
        .map(|between| between.at)
        .or_else(|| own.from.as_ref().map(|from| from.at))
        .unwrap_or(link.at)
}

struct Found {
    /// The more special, the higher.
    rank: u8,
    pairs: Vec<(NodeId, NodeId)>,
}

fn directions(link: &At<raw::Link>, roster: &Roster, problems: &mut Problems) -> Option<Found> {
    let own = &link.value.own;
    let one_way = own.states("from") || own.states("to");
    if own.states("between") && one_way {
        problems
            .error(link.at, "a link has either `between` or `from` and `to`")
            .help("`between` is both directions, `from` and `to` are one");
        return None;
    }
    if one_way && let Some(wire) = &link.value.rest.wire {
        problems
            .error(wire.key, "a link speaks one wire in both directions, and this is one of them")
            .help("write `wire` into an entry with `between`");
    }
    let (a, b) = if own.states("between") {
        let between = own.between.as_ref()?;
        let [a, b] = between.value.as_slice() else {
            problems
                .error(
                    between.at,
                    format!("a link has two ends, and here are {}", between.value.len()),
                )
                .help("write between = [\"ls\", \"ts1\"]");
            return None;
        };
        (a.clone(), b.clone())
    } else if own.states("from") && own.states("to") {
        (own.from.clone()?, own.to.clone()?)
    } else {
        problems
            .error(link.at, "this link has no ends")
            .help("add between = [\"ls\", \"ts1\"], or from = \"ls\" and to = \"ts1\"");
        return None;
    };
    let ends =
        (roster.meant(&a, None, ANYBODY, problems), roster.meant(&b, None, ANYBODY, problems));
    let (Some(left), Some(right)) = ends else {
        return None;
    };
    if a.value == b.value && left.len() == 1 {
        problems
            .error(b.at, format!("{} is linked to itself", quoted(&b.value)))
            .help("a link has two different ends");
        return None;
    }
    let single = roster.names.id(&a.value).is_some() && roster.names.id(&b.value).is_some();
    let rank = u8::from(single) + if one_way { 2 } else { 0 };
    Some(Found { rank, pairs: pairs(&left, &right, !one_way) })
}

/// All pairs of two different nodes, at most one more than may be written out.
fn pairs(left: &[NodeId], right: &[NodeId], both: bool) -> Vec<(NodeId, NodeId)> {
    let mut pairs: Vec<(NodeId, NodeId)> = Vec::new();
    'all: for a in left {
        for b in right {
            if a != b {
                pairs.push((*a, *b));
                if both {
                    pairs.push((*b, *a));
                }
            }
            if pairs.len() > 2 * LINKS_MAX {
                break 'all;
            }
        }
    }
    pairs.sort_unstable();
    pairs.dedup();
    pairs
}

/// Whether any link is said to speak DNS.
fn any_dns(file: &raw::File) -> bool {
    let links = file.links.iter().flat_map(|links| &links.value);
    let mut wires = links.filter_map(|link| link.value.rest.wire.as_ref());
    wires.any(|wire| wire.value.0 == Wire::Dns)
}

/// Reports a default that cannot hold for all links. `line` is what they speak anyway; those to
/// replicas are not meant by it.
fn check_default_wire(wire: &At<Word<Wire>>, roster: &Roster, problems: &mut Problems) {
    let speaks_line = roster.of(Role::Ls).chain(roster.of(Role::Ts)).next();
    if let Some(node) = speaks_line.filter(|_| wire.value.0 == Wire::Json) {
        let (name, role) = (roster.names.of(node), roster.entries[node.index()].role);
        let role = role.map_or("no replica", a_role);
        problems
            .error(wire.at, format!("`{name}` is {role} and does not speak `json`"))
            .help("take `wire` out: links to replicas speak `json`, and the others `line`");
    }
}

/// Whether the two nodes speak this wire with each other; reports it if not.
fn check_wire(
    wire: &At<Word<Wire>>,
    ends: [NodeId; 2],
    roster: &Roster,
    problems: &mut Problems,
) -> bool {
    let replica = |id: &NodeId| roster.entries[id.index()].role == Some(Role::Replica);
    let names = ends.map(|id| roster.names.of(id));
    match (wire.value.0, ends.iter().position(replica)) {
        (Wire::Line | Wire::Dns, Some(at)) => {
            let name = names[at];
            problems
                .error(wire.at, format!("the replica `{name}` speaks `json` with every node"))
                .help("take `wire` out: what else it speaks is for visitors");
            false
        }
        (Wire::Json, None) => {
            let [from, to] = names;
            problems
                .error(wire.at, format!("neither `{from}` nor `{to}` is a replica"))
                .help("take `wire` out: only links to replicas speak `json`");
            false
        }
        _ => true,
    }
}

/// Puts what is stated over what was there.
fn lay_over(faults: &mut Faults, stated: &LinkDefault) {
    if let Some(latency) = &stated.latency {
        faults.latency = latency.value.0;
    }
    if let Some(jitter) = &stated.jitter {
        faults.jitter.mean = jitter.value.0;
    }
    if let Some(shape) = &stated.distribution {
        faults.jitter = Jitter { shape: shape.value.0, ..faults.jitter };
    }
    for (share, place) in [
        (&stated.loss, &mut faults.loss),
        (&stated.duplicate, &mut faults.duplicate),
        (&stated.reorder, &mut faults.reorder),
    ] {
        if let Some(share) = share {
            *place = share.value.0;
        }
    }
    if let Some(bandwidth) = &stated.bandwidth {
        faults.bandwidth = Some(bandwidth.value.0);
    }
    if let Some(cut) = &stated.cut {
        faults.cut = cut.value.0;
    }
}

/// Reports values that mean nothing.
fn check(stated: &LinkDefault, faults: &Faults, datagrams: bool, problems: &mut Problems) {
    if let Some(shape) = &stated.distribution
        && faults.jitter.mean.is_zero()
        && shape.value.0 != Shape::default()
        && !stated.states("jitter")
    {
        problems
            .error(shape.key, "a distribution of no jitter")
            .help("add the mean of the random delay: jitter = \"5ms\"");
    }
    for (share, key) in [(&stated.duplicate, "duplicate"), (&stated.reorder, "reorder")] {
        if let Some(share) = share.as_ref().filter(|share| share.value.0 > 0.0 && !datagrams) {
            problems.error(share.key, format!("`{key}` is for datagrams, and this is TCP")).help(
                "TCP delivers each byte once and in order: take it out, or say wire = \"dns\"",
            );
        }
    }
}
