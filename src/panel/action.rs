//! What a key means, and what it does: an action becomes commands for the lab, or a change of the view. Never both a
//! guess and a command: toggles decide from the world's truth, and the picture changes when the lab says so.

use super::back::back;
use super::chooser::{Choice, Chooser};
use super::copy::{self, Copied};
use super::edition::Edition;
use super::export::Span;
use super::help::Search;
use super::link_keys;
use super::own_clock;
use super::prompt::Prompt;
use super::store;
use super::targets;
use super::view::{Mode, PanelId, Selection, View};
use crate::base::{NodeId, Peer};
use crate::command::Command;
use crate::event::Life;
use crate::message::RecordType;
use crate::topology::{Kind, Topology};
use crate::world::World;
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

/// Everything that a key can mean.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(missing_docs, reason = "the key table says what each does, in words that people read")]
pub enum Action {
    Fire,
    FireMany,
    Load,
    LoadRate,
    ChooseName,
    ChoosePolicy,
    Kill,
    KillLeader,
    PowerOff,
    Revive,
    Freeze,
    Lie,
    SkewClock,
    DriftClock,
    Wipe,
    Losses,
    ShowFile,
    Partition,
    OneWay,
    Delay,
    DelayBy,
    Loss,
    NextLink,
    Undo,
    Redo,
    Reset,
    Pause,
    Tick,
    Slower,
    Faster,
    RealTime,
    AutoPace,
    NextBeat,
    Restore,
    Flip,
    Mark,
    SaveSteps,
    SaveRecording,
    ExportCast,
    Why,
    Replay,
    ReplayLog,
    EventBefore,
    SecondBack,
    SecondOn,
    Diagram,
    Beats,
    AllNodes,
    Inspect,
    Open,
    OpenRace,
    Palette,
    Filter,
    Copy,
    Topologies,
    Help,
    Zoom,
    Big,
    Theme,
    ShowKeys,
    Motion,
    Mouse,
    Redraw,
    Suspend,
    Quit,
    Interrupt,
    FocusNext,
    FocusBefore,
    Focus(u8),
    Up,
    Down,
    Left,
    Right,
    First,
    Last,
    PageUp,
    PageDown,
    Back,
    ZoomOut,
    Accept,
    Complete,
    Yes,
}

/// What comes of an action besides a changed view.
#[derive(Debug, Clone, PartialEq)]
pub enum Outcome {
    /// Commands for the lab, in order.
    Give(Vec<Command>),
    /// This goes to the clipboard, or into a file.
    Copy(Copied),
    /// Show the last race or failover again, or the lab again.
    Replay,
    /// Show the log, to go back in it.
    ReplayLog,
    /// Show who sent what to whom.
    Diagram,
    /// What was done becomes the steps of a new topology file.
    SaveSteps,
    /// The log so far and the screen go into files.
    SaveRecording,
    /// What has been becomes a cast.
    ExportCast(Span),
    /// The next theme.
    NextTheme,
    /// Draw every cell anew.
    Redraw,
    /// Stop this process, as the shell's job control does.
    Suspend,
    /// Go on with this edition of the topology.
    Take(Arc<Topology>),
    /// Leave the panel.
    Leave(Leaving),
}

/// Why the panel is left by hand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Leaving {
    /// `q` then `y`, or Ctrl-C twice.
    Quit,
    /// `O`: another topology.
    Topologies,
    /// The topology's file wants a new lab.
    Again,
}

/// Questions that `F` fires at once.
pub const BURST: u32 = 20;
/// Presses of `n` closer together than this are one (a clicker bounces, a key repeats).
pub const NEXT_GAP: Duration = Duration::from_millis(400);
/// The load that `c` switches on where the file states no rate, in questions a thousand seconds.
const LOAD_PER_KILOSECOND: u64 = 5_000;
/// The loads that `C` walks through, in questions a thousand seconds.
const LOADS_PER_KILOSECOND: [u64; 4] = [1_000, 5_000, 20_000, 100_000];
const RATES: [f64; 4] = [1.0, 0.5, 0.25, 0.1];

#[expect(clippy::unnecessary_wraps, reason = "every arm that gives a command ends with it")]
pub(super) fn give(command: Command) -> Option<Outcome> {
    Some(Outcome::Give(vec![command]))
}

