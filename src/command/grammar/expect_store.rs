//! Reads and writes expectations about a store.

use super::GrammarError;
use super::expect::{ExpectHelp, comparison, within};
use super::token::Reader;
use super::write::word;
use crate::base::{Names, NodeId, units};
use crate::command::expect::{Expectation, WITHIN_DEFAULT};
use crate::command::expect_store::{Asked, Figure, StoreExpectation, Verb};
use crate::message::OpOutcome;
use std::sync::Arc;

const OP: &str = "op CLIENT [VERB PLACE] ends ok|failed|unknown [from NODE] [as TEXT] [after TIME] \
                  [within TIME]";
const TRUTH: &str = "truth WHAT OP N [within TIME]";
const LEADER: &str = "leader [of NODE] is NODE|nobody [within TIME]";
const DEADLOCK: &str = "deadlock NODE NODE … [within TIME]";
const NO_DEADLOCK: &str = "no deadlock [within TIME]";
const IN_STEP: &str = "in step NODE NODE … [within TIME]";
const PREDICTED: &str = "lost is predicted [+- N] [within TIME]";

pub(super) const FORMS: [ExpectHelp; 7] = [
    ExpectHelp {
        form: OP,
        what: "Some operation of that client, begun in this step, ends like this; VERB PLACE is \
               one of post ROOM, read ROOM, put KEY, get KEY.",
        example: "op reader get colour ends ok from r2 as blue within 3s",
    },
    ExpectHelp {
        form: TRUTH,
        what: "What no node knows: counted since the step's commands began, or as it is now.",
        example: "truth lost >= 1 within 12s",
    },
    ExpectHelp {
        form: LEADER,
        what: "That one leads, in truth and alone; or does, as the first node believes.",
        example: "leader of writer is r2 within 8s",
    },
    ExpectHelp {
        form: DEADLOCK,
        what: "These nodes wait for each other.",
        example: "deadlock r1 r2 within 3s",
    },
    ExpectHelp {
        form: NO_DEADLOCK,
        what: "Nobody has waited in a circle in this step.",
        example: "no deadlock within 6s",
    },
    ExpectHelp {
        form: IN_STEP,
        what: "These replicas run and hold the same, in the same order, and no client's write is \
               under way.",
        example: "in step r1 r2 r3 within 6s",
    },
    ExpectHelp {
        form: PREDICTED,
        what: "A leader died in this step, and it cost as many acknowledged writes as were \
               predicted then.",
        example: "lost is predicted +- 1 within 12s",
    },
];

/// The words with which an expectation about a store can begin.
pub(super) const FIRST_WORDS: [&str; 7] = ["op", "truth", "leader", "deadlock", "no", "in", "lost"];

