//! Watches signals and the terminal's line, so that the process ends in time whatever the panel is stuck in.
//!
//! One for the process, from the first terminal session on. It must not draw, and it must not wait for the panel.

use super::terminal::Restorer;
use signal_hook::consts::{SIGCONT, SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGTSTP, SIGWINCH};
use std::io::Read;
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::SyncSender;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

/// What the panel is woken for.
#[derive(Debug)]
pub enum Woken {
    /// A key, a paste, a new size.
    Input(crossterm::event::Event),
    /// A signal changed one of the guard's states.
    Signal,
}

/// How long the panel has to leave by itself after a signal; the limit for the whole process is 500 ms.
const LEAVE_WITHIN: Duration = Duration::from_millis(400);
/// The same after the terminal is gone: nobody looks any more, but the lab may end in good order.
const GONE_WITHIN: Duration = Duration::from_millis(1500);
const ENDING: [i32; 4] = [SIGTERM, SIGINT, SIGHUP, SIGQUIT];

/// What the signals said so far.
#[derive(Debug, Default)]
pub struct Said {
    ending: [Arc<AtomicBool>; 4],
    resized: Arc<AtomicBool>,
    continued: Arc<AtomicBool>,
    stop: Arc<AtomicBool>,
    gone: AtomicBool,
    ended: Mutex<Option<i32>>,
}

impl Said {
    /// The number of the signal that wants the process to end.
    pub fn ending(&self) -> Option<i32> {
        *self.ended.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether the terminal is gone.
    pub fn is_gone(&self) -> bool {
        self.gone.load(Ordering::Acquire)
    }

    /// Whether the shell wants the process to stop (SIGTSTP), once.
    pub fn take_stop(&self) -> bool {
        self.stop.swap(false, Ordering::AcqRel)
    }

    /// Whether the process went on after a stop (SIGCONT), once.
    pub fn take_continued(&self) -> bool {
        self.continued.swap(false, Ordering::AcqRel)
    }

    /// Whether the terminal has a new size, once.
    pub fn take_resized(&self) -> bool {
        self.resized.swap(false, Ordering::AcqRel)
    }
}

/// What the guard works on: the session that is open, if one is.
#[derive(Debug, Default)]
pub struct Guard {
    /// What the signals said.
    pub said: Said,
    open: Mutex<Option<(Arc<Restorer>, SyncSender<Woken>)>>,
}

static GUARD: OnceLock<Arc<Guard>> = OnceLock::new();

/// The guard of this process, started the first time.
///
/// # Errors
/// When signals cannot be watched.
pub fn start() -> std::io::Result<Arc<Guard>> {
    if let Some(guard) = GUARD.get() {
        return Ok(guard.clone());
    }
    let guard = Arc::new(Guard::default());
    let (reader, writer) = UnixStream::pair()?;
    reader.set_nonblocking(true)?;
    let said = &guard.said;
    let flags = ENDING.iter().zip(&said.ending).map(|(signal, flag)| (*signal, flag.clone()));
    let others = [(SIGWINCH, &said.resized), (SIGCONT, &said.continued), (SIGTSTP, &said.stop)];
    for (signal, flag) in flags.chain(others.map(|(signal, flag)| (signal, flag.clone()))) {
        // The flag first: when the pipe wakes the guard, it must be there to see.
        signal_hook::flag::register(signal, flag)?;
        signal_hook::low_level::pipe::register(signal, writer.try_clone()?)?;
    }
    let watched = guard.clone();
    std::thread::Builder::new()
        .name("panel-guard".into())
        .spawn(move || watched.watch(reader, &writer))?;
    Ok(GUARD.get_or_init(|| guard).clone())
}

impl Guard {
    /// A session begins: it is restored and woken from now on.
    pub fn open(&self, restorer: Arc<Restorer>, wake: SyncSender<Woken>) {
        *self.open.lock().unwrap_or_else(PoisonError::into_inner) = Some((restorer, wake));
    }

    /// The session is over.
    pub fn close(&self) {
        *self.open.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    fn session(&self) -> Option<(Arc<Restorer>, SyncSender<Woken>)> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The guard's thread. `_keep` holds the pipe's other end open.
    fn watch(&self, mut pipe: UnixStream, _keep: &UnixStream) {
        let mut deadline: Option<(Instant, i32)> = None;
        loop {
            let session = self.session();
            let watch_line = session.is_some() && !self.said.is_gone();
            wait(&pipe, watch_line, deadline.map(|(at, _)| at), &self.said);
            let mut drained = [0; 64];
            while pipe.read(&mut drained).is_ok_and(|count| count > 0) {}
            for (signal, flag) in ENDING.iter().zip(&self.said.ending) {
                if flag.swap(false, Ordering::AcqRel) {
                    if deadline.is_some() || session.is_none() {
                        // The second signal, or nobody there to leave in good order.
                        self.exit(128 + signal);
                    }
                    deadline = Some((Instant::now() + LEAVE_WITHIN, *signal));
                    *self.said.ended.lock().unwrap_or_else(PoisonError::into_inner) = Some(*signal);
                }
            }
            if self.said.is_gone() && deadline.is_none() {
                deadline = Some((Instant::now() + GONE_WITHIN, SIGHUP));
            }
            if let Some((at, signal)) = deadline
                && Instant::now() >= at
            {
                self.exit(128 + signal);
            }
            if let Some((_, wake)) = &session {
                // Full means that the panel is about to wake anyway.
                let _ = wake.try_send(Woken::Signal);
            }
        }
    }

    /// Restores the terminal, if it is ours just now, and ends the process.
    fn exit(&self, code: i32) -> ! {
        if let Some((restorer, _)) = self.session() {
            restorer.restore();
        }
        std::process::exit(code)
    }
}

/// Waits for a signal, for the line to hang up, or for the deadline.
fn wait(pipe: &UnixStream, watch_line: bool, deadline: Option<Instant>, said: &Said) {
    use rustix::event::{PollFd, PollFlags, Timespec, poll};
    let stdin = std::io::stdin();
    let left = deadline.map(|at| at.saturating_duration_since(Instant::now()));
    // A hang-up is reported without being asked for; without one there is nothing to do but wait.
    let limit = left.map(|left| left.min(Duration::from_secs(1)) + Duration::from_millis(1));
    let limit = limit.and_then(|limit| Timespec::try_from(limit).ok());
    let mut fds = vec![PollFd::new(pipe, PollFlags::IN)];
    let line = stdin.as_fd();
    if watch_line {
        fds.push(PollFd::from_borrowed_fd(line, PollFlags::empty()));
    }
    if poll(&mut fds, limit.as_ref()).is_err() {
        return;
    }
    let hung = PollFlags::HUP | PollFlags::ERR | PollFlags::NVAL;
    if fds.get(1).is_some_and(|fd| fd.revents().intersects(hung)) {
        said.gone.store(true, Ordering::Release);
    }
}
