//! `E`: the last race, operation or failover once more, slowly, from the log, while the lab runs on.
//!
//! A replay is a world and a view of its own: the fold of the log up to a cursor that moves at a tenth of the lab's
//! time. It gives no command and changes nothing but itself.

use super::feed::Feed;
use super::view::View;
use super::{Bench, race, store, words};
use crate::base::LabTime;
use crate::event::Event;
use crate::world::{History, Race, World};
use std::time::Duration;

/// How slow a replay is at first, against the lab's time.
pub const RATE: u32 = 10;
/// The slowest: a hop of 40 ms then takes four seconds.
const SLOWEST: u32 = 160;
/// What is shown of the lab before it begins, and after it has ended: half a second on the wall.
const MARGIN: Duration = Duration::from_millis(50);
/// Events of one replay: a failover of ten seconds under a load of some thousand questions a second.
const EVENTS_MAX: usize = 200_000;

/// Where a replay is, for the header.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cursor {
    /// What is replayed: `race #41`.
    pub what: String,
    /// How many times slower than the lab's time.
    pub slower: u32,
    /// How far it is.
    pub at: Duration,
    /// How far it goes.
    pub whole: Duration,
    /// Whether it stands still by hand.
    pub paused: bool,
}

impl Cursor {
    /// ` REPLAY 1/10 `: what stands in place of the clock.
    #[must_use]
    pub fn word(&self) -> String {
        if self.is_over() {
            return "REPLAY ends".into();
        }
        let slower = self.slower;
        let pause = if self.paused { " paused" } else { "" };
        format!("REPLAY 1/{slower}{pause}")
    }

    /// `race #41 · 71 of 131 ms · the lab runs on`, shorter where there is less room.
    #[must_use]
    pub fn forms(&self) -> [String; 3] {
        let figures = format!("{} of {}", words::figure(self.at), words::figure(self.whole));
        let what = &self.what;
        [
            format!("{what}  {figures}  the lab runs on"),
            format!("{what}  the lab runs on"),
            "the lab runs on".into(),
        ]
    }

    fn is_over(&self) -> bool {
        self.at >= self.whole
    }
}

/// A replay under way.
#[derive(Debug)]
pub struct Replay {
    /// The fold up to the cursor.
    pub world: World,
    /// What is looked at.
    pub view: View,
    events: Vec<Event>,
    next: usize,
    from: LabTime,
    /// The moment shown.
    now: LabTime,
    wall: Option<Duration>,
    /// The world and the events before the first, to begin again from.
    start: (World, Feed),
}

/// What can be replayed: what it is called, when it began and ended.
struct Span {
    what: String,
    from: LabTime,
    until: Option<LabTime>,
}

impl Replay {
    /// What panel 2 shows, from its beginning.
    ///
    /// # Errors
    /// Why that cannot be shown again: a sentence for the person.
    pub fn begin(
        world: &World,
        view: &View,
        history: &History,
        bench: &dyn Bench,
    ) -> Result<Self, String> {
        let Span { what, from, until } =
            span(world, view).ok_or("nothing has happened yet that could be played again")?;
        let begins = LabTime(from.0.saturating_sub(MARGIN.as_nanos() as u64));
        let until = until.map_or(world.now, |until| until + MARGIN).min(world.now);
        let position = position_at(bench, begins, world.position)
            .ok_or_else(|| format!("the log no longer has the beginning of {what}"))?;
        let past = history.at_from(position, |from| bench.read(from));
        let (events, whole) = events_until(bench, position, until);
        let until = if whole { until } else { events.last().map_or(until, |event| event.time) };
        let mut view = view.clone();
        view.feed = view.feed.until(begins);
        view.events.follow();
        view.seen_until = None;
        view.race = race::shown(world, &view).map(|race| race.no);
        view.toasts.clear();
        view.replay = Some(Cursor {
            what,
            slower: RATE,
            at: Duration::ZERO,
            whole: until.since(begins),
            paused: false,
        });
        let start = (past.clone(), view.feed.clone());
        let (world, from, now) = (past, begins, begins);
        Ok(Self { world, view, events, next: 0, from, now, wall: None, start })
    }

    /// The moment that is shown.
    #[must_use]
    pub fn now(&self) -> LabTime {
        self.now
    }

