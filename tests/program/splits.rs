//! A split brain from outside: how soon the program says so, by its own report.

use crate::{Place, read};
use serde_json::Value;

/// Two replicas without terms, of which the leader sends its heartbeats.
const PAIR: &str = r#"
title = "a pair"
[groups.store]
role = "replica"
members = ["r1", "r2"]
heartbeat = "200ms"
heartbeat_mode = "push"
suspect_after = "1s"
[nodes.alice]
role = "client"
asks = "store"
operations = ["put k {n}"]
rate = "30/s"
"#;

/// A frame of the panel.
const FRAME_MS: f64 = 33.0;

#[test]
fn a_split_brain_is_announced_before_anybody_could_ask() {
    let place = Place::new();
    let file = place.file("pair.toml", PAIR);
    let path = place.path("report.json");
    let report = path.to_str().expect("text");
    let mut run = place.start(&["run", &file, "--plain", "--for", "10min", "--report", report]);
    run.until("ACKNOWLEDGES 5");
    run.say("cut r1->r2");
    run.until("r2  LEADS");
    run.until("r1  ACKNOWLEDGES");
    run.quit();
    let report: Value = serde_json::from_slice(&read(&path)).expect("JSON");
    assert_eq!(report["split_brains"], 1, "{report}");
    let delay = report["banner_delay_ms"].as_f64().expect("there was one");
    assert!(delay + FRAME_MS <= 250.0, "{delay} ms");
}
