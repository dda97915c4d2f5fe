//! Lists that grow and are scrolled, what is copied from them, a presenter's keys, and every size.

use super::*;
use crate::stores::given;
use faultlab::command::Command;
use faultlab::log::{Log, Tail};
use faultlab::panel::{Bench, Copied};
use faultlab::topology;
use proptest::prelude::*;

fn code(panel: &mut Panel, code: KeyCode) -> Reaction {
    panel.key(&KeyEvent::new(code, KeyModifiers::NONE))
}

/// A panel whose events are `event 0`, `event 1`, …, with the focus on them.
fn with_events(count: usize) -> Panel {
    let (mut panel, _) = scene("idle");
    panel.view.feed = panel::Feed::default();
    (0..count).for_each(|at| comes(&mut panel, &format!("event {at}")));
    panel.view.size = (80, 24);
    press(&mut panel, "4e");
    panel
}

fn comes(panel: &mut Panel, text: &str) {
    panel.view.feed.say(LabTime::from_millis(7), text.into(), panel::Tone::Plain);
    panel.view.event_came();
}

fn shown(panel: &Panel) -> String {
    text(&draw(panel, NIGHT, LabTime::from_millis(1000), panel.view.size))
}

/// The picked line, by its mark.
fn picked(panel: &Panel) -> Option<String> {
    let screen = shown(panel);
    let row = screen.lines().find(|row| row.contains('▸') && row.contains("event"))?;
    let words = row.split("event ").nth(1)?;
    Some(words.chars().take_while(char::is_ascii_digit).collect())
}

#[test]
fn events_are_picked_paged_and_followed_again() {
    let mut panel = with_events(100);
    assert!(shown(&panel).contains("following") && shown(&panel).contains("event 99"));
    assert_eq!(picked(&panel), None);
    press(&mut panel, "kk");
    assert_eq!(picked(&panel).as_deref(), Some("98"));
    code(&mut panel, KeyCode::PageUp);
    let page: usize = picked(&panel).expect("a line is picked").parse().expect("a number");
    assert!((70..90).contains(&page), "a page has as many lines as there are rows: {page}");
    code(&mut panel, KeyCode::PageDown);
    assert_eq!(picked(&panel).as_deref(), Some("98"));
    press(&mut panel, "g");
    assert_eq!(picked(&panel).as_deref(), Some("0"));
    // What comes is counted, and moves nothing.
    let before: Vec<String> = shown(&panel).lines().skip(4).map(str::to_owned).collect();
    (0..3).for_each(|at| comes(&mut panel, &format!("event {}", 100 + at)));
    assert!(shown(&panel).contains(" 3 new "), "{}", shown(&panel));
    assert!(shown(&panel).lines().skip(4).eq(before), "{}", shown(&panel));
    press(&mut panel, "G");
    assert!(shown(&panel).contains("following") && shown(&panel).contains("event 102"));
}

#[test]
fn a_filter_narrows_the_list_and_what_it_hides_is_not_new() {
    let mut panel = with_events(100);
    press(&mut panel, "/event 7");
    code(&mut panel, KeyCode::Enter);
    assert!(shown(&panel).contains("only \"event 7\"") && !shown(&panel).contains("event 99"));
    press(&mut panel, "kkk");
    assert_eq!(picked(&panel).as_deref(), Some("77"));
    comes(&mut panel, "something else");
    assert!(!shown(&panel).contains(" new "), "{}", shown(&panel));
    comes(&mut panel, "event 700");
    assert!(shown(&panel).contains(" 1 new "), "{}", shown(&panel));
    assert_eq!(picked(&panel).as_deref(), Some("77"));
    // Esc: out of the zoom, then without the filter.
    press(&mut panel, "\x1b\x1b");
    assert!(panel.view.filter.is_empty() && shown(&panel).contains("event 700"));
}

fn copied(panel: &mut Panel) -> Option<Copied> {
    match press(panel, "y") {
        Reaction::Copy(copied) => Some(copied),
        _ => None,
    }
}

#[test]
fn y_copies_the_picked_event_or_all_that_are_listed() {
    let mut panel = with_events(30);
    let all = copied(&mut panel).expect("events are copied");
    assert_eq!((all.text().lines().count(), all.what.as_str()), (30, "30 events"));
    assert!(all.text().lines().next().is_some_and(|line| line.ends_with("event 0")));
    assert!(all.fits_a_clipboard());
    press(&mut panel, "kk");
    let one = copied(&mut panel).expect("an event is copied");
    assert!(one.text().ends_with("event 28") && !one.text().contains('\n'), "{one:?}");
    // More than a terminal takes is not sent to it.
    let all = copied(&mut with_events(4000)).expect("events are copied");
    assert!(!all.fits_a_clipboard() && all.text().lines().count() == 4000);
}

