//! Everything about the selection: where it listens, with a line to try, how it is set, what it believes and did, and
//! its newest events.

use super::own_clock;
use super::paint::{Canvas, Row, wrap};
use super::store;
use super::targets;
use super::theme::Ink;
use super::view::{Selection, View};
use super::words;
use crate::base::units::human;
use crate::base::{LabTime, NodeId, Peer, Shown};
use crate::report::{self, shell_line};
use crate::topology::{Kind, Topology, setting};
use crate::world::World;
use ratatui::layout::Rect;

/// The page's title.
#[must_use]
pub fn title(world: &World, view: &View) -> String {
    let name = targets::selection_word(world, view).unwrap_or_else(|| "nothing".into());
    format!(" Inspect {name} ")
}

/// Everything about the selection: what, and its value.
fn entries(world: &World, view: &View, now: LabTime) -> Vec<(&'static str, String)> {
    match view.selection {
        Selection::Link(a, b) => link(world, a, b),
        _ => targets::node(world, view).map_or_else(Vec::new, |id| {
            let mut entries = node(world, id, now);
            entries.extend(lately(view, id));
            entries
        }),
    }
}

/// Events that are shown, the newest first.
const EVENTS_SHOWN: usize = 20;

/// What the node did of late.
fn lately(view: &View, id: NodeId) -> impl Iterator<Item = (&'static str, String)> {
    let label = |at| if at == 0 { "lately" } else { "" };
    view.feed
        .newest_of(id)
        .take(EVENTS_SHOWN)
        .enumerate()
        .map(move |(at, line)| (label(at), line.words()))
}

/// Draws the page, scrolled down by the view's rows.
pub fn draw(canvas: &mut Canvas<'_>, area: Rect, world: &World, view: &View, now: LabTime) {
    let entries = entries(world, view, now);
    let mut rows: Vec<Row> = Vec::new();
    for (label, text) in entries {
        let room = area.width.saturating_sub(13);
        for (at, line) in wrap(&text, room).into_iter().enumerate() {
            let label = if at == 0 { label } else { "" };
            let row = Row::new().with(format!("{label:<12} "), canvas.ink(Ink::Muted));
            rows.push(row.with(line, canvas.ink(Ink::Text)));
        }
    }
    let skip = canvas.skip(view.down, rows.len(), area.height);
    for (row, y) in rows.iter().skip(skip).zip(area.y..area.bottom()) {
        canvas.row(area.x, y, area.width, row);
    }
}

fn node(world: &World, id: NodeId, now: LabTime) -> Vec<(&'static str, String)> {
    let topology = &world.topology;
    let config = topology.node(id);
    let state = world.node(id);
    let mut out = vec![("role", config.role().word().to_owned())];
    let since = words::short(now.since(state.since));
    let word = words::truth(world, id).0;
    out.push(("state", format!("{word} for {since}, life {}", state.incarnation)));
    out.extend(own_clock::inspected(world, id, now).map(|words| ("own clock", words)));
    if let Some(why) = &state.crash {
        out.push(("died of", why.to_string()));
    }
    if let Some(why) = &state.port_busy {
        out.push(("port", why.to_string()));
    }
    if let Some(failed) = &state.no_socket {
        let (times, ago) = (failed.times, words::short(now.since(failed.at)));
        out.push(("no socket", format!("{times} ×, last {ago} ago: {}", failed.why)));
    }
    if let Some(at) = config.at {
        out.push(("outside", format!("a program of someone else's at {at}")));
    }
    for (wire, address) in &state.listens {
        out.push(("listens", format!("{address} ({wire})")));
        let line = shell_line::ask(config.role(), wire, *address);
        out.extend(line.map(|line| ("try", line)));
    }
    if let Some((file, kind)) = &state.disk {
        out.push(("keeps", Shown::new(file).into()));
        out.push(("try", shell_line::look(file, *kind)));
    }
    out.extend(store::inspect::entries(world, id, now));
    out.extend(over_dns(world, id, now));
    out.extend(settings(topology, &config.kind, world, id));
    let asks = targets::upstreams(world, id);
    if !asks.is_empty() {
        out.push(("asks", list(world, asks.into_iter().map(Peer::Node))));
    }
    let load = state.load;
    out.push((
        "did",
        format!(
            "took {}, {} open, sent {}, received {}, won {}",
            load.taken, load.open, load.sent, load.received, load.wins
        ),
    ));
    for (other, (belief, since)) in &state.beliefs {
        let name = topology.names.of(*other);
        let since = words::short(now.since(*since));
        out.push(("believes", format!("{name} {} for {since}", words::belief(*belief).0)));
    }
    for peer in targets::neighbours(world, id) {
        for (from, to) in [(Peer::Node(id), peer), (peer, Peer::Node(id))] {
            let late = targets::late(world, from, to);
            let value = words::link_account(&targets::told_faults(world, from, to), late);
            if !value.is_empty() {
                let (from, to) = (topology.names.peer(from), topology.names.peer(to));
                out.push(("fault", format!("{from}→{to} {value}")));
            }
        }
    }
    out
}

