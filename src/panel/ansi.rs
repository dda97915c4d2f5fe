//! Cells as the bytes of a terminal: from one picture to the next, only what differs. It uses what every terminal and
//! every player of casts understands: places, colours, bold, dim, underline and reverse.

use ratatui::buffer::{Buffer, Cell};
use ratatui::style::{Color, Modifier};
use std::fmt::Write as _;
use unicode_width::UnicodeWidthStr;

/// An empty screen without a cursor, in the terminal's own colours.
pub const BEGIN: &str = "\x1b[0m\x1b[?25l\x1b[2J\x1b[H";
/// The cursor comes back.
pub const END: &str = "\x1b[0m\x1b[?25h";

/// The modifiers that are written, each with its number.
const MODIFIERS: [(Modifier, u8); 5] = [
    (Modifier::BOLD, 1),
    (Modifier::DIM, 2),
    (Modifier::ITALIC, 3),
    (Modifier::UNDERLINED, 4),
    (Modifier::REVERSED, 7),
];

/// How a terminal writes now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Pen {
    fg: Color,
    bg: Color,
    modifier: Modifier,
}

impl Default for Pen {
    fn default() -> Self {
        Self { fg: Color::Reset, bg: Color::Reset, modifier: Modifier::empty() }
    }
}

impl Pen {
    fn of(cell: &Cell) -> Self {
        let mut modifier = cell.modifier;
        if modifier.contains(Modifier::DIM) {
            // To some terminals the two are ends of one thing, and the later would count.
            modifier.remove(Modifier::BOLD);
        }
        Self { fg: cell.fg, bg: cell.bg, modifier }
    }

    /// Writes what makes one pen of another.
    fn change(self, to: Self, out: &mut String) {
        let mut from = self;
        let mut parts: Vec<String> = Vec::new();
        if !to.modifier.contains(from.modifier) {
            // What is on can only be switched off together, which every terminal does alike.
            parts.push("0".into());
            from = Self::default();
        }
        for (modifier, number) in MODIFIERS {
            if to.modifier.contains(modifier) && !from.modifier.contains(modifier) {
                parts.push(number.to_string());
            }
        }
        if from.fg != to.fg {
            parts.push(colour(to.fg, 30));
        }
        if from.bg != to.bg {
            parts.push(colour(to.bg, 40));
        }
        if !parts.is_empty() {
            // Writing to a String cannot fail.
            let _ = write!(out, "\x1b[{}m", parts.join(";"));
        }
    }
}

/// The numbers of a colour; those of the letters begin at 30, those of the ground at 40.
fn colour(colour: Color, base: u8) -> String {
    let dark = |number: u8| (base + number).to_string();
    let bright = |number: u8| (base + 60 + number).to_string();
    match colour {
        Color::Reset => dark(9),
        Color::Black => dark(0),
        Color::Red => dark(1),
        Color::Green => dark(2),
        Color::Yellow => dark(3),
        Color::Blue => dark(4),
        Color::Magenta => dark(5),
        Color::Cyan => dark(6),
        Color::Gray => dark(7),
        Color::DarkGray => bright(0),
        Color::LightRed => bright(1),
        Color::LightGreen => bright(2),
        Color::LightYellow => bright(3),
        Color::LightBlue => bright(4),
        Color::LightMagenta => bright(5),
        Color::LightCyan => bright(6),
        Color::White => bright(7),
        Color::Indexed(index) => format!("{};5;{index}", base + 8),
        Color::Rgb(red, green, blue) => format!("{};2;{red};{green};{blue}", base + 8),
    }
}

/// What makes one picture of another, of the same size; nothing where they are the same. It begins and ends with the
/// terminal's own colours.
#[must_use]
pub fn changes(from: &Buffer, to: &Buffer) -> String {
    let mut out = String::new();
    let mut pen = Pen::default();
    let mut at = None;
    for (x, y, cell) in differing(from, to) {
        if at != Some((x, y)) {
            // Writing to a String cannot fail.
            let _ = write!(out, "\x1b[{};{}H", y + 1, x + 1);
        }
        let next = Pen::of(cell);
        pen.change(next, &mut out);
        pen = next;
        let symbol = cell.symbol();
        out.push_str(symbol);
        // Terminals do not agree on how wide letters of several characters are, or of two columns: behind those the
        // place is said again.
        let sure = symbol.chars().count() == 1 && symbol.width() == 1;
        at = sure.then_some((x + 1, y));
    }
    if !out.is_empty() {
        pen.change(Pen::default(), &mut out);
    }
    out
}

