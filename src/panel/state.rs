//! The panel without its terminal: the world, the view, what was done, and the replay that may stand before them. Keys
//! go in, reactions come out.

use super::action::{self, Action, Leaving, Outcome};
use super::cast::Progress;
use super::chord::Chord;
use super::copy::Copied;
use super::diagram::{Diagram, EVENTS_MAX};
use super::export::Span;
use super::feed::{FLOOD, Tone, surely_has_line};
use super::replay::{self, Replay, Seek};
use super::view::{Mode, View};
use super::{Bench, hints, keymap, map, mouse, own_clock, scrub, store, typing};
use crate::base::LabTime;
use crate::base::units::grouped;
use crate::command::Command;
use crate::event::Fact;
use crate::report::{self, Done};
use crate::topology::Topology;
use crate::world::{History, LaneEnd, World};
use crossterm::event::{KeyEvent, KeyEventKind, MouseEvent};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// Newer races that may still be running.
const RACES_WATCHED: usize = 20;
/// How far an arrow with Shift goes in a replay.
const SECOND: Duration = Duration::from_secs(1);
/// What is said to whoever would act on the past.
const READ_ONLY: &str = "replay is read-only, t = live";

/// What a key or a paste led to.
#[derive(Debug, Clone, PartialEq)]
pub enum Reaction {
    /// Nothing for the caller.
    Nothing,
    /// These are for the lab, in order.
    Give(Vec<Command>),
    /// This goes to the clipboard, or into a file.
    Copy(Copied),
    /// The last race or failover is to be shown again.
    Replay,
    /// The log is to be shown, to go back in it.
    ReplayLog,
    /// The log is to be shown as it was at this moment.
    GoTo(LabTime),
    /// Who sent what to whom is to be shown.
    Diagram,
    /// What was done becomes the steps of a new topology file.
    SaveSteps,
    /// The log so far and the screen go into files.
    SaveRecording,
    /// What has been becomes a cast.
    ExportCast(Span),
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
    /// What was done.
    done: Done,
    /// Earlier worlds, for replays and casts.
    pub(super) history: History,
    /// What is shown in place of the lab.
    replay: Option<Box<Replay>>,
    /// The cast that is being made, and how many tenths of it were told.
    pub(super) exporting: Option<(Arc<Progress>, u8)>,
    next: u64,
}

impl Panel {
    /// Before the first event.
    #[must_use]
    pub fn new(topology: Arc<Topology>) -> Self {
        let world = World::new(topology);
        let view = View::new(&world);
        let done = Done::new(world.topology.clone());
        let history = History::new(world.topology.clone());
        Self { world, view, done, history, replay: None, exporting: None, next: 0 }
    }

    /// Takes some of what the log has; gives whether there was something, and whether the log had more.
    pub(super) fn take_events(&mut self, bench: &dyn Bench) -> (bool, bool) {
        self.view.prompted = bench.is_prompted();
        let tail = bench.read(self.next);
        if tail.missing > 0 {
            self.view.catch_up(&self.world);
            self.world.gap(tail.missing);
            let text = format!("{} events are missing here", tail.missing);
            self.view.feed.say(self.world.now, text, Tone::Bad);
            self.view.event_came();
            bench.census();
        }
        let count = tail.len();
        let flood = count > FLOOD || self.view.feed.is_behind();
        let mut lines = 0;
        for event in tail.events() {
            self.world.apply(event);
            self.history.observe(&self.world);
            self.done.observe(event);
            if let Some(replay) = &mut self.replay {
                replay.observe(event);
            }
            if flood {
                lines += usize::from(surely_has_line(event));
            } else if self.view.feed.take(event, &self.world) {
                self.view.event_came();
            }
            match &event.fact {
                Fact::CommandRefused { why } => self.view.toast(why.to_string(), true),
                Fact::Undone { .. } | Fact::StepRestored { .. } => {
                    let line = report::line(event, &self.world.topology.names);
                    self.view.toast(line.unwrap_or_default(), false);
                    for forgotten in report::spoken::of_a_step(event, &self.world.topology) {
                        self.view.feed.say(event.time, forgotten.clone(), Tone::Bad);
                        self.view.event_came();
                        self.view.toast(forgotten, true);
                    }
                }
                Fact::StepBegan { step } => bench.reached(Some(*step)),
                Fact::StepEnded { step } if *step as usize == self.world.steps.count => {
                    bench.reached(None);
                }
                _ => {}
            }
        }
        self.next = tail.next;
        if let Some(replay) = &mut self.replay {
            replay.follow(&self.world);
        }
        let came = (count > 0 || tail.missing > 0, tail.more);
        if flood {
            self.view.feed.defer(tail, lines);
        }
        came
    }

