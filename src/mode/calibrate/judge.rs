//! What was measured beside what was wanted, and what follows. Pure: figures in, rows of the table out.
//!
//! A time that is right is right, however busy the machine was. One that is not is blamed on the lab only where the
//! machine was idle enough to tell; throughput is compared only where the stated rate was really asked and kept up.

use serde::Serialize;
use std::time::Duration;

/// A machine on which one of ten naps ends later than this says nothing about a few milliseconds.
pub const BUSY: Duration = Duration::from_millis(1);

/// Datagrams that are sent over a link that loses some.
pub const DATAGRAMS: u32 = 10_000;

/// The share of them that it is told to lose.
pub const LOSS: f64 = 0.3;

/// What of an open loop's throughput a slow link must keep.
pub const KEPT_MIN: f64 = 0.9;

/// What of the bare socket's throughput a link without faults must reach.
pub const BARE_MIN: f64 = 0.95;

/// What of a stated rate must have been asked: below, the machine did not even ask.
const ASKED_MIN: f64 = 0.95;

/// How a measurement came out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// It is as it should be.
    Held,
    /// It is not.
    Failed,
    /// The machine was too busy to tell.
    Unknown,
    /// Nothing is promised: a figure to know.
    Told,
}

impl Verdict {
    /// The word in the table.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Held => "held",
            Self::Failed => "FAILED",
            Self::Unknown => "unknown",
            Self::Told => "-",
        }
    }
}

/// A row of the table.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Row {
    /// Its name for programs: `delay-udp-50`.
    pub id: String,
    /// What was measured.
    pub what: String,
    /// What is right.
    pub wanted: String,
    /// What was seen.
    pub measured: String,
    /// What follows.
    pub verdict: Verdict,
    /// Why nothing can be said, where that is so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
}

impl Row {
    fn new(id: impl Into<String>, what: impl Into<String>, wanted: impl Into<String>) -> Self {
        Self {
            id: id.into(),
            what: what.into(),
            wanted: wanted.into(),
            measured: String::new(),
            verdict: Verdict::Told,
            why: None,
        }
    }

    fn seen(self, measured: impl Into<String>, held: bool) -> Self {
        let verdict = if held { Verdict::Held } else { Verdict::Failed };
        Self { measured: measured.into(), verdict, ..self }
    }

    fn cannot_tell(self, why: impl Into<String>) -> Self {
        Self { verdict: Verdict::Unknown, why: Some(why.into()), ..self }
    }

    /// Takes a failure back that a busy machine explains.
    fn unless_busy(self, lag: Duration) -> Self {
        if self.verdict == Verdict::Failed && lag > BUSY {
            return self.cannot_tell(late(lag));
        }
        self
    }
}

fn late(lag: Duration) -> String {
    format!("the machine is busy: a nap of 1 ms ended {} late", ms(lag))
}

fn ms(time: Duration) -> String {
    format!("{:.1} ms", time.as_secs_f64() * 1e3)
}

fn plain_ms(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

/// The median time to the far socket and back from it; none if too few questions made it.
pub type Medians = Option<[Duration; 2]>;

/// The middle one of these.
#[must_use]
pub fn median(mut times: Vec<Duration>) -> Option<Duration> {
    times.sort_unstable();
    times.get(times.len() / 2).copied()
}

/// A delay that was set on one direction after the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Delayed {
    /// Without it.
    pub usual: Medians,
    /// While it is set on the way there.
    pub there: Medians,
    /// While it is set on the way back.
    pub back: Medians,
    /// How late naps ended meanwhile.
    pub lag: Duration,
}

/// Whether a delay comes out on the named direction, and on no other.
#[must_use]
pub fn delay(carrier: &str, wanted: Duration, tolerance: Duration, seen: &Delayed) -> Row {
    let millis = wanted.as_millis();
    let row = Row::new(
        format!("delay-{}-{millis}", carrier.to_lowercase()),
        format!("{millis} ms one way, {carrier}"),
        format!("{millis} ±{off}, else 0 ±{off}", off = plain_ms(tolerance)),
    );
    let (Some(usual), Some(there), Some(back)) = (seen.usual, seen.there, seen.back) else {
        return row.seen("too few questions arrived", false).unless_busy(seen.lag);
    };
    let added =
        |with: Duration, without: Duration| (with.as_secs_f64() - without.as_secs_f64()) * 1e3;
    let named = [added(there[0], usual[0]), added(back[1], usual[1])];
    let other = [added(there[1], usual[1]), added(back[0], usual[0])];
    let near = |ms: &f64, to: f64| (ms - to).abs() <= plain_ms(tolerance);
    let held =
        named.iter().all(|ms| near(ms, plain_ms(wanted))) && other.iter().all(|ms| near(ms, 0.0));
    let measured = format!("{:.1} {:.1}, else {:.1} {:.1}", named[0], named[1], other[0], other[1]);
    row.seen(measured, held).unless_busy(seen.lag)
}

/// Which datagrams did not arrive: without a fault, with one, with the same seed again, with another seed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Losses {
    /// Without a fault.
    pub usual: Vec<u32>,
    /// Of a link that loses.
    pub first: Vec<u32>,
    /// The same, with the same seed.
    pub again: Vec<u32>,
    /// The same, with another seed.
    pub other: Vec<u32>,
}

