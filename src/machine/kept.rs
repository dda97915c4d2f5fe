//! A connection that is kept: opened before it is needed, opened again when it is lost, begun anew when it hangs.
//!
//! It knows who is at the other end and nothing of what is said there.

use super::timers::Timer;
use super::{Effect, Effects};
use crate::base::draw::{Purpose, unit};
use crate::base::{ConnId, LabTime, NodeId};
use crate::event::Ending;
use std::time::Duration;

/// A connect that has not come to anything in this time is given up and begun anew (a host without power says nothing,
/// and the first attempt's packets are gone when it is back). Three times the longest delay that one key sets.
const CONNECT_MAX: Duration = Duration::from_secs(3);

/// Whoever needs a connection that is down tries to connect at once, but not more often than this.
pub const TRY_EVERY: Duration = Duration::from_millis(100);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Line {
    Closed,
    Opening(ConnId),
    Open(ConnId),
}

/// Why there is no connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Loss {
    /// Nobody listened.
    Refused,
    /// A connection ended by itself, and none has stood since.
    Ended,
}

/// How long a lost connection is left alone, in terms of the waiting time of the owner.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Retry {
    /// Just so long the first time; then twice and four times, spread out by a quarter either way.
    Backoff,
    /// Spread out by a quarter either way from the first time on, for a crowd loses its server at one moment.
    Spread,
    /// At the whole multiples of it on the clock, with everybody else who does so (flaw `reconnect-storm`).
    Together,
}

/// A connection to one node.
#[derive(Debug)]
pub struct Kept {
    node: NodeId,
    /// A program of someone else's (`at = …`): never left half-way.
    outside: bool,
    /// Seed and owner of the draws for waiting times.
    draws: (u64, u64),
    retry: Retry,
    reconnect: Duration,
    /// Nothing answers its opening, so it may be tried again; only what is heard proves that somebody is there.
    datagrams: bool,
    line: Line,
    /// Why there is no connection; none while one stands, and before the first attempt has come to anything.
    loss: Option<Loss>,
    /// Connects in a row that came to nothing.
    fruitless: u32,
    tries: u64,
    tried: LabTime,
}

impl Kept {
    /// Not connected yet. `draws`: the seed, and a number that tells the owner and its lives apart.
    pub fn new(
        node: NodeId,
        outside: bool,
        draws: (u64, u64),
        retry: Retry,
        reconnect: Duration,
    ) -> Self {
        Self {
            node,
            outside,
            draws: (draws.0, draws.1 ^ (u64::from(node.0) << 16)),
            retry,
            reconnect,
            datagrams: false,
            line: Line::Closed,
            loss: None,
            fruitless: 0,
            tries: 0,
            tried: LabTime::ZERO,
        }
    }

    /// The same over datagrams.
    pub fn over_datagrams(self) -> Self {
        Self { datagrams: true, ..self }
    }

    /// Something was heard on it.
    pub fn heard(&mut self) {
        self.fruitless = 0;
    }

    /// Which node it leads to.
    pub fn node(&self) -> NodeId {
        self.node
    }

    /// The owner's settings changed.
    pub fn set_retry(&mut self, retry: Retry, reconnect: Duration) {
        self.retry = retry;
        self.reconnect = reconnect;
    }

    /// The connection, opening or open.
    pub fn conn(&self) -> Option<ConnId> {
        match self.line {
            Line::Closed => None,
            Line::Opening(conn) | Line::Open(conn) => Some(conn),
        }
    }

    /// The connection, if it stands.
    pub fn standing(&self) -> Option<ConnId> {
        match self.line {
            Line::Open(conn) => Some(conn),
            Line::Closed | Line::Opening(_) => None,
        }
    }

    /// Whether there is none and none is being opened.
    pub fn is_closed(&self) -> bool {
        self.line == Line::Closed
    }

    /// Whether it was refused, or the last one ended, and none has stood since.
    pub fn is_down(&self) -> bool {
        self.loss.is_some()
    }

