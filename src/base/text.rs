//! Text made safe to show: the only way from a wire, a file or a person to a terminal, a log or a clipboard.
//!
//! Control, escape and bidirectional characters become visible and harmless; nothing here knows where text comes from.

use std::fmt::{self, Write as _};
use unicode_width::UnicodeWidthChar;

/// Marks that a letter may carry; more of them are a tower that covers the lines above.
const MARKS_MAX: usize = 2;

/// Text that may be written to a terminal: it holds no control, escape, bidirectional or invisible character, and
/// nothing of which two terminals count the columns differently.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Shown(String);

impl Shown {
    /// The safe form of any text. Harmless text comes out as it went in.
    #[must_use]
    pub fn new(raw: &str) -> Self {
        if raw.chars().all(is_harmless) {
            return Self(raw.to_owned());
        }
        let mut out = String::with_capacity(raw.len() + 16);
        // A mark at the beginning would sit on whatever stands before the text.
        let mut marks = MARKS_MAX;
        for c in raw.chars() {
            marks = if is_mark(c) { marks + 1 } else { 0 };
            match c {
                '\t' => out.push_str("\\t"),
                '\n' => out.push_str("\\n"),
                '\r' => out.push_str("\\r"),
                '\x1b' => out.push_str("\\e"),
                c if is_harmless(c) || (is_mark(c) && marks <= MARKS_MAX) => out.push(c),
                c if (c as u32) < 0x100 => push_code(&mut out, format_args!("\\x{:02x}", c as u32)),
                c => push_code(&mut out, format_args!("\\u{{{:x}}}", c as u32)),
            }
        }
        Self(out)
    }

    /// The safe form of bytes: UTF-8 where it is, `\xNN` where it is not.
    #[must_use]
    pub fn bytes(raw: &[u8]) -> Self {
        let mut out = String::with_capacity(raw.len());
        for chunk in raw.utf8_chunks() {
            out.push_str(&Self::new(chunk.valid()).0);
            for byte in chunk.invalid() {
                push_code(&mut out, format_args!("\\x{byte:02x}"));
            }
        }
        Self(out)
    }

    /// The same, cut to at most `columns` columns with `…` where something is missing.
    #[must_use]
    pub fn short(raw: &str, columns: usize) -> Self {
        let mut whole = Self::new(raw);
        if whole.columns() > columns {
            whole.0.truncate(whole.fitting(columns.saturating_sub(1)));
            if columns > 0 {
                whole.0.push('…');
            }
        }
        whole
    }

    /// Columns that it takes on a terminal.
    #[must_use]
    pub fn columns(&self) -> usize {
        self.0.chars().map(columns_of).sum()
    }

