//! Panel 4: what happened, newest below, with a filter; it follows unless it is scrolled back.

use super::action::Action;
use super::feed::{Line, Tone};
use super::paint::{Canvas, Row};
use super::theme::Ink;
use super::view::View;
use crate::base::Shown;
use ratatui::layout::Rect;

/// The panel's note: following, or how many are new, and the filter.
#[must_use]
pub fn note(canvas: &Canvas<'_>, view: &View) -> Row {
    let mut row = Row::new();
    if !view.filter.is_empty() {
        let word = Shown::short(&view.filter, 20);
        row.push(format!(" only \"{word}\" "), canvas.ink(Ink::Focus));
    }
    let Some(mark) = view.event else {
        row.push(" following ", canvas.ink(Ink::Muted));
        return row;
    };
    let new = view.feed.matching(&view.filter).take_while(|line| line.0 >= mark.seen).count();
    if new > 0 {
        row.push(format!(" {new} NEW "), canvas.badge(Ink::Focus));
    }
    row.push(format!(" {} follows ", view.key(Action::Last)), canvas.ink(Ink::Muted));
    row
}

/// The lines in sight with their numbers, the newest first: the newest of all, or those around the marked one.
fn in_sight(view: &View, rows: usize) -> Vec<(u64, &Line)> {
    let matching = || view.feed.matching(&view.filter);
    let newer =
        view.event.map_or(0, |mark| matching().take_while(|line| line.0 > mark.line).count());
    let skip = newer.saturating_sub(rows / 2);
    let mut lines: Vec<(u64, &Line)> = matching().skip(skip).take(rows).collect();
    if lines.len() < rows && skip > 0 {
        // The oldest line is at the top: no row above it stays empty.
        let skip = skip.saturating_sub(rows - lines.len());
        lines = matching().skip(skip).take(rows).collect();
    }
    lines
}

/// The number of the line that stands in this row of the screen.
#[must_use]
pub fn line_at(area: Rect, view: &View, y: u16) -> Option<u64> {
    let lines = in_sight(view, usize::from(area.height));
    let at = usize::from(y.checked_sub(area.y)?);
    lines.iter().rev().nth(at).map(|line| line.0)
}

/// Draws the newest lines that fit, or those around the marked one.
pub fn draw(canvas: &mut Canvas<'_>, area: Rect, view: &View) {
    let lines = in_sight(view, usize::from(area.height));
    if lines.is_empty() {
        let hint = |action: Action, what: &str| format!("{}  {what}", view.key(action));
        let hints = if view.filter.is_empty() {
            vec![
                hint(Action::Fire, "the client asks"),
                hint(Action::Kill, "kills what is selected"),
                hint(Action::Help, "all keys"),
            ]
        } else {
            vec!["nothing with that word; Esc takes the filter away".to_owned()]
        };
        for (hint, y) in hints.iter().zip(area.y..area.bottom()) {
            canvas.text(area.x, y, area.width, hint, canvas.ink(Ink::Muted));
        }
        return;
    }
    for ((number, line), y) in lines.iter().rev().zip(area.y..area.bottom()) {
        let row = styled(canvas, line);
        canvas.row(area.x, y, area.width, &row);
        if view.event.is_some_and(|mark| mark.line == *number) {
            canvas.text(area.x, y, 1, "▸", canvas.ink(Ink::Focus));
            let bar = Rect { x: area.x + 1, y, width: area.width.saturating_sub(1), height: 1 };
            canvas.tint(bar, canvas.theme.selected());
        }
    }
}

/// One line in its colours: time, race, words.
#[must_use]
pub fn styled(canvas: &Canvas<'_>, line: &Line) -> Row {
    let race = line.race.map_or(String::new(), |no| format!("#{}", no.0));
    let ink = match line.tone {
        Tone::Plain => Ink::Text,
        Tone::Ask => Ink::Message,
        Tone::Good => Ink::Good,
        Tone::Slow => Ink::Slow,
        Tone::Bad => Ink::Bad,
        Tone::Hand => Ink::Lead,
    };
    let row = Row::new()
        .with(format!("{:>8} ", line.time.to_string()), canvas.ink(Ink::Muted))
        .with(format!("{race:<5} "), canvas.ink(Ink::Muted));
    // What was done by hand stands out: everything else follows from it.
    match line.text.split_once("  ") {
        Some((who @ "you", what)) => row
            .with(format!(" {who} "), canvas.badge(ink))
            .with(format!(" {what}"), canvas.ink(Ink::Strong)),
        _ => row.with(line.text.clone(), canvas.ink(ink)),
    }
}
