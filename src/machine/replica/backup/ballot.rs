//! Whose turn a term is: terms go round the group, so that no two replicas ever lead in the same one, whoever can hear
//! whom.
//!
//! With three replicas r1 leads in the terms 1, 4, 7, …, r2 in 2, 5, 8, …, r3 in 3, 6, 9, …; whoever hears of a term
//! knows its leader. (Viewstamped replication numbers its views so: Oki and Liskov, PODC 1988.)

use crate::base::NodeId;
use crate::topology::{Kind, Topology};
use std::collections::BTreeSet;

/// The members of a group in their order, and the place of one of them.
#[derive(Debug)]
pub struct Ballot {
    members: Vec<NodeId>,
    rank: u64,
    first: NodeId,
}

impl Ballot {
    /// The group of a replica as the file has it: everybody whom it knows, who knows it, and so on. What is changed
    /// while the lab runs does not change whose turn a term is.
    pub fn new(topology: &Topology, me: NodeId) -> Self {
        let peers = |of: NodeId| match &topology.node(of).kind {
            Kind::Replica(replica) => replica.peers.as_slice(),
            _ => &[],
        };
        let mut members = BTreeSet::from([me]);
        loop {
            let known = topology.nodes.iter().filter(|node| {
                let own = peers(node.id);
                let knows_one = own.iter().any(|peer| members.contains(peer));
                let is_known = members.iter().any(|member| peers(*member).contains(&node.id));
                knows_one || is_known
            });
            let known: Vec<NodeId> = known.map(|node| node.id).collect();
            let before = members.len();
            members.extend(known);
            if members.len() == before {
                break;
            }
        }
        let members: Vec<NodeId> = members.into_iter().collect();
        let rank = members.iter().position(|member| *member == me).unwrap_or_default() as u64;
        let starting = members.iter().find(|member| topology.node(**member).starts);
        let first = starting.copied().unwrap_or(me);
        Self { members, rank, first }
    }

    /// Who leads when the lab starts and nobody has lived before: the lowest id that starts.
    pub fn first(&self) -> NodeId {
        self.first
    }

    /// The term in which that one leads.
    pub fn first_term(&self) -> u64 {
        self.members.iter().position(|member| *member == self.first).unwrap_or_default() as u64 + 1
    }

    /// The next own term after this one.
    pub fn next(&self, seen: u64) -> u64 {
        let size = self.members.len() as u64;
        let turn = self.rank + 1;
        if turn > seen { turn } else { turn + (seen - turn) / size * size + size }
    }

    /// Who leads in a term; nobody does in term 0.
    pub fn leader_of(&self, term: u64) -> Option<NodeId> {
        let turn = term.checked_sub(1)? % self.members.len() as u64;
        self.members.get(usize::try_from(turn).ok()?).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_term_has_two_leaders_and_each_knows_its_own() {
        let members: Vec<NodeId> = [3, 5, 9].map(NodeId).to_vec();
        let ballots: Vec<Ballot> = (0..3)
            .map(|rank| Ballot { members: members.clone(), rank, first: NodeId(3) })
            .collect();
        for seen in 0..20 {
            for (ballot, member) in ballots.iter().zip(&members) {
                let term = ballot.next(seen);
                assert!(term > seen && term <= seen + 3);
                assert!(ballots.iter().all(|any| any.leader_of(term) == Some(*member)));
            }
        }
        assert_eq!(ballots[0].leader_of(0), None);
        assert_eq!(ballots[1].first_term(), 1);
    }
}
