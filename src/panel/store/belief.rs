//! Panel 5 for a store: what every node takes every replica for, who leads in its eyes and how far behind it takes the
//! others to be, below what is so. Where they differ is the loudest thing in the panel.

use super::super::paint::{Canvas, Row, width};
use super::super::theme::Ink;
use super::super::view::{PanelId, View};
use super::super::words;
use super::term_word;
use crate::base::NodeId;
use crate::check::{Group, ReplicaState};
use crate::event::Life;
use crate::message::Belief;
use crate::topology::Scheme;
use crate::world::World;
use ratatui::layout::Rect;

/// Columns of a cell where there is little room, and where there is enough.
const CELL: [u16; 2] = [8, 11];
/// Columns of the one who leads.
const LEADS: u16 = 9;

/// Columns of a holder's name, and of the one who leads in its eyes.
fn heads(world: &World, group: &Group) -> (u16, u16) {
    let names = &world.topology.names;
    let label = group.nodes().map(|id| width(names.of(id))).max().unwrap_or(5).max(5) + 1;
    let leads = if group.scheme == Scheme::PrimaryBackup { LEADS } else { 0 };
    (label, leads)
}

/// Columns with which every replica has its own, in cells for little room.
pub fn columns_wanted(world: &World, group: &Group) -> u16 {
    let (label, leads) = heads(world, group);
    label + leads + CELL[0] * group.replicas.len().min(super::stage::REPLICAS_MAX) as u16
}

/// Draws the matrix.
pub fn draw(canvas: &mut Canvas<'_>, area: Rect, world: &World, view: &View, group: &Group) {
    if area.height == 0 {
        return;
    }
    let names = &world.topology.names;
    let nodes: Vec<NodeId> = group.nodes().collect();
    let (label, leads) = heads(world, group);
    let room = area.width.saturating_sub(label + leads);
    let count = group.replicas.len() as u16;
    let cell = if room >= CELL[1] * count { CELL[1] } else { CELL[0] };
    let fit = usize::from(room / cell);
    let mut about: Vec<&ReplicaState> = group.replicas.iter().collect();
    if fit < about.len() {
        // Those about whom somebody is wrong, or who are not simply up, come first.
        about.sort_by_key(|replica| {
            (replica.runs() && !is_misjudged(group, replica.id), replica.id)
        });
        let text = format!("+{}", about.len() - fit);
        canvas.right(area.right(), area.y, 5, &text, canvas.ink(Ink::Slow));
        about.truncate(fit);
    }
    let x = |at: usize| area.x + label + leads + at as u16 * cell;
    if leads > 0 {
        canvas.text(area.x + label, area.y, leads - 1, "leads", canvas.ink(Ink::Muted));
    }
    for (at, replica) in about.iter().enumerate() {
        canvas.text(x(at), area.y, cell - 1, names.of(replica.id), canvas.ink(Ink::Muted));
    }
    let mut y = area.y + 1;
    if y < area.bottom() {
        canvas.text(area.x, y, label - 1, "truth", canvas.ink(Ink::Strong));
        draw_truth(canvas, (area.x + label, y, leads), world, group);
        for (at, replica) in about.iter().enumerate() {
            let (word, ink) = truth_word(world, group, replica);
            canvas.text(x(at), y, cell - 1, &word, canvas.ink(ink));
        }
        y += 1;
    }
    let rows = usize::from(area.bottom().saturating_sub(y));
    // The last row is for what it took to notice, where every believer has its own.
    let down = if view.focus == PanelId::Belief { view.down } else { 0 };
    let skip = canvas.skip(down, nodes.len(), rows as u16);
    for holder in nodes.iter().skip(skip).take(rows) {
        let alive = group.life_of(*holder).is_some_and(|(life, _)| life.is_alive());
        let style = canvas.ink(if alive { Ink::Text } else { Ink::Muted });
        canvas.text(area.x, y, label - 1, names.of(*holder), style);
        draw_leader(canvas, (area.x + label, y, leads), world, group, *holder);
        for (at, replica) in about.iter().enumerate() {
            draw_cell(canvas, (x(at), y, cell), group, *holder, replica);
        }
        y += 1;
    }
    if y < area.bottom() {
        let row = noticed(canvas, group);
        canvas.row(area.x, area.bottom() - 1, area.width, &row);
    }
}

fn is_misjudged(group: &Group, about: NodeId) -> bool {
    group.nodes().any(|holder| holder != about && group.wrong_since(holder, about).is_some())
}

/// A replica in truth, and how far it is behind.
fn truth_word(world: &World, group: &Group, replica: &ReplicaState) -> (String, Ink) {
    let (word, ink) = words::truth(world, replica.id);
    if !replica.runs() || ink == Ink::Bad {
        return (word.to_owned(), ink);
    }
    match super::lag(group, replica) {
        0 if replica.leads() => ("leads".into(), Ink::Lead),
        0 => (word.to_owned(), ink),
        lag => (format!("{word} −{lag}"), Ink::Slow),
    }
}

