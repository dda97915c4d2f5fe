//! The topology's file while its lab runs: looked at once a second, read anew when it has changed, and handed over.
//!
//! It looks at times and sizes of the files that the topology is made of. That needs nothing of the system that every
//! file system has not, and sees an editor that puts another file in the place of the old one.

use crate::panel::Edited;
use crate::topology::{Problems, Topology};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, SystemTime};

/// How often the files are looked at: as often as somebody who has saved looks at the screen.
const EVERY: Duration = Duration::from_secs(1);
/// A file that is being written is read when it has been left alone for so long.
const RESTS: Duration = Duration::from_millis(150);

/// A topology, or all that is wrong with it; and the files that it was read from.
pub struct Read {
    /// What came of it.
    pub edited: Edited,
    /// The files.
    pub files: Vec<PathBuf>,
}

impl Read {
    /// A topology that can be used.
    #[must_use]
    pub fn sound(topology: Topology, problems: &Problems) -> Self {
        let edited = Edited::Sound(Arc::new(topology));
        Self { edited, files: problems.files().map(PathBuf::from).collect() }
    }

    /// What cannot be used, and why.
    #[must_use]
    pub fn broken(why: &str, problems: Option<&Problems>) -> Self {
        let files = problems.into_iter().flat_map(Problems::files).map(PathBuf::from).collect();
        Self { edited: Edited::Broken(why.into()), files }
    }
}

/// What there was of a file at a look: nothing that a change could leave alike.
type Look = Vec<(PathBuf, Option<(SystemTime, u64)>)>;

fn look(files: &[PathBuf]) -> Look {
    let one = |path: &PathBuf| {
        let meta = fs::metadata(path).ok()?;
        Some((meta.modified().ok()?, meta.len()))
    };
    files.iter().map(|path| (path.clone(), one(path))).collect()
}

/// Watches a file until it is dropped.
pub struct Watched {
    news: Mutex<Receiver<Edited>>,
    /// Dropping it ends the thread.
    _stop: SyncSender<()>,
}

impl Watched {
    /// Watches the file, from the moment on at which it was read. `read` reads it anew.
    #[must_use]
    pub fn new(file: &Path, read: impl Fn() -> Read + Send + 'static) -> Option<Self> {
        let file = file.to_owned();
        let (stop, stopped) = sync_channel(0);
        // One edition waits at most; a newer one takes its place as soon as it has been taken.
        let (sender, news) = sync_channel(1);
        let watch = move || follow(&file, &read, &sender, &stopped);
        // Without a thread the lab runs as well; its file is not watched.
        thread::Builder::new().name("faultlab-file".into()).spawn(watch).ok()?;
        Some(Self { news: Mutex::new(news), _stop: stop })
    }

    /// What the file has become since this was last asked.
    pub fn news(&self) -> Option<Edited> {
        let news = self.news.lock().unwrap_or_else(PoisonError::into_inner);
        // Nothing new, or the thread is gone: there is nothing to tell in either case.
        news.try_recv().ok()
    }
}

fn follow(
    file: &Path,
    read: &dyn Fn() -> Read,
    sender: &SyncSender<Edited>,
    stopped: &Receiver<()>,
) {
    let rests = |time| matches!(stopped.recv_timeout(time), Err(RecvTimeoutError::Timeout));
    let all = |mut files: Vec<PathBuf>| {
        if !files.iter().any(|it| it == file) {
            files.push(file.to_owned());
        }
        files
    };
    // Read once, so that the files that it names are known. Whoever saved while the lab started is not missed.
    let Read { edited, files: named } = read();
    let mut files = all(named);
    let mut seen = look(&files);
    if sender.send(edited).is_err() {
        return;
    }
    while rests(EVERY) {
        let now = look(&files);
        if now == seen {
            continue;
        }
        if !rests(RESTS) {
            return;
        }
        if look(&files) != now {
            continue;
        }
        let Read { edited, files: named } = read();
        // A file that is broken names no others: those of before are watched on, for one of them may be the cure.
        if matches!(edited, Edited::Sound(_)) {
            files = all(named);
        }
        seen = look(&files);
        if sender.send(edited).is_err() {
            return;
        }
    }
}
