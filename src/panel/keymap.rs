//! Which key does what, where: the table as it ships, or as the person's configuration has changed it.
//!
//! Footer, help, palette and the lists of keys in the documents are made from it; so is the search for conflicts.

use super::action::Action;
use super::chord::Chord;
use super::table::TABLE;
use super::view::{Mode, PanelId, View};
use Context::{
    Clicker, Diagram, Everywhere, File, Line, List, On, Page, Panels, Quit, Replay, Rows,
};

/// Where a key is valid.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Context {
    /// On every panel, while no dialog is open.
    Panels,
    /// On one panel only.
    On(PanelId),
    /// On every panel that is a list of rows to scroll.
    Rows,
    /// On every panel, before all others, where a presenter's keys are wanted.
    Clicker,
    /// While a replay is shown, before the panels' own.
    Replay,
    /// Wherever the keyboard is.
    Everywhere,
    /// In a list to choose from, which typing narrows.
    List,
    /// In a line that is being typed.
    Line,
    /// In the space-time diagram.
    Diagram,
    /// On a page that is read: inspect, why.
    Page,
    /// When the panel asks whether to quit.
    Quit,
    /// On the page that says what the topology's file would change.
    File,
}

impl Context {
    /// Whether it is a dialog's.
    #[must_use]
    pub const fn is_dialog(self) -> bool {
        matches!(self, List | Line | Page | Quit | File | Diagram)
    }

    /// Whether its keys are what they are: a dialog's, and those of a presenter, which has no others.
    #[must_use]
    pub const fn is_fixed(self) -> bool {
        self.is_dialog() || matches!(self, Clicker | Replay)
    }

    /// The contexts that are valid together: in none of these sets may a key stand twice.
    fn together() -> impl Iterator<Item = Vec<Self>> {
        // A presenter's keys go before all others on purpose; among themselves they must differ, too.
        let panels = PanelId::ALL.map(|id| of_panel(id).chain([Panels, Everywhere]).collect());
        let others = [Clicker, Replay, List, Line, Page, Quit, File, Diagram];
        let others = others.map(|other| vec![other, Everywhere]);
        panels.into_iter().chain(others)
    }
}

/// The panels that are a list of rows to scroll.
pub const ROWS: [PanelId; 4] = [PanelId::System, PanelId::Belief, PanelId::Steps, PanelId::Figures];

/// One row of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
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

impl Binding {
    /// The word or two without what it would hit.
    #[must_use]
    pub fn bare(&self) -> String {
        self.short.replace(" %", "").replace('%', "")
    }
}

/// Two actions on one key where both would be valid.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Clash {
    /// The key.
    pub chord: Chord,
    /// One of the two.
    pub one: Action,
    /// The other, later in the table.
    pub other: Action,
}

/// The keys of one panel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Keymap {
    rows: Vec<Binding>,
}

impl Default for Keymap {
    fn default() -> Self {
        Self { rows: TABLE.to_vec() }
    }
}

impl Keymap {
    /// The rows, in the order of footer and help.
    #[must_use]
    pub fn rows(&self) -> &[Binding] {
        &self.rows
    }

    /// Gives an action these keys in place of those that it had, wherever it is valid outside of dialogs.
    pub fn give(&mut self, action: Action, chords: &[Chord]) {
        let mut rows: Vec<Binding> = Vec::with_capacity(self.rows.len());
        let mut done: Vec<Context> = Vec::new();
        for row in std::mem::take(&mut self.rows) {
            if row.action != action || row.context.is_fixed() {
                rows.push(row);
            } else if !done.contains(&row.context) {
                done.push(row.context);
                rows.extend(chords.iter().map(|chord| Binding { chord: *chord, ..row }));
            }
        }
        self.rows = rows;
    }

    /// Every key that has two meanings in one place, once for each pair of actions.
    #[must_use]
    pub fn clashes(&self) -> Vec<Clash> {
        let mut found: Vec<Clash> = Vec::new();
        for together in Context::together() {
            let valid = |row: &&Binding| together.contains(&row.context);
            let rows: Vec<&Binding> = self.rows.iter().filter(valid).collect();
            for (at, one) in rows.iter().enumerate() {
                let same = rows[at + 1..]
                    .iter()
                    .filter(|other| other.chord == one.chord && other.action != one.action)
                    .filter(|other| other.chord != Chord::Unbound);
                for other in same {
                    let clash = Clash { chord: one.chord, one: one.action, other: other.action };
                    if !found.contains(&clash) {
                        found.push(clash);
                    }
                }
            }
        }
        found
    }

