//! The lines of a zone file in words: what brackets hold together, strings in quotes, comments left out. What the words
//! mean is not its business.

use crate::topology::problem::{Problems, Span};

/// A word of a line.
#[derive(Debug, Clone, Copy)]
pub(super) struct Token<'a> {
    pub text: &'a str,
    pub at: Span,
}

/// A line, over as many lines of the file as its brackets hold together.
#[derive(Debug, Default)]
pub(super) struct Entry<'a> {
    pub tokens: Vec<Token<'a>>,
    /// It begins with white space: the owner is that of the line before.
    pub indented: bool,
}

/// The lines of a text in words.
pub(super) fn entries<'a>(text: &'a str, source: u32, problems: &mut Problems) -> Vec<Entry<'a>> {
    let mut all = Vec::new();
    let mut entry = Entry::default();
    let mut open: Option<Span> = None;
    let mut start = 0;
    for line in text.split_inclusive('\n') {
        let span = |from: usize, to: usize| Span {
            source,
            start: u32::try_from(start + from).unwrap_or(u32::MAX),
            end: u32::try_from(start + to).unwrap_or(u32::MAX),
        };
        let line_text = line.trim_end_matches(['\n', '\r']);
        if open.is_none() {
            entry.indented = line_text.starts_with([' ', '\t']);
        }
        let bytes = line_text.as_bytes();
        let mut at = 0;
        while at < bytes.len() {
            match bytes[at] {
                b';' => break,
                b' ' | b'\t' => at += 1,
                b'(' | b')' => {
                    let opens = bytes[at] == b'(';
                    if opens == open.is_some() {
                        problems
                            .error(span(at, at + 1), "this bracket has no other")
                            .help("brackets go in pairs, and none stands inside another");
                    }
                    open = opens.then(|| span(at, at + 1));
                    at += 1;
                }
                b'"' => {
                    let from = at + 1;
                    let length = string_end(&line_text[from..]);
                    let to = length.map_or(bytes.len(), |length| from + length);
                    if length.is_none() {
                        problems
                            .error(span(at, to), "this string does not end on its line")
                            .help("close it with \"");
                    }
                    let text = &line_text[from..to];
                    entry.tokens.push(Token { text, at: span(at, to) });
                    at = to + 1;
                }
                _ => {
                    let rest = &line_text[at..];
                    let ends = |c: char| matches!(c, ' ' | '\t' | ';' | '(' | ')' | '"');
                    let to = at + rest.find(ends).unwrap_or(rest.len());
                    let text = &line_text[at..to];
                    entry.tokens.push(Token { text, at: span(at, to) });
                    at = to;
                }
            }
        }
        start += line.len();
        if open.is_none() {
            let done = std::mem::take(&mut entry);
            if !done.tokens.is_empty() {
                all.push(done);
            }
        }
    }
    if let Some(at) = open {
        problems.error(at, "this bracket is never closed").help("close it with `)`");
    }
    all
}

/// Where a string ends that began before: at the next quote that is not written `\"`.
fn string_end(text: &str) -> Option<usize> {
    let mut escaped = false;
    text.bytes().position(|byte| {
        let ends = byte == b'"' && !escaped;
        escaped = byte == b'\\' && !escaped;
        ends
    })
}
