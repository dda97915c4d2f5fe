//! Panel 7 and the race of a fan-out, drawn on labs told by hand: eras one above the other, the newest thousand, the
//! table, and a hundred lanes in ten rows.

use super::*;
use crate::story::{self, found};
use faultlab::base::NodeId;
use faultlab::message::{BalanceNote, HedgeBy, Note, Query};
use faultlab::world::RaceNo;

fn set(story: &mut Story, at: u64, key: &str, value: &str) {
    let (key, value) = (Arc::from(key), Arc::from(value));
    story.note(LS, at, None, Note::Changed { key, value });
}

/// Sixty questions to two servers, and after another policy was chosen forty to one, every tenth of them slow.
fn two_eras() -> (Panel, LabTime) {
    let mut topology = story::topology(Policy::Race, 2);
    topology.steps.clear();
    let mut story = Story::new(&topology);
    for at in 0..60 {
        let (one, other) = (google(TS1, 20 + at % 7), google(TS2, 120 + at));
        story.race(100 + at * 250, "www.google.com", &[one, other]);
    }
    set(&mut story, 16_000, "policy", "round-robin");
    for at in 0..40 {
        let takes = if at % 10 == 9 { 900 } else { 20 + at % 5 };
        story.race(17_000 + at * 250, "www.google.com", &[google(TS2, takes)]);
    }
    story.race(28_000, "www.rutgers.edu", &[mute(TS2)]);
    panel_at(topology, &story.events(), 34_000)
}

fn screen(panel: &Panel, now: LabTime, size: (u16, u16)) -> String {
    text(&draw(panel, NIGHT, now, size))
}

fn looks_as_it_did(name: &str, panel: &Panel, now: LabTime, size: (u16, u16)) {
    let name = format!("{name}_{}x{}", size.0, size.1);
    insta::with_settings!({ snapshot_path => "../snapshots" }, {
        insta::assert_snapshot!(name, glyphs_and_styles(&draw(panel, NIGHT, now, size)));
    });
}

#[test]
fn the_last_two_eras_stand_one_above_the_other_at_every_size() {
    let (mut panel, now) = two_eras();
    press(&mut panel, "7");
    assert_eq!(panel.view.focus, PanelId::Figures);
    for size in SIZES {
        looks_as_it_did("figures", &panel, now, size);
    }
    press(&mut panel, "e");
    for size in [(80, 24), (120, 40)] {
        looks_as_it_did("figures_zoomed", &panel, now, size);
    }
    // In ASCII no cell is anything else, and columns of different heights are told apart.
    let ascii = text(&draw(&panel, Theme::mono(true), now, (80, 24)));
    assert!(ascii.is_ascii(), "{ascii}");
    assert!(ascii.contains('#') && ascii.contains('%'), "{ascii}");
}

#[test]
fn the_figures_are_those_of_the_eras() {
    let (mut panel, now) = two_eras();
    press(&mut panel, "7e");
    let screen = screen(&panel, now, (100, 30));
    // 40 ms there, 20 to 26 ms of work, 40 ms back; the slowest of the second era take 980 ms.
    for words in [
        "race 60 asked  load +100 %",
        "p50 103 ms  p90 106 ms  p99 106 ms  max 106 ms",
        "round-robin 41 asked  silent 1",
        "p50 102 ms  p90 104 ms  p99 980 ms  max 980 ms",
        "last 101",
    ] {
        assert!(screen.contains(words), "{words} is not in\n{screen}");
    }
    let row = |name: &str| screen.lines().find(|row| row.contains(&format!("│ {name} ")));
    let words = |name: &str| {
        let row = row(name).unwrap_or_else(|| panic!("no row of {name}\n{screen}"));
        row.split_whitespace().map(str::to_owned).collect::<Vec<_>>().join(" ")
    };
    assert_eq!(words("ts1"), "│ ts1 60 60 60 103 ms 106 ms 0 0 0 │");
    // Sixty of its answers came too late, and one question it keeps for itself.
    assert!(words("ts2").starts_with("│ ts2 101 40 40 "), "{}", words("ts2"));
}

#[test]
fn an_era_of_the_same_policy_is_told_by_what_was_set_and_a_flip_says_so() {
    let mut topology = story::topology(Policy::Race, 2);
    topology.steps.clear();
    let mut story = Story::new(&topology);
    story.race(100, "www.google.com", &[google(TS1, 20), google(TS2, 30)]);
    set(&mut story, 2000, "timeout", "3s");
    story.race(2100, "www.google.com", &[google(TS1, 20), google(TS2, 30)]);
    story.lab(4000, Fact::Flipped { step: 1, repaired: true });
    let (mut panel, now) = panel_at(topology, &story.events(), 3000);
    press(&mut panel, "7");
    let before = screen(&panel, now, (80, 24));
    assert!(before.contains("race timeout 5s  1 asked"), "as the file says\n{before}");
    assert!(before.contains("race timeout 3s  1 asked"), "{before}");
    let flipped = Event {
        id: EventId { owner: Owner::Lab, number: 999 },
        time: LabTime::from_millis(4000),
        cause: Cause::Boot,
        fact: Fact::Flipped { step: 1, repaired: true },
    };
    panel.world.apply(&flipped);
    let after = screen(&panel, LabTime::from_millis(4000), (80, 24));
    assert!(after.contains("race repaired 0 asked") && after.contains("no answer yet"), "{after}");
}

