//! Faultlab: a laboratory bench for distributed systems in one terminal.
//!
//! The folders are the layers; `ARCHITECTURE.md` draws them, and `tests/tidy.rs` holds them apart.

pub mod base;
pub mod check;
pub mod cli;
pub mod command;
pub mod engine;
pub mod event;
pub mod lab;
pub mod link;
pub mod log;
pub mod machine;
pub mod message;
pub mod mode;
pub mod panel;
pub mod report;
pub mod script;
pub mod sim;
pub mod topology;
pub mod wire;
pub mod world;
