//! Panel 7: how long questions took and what that cost: the last two eras of the LS's policy one above the other on one
//! axis, the newest thousand questions, and a row for each TS.

use super::histogram::{self, LogAxis, Spark};
use super::paint::{Canvas, Row, as_many_as_fit, width};
use super::targets;
use super::theme::Ink;
use super::view::{PanelId, View};
use super::words;
use crate::base::NodeId;
use crate::base::units::grouped;
use crate::message::Outcome;
use crate::topology::setting;
use crate::world::{Era, Percentiles, Race, World};
use ratatui::layout::Rect;
use ratatui::style::Style;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

/// Questions that the sparkline is about.
const NEWEST: usize = 1000;
/// From so many columns on an era has one row for all its figures.
const ONE_ROW_COLUMNS: u16 = 110;
/// Rows of a histogram at most: more tell no more.
const ROWS_MAX: u16 = 10;

/// Whether there is anything to have figures of.
#[must_use]
pub fn is_there(world: &World, view: &View) -> bool {
    targets::ls(world, view).is_some()
}

/// The panel's note: whose figures these are, and of how many eras.
#[must_use]
pub fn note(canvas: &Canvas<'_>, world: &World, view: &View) -> Row {
    let Some(ls) = targets::ls(world, view) else { return Row::new() };
    let eras = world.figures.eras(ls).len();
    let name = world.topology.names.of(ls);
    let text = match eras {
        0 | 1 => format!(" {name} "),
        eras => format!(" {name}, the last 2 of {eras} "),
    };
    Row::new().with(text, canvas.ink(Ink::Muted))
}

/// Draws the figures.
pub fn draw(canvas: &mut Canvas<'_>, area: Rect, world: &World, view: &View) {
    let Some(ls) = targets::ls(world, view) else {
        let text = "There is no load balancer here.";
        canvas.paragraph(area, text, canvas.ink(Ink::Muted));
        return;
    };
    let mut eras: Vec<&Era> = world.figures.eras(ls).rev().take(2).collect();
    eras.reverse();
    let rows = Rows::share(area, eras.len() as u16, targets::upstreams(world, ls).len());
    let mut rest = area;
    let span = span(&eras);
    if rows.both {
        charts(canvas, &mut rest, &rows, (world, ls), &eras, span);
    } else if let [.., present] = eras[..] {
        // Where there is room for one alone it is the present one.
        heads(canvas, take(&mut rest, rows.heads), (world, ls), present, None);
    }
    if rest.height > 0 {
        newest(canvas, take(&mut rest, 1), world, ls, span);
    }
    if rows.table > 0 && rest.height > 0 {
        table(canvas, rest, world, view, ls);
    }
}

/// The eras one above the other, with their figures, on one axis.
fn charts(
    canvas: &mut Canvas<'_>,
    rest: &mut Rect,
    rows: &Rows,
    (world, ls): (&World, NodeId),
    eras: &[&Era],
    (shortest, longest): (Duration, Duration),
) {
    // Few questions make few columns: one for each would be a row of spikes.
    let asked = eras.iter().map(|era| era.spread.count()).max().unwrap_or(0);
    let bins = ((2.0 * (asked as f64).sqrt()) as u16).clamp(8, rest.width.max(8));
    let wide = rest.width.div_ceil(bins).max(1);
    let axis = LogAxis::over(shortest, longest, rest.width / wide);
    let edges = axis.edges();
    let counts: Vec<Vec<u64>> = eras.iter().map(|era| era.spread.counts(&edges)).collect();
    let most = counts.iter().map(|counts| peak(counts)).fold(0.0, f64::max);
    for (at, era) in eras.iter().enumerate() {
        let other = eras.get(1 - at.min(1)).filter(|other| !std::ptr::eq(**other, *era));
        heads(canvas, take(rest, rows.heads), (world, ls), era, other.copied());
        let is = era.spread.percentiles();
        let chart = take(rest, rows.columns);
        histogram::columns(canvas, chart, wide, &counts[at], most, |column| {
            if column > axis.column(is.p99) {
                Ink::Bad
            } else if column > axis.column(is.p90) {
                Ink::Slow
            } else {
                Ink::Lead
            }
        });
    }
    if rows.columns > 0 {
        let row = take(rest, 1);
        axis.draw(canvas, row.x, row.y, wide);
    }
}

/// How the rows of the panel are shared out.
#[derive(Debug, PartialEq, Eq)]
struct Rows {
    /// Of the figures of an era.
    heads: u16,
    /// Of a histogram.
    columns: u16,
    /// Of the table.
    table: u16,
    /// Whether there is room for two eras.
    both: bool,
}

