//! What the grammar's completion needs to know of the lab: which names there are, and what each could be set to.

use crate::base::NodeId;
use crate::command::grammar;
use crate::message::{HostName, Operation};
use crate::topology::{Kind, setting};
use crate::world::World;

/// The lab as the completion sees it.
pub struct Lab<'a>(pub &'a World);

impl grammar::Known for Lab<'_> {
    fn part(&self, node: NodeId) -> grammar::Part {
        self.0.topology.part(node)
    }

    fn operations(&self) -> Vec<Operation> {
        self.0.topology.operations()
    }

    fn runs_here(&self, node: NodeId) -> bool {
        self.0.topology.node(node).at.is_none()
    }

    fn keys(&self, node: NodeId) -> Vec<String> {
        let keys = setting::keys(&self.0.topology.node(node).kind);
        keys.iter().map(|key| (*key).to_owned()).collect()
    }

    fn value(&self, node: NodeId, key: &str) -> Option<String> {
        if let Some(value) = self.0.node(node).changed.get(key) {
            return Some(value.to_string());
        }
        setting::current(&self.0.topology, &self.0.topology.node(node).kind, key)
    }

    fn speaks_dns(&self, client: NodeId) -> bool {
        self.0.topology.speaks_dns(client)
    }

    fn hosts(&self, client: NodeId) -> Vec<HostName> {
        let topology = &self.0.topology;
        let mut names: Vec<HostName> = match &topology.node(client).kind {
            Kind::Client(config) => config.list.to_vec(),
            _ => Vec::new(),
        };
        for node in &topology.nodes {
            if let Kind::Ts(ts) = &node.kind {
                names.extend(ts.records.iter().map(|record| record.name.clone()));
            }
        }
        names.sort();
        names.dedup();
        names
    }
}
