//! `E`: the last race once more, slowly, while the lab runs on; and nothing that is pressed then reaches the lab.

use crate::NIGHT;
use crate::keys::press;
use crate::scenes::google;
use crate::story::{self, Story, TS1, TS2};
use faultlab::base::{EventId, LabTime, Owner};
use faultlab::command::Command;
use faultlab::event::{Cause, ClockState, Event, Fact, Hand};
use faultlab::log::{Log, SEGMENT_EVENTS, Tail};
use faultlab::panel::{self, Bench, Panel, Reaction};
use faultlab::topology::Policy;
use faultlab::world::{LaneEnd, World};
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::crossterm::event::{
    KeyCode, KeyEvent, KeyModifiers, MouseButton, MouseEvent, MouseEventKind,
};
use std::sync::Arc;
use std::time::Duration;

/// A lab whose log is all there is of it.
pub struct Recorded {
    pub log: Log,
    pub now: LabTime,
}

impl Bench for Recorded {
    fn now(&self) -> LabTime {
        self.now
    }

    fn read(&self, from: u64) -> Tail {
        self.log.read(from, 64)
    }

    fn give(&self, command: Command) -> bool {
        panic!("{command:?} reaches the lab")
    }

    fn census(&self) {}

    fn keep(&self, _text: &str) -> std::io::Result<std::path::PathBuf> {
        unreachable!("nothing is copied")
    }
}

/// A panel that has seen two races, and the lab that it saw; the log keeps so many events.
fn seen(keep: usize) -> (Panel, Recorded) {
    let mut topology = story::topology(Policy::Race, 2);
    topology.steps.clear();
    let mut story = Story::new(&topology);
    story.race(1000, "www.rutgers.edu", &[google(TS1, 10), google(TS2, 90)]);
    story.race(9000, "www.google.com", &[google(TS1, 10), google(TS2, 90)]);
    let mut log = Log::new(keep);
    let events: Vec<Event> = story.events();
    for event in &events {
        log.push(event.clone());
    }
    let bench = Recorded { log, now: LabTime::from_millis(20_000) };
    let mut panel = Panel::new(Arc::new(topology));
    while panel.follow(&bench).1 {}
    (panel, bench)
}

fn toast(panel: &Panel) -> String {
    let (_, view, _) = panel.shown(LabTime::ZERO);
    view.toasts.back().map_or_else(String::new, |toast| toast.text.clone())
}

fn at(panel: &mut Panel, millis: u64) -> (usize, LabTime) {
    panel.tick(Duration::from_millis(millis));
    let (world, _, now) = panel.shown(LabTime::from_millis(20_000));
    let race = world.races.back().expect("a race");
    (race.lanes.iter().filter(|lane| lane.end != LaneEnd::Waiting).count(), now)
}

#[test]
fn the_last_race_is_played_again_at_a_tenth_and_the_lab_is_left_alone() {
    let (mut panel, bench) = seen(100 * SEGMENT_EVENTS);
    let live = format!("{:?}", panel.world);
    assert_eq!(press(&mut panel, "E"), Reaction::Replay);
    panel.replay(&bench);
    let (world, view, now) = panel.shown(bench.now);
    let cursor = view.replay.clone().expect("a replay");
    assert_eq!((cursor.what.as_str(), cursor.word().as_str()), ("race #2", "REPLAY 1/10"));
    assert_eq!((world.races.len(), now), (1, LabTime::from_millis(8950)));
    assert_eq!(at(&mut panel, 0).1, LabTime::from_millis(8950));
    // A second on the wall is a tenth of one in the lab.
    assert_eq!(at(&mut panel, 1000), (0, LabTime::from_millis(9050)));
    // Pressed keys do nothing to the lab, and looking goes on.
    for key in ["x", "f", "R", "p", "u", "d", "V"] {
        assert_eq!(press(&mut panel, key), Reaction::Nothing, "{key}");
        assert!(
            toast(&panel).starts_with("replay is read-only, t = live"),
            "{key}: {}",
            toast(&panel)
        );
    }
    assert_eq!(press(&mut panel, "e"), Reaction::Nothing);
    assert!(panel.shown(bench.now).1.zoom && !panel.view.zoom);
    // It can stand still, go slower and faster, and ends where the race ends.
    press(&mut panel, " ");
    assert_eq!(at(&mut panel, 3000), (0, LabTime::from_millis(9050)));
    press(&mut panel, " -");
    assert_eq!(at(&mut panel, 5000), (1, LabTime::from_millis(9150)));
    press(&mut panel, "++");
    let (ended, now) = at(&mut panel, 60_000);
    assert_eq!(ended, 2);
    assert!(!panel.moves(now));
    // At its end it begins again; and `E` goes back to the lab, where nothing has changed.
    press(&mut panel, " ");
    assert_eq!(panel.shown(bench.now).2, LabTime::from_millis(8950));
    assert_eq!(press(&mut panel, "E"), Reaction::Nothing);
    assert!(panel.shown(bench.now).1.replay.is_none());
    assert_eq!(format!("{:?}", panel.world), live);
}