#[test]
fn y_copies_the_why_and_the_addresses_and_says_where_there_is_nothing() {
    let (mut panel, _) = scene("late");
    press(&mut panel, "2");
    let why = copied(&mut panel).expect("the why is copied");
    assert!(why.text().starts_with("#1 www.google.com\n"), "{why:?}");
    press(&mut panel, "1");
    assert!(copied(&mut panel).is_some_and(|it| it.text().starts_with("ts1")));
    press(&mut panel, "\x1b");
    assert_eq!(copied(&mut panel), None);
    assert!(panel.view.toasts.iter().any(|toast| toast.bad));
}

#[test]
fn the_help_scrolls_to_its_end_and_no_further() {
    let (mut panel, _) = scene("idle");
    panel.view.size = (80, 24);
    press(&mut panel, "?");
    let top = shown(&panel);
    assert!(top.contains("↓ more"));
    code(&mut panel, KeyCode::End);
    let end = shown(&panel);
    assert!(!end.contains("↓ more") && end != top);
    (0..50).for_each(|_| drop(code(&mut panel, KeyCode::Down)));
    assert_eq!(shown(&panel), end);
    code(&mut panel, KeyCode::Up);
    assert_ne!(shown(&panel), end, "one press up is seen at once");
    code(&mut panel, KeyCode::Home);
    assert_eq!(shown(&panel), top);
}

#[test]
fn a_presenters_keys_lead_where_they_are_free_and_everywhere_when_asked() {
    let next = Reaction::Give(vec![Command::Next]);
    for (keys, clicker, leads) in
        [("1", false, true), ("2", false, true), ("4", false, false), ("4", true, true)]
    {
        let (mut panel, _) = scene("step");
        panel.view.clicker = clicker;
        press(&mut panel, keys);
        panel.view.tick(Duration::from_secs(1));
        assert_eq!(code(&mut panel, KeyCode::PageDown) == next, leads, "{keys} {clicker}");
        // It bounces: the second press within 400 ms is none.
        assert_eq!(code(&mut panel, KeyCode::PageDown), Reaction::Nothing);
    }
    let (mut panel, _) = scene("idle");
    assert_eq!(press(&mut panel, "b"), Reaction::Give(vec![Command::Lie(TS1, true)]));
    panel.view.clicker = true;
    for key in ["b", "."] {
        assert_eq!(press(&mut panel, key), Reaction::Give(vec![Command::Pause]));
    }
    press(&mut panel, "e");
    code(&mut panel, KeyCode::PageUp);
    assert!(!panel.view.zoom && panel.view.selection == Selection::Node(TS1));
}

#[test]
fn pressed_keys_are_shown_for_two_seconds_when_asked() {
    let (mut panel, _) = scene("idle");
    let row = |panel: &Panel| shown(panel).lines().rev().nth(2).unwrap_or_default().to_owned();
    press(&mut panel, "f");
    assert!(panel.view.keys.is_none());
    press(&mut panel, "Kz");
    code(&mut panel, KeyCode::PageDown);
    assert!(row(&panel).ends_with(" z  freeze   PgDn  next"), "{}", row(&panel));
    assert!(!panel.view.tick(Duration::from_millis(1999)));
    assert!(panel.view.tick(Duration::from_secs(2)), "the picture changes when they go");
    assert!(!row(&panel).contains("PgDn"));
}

#[test]
fn a_panel_that_is_not_there_is_not_focused() {
    let (mut panel, _) = scene("idle");
    press(&mut panel, "26");
    assert_eq!(panel.view.focus, PanelId::Race, "there are no steps to look at");
    let (mut panel, _) = scene("step");
    press(&mut panel, "26");
    assert_eq!(panel.view.focus, PanelId::Steps);
}

/// What keys can open, move and type.
const KEYS: &str = "123456eBKvjkhlgG\t\x1b\r?:/sQiwqn!yTkil 20";

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]

    /// Whatever is open, at whatever size: it is drawn, below 40x10 as one status line with the keys below it; and a
    /// size that comes back finds the picture as it was.
    #[test]
    fn any_view_is_drawn_at_any_size(
        name in prop::sample::select(SCENES.to_vec()),
        steps in prop::collection::vec((0..KEYS.chars().count(), 0..=130_u16, 0..=50_u16), 1..25),
    ) {
        let (mut panel, now) = scene(name);
        for (key, width, height) in steps {
            panel.view.size = (width, height);
            let key = KEYS.chars().nth(key).expect("it is one of them").to_string();
            press(&mut panel, &key);
            let before = text(&draw(&panel, NIGHT, now, (120, 40)));
            let there = text(&draw(&panel, NIGHT, now, (width, height)));
            prop_assert_eq!(before, text(&draw(&panel, NIGHT, now, (120, 40))));
            // Too small even for a panel of names: the status, the keys, and nothing between.
            if (width < 16 || height < 5) && panel.view.keys.is_none() {
                let rows = there.lines().count().saturating_sub(2);
                let between = there.lines().skip(1).take(rows);
                prop_assert!(between.clone().all(str::is_empty), "{}", there);
            }
        }
    }
}

