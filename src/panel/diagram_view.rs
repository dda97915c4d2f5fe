//! The space-time diagram on the screen. It is given a diagram and cells, and changes nothing.
//!
//! A slanted line is drawn at three heights of each cell (`▔─▁`), which every terminal has; a steep one with `╲` and
//! `╱`.

use super::diagram::{Diagram, GAP_MIN, GUTTER};
use super::list;
use super::paint::{Canvas, Row, width};
use super::theme::Ink;
use super::view::View;
use super::words;
use crate::base::{LabTime, NodeId, Peer};
use crate::event::{Fact, Life};
use crate::message::{Message, Note, StoreNote};
use crate::world::{End, Line, Moment, Order, SpaceTime, What, World};
use ratatui::layout::Rect;
use ratatui::style::Style;
use std::collections::BTreeMap;
use std::time::Duration;

/// The most columns from one line to the next: wider, and the eye loses the arrow.
const GAP_MAX: u16 = 26;
/// Columns for the words at the right: fewer say nothing.
const WORDS_MIN: u16 = 26;
/// Rows for what is said of the moment that is looked at.
const FOOT_ROWS: u16 = 3;
/// Where so much time passes between two rows, the lines are drawn broken.
const BREAK: Duration = Duration::from_millis(500);
/// Rows from one moment to the next at most, where there is room.
const STRIDE_MAX: usize = 3;

/// Where things are.
struct Plan {
    /// What is drawn of the lines.
    body: Rect,
    /// Nodes and visitors, left to right, and the column of each.
    lines: Vec<(Peer, u16)>,
    gap: u16,
    /// Where the words begin, if they have room.
    words: Option<Rect>,
    /// The moments that are drawn, and the rows from one to the next.
    shown: Vec<usize>,
    stride: usize,
    /// The row of the diagram that is the first on the screen.
    top: usize,
}

impl Plan {
    fn new(area: Rect, diagram: &Diagram, world: &World, view: &View) -> Self {
        let nodes = diagram.lines(world, view.size.0);
        let shown = diagram.shown(&nodes);
        let count = (nodes.len() as u16).max(1);
        let room = area.width.saturating_sub(GUTTER);
        let beside = room.saturating_sub(WORDS_MIN) / count;
        let (gap, has_words) = if beside > GAP_MIN {
            (beside.min(GAP_MAX), true)
        } else {
            ((room / count).clamp(1, GAP_MAX), false)
        };
        let x = |at: u16| area.x + GUTTER + gap / 2 + at * gap;
        let lines: Vec<(Peer, u16)> = nodes.into_iter().zip((0..).map(x)).collect();
        let foot = if area.height > 12 { FOOT_ROWS + 1 } else { 1 };
        let height = area.height.saturating_sub(1 + foot);
        let body = Rect { y: area.y + 1, height, ..area };
        let rows = usize::from(height);
        let stride = (rows / shown.len().max(1)).clamp(1, STRIDE_MAX);
        let here = shown.partition_point(|at| *at <= diagram.at).saturating_sub(1);
        let top = list::top(here * stride, rows, (shown.len() * stride).max(1));
        let end = area.x + GUTTER + count * gap;
        let words = has_words.then(|| Rect { x: end, width: area.right() - end, ..body });
        Self { body, lines, gap, words, shown, stride, top }
    }

    fn column(&self, peer: Peer) -> Option<u16> {
        self.lines.iter().find(|line| line.0 == peer).map(|line| line.1)
    }

    /// The column of a moment's own line.
    fn own_column(&self, moment: &Moment) -> Option<u16> {
        moment.node.and_then(|node| self.column(Peer::Node(node)))
    }

    /// The row of the first moment that is not before a time.
    fn row_at(&self, time: LabTime, space: &SpaceTime) -> Option<usize> {
        let before = |at: &usize| space.moments[*at].event.time < time;
        let place = self.shown.partition_point(before);
        (place < self.shown.len()).then_some(place * self.stride)
    }

    /// The row of the diagram on which a moment stands.
    fn row(&self, at: usize) -> Option<usize> {
        self.shown.binary_search(&at).ok().map(|place| place * self.stride)
    }

    /// The row of the screen, if it is in sight.
    fn y(&self, row: usize) -> Option<u16> {
        let down = u16::try_from(row.checked_sub(self.top)?).ok()?;
        (down < self.body.height).then_some(self.body.y + down)
    }

