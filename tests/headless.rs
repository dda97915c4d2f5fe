//! Every bundled topology runs its lecture without a panel, on real sockets, and every expectation holds.

use std::process::Command;

/// Lab seconds for each second on the wall. The lectures wait out whole timeouts; faster than this, and the
/// milliseconds by which a busy machine is late begin to decide races.
const TIME_SCALE: &str = "3";

fn lecture(name: &str) {
    let folder = tempfile::tempdir().expect("a folder");
    let report = folder.path().join("report.json");
    let events = folder.path().join("events.jsonl");
    let output = Command::new(env!("CARGO_BIN_EXE_faultlab"))
        .args(["run", name, "--headless", "--time-scale", TIME_SCALE, "--for", "20min"])
        .arg("--report")
        .arg(&report)
        .arg("--events")
        .arg(&events)
        .arg("--data")
        .arg(folder.path().join("data"))
        .current_dir(folder.path())
        .stdin(std::process::Stdio::null())
        .output()
        .expect("the program runs");
    let said = String::from_utf8_lossy(&output.stdout);
    let complained = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{name}:\n{said}\n{complained}");
    let report = std::fs::read_to_string(report).expect("a report");
    let report: serde_json::Value = serde_json::from_str(&report).expect("JSON");
    let expectations = report["expectations"].as_array().expect("a list");
    assert!(expectations.len() >= 5, "{name} expects nothing worth a lecture");
    assert!(expectations.iter().all(|one| one["judgement"] == "passed"), "{report:#}");
    let lines = std::fs::read_to_string(events).expect("events");
    assert!(lines.lines().count() > 100);
    assert!(lines.lines().all(|line| serde_json::from_str::<serde_json::Value>(line).is_ok()));
}

#[test]
fn tour() {
    lecture("tour");
}

#[test]
fn batch_window() {
    lecture("batch-window");
}

#[test]
fn first_answer() {
    lecture("first-answer");
}

#[test]
fn sticky_round_robin() {
    lecture("sticky-round-robin");
}

#[test]
fn failover() {
    lecture("failover");
}

#[test]
fn campus() {
    lecture("campus");
}

#[test]
fn primary_backup() {
    lecture("primary-backup");
}

#[test]
fn zombie_leader() {
    lecture("zombie-leader");
}

#[test]
fn one_way_cut() {
    lecture("one-way-cut");
}

#[test]
fn deadlock() {
    lecture("deadlock");
}

#[test]
fn majority_vote() {
    lecture("majority-vote");
}

#[test]
fn equal_clocks() {
    lecture("equal-clocks");
}

#[test]
fn state_transfer() {
    lecture("state-transfer");
}

#[test]
fn real_dns() {
    lecture("real-dns");
}

#[test]
fn hedged_requests() {
    lecture("hedged-requests");
}

#[test]
fn tail_at_scale() {
    lecture("tail-at-scale");
}

#[test]
fn two_choices() {
    lecture("two-choices");
}

#[test]
fn consistent_hashing() {
    lecture("consistent-hashing");
}

#[test]
fn every_bundled_topology_has_a_test_here() {
    let mut known = [
        "tour",
        "campus",
        "batch-window",
        "first-answer",
        "sticky-round-robin",
        "failover",
        "primary-backup",
        "zombie-leader",
        "one-way-cut",
        "deadlock",
        "majority-vote",
        "equal-clocks",
        "state-transfer",
        "real-dns",
        "hedged-requests",
        "tail-at-scale",
        "two-choices",
        "consistent-hashing",
    ];
    known.sort_unstable();
    let mut bundled: Vec<&str> = faultlab::topology::bundle::names().collect();
    bundled.sort_unstable();
    assert_eq!(bundled, known);
}
