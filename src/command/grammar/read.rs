//! Reads commands.

use super::token::{Reader, Word, did_you_mean, nearest};
use super::verbs::{self, VerbHelp};
use super::{GrammarError, SPEED_MAX, SPEED_MIN, operate};
use crate::base::{ClockRate, FrameId, Shown, units};
use crate::command::{Command, LinkSet};
use crate::message::{HostName, RecordType, Shape};

/// The words for the shapes of jitter.
pub(super) const SHAPES: [(&str, Shape); 4] = [
    ("uniform", Shape::Uniform),
    ("constant", Shape::Constant),
    ("exponential", Shape::Exponential),
    ("heavy-tail", Shape::HeavyTail),
];

/// Reads one whole command.
pub(super) fn command(reader: &mut Reader<'_>) -> Result<Command, GrammarError> {
    let Some(first) = reader.word()? else {
        return Err(GrammarError {
            at: 0..0,
            message: "there is no command here".into(),
            help: "begin with a verb, such as `query` or `kill`".into(),
        });
    };
    let help =
        verbs::find(&first.text).filter(|_| !first.quoted).ok_or_else(|| unknown_verb(&first))?;
    reader.form = help.form;
    let command = match help.verb {
        "query" => query(reader)?,
        verb if operate::is_verb(verb) => operate::command(verb, reader)?,
        "batch" | "load" => of_client(help, reader)?,
        "kill" | "crash" | "power-off" | "freeze" | "thaw" | "revive" | "stop" | "wipe" | "lie"
        | "set" | "skew" | "drift" => of_node(help, reader)?,
        "speed" | "pace" | "wait" | "mark" | "goto" => of_lab(help, reader)?,
        "pause" => Command::Pause,
        "resume" => Command::Resume,
        "tick" => Command::Tick,
        "next" => Command::Next,
        "flip" => Command::Flip,
        "undo" => Command::Undo,
        "redo" => Command::Redo,
        "reset" => Command::Reset,
        "restore" => Command::Restore,
        "quit" => Command::Quit,
        _ => of_links(help, reader)?,
    };
    reader.end()?;
    Ok(command)
}

fn unknown_verb(first: &Word) -> GrammarError {
    let key = first.text.to_ascii_lowercase();
    let known = verbs::verbs().iter().map(|help| help.verb);
    GrammarError {
        at: first.at.clone(),
        message: format!("`{}` is no command", Shown::short(&first.text, 40)),
        help: verbs::meant(&key).or_else(|| nearest(&key, known)).map_or_else(
            || {
                "commands begin with a verb, such as query, kill, freeze, revive, cut or delay"
                    .into()
            },
            did_you_mean,
        ),
    }
}

fn query(reader: &mut Reader<'_>) -> Result<Command, GrammarError> {
    let client = reader.node()?;
    let (mut name, mut kind, mut times) = (None, None, 1);
    while let Some(word) = reader.word()? {
        match repetitions(&word) {
            Some(figure) => {
                times = operate::in_range(figure, &word)?;
                break;
            }
            None if name.is_none() => name = Some(HostName::new(&word.text)),
            None if kind.is_none() => match RecordType::from_word(&word.text) {
                Some(known) => kind = Some(known),
                None => {
                    return Err(reader.wrong(&word, "is no type of record and no number of times"));
                }
            },
            None => return Err(reader.wrong(&word, "is no number of times")),
        }
    }
    Ok(Command::Query { client, name, kind: kind.unwrap_or_default(), times })
}

/// `x20` as 20 (the largest number for one that is too long); none for a word that is no such thing.
pub(super) fn repetitions(word: &Word) -> Option<u32> {
    let key = word.key();
    let digits = key.strip_prefix('x')?;
    let bare = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    bare.then(|| digits.parse().unwrap_or(u32::MAX))
}

fn of_client(help: &VerbHelp, reader: &mut Reader<'_>) -> Result<Command, GrammarError> {
    let client = reader.node()?;
    if help.verb == "batch" {
        return Ok(Command::Batch { client });
    }
    if reader.takes("off") {
        return Ok(Command::Load { client, per_kilosecond: 0 });
    }
    let per_second = reader.figure("a rate", &["/s", "/min"], units::per_second)?;
    Ok(Command::Load { client, per_kilosecond: (per_second * 1000.0).round() as u64 })
}

