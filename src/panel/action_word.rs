//! The words for actions: what the configuration, the palette and the lists of keys call them, and which belong
//! together. What they do is [`super::action`]'s business.

use super::action::Action;
use super::table::TABLE;

/// Actions that belong together, in the order of the lists.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Section {
    /// What a lecture is led with.
    Lecture,
    /// What befalls nodes.
    Nodes,
    /// What befalls links.
    Links,
    /// How fast time goes.
    Clock,
    /// What is looked at, and how.
    Looking,
    /// Where the keyboard and the selection are.
    Moving,
    /// The program itself.
    Program,
}

impl Section {
    /// All, in order.
    pub const ALL: [Self; 7] = [
        Self::Lecture,
        Self::Nodes,
        Self::Links,
        Self::Clock,
        Self::Looking,
        Self::Moving,
        Self::Program,
    ];

    /// Its heading.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Lecture => "Lecture",
            Self::Nodes => "Nodes",
            Self::Links => "Links",
            Self::Clock => "Clock",
            Self::Looking => "Looking",
            Self::Moving => "Moving",
            Self::Program => "Program",
        }
    }
}

impl Action {
    /// The word that a person writes for it.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Fire => "fire",
            Self::FireMany => "burst",
            Self::Load => "load",
            Self::LoadRate => "load-rate",
            Self::ChooseName => "ask",
            Self::ChoosePolicy => "policy",
            Self::Kill => "kill",
            Self::KillLeader => "kill-leader",
            Self::PowerOff => "power-off",
            Self::Revive => "revive",
            Self::Freeze => "freeze",
            Self::Lie => "lie",
            Self::SkewClock => "skew-clock",
            Self::DriftClock => "drift-clock",
            Self::Wipe => "wipe",
            Self::Partition => "cut",
            Self::OneWay => "one-way",
            Self::Delay => "delay",
            Self::DelayBy => "delay-by",
            Self::Loss => "loss",
            Self::NextLink => "links",
            Self::Undo => "undo",
            Self::Redo => "redo",
            Self::Reset => "reset",
            Self::Pause => "pause",
            Self::Tick => "tick",
            Self::Slower => "slower",
            Self::Faster => "faster",
            Self::RealTime => "real-time",
            Self::AutoPace => "auto-pace",
            Self::NextBeat => "next",
            Self::Restore => "restore",
            Self::Flip => "flip",
            Self::Mark => "mark",
            Self::SaveSteps => "save-steps",
            _ => self.word_of_the_view(),
        }
    }

    const fn word_of_the_view(self) -> &'static str {
        match self {
            Self::Why => "why",
            Self::Replay => "replay",
            Self::ReplayLog => "replay-log",
            Self::EventBefore => "event-before",
            Self::SecondBack => "second-back",
            Self::SecondOn => "second-on",
            Self::SaveRecording => "save-recording",
            Self::ExportCast => "export-cast",
            Self::Diagram => "diagram",
            Self::Beats => "heartbeats",
            Self::AllNodes => "all-nodes",
            Self::Losses => "losses",
            Self::ShowFile => "file",
            Self::Inspect => "inspect",
            Self::Open => "open",
            Self::OpenRace => "open-race",
            Self::Palette => "command",
            Self::Filter => "filter",
            Self::Topologies => "topologies",
            Self::Help => "help",
            Self::Zoom => "zoom",
            Self::Big => "big",
            Self::Theme => "theme",
            Self::ShowKeys => "show-keys",
            Self::Motion => "motion",
            Self::Mouse => "mouse",
            Self::Copy => "copy",
            Self::Redraw => "redraw",
            Self::Suspend => "suspend",
            Self::Quit => "quit",
            Self::Interrupt => "interrupt",
            Self::FocusNext => "next-panel",
            Self::FocusBefore => "previous-panel",
            Self::Focus(1) => "panel-1",
            Self::Focus(2) => "panel-2",
            Self::Focus(3) => "panel-3",
            Self::Focus(4) => "panel-4",
            Self::Focus(5) => "panel-5",
            Self::Focus(6) => "panel-6",
            Self::Focus(_) => "panel-7",
            Self::Up => "up",
            Self::Down => "down",
            Self::Left => "left",
            Self::Right => "right",
            Self::First => "first",
            Self::Last => "last",
            Self::PageUp => "page-up",
            Self::PageDown => "page-down",
            Self::Back => "back",
            Self::ZoomOut => "zoom-out",
            Self::Accept => "accept",
            Self::Complete => "complete",
            Self::Yes => "yes",
            _ => "",
        }
    }

    /// The action of a word, if it has a key outside of dialogs: only those may be given others.
    #[must_use]
    pub fn of_word(word: &str) -> Option<Self> {
        Self::remappable().find(|action| action.word() == word)
    }

    /// Every action that may be given another key, once for each row of the table. The keys of dialogs are fixed, so
    /// that whoever is in one always finds the way out.
    pub fn remappable() -> impl Iterator<Item = Self> {
        TABLE.iter().filter(|row| !row.context.is_fixed()).map(|row| row.action)
    }

    /// Whether it does something to the lab, its clock or its lecture.
    #[must_use]
    pub const fn acts_on_the_lab(self) -> bool {
        let lab = matches!(
            self.section(),
            Section::Lecture | Section::Nodes | Section::Links | Section::Clock
        );
        // These only point at something, or write down what has been done.
        lab && !matches!(self, Self::NextLink | Self::SaveSteps) || matches!(self, Self::Mark)
    }

    /// Where it stands in the lists.
    #[must_use]
    pub const fn section(self) -> Section {
        match self {
            Self::NextBeat
            | Self::Restore
            | Self::SaveSteps
            | Self::Flip
            | Self::Fire
            | Self::FireMany
            | Self::Load
            | Self::LoadRate
            | Self::ChooseName
            | Self::ChoosePolicy
            | Self::Undo
            | Self::Redo
            | Self::Reset => Section::Lecture,
            Self::Kill
            | Self::KillLeader
            | Self::PowerOff
            | Self::Revive
            | Self::Freeze
            | Self::Lie
            | Self::SkewClock
            | Self::DriftClock
            | Self::Wipe => Section::Nodes,
            Self::Partition
            | Self::OneWay
            | Self::Delay
            | Self::DelayBy
            | Self::Loss
            | Self::NextLink => Section::Links,
            Self::Pause
            | Self::Tick
            | Self::Slower
            | Self::Faster
            | Self::RealTime
            | Self::AutoPace => Section::Clock,
            Self::Topologies
            | Self::ShowFile
            | Self::Redraw
            | Self::Suspend
            | Self::Quit
            | Self::Interrupt
            | Self::Yes => Section::Program,
            Self::FocusNext
            | Self::FocusBefore
            | Self::Focus(_)
            | Self::Up
            | Self::Down
            | Self::Left
            | Self::Right
            | Self::First
            | Self::Last
            | Self::PageUp
            | Self::PageDown
            | Self::Back
            | Self::Accept
            | Self::Complete => Section::Moving,
            _ => Section::Looking,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    #[test]
    fn every_action_of_the_table_has_a_word_of_its_own() {
        let mut words: BTreeMap<&str, Action> = BTreeMap::new();
        for row in TABLE {
            let word = row.action.word();
            assert!(!word.is_empty(), "{:?}", row.action);
            assert_eq!(*words.entry(word).or_insert(row.action), row.action, "`{word}` twice");
        }
        assert_eq!(Action::of_word("kill"), Some(Action::Kill));
        assert_eq!(Action::of_word("yes"), None, "the keys of dialogs are fixed");
    }
}
