//! Strangers at the door of a running program: floods, and text that would take a terminal over.

use crate::sockets::ask;
use crate::{DEADLINE, LAB, Place, Running, assert_tame, read, text};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::thread;
use std::time::Instant;

/// Memory in kilobytes that the process has, or at most had, by proc(5).
#[cfg(target_os = "linux")]
fn memory_kb(process: u32, key: &str) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).expect("it lives");
    let line = status.lines().find(|line| line.starts_with(key)).expect("the key is there");
    line.split_whitespace().nth(1).and_then(|word| word.parse().ok()).expect("a figure")
}

/// A course program in the place of a TS that answers with what takes a terminal over.
fn hostile_ts(listener: TcpListener) -> thread::JoinHandle<()> {
    thread::spawn(move || {
        let (mut stream, _) = listener.accept().expect("somebody comes");
        let mut buffer = [0; 200];
        while let Ok(count @ 1..) = stream.read(&mut buffer) {
            let name = String::from_utf8_lossy(&buffer[..count]).trim().to_owned();
            let answer = format!("{name} \x1b]0;t\x07\u{202e}1.2.3.4 A\x1b[2J");
            if stream.write_all(answer.as_bytes()).is_err() {
                return;
            }
        }
    })
}

/// What a server answered is written down in its words, and logged, but never so that it does something.
#[test]
fn a_hostile_answer_is_harmless_in_results_and_log() {
    let place = Place::new();
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let at = listener.local_addr().expect("bound");
    let program = hostile_ts(listener);
    let lab = format!(
        "title = \"theirs\"\n[nodes.client]\nrole = \"client\"\nasks = \"ls\"\n\
         names = [\"www.a.com\", \"www.b.com\"]\ntimeout = \"2s\"\n\
         [nodes.ls]\nrole = \"ls\"\nat = \"{at}\"\n"
    );
    let file = place.file("theirs.toml", &lab);
    let data = place.path("results");
    let words = ["run", &file, "--plain", "--for", "10min", "--data", data.to_str().expect("text")];
    let mut command = place.command(&words);
    command.env("FAULTLAB_LOG", "trace").stdin(std::process::Stdio::piped());
    let mut run = Running::new(command.spawn().expect("the program runs"));
    run.say("batch client");
    run.until("is through with its list");
    run.say("mark \x1b]0;logged\x07");
    run.say("crash client");
    run.until("CRASHED");
    let (_, printed, errors) = run.quit();
    assert_tame("standard output", printed.as_bytes());
    assert_tame("standard error", errors.as_bytes());
    let results = read(&data.join("client-resolved.txt"));
    assert_tame("the results", &results);
    assert!(text(&results).contains("\\e]0;t\\x07"), "{}", text(&results));
    let log = read(&place.path("state/faultlab/log/faultlab.log"));
    assert_tame("the log", &log);
    assert!(text(&log).contains("a node panicked"), "{}", text(&log));
    program.join().expect("the program ends with its connection");
}

const HOSTILE: [&[u8]; 8] = [
    "\x1b]8;;http://h.example\x1b\\x\u{2067}y\u{feff}z\n".as_bytes(),
    b"a\x1b[2Jb\n",
    b"a\x1b]52;c;AAAA\x07\n",
    b"a\0b\rc\n",
    b"\xff\xfe\xc3\n",
    "\u{202e}moc.elgoog\u{2066}\u{200b}\n".as_bytes(),
    b"\x9b31m\x85\xc2\x9b\n",
    b"\x1bP+q\x1b\\\x1b_x\x1b\\\x1bc\x1b[6n\n",
];

#[test]
fn hostile_text_reaches_no_output_raw() {
    let place = Place::new();
    let file = place.file("lab.toml", LAB);
    let (report, events) = (place.path("r.json"), place.path("e.jsonl"));
    let words = ["run", &file, "--plain", "--for", "10min"];
    let files = [report.to_str().expect("text"), events.to_str().expect("text")];
    let mut run =
        place.start(&[&words[..], &["--report", files[0], "--events", files[1]]].concat());
    let ls = run.address("ls");
    let names: Vec<u8> = HOSTILE.concat();
    let mut stream = TcpStream::connect(ls).expect("it listens");
    stream.write_all(&names).expect("it takes bytes");
    stream.shutdown(std::net::Shutdown::Write).expect("half a close");
    stream.set_read_timeout(Some(DEADLINE)).expect("an option");
    let mut answers = Vec::new();
    stream.read_to_end(&mut answers).expect("all are told");
    assert!(answers.split(|byte| *byte == b'\n').count() >= HOSTILE.len());
    run.say("query client \x1b[2J\u{202e}moc");
    run.say("mark \x1b]0;title\x07");
    run.say("\x1b[31mkill\u{200b} ts1");
    run.until("mark");
    let (_, printed, errors) = run.quit();
    assert!(printed.contains("\\e[2J") && errors.contains("\\e[31m"), "it is shown harmless");
    assert_tame("standard output", printed.as_bytes());
    assert_tame("standard error", errors.as_bytes());
    let (report, events) = (read(&report), read(&events));
    assert_tame("the report", &report);
    assert_tame("the events", &events);
    assert!(report.is_ascii() && events.is_ascii());
    for line in text(&events).lines() {
        serde_json::from_str::<serde_json::Value>(line).expect("every line is JSON");
    }
}

