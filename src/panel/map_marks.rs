//! The messages on the map: a mark for each that is on its way, with the number of its race beside it.

use super::map::Taken;
use super::paint::Canvas;
use super::plan::Route;
use super::theme::Ink;
use super::view::View;
use crate::base::LabTime;
use crate::message::{Message, ReplicaMessage, Said};
use crate::world::{Mark, MarkState, RaceNo, World};
use ratatui::layout::Rect;
use std::collections::BTreeSet;
use std::time::Duration;

/// With more marks on one direction than this, their numbers are left out.
const NUMBERED_MARKS_MAX: usize = 6;

/// Draws the marks of all links that run along one route.
pub fn draw(
    canvas: &mut Canvas<'_>,
    area: Rect,
    route: &Route,
    (world, view, now): (&World, &View, LabTime),
    taken: &mut Taken,
) {
    let mut shown: BTreeSet<(bool, RaceNo)> = BTreeSet::new();
    let ways = route.links.iter().flat_map(|(a, b)| [(*a, *b, true), (*b, *a, false)]);
    for (from, to, downwards) in ways {
        let Some(link) = world.links.get(&(from, to)) else { continue };
        let numbered = link.marks.len() <= NUMBERED_MARKS_MAX;
        for mark in link.shown(now) {
            let Some(cell) = cell_of(route, mark, now, downwards, view.motion) else { continue };
            if !taken.may_cross(cell) {
                continue;
            }
            let (glyph, ink) = mark_glyph(mark);
            let style = canvas.ink(ink).add_modifier(ratatui::style::Modifier::BOLD);
            canvas.glyph(cell.0, cell.1, glyph, style);
            taken.lines.insert(cell);
            let first = |race: &RaceNo| numbered && shown.insert((downwards, *race));
            if let Some(race) = mark.race.filter(first) {
                label_mark(canvas, area, cell, (race, style), taken);
            }
        }
    }
}

/// Writes the race's number beside its mark, where there is room.
fn label_mark(
    canvas: &mut Canvas<'_>,
    area: Rect,
    (x, y): (u16, u16),
    (race, style): (RaceNo, ratatui::style::Style),
    taken: &mut Taken,
) {
    let text = format!("#{}", race.0);
    let columns = text.len() as u16;
    let rows = [y, y.saturating_sub(1), y + 1];
    let places = rows.iter().flat_map(|row| [(x + 1, *row), (x.saturating_sub(columns), *row)]);
    let free = places.into_iter().find(|(x, y)| {
        *x >= area.x
            && x + columns <= area.right()
            && area.contains((*x, *y).into())
            && (*x..x + columns).all(|x| taken.is_free((x, *y)))
            // A column of air on the far side: words that touch cannot be read.
            && taken.may_cross((x + columns, *y))
            && taken.may_cross((x.saturating_sub(1), *y))
    });
    if let Some((x, y)) = free {
        canvas.text(x, y, columns, &text, style);
        taken.label(x, y, &text);
    }
}

/// Where on its link a mark is at a moment; none once it has arrived.
fn cell_of(
    route: &Route,
    mark: &Mark,
    now: LabTime,
    downwards: bool,
    motion: bool,
) -> Option<(u16, u16)> {
    let cells = route.cells.len();
    if cells == 0 {
        return None;
    }
    let at = match mark.state {
        MarkState::Lost { at } => mark.progress(at),
        _ => mark.progress(now),
    };
    if !motion && mark.state == MarkState::Travelling {
        return (at < 1.0).then(|| route.cells[cells / 2]);
    }
    if mark.state == MarkState::Travelling && at >= 1.0 && now.since(mark.due) > ARRIVED_LINGERS {
        return None;
    }
    let step = ((at * cells as f64) as usize).min(cells - 1);
    Some(route.cells[if downwards { step } else { cells - 1 - step }])
}

/// How long a mark that should have arrived stays at the end of its link, in lab time.
const ARRIVED_LINGERS: Duration = Duration::from_millis(20);

fn mark_glyph(mark: &Mark) -> (char, Ink) {
    match mark.state {
        MarkState::Lost { .. } => return ('✕', Ink::Bad),
        MarkState::Stalled => return ('■', Ink::Slow),
        MarkState::Travelling => {}
    }
    match &*mark.message {
        Message::Reply { said: Said::Found { .. }, .. } => ('◆', Ink::Good),
        Message::Reply { said: Said::Negative | Said::NoRecord, .. } => ('◆', Ink::Text),
        Message::Operated { said, .. } if said.is_ok() => ('◆', Ink::Good),
        Message::Reply { .. } | Message::Operated { .. } => ('◆', Ink::Bad),
        Message::Replica(message) => replica_glyph(message),
        Message::Ask { .. }
        | Message::AskTied { .. }
        | Message::Text(_)
        | Message::End
        | Message::Operate { .. } => ('●', Ink::Message),
        // Words about a question, small and quiet beside the question itself.
        Message::Began { .. } => ('·', Ink::Good),
        Message::Cancel { .. } => ('·', Ink::Slow),
    }
}

/// Heartbeats are small and quiet; changes, and what decides who leads, are what the room shall follow.
const fn replica_glyph(message: &ReplicaMessage) -> (char, Ink) {
    match message {
        ReplicaMessage::Beat { .. } | ReplicaMessage::Alive { .. } => ('·', Ink::Text),
        ReplicaMessage::Change { .. } | ReplicaMessage::State { .. } => ('◆', Ink::Lead),
        ReplicaMessage::Have { .. } => ('◇', Ink::Lead),
        ReplicaMessage::Election { .. }
        | ReplicaMessage::Here { .. }
        | ReplicaMessage::Leads { .. } => ('▲', Ink::Slow),
        ReplicaMessage::AskClock
        | ReplicaMessage::Clock { .. }
        | ReplicaMessage::CatchUp { .. } => ('○', Ink::Lead),
    }
}
