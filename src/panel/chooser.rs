//! Lists to choose from: the policies of an LS, the names that can be asked, grouped by who has them.

use super::export::Span;
use super::paint::{Border, Canvas, Row, width};
use super::scrub::moment;
use super::store;
use super::targets;
use super::theme::Ink;
use super::view::View;
use crate::base::{NodeId, Shown, units};
use crate::command::Command;
use crate::command::grammar::{self, Known as _};
use crate::message::{HostName, Operation, RecordType};
use crate::topology::{Kind, Policy};
use crate::world::World;
use ratatui::layout::Rect;
use std::sync::Arc;
use std::time::Duration;

/// What is chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// What to ask.
    Name,
    /// What to do with a store.
    Operation,
    /// How an LS chooses.
    Policy,
    /// Which part of the past becomes a cast.
    Span,
}

/// What comes of a choice.
#[derive(Debug, Clone, PartialEq)]
pub enum Choice {
    /// A command for the lab.
    Give(Command),
    /// A cast of this span.
    Export(Span),
}

/// One row of the list.
#[derive(Debug, Clone, PartialEq)]
struct Entry {
    text: String,
    note: String,
    present: bool,
    /// None for a heading.
    choice: Option<Choice>,
}

/// A list with a cursor and, for names, a line to type one's own.
#[derive(Debug, Clone, PartialEq)]
pub struct Chooser {
    /// What is chosen.
    pub purpose: Purpose,
    title: String,
    entries: Vec<Entry>,
    at: usize,
    /// The client that asks, where names are chosen.
    client: Option<NodeId>,
    /// What was typed: narrows the list; with no match it is the name itself.
    pub typed: String,
}

/// Names listed at most; a table of thousands is searched by typing.
const NAMES_MAX: usize = 2000;
const TYPED_MAX: usize = 200;

impl Chooser {
    /// The policies of the LS that `s` means, the present one marked.
    #[must_use]
    pub fn policies(world: &World, view: &View) -> Option<Self> {
        let ls = targets::ls(world, view)?;
        let now = targets::policy(world, ls)?;
        let entries: Vec<Entry> = Policy::ALL
            .into_iter()
            .map(|policy| Entry {
                text: policy.word().into(),
                note: policy_note(policy).into(),
                present: policy == now,
                choice: Some(Choice::Give(Command::Set {
                    node: ls,
                    key: Arc::from("policy"),
                    value: Arc::from(policy.word()),
                })),
            })
            .collect();
        let at = entries.iter().position(|entry| entry.present).unwrap_or(0);
        let title = format!("Policy of {}", world.topology.names.of(ls));
        Some(Self {
            purpose: Purpose::Policy,
            title,
            entries,
            at,
            client: None,
            typed: String::new(),
        })
    }

    /// The names of the tables and of the client's list, grouped by who has them.
    #[must_use]
    pub fn names(world: &World, view: &View) -> Option<Self> {
        let client = targets::client(world, view)?;
        if matches!(world.topology.node(client).kind, Kind::StoreClient(_)) {
            return Some(Self::operations(world, client));
        }
        let topology = &world.topology;
        let heading =
            |text: String| Entry { text, note: String::new(), present: false, choice: None };
        let entry = |name: &HostName, note: String| Entry {
            text: name.as_str().to_owned(),
            note,
            present: false,
            choice: Some(Choice::Give(Command::Query {
                client,
                name: Some(name.clone()),
                kind: RecordType::A,
                times: 1,
            })),
        };
        let mut entries = Vec::new();
        for node in &topology.nodes {
            let Kind::Ts(ts) = &node.kind else { continue };
            if !ts.store.is_empty() {
                continue;
            }
            entries.push(heading(format!("{} has", topology.names.of(node.id))));
            for record in ts.records.iter().take(NAMES_MAX.saturating_sub(entries.len())) {
                entries.push(entry(&record.name, record.address.to_string()));
            }
        }
        if let Kind::Client(config) = &topology.node(client).kind {
            let nobodys: Vec<&HostName> =
                config.list.iter().filter(|name| topology.holders(name).next().is_none()).collect();
            let stored = |name: &HostName| store::value(world, name);
            let (kept, nobodys): (Vec<&HostName>, Vec<&HostName>) =
                nobodys.into_iter().partition(|name| stored(name).is_some());
            if !kept.is_empty() {
                entries.push(heading("the store has".into()));
                let entry = |name| entry(name, stored(name).unwrap_or_default());
                entries.extend(kept.into_iter().map(entry));
            }
            if !nobodys.is_empty() {
                entries.push(heading("nobody has".into()));
                entries.extend(nobodys.into_iter().map(|name| entry(name, String::new())));
            }
        }
        let at = entries.iter().position(|entry| entry.choice.is_some()).unwrap_or(0);
        let title = format!("What shall {} ask?", topology.names.of(client));
        let (purpose, typed) = (Purpose::Name, String::new());
        Some(Self { purpose, title, entries, at, client: Some(client), typed })
    }

