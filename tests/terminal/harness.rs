//! A program in a pseudo-terminal of its own: its screen, its bytes, its end. Everything is awaited with a deadline,
//! and whatever was started is killed by its id when a test lets go of it.
//!
//! It must not know what the program is.

use super::ports::Ports;
use portable_pty::{Child, CommandBuilder, MasterPty, PtySize, native_pty_system};
use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process, waitid};
use std::ffi::OsString;
use std::io::{Read, Write};
use std::num::NonZeroU16;
use std::path::Path;
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// Generous: what must happen happens long before, and a busy machine is no failure.
pub const DEADLINE: Duration = Duration::from_secs(20);

/// Columns and rows of a terminal at first.
const USUAL_SIZE: (u16, u16) = (80, 24);

/// What starts a program while another's descriptors are being made would inherit them, and then a closed terminal
/// would not be closed.
static STARTING: Mutex<()> = Mutex::new(());

/// Starts something else beside the terminals.
pub fn starting() -> MutexGuard<'static, ()> {
    STARTING.lock().unwrap_or_else(PoisonError::into_inner)
}

/// How a program ended.
#[derive(Debug, Clone)]
pub struct Ended {
    /// Its exit code; one that was killed by a signal has [`Ended::signal`] instead.
    pub code: u32,
    /// The signal that killed it, in words.
    pub signal: Option<String>,
    /// When.
    pub at: Instant,
    /// Its processor time, where the system tells (Linux).
    pub processor: Option<Duration>,
}

/// Whether the terminal reads what the program writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reading {
    On,
    Off,
    Closed,
}

/// What came out of the program so far.
pub struct Seen {
    parser: vt100::Parser,
    /// Every byte that the program wrote.
    pub bytes: Vec<u8>,
    reading: Reading,
    /// How it ended, if it has.
    pub ended: Option<Ended>,
}

impl Seen {
    /// The terminal as the bytes have left it.
    pub fn screen(&self) -> &vt100::Screen {
        self.parser.screen()
    }

    /// The text on the screen.
    pub fn text(&self) -> String {
        self.screen().contents()
    }

    /// Whether the screen shows this.
    pub fn shows(&self, what: &str) -> bool {
        self.text().contains(what)
    }

    /// Whether the terminal is as a shell needs it.
    pub fn is_restored(&self) -> bool {
        let screen = self.screen();
        !screen.alternate_screen()
            && !screen.hide_cursor()
            && !screen.bracketed_paste()
            && !screen.application_cursor()
            && screen.mouse_protocol_mode() == vt100::MouseProtocolMode::None
            && screen.fgcolor() == vt100::Color::Default
            && !screen.inverse()
    }

    /// Whatever was switched on was switched off as often: alternate screen, bracketed paste, mouse, focus, cursor; and
    /// no keyboard protocol was pushed without being popped.
    pub fn assert_paired(&self) {
        let count = |what: &str| {
            let what = what.as_bytes();
            self.bytes.windows(what.len()).filter(|part| *part == what).count()
        };
        for mode in [1049, 2004, 1000, 1002, 1003, 1004, 1006] {
            let (on, off) = (format!("\x1b[?{mode}h"), format!("\x1b[?{mode}l"));
            assert_eq!(count(&on), count(&off), "mode {mode} is switched on and off as often");
        }
        assert_eq!(
            count("\x1b[?25l"),
            count("\x1b[?25h"),
            "the cursor is hidden and shown as often"
        );
        assert_eq!(count("\x1b[>1u"), count("\x1b[<1u"), "pushed and popped as often");
    }
}

struct Shared {
    seen: Mutex<Seen>,
    changed: Condvar,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What to start, and in which surroundings.
pub struct Setup {
    command: CommandBuilder,
    folder: TempDir,
    /// Where it may listen.
    ports: Ports,
}

impl Setup {
    /// A program at 80x24 in surroundings that hold nothing of this machine's user.
    pub fn of(program: impl Into<OsString>, args: &[&str]) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let mut command = CommandBuilder::new(program.into());
        command.args(args);
        command.env_clear();
        command.cwd(folder.path());
        for (name, below) in [
            ("HOME", "home"),
            ("XDG_CONFIG_HOME", "config"),
            ("XDG_DATA_HOME", "data"),
            ("XDG_STATE_HOME", "state"),
        ] {
            command.env(name, folder.path().join(below));
        }
        for (name, value) in
            [("PATH", "/usr/bin:/bin"), ("TERM", "xterm-256color"), ("LANG", "C.UTF-8")]
        {
            command.env(name, value);
        }
        Self { command, folder, ports: Ports::take() }
    }

