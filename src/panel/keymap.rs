//! The one table of keys: where a key is valid, what it does, and the words that help and footer show.
//!
//! What is not in the table does nothing and is shown nowhere. Nothing else in the panel names a key.

use super::action::Action;
use super::view::{Mode, PanelId, View};
use crossterm::event::{KeyCode, KeyEvent, KeyEventKind, KeyModifiers};

/// Where a key is valid.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Context {
    /// On every panel, while no dialog is open.
    Panels,
    /// On one panel only.
    On(PanelId),
    /// On every panel, before all others, where a presenter's keys are wanted.
    Clicker,
    /// Wherever the keyboard is.
    Everywhere,
    /// In a list to choose from.
    List,
    /// In a line that is being typed.
    Line,
    /// On a page that is read: help, inspect, why.
    Page,
    /// When the panel asks whether to quit.
    Quit,
}

/// A key, with or without Control.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Chord {
    /// A character as it is typed.
    Char(char),
    /// Control and a letter.
    Ctrl(char),
    /// A key without a character.
    Key(Named),
}

/// Keys without a character.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[expect(missing_docs, reason = "they are what is printed on the keys")]
pub enum Named {
    Enter,
    Esc,
    Tab,
    BackTab,
    Up,
    Down,
    Left,
    Right,
    Home,
    End,
    PageUp,
    PageDown,
}

impl Chord {
    /// The chord of a terminal's key event; none for releases and for keys that nobody uses.
    #[must_use]
    pub fn of(key: &KeyEvent) -> Option<Self> {
        if key.kind == KeyEventKind::Release {
            return None;
        }
        if key.modifiers.contains(KeyModifiers::ALT) {
            return None;
        }
        Some(match key.code {
            KeyCode::Char(c) if key.modifiers.contains(KeyModifiers::CONTROL) => {
                Self::Ctrl(c.to_ascii_lowercase())
            }
            KeyCode::Char(c) => Self::Char(c),
            KeyCode::Enter => Self::Key(Named::Enter),
            KeyCode::Esc => Self::Key(Named::Esc),
            KeyCode::Tab => Self::Key(Named::Tab),
            KeyCode::BackTab => Self::Key(Named::BackTab),
            KeyCode::Up => Self::Key(Named::Up),
            KeyCode::Down => Self::Key(Named::Down),
            KeyCode::Left => Self::Key(Named::Left),
            KeyCode::Right => Self::Key(Named::Right),
            KeyCode::Home => Self::Key(Named::Home),
            KeyCode::End => Self::Key(Named::End),
            KeyCode::PageUp => Self::Key(Named::PageUp),
            KeyCode::PageDown => Self::Key(Named::PageDown),
            _ => return None,
        })
    }

    /// How the key is written.
    #[must_use]
    pub fn word(self) -> String {
        match self {
            Self::Char(' ') => "Space".into(),
            Self::Char(c) => c.to_string(),
            Self::Ctrl(c) => format!("Ctrl-{}", c.to_ascii_uppercase()),
            Self::Key(Named::BackTab) => "Shift-Tab".into(),
            Self::Key(Named::PageUp) => "PgUp".into(),
            Self::Key(Named::PageDown) => "PgDn".into(),
            Self::Key(Named::Up) => "↑".into(),
            Self::Key(Named::Down) => "↓".into(),
            Self::Key(Named::Left) => "←".into(),
            Self::Key(Named::Right) => "→".into(),
            Self::Key(named) => format!("{named:?}"),
        }
    }
}

/// One row of the table.
#[derive(Debug, Clone, Copy)]
pub struct Binding {
    /// Where.
    pub context: Context,
    /// Which key.
    pub chord: Chord,
    /// What it does.
    pub action: Action,
    /// A word or two for the footer; `%` stands for what it would hit.
    pub short: &'static str,
    /// A sentence for the help.
    pub help: &'static str,
}

const fn row(
    context: Context,
    chord: Chord,
    action: Action,
    short: &'static str,
    help: &'static str,
) -> Binding {
    Binding { context, chord, action, short, help }
}

const fn c(character: char) -> Chord {
    Chord::Char(character)
}

const fn k(named: Named) -> Chord {
    Chord::Key(named)
}

use Context::{Clicker, Everywhere, Line, List, On, Page, Panels, Quit};

/// Said of several keys, which then share a line of the help.
const NEXT_BEAT: &str = "the next beat: question, run, answer";
const PAUSE: &str = "pause the world, or let it go on";

