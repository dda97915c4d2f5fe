//! Steps: events and the time go in, commands and verdicts come out. Pure; both worlds and every mode drive it.
//!
//! It keeps its own small fold of the log (`tally`) and names neither the world nor a host.

mod judge;
mod ledger;
mod recent;
mod rush;
mod store;
mod tally;
#[cfg(test)]
mod tests;

use crate::base::LabTime;
use crate::command::{Command, Expectation};
use crate::event::{Event, Fact, Judgement};
use crate::topology::{Change, Step, Topology};
use std::collections::VecDeque;
use std::sync::Arc;
use tally::Tally;

/// What the script wants.
#[derive(Debug, Clone, PartialEq)]
pub enum Order {
    /// Give this command, with `Hand::Step`.
    Give(Command),
    /// Record this fact (`StepBegan`, `ExpectationJudged`, …).
    Record(Fact),
}

/// The beats of a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Beat {
    Before,
    Question,
    Running,
    Answer,
}

/// An expectation that waits for its judgement.
#[derive(Debug)]
struct Pending {
    index: u32,
    expectation: Expectation,
    limit: LabTime,
    /// What came nearest so far, for the sentence of a failure.
    nearest: Option<String>,
}

/// The commands and expectations of a step that is running.
#[derive(Debug)]
struct Run {
    began: LabTime,
    left: VecDeque<Command>,
    /// When the commands go on after a `wait`.
    resume: Option<LabTime>,
    pending: Vec<Pending>,
    /// Whether the first commands have taken effect: before that, what holds still holds from before.
    watching: bool,
}

/// The lecture of a topology, on its way through the steps.
#[derive(Debug)]
pub struct Script {
    topology: Arc<Topology>,
    beat: Beat,
    /// The present step, from 1; 0 before the first.
    step: u32,
    repaired: bool,
    run: Option<Run>,
    tally: Tally,
    ready: Vec<Order>,
}

impl Script {
    /// A lecture before its first step.
    #[must_use]
    pub fn new(topology: Arc<Topology>) -> Self {
        let tally = Tally::new(topology.clone());
        Self {
            topology,
            beat: Beat::Before,
            step: 0,
            repaired: false,
            run: None,
            tally,
            ready: Vec::new(),
        }
    }

    /// The next beat: from nothing to the question of step 1, from the question to the commands, from those to the
    /// answer, from the answer to the next question.
    ///
    /// Whoever goes on before everything is judged loses nothing at once: judging and commands after a `wait` go on
    /// while the answer is shown. The next question ends that: commands that still wait are given without waiting,
    /// so that the lab is as the next step relies on, and what is not judged stays unjudged.
    pub fn next(&mut self, now: LabTime) -> Vec<Order> {
        let mut orders = self.poll(now);
        match self.beat {
            Beat::Before | Beat::Answer => {
                if self.step as usize >= self.topology.steps.len() {
                    return orders;
                }
                let left = self.run.take().map(|run| run.left).unwrap_or_default();
                let left = left.into_iter().filter(|command| !matches!(command, Command::Wait(_)));
                orders.extend(left.map(Order::Give));
                self.step += 1;
                self.repaired = self.present().and_then(Step::leaves_repaired).unwrap_or(false);
                self.beat = Beat::Question;
                orders.push(Order::Record(Fact::StepBegan { step: self.step }));
            }
            Beat::Question => {
                self.begin(now);
                self.go_on(now, &mut orders);
                orders.push(Order::Record(Fact::StepRan { step: self.step }));
            }
            Beat::Running => {
                self.beat = Beat::Answer;
                orders.push(Order::Record(Fact::StepEnded { step: self.step }));
            }
        }
        orders
    }

