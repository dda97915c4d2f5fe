//! The real program in a pseudo-terminal: how many frames it draws, and what an open panel leaves of the lab's speed.

use portable_pty::{Child, CommandBuilder, MasterPty, PtySize, native_pty_system};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::num::NonZero;
use std::process::{Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

const ROWS: NonZero<u16> = NonZero::new(60).expect("it is not zero");
const COLUMNS: NonZero<u16> = NonZero::new(200).expect("it is not zero");
/// What never takes so long unless something is broken.
const DEADLINE: Duration = Duration::from_secs(20);
/// How long frames are counted.
const COUNTED: Duration = Duration::from_secs(5);
/// Bytes with a pause before them belong to another frame: frames are 33 ms apart at least.
const PAUSE: Duration = Duration::from_millis(8);
/// Questions that the outside client keeps outstanding.
const OUTSTANDING: usize = 64;
/// Questions of one round.
const QUESTIONS: usize = 60_000;
/// Rounds of each kind, in turn.
const ROUNDS: usize = 3;
const NAME: &str = "www.a.com";

const LAB: &str = "title = 'frames'\n\
    [nodes.ls]\nrole = 'ls'\nupstreams = ['ts']\npolicy = 'round-robin'\n\
    [nodes.ts]\nrole = 'ts'\nrecords = ['www.a.com 192.0.2.1 A']\n\
    [nodes.client]\nrole = 'client'\nasks = 'ls'\nnames = ['www.a.com']\n";

/// Frames a second while nothing happens, and while something moves.
pub fn frames() {
    let home = tempfile::tempdir().expect("a folder");
    let mut shown = Shown::start(&["run", "first-answer"], home.path());
    shown.until("2 Race");
    shown.settle(Duration::from_secs(2));
    let idle = shown.frames_a_second();
    // A question at a tenth of the clock's rate: its marks travel for many seconds.
    shown.keys("---f");
    shown.settle(Duration::from_millis(500));
    let moving = shown.frames_a_second();
    println!("frames a second   idle {idle:.1}   while something moves {moving:.1}");
}

/// Answers a second with the panel open and without one, under the same load.
pub fn load() {
    let home = tempfile::tempdir().expect("a folder");
    let file = home.path().join("lab.toml");
    std::fs::write(&file, LAB).expect("the folder takes it");
    let file = file.to_str().expect("a temporary folder has a plain name");
    let (mut open, mut alone, mut missed) = (Vec::new(), Vec::new(), 0);
    for _ in 0..ROUNDS {
        alone.push(headless(file, home.path()));
        let (rate, gaps) = with_panel(file, home.path());
        open.push(rate);
        missed = missed.max(gaps);
    }
    let median = |values: &mut Vec<f64>| {
        values.sort_by(f64::total_cmp);
        values[values.len() / 2]
    };
    let (open, alone) = (median(&mut open), median(&mut alone));
    println!(
        "answers a second, {OUTSTANDING} outstanding   panel {open:.0}   headless {alone:.0}   ratio {:.2}   \
         events that the panel missed, at most {missed}",
        open / alone
    );
}

/// A port that was free a moment ago, and probably those after it.
fn port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("it is bound").port();
    // Below the ephemeral range, so that no connection takes it meanwhile.
    10_000 + port % 15_000
}

fn headless(file: &str, home: &std::path::Path) -> f64 {
    let port = port();
    let mut child = Command::new(env!("CARGO_BIN_EXE_faultlab"))
        .args(["run", file, "--headless", "--for", "1h", "--port-base", &port.to_string()])
        .env("XDG_DATA_HOME", home)
        .env("XDG_STATE_HOME", home)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("the program starts");
    let rate = answers_a_second(port);
    // It may have ended already; then there is nothing to end.
    let _ = child.kill();
    let _ = child.wait();
    rate
}

fn with_panel(file: &str, home: &std::path::Path) -> (f64, u64) {
    let port = port();
    let mut shown = Shown::start(&["run", file, "--port-base", &port.to_string()], home);
    shown.until("up 3/3");
    // Somebody must take what the program writes, or it waits.
    let asks = std::thread::spawn(move || answers_a_second(port));
    while !asks.is_finished() {
        shown.settle(Duration::from_millis(20));
    }
    let rate = asks.join().expect("the client does not fail");
    shown.settle(Duration::from_secs(1));
    let text = shown.screen.screen().contents();
    let missed = text.split_once("MISSED EVENTS ").and_then(|(_, rest)| {
        let figure: String = rest.chars().take_while(|c| c.is_ascii_digit() || *c == ',').collect();
        figure.replace(',', "").parse().ok()
    });
    (rate, missed.unwrap_or(0))
}

