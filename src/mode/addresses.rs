//! What a run without a panel says at its start: where every node listens and what it keeps, with a line to copy. Of
//! many nodes, the groups.

use super::session::Session;
use crate::report::shell_line;
use crate::topology::{Node, Topology};
use std::fmt::Write as _;
use std::net::SocketAddr;

/// More nodes than this are told by their groups.
const NODES_MAX: usize = 40;
/// More groups than this are summed up.
const GROUPS_MAX: usize = 12;

/// Where the nodes listen, and the file of each that keeps something.
pub fn told(session: &Session) -> String {
    let topology = &session.world.topology;
    let ours: Vec<&Node> = topology.nodes.iter().filter(|node| node.at.is_none()).collect();
    let mut text = String::new();
    if ours.len() <= NODES_MAX {
        for node in ours {
            listens(&mut text, session, &[node]);
            keeps(&mut text, session, node);
        }
        return text;
    }
    let groups: Vec<&[&Node]> =
        ours.chunk_by(|a, b| a.group.is_some() && a.group == b.group).collect();
    let (shown, others) = groups.split_at(groups.len().min(GROUPS_MAX));
    for group in shown {
        listens(&mut text, session, group);
    }
    // Writing to a String cannot fail.
    if let (Some(first), Some(last)) = (others.first(), others.last()) {
        let nodes: usize = others.iter().map(|group| group.len()).sum();
        let ends = [first[0].id, last[last.len() - 1].id];
        let [from, to] = ends.map(|id| topology.names.of(id).to_owned());
        let _ = writeln!(text, "and {nodes} nodes more, from {from} to {to}");
    }
    // The others are beside it.
    let kept = ours.iter().find(|node| session.lab().disk_file(node.id).is_some());
    if let Some(node) = kept {
        keeps(&mut text, session, node);
    }
    let _ = writeln!(text, "every address: `addresses` in the report (--report FILE)");
    text
}

/// The lines of a group, or of one node.
fn listens(text: &mut String, session: &Session, nodes: &[&Node]) {
    let (Some(first), Some(last)) = (nodes.first(), nodes.last()) else { return };
    let lab = session.lab();
    let name = name(&session.world.topology, first, last);
    for (wire, address) in lab.addresses(first.id) {
        let all = nodes.iter().filter_map(|node| lab.address_for(node.id, wire));
        // Writing to a String cannot fail.
        let _ = shell_line::ask(first.role(), wire.word(), address)
            .map(|line| writeln!(text, "{name:16} {}   {line}", range(all)));
    }
}

/// The line that shows what a node keeps, if it keeps something.
fn keeps(text: &mut String, session: &Session, node: &Node) {
    if let Some((file, kind)) = session.lab().disk_file(node.id) {
        let line = shell_line::look(&file.to_string_lossy(), kind);
        // Writing to a String cannot fail.
        let _ = writeln!(text, "{:16} {line}", "");
    }
}

fn name(topology: &Topology, first: &Node, last: &Node) -> String {
    let [from, to] = [first, last].map(|node| topology.names.of(node.id));
    if from == to { from.to_owned() } else { format!("{from} to {to}") }
}

/// The ports of these addresses, from the lowest to the highest.
fn range(addresses: impl Iterator<Item = SocketAddr>) -> String {
    let mut all: Vec<SocketAddr> = addresses.collect();
    all.sort_unstable();
    match &all[..] {
        [] => String::new(),
        [one] => one.to_string(),
        [first, .., last] if first.ip() == last.ip() => format!("{first} to {}", last.port()),
        [first, .., last] => format!("{first} to {last}"),
    }
}
