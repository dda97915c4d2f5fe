//! The disk of a replica: a file in the run's data folder, or memory where a run writes nothing.
//!
//! Writes wait in a queue; one worker at a time takes all that wait and commits them together, off the threads that
//! run nodes. A kill waits for a commit that has begun, and what an ended life still wanted is refused. A panic in the
//! middle of a commit is its node's crash: nothing of the commit is kept, and nobody else notices. It knows images and
//! writes, not what they mean.

mod hold;
mod rewrite;
mod runs;
mod sqlite;
#[cfg(test)]
mod tests;

pub use hold::Hold;
pub use sqlite::Database;

use super::shared::Shared;
use crate::base::{EventId, Incarnation, NodeId, Token};
use crate::event::{Cause, Fact};
use crate::message::{DiskKind, Image, Write};
use std::collections::VecDeque;
use std::fs;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::watch;

/// Writes that wait for the disk of one replica. One that is asked beyond this fails at once: a replica that takes more
/// than its disk can keep would acknowledge them minutes later.
pub const WAITING_MAX: usize = 10_000;

/// How long whoever has written a disk looks out for the next write before it rests. A client that waits for its write
/// and then asks for the next is back within a few commits' time, and to wake two threads takes as long as a commit.
const LINGERS: Duration = Duration::from_micros(400);

/// One write that a machine asked for.
#[derive(Debug)]
pub struct Wanted {
    /// The machine's number for it.
    pub token: Token,
    /// What.
    pub write: Write,
    /// The event that asked for it.
    pub cause: EventId,
}

/// What became of a write.
#[derive(Debug)]
pub struct Kept {
    /// The machine's number for it.
    pub token: Token,
    /// The event that asked for it.
    pub cause: EventId,
    /// How many bytes were written for it and how long that took; or why it was not.
    pub result: Result<(u64, Duration), Arc<str>>,
}

/// Where the bytes are.
#[derive(Debug)]
enum Place {
    Memory(Image),
    Sqlite(PathBuf, Option<Database>),
    /// The file, and what it holds.
    Rewrite(PathBuf, Image),
}

#[derive(Debug, Default)]
struct Queue {
    /// Whose writes are taken at present.
    life: Option<Incarnation>,
    waiting: VecDeque<Wanted>,
    working: bool,
}

/// The disk of one replica; it outlives the lives of its node.
#[derive(Debug)]
pub struct Disk {
    place: Mutex<Place>,
    queue: Mutex<Queue>,
    /// No commit is under way.
    idle: watch::Sender<bool>,
    /// The life whose commit is under way has ended.
    dying: AtomicBool,
    /// What it held when the present step began; none where that could not be read.
    marked: Mutex<Option<Image>>,
}

