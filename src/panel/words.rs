//! The words of states: badges, short times, link values, clock. Shared by all panels, so that they never disagree.

use super::paint::Canvas;
use super::store;
use super::targets;
use super::theme::Ink;
use super::view::View;
use crate::base::units::{grouped, human};
use crate::base::{LabTime, NodeId};
use crate::event::{ClockState, Life};
use crate::message::{Belief, Faults, Outcome, Rcode, Said};
use crate::topology::Wire;
use crate::world::{Lane, Race, World};
use ratatui::style::Style;
use std::time::Duration;

/// A span in one short word: `903ms`, `8s`, `4min`.
#[must_use]
pub fn short(span: Duration) -> String {
    let seconds = span.as_secs();
    if seconds < 1 {
        format!("{}ms", span.as_millis())
    } else if seconds < 120 {
        format!("{seconds}s")
    } else if seconds < 7200 {
        format!("{}min", seconds / 60)
    } else {
        format!("{}h", seconds / 3600)
    }
}

/// A span as a figure with its unit, rounded to what a room can use: `71 ms`, `5,003 ms`.
#[must_use]
pub fn figure(span: Duration) -> String {
    let whole_seconds = span >= Duration::from_secs(2) && span.subsec_nanos() == 0;
    if whole_seconds && span < Duration::from_secs(120) {
        format!("{} s", span.as_secs())
    } else if span < Duration::from_millis(10) || span >= Duration::from_secs(10) {
        human(span)
    } else {
        format!("{} ms", grouped((span.as_secs_f64() * 1e3).round() as u64))
    }
}

/// The shortest form of a span, for places where every column counts: `80ms`, `3.1s`, `4min`.
#[must_use]
pub fn tiny(span: Duration) -> String {
    if span < Duration::from_secs(1) || span >= Duration::from_secs(10) {
        short(span)
    } else {
        format!("{:.1}s", span.as_secs_f64())
    }
}

/// A node's badge.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Badge {
    /// The word: it is never cut.
    pub word: &'static str,
    /// For how long; shown where there is room.
    pub since: String,
    /// Its colour.
    pub ink: Ink,
    /// Whether it is reversed: what is as it should be is a plain word.
    pub loud: bool,
}

impl Badge {
    /// How it looks.
    #[must_use]
    pub fn style(&self, canvas: &Canvas<'_>) -> Style {
        if self.loud { canvas.badge(self.ink) } else { canvas.ink(self.ink) }
    }

    /// The badge in at most so many columns, with its air: `" DEAD 5s "`, else `" DEAD "`, else `"DEAD"`, else its
    /// sign.
    #[must_use]
    pub fn text(&self, columns: u16) -> String {
        let whole = self.whole();
        let bare = format!(" {} ", self.word);
        match usize::from(columns) {
            room if whole.len() <= room => whole,
            room if bare.len() <= room => bare,
            room if self.word.len() <= room => self.word.to_owned(),
            _ => sign(self.word).to_owned(),
        }
    }

    /// The badge with everything.
    #[must_use]
    pub fn whole(&self) -> String {
        let gap = if self.since.is_empty() { "" } else { " " };
        format!(" {}{gap}{} ", self.word, self.since)
    }
}

/// A badge's word in one or two letters, for places with no room for the word. No two are the same.
#[must_use]
pub fn sign(word: &str) -> &'static str {
    match word {
        "DEAD" => "✕",
        "CRASHED" => "✕c",
        "NO POWER" => "✕o",
        "CORRUPT" => "✕d",
        "FROZEN" => "z",
        "SPINS" => "@",
        "STOPPING" => "s",
        "STOPPED" => "-",
        "OFF" => "o",
        "LIES" => "!",
        "CLOCK" => "±",
        "PORT BUSY" => "p",
        "NO SOCKET" => "n",
        "LEAD" => "L",
        "DIVERGED" => "#",
        "STUCK" => "t",
        _ => "?",
    }
}

