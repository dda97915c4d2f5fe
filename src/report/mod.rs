//! Plain text and JSON: one line an event, the sentence that says why, the report of a run, the exports.
//!
//! Wording that screen and reports share stands here. No terminal control, no colour, no lab.

use crate::base::Names;
use crate::event::Event;
use crate::world::Race;

/// One event in one line, without its time, or none for events that people do not read (timers, opening of
/// connections …). Safe to show.
#[must_use]
pub fn line(_event: &Event, _names: &Names) -> Option<String> {
    None
}

/// One sentence, or a few, on why a race came out as it did. Safe to show.
#[must_use]
pub fn why(_race: &Race, _names: &Names) -> String {
    String::new()
}
