//! The loop: keys in, commands out; the log's tail folded and drawn. Plain, synchronous, on the main thread.
//!
//! A key wakes it. It draws 30 times a second while something moves, and twice a second otherwise.

use super::action::{self, Action, Leaving, Outcome};
use super::carried::{self, Carried};
use super::chord::Chord;
use super::copy::Copied;
use super::feed::{LINES_MAX, Tone};
use super::guard::Woken;
use super::picker::{Move, Offer, Picker};
use super::terminal::{Session, SessionError};
use super::view::View;
use super::{Bench, edition, hints, map, mouse, screen, store, typing};
use crate::base::LabTime;
use crate::command::Command;
use crate::event::Fact;
use crate::topology::Topology;
use crate::world::{LaneEnd, World};
use crossterm::event::{Event as Input, KeyEvent, KeyEventKind, MouseEvent};
use rustix::io::Errno;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How often a moving picture is drawn, and how often the log is looked at.
const FRAME: Duration = Duration::from_millis(33);
/// How often a still picture is drawn: times like `DEAD 8s` go on.
const STILL: Duration = Duration::from_millis(500);
/// How long the picture counts as moving after a key: what the key causes comes within this.
const AFTER_KEY: Duration = Duration::from_millis(300);
/// How long one frame may fold events before it looks at the keys again.
const FOLD_MAX: Duration = Duration::from_millis(8);
/// What came together is taken in together, up to so much: then the picture must follow.
const INPUTS_A_FRAME: usize = 256;
/// Newer races that may still be running.
const RACES_WATCHED: usize = 20;

/// Why the panel was left.
#[derive(Debug, Clone, PartialEq)]
pub enum Ending {
    /// The person quit.
    Quit,
    /// The person wants another topology.
    Topologies,
    /// The topology's file has changed so that it needs a new lab, and the person wants that.
    Again(Box<Carried>),
    /// A signal; the process ends with 128 and its number within 500 ms of it, by force if need be.
    Signal(i32),
    /// The terminal is gone; the process ends within 1.5 s, by force if need be.
    TerminalGone,
}

/// What a key or a paste led to.
#[derive(Debug, Clone, PartialEq)]
pub enum Reaction {
    /// Nothing for the caller.
    Nothing,
    /// These are for the lab, in order.
    Give(Vec<Command>),
    /// This goes to the clipboard, or into a file.
    Copy(Copied),
    /// The next theme.
    NextTheme,
    /// Draw everything anew.
    Redraw,
    /// Stop the process.
    Suspend,
    /// Go on with this edition of the topology.
    Take(Arc<Topology>),
    /// Leave.
    Leave(Leaving),
}

/// World and view together: everything of the panel but the terminal and the lab.
#[derive(Debug)]
pub struct Panel {
    /// What happened.
    pub world: World,
    /// What is looked at.
    pub view: View,
    next: u64,
}

impl Panel {
    /// Before the first event.
    #[must_use]
    pub fn new(topology: Arc<Topology>) -> Self {
        let world = World::new(topology);
        let view = View::new(&world);
        Self { world, view, next: 0 }
    }

    /// Takes what the log has, for at most some milliseconds; gives whether there was something, and whether there
    /// is more.
    pub fn follow(&mut self, bench: &dyn Bench) -> (bool, bool) {
        let begun = Instant::now();
        let mut any = false;
        loop {
            let tail = bench.read(self.next);
            if tail.missing > 0 {
                self.world.gap(tail.missing);
                let text = format!("{} events are missing here", tail.missing);
                self.view.feed.say(self.world.now, text, Tone::Bad);
                self.view.event_came();
                bench.census();
            }
            let count = tail.len();
            any |= count > 0 || tail.missing > 0;
            // Lines that would be pushed out at once are not even made.
            let silent = count.saturating_sub(LINES_MAX);
            for (at, event) in tail.events().enumerate() {
                self.world.apply(event);
                if at >= silent && self.view.feed.take(event, &self.world) {
                    self.view.event_came();
                }
                if let Fact::CommandRefused { why } = &event.fact {
                    self.view.toast(why.to_string(), true);
                }
            }
            self.next = tail.next;
            if count == 0 || begun.elapsed() > FOLD_MAX {
                return (any, count > 0);
            }
        }
    }

