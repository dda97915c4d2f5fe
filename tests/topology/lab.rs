//! A small good topology, which the tests of topology files change and break.

use faultlab::topology::{Bundled, Loaded, load_text};

/// A client, an LS and two TSs.
pub const LAB: &str = include_str!("lab.toml");

/// A text that must be good.
pub fn ok(text: &str) -> Loaded {
    load_text("test.toml", text, &Bundled).unwrap_or_else(|problems| panic!("{problems}"))
}
