//! The map for labs of every size, with faults and messages everywhere: whatever happens, words can be read.

use super::*;
use crate::base::FrameId;
use crate::message::{Faults, HostName, Message};
use crate::panel::theme::{Depth, Theme};
use crate::topology::{self, Bundled};
use crate::world::{Mark, RaceNo};
use proptest::prelude::*;
use ratatui::buffer::Buffer;
use std::fmt::Write as _;
use std::sync::Arc;

/// A lab of so many clients, load balancers and servers; with groups, some of the servers come in tens.
fn world(clients: usize, balancers: usize, servers: usize, grouped: bool) -> World {
    let mut text = "[defaults.link]\nlatency = \"40ms\"\n".to_owned();
    let list = |prefix: &str, count: usize| {
        let names: Vec<String> = (1..=count).map(|at| format!("\"{prefix}{at}\"")).collect();
        names.join(", ")
    };
    for at in 1..=balancers {
        let asks = list("ts", servers);
        let _ = writeln!(text, "[nodes.ls{at}]\nrole = \"ls\"\nupstreams = [{asks}]");
    }
    for at in 1..=clients {
        let ls = 1 + at % balancers;
        let _ = writeln!(text, "[nodes.c{at}]\nrole = \"client\"\nasks = \"ls{ls}\"");
    }
    for at in 1..=servers {
        let _ = writeln!(text, "[nodes.ts{at}]\nrole = \"ts\"");
    }
    let loaded = topology::load_text("map.toml", &text, &Bundled);
    let mut topology = loaded.unwrap_or_else(|problems| panic!("{problems}")).topology;
    if grouped {
        for node in &mut topology.nodes {
            let number: usize = topology.names.of(node.id)[2..].parse().unwrap_or(0);
            node.group = (number > 10).then(|| format!("rack{}", number / 10));
        }
    }
    World::new(Arc::new(topology))
}

/// Faults and messages on some of the links.
fn disturb(world: &mut World, seeds: &[u8], now: LabTime) {
    let links: Vec<(Peer, Peer)> = world
        .topology
        .nodes
        .iter()
        .flat_map(|node| node.asks().iter().map(|to| (Peer::Node(node.id), Peer::Node(*to))))
        .flat_map(|(a, b)| [(a, b), (b, a)])
        .collect();
    for (at, (from, to)) in links.into_iter().enumerate() {
        let seed = seeds[at % seeds.len()];
        let faults = Faults {
            latency: Duration::from_millis(40),
            extra: Duration::from_millis(if seed.is_multiple_of(3) { 200 } else { 0 }),
            loss: if seed.is_multiple_of(5) { 0.3 } else { 0.0 },
            cut: seed.is_multiple_of(7),
            ..Faults::default()
        };
        let link = world.links.entry((from, to)).or_default();
        link.faults = faults;
        for number in 0..u64::from(seed % 4) {
            let frame = FrameId(number);
            let gone = Duration::from_millis(u64::from(seed) % 40 * number);
            let sent = LabTime(now.0.saturating_sub(gone.as_nanos() as u64));
            let due = sent + Duration::from_millis(40);
            let message =
                Arc::new(Message::Ask { name: HostName::new("a.b"), id: None, dns: None });
            let race = Some(RaceNo(at as u64 + number));
            let state = MarkState::Travelling;
            link.marks.insert(Mark { frame, sent, due, state, race, message });
        }
    }
}

fn stands(buffer: &Buffer, x: u16, y: u16, text: &str) -> bool {
    let row: String = (x..buffer.area.right())
        .filter_map(|x| buffer.cell((x, y)))
        .map(ratatui::buffer::Cell::symbol)
        .collect();
    row.starts_with(text)
}