/// Everything that a log has.
fn all(bench: &Recorded) -> Vec<Event> {
    let mut events: Vec<Event> = Vec::new();
    let mut at = 0;
    loop {
        let tail = bench.read(at);
        if tail.is_empty() {
            return events;
        }
        events.extend(tail.events().cloned());
        at = tail.next;
    }
}

/// A panel that has seen so much of the second race.
fn until(millis: u64) -> (Panel, Recorded, Vec<Event>) {
    let (panel, mut bench) = seen(100 * SEGMENT_EVENTS);
    let mut events = all(&bench);
    let later = events.split_off(
        events.iter().position(|event| event.time > LabTime::from_millis(millis)).expect("later"),
    );
    bench.log = Log::new(100 * SEGMENT_EVENTS);
    for event in events {
        bench.log.push(event);
    }
    let mut panel = Panel::new(panel.world.topology.clone());
    while panel.follow(&bench).1 {}
    (panel, bench, later)
}

#[test]
fn what_is_still_under_way_is_followed_to_its_end() {
    // The first answer has come, and the client has it; the second server is slower.
    for millis in [9050, 9125] {
        let (mut panel, mut bench, later) = until(millis);
        panel.replay(&bench);
        let whole = |panel: &Panel| {
            let (_, view, _) = panel.shown(LabTime::ZERO);
            view.replay.as_ref().expect("a replay").whole
        };
        let before = whole(&panel);
        assert!(before <= Duration::from_millis(millis - 8950), "{before:?}");
        at(&mut panel, 0);
        for event in later {
            bench.log.push(event);
        }
        while panel.follow(&bench).1 {}
        assert!(whole(&panel) > before, "it goes on: {:?}", whole(&panel));
        let (ended, now) = at(&mut panel, 60_000);
        assert_eq!(ended, 2, "both have answered");
        assert_eq!(panel.shown(now).0.races.len(), 2, "it is the second race");
        assert!(!panel.moves(now), "and there it ends");
    }
}

/// Wherever somebody goes in the log, what is shown is the fold of what had happened.
#[test]
fn the_log_can_be_gone_back_and_on_in() {
    let (mut panel, bench) = seen(100 * SEGMENT_EVENTS);
    let (events, live) = (all(&bench), format!("{:?}", panel.world));
    let folded = |count: usize| {
        let mut world = World::new(panel.world.topology.clone());
        events[..count].iter().for_each(|event| world.apply(event));
        format!("{world:?}")
    };
    let folds: Vec<String> = (0..=events.len()).map(folded).collect();
    assert_eq!(press(&mut panel, "t"), Reaction::ReplayLog);
    panel.replay_log(&bench);
    let mut count = events.len();
    let mut at = LabTime::ZERO;
    for key in "t,,,,.,..,,<<<<<<<<<<<,.>>>>Gg.,>G,nN".chars().skip(1) {
        assert_eq!(press(&mut panel, &key.to_string()), Reaction::Nothing, "{key}");
        let before = at;
        at = panel.shown(bench.now).2;
        count = match key {
            ',' => count - 1,
            '.' => count + 1,
            _ => events.partition_point(|event| event.time <= at),
        };
        assert!(folds[count] == format!("{:?}", panel.shown(bench.now).0), "{key}: {count}");
        if key == '<' || key == '>' {
            let gone = at.since(before).max(before.since(at));
            assert!(gone <= Duration::from_secs(1), "{key}: {gone:?}");
        }
    }
    assert_eq!(at, events[0].time, "no marker before: the beginning");
    // A page is moved in, not the log.
    press(&mut panel, "i");
    panel.key(&KeyEvent::new(KeyCode::PageDown, KeyModifiers::NONE));
    assert_eq!(panel.shown(bench.now).2, at);
    press(&mut panel, "\x1bt");
    assert!(panel.shown(bench.now).1.replay.is_none());
    assert_eq!(format!("{:?}", panel.world), live);
}