    /// Whether the picture changes by the passing of time.
    #[must_use]
    pub fn moves(&self, now: LabTime) -> bool {
        if let Some(replay) = &self.replay {
            return replay.moves();
        }
        moves(&self.world, now)
    }

    /// Whether a replay is shown in place of the lab.
    pub(super) const fn replays(&self) -> bool {
        self.replay.is_some()
    }

    /// What is drawn: the lab at this moment, or a replay of it.
    #[must_use]
    pub fn shown(&self, now: LabTime) -> (&World, &View, LabTime) {
        match &self.replay {
            Some(replay) => (&replay.world, &replay.view, replay.now()),
            None => (&self.world, &self.view, now),
        }
    }

    pub(super) fn shown_mut(&mut self) -> (&World, &mut View) {
        match &mut self.replay {
            Some(replay) => (&replay.world, &mut replay.view),
            None => (&self.world, &mut self.view),
        }
    }

    /// Lets the panel's clock go on; true if something that was shown is to vanish.
    pub fn tick(&mut self, wall: Duration) -> bool {
        if let Some(replay) = &mut self.replay {
            replay.tick(wall);
        }
        self.view.tick(wall)
    }

    /// The screen has so many columns and rows.
    pub fn resize(&mut self, size: (u16, u16)) {
        self.view.size = size;
        if let Some(replay) = &mut self.replay {
            replay.view.size = size;
        }
    }

    /// Shows the last race or failover again; a toast says why it cannot.
    pub fn replay(&mut self, bench: &dyn Bench) {
        self.show(Replay::begin(&self.world, &self.view, &self.history, bench));
    }

    /// Shows the log, to go back in it; a toast says why it cannot.
    pub fn replay_log(&mut self, bench: &dyn Bench) {
        self.show(Replay::of_the_log(&self.world, &self.view, &self.history, bench));
    }

    /// Shows the log as it was at a moment; a toast says why it cannot.
    pub fn go_to(&mut self, bench: &dyn Bench, moment: LabTime) {
        self.replay_log(bench);
        if let Some(replay) = &mut self.replay {
            replay.seek(Seek::At(moment));
        }
    }

    /// Shows who sent what to whom; a toast says why it cannot.
    pub fn diagram(&mut self, bench: &dyn Bench) {
        if let Some(replay) = &mut self.replay {
            return replay.diagram();
        }
        let (world, view) = (&self.world, &mut self.view);
        if !world.clock.paused {
            let (pause, log) = (view.key(Action::Pause), view.key(Action::ReplayLog));
            let text =
                format!("a diagram is of what stands still: {pause} pauses, {log} goes back");
            return view.toast(text, true);
        }
        let from = world.position.saturating_sub(EVENTS_MAX as u64);
        let cut = from > 0 || bench.read(0).missing > 0;
        let events = replay::events_between(bench, from, world.position);
        view.mode = Mode::Diagram(Box::new(Diagram::of(&events, cut, world, view)));
        view.down = 0;
    }

    fn show(&mut self, replay: Result<Replay, String>) {
        match replay {
            Ok(replay) => self.replay = Some(Box::new(replay)),
            Err(why) => self.view.toast(why, true),
        }
    }