    /// Whether the picture changes by the passing of time.
    #[must_use]
    pub fn moves(&self, now: LabTime) -> bool {
        if self.world.clock.paused {
            return false;
        }
        let waiting = self.world.races.iter().rev().take(RACES_WATCHED).any(|race| {
            !race.is_settled()
                || race.lanes.iter().any(|lane| lane.end == LaneEnd::Waiting)
                    && race.ls_deadline.is_some_and(|deadline| deadline > now)
        });
        let window = self.world.nodes.iter().any(|node| node.window.is_some());
        waiting || window || store::moves(&self.world) || map::moves(&self.world, now)
    }

    /// A key was pressed.
    pub fn key(&mut self, key: &KeyEvent) -> Reaction {
        if key.kind == KeyEventKind::Release {
            return Reaction::Nothing;
        }
        if typing::key(&mut self.view, key) {
            return Reaction::Nothing;
        }
        let Some(chord) = Chord::of(key) else { return Reaction::Nothing };
        let binding = self.view.keymap.binding(chord, &self.view).copied();
        let word = binding.map_or_else(String::new, |binding| self.word_of(binding.action));
        self.view.note_key(chord.word(), word);
        let Some(action) = binding.map(|binding| binding.action) else { return Reaction::Nothing };
        // A key that is held down repeats: harmless for moving, not for faults.
        if key.kind == KeyEventKind::Repeat && !moves_only(action) {
            return Reaction::Nothing;
        }
        match action::act(action, &self.world, &mut self.view) {
            None => Reaction::Nothing,
            Some(Outcome::Give(commands)) => Reaction::Give(commands),
            Some(Outcome::Copy(copied)) => Reaction::Copy(copied),
            Some(Outcome::NextTheme) => Reaction::NextTheme,
            Some(Outcome::Redraw) => Reaction::Redraw,
            Some(Outcome::Suspend) => Reaction::Suspend,
            Some(Outcome::Take(topology)) => Reaction::Take(topology),
            Some(Outcome::Leave(leaving)) => Reaction::Leave(leaving),
        }
    }

    /// What an action is called for the room: as in the footer, whichever of its keys was pressed.
    fn word_of(&self, action: Action) -> String {
        let rows = self.view.keymap.rows().iter();
        let row = rows.filter(|row| row.action == action).find(|row| !row.short.is_empty());
        let word = row.and_then(|row| hints::hint(row, &self.world, &self.view));
        word.unwrap_or_else(|| action.word().to_owned())
    }

    /// The mouse was used; it counts only while it is the panel's.
    pub fn mouse(&mut self, event: MouseEvent) {
        if self.view.mouse {
            mouse::act(event, &self.world, &mut self.view);
        }
    }

    /// Text was pasted: it goes into a line that is being typed, and nowhere else.
    pub fn paste(&mut self, text: &str) {
        typing::paste(&mut self.view, text);
    }

    /// Lets the lab go on with another edition of the topology.
    pub fn take(&mut self, bench: &dyn Bench, topology: Arc<Topology>) {
        if bench.take(topology) {
            self.view.edition = None;
        } else {
            self.view.toast("the lab is busy: press it again", true);
        }
    }

    /// Gives commands to the lab; the picture changes when their events come back.
    pub fn give(&mut self, bench: &dyn Bench, commands: Vec<Command>) {
        for command in commands {
            if !bench.give(command) {
                self.view.toast("the lab is busy: press it again", true);
                return;
            }
        }
    }
}

fn moves_only(action: Action) -> bool {
    matches!(
        action,
        Action::Up
            | Action::Down
            | Action::Left
            | Action::Right
            | Action::PageUp
            | Action::PageDown
    )
}

/// What the signals want of the loop.
fn ended(session: &Session) -> Option<Ending> {
    if let Some(signal) = session.said().ending() {
        return Some(Ending::Signal(signal));
    }
    session.said().is_gone().then_some(Ending::TerminalGone)
}

/// Whether the terminal took a frame: one that is gone is a way to end, not an error to report to it.
fn taken(session: &Session, frame: std::io::Result<()>) -> Result<Option<Ending>, SessionError> {
    match frame {
        Ok(()) => Ok(None),
        Err(error) if session.said().is_gone() || is_hung_up(&error) => {
            Ok(Some(Ending::TerminalGone))
        }
        Err(error) => Err(error.into()),
    }
}