    /// How many of its bytes fit into so many columns, marks with their letters.
    #[must_use]
    pub fn fitting(&self, columns: usize) -> usize {
        let mut used = 0;
        let over = self.0.char_indices().find(|(_, c)| {
            used += columns_of(*c);
            used > columns
        });
        over.map_or(self.0.len(), |(at, _)| at)
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl From<Shown> for String {
    fn from(shown: Shown) -> Self {
        shown.0
    }
}

/// A word as a POSIX shell takes it back, safe to show.
#[must_use]
pub fn shell_word(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./=,:+@%".contains(c);
    let shown = Shown::new(word);
    if !word.is_empty() && word.chars().all(plain) {
        return shown.into();
    }
    format!("'{}'", shown.as_str().replace('\'', "'\\''"))
}

fn push_code(out: &mut String, code: fmt::Arguments<'_>) {
    out.write_fmt(code).expect("writing to a String cannot fail");
}

fn columns_of(c: char) -> usize {
    c.width().unwrap_or(0)
}

/// Characters that change nothing but the cells they stand in.
fn is_harmless(c: char) -> bool {
    c.is_ascii_graphic() || c == ' ' || (!c.is_control() && !is_unsafe(c) && !is_mark(c))
}

fn is_unsafe(c: char) -> bool {
    is_bidi_or_invisible(c) || is_counted_differently(c)
}

fn is_bidi_or_invisible(c: char) -> bool {
    matches!(
        c,
        '\u{00ad}'
            | '\u{034f}'
            | '\u{061c}'
            | '\u{115f}'..='\u{1160}'
            | '\u{17b4}'..='\u{17b5}'
            | '\u{180b}'..='\u{180f}'
            | '\u{200b}'..='\u{200f}'
            | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}'
            | '\u{3164}'
            | '\u{fe00}'..='\u{fe0f}'
            | '\u{feff}'
            | '\u{ffa0}'
            | '\u{fff9}'..='\u{fffb}'
            | '\u{1bca0}'..='\u{1bca3}'
            | '\u{1d173}'..='\u{1d17a}'
            | '\u{e0000}'..='\u{e0fff}'
    )
}

/// Halves of flags and tints of skin: some terminals join them with their neighbours, others do not, and then all
/// columns behind them are off.
fn is_counted_differently(c: char) -> bool {
    matches!(c, '\u{1f1e6}'..='\u{1f1ff}' | '\u{1f3fb}'..='\u{1f3ff}')
}

/// One mark on a letter is text; a tower of them is an attack on the screen.
fn is_mark(c: char) -> bool {
    columns_of(c) == 0 && !c.is_control() && !is_unsafe(c)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn harmless_text_is_left_alone() {
        for text in ["www.google.com", "Grüße, 世界", "a b"] {
            assert_eq!(Shown::new(text).as_str(), text);
        }
    }

    #[test]
    fn nothing_that_moves_a_cursor_or_turns_text_survives() {
        let hostile =
            "\x1b[2J\x1b]52;c;AAAA\x07\u{9b}31m\u{202e}abc\u{200b}\r\n\0e\u{301}\u{301}\u{301}";
        let shown = Shown::new(hostile);
        assert!(shown.as_str().chars().all(|c| !c.is_control() && !is_unsafe(c)), "{shown}");
        assert_eq!(shown.as_str().chars().filter(|c| is_mark(*c)).count(), MARKS_MAX);
        assert!(
            shown.as_str().starts_with("\\e[2J\\e]52;c;AAAA\\x07\\x9b31m\\u{202e}abc"),
            "{shown}"
        );
    }

    #[test]
    fn bytes_that_are_no_text_are_written_as_numbers() {
        assert_eq!(Shown::bytes(b"a\xff\x1bz").as_str(), "a\\xff\\ez");
    }

    #[test]
    fn a_short_form_never_exceeds_its_columns() {
        assert_eq!(Shown::short("abcdef", 4).as_str(), "abc…");
        assert_eq!(Shown::short("abc", 4).as_str(), "abc");
        assert_eq!(Shown::short("abc", 0).as_str(), "");
        assert_eq!(Shown::short("世界世界", 6).as_str(), "世界…");
        assert_eq!(Shown::short("世界世界", 5).as_str(), "世界…");
        assert_eq!(Shown::short("世界世界", 4).as_str(), "世…");
        assert_eq!(Shown::short("ab\u{301}cd", 3).as_str(), "ab\u{301}…");
    }

    /// What text of any script takes is what its letters take one by one: no terminal can see it otherwise.
    #[test]
    fn columns_are_those_of_the_letters() {
        for (text, shown, columns) in [
            ("世界", "世界", 4),
            ("é e\u{301}", "é e\u{301}", 3),
            ("กำ", "กำ", 2),
            ("👍🏽", "👍\\u{1f3fd}", 11),
            ("👩\u{200d}🔬", "👩\\u{200d}🔬", 12),
            ("❤\u{fe0f}", "❤\\u{fe0f}", 9),
            ("🇩🇪", "\\u{1f1e9}\\u{1f1ea}", 18),
        ] {
            let safe = Shown::new(text);
            assert_eq!((safe.as_str(), safe.columns()), (shown, columns), "{text}");
        }
    }

    #[test]
    fn marks_need_a_letter_and_make_no_tower() {
        assert_eq!(Shown::new("\u{301}a").as_str(), "\\u{301}a");
        for mark in ['\u{301}', '\u{e49}', '\u{610}', '\u{5b0}', '\u{93c}', '\u{20dd}'] {
            let tower = format!("a{}", mark.to_string().repeat(2000));
            let marks = Shown::new(&tower).as_str().chars().filter(|c| *c == mark).count();
            assert_eq!(marks, MARKS_MAX, "{}", mark.escape_unicode());
        }
    }
}
