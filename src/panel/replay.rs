//! `E`: the last race, operation or failover once more, slowly, from the log, while the lab runs on. `t`: the log
//! itself, to go back and on in.
//!
//! A replay is a world and a view of its own: the fold of the log up to a cursor that moves at a tenth of the lab's
//! time. It gives no command and changes nothing but itself. What has not ended yet is followed until it has.

use super::diagram::{self, Diagram};
use super::feed::Feed;
use super::scrub::{Cursor, Kind};
use super::view::{Mode, View};
use super::{Bench, race, store};
use crate::base::{LabTime, NodeId};
use crate::check::{Op, OpNo};
use crate::event::{Event, Fact};
use crate::report;
use crate::world::{History, LaneEnd, Race, RaceNo, World};
use std::time::Duration;

/// How slow a replay is at first, against the lab's time.
pub const RATE: u32 = 10;
/// The slowest: a hop of 40 ms then takes four seconds.
const SLOWEST: u32 = 160;
/// What is shown of the lab before it begins, and after it has ended: half a second on the wall.
const MARGIN: Duration = Duration::from_millis(50);
/// Events of one replay: a failover of ten seconds under a load of some thousand questions a second.
const EVENTS_MAX: usize = 200_000;
/// Events between two places to go back to: at a million events a second they are folded in some milliseconds.
const MARK_EVERY: usize = 8192;
/// How long after its verdict a race may still have a late answer, and after an election a first write.
const LATE: Duration = Duration::from_secs(10);

/// A replay under way.
#[derive(Debug)]
pub struct Replay {
    /// The fold up to the cursor.
    pub world: World,
    /// What is looked at.
    pub view: View,
    events: Vec<Event>,
    next: usize,
    subject: Subject,
    /// Whether the lab may still say something that belongs to it.
    open: bool,
    from: LabTime,
    /// The moment shown.
    now: LabTime,
    wall: Option<Duration>,
    /// What was shown before so many events, to go back to: before the first, and every so often.
    marks: Vec<(usize, World, Feed)>,
}

/// Where to go in a replay.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Seek {
    /// One event on.
    EventOn,
    /// One event back.
    EventBack,
    /// On to the next event that people read.
    LineOn,
    /// Back to the event that people read before.
    LineBack,
    /// To so much after its beginning.
    To(Duration),
    /// To this moment.
    At(LabTime),
    /// So much lab time on.
    On(Duration),
    /// So much lab time back.
    Back(Duration),
    /// To its beginning.
    Start,
    /// To its end.
    End,
    /// To the next marker.
    MarkerOn,
    /// To the marker before.
    MarkerBack,
}

