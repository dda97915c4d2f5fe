//! The command line on the screen: the line with its cursor, what is wrong with it, and what is offered below.

use super::list;
use super::paint::{Border, Canvas, Row, width};
use super::palette::{Offer, offers};
use super::prompt::Prompt;
use super::theme::Ink;
use super::view::View;
use crate::world::World;
use ratatui::layout::Rect;

/// Rows offered at once; the rest is scrolled to.
const OFFERS_SHOWN: usize = 8;

/// Draws the line and its offers over the foot of the screen.
pub fn draw(canvas: &mut Canvas<'_>, screen: Rect, prompt: &Prompt, world: &World, view: &View) {
    let offers = offers(prompt, world, view);
    let problem = prompt
        .problem
        .as_deref()
        .map(|text| super::paint::wrap(text, screen.width.saturating_sub(4)));
    let pointer = usize::from(prompt.wrong.is_some());
    let more = pointer + offers.len().min(OFFERS_SHOWN) + problem.as_ref().map_or(0, Vec::len);
    let height = (more as u16 + 3).min(screen.height);
    let area = Rect { y: screen.bottom() - height, height, ..screen };
    canvas.clear(area);
    let title = Row::new().with(" Command ", canvas.ink(Ink::Strong));
    let note = Row::new().with(" Tab completes  Enter does it  Esc ", canvas.ink(Ink::Muted));
    let inner = canvas.frame(area, Border::Box, true, &title, &note);
    if inner.height == 0 {
        return;
    }
    line(canvas, inner, ":", prompt);
    let mut y = inner.y + 1;
    if let Some(wrong) = &prompt.wrong
        && y < inner.bottom()
    {
        // Right below the word: the line begins with its sign.
        let before = prompt.text().get(..wrong.start).map_or(0, width);
        let word = prompt.text().get(wrong.clone()).map_or(0, width).max(1);
        let room = inner.width.saturating_sub(before + 1);
        let x = inner.x + 1 + before;
        canvas.text(x, y, room, &"^".repeat(usize::from(word)), canvas.ink(Ink::Bad));
        y += 1;
    }
    for text in problem.into_iter().flatten() {
        if y < inner.bottom() {
            canvas.text(inner.x + 1, y, inner.width - 1, &text, canvas.ink(Ink::Bad));
            y += 1;
        }
    }
    let list = Rect { y, height: inner.bottom().saturating_sub(y), ..inner };
    draw_offers(canvas, list, &offers, prompt.picked);
}

/// The offers, the picked one in sight, each action's key at the right end.
fn draw_offers(canvas: &mut Canvas<'_>, area: Rect, offers: &[Offer], picked: Option<usize>) {
    let visible = usize::from(area.height);
    let top = list::top(picked.unwrap_or(0), visible, offers.len());
    for ((at, offer), y) in offers.iter().enumerate().skip(top).zip(area.y..area.bottom()) {
        let marked = picked == Some(at);
        let style = if marked { canvas.theme.selected() } else { canvas.ink(Ink::Text) };
        let sign = if marked { "▸ " } else { "  " };
        let row = Row::new().with(sign, canvas.ink(Ink::Focus));
        let row = match offer {
            Offer::Word { text, what, .. } => row
                .with(format!("{text:<16} "), style)
                .with(first_clause(what), canvas.ink(Ink::Muted)),
            Offer::Key { words, .. } => row.with(words.clone(), style),
            Offer::Line(line) => {
                row.with(line.clone(), style).with("  typed before", canvas.ink(Ink::Muted))
            }
        };
        let mut room = area.width;
        if let Offer::Key { key, .. } = offer
            && !key.is_empty()
        {
            let key = format!(" {key} ");
            let columns = width(&key).min(area.width / 3);
            canvas.right(area.right(), y, columns, &key, canvas.theme.selected());
            room = room.saturating_sub(columns + 1);
        }
        canvas.row(area.x, y, room, &row);
    }
    let below = offers.len().saturating_sub(top + visible);
    if below > 0 && area.height > 0 {
        let text = format!(" ↓ {below} more ");
        let columns = width(&text);
        let x = area.x + area.width.saturating_sub(columns) / 2;
        canvas.text(x, area.bottom(), columns, &text, canvas.ink(Ink::Muted));
    }
}

/// As much of a sentence as tells it from the others; the whole stands in the help of the command line.
fn first_clause(what: &str) -> &str {
    what.split(['.', ';']).next().unwrap_or(what)
}

/// Draws a line that is being typed, with its cursor.
pub fn line(canvas: &mut Canvas<'_>, area: Rect, sign: &str, prompt: &Prompt) {
    let room = usize::from(area.width.saturating_sub(3));
    let before: Vec<char> = prompt.before().chars().collect();
    // The end of what stands before the cursor is what one looks at.
    let from = before.len().saturating_sub(room);
    let before: String = before[from..].iter().collect();
    let mut behind = prompt.behind().chars();
    let under = behind.next().unwrap_or(' ');
    let row = Row::new()
        .with(sign, canvas.ink(Ink::Focus))
        .with(before, canvas.ink(Ink::Strong))
        .with(under.to_string(), canvas.theme.selected())
        .with(behind.as_str(), canvas.ink(Ink::Strong));
    canvas.row(area.x, area.y, area.width, &row);
}
