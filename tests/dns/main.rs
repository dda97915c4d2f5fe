//! Real DNS from outside: a plain UDP or TCP socket in the place of `dig`, of a forger, of another name server; and
//! `dig` itself, where it is there.

#[path = "../common/mod.rs"]
mod common;

mod answers;
mod arrows;
mod ask;
mod bombs;
mod dig;
mod failures;
mod forged;
mod hostile;
mod simulated;
mod streams;
