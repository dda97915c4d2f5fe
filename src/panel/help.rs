//! The page behind `?`: the keys that are valid here and now, and nothing else. Typing searches it; Enter does what the
//! marked row says.

use super::action::Action;
use super::action_word::Section;
use super::fuzzy;
use super::hints;
use super::keymap::{self, Binding};
use super::paint::{Canvas, Row};
use super::prompt::Prompt;
use super::theme::Ink;
use super::view::View;
use crate::world::World;
use ratatui::layout::Rect;

/// The state of the page: what was typed, and which row is marked.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Search {
    /// What is searched for.
    pub typed: Prompt,
    /// The row that was walked to; else what answers best is marked.
    at: Option<usize>,
}

/// One row: an action that could be done now.
struct Entry {
    keys: String,
    help: &'static str,
    /// What it would hit.
    target: Option<String>,
    action: Action,
    /// How well it answers to what was typed.
    score: u32,
}

/// Columns of one column of the page.
const COLUMN: u16 = 58;

impl Search {
    /// Moves the mark by so many rows.
    pub fn step(&mut self, by: isize, world: &World, view: &View) {
        let entries = entries(self, world, view);
        let last = entries.len().saturating_sub(1);
        self.at = Some(self.marked(&entries).saturating_add_signed(by).min(last));
    }

    /// Types into the search; what answers best is marked.
    pub fn insert(&mut self, text: &str) {
        self.typed.insert(text);
        self.at = None;
    }

    /// Takes the last typed character back.
    pub fn backspace(&mut self) {
        self.typed.backspace();
        self.at = None;
    }

    /// Which row is marked: of those that answer equally well, the first.
    fn marked(&self, entries: &[Entry]) -> usize {
        let best = || (0..entries.len()).min_by_key(|at| std::cmp::Reverse(entries[*at].score));
        let last = entries.len().saturating_sub(1);
        self.at.or_else(best).map_or(0, |at| at.min(last))
    }

    /// What the marked row does.
    #[must_use]
    pub fn picked(&self, world: &World, view: &View) -> Option<Action> {
        let entries = entries(self, world, view);
        entries.get(self.marked(&entries)).map(|entry| entry.action)
    }
}

/// The rows that answer to what was typed, in the order of the sections and of the table.
fn entries(search: &Search, world: &World, view: &View) -> Vec<Entry> {
    let here = keymap::contexts_of_panels(view);
    // A presenter's keys may stand before others.
    let reachable = |row: &&Binding| {
        here.contains(&row.context) && view.keymap.binding_in(row.chord, &here) == Some(*row)
    };
    let mut rows: Vec<Entry> = Vec::new();
    for row in view.keymap.rows().iter().filter(reachable) {
        let Some(word) = hints::hint(row, world, view) else { continue };
        // Several keys for one thing share a line.
        if rows.iter().any(|entry| entry.help == row.help) {
            continue;
        }
        let same = view.keymap.rows().iter().filter(reachable);
        let same = same.filter(|other| other.help == row.help && other.action == row.action);
        let keys: Vec<String> = same.map(|other| other.chord.word()).collect();
        let target = row.short.contains('%').then_some(word);
        let keys = keys.join(" ");
        let (hits, word) = (target.as_deref().unwrap_or_default(), row.action.word());
        let text = format!("{keys} {} {hits} {word}", row.help);
        if let Some(score) = fuzzy::score(&text, search.typed.text()) {
            rows.push(Entry { keys, help: row.help, target, action: row.action, score });
        }
    }
    rows.sort_by_key(|entry| entry.action.section());
    rows
}

/// What is drawn on one line: a heading, or the row with this number.
enum Drawn {
    Heading(Section),
    Entry(usize),
}

/// Draws the keys of the panel that has the focus, in columns, so that the marked row is in sight.
pub fn draw(canvas: &mut Canvas<'_>, area: Rect, search: &Search, world: &World, view: &View) {
    if area.height == 0 {
        return;
    }
    search_line(canvas, Rect { height: 1, ..area }, search);
    let area = Rect { y: area.y + 1, height: area.height - 1, ..area };
    let entries = entries(search, world, view);
    if entries.is_empty() {
        let text = "no key does that here; Esc shows them all";
        canvas.text(area.x + 1, area.y, area.width, text, canvas.ink(Ink::Muted));
        return;
    }
    let mut lines: Vec<Drawn> = Vec::new();
    for (at, entry) in entries.iter().enumerate() {
        let section = entry.action.section();
        if at == 0 || entries[at - 1].action.section() != section {
            lines.push(Drawn::Heading(section));
        }
        lines.push(Drawn::Entry(at));
    }
    let columns = (area.width / COLUMN).max(1);
    let per_column = lines.len().div_ceil(usize::from(columns)).max(1);
    let visible = usize::from(area.height);
    let marked = search.marked(&entries);
    let is_marked = |line: &Drawn| matches!(line, Drawn::Entry(at) if *at == marked);
    let row = lines.iter().position(is_marked).unwrap_or(0) % per_column;
    let skip = super::list::top(row, visible, per_column);
    let wide = area.width / columns;
    for (column, chunk) in lines.chunks(per_column).enumerate() {
        let x = area.x + column as u16 * wide;
        for (line, y) in chunk.iter().skip(skip).zip(area.y..area.bottom()) {
            let row = match line {
                Drawn::Heading(section) => {
                    Row::new().with(format!(" {}", section.word()), canvas.ink(Ink::Muted))
                }
                Drawn::Entry(at) => styled(canvas, &entries[*at], *at == marked),
            };
            canvas.row(x, y, wide.saturating_sub(1), &row);
        }
    }
    if skip + visible < per_column && area.height > 0 {
        canvas.right(area.right(), area.bottom() - 1, 10, " ↓ more ", canvas.ink(Ink::Slow));
    }
}

fn search_line(canvas: &mut Canvas<'_>, area: Rect, search: &Search) {
    if search.typed.text().is_empty() {
        let text = " type to search   Enter does it   Esc back";
        canvas.text(area.x, area.y, area.width, text, canvas.ink(Ink::Muted));
    } else {
        super::palette_view::line(canvas, area, " /", &search.typed);
    }
}

fn styled(canvas: &Canvas<'_>, entry: &Entry, marked: bool) -> Row {
    let sign = if marked { "▸" } else { " " };
    let style = if marked { canvas.theme.selected() } else { canvas.ink(Ink::Text) };
    let mut line = Row::new()
        .with(format!("{sign}{:<10}", entry.keys), canvas.ink(Ink::Focus))
        .with(entry.help, style);
    if let Some(target) = &entry.target {
        line.push(format!("  ({target})"), canvas.ink(Ink::Muted));
    }
    line
}
