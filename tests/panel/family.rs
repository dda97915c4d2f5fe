//! What the replica family shows beyond its usual scenes: why a cut stops heartbeats or does not, clocks beside digests
//! where there is hardly room, a return, a vote without a majority, a store behind name servers; what is lost under the
//! cursor, and what is copied of it.

use super::stores::{backed_up, group, played, store};
use super::*;
use faultlab::base::NodeId;
use faultlab::message::DiskKind;
use faultlab::topology::{self, Bundled, Topology, bundle};

/// The scenes, and the keys after which each is looked at.
const SCENES: [(&str, &str); 8] = [
    ("family_cut_harmless", "3"),
    ("family_cut_apart", "w"),
    ("family_returns", ""),
    ("family_concurrent", ""),
    ("family_no_majority", ""),
    ("family_fourth", ""),
    ("family_campus", ""),
    ("family_campus_names", "Q"),
];

fn two(mode: &str) -> Topology {
    let text = format!(
        "title = \"Two\"\n[groups.store]\nrole = \"replica\"\nmembers = [\"r1\", \"r2\"]\n\
         scheme = \"primary-backup\"\nheartbeat = \"300ms\"\nsuspect_after = \"1s\"\n\
         heartbeat_mode = \"{mode}\"\nterms = false\n\
         [nodes.w]\nrole = \"client\"\nasks = \"store\"\noperations = [\"post lobby w-{{n}}\"]\n"
    );
    topology::load_text("two.toml", &text, &Bundled).expect("it is good").topology
}

fn campus() -> Topology {
    let text = bundle::text("campus").expect("it is bundled");
    topology::load_text("campus.toml", text, &Bundled).expect("it is good").topology
}

fn family(name: &str) -> (Panel, LabTime) {
    let votes = |more: &str, given: &[(u64, &str)], until: u64| {
        played(&group("active", more, &["w"]), given, until)
    };
    match name {
        "family_cut_harmless" => played(&two("push"), &[(1000, "cut-only r2->r1")], 4000),
        "family_cut_apart" => played(&two("pull"), &[(1000, "cut-only r2->r1")], 4000),
        "family_returns" => {
            let given = [(500, "post w lobby one"), (1000, "kill r3"), (1500, "revive r3")];
            played(&backed_up("sync", &["w"]), &given, 1510)
        }
        "family_concurrent" => {
            let given = [
                (500, "cut w<->r2"),
                (500, "cut v<->r1"),
                (500, "cut v<->r3"),
                (600, "post w lobby one"),
                (700, "post v lobby two"),
                (1500, "kill r1"),
                (2000, "revive r1"),
            ];
            played(&group("active", "clock = \"vector\"", &["w", "v"]), &given, 3000)
        }
        "family_no_majority" => {
            let given = [
                (400, "set w no_majority first"),
                (500, "post w lobby one"),
                (1000, "lie r1 on"),
                (1000, "kill r3"),
                (1500, "read w lobby"),
            ];
            votes("", &given, 3000)
        }
        "family_fourth" => {
            let mut text = String::from(
                "title = \"Four\"\n[groups.store]\nrole = \"replica\"\n\
                 members = [\"r1\", \"r2\", \"r3\", \"r4\"]\nscheme = \"active\"\n\
                 [nodes.r4]\nstart = \"off\"\n",
            );
            text += "[nodes.w]\nrole = \"client\"\nasks = [\"r1\", \"r2\", \"r3\"]\n\
                     operations = [\"read lobby\"]\n";
            let topology = topology::load_text("four.toml", &text, &Bundled).expect("it is good");
            let given = [(500, "kill r3"), (1000, "read w lobby")];
            played(&topology.topology, &given, 2000)
        }
        _ => {
            let given = [(500, "put admin www.campus.edu 192.0.2.9"), (1500, "query client")];
            played(&campus(), &given, 3000)
        }
    }
}

#[test]
fn every_scene_of_the_family_looks_as_it_did_at_every_layout() {
    for (name, keys) in SCENES {
        let (mut panel, now) = family(name);
        press(&mut panel, keys);
        looks_as_it_did(name, &panel, now);
    }
}

#[test]
fn the_family_says_what_it_shows_in_words() {
    for (name, words) in [
        ("family_cut_harmless", &["r2→r1 is cut: the heartbeats go the other way"][..]),
        ("family_cut_apart", &["r2→r1 is cut: r2 asks, the questions do not arrive"]),
        ("family_returns", &["returns"]),
        ("family_concurrent", &["CONCURRENT", "DIVERGED"]),
        ("family_no_majority", &["WRONG ANSWER", "No two agreed", "1st"]),
        ("family_fourth", &["OFF", "serves"]),
        ("family_campus", &["asks the store"]),
        ("family_campus_names", &["the store has", "192.0.2.9", "nobody has"]),
    ] {
        let (mut panel, now) = family(name);
        let keys = SCENES.iter().find(|scene| scene.0 == name).map_or("", |scene| scene.1);
        press(&mut panel, keys);
        let shown = text(&draw(&panel, NIGHT, now, (160, 45)));
        for word in words {
            assert!(shown.contains(word), "{name} does not say {word:?}:\n{shown}");
        }
    }
    let (panel, now) = family("family_fourth");
    let shown = text(&draw(&panel, NIGHT, now, (160, 45)));
    assert!(!shown.contains("NO MAJORITY"), "two of the three that are asked run:\n{shown}");
    let (panel, now) = family("family_no_majority");
    let shown = text(&draw(&panel, NIGHT, now, (160, 45)));
    assert!(!shown.contains("OUTVOTED"), "one against one is no majority:\n{shown}");
}

