//! Messages into bytes, exactly as each dialect writes them.

use crate::message::{Message, Said};
use crate::topology::Dialect;

/// Writes one message. `framed`: with a line end, and with our own lines for what the course has no words for; without,
/// the course's error line stands for those. White space and NULs inside a word become `_`, because they would split
/// it.
pub fn encode(message: &Message, dialect: Dialect, framed: bool, out: &mut Vec<u8>) {
    match message {
        Message::Ask { name, id, .. } => {
            push_id(*id, out);
            push_word(name.as_str(), out);
        }
        Message::AskTied { name, id } => {
            push_mark(*id, '+', out);
            out.push(b' ');
            push_word(name.as_str(), out);
        }
        Message::Began { id } => push_mark(*id, '+', out),
        Message::Cancel { id } => push_mark(*id, '-', out),
        Message::Reply { name, id, said, .. } => {
            push_id(*id, out);
            let name = name.as_ref().map(crate::message::HostName::as_str);
            push_said(name, said, dialect, framed, out);
        }
        Message::End => out.extend_from_slice(b"done"),
        Message::Text(text) => push_text(text, out),
        Message::Operate { operation, .. } => push_text(&operation.to_string(), out),
        Message::Operated { said, .. } => push_text(&said.to_string(), out),
        // Replicas speak JSON to each other; `check` lets no link between them speak this.
        Message::Replica(_) => {}
    }
    if framed {
        out.push(b'\n');
    }
}

fn push_said(name: Option<&str>, said: &Said, dialect: Dialect, framed: bool, out: &mut Vec<u8>) {
    if let Said::Found { address, flags } = said {
        if let Some(name) = name {
            push_word(name, out);
            out.push(b' ');
        }
        push_word(address, out);
        if !flags.is_empty() {
            out.push(b' ');
            push_text(flags, out);
        }
        return;
    }
    let is_none = matches!(said, Said::Negative | Said::NoRecord);
    if name.is_none() && is_none {
        out.extend_from_slice(b"other");
        return;
    }
    push_word(name.unwrap_or("?"), out);
    out.extend_from_slice(b" - ");
    match said {
        _ if is_none && framed => out.extend_from_slice(b"NEGATIVE"),
        Said::Failed(why) if framed => {
            out.extend_from_slice(b"FAILED");
            if !why.is_empty() {
                out.push(b' ');
                push_text(why, out);
            }
        }
        _ => out.extend_from_slice(dialect.error_words().as_bytes()),
    }
}

fn push_id(id: Option<u64>, out: &mut Vec<u8>) {
    use std::io::Write as _;
    if let Some(id) = id {
        write!(out, "@{id} ").expect("writing to a Vec cannot fail");
    }
}

/// A correlation id with what is said of its question.
fn push_mark(id: u64, mark: char, out: &mut Vec<u8>) {
    use std::io::Write as _;
    write!(out, "@{id}{mark}").expect("writing to a Vec cannot fail");
}

fn splits(byte: u8) -> bool {
    byte.is_ascii_whitespace() || byte == 0 || byte == 0x0b
}

/// One word: nothing in it may look like its end.
fn push_word(word: &str, out: &mut Vec<u8>) {
    if word.is_empty() {
        out.push(b'?');
        return;
    }
    out.extend(word.bytes().map(|byte| if splits(byte) { b'_' } else { byte }));
}

/// Several words: nothing in them may look like the end of the line.
fn push_text(text: &str, out: &mut Vec<u8>) {
    out.extend(text.bytes().map(|byte| if splits(byte) { b' ' } else { byte }));
}
