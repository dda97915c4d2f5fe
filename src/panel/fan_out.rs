//! The lanes of a race with more upstreams than rows: sorted by when their answers were in, the first few and the last
//! few with their ranks, and between them at what time how many had answered. Scrolled, one rank after the other.

use super::lanes::{Bar, label_columns};
use super::paint::{Canvas, Row, as_many_as_fit, width};
use super::race::lane_bar;
use super::theme::Ink;
use super::view::{PanelId, Selection, View};
use super::words;
use crate::base::LabTime;
use crate::message::Outcome;
use crate::world::{Lane, LaneEnd, Race, World};
use ratatui::layout::Rect;
use std::collections::BTreeMap;
use std::time::Duration;

/// Rows that lanes leave: for the scale, the asker, and two of the reason.
const LANES_LEAVE: u16 = 4;

/// The lanes for which there is room, and what is said of the others.
pub fn bars(
    canvas: &mut Canvas<'_>,
    area: Rect,
    (world, view, now): (&World, &View, LabTime),
    race: &Race,
) -> Vec<Bar> {
    let order = sorted(race, now);
    let room = usize::from(area.height.saturating_sub(LANES_LEAVE)).max(2);
    let down = if view.focus == PanelId::Race { view.down } else { 0 };
    let skip = canvas.skip(down, order.len(), room as u16);
    if skip > 0 {
        let shown = order.iter().zip(1..).skip(skip).take(room);
        return shown.map(|(at, rank)| ranked(canvas, world, race, *at, rank, now)).collect();
    }
    let (mut first, last) = ends(&order, room - 1);
    // The node that everybody looks at is among them.
    let selected = |at: &usize| Selection::Node(race.lanes[*at].upstream) == view.selection;
    let hidden = |rank: &usize| (first..order.len() - last).contains(rank);
    let looked_at = order.iter().position(selected).filter(hidden).filter(|_| first > 1);
    first -= usize::from(looked_at.is_some());
    let some = |ranks: std::ops::Range<usize>| -> Vec<Bar> {
        ranks.map(|rank| ranked(canvas, world, race, order[rank], rank + 1, now)).collect()
    };
    let mut bars = some(0..first);
    let names = race.lanes.iter().map(|lane| width(world.topology.names.of(lane.upstream)));
    let columns = area.width.saturating_sub(label_columns(names.max()));
    bars.push(between(canvas, race, &order, (columns, now)));
    bars.extend(looked_at.into_iter().flat_map(|rank| some(rank..rank + 1)));
    bars.extend(some(order.len() - last..order.len()));
    bars
}

/// How many of the first and of the last are shown: of an odd number the last have one more, for they are the news.
fn ends(order: &[usize], room: usize) -> (usize, usize) {
    let room = room.min(order.len());
    (room / 2, room - room / 2)
}

/// The lanes by when their answers were in, from the question's arrival at the LS; then those that came to something
/// else; then those that are waited for, and those that were never asked.
fn sorted(race: &Race, now: LabTime) -> Vec<usize> {
    let mut order: Vec<usize> = (0..race.lanes.len()).collect();
    order.sort_by_cached_key(|at| {
        let lane = &race.lanes[*at];
        let (end, ended) = race.lane_end(lane, now);
        let class = match end {
            _ if has_answered(end) => 0,
            LaneEnd::Ended(_) => 1,
            LaneEnd::Waiting if lane.sent.is_some() => 2,
            _ => 3,
        };
        (class, ended)
    });
    order
}

const fn has_answered(end: LaneEnd) -> bool {
    matches!(
        end,
        LaneEnd::Won | LaneEnd::Ended(Outcome::Answered | Outcome::Negative | Outcome::Late)
    )
}

