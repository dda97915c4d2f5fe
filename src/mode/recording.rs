//! `S`: the log so far, as the JSON lines that `--events` writes, and the screen as text beside it, in a folder of
//! their own. They are written beside the panel, by a thread that ends with them: a long log must not delay a key.

use super::data;
use crate::base::{EventId, LabTime, Owner};
use crate::event::{Cause, Event, Fact};
use crate::lab::LabHandle;
use crate::log::Tail;
use crate::panel::Recorded;
use crate::report::events::{write_event, write_header};
use crate::topology::Topology;
use std::cell::RefCell;
use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::thread::{self, JoinHandle};

/// Events that are read from the lab at once: it must not wait for a disk.
const EVENTS_AT_ONCE: usize = 4096;
/// Recordings of one second.
const SAME_SECOND_MAX: u32 = 99;

/// Writes recordings, one at a time.
#[derive(Debug, Default)]
pub struct Recorder {
    writes: RefCell<Option<JoinHandle<io::Result<Recorded>>>>,
}

impl Recorder {
    /// Begins to write; false while an earlier recording is still being written.
    ///
    /// # Errors
    /// There is no folder to write to, or no thread to be had.
    pub fn begin(&self, lab: LabHandle, screen: String) -> io::Result<bool> {
        if self.writes.borrow().is_some() {
            return Ok(false);
        }
        let folder = data::recordings_folder().ok_or_else(|| {
            io::Error::new(io::ErrorKind::NotFound, "HOME is not set, and so there is no folder")
        })?;
        let write = move || {
            let read = |from| lab.read(from, EVENTS_AT_ONCE);
            let stamp = stamp(data::now_ms() / 1000);
            write(read, lab.end(), lab.topology(), &folder, &stamp, &screen)
        };
        let thread = thread::Builder::new().name("faultlab-recording".into()).spawn(write)?;
        *self.writes.borrow_mut() = Some(thread);
        Ok(true)
    }

    /// What came of a recording, once.
    pub fn done(&self) -> Option<io::Result<Recorded>> {
        let mut writes = self.writes.borrow_mut();
        let thread = writes.take_if(|thread| thread.is_finished())?;
        Some(joined(thread))
    }
}

fn joined(thread: JoinHandle<io::Result<Recorded>>) -> io::Result<Recorded> {
    thread.join().unwrap_or_else(|_| Err(io::Error::other("the recording broke off")))
}

impl Drop for Recorder {
    /// Whoever saves and then quits has what was saved.
    fn drop(&mut self) {
        if let Some(thread) = self.writes.take() {
            // Nobody is left to be told how it came out.
            let _ = joined(thread);
        }
    }
}

/// Writes the events up to a position and the screen into new files.
fn write(
    read: impl Fn(u64) -> Tail,
    end: u64,
    topology: &Topology,
    folder: &Path,
    stamp: &str,
    screen: &str,
) -> io::Result<Recorded> {
    DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    for number in 1..=SAME_SECOND_MAX {
        let more = if number > 1 { format!("-{number}") } else { String::new() };
        let path = folder.join(format!("{}-{stamp}{more}.jsonl", topology.name));
        // It has its name when it is whole.
        let part = path.with_extension("part");
        let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&part);
        let file = match file {
            Ok(file) if !path.exists() => file,
            Ok(_) => {
                fs::remove_file(&part)?;
                continue;
            }
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => continue,
            Err(error) => return Err(error),
        };
        let text = path.with_extension("txt");
        let written = write_log(file, &read, end, topology)
            .and_then(|gap| write_text(&text, screen).map(|()| gap))
            .and_then(|gap| fs::rename(&part, &path).map(|()| gap));
        return match written {
            Ok((missing, begins)) => Ok(Recorded { path, missing, begins }),
            Err(error) => {
                // Half a recording is none; what cannot be removed either was said to be the reason.
                let _ = fs::remove_file(&part);
                let _ = fs::remove_file(&text);
                Err(error)
            }
        };
    }
    Err(io::Error::other("too many recordings in one second"))
}

fn write_text(path: &PathBuf, screen: &str) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(screen.as_bytes())
}

/// Writes header and events; gives how many were gone already, and when what is there begins.
fn write_log(
    file: fs::File,
    read: &impl Fn(u64) -> Tail,
    end: u64,
    topology: &Topology,
) -> io::Result<(u64, LabTime)> {
    let mut out = BufWriter::new(file);
    write_header(&mut out, topology)?;
    let (mut at, mut gone, mut begins) = (0, 0, None);
    while at < end {
        let tail = read(at);
        if tail.is_empty() {
            break;
        }
        let mut events = tail.events().peekable();
        if let (1.., Some(first)) = (tail.missing, events.peek()) {
            write_event(&mut out, &gap(tail.missing, first.time), &topology.names)?;
            gone += tail.missing;
        }
        let count = end.saturating_sub(at + tail.missing);
        for event in events.take(usize::try_from(count).unwrap_or(usize::MAX)) {
            begins.get_or_insert(event.time);
            write_event(&mut out, event, &topology.names)?;
        }
        at = tail.next;
    }
    out.flush()?;
    Ok((gone, begins.unwrap_or(LabTime::ZERO)))
}

