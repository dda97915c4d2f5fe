//! What has been, as a cast: which span of it, with the events that the log still has, handed to whoever writes files.

use super::Bench;
use super::cast::{Cast, Filmed, Progress};
use super::feed::Tone;
use super::replay::position_at;
use super::scrub::moment;
use super::state::Panel;
use super::theme::Theme;
use crate::base::{EventId, LabTime, Owner};
use crate::event::{Cause, Event, Fact};
use crate::log::Tail;
use crate::world::World;
use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// Which part of the past becomes a cast.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Span {
    /// All that the log still has.
    All,
    /// From the last marker on.
    SinceMarker,
    /// So much lab time before now.
    Last(Duration),
}

impl Span {
    /// When it begins, as of now; none without such a marker.
    #[must_use]
    pub fn begins(self, world: &World, now: LabTime) -> Option<LabTime> {
        match self {
            Self::All => Some(LabTime::ZERO),
            Self::SinceMarker => world.markers.back().map(|marker| marker.1),
            Self::Last(time) => {
                let nanos = u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
                Some(LabTime(now.0.saturating_sub(nanos)))
            }
        }
    }
}

/// A film that can be made anywhere: what it begins with, and the events that the log had, which it shares.
#[derive(Debug)]
pub struct Footage {
    /// The film.
    pub cast: Cast,
    tails: Vec<Tail>,
}

impl Footage {
    /// The name of the lab that it is of.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.cast.world.topology.name
    }

    /// How far it is, once it is being made.
    #[must_use]
    pub fn progress(&self) -> Arc<Progress> {
        self.cast.progress.clone()
    }

    /// Writes the film.
    ///
    /// # Errors
    /// Those of the writer; and that it was given up.
    pub fn write(self, out: &mut impl Write) -> io::Result<Filmed> {
        let events = self.tails.iter().enumerate().flat_map(|(at, tail)| {
            // What is gone before the first of them, the world knows.
            let first = tail.events().next().filter(|_| at > 0 && tail.missing > 0);
            let gap = first.map(|first| gap(tail.missing, first.time));
            gap.into_iter().chain(tail.events().cloned())
        });
        self.cast.write(events, out)
    }
}

/// What stands in the place of events that are gone.
fn gap(dropped: u64, time: LabTime) -> Event {
    let id = EventId { owner: Owner::Lab, number: 0 };
    Event { id, time, cause: Cause::Unknown, fact: Fact::LogGap { dropped } }
}

/// A cast that was written.
#[derive(Debug, Clone, PartialEq)]
pub struct Exported {
    /// The file.
    pub path: PathBuf,
    /// What is in it.
    pub filmed: Filmed,
}

impl Panel {
    /// Begins to make a cast of what has been; a toast says why it cannot, and later how it came out.
    pub fn export_cast(&mut self, bench: &dyn Bench, span: Span, theme: Theme) {
        let said = match self.footage(bench, span, theme) {
            Err(why) => (why, true),
            Ok(footage) => {
                let progress = footage.progress();
                match bench.export(footage) {
                    Ok(true) => {
                        self.exporting = Some((progress, 0));
                        ("making a cast of what has happened…".to_owned(), false)
                    }
                    Ok(false) => ("an earlier cast is still being made".to_owned(), true),
                    Err(why) => (format!("no cast can be made: {why}"), true),
                }
            }
        };
        self.shown_mut().1.toast(said.0, said.1);
    }

    /// What is needed for a film of this span: a world at its beginning, and what came after.
    ///
    /// # Errors
    /// Why there is none: a sentence for the person.
    pub fn footage(&self, bench: &dyn Bench, span: Span, theme: Theme) -> Result<Footage, String> {
        let (world, end) = (&self.world, self.world.position);
        let now = bench.now().max(world.now);
        let begins =
            span.begins(world, now).ok_or("there is no marker in the log yet: m puts one")?;
        // Where the log no longer has so much, it begins with a world that is known without what is gone.
        let known = || {
            let oldest = bench.read(0).missing;
            self.history.first_from(oldest).filter(|at| oldest > 0 && *at < end).unwrap_or(oldest)
        };
        let found = position_at(bench, begins, end);
        let at = found.unwrap_or_else(known);
        let (mut at, mut tails) = (at.min(end.saturating_sub(1)), Vec::new());
        while at < end {
            let tail = bench.read(at);
            if tail.is_empty() {
                break;
            }
            at = tail.next;
            tails.push(tail);
        }
        let first = tails.first().map(|first: &Tail| first.next - first.len() as u64);
        let position = first.ok_or("nothing has happened yet that a cast could show")?;
        let oldest = tails.iter().flat_map(Tail::events).next().map(|event| event.time);
        let past = self.history.at_from(position, |from| bench.read(from));
        let from = found.map(|_| begins).or(oldest);
        let mut view = self.view.clone();
        view.feed = view.feed.before(from.unwrap_or(begins));
        let mut cast = Cast::of(past, view, theme);
        cast.from = from;
        cast.to = Some(now);
        cast.waits = true;
        Ok(Footage { cast, tails })
    }

    /// Says how far a cast is and how it came out; true if there was something to say.
    pub fn exported(&mut self, bench: &dyn Bench) -> bool {
        let Some(exported) = bench.exported() else { return self.progresses() };
        self.exporting = None;
        self.withdraw_progress();
        let (said, bad) = match &exported {
            Ok(Exported { path, filmed }) => {
                let name = path.file_name().unwrap_or_default().to_string_lossy();
                let [begins, end] = [filmed.from, filmed.to].map(|at| moment(at, true));
                let cut = if filmed.cut { ", then it is too long" } else { "" };
                (format!("cast of {begins} – {end}{cut}: {name}"), filmed.cut)
            }
            Err(why) => (format!("the cast cannot be written: {why}"), true),
        };
        self.shown_mut().1.toast(said, bad);
        if let Ok(Exported { path, .. }) = exported {
            let text = format!("cast: asciinema play {}", path.display());
            self.view.feed.say(self.world.now, text, Tone::Hand);
            self.view.event_came();
        }
        true
    }

    /// Says how far the cast is, a tenth at a time.
    fn progresses(&mut self) -> bool {
        let Some((progress, told)) = &mut self.exporting else { return false };
        let tenth = progress.percent() / 10;
        if tenth <= *told {
            return false;
        }
        *told = tenth;
        self.withdraw_progress();
        self.shown_mut().1.toast(format!("{PROGRESS}{tenth}0 %"), false);
        true
    }

    /// What was said of its progress is no longer so.
    fn withdraw_progress(&mut self) {
        self.shown_mut().1.toasts.retain(|toast| !toast.text.starts_with(PROGRESS));
    }
}

/// How what is said of the progress begins.
const PROGRESS: &str = "making a cast: ";
