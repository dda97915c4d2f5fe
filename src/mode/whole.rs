//! Files that are there whole or not at all, for the user alone: they have their name when all of them is written.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// Files of one second.
const SAME_SECOND_MAX: u32 = 99;

/// A file that is being written. Dropped before it is finished, it leaves nothing behind.
#[derive(Debug)]
pub struct Whole {
    /// Where it is written to.
    pub file: File,
    part: PathBuf,
    path: PathBuf,
    finished: bool,
}

impl Whole {
    /// A new file `STEM-STAMP.EXTENSION` in a folder, which is made if it is not there; the second of one second has
    /// a number behind its name.
    ///
    /// # Errors
    /// The system's; too many in one second.
    pub fn new(folder: &Path, stem: &str, stamp: &str, extension: &str) -> io::Result<Self> {
        DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
        for number in 1..=SAME_SECOND_MAX {
            let more = if number > 1 { format!("-{number}") } else { String::new() };
            let path = folder.join(format!("{stem}-{stamp}{more}.{extension}"));
            let part = path.with_extension(format!("{extension}.part"));
            match created(&part) {
                Ok(file) => {
                    let whole = Self { file, part, path, finished: false };
                    if !whole.path.exists() {
                        return Ok(whole);
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(error),
            }
        }
        Err(io::Error::other("there are too many files of this second"))
    }

    /// A file that the user named; what has that name goes when this one is finished.
    ///
    /// # Errors
    /// The system's.
    pub fn named(path: &Path) -> io::Result<Self> {
        let mut part = path.as_os_str().to_owned();
        part.push(format!(".{}.part", std::process::id()));
        let part = PathBuf::from(part);
        Ok(Self { file: created(&part)?, part, path: path.to_owned(), finished: false })
    }

    /// The name that it gets.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// It is whole: it gets its name.
    ///
    /// # Errors
    /// The system's; then nothing is left of it.
    pub fn finish(mut self) -> io::Result<PathBuf> {
        fs::rename(&self.part, &self.path)?;
        self.finished = true;
        Ok(self.path.clone())
    }
}

impl Drop for Whole {
    fn drop(&mut self) {
        if !self.finished {
            // What cannot be removed either was said to be the reason.
            let _ = fs::remove_file(&self.part);
        }
    }
}

fn created(path: &Path) -> io::Result<File> {
    OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)
}

/// The system's reason in the words of whoever can do something about it.
#[must_use]
pub fn in_words(error: io::Error) -> io::Error {
    let words = match error.kind() {
        io::ErrorKind::StorageFull => "the disk is full",
        io::ErrorKind::QuotaExceeded => "the user's share of the disk is used up",
        io::ErrorKind::FileTooLarge => "no file may become so large here (ulimit -f)",
        io::ErrorKind::ReadOnlyFilesystem => "the disk is read-only",
        _ => return error,
    };
    io::Error::new(error.kind(), words)
}

/// A moment in the names of files, in UTC: `20261121-202735`. The calendar is Howard Hinnant's "days to civil".
#[must_use]
pub fn stamp(seconds: u64) -> String {
    let (days, rest) = (seconds / 86_400 + 719_468, seconds % 86_400);
    let (era, day_of_era) = (days / 146_097, days % 146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    let year = era * 400 + year_of_era + u64::from(month <= 2);
    let (hour, minute, second) = (rest / 3600, rest / 60 % 60, rest % 60);
    format!("{year:04}{month:02}{day:02}-{hour:02}{minute:02}{second:02}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;
    use std::os::unix::fs::PermissionsExt;

    fn names(folder: &Path) -> Vec<String> {
        let files = fs::read_dir(folder).expect("the folder");
        let name = |file: io::Result<fs::DirEntry>| file.expect("a file").file_name();
        let mut names: Vec<String> =
            files.map(|file| name(file).to_string_lossy().into_owned()).collect();
        names.sort();
        names
    }

    #[test]
    fn a_file_has_its_name_when_it_is_whole_and_leaves_nothing_otherwise() {
        let home = tempfile::tempdir().expect("a folder");
        let folder = home.path().join("faultlab/recordings");
        let new = || Whole::new(&folder, "tour", "now", "cast").expect("it can be made");
        let (mut one, two) = (new(), new());
        assert_eq!(names(&folder), ["tour-now-2.cast.part", "tour-now.cast.part"]);
        one.file.write_all(b"whole").expect("it is written");
        assert_eq!(one.finish().expect("it is finished"), folder.join("tour-now.cast"));
        drop(two);
        assert_eq!(new().finish().expect("it is finished"), folder.join("tour-now-2.cast"));
        assert_eq!(names(&folder), ["tour-now-2.cast", "tour-now.cast"]);
        let path = folder.join("tour-now.cast");
        let mode = fs::metadata(&path).expect("it is there").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        // A name that the user gave: the old file stays until the new one is whole.
        drop(Whole::named(&path).expect("it can be made"));
        assert_eq!(fs::read(&path).expect("it is there"), b"whole");
        let mut again = Whole::named(&path).expect("it can be made");
        again.file.write_all(b"again").expect("it is written");
        again.finish().expect("it is finished");
        assert_eq!(fs::read(&path).expect("it is there"), b"again");
        assert_eq!(names(&folder).len(), 2);
    }

    #[test]
    fn a_stamp_is_the_date_in_utc() {
        assert_eq!(stamp(0), "19700101-000000");
        assert_eq!(stamp(951_782_399), "20000228-235959");
        assert_eq!(stamp(951_782_400), "20000229-000000");
        assert_eq!(stamp(1_795_292_855), "20261121-202735");
    }
}
