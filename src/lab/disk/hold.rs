//! The hold of one process on the folder with its disks: two that wrote the same files would damage them.

use super::runs;
use crate::base::Run;
use std::fs::{DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// The file whose lock is the hold. It stays when the process is gone; the lock does not.
const NAME: &str = "in-use-by";

/// A folder held by this process, until it is dropped.
#[derive(Debug)]
pub struct Hold {
    folder: PathBuf,
    _locked: File,
}

impl Hold {
    /// Takes hold of a folder, which is made if it is not there.
    ///
    /// # Errors
    /// Another process holds it; or the system's.
    pub fn take(folder: &Path) -> io::Result<Self> {
        DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
        let path = folder.join(NAME);
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false).mode(0o600);
        let mut file = options.open(path)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::Error(error)) => return Err(error),
            Err(TryLockError::WouldBlock) => {
                let mut holder = String::new();
                // A process that has taken hold a moment ago may not have written its id yet.
                let _ = file.take(20).read_to_string(&mut holder);
                let id = holder
                    .trim()
                    .parse()
                    .map_or("another process".into(), |id: u32| format!("process {id}"));
                let folder = folder.display();
                return Err(io::Error::new(
                    io::ErrorKind::ResourceBusy,
                    format!(
                        "the folder {folder} is in use by {id}: end it, or name another with --data"
                    ),
                ));
            }
        }
        file.set_len(0)?;
        file.rewind()?;
        writeln!(file, "{}", std::process::id())?;
        Ok(Self { folder: folder.to_owned(), _locked: file })
    }

    /// Counts a run on these disks.
    ///
    /// # Errors
    /// The count cannot be read or written.
    pub fn next_run(&self) -> io::Result<Run> {
        runs::next(&self.folder)
    }
}