impl Rows {
    fn share(area: Rect, eras: u16, servers: usize) -> Self {
        let eras = eras.max(1);
        let height = area.height;
        let heads = if area.width >= ONE_ROW_COLUMNS { 1 } else { 2 }.min(height.max(1));
        // Axis and sparkline have a row each.
        let Some(rest) = height.checked_sub(heads * eras + 2).filter(|rest| *rest >= eras) else {
            let both = height > heads * eras;
            return Self { heads, columns: 0, table: 0, both };
        };
        let wanted = u16::try_from(servers).unwrap_or(u16::MAX).saturating_add(1);
        let least = if rest >= 14 { 3 } else { 2 } * eras;
        // A table of fewer than three rows says nothing.
        let table = rest.saturating_sub(least).min(wanted);
        let table = if table >= 3 { table } else { 0 };
        let columns = ((rest - table) / eras).min(ROWS_MAX);
        let table = if table > 0 { rest - columns * eras } else { 0 };
        Self { heads, columns, table, both: true }
    }
}

fn take(rest: &mut Rect, rows: u16) -> Rect {
    let rows = rows.min(rest.height);
    let taken = Rect { height: rows, ..*rest };
    rest.y += rows;
    rest.height -= rows;
    taken
}

/// The times that matter: all but the quickest hundredth, which a stray answer may make as short as can be.
fn span(eras: &[&Era]) -> (Duration, Duration) {
    let all = || eras.iter().filter(|era| era.spread.count() > 0);
    let shortest = all().map(|era| era.spread.percentiles().p1).min();
    let longest = all().map(|era| era.spread.max()).max();
    let usual = Duration::from_millis(1);
    (shortest.unwrap_or(usual), longest.unwrap_or(1000 * usual))
}

/// The largest share of the whole that stands in one column.
fn peak(counts: &[u64]) -> f64 {
    let total = counts.iter().sum::<u64>().max(1) as f64;
    counts.iter().copied().max().unwrap_or(0) as f64 / total
}

type Part = (String, Style);

/// How a time is written.
type Figure<'a> = &'a dyn Fn(Duration) -> String;

/// An era in words and figures: its policy, what was different in it, how long the answers took, what they cost.
fn heads(
    canvas: &mut Canvas<'_>,
    area: Rect,
    (world, ls): (&World, NodeId),
    era: &Era,
    other: Option<&Era>,
) {
    let muted = canvas.ink(Ink::Muted);
    let mut first = Row::new().with(format!("{} ", era.policy), canvas.ink(Ink::Strong));
    if let Some(repaired) = era.repaired {
        let word = if repaired { "repaired " } else { "confessed " };
        first.push(word, canvas.ink(Ink::Focus));
    }
    let mut parts: Vec<Part> = account(canvas, era);
    let different = differences(canvas, world, ls, era, other);
    // What tells two eras of one policy apart is their name.
    let at = if other.is_some_and(|other| other.policy == era.policy) { 0 } else { parts.len() };
    parts.splice(at..at, different);
    let times = times(canvas, era.spread.percentiles(), area.width);
    if area.height == 1 {
        first.append(times);
        first.push("  ", muted);
        let row = as_many_as_fit(first, parts.into_iter(), area.width, muted);
        canvas.row(area.x, area.y, area.width, &row);
        return;
    }
    let rows = [as_many_as_fit(first, parts.into_iter(), area.width, muted), times];
    for (row, y) in rows.iter().zip(area.y..area.bottom()) {
        canvas.row(area.x, y, area.width, row);
    }
}

/// The percentiles; in few columns with one unit for all of them, and then fewer of them rather than cut ones.
fn times(canvas: &Canvas<'_>, is: Percentiles, columns: u16) -> Row {
    if is.count == 0 {
        return Row::new().with("no answer yet", canvas.ink(Ink::Muted));
    }
    let (muted, text) = (canvas.ink(Ink::Muted), canvas.ink(Ink::Text));
    let row = |chosen: &[(&str, Duration)], (figure, unit): (Figure<'_>, &str), gap: &str| {
        let mut row = Row::new();
        for (at, (word, time)) in chosen.iter().enumerate() {
            row.push(if at > 0 { gap } else { "" }, muted);
            row.push(format!("{word} "), muted);
            row.push(figure(*time), text);
        }
        row.with(unit, text)
    };
    let seconds = |time: Duration| format!("{:.2}", time.as_secs_f64());
    let whole = |time: Duration| format!("{:.0}", time.as_secs_f64() * 1e3);
    let parts = |time: Duration| format!("{:.2}", time.as_secs_f64() * 1e3);
    let short: (Figure<'_>, &str) = match is.max {
        max if max >= Duration::from_secs(1) => (&seconds, " s"),
        max if max >= Duration::from_millis(10) => (&whole, " ms"),
        _ => (&parts, " ms"),
    };
    let all = [("p50", is.p50), ("p90", is.p90), ("p99", is.p99), ("max", is.max)];
    let forms = [
        row(&all, (&words::figure, ""), "  "),
        row(&all, short, "  "),
        row(&all, short, " "),
        row(&[all[0], all[2]], short, " "),
    ];
    let [.., least] = &forms;
    forms.iter().find(|row| row.width() <= columns).unwrap_or(least).clone()
}

