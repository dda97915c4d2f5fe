//! What a prompt may offer from a topology: who asks, who has a table, which settings there are.

use super::model::{Kind, Node, Topology};
use super::setting;
use crate::base::NodeId;
use crate::command::grammar::{Known, Part};
use crate::message::{HostName, Operation};
use std::collections::BTreeSet;

/// Names, or operations, offered at most: a list on a screen, not a table.
const HOSTS_MAX: usize = 200;

impl Known for Topology {
    fn part(&self, node: NodeId) -> Part {
        self.node(node).part()
    }

    fn runs_here(&self, node: NodeId) -> bool {
        self.node(node).at.is_none()
    }

    fn keys(&self, node: NodeId) -> Vec<String> {
        setting::keys(&self.node(node).kind).iter().map(|key| (*key).to_owned()).collect()
    }

    fn value(&self, node: NodeId, key: &str) -> Option<String> {
        setting::current(self, &self.node(node).kind, key)
    }

    fn hosts(&self, client: NodeId) -> Vec<HostName> {
        let list: &[HostName] = match &self.node(client).kind {
            Kind::Client(config) => &config.list,
            _ => &[],
        };
        let tables = self.nodes.iter().filter_map(|node| match &node.kind {
            Kind::Ts(ts) => Some(&ts.records),
            _ => None,
        });
        let known = tables.flat_map(|records| records.iter().map(|record| &record.name));
        let mut seen = BTreeSet::new();
        list.iter()
            .chain(known)
            .filter(|name| seen.insert((*name).clone()))
            .take(HOSTS_MAX)
            .cloned()
            .collect()
    }

    fn speaks_dns(&self, client: NodeId) -> bool {
        self.speaks_dns(client)
    }

    fn operations(&self) -> Vec<Operation> {
        let lists = self.nodes.iter().filter_map(|node| match &node.kind {
            Kind::StoreClient(client) => Some(&client.operations),
            _ => None,
        });
        lists.flat_map(|list| list.iter()).take(HOSTS_MAX).cloned().collect()
    }
}

impl Node {
    /// What it is, as far as commands care.
    #[must_use]
    pub fn part(&self) -> Part {
        match self.kind {
            Kind::Client(_) => Part::Client,
            Kind::StoreClient(_) => Part::StoreClient,
            Kind::Ls(_) => Part::Ls,
            Kind::Ts(_) => Part::Ts,
            Kind::Replica(_) => Part::Replica,
        }
    }
}
