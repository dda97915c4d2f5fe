//! Heartbeats: a strip for each pair that sweeps, how it stands with them, how much silence is left before one is
//! suspected, and who led meanwhile.

use super::super::paint::{Canvas, Row, width};
use super::super::theme::Ink;
use super::super::words;
use super::sweep::Sweep;
use super::{NEAR, term_word};
use crate::base::{LabTime, NodeId};
use crate::check::{Group, Part, ReplicaState};
use crate::message::Belief;
use crate::report;
use crate::world::{Countdown, World};
use ratatui::layout::Rect;
use std::collections::BTreeSet;
use std::time::Duration;

/// Columns from one heartbeat to the next.
const COLUMNS_A_BEAT: u32 = 3;
/// From so many columns on two strips can stand in a row.
const SIDE_BY_SIDE_MIN: u16 = 72;
/// Columns of what is said right of a strip.
const STATE_COLUMNS: u16 = 16;

/// One direction in which a replica is listened to.
struct Pair {
    from: NodeId,
    to: NodeId,
    countdown: Option<Countdown>,
}

/// Whom each replica listens to; where it follows nobody any more, whom it heard of late.
fn pairs(world: &World, group: &Group, now: LabTime, reach: Duration) -> Vec<Pair> {
    let mut out = Vec::new();
    for replica in group.replicas.iter().filter(|replica| replica.runs()) {
        let to = replica.id;
        let countdown = world.countdown(to, now);
        let heard_of_late = || {
            let into = world.beats.iter().filter(|((_, listener), _)| *listener == to);
            let newest = into.filter_map(|((from, _), row)| Some((row.heard?, *from))).max()?;
            (replica.part != Part::Leads && now.since(newest.0) < reach).then_some(newest.1)
        };
        if let Some(from) = countdown.map(|count| count.about).or_else(heard_of_late) {
            out.push(Pair { from, to, countdown });
        }
    }
    out
}

/// How a strip divides its time: so that the most frequent heartbeat of the group has some columns of its own.
fn span(group: &Group) -> Duration {
    let quickest = group.replicas.iter().map(|replica| replica.config.heartbeat).min();
    let span = quickest.unwrap_or(Duration::from_millis(300)) / COLUMNS_A_BEAT;
    span.clamp(Duration::from_millis(5), Duration::from_secs(1))
}

/// How many strips find no room in an area.
pub fn hidden(area: Rect, world: &World, group: &Group, now: LabTime) -> usize {
    let count = pairs(world, group, now, span(group) * u32::from(area.width)).len();
    if is_side_by_side(area, count) { 0 } else { count.saturating_sub(usize::from(area.height)) }
}

/// Whether two strips stand in each row, because there would be no room for all otherwise.
fn is_side_by_side(area: Rect, count: usize) -> bool {
    let rows = usize::from(area.height);
    count > rows && count <= 2 * rows && area.width >= SIDE_BY_SIDE_MIN
}

/// Two strips in each row, with how it stands with them; there is no room for more.
fn draw_side_by_side(
    canvas: &mut Canvas<'_>,
    area: Rect,
    (label, pairs): (u16, &[Pair]),
    world: &World,
    group: &Group,
    now: LabTime,
) {
    let names = &world.topology.names;
    let half = area.width / 2;
    let room = half.saturating_sub(label + STATE_COLUMNS + 1);
    let sweep = Sweep::new(room, span(group), now);
    for (at, pair) in pairs.iter().enumerate() {
        let (x, y) = (area.x + half * (at % 2) as u16, area.y + (at / 2) as u16);
        let name = format!("{}→{}", names.of(pair.from), names.of(pair.to));
        canvas.text(x, y, label, &name, canvas.ink(Ink::Strong));
        let strip = Rect { x: x + label, y, width: room, height: 1 };
        draw_strip(canvas, strip, world, pair, &sweep);
        let state = state(canvas, world, group, pair);
        canvas.row(strip.right() + 1, y, STATE_COLUMNS - 1, &state);
    }
}

