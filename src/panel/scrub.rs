//! The line of time of a replay: where it stands, and what is worth going to. It changes nothing; a click only says
//! which moment it means.

use super::paint::{Canvas, width};
use super::screen;
use super::theme::Ink;
use super::view::{Mode, View};
use super::words;
use crate::base::{ClockRate, LabTime};
use crate::command::Command;
use crate::event::{Event, Fact};
use crate::message::{Note, StoreNote};
use crate::world::World;
use crossterm::event::{MouseButton, MouseEvent, MouseEventKind};
use ratatui::layout::Rect;
use std::time::Duration;

/// Shorter lines show nothing that a click could be aimed at.
const COLUMNS_MIN: u16 = 8;

/// What is marked on the line. Where several fall on one column, the last in this order is seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// A link was cut, slowed down or made lossy, or a server was made to lie.
    Fault,
    /// A node leads from here on.
    Leads,
    /// A node stands still.
    Frozen,
    /// A node died, or its host vanished.
    Dead,
    /// Somebody marked it.
    Marker,
}

impl Kind {
    /// What an event is marked as, if it is.
    #[must_use]
    pub fn of(event: &Event) -> Option<Self> {
        Some(match &event.fact {
            Fact::NodeKilled { .. }
            | Fact::NodeCrashed { .. }
            | Fact::NodePoweredOff { .. }
            | Fact::NodeCorrupt { .. } => Self::Dead,
            Fact::NodeFrozen { .. } => Self::Frozen,
            Fact::Noted(Note::Store(StoreNote::Promoted { .. })) => Self::Leads,
            Fact::CommandGiven { command, .. } => return Self::of_command(command),
            _ => return None,
        })
    }

    fn of_command(command: &Command) -> Option<Self> {
        Some(match command {
            Command::Mark(_) => Self::Marker,
            Command::Cut(_)
            | Command::CutOnly(_)
            | Command::Jitter(..)
            | Command::Hold(_)
            | Command::Drop(..)
            | Command::Bandwidth(_, Some(_))
            | Command::Lie(_, true) => Self::Fault,
            Command::Skew(_, ahead) if *ahead != 0 => Self::Fault,
            Command::Drift(_, rate) if *rate != ClockRate::RIGHT => Self::Fault,
            Command::Delay(_, by) if !by.is_zero() => Self::Fault,
            Command::Loss(_, share) | Command::Duplicate(_, share) | Command::Reorder(_, share)
                if *share > 0.0 =>
            {
                Self::Fault
            }
            _ => return None,
        })
    }

    const fn glyph(self) -> (char, Ink) {
        match self {
            Self::Fault => ('!', Ink::Slow),
            Self::Leads => ('◆', Ink::Lead),
            Self::Frozen => ('z', Ink::Frozen),
            Self::Dead => ('✕', Ink::Bad),
            Self::Marker => ('m', Ink::Focus),
        }
    }
}

/// Where a replay is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cursor {
    /// What is replayed: `race #41`.
    pub what: String,
    /// Whether it is the log itself, whose moments are told by the lab's time.
    pub log: bool,
    /// Whether more happened before it than can be shown.
    pub cut: bool,
    /// How many times slower than the lab's time.
    pub slower: u32,
    /// When it begins.
    pub from: LabTime,
    /// How far it is.
    pub at: Duration,
    /// How far it goes.
    pub whole: Duration,
    /// Whether it stands still by hand.
    pub paused: bool,
    /// What the lab itself does meanwhile, in words.
    pub meanwhile: &'static str,
    /// What is worth going to, in order of time.
    pub marks: Vec<(LabTime, Kind)>,
}

impl Cursor {
    /// ` REPLAY 02:14.318 / 07:40 `, or for a race ` REPLAY 1/10 `: what stands in place of the clock.
    #[must_use]
    pub fn word(&self) -> String {
        if self.log {
            let (at, end) = (self.from + self.at, self.from + self.whole);
            return format!("REPLAY {} / {}", moment(at, true), moment(end, false));
        }
        if self.is_over() {
            return "REPLAY ends".into();
        }
        let slower = self.slower;
        let pause = if self.paused { " paused" } else { "" };
        format!("REPLAY 1/{slower}{pause}")
    }

    /// `race #41 · 71 of 131 ms · the lab runs on`, shorter where there is less room.
    #[must_use]
    pub fn forms(&self) -> [String; 3] {
        let runs_on = self.meanwhile.to_owned();
        if self.log {
            let how = match (self.paused || self.is_over(), self.slower) {
                (true, _) => "stands still".to_owned(),
                (false, 1) => "plays".to_owned(),
                (false, slower) => format!("plays at 1/{slower}"),
            };
            return [format!("{how}  {runs_on}"), runs_on.clone(), String::new()];
        }
        let figures = format!("{} of {}", words::figure(self.at), words::figure(self.whole));
        let what = &self.what;
        [format!("{what}  {figures}  {runs_on}"), format!("{what}  {runs_on}"), runs_on]
    }