impl Disk {
    /// The disk of this node in that folder; in memory where there is none.
    #[must_use]
    pub fn new(name: &str, kind: DiskKind, folder: Option<&Path>) -> Self {
        let place = folder.map_or(Place::Memory(Image::default()), |folder| {
            let path = folder.join(name);
            Place::at(&path, found(&path).unwrap_or(kind))
        });
        Self {
            place: Mutex::new(place),
            queue: Mutex::default(),
            idle: watch::Sender::new(true),
            dying: AtomicBool::new(false),
            marked: Mutex::default(),
        }
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn place(&self) -> MutexGuard<'_, Place> {
        self.place.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The file that holds it, from the root on, and its form; none where it is memory.
    pub fn file(&self) -> Option<(PathBuf, DiskKind)> {
        let (path, kind) = match &*self.place() {
            Place::Memory(_) => return None,
            Place::Sqlite(path, _) => (path.clone(), DiskKind::Sqlite),
            Place::Rewrite(path, _) => (path.clone(), DiskKind::Rewrite),
        };
        // It fails only where there is no working directory any more.
        Some((std::path::absolute(&path).unwrap_or(path), kind))
    }

    /// The fact that this is a node's disk; none where it is memory.
    pub fn opened(&self, node: NodeId) -> Option<Fact> {
        let (file, kind) = self.file()?;
        Some(Fact::DiskOpened { node, file: file.to_string_lossy().into(), kind })
    }

    /// Waits until no commit is under way.
    pub async fn settled(&self) {
        // The sender lives as long as this disk.
        let _ = self.idle.subscribe().wait_for(|idle| *idle).await;
    }

    /// Reads everything for a new life, whose writes are taken from now on. Blocks.
    ///
    /// # Errors
    /// What is wrong with the disk.
    pub fn begin(&self, life: Incarnation) -> Result<Image, String> {
        let image = self.place().read()?;
        self.dying.store(false, Ordering::Release);
        *self.queue() = Queue { life: Some(life), ..Queue::default() };
        Ok(image)
    }

    /// A life has ended: what it still wanted is refused. In good order, what waits is kept first.
    pub fn end(&self, orderly: bool) {
        let mut queue = self.queue();
        if !orderly {
            self.dying.store(true, Ordering::Release);
            queue.waiting.clear();
            queue.life = None;
        }
    }

    /// Empties it. Nothing may be under way.
    ///
    /// # Errors
    /// The system's reason.
    pub fn wipe(&self) -> io::Result<()> {
        self.place().wipe()
    }

    /// Remembers what it holds now. Blocks.
    pub fn mark(&self) {
        let image = self.place().look();
        *self.marked.lock().unwrap_or_else(PoisonError::into_inner) = image;
    }

    /// It holds what was remembered; without that, what it holds now. Blocks; nothing may be under way.
    ///
    /// # Errors
    /// The system's reason.
    pub fn put_back(&self) -> Result<(), String> {
        let marked = self.marked.lock().unwrap_or_else(PoisonError::into_inner).clone();
        marked.map_or(Ok(()), |image| self.place().put_back(image))
    }

    /// A write waits its turn. What becomes of it comes back to the node as an input.
    pub fn ask(self: &Arc<Self>, node: NodeId, life: Incarnation, wanted: Wanted, lab: &Shared) {
        let mut queue = self.queue();
        if queue.life != Some(life) {
            return;
        }
        if queue.waiting.len() >= WAITING_MAX {
            let why = Arc::from("too many writes wait for the disk");
            let kept = Kept { token: wanted.token, cause: wanted.cause, result: Err(why) };
            let lab = lab.arc();
            // The node's lock is held by whoever asks.
            lab.runtime.clone().spawn(async move { lab.node(node).kept(life, vec![kept], &lab) });
            return;
        }
        queue.waiting.push_back(wanted);
        if !queue.working {
            queue.working = true;
            self.idle.send_replace(false);
            let (disk, lab) = (self.clone(), lab.arc());
            lab.runtime.clone().spawn_blocking(move || disk.work(node, life, &lab));
        }
    }

    /// Commits whatever waits until nothing does.
    fn work(&self, node: NodeId, life: Incarnation, lab: &Arc<Shared>) {
        loop {
            let batch = self.next_batch();
            if batch.is_empty() {
                return;
            }
            let before = self.place().kind();
            let kept = match catch_unwind(AssertUnwindSafe(|| self.commit(batch))) {
                Ok(kept) => kept,
                // What had begun is taken back by the database; the next life reads the file anew.
                Err(panic) => {
                    lab.node(node).fell_over(life, panic.as_ref(), lab);
                    continue;
                }
            };
            if self.place().kind() != before
                && let (Some(fact), Some(last)) = (self.opened(node), kept.last())
            {
                lab.recorder.lab(lab.now(), Cause::Event(last.cause), fact);
            }
            lab.node(node).kept(life, kept, lab);
        }
    }

    /// What waits, or comes within a moment; nothing if nothing does, and then nobody works any more.
    fn next_batch(&self) -> Vec<Wanted> {
        let begun = Instant::now();
        loop {
            let mut queue = self.queue();
            if !queue.waiting.is_empty() {
                return queue.waiting.drain(..).collect();
            }
            if queue.life.is_none() || begun.elapsed() >= LINGERS {
                queue.working = false;
                self.idle.send_replace(true);
                return Vec::new();
            }
            drop(queue);
            std::thread::yield_now();
        }
    }

    /// Commits all of a batch together, or none of it.
    fn commit(&self, batch: Vec<Wanted>) -> Vec<Kept> {
        let begun = Instant::now();
        let writes: Vec<&Write> = batch.iter().map(|wanted| &wanted.write).collect();
        let committed = self.place().commit(&writes, || self.dying.load(Ordering::Acquire));
        let took = begun.elapsed();
        let result = match committed {
            // Each bears its share of the commit.
            Ok(bytes) => Ok((bytes / batch.len().max(1) as u64, took)),
            Err(why) => Err(Arc::from(why)),
        };
        let kept =
            |Wanted { token, cause, .. }| Kept { token, cause, result: Result::clone(&result) };
        batch.into_iter().map(kept).collect()
    }
}

impl Place {
    fn at(path: &Path, kind: DiskKind) -> Self {
        let path = file(path, kind);
        match kind {
            DiskKind::Sqlite => Self::Sqlite(path, None),
            DiskKind::Rewrite => Self::Rewrite(path, Image::default()),
        }
    }

    /// The form of its file; none where it is memory.
    fn kind(&self) -> Option<DiskKind> {
        match self {
            Self::Memory(_) => None,
            Self::Sqlite(..) => Some(DiskKind::Sqlite),
            Self::Rewrite(..) => Some(DiskKind::Rewrite),
        }
    }