/// Draws the strips. With a row for each silence as well where there is room, else beside the strip.
pub fn draw(
    canvas: &mut Canvas<'_>,
    area: Rect,
    world: &World,
    group: &Group,
    now: LabTime,
    down: usize,
) {
    let names = &world.topology.names;
    let longest = group.replicas.iter().map(|replica| width(names.of(replica.id))).max();
    let label = 2 * longest.unwrap_or(2) + 2;
    // As much as any layout shows: what is older is on no strip.
    let reach = span(group) * u32::from(area.width);
    let pairs = pairs(world, group, now, reach);
    if is_side_by_side(area, pairs.len()) {
        return draw_side_by_side(canvas, area, (label, &pairs), world, group, now);
    }
    let count = pairs.len() as u16;
    let apart = area.height > 2 * count;
    let beside = if apart { 0 } else { (area.width / 3).clamp(14, 34) };
    let room = area.width.saturating_sub(label + STATE_COLUMNS + beside + 1);
    let sweep = Sweep::new(room, span(group), now);
    let strip = Rect { x: area.x + label, width: room, ..area };
    let mut y = area.y;
    let skip = canvas.skip(down, pairs.len(), area.height);
    for pair in pairs.iter().skip(skip) {
        if y >= area.bottom() {
            return;
        }
        let name = format!("{}→{}", names.of(pair.from), names.of(pair.to));
        canvas.text(area.x, y, label, &name, canvas.ink(Ink::Strong));
        draw_strip(canvas, Rect { y, height: 1, ..strip }, world, pair, &sweep);
        let x = strip.right() + 1;
        let state = state(canvas, world, group, pair);
        canvas.row(x, y, STATE_COLUMNS, &state);
        if !apart {
            let area = Rect { x: x + STATE_COLUMNS, y, width: beside, height: 1 };
            draw_silence(canvas, area, pair.countdown);
        }
        y += 1;
    }
    for pair in pairs.iter().filter(|_| apart) {
        if y >= area.bottom() {
            return;
        }
        let name = format!("{:<1$}", names.of(pair.to), usize::from(label));
        let x = canvas.text(area.x, y, label, &name, canvas.ink(Ink::Strong));
        let area = Rect { x, y, width: area.right().saturating_sub(x), height: 1 };
        draw_silence(canvas, area, pair.countdown);
        y += 1;
    }
    // Why a cut stops heartbeats, or does not, is more than who leads: the truth line says that, too.
    for why in report::why_cuts(names, group) {
        if y < area.bottom() {
            canvas.text(area.x, y, area.width, &why, canvas.ink(Ink::Slow));
            y += 1;
        }
    }
    if y < area.bottom() {
        draw_leaders(canvas, Rect { y, height: 1, ..area }, strip, world, group, &sweep);
        y += 1;
    }
    if pairs.is_empty() && y < area.bottom() {
        let text = "Nobody follows anybody: no heartbeat is expected.";
        canvas.text(area.x, y, area.width, text, canvas.ink(Ink::Muted));
    }
}

fn draw_strip(canvas: &mut Canvas<'_>, area: Rect, world: &World, pair: &Pair, sweep: &Sweep) {
    if let Some(row) = world.beats.get(&(pair.from, pair.to)) {
        for beat in &row.beats {
            let (at, glyph, ink) = match (beat.arrived, beat.lost) {
                (Some(at), _) if beat.late => (at, '╎', Ink::Slow),
                (Some(at), _) => (at, '│', Ink::Text),
                (None, Some(at)) => (at, '✕', Ink::Bad),
                // On its way for longer than the link takes: stalled, or held.
                (None, None) => (beat.sent, '·', Ink::Slow),
            };
            if let Some(column) = sweep.column(at) {
                canvas.glyph(area.x + column, area.y, glyph, canvas.ink(ink));
            }
        }
    }
    sweep.draw_cursor(canvas, area.x, area.y);
}

/// `ok 301 ms`, `late 903 ms`, `SUSPECTED`: how the listener's end of a pair stands.
fn state(canvas: &Canvas<'_>, world: &World, group: &Group, pair: &Pair) -> Row {
    let silent_for = pair.countdown.filter(|count| count.share() < 1.0).map(|count| count.silence);
    if group.view(pair.to, pair.from).belief != Belief::Up {
        if let Some(silence) = silent_for {
            // A reset told it at once that something is wrong; that it acts takes the whole silence.
            let text = format!("broken {}", words::figure(silence));
            return Row::new().with(text, canvas.ink(Ink::Slow));
        }
        // A suspicion of one that runs is wrong: the loudest there is.
        let wrong = group.replica(pair.from).is_some_and(ReplicaState::runs);
        let text = if wrong { " SUSPECTED ≠ " } else { " SUSPECTED " };
        let style = canvas.badge(if wrong { Ink::Bad } else { Ink::Slow });
        return Row::new().with(text, style);
    }
    let Some(count) = pair.countdown else {
        return Row::new().with("follows nobody", canvas.ink(Ink::Muted));
    };
    let every = group.replica(pair.from).map_or(Duration::ZERO, |it| it.config.heartbeat);
    let gap = world.beats.get(&(pair.from, pair.to)).and_then(|row| row.gap());
    let late = count.silence > every + every / 2;
    let (word, time, ink) = match gap {
        _ if late => ("late", count.silence, Ink::Slow),
        // Two that came at once, one of them held up on its way, are no interval.
        Some(gap) if gap > every / 2 => ("ok  ", gap, Ink::Good),
        _ => ("ok  ", count.silence, Ink::Good),
    };
    Row::new().with(format!("{word} {}", words::figure(time)), canvas.ink(ink))
}

