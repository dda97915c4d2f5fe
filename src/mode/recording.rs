//! `S`: the log so far, as the JSON lines that `--events` writes, and the screen as text beside it, in a folder of
//! their own. They are written beside the panel, by a thread that ends with them: a long log must not delay a key.

use super::beside::Beside;
use super::data;
use super::whole::{Whole, in_words, stamp};
use crate::base::{EventId, LabTime, Owner};
use crate::event::{Cause, Event, Fact};
use crate::lab::LabHandle;
use crate::log::Tail;
use crate::panel::Recorded;
use crate::report::events::{write_event, write_header};
use crate::topology::Topology;
use std::fs::{self, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

/// Events that are read from the lab at once: it must not wait for a disk.
const EVENTS_AT_ONCE: usize = 4096;

/// Writes recordings, one at a time.
#[derive(Debug, Default)]
pub struct Recorder {
    writes: Beside<Recorded>,
}

impl Recorder {
    /// Begins to write; false while an earlier recording is still being written.
    ///
    /// # Errors
    /// There is no folder to write to, or no thread to be had.
    pub fn begin(&self, lab: LabHandle, screen: String) -> io::Result<bool> {
        if self.writes.is_busy() {
            return Ok(false);
        }
        let folder = data::recordings()?;
        let write = move || {
            let read = |from| lab.read(from, EVENTS_AT_ONCE);
            let stamp = stamp(data::now_ms() / 1000);
            write(read, lab.end(), lab.topology(), &folder, &stamp, &screen).map_err(in_words)
        };
        self.writes.begin("faultlab-recording", write)?;
        Ok(true)
    }

    /// What came of a recording, once.
    pub fn done(&self) -> Option<io::Result<Recorded>> {
        self.writes.done()
    }
}

impl Drop for Recorder {
    /// Whoever saves and then quits has what was saved.
    fn drop(&mut self) {
        self.writes.wait();
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
    let mut whole = Whole::new(folder, &topology.name, stamp, "jsonl")?;
    let text = whole.path().with_extension("txt");
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&text)?;
    let written = file
        .write_all(screen.as_bytes())
        .and_then(|()| write_log(&mut whole.file, &read, end, topology))
        .and_then(|(missing, begins)| Ok(Recorded { path: whole.finish()?, missing, begins }));
    if written.is_err() {
        // Half a recording is none; what cannot be removed either was said to be the reason.
        let _ = fs::remove_file(&text);
    }
    written
}

/// Writes header and events; gives how many were gone already, and when what is there begins.
fn write_log(
    file: &mut impl Write,
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
    fn on_a_full_disk_a_recording_says_so() {
        let (topology, log) = (tour(), log(SEGMENT_EVENTS, 10));
        let mut full = OpenOptions::new().write(true).open("/dev/full").expect("the full device");
        let read = |from| log.read(from, 1000);
        let error = write_log(&mut full, &read, 10, &topology).expect_err("nothing fits");
        assert_eq!(in_words(error).to_string(), "the disk is full");
    }
}
