//! Reads expectations.

use super::token::{Reader, did_you_mean, nearest};
use super::{GrammarError, expect_store};
use crate::base::Shown;
use crate::command::expect::{
    BELIEFS, Compare, Condition, Counted, Expectation, WITHIN_DEFAULT, belief_word,
};
use crate::message::Outcome;
use std::time::Duration;

/// A form of expectation with its example, for the documentation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ExpectHelp {
    /// The whole line.
    pub form: &'static str,
    /// When it holds, in one sentence.
    pub what: &'static str,
    /// One that could be typed.
    pub example: &'static str,
}

const QUERY: &str =
    "query CLIENT [NAME] ends OUTCOME [from NODE] [as ADDRESS] [after TIME] [within TIME]";
const BATCH: &str = "batch CLIENT answers N of M [within TIME]";
const COUNT: &str = "count WHO WHAT OP N [within TIME]";
const NODE: &str = "node NODE is STATE [within TIME]";
const BELIEF: &str = "belief NODE of NODE is up|suspect|down [within TIME]";
const EJECTS: &str = "NODE ejects NODE [within TIME]";
const RESTORES: &str = "NODE restores NODE [within TIME]";
const STICKY: &str = "sticky NODE NAME at NODE [within TIME]";

static FORMS: [ExpectHelp; 15] = [
    ExpectHelp {
        form: QUERY,
        what: "Some question of that client, asked in this step, ends like this.",
        example: "query client www.google.com ends silent after 5s within 6s",
    },
    ExpectHelp {
        form: BATCH,
        what: "A list that began in this step ends with so many addresses.",
        example: "batch client answers 17 of 20 within 8s",
    },
    ExpectHelp {
        form: COUNT,
        what: "So many of these were counted since the step's commands began.",
        example: "count all silent = 0 within 6s",
    },
    ExpectHelp {
        form: NODE,
        what: "The node is in this state, in truth.",
        example: "node ts1 is crashed",
    },
    ExpectHelp {
        form: BELIEF,
        what: "The first node believes this of the second.",
        example: "belief ls of ts1 is down within 2s",
    },
    ExpectHelp {
        form: EJECTS,
        what: "The first node stops asking the second in this step.",
        example: "ls ejects ts1 within 5s",
    },
    ExpectHelp {
        form: RESTORES,
        what: "The first node asks the second again.",
        example: "ls restores ts1 within 12s",
    },
    ExpectHelp {
        form: STICKY,
        what: "The name has its place there.",
        example: "sticky ls www.google.com at ts2",
    },
    expect_store::FORMS[0],
    expect_store::FORMS[1],
    expect_store::FORMS[2],
    expect_store::FORMS[3],
    expect_store::FORMS[4],
    expect_store::FORMS[5],
    expect_store::FORMS[6],
];

/// Every form of expectation.
#[must_use]
pub fn expectations() -> &'static [ExpectHelp] {
    &FORMS
}

/// The words with which an expectation can begin; a node with such a name is written in quotes there.
pub(super) const FIRST_WORDS: [&str; 13] = [
    "query",
    "batch",
    "count",
    "node",
    "belief",
    "sticky",
    expect_store::FIRST_WORDS[0],
    expect_store::FIRST_WORDS[1],
    expect_store::FIRST_WORDS[2],
    expect_store::FIRST_WORDS[3],
    expect_store::FIRST_WORDS[4],
    expect_store::FIRST_WORDS[5],
    expect_store::FIRST_WORDS[6],
];

/// Reads one whole expectation.
pub(super) fn expectation(reader: &mut Reader<'_>) -> Result<Expectation, GrammarError> {
    let mut ahead = reader.clone();
    let Some(first) = ahead.word()? else {
        return Err(GrammarError {
            at: 0..0,
            message: "there is no expectation here".into(),
            help: format!("write one such as `{}`", FORMS[0].example),
        });
    };
    let read = match first.key().as_str() {
        "query" => query,
        "batch" => batch,
        "count" => count,
        "node" => node,
        "belief" => belief,
        "sticky" => sticky,
        other => match expect_store::form(other) {
            Some(read) => read,
            None => return health(reader),
        },
    };
    *reader = ahead;
    read(reader)
}

pub(super) fn within(reader: &mut Reader<'_>) -> Result<Duration, GrammarError> {
    let within = if reader.takes("within") { reader.time()? } else { WITHIN_DEFAULT };
    reader.end()?;
    Ok(within)
}

