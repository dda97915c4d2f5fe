//! Panel 2: one question as lanes on one time axis, who won, who came too late, and the sentence that says why.

use super::action::Action;
use super::fan_out;
use super::lanes::{self, Bar};
use super::paint::{Canvas, Row, as_many_as_fit, wrap};
use super::store;
use super::theme::Ink;
use super::view::View;
use super::words;
use crate::base::{LabTime, Peer, Shown};
use crate::message::{Message, Outcome, Said};
use crate::report;
use crate::world::{Lane, LaneEnd, Race, World};
use ratatui::layout::Rect;
use ratatui::style::Style;
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::time::Duration;

/// Columns before the reason.
const WHY_INDENT: u16 = 5;
/// Races that the figures are about.
const LAST: usize = 20;

/// The race on show: the picked one, or the newest.
#[must_use]
pub fn shown<'a>(world: &'a World, view: &View) -> Option<&'a Race> {
    match view.race {
        Some(no) => world.race(no).or_else(|| world.races.back().map(AsRef::as_ref)),
        None => world.races.back().map(AsRef::as_ref),
    }
}

/// The panel's title, in so many columns.
#[must_use]
pub fn title(canvas: &Canvas<'_>, world: &World, view: &View, room: u16) -> Row {
    if let Some(group) = store::on_show(world, view) {
        return store::ops::title(canvas, world, group, (view, room));
    }
    let Some(race) = shown(world, view) else { return Row::new() };
    let row = Row::new().with(format!(" #{} ", race.no.0), canvas.ink(Ink::Focus));
    let row =
        row.with(format!(" {} ", Shown::short(race.name.as_str(), 28)), canvas.ink(Ink::Strong));
    match race.kind {
        kind if kind.is_usual() && race.more.dns.is_none() => row,
        kind => row.with(format!("{kind} "), canvas.ink(Ink::Focus)),
    }
}

/// The panel's note: the policy that ran the race.
#[must_use]
pub fn note(canvas: &Canvas<'_>, world: &World, view: &View) -> Row {
    if store::on_show(world, view).is_some() {
        return Row::new();
    }
    let race = shown(world, view);
    if let Some(other) = race.and_then(|race| race.more.joined) {
        return Row::new().with(format!(" joined #{} ", other.0), canvas.ink(Ink::Focus));
    }
    let policy = race.and_then(|race| race.policy.as_deref()).unwrap_or("");
    if policy.is_empty() {
        return Row::new();
    }
    Row::new().with(format!(" {policy} "), canvas.ink(Ink::Muted))
}

/// Draws the race.
pub fn draw(canvas: &mut Canvas<'_>, area: Rect, world: &World, view: &View, now: LabTime) {
    if let Some(group) = store::on_show(world, view) {
        store::ops::draw(canvas, area, world, group, view, now);
        return;
    }
    let Some(race) = shown(world, view) else {
        let (fire, ask) = (view.key(Action::Fire), view.key(Action::ChooseName));
        let text = format!("No question yet. {fire} fires one; {ask} chooses what to ask.");
        canvas.paragraph(area, &text, canvas.ink(Ink::Muted));
        return;
    };
    let mut rest = area;
    if let Some(before) = before_flip(world, race) {
        compare(canvas, &mut rest, world, before, race);
    }
    let laned = with_lanes(world, race);
    let lanes = laned.lanes.len() as u16 + 1;
    // Figures stand at the foot where there is room for them after lanes and reason: the reason is never cut for them.
    let reason = wrap(&why(world, race), rest.width.saturating_sub(WHY_INDENT)).len().max(2) as u16;
    let over_dns = answer_over_dns(race).is_some_and(|_| rest.height > lanes + reason);
    let reason = reason + u16::from(over_dns);
    let figures = rest.height.saturating_sub(lanes + 1 + reason).min(3);
    let roomy = rest.height >= 2 * lanes + 3 + reason + figures;
    let used = draw_lanes(canvas, rest, (world, view, now), &laned, roomy);
    let foot = Rect { y: rest.bottom() - figures, height: figures, ..rest };
    let middle =
        Rect { y: rest.y + used, height: rest.height.saturating_sub(used + figures), ..rest };
    draw_why(canvas, middle, world, race, (roomy, over_dns));
    draw_figures(canvas, foot, world);
}

