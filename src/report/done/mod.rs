//! What was done in a lab, by hand and by its steps, kept so that it can be written as the steps of a new lecture.
//!
//! A chapter is what was done between the question of one step and the next. Rests between commands become waits.
//! It expects of a chapter only what did not hang on how fast somebody pressed a key: how the nodes that were acted
//! on ended, and how an operation ended during which nothing else was done.

mod text;

use crate::base::{EventId, LabTime, NodeId, Owner, QuestionNo};
use crate::command::{Asked, Command, Expectation, LinkSet, StoreExpectation, Verb};
use crate::event::{Cause, Event, Fact, Life};
use crate::message::{HostName, Note, OpOutcome, Operation, Outcome, StoreNote};
use crate::topology::Topology;
use std::sync::Arc;
use std::time::Duration;

/// Commands that are kept: a lecture has some dozens, and a file of more steps is nobody's lecture any more.
pub const DEEDS_MAX: usize = 2000;

/// Commands that ask something, by their newest, whose end is waited for.
const ASKED_MAX: usize = 64;

/// What a client asked for, by its own account.
#[derive(Debug, Clone, PartialEq)]
enum Subject {
    Name(HostName),
    Operation(Operation),
}

/// How it ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    Question(Outcome),
    Operation(OpOutcome),
}

/// One command that asked, until it is known how it ended.
#[derive(Debug, Clone)]
struct Asking {
    command: EventId,
    client: NodeId,
    /// Questions that came of it so far: their number, what they ask, how they ended.
    asked: Vec<(Owner, QuestionNo, Subject, Option<End>)>,
    times: u32,
    /// Something else was done meanwhile.
    disturbed: bool,
}

/// A command that was carried out.
#[derive(Debug, Clone)]
struct Deed {
    id: EventId,
    at: LabTime,
    command: Arc<Command>,
}

/// What was done from one step's question to the next.
#[derive(Debug, Clone, Default)]
struct Chapter {
    /// The step; 0 before the first.
    step: u32,
    deeds: Vec<Deed>,
    askings: Vec<Asking>,
    /// How the nodes were when it ended.
    lives: Vec<Life>,
}

/// What was done so far.
#[derive(Debug, Clone)]
pub struct Done {
    topology: Arc<Topology>,
    chapters: Vec<Chapter>,
    lives: Vec<Life>,
    count: usize,
    /// Commands that were left out: too many, or such as mean something else the next time.
    left_out: usize,
}

impl Done {
    /// Nothing was done yet.
    #[must_use]
    pub fn new(topology: Arc<Topology>) -> Self {
        let lives = vec![Life::Off; topology.nodes.len()];
        Self { topology, chapters: vec![Chapter::default()], lives, count: 0, left_out: 0 }
    }

    /// Whether there is nothing to write.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Takes one event.
    pub fn observe(&mut self, event: &Event) {
        match &event.fact {
            Fact::CommandGiven { command, .. } => self.given(event, command),
            Fact::CommandRefused { .. } => self.refused(event.cause),
            Fact::StepBegan { step } => self.turn_page(*step),
            Fact::StepRestored { step } => self.forget(*step),
            Fact::Noted(note) => {
                if let Owner::Node(node, _) = event.id.owner {
                    self.noted(event, node, note);
                }
            }
            fact => self.lived(fact),
        }
    }

    fn chapter(&mut self) -> &mut Chapter {
        if self.chapters.is_empty() {
            self.chapters.push(Chapter::default());
        }
        let last = self.chapters.len() - 1;
        &mut self.chapters[last]
    }

    fn given(&mut self, event: &Event, command: &Arc<Command>) {
        match keeping(command) {
            Keeping::No => return,
            Keeping::LeftOut => {
                self.left_out += 1;
                return;
            }
            Keeping::Yes if self.count >= DEEDS_MAX => {
                self.left_out += 1;
                return;
            }
            Keeping::Yes => {}
        }
        self.count += 1;
        let chapter = self.chapter();
        chapter.askings.iter_mut().for_each(Asking::is_disturbed);
        chapter.deeds.push(Deed { id: event.id, at: event.time, command: command.clone() });
        if let Command::Query { client, times, .. } | Command::Operate { client, times, .. } =
            **command
            && chapter.askings.len() < ASKED_MAX
        {
            let asked = Vec::new();
            let asking = Asking { command: event.id, client, asked, times, disturbed: false };
            chapter.askings.push(asking);
        }
    }

    /// What was refused was not done.
    fn refused(&mut self, cause: Cause) {
        let Cause::Event(id) = cause else { return };
        let chapter = self.chapter();
        let before = chapter.deeds.len();
        chapter.deeds.retain(|deed| deed.id != id);
        chapter.askings.retain(|asking| asking.command != id);
        let gone = before - chapter.deeds.len();
        self.count -= gone;
    }

    fn turn_page(&mut self, step: u32) {
        let lives = self.lives.clone();
        self.chapter().lives = lives;
        if self.chapters.last().is_some_and(|chapter| chapter.deeds.is_empty()) {
            self.chapters.pop();
        }
        self.chapters.push(Chapter { step, ..Chapter::default() });
    }

    /// Everything is as it was when this step began: what was done since was not done.
    fn forget(&mut self, step: u32) {
        if step == 0 {
            self.chapters.clear();
        }
        let chapter = self.chapter();
        chapter.deeds.clear();
        chapter.askings.clear();
        self.count = self.chapters.iter().map(|chapter| chapter.deeds.len()).sum();
    }

