//! What no node of a store can know, in figures: acknowledged, on all, at risk, lost; and what the leader's death would
//! cost now.

use super::super::theme::Ink;
use super::super::words;
use crate::base::LabTime;
use crate::check::Group;
use crate::topology::Scheme;
use crate::world::World;

/// One figure of the truth line: its words, its colour, whether it stays where others are left out.
pub type Part = (String, Ink);

/// The figures of all stores; none where there is no store.
#[must_use]
pub fn parts(world: &World) -> Vec<Part> {
    if world.audit.is_empty() {
        return Vec::new();
    }
    let figures = world.audit.figures();
    let mut parts: Vec<Part> = Vec::new();
    let calm = |count: u64, loud: Ink, calm: Ink| if count > 0 { loud } else { calm };
    let mut add = |word: &str, count: u64, ink: Ink| parts.push((format!("{word} {count}"), ink));
    add("acked", figures.acked, Ink::Text);
    add("on-all", figures.on_all, calm(figures.on_all, Ink::Text, Ink::Muted));
    add("at-risk", figures.at_risk, calm(figures.at_risk, Ink::Slow, Ink::Muted));
    add("LOST", figures.lost, calm(figures.lost, Ink::Bad, Ink::Good));
    for (words, count) in [(["stale", "STALE"], figures.stale), (["dup", "DUP"], figures.dup)] {
        add(words[usize::from(count > 0)], count, calm(count, Ink::Bad, Ink::Muted));
    }
    if figures.wrong > 0 {
        add("WRONG", figures.wrong, Ink::Bad);
    }
    if figures.outvoted > 0 {
        add("outvoted", figures.outvoted, Ink::Slow);
    }
    if world.audit.groups().any(|group| group.scheme == Scheme::PrimaryBackup) {
        match figures.leaders {
            0 => parts.push(("NO LEADER".into(), Ink::Bad)),
            1 => parts.push(("leaders 1".into(), Ink::Text)),
            several => parts.push((format!("LEADERS {several}"), Ink::Bad)),
        }
    }
    let forked = figures.diverged;
    parts.push((
        format!("{} {forked}", if forked > 0 { "DIVERGED" } else { "diverged" }),
        calm(forked, Ink::Bad, Ink::Muted),
    ));
    parts
}

/// What killing the leader would cost now: `X now would lose 4: 2/s × 2 s`. None where nothing could be lost, or nobody
/// leads.
#[must_use]
pub fn prediction(group: &Group, now: LabTime) -> Option<Part> {
    let leader = super::leader(group)?;
    let prediction = group.prediction(leader.id, now)?;
    if prediction.writes == 0 && prediction.lag.is_zero() {
        return None;
    }
    let mut text = format!("X now would lose {}", prediction.writes);
    // The formula beside the count: rate times lag.
    if prediction.writes > 0 && prediction.rate > 0.0 && !prediction.lag.is_zero() {
        let rate = format!("{:.1}", prediction.rate);
        let rate = rate.trim_end_matches(".0");
        text.extend([": ", rate, "/s × ", &words::figure(prediction.lag)]);
    }
    Some((text, if prediction.writes > 0 { Ink::Slow } else { Ink::Muted }))
}
