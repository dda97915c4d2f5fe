//! Operations on the store: read and written, as commands of a client and as lines of its list.

use super::token::{Reader, Word, did_you_mean, nearest, quote};
use super::{GrammarError, TIMES_MAX, read, verbs, write};
use crate::base::Shown;
use crate::command::Command;
use crate::message::Operation;

/// The verbs of the store, with the form of a line of a list.
const FORMS: [(&str, &str); 4] = [
    ("post", "post ROOM TEXT"),
    ("read", "read ROOM"),
    ("put", "put KEY VALUE"),
    ("get", "get KEY"),
];

/// Whether a verb is one of the store's.
pub(super) fn is_verb(verb: &str) -> bool {
    FORMS.iter().any(|(known, _)| *known == verb)
}

/// Reads `put CLIENT KEY VALUE [xN]` and its sisters; the verb is read already.
pub(super) fn command(verb: &str, reader: &mut Reader<'_>) -> Result<Command, GrammarError> {
    let client = reader.node()?;
    let (operation, times) = with_times(verb, reader)?;
    Ok(Command::Operate { client, operation, times })
}

/// Reads one whole line of a list.
pub(super) fn operation(reader: &mut Reader<'_>) -> Result<Operation, GrammarError> {
    let known = || FORMS.iter().map(|(verb, _)| *verb);
    let all = || "an operation is `post`, `read`, `put` or `get`".to_owned();
    let Some(first) = reader.word()? else {
        let message = "there is no operation here".into();
        return Err(GrammarError { at: 0..0, message, help: all() });
    };
    let key = first.key();
    let Some((verb, form)) = FORMS.iter().find(|(verb, _)| *verb == key) else {
        let message = format!("`{}` is no operation", Shown::short(&first.text, 40));
        let meant =
            verbs::meant(&key).filter(|verb| is_verb(verb)).or_else(|| nearest(&key, known()));
        return Err(GrammarError {
            at: first.at,
            message,
            help: meant.map_or_else(all, did_you_mean),
        });
    };
    reader.form = form;
    let operation = match *verb {
        // In a list nothing follows a text: it takes the whole line.
        "post" => Operation::Post { room: name("a room", reader)?, text: text(reader)? },
        verb => parts(verb, reader)?,
    };
    reader.end()?;
    Ok(operation)
}

/// Everything but `post`, whose text is the rest of the line.
fn parts(verb: &str, reader: &mut Reader<'_>) -> Result<Operation, GrammarError> {
    Ok(match verb {
        "read" => Operation::Read { room: name("a room", reader)? },
        "get" => Operation::Get { key: name("a key", reader)? },
        _ => Operation::Put {
            key: name("a key", reader)?,
            value: reader.need("a value")?.text.into(),
        },
    })
}

fn with_times(verb: &str, reader: &mut Reader<'_>) -> Result<(Operation, u32), GrammarError> {
    if verb != "post" {
        let operation = parts(verb, reader)?;
        return Ok((operation, times(reader)?));
    }
    let room = name("a room", reader)?;
    // A quoted text may be followed by a number of times; one without quotes is the rest of the line.
    let mut ahead = reader.clone();
    if let Ok(Some(word)) = ahead.word()
        && word.quoted
        && let Some(last) = ahead.peek()
        && read::repetitions(&last).is_some()
    {
        *reader = ahead;
        let times = times(reader)?;
        return Ok((Operation::Post { room, text: word.text.into() }, times));
    }
    Ok((Operation::Post { room, text: text(reader)? }, 1))
}

/// A room or a key: one word, which is not empty.
fn name(what: &str, reader: &mut Reader<'_>) -> Result<std::sync::Arc<str>, GrammarError> {
    let word = reader.need(what)?;
    if word.text.is_empty() {
        return Err(reader.wrong(&word, &format!("is no name of {what}")));
    }
    Ok(word.text.into())
}

fn text(reader: &mut Reader<'_>) -> Result<std::sync::Arc<str>, GrammarError> {
    reader.rest().map(|(text, _)| text.into()).ok_or_else(|| reader.missing("a text"))
}

/// `x20`, if it stands there.
pub(super) fn times(reader: &mut Reader<'_>) -> Result<u32, GrammarError> {
    let Some(word) = reader.peek() else {
        return Ok(1);
    };
    let Some(figure) = read::repetitions(&word) else {
        return Ok(1);
    };
    reader.word()?;
    in_range(figure, &word)
}

/// A number of times that may be asked at once.
pub(super) fn in_range(figure: u32, word: &Word) -> Result<u32, GrammarError> {
    let fits = Some(figure).filter(|figure| (1..=TIMES_MAX).contains(figure));
    fits.ok_or_else(|| GrammarError {
        at: word.at.clone(),
        message: format!("`{}` is out of range", Shown::short(&word.text, 40)),
        help: format!("nothing is asked more than {TIMES_MAX} times at once: x1 to x{TIMES_MAX}"),
    })
}

/// The words of an operation for this client, such that [`command`] reads them back.
pub(super) fn words(client: &str, operation: &Operation, times: u32) -> String {
    let many = if times == 1 { String::new() } else { format!(" x{times}") };
    match operation {
        Operation::Post { room, text } if times == 1 => {
            format!("post {client} {} {}", write::word(room), write::rest(text))
        }
        Operation::Post { room, text } => {
            format!("post {client} {} {}{many}", write::word(room), quote(text))
        }
        Operation::Read { room } => format!("read {client} {}{many}", write::word(room)),
        Operation::Put { key, value } => {
            format!("put {client} {} {}{many}", write::word(key), write::word(value))
        }
        Operation::Get { key } => format!("get {client} {}{many}", write::word(key)),
    }
}
