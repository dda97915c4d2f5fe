//! Writes commands and expectations in the words that are read back.

use super::expect::FIRST_WORDS;
use super::expect_store;
use super::operate;
use super::read::{SHAPES, repetitions};
use super::token::{Word, quote};
use crate::base::{ClockRate, Names, NodeId, Peer, units};
use crate::command::expect::{WITHIN_DEFAULT, belief_word};
use crate::command::{Command, Expectation, LinkSet};
use crate::message::{HostName, Shape};
use std::time::Duration;

/// The words of a command.
pub(super) fn command(command: &Command, names: &Names) -> String {
    let node = |verb: &str, id: NodeId| format!("{verb} {}", names.of(id));
    let link = |verb: &str, set: &LinkSet| format!("{verb} {}", links(set, names));
    match command {
        Command::Query { client, name, kind, times } => {
            let mut words =
                name.as_ref().map(|name| format!(" {}", host(name))).unwrap_or_default();
            if name.is_some() && !kind.is_usual() {
                words = format!("{words} {kind}");
            }
            let times = if *times == 1 { String::new() } else { format!(" x{times}") };
            format!("query {}{words}{times}", names.of(*client))
        }
        Command::Batch { client } => node("batch", *client),
        Command::Load { client, per_kilosecond } => {
            format!("load {} {}", names.of(*client), rate(*per_kilosecond))
        }
        Command::Operate { client, operation, times } => {
            operate::words(names.of(*client), operation, *times)
        }
        Command::Wipe(id) => node("wipe", *id),
        Command::Kill(id) => node("kill", *id),
        Command::Crash(id) => node("crash", *id),
        Command::PowerOff(id) => node("power-off", *id),
        Command::Freeze(id) => node("freeze", *id),
        Command::Thaw(id) => node("thaw", *id),
        Command::Revive(id) => node("revive", *id),
        Command::Stop(id) => node("stop", *id),
        Command::Lie(id, on) => format!("lie {} {}", names.of(*id), if *on { "on" } else { "off" }),
        Command::Skew(id, ahead) => format!("{} {}", node("skew", *id), skew(*ahead)),
        Command::Drift(id, ClockRate::RIGHT) => format!("{} off", node("drift", *id)),
        Command::Drift(id, rate) => format!("{} {rate}", node("drift", *id)),
        Command::Cut(set) => link("cut", set),
        Command::CutOnly(set) => link("cut-only", set),
        Command::Uncut(set) => link("uncut", set),
        Command::Heal(set) => link("heal", set),
        Command::Hold(set) => link("hold", set),
        Command::Release(set, None) => link("release", set),
        Command::Release(set, Some(frame)) => format!("{} {frame}", link("release", set)),
        Command::Drop(set, frame) => format!("{} {frame}", link("drop", set)),
        Command::Delay(set, time) => format!("{} {}", link("delay", set), units::exact(*time)),
        Command::Jitter(set, mean, shape) => {
            format!("{} {}{}", link("jitter", set), units::exact(*mean), shape_word(*shape))
        }
        Command::Loss(set, value) => format!("{} {}", link("loss", set), share(*value)),
        Command::Duplicate(set, value) => format!("{} {}", link("duplicate", set), share(*value)),
        Command::Reorder(set, value) => format!("{} {}", link("reorder", set), share(*value)),
        Command::Bandwidth(set, rate) => {
            format!("{} {}", link("bandwidth", set), rate.map_or("off".into(), bandwidth))
        }
        Command::Set { node, key, value } => {
            format!("set {} {key} {}", names.of(*node), rest(value))
        }
        other => of_lab(other),
    }
}

fn of_lab(command: &Command) -> String {
    match command {
        Command::Speed(rate) => format!("speed {rate}"),
        Command::Pace { auto } => format!("pace {}", if *auto { "auto" } else { "real" }),
        Command::Wait(time) => format!("wait {}", units::exact(*time)),
        Command::Mark(text) if text.is_empty() => "mark".into(),
        Command::Mark(text) => format!("mark {}", rest(text)),
        Command::Pause => "pause".into(),
        Command::Resume => "resume".into(),
        Command::Tick => "tick".into(),
        Command::Next => "next".into(),
        Command::Goto(step) => format!("goto {step}"),
        Command::Flip => "flip".into(),
        Command::Undo => "undo".into(),
        Command::Redo => "redo".into(),
        Command::Reset => "reset".into(),
        Command::Restore => "restore".into(),
        // Everything that names a node or a link has been written by the caller.
        _ => "quit".into(),
    }
}

