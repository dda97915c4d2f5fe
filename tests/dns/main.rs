//! Real DNS from outside: a plain UDP or TCP socket in the place of `dig`, of a forger, of another name server; and
//! `dig`, `kdig` and `drill` themselves, where they are there.

#[path = "../common/mod.rs"]
mod common;
#[path = "../common/rules.rs"]
mod rules;

mod answers;
mod arrows;
mod ask;
mod bombs;
mod codec;
mod failures;
mod forged;
mod hostile;
mod interop;
mod merged;
mod raw;
mod simulated;
mod streams;
mod truth;
