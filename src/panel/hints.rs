//! What each key would do just now: the words of footer, help and palette, with what they would hit, and none for
//! keys that make no sense at the moment.

use super::action::Action;
use super::edition::Edition;
use super::figures;
use super::keymap::{Binding, Context};
use super::store;
use super::targets;
use super::view::{Mode, PanelId, Selection, View};
use crate::base::NodeId;
use crate::event::Life;
use crate::topology::Role;
use crate::world::{Beat, World};

/// A client's name behind a space; one client needs none.
fn client_words(world: &World, client: NodeId) -> String {
    let clients = world.topology.nodes.iter().filter(|node| node.role() == Role::Client);
    if clients.count() > 1 {
        format!(" {}", world.topology.names.of(client))
    } else {
        String::new()
    }
}

/// The footer's words for a key, with its target; none if it is not valid now.
#[must_use]
pub fn hint(binding: &Binding, world: &World, view: &View) -> Option<String> {
    if matches!(binding.context, Context::Replay | Context::Diagram) {
        return of_the_past(binding, world, view);
    }
    let names = &world.topology.names;
    let node = targets::node(world, view);
    let life = node.map(|id| world.node(id).life);
    let filled = |target: &str| Some(binding.short.replace('%', target));
    let named = |id| filled(names.of(id));
    match binding.action {
        Action::Fire => {
            let client = targets::client(world, view)?;
            filled(&client_words(world, client))
        }
        Action::FireMany | Action::LoadRate | Action::ChooseName => {
            targets::client(world, view).map(|_| binding.short.to_owned())
        }
        Action::Load => load_word(world, view),
        Action::Kill | Action::PowerOff => {
            node.filter(|_| life.is_some_and(Life::is_alive)).and_then(named)
        }
        Action::KillLeader => to_kill(world, view),
        Action::Losses => losses(world),
        Action::Open if view.selection == Selection::Truth => losses(world),
        Action::ShowFile if view.edition.is_none() => None,
        Action::Yes if matches!(view.mode, Mode::Edition) => {
            matches!(view.edition, Some(Edition::Sound { .. })).then(|| binding.short.to_owned())
        }
        Action::Wipe => {
            let replica = node.filter(|id| world.audit.replica(*id).is_some());
            replica.filter(|_| !life.is_some_and(Life::is_alive)).and_then(named)
        }
        Action::Revive => node.filter(|id| ails(world, *id)).and_then(named),
        Action::Freeze if life == Some(Life::Frozen) => Some("thaw".into()),
        Action::Freeze => node.filter(|_| life.is_some_and(Life::is_alive)).and_then(named),
        Action::Lie => {
            let answers =
                |id: &NodeId| matches!(world.topology.node(*id).role(), Role::Ts | Role::Replica);
            let id = node.filter(answers)?;
            Some(if targets::lies(world, id) { "honest" } else { "lie" }.into())
        }
        Action::Partition | Action::Delay => link(binding, world, view),
        Action::OneWay | Action::Loss | Action::DelayBy => {
            targets::link_set(world, view).map(|_| binding.short.to_owned())
        }
        Action::Undo | Action::Reset if world.truth.faults.is_empty() && all_up(world) => None,
        Action::Pause if world.clock.paused => Some("go on".into()),
        Action::Tick | Action::Diagram if !world.clock.paused && view.replay.is_none() => None,
        // Faster than real time there is nothing, and whoever is there need not go there.
        Action::Faster | Action::RealTime if !world.clock.auto && world.clock.rate > 0.999 => None,
        Action::AutoPace if world.clock.auto => Some("pace off".into()),
        Action::NextBeat => next_word(world),
        Action::Restore if world.steps.step == 0 => None,
        Action::Flip => world
            .steps
            .repaired
            .map(|repaired| if repaired { "as confessed" } else { "as repaired" }.into()),
        Action::ChoosePolicy => targets::ls(world, view).map(|_| binding.short.to_owned()),
        Action::Why if world.races.is_empty() && store::on_show(world, view).is_none() => None,
        Action::Focus(6) if world.steps.count == 0 => None,
        Action::Focus(7) if !figures::is_there(world, view) => None,
        Action::Zoom if view.zoom => Some("back".into()),
        Action::Inspect if matches!(view.selection, Selection::Nothing) && node.is_none() => None,
        _ => Some(binding.short.to_owned()),
    }
}

