//! The program from outside, without a terminal: exit codes, standard input and output, files, ports and memory.

#[path = "program/calibrate.rs"]
mod calibrate;
#[path = "program/casts.rs"]
mod casts;
#[path = "program/disks.rs"]
mod disks;
#[path = "program/limits.rs"]
mod limits;
#[path = "common/ports.rs"]
mod ports;
#[path = "program/runs.rs"]
mod runs;
#[path = "program/sockets.rs"]
mod sockets;
#[path = "program/splits.rs"]
mod splits;
#[path = "program/strangers.rs"]
mod strangers;
#[path = "program/words.rs"]
mod words;

use ports::Ports;
use std::io::{BufRead, BufReader, Write};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Output, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// Generous: what must happen happens long before, and a slow machine is no failure.
const DEADLINE: Duration = Duration::from_secs(25);

/// A place to run in: a working directory, a home and ports of its own.
struct Place {
    folder: TempDir,
    ports: Ports,
}

impl Place {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        for name in ["cwd", "state"] {
            std::fs::create_dir(folder.path().join(name)).expect("a folder in it");
        }
        Self { folder, ports: Ports::take() }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Writes a file and gives its path as a word for the command line.
    fn file(&self, name: &str, text: &str) -> String {
        let path = self.path(name);
        std::fs::write(&path, text).expect("it can be written");
        path.to_str().expect("a path of text").to_owned()
    }

