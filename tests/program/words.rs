//! What the program says of itself: schema, completions, lists.

use crate::{Place, text};
use std::path::Path;

#[test]
fn the_schema_is_json_and_the_bundled_files_name_it() {
    let place = Place::new();
    let output = place.run(&["schema"]);
    assert_eq!(output.status.code(), Some(0));
    let schema: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert!(schema["$schema"].is_string() && schema["properties"]["nodes"].is_object());
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("topologies");
    let shipped = std::fs::read(folder.join("schema.json")).expect("it ships");
    let shipped: serde_json::Value = serde_json::from_slice(&shipped).expect("JSON");
    assert_eq!(schema, shipped, "`faultlab schema > topologies/schema.json` brings it up to date");
    let mut files = 0;
    for entry in std::fs::read_dir(&folder).expect("a folder") {
        let path = entry.expect("readable").path();
        if path.extension().is_some_and(|ending| ending == "toml") {
            let text = std::fs::read_to_string(&path).expect("text");
            assert!(text.starts_with("#:schema ./schema.json\n"), "{}", path.display());
            files += 1;
        }
    }
    assert!(files >= 5);
}

#[test]
fn completions_are_made_for_every_usual_shell() {
    let place = Place::new();
    for shell in ["bash", "zsh", "fish"] {
        let output = place.run(&["completions", shell]);
        assert_eq!(output.status.code(), Some(0));
        let script = text(&output.stdout);
        for word in ["faultlab", "run", "check", "headless", "port-base"] {
            assert!(script.contains(word), "{shell} does not complete {word}");
        }
    }
    assert_eq!(place.run(&["completions", "cmd"]).status.code(), Some(3));
}

#[test]
fn the_list_begins_with_the_tour_and_every_topology_of_it_is_good() {
    let place = Place::new();
    let output = place.run(&["list"]);
    let list = text(&output.stdout);
    let names: Vec<&str> = list.lines().filter_map(|line| line.split_whitespace().next()).collect();
    assert_eq!(names.first(), Some(&"tour"));
    assert!(names.len() >= 5, "{list}");
    let output = place.run(&[&["check"][..], &names].concat());
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    assert_eq!(text(&output.stdout).lines().count(), names.len());
}

#[test]
fn manual_pages_are_made_for_the_program_and_for_each_command() {
    let place = Place::new();
    let output = place.run(&["man"]);
    assert_eq!(output.status.code(), Some(0));
    let page = text(&output.stdout);
    for part in [".TH faultlab 1", ".SH NAME", ".SH OPTIONS", "EXIT STATUS", ".SH FILES"] {
        assert!(page.contains(part), "{part} is missing:\n{page}");
    }
    for command in ["run", "check", "calibrate", "list", "schema", "paths", "man", "completions"] {
        assert!(page.contains(&format!("faultlab\\-{command}(1)")), "{command}:\n{page}");
        let output = place.run(&["man", command]);
        assert_eq!(output.status.code(), Some(0), "{command}");
        assert!(text(&output.stdout).contains(&format!(".TH faultlab-{command} 1")), "{command}");
    }
    let output = place.run(&["man", "rnu\x1b[2J"]);
    assert_eq!(output.status.code(), Some(3));
    let complaint = text(&output.stderr);
    assert!(complaint.contains("rnu\\e[2J") && complaint.contains("run, check"), "{complaint}");
}

#[test]
fn the_paths_are_those_of_the_surroundings_and_nothing_is_made() {
    let place = Place::new();
    let output = place.run(&["paths"]);
    assert_eq!(output.status.code(), Some(0));
    let said = text(&output.stdout);
    for (what, below) in [
        ("config", "config/faultlab/config.toml"),
        ("data", "data/faultlab"),
        ("runs", "data/faultlab/runs"),
        ("state", "state/faultlab"),
        ("recordings", "state/faultlab/recordings"),
        ("log", "state/faultlab/log/faultlab.log"),
    ] {
        let path = place.path(below);
        let line = format!("{what:12}{}", path.display());
        assert!(said.lines().any(|it| it == line), "{line} is missing:\n{said}");
        assert!(!path.exists(), "{line} is only told");
    }
    let mut bare = place.command(&["paths"]);
    for name in ["XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_STATE_HOME", "HOME"] {
        bare.env_remove(name);
    }
    let output = bare.output().expect("it runs");
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(text(&output.stdout).matches("HOME is not set").count(), 6);
}
