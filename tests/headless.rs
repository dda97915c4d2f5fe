//! Every bundled topology runs its lecture without a panel, on real sockets, and every expectation holds.
//!
//! Lectures wait out whole timeouts and need the processor for a hundredth of their time. So some run side by side,
//! each in a process of its own: as soon as the first test asks, those begin that any test will ask for, the longest
//! first.

#[path = "common/every_lecture.rs"]
mod every_lecture;
#[path = "common/ports.rs"]
mod ports;

use every_lecture::for_every_lecture;
use ports::Ports;
use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::process::Command;
use std::sync::{Condvar, LazyLock, Mutex, MutexGuard, PoisonError};
use std::thread;

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

/// Lectures that run beside those that tests wait for: with more, two cores are so busy at their beginning that
/// milliseconds are late.
const AHEAD: usize = 4;

/// Those that take longest, the longest first: what begins last is waited for.
const LONGEST: [&str; 5] =
    ["hedged-requests", "two-choices", "tail-at-scale", "primary-backup", "first-answer"];

/// How far a lecture is.
enum Run {
    Waits,
    Runs,
    Over(thread::Result<()>),
}

/// All lectures that this process is asked for.
struct Runs {
    all: Mutex<BTreeMap<&'static str, Run>>,
    over: Condvar,
}

static RUNS: LazyLock<Runs> = LazyLock::new(|| {
    for _ in 0..AHEAD {
        thread::spawn(|| while RUNS.ahead() {});
    }
    // Words of the command line are parts of the names of tests.
    let words: Vec<String> = std::env::args().skip(1).filter(|it| !it.starts_with('-')).collect();
    let asked = |name: &str| {
        words.is_empty() || words.iter().any(|word| name.replace('-', "_").contains(word.as_str()))
    };
    let all = LECTURES.iter().filter(|name| asked(name)).map(|name| (*name, Run::Waits));
    Runs { all: Mutex::new(all.collect()), over: Condvar::new() }
});

impl Runs {
    fn all(&self) -> MutexGuard<'_, BTreeMap<&'static str, Run>> {
        self.all.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Runs a lecture for which no test has asked yet; gives whether there was one.
    fn ahead(&self) -> bool {
        let mut all = self.all();
        let waits = |name: &&'static str| matches!(all.get(name), Some(Run::Waits));
        let Some(name) = LONGEST.iter().chain(LECTURES).copied().find(waits) else { return false };
        all.insert(name, Run::Runs);
        drop(all);
        self.run(name);
        true
    }

    fn run(&self, name: &'static str) {
        let ended = catch_unwind(AssertUnwindSafe(|| lecture(name)));
        self.all().insert(name, Run::Over(ended));
        self.over.notify_all();
    }

    /// How a lecture ended; it runs now if nobody has begun it.
    fn ended(&self, name: &'static str) -> thread::Result<()> {
        let mut all = self.all();
        loop {
            match all.remove(name) {
                Some(Run::Over(ended)) => return ended,
                Some(Run::Runs) => {
                    all.insert(name, Run::Runs);
                    all = self.over.wait(all).unwrap_or_else(PoisonError::into_inner);
                }
                Some(Run::Waits) | None => {
                    all.insert(name, Run::Runs);
                    drop(all);
                    self.run(name);
                    all = self.all();
                }
            }
        }
    }
}

macro_rules! tests {
    ($($test:ident $name:literal,)*) => {
        const LECTURES: &[&str] = &[$($name),*];

        $(
            #[test]
            fn $test() {
                if let Err(why) = RUNS.ended($name) {
                    resume_unwind(why);
                }
            }
        )*
    };
}

for_every_lecture!(tests);
