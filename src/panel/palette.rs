//! The command line `:`: any command in words, completed from verbs, nodes and values; and every key's action by name.

use super::action::{self, Action, Outcome};
use super::keymap::{self, Context};
use super::paint::{Border, Canvas, Row, width};
use super::prompt::Prompt;
use super::theme::Ink;
use super::view::{Mode, View};
use crate::base::NodeId;
use crate::command::grammar;
use crate::message::{HostName, Operation};
use crate::topology::{Kind, setting};
use crate::world::World;
use ratatui::layout::Rect;

/// Rows offered under the line.
const OFFERS_MAX: usize = 8;

/// What the grammar's completion needs to know of the lab.
struct Lab<'a>(&'a World);

impl grammar::Known for Lab<'_> {
    fn part(&self, node: NodeId) -> grammar::Part {
        self.0.topology.part(node)
    }

    fn operations(&self) -> Vec<Operation> {
        self.0.topology.operations()
    }

    fn runs_here(&self, node: NodeId) -> bool {
        self.0.topology.node(node).at.is_none()
    }

    fn keys(&self, node: NodeId) -> Vec<String> {
        let keys = setting::keys(&self.0.topology.node(node).kind);
        keys.iter().map(|key| (*key).to_owned()).collect()
    }

    fn value(&self, node: NodeId, key: &str) -> Option<String> {
        if let Some(value) = self.0.node(node).changed.get(key) {
            return Some(value.to_string());
        }
        setting::current(&self.0.topology, &self.0.topology.node(node).kind, key)
    }

    fn hosts(&self, client: NodeId) -> Vec<HostName> {
        let topology = &self.0.topology;
        let mut names: Vec<HostName> = match &topology.node(client).kind {
            Kind::Client(config) => config.list.to_vec(),
            _ => Vec::new(),
        };
        for node in &topology.nodes {
            if let Kind::Ts(ts) = &node.kind {
                names.extend(ts.records.iter().map(|record| record.name.clone()));
            }
        }
        names.sort();
        names.dedup();
        names
    }
}

/// One row under the line.
#[derive(Debug, Clone, PartialEq)]
enum Offer {
    /// A word that goes on with what was typed.
    Word { text: String, what: String, start: usize },
    /// An action that has a key.
    Key { words: String, key: String, action: Action },
}

fn offers(prompt: &Prompt, world: &World) -> Vec<Offer> {
    let before = prompt.before();
    let mut out: Vec<Offer> = Vec::new();
    let completions =
        grammar::complete(prompt.text(), before.len(), &world.topology.names, &Lab(world));
    out.extend(completions.into_iter().map(|completion| Offer::Word {
        text: completion.text,
        what: completion.what,
        start: completion.replace.start,
    }));
    let typed = before.trim().to_lowercase();
    if !typed.is_empty() && prompt.behind().is_empty() {
        let mut keys: Vec<Offer> = Vec::new();
        for row in keymap::TABLE.iter().filter(|row| row.context == Context::Panels) {
            let words = format!("{} – {}", row.short.replace(" %", "").replace('%', ""), row.help);
            if !row.short.is_empty() && fuzzy(&words.to_lowercase(), &typed) {
                keys.push(Offer::Key { words, key: row.chord.word(), action: row.action });
            }
        }
        out.truncate(OFFERS_MAX.saturating_sub(keys.len().min(3)).max(1));
        out.extend(keys);
    }
    out.truncate(OFFERS_MAX);
    out
}

/// Whether every word of the needle stands somewhere in the text.
fn fuzzy(text: &str, needle: &str) -> bool {
    needle.split_whitespace().all(|word| text.contains(word))
}

/// Moves the mark over the offers.
pub fn pick(prompt: &mut Prompt, world: &World, by: isize) {
    let count = offers(prompt, world).len();
    if count == 0 {
        return;
    }
    let at = match (prompt.picked, by > 0) {
        (None, true) => 0,
        (None, false) => count - 1,
        (Some(at), _) => at.saturating_add_signed(by).min(count - 1),
    };
    prompt.picked = Some(at);
}

