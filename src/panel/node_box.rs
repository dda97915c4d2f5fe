//! One node on the map: its name, its state as a badge with a word, and one line that says what it does.

use super::action::Action;
use super::own_clock;
use super::paint::{Canvas, width};
use super::plan::{Form, Spot, Text};
use super::store;
use super::targets;
use super::theme::Ink;
use super::view::{Selection, View};
use super::words::{self, Badge};
use crate::base::{LabTime, NodeId, Peer};
use crate::event::Life;
use crate::message::Belief;
use crate::topology::{Kind, Role};
use crate::world::{LaneEnd, World};
use ratatui::layout::Rect;
use std::time::Duration;

/// Draws a node where the plan wants it; `traffic` is what is on its way to it or from it, where no link shows that.
pub fn draw(
    canvas: &mut Canvas<'_>,
    form: Form,
    spot: &Spot,
    traffic: Option<(char, Ink)>,
    (world, view, now): (&World, &View, LabTime),
) {
    let name = name_of(world, spot.peer);
    let clock = spot.peer.node().and_then(|id| own_clock::forms(world, id, now));
    let selected = match (view.selection, spot.peer) {
        (Selection::Node(id), Peer::Node(node)) => id == node,
        _ => false,
    };
    let badge = spot.peer.node().and_then(|id| words::badge(world, id, now));
    let detail = match spot.peer {
        Peer::Node(id) => detail(world, view, id, now),
        Peer::Visitor(id) => Detail::one(visitor(world, id), Ink::Muted),
    };
    let ink = frame_ink(
        world,
        view,
        spot.peer,
        badge.as_ref().filter(|badge| badge.ink != Ink::Muted).map(|badge| badge.ink),
    );
    let replica = spot.peer.node().and_then(|id| world.audit.replica(id));
    let leads = replica.is_some_and(crate::check::ReplicaState::leads);
    let stored = replica.is_some();
    let content = Content { name, selected, badge, detail, clock, ink, leads, stored };
    match form {
        Form::Tall => boxed(canvas, spot.area, &content),
        Form::Trio | Form::Pair | Form::Pill => pill(canvas, form, spot, &content),
        Form::Grid => cell(canvas, spot.area, &content, traffic),
    }
}

/// A node's name, with a mark behind it where its clock is wrong.
fn name_of(world: &World, peer: Peer) -> String {
    let mut name = world.topology.names.peer(peer).to_string();
    if peer.node().is_some_and(|id| !world.node(id).clock.is_right()) {
        name.push(own_clock::MARK);
    }
    name
}

struct Content {
    name: String,
    selected: bool,
    badge: Option<Badge>,
    detail: Detail,
    /// What is wrong with its clock.
    clock: Option<Vec<String>>,
    ink: Ink,
    /// Whether it leads: it has a double frame.
    leads: bool,
    /// Whether it is a replica: its detail is never left out for its badge.
    stored: bool,
}

/// What a node does, in words of several lengths: the longest that fits is shown.
struct Detail {
    forms: Vec<String>,
    ink: Ink,
}

impl Detail {
    fn one(text: String, ink: Ink) -> Self {
        Self { forms: vec![text], ink }
    }

    /// A word with a figure: `answers in 80 ms`, `took 80 ms`, `80ms`.
    fn timed(words: &[&str], time: Duration, ink: Ink) -> Self {
        let whole = words.iter().map(|word| format!("{word} {}", words::figure(time)));
        let mut forms: Vec<String> = whole.collect();
        forms.extend(words.last().map(|word| format!("{word} {}", words::tiny(time))));
        Self { forms, ink }
    }

    fn fit(&self, columns: u16) -> &str {
        let fits = self.forms.iter().find(|form| width(form) <= columns);
        fits.or(self.forms.last()).map_or("", String::as_str)
    }
}

impl Content {
    /// What is wrong with its clock, as far as there is room.
    fn clock_words(&self, columns: u16) -> Option<&str> {
        let forms = self.clock.as_ref()?;
        forms.iter().find(|form| width(form) <= columns).map(String::as_str)
    }

