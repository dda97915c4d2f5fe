//! A panic of the panel's own thread, in a process whose `main` it ends: the terminal comes back before the message,
//! and the code is 101. Started without arguments it is the test; with `panel` it is the program that panics.
//!
//! The program has no way to make its panel panic, and shall have none; so this one brings its own `main`.

#[expect(dead_code, reason = "this test needs a part of it")]
#[path = "harness.rs"]
mod harness;
#[path = "../common/ports.rs"]
mod ports;

use faultlab::base::LabTime;
use faultlab::command::Command;
use faultlab::lab::{Lab, LabHandle, Options};
use faultlab::log::Tail;
use faultlab::panel::{self, Bench, Session};
use faultlab::topology;
use harness::Setup;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

const OF_A_NODE: &str = "a thread of the lab goes";
const OF_THE_PANEL: &str = "the panel goes";
/// What a panic's message may quote: text from a wire. Its harmless form is shown.
const QUOTED: &str = "\x1b]0;taken\x07\u{202e}over";
const QUOTED_SHOWN: &str = "\\e]0;taken\\x07\\u{202e}over";

/// A lab that takes the panel with it, after some frames; before that, one of its own threads.
struct Fatal {
    lab: LabHandle,
    looks: AtomicU32,
}

impl Bench for Fatal {
    fn keep(&self, _text: &str) -> std::io::Result<std::path::PathBuf> {
        unreachable!("nothing is copied")
    }

    fn now(&self) -> LabTime {
        self.lab.now()
    }

    fn read(&self, from: u64) -> Tail {
        match self.looks.fetch_add(1, Ordering::Relaxed) {
            20 => {
                let other = std::thread::spawn(|| panic!("{OF_A_NODE}"));
                assert!(other.join().is_err(), "it panics");
            }
            40 => panic!("{OF_THE_PANEL} with {QUOTED}"),
            _ => {}
        }
        self.lab.read(from, 1000)
    }

    fn give(&self, command: Command) -> bool {
        self.lab.give(command)
    }

    fn census(&self) {
        self.lab.census();
    }
}

fn program() {
    faultlab::mode::panics::are_shown();
    let mut session =
        Session::enter(panel::Options::of_surroundings()).expect("there is a terminal");
    let loaded = topology::load("tour".as_ref(), topology::Options::default());
    let topology = Arc::new(loaded.expect("it ships").topology);
    let lab = Lab::start(topology.clone(), &Options::default()).expect("the lab starts");
    let bench = Fatal { lab: lab.handle(), looks: AtomicU32::new(0) };
    let _ = panel::run(&mut session, &bench, topology, None);
}

fn a_panic_of_the_panel_restores_the_terminal_before_its_message() {
    let own = std::env::current_exe().expect("this program has a path");
    let terminal = Setup::of(own, &["panel"]).start();
    terminal.until_shows("up 4/4");
    let ended = terminal.ends_restored(101);
    let seen = terminal.seen();
    let text = String::from_utf8_lossy(&seen.bytes).into_owned();
    let (before, _) = text.split_once(OF_THE_PANEL).expect("the message is there");
    for restored in ["\x1b[?1049l", "\x1b[?25h", "\x1b[?2004l"] {
        assert!(before.contains(restored), "{restored:?} comes before the message: {text:?}");
    }
    for restored in ["\x1b[?1049l", "\x1b[?2004l"] {
        assert_eq!(text.matches(restored).count(), 1, "{restored:?} once");
    }
    assert!(seen.shows(OF_THE_PANEL), "the message can be read:\n{}", seen.text());
    assert!(text.contains(QUOTED_SHOWN), "what it quotes is shown harmless: {text:?}");
    assert!(!text.contains("\x1b]") && !text.contains('\u{202e}'), "and not raw: {text:?}");
    assert!(!text.contains(OF_A_NODE), "another thread's panic is no text for the screen");
    seen.assert_paired();
    assert_eq!(ended.signal, None);
}

fn main() {
    if std::env::args().any(|argument| argument == "panel") {
        return program();
    }
    // What runs all tests may ask for a list of them.
    if std::env::args().any(|argument| argument == "--list") {
        println!("a_panic_of_the_panel_restores_the_terminal_before_its_message: test");
        return;
    }
    a_panic_of_the_panel_restores_the_terminal_before_its_message();
    println!("a panic of the panel restores the terminal before its message ... ok");
}