/// Draws the lab and checks that every word of it can be read.
fn legible(world: &World, view: &View, size: (u16, u16), now: LabTime) {
    let theme = Theme::night(Depth::True, false);
    let area = Rect::new(0, 0, size.0, size.1);
    let mut buffer = Buffer::empty(area);
    let mut canvas = Canvas::new(&mut buffer, &theme);
    let map = lay(area, world, view, now);
    let taken = draw_plan(&mut canvas, area, &map, (world, view, now));
    for spot in &map.plan.spots {
        let name = world.topology.names.peer(spot.peer).to_string();
        let place = spot.core.intersection(area);
        let found = (place.y..place.bottom())
            .flat_map(|y| (place.x..place.right()).map(move |x| (x, y)))
            .any(|(x, y)| stands(&buffer, x, y, &name));
        let cut = usize::from(place.width) < name.len() + 1;
        // The count of what is hidden stands over the last row.
        let over = map.plan.hidden > 0 && place.bottom() == area.bottom();
        assert!(found || cut || over, "{name} at {place:?} of {size:?}: {buffer:?}");
    }
    for (x, y, words) in &taken.words {
        assert!(stands(&buffer, *x, *y, words), "{words} at {x},{y} of {size:?}: {buffer:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]

    #[test]
    fn no_line_and_no_mark_ever_covers_a_word(
        clients in 1_usize..6,
        balancers in 1_usize..4,
        servers in 1_usize..60,
        grouped: bool,
        open: bool,
        width in 1_u16..150,
        height in 1_u16..40,
        at in 0_usize..60,
        seeds in prop::collection::vec(any::<u8>(), 1..40),
    ) {
        let now = LabTime::from_millis(5000);
        let mut world = world(clients, balancers, servers, grouped);
        disturb(&mut world, &seeds, now);
        let mut view = View::new(&world);
        view.selection = Selection::Node(NodeId((at % (clients + balancers + servers)) as u16));
        view.open = open;
        legible(&world, &view, (width, height), now);
    }
}

#[test]
fn a_thousand_nodes_are_lines_of_bundles_and_one_of_them_opens() {
    let now = LabTime::from_millis(5000);
    let mut world = world(1, 1, 998, false);
    disturb(&mut world, &[1, 2, 4], now);
    let mut view = View::new(&world);
    let area = Rect::new(0, 0, 100, 30);
    let closed = lay(area, &world, &view, now);
    let block = &closed.plan.blocks[0];
    assert_eq!(block.shows, Shows::Bundles);
    assert!(block.bundles.iter().all(|bundle| bundle.line.is_some()), "all lines are in sight");
    let ts500 = world.topology.names.id("ts500").expect("it is there");
    view.selection = Selection::Node(ts500);
    assert!(closed.is_folded(ts500));
    legible(&world, &view, (100, 30), now);
    view.open = true;
    let open = lay(area, &world, &view, now);
    assert!(!open.is_folded(ts500));
    assert!(open.plan.spots.iter().any(|spot| spot.peer == Peer::Node(ts500)));
    legible(&world, &view, (100, 30), now);
}

/// So many groups of three replicas.
fn stores(groups: usize) -> World {
    let mut text = String::new();
    for group in 1..=groups {
        let _ = writeln!(
            text,
            "[groups.g{group}]\nrole = \"replica\"\ncount = 3\nprefix = \"g{group}r\""
        );
    }
    let loaded = topology::load_text("map.toml", &text, &Bundled);
    let topology = loaded.unwrap_or_else(|problems| panic!("{problems}")).topology;
    World::new(Arc::new(topology))
}

#[test]
fn hundreds_of_groups_are_a_grid_and_each_of_them_opens() {
    let now = LabTime::from_millis(5000);
    let world = stores(333);
    let mut view = View::new(&world);
    for (size, in_sight) in [((176, 46), 333), ((156, 40), 333), ((92, 22), 140), ((36, 7), 10)] {
        let area = Rect::new(0, 0, size.0, size.1);
        view.selection = Selection::Node(world.topology.names.id("g200r2").expect("it is there"));
        view.open = false;
        let closed = lay(area, &world, &view, now);
        let block = &closed.plan.blocks[0];
        assert_eq!((block.shows, block.bundles.len()), (Shows::Bundles, 333), "{size:?}");
        let shown = block.bundles.iter().filter_map(|bundle| Some((bundle, bundle.line?)));
        assert!(shown.clone().count() >= in_sight, "{size:?}: {}", shown.clone().count());
        assert!(block.bundles[199].line.is_some(), "the selected one is in sight at {size:?}");
        for (bundle, line) in shown {
            assert_eq!(line.intersection(block.frame), line, "{size:?}");
            let mut clicked = (line.x..line.right()).filter_map(|x| closed.node_at(x, line.y));
            let first = world.topology.nodes[bundle.nodes.start].id;
            assert_eq!(clicked.next(), Some(first), "{size:?}");
        }
        legible(&world, &view, size, now);
        view.open = true;
        let open = lay(area, &world, &view, now);
        let names: Vec<&str> = open
            .plan
            .spots
            .iter()
            .filter_map(|it| it.peer.node())
            .map(|id| world.topology.names.of(id))
            .collect();
        assert_eq!(names, ["g200r1", "g200r2", "g200r3"], "{size:?}");
    }
}

#[test]
fn what_is_clicked_is_what_stands_there() {
    let now = LabTime::from_millis(5000);
    for servers in [2, 28, 998] {
        let world = world(1, 1, servers, false);
        let view = View::new(&world);
        let map = lay(Rect::new(0, 0, 100, 30), &world, &view, now);
        for spot in &map.plan.spots {
            assert_eq!(map.node_at(spot.core.x, spot.core.y), spot.peer.node());
        }
        for block in &map.plan.blocks {
            for bundle in &block.bundles {
                let line = bundle.line.expect("it is in sight");
                let nodes: Vec<usize> = (line.x..line.right())
                    .filter_map(|x| block_view::dot_at(block, bundle, x))
                    .collect();
                assert_eq!(nodes.first(), Some(&bundle.nodes.start));
                assert!(nodes.iter().all(|at| bundle.nodes.contains(at)));
            }
        }
        assert_eq!(map.node_at(99, 0), None);
    }
}