#[test]
fn the_smallest_screens_have_the_status_and_take_keys() {
    let (mut panel, _) = scene("states");
    panel.view.size = (39, 9);
    let screen = shown(&panel);
    assert!(screen.starts_with(" LIVE 1.0× ") && screen.contains("up 2/4"), "{screen}");
    assert_eq!(press(&mut panel, "r"), Reaction::Give(vec![Command::Revive(TS1)]));
    press(&mut panel, ":kill ls");
    assert!(shown(&panel).lines().last().is_some_and(|row| row.starts_with(":kill ls")));
    let Reaction::Give(given) = code(&mut panel, KeyCode::Enter) else { panic!("it is done") };
    assert_eq!(given, [Command::Kill(LS)]);
    // A page is seen where there are rows for one; where there are none, the way out is.
    press(&mut panel, "?");
    assert!(shown(&panel).contains("type to search"), "{}", shown(&panel));
    panel.view.size = (39, 2);
    assert!(shown(&panel).starts_with(" Esc back "), "{}", shown(&panel));
}

/// As in a shell; and whoever presses Enter then does what was done before, not what stands last in the list.
#[test]
fn up_from_an_empty_line_is_the_line_before() {
    let (mut panel, _) = scene("idle");
    press(&mut panel, ":");
    code(&mut panel, KeyCode::Up);
    press(&mut panel, "\x1b");
    let freeze = press(&mut panel, ":freeze ls\r");
    assert_eq!(
        press(&mut panel, ":mark here\r"),
        Reaction::Give(vec![Command::Mark("here".into())])
    );
    press(&mut panel, ":");
    code(&mut panel, KeyCode::Up);
    code(&mut panel, KeyCode::Down);
    assert_eq!(code(&mut panel, KeyCode::Enter), freeze, "the one before");
    press(&mut panel, ":");
    code(&mut panel, KeyCode::Up);
    assert_eq!(code(&mut panel, KeyCode::Enter), freeze, "and it is the newest now");
}

/// Events that come by and by before others come at once.
const EARLIER: u64 = 2000;

/// A lab whose log is read in small pieces at first, and then in pieces of about so many events.
struct InPieces {
    log: Log,
    most: usize,
}

impl Bench for InPieces {
    fn now(&self) -> LabTime {
        LabTime::ZERO
    }

    fn read(&self, from: u64) -> Tail {
        self.log.read(from, if from < EARLIER { 64 } else { self.most })
    }

    fn give(&self, command: Command) -> bool {
        panic!("{command:?} reaches the lab")
    }

    fn census(&self) {}

    fn keep(&self, _text: &str) -> std::io::Result<std::path::PathBuf> {
        unreachable!("nothing is copied")
    }
}

/// The lines of everything that happens in these milliseconds of a load, newest first, if so many events come at once.
fn lines_of_a_load(until: u64, most: usize) -> Vec<String> {
    let loaded = topology::load("first-answer".as_ref(), topology::Options::default());
    let topology = loaded.expect("it is built in").topology;
    let mut sim = given(&topology, &[(10, "cut ls<->ts2"), (20, "load client 1000/s")]);
    sim.run_until(LabTime::from_millis(until));
    let mut log = Log::new(usize::MAX);
    for (at, event) in sim.log().read(0, usize::MAX).events().enumerate() {
        log.push(event.clone());
        if at % 64 == 0 {
            // Nobody gets a part of what is sealed.
            log.seal();
        }
    }
    let bench = InPieces { log, most };
    let mut panel = Panel::new(sim.topology().clone());
    while panel.follow(&bench).1 {}
    panel.view.feed.newest("", 0).map(panel::Line::words).collect()
}

#[test]
fn what_comes_at_once_has_the_same_lines_as_what_comes_by_and_by() {
    let (one_by_one, at_once) = (lines_of_a_load(600, 64), lines_of_a_load(600, usize::MAX));
    assert!(one_by_one.len() > 1000, "{}", one_by_one.len());
    assert_eq!(one_by_one, at_once);
}

#[test]
fn of_a_flood_the_newest_lines_are_kept_and_none_is_missing_between_them() {
    let one_by_one = lines_of_a_load(6000, 64);
    let flood = lines_of_a_load(6000, usize::MAX);
    assert!((1000..one_by_one.len()).contains(&flood.len()), "{}", flood.len());
    assert_eq!(one_by_one[..flood.len()], flood);
}
