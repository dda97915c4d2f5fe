//! Keys: each becomes its command, asks what it must ask, and changes nothing by itself.

use super::*;
use faultlab::log::Log;
use ratatui::crossterm::event::KeyEventKind;

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
pub fn press(panel: &mut Panel, keys: &str) -> Reaction {
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

    fn keep(&self, _text: &str) -> std::io::Result<std::path::PathBuf> {
        Ok("copied-1.txt".into())
    }
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
        ("Ny", "restore"),
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

/// Some terminals tell of a key three times: when it goes down, again while it is held, and when it comes up.
#[test]
fn a_key_acts_once_however_often_its_terminal_tells_of_it() {
    let (mut panel, _) = scene("idle");
    let mut told =
        |c, kind| panel.key(&KeyEvent::new_with_kind(KeyCode::Char(c), KeyModifiers::NONE, kind));
    assert_eq!(told('x', KeyEventKind::Press), Reaction::Give(vec![Command::Kill(TS1)]));
    assert_eq!(told('x', KeyEventKind::Repeat), Reaction::Nothing, "no fault is repeated");
    assert_eq!(told('x', KeyEventKind::Release), Reaction::Nothing);
    told('l', KeyEventKind::Press);
    told('l', KeyEventKind::Release);
    assert_eq!(panel.view.selection, Selection::Node(TS2));
    panel.key(&KeyEvent::new_with_kind(
        KeyCode::Char('h'),
        KeyModifiers::NONE,
        KeyEventKind::Repeat,
    ));
    assert_eq!(panel.view.selection, Selection::Node(TS1), "a held key walks on");
    press(&mut panel, ":k");
    panel.key(&KeyEvent::new_with_kind(
        KeyCode::Char('k'),
        KeyModifiers::NONE,
        KeyEventKind::Release,
    ));
    let Mode::Palette(line) = &panel.view.mode else { panic!("the command line is open") };
    assert_eq!(line.text(), "k");
}

#[test]
fn rates_and_delays_have_keys_of_their_own() {
    let (mut panel, _) = scene("idle");
    let mut rate = |per_kilosecond, next| {
        panel.world.nodes[CLIENT.index()].per_kilosecond = per_kilosecond;
        let load = Command::Load { client: CLIENT, per_kilosecond: next };
        assert_eq!(press(&mut panel, "C"), Reaction::Give(vec![load]), "{per_kilosecond}");
    };
    rate(0, 1_000);
    rate(1_000, 5_000);
    rate(5_000, 20_000);
    rate(20_000, 100_000);
    rate(100_000, 1_000);
    assert_eq!(press(&mut panel, "D130ms"), Reaction::Nothing);
    let enter = KeyEvent::new(KeyCode::Enter, KeyModifiers::NONE);
    let delay = Command::Delay(LinkSet::Around(TS1), Duration::from_millis(130));
    assert_eq!(panel.key(&enter), Reaction::Give(vec![delay]));
}

#[test]
fn who_is_gone_waits_no_longer() {
    let mut topology = story::topology(Policy::Race, 2);
    topology.steps.clear();
    let mut story = Story::new(&topology);
    story.race(100, "www.google.com", &[mute(TS1), mute(TS2)]);
    story.lab(202, Fact::NodeKilled { node: CLIENT });
    let (mut panel, _) = panel_at(topology, &story.events(), 202);
    for (size, words) in [((80, 24), "gone 102 ms"), ((60, 2), "#1 gone")] {
        panel.view.size = size;
        let shown = text(&draw(&panel, NIGHT, LabTime::from_millis(9000), size));
        assert!(shown.contains(words) && !shown.contains("waits"), "{shown}");
    }
}

#[test]
fn what_is_undone_and_what_a_step_forgets_is_said() {
    let (mut panel, bench) = seen_by_a_lab(&[
        Fact::Undone { what: "kill ts1".into(), again: false },
        Fact::Undone { what: "kill ts1".into(), again: true },
    ]);
    panel.follow(&bench);
    let toasts: Vec<_> = panel.view.toasts.iter().map(|toast| toast.text.as_str()).collect();
    assert_eq!(toasts, ["undone  kill ts1", "redone  kill ts1"]);
    let (mut panel, bench) =
        seen_by_a_lab(&[Fact::StepBegan { step: 1 }, Fact::StepRestored { step: 1 }]);
    panel.follow(&bench);
    let said = panel.view.toasts.back().map(|toast| toast.text.clone());
    assert_eq!(said.as_deref(), Some("forgotten  who had won before"));
    press(&mut panel, "N");
    let shown = text(&draw(&panel, NIGHT, panel.world.now, (80, 24)));
    assert!(shown.contains("who had won before"), "{shown}");
    // Enter alone begins nothing again.
    let enter = KeyEvent::new(KeyCode::Enter, KeyModifiers::NONE);
    assert_eq!(panel.key(&enter), Reaction::Nothing);
    assert_eq!(press(&mut panel, "y"), Reaction::Give(vec![Command::Restore]));
}

/// A lab that tells these facts, and a panel that has not looked yet.
fn seen_by_a_lab(facts: &[Fact]) -> (Panel, Told) {
    let mut topology = story::topology(Policy::Race, 2);
    topology.steps[0].remembered = Some("who had won before".into());
    let mut story = Story::new(&topology);
    for (fact, at) in facts.iter().zip(100..) {
        story.lab(at, fact.clone());
    }
    let mut log = Log::new(1000);
    for event in story.events() {
        log.push(event);
    }
    (Panel::new(Arc::new(topology)), Told(log))
}

struct Told(Log);

impl Bench for Told {
    fn now(&self) -> LabTime {
        LabTime::from_millis(1000)
    }

    fn read(&self, from: u64) -> Tail {
        self.0.read(from, 1000)
    }

    fn give(&self, command: Command) -> bool {
        panic!("{command:?} reaches the lab")
    }

    fn census(&self) {}

    fn keep(&self, _text: &str) -> std::io::Result<std::path::PathBuf> {
        unreachable!("nothing is copied")
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
fn the_race_of_an_event_is_opened_from_it() {
    let (mut panel, _) = scene("flip");
    press(&mut panel, "4/nobody.example\r");
    press(&mut panel, "\r");
    assert_eq!(panel.view.focus, PanelId::Race);
    assert_eq!(panel.view.race.map(|no| no.0), Some(1));
}

#[test]
fn the_help_is_searched_by_typing_and_does_what_is_found() {
    let (mut panel, now) = scene("idle");
    press(&mut panel, "?freez");
    let screen = text(&draw(&panel, NIGHT, now, (80, 24)));
    assert!(screen.contains("the process stands still"), "{screen}");
    assert!(!screen.contains("the next panel"), "{screen}");
    assert_eq!(press(&mut panel, "\r"), Reaction::Give(vec![Command::Freeze(TS1)]));
    assert!(matches!(panel.view.mode, Mode::Normal));
    // What answers best is marked, wherever it stands.
    let cut = Command::Cut(LinkSet::Around(TS1));
    assert_eq!(press(&mut panel, "?cut\r"), Reaction::Give(vec![cut]));
    // Escape takes the search back, then the page; the sign that opened it closes it.
    press(&mut panel, "?zz\x1b");
    assert!(matches!(panel.view.mode, Mode::Help(_)));
    press(&mut panel, "\x1b??");
    assert!(matches!(panel.view.mode, Mode::Normal));
}

#[test]
fn the_command_line_finds_actions_by_parts_and_lines_that_were_typed_before() {
    let (mut panel, now) = scene("idle");
    press(&mut panel, ":delay ls->ts1 200ms\r");
    press(&mut panel, ":ful");
    let screen = text(&draw(&panel, NIGHT, now, (80, 24)));
    assert!(!screen.contains("delay ls->ts1"), "{screen}");
    press(&mut panel, "\x1b:");
    let screen = text(&draw(&panel, NIGHT, now, (80, 24)));
    assert!(screen.contains("delay ls->ts1 200ms  typed before"), "{screen}");
    panel.key(&KeyEvent::new(KeyCode::Down, KeyModifiers::NONE));
    let Reaction::Give(again) = press(&mut panel, "\r") else { panic!("it is done again") };
    assert!(matches!(again[..], [Command::Delay(..)]));
    // By a part of its name, with its key beside it.
    press(&mut panel, ":clock follows");
    let screen = text(&draw(&panel, NIGHT, now, (80, 24)));
    let row = screen.lines().find(|row| row.contains("auto pace")).expect("it is found");
    assert!(row.trim_end_matches('│').trim_end().ends_with(" a"), "{row}");
}

#[test]
fn the_room_sees_which_keys_are_pressed_and_what_they_do() {
    let (mut panel, now) = scene("idle");
    press(&mut panel, "Kx");
    let screen = text(&draw(&panel, NIGHT, now, (80, 24)));
    assert!(screen.contains(" x  kill ts1"), "{screen}");
}

#[test]
fn keys_that_were_changed_are_the_ones_that_are_shown_and_obeyed() {
    let (mut panel, now) = scene("idle");
    let mut keymap = panel::Keymap::default();
    keymap.give(panel::Action::Kill, &[panel::Chord::Char('H')]);
    panel.view.keymap = Arc::new(keymap);
    assert_eq!(press(&mut panel, "x"), Reaction::Nothing);
    assert_eq!(press(&mut panel, "H"), Reaction::Give(vec![Command::Kill(TS1)]));
    let screen = text(&draw(&panel, NIGHT, now, (120, 40)));
    assert!(screen.contains("H kill ts1") && !screen.contains("x kill"), "{screen}");
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