/// What can be replayed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Subject {
    Race(RaceNo),
    Operation(OpNo),
    /// Of whom, and since when.
    Failover(NodeId, LabTime),
    /// Everything up to this moment.
    Log(LabTime),
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
        let (subject, from) =
            subject(world, view).ok_or("nothing has happened yet that could be played again")?;
        let begins = LabTime(from.0.saturating_sub(MARGIN.as_nanos() as u64));
        let position = position_at(bench, begins, world.position).ok_or_else(|| {
            format!("the log no longer has the beginning of {}", subject.word(world))
        })?;
        Ok(Self::of(subject, (begins, position), world, view, history, bench))
    }

    /// The log as far as it reaches back, standing still at its end.
    ///
    /// # Errors
    /// Why there is nothing to show: a sentence for the person.
    pub fn of_the_log(
        world: &World,
        view: &View,
        history: &History,
        bench: &dyn Bench,
    ) -> Result<Self, String> {
        let oldest = bench.read(0).missing.max(world.position.saturating_sub(EVENTS_MAX as u64));
        let first = bench.read(oldest).events().next().map(|event| event.time);
        let first = first.ok_or("nothing has happened yet that could be played again")?;
        let subject = Subject::Log(world.now);
        let mut replay = Self::of(subject, (first, oldest), world, view, history, bench);
        replay.open = false;
        if let Some(cursor) = &mut replay.view.replay {
            (cursor.slower, cursor.log, cursor.cut) = (1, true, oldest > 0);
        }
        replay.seek(Seek::End);
        Ok(replay)
    }

    fn of(
        subject: Subject,
        (begins, position): (LabTime, u64),
        world: &World,
        view: &View,
        history: &History,
        bench: &dyn Bench,
    ) -> Self {
        let past = history.at_from(position, |from| bench.read(from));
        let events = events_between(bench, position, world.position);
        let mut view = view.clone();
        view.feed = view.feed.before(begins);
        view.events.follow();
        view.seen_until = None;
        view.race = race::shown(world, &view).map(|race| race.no);
        view.toasts.clear();
        view.replay = Some(Cursor {
            what: subject.word(world),
            log: false,
            cut: false,
            slower: RATE,
            from: begins,
            marks: events.iter().filter_map(marked).collect(),
            at: Duration::ZERO,
            whole: Duration::ZERO,
            paused: false,
            meanwhile: meanwhile(world),
        });
        let marks = vec![(0, past.clone(), view.feed.clone())];
        let (from, now, wall) = (begins, begins, None);
        let (open, next) = (true, 0);
        let mut replay =
            Self { world: past, view, events, next, subject, open, from, now, wall, marks };
        replay.follow(world);
        replay
    }

    /// Takes an event of the lab: what is replayed may be under way still.
    pub fn observe(&mut self, event: &Event) {
        if self.open {
            self.events.push(event.clone());
            if let Some(cursor) = &mut self.view.replay {
                cursor.marks.extend(marked(event));
            }
        }
    }

    /// How far it goes, as the lab's world is now.
    pub fn follow(&mut self, lab: &World) {
        if let Some(cursor) = &mut self.view.replay {
            cursor.meanwhile = meanwhile(lab);
        }
        let Some(cursor) = self.view.replay.as_mut().filter(|_| self.open) else { return };
        let end = self.subject.ended(lab).map(|end| end + MARGIN);
        let last = match self.events.get(EVENTS_MAX) {
            Some(event) => event.time,
            None => lab.now,
        };
        let until = end.map_or(last, |end| end.min(last));
        cursor.whole = until.since(self.from);
        self.open = until == last && self.events.len() <= EVENTS_MAX;
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
        let until = self.events_until(self.now);
        self.fold(until);
    }

    /// How many events there are up to a moment.
    fn events_until(&self, moment: LabTime) -> usize {
        self.events.partition_point(|event| event.time <= moment)
    }

    /// Goes on or back to where so many events have happened.
    fn fold(&mut self, until: usize) {
        if until < self.next {
            let at = self.marks.partition_point(|(at, ..)| *at <= until).saturating_sub(1);
            let (at, world, feed) = &self.marks[at];
            (self.next, self.world) = (*at, world.clone());
            self.view.feed = feed.clone();
            self.view.events.follow();
        }
        while self.next < until {
            let event = &self.events[self.next];
            self.world.apply(event);
            if self.view.feed.take(event, &self.world) {
                self.view.event_came();
            }
            self.next += 1;
            if self.marks.last().is_some_and(|(at, ..)| at + MARK_EVERY <= self.next) {
                self.marks.push((self.next, self.world.clone(), self.view.feed.clone()));
            }
        }
    }

    /// Goes to another moment of it.
    pub fn seek(&mut self, seek: Seek) {
        let Some(whole) = self.view.replay.as_ref().map(|cursor| cursor.whole) else { return };
        let end = self.from + whole;
        let last = self.events_until(end);
        let nanos = |time: Duration| time.as_nanos() as u64;
        let cursor = self.view.replay.as_ref();
        let marks = cursor.map_or(&[][..], |cursor| &cursor.marks);
        let markers = marks.iter().filter(|mark| mark.1 == Kind::Marker && mark.0 <= end);
        let mut markers = markers.map(|mark| mark.0);
        let to = match seek {
            Seek::EventOn | Seek::EventBack | Seek::LineOn | Seek::LineBack => {
                let at = self.beside(seek, last);
                self.fold(at);
                let shown = at.checked_sub(1).and_then(|at| self.events.get(at));
                return self.stand_at(shown.map_or(self.from, |event| event.time));
            }
            Seek::To(time) => self.from + time,
            Seek::At(time) => time,
            Seek::On(time) => self.now + time,
            Seek::Back(time) => LabTime(self.now.0.saturating_sub(nanos(time))),
            Seek::Start => self.from,
            Seek::End => end,
            Seek::MarkerOn => markers.find(|at| *at > self.now).unwrap_or(end),
            Seek::MarkerBack => markers.rfind(|at| *at < self.now).unwrap_or(self.from),
        };
        let to = to.clamp(self.from, end);
        self.fold(self.events_until(to));
        self.stand_at(to);
    }

    /// How many events will have happened after a step by one event.
    fn beside(&self, seek: Seek, last: usize) -> usize {
        let is_read = |event: &Event| {
            matches!(event.fact, Fact::MessageReceived { .. })
                || report::line(event, &self.world.topology.names).is_some()
        };
        match seek {
            Seek::EventOn => (self.next + 1).min(last),
            Seek::LineOn => {
                let later = self.events[self.next.min(last)..last].iter();
                later.enumerate().find(|it| is_read(it.1)).map_or(last, |it| self.next + it.0 + 1)
            }
            Seek::LineBack => {
                let mut before = self.events[..self.next.saturating_sub(1)].iter();
                before.rposition(is_read).map_or(0, |at| at + 1)
            }
            _ => self.next.saturating_sub(1),
        }
    }

    /// Shows this moment, and nothing moves.
    fn stand_at(&mut self, moment: LabTime) {
        self.now = moment.max(self.from);
        if let Some(cursor) = &mut self.view.replay {
            cursor.at = self.now.since(self.from);
            cursor.paused = true;
        }
    }

    /// Shows who sent what to whom: in the log up to now, of a race or failover all of it.
    pub fn diagram(&mut self) {
        self.stand_at(self.now);
        let log = matches!(self.subject, Subject::Log(_));
        let until = if log { self.next } else { self.events.len() };
        let from = until.saturating_sub(diagram::EVENTS_MAX);
        let cut = from > 0 || self.view.replay.as_ref().is_some_and(|cursor| cursor.cut);
        let diagram = Diagram::of(&self.events[from..until], cut, &self.world, &self.view);
        self.view.mode = Mode::Diagram(Box::new(diagram));
    }

    /// Stands still, or goes on; at its end it begins again.
    pub fn pause(&mut self) {
        let Some(cursor) = &mut self.view.replay else { return };
        if !cursor.is_over() {
            cursor.paused = !cursor.paused;
            return;
        }
        self.seek(Seek::Start);
        if let Some(cursor) = &mut self.view.replay {
            cursor.paused = false;
        }
    }

    /// Half as fast, or twice.
    pub fn change_rate(&mut self, slower: bool) {
        if let Some(cursor) = &mut self.view.replay {
            let now = cursor.slower;
            cursor.slower = if slower { (now * 2).min(SLOWEST) } else { (now / 2).max(1) };
        }
    }
}

