//! Every screen, drawn on worlds that are told by hand: glyphs and styles as snapshots, and every size without a panic.

#[path = "panel/story.rs"]
mod story;

use faultlab::base::{EventId, FrameId, LabTime, NodeId, Owner, Peer};
use faultlab::command::{Command, LinkSet, grammar};
use faultlab::event::{Cause, ClockState, Event, Fact, Judgement};
use faultlab::log::Tail;
use faultlab::message::{Belief, Faults, HostName, Note, Said};
use faultlab::panel::{self, Bench, Depth, Ink, Leaving, Mode, Panel, PanelId, Reaction, Theme};
use faultlab::topology::Policy;
use faultlab::world::World;
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::buffer::Buffer;
use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use ratatui::style::{Color, Modifier};
use std::cell::RefCell;
use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;
use story::{CLIENT, HOP, LS, Served, Story, TS1, TS2, found};

const NIGHT: Theme = Theme::night(Depth::True, false);
const SIZES: [(u16, u16); 4] = [(160, 45), (120, 40), (80, 24), (40, 12)];

/// A panel that has seen these events up to a moment.
fn panel(topology: faultlab::topology::Topology, events: &[Event], until: u64) -> (Panel, LabTime) {
    let mut panel = Panel::new(Arc::new(topology));
    let now = LabTime::from_millis(until);
    for event in events.iter().filter(|event| event.time <= now) {
        panel.world.apply(event);
        panel.view.feed.take(event, &panel.world);
    }
    (panel, now)
}

fn draw(panel: &Panel, theme: Theme, now: LabTime, (width, height): (u16, u16)) -> Buffer {
    let mut terminal = Terminal::new(TestBackend::new(width, height)).expect("a screen in memory");
    let frame = terminal
        .draw(|frame| panel::draw(&panel.world, &panel.view, &theme, now, frame))
        .expect("it is drawn");
    frame.buffer.clone()
}

fn text(buffer: &Buffer) -> String {
    let rows = buffer.content().chunks(usize::from(buffer.area.width).max(1));
    let mut out = String::new();
    for row in rows {
        let line: String = row.iter().map(ratatui::buffer::Cell::symbol).collect();
        writeln!(out, "{}", line.trim_end()).expect("writing to a String cannot fail");
    }
    out
}

/// Glyphs, and below them one letter a cell for its style: upper case for a badge.
fn glyphs_and_styles(buffer: &Buffer) -> String {
    let mut out = text(buffer);
    out.push_str("---\n");
    for row in buffer.content().chunks(usize::from(buffer.area.width).max(1)) {
        let line: String = row.iter().map(style_letter).collect();
        writeln!(out, "{}", line.trim_end()).expect("writing to a String cannot fail");
    }
    out
}

fn style_letter(cell: &ratatui::buffer::Cell) -> char {
    let base = NIGHT.base();
    let badge = Some(cell.bg) != base.bg || cell.modifier.contains(Modifier::REVERSED);
    let of = if Some(cell.bg) == base.bg { cell.fg } else { cell.bg };
    if cell.symbol() == " " && !badge {
        return ' ';
    }
    let inks = [
        (Ink::Text, 't'),
        (Ink::Muted, 'm'),
        (Ink::Frame, 'f'),
        (Ink::Focus, 'y'),
        (Ink::Slow, 'o'),
        (Ink::Lead, 's'),
        (Ink::Frozen, 'p'),
        (Ink::Good, 'g'),
        (Ink::Bad, 'b'),
    ];
    let letter = inks.into_iter().find(|(ink, _)| NIGHT.ink(*ink).fg == Some(of));
    let letter = letter.map_or('?', |(_, letter)| letter);
    if badge { letter.to_ascii_uppercase() } else { letter }
}

fn google(by: NodeId, takes: u64) -> Served {
    Served { by, takes, says: Some(found("142.250.80.36")) }
}

fn mute(by: NodeId) -> Served {
    Served { by, takes: 0, says: None }
}