/// What it said and heard last over DNS, as `dig` would show it at its head.
fn over_dns(
    world: &World,
    id: NodeId,
    now: LabTime,
) -> impl Iterator<Item = (&'static str, String)> {
    let (names, state) = (&world.topology.names, world.node(id));
    let both = [("last said", "to", &state.dns_sent), ("last heard", "from", &state.dns_heard)];
    both.into_iter().filter_map(move |(label, way, last)| {
        let (at, peer, message) = last.as_ref()?;
        let (peer, ago) = (names.peer(*peer), words::short(now.since(*at)));
        Some((label, format!("{way} {peer}, {ago} ago: {}", report::dns::message(message)?)))
    })
}

fn settings(
    topology: &Topology,
    kind: &Kind,
    world: &World,
    id: NodeId,
) -> Vec<(&'static str, String)> {
    let changed = &world.node(id).changed;
    let keys = setting::keys(kind);
    let mut out = Vec::new();
    for key in keys {
        match (changed.get(*key), setting::current(topology, kind, key)) {
            (Some(value), _) => out.push(("set by hand", format!("{key} = {value}"))),
            (None, Some(value)) => out.push(("set", format!("{key} = {value}"))),
            (None, None) => {}
        }
    }
    let others = changed.iter().filter(|(key, _)| !keys.contains(&key.as_ref()));
    out.extend(others.map(|(key, value)| ("set by hand", format!("{key} = {value}"))));
    if let Kind::Ts(ts) = kind
        && topology.node(id).asks().is_empty()
    {
        let names: Vec<&str> =
            ts.records.iter().take(50).map(|record| record.name.as_str()).collect();
        out.push(("has", format!("{} names: {}", ts.records.len(), names.join(" "))));
    }
    out
}

fn list(world: &World, peers: impl Iterator<Item = Peer>) -> String {
    let names: Vec<String> =
        peers.map(|peer| world.topology.names.peer(peer).to_string()).collect();
    names.join(", ")
}

fn link(world: &World, a: Peer, b: Peer) -> Vec<(&'static str, String)> {
    let names = &world.topology.names;
    let mut out = Vec::new();
    for (from, to) in [(a, b), (b, a)] {
        let faults = targets::faults(world, from, to);
        out.push(("direction", format!("{} → {}", names.peer(from), names.peer(to))));
        out.push(("latency", human(faults.latency)));
        if !faults.jitter.mean.is_zero() {
            out.push((
                "jitter",
                format!("{} ({:?})", human(faults.jitter.mean), faults.jitter.shape),
            ));
        }
        let told = targets::told_faults(world, from, to);
        let value = words::link_account(&told, targets::late(world, from, to));
        out.push(("faults", if value.is_empty() { "none".into() } else { value }));
        if let Some(link) = world.links.get(&(from, to)) {
            let (sent, arrived, lost) = (link.sent, link.arrived, link.lost);
            let way = link.marks.len();
            out.push((
                "frames",
                format!("{sent} sent, {arrived} arrived, {lost} lost, {way} on the way"),
            ));
            out.push(("conns", link.conns.to_string()));
        }
    }
    out
}
