//! How many runs a folder of disks has seen. What is on the disks bears the names of those who wrote it; counting the
//! runs keeps the names of one apart from those of the next.
//!
//! Whoever counts holds the folder, so nobody else does at the same time.

use crate::base::Run;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

/// The file with the count: a number and a line end.
const NAME: &str = "runs";

/// Where the next count is written before it takes the place of the last.
const DRAFT: &str = "runs.new";

/// Counts one run more and gives its number. The count is on the disk before anything of the run can be.
///
/// # Errors
/// The count is damaged; or the system's.
pub fn next(folder: &Path) -> io::Result<Run> {
    let run = Run(seen(folder)?.saturating_add(1));
    let draft = folder.join(DRAFT);
    let mut options = OpenOptions::new();
    let mut file = options.write(true).create(true).truncate(true).mode(0o600).open(&draft)?;
    writeln!(file, "{run}")?;
    file.sync_all()?;
    fs::rename(&draft, folder.join(NAME))?;
    File::open(folder)?.sync_all()?;
    Ok(run)
}

/// How many there were. A folder without a count has seen one if there are disks in it: one of a time before runs were
/// counted, or one whose disks were copied there.
fn seen(folder: &Path) -> io::Result<u32> {
    let path = folder.join(NAME);
    match fs::read_to_string(&path) {
        Ok(text) => text.trim().parse().map_err(|_| {
            let path = path.display();
            let words = format!(
                "the count of runs in {path} is damaged: write a number there that is higher than any behind an @ \
                 in the names of its disks, or name another folder with --data"
            );
            io::Error::new(io::ErrorKind::InvalidData, words)
        }),
        Err(error) if error.kind() == io::ErrorKind::NotFound => has_disks(folder).map(u32::from),
        Err(error) => Err(error),
    }
}

fn has_disks(folder: &Path) -> io::Result<bool> {
    for file in fs::read_dir(folder)? {
        let path = file?.path();
        if path.extension().is_some_and(|ending| ending == "db" || ending == "json") {
            return Ok(true);
        }
    }
    Ok(false)
}
