//! A whole lecture without anybody in front of it: every step of the topology, its commands and its
//! expectations.

use super::Sim;
use crate::base::LabTime;
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
}

impl Played {
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
        let (mut played, mut cause) = (Played::default(), Cause::Boot);
        // Three beats a step, and as many more for a script that begins or ends with one of its
        // own.
        let beats = self.net.topology.steps.len() * 3 + 3;
        self.net.script = Some(Script::new(self.net.topology.clone()));
        for _ in 0..beats {
            let now = self.net.now;
            let orders = self.net.script.as_mut().map(|script| script.next(now));
            if !self.follow(orders.unwrap_or_default(), &mut played, &mut cause)
                || !self.settle(limit, &mut played, &mut cause)
            {
                break;
            }
            if self.net.script.as_ref().is_none_or(Script::is_over) {
                played.over = true;
                break;
            }
        }
        self.net.script = None;
        played
    }

    /// Runs until the present beat has nothing more to do. False if the limit came first.
    fn settle(&mut self, limit: LabTime, played: &mut Played, cause: &mut Cause) -> bool {
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
            if !self.follow(orders.unwrap_or_default(), played, cause) {
                return false;
            }
        }
    }

    /// Does what the script wants, because of the beginning of its present step. False if it wants
    /// the lab to end.
    fn follow(&mut self, orders: Vec<Order>, played: &mut Played, cause: &mut Cause) -> bool {
        for order in orders {
            match order {
                Order::Give(Command::Quit) => return false,
                Order::Give(command) => {
                    if let Err(why) = self.command(command, Hand::Step, *cause) {
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
                    let id = self.net.emit(*cause, fact);
                    if begins {
                        *cause = Cause::Event(id);
                    }
                }
            }
        }
        true
    }
}
