//! Panel 2 for a store: one operation as lanes on one time axis, every attempt and its answer, and the sentence that
//! says why; after a fault of a leader, its failover.

use super::super::copy::Copied;
use super::super::lanes::{self, Bar};
use super::super::paint::{Canvas, Row, wrap};
use super::super::theme::Ink;
use super::super::view::View;
use super::super::words;
use super::failover;
use crate::base::{LabTime, NodeId, Shown};
use crate::check::{Attempt, Flawed, Group, Op, OpNo, Safety, Vote};
use crate::message::{OpOutcome, StoreSaid};
use crate::report;
use crate::world::World;
use ratatui::layout::Rect;

/// How an operation ends for a client that died: nobody knows whether it happened, and nobody waits for it.
const ABANDONED: &str = "its client died";
/// Columns before the reason.
const WHY_INDENT: u16 = 5;
/// Lanes that are drawn at most; of more attempts the newest are the ones to see.
const LANES_MAX: usize = 12;
/// Lanes that are drawn where there are so many attempts, however few rows there are: what came before, and the last.
const LANES_MIN: usize = 2;
/// Rows of the reason for which attempts give theirs.
const REASON_ROWS: u16 = 4;

/// The operation on show: the picked one, or the newest.
#[must_use]
pub fn shown<'a>(group: &'a Group, view: &View) -> Option<&'a Op> {
    view.op.and_then(|no| group.op(no)).or_else(|| group.ops().next_back())
}

/// Left and right in the history of operations; past the newest, the newest is followed again.
pub fn pick(group: &Group, view: &mut View, by: i64) {
    let (Some(first), Some(last)) = (group.ops().next(), group.ops().next_back()) else { return };
    let present = view.op.unwrap_or(last.no).0;
    let to = present.saturating_add_signed(by).max(first.no.0);
    view.op = if to >= last.no.0 { None } else { Some(OpNo(to)) };
    view.seen_until = group.failovers.back().map(|it| it.at).or(view.seen_until);
}

/// The panel's title, in so many columns.
#[must_use]
pub fn title(canvas: &Canvas<'_>, world: &World, group: &Group, (view, room): (&View, u16)) -> Row {
    if let Some(failover) = failover::shown(group, view) {
        return failover::title(canvas, world, failover);
    }
    let Some(op) = shown(group, view) else { return Row::new() };
    let text = op.operation.to_string();
    let row = Row::new().with(format!(" #{} ", op.no.0), canvas.ink(Ink::Focus));
    let columns = usize::from(room.saturating_sub(row.width() + 2));
    row.with(format!(" {} ", Shown::short(&text, columns)), canvas.ink(Ink::Strong))
}

/// Draws the operation, or the failover.
pub fn draw(
    canvas: &mut Canvas<'_>,
    area: Rect,
    world: &World,
    group: &Group,
    view: &View,
    now: LabTime,
) {
    if let Some(failover) = failover::shown(group, view) {
        failover::draw(canvas, area, world, group, failover, now);
        return;
    }
    let Some(op) = shown(group, view) else {
        let text = "No operation yet. f does the next one of the client's list; Q chooses one.";
        canvas.paragraph(area, text, canvas.ink(Ink::Muted));
        return;
    };
    let reason = why(world, group, op);
    let lines = wrap(&reason, area.width.saturating_sub(WHY_INDENT)).len().max(1) as u16;
    // How it ended is worth more than every attempt: scale, asker, reason and where a write is come first.
    let rest = 2 + lines.min(REASON_ROWS) + u16::from(op.operation.is_write());
    let most = usize::from(area.height.saturating_sub(rest)).clamp(LANES_MIN, LANES_MAX);
    let bars = bars(canvas, world, op, (now, most));
    let lanes = bars.len() as u16;
    let roomy = area.height > 2 * lanes + 3 + lines;
    let used = lanes::draw(canvas, area, &bars, roomy);
    let mut rest = Rect { y: area.y + used, height: area.height.saturating_sub(used), ..area };
    if rest.height > lines + 1 {
        rest.y += 1;
        rest.height -= 1;
    }
    if rest.height == 0 {
        return;
    }
    canvas.text(rest.x, rest.y, 4, "why", canvas.ink(Ink::Focus));
    let indented =
        Rect { x: rest.x + WHY_INDENT, width: rest.width.saturating_sub(WHY_INDENT), ..rest };
    let used = canvas.paragraph(indented, &reason, canvas.ink(Ink::Text));
    let left = Rect { y: rest.y + used, height: rest.height.saturating_sub(used), ..rest };
    if left.height > 0 && op.operation.is_write() {
        let row = whereabouts(canvas, world, group, op);
        canvas.row(left.x, left.bottom() - 1, left.width, &row);
    }
}

