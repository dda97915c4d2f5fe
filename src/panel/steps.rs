//! Panel 6: the lecture in its three beats: the note and the question; the run; the answer beside the marks.

use super::action::Action;
use super::paint::{Canvas, Row, width, wrap};
use super::theme::Ink;
use super::view::{PanelId, View};
use crate::command::{Expectation, grammar};
use crate::event::Judgement;
use crate::topology::Step;
use crate::world::{Beat, World};
use ratatui::layout::Rect;
use ratatui::style::Style;

/// Columns before the words: for the label, or for a mark.
const INDENT: u16 = 10;

/// The panel's title: which step, which beat.
#[must_use]
pub fn title(canvas: &Canvas<'_>, world: &World) -> Row {
    let steps = &world.steps;
    if steps.beat == Beat::Before {
        return Row::new();
    }
    let (word, ink) = beat(steps.beat);
    Row::new()
        .with(format!(" {}/{} ", steps.step, steps.count), canvas.ink(Ink::Strong))
        .with(word, canvas.badge(ink))
        .with(" ", canvas.ink(Ink::Text))
}

/// The word of a beat, with its air, and its ink.
#[must_use]
pub fn beat(beat: Beat) -> (&'static str, Ink) {
    match beat {
        Beat::Before => ("", Ink::Muted),
        Beat::Question => (" QUESTION ", Ink::Focus),
        Beat::Running => (" RUNS ", Ink::Lead),
        Beat::Answer => (" ANSWER ", Ink::Good),
    }
}

/// How far the lecture is, and how long it has lasted: `■■■···  12:04`.
#[must_use]
pub fn note(canvas: &Canvas<'_>, world: &World, view: &View, room: u16) -> Row {
    let (steps, seconds) = (&world.steps, view.wall.as_secs());
    if steps.beat == Beat::Before {
        return Row::new();
    }
    let elapsed = format!(" {:02}:{:02} ", seconds / 60, seconds % 60);
    let done = steps.step as usize - usize::from(steps.beat != Beat::Answer);
    let bar = format!(" {}{} ", "■".repeat(done), "·".repeat(steps.count.saturating_sub(done)));
    let mut row = Row::new();
    if width(&bar) + width(&elapsed) <= room {
        row.push(bar, canvas.ink(Ink::Muted));
    }
    if width(&elapsed) <= room {
        row.push(elapsed, canvas.ink(Ink::Text));
    }
    row
}

/// The present step, if one has begun.
#[must_use]
pub fn present(world: &World) -> Option<&Step> {
    world.topology.steps.get((world.steps.step as usize).checked_sub(1)?)
}

/// Draws the present step, or what the lecture is about before the first.
pub fn draw(canvas: &mut Canvas<'_>, area: Rect, world: &World, view: &View) {
    let columns = area.width.saturating_sub(INDENT);
    let say = |label: &str, label_ink: Ink, text: &str, ink: Ink| -> Vec<Row> {
        // Keys stand between backticks in the file; here they look like keys.
        let mut key = false;
        let lines = wrap(text, columns).into_iter().enumerate();
        lines
            .map(|(at, line)| {
                let label = if at == 0 { label } else { "" };
                let mut row = Row::new();
                row.push(format!("{label:<8}  "), canvas.ink(label_ink));
                for (part, text) in line.split('`').enumerate() {
                    key ^= part > 0;
                    let style = if key { canvas.theme.selected() } else { canvas.ink(ink) };
                    row.push(text, style);
                }
                row
            })
            .collect()
    };
    let Some(step) = present(world) else {
        let text = match world.steps.count {
            0 => "this topology has no steps; every key works".to_owned(),
            count => format!("{} begins the first of {count} steps", view.key(Action::NextBeat)),
        };
        let mut rows = say("lesson", Ink::Muted, &world.topology.lesson, Ink::Text);
        rows.extend(say("", Ink::Muted, &text, Ink::Muted));
        return scrolled(canvas, area, view, &rows);
    };
    let beat = world.steps.beat;
    let note =
        if view.prompted { Vec::new() } else { say("note", Ink::Muted, &step.say, Ink::Text) };
    let ask = step
        .ask
        .as_deref()
        .map_or_else(Vec::new, |ask| say("question", Ink::Focus, ask, Ink::Strong));
    let (mut answer, mut marks) = (Vec::new(), Vec::new());
    if matches!(beat, Beat::Running | Beat::Answer) {
        marks = self::marks(canvas, world, step, columns);
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
        // The question gives way to marks with their words; where even that is not enough, it stays over one row of
        // marks.
        let question = if parts[2].is_empty() { 0 } else { parts[1].len() };
        if rows(&parts) > room && rows(&parts) - question > room && parts[3].len() > 1 {
            parts[3] = vec![joined(canvas, world, step, columns)];
        }
        if rows(&parts) > room && !parts[2].is_empty() {
            parts[1].clear();
        }
    }
    let rows: Vec<Row> = parts.into_iter().flatten().collect();
    scrolled(canvas, area, view, &rows);
}

