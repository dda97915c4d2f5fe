//! The speaker's second terminal, and a lecture that goes on after the program has ended.

use super::harness::{Setup, Terminal, starting};
use super::lecture::{open, quit};
use rustix::process::Signal;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Stdio};

/// A program in the same surroundings as one in a terminal.
fn beside(terminal: &Terminal, args: &[&str]) -> Command {
    let folder = terminal.folder();
    let mut command = Command::new(env!("CARGO_BIN_EXE_faultlab"));
    command.args(args).env("HOME", folder.join("home")).stdin(Stdio::null());
    for (name, below) in [("CONFIG", "config"), ("DATA", "data"), ("STATE", "state")] {
        command.env(format!("XDG_{name}_HOME"), folder.join(below));
    }
    command
}

/// A second terminal in the same surroundings.
fn second(terminal: &Terminal, args: &[&str]) -> Terminal {
    let state = terminal.folder().join("state");
    Setup::faultlab(args).env("XDG_STATE_HOME", state.to_str()).start()
}

fn mode(path: &Path) -> u32 {
    std::fs::metadata(path).expect("it is there").permissions().mode() & 0o777
}

#[test]
fn a_second_terminal_shows_the_notes_and_the_room_does_not() {
    let room = open("tour");
    room.keys(":next\r");
    room.until_shows("note  ");
    let labs = room.folder().join("state/faultlab/labs");
    let file = std::fs::read_dir(&labs).expect("a folder").next().expect("a desk").expect("a file");
    assert_eq!((mode(&labs), mode(&file.path())), (0o700, 0o600));
    let speaker = second(&room, &["notes"]);
    speaker.until_shows("QUESTION");
    for what in ["step 1 of 12", "note", "question", "answer", "next"] {
        speaker.until_shows(what);
    }
    room.until_gone("note  ");
    room.until_shows("question");
    room.keys(":next\r");
    speaker.until_shows("RUNS");
    speaker.keys("q");
    speaker.ends_restored(0);
    room.until_shows("note  ");
    let speaker = second(&room, &["notes", "--plain"]);
    speaker.until_shows("step 1 of 12");
    quit(&room);
    room.ends_restored(0);
    speaker.until_shows("the lab has ended");
    assert_eq!(
        std::fs::read_dir(&labs).expect("a folder").count(),
        0,
        "the file goes with the lab"
    );
}

#[test]
fn a_lecture_without_a_panel_is_followed_as_well() {
    let room = Setup::faultlab(&["run", "tour", "--plain"]).start();
    room.until_shows("quit ends.");
    let speaker = second(&room, &["notes", "--plain"]);
    speaker.until_shows("step 0 of 12");
    room.keys("next\r");
    speaker.until_shows("step 1 of 12");
    room.keys("quit\r");
    room.ends_restored(2);
    speaker.until_shows("the lab has ended");
    speaker.ends_restored(0);
}

#[test]
fn without_a_lab_it_says_what_to_do_and_without_the_token_nothing_is_told() {
    let room = open("tour");
    let _one = starting();
    let other = beside(&room, &["notes", "--plain", "--port", "1"]).output().expect("it runs");
    let said = String::from_utf8_lossy(&other.stderr).into_owned();
    assert_eq!(other.status.code(), Some(3), "{said}");
    assert!(said.contains("no lab has its desk at port 1: try "), "{said}");
    let labs = room.folder().join("state/faultlab/labs");
    let file = std::fs::read_dir(&labs).expect("a folder").next().expect("a desk").expect("a file");
    let text = std::fs::read_to_string(file.path()).expect("it is there");
    let token = text.split("\"token\":\"").nth(1).expect("a token").split('"').next().expect("it");
    let wrong = text.replace(token, "00000000000000000000000000000000");
    std::fs::write(file.path(), wrong).expect("it is written");
    let refused = beside(&room, &["notes", "--plain"]).output().expect("it runs");
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert_eq!(refused.status.code(), Some(3), "{said}");
    assert!(said.contains("the lab refuses: this is not the token"), "{said}");
    quit(&room);
    room.ends_restored(0);
    let none = beside(&room, &["notes"]).output().expect("it runs");
    let said = String::from_utf8_lossy(&none.stderr).into_owned();
    assert!(said.contains("no lab is running: start one with `faultlab run tour`"), "{said}");
}

#[test]
fn after_a_kill_the_pickers_first_line_goes_on_at_that_step() {
    let first = open("tour");
    for shows in ["QUESTION", "RUNS", "ANSWER", "2/12"] {
        // In words, for presses of `n` that come too soon are one.
        first.keys(":next\r");
        first.until_shows(shows);
    }
    first.signal(Signal::KILL);
    first.end();
    let again = second(&first, &[]);
    again.until_shows("▸ go on");
    again.until_shows("tour, step 2 of 12");
    again.keys("\r");
    again.until_shows("2/12");
    again.until_shows("QUESTION");
    quit(&again);
    again.ends_restored(0);
}