#[test]
fn hostile_words_on_the_command_line_are_shown_harmless() {
    let place = Place::new();
    let file = place.file("lab.toml", LAB);
    let escape = "a\x1b[2J\u{202e}b";
    let (setting, report) = (format!("ls.{escape}=1"), format!("/nowhere/{escape}"));
    let cases: [&[&str]; 8] = [
        &[escape],
        &["run", escape, "--headless"],
        &["check", escape],
        &["run", &file, "--headless", escape],
        &["run", &file, "--headless", "--set", &setting],
        &["run", &file, "--headless", "--set", escape],
        &["run", &file, "--headless", "--for", escape],
        &["run", &file, "--headless", "--for", "100ms", "--report", &report],
    ];
    for words in cases {
        let output = place.run(words);
        assert_eq!(output.status.code(), Some(3), "{words:?}");
        let errors = text(&output.stderr);
        assert!(errors.contains("\\u{202e}b"), "{words:?} is named: {errors}");
        assert_tame("standard error", &output.stderr);
        assert_tame("standard output", &output.stdout);
    }
}

#[cfg(target_os = "linux")]
#[test]
fn ten_megabytes_without_a_line_end_cost_no_memory() {
    let place = Place::new();
    let file = place.file("lab.toml", LAB);
    let mut run = place.start(&["run", &file, "--plain", "--for", "10min"]);
    let ls = run.address("ls");
    let process = run.child.id();
    assert_eq!(ask(ls, "www.a.com\n"), "www.a.com 192.0.2.1 A\n");
    let before = memory_kb(process, "VmRSS:");
    for opening in ["", "www.a.com\n"] {
        let mut flood = TcpStream::connect(ls).expect("it listens");
        flood.write_all(opening.as_bytes()).expect("it takes bytes");
        let chunk = vec![b'a'; 1024 * 1024];
        // The reset may come while it still writes.
        let _ = (0..10).try_for_each(|_| flood.write_all(&chunk));
        flood.set_read_timeout(Some(DEADLINE)).expect("an option");
        let mut rest = Vec::new();
        let _ = flood.read_to_end(&mut rest);
        assert!(rest.len() < 100, "nothing is said but the answer to the first name");
    }
    assert_eq!(ask(ls, "www.a.com\n"), "www.a.com 192.0.2.1 A\n");
    let more = memory_kb(process, "VmHWM:").saturating_sub(before);
    assert!(more < 4096, "{more} kB more than before");
    let (_, printed, _) = run.quit();
    assert_eq!(printed.matches("64 KiB").count(), 2, "it is in the log, once each: {printed}");
}

/// Asks again and again over one connection, a hundred at a time; gives how many answers came.
fn flood(address: SocketAddr, rounds: usize) -> usize {
    let mut stream = TcpStream::connect(address).expect("it listens");
    stream.set_read_timeout(Some(DEADLINE)).expect("an option");
    stream.set_nodelay(true).expect("an option");
    let burst = "www.a.com\nwww.b.com\n".repeat(50);
    let (mut answers, mut buffer) = (0, [0; 8192]);
    for round in 1..=rounds {
        stream.write_all(burst.as_bytes()).expect("it takes bytes");
        while answers < round * 100 {
            let count = stream.read(&mut buffer).expect("answers");
            assert!(count > 0, "it goes on answering");
            answers += text(&buffer[..count]).matches('\n').count();
        }
    }
    answers
}

#[cfg(target_os = "linux")]
#[test]
fn a_storm_of_events_stays_within_its_memory() {
    let place = Place::new();
    // Each of two servers answers half, so that a question makes a dozen events; nobody may give up on a slow machine.
    let lab = LAB.replace("timeout = \"300ms\"", "timeout = \"20s\"");
    let file = place.file("lab.toml", &lab);
    let report = place.path("r.json");
    let words = ["run", &file, "--headless", "--for", "10min", "--report"];
    let mut command = place.command(&[&words[..], &[report.to_str().expect("text")]].concat());
    let child = command.stdin(std::process::Stdio::piped()).spawn().expect("it runs");
    let mut run = crate::Running::new(child);
    run.say("load client 200/s");
    let ls = run.complained_address("ls");
    let start = Instant::now();
    let visitors: Vec<_> = (0..4).map(|_| thread::spawn(move || flood(ls, 120))).collect();
    let answers: usize = visitors.into_iter().map(|one| one.join().expect("it is served")).sum();
    assert_eq!(answers, 48_000);
    let most = memory_kb(run.child.id(), "VmHWM:");
    assert!(most < 200 * 1024, "{most} kB at most, in {:?}", start.elapsed());
    run.quit();
    let report: serde_json::Value = serde_json::from_slice(&read(&report)).expect("JSON");
    let events = report["events"].as_u64().expect("a figure");
    assert!(events + report["gaps"].as_u64().expect("a figure") > 500_000, "{events} events only");
}
