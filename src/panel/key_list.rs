//! The lists of keys in the documents, made from the keymap, so that they cannot say anything else than it.

use super::action::Action;
use super::action_word::Section;
use super::chord::Chord;
use super::keymap::{Binding, Context, Keymap, ROWS};
use super::view::PanelId;
use std::fmt::Write as _;

/// One row of a list: the keys of one thing, in some places.
struct Entry<'a> {
    keys: Vec<String>,
    places: Vec<Context>,
    row: &'a Binding,
}

/// The rows of some contexts: what does the same thing in the same words shares one.
fn entries(keymap: &Keymap, belongs: impl Fn(&Binding) -> bool) -> Vec<Entry<'_>> {
    let mut entries: Vec<Entry<'_>> = Vec::new();
    for row in keymap.rows().iter().filter(|row| belongs(row)) {
        let key = match row.chord {
            Chord::Unbound => format!("`:{}`", row.action.word()),
            chord => format!("`{}`", chord.word()),
        };
        let same =
            |entry: &&mut Entry<'_>| entry.row.action == row.action && entry.row.help == row.help;
        match entries.iter_mut().find(same) {
            Some(entry) => {
                if !entry.keys.contains(&key) {
                    entry.keys.push(key);
                }
                if !entry.places.contains(&row.context) {
                    entry.places.push(row.context);
                }
            }
            None => entries.push(Entry { keys: vec![key], places: vec![row.context], row }),
        }
    }
    entries
}

/// The keys that lead a lecture, in two columns: what the README shows.
#[must_use]
pub fn lecture_keys(keymap: &Keymap) -> String {
    let leads = |row: &Binding| {
        let section = row.action.section();
        let lecture =
            matches!(section, Section::Lecture | Section::Nodes | Section::Links | Section::Clock);
        let always = matches!(row.action, Action::Palette | Action::Help);
        row.context == Context::Panels && (lecture || always)
    };
    let mut entries = entries(keymap, leads);
    entries.sort_by_key(|entry| entry.row.action.section());
    let half = entries.len().div_ceil(2);
    let mut text = "| key | does | key | does |\n|---|---|---|---|\n".to_owned();
    for at in 0..half {
        let cell = |entry: Option<&Entry<'_>>| {
            entry.map_or_else(
                || " | ".to_owned(),
                |entry| format!("{} | {}", entry.keys.join(" "), entry.row.help),
            )
        };
        let (left, right) = (cell(entries.get(at)), cell(entries.get(at + half)));
        // Writing to a String cannot fail.
        let _ = writeln!(text, "| {left} | {right} |");
    }
    text
}

/// Every key with the word of its action, by sections, then those of dialogs: what `faultlab keys` prints.
#[must_use]
pub fn whole_list(keymap: &Keymap) -> String {
    let mut text = String::new();
    let outside = entries(keymap, |row| !row.context.is_fixed());
    for section in Section::ALL {
        let rows = outside.iter().filter(|entry| entry.row.action.section() == section);
        table(&mut text, section.word(), rows);
    }
    for (context, heading) in [
        (Context::Clicker, "A presenter's keys, with `--clicker`, on every panel"),
        (Context::Replay, "While a replay is shown"),
        (Context::List, "In a list, and in the help"),
        (Context::Line, "In a line that is being typed"),
        (Context::Page, "On a page"),
        (Context::Diagram, "In the space-time diagram"),
        (Context::Quit, "When the panel asks"),
        (Context::File, "When the topology's file has changed"),
    ] {
        let rows = entries(keymap, |row| row.context == context);
        table(&mut text, heading, rows.iter());
    }
    text
}

fn table<'a>(text: &mut String, heading: &str, rows: impl Iterator<Item = &'a Entry<'a>>) {
    let gap = if text.is_empty() { "" } else { "\n" };
    // Writing to a String cannot fail.
    let _ = writeln!(text, "{gap}## {heading}\n\n| key | does | action |\n|---|---|---|");
    for entry in rows {
        let place = place(&entry.places);
        let (keys, help, word) = (entry.keys.join(" "), entry.row.help, entry.row.action.word());
        let _ = writeln!(text, "| {keys} | {help}{place} | `{word}` |");
    }
}

/// Where a key is valid, where that is not everywhere.
fn place(places: &[Context]) -> String {
    let word = |panel: &PanelId| match panel {
        PanelId::Map => "map",
        PanelId::Race => "race",
        PanelId::System => "system",
        PanelId::Events => "events",
        PanelId::Belief => "belief",
        PanelId::Steps => "steps",
        PanelId::Figures => "figures",
    };
    let mut panels: Vec<&str> = Vec::new();
    for context in places {
        match context {
            Context::On(panel) => panels.push(word(panel)),
            Context::Rows => panels.extend(ROWS.iter().map(word)),
            _ => return String::new(),
        }
    }
    format!(" ({})", panels.join(", "))
}