/// Every key there is. The order is the order of footer and help.
pub static TABLE: &[Binding] = &[
    row(Panels, c('n'), Action::NextBeat, "next", NEXT_BEAT),
    row(Panels, c('V'), Action::Flip, "flip", "the step as confessed, or as repaired"),
    row(Panels, c('f'), Action::Fire, "fire%", "the client asks the next name of its list"),
    row(Panels, c('x'), Action::Kill, "kill %", "kill the process: its connections are reset"),
    row(Panels, c('r'), Action::Revive, "revive %", "start, thaw, make honest"),
    row(Panels, c('u'), Action::Undo, "undo", "take the last fault back"),
    row(Panels, c('z'), Action::Freeze, "freeze", "the process stands still, or goes on"),
    row(Panels, c('o'), Action::PowerOff, "power off", "the host vanishes: only silence is left"),
    row(Panels, c('p'), Action::Partition, "cut%", "cut both ways, or uncut"),
    row(Panels, c('d'), Action::Delay, "delay%", "add 50, 200, 1000 ms, nothing"),
    row(Panels, c(' '), Action::Pause, "pause", PAUSE),
    row(Panels, c('X'), Action::KillLeader, "kill leader %", "kill who leads, or wins most races"),
    row(Panels, c('!'), Action::Losses, "%", "what is wrong, and every write that is gone"),
    row(Panels, c('Q'), Action::ChooseName, "ask…", "choose what to ask, by who has it"),
    row(Panels, c('s'), Action::ChoosePolicy, "policy", "choose how the LS chooses"),
    row(Panels, c('F'), Action::FireMany, "×20", "fire twenty questions at once"),
    row(Panels, c('c'), Action::Load, "load", "keep questions coming, or stop them"),
    row(Panels, c('P'), Action::OneWay, "one-way", "cut what goes out; what comes in; nothing"),
    row(Panels, c('L'), Action::Loss, "loss", "lose 10, 30, 60 % of transmissions, none"),
    row(Panels, c('b'), Action::Lie, "lie", "the server answers wrongly, or is honest"),
    row(Panels, c('Z'), Action::Wipe, "wipe %", "empty the disk of a dead replica (asks)"),
    row(Panels, c('R'), Action::Reset, "reset", "heal every fault, revive every node"),
    row(Panels, c('U'), Action::Redo, "redo", "bring the fault back that was undone"),
    row(Panels, c('v'), Action::NextLink, "links", "walk through the links of the node"),
    row(Panels, c('-'), Action::Slower, "slower", "the lab's clock at 0.5, 0.25, 0.1"),
    row(Panels, c('+'), Action::Faster, "faster", "the lab's clock nearer to real time"),
    row(Panels, c('0'), Action::RealTime, "real time", "the lab's clock as the wall's"),
    row(Panels, c('a'), Action::AutoPace, "auto pace", "the clock follows what there is to see"),
    row(Panels, c('.'), Action::Tick, "tick", "while paused: on to the next thing due"),
    row(Panels, c('w'), Action::Why, "why", "why the race came out as it did"),
    row(Panels, c('i'), Action::Inspect, "inspect", "everything about the selection"),
    row(On(PanelId::Map), k(Named::Enter), Action::Inspect, "", "everything about the selection"),
    row(
        On(PanelId::Race),
        k(Named::Enter),
        Action::Zoom,
        "timeline",
        "the race over the whole screen",
    ),
    row(Panels, c('m'), Action::Mark, "mark", "put a marker into the log"),
    row(Panels, c('/'), Action::Filter, "filter", "only events with a word"),
    row(Panels, c(':'), Action::Palette, "command", "any command, in words"),
    row(Panels, k(Named::Tab), Action::FocusNext, "panel", "the next panel"),
    row(Panels, k(Named::BackTab), Action::FocusBefore, "", "the panel before"),
    row(Panels, c('1'), Action::Focus(1), "", "the map"),
    row(Panels, c('2'), Action::Focus(2), "", "the race"),
    row(Panels, c('3'), Action::Focus(3), "", "the system on show"),
    row(Panels, c('4'), Action::Focus(4), "", "the events"),
    row(Panels, c('5'), Action::Focus(5), "", "belief beside truth"),
    row(Panels, c('6'), Action::Focus(6), "", "the steps"),
    row(Panels, c('e'), Action::Zoom, "zoom", "the panel over the whole screen, and back"),
    row(Panels, c('B'), Action::Big, "big", "few and large, for the last row"),
    row(Panels, c('T'), Action::Theme, "theme", "night, day, projector, no colour, the terminal's"),
    row(Panels, c('K'), Action::ShowKeys, "keys", "show the keys that are pressed"),
    row(Panels, c('O'), Action::Topologies, "topologies", "open another one (asks)"),
    row(Panels, c('q'), Action::Quit, "quit", "quit (asks)"),
    row(Panels, c('y'), Action::Copy, "copy", "copy the picked event, the why, the addresses"),
    row(On(PanelId::Map), k(Named::Up), Action::Up, "", "select above"),
    row(On(PanelId::Map), c('k'), Action::Up, "", "select above"),
    row(On(PanelId::Map), k(Named::Down), Action::Down, "", "select below"),
    row(On(PanelId::Map), c('j'), Action::Down, "", "select below"),
    row(On(PanelId::Map), k(Named::Left), Action::Left, "", "select to the left"),
    row(On(PanelId::Map), c('h'), Action::Left, "", "select to the left"),
    row(On(PanelId::Map), k(Named::Right), Action::Right, "", "select to the right"),
    row(On(PanelId::Map), c('l'), Action::Right, "", "select to the right"),
    row(On(PanelId::Race), k(Named::Left), Action::Left, "", "the race before"),
    row(On(PanelId::Race), c('h'), Action::Left, "", "the race before"),
    row(On(PanelId::Race), k(Named::Right), Action::Right, "", "the race after"),
    row(On(PanelId::Race), c('l'), Action::Right, "", "the race after"),
    row(On(PanelId::Events), k(Named::Up), Action::Up, "", "back"),
    row(On(PanelId::Events), c('k'), Action::Up, "", "back"),
    row(On(PanelId::Events), k(Named::Down), Action::Down, "", "on"),
    row(On(PanelId::Events), c('j'), Action::Down, "", "on"),
    row(On(PanelId::System), k(Named::Up), Action::Up, "", "up"),
    row(On(PanelId::System), c('k'), Action::Up, "", "up"),
    row(On(PanelId::System), k(Named::Down), Action::Down, "", "down"),
    row(On(PanelId::System), c('j'), Action::Down, "", "down"),
    row(On(PanelId::Belief), k(Named::Up), Action::Up, "", "up"),
    row(On(PanelId::Belief), k(Named::Down), Action::Down, "", "down"),
    row(On(PanelId::Steps), k(Named::Up), Action::Up, "", "up"),
    row(On(PanelId::Steps), k(Named::Down), Action::Down, "", "down"),
    row(Panels, c('g'), Action::First, "", "to the first"),
    row(Panels, k(Named::Home), Action::First, "", "to the first"),
    row(Panels, c('G'), Action::Last, "", "to the last; follow"),
    row(Panels, k(Named::End), Action::Last, "", "to the last; follow"),
    row(On(PanelId::Events), k(Named::PageUp), Action::PageUp, "", "a page up"),
    row(On(PanelId::Events), k(Named::PageDown), Action::PageDown, "", "a page down"),
    row(On(PanelId::System), k(Named::PageUp), Action::PageUp, "", "a page up"),
    row(On(PanelId::System), k(Named::PageDown), Action::PageDown, "", "a page down"),
    row(On(PanelId::Belief), k(Named::PageUp), Action::PageUp, "", "a page up"),
    row(On(PanelId::Belief), k(Named::PageDown), Action::PageDown, "", "a page down"),
    row(On(PanelId::Steps), k(Named::PageUp), Action::PageUp, "", "a page up"),
    row(On(PanelId::Steps), k(Named::PageDown), Action::PageDown, "", "a page down"),
    // Where there are no pages, a presenter's keys lead through the lecture; with `--clicker` everywhere.
    row(On(PanelId::Map), k(Named::PageDown), Action::NextBeat, "", NEXT_BEAT),
    row(On(PanelId::Map), k(Named::PageUp), Action::ZoomOut, "", "out of the zoom"),
    row(On(PanelId::Race), k(Named::PageDown), Action::NextBeat, "", NEXT_BEAT),
    row(On(PanelId::Race), k(Named::PageUp), Action::ZoomOut, "", "out of the zoom"),
    row(Clicker, k(Named::PageDown), Action::NextBeat, "", NEXT_BEAT),
    row(Clicker, k(Named::PageUp), Action::ZoomOut, "", "out of the zoom"),
    row(Clicker, c('.'), Action::Pause, "", PAUSE),
    row(Clicker, c('b'), Action::Pause, "", PAUSE),
    row(Panels, k(Named::Esc), Action::Back, "", "back; nothing selected"),
    row(Everywhere, Chord::Ctrl('l'), Action::Redraw, "", "draw everything anew"),
    row(Everywhere, Chord::Ctrl('z'), Action::Suspend, "", "to the shell; the lab waits"),
    row(Everywhere, Chord::Ctrl('c'), Action::Interrupt, "", "quit (asks); twice: at once"),
    row(Panels, c('?'), Action::Help, "help", "the keys that are valid here"),
    row(List, k(Named::Up), Action::Up, "", "up"),
    row(List, k(Named::Down), Action::Down, "", "down"),
    row(List, k(Named::PageUp), Action::PageUp, "", "a page up"),
    row(List, k(Named::PageDown), Action::PageDown, "", "a page down"),
    row(List, k(Named::Home), Action::First, "", "to the first"),
    row(List, k(Named::End), Action::Last, "", "to the last"),
    row(List, k(Named::Enter), Action::Accept, "choose", "choose it"),
    row(List, k(Named::Esc), Action::Back, "cancel", "choose nothing"),
    row(Line, k(Named::Up), Action::Up, "", "the row above"),
    row(Line, k(Named::Down), Action::Down, "", "the row below"),
    row(Line, k(Named::PageUp), Action::PageUp, "", "the first row"),
    row(Line, k(Named::PageDown), Action::PageDown, "", "the last row"),
    row(Line, k(Named::Tab), Action::Complete, "complete", "complete the word"),
    row(Line, k(Named::Enter), Action::Accept, "do it", "do it"),
    row(Line, k(Named::Esc), Action::Back, "cancel", "back"),
    row(Page, k(Named::Up), Action::Up, "", "up"),
    row(Page, c('k'), Action::Up, "", "up"),
    row(Page, k(Named::Down), Action::Down, "down", "down"),
    row(Page, c('j'), Action::Down, "", "down"),
    row(Page, k(Named::PageUp), Action::PageUp, "", "a page up"),
    row(Page, k(Named::PageDown), Action::PageDown, "", "a page down"),
    row(Page, c('g'), Action::First, "", "to the top"),
    row(Page, k(Named::Home), Action::First, "", "to the top"),
    row(Page, c('G'), Action::Last, "", "to the end"),
    row(Page, k(Named::End), Action::Last, "", "to the end"),
    row(Page, c('y'), Action::Copy, "", "copy it"),
    row(Page, k(Named::Esc), Action::Back, "back", "back"),
    row(Page, c('?'), Action::Back, "", "back"),
    row(Page, c('q'), Action::Back, "", "back"),
    row(Page, k(Named::Enter), Action::Back, "", "back"),
    row(Quit, c('y'), Action::Yes, "yes", "do it"),
    row(Quit, c('n'), Action::Back, "stay", "stay"),
    row(Quit, k(Named::Esc), Action::Back, "stay", "stay"),
];

