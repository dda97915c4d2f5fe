//! What was done by hand becomes the steps of a file, and that file runs headless.

mod common;

use common::ports::Ports;
use common::{Bench, two_tables};
use faultlab::command::Command;
use faultlab::event::Fact;
use faultlab::report::Done;
use faultlab::topology::{self, Folder, Options, rewrite};
use std::path::Path;
use std::process::Command as Process;
use std::time::Duration;

/// Everything that was done in a lab so far, as steps.
fn steps(bench: &Bench) -> String {
    let mut done = Done::new(bench.handle.topology().clone());
    for event in bench.handle.read(0, usize::MAX).events() {
        done.observe(event);
    }
    done.steps()
}

/// Gives commands one after the other, each when the one before was carried out.
fn give(bench: &Bench, lines: &[&str]) {
    for line in lines {
        bench.give(line);
        bench.command("mark done", |event| {
            matches!(&event.fact, Fact::CommandGiven { command, .. }
                if matches!(**command, Command::Mark(_)))
        });
    }
}

/// The file with these steps, run headless: its exit code, and what it said.
fn headless(text: &str, steps: &str) -> (Option<i32>, String) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("lab.toml");
    std::fs::write(&path, text).expect("it is written");
    let new = rewrite(&path, Options::default(), 7, steps).expect("it can be rewritten");
    std::fs::write(&path, &new.text).expect("it is written");
    let ports = Ports::take();
    let out = Process::new(env!("CARGO_BIN_EXE_faultlab"))
        .args(["run", "--headless", "--port-base", &ports.base().to_string(), "--data"])
        .arg(folder.path().join("data"))
        .arg(&path)
        .env("HOME", folder.path())
        .stdin(std::process::Stdio::null())
        .output()
        .expect("it runs");
    let said = String::from_utf8_lossy(&out.stderr).into_owned();
    (out.status.code(), format!("{}\n{said}\n{}", new.text, String::from_utf8_lossy(&out.stdout)))
}

#[test]
fn what_was_done_by_hand_runs_headless() {
    let text = two_tables("[defaults.link]\nlatency = \"1ms\"", "", "timeout = \"300ms\"", "");
    let bench = Bench::start(&text);
    give(&bench, &["query client www.google.com"]);
    bench.until(0, "a verdict", |event| {
        matches!(&event.fact, Fact::Noted(faultlab::message::Note::Decided { .. })
            if matches!(event.id.owner, faultlab::base::Owner::Node(node, _)
                if node == bench.id("client")))
    });
    // The pause is repeated, too: on a busy machine the question is to be over before the server dies.
    bench.quiet(Duration::from_millis(400));
    give(&bench, &["kill ts1", "kill ts1", "cut ls<->ts2", "set ls policy failover", "freeze ls"]);
    let steps = steps(&bench);
    for line in [
        "\"query client www.google.com\"",
        "\"kill ts1\"",
        "\"cut ls<->ts2\"",
        "query client www.google.com ends answered within",
        "node ts1 is killed within",
        "node ls is frozen within",
    ] {
        assert!(steps.contains(line), "{line} is missing:\n{steps}");
    }
    assert_eq!(steps.matches("\"kill ts1\"").count(), 1, "what was refused was not done:\n{steps}");
    let (code, said) = headless(&text, &steps);
    assert_eq!(code, Some(0), "{said}");
}

#[test]
fn what_was_restored_was_not_done_and_steps_keep_their_words() {
    let lecture = "[[steps]]\nsay = \"First.\"\nask = \"Who?\"\ndo = [\"freeze ts2\"]\n\
                   [[steps]]\nsay = \"Second \\\"quoted\\\".\"\ndo = [\"thaw ts2\"]\n";
    let text = two_tables("", "", "", "") + lecture;
    let bench = Bench::start(&text);
    give(&bench, &["next", "next", "kill ls", "restore"]);
    assert_eq!(steps(&bench), "", "nothing of it is left");
    give(&bench, &["next", "next", "next", "next", "revive ls", "kill ts1"]);
    let steps = steps(&bench);
    assert!(!steps.contains("kill ls") && steps.contains("First."), "{steps}");
    assert!(steps.contains("Second \\\"quoted\\\"."), "{steps}");
    let (code, said) = headless(&text, &steps);
    assert_eq!(code, Some(0), "{said}");
}

#[test]
fn a_file_of_nothing_done_is_not_written() {
    let bench = Bench::start(&two_tables("", "", "", ""));
    give(&bench, &[]);
    assert_eq!(steps(&bench), "");
    let folder = Folder(Path::new(env!("CARGO_MANIFEST_DIR")).join("topologies"));
    assert!(topology::load_text("x.toml", &two_tables("", "", "", ""), &folder).is_ok());
}