#[test]
fn where_no_balancer_is_there_are_no_figures() {
    let (mut panel, _) = stores::store("store_healthy");
    press(&mut panel, "7");
    assert_eq!(panel.view.focus, PanelId::Map);
}

/// A question to a hundred servers, of which the eleventh is the slowest and one is never heard of.
fn fan_out() -> (Panel, LabTime) {
    let mut topology = story::topology(Policy::Gather, 100);
    topology.steps.clear();
    let mut story = Story::new(&topology);
    let server = |at: u64| NodeId(2 + at as u16);
    let served: Vec<Served> = (0..100_u64)
        .map(|at| {
            let takes = if at == 10 { 1500 } else { 5 + (at * 37) % 100 };
            let says = (at != 41).then(|| found("142.250.80.36"));
            Served { by: server(at), takes, says }
        })
        .collect();
    story.race(100, "www.google.com", &served);
    panel_at(topology, &story.events(), 8000)
}

#[test]
fn of_a_hundred_lanes_the_quickest_and_the_slowest_are_named_in_ten_rows() {
    let (mut panel, now) = fan_out();
    press(&mut panel, "2");
    looks_as_it_did("fan_out", &panel, now, (80, 24));
    let screen_now = screen(&panel, now, (80, 24));
    // The selected server has its row among them: it is the quickest.
    for words in ["ts1 ", "1st 85 ms", "99 of 100 in", "50th at 135 ms", "ts11 ", "1,580 ms"] {
        assert!(screen_now.contains(words), "{words} is not in\n{screen_now}");
    }
    // Scrolled, one rank after the other; at the end the one that was never heard of.
    press(&mut panel, "jjj");
    let scrolled = screen(&panel, now, (80, 24));
    assert!(scrolled.contains("4th") && scrolled.contains("5th"), "{scrolled}");
    assert!(!scrolled.contains("1st "), "{scrolled}");
    for _ in 0..200 {
        press(&mut panel, "j");
    }
    let end = screen(&panel, now, (80, 24));
    assert!(end.contains("99th late 1,580 ms") && end.contains("ts42"), "{end}");
    press(&mut panel, "7");
    assert_eq!(panel.view.down, 0);
}

#[test]
fn with_room_for_every_lane_they_stand_in_the_order_of_asking() {
    let (mut panel, now) = two_eras();
    press(&mut panel, "2");
    panel.view.race = Some(RaceNo(1));
    let screen = screen(&panel, now, (80, 24));
    assert!(screen.contains("WINS") && !screen.contains("1st"), "{screen}");
}

#[test]
fn a_hedge_that_won_is_counted_and_the_type_of_a_question_is_shown() {
    let mut topology = story::topology(Policy::Hedge, 2);
    topology.steps.clear();
    let mut story = Story::new(&topology);
    story.race(100, "www.google.com", &[google(TS1, 400), google(TS2, 30)]);
    let hedged = BalanceNote::Hedged {
        question: faultlab::base::QuestionNo(1),
        slow: TS1,
        to: TS2,
        after: Duration::from_millis(5),
        by: HedgeBy::Setting,
    };
    story.note(LS, 145, None, Note::Balance(hedged));
    let (mut panel, now) = panel_at(topology.clone(), &story.events(), 3000);
    press(&mut panel, "7e");
    let shown = screen(&panel, now, (80, 24));
    assert!(shown.contains("hedged 1, won 1"), "{shown}");
    // The same question for another type, as its message says it.
    let mut events = story_with_type(&topology);
    events.retain(|event| event.time <= now);
    let (mut panel, now) = panel_at(topology, &events, 3000);
    press(&mut panel, "2");
    let shown = screen(&panel, now, (80, 24));
    assert!(shown.contains("www.google.com MX "), "{shown}");
    let shown = screen(&panel, now, (160, 45));
    assert!(shown.contains("asks www.google.com MX"), "{shown}");
}

fn story_with_type(topology: &faultlab::topology::Topology) -> Vec<Event> {
    let mut story = Story::new(topology);
    story.race(100, "www.google.com", &[google(TS1, 30)]);
    let mut events = story.events();
    for event in &mut events {
        let (Fact::MessageSent { message, .. } | Fact::MessageReceived { message, .. }) =
            &mut event.fact
        else {
            continue;
        };
        if let Message::Ask { dns, .. } = Arc::make_mut(message) {
            *dns = Some(Query::new(RecordType::MX));
        }
    }
    events
}