/// Whether as many are lost as should be, and the same ones for one seed.
#[must_use]
pub fn loss(seen: &Losses) -> [Row; 2] {
    let count = f64::from(DATAGRAMS);
    let wanted = count * LOSS;
    let sigmas = (3.0 * (count * LOSS * (1.0 - LOSS)).sqrt()).ceil();
    let share = Row::new("loss", "30 % of 10,000 datagrams", format!("{wanted} ± {sigmas} lost"));
    let same = Row::new("loss-seed", "the same seed again", "the same lost");
    if !seen.usual.is_empty() {
        let why = format!("the kernel drops: {} were lost without a fault", seen.usual.len());
        return [share, same].map(|row| row.cannot_tell(why.clone()));
    }
    let lost = seen.first.len();
    let held = (lost as f64 - wanted).abs() <= sigmas;
    let measured = match (seen.first == seen.again, seen.first == seen.other) {
        (true, false) => "the same",
        (false, false) => "others",
        (_, true) => "the same for any seed",
    };
    let repeats = seen.first == seen.again && seen.first != seen.other;
    [share.seen(format!("{lost} lost"), held), same.seen(measured, repeats)]
}

/// Two open loops at one rate.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rates {
    /// Questions a second that should be asked.
    pub stated: u32,
    /// The fewest that were, of both.
    pub asked: f64,
    /// Answers a second of what is compared with.
    pub usual: f64,
    /// Answers a second of what is judged.
    pub seen: f64,
    /// How late naps ended meanwhile.
    pub lag: Duration,
}

fn rates(row: Row, least: f64, seen: &Rates) -> Row {
    let share = seen.seen / seen.usual.max(1e-9);
    let measured = format!("{:.0}/s: {:.1} %", seen.seen, share * 100.0);
    let stated = f64::from(seen.stated);
    let row = row.seen(measured, share >= least);
    if seen.asked < stated * ASKED_MIN {
        return row.cannot_tell(format!("only {:.0} questions a second were asked", seen.asked));
    }
    if seen.usual < stated * ASKED_MIN {
        return row.cannot_tell("what it is compared with does not keep up either");
    }
    row.unless_busy(seen.lag)
}

/// Whether an open loop keeps its throughput over a slow link.
#[must_use]
pub fn kept(carrier: &str, delay: Duration, seen: &Rates) -> Row {
    let row = Row::new(
        format!("kept-{}", carrier.to_lowercase()),
        format!("{}/s over {} ms, {carrier}", seen.stated, delay.as_millis()),
        format!("{:.0} % of undelayed", KEPT_MIN * 100.0),
    );
    rates(row, KEPT_MIN, seen)
}

/// Whether a link without faults carries what the bare socket does.
#[must_use]
pub fn bare(seen: &Rates) -> Row {
    let row = Row::new(
        "bare",
        format!("{}/s, no faults, UDP", seen.stated),
        format!("{:.0} % of bare", BARE_MIN * 100.0),
    );
    rates(row, BARE_MIN, seen)
}

/// What is reached as fast as it goes. Nothing is promised of it: each frame is decoded, judged by a node and recorded.
#[must_use]
pub fn at_most(outstanding: u32, lab: Option<f64>, bare: Option<f64>) -> Row {
    let row = Row::new("bare-most", format!("{outstanding} outstanding, UDP"), "nothing promised");
    match (lab, bare) {
        (Some(lab), Some(bare)) => {
            let share = lab / bare.max(1e-9) * 100.0;
            Row { measured: format!("{lab:.0}/s: {share:.0} % of bare"), ..row }
        }
        _ => Row { measured: "a datagram was dropped".into(), ..row },
    }
}

/// Whether the first frame after a heal passes: so many of so many.
#[must_use]
pub fn heal(id: &str, what: &str, passed: u32, rounds: u32) -> Row {
    Row::new(id, what, format!("{rounds} of {rounds}"))
        .seen(format!("{passed} of {rounds}"), passed == rounds)
}

/// Whether the first frame after a delay was healed takes no longer than without.
#[must_use]
pub fn heal_delay(
    usual: Option<Duration>,
    seen: Option<Duration>,
    tolerance: Duration,
    lag: Duration,
) -> Row {
    let row = Row::new(
        "heal-delay-udp",
        "datagram after a delay",
        format!("+0 ± {} ms", plain_ms(tolerance)),
    );
    let (Some(usual), Some(seen)) = (usual, seen) else {
        return row.seen("it did not arrive", false).unless_busy(lag);
    };
    let more = plain_ms(seen) - plain_ms(usual);
    let held = more.abs() <= plain_ms(tolerance);
    row.seen(format!("{more:+.1} ms"), held).unless_busy(lag)
}

/// What all rows come to: the worst that was judged, a failure being worse than a doubt.
#[must_use]
pub fn all(rows: &[Row]) -> Verdict {
    let any = |verdict| rows.iter().any(|row| row.verdict == verdict);
    if any(Verdict::Failed) {
        Verdict::Failed
    } else if any(Verdict::Unknown) || !any(Verdict::Held) {
        Verdict::Unknown
    } else {
        Verdict::Held
    }
}

#[cfg(test)]
#[path = "judge_tests.rs"]
mod tests;
