//! How a run ends, what it says and what it leaves behind.

use crate::{LAB, Place, expecting, read, text};
use std::collections::BTreeSet;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;

/// Three replicas and a client that keeps one thing.
const STORE: &str = r#"
title = "a store"
[nodes.writer]
role = "client"
asks = "store"
[groups.store]
role = "replica"
members = ["r1", "r2", "r3"]
scheme = "primary-backup"
[[steps]]
do = ["put writer k v"]
expect = ["op writer ends ok within 5s"]
"#;

#[test]
fn the_exit_code_is_the_verdict() {
    let place = Place::new();
    let held = place.file("held.toml", &expecting("query client ends answered from ts1 within 2s"));
    let failed = place.file("failed.toml", &expecting("query client ends negative within 400ms"));
    let unjudged = place.file("unjudged.toml", &expecting("count ts2 taken = 7 within 20s"));
    let none = place.file("none.toml", LAB);
    let bad = place.file("bad.toml", "[nodes.ls]\nrole = \"sl\"\n");
    let missing = place.path("nowhere.toml");
    let missing = missing.to_str().expect("text");
    let rate = "the rate lies between 0.001 and 100";
    let unclear = "nothing can be said: too little was judged\n";
    let cases: [(&[&str], i32, &str); 12] = [
        (&["run", &held, "--headless"], 0, "every expectation held\n"),
        (&["run", &failed, "--headless"], 1, "an expectation failed\n"),
        (&["run", &unjudged, "--headless", "--for", "300ms"], 2, unclear),
        (&["run", &none, "--headless", "--for", "200ms"], 2, unclear),
        (&["run", &bad, "--headless"], 3, "`sl` is no role"),
        (&["run", missing, "--headless"], 3, "there is no file"),
        (&["run", &held, "--headless", "--time-scale", "0"], 3, rate),
        (&["run", &held, "--headless", "--time-scale", "nan"], 3, rate),
        (&["run", &held, "--headless", "--set", "ls.nonsense=1"], 3, "`nonsense`"),
        (&["run", &held, "--headless", "--for", "soon"], 3, "'--for <TIME>'"),
        (&["run", &held, "--headless", "--no-such-flag"], 3, "'--no-such-flag'"),
        (&["run", "--headless"], 3, "<TOPOLOGY>"),
    ];
    for (words, code, told) in cases {
        let output = place.run(words);
        let complaint = text(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{words:?}: {complaint}");
        assert!(
            complaint.contains(told) && !complaint.contains("panicked"),
            "{words:?}: {complaint}"
        );
    }
}

#[test]
fn a_failing_run_prints_what_repeats_it_and_that_repeats_it() {
    let place = Place::new();
    let file = place.file("it's failing.toml", &expecting("query client ends negative within 2s"));
    let words = ["run", &file, "--headless", "--seed", "99", "--set", "ls.timeout=200ms"];
    let output = place.run(&[&words[..], &["--time-scale", "2", "--for", "30s"]].concat());
    assert_eq!(output.status.code(), Some(1));
    let complaint = text(&output.stderr);
    let line = complaint.lines().find_map(|line| line.strip_prefix("to repeat it: "));
    let line = line.unwrap_or_else(|| panic!("no line that repeats it: {complaint}"));
    let version = format!("faultlab {}, seed 99\n", faultlab::base::VERSION);
    assert!(complaint.contains(&version), "{complaint}");
    for part in ["--seed 99", "--set ls.timeout=200ms", "--time-scale 2", "--for 30000ms"] {
        assert!(line.contains(part), "{part} is missing: {line}");
    }
    let folder = Path::new(env!("CARGO_BIN_EXE_faultlab")).parent().expect("a folder");
    let mut shell = Command::new("/bin/sh");
    place.prepare(&mut shell);
    let again = shell.args(["-c", line]).env("PATH", folder).output().expect("a shell runs");
    assert_eq!(again.status.code(), Some(1), "{}", text(&again.stderr));
    assert!(text(&again.stderr).contains(line), "it is the same run: {}", text(&again.stderr));
}

fn verdicts(place: &Place, name: &str, run: usize) -> (Option<i32>, Vec<String>, Vec<u8>) {
    let report = place.path(&format!("report-{run}.json"));
    let file = report.to_str().expect("text");
    let output = place.run(&["run", name, "--headless", "--report", file]);
    let report = read(&report);
    let json: serde_json::Value = serde_json::from_slice(&report).expect("JSON");
    let list = json["expectations"].as_array().expect("a list");
    let judged = list.iter().map(|one| format!("{} {}", one["text"], one["judgement"])).collect();
    (output.status.code(), judged, report)
}

#[test]
fn the_same_lecture_twice_has_the_same_verdicts() {
    let place = Place::new();
    // In real time, so that no busy machine decides a race; side by side, so that it takes no longer than once.
    let (first, second) = thread::scope(|scope| {
        let second = scope.spawn(|| verdicts(&place, "tour", 2));
        (verdicts(&place, "tour", 1), second.join().expect("a run"))
    });
    assert_eq!(first.0, Some(0));
    assert!(!first.1.is_empty());
    assert_eq!((first.0, &first.1), (second.0, &second.1));
}

/// The keys of the documentation's two tables: of every report, and what stands beside them where there are replicas.
fn documented() -> (BTreeSet<String>, BTreeSet<String>) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/report.md");
    let text = text(&read(&path));
    let chapter = text.split("# Events as JSON lines").next().expect("there is always a first");
    let (every, stores) = chapter.split_once("Where the topology has replicas").expect("both");
    let keys = |part: &str| {
        let cells = part.lines().filter_map(|line| line.strip_prefix("| `")?.split(" | ").next());
        cells
            .flat_map(|cell| cell.split(", ").map(|key| key.trim_matches('`').to_owned()))
            .collect()
    };
    (keys(every), keys(stores))
}