/// How long a socket that was not to be had is shown, in lab time: it is asked for again at least once a second.
const NO_SOCKET_STAYS: Duration = Duration::from_secs(2);

/// The badge of a node; none for a node that simply runs. Less than a second is no figure worth showing.
#[must_use]
pub fn badge(world: &World, id: NodeId, now: LabTime) -> Option<Badge> {
    let node = world.node(id);
    let for_so_long = now.since(node.since);
    let since = |word, ink| {
        let since = if for_so_long.as_secs() == 0 { String::new() } else { short(for_so_long) };
        Badge { word, since, ink, loud: true }
    };
    let plain = |word, ink| Badge { word, since: String::new(), ink, loud: true };
    Some(match node.life {
        Life::Killed => since("DEAD", Ink::Bad),
        Life::Crashed => since("CRASHED", Ink::Bad),
        Life::PoweredOff => since("NO POWER", Ink::Bad),
        Life::Corrupt => since("CORRUPT", Ink::Bad),
        Life::Frozen => since("FROZEN", Ink::Frozen),
        _ if node.spinning => since("SPINS", Ink::Bad),
        Life::Stopping => plain("STOPPING", Ink::Slow),
        Life::Stopped => plain("STOPPED", Ink::Muted),
        Life::Off if world.topology.node(id).at.is_some() => return None,
        Life::Off => plain("OFF", Ink::Muted),
        Life::Up if node.port_busy.is_some() => plain("PORT BUSY", Ink::Bad),
        Life::Up
            if node.no_socket.as_ref().is_some_and(|it| now.since(it.at) < NO_SOCKET_STAYS) =>
        {
            plain("NO SOCKET", Ink::Bad)
        }
        Life::Up if world.audit.replica(id).is_some() => return store::badge(world, id, now),
        Life::Up if targets::lies(world, id) => plain("LIES", Ink::Bad),
        Life::Up => return None,
    })
}

/// A node's truth in one word, for the matrix.
#[must_use]
pub fn truth(world: &World, id: NodeId) -> (&'static str, Ink) {
    match world.node(id).life {
        Life::Off if world.topology.node(id).at.is_some() => ("outside", Ink::Muted),
        Life::Off => ("off", Ink::Muted),
        Life::Up if targets::lies(world, id) => ("lies", Ink::Bad),
        Life::Up => ("up", Ink::Good),
        Life::Frozen => ("frozen", Ink::Frozen),
        Life::Stopping => ("stopping", Ink::Slow),
        Life::Killed => ("dead", Ink::Bad),
        Life::Crashed => ("crashed", Ink::Bad),
        Life::PoweredOff => ("no power", Ink::Bad),
        Life::Corrupt => ("corrupt", Ink::Bad),
        Life::Stopped => ("stopped", Ink::Muted),
    }
}

/// A belief in one word.
#[must_use]
pub fn belief(belief: Belief) -> (&'static str, Ink) {
    match belief {
        Belief::Up => ("up", Ink::Good),
        Belief::Suspect => ("late?", Ink::Slow),
        Belief::Down => ("DEAD", Ink::Bad),
    }
}

/// Whether a belief is wrong: up of something that cannot answer, or down of something that runs.
#[must_use]
pub fn is_wrong(belief: Belief, life: Life) -> bool {
    match belief {
        Belief::Up => !matches!(life, Life::Up | Life::Stopping | Life::Off),
        Belief::Suspect => false,
        Belief::Down => matches!(life, Life::Up | Life::Frozen),
    }
}

/// What an upstream came to for a question; where DNS was spoken, in its words.
#[must_use]
pub fn came_to(world: &World, race: &Race, lane: &Lane, outcome: Outcome) -> String {
    let over = race.ls.map(|ls| world.topology.wire(ls, lane.upstream));
    match (outcome, &lane.said) {
        (Outcome::Negative, Some(Said::NoRecord)) => "NODATA".into(),
        (Outcome::Negative, _) if over == Some(Wire::Dns) => "NXDOMAIN".into(),
        (Outcome::Failed, Some(Said::Failed(word))) if Rcode::is_word(word) => word.to_string(),
        _ => outcome.word().into(),
    }
}

