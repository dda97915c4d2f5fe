//! Names in a message that is written: what was written once is pointed at (RFC 1035, 4.1.4).

use super::plain::NAME_MAX;
use crate::message::HostName;

/// Names and ends of names that are remembered, to be pointed at.
const KNOWN_MAX: usize = 32;

/// What was written of names: each end of one is written once, and pointed at later (RFC 1035, 4.1.4).
pub(super) struct Written<'a> {
    /// Where the message begins.
    begin: usize,
    known: [(&'a str, u16); KNOWN_MAX],
    count: usize,
}

impl<'a> Written<'a> {
    /// Nothing yet, in a message that begins there.
    pub fn behind(begin: usize) -> Self {
        Self { begin, known: [("", 0); KNOWN_MAX], count: 0 }
    }

    /// Writes a name; nothing for one that has no place in a message, or needs an escape.
    pub fn write(&mut self, name: &'a HostName, out: &mut Vec<u8>) -> Option<()> {
        let mut rest = name.as_str();
        if rest.is_empty() || rest.len() > NAME_MAX || rest.contains('\\') {
            return None;
        }
        loop {
            let known = self.known[..self.count].iter().find(|(known, _)| *known == rest);
            if let Some((_, at)) = known {
                out.extend((0xc000 | at).to_be_bytes());
                return Some(());
            }
            let at = out.len() - self.begin;
            if self.count < KNOWN_MAX && at < 0x4000 {
                self.known[self.count] = (rest, at as u16);
                self.count += 1;
            }
            let (label, behind) = match rest.split_once('.') {
                Some((label, behind)) => (label, Some(behind)),
                None => (rest, None),
            };
            let length = u8::try_from(label.len()).ok().filter(|one| (1..=63).contains(one))?;
            out.push(length);
            out.extend_from_slice(label.as_bytes());
            let Some(behind) = behind else {
                out.push(0);
                return Some(());
            };
            rest = behind;
        }
    }
}
