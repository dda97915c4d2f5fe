//! Names that a layer must never use: sockets, clocks, threads, tasks, global randomness, printing, raw cells.
//!
//! Every identifier counts, wherever it stands; what a rule allows is written in its row, with the reason beside it.

use super::source::{Complaints, Source, identifiers};

/// A rule: these names may stand in these places of `src` alone.
struct Rule {
    names: &'static [&'static str],
    /// Layers (`lab`) and files (`panel/app.rs`).
    places: &'static [&'static str],
    why: &'static str,
}

const RULES: &[Rule] = &[
    Rule {
        names: &["tokio", "tokio_util"],
        places: &["lab"],
        why: "only the laboratory on real sockets is asynchronous",
    },
    Rule {
        names: &[
            "TcpStream",
            "TcpListener",
            "TcpSocket",
            "UdpSocket",
            "UnixStream",
            "UnixListener",
            "UnixDatagram",
        ],
        places: SOCKETS,
        why: "only the laboratory and what measures it from outside have sockets; addresses as values are fine",
    },
    Rule {
        names: &["Instant"],
        places: CLOCKS,
        why: "the wall clock is read in the lab's clock and in the panel's loop; elsewhere time is \
              a parameter",
    },
    Rule {
        names: &[
            "SystemTime",
            "UNIX_EPOCH",
            "clock_gettime",
            "gettimeofday",
            "ClockId",
            "Realtime",
        ],
        places: DATES,
        why: "the date may be set by anybody at any moment: nothing that a timer or a node could \
              see may know it",
    },
    Rule {
        names: &["thread_local", "rand", "thread_rng", "getrandom", "RandomState", "fastrand"],
        places: &["lab"],
        why: "draws are made by key from the lab's seed (base::draw)",
    },
    Rule {
        names: &[
            "spawn",
            "spawn_blocking",
            "spawn_local",
            "spawn_scoped",
            "JoinSet",
            "TaskTracker",
        ],
        places: SPAWNERS,
        why: "only the laboratory starts tasks and threads, and the guard over signals",
    },
    Rule {
        names: &["println", "print", "eprintln", "eprint", "dbg", "stdout", "stderr"],
        places: PRINTERS,
        why: "only main, mode and report print; the terminal writes through its own file",
    },
    Rule {
        names: &["ratatui", "crossterm"],
        places: &["panel"],
        why: "colour and layout are decided in the panel",
    },
    Rule {
        names: &["clap", "anyhow"],
        places: &["main", "cli", "mode"],
        why: "the command line and untyped errors stay at the edge",
    },
    Rule {
        names: &[
            "set_symbol",
            "set_char",
            "set_string",
            "set_stringn",
            "set_line",
            "set_span",
            "render_widget",
            "render_stateful_widget",
        ],
        places: &[CELLS],
        why: "these let raw text through to the terminal: the canvas draws text that is `Shown`",
    },
    Rule { names: &["transmute", "unsafe"], places: &[], why: "nothing here needs it" },
];

/// Watches signals and the terminal's line, on a thread of its own and through a pipe of its own: it must end the
/// program within half a second, even while a write to the terminal blocks.
const GUARD: &str = "panel/guard.rs";
/// The plain sockets of the calibration, which must share nothing with the laboratory that they look at, and its watch
/// over the machine.
const PROBE: &str = "mode/calibrate/probe.rs";
const PROBE_TESTS: &str = "mode/calibrate/probe_tests.rs";
const FORWARDER: &str = "mode/calibrate/forwarder.rs";
const WATCH: &str = "mode/calibrate/lag.rs";
const DEADLINE: &str = "mode/calibrate/deadline.rs";
/// Where sockets may be named.
const SOCKETS: &[&str] = &["lab", GUARD, PROBE, PROBE_TESTS, FORWARDER];
/// Where the monotonic clock may be read. Nobody can set it.
const CLOCKS: &[&str] = &["lab", "panel/app.rs", GUARD, PROBE, WATCH, DEADLINE];
/// Where the date may be read or a moment of it named: `data` names a run's folder after it, and `watched` asks
/// whether a file has changed. Both are in `mode`, which no other layer may name (see `layers`), so neither the lab nor
/// a machine nor the panel can come to know it: with the date a day ahead or back, no timer is other than before.
const DATES: &[&str] = &["mode/data.rs", "mode/watched.rs"];
/// Where threads and tasks may be started. Keys and standard input are read on threads, for nothing can interrupt such
/// a read; the topology's file is watched on one, and recordings and casts are written on one, for a slow disk must not
/// hold the panel up.
const SPAWNERS: &[&str] = &[
    "lab",
    "panel/terminal.rs",
    GUARD,
    PROBE,
    PROBE_TESTS,
    FORWARDER,
    WATCH,
    "mode/stdin.rs",
    "mode/watched.rs",
    "mode/beside.rs",
];
/// Where standard output and error may be named.
const PRINTERS: &[&str] = &["main", "cli", "mode", "report", "panel/terminal.rs"];
/// The one file that may fill a cell.
const CELLS: &str = "panel/paint.rs";

