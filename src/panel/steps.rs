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
    let columns = area.width.saturating_sub(8);
    let say = |label: &str, label_ink: Ink, text: &str, ink: Ink| -> Vec<Row> {
        let lines = wrap(text, columns).into_iter().enumerate();
        lines
            .map(|(at, line)| {
                let label = if at == 0 { label } else { "" };
                let row = Row::new().with(format!("{label:<7} "), canvas.ink(label_ink));
                row.with(line, canvas.ink(ink))
            })
            .collect()
    };
    let Some(step) = present(world) else {
        let text = match world.steps.count {
            0 => "this topology has no steps; every key works".to_owned(),
            count => format!("n begins the first of {count} steps"),
        };
        let mut rows = say("lesson", Ink::Muted, &world.topology.lesson, Ink::Text);
        rows.extend(say("", Ink::Muted, &text, Ink::Muted));
        return scrolled(canvas, area, view, &rows);
    };
    let beat = world.steps.beat;
    let note = say("note", Ink::Muted, &step.say, Ink::Text);
    let ask =
        step.ask.as_deref().map_or_else(Vec::new, |ask| say("asks", Ink::Focus, ask, Ink::Strong));
    let (mut answer, mut marks) = (Vec::new(), Vec::new());
    if matches!(beat, Beat::Running | Beat::Answer) {
        marks = self::marks(canvas, world, step);
    }
    if let (Beat::Answer, Some(reveal)) = (beat, &step.reveal) {
        answer = say("answer", Ink::Good, reveal, Ink::Strong);
    }
    // What has done its work goes first where there is no room for all: the note, the question, a row for each mark.
    let mut parts = [note, ask, answer, marks];
    if view.focus != PanelId::Steps {
        let room = usize::from(area.height);
        let rows = |parts: &[Vec<Row>; 4]| parts.iter().map(Vec::len).sum::<usize>();
        if rows(&parts) > room && !parts[3].is_empty() {
            parts[0].clear();
        }
        if rows(&parts) > room && !parts[2].is_empty() {
            parts[1].clear();
        }
        if rows(&parts) > room && parts[3].len() > 1 {
            parts[3] = vec![joined(canvas, world, step)];
        }
    }
    let rows: Vec<Row> = parts.into_iter().flatten().collect();
    scrolled(canvas, area, view, &rows);
}

/// All marks in one row, without what was seen.
fn joined(canvas: &Canvas<'_>, world: &World, step: &Step) -> Row {
    let mut row = Row::new();
    for (expectation, at) in step.expect.iter().zip(0_u32..) {
        let judged = world.steps.judged.get(&(world.steps.step, at)).map(|judged| judged.0);
        let (mark, ink) = mark(judged);
        let words = grammar::expectation_words(expectation, &world.topology.names);
        row.push(format!(" {mark} "), canvas.badge(ink));
        row.push(format!(" {words}  "), canvas.ink(Ink::Text));
    }
    row
}

fn mark(judged: Option<Judgement>) -> (char, Ink) {
    match judged {
        Some(Judgement::Passed) => ('✓', Ink::Good),
        Some(Judgement::Failed) => ('✕', Ink::Bad),
        None => ('·', Ink::Message),
    }
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
            let judged = world.steps.judged.get(&(number, at));
            let seen = judged.map_or_else(|| "not yet".to_owned(), |judged| judged.1.to_string());
            let (mark, ink) = mark(judged.map(|judged| judged.0));
            Row::new()
                .with(format!("   {mark}  "), canvas.badge(ink))
                .with("  ", canvas.ink(Ink::Text))
                .with(words, canvas.ink(Ink::Text))
                .with(format!("  {seen}"), canvas.ink(Ink::Muted))
        })
        .collect()
}
