//! Panel 3: what belongs to the system on show: window and master list, sticky table, upstreams with their health.

use super::paint::{Canvas, Row, width};
use super::targets;
use super::theme::Ink;
use super::view::{PanelId, View};
use super::words;
use crate::base::{LabTime, NodeId};
use crate::topology::{Kind, LsConfig, Policy, Role};
use crate::world::World;
use ratatui::layout::Rect;
use std::collections::BTreeMap;
use std::time::Duration;

/// The LS that panel 3 is about: the selected one, or the first.
fn subject(world: &World, view: &View) -> Option<(NodeId, LsConfig)> {
    let id = targets::ls(world, view)?;
    match &world.topology.node(id).kind {
        Kind::Ls(config) => Some((id, config.clone())),
        _ => None,
    }
}

/// The panel's note: policy and timeout.
#[must_use]
pub fn note(canvas: &Canvas<'_>, world: &World, view: &View) -> Row {
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
    let Some((id, config)) = subject(world, view) else {
        clients(canvas, area, world, now);
        return;
    };
    let policy = targets::policy(world, id).unwrap_or(config.policy);
    let down = if view.focus == PanelId::System { view.down } else { 0 };
    let batch = policy == Policy::Batch;
    let sticky = policy == Policy::Sticky;
    if !(batch || sticky) {
        let mut rows = upstreams(canvas, world, id, now, area.width);
        rows.extend(changes(canvas, world));
        list(canvas, area, &rows, down);
        return;
    }
    let left = Rect { width: (area.width / 2).max(30).min(area.width), ..area };
    let right = Rect {
        x: left.right() + 1,
        width: (area.right()).saturating_sub(left.right() + 1),
        ..area
    };
    if batch {
        window(canvas, left, world, id, &config, now);
    } else {
        table(canvas, left, world, id, down);
    }
    let rows = upstreams(canvas, world, id, now, right.width);
    list(canvas, right, &rows, 0);
}

fn list(canvas: &mut Canvas<'_>, area: Rect, rows: &[Row], down: usize) {
    let skip = down.min(rows.len().saturating_sub(usize::from(area.height)));
    for (row, y) in rows.iter().skip(skip).zip(area.y..area.bottom()) {
        canvas.row(area.x, y, area.width, row);
    }
}

/// One row an upstream: what the LS makes of it, how much it was asked, how quick it was.
fn upstreams(
    canvas: &Canvas<'_>,
    world: &World,
    ls: NodeId,
    now: LabTime,
    columns: u16,
) -> Vec<Row> {
    let ids = targets::upstreams(world, ls);
    let names = &world.topology.names;
    let state = world.node(ls);
    let most = ids.iter().map(|id| world.node(*id).load.taken).max().unwrap_or(0).max(1);
    let label = ids.iter().map(|id| width(names.of(*id))).max().unwrap_or(4).max(4);
    let bar = match columns {
        61.. => 16,
        45.. => 8,
        _ => 2,
    };
    ids.iter()
        .map(|id| {
            let load = world.node(*id).load;
            let mut row = Row::new();
            row.push(
                format!("{:<w$} ", names.of(*id), w = usize::from(label)),
                canvas.ink(Ink::Strong),
            );
            let filled = (load.taken * bar).div_ceil(most).min(bar) as usize;
            row.push("━".repeat(filled), canvas.ink(Ink::Lead));
            row.push("─".repeat(bar as usize - filled), canvas.ink(Ink::Frame));
            row.push(format!(" took {:<4}", load.taken), canvas.ink(Ink::Text));
            if let Some(until) = state.ejected.get(id) {
                let left = words::short(until.since(now));
                row.push(format!(" EJECTED {left} "), canvas.badge(Ink::Slow));
            } else if let Some((belief, _)) = state.beliefs.get(id) {
                let (word, ink) = words::belief(*belief);
                row.push(format!("{word:<6}"), canvas.ink(ink));
            }
            row.push(format!(" wins {:<4}", load.wins), canvas.ink(Ink::Muted));
            let times = state.recent_ms.get(id).map_or(&[][..], Vec::as_slice);
            if let Some(last) = times.last() {
                let mean = times.iter().sum::<f32>() / times.len() as f32;
                let figure =
                    |ms: f32| words::figure(Duration::from_secs_f32(ms.clamp(0.0, 1e9) / 1e3));
                row.push(format!(" last {}", figure(*last)), canvas.ink(Ink::Text));
                if columns > 76 {
                    row.push(format!("  mean {}", figure(mean)), canvas.ink(Ink::Muted));
                }
            }
            row
        })
        .collect()
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
        let text = "No window is open. f or a batch opens one.";
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
    let bar = 12_usize;
    let filled = (share * bar as f64).ceil() as usize;
    let mut row = Row::new().with(format!("window {number} "), canvas.ink(Ink::Strong));
    row.push("━".repeat(filled), canvas.ink(Ink::Slow));
    row.push("─".repeat(bar - filled), canvas.ink(Ink::Frame));
    row.push(format!(" {} left ", words::figure(left)), canvas.ink(Ink::Slow));
    row.push(format!(" {} of {} in", names.len() - missing, names.len()), canvas.ink(Ink::Text));
    canvas.row(area.x, area.y, area.width, &row);
    // Names without an answer first: they are what everybody waits for.
    let ordered = names.iter().filter(|name| !name.1).chain(names.iter().filter(|name| name.1));
    for ((name, answered), y) in ordered.zip(area.y + 1..area.bottom()) {
        let (mark, ink) = if *answered { ("✓ ", Ink::Good) } else { ("· ", Ink::Message) };
        let x = canvas.text(area.x, y, 2, mark, canvas.ink(ink));
        let style = canvas.ink(if *answered { Ink::Muted } else { Ink::Text });
        canvas.text(x, y, area.right().saturating_sub(x), name.as_str(), style);
    }
}

/// The sticky table: which name goes where, in columns.
fn table(canvas: &mut Canvas<'_>, area: Rect, world: &World, ls: NodeId, down: usize) {
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
    let rows = usize::from(area.height.saturating_sub(1)).max(1);
    let skip = down.min(node.stuck.len().saturating_sub(rows));
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