    /// A key was pressed.
    pub fn key(&mut self, key: &KeyEvent) -> Reaction {
        if key.kind == KeyEventKind::Release {
            return Reaction::Nothing;
        }
        let (world, view) = self.shown_mut();
        if typing::key(view, key) {
            return Reaction::Nothing;
        }
        let Some(chord) = Chord::of(key) else { return Reaction::Nothing };
        let binding = view.keymap.binding(chord, view).copied();
        let word = binding.map_or_else(String::new, |it| word_of(it.action, world, view));
        view.note_key(chord.word(), word);
        let Some(action) = binding.map(|binding| binding.action) else { return Reaction::Nothing };
        // A key that is held down repeats: harmless for moving, not for faults.
        if key.kind == KeyEventKind::Repeat && !moves_only(action) {
            return Reaction::Nothing;
        }
        if self.steers_replay(action) {
            return Reaction::Nothing;
        }
        if let (Action::Accept, Mode::Diagram(diagram)) = (action, &self.view.mode) {
            let to = diagram.time();
            self.view.mode = Mode::Normal;
            return to.map_or(Reaction::Nothing, Reaction::GoTo);
        }
        let (world, view) = self.shown_mut();
        match action::act(action, world, view) {
            None => Reaction::Nothing,
            Some(Outcome::Give(_) | Outcome::Take(_)) if view.replay.is_some() => {
                view.toast(READ_ONLY, true);
                Reaction::Nothing
            }
            Some(Outcome::Give(commands)) => Reaction::Give(commands),
            Some(Outcome::Copy(copied)) => Reaction::Copy(copied),
            Some(Outcome::Replay) => Reaction::Replay,
            Some(Outcome::ReplayLog) => Reaction::ReplayLog,
            Some(Outcome::Diagram) => Reaction::Diagram,
            Some(Outcome::SaveSteps) => Reaction::SaveSteps,
            Some(Outcome::SaveRecording) => Reaction::SaveRecording,
            Some(Outcome::ExportCast(span)) => Reaction::ExportCast(span),
            Some(Outcome::NextTheme) => Reaction::NextTheme,
            Some(Outcome::Redraw) => Reaction::Redraw,
            Some(Outcome::Suspend) => Reaction::Suspend,
            Some(Outcome::Take(topology)) => Reaction::Take(topology),
            Some(Outcome::Leave(leaving)) => Reaction::Leave(leaving),
        }
    }

    /// While a replay is shown, some keys are its own, and none acts on the lab.
    fn steers_replay(&mut self, action: Action) -> bool {
        let Some(replay) = &mut self.replay else { return false };
        // On a page, in a list and in a line the same keys move in there.
        if let (Some(seek), Mode::Normal) = (seek(action), &replay.view.mode) {
            replay.seek(seek);
            return true;
        }
        if let (Action::Accept, Mode::Diagram(diagram)) = (action, &replay.view.mode) {
            let to = diagram.time();
            replay.view.mode = Mode::Normal;
            if let Some(to) = to {
                replay.seek(Seek::At(to));
            }
            return true;
        }
        match action {
            Action::Replay => self.replay = None,
            Action::Pause => replay.pause(),
            Action::Slower => replay.change_rate(true),
            Action::Faster => replay.change_rate(false),
            action if action.acts_on_the_lab() => replay.view.toast(READ_ONLY, true),
            _ => return false,
        }
        true
    }

    /// The mouse was used; it counts only while it is the panel's.
    pub fn mouse(&mut self, event: MouseEvent) {
        if let Some(replay) = self.replay.as_mut().filter(|replay| replay.view.mouse)
            && let Some(at) = scrub::clicked(event, &replay.world, &replay.view)
        {
            return replay.seek(Seek::To(at));
        }
        let (world, view) = self.shown_mut();
        if view.mouse {
            mouse::act(event, world, view);
        }
    }

    /// Text was pasted: it goes into a line that is being typed, and nowhere else.
    pub fn paste(&mut self, text: &str) {
        typing::paste(self.shown_mut().1, text);
    }

    /// Saves what was done as the steps of a new topology file; a toast says where, or why not.
    pub fn save_steps(&mut self, bench: &dyn Bench) {
        if self.done.is_empty() {
            return self.view.toast("nothing was done yet that could be saved", true);
        }
        match bench.save_steps(&self.done.steps()) {
            Ok(path) => {
                // Its folder tells it from those that were saved before.
                let parts: Vec<_> = path.components().rev().take(2).collect();
                let file: PathBuf = parts.into_iter().rev().collect();
                let text = format!("saved: {} in the run's folder", file.display());
                self.view.toast(text, false);
                let text = format!("saved: faultlab run {} --headless", path.display());
                self.view.feed.say(self.world.now, text, Tone::Hand);
                self.view.event_came();
            }
            Err(why) => self.view.toast(format!("it cannot be saved: {why}"), true),
        }
    }

