//! Whether whoever is asked listens with the wire that it is asked in. A node that says nothing of its ports listens
//! with every wire that its links speak.

use super::roster::Roster;
use crate::base::NodeId;
use crate::topology::model::{Node, Role, Wire};
use crate::topology::problem::Problems;
use crate::topology::wires::Wires;

/// Gives ports to those who say nothing of them, and reports links over which nobody would meet.
pub fn settle(nodes: &mut [Node], wires: &Wires, roster: &Roster, problems: &mut Problems) {
    let mut said: Vec<(NodeId, Wire)> = Vec::new();
    for at in 0..nodes.len() {
        let asker = nodes[at].id;
        for asked in nodes[at].asks().to_vec() {
            let wire = wires.between(asker, asked);
            let node = &mut nodes[asked.index()];
            if node.at.is_some() || node.role() == Role::Replica || node.listen.port(wire).is_some()
            {
                continue;
            }
            let entry = &roster.entries[asked.index()];
            match &entry.raw.listen {
                None if wire == Wire::Dns => node.listen.dns = Some(0),
                Some(listen) if !said.contains(&(asked, wire)) => {
                    said.push((asked, wire));
                    let (asker, id) = (roster.names.of(asker), &entry.id);
                    let word = wire.word();
                    problems
                        .error(
                            listen.at,
                            format!(
                                "`{asker}` speaks `{word}` with `{id}`, which does not listen so"
                            ),
                        )
                        .help(match wire {
                            Wire::Line => {
                                "add line = 0, or say wire = \"dns\" of the link (or of all, in \
                                 [defaults.link])"
                            }
                            _ => "add dns = 0, or take `wire` of the link out",
                        });
                }
                _ => {}
            }
        }
    }
}
