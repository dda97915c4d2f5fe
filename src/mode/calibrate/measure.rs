//! The measurements: what is done to the links, and what is seen of it outside. What follows, `judge` says.

use super::deadline::Deadline;
use super::forwarder::Forwarder;
use super::judge::{self, DATAGRAMS, Delayed, LOSS, Losses, Medians, Rates, Row, median};
use super::lag::Watch;
use super::probe::{Carrier, Near, Trips, trips};
use super::rig::Rig;
use anyhow::{Context, ensure};
use std::time::Duration;

/// The delays that are measured, in milliseconds.
const DELAYS: [u64; 3] = [50, 200, 1000];

/// Questions for one median.
const TRIPS: u32 = 21;

/// A program outside is asked by lines 30 ms apart at least; with room to spare.
const SPACING_TCP: Duration = Duration::from_millis(45);

/// Datagrams go when they come.
const SPACING_UDP: Duration = Duration::from_millis(5);

/// What is still on its way after that is missing.
const REST: Duration = Duration::from_secs(3);

/// Datagrams that are sent at once: fewer than the smallest receive buffer of a kernel holds.
const BURST: u32 = 50;

/// The open loop over a slow link, a second.
const RATE_SLOW: u32 = 2_000;

/// How slow that link is, in milliseconds.
const SLOW: u64 = 300;

/// The open loop over a link without faults, a second.
const RATE_BARE: u32 = 5_000;

/// How long an open loop lasts.
const LASTING: Duration = Duration::from_secs(2);

/// Questions outstanding where it is to go as fast as it can …
const OUTSTANDING: u32 = 32;

/// … and how many of them.
const MOST: u32 = 20_000;

/// Cuts that are healed.
const CUTS_UDP: u32 = 100;

/// The same on a stream, which is asked by lines.
const CUTS_TCP: u32 = 20;

/// Delays that are healed.
const DELAYS_HEALED: u32 = 11;

/// What can be measured by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum What {
    /// Delays, by direction.
    Delay,
    /// Lost datagrams.
    Loss,
    /// Throughput over a slow link.
    Throughput,
    /// Throughput over a link without faults, beside bare sockets.
    Bare,
    /// The first frame after a heal.
    Heal,
}

impl What {
    /// All of it.
    pub const ALL: [Self; 5] = [Self::Delay, Self::Loss, Self::Throughput, Self::Bare, Self::Heal];

    /// The word on the command line.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Delay => "delay",
            Self::Loss => "loss",
            Self::Throughput => "throughput",
            Self::Bare => "bare",
            Self::Heal => "heal",
        }
    }

    /// Measures it; each row is told as soon as it is known.
    ///
    /// # Errors
    /// The system's; the lab does not get on.
    pub fn measure(self, wish: &Wish, tell: Tell<'_>) -> anyhow::Result<()> {
        match self {
            Self::Delay => [Carrier::Udp, Carrier::Tcp]
                .into_iter()
                .try_for_each(|carrier| delays(carrier, wish, tell)),
            Self::Loss => judge::loss(&losses(wish.seed)?).into_iter().try_for_each(tell),
            Self::Throughput => [Carrier::Udp, Carrier::Tcp]
                .into_iter()
                .try_for_each(|carrier| tell(kept(carrier, wish.seed)?)),
            Self::Bare => bare(wish.seed, tell),
            Self::Heal => heals(wish, tell),
        }
    }
}

/// How it shall be measured.
#[derive(Debug, Clone, Copy)]
pub struct Wish {
    /// The seed of the labs.
    pub seed: u64,
    /// How far a median may be off.
    pub tolerance: Duration,
}

/// Takes each row.
pub type Tell<'a> = &'a mut dyn FnMut(Row) -> anyhow::Result<()>;

fn medians(seen: Trips) -> Medians {
    // More than half must have made it, or the median is one of the lucky.
    if seen.there.len().min(seen.back.len()) <= TRIPS as usize / 2 {
        return None;
    }
    Some([median(seen.there)?, median(seen.back)?])
}

fn delays(carrier: Carrier, wish: &Wish, tell: Tell<'_>) -> anyhow::Result<()> {
    let rig = Rig::start(carrier, wish.seed)?;
    let spacing = match carrier {
        Carrier::Udp => SPACING_UDP,
        Carrier::Tcp => SPACING_TCP,
    };
    let go = || anyhow::Ok(medians(trips(&rig.near, rig.far()?, TRIPS, spacing, REST)?));
    let usual = go()?;
    for millis in DELAYS {
        let watch = Watch::begin();
        let mut with = [None; 2];
        for (direction, seen) in ["ls->ts", "ts->ls"].into_iter().zip(&mut with) {
            rig.command(&format!("delay {direction} {millis}ms"))?;
            *seen = go()?;
            rig.command(&format!("heal {direction}"))?;
        }
        let [there, back] = with;
        let seen = Delayed { usual, there, back, lag: watch.end() };
        let wanted = Duration::from_millis(millis);
        tell(judge::delay(carrier.word(), wanted, wish.tolerance, &seen))?;
    }
    Ok(())
}

fn losses(seed: u64) -> anyhow::Result<Losses> {
    Ok(Losses {
        usual: lost(seed, false)?,
        first: lost(seed, true)?,
        again: lost(seed, true)?,
        other: lost(seed.wrapping_add(1), true)?,
    })
}

