//! What the speaker reads on a screen of their own: the note, the question, the answer, the next step, the clock.
//!
//! A fold of the log and nothing else; it is sent as one JSON object a line, so that a second program can show it.

use crate::base::LabTime;
use crate::command::grammar;
use crate::event::{ClockState, Event, Fact, Judgement};
use crate::topology::{Step, Topology};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// The version of the lines' shape; it grows when a key changes its meaning.
pub const NOTES_FORMAT: u32 = 1;

/// The beats of a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NotesBeat {
    /// No step has begun.
    #[default]
    Before,
    /// The room sees the question.
    Question,
    /// The commands were given.
    Runs,
    /// The room sees the answer.
    Answer,
}

/// One expectation of the present step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NotesMark {
    /// Its words.
    pub words: String,
    /// Whether it held; none while it is not judged.
    pub held: Option<bool>,
}

/// The speaker's sheet at one moment.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Notes {
    /// The version of this shape.
    pub v: u32,
    /// The topology's name.
    pub topology: String,
    /// Its title.
    pub title: String,
    /// What it teaches.
    pub lesson: String,
    /// The present step, from 1; 0 before the first.
    pub step: u32,
    /// How many steps there are.
    pub steps: u32,
    /// Its beat.
    pub beat: NotesBeat,
    /// The note.
    pub say: String,
    /// The question to the room.
    pub ask: Option<String>,
    /// Its answer, which the room may not see yet.
    pub reveal: Option<String>,
    /// What will be done, or was done, in words.
    pub commands: Vec<String>,
    /// The expectations.
    pub marks: Vec<NotesMark>,
    /// The note of the step after this one.
    pub next: Option<String>,
    /// Lab time, in milliseconds.
    pub lab_ms: u64,
    /// Time on the wall since the lab started, in milliseconds.
    pub elapsed_ms: u64,
    /// Whether the world stands still.
    pub paused: bool,
    /// Lab seconds for each second on the wall.
    pub rate: f64,
}

/// The fold that the sheet is made from.
#[derive(Debug, Clone)]
pub struct Prompter {
    topology: Arc<Topology>,
    step: u32,
    beat: NotesBeat,
    judged: Vec<Option<bool>>,
    clock: ClockState,
}

impl Prompter {
    /// Before the first event.
    #[must_use]
    pub fn new(topology: Arc<Topology>) -> Self {
        let clock = ClockState { rate: 1.0, paused: false, auto: topology.auto_pace };
        Self { topology, step: 0, beat: NotesBeat::Before, judged: Vec::new(), clock }
    }

    /// Takes one event; gives whether the sheet says something else now.
    pub fn observe(&mut self, event: &Event) -> bool {
        match &event.fact {
            Fact::StepBegan { step } | Fact::StepRestored { step } => {
                self.step = *step;
                self.beat = if *step == 0 { NotesBeat::Before } else { NotesBeat::Question };
                self.judged = vec![None; self.at(*step).map_or(0, |step| step.expect.len())];
            }
            Fact::StepRan { .. } => self.beat = NotesBeat::Runs,
            Fact::StepEnded { .. } => self.beat = NotesBeat::Answer,
            Fact::ExpectationJudged { step, expectation, judgement, .. } => {
                if *step == self.step
                    && let Some(mark) = self.judged.get_mut(*expectation as usize)
                {
                    *mark = Some(*judgement == Judgement::Passed);
                }
            }
            Fact::ClockSet(clock) => {
                let seen = clock.paused != self.clock.paused;
                self.clock = *clock;
                return seen;
            }
            _ => return false,
        }
        true
    }

    fn at(&self, step: u32) -> Option<&Step> {
        self.topology.steps.get((step as usize).checked_sub(1)?)
    }

    /// The sheet at this moment.
    #[must_use]
    pub fn sheet(&self, now: LabTime, elapsed_ms: u64) -> Notes {
        let topology = &self.topology;
        let step = self.at(self.step);
        let words = |step: &Step| -> Vec<String> {
            step.commands.iter().map(|it| grammar::words(it, &topology.names)).collect()
        };
        let marks = |step: &Step| -> Vec<NotesMark> {
            let judged = self.judged.iter().copied().chain(std::iter::repeat(None));
            let mark = |(expectation, held)| NotesMark {
                words: grammar::expectation_words(expectation, &topology.names),
                held,
            };
            step.expect.iter().zip(judged).map(mark).collect()
        };
        Notes {
            v: NOTES_FORMAT,
            topology: topology.name.clone(),
            title: topology.title.clone(),
            lesson: topology.lesson.clone(),
            step: self.step,
            steps: u32::try_from(topology.steps.len()).unwrap_or(u32::MAX),
            beat: self.beat,
            say: step.map_or_else(String::new, |step| step.say.clone()),
            ask: step.and_then(|step| step.ask.clone()),
            reveal: step.and_then(|step| step.reveal.clone()),
            commands: step.map_or_else(Vec::new, words),
            marks: step.map_or_else(Vec::new, marks),
            next: self.at(self.step + 1).map(|step| step.say.clone()),
            lab_ms: now.0 / 1_000_000,
            elapsed_ms,
            paused: self.clock.paused,
            rate: self.clock.rate,
        }
    }
}
