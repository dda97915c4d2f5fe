//! `H`: who sent what to whom, of real machines on virtual time that stand still.

use super::*;
use crate::replay::Recorded;
use crate::stores::{backed_up, given};
use crate::story::Story;
use faultlab::base::VisitorId;
use faultlab::log::Log;
use faultlab::topology::{self, Bundled, Topology};

const LOOKED_AT: [(u16, u16); 3] = [(160, 45), (120, 40), (80, 24)];

/// A panel over what these commands led to, paused at the last of them; and the lab.
fn stood(topology: &Topology, commands: &[(u64, &str)]) -> (Panel, Recorded) {
    let sim = given(topology, commands);
    let mut log = Log::new(usize::MAX);
    for event in sim.log().read(0, usize::MAX).events() {
        log.push(event.clone());
    }
    let bench = Recorded { log, now: sim.now() };
    let mut panel = Panel::new(sim.topology().clone());
    while panel.follow(&bench).1 {}
    (panel, bench)
}

/// The same with the diagram open, on a screen of a size.
fn opened(panel: &mut Panel, bench: &Recorded, size: (u16, u16), keys: &str) -> String {
    panel.resize(size);
    assert_eq!(press(panel, "H"), Reaction::Diagram);
    panel.diagram(bench);
    press(panel, keys);
    text(&shown(panel, NIGHT, size))
}

fn shown(panel: &Panel, theme: Theme, (width, height): (u16, u16)) -> Buffer {
    let (world, view, now) = panel.shown(LabTime::ZERO);
    let mut terminal = Terminal::new(TestBackend::new(width, height)).expect("a screen in memory");
    let frame = terminal.draw(|frame| panel::draw(world, view, &theme, now, frame));
    frame.expect("it is drawn").buffer.clone()
}

fn bundled(name: &str) -> Topology {
    let loaded = topology::load(name.as_ref(), topology::Options::default());
    let mut topology = loaded.expect("it is built in").topology;
    topology.auto_pace = false;
    topology
}

/// A race in which one of two servers dies while the question is on its way to it.
fn race() -> (Panel, Recorded) {
    let given = [
        (500, "query client www.google.com"),
        (560, "kill ts1"),
        (1400, "cut ls<->ts2"),
        (1500, "query client2 www.mit.edu"),
        (2000, "pause"),
    ];
    stood(&bundled("first-answer"), &given)
}

fn failover() -> (Panel, Recorded) {
    let given = [
        (500, "post w lobby one"),
        (1000, "freeze r3"),
        (1300, "thaw r3"),
        (2000, "kill r1"),
        (4000, "post w lobby two"),
        (4500, "pause"),
    ];
    stood(&backed_up("sync", &["w"]), &given)
}

/// Twelve servers, of which the last is the quickest.
fn crowd() -> (Panel, Recorded) {
    let names: Vec<String> = (1..=12).map(|at| format!("ts{at}")).collect();
    let mut text = format!(
        "title = \"many\"\n[nodes.client]\nrole = \"client\"\nasks = \"ls\"\nnames = [\"a.example\"]\n\
         [nodes.other]\nrole = \"client\"\nasks = \"ls\"\nnames = [\"a.example\"]\n\
         [nodes.ls]\nrole = \"ls\"\nupstreams = {names:?}\n[defaults.link]\nlatency = \"40ms\"\n"
    );
    for name in &names {
        let records = "records = { \"a.example\" = \"192.0.2.1\" }";
        write!(text, "[nodes.{name}]\nrole = \"ts\"\n{records}\n").expect("it is a String");
    }
    text += "[[links]]\nbetween = [\"ls\", \"ts12\"]\nlatency = \"5ms\"\n";
    let topology = topology::load_text("many.toml", &text, &Bundled).expect("it is good").topology;
    stood(&topology, &[(500, "query client"), (1500, "pause")])
}

fn looks(name: &str, drawn: &str) {
    insta::with_settings!({ snapshot_path => "../snapshots" }, {
        insta::assert_snapshot!(name, drawn);
    });
}

#[test]
fn every_diagram_looks_as_it_did() {
    for (name, scene, keys) in [
        ("race", race as fn() -> (Panel, Recorded), "kkkkkkkkkkkkkkk"),
        ("failover", failover, ""),
        ("crowd", crowd, "g"),
    ] {
        for size in LOOKED_AT {
            let (mut panel, bench) = scene();
            opened(&mut panel, &bench, size, keys);
            let buffer = shown(&panel, NIGHT, size);
            looks(&format!("{name}_{}x{}", size.0, size.1), &glyphs_and_styles(&buffer));
        }
    }
    let (mut panel, bench) = race();
    opened(&mut panel, &bench, (80, 24), "");
    looks("ascii", &text(&shown(&panel, Theme::mono(true), (80, 24))));
}