    /// The program itself, at ports of its own.
    pub fn faultlab(args: &[&str]) -> Self {
        let mut setup = Self::of(env!("CARGO_BIN_EXE_faultlab"), args);
        setup.command.args(["--port-base", &setup.ports.base().to_string()]);
        setup
    }

    /// The program, started by a line for the shell at ports of its own; `$0` is its path, and `$1` its first port.
    pub fn shell(line: &str) -> Self {
        let mut setup = Self::of("/bin/sh", &["-c", line, env!("CARGO_BIN_EXE_faultlab")]);
        setup.command.arg(setup.ports.base().to_string());
        setup
    }

    /// A variable of the surroundings; without a value it is not set.
    pub fn env(mut self, name: &str, value: Option<&str>) -> Self {
        match value {
            Some(value) => self.command.env(name, value),
            None => self.command.env_remove(name),
        }
        self
    }

    /// A file in the folder in which it starts.
    pub fn with_file(self, name: &str, text: &str) -> Self {
        std::fs::write(self.folder.path().join(name), text).expect("the file can be written");
        self
    }

    /// Without a controlling terminal: the system sends no SIGHUP when the terminal is closed.
    pub fn uncontrolled(mut self) -> Self {
        self.command.set_controlling_tty(false);
        self
    }

    /// Starts it.
    pub fn start(self) -> Terminal {
        Terminal::start(self)
    }
}

/// A program in its terminal.
pub struct Terminal {
    pid: Pid,
    shared: Arc<Shared>,
    master: Option<Box<dyn MasterPty + Send>>,
    keys: Option<Sender<Vec<u8>>>,
    reader: Option<JoinHandle<()>>,
    writer: Option<JoinHandle<()>>,
    waiter: Option<JoinHandle<()>>,
    modes_before: String,
    folder: TempDir,
    _ports: Ports,
}

impl Terminal {
    fn start(setup: Setup) -> Self {
        let (columns, rows) = USUAL_SIZE;
        let starting = starting();
        let pair = native_pty_system().openpty(pty_size(columns, rows)).expect("a terminal");
        let modes_before = format!("{:?}", pair.master.get_termios());
        let mut reader = pair.master.try_clone_reader().expect("the terminal can be read");
        let mut writer = pair.master.take_writer().expect("the terminal can be written");
        let child = pair.slave.spawn_command(setup.command).expect("the program starts");
        drop(pair.slave);
        drop(starting);
        let raw = child.process_id().and_then(|id| i32::try_from(id).ok());
        let pid = raw.and_then(Pid::from_raw).expect("a child has an id");
        let shared = Arc::new(Shared {
            seen: Mutex::new(Seen {
                parser: vt100::Parser::new(at_least_one(rows), at_least_one(columns), 0),
                bytes: Vec::new(),
                reading: Reading::On,
                ended: None,
            }),
            changed: Condvar::new(),
        });
        let (keys, typed) = channel::<Vec<u8>>();
        let (reads, waits) = (shared.clone(), shared.clone());
        let reader = std::thread::spawn(move || watch_output(&mut *reader, &reads));
        let writer = std::thread::spawn(move || {
            while let Ok(bytes) = typed.recv() {
                if writer.write_all(&bytes).is_err() {
                    return;
                }
            }
        });
        let waiter = std::thread::spawn(move || watch_end(child, pid, &waits));
        Self {
            pid,
            shared,
            master: Some(pair.master),
            keys: Some(keys),
            reader: Some(reader),
            writer: Some(writer),
            waiter: Some(waiter),
            modes_before,
            folder: setup.folder,
            _ports: setup.ports,
        }
    }

    /// Its id.
    pub fn id(&self) -> i32 {
        self.pid.as_raw_nonzero().get()
    }

    /// The folder that is its home and its working directory.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Types.
    pub fn keys(&self, text: &str) {
        self.bytes(text.as_bytes().to_vec());
    }