    /// On to the question of a later step. What the steps before it do to the lab is done at once: their commands
    /// without the waits, and without what clients ask.
    ///
    /// # Errors
    /// A sentence if there is no such step, or if it has begun.
    pub fn go_to(&mut self, step: u32, now: LabTime) -> Result<Vec<Order>, String> {
        let count = self.topology.steps.len();
        if step == 0 || step as usize > count {
            return Err(format!("there is no step {step}: this lecture has {count}"));
        }
        if step <= self.step {
            return Err(format!(
                "step {step} has begun already: `restore` begins step {} again",
                self.step
            ));
        }
        let mut orders = self.poll(now);
        let mut commands: Vec<Command> =
            self.run.take().map(|run| run.left).into_iter().flatten().collect();
        let ran = usize::from(matches!(self.beat, Beat::Running | Beat::Answer));
        let first = (self.step as usize + ran).saturating_sub(1);
        for skipped in &self.topology.steps[first..step as usize - 1] {
            commands.extend(skipped.commands.iter().cloned());
        }
        orders.extend(commands.into_iter().filter(sets_the_lab).map(Order::Give));
        self.step = step;
        self.repaired = self.present().and_then(Step::leaves_repaired).unwrap_or(false);
        self.beat = Beat::Question;
        orders.push(Order::Record(Fact::StepBegan { step }));
        Ok(orders)
    }

    fn present(&self) -> Option<&Step> {
        self.topology.steps.get((self.step as usize).checked_sub(1)?)
    }

    fn begin(&mut self, now: LabTime) {
        self.beat = Beat::Running;
        self.tally.begin(now);
        let Some(step) = self.present() else { return };
        let pending = step.expect.iter().zip(0..).map(|(expectation, index)| Pending {
            index,
            expectation: expectation.clone(),
            limit: now + expectation.within(),
            nearest: None,
        });
        let pending = pending.collect();
        let left = step.commands.iter().cloned().collect();
        // What was flipped before the run is what the commands leave now, where they say so.
        let repaired = step.leaves_repaired().unwrap_or(self.repaired);
        self.repaired = repaired;
        self.run = Some(Run { began: now, left, resume: None, pending, watching: false });
    }

    /// Gives commands up to the next `wait` that is not over.
    fn go_on(&mut self, mut from: LabTime, orders: &mut Vec<Order>) {
        let Some(run) = &mut self.run else { return };
        if let Some(resume) = run.resume.take() {
            from = resume;
        }
        while let Some(command) = run.left.pop_front() {
            if let Command::Wait(time) = command {
                run.resume = Some(from + time);
                return;
            }
            orders.push(Order::Give(command));
        }
    }

    /// Flips the present step between confessed and repaired.
    ///
    /// # Errors
    /// A sentence if the step has nothing to flip.
    pub fn flip(&mut self, _now: LabTime) -> Result<Vec<Order>, String> {
        let step = self.present().ok_or("no step has begun: `next` begins the first")?;
        if step.confessed.is_empty() && step.repaired.is_empty() {
            return Err(format!("step {} has nothing to flip", self.step));
        }
        let repaired = !self.repaired;
        let commands = if repaired { &step.repaired } else { &step.confessed };
        let mut orders: Vec<Order> = commands.iter().cloned().map(Order::Give).collect();
        orders.push(Order::Record(Fact::Flipped { step: self.step, repaired }));
        self.repaired = repaired;
        Ok(orders)
    }

    /// The lecture is another from now on, and keeps its place: the number of the step. What runs of a step whose
    /// commands or expectations are others now is not judged any further.
    fn take(&mut self, changes: &[Change]) {
        let before = self.topology.clone();
        let topology = Arc::make_mut(&mut self.topology);
        for change in changes {
            topology.take(change);
        }
        if changes.iter().any(|change| change.touches_step(self.step, &before.steps))
            && let Some(run) = &mut self.run
        {
            run.pending.clear();
        }
        let count = self.topology.steps.len();
        if self.step as usize > count {
            self.step = count as u32;
            self.beat = if count == 0 { Beat::Before } else { Beat::Answer };
        }
    }

