//! `--plain` at a real terminal: lines and nothing but lines, a greeting, the steps read out, and ways to end.

use super::harness::{Setup, Terminal};
use rustix::process::Signal;

fn begin() -> Terminal {
    let terminal = Setup::faultlab(&["run", "tour", "--plain"]).start();
    terminal.until_shows("quit ends.");
    terminal.until_shows("client  starts");
    terminal
}

fn has_no_tricks(terminal: &Terminal) {
    let seen = terminal.seen();
    let text = String::from_utf8_lossy(&seen.bytes).into_owned();
    // The line discipline itself shows Ctrl-C and Ctrl-D.
    let tricks = text.find(|c: char| c.is_control() && !matches!(c, '\r' | '\n' | '\x08'));
    assert_eq!(tricks.map(|at| &text[at..]), None, "lines alone");
}

#[test]
fn a_lecture_without_a_screen() {
    let terminal = begin();
    terminal.keys("next\r");
    terminal.until_shows("note  ");
    terminal.until_shows("question  ");
    terminal.keys("next\r");
    terminal.until_shows("step 1  holds");
    terminal.keys("next\r");
    terminal.until_shows("answer  ");
    terminal.keys("kill ts9\r");
    terminal.until_shows("no  there is no node `ts9`; did you mean `ts1`?");
    assert!(!terminal.seen().shows("^^^"), "nothing that only the eye understands");
    terminal.keys("status\r");
    terminal.until_shows("4 of 4 nodes are up.");
    terminal.keys("quit\r");
    terminal.ends_restored(2);
    has_no_tricks(&terminal);
}

#[test]
fn the_end_of_the_input_and_a_signal_end_it_in_good_order() {
    let terminal = begin();
    terminal.keys("\x04");
    terminal.ends_restored(2);
    has_no_tricks(&terminal);
    for (signal, code) in [(Signal::INT, 130), (Signal::TERM, 143), (Signal::QUIT, 131)] {
        let terminal = begin();
        terminal.signal(signal);
        terminal.until_shows("ts2  stopped");
        terminal.ends_restored(code);
    }
}
