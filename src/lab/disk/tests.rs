//! Disks as files: what is read again, what is thrown away, what is damaged, and who may write.

use super::sqlite::Database;
use super::{Hold, Place, found, rewrite};
use crate::message::{DiskKind, Entry, Image, OpId, Operation, Write};
use std::cell::Cell;
use std::path::Path;
use std::sync::Arc;

fn put(position: u64, key: &str, value: &str) -> Entry {
    let operation = Operation::Put { key: Arc::from(key), value: Arc::from(value) };
    let id = OpId { client: Arc::from("writer.1"), number: position };
    Entry { position, term: 3, id, operation }
}

fn post(position: u64, text: &str) -> Entry {
    let operation = Operation::Post { room: Arc::from("lobby"), text: Arc::from(text) };
    Entry { operation, ..put(position, "", "") }
}

fn after(keep: u64, entries: &[Entry]) -> Write {
    Write { keep, entries: Arc::from(entries), term: 3, kind: DiskKind::default() }
}

fn read(path: &Path) -> Result<Image, String> {
    Database::open(path)?.read()
}

fn ask(path: &Path, question: &str) -> Vec<String> {
    let connection = rusqlite::Connection::open(path).unwrap();
    let mut statement = connection.prepare(question).unwrap();
    let rows = statement.query_map([], |row| row.get(0)).unwrap();
    rows.collect::<Result<_, _>>().unwrap()
}

#[test]
fn what_was_committed_is_read_again_and_what_it_makes_stands_in_tables_of_its_own() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("deep/r1.db");
    let mut database = Database::open(&path).unwrap();
    let entries = [put(1, "x", "1"), post(2, "hello"), put(3, "x", "2")];
    let bytes = database.commit(&[after(0, &entries[..2]), after(2, &entries[2..])]).unwrap();
    assert!(bytes >= 4096, "at least one page: {bytes}");
    // While it is open, as during a lecture.
    assert_eq!(ask(&path, "SELECT value FROM keys"), ["2"]);
    assert_eq!(ask(&path, "SELECT text || ' ' || author FROM rooms"), ["hello writer.1"]);
    drop(database);
    assert_eq!(read(&path), Ok(Image { entries: entries.to_vec(), term: 3 }));
}

#[test]
fn what_another_log_replaces_is_gone_from_every_table() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("r1.db");
    let mut database = Database::open(&path).unwrap();
    let old = [put(1, "x", "1"), put(2, "x", "lost"), put(3, "y", "lost"), post(4, "lost")];
    database.commit(&[after(0, &old)]).unwrap();
    database.commit(&[after(1, &[post(2, "kept")])]).unwrap();
    assert_eq!(ask(&path, "SELECT key || '=' || value FROM keys"), ["x=1"]);
    assert_eq!(ask(&path, "SELECT text FROM rooms"), ["kept"]);
    let image = database.read().unwrap();
    assert_eq!(image.entries, [put(1, "x", "1"), post(2, "kept")]);
}

#[test]
fn a_commit_that_fails_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("r1.db");
    let mut database = Database::open(&path).unwrap();
    database.commit(&[after(0, &[put(1, "x", "1")])]).unwrap();
    // The second change of the batch has a place that is taken.
    let twice = [after(1, &[put(2, "x", "2")]), Write { keep: 9, ..after(0, &[put(1, "x", "3")]) }];
    let why = database.commit(&twice).unwrap_err();
    assert!(why.contains("UNIQUE"), "{why}");
    assert_eq!(database.read().unwrap().entries, [put(1, "x", "1")]);
}

#[test]
fn a_damaged_file_is_told_from_an_empty_one() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("r1.db");
    let entries: Vec<Entry> = (1..200).map(|at| put(at, &format!("k{at}"), "value")).collect();
    Database::open(&path).unwrap().commit(&[after(0, &entries)]).unwrap();
    let mut bytes = std::fs::read(&path).unwrap();
    for byte in bytes.iter_mut().skip(4096).step_by(7) {
        *byte ^= 0x55;
    }
    std::fs::write(&path, &bytes).unwrap();
    assert!(read(&path).is_err());
    std::fs::write(&path, &bytes[..bytes.len() / 2]).unwrap();
    assert!(read(&path).is_err());
    std::fs::write(&path, "no database at all, but long enough to look like one to somebody")
        .unwrap();
    assert!(read(&path).is_err());
    let mut place = Place::Sqlite(path.clone(), None);
    assert!(place.read().is_err());
    place.wipe().unwrap();
    assert_eq!(place.read(), Ok(Image::default()));
    assert!(!path.exists());
}