/// Carries an action out on the view, and says what else must be done.
pub fn act(action: Action, world: &World, view: &mut View) -> Option<Outcome> {
    if matches!(action, Action::NextBeat | Action::Fire | Action::FireMany) {
        go_on(world, view, action == Action::NextBeat);
    }
    if let Some(outcome) = on_nodes(action, world, view) {
        return Some(outcome);
    }
    if let Some(outcome) = link_keys::act(action, world, view) {
        return Some(outcome);
    }
    if let Some(outcome) = on_clock(action, world, view).or_else(|| elsewhere(action)) {
        return Some(outcome);
    }
    on_view(action, world, view)
}

/// What others do: whoever has the lab, the log or the terminal.
const fn elsewhere(action: Action) -> Option<Outcome> {
    Some(match action {
        Action::Replay => Outcome::Replay,
        Action::ReplayLog => Outcome::ReplayLog,
        Action::Diagram => Outcome::Diagram,
        Action::SaveSteps => Outcome::SaveSteps,
        Action::SaveRecording => Outcome::SaveRecording,
        Action::Theme => Outcome::NextTheme,
        Action::Redraw => Outcome::Redraw,
        Action::Suspend => Outcome::Suspend,
        _ => return None,
    })
}

/// What a failover has shown has been seen, once the person goes on: at the next beat, and at the next operation where
/// nothing more will come of it.
fn go_on(world: &World, view: &mut View, surely: bool) {
    let Some(group) = store::on_show(world, view) else { return };
    let last = group.failovers.back().filter(|last| surely || last.is_over());
    if let Some(last) = last {
        view.seen_until = Some(last.at);
    }
    view.op = None;
}

/// Commands that `act` gives for nodes and clients.
fn on_nodes(action: Action, world: &World, view: &View) -> Option<Outcome> {
    let node = targets::node(world, view);
    let life = |id: NodeId| world.node(id).life;
    let command = match action {
        Action::Fire => query(world, view, 1)?,
        Action::FireMany => query(world, view, BURST)?,
        Action::Load => load(world, view)?,
        Action::LoadRate => load_rate(world, view)?,
        Action::Kill => Command::Kill(node?),
        Action::KillLeader => Command::Kill(targets::to_kill(world, view)?),
        Action::PowerOff => Command::PowerOff(node?),
        Action::Revive => Command::Revive(node?),
        Action::Freeze if life(node?) == Life::Frozen => Command::Thaw(node?),
        Action::Freeze => Command::Freeze(node?),
        Action::Lie => Command::Lie(node?, !targets::lies(world, node?)),
        Action::Undo => Command::Undo,
        Action::Redo => Command::Redo,
        Action::Reset => Command::Reset,
        Action::Flip => Command::Flip,
        Action::Mark => Command::Mark("marked by hand".into()),
        _ => return None,
    };
    give(command)
}

fn query(world: &World, view: &View, times: u32) -> Option<Command> {
    let client = targets::client(world, view)?;
    Some(Command::Query { client, name: None, kind: RecordType::A, times })
}

fn load(world: &World, view: &View) -> Option<Command> {
    let client = targets::client(world, view)?;
    let per_kilosecond = if world.node(client).per_kilosecond > 0 {
        0
    } else {
        match &world.topology.node(client).kind {
            Kind::Client(config) if config.rate > 0.0 => (config.rate * 1000.0).round() as u64,
            Kind::StoreClient(config) if config.rate > 0.0 => (config.rate * 1000.0).round() as u64,
            _ => LOAD_PER_KILOSECOND,
        }
    };
    Some(Command::Load { client, per_kilosecond })
}

/// The next faster load of a row; after the fastest, the slowest.
fn load_rate(world: &World, view: &View) -> Option<Command> {
    let client = targets::client(world, view)?;
    let present = world.node(client).per_kilosecond;
    let per_kilosecond = link_keys::after(&LOADS_PER_KILOSECOND, present);
    Some(Command::Load { client, per_kilosecond })
}