/// The contexts in which keys are read now, the most particular first.
#[must_use]
pub fn contexts(view: &View) -> Vec<Context> {
    let dialog = match view.mode {
        Mode::Normal => return contexts_of_panels(view),
        Mode::Help | Mode::Inspect | Mode::Why | Mode::Losses => Page,
        Mode::Palette(_) | Mode::Filter(_) => Line,
        Mode::Choosing(_) => List,
        Mode::QuitAsked | Mode::TopologiesAsked | Mode::WipeAsked(_) => Quit,
    };
    vec![dialog, Everywhere]
}

/// The contexts while no dialog is open.
#[must_use]
pub fn contexts_of_panels(view: &View) -> Vec<Context> {
    let clicker = view.clicker.then_some(Clicker);
    clicker.into_iter().chain([On(view.focus), Panels, Everywhere]).collect()
}

/// What a key means now.
#[must_use]
pub fn action(chord: Chord, view: &View) -> Option<Action> {
    action_in(chord, &contexts(view))
}

/// What a key means in these contexts, the most particular first.
#[must_use]
pub fn action_in(chord: Chord, valid: &[Context]) -> Option<Action> {
    let row =
        |context: &Context| TABLE.iter().find(|row| row.chord == chord && row.context == *context);
    valid.iter().find_map(row).map(|row| row.action)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_keys_of_one_context_are_the_same() {
        let panels = PanelId::ALL.map(|id| vec![On(id), Panels, Everywhere]);
        let dialogs = [List, Line, Page, Quit].map(|dialog| vec![dialog, Everywhere]);
        for together in panels.into_iter().chain(dialogs) {
            let mut seen: Vec<Chord> = TABLE
                .iter()
                .filter(|row| together.contains(&row.context))
                .map(|row| row.chord)
                .collect();
            let all = seen.len();
            seen.sort();
            seen.dedup();
            assert_eq!(all, seen.len(), "two actions on one key in {together:?}");
        }
    }

    #[test]
    fn no_key_needs_alt_gr_a_function_key_or_another_control_chord() {
        for row in TABLE {
            match row.chord {
                Chord::Char(c) => assert!(!"@[]{}|\\~#€^`".contains(c) && c.is_ascii(), "{c}"),
                Chord::Ctrl(c) => assert!("clz".contains(c), "Ctrl-{c}"),
                Chord::Key(_) => {}
            }
            assert!(!row.help.is_empty());
        }
    }
}