    /// The places among the shown moments that are in sight, and those whose rows reach into it.
    fn in_sight(&self) -> std::ops::Range<usize> {
        let bottom = self.top + usize::from(self.body.height);
        self.top / self.stride..self.shown.len().min(bottom.div_ceil(self.stride))
    }
}

/// The title of its page: what it is about, and what it leaves out.
#[must_use]
pub fn title(diagram: &Diagram, world: &World, view: &View) -> String {
    let subject = diagram.subject().map_or_else(String::new, |it| format!("· {it} "));
    let beats = if diagram.beats || world.audit.is_empty() { "" } else { "· without heartbeats " };
    let first = diagram.space.moments.first().filter(|_| diagram.cut);
    let from = first.map_or_else(String::new, |it| format!("· from {} s on ", it.event.time));
    let visitors = match diagram.visitors_left_out(&diagram.lines(world, view.size.0)) {
        0 => String::new(),
        1 => "· 1 more visitor ".to_owned(),
        more => format!("· {more} more visitors "),
    };
    format!(" Space and time {subject}{beats}{visitors}{from}")
}

/// Draws the diagram.
pub fn draw(canvas: &mut Canvas<'_>, area: Rect, diagram: &Diagram, world: &World, view: &View) {
    let plan = Plan::new(area, diagram, world, view);
    if plan.shown.is_empty() {
        let text = "No message has been sent between these nodes yet.";
        canvas.paragraph(area, text, canvas.ink(Ink::Muted));
        return;
    }
    let orders = diagram.orders();
    heads(canvas, area, &plan, world);
    life_lines(canvas, &plan, &diagram.space);
    for at in 0..diagram.space.moments.len() {
        if at != diagram.at {
            message(canvas, &plan, &diagram.space, &orders, at);
        }
    }
    // The one that is looked at lies above all others.
    let looked_at = match diagram.moment().map(|moment| moment.what) {
        Some(What::Received(_, Some(sent)) | What::Lost(sent)) => sent,
        _ => diagram.at,
    };
    if looked_at < diagram.space.moments.len() {
        message(canvas, &plan, &diagram.space, &orders, looked_at);
    }
    for place in plan.in_sight() {
        moment(canvas, &plan, (diagram, world), &orders, place);
    }
    foot(canvas, area, diagram, world);
}

/// The names above their lines.
fn heads(canvas: &mut Canvas<'_>, area: Rect, plan: &Plan, world: &World) {
    canvas.text(area.x + 1, area.y, GUTTER, "seconds", canvas.ink(Ink::Muted));
    for (peer, x) in &plan.lines {
        let room = plan.gap.saturating_sub(1);
        let name = match (world.topology.names.peer(*peer).to_string(), peer) {
            // Cut off, visitors would all be the same.
            (name, Peer::Visitor(id)) if width(&name) > room => format!("v-{id}"),
            (name, _) => name,
        };
        let columns = width(&name).min(room);
        let from = x.saturating_sub(columns / 2);
        canvas.text(from, area.y, columns, &name, canvas.ink(Ink::Strong));
    }
}

/// The nodes' own lines: whole while they live, dotted while they stand still, double while they lead.
fn life_lines(canvas: &mut Canvas<'_>, plan: &Plan, space: &SpaceTime) {
    let mut lines: BTreeMap<NodeId, Line> = space.lines();
    let sight = plan.in_sight();
    let mut next = 0;
    for place in sight {
        let at = plan.shown[place];
        for moment in &space.moments[next..=at] {
            if let Some(line) = moment.node.and_then(|node| lines.get_mut(&node)) {
                line.take(&moment.event.fact);
            }
        }
        next = at + 1;
        let after = plan.shown.get(place + 1).map(|after| space.moments[*after].event.time);
        let here = space.moments[at].event.time;
        let broken = after.is_some_and(|after| after.since(here) >= BREAK);
        for row in place * plan.stride..(place + 1) * plan.stride {
            let Some(y) = plan.y(row) else { continue };
            for (peer, x) in &plan.lines {
                let line = peer.node().and_then(|node| lines.get(&node).copied());
                let (glyph, ink) = match line {
                    // Nobody sees whether a visitor lives.
                    None => ('┊', Ink::Muted),
                    Some(Line { life: Life::Frozen, .. }) => ('┊', Ink::Frozen),
                    Some(Line { life, .. }) if !life.is_alive() => (' ', Ink::Frame),
                    Some(Line { leads: true, .. }) => ('║', Ink::Lead),
                    _ if broken => ('┊', Ink::Muted),
                    _ => ('│', Ink::Muted),
                };
                canvas.glyph(*x, y, glyph, canvas.ink(ink));
            }
        }
    }
}