fn keys_of(report: &[u8]) -> BTreeSet<String> {
    let json: serde_json::Value = serde_json::from_slice(report).expect("JSON");
    json.as_object().expect("an object").keys().cloned().collect()
}

#[test]
fn the_report_has_the_keys_that_its_documentation_has() {
    let place = Place::new();
    let file = place.file("lab.toml", &expecting("query client ends answered within 2s"));
    let (code, judged, report) = verdicts(&place, &file, 1);
    assert_eq!((code, judged.len()), (Some(0), 1));
    assert!(report.is_ascii());
    let (every, stores) = documented();
    assert_eq!(keys_of(&report), every);
    let json: serde_json::Value = serde_json::from_slice(&report).expect("JSON");
    assert_eq!((&json["seed"], &json["exit_code"]), (&17.into(), &0.into()));
    for option in ["time_scale", "for_seconds", "settings", "port_base", "allow_nonlocal"] {
        assert!(json["options"].get(option).is_some(), "{option} is missing");
    }
    let file = place.file("store.toml", STORE);
    let (code, _, report) = verdicts(&place, &file, 2);
    assert_eq!(code, Some(0));
    assert_eq!(keys_of(&report), every.union(&stores).cloned().collect());
}

fn mode(path: &Path) -> u32 {
    let data =
        std::fs::metadata(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    data.permissions().mode() & 0o777
}

#[test]
fn what_a_run_writes_is_private_and_in_its_folder() {
    let place = Place::new();
    let steps = "[[steps]]\ndo = [\"batch client\"]\nexpect = [\"batch client answers 2 of 2\"]\n";
    let file = place.file("listed.toml", &format!("{LAB}{steps}"));
    let (report, events) = (place.path("r.json"), place.path("e.jsonl"));
    let output = place
        .command(&["run", &file, "--headless"])
        .arg("--report")
        .arg(&report)
        .arg("--events")
        .arg(&events)
        .output()
        .expect("it runs");
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    assert_eq!((mode(&report), mode(&events)), (0o600, 0o600));
    let cwd: Vec<_> = std::fs::read_dir(place.path("cwd")).expect("a folder").collect();
    assert!(cwd.is_empty(), "{cwd:?}");
    let runs = place.path("data/faultlab/runs");
    let all: Vec<_> = std::fs::read_dir(&runs).expect("a folder of runs").collect();
    assert_eq!(all.len(), 1);
    let run = all.into_iter().next().expect("one").expect("readable").path();
    assert!(run.file_name().expect("a name").to_string_lossy().starts_with("listed-"));
    assert_eq!((mode(&runs), mode(&run)), (0o700, 0o700));
    let results = run.join("client-resolved.txt");
    assert_eq!(mode(&results), 0o600);
    assert_eq!(text(&read(&results)), "www.a.com 192.0.2.1 A\nwww.b.com 192.0.2.2 A\n");
}

#[test]
fn a_reader_that_has_seen_enough_ends_the_program_without_a_word() {
    let place = Place::new();
    let busy = place.file("busy.toml", &LAB.replace("timeout = \"3s\"", "rate = 50"));
    let cases: [&[&str]; 7] = [
        &["list"],
        &["man"],
        &["paths"],
        &["schema"],
        &["completions", "bash"],
        &["check", &busy, &busy],
        &["run", &busy, "--plain", "--for", "10min"],
    ];
    for words in cases {
        let mut child = place.command(words).spawn().expect("it runs");
        // It has not even seen the first line.
        drop(child.stdout.take());
        let output = child.wait_with_output().expect("it ends");
        let complaint = text(&output.stderr);
        let code = output.status.code();
        assert!(matches!(code, Some(0 | 141)), "{words:?} ends with {code:?}: {complaint}");
        assert!(
            !complaint.contains("panicked") && !complaint.contains("roken pipe"),
            "{complaint}"
        );
    }
}

#[test]
fn standard_input_takes_commands_and_an_error_points_at_the_word() {
    let place = Place::new();
    let file = place.file("lab.toml", LAB);
    let mut run = place.start(&["run", &file, "--plain", "--for", "10min"]);
    run.say("# a comment, and a blank line\n");
    run.say("query client www.a.com");
    run.until("you  query client www.a.com");
    run.until("ls → client  192.0.2.1");
    run.say("kil ts1");
    run.say("kill ts9");
    run.say(&"x".repeat(100_000));
    run.say("kill ts1");
    run.until("ts1  KILLED");
    let (code, printed, errors) = run.quit();
    assert_eq!(code, Some(2), "{errors}");
    assert!(printed.contains("ts2  stopped"), "it ends in good order: {printed}");
    let lines: Vec<&str> = errors.lines().collect();
    let at = lines.iter().position(|line| *line == "kil ts1").expect("the line is shown");
    assert!(lines[at + 1].starts_with("^^^ "), "{errors}");
    let at = lines.iter().position(|line| *line == "kill ts9").expect("the line is shown");
    assert!(lines[at + 1].starts_with("     ^^^ "), "{errors}");
    assert!(errors.contains("at most 4096 bytes"), "{errors}");
}

#[test]
fn a_thousand_commands_at_once_are_all_carried_out_and_wait_waits() {
    let place = Place::new();
    let file = place.file("lab.toml", LAB);
    let commands = place.path("commands.txt");
    let marks: Vec<String> = (0..3000).map(|n| format!("mark number {n}\n")).collect();
    let marks = marks.concat();
    std::fs::write(&commands, format!("{marks}wait 400ms\nmark after\nquit\n")).expect("a file");
    let input = std::fs::File::open(&commands).expect("a file");
    let output = place
        .command(&["run", &file, "--plain", "--for", "10min"])
        .stdin(Stdio::from(input))
        .output()
        .expect("it runs");
    let printed = text(&output.stdout);
    let seen = printed.lines().filter(|line| line.contains("mark number")).count();
    assert_eq!(seen, 3000, "{}", text(&output.stderr));
    let time = |what: &str| {
        let line = printed.lines().find(|line| line.contains(what)).expect("it is printed");
        let word = line.split_whitespace().next().expect("a time");
        word.parse::<f64>().unwrap_or_else(|_| panic!("a time in {line:?}"))
    };
    assert!(time("mark after") - time("mark number 2999") >= 0.39, "{printed}");
}

/// What a plain run says beside its events: help, how things stand, why.
#[test]
fn a_plain_run_answers_what_it_is_asked() {
    let place = Place::new();
    let file = place.file("lab.toml", LAB);
    let mut run = place.start(&["run", &file, "--plain", "--ascii", "--for", "10min"]);
    run.say("help");
    run.until("kill NODE. ");
    run.until("status. ");
    run.say("help kill");
    run.until("Example: kill ");
    run.say("help kil");
    run.until("kil is no command");
    run.say("why");
    run.until("No question has ended yet.");
    run.say("query client www.a.com");
    run.until("ls -> client  192.0.2.1");
    run.say("why");
    run.until("www.a.com. ts1 answered");
    run.say("kill ts1");
    run.until("ts1  KILLED");
    run.say("status");
    run.until("3 of 4 nodes are up.");
    run.until("ts1 is dead: killed, for ");
    run.until("Fault: kill ts1.");
    run.until("1 question asked: 1 answered");
    let (_, printed, errors) = run.quit();
    assert!(printed.is_ascii(), "{printed}");
    assert!(!errors.contains("is no command"), "{errors}");
}

/// The lecture's texts come with its beats, for whoever does not see the panel.
#[test]
fn a_plain_run_reads_the_steps_out() {
    let place = Place::new();
    let step = "[[steps]]\nsay = \"A note.\\nIts rest.\"\nask = \"What now?\"\n\
                reveal = \"This.\"\ndo = [\"mark here\"]\n";
    let file = place.file("lab.toml", &format!("{LAB}{step}"));
    let output = place.run(&["run", &file, "--plain"]);
    let printed = text(&output.stdout);
    let at = |what: &str| printed.find(what).unwrap_or_else(|| panic!("{what}:\n{printed}"));
    let texts = ["note  A note. Its rest.", "question  What now?", "mark here", "answer  This."];
    assert!(texts.map(at).is_sorted(), "{printed}");
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_ends_the_recording_and_not_the_run() {
    let place = Place::new();
    let file = place.file("lab.toml", &expecting("query client ends answered from ts1 within 5s"));
    let output = place.run(&["run", &file, "--headless", "--events", "/dev/full"]);
    let errors = text(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{errors}");
    assert_eq!(errors.matches("the events cannot be written any more").count(), 1, "{errors}");
    assert!(errors.contains("every expectation held"), "{errors}");
}
