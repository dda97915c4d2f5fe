//! Where running labs say where their desks are: a file for each in the user's state folder, which nobody else can
//! read, with the token that opens the desk. It goes with the lab.

use super::data;
use crate::base::LabTime;
use crate::event::Event;
use crate::lab::{Desk, LabHandle, Teller};
use crate::report::{NOTES_FORMAT, Prompter};
use serde::{Deserialize, Serialize};
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

/// Files of desks that are looked at.
const DESKS_MAX: usize = 256;
/// Desks of one process have numbers: the panel can open one lab after the other.
static NUMBER: AtomicUsize = AtomicUsize::new(1);

/// Where a desk is, as its file says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// The version of what is told there.
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

/// The sheet of the speaker's notes, told at the desk.
struct Sheets(Prompter);

impl Teller for Sheets {
    fn observe(&mut self, event: &Event) -> bool {
        self.0.observe(event)
    }

    fn line(&self, now: LabTime, open_for: Duration) -> String {
        let elapsed = u64::try_from(open_for.as_millis()).unwrap_or(u64::MAX);
        serde_json::to_string(&self.0.sheet(now, elapsed)).unwrap_or_default()
    }
}

/// The desk of a lab with the speaker's notes, and the file that says where it is.
#[derive(Debug)]
pub struct Notes {
    desk: Desk,
    file: PathBuf,
}

impl Notes {
    /// Opens the desk of a lab, and says where it is in a new file of this folder.
    ///
    /// # Errors
    /// The system's: no port, no folder, no randomness.
    pub fn lay_out(lab: &LabHandle, folder: &Path) -> io::Result<Self> {
        let topology = lab.topology().clone();
        let (token, name) = (token()?, topology.name.clone());
        let desk = Desk::open(lab, token.clone(), Box::new(Sheets(Prompter::new(topology))))?;
        let (pid, number) = (std::process::id(), NUMBER.fetch_add(1, Ordering::Relaxed));
        let place = Place {
            v: NOTES_FORMAT,
            pid,
            port: desk.port(),
            token,
            topology: name,
            started_ms: data::now_ms(),
        };
        let file = folder.join(format!("{pid}-{number}.json"));
        data::replace(&file, &serde_json::to_vec(&place)?)?;
        Ok(Self { desk, file })
    }

    /// Whether somebody reads them.
    #[must_use]
    pub fn are_read(&self) -> bool {
        self.desk.is_read()
    }
}

impl Drop for Notes {
    fn drop(&mut self) {
        // A file that stays is taken for what it is: nobody answers there.
        let _ = fs::remove_file(&self.file);
    }
}

/// 128 bits that nobody can guess, in hexadecimal.
fn token() -> io::Result<String> {
    let mut bytes = [0; 16];
    File::open("/dev/urandom")?.read_exact(&mut bytes)?;
    Ok(format!("{:032x}", u128::from_be_bytes(bytes)))
}

/// Where the desks of running labs are, the newest first. Files of processes that are gone are taken away.
#[must_use]
pub fn places(folder: &Path) -> Vec<Place> {
    let Ok(files) = fs::read_dir(folder) else { return Vec::new() };
    let mut places = Vec::new();
    for file in files.take(DESKS_MAX).flatten() {
        let Ok(bytes) = fs::read(file.path()) else { continue };
        let Ok(place) = serde_json::from_slice::<Place>(&bytes) else { continue };
        if is_running(place.pid) {
            places.push(place);
        } else {
            // Another one may have done so a moment ago.
            let _ = fs::remove_file(file.path());
        }
    }
    places.sort_by_key(|place| std::cmp::Reverse((place.started_ms, place.pid)));
    places
}

/// Whether there is a process of this number.
#[must_use]
pub fn is_running(pid: u32) -> bool {
    let Some(pid) = i32::try_from(pid).ok().and_then(rustix::process::Pid::from_raw) else {
        return false;
    };
    // Somebody else's process with the same number counts as running: nobody answers there, or not to the token.
    rustix::process::test_kill_process(pid) != Err(rustix::io::Errno::SRCH)
}
