//! The page that lists what is wrong and what is gone: every alarm in full, every acknowledged write that nobody has
//! any more, and what was thrown away when logs were made one again.

use super::super::copy::Copied;
use super::super::paint::{Canvas, Row, width, wrap};
use super::super::theme::Ink;
use super::super::words;
use super::inspect;
use crate::base::{LabTime, NodeId, Shown};
use crate::check::{Gone, Group, Thrown};
use crate::message::{Awaited, OpId, Operation};
use crate::report::{self, store_alarm};
use crate::world::{AlarmKind, World};
use ratatui::layout::Rect;

/// Columns before what is said of a row.
const INDENT: u16 = 11;
/// Columns of a text that somebody wrote.
const TEXT_MAX: usize = 40;

/// Whether there is anything to list.
#[must_use]
pub fn is_any(world: &World) -> bool {
    let of_store = |alarm: &crate::world::Alarm| store_alarm(world, &alarm.kind).is_some();
    world.audit.groups().any(|group| !group.lost.is_empty() || !group.discarded.is_empty())
        || world.truth.alarms.iter().any(of_store)
}

/// How many acknowledged writes are gone.
#[must_use]
pub fn count(world: &World) -> u64 {
    world.audit.figures().lost
}

/// Draws the page, scrolled down by so many rows.
pub fn draw(canvas: &mut Canvas<'_>, area: Rect, world: &World, down: usize, now: LabTime) {
    let rows = rows(canvas, world, area.width, now);
    let skip = canvas.skip(down, rows.len(), area.height);
    for (row, y) in rows.iter().skip(skip).zip(area.y..area.bottom()) {
        canvas.row(area.x, y, area.width, row);
    }
    let more = rows.len().saturating_sub(skip + usize::from(area.height));
    if more > 0 && area.height > 0 {
        let text = format!(" ↓ {more} more ");
        let style = canvas.ink(Ink::Slow);
        canvas.right(area.right(), area.bottom() - 1, width(&text), &text, style);
    }
}

fn rows(canvas: &Canvas<'_>, world: &World, columns: u16, now: LabTime) -> Vec<Row> {
    let mut rows = Vec::new();
    for alarm in &world.truth.alarms {
        let Some((word, [long, _])) = store_alarm(world, &alarm.kind) else { continue };
        let since = words::short(now.since(alarm.since));
        rows.push(
            Row::new()
                .with(format!(" {word} "), canvas.badge(Ink::Bad))
                .with(format!(" for {since}"), canvas.ink(Ink::Muted)),
        );
        let lines = wrap(&long, columns.saturating_sub(2)).into_iter();
        rows.extend(lines.map(|line| Row::new().with(format!("  {line}"), canvas.ink(Ink::Text))));
        for why in reasons(world, &alarm.kind) {
            rows.extend(below(canvas, &why, columns));
        }
    }
    for group in world.audit.groups() {
        rows.extend(lost(canvas, world, group, columns));
        rows.extend(thrown(canvas, world, group, columns));
    }
    if rows.is_empty() {
        rows.push(Row::new().with("Nothing is lost.", canvas.ink(Ink::Good)));
    }
    rows
}

/// What is to be said of an alarm besides what it is, in sentences.
fn reasons(world: &World, kind: &AlarmKind) -> Vec<String> {
    let names = &world.topology.names;
    match kind {
        AlarmKind::SplitBrain(at) => {
            let Some(group) = world.audit.group(*at) else { return Vec::new() };
            let split = group.split.as_ref().map(|split| report::why_split(names, group, split));
            let cuts = report::why_cuts(names, group).into_iter().map(|why| why + ".");
            split.into_iter().chain(cuts).collect()
        }
        AlarmKind::Deadlock(at, nodes) => {
            let Some(group) = world.audit.group(*at) else { return Vec::new() };
            let replicas = nodes.iter().filter_map(|id| group.replica(*id));
            let waits = replicas.flat_map(|one| one.waits.iter().map(move |wait| (one.id, wait)));
            let sentence =
                |(id, (about, (awaited, _))): (NodeId, (&NodeId, &(Awaited, LabTime)))| {
                    let (who, whom) = (names.of(id), names.of(*about));
                    let what = inspect::awaited_words(*awaited);
                    format!("{who} does nothing until {whom} sends {what}.")
                };
            waits.map(sentence).collect()
        }
        _ => Vec::new(),
    }
}