/// Whether something ails a node of ours that reviving it would end.
fn ails(world: &World, id: NodeId) -> bool {
    let node = world.node(id);
    let is_well = node.life == Life::Up && node.clock.is_right() && !targets::lies(world, id);
    ours(world, id) && !is_well
}

/// The words of a key of a replay, or of the diagram.
fn of_the_past(binding: &Binding, world: &World, view: &View) -> Option<String> {
    let cursor = view.replay.as_ref();
    let plays = cursor.is_some_and(|cursor| !cursor.paused && !cursor.is_over());
    let word = match (binding.action, &view.mode) {
        (Action::Pause, _) if plays => "pause",
        (Action::Beats, _) if world.audit.is_empty() => return None,
        (Action::AllNodes, Mode::Diagram(diagram)) if !diagram.has_a_subject() => return None,
        _ => binding.short,
    };
    Some(word.to_owned())
}

/// What the key of the load does now.
fn load_word(world: &World, view: &View) -> Option<String> {
    let client = targets::client(world, view)?;
    let on = world.node(client).per_kilosecond > 0;
    Some(if on { "load off" } else { "load" }.into())
}

/// Whom `X` kills, and what for.
fn to_kill(world: &World, view: &View) -> Option<String> {
    let id = targets::to_kill(world, view)?;
    let word = if world.audit.replica(id).is_some() { "leader" } else { "kill winner" };
    Some(format!("{word} {}", world.topology.names.of(id)))
}

/// What there is to list: what is lost, or what is wrong besides.
fn losses(world: &World) -> Option<String> {
    store::lost::is_any(world).then(|| match store::lost::count(world) {
        0 => "what is wrong".into(),
        lost => format!("LOST {lost}"),
    })
}

/// Whether a node is ours to start and stop.
fn ours(world: &World, id: NodeId) -> bool {
    world.topology.node(id).at.is_none()
}

fn all_up(world: &World) -> bool {
    world.topology.nodes.iter().all(|node| !node.starts || world.node(node.id).life == Life::Up)
}

fn link(binding: &Binding, world: &World, view: &View) -> Option<String> {
    let (_, directions) = targets::link_set(world, view)?;
    if directions.is_empty() {
        return None;
    }
    // A link is named; a node's name already stands beside `kill`.
    let target = match view.selection {
        Selection::Link(..) => format!(" {}", targets::selection_word(world, view)?),
        _ => String::new(),
    };
    let cut = directions.iter().all(|(from, to)| targets::faults(world, *from, *to).cut);
    if binding.action == Action::Partition && cut {
        return Some(format!("uncut{target}"));
    }
    Some(binding.short.replace('%', &target))
}

fn next_word(world: &World) -> Option<String> {
    let steps = &world.steps;
    if steps.count == 0 {
        return None;
    }
    Some(match steps.beat {
        Beat::Before => "begin".into(),
        Beat::Question => "run".into(),
        Beat::Running => "answer".into(),
        Beat::Answer if steps.step as usize >= steps.count => return None,
        Beat::Answer => "next step".into(),
    })
}

/// What panel 3 is called: the system on show.
#[must_use]
pub fn panel_word(panel: PanelId, world: &World, view: &View) -> &'static str {
    let topology = &world.topology;
    let group = store::on_show(world, view);
    let ls = topology.nodes.iter().any(|node| node.role() == Role::Ls);
    match panel {
        PanelId::System if group.is_some() => group.map_or("", store::word),
        PanelId::Race if group.is_some_and(|it| store::failover_shown(it, view).is_some()) => {
            "Failover"
        }
        PanelId::Race if group.is_some() => "Operation",
        PanelId::System if ls => "Load balancer",
        other => other.word(),
    }
}

/// The same in a title that has no room for it.
#[must_use]
pub fn short_word(word: &'static str) -> &'static str {
    match word {
        "Operation" => "Op",
        other => other,
    }
}