/// A world by its name, and the moment at which it is looked at.
fn scene(name: &str) -> (Panel, LabTime) {
    let mut topology = story::topology(Policy::Race, 2);
    let mut servers = 2;
    match name {
        "idle" | "race" | "late" | "silent" | "states" | "links" | "banner" | "visitor" => {
            topology.steps.clear();
        }
        "batch" => {
            topology = story::topology(Policy::Batch, 2);
            topology.steps.clear();
        }
        "sticky" => {
            topology = story::topology(Policy::Sticky, 3);
            topology.steps.clear();
            servers = 3;
        }
        "many" => {
            servers = 28;
            topology = story::topology(Policy::Race, servers);
            topology.steps.clear();
        }
        "crowd" => {
            servers = 300;
            topology = story::topology(Policy::Race, servers);
            topology.steps.clear();
        }
        _ => {}
    }
    let mut story = Story::new(&topology);
    let until = tell(&mut story, name);
    let _ = servers;
    panel(topology, &story.events(), until)
}

fn tell(story: &mut Story, name: &str) -> u64 {
    match name {
        "race" => {
            story.race(100, "www.google.com", &[google(TS1, 10), google(TS2, 90)]);
            100 + HOP + HOP / 2
        }
        "late" => {
            story.race(100, "www.google.com", &[google(TS1, 10), google(TS2, 90)]);
            1000
        }
        "silent" => {
            story.race(100, "www.google.com", &[google(TS1, 10), google(TS2, 90)]);
            story.lab(500, Fact::NodePoweredOff { node: TS1 });
            story.race(1000, "www.rutgers.edu", &[mute(TS1), mute(TS2)]);
            7000
        }
        "states" => {
            story.believe(10, LS, TS1, Belief::Up);
            story.believe(10, LS, TS2, Belief::Up);
            story.lab(1000, Fact::NodeFrozen { node: TS1 });
            story.lab(2000, Fact::NodeKilled { node: TS2 });
            story.believe(3000, LS, TS1, Belief::Down);
            9000
        }
        "links" => {
            let slow = |extra: u64, loss, cut| Faults {
                latency: Duration::from_millis(HOP),
                extra: Duration::from_millis(extra),
                loss,
                cut,
                ..Faults::default()
            };
            story.faults(100, LS, TS1, slow(200, 0.3, false));
            story.faults(100, TS1, LS, slow(200, 0.3, false));
            story.faults(100, TS2, LS, slow(0, 0.0, true));
            story.faults(100, CLIENT, LS, slow(0, 0.1, false));
            200
        }
        "banner" | "step" => {
            if name == "step" {
                story.lab(50, Fact::StepBegan { step: 1 });
                story.lab(60, Fact::StepRan { step: 1 });
                story.judge(70, 0, Judgement::Passed, "answered after 170 ms");
                story.judge(80, 1, Judgement::Failed, "1 was silent");
                story.lab(90, Fact::StepEnded { step: 1 });
            }
            let why = Arc::from("the handler of the timeout was never run");
            story.lab(1000, Fact::NodeCrashed { node: LS, why });
            3000
        }
        "question" => {
            story.lab(50, Fact::StepBegan { step: 1 });
            1000
        }
        "flip" => {
            story.lab(50, Fact::StepBegan { step: 1 });
            story.lab(60, Fact::Flipped { step: 1, repaired: false });
            story.race(100, "nobody.example", &[mute(TS1), mute(TS2)]);
            story.lab(6000, Fact::Flipped { step: 1, repaired: true });
            story.race(6100, "www.google.com", &[google(TS1, 10), google(TS2, 90)]);
            7000
        }
        "sticky" => {
            for (name, to) in [("www.google.com", 2), ("www.mit.edu", 3), ("a.example", 4)] {
                let (name, upstream) = (HostName::new(name), NodeId(to));
                story.note(LS, 100, None, Note::Stuck { name, upstream, before: None });
            }
            let until = LabTime::from_millis(9000);
            story.note(LS, 200, None, Note::Ejected { upstream: TS2, failures: 2, until });
            1000
        }
        "visitor" => {
            story.visitor(100, 1);
            500
        }
        "batch" => {
            let closes = LabTime::from_millis(4000);
            story.note(LS, 1000, None, Note::WindowOpened { window: 1, closes });
            1500
        }
        _ => 500,
    }
}

