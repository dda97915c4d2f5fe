//! The lecture: each line of a step is read by the grammar of commands, and checked against the
//! topology.

use crate::base::{NodeId, Shown};
use crate::command::{Command, Expectation, GrammarError, grammar};
use crate::message::HostName;
use crate::topology::mirror::RawTable;
use crate::topology::model::{Kind, Role, Step, Topology};
use crate::topology::problem::{Problems, Span};
use crate::topology::raw;
use crate::topology::setting;
use crate::topology::value::{At, OneOrMore};
use crate::topology::words::{a_role, quoted};

/// More steps than any lecture has.
const STEPS_MAX: usize = 500;

type Lines = Option<At<OneOrMore<String>>>;

/// The steps of a file. The topology has everything but them.
pub fn resolve(file: &raw::File, topology: &Topology, problems: &mut Problems) -> Vec<Step> {
    let steps = file.steps.as_ref().map_or(&[][..], |steps| &steps.value);
    if let Some(beyond) = steps.get(STEPS_MAX) {
        problems
            .error(beyond.at, format!("there are {} steps", steps.len()))
            .help(format!("a lecture has at most {STEPS_MAX}"));
    }
    let mut reader = Reader { topology, problems };
    steps.iter().take(STEPS_MAX).map(|step| reader.step(step)).collect()
}

struct Reader<'a> {
    topology: &'a Topology,
    problems: &'a mut Problems,
}

