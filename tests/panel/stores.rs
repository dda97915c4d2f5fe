//! Stores on every panel: real machines on virtual time give the events, so that a screen never shows what they would
//! not do. Healthy, the leader killed, two that lead, votes with a liar, a deadlock, contents that differ, writes lost.

use super::*;
use faultlab::sim::Sim;
use faultlab::topology::{self, Bundled, Topology};

/// The scenes, and the keys after which each is looked at.
const SCENES: [(&str, &str); 9] = [
    ("store_healthy", ""),
    ("store_leader_killed", ""),
    ("store_failed_over", ""),
    ("store_split", ""),
    ("store_liar", ""),
    ("store_deadlock", ""),
    ("store_diverged", ""),
    ("store_lost_list", "!"),
    ("store_client_killed", ""),
];

pub fn group(scheme: &str, more: &str, clients: &[&str]) -> Topology {
    let mut text = format!(
        "title = \"A store\"\n[groups.store]\nrole = \"replica\"\nmembers = [\"r1\", \"r2\", \"r3\"]\n\
         scheme = \"{scheme}\"\n{more}\n"
    );
    for client in clients {
        write!(
            text,
            "[nodes.{client}]\nrole = \"client\"\nasks = \"store\"\n\
             operations = [\"post lobby {client}-{{n}}\", \"read lobby\"]\n"
        )
        .expect("writing to a String cannot fail");
    }
    text += "[defaults.link]\nlatency = \"20ms\"\n";
    topology::load_text("store.toml", &text, &Bundled).expect("it is good").topology
}

pub fn backed_up(propagation: &str, clients: &[&str]) -> Topology {
    let more = format!(
        "heartbeat = \"300ms\"\nsuspect_after = \"1s\"\nterms = false\npropagation = \"{propagation}\""
    );
    group("primary-backup", &more, clients)
}

/// The lab when the last of these commands has been given, each at its moment.
pub fn given(topology: &Topology, commands: &[(u64, &str)]) -> Sim {
    let mut sim = Sim::new(topology, 1);
    for (at, words) in commands {
        sim.run_until(LabTime::from_millis(*at));
        let command =
            grammar::command(words, &topology.names).expect("the test's commands are right");
        sim.give(command).expect("it can be done");
    }
    sim
}

/// What happens when these commands are given at these moments.
pub fn played(topology: &Topology, commands: &[(u64, &str)], until: u64) -> (Panel, LabTime) {
    let mut sim = given(topology, commands);
    let now = LabTime::from_millis(until);
    sim.run_until(now);
    let mut panel = Panel::new(sim.topology().clone());
    for event in sim.log().read(0, usize::MAX).events() {
        panel.world.apply(event);
        panel.view.feed.take(event, &panel.world);
    }
    (panel, now)
}

/// A store at the moment that its name tells.
pub fn store(name: &str) -> (Panel, LabTime) {
    let writes = [(500, "post w lobby one"), (900, "post w lobby two"), (1300, "read w lobby")];
    match name {
        "store_healthy" => played(&backed_up("sync", &["w"]), &writes, 2500),
        "store_leader_killed" => {
            let given = [(500, "post w lobby one"), (2000, "kill r1")];
            played(&backed_up("sync", &["w"]), &given, 2600)
        }
        "store_failed_over" => {
            let given = [(500, "post w lobby one"), (2000, "kill r1"), (4000, "post w lobby two")];
            played(&backed_up("sync", &["w"]), &given, 6000)
        }
        "store_split" => {
            let given = [
                (500, "post w lobby one"),
                (1000, "cut-only r1->r2"),
                (1000, "cut-only r1->r3"),
                (4000, "post w lobby two"),
                (4300, "post v lobby three"),
            ];
            played(&backed_up("async", &["w", "v"]), &given, 5000)
        }
        "store_liar" => {
            let given = [
                (500, "post w lobby one"),
                (1000, "lie r2 on"),
                (1500, "read w lobby"),
                (2000, "read w lobby"),
            ];
            played(&group("active", "", &["w"]), &given, 3000)
        }
        "store_deadlock" => {
            let topology = group(
                "primary-backup",
                "heartbeat = \"60ms\"\nsuspect_after = \"20s\"\npropagation = \"sync-deadlock\"",
                &["w"],
            );
            let given: Vec<(u64, &str)> =
                (0..12).map(|n| (500 + n * 70, "post w lobby one")).collect();
            played(&topology, &given, 3000)
        }
        "store_diverged" => {
            let given = [
                (500, "cut w<->r2"),
                (500, "cut v<->r1"),
                (500, "cut v<->r3"),
                (600, "post w lobby one"),
                (700, "post v lobby two"),
            ];
            played(&group("active", "", &["w", "v"]), &given, 2500)
        }
        "store_client_killed" => client_killed(),
        _ => {
            let topology = group(
                "primary-backup",
                "heartbeat = \"300ms\"\nsuspect_after = \"1s\"\npropagation = \"async\"\nlag = \"2s\"",
                &["w"],
            );
            let given = [
                (500, "post w lobby kept"),
                (4000, "post w lobby hello"),
                (4200, "post w lobby is anybody there?"),
                (4500, "kill r1"),
            ];
            played(&topology, &given, 8000)
        }
    }
}

