//! Panel 4: what happened, newest below, with a filter; it follows unless it is scrolled back.

use super::action::Action;
use super::feed::{Line, Tone};
use super::paint::{Canvas, Row};
use super::theme::Ink;
use super::view::View;
use crate::base::Shown;
use ratatui::layout::Rect;

/// Columns of the time; behind them stands the mark of the picked line.
const TIME: u16 = 8;

/// The panel's note: following, scrolled, filtered.
#[must_use]
pub fn note(canvas: &Canvas<'_>, view: &View) -> Row {
    let mut row = Row::new();
    if !view.filter.is_empty() {
        let word = Shown::short(&view.filter, 20);
        row.push(format!(" only \"{word}\" "), canvas.ink(Ink::Focus));
    }
    let follow = view.key(Action::Last);
    match (view.events.picked(view.feed.count(&view.filter)), view.events.new_lines()) {
        (None, _) => row.push(" following ", canvas.ink(Ink::Muted)),
        (Some(_), 0) => {
            row.push(format!(" stands still, {follow} follows "), canvas.ink(Ink::Slow));
        }
        (Some(_), new) => {
            row.push(format!(" {new} new "), canvas.badge(Ink::Lead));
            row.push(format!(" {follow} follows "), canvas.ink(Ink::Slow));
        }
    }
    row
}

/// The line that stands in this row of the screen, counted from the newest.
#[must_use]
pub fn line_at(area: Rect, view: &View, y: u16) -> Option<usize> {
    let rows = usize::from(area.height);
    let count = view.feed.count(&view.filter);
    let below = view.events.below(count, rows);
    let shown = (count - below.min(count)).min(rows);
    let from_top = usize::from(y.checked_sub(area.y)?);
    (from_top < shown).then(|| below + shown - 1 - from_top)
}

/// Draws the lines of the window: the newest that fit, or those around the one that is picked.
pub fn draw(canvas: &mut Canvas<'_>, area: Rect, view: &View) {
    let rows = usize::from(area.height);
    let count = view.feed.count(&view.filter);
    let below = view.events.below(count, rows);
    let picked = view.events.picked(count).map(|at| at - below);
    let lines: Vec<&Line> = view.feed.newest(&view.filter, below).take(rows).collect();
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
    for ((at, line), y) in lines.iter().enumerate().rev().zip(area.y..area.bottom()) {
        let row = styled(canvas, line);
        canvas.row(area.x, y, area.width, &row);
        if picked == Some(at) {
            canvas.tint(Rect { y, height: 1, ..area }, canvas.theme.selected());
            canvas.text(area.x + TIME, y, 1, "▸", canvas.theme.selected());
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
    match line.text().split_once("  ") {
        Some((who @ "you", what)) => row
            .with(format!(" {who} "), canvas.badge(ink))
            .with(format!(" {what}"), canvas.ink(Ink::Strong)),
        _ => row.with(line.text().to_owned(), canvas.ink(ink)),
    }
}