    /// Saves the log so far and the screen as text; a toast says why it cannot, and later how it came out.
    pub fn save_recording(&mut self, bench: &dyn Bench, screen: String) {
        let said = match bench.record(screen) {
            Ok(true) => ("saving what has happened so far…".to_owned(), false),
            Ok(false) => ("an earlier recording is still being written".to_owned(), true),
            Err(why) => (format!("it cannot be saved: {why}"), true),
        };
        self.shown_mut().1.toast(said.0, said.1);
    }

    /// Says how a recording came out, if one has; true if there was something to say.
    pub fn recorded(&mut self, bench: &dyn Bench) -> bool {
        let Some(recorded) = bench.recorded() else { return false };
        let (said, bad) = match &recorded {
            Ok(recorded) => {
                let name = recorded.path.file_name().unwrap_or_default().to_string_lossy();
                let begins = scrub::moment(recorded.begins, false);
                match recorded.missing {
                    0 => (format!("saved: {name} in the folder recordings"), false),
                    _ => (format!("saved from {begins} on, earlier is gone: {name}"), true),
                }
            }
            Err(why) => (format!("it cannot be saved: {why}"), true),
        };
        self.shown_mut().1.toast(said, bad);
        if let Ok(recorded) = recorded {
            let gone = match recorded.missing {
                0 => String::new(),
                missing => format!(", without {} events that were gone", grouped(missing)),
            };
            let text = format!("saved: {}{gone}", recorded.path.display());
            self.view.feed.say(self.world.now, text, Tone::Hand);
            self.view.event_came();
        }
        true
    }

    /// Lets the lab go on with another edition of the topology.
    pub fn take(&mut self, bench: &dyn Bench, topology: Arc<Topology>) {
        if bench.take(topology) {
            self.view.edition = None;
        } else {
            self.view.toast("the lab is busy: press it again", true);
        }
    }

    /// Past its end a list would have to be scrolled back before anything moves.
    pub fn scrolled_at_most(&mut self, most: Option<usize>) {
        let (_, view) = self.shown_mut();
        view.down = most.map_or(view.down, |most| view.down.min(most));
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

/// Whether the picture of a world changes by the passing of time.
#[must_use]
pub(super) fn moves(world: &World, now: LabTime) -> bool {
    if world.clock.paused {
        return false;
    }
    let waiting = world.races.iter().rev().take(RACES_WATCHED).any(|race| {
        !race.is_settled()
            || race.lanes.iter().any(|lane| lane.end == LaneEnd::Waiting)
                && race.ls_deadline.is_some_and(|deadline| deadline > now)
    });
    let window = world.nodes.iter().any(|node| node.window.is_some());
    let clocks = own_clock::moves(world);
    waiting || window || clocks || store::moves(world) || map::moves(world, now)
}

/// Where an action goes in a replay.
fn seek(action: Action) -> Option<Seek> {
    Some(match action {
        Action::Tick => Seek::EventOn,
        Action::EventBefore => Seek::EventBack,
        Action::Right => Seek::LineOn,
        Action::Left => Seek::LineBack,
        Action::SecondOn => Seek::On(SECOND),
        Action::SecondBack => Seek::Back(SECOND),
        Action::PageDown => Seek::On(SECOND * 10),
        Action::PageUp => Seek::Back(SECOND * 10),
        Action::First => Seek::Start,
        Action::Last => Seek::End,
        Action::NextBeat => Seek::MarkerOn,
        Action::Restore => Seek::MarkerBack,
        _ => return None,
    })
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
            | Action::EventBefore
            | Action::SecondBack
            | Action::SecondOn
    )
}

/// What an action is called for the room: as in the footer, whichever of its keys was pressed.
fn word_of(action: Action, world: &World, view: &View) -> String {
    let (rows, valid) = (view.keymap.rows().iter(), keymap::contexts(view));
    let mut rows = rows.filter(|row| row.action == action && valid.contains(&row.context));
    let row = rows.find(|row| !row.short.is_empty());
    let word = row.and_then(|row| hints::hint(row, world, view));
    word.unwrap_or_else(|| action.word().to_owned())
}
