//! What there is: the validated, immutable description of a lab, and how it comes out of a TOML
//! file.
//!
//! The types of `model` say what a topology *is*. A file goes through `source` (safe reading),
//! `raw` (its mirror, every value with its place) and `resolve` (ids, defaults, what makes sense
//! together) to a [`Topology`]; whatever is wrong goes into [`Problems`], all of it at once.
//! Nothing here starts anything or opens a socket.

pub mod bundle;
mod change;
mod diff;
mod estimate;
mod inline;
mod known;
mod load;
mod ls;
mod mirror;
pub mod model;
mod problem;
mod raw;
mod recorded;
mod records;
mod replica;
mod resolve;
mod rewrite;
pub mod setting;
mod setting_asked;
mod setting_text;
mod source;
mod tables;
mod ts;
mod value;
mod wires;
mod words;
mod zone;
mod zone_file;

pub use change::{Change, Effect};
pub use diff::{diff, settled};
pub use estimate::{Estimate, FILES_RESERVED, estimate};
pub use load::{Loaded, Options, load, load_text, load_text_with, read_text, read_toml};
pub use model::*;
pub use problem::{PROBLEMS_SHOWN_MAX, Problem, Problems, Severity, Span};
pub use resolve::EPHEMERAL;
pub use rewrite::{Rewritten, rewrite};
pub use setting::Setting;
pub use source::{ALL_FILES_BYTES_MAX, Bundled, FILE_BYTES_MAX, Files, Folder, Refusal};
pub use wires::Wires;
pub use words::a_role;
pub use words::nearest;
pub use zone::{ALIASES_MAX, Zone};

/// The JSON Schema of topology files, made from the types that read them.
#[must_use]
pub fn schema() -> serde_json::Value {
    raw::schema()
}
