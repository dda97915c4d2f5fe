//! The desk of a running lab: a small server on loopback that tells a second terminal what the speaker needs to know.
//!
//! It only tells. Who may read is decided by a token in a file of the user's state folder, which nobody else can read;
//! the file also says where the desk is, and goes with the lab. One JSON object a line, each of them the whole sheet.

use super::data;
use crate::lab::LabHandle;
use crate::report::{NOTES_FORMAT, Notes, Prompter};
use serde::{Deserialize, Serialize};
use std::fs::{self, DirBuilder, File};
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// How often the log is looked at: a speaker does not read faster.
const LOOK: Duration = Duration::from_millis(200);
/// How often the clock is told when nothing else is new.
const CLOCK: Duration = Duration::from_secs(1);
/// How long somebody may take to say the token, or to read a line.
const PATIENCE: Duration = Duration::from_secs(5);
/// Who reads at once: a speaker, a colleague, somebody who forgot to close the last one.
const READERS_MAX: usize = 8;
/// The longest line that a reader may say.
pub const LINE_BYTES_MAX: u64 = 4096;
/// Desks of one process have numbers: the panel can open one lab after the other.
static NUMBER: AtomicUsize = AtomicUsize::new(1);

/// Where a desk is, as its file says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// The version of what is said there.
    pub v: u32,
    /// The process of the lab.
    pub pid: u32,
    /// The port on 127.0.0.1.
    pub port: u16,
    /// Who knows this may read.
    pub token: String,
    /// The topology's name.
    pub topology: String,
    /// When the lab started, in milliseconds since 1970.
    pub started_ms: u64,
}

/// What a reader says first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hello {
    /// The version of the lines that it understands.
    pub v: u32,
    /// The token of the desk's file.
    pub token: String,
}

/// What the desk says.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Said {
    /// The sheet as it is now.
    Notes(Box<Notes>),
    /// Why nothing is told.
    Refused(String),
}

/// What the threads of a desk share.
#[derive(Debug)]
struct Shared {
    token: String,
    /// The fold, and how often it has changed.
    prompter: Mutex<(u64, Prompter)>,
    news: Condvar,
    over: AtomicBool,
    /// Connections, and those of them that know the token.
    callers: AtomicUsize,
    readers: AtomicUsize,
    begun: Instant,
    lab: LabHandle,
}

/// A desk, open until it is dropped.
#[derive(Debug)]
pub struct Desk {
    shared: Arc<Shared>,
    file: PathBuf,
    port: u16,
}

impl Desk {
    /// Opens the desk of a lab, and says where it is in a new file of this folder.
    ///
    /// # Errors
    /// The system's: no port, no folder, no randomness.
    pub fn open(lab: &LabHandle, folder: &Path) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let port = listener.local_addr()?.port();
        let token = token()?;
        let topology = lab.topology().clone();
        let started = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let (pid, number) = (std::process::id(), NUMBER.fetch_add(1, Ordering::Relaxed));
        let place = Place {
            v: NOTES_FORMAT,
            pid,
            port,
            token: token.clone(),
            topology: topology.name.clone(),
            started_ms: u64::try_from(started.as_millis()).unwrap_or(u64::MAX),
        };
        DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
        let file = folder.join(format!("{pid}-{number}.json"));
        data::create(&file)?.write_all(&serde_json::to_vec(&place)?)?;
        let shared = Arc::new(Shared {
            token,
            prompter: Mutex::new((0, Prompter::new(topology))),
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
        Ok(Self { shared, file, port })
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
        // A file that stays is taken for what it is: nobody answers there.
        let _ = fs::remove_file(&self.file);
    }
}

impl Shared {
    fn is_over(&self) -> bool {
        self.over.load(Ordering::Acquire)
    }

    /// Folds the log for whoever reads.
    fn follow(&self) {
        let mut at = 0;
        while !self.is_over() {
            let tail = self.lab.read(at, usize::MAX);
            at = tail.next;
            let mut prompter = self.prompter.lock().unwrap_or_else(PoisonError::into_inner);
            let mut changed = false;
            for event in tail.events() {
                changed |= prompter.1.observe(event);
            }
            if changed {
                prompter.0 += 1;
                self.news.notify_all();
            }
            drop(prompter);
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
            if self.callers.fetch_add(1, Ordering::AcqRel) >= READERS_MAX {
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
        if let Err(why) = self.admits(caller) {
            return say(caller, &Said::Refused(why));
        }
        self.readers.fetch_add(1, Ordering::AcqRel);
        let told = self.tell(caller);
        self.readers.fetch_sub(1, Ordering::AcqRel);
        told
    }

    /// Tells every change of the sheet, and the clock, until either side has had enough.
    fn tell(&self, caller: &TcpStream) -> io::Result<()> {
        let mut told = None;
        while !self.is_over() {
            let prompter = self.prompter.lock().unwrap_or_else(PoisonError::into_inner);
            let same = |prompter: &mut (u64, Prompter)| told == Some(prompter.0) && !self.is_over();
            let waited = self.news.wait_timeout_while(prompter, CLOCK, same);
            let (prompter, _) = waited.unwrap_or_else(PoisonError::into_inner);
            told = Some(prompter.0);
            let elapsed = u64::try_from(self.begun.elapsed().as_millis()).unwrap_or(u64::MAX);
            let notes = prompter.1.sheet(self.lab.now(), elapsed);
            drop(prompter);
            say(caller, &Said::Notes(Box::new(notes)))?;
        }
        Ok(())
    }

    /// Whether a caller knows the token and the language.
    fn admits(&self, caller: &TcpStream) -> Result<(), String> {
        let mut line = String::new();
        let mut lines = BufReader::new(caller.take(LINE_BYTES_MAX));
        let hello = lines.read_line(&mut line).ok().and_then(|_| {
            let hello: Option<Hello> = serde_json::from_str(&line).ok();
            hello
        });
        match hello {
            None => Err("say who you are: {\"v\":1,\"token\":\"…\"}".into()),
            Some(hello) if hello.token != self.token => Err("this is not the token".into()),
            Some(hello) if hello.v != NOTES_FORMAT => {
                Err(format!("this lab speaks version {NOTES_FORMAT}: use the same faultlab"))
            }
            Some(_) => Ok(()),
        }
    }
}

fn say(mut to: &TcpStream, said: &Said) -> io::Result<()> {
    let mut line = serde_json::to_vec(said)?;
    line.push(b'\n');
    to.write_all(&line)
}

/// 128 bits that nobody can guess, in hexadecimal.
fn token() -> io::Result<String> {
    let mut bytes = [0; 16];
    File::open("/dev/urandom")?.read_exact(&mut bytes)?;
    Ok(format!("{:032x}", u128::from_be_bytes(bytes)))
}
