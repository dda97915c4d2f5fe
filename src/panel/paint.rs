//! The only place that writes cells: text made safe, glyphs with their ASCII forms, frames, rows of styled text.
//!
//! Whatever is drawn, by whomever, passes `Shown` here; nothing here knows what it draws.

use super::theme::{Ink, Theme};
use crate::base::Shown;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

/// A line of text in several styles.
#[derive(Debug, Clone, Default)]
pub struct Row {
    parts: Vec<(String, Style)>,
}

impl Row {
    /// Nothing yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The same with a piece more.
    #[must_use]
    pub fn with(mut self, text: impl Into<String>, style: Style) -> Self {
        self.push(text, style);
        self
    }

    /// Adds a piece.
    pub fn push(&mut self, text: impl Into<String>, style: Style) {
        self.parts.push((text.into(), style));
    }

    /// Adds another row's pieces.
    pub fn append(&mut self, other: Self) {
        self.parts.extend(other.parts);
    }

    /// Columns that it takes.
    #[must_use]
    pub fn width(&self) -> u16 {
        self.parts.iter().map(|part| width(&part.0)).sum()
    }

    /// Whether nothing is in it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.parts.is_empty()
    }
}

/// Columns of a text once it is made safe.
#[must_use]
pub fn width(text: &str) -> u16 {
    u16::try_from(Shown::new(text).columns()).unwrap_or(u16::MAX)
}

/// Breaks a text into lines of at most this many columns, at spaces where it can.
#[must_use]
pub fn wrap(text: &str, columns: u16) -> Vec<String> {
    let columns = usize::from(columns.max(1));
    let mut lines = Vec::new();
    for paragraph in text.lines() {
        let (mut line, mut used) = (String::new(), 0);
        for word in paragraph.split_whitespace() {
            let mut word = Shown::new(word);
            if !line.is_empty() && used + 1 + word.columns() > columns {
                lines.push(std::mem::take(&mut line));
                used = 0;
            }
            while word.columns() > columns {
                // A letter of two columns has no room in one: then it stands alone.
                let first = word.as_str().chars().next().map_or(0, char::len_utf8);
                let (head, rest) = word.as_str().split_at(word.fitting(columns).max(first));
                lines.push(head.to_owned());
                word = Shown::new(rest);
                if word.as_str().is_empty() {
                    break;
                }
            }
            if !line.is_empty() {
                line.push(' ');
                used += 1;
            }
            line.push_str(word.as_str());
            used += word.columns();
        }
        if !line.is_empty() {
            lines.push(line);
        }
    }
    lines
}

/// Pieces one after the other; those for which there is no room are left out whole.
#[must_use]
pub fn as_many_as_fit(
    mut row: Row,
    parts: impl Iterator<Item = (String, Style)>,
    columns: u16,
    muted: Style,
) -> Row {
    let mut left_out = false;
    for (text, style) in parts {
        if row.width() + width(&text) > columns {
            left_out = true;
            continue;
        }
        row.push(text, style);
        row.push("  ", muted);
    }
    if left_out && row.width() < columns {
        row.push("…", muted);
    }
    row
}

/// How a panel is set off from its neighbours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Border {
    /// A line all round.
    Box,
    /// A line above only.
    Rule,
}

/// What an edge leaves of an area.
#[must_use]
pub fn inside(area: Rect, border: Border) -> Rect {
    if area.width < 2 || area.height == 0 {
        return Rect { width: 0, height: 0, ..area };
    }
    let edges = match border {
        Border::Box => 2,
        Border::Rule => 1,
    };
    Rect::new(area.x + 1, area.y + 1, area.width - 2, area.height.saturating_sub(edges))
}

/// A buffer with a theme.
#[derive(Debug)]
pub struct Canvas<'a> {
    buffer: &'a mut Buffer,
    /// How things look.
    pub theme: &'a Theme,
    /// How far the list that is scrolled can be.
    most: Option<usize>,
}

impl<'a> Canvas<'a> {
    /// A canvas over the whole buffer.
    pub fn new(buffer: &'a mut Buffer, theme: &'a Theme) -> Self {
        Self { buffer, theme, most: None }
    }

    /// What there is to draw on.
    #[must_use]
    pub fn area(&self) -> Rect {
        self.buffer.area
    }

    /// Rows of a list to leave out above, where somebody wants to be scrolled down by so many: never past its end.
    pub fn skip(&mut self, down: usize, rows: usize, height: u16) -> usize {
        let most = rows.saturating_sub(usize::from(height));
        // Only one list is scrolled at a time; the others are at their beginning.
        if down > 0 {
            self.most = Some(most);
        }
        down.min(most)
    }