#[test]
fn an_older_race_that_is_picked_is_the_one_that_is_played() {
    let (mut panel, bench) = seen(100 * SEGMENT_EVENTS);
    panel.view.race = Some(faultlab::world::RaceNo(1));
    panel.replay(&bench);
    let (world, view, _) = panel.shown(bench.now);
    assert_eq!(view.replay.as_ref().map(|it| it.what.as_str()), Some("race #1"));
    assert!(world.races.is_empty());
}

#[test]
fn what_the_log_no_longer_has_is_said_in_a_toast() {
    let (mut panel, bench) = seen(SEGMENT_EVENTS);
    panel.replay(&bench);
    assert!(panel.shown(bench.now).1.replay.is_some(), "all of it is there");
    let (mut panel, mut bench) = seen(100 * SEGMENT_EVENTS);
    // Since then, more has happened than the log keeps.
    let last = bench.log.read(0, usize::MAX).events().last().expect("an event").clone();
    let mut log = Log::new(SEGMENT_EVENTS);
    for _ in 0..3 * SEGMENT_EVENTS {
        log.push(last.clone());
    }
    bench.log = log;
    panel.replay(&bench);
    assert_eq!(toast(&panel), "the log no longer has the beginning of race #2");
    let mut nothing = Panel::new(panel.world.topology.clone());
    nothing.replay(&bench);
    assert_eq!(toast(&nothing), "nothing has happened yet that could be played again");
}

/// A replay of the log with two markers and a death in it, at 80x24.
fn marked() -> (Panel, Recorded) {
    let (panel, mut bench) = seen(100 * SEGMENT_EVENTS);
    let tell = |number: u64, millis, fact| Event {
        id: EventId { owner: Owner::Lab, number: 1_000_000 + number },
        time: LabTime::from_millis(millis),
        cause: Cause::Unknown,
        fact,
    };
    let mark = |text: &str| {
        let command = Arc::new(Command::Mark(text.into()));
        Fact::CommandGiven { command, hand: Hand::Person }
    };
    bench.log.push(tell(1, 12_000, mark("one")));
    bench.log.push(tell(2, 14_000, Fact::NodeKilled { node: TS1 }));
    bench.log.push(tell(3, 16_000, mark("two")));
    bench.log.push(tell(4, 20_000, mark("end")));
    let mut panel = Panel::new(panel.world.topology.clone());
    while panel.follow(&bench).1 {}
    panel.resize((80, 24));
    panel.replay_log(&bench);
    (panel, bench)
}

fn row(panel: &Panel, row: u16) -> String {
    row_of(panel, (80, 24), row)
}

fn row_of(panel: &Panel, (columns, rows): (u16, u16), row: u16) -> String {
    let (world, view, now) = panel.shown(LabTime::ZERO);
    let mut terminal = Terminal::new(TestBackend::new(columns, rows)).expect("a screen in memory");
    let drawn = terminal.draw(|frame| panel::draw(world, view, &NIGHT, now, frame));
    let buffer = drawn.expect("it is drawn").buffer.clone();
    (0..columns).map(|x| buffer[(x, row)].symbol()).collect()
}

#[test]
fn the_header_of_a_replay_says_whether_the_lab_goes_on_meanwhile() {
    let (mut panel, mut bench) = marked();
    panel.resize((120, 40));
    let wide = |panel: &Panel| row_of(panel, (120, 40), 0);
    assert!(wide(&panel).contains("stands still  the lab runs on"), "{}", wide(&panel));
    let (number, time) = (1_000_000, bench.now);
    let id = EventId { owner: Owner::Lab, number };
    let fact = Fact::ClockSet(ClockState { rate: 1.0, paused: true, auto: false });
    bench.log.push(Event { id, time, cause: Cause::Unknown, fact });
    while panel.follow(&bench).1 {}
    assert!(wide(&panel).contains("stands still  the lab is paused"), "{}", wide(&panel));
}

