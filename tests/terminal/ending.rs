//! Every way out gives the terminal back, in time and with the right code: signals, a closed terminal, and none at all.

use super::harness::{DEADLINE, Setup, Terminal, processor_time, starting};
use super::lecture::{open, quit, up};
use rustix::process::Signal;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// The promise is 500 ms; a busy machine is no failure.
const SOON: Duration = Duration::from_secs(5);

const SIGNALS: [(Signal, u32); 4] =
    [(Signal::TERM, 143), (Signal::INT, 130), (Signal::HUP, 129), (Signal::QUIT, 131)];

#[test]
fn a_signal_ends_the_program_with_its_code_and_a_restored_terminal() {
    std::thread::scope(|scope| {
        for (signal, code) in SIGNALS {
            scope.spawn(move || {
                let terminal = open("tour");
                terminal.keys("f");
                terminal.until_shows("asked 1");
                let sent = Instant::now();
                terminal.signal(signal);
                let took = terminal.ends_restored(code).at - sent;
                println!("{signal:?}: ended after {took:?}");
                assert!(took < SOON, "{signal:?} took {took:?}");
            });
        }
    });
}

#[test]
fn a_signal_ends_the_picker_too() {
    for (signal, code) in SIGNALS {
        let terminal = Setup::faultlab(&[]).start();
        terminal.until_shows("Enter opens");
        terminal.signal(signal);
        terminal.ends_restored(code);
    }
}

/// A panel that hangs in a write cannot leave, and one signal lets it have its full 400 ms; two do not. A busy machine
/// may be slow, but not each time.
#[test]
fn a_second_signal_ends_at_once() {
    let at_once = (0..5).any(|_| {
        let terminal = open("tour");
        stuck(&terminal);
        let sent = Instant::now();
        terminal.signal(Signal::TERM);
        terminal.signal(Signal::QUIT);
        let ended = terminal.end();
        let took = ended.at - sent;
        println!("two signals: ended after {took:?}");
        assert_eq!((ended.code, ended.signal), (131, None), "the second signal ended it");
        took < Duration::from_millis(400)
    });
    assert!(at_once, "the second signal was not what ended it");
}

/// Makes the terminal stop reading, and waits until the panel hangs in a write.
pub fn stuck(terminal: &Terminal) {
    terminal.stop_reading();
    let begun = Instant::now();
    // Each new size is a whole new picture: the terminal's buffer is soon full.
    for turn in 0..40 {
        let (columns, rows) = if turn % 2 == 0 { (300, 100) } else { (80, 24) };
        terminal.resize(columns, rows);
        terminal.lives_on(Duration::from_millis(25));
    }
    // A panel that hangs uses no time. Where the system does not tell, so many pictures must do.
    let main = format!("{0}/task/{0}", terminal.id());
    let mut still = Instant::now();
    let mut then = processor_time(&main);
    while then.is_some() && still.elapsed() < Duration::from_millis(700) {
        assert!(begun.elapsed() < DEADLINE, "the panel never hung");
        terminal.lives_on(Duration::from_millis(50));
        let now = processor_time(&main);
        if now != then {
            (still, then) = (Instant::now(), now);
        }
    }
}

fn closed(terminal: Terminal, what: &str) {
    up(&terminal);
    terminal.keys("f");
    terminal.until_shows("asked 1");
    ends_when_closed(terminal, what);
}

fn ends_when_closed(mut terminal: Terminal, what: &str) {
    let before = processor_time(terminal.id());
    let at = terminal.close();
    let ended = terminal.end();
    let took = ended.at.saturating_duration_since(at);
    let used = ended.processor.zip(before).map(|(all, before)| all.saturating_sub(before));
    println!("closed, {what}: ended after {took:?} with {used:?} of processor time");
    assert_eq!((ended.code, ended.signal), (129, None), "{what}");
    assert!(took < SOON, "{what}: {took:?}");
    if cfg!(target_os = "linux") {
        let used = used.expect("proc(5) tells");
        assert!(used < Duration::from_millis(500), "{what}: it was busy for {used:?}");
    }
}

#[test]
fn a_closed_terminal_ends_the_program() {
    closed(Setup::faultlab(&["run", "tour"]).start(), "SIGHUP as usual");
}

#[test]
fn a_closed_terminal_ends_the_program_that_was_started_to_ignore_it() {
    let setup = Setup::shell("trap '' HUP; exec \"$0\" run tour --port-base \"$1\"");
    closed(setup.start(), "SIGHUP ignored");
}

#[test]
fn a_closed_terminal_ends_the_program_that_hears_no_signal() {
    closed(Setup::faultlab(&["run", "tour"]).uncontrolled().start(), "no SIGHUP at all");
}

#[test]
fn a_closed_terminal_ends_the_picker() {
    let terminal = Setup::shell("trap '' HUP; exec \"$0\" --port-base \"$1\"").start();
    terminal.until_shows("Enter opens");
    ends_when_closed(terminal, "the picker, SIGHUP ignored");
}

#[test]
fn control_c_asks_and_a_second_one_quits() {
    let terminal = open("tour");
    terminal.keys("\x03");
    terminal.until_shows("y yes");
    terminal.keys("\x03");
    terminal.ends_restored(0);
}

/// Everything that was switched on is switched off as often.
#[test]
fn what_is_switched_on_is_switched_off() {
    let terminal = open("tour");
    quit(&terminal);
    terminal.ends_restored(0);
    let text = String::from_utf8_lossy(&terminal.seen().bytes).into_owned();
    for mode in ["?1049", "?2004"] {
        let (on, off) = (format!("\x1b[{mode}h"), format!("\x1b[{mode}l"));
        let count = |what: &str| text.matches(what).count();
        assert_eq!((count(&on), count(&off)), (1, 1), "{mode}");
    }
    for mode in ["?1000", "?1002", "?1003", "?1006", "?1004"] {
        assert!(!text.contains(mode), "{mode} is not used");
    }
    assert!(!text.contains("\x1b[>"), "no keyboard protocol is pushed");
}

/// Without a terminal: a hint, code 3, and not one escape byte.
#[test]
fn without_a_terminal_there_is_a_hint_and_no_escape() {
    for args in [&[][..], &["run", "tour"]] {
        let starting = starting();
        let child = Command::new(env!("CARGO_BIN_EXE_faultlab"))
            .args(args)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the program starts");
        drop(starting);
        let output = child.wait_with_output().expect("it ends by itself");
        assert_eq!(output.status.code(), Some(3), "{args:?}");
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(said.contains("--headless") && said.contains("standard output"), "{said}");
        assert!(output.stdout.is_empty(), "nothing on standard output");
        assert!(!output.stderr.contains(&0x1b), "no escape: {said:?}");
    }
}

#[test]
fn half_a_terminal_is_none() {
    for (redirect, name) in [("</dev/null", "standard input"), (">out.txt", "standard output")] {
        let terminal =
            Setup::shell(&format!("exec \"$0\" run tour --port-base \"$1\" {redirect}")).start();
        terminal.until_shows("--headless");
        terminal.until_shows(name);
        terminal.ends_restored(3);
        assert!(!terminal.seen().bytes.contains(&0x1b), "no escape");
        let out = std::fs::read(terminal.folder().join("out.txt")).unwrap_or_default();
        assert!(out.is_empty(), "nothing in the file");
    }
}
