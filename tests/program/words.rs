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
