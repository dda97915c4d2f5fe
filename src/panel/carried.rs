//! What goes from one panel to the next when a new lab takes the place of the one that runs.

use super::edition::Edition;
use super::feed::{Feed, Tone};
use super::state::Panel;
use super::terminal::Session;
use super::view::Pressed;
use crate::base::LabTime;
use crate::topology::Topology;
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

/// What a panel leaves to the one over the lab that takes the place of its own.
#[derive(Debug, Clone, PartialEq)]
pub struct Carried {
    /// What the new lab is of.
    pub topology: Arc<Topology>,
    /// The step that it begins with; 0 for none.
    pub step: u32,
    feed: Feed,
    history: Vec<String>,
    big: bool,
    motion: bool,
    mouse: bool,
    keys: Option<VecDeque<Pressed>>,
    /// How long the lecture has lasted.
    pub(super) wall: Duration,
}

/// A panel as the person wants it.
pub(super) fn set_up(
    session: &Session,
    topology: Arc<Topology>,
    carried: Option<Box<Carried>>,
) -> Panel {
    let mut panel = Panel::new(topology);
    let (view, options) = (&mut panel.view, &session.options);
    (view.big, view.motion, view.mouse) = (options.big, options.motion, options.mouse);
    view.clicker = options.clicker;
    view.keymap = options.keymap.clone();
    view.size = session.size();
    if let Some(carried) = carried {
        (view.big, view.motion, view.mouse) = (carried.big, carried.motion, carried.mouse);
        view.feed = carried.feed;
        view.history = carried.history;
        view.keys = carried.keys;
        view.wall = carried.wall;
        view.feed.say(LabTime::ZERO, "a new lab of the file as it is now".into(), Tone::Hand);
    }
    panel
}

/// What is left to the panel over the next lab; none where the file says nothing new.
pub(super) fn of(panel: &Panel) -> Option<Box<Carried>> {
    let view = &panel.view;
    let Some(Edition::Sound { topology, .. }) = &view.edition else { return None };
    Some(Box::new(Carried {
        topology: topology.clone(),
        step: panel.world.steps.step,
        feed: view.feed.clone(),
        history: view.history.clone(),
        big: view.big,
        motion: view.motion,
        mouse: view.mouse,
        keys: view.keys.clone(),
        wall: view.wall,
    }))
}
