//! Casts: what a terminal shows that plays one is what the panel showed at that moment.

use crate::replay::Recorded;
use crate::scenes::google;
use crate::story::{self, Story, TS1, TS2};
use crate::{NIGHT, text};
use faultlab::base::{EventId, LabTime, Owner};
use faultlab::command::Command;
use faultlab::event::{Cause, ClockState, Event, Fact, Hand};
use faultlab::log::{Log, SEGMENT_EVENTS};
use faultlab::panel::{self, Cast, Depth, Filmed, Mode, Panel, Span, Theme, ThemeName};
use faultlab::topology::{Policy, Topology};
use faultlab::world::CHECKPOINT_EVENTS;
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::buffer::Buffer;
use ratatui::style::{Color, Modifier};
use std::num::NonZeroU16;
use std::sync::Arc;
use std::time::Duration;

fn topology() -> Topology {
    let mut topology = story::topology(Policy::Race, 2);
    topology.steps.clear();
    topology
}

/// Two races, and a marker between them.
fn told(topology: &Topology) -> Vec<Event> {
    let mut story = Story::new(topology);
    story.race(1000, "www.rutgers.edu", &[google(TS1, 10), google(TS2, 90)]);
    let command = Arc::new(Command::Mark("half \u{1b}[2J way".into()));
    story.lab(4000, Fact::CommandGiven { command, hand: Hand::Person });
    story.race(9000, "www.google.com", &[google(TS1, 10), google(TS2, 90)]);
    story.events()
}

/// A panel that has followed this log, of which so many events are kept.
fn followed(topology: Topology, events: &[Event], keep: usize, now: u64) -> (Panel, Recorded) {
    let mut log = Log::new(usize::MAX);
    for event in events {
        log.push(event.clone());
    }
    let now = LabTime::from_millis(now);
    let whole = Recorded { log, now };
    let mut panel = Panel::new(Arc::new(topology));
    while panel.follow(&whole).1 {}
    let mut log = Log::new(keep);
    for event in events {
        log.push(event.clone());
    }
    (panel, Recorded { log, now })
}

/// The lines of a cast behind its header: time, kind, data.
fn lines(cast: &[u8]) -> Vec<(f64, String, String)> {
    let cast = std::str::from_utf8(cast).expect("a text");
    cast.lines().skip(1).map(|line| serde_json::from_str(line).expect("of JSON")).collect()
}

fn header(cast: &[u8]) -> serde_json::Value {
    serde_json::from_slice(cast.split(|byte| *byte == b'\n').next().expect("a line")).expect("JSON")
}

fn film(panel: &Panel, bench: &Recorded, span: Span, theme: Theme) -> (Vec<u8>, Filmed) {
    let footage = panel.footage(bench, span, theme).expect("there is something");
    let mut cast = Vec::new();
    let filmed = footage.write(&mut cast).expect("it is written");
    (cast, filmed)
}

/// A terminal of the size of a cast.
fn screen_of(cast: &[u8]) -> vt100::Parser {
    let number = |key: &str| {
        let number = header(cast)[key].as_u64().and_then(|it| NonZeroU16::new(it as u16));
        number.expect("a number")
    };
    vt100::Parser::new(number("height"), number("width"), 0)
}

/// What a terminal shows that has played a cast up to a moment.
fn played(cast: &[u8], until: f64) -> vt100::Parser {
    let mut parser = screen_of(cast);
    for (at, kind, data) in lines(cast) {
        if at <= until && kind == "o" {
            parser.process(data.as_bytes());
        }
    }
    parser
}

fn colour(colour: Color) -> vt100::Color {
    match colour {
        Color::Rgb(red, green, blue) => vt100::Color::Rgb(red, green, blue),
        Color::Indexed(index) => vt100::Color::Idx(index),
        Color::Black => vt100::Color::Idx(0),
        Color::Gray => vt100::Color::Idx(7),
        Color::DarkGray => vt100::Color::Idx(8),
        Color::LightRed => vt100::Color::Idx(9),
        Color::LightGreen => vt100::Color::Idx(10),
        Color::Yellow => vt100::Color::Idx(3),
        Color::LightYellow => vt100::Color::Idx(11),
        Color::LightMagenta => vt100::Color::Idx(13),
        Color::LightCyan => vt100::Color::Idx(14),
        Color::White => vt100::Color::Idx(15),
        Color::Reset => vt100::Color::Default,
        other => panic!("{other:?} is in no theme"),
    }
}

