//! What the person is looking at: selection, focus, zoom, dialogs. It is not history, and it changes nothing.

use super::action::Action;
use super::chooser::Chooser;
use super::diagram::Diagram;
use super::edition::Edition;
use super::feed::Feed;
use super::help::Search;
use super::keymap::{Context, Keymap};
use super::list::Window;
use super::prompt::Prompt;
use super::scrub::Cursor;
use super::targets;
use crate::base::{LabTime, NodeId, Peer};
use crate::check::OpNo;
use crate::world::{RaceNo, World};
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

/// The panels, by the digit that gives them the focus.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum PanelId {
    /// 1: nodes and links.
    Map,
    /// 2: the lanes of one question.
    Race,
    /// 3: what belongs to the system on show.
    System,
    /// 4: what happened.
    Events,
    /// 5: who believes what, beside the truth.
    Belief,
    /// 6: the lecture.
    Steps,
    /// 7: how long questions took, and what that cost.
    Figures,
}

impl PanelId {
    /// All, in the order of their digits.
    pub const ALL: [Self; 7] = [
        Self::Map,
        Self::Race,
        Self::System,
        Self::Events,
        Self::Belief,
        Self::Steps,
        Self::Figures,
    ];

    /// The digit, from 1.
    #[must_use]
    pub fn digit(self) -> u8 {
        1 + Self::ALL.iter().position(|it| *it == self).map_or(0, |at| at as u8)
    }

    /// The name in titles and help.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Map => "Map",
            Self::Race => "Race",
            Self::System => "System",
            Self::Events => "Events",
            Self::Belief => "Belief | truth",
            Self::Steps => "Steps",
            Self::Figures => "Figures",
        }
    }
}

/// What node and link keys act on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Selection {
    /// Nothing: node keys act on whatever `X` would take.
    Nothing,
    /// What no node knows: the truth line with its banner. Node keys act as with nothing selected.
    Truth,
    /// A node.
    Node(NodeId),
    /// A link; the first end is the one it was reached from.
    Link(Peer, Peer),
}

/// What has the keyboard.
#[derive(Debug, Clone)]
pub enum Mode {
    /// The panels.
    Normal,
    /// The list of keys that are valid here.
    Help(Search),
    /// The command line.
    Palette(Prompt),
    /// The word that the events must contain.
    Filter(Prompt),
    /// A list to choose from.
    Choosing(Chooser),
    /// Everything about the selection.
    Inspect,
    /// The sentence that says why, large.
    Why,
    /// "Quit? y n"
    QuitAsked,
    /// "Another topology? y n"
    TopologiesAsked,
    /// "Empty the disk? y n"
    WipeAsked(NodeId),
    /// "Back to the start of the step? y n"
    RestoreAsked,
    /// What is wrong with a store, and every write that is gone.
    Losses,
    /// What the topology's file would change, or what is wrong with it.
    Edition,
    /// Who sent what to whom, of a world that stands still.
    Diagram(Box<Diagram>),
}

/// A line that is shown for a moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Toast {
    /// What it says.
    pub text: String,
    /// Whether something did not work.
    pub bad: bool,
    /// Until when, on the panel's own clock.
    pub until: Duration,
}

/// How long a toast stays: long enough to read a line aloud.
pub const TOAST_TIME: Duration = Duration::from_secs(3);
/// Toasts kept at once; older ones go.
const TOASTS_MAX: usize = 3;
/// How long the pressed keys stay in sight with `K`.
pub const KEYS_TIME: Duration = Duration::from_secs(2);
/// Pressed keys shown at once.
const KEYS_MAX: usize = 4;
/// Lines of the command line that are kept.
const HISTORY_MAX: usize = 100;

/// A key that was pressed, for the room.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pressed {
    /// The key.
    pub key: String,
    /// What it does.
    pub word: String,
    /// Until when it is shown.
    pub until: Duration,
}