/// The colour of an outcome.
#[must_use]
pub fn outcome_ink(outcome: Outcome) -> Ink {
    match outcome {
        Outcome::Answered => Ink::Good,
        Outcome::Negative => Ink::Text,
        Outcome::Cancelled => Ink::Muted,
        Outcome::Late => Ink::Slow,
        Outcome::Silent => Ink::Frozen,
        Outcome::Failed | Outcome::Refused | Outcome::Reset => Ink::Bad,
    }
}

/// Whether anything is wrong with one direction of a link, of what [`link_account`] says.
#[must_use]
pub fn is_faulty(faults: &Faults) -> bool {
    faults.cut
        || faults.hold
        || !faults.extra.is_zero()
        || !faults.jitter.mean.is_zero()
        || faults.loss > 0.0
        || faults.duplicate > 0.0
        || faults.reorder > 0.0
        || faults.bandwidth.is_some()
}

/// What stands on a link in one direction, with what its loss came to where it is lossy; empty for one without faults.
#[must_use]
pub fn link_account(faults: &Faults, late: Late) -> String {
    link_words(faults, late).join(" ")
}

/// What loss comes to on one direction of a link.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Late {
    /// `late`, as on every stream; `lost` where datagrams travel.
    pub word: &'static str,
    /// How many of the newest frames it has befallen …
    pub hit: u32,
    /// … and how many these are.
    pub of: u32,
}

fn link_words(faults: &Faults, Late { word, hit, of }: Late) -> Vec<String> {
    let mut parts = Vec::new();
    if faults.cut {
        parts.push("✕ cut".to_owned());
    }
    if faults.hold {
        parts.push("held".to_owned());
    }
    if !faults.extra.is_zero() {
        parts.push(format!("+{}", human(faults.extra)));
    }
    if !faults.jitter.mean.is_zero() {
        parts.push(format!("+~{}", human(faults.jitter.mean)));
    }
    if faults.loss > 0.0 {
        let share = format!("{:.0} % {word}", faults.loss * 100.0);
        parts.push(if of > 0 { format!("{share} {hit}/{of}") } else { share });
    }
    for (share, what) in [(faults.duplicate, "twice"), (faults.reorder, "overtake")] {
        if share > 0.0 {
            parts.push(format!("{:.0} % {what}", share * 100.0));
        }
    }
    if let Some(rate) = faults.bandwidth {
        parts.push(format!("{} B/s", grouped(rate)));
    }
    parts
}

/// What stands on a link whose directions have these faults, in parts: what both have once, the rest with an arrow.
/// A lossy one also says how many of its newest frames that has befallen.
#[must_use]
pub fn link_parts(down: (&Faults, Late), up: (&Faults, Late)) -> Vec<String> {
    let uncounted = |late: Late| Late { hit: 0, of: 0, ..late };
    if link_words(down.0, uncounted(down.1)) == link_words(up.0, uncounted(up.1)) {
        let both = Late { hit: down.1.hit + up.1.hit, of: down.1.of + up.1.of, ..down.1 };
        return link_words(down.0, both);
    }
    let (there, back) = (link_words(down.0, down.1), link_words(up.0, up.1));
    let one_way = |arrow: &'static str, words: Vec<String>| {
        words.into_iter().map(move |word| format!("{arrow}{word}"))
    };
    one_way("↓", there).chain(one_way("↑", back)).collect()
}

/// What the clock is doing, or the replay that is shown, in words, and how loud that is.
#[must_use]
pub fn clock_of(world: &World, view: &View) -> (String, Ink) {
    match &view.replay {
        Some(cursor) => (cursor.word(), Ink::Frozen),
        None => clock(&world.clock),
    }
}

