//! The steps as they stand in a topology file.

use super::{Chapter, Done, touched};
use crate::base::{LabTime, NodeId, Peer, Shown, VisitorId, units};
use crate::command::{Condition, Expectation, grammar};
use crate::event::Life;
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::time::Duration;

/// A longer rest than this is shortened to it: whatever goes on in a lab has settled by then.
const REST_MAX: Duration = Duration::from_secs(20);

/// A shorter one is none: the commands came together.
const REST_MIN: Duration = Duration::from_millis(1);

/// How long a step waits for what it expects, beyond its own waits.
const PATIENCE: Duration = Duration::from_secs(30);

impl Done {
    /// The steps, each a table of a topology file; nothing if nothing was done.
    #[must_use]
    pub fn steps(&self) -> String {
        let mut out = String::new();
        if self.left_out > 0 {
            // Writing to a String cannot fail, here and below.
            let _ = writeln!(
                out,
                "# {} commands are left out: they name a frame or a visitor of that day, or were too many.\n",
                self.left_out
            );
        }
        let mut from = LabTime::ZERO;
        let chapters: Vec<&Chapter> =
            self.chapters.iter().filter(|chapter| !chapter.deeds.is_empty()).collect();
        for (at, chapter) in chapters.iter().enumerate() {
            let last = at + 1 == chapters.len();
            let lives = if chapter.lives.is_empty() { &self.lives } else { &chapter.lives };
            self.chapter_text(chapter, lives, (from, last), &mut out);
            from = chapter.deeds.last().map_or(from, |deed| deed.at);
        }
        out
    }

    fn chapter_text(
        &self,
        chapter: &Chapter,
        lives: &[Life],
        (mut from, last): (LabTime, bool),
        out: &mut String,
    ) {
        let step =
            (chapter.step as usize).checked_sub(1).and_then(|at| self.topology.steps.get(at));
        let say = step.map_or("Done by hand.", |step| step.say.as_str());
        let _ = writeln!(out, "[[steps]]\nsay    = {}", quoted(say));
        let words = [
            ("ask   ", step.and_then(|step| step.ask.as_deref())),
            ("reveal", step.and_then(|step| step.reveal.as_deref())),
            ("remembered", step.and_then(|step| step.remembered.as_deref())),
        ];
        for (key, text) in words {
            if let Some(text) = text {
                let _ = writeln!(out, "{key} = {}", quoted(text));
            }
        }
        let names = &self.topology.names;
        let mut waited = Duration::ZERO;
        let mut lines = Vec::new();
        for deed in &chapter.deeds {
            let rest = deed.at.since(from).min(REST_MAX);
            if rest >= REST_MIN {
                let rest = Duration::from_millis(rest.as_millis() as u64);
                waited += rest;
                lines.push(format!("wait {}", units::exact(rest)));
            }
            lines.push(grammar::words(&deed.command, names));
            from = deed.at;
        }
        list(out, "do    ", &lines);
        let expected = self.expected(chapter, lives, waited + PATIENCE, last);
        let lines: Vec<String> =
            expected.iter().map(|it| grammar::expectation_words(it, names)).collect();
        if !lines.is_empty() {
            list(out, "expect", &lines);
        }
        out.push('\n');
    }

    /// What holds of a chapter every time; of the last one at least something.
    fn expected(
        &self,
        chapter: &Chapter,
        lives: &[Life],
        within: Duration,
        last: bool,
    ) -> Vec<Expectation> {
        let mut out: Vec<Expectation> = Vec::new();
        let askings = chapter.askings.iter().filter_map(|asking| asking.expectation(within));
        for expectation in askings {
            if !out.contains(&expectation) {
                out.push(expectation);
            }
        }
        let touched: BTreeSet<NodeId> =
            chapter.deeds.iter().filter_map(|deed| touched(&deed.command)).collect();
        let state = |node: NodeId| {
            let condition = condition(*lives.get(node.index())?)?;
            Some(Expectation::NodeIs { node, condition, within })
        };
        out.extend(touched.into_iter().filter_map(state));
        if out.is_empty() && last {
            let ours = self.topology.nodes.iter().filter(|node| node.at.is_none());
            out.extend(ours.filter_map(|node| state(node.id)).take(1));
        }
        out
    }
}

/// The condition that a life is, where it stays so.
const fn condition(life: Life) -> Option<Condition> {
    Some(match life {
        Life::Up => Condition::Up,
        Life::Frozen => Condition::Frozen,
        Life::Killed => Condition::Killed,
        Life::Crashed => Condition::Crashed,
        Life::PoweredOff => Condition::PoweredOff,
        Life::Stopped => Condition::Stopped,
        Life::Off => Condition::Off,
        Life::Stopping | Life::Corrupt => return None,
    })
}

/// Whether one end is a visitor in particular.
pub(super) fn is_one_visitor(a: Peer, b: Peer) -> bool {
    [a, b].iter().any(|peer| matches!(peer, Peer::Visitor(id) if *id != VisitorId::ANY))
}

fn list(out: &mut String, key: &str, lines: &[String]) {
    let _ = writeln!(out, "{key} = [");
    for line in lines {
        let _ = writeln!(out, "    {},", quoted(line));
    }
    let _ = writeln!(out, "]");
}

/// A text as a basic string of TOML; what would do harm to whoever looks at the file is written by its number.
fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            ' '..='~' => out.push(c),
            c if is_harmless(c) => out.push(c),
            c => {
                let _ = write!(out, "\\U{:08X}", u32::from(c));
            }
        }
    }
    out.push('"');
    out
}

/// Whether a character is shown as itself, and stays one alone: marks that pile up do not.
fn is_harmless(c: char) -> bool {
    let mut bytes = [0; 4];
    let alone: &str = c.encode_utf8(&mut bytes);
    !matches!(c, '\u{300}'..='\u{36f}') && Shown::new(alone).as_str() == alone
}