/// A client dies while its write is on a slow link.
fn client_killed() -> (Panel, LabTime) {
    let given = [(400, "delay w->r1 800ms"), (500, "post w lobby one"), (1000, "kill w")];
    played(&backed_up("sync", &["w"]), &given, 9000)
}

/// Whoever is dead waits for nothing; what became of its operation it never learns.
#[test]
fn nobody_waits_for_what_a_client_left_open_when_it_died() {
    let (panel, _) = store("store_client_killed");
    let op =
        panel.world.audit.groups().flat_map(faultlab::check::Group::ops).next().expect("it asked");
    assert_eq!((op.over(), &op.ended), (op.orphaned, &None));
    assert_eq!(op.orphaned, Some(LabTime::from_millis(1000)));
    // It arrives all the same, and is done.
    assert!(op.accepted && op.acked.is_some_and(|at| at > LabTime::from_millis(1000)));
}

#[test]
fn every_scene_of_a_store_looks_as_it_did_at_every_layout() {
    for (name, keys) in SCENES {
        let (mut panel, now) = store(name);
        press(&mut panel, keys);
        looks_as_it_did(name, &panel, now);
    }
}

#[test]
fn stores_fit_every_size_in_every_view() {
    let views = ["", "2", "3", "5", "i", "w", "!", "Q", "e", "B"];
    let panels: Vec<(Panel, LabTime)> = SCENES.iter().map(|(name, _)| store(name)).collect();
    for keys in views {
        for (panel, now) in &panels {
            let mut panel = panel_like(panel);
            press(&mut panel, keys);
            for width in (0..=170_u16).step_by(17) {
                for height in (0..=50_u16).step_by(5) {
                    draw(&panel, NIGHT, *now, (width, height));
                }
            }
        }
    }
}

/// Another look at the same world.
fn panel_like(panel: &Panel) -> Panel {
    let mut other = Panel::new(panel.world.topology.clone());
    other.world = panel.world.clone();
    other
}

#[test]
fn ascii_shows_stores_too() {
    for (name, keys) in SCENES {
        let (mut panel, now) = store(name);
        press(&mut panel, keys);
        let buffer = draw(&panel, Theme::mono(true), now, (120, 40));
        for cell in buffer.content() {
            assert!(cell.symbol().is_ascii(), "{name}: {:?}", cell.symbol());
        }
    }
}

#[test]
fn what_matters_is_said_in_words() {
    for (name, words) in [
        ("store_healthy", &["LEAD", "back", "LOST 0", "leaders 1", "ok   30", "of 1000 ms"][..]),
        ("store_leader_killed", &["DEAD", "killed", "suspected?", "NO LEADER"]),
        ("store_failed_over", &["promoted", "first write", "suspected it"]),
        ("store_split", &["SPLIT BRAIN", "LEADERS 2", "r1+r2", "≠"]),
        ("store_liar", &["LIES", "OUTVOTED", "✗out"]),
        ("store_deadlock", &["DEADLOCK", "r1 waits for", "STUCK"]),
        ("store_diverged", &["DIVERGED", "1 = 1"]),
    ] {
        let (panel, now) = store(name);
        let shown = text(&draw(&panel, NIGHT, now, (120, 40)));
        for word in words {
            assert!(shown.contains(word), "{name} does not say {word:?}:\n{shown}");
        }
    }
}

