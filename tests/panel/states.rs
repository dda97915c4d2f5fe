//! Every state of a node and of a link can be told from every other without colour, at every form of the map.

use super::*;
use faultlab::event::Life;
use faultlab::message::Faults;
use faultlab::topology::Kind;

/// What befalls a node, and the word for it.
const STATES: [&str; 10] = [
    "up", "dead", "crashed", "no power", "frozen", "stopping", "stopped", "off", "lies", "corrupt",
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
