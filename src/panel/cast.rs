//! The panel as a film: the log folded and drawn again, frame by frame, as an asciicast of version 2, which `asciinema
//! play` and players on web pages show. It draws with what the panel itself draws with, and needs neither terminal nor
//! lab.
//!
//! Time in it is as it was: a second of it is as much lab time as the lab's clock made of a second on the wall. Ten
//! times a second it looks whether the picture has changed, seldom where nothing happens. Pauses are left out.

use super::ansi;
use super::screen;
use super::state::moves;
use super::terminal::Options;
use super::theme::Theme;
use super::view::{Mode, View};
use crate::base::{LabTime, Shown};
use crate::command::Command;
use crate::command::grammar::{SPEED_MAX, SPEED_MIN};
use crate::event::{Event, Fact};
use crate::topology::Topology;
use crate::world::World;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use serde::Serialize;
use serde_json::json;
use std::io::{self, Write};
use std::iter::Peekable;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::time::Duration;

/// Pictures that are looked at in a second of the film.
const FRAMES_A_SECOND: u64 = 10;
/// The same in seconds.
const FRAME: f64 = 1.0 / FRAMES_A_SECOND as f64;
/// Frames from one look to the next while nothing moves: what says how long something has lasted goes on.
const STILL: u64 = 5;
/// A wait is looked at so often at most, however long it is: the longer it lasts, the less its figures matter.
const LOOKS_A_WAIT: u64 = 100;
/// Frames of one film: nearly three hours in which something moves all the time.
const FRAMES_MAX: u64 = 100_000;
/// What a player makes of a longer wait, in seconds: as automatic pace does, so that a lecture stays one.
const IDLE_SECONDS_MAX: f64 = 3.0;
/// What is due with a picture is in it, however its time was rounded: this part of a frame.
const ROUNDING: f64 = 1e-6;
/// How long the last picture stands.
const LAST: u64 = FRAMES_A_SECOND;

/// How far a film is, told to whoever waits for it; and that nobody waits for it any more.
#[derive(Debug, Default)]
pub struct Progress {
    percent: AtomicU8,
    unwanted: AtomicBool,
}

impl Progress {
    /// How much of it there is, in percent.
    #[must_use]
    pub fn percent(&self) -> u8 {
        self.percent.load(Ordering::Relaxed)
    }

    /// It ends with its next frame, and is none.
    pub fn give_up(&self) {
        self.unwanted.store(true, Ordering::Relaxed);
    }
}

/// What is filmed, and how it looks.
#[derive(Debug)]
pub struct Cast {
    /// The world before the first event.
    pub(super) world: World,
    /// What is looked at.
    pub(super) view: View,
    /// Colours and glyphs.
    pub(super) theme: Theme,
    /// When it begins; otherwise with the first event.
    pub from: Option<LabTime>,
    /// When it ends; otherwise with the last event.
    pub to: Option<LabTime>,
    /// Whether time goes on behind the last event, up to the end.
    pub(super) waits: bool,
    /// How many times as fast as it was.
    pub speed: f64,
    /// When it was made, in seconds since 1970.
    pub made: Option<u64>,
    /// How far it is.
    pub progress: Arc<Progress>,
}

/// A film that was made.
#[derive(Debug, Clone, PartialEq)]
pub struct Filmed {
    /// Pictures that differ from the one before.
    pub frames: u64,
    /// How long it lasts, waits included.
    pub lasts: Duration,
    /// The lab's time at its beginning.
    pub from: LabTime,
    /// The lab's time at its end.
    pub to: LabTime,
    /// Whether it ends there because it would have become too long.
    pub cut: bool,
}

impl Cast {
    /// A film of a lab from its beginning, as a panel of this look and size would show it.
    #[must_use]
    pub fn new(topology: Arc<Topology>, look: &Options, size: (u16, u16)) -> Self {
        let world = World::new(topology);
        let mut view = View::new(&world);
        (view.big, view.motion, view.keymap) = (look.big, look.motion, look.keymap.clone());
        view.size = size;
        Self::of(world, view, look.theme)
    }

    /// A film that goes on from a world as it is looked at.
    #[must_use]
    pub(super) fn of(world: World, mut view: View, theme: Theme) -> Self {
        view.mode = Mode::Normal;
        view.events.follow();
        view.toasts.clear();
        (view.keys, view.wall) = (None, Duration::ZERO);
        // What was picked by hand may not have happened yet.
        (view.race, view.op, view.seen_until) = (None, None, None);
        (view.replay, view.edition, view.filter) = (None, None, String::new());
        let (from, to, made) = (None, None, None);
        let (waits, speed, progress) = (false, 1.0, Arc::default());
        Self { world, view, theme, from, to, waits, speed, made, progress }
    }