    /// Whether the picture changes by the passing of time.
    #[must_use]
    pub fn moves(&self) -> bool {
        self.view.replay.as_ref().is_some_and(|cursor| !cursor.paused && !cursor.is_over())
    }

    /// Lets the panel's clock go on.
    pub fn tick(&mut self, wall: Duration) {
        let passed = self.wall.map_or(Duration::ZERO, |before| wall.saturating_sub(before));
        self.wall = Some(wall);
        self.view.tick(wall);
        let Some(cursor) = &mut self.view.replay else { return };
        if cursor.paused {
            return;
        }
        cursor.at = (cursor.at + passed / cursor.slower).min(cursor.whole);
        self.now = self.from + cursor.at;
        while let Some(event) = self.events.get(self.next).filter(|event| event.time <= self.now) {
            self.world.apply(event);
            if self.view.feed.take(event, &self.world) {
                self.view.event_came();
            }
            self.next += 1;
        }
    }

    /// Stands still, or goes on; at its end it begins again.
    pub fn pause(&mut self) {
        let Some(cursor) = &mut self.view.replay else { return };
        if !cursor.is_over() {
            cursor.paused = !cursor.paused;
            return;
        }
        cursor.at = Duration::ZERO;
        (self.next, self.now) = (0, self.from);
        self.world = self.start.0.clone();
        self.view.feed = self.start.1.clone();
        self.view.events.follow();
    }

    /// Half as fast, or twice.
    pub fn change_rate(&mut self, slower: bool) {
        if let Some(cursor) = &mut self.view.replay {
            let now = cursor.slower;
            cursor.slower = if slower { (now * 2).min(SLOWEST) } else { (now / 2).max(1) };
        }
    }
}

/// What panel 2 shows, and from when to when it lasted; to the present, where it has not ended.
fn span(world: &World, view: &View) -> Option<Span> {
    let Some(group) = store::on_show(world, view) else {
        return race::shown(world, view).map(of_race);
    };
    let op = store::ops::shown(group, view);
    let failover = match store::failover_shown(group, view) {
        Some(shown) => Some(shown),
        // Nothing in particular is picked: the last thing that happened.
        None if view.op.is_none() => {
            group.failovers.back().filter(|last| op.is_none_or(|op| op.begun < last.at))
        }
        None => None,
    };
    if let Some(failover) = failover {
        let what = format!("the failover of {}", world.topology.names.of(failover.leader));
        let served = failover.served.map(|(_, at, _)| at);
        let until = served.or(failover.called_off);
        return Some(Span { what, from: failover.at, until });
    }
    op.map(|op| Span {
        what: format!("operation {}", op.no.0),
        from: op.begun,
        until: op.ended.as_ref().map(|ended| ended.at),
    })
}

fn of_race(race: &Race) -> Span {
    let verdicts = [&race.verdict, &race.ls_verdict].into_iter().flatten().map(|it| it.at);
    let ended = race.lanes.iter().filter_map(|lane| lane.ended);
    let until = verdicts.chain(ended).max().filter(|_| race.is_settled());
    Span { what: format!("race #{}", race.no.0), from: race.begun, until }
}

/// The position of the first event that is not before a moment; none if the log does not reach back so far.
fn position_at(bench: &dyn Bench, moment: LabTime, end: u64) -> Option<u64> {
    let (mut low, mut high) = (0, end);
    while low < high {
        let middle = low + (high - low) / 2;
        let tail = bench.read(middle);
        let before = tail.events().next().is_some_and(|event| event.time < moment);
        match (before, tail.missing) {
            // The oldest event that is still there is not old enough.
            (false, 1..) => return None,
            (true, missing) => low = middle + missing + 1,
            (false, 0) => high = middle,
        }
    }
    Some(low)
}

/// The events from a position up to a moment, and whether these are all.
fn events_until(bench: &dyn Bench, from: u64, until: LabTime) -> (Vec<Event>, bool) {
    let (mut at, mut events) = (from, Vec::new());
    loop {
        let tail = bench.read(at);
        if tail.is_empty() {
            return (events, true);
        }
        for event in tail.events() {
            if event.time > until {
                return (events, true);
            }
            if events.len() >= EVENTS_MAX {
                return (events, false);
            }
            events.push(event.clone());
        }
        at = tail.next;
    }
}