const SCENES: [&str; 14] = [
    "idle", "race", "late", "silent", "states", "links", "banner", "step", "question", "flip",
    "sticky", "batch", "many", "visitor",
];

#[test]
fn every_scene_looks_as_it_did_at_every_layout() {
    for scene_name in SCENES {
        let (panel, now) = scene(scene_name);
        for size in SIZES {
            let buffer = draw(&panel, NIGHT, now, size);
            let name = format!("{scene_name}_{}x{}", size.0, size.1);
            insta::assert_snapshot!(name, glyphs_and_styles(&buffer));
        }
    }
}

#[test]
fn a_lossy_link_says_how_many_of_its_newest_frames_were_late() {
    let (mut panel, now) = scene("links");
    let mut late = |from, to, frames: u64| {
        let (from, to) = (Peer::Node(from), Peer::Node(to));
        for frame in 1..=frames {
            let late = Duration::from_millis(200);
            let (frame, retransmissions) = (FrameId(frame), 1);
            let fact = Fact::FrameLate { from, to, frame, retransmissions, late };
            let id = EventId { owner: Owner::Lab, number: 900 + frame.0 };
            panel.world.apply(&Event { id, time: now, cause: Cause::Unknown, fact });
        }
    };
    late(LS, TS1, 6);
    late(TS1, LS, 4);
    late(CLIENT, LS, 2);
    late(TS2, LS, 3);
    let shown = text(&draw(&panel, NIGHT, now, (160, 45)));
    // Both directions of one link together, one direction alone, and none where nothing is lossy.
    assert!(shown.contains("+200 ms 30 % late 10/10"), "{shown}");
    assert!(shown.contains("10 % late 2/2"), "{shown}");
    assert!(!shown.contains("3/3"), "{shown}");
}

#[test]
fn every_dialog_looks_as_it_did() {
    for (name, keys) in [
        ("help", "?"),
        ("palette", ":kill t"),
        ("palette_wrong", ":kil ts1\r"),
        ("policies", "s"),
        ("names", "Q"),
        ("names_typed", "Qmit"),
        ("quit", "q"),
        ("inspect", "i"),
        ("why", "w"),
        ("zoomed_race", "2e"),
        ("link", "v"),
    ] {
        let (mut panel, now) = scene("late");
        press(&mut panel, keys);
        let buffer = draw(&panel, NIGHT, now, (80, 24));
        insta::assert_snapshot!(format!("dialog_{name}"), glyphs_and_styles(&buffer));
    }
}

#[test]
fn without_unicode_and_without_colour_nothing_else_is_drawn() {
    let ascii = Theme::mono(true);
    for scene_name in SCENES {
        let (mut panel, now) = scene(scene_name);
        for keys in ["", "?", ":", "s", "Q", "i"] {
            press(&mut panel, keys);
            let buffer = draw(&panel, ascii, now, (100, 34));
            for cell in buffer.content() {
                assert!(cell.symbol().is_ascii(), "{scene_name} {keys}: {:?}", cell.symbol());
                assert_eq!((cell.fg, cell.bg), (Color::Reset, Color::Reset));
            }
            panel.view.mode = Mode::Normal;
        }
    }
}

#[test]
fn every_view_fits_every_size() {
    let views = ["", "?", ":k", "/x", "s", "Q", "i", "w", "q", "e", "B", "K2", "2e", "6", "5e"];
    // Every view meets every size once; which scene it shows then, changes from size to size.
    std::thread::scope(|scope| {
        for part in views.chunks(4) {
            scope.spawn(move || part.iter().for_each(|keys| view_at_every_size(keys)));
        }
    });
}

fn view_at_every_size(keys: &str) {
    let scenes: Vec<(Panel, LabTime)> = SCENES
        .into_iter()
        .chain(["crowd"])
        .map(|name| {
            let (mut panel, now) = scene(name);
            press(&mut panel, keys);
            (panel, now)
        })
        .collect();
    for width in 0..=60_u16 {
        for height in 0..=40_u16 {
            let at = (usize::from(width) * 5 + usize::from(height)) % scenes.len();
            draw(&scenes[at].0, NIGHT, scenes[at].1, (width, height));
        }
    }
    for (panel, now) in &scenes {
        for size in [(300, 100), (80, 24), (100, 30), (150, 40), (1000, 3), (3, 300)] {
            draw(panel, NIGHT, *now, size);
        }
    }
}