/// The reason, safe to show.
#[must_use]
pub fn why(world: &World, group: &Group, op: &Op) -> String {
    report::why_op(&world.topology.names, group, op)
}

/// What is on show, as text: a failover, or an operation with what came of it, who was asked, and why.
#[must_use]
pub fn copied(world: &World, group: &Group, view: &View) -> Option<Copied> {
    let names = &world.topology.names;
    if let Some(failover) = failover::shown(group, view) {
        let why = report::why_failover(names, failover, world.now);
        return Some(Copied::new("the failover", [why.as_str()]));
    }
    let op = shown(group, view)?;
    let asker = op.asker.map_or("somebody from outside", |(id, ..)| names.of(id));
    let end = op.ended.as_ref().map(|ended| ended.outcome.word());
    let end = end.unwrap_or(if op.orphaned.is_some() { ABANDONED } else { "on its way" });
    let flaw = flaw_word(op);
    let flaw = if flaw.is_empty() { String::new() } else { format!(", {flaw}") };
    let head = format!("#{} {asker}: {}  {end}{flaw}", op.no.0, op.operation);
    let mut lines = vec![head, why(world, group, op)];
    if op.operation.is_write() {
        let holders: Vec<&str> = group.holders(op).map(|id| names.of(id)).collect();
        let holders = if holders.is_empty() { "nobody".into() } else { holders.join(" ") };
        lines.push(format!("has it: {holders}, {}", safety_word(op.safety)));
    }
    Some(Copied::new(format!("#{}", op.no.0), lines.iter().map(String::as_str)))
}

/// How safe a write is, in a word or two.
const fn safety_word(safety: Safety) -> &'static str {
    match safety {
        Safety::Unacked => "not acknowledged",
        Safety::OnAll => "on all",
        Safety::AtRisk => "AT RISK",
        Safety::Lost => "LOST",
    }
}

/// The word for a read that truth contradicts.
const fn flaw_word(op: &Op) -> &'static str {
    match op.flawed {
        Some(Flawed::Stale(_)) => "STALE",
        Some(Flawed::Wrong) => "WRONG",
        None => "",
    }
}

/// Which logs hold a write, and how safe that is.
fn whereabouts(canvas: &Canvas<'_>, world: &World, group: &Group, op: &Op) -> Row {
    let holders: Vec<&str> = group.holders(op).map(|id| world.topology.names.of(id)).collect();
    let names = if holders.is_empty() { "nobody".to_owned() } else { holders.join(" ") };
    let row = Row::new()
        .with("has it  ", canvas.ink(Ink::Muted))
        .with(format!("{names}  "), canvas.ink(Ink::Strong));
    let word = safety_word(op.safety);
    match op.safety {
        Safety::Unacked => row.with(word, canvas.ink(Ink::Muted)),
        Safety::OnAll => row.with(word, canvas.ink(Ink::Good)),
        Safety::AtRisk => row.with(format!(" {word} "), canvas.badge(Ink::Slow)),
        Safety::Lost => row.with(format!(" {word} "), canvas.badge(Ink::Bad)),
    }
}

fn ms(from: LabTime, to: LabTime) -> f64 {
    to.since(from).as_secs_f64() * 1e3
}

/// What came of one replica's being asked once.
struct Try<'a> {
    /// Who was asked.
    replica: NodeId,
    /// When.
    at: LabTime,
    /// What it answered to that.
    vote: Option<&'a Vote>,
    /// When the client went on to something else, or had its end; none as long as it waits.
    until: Option<LabTime>,
    /// How often it was asked from then on.
    times: u32,
}