/// Letters, colours and the rest of every cell.
fn assert_shows(parser: &vt100::Parser, buffer: &Buffer, what: &str) {
    for y in 0..buffer.area.height {
        for x in 0..buffer.area.width {
            let wanted = &buffer[(x, y)];
            let cell = parser.screen().cell(y, x).expect("it is on the screen");
            let letters = if cell.contents().is_empty() { " " } else { cell.contents() };
            let shown = (letters, cell.fgcolor(), cell.bgcolor(), cell.bold(), cell.inverse());
            let has = |modifier| wanted.modifier.contains(modifier);
            // To this terminal bold and dim are two ends of one thing.
            let bold = has(Modifier::BOLD) && !has(Modifier::DIM);
            let reversed = has(Modifier::REVERSED);
            let (fg, bg) = (colour(wanted.fg), colour(wanted.bg));
            let wanted = (wanted.symbol(), fg, bg, bold, reversed);
            let screen = parser.screen().contents();
            assert_eq!(shown, wanted, "{what} at {x}, {y}:\n{screen}\n{}", text(buffer));
        }
    }
}

/// What the panel shows at a moment of its log, gone back to with the keys of a replay.
fn gone_back(panel: &mut Panel, bench: &Recorded, theme: Theme, moment: LabTime) -> Buffer {
    panel.go_to(bench, moment);
    let (world, view, now) = panel.shown(LabTime::ZERO);
    assert_eq!(now, moment);
    let mut view = view.clone();
    // Not the replay's own line, words and pick; and what the film's clock says.
    (view.replay, view.race, view.wall) = (None, None, moment.since(LabTime::ZERO));
    let (width, height) = view.size;
    let mut terminal = Terminal::new(TestBackend::new(width, height)).expect("a screen in memory");
    let frame = terminal.draw(|frame| panel::draw(world, &view, &theme, now, frame));
    frame.expect("it is drawn").buffer.clone()
}

#[test]
fn at_every_moment_a_cast_shows_what_a_replay_shows() {
    let themes = [
        NIGHT,
        Theme::night(Depth::Indexed, false).with(ThemeName::Day),
        Theme::night(Depth::Sixteen, false),
        Theme::mono(true),
    ];
    for (theme, size) in themes.into_iter().zip([(80, 24), (160, 45), (120, 40), (40, 12)]) {
        let (mut panel, bench) = followed(topology(), &told(&topology()), usize::MAX, 11_000);
        panel.resize(size);
        let (cast, filmed) = film(&panel, &bench, Span::All, theme);
        assert_eq!((filmed.from, filmed.to), (LabTime::ZERO, LabTime::from_millis(11_000)));
        assert_eq!(header(&cast)["width"], size.0);
        let (mut shown, mut lines) = (screen_of(&cast), lines(&cast).into_iter().peekable());
        for moment in [0, 1000, 1100, 1200, 4000, 9000, 9100, 9200] {
            let until = moment as f64 / 1000.0;
            while let Some((_, kind, data)) = lines.next_if(|line| line.0 <= until) {
                if kind == "o" {
                    shown.process(data.as_bytes());
                }
            }
            let wanted = gone_back(&mut panel, &bench, theme, LabTime::from_millis(moment));
            assert_shows(&shown, &wanted, &format!("{theme:?} {size:?} {moment}"));
        }
    }
}

#[test]
fn a_cast_is_what_players_understand() {
    let (mut panel, bench) = followed(topology(), &told(&topology()), usize::MAX, 11_000);
    panel.resize((120, 40));
    let (cast, filmed) = film(&panel, &bench, Span::All, NIGHT);
    let header = header(&cast);
    assert_eq!(
        (&header["version"], &header["title"]),
        (&2.into(), &"faultlab first-answer, seed 7".into())
    );
    let lines = lines(&cast);
    assert!(lines.windows(2).all(|pair| pair[0].0 <= pair[1].0), "time goes on");
    let last = lines.last().expect("a line").0;
    assert!((last - 12.0).abs() < 0.11 && filmed.lasts == Duration::from_secs_f64(last), "{last}");
    let marks: Vec<_> = lines.iter().filter(|line| line.1 == "m").collect();
    assert!(
        matches!(marks[..], [(at, _, text)] if (*at - 4.0).abs() < 0.11 && !text.contains('\u{1b}'))
    );
    for (_, kind, data) in &lines {
        let mut rest = data.as_str();
        while let Some((text, sequence)) = rest.split_once('\u{1b}').filter(|_| kind == "o") {
            assert!(!text.contains(char::is_control), "{text:?}");
            let end = sequence.find(|c: char| c.is_ascii_alphabetic()).expect("it ends");
            let (arguments, rest_of_it) = sequence.split_at(end);
            let known = matches!(&rest_of_it[..1], "m" | "H" | "J" | "h" | "l");
            let plain = |c: char| c.is_ascii_digit() || ";?".contains(c);
            assert!(known && arguments.strip_prefix('[').is_some_and(|it| it.chars().all(plain)));
            rest = &rest_of_it[1..];
        }
        assert!(!rest.contains(char::is_control), "{rest:?}");
    }
}

