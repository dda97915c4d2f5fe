//! The newest events in words, for panel 4: folded once as they come, so that drawing costs the same however many
//! there are.

use crate::base::{LabTime, NodeId, Owner, Peer, VisitorId};
use crate::command::Command;
use crate::event::{Event, Fact};
use crate::message::{BalanceNote, Message, Note, Outcome, ReplicaMessage};
use crate::report;
use crate::world::{RaceNo, World};
use std::collections::VecDeque;

/// Lines kept: some screens to scroll back; the log itself has them all.
pub const LINES_MAX: usize = 4000;
/// How far back the race of an event is looked for.
const RACES_SEARCHED: usize = 64;

/// How far back the other direction of a link is looked for: a node has some links, and all are set at once.
const FAULTS_SEARCHED: usize = 64;

/// How loud a line is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tone {
    /// As the others.
    Plain,
    /// A question on its way.
    Ask,
    /// It went well.
    Good,
    /// Late, silent, suspected.
    Slow,
    /// It died, failed or was lost.
    Bad,
    /// Somebody did it by hand.
    Hand,
}

/// One line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// When.
    pub time: LabTime,
    /// The race that it belongs to, where that is known.
    pub race: Option<RaceNo>,
    /// What happened.
    pub text: String,
    /// How loud.
    pub tone: Tone,
    /// Whose event it is.
    pub node: Option<NodeId>,
}

impl Line {
    /// The line as it is copied: time, race, words.
    #[must_use]
    pub fn words(&self) -> String {
        let race = self.race.map_or(String::new(), |no| format!("#{}", no.0));
        format!("{:>8} {race:<5} {}", self.time.to_string(), self.text)
    }

    /// Whether a word, in small letters, stands in it; or it is its race's number.
    fn has(&self, needle: &str) -> bool {
        needle.is_empty()
            || self.text.to_lowercase().contains(needle)
            || self.race.is_some_and(|no| format!("#{}", no.0) == needle)
    }
}

/// The newest lines.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Feed {
    lines: VecDeque<Line>,
}

/// What tells the room nothing: `n` says it by the step that begins, and visitors that are not there have no links.
fn is_noise(fact: &Fact) -> bool {
    match fact {
        Fact::CommandGiven { command, .. } => matches!(**command, Command::Next),
        // The strip of panel 3 shows them; here they would push everything else out.
        Fact::MessageSent { message, .. } | Fact::MessageReceived { message, .. } => matches!(
            **message,
            Message::Replica(ReplicaMessage::Beat { .. } | ReplicaMessage::Alive { .. })
        ),
        // Who set the clock has a line; what it does stands in the header all the time.
        Fact::ClockSet(_) => true,
        Fact::FaultsSet { from, to, .. } => {
            let nobody = Peer::Visitor(VisitorId::ANY);
            *from == nobody || *to == nobody
        }
        _ => false,
    }
}

impl Feed {
    /// Takes an event that the world has just folded; gives whether it made a line.
    pub fn take(&mut self, event: &Event, world: &World) -> bool {
        if is_noise(&event.fact) {
            return false;
        }
        let Some(text) = report::line(event, &world.topology.names) else { return false };
        if self.both_ways(event, &text, world) {
            return false;
        }
        let node = match event.id.owner {
            Owner::Node(node, _) => Some(node),
            Owner::Lab => None,
        };
        let line = Line {
            time: event.time,
            race: race_of(event, node, world),
            text,
            tone: tone(&event.fact),
            node,
        };
        self.lines.push_back(line);
        if self.lines.len() > LINES_MAX {
            self.lines.pop_front();
        }
        true
    }

    /// What is set on both directions at once is one line: `ls ↔ ts1  cut`.
    fn both_ways(&mut self, event: &Event, text: &str, world: &World) -> bool {
        let Fact::FaultsSet { from, to, .. } = &event.fact else { return false };
        let names = &world.topology.names;
        let (here, there) = (names.peer(*to).to_string(), names.peer(*from).to_string());
        let (this, other) = (format!("{there} → {here}"), format!("{here} → {there}"));
        let Some(words) = text.strip_prefix(&this) else { return false };
        let mut newest = self.lines.iter_mut().rev().take(FAULTS_SEARCHED);
        let mirrored = |line: &&mut Line| {
            line.time == event.time && line.text.strip_prefix(&other) == Some(words)
        };
        let Some(line) = newest.find(mirrored) else { return false };
        line.text = format!("{here} ↔ {there}{words}");
        true
    }