fn of_node(help: &VerbHelp, reader: &mut Reader<'_>) -> Result<Command, GrammarError> {
    let node = reader.node()?;
    Ok(match help.verb {
        "kill" => Command::Kill(node),
        "crash" => Command::Crash(node),
        "power-off" => Command::PowerOff(node),
        "freeze" => Command::Freeze(node),
        "thaw" => Command::Thaw(node),
        "revive" => Command::Revive(node),
        "stop" => Command::Stop(node),
        "wipe" => Command::Wipe(node),
        "lie" => {
            Command::Lie(node, reader.one_of("`on` or `off`", &[("on", true), ("off", false)])?)
        }
        "skew" => Command::Skew(node, skew(reader)?),
        "drift" => Command::Drift(node, drift(reader)?),
        _ => {
            let key = reader.need("a setting")?;
            let (value, _) = reader.rest().ok_or_else(|| reader.missing("a value"))?;
            let key = key.text.to_ascii_lowercase();
            Command::Set { node, key: key.into(), value: value.into() }
        }
    })
}

fn of_lab(help: &VerbHelp, reader: &mut Reader<'_>) -> Result<Command, GrammarError> {
    Ok(match help.verb {
        "speed" => Command::Speed(reader.figure("a rate", &["x"], speed)?),
        "pace" => {
            let choices = [("auto", true), ("real", false)];
            Command::Pace { auto: reader.one_of("`auto` or `real`", &choices)? }
        }
        "wait" => Command::Wait(reader.time()?),
        "goto" => goto(reader)?,
        _ => Command::Mark(reader.rest().map_or_else(|| "".into(), |(text, _)| text.into())),
    })
}

fn of_links(help: &VerbHelp, reader: &mut Reader<'_>) -> Result<Command, GrammarError> {
    let links = links(reader)?;
    let part = |reader: &mut Reader<'_>| reader.figure("a share", &["%"], units::share);
    Ok(match help.verb {
        "cut" => Command::Cut(links),
        "cut-only" => Command::CutOnly(links),
        "uncut" => Command::Uncut(links),
        "heal" => Command::Heal(links),
        "hold" => Command::Hold(links),
        "release" => {
            let frame = match reader.peek() {
                Some(_) => Some(FrameId(reader.count("a frame")?)),
                None => None,
            };
            Command::Release(links, frame)
        }
        "drop" => Command::Drop(links, FrameId(reader.count("the number of a frame")?)),
        "delay" => Command::Delay(links, reader.time()?),
        "jitter" => {
            let mean = reader.time()?;
            let shape = match reader.peek() {
                Some(_) => reader.one_of("a shape of jitter", &SHAPES)?,
                None => Shape::default(),
            };
            Command::Jitter(links, mean, shape)
        }
        "loss" => Command::Loss(links, part(reader)?),
        "duplicate" => Command::Duplicate(links, part(reader)?),
        "reorder" => Command::Reorder(links, part(reader)?),
        _ => {
            if reader.takes("off") {
                return Ok(Command::Bandwidth(links, None));
            }
            let units_apart = ["bit", "kbit", "Mbit", "Gbit", "B", "kB", "MB", "GB", "KiB", "MiB"];
            let rate = reader.figure("a bandwidth", &units_apart, units::bandwidth)?;
            Command::Bandwidth(links, Some(rate))
        }
    })
}

fn goto(reader: &mut Reader<'_>) -> Result<Command, GrammarError> {
    // A number beyond all steps is refused by whoever knows how many there are.
    reader
        .count("the number of a step")
        .map(|step| Command::Goto(u32::try_from(step).unwrap_or(u32::MAX)))
}

/// How far a clock is ahead, in nanoseconds: `+2s`, `-300ms`, or `off` for not at all.
fn skew(reader: &mut Reader<'_>) -> Result<i64, GrammarError> {
    if reader.takes("off") {
        return Ok(0);
    }
    reader.signed_time("how far the clock is off")
}

fn drift(reader: &mut Reader<'_>) -> Result<ClockRate, GrammarError> {
    if reader.takes("off") {
        return Ok(ClockRate::RIGHT);
    }
    reader.figure("a rate", &["x"], |text| {
        let rate = multiple(text).ok_or_else(|| {
            format!("`{text}` is no rate: write 1.5 for a fast clock, 0.5 for a slow one, or off")
        })?;
        ClockRate::of(rate).ok_or_else(|| {
            format!(
                "`{text}` is out of range: the rate of a clock lies between {} and {}; \
                 `freeze` stops a whole process",
                ClockRate::SLOWEST,
                ClockRate::FASTEST
            )
        })
    })
}

