//! The machines by their rules: inputs in, effects out, timers of the test's own. No socket, no clock.

mod batch;
mod bounds;
mod client;
mod flaws;
mod harness;
mod health;
mod ls;
mod net;
mod table;
mod ts;
mod whole;