#[test]
fn the_line_of_time_says_where_the_replay_is_and_a_click_on_it_goes_there() {
    let (mut panel, bench) = marked();
    assert!(row(&panel, 0).contains(" REPLAY 00:20.000 / 00:20 "), "{}", row(&panel, 0));
    let line = row(&panel, 22);
    assert!(line.starts_with(" 00:00 ━") && line.ends_with("m 00:20 "), "{line}");
    let column = |what: char, nth: usize| {
        let mut all = (0..).zip(line.chars()).filter(|it| it.1 == what).map(|it| it.0);
        all.nth(nth).unwrap_or_else(|| panic!("{what}: {line}"))
    };
    let dead = column('✕', 0);
    assert!(column('m', 0) < dead && dead < column('m', 1), "{line}");
    let click = |panel: &mut Panel, column| {
        let (kind, modifiers) = (MouseEventKind::Down(MouseButton::Left), KeyModifiers::NONE);
        panel.mouse(MouseEvent { kind, column, row: 22, modifiers });
        panel.shown(bench.now).2
    };
    let end = LabTime::from_millis(20_000);
    assert_eq!(click(&mut panel, dead), end, "the mouse is the terminal's");
    press(&mut panel, "M");
    assert_eq!(click(&mut panel, dead), LabTime::from_millis(14_000), "what is marked is hit");
    let left = click(&mut panel, 8);
    assert!(left < LabTime::from_millis(500), "{left}");
    assert!(row(&panel, 22).starts_with(" 00:00 ━━─"), "{}", row(&panel, 22));
    // The keys of the faults have made room.
    let keys = row(&panel, 23);
    assert!(keys.contains("Space") && !keys.contains("kill") && !keys.contains("fire"), "{keys}");
    // From marker to marker, and by seconds.
    let mut after = |keys: &str| {
        press(&mut panel, keys);
        panel.shown(bench.now).2
    };
    assert_eq!(after("n"), LabTime::from_millis(12_000));
    assert_eq!(after("n"), LabTime::from_millis(16_000));
    assert_eq!(after("N"), LabTime::from_millis(12_000));
    let mut arrow = |code, modifiers| {
        panel.key(&KeyEvent::new(code, modifiers));
        panel.shown(bench.now).2.0 / 1_000_000
    };
    assert_eq!(arrow(KeyCode::Left, KeyModifiers::SHIFT), 11_000);
    assert_eq!(arrow(KeyCode::Right, KeyModifiers::SHIFT), 12_000);
    assert_eq!(arrow(KeyCode::PageUp, KeyModifiers::NONE), 2_000);
    assert_eq!(arrow(KeyCode::PageDown, KeyModifiers::NONE), 12_000);
    // An arrow goes to what can be read, and back to where it was.
    assert_eq!(arrow(KeyCode::Right, KeyModifiers::NONE), 14_000);
    assert_eq!(arrow(KeyCode::Right, KeyModifiers::NONE), 16_000);
    assert_eq!(arrow(KeyCode::Left, KeyModifiers::NONE), 14_000);
}

#[test]
fn a_log_whose_beginning_is_gone_says_where_it_begins() {
    let (panel, mut bench) = seen(100 * SEGMENT_EVENTS);
    let last = all(&bench).pop().expect("an event");
    let mut log = Log::new(SEGMENT_EVENTS);
    for number in 0..3 * SEGMENT_EVENTS as u64 {
        log.push(Event { time: LabTime::from_millis(20_000 + number), ..last.clone() });
    }
    bench.log = log;
    let mut panel = Panel::new(panel.world.topology.clone());
    while panel.follow(&bench).1 {}
    panel.replay_log(&bench);
    let begins = 20 + 2 * SEGMENT_EVENTS / 1000;
    let scrub = row(&panel, 22);
    assert!(scrub.starts_with(&format!(" begins 00:{begins} ━")), "{scrub}");
}
