//! Stretches of ports for runs of the real program: no two runs of these tests have the same one, in this process or in
//! another, and a port of it that somebody else has is passed over by the program itself.
//!
//! It must not know what runs there.

use std::net::{Ipv4Addr, TcpListener};
use std::sync::atomic::{AtomicU16, Ordering};

/// Below the range from which systems give ports to whoever connects.
const FIRST: u16 = 10_000;
const LAST: u16 = 32_000;
/// Ports of one stretch: more than any run of these tests listens at.
const LENGTH: u16 = 125;
const COUNT: u16 = (LAST - FIRST) / LENGTH;

/// Where this process looks next.
static NEXT: AtomicU16 = AtomicU16::new(0);

/// A stretch of ports, ours until it is dropped.
#[derive(Debug)]
pub struct Ports {
    base: u16,
    /// Whoever holds the port in front of the others has them all.
    _held: TcpListener,
}

impl Ports {
    /// A stretch that nobody has.
    pub fn take() -> Self {
        // Processes begin at different places, so that they seldom meet.
        let begin = (std::process::id() % u32::from(COUNT)) as u16 * 41;
        for _ in 0..COUNT {
            let at = begin.wrapping_add(NEXT.fetch_add(1, Ordering::Relaxed)) % COUNT;
            let first = FIRST + at * LENGTH;
            if let Ok(held) = TcpListener::bind((Ipv4Addr::LOCALHOST, first)) {
                return Self { base: first + 1, _held: held };
            }
        }
        panic!("each of {COUNT} stretches of ports is taken")
    }

    /// What the program is told with `--port-base`.
    pub const fn base(&self) -> u16 {
        self.base
    }
}