/// How a thing is drawn, by how its moment stands to the one that is looked at.
fn style(canvas: &Canvas<'_>, order: Order, ink: Ink) -> Style {
    match order {
        Order::Same => canvas.ink(Ink::Strong),
        Order::Before | Order::After => canvas.ink(ink),
        Order::Concurrent => canvas.ink(Ink::Muted),
    }
}

/// The slanted line of a message that is sent at this moment.
fn message(canvas: &mut Canvas<'_>, plan: &Plan, space: &SpaceTime, orders: &[Order], at: usize) {
    let moment = &space.moments[at];
    let (to, end) = match moment.what {
        What::Sent(to, end) => (to, end),
        What::Received(from @ Peer::Visitor(_), None) => {
            return came(canvas, plan, orders[at], at, (from, moment));
        }
        _ => return,
    };
    let (Some(from), Some(to)) = (plan.own_column(moment), plan.column(to)) else { return };
    let Some(begins) = plan.row(at) else { return };
    let bottom = plan.shown.len() * plan.stride;
    let open = |to| (bottom - 1, 0.8, Some((if to > from { '›' } else { '‹' }, Ink::Message)));
    let (ends, share, sign) = match end {
        End::Arrives(there) => match plan.row(there) {
            Some(row) => (row, 1.0, None),
            None => return,
        },
        End::Lost(there) => {
            (plan.row(there).unwrap_or(begins + plan.stride), 0.6, Some(('✕', Ink::Bad)))
        }
        End::Held => (begins + plan.stride, 0.5, Some(('✕', Ink::Bad))),
        End::Outside(due) => match plan.row_at(due, space) {
            Some(row) => (row, 1.0, None),
            None => open(to),
        },
        End::Underway => open(to),
    };
    let ends = ends.max(begins + 1);
    if ends < plan.top || begins > plan.top + usize::from(plan.body.height) {
        return;
    }
    let other = match end {
        End::Arrives(there) | End::Lost(there) => orders[there],
        End::Held | End::Underway | End::Outside(_) => Order::Concurrent,
    };
    let order = if other == Order::Same { other } else { orders[at] };
    let ink = match &moment.event.fact {
        _ if moment.beat => Ink::Muted,
        Fact::MessageSent { message, .. } => message_ink(message),
        _ => Ink::Text,
    };
    let style = style(canvas, order, ink);
    let right = to > from;
    let (first, whole) = (if right { from + 1 } else { from - 1 }, from.abs_diff(to) - 1);
    let cells = ((f64::from(whole) * share).round() as u16).max(1);
    slant(canvas, plan, (first, cells, right), (begins, ends), style);
    let last = if right { first + cells - 1 } else { first + 1 - cells };
    let head = if right { '▶' } else { '◀' };
    let (glyph, style) = match sign {
        None => (head, style),
        Some((glyph, ink)) if order != Order::Concurrent => (glyph, canvas.ink(ink)),
        Some((glyph, _)) => (glyph, style),
    };
    if let Some(y) = plan.y(ends) {
        canvas.glyph(last, y, glyph, style);
    }
}

/// The line of a message that came from a visitor: level, for nobody knows when it was sent.
fn came(
    canvas: &mut Canvas<'_>,
    plan: &Plan,
    order: Order,
    at: usize,
    (from, moment): (Peer, &Moment),
) {
    let (Some(from), Some(to)) = (plan.column(from), plan.own_column(moment)) else { return };
    let Some(row) = plan.row(at) else { return };
    let Fact::MessageReceived { message, .. } = &moment.event.fact else { return };
    let style = style(canvas, order, message_ink(message));
    let right = to > from;
    let (first, cells) = (if right { from + 1 } else { from - 1 }, from.abs_diff(to) - 1);
    slant(canvas, plan, (first, cells, right), (row, row), style);
    if let Some(y) = plan.y(row).filter(|_| cells > 0) {
        let last = if right { to - 1 } else { to + 1 };
        canvas.glyph(last, y, if right { '▶' } else { '◀' }, style);
    }
}

/// Questions, answers, and what servers say to each other.
fn message_ink(message: &Message) -> Ink {
    match message {
        Message::Ask { .. } | Message::AskTied { .. } | Message::Operate { .. } => Ink::Message,
        Message::Reply { .. } | Message::Operated { .. } => Ink::Good,
        _ => Ink::Lead,
    }
}