    /// Whether it stands at its end.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.at >= self.whole
    }

    /// What stands at the two ends of the line.
    fn ends(&self) -> [String; 2] {
        match (self.log, self.cut) {
            (false, _) => [words::figure(Duration::ZERO), words::figure(self.whole)],
            (true, cut) => {
                let begins = if cut { "begins " } else { "" };
                let end = moment(self.from + self.whole, false);
                [format!("{begins}{}", moment(self.from, false)), end]
            }
        }
    }

    /// The line itself between its ends; none where there is no room for it.
    fn line(&self, area: Rect) -> Option<Rect> {
        let [left, right] = self.ends().map(|word| width(&word) + 2);
        let columns = area.width.checked_sub(left + right)?;
        let line = Rect { x: area.x + left, width: columns, ..area };
        (columns >= COLUMNS_MIN && area.height > 0).then_some(line)
    }

    /// The column of a moment on a line of so many.
    fn column(&self, at: Duration, columns: u16) -> u16 {
        let share = at.as_secs_f64() / self.whole.as_secs_f64().max(f64::MIN_POSITIVE);
        (share.clamp(0.0, 1.0) * f64::from(columns.saturating_sub(1))).round() as u16
    }
}

/// A moment of the lab as people read a clock: `02:14.318`, `1:02:14`.
#[must_use]
pub fn moment(at: LabTime, millis: bool) -> String {
    let (seconds, part) = (at.0 / 1_000_000_000, at.0 / 1_000_000 % 1000);
    let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    let hours = if hours > 0 { format!("{hours}:") } else { String::new() };
    let part = if millis { format!(".{part:03}") } else { String::new() };
    format!("{hours}{minutes:02}:{seconds:02}{part}")
}

/// Draws the line of the replay that is shown.
pub fn draw(canvas: &mut Canvas<'_>, area: Rect, view: &View) {
    let Some(cursor) = &view.replay else { return };
    let [left, right] = cursor.ends();
    let style = canvas.ink(if cursor.cut { Ink::Slow } else { Ink::Muted });
    canvas.text(area.x + 1, area.y, area.width, &left, style);
    let muted = canvas.ink(Ink::Muted);
    canvas.right(area.right().saturating_sub(1), area.y, area.width, &right, muted);
    let Some(line) = cursor.line(area) else { return };
    let here = cursor.column(cursor.at, line.width);
    for column in 0..line.width {
        let (glyph, ink) = if column <= here { ('━', Ink::Focus) } else { ('─', Ink::Muted) };
        canvas.glyph(line.x + column, line.y, glyph, canvas.ink(ink));
    }
    let mut seen: Vec<Option<Kind>> = vec![None; usize::from(line.width)];
    for (at, kind) in &cursor.marks {
        let column = usize::from(cursor.column(at.since(cursor.from), line.width));
        seen[column] = seen[column].max(Some(*kind));
    }
    for (column, kind) in (0..).zip(seen) {
        let Some((glyph, ink)) = kind.map(Kind::glyph) else { continue };
        canvas.glyph(line.x + column, line.y, glyph, canvas.ink(ink));
    }
    // What it stands on stays legible under it.
    let at = Rect { x: line.x + here, width: 1, ..line };
    canvas.tint(at, canvas.theme.selected());
}

/// The moment that a click on the line means.
#[must_use]
pub fn clicked(event: MouseEvent, world: &World, view: &View) -> Option<Duration> {
    let cursor = view.replay.as_ref()?;
    if event.kind != MouseEventKind::Down(MouseButton::Left) || !matches!(view.mode, Mode::Normal) {
        return None;
    }
    let whole = Rect::new(0, 0, view.size.0, view.size.1);
    let line = cursor.line(screen::layout_of(whole, world, view, world.now).scrub?)?;
    if event.row != line.y {
        return None;
    }
    let column = event.column.checked_sub(line.x).filter(|column| *column < line.width)?;
    // A mark is what was aimed at, not the middle of its column.
    let marked = cursor.marks.iter().map(|(at, _)| at.since(cursor.from));
    let mut marked = marked.filter(|at| cursor.column(*at, line.width) == column);
    let share = f64::from(column) / f64::from(line.width.saturating_sub(1).max(1));
    Some(marked.next().unwrap_or_else(|| cursor.whole.mul_f64(share)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_reads_as_on_a_clock() {
        assert_eq!(moment(LabTime::from_millis(134_318), true), "02:14.318");
        assert_eq!(moment(LabTime::from_millis(460_999), false), "07:40");
        assert_eq!(moment(LabTime::from_millis(3_734_000), false), "1:02:14");
    }
}
