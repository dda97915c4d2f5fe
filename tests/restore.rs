//! `restore`: whatever was done by hand, the present step begins again as it began, in every bundled lecture.

use faultlab::base::{ClockRate, LabTime};
use faultlab::command::{Command, grammar};
use faultlab::event::{Judgement, Life};
use faultlab::sim::{Played, Sim};
use faultlab::topology::{Options, Role, Topology, bundle, load, setting};
use faultlab::world::{Beat, World};
use std::path::Path;
use std::time::Duration;

/// More lab time than any lecture takes.
const LIMIT: LabTime = LabTime::from_millis(20 * 60 * 1000);

fn lecture(name: &str) -> Topology {
    load(Path::new(name), Options::default()).unwrap_or_else(|why| panic!("{name}: {why}")).topology
}

/// What a step begins with, as the log tells: who lives and how, every setting, load and link that was changed.
fn state(world: &World) -> String {
    let nodes = world.nodes.iter().zip(&world.topology.nodes).map(|(node, file)| {
        if matches!(node.life, Life::Off | Life::Killed | Life::Crashed | Life::Stopped) {
            return "down".to_owned();
        }
        // What was changed to what the file says is as the file says.
        let usual = |key: &str| setting::current(&world.topology, &file.kind, key);
        let changed =
            node.changed.iter().filter(|(key, value)| usual(key).as_deref() != Some(value));
        format!("{:?} {:?} {}", node.life, changed.collect::<Vec<_>>(), node.per_kilosecond)
    });
    let links = world.links.iter().filter(|(_, link)| link.faults != link.usual);
    let links: Vec<String> =
        links.map(|(way, link)| format!("{way:?} {:?}", link.faults)).collect();
    format!("{}\n{}", nodes.collect::<Vec<_>>().join("\n"), links.join("\n"))
}

/// How far the clocks of the nodes are ahead now, in milliseconds, and how fast they run.
fn clocks(world: &World) -> Vec<(i64, ClockRate)> {
    let clocks = world.nodes.iter().map(|node| node.clock);
    clocks.map(|clock| (clock.ahead_at(world.now) / 1_000_000, clock.rate)).collect()
}

/// Kills, cuts, wipes and sets whatever can be.
fn mess(sim: &mut Sim) {
    let topology = sim.topology().clone();
    let mut lines = vec!["speed 0.5".to_owned()];
    for node in topology.nodes.iter().filter(|node| node.at.is_none()) {
        let name = topology.names.of(node.id);
        match node.role() {
            Role::Client => lines.extend([format!("load {name} 20/s"), format!("drift {name} 3")]),
            Role::Ls => lines.extend([format!("delay {name} 1s"), format!("freeze {name}")]),
            Role::Ts => lines.extend([format!("lie {name} on"), format!("power-off {name}")]),
            Role::Replica => lines.extend([
                format!("skew {name} -1h"),
                format!("kill {name}"),
                format!("wipe {name}"),
            ]),
        }
    }
    lines.push("undo".into());
    for line in lines {
        let command = grammar::command(&line, &topology.names).expect("it is one");
        // What is down already cannot be killed.
        let _ = sim.give(command);
        sim.run_until(sim.now() + Duration::from_millis(70));
    }
    sim.run_until(sim.now() + Duration::from_secs(9));
}

#[test]
fn every_step_of_every_lecture_can_be_begun_again_when_it_has_run() {
    every_step(false);
}

#[test]
fn every_step_of_every_lecture_can_be_begun_again_after_any_mess() {
    every_step(true);
}

fn every_step(messy: bool) {
    let mut complaints = Vec::new();
    for entry in bundle::list() {
        complaints.extend(walk(&lecture(entry.name), messy));
    }
    assert!(complaints.is_empty(), "{}", complaints.join("\n"));
}

/// Goes through a lecture and begins every step again. What a step before it left in somebody's memory may be gone by
/// that; a step that fails is then looked at alone.
fn walk(topology: &Topology, messy: bool) -> Vec<String> {
    let mut complaints = Vec::new();
    let mut stage = Stage::at(topology, 1);
    for (step, file) in (1..).zip(&topology.steps) {
        if step > 1 {
            // The answer, and the next question.
            stage.beat();
            stage.beat();
        }
        let mut found = stage.again(messy);
        if !found.is_empty() {
            let mut alone = Stage::at(topology, step);
            found = alone.again(messy);
            stage = if found.is_empty() { alone } else { Stage::at(topology, step) };
            if !found.is_empty() {
                stage.beat();
            }
        }
        let place = format!("{} step {step}{}", topology.name, if messy { " messy" } else { "" });
        match (found.is_empty(), &file.remembered) {
            (true, Some(what)) if !messy => {
                complaints.push(format!("{place} does not rest on what is remembered: {what}"));
            }
            (true, _) | (false, Some(_)) => {}
            (false, None) => complaints.extend(found.iter().map(|why| format!("{place}: {why}"))),
        }
    }
    complaints
}

/// A lecture on virtual time, with all that it has come to.
struct Stage {
    sim: Sim,
    played: Played,
    world: World,
}

impl Stage {
    /// At the question of a step.
    fn at(topology: &Topology, step: usize) -> Self {
        let sim = Sim::new(topology, topology.seed);
        let world = World::new(sim.topology().clone());
        let mut stage = Self { sim, played: Played::default(), world };
        for _ in 0..=((step - 1) * 3) {
            stage.beat();
        }
        stage
    }

    fn beat(&mut self) {
        assert!(self.sim.beat(LIMIT, &mut self.played), "{}", self.sim.topology().name);
    }

    fn world(&mut self) -> &World {
        for event in self.sim.log().read(self.world.position, usize::MAX).events() {
            self.world.apply(event);
        }
        &self.world
    }

    /// Lets the step run or makes a mess, restores, and lets the step run; what went wrong.
    fn again(&mut self, messy: bool) -> Vec<String> {
        let (before, shown) = (state(self.world()), clocks(self.world()));
        if messy {
            mess(&mut self.sim);
        } else {
            self.beat();
        }
        self.sim.give(Command::Restore).expect("a step has begun");
        assert_eq!(shown, clocks(self.world()), "{}", self.sim.topology().name);
        self.sim.run_until(self.sim.now() + Duration::from_secs(3));
        let after = state(self.world());
        assert_eq!(before, after, "{}", self.sim.topology().name);
        assert_eq!(self.world.steps.beat, Beat::Question);
        self.played.verdicts.clear();
        self.played.refused.clear();
        self.beat();
        let failed = self.played.verdicts.iter().filter(|it| it.judgement == Judgement::Failed);
        let failed = failed.map(|it| format!("expectation {}: {}", it.expectation + 1, it.seen));
        let refused = self.played.refused.iter().map(|why| format!("refused: {why}"));
        failed.chain(refused).collect()
    }
}
