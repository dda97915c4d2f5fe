//! Topology files from outside: every bad file of `bad_files/` gives exactly its text, the monsters
//! made here are refused at once, and nothing that a file can hold makes the reader panic.
//!
//! `UPDATE_EXPECT=1 cargo test --test topology` rewrites the expected texts; read the difference
//! before committing it.

#[path = "topology/lab.rs"]
mod lab;

use faultlab::message::{HostName, Shape};
use faultlab::topology::{
    Accept, Bundled, Kind, Options, Policy, Problems, Service, Severity, Wire, bundle, estimate,
    load, load_text,
};
use lab::{LAB, ok};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// A bad file is refused faster than a person notices. An unoptimised parser on a machine that runs
/// other tests beside is given more.
const REFUSED_WITHIN: Duration = Duration::from_secs(if cfg!(debug_assertions) { 5 } else { 1 });

fn bad_files() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/bad_files")
}

fn refused(path: &Path) -> Problems {
    let start = Instant::now();
    let Err(problems) = load(path, Options::default()) else {
        panic!("{} was accepted", path.display());
    };
    let text = problems.to_string();
    let took = start.elapsed();
    assert!(took < REFUSED_WITHIN, "{} took {took:?}", path.display());
    assert!(problems.errors() > 0);
    assert!(text.chars().all(|c| c == '\n' || !c.is_control()), "{text:?}");
    problems
}