/// What a terminal whose other end was closed answers to a write.
fn is_hung_up(error: &std::io::Error) -> bool {
    let hung_up = [rustix::io::Errno::IO, rustix::io::Errno::PIPE, rustix::io::Errno::NXIO];
    error.raw_os_error().is_some_and(|code| hung_up.iter().any(|it| it.raw_os_error() == code))
}

/// Runs the panel over a lab until it is left, with what an earlier one has left to it. The lab goes on; ending it is the caller's business.
///
/// # Errors
/// When the terminal fails.
pub fn run(
    session: &mut Session,
    bench: &dyn Bench,
    topology: Arc<Topology>,
    carried: Option<Box<Carried>>,
) -> Result<Ending, SessionError> {
    turn(session, bench, topology, carried).or_else(hung_up)
}

/// A terminal that was closed fails every read and write, and that may be seen before the guard has said so.
fn hung_up(error: SessionError) -> Result<Ending, SessionError> {
    match error {
        SessionError::Io(io) if Errno::from_io_error(&io) == Some(Errno::IO) => {
            Ok(Ending::TerminalGone)
        }
        error => Err(error),
    }
}

fn turn(
    session: &mut Session,
    bench: &dyn Bench,
    topology: Arc<Topology>,
    carried: Option<Box<Carried>>,
) -> Result<Ending, SessionError> {
    let mut panel = carried::set_up(session, topology, carried);
    let begun = Instant::now();
    let mut last_key = None;
    let mut drawn: Option<Instant> = None;
    let mut fresh = true;
    session.redraw()?;
    loop {
        if let Some(ending) = ended(session) {
            return Ok(ending);
        }
        stops(session)?;
        session.set_mouse(panel.view.mouse)?;
        let (changed, more) = panel.follow(bench);
        if let Some(edited) = bench.edited() {
            edition::came(edited, &panel.world, &mut panel.view);
            fresh = true;
        }
        fresh |= changed | panel.view.tick(begun.elapsed());
        let now = bench.now().max(panel.world.now);
        let moving =
            panel.moves(now) || last_key.is_some_and(|at: Instant| at.elapsed() < AFTER_KEY);
        let since = drawn.map_or(STILL, |at: Instant| at.elapsed());
        if since >= STILL || (since >= FRAME && (fresh || moving)) {
            panel.view.size = session.size();
            let theme = session.theme;
            let mut most = None;
            let frame = session.draw(|frame| {
                most = screen::draw_scrolled(&panel.world, &panel.view, &theme, now, frame);
            });
            // Past its end a list would have to be scrolled back before anything moves.
            panel.view.down = most.map_or(panel.view.down, |most| panel.view.down.min(most));
            if let Some(ending) = taken(session, frame)? {
                return Ok(ending);
            }
            drawn = Some(Instant::now());
            fresh = false;
        }
        let limit = if more { Duration::ZERO } else { FRAME };
        match session.wait(limit) {
            Some(Woken::Input(input)) => {
                last_key = Some(Instant::now());
                // What the key changed is drawn at once, but not once for each of many that came together.
                (fresh, drawn) = (true, None);
                let mut next = Some(input);
                for _ in 0..INPUTS_A_FRAME {
                    let Some(input) = next.take() else { break };
                    if let Some(ending) = react(session, bench, &mut panel, input)? {
                        return Ok(ending);
                    }
                    next = session.input_at_hand();
                }
            }
            Some(Woken::Signal) => fresh = true,
            None => {}
        }
    }
}

/// Stops and continuations by signal.
fn stops(session: &mut Session) -> Result<(), SessionError> {
    if session.said().take_stop() {
        session.suspend()?;
        session.said().take_continued();
    }
    if session.said().take_continued() {
        session.again()?;
    }
    session.said().take_resized();
    Ok(())
}