    /// The operations of a client of a store: those of its list, and whatever is typed.
    fn operations(world: &World, client: NodeId) -> Self {
        let topology = &world.topology;
        let own = match &topology.node(client).kind {
            Kind::StoreClient(config) => config.operations.to_vec(),
            _ => Vec::new(),
        };
        let others = topology.operations();
        let heading =
            |text: String| Entry { text, note: String::new(), present: false, choice: None };
        let entry = |operation: &Operation| Entry {
            text: Shown::short(&operation.to_string(), 48).into(),
            note: if operation.is_write() { "write" } else { "read" }.into(),
            present: false,
            choice: Some(Choice::Give(Command::Operate {
                client,
                operation: operation.clone(),
                times: 1,
            })),
        };
        let mut entries = Vec::new();
        if !own.is_empty() {
            entries.push(heading(format!("{} goes through", topology.names.of(client))));
            entries.extend(own.iter().map(entry));
        }
        let mut others: Vec<&Operation> = others.iter().filter(|it| !own.contains(it)).collect();
        others.dedup();
        if !others.is_empty() {
            entries.push(heading("others do".into()));
            entries.extend(others.into_iter().take(NAMES_MAX).map(entry));
        }
        let at = entries.iter().position(|entry| entry.choice.is_some()).unwrap_or(0);
        let title = format!("What shall {} do?", topology.names.of(client));
        let (purpose, typed) = (Purpose::Operation, String::new());
        Self { purpose, title, entries, at, client: Some(client), typed }
    }

    /// Spans of the past, the last marker first where there is one.
    #[must_use]
    pub fn spans(world: &World) -> Self {
        let spans = [
            (Span::SinceMarker, "from the last marker on"),
            (Span::All, "all that the log still has"),
            (Span::Last(Duration::from_secs(60)), "the last minute"),
            (Span::Last(Duration::from_secs(10)), "the last ten seconds"),
        ];
        let entry = |(span, text): (Span, &str)| {
            let begins = span.begins(world, world.now)?;
            let note = match (span, world.markers.back()) {
                (Span::SinceMarker, Some(marker)) => {
                    format!("{}  {}", moment(begins, true), marker.2)
                }
                (Span::All, _) => format!("up to {}", moment(world.now, true)),
                _ => String::new(),
            };
            let choice = Some(Choice::Export(span));
            Some(Entry { text: text.into(), note, present: false, choice })
        };
        let entries = spans.into_iter().filter_map(entry).collect();
        let title = "Which part shall the cast show?".to_owned();
        let (purpose, typed, at) = (Purpose::Span, String::new(), 0);
        Self { purpose, title, entries, at, client: None, typed }
    }

    fn matches(&self, entry: &Entry) -> bool {
        self.typed.is_empty()
            || (entry.choice.is_some()
                && entry.text.to_ascii_lowercase().contains(&self.typed.to_ascii_lowercase()))
    }

    fn visible(&self) -> Vec<usize> {
        (0..self.entries.len()).filter(|at| self.matches(&self.entries[*at])).collect()
    }

    /// Moves the cursor over the rows that can be chosen.
    pub fn step(&mut self, by: isize) {
        let rows: Vec<usize> =
            self.visible().into_iter().filter(|at| self.entries[*at].choice.is_some()).collect();
        let present = rows.iter().position(|at| *at == self.at).unwrap_or(0);
        let to = present.saturating_add_signed(by).min(rows.len().saturating_sub(1));
        if let Some(at) = rows.get(to) {
            self.at = *at;
        }
    }

    /// Types into the list.
    pub fn type_text(&mut self, text: &str) {
        // An operation has words, a name has none.
        let spaces = self.purpose == Purpose::Operation;
        for c in text.chars().filter(|c| !c.is_control() && (spaces || !c.is_whitespace())) {
            if self.typed.len() < TYPED_MAX && self.purpose != Purpose::Policy {
                self.typed.push(c);
            }
        }
        self.step(0);
    }

    /// Takes the last typed character back.
    pub fn backspace(&mut self) {
        self.typed.pop();
        self.step(0);
    }

    /// What comes of the chosen row, or of what was typed.
    #[must_use]
    pub fn accept(&self) -> Option<Choice> {
        let chosen = self.entries.get(self.at).filter(|entry| self.matches(entry));
        if let Some(choice) = chosen.and_then(|entry| entry.choice.clone()) {
            return Some(choice);
        }
        if self.purpose == Purpose::Span {
            return typed_span(&self.typed).map(Choice::Export);
        }
        let client = self.client?;
        Some(Choice::Give(match self.purpose {
            Purpose::Operation => {
                let operation = typed_operation(&self.typed)?;
                Command::Operate { client, operation, times: 1 }
            }
            _ if self.typed.is_empty() => return None,
            _ => {
                let name = Some(HostName::new(&self.typed));
                Command::Query { client, name, kind: RecordType::A, times: 1 }
            }
        }))
    }