fn on_clock(action: Action, world: &World, view: &mut View) -> Option<Outcome> {
    let clock = world.clock;
    match action {
        Action::Pause if clock.paused => give(Command::Resume),
        Action::Pause => give(Command::Pause),
        Action::Tick => give(Command::Tick),
        Action::Slower => {
            let rate = RATES.into_iter().find(|rate| *rate < clock.rate - 1e-6).unwrap_or(0.1);
            give(Command::Speed(rate))
        }
        Action::Faster => {
            let up = RATES.into_iter().rev().find(|rate| *rate > clock.rate + 1e-6);
            give(Command::Speed(up.unwrap_or(1.0)))
        }
        Action::RealTime => give(Command::Speed(1.0)),
        Action::AutoPace => give(Command::Pace { auto: !clock.auto }),
        Action::NextBeat => {
            if view.last_next.is_some_and(|last| view.wall.saturating_sub(last) < NEXT_GAP) {
                return None;
            }
            view.last_next = Some(view.wall);
            give(Command::Next)
        }
        _ => None,
    }
}

fn on_view(action: Action, world: &World, view: &mut View) -> Option<Outcome> {
    match action {
        Action::ChooseName => match Chooser::names(world, view) {
            Some(chooser) => view.mode = Mode::Choosing(chooser),
            None => view.toast("there is no client that could ask", true),
        },
        Action::ChoosePolicy => match Chooser::policies(world, view) {
            Some(chooser) => view.mode = Mode::Choosing(chooser),
            None => view.toast("there is no LS whose policy could be chosen", true),
        },
        Action::ExportCast => view.mode = Mode::Choosing(Chooser::spans(world)),
        Action::NextLink => next_link(world, view),
        Action::Why => view.mode = Mode::Why,
        Action::Open if view.selection == Selection::Truth => view.mode = Mode::Losses,
        Action::Open if is_folded(world, view) => view.open = true,
        Action::Open | Action::Inspect => view.mode = Mode::Inspect,
        Action::Palette => view.mode = Mode::Palette(Prompt::new()),
        Action::DelayBy => {
            let line = link_keys::delay_by(world, view)?;
            view.mode = Mode::Palette(Prompt::with(&line));
        }
        Action::SkewClock | Action::DriftClock => {
            let verb = if action == Action::SkewClock { "skew" } else { "drift" };
            let line = own_clock::begun(verb, world, view)?;
            view.mode = Mode::Palette(Prompt::with(&line));
        }
        Action::Filter => {
            view.focus = PanelId::Events;
            view.mode = Mode::Filter(Prompt::with(&view.filter));
        }
        Action::Help => view.mode = Mode::Help(Search::default()),
        Action::Zoom => view.zoom = !view.zoom,
        Action::Big => view.big = !view.big,
        Action::OpenRace => open_race(view),
        Action::Motion => view.motion = !view.motion,
        Action::Mouse => view.mouse = !view.mouse,
        Action::ShowKeys => {
            view.keys = if view.keys.is_some() { None } else { Some(VecDeque::new()) };
        }
        Action::Quit => view.mode = Mode::QuitAsked,
        Action::Losses => view.mode = Mode::Losses,
        Action::ShowFile if view.edition.is_some() => view.mode = Mode::Edition,
        Action::ShowFile => view.toast("the file says what runs", false),
        Action::Wipe => ask_to_wipe(world, view),
        Action::Restore => view.mode = Mode::RestoreAsked,
        Action::Interrupt if !matches!(view.mode, Mode::QuitAsked) => view.mode = Mode::QuitAsked,
        Action::Yes if matches!(view.mode, Mode::TopologiesAsked) => {
            return Some(Outcome::Leave(Leaving::Topologies));
        }
        Action::Yes if matches!(view.mode, Mode::WipeAsked(_)) => return wiped(view),
        Action::Yes if matches!(view.mode, Mode::RestoreAsked) => {
            view.mode = Mode::Normal;
            return give(Command::Restore);
        }
        Action::Yes if matches!(view.mode, Mode::Edition) => return take_edition(view),
        Action::Interrupt | Action::Yes => return Some(Outcome::Leave(Leaving::Quit)),
        Action::Topologies => view.mode = Mode::TopologiesAsked,
        Action::Copy => match copy::of(world, view) {
            Some(copied) => return Some(Outcome::Copy(copied)),
            None => view.toast("there is nothing to copy here", true),
        },
        Action::Back => back(world, view),
        Action::ZoomOut => view.zoom = false,
        Action::Accept => return accept(world, view),
        Action::Complete => complete(world, view),
        Action::FocusNext | Action::FocusBefore | Action::Focus(_) => focus(action, world, view),
        _ => super::steer::steer(action, world, view),
    }
    None
}