fn react(
    session: &mut Session,
    bench: &dyn Bench,
    panel: &mut Panel,
    input: Input,
) -> Result<Option<Ending>, SessionError> {
    let reaction = match input {
        Input::Key(key) => panel.key(&key),
        Input::Paste(text) => {
            panel.paste(&text);
            Reaction::Nothing
        }
        Input::Mouse(event) => {
            panel.mouse(event);
            Reaction::Nothing
        }
        _ => Reaction::Nothing,
    };
    match reaction {
        Reaction::Nothing => {}
        Reaction::Give(commands) => panel.give(bench, commands),
        Reaction::NextTheme => {
            session.theme = session.theme.next();
            panel.view.toast(format!("theme {}", session.theme.shown().word()), false);
        }
        Reaction::Copy(copied) => copy(session, bench, panel, &copied)?,
        Reaction::Redraw => session.redraw()?,
        Reaction::Suspend => {
            session.suspend()?;
            session.said().take_continued();
        }
        Reaction::Take(topology) => panel.take(bench, topology),
        Reaction::Leave(Leaving::Again) => return Ok(carried::of(panel).map(Ending::Again)),
        Reaction::Leave(Leaving::Quit) => return Ok(Some(Ending::Quit)),
        Reaction::Leave(Leaving::Topologies) => return Ok(Some(Ending::Topologies)),
    }
    Ok(None)
}

/// Copies to the terminal's clipboard, or into a file where the terminal would not take it; a toast says which.
fn copy(
    session: &mut Session,
    bench: &dyn Bench,
    panel: &mut Panel,
    copied: &Copied,
) -> std::io::Result<()> {
    let what = &copied.what;
    if session.options.clipboard && copied.fits_a_clipboard() {
        session.copy(copied)?;
        panel.view.toast(format!("{what}: to the terminal's clipboard"), false);
        return Ok(());
    }
    match bench.keep(copied.text()) {
        Ok(path) => {
            let file = path.file_name().map_or_else(String::new, |it| it.to_string_lossy().into());
            panel.view.toast(format!("{what}: into {file} in the run's folder"), false);
            let text = format!("{what} copied into {}", path.display());
            panel.view.feed.say(panel.world.now, text, Tone::Hand);
            panel.view.event_came();
        }
        Err(error) => panel.view.toast(format!("{what} cannot be written: {error}"), true),
    }
    Ok(())
}

/// Lets the person choose a topology: its place in the list, or why none was chosen.
///
/// # Errors
/// When the terminal fails.
pub fn pick(
    session: &mut Session,
    offers: Vec<Offer>,
) -> Result<Result<usize, Ending>, SessionError> {
    turn_pages(session, offers).or_else(|error| hung_up(error).map(Err))
}

fn turn_pages(
    session: &mut Session,
    offers: Vec<Offer>,
) -> Result<Result<usize, Ending>, SessionError> {
    let mut picker = Picker::new(offers);
    session.redraw()?;
    loop {
        if let Some(ending) = ended(session) {
            return Ok(Err(ending));
        }
        stops(session)?;
        let theme = session.theme;
        let frame = session.draw(|frame| picker.draw(&theme, frame));
        if let Some(ending) = taken(session, frame)? {
            return Ok(Err(ending));
        }
        let Some(Woken::Input(Input::Key(key))) = session.wait(STILL) else { continue };
        match picker_move(&key) {
            Some(Move::By(by)) => picker.step(by),
            Some(Move::Choose) => return Ok(Ok(picker.at())),
            Some(Move::Leave) => return Ok(Err(Ending::Quit)),
            None if Chord::of(&key) == Some(Chord::Ctrl('z')) => {
                session.suspend()?;
                session.said().take_continued();
            }
            None => {}
        }
    }
}

fn picker_move(key: &KeyEvent) -> Option<Move> {
    use super::chord::Named;
    Some(match Chord::of(key)? {
        Chord::Key(Named::Up) | Chord::Char('k') => Move::By(-1),
        Chord::Key(Named::Down) | Chord::Char('j') => Move::By(1),
        Chord::Key(Named::PageUp) => Move::By(-10),
        Chord::Key(Named::PageDown) => Move::By(10),
        Chord::Key(Named::Home) | Chord::Char('g') => Move::By(isize::MIN / 2),
        Chord::Key(Named::End) | Chord::Char('G') => Move::By(isize::MAX / 2),
        Chord::Key(Named::Enter) => Move::Choose,
        Chord::Key(Named::Esc) | Chord::Char('q') | Chord::Ctrl('c') => Move::Leave,
        _ => return None,
    })
}