    fn name_style(&self, canvas: &Canvas<'_>) -> ratatui::style::Style {
        if self.selected { canvas.theme.selected() } else { canvas.ink(Ink::Strong) }
    }
}

fn boxed(canvas: &mut Canvas<'_>, area: Rect, content: &Content) {
    canvas.clear(area);
    let (last, bottom) = (area.right() - 1, area.bottom() - 1);
    let style = canvas.ink(content.ink);
    let lines = if content.leads {
        ['═', '║', '╔', '╗', '╚', '╝']
    } else {
        ['─', '│', '┌', '┐', '└', '┘']
    };
    for x in area.x..=last {
        canvas.glyph(x, area.y, lines[0], style);
        canvas.glyph(x, bottom, lines[0], style);
    }
    for y in area.y..=bottom {
        canvas.glyph(area.x, y, lines[1], style);
        canvas.glyph(last, y, lines[1], style);
    }
    let [_, _, left, right, low_left, low_right] = lines;
    let corners = [
        (area.x, area.y, left),
        (last, area.y, right),
        (area.x, bottom, low_left),
        (last, bottom, low_right),
    ];
    for (x, y, corner) in corners {
        canvas.glyph(x, y, corner, style);
    }
    let (x, y) = (area.x + 2, area.y + 1);
    let room = area.width.saturating_sub(3);
    if content.selected {
        canvas.glyph(area.x + 1, y, '▸', canvas.ink(Ink::Focus));
    }
    let end = canvas.text(x, y, room, &content.name, content.name_style(canvas));
    let mut row = y;
    if let Some(badge) = &content.badge {
        let beside = last.saturating_sub(end + 1);
        // Beside the name where it fits; else in the place of the detail. Who has a detail all the same keeps it, and
        // the badge loses its figure first.
        let both = !content.detail.forms.is_empty() && content.stored;
        if width(badge.word) <= beside && (both || width(&badge.whole()) <= beside) {
            canvas.text(end + 1, y, beside, &badge.text(beside), badge.style(canvas));
        } else {
            row = y + 1;
            canvas.text(x, row, room, &badge.text(room), badge.style(canvas));
        }
    }
    if row == y {
        canvas.text(x, y + 1, room, content.detail.fit(room), canvas.ink(content.detail.ink));
    }
    if let Some(words) = content.clock_words(room.saturating_sub(1)) {
        canvas.text(x, bottom, room, words, canvas.ink(Ink::Slow));
    }
}

fn pill(canvas: &mut Canvas<'_>, form: Form, spot: &Spot, content: &Content) {
    let core = spot.core;
    canvas.clear(core);
    let frame = canvas.ink(content.ink);
    let columns = (width(&content.name) + 4).min(core.width);
    let spare = if form == Form::Pill { 0 } else { core.width - columns };
    let x = core.x + spare / 2;
    let end = core.right();
    let (open, style) =
        if content.selected { ("[▸", canvas.ink(Ink::Focus)) } else { ("[ ", frame) };
    let (open, close) = match (content.leads, content.selected) {
        (true, true) => ("╣▸", " ╠"),
        (true, false) => ("╣ ", " ╠"),
        (false, _) => (open, " ]"),
    };
    // Between the bracket and the link there is no hole.
    for gap in core.x..x {
        canvas.glyph(gap, core.y, ' ', frame);
    }
    let mut at = canvas.text(x, core.y, end - x, open, style);
    let name = content.name_style(canvas);
    at = canvas.text(at, core.y, end.saturating_sub(at), &content.name, name);
    canvas.text(at, core.y, end.saturating_sub(at), close, frame);
    if form == Form::Trio || form == Form::Pair {
        let area = spot.area;
        let badge =
            content.badge.as_ref().map(|badge| (badge.text(area.width), badge.style(canvas)));
        let detail = (content.detail.fit(area.width).to_owned(), canvas.ink(content.detail.ink));
        // Below the name the badge, and below that the detail, as far as there are rows.
        let lines = badge.into_iter().chain([detail]);
        let clock = content.clock_words(area.width);
        let clock = clock.map(|words| (words.to_owned(), canvas.ink(Ink::Slow)));
        for ((text, style), y) in lines.chain(clock).zip(area.y + 1..area.bottom()) {
            let columns = width(&text).min(area.width);
            canvas.text(area.x + (area.width - columns) / 2, y, columns, &text, style);
        }
    } else if let Some(badge) = &content.badge {
        // One row only: the badge stands beside the name.
        let room = end.saturating_sub(at + 2);
        canvas.text(at + 2, core.y, room, &badge.text(room), badge.style(canvas));
    }
}

