//! Rows 1 and 2 and the banner: where we are, what the clock does, what is true, and what is wrong.

use super::paint::{Canvas, Row, width};
use super::theme::Ink;
use super::view::View;
use super::words;
use crate::base::{LabTime, Shown};
use crate::event::Life;
use crate::message::Outcome;
use crate::world::{Alarm, AlarmKind, World};
use ratatui::layout::Rect;
use std::time::Duration;

/// How long a verdict that was wrong stays in the banner, in lab time.
const VERDICT_SHOWN: Duration = Duration::from_secs(10);

/// Row 1: the topology, the clock, how many nodes run, the seed.
pub fn place(canvas: &mut Canvas<'_>, area: Rect, world: &World, view: &View, now: LabTime) {
    if area.is_empty() {
        return;
    }
    let topology = &world.topology;
    let mut right = Row::new();
    let (word, ink) = words::clock(&world.clock);
    right.push(format!(" {word} "), canvas.badge(ink));
    let up = world.nodes.iter().filter(|node| node.life == Life::Up).count();
    let ours = topology.nodes.iter().filter(|node| node.at.is_none()).count();
    let style = canvas.ink(if up < ours { Ink::Slow } else { Ink::Text });
    right.push(format!("  up {up}/{ours}"), style);
    if area.width >= 80 {
        right.push(format!("  {:.1} s", now.millis_f64() / 1e3), canvas.ink(Ink::Muted));
        right.push(format!("  seed {}", topology.seed), canvas.ink(Ink::Muted));
    }
    if let Some(repaired) = world.steps.repaired {
        let (word, ink) =
            if repaired { (" REPAIRED ", Ink::Good) } else { (" CONFESSED ", Ink::Slow) };
        right.push("  ", canvas.ink(Ink::Text));
        right.push(word, canvas.badge(ink));
    }
    if area.width >= 60 {
        right.push("  ? help", canvas.ink(Ink::Muted));
    }
    let room = area.width.saturating_sub(right.width().saturating_add(2));
    let mut left = Row::new();
    if room > 40 {
        left.push("faultlab  ", canvas.ink(Ink::Focus));
    }
    left.push(Shown::new(&topology.name).to_string(), canvas.ink(Ink::Strong));
    if room > 60 {
        left.push(format!("  {}", Shown::new(&topology.title)), canvas.ink(Ink::Muted));
    }
    canvas.row(area.x + 1, area.y, room, &left);
    canvas.row_right(area.right().saturating_sub(1), area.y, area.width.saturating_sub(1), &right);
    let _ = view;
}

/// Row 2: what no node can know.
pub fn truth(canvas: &mut Canvas<'_>, area: Rect, world: &World) {
    if area.is_empty() {
        return;
    }
    let truth = &world.truth;
    let ended = |outcome| truth.ended.get(&outcome).copied().unwrap_or(0);
    let mut parts: Vec<(String, Ink)> = vec![(format!("asked {}", truth.asked), Ink::Text)];
    let mut add = |word: &str, count: u64, loud: Ink, always: bool| {
        if count > 0 || always {
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
    add("missed events", world.missed, Ink::Bad, false);
    let faults = fault_row(canvas, world, area.width);
    let room = area.width.saturating_sub(faults.width() + 2);
    // Where not everything fits, the zeros go first: they are the calm figures.
    let total =
        |parts: &[(String, Ink)]| -> u16 { parts.iter().map(|part| width(&part.0) + 2).sum() };
    while total(&parts) > room {
        let zero = parts.iter().rposition(|part| part.1 == Ink::Muted && part.0.ends_with(" 0"));
        match zero {
            Some(at) => drop(parts.remove(at)),
            None => break,
        }
    }
    let mut row = Row::new();
    for (text, ink) in parts {
        let loud = matches!(ink, Ink::Bad);
        row.push(text, if loud { canvas.badge(ink) } else { canvas.ink(ink) });
        row.push("  ", canvas.ink(Ink::Text));
    }
    let end = canvas.row(area.x + 1, area.y, room, &row);
    let left = area.right().saturating_sub(end + 1);
    canvas.row_right(area.right().saturating_sub(1), area.y, left, &faults);
}

fn fault_row(canvas: &Canvas<'_>, world: &World, columns: u16) -> Row {
    let faults = &world.truth.faults;
    if faults.is_empty() {
        return Row::new().with("no faults", canvas.ink(Ink::Muted));
    }
    let mut row = Row::new().with(format!("faults {}", faults.len()), canvas.ink(Ink::Slow));
    if columns >= 140 {
        let mut list = String::new();
        for fault in faults.iter().rev().take(3) {
            list += if list.is_empty() { ": " } else { ", " };
            list += Shown::short(fault, 30).as_str();
        }
        row.push(list, canvas.ink(Ink::Slow));
    }
    if columns >= 100 {
        row.push("  u takes back · R heals all", canvas.ink(Ink::Muted));
    } else {
        row.push(" (u undoes)", canvas.ink(Ink::Muted));
    }
    row
}

/// What is wrong now and must be said across the screen.
#[must_use]
pub fn alarm(world: &World, now: LabTime) -> Option<&Alarm> {
    world.truth.alarms.iter().find(|alarm| match alarm.kind {
        AlarmKind::Misgiven(_) | AlarmKind::Contradicted(..) => {
            now.since(alarm.since) < VERDICT_SHOWN
        }
        _ => true,
    })
}

/// The banner: what is wrong, since when, and why.
pub fn banner(canvas: &mut Canvas<'_>, area: Rect, world: &World, now: LabTime) {
    let Some(alarm) = alarm(world, now) else { return };
    let names = &world.topology.names;
    let name_of = |no| {
        let race = world.race(no);
        race.map_or_else(|| "a name".to_owned(), |race| Shown::short(race.name.as_str(), 30).into())
    };
    let (what, why) = match &alarm.kind {
        AlarmKind::Misgiven(no) => {
            ("WRONG ANSWER", format!("#{}: {} got the address of another name", no.0, name_of(*no)))
        }
        AlarmKind::Contradicted(no, holder) => (
            "CONTRADICTED",
            format!(
                "#{}: {} has {}, and the client was told there is none",
                no.0,
                names.of(*holder),
                name_of(*no)
            ),
        ),
        AlarmKind::Crashed(id) => {
            let why = world.node(*id).crash.as_deref().unwrap_or("its program ended by itself");
            ("CRASHED", format!("{}: {}", names.of(*id), Shown::short(why, 60)))
        }
        AlarmKind::Spinning(id) => {
            ("CANNOT STOP", format!("{} was told to stop and spins instead", names.of(*id)))
        }
        AlarmKind::AsksTheDead { node, dead } => {
            ("ASKS THE DEAD", format!("{} keeps asking {}", names.of(*node), names.of(*dead)))
        }
    };
    let style = canvas.badge(Ink::Bad);
    canvas.tint(area, style);
    let since = words::short(now.since(alarm.since));
    let text = format!(" !! {what}   {why}   since {since}");
    let columns = area.width;
    let end = canvas.text(area.x, area.y, columns, &text, style);
    for x in end..area.right() {
        canvas.glyph(x, area.y, ' ', style);
    }
    let others = world.truth.alarms.len().saturating_sub(1);
    if others > 0 {
        canvas.right(area.right(), area.y, 12, &format!(" +{others} more "), style);
    }
}
