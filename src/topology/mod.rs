//! What there is: the validated, immutable description of a lab, and how it comes out of a TOML file.
//!
//! The types here say what a topology *is*; `raw`, `check` and their kin read files and report every problem with its
//! place. Nothing here starts anything.

mod known;
pub mod model;
pub mod setting;

pub use model::*;
pub use setting::Setting;