/// All marks in one row, and the words of what matters most: what failed, else how many hold.
fn joined(canvas: &Canvas<'_>, world: &World, step: &Step, columns: u16) -> Row {
    let judged = |at: u32| world.steps.judged.get(&(world.steps.step, at));
    let mut row = Row::new().with(" ".repeat(usize::from(INDENT - 4)), canvas.ink(Ink::Text));
    let (mut hold, mut failed) = (0, None);
    for (expectation, at) in step.expect.iter().zip(0_u32..) {
        let (mark, style) = mark(canvas, judged(at).map(|judged| judged.0));
        row.push(mark, style);
        row.push(" ", canvas.ink(Ink::Text));
        match judged(at) {
            Some((Judgement::Passed, _)) => hold += 1,
            Some((Judgement::Failed, seen)) => failed = failed.or(Some((expectation, seen))),
            None => {}
        }
    }
    let count = step.expect.len();
    let room = columns.saturating_sub(row.width().saturating_sub(INDENT));
    let text = match failed {
        Some((expectation, seen)) => {
            format!(
                " {} – {seen}",
                fitting(world, expectation, room.saturating_sub(width(seen) + 4))
            )
        }
        None if hold == count => format!(" all {count} hold"),
        None => format!(" {hold} of {count} hold so far"),
    };
    row.with(text, canvas.ink(Ink::Text))
}

/// An expectation's words without what the step says anyway, until they fit.
fn fitting(world: &World, expectation: &Expectation, columns: u16) -> String {
    let whole = grammar::expectation_words(expectation, &world.topology.names);
    let without_limit = whole.rsplit_once(" within ").map_or(whole.as_str(), |parts| parts.0);
    let bare = without_limit.strip_prefix("query ").unwrap_or(without_limit);
    let forms = [whole.as_str(), without_limit, bare];
    forms.into_iter().find(|form| width(form) <= columns).unwrap_or(bare).to_owned()
}

/// A mark with its air, and how it looks: what is not judged yet is quiet.
fn mark(canvas: &Canvas<'_>, judged: Option<Judgement>) -> (&'static str, Style) {
    match judged {
        Some(Judgement::Passed) => (" ✓ ", canvas.badge(Ink::Good)),
        Some(Judgement::Failed) => (" ✕ ", canvas.badge(Ink::Bad)),
        None => (" · ", canvas.ink(Ink::Message)),
    }
}

fn scrolled(canvas: &mut Canvas<'_>, area: Rect, view: &View, rows: &[Row]) {
    let down = if view.focus == PanelId::Steps { view.down } else { 0 };
    let skip = canvas.skip(down, rows.len(), area.height);
    for (row, y) in rows.iter().skip(skip).zip(area.y..area.bottom()) {
        canvas.row(area.x, y, area.width, row);
    }
    if skip + usize::from(area.height) < rows.len() && area.height > 0 {
        canvas.right(area.right(), area.bottom() - 1, 4, " ↓ ", canvas.ink(Ink::Slow));
    }
}

/// What was seen, without its last particulars where there is no room for them.
fn shortened(seen: &str, columns: u16) -> &str {
    let mut seen = seen;
    while width(seen) > columns {
        match seen.rsplit_once(", ") {
            Some((whole, _)) => seen = whole,
            None => break,
        }
    }
    seen
}

/// One row an expectation: its mark and its words; once it holds, what was seen; where it failed, both.
fn marks(canvas: &Canvas<'_>, world: &World, step: &Step, columns: u16) -> Vec<Row> {
    let number = world.steps.step;
    let mut rows = Vec::new();
    let indent = " ".repeat(usize::from(INDENT));
    for (expectation, at) in step.expect.iter().zip(0_u32..) {
        let judged = world.steps.judged.get(&(number, at));
        let (mark, style) = mark(canvas, judged.map(|judged| judged.0));
        let row = Row::new()
            .with(&indent[..usize::from(INDENT) - 4], canvas.ink(Ink::Text))
            .with(mark, style)
            .with(" ", canvas.ink(Ink::Text));
        let words = fitting(world, expectation, columns);
        match judged {
            None => rows.push(row.with(words, canvas.ink(Ink::Text))),
            Some((Judgement::Passed, seen)) => {
                let seen = shortened(seen, columns);
                rows.push(row.with(seen, canvas.ink(Ink::Text)));
            }
            Some((Judgement::Failed, seen)) => {
                rows.push(row.with(words, canvas.ink(Ink::Text)));
                let seen = Row::new().with(format!("{indent}but {seen}"), canvas.ink(Ink::Bad));
                rows.push(seen);
            }
        }
    }
    rows
}