/// How many questions, what went wrong, what more the servers were asked, and what came of that.
fn account(canvas: &Canvas<'_>, era: &Era) -> Vec<Part> {
    let mut parts = vec![(format!("{} asked", grouped(era.taken)), canvas.ink(Ink::Text))];
    let load = era.extra_load() * 100.0;
    if load >= 0.05 {
        let figure = if load < 10.0 { format!("{load:.1}") } else { format!("{load:.0}") };
        parts.push((format!("load +{figure} %"), canvas.ink(Ink::Slow)));
    }
    for outcome in Outcome::ALL {
        let count = era.ended(outcome);
        if outcome != Outcome::Answered && count > 0 {
            let ink = words::outcome_ink(outcome);
            parts.push((format!("{outcome} {}", grouped(count)), canvas.ink(ink)));
        }
    }
    if era.hedged > 0 {
        let text = format!("hedged {}, won {}", grouped(era.hedged), grouped(era.hedges_won));
        parts.push((text, canvas.ink(Ink::Text)));
    }
    if era.joined > 0 {
        parts.push((format!("joined {}", grouped(era.joined)), canvas.ink(Ink::Text)));
    }
    if era.cancelled > 0 {
        let text = format!("{} cancelled", grouped(era.cancelled));
        parts.push((text, canvas.ink(Ink::Text)));
    }
    parts
}

/// Settings in which an era differs from the other one on show; what nobody had set is as the file says.
fn differences(
    canvas: &Canvas<'_>,
    world: &World,
    ls: NodeId,
    era: &Era,
    other: Option<&Era>,
) -> Vec<Part> {
    let Some(other) = other else { return Vec::new() };
    let keys: BTreeSet<&Arc<str>> = era.set.keys().chain(other.set.keys()).collect();
    let usual = |key: &str| setting::current(&world.topology, &world.topology.node(ls).kind, key);
    let value = |era: &Era, key: &Arc<str>| {
        era.set.get(key).map(ToString::to_string).or_else(|| usual(key))
    };
    let different = keys.into_iter().filter(|key| value(era, key) != value(other, key));
    let words = different.filter_map(|key| Some(format!("{key} {}", value(era, key)?)));
    words.map(|words| (words, canvas.ink(Ink::Message))).collect()
}

/// How long the newest questions took at the LS, the slowest of each column's share.
fn newest(
    canvas: &mut Canvas<'_>,
    area: Rect,
    world: &World,
    ls: NodeId,
    (shortest, longest): (Duration, Duration),
) {
    let shortest = shortest.as_secs_f64().max(1e-6);
    let whole = (longest.as_secs_f64().max(2.0 * shortest) / shortest).ln();
    let height = |took: Duration| (took.as_secs_f64().max(1e-6) / shortest).ln() / whole;
    let of_ls = |race: &&Race| race.ls == Some(ls) && race.ls_verdict.is_some();
    let races = world.races.iter().map(AsRef::as_ref).filter(of_ls).rev().take(NEWEST);
    let mut sparks: Vec<Spark> = races
        .filter_map(|race| {
            let verdict = race.ls_verdict.as_ref()?;
            Some(match verdict.outcome {
                Outcome::Answered | Outcome::Negative => {
                    Spark::Took(height(verdict.at.since(race.taken?)))
                }
                _ => Spark::Failed,
            })
        })
        .collect();
    sparks.reverse();
    let label = format!("last {:<4} ", sparks.len());
    let x = canvas.text(area.x, area.y, area.width, &label, canvas.ink(Ink::Muted));
    let columns = usize::from(area.right().saturating_sub(x));
    if sparks.is_empty() || columns == 0 {
        return;
    }
    let each = sparks.len().div_ceil(columns);
    let columns: Vec<Spark> = sparks.chunks(each).map(worst).collect();
    histogram::sparkline(canvas, x, area.y, &columns);
}

fn worst(sparks: &[Spark]) -> Spark {
    sparks.iter().copied().fold(Spark::Took(0.0), |worst, spark| match (worst, spark) {
        (Spark::Took(one), Spark::Took(other)) => Spark::Took(one.max(other)),
        _ => Spark::Failed,
    })
}