impl Reader<'_> {
    fn step(&mut self, step: &At<raw::Step>) -> Step {
        let raw = &step.value;
        if raw.stated().is_empty() && raw.bad.is_empty() {
            self.problems
                .error(step.at, "this step is empty")
                .help("add `say`, `ask`, `do` or `expect`");
        }
        for (one, other) in [("confessed", "repaired"), ("repaired", "confessed")] {
            if raw.states(one) && !raw.states(other) {
                self.problems
                    .error(step.at, format!("this step has `{one}` and no `{other}`"))
                    .help("flipping needs both: what brings the mistake back, and what mends it");
            }
        }
        let text = |value: &Option<At<String>>| value.as_ref().map(|text| text.value.clone());
        Step {
            say: text(&raw.say).unwrap_or_default(),
            ask: text(&raw.ask),
            reveal: text(&raw.reveal),
            commands: self.commands(&raw.commands),
            expect: self.expectations(&raw.expect),
            confessed: self.commands(&raw.confessed),
            repaired: self.commands(&raw.repaired),
            remembered: text(&raw.remembered),
        }
    }

    fn commands(&mut self, lines: &Lines) -> Vec<Command> {
        let mut commands = Vec::new();
        for line in lines.iter().flat_map(|lines| &lines.value.0) {
            match grammar::command(&line.value, &self.topology.names) {
                Ok(command) => {
                    self.check(&command, line);
                    commands.push(command);
                }
                Err(error) => self.grammar(line, &error),
            }
        }
        commands
    }

    fn expectations(&mut self, lines: &Lines) -> Vec<Expectation> {
        let mut expectations = Vec::new();
        for line in lines.iter().flat_map(|lines| &lines.value.0) {
            match grammar::expectation(&line.value, &self.topology.names) {
                Ok(expectation) => expectations.push(expectation),
                Err(error) => self.grammar(line, &error),
            }
        }
        expectations
    }

    fn grammar(&mut self, line: &At<String>, error: &GrammarError) {
        let at = inside(line, &error.at, self.problems);
        self.problems.error(at, error.message.clone()).help(error.help.clone());
    }

    /// What the grammar cannot know: whether the node that is named can do it.
    fn check(&mut self, command: &Command, line: &At<String>) {
        match command {
            Command::Query { client, name, kind, .. } => {
                self.query(*client, name.as_ref(), line);
                if !kind.is_usual() && !self.topology.speaks_dns(*client) {
                    let client = quoted(self.topology.names.of(*client));
                    let help = "give the links from it `wire = \"dns\"`, or ask without a type";
                    self.refuse(line, format!("{client} does not speak DNS, only lines"), help);
                }
            }
            Command::Batch { client } => self.batch(*client, line),
            Command::Load { client, per_kilosecond: 0 } => {
                self.is_client(*client, line);
            }
            Command::Load { client, .. } => self.asks(*client, "is a load of nothing", line),
            Command::Operate { client, .. } => self.operates(*client, line),
            Command::Wipe(node) => self.wipe(*node, line),
            Command::Lie(node, _) => {
                self.runs_here(*node, line);
                let role = self.topology.node(*node).role();
                if !matches!(role, Role::Ts | Role::Replica) {
                    let help = "only a TS has a table that it could misread, and a replica a store";
                    self.refuse(line, format!("{} answers nothing itself", a_role(role)), help);
                }
            }
            Command::Set { node, key, value } => {
                self.runs_here(*node, line);
                if let Err(why) = setting::parse(self.topology, *node, key, value) {
                    let help = "write the value as in the file, without quotes";
                    let (message, help) = why.split_once("; ").unwrap_or((&why, help));
                    self.refuse(line, message.to_owned(), help);
                }
            }
            Command::Kill(node)
            | Command::Crash(node)
            | Command::PowerOff(node)
            | Command::Freeze(node)
            | Command::Thaw(node)
            | Command::Revive(node)
            | Command::Stop(node)
            | Command::Skew(node, _)
            | Command::Drift(node, _) => self.runs_here(*node, line),
            _ => {}
        }
    }

    fn wipe(&mut self, node: NodeId, line: &At<String>) {
        let role = self.topology.node(node).role();
        if role != Role::Replica {
            let help = "only replicas keep anything: name one";
            self.refuse(line, format!("{} has no disk", a_role(role)), help);
        }
    }

    fn query(&mut self, client: NodeId, name: Option<&HostName>, line: &At<String>) {
        match (&self.topology.node(client).kind, name) {
            (Kind::StoreClient(_), Some(name)) => {
                let client = self.topology.names.of(client);
                let message = format!("{} keeps to a store and asks for no names", quoted(client));
                let help = format!("a store has keys: `get {client} {}`", name.as_str());
                self.refuse(line, message, Shown::short(&help, 80).as_str());
            }
            (_, None) => self.asks(client, "names nothing to ask", line),
            (_, Some(_)) => {
                self.is_client(client, line);
            }
        }
    }

    fn batch(&mut self, client: NodeId, line: &At<String>) {
        if let Kind::StoreClient(_) = &self.topology.node(client).kind {
            let client = quoted(self.topology.names.of(client));
            let help = "`query … x5` goes through the list of a client of replicas";
            return self.refuse(line, format!("{client} keeps to a store"), help);
        }
        self.asks(client, "is a batch of no names", line);
    }

    /// The node is a client with a list; `what` is the command.
    fn asks(&mut self, node: NodeId, what: &str, line: &At<String>) {
        if !self.is_client(node, line) {
            return;
        }
        let name = quoted(self.topology.names.of(node));
        let help = match &self.topology.node(node).kind {
            Kind::Client(client) if client.list.is_empty() => {
                "give the client `names`, or name what it asks"
            }
            Kind::StoreClient(client) if client.operations.is_empty() => {
                "give the client `operations`, or name what it does: put, get, post, read"
            }
            _ => return,
        };
        self.refuse(line, format!("this {what}: {name} has no list"), help);
    }

    fn operates(&mut self, node: NodeId, line: &At<String>) {
        if self.is_client(node, line) && matches!(self.topology.node(node).kind, Kind::Client(_)) {
            let name = quoted(self.topology.names.of(node));
            let help = "name a client that `asks` replicas";
            self.refuse(line, format!("{name} asks for names and knows no store"), help);
        }
    }

    fn is_client(&mut self, node: NodeId, line: &At<String>) -> bool {
        let role = self.topology.node(node).role();
        if role != Role::Client {
            let name = quoted(self.topology.names.of(node));
            let message = format!("{name} is {}, and only clients ask of themselves", a_role(role));
            self.refuse(line, message, "name a client");
        }
        role == Role::Client
    }

    fn runs_here(&mut self, node: NodeId, line: &At<String>) {
        if self.topology.node(node).at.is_some() {
            let name = quoted(self.topology.names.of(node));
            let message = format!("{name} runs elsewhere: nothing can be done to it from here");
            self.refuse(line, message, "cut or delay its links instead");
        }
    }

    fn refuse(&mut self, line: &At<String>, message: String, help: &str) {
        self.problems.error(line.at, message).help(help);
    }
}

/// The place of some bytes of a string's text in the file; the whole string where it has escapes.
pub fn inside(line: &At<String>, range: &std::ops::Range<usize>, problems: &Problems) -> Span {
    let source = problems.text(line.at.source);
    let written = source.get(line.at.start as usize..line.at.end as usize).unwrap_or_default();
    let Some(offset) = written.find(line.value.as_str()).filter(|_| !line.value.is_empty()) else {
        return line.at;
    };
    let number = |at: usize| line.at.start + u32::try_from(offset + at).unwrap_or_default();
    Span { start: number(range.start), end: number(range.end), ..line.at }
}