    /// Takes one event: it may fulfil or break an expectation.
    pub fn observe(&mut self, event: &Event) {
        if let Fact::TopologyChanged { changes } = &event.fact {
            self.take(changes);
        }
        // What is over was over before this happened.
        self.judge_over(|limit| limit < event.time);
        // As long as there is no step, nobody asks what became of questions; and of them a flood consists.
        let unasked = self.topology.steps.is_empty() && Tally::is_of_a_question(&event.fact);
        let end = if unasked { None } else { self.tally.fold(event) };
        if let Fact::StepRestored { step } = event.fact {
            self.begin_again(step);
        }
        let Some(run) = &mut self.run else { return };
        if let Fact::StepRan { step } = &event.fact {
            run.watching |= *step == self.step;
        }
        if event.time < run.began || !(end.is_some() || judge::concerns(event)) {
            return;
        }
        let (step, watching) = (self.step, run.watching);
        // What a store has come to is asked when the last of the commands has been given.
        let given = run.left.is_empty() && run.resume.is_none();
        let (tally, began) = (&self.tally, run.began);
        let ready = &mut self.ready;
        run.pending.retain_mut(|pending| {
            let of_store = matches!(pending.expectation, Expectation::Store { .. });
            let watching = watching && (given || !of_store);
            let seen = judge::holds(&pending.expectation, tally, began, end.as_ref(), watching);
            match seen {
                judge::Look::Holds(seen) => {
                    ready.push(judged(step, pending.index, Judgement::Passed, seen));
                    false
                }
                judge::Look::Near(seen) => {
                    pending.nearest = Some(seen);
                    true
                }
                judge::Look::NotYet => true,
            }
        });
    }

    /// The lab is as it was when this step began, and so is the step: commands that still wait are not given.
    fn begin_again(&mut self, step: u32) {
        self.run = None;
        self.ready.clear();
        self.step = step;
        self.beat = if step == 0 { Beat::Before } else { Beat::Question };
        self.repaired = self.present().and_then(Step::leaves_repaired).unwrap_or(false);
    }

    /// Judges what is over by this measure of its limit.
    fn judge_over(&mut self, over: impl Fn(LabTime) -> bool) {
        let Some(run) = &mut self.run else { return };
        if !run.pending.iter().any(|pending| over(pending.limit)) {
            return;
        }
        let (step, tally, ready) = (self.step, &self.tally, &mut self.ready);
        run.pending.retain(|pending| {
            if !over(pending.limit) {
                return true;
            }
            let (judgement, seen) = judge::at_the_end(&pending.expectation, tally);
            let seen = pending.nearest.clone().unwrap_or(seen);
            ready.push(judged(step, pending.index, judgement, seen));
            false
        });
    }

    /// What is due by now: commands after a `wait`, judgements whose time is up.
    pub fn poll(&mut self, now: LabTime) -> Vec<Order> {
        self.judge_over(|limit| limit <= now);
        let mut orders = std::mem::take(&mut self.ready);
        while self.run.as_ref().and_then(|run| run.resume).is_some_and(|resume| resume <= now) {
            self.go_on(now, &mut orders);
        }
        orders
    }

    /// When `poll` must be called next, if nothing is observed before.
    #[must_use]
    pub fn next_due(&self) -> Option<LabTime> {
        if !self.ready.is_empty() {
            return Some(self.tally.now());
        }
        let run = self.run.as_ref()?;
        run.pending.iter().map(|pending| pending.limit).chain(run.resume).min()
    }

    /// Whether the present beat has nothing more to do by itself: commands given, every expectation judged.
    #[must_use]
    pub fn is_settled(&self) -> bool {
        let rests =
            |run: &Run| run.left.is_empty() && run.resume.is_none() && run.pending.is_empty();
        self.ready.is_empty() && self.run.as_ref().is_none_or(rests)
    }

    /// Whether the last step's answer has been shown.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.topology.steps.is_empty()
            || (self.beat == Beat::Answer && self.step as usize == self.topology.steps.len())
    }
}

/// Whether a command changes what there is, and is not about what is asked or when.
fn sets_the_lab(command: &Command) -> bool {
    !matches!(
        command,
        Command::Query { .. } | Command::Operate { .. } | Command::Batch { .. } | Command::Wait(_)
    )
}

fn judged(step: u32, expectation: u32, judgement: Judgement, seen: String) -> Order {
    let seen = seen.into();
    Order::Record(Fact::ExpectationJudged { step, expectation, judgement, seen })
}