#[test]
fn a_diagram_fits_every_size_and_is_ascii_where_it_must_be() {
    for scene in [race as fn() -> (Panel, Recorded), failover, crowd] {
        let (mut panel, bench) = scene();
        for (width, height) in (0..=90).step_by(3).flat_map(|w| (0..=40).map(move |h| (w, h))) {
            if (width, height) == (0, 0) {
                opened(&mut panel, &bench, (width, height), "a");
            }
            panel.resize((width, height));
            press(&mut panel, if height % 2 == 0 { "k" } else { "j" });
            let buffer = shown(&panel, Theme::mono(true), (width, height));
            assert!(buffer.content().iter().all(|cell| cell.symbol().is_ascii()));
        }
    }
}

#[test]
fn what_moves_is_not_drawn_as_a_diagram() {
    let (mut panel, bench) = stood(&bundled("first-answer"), &[(500, "query client")]);
    assert_eq!(press(&mut panel, "H"), Reaction::Diagram);
    panel.diagram(&bench);
    assert!(matches!(panel.view.mode, Mode::Normal));
    let toast = panel.view.toasts.back().map(|toast| toast.text.clone()).unwrap_or_default();
    assert_eq!(toast, "a diagram is of what stands still: Space pauses, t goes back");
    // In the log there is one, up to where the log stands.
    panel.replay_log(&bench);
    let whole = opened(&mut panel, &bench, (80, 24), "");
    assert!(whole.contains("Space and time") && whole.contains("asks"), "{whole}");
    press(&mut panel, "\x1bg..");
    let begun = opened(&mut panel, &bench, (80, 24), "");
    assert!(begun.contains("starts") && !begun.contains("asks"), "{begun}");
}

#[test]
fn a_message_is_followed_from_its_sending_to_its_arrival_and_back() {
    let (mut panel, bench) = race();
    let foot = |panel: &Panel| {
        let whole = text(&shown(panel, NIGHT, (80, 24)));
        let rows: Vec<String> = whole.lines().map(str::to_owned).collect();
        [rows[19].clone(), rows[20].clone(), rows[21].clone()]
    };
    opened(&mut panel, &bench, (80, 24), "g");
    let asks = |panel: &Panel| foot(panel)[0].contains("client → ls  asks www.google.com");
    for _ in 0..20 {
        if asks(&panel) {
            break;
        }
        press(&mut panel, "j");
    }
    assert!(asks(&panel), "{:?}", foot(&panel));
    let [_, sent, _] = foot(&panel);
    assert!(sent.contains("sent as 2, arrives as 3 after 40 ms: 2 < 3"), "{sent}");
    press(&mut panel, "l");
    let [what, arrived, orders] = foot(&panel);
    assert!(what.contains("ls  arrives: client → ls  asks www.google.com"), "{what}");
    let rule = "its clock stood at 1, the message brings 2: max + 1 = 3";
    assert!(arrived.contains(rule), "{arrived}");
    assert!(orders.contains("neither: nobody can know which came first"), "{orders}");
    press(&mut panel, "h");
    assert!(asks(&panel), "{:?}", foot(&panel));
    // What was on its way when its receiver died never arrives.
    let text_of = |panel: &mut Panel, what: &str| {
        for _ in 0..40 {
            if foot(panel)[0].contains(what) {
                return foot(panel)[1].clone();
            }
            press(panel, "j");
        }
        panic!("{what} is not there")
    };
    let lost = text_of(&mut panel, "ls → ts1  asks");
    assert!(lost.contains("and never arrives"), "{lost}");
    let held = text_of(&mut panel, "ls → ts2  asks www.mit.edu");
    assert!(held.contains("its link is cut or holds it"), "{held}");
}

#[test]
fn enter_takes_a_replay_to_the_moment_that_is_looked_at() {
    let (mut panel, bench) = race();
    panel.replay_log(&bench);
    opened(&mut panel, &bench, (80, 24), "kkkk");
    let (_, view, _) = panel.shown(LabTime::ZERO);
    let Mode::Diagram(diagram) = &view.mode else { panic!("the diagram is open") };
    let to = diagram.time().expect("a moment");
    panel.key(&KeyEvent::new(KeyCode::Enter, KeyModifiers::NONE));
    let (world, view, now) = panel.shown(LabTime::ZERO);
    assert_eq!((now, world.now <= to), (to, true));
    assert!(matches!(view.mode, Mode::Normal));
}

#[test]
fn the_keys_of_a_replay_come_first_also_where_a_store_is_on_show() {
    let (mut panel, bench) = failover();
    panel.resize((80, 24));
    panel.replay_log(&bench);
    let whole = text(&shown(&panel, NIGHT, (80, 24)));
    let keys = whole.lines().last().expect("a row of keys");
    let first = " Space play  ← event  → on  Shift-← 1 s  n marker  H diagram  t live ";
    assert!(keys.starts_with(first), "{keys}");
}

#[test]
fn of_more_nodes_than_fit_those_of_the_race_have_a_line() {
    let (mut panel, bench) = crowd();
    let whole = opened(&mut panel, &bench, (80, 24), "");
    let names = whole.lines().nth(1).expect("a row of names").to_owned();
    assert!(whole.contains("race #1"), "{whole}");
    assert!(names.contains("client") && names.contains("ts12"), "{names}");
    assert!(!names.contains("other"), "{names}");
    assert_eq!(names.trim_matches('│').split_whitespace().count(), 1 + 9, "{names}");
}

