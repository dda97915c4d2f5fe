//! What the frames of the bench show, and the real program that draws some of them.

pub mod program;
pub mod worlds;
