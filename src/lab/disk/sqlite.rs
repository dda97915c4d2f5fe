//! A replica's database: a table of operations, which is the log, and tables of what they make. Anyone may open the
//! file with `sqlite3` while the lab runs.
//!
//! It knows files and SQL; who writes when, and what a death does to it, is its owner's business.

use crate::message::{Entry, Image, OpId, Operation, Write};
use rusqlite::{Connection, OpenFlags, Transaction, params};
use std::fs::{DirBuilder, OpenOptions};
use std::io::{self, Seek, SeekFrom, Write as _};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;
use std::sync::Arc;

/// The version of the tables; a file of another is refused rather than guessed at.
const TABLES: i64 = 1;

const SCHEMA: &str = "
CREATE TABLE operations (
    position INTEGER PRIMARY KEY,
    term     INTEGER NOT NULL,
    client   TEXT    NOT NULL,
    number   INTEGER NOT NULL,
    kind     TEXT    NOT NULL CHECK (kind IN ('post', 'put')),
    place    TEXT    NOT NULL,
    text     TEXT    NOT NULL
) STRICT;
CREATE TABLE rooms (
    position INTEGER PRIMARY KEY,
    room     TEXT    NOT NULL,
    text     TEXT    NOT NULL,
    author   TEXT    NOT NULL
) STRICT;
CREATE TABLE keys (
    key      TEXT    PRIMARY KEY,
    value    TEXT    NOT NULL,
    position INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE meta (
    name     TEXT    PRIMARY KEY,
    value    INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO meta VALUES ('term', 0);
";

/// Bytes that a frame of the write-ahead log has besides its page (file format of `SQLite`, 4.1).
const FRAME_HEAD: u64 = 24;

/// Frames of the write-ahead log after which the database takes over what it holds, and it begins anew.
const LOG_FRAMES: u64 = 240;

/// Bytes of the write-ahead log that are there before they are written: so many frames, and those of the commit that
/// reaches the number. A file that grows is news for the file system's own journal at each commit, and there the
/// replicas, who commit at the same time, would wait for each other.
const LOG_BYTES: u64 = 1024 * 1024;

/// An open database.
#[derive(Debug)]
pub struct Database {
    connection: Connection,
    page_bytes: u64,
    /// Frames of the write-ahead log after the last commit.
    frames: u64,
    /// Whoever writes falls over in the middle of the next commit.
    #[cfg(test)]
    pub(super) falls_over: bool,
}

impl Database {
    /// Opens the file, or makes it: with its folder, for nobody else to read.
    ///
    /// # Errors
    /// What is wrong with the file, or the system's reason.
    pub fn open(path: &Path) -> Result<Self, String> {
        if let Some(folder) = path.parent() {
            DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(words)?;
        }
        OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(path)
            .map_err(words)?;
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let mut connection = Connection::open_with_flags(path, flags).map_err(words)?;
        // Readers never block the writer (WAL), and what is committed is on the disk (FULL).
        connection.pragma_update(None, "journal_mode", "WAL").map_err(words)?;
        connection.pragma_update(None, "synchronous", "FULL").map_err(words)?;
        connection.pragma_update(None, "wal_autocheckpoint", LOG_FRAMES).map_err(words)?;
        connection.busy_timeout(std::time::Duration::from_secs(5)).map_err(words)?;
        let version: i64 =
            connection.pragma_query_value(None, "user_version", |row| row.get(0)).map_err(words)?;
        match version {
            0 => make(&mut connection).map_err(words)?,
            TABLES => {}
            other => return Err(format!("its tables are of version {other}, not {TABLES}")),
        }
        let page_bytes =
            connection.pragma_query_value(None, "page_size", |row| row.get(0)).map_err(words)?;
        let mut database = Self {
            connection,
            page_bytes,
            frames: 0,
            #[cfg(test)]
            falls_over: false,
        };
        database.frames = database.frames_now();
        // Without that room the log grows as it is written.
        let _ = make_room(path);
        Ok(database)
    }

    /// Reads everything, and finds out whether it can be relied on.
    ///
    /// # Errors
    /// What is wrong with the file.
    pub fn read(&self) -> Result<Image, String> {
        let verdict: String = self
            .connection
            .pragma_query_value(None, "quick_check", |row| row.get(0))
            .map_err(words)?;
        if verdict != "ok" {
            return Err(verdict);
        }
        let term = self
            .connection
            .query_row("SELECT value FROM meta WHERE name = 'term'", [], |row| row.get(0))
            .map_err(words)?;
        let mut statement = self
            .connection
            .prepare(
                "SELECT position, term, client, number, kind, place, text
                 FROM operations ORDER BY position",
            )
            .map_err(words)?;
        let rows = statement.query_map([], entry).map_err(words)?;
        let entries = rows.collect::<Result<Vec<_>, _>>().map_err(words)?;
        let hole = entries.iter().zip(1..).find(|(entry, place)| entry.position != *place);
        match hole {
            Some((_, place)) => Err(format!("operation {place} is missing")),
            None => Ok(Image { entries, term }),
        }
    }

    /// Makes several changes durable, all or none, and gives how many bytes that wrote.
    ///
    /// # Errors
    /// The system's reason; then nothing has changed.
    pub fn commit<'a>(
        &mut self,
        writes: impl IntoIterator<Item = &'a Write>,
    ) -> Result<u64, String> {
        let change = self.connection.transaction().map_err(words)?;
        for write in writes {
            apply(&change, write).map_err(words)?;
        }
        #[cfg(test)]
        assert!(!self.falls_over, "in the middle of a commit");
        change.commit().map_err(words)?;
        let (before, after) = (self.frames, self.frames_now());
        self.frames = after;
        // After a checkpoint the log begins anew.
        let frames = if after >= before { after - before } else { after };
        Ok(frames * (self.page_bytes + FRAME_HEAD))
    }

    fn frames_now(&self) -> u64 {
        let look = |row: &rusqlite::Row<'_>| row.get::<_, i64>(1);
        let asked = self.connection.prepare_cached("PRAGMA wal_checkpoint(NOOP)");
        let frames = asked.and_then(|mut asked| asked.query_row([], look));
        frames.ok().and_then(|frames| u64::try_from(frames).ok()).unwrap_or(0)
    }
}

/// Lets the write-ahead log have its size before it needs it. Zeros behind its frames are no frames.
fn make_room(path: &Path) -> io::Result<()> {
    let mut log = OpenOptions::new().write(true).open(path.with_extension("db-wal"))?;
    let length = log.seek(SeekFrom::End(0))?;
    let zeros = usize::try_from(LOG_BYTES.saturating_sub(length)).unwrap_or(0);
    log.write_all(&vec![0; zeros])?;
    log.sync_all()
}

fn make(connection: &mut Connection) -> rusqlite::Result<()> {
    let change = connection.transaction()?;
    change.execute_batch(SCHEMA)?;
    change.pragma_update(None, "user_version", TABLES)?;
    change.commit()
}

fn apply(change: &Transaction<'_>, write: &Write) -> rusqlite::Result<()> {
    let keep = signed(write.keep);
    let cut =
        change.prepare_cached("DELETE FROM operations WHERE position > ?1")?.execute([keep])?;
    if cut > 0 {
        change.execute("DELETE FROM rooms WHERE position > ?1", [keep])?;
        // What a key held before is known from the operations that stay.
        change.execute("DELETE FROM keys WHERE position > ?1", [keep])?;
        change.execute(
            "INSERT OR REPLACE INTO keys
             SELECT place, text, max(position) FROM operations WHERE kind = 'put' GROUP BY place",
            [],
        )?;
    }
    for entry in write.entries.iter() {
        insert(change, entry)?;
    }
    // A page that is not changed is not written.
    change
        .prepare_cached("UPDATE meta SET value = ?1 WHERE name = 'term' AND value <> ?1")?
        .execute([signed(write.term)])?;
    Ok(())
}

fn insert(change: &Transaction<'_>, entry: &Entry) -> rusqlite::Result<()> {
    let position = signed(entry.position);
    let (kind, place, text) = match &entry.operation {
        Operation::Post { room, text } => ("post", room, text),
        Operation::Put { key, value } => ("put", key, value),
        // A read leaves no entry.
        Operation::Read { .. } | Operation::Get { .. } => return Ok(()),
    };
    let (term, number) = (signed(entry.term), signed(entry.id.number));
    change
        .prepare_cached("INSERT INTO operations VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)")?
        .execute(params![position, term, entry.id.client, number, kind, place, text])?;
    if kind == "post" {
        change.prepare_cached("INSERT INTO rooms VALUES (?1, ?2, ?3, ?4)")?.execute(params![
            position,
            place,
            text,
            entry.id.client
        ])?;
    } else {
        change
            .prepare_cached("INSERT OR REPLACE INTO keys VALUES (?1, ?2, ?3)")?
            .execute(params![place, text, position])?;
    }
    Ok(())
}

fn entry(row: &rusqlite::Row<'_>) -> rusqlite::Result<Entry> {
    let text = |at| row.get::<_, String>(at).map(Arc::from);
    let (place, words): (Arc<str>, Arc<str>) = (text(5)?, text(6)?);
    let operation = match row.get::<_, String>(4)?.as_str() {
        "post" => Operation::Post { room: place, text: words },
        _ => Operation::Put { key: place, value: words },
    };
    let id = OpId { client: text(2)?, number: row.get(3)? };
    Ok(Entry { position: row.get(0)?, term: row.get(1)?, id, operation })
}

/// `SQLite` counts in 64 bits with a sign; nothing here comes near the end of them.
fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

fn words(error: impl std::fmt::Display) -> String {
    error.to_string()
}
