//! Open files: too few of them are said before a run begins, and run out of during one without harm. And the signal of a
//! terminal that is closed.

use crate::{DEADLINE, LAB, Place, Running, read, text};
use rustix::process::{Pid, Signal, kill_process};
use std::net::TcpStream;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// A client, an LS and 200 TSs: some 650 open files.
const LARGE: &str = "title = 'large'\n\
    [nodes.client]\nrole = 'client'\nasks = 'ls'\nnames = ['www.a.com']\n\
    [nodes.ls]\nrole = 'ls'\nupstreams = ['leaf']\npolicy = 'round-robin'\n\
    [groups.leaf]\nrole = 'ts'\ncount = 200\nprefix = 'leaf'\n\
    records = ['www.a.com 192.0.2.1 A']\n";

/// The program with these words, started by a shell that has done this before.
fn after(place: &Place, before: &str, words: &[&str]) -> Command {
    let program = place.command(words);
    let mut shell = Command::new("/bin/sh");
    place.prepare(&mut shell);
    shell.args(["-c", &format!("{before}; exec \"$0\" \"$@\"")]);
    shell.arg(program.get_program()).args(program.get_args());
    shell
}

#[test]
fn a_lab_that_needs_more_open_files_than_are_allowed_is_refused_with_the_remedy() {
    let place = Place::new();
    let file = place.file("large.toml", LARGE);
    for words in [&["run", &file, "--headless"][..], &["run", &file]] {
        let output = after(&place, "ulimit -n 256", words).output().expect("a shell");
        let complaint = text(&output.stderr);
        assert_eq!(output.status.code(), Some(3), "{words:?}: {complaint}");
        let told = ["`large` needs about 643 open files", "allows 256", "`ulimit -n 643`"];
        assert!(told.iter().all(|it| complaint.contains(it)), "{words:?}: {complaint}");
        assert!(output.stdout.is_empty(), "{words:?}: {}", text(&output.stdout));
    }
}

#[test]
fn a_soft_limit_is_raised_and_a_large_lab_is_told_by_its_groups() {
    let place = Place::new();
    let (file, report) = (place.file("large.toml", LARGE), place.path("report.json"));
    let report_word = report.to_str().expect("a path of text");
    let words = ["run", &file, "--headless", "--for", "300ms", "--report", report_word];
    let output = after(&place, "ulimit -S -n 256", &words).output().expect("a shell");
    let complaint = text(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{complaint}");
    assert!(complaint.contains("leaf1 to leaf200 127.0.0.1:"), "{complaint}");
    assert!(complaint.lines().count() < 10, "{complaint}");
    let report: serde_json::Value = serde_json::from_slice(&read(&report)).expect("JSON");
    assert_eq!(report["no_socket"], 0, "{complaint}");
    let addresses = report["addresses"].as_array().expect("a list");
    assert_eq!(addresses.len(), 201, "the LS and each TS");
    let leaf = addresses.iter().find(|it| it["name"] == "leaf150").expect("it listens");
    let address = leaf["address"].as_str().and_then(|it| it.parse().ok()).expect("an address");
    let _: std::net::SocketAddr = address;
    assert_eq!(leaf["wire"], "line");
}

/// Processor time of a process.
fn processor_time(pid: u32) -> Option<Duration> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    let ticks = |at: usize| fields.get(at)?.parse::<u64>().ok();
    // Fields 14 and 15 of proc(5), counted from the one after the name, in hundredths of a second.
    Some(Duration::from_millis(10 * (ticks(11)? + ticks(12)?)))
}

#[test]
fn without_open_files_left_nobody_spins_and_the_next_one_after_it_is_served() {
    let place = Place::new();
    let file = place.file("lab.toml", LAB);
    let mut command = after(&place, "ulimit -n 64", &["run", &file, "--plain", "--for", "1h"]);
    let mut run = Running::new(command.stdin(Stdio::piped()).spawn().expect("a shell"));
    let address = run.address("ls");
    let crowd: Vec<TcpStream> = (0..100)
        .map(|_| TcpStream::connect_timeout(&address, DEADLINE).expect("the kernel takes it"))
        .collect();
    run.until("ls  CANNOT HAVE a socket");
    let (begun, before) = (Instant::now(), processor_time(run.child.id()));
    for _ in 0..6 {
        run.until("ls  CANNOT HAVE a socket");
    }
    // The rests of half a tenth of a second are twice as long each time: that is 2.5 s; a loop without them takes none.
    let took = begun.elapsed();
    assert!(took > Duration::from_millis(1500), "it rests too little: {took:?}");
    if let (Some(before), Some(after)) = (before, processor_time(run.child.id())) {
        let used = after.saturating_sub(before);
        assert!(used < took / 5, "{used:?} of {took:?}");
    }
    drop(crowd);
    let mut visitor = TcpStream::connect_timeout(&address, DEADLINE).expect("somebody listens");
    std::io::Write::write_all(&mut visitor, b"www.b.com\n").expect("it is taken");
    visitor.set_read_timeout(Some(DEADLINE)).expect("an option");
    let mut answer = [0; 256];
    let count = std::io::Read::read(&mut visitor, &mut answer).expect("an answer");
    assert!(text(&answer[..count]).contains("192.0.2.2"), "{}", text(&answer[..count]));
    run.quit();
}

#[test]
fn a_run_under_nohup_outlives_its_terminal() {
    let place = Place::new();
    let file = place.file("lab.toml", LAB);
    let mut command = after(&place, "trap '' HUP", &["run", &file, "--plain", "--for", "1h"]);
    let mut run = Running::new(command.stdin(Stdio::piped()).spawn().expect("a shell"));
    run.address("ts2");
    let pid = Pid::from_child(&run.child);
    kill_process(pid, Signal::HUP).expect("it is a child of ours that lives");
    run.say("query client www.a.com");
    run.until("ls → client  192.0.2.1");
    // The other signals end it as ever.
    kill_process(pid, Signal::TERM).expect("it is a child of ours that lives");
    run.rest();
    assert_eq!(run.child.wait().expect("it ends").code(), Some(143));
}
