//! A lab on real sockets for tests, looked at from outside: plain sockets, the log, and deadlines.

#![expect(dead_code, reason = "each test file uses its part of this bench")]

pub mod ports;

use faultlab::base::NodeId;
use faultlab::command::grammar;
use faultlab::event::Event;
use faultlab::lab::{Lab, LabHandle, Options};
use faultlab::topology::{self, Folder, Topology};
use faultlab::world::World;
use ports::Ports;
use std::fmt::Write as _;
use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Generous: what must happen happens long before, and a slow machine is no failure.
pub const DEADLINE: Duration = Duration::from_secs(20);

/// A client, an LS and two TSs, each with a name of its own, and with these settings: of the file, the client, the LS
/// and ts2.
pub fn two_tables(file: &str, client: &str, ls: &str, ts2: &str) -> String {
    format!(
        r#"
title = "two tables"
{file}
[nodes.client]
role = "client"
asks = "ls"
names = ["www.google.com"]
{client}
[nodes.ls]
role = "ls"
upstreams = ["ts1", "ts2"]
{ls}
[nodes.ts1]
role = "ts"
records = {{ "www.google.com" = "192.0.2.10" }}
[nodes.ts2]
role = "ts"
records = {{ "www.mit.edu" = "192.0.2.11" }}
{ts2}
"#
    )
}

/// An LS with these settings in front of TSs, each with its name and its settings.
pub fn in_front_of(file: &str, ls: &str, servers: &[(&str, &str)]) -> String {
    let names: Vec<&str> = servers.iter().map(|(name, _)| *name).collect();
    let mut text = format!(
        r#"
title = "a load balancer in front of others"
{file}
[nodes.ls]
role = "ls"
upstreams = {names:?}
{ls}
"#
    );
    for (name, settings) in servers {
        write!(text, "[nodes.{name}]\nrole = \"ts\"\n{settings}\n").expect("text takes text");
    }
    text
}

/// A running lab of a test.
pub struct Bench {
    lab: Option<Lab>,
    pub handle: LabHandle,
    _ports: Ports,
}

impl Bench {
    /// Starts a lab of this topology text.
    pub fn start(text: &str) -> Self {
        Self::with(text, |topology| topology.auto_pace = false)
    }

    /// The same, with automatic pace.
    pub fn start_auto(text: &str) -> Self {
        Self::with(text, |topology| topology.auto_pace = true)
    }

    /// Starts a lab of this topology text, changed.
    pub fn with(text: &str, change: impl FnOnce(&mut Topology)) -> Self {
        let folder = Folder(PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("topologies"));
        let loaded = topology::load_text("test.toml", text, &folder)
            .unwrap_or_else(|problems| panic!("{problems}"));
        let mut topology = loaded.topology;
        change(&mut topology);
        let ports = Ports::take();
        let options = Options { port_base: Some(ports.base()), ..Options::default() };
        let lab = Lab::start(Arc::new(topology), &options).expect("the lab starts");
        let handle = lab.handle();
        Self { lab: Some(lab), handle, _ports: ports }
    }

    pub fn id(&self, name: &str) -> NodeId {
        self.handle.topology().names.id(name).unwrap_or_else(|| panic!("no node {name}"))
    }

    pub fn address(&self, name: &str) -> SocketAddr {
        self.handle.address(self.id(name)).unwrap_or_else(|| panic!("{name} does not listen"))
    }

    /// Gives a command without waiting for what it does.
    pub fn give(&self, line: &str) {
        let command = grammar::command(line, &self.handle.topology().names)
            .unwrap_or_else(|error| panic!("{line}: {error}"));
        assert!(self.handle.give(command), "the lab takes {line}");
    }

    /// Gives a command and waits until something that `seen` accepts is in the log after it.
    pub fn command(&self, line: &str, seen: impl Fn(&Event) -> bool) -> Event {
        let from = self.handle.end();
        self.give(line);
        self.until(from, line, seen)
    }