/// How much of the silence allowed is used up.
fn draw_silence(canvas: &mut Canvas<'_>, area: Rect, countdown: Option<Countdown>) {
    let Some(count) = countdown else {
        canvas.text(area.x, area.y, area.width, "–", canvas.ink(Ink::Frame));
        return;
    };
    // Where much is allowed, seconds are what a room can read.
    let seconds = count.suspect_after.max(count.silence) >= Duration::from_secs(10);
    let unit = if seconds { "s" } else { "ms" };
    let figure = |span: Duration| {
        if seconds { format!("{:.1}", span.as_secs_f64()) } else { span.as_millis().to_string() }
    };
    let (most, so_far) = (figure(count.suspect_after), figure(count.silence));
    let share = count.share();
    let (ink, word) = match share {
        s if s >= 1.0 => (Ink::Bad, "OVER"),
        s if s > NEAR => (Ink::Slow, "NEAR"),
        _ => (Ink::Good, ""),
    };
    let whole = format!("{so_far:>4} of {most} {unit} of silence  {word}");
    let short = format!("{so_far:>4}/{most} {unit} {word}");
    let text = if area.width > width(&whole) + 20 { whole } else { short };
    // The text has a width of its own, so that the bar does not breathe.
    let columns = if area.width >= 54 { 36 } else { (width(&most) + 13).max(width(&text)) };
    let bar = area.width.saturating_sub(columns + 1);
    let filled = (share * f64::from(bar)).round() as u16;
    for column in 0..bar {
        let (glyph, ink) = if column < filled { ('█', ink) } else { ('░', Ink::Frame) };
        canvas.glyph(area.x + column, area.y, glyph, canvas.ink(ink));
    }
    let style = canvas.ink(if word.is_empty() { Ink::Text } else { ink });
    canvas.text(area.x + bar + 1, area.y, columns, text.trim_end(), style);
}

/// Who led at each moment of the strip: a line while one did, a double one while several did, nothing while nobody did.
fn draw_leaders(
    canvas: &mut Canvas<'_>,
    area: Rect,
    strip: Rect,
    world: &World,
    group: &Group,
    sweep: &Sweep,
) {
    canvas.text(area.x, area.y, strip.x - area.x, "lead", canvas.ink(Ink::Muted));
    for at in sweep.moments() {
        let Some(column) = sweep.column(at) else { continue };
        let (glyph, ink) = match led_at(group, at) {
            Led::Nobody => continue,
            Led::One => ('━', Ink::Lead),
            Led::Several => ('═', Ink::Bad),
        };
        canvas.glyph(strip.x + column, area.y, glyph, canvas.ink(ink));
    }
    sweep.draw_cursor(canvas, strip.x, area.y);
    let leaders: BTreeSet<NodeId> = group.leaders().map(|replica| replica.id).collect();
    let names: Vec<&str> = leaders.iter().map(|id| world.topology.names.of(*id)).collect();
    let x = strip.right() + 1;
    let room = area.right().saturating_sub(x);
    let row = match names.as_slice() {
        [] => Row::new().with(" NO LEADER ", canvas.badge(Ink::Bad)),
        [one] => {
            let term = super::leader(group).map_or(0, |leader| leader.term);
            let text = format!("{one} {}", term_word(term));
            Row::new().with(text, canvas.ink(Ink::Lead))
        }
        several => {
            let text = format!(" {} LEAD ", several.join("+"));
            Row::new().with(text, canvas.badge(Ink::Bad))
        }
    };
    canvas.row(x, area.y, room, &row);
}

enum Led {
    Nobody,
    One,
    Several,
}

/// How many led at a moment, by the leaders of now and by the failovers and split brains that are remembered.
fn led_at(group: &Group, at: LabTime) -> Led {
    let now_since = group.leaders().map(|leader| leader.part_since).min();
    let split = |since, until: Option<LabTime>| at >= since && until.is_none_or(|until| at < until);
    let past = group.splits.iter().any(|it| split(it.since, it.until));
    if past || group.split.as_ref().is_some_and(|it| split(it.since, None)) {
        return Led::Several;
    }
    let gap = group.failovers.iter().any(|failover| {
        let end = failover.promoted.map(|(_, at, _)| at).or(failover.called_off);
        let dead = matches!(failover.fault, crate::check::Fault::Life(_));
        dead && at >= failover.at && end.is_none_or(|end| at < end)
    });
    let before_any = group.failovers.is_empty() && now_since.is_none_or(|since| at < since);
    if gap || before_any { Led::Nobody } else { Led::One }
}
