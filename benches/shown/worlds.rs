//! Labs on virtual time, folded up to a moment at which there is much to see.

use faultlab::base::LabTime;
use faultlab::command::grammar;
use faultlab::panel::Panel;
use faultlab::sim::Sim;
use faultlab::topology::{self, Bundled, Topology};

fn topology(text: &str) -> Topology {
    let loaded = topology::load_text("frames.toml", text, &Bundled);
    loaded.unwrap_or_else(|problems| panic!("{problems}")).topology
}

/// A client, an LS and name servers, so many nodes in all. Three races are on their way to every server, one server is
/// dead, one stands still and a link is cut.
pub fn busy(nodes: usize) -> (Panel, LabTime) {
    let servers = nodes - 2;
    let topology = topology(&format!(
        "title = 'frames'\n[defaults.link]\nlatency = '10s'\n\
         [nodes.client]\nrole = 'client'\nasks = 'ls'\nnames = ['www.a.com']\ntimeout = '60s'\n\
         [nodes.ls]\nrole = 'ls'\nupstreams = ['leaf']\npolicy = 'race'\ntimeout = '60s'\n\
         [groups.leaf]\nrole = 'ts'\ncount = {servers}\nprefix = 'leaf'\n\
         records = ['www.a.com 192.0.2.1 A']\n"
    ));
    let mut sim = Sim::new(&topology, 1);
    // Connections stand after two ways each.
    sim.run_until(LabTime::from_millis(70_000));
    for words in [
        "query client",
        "query client",
        "query client",
        "kill leaf7",
        "freeze leaf8",
        "cut ls<->leaf9",
    ] {
        let command = grammar::command(words, &topology.names).expect("a command");
        sim.give(command).expect("it can be done");
    }
    let now = LabTime::from_millis(83_000);
    sim.run_until(now);
    let mut panel = Panel::new(sim.topology().clone());
    read(&sim, 0, &mut panel);
    panel.view.size = (200, 60);
    (panel, now)
}

/// A lab that goes on while its frames are drawn.
pub struct Beating {
    sim: Sim,
    read: u64,
}

impl Beating {
    /// Lets it go on to this moment, and the panel see it.
    pub fn go_on(&mut self, panel: &mut Panel, now: LabTime) {
        self.sim.run_until(now);
        self.read = read(&self.sim, self.read, panel);
    }
}

/// Three replicas with a heartbeat a second on links of 300 ms, and nothing else going on.
pub fn beating() -> (Panel, Beating) {
    let topology = topology(
        "title = 'beats'\n[defaults.link]\nlatency = '300ms'\n\
         [groups.store]\nrole = 'replica'\ncount = 3\nprefix = 'r'\nheartbeat = '1s'\n\
         suspect_after = '4s'\n\
         [nodes.client]\nrole = 'client'\nasks = 'store'\noperations = ['get k']\n",
    );
    let mut sim = Sim::new(&topology, 1);
    sim.run_until(LabTime::from_millis(10_000));
    let mut panel = Panel::new(sim.topology().clone());
    panel.view.size = (200, 60);
    let read = read(&sim, 0, &mut panel);
    (panel, Beating { sim, read })
}

fn read(sim: &Sim, from: u64, panel: &mut Panel) -> u64 {
    let tail = sim.log().read(from, usize::MAX);
    for event in tail.events() {
        panel.world.apply(event);
        panel.view.feed.take(event, &panel.world);
    }
    tail.next
}