    /// The lines up to a moment.
    #[must_use]
    pub fn until(&self, moment: LabTime) -> Self {
        let lines = self.lines.iter().filter(|line| line.time <= moment).cloned();
        Self { lines: lines.collect() }
    }

    /// A line of the panel's own: what is missing, what was refused.
    pub fn say(&mut self, time: LabTime, text: String, tone: Tone) {
        self.lines.push_back(Line { time, race: None, text, tone, node: None });
        if self.lines.len() > LINES_MAX {
            self.lines.pop_front();
        }
    }

    /// How many lines have this word.
    #[must_use]
    pub fn count(&self, filter: &str) -> usize {
        if filter.is_empty() { self.lines.len() } else { self.matching(filter).count() }
    }

    /// Whether the newest line has this word.
    #[must_use]
    pub fn newest_has(&self, filter: &str) -> bool {
        self.lines.back().is_some_and(|line| line.has(&filter.to_lowercase()))
    }

    /// The newest lines with this word, newest first, after skipping some.
    pub fn newest<'a>(&'a self, filter: &'a str, back: usize) -> impl Iterator<Item = &'a Line> {
        self.matching(filter).skip(back)
    }

    fn matching<'a>(&'a self, filter: &'a str) -> impl Iterator<Item = &'a Line> {
        let needle = filter.to_lowercase();
        self.lines.iter().rev().filter(move |line| line.has(&needle))
    }
}

fn race_of(event: &Event, node: Option<NodeId>, world: &World) -> Option<RaceNo> {
    if let (Some(node), Fact::MessageSent { to, frame, .. }) = (node, &event.fact) {
        let link = world.links.get(&(Peer::Node(node), *to));
        let mark = link.and_then(|link| link.marks.get(*frame));
        if let Some(no) = mark.and_then(|mark| mark.race) {
            return Some(no);
        }
    }
    let question = match &event.fact {
        Fact::MessageSent { about, .. } => (*about)?,
        Fact::Noted(
            Note::Asked { question, .. }
            | Note::Took { question, .. }
            | Note::Chose { question, .. }
            | Note::Heard { question, .. }
            | Note::Decided { question, .. }
            | Note::Late { question, .. }
            | Note::BudgetSpent { question }
            | Note::WillRetry { question, .. },
        ) => *question,
        Fact::Noted(Note::Balance(note)) => note.question()?,
        _ => return None,
    };
    let node = node?;
    let newest = world.races.iter().rev().take(RACES_SEARCHED);
    newest
        .filter(|race| {
            (race.ls == Some(node) && race.ls_question == Some(question))
                || (race.asker.node() == Some(node) && race.question == Some(question))
        })
        .map(|race| race.no)
        .next()
}

fn tone(fact: &Fact) -> Tone {
    match fact {
        Fact::NodeKilled { .. }
        | Fact::NodeCrashed { .. }
        | Fact::NodePoweredOff { .. }
        | Fact::ListenFailed { .. }
        | Fact::SocketFailed { .. }
        | Fact::CommandRefused { .. }
        | Fact::ConnRefused { .. }
        | Fact::Malformed { .. }
        | Fact::Unasked { .. }
        | Fact::TurnedAway { .. }
        | Fact::FrameLost { .. }
        | Fact::LogGap { .. }
        | Fact::Noted(Note::Spinning | Note::Ejected { .. }) => Tone::Bad,
        Fact::NodeFrozen { .. }
        | Fact::NodeStopping { .. }
        | Fact::Noted(
            Note::Balance(
                BalanceNote::Hedged { .. }
                | BalanceNote::NotHedged { .. }
                | BalanceNote::Slow { .. },
            )
            | Note::Late { .. }
            | Note::Unmatched { .. }
            | Note::Overflowed { .. },
        ) => Tone::Slow,
        Fact::CommandGiven { .. } | Fact::Undone { .. } | Fact::Flipped { .. } => Tone::Hand,
        Fact::Noted(Note::Asked { .. }) => Tone::Ask,
        Fact::Noted(Note::Decided { outcome, .. } | Note::Heard { outcome, .. }) => match outcome {
            Outcome::Answered => Tone::Good,
            Outcome::Negative | Outcome::Cancelled => Tone::Plain,
            Outcome::Silent | Outcome::Late => Tone::Slow,
            Outcome::Failed | Outcome::Refused | Outcome::Reset => Tone::Bad,
        },
        Fact::NodeBooted { .. } | Fact::NodeThawed { .. } | Fact::Noted(Note::Restored { .. }) => {
            Tone::Good
        }
        _ => Tone::Plain,
    }
}