/// Keeps questions outstanding at the LS and counts the answers.
fn answers_a_second(port: u16) -> f64 {
    let begun = Instant::now();
    let address = SocketAddr::from(([127, 0, 0, 1], port));
    let stream = loop {
        match TcpStream::connect(address) {
            Ok(stream) => break stream,
            Err(error) => assert!(begun.elapsed() < DEADLINE, "nobody listens: {error}"),
        }
        std::thread::yield_now();
    };
    stream.set_nodelay(true).expect("an option of the socket");
    stream.set_read_timeout(Some(DEADLINE)).expect("an option of the socket");
    let mut writer = stream.try_clone().expect("a second handle");
    let mut reader = BufReader::new(stream);
    let ask = format!("{NAME}\n");
    writer.write_all(ask.repeat(OUTSTANDING).as_bytes()).expect("the server reads");
    let (begun, mut line) = (Instant::now(), String::new());
    for heard in 0..QUESTIONS {
        line.clear();
        let read = reader.read_line(&mut line);
        assert!(read.is_ok() && line.contains("192.0.2."), "answer {heard}: {read:?} {line:?}");
        if heard + OUTSTANDING < QUESTIONS {
            writer.write_all(ask.as_bytes()).expect("the server reads");
        }
    }
    QUESTIONS as f64 / begun.elapsed().as_secs_f64()
}

/// The program in a terminal of its own.
struct Shown {
    child: Box<dyn Child + Send + Sync>,
    writer: Box<dyn Write + Send>,
    bytes: Receiver<Vec<u8>>,
    screen: vt100::Parser,
    _master: Box<dyn MasterPty + Send>,
}

impl Shown {
    fn start(args: &[&str], home: &std::path::Path) -> Self {
        let (rows, cols) = (ROWS.get(), COLUMNS.get());
        let size = PtySize { rows, cols, pixel_width: 0, pixel_height: 0 };
        let pair = native_pty_system().openpty(size).expect("a terminal");
        let mut command = CommandBuilder::new(env!("CARGO_BIN_EXE_faultlab"));
        command.args(args);
        command.env("TERM", "xterm-256color");
        command.env("XDG_DATA_HOME", home);
        command.env("XDG_STATE_HOME", home);
        let mut reader = pair.master.try_clone_reader().expect("its other end");
        let writer = pair.master.take_writer().expect("its keys");
        let (send, bytes) = channel();
        std::thread::spawn(move || {
            let mut buffer = vec![0; 65_536];
            while let Ok(count @ 1..) = reader.read(&mut buffer) {
                if send.send(buffer[..count].to_vec()).is_err() {
                    return;
                }
            }
        });
        let child = pair.slave.spawn_command(command).expect("the program");
        let screen = vt100::Parser::new(ROWS, COLUMNS, 0);
        Self { child, writer, bytes, screen, _master: pair.master }
    }

    fn keys(&mut self, keys: &str) {
        for key in keys.chars() {
            self.writer.write_all(key.to_string().as_bytes()).expect("the program reads");
            self.writer.flush().expect("the program reads");
            self.settle(Duration::from_millis(60));
        }
    }

    fn until(&mut self, what: &str) {
        let begun = Instant::now();
        while !self.screen.screen().contents().contains(what) {
            assert!(begun.elapsed() < DEADLINE, "never shown: {what}");
            if let Ok(bytes) = self.bytes.recv_timeout(Duration::from_millis(50)) {
                self.screen.process(&bytes);
            }
        }
    }

    fn settle(&mut self, time: Duration) {
        let begun = Instant::now();
        while let Some(left) = time.checked_sub(begun.elapsed()) {
            if let Ok(bytes) = self.bytes.recv_timeout(left) {
                self.screen.process(&bytes);
            }
        }
    }

    /// Bytes that come together are a frame.
    fn frames_a_second(&mut self) -> f64 {
        let begun = Instant::now();
        let (mut frames, mut last) = (0_u32, None::<Instant>);
        while let Some(left) = COUNTED.checked_sub(begun.elapsed()) {
            match self.bytes.recv_timeout(left) {
                Ok(bytes) => {
                    self.screen.process(&bytes);
                    if last.is_none_or(|at| at.elapsed() > PAUSE) {
                        frames += 1;
                    }
                    last = Some(Instant::now());
                }
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => break,
            }
        }
        f64::from(frames) / COUNTED.as_secs_f64()
    }
}

impl Drop for Shown {
    fn drop(&mut self) {
        // It may have ended already; then there is nothing to end.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
