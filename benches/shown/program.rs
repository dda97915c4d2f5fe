//! The real program in a pseudo-terminal: how many frames it draws, and what an open panel leaves of the lab's speed.

use crate::terminal::{Shown, processor_seconds};
use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

const SIZE: (u16, u16) = (200, 60);
/// What never takes so long unless something is broken.
const DEADLINE: Duration = Duration::from_secs(20);
/// How long frames are counted.
const COUNTED: Duration = Duration::from_secs(5);
/// Bytes with a pause before them belong to another frame: frames are 33 ms apart at least.
const PAUSE: Duration = Duration::from_millis(8);
/// Questions that the outside client keeps outstanding.
const OUTSTANDING: usize = 64;
/// Questions of one round.
const QUESTIONS: usize = 200_000;
/// Rounds of each kind, in turn: which task waits for which differs from one to the next.
const ROUNDS: u16 = 11;
const NAME: &str = "www.a.com";

const LAB: &str = "title = 'frames'\n\
    [nodes.ls]\nrole = 'ls'\nupstreams = ['ts']\npolicy = 'round-robin'\n\
    [nodes.ts]\nrole = 'ts'\nrecords = ['www.a.com 192.0.2.1 A']\n\
    [nodes.client]\nrole = 'client'\nasks = 'ls'\nnames = ['www.a.com']\n";

/// Frames a second while nothing happens, and while something moves.
pub fn frames() {
    let home = tempfile::tempdir().expect("a folder");
    let mut shown = Shown::start(&["run", "first-answer"], SIZE, home.path());
    shown.until("the panel", |text| text.contains("2 Race"));
    // What a start says goes after some seconds.
    shown.take_for(Duration::from_secs(4));
    let idle = frames_a_second(&mut shown);
    shown.keys(":load client 50/s\r");
    shown.until("the load", |text| text.contains("load 50/s"));
    let moving = frames_a_second(&mut shown);
    println!(
        "frames a second   idle {idle:.1} (at most 2)   while something moves {moving:.1} (at most 30)"
    );
}

/// Bytes that come together are a frame.
fn frames_a_second(shown: &mut Shown) -> f64 {
    let begun = Instant::now();
    let (mut frames, mut last) = (0_u32, None::<Instant>);
    while let Some(left) = COUNTED.checked_sub(begun.elapsed()) {
        if shown.take(left) {
            frames += u32::from(last.is_none_or(|at| at.elapsed() > PAUSE));
            last = Some(Instant::now());
        }
    }
    f64::from(frames) / COUNTED.as_secs_f64()
}

/// What the lab did under the load.
struct Run {
    /// Answers a second.
    rate: f64,
    /// Processor time of the program for each answer, in microseconds.
    micros: f64,
    /// Events that the panel missed.
    missed: u64,
}

/// Answers a second with the panel open and without one, under the same load.
pub fn load() {
    let home = tempfile::tempdir().expect("a folder");
    let file = home.path().join("lab.toml");
    std::fs::write(&file, LAB).expect("the folder takes it");
    let file = file.to_str().expect("a temporary folder has a plain name");
    let (mut open, mut alone) = (Vec::new(), Vec::new());
    // A lab takes other ports than it is told where an earlier one still holds them.
    let ports = port();
    for round in 0..ROUNDS {
        alone.push(headless(file, home.path(), ports + 40 * round));
        open.push(with_panel(file, home.path(), ports + 40 * round + 20));
    }
    let median = |of: &dyn Fn(&Run) -> f64, runs: &[Run]| {
        let mut values: Vec<f64> = runs.iter().map(of).collect();
        values.sort_by(f64::total_cmp);
        values[values.len() / 2]
    };
    let rates = [&open, &alone].map(|runs| median(&|run| run.rate, runs));
    let costs = [&open, &alone].map(|runs| median(&|run| run.micros, runs));
    println!(
        "answers a second, {OUTSTANDING} outstanding   panel {:.0}   headless {:.0}   ratio {:.2} (at least 0.9)",
        rates[0],
        rates[1],
        rates[0] / rates[1]
    );
    println!(
        "processor time an answer          panel {:.1} µs   headless {:.1} µs   missed events, at most {}",
        costs[0],
        costs[1],
        open.iter().map(|run| run.missed).max().unwrap_or(0)
    );
}

/// A port that was free a moment ago, and probably those after it.
fn port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("it is bound").port();
    // Below the ephemeral range, so that no connection takes it meanwhile.
    10_000 + port % 15_000
}

fn headless(file: &str, home: &std::path::Path, port: u16) -> Run {
    let mut child = Command::new(env!("CARGO_BIN_EXE_faultlab"))
        .args(["run", file, "--headless", "--for", "1h", "--port-base", &port.to_string()])
        .env("XDG_DATA_HOME", home)
        .env("XDG_STATE_HOME", home)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("the program starts");
    let rate = answers_a_second(port);
    let micros = processor_seconds(child.id()) * 1e6 / QUESTIONS as f64;
    // It may have ended already; then there is nothing to end.
    let _ = child.kill();
    let _ = child.wait();
    Run { rate, micros, missed: 0 }
}

fn with_panel(file: &str, home: &std::path::Path, port: u16) -> Run {
    let args = ["run", file, "--port-base", &port.to_string()];
    let mut shown = Shown::start(&args, SIZE, home);
    shown.until("that all are up", |text| text.contains("up 3/3"));
    // Somebody must take what the program writes, or it waits.
    let asks = std::thread::spawn(move || answers_a_second(port));
    while !asks.is_finished() {
        shown.take(Duration::from_millis(20));
    }
    let rate = asks.join().expect("the client does not fail");
    let micros = shown.processor_seconds() * 1e6 / QUESTIONS as f64;
    // The last of it is folded.
    shown.until("every question", |text| {
        missed(text) > 0 || text.contains(&format!("asked {QUESTIONS} "))
    });
    Run { rate, micros, missed: missed(&shown.text()) }
}

/// What the header says of events that the panel missed.
fn missed(text: &str) -> u64 {
    let figure = text.split_once("MISSED EVENTS ").map_or("", |(_, rest)| rest);
    let digits = figure.chars().take_while(|c| c.is_ascii_digit() || *c == ',');
    digits.filter(char::is_ascii_digit).collect::<String>().parse().unwrap_or(0)
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