    /// Waits until something that `seen` accepts is in the log after a position.
    pub fn until(&self, from: u64, what: &str, seen: impl Fn(&Event) -> bool) -> Event {
        let start = Instant::now();
        let mut at = from;
        while start.elapsed() < DEADLINE {
            let tail = self.handle.read(at, usize::MAX);
            if let Some(event) = tail.events().find(|event| seen(event)) {
                return event.clone();
            }
            at = tail.next;
            self.handle.wait(at, Duration::from_millis(100));
        }
        let log: Vec<String> =
            self.handle.read(from, 60).events().map(|event| format!("{event:?}")).collect();
        panic!("not within {DEADLINE:?}: {what}\n{}", log.join("\n"));
    }

    /// Waits until nothing is appended for so long on the wall.
    pub fn quiet(&self, for_so_long: Duration) {
        let start = Instant::now();
        loop {
            let end = self.handle.end();
            let begun = Instant::now();
            self.handle.wait(end, for_so_long);
            if begun.elapsed() >= for_so_long && self.handle.end() == end {
                return;
            }
            assert!(start.elapsed() < DEADLINE, "it never becomes quiet");
        }
    }

    /// The fold of everything in the log.
    pub fn world(&self) -> World {
        let mut world = World::new(self.handle.topology().clone());
        for event in self.handle.read(0, usize::MAX).events() {
            world.apply(event);
        }
        world
    }

    /// Everything in the log.
    pub fn events(&self) -> Vec<Event> {
        self.handle.read(0, usize::MAX).events().cloned().collect()
    }

    /// Ends the lab in good order and gives its whole log.
    pub fn finish(mut self) -> Vec<Event> {
        let lab = self.lab.take().expect("it runs until now");
        let handle = lab.finish();
        handle.read(0, usize::MAX).events().cloned().collect()
    }

    /// Somebody from outside.
    pub fn visit(&self, name: &str) -> Visitor {
        Visitor::new(self.address(name))
    }
}

/// What a socket came to.
#[derive(Debug, PartialEq, Eq)]
pub enum Heard {
    Bytes(Vec<u8>),
    EndOfFile,
    Reset,
    Nothing,
}

/// A plain socket from outside.
pub struct Visitor {
    pub stream: TcpStream,
}

impl Visitor {
    pub fn new(address: SocketAddr) -> Self {
        let stream = TcpStream::connect_timeout(&address, DEADLINE).expect("somebody listens");
        stream.set_nodelay(true).expect("an option");
        Self { stream }
    }

    pub fn say(&mut self, text: &str) {
        self.stream.write_all(text.as_bytes()).expect("the socket takes bytes");
    }

    /// The next thing that comes, within a time.
    pub fn hear(&mut self, within: Duration) -> Heard {
        self.stream.set_read_timeout(Some(within)).expect("an option");
        let mut buffer = vec![0; 65_536];
        match self.stream.read(&mut buffer) {
            Ok(0) => Heard::EndOfFile,
            Ok(count) => Heard::Bytes(buffer[..count].to_vec()),
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                Heard::Nothing
            }
            Err(_) => Heard::Reset,
        }
    }

    /// One line, without its end.
    pub fn line(&mut self) -> String {
        let mut line = Vec::new();
        let start = Instant::now();
        let mut byte = [0];
        self.stream.set_read_timeout(Some(DEADLINE)).expect("an option");
        while start.elapsed() < DEADLINE {
            match self.stream.read(&mut byte) {
                Ok(1) if byte[0] == b'\n' => return String::from_utf8(line).expect("text"),
                Ok(1) => line.push(byte[0]),
                other => panic!("{other:?} after {:?}", String::from_utf8_lossy(&line)),
            }
        }
        panic!("no line within {DEADLINE:?}");
    }

    /// Asks and gives the line that comes back.
    pub fn ask(&mut self, name: &str) -> String {
        self.say(&format!("{name}\n"));
        self.line()
    }
}

/// Tries until it holds; the system takes a moment to close what was closed.
pub fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let start = Instant::now();
    while start.elapsed() < DEADLINE {
        if holds() {
            return;
        }
        std::thread::yield_now();
    }
    panic!("not within {DEADLINE:?}: {what}");
}
