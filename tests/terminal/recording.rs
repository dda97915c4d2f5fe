//! What was recorded: gone back in with the keys of real terminals, looked at as a diagram, and saved with `S`.

use super::harness::{Seen, Setup, Terminal};
use super::lecture::{open, quit, up};
use std::fs;
use std::num::NonZeroU16;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

fn size(number: u16) -> NonZeroU16 {
    NonZeroU16::new(number).expect("a size")
}

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
fn what_has_been_becomes_a_cast_from_the_command_line() {
    let terminal = open("tour");
    terminal.keys("f");
    terminal.until_shows("answered 1");
    terminal.keys(":export-cast\r");
    terminal.until_shows("Which part shall the cast show?");
    terminal.keys("1h\r");
    terminal.until_shows("cast of 00:00.0");
    terminal.until_shows("asciinema play");
    let folder = terminal.folder().join("state/faultlab/recordings");
    let names = fs::read_dir(&folder).expect("the folder").map(|it| it.expect("a file").path());
    let [cast] = &names.collect::<Vec<_>>()[..] else { panic!("one file in {folder:?}") };
    let mode = fs::metadata(cast).expect("it is there").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let text = fs::read_to_string(cast).expect("it can be read");
    let mut lines = text.lines().map(serde_json::from_str::<serde_json::Value>);
    let header = lines.next().expect("a header").expect("of JSON");
    assert_eq!((&header["version"], &header["width"]), (&2.into(), &80.into()));
    let mut shown = vt100::Parser::new(size(24), size(80), 0);
    for line in lines {
        let line = line.expect("of JSON");
        shown.process(line[2].as_str().expect("a text").as_bytes());
    }
    let screen = shown.screen().contents();
    assert!(screen.contains("answered 1") && screen.contains("1 Map"), "{screen}");
    quit(&terminal);
    terminal.ends_restored(0);
}

#[test]
fn on_a_full_disk_nothing_half_written_is_left() {
    // What would grow beyond a block or two fails as on a disk that is full.
    let line = "trap '' XFSZ; ulimit -f 1; exec \"$0\" run tour --port-base \"$1\"";
    let terminal = Setup::shell(line).start();
    up(&terminal);
    let folder = terminal.folder().join("state/faultlab/recordings");
    for (keys, said) in [
        ("S", "it cannot be saved: no file may become so large here"),
        (":export-cast\r\r", "the cast cannot be written: no file may become so large here"),
    ] {
        terminal.keys(keys);
        terminal.until_shows(said);
        let left = fs::read_dir(&folder).expect("the folder").count();
        assert_eq!(left, 0, "{keys:?}");
        terminal.until_gone(said);
    }
    terminal.keys("f");
    terminal.until_shows("answered 1");
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
