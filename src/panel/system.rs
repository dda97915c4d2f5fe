//! Panel 3: what belongs to the system on show: window and master list, sticky table, upstreams with their health.

use super::paint::{Canvas, Row, width};
use super::store;
use super::targets;
use super::theme::Ink;
use super::view::{PanelId, View};
use super::words;
use crate::base::{LabTime, NodeId};
use crate::message::HostName;
use crate::topology::{Kind, LsConfig, Policy, Role};
use crate::world::World;
use ratatui::layout::Rect;
use ratatui::style::Style;
use std::collections::BTreeMap;
use std::ops::Range;
use std::time::Duration;

/// The LS that panel 3 is about: the selected one, or the first; none while a store is on show.
fn subject(world: &World, view: &View) -> Option<(NodeId, LsConfig)> {
    if store::on_show(world, view).is_some() {
        return None;
    }
    let id = targets::ls(world, view)?;
    match &world.topology.node(id).kind {
        Kind::Ls(config) => Some((id, config.clone())),
        _ => None,
    }
}

/// Whether the system has something that fills: a window with its master list, or a sticky table.
#[must_use]
pub fn has_table(world: &World, view: &View) -> bool {
    if store::on_show(world, view).is_some() {
        return true;
    }
    let Some((id, config)) = subject(world, view) else { return false };
    let policy = targets::policy(world, id).unwrap_or(config.policy);
    matches!(policy, Policy::Batch | Policy::Sticky)
}

/// The panel's note: policy and timeout.
#[must_use]
pub fn note(canvas: &Canvas<'_>, world: &World, view: &View, now: LabTime, room: u16) -> Row {
    if let Some(group) = store::on_show(world, view) {
        return store::note(canvas, group, now, room);
    }
    let Some((id, config)) = subject(world, view) else { return Row::new() };
    let policy = targets::policy(world, id).unwrap_or(config.policy);
    let changed = &world.node(id).changed;
    let value =
        |key: &str, usual: String| changed.get(key).map_or(usual, std::string::ToString::to_string);
    let mut text = format!(" {}: {}", world.topology.names.of(id), policy.word());
    match policy {
        Policy::Batch => {
            text += " · window ";
            text += &value("window", words::figure(config.window));
        }
        Policy::Race => {
            text += " · gives up after ";
            text += &value("timeout", words::figure(config.timeout));
        }
        Policy::Gather => {
            let hedge = value("hedge", config.hedge.to_string());
            let on = matches!(hedge.as_str(), "true" | "on");
            text += " · waits for all";
            if on {
                text += ", hedges after ";
                text += &value("hedge_after", config.hedge_after.to_string());
            }
        }
        Policy::Hedge => {
            text += " · asks another after ";
            text += &value("hedge_after", config.hedge_after.to_string());
        }
        Policy::Tied => text += " · asks two, cancels one",
        _ => {
            let failover = value("failover", config.failover.to_string());
            let on = failover == "true" || policy == Policy::Failover;
            text += if on { " · fails over" } else { " · no failover" };
        }
    }
    Row::new().with(text + " ", canvas.ink(Ink::Muted))
}

/// Draws the panel.
pub fn draw(canvas: &mut Canvas<'_>, area: Rect, world: &World, view: &View, now: LabTime) {
    if let Some(group) = store::on_show(world, view) {
        store::draw(canvas, area, world, view, group, now);
        return;
    }
    let Some((id, config)) = subject(world, view) else {
        clients(canvas, area, world, now);
        return;
    };
    let policy = targets::policy(world, id).unwrap_or(config.policy);
    let down = if view.focus == PanelId::System { view.down } else { 0 };
    let batch = policy == Policy::Batch;
    let sticky = policy == Policy::Sticky;
    if !(batch || sticky) {
        let (count, changes) = (targets::upstreams(world, id).len(), changes(canvas, world));
        let skip = canvas.skip(down, count + changes.len(), area.height);
        // Of a thousand upstreams only those in sight are put into words.
        let shown = skip.min(count)..(skip + usize::from(area.height)).min(count);
        let mut rows = upstreams(canvas, world, id, now, (shown, area.width));
        rows.extend(changes.into_iter().skip(skip.saturating_sub(count)));
        list(canvas, area, &rows);
        return;
    }
    // The table needs its columns; what is said of the upstreams can be less.
    let least = (area.width / 2).max(40.min(area.width.saturating_sub(31)));
    let left = Rect { width: least.min(area.width), ..area };
    let right = Rect {
        x: left.right() + 1,
        width: (area.right()).saturating_sub(left.right() + 1),
        ..area
    };
    if batch {
        window(canvas, left, world, id, &config, now);
    } else {
        let asked = super::race::shown(world, view).map(|race| race.name.clone());
        table(canvas, left, world, id, down, asked.as_ref());
    }
    let ids = targets::upstreams(world, id);
    if ids.len() > usize::from(right.height) {
        flow(canvas, right, ids.into_iter().map(|upstream| in_brief(world, id, upstream)));
        return;
    }
    let rows = upstreams(canvas, world, id, now, (0..ids.len(), right.width));
    list(canvas, right, &rows);
}

