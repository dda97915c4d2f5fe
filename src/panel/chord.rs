//! Keys by themselves: what a terminal reports, how a key is written on the screen, and how a person writes it in the
//! configuration. It knows nothing of what a key does.

use crossterm::event::{KeyCode, KeyEvent, KeyEventKind, KeyModifiers};

/// A key, with or without Control.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Chord {
    /// A character as it is typed.
    Char(char),
    /// Control and a letter.
    Ctrl(char),
    /// A key without a character.
    Key(Named),
    /// None: what is done so seldom is found by its name.
    Unbound,
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
    ShiftUp,
    ShiftDown,
    ShiftLeft,
    ShiftRight,
    Home,
    End,
    PageUp,
    PageDown,
}

/// Control and one of these is another key to a terminal: Backspace, Tab, Enter (twice).
const CONTROL_IS_ANOTHER_KEY: &str = "hijm";

/// The words for keys in the configuration, beside what is drawn for them where that differs.
const NAMED: [(&str, &str, Named); 16] = [
    ("Enter", "Enter", Named::Enter),
    ("Esc", "Esc", Named::Esc),
    ("Tab", "Tab", Named::Tab),
    ("Shift-Tab", "Shift-Tab", Named::BackTab),
    ("Up", "↑", Named::Up),
    ("Down", "↓", Named::Down),
    ("Left", "←", Named::Left),
    ("Right", "→", Named::Right),
    ("Shift-Up", "Shift-↑", Named::ShiftUp),
    ("Shift-Down", "Shift-↓", Named::ShiftDown),
    ("Shift-Left", "Shift-←", Named::ShiftLeft),
    ("Shift-Right", "Shift-→", Named::ShiftRight),
    ("Home", "Home", Named::Home),
    ("End", "End", Named::End),
    ("PgUp", "PgUp", Named::PageUp),
    ("PgDn", "PgDn", Named::PageDown),
];

impl Chord {
    /// The chord of a terminal's key event; none for releases and for keys that nobody uses.
    #[must_use]
    pub fn of(key: &KeyEvent) -> Option<Self> {
        if key.kind == KeyEventKind::Release || key.modifiers.contains(KeyModifiers::ALT) {
            return None;
        }
        let shift = key.modifiers.contains(KeyModifiers::SHIFT);
        let named = match key.code {
            KeyCode::Char(c) if key.modifiers.contains(KeyModifiers::CONTROL) => {
                return Some(Self::Ctrl(c.to_ascii_lowercase()));
            }
            KeyCode::Char(c) => return Some(Self::Char(c)),
            KeyCode::Enter => Named::Enter,
            KeyCode::Esc => Named::Esc,
            KeyCode::Tab => Named::Tab,
            KeyCode::BackTab => Named::BackTab,
            KeyCode::Up if shift => Named::ShiftUp,
            KeyCode::Down if shift => Named::ShiftDown,
            KeyCode::Left if shift => Named::ShiftLeft,
            KeyCode::Right if shift => Named::ShiftRight,
            KeyCode::Up => Named::Up,
            KeyCode::Down => Named::Down,
            KeyCode::Left => Named::Left,
            KeyCode::Right => Named::Right,
            KeyCode::Home => Named::Home,
            KeyCode::End => Named::End,
            KeyCode::PageUp => Named::PageUp,
            KeyCode::PageDown => Named::PageDown,
            _ => return None,
        };
        Some(Self::Key(named))
    }

    /// The same key without Shift, for an arrow: what it means where it means nothing of its own.
    #[must_use]
    pub const fn unshifted(self) -> Self {
        match self {
            Self::Key(Named::ShiftUp) => Self::Key(Named::Up),
            Self::Key(Named::ShiftDown) => Self::Key(Named::Down),
            Self::Key(Named::ShiftLeft) => Self::Key(Named::Left),
            Self::Key(Named::ShiftRight) => Self::Key(Named::Right),
            other => other,
        }
    }

    /// How the key is drawn.
    #[must_use]
    pub fn word(self) -> String {
        match self {
            Self::Char(' ') => "Space".into(),
            Self::Char(c) => c.to_string(),
            Self::Unbound => String::new(),
            Self::Ctrl(c) => format!("Ctrl-{}", c.to_ascii_uppercase()),
            Self::Key(named) => {
                let row = NAMED.iter().find(|row| row.2 == named);
                row.map_or_else(String::new, |row| row.1.to_owned())
            }
        }
    }

    /// The key that a person wrote: a character, `Space`, `Ctrl-L`, `PgDn`, without regard to the case of such words.
    ///
    /// # Errors
    /// What would be right.
    pub fn read(text: &str) -> Result<Self, String> {
        let named = NAMED.iter().find(|row| row.0.eq_ignore_ascii_case(text) || row.1 == text);
        if let Some(row) = named {
            return Ok(Self::Key(row.2));
        }
        let mut characters = text.chars();
        if let (Some(c), None) = (characters.next(), characters.next())
            && !c.is_control()
            && !c.is_whitespace()
        {
            return Ok(Self::Char(c));
        }
        let lower = text.to_ascii_lowercase();
        if lower == "space" {
            return Ok(Self::Char(' '));
        }
        if let Some(letter) = lower.strip_prefix("ctrl-") {
            return match letter.as_bytes() {
                [c] if CONTROL_IS_ANOTHER_KEY.contains(char::from(*c)) => Err(format!(
                    "a terminal cannot tell `Ctrl-{}` from another key",
                    char::from(*c).to_ascii_uppercase()
                )),
                [c] if c.is_ascii_lowercase() => Ok(Self::Ctrl(char::from(*c))),
                _ => Err("write `Ctrl-` and a letter, such as `Ctrl-T`".into()),
            };
        }
        let words: Vec<&str> = NAMED.iter().map(|row| row.0).collect();
        Err(format!("a key is a character, `Space`, `Ctrl-T` or one of: {}", words.join(", ")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_drawn_for_a_key_is_also_how_it_may_be_written() {
        let named = NAMED.iter().map(|row| Chord::Key(row.2));
        let others = [Chord::Char('x'), Chord::Char(' '), Chord::Char('ü'), Chord::Ctrl('t')];
        for chord in named.chain(others) {
            assert_eq!(Chord::read(&chord.word()), Ok(chord));
        }
        assert_eq!(Chord::read("pgdn"), Ok(Chord::Key(Named::PageDown)));
        for wrong in ["", "  ", "xy", "Ctrl-", "Ctrl-I", "Ctrl-€", "\u{1b}", "Hyper-x"] {
            assert!(Chord::read(wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn an_arrow_with_shift_is_another_key() {
        let event = |modifiers| KeyEvent::new(KeyCode::Left, modifiers);
        let shifted = Chord::of(&event(KeyModifiers::SHIFT));
        assert_eq!(shifted, Some(Chord::Key(Named::ShiftLeft)));
        assert_eq!(shifted, Chord::read("shift-left").ok());
        assert_eq!(shifted.map(Chord::unshifted), Chord::of(&event(KeyModifiers::NONE)));
    }

    #[test]
    fn a_key_counts_once_where_a_terminal_also_reports_its_release() {
        let event = |kind| KeyEvent::new_with_kind(KeyCode::Char('x'), KeyModifiers::NONE, kind);
        assert_eq!(Chord::of(&event(KeyEventKind::Press)), Some(Chord::Char('x')));
        assert_eq!(Chord::of(&event(KeyEventKind::Release)), None);
    }
}