/// Whoever joined another's race waits for the lanes of that one.
fn with_lanes<'a>(world: &World, race: &'a Race) -> Cow<'a, Race> {
    match race.more.joined.and_then(|other| world.race(other)) {
        Some(other) => Cow::Owned(Race { lanes: other.lanes.clone(), ..race.clone() }),
        None => Cow::Borrowed(race),
    }
}

/// The last race before the step was flipped, seen from a race after the flip: that of the same name, if there is one.
fn before_flip<'a>(world: &'a World, race: &Race) -> Option<&'a Race> {
    let repaired = race.repaired?;
    let earlier = world.races.iter().rev().filter(|other| other.no < race.no);
    let mut before = earlier
        .take_while(|other| other.step == race.step)
        .filter(|other| other.repaired == Some(!repaired) && other.verdict.is_some())
        .map(AsRef::as_ref)
        .peekable();
    let last = before.peek().copied();
    before.find(|other| other.name == race.name).or(last)
}

/// `#41 confessed  silent 5,003 ms` over `#42 repaired  negative 81 ms`.
fn compare(canvas: &mut Canvas<'_>, rest: &mut Rect, world: &World, before: &Race, race: &Race) {
    for one in [before, race] {
        if rest.height < 6 {
            return;
        }
        let word = if one.repaired == Some(true) { "repaired " } else { "confessed" };
        let mut row = Row::new()
            .with(format!("#{:<4}", one.no.0), canvas.ink(Ink::Focus))
            .with(format!("{word}  "), canvas.ink(Ink::Strong));
        match &one.verdict {
            Some(verdict) => {
                let time = words::figure(verdict.at.since(one.begun));
                let style = canvas.badge(words::outcome_ink(verdict.outcome));
                row.push(format!(" {} {time} ", verdict.outcome), style);
            }
            None => row.push("on its way", canvas.ink(Ink::Message)),
        }
        canvas.row(rest.x, rest.y, rest.width, &row);
        rest.y += 1;
        rest.height -= 1;
    }
    let _ = world;
}

fn ms(from: LabTime, to: LabTime) -> f64 {
    to.since(from).as_secs_f64() * 1e3
}

fn draw_lanes(
    canvas: &mut Canvas<'_>,
    area: Rect,
    (world, view, now): (&World, &View, LabTime),
    race: &Race,
    roomy: bool,
) -> u16 {
    let end = race.settled_at().unwrap_or(now);
    let running = race.lanes.iter().filter(|lane| lane.sent.is_some()).count();
    let bar = |at: usize| lane_bar(canvas, world, race, &race.lanes[at], now, running);
    // The asker has a row, too.
    let mut bars: Vec<Bar> = if race.lanes.len() < usize::from(area.height) {
        (0..race.lanes.len()).map(bar).collect()
    } else {
        fan_out::bars(canvas, area, (world, view, now), race)
    };
    bars.push(asker_bar(canvas, world, race, end));
    lanes::draw(canvas, area, &bars, roomy)
}

