//! Text made safe to show: the only way from a wire, a file or a person to a terminal, a log or a clipboard.
//!
//! Control, escape and bidirectional characters become visible and harmless; nothing here knows where text comes from.

use std::fmt::{self, Write as _};

/// Text that may be written to a terminal: it holds no control, escape, bidirectional or zero-width character.
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
        let mut marks = 0;
        for c in raw.chars() {
            marks = if is_combining(c) { marks + 1 } else { 0 };
            match c {
                '\t' => out.push_str("\\t"),
                '\n' => out.push_str("\\n"),
                '\r' => out.push_str("\\r"),
                '\x1b' => out.push_str("\\e"),
                c if is_harmless(c) || (is_combining(c) && marks == 1) => out.push(c),
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

    /// The same, cut to at most `columns` characters with `…` where something is missing.
    #[must_use]
    pub fn short(raw: &str, columns: usize) -> Self {
        let whole = Self::new(raw);
        if whole.0.chars().count() <= columns {
            return whole;
        }
        let mut out: String = whole.0.chars().take(columns.saturating_sub(1)).collect();
        if columns > 0 {
            out.push('…');
        }
        Self(out)
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

fn push_code(out: &mut String, code: fmt::Arguments<'_>) {
    out.write_fmt(code).expect("writing to a String cannot fail");
}

/// Characters that change nothing but the cell they stand in.
fn is_harmless(c: char) -> bool {
    !c.is_control() && !is_bidi_or_invisible(c) && !is_combining(c)
}

fn is_bidi_or_invisible(c: char) -> bool {
    matches!(
        c,
        '\u{00ad}'
            | '\u{061c}'
            | '\u{180e}'
            | '\u{200b}'..='\u{200f}'
            | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}'
            | '\u{fe00}'..='\u{fe0f}'
            | '\u{feff}'
            | '\u{fff9}'..='\u{fffb}'
            | '\u{e0000}'..='\u{e0fff}'
    )
}

/// One combining mark on a letter is text; a tower of them is an attack on the screen.
fn is_combining(c: char) -> bool {
    matches!(
        c,
        '\u{0300}'..='\u{036f}'
            | '\u{1ab0}'..='\u{1aff}'
            | '\u{1dc0}'..='\u{1dff}'
            | '\u{20d0}'..='\u{20ff}'
            | '\u{fe20}'..='\u{fe2f}'
    )
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
        assert!(
            shown.as_str().chars().all(|c| !c.is_control() && !is_bidi_or_invisible(c)),
            "{shown}"
        );
        assert_eq!(shown.as_str().chars().filter(|c| is_combining(*c)).count(), 1);
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
    }
}
