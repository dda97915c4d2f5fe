//! A whole lecture without anybody in front of it: every step of the topology, its commands and its
//! expectations.

use super::Sim;
use crate::base::{EventId, LabTime};
use crate::command::Command;
use crate::event::{Cause, Fact, Hand, Judgement};
use crate::script::{Order, Script};
use std::sync::Arc;

/// How one expectation came out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// The step's number, from 1.
    pub step: u32,
    /// Its place among the step's expectations, from 0.
    pub expectation: u32,
    /// How.
    pub judgement: Judgement,
    /// What was seen, in one sentence.
    pub seen: Arc<str>,
}

/// How a lecture went.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Played {
    /// Every expectation that was judged, in order.
    pub verdicts: Vec<Verdict>,
    /// Commands of steps that were refused, and why.
    pub refused: Vec<String>,
    /// Whether the last step came to its end in time.
    pub over: bool,
    /// The beginning of the present step: why its commands are given.
    step: Option<EventId>,
}

impl Played {
    fn cause(&self) -> Cause {
        self.step.map_or(Cause::Boot, Cause::Event)
    }

    /// Whether the lecture came to its end and everything it expects held.
    #[must_use]
    pub fn passed(&self) -> bool {
        let held = |verdict: &Verdict| verdict.judgement == Judgement::Passed;
        self.over && self.refused.is_empty() && self.verdicts.iter().all(held)
    }
}

impl Sim {
    /// Plays the steps of the topology, one after the other, until the last has ended or `limit` is
    /// reached.
    pub fn run_script(&mut self, limit: LabTime) -> Played {
        let mut played = Played::default();
        // Three beats a step, and as many more for a script that begins or ends with one of its
        // own.
        let beats = self.net.topology.steps.len() * 3 + 3;
        for _ in 0..beats {
            if !self.beat(limit, &mut played) || played.over {
                break;
            }
        }
        self.net.script = None;
        played
    }

    /// The next beat of the lecture, until it has nothing more to do by itself. False if `limit`
    /// came first, or the script wants the lab to end.
    pub fn beat(&mut self, limit: LabTime, played: &mut Played) -> bool {
        let now = self.net.now;
        let topology = &self.net.topology;
        let script = self.net.script.get_or_insert_with(|| Script::new(topology.clone()));
        let orders = script.next(now);
        if !self.follow(orders, played) || !self.settle(limit, played) {
            return false;
        }
        played.over = self.net.script.as_ref().is_none_or(Script::is_over);
        true
    }

    /// Runs until the present beat has nothing more to do. False if the limit came first.
    fn settle(&mut self, limit: LabTime, played: &mut Played) -> bool {
        loop {
            let Some(script) = &self.net.script else { return false };
            let (poll, next) = (script.next_due(), self.next_due());
            let due_now = poll.is_some_and(|at| at <= self.net.now);
            if script.is_settled() && !due_now {
                return true;
            }
            let Some(at) = poll.into_iter().chain(next).min() else { return false };
            if at > limit {
                return false;
            }
            // What happens at the same moment counts before judgement.
            if next.is_some_and(|next| poll.is_none_or(|poll| next <= poll)) && !due_now {
                self.step();
                continue;
            }
            self.net.now = self.net.now.max(at);
            let now = self.net.now;
            let orders = self.net.script.as_mut().map(|script| script.poll(now));
            if !self.follow(orders.unwrap_or_default(), played) {
                return false;
            }
        }
    }

    /// Does what the script wants, because of the beginning of its present step. False if it wants
    /// the lab to end.
    fn follow(&mut self, orders: Vec<Order>, played: &mut Played) -> bool {
        for order in orders {
            match order {
                Order::Give(Command::Quit) => return false,
                Order::Give(command) => {
                    if let Err(why) = self.command(command, Hand::Step, played.cause()) {
                        played.refused.push(why);
                    }
                }
                Order::Record(fact) => {
                    if let Fact::ExpectationJudged { step, expectation, judgement, seen } = &fact {
                        played.verdicts.push(Verdict {
                            step: *step,
                            expectation: *expectation,
                            judgement: *judgement,
                            seen: seen.clone(),
                        });
                    }
                    let begins = matches!(fact, Fact::StepBegan { .. });
                    let id = self.net.emit(played.cause(), fact);
                    if begins {
                        played.step = Some(id);
                    }
                }
            }
        }
        true
    }
}
