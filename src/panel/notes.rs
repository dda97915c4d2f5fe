//! The speaker's screen: the note, the question and its answer, the marks, the next step, the clock. It follows a lab
//! in another terminal and does nothing to it.

use super::chord::{Chord, Named};
use super::guard::Woken;
use super::paint::{Canvas, Row, wrap};
use super::terminal::{Session, SessionError};
use super::theme::{Ink, Theme};
use super::{Ending, app};
use crate::base::Shown;
use crate::report::{Notes, NotesBeat};
use crossterm::event::Event as Input;
use ratatui::Frame;
use ratatui::layout::Rect;
use std::time::Duration;

/// How often the sheet is looked for.
const LOOK: Duration = Duration::from_millis(100);
/// Columns of the labels.
const LABEL: u16 = 10;

/// What has come from the lab.
#[derive(Debug, Clone, PartialEq)]
pub enum Sheet {
    /// Nothing new.
    Same,
    /// This is on the sheet now.
    New(Box<Notes>),
    /// The lab has ended.
    Over,
}

/// Shows the sheet until the person has seen enough, or the lab ends (none).
///
/// # Errors
/// When the terminal fails.
pub fn prompt(
    session: &mut Session,
    mut look: impl FnMut() -> Sheet,
) -> Result<Option<Ending>, SessionError> {
    let mut notes: Option<Box<Notes>> = None;
    let mut fresh = true;
    session.redraw()?;
    loop {
        if let Some(ending) = app::ended(session) {
            return Ok(Some(ending));
        }
        fresh |= app::stops(session)?;
        match look() {
            Sheet::New(new) => (notes, fresh) = (Some(new), true),
            Sheet::Over => return Ok(None),
            Sheet::Same => {}
        }
        if fresh {
            let theme = session.theme;
            let frame = session.draw(|frame| draw(notes.as_deref(), &theme, frame));
            if let Some(ending) = app::taken(session, frame)? {
                return Ok(Some(ending));
            }
            fresh = false;
        }
        match session.wait(LOOK) {
            Some(Woken::Input(Input::Key(key))) => match Chord::of(&key) {
                Some(Chord::Char('q') | Chord::Key(Named::Esc) | Chord::Ctrl('c')) => {
                    return Ok(Some(Ending::Quit));
                }
                Some(Chord::Char('T')) => session.theme = session.theme.next(),
                Some(Chord::Ctrl('z')) => {
                    session.suspend()?;
                    session.said().take_continued();
                }
                _ => {}
            },
            None => continue,
            Some(_) => {}
        }
        fresh = true;
    }
}

/// Draws the sheet.
pub fn draw(notes: Option<&Notes>, theme: &Theme, frame: &mut Frame<'_>) {
    let screen = frame.area();
    let mut canvas = Canvas::new(frame.buffer_mut(), theme);
    canvas.clear(screen);
    if screen.is_empty() {
        return;
    }
    let Some(notes) = notes else {
        let style = canvas.ink(Ink::Muted);
        canvas.text(screen.x + 1, screen.y, screen.width, "waiting for the lab …", style);
        return;
    };
    header(&mut canvas, screen, notes);
    let keys = Row::new()
        .with("q", canvas.theme.selected())
        .with(" closes   ", canvas.ink(Ink::Text))
        .with("T", canvas.theme.selected())
        .with(" theme   ", canvas.ink(Ink::Text))
        .with("the room's panel shows no notes while this is open", canvas.ink(Ink::Muted));
    canvas.row(screen.x + 1, screen.bottom() - 1, screen.width.saturating_sub(1), &keys);
    let area = Rect {
        x: screen.x + 1,
        y: screen.y + 2,
        width: screen.width.saturating_sub(2),
        height: screen.height.saturating_sub(3),
    };
    for (row, y) in rows(&canvas, notes, area.width).iter().zip(area.y..area.bottom()) {
        canvas.row(area.x, y, area.width, row);
    }
}

fn header(canvas: &mut Canvas<'_>, screen: Rect, notes: &Notes) {
    let elapsed = notes.elapsed_ms / 1000;
    let clock = format!(
        "{:02}:{:02}   lab {}.{} s{} ",
        elapsed / 60,
        elapsed % 60,
        notes.lab_ms / 1000,
        notes.lab_ms % 1000 / 100,
        if notes.paused { "  PAUSED" } else { "" },
    );
    let (word, ink) = match notes.beat {
        NotesBeat::Before => (" BEFORE ", Ink::Muted),
        NotesBeat::Question => (" QUESTION ", Ink::Focus),
        NotesBeat::Runs => (" RUNS ", Ink::Lead),
        NotesBeat::Answer => (" ANSWER ", Ink::Good),
    };
    let row = Row::new()
        .with(format!("{}  ", Shown::short(&notes.topology, 32)), canvas.ink(Ink::Focus))
        .with(format!("step {} of {}  ", notes.step, notes.steps), canvas.ink(Ink::Strong))
        .with(word, canvas.badge(ink));
    canvas.row(screen.x + 1, screen.y, screen.width.saturating_sub(1), &row);
    let right = Row::new().with(clock, canvas.ink(Ink::Strong));
    let room = screen.width.saturating_sub(row.width() + 3);
    if right.width() <= room {
        canvas.row_right(screen.right(), screen.y, room, &right);
    }
}

fn rows(canvas: &Canvas<'_>, notes: &Notes, columns: u16) -> Vec<Row> {
    let mut rows = Vec::new();
    let mut say = |label: &str, ink: Ink, text: &str, text_ink: Ink| {
        let shown = Shown::new(text);
        for (at, line) in
            wrap(shown.as_str(), columns.saturating_sub(LABEL)).into_iter().enumerate()
        {
            let label = if at == 0 { label } else { "" };
            let mut row = Row::new();
            row.push(format!("{label:<10}"), canvas.ink(ink));
            row.push(line, canvas.ink(text_ink));
            rows.push(row);
        }
        rows.push(Row::new());
    };
    if notes.step == 0 {
        say("lesson", Ink::Muted, &notes.lesson, Ink::Text);
    } else {
        say("note", Ink::Muted, &notes.say, Ink::Strong);
    }
    if let Some(ask) = &notes.ask {
        say("question", Ink::Focus, ask, Ink::Strong);
    }
    if let Some(reveal) = &notes.reveal {
        say("answer", Ink::Good, reveal, Ink::Text);
    }
    if !notes.commands.is_empty() {
        say("does", Ink::Muted, &notes.commands.join("; "), Ink::Muted);
    }
    match &notes.next {
        Some(next) => say("next", Ink::Lead, next, Ink::Text),
        None => say("next", Ink::Lead, "this was the last step", Ink::Muted),
    }
    for mark in &notes.marks {
        let (sign, ink) = match mark.held {
            Some(true) => (" ✓ ", Ink::Good),
            Some(false) => (" ✕ ", Ink::Bad),
            None => (" · ", Ink::Message),
        };
        let style = if mark.held.is_some() { canvas.badge(ink) } else { canvas.ink(ink) };
        let row = Row::new()
            .with("      ", canvas.ink(Ink::Text))
            .with(sign, style)
            .with(format!(" {}", Shown::new(&mark.words)), canvas.ink(Ink::Text));
        rows.push(row);
    }
    rows
}