/// The same as text: what is wrong, and a line for each write that is lost or was thrown away, each as it was written.
#[must_use]
pub fn copied(world: &World) -> Option<Copied> {
    let alarms = world.truth.alarms.iter().filter_map(|alarm| store_alarm(world, &alarm.kind));
    let mut lines: Vec<String> =
        alarms.map(|(word, [long, _])| format!("{word}: {long}")).collect();
    let mut writes = 0_usize;
    for group in world.audit.groups() {
        let lost = group.lost.values().rev().map(|gone| {
            let [place, author, text] = write_words(&gone.id, &gone.operation, usize::MAX);
            format!("LOST  {place}  {author}  {text}  ({})", fate(world, gone))
        });
        let thrown = group.discarded.iter().rev().map(|one| {
            let [place, author, text] = write_words(&one.id, &one.operation, usize::MAX);
            let acked = if one.acked { "acknowledged, " } else { "" };
            format!("thrown away  {place}  {author}  {text}  ({acked}{})", thrown_words(world, one))
        });
        let before = lines.len();
        lines.extend(lost.chain(thrown));
        writes += lines.len() - before;
    }
    let what = match writes {
        0 => "what is wrong".to_owned(),
        1 => "1 write".to_owned(),
        more => format!("{more} writes"),
    };
    (!lines.is_empty()).then(|| Copied::new(what, lines.iter().map(String::as_str)))
}

/// What is said of the row above, indented.
fn below(canvas: &Canvas<'_>, text: &str, columns: u16) -> Vec<Row> {
    let lines = wrap(text, columns.saturating_sub(INDENT));
    let indent = " ".repeat(usize::from(INDENT));
    let row = |line| Row::new().with(format!("{indent}{line}"), canvas.ink(Ink::Muted));
    lines.into_iter().map(row).collect()
}

fn heading(canvas: &Canvas<'_>, text: String, ink: Ink) -> [Row; 2] {
    [Row::new(), Row::new().with(text, canvas.ink(ink))]
}

/// `lobby  anna.1#7  "hello"`: where, whose, what in at most so many columns.
fn write_words(id: &OpId, operation: &Operation, columns: usize) -> [String; 3] {
    let text = match operation {
        Operation::Post { text, .. } => text,
        Operation::Put { value, .. } => value,
        Operation::Read { room: key } | Operation::Get { key } => key,
    };
    let place = Shown::short(operation.place(), 16).to_string();
    [place, Shown::short(&id.to_string(), 20).to_string(), Shown::short(text, columns).to_string()]
}

fn write_row(canvas: &Canvas<'_>, id: &OpId, operation: &Operation) -> Row {
    let [place, author, text] = write_words(id, operation, TEXT_MAX);
    Row::new()
        .with(format!("{place:<10} "), canvas.ink(Ink::Strong))
        .with(format!("{author:<12} "), canvas.ink(Ink::Text))
        .with(text, canvas.ink(Ink::Message))
}

fn lost(canvas: &Canvas<'_>, world: &World, group: &Group, columns: u16) -> Vec<Row> {
    let mut rows = Vec::new();
    let count = group.figures.lost;
    if count > 0 {
        let text = format!("LOST {count}: acknowledged, and nobody who lives has it");
        rows.extend(heading(canvas, text, Ink::Bad));
    }
    // The newest are what the room has just seen go.
    for gone in group.lost.values().rev() {
        rows.push(write_row(canvas, &gone.id, &gone.operation));
        rows.extend(below(canvas, &fate(world, gone), columns));
    }
    let untold = count.saturating_sub(group.lost.len() as u64);
    if untold > 0 {
        rows.push(Row::new().with(format!("and {untold} more"), canvas.ink(Ink::Muted)));
    }
    rows
}

/// Who was told that it is done and when, who had acknowledged it, and what took its last copy.
fn fate(world: &World, gone: &Gone) -> String {
    let names = &world.topology.names;
    let at = format!("{:.1} s", gone.acked.millis_f64() / 1e3);
    let told = match gone.told {
        Some(client) => format!("{} was told ok at {at}.", names.of(client)),
        None => format!("Acknowledged at {at}."),
    };
    format!("{told} {}", report::why_lost(names, gone))
}

fn thrown(canvas: &Canvas<'_>, world: &World, group: &Group, columns: u16) -> Vec<Row> {
    if group.discarded.is_empty() {
        return Vec::new();
    }
    let count = group.figures.discarded;
    let text = format!("thrown away {count}: another log took its place");
    let mut rows: Vec<Row> = heading(canvas, text, Ink::Slow).into();
    for one in group.discarded.iter().rev() {
        let mut row = write_row(canvas, &one.id, &one.operation);
        if one.acked {
            row.push("  ", canvas.ink(Ink::Text));
            row.push(" ACKED ", canvas.badge(Ink::Slow));
        }
        rows.push(row);
        rows.extend(below(canvas, &thrown_words(world, one), columns));
    }
    rows
}

fn thrown_words(world: &World, one: &Thrown) -> String {
    let name = |id: NodeId| world.topology.names.of(id);
    let at = format!("{:.1} s", one.at.millis_f64() / 1e3);
    format!("by {} at {at}, for the log of {}", name(one.by), name(one.for_the_log_of))
}
