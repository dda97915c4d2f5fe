//! Text that takes terminals over, hides, or turns text round; and the judge of whether any of it came through.

/// Each with its name.
pub const PAYLOADS: [(&str, &str); 20] = [
    ("clear the screen", "\x1b[2J\x1b[H"),
    ("window title", "\x1b]0;title\x07"),
    ("hyperlink", "\x1b]8;;http://h.example\x1b\\x\x1b]8;;\x1b\\"),
    ("clipboard", "\x1b]52;c;AAAA\x07"),
    ("device control", "\x1bP+q544e\x1b\\"),
    ("application command", "\x1b_Ga=T;AAAA\x1b\\"),
    ("full reset", "\x1bc"),
    ("cursor report", "\x1b[6n"),
    ("lone escape", "\x1b"),
    ("C1 sequence", "\u{9b}31m"),
    ("C1 command", "\u{9d}0;t\u{9c}"),
    ("bell", "\x07"),
    ("carriage return", "x\rcovered"),
    ("backspaces", "x\x08\x08y\x7f"),
    ("embeddings and overrides", "\u{202a}a\u{202b}b\u{202c}\u{202d}c\u{202e}d"),
    ("isolates", "\u{2066}a\u{2067}b\u{2068}c\u{2069}"),
    ("direction marks", "\u{200e}\u{200f}\u{61c}"),
    ("invisible", "a\u{200b}b\u{200d}c\u{2060}d\u{feff}e\u{ad}\u{e0041}\u{3164}"),
    ("line separators", "a\u{2028}b\u{2029}c\u{85}d"),
    ("tower of marks", TOWER),
];

/// Four kilobytes of marks on one letter.
const TOWER: &str = {
    const PAIRS: [u8; 4097] = {
        let mut bytes = [b'e'; 4097];
        let mut at = 1;
        while at < 4097 {
            // U+0301 and U+0E49 would do; the first is two bytes: 0xCC 0x81.
            bytes[at] = 0xcc;
            bytes[at + 1] = 0x81;
            at += 2;
        }
        bytes
    };
    match std::str::from_utf8(&PAIRS) {
        Ok(text) => text,
        Err(_) => panic!("it is text"),
    }
};

/// What of this text would do harm, if anything would. Line ends are harmless.
pub fn harm(text: &str) -> Option<String> {
    let mut marks = 0;
    for (at, c) in text.char_indices() {
        let is_mark = matches!(c, '\u{300}'..='\u{36f}');
        marks = if is_mark { marks + 1 } else { 0 };
        let bad = (c.is_control() && c != '\n')
            || marks > 2
            || matches!(
                c,
                '\u{ad}' | '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
                    | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{feff}' | '\u{e0000}'..='\u{e0fff}'
            );
        if bad {
            let from = text[..at].char_indices().rev().nth(30).map_or(0, |(at, _)| at);
            let around: String = text[from..].chars().take(60).collect();
            return Some(format!("U+{:04x} in {around:?}", c as u32));
        }
    }
    None
}