/// Columns of what is written at a node.
#[must_use]
pub fn columns(world: &World, view: &View, peer: Peer, now: LabTime) -> Text {
    let name = width(&name_of(world, peer));
    let text = Text { name, ..Text::default() };
    match peer {
        Peer::Visitor(id) => Text { below: width(&visitor(world, id)), ..text },
        Peer::Node(id) => {
            let badge = words::badge(world, id, now).map_or(0, |badge| width(&badge.whole()));
            if badge > 0 && world.audit.replica(id).is_none() {
                return Text { below: badge, badge, ..text };
            }
            let forms = detail(world, view, id, now).forms;
            let detail = forms.iter().map(|form| width(form)).max().unwrap_or(0);
            Text { below: detail.max(badge), badge, ..text }
        }
    }
}

fn cell(canvas: &mut Canvas<'_>, area: Rect, content: &Content, traffic: Option<(char, Ink)>) {
    let mark = if content.selected { "▸" } else { " " };
    let x = canvas.text(area.x, area.y, area.width, mark, canvas.ink(Ink::Focus));
    let style = match &content.badge {
        Some(badge) if badge.loud && !content.selected => canvas.ink(badge.ink),
        _ => content.name_style(canvas),
    };
    let x = canvas.text(x, area.y, area.right().saturating_sub(x), &content.name, style);
    let mut end = x;
    if let Some(badge) = content.badge.as_ref().filter(|badge| badge.loud) {
        // The word where there is room for it and a mark behind it, else its sign.
        let room = area.right().saturating_sub(x);
        if room >= width(badge.word) + 4 {
            end = canvas.text(x + 1, area.y, room, badge.word, canvas.badge(badge.ink));
        } else {
            end = canvas.text(x, area.y, room, words::sign(badge.word), canvas.ink(badge.ink));
        }
    }
    // Behind the words, and where there is no room behind them, not at all.
    let place = area.right().saturating_sub(2);
    if let Some((glyph, ink)) = traffic.filter(|_| place >= end) {
        canvas.glyph(place, area.y, glyph, canvas.ink(ink));
    }
}

fn visitor(world: &World, id: crate::base::VisitorId) -> String {
    match world.visitors.get(&id) {
        Some(visitor) if visitor.left.is_some() => "gone".into(),
        Some(visitor) => format!("asked {}", visitor.asked),
        None => String::new(),
    }
}

/// The frame shows the state, or who won the race on show.
fn frame_ink(world: &World, view: &View, peer: Peer, badge: Option<Ink>) -> Ink {
    if let Some(ink) = badge {
        return ink;
    }
    let Some(id) = peer.node() else { return Ink::Message };
    let race = match view.race {
        Some(no) => world.race(no),
        None => world.races.back().map(AsRef::as_ref),
    };
    let won = race.is_some_and(|race| {
        race.lanes.iter().any(|lane| lane.upstream == id && lane.end == LaneEnd::Won)
    });
    if won { Ink::Good } else { Ink::Text }
}

