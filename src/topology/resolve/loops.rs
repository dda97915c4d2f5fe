//! Circles among load balancers: a question that enters one would go round for ever.

use super::roster::Roster;
use crate::base::NodeId;
use crate::topology::model::{Kind, Node};
use crate::topology::problem::Problems;

/// So many circles are named; mending one often mends others.
const CIRCLES_MAX: usize = 5;
/// So many stations of a circle are spelled out.
const STATIONS_MAX: usize = 6;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Mark {
    New,
    OnPath,
    Done,
}

/// The first circle that is found from each start: its nodes in the order of asking.
pub fn circles(nodes: &[Node]) -> Vec<Vec<NodeId>> {
    let mut marks = vec![Mark::New; nodes.len()];
    let mut circles = Vec::new();
    for start in nodes {
        if marks[start.id.index()] != Mark::New {
            continue;
        }
        // A path with, for each of its nodes, how many of the asked have been looked at.
        let mut path: Vec<(NodeId, usize)> = vec![(start.id, 0)];
        marks[start.id.index()] = Mark::OnPath;
        while let Some((id, next)) = path.last_mut() {
            let asked = match &nodes[id.index()].kind {
                Kind::Ls(ls) => ls.upstreams.get(*next).copied(),
                _ => None,
            };
            *next += 1;
            let Some(asked) = asked else {
                marks[id.index()] = Mark::Done;
                path.pop();
                continue;
            };
            match marks[asked.index()] {
                Mark::New => {
                    marks[asked.index()] = Mark::OnPath;
                    path.push((asked, 0));
                }
                Mark::OnPath if circles.len() < CIRCLES_MAX => {
                    let from = path.iter().position(|(id, _)| *id == asked).unwrap_or(0);
                    circles.push(path[from..].iter().map(|(id, _)| *id).collect());
                }
                Mark::OnPath | Mark::Done => {}
            }
        }
    }
    circles
}

/// Reports each circle at the list of whoever closes it.
pub fn check(nodes: &[Node], roster: &Roster, problems: &mut Problems) {
    for circle in circles(nodes) {
        let mut stations: Vec<&str> = circle.iter().map(|id| roster.names.of(*id)).collect();
        if stations.len() > STATIONS_MAX {
            stations.drain(STATIONS_MAX - 1..stations.len() - 1);
            stations.insert(STATIONS_MAX - 1, "…");
        }
        stations.push(roster.names.of(circle[0]));
        let round = stations.join(" -> ");
        let closing = &roster.entries[circle[circle.len() - 1].index()];
        let at = closing.raw.upstreams.as_ref().map_or(closing.at, |upstreams| upstreams.at);
        problems
            .error(at, format!("a question would go round for ever: {round}"))
            .help(format!("take `{}` out of the `upstreams` of `{}`", stations[0], closing.id));
    }
}
