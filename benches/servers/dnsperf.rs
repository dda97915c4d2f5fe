//! dnsperf, of Debian's package: who asks as fast as is answered, or so many times a second.

use super::{Cores, questions};
use std::process::{Command, Stdio};

/// What it says at its end.
#[derive(Debug, Clone, Copy)]
pub struct Told {
    /// Answers a second.
    pub rate: f64,
    /// Questions that were answered.
    pub answered: u64,
    /// Questions without an answer within five seconds, or with another code than NOERROR.
    pub lost: u64,
    /// The longest time of an answer, in milliseconds.
    pub slowest_ms: f64,
}

/// Asks at a port for so many seconds with four clients, a hundred questions outstanding at most. `rate`: how many a
/// second at most. `meanwhile` is done while it runs.
pub fn ask(
    port: u16,
    seconds: u32,
    rate: Option<u32>,
    cores: Cores,
    meanwhile: impl FnOnce(),
) -> Told {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("questions");
    std::fs::write(&file, questions()).expect("the folder takes it");
    let mut command: Command = cores.command("dnsperf");
    command.args(["-s", "127.0.0.1", "-c", "4", "-q", "100", "-p", &port.to_string()]);
    command.args(["-l", &seconds.to_string(), "-d"]).arg(&file);
    if let Some(rate) = rate {
        command.args(["-Q", &rate.to_string()]);
    }
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
    let child = command.spawn().expect("it is installed");
    meanwhile();
    let output = child.wait_with_output().expect("it ends");
    let text = String::from_utf8_lossy(&output.stdout);
    let after = |words: &str| {
        let at = text.find(words).unwrap_or_else(|| panic!("no {words:?} in\n{text}"));
        text[at + words.len()..].trim_start().to_owned()
    };
    let number = |words: &str| -> f64 {
        let rest = after(words);
        let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rest.len());
        rest[..end].parse().unwrap_or(0.0)
    };
    let good = if text.contains("NOERROR") { number("NOERROR") as u64 } else { 0 };
    let longest = after("Average Latency (s):");
    let longest =
        longest.split("max ").nth(1).and_then(|rest| rest.split(')').next()?.parse().ok());
    Told {
        rate: number("Queries per second:"),
        answered: good,
        lost: number("Queries sent:") as u64 - good,
        slowest_ms: longest.unwrap_or(f64::NAN) * 1e3,
    }
}
