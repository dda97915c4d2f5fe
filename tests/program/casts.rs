//! `faultlab export`: casts of recordings, and what is said of files that are none.

use crate::{Place, text};
use std::fs;
use std::num::NonZeroU16;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Stdio;

/// A recording of a race, written by a run without a panel.
fn recorded(place: &Place) -> String {
    let events = place.path("race.jsonl");
    let events = events.to_str().expect("a path of text").to_owned();
    let words = ["run", "first-answer", "--headless", "--for", "800ms", "--events", &events];
    let run = place.run(&words);
    assert!(fs::metadata(&events).is_ok_and(|it| it.len() > 0), "{}", text(&run.stderr));
    events
}

/// What a terminal shows that has played a cast.
fn played(path: &Path) -> (serde_json::Value, String) {
    let cast = fs::read_to_string(path).expect("it is there");
    let mut lines = cast.lines().map(|line| serde_json::from_str(line).expect("of JSON"));
    let header: serde_json::Value = lines.next().expect("a header");
    let number = |key: &str| {
        let number = header[key].as_u64().and_then(|it| NonZeroU16::new(it as u16));
        number.expect("a number")
    };
    let mut shown = vt100::Parser::new(number("height"), number("width"), 0);
    for line in lines.filter(|line: &serde_json::Value| line[1] == "o") {
        shown.process(line[2].as_str().expect("a text").as_bytes());
    }
    (header, shown.screen().contents())
}

fn names(place: &Place) -> Vec<String> {
    let files = fs::read_dir(place.path(".")).expect("the folder");
    let mut names: Vec<String> = files
        .map(|it| it.expect("a file").file_name().to_string_lossy().into_owned())
        .filter(|name| name.contains("cast") || name.contains("part"))
        .collect();
    names.sort();
    names
}

#[test]
fn a_recording_becomes_a_cast_wherever_it_was_made() {
    let place = Place::new();
    let events = recorded(&place);
    let run = place.run(&["export", &events]);
    assert_eq!(run.status.code(), Some(0), "{}", text(&run.stderr));
    assert!(text(&run.stdout).contains("race.cast: 00:00.0"), "{}", text(&run.stdout));
    let (header, shown) = played(&place.path("race.cast"));
    assert_eq!((&header["width"], &header["height"]), (&120.into(), &40.into()));
    assert!(shown.contains("first-answer") && shown.contains("ts1"), "{shown}");
    let mode = fs::metadata(place.path("race.cast")).expect("it is there").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    // The same bytes again, to standard output.
    let again = place.run(&["export", &events, "--cast", "-"]);
    assert!(again.stdout == fs::read(place.path("race.cast")).expect("it is there"));
    // Another size, ASCII alone, a part of it.
    let other = place.path("other.cast");
    let other_word = other.to_str().expect("a path of text");
    let run = place.run(&[
        "export",
        &events,
        "--cast",
        other_word,
        "--size",
        "80x24",
        "--ascii",
        "--theme",
        "mono",
        "--from",
        "100ms",
        "--to",
        "00:00.500",
        "--speed",
        "0.5",
    ]);
    let said = text(&run.stdout);
    assert!(said.contains("00:00.100 to 00:00.500"), "{said}{}", text(&run.stderr));
    let (header, shown) = played(&other);
    assert_eq!(header["width"], 80);
    assert!(shown.is_ascii() && shown.contains("first-answer"), "{shown}");
    assert!(!fs::read_to_string(&other).expect("it is there").contains("38;5"));
    assert_eq!(names(&place), ["other.cast", "race.cast"]);
}

#[test]
fn what_is_no_recording_is_told_with_its_line_and_leaves_nothing() {
    let place = Place::new();
    let events = recorded(&place);
    let whole = fs::read_to_string(&events).expect("it is there");
    let (header, rest) = whole.split_once('\n').expect("lines");
    let mut bare: serde_json::Value = serde_json::from_str(header).expect("of JSON");
    bare.as_object_mut().expect("an object").remove("lab");
    let stranger = bare.to_string().replace("first-answer", "my-own");
    let mut wrong: serde_json::Value = serde_json::from_str(header).expect("of JSON");
    wrong["lab"]["nodes"][0][1]["kind"]["Client"]["asks"][0] = 99.into();
    let cut = &whole[..whole.len() - 5];
    let lines = whole.lines().count();
    let files = [
        ("empty", String::new(), "line 1: the file is empty".to_owned()),
        ("text", "hello\n".into(), "line 1: this is no header of a recording".into()),
        ("alone", format!("{header}\n"), "line 2: it has no events".into()),
        ("damaged", format!("{header}\n{{}}\n"), "line 2: this is no event".into()),
        ("cut", cut.into(), format!("line {lines}: the line has no end")),
        ("stranger", format!("{stranger}\n{rest}"), "name that with --topology FILE".into()),
        ("wrong", format!("{wrong}\n{rest}"), "asks a node that is not there".into()),
    ];
    for (name, text_of_it, why) in files {
        let file = place.file(name, &text_of_it);
        let run = place.run(&["export", &file]);
        let said = text(&run.stderr);
        assert_eq!(run.status.code(), Some(3), "{name}: {said}");
        assert!(said.contains(&why) && said.contains(name), "{name}: {said}");
    }
    let said = text(&place.run(&["export", &place.file("cut", cut)]).stderr);
    assert!(said.contains("what comes before it can be had with --to 00:0"), "{said}");
    for (words, why) in [
        (&["--from", "1h"][..], "nothing happens there, for it ends at 00:0"),
        (&["--to", "0s"], "nothing happens there, for it begins at 00:00."),
        (&["--from", "2s", "--to", "1s"], "--from must lie before --to"),
        (&["--cast", &events], "--cast must name another file"),
        (&["--cast", "/dev/full"], "/dev/full cannot be written: the disk is full"),
        (&["--size", "3x3"], "a cast has 20 to 500 columns"),
        (&["--from", "1:75"], "`1:75` is no moment"),
        (&["--speed", "0"], "the factor lies between"),
    ] {
        let run = place.run(&[&["export", &events], words].concat());
        let said = text(&run.stderr);
        assert!(run.status.code() == Some(3) && said.contains(why), "{words:?}: {said}");
    }
    assert_eq!(names(&place), Vec::<String>::new());
    // What an earlier version wrote is of a bundled topology, or of one that is named.
    let old = place.file("old", &format!("{bare}\n{rest}"));
    assert_eq!(place.run(&["export", &old]).status.code(), Some(0));
    let stranger = place.file("stranger", &format!("{stranger}\n{rest}"));
    let run = place.run(&["export", &stranger, "--topology", "first-answer"]);
    assert_eq!(run.status.code(), Some(0), "{}", text(&run.stderr));
    let run = place.run(&["export", &old, "--topology", "tour"]);
    assert!(text(&run.stderr).contains("its nodes are not those"), "{}", text(&run.stderr));
}

#[test]
fn where_the_disk_is_full_no_half_of_a_cast_is_left() {
    let place = Place::new();
    let events = recorded(&place);
    let line = "trap '' XFSZ; ulimit -f 8; exec \"$0\" \"$@\"";
    let mut command = std::process::Command::new("sh");
    place.prepare(&mut command);
    command.args(["-c", line, env!("CARGO_BIN_EXE_faultlab"), "export", &events]);
    let run = command.stdin(Stdio::null()).output().expect("it runs");
    let said = text(&run.stderr);
    assert_eq!(run.status.code(), Some(3), "{said}");
    assert!(said.contains("no file may become so large here"), "{said}");
    assert_eq!(names(&place), Vec::<String>::new());
}
