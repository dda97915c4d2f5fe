//! Verdicts held against all tables: what no node of the lab knows.

use super::Tally;
use crate::base::NodeId;
use crate::command::Counted;
use crate::message::{HostName, Outcome, RecordType, Said};
use crate::topology::{Kind, Role};
use std::sync::Arc;

impl Tally {
    /// What is wrong with a verdict, seen with all tables at hand.
    pub(super) fn held_against_truth(
        &self,
        node: NodeId,
        role: Role,
        (name, kind): (&HostName, RecordType),
        outcome: Outcome,
        said: Option<&Said>,
        ts: Option<NodeId>,
    ) -> Option<Counted> {
        match outcome {
            Outcome::Cancelled | Outcome::Late => None,
            Outcome::Answered => {
                let Some(Said::Found { address, flags }) = said else { return None };
                // Nobody here knows what a program of someone else's has, nor what was put into a store.
                let untold = |id: NodeId| {
                    let node = self.topology.nodes.get(id.index());
                    node.is_some_and(|node| {
                        node.at.is_some() || self.topology.tells_of_a_store(node.id)
                    })
                };
                let unknown = match ts {
                    Some(ts) => untold(ts),
                    None => self.topology.nodes.iter().any(|node| untold(node.id)),
                };
                if unknown || self.is_in_a_table(name, address, flags) {
                    return None;
                }
                let lies = ts.map_or_else(
                    || self.lies.contains(&true),
                    |ts| self.lies.get(ts.index()).copied().unwrap_or(false),
                );
                Some(if lies { Counted::Lies } else { Counted::Misgiven })
            }
            _ => {
                let mut holders = self.topology.holders_of(name, kind);
                let known = if role == Role::Ts {
                    holders.any(|holder| holder == node)
                } else {
                    holders.next().is_some()
                };
                known.then_some(Counted::Contradicted)
            }
        }
    }

    /// Whether every address that was told, or every record of another type, stands in a table beside the name.
    fn is_in_a_table(&self, name: &HostName, told: &str, flags: &str) -> bool {
        let kind = RecordType::from_word(flags).unwrap_or(RecordType::A);
        let tables = self.topology.nodes.iter().filter_map(|node| match &node.kind {
            Kind::Ts(ts) => ts.records.says(name, kind),
            _ => None,
        });
        let known: Vec<Arc<str>> = tables.collect();
        let known: Vec<&str> = known.iter().flat_map(|list| list.split(',')).collect();
        told.split(',').all(|address| known.iter().any(|known| known.trim() == address.trim()))
    }
}
