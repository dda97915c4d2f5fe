//! Every screen, drawn on worlds that are told by hand: glyphs and styles as snapshots, and every size without a panic.

#[path = "panel/cast.rs"]
mod cast;
#[path = "panel/diagram.rs"]
mod diagram;
#[path = "panel/documents.rs"]
mod documents;
#[path = "panel/family.rs"]
mod family;
#[path = "panel/figures.rs"]
mod figures;
#[path = "panel/keys.rs"]
mod keys;
#[path = "panel/lists.rs"]
mod lists;
#[path = "panel/looks.rs"]
mod looks;
#[path = "panel/replay.rs"]
mod replay;
#[path = "panel/scenes.rs"]
mod scenes;
#[path = "panel/states.rs"]
mod states;
#[path = "panel/stores.rs"]
mod stores;
#[path = "panel/story.rs"]
mod story;

use faultlab::base::{ConnId, EventId, FrameId, Incarnation, LabTime, Owner, Peer};
use faultlab::command::{Command, LinkSet, grammar};
use faultlab::event::{Cause, ClockState, Event, Fact};
use faultlab::log::Tail;
use faultlab::message::{Message, Outcome, RecordType, Said};
use faultlab::panel::{
    self, Bench, Depth, Edited, Edition, Ink, Leaving, Mode, Panel, PanelId, Reaction, Selection,
    Theme,
};
use faultlab::topology::{Kind, Policy};
use faultlab::world::World;
use keys::press;
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
use story::{CLIENT, LS, Served, Story, TS1, TS2};

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

/// Holds a scene at every layout against how it looked.
fn looks_as_it_did(scene: &str, panel: &Panel, now: LabTime) {
    for size in SIZES {
        let buffer = draw(panel, NIGHT, now, size);
        let name = format!("{scene}_{}x{}", size.0, size.1);
        insta::assert_snapshot!(name, glyphs_and_styles(&buffer));
    }
}

#[test]
fn every_scene_looks_as_it_did_at_every_layout() {
    for name in SCENES {
        let (panel, now) = scene(name);
        looks_as_it_did(name, &panel, now);
    }
}

#[test]
fn a_lossy_link_says_how_many_of_its_newest_frames_were_late() {
    let (mut panel, now) = scene("links");
    let mut numbers = 900;
    let mut frames = |from, to, sent: u64, late: u64| {
        let mut tell = |fact| {
            numbers += 1;
            let id = EventId { owner: Owner::Node(from, Incarnation(1)), number: numbers };
            panel.world.apply(&Event { id, time: now, cause: Cause::Unknown, fact });
        };
        for frame in (1..=sent).map(FrameId) {
            let message = Arc::new(Message::ask("www.google.com"));
            let (conn, to, about) = (ConnId(9), Peer::Node(to), None);
            tell(Fact::MessageSent { conn, to, frame, due: now, about, message });
            if frame.0 <= late {
                let (from, late) = (Peer::Node(from), Duration::from_millis(200));
                tell(Fact::FrameLate { from, to, frame, retransmissions: 1, late });
            }
        }
    };
    frames(LS, TS1, 9, 4);
    frames(TS1, LS, 7, 1);
    frames(CLIENT, LS, 8, 2);
    frames(TS2, LS, 6, 3);
    let shown = text(&draw(&panel, NIGHT, now, (160, 45)));
    // Both directions of one link together, one direction alone, and none where nothing is lossy.
    assert!(shown.contains("+200 ms 30 % late 5/16"), "{shown}");
    assert!(shown.contains("10 % late 2/8"), "{shown}");
    assert!(!shown.contains("3/6"), "{shown}");
    // The inspector tells the directions apart: of a node, and of a link.
    panel.view.selection = Selection::Node(TS1);
    press(&mut panel, "i");
    let of_node = text(&draw(&panel, NIGHT, now, (160, 45)));
    assert!(of_node.contains("ls→ts1 +200 ms 30 % late 4/9"), "{of_node}");
    assert!(of_node.contains("ts1→ls +200 ms 30 % late 1/7"), "{of_node}");
    panel.view.selection = Selection::Link(Peer::Node(CLIENT), Peer::Node(LS));
    let of_link = text(&draw(&panel, NIGHT, now, (160, 45)));
    assert!(of_link.contains("10 % late 2/8"), "{of_link}");
}

#[test]
fn a_race_after_the_flip_stands_below_the_one_of_its_name_before_it() {
    let topology = story::topology(Policy::Race, 2);
    let mut story = Story::new(&topology);
    story.lab(50, Fact::StepBegan { step: 1 });
    story.lab(60, Fact::Flipped { step: 1, repaired: false });
    story.race(100, "www.google.com", &[mute(TS1), mute(TS2)]);
    story.race(6000, "nobody.example", &[mute(TS1), mute(TS2)]);
    story.lab(12_000, Fact::Flipped { step: 1, repaired: true });
    story.race(12_100, "www.google.com", &[google(TS1, 10), google(TS2, 90)]);
    story.race(14_000, "www.mit.edu", &[google(TS1, 10), google(TS2, 90)]);
    let events = story.events();
    for (until, before, after) in [(13_000, "#1 ", "#3 "), (15_000, "#2 ", "#4 ")] {
        let (panel, now) = panel_at(topology.clone(), &events, until);
        let shown = text(&draw(&panel, NIGHT, now, (120, 40)));
        let rows: Vec<&str> = shown.lines().collect();
        let at = rows.iter().position(|row| row.contains("confessed")).expect("the race before");
        assert!(rows[at].contains(before) && rows[at + 1].contains(after), "{shown}");
        assert!(rows[at + 1].contains("repaired"), "{shown}");
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
    let views = [
        "", "?", ":k", "/x", "s", "Q", "i", "w", "q", "e", "B", "K2", "2e", "6", "5e", "!", "N",
        "Y",
    ];
    // Every view meets every size once; which scene it shows then, changes from size to size.
    std::thread::scope(|scope| {
        for part in views.chunks(4) {
            scope.spawn(move || part.iter().for_each(|keys| view_at_every_size(keys)));
        }
    });
}

/// The panel's file with other settings.
fn edited(panel: &Panel) -> Edition {
    let mut topology = (*panel.world.topology).clone();
    topology.title = "edited".into();
    for node in &mut topology.nodes {
        if let Kind::Ls(ls) = &mut node.kind {
            ls.timeout += Duration::from_secs(1);
        }
    }
    let edited = Edited::Sound(Arc::new(topology));
    Edition::of(edited, &panel.world).expect("it differs")
}

fn view_at_every_size(keys: &str) {
    let scenes: Vec<(Panel, LabTime)> = SCENES
        .into_iter()
        .chain(["crowd"])
        .map(|name| {
            let (mut panel, now) = scene(name);
            // A file that was edited: of every other scene soundly, of the rest not.
            panel.view.edition = Some(match name.len() % 2 {
                0 => edited(&panel),
                _ => Edition::Broken("error: `lss` is no role\n --> lab.toml:10:8\n".into()),
            });
            press(&mut panel, keys);
            assert_eq!(matches!(panel.view.mode, Mode::Edition), keys == "Y", "{keys}");
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
