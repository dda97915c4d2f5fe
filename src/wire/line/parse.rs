//! One line, or one chunk of a peer that does not end its lines, into messages.
//!
//! It is lenient in what it takes for padding and strict in what it takes for an answer: text that is no answer stays
//! text, because a guess would be an answer that nobody gave.

use super::{Decoded, Reads, WORD_BYTES_MAX};
use crate::message::{HostName, Message, Said};
use crate::topology::Dialect;
use std::net::IpAddr;
use std::sync::Arc;

/// Decodes the words of one line; `at` is the place in the stream where it was complete. Padding alone is nothing.
pub fn line(reads: Reads, dialect: Dialect, bytes: &[u8], at: u64, out: &mut Vec<Decoded>) {
    // Bytes that are no UTF-8 become U+FFFD: the line is then an unknown name, not an end of the conversation.
    let text = String::from_utf8_lossy(bytes);
    match reads {
        Reads::Questions => questions(&text, at, out),
        Reads::Answers => answer(dialect, &text, at, out),
    }
}

/// What separates words: white space, and the NULs with which programs fill their buffers.
fn is_padding(c: char) -> bool {
    c.is_ascii_whitespace() || c == '\0' || c == '\u{b}'
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(is_padding).filter(|word| !word.is_empty())
}

fn is_end(word: &str) -> bool {
    word.eq_ignore_ascii_case("done") || word.eq_ignore_ascii_case("endfile")
}

/// `@17`: a correlation id.
fn id_of(word: &str) -> Option<u64> {
    let digits = word.strip_prefix('@')?;
    // `parse` alone would take a plus sign.
    if digits.bytes().all(|byte| byte.is_ascii_digit()) { digits.parse().ok() } else { None }
}

/// `@17+`, `@17-`: what is said of a tied question.
fn mark_of(word: &str, mark: char) -> Option<u64> {
    word.strip_suffix(mark).and_then(id_of)
}

/// Every word is a question of its own: some programs write their whole list at once.
fn questions(text: &str, at: u64, out: &mut Vec<Decoded>) {
    let mut words = words(text).peekable();
    while let Some(mut word) = words.next() {
        if word.len() > WORD_BYTES_MAX {
            out.push(too_long_a_word(word));
            continue;
        }
        if let Some(id) = mark_of(word, '-') {
            out.push(Decoded::Message(Message::Cancel { id }, at));
            continue;
        }
        if let Some(id) = mark_of(word, '+')
            && let Some(name) = words.next_if(|next| next.len() <= WORD_BYTES_MAX)
        {
            let name = HostName::new(name);
            out.push(Decoded::Message(Message::AskTied { name, id }, at));
            continue;
        }
        let mut id = None;
        if let Some(number) = id_of(word)
            && let Some(name) = words.next_if(|next| next.len() <= WORD_BYTES_MAX)
        {
            id = Some(number);
            word = name;
        }
        let message = if id.is_none() && is_end(word) {
            Message::End
        } else {
            Message::Ask { name: HostName::new(word), id, dns: None }
        };
        out.push(Decoded::Message(message, at));
    }
}

fn too_long_a_word(word: &str) -> Decoded {
    let why = format!("a word of {} bytes is no host name", word.len());
    Decoded::Malformed(Arc::from(why))
}

fn answer(dialect: Dialect, text: &str, at: u64, out: &mut Vec<Decoded>) {
    let mut words = words(text).peekable();
    let Some(&first) = words.peek() else { return };
    if let (Some(id), 1) = (mark_of(first, '+'), self::words(text).count()) {
        out.push(Decoded::Message(Message::Began { id }, at));
        return;
    }
    if let Some(long) = self::words(text).find(|word| word.len() > WORD_BYTES_MAX) {
        out.push(too_long_a_word(long));
        return;
    }
    let id = id_of(first);
    if id.is_some() {
        words.next();
    }
    let rest: Vec<&str> = words.collect();
    let message = match reply(dialect, &rest) {
        Some((name, said)) => Message::Reply { name: name.map(HostName::new), id, said, dns: None },
        None if rest.len() == 1 && id.is_none() && is_end(rest[0]) => Message::End,
        None => Message::Text(Arc::from(self::words(text).collect::<Vec<_>>().join(" "))),
    };
    out.push(Decoded::Message(message, at));
}

/// The name an answer bears, if it bears one, and what it says.
fn reply<'a>(dialect: Dialect, words: &[&'a str]) -> Option<(Option<&'a str>, Said)> {
    let (&first, rest) = words.split_first()?;
    if dialect.is_nameless() {
        if rest.is_empty() && first.eq_ignore_ascii_case("other") {
            return Some((None, Said::Negative));
        }
        if words.iter().all(|word| is_address(word)) {
            // "1.2.3.4, 1.2.3.5" is one answer too.
            return Some((None, found(&words.concat(), "")));
        }
    }
    let (&second, rest) = rest.split_first()?;
    if let Some(glued) = second.strip_prefix('-') {
        return Some((Some(first), error_line(glued, rest)));
    }
    let is_answer = second.contains(|c: char| c.is_ascii_digit() || matches!(c, '.' | ':'))
        || matches!(rest.first(), Some(&"A" | &"AAAA" | &"CNAME"));
    is_answer.then(|| (Some(first), found(second, &rest.join(" "))))
}

fn found(address: &str, flags: &str) -> Said {
    Said::Found { address: Arc::from(address), flags: Arc::from(flags) }
}

/// What follows `name -`: our own words, or the course's in whatever spelling.
fn error_line(glued: &str, rest: &[&str]) -> Said {
    match (glued, rest) {
        ("", ["NEGATIVE"]) => Said::Negative,
        ("", ["FAILED", why @ ..]) => Said::Failed(Arc::from(why.join(" "))),
        _ => Said::NotFound,
    }
}

/// One address, or several with commas between them.
fn is_address(word: &str) -> bool {
    let mut any = false;
    for part in word.split(',').filter(|part| !part.is_empty()) {
        if part.parse::<IpAddr>().is_err() {
            return false;
        }
        any = true;
    }
    any
}