pub(super) fn lane_bar(
    canvas: &Canvas<'_>,
    world: &World,
    race: &Race,
    lane: &Lane,
    now: LabTime,
    running: usize,
) -> Bar {
    let (end, ended) = race.lane_end(lane, now);
    let open = race.settled_at().map_or(now, |settled| settled.min(now));
    let to = ms(race.begun, ended.unwrap_or(open));
    // What the LS measures: since it asked.
    let since = lane.sent.or(race.taken).unwrap_or(race.begun);
    let time = words::figure(ended.unwrap_or(now).since(since));
    let plain = |text: String, ink: Ink| Row::new().with(text, canvas.ink(ink));
    let (ink, end, result) = match end {
        LaneEnd::Won => {
            let word = if running > 1 { "WINS" } else { "answers" };
            let badge = Row::new().with(format!(" {word} {time} "), canvas.badge(Ink::Good));
            (Ink::Good, '◆', badge)
        }
        LaneEnd::Waiting if lane.sent.is_none() => {
            (Ink::Muted, '·', plain("not yet".into(), Ink::Muted))
        }
        // Whoever is not waited for any more stands where the verdict fell, until it does answer after all.
        LaneEnd::Waiting if race.is_settled() => {
            (Ink::Muted, '┊', plain("no answer yet".into(), Ink::Muted))
        }
        LaneEnd::Waiting => (Ink::Message, '▶', plain(format!("waits {time}"), Ink::Message)),
        LaneEnd::NotSent => (Ink::Muted, '·', plain("not sent".into(), Ink::Muted)),
        LaneEnd::Ended(outcome) => {
            let ink = words::outcome_ink(outcome);
            let end = match outcome {
                Outcome::Silent | Outcome::Cancelled => '┊',
                Outcome::Late | Outcome::Answered | Outcome::Negative => '◆',
                Outcome::Failed | Outcome::Refused | Outcome::Reset => '✕',
            };
            (ink, end, plain(format!("{} {time}", words::came_to(world, race, lane, outcome)), ink))
        }
    };
    let from = lane.sent.map(|sent| ms(race.begun, sent));
    let label = world.topology.names.of(lane.upstream).to_owned();
    Bar { label, from, to: if from.is_some() { to } else { 0.0 }, glyph: '━', end, ink, result }
}

fn asker_bar(canvas: &Canvas<'_>, world: &World, race: &Race, end: LabTime) -> Bar {
    let label = world.topology.names.peer(race.asker).to_string();
    let to = ms(race.begun, end);
    let Some(verdict) = &race.verdict else {
        let time = words::figure(end.since(race.begun));
        let (word, glyph, ink) = match race.more.asker_gone {
            Some(_) => ("gone", '✕', Ink::Bad),
            None => ("waits", '▶', Ink::Message),
        };
        let result = Row::new().with(format!("{word} {time}"), canvas.ink(ink));
        return Bar { label, from: Some(0.0), to, glyph: '═', end: glyph, ink, result };
    };
    let time = words::figure(verdict.at.since(race.begun));
    let (ink, result) = match &verdict.said {
        Some(Said::Found { address, .. }) if verdict.outcome == Outcome::Answered => {
            let wrong = race.misgiven;
            let style: Style = if wrong { canvas.badge(Ink::Bad) } else { canvas.ink(Ink::Strong) };
            let text = Shown::short(address, 16).to_string();
            let word = if wrong { format!(" WRONG {text} ") } else { text };
            (Ink::Text, Row::new().with(word, style))
        }
        _ => {
            let ink = words::outcome_ink(verdict.outcome);
            let text = format!(" {} {time} ", verdict.outcome);
            (ink, Row::new().with(text, canvas.badge(ink)))
        }
    };
    Bar { label, from: Some(0.0), to, glyph: '═', end: '▶', ink, result }
}

/// What the asker was answered over DNS, in short: the code, flags, records, and why not.
fn answer_over_dns(race: &Race) -> Option<String> {
    match race.more.dns.as_deref()? {
        Message::Reply { dns: Some(response), .. } => Some(report::dns::account(response)),
        _ => None,
    }
}

