//! The panel from outside, in a real pseudo-terminal: how soon its first frame stands, what it costs while nothing
//! happens, and how long a key takes to the screen while a thousand questions a second flow; the same with a thousand
//! nodes.
//!
//! `cargo bench --bench panel` prints the figures.

mod terminal;
mod thousand;

use std::time::{Duration, Instant};
use terminal::Shown;

const SIZE: (u16, u16) = (120, 40);
/// A thousand nodes are shown on a large screen: there is more to draw.
const LARGE: (u16, u16) = (200, 60);
/// Keys that are timed.
const KEYS: usize = 200;
/// How long the panel idles while its processor time is counted.
const IDLE: Duration = Duration::from_secs(5);
/// Between two keys that are timed: no key waits for the frame of the one before.
const PAUSE: Duration = Duration::from_millis(7);

fn main() {
    let home = tempfile::tempdir().expect("a folder");
    let start = || {
        let begun = Instant::now();
        let mut shown = Shown::start(&["run", "first-answer"], SIZE, home.path());
        shown.until("the panel", |text| {
            text.contains("1 Map") && text.contains("ts2") && text.contains("? help")
        });
        (begun.elapsed().as_secs_f64() * 1e3, shown)
    };
    let starts = (0..9).map(|_| start().0).collect();
    println!("first complete frame, median of 9   {:6.1} ms", Times(starts).at(50));

    let (_, mut shown) = start();
    shown.take_for(Duration::from_secs(1));
    let before = shown.processor_seconds();
    shown.take_for(IDLE);
    let idle = (shown.processor_seconds() - before) / IDLE.as_secs_f64();
    println!("idle, share of one core             {:6.2} %", idle * 100.0);

    load(&mut shown);
    println!("help and back at 1,000 questions/s  {}", help(&mut shown).words());
    drop(shown);

    let labs = [
        ("name servers", NAME_SERVERS.to_owned(), true),
        ("replicas, a heartbeat a second", thousand::replicas(Duration::from_secs(1)), false),
        (
            "replicas, ten heartbeats a second",
            thousand::replicas(Duration::from_millis(100)),
            false,
        ),
    ];
    for (what, text, asked) in labs {
        let file = home.path().join("thousand.toml");
        std::fs::write(&file, text).expect("the folder takes it");
        let file = file.to_str().expect("a temporary folder has a plain name");
        let begun = Instant::now();
        let mut shown = Shown::start(&["run", file], LARGE, home.path());
        shown.until("that all are up", |text| text.contains("up 1000/1000"));
        let took = begun.elapsed().as_secs_f64() * 1e3;
        println!("1,000 nodes: {what}\n  all up and on the screen          {took:6.0} ms");
        // Everybody connects, and hears everybody once.
        shown.take_for(Duration::from_secs(5));
        println!("  another node selected             {}", moved(&mut shown).words());
        println!("  help and back                     {}", help(&mut shown).words());
        if asked {
            load(&mut shown);
            println!("  selected at 1,000 questions/s     {}", moved(&mut shown).words());
        }
    }
}

/// A client, an LS and so many name servers that all of them are a thousand.
const NAME_SERVERS: &str = "title = 'a thousand name servers'\n\
    [nodes.client]\nrole = 'client'\nasks = 'ls'\nnames = ['www.a.com']\n\
    [nodes.ls]\nrole = 'ls'\nupstreams = ['leaf']\npolicy = 'round-robin'\n\
    [groups.leaf]\nrole = 'ts'\ncount = 998\nprefix = 'leaf'\n\
    records = ['www.a.com 192.0.2.1 A']\n";

/// Lets the client ask a thousand questions a second.
fn load(shown: &mut Shown) {
    shown.keys(":load client 1000/s\r");
    shown.until("the load", |text| text.contains("1000/s"));
    shown.take_for(Duration::from_secs(2));
}

/// Milliseconds from the help key to the help, and back.
fn help(shown: &mut Shown) -> Times {
    let is_shown = |text: &str| text.contains("Keys that are valid");
    let mut times = Vec::new();
    for _ in 0..KEYS / 2 {
        for (key, wanted) in [("?", true), ("\u{1b}", false)] {
            shown.take_for(PAUSE);
            let begun = Instant::now();
            shown.keys(key);
            shown.until("help", |text| is_shown(text) == wanted);
            times.push(begun.elapsed().as_secs_f64() * 1e3);
        }
    }
    Times(times)
}

/// Milliseconds from an arrow to the map with another node selected.
fn moved(shown: &mut Shown) -> Times {
    // Its name stands behind a mark on the map's edge.
    let selected = |text: &str| {
        let edge = text.lines().find(|line| line.contains("1 Map"))?;
        let (_, name) = edge.split_once("▸ ")?;
        name.split(' ').next().map(str::to_owned)
    };
    let mut times = Vec::new();
    for at in 0..KEYS {
        shown.take_for(PAUSE);
        let before = selected(&shown.text());
        let begun = Instant::now();
        shown.keys(if at % 2 == 0 { "j" } else { "k" });
        shown.until("another node", |text| selected(text) != before);
        times.push(begun.elapsed().as_secs_f64() * 1e3);
    }
    Times(times)
}

/// Milliseconds.
struct Times(Vec<f64>);

impl Times {
    /// What so many of a hundred are not above.
    fn at(&self, percent: usize) -> f64 {
        let mut sorted = self.0.clone();
        sorted.sort_by(f64::total_cmp);
        sorted[(sorted.len() * percent / 100).min(sorted.len() - 1)]
    }

    fn words(&self) -> String {
        let [p50, p95, most] = [50, 95, 100].map(|percent| self.at(percent));
        format!("p50 {p50:5.1} ms  p95 {p95:5.1} ms  most {most:5.1} ms")
    }
}