/// Whether several replicas were asked at once: then each has a lane, and being asked again is no turn of its own.
fn asks_several(op: &Op) -> bool {
    let first = op.attempts.first();
    op.attempts.iter().any(|attempt| {
        attempt.to.len() > 1
            || first.is_some_and(|first| first.at == attempt.at && first.to != attempt.to)
    })
}

/// Every replica that was asked, oldest first: each time where one was asked after the other, once where all were.
fn tries(op: &Op) -> Vec<Try<'_>> {
    if asks_several(op) { together(op) } else { in_turn(op) }
}

fn in_turn(op: &Op) -> Vec<Try<'_>> {
    let mut out = Vec::new();
    let end = op.over();
    for (at, attempt) in op.attempts.iter().enumerate() {
        let later = &op.attempts[at + 1..];
        for replica in attempt.to.iter() {
            let again = later.iter().find(|it| it.to.contains(replica));
            let is_answer = |vote: &&Vote| {
                let before = |other: &Attempt| vote.at < other.at;
                vote.replica == *replica && vote.at >= attempt.at && again.is_none_or(before)
            };
            out.push(Try {
                replica: *replica,
                at: attempt.at,
                vote: op.votes.iter().find(is_answer),
                until: later.first().map(|it| it.at).or(end),
                times: 1,
            });
        }
    }
    out
}

fn together(op: &Op) -> Vec<Try<'_>> {
    let mut out: Vec<Try<'_>> = Vec::new();
    let until = op.over();
    for attempt in &op.attempts {
        for replica in attempt.to.iter() {
            match out.iter_mut().find(|one| one.replica == *replica) {
                Some(known) => known.times += 1,
                None => out.push(Try {
                    replica: *replica,
                    at: attempt.at,
                    vote: op.votes.iter().rev().find(|vote| vote.replica == *replica),
                    until,
                    times: 1,
                }),
            }
        }
    }
    out.sort_by_key(|one| one.replica);
    out
}

/// What a replica said, in the words of a lane.
fn said_words(said: &StoreSaid) -> String {
    match said {
        StoreSaid::Lines(lines) if lines.len() == 1 => "1 line".into(),
        said => said.to_string(),
    }
}

/// A lane for each attempt, as many as there is room for, and one for whoever asked.
fn bars(canvas: &Canvas<'_>, world: &World, op: &Op, (now, most): (LabTime, usize)) -> Vec<Bar> {
    let all = tries(op);
    let earlier = if all.len() > most { all.len() + 1 - most } else { 0 };
    let mut bars = Vec::new();
    if earlier > 0 {
        let words = Row::new().with(format!("{earlier} attempts before"), canvas.ink(Ink::Muted));
        bars.push(Bar::words("…".into(), Ink::Muted, words));
    }
    bars.extend(all.iter().skip(earlier).map(|one| bar(canvas, world, op, one, now)));
    if all.is_empty() {
        // Somebody from outside: what is known is who acknowledged.
        bars.extend(op.acked_by.iter().map(|(replica, at)| {
            let label = world.topology.names.of(*replica).to_owned();
            let time = words::figure(at.since(op.begun));
            let result = Row::new().with(format!("acked {time}"), canvas.ink(Ink::Good));
            let to = ms(op.begun, *at);
            Bar { label, from: Some(0.0), to, glyph: '━', end: '◆', ink: Ink::Good, result }
        }));
    }
    bars.push(asker(canvas, world, op, now));
    bars
}

