//! What is on the disks of replicas: after a violent death of the whole program, damaged, full, or wanted by two.

use crate::{DEADLINE, Place, Running, text};
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

/// Three replicas; a write is acknowledged when all have it.
const STORE: &str = r#"
title = "a store"
[groups.store]
role = "replica"
members = ["r1", "r2", "r3"]
scheme = "primary-backup"
heartbeat = "100ms"
suspect_after = "600ms"
propagation = "sync"
"#;

/// The same with so much patience that nobody is taken for dead who is only slow.
fn patient() -> String {
    STORE.replace("suspect_after = \"600ms\"", "suspect_after = \"60s\"")
}

/// Somebody who types to a replica.
struct Typist {
    writing: TcpStream,
    reading: BufReader<TcpStream>,
}

impl Typist {
    fn new(address: SocketAddr) -> Self {
        let writing = TcpStream::connect_timeout(&address, DEADLINE).expect("somebody listens");
        writing.set_read_timeout(Some(DEADLINE)).expect("an option");
        writing.set_nodelay(true).expect("an option");
        let reading = BufReader::new(writing.try_clone().expect("a socket"));
        Self { writing, reading }
    }

    /// The answer to one line; none if the program is gone.
    fn ask(&mut self, line: &str) -> Option<String> {
        self.writing.write_all(format!("{line}\n").as_bytes()).ok()?;
        let mut answer = String::new();
        match self.reading.read_line(&mut answer) {
            Ok(count) if count > 0 && answer.ends_with('\n') => Some(answer.trim_end().to_owned()),
            _ => None,
        }
    }

    /// Asks until the answer is this: a group needs a moment to find its leader.
    fn until(&mut self, line: &str, wanted: &str) {
        let start = Instant::now();
        let mut last = None;
        while start.elapsed() < DEADLINE {
            last = self.ask(line);
            if last.as_deref() == Some(wanted) {
                return;
            }
            std::thread::yield_now();
        }
        panic!("{line}: {last:?}, not {wanted:?}");
    }
}

fn start(place: &Place, data: &Path) -> Running {
    start_with(place, data, STORE)
}

fn start_with(place: &Place, data: &Path, lab: &str) -> Running {
    let file = place.file("store.toml", lab);
    let data = data.to_str().expect("text");
    place.start(&["run", &file, "--plain", "--for", "10min", "--data", data])
}

fn values(database: &Path) -> BTreeMap<String, String> {
    let connection = rusqlite::Connection::open(database).expect("a database");
    let mut statement = connection.prepare("SELECT key, value FROM keys").expect("its tables");
    let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).expect("rows");
    rows.collect::<Result<_, _>>().expect("they are read")
}

/// The lines that a question to a database gives.
fn ask(database: &Path, question: &str) -> Vec<String> {
    let connection = rusqlite::Connection::open(database).expect("a database");
    let mut statement = connection.prepare(question).expect("its tables");
    let rows = statement.query_map([], |row| row.get(0)).expect("rows");
    rows.collect::<Result<_, _>>().expect("they are read")
}

/// How often the program dies: ten times, or as `FAULTLAB_KILLS` says.
fn kills() -> u32 {
    std::env::var("FAULTLAB_KILLS").map_or(10, |text| text.parse().expect("a number of deaths"))
}

/// Many times in a row on the same disks: the whole program dies at some moment under writes. A write is acknowledged
/// when every replica that its leader believes alive has it on its disk. The leader takes nobody for dead here, so each
/// acknowledged write is there afterwards, on every disk.
#[test]
fn what_was_acknowledged_survives_the_death_of_the_program() {
    let place = Place::new();
    let data = place.path("disks");
    let mut acknowledged = BTreeMap::new();
    for round in 0..kills() {
        let mut run = start_with(&place, &data, &patient());
        let address = run.address("r1");
        let mut typist = Typist::new(address);
        typist.until(&format!("put begin {round}"), "ok");
        // From a few writes to a few dozen of them, so that the moment is another one each time.
        let writes = round * 37 % 41 + 2;
        let put = |number: u32| (format!("k{round}-{number}"), format!("v{number}"));
        for (key, value) in (0..writes).map(put) {
            typist.until(&format!("put {key} {value}"), "ok");
            acknowledged.insert(key, value);
        }
        // It dies with these under way, somewhere.
        let many = (writes..writes + 50).map(put);
        let lines = many.clone().map(|(key, value)| format!("put {key} {value}\n"));
        typist.writing.write_all(lines.collect::<String>().as_bytes()).expect("it lives");
        typist.reading.read_line(&mut String::new()).expect("at least one is done");
        run.child.kill().expect("it lives");
        let done = typist.reading.lines().map_while(Result::ok).filter(|line| line == "ok").count();
        acknowledged.extend(many.take(done + 1));
        run.child.wait().expect("it is gone");
        let printed = std::mem::take(&mut run.printed) + &run.rest();
        assert!(printed.contains("r1  LEADS") && !printed.contains(" is down"), "{printed}");
        for replica in ["r1.db", "r2.db", "r3.db"] {
            let kept = values(&data.join(replica));
            for (key, value) in &acknowledged {
                assert_eq!(kept.get(key), Some(value), "round {round}: {key} at {replica}");
            }
        }
    }
    assert!(acknowledged.len() > 20, "too little was written: {}", acknowledged.len());
}

