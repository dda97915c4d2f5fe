//! The command line `:`: any command in words, completed from verbs, nodes and values; every key's action by name, with
//! its key; and what was typed before.

use super::action::{self, Action, Outcome};
use super::fuzzy;
use super::hints;
use super::keymap;
use super::known::Lab;
use super::own_clock;
use super::prompt::Prompt;
use super::view::{Mode, View};
use crate::command::grammar;
use crate::world::World;

/// Earlier lines offered before anything is typed: the newest; the rest is found by typing.
const HISTORY_OFFERED: usize = 5;
/// Actions and earlier lines offered for what was typed.
const FOUND_MAX: usize = 30;

/// One row under the line.
#[derive(Debug, Clone, PartialEq)]
pub enum Offer {
    /// A word that goes on with what was typed.
    Word {
        /// The word.
        text: String,
        /// What it means.
        what: String,
        /// Where it begins in the line.
        start: usize,
    },
    /// An action that can be done now.
    Key {
        /// What it does.
        words: String,
        /// Its key; empty if it has none.
        key: String,
        /// The action.
        action: Action,
    },
    /// A line that was carried out before.
    Line(String),
}

/// What is offered: words that complete the line, then lines and actions by how well they answer to it.
#[must_use]
pub fn offers(prompt: &Prompt, world: &World, view: &View) -> Vec<Offer> {
    let before = prompt.before();
    let completions =
        grammar::complete(prompt.text(), before.len(), &world.topology.names, &Lab(world));
    let words = completions.into_iter().map(|completion| Offer::Word {
        text: completion.text,
        what: completion.what,
        start: completion.replace.start,
    });
    let typed = before.trim();
    if typed.is_empty() {
        let lines = view.history.iter().rev().take(HISTORY_OFFERED).cloned().map(Offer::Line);
        return lines.chain(words).collect();
    }
    let mut out: Vec<Offer> = words.collect();
    if prompt.behind().is_empty() {
        let mut found: Vec<(u32, Offer)> = actions(typed, world, view);
        // Of a line that was typed before, whatever is typed now is the beginning or a part.
        let lines = view.history.iter().rev().filter(|line| line.as_str() != typed);
        found.extend(
            lines.filter_map(|line| Some((fuzzy::score(line, typed)?, Offer::Line(line.clone())))),
        );
        // A stable sort: of equals, the order of the table, and the newer line.
        found.sort_by_key(|(score, _)| std::cmp::Reverse(*score));
        out.extend(found.into_iter().take(FOUND_MAX).map(|(_, offer)| offer));
    }
    out
}

/// The actions that can be done now and answer to what was typed, each with its key.
fn actions(typed: &str, world: &World, view: &View) -> Vec<(u32, Offer)> {
    let mut found: Vec<(u32, Offer)> = Vec::new();
    let mut seen: Vec<Action> = Vec::new();
    let here = keymap::contexts_of_panels(view);
    for row in view.keymap.rows().iter().filter(|row| here.contains(&row.context)) {
        if row.short.is_empty() || seen.contains(&row.action) {
            continue;
        }
        let Some(word) = hints::hint(row, world, view) else { continue };
        seen.push(row.action);
        let key = view.keymap.keys(row.action, &here).join(" ");
        found.extend(offer(typed, row.action, (word.trim(), row.help), key));
    }
    for (action, verb, short, help) in KEYLESS {
        if own_clock::begun(verb, world, view).is_some() {
            found.extend(offer(typed, action, (short, help), String::new()));
        }
    }
    found
}

/// An action, if it answers to what was typed.
fn offer(
    typed: &str,
    action: Action,
    (short, help): (&str, &str),
    key: String,
) -> Option<(u32, Offer)> {
    let words = format!("{short} – {help}");
    let score = fuzzy::score(&format!("{words} {}", action.word()), typed)?;
    Some((score, Offer::Key { words, key, action }))
}

/// What is done too rarely to have a key: the action, its verb, and its words.
const KEYLESS: [(Action, &str, &str, &str); 2] = [
    (
        Action::SkewClock,
        "skew",
        "skew clock…",
        "the node's own clock is ahead or behind, by a time",
    ),
    (Action::DriftClock, "drift", "drift clock…", "the node's own clock runs fast or slow"),
];

