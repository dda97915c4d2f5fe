//! What a run without a panel says besides its events: a greeting, the steps' texts, how things stand. Whole sentences
//! without tables or glyphs, for a screen reader reads them aloud. Safe to show.

use super::line::{belief_word, own_clock};
use super::{list, node, store_alarm, why};
use crate::base::Shown;
use crate::base::units::human;
use crate::command::grammar;
use crate::event::{Event, Fact, Life};
use crate::message::Outcome;
use crate::topology::Topology;
use crate::world::{AlarmKind, World};
use std::fmt::Write as _;

/// What is run, and what can be typed.
#[must_use]
pub fn greeting(topology: &Topology) -> String {
    let steps = match topology.steps.len() {
        0 => "There are no steps.".to_owned(),
        1 => "There is 1 step: next goes on in it.".to_owned(),
        more => format!("There are {more} steps: next goes on in them."),
    };
    format!(
        "{}: {}.\n{} nodes. {steps}\nType a command, or help, status, why. quit ends.\n",
        Shown::new(&topology.name),
        Shown::new(topology.title.trim_end_matches('.')),
        topology.nodes.len(),
    )
}

/// What stands before the words for what processes no longer remember when a step begins again.
pub const FORGOTTEN: &str = "forgotten";

/// What a step has to say when it begins, when it ends and when it begins again, a line each.
#[must_use]
pub fn of_a_step(event: &Event, topology: &Topology) -> Vec<String> {
    let of = |step: u32| topology.steps.get((step as usize).checked_sub(1)?);
    let said = |what: &str, text: Option<&str>| {
        let words = text?.split_whitespace().collect::<Vec<_>>().join(" ");
        (!words.is_empty()).then(|| format!("{what}  {}", Shown::new(&words)))
    };
    match &event.fact {
        Fact::StepBegan { step } => of(*step).map_or_else(Vec::new, |step| {
            let parts = [said("note", Some(&step.say)), said("question", step.ask.as_deref())];
            parts.into_iter().flatten().collect()
        }),
        Fact::StepEnded { step } => {
            let reveal = of(*step).and_then(|step| step.reveal.as_deref());
            said("answer", reveal).into_iter().collect()
        }
        Fact::StepRestored { step } => {
            let remembered = of(*step).and_then(|step| step.remembered.as_deref());
            said(FORGOTTEN, remembered).into_iter().collect()
        }
        _ => Vec::new(),
    }
}

/// The commands, or one of them with an example; an unknown word is said to be one.
#[must_use]
pub fn help(verb: Option<&str>) -> String {
    let mut text = String::new();
    // Writing to a String cannot fail.
    if let Some(verb) = verb {
        let found = grammar::verbs().iter().find(|help| help.verb.eq_ignore_ascii_case(verb));
        match found {
            Some(help) => {
                let _ = writeln!(text, "{}. {} Example: {}", help.form, help.what, help.example);
            }
            None => {
                let _ = writeln!(text, "{} is no command; help lists them", Shown::short(verb, 40));
            }
        }
        return text;
    }
    for help in grammar::verbs() {
        let _ = writeln!(text, "{}. {}", help.form, help.what);
    }
    text.push_str("status. How things stand.\nwhy. Why the last question ended as it did.\n");
    text.push_str("help COMMAND. One of them, with an example.\n");
    text
}

