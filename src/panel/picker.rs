//! The list of topologies at start: one line each, and what the marked one teaches.

use super::layout::centred;
use super::paint::{Border, Canvas, Row, width};
use super::theme::{Ink, Theme};
use ratatui::Frame;
use ratatui::layout::Rect;

/// One topology that can be opened.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Offer {
    /// Its name, as `run` takes it.
    pub name: String,
    /// One line: what is this?
    pub title: String,
    /// What it teaches.
    pub lesson: String,
    /// How many steps it has.
    pub steps: usize,
}

/// What a key does to the list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Move {
    /// By so many rows.
    By(isize),
    /// This one it is.
    Choose,
    /// None of them.
    Leave,
}

/// The list with its cursor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Picker {
    offers: Vec<Offer>,
    at: usize,
}

impl Picker {
    /// A list; the first is marked.
    #[must_use]
    pub fn new(offers: Vec<Offer>) -> Self {
        Self { offers, at: 0 }
    }

    /// The row that is marked.
    #[must_use]
    pub fn at(&self) -> usize {
        self.at
    }

    /// Moves the mark.
    pub fn step(&mut self, by: isize) {
        self.at = self.at.saturating_add_signed(by).min(self.offers.len().saturating_sub(1));
    }

    /// Draws the list.
    pub fn draw(&self, theme: &Theme, frame: &mut Frame<'_>) {
        let screen = frame.area();
        let mut canvas = Canvas::new(frame.buffer_mut(), theme);
        canvas.clear(screen);
        if screen.height < 3 || screen.width < 20 {
            if let (Some(offer), false) = (self.offers.get(self.at), screen.is_empty()) {
                let style = canvas.ink(Ink::Strong);
                canvas.text(screen.x, screen.y, screen.width, &offer.name, style);
            }
            return;
        }
        let keys = Row::new()
            .with("Enter", canvas.theme.selected())
            .with(" opens   ", canvas.ink(Ink::Text))
            .with("↑ ↓", canvas.theme.selected())
            .with(" choose   ", canvas.ink(Ink::Text))
            .with("q", canvas.theme.selected())
            .with(" quits", canvas.ink(Ink::Text));
        let place = format!("{} of {} ", self.at + 1, self.offers.len());
        let room = screen.width - 1;
        if keys.width() + 2 + width(&place) <= room {
            let muted = canvas.ink(Ink::Muted);
            canvas.right(screen.right(), screen.bottom() - 1, width(&place), &place, muted);
        }
        canvas.row(screen.x + 1, screen.bottom() - 1, screen.width - 1, &keys);
        let above = Rect { height: screen.height - 1, ..screen };
        let area = centred(above, 92, (self.offers.len() as u16 + 8).max(12));
        let title = Row::new().with(" faultlab ", canvas.ink(Ink::Focus));
        let note =
            Row::new().with(" a laboratory bench for distributed systems ", canvas.ink(Ink::Muted));
        let inner = canvas.frame(area, Border::Box, true, &title, &note);
        let lesson = if inner.height >= 8 { 4 } else { 0 };
        let rows = inner.height - lesson;
        self.list(&mut canvas, Rect { height: rows, ..inner });
        if let (Some(offer), true) = (self.offers.get(self.at), lesson > 0) {
            let area = Rect {
                x: inner.x + 2,
                y: inner.y + rows + 1,
                width: inner.width.saturating_sub(4),
                height: lesson - 1,
            };
            canvas.paragraph(area, &offer.lesson, canvas.ink(Ink::Text));
        }
    }

    fn list(&self, canvas: &mut Canvas<'_>, area: Rect) {
        let column =
            self.offers.iter().map(|offer| width(&offer.name)).max().unwrap_or(8).min(28) + 2;
        let top = (self.at + 1).saturating_sub(usize::from(area.height));
        let visible = self.offers.iter().enumerate().skip(top);
        for ((at, offer), y) in visible.zip(area.y..area.bottom()) {
            let marked = at == self.at;
            let sign = if marked { " ▸ " } else { "   " };
            let x = canvas.text(area.x, y, 3, sign, canvas.ink(Ink::Focus));
            let style = if marked { canvas.theme.selected() } else { canvas.ink(Ink::Strong) };
            canvas.text(x, y, column, &offer.name, style);
            let x = x + column;
            let room = area.right().saturating_sub(x);
            let text = match offer.steps {
                0 => offer.title.clone(),
                1 => format!("{}  (1 step)", offer.title),
                steps => format!("{}  ({steps} steps)", offer.title),
            };
            canvas.text(x, y, room, &text, canvas.ink(Ink::Text));
        }
    }
}