/// What the clock is doing, in words, and how loud that is.
#[must_use]
pub fn clock(clock: &ClockState) -> (String, Ink) {
    if clock.paused {
        return ("PAUSED".into(), Ink::Slow);
    }
    if clock.auto {
        // Of one width nearly always: the header stands still while the pace changes.
        let how = match clock.rate {
            rate if rate < 0.01 => "stands almost".to_owned(),
            rate if rate < 0.95 => format!("{:.0}× slower", 1.0 / rate),
            rate if rate > 1.05 => format!("{rate:.0}× faster"),
            _ => "real time".to_owned(),
        };
        return (format!("AUTO PACE · {how:<10}"), Ink::Lead);
    }
    let rate = rate(clock.rate);
    if clock.rate > 0.999 && clock.rate < 1.001 {
        (format!("LIVE {rate}"), Ink::Good)
    } else if clock.rate < 0.999 {
        (format!("SLOW {rate}"), Ink::Slow)
    } else {
        (format!("FAST {rate}"), Ink::Slow)
    }
}

fn rate(rate: f64) -> String {
    if rate >= 1.0 {
        format!("{rate:.1}×")
    } else if rate >= 0.01 {
        let text = format!("{rate:.2}");
        let text = text.strip_suffix('0').unwrap_or(&text);
        format!("{text}×")
    } else {
        format!("{rate:.4}×")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_clock_is_told_in_words() {
        let at = |rate, paused, auto| clock(&ClockState { rate, paused, auto }).0;
        assert_eq!(at(1.0, false, false), "LIVE 1.0×");
        assert_eq!(at(0.25, false, false), "SLOW 0.25×");
        assert_eq!(at(0.1, false, false), "SLOW 0.1×");
        assert_eq!(at(0.05, false, true), "AUTO PACE · 20× slower");
        assert_eq!(at(1.0, false, true), "AUTO PACE · real time ");
        assert_eq!(at(4.0, false, true), "AUTO PACE · 4× faster ");
        assert_eq!(at(0.5, true, true), "PAUSED");
        assert_eq!(at(4.0, false, false), "FAST 4.0×");
    }

    #[test]
    fn a_link_says_all_that_is_wrong_with_it() {
        let faults =
            Faults { extra: Duration::from_millis(200), loss: 0.3, cut: true, ..Faults::default() };
        let late = |hit, of| Late { word: "late", hit, of };
        assert_eq!(link_account(&faults, late(0, 0)), "✕ cut +200 ms 30 % late");
        assert_eq!(link_account(&faults, late(6, 20)), "✕ cut +200 ms 30 % late 6/20");
        let lost = Late { word: "lost", ..late(6, 20) };
        assert_eq!(link_account(&faults, lost), "✕ cut +200 ms 30 % lost 6/20");
        assert_eq!(link_account(&Faults::default(), late(0, 0)), "");
        assert!(is_faulty(&faults) && !is_faulty(&Faults::default()));
        assert!(link_words(&Faults::default(), lost).is_empty(), "it is not lossy any more");
    }

    #[test]
    fn figures_are_short_and_have_their_unit() {
        assert_eq!(figure(Duration::from_micros(71_200)), "71 ms");
        assert_eq!(figure(Duration::from_millis(5003)), "5,003 ms");
        assert_eq!(short(Duration::from_millis(903)), "903ms");
        assert_eq!(short(Duration::from_secs(8)), "8s");
        assert_eq!(tiny(Duration::from_millis(3101)), "3.1s");
    }

    #[test]
    fn a_badge_gives_up_its_time_first_and_its_word_last() {
        let badge = Badge { word: "NO POWER", since: "12s".into(), ink: Ink::Bad, loud: true };
        let texts = [14, 13, 10, 9, 8, 3].map(|columns| badge.text(columns));
        assert_eq!(
            texts,
            [" NO POWER 12s ", " NO POWER ", " NO POWER ", "NO POWER", "NO POWER", "✕o"]
        );
    }
}
