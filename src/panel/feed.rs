//! The newest events, for panel 4: folded once as they come, so that drawing costs the same however many there are.
//!
//! A line has its words when somebody reads them: of a flood, nobody reads most.

use crate::base::{LabTime, NodeId, Owner, Peer, VisitorId};
use crate::command::Command;
use crate::event::{Event, Fact};
use crate::log::{Piece, Tail};
use crate::message::{BalanceNote, Message, Note, Outcome, ReplicaMessage};
use crate::report;
use crate::topology::Topology;
use crate::world::{RaceNo, World};
use std::cell::OnceCell;
use std::collections::VecDeque;
use std::sync::Arc;

/// Lines kept: some screens to scroll back; the log itself has them all.
const LINES_MAX: usize = 4000;
/// Events that come at once in a flood: nobody reads along, so their lines are made for the next frame alone.
pub const FLOOD: usize = 1000;
/// Lines that are made of a flood which has more than are kept: some screens, too, and gone with the next frame.
const LINES_OF_A_FLOOD: usize = 1000;
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
#[derive(Debug, Clone)]
pub struct Line {
    /// When.
    pub time: LabTime,
    /// The race that it belongs to, where that is known.
    pub race: Option<RaceNo>,
    /// How loud.
    pub tone: Tone,
    /// Whose event it is.
    pub node: Option<NodeId>,
    /// What happened, in words, once somebody has asked for them.
    text: OnceCell<String>,
    /// What the words are made of.
    event: Option<Box<Event>>,
}

impl Line {
    /// The line as it is copied: time, race, words.
    #[must_use]
    pub fn words(&self) -> String {
        let race = self.race.map_or(String::new(), |no| format!("#{}", no.0));
        format!("{:>8} {race:<5} {}", self.time.to_string(), self.text())
    }

    /// What happened. A line that its feed gives has its words.
    #[must_use]
    pub fn text(&self) -> &str {
        self.text.get().map_or("", String::as_str)
    }

    /// Gives it its words, if it has none yet.
    fn worded(&self, topology: Option<&Arc<Topology>>) -> &Self {
        if let (Some(event), Some(topology)) = (&self.event, topology) {
            let words = || report::line(event, &topology.names).unwrap_or_default();
            self.text.get_or_init(words);
        }
        self
    }

    /// Whether a word, in small letters, stands in it; or it is its race's number.
    fn has(&self, needle: &str) -> bool {
        self.text().to_lowercase().contains(needle)
            || self.race.is_some_and(|no| format!("#{}", no.0) == needle)
    }
}

/// Events that were folded and have no lines yet.
#[derive(Debug, Clone, Default)]
struct Flood {
    pieces: Vec<Piece>,
    /// How many of them have a line for certain.
    lines: usize,
}

/// The newest lines.
#[derive(Debug, Clone, Default)]
pub struct Feed {
    lines: VecDeque<Line>,
    flood: Flood,
    /// What there is by the name by which the lines call it.
    topology: Option<Arc<Topology>>,
}

impl PartialEq for Feed {
    fn eq(&self, other: &Self) -> bool {
        let read = |line: &Line| (line.time, line.race, line.tone, line.node);
        let same = |(one, two): (&Line, &Line)| read(one) == read(two) && one.text() == two.text();
        self.lines.len() == other.lines.len()
            && self.newest("", 0).zip(other.newest("", 0)).all(same)
    }
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

/// Whether it makes a line for certain.
pub fn surely_has_line(event: &Event) -> bool {
    report::has_line(event) == Some(true) && !is_noise(&event.fact)
}

impl Feed {
    /// Takes an event that the world has just folded; gives whether it made a line.
    pub fn take(&mut self, event: &Event, world: &World) -> bool {
        if is_noise(&event.fact) {
            return false;
        }
        self.follow(&world.topology);
        let text = OnceCell::new();
        match report::has_line(event) {
            Some(true) => {}
            Some(false) => return false,
            None => {
                let Some(words) = report::line(event, &world.topology.names) else { return false };
                if self.both_ways(event, &words, world) {
                    return false;
                }
                text.get_or_init(|| words);
            }
        }
        let node = match event.id.owner {
            Owner::Node(node, _) => Some(node),
            Owner::Lab => None,
        };
        let later = text.get().is_none().then(|| Box::new(event.clone()));
        let race = race_of(event, node, world);
        let tone = tone(&event.fact);
        self.add(Line { time: event.time, race, tone, node, text, event: later });
        true
    }