/// A lane with its rank: what came of it stands in its colour.
fn ranked(
    canvas: &Canvas<'_>,
    world: &World,
    race: &Race,
    at: usize,
    rank: usize,
    now: LabTime,
) -> Bar {
    let lane = &race.lanes[at];
    let mut bar = lane_bar(canvas, world, race, lane, now, race.lanes.len());
    let (end, ended) = race.lane_end(lane, now);
    if has_answered(end) {
        let asked = race.taken.unwrap_or(race.begun);
        let time = words::figure(ended.unwrap_or(now).since(asked));
        let last = rank == answered(race, now).len();
        let word = if end == LaneEnd::Ended(Outcome::Late) { " late" } else { "" };
        let text = format!("{}{word} {time}", ordinal(rank));
        bar.result = match (end, last) {
            (LaneEnd::Won, _) => Row::new().with(format!(" {text} "), canvas.badge(Ink::Good)),
            (_, true) => Row::new().with(text, canvas.ink(Ink::Slow)),
            _ => Row::new().with(text, canvas.ink(bar.ink)),
        };
    }
    bar
}

/// When the answers were in, from the question's arrival at the LS, in order.
fn answered(race: &Race, now: LabTime) -> Vec<Duration> {
    let asked = race.taken.unwrap_or(race.begun);
    let in_at = |lane: &Lane| {
        let (end, ended) = race.lane_end(lane, now);
        ended.filter(|_| has_answered(end)).map(|ended| ended.since(asked))
    };
    let mut times: Vec<Duration> = race.lanes.iter().filter_map(in_at).collect();
    times.sort_unstable();
    times
}

/// What is said of those that are not shown: how many are in, when half and when nearly all of them were, and what came
/// of the others.
fn between(
    canvas: &Canvas<'_>,
    race: &Race,
    order: &[usize],
    (columns, now): (u16, LabTime),
) -> Bar {
    let times = answered(race, now);
    let all = order.len();
    let mut parts = Vec::new();
    if times.len() < all {
        parts.push((format!("{} of {all} in", times.len()), canvas.ink(Ink::Strong)));
    }
    for share in [50, 95] {
        let rank = (all * share).div_ceil(100);
        if let Some(time) = times.get(rank - 1) {
            let text = format!("{} at {}", ordinal(rank), words::figure(*time));
            parts.push((text, canvas.ink(Ink::Text)));
        }
    }
    let mut others: BTreeMap<&str, (usize, Ink)> = BTreeMap::new();
    for lane in &race.lanes {
        let (word, ink) = match race.lane_end(lane, now).0 {
            end if has_answered(end) => continue,
            LaneEnd::Ended(outcome) => (outcome.word(), words::outcome_ink(outcome)),
            LaneEnd::Waiting if lane.sent.is_some() && race.verdict.is_none() => {
                ("waiting", Ink::Message)
            }
            LaneEnd::Waiting if lane.sent.is_some() => ("no answer yet", Ink::Muted),
            _ => ("not asked", Ink::Muted),
        };
        others.entry(word).or_insert((0, ink)).0 += 1;
    }
    let others = others.into_iter();
    parts.extend(others.map(|(word, (count, ink))| (format!("{count} {word}"), canvas.ink(ink))));
    let words = as_many_as_fit(Row::new(), parts.into_iter(), columns, canvas.ink(Ink::Muted));
    Bar::words("…".into(), Ink::Muted, words)
}

/// `1st`, `2nd`, `11th`.
fn ordinal(rank: usize) -> String {
    let ending = match (rank % 10, rank % 100) {
        (_, 11..=13) => "th",
        (1, _) => "st",
        (2, _) => "nd",
        (3, _) => "rd",
        _ => "th",
    };
    format!("{rank}{ending}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranks_are_said_as_people_say_them() {
        let said: Vec<String> =
            [1, 2, 3, 4, 11, 12, 13, 21, 50, 95, 100, 101, 111].map(ordinal).into();
        let should = ["1st", "2nd", "3rd", "4th", "11th", "12th", "13th", "21st", "50th"];
        assert_eq!(said[..9], should);
        assert_eq!(said[9..], ["95th", "100th", "101st", "111th"]);
    }
}