fn list(canvas: &mut Canvas<'_>, area: Rect, rows: &[Row]) {
    for (row, y) in rows.iter().zip(area.y..area.bottom()) {
        canvas.row(area.x, y, area.width, row);
    }
}

/// What is said of an upstream after its load, the most important first.
fn upstream_parts(
    canvas: &Canvas<'_>,
    world: &World,
    ls: NodeId,
    id: NodeId,
    now: LabTime,
) -> Vec<(String, Style)> {
    let state = world.node(ls);
    let mut parts = Vec::new();
    if let Some(until) = state.ejected.get(&id) {
        let left = words::short(until.since(now));
        parts.push((format!(" EJECTED {left} "), canvas.badge(Ink::Slow)));
    } else if let Some((belief, _)) = state.beliefs.get(&id) {
        let (word, ink) = words::belief(*belief);
        let outside = world.topology.node(id).at.is_some();
        if !outside && words::is_wrong(*belief, world.node(id).life) {
            // What the LS believes and what is true are two things: the difference is the loudest.
            parts.push((format!(" {word} ≠ "), canvas.badge(Ink::Bad)));
            parts.push((" ".repeat(4_usize.saturating_sub(word.len())), canvas.ink(Ink::Text)));
        } else {
            parts.push((format!(" {word:<7}"), canvas.ink(ink)));
        }
    }
    let wins = format!(" wins {:<4}", world.node(id).load.wins);
    parts.push((wins, canvas.ink(Ink::Muted)));
    let times = state.recent_ms.get(&id).map_or(&[][..], Vec::as_slice);
    if let Some(last) = times.last() {
        let mean = times.iter().sum::<f32>() / times.len() as f32;
        let figure = |ms: f32| words::figure(Duration::from_secs_f32(ms.clamp(0.0, 1e9) / 1e3));
        parts.push((format!(" last {}", figure(*last)), canvas.ink(Ink::Text)));
        parts.push((format!("  mean {}", figure(mean)), canvas.ink(Ink::Muted)));
    }
    parts
}

/// An upstream in a few words, where there is no row for each.
fn in_brief(world: &World, ls: NodeId, id: NodeId) -> (String, Ink) {
    let name = world.topology.names.of(id);
    let taken = world.node(id).load.taken;
    let state = world.node(ls);
    if state.ejected.contains_key(&id) {
        return (format!("{name} took {taken} EJECTED"), Ink::Slow);
    }
    match state.beliefs.get(&id).map(|(belief, _)| words::belief(*belief)) {
        Some((word, ink)) if ink != Ink::Good => (format!("{name} took {taken} {word}"), ink),
        _ => (format!("{name} took {taken}"), Ink::Text),
    }
}

