//! Whom a node shall ask, as `set` is told: nodes, groups and patterns, with commas.

use super::model::{Kind, Scheme, Topology};
use super::resolve::roster::matches;
use super::words::{self, Choice, quoted};
use crate::base::NodeId;
use std::collections::HashSet;

/// The replicas that one shall know, itself left out, so that one line does for all of them.
pub fn peers(topology: &Topology, node: NodeId, value: &str) -> Result<Vec<NodeId>, String> {
    let name = topology.names.of(node);
    let others: Vec<&str> = value.split(',').map(str::trim).filter(|word| *word != name).collect();
    if others.is_empty() || others == ["none"] {
        return Ok(Vec::new());
    }
    asked(topology, node, &others.join(","))
}

fn scheme_of(kind: &Kind) -> Option<Scheme> {
    match kind {
        Kind::Replica(replica) => Some(replica.scheme),
        Kind::StoreClient(client) => Some(client.scheme),
        _ => None,
    }
}

/// What may be asked by a node of this kind: replicas of its scheme, or those that know names.
pub(super) fn may_be_asked(
    topology: &Topology,
    asker: NodeId,
    asked: NodeId,
) -> Result<(), String> {
    let kind = |id: NodeId| &topology.node(id).kind;
    let scheme = match kind(asker) {
        Kind::Ts(ts) => ts.store.first().and_then(|first| scheme_of(kind(*first))),
        asker => scheme_of(asker),
    };
    let name = topology.names.of(asked);
    match (kind(asked), scheme) {
        (Kind::Client(_) | Kind::StoreClient(_), _) => {
            Err(format!("`{name}` is a client and cannot be asked"))
        }
        (Kind::Replica(replica), Some(scheme)) if replica.scheme != scheme => {
            let (is, wanted) = (replica.scheme.word_of(), scheme.word_of());
            Err(format!("`{name}` keeps to the scheme {is}, and this store to {wanted}"))
        }
        (Kind::Replica(_), Some(_)) | (Kind::Ls(_) | Kind::Ts(_), None) => Ok(()),
        (Kind::Replica(_), None) => Err(format!("`{name}` is a replica and knows no names")),
        (Kind::Ls(_) | Kind::Ts(_), Some(_)) => Err(format!("`{name}` is no replica")),
    }
}

/// Nodes, groups and patterns, with commas.
pub fn asked(topology: &Topology, node: NodeId, value: &str) -> Result<Vec<NodeId>, String> {
    let mut list: Vec<NodeId> = Vec::new();
    let fits = |id: &NodeId| *id != node && may_be_asked(topology, node, *id).is_ok();
    for word in value.split(',').map(str::trim) {
        let found: Vec<NodeId> = if let Some(id) = topology.names.id(word) {
            if id == node {
                return Err(format!("`{word}` would ask itself"));
            }
            may_be_asked(topology, node, id)?;
            vec![id]
        } else if let Some(group) = topology.groups.get(word) {
            group.iter().copied().filter(fits).collect()
        } else if word.contains('*') {
            let ids = topology.nodes.iter().map(|node| node.id);
            ids.filter(|id| matches(word, topology.names.of(*id))).filter(fits).collect()
        } else {
            let known = || topology.names.iter().chain(topology.groups.keys().map(String::as_str));
            return Err(match words::nearest(word, known()) {
                Some(near) => format!("there is no node {}; did you mean `{near}`?", quoted(word)),
                None => format!("there is no node {}", quoted(word)),
            });
        };
        if found.is_empty() {
            return Err(format!("{} means no node that can be asked", quoted(word)));
        }
        list.extend(found);
    }
    let mut seen = HashSet::new();
    list.retain(|id| seen.insert(*id));
    match circle(topology, node, &list) {
        Some(through) => {
            let (name, through) = (topology.names.of(node), topology.names.of(through));
            Err(format!("`{through}` asks `{name}` in turn: a question would go round for ever"))
        }
        None => Ok(list),
    }
}

/// Whether one of those that would be asked asks back, directly or through others.
fn circle(topology: &Topology, node: NodeId, asked: &[NodeId]) -> Option<NodeId> {
    let asks = |id: NodeId| match &topology.node(id).kind {
        Kind::Ls(ls) => &ls.upstreams[..],
        _ => &[],
    };
    asked.iter().copied().find(|first| {
        let mut seen = HashSet::from([*first]);
        let mut rest = vec![*first];
        while let Some(id) = rest.pop() {
            if asks(id).contains(&node) {
                return true;
            }
            rest.extend(asks(id).iter().copied().filter(|next| seen.insert(*next)));
        }
        false
    })
}