    /// How far the scrolled list can be scrolled at most, once it has been drawn.
    #[must_use]
    pub fn scrolled_at_most(&self) -> Option<usize> {
        self.most
    }

    /// Text with a meaning.
    #[must_use]
    pub fn ink(&self, ink: Ink) -> Style {
        self.theme.ink(ink)
    }

    /// A badge with a meaning.
    #[must_use]
    pub fn badge(&self, ink: Ink) -> Style {
        self.theme.badge(ink)
    }

    /// Writes text, cut to `columns`, and gives the column after it.
    #[expect(
        clippy::disallowed_methods,
        reason = "the one place where text, made safe, is written"
    )]
    pub fn text(&mut self, x: u16, y: u16, columns: u16, raw: &str, style: Style) -> u16 {
        let area = self.buffer.area;
        if x >= area.right() || y >= area.bottom() || x < area.x || y < area.y || columns == 0 {
            return x;
        }
        let mut text: String = Shown::short(raw, usize::from(columns)).into();
        if self.theme.ascii {
            text = text.chars().map(ascii).collect();
        }
        let (end, _) = self.buffer.set_stringn(x, y, text, usize::from(columns), style);
        end
    }

    /// Writes text that ends before column `right`, and gives where it begins.
    pub fn right(&mut self, right: u16, y: u16, columns: u16, raw: &str, style: Style) -> u16 {
        let x = right.saturating_sub(width(raw).min(columns));
        self.text(x, y, columns, raw, style);
        x
    }

    /// Writes a row, cut to `columns`, and gives the column after it.
    pub fn row(&mut self, x: u16, y: u16, columns: u16, row: &Row) -> u16 {
        let end = x.saturating_add(columns);
        let mut at = x;
        for (text, style) in &row.parts {
            at = self.text(at, y, end.saturating_sub(at), text, *style);
        }
        at
    }

    /// Writes a row that ends before column `right`.
    pub fn row_right(&mut self, right: u16, y: u16, columns: u16, row: &Row) {
        let x = right.saturating_sub(row.width().min(columns));
        self.row(x, y, columns, row);
    }

    /// One fixed glyph; anything outside is left out.
    #[expect(clippy::disallowed_methods, reason = "a glyph of this program, never foreign text")]
    pub fn glyph(&mut self, x: u16, y: u16, glyph: char, style: Style) {
        let glyph = if self.theme.ascii { ascii(glyph) } else { glyph };
        if let Some(cell) = self.buffer.cell_mut((x, y)) {
            cell.set_char(glyph).set_style(style);
        }
    }

    /// Empties a rectangle.
    pub fn clear(&mut self, area: Rect) {
        let area = area.intersection(self.buffer.area);
        let style = self.theme.base();
        for y in area.y..area.bottom() {
            for x in area.x..area.right() {
                if let Some(cell) = self.buffer.cell_mut((x, y)) {
                    cell.reset();
                    cell.set_style(style);
                }
            }
        }
    }

    /// Paints over the styles of a rectangle.
    pub fn tint(&mut self, area: Rect, style: Style) {
        self.buffer.set_style(area.intersection(self.buffer.area), style);
    }

    /// Draws a panel's edge with its title on the left and a note on the right, and gives what is inside.
    pub fn frame(
        &mut self,
        area: Rect,
        border: Border,
        lit: bool,
        title: &Row,
        note: &Row,
    ) -> Rect {
        if area.width < 2 || area.height == 0 {
            return inside(area, border);
        }
        let style = self.ink(if lit { Ink::Focus } else { Ink::Frame });
        let (last, bottom) = (area.right() - 1, area.bottom() - 1);
        for x in area.x..area.right() {
            self.glyph(x, area.y, '─', style);
            if border == Border::Box && area.height > 1 {
                self.glyph(x, bottom, '─', style);
            }
        }
        if border == Border::Box && area.height > 1 {
            for y in area.y + 1..bottom {
                self.glyph(area.x, y, '│', style);
                self.glyph(last, y, '│', style);
            }
            for (x, y, corner) in [
                (area.x, area.y, '╭'),
                (last, area.y, '╮'),
                (area.x, bottom, '╰'),
                (last, bottom, '╯'),
            ] {
                self.glyph(x, y, corner, style);
            }
        }
        let room = area.width.saturating_sub(4);
        let end = self.row(area.x + 2, area.y, room, title);
        let left = last.saturating_sub(end).saturating_sub(3);
        if note.width() <= left {
            self.row_right(last.saturating_sub(1), area.y, left, note);
        }
        inside(area, border)
    }

    /// Writes a text over several lines and gives how many it took.
    pub fn paragraph(&mut self, area: Rect, text: &str, style: Style) -> u16 {
        let mut used = 0;
        for line in wrap(text, area.width) {
            if used == area.height {
                // What does not fit is said to be missing.
                if used > 0 && area.width > 1 {
                    self.text(area.right() - 1, area.y + used - 1, 1, "…", style);
                }
                break;
            }
            self.text(area.x, area.y + used, area.width, &line, style);
            used += 1;
        }
        used
    }
}