/// A race, and visitors who ask beside it; the third is answered by nobody. The lab is paused.
fn visited(visitors: u32) -> (Panel, Recorded) {
    let mut topology = crate::story::topology(Policy::Race, 2);
    topology.steps.clear();
    let mut story = Story::new(&topology);
    story.race(1000, "www.google.com", &[google(TS1, 10), google(TS2, 90)]);
    for id in 1..=visitors {
        let (at, visitor) = (1100 + u64::from(id) * 20, Peer::Visitor(VisitorId(id)));
        let (conn, question) = (ConnId(u64::from(id) + 50), Message::Text("www.mit.edu".into()));
        story.own(
            LS,
            at,
            None,
            Fact::MessageReceived { conn, from: visitor, message: question.into() },
        );
        let frame = FrameId(1);
        let due = if id == 3 { LabTime::NEVER } else { LabTime::from_millis(at + 5) };
        let message = Arc::new(Message::Text("www.mit.edu 23.7.46.88 A".into()));
        let sent = Fact::MessageSent { conn, to: visitor, frame, due, about: None, message };
        story.own(LS, at + 3, None, sent);
    }
    story.lab(2000, Fact::ClockSet(ClockState { rate: 1.0, paused: true, auto: false }));
    let mut log = Log::new(usize::MAX);
    for event in story.events() {
        log.push(event);
    }
    let bench = Recorded { log, now: LabTime::from_millis(2000) };
    let mut panel = Panel::new(Arc::new(topology));
    while panel.follow(&bench).1 {}
    (panel, bench)
}

#[test]
fn visitors_have_lines_of_their_own_as_many_as_there_is_room_for() {
    let (mut panel, bench) = visited(2);
    let whole = opened(&mut panel, &bench, (120, 40), "");
    let row = |whole: &str, at: usize| whole.lines().nth(at).expect("a row").to_owned();
    let names = "seconds visitor-1 visitor-2 client ls ts1 ts2";
    let heads = row(&whole, 1);
    assert_eq!(heads.trim_matches('│').split_whitespace().collect::<Vec<_>>().join(" "), names);
    assert!(!row(&whole, 0).contains("visitor"), "{whole}");
    // Level, for nobody knows when it was sent; the answer slants, for it is known when it is due.
    assert!(whole.lines().any(|row| row.contains("┊──") && row.contains("─▶●6")), "{whole}");
    assert!(whole.lines().any(|row| row.contains("┊◀──")), "{whole}");
    let buffer = shown(&panel, NIGHT, (120, 40));
    looks("visitors_120x40", &glyphs_and_styles(&buffer));
    // Where there is less room, names are short; and what has no line is counted.
    let (mut panel, bench) = visited(6);
    let whole = opened(&mut panel, &bench, (80, 24), "");
    let heads = row(&whole, 1);
    assert!(["v-1", "v-4", "ts2"].iter().all(|name| heads.contains(name)), "{heads}");
    assert!(!heads.contains("v-5"), "{heads}");
    assert!(row(&whole, 0).contains("· 2 more visitors "), "{whole}");
    looks("visitors_80x24", &glyphs_and_styles(&shown(&panel, NIGHT, (80, 24))));
}

#[test]
fn of_a_visitors_message_is_said_what_is_known() {
    let (mut panel, bench) = visited(3);
    opened(&mut panel, &bench, (120, 40), "g");
    let mut found = [
        ("a visitor brings no number: its clock goes on to", false),
        ("to a visitor: nobody sees what becomes of it there", false),
        ("its link is cut or holds it", false),
    ];
    for _ in 0..80 {
        let whole = text(&shown(&panel, NIGHT, (120, 40)));
        for (words, seen) in &mut found {
            *seen |= whole.contains(*words);
        }
        press(&mut panel, "j");
    }
    assert!(found.iter().all(|it| it.1), "{found:?}");
}

#[test]
fn enter_in_a_lab_that_is_paused_goes_to_that_moment_in_the_log() {
    let (mut panel, bench) = race();
    let whole = opened(&mut panel, &bench, (120, 40), "kkkk");
    assert!(whole.lines().last().is_some_and(|keys| keys.contains("Enter go there")), "{whole}");
    let Mode::Diagram(diagram) = &panel.view.mode else { panic!("the diagram is open") };
    let to = diagram.time().expect("a moment");
    let reaction = panel.key(&KeyEvent::new(KeyCode::Enter, KeyModifiers::NONE));
    assert_eq!(reaction, Reaction::GoTo(to));
    panel.go_to(&bench, to);
    let (world, view, now) = panel.shown(LabTime::ZERO);
    assert_eq!((now, world.now <= to), (to, true));
    assert!(matches!(view.mode, Mode::Normal) && view.replay.is_some());
    // And back in the lab nothing is open.
    press(&mut panel, "t");
    assert!(panel.shown(bench.now).1.replay.is_none() && matches!(panel.view.mode, Mode::Normal));
}