/// What a node does, in a few words.
fn detail(world: &World, view: &View, id: NodeId, now: LabTime) -> Detail {
    let one = Detail::one;
    let node = world.node(id);
    let config = world.topology.node(id);
    if let Some((forms, ink)) = store::detail(world, id) {
        return Detail { forms, ink };
    }
    if let Some((believer, belief)) = wrong_belief(world, id) {
        let word = words::belief(belief).0;
        return one(format!("{}: {word} ≠", world.topology.names.of(believer)), Ink::Bad);
    }
    match &config.kind {
        Kind::Client(_) | Kind::StoreClient(_) if node.per_kilosecond > 0 => {
            let rate = node.per_kilosecond as f64 / 1000.0;
            one(format!("load {rate}/s"), Ink::Message)
        }
        Kind::Client(_) if node.load.open > 0 => {
            one(format!("waits for {}", node.load.open), Ink::Message)
        }
        Kind::Client(_) => client(world, view, id),
        Kind::StoreClient(_) => asker(world, view, id),
        Kind::Replica(_) => one(String::new(), Ink::Muted),
        Kind::Ls(ls) => {
            let policy = targets::policy(world, id).unwrap_or(ls.policy).word();
            match node.window {
                Some((_, closes)) => {
                    one(format!("window {}", words::tiny(closes.since(now))), Ink::Message)
                }
                None if node.load.open > 0 => {
                    one(format!("{policy}, {} open", node.load.open), Ink::Text)
                }
                None => one(policy.to_owned(), Ink::Muted),
            }
        }
        Kind::Ts(_) if node.life == Life::Up && node.load.open > 0 => {
            one(format!("works on {}", node.load.open), Ink::Text)
        }
        // Who does not run answers in no time at all.
        Kind::Ts(ts) => match answers_in(world, id).filter(|_| node.life == Life::Up) {
            Some(time) => Detail::timed(&["answers in", "took"], time, Ink::Muted),
            None if !ts.store.is_empty() => one("asks the store".to_owned(), Ink::Muted),
            None => one(names_of(ts.records.len()), Ink::Muted),
        },
    }
}

/// `1 name`, `17 names`.
fn names_of(count: usize) -> String {
    if count == 1 { "1 name".into() } else { format!("{count} names") }
}

/// A client of a store: how its last operation went.
fn asker(world: &World, view: &View, id: NodeId) -> Detail {
    let group = world.audit.group_of(id);
    let of = |op: &&crate::check::Op| op.asker.is_some_and(|(node, ..)| node == id);
    let Some(op) = group.and_then(|group| group.ops().rev().find(of)) else {
        return Detail::one(format!("{} fire", view.key(Action::Fire)), Ink::Muted);
    };
    match (&op.ended, op.took()) {
        (Some(ended), Some(took)) => Detail::timed(&[ended.outcome.word()], took, Ink::Muted),
        // Whoever is dead waits for nothing: it will never know.
        _ if op.over().is_some() => {
            let forms = ["unknown ", ""].map(|word| format!("{word}#{}", op.no.0));
            Detail { forms: forms.into(), ink: Ink::Muted }
        }
        _ => Detail::one(format!("waits #{}", op.no.0), Ink::Message),
    }
}

fn client(world: &World, view: &View, id: NodeId) -> Detail {
    let last = world.races.iter().rev().find(|race| race.asker == Peer::Node(id));
    let verdict = last.and_then(|race| race.verdict.as_ref().map(|verdict| (race.begun, verdict)));
    match verdict {
        Some((begun, verdict)) => {
            let time = verdict.at.since(begun);
            Detail::timed(&[verdict.outcome.word()], time, Ink::Muted)
        }
        None => Detail::one(format!("{} fire", view.key(Action::Fire)), Ink::Muted),
    }
}

/// How long a server's answers took of late, at whoever asked it.
fn answers_in(world: &World, id: NodeId) -> Option<Duration> {
    let times: Vec<f32> = world
        .nodes
        .iter()
        .filter_map(|node| node.recent_ms.get(&id))
        .flatten()
        .copied()
        .filter(|ms| ms.is_finite() && *ms >= 0.0)
        .collect();
    let mean = times.iter().sum::<f32>() / times.len() as f32;
    (!times.is_empty()).then(|| Duration::from_secs_f32(mean.min(1e9) / 1000.0))
}

/// Somebody who is wrong about this node.
fn wrong_belief(world: &World, id: NodeId) -> Option<(NodeId, Belief)> {
    let life = world.node(id).life;
    if world.topology.node(id).role() == Role::Client || world.topology.node(id).at.is_some() {
        return None;
    }
    world.nodes.iter().find_map(|node| {
        let (belief, _) = node.beliefs.get(&id)?;
        (node.life == Life::Up && words::is_wrong(*belief, life)).then_some((node.id, *belief))
    })
}