#[test]
fn hostile_names_and_messages_never_reach_the_screen() {
    let hostile = "\x1b[2J\x1b]52;c;AAAA\x07\u{9b}31m\u{202e}abc\u{200b}";
    let mut topology = story::topology(Policy::Race, 2);
    topology.title = hostile.into();
    topology.name = hostile.into();
    topology.lesson = hostile.into();
    let mut story = Story::new(&topology);
    let says = Some(Said::Found { address: Arc::from(hostile), flags: Arc::from(hostile) });
    story.race(100, hostile, &[Served { by: TS1, takes: 5, says }, mute(TS2)]);
    let crash = Fact::NodeCrashed { node: TS1, why: Arc::from(hostile) };
    story.lab(700, crash);
    story.lab(800, Fact::CommandRefused { why: Arc::from(hostile) });
    let (mut panel, now) = panel(topology, &story.events(), 900);
    panel.view.toast(hostile, true);
    for keys in ["", "i", "w", "2e", "4e", ":", "?", "6e"] {
        press(&mut panel, keys);
        for size in SIZES {
            let buffer = draw(&panel, NIGHT, now, size);
            for cell in buffer.content() {
                let bad = |c: char| c.is_control() || matches!(c, '\u{202e}' | '\u{200b}');
                assert!(!cell.symbol().chars().any(bad), "{keys} {:?}", cell.symbol());
            }
            // What was there is shown, harmless: nothing is left out silently.
            if keys.is_empty() && size == (160, 45) {
                assert!(text(&buffer).contains("\\e[2J\\e]52;c"), "{}", text(&buffer));
            }
        }
        panel.view.mode = Mode::Normal;
        panel.view.zoom = false;
    }
}

#[test]
fn the_mark_of_a_message_moves_along_its_link() {
    let mut topology = story::topology(Policy::Race, 2);
    topology.steps.clear();
    let mut story = Story::new(&topology);
    story.race(100, "www.google.com", &[google(TS1, 10), google(TS2, 90)]);
    let events = story.events();
    let mut rows = Vec::new();
    for at in [102, 115, 125, 135] {
        let (panel, now) = panel(topology.clone(), &events, at);
        let shown = text(&draw(&panel, NIGHT, now, (120, 40)));
        let row = shown.lines().position(|line| line.contains('●'));
        rows.push(row.unwrap_or_else(|| panic!("a mark at {at} ms:\n{shown}")));
        let beside = shown.contains("●#1") || shown.contains("#1●");
        assert!(beside, "the race's number goes with it:\n{shown}");
    }
    assert!(rows.windows(2).all(|pair| pair[0] <= pair[1]), "{rows:?}");
    assert!(rows[0] < rows[3], "{rows:?}");
}

// Keys.

fn key(c: char) -> KeyEvent {
    let code = match c {
        '\r' => KeyCode::Enter,
        '\t' => KeyCode::Tab,
        '\x1b' => KeyCode::Esc,
        c => KeyCode::Char(c),
    };
    KeyEvent::new(code, KeyModifiers::NONE)
}

/// Presses keys one after the other and gives what the last led to.
fn press(panel: &mut Panel, keys: &str) -> Reaction {
    let mut last = Reaction::Nothing;
    for c in keys.chars() {
        last = panel.key(&key(c));
    }
    last
}

/// A lab that only notes what it is given.
#[derive(Default)]
struct Deaf {
    given: RefCell<Vec<Command>>,
    room: usize,
}

impl Bench for Deaf {
    fn now(&self) -> LabTime {
        LabTime::ZERO
    }

    fn read(&self, _from: u64) -> Tail {
        Tail::default()
    }

    fn give(&self, command: Command) -> bool {
        let mut given = self.given.borrow_mut();
        let room = given.len() < self.room;
        if room {
            given.push(command);
        }
        room
    }

