//! A store on virtual time with its auditor beside it: a lab from the text of a file, commands in a person's words, and
//! after every stretch of time what the program itself says of the store.

use faultlab::base::{LabTime, NodeId};
use faultlab::check::{Audit, Figures, Group, ReplicaState};
use faultlab::command::{Command, grammar};
use faultlab::event::Event;
use faultlab::message::{OpOutcome, Operation};
use faultlab::sim::{Maker, Sim};
use faultlab::topology::{self, Bundled, Topology};
use std::time::Duration;

/// How finely time is looked at while something is waited for.
const GLANCE: Duration = Duration::from_millis(5);

pub const fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// A topology from its text.
pub fn read(text: &str) -> Topology {
    let loaded = topology::load_text("replicas.toml", text, &Bundled);
    let mut topology = loaded.unwrap_or_else(|problems| panic!("{problems}\n{text}")).topology;
    topology.auto_pace = false;
    topology
}

/// A lab of one seed with its auditor.
pub struct Stage {
    pub sim: Sim,
    pub audit: Audit,
    /// What was done, in words, with the time.
    pub deeds: Vec<String>,
    next: u64,
}

impl Stage {
    pub fn new(text: &str, seed: u64) -> Self {
        Self::of(Sim::new(&read(text), seed))
    }

    /// With machines of the test's own.
    pub fn with_machines(text: &str, seed: u64, maker: Maker) -> Self {
        Self::of(Sim::with_machines(&read(text), seed, maker))
    }

    pub fn of(sim: Sim) -> Self {
        let audit = Audit::new(sim.topology().clone());
        Self { sim, audit, deeds: Vec::new(), next: 0 }
    }

    pub fn id(&self, name: &str) -> NodeId {
        self.sim.topology().names.id(name).unwrap_or_else(|| panic!("no node {name}"))
    }

    pub fn now(&self) -> LabTime {
        self.sim.now()
    }

    /// Lets time pass, and folds what happened.
    pub fn run(&mut self, span: Duration) {
        let until = self.sim.now() + span;
        self.sim.run_until(until);
        let tail = self.sim.log().read(self.next, usize::MAX);
        assert_eq!(tail.missing, 0, "the log keeps a whole run");
        for event in tail.events() {
            self.audit.apply(event);
        }
        self.next = tail.next;
    }

    /// Lets time pass until it holds. False if it does not within this time.
    pub fn runs_until(&mut self, within: Duration, holds: impl Fn(&Self) -> bool) -> bool {
        let limit = self.sim.now() + within;
        while !holds(self) {
            if self.sim.now() >= limit {
                return false;
            }
            self.run(GLANCE);
        }
        true
    }

    /// The same, where it must.
    pub fn until(&mut self, what: &str, within: Duration, holds: impl Fn(&Self) -> bool) {
        let from = self.sim.now();
        assert!(
            self.runs_until(within, holds),
            "from {from} not within {within:?}: {what}\n{self}"
        );
    }

    /// A command in words. False if it is refused.
    pub fn give(&mut self, words: &str) -> bool {
        let names = &self.sim.topology().names;
        let command =
            grammar::command(words, names).unwrap_or_else(|error| panic!("{words}: {error}"));
        self.carry_out(command, words)
    }

    fn carry_out(&mut self, command: Command, words: &str) -> bool {
        let refused = self.sim.give(command).err();
        let mark = refused.as_ref().map_or(String::new(), |why| format!("  (refused: {why})"));
        self.deeds.push(format!("{}  {words}{mark}", self.sim.now()));
        self.run(Duration::ZERO);
        refused.is_none()
    }

    /// Begins an operation of a client.
    pub fn begin(&mut self, client: &str, words: &str) {
        let operation =
            grammar::operation(words).unwrap_or_else(|error| panic!("{words}: {error}"));
        let client_id = self.id(client);
        let command = Command::Operate { client: client_id, operation, times: 1 };
        assert!(self.carry_out(command, &format!("{client}: {words}")));
    }

    /// Does an operation and waits for its end.
    pub fn operate(&mut self, client: &str, words: &str) -> OpOutcome {
        let ended = |stage: &Self| stage.figures().ended.iter().sum::<u64>();
        let before = ended(self);
        self.begin(client, words);
        self.until(words, Duration::from_secs(30), |stage| ended(stage) > before);
        let operation = grammar::operation(words).expect("it was read before");
        self.last(&operation)
    }

    fn last(&self, operation: &Operation) -> OpOutcome {
        let group = self.group();
        let op = group.ops().rev().find(|op| op.operation == *operation).expect("it was asked");
        op.ended.as_ref().expect("it has ended").outcome
    }

    /// The store, where there is one.
    pub fn group(&self) -> &Group {
        self.audit.groups().next().expect("there is a store")
    }

    pub fn figures(&self) -> Figures {
        self.audit.figures()
    }

    pub fn replica(&self, name: &str) -> &ReplicaState {
        self.audit.replica(self.id(name)).expect("it is a replica")
    }

    /// Who leads, in truth.
    pub fn leaders(&self) -> Vec<NodeId> {
        self.group().leaders().map(|replica| replica.id).collect()
    }

    /// Every replica runs, and all hold the same in the same order.
    pub fn is_in_step(&self) -> bool {
        let replicas = &self.group().replicas;
        replicas.iter().all(|replica| replica.runs() && replica.have == replicas[0].have)
    }

    /// No operation of a client is open.
    pub fn is_quiet(&self) -> bool {
        self.group()
            .ops()
            .all(|op| op.asker.is_none() || op.ended.is_some() || op.orphaned.is_some())
    }

    /// Everything that happened.
    pub fn events(&self) -> Vec<Event> {
        self.sim.log().read(0, usize::MAX).events().cloned().collect()
    }
}

impl std::fmt::Display for Stage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        writeln!(f, "what was done:")?;
        for deed in &self.deeds {
            writeln!(f, "  {deed}")?;
        }
        writeln!(f, "{}: {:?}", self.sim.now(), self.figures())?;
        for replica in &self.group().replicas {
            let (name, have) = (self.sim.topology().names.of(replica.id), replica.have);
            let (life, part) = (replica.life, replica.part);
            writeln!(
                f,
                "  {name} {life:?} {part:?} term {} at {} {}",
                replica.term, have.at, have.digest
            )?;
        }
        Ok(())
    }
}
