//! Which server has which name: the table of the sticky policy.

use crate::base::NodeId;
use crate::message::HostName;
use std::collections::{HashMap, VecDeque};

/// Names that the table holds; the oldest goes when one more comes.
const NAMES_MAX: usize = 10_000;

/// Name to server, bounded.
#[derive(Debug, Default)]
pub(super) struct Table {
    servers: HashMap<HostName, NodeId>,
    order: VecDeque<HostName>,
}

impl Table {
    pub fn get(&self, name: &HostName) -> Option<NodeId> {
        self.servers.get(name).copied()
    }

    /// Gives a name its server.
    pub fn stick(&mut self, name: &HostName, server: NodeId) {
        if self.servers.insert(name.clone(), server).is_none() {
            self.order.push_back(name.clone());
        }
        if self.order.len() > NAMES_MAX
            && let Some(oldest) = self.order.pop_front()
        {
            self.servers.remove(&oldest);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_name_goes_when_the_table_is_full() {
        let mut table = Table::default();
        let name = |n: usize| HostName::new(&format!("host{n}"));
        for n in 0..=NAMES_MAX {
            table.stick(&name(n), NodeId(1));
        }
        assert_eq!(table.get(&name(0)), None);
        assert_eq!(table.get(&HostName::new("HOST1")), Some(NodeId(1)));
        assert_eq!((table.servers.len(), table.order.len()), (NAMES_MAX, NAMES_MAX));
        table.stick(&name(5), NodeId(2));
        assert_eq!((table.get(&name(5)), table.order.len()), (Some(NodeId(2)), NAMES_MAX));
    }
}