/// `1.5`, with or without an `x` behind it.
fn multiple(text: &str) -> Option<f64> {
    let bare = text.strip_suffix(['x', 'X', '×']).unwrap_or(text);
    let plain = bare.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    bare.parse().ok().filter(|_| plain)
}

fn speed(text: &str) -> Result<f64, String> {
    match multiple(text) {
        None => Err(format!("`{text}` is no rate: write 0.1, 1 or 2")),
        Some(rate) if (SPEED_MIN..=SPEED_MAX).contains(&rate) => Ok(rate),
        Some(_) => Err(format!(
            "`{text}` is out of range: the rate lies between {SPEED_MIN} and {SPEED_MAX}; \
             `pause` stops the clock"
        )),
    }
}

/// `a->b`, `a<->b`, `a`, `a->`, `->a`, with or without blanks around the arrow.
fn links(reader: &mut Reader<'_>) -> Result<LinkSet, GrammarError> {
    let mut word = reader.need("a link")?;
    join_arrow(reader, &mut word);
    let (at, text) = (word.at.start, word.text.as_str());
    let Some(arrow) = text.find("->") else {
        return match text.find("<-") {
            Some(_) => Err(wrong_arrow(reader, &word)),
            None => {
                reader.node_of(text, &word.at).map(LinkSet::Around).map_err(|error| {
                    match reader.peer_of(text, &word.at) {
                        Ok(_) => GrammarError {
                            at: error.at,
                            message: format!("`{text}` alone is no link"),
                            help: format!("say which one: `ls<->{text}`"),
                        },
                        Err(_) => error,
                    }
                })
            }
        };
    };
    let both = text[..arrow].ends_with('<');
    let (left, right) = (&text[..arrow - usize::from(both)], &text[arrow + 2..]);
    // The places hold for words without quotes, which names are.
    let left_at = at..at + left.len();
    let right_at = word.at.end - right.len()..word.at.end;
    match (left.is_empty(), right.is_empty()) {
        (false, false) => {
            let from = reader.peer_of(left.trim_end(), &left_at)?;
            let to = reader.peer_of(right.trim_start(), &right_at)?;
            if from == to {
                return Err(reader.wrong(&word, "has the same node at both ends"));
            }
            Ok(if both { LinkSet::Both(from, to) } else { LinkSet::One(from, to) })
        }
        (false, true) if !both => Ok(LinkSet::From(reader.node_of(left.trim_end(), &left_at)?)),
        (true, false) if !both => Ok(LinkSet::To(reader.node_of(right.trim_start(), &right_at)?)),
        _ => Err(wrong_arrow(reader, &word)),
    }
}

/// `a -> b` comes as three words: makes one of them, if what stands behind the arrow is an end of a link.
fn join_arrow(reader: &mut Reader<'_>, word: &mut Word) {
    let is_arrow = |word: &Word| matches!(word.text.as_str(), "->" | "<->") && !word.quoted;
    let add = |reader: &mut Reader<'_>, word: &mut Word, next: Word| {
        // The blanks between stay, so that places in the joined text are places in the line.
        word.text.push_str(&" ".repeat(next.at.start - word.at.end));
        word.text.push_str(&next.text);
        word.at.end = next.at.end;
        let _ = reader.word();
    };
    if word.quoted {
        return;
    }
    // `ls-> 3` stays as it is: what stands behind it may be a figure, and a node may be called `3`.
    let mut open = is_arrow(word);
    if let Some(arrow) = reader.peek().filter(is_arrow) {
        add(reader, word, arrow);
        open = true;
    }
    if open
        && let Some(end) = reader.peek()
        && !end.quoted
        && reader.peer_of(&end.text, &end.at).is_ok()
    {
        add(reader, word, end);
    }
}

fn wrong_arrow(reader: &Reader<'_>, word: &Word) -> GrammarError {
    GrammarError {
        help: "write `a->b` for one direction, `a<->b` for both, `a` for all links of a node, \
               `a->` for what it sends, `->a` for what it gets"
            .into(),
        ..reader.wrong(word, "is no link")
    }
}
