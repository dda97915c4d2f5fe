//! The desk of a running lab: a small server on loopback that tells whoever knows its token what there is to tell,
//! one JSON object a line; and the other end of that line.
//!
//! It only tells. What is told is a [`Teller`]'s business, a fold of the log that the desk keeps up to date.

use super::LabHandle;
use crate::base::LabTime;
use crate::event::Event;
use serde::{Deserialize, Serialize};
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, sync_channel};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

/// The version of the first lines; it grows when a key changes its meaning.
const VERSION: u32 = 1;
/// How often the log is looked at: a speaker does not read faster.
const LOOK: Duration = Duration::from_millis(200);
/// How often the clock is told when nothing else is new.
const CLOCK: Duration = Duration::from_secs(1);
/// How long either side may take to say or read a line: the other is on this machine.
const PATIENCE: Duration = Duration::from_secs(5);
/// Who is connected at once: a speaker, a colleague, somebody who forgot to close the last one.
const CALLERS_MAX: usize = 8;
/// The longest first line.
const HELLO_BYTES_MAX: u64 = 4096;
/// The longest line that is told: a step of a topology file of a megabyte, twice escaped.
const LINE_BYTES_MAX: u64 = 4 * 1024 * 1024;
/// Lines that wait at a reader; a reader that is slower holds its desk's thread up and nobody else.
const LINES_MAX: usize = 16;

/// A fold of the log that has something to tell.
pub trait Teller: Send {
    /// Takes one event; gives whether it tells something else now.
    fn observe(&mut self, event: &Event) -> bool;
    /// What it tells at this moment, as a line of JSON; and how long the lab has been open, on the wall.
    fn line(&self, now: LabTime, open_for: Duration) -> String;
}

/// What a reader says first.
#[derive(Debug, Serialize, Deserialize)]
struct Hello {
    v: u32,
    token: String,
}

/// The desk's answer to it.
#[derive(Debug, Serialize, Deserialize)]
struct Welcome {
    v: u32,
    /// Why nothing is told; none if all is well.
    refused: Option<String>,
}

/// What the threads of a desk share.
struct Shared {
    token: String,
    /// The fold, and how often it has changed.
    teller: Mutex<(u64, Box<dyn Teller>)>,
    news: Condvar,
    over: AtomicBool,
    callers: AtomicUsize,
    /// Those of them that know the token.
    readers: AtomicUsize,
    begun: Instant,
    lab: LabHandle,
}

/// A desk, open until it is dropped.
pub struct Desk {
    shared: Arc<Shared>,
    port: u16,
}

impl std::fmt::Debug for Desk {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Desk").field("port", &self.port).finish_non_exhaustive()
    }
}

impl Desk {
    /// Opens the desk of a lab for whoever knows this token.
    ///
    /// # Errors
    /// The system's, if there is no port.
    pub fn open(lab: &LabHandle, token: String, teller: Box<dyn Teller>) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let port = listener.local_addr()?.port();
        let shared = Arc::new(Shared {
            token,
            teller: Mutex::new((0, teller)),
            news: Condvar::new(),
            over: AtomicBool::new(false),
            callers: AtomicUsize::new(0),
            readers: AtomicUsize::new(0),
            begun: Instant::now(),
            lab: lab.clone(),
        });
        let follower = shared.clone();
        thread::spawn(move || follower.follow());
        let door = shared.clone();
        thread::spawn(move || door.receive(&listener));
        Ok(Self { shared, port })
    }

    /// Its port on 127.0.0.1.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Whether somebody reads along.
    #[must_use]
    pub fn is_read(&self) -> bool {
        self.shared.readers.load(Ordering::Acquire) > 0
    }
}

impl Drop for Desk {
    fn drop(&mut self) {
        self.shared.over.store(true, Ordering::Release);
        self.shared.news.notify_all();
        // Whoever waits for callers is called once more, and sees that it is over.
        drop(TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)));
    }
}

impl Shared {
    fn is_over(&self) -> bool {
        self.over.load(Ordering::Acquire)
    }

    fn teller(&self) -> MutexGuard<'_, (u64, Box<dyn Teller>)> {
        // A teller that panicked tells what it knew until then.
        self.teller.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Folds the log for whoever reads.
    fn follow(&self) {
        let mut at = 0;
        while !self.is_over() {
            let tail = self.lab.read(at, usize::MAX);
            at = tail.next;
            let mut teller = self.teller();
            let mut changed = false;
            for event in tail.events() {
                changed |= teller.1.observe(event);
            }
            if changed {
                teller.0 += 1;
                self.news.notify_all();
            }
            drop(teller);
            thread::sleep(LOOK);
        }
    }