fn draw_truth(canvas: &mut Canvas<'_>, at: (u16, u16, u16), world: &World, group: &Group) {
    let (x, y, columns) = at;
    if columns == 0 {
        return;
    }
    let leaders: Vec<&ReplicaState> = group.leaders().collect();
    let name = |replica: &ReplicaState| world.topology.names.of(replica.id).to_owned();
    match leaders.as_slice() {
        [] => canvas.text(x, y, columns - 1, "NOBODY", canvas.badge(Ink::Bad)),
        [one] => {
            let text = format!("{} {}", name(one), term_word(one.term));
            canvas.text(x, y, columns - 1, text.trim_end(), canvas.ink(Ink::Lead))
        }
        several => {
            let text = several.iter().map(|one| name(one)).collect::<Vec<_>>().join("+");
            canvas.text(x, y, columns - 1, &text, canvas.badge(Ink::Bad))
        }
    };
}

/// Whom a node takes for the leader; the loudest where that one does not lead.
fn draw_leader(
    canvas: &mut Canvas<'_>,
    (x, y, columns): (u16, u16, u16),
    world: &World,
    group: &Group,
    holder: NodeId,
) {
    if columns == 0 {
        return;
    }
    let runs = group.life_of(holder).is_some_and(|(life, _)| life == Life::Up);
    let Some((leader, term)) = group.leader_of(holder).filter(|_| runs) else {
        canvas.text(x, y, columns - 1, "–", canvas.ink(Ink::Frame));
        return;
    };
    // The term behind it must find room, too.
    let who = if leader == holder { "self" } else { world.topology.names.of(leader) };
    if group.follows_wrongly(holder).is_some() {
        canvas.text(x, y, columns - 1, &format!("{who} ≠"), canvas.badge(Ink::Bad));
        return;
    }
    let text = format!("{who} {}", term_word(term));
    let ink = if leader == holder { Ink::Lead } else { Ink::Text };
    canvas.text(x, y, columns - 1, text.trim_end(), canvas.ink(ink));
}

fn draw_cell(
    canvas: &mut Canvas<'_>,
    (x, y, columns): (u16, u16, u16),
    group: &Group,
    holder: NodeId,
    about: &ReplicaState,
) {
    let room = columns - 1;
    let alive = group.life_of(holder).is_some_and(|(life, _)| life.is_alive());
    if holder == about.id || !alive || !group.knows_of(holder, about.id) {
        let text = if holder == about.id && alive { "self" } else { "–" };
        canvas.text(x, y, room, text, canvas.ink(Ink::Frame));
        return;
    }
    let view = group.view(holder, about.id);
    let (word, ink) = match view.belief {
        Belief::Up => ("up", Ink::Good),
        Belief::Suspect => ("suspect", Ink::Slow),
        Belief::Down => ("DEAD", Ink::Bad),
    };
    if group.wrong_since(holder, about.id).is_some() {
        // In a narrow cell the word stays whole, and the reverse alone says that it is wrong.
        let text = format!("{word} ≠");
        let text = if width(&text) <= room { text } else { word.to_owned() };
        canvas.text(x, y, room, &text, canvas.badge(Ink::Bad));
        return;
    }
    // Whom it follows is ahead of it, whatever the last heartbeat said.
    let mine = group.replica(holder).filter(|mine| mine.follows != Some(about.id));
    let behind = mine.and_then(|mine| {
        let (have, _) = mine.knows.get(&about.id)?;
        mine.have.at.checked_sub(have.at).filter(|lag| *lag > 0)
    });
    let mut row = Row::new().with(word, canvas.ink(ink));
    if let Some(lag) = behind.map(|lag| format!(" −{lag}"))
        && row.width() + width(&lag) <= room
    {
        row.push(lag, canvas.ink(Ink::Slow));
    }
    canvas.row(x, y, room, &row);
}

/// How long it took to notice, and how often a suspicion was wrong.
fn noticed(canvas: &Canvas<'_>, group: &Group) -> Row {
    let figures = &group.figures;
    let muted = canvas.ink(Ink::Muted);
    let mut row = Row::new();
    if figures.detections > 0 {
        let mean = figures.detection_sum / u32::try_from(figures.detections).unwrap_or(u32::MAX);
        row.push("noticed after ", muted);
        row.push(words::figure(mean), canvas.ink(Ink::Text));
        row.push(format!(", {} at most  ", words::figure(figures.detection_max)), muted);
    } else {
        row.push("nothing to notice yet  ", muted);
    }
    let wrong = figures.false_suspicions;
    let ink = if wrong > 0 { Ink::Slow } else { Ink::Muted };
    row.with(format!("false suspicions {wrong}"), canvas.ink(ink))
}
