//! The log's file: a line is made safe to show, and a file that is full makes room for the next.
//!
//! Three files of ten megabytes at most, for the user alone, symbolic links not followed. Several runs may write at
//! once: each line is one append, and whoever finds that another has begun a new file goes on in that.

use crate::base::Shown;
use rustix::fs::OFlags;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::PathBuf;

/// The newest file; older ones have a number behind their name.
pub const NAME: &str = "faultlab.log";
/// A file of the log is full at this size.
const BYTES_MAX: u64 = 10 * 1000 * 1000;
/// Files that are kept, the newest included.
const FILES_MAX: u32 = 3;
/// The most of a line that is written; a text from outside may be endless.
const LINE_CHARS_MAX: usize = 4096;

/// The file that is written just now.
#[derive(Debug)]
pub struct Rotated {
    folder: PathBuf,
    file: File,
    /// Its size, as far as this process knows.
    bytes: u64,
    bytes_max: u64,
}

impl Rotated {
    /// The log in this folder, which is made.
    ///
    /// # Errors
    /// The system's.
    pub fn open(folder: PathBuf) -> io::Result<Self> {
        Self::with_size(folder, BYTES_MAX)
    }

    fn with_size(folder: PathBuf, bytes_max: u64) -> io::Result<Self> {
        DirBuilder::new().recursive(true).mode(0o700).create(&folder)?;
        let file = Self::open_newest(&folder)?;
        let bytes = file.metadata()?.len();
        Ok(Self { folder, file, bytes, bytes_max })
    }

    fn open_newest(folder: &std::path::Path) -> io::Result<File> {
        let flags = OFlags::NOFOLLOW.bits().cast_signed();
        let mut options = OpenOptions::new();
        options.append(true).create(true).mode(0o600).custom_flags(flags).open(folder.join(NAME))
    }

    fn path(&self, number: u32) -> PathBuf {
        match number {
            0 => self.folder.join(NAME),
            number => self.folder.join(format!("{NAME}.{number}")),
        }
    }

    /// Makes room: the oldest file goes, the others move on by one.
    fn rotate(&mut self) -> io::Result<()> {
        // Where the newest file is no longer this one, another run has done it already.
        let newest = fs::symlink_metadata(self.path(0)).ok();
        if newest.is_some_and(|it| it.ino() == self.file.metadata().map_or(0, |own| own.ino())) {
            for number in (0..FILES_MAX - 1).rev() {
                match fs::rename(self.path(number), self.path(number + 1)) {
                    Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                    _ => {}
                }
            }
        }
        self.file = Self::open_newest(&self.folder)?;
        self.bytes = self.file.metadata()?.len();
        Ok(())
    }
}

impl Write for Rotated {
    /// Takes one line, whole, with its end.
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let text = line.strip_suffix(b"\n").unwrap_or(line);
        let shown = Shown::short(Shown::bytes(text).as_str(), LINE_CHARS_MAX);
        let shown = format!("{shown}\n");
        if self.bytes + shown.len() as u64 > self.bytes_max {
            self.rotate()?;
        }
        self.file.write_all(shown.as_bytes())?;
        self.bytes += shown.len() as u64;
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;
    use std::path::Path;

    fn texts(folder: &Path) -> Vec<String> {
        let mut names: Vec<_> =
            fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
        names.sort();
        names.iter().map(|path| fs::read_to_string(path).unwrap()).collect()
    }

    fn line(log: &mut Rotated, number: u32) {
        log.write_all(format!("line {number:03}\n").as_bytes()).unwrap();
    }

    #[test]
    fn the_newest_lines_stay_in_three_files_that_nobody_else_reads() {
        let folder = tempfile::tempdir().unwrap();
        let place = folder.path().join("log");
        let mut log = Rotated::with_size(place.clone(), 27).unwrap();
        (0..11).for_each(|number| line(&mut log, number));
        let texts = texts(&place);
        assert_eq!(texts[0], "line 009\nline 010\n");
        assert_eq!(texts[1], "line 006\nline 007\nline 008\n");
        assert_eq!(texts[2], "line 003\nline 004\nline 005\n");
        assert_eq!(texts.len(), 3);
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&place), mode(&place.join(NAME))), (0o700, 0o600));
        // What is there already counts, too.
        let mut log = Rotated::with_size(place.clone(), 27).unwrap();
        (11..13).for_each(|number| line(&mut log, number));
        assert_eq!(self::texts(&place)[0], "line 012\n");
    }

    #[test]
    fn two_runs_share_the_files() {
        let folder = tempfile::tempdir().unwrap();
        let open = || Rotated::with_size(folder.path().to_owned(), 27).unwrap();
        let (mut one, mut other) = (open(), open());
        for number in 0..100 {
            line(if number % 3 == 0 { &mut one } else { &mut other }, number);
        }
        let texts = texts(folder.path());
        assert_eq!(texts.len(), 3);
        assert!(texts.iter().all(|text| text.len() <= 3 * 27), "{texts:?}");
        assert!(texts[0].ends_with("line 099\n") || texts[0].ends_with("line 098\n"), "{texts:?}");
    }

    #[test]
    fn a_line_is_one_line_and_harmless() {
        let folder = tempfile::tempdir().unwrap();
        let mut log = Rotated::with_size(folder.path().to_owned(), 1000).unwrap();
        log.write_all(b"name=\x1b[2J\x1b]0;t\x07\xe2\x80\xae\xff\r\nforged\n").unwrap();
        let text = fs::read_to_string(folder.path().join(NAME)).unwrap();
        assert_eq!(text, "name=\\e[2J\\e]0;t\\x07\\u{202e}\\xff\\r\\nforged\n");
    }

    #[test]
    fn a_link_is_not_followed() {
        let folder = tempfile::tempdir().unwrap();
        let (log, victim) = (folder.path().join("log"), folder.path().join("victim"));
        fs::create_dir(&log).unwrap();
        std::os::unix::fs::symlink(&victim, log.join(NAME)).unwrap();
        assert!(Rotated::open(log).is_err());
        assert!(!victim.exists());
    }
}