    /// Whether events wait for their lines.
    #[must_use]
    pub fn is_behind(&self) -> bool {
        !self.flood.pieces.is_empty()
    }

    /// These events wait for their lines, so many of them at least.
    pub fn defer(&mut self, tail: Tail, lines: usize) {
        self.flood.pieces.extend(tail.pieces);
        self.flood.lines += lines;
    }

    /// The events that wait, from the first that is to have a line on. If they have more lines than there is room for,
    /// only the newest are to be made, and what was there before goes, as it would have anyway: between two lines none
    /// is missing.
    pub fn end_flood(&mut self) -> Vec<Piece> {
        let Flood { mut pieces, lines } = std::mem::take(&mut self.flood);
        if lines <= LINES_MAX {
            return pieces;
        }
        self.lines.clear();
        let mut left = LINES_OF_A_FLOOD;
        let of = |piece: &Piece| piece.events().iter().filter(|it| surely_has_line(it)).count();
        let first = pieces.iter().rposition(|piece| {
            left = left.saturating_sub(of(piece));
            left == 0
        });
        pieces.drain(..first.unwrap_or(0));
        pieces
    }

    fn add(&mut self, line: Line) {
        self.lines.push_back(line);
        if self.lines.len() > LINES_MAX {
            self.lines.pop_front();
        }
    }

    /// The file may have another edition: what happened before it keeps the names that it had.
    fn follow(&mut self, topology: &Arc<Topology>) {
        if self.topology.as_ref().is_some_and(|mine| Arc::ptr_eq(mine, topology)) {
            return;
        }
        for line in &self.lines {
            line.worded(self.topology.as_ref());
        }
        self.topology = Some(topology.clone());
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
            line.time == event.time && line.text().strip_prefix(&other) == Some(words)
        };
        let Some(line) = newest.find(mirrored) else { return false };
        line.text = OnceCell::from(format!("{here} ↔ {there}{words}"));
        true
    }

    /// The lines before a moment.
    #[must_use]
    pub fn before(&self, moment: LabTime) -> Self {
        let lines = self.lines.iter().filter(|line| line.time < moment).cloned();
        Self { lines: lines.collect(), topology: self.topology.clone(), flood: Flood::default() }
    }

    /// A line of the panel's own: what is missing, what was refused.
    pub fn say(&mut self, time: LabTime, text: String, tone: Tone) {
        let text = OnceCell::from(text);
        self.add(Line { time, race: None, tone, node: None, text, event: None });
    }

    /// How many lines have this word.
    #[must_use]
    pub fn count(&self, filter: &str) -> usize {
        if filter.is_empty() { self.lines.len() } else { self.matching(filter).count() }
    }

    /// Whether the newest line has this word.
    #[must_use]
    pub fn newest_has(&self, filter: &str) -> bool {
        if filter.is_empty() {
            return !self.lines.is_empty();
        }
        let newest = self.lines.back().map(|line| line.worded(self.topology.as_ref()));
        newest.is_some_and(|line| line.has(&filter.to_lowercase()))
    }

    /// The newest lines with this word, newest first, after skipping some.
    pub fn newest<'a>(&'a self, filter: &'a str, back: usize) -> impl Iterator<Item = &'a Line> {
        self.matching(filter).skip(back).map(|line| line.worded(self.topology.as_ref()))
    }

    /// The newest lines about a node, newest first.
    pub fn newest_of(&self, node: NodeId) -> impl Iterator<Item = &Line> {
        let lines = self.lines.iter().rev().filter(move |line| line.node == Some(node));
        lines.map(|line| line.worded(self.topology.as_ref()))
    }

    fn matching<'a>(&'a self, filter: &'a str) -> impl Iterator<Item = &'a Line> {
        let needle = filter.to_lowercase();
        let has = move |line: &&Line| {
            needle.is_empty() || line.worded(self.topology.as_ref()).has(&needle)
        };
        self.lines.iter().rev().filter(has)
    }
}

fn race_of(event: &Event, node: Option<NodeId>, world: &World) -> Option<RaceNo> {
    let question = match &event.fact {
        // A server's answer is of the race, too.
        Fact::MessageSent { about, .. } => return world.race_of(node?, (*about)?),
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
    world.race_asked(node?, question)
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