    /// Whether the last one ended by itself and none has stood since.
    pub fn has_ended(&self) -> bool {
        self.loss == Some(Loss::Ended)
    }

    /// Whether nobody was there a moment ago, so that it is of no use to try again at once.
    pub fn is_hopeless(&self, now: LabTime) -> bool {
        self.is_closed() && self.is_down() && now.since(self.tried) < TRY_EVERY
    }

    /// Opens it if there is none.
    pub fn open(&mut self, now: LabTime, framed: bool, out: &mut Effects) {
        if self.line != Line::Closed {
            return;
        }
        self.line = Line::Opening(out.open(self.node, framed));
        self.tried = now;
        out.push(Effect::Disarm(Timer::Reconnect(self.node).id()));
        if !self.outside {
            out.push(Effect::Arm(Timer::GiveUp(self.node).id(), CONNECT_MAX));
        }
    }

    /// It stands. False if it is not this one.
    pub fn opened(&mut self, conn: ConnId, out: &mut Effects) -> bool {
        if self.line != Line::Opening(conn) {
            return false;
        }
        self.line = Line::Open(conn);
        self.loss = None;
        if !self.datagrams {
            self.fruitless = 0;
        }
        out.push(Effect::Disarm(Timer::GiveUp(self.node).id()));
        true
    }

    /// Nobody listens. False if it is not this one.
    pub fn refused(&mut self, now: LabTime, conn: ConnId, out: &mut Effects) -> bool {
        if self.conn() != Some(conn) {
            return false;
        }
        self.fruitless += 1;
        self.loss.get_or_insert(Loss::Refused);
        self.lost(now, out);
        true
    }

    /// The peer ended it. False if it is not this one.
    pub fn ended(&mut self, now: LabTime, conn: ConnId, ending: Ending, out: &mut Effects) -> bool {
        if self.conn() != Some(conn) {
            return false;
        }
        if ending == Ending::EndOfFile {
            out.push(Effect::Close(conn));
        }
        self.loss = Some(Loss::Ended);
        self.lost(now, out);
        true
    }

    fn lost(&mut self, now: LabTime, out: &mut Effects) {
        out.push(Effect::Disarm(Timer::GiveUp(self.node).id()));
        self.line = Line::Closed;
        self.tries += 1;
        out.push(Effect::Arm(Timer::Reconnect(self.node).id(), self.wait_before_retry(now)));
    }

    fn wait_before_retry(&self, now: LabTime) -> Duration {
        let base = self.reconnect;
        let spread = || {
            let drawn = unit(self.draws.0, self.draws.1, Purpose::Backoff, self.tries);
            let doubled = base * (1 << self.fruitless.saturating_sub(1).min(2));
            doubled.mul_f64(0.75 + 0.5 * drawn)
        };
        match self.retry {
            Retry::Backoff if self.fruitless < 2 => base,
            Retry::Backoff | Retry::Spread => spread(),
            Retry::Together => {
                let every = u64::try_from(base.as_nanos()).unwrap_or(u64::MAX).max(1);
                Duration::from_nanos(every - now.0 % every)
            }
        }
    }

    /// A connect has hung for too long: begin anew.
    pub fn hung(&mut self, now: LabTime, framed: bool, out: &mut Effects) {
        if let Line::Opening(_) = self.line {
            self.renew(now, framed, out);
        }
    }

    /// Closes it, if there is one, and opens another.
    pub fn renew(&mut self, now: LabTime, framed: bool, out: &mut Effects) {
        if let Some(conn) = self.conn() {
            out.push(Effect::Close(conn));
        }
        self.line = Line::Closed;
        self.open(now, framed, out);
    }

    /// Closes it for good.
    pub fn close(&mut self, out: &mut Effects) {
        if let Some(conn) = self.conn() {
            out.push(Effect::Close(conn));
        }
        self.line = Line::Closed;
        for timer in [Timer::GiveUp(self.node), Timer::Reconnect(self.node)] {
            out.push(Effect::Disarm(timer.id()));
        }
    }
}
