//! Standard input as events: waits for bytes and hands them, and the silences between them, to the decoder.
//!
//! The only reader of the terminal. It blocks, so it belongs on a thread of its own; it knows nothing of keys.

use super::decode::Decoder;
use crossterm::event::Event;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use std::collections::VecDeque;
use std::io;
use std::os::fd::AsFd;
use std::time::Duration;

/// Bytes that are read at once. A terminal's own queue holds a few kilobytes.
const CHUNK_BYTES: usize = 16 * 1024;
/// A read that gives nothing though there was something: in a line with unusual modes (another program set them) that
/// is no end, and it must not make the thread spin.
const NOTHING_PAUSE: Duration = Duration::from_millis(20);

/// What the terminal sends.
#[derive(Debug)]
pub struct Input {
    decoder: Decoder,
    ready: VecDeque<Event>,
    buffer: Vec<u8>,
}

impl Input {
    /// Nothing read yet.
    #[must_use]
    pub fn new() -> Self {
        Self { decoder: Decoder::default(), ready: VecDeque::new(), buffer: vec![0; CHUNK_BYTES] }
    }

    /// The next event, as long as it may take.
    ///
    /// # Errors
    /// The terminal is gone.
    pub fn read(&mut self) -> io::Result<Event> {
        loop {
            if let Some(event) = self.ready.pop_front() {
                return Ok(event);
            }
            self.wait(None)?;
        }
    }

    /// Whether an event has come, or comes within this time.
    ///
    /// # Errors
    /// The terminal is gone.
    pub fn poll(&mut self, limit: Duration) -> io::Result<bool> {
        if self.ready.is_empty() {
            self.wait(Some(limit))?;
        }
        Ok(!self.ready.is_empty())
    }

    /// Waits once: for bytes, for this time, or for the decoder's patience to end.
    fn wait(&mut self, limit: Option<Duration>) -> io::Result<()> {
        let patience = self.decoder.patience();
        let span = limit.into_iter().chain(patience).min();
        let timeout = span.and_then(|span| Timespec::try_from(span).ok());
        let stdin = io::stdin();
        let mut fds = [PollFd::new(&stdin, PollFlags::IN)];
        match poll(&mut fds, timeout.as_ref()) {
            Err(Errno::INTR) => Ok(()),
            Err(error) => Err(error.into()),
            Ok(0) => {
                if patience.is_some() && patience == span {
                    self.take(Decoder::give_up);
                }
                Ok(())
            }
            Ok(_) if fds[0].revents().contains(PollFlags::IN) => self.read_bytes(),
            // Hung up, with nothing left to read.
            Ok(_) => Err(io::ErrorKind::UnexpectedEof.into()),
        }
    }

    fn read_bytes(&mut self) -> io::Result<()> {
        let mut buffer = std::mem::take(&mut self.buffer);
        let count = rustix::io::read(io::stdin().as_fd(), &mut buffer[..]);
        if let Ok(count @ 1..) = count {
            self.take(|decoder, out| decoder.feed(&buffer[..count], out));
        }
        self.buffer = buffer;
        match count {
            Ok(0) | Err(Errno::AGAIN | Errno::INTR) => std::thread::sleep(NOTHING_PAUSE),
            Ok(_) => {}
            Err(error) => return Err(error.into()),
        }
        Ok(())
    }

    fn take(&mut self, with: impl FnOnce(&mut Decoder, &mut Vec<Event>)) {
        let mut out = Vec::new();
        with(&mut self.decoder, &mut out);
        self.ready.extend(out);
    }
}