    fn noted(&mut self, event: &Event, node: NodeId, note: &Note) {
        let owner = event.id.owner;
        match note {
            Note::Asked { question, name, .. } => {
                self.asks(event, node, (*question, Subject::Name(name.clone())));
            }
            Note::Store(StoreNote::Requested { request, operation, .. }) => {
                self.asks(event, node, (*request, Subject::Operation(operation.clone())));
            }
            Note::Decided { question, outcome, .. } => {
                self.ends(owner, *question, End::Question(*outcome));
            }
            Note::Store(StoreNote::Concluded { request, outcome, .. }) => {
                self.ends(owner, *request, End::Operation(*outcome));
            }
            _ => {}
        }
    }

    fn asks(&mut self, event: &Event, node: NodeId, (number, subject): (QuestionNo, Subject)) {
        let Cause::Event(cause) = event.cause else { return };
        let of_it = |asking: &&mut Asking| asking.command == cause && asking.client == node;
        if let Some(asking) = self.chapter().askings.iter_mut().find(of_it) {
            asking.asked.push((event.id.owner, number, subject, None));
        }
    }

    fn ends(&mut self, owner: Owner, number: QuestionNo, end: End) {
        let all = self.chapter().askings.iter_mut().flat_map(|asking| &mut asking.asked);
        let mut its = all.filter(|(whose, question, ..)| *whose == owner && *question == number);
        if let Some((.., ended)) = its.next() {
            *ended = Some(end);
        }
    }

    fn lived(&mut self, fact: &Fact) {
        let (node, life) = match fact {
            Fact::NodeBooted { node, .. } | Fact::NodeThawed { node } => (node, Life::Up),
            Fact::NodeKilled { node } => (node, Life::Killed),
            Fact::NodeCrashed { node, .. } => (node, Life::Crashed),
            Fact::NodePoweredOff { node } => (node, Life::PoweredOff),
            Fact::NodeCorrupt { node, .. } => (node, Life::Corrupt),
            Fact::NodeFrozen { node } => (node, Life::Frozen),
            Fact::NodeStopping { node } => (node, Life::Stopping),
            Fact::NodeStopped { node } => (node, Life::Stopped),
            _ => return,
        };
        if let Some(known) = self.lives.get_mut(node.index()) {
            *known = life;
        }
    }
}

impl Asking {
    fn is_over(&self) -> bool {
        self.asked.len() == self.times as usize && self.asked.iter().all(|asked| asked.3.is_some())
    }

    /// Something else is done: what has not ended by now may end otherwise the next time.
    fn is_disturbed(&mut self) {
        self.disturbed |= !self.is_over();
    }

    /// What can be expected of it the next time.
    fn expectation(&self, within: Duration) -> Option<Expectation> {
        let (.., subject, end) = self.asked.first()?;
        let same = |asked: &(Owner, QuestionNo, Subject, Option<End>)| asked.3 == *end;
        if self.disturbed || !self.is_over() || !self.asked.iter().all(same) {
            return None;
        }
        let client = self.client;
        Some(match (subject, (*end)?) {
            (Subject::Name(name), End::Question(outcome)) => Expectation::QueryEnds {
                client,
                name: Some(name.clone()),
                outcome,
                from: None,
                address: None,
                after: None,
                within,
            },
            (Subject::Operation(operation), End::Operation(outcome)) => {
                let place = operation.place().clone();
                let asked = Some(Asked { verb: Verb::of(operation), place });
                let (from, text, after) = (None, None, None);
                let what = StoreExpectation::OpEnds { client, asked, outcome, from, text, after };
                Expectation::Store { what, within }
            }
            _ => return None,
        })
    }
}

/// What becomes of a command when a lecture is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Keeping {
    Yes,
    /// It would mean something else the next time: visitors come and go, frames have other numbers.
    LeftOut,
    /// It leads the lecture or the clock, and changes nothing in the lab.
    No,
}

fn keeping(command: &Command) -> Keeping {
    let links = match command {
        Command::Speed(_)
        | Command::Pace { .. }
        | Command::Pause
        | Command::Resume
        | Command::Tick
        | Command::Wait(_)
        | Command::Next
        | Command::Goto(_)
        | Command::Flip
        | Command::Restore
        | Command::Mark(_)
        | Command::Quit => return Keeping::No,
        Command::Drop(..) | Command::Release(_, Some(_)) => return Keeping::LeftOut,
        Command::Cut(links)
        | Command::CutOnly(links)
        | Command::Uncut(links)
        | Command::Heal(links)
        | Command::Hold(links)
        | Command::Release(links, None)
        | Command::Delay(links, _)
        | Command::Jitter(links, ..)
        | Command::Loss(links, _)
        | Command::Duplicate(links, _)
        | Command::Reorder(links, _)
        | Command::Bandwidth(links, _) => links,
        _ => return Keeping::Yes,
    };
    match links {
        LinkSet::One(a, b) | LinkSet::Both(a, b) if text::is_one_visitor(*a, *b) => {
            Keeping::LeftOut
        }
        _ => Keeping::Yes,
    }
}

/// The node whose life a command is about.
fn touched(command: &Command) -> Option<NodeId> {
    match command {
        Command::Kill(node)
        | Command::Crash(node)
        | Command::PowerOff(node)
        | Command::Freeze(node)
        | Command::Thaw(node)
        | Command::Revive(node)
        | Command::Stop(node)
        | Command::Wipe(node) => Some(*node),
        _ => None,
    }
}