    /// Sends bytes to the program, as much of them at a time as it reads.
    pub fn bytes(&self, bytes: Vec<u8>) {
        // The program may have ended; whoever cares looks at its end.
        let _ = self.keys.as_ref().expect("the terminal is open").send(bytes);
    }

    /// Sends a signal.
    pub fn signal(&self, signal: Signal) {
        kill_process(self.pid, signal).expect("the process is there");
    }

    /// What was seen so far.
    pub fn seen(&self) -> MutexGuard<'_, Seen> {
        self.shared.lock()
    }

    /// Waits until something is seen; gives what the function makes of it. Fails with the screen at the deadline, or
    /// when the program ends without it.
    pub fn until<T>(&self, what: &str, mut find: impl FnMut(&Seen) -> Option<T>) -> T {
        let begun = Instant::now();
        let mut seen = self.seen();
        loop {
            if let Some(found) = find(&seen) {
                return found;
            }
            let left = DEADLINE.saturating_sub(begun.elapsed());
            assert!(!left.is_zero(), "never seen: {what}\n{}", seen.text());
            if let (Some(ended), Reading::On) = (&seen.ended, seen.reading) {
                // What it wrote last may still be on its way.
                let grace = begun.elapsed() > Duration::from_secs(5);
                assert!(!grace, "ended before: {what}\n{ended:?}\n{}", seen.text());
            }
            let wait = left.min(Duration::from_secs(1));
            let woken = self.shared.changed.wait_timeout(seen, wait);
            seen = woken.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Waits until the screen shows this.
    pub fn until_shows(&self, what: &str) {
        self.until(what, |seen| seen.shows(what).then_some(()));
    }

    /// Waits until the screen shows this no more.
    pub fn until_gone(&self, what: &str) {
        self.until(&format!("the screen without {what}"), |seen| (!seen.shows(what)).then_some(()));
    }

    /// Waits for the program's end.
    pub fn end(&self) -> Ended {
        self.until("the end of the program", |seen| seen.ended.clone())
    }

    /// Ends well: this code, and a terminal as it was before.
    pub fn ends_restored(&self, code: u32) -> Ended {
        let ended = self.end();
        assert_eq!((ended.code, &ended.signal), (code, &None), "{}", self.seen().text());
        self.until_restored();
        self.seen().assert_paired();
        let modes = format!("{:?}", self.master.as_ref().and_then(|it| it.get_termios()));
        assert_eq!(modes, self.modes_before, "the terminal's modes are as before");
        ended
    }

    /// Waits until the terminal is as a shell needs it, modes of the line included.
    pub fn until_restored(&self) {
        self.until("the terminal restored", |seen| seen.is_restored().then_some(()));
    }

    /// Waits until a signal has stopped the program.
    pub fn until_stopped(&self) {
        let options = WaitIdOptions::STOPPED | WaitIdOptions::NOHANG;
        let begun = Instant::now();
        while !waitid(WaitId::Pid(self.pid), options).is_ok_and(|status| status.is_some()) {
            assert!(begun.elapsed() < DEADLINE, "never stopped\n{}", self.seen().text());
            self.lives_on(Duration::from_millis(10));
        }
    }

    /// Whether the modes of the line are those from before the program.
    pub fn has_usual_modes(&self) -> bool {
        let modes = self.master.as_ref().map(|it| format!("{:?}", it.get_termios()));
        modes.as_ref() == Some(&self.modes_before)
    }

    /// Takes in what a program that is stopped had written before.
    pub fn until_no_more_comes(&self) {
        let mut before = usize::MAX;
        self.until("an end of what was written", |seen| {
            let same = seen.bytes.len() == before;
            before = seen.bytes.len();
            same.then_some(())
        });
    }

    /// Watches for so long that nothing comes out of the program.
    pub fn stays_quiet(&self, lasting: Duration) {
        let begun = Instant::now();
        let mut seen = self.seen();
        let before = seen.bytes.len();
        while let Some(left) = lasting.checked_sub(begun.elapsed()).filter(|it| !it.is_zero()) {
            let woken = self.shared.changed.wait_timeout(seen, left);
            seen = woken.unwrap_or_else(PoisonError::into_inner).0;
            assert_eq!(seen.bytes.len(), before, "it was to be quiet\n{}", seen.text());
        }
    }

    /// Watches for so long that the program does not end.
    pub fn lives_on(&self, lasting: Duration) {
        let begun = Instant::now();
        let mut seen = self.seen();
        while let Some(left) = lasting.checked_sub(begun.elapsed()).filter(|it| !it.is_zero()) {
            let woken = self.shared.changed.wait_timeout(seen, left);
            seen = woken.unwrap_or_else(PoisonError::into_inner).0;
            assert!(seen.ended.is_none(), "ended: {:?}\n{}", seen.ended, seen.text());
        }
    }

    /// Gives the terminal another size. What is seen of it stays 80x24; so end with that.
    pub fn resize(&self, columns: u16, rows: u16) {
        let master = self.master.as_ref().expect("the terminal is open");
        master.resize(pty_size(columns, rows)).expect("any size can be set");
    }

    /// Stops reading what the program writes.
    pub fn stop_reading(&self) {
        self.seen().reading = Reading::Off;
    }

    /// Reads again.
    pub fn read_again(&self) {
        self.seen().reading = Reading::On;
        self.shared.changed.notify_all();
    }

    /// Closes the terminal, as a window is closed. Gives when.
    pub fn close(&mut self) -> Instant {
        self.seen().reading = Reading::Closed;
        self.shared.changed.notify_all();
        // Ctrl-L makes the panel write, so that the reader wakes up and lets go of the terminal.
        self.keys("\x0c");
        self.keys = None;
        for thread in [self.reader.take(), self.writer.take()].into_iter().flatten() {
            thread.join().expect("reader and writer end");
        }
        let at = Instant::now();
        self.master = None;
        at
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        {
            let seen = self.shared.lock();
            if seen.ended.is_none() {
                // It is not reaped before `ended` is set, so the id is still its own.
                let _ = kill_process(self.pid, Signal::KILL);
            }
        }
        self.keys = None;
        self.seen().reading = Reading::Closed;
        self.shared.changed.notify_all();
        for thread in [self.waiter.take(), self.reader.take()].into_iter().flatten() {
            let _ = thread.join();
        }
        // The writer ends by itself. It may hang in a write of which nobody will ever read the rest: so nobody waits.
    }
}

fn watch_output(reader: &mut dyn Read, shared: &Shared) {
    let mut buffer = [0; 16 * 1024];
    loop {
        let mut seen = shared.lock();
        while seen.reading == Reading::Off {
            seen = shared.changed.wait(seen).unwrap_or_else(PoisonError::into_inner);
        }
        if seen.reading == Reading::Closed {
            return;
        }
        drop(seen);
        let Ok(count @ 1..) = reader.read(&mut buffer) else { return };
        let mut seen = shared.lock();
        seen.bytes.extend_from_slice(&buffer[..count]);
        seen.parser.process(&buffer[..count]);
        drop(seen);
        shared.changed.notify_all();
    }
}

fn watch_end(mut child: Box<dyn Child + Send + Sync>, pid: Pid, shared: &Shared) {
    // Without reaping it: until then its id is its own, and its figures can be read.
    while waitid(WaitId::Pid(pid), WaitIdOptions::EXITED | WaitIdOptions::NOWAIT).is_err() {}
    let at = Instant::now();
    let processor = processor_time(pid.as_raw_nonzero().get());
    let mut seen = shared.lock();
    let status = child.wait().expect("the child is ours");
    let signal = status.signal().map(str::to_owned);
    seen.ended = Some(Ended { code: status.exit_code(), signal, at, processor });
    drop(seen);
    shared.changed.notify_all();
}

/// The processor time that a process (or, with `ID/task/ID`, a thread) has used (proc(5): fields 14 and 15, in
/// hundredths of a second).
pub fn processor_time(id: impl std::fmt::Display) -> Option<Duration> {
    let text = std::fs::read_to_string(format!("/proc/{id}/stat")).ok()?;
    let fields: Vec<&str> = text.rsplit_once(')')?.1.split_whitespace().collect();
    let ticks = |at: usize| fields.get(at)?.parse::<u64>().ok();
    Some(Duration::from_millis((ticks(11)? + ticks(12)?) * 10))
}

fn pty_size(columns: u16, rows: u16) -> PtySize {
    PtySize { rows, cols: columns, pixel_width: 0, pixel_height: 0 }
}

fn at_least_one(count: u16) -> NonZeroU16 {
    NonZeroU16::new(count).unwrap_or(NonZeroU16::MIN)
}
