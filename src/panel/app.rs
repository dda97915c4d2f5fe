//! The loop: keys in, commands out; the log's tail folded and drawn. Plain, synchronous, on the main thread.
//!
//! A key wakes it; [`Frames`] says when it draws.

use super::action::Leaving;
use super::carried::{self, Carried};
use super::chord::Chord;
use super::copy::Copied;
use super::feed::Tone;
use super::frames::{Frames, STILL};
use super::guard::Woken;
use super::picker::{Move, Offer, Picker};
use super::state::{Panel, Reaction};
use super::terminal::{Session, SessionError};
use super::{Bench, edition, screen};
use crate::topology::Topology;
use crossterm::event::{Event as Input, KeyEvent};
use rustix::io::Errno;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How long one frame may fold events before it looks at the keys again.
const FOLD_MAX: Duration = Duration::from_millis(8);
/// What came together is taken in together, up to so much: then the picture must follow.
const INPUTS_A_FRAME: usize = 256;

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

impl Panel {
    /// Takes what the log has, for at most some milliseconds; gives whether there was something, and whether there
    /// is more.
    pub fn follow(&mut self, bench: &dyn Bench) -> (bool, bool) {
        let came = self.fold(bench);
        self.view.catch_up(&self.world);
        came
    }

    /// The same, but the lines of a flood wait until somebody can read them.
    fn fold(&mut self, bench: &dyn Bench) -> (bool, bool) {
        let begun = Instant::now();
        let mut any = false;
        loop {
            let (some, more) = self.take_events(bench);
            any |= some;
            if !more || begun.elapsed() > FOLD_MAX {
                return (any, more);
            }
        }
    }
}

/// What the signals want of the loop.
pub(super) fn ended(session: &Session) -> Option<Ending> {
    if let Some(signal) = session.said().ending() {
        return Some(Ending::Signal(signal));
    }
    session.said().is_gone().then_some(Ending::TerminalGone)
}

/// Whether the terminal took a frame: one that is gone is a way to end, not an error to report to it.
pub(super) fn taken(
    session: &Session,
    frame: std::io::Result<()>,
) -> Result<Option<Ending>, SessionError> {
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

/// Runs the panel over a lab until it is left, with what an earlier one has left to it. The lab goes on; ending it is
/// the caller's business.
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
    // The panel's clock goes on where an earlier one left it.
    let (begun, earlier) = (Instant::now(), panel.view.wall);
    let clock = || earlier + begun.elapsed();
    let mut frames = Frames::new(clock(), panel.world.position);
    let mut fresh = true;
    session.redraw()?;
    loop {
        if let Some(ending) = ended(session) {
            return Ok(ending);
        }
        stops(session)?;
        session.set_mouse(panel.view.mouse)?;
        let (changed, more) = panel.fold(bench);
        if let Some(edited) = bench.edited() {
            edition::came(edited, &panel.world, &mut panel.view);
            fresh = true;
        }
        fresh |= changed | panel.tick(clock());
        fresh |= panel.recorded(bench) | panel.exported(bench);
        let now = bench.now().max(panel.world.now);
        let stirs = (fresh, panel.moves(now));
        frames.count(clock(), panel.world.position);
        if frames.is_due(clock(), stirs, panel.replays()) {
            panel.view.catch_up(&panel.world);
            panel.resize(session.size());
            let theme = session.theme;
            let (world, view, now) = panel.shown(now);
            let mut most = None;
            let frame = session.draw(|frame| {
                most = screen::draw_scrolled(world, view, theme, now, frame);
            });
            panel.scrolled_at_most(most);
            if let Some(ending) = taken(session, frame)? {
                return Ok(ending);
            }
            frames.drew(clock());
            fresh = false;
        }
        let limit = if more { Duration::ZERO } else { frames.rest() };
        match session.wait(limit) {
            Some(Woken::Input(input)) => {
                // What the key changed is drawn at once, but not once for each of many that came together.
                frames.pressed(clock());
                fresh = true;
                panel.view.catch_up(&panel.world);
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
pub(super) fn stops(session: &mut Session) -> Result<bool, SessionError> {
    if session.said().take_stop() {
        session.suspend()?;
        session.said().take_continued();
    }
    let continued = session.said().take_continued();
    if continued {
        session.again()?;
    }
    Ok(session.said().take_resized() || continued)
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
        Reaction::Replay => panel.replay(bench),
        Reaction::ReplayLog => panel.replay_log(bench),
        Reaction::GoTo(moment) => panel.go_to(bench, moment),
        Reaction::Diagram => panel.diagram(bench),
        Reaction::SaveSteps => panel.save_steps(bench),
        Reaction::SaveRecording => {
            let (world, view, now) = panel.shown(bench.now().max(panel.world.now));
            let theme = session.theme;
            let mut text = String::new();
            session.draw(|frame| {
                screen::draw(world, view, &theme, now, frame);
                text = screen::text(frame.buffer_mut());
            })?;
            panel.save_recording(bench, text);
        }
        Reaction::ExportCast(span) => panel.export_cast(bench, span, session.theme),
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
