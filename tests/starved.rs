//! A lecture's group on a processor that has hardly any time for it (K4). Ignored, because it starves whatever runs
//! beside it, and takes half a minute: `cargo test --test starved -- --ignored`.

use std::process::{Child, Command, Stdio};

/// Programs that do nothing but keep the one processor busy.
const BUSY: usize = 4;

/// Heartbeats of 300 ms, suspicion after a second, for twenty seconds under a small load.
const GROUP: &str = r#"
title = "starved"
pace  = "real"
[groups.store]
role = "replica"
count = 3
prefix = "r"
heartbeat = "300ms"
suspect_after = "1s"
propagation = "sync"
terms = true
[nodes.writer]
role = "client"
asks = "store"
operations = ["put k{n} v"]
[[steps]]
do = ["load writer 10/s", "wait 20s", "load writer off", "wait 2s"]
expect = ["truth acked >= 100", "truth lost = 0"]
"#;

/// Ends its processes, whatever becomes of the test.
struct Busy(Vec<Child>);

impl Busy {
    fn start() -> Self {
        let start = |_| {
            let mut command = Command::new("taskset");
            command.args(["-c", "0", "sh", "-c", "while :; do :; done"]);
            command.stdin(Stdio::null()).spawn().expect("taskset and sh are there")
        };
        Self((0..BUSY).map(start).collect())
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        for child in &mut self.0 {
            // It never ends by itself; and if it could not be ended, there is nobody to tell.
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

#[test]
#[ignore = "starves whatever runs beside it"]
fn k4_with_a_fifth_of_one_processor_nobody_is_suspected() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("starved.toml");
    std::fs::write(&file, GROUP).expect("a file");
    let report = folder.path().join("report.json");
    let busy = Busy::start();
    let output = Command::new("taskset")
        .args(["-c", "0", env!("CARGO_BIN_EXE_faultlab"), "run"])
        .arg(&file)
        .args(["--headless", "--for", "60s", "--report"])
        .arg(&report)
        .arg("--data")
        .arg(folder.path().join("data"))
        .stdin(Stdio::null())
        .output()
        .expect("the program runs");
    drop(busy);
    let said = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(0), "{said}");
    let report = std::fs::read_to_string(report).expect("a report");
    let report: serde_json::Value = serde_json::from_str(&report).expect("JSON");
    for figure in ["elections", "false_suspicions", "split_brains", "lost_acked"] {
        assert_eq!(report[figure], 0, "{figure}: {report:#}");
    }
}
