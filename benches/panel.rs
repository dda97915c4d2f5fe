//! The panel from outside, in a real pseudo-terminal: how soon its first frame stands, what it costs while nothing
//! happens, and how long a key takes to the screen while a thousand questions a second flow.
//!
//! `cargo bench --bench panel` prints the three figures. The terminal is 120x40.

use portable_pty::{Child, CommandBuilder, MasterPty, PtySize, native_pty_system};
use std::io::{Read, Write};
use std::num::NonZero;
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

const ROWS: NonZero<u16> = NonZero::new(40).expect("it is not zero");
const COLUMNS: NonZero<u16> = NonZero::new(120).expect("it is not zero");
/// Keys that are timed.
const KEYS: usize = 200;
/// How long the panel idles while its processor time is counted.
const IDLE: Duration = Duration::from_secs(5);
/// What never takes so long unless something is broken.
const DEADLINE: Duration = Duration::from_secs(20);

fn main() {
    let mut starts: Vec<f64> = (0..9).map(|_| Panel::start().0).collect();
    starts.sort_by(f64::total_cmp);
    println!("first complete frame, median of 9   {:6.1} ms", starts[4]);

    let (_, mut panel) = Panel::start();
    panel.settle(Duration::from_secs(1));
    println!("idle, share of one core             {:6.2} %", panel.idle_share() * 100.0);

    panel.type_line(":load client 1000/s");
    panel.settle(Duration::from_secs(2));
    let mut keys = panel.key_times();
    keys.sort_by(f64::total_cmp);
    println!(
        "key to screen at 1,000 questions/s  p50 {:.1} ms  p95 {:.1} ms",
        keys[keys.len() / 2],
        keys[keys.len() * 95 / 100]
    );
}

/// The real program in a terminal of its own.
struct Panel {
    child: Box<dyn Child + Send + Sync>,
    writer: Box<dyn Write + Send>,
    bytes: Receiver<Vec<u8>>,
    screen: vt100::Parser,
    _master: Box<dyn MasterPty + Send>,
    _home: tempfile::TempDir,
}

impl Panel {
    /// Starts it; gives the milliseconds until its first frame stands.
    fn start() -> (f64, Self) {
        let home = tempfile::tempdir().expect("a folder");
        let (rows, cols) = (ROWS.get(), COLUMNS.get());
        let size = PtySize { rows, cols, pixel_width: 0, pixel_height: 0 };
        let pair = native_pty_system().openpty(size).expect("a terminal");
        let mut command = CommandBuilder::new(env!("CARGO_BIN_EXE_faultlab"));
        command.args(["run", "first-answer"]);
        command.env("TERM", "xterm-256color");
        command.env("XDG_STATE_HOME", home.path());
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
        let begun = Instant::now();
        let child = pair.slave.spawn_command(command).expect("the program");
        let screen = vt100::Parser::new(ROWS, COLUMNS, 0);
        let mut panel = Self { child, writer, bytes, screen, _master: pair.master, _home: home };
        panel.until("help", |screen| {
            let text = screen.contents();
            text.contains("1 Map") && text.contains("ts2") && text.contains("? help")
        });
        (begun.elapsed().as_secs_f64() * 1e3, panel)
    }

    fn until(&mut self, what: &str, holds: impl Fn(&vt100::Screen) -> bool) {
        let begun = Instant::now();
        while !holds(self.screen.screen()) {
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

    fn keys(&mut self, keys: &str) {
        self.writer.write_all(keys.as_bytes()).expect("the program reads");
        self.writer.flush().expect("the program reads");
    }

    fn type_line(&mut self, line: &str) {
        for key in line.chars() {
            self.keys(&key.to_string());
        }
        self.keys("\r");
    }

    /// Processor time over wall time while nothing happens.
    fn idle_share(&mut self) -> f64 {
        let before = self.processor_seconds();
        self.settle(IDLE);
        (self.processor_seconds() - before) / IDLE.as_secs_f64()
    }

    fn processor_seconds(&self) -> f64 {
        let pid = self.child.process_id().expect("it runs");
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).expect("Linux");
        let fields: Vec<&str> = stat[stat.rfind(')').expect("a name") + 2..].split(' ').collect();
        let ticks = |at: usize| fields[at].parse::<f64>().expect("a number");
        // USER_HZ is 100 on every Linux that this runs on.
        (ticks(11) + ticks(12)) / 100.0
    }

    /// Milliseconds from the help key to the help, and back.
    fn key_times(&mut self) -> Vec<f64> {
        let mut times = Vec::new();
        let shown = |screen: &vt100::Screen| screen.contents().contains("Keys that are valid");
        for _ in 0..KEYS / 2 {
            for (key, wanted) in [("?", true), ("\u{1b}", false)] {
                self.settle(Duration::from_millis(7));
                let begun = Instant::now();
                self.keys(key);
                self.until("help", |screen| shown(screen) == wanted);
                times.push(begun.elapsed().as_secs_f64() * 1e3);
            }
        }
        times
    }
}

impl Drop for Panel {
    fn drop(&mut self) {
        // It may have ended already; then there is nothing to end.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
