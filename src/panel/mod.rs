//! The panel: what the person in front of the room sees and presses.
//!
//! It knows the world, the log, commands and the terminal; it does not know how the lab works. It talks to it through
//! [`Bench`] alone, on the main thread, in a plain synchronous loop.

mod action;
mod action_word;
mod ansi;
mod app;
mod axis;
mod back;
mod belief;
mod block;
mod block_view;
mod carried;
mod cast;
mod chooser;
mod chord;
mod colours;
mod copy;
mod decode;
mod diagram;
mod diagram_view;
mod edition;
mod events;
mod export;
mod fan_out;
mod feed;
mod figures;
mod footer;
mod frames;
mod fuzzy;
mod guard;
mod header;
mod help;
mod hints;
mod histogram;
mod input;
mod inspect;
mod key_list;
mod keymap;
mod keys;
mod known;
mod lanes;
mod layout;
mod link_keys;
mod list;
mod map;
mod map_links;
mod map_marks;
mod mouse;
mod node_box;
mod notes;
mod own_clock;
mod paint;
mod palette;
mod palette_view;
mod picker;
mod plan;
mod prompt;
mod race;
mod replay;
mod routes;
mod screen;
mod scrub;
mod sequence;
mod state;
mod steer;
mod steps;
mod store;
mod system;
mod table;
mod targets;
mod terminal;
mod theme;
mod typing;
mod view;
mod words;

pub use action::{Action, Leaving};
pub use action_word::Section;
pub use app::{Ending, pick, run};
pub use carried::Carried;
pub use cast::{Cast, Filmed, Progress};
pub use chord::{Chord, Named};
pub use copy::Copied;
pub use edition::{Edited, Edition};
pub use export::{Exported, Footage, Span};
pub use feed::{Feed, Line, Tone};
pub use footer::entries as footer_entries;
pub use key_list::{lecture_keys, whole_list};
pub use keymap::{Binding, Clash, Context, Keymap};
pub use notes::{Sheet, draw as draw_notes, prompt};
pub use picker::{Offer, Picker};
pub use screen::draw;
pub use scrub::moment;
pub use state::{Panel, Reaction};
pub use terminal::{Options, Session, SessionError};
pub use theme::{Depth, Ink, Theme, ThemeName};
pub use view::{Mode, PanelId, Pressed, Selection, View};

use crate::base::LabTime;
use crate::command::Command;
use crate::log::Tail;
use crate::topology::Topology;
use std::path::PathBuf;
use std::sync::Arc;

/// A recording that was saved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recorded {
    /// The file of its events; the screen is a `.txt` beside it.
    pub path: PathBuf,
    /// How many events the log no longer had.
    pub missing: u64,
    /// When it begins.
    pub begins: LabTime,
}

/// What the panel needs of a running lab.
pub trait Bench {
    /// The present lab time.
    fn now(&self) -> LabTime;
    /// Events from a position on.
    fn read(&self, from: u64) -> Tail;
    /// Gives a command, without waiting. False if the lab has no room for it just now; then the panel says so.
    fn give(&self, command: Command) -> bool;
    /// Whether a speaker reads the notes on another screen: then the room is not shown them.
    fn is_prompted(&self) -> bool {
        false
    }
    /// The lecture has come to this step; none when it is over.
    fn reached(&self, _step: Option<u32>) {}
    /// Asks for a census of every node, after events were missed.
    fn census(&self);
    /// What the topology's file has become since this was last asked; none if nothing happened to it, or there is none.
    fn edited(&self) -> Option<Edited> {
        None
    }
    /// Goes on with another edition of the topology, without waiting. False as for [`Bench::give`].
    fn take(&self, _topology: Arc<Topology>) -> bool {
        false
    }
    /// Writes a text that was copied into a new file in the run's folder, and says where it is.
    ///
    /// # Errors
    /// The system's; or the run has no folder.
    fn keep(&self, text: &str) -> std::io::Result<PathBuf>;
    /// Begins to write the log so far, and the screen beside it, into new files of the user's, without waiting;
    /// [`Bench::recorded`] says what came of it. False while an earlier one is still being written.
    ///
    /// # Errors
    /// The system's; or there is no folder for them.
    fn record(&self, _screen: String) -> std::io::Result<bool> {
        Err(std::io::Error::new(std::io::ErrorKind::Unsupported, "this lab keeps no recordings"))
    }
    /// What came of a recording since this was last asked.
    fn recorded(&self) -> Option<std::io::Result<Recorded>> {
        None
    }
    /// Begins to make a cast, in a new file of the user's, without waiting; [`Bench::exported`] says what came of it.
    /// False while an earlier one is still being made.
    ///
    /// # Errors
    /// The system's; or there is no folder for it.
    fn export(&self, _footage: Footage) -> std::io::Result<bool> {
        Err(std::io::Error::new(std::io::ErrorKind::Unsupported, "this lab keeps no casts"))
    }
    /// What came of a cast since this was last asked.
    fn exported(&self) -> Option<std::io::Result<Exported>> {
        None
    }
    /// Writes a topology file of this lab with these steps into the run's folder, and says where it is.
    ///
    /// # Errors
    /// The system's; the run has no folder, or its topology cannot be written with other steps.
    fn save_steps(&self, _steps: &str) -> std::io::Result<PathBuf> {
        Err(std::io::Error::new(std::io::ErrorKind::Unsupported, "this lab has no file"))
    }
}
