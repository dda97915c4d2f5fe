//! Themes on whole screens: every state is told by glyph and word where there is no colour, and each theme keeps to
//! its own colours.

use super::*;
use faultlab::event::Life;
use faultlab::message::{Belief, Faults};
use faultlab::panel::ThemeName;
use faultlab::world::{NoSocket, NodeState};
use std::collections::BTreeMap;

/// The map alone, without the rows that count, in ASCII and without colour: what is left is glyphs and words.
fn map_without_colour(panel: &mut Panel) -> String {
    panel.view.mode = Mode::Normal;
    panel.view.focus = PanelId::Map;
    panel.view.zoom = true;
    panel.view.selection = Selection::Nothing;
    let buffer = draw(panel, Theme::mono(true), LabTime::from_millis(9000), (100, 30));
    text(&buffer).lines().skip(2).filter(|row| !row.starts_with(' ')).collect::<Vec<_>>().join("\n")
}

/// Each state looks like no other, and has its word.
fn tells_apart(states: &[(&str, String)]) {
    let mut seen: BTreeMap<&String, &str> = BTreeMap::new();
    for (word, map) in states {
        assert!(map.contains(word), "{word} is not said:\n{map}");
        if let Some(other) = seen.insert(map, word) {
            panic!("{word} looks like {other}:\n{map}");
        }
    }
}

type Put = fn(&mut NodeState);

/// The states of a node that runs no replica, each with its word.
const STATES: [(&str, Put); 13] = [
    ("ts1", |node| node.life = Life::Up),
    ("OFF", |node| node.life = Life::Off),
    ("FROZEN", |node| node.life = Life::Frozen),
    ("STOPPING", |node| node.life = Life::Stopping),
    ("STOPPED", |node| node.life = Life::Stopped),
    ("DEAD", |node| node.life = Life::Killed),
    ("CRASHED", |node| node.life = Life::Crashed),
    ("NO POWER", |node| node.life = Life::PoweredOff),
    ("CORRUPT", |node| node.life = Life::Corrupt),
    ("SPINS", |node| node.spinning = true),
    ("PORT BUSY", |node| node.port_busy = Some(Arc::from("taken"))),
    ("NO SOCKET", |node| {
        let why = Arc::from("Too many open files");
        node.no_socket = Some(NoSocket { at: LabTime::from_millis(9000), why, times: 3 });
    }),
    ("LIES", |node| {
        node.changed.insert(Arc::from("lie"), Arc::from("on"));
    }),
];

#[test]
fn without_colour_every_state_of_a_node_has_its_word() {
    let drawn: Vec<(&str, String)> = STATES
        .into_iter()
        .map(|(word, put)| {
            let (mut panel, _) = scene("idle");
            put(&mut panel.world.nodes[TS1.index()]);
            (word, map_without_colour(&mut panel))
        })
        .collect();
    tells_apart(&drawn);
}

#[test]
fn without_colour_every_state_of_one_of_many_is_told() {
    let drawn: Vec<(&str, String)> = STATES
        .into_iter()
        .map(|(word, put)| {
            let topology = story::topology(Policy::Race, 400);
            let (mut panel, _) = panel_at(topology, &[], 9000);
            for node in &mut panel.world.nodes {
                node.life = Life::Up;
            }
            put(&mut panel.world.nodes[TS1.index()]);
            (word, map_without_colour(&mut panel))
        })
        .collect();
    assert!(drawn[0].1.contains("Enter opens"), "400 are bundled:\n{}", drawn[0].1);
    tells_apart(&drawn);
}

#[test]
fn without_colour_a_wrong_belief_stands_beside_the_truth() {
    let believes = |belief| {
        let mut story = Story::new(&story::topology(Policy::Race, 2));
        story.believe(10, LS, TS1, belief);
        let topology = story::topology(Policy::Race, 2);
        let (mut panel, now) = panel_at(topology, &story.events(), 9000);
        press(&mut panel, "5e");
        text(&draw(&panel, Theme::mono(true), now, (100, 30)))
    };
    let (up, down) = (believes(Belief::Up), believes(Belief::Down));
    assert_ne!(up, down, "the same picture for two beliefs");
    assert!(down.contains("DEAD !") && !up.contains("DEAD"), "{down}");
}

#[test]
fn without_colour_every_state_of_a_link_has_its_value() {
    let slow = |extra: u64, loss: f64, cut: bool| Faults {
        latency: Duration::from_millis(40),
        extra: Duration::from_millis(extra),
        loss,
        cut,
        ..Faults::default()
    };
    let whole = || slow(0, 0.0, false);
    let states = [
        ("40 ms", whole(), whole()),
        ("+200 ms", slow(200, 0.0, false), slow(200, 0.0, false)),
        ("30 %", slow(0, 0.3, false), slow(0, 0.3, false)),
        ("+50 ms", slow(50, 0.6, false), slow(50, 0.6, false)),
        ("cut", slow(0, 0.0, true), slow(0, 0.0, true)),
        ("cut", slow(0, 0.0, true), whole()),
        ("cut", whole(), slow(0, 0.0, true)),
        ("+1", slow(1000, 0.0, false), whole()),
    ];
    let drawn: Vec<(&str, String)> = states
        .into_iter()
        .map(|(word, there, back)| {
            let topology = story::topology(Policy::Race, 2);
            let mut story = Story::new(&topology);
            story.faults(100, LS, TS1, there);
            story.faults(100, TS1, LS, back);
            let (mut panel, _) = panel_at(topology, &story.events(), 200);
            (word, map_without_colour(&mut panel))
        })
        .collect();
    tells_apart(&drawn);
}

#[test]
fn every_theme_draws_the_same_glyphs_on_its_own_ground() {
    for depth in [Depth::True, Depth::Indexed, Depth::Sixteen] {
        for name in ThemeName::ALL {
            let theme = Theme::night(depth, false).with(name);
            for scene_name in SCENES {
                let (panel, now) = scene(scene_name);
                let (night, this) =
                    (draw(&panel, NIGHT, now, (120, 40)), draw(&panel, theme, now, (120, 40)));
                assert_eq!(text(&night), text(&this), "{name:?} {scene_name}");
                let ground = theme.base().bg.unwrap_or(Color::Reset);
                let on_ground = this.content().iter().filter(|cell| cell.bg == ground).count();
                assert!(on_ground * 10 > this.content().len() * 7, "{name:?} {scene_name}");
            }
        }
    }
}