/// The action of this word, if it can be done now.
fn named(word: &str, world: &World, view: &View) -> Option<Action> {
    let here = keymap::contexts_of_panels(view);
    let mut rows = view.keymap.rows().iter().filter(|row| here.contains(&row.context));
    let row = rows.find(|row| !row.short.is_empty() && row.action.word() == word)?;
    hints::hint(row, world, view).map(|_| row.action)
}

/// Moves the mark over the offers, from the line itself down and back to it.
pub fn pick(prompt: &mut Prompt, world: &World, view: &View, by: isize) {
    let offers = offers(prompt, world, view);
    let count = offers.len();
    // As in a shell: up from an empty line is the line before.
    let has_lines = matches!(offers.first(), Some(Offer::Line(_))) && prompt.text().is_empty();
    prompt.picked = match (prompt.picked, by > 0) {
        _ if count == 0 => None,
        (None, down) if down || has_lines => Some(0),
        (None, _) => Some(count - 1),
        (Some(0), false) => None,
        (Some(at), _) => Some(at.saturating_add_signed(by).min(count - 1)),
    };
}

/// Completes the word at the cursor: with the picked offer, the only one, or what all have in common.
pub fn complete(prompt: &mut Prompt, world: &World, view: &View) {
    let offers = offers(prompt, world, view);
    if let Some(Offer::Line(line)) = prompt.picked.and_then(|at| offers.get(at)) {
        *prompt = Prompt::with(line);
        return;
    }
    let words: Vec<(String, usize)> = offers
        .into_iter()
        .enumerate()
        .filter(|(at, _)| prompt.picked.is_none_or(|picked| picked == *at))
        .filter_map(|(_, offer)| match offer {
            Offer::Word { text, start, .. } => Some((text, start)),
            Offer::Key { .. } | Offer::Line(_) => None,
        })
        .collect();
    let Some((first, start)) = words.first().cloned() else { return };
    let typed = prompt.before()[start.min(prompt.before().len())..].to_ascii_lowercase();
    let like: Vec<&String> = words
        .iter()
        .map(|word| &word.0)
        .filter(|word| word.to_ascii_lowercase().starts_with(&typed))
        .collect();
    match like.as_slice() {
        [] | [_] => {
            let word = like.first().map_or(first, |word| (*word).clone());
            prompt.replace_word(start, &(word + " "));
        }
        several => {
            let common = several.iter().skip(1).fold(several[0].as_str(), |common, word| {
                let same = common.chars().zip(word.chars()).take_while(|(a, b)| a == b);
                &common[..same.map(|(c, _)| c.len_utf8()).sum()]
            });
            if common.len() > typed.len() {
                prompt.replace_word(start, common);
            } else {
                prompt.picked = Some(0);
            }
        }
    }
}

/// Enter: does what was typed, or what was picked. A line that is wrong stays, with what is wrong under it.
pub fn accept(mut prompt: Prompt, world: &World, view: &mut View) -> Option<Outcome> {
    if let Some(picked) = prompt.picked {
        match offers(&prompt, world, view).into_iter().nth(picked) {
            Some(Offer::Key { action, .. }) => return action::act(action, world, view),
            Some(Offer::Word { text, start, .. }) => {
                prompt.replace_word(start, &(text + " "));
                view.mode = Mode::Palette(prompt);
                return None;
            }
            Some(Offer::Line(line)) => prompt = Prompt::with(&line),
            None => {}
        }
    }
    let line = prompt.text().trim();
    if line.is_empty() {
        return None;
    }
    let indent = prompt.text().len() - prompt.text().trim_start().len();
    match grammar::command(line, &world.topology.names) {
        Ok(command) => {
            view.remember(line);
            Some(match command {
                crate::command::Command::Quit => Outcome::Leave(action::Leaving::Quit),
                command => Outcome::Give(vec![command]),
            })
        }
        Err(error) => {
            if let Some(action) = named(line, world, view) {
                return action::act(action, world, view);
            }
            prompt.wrong = Some(error.at.start + indent..error.at.end + indent);
            prompt.problem = Some(error.to_string());
            view.mode = Mode::Palette(prompt);
            None
        }
    }
}
