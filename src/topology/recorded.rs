//! A topology as a recording has it: whole, so that the recording can be shown where the file is not. What is read back
//! is checked: a recording may come from anybody.

use super::model::{Dialect, Node, Step, Topology};
use super::setting_asked::may_be_asked;
use super::wires::Wires;
use crate::base::{Names, NodeId, Run};
use crate::message::Faults;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The most nodes of a topology.
const NODES_MAX: usize = 2000;

/// What is written for a [`Topology`]: maps whose keys are no text become lists.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Recorded {
    name: String,
    title: String,
    lesson: String,
    seed: u64,
    run: Run,
    dialect: Dialect,
    auto_pace: bool,
    nodes: Vec<(String, Node)>,
    groups: BTreeMap<String, Vec<NodeId>>,
    default_link: Faults,
    links: Vec<(NodeId, NodeId, Faults)>,
    wires: Wires,
    steps: Vec<Step>,
}

impl From<Topology> for Recorded {
    fn from(topology: Topology) -> Self {
        let names = &topology.names;
        let named = |node: Node| (names.of(node.id).to_owned(), node);
        let links = topology.links.into_iter().map(|((from, to), faults)| (from, to, faults));
        Self {
            nodes: topology.nodes.into_iter().map(named).collect(),
            name: topology.name,
            title: topology.title,
            lesson: topology.lesson,
            seed: topology.seed,
            run: topology.run,
            dialect: topology.dialect,
            auto_pace: topology.auto_pace,
            groups: topology.groups,
            default_link: topology.default_link,
            links: links.collect(),
            wires: topology.wires,
            steps: topology.steps,
        }
    }
}

impl TryFrom<Recorded> for Topology {
    type Error = String;

    fn try_from(recorded: Recorded) -> Result<Self, String> {
        let count = recorded.nodes.len();
        if count > NODES_MAX {
            return Err(format!("the topology has more than {NODES_MAX} nodes"));
        }
        let there = |id: &NodeId| id.index() < count;
        let (names, nodes): (Vec<String>, Vec<Node>) = recorded.nodes.into_iter().unzip();
        let names = Names::new(&names);
        for (at, node) in nodes.iter().enumerate() {
            let name = names.of(node.id);
            if node.id.index() != at || names.id(name) != Some(node.id) {
                return Err(format!("the nodes of the topology are not in order at {at}"));
            }
            if !node.asks().iter().all(there) {
                return Err(format!("`{name}` asks a node that is not there"));
            }
        }
        let links = recorded.links.iter().flat_map(|(from, to, _)| [from, to]);
        if !links.chain(recorded.groups.values().flatten()).all(there) {
            return Err("a link or a group names a node that is not there".into());
        }
        let links = recorded.links.into_iter().map(|(from, to, faults)| ((from, to), faults));
        let topology = Self {
            name: recorded.name,
            title: recorded.title,
            lesson: recorded.lesson,
            seed: recorded.seed,
            run: recorded.run,
            dialect: recorded.dialect,
            auto_pace: recorded.auto_pace,
            nodes,
            names,
            groups: recorded.groups,
            default_link: recorded.default_link,
            links: links.collect(),
            wires: recorded.wires,
            steps: recorded.steps,
        };
        for node in &topology.nodes {
            node.asks().iter().try_for_each(|asked| may_be_asked(&topology, node.id, *asked))?;
        }
        Ok(topology)
    }
}
