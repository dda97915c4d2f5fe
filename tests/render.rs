//! Every screen, drawn on worlds that are told by hand: glyphs and styles as snapshots, and every size without a panic.

#[path = "panel/scenes.rs"]
mod scenes;
#[path = "panel/story.rs"]
mod story;

use faultlab::base::{LabTime, Peer};
use faultlab::command::{Command, LinkSet, grammar};
use faultlab::event::{ClockState, Fact};
use faultlab::log::Tail;
use faultlab::message::{Outcome, Said};
use faultlab::panel::{self, Bench, Depth, Ink, Leaving, Mode, Panel, PanelId, Reaction, Theme};
use faultlab::topology::Policy;
use faultlab::world::World;
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::buffer::Buffer;
use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use ratatui::style::{Color, Modifier};
use scenes::{SCENES, google, mute, panel_at, scene};
use std::cell::RefCell;
use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;
use story::{LS, Served, Story, TS1, TS2};

const NIGHT: Theme = Theme::night(Depth::True, false);
const SIZES: [(u16, u16); 4] = [(160, 45), (120, 40), (80, 24), (40, 12)];

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
    let (mut panel, now) = panel_at(topology, &story.events(), 900);
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
        let (panel, now) = panel_at(topology.clone(), &events, at);
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
fn the_truth_line_keeps_the_faults_and_cuts_no_figure() {
    for (width, height) in [(80, 24), (100, 30), (120, 40), (160, 45)] {
        for size in [0, 9, 99, 999, 99_999] {
            let (mut panel, now) = scene("silent");
            let truth = &mut panel.world.truth;
            truth.asked = size;
            truth.late = size;
            truth.unmatched = size;
            truth.contradicted = size.min(999);
            truth.ended = Outcome::ALL.into_iter().map(|outcome| (outcome, size)).collect();
            let screen = text(&draw(&panel, NIGHT, now, (width, height)));
            let row = screen.lines().nth(1).expect("there is a second row");
            assert!(row.contains(&format!(" asked {size}  ")), "{row}");
            let parts = || row.split("  ").map(str::trim).filter(|part| !part.is_empty());
            assert!(parts().any(|part| part.starts_with("faults 1")), "{row}");
            for part in parts() {
                let whole = part == "…" || part.ends_with(|c: char| c.is_ascii_digit() || c == ')');
                assert!(whole || part.contains('·'), "{part:?} is cut in {row:?}");
            }
        }
    }
}

#[test]
fn arrows_select_what_stands_there() {
    let (mut panel, _) = scene("idle");
    let name = |panel: &Panel| match panel.view.selection {
        panel::Selection::Node(id) => panel.world.topology.names.of(id).to_owned(),
        other => format!("{other:?}"),
    };
    assert_eq!(name(&panel), "ts1");
    for (key, selected) in
        [('l', "ts2"), ('l', "ts2"), ('k', "ls"), ('k', "client"), ('j', "ls"), ('j', "ts1")]
    {
        press(&mut panel, &key.to_string());
        assert_eq!(name(&panel), selected, "after {key}");
    }
}

#[test]
fn another_topology_is_opened_only_after_asking() {
    let (mut panel, _) = scene("idle");
    assert_eq!(press(&mut panel, "O"), Reaction::Nothing);
    assert_eq!(press(&mut panel, "n"), Reaction::Nothing);
    assert!(matches!(panel.view.mode, Mode::Normal));
    assert_eq!(press(&mut panel, "Oy"), Reaction::Leave(Leaving::Topologies));
}

#[test]
fn what_is_wrong_with_a_command_is_pointed_at() {
    let (mut panel, now) = scene("idle");
    press(&mut panel, ": kill ts9");
    panel.key(&KeyEvent::new(KeyCode::Enter, KeyModifiers::NONE));
    let screen = text(&draw(&panel, NIGHT, now, (80, 24)));
    let rows: Vec<&str> = screen.lines().collect();
    let at = rows.iter().position(|row| row.contains(": kill ts9")).expect("the line stays");
    let column = |row: &str, what: &str| row.find(what).map(|byte| row[..byte].chars().count());
    assert_eq!(column(rows[at], "ts9"), column(rows[at + 1], "^^^"), "{screen}");
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