/// Draws a slanted line over so many cells, from the middle of one row to the middle of another.
fn slant(
    canvas: &mut Canvas<'_>,
    plan: &Plan,
    (first, cells, right): (u16, u16, bool),
    (begins, ends): (usize, usize),
    style: Style,
) {
    let x = |cell: u16| if right { first + cell } else { first.saturating_sub(cell) };
    let rows = ends - begins;
    if usize::from(cells) < 2 * rows {
        for row in 0..=rows {
            let share = row as f64 / rows as f64;
            let cell = (share * f64::from(cells)).floor() as u16;
            let glyph = if right { '╲' } else { '╱' };
            if let Some(y) = plan.y(begins + row) {
                canvas.glyph(x(cell.min(cells - 1)), y, glyph, style);
            }
        }
        return;
    }
    for cell in 0..cells {
        let share = (f64::from(cell) + 0.5) / f64::from(cells);
        let down = begins as f64 + 0.5 + share * rows as f64;
        let height = (down.fract() * 3.0) as usize;
        let glyph = ['▔', '─', '▁'][height.min(2)];
        if let Some(y) = plan.y(down as usize) {
            canvas.glyph(x(cell), y, glyph, style);
        }
    }
}

/// What stands on a line at a moment: a glyph, and beside a mark of the node's own a word.
fn sign(fact: &Fact) -> (char, Ink, Option<String>) {
    let word = |text: &str| Some(text.to_owned());
    match fact {
        Fact::NodeBooted { .. } => ('○', Ink::Good, word("starts")),
        Fact::NodeKilled { .. } => ('✕', Ink::Bad, word("KILLED")),
        Fact::NodeCrashed { .. } => ('✕', Ink::Bad, word("CRASHED")),
        Fact::NodePoweredOff { .. } => ('✕', Ink::Bad, word("POWER OFF")),
        Fact::NodeCorrupt { .. } => ('✕', Ink::Bad, word("CORRUPT")),
        Fact::NodeWiped { .. } => ('○', Ink::Bad, word("wiped")),
        Fact::NodeFrozen { .. } => ('z', Ink::Frozen, word("FROZEN")),
        Fact::NodeThawed { .. } => ('○', Ink::Frozen, word("thaws")),
        Fact::NodeStopped { .. } => ('○', Ink::Muted, word("stops")),
        Fact::ConnRefused { .. } => ('×', Ink::Bad, word("refused")),
        Fact::ConnEnded { .. } => ('×', Ink::Bad, word("reset")),
        Fact::Noted(Note::Store(StoreNote::Suspected { .. })) => ('?', Ink::Slow, word("suspects")),
        Fact::Noted(Note::Store(StoreNote::Stood { .. })) => ('▲', Ink::Slow, word("stands")),
        Fact::Noted(Note::Store(StoreNote::Demoted { .. })) => ('◇', Ink::Muted, word("follows")),
        Fact::Noted(Note::Store(StoreNote::Promoted { term, .. })) => {
            let term = if *term > 0 { format!(" t{term}") } else { String::new() };
            ('◆', Ink::Lead, Some(format!("LEADS{term}")))
        }
        _ => ('●', Ink::Text, None),
    }
}

/// One moment: its time, its glyph and number on its line, its words.
fn moment(
    canvas: &mut Canvas<'_>,
    plan: &Plan,
    (diagram, world): (&Diagram, &World),
    orders: &[Order],
    place: usize,
) {
    let at = plan.shown[place];
    let Some(y) = plan.y(place * plan.stride) else { return };
    let moment = &diagram.space.moments[at];
    let order = orders[at];
    let same = order == Order::Same;
    let time = moment.event.time.to_string();
    let left = plan.body.x;
    if same {
        canvas.glyph(left, y, '▸', canvas.ink(Ink::Focus));
    }
    let new = place == 0 || {
        let before = diagram.space.moments[plan.shown[place - 1]].event.time;
        before != moment.event.time
    };
    let muted = style(canvas, order, Ink::Muted);
    if new || same || y == plan.body.y {
        canvas.right(left + GUTTER - 1, y, GUTTER - 2, &time, muted);
    }
    let (glyph, ink, word) = sign(&moment.event.fact);
    if let Some(words) = plan.words
        && !matches!(moment.what, What::Received(_, Some(_)))
    {
        let text = diagram.words(at, &world.topology.names);
        let loud = matches!(moment.what, What::Lost(_)) || word.is_some();
        let ink = if loud && ink == Ink::Text { Ink::Bad } else { ink };
        let style = style(canvas, order, ink);
        canvas.text(words.x, y, words.width, &text, style);
    }
    let Some(x) = plan.own_column(moment) else { return };
    let shape = if same { canvas.theme.selected() } else { style(canvas, order, ink) };
    canvas.glyph(x, y, glyph, shape);
    let number = moment.clock.to_string();
    let other = match moment.what {
        What::Sent(other, _) | What::Received(other, _) => plan.column(other),
        What::Lost(_) | What::Own => None,
    };
    let columns = width(&number);
    let style = style(canvas, order, Ink::Strong);
    if other.is_some_and(|other| other > x) {
        canvas.text(x.saturating_sub(columns), y, columns, &number, style);
        return;
    }
    let end = canvas.text(x + 1, y, columns, &number, style);
    let Some(word) = word else { return };
    // To the next line, or to the words.
    let next = plan.lines.iter().map(|line| line.1).find(|next| *next > x);
    let next = next.unwrap_or(plan.words.map_or(plan.body.right(), |words| words.x));
    if end + 2 + width(&word) <= next {
        canvas.text(end + 1, y, width(&word), &word, self::style(canvas, order, ink));
    }
}

