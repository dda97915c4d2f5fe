//! Rows 1 and 2 and the banner: where we are, what the clock does, what is true, and what is wrong.

use super::action::Action;
use super::paint::{Canvas, Row, width};
use super::store;
use super::theme::Ink;
use super::view::{Selection, View};
use super::words;
use crate::base::{LabTime, Shown};
use crate::event::Life;
use crate::message::Outcome;
use crate::report::store_alarm;
use crate::world::{Alarm, AlarmKind, World};
use ratatui::layout::Rect;
use std::time::Duration;

/// How long a verdict that was wrong stays in the banner, in lab time.
const VERDICT_SHOWN: Duration = Duration::from_secs(10);

/// Row 1: the topology, the clock, how many nodes run, the lab's time, the seed. Where not everything fits, what the
/// lecture needs least goes first; nothing is cut.
pub fn place(canvas: &mut Canvas<'_>, area: Rect, world: &World, view: &View, now: LabTime) {
    if area.is_empty() {
        return;
    }
    let topology = &world.topology;
    let name = Shown::new(&topology.name).to_string();
    let room = area.width.saturating_sub(2);
    let fits = |row: &Row, least: u16| row.width() + least <= room;
    let mut right = Row::new();
    for spared in 0..4 {
        right = status(canvas, world, view, now, spared);
        if fits(&right, width(&name) + 2) {
            break;
        }
    }
    let room = room.saturating_sub(right.width() + 2);
    let mut left = Row::new();
    if room > width(&name) + 20 {
        left.push("faultlab  ", canvas.ink(Ink::Focus));
    }
    left.push(name, canvas.ink(Ink::Strong));
    let title = format!("  {}", Shown::new(&topology.title));
    if left.width() + width(&title) <= room {
        left.push(title, canvas.ink(Ink::Muted));
    }
    canvas.row(area.x + 1, area.y, room, &left);
    canvas.row_right(area.right().saturating_sub(1), area.y, area.width.saturating_sub(1), &right);
}

/// The right half of row 1, sparing so many of its parts: the seed, the help, the time.
fn status(canvas: &Canvas<'_>, world: &World, view: &View, now: LabTime, spared: u8) -> Row {
    let topology = &world.topology;
    let muted = canvas.ink(Ink::Muted);
    let (word, ink) = words::clock_of(world, view);
    let mut row = Row::new().with(format!(" {word} "), canvas.badge(ink));
    if let Some(cursor) = &view.replay {
        let [whole, short, least] = cursor.forms();
        let form = match spared {
            0 | 1 => whole,
            2 => short,
            _ => least,
        };
        return row.with(format!("  {form}"), canvas.ink(Ink::Text));
    }
    let up = world.nodes.iter().filter(|node| node.life == Life::Up).count();
    let ours = topology.nodes.iter().filter(|node| node.at.is_none()).count();
    let style = canvas.ink(if up < ours { Ink::Slow } else { Ink::Text });
    row.push(format!("  up {up}/{ours}"), style);
    if spared < 3 {
        row.push(format!("  lab {:.1} s", now.millis_f64() / 1e3), muted);
    }
    if spared < 1 {
        row.push(format!("  seed {}", topology.seed), muted);
    }
    if let Some(repaired) = world.steps.repaired {
        let (word, ink) =
            if repaired { (" REPAIRED ", Ink::Good) } else { (" CONFESSED ", Ink::Slow) };
        row.push("  ", muted);
        row.push(word, canvas.badge(ink));
    }
    if spared < 2 {
        row.push(format!("  {} help", view.key(Action::Help)), muted);
    }
    row
}

