//! Every bundled topology runs its lecture without a panel, on real sockets, and every expectation holds.

#[path = "common/every_lecture.rs"]
mod every_lecture;
#[path = "common/ports.rs"]
mod ports;

use every_lecture::for_every_lecture;
use ports::Ports;
use std::process::Command;

/// Lab seconds for each second on the wall. The lectures wait out whole timeouts; faster than three, and the
/// milliseconds by which a busy machine is late begin to decide races. Servers that a lecture keeps busy to four fifths
/// leave it no time to lose at all.
fn time_scale(lecture: &str) -> &'static str {
    if lecture == "two-choices" { "1" } else { "3" }
}

fn lecture(name: &str) {
    let folder = tempfile::tempdir().expect("a folder");
    let report = folder.path().join("report.json");
    let events = folder.path().join("events.jsonl");
    let ports = Ports::take();
    let output = Command::new(env!("CARGO_BIN_EXE_faultlab"))
        .args(["run", name, "--headless", "--time-scale", time_scale(name), "--for", "20min"])
        .args(["--port-base", &ports.base().to_string()])
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

macro_rules! tests {
    ($($test:ident $name:literal,)*) => {
        $(
            #[test]
            fn $test() {
                lecture($name);
            }
        )*
    };
}

for_every_lecture!(tests);
