//! The real program in a pseudo-terminal, as the benches of the panel see it: keys in, a screen out.

use portable_pty::{Child, CommandBuilder, MasterPty, PtySize, native_pty_system};
use std::io::{Read, Write};
use std::num::NonZero;
use std::path::Path;
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

/// What never takes so long unless something is broken.
const DEADLINE: Duration = Duration::from_secs(30);

/// The real program in a terminal of its own.
pub struct Shown {
    child: Box<dyn Child + Send + Sync>,
    writer: Box<dyn Write + Send>,
    bytes: Receiver<Vec<u8>>,
    screen: vt100::Parser,
    _master: Box<dyn MasterPty + Send>,
}

impl Shown {
    /// Starts the program with these words in a terminal of so many columns and rows.
    pub fn start(args: &[&str], (columns, rows): (u16, u16), home: &Path) -> Self {
        let size = PtySize { rows, cols: columns, pixel_width: 0, pixel_height: 0 };
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
        let [rows, columns] = [rows, columns].map(|it| NonZero::new(it).expect("it is not zero"));
        let screen = vt100::Parser::new(rows, columns, 0);
        Self { child, writer, bytes, screen, _master: pair.master }
    }

    /// What is on the screen.
    pub fn text(&self) -> String {
        self.screen.screen().contents()
    }

    /// Takes the next bytes, if some come within a time.
    pub fn take(&mut self, within: Duration) -> bool {
        let came = self.bytes.recv_timeout(within);
        if let Ok(bytes) = &came {
            self.screen.process(bytes);
        }
        came.is_ok()
    }

    /// Takes what comes until the screen is as it should be.
    pub fn until(&mut self, what: &str, holds: impl Fn(&str) -> bool) {
        let begun = Instant::now();
        while !holds(&self.text()) {
            assert!(begun.elapsed() < DEADLINE, "never shown: {what}\n{}", self.text());
            self.take(Duration::from_millis(50));
        }
    }

    /// Takes what comes for so long.
    pub fn take_for(&mut self, time: Duration) {
        let begun = Instant::now();
        while let Some(left) = time.checked_sub(begun.elapsed()) {
            self.take(left);
        }
    }

    /// Presses these keys, as fast as they can be written.
    pub fn keys(&mut self, keys: &str) {
        self.writer.write_all(keys.as_bytes()).expect("the program reads");
        self.writer.flush().expect("the program reads");
    }

    /// Processor time that the program has used.
    pub fn processor_seconds(&self) -> f64 {
        processor_seconds(self.child.process_id().expect("it runs"))
    }
}

/// Processor time that a process has used.
pub fn processor_seconds(pid: u32) -> f64 {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).expect("Linux");
    let (_, fields) = stat.rsplit_once(')').expect("a name in brackets");
    let fields: Vec<&str> = fields.split_whitespace().collect();
    let ticks = |at: usize| fields[at].parse::<f64>().expect("a number");
    // Fields 14 and 15 of proc(5), counted from the one after the name. USER_HZ is 100 on every Linux that this runs
    // on.
    (ticks(11) + ticks(12)) / 100.0
}

impl Drop for Shown {
    fn drop(&mut self) {
        // It may have ended already; then there is nothing to end.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
