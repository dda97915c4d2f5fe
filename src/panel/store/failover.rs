//! A failover as lanes: what befell the leader, who noticed, who stood, who leads now, and whose write got through
//! first; each stage with its time since the fault.

use super::super::lanes::{self, Bar};
use super::super::paint::{Canvas, Row};
use super::super::theme::Ink;
use super::super::view::View;
use super::super::words;
use super::term_word;
use crate::base::{LabTime, NodeId};
use crate::check::{Failover, Fault, Group};
use crate::event::Life;
use crate::report;
use crate::world::World;
use ratatui::layout::Rect;

/// The failover on show: the last one, until the person goes on.
#[must_use]
pub fn shown<'a>(group: &'a Group, view: &View) -> Option<&'a Failover> {
    let last = group.failovers.back()?;
    (view.op.is_none() && view.seen_until.is_none_or(|seen| last.at > seen)).then_some(last)
}

/// The title: `r1 killed`.
#[must_use]
pub fn title(canvas: &Canvas<'_>, world: &World, failover: &Failover) -> Row {
    let name = world.topology.names.of(failover.leader);
    let text = format!(" {name} {} ", fault_word(world, failover));
    Row::new().with(text, canvas.ink(Ink::Strong))
}

fn fault_word(world: &World, failover: &Failover) -> String {
    match failover.fault {
        Fault::Life(Life::Killed) => "killed".into(),
        Fault::Life(Life::Crashed) => "crashed".into(),
        Fault::Life(Life::PoweredOff) => "without power".into(),
        Fault::Life(Life::Frozen) => "frozen".into(),
        Fault::Life(Life::Corrupt) => "corrupt".into(),
        Fault::Life(_) => "stopped".into(),
        Fault::Cut(other) => format!("cut off from {}", world.topology.names.of(other)),
        Fault::Silence(other) => format!("not heard by {}", world.topology.names.of(other)),
    }
}

/// One stage of it.
struct Stage {
    label: &'static str,
    who: Option<NodeId>,
    at: Option<LabTime>,
    ink: Ink,
    extra: String,
}

fn stages(group: &Group, failover: &Failover) -> [Stage; 4] {
    let of = |told: Option<(NodeId, LabTime)>| (told.map(|it| it.0), told.map(|it| it.1));
    let stage = |label, (who, at), ink| Stage { label, who, at, ink, extra: String::new() };
    let term = failover.promoted.map_or_else(String::new, |(.., term)| term_word(term));
    let promoted = of(failover.promoted.map(|(who, at, _)| (who, at)));
    let asker = |(replica, at, no)| {
        let client = group.op(no).and_then(|op| op.asker).map(|(node, ..)| node);
        (client.unwrap_or(replica), at)
    };
    [
        stage("suspected", of(failover.suspected), Ink::Slow),
        stage("election", of(failover.stood), Ink::Message),
        Stage { extra: term, ..stage("promoted", promoted, Ink::Lead) },
        stage("first write", of(failover.served.map(asker)), Ink::Good),
    ]
}

/// Draws the stages, and what it cost.
pub fn draw(
    canvas: &mut Canvas<'_>,
    area: Rect,
    world: &World,
    group: &Group,
    failover: &Failover,
    now: LabTime,
) {
    let ms = |at: LabTime| at.since(failover.at).as_secs_f64() * 1e3;
    let names = &world.topology.names;
    let mut bars = Vec::new();
    let word = fault_word(world, failover);
    bars.push(Bar {
        label: names.of(failover.leader).to_owned(),
        from: Some(0.0),
        to: 0.0,
        glyph: '━',
        end: '✕',
        ink: Ink::Bad,
        result: Row::new().with(format!(" {word} "), canvas.badge(Ink::Bad)),
    });
    let mut before = failover.at;
    let mut pending = failover.called_off.is_none();
    for stage in stages(group, failover) {
        let label = stage.who.map_or("", |id| names.of(id)).to_owned();
        let Some(at) = stage.at else {
            // What comes next is what everybody waits for; what lies beyond it has not begun.
            let waits = std::mem::take(&mut pending);
            let text = if waits { format!("{}?", stage.label) } else { stage.label.into() };
            let from = waits.then(|| ms(before));
            // Before anybody has noticed, the silence grows; a write that nobody tries is no silence.
            let grows = waits && failover.promoted.is_none();
            let to = if grows { ms(now) } else { from.unwrap_or(0.0) };
            let ink = if waits { Ink::Message } else { Ink::Muted };
            let result = Row::new().with(text, canvas.ink(ink));
            bars.push(Bar { label, from, to, glyph: '━', end: '▶', ink, result });
            continue;
        };
        let time = words::figure(at.since(failover.at));
        let text = format!("{} {}", stage.label, stage.extra);
        let result = Row::new()
            .with(format!("{} ", text.trim_end()), canvas.ink(stage.ink))
            .with(time, canvas.ink(Ink::Strong));
        let (from, to) = (Some(ms(before.min(at))), ms(at));
        bars.push(Bar { label, from, to, glyph: '━', end: '◆', ink: stage.ink, result });
        before = at;
    }
    let roomy = area.height > 14;
    let used = lanes::draw(canvas, area, &bars, roomy);
    let mut rest = Rect { y: area.y + used, height: area.height.saturating_sub(used), ..area };
    if rest.height > 2 {
        rest.y += 1;
        rest.height -= 1;
    }
    canvas.paragraph(rest, &account(world, group, failover, now), canvas.ink(Ink::Text));
}

/// What it meant for the clients, in sentences.
fn account(world: &World, group: &Group, failover: &Failover, now: LabTime) -> String {
    let names = &world.topology.names;
    let mut out: Vec<String> = Vec::new();
    if let Fault::Cut(_) = failover.fault {
        // The lanes say when; why one hears nothing and the other does is told here alone.
        out.extend(report::why_cuts(names, group).into_iter().map(|why| why + "."));
    } else if let Some((who, at)) = failover.suspected {
        let silence = words::figure(at.since(failover.at));
        out.push(format!("{} suspected it after {silence}.", names.of(who)));
    }
    let predicted = group
        .predictions
        .iter()
        .rev()
        .find(|it| it.leader == failover.leader && it.at >= failover.at);
    if let Some(predicted) = predicted {
        let lost = group.figures.lost.saturating_sub(predicted.lost_before);
        out.push(format!("Predicted loss {}, lost {lost}.", predicted.writes));
    }
    match (failover.served, failover.called_off) {
        (Some((_, at, _)), _) => {
            let time = words::figure(at.since(failover.at));
            out.push(format!("No write got through for {time}."));
        }
        (None, Some(_)) => {
            out.push(format!(
                "{} went on before anybody had taken its place.",
                names.of(failover.leader)
            ));
        }
        (None, None) if failover.promoted.is_some() => {
            out.push("No write was tried since: f does one.".into());
        }
        (None, None) => {
            let time = words::tiny(now.since(failover.at));
            out.push(format!("Nobody leads for {time} now."));
        }
    }
    out.join(" ")
}