    /// What a key means now, with its row.
    #[must_use]
    pub fn binding(&self, chord: Chord, view: &View) -> Option<&Binding> {
        let valid = contexts(view);
        let plain = || self.binding_in(chord.unshifted(), &valid);
        self.binding_in(chord, &valid).or_else(plain)
    }

    /// What a key means in these contexts, the most particular first, with its row.
    #[must_use]
    pub fn binding_in(&self, chord: Chord, valid: &[Context]) -> Option<&Binding> {
        let row = |context: &Context| {
            self.rows.iter().find(|row| row.chord == chord && row.context == *context)
        };
        valid.iter().find_map(row)
    }

    /// The keys of an action in one of these contexts, as they are drawn, each once.
    #[must_use]
    pub fn keys(&self, action: Action, contexts: &[Context]) -> Vec<String> {
        let mut words: Vec<String> = Vec::new();
        let rows = self.rows.iter();
        for row in rows.filter(|row| row.action == action && contexts.contains(&row.context)) {
            let word = row.chord.word();
            if !word.is_empty() && !words.contains(&word) {
                words.push(word);
            }
        }
        words
    }
}

/// The contexts in which keys are read now, the most particular first.
#[must_use]
pub fn contexts(view: &View) -> Vec<Context> {
    let dialog = match view.mode {
        Mode::Normal => return contexts_of_panels(view),
        Mode::Inspect | Mode::Why | Mode::Losses => Page,
        Mode::Edition => File,
        Mode::Diagram(_) => Diagram,
        Mode::Palette(_) | Mode::Filter(_) => Line,
        Mode::Choosing(_) | Mode::Help(_) => List,
        Mode::QuitAsked | Mode::TopologiesAsked | Mode::WipeAsked(_) | Mode::RestoreAsked => Quit,
    };
    vec![dialog, Everywhere]
}

/// The contexts while no dialog is open.
#[must_use]
pub fn contexts_of_panels(view: &View) -> Vec<Context> {
    let clicker = view.clicker.then_some(Clicker);
    let replay = view.replay.is_some().then_some(Replay);
    let own = of_panel(view.focus).chain([Panels, Everywhere]);
    clicker.into_iter().chain(replay).chain(own).collect()
}

/// The contexts of one panel's own keys.
fn of_panel(panel: PanelId) -> impl Iterator<Item = Context> {
    [On(panel)].into_iter().chain(ROWS.contains(&panel).then_some(Rows))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_keys_of_one_context_are_the_same() {
        assert_eq!(Keymap::default().clashes(), []);
    }

    #[test]
    fn no_key_needs_alt_gr_a_function_key_or_another_control_chord() {
        for row in TABLE {
            match row.chord {
                Chord::Char(c) => assert!(!"@[]{}|\\~#€^`".contains(c) && c.is_ascii(), "{c}"),
                Chord::Ctrl(c) => assert!("clz".contains(c), "Ctrl-{c}"),
                Chord::Key(_) | Chord::Unbound => {}
            }
            assert!(!row.help.is_empty());
        }
    }

    #[test]
    fn another_key_takes_the_place_of_the_old_ones_and_dialogs_keep_theirs() {
        let mut keymap = Keymap::default();
        keymap.give(Action::Down, &[Chord::Char('s')]);
        let everywhere = [On(PanelId::Map), On(PanelId::Events)];
        assert_eq!(keymap.keys(Action::Down, &everywhere), ["s"]);
        assert_eq!(keymap.keys(Action::Down, &[List]), ["↓"]);
        let clash =
            Clash { chord: Chord::Char('s'), one: Action::ChoosePolicy, other: Action::Down };
        assert_eq!(keymap.clashes(), [clash]);
        keymap.give(Action::ChoosePolicy, &[]);
        assert_eq!(keymap.clashes(), []);
    }
}