/// The words of an expectation.
pub(super) fn expectation(expectation: &Expectation, names: &Names) -> String {
    let of = |id: &NodeId| names.of(*id);
    let first = |id: &NodeId| keyword_safe(names.of(*id), &FIRST_WORDS);
    let mut out = match expectation {
        Expectation::QueryEnds { .. } => query_ends(expectation, names),
        Expectation::BatchAnswers { client, answered, names, .. } => {
            format!("batch {} answers {answered} of {names}", of(client))
        }
        Expectation::Count { who, what, compare, figure, .. } => {
            let who = who.as_ref().map_or("all".into(), |id| keyword_safe(of(id), &["all"]));
            format!("count {who} {} {} {figure}", what.word(), compare.sign())
        }
        Expectation::NodeIs { node, condition, .. } => {
            format!("node {} is {}", of(node), condition.word())
        }
        Expectation::BeliefIs { holder, about, belief, .. } => {
            format!("belief {} of {} is {}", of(holder), of(about), belief_word(*belief))
        }
        Expectation::Ejects { node, upstream, .. } => {
            format!("{} ejects {}", first(node), of(upstream))
        }
        Expectation::Restores { node, upstream, .. } => {
            format!("{} restores {}", first(node), of(upstream))
        }
        Expectation::Sticky { node, name, upstream, .. } => {
            format!("sticky {} {} at {}", of(node), word(name.as_str()), of(upstream))
        }
        Expectation::Store { what, .. } => expect_store::words(what, names),
    };
    out += &limit(expectation.within());
    out
}

fn query_ends(expectation: &Expectation, names: &Names) -> String {
    let Expectation::QueryEnds { client, name, outcome, from, address, after, .. } = expectation
    else {
        return String::new();
    };
    let parts = [
        Some(format!("query {}", names.of(*client))),
        name.as_ref().map(host),
        Some(format!("ends {outcome}")),
        from.map(|from| format!("from {}", names.of(from))),
        address.as_ref().map(|address| format!("as {}", word(address))),
        after.map(|after| format!("after {}", units::exact(after))),
    ];
    parts.into_iter().flatten().collect::<Vec<_>>().join(" ")
}

fn limit(within: Duration) -> String {
    if within == WITHIN_DEFAULT {
        String::new()
    } else {
        format!(" within {}", units::exact(within))
    }
}

/// The words of a set of links.
pub(super) fn links(set: &LinkSet, names: &Names) -> String {
    let peer = |peer: &Peer| names.peer(*peer).to_string();
    match set {
        LinkSet::One(from, to) => format!("{}->{}", peer(from), peer(to)),
        LinkSet::Both(from, to) => format!("{}<->{}", peer(from), peer(to)),
        LinkSet::Around(node) => names.of(*node).to_owned(),
        LinkSet::From(node) => format!("{}->", names.of(*node)),
        LinkSet::To(node) => format!("->{}", names.of(*node)),
    }
}

pub(super) fn keyword_safe(name: &str, keywords: &[&str]) -> String {
    if keywords.contains(&name) { quote(name) } else { name.to_owned() }
}

/// A name to ask for: in quotes where it would be taken for something else.
fn host(name: &HostName) -> String {
    let text = name.as_str();
    let bare = Word { text: text.to_owned(), at: 0..0, quoted: false };
    if repetitions(&bare).is_some() || text.eq_ignore_ascii_case("ends") {
        quote(text)
    } else {
        word(text)
    }
}

/// Any text as one word.
pub(super) fn word(text: &str) -> String {
    let odd = |c: char| c.is_whitespace() || c.is_control();
    if text.is_empty() || text.starts_with('"') || text.contains(odd) {
        quote(text)
    } else {
        text.to_owned()
    }
}

/// Any text as the rest of a line.
pub(super) fn rest(text: &str) -> String {
    let plain = !text.is_empty()
        && !text.starts_with('"')
        && text.trim() == text
        && !text.contains(char::is_control);
    if plain { text.to_owned() } else { quote(text) }
}

/// How far a clock is ahead: `+2s`, `-300ms`, `off`.
fn skew(ahead: i64) -> String {
    let span = units::exact(Duration::from_nanos(ahead.unsigned_abs()));
    match ahead {
        0 => "off".into(),
        1.. => format!("+{span}"),
        _ => format!("-{span}"),
    }
}

fn rate(per_kilosecond: u64) -> String {
    let (whole, part) = (per_kilosecond / 1000, per_kilosecond % 1000);
    match (whole, part) {
        (0, 0) => "off".into(),
        (_, 0) => format!("{whole}/s"),
        _ => {
            let figure = format!("{whole}.{part:03}");
            format!("{}/s", figure.trim_end_matches('0'))
        }
    }
}

fn shape_word(shape: Shape) -> String {
    if shape == Shape::default() {
        return String::new();
    }
    let word = SHAPES.iter().find(|(_, known)| *known == shape).map(|(word, _)| *word);
    format!(" {}", word.unwrap_or_default())
}

/// `30%` where that is exact, `0.123456` where not.
fn share(value: f64) -> String {
    let percent = format!("{}%", (value * 100.0).round());
    if units::share(&percent) == Ok(value) { percent } else { format!("{value}") }
}

fn bandwidth(bytes: u64) -> String {
    let units = [("MB", 1_000_000), ("Mbit", 125_000), ("kbit", 125)];
    let exact = units.iter().find(|(_, size)| bytes.is_multiple_of(*size));
    exact.map_or_else(|| format!("{bytes}B"), |(unit, size)| format!("{}{unit}", bytes / size))
}