    /// Brings what it holds into another form, and gives how many bytes that wrote. The old file goes when the new one
    /// is there.
    fn turn_into(&mut self, kind: DiskKind) -> Result<u64, String> {
        let path = match (&*self, kind) {
            (Self::Memory(_), _)
            | (Self::Sqlite(..), DiskKind::Sqlite)
            | (Self::Rewrite(..), DiskKind::Rewrite) => return Ok(0),
            (Self::Sqlite(path, _) | Self::Rewrite(path, _), _) => path.clone(),
        };
        let image = self.read()?;
        let mut turned = Self::at(&path, kind);
        let mut bytes = 0;
        if image != Image::default() {
            let Image { entries, term } = image;
            let all = Write { keep: 0, entries: entries.into(), term, kind };
            bytes = turned.put(&[&all], || false)?;
        }
        self.wipe().map_err(|error| error.to_string())?;
        *self = turned;
        Ok(bytes)
    }

    fn read(&mut self) -> Result<Image, String> {
        match self {
            Self::Memory(image) => Ok(image.clone()),
            // A file that is not there yet is made by the first write: a thousand replicas start at once.
            Self::Sqlite(path, open) => {
                *open = None;
                if !path.exists() {
                    return Ok(Image::default());
                }
                let database = Database::open(path)?;
                let image = database.read()?;
                *open = Some(database);
                Ok(image)
            }
            Self::Rewrite(path, image) => {
                *image = rewrite::read(path)?;
                Ok(image.clone())
            }
        }
    }

    /// What it holds, while somebody may be writing it; none if it cannot be read.
    fn look(&mut self) -> Option<Image> {
        match self {
            Self::Memory(image) => Some(image.clone()),
            Self::Rewrite(path, _) => rewrite::read(path).ok(),
            Self::Sqlite(_, Some(database)) => database.read().ok(),
            Self::Sqlite(..) => self.read().ok(),
        }
    }

    /// Holds this and nothing else.
    fn put_back(&mut self, image: Image) -> Result<(), String> {
        self.wipe().map_err(|error| error.to_string())?;
        let kind = match self {
            Self::Rewrite(..) => DiskKind::Rewrite,
            Self::Memory(_) | Self::Sqlite(..) => DiskKind::Sqlite,
        };
        if image != Image::default() {
            let Image { entries, term } = image;
            self.put(&[&Write { keep: 0, entries: entries.into(), term, kind }], || false)?;
        }
        Ok(())
    }

    /// Commits these, in the form that the last of them wants.
    fn commit(&mut self, writes: &[&Write], dying: impl Fn() -> bool) -> Result<u64, String> {
        let turned = writes.last().map_or(Ok(0), |write| self.turn_into(write.kind))?;
        Ok(turned + self.put(writes, dying)?)
    }

    fn put(&mut self, writes: &[&Write], dying: impl Fn() -> bool) -> Result<u64, String> {
        match self {
            Self::Memory(image) => {
                for write in writes {
                    image.apply(write);
                }
                Ok(0)
            }
            Self::Sqlite(path, open) => {
                let database = match open {
                    Some(database) => database,
                    None => open.insert(Database::open(path)?),
                };
                database.commit(writes.iter().copied())
            }
            Self::Rewrite(path, image) => {
                for write in writes {
                    image.apply(write);
                }
                rewrite::write(path, image, dying).map_err(|error| error.to_string())
            }
        }
    }

    fn wipe(&mut self) -> io::Result<()> {
        let remove = |path: &Path| match fs::remove_file(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        };
        match self {
            Self::Memory(image) => *image = Image::default(),
            Self::Sqlite(path, open) => {
                *open = None;
                for ending in ["db", "db-wal", "db-shm"] {
                    remove(&path.with_extension(ending))?;
                }
            }
            Self::Rewrite(path, image) => {
                *image = Image::default();
                remove(path)?;
            }
        }
        Ok(())
    }
}

/// The file of a disk in this form; `path` has any ending, or none.
fn file(path: &Path, kind: DiskKind) -> PathBuf {
    path.with_extension(match kind {
        DiskKind::Sqlite => "db",
        DiskKind::Rewrite => "json",
    })
}

/// The form in which a disk was left: that of the newer file, where a process died between the two.
fn found(path: &Path) -> Option<DiskKind> {
    let written = |path: PathBuf| fs::metadata(path).ok()?.modified().ok();
    let database = file(path, DiskKind::Sqlite);
    let log = written(database.with_extension("db-wal"));
    match (written(database).max(log), written(file(path, DiskKind::Rewrite))) {
        (None, None) => None,
        (database, rewritten) if database >= rewritten => Some(DiskKind::Sqlite),
        _ => Some(DiskKind::Rewrite),
    }
}
