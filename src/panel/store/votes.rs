//! The votes of the last operations: a row for each replica, a column for each operation, and beside them how far each
//! replica's clock is and what it has, for equal clocks do not mean equal contents.

use super::super::paint::{Canvas, Row, width};
use super::super::theme::Ink;
use super::super::words;
use crate::base::NodeId;
use crate::check::{Group, Op, ReplicaState, Vote};
use crate::message::{ClockVerdict, OpOutcome, OpWhy};
use crate::world::World;
use ratatui::layout::Rect;

/// Columns of one operation.
const CELL: u16 = 5;
/// Columns for clocks and digests, where there is room for them.
const CLOCK_COLUMNS: u16 = 34;
/// Of a narrow panel the clocks have this much.
const CLOCK_COLUMNS_MIN: u16 = 24;

/// Draws votes and clocks.
pub fn draw(canvas: &mut Canvas<'_>, area: Rect, world: &World, group: &Group, down: usize) {
    let names = &world.topology.names;
    let label =
        group.replicas.iter().map(|it| width(names.of(it.id))).max().unwrap_or(2).max(5) + 1;
    let clocks = if area.width >= 90 { CLOCK_COLUMNS } else { CLOCK_COLUMNS_MIN };
    let clocks = clocks.min(area.width / 2);
    let room = area.width.saturating_sub(label + clocks + 1);
    let fit = usize::from(room / CELL).max(1);
    let mut ops: Vec<&Op> = group
        .ops()
        .rev()
        .filter(|op| !op.attempts.is_empty() || !op.votes.is_empty())
        .take(fit)
        .collect();
    ops.reverse();
    if area.height == 0 {
        return;
    }
    let (x, muted) = (area.x + label, canvas.ink(Ink::Muted));
    let clock_x = area.right().saturating_sub(clocks);
    if ops.is_empty() {
        canvas.text(x, area.y, room, "No operation yet: f asks all of them.", muted);
    }
    for (at, op) in ops.iter().enumerate() {
        let style = if at + 1 == ops.len() { canvas.ink(Ink::Focus) } else { muted };
        canvas.text(x + at as u16 * CELL, area.y, CELL - 1, &format!("#{}", op.no.0), style);
    }
    canvas.text(clock_x, area.y, clocks, "clock  digest", muted);
    // The row of what was taken comes last; it is left out before a replica is.
    let rows = usize::from(area.height - 1);
    let skip = canvas.skip(down, group.replicas.len(), rows as u16);
    let mut y = area.y + 1;
    for replica in group.replicas.iter().skip(skip).take(rows) {
        let style = canvas.ink(if replica.runs() { Ink::Strong } else { Ink::Muted });
        canvas.text(area.x, y, label - 1, names.of(replica.id), style);
        for (at, op) in ops.iter().enumerate() {
            let (text, ink, loud) = vote(op, replica.id);
            let style = if loud { canvas.badge(ink) } else { canvas.ink(ink) };
            canvas.text(x + at as u16 * CELL, y, CELL - 1, text, style);
        }
        let row = clock(canvas, world, group, replica);
        canvas.row(clock_x, y, clocks, &row);
        y += 1;
    }
    if y < area.bottom() && !ops.is_empty() {
        canvas.text(area.x, y, label - 1, "taken", muted);
        for (at, op) in ops.iter().enumerate() {
            let (text, ink) = taken(op);
            canvas.text(x + at as u16 * CELL, y, CELL - 1, text, canvas.ink(ink));
        }
    }
}

/// What became of one replica's vote.
fn vote(op: &Op, replica: NodeId) -> (&'static str, Ink, bool) {
    let said = op.votes.iter().rev().find(|vote| vote.replica == replica);
    let asked = op.attempts.iter().any(|attempt| attempt.to.contains(&replica));
    // Whoever says the same once it is taken agrees, too: it only came later.
    let agrees = |vote: &Vote| {
        op.ended.as_ref().is_some_and(|ended| {
            ended.agreed.contains(&replica) || ended.said.as_ref() == Some(&vote.said)
        })
    };
    match said {
        Some(vote) if vote.outvoted => ("✗out", Ink::Bad, true),
        Some(vote) if agrees(vote) => (" ✓", Ink::Good, false),
        Some(vote) if !vote.said.is_ok() => ("✗no", Ink::Bad, false),
        Some(_) if op.ended.is_none() => (" ●", Ink::Message, false),
        Some(_) => (" ≠", Ink::Slow, false),
        None if !asked => ("", Ink::Frame, false),
        None if op.ended.is_none() => (" …", Ink::Message, false),
        None => (" –", Ink::Muted, false),
    }
}

/// Why the answer was taken, in the few letters of a cell.
fn taken(op: &Op) -> (&'static str, Ink) {
    let Some(ended) = &op.ended else { return ("…", Ink::Message) };
    match (ended.outcome, ended.why) {
        (OpOutcome::Ok, OpWhy::Majority) => ("maj", Ink::Good),
        (OpOutcome::Ok, OpWhy::First) => ("1st", Ink::Slow),
        (OpOutcome::Ok, _) => ("ok", Ink::Good),
        (OpOutcome::Failed, OpWhy::NoMajority) => ("none", Ink::Bad),
        (OpOutcome::Failed, _) => ("fail", Ink::Bad),
        (OpOutcome::Unknown, _) => ("?", Ink::Frozen),
    }
}

/// `7  a91f`, and where another one's clock is the same while its contents are not: `7 = 7 a91f ≠ 5c02 DIVERGED`.
fn clock(canvas: &Canvas<'_>, world: &World, group: &Group, replica: &ReplicaState) -> Row {
    if !replica.runs() {
        let (word, ink) = words::truth(world, replica.id);
        return Row::new().with(word, canvas.ink(ink));
    }
    let at = replica.have.at;
    let digest = group.digest(replica.id).unwrap_or_default();
    let fork = group.forks.keys().find_map(|(a, b)| match replica.id {
        id if id == *a => group.replica(*b),
        id if id == *b => group.replica(*a),
        _ => None,
    });
    if let Some(other) = fork {
        let (there, theirs) = (other.have.at, group.digest(other.id).unwrap_or_default());
        let sign = if at == there { '=' } else { '≠' };
        let text = format!("{at} {sign} {there}  {digest} ≠ {theirs} ");
        return Row::new()
            .with(text, canvas.ink(Ink::Strong))
            .with(" DIVERGED ", canvas.badge(Ink::Bad));
    }
    let mut row = Row::new().with(format!("{at:<5}  {digest}"), canvas.ink(Ink::Text));
    let compared = replica.compared.values().max_by_key(|it| it.at);
    let word = match compared.map(|it| it.verdict) {
        Some(ClockVerdict::Behind) if replica.asked.is_some() => "  behind, asks",
        Some(ClockVerdict::Concurrent) => "  concurrent",
        _ if replica.asked.is_some() => "  catches up",
        Some(ClockVerdict::InSync) => "  in sync",
        _ => "",
    };
    row.push(word, canvas.ink(Ink::Muted));
    row
}