/// What a reader of the file is told in the place of events that are gone.
fn gap(dropped: u64, time: LabTime) -> Event {
    let id = EventId { owner: Owner::Lab, number: 0 };
    Event { id, time, cause: Cause::Unknown, fact: Fact::LogGap { dropped } }
}

/// A moment in the names of files, in UTC: `20261121-202735`. The calendar is Howard Hinnant's "days to civil".
fn stamp(seconds: u64) -> String {
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
    use crate::log::{Log, SEGMENT_EVENTS};
    use crate::report::events;
    use crate::topology;
    use std::os::unix::fs::PermissionsExt;

    fn tour() -> Topology {
        let loaded = topology::load("tour".as_ref(), topology::Options::default());
        loaded.expect("it is built in").topology
    }

    fn log(keep: usize, count: u64) -> Log {
        let mut log = Log::new(keep);
        for number in 1..=count {
            let id = EventId { owner: Owner::Lab, number };
            let fact = Fact::StepBegan { step: 1 };
            log.push(Event { id, time: LabTime(number), cause: Cause::Boot, fact });
        }
        log
    }

    #[test]
    fn a_recording_reads_back_as_the_same_events_and_says_what_is_missing() {
        let home = tempfile::tempdir().expect("a folder");
        let folder = home.path().join("faultlab/recordings");
        let (topology, whole) = (tour(), 3 * SEGMENT_EVENTS as u64);
        for (keep, gone) in [(10 * SEGMENT_EVENTS, 0), (SEGMENT_EVENTS, 2 * SEGMENT_EVENTS as u64)]
        {
            let log = log(keep, whole + 7);
            let read = |from| log.read(from, 1000);
            let recorded = write(read, whole, &topology, &folder, "now", "the screen\n");
            let recorded = recorded.expect("it is written");
            assert_eq!((recorded.missing, recorded.begins), (gone, LabTime(gone + 1)));
            let file = io::BufReader::new(fs::File::open(&recorded.path).expect("it is there"));
            let (header, read) = events::read(file).expect("it has a header");
            assert_eq!(header.topology, "tour");
            let read: Vec<Event> = read.map(|event| event.expect("it is whole")).collect();
            let (told, rest) = if gone > 0 { read.split_at(1) } else { read.split_at(0) };
            assert!(told.iter().all(|it| it.fact == Fact::LogGap { dropped: gone }));
            let numbers: Vec<u64> = rest.iter().map(|event| event.id.number).collect();
            assert_eq!(numbers, (gone + 1..=whole).collect::<Vec<_>>());
            for path in [recorded.path.clone(), recorded.path.with_extension("txt")] {
                let mode = fs::metadata(&path).expect("it is there").permissions().mode();
                assert_eq!(mode & 0o777, 0o600, "{}", path.display());
            }
        }
        // The second of one second has a name of its own, and nothing half-written is left.
        let mut names: Vec<String> = fs::read_dir(&folder)
            .expect("the folder")
            .map(|it| it.expect("a file").file_name().to_string_lossy().into_owned())
            .collect();
        names.sort();
        let all = ["tour-now-2.jsonl", "tour-now-2.txt", "tour-now.jsonl", "tour-now.txt"];
        assert_eq!(names, all);
    }

    #[test]
    fn what_cannot_be_written_whole_leaves_nothing_behind() {
        let home = tempfile::tempdir().expect("a folder");
        let (topology, log) = (tour(), log(SEGMENT_EVENTS, 10));
        // The text's place is taken by a folder.
        fs::create_dir(home.path().join("tour-now.txt")).expect("it can be made");
        let read = |from| log.read(from, 1000);
        assert!(write(read, 10, &topology, home.path(), "now", "").is_err());
        let left = fs::read_dir(home.path()).expect("the folder").count();
        assert_eq!(left, 1, "only what was there");
    }

    #[test]
    fn a_stamp_is_the_date_in_utc() {
        assert_eq!(stamp(0), "19700101-000000");
        assert_eq!(stamp(951_782_399), "20000228-235959");
        assert_eq!(stamp(951_782_400), "20000229-000000");
        assert_eq!(stamp(1_795_292_855), "20261121-202735");
    }
}
