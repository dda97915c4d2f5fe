//! The topology's file beside the lab that runs: what a new edition of it would change, or what is wrong with it. A lab
//! takes it only when a person says so.

use super::paint::{Canvas, Row, width, wrap};
use super::theme::Ink;
use super::view::View;
use crate::topology::{Change, Topology, diff};
use crate::world::World;
use ratatui::layout::Rect;
use std::sync::Arc;

/// What has become of the file.
#[derive(Debug, Clone, PartialEq)]
pub enum Edited {
    /// It can be read, and says this.
    Sound(Arc<Topology>),
    /// It cannot be used: everything that is wrong with it.
    Broken(Arc<str>),
}

/// The file, where it says something else than what runs.
#[derive(Debug, Clone, PartialEq)]
pub enum Edition {
    /// What taking it would change.
    Sound {
        /// All that it says.
        topology: Arc<Topology>,
        /// In which ways it differs; at least one.
        changes: Vec<Change>,
    },
    /// Everything that is wrong with it. The lab goes on as it was.
    Broken(Arc<str>),
}

impl Edition {
    /// What a file is beside a lab; nothing where it says what runs.
    #[must_use]
    pub fn of(edited: Edited, world: &World) -> Option<Self> {
        match edited {
            Edited::Broken(text) => Some(Self::Broken(text)),
            Edited::Sound(topology) => {
                let changes = diff(&world.topology, &topology);
                (!changes.is_empty()).then_some(Self::Sound { topology, changes })
            }
        }
    }

    /// Whether only a new lab has all of it.
    #[must_use]
    pub fn restarts(&self) -> bool {
        match self {
            Self::Sound { changes, .. } => changes.iter().any(|change| !change.is_live()),
            Self::Broken(_) => false,
        }
    }

    /// What stands on the screen until somebody has looked: short, with the key.
    #[must_use]
    pub fn notice(&self, key: &str) -> String {
        match self {
            Self::Sound { changes, .. } => {
                let s = if changes.len() == 1 { "" } else { "s" };
                format!("file changed: {key} shows {} change{s}", changes.len())
            }
            Self::Broken(_) => format!("file broken, the lab goes on: {key} shows why"),
        }
    }

    /// The title of its page.
    #[must_use]
    pub fn title(&self) -> &'static str {
        match self {
            Self::Sound { .. } => " The file has changed ",
            Self::Broken(_) => " The file is broken: nothing of it is taken ",
        }
    }
}

/// Takes note of what the file has become, and says it once.
pub fn came(edited: Edited, world: &World, view: &mut View) {
    let before = view.edition.take();
    view.edition = Edition::of(edited, world);
    if view.edition.is_none() && before.is_some() {
        view.toast("the file says again what runs", false);
    }
}

/// Draws the page, scrolled down by so many rows.
pub fn draw(canvas: &mut Canvas<'_>, area: Rect, edition: &Edition, world: &World, down: usize) {
    if area.height == 0 {
        return;
    }
    let list = Rect { height: area.height.saturating_sub(2), ..area };
    let rows = rows(canvas, edition, list.width);
    let skip = canvas.skip(down, rows.len(), list.height);
    for (row, y) in rows.iter().skip(skip).zip(list.y..list.bottom()) {
        canvas.row(list.x, y, list.width, row);
    }
    let more = rows.len().saturating_sub(skip + usize::from(list.height));
    if more > 0 && list.height > 0 {
        let text = format!(" ↓ {more} more ");
        let style = canvas.ink(Ink::Slow);
        canvas.right(list.right(), list.bottom() - 1, width(&text), &text, style);
    }
    canvas.row(area.x, area.bottom() - 1, area.width, &answers(canvas, edition, world));
}

/// How many rows the page would like to have inside its edge.
#[must_use]
pub fn height(canvas: &Canvas<'_>, edition: &Edition, columns: u16) -> u16 {
    rows(canvas, edition, columns).len().saturating_add(2).min(usize::from(u16::MAX)) as u16
}

fn rows(canvas: &Canvas<'_>, edition: &Edition, columns: u16) -> Vec<Row> {
    match edition {
        Edition::Sound { changes, .. } => listed(canvas, changes, columns),
        Edition::Broken(text) => broken(canvas, text),
    }
}

fn listed(canvas: &Canvas<'_>, changes: &[Change], columns: u16) -> Vec<Row> {
    let mut rows = Vec::new();
    for change in changes {
        let live = change.is_live();
        let (sign, ink) = if live { ("▸ ", Ink::Text) } else { ("■ ", Ink::Slow) };
        for (at, line) in wrap(&change.words, columns.saturating_sub(2)).into_iter().enumerate() {
            let sign = if at == 0 { sign } else { "  " };
            rows.push(Row::new().with(sign, canvas.ink(ink)).with(line, canvas.ink(Ink::Text)));
        }
    }
    let ends = if changes.iter().all(Change::is_live) {
        "Whatever is not named here runs on; what was done by hand stays."
    } else {
        "What is marked ■ needs a new lab: this one ends, with what its nodes hold, and another starts at the same \
         step, with all that the file says. The list of events stays."
    };
    rows.push(Row::new());
    let lines = wrap(ends, columns).into_iter();
    rows.extend(lines.map(|line| Row::new().with(line, canvas.ink(Ink::Muted))));
    rows
}

/// The report as it is, line for line: its carets stand below what they point at.
fn broken(canvas: &Canvas<'_>, text: &str) -> Vec<Row> {
    let row = |line: &str| {
        let ink = if line.starts_with("error") { Ink::Strong } else { Ink::Text };
        Row::new().with(line, canvas.ink(ink))
    };
    text.lines().map(row).collect()
}

fn answers(canvas: &Canvas<'_>, edition: &Edition, world: &World) -> Row {
    let key = |row: Row, key: &str, word: &str| {
        row.with(format!(" {key} "), canvas.theme.selected())
            .with(format!(" {word}   "), canvas.ink(Ink::Text))
    };
    let row = Row::new();
    match edition {
        Edition::Sound { .. } if edition.restarts() => {
            let step = world.steps.step;
            let word =
                if step > 0 { format!("new lab, at step {step}") } else { "new lab".to_owned() };
            key(key(row, "y", &word), "n", "not now")
        }
        Edition::Sound { .. } => key(key(row, "y", "take it"), "n", "not now"),
        Edition::Broken(_) => key(row, "Esc", "back"),
    }
}