/// Completes the word at the cursor: with the picked offer, the only one, or what all have in common.
pub fn complete(prompt: &mut Prompt, world: &World) {
    let words: Vec<(String, usize)> = offers(prompt, world)
        .into_iter()
        .enumerate()
        .filter(|(at, _)| prompt.picked.is_none_or(|picked| picked == *at))
        .filter_map(|(_, offer)| match offer {
            Offer::Word { text, start, .. } => Some((text, start)),
            Offer::Key { .. } => None,
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
        match offers(&prompt, world).into_iter().nth(picked) {
            Some(Offer::Key { action, .. }) => return action::act(action, world, view),
            Some(Offer::Word { text, start, .. }) => {
                prompt.replace_word(start, &(text + " "));
                view.mode = Mode::Palette(prompt);
                return None;
            }
            None => {}
        }
    }
    if prompt.text().trim().is_empty() {
        return None;
    }
    let indent = prompt.text().len() - prompt.text().trim_start().len();
    match grammar::command(prompt.text().trim(), &world.topology.names) {
        Ok(crate::command::Command::Quit) => Some(Outcome::Leave(action::Leaving::Quit)),
        Ok(command) => Some(Outcome::Give(vec![command])),
        Err(error) => {
            prompt.wrong = Some(error.at.start + indent..error.at.end + indent);
            prompt.problem = Some(error.to_string());
            view.mode = Mode::Palette(prompt);
            None
        }
    }
}

/// Draws the line and its offers over the foot of the screen.
pub fn draw(canvas: &mut Canvas<'_>, screen: Rect, prompt: &Prompt, world: &World) {
    let offers = offers(prompt, world);
    let problem = prompt
        .problem
        .as_deref()
        .map(|text| super::paint::wrap(text, screen.width.saturating_sub(4)));
    let pointer = usize::from(prompt.wrong.is_some());
    let more = pointer + offers.len() + problem.as_ref().map_or(0, Vec::len);
    let height = (more as u16 + 3).min(screen.height);
    let area = Rect { y: screen.bottom() - height, height, ..screen };
    canvas.clear(area);
    let title = Row::new().with(" Command ", canvas.ink(Ink::Strong));
    let note = Row::new().with(" Tab completes  Enter does it  Esc ", canvas.ink(Ink::Muted));
    let inner = canvas.frame(area, Border::Box, true, &title, &note);
    if inner.height == 0 {
        return;
    }
    line(canvas, inner, ":", prompt);
    let mut y = inner.y + 1;
    if let Some(wrong) = &prompt.wrong
        && y < inner.bottom()
    {
        // Right below the word: the line begins with its sign.
        let before = prompt.text().get(..wrong.start).map_or(0, width);
        let word = prompt.text().get(wrong.clone()).map_or(0, width).max(1);
        let room = inner.width.saturating_sub(before + 1);
        let x = inner.x + 1 + before;
        canvas.text(x, y, room, &"^".repeat(usize::from(word)), canvas.ink(Ink::Bad));
        y += 1;
    }
    for text in problem.into_iter().flatten() {
        if y < inner.bottom() {
            canvas.text(inner.x + 1, y, inner.width - 1, &text, canvas.ink(Ink::Bad));
            y += 1;
        }
    }
    for (at, offer) in offers.iter().enumerate() {
        if y >= inner.bottom() {
            break;
        }
        let picked = prompt.picked == Some(at);
        let style = if picked { canvas.theme.selected() } else { canvas.ink(Ink::Text) };
        let row = match offer {
            Offer::Word { text, what, .. } => Row::new()
                .with(format!("  {text:<16} "), style)
                .with(first_clause(what), canvas.ink(Ink::Muted)),
            Offer::Key { words, key, .. } => Row::new()
                .with("  key ", canvas.ink(Ink::Muted))
                .with(format!(" {key} "), canvas.theme.selected())
                .with("  ", canvas.ink(Ink::Muted))
                .with(words.clone(), style),
        };
        canvas.row(inner.x, y, inner.width, &row);
        y += 1;
    }
}

/// As much of a sentence as tells it from the others; the whole stands in the help of the command line.
fn first_clause(what: &str) -> &str {
    what.split(['.', ';']).next().unwrap_or(what)
}

/// Draws a line that is being typed, with its cursor.
pub fn line(canvas: &mut Canvas<'_>, area: Rect, sign: &str, prompt: &Prompt) {
    let room = usize::from(area.width.saturating_sub(3));
    let before: Vec<char> = prompt.before().chars().collect();
    // The end of what stands before the cursor is what one looks at.
    let from = before.len().saturating_sub(room);
    let before: String = before[from..].iter().collect();
    let mut behind = prompt.behind().chars();
    let under = behind.next().unwrap_or(' ');
    let row = Row::new()
        .with(sign, canvas.ink(Ink::Focus))
        .with(before, canvas.ink(Ink::Strong))
        .with(under.to_string(), canvas.theme.selected())
        .with(behind.as_str(), canvas.ink(Ink::Strong));
    canvas.row(area.x, area.y, area.width, &row);
}
