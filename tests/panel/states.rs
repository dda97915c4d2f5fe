//! Every state of a node and of a link can be told from every other without colour, at every form of the map.

use super::*;
use faultlab::base::ClockRate;
use faultlab::event::Life;
use faultlab::message::Faults;
use faultlab::topology::Kind;

/// What befalls a node, and the word for it.
const STATES: [&str; 11] = [
    "up",
    "dead",
    "crashed",
    "no power",
    "frozen",
    "stopping",
    "stopped",
    "off",
    "lies",
    "corrupt",
    "wrong clock",
];

/// A lab of so many servers whose second one is in this state.
fn with_state(state: &str, servers: usize) -> (Panel, LabTime) {
    let mut topology = story::topology(Policy::Race, servers);
    topology.steps.clear();
    if let Kind::Ts(ts) = &mut topology.nodes[TS2.index()].kind {
        ts.lie = state == "lies";
    }
    let (mut panel, now) = scenes::panel_at(topology.clone(), &Story::new(&topology).events(), 500);
    let node = &mut panel.world.nodes[TS2.index()];
    if state == "wrong clock" {
        node.clock = node.clock.stepped(now, 5_000_000_000);
    }
    node.life = match state {
        "dead" => Life::Killed,
        "crashed" => Life::Crashed,
        "no power" => Life::PoweredOff,
        "frozen" => Life::Frozen,
        "stopping" => Life::Stopping,
        "stopped" => Life::Stopped,
        "off" => Life::Off,
        "corrupt" => Life::Corrupt,
        _ => Life::Up,
    };
    (panel, now)
}

#[test]
fn every_state_can_be_told_without_colour_at_every_size() {
    for theme in [Theme::mono(false), Theme::mono(true)] {
        // Boxes, pairs, pills, names in rows, a block of names, bundles.
        for (servers, size) in
            [(2, (160, 45)), (2, (80, 24)), (3, (40, 12)), (28, (120, 40)), (300, (80, 24))]
        {
            let mut seen: Vec<(&str, String)> = Vec::new();
            for state in STATES {
                let (mut panel, now) = with_state(state, servers);
                // The map alone, so that no other panel tells it.
                panel.view.zoom = true;
                let shown = text(&draw(&panel, theme, now, size));
                // Nor the rows above it.
                let map: Vec<&str> =
                    shown.lines().skip_while(|row| !row.contains("1 Map")).collect();
                let map = map[..map.len() - 1].join("\n");
                for (other, picture) in &seen {
                    assert_ne!(*picture, map, "{state} and {other} with {servers} at {size:?}");
                }
                seen.push((state, map));
            }
        }
    }
}

#[test]
fn every_state_of_a_link_can_be_told_without_colour() {
    let usual = Faults { latency: Duration::from_millis(40), ..Faults::default() };
    let slow = Faults { extra: Duration::from_millis(200), ..usual };
    let states = [
        ("usual", usual, usual),
        ("slow", slow, slow),
        ("lossy", Faults { loss: 0.3, ..usual }, Faults { loss: 0.3, ..usual }),
        ("cut", Faults { cut: true, ..usual }, Faults { cut: true, ..usual }),
        ("cut there", Faults { cut: true, ..usual }, usual),
        ("cut back", usual, Faults { cut: true, ..usual }),
        ("held", Faults { hold: true, ..usual }, Faults { hold: true, ..usual }),
    ];
    for theme in [Theme::mono(false), Theme::mono(true)] {
        for size in [(160, 45), (120, 40), (80, 24)] {
            let mut seen: Vec<(&str, String)> = Vec::new();
            for (state, there, back) in states {
                let (mut panel, now) = scene("idle");
                panel.view.zoom = true;
                for (from, to, faults) in [(LS, TS2, there), (TS2, LS, back)] {
                    let way = (Peer::Node(from), Peer::Node(to));
                    panel.world.links.entry(way).or_default().faults = faults;
                }
                let shown = text(&draw(&panel, theme, now, size));
                for (other, picture) in &seen {
                    assert_ne!(*picture, shown, "{state} and {other} at {size:?}");
                }
                seen.push((state, shown));
            }
        }
    }
}

#[test]
fn a_wrong_clock_is_marked_told_and_set_by_the_command_line() {
    let (mut panel, now) = stores::store("store_healthy");
    let r2 = panel.world.topology.names.id("r2").expect("there is an r2");
    let fast = ClockRate::of(1.5).expect("a rate");
    let clock = panel.world.node(r2).clock.stepped(now, 2_500_000_000).at_rate(now, fast);
    let id = EventId { owner: Owner::Lab, number: 9_000 };
    let fact = Fact::OwnClockSet { node: r2, clock };
    panel.world.apply(&Event { id, time: now, cause: Cause::Unknown, fact });
    let faults: Vec<&str> = panel.world.truth.faults.iter().map(|words| &**words).collect();
    assert_eq!(faults, ["skew r2 +2500ms", "drift r2 1.5"]);
    for size in SIZES {
        let shown = text(&draw(&panel, NIGHT, now, size));
        assert!(shown.contains("r2±"), "{shown}");
    }
    let shown = text(&draw(&panel, NIGHT, now, (160, 45)));
    assert!(shown.contains("clock +2.5s ×1.5"), "{shown}");
    let later = now + Duration::from_secs(20);
    let shown = text(&draw(&panel, NIGHT, later, (160, 45)));
    assert!(shown.contains("clock +12s ×1.5"), "it goes on going wrong: {shown}");
    let shown = text(&draw(&panel, Theme::mono(true), now, (80, 24)));
    assert!(shown.contains("r2%") && !shown.contains('±'), "{shown}");
    panel.view.selection = Selection::Node(r2);
    press(&mut panel, "i");
    let shown = text(&draw(&panel, NIGHT, now, (120, 40)));
    assert!(shown.contains("own clock    is 2.5 s ahead and runs 1.5 x"), "{shown}");
    press(&mut panel, "\x1b");
    assert_eq!(press(&mut panel, "r"), Reaction::Give(vec![Command::Revive(r2)]));
    // Neither has a key: the command line finds them by their names, and begins the command.
    for (typed, figure, given) in [
        (":skew cl", "-1s\r", Command::Skew(r2, -1_000_000_000)),
        (":drift cl", "0.5\r", Command::Drift(r2, ClockRate(500_000))),
    ] {
        press(&mut panel, typed);
        panel.key(&KeyEvent::new(KeyCode::Down, KeyModifiers::NONE));
        press(&mut panel, "\r");
        assert_eq!(press(&mut panel, figure), Reaction::Give(vec![given]), "{typed}");
    }
}