/// What stands for a glyph where only ASCII can be shown.
#[expect(clippy::match_same_arms, reason = "a row for each family of glyphs")]
fn ascii(glyph: char) -> char {
    match glyph {
        '─' | '╌' | '╴' | '–' | '—' => '-',
        '━' | '═' => '=',
        '±' => '%',
        '│' | '┃' | '║' | '╎' | '┊' => '|',
        '╭' | '╮' | '╰' | '╯' | '┌' | '┐' | '└' | '┘' | '├' | '┤' | '┬' | '┴' | '┼' | '╔' | '╗'
        | '╚' | '╝' | '┏' | '┓' | '┗' | '┛' | '╣' | '╠' => '+',
        '●' | '○' | '◇' => 'o',
        '▲' => '^',
        '−' => '-',
        '◆' => '*',
        '■' => '#',
        '█' | '▉' => '#',
        '▁' | '░' | '·' => '.',
        '▂' => ':',
        '▃' => '-',
        '▄' => '=',
        '▅' => '+',
        '▆' => '*',
        '▇' => '%',
        '✕' | '✗' => 'X',
        '✓' => 'v',
        '▶' | '▸' | '→' | '›' => '>',
        '◀' | '←' | '‹' => '<',
        '↑' => '^',
        '↓' => 'v',
        '↔' | '⇄' => '=',
        '…' => '~',
        '×' => 'x',
        '≠' => '!',
        '≥' => '>',
        'µ' | 'μ' => 'u',
        '╱' => '/',
        '╲' => '\\',
        '▔' => '\'',
        '▌' | '▐' => '|',
        '␣' => '_',
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::panel::theme::Depth;

    #[test]
    fn nothing_is_ever_drawn_outside_and_no_escape_survives() {
        let theme = Theme::night(Depth::True, false);
        for (w, h) in [(0, 0), (1, 1), (5, 2)] {
            let mut buffer = Buffer::empty(Rect::new(0, 0, w, h));
            let mut canvas = Canvas::new(&mut buffer, &theme);
            canvas.text(3, 1, 90, "\x1b[2Jhostile\u{202e}", Style::new());
            canvas.glyph(9, 9, '●', Style::new());
            canvas.frame(Rect::new(0, 0, w, h), Border::Box, true, &Row::new(), &Row::new());
            for cell in buffer.content() {
                assert!(!cell.symbol().chars().any(|c| c.is_control() || c == '\u{202e}'));
            }
        }
    }

    #[test]
    fn what_could_do_harm_is_shown_as_what_it_is() {
        let theme = Theme::night(Depth::True, false);
        let mut buffer = Buffer::empty(Rect::new(0, 0, 30, 1));
        let mut canvas = Canvas::new(&mut buffer, &theme);
        canvas.text(0, 0, 30, "\x1b[2Jab\u{202e}c", Style::new());
        let row: String = buffer.content().iter().map(ratatui::buffer::Cell::symbol).collect();
        assert_eq!(row.trim_end(), "\\e[2Jab\\u{202e}c");
    }

    #[test]
    fn text_is_wrapped_at_spaces_and_long_words_are_broken() {
        assert_eq!(wrap("one two three", 7), ["one two", "three"]);
        assert_eq!(wrap("abcdefghij k", 4), ["abcd", "efgh", "ij k"]);
        assert_eq!(wrap("", 4), Vec::<String>::new());
        assert_eq!(wrap("世界世界 e\u{301}", 5), ["世界", "世界", "e\u{301}"]);
        assert_eq!(wrap("世界", 1), ["世", "界"]);
    }

    #[test]
    fn with_ascii_every_glyph_of_ours_has_its_form() {
        let theme = Theme::mono(true);
        let mut buffer = Buffer::empty(Rect::new(0, 0, 20, 3));
        let mut canvas = Canvas::new(&mut buffer, &theme);
        canvas.frame(Rect::new(0, 0, 20, 3), Border::Box, true, &Row::new(), &Row::new());
        canvas.text(1, 1, 18, "a → b · 3× ✕ … ≠", Style::new());
        assert!(buffer.content().iter().all(|cell| cell.symbol().is_ascii()));
    }
}
