//! What the Tab key offers at a place of a command.

use super::token::{Reader, Word};
use super::verbs::{self, Slot};
use crate::base::{Names, NodeId};
use crate::message::{HostName, Operation, RecordType};
use std::collections::BTreeSet;
use std::ops::Range;

/// What a prompt knows of the lab, so that it offers what fits. A topology knows all of it.
pub trait Known {
    /// What the node is, as far as commands care.
    fn part(&self, node: NodeId) -> Part;
    /// Whether the node runs in this lab, so that it can be killed.
    fn runs_here(&self, node: NodeId) -> bool;
    /// The settings that can be changed while it runs.
    fn keys(&self, node: NodeId) -> Vec<String>;
    /// The value that a setting has in the file.
    fn value(&self, node: NodeId, key: &str) -> Option<String>;
    /// Names that this client may want to ask for.
    fn hosts(&self, client: NodeId) -> Vec<HostName>;
    /// Whether this client speaks DNS, and so can ask for other records than addresses.
    fn speaks_dns(&self, client: NodeId) -> bool;
    /// The operations that clients of the store have in their lists.
    fn operations(&self) -> Vec<Operation>;
}

/// What a node is, as far as commands care.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// It asks for names.
    Client,
    /// It asks the replicas of a store.
    StoreClient,
    /// It asks on behalf of others.
    Ls,
    /// It has a table.
    Ts,
    /// It keeps a store.
    Replica,
}

/// One offer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Completion {
    /// What to put there.
    pub text: String,
    /// What it is, where that needs a word.
    pub what: String,
    /// The bytes of the line that it replaces.
    pub replace: Range<usize>,
}

/// Offers at most.
const OFFERS_MAX: usize = 200;

/// What can stand at the cursor (a byte of the line), best first; empty where anything may be typed.
#[must_use]
pub fn complete(line: &str, cursor: usize, names: &Names, known: &dyn Known) -> Vec<Completion> {
    let mut cursor = cursor.min(line.len());
    while !line.is_char_boundary(cursor) {
        cursor -= 1;
    }
    let before = &line[..cursor];
    let start = before
        .rfind(char::is_whitespace)
        .map_or(0, |at| at + before[at..].chars().next().map_or(1, char::len_utf8));
    let typed = &before[start..];
    let done = words_of(&before[..start], names);
    let offers = match done.first() {
        None => verbs::verbs().iter().map(|help| (help.verb.into(), help.what.into())).collect(),
        Some(verb) => match verbs::find(&verb.text) {
            Some(help) => match help.slots.get(done.len() - 1) {
                Some(slot) => offers(*slot, &done, typed, names, known),
                None => Vec::new(),
            },
            None => Vec::new(),
        },
    };
    pick(offers, typed, start..cursor)
}

fn words_of(text: &str, names: &Names) -> Vec<Word> {
    let mut reader = Reader::new(text, names);
    let mut words = Vec::new();
    while let Ok(Some(word)) = reader.word() {
        words.push(word);
    }
    words
}

/// Those that begin like what was typed, then those that hold it.
fn pick(offers: Vec<(String, String)>, typed: &str, replace: Range<usize>) -> Vec<Completion> {
    let typed = typed.to_ascii_lowercase();
    let (mut first, mut then) = (Vec::new(), Vec::new());
    for (text, what) in offers {
        let lower = text.to_ascii_lowercase();
        let offer = Completion { text, what, replace: replace.clone() };
        if lower.starts_with(&typed) {
            first.push(offer);
        } else if lower.contains(&typed) {
            then.push(offer);
        }
    }
    first.append(&mut then);
    first.truncate(OFFERS_MAX);
    first
}

fn offers(
    slot: Slot,
    done: &[Word],
    typed: &str,
    names: &Names,
    known: &dyn Known,
) -> Vec<(String, String)> {
    let plain = |text: String| (text, String::new());
    let nodes = |fits: &dyn Fn(NodeId) -> bool| -> Vec<(String, String)> {
        let fitting = names.iter().filter(|name| names.id(name).is_some_and(fits));
        fitting.map(|name| plain(name.to_owned())).collect()
    };
    let first = done.get(1).and_then(|word| names.id(&word.text));
    match slot {
        Slot::Client => nodes(&|id| matches!(known.part(id), Part::Client | Part::StoreClient)),
        Slot::StoreClient => nodes(&|id| known.part(id) == Part::StoreClient),
        Slot::Liar => {
            nodes(&|id| matches!(known.part(id), Part::Ts | Part::Replica) && known.runs_here(id))
        }
        Slot::Replica => nodes(&|id| known.part(id) == Part::Replica && known.runs_here(id)),
        Slot::Room => subjects(known, true),
        Slot::StoreKey => subjects(known, false),
        Slot::Node => nodes(&|id| known.runs_here(id)),
        Slot::Server => nodes(&|id| known.runs_here(id) && !known.keys(id).is_empty()),
        Slot::Links => link_offers(typed, names),
        Slot::Host => {
            let hosts = first.map(|client| known.hosts(client)).unwrap_or_default();
            hosts.iter().map(|name| plain(name.as_str().to_owned())).collect()
        }
        Slot::RecordType => {
            let dns = first.is_some_and(|client| known.speaks_dns(client));
            let types = RecordType::words().filter(|_| dns);
            types.chain(["x20"]).map(|word| plain(word.to_owned())).collect()
        }
        Slot::Key => {
            let keys = first.map(|node| (node, known.keys(node)));
            let keys = keys.into_iter().flat_map(|(node, keys)| {
                keys.into_iter().map(move |key| {
                    let now = known.value(node, &key);
                    (key, now.map(|value| format!("in the file: {value}")).unwrap_or_default())
                })
            });
            keys.collect()
        }
        Slot::Value => {
            let key = done.get(2).map(|word| word.text.to_ascii_lowercase());
            let value = first.zip(key).and_then(|(node, key)| known.value(node, &key));
            value.map(|value| (value, "as in the file".to_owned())).into_iter().collect()
        }
        Slot::Words(words) => words.iter().map(|word| plain((*word).to_owned())).collect(),
    }
}

/// The rooms, or the keys, of the lists of clients; those that bear a number are another each time.
fn subjects(known: &dyn Known, rooms: bool) -> Vec<(String, String)> {
    let operations = known.operations();
    let of = operations.iter().filter(|operation| {
        matches!(operation, Operation::Post { .. } | Operation::Read { .. }) == rooms
    });
    let names: BTreeSet<_> = of.map(Operation::place).collect();
    let lasting = names.into_iter().filter(|name| !name.contains("{n}"));
    lasting.map(|name| (name.to_string(), String::new())).collect()
}

/// Nodes, and behind an arrow the node at its other end.
fn link_offers(typed: &str, names: &Names) -> Vec<(String, String)> {
    let Some(arrow) = typed.find("->") else {
        let whole = |name: &str| (name.to_owned(), "all its links".to_owned());
        return names.iter().map(whole).collect();
    };
    let head = &typed[..arrow + 2];
    let left = head.trim_end_matches("->").trim_end_matches('<');
    names
        .iter()
        .filter(|name| *name != left)
        .map(|name| (format!("{head}{name}"), String::new()))
        .collect()
}
