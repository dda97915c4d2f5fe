//! Panel 3 for a store: heartbeats where one leads, votes and clocks where nobody does.

use super::super::paint::{Canvas, Row, width};
use super::super::theme::Ink;
use super::super::view::{PanelId, View};
use super::super::words;
use super::{beats, truth, votes};
use crate::base::LabTime;
use crate::check::Group;
use crate::topology::{HeartbeatMode, Scheme};
use crate::world::World;
use ratatui::layout::Rect;

/// What the panel is called.
#[must_use]
pub const fn word(group: &Group) -> &'static str {
    match group.scheme {
        Scheme::PrimaryBackup => "Heartbeats",
        Scheme::Active => "Votes",
    }
}

/// Replicas for which panels make room at most; those beyond them are scrolled to.
pub const REPLICAS_MAX: usize = 5;
/// What stands above the replicas in the panel of votes, and in that of beliefs.
const HEADS: [u16; 2] = [1, 2];

/// Rows inside panels 3 and 5 with which every replica of the store on show has its own; none without a store.
#[must_use]
pub fn rows_wanted(world: &World, view: &View) -> [u16; 2] {
    let Some(group) = super::on_show(world, view) else { return [0; 2] };
    let replicas = group.replicas.len().min(REPLICAS_MAX) as u16;
    // A strip for each who listens, and who leads.
    let beats = matches!(group.scheme, Scheme::PrimaryBackup);
    [if beats { replicas } else { HEADS[0] + replicas }, HEADS[1] + replicas]
}

/// Rows of panel 3 or 5 for which there is no room in this area.
#[must_use]
pub fn hidden(panel: PanelId, area: Rect, world: &World, group: &Group, now: LabTime) -> usize {
    let lines = match (panel, group.scheme) {
        (PanelId::Belief, _) => HEADS[1] as usize + group.nodes().count(),
        (_, Scheme::PrimaryBackup) => return beats::hidden(area, world, group, now),
        (_, Scheme::Active) if votes::is_brief(area.height) => 0,
        (_, Scheme::Active) => HEADS[0] as usize + group.replicas.len(),
    };
    lines.saturating_sub(usize::from(area.height))
}

/// The panel's note: how often, and what the leader's death would cost now.
#[must_use]
pub fn note(canvas: &Canvas<'_>, group: &Group, now: LabTime, room: u16) -> Row {
    let muted = canvas.ink(Ink::Muted);
    // The settings of one that listens: whoever leads may be set otherwise.
    let listens = group.replicas.iter().find(|replica| replica.runs() && !replica.leads());
    let Some(config) = listens.or(group.replicas.first()).map(|replica| &replica.config) else {
        return Row::new();
    };
    let mut row = Row::new();
    if let Some((text, ink)) = truth::prediction(group, now) {
        row.push(format!(" {text} "), canvas.ink(ink));
    }
    let how = match group.scheme {
        Scheme::Active => return row.with(" what each said, and what was taken ", muted),
        Scheme::PrimaryBackup => match config.heartbeat_mode {
            HeartbeatMode::Pull => "asked",
            HeartbeatMode::Push => "sent",
        },
    };
    let (every, after) = (words::figure(config.heartbeat), words::figure(config.suspect_after));
    for text in [
        format!(" {how} every {every} · suspects after {after} "),
        format!(" every {every} "),
        String::new(),
    ] {
        if row.width() + width(&text) <= room {
            row.push(text, muted);
            break;
        }
    }
    row
}

/// Draws the panel.
pub fn draw(
    canvas: &mut Canvas<'_>,
    area: Rect,
    world: &World,
    view: &View,
    group: &Group,
    now: LabTime,
) {
    let down = if view.focus == PanelId::System { view.down } else { 0 };
    match group.scheme {
        Scheme::PrimaryBackup => beats::draw(canvas, area, world, group, now, down),
        Scheme::Active => votes::draw(canvas, area, world, group, down),
    }
}