    fn receive(self: &Arc<Self>, listener: &TcpListener) {
        for caller in listener.incoming() {
            if self.is_over() {
                return;
            }
            let Ok(caller) = caller else {
                // Out of files, say: that passes.
                thread::sleep(LOOK);
                continue;
            };
            if self.callers.fetch_add(1, Ordering::AcqRel) >= CALLERS_MAX {
                self.callers.fetch_sub(1, Ordering::AcqRel);
                continue;
            }
            let shared = self.clone();
            thread::spawn(move || {
                // A reader that goes away is no news.
                let _ = shared.serve(&caller);
                shared.callers.fetch_sub(1, Ordering::AcqRel);
            });
        }
    }

    fn serve(&self, caller: &TcpStream) -> io::Result<()> {
        caller.set_read_timeout(Some(PATIENCE))?;
        caller.set_write_timeout(Some(PATIENCE))?;
        caller.set_nodelay(true)?;
        let refused = self.refusal(caller);
        let closes = refused.is_some();
        say(caller, &serde_json::to_string(&Welcome { v: VERSION, refused })?)?;
        if closes {
            return Ok(());
        }
        self.readers.fetch_add(1, Ordering::AcqRel);
        let told = self.tell(caller);
        self.readers.fetch_sub(1, Ordering::AcqRel);
        told
    }

    /// Tells every change, and the clock, until either side has had enough.
    fn tell(&self, caller: &TcpStream) -> io::Result<()> {
        let mut told = None;
        while !self.is_over() {
            let same =
                |teller: &mut (u64, Box<dyn Teller>)| told == Some(teller.0) && !self.is_over();
            let waited = self.news.wait_timeout_while(self.teller(), CLOCK, same);
            let (teller, _) = waited.unwrap_or_else(PoisonError::into_inner);
            told = Some(teller.0);
            let line = teller.1.line(self.lab.now(), self.begun.elapsed());
            drop(teller);
            say(caller, &line)?;
        }
        Ok(())
    }

    /// Why a caller is told nothing, if it is not: it must know the token and the language.
    fn refusal(&self, caller: &TcpStream) -> Option<String> {
        let mut line = String::new();
        let mut lines = BufReader::new(caller.take(HELLO_BYTES_MAX));
        // Whatever cannot be read is no hello.
        let _ = lines.read_line(&mut line);
        match serde_json::from_str(&line) {
            Err(_) => Some(format!("say who you are: {{\"v\":{VERSION},\"token\":\"…\"}}")),
            Ok(Hello { token, .. }) if token != self.token => Some("this is not the token".into()),
            Ok(Hello { v, .. }) if v != VERSION => {
                Some(format!("this lab speaks version {VERSION}: use the same faultlab"))
            }
            Ok(_) => None,
        }
    }
}

fn say(mut to: &TcpStream, line: &str) -> io::Result<()> {
    to.write_all(format!("{line}\n").as_bytes())
}

/// Reads what the desk at this port tells, line by line; the sender goes when the desk does.
///
/// # Errors
/// Nobody is there (`ConnectionRefused`, `TimedOut`), or the desk refuses (`PermissionDenied`, with its reason).
pub fn read_desk(port: u16, token: &str) -> io::Result<Receiver<String>> {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let desk = TcpStream::connect_timeout(&address, PATIENCE)?;
    desk.set_read_timeout(Some(PATIENCE))?;
    let hello = Hello { v: VERSION, token: token.to_owned() };
    say(&desk, &serde_json::to_string(&hello)?)?;
    let mut lines = BufReader::new(desk);
    let welcome = next(&mut lines).unwrap_or_default();
    let Welcome { refused, .. } = serde_json::from_str(&welcome)?;
    if let Some(why) = refused {
        return Err(io::Error::new(io::ErrorKind::PermissionDenied, why));
    }
    let (send, told) = sync_channel(LINES_MAX);
    // It sits in a read; the process takes it along when it exits.
    thread::spawn(move || {
        while let Some(line) = next(&mut lines) {
            if send.send(line).is_err() {
                return;
            }
        }
    });
    Ok(told)
}

fn next(lines: &mut BufReader<TcpStream>) -> Option<String> {
    let mut line = String::new();
    lines.by_ref().take(LINE_BYTES_MAX).read_line(&mut line).ok().filter(|count| *count > 0)?;
    Some(line)
}
