//! A run for reading along, by eye or by ear: what is typed at it, and what it says beside its events.
//!
//! It knows wording and standard input; the run itself is [`super::headless`]'s.

use crate::report::spoken;
use crate::world::World;
use std::io::IsTerminal;

/// How a run without a panel talks.
#[derive(Debug, Clone, Copy)]
pub struct Manner {
    /// Every event is a line.
    pub plain: bool,
    /// A person sits at standard input: they lead the lecture, and are spoken to.
    pub by_hand: bool,
    /// Only ASCII is written to standard output.
    pub ascii: bool,
}

impl Manner {
    /// How a run talks that was asked for with these flags.
    #[must_use]
    pub fn new(plain: bool, ascii: bool) -> Self {
        Self { plain, by_hand: plain && std::io::stdin().is_terminal(), ascii }
    }

    /// What is said in answer to a line that asks for words and not for an act of the lab.
    #[must_use]
    pub fn answer(self, line: &str, world: &World) -> Option<String> {
        if !self.plain {
            return None;
        }
        let mut words = line.split_whitespace();
        match (words.next()?, words.next(), words.next()) {
            ("help" | "?", verb, None) => Some(spoken::help(verb)),
            ("status", None, None) => Some(spoken::status(world)),
            ("why", None, None) => Some(spoken::why_of_the_last(world)),
            _ => None,
        }
    }

    /// Text as it goes to standard output.
    #[must_use]
    pub fn text(self, text: &str) -> String {
        if self.ascii { spoken::ascii(text) } else { text.to_owned() }
    }
}
