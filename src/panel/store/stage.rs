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
