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
use std::collections::BTreeSet;

/// Columns of one operation.
const CELL: u16 = 5;
/// Columns for clocks and digests at least, so that the column does not breathe with every word.
const CLOCK_COLUMNS_MIN: u16 = 24;
/// With fewer rows the table has none for the replicas: then a row says what the table would.
const TABLE_ROWS_MIN: u16 = 3;

/// Whether so few rows are there that all is said in two.
pub const fn is_brief(rows: u16) -> bool {
    rows < TABLE_ROWS_MIN
}

/// Draws votes and clocks.
pub fn draw(canvas: &mut Canvas<'_>, area: Rect, world: &World, group: &Group, down: usize) {
    if is_brief(area.height) {
        return in_rows(canvas, area, world, group);
    }
    let names = &world.topology.names;
    let label =
        group.replicas.iter().map(|it| width(names.of(it.id))).max().unwrap_or(2).max(5) + 1;
    let clocks = group.replicas.iter().map(|it| clock(canvas, world, group, it).width()).max();
    let clocks = clocks.unwrap_or(0).clamp(CLOCK_COLUMNS_MIN, area.width.max(CLOCK_COLUMNS_MIN));
    let clocks = clocks.min(area.width * 2 / 3);
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

/// All that there is to say, in a row for the votes and one for the clocks; what is wrong comes first.
fn in_rows(canvas: &mut Canvas<'_>, area: Rect, world: &World, group: &Group) {
    let mut rows = [votes_row(canvas, world, group), clocks_row(canvas, world, group)];
    if !group.forks.is_empty() {
        rows.reverse();
    }
    for (row, y) in rows.iter().zip(area.y..area.bottom()) {
        canvas.row(area.x, y, area.width, row);
    }
}

/// `#4  r1 ✓  r2 ✗out  r3 ✓  taken maj`: the newest operation.
fn votes_row(canvas: &Canvas<'_>, world: &World, group: &Group) -> Row {
    let muted = canvas.ink(Ink::Muted);
    let asked = |op: &&Op| !op.attempts.is_empty() || !op.votes.is_empty();
    let Some(op) = group.ops().rev().find(asked) else {
        return Row::new().with("No operation yet: f asks all of them.", muted);
    };
    let mut row = Row::new().with(format!("#{:<4}", op.no.0), canvas.ink(Ink::Focus));
    for replica in &group.replicas {
        let (text, ink, loud) = vote(op, replica.id);
        let text = text.trim();
        let name = world.topology.names.of(replica.id);
        if !text.is_empty() {
            row.push(format!("  {name} "), canvas.ink(Ink::Strong));
            row.push(text, if loud { canvas.badge(ink) } else { canvas.ink(ink) });
        } else if replica.runs() {
            // It was not asked, and is there all the same.
            row.push(format!("  {name} –"), muted);
        }
    }
    let (text, ink) = taken(op);
    row.with("   taken ", muted).with(text, canvas.ink(ink))
}

/// `clock  r1 4  r2 4  r3 4  in sync   digest  ab8d 3486 ab8d  DIVERGED`.
fn clocks_row(canvas: &Canvas<'_>, world: &World, group: &Group) -> Row {
    let muted = canvas.ink(Ink::Muted);
    let running = || group.replicas.iter().filter(|replica| replica.runs());
    let mut row = Row::new().with("clock", muted);
    for replica in running() {
        let name = world.topology.names.of(replica.id);
        row.push(format!("  {name} "), canvas.ink(Ink::Strong));
        row.push(replica.have.at.to_string(), canvas.ink(Ink::Text));
    }
    let compared = || running().flat_map(|replica| replica.compared.values());
    let newest = compared().max_by_key(|it| (it.at, it.verdict != ClockVerdict::InSync));
    // A verdict that the clocks themselves do not bear out any more is an old one.
    let clocks: BTreeSet<u64> = running().map(|replica| replica.have.at).collect();
    let holds = |verdict| match verdict {
        ClockVerdict::InSync => clocks.len() == 1,
        ClockVerdict::Behind | ClockVerdict::Ahead => clocks.len() > 1,
        ClockVerdict::Concurrent => true,
    };
    if let Some(it) = newest.filter(|it| holds(it.verdict)) {
        row.push(format!("  {}", verdict_word(it.verdict)), muted);
    }
    row.push("   digest", muted);
    for replica in running() {
        let digest = group.digest(replica.id).unwrap_or_default();
        row.push(format!(" {digest}"), canvas.ink(Ink::Text));
    }
    if !group.forks.is_empty() {
        row.push("  ", muted);
        row.push(" DIVERGED ", canvas.badge(Ink::Bad));
    }
    row
}

const fn verdict_word(verdict: ClockVerdict) -> &'static str {
    match verdict {
        ClockVerdict::InSync => "in sync",
        ClockVerdict::Behind => "behind",
        ClockVerdict::Ahead => "ahead",
        ClockVerdict::Concurrent => "CONCURRENT",
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
        None if op.over().is_none() => (" …", Ink::Message, false),
        None => (" –", Ink::Muted, false),
    }
}

/// Why the answer was taken, in the few letters of a cell.
fn taken(op: &Op) -> (&'static str, Ink) {
    let Some(ended) = &op.ended else {
        return if op.over().is_some() { ("?", Ink::Frozen) } else { ("…", Ink::Message) };
    };
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
        // What the clocks alone let it conclude stands beside what is so.
        let concluded = replica.compared.get(&other.id).map(|it| verdict_word(it.verdict));
        let concluded = concluded.map_or_else(String::new, |word| format!(" {word}"));
        return Row::new()
            .with(format!("{at} {sign} {there}"), canvas.ink(Ink::Strong))
            .with(concluded, canvas.ink(Ink::Slow))
            .with(format!("  {digest} ≠ {theirs} "), canvas.ink(Ink::Strong))
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
