//! The newest events in words, for panel 4: folded once as they come, so that drawing costs the same however many
//! there are.

use crate::base::{LabTime, NodeId, Owner, Peer, VisitorId};
use crate::command::Command;
use crate::event::{Event, Fact};
use crate::message::{Note, Outcome};
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

/// The newest lines.
#[derive(Debug, Clone, Default)]
pub struct Feed {
    lines: VecDeque<Line>,
    /// Lines that are gone: what a line's place is counted from.
    gone: u64,
}

/// What tells the room nothing: `n` says it by the step that begins, and visitors that are not there have no links.
fn is_noise(fact: &Fact) -> bool {
    match fact {
        Fact::CommandGiven { command, .. } => matches!(**command, Command::Next),
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
        self.push(line);
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

    /// A line of the panel's own: what is missing, what was refused.
    pub fn say(&mut self, time: LabTime, text: String, tone: Tone) {
        self.push(Line { time, race: None, text, tone, node: None });
    }

    fn push(&mut self, line: Line) {
        self.lines.push_back(line);
        if self.lines.len() > LINES_MAX {
            self.lines.pop_front();
            self.gone += 1;
        }
    }

    /// The number that the next line will have. Lines are numbered from the first that ever was.
    #[must_use]
    pub fn next(&self) -> u64 {
        self.gone + self.lines.len() as u64
    }

    /// A line by its number, while it is kept.
    #[must_use]
    pub fn line(&self, number: u64) -> Option<&Line> {
        self.lines.get(usize::try_from(number.checked_sub(self.gone)?).ok()?)
    }

    /// The lines with this word and their numbers, newest first.
    pub fn matching(&self, filter: &str) -> impl Iterator<Item = (u64, &Line)> {
        let needle = filter.to_lowercase();
        let numbered = (0..self.next()).rev().zip(self.lines.iter().rev());
        numbered.filter(move |(_, line)| {
            needle.is_empty()
                || line.text.to_lowercase().contains(&needle)
                || line.race.is_some_and(|no| format!("#{}", no.0) == needle)
        })
    }
}

fn race_of(event: &Event, node: Option<NodeId>, world: &World) -> Option<RaceNo> {
    if let (Some(node), Fact::MessageSent { to, frame, .. }) = (node, &event.fact) {
        let link = world.links.get(&(Peer::Node(node), *to));
        let mark = link.and_then(|link| link.marks.get(frame));
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
        | Fact::CommandRefused { .. }
        | Fact::ConnRefused { .. }
        | Fact::Malformed { .. }
        | Fact::FrameLost { .. }
        | Fact::LogGap { .. }
        | Fact::Noted(Note::Spinning | Note::Ejected { .. }) => Tone::Bad,
        Fact::NodeFrozen { .. }
        | Fact::NodeStopping { .. }
        | Fact::Noted(Note::Late { .. } | Note::Unmatched { .. } | Note::Overflowed { .. }) => {
            Tone::Slow
        }
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