/// Row 2: what no node can know.
pub fn truth(canvas: &mut Canvas<'_>, area: Rect, world: &World, view: &View) {
    if area.is_empty() {
        return;
    }
    let mut parts = figures(world);
    let room = area.width.saturating_sub(2);
    let total =
        |parts: &[(String, Ink)]| -> u16 { parts.iter().map(|part| width(&part.0) + 2).sum() };
    // Where not everything fits, the zeros go first: they are the calm figures. Then the hint beside the faults, then
    // figures that others speak for; a dot says that some are missing.
    // In a replay nothing can be taken back.
    let hints = view.replay.is_none();
    let mut faults = fault_row(canvas, world, view, area.width, hints);
    let mut missing = false;
    while total(&parts) + faults.width() + if missing { 3 } else { 0 } > room {
        let zero = parts.iter().rposition(|part| part.1 == Ink::Muted && part.0.ends_with(" 0"));
        let spare = SPARED
            .iter()
            .find_map(|word| parts.iter().position(|part| part.0.split(' ').next() == Some(*word)));
        let short = fault_row(canvas, world, view, area.width, false);
        match (zero, spare) {
            (Some(at), _) => drop(parts.remove(at)),
            _ if short.width() < faults.width() => faults = short,
            (None, Some(at)) => {
                parts.remove(at);
                missing = true;
            }
            (None, None) => break,
        }
    }
    if missing {
        parts.push(("…".into(), Ink::Muted));
    }
    let selected = view.selection == Selection::Truth;
    if selected {
        canvas.glyph(area.x, area.y, '▸', canvas.ink(Ink::Focus));
    }
    let mut row = Row::new();
    for (text, ink) in parts {
        // Only what no node can know is loud; failures are the lab's daily bread.
        let loud = ink == Ink::Bad && text.starts_with(|c: char| c.is_ascii_uppercase());
        let style = match loud {
            true if selected => canvas.theme.selected(),
            true => canvas.badge(ink),
            false => canvas.ink(ink),
        };
        row.push(text, style);
        row.push("  ", canvas.ink(Ink::Text));
    }
    let end = canvas.row(area.x + 1, area.y, room, &row);
    let left = area.right().saturating_sub(end + 1);
    if faults.width() <= left {
        canvas.row_right(area.right().saturating_sub(1), area.y, left, &faults);
    }
}

/// All figures of the truth line: those of the stores, then those of the questions.
fn figures(world: &World) -> Vec<(String, Ink)> {
    let truth = &world.truth;
    let ended = |outcome| truth.ended.get(&outcome).copied().unwrap_or(0);
    let mut parts: Vec<(String, Ink)> = store::truth::parts(world);
    // Where there is a store and nobody asks for names, their figures would be noise.
    let asks = parts.is_empty() || truth.asked > 0;
    if asks {
        parts.push((format!("asked {}", truth.asked), Ink::Text));
    }
    let mut add = |word: &str, count: u64, loud: Ink, always: bool| {
        if count > 0 || (always && asks) {
            parts.push((format!("{word} {count}"), if count > 0 { loud } else { Ink::Muted }));
        }
    };
    add("answered", ended(Outcome::Answered), Ink::Good, true);
    add("negative", ended(Outcome::Negative), Ink::Text, true);
    add("failed", ended(Outcome::Failed), Ink::Bad, true);
    add("refused", ended(Outcome::Refused), Ink::Bad, false);
    add("reset", ended(Outcome::Reset), Ink::Bad, false);
    add("silent", ended(Outcome::Silent), Ink::Frozen, true);
    add("late", truth.late, Ink::Slow, true);
    add("cancelled", ended(Outcome::Cancelled), Ink::Muted, false);
    add("CONTRADICTED", truth.contradicted, Ink::Bad, false);
    add("WRONG", truth.misgiven, Ink::Bad, false);
    add("LIES", truth.lies, Ink::Bad, false);
    add("unmatched", truth.unmatched, Ink::Slow, false);
    add("MISSED EVENTS", world.missed, Ink::Bad, false);
    parts
}

/// What the truth line leaves out first where there is no room.
const SPARED: [&str; 10] = [
    "unmatched",
    "outvoted",
    "on-all",
    "cancelled",
    "late",
    "reset",
    "refused",
    "negative",
    "failed",
    "silent",
];

fn fault_row(canvas: &Canvas<'_>, world: &World, view: &View, columns: u16, whole: bool) -> Row {
    let (undo, reset) = (view.key(Action::Undo), view.key(Action::Reset));
    let count = world.faults_shown().count();
    match (count == 0, whole) {
        (true, true) => return Row::new().with("no faults", canvas.ink(Ink::Muted)),
        (true, false) => return Row::new(),
        _ => {}
    }
    let mut row = Row::new().with(format!("faults {count}"), canvas.ink(Ink::Slow));
    if columns >= 140 {
        let mut list = String::new();
        for fault in world.faults_shown().rev().take(3) {
            list += if list.is_empty() { ": " } else { ", " };
            list += Shown::short(fault, 30).as_str();
        }
        row.push(list, canvas.ink(Ink::Slow));
    }
    if !whole {
        return row;
    }
    if columns >= 100 {
        let hint = format!("  {undo} takes back · {reset} heals all");
        row.push(hint, canvas.ink(Ink::Muted));
    } else {
        row.push(format!(" ({undo} undoes)"), canvas.ink(Ink::Muted));
    }
    row
}

