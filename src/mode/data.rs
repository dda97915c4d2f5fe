//! Where a run writes: a folder of its own below the user's state folder, never the working directory.

use std::env;
use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

/// The folder for one run of a topology: `$XDG_STATE_HOME/faultlab/runs/NAME-SECONDS-PID`, or what the user named.
/// It is made when something is first written there.
#[must_use]
pub fn run_folder(named: Option<&Path>, topology: &str) -> Option<PathBuf> {
    if let Some(folder) = named {
        return Some(folder.to_owned());
    }
    let seconds = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    let name = format!("{topology}-{seconds}-{}", std::process::id());
    Some(state_folder()?.join("runs").join(name))
}

/// The user's state folder for this program (XDG Base Directory Specification 0.8).
#[must_use]
pub fn state_folder() -> Option<PathBuf> {
    let absolute =
        |name: &str| env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let state =
        absolute("XDG_STATE_HOME").or_else(|| Some(absolute("HOME")?.join(".local/state")))?;
    Some(state.join("faultlab"))
}

/// Creates a file that the user named, or empties it. What a run records is nobody else's to read.
///
/// # Errors
/// The system's.
pub fn create(path: &Path) -> io::Result<File> {
    OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path)
}
