//! Panel 6: the lecture in its three beats: the note and the question; the run; the answer beside the marks.

use super::paint::{Canvas, Row, wrap};
use super::theme::Ink;
use super::view::{PanelId, View};
use crate::command::grammar;
use crate::event::Judgement;
use crate::topology::Step;
use crate::world::{Beat, World};
use ratatui::layout::Rect;

/// The panel's title: which step, which beat.
#[must_use]
pub fn title(canvas: &Canvas<'_>, world: &World) -> Row {
    let steps = &world.steps;
    let (word, ink) = match steps.beat {
        Beat::Before => return Row::new(),
        Beat::Question => (" QUESTION ", Ink::Focus),
        Beat::Running => (" RUNS ", Ink::Lead),
        Beat::Answer => (" ANSWER ", Ink::Good),
    };
    Row::new()
        .with(format!(" {}/{} ", steps.step, steps.count), canvas.ink(Ink::Strong))
        .with(word, canvas.badge(ink))
        .with(" ", canvas.ink(Ink::Text))
}

/// The present step, if one has begun.
fn present(world: &World) -> Option<&Step> {
    world.topology.steps.get((world.steps.step as usize).checked_sub(1)?)
}

/// Draws the present step, or what the lecture is about before the first.
pub fn draw(canvas: &mut Canvas<'_>, area: Rect, world: &World, view: &View) {
    let mut rows: Vec<Row> = Vec::new();
    let columns = area.width.saturating_sub(8);
    let mut say = |label: &str, label_ink: Ink, text: &str, ink: Ink| {
        for (at, line) in wrap(text, columns).into_iter().enumerate() {
            let label = if at == 0 { label } else { "" };
            let row = Row::new().with(format!("{label:<7} "), canvas.ink(label_ink));
            rows.push(row.with(line, canvas.ink(ink)));
        }
    };
    let Some(step) = present(world) else {
        say("lesson", Ink::Muted, &world.topology.lesson, Ink::Text);
        let text = match world.steps.count {
            0 => "this topology has no steps; every key works".to_owned(),
            count => format!("n begins the first of {count} steps"),
        };
        say("", Ink::Muted, &text, Ink::Muted);
        return scrolled(canvas, area, view, &rows);
    };
    let beat = world.steps.beat;
    let over = beat == Beat::Answer && step.reveal.is_some();
    // At the answer the note has done its work; its rows go to the answer.
    if !over || area.height > 6 {
        say("note", Ink::Muted, &step.say, Ink::Text);
    }
    if let Some(ask) = &step.ask {
        say("asks", Ink::Focus, ask, Ink::Strong);
    }
    if beat == Beat::Answer
        && let Some(reveal) = &step.reveal
    {
        say("answer", Ink::Good, reveal, Ink::Strong);
    }
    let mut marks = marks(canvas, world, step);
    if matches!(beat, Beat::Running | Beat::Answer) {
        // Marks must be seen: they come before what would push them out.
        let room = usize::from(area.height);
        if rows.len() + marks.len() > room {
            let keep = room.saturating_sub(marks.len()).max(1);
            if view.focus != PanelId::Steps {
                rows.truncate(keep);
            }
        }
        rows.append(&mut marks);
    }
    scrolled(canvas, area, view, &rows);
}

fn scrolled(canvas: &mut Canvas<'_>, area: Rect, view: &View, rows: &[Row]) {
    let down = if view.focus == PanelId::Steps { view.down } else { 0 };
    let skip = down.min(rows.len().saturating_sub(usize::from(area.height)));
    for (row, y) in rows.iter().skip(skip).zip(area.y..area.bottom()) {
        canvas.row(area.x, y, area.width, row);
    }
    if skip + usize::from(area.height) < rows.len() && area.height > 0 {
        canvas.right(area.right(), area.bottom() - 1, 4, " ↓ ", canvas.ink(Ink::Slow));
    }
}

/// One row an expectation: its mark, its words, and what was seen.
fn marks(canvas: &Canvas<'_>, world: &World, step: &Step) -> Vec<Row> {
    let number = world.steps.step;
    step.expect
        .iter()
        .zip(0_u32..)
        .map(|(expectation, at)| {
            let words = grammar::expectation_words(expectation, &world.topology.names);
            let (mark, ink, seen) = match world.steps.judged.get(&(number, at)) {
                Some((Judgement::Passed, seen)) => ("  ✓ ", Ink::Good, seen.to_string()),
                Some((Judgement::Failed, seen)) => ("  ✕ ", Ink::Bad, seen.to_string()),
                None => ("  · ", Ink::Message, "not yet".to_owned()),
            };
            Row::new()
                .with(mark, canvas.badge(ink))
                .with("  ", canvas.ink(Ink::Text))
                .with(words, canvas.ink(Ink::Text))
                .with(format!("  {seen}"), canvas.ink(Ink::Muted))
        })
        .collect()
}