#[test]
fn an_operation_that_is_missing_is_found() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("r1.db");
    let entries = [put(1, "x", "1"), put(2, "x", "2"), put(3, "x", "3")];
    Database::open(&path).unwrap().commit(&[after(0, &entries)]).unwrap();
    let connection = rusqlite::Connection::open(&path).unwrap();
    connection.execute("DELETE FROM operations WHERE position = 2", []).unwrap();
    assert_eq!(read(&path), Err("operation 2 is missing".into()));
}

#[test]
fn whoever_rewrites_the_store_writes_all_of_it_and_dies_with_half() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("r1.json");
    assert_eq!(rewrite::read(&path), Ok(Image::default()));
    let mut image = Image::default();
    let mut sizes = Vec::new();
    for at in 1..=100 {
        image.entries.push(put(at, "key", "a value of some length, so that the file is long"));
        sizes.push(rewrite::write(&path, &image, || false).unwrap());
    }
    assert!(sizes[99] > 50 * sizes[0], "{} and {}", sizes[0], sizes[99]);
    assert_eq!(rewrite::read(&path), Ok(image.clone()));
    let pieces = Cell::new(0);
    let dies = || pieces.replace(pieces.get() + 1) == 1;
    assert!(rewrite::write(&path, &image, dies).is_err());
    assert!(rewrite::read(&path).is_err());
}

#[test]
fn a_disk_that_is_written_in_another_form_keeps_what_it_holds() {
    let folder = tempfile::tempdir().unwrap();
    let (database, json) = (folder.path().join("r1.db"), folder.path().join("r1.json"));
    let mut place = Place::at(&folder.path().join("r1"), DiskKind::Sqlite);
    let first = after(0, &[put(1, "x", "1"), post(2, "kept")]);
    place.commit(&[&first], || false).unwrap();
    let one = |kind, at| Write { kind, ..after(at - 1, &[put(at, "x", "2")]) };
    place.commit(&[&one(DiskKind::Rewrite, 3)], || false).unwrap();
    assert!(json.exists() && !database.exists());
    assert_eq!(found(&folder.path().join("r1")), Some(DiskKind::Rewrite));
    place.commit(&[&one(DiskKind::Sqlite, 4)], || false).unwrap();
    assert!(database.exists() && !json.exists());
    assert_eq!(found(&folder.path().join("r1")), Some(DiskKind::Sqlite));
    let image = read(&database).unwrap();
    assert_eq!(image.entries.len(), 4);
    assert_eq!((image.entries[1].clone(), image.term), (post(2, "kept"), 3));
}

#[test]
fn a_folder_has_one_holder_at_a_time() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run");
    let first = Hold::take(&path).unwrap();
    let refused = Hold::take(&path).unwrap_err().to_string();
    let holder = format!("in use by process {}", std::process::id());
    assert!(refused.contains(&holder), "{refused}");
    drop(first);
    // The file is still there, and is no obstacle.
    Hold::take(&path).unwrap();
}

#[test]
fn what_was_marked_is_put_back_whatever_was_written_wiped_or_damaged_since() {
    let folder = tempfile::tempdir().unwrap();
    for kind in [Some(DiskKind::Sqlite), Some(DiskKind::Rewrite), None] {
        let place = kind.map(|_| folder.path());
        let disk = super::Disk::new("r9", kind.unwrap_or_default(), place);
        let write = |after: Write| {
            let after = Write { kind: kind.unwrap_or_default(), ..after };
            disk.place().commit(&[&after], || false).unwrap();
        };
        write(after(0, &[put(1, "x", "1"), post(2, "hello")]));
        disk.mark();
        write(after(1, &[post(2, "other"), post(3, "more")]));
        disk.put_back().unwrap();
        let marked = Image { entries: vec![put(1, "x", "1"), post(2, "hello")], term: 3 };
        assert_eq!(disk.place().read(), Ok(marked.clone()), "{kind:?}");
        disk.wipe().unwrap();
        if let Some(DiskKind::Rewrite) = kind {
            std::fs::write(folder.path().join("r9.json"), "{\"entr").unwrap();
            assert!(disk.place().read().is_err());
        }
        disk.put_back().unwrap();
        assert_eq!(disk.place().read(), Ok(marked), "{kind:?}");
        disk.wipe().unwrap();
    }
}
