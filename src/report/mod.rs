//! Plain text and JSON: one line an event, the sentence that says why, the report of a run, the
//! exports.
//!
//! Wording that screen and reports share stands here. No terminal control, no colour, no lab.

mod balance;
pub mod dns;
mod done;
pub mod events;
mod json;
mod latency;
mod line;
mod notes;
pub mod shell_line;
pub mod spoken;
mod store_alarm;
mod store_line;
mod store_summary;
mod summary;
mod why;

pub use done::{DEEDS_MAX, Done};
pub use latency::{Latency, Tally};
pub use line::{has_line, line, outcome_of, own_clock};
pub use notes::{NOTES_FORMAT, Notes, NotesBeat, NotesMark, Prompter};
pub use store_alarm::store_alarm;
pub use store_summary::StoreReport;
pub use summary::{Balancer, Client, Exit, Judged, OfEra, OfPolicy, Report, Server};
pub use why::{why, why_cuts, why_failover, why_lost, why_op, why_predicted, why_split};

use crate::base::{Names, NodeId, Peer, Shown};

/// The name of a node, safe to show: a recording may come from anybody.
fn node(names: &Names, id: NodeId) -> Shown {
    Shown::short(names.of(id), NAME_COLUMNS)
}

/// The name of a node or a visitor, safe to show.
fn peer(names: &Names, peer: Peer) -> Shown {
    Shown::short(&names.peer(peer).to_string(), NAME_COLUMNS)
}

/// The most of a node's name that is shown; names of a checked topology are shorter.
const NAME_COLUMNS: usize = 32;

/// The most of a text from outside that one line or sentence shows.
const TEXT_COLUMNS: usize = 120;

/// Text from outside, safe to show and not endless.
fn text(raw: &str) -> Shown {
    Shown::short(raw, TEXT_COLUMNS)
}

/// `a`, `a and b`, `a, b and c`, `a, b, c and 97 others`.
fn list<T: std::fmt::Display>(things: &[T], and: &str) -> String {
    const SHOWN: usize = 4;
    match things {
        [] => String::new(),
        [one] => one.to_string(),
        things if things.len() > SHOWN => {
            let first: Vec<String> = things[..SHOWN - 1].iter().map(T::to_string).collect();
            format!("{} {and} {} others", first.join(", "), things.len() - first.len())
        }
        [first @ .., last] => {
            let first: Vec<String> = first.iter().map(T::to_string).collect();
            format!("{} {and} {last}", first.join(", "))
        }
    }
}