/// One row for each of these upstreams: what the LS makes of it, how much it was asked, how quick it was.
fn upstreams(
    canvas: &Canvas<'_>,
    world: &World,
    ls: NodeId,
    now: LabTime,
    (shown, columns): (Range<usize>, u16),
) -> Vec<Row> {
    let ids = targets::upstreams(world, ls);
    let names = &world.topology.names;
    let most = ids.iter().map(|id| world.node(*id).load.taken).max().unwrap_or(0).max(1);
    let label = ids.iter().map(|id| width(names.of(*id))).max().unwrap_or(4).max(4);
    let bar = match columns {
        61.. => 16,
        45.. => 8,
        _ => 2,
    };
    ids[shown]
        .iter()
        .map(|id| {
            let load = world.node(*id).load;
            let name = format!("{:<w$} ", names.of(*id), w = usize::from(label));
            let filled = (load.taken * bar).div_ceil(most).min(bar) as usize;
            let mut row = Row::new()
                .with(name, canvas.ink(Ink::Strong))
                .with("━".repeat(filled), canvas.ink(Ink::Lead))
                .with("─".repeat(bar as usize - filled), canvas.ink(Ink::Frame))
                .with(format!(" took {:<4}", load.taken), canvas.ink(Ink::Text));
            // What there is no room for is left out whole, and nothing after it is shown.
            for (text, style) in upstream_parts(canvas, world, ls, *id, now) {
                let room = columns.saturating_sub(row.width());
                if width(text.trim_end()) > room {
                    break;
                }
                let fits = width(&text) <= room;
                row.push(if fits { text.as_str() } else { text.trim_end() }, style);
            }
            row
        })
        .collect()
}

/// With fewer rows than this, names stand beside each other.
const ROWS_FOR_A_LIST: u16 = 4;

/// Texts one after the other, as many as fit, and how many do not.
fn flow(canvas: &mut Canvas<'_>, area: Rect, texts: impl Iterator<Item = (String, Ink)>) {
    let mut texts = texts.peekable();
    for y in area.y..area.bottom() {
        let mut x = area.x;
        let last = y + 1 == area.bottom();
        while let Some((text, _)) = texts.peek() {
            // In the last row there must be room to say how many more there are.
            let spare = if last { 4 } else { 0 };
            if x > area.x && x + width(text) + spare > area.right() {
                break;
            }
            let Some((text, ink)) = texts.next() else { break };
            x = canvas.text(x, y, area.right().saturating_sub(x), &text, canvas.ink(ink)) + 2;
        }
    }
    let left = texts.count();
    if left > 0 && area.height > 0 {
        let more = format!("+{left}");
        canvas.right(area.right(), area.bottom() - 1, 4, &more, canvas.ink(Ink::Muted));
    }
}

/// The master list with its window running out.
fn window(
    canvas: &mut Canvas<'_>,
    area: Rect,
    world: &World,
    ls: NodeId,
    config: &LsConfig,
    now: LabTime,
) {
    if area.height == 0 {
        return;
    }
    let node = world.node(ls);
    let names = &node.window_names;
    let missing = names.iter().filter(|name| !name.1).count();
    let Some((number, closes)) = node.window else {
        let text = "No window open: a question opens one.";
        canvas.text(area.x, area.y, area.width, text, canvas.ink(Ink::Muted));
        return;
    };
    let left = closes.since(now);
    let whole = node
        .changed
        .get("window")
        .and_then(|value| crate::base::units::duration(value).ok())
        .unwrap_or(config.window)
        .max(Duration::from_millis(1));
    let share = (left.as_secs_f64() / whole.as_secs_f64()).clamp(0.0, 1.0);
    let bar = if area.width < 45 { 6_usize } else { 12 };
    let filled = (share * bar as f64).ceil() as usize;
    let mut row = Row::new().with(format!("window {number} "), canvas.ink(Ink::Strong));
    row.push("━".repeat(filled), canvas.ink(Ink::Slow));
    row.push("─".repeat(bar - filled), canvas.ink(Ink::Frame));
    let word = if area.width < 45 { "" } else { "left " };
    row.push(format!(" {} {word}", words::tiny(left)), canvas.ink(Ink::Slow));
    row.push(format!(" {} of {} in", names.len() - missing, names.len()), canvas.ink(Ink::Text));
    canvas.row(area.x, area.y, area.width, &row);
    // Names without an answer first: they are what everybody waits for.
    let ordered = names.iter().filter(|name| !name.1).chain(names.iter().filter(|name| name.1));
    if area.height < ROWS_FOR_A_LIST {
        let mark = |name: &(HostName, bool)| {
            let (mark, ink) = if name.1 { ("✓", Ink::Good) } else { ("·", Ink::Message) };
            (format!("{mark} {}", name.0.as_str()), ink)
        };
        let below = Rect { y: area.y + 1, height: area.height - 1, ..area };
        flow(canvas, below, ordered.map(mark));
        return;
    }
    for ((name, answered), y) in ordered.zip(area.y + 1..area.bottom()) {
        let (mark, ink) = if *answered { ("✓ ", Ink::Good) } else { ("· ", Ink::Message) };
        let x = canvas.text(area.x, y, 2, mark, canvas.ink(ink));
        let style = canvas.ink(if *answered { Ink::Muted } else { Ink::Text });
        canvas.text(x, y, area.right().saturating_sub(x), name.as_str(), style);
    }
}

