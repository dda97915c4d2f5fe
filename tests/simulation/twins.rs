//! Broken twins: the real machines with one mistake planted, to see each rule of the judge fail.

use crate::judge::Rule;
use crate::labs::CLIENT_TIMEOUT;
use faultlab::base::{ConnId, LabTime};
use faultlab::event::Side;
use faultlab::machine::{Effect, Effects, Input, Machine, build};
use faultlab::message::{Message, Note, Outcome, Said};
use faultlab::sim::Maker;
use faultlab::topology::Role;
use std::time::Duration;

/// What is wrong with a twin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mistake {
    /// The LS answers on another client's connection.
    WrongConnection,
    /// The LS gives the address of the answer before.
    AnswerBefore,
    /// A client loses every fifth verdict.
    ForgottenVerdict,
    /// A client decides every fifth question twice.
    SecondVerdict,
    /// A client's deadlines come a second late.
    SlowTimer,
    /// The LS takes silence for "there is none".
    NegativeOnSilence,
    /// The LS connects a few times and then never again.
    NoReconnect,
    /// The LS panics at its fiftieth input.
    Panic,
}

impl Mistake {
    pub const ALL: [(Self, Rule); 8] = [
        (Self::WrongConnection, Rule::NoCrossing),
        (Self::AnswerBefore, Rule::NoCrossing),
        (Self::ForgottenVerdict, Rule::OneVerdict),
        (Self::SecondVerdict, Rule::OneVerdict),
        (Self::SlowTimer, Rule::InTime),
        (Self::NegativeOnSilence, Rule::NoInventedNegative),
        (Self::NoReconnect, Rule::AnswersAgain),
        (Self::Panic, Rule::NoPanic),
    ];

    fn sits_in(self) -> Role {
        match self {
            Self::ForgottenVerdict | Self::SecondVerdict | Self::SlowTimer => Role::Client,
            _ => Role::Ls,
        }
    }
}

struct Twin {
    inner: Box<dyn Machine>,
    mistake: Mistake,
    /// Connections that others opened.
    askers: Vec<ConnId>,
    count: u64,
    before: Option<Said>,
}

impl Twin {
    fn spoil(&mut self, effect: Effect, out: &mut Effects) {
        match (self.mistake, effect) {
            (
                Mistake::WrongConnection,
                Effect::Send { conn, message: message @ Message::Reply { .. }, about },
            ) => {
                let other = self.askers.iter().find(|other| **other != conn);
                out.push(Effect::Send { conn: *other.unwrap_or(&conn), message, about });
            }
            (
                Mistake::AnswerBefore,
                Effect::Send {
                    conn,
                    message: Message::Reply { name, id, said: said @ Said::Found { .. }, dns: None },
                    about,
                },
            ) => {
                let said = self.before.replace(said.clone()).unwrap_or(said);
                out.push(Effect::Send {
                    conn,
                    message: Message::Reply { name, id, said, dns: None },
                    about,
                });
            }
            (Mistake::ForgottenVerdict, Effect::Note(note @ Note::Decided { .. })) => {
                self.count += 1;
                if !self.count.is_multiple_of(5) {
                    out.note(note);
                }
            }
            (Mistake::SecondVerdict, Effect::Note(note @ Note::Decided { .. })) => {
                self.count += 1;
                if self.count.is_multiple_of(5) {
                    out.note(note.clone());
                }
                out.note(note);
            }
            (Mistake::SlowTimer, Effect::Arm(timer, after)) if after == CLIENT_TIMEOUT => {
                out.push(Effect::Arm(timer, after + Duration::from_secs(1)));
            }
            (
                Mistake::NegativeOnSilence,
                Effect::Note(Note::Decided { question, outcome: Outcome::Silent, said, from, why }),
            ) => {
                let outcome = Outcome::Negative;
                out.note(Note::Decided { question, outcome, said, from, why });
            }
            (Mistake::NoReconnect, Effect::Open { .. }) if self.count >= 3 => {}
            (Mistake::NoReconnect, effect @ Effect::Open { .. }) => {
                self.count += 1;
                out.push(effect);
            }
            (_, effect) => out.push(effect),
        }
    }
}

impl Machine for Twin {
    fn step(&mut self, now: LabTime, input: Input, out: &mut Effects) {
        if let Input::Opened { conn, side: Side::Acceptor, .. } = input {
            self.askers.push(conn);
        }
        if self.mistake == Mistake::Panic {
            self.count += 1;
            assert!(self.count < 50, "planted");
        }
        self.inner.step(now, input, out);
        for effect in out.take() {
            self.spoil(effect, out);
        }
    }
}

/// The machines of a lab in which every node of one role makes this mistake.
pub fn maker(mistake: Mistake) -> Maker {
    Box::new(move |topology, node, incarnation| {
        let inner = build(topology, node, incarnation);
        if topology.node(node).role() != mistake.sits_in() {
            return inner;
        }
        Box::new(Twin { inner, mistake, askers: Vec::new(), count: 0, before: None })
    })
}