/// A column of the table: its heading, and what stands in it.
struct Column {
    head: &'static str,
    columns: u16,
    /// The lower, the rather it is left out.
    weight: u8,
    cell: fn(&World, NodeId) -> String,
}

const COLUMNS: [Column; 8] = [
    Column { head: "asked", columns: 8, weight: 7, cell: |world, id| of(world, id).0 },
    Column { head: "heard", columns: 8, weight: 1, cell: |world, id| of(world, id).1 },
    Column {
        head: "wins",
        columns: 8,
        weight: 5,
        cell: |world, id| grouped(world.node(id).load.wins),
    },
    Column { head: "p50", columns: 10, weight: 4, cell: |world, id| time(world, id, |it| it.p50) },
    Column { head: "p99", columns: 10, weight: 6, cell: |world, id| time(world, id, |it| it.p99) },
    Column {
        head: "queue",
        columns: 7,
        weight: 3,
        cell: |world, id| grouped(u64::from(world.node(id).load.open)),
    },
    Column {
        head: "ejected",
        columns: 9,
        weight: 2,
        cell: |world, id| grouped(world.node(id).load.ejected),
    },
    Column {
        head: "probation",
        columns: 11,
        weight: 0,
        cell: |world, id| grouped(world.figures.server(id).map_or(0, |of| of.probations)),
    },
];

fn of(world: &World, id: NodeId) -> (String, String) {
    let of = world.figures.server(id);
    (grouped(of.map_or(0, |of| of.asked)), grouped(of.map_or(0, |of| of.heard)))
}

fn time(world: &World, id: NodeId, which: fn(&Percentiles) -> Duration) -> String {
    let is = world.figures.server(id).map(|of| of.spread.percentiles());
    match is.filter(|is| is.count > 0) {
        Some(is) => words::figure(which(&is)),
        None => "-".into(),
    }
}

/// A row for each upstream.
fn table(canvas: &mut Canvas<'_>, area: Rect, world: &World, view: &View, ls: NodeId) {
    let ids = targets::upstreams(world, ls);
    let names = &world.topology.names;
    let label = ids.iter().map(|id| width(names.of(*id))).max().unwrap_or(2).max(2);
    let room = area.width.saturating_sub(label);
    // The weightiest for which there is room, in the order of the table.
    let mut by_weight: Vec<&Column> = COLUMNS.iter().collect();
    by_weight.sort_by_key(|column| std::cmp::Reverse(column.weight));
    let mut taken = 0;
    by_weight.retain(|column| {
        let fits = taken + column.columns <= room;
        taken += if fits { column.columns } else { 0 };
        fits
    });
    let fits = |column: &&Column| by_weight.iter().any(|it| it.head == column.head);
    let shown: Vec<&Column> = COLUMNS.iter().filter(fits).collect();
    let (muted, text, strong) =
        (canvas.ink(Ink::Muted), canvas.ink(Ink::Text), canvas.ink(Ink::Strong));
    let mut x = area.x + label;
    let hidden = ids.len().saturating_sub(usize::from(area.height.saturating_sub(1)));
    let head = if hidden > 0 { format!("TS +{hidden}") } else { "TS".into() };
    canvas.text(area.x, area.y, label + 2, &head, muted);
    for column in &shown {
        x += column.columns;
        canvas.right(x, area.y, column.columns, column.head, muted);
    }
    let height = area.height.saturating_sub(1);
    let down = if view.focus == PanelId::Figures { view.down } else { 0 };
    let skip = canvas.skip(down, ids.len(), height);
    for (id, y) in ids.iter().skip(skip).zip(area.y + 1..area.bottom()) {
        canvas.text(area.x, y, label, names.of(*id), strong);
        let mut x = area.x + label;
        for column in &shown {
            x += column.columns;
            canvas.right(x, y, column.columns - 1, &(column.cell)(world, *id), text);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_is_given_once_and_a_histogram_goes_before_the_table() {
        for height in 0..60 {
            for eras in [1, 2] {
                for width in [30, 78, 150] {
                    let rows = Rows::share(Rect::new(0, 0, width, height), eras, 100);
                    let shown = if rows.both { eras } else { 1 };
                    let chart = u16::from(rows.columns > 0);
                    let used = (rows.heads + rows.columns) * shown + 2 * chart + rows.table;
                    assert!(used <= height.max(1), "{height} {rows:?}");
                    assert!(rows.table == 0 || rows.columns > 1, "{height} {rows:?}");
                }
            }
        }
        // The right half of 80x24, without a table.
        let small = Rows::share(Rect::new(0, 0, 36, 10), 2, 2);
        assert_eq!(small, Rows { heads: 2, columns: 2, table: 0, both: true });
    }
}