#[test]
fn enter_on_the_truth_line_lists_what_is_lost_and_y_copies_it() {
    let (mut panel, now) = store("store_lost_list");
    panel.view.size = (80, 24);
    let up = |panel: &mut Panel| panel.key(&KeyEvent::new(KeyCode::Up, KeyModifiers::NONE));
    let (r2, r3) = (Selection::Node(NodeId(1)), Selection::Node(NodeId(2)));
    assert!(panel.view.selection != r2 && panel.view.selection != r3);
    // From the replica to the client above it, and on to what no node knows.
    up(&mut panel);
    up(&mut panel);
    assert_eq!(panel.view.selection, Selection::Truth);
    let shown = text(&draw(&panel, NIGHT, now, (80, 24)));
    assert!(shown.lines().nth(1).is_some_and(|row| row.starts_with('▸')), "{shown}");
    press(&mut panel, "\r");
    assert!(matches!(panel.view.mode, Mode::Losses));
    let Reaction::Copy(copied) = press(&mut panel, "y") else { panic!("y copies the list") };
    assert_eq!(copied.what, "2 writes");
    for word in ["LOST  lobby  w.1#", "is anybody there?", "w was told ok at", "had acknowledged"] {
        assert!(copied.text().contains(word), "{word}:\n{}", copied.text());
    }
    press(&mut panel, "\x1bj");
    assert!(matches!(panel.view.selection, Selection::Node(_)), "down leads back to the map");
    // Where nothing is wrong there is nothing to stand on.
    let (mut panel, _) = store("store_healthy");
    panel.view.size = (80, 24);
    up(&mut panel);
    up(&mut panel);
    assert!(matches!(panel.view.selection, Selection::Node(_)));
}

#[test]
fn an_operation_is_copied_with_what_came_of_it_and_a_failover_with_its_stages() {
    let (mut panel, _) = store("store_healthy");
    let Reaction::Copy(copied) = press(&mut panel, "2y") else { panic!("y copies it") };
    assert_eq!(copied.what, "#3");
    assert!(copied.text().starts_with("#3 w: read lobby  ok\n"), "{}", copied.text());
    let Reaction::Copy(copied) = press(&mut panel, "hy") else { panic!("y copies it") };
    assert!(copied.text().contains("\nhas it: r1 r2 r3, on all\n"), "{}", copied.text());
    let (mut panel, _) = store("store_failed_over");
    let Reaction::Copy(copied) = press(&mut panel, "2y") else { panic!("y copies it") };
    assert_eq!(copied.what, "the failover");
    assert!(copied.text().contains("r1 was killed; "), "{}", copied.text());
}

#[test]
fn a_replica_tells_where_its_disk_is_and_how_to_look_at_it() {
    let (mut panel, now) = store("store_healthy");
    let r1 = panel.world.topology.names.id("r1").expect("there is an r1");
    let shown = |panel: &Panel| text(&draw(panel, NIGHT, now, (120, 40)));
    let opened = |panel: &mut Panel, file: &str, kind| {
        let id = EventId { owner: Owner::Lab, number: 1_000_000 };
        let fact = Fact::DiskOpened { node: r1, file: file.into(), kind };
        panel.world.apply(&Event { id, time: now, cause: Cause::Boot, fact });
    };
    press(&mut panel, "i");
    assert!(!shown(&panel).contains("sqlite3"), "in memory there is no file");
    opened(&mut panel, "/runs/my run/r1.db", DiskKind::Sqlite);
    let page = shown(&panel);
    for words in ["/runs/my run/r1.db", "sqlite3 -readonly '/runs/my run/r1.db'"] {
        assert!(page.contains(words), "{words}:\n{page}");
    }
    let Reaction::Copy(copied) = press(&mut panel, "y") else { panic!("y copies the node") };
    assert!(copied.text().contains("sqlite3 -readonly"), "{}", copied.text());
    opened(&mut panel, "/runs/r1.json", DiskKind::Rewrite);
    let page = shown(&panel);
    assert!(page.contains("cat /runs/r1.json") && !page.contains("r1.db"), "{page}");
}

#[test]
fn jitter_that_a_hand_set_is_told_and_the_file_s_own_is_not() {
    let text_of = |more: &str| {
        format!(
            "title = \"T\"\n[nodes.r1]\nrole = \"replica\"\nscheme = \"active\"\n\
             [nodes.w]\nrole = \"client\"\nasks = [\"r1\"]\noperations = [\"read lobby\"]\n\
             [defaults.link]\nlatency = \"20ms\"\n{more}"
        )
    };
    let load = |more: &str| {
        topology::load_text("t.toml", &text_of(more), &Bundled).expect("it is good").topology
    };
    let shown = |topology: &Topology, given: &[(u64, &str)]| {
        let (panel, now) = played(topology, given, 1000);
        text(&draw(&panel, NIGHT, now, (120, 40)))
    };
    let steady = load("");
    assert!(!shown(&steady, &[]).contains("+~"));
    let by_hand = shown(&steady, &[(500, "jitter w<->r1 30ms")]);
    assert!(by_hand.contains("+~30 ms"), "{by_hand}");
    let unsteady = load("jitter = \"30ms\"\n");
    assert!(!shown(&unsteady, &[]).contains("+~"), "so this network is: it is no news");
}