/// Where an event stands on the line of time, if it does.
fn marked(event: &Event) -> Option<(LabTime, Kind)> {
    Kind::of(event).map(|kind| (event.time, kind))
}

/// What panel 2 shows, and since when.
fn subject(world: &World, view: &View) -> Option<(Subject, LabTime)> {
    let Some(group) = store::on_show(world, view) else {
        return race::shown(world, view).map(|race| (Subject::Race(race.no), race.begun));
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
    match failover {
        Some(failover) => Some((Subject::Failover(failover.leader, failover.at), failover.at)),
        None => op.map(|op| (Subject::Operation(op.no), op.begun)),
    }
}

impl Subject {
    fn word(self, world: &World) -> String {
        match self {
            Self::Race(no) => format!("race #{}", no.0),
            Self::Operation(no) => format!("operation {}", no.0),
            Self::Log(_) => "the log".into(),
            Self::Failover(leader, _) => {
                format!("the failover of {}", world.topology.names.of(leader))
            }
        }
    }

    /// When it ended; none while it is under way. What the world has forgotten is over.
    fn ended(self, world: &World) -> Option<LabTime> {
        let mut groups = world.audit.groups();
        match self {
            Self::Log(until) => Some(until),
            Self::Race(no) => world.race(no).map_or(Some(world.now), |race| of_race(race, world)),
            Self::Operation(no) => {
                let op = groups.find_map(|group| group.op(no));
                op.map_or(Some(world.now), Op::over)
            }
            Self::Failover(leader, at) => {
                let mut failovers = groups.flat_map(|group| &group.failovers);
                let failover = failovers.find(|it| it.leader == leader && it.at == at);
                let Some(failover) = failover else { return Some(world.now) };
                let served = failover.served.map(|(_, at, _)| at).or(failover.called_off);
                let promoted = failover.promoted.map(|(_, at, _)| at);
                served.or(promoted.filter(|at| *at + LATE < world.now))
            }
        }
    }
}

/// A race has ended with its verdict, or with what comes late.
fn of_race(race: &Race, world: &World) -> Option<LabTime> {
    let verdicts = [&race.verdict, &race.ls_verdict].into_iter().flatten().map(|it| it.at);
    let lanes = || race.lanes.iter().map(|lane| race.lane_end(lane, world.now));
    let last = verdicts.chain(lanes().filter_map(|(_, ended)| ended)).max();
    let last = last.filter(|_| race.is_settled())?;
    let waits = lanes().any(|(end, _)| end == LaneEnd::Waiting);
    (!waits || last + LATE < world.now).then_some(last)
}

/// The position of the first event that is not before a moment; none if the log does not reach back so far.
pub fn position_at(bench: &dyn Bench, moment: LabTime, end: u64) -> Option<u64> {
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

/// The events from a position up to another, as far as a replay holds them.
pub fn events_between(bench: &dyn Bench, from: u64, to: u64) -> Vec<Event> {
    let (mut at, mut events) = (from, Vec::new());
    while at < to && events.len() <= EVENTS_MAX {
        let tail = bench.read(at);
        if tail.is_empty() {
            break;
        }
        let count = usize::try_from(to - at).unwrap_or(usize::MAX);
        events.extend(tail.events().take(count).cloned());
        at = tail.next;
    }
    events
}

/// What the lab does while its past is shown.
fn meanwhile(lab: &World) -> &'static str {
    if lab.clock.paused { "the lab is paused" } else { "the lab runs on" }
}