/// The sticky table: which name goes where, in columns.
fn table(
    canvas: &mut Canvas<'_>,
    area: Rect,
    world: &World,
    ls: NodeId,
    down: usize,
    asked: Option<&HostName>,
) {
    let node = world.node(ls);
    let names = &world.topology.names;
    if node.stuck.is_empty() {
        let text = "No name has a server yet.";
        canvas.text(area.x, area.y, area.width, text, canvas.ink(Ink::Muted));
        return;
    }
    let mut counts: BTreeMap<NodeId, usize> = BTreeMap::new();
    for upstream in node.stuck.values() {
        *counts.entry(*upstream).or_default() += 1;
    }
    let mut row =
        Row::new().with(format!("{} names stick: ", node.stuck.len()), canvas.ink(Ink::Muted));
    for (id, count) in counts {
        row.push(format!("{} {count}  ", names.of(id)), canvas.ink(Ink::Strong));
    }
    canvas.row(area.x, area.y, area.width, &row);
    if area.height < ROWS_FOR_A_LIST {
        let entry = |(name, upstream): (&HostName, &NodeId)| {
            let dead = !world.node(*upstream).life.is_alive();
            let text = format!("{} → {}", name.as_str(), names.of(*upstream));
            (text, if dead { Ink::Bad } else { Ink::Text })
        };
        let below = Rect { y: area.y + 1, height: area.height.saturating_sub(1), ..area };
        // Of the few names for which there is room, the one that was asked last is the one to see.
        let is_asked = |(name, _): &(&HostName, &NodeId)| Some(*name) == asked;
        let first = node.stuck.iter().filter(is_asked);
        let others = node.stuck.iter().filter(|entry| !is_asked(entry));
        flow(canvas, below, first.chain(others).skip(down).map(entry));
        return;
    }
    let rows = usize::from(area.height.saturating_sub(1)).max(1);
    let skip = canvas.skip(down, node.stuck.len(), rows as u16);
    for ((name, upstream), y) in node.stuck.iter().skip(skip).zip(area.y + 1..area.bottom()) {
        let dead = !world.node(*upstream).life.is_alive();
        let ink = if dead { Ink::Bad } else { Ink::Text };
        let columns = area.width.saturating_sub(12);
        canvas.text(area.x, y, columns, name.as_str(), canvas.ink(Ink::Text));
        let x = area.x + columns.min(24) + 1;
        let room = area.right().saturating_sub(x);
        canvas.text(x, y, room, &format!("→ {}", names.of(*upstream)), canvas.ink(ink));
    }
}

/// What was changed by hand, so that nobody wonders why a node behaves unlike its file.
fn changes(canvas: &Canvas<'_>, world: &World) -> Vec<Row> {
    let mut rows = Vec::new();
    for node in &world.nodes {
        for (key, value) in &node.changed {
            let text = format!("{} {key} = {value}", world.topology.names.of(node.id));
            let row = Row::new().with("set  ", canvas.ink(Ink::Muted));
            rows.push(row.with(text, canvas.ink(Ink::Slow)));
        }
    }
    rows
}

/// Without an LS: what each client waits for.
fn clients(canvas: &mut Canvas<'_>, area: Rect, world: &World, now: LabTime) {
    let nodes = world.topology.nodes.iter().filter(|node| node.role() == Role::Client);
    for (node, y) in nodes.zip(area.y..area.bottom()) {
        let load = world.node(node.id).load;
        let row = Row::new()
            .with(format!("{:<12}", world.topology.names.of(node.id)), canvas.ink(Ink::Strong))
            .with(format!("asked {}  open {}", load.taken, load.open), canvas.ink(Ink::Text));
        canvas.row(area.x, y, area.width, &row);
    }
    let _ = now;
}