    fn census(&self) {}
}

#[test]
fn every_lecture_key_becomes_its_command_and_changes_nothing_by_itself() {
    for (keys, words) in [
        ("f", "query client"),
        ("F", "query client x20"),
        ("x", "kill ts1"),
        ("o", "power-off ts1"),
        ("r", "revive ts1"),
        ("z", "freeze ts1"),
        ("b", "lie ts1 on"),
        ("p", "cut ts1"),
        ("P", "cut ts1->"),
        ("d", "delay ts1 50ms"),
        ("L", "loss ts1 10%"),
        ("lx", "kill ts2"),
        ("kx", "kill ls"),
        ("vp", "cut ts1<->ls"),
        ("vd", "delay ts1<->ls 50ms"),
        ("vP", "cut ts1->ls"),
        ("u", "undo"),
        ("U", "redo"),
        ("R", "reset"),
        (" ", "pause"),
        (".", "tick"),
        ("-", "speed 0.5"),
        ("0", "speed 1"),
        ("a", "pace auto"),
        ("n", "next"),
        ("V", "flip"),
        ("c", "load client 5/s"),
        ("s\r", "set ls policy race"),
        ("Qmit\r", "query client www.mit.edu"),
        ("Qelse.where\r", "query client else.where"),
        (":freeze ls\r", "freeze ls"),
    ] {
        let (mut panel, _) = scene("steps");
        let before = format!("{:?}", panel.world);
        let reaction = press(&mut panel, keys);
        let Reaction::Give(commands) = reaction else { panic!("{keys}: {reaction:?}") };
        let names = &panel.world.topology.names;
        let given: Vec<String> =
            commands.iter().map(|command| grammar::words(command, names)).collect();
        let wanted = grammar::command(words, names).map(|it| grammar::words(&it, names));
        assert_eq!(given, [wanted.expect("a command")], "{keys}");
        assert_eq!(before, format!("{:?}", panel.world), "{keys} changed the world");
    }
}

#[test]
fn toggles_decide_from_the_truth() {
    let (mut panel, _) = scene("states");
    assert_eq!(press(&mut panel, "z"), Reaction::Give(vec![Command::Thaw(TS1)]));
    // ts2 is dead: whoever leads, it is not the one that `X` takes.
    assert_eq!(press(&mut panel, "X"), Reaction::Give(vec![Command::Kill(TS1)]));
    let (mut panel, _) = scene("links");
    assert_eq!(
        press(&mut panel, "d"),
        Reaction::Give(vec![Command::Delay(LinkSet::Around(TS1), Duration::from_secs(1))])
    );
    assert_eq!(press(&mut panel, "lP"), Reaction::Give(vec![Command::CutOnly(LinkSet::To(TS2))]));
    // Only the cut is taken back: the delay and the loss of the link stay.
    for key in ["p", "P"] {
        let (mut panel, _) = scene("links");
        for pair in [(TS2, LS), (LS, TS2)] {
            let pair = (Peer::Node(pair.0), Peer::Node(pair.1));
            panel.world.links.entry(pair).or_default().faults.cut = true;
        }
        let uncut = Command::Uncut(LinkSet::Around(TS2));
        assert_eq!(press(&mut panel, &format!("l{key}")), Reaction::Give(vec![uncut]), "{key}");
    }
    panel.world.clock = ClockState { rate: 0.25, paused: true, auto: true };
    assert_eq!(press(&mut panel, " "), Reaction::Give(vec![Command::Resume]));
    assert_eq!(press(&mut panel, "-"), Reaction::Give(vec![Command::Speed(0.1)]));
    assert_eq!(press(&mut panel, "+"), Reaction::Give(vec![Command::Speed(0.5)]));
    assert_eq!(press(&mut panel, "a"), Reaction::Give(vec![Command::Pace { auto: false }]));
}

#[test]
fn the_next_beat_is_obeyed_once_in_four_hundred_milliseconds() {
    let (mut panel, _) = scene("step");
    panel.view.tick(Duration::from_secs(1));
    assert_eq!(press(&mut panel, "n"), Reaction::Give(vec![Command::Next]));
    panel.view.tick(Duration::from_millis(1399));
    assert_eq!(press(&mut panel, "n"), Reaction::Nothing);
    panel.view.tick(Duration::from_millis(1400));
    assert_eq!(press(&mut panel, "n"), Reaction::Give(vec![Command::Next]));
}