    /// What was typed, or what can be.
    fn typed_row(&self, canvas: &Canvas<'_>) -> Row {
        if self.typed.is_empty() {
            let own = match self.purpose {
                Purpose::Operation => " type to search, or: post ROOM TEXT, get KEY, …",
                Purpose::Span => " or type how much of the past, such as 90s",
                _ => " type to search, or a name of your own",
            };
            Row::new().with(own, canvas.ink(Ink::Muted))
        } else {
            let word = match self.purpose {
                Purpose::Operation => " does ",
                Purpose::Span => " the last ",
                _ => " asks ",
            };
            Row::new()
                .with(word, canvas.ink(Ink::Muted))
                .with(format!("{}▌", self.typed), canvas.ink(Ink::Focus))
        }
    }

    /// What stands in the place of rows where nothing answers to what was typed.
    fn instead(&self) -> &'static str {
        match (self.purpose, typed_operation(&self.typed)) {
            (Purpose::Operation, None) => "post ROOM TEXT, read ROOM, put KEY VALUE, get KEY",
            (Purpose::Operation, Some(_)) => "Enter does it",
            (Purpose::Span, _) => match typed_span(&self.typed) {
                Some(_) => "Enter makes a cast of it",
                None => "a time with its unit: 300ms, 90s, 5min",
            },
            _ => "no server has such a name; Enter asks it all the same",
        }
    }

    /// Draws the list over the middle of the screen.
    pub fn draw(&self, canvas: &mut Canvas<'_>, screen: Rect) {
        let visible = self.visible();
        let height = (visible.len() as u16 + 4).min(screen.height);
        let area = super::layout::centred(screen, 64, height.max(7));
        canvas.clear(area);
        let title = Row::new().with(format!(" {} ", self.title), canvas.ink(Ink::Strong));
        let inner = canvas.frame(area, Border::Box, true, &title, &Row::new());
        if inner.height == 0 {
            return;
        }
        let mut list = inner;
        if self.purpose != Purpose::Policy && inner.height > 1 {
            list.height -= 1;
            let y = inner.bottom() - 1;
            let typed = self.typed_row(canvas);
            canvas.row(inner.x, y, inner.width, &typed);
        }
        if visible.is_empty() && list.height > 0 {
            let text = self.instead();
            canvas.text(list.x + 1, list.y, list.width, text, canvas.ink(Ink::Muted));
        }
        // The notes stand below each other, right of the longest entry.
        let longest = self.entries.iter().filter(|entry| entry.choice.is_some());
        let present = if self.purpose == Purpose::Policy { 7 } else { 0 };
        let longest = longest.map(|entry| width(&entry.text)).max().unwrap_or(0).min(30) + present;
        let cursor = visible.iter().position(|at| *at == self.at).unwrap_or(0);
        let rows = usize::from(list.height);
        let top = (cursor + 1).saturating_sub(rows.saturating_sub(1)).min(visible.len());
        for (row, at) in visible.iter().skip(top).take(rows).enumerate() {
            let y = list.y + row as u16;
            let entry = &self.entries[*at];
            if entry.choice.is_none() {
                canvas.text(list.x + 1, y, list.width, &entry.text, canvas.ink(Ink::Muted));
                continue;
            }
            let picked = *at == self.at;
            let mark = if picked { "▸ " } else { "  " };
            let x = canvas.text(list.x + 1, y, 2, mark, canvas.ink(Ink::Focus));
            let style = if picked { canvas.theme.selected() } else { canvas.ink(Ink::Text) };
            let room = list.width.saturating_sub(4);
            let x = canvas.text(x, y, room, &entry.text, style) + 2;
            let x = if entry.present {
                canvas.text(x, y, list.right().saturating_sub(x), " NOW ", canvas.badge(Ink::Lead))
                    + 2
            } else {
                x
            };
            let x = x.max(list.x + 3 + longest + 2);
            canvas.text(x, y, list.right().saturating_sub(x), &entry.note, canvas.ink(Ink::Muted));
        }
    }
}

/// So much lab time before now: `90s`.
fn typed_span(text: &str) -> Option<Span> {
    let time = units::duration(text).ok().filter(|time| !time.is_zero());
    time.map(Span::Last)
}

/// An operation in the words of the grammar: `put k v`.
fn typed_operation(text: &str) -> Option<Operation> {
    grammar::operation(text.trim()).ok()
}

fn policy_note(policy: Policy) -> &'static str {
    match policy {
        Policy::Race => "asks all, the first answer wins",
        Policy::Gather => "asks all, waits for every one",
        Policy::Batch => "asks all, waits a window out",
        Policy::Failover => "asks one, the next on silence",
        Policy::Hedge => "asks one, another if it is slow",
        Policy::Tied => "asks two, one is cancelled",
        Policy::RoundRobin => "asks one, in turn",
        Policy::Sticky => "a name stays with its server",
        Policy::Hash => "a name has its server, no table",
        Policy::TwoChoices => "of two, the one with less to do",
    }
}