fn draw_why(
    canvas: &mut Canvas<'_>,
    area: Rect,
    world: &World,
    race: &Race,
    (roomy, over_dns): (bool, bool),
) {
    let mut area = area;
    if roomy && area.height > 1 {
        area.y += 1;
        area.height -= 1;
    }
    if area.height == 0 {
        return;
    }
    if let (true, Some(answer)) = (over_dns, answer_over_dns(race)) {
        canvas.text(area.x, area.y, 5, "dns", canvas.ink(Ink::Focus));
        let room = area.width.saturating_sub(WHY_INDENT);
        canvas.text(area.x + WHY_INDENT, area.y, room, &answer, canvas.ink(Ink::Message));
        area.y += 1;
        area.height -= 1;
    }
    let text = why(world, race);
    if text.is_empty() {
        return;
    }
    canvas.text(area.x, area.y, 5, "why", canvas.ink(Ink::Focus));
    let width = area.width.saturating_sub(WHY_INDENT);
    let area = Rect { x: area.x + WHY_INDENT, width, ..area };
    canvas.paragraph(area, &text, canvas.ink(Ink::Text));
}

/// Why the race came out as it did, in a sentence or two.
#[must_use]
pub fn why(world: &World, race: &Race) -> String {
    report::why(world, race)
}

/// The newest races that have a verdict.
fn recent(world: &World) -> impl Iterator<Item = &Race> {
    world.races.iter().rev().map(AsRef::as_ref).filter(|race| race.verdict.is_some()).take(LAST)
}

fn draw_figures(canvas: &mut Canvas<'_>, area: Rect, world: &World) {
    let mut rows = Vec::new();
    let mut times: Vec<Duration> = recent(world)
        .filter_map(|race| race.verdict.as_ref().map(|verdict| (race, verdict)))
        .filter(|(_, verdict)| verdict.outcome == Outcome::Answered)
        .map(|(race, verdict)| verdict.at.since(race.begun))
        .collect();
    times.sort();
    let count = recent(world).count();
    if count == 0 {
        return;
    }
    let muted = canvas.ink(Ink::Muted);
    rows.push(times_row(canvas, &times, count, area.width));
    rows.push(wins(canvas, world, area.width));
    let mut ends: BTreeMap<Outcome, u32> = BTreeMap::new();
    for verdict in recent(world).filter_map(|race| race.verdict.as_ref()) {
        *ends.entry(verdict.outcome).or_default() += 1;
    }
    let ends = ends.into_iter().map(|(outcome, count)| {
        (format!("{outcome} {count}"), canvas.ink(words::outcome_ink(outcome)))
    });
    let ended = Row::new().with("ended   ", muted);
    rows.push(as_many_as_fit(ended, ends, area.width, muted));
    for (row, y) in rows.iter().zip(area.y..area.bottom()) {
        canvas.row(area.x, y, area.width, row);
    }
}

/// How long the answers took: half of them, nearly all of them, the slowest; fewer figures rather than cut ones.
fn times_row(canvas: &Canvas<'_>, times: &[Duration], count: usize, columns: u16) -> Row {
    let muted = canvas.ink(Ink::Muted);
    let head = || Row::new().with(format!("last {count:<2} "), muted);
    if times.is_empty() {
        return head().with("none answered", canvas.ink(Ink::Text));
    }
    let at = |share: f64| {
        let index = (share * (times.len() - 1) as f64).round() as usize;
        words::figure(times[index])
    };
    let all = [("p50", at(0.5)), ("p95", at(0.95)), ("max", at(1.0))];
    let row = |chosen: &[&(&str, String)], once: bool| {
        let mut row = head();
        for (number, (word, time)) in chosen.iter().enumerate() {
            let last = number + 1 == chosen.len();
            // The unit may stand once, at the end.
            let time = if once && !last { time.trim_end_matches(" ms") } else { time };
            row.push(format!("{word} "), muted);
            row.push(format!("{time}{}", if last { "" } else { "  " }), canvas.ink(Ink::Text));
        }
        row
    };
    let [half, most, slowest] = &all;
    let in_ms = all.iter().all(|(_, time)| time.ends_with(" ms"));
    let forms = [
        row(&[half, most, slowest], false),
        row(&[half, most, slowest], in_ms),
        row(&[half, slowest], false),
        row(&[half], false),
    ];
    let [.., least] = &forms;
    forms.iter().find(|row| row.width() <= columns).unwrap_or(least).clone()
}

