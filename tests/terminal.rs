//! The real program in a real pseudo-terminal: keys in, screen out; what happens to the terminal at every way out; and
//! what a terminal may do to the program. It knows the program from outside only.

#[path = "common/ports.rs"]
mod ports;

#[path = "terminal/appearance.rs"]
mod appearance;
#[path = "terminal/ending.rs"]
mod ending;
#[path = "terminal/flood.rs"]
mod flood;
#[path = "terminal/harness.rs"]
mod harness;
#[path = "terminal/input.rs"]
mod input;
#[path = "terminal/lecture.rs"]
mod lecture;
#[path = "terminal/noise.rs"]
mod noise;
#[path = "terminal/notes.rs"]
mod notes;
#[path = "terminal/plain.rs"]
mod plain;
#[path = "terminal/recording.rs"]
mod recording;
#[path = "terminal/reload.rs"]
mod reload;
#[path = "terminal/stopping.rs"]
mod stopping;