fn bar(canvas: &Canvas<'_>, world: &World, op: &Op, one: &Try<'_>, now: LabTime) -> Bar {
    // Whoever says the same once it is taken agrees, too: it only came later.
    let agreed = op.ended.as_ref().is_some_and(|ended| {
        let said = one.vote.map(|vote| &vote.said);
        ended.agreed.contains(&one.replica) || (said.is_some() && ended.said.as_ref() == said)
    });
    let several = asks_several(op);
    let end = one.vote.map(|vote| vote.at).or(one.until).unwrap_or(now);
    let time = words::figure(end.since(one.at));
    let plain = |text: String, ink: Ink| Row::new().with(text, canvas.ink(ink));
    let badge = |text: String, ink: Ink| Row::new().with(text, canvas.badge(ink));
    let (ink, end_glyph, result) = match one.vote.map(|vote| (vote, &vote.said)) {
        Some((vote, _)) if vote.outvoted => (Ink::Bad, '✕', badge(" OUTVOTED ".into(), Ink::Bad)),
        Some((_, StoreSaid::NotLeader(Some(to)))) => {
            let to = Shown::short(to, 8).to_string();
            (Ink::Slow, '◆', plain(format!("not leader → {to}"), Ink::Slow))
        }
        Some((_, StoreSaid::NotLeader(None))) => {
            (Ink::Slow, '◆', plain("knows no leader".into(), Ink::Slow))
        }
        Some((_, StoreSaid::Failed(_))) => {
            (Ink::Bad, '✕', plain(format!("failed {time}"), Ink::Bad))
        }
        Some(_) if agreed && several => {
            (Ink::Good, '◆', plain(format!("agrees {time}"), Ink::Good))
        }
        Some(_) if agreed => (Ink::Good, '◆', badge(format!(" answers {time} "), Ink::Good)),
        Some(_) => (Ink::Text, '◆', plain(format!("says {time}"), Ink::Text)),
        None if one.until.is_none() => {
            (Ink::Message, '▶', plain(format!("waits {time}"), Ink::Message))
        }
        None => {
            let again = if one.times > 1 { format!(" ×{}", one.times) } else { String::new() };
            (Ink::Frozen, '┊', plain(format!("no answer {time}{again}"), Ink::Frozen))
        }
    };
    let label = world.topology.names.of(one.replica).to_owned();
    let from = Some(ms(op.begun, one.at));
    Bar { label, from, to: ms(op.begun, end), glyph: '━', end: end_glyph, ink, result }
}

/// The row of whoever asked.
fn asker(canvas: &Canvas<'_>, world: &World, op: &Op, now: LabTime) -> Bar {
    let names = &world.topology.names;
    let label = op.asker.map_or_else(
        || Shown::short(op.author(), 12).to_string(),
        |(node, ..)| names.of(node).to_owned(),
    );
    let bar = |to: f64, ink: Ink, result: Row| Bar {
        label: label.clone(),
        from: Some(0.0),
        to,
        glyph: '═',
        end: '▶',
        ink,
        result,
    };
    let Some(ended) = &op.ended else {
        let at = op.over().unwrap_or(now);
        let (word, ink) = match (op.orphaned, op.over()) {
            (Some(_), _) => (ABANDONED.to_owned(), Ink::Frozen),
            (None, Some(_)) => ("told so".to_owned(), Ink::Message),
            (None, None) => (format!("waits {}", words::figure(at.since(op.begun))), Ink::Message),
        };
        return bar(ms(op.begun, at), ink, Row::new().with(word, canvas.ink(ink)));
    };
    let time = words::figure(ended.at.since(op.begun));
    let to = ms(op.begun, ended.at);
    match (ended.outcome, op.flawed, &ended.said) {
        (_, Some(_), said) => {
            let said = said
                .as_ref()
                .map_or_else(String::new, |it| Shown::short(&said_words(it), 12).into());
            let word = format!(" {} {said} ", flaw_word(op));
            bar(to, Ink::Bad, Row::new().with(word, canvas.badge(Ink::Bad)))
        }
        (OpOutcome::Ok, None, Some(said)) => {
            let said = Shown::short(&said_words(said), 14).to_string();
            bar(to, Ink::Text, Row::new().with(format!("{said}  {time}"), canvas.ink(Ink::Strong)))
        }
        (outcome, ..) => {
            let ink = match outcome {
                OpOutcome::Ok => Ink::Good,
                OpOutcome::Failed => Ink::Bad,
                OpOutcome::Unknown => Ink::Frozen,
            };
            let text = format!(" {} {time} ", outcome.word());
            bar(to, ink, Row::new().with(text, canvas.badge(ink)))
        }
    }
}
