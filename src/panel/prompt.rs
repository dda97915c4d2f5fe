//! A line that is being typed: text and cursor. It knows nothing of what it is for.

use std::ops::Range;

/// What may be typed into one line.
const TYPED_MAX: usize = 500;

/// A line with a cursor.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Prompt {
    text: String,
    /// Byte offset of the cursor, always on a character's border.
    at: usize,
    /// What is wrong with the line, shown under it.
    pub problem: Option<String>,
    /// Which bytes of the line are wrong.
    pub wrong: Option<Range<usize>>,
    /// The row of the list under the line that is picked.
    pub picked: Option<usize>,
}

impl Prompt {
    /// An empty line.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// A line that has this text already.
    #[must_use]
    pub fn with(text: &str) -> Self {
        Self { text: text.to_owned(), at: text.len(), ..Self::default() }
    }

    /// What was typed.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// What stands before the cursor.
    #[must_use]
    pub fn before(&self) -> &str {
        &self.text[..self.at]
    }

    /// What stands after the cursor.
    #[must_use]
    pub fn behind(&self) -> &str {
        &self.text[self.at..]
    }

    /// Types text at the cursor; line ends become spaces, other control characters are left out.
    pub fn insert(&mut self, text: &str) {
        for c in text.chars() {
            let c = if matches!(c, '\n' | '\r' | '\t') { ' ' } else { c };
            if c.is_control() || self.text.len() + c.len_utf8() > TYPED_MAX {
                continue;
            }
            self.text.insert(self.at, c);
            self.at += c.len_utf8();
        }
        self.touched();
    }

    /// Takes away the character before the cursor.
    pub fn backspace(&mut self) {
        if let Some(c) = self.before().chars().next_back() {
            self.at -= c.len_utf8();
            self.text.remove(self.at);
            self.touched();
        }
    }

    /// Takes away the character under the cursor.
    pub fn delete(&mut self) {
        if self.at < self.text.len() {
            self.text.remove(self.at);
            self.touched();
        }
    }

    /// One character to the left.
    pub fn left(&mut self) {
        self.at -= self.before().chars().next_back().map_or(0, char::len_utf8);
    }

    /// One character to the right.
    pub fn right(&mut self) {
        self.at += self.behind().chars().next().map_or(0, char::len_utf8);
    }

    /// To the beginning.
    pub fn home(&mut self) {
        self.at = 0;
    }

    /// To the end.
    pub fn end(&mut self) {
        self.at = self.text.len();
    }

    /// Replaces the word that ends at the cursor.
    pub fn replace_word(&mut self, start: usize, word: &str) {
        if start <= self.at && self.text.is_char_boundary(start) {
            self.text.replace_range(start..self.at, word);
            self.at = start + word.len();
            self.touched();
        }
    }

    fn touched(&mut self) {
        self.problem = None;
        self.wrong = None;
        self.picked = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn typing_moving_and_deleting_keep_to_characters() {
        let mut prompt = Prompt::with("kil");
        prompt.insert("l ü\n");
        prompt.left();
        prompt.left();
        prompt.backspace();
        assert_eq!((prompt.before(), prompt.behind()), ("kill", "ü "));
        prompt.home();
        prompt.left();
        prompt.delete();
        prompt.end();
        prompt.insert("\x1b[2J");
        assert_eq!(prompt.text(), "illü [2J");
        prompt.insert(&"x".repeat(9999));
        assert!(prompt.text().len() <= TYPED_MAX);
    }
}