#[test]
fn what_is_lost_is_listed_with_its_author_and_who_had_acknowledged_it() {
    let (mut panel, now) = store("store_lost_list");
    let footer = text(&draw(&panel, NIGHT, now, (80, 24)));
    assert!(footer.lines().next_back().is_some_and(|row| row.contains("! LOST 2")), "{footer}");
    press(&mut panel, "!");
    let shown = text(&draw(&panel, NIGHT, now, (80, 24)));
    for word in ["LOST 2", "lobby", "w.1#", "hello", "R1 had acknowledged it"] {
        assert!(shown.to_lowercase().contains(&word.to_lowercase()), "{word}:\n{shown}");
    }
    press(&mut panel, "\x1b");
    assert!(matches!(panel.view.mode, Mode::Normal));
}

#[test]
fn the_leader_is_named_in_the_footer_and_killed_by_its_key() {
    let (mut panel, now) = store("store_healthy");
    let r1 = panel.world.topology.names.id("r1").expect("there is an r1");
    let footer = text(&draw(&panel, NIGHT, now, (80, 24)));
    assert!(footer.lines().next_back().is_some_and(|row| row.contains("X leader r1")), "{footer}");
    assert_eq!(press(&mut panel, "X"), Reaction::Give(vec![Command::Kill(r1)]));
    let (mut panel, _) = store("store_failed_over");
    let leader = panel.world.audit.groups().next().and_then(|group| group.leaders().next());
    let leader = leader.expect("somebody leads again").id;
    assert_ne!(leader, r1);
    assert_eq!(press(&mut panel, "X"), Reaction::Give(vec![Command::Kill(leader)]));
}

#[test]
fn a_disk_is_emptied_only_after_asking_and_enter_is_no_answer() {
    let (mut panel, _) = store("store_healthy");
    assert_eq!(press(&mut panel, "Z"), Reaction::Nothing);
    assert!(matches!(panel.view.mode, Mode::Normal), "it runs: there is nothing to ask");
    let (mut panel, _) = store("store_leader_killed");
    let r1 = panel.world.topology.names.id("r1").expect("there is an r1");
    assert_eq!(press(&mut panel, "Z"), Reaction::Nothing);
    assert!(matches!(panel.view.mode, Mode::WipeAsked(id) if id == r1));
    assert_eq!(press(&mut panel, "\r"), Reaction::Nothing);
    assert!(matches!(panel.view.mode, Mode::WipeAsked(_)));
    assert_eq!(press(&mut panel, "n"), Reaction::Nothing);
    assert!(matches!(panel.view.mode, Mode::Normal));
    assert_eq!(press(&mut panel, "Zy"), Reaction::Give(vec![Command::Wipe(r1)]));
}

#[test]
fn keys_of_a_client_work_for_a_store() {
    let (mut panel, _) = store("store_healthy");
    let client = panel.world.topology.names.id("w").expect("there is a w");
    let fired = |times| {
        Reaction::Give(vec![Command::Query { client, name: None, kind: RecordType::A, times }])
    };
    assert_eq!(press(&mut panel, "f"), fired(1));
    assert_eq!(press(&mut panel, "F"), fired(20));
    let r1 = panel.world.topology.names.id("r1").expect("there is an r1");
    assert_eq!(press(&mut panel, "b"), Reaction::Give(vec![Command::Lie(r1, true)]));
    let operation = grammar::operation("post k some words").expect("it is one");
    let typed = press(&mut panel, "Qpost k some words\r");
    assert_eq!(typed, Reaction::Give(vec![Command::Operate { client, operation, times: 1 }]));
}

#[test]
fn a_failover_stays_until_the_person_goes_on() {
    let (mut panel, now) = store("store_failed_over");
    let title = |panel: &Panel| text(&draw(panel, NIGHT, now, (120, 40)));
    assert!(title(&panel).contains("Failover"));
    press(&mut panel, "n");
    assert!(title(&panel).contains("Operation"));
    let (mut panel, _) = store("store_leader_killed");
    press(&mut panel, "f");
    assert!(title(&panel).contains("Failover"), "the operation that is asked for is part of it");
    press(&mut panel, "2\x1b");
    assert!(title(&panel).contains("Operation"));
}

#[test]
fn quiet_heartbeats_change_few_cells_from_frame_to_frame() {
    let topology = backed_up("sync", &["w"]);
    let frames: Vec<Buffer> = (0..20)
        .map(|at| {
            let (panel, now) = played(&topology, &[], 20_000 + at * 33);
            draw(&panel, NIGHT, now, (160, 45))
        })
        .collect();
    let changed: usize = frames.windows(2).map(|pair| pair[0].diff(&pair[1]).len()).sum();
    let mean = changed / (frames.len() - 1);
    // A strip that scrolled would change every stroke of every row, hundreds of cells.
    assert!(mean < 60, "{mean} cells a frame");
}

