//! Real TCP connections: the writing half, and the record of which send put which bytes into the stream.
//!
//! It writes bytes and ends sockets; it knows no message and no protocol.

use crate::base::EventId;
use std::collections::VecDeque;
use std::io;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::net::TcpStream;
use tokio::runtime::Handle;
use tokio_util::sync::CancellationToken;

/// Bytes that may wait because the reader of a connection does not read; more than this and the connection is reset,
/// as a real sender would give up. A frozen node's peers reach it only under a flood.
const BACKLOG_BYTES_MAX: usize = 8 * 1024 * 1024;

/// What became of the node that owns one end of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Owner {
    /// It lives, or stands still: the kernel takes bytes for it.
    Alive = 0,
    /// Its host has no power: whatever is sent to it vanishes.
    Off = 1,
    /// Its process has died: whatever is sent to it meets a closed socket.
    Dead = 2,
    /// Its host came back, and knows nothing of this connection.
    Returned = 3,
}

/// The state of one end's owner, shared by both ends of a connection.
#[derive(Debug, Default)]
pub struct End(AtomicU8);

impl End {
    /// In this state.
    pub fn new(owner: Owner) -> Self {
        Self(AtomicU8::new(owner as u8))
    }

    /// The present state.
    pub fn get(&self) -> Owner {
        match self.0.load(Ordering::Acquire) {
            1 => Owner::Off,
            2 => Owner::Dead,
            3 => Owner::Returned,
            _ => Owner::Alive,
        }
    }

    /// Changes it.
    pub fn set(&self, owner: Owner) {
        self.0.store(owner as u8, Ordering::Release);
    }
}

/// Which send put which bytes into one direction of a stream: the bytes carry no ids, and reads glue.
#[derive(Debug, Default)]
pub struct Tap {
    sends: Mutex<VecDeque<(u64, EventId)>>,
}

impl Tap {
    fn lock(&self) -> MutexGuard<'_, VecDeque<(u64, EventId)>> {
        self.sends.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The send whose bytes include byte number `end` (1 is the first), the last of a message. Earlier ones are
    /// forgotten.
    pub fn cause(&self, end: u64) -> Option<EventId> {
        let mut sends = self.lock();
        while let Some(&(sent_until, event)) = sends.front() {
            if sent_until < end {
                sends.pop_front();
                continue;
            }
            if sent_until == end {
                sends.pop_front();
            }
            return Some(event);
        }
        None
    }
}

/// The two directions of a connection between nodes of ours, seen from the end that opened it.
#[derive(Debug, Clone, Default)]
pub struct Pair {
    /// What the opener sent.
    pub opener_tap: Arc<Tap>,
    /// What the acceptor sent.
    pub acceptor_tap: Arc<Tap>,
    /// The owner of the opener's end.
    pub opener_end: Arc<End>,
    /// The owner of the acceptor's end.
    pub acceptor_end: Arc<End>,
}

/// The writing half of one end of a connection. It outlives its node: what is on the link still arrives.
#[derive(Debug)]
pub struct Writer {
    state: Mutex<State>,
    tap: Option<Arc<Tap>>,
    peer_end: Option<Arc<End>>,
    /// Cancelled when the connection is over, so that nothing waits for a peer that never reads again.
    over: CancellationToken,
    /// Ends the task that reads this end.
    reader: CancellationToken,
}

#[derive(Debug)]
struct State {
    stream: Option<Arc<TcpStream>>,
    backlog: VecDeque<u8>,
    draining: bool,
    end_after: bool,
    written: u64,
}

impl Writer {
    /// The writing half of this socket. `reader`: what ends the task that reads it.
    #[must_use]
    pub fn new(
        stream: Arc<TcpStream>,
        tap: Option<Arc<Tap>>,
        peer_end: Option<Arc<End>>,
        reader: CancellationToken,
    ) -> Self {
        let state = State {
            stream: Some(stream),
            backlog: VecDeque::new(),
            draining: false,
            end_after: false,
            written: 0,
        };
        Self { state: Mutex::new(state), tap, peer_end, over: CancellationToken::new(), reader }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What became of the node at the other end, where that is known.
    pub fn peer_owner(&self) -> Owner {
        self.peer_end.as_ref().map_or(Owner::Alive, |end| end.get())
    }

    /// Writes bytes in order, without waiting. False if the connection is gone.
    pub fn write(self: &Arc<Self>, bytes: &[u8], event: EventId, runtime: &Handle) -> bool {
        let mut state = self.lock();
        let Some(stream) = state.stream.clone() else { return false };
        state.written += bytes.len() as u64;
        if let Some(tap) = &self.tap {
            tap.lock().push_back((state.written, event));
        }
        let mut done = 0;
        if state.backlog.is_empty() {
            match stream.try_write(bytes) {
                Ok(count) => done = count,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                // The reader of this socket sees the same end and reports it.
                Err(_) => return false,
            }
        }
        if done < bytes.len() {
            if state.backlog.len() + bytes.len() - done > BACKLOG_BYTES_MAX {
                drop(state);
                self.reset();
                return false;
            }
            state.backlog.extend(&bytes[done..]);
            self.start_draining(&mut state, runtime);
        }
        true
    }

    fn start_draining(self: &Arc<Self>, state: &mut State, runtime: &Handle) {
        if state.draining {
            return;
        }
        state.draining = true;
        let writer = self.clone();
        runtime.spawn(async move { writer.drain().await });
    }

    async fn drain(self: Arc<Self>) {
        loop {
            let Some(stream) = self.lock().stream.clone() else { return };
            // Both arms only end the wait; nothing is written before it is over.
            tokio::select! {
                () = self.over.cancelled() => return,
                ready = stream.writable() => if ready.is_err() { return },
            }
            let mut state = self.lock();
            let (front, _) = state.backlog.as_slices();
            match stream.try_write(front) {
                Ok(count) => drop(state.backlog.drain(..count)),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(_) => {
                    state.stream = None;
                    return;
                }
            }
            if state.backlog.is_empty() {
                state.draining = false;
                if state.end_after {
                    state.stream = None;
                }
                return;
            }
        }
    }

    /// Ends the connection in good order, behind what was written.
    pub fn finish(&self) {
        let mut state = self.lock();
        if state.backlog.is_empty() {
            state.stream = None;
        } else {
            state.end_after = true;
        }
    }

    /// Whether it has been reset.
    pub fn is_reset(&self) -> bool {
        self.over.is_cancelled()
    }

    /// Ends the connection with a reset: the peer is told as soon as this end's node has let go of the socket, too. Its
    /// reader ends and says so, if the node lives and does not know yet.
    pub fn reset(&self) {
        self.over.cancel();
        self.reader.cancel();
        if let Some(stream) = self.lock().stream.take() {
            // Without zero linger the kernel would say "end of file", which is what a process that ends in good
            // order says. If the option cannot be set the socket is already gone.
            let _ = stream.set_zero_linger();
        }
    }
}