/// All start at once, so the one with the lowest id does not lead before it has heard the others: it missed what they
/// acknowledged when it was dead.
#[test]
fn what_the_first_had_missed_is_not_lost_when_all_start_again() {
    let place = Place::new();
    let data = place.path("disks");
    let mut run = start(&place, &data);
    let (r1, r2) = (run.address("r1"), run.address("r2"));
    Typist::new(r1).until("put x 1", "ok");
    run.say("kill r1");
    Typist::new(r2).until("put x 2", "ok");
    run.quit();
    let mut run = start_with(&place, &data, &patient());
    let mut typist = Typist::new(run.address("r1"));
    typist.until("put y 1", "ok");
    assert_eq!(typist.ask("get x").as_deref(), Some("2"));
    run.quit();
}

#[test]
fn a_damaged_disk_is_one_nodes_misfortune_and_wiping_it_is_the_remedy() {
    let place = Place::new();
    let data = place.path("disks");
    let mut run = start(&place, &data);
    let mut typist = Typist::new(run.address("r1"));
    typist.until("put x 1", "ok");
    let (code, ..) = run.quit();
    assert_eq!(code, Some(2));
    let file = data.join("r2.db");
    let mut bytes = std::fs::read(&file).expect("it is there");
    for byte in bytes.iter_mut().skip(100) {
        *byte = 0x5a;
    }
    std::fs::write(&file, bytes).expect("it can be written");
    for log in ["r2.db-wal", "r2.db-shm"] {
        let _ = std::fs::remove_file(data.join(log));
    }
    let mut run = start(&place, &data);
    let line = run.until("wipe r2");
    assert!(line.contains("r2"), "{line}");
    let r1 = run.address("r1");
    // The others go on, with what they had.
    Typist::new(r1).until("get x", "1");
    Typist::new(r1).until("put x 2", "ok");
    run.say("revive r2");
    run.until("wipe r2");
    run.say("wipe r2");
    run.say("revive r2");
    let r2 = run.address("r2");
    Typist::new(r2).until("get x", "2");
    run.quit();
}

/// The store, and a client that asks again what was not answered in 150 ms.
fn written() -> String {
    format!(
        "{STORE}[nodes.writer]\nrole = \"client\"\nasks = \"store\"\noperations = [\"get x\"]\n\
         request_timeout = \"150ms\"\ntimeout = \"8s\"\n"
    )
}

/// Identities are counted anew in each run. What a second run writes is no retry of what the first one wrote on the
/// same disks under the same numbers; and a retry is one still.
#[test]
fn two_runs_on_the_same_disks_both_write() {
    let place = Place::new();
    let data = place.path("disks");
    for round in 1..=2 {
        let mut run = start_with(&place, &data, &written());
        let mut typist = Typist::new(run.address("r1"));
        typist.until(&format!("put typed{round} yes"), "ok");
        run.say(&format!("put writer x {round}"));
        run.say(&format!("put writer round{round} yes"));
        typist.until(&format!("get round{round}"), "yes");
        typist.until("get x", &round.to_string());
        // An answer that is late is asked for again.
        run.say("delay r1->writer 400ms");
        run.say(&format!("post writer hall {round}"));
        run.until("#3 already");
        run.quit();
    }
    for replica in ["r1.db", "r2.db", "r3.db"] {
        let kept = values(&data.join(replica));
        let keys: Vec<&str> = kept.keys().map(String::as_str).collect();
        assert_eq!(keys, ["round1", "round2", "typed1", "typed2", "x"], "{replica}");
        assert_eq!(kept["x"], "2", "{replica}");
        let rooms = ask(&data.join(replica), "SELECT text || ' ' || author FROM rooms");
        assert_eq!(rooms, ["1 writer.1", "2 writer.1@2"], "{replica}");
    }
}

#[test]
fn two_programs_do_not_write_the_same_disks() {
    let place = Place::new();
    let data = place.path("disks");
    let mut run = start(&place, &data);
    run.until("listens at");
    let file = place.file("other.toml", STORE);
    let words = ["run", &file, "--headless", "--data", data.to_str().expect("text")];
    let second = place.run(&words);
    assert_eq!(second.status.code(), Some(3));
    let complaint = text(&second.stderr);
    let holder = format!("in use by process {}", run.child.id());
    assert!(complaint.contains(&holder) && complaint.contains("--data"), "{complaint}");
    run.quit();
}