    /// Writes the film of these events.
    ///
    /// # Errors
    /// Those of the writer; that it was given up; and, as invalid input, that there is nothing to show.
    pub fn write(
        mut self,
        events: impl Iterator<Item = Event>,
        out: &mut impl Write,
    ) -> io::Result<Filmed> {
        let mut events = events.peekable();
        let mut said = Vec::new();
        let from = self.from;
        while let Some(event) = events.next_if(|event| from.is_some_and(|from| event.time < from)) {
            self.fold(&event, &mut said);
        }
        let to = self.to.unwrap_or(LabTime::NEVER);
        let first = events.peek().map(|event| event.time).filter(|first| *first <= to);
        if first.is_none() && !self.waits {
            return Err(io::ErrorKind::InvalidInput.into());
        }
        let begins = from.or(first).unwrap_or(self.world.now);
        let mut film = Film::new(self, out, begins);
        film.begin()?;
        film.pass(0.0, &mut events);
        film.shoot()?;
        let mut cut = false;
        while film.goes_on(&mut events) {
            cut = film.frames >= FRAMES_MAX;
            if cut {
                break;
            }
            film.shoot()?;
        }
        film.end()?;
        let (frames, to) = (film.frames, film.lab);
        let lasts = Duration::from_secs_f64(film.seconds());
        Ok(Filmed { frames, lasts, from: begins, to, cut })
    }

    /// Takes an event; and what is worth a mark in the film.
    fn fold(&mut self, event: &Event, marks: &mut Vec<String>) {
        self.world.apply(event);
        if self.view.feed.take(event, &self.world) {
            self.view.event_came();
        }
        match &event.fact {
            Fact::StepBegan { step } => marks.push(format!("step {step}")),
            Fact::CommandGiven { command, .. } => {
                if let Command::Mark(text) = &**command {
                    marks.push(Shown::new(text).to_string());
                }
            }
            _ => {}
        }
    }
}

/// The first line of an asciicast.
#[derive(Serialize)]
struct Header {
    version: u8,
    width: u16,
    height: u16,
    #[serde(skip_serializing_if = "Option::is_none")]
    timestamp: Option<u64>,
    idle_time_limit: f64,
    title: String,
}

/// A film while it is made.
struct Film<'a, W> {
    cast: Cast,
    out: &'a mut W,
    /// What a player shows.
    shown: Buffer,
    /// What is drawn next.
    drawn: Buffer,
    begins: LabTime,
    /// The moment of the lab that is shown.
    lab: LabTime,
    /// The moment of the film, in frames.
    tick: u64,
    /// For how many frames nothing has happened.
    still: u64,
    frames: u64,
    /// What is worth a mark, since the last picture.
    marks: Vec<String>,
}

impl<'a, W: Write> Film<'a, W> {
    fn new(cast: Cast, out: &'a mut W, begins: LabTime) -> Self {
        let (width, height) = cast.view.size;
        let shown = Buffer::empty(Rect::new(0, 0, width, height));
        let (drawn, marks) = (shown.clone(), Vec::new());
        Self { cast, out, shown, drawn, begins, lab: begins, tick: 0, still: 0, frames: 0, marks }
    }

    /// The header, and an empty screen.
    fn begin(&mut self) -> io::Result<()> {
        let topology = &self.cast.world.topology;
        let title = format!("faultlab {}, seed {}", Shown::new(&topology.name), topology.seed);
        let (width, height) = self.cast.view.size;
        let (idle_time_limit, timestamp) = (IDLE_SECONDS_MAX, self.cast.made);
        let header = Header { version: 2, width, height, timestamp, idle_time_limit, title };
        writeln!(self.out, "{}", serde_json::to_string(&header)?)?;
        self.say("o", ansi::BEGIN)
    }

    /// One line of the film.
    fn say(&mut self, kind: &str, what: &str) -> io::Result<()> {
        writeln!(self.out, "{}", json!([self.seconds(), kind, what]))
    }

    /// The moment of the film in seconds.
    fn seconds(&self) -> f64 {
        self.tick as f64 / FRAMES_A_SECOND as f64
    }