/// Which datagrams do not reach the far socket. Behind each burst comes a question over a link that loses nothing; its
/// answer says that the burst has been read, so no buffer ever runs over.
fn lost(seed: u64, lossy: bool) -> anyhow::Result<Vec<u32>> {
    let rig = Rig::start(Carrier::Udp, seed)?;
    let marks = rig.another()?;
    // What is not slow at all may pass what has been handed over and waits for its turn.
    rig.command("delay visitor-2->ls 1us")?;
    if lossy {
        rig.command(&format!("loss visitor-1->ls {:.0}%", LOSS * 100.0))?;
    }
    let mut missing = vec![true; DATAGRAMS as usize];
    for burst in (0..DATAGRAMS).step_by(BURST as usize) {
        (burst..(burst + BURST).min(DATAGRAMS)).try_for_each(|number| rig.near.send(number))?;
        let mark = DATAGRAMS + burst;
        ensure!(marks.ask(mark, Rig::soon())?, "a question over a link without faults was lost");
        for number in rig.far()?.come() {
            if let Some(missing) = missing.get_mut(number as usize) {
                *missing = false;
            }
        }
    }
    Ok((0..DATAGRAMS).filter(|number| missing[*number as usize]).collect())
}

fn kept(carrier: Carrier, seed: u64) -> anyhow::Result<Row> {
    // A program outside would be asked by lines one after the other.
    let rig = match carrier {
        Carrier::Udp => Rig::start(carrier, seed)?,
        Carrier::Tcp => Rig::inside(carrier, seed)?,
    };
    let watch = Watch::begin();
    let usual = rig.near.open_loop(RATE_SLOW, LASTING, REST)?;
    rig.command(&format!("delay ls->ts {SLOW}ms"))?;
    let slow = rig.near.open_loop(RATE_SLOW, LASTING, REST)?;
    let seen = Rates {
        stated: RATE_SLOW,
        asked: usual.asked_rate().min(slow.asked_rate()),
        usual: usual.answer_rate(),
        seen: slow.answer_rate(),
        lag: watch.end(),
    };
    Ok(judge::kept(carrier.word(), Duration::from_millis(SLOW), &seen))
}

/// The LS between two plain sockets, and beside it two bare sockets that pass datagrams on.
fn bare(seed: u64, tell: Tell<'_>) -> anyhow::Result<()> {
    let rig = Rig::start(Carrier::Udp, seed)?;
    let forwarder = Forwarder::start(rig.far()?.address).context("no socket can be had")?;
    let bare = Near::to(Carrier::Udp, forwarder.address)?;
    ensure!(bare.greet(Rig::soon())?, "the bare sockets do not answer: the machine is too busy");
    let watch = Watch::begin();
    let usual = bare.open_loop(RATE_BARE, LASTING, REST)?;
    let seen = rig.near.open_loop(RATE_BARE, LASTING, REST)?;
    let seen = Rates {
        stated: RATE_BARE,
        asked: usual.asked_rate().min(seen.asked_rate()),
        usual: usual.answer_rate(),
        seen: seen.answer_rate(),
        lag: watch.end(),
    };
    tell(judge::bare(&seen))?;
    let by_itself = bare.closed_loop(OUTSTANDING, MOST, REST)?;
    let lab = rig.near.closed_loop(OUTSTANDING, MOST, REST)?;
    tell(judge::at_most(OUTSTANDING, lab, by_itself))
}

fn heals(wish: &Wish, tell: Tell<'_>) -> anyhow::Result<()> {
    let passed = cuts_of_datagrams(wish.seed)?;
    tell(judge::heal("heal-udp", "datagram after a cut", passed, CUTS_UDP))?;
    let passed = cuts_of_a_stream(wish.seed)?;
    tell(judge::heal("heal-tcp", "line after a cut", passed, CUTS_TCP))?;
    tell(healed_delay(wish)?)
}

/// Of each two questions the first meets a cut and is lost, the second is the first after its heal.
fn cuts_of_datagrams(seed: u64) -> anyhow::Result<u32> {
    let rig = Rig::start(Carrier::Udp, seed)?;
    let far = rig.far()?;
    far.come();
    let mut passed = 0;
    for round in 0..CUTS_UDP {
        rig.command("cut ls->ts")?;
        rig.send_on(2 * round)?;
        rig.command("heal ls->ts")?;
        rig.near.send(2 * round + 1)?;
        passed += u32::from(far.next(Deadline::after(REST)) == Some(2 * round + 1));
    }
    Ok(passed)
}

/// Of each two questions the first meets a cut and stands, and both arrive in their order when it is healed.
fn cuts_of_a_stream(seed: u64) -> anyhow::Result<u32> {
    let rig = Rig::start(Carrier::Tcp, seed)?;
    let far = rig.far()?;
    far.come();
    let mut passed = 0;
    for round in 0..CUTS_TCP {
        rig.command("cut ls->ts")?;
        rig.send_on(2 * round)?;
        let stood = far.come().is_empty();
        rig.command("heal ls->ts")?;
        rig.near.send(2 * round + 1)?;
        let come = [far.next(Deadline::after(REST)), far.next(Deadline::after(REST))];
        passed += u32::from(stood && come == [Some(2 * round), Some(2 * round + 1)]);
    }
    Ok(passed)
}

/// A question over a link that has just got rid of a second's delay, while one is on its way that has not.
fn healed_delay(wish: &Wish) -> anyhow::Result<Row> {
    let rig = Rig::start(Carrier::Udp, wish.seed)?;
    let far = rig.far()?;
    let watch = Watch::begin();
    let usual = trips(&rig.near, far, TRIPS, SPACING_UDP, REST)?;
    let mut first = Vec::new();
    for _ in 0..DELAYS_HEALED {
        rig.command("delay ls->ts 1s")?;
        rig.send_on(TRIPS)?;
        rig.command("heal ls->ts")?;
        first.extend(trips(&rig.near, far, 1, Duration::ZERO, REST)?.there.first());
    }
    let all = first.len() == DELAYS_HEALED as usize;
    let seen = median(first).filter(|_| all);
    Ok(judge::heal_delay(median(usual.there), seen, wish.tolerance, watch.end()))
}