fn wins(canvas: &Canvas<'_>, world: &World, columns: u16) -> Row {
    let mut wins: BTreeMap<Peer, u32> = BTreeMap::new();
    let (mut asked, mut sent) = (0_u32, 0_u32);
    for race in recent(world) {
        asked += 1;
        for lane in &race.lanes {
            sent += u32::from(lane.sent.is_some());
            *wins.entry(Peer::Node(lane.upstream)).or_default() +=
                u32::from(lane.end == LaneEnd::Won);
        }
    }
    let text = canvas.ink(Ink::Text);
    let mut parts: Vec<(String, Style)> = wins
        .into_iter()
        .map(|(peer, count)| (format!("{} {count}", world.topology.names.peer(peer)), text))
        .collect();
    if asked > 0 && sent > asked {
        let extra = f64::from(sent - asked) / f64::from(asked) * 100.0;
        parts.push((format!("load +{extra:.0} %"), canvas.ink(Ink::Slow)));
    }
    let muted = canvas.ink(Ink::Muted);
    as_many_as_fit(Row::new().with("wins    ", muted), parts.into_iter(), columns, muted)
}

/// What the page says while a store is on show: of its failover, or of its operation.
fn store_why(world: &World, view: &View) -> Option<String> {
    let group = store::on_show(world, view)?;
    let names = &world.topology.names;
    let why = match (store::failover_shown(group, view), store::ops::shown(group, view)) {
        (Some(failover), _) => report::why_failover(names, failover, world.now),
        (None, Some(op)) => store::ops::why(world, group, op),
        (None, None) => "There was no operation yet.".into(),
    };
    let cuts = report::why_cuts(names, group).into_iter().map(|cut| format!(" {cut}."));
    Some(why + &cuts.collect::<String>())
}

/// The question and its answer over DNS, in full.
fn dns_sentence(race: &Race) -> Option<String> {
    report::dns::message(race.more.dns.as_deref()?)
}

/// Rows that the page with the reason needs.
#[must_use]
pub fn why_page_rows(world: &World, view: &View, columns: u16) -> u16 {
    if let Some(text) = store_why(world, view) {
        return u16::try_from(wrap(&text, columns).len()).unwrap_or(u16::MAX).max(1);
    }
    let text = shown(world, view).map_or_else(String::new, |race| why(world, race));
    let marks = shown(world, view)
        .map_or(0, |race| u16::from(race.contradicted) + u16::from(race.misgiven));
    let rows = |text: &str| u16::try_from(wrap(text, columns).len()).unwrap_or(u16::MAX).max(1);
    let dns = shown(world, view).and_then(dns_sentence).map_or(0, |text| rows(&text) + 1);
    rows(&text).saturating_add(dns).saturating_add(if marks > 0 { marks + 1 } else { 0 })
}

/// The reason alone, large, over the middle of the screen.
pub fn draw_why_page(canvas: &mut Canvas<'_>, area: Rect, world: &World, view: &View) {
    if let Some(text) = store_why(world, view) {
        canvas.paragraph(area, &text, canvas.ink(Ink::Strong));
        return;
    }
    let Some(race) = shown(world, view) else {
        canvas.paragraph(area, "There was no race yet.", canvas.ink(Ink::Muted));
        return;
    };
    let used = canvas.paragraph(area, &why(world, race), canvas.ink(Ink::Strong));
    let mut y = area.y + used + 1;
    if let Some(text) = dns_sentence(race) {
        let rest = Rect { y, height: area.bottom().saturating_sub(y), ..area };
        y += canvas.paragraph(rest, &text, canvas.ink(Ink::Message)) + 1;
    }
    for (said, text) in [
        (race.contradicted, "The truth: a server of this topology has the name."),
        (race.misgiven, "The truth: this is the address of another name."),
    ] {
        if said && y < area.bottom() {
            canvas.text(area.x, y, area.width, text, canvas.ink(Ink::Bad));
            y += 1;
        }
    }
}