#[test]
fn a_span_begins_at_the_marker_or_so_much_before_now() {
    let (panel, bench) = followed(topology(), &told(&topology()), usize::MAX, 20_000);
    let last = Span::Last(Duration::from_millis(11_500));
    for (span, from) in [(Span::SinceMarker, 4_000), (last, 8_500)] {
        let (cast, filmed) = film(&panel, &bench, span, NIGHT);
        assert_eq!(filmed.from, LabTime::from_millis(from), "{span:?}");
        let first = played(&cast, 0.0).screen().contents();
        assert!(first.contains("#1") && !first.contains("#2"), "{first}");
        let last = played(&cast, f64::MAX).screen().contents();
        assert!(last.contains("#2"), "{last}");
    }
    // Without a marker there is none to begin at, and of nothing there is nothing to show.
    let (mut panel, bench) = followed(topology(), &[], usize::MAX, 20_000);
    for (span, why) in [
        (Span::SinceMarker, "there is no marker in the log yet: m puts one"),
        (Span::All, "nothing has happened yet that a cast could show"),
    ] {
        panel.export_cast(&bench, span, NIGHT);
        assert_eq!(panel.view.toasts.back().map(|toast| toast.text.as_str()), Some(why));
    }
}

/// Two races, and then so many events that mean nothing, a hundred a second.
fn long(topology: &Topology, count: u64) -> (Vec<Event>, u64) {
    let mut events = told(topology);
    let (mut story, end) = (Story::new(topology), 10_000 + count * 10);
    for at in 0..count {
        let sets = ClockState { rate: 1.0, paused: false, auto: false };
        story.lab(10_000 + at * 10, Fact::ClockSet(sets));
    }
    let numbered = events.iter().filter(|event| event.id.owner == Owner::Lab).count() as u64;
    events.extend(story.events().into_iter().filter(|event| event.time.0 >= 10_000_000_000).map(
        |event| Event {
            id: EventId { number: event.id.number + numbered, ..event.id },
            cause: Cause::Boot,
            ..event
        },
    ));
    (events, end)
}

#[test]
fn a_log_without_its_beginning_is_shown_from_where_everything_is_known() {
    // The log has forgotten its beginning, and a checkpoint lies in what is left.
    let (events, end) = long(&topology(), CHECKPOINT_EVENTS + 6000);
    let keep = CHECKPOINT_EVENTS as usize + 3 * SEGMENT_EVENTS;
    let (mut panel, bench) = followed(topology(), &events, keep, end);
    panel.resize((80, 24));
    assert!(bench.log.start() > 0);
    let (cast, filmed) = film(&panel, &bench, Span::All, NIGHT);
    assert!(filmed.from > LabTime::from_millis(10_000), "{filmed:?}");
    let first = played(&cast, 0.0).screen().contents();
    assert!(first.contains("up 4/4") && first.contains("#2"), "{first}");
    let last = played(&cast, f64::MAX);
    panel.view.mode = Mode::Normal;
    panel.view.wall = filmed.lasts.saturating_sub(Duration::from_secs(1));
    let wanted = crate::draw(&panel, NIGHT, bench.now, (80, 24));
    assert_shows(&last, &wanted, "the end");
}

#[test]
fn a_long_wait_is_a_few_frames_and_strange_clocks_end() {
    let mut look = panel::Options::of_surroundings();
    look.theme = NIGHT;
    let write = |events: Vec<Event>, speed: f64| {
        let mut cast = Cast::new(Arc::new(topology()), &look, (20, 5));
        cast.speed = speed;
        let mut out = Vec::new();
        let filmed = cast.write(events.into_iter(), &mut out).expect("it is written");
        (out, filmed)
    };
    let event = |number: u64, millis: u64, fact: Fact| {
        let id = EventId { owner: Owner::Lab, number };
        Event { id, time: LabTime(millis.saturating_mul(1_000_000)), cause: Cause::Boot, fact }
    };
    let sets = |rate: f64| Fact::ClockSet(ClockState { rate, paused: false, auto: false });
    // An hour in which nothing happens is an hour; the player makes it short.
    let (cast, filmed) = write(vec![event(1, 0, sets(1.0)), event(2, 3_600_000, sets(1.0))], 1.0);
    assert!(filmed.frames < 1_500, "{filmed:?}");
    assert!((filmed.lasts.as_secs_f64() - 3_601.0).abs() < 1.0, "{filmed:?}");
    assert_eq!(header(&cast)["idle_time_limit"], 3.0);
    // It goes as fast as the clock went, and as fast as one wants it.
    let slow = [event(1, 0, sets(0.1)), event(2, 1_000, sets(2.0)), event(3, 9_000, sets(1.0))];
    let lasts = |speed| write(slow.to_vec(), speed).1.lasts.as_secs_f64() - 1.0;
    assert!((lasts(1.0) - 14.0).abs() < 0.21, "{}", lasts(1.0));
    assert!((lasts(2.0) - 7.0).abs() < 0.21, "{}", lasts(2.0));
    for rate in [0.0, -1.0, f64::NAN, f64::INFINITY, 1e-300] {
        let (_, filmed) = write(vec![event(1, 0, sets(rate)), event(2, u64::MAX, sets(rate))], 1.0);
        assert!(filmed.frames < 20_000, "{filmed:?}");
    }
}
