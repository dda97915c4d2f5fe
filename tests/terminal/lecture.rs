//! A lecture from the outside: what is pressed, and what the room then sees.

use super::harness::{Seen, Setup, Terminal};

/// The number in front of or behind a word of the header: `asked 12`, `2.2 s`.
pub fn figure(seen: &Seen, word: &str) -> Option<f64> {
    let text = seen.text();
    let (before, behind) = text.split_once(word)?;
    let number = match word {
        " s  seed" => before.split_whitespace().next_back()?,
        _ => behind.split_whitespace().next()?,
    };
    number.parse().ok()
}

/// The lab time in the header, in seconds.
pub fn lab_time(seen: &Seen) -> Option<f64> {
    figure(seen, " s  seed")
}

/// A topology in the panel, with everything up.
pub fn open(topology: &str) -> Terminal {
    let terminal = Setup::faultlab(&["run", topology]).start();
    up(&terminal);
    terminal
}

/// Waits until every node of the tour is up.
pub fn up(terminal: &Terminal) {
    terminal.until_shows("up 4/4");
}

/// Quits as the footer says.
pub fn quit(terminal: &Terminal) {
    terminal.keys("q");
    terminal.until_shows("y yes");
    terminal.keys("y");
}

#[test]
fn a_first_lecture_from_the_picker_to_the_end() {
    let terminal = Setup::faultlab(&[]).start();
    terminal.until_shows("Enter opens");
    assert!(terminal.seen().shows("▸ tour"), "the tour is first");
    terminal.keys("\r");
    up(&terminal);
    terminal.keys("f");
    terminal.until_shows("WINS");
    terminal.until_shows("answered 1");
    terminal.until_shows("ts1 answered first");
    terminal.keys("x");
    terminal.until_shows("DEAD");
    terminal.until_shows("up 3/4");
    terminal.until_shows("faults 1");
    terminal.keys("r");
    terminal.until_shows("up 4/4");
    terminal.until_shows("no faults");
    terminal.keys("z");
    terminal.until_shows("FROZEN");
    terminal.until_shows("up 3/4");
    terminal.keys("z");
    terminal.until_shows("up 4/4");
    terminal.keys("o");
    terminal.until_shows("NO POWER");
    terminal.keys("u");
    terminal.until_shows("up 4/4");
    terminal.keys("q");
    terminal.until_shows("y yes");
    terminal.keys("n");
    terminal.until_gone("y yes");
    quit(&terminal);
    terminal.ends_restored(0);
    let left: Vec<_> = std::fs::read_dir(terminal.folder()).expect("it is there").collect();
    assert!(left.len() <= 1, "nothing but the state folder is written: {left:?}");
}

/// The first key in the picker counts, also when a panel was open before.
#[test]
fn back_in_the_picker_no_key_is_lost() {
    let terminal = open("tour");
    terminal.keys("O");
    // The lab ends with it, so it asks.
    terminal.until_shows("y yes");
    terminal.keys("y");
    terminal.until_shows("Enter opens");
    terminal.keys("j");
    terminal.until_shows("▸ campus");
    terminal.keys("q");
    terminal.ends_restored(0);
}

#[test]
fn a_node_that_panics_is_a_crashed_node_and_the_screen_stays() {
    let terminal = open("tour");
    let before = terminal.seen().bytes.len();
    terminal.keys(":crash ts1\r");
    terminal.until_shows("CRASHED");
    terminal.until_shows("up 3/4");
    terminal.keys("f");
    terminal.until_shows("answered 1");
    let seen = terminal.seen();
    assert!(seen.screen().alternate_screen() && seen.screen().hide_cursor());
    let written = String::from_utf8_lossy(&seen.bytes[before..]).into_owned();
    assert!(!written.contains("\x1b[?1049"), "the alternate screen was not left");
    assert!(!written.contains("panicked at"), "the message of the panic is no text for the screen");
    drop(seen);
    quit(&terminal);
    terminal.ends_restored(0);
}
