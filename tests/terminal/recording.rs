//! What was recorded: gone back in with the keys of real terminals, looked at as a diagram, and saved with `S`.

use super::harness::{Seen, Setup, Terminal};
use super::lecture::{open, quit, up};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

/// The moment in the header of a replay, in milliseconds.
fn moment(seen: &Seen) -> Option<u64> {
    let text = seen.text();
    let (_, rest) = text.split_once("REPLAY ")?;
    let (at, _) = rest.split_once(" / ")?;
    let (minutes, rest) = at.split_once(':')?;
    let (seconds, millis) = rest.split_once('.')?;
    let number = |text: &str| text.parse::<u64>().ok();
    Some((number(minutes)? * 60 + number(seconds)?) * 1000 + number(millis)?)
}

/// Presses a key in a replay, and waits until it has gone by so much.
fn goes_by(terminal: &Terminal, keys: &str, by: i64) {
    let before = moment(&terminal.seen()).expect("a replay is shown");
    let to = before.saturating_add_signed(by);
    terminal.keys(keys);
    terminal.until(&format!("{keys:?} to {to}"), |seen| (moment(seen) == Some(to)).then_some(()));
}

#[test]
fn the_log_is_gone_back_in_and_looked_at_as_a_diagram() {
    let terminal = open("tour");
    terminal.keys("f");
    terminal.until_shows("answered 1");
    terminal.until("two seconds", |seen| super::lecture::lab_time(seen).filter(|time| *time > 2.5));
    terminal.keys("m");
    terminal.until_shows("you  mark");
    terminal.keys("H");
    terminal.until_shows("a diagram is of what stands still");
    terminal.keys("t");
    terminal.until_shows("REPLAY ");
    terminal.until_shows("t live");
    for (back, on) in [("\x1b[1;2D", "\x1b[1;2C"), ("\x1b[d", "\x1b[c"), ("<", ">")] {
        goes_by(&terminal, back, -1000);
        goes_by(&terminal, on, 1000);
    }
    terminal.keys("x");
    terminal.until_shows("replay is read-only, t = live");
    terminal.keys("H");
    terminal.until_shows("Space and time");
    terminal.until_shows("asks www.");
    terminal.keys("\x1b");
    terminal.until_gone("Space and time");
    terminal.keys("t");
    terminal.until_shows("up 4/4");
    quit(&terminal);
    terminal.ends_restored(0);
}

#[test]
fn the_log_and_the_screen_are_saved_for_the_user_alone() {
    let terminal = open("tour");
    terminal.keys("f");
    terminal.until_shows("answered 1");
    terminal.keys("S");
    terminal.until_shows("saved: tour-");
    let folder = terminal.folder().join("state/faultlab/recordings");
    let mut files: Vec<PathBuf> = fs::read_dir(&folder)
        .expect("the folder of recordings")
        .map(|entry| entry.expect("an entry").path())
        .collect();
    files.sort();
    let [events, screen] = files.as_slice() else { panic!("two files: {files:?}") };
    assert_eq!(screen, &events.with_extension("txt"));
    for file in &files {
        let mode = fs::metadata(file).expect("it is there").permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{}", file.display());
    }
    let events = fs::read_to_string(events).expect("it can be read");
    let mut lines = events.lines().map(serde_json::from_str::<serde_json::Value>);
    let header = lines.next().expect("a header").expect("of JSON");
    assert_eq!(header["topology"], "tour");
    let facts: Vec<serde_json::Value> = lines.map(|line| line.expect("JSON")).collect();
    assert!(facts.iter().any(|event| event["fact"]["message_sent"].is_object()), "{events}");
    let screen = fs::read_to_string(screen).expect("it can be read");
    assert!(screen.contains("1 Map") && screen.contains("answered 1"), "{screen}");
    assert!(!screen.contains('\x1b'), "{screen}");
    quit(&terminal);
    terminal.ends_restored(0);
}

#[test]
fn what_cannot_be_saved_is_said_and_the_lab_goes_on() {
    let terminal =
        Setup::faultlab(&["run", "tour"]).env("XDG_STATE_HOME", Some("/dev/null")).start();
    up(&terminal);
    terminal.keys("S");
    terminal.until_shows("it cannot be saved: Not a directory");
    terminal.keys("f");
    terminal.until_shows("answered 1");
    quit(&terminal);
    terminal.ends_restored(0);
}