    /// Draws, and writes what has changed.
    fn shoot(&mut self) -> io::Result<()> {
        if self.cast.progress.unwanted.load(Ordering::Relaxed) {
            return Err(io::Error::new(io::ErrorKind::Interrupted, "it was given up"));
        }
        for mark in std::mem::take(&mut self.marks) {
            self.say("m", &mark)?;
        }
        self.cast.view.wall = Duration::from_secs_f64(self.seconds());
        let Cast { world, view, theme, .. } = &self.cast;
        screen::draw_on(world, view, *theme, self.lab, &mut self.drawn);
        let changes = ansi::changes(&self.shown, &self.drawn);
        if !changes.is_empty() {
            self.say("o", &changes)?;
            self.frames += 1;
            std::mem::swap(&mut self.shown, &mut self.drawn);
        }
        if let Some(to) = self.cast.to {
            let (whole, done) = (to.since(self.begins), self.lab.since(self.begins));
            let share = done.as_secs_f64() / whole.as_secs_f64().max(FRAME);
            self.cast.progress.percent.store((share * 100.0).min(100.0) as u8, Ordering::Relaxed);
        }
        Ok(())
    }

    /// The last picture stands for a while, and the cursor comes back below it.
    fn end(&mut self) -> io::Result<()> {
        self.tick += LAST;
        let row = self.cast.view.size.1;
        self.say("o", &format!("\x1b[{row};1H{}", ansi::END))?;
        self.out.flush()
    }

    /// Seconds of the lab in a second of the film.
    fn pace(&self) -> f64 {
        let rate = self.cast.world.clock.rate;
        // A recording may come from anybody.
        let rate = if rate.is_finite() { rate.clamp(SPEED_MIN, SPEED_MAX) } else { 1.0 };
        rate * self.cast.speed
    }

    /// Frames until the next look, if nothing happens until then.
    fn stride(&self) -> u64 {
        let usual = if moves(&self.cast.world, self.lab) { 1 } else { STILL };
        usual.max(self.still / LOOKS_A_WAIT)
    }

    /// Frames from now to a moment of the lab.
    fn frames_to(&self, moment: LabTime) -> f64 {
        moment.since(self.lab).as_secs_f64() / (self.pace() * FRAME)
    }

    /// The moment after so many frames in which nothing happens, and not after the end.
    fn after(&self, frames: f64) -> LabTime {
        let span = frames * FRAME * self.pace();
        let span = Duration::try_from_secs_f64(span).unwrap_or(Duration::MAX);
        (self.lab + span).min(self.cast.to.unwrap_or(LabTime::NEVER))
    }

    /// Goes on to the next picture; false at the end.
    fn goes_on(&mut self, events: &mut Peekable<impl Iterator<Item = Event>>) -> bool {
        let to = self.cast.to.unwrap_or(LabTime::NEVER);
        let next = events.peek().map(|event| event.time).filter(|time| *time <= to);
        let waits = self.cast.waits || events.peek().is_some();
        let end = self.cast.to.filter(|to| waits && *to > self.lab);
        let Some(until) = next.or(end) else { return false };
        let (wait, stride) = (self.frames_to(until), self.stride());
        if wait > stride as f64 {
            self.lab = self.after(stride as f64);
            self.tick += stride;
            self.still += stride;
            return true;
        }
        let frames = ((wait - ROUNDING).ceil() as u64).max(1);
        self.tick += frames;
        self.still = if next.is_some() { 0 } else { self.still + frames };
        self.pass(frames as f64, events);
        true
    }

    /// Lets so many frames go by, with all that happens in them; each event may change the pace.
    fn pass(&mut self, frames: f64, events: &mut Peekable<impl Iterator<Item = Event>>) {
        let to = self.cast.to.unwrap_or(LabTime::NEVER);
        let mut left = frames;
        loop {
            let due = events.peek().map(|event| event.time).filter(|time| *time <= to);
            let wait = due.map(|due| self.frames_to(due));
            if let Some(wait) = wait.filter(|wait| *wait <= left + ROUNDING)
                && let Some(event) = events.next()
            {
                left = (left - wait).max(0.0);
                self.lab = self.lab.max(event.time);
                self.cast.fold(&event, &mut self.marks);
            } else {
                // Behind the last event there is nothing more to wait for, unless it is known until when.
                if due.is_some() || self.cast.waits || events.peek().is_some() {
                    self.lab = self.after(left);
                }
                return;
            }
        }
    }
}