/// Every forbidden name of this file.
pub fn check(source: &Source) -> Complaints {
    let Some(inside) = source.path.strip_prefix("src/") else { return Vec::new() };
    let layer = source.layer().unwrap_or_default();
    let mut found = Vec::new();
    identifiers(source.tokens(), &mut found);
    let mut complaints = Vec::new();
    for (word, line) in found {
        for rule in RULES {
            let here = rule.places.iter().any(|place| *place == layer || *place == inside);
            if rule.names.contains(&word.as_str()) && !here {
                complaints.push(source.says(line, &format!("`{word}`: {}", rule.why)));
            }
        }
    }
    complaints
}

mod tests {
    use super::super::source::Source;
    use super::{RULES, check};

    fn complaints(path: &str, text: &str) -> usize {
        check(&Source::planted(path, text)).len()
    }

    #[test]
    fn each_name_is_found_in_code_and_in_macros_and_not_in_texts() {
        for name in RULES.iter().flat_map(|rule| rule.names) {
            let planted = format!("fn f() {{ vec![x::{name}]; }}");
            assert_eq!(complaints("src/engine/pace.rs", &planted), 1, "{name}");
            let harmless = format!("/// {name}\nfn f() {{ \"{name}\"; }}");
            assert_eq!(complaints("src/engine/pace.rs", &harmless), 0, "{name}");
        }
    }

    #[test]
    fn the_usual_ways_in_are_closed() {
        for (path, planted) in [
            ("src/machine/ts.rs", "use std::time::Instant;"),
            ("src/lab/clock.rs", "use std::time::SystemTime;"),
            ("src/lab/scheduler.rs", "use rustix::time::ClockId;"),
            ("src/panel/app.rs", "fn f() { let since = SystemTime::now(); }"),
            ("src/link/mod.rs", "use std::time::{Duration, SystemTime};"),
            ("src/wire/line.rs", "use std::net::TcpStream as S;"),
            ("src/world/mod.rs", "use ratatui::style::Color;"),
            ("src/report/mod.rs", "fn f() { std::thread::spawn(|| ()); }"),
            ("src/log/mod.rs", "fn f() { println!(); }"),
            ("src/sim/mod.rs", "thread_local! { static X: u8 = 1; }"),
            ("src/panel/map.rs", "fn f(c: &mut Cell) { c.set_char('x'); }"),
            ("src/panel/map.rs", "fn f() { let now = Instant::now(); }"),
            ("src/mode/mod.rs", "#[tokio::main] async fn main() {}"),
        ] {
            assert_eq!(complaints(path, planted), 1, "{planted}");
        }
    }

    #[test]
    fn what_a_place_may_do_passes() {
        for (path, fine) in [
            ("src/lab/clock.rs", "use std::time::Instant; use tokio::net::TcpStream;"),
            ("src/topology/model.rs", "use std::net::{IpAddr, SocketAddr};"),
            ("src/mode/mod.rs", "fn f() { println!(); }"),
            ("src/panel/app.rs", "use std::time::Instant;"),
        ] {
            assert_eq!(complaints(path, fine), 0, "{fine}");
        }
    }
}