/// Root may write anywhere, so the folder that takes nothing is one that is not there any more.
#[test]
fn what_the_disk_does_not_take_is_never_acknowledged() {
    let place = Place::new();
    let data = place.path("disks");
    // What another replica has been sent may stand: here nobody is sent what the leader's disk has not.
    let lab = STORE.replace("propagation = \"sync\"", "");
    let mut run = start_with(&place, &data, &lab);
    let mut typist = Typist::new(run.address("r1"));
    typist.until("put x 1", "ok");
    run.say("kill r1");
    run.say("kill r2");
    run.say("kill r3");
    run.until("r3  KILLED");
    std::fs::remove_dir_all(&data).expect("it can be removed");
    std::fs::write(&data, "a file where the folder was").expect("it can be written");
    run.say("revive r1");
    run.until("r1  starts");
    let mut typist = Typist::new(run.address("r1"));
    let start = Instant::now();
    let answer = loop {
        assert!(start.elapsed() < DEADLINE, "no answer to a write");
        match typist.ask("put x 2") {
            Some(answer) if answer.starts_with("ERR not the leader") => {}
            answer => break answer.expect("it still serves"),
        }
    };
    assert!(answer.starts_with("ERR"), "{answer}");
    let (_, printed, _) = run.quit();
    assert!(printed.contains("disk"), "{printed}");
}

/// No file may grow beyond half a megabyte: what is written beyond it fails as on a disk that is full.
#[test]
fn on_a_full_disk_writes_fail_and_what_was_acknowledged_stays() {
    let place = Place::new();
    let data = place.path("disks");
    let lab = STORE.replace("propagation = \"sync\"", "");
    let file = place.file("store.toml", &lab);
    let program = "trap '' XFSZ; ulimit -f 1000; exec \"$0\" \"$@\"";
    let mut command = Command::new("sh");
    place.prepare(&mut command);
    command.args(["-c", program, env!("CARGO_BIN_EXE_faultlab")]);
    command.args([
        "run",
        &file,
        "--plain",
        "--for",
        "10min",
        "--port-base",
        &place.ports.base().to_string(),
    ]);
    command.arg("--data").arg(&data).stdin(Stdio::piped());
    let mut run = Running::new(command.spawn().expect("the program runs"));
    let mut typist = Typist::new(run.address("r1"));
    typist.until("put begin 1", "ok");
    let value = "v".repeat(1_000);
    let puts = (0..1_000).map(|number| typist.ask(&format!("put k{number} {value}")));
    let puts: Vec<String> = puts.map_while(|said| said).collect();
    let done = puts.iter().take_while(|said| *said == "ok").count();
    assert!((10..900).contains(&done), "{done} were done");
    assert_eq!(puts.len(), 1_000, "it still serves");
    assert!(puts[done].starts_with("ERR"), "{}", puts[done]);
    // What is there can be read, and the next life finds it.
    typist.until("get k3", &value);
    run.say("kill r1");
    run.until("r1  KILLED");
    let kept = values(&data.join("r1.db"));
    for (number, said) in puts.iter().enumerate() {
        assert_eq!(kept.contains_key(&format!("k{number}")), said == "ok", "k{number}: {said}");
    }
    run.quit();
}

#[test]
fn disks_are_for_the_user_alone() {
    let place = Place::new();
    let data = place.path("disks");
    let mut run = start(&place, &data);
    Typist::new(run.address("r1")).until("put x 1", "ok");
    run.quit();
    let mode =
        |path: &Path| std::fs::metadata(path).expect("it is there").permissions().mode() & 0o777;
    assert_eq!(mode(&data), 0o700);
    for entry in std::fs::read_dir(&data).expect("it is there").flatten() {
        assert_eq!(mode(&entry.path()), 0o600, "{:?}", entry.path());
    }
}

#[test]
fn a_disk_says_where_it_is_and_a_shell_can_look_at_it() {
    let place = Place::new();
    let data = place.path("my disks");
    let mut run = start(&place, &data);
    Typist::new(run.address("r1")).until("put x 1", "ok");
    let (_, printed, _) = run.quit();
    let file = data.join("r1.db");
    let told = format!("r1  keeps what it has in the database {}", file.display());
    assert!(printed.contains(&told), "{told}\n{printed}");
    for wire in ["(line)", "(json)"] {
        let told = |row: &str| row.contains("r1  listens at 127.0.0.1:") && row.ends_with(wire);
        assert!(printed.lines().any(told), "{wire}:\n{printed}");
    }
    // The line that is printed where nobody reads along, as a shell takes it.
    let lab = place.file("store.toml", STORE);
    let data = data.to_str().expect("text");
    let run = place.run(&["run", &lab, "--headless", "--for", "1ms", "--data", data]);
    let told = text(&run.stderr);
    let line = format!("sqlite3 -readonly '{}' 'SELECT * FROM operations'", file.display());
    assert!(told.contains(&line), "{line}\n{told}");
    assert!(told.contains("printf 'get KEY\\n' | nc 127.0.0.1 "), "{told}");
}