#[test]
fn quitting_asks_and_enter_is_not_an_answer() {
    let (mut panel, _) = scene("idle");
    assert_eq!(press(&mut panel, "q"), Reaction::Nothing);
    assert_eq!(press(&mut panel, "\rx"), Reaction::Nothing);
    assert!(matches!(panel.view.mode, Mode::QuitAsked));
    assert_eq!(press(&mut panel, "y"), Reaction::Leave(Leaving::Quit));
    assert_eq!(press(&mut panel, "n"), Reaction::Nothing);
    assert!(matches!(panel.view.mode, Mode::Normal));
    let interrupt = KeyEvent::new(KeyCode::Char('c'), KeyModifiers::CONTROL);
    assert_eq!(panel.key(&interrupt), Reaction::Nothing);
    assert_eq!(panel.key(&interrupt), Reaction::Leave(Leaving::Quit));
}

#[test]
fn pasted_text_is_never_taken_for_keys() {
    let (mut panel, _) = scene("idle");
    panel.paste("xxxqy");
    assert!(matches!(panel.view.mode, Mode::Normal));
    press(&mut panel, ":");
    panel.paste("kill ts1\n\x1b[2J");
    let Mode::Palette(_) = &panel.view.mode else { panic!("the palette stays open") };
    assert_eq!(press(&mut panel, "\r"), Reaction::Nothing, "a wrong line is not carried out");
    assert!(matches!(panel.view.mode, Mode::Palette(_)));
}

#[test]
fn a_lab_without_room_is_said_to_be_busy() {
    let (mut panel, _) = scene("idle");
    let bench = Deaf { room: 1, ..Deaf::default() };
    panel.give(&bench, vec![Command::Undo]);
    assert!(panel.view.toasts.is_empty());
    panel.give(&bench, vec![Command::Undo]);
    assert!(panel.view.toasts.iter().any(|toast| toast.bad));
}

#[test]
fn races_are_picked_and_the_newest_is_followed_again() {
    let (mut panel, _) = scene("flip");
    let newest = panel.world.races.back().expect("there are races").no;
    let arrow = |code| KeyEvent::new(code, KeyModifiers::NONE);
    press(&mut panel, "2");
    assert_eq!(panel.view.focus, PanelId::Race);
    panel.key(&arrow(KeyCode::Left));
    assert_eq!(panel.view.race.map(|no| no.0), Some(newest.0 - 1));
    panel.key(&arrow(KeyCode::Right));
    assert_eq!(panel.view.race, None);
}

#[test]
fn every_key_of_the_footer_does_something() {
    for scene_name in SCENES {
        let (panel, _) = scene(scene_name);
        let entries = panel::footer_entries(&panel.world, &panel.view);
        assert!(entries.len() > 10, "{scene_name}: {entries:?}");
        for (word, what) in entries {
            let (mut panel, _) = scene(scene_name);
            let code = match word.as_str() {
                "Space" => KeyCode::Char(' '),
                "Tab" => KeyCode::Tab,
                "Enter" => KeyCode::Enter,
                one => KeyCode::Char(one.chars().next().expect("a key has a name")),
            };
            let before = format!("{:?}", panel.view);
            let reaction = panel.key(&KeyEvent::new(code, KeyModifiers::NONE));
            let changed = before != format!("{:?}", panel.view);
            assert!(changed || reaction != Reaction::Nothing, "{scene_name}: {word} {what}");
        }
    }
}

#[test]
fn the_world_is_only_read() {
    fn takes_shared(world: &World, panel: &Panel) -> Buffer {
        let before = format!("{world:?}");
        let buffer = draw(panel, NIGHT, LabTime::from_millis(1000), (120, 40));
        assert_eq!(before, format!("{world:?}"));
        buffer
    }
    let (panel, _) = scene("late");
    takes_shared(&panel.world, &panel);
}
