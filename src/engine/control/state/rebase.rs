//! The file has changed under a fault state: what was as the old edition said is as the new one says, and what a hand
//! did stays.

use super::{State, Way, load_of};
use crate::base::{NodeId, Peer};
use crate::engine::Act;
use crate::event::Life;
use crate::topology::{Change, Effect, Kind, Topology};
use std::collections::BTreeSet;
use std::sync::Arc;

/// Parts of the state that an edition of the file has changed: nobody goes back behind that.
#[derive(Debug, Default, PartialEq)]
pub(in crate::engine::control) struct Touched {
    pub nodes: BTreeSet<NodeId>,
    pub ways: BTreeSet<Way>,
}

impl State {
    /// Takes what the file says now, and gives what must be done for it and what it has touched.
    pub fn rebase(&mut self, changes: &[Change]) -> (Vec<Act>, Touched) {
        let old = self.file.clone();
        let mut file = (*old).clone();
        for change in changes {
            file.take(change);
        }
        let (mut acts, mut touched) = (Vec::new(), Touched::default());
        let ways = self.ways_in_use(changes);
        let before: Vec<_> = ways.iter().map(|way| self.faults(*way)).collect();
        self.file = Arc::new(file);
        self.now = (*self.file).clone();
        for (way, before) in ways.into_iter().zip(before) {
            self.rebase_link(way, &old);
            let faults = self.faults(way);
            if faults != before {
                let (from, to) = way;
                acts.push(Act::SetFaults { from, to, faults });
                touched.ways.insert(way);
            }
        }
        for change in changes {
            if let Effect::Node { node, kind, restarts } = &change.effect {
                self.rebase_node(*node, kind, &old);
                touched.nodes.insert(*node);
                if *restarts {
                    self.restart(*node, &mut acts);
                }
            }
        }
        for (node, kind) in self.now.nodes.iter_mut().zip(&self.kinds) {
            node.kind = (**kind).clone();
        }
        for node in &touched.nodes {
            self.inform(*node, &mut acts);
        }
        (acts, touched)
    }

    /// Directions that may be different now: those that the change names, and where the default has changed, those
    /// between nodes that talk to each other.
    fn ways_in_use(&self, changes: &[Change]) -> BTreeSet<Way> {
        let mut pairs: BTreeSet<(NodeId, NodeId)> = BTreeSet::new();
        for change in changes {
            match &change.effect {
                Effect::Links(ways) => pairs.extend(ways.iter().map(|(from, to, _)| (*from, *to))),
                Effect::DefaultLink(_) => {
                    let asks =
                        |id: NodeId| self.now.node(id).asks().iter().map(move |to| (id, *to));
                    let all = self.now.nodes.iter().flat_map(|node| asks(node.id));
                    pairs.extend(all.flat_map(|(from, to)| [(from, to), (to, from)]));
                    pairs.extend(
                        self.links.keys().filter_map(|(from, to)| Some((from.node()?, to.node()?))),
                    );
                }
                _ => {}
            }
        }
        pairs.into_iter().map(|(from, to)| (Peer::Node(from), Peer::Node(to))).collect()
    }

    fn rebase_link(&mut self, way: Way, old: &Topology) {
        let (Peer::Node(from), Peer::Node(to)) = way else { return };
        let Some(faults) = self.links.get(&way) else { return };
        let (was, is) = (old.link(from, to), self.file.link(from, to));
        let faults = faults.rebased(&was, &is);
        if faults == is {
            self.links.remove(&way);
        } else {
            self.links.insert(way, faults);
        }
    }

    /// How the node is set: as the file says now, but for what a hand had set.
    fn rebase_node(&mut self, node: NodeId, kind: &Arc<Kind>, old: &Topology) {
        let at = node.index();
        let (was, present) = (&old.node(node).kind, self.kinds[at].clone());
        let mut wanted = (**kind).clone();
        let mut keys = (self.grammar.keys)(kind).to_vec();
        // As where a process is told of differences: switched off last, or another figure switches it on again.
        keys.sort_by_key(|key| *key == "fall");
        for key in keys {
            let by_hand = (self.grammar.current)(old, &present, key);
            if by_hand == (self.grammar.current)(old, was, key) {
                continue;
            }
            let setting = by_hand.map(|value| (self.grammar.parse)(&self.now, node, key, &value));
            if let Some(Ok(setting)) = setting {
                setting.apply(&mut wanted);
            }
        }
        self.kinds[at] = Arc::new(wanted);
        if self.loads[at] == load_of(was) {
            self.loads[at] = load_of(kind);
        }
    }

    /// A new process in the place of one that runs; one that stands still stands still again.
    fn restart(&mut self, node: NodeId, acts: &mut Vec<Act>) {
        let present = self.life[node.index()];
        if matches!(present, Life::Up | Life::Frozen) {
            acts.push(Act::Kill(node));
            self.boot(node, acts);
            if present == Life::Frozen {
                self.inform(node, acts);
                acts.push(Act::Freeze(node));
                self.life[node.index()] = Life::Frozen;
            }
        }
    }
}