/// The cells that must be written. What a letter of two columns leaves behind when it is written over, terminals do not
/// agree on: its second column is written, too.
fn differing<'a>(from: &Buffer, to: &'a Buffer) -> Vec<(u16, u16, &'a Cell)> {
    let columns = usize::from(to.area.width).max(1);
    let mut cells = Vec::new();
    let rows = from.content().chunks(columns).zip(to.content().chunks(columns));
    for (y, (was, is)) in (0..).zip(rows) {
        let (mut covered, mut torn) = (0_usize, 0_usize);
        for (x, (was, is)) in (0..).zip(was.iter().zip(is)) {
            if covered == 0 && (torn > 0 || was != is) {
                cells.push((x, y, is));
            }
            let (before, now) = (was.symbol().width(), is.symbol().width());
            covered = covered.max(now).saturating_sub(1);
            torn = torn.max(before.max(now)).saturating_sub(1);
        }
    }
    cells
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::panel::paint::Canvas;
    use crate::panel::theme::Theme;
    use ratatui::layout::Rect;
    use ratatui::style::Style;
    use std::num::NonZeroU16;

    fn picture(columns: u16, rows: u16) -> Buffer {
        Buffer::empty(Rect::new(0, 0, columns, rows))
    }

    fn terminal() -> vt100::Parser {
        let [rows, columns] = [4, 12].map(|size| NonZeroU16::new(size).expect("a size"));
        vt100::Parser::new(rows, columns, 0)
    }

    /// What a terminal shows of these bytes: letters, and for each cell both colours and four modifiers.
    fn shown(parser: &vt100::Parser) -> Vec<(String, String)> {
        let (rows, columns) = parser.screen().size();
        let (rows, columns) = (rows.get(), columns.get());
        let places = (0..rows).flat_map(|y| (0..columns).map(move |x| (y, x)));
        let cell = |(y, x)| {
            let cell = parser.screen().cell(y, x).expect("it is on the screen");
            let modifiers = [cell.bold(), cell.dim(), cell.underline(), cell.inverse()];
            let style = format!("{:?} {:?} {modifiers:?}", cell.fgcolor(), cell.bgcolor());
            // What was never written is as blank as what was.
            let letters = if cell.contents().is_empty() { " " } else { cell.contents() };
            (letters.to_owned(), style)
        };
        places.map(cell).collect()
    }

    #[test]
    fn what_differs_makes_the_next_picture_on_a_terminal() {
        let styles = [
            Style::new(),
            Style::new().fg(Color::Indexed(208)).bg(Color::Indexed(16)),
            Style::new().fg(Color::Rgb(1, 2, 3)).add_modifier(Modifier::BOLD),
            Style::new().bg(Color::LightRed).add_modifier(Modifier::REVERSED | Modifier::DIM),
            Style::new().fg(Color::White).add_modifier(Modifier::UNDERLINED),
        ];
        let texts = ["abc", "│─┼▶●", "日本語", "e\u{301}x", "✕ ö", "      "];
        let mut running = terminal();
        running.process(BEGIN.as_bytes());
        let mut before = picture(12, 4);
        for turn in 0..60_usize {
            let mut next = before.clone();
            let (x, y) = ((turn * 5 % 9) as u16, (turn * 3 % 4) as u16);
            let (text, style) = (texts[turn % texts.len()], styles[turn % styles.len()]);
            Canvas::new(&mut next, &Theme::mono(false)).text(x, y, 12, text, style);
            running.process(changes(&before, &next).as_bytes());
            let mut fresh = terminal();
            fresh.process(BEGIN.as_bytes());
            fresh.process(changes(&picture(12, 4), &next).as_bytes());
            assert_eq!(shown(&running), shown(&fresh), "turn {turn}");
            let letters: String = shown(&running).into_iter().map(|cell| cell.0).collect();
            let text: String = next.content().iter().map(Cell::symbol).collect();
            let squeeze = |text: &str| text.replace(' ', "");
            assert_eq!(squeeze(&letters), squeeze(&text), "turn {turn}");
            before = next;
        }
        assert_eq!(changes(&before, &before), "");
    }
}