fn query(reader: &mut Reader<'_>) -> Result<Expectation, GrammarError> {
    reader.form = QUERY;
    let client = reader.node()?;
    let name = if reader.peek().is_some_and(|word| word.key() != "ends") {
        Some(reader.host()?)
    } else {
        None
    };
    reader.keyword("ends")?;
    let outcome = outcome(reader)?;
    let (mut from, mut address, mut after, mut limit) = (None, None, None, None);
    while let Some(word) = reader.word()? {
        match word.key().as_str() {
            "from" if from.is_none() => from = Some(reader.node()?),
            "as" if address.is_none() => address = Some(reader.need("an address")?.text.into()),
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
    Ok(Expectation::QueryEnds { client, name, outcome, from, address, after, within })
}

fn outcome(reader: &mut Reader<'_>) -> Result<Outcome, GrammarError> {
    if let Some(word) = reader.peek().filter(|word| word.key() == "late") {
        return Err(GrammarError {
            at: word.at,
            message: "`late` is no end of a question: it had its verdict before".into(),
            help: "count late answers: `count ls late >= 1`".into(),
        });
    }
    let ends = Outcome::ALL.into_iter().filter(|outcome| *outcome != Outcome::Late);
    let choices: Vec<(&str, Outcome)> = ends.map(|outcome| (outcome.word(), outcome)).collect();
    reader.one_of("an end of a question", &choices)
}

fn batch(reader: &mut Reader<'_>) -> Result<Expectation, GrammarError> {
    reader.form = BATCH;
    let client = reader.node()?;
    reader.keyword("answers")?;
    let answered = reader.count("a number of answers")?;
    reader.keyword("of")?;
    let mut number = reader.clone();
    let names = reader.count("a number of names")?;
    if answered > names {
        let word = number.need("a number of names")?;
        return Err(number.wrong(&word, "is less than the answers"));
    }
    Ok(Expectation::BatchAnswers { client, answered, names, within: within(reader)? })
}

fn count(reader: &mut Reader<'_>) -> Result<Expectation, GrammarError> {
    reader.form = COUNT;
    let who = if reader.takes("all") { None } else { Some(reader.node()?) };
    let choices = Counted::ALL.map(|what| (what.word(), what));
    let what = reader.one_of("something that is counted", &choices)?;
    let (compare, figure) = comparison(reader)?;
    Ok(Expectation::Count { who, what, compare, figure, within: within(reader)? })
}

/// `>= 3`, or `>=3` in one word.
pub(super) fn comparison(reader: &mut Reader<'_>) -> Result<(Compare, u64), GrammarError> {
    let word = reader.need("a comparison")?;
    let found = Compare::ALL
        .into_iter()
        .find_map(|compare| Some((compare, word.text.strip_prefix(compare.sign())?)));
    match found {
        Some((compare, "")) => Ok((compare, reader.count("a number")?)),
        Some((compare, figure)) if figure.bytes().all(|byte| byte.is_ascii_digit()) => {
            let figure = figure.parse().map_err(|_| reader.wrong(&word, "is too large"))?;
            Ok((compare, figure))
        }
        _ => Err(GrammarError {
            help: "it is one of: = != < <= > >=".into(),
            ..reader.wrong(&word, "is no comparison")
        }),
    }
}

fn node(reader: &mut Reader<'_>) -> Result<Expectation, GrammarError> {
    reader.form = NODE;
    let node = reader.node()?;
    reader.keyword("is")?;
    let choices = Condition::ALL.map(|condition| (condition.word(), condition));
    let condition = reader.one_of("a state of a node", &choices)?;
    Ok(Expectation::NodeIs { node, condition, within: within(reader)? })
}

fn belief(reader: &mut Reader<'_>) -> Result<Expectation, GrammarError> {
    reader.form = BELIEF;
    let holder = reader.node()?;
    reader.keyword("of")?;
    let about = reader.node()?;
    reader.keyword("is")?;
    let choices = BELIEFS.map(|belief| (belief_word(belief), belief));
    let belief = reader.one_of("a belief", &choices)?;
    Ok(Expectation::BeliefIs { holder, about, belief, within: within(reader)? })
}

fn sticky(reader: &mut Reader<'_>) -> Result<Expectation, GrammarError> {
    reader.form = STICKY;
    let node = reader.node()?;
    let name = reader.host()?;
    reader.keyword("at")?;
    let upstream = reader.node()?;
    Ok(Expectation::Sticky { node, name, upstream, within: within(reader)? })
}

/// `A ejects B`, `A restores B`.
fn health(reader: &mut Reader<'_>) -> Result<Expectation, GrammarError> {
    reader.form = EJECTS;
    let first = reader.need("an expectation")?;
    let verb = reader.peek();
    let Some(verb) = verb.filter(|word| matches!(word.key().as_str(), "ejects" | "restores"))
    else {
        let key = first.key();
        let known = FIRST_WORDS.iter().copied();
        let help = nearest(&key, known)
            .map_or_else(|| format!("write one such as `{}`", FORMS[0].example), did_you_mean);
        let message = format!("`{}` begins no expectation", Shown::short(&first.text, 40));
        return Err(GrammarError { at: first.at, message, help });
    };
    let node = reader.node_of(&first.text, &first.at)?;
    reader.word()?;
    let upstream = reader.node()?;
    let within = within(reader)?;
    Ok(if verb.key() == "ejects" {
        Expectation::Ejects { node, upstream, within }
    } else {
        Expectation::Restores { node, upstream, within }
    })
}