    /// The program with these words, not started.
    fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_faultlab"));
        self.prepare(&mut command);
        command.args(words);
        if words.first() == Some(&"run") && !words.contains(&"--port-base") {
            command.args(["--port-base", &self.ports.base().to_string()]);
        }
        command
    }

    fn prepare(&self, command: &mut Command) {
        command
            .current_dir(self.path("cwd"))
            .env("XDG_CONFIG_HOME", self.path("config"))
            .env("XDG_DATA_HOME", self.path("data"))
            .env("XDG_STATE_HOME", self.path("state"))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
    }

    fn run(&self, words: &[&str]) -> Output {
        self.command(words).output().expect("the program runs")
    }

    /// Starts a run that prints every event and takes commands.
    fn start(&self, words: &[&str]) -> Running {
        let mut command = self.command(words);
        Running::new(command.stdin(Stdio::piped()).spawn().expect("the program runs"))
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// A run whose output is read as it comes.
struct Running {
    child: Child,
    input: Option<ChildStdin>,
    /// Lines as they come; closed at the end.
    output: Receiver<String>,
    errors: Option<JoinHandle<()>>,
    complaints: Arc<Mutex<String>>,
    /// Everything that was printed so far.
    printed: String,
}

impl Running {
    fn new(mut child: Child) -> Self {
        let mut stderr = BufReader::new(child.stderr.take().expect("piped"));
        let complaints = Arc::new(Mutex::new(String::new()));
        let all = complaints.clone();
        let errors = std::thread::spawn(move || {
            let mut line = Vec::new();
            while stderr.read_until(b'\n', &mut line).is_ok_and(|count| count > 0) {
                all.lock().expect("nobody panics with it").push_str(&text(&line));
                line.clear();
            }
        });
        Self {
            input: child.stdin.take(),
            output: lines_of(child.stdout.take().expect("piped")),
            child,
            errors: Some(errors),
            complaints,
            printed: String::new(),
        }
    }

    fn say(&mut self, line: &str) {
        let input = self.input.as_mut().expect("it is open");
        input.write_all(format!("{line}\n").as_bytes()).expect("the program reads");
        input.flush().expect("the program reads");
    }

    /// Reads until a line has this in it, and gives that line.
    fn until(&mut self, what: &str) -> String {
        let start = Instant::now();
        while let Some(left) = DEADLINE.checked_sub(start.elapsed())
            && let Ok(line) = self.output.recv_timeout(left)
        {
            self.printed.push_str(&line);
            if line.contains(what) {
                return line;
            }
        }
        panic!("nothing with {what:?} came:\n{}", self.printed);
    }

    /// Where a node listens, from its line.
    fn address(&mut self, node: &str) -> SocketAddr {
        let what = format!("{node}  listens at ");
        let line = self.until(&what);
        let at = line.find(&what).expect("it was just found") + what.len();
        let address = line[at..].split_whitespace().next().and_then(|word| word.parse().ok());
        address.unwrap_or_else(|| panic!("an address in {line:?}"))
    }

    /// Where a node listens, by what a headless run says at its start.
    fn complained_address(&self, node: &str) -> SocketAddr {
        let start = Instant::now();
        while start.elapsed() < DEADLINE {
            let complaints = self.complaints.lock().expect("nobody panics with it").clone();
            let mut lines = complaints.lines().map(str::split_whitespace);
            if let Some(mut words) = lines.find(|words| words.clone().next() == Some(node)) {
                let address = words.nth(1).expect("an address");
                return address.parse().unwrap_or_else(|_| panic!("no address: {address}"));
            }
            std::thread::yield_now();
        }
        panic!("{node} is not said to listen");
    }

    /// What is printed until the end.
    fn rest(&mut self) -> String {
        let mut rest = String::new();
        loop {
            match self.output.recv_timeout(DEADLINE) {
                Ok(line) => rest.push_str(&line),
                Err(RecvTimeoutError::Disconnected) => return rest,
                Err(RecvTimeoutError::Timeout) => panic!("it does not end:\n{rest}"),
            }
        }
    }

    /// Ends the run and gives its exit code, all that it printed, and its complaints.
    fn quit(mut self) -> (Option<i32>, String, String) {
        self.say("quit");
        let rest = self.rest();
        let status = self.child.wait().expect("it ends");
        let printed = std::mem::take(&mut self.printed) + &rest;
        self.errors.take().expect("not taken yet").join().expect("read");
        let errors = self.complaints.lock().expect("nobody panics with it").clone();
        (status.code(), printed, errors)
    }
}

fn lines_of(output: ChildStdout) -> Receiver<String> {
    let (send, lines) = channel();
    std::thread::spawn(move || {
        let mut output = BufReader::new(output);
        let mut line = Vec::new();
        while output.read_until(b'\n', &mut line).is_ok_and(|count| count > 0) {
            if send.send(text(&line)).is_err() {
                return;
            }
            line.clear();
        }
    });
    lines
}

impl Drop for Running {
    fn drop(&mut self) {
        // A test that failed leaves no process behind; one that ended already does not mind.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A client, an LS and two TSs.
const LAB: &str = r#"
title = "a small lab"
seed = 17
[nodes.client]
role = "client"
asks = "ls"
names = ["www.a.com", "www.b.com"]
timeout = "3s"
[nodes.ls]
role = "ls"
upstreams = ["ts1", "ts2"]
policy = "race"
accept = "first-positive"
timeout = "300ms"
[nodes.ts1]
role = "ts"
records = { "www.a.com" = "192.0.2.1" }
[nodes.ts2]
role = "ts"
records = { "www.b.com" = "192.0.2.2" }
"#;

/// The lab with a step that asks for `www.a.com` and expects this.
fn expecting(expectation: &str) -> String {
    format!("{LAB}[[steps]]\ndo = [\"query client www.a.com\"]\nexpect = [\"{expectation}\"]\n")
}

/// Nothing in it moves a cursor, turns text, or hides.
fn assert_tame(what: &str, bytes: &[u8]) {
    let text = std::str::from_utf8(bytes).unwrap_or_else(|error| panic!("{what}: {error}"));
    let hostile = |c: char| {
        (c.is_control() && c != '\n')
            || ('\u{200b}'..='\u{200f}').contains(&c)
            || ('\u{202a}'..='\u{202e}').contains(&c)
            || ('\u{2066}'..='\u{2069}').contains(&c)
    };
    if let Some(at) = text.find(hostile) {
        let from = (0..=at.saturating_sub(60)).rev().find(|at| text.is_char_boundary(*at));
        let around: String = text[from.unwrap_or(0)..].chars().take(120).collect();
        panic!("{what} has {around:?} in it");
    }
}

fn read(path: &Path) -> Vec<u8> {
    std::fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}