/// A disk is emptied only when nobody runs on it, and only after asking: it cannot be taken back.
fn ask_to_wipe(world: &World, view: &mut View) {
    let replica = targets::node(world, view).filter(|id| world.audit.replica(*id).is_some());
    match replica {
        None => view.toast("only a replica has a disk", true),
        Some(id) if world.node(id).life.is_alive() => {
            let name = world.topology.names.of(id);
            view.toast(format!("{name} runs: kill it first, then its disk can be emptied"), true);
        }
        Some(id) => view.mode = Mode::WipeAsked(id),
    }
}

fn wiped(view: &mut View) -> Option<Outcome> {
    match std::mem::replace(&mut view.mode, Mode::Normal) {
        Mode::WipeAsked(id) => give(Command::Wipe(id)),
        other => {
            view.mode = other;
            None
        }
    }
}

/// The file is taken as a whole; a broken one is not.
fn take_edition(view: &mut View) -> Option<Outcome> {
    let restarts = view.edition.as_ref().is_some_and(Edition::restarts);
    let Some(Edition::Sound { topology, .. }) = &view.edition else { return None };
    let topology = topology.clone();
    view.mode = Mode::Normal;
    view.down = 0;
    Some(if restarts { Outcome::Leave(Leaving::Again) } else { Outcome::Take(topology) })
}

fn next_link(world: &World, view: &mut View) {
    let (here, present) = match view.selection {
        Selection::Link(a, b) => (a.node(), Some(b)),
        _ => (targets::node(world, view), None),
    };
    let Some(here) = here else { return };
    let peers = targets::neighbours(world, here);
    let at = present.and_then(|peer| peers.iter().position(|it| *it == peer));
    match peers.get(at.map_or(0, |at| at + 1)) {
        Some(peer) => view.selection = Selection::Link(Peer::Node(here), *peer),
        // After the last link the node itself is selected again.
        None => view.selection = Selection::Node(here),
    }
}

/// Whether the selected node is one of many that share a line of the map.
fn is_folded(world: &World, view: &View) -> bool {
    let Selection::Node(id) = view.selection else { return false };
    let area = super::screen::map_area(world, view);
    super::map::lay(area, world, view, world.now).is_folded(id)
}

/// The race of the picked event, or of the newest, in its panel.
fn open_race(view: &mut View) {
    let at = view.events.picked(view.feed.count(&view.filter)).unwrap_or(0);
    let race = view.feed.newest(&view.filter, at).next().and_then(|line| line.race);
    match race {
        Some(race) => {
            view.race = Some(race);
            view.focus = PanelId::Race;
        }
        None => view.toast("this event belongs to no race", true),
    }
}

fn focus(action: Action, world: &World, view: &mut View) {
    let shown: Vec<PanelId> = PanelId::ALL
        .into_iter()
        .filter(|id| *id != PanelId::Steps || world.steps.count > 0)
        .filter(|id| *id != PanelId::Figures || super::figures::is_there(world, view))
        .collect();
    let at = shown.iter().position(|id| *id == view.focus).unwrap_or(0);
    let to = match action {
        Action::FocusNext => (at + 1) % shown.len(),
        Action::FocusBefore => (at + shown.len() - 1) % shown.len(),
        // A panel that is not there is not focused.
        Action::Focus(digit) => shown.iter().position(|id| id.digit() == digit).unwrap_or(at),
        _ => at,
    };
    view.focus = shown[to];
    view.down = 0;
}

fn accept(world: &World, view: &mut View) -> Option<Outcome> {
    match std::mem::replace(&mut view.mode, Mode::Normal) {
        Mode::Palette(prompt) => super::palette::accept(prompt, world, view),
        Mode::Filter(prompt) => {
            prompt.text().clone_into(&mut view.filter);
            view.events.follow();
            None
        }
        Mode::Help(search) => {
            let picked = search.picked(world, view);
            picked.and_then(|action| act(action, world, view))
        }
        Mode::Choosing(chooser) => {
            let chosen = chooser.accept();
            if chosen.is_none() {
                view.mode = Mode::Choosing(chooser);
            }
            match chosen? {
                Choice::Give(command) => give(command),
                Choice::Export(span) => Some(Outcome::ExportCast(span)),
            }
        }
        other => {
            view.mode = other;
            None
        }
    }
}

fn complete(world: &World, view: &mut View) {
    let mut mode = std::mem::replace(&mut view.mode, Mode::Normal);
    if let Mode::Palette(prompt) = &mut mode {
        super::palette::complete(prompt, world, view);
    }
    view.mode = mode;
}