/// What is wrong now and must be said across the screen, in the order in which it happened.
fn alarms(world: &World, now: LabTime) -> impl Iterator<Item = &Alarm> {
    world.truth.alarms.iter().filter(move |alarm| match alarm.kind {
        AlarmKind::Misgiven(_) | AlarmKind::Contradicted(..) => {
            now.since(alarm.since) < VERDICT_SHOWN
        }
        _ => true,
    })
}

/// The alarm on show: what is broken in a store, loudest first; else the newest.
#[must_use]
pub fn alarm(world: &World, now: LabTime) -> Option<&Alarm> {
    let breaks = |alarm: &&Alarm| {
        matches!(
            alarm.kind,
            AlarmKind::SplitBrain(_)
                | AlarmKind::Lost(_)
                | AlarmKind::Deadlock(..)
                | AlarmKind::Diverged(_)
        )
    };
    let newest = || alarms(world, now).max_by_key(|alarm| alarm.since);
    // The world keeps them loudest first.
    alarms(world, now).find(breaks).or_else(newest)
}

/// What the banner says of an alarm: the word, and the reason in two lengths.
fn banner_words(world: &World, kind: &AlarmKind) -> (&'static str, [String; 2]) {
    let names = &world.topology.names;
    let name_of = |no| {
        let race = world.race(no);
        race.map_or_else(|| "a name".to_owned(), |race| Shown::short(race.name.as_str(), 30).into())
    };
    let same = |text: String| [text.clone(), text];
    match kind {
        AlarmKind::Misgiven(no) => {
            let name = name_of(*no);
            let long = format!("#{}: {name} got the address of another name", no.0);
            ("WRONG ANSWER", [long, format!("#{} {name}: another name's address", no.0)])
        }
        AlarmKind::Contradicted(no, holder) => {
            let (name, holder) = (name_of(*no), names.of(*holder));
            let outcome = world.race(*no).and_then(|race| race.verdict.as_ref());
            let told = match outcome.map(|verdict| verdict.outcome) {
                Some(Outcome::Negative) => "was told there is none",
                Some(Outcome::Failed) => "was told nobody can say",
                Some(Outcome::Refused | Outcome::Reset) => "lost its connection",
                _ => "got no answer",
            };
            let long = format!("#{} {name}: the client {told}, but {holder} has it", no.0);
            ("CONTRADICTED", [long, format!("#{} {name}: {told}, {holder} has it", no.0)])
        }
        AlarmKind::Crashed(id) => {
            let why = world.node(*id).crash.as_deref().unwrap_or("its program ended by itself");
            ("CRASHED", same(format!("{}: {}", names.of(*id), Shown::short(why, 60))))
        }
        AlarmKind::Spinning(id) => {
            ("CANNOT STOP", same(format!("{} was told to stop and spins instead", names.of(*id))))
        }
        AlarmKind::AsksTheDead { node, dead } => {
            ("ASKS THE DEAD", same(format!("{} keeps asking {}", names.of(*node), names.of(*dead))))
        }
        of_a_store => store_alarm(world, of_a_store).unwrap_or_default(),
    }
}

/// The banner: what is wrong, since when, and why.
pub fn banner(canvas: &mut Canvas<'_>, area: Rect, world: &World, now: LabTime) {
    let Some(alarm) = alarm(world, now) else { return };
    let (what, [long, short]) = banner_words(world, &alarm.kind);
    let style = canvas.badge(Ink::Bad);
    canvas.tint(area, style);
    for x in area.x..area.right() {
        canvas.glyph(x, area.y, ' ', style);
    }
    let others = alarms(world, now).count().saturating_sub(1);
    let more = if others > 0 { format!("  +{others} more ") } else { String::new() };
    let room = area.width.saturating_sub(width(&more));
    let since = match now.since(alarm.since) {
        span if span.as_secs() == 0 => String::new(),
        span => format!(" for {}", words::short(span)),
    };
    let head = format!(" !! {what}{since}   ");
    let why = if width(&head) + width(&long) <= room { long } else { short };
    canvas.text(area.x, area.y, room, &(head + &why), style);
    canvas.right(area.right(), area.y, width(&more), &more, style);
}
