//! Replicated stores as an outside client sees them: ours over the JSON wire, and etcd over its HTTP/JSON gateway, asked
//! by one and the same client.
//!
//! It knows addresses and wires, and nothing of how a store keeps together.

#![allow(dead_code, reason = "each bench uses its part of this client")]

pub mod etcd;
pub mod ours;

use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

/// A member that did not answer is left alone for so long, while there is another to ask.
const REST: Duration = Duration::from_millis(500);

/// The pause after everybody has said that they cannot.
const PAUSE: Duration = Duration::from_millis(2);

/// What has never been done in this time is broken.
pub const DEADLINE: Duration = Duration::from_secs(30);

/// What became of one attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Put {
    /// It is done.
    Done,
    /// The member answered that it cannot.
    Declined,
    /// Nothing was heard in time.
    Silent,
    /// Nobody is there, or the connection died.
    Gone,
}

/// One member of a store, as its client sees it.
pub trait Member {
    /// Writes something, and waits at most so long for the answer.
    fn put(&mut self, within: Duration) -> Put;
}

/// A client: asks the member that did the last write, and looks for another when that one does not answer.
pub struct Client {
    members: Vec<Box<dyn Member>>,
    rests: Vec<Option<Instant>>,
    at: usize,
    timeout: Duration,
}

impl Client {
    pub fn new(members: Vec<Box<dyn Member>>, timeout: Duration) -> Self {
        let rests = members.iter().map(|_| None).collect();
        Self { members, rests, at: 0, timeout }
    }

    /// Writes once, at whoever does it. Gives how long that took, and the attempts it needed.
    pub fn put(&mut self) -> (Duration, u32) {
        let begun = Instant::now();
        let mut attempts = 0;
        while begun.elapsed() < DEADLINE {
            attempts += 1;
            match self.members[self.at].put(self.timeout) {
                Put::Done => {
                    self.rests[self.at] = None;
                    return (begun.elapsed(), attempts);
                }
                Put::Silent | Put::Gone => self.rests[self.at] = Some(Instant::now()),
                Put::Declined => std::thread::sleep(PAUSE),
            }
            self.at = self.next();
        }
        panic!("no write was done within {DEADLINE:?}");
    }

    /// The next who has not been silent of late; if all have, who has rested longest.
    fn next(&self) -> usize {
        let count = self.members.len();
        let after = (1..=count).map(|step| (self.at + step) % count);
        let rested = |at: &usize| self.rests[*at].is_none_or(|since| since.elapsed() >= REST);
        let longest = |at: &usize| self.rests[*at];
        after.clone().find(rested).or_else(|| after.min_by_key(longest)).unwrap_or(0)
    }
}

/// A connection within this time, with answers within it, too.
pub fn connect(address: SocketAddr, within: Duration) -> std::io::Result<TcpStream> {
    let stream = TcpStream::connect_timeout(&address, within)?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(within))?;
    Ok(stream)
}

/// The middle one, in milliseconds.
pub fn median_ms(times: &mut [Duration]) -> f64 {
    times.sort();
    times[times.len() / 2].as_secs_f64() * 1e3
}

/// The one below which nine tenths are, in milliseconds.
pub fn p90_ms(times: &mut [Duration]) -> f64 {
    times.sort();
    times[times.len() * 9 / 10].as_secs_f64() * 1e3
}