type Read = fn(&mut Reader<'_>) -> Result<Expectation, GrammarError>;

/// The reader of the form that begins with this word.
pub(super) fn form(first: &str) -> Option<Read> {
    Some(match first {
        "op" => op,
        "truth" => truth,
        "leader" => leader,
        "deadlock" => deadlock,
        "no" => no_deadlock,
        "in" => in_step,
        "lost" => predicted,
        _ => return None,
    })
}

fn ended(reader: &mut Reader<'_>, what: StoreExpectation) -> Result<Expectation, GrammarError> {
    Ok(Expectation::Store { what, within: within(reader)? })
}

fn op(reader: &mut Reader<'_>) -> Result<Expectation, GrammarError> {
    reader.form = OP;
    let client = reader.node()?;
    let asked = match reader.peek() {
        Some(first) if first.key() != "ends" => {
            let verb = reader.one_of("an operation", &Verb::ALL.map(|verb| (verb.word(), verb)))?;
            let place = reader.need("a room or a key")?.text.into();
            Some(Asked { verb, place })
        }
        _ => None,
    };
    reader.keyword("ends")?;
    let choices = OpOutcome::ALL.map(|outcome| (outcome.word(), outcome));
    let outcome = reader.one_of("an end of an operation", &choices)?;
    let (mut from, mut text, mut after, mut limit) = (None, None, None, None);
    while let Some(word) = reader.word()? {
        match word.key().as_str() {
            "from" if from.is_none() => from = Some(reader.node()?),
            "as" if text.is_none() => text = Some(reader.need("a text")?.text.into()),
            "after" if after.is_none() => after = Some(reader.time()?),
            "within" if limit.is_none() => limit = Some(reader.time()?),
            "from" | "as" | "after" | "within" => {
                return Err(reader.wrong(&word, "stands here twice"));
            }
            _ => return Err(reader.wrong(&word, "does not belong here")),
        }
    }
    let within = limit.unwrap_or(WITHIN_DEFAULT);
    if let Some(after) = after.filter(|after| *after > within) {
        return Err(GrammarError {
            at: 0..0,
            message: format!("nothing can end after {after:?} and within {within:?}"),
            help: "let `within` be longer than `after`".into(),
        });
    }
    let what = StoreExpectation::OpEnds { client, asked, outcome, from, text, after };
    Ok(Expectation::Store { what, within })
}

fn truth(reader: &mut Reader<'_>) -> Result<Expectation, GrammarError> {
    reader.form = TRUTH;
    let what = reader.one_of("a figure of the truth", &Figure::ALL.map(|f| (f.word(), f)))?;
    let (compare, figure) = comparison(reader)?;
    ended(reader, StoreExpectation::Truth { what, compare, figure })
}

fn leader(reader: &mut Reader<'_>) -> Result<Expectation, GrammarError> {
    reader.form = LEADER;
    let holder = if reader.takes("of") { Some(reader.node()?) } else { None };
    reader.keyword("is")?;
    let leader = if reader.takes("nobody") { None } else { Some(reader.node()?) };
    let what = match holder {
        Some(holder) => StoreExpectation::LeaderOf { holder, leader },
        None => StoreExpectation::Leads(leader),
    };
    ended(reader, what)
}

fn deadlock(reader: &mut Reader<'_>) -> Result<Expectation, GrammarError> {
    reader.form = DEADLOCK;
    let nodes = two_or_more(reader)?;
    ended(reader, StoreExpectation::Deadlock(nodes))
}

fn no_deadlock(reader: &mut Reader<'_>) -> Result<Expectation, GrammarError> {
    reader.form = NO_DEADLOCK;
    reader.keyword("deadlock")?;
    ended(reader, StoreExpectation::NoDeadlock)
}

fn in_step(reader: &mut Reader<'_>) -> Result<Expectation, GrammarError> {
    reader.form = IN_STEP;
    reader.keyword("step")?;
    let nodes = two_or_more(reader)?;
    ended(reader, StoreExpectation::InStep(nodes))
}

fn predicted(reader: &mut Reader<'_>) -> Result<Expectation, GrammarError> {
    reader.form = PREDICTED;
    reader.keyword("is")?;
    reader.keyword("predicted")?;
    let mut tolerance = 0;
    if let Some(sign) = reader.peek().filter(|word| word.text.starts_with("+-")) {
        reader.word()?;
        tolerance = match sign.text.strip_prefix("+-") {
            None | Some("") => reader.count("a number of writes")?,
            Some(figure) => {
                figure.parse().map_err(|_| reader.wrong(&sign, "is no number of writes"))?
            }
        };
    }
    ended(reader, StoreExpectation::LostIsPredicted { tolerance })
}

fn two_or_more(reader: &mut Reader<'_>) -> Result<Arc<[NodeId]>, GrammarError> {
    let mut nodes = vec![reader.node()?, reader.node()?];
    while reader.peek().is_some_and(|word| word.key() != "within") {
        nodes.push(reader.node()?);
    }
    Ok(nodes.into())
}

/// The words of an expectation about a store, without its time.
pub(super) fn words(expectation: &StoreExpectation, names: &Names) -> String {
    let of = |id: &NodeId| names.of(*id);
    // A node may bear the name of a keyword that could stand in its place.
    let leader = |id: &Option<NodeId>| {
        id.as_ref().map_or("nobody".into(), |id| super::write::keyword_safe(of(id), &["nobody"]))
    };
    let list = |ids: &[NodeId]| {
        let safe = |id: &NodeId| super::write::keyword_safe(of(id), &["within"]);
        ids.iter().map(safe).collect::<Vec<_>>().join(" ")
    };
    match expectation {
        StoreExpectation::OpEnds { client, asked, outcome, from, text, after } => {
            let asked =
                asked.as_ref().map(|asked| format!("{} {}", asked.verb.word(), word(&asked.place)));
            let parts = [
                Some(format!("op {}", of(client))),
                asked,
                Some(format!("ends {}", outcome.word())),
                from.as_ref().map(|from| format!("from {}", of(from))),
                text.as_ref().map(|text| format!("as {}", word(text))),
                after.map(|after| format!("after {}", units::exact(after))),
            ];
            parts.into_iter().flatten().collect::<Vec<_>>().join(" ")
        }
        StoreExpectation::Truth { what, compare, figure } => {
            format!("truth {} {} {figure}", what.word(), compare.sign())
        }
        StoreExpectation::Leads(id) => format!("leader is {}", leader(id)),
        StoreExpectation::LeaderOf { holder, leader: id } => {
            format!("leader of {} is {}", of(holder), leader(id))
        }
        StoreExpectation::Deadlock(nodes) => format!("deadlock {}", list(nodes)),
        StoreExpectation::NoDeadlock => "no deadlock".into(),
        StoreExpectation::InStep(nodes) => format!("in step {}", list(nodes)),
        StoreExpectation::LostIsPredicted { tolerance: 0 } => "lost is predicted".into(),
        StoreExpectation::LostIsPredicted { tolerance } => {
            format!("lost is predicted +- {tolerance}")
        }
    }
}
