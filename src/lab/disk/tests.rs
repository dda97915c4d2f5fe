//! Disks as files: what is read again, what is thrown away, what is damaged, and who may write.

use super::sqlite::Database;
use super::{Hold, Place, found, rewrite};
use crate::base::Run;
use crate::command::grammar;
use crate::event::Fact;
use crate::lab::{Lab, LabHandle, Options};
use crate::message::{DiskKind, Entry, Image, Note, OpId, OpOutcome, Operation, StoreNote, Write};
use crate::topology::{Bundled, load_text};
use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

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
fn runs_on_the_same_disks_are_counted_and_a_count_is_never_guessed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run");
    let count = || Hold::take(&path).unwrap().next_run();
    assert_eq!([count().unwrap(), count().unwrap()], [Run(1), Run(2)]);
    std::fs::write(path.join("runs"), "many").unwrap();
    let why = count().unwrap_err().to_string();
    assert!(why.contains("is damaged") && why.contains("--data"), "{why}");
    // Disks of a time before runs were counted.
    std::fs::remove_file(path.join("runs")).unwrap();
    std::fs::write(path.join("r1.db"), "").unwrap();
    assert_eq!(count().unwrap(), Run(2));
}

#[test]
fn a_panic_in_the_middle_of_a_commit_leaves_the_file_as_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("r1.db");
    let mut database = Database::open(&path).unwrap();
    database.commit(&[after(0, &[put(1, "x", "1")])]).unwrap();
    database.falls_over = true;
    let write = after(1, &[put(2, "x", "2")]);
    catch_unwind(AssertUnwindSafe(|| database.commit([&write]))).unwrap_err();
    drop(database);
    assert_eq!(read(&path).unwrap().entries, [put(1, "x", "1")]);
    assert_eq!(ask(&path, "SELECT value FROM keys"), ["1"]);
}

const STORE: &str = r#"
[groups.store]
role = "replica"
members = ["r1", "r2"]
heartbeat = "100ms"
suspect_after = "500ms"
[nodes.writer]
role = "client"
asks = "store"
operations = ["get x"]
request_timeout = "200ms"
"#;

/// Gives a command and reads until a fact satisfies this.
fn command(lab: &LabHandle, line: &str, next: &mut u64, mut wanted: impl FnMut(&Fact) -> bool) {
    let names = &lab.topology().names;
    assert!(lab.give(grammar::command(line, names).unwrap()));
    let start = Instant::now();
    while start.elapsed() < Duration::from_secs(20) {
        let tail = lab.read(*next, usize::MAX);
        *next = tail.next;
        if tail.events().any(|event| wanted(&event.fact)) {
            return;
        }
        lab.wait(*next, Duration::from_millis(50));
    }
    panic!("not within 20 s of {line}");
}

/// It is a crash like any other: known to the others, and what had begun is not there when the node comes back.
#[test]
fn a_panic_in_the_middle_of_a_commit_is_the_crash_of_its_node_alone() {
    let folder = tempfile::tempdir().unwrap();
    let topology = Arc::new(load_text("store.toml", STORE, &Bundled).unwrap().topology);
    let data = Some(folder.path().to_owned());
    let lab = Lab::start(topology, &Options { data, ..Options::default() }).unwrap();
    let (handle, next) = (lab.handle(), &mut 0);
    let (r1, r2) = (handle.topology().names.id("r1").unwrap(), handle.topology().names.id("r2"));
    let done = |fact: &Fact| {
        let Fact::Noted(Note::Store(StoreNote::Concluded { outcome, .. })) = fact else {
            return false;
        };
        *outcome == OpOutcome::Ok
    };
    command(&handle, "put writer x 1", next, done);
    {
        let disk = handle.shared.node(r1).disk.as_ref().expect("a replica has one");
        let mut place = disk.place();
        let Place::Sqlite(_, Some(database)) = &mut *place else { panic!("it has been written") };
        database.falls_over = true;
    }
    command(&handle, "put writer x 2", next, |fact| match fact {
        Fact::NodeCrashed { node, why } => {
            assert_eq!((*node, &**why), (r1, "in the middle of a commit"));
            true
        }
        _ => false,
    });
    // The writer asks again, and the other replica does it.
    command(&handle, "get writer x", next, done);
    command(
        &handle,
        "kill r2",
        next,
        |fact| matches!(fact, Fact::NodeKilled { node } if Some(*node) == r2),
    );
    command(&handle, "revive r1", next, |fact| match fact {
        Fact::Noted(Note::Store(StoreNote::ReadLog { entries, .. })) => {
            assert_eq!(*entries, 1, "what was not committed");
            true
        }
        _ => false,
    });
    lab.finish();
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