#[test]
fn every_bad_file_gives_exactly_its_text() {
    let folder = bad_files();
    let update = std::env::var_os("UPDATE_EXPECT").is_some();
    let mut names: Vec<String> = fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter_map(|name| name.strip_suffix(".toml").map(str::to_owned))
        .collect();
    names.sort();
    assert!(names.len() >= 100, "{}", names.len());
    let mut wrong = Vec::new();
    for name in &names {
        let problems = refused(&folder.join(format!("{name}.toml")));
        // The folder of the checkout is not part of the text.
        let prefix = format!("{}/", folder.display());
        let got = format!("{problems}\n").replace(&prefix, "");
        let path = folder.join(format!("{name}.txt"));
        if update {
            fs::write(&path, got).unwrap();
        } else {
            let expected = fs::read_to_string(&path).unwrap_or_default();
            if expected != got {
                wrong.push(format!("== {name}\n-- expected\n{expected}-- got\n{got}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{} differ\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn every_problem_says_what_would_be_right() {
    let folder = bad_files();
    for entry in fs::read_dir(&folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "toml") {
            let problems = refused(&path);
            for problem in problems.iter() {
                assert!(!problem.help.is_empty(), "{}: {problem:?}", path.display());
                assert!(!problem.message.contains('\n') && !problem.message.ends_with('.'));
            }
        }
    }
}

#[test]
fn monsters_are_refused_at_once() {
    let dir = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| {
        let path = dir.path().join(name);
        fs::write(&path, text).unwrap();
        path
    };
    let repeat =
        |count: usize, line: fn(usize) -> String| (0..count).map(line).collect::<Vec<_>>().concat();
    let nodes = |count| {
        repeat(count, |at| {
            format!(
                "[nodes.n{at}]
role='ts'
"
            )
        })
    };
    let cases = [
        (write("nodes", &nodes(200_000)), "too large"),
        (write("nodes_in_a_mebibyte", &nodes(40_000)), "at most 2,000 nodes"),
        (write("brackets", &format!("a = {}", "[".repeat(20_000))), "nested so deeply"),
        (write("inline", &format!("a = {}", "{a=".repeat(20_000))), "nested so deeply"),
        (write("dotted", &format!("{}a = 1", "a.".repeat(20_000))), "nested so deeply"),
        (write("equals", &"=".repeat(400_000)), "unquoted keys cannot be empty"),
        (write("lines", &"=\n".repeat(500_000)), "at most 100,000 lines"),
        (write("duplicates", &"a=1\n".repeat(90_000)), "more: mend these first"),
        (write("unknown", &repeat(60_000, |at| format!("k{at}=1\n"))), "more: mend"),
        (
            write("one_line", &format!("title = \"{}\"", "x".repeat(1_000_000))),
            "does not fit on one line",
        ),
        (
            write(
                "references",
                &format!("[nodes.ls]\nrole='ls'\nupstreams=[{}]\n", "'*',".repeat(200_000)),
            ),
            "too many",
        ),
        (dir.path().to_path_buf(), "a directory"),
        (PathBuf::from("/dev/zero"), "no regular file"),
        (PathBuf::from("/dev/null"), "no regular file"),
        (PathBuf::from("no/such/file.toml"), "there is no file"),
        (PathBuf::from("first-anwser"), "did you mean the bundled topology `first-answer`?"),
        (PathBuf::from(""), "there is no file"),
        (PathBuf::from("a\0b"), "cannot be read"),
    ];
    for (path, part) in cases {
        let text = refused(&path).to_string();
        assert!(text.contains(part), "{}: {part}\n{text}", path.display());
        assert!(text.len() < 40_000, "{}: {} bytes", path.display(), text.len());
    }
}

#[test]
fn a_file_of_100_mb_is_refused_without_reading_it() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("big.toml");
    // Sparse: the file system says 100 MB, and reading them would take more time than is allowed.
    fs::File::create(&path).unwrap().set_len(100 * 1024 * 1024).unwrap();
    let text = refused(&path).to_string();
    assert!(text.contains("104,857,600 bytes") && text.contains("1 MiB"), "{text}");
}

#[cfg(unix)]
#[test]
fn a_fifo_and_a_socket_are_refused_without_opening_them() {
    let dir = tempfile::tempdir().unwrap();
    let fifo = dir.path().join("fifo.toml");
    let made = std::process::Command::new("mkfifo").arg(&fifo).status().unwrap();
    assert!(made.success());
    let socket = dir.path().join("socket.toml");
    let _listener = std::os::unix::net::UnixListener::bind(&socket).unwrap();
    for path in [&fifo, &socket] {
        assert!(refused(path).to_string().contains("no regular file"));
    }
    // The same for the lists that a topology names.
    let topology = dir.path().join("a.toml");
    fs::write(&topology, "[nodes.ts]\nrole = 'ts'\nrecords = 'fifo.toml'\n").unwrap();
    assert!(refused(&topology).to_string().contains("no regular file"));
}

#[cfg(unix)]
#[test]
fn a_link_that_leads_out_of_the_folder_is_not_followed() {
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path().join("lecture");
    fs::create_dir(&folder).unwrap();
    fs::write(dir.path().join("secret"), "www.a.com 1.2.3.4 A\n").unwrap();
    std::os::unix::fs::symlink("../secret", folder.join("records")).unwrap();
    let topology = folder.join("a.toml");
    fs::write(&topology, "[nodes.ts]\nrole = 'ts'\nrecords = 'records'\n").unwrap();
    assert!(refused(&topology).to_string().contains("leads out"));
}

#[test]
fn bundled_topologies_are_valid_and_without_warnings() {
    for entry in bundle::list() {
        let loaded = load(Path::new(entry.name), Options::default())
            .unwrap_or_else(|problems| panic!("{problems}"));
        assert_eq!(loaded.topology.name, entry.name);
        assert_eq!(loaded.topology.title, entry.title);
        assert!(loaded.warnings.is_empty(), "{}", loaded.warnings);
        let path = format!("{}/topologies/{}.toml", env!("CARGO_MANIFEST_DIR"), entry.name);
        let on_disk = load(Path::new(&path), Options::default()).unwrap();
        assert_eq!(on_disk.topology, loaded.topology);
    }
}

#[test]
fn the_schema_beside_the_bundled_files_is_the_one_of_this_version() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("topologies/schema.json");
    let got = serde_json::to_string_pretty(&faultlab::topology::schema()).unwrap() + "\n";
    if std::env::var_os("UPDATE_EXPECT").is_some() {
        fs::write(&path, &got).unwrap();
    }
    assert!(fs::read_to_string(&path).unwrap_or_default() == got, "run with UPDATE_EXPECT=1");
    for key in ["upstreams", "first-positive", "round-robin", "eof-is-answer", "between"] {
        assert!(got.contains(&format!("\"{key}\"")), "{key}");
    }
}

#[test]
fn what_is_not_stated_has_its_default() {
    let topology = ok(LAB).topology;
    assert_eq!((topology.name.as_str(), topology.title.as_str()), ("test", "test"));
    assert!(!topology.auto_pace);
    let id = |name: &str| topology.names.id(name).unwrap();
    let Kind::Client(client) = &topology.node(id("client")).kind else { panic!() };
    assert_eq!(client.timeout, Duration::from_secs(10));
    assert_eq!((client.list.len(), client.retry.times), (2, 0));
    let Kind::Ls(ls) = &topology.node(id("ls")).kind else { panic!() };
    assert_eq!(ls.upstreams, [id("ts1"), id("ts2")]);
    assert_eq!((ls.policy, ls.accept), (Policy::Race, Accept::FirstFinal));
    assert_eq!((ls.timeout, ls.window), (Duration::from_secs(5), Duration::from_secs(3)));
    assert_eq!(
        (ls.failover_after, ls.reconnect, ls.failover, ls.health),
        (Duration::from_secs(1), Duration::from_secs(1), true, None)
    );
    assert_eq!(topology.node(id("ts1")).listen.line, Some(0));
    assert_eq!(topology.node(id("client")).listen.line, None);
    assert_eq!(topology.holders(&HostName::new("WWW.B.com")).collect::<Vec<_>>(), [id("ts2")]);
}

#[test]
fn links_take_the_most_special_of_what_is_written() {
    let text = format!(
        "{LAB}{}",
        r#"
        [defaults.link]
        latency = "40ms"
        jitter = "5ms"
        wire = "line"
        [[links]]
        from = "ls"
        to = "ts1"
        cut = true
        [[links]]
        between = ["ls", "ts1"]
        latency = "1ms"
        wire = "line"
        [[links]]
        between = ["ls", "ts*"]
        latency = "2ms"
        distribution = "exponential"
        "#
    );
    let topology = ok(&text).topology;
    let link = |from: &str, to: &str| {
        topology.link(topology.names.id(from).unwrap(), topology.names.id(to).unwrap())
    };
    let there = link("ls", "ts1");
    assert_eq!((there.latency, there.cut), (Duration::from_millis(1), true));
    assert_eq!(there.jitter.shape, Shape::Exponential);
    assert_eq!(there.jitter.mean, Duration::from_millis(5));
    let back = link("ts1", "ls");
    assert_eq!((back.latency, back.cut), (Duration::from_millis(1), false));
    assert_eq!(link("ls", "ts2").latency, Duration::from_millis(2));
    assert_eq!(link("client", "ls"), topology.default_link);
    for (a, b) in [("client", "ls"), ("ls", "ts1"), ("ts1", "ls")] {
        let (a, b) = (topology.names.id(a).unwrap(), topology.names.id(b).unwrap());
        assert_eq!(topology.wire(a, b), Wire::Line);
        assert_eq!(topology.node(b).listen.port(topology.wire(a, b)), topology.node(b).listen.line);
    }
}

#[test]
fn a_link_speaks_the_wire_that_is_written_at_it_in_both_directions() {
    let text = format!(
        "{LAB}{}",
        r#"
        [[links]]
        between = ["ls", "ts*"]
        latency = "2ms"
        [[links]]
        between = ["ls", "ts1"]
        wire = "dns"
        "#
    );
    let topology = ok(&text).topology;
    let id = |name: &str| topology.names.id(name).unwrap();
    let wire = |a: &str, b: &str| topology.wire(id(a), id(b));
    assert_eq!((wire("ls", "ts1"), wire("ts1", "ls")), (Wire::Dns, Wire::Dns));
    assert_eq!((wire("ls", "ts2"), wire("client", "ls")), (Wire::Line, Wire::Line));
    // It listens where it is asked.
    let listens = |name: &str| Wire::ALL.map(|wire| topology.node(id(name)).listen.port(wire));
    assert_ne!(listens("ts1"), listens("ts2"));
    assert_eq!(topology.node(id("ts1")).listen.port(Wire::Dns), Some(0));
}

#[test]
fn groups_make_nodes_and_give_defaults() {
    let text = r#"
        [nodes.ls]
        role = "ls"
        upstreams = ["store"]
        [groups.store]
        role = "ts"
        members = ["a", "b"]
        records = { "www.a.com" = "1.2.3.4" }
        responds = { p50 = "5ms", p99 = "1s" }
        on_miss = "negative"
        [groups.leaf]
        role = "ts"
        count = 100
        prefix = "leaf"
        records = { "www.a.com" = "1.2.3.4" }
        start = "off"
        [nodes.b]
        responds = "1ms"
    "#;
    let topology = ok(text).topology;
    let ts = |name: &str| {
        let node = topology.node(topology.names.id(name).unwrap());
        match &node.kind {
            Kind::Ts(ts) => (node.clone(), ts.clone()),
            _ => panic!(),
        }
    };
    assert_eq!(topology.nodes.len(), 103);
    assert_eq!(topology.groups["store"].len(), 2);
    assert_eq!(topology.names.of(topology.nodes[0].id), "ls");
    let (a, b) = (ts("a"), ts("b"));
    assert_eq!((a.0.group.as_deref(), b.0.group.as_deref()), (Some("store"), Some("store")));
    assert!(matches!(a.1.responds, Service::Percentiles { .. }));
    assert_eq!(b.1.responds, Service::Constant(Duration::from_millis(1)));
    assert_eq!(b.1.on_miss, a.1.on_miss);
    assert!(!ts("leaf100").0.starts && a.0.starts);
    let need = estimate(&topology);
    assert_eq!((need.listeners, need.connections, need.sockets), (103, 2, 107));
}

#[test]
fn odd_ports_are_warned_of_and_outside_nodes_are_not_ours() {
    let text = format!(
        "{LAB}{}",
        r#"
        [nodes.ts3]
        role = "ts"
        listen = { line = 40000 }
        records = {}
        [nodes.ts4]
        role = "ts"
        listen = { line = 5353 }
        records = {}
        [nodes.ts9]
        role = "ts"
        at = "127.0.0.1:5300"
        "#
    );
    let loaded = ok(&text);
    assert_eq!((loaded.warnings.warnings(), loaded.warnings.errors()), (2, 0));
    assert!(loaded.warnings.iter().all(|problem| problem.severity == Severity::Warning));
    let topology = loaded.topology;
    let outside = topology.node(topology.names.id("ts9").unwrap());
    assert_eq!(outside.at, Some("127.0.0.1:5300".parse().unwrap()));
    assert!(!outside.starts && outside.listen.line.is_none());
}

#[test]
fn addresses_of_other_machines_want_to_be_allowed() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.toml");
    let text =
        LAB.replace("[nodes.ts1]\n", "[nodes.ts1]\nlisten = { line = 0, address = \"0.0.0.0\" }\n");
    fs::write(&path, text).unwrap();
    assert!(load(&path, Options::default()).is_err());
    let loaded = load(&path, Options { allow_nonlocal: true }).unwrap();
    let ts1 = loaded.topology.names.id("ts1").unwrap();
    assert_eq!(loaded.topology.node(ts1).listen.address, Some("0.0.0.0".parse().unwrap()));
}

/// Needs the grammar of commands: it reads the lines of steps.
mod with_grammar {
    use super::*;

    #[test]
    fn steps_are_read_and_their_errors_point_at_the_word() {
        let text = format!(
            "{LAB}{}",
            r#"
[[steps]]
say = "Two names."
do = ["query client www.a.com", "set ls policy failover", "kill ts1"]
expect = ["query client www.a.com ends answered within 2s"]
confessed = ["set ls policy race"]
repaired = ["set ls policy sticky"]
"#
        );
        let topology = ok(&text).topology;
        let step = &topology.steps[0];
        assert_eq!((step.commands.len(), step.expect.len()), (3, 1));
        assert_eq!((step.confessed.len(), step.repaired.len()), (1, 1));
        for (line, part) in [
            ("query ls www.a.com", "only clients"),
            ("set ls policy rase", "did you mean `race`?"),
            ("lie ls on", "answers nothing itself"),
        ] {
            let bad = text.replace("kill ts1", line);
            let problems = load_text("test.toml", &bad, &Bundled).unwrap_err();
            assert_eq!(problems.errors(), 1, "{problems}");
            assert!(problems.to_string().contains(part), "{line}: {problems}");
        }
        let bad = text.replace("kill ts1", "kill ts7");
        let problems = load_text("test.toml", &bad, &Bundled).unwrap_err();
        let problem = problems.iter().next().unwrap();
        let at = problem.at.unwrap();
        assert_eq!(&bad[at.start as usize..at.end as usize], "ts7", "{problems}");
    }
}

/// Needs the grammar of commands.
#[test]
fn a_batch_of_no_names_is_refused() {
    let text = LAB.replace("names = [\"www.a.com\", \"www.b.com\"]\n", "");
    for line in ["batch client", "query client", "load client 50"] {
        let bad = format!("{text}\n[[steps]]\ndo = \"{line}\"\n");
        let problems = load_text("test.toml", &bad, &Bundled).unwrap_err();
        assert!(problems.to_string().contains("has no list"), "{problems}");
    }
}

/// Every key that the schema knows stands in the documentation, and every flaw.
#[test]
fn every_key_and_flaw_is_documented() {
    fn keys(value: &serde_json::Value, out: &mut Vec<String>) {
        if let Some(object) = value.as_object() {
            if let Some(properties) = object.get("properties").and_then(|it| it.as_object()) {
                out.extend(properties.keys().cloned());
            }
            for value in object.values() {
                keys(value, out);
            }
        } else if let Some(list) = value.as_array() {
            for value in list {
                keys(value, out);
            }
        }
    }
    let documented = include_str!("../docs/topology.md");
    let mut wanted = Vec::new();
    keys(&faultlab::topology::schema(), &mut wanted);
    assert!(wanted.len() > 50);
    wanted.extend(faultlab::message::Flaw::ALL.map(|flaw| flaw.word().to_owned()));
    wanted.retain(|key| !documented.contains(&format!("| `{key}` |")));
    assert!(wanted.is_empty(), "not in docs/topology.md: {wanted:?}");
}