/// What there is to say of the moment that is looked at.
fn foot(canvas: &mut Canvas<'_>, area: Rect, diagram: &Diagram, world: &World) {
    let Some(moment) = diagram.moment() else { return };
    let names = &world.topology.names;
    let sentence = diagram.sentence(diagram.at, names);
    let place = match moment.node {
        Some(node) if !sentence.starts_with(names.of(node)) => format!("{}  ", names.of(node)),
        _ => String::new(),
    };
    let head = Row::new()
        .with(format!("{} s  ", moment.event.time), canvas.ink(Ink::Muted))
        .with(place, canvas.ink(Ink::Strong))
        .with(sentence, canvas.ink(Ink::Text));
    let rows = if area.height > 12 { FOOT_ROWS } else { 1 };
    let y = area.bottom().saturating_sub(rows);
    canvas.row(area.x + 1, y, area.width.saturating_sub(1), &head);
    if rows < FOOT_ROWS {
        return;
    }
    let room = area.width.saturating_sub(1);
    canvas.text(area.x + 1, y + 1, room, &clock_words(diagram, moment), canvas.ink(Ink::Focus));
    let orders = diagram.space.orders(diagram.at);
    let count = |order| {
        let of = |at: &usize| orders[*at] == order && diagram.space.moments[*at].node.is_some();
        (0..orders.len()).filter(of).count()
    };
    let (before, after) = (count(Order::Before), count(Order::After));
    let text = match count(Order::Concurrent) {
        0 => format!("{before} before it, {after} after it"),
        neither => format!(
            "{before} before it, {after} after it, {neither} neither: nobody can know which came first"
        ),
    };
    canvas.text(area.x + 1, y + 2, room, &text, canvas.ink(Ink::Muted));
}

/// What the logical clock did at a moment.
fn clock_words(diagram: &Diagram, moment: &Moment) -> String {
    let moments = &diagram.space.moments;
    let clock = moment.clock;
    let later = |at: usize| words::figure(moments[at].event.time.since(moment.event.time));
    match moment.what {
        What::Sent(_, End::Arrives(at)) => {
            let (there, later) = (moments[at].clock, later(at));
            format!("sent as {clock}, arrives as {there} after {later}: {clock} < {there}")
        }
        What::Sent(_, End::Lost(at)) => {
            format!("sent as {clock}; it is lost after {} and never arrives", later(at))
        }
        What::Sent(_, End::Held) => {
            format!("sent as {clock}; its link is cut or holds it: it does not arrive")
        }
        What::Sent(_, End::Underway) => format!("sent as {clock}; it is on its way"),
        What::Sent(_, End::Outside(_)) => {
            format!("sent as {clock} to a visitor: nobody sees what becomes of it there")
        }
        What::Received(Peer::Visitor(_), _) => {
            format!("a visitor brings no number: its clock goes on to {clock}")
        }
        What::Received(_, Some(sent)) => {
            let brought = moments[sent].clock;
            let before = moments[..diagram.at].iter().rev();
            let own = before.filter(|it| it.node == moment.node).map(|it| it.clock).next();
            let own = own.unwrap_or(0);
            format!("its clock stood at {own}, the message brings {brought}: max + 1 = {clock}")
        }
        What::Received(_, None) => {
            format!("who sent it is not known: its clock goes on to {clock}")
        }
        What::Lost(sent) => format!("sent as {}; it never arrives", moments[sent].clock),
        What::Own => format!("by itself: its clock goes on to {clock}"),
    }
}