/// How things stand: nodes, faults, questions, the step, and what is wrong.
#[must_use]
pub fn status(world: &World) -> String {
    let names = &world.topology.names;
    let here = || world.nodes.iter().filter(|it| world.topology.node(it.id).at.is_none());
    let up = here().filter(|it| it.life == Life::Up).count();
    let mut text = format!("{up} of {} nodes are up.\n", here().count());
    // Writing to a String cannot fail.
    for state in here().filter(|it| it.life != Life::Up) {
        let since = human(world.now.since(state.since));
        let life = life_words(state.life);
        let _ = writeln!(text, "{} {life}, for {since}.", node(names, state.id));
    }
    for state in here().filter(|it| !it.clock.is_right()) {
        let clock = own_clock(&state.clock, world.now);
        let _ = writeln!(text, "The clock of {} {clock}.", node(names, state.id));
    }
    for state in here() {
        let believed = state
            .beliefs
            .iter()
            .map(|(of, (belief, _))| format!("{} is {}", node(names, *of), belief_word(*belief)));
        let believed: Vec<String> = believed.collect();
        if !believed.is_empty() {
            let believed = list(&believed, "and");
            let _ = writeln!(text, "{} believes that {believed}.", node(names, state.id));
        }
    }
    match world.truth.faults.as_slice() {
        [] => text.push_str("No faults.\n"),
        faults => {
            for fault in faults {
                let _ = writeln!(text, "Fault: {}.", Shown::new(fault));
            }
        }
    }
    let count = |outcome: &Outcome| world.truth.ended.get(outcome).copied().unwrap_or(0);
    let ended: Vec<String> = Outcome::ALL
        .iter()
        .filter(|outcome| count(outcome) > 0)
        .map(|outcome| format!("{} {outcome}", count(outcome)))
        .collect();
    let asked = match world.truth.asked {
        1 => "1 question asked".to_owned(),
        more => format!("{more} questions asked"),
    };
    let _ = match ended.as_slice() {
        [] => writeln!(text, "{asked}."),
        ended => writeln!(text, "{asked}: {}.", list(ended, "and")),
    };
    for alarm in &world.truth.alarms {
        if let Some(words) = alarm_words(world, &alarm.kind) {
            let _ = writeln!(text, "{words}.");
        }
    }
    if world.steps.count > 0 {
        let _ = writeln!(text, "Step {} of {}.", world.steps.step, world.steps.count);
    }
    text
}

/// Why the newest question that has ended did so.
#[must_use]
pub fn why_of_the_last(world: &World) -> String {
    let ended = world.races.iter().rev().find(|race| race.verdict.is_some());
    match ended {
        Some(race) => format!("{}. {}\n", Shown::short(race.name.as_str(), 80), why(world, race)),
        None => "No question has ended yet.\n".to_owned(),
    }
}

/// The same in ASCII alone: arrows as `->`, and what has no such form as its number.
#[must_use]
pub fn ascii(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '→' => out.push_str("->"),
            '↔' => out.push_str("<->"),
            '…' => out.push_str("..."),
            '–' | '—' => out.push('-'),
            '×' => out.push('x'),
            'µ' => out.push('u'),
            c if c.is_ascii() => out.push(c),
            c => out.extend(c.escape_unicode()),
        }
    }
    out
}

const fn life_words(life: Life) -> &'static str {
    match life {
        Life::Off => "has not been started",
        Life::Up => "is up",
        Life::Frozen => "is frozen",
        Life::Stopping => "is stopping",
        Life::Killed => "is dead: killed",
        Life::Crashed => "is dead: crashed",
        Life::PoweredOff => "has no power",
        Life::Corrupt => "cannot read its disk",
        Life::Stopped => "has stopped",
    }
}

/// Wrong answers are told when they happen; here is what goes on being wrong.
fn alarm_words(world: &World, kind: &AlarmKind) -> Option<String> {
    let names = &world.topology.names;
    Some(match kind {
        AlarmKind::Spinning(id) => format!("{} was told to stop and does not", node(names, *id)),
        AlarmKind::AsksTheDead { node: asker, dead } => {
            format!("{} goes on asking {}, which is dead", node(names, *asker), node(names, *dead))
        }
        AlarmKind::Crashed(_) | AlarmKind::Misgiven(_) | AlarmKind::Contradicted(..) => {
            return None;
        }
        of_a_store => {
            let (what, [sentence, _]) = store_alarm(world, of_a_store)?;
            format!("{}: {sentence}", what.to_lowercase())
        }
    })
}
