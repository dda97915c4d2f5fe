//! Programs that a bench runs beside each other on loopback, each a process of its own that ends with its value; and a
//! stranger who asks them.

pub mod dnsdist;
pub mod dnsperf;
pub mod front;
pub mod nsd;
pub mod ours;

use rustix::process::{Pid, Signal, kill_process};
use std::fmt::Write as _;
use std::net::{SocketAddr, TcpListener, UdpSocket};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// What never takes so long unless something is broken.
pub const DEADLINE: Duration = Duration::from_secs(20);

/// Names in every table.
pub const NAMES: usize = 256;

/// The name with this number.
pub fn name(n: usize) -> String {
    format!("host{}.example", n % NAMES)
}

/// All names, as `dnsperf` reads them.
pub fn questions() -> String {
    (0..NAMES).fold(String::new(), |mut text, n| {
        writeln!(text, "{} A", name(n)).expect("a String takes it");
        text
    })
}

/// Whether a program can be run.
pub fn is_installed(program: &str) -> bool {
    let mut command = Command::new(program);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    // Each of them says how it is used, and ends.
    command.arg("-h").status().is_ok()
}

/// A port that was free a moment ago, below the ephemeral range, so that no socket takes it meanwhile.
pub fn port() -> u16 {
    loop {
        let chosen = UdpSocket::bind("127.0.0.1:0").expect("a port");
        let port = chosen.local_addr().expect("it is bound").port();
        let port = 10_000 + port % 15_000;
        let both = UdpSocket::bind(("127.0.0.1", port)).is_ok()
            && TcpListener::bind(("127.0.0.1", port)).is_ok();
        if both {
            return port;
        }
    }
}

/// Where a program may run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cores {
    /// On all.
    All,
    /// On the first alone.
    First,
}

impl Cores {
    /// A command that runs there.
    pub fn command(self, program: &str) -> Command {
        match self {
            Self::All => Command::new(program),
            Self::First => {
                let mut command = Command::new("taskset");
                command.args(["-c", "0", program]);
                command
            }
        }
    }
}

/// A process that is ended when this is dropped.
#[derive(Debug)]
pub struct Program {
    child: Child,
}

impl Program {
    /// Starts it. What it says is nobody's business.
    pub fn start(mut command: Command) -> Self {
        command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
        Self { child: command.spawn().expect("it is installed") }
    }

    /// Its standard input.
    pub fn input(&mut self) -> &mut std::process::ChildStdin {
        self.child.stdin.as_mut().expect("it has one")
    }

    /// What it has used of a processor so far, in seconds.
    pub fn processor_seconds(&self) -> f64 {
        let path = format!("/proc/{}/stat", self.child.id());
        let stat = std::fs::read_to_string(path).expect("Linux, and it runs");
        let fields: Vec<&str> = stat[stat.rfind(')').expect("a name") + 2..].split(' ').collect();
        // Fields 14 and 15 of proc(5), counted from the one after the name; a tick is a hundredth of a second.
        let ticks = |at: usize| fields[at].parse::<f64>().expect("a number");
        (ticks(11) + ticks(12)) / 100.0
    }

    /// Its process, which is its own group where it was started as one.
    pub fn id(&self) -> Pid {
        Pid::from_child(&self.child)
    }

    /// Waits until it has ended by itself.
    pub fn ended(&mut self) {
        let begun = Instant::now();
        while self.child.try_wait().expect("it is ours").is_none() {
            assert!(begun.elapsed() < DEADLINE, "it does not end");
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        if self.child.try_wait().is_ok_and(|status| status.is_some()) {
            return;
        }
        // One that is told to end ends its own children, too. It may be gone already.
        let _ = kill_process(self.id(), Signal::TERM);
        let begun = Instant::now();
        while self.child.try_wait().is_ok_and(|status| status.is_none()) {
            if begun.elapsed() > DEADLINE {
                // It may have ended this very moment.
                let _ = self.child.kill();
                let _ = self.child.wait();
                return;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

/// A stranger with a socket of its own.
#[derive(Debug)]
pub struct Stranger {
    socket: UdpSocket,
    asked: u16,
}

impl Stranger {
    /// One who asks at this port.
    pub fn of(port: u16) -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").expect("a socket");
        socket.connect(SocketAddr::from(([127, 0, 0, 1], port))).expect("an address");
        Self { socket, asked: 0 }
    }

    /// Asks until somebody answers as expected.
    pub fn until_answered(&mut self) {
        let begun = Instant::now();
        let wait = Duration::from_millis(50);
        self.socket.set_read_timeout(Some(wait)).expect("a timeout");
        while !self.ask() {
            assert!(begun.elapsed() < DEADLINE, "nobody answers");
            std::thread::sleep(wait);
        }
        self.socket.set_read_timeout(Some(DEADLINE)).expect("a timeout");
    }

    /// Asks once, and waits. False if there is no good answer in time.
    fn ask(&mut self) -> bool {
        self.asked = self.asked.wrapping_add(1);
        let question = question(self.asked, &name(usize::from(self.asked)));
        if self.socket.send(&question).is_err() {
            return false;
        }
        let mut answer = [0; 512];
        loop {
            let Ok(count) = self.socket.recv(&mut answer) else { return false };
            // Late answers to what was asked before are passed over.
            if count > 12 && answer[..2] == question[..2] {
                // NOERROR, and one record.
                return answer[3] % 16 == 0 && answer[6..8] == [0, 1];
            }
        }
    }

    /// The times of so many questions, one after the other, in microseconds and in order of size.
    pub fn times(&mut self, count: usize) -> Vec<f64> {
        let mut times: Vec<f64> = (0..count)
            .map(|_| {
                let begun = Instant::now();
                assert!(self.ask(), "an answer is missing");
                begun.elapsed().as_secs_f64() * 1e6
            })
            .collect();
        times.sort_by(f64::total_cmp);
        times
    }
}

/// The bytes of a question for an address.
pub fn question(id: u16, name: &str) -> Vec<u8> {
    let mut bytes = id.to_be_bytes().to_vec();
    bytes.extend([1, 0, 0, 1, 0, 0, 0, 0, 0, 0]);
    for label in name.split('.') {
        bytes.push(u8::try_from(label.len()).expect("a label"));
        bytes.extend(label.as_bytes());
    }
    bytes.extend([0, 0, 1, 0, 1]);
    bytes
}

/// The middle one.
pub fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