/// What the person is looking at.
#[derive(Debug, Clone)]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch, and none rules another out")]
pub struct View {
    /// What has the keyboard.
    pub mode: Mode,
    /// What node and link keys act on.
    pub selection: Selection,
    /// The panel with the focus.
    pub focus: PanelId,
    /// Whether it fills the screen.
    pub zoom: bool,
    /// Whether the bundle of the selected node is open on the map.
    pub open: bool,
    /// Whether the lecture layout is used at any size.
    pub big: bool,
    /// The race that is picked; the newest if none is.
    pub race: Option<RaceNo>,
    /// The operation of a store that is picked; the newest if none is.
    pub op: Option<OpNo>,
    /// Failovers up to this moment have been looked at: they no longer take the place of the operations.
    pub seen_until: Option<LabTime>,
    /// The newest events, in words.
    pub feed: Feed,
    /// Which of them are looked at.
    pub events: Window,
    /// Rows the other lists are scrolled down.
    pub down: usize,
    /// Only events with this word are listed.
    pub filter: String,
    /// Lines that are shown for a moment.
    pub toasts: VecDeque<Toast>,
    /// Whether a presenter's keys lead through the lecture wherever the focus is.
    pub clicker: bool,
    /// Whether pressed keys are shown, and which were.
    pub keys: Option<VecDeque<Pressed>>,
    /// Which key does what.
    pub keymap: Arc<Keymap>,
    /// Lines that were carried out from the command line, the newest last.
    pub history: Vec<String>,
    /// Whether marks travel along their links; otherwise they stand in the middle.
    pub motion: bool,
    /// Whether the mouse selects and scrolls.
    pub mouse: bool,
    /// The topology's file, where it says something else than what runs.
    pub edition: Option<Edition>,
    /// The panel's own clock: wall time since it began.
    pub wall: Duration,
    /// The screen's columns and rows.
    pub size: (u16, u16),
    /// Whether the speaker reads the notes elsewhere, and the room does not.
    pub prompted: bool,
    /// Where the replay is, while one is shown in place of the lab.
    pub replay: Option<Cursor>,
    /// When `n` was last obeyed.
    pub last_next: Option<Duration>,
}

impl View {
    /// The first look at a world: the first name server is selected, so that the first key already does something.
    #[must_use]
    pub fn new(world: &World) -> Self {
        let selection = targets::first_server(world).map_or(Selection::Nothing, Selection::Node);
        Self {
            mode: Mode::Normal,
            selection,
            focus: PanelId::Map,
            zoom: false,
            open: false,
            big: false,
            race: None,
            op: None,
            seen_until: None,
            feed: Feed::default(),
            events: Window::default(),
            down: 0,
            filter: String::new(),
            toasts: VecDeque::new(),
            clicker: false,
            keys: None,
            keymap: Arc::default(),
            history: Vec::new(),
            motion: true,
            mouse: false,
            edition: None,
            wall: Duration::ZERO,
            size: (80, 24),
            prompted: false,
            replay: None,
            last_next: None,
        }
    }

    /// Shows a line for a moment.
    pub fn toast(&mut self, text: impl Into<String>, bad: bool) {
        let text = text.into();
        self.toasts.retain(|toast| toast.text != text);
        self.toasts.push_back(Toast { text, bad, until: self.wall + TOAST_TIME });
        while self.toasts.len() > TOASTS_MAX {
            self.toasts.pop_front();
        }
    }

    /// Makes the lines of events that wait for them.
    pub fn catch_up(&mut self, world: &World) {
        for piece in self.feed.end_flood() {
            for event in piece.events() {
                if self.feed.take(event, world) {
                    self.event_came();
                }
            }
        }
    }

    /// The feed has one line more.
    pub fn event_came(&mut self) {
        if self.feed.newest_has(&self.filter) {
            self.events.grew();
        }
    }

    /// Lets the panel's clock go on; true if something that was shown is to vanish.
    pub fn tick(&mut self, wall: Duration) -> bool {
        self.wall = wall;
        let toasts = self.toasts.len();
        self.toasts.retain(|toast| toast.until > wall);
        let mut changed = toasts != self.toasts.len();
        if let Some(keys) = &mut self.keys {
            let before = keys.len();
            keys.retain(|key| key.until > wall);
            changed |= before != keys.len();
        }
        changed
    }

    /// The key of an action, as a text names it; its word for the command line where it has no key.
    #[must_use]
    pub fn key(&self, action: Action) -> String {
        let here = [Context::Panels, Context::Everywhere];
        let key = self.keymap.keys(action, &here).into_iter().next();
        key.unwrap_or_else(|| format!(":{}", action.word()))
    }

    /// Notes a pressed key and what it does, if they are shown.
    pub fn note_key(&mut self, key: String, word: String) {
        let until = self.wall + KEYS_TIME;
        if let Some(keys) = &mut self.keys {
            keys.push_back(Pressed { key, word, until });
            while keys.len() > KEYS_MAX {
                keys.pop_front();
            }
        }
    }

    /// Keeps a line that was carried out from the command line; the same one is kept once.
    pub fn remember(&mut self, line: &str) {
        self.history.retain(|other| other != line);
        self.history.push(line.to_owned());
        let spare = self.history.len().saturating_sub(HISTORY_MAX);
        self.history.drain(..spare);
    }
}