/// A step begins.
fn with_a_step((mut panel, now): (Panel, LabTime)) -> (Panel, LabTime) {
    let id = EventId { owner: Owner::Lab, number: 1_000_000 };
    let begun = Fact::StepBegan { step: 1 };
    panel.world.apply(&Event { id, time: now, cause: Cause::Boot, fact: begun });
    (panel, now)
}

/// In the lecture layout a step and a banner leave the heartbeats two rows, for the map gives one that it does not
/// need; and of five beliefs the title says how many are out of sight.
#[test]
fn no_heartbeat_is_out_of_sight_beside_a_step_and_what_is_is_counted() {
    let (mut panel, now) = with_a_step(store("store_leader_killed"));
    let shown = text(&draw(&panel, NIGHT, now, (80, 24)));
    assert!(shown.contains("NO LEADER"), "{shown}");
    let beats = |shown: &str, of: &str| shown.lines().any(|row| row.contains(of));
    assert!(beats(&shown, "r1→r2") && beats(&shown, "r1→r3"), "{shown}");
    let shown = text(&draw(&panel, NIGHT, now, (120, 40)));
    assert!(shown.lines().any(|row| row.contains("│ r3 ")), "{shown}");
    press(&mut panel, "5");
    let shown = text(&draw(&panel, NIGHT, now, (80, 24)));
    let title = shown.lines().find(|row| row.contains("5 Belief")).unwrap_or_default();
    assert!(title.contains("1 more: ↓"), "{shown}");
}

#[test]
fn below_a_banner_and_a_step_stand_the_clocks_and_the_votes() {
    let (panel, now) = with_a_step(store("store_diverged"));
    let shown = text(&draw(&panel, NIGHT, now, (80, 24)));
    assert!(shown.contains("!! DIVERGED") && shown.contains("6 Steps"), "{shown}");
    let row = |with: &str| shown.lines().any(|row| row.starts_with(with));
    assert!(row(" clock  r1 1") && row(" #2 "), "{shown}");
}

#[test]
fn however_often_was_tried_the_end_the_reason_and_the_place_of_a_write_are_seen() {
    let more = "heartbeat = \"300ms\"\nsuspect_after = \"1h\"";
    let given = [(500, "kill r1"), (600, "post w lobby one")];
    let (panel, now) = played(&group("primary-backup", more, &["w"]), &given, 20_000);
    let op = panel.world.audit.groups().next().and_then(|it| it.ops().next_back());
    assert!(op.map_or(0, |op| op.attempts.len()) > 12, "it is tried often");
    let mut panel = panel;
    press(&mut panel, "2\x1b");
    for size in [(80, 24), (120, 40), (160, 45)] {
        let shown = text(&draw(&panel, NIGHT, now, size));
        for words in ["attempts before", "w    ═", "failed 10 s", "why  ", "has it  nobody"] {
            assert!(shown.contains(words), "{words}:\n{shown}");
        }
    }
}

#[test]
fn the_title_has_the_whole_operation_where_it_has_room() {
    let given = [(500, "post w lobby the-rest-of-a")];
    let (panel, now) = played(&backed_up("sync", &["w"]), &given, 2000);
    let shown = |size| text(&draw(&panel, NIGHT, now, size));
    assert!(
        shown((80, 24)).contains("─ 2 Op  #1  post lobby the-rest-of-a ─"),
        "{}",
        shown((80, 24))
    );
    let wide = shown((160, 45));
    assert!(wide.contains("─ 2 Operation  #1  post lobby the-rest-of-a ─"), "{wide}");
}

#[test]
fn who_has_stood_for_a_term_and_follows_in_another_is_shown_with_that_one() {
    let more = "heartbeat = \"300ms\"\nsuspect_after = \"1s\"\nterms = true";
    let given = [(500, "post w lobby one"), (2000, "kill r1")];
    let (panel, now) = played(&group("primary-backup", more, &["w"]), &given, 6000);
    let stood = panel.world.audit.groups().next().is_some_and(|it| it.figures.term_max == 3);
    assert!(stood, "r3 has stood for term 3");
    let shown = text(&draw(&panel, NIGHT, now, (120, 40)));
    for words in ["r2    self t2", "r3    r2 t2"] {
        assert!(shown.contains(words), "{words}:\n{shown}");
    }
}
