//! The scenes that the panel is drawn at: a lab told by hand up to a moment. They know nothing of screens.

use crate::story::{self, CLIENT, HOP, LS, Served, Story, TS1, TS2, found};
use faultlab::base::{LabTime, NodeId};
use faultlab::event::{Event, Fact, Judgement};
use faultlab::message::{Belief, Faults, HostName, Note};
use faultlab::panel::Panel;
use faultlab::topology::Policy;
use std::sync::Arc;
use std::time::Duration;

/// A panel that has seen these events up to a moment.
pub fn panel_at(
    topology: faultlab::topology::Topology,
    events: &[Event],
    until: u64,
) -> (Panel, LabTime) {
    let mut panel = Panel::new(Arc::new(topology));
    let now = LabTime::from_millis(until);
    for event in events.iter().filter(|event| event.time <= now) {
        panel.world.apply(event);
        panel.view.feed.take(event, &panel.world);
    }
    (panel, now)
}

pub fn google(by: NodeId, takes: u64) -> Served {
    Served { by, takes, says: Some(found("142.250.80.36")) }
}

pub fn mute(by: NodeId) -> Served {
    Served { by, takes: 0, says: None }
}

/// A world by its name, and the moment at which it is looked at.
pub fn scene(name: &str) -> (Panel, LabTime) {
    let mut topology = story::topology(Policy::Race, 2);
    let mut servers = 2;
    match name {
        "idle" | "race" | "late" | "silent" | "states" | "links" | "banner" | "visitor" => {
            topology.steps.clear();
        }
        "batch" => {
            topology = story::topology(Policy::Batch, 2);
            topology.steps.clear();
        }
        "sticky" => {
            topology = story::topology(Policy::Sticky, 3);
            topology.steps.clear();
            servers = 3;
        }
        "many" => {
            servers = 28;
            topology = story::topology(Policy::Race, servers);
            topology.steps.clear();
        }
        "crowd" => {
            servers = 300;
            topology = story::topology(Policy::Race, servers);
            topology.steps.clear();
        }
        _ => {}
    }
    let mut story = Story::new(&topology);
    let until = tell(&mut story, name);
    let _ = servers;
    panel_at(topology, &story.events(), until)
}

fn tell(story: &mut Story, name: &str) -> u64 {
    match name {
        "race" => {
            story.race(100, "www.google.com", &[google(TS1, 10), google(TS2, 90)]);
            100 + HOP + HOP / 2
        }
        "late" => {
            story.race(100, "www.google.com", &[google(TS1, 10), google(TS2, 90)]);
            1000
        }
        "silent" => {
            story.race(100, "www.google.com", &[google(TS1, 10), google(TS2, 90)]);
            story.lab(500, Fact::NodePoweredOff { node: TS1 });
            story.race(1000, "www.rutgers.edu", &[mute(TS1), mute(TS2)]);
            7000
        }
        "states" => {
            story.believe(10, LS, TS1, Belief::Up);
            story.believe(10, LS, TS2, Belief::Up);
            story.lab(1000, Fact::NodeFrozen { node: TS1 });
            story.lab(2000, Fact::NodeKilled { node: TS2 });
            story.believe(3000, LS, TS1, Belief::Down);
            9000
        }
        "links" => {
            let slow = |extra: u64, loss, cut| Faults {
                latency: Duration::from_millis(HOP),
                extra: Duration::from_millis(extra),
                loss,
                cut,
                ..Faults::default()
            };
            story.faults(100, LS, TS1, slow(200, 0.3, false));
            story.faults(100, TS1, LS, slow(200, 0.3, false));
            story.faults(100, TS2, LS, slow(0, 0.0, true));
            story.faults(100, CLIENT, LS, slow(0, 0.1, false));
            200
        }
        "banner" | "step" => {
            if name == "step" {
                story.lab(50, Fact::StepBegan { step: 1 });
                story.lab(60, Fact::StepRan { step: 1 });
                story.judge(70, 0, Judgement::Passed, "answered after 170 ms");
                story.judge(80, 1, Judgement::Failed, "1 was silent");
                story.lab(90, Fact::StepEnded { step: 1 });
            }
            let why = Arc::from("the handler of the timeout was never run");
            story.lab(1000, Fact::NodeCrashed { node: LS, why });
            3000
        }
        "question" => {
            story.lab(50, Fact::StepBegan { step: 1 });
            1000
        }
        "flip" => {
            story.lab(50, Fact::StepBegan { step: 1 });
            story.lab(60, Fact::Flipped { step: 1, repaired: false });
            story.race(100, "nobody.example", &[mute(TS1), mute(TS2)]);
            story.lab(6000, Fact::Flipped { step: 1, repaired: true });
            story.race(6100, "www.google.com", &[google(TS1, 10), google(TS2, 90)]);
            7000
        }
        name => tell_of_systems(story, name),
    }
}

fn tell_of_systems(story: &mut Story, name: &str) -> u64 {
    match name {
        "sticky" => {
            for (name, to) in [("www.google.com", 2), ("www.mit.edu", 3), ("a.example", 4)] {
                let (name, upstream) = (HostName::new(name), NodeId(to));
                story.note(LS, 100, None, Note::Stuck { name, upstream, before: None });
            }
            let until = LabTime::from_millis(9000);
            story.note(LS, 200, None, Note::Ejected { upstream: TS2, failures: 2, until });
            1000
        }
        "visitor" => {
            story.visitor(100, 1);
            500
        }
        "batch" => {
            let closes = LabTime::from_millis(4000);
            story.note(LS, 1000, None, Note::WindowOpened { window: 1, closes });
            1500
        }
        _ => 500,
    }
}

pub const SCENES: [&str; 14] = [
    "idle", "race", "late", "silent", "states", "links", "banner", "step", "question", "flip",
    "sticky", "batch", "many", "visitor",
];
