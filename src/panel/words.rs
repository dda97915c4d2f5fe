//! The words of states: badges, short times, link values, clock. Shared by all panels, so that they never disagree.

use super::targets;
use super::theme::Ink;
use crate::base::units::{grouped, human};
use crate::base::{LabTime, NodeId};
use crate::event::{ClockState, Life};
use crate::message::{Belief, Faults, Outcome};
use crate::world::World;
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

/// The badge of a node: its word and its colour; none for a node that simply runs.
#[must_use]
pub fn badge(world: &World, id: NodeId, now: LabTime) -> Option<(String, Ink)> {
    let node = world.node(id);
    let since = short(now.since(node.since));
    Some(match node.life {
        Life::Killed => (format!("DEAD {since}"), Ink::Bad),
        Life::Crashed => (format!("CRASHED {since}"), Ink::Bad),
        Life::PoweredOff => (format!("NO POWER {since}"), Ink::Bad),
        Life::Frozen => (format!("FROZEN {since}"), Ink::Frozen),
        _ if node.spinning => (format!("SPINS {since}"), Ink::Bad),
        Life::Stopping => ("STOPPING".into(), Ink::Slow),
        Life::Stopped => ("STOPPED".into(), Ink::Muted),
        Life::Off if world.topology.node(id).at.is_some() => return None,
        Life::Off => ("OFF".into(), Ink::Muted),
        Life::Up if targets::lies(world, id) => ("LIES".into(), Ink::Bad),
        Life::Up if node.port_busy.is_some() => ("PORT BUSY".into(), Ink::Bad),
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

/// What stands on a link in one direction; empty for one without faults.
#[must_use]
pub fn link_value(faults: &Faults) -> String {
    link_label(faults, (0, 0))
}

/// The same with what loss came to: how many of how many of the newest frames were late.
#[must_use]
pub fn link_label(faults: &Faults, (late, of): (u32, u32)) -> String {
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
    if faults.loss > 0.0 {
        parts.push(format!("{:.0} % late", faults.loss * 100.0));
        if of > 0 {
            parts.push(format!("{late}/{of}"));
        }
    }
    if let Some(rate) = faults.bandwidth {
        parts.push(format!("{} B/s", grouped(rate)));
    }
    parts.join(" ")
}

/// What the clock is doing, in words, and how loud that is.
#[must_use]
pub fn clock(clock: &ClockState) -> (String, Ink) {
    let rate = rate(clock.rate);
    if clock.paused {
        ("PAUSED".into(), Ink::Slow)
    } else if clock.auto {
        (format!("AUTO PACE {rate}"), Ink::Lead)
    } else if clock.rate < 0.999 {
        (format!("SLOW {rate}"), Ink::Slow)
    } else if clock.rate > 1.001 {
        (format!("FAST {rate}"), Ink::Slow)
    } else {
        (format!("LIVE {rate}"), Ink::Good)
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
        assert_eq!(at(0.06, false, true), "AUTO PACE 0.06×");
        assert_eq!(at(0.5, true, true), "PAUSED");
        assert_eq!(at(4.0, false, false), "FAST 4.0×");
    }

    #[test]
    fn a_link_says_all_that_is_wrong_with_it() {
        let faults =
            Faults { extra: Duration::from_millis(200), loss: 0.3, cut: true, ..Faults::default() };
        assert_eq!(link_value(&faults), "✕ cut +200 ms 30 % late");
        assert_eq!(link_label(&faults, (6, 20)), "✕ cut +200 ms 30 % late 6/20");
        assert_eq!(link_value(&Faults::default()), "");
        assert_eq!(link_label(&Faults::default(), (6, 20)), "", "it is not lossy any more");
    }

    #[test]
    fn figures_are_short_and_have_their_unit() {
        assert_eq!(figure(Duration::from_micros(71_200)), "71 ms");
        assert_eq!(figure(Duration::from_millis(5003)), "5,003 ms");
        assert_eq!(short(Duration::from_millis(903)), "903ms");
        assert_eq!(short(Duration::from_secs(8)), "8s");
    }
}
