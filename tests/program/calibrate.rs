//! `faultlab calibrate`: the measurements that do not depend on the machine's speed, and its words.

use crate::{Place, text};
use serde_json::Value;
use std::collections::BTreeMap;

/// Measures this: the exit code, and the verdict and the figures of each row.
fn calibrate(words: &[&str]) -> (Option<i32>, BTreeMap<String, [String; 2]>) {
    let place = Place::new();
    let output = place.run(&[&["calibrate", "--json"][..], words].concat());
    let errors = text(&output.stderr);
    let report: Value = serde_json::from_slice(&output.stdout).expect(&errors);
    let word = |row: &Value, key: &str| row[key].as_str().expect("a word").to_owned();
    let rows = report["rows"].as_array().expect("rows");
    let rows =
        rows.iter().map(|row| (word(row, "id"), [word(row, "verdict"), word(row, "measured")]));
    for folder in ["cwd", "state", "data", "config"] {
        let written = std::fs::read_dir(place.path(folder)).map_or(0, Iterator::count);
        assert_eq!(written, 0, "nothing is written, and there is something in {folder}");
    }
    (output.status.code(), rows.collect())
}

#[test]
fn a_lossy_link_loses_its_share_and_a_heal_is_for_the_next_frame() {
    let (code, rows) = calibrate(&["loss", "heal", "--tolerance", "600ms", "--seed", "7"]);
    let ids: Vec<&str> = rows.keys().map(String::as_str).collect();
    assert_eq!(ids, ["heal-delay-udp", "heal-tcp", "heal-udp", "loss", "loss-seed"]);
    assert!(rows.values().all(|[verdict, _]| verdict == "held"), "{rows:?}");
    assert_eq!(code, Some(0));
    assert_eq!(rows["heal-udp"][1], "100 of 100");
    // The same seed loses the same datagrams in another process, too.
    assert_eq!(calibrate(&["loss", "--seed", "7"]).1["loss"], rows["loss"]);
    assert_ne!(calibrate(&["loss", "--seed", "9"]).1["loss"], rows["loss"]);
}

#[test]
fn a_delay_is_on_its_direction_or_the_machine_is_too_busy_to_tell() {
    let (code, rows) = calibrate(&["delay", "--tolerance", "40ms"]);
    assert_eq!(rows.len(), 6);
    // On an idle machine it is 0; a failure would be the lab's.
    assert!(matches!(code, Some(0 | 2)), "{code:?} {rows:?}");
    assert!(rows.values().all(|[verdict, _]| verdict != "failed"), "{rows:?}");
}

#[test]
fn what_cannot_be_measured_is_a_usage_error() {
    let place = Place::new();
    for words in [&["calibrate", "speed"][..], &["calibrate", "--tolerance", "5"]] {
        assert_eq!(place.run(words).status.code(), Some(3), "{words:?}");
    }
}
